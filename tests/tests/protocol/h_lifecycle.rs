//! Group H: several runs at once, start and end, and limits of the container.

use black_box::{Gate, Init, Launch, Runner, fixtures, launch::allowed, processes};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn case_166_signals_while_idle() {
    for signal in [Signal::TERM, Signal::INT] {
        for runner in [Runner::empty(), Runner::with("identity")] {
            let mut runner = runner;
            let open = runner.connect();
            runner.signal(signal);
            let status = runner.exit_status();
            assert_eq!(status.code(), Some(0), "{signal:?}: {status}");
            runner.until_tree(<[_]>::is_empty);
            drop(open);
        }
    }
}

#[test]
fn case_167_sigterm_in_the_middle_of_a_run() {
    let mut runner = Launch::empty().arg("--grace").arg("15s").start();
    runner.init(&Init::of("gate")).assert_status(200);
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&json!({ "port": gate.port(), "id": 1 })));
        let mut visit = gate.arrival();
        runner.signal(Signal::TERM);
        visit.release();
        assert_eq!(run.join().unwrap().assert_status(200).json()["id"], 1);
    });
    // Not `finish`, which would send a second signal, perhaps before the worker has noted that the answer is sent.
    assert_eq!(runner.exit_status().code(), Some(0));
    runner.until_tree(<[_]>::is_empty);
    runner.stdout.until_sentinels(1);
}

/// As process 1 of its own namespace: SIGTERM works without a handler's help from outside, orphans are reaped.
#[test]
fn case_168_process_1() {
    let namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !allowed(&namespace) {
        return;
    }
    let runner = Launch::baked(&fixtures::c("fork"))
        .under(&namespace)
        .start();
    for _ in 0..5 {
        runner
            .run(&json!({ "how": "exit", "count": 3 }))
            .assert_ok(&json!({ "parent": true }));
    }
    let master = processes::children(runner.pid())[0].pid;
    runner.until_tree(|tree| tree.iter().all(|process| process.state != 'Z'));
    processes::signal(master, Signal::TERM);
    runner.until_tree(<[_]>::is_empty);
}

/// Frozen for longer than any limit: time that nobody could use does not count.
#[test]
fn case_169_frozen_and_thawed() {
    let runner = Launch::empty()
        .args(&["--timeout", "500ms", "--grace", "100ms"])
        .start();
    runner.init(&Init::of("gate")).assert_status(200);
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&json!({ "port": gate.port() })));
        let mut visit = gate.arrival();
        for process in runner.tree() {
            processes::signal(process.pid, Signal::STOP);
        }
        std::thread::sleep(std::time::Duration::from_millis(1500)); // the case itself: time passes
        for process in runner.tree() {
            processes::signal(process.pid, Signal::CONT);
        }
        visit.release();
        run.join().unwrap().assert_status(200);
    });
    runner.finish().assert_ended(1);
}

/// No limit was given that has passed: the runner leaves the run alone. Killing it leaves nothing behind.
#[test]
fn case_170_killed_in_the_middle_of_a_run() {
    let mut runner = Runner::with("gate");
    let gate = Gate::open();
    let body = json!({ "value": { "port": gate.port() } }).to_string();
    let mut connection = runner.connect();
    connection.send(&black_box::http::request(
        "POST",
        "/run",
        &[],
        body.as_bytes(),
    ));
    let mut visit = gate.arrival();
    runner.signal(Signal::KILL);
    runner.exit_status();
    visit.gone();
    runner.until_tree(<[_]>::is_empty);
}

/// The deadline of the request counts, with the grace. One that lies in the past harms no run that is quick, and gives
/// none that is not more than the usual limit.
#[test]
fn case_171_deadlines() {
    let runner = Launch::empty()
        .args(&["--timeout", "2s", "--grace", "50ms"])
        .start();
    runner.init(&Init::of("die")).assert_status(200);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    for deadline in ["123".to_owned(), (now + 200).to_string()] {
        let reply = runner.run_with(&json!({ "how": "sleep" }), &json!({ "deadline": deadline }));
        reply.assert_names(
            502,
            &["The action exceeded its time limits of", "milliseconds"],
        );
        runner
            .run_with(&json!({}), &json!({ "deadline": "123" }))
            .assert_status(200);
    }
    runner.finish().assert_ended(4);
}

#[test]
fn case_177_two_containers() {
    let runners = [Runner::with("state"), Runner::with("identity")];
    runners[0].run(&json!({})).assert_ok(&json!({ "count": 1 }));
    runners[1]
        .run(&json!({ "a": 1 }))
        .assert_ok(&json!({ "a": 1 }));
    runners[0].run(&json!({})).assert_ok(&json!({ "count": 2 }));
}

#[test]
fn case_178_a_minute_between_start_and_init() {
    let runner = Runner::empty();
    let mut probe = runner.connect();
    std::thread::sleep(std::time::Duration::from_secs(61)); // the case itself: time passes
    runner.init(&Init::of("identity")).assert_status(200);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    assert!(probe.finish().closed());
}

#[test]
fn case_179_started_anew() {
    for _ in 0..2 {
        let waiting = Runner::empty();
        waiting
            .run(&json!({}))
            .assert_error(500, "no action defined yet");
        let baked = Launch::baked(&fixtures::c("state")).start();
        baked.run(&json!({})).assert_ok(&json!({ "count": 1 }));
    }
}

#[test]
fn case_180_single_entry_point_only_when_asked_for() {
    let runner = Runner::with("identity");
    runner
        .post("/", r#"{"init":{},"activation":{},"value":{"a":1}}"#)
        .assert_status(404);
    runner.finish().assert_silent(0);
}
