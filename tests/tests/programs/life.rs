//! What happens around a program: deadlines, several runs at once, workers that come and go, swaps, the end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use black_box::shelf::{Shelf, version};
use black_box::{Gate, Init, LIMIT, Launch, Runner, at_once, fixtures, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{how, looped, mute, sdk, sent_to};

fn gated(gate: &Gate) -> Value {
    json!({ "how": "gate", "port": gate.port() })
}

/// The keeper ends the worker, and the program goes with it.
#[test]
fn past_its_deadline() {
    for program in [sdk(), looped(), mute()] {
        let launch = Launch::empty().args(&["--timeout", "300ms", "--grace", "50ms"]);
        let runner = sent_to(launch, &program);
        let gate = Gate::open();
        for _ in 0..3 {
            let reply = runner.run(&gated(&gate));
            let sentence = "The action exceeded its time limits of 300 milliseconds.";
            reply.assert_error(502, sentence);
            gate.arrival().gone();
            let value = json!({ "after": 1 });
            runner.run(&value).assert_ok(&value);
        }
        runner.until_tree(|tree| tree.len() <= 4 && tree.iter().all(|it| it.state != 'Z'));
        runner.finish().assert_ended(6);
    }
}

/// The worker is killed by somebody else: so is the program, and both are there again for the next.
#[test]
fn a_killed_worker() {
    for program in [sdk(), looped()] {
        let runner = sent_to(Launch::empty(), &program);
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let unlucky = scope.spawn(|| runner.run(&gated(&gate)));
            let mut visit = gate.arrival();
            let program = processes::process(visit.pid).unwrap();
            processes::signal(program.parent, Signal::KILL);
            unlucky.join().unwrap().assert_names(502, &["killed"]);
            visit.gone();
        });
        let value = json!({ "after": 1 });
        runner.run(&value).assert_ok(&value);
        runner.finish().assert_ended(2);
    }
}

#[test]
fn serial_by_default() {
    for program in [sdk(), looped()] {
        let runner = sent_to(Launch::empty(), &program);
        at_once(8, |caller| {
            for round in 0..5 {
                let value = json!({ "caller": caller, "round": round });
                runner.run(&value).assert_ok(&value);
            }
        });
        let logs = runner.finish();
        logs.assert_ended(40);
        assert_eq!(logs.out(), ["hello stdout"; 40].join("\n"));
    }
}

/// A process for each run: all of them stand at the gate together.
#[test]
fn several_programs_at_once() {
    let runner = sent_to(Launch::empty().args(&["--concurrency", "8"]), &sdk());
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| runner.run(&gated(&gate))))
            .collect();
        let mut visits: Vec<_> = runs.iter().map(|_| gate.arrival()).collect();
        visits.iter_mut().for_each(black_box::gate::Visit::release);
        for run in runs {
            run.join().unwrap().assert_ok(&gated(&gate));
        }
    });
    // All of them at once again, and the worker is killed.
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| runner.run(&gated(&gate))))
            .collect();
        let mut visits: Vec<_> = runs.iter().map(|_| gate.arrival()).collect();
        let worker = processes::process(visits[0].pid).unwrap().parent;
        processes::signal(worker, Signal::KILL);
        visits.iter_mut().for_each(black_box::gate::Visit::gone);
        for run in runs {
            let reply = run.join().unwrap();
            assert!(matches!(reply.status, 502 | 503), "{reply}");
        }
    });
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.until_tree(|tree| tree.len() == 3);
    runner.finish().assert_ended(17);
}

/// One process, for which callers wait in turn. It outlives the thread on which it was started: those come and go.
#[test]
fn a_loop_with_several_callers() {
    let runner = sent_to(Launch::empty().args(&["--concurrency", "8"]), &looped());
    // The next one is started in a run.
    runner.run(&how("exit")).assert_status(502);
    let count = || {
        let seen = runner.run(&how("count")).assert_status(200).json();
        let number = |key: &str| seen[key].as_i64().unwrap();
        (number("count"), i32::try_from(number("pid")).unwrap())
    };
    let (_, program) = count();
    at_once(8, |caller| {
        for round in 0..5 {
            let value = json!({ "caller": caller, "round": round });
            runner.run(&value).assert_ok(&value);
        }
    });
    let worker = processes::process(program).unwrap().parent;
    let threads = || {
        fs::read_dir(format!("/proc/{worker}/task"))
            .unwrap()
            .count()
    };
    let begun = Instant::now();
    let most = threads();
    while threads() == most {
        assert!(begun.elapsed() < LIMIT, "no thread of {most} ends");
        std::thread::sleep(std::time::Duration::from_millis(50)); // the runtime lets them go when it likes
    }
    assert_eq!(count(), (42, program));
    runner.finish().assert_ended(43);
}

