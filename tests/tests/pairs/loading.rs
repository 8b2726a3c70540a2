//! A process loads one action, once, in the environment that it finds, and for as long as its limit says.

use std::time::{Duration, Instant};

use black_box::{Gate, Init, Launch, Runner, at_once, fixtures, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

/// With several workers, and several runs at once in each, `init` runs once in a process and beside no run.
#[test]
fn once_in_a_process() {
    for (workers, runs) in [("1", "8"), ("2", "8"), ("3", "1")] {
        let runner = Launch::empty()
            .args(&["--workers", workers, "--concurrency", runs])
            .start();
        runner.init(&Init::of("countinit")).assert_status(200);
        let answers = at_once(24, |_| runner.run(&json!({})).json());
        for answer in answers {
            assert_eq!(
                answer,
                json!({ "inits": 1, "beside": 0 }),
                "{workers} × {runs}"
            );
        }
        runner.finish();
    }
}

/// A limit is granted in full, also after a pause.
#[test]
fn limits_are_granted() {
    let runner = Launch::baked(&fixtures::c("sleep"))
        .args(&["--timeout", "300ms", "--grace", "0"])
        .start();
    for pause in [0, 20, 45, 70, 700] {
        runner.run(&json!({})).assert_status(200);
        std::thread::sleep(Duration::from_millis(pause)); // the case itself: the keeper's clock has slept
        let begun = Instant::now();
        runner
            .run(&json!({ "ms": 20_000 }))
            .assert_names(502, &["time limits of 300 milliseconds"]);
        let took = begun.elapsed();
        assert!(
            took >= Duration::from_millis(300),
            "{took:?} after {pause} ms"
        );
    }
    runner.finish();
}

/// Threads of the library that read the environment are not crashed by the runner's own changes of it.
#[test]
fn beside_threads_that_read_the_environment() {
    let many: Value = (0..3000)
        .map(|number| (format!("V{number}"), json!("xxxxxxxxxxxxxxxx")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let runner = Launch::baked(&fixtures::c("readenv")).start();
    runner
        .post("/init", json!({ "value": { "env": many } }).to_string())
        .assert_ok(&json!({ "ok": true }));
    for number in 0..300 {
        let id = format!("id-{number}");
        let extra = json!({ "activation_id": id, format!("other{number}"): "x" });
        runner
            .run_with(&json!({}), &extra)
            .assert_ok(&json!({ "id": id }));
    }
    runner.finish();
}

/// An `/init` without code for a library that is loaded already: its environment is there, or it is refused and the old one
/// serves on, also after a death.
#[test]
fn the_environment_of_a_named_library() {
    let kill = |runner: &Runner| {
        for worker in processes::workers(runner.pid()) {
            processes::signal(worker, Signal::KILL);
        }
    };
    let runner = Launch::baked(&fixtures::c("initfail"))
        .env("FAIL", "none")
        .start();
    let refuse = json!({ "value": { "env": { "FAIL": "error" } } }).to_string();
    runner
        .post("/init", &refuse)
        .assert_names(502, &["the database is away"]);
    for _ in 0..2 {
        runner.run(&json!({})).assert_status(200);
        kill(&runner);
    }
    let runner = Launch::baked(&fixtures::c("env")).start();
    let accept = json!({ "value": { "env": { "SOME_VAR": "xyz" } } }).to_string();
    runner
        .post("/init", &accept)
        .assert_ok(&json!({ "ok": true }));
    for _ in 0..2 {
        let seen = runner.run(&json!({})).assert_status(200).json();
        assert_eq!(seen["SOME_VAR"], "xyz");
        kill(&runner);
    }
}

/// A slow `ready` delays no run.
#[test]
fn beside_a_ready_that_takes_its_time() {
    let gate = Gate::open();
    let runner = Launch::baked(&fixtures::c("gatedready"))
        .args(&["--admin", "127.0.0.1:0"])
        .env("GATE", &gate.port().to_string())
        .start();
    // The first is answered before anybody is served; the second waits at the gate.
    let _visit = gate.arrival();
    for _ in 0..50 {
        runner.run(&json!({})).assert_status(200);
    }
}

/// What lies where the library was may be anything: nobody waits for it.
#[test]
fn whatever_lies_there() {
    let shelf = black_box::shelf::Shelf::with(&fixtures::c("identity"));
    let mut runner = Launch::baked(&shelf.library).start();
    for number in 0..3 {
        std::fs::remove_file(&shelf.library).unwrap();
        match number {
            0 => rustix::fs::mknodat(
                rustix::fs::CWD,
                &shelf.library,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR,
                0,
            )
            .unwrap(),
            1 => {
                let file = std::fs::File::create(&shelf.library).unwrap();
                file.set_len(6 << 30).unwrap();
            }
            _ => std::os::unix::fs::symlink("/dev/zero", &shelf.library).unwrap(),
        }
        runner.signal(Signal::HUP);
        runner
            .stderr
            .take_line("action-runner: generation 1 goes on serving")
            .unwrap();
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    }
    runner.signal(Signal::TERM);
    assert_eq!(runner.exit_status().code(), Some(0));
}
