//! A container that is paused, for longer than any limit, and goes on: nobody is killed for time that did not pass for it.

use std::time::Duration;

use black_box::shelf::version;
use black_box::{Gate, Group, Init, Launch, Runner, Shelf, fixtures, processes};
use rustix::process::Signal;
use serde_json::json;

/// Longer than the limit and the grace of the runners here together.
const PAUSE: Duration = Duration::from_millis(1200);

fn launch() -> Launch {
    Launch::empty().args(&["--timeout", "400ms", "--grace", "200ms"])
}

/// Ways to freeze what a runner consists of.
enum Freezer {
    Signals,
    Group(Group),
}

impl Freezer {
    /// Each way that this machine has, with a runner that can be frozen that way.
    fn each() -> Vec<Self> {
        let group = Group::freezer().map(Self::Group);
        std::iter::once(Self::Signals).chain(group).collect()
    }

    fn start(&self, launch: Launch) -> Runner {
        match self {
            Self::Signals => launch.start(),
            Self::Group(group) => launch.under(&group.words()).start(),
        }
    }

    fn pause(&self, runner: &Runner) {
        match self {
            Self::Signals => all(runner, Signal::STOP),
            Self::Group(group) => group.freeze(),
        }
        std::thread::sleep(PAUSE); // the case itself: time passes
        match self {
            Self::Signals => all(runner, Signal::CONT),
            Self::Group(group) => group.thaw(),
        }
    }
}

fn all(runner: &Runner, signal: Signal) {
    for process in runner.tree() {
        processes::signal(process.pid, signal);
    }
}

#[test]
fn in_a_run() {
    for freezer in Freezer::each() {
        let runner = freezer.start(launch());
        runner.init(&Init::of("gate")).assert_status(200);
        let workers = processes::workers(runner.pid());
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| runner.run(&json!({ "port": gate.port() })));
            let mut visit = gate.arrival();
            freezer.pause(&runner);
            visit.release();
            run.join().unwrap().assert_status(200);
        });
        assert_eq!(processes::workers(runner.pid()), workers);
        runner.finish().assert_ended(1);
    }
}

#[test]
fn in_init() {
    for freezer in Freezer::each() {
        let runner = freezer.start(launch());
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let init = Init::of("slowinit").env(json!({ "GATE": gate.port().to_string() }));
            let runner = &runner;
            let run = scope.spawn(move || runner.init(&init));
            let mut visit = gate.arrival();
            freezer.pause(runner);
            visit.release();
            run.join().unwrap().assert_status(200);
        });
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish().assert_silent(1);
    }
}

/// With a kept connection, half a request on another, and nothing under way.
#[test]
fn while_idle() {
    for freezer in Freezer::each() {
        let runner = freezer.start(launch().args(&["--read-timeout", "500ms"]));
        runner.init(&Init::of("state")).assert_status(200);
        let mut kept = runner.connect();
        let body = br#"{"value":{}}"#;
        kept.post("/run", body).assert_ok(&json!({ "count": 1 }));
        let mut half = runner.connect();
        let bytes = black_box::http::request("POST", "/run", &[], body);
        half.send(&bytes[..30]);
        freezer.pause(&runner);
        half.send(&bytes[30..]);
        half.reply().assert_ok(&json!({ "count": 2 }));
        kept.post("/run", body).assert_ok(&json!({ "count": 3 }));
        runner.finish().assert_silent(3);
    }
}

/// While a new library is being loaded beside the old one.
#[test]
fn in_a_swap() {
    for freezer in Freezer::each() {
        let shelf = Shelf::with(&version(1));
        let gate = Gate::open();
        let arguments = ["--timeout", "400ms", "--grace", "200ms"];
        let launch = Launch::baked(&shelf.library).args(&arguments);
        let runner = freezer.start(launch.env("GATE", &gate.port().to_string()));
        shelf.put(&fixtures::c("slowinit"));
        runner.signal(Signal::HUP);
        let mut visit = gate.arrival();
        freezer.pause(&runner);
        visit.release();
        runner.stderr.until_text("action-runner: generation 2, ");
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish();
    }
}

/// Frozen after SIGTERM, in the middle of the last run: it is finished all the same.
#[test]
fn while_shutting_down() {
    for freezer in Freezer::each() {
        let mut runner = freezer.start(Launch::empty().args(&["--grace", "600ms"]));
        runner.init(&Init::of("gate")).assert_status(200);
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| runner.run(&json!({ "port": gate.port() })));
            let mut visit = gate.arrival();
            runner.signal(Signal::TERM);
            freezer.pause(&runner);
            visit.release();
            run.join().unwrap().assert_status(200);
        });
        assert_eq!(runner.exit_status().code(), Some(0));
        runner.until_tree(<[_]>::is_empty);
    }
}