/// What answers: a library by its version, a program by what it is.
fn who(runner: &Runner) -> String {
    let reply = runner.run(&how("line")).assert_status(200).json();
    let version = reply["version"].as_u64();
    match (version, reply.get("value")) {
        (Some(version), _) => format!("library {version}"),
        (None, Some(_)) => "loop".to_owned(),
        (None, None) => "sdk".to_owned(),
    }
}

fn until(runner: &Runner, expected: &str) {
    let begun = Instant::now();
    while who(runner) != expected {
        assert!(begun.elapsed() < LIMIT, "{expected} does not answer");
    }
}

/// In place of each other, by rename, with and without the permission to execute: until the signal nothing changes.
#[test]
fn swapped_by_a_signal() {
    let shelf = Shelf::with(&looped());
    let runner = Launch::baked(&shelf.library).start();
    let echo = fixtures::program("sdk", &["-DECHO"]);
    let kinds: [(&Path, &str); 5] = [
        (&version(1), "library 1"),
        (&echo, "sdk"),
        (&version(2), "library 2"),
        (&looped(), "loop"),
        (&echo, "sdk"),
    ];
    let mut before = "loop";
    assert_eq!(who(&runner), before);
    for (generation, (file, name)) in kinds.into_iter().enumerate() {
        shelf.put(file);
        if generation % 2 == 0 {
            fs::set_permissions(&shelf.library, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(who(&runner), before, "before the signal");
        runner.signal(Signal::HUP);
        let line = format!("action-runner: generation {}, ", generation + 2);
        runner.stderr.until_text(&line);
        until(&runner, name);
        before = name;
    }
    // One that will not do leaves the program serving.
    shelf.put_bytes(b"no action");
    runner.signal(Signal::HUP);
    runner.stderr.until_text("goes on serving");
    assert_eq!(who(&runner), "sdk");
    runner.until_tree(|tree| tree.len() == 3);
}

/// Nobody notices, whatever takes the place of what.
#[test]
fn swapped_under_load() {
    let shelf = Shelf::with(&sdk());
    let runner = Launch::baked(&shelf.library).arg("--watch").start();
    let echo = fixtures::c("identity");
    let files = [looped(), echo.clone(), sdk(), mute(), echo];
    at_once(4, |caller| {
        if caller > 0 {
            for round in 0..60 {
                let value = json!({ "caller": caller, "round": round });
                runner.run(&value).assert_ok(&value);
            }
            return;
        }
        for (generation, file) in files.iter().enumerate() {
            shelf.put(file);
            let line = format!("action-runner: generation {}, ", generation + 2);
            runner.stderr.until_text(&line);
        }
    });
    runner.finish();
}

/// A run under way is finished by the program that it began with.
#[test]
fn the_old_one_finishes_its_run() {
    for program in [sdk(), looped()] {
        let shelf = Shelf::with(&program);
        let runner = Launch::baked(&shelf.library).start();
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| runner.run(&gated(&gate)));
            let mut visit = gate.arrival();
            shelf.put(&version(1));
            runner.signal(Signal::HUP);
            runner.stderr.until_text("generation 2, ");
            until(&runner, "library 1");
            visit.release();
            slow.join().unwrap().assert_ok(&gated(&gate));
        });
        runner.until_tree(|tree| tree.len() == 3);
    }
}

/// SIGTERM lets a run be finished; a loop that waits for the next one goes with the runner.
#[test]
fn the_end() {
    for program in [sdk(), looped()] {
        let mut runner = sent_to(Launch::empty(), &program);
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| runner.run(&gated(&gate)));
            let mut visit = gate.arrival();
            runner.signal(Signal::TERM);
            visit.release();
            run.join().unwrap().assert_ok(&gated(&gate));
        });
        assert_eq!(runner.exit_status().code(), Some(0));
        runner.until_tree(<[_]>::is_empty);
    }
    // Past the grace it is ended.
    let runner = sent_to(Launch::empty().args(&["--grace", "100ms"]), &looped());
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&gated(&gate)));
        let mut visit = gate.arrival();
        runner.signal(Signal::TERM);
        visit.gone();
        run.join().unwrap().assert_status(502);
    });
    runner.until_tree(<[_]>::is_empty);
}

/// A worker that is replaced after each run starts its loop anew, and nothing is left of the one before.
#[test]
fn workers_come_and_go() {
    let runner = Launch::empty().args(&["--max-runs", "1"]).start();
    runner.init(&Init::library(&looped())).assert_status(200);
    for round in 0..10 {
        let value = json!({ "round": round });
        runner.run(&value).assert_ok(&value);
    }
    runner.until_tree(|tree| tree.len() == 4);
    runner.finish().assert_ended(10);
}
