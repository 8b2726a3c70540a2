//! The log of a run that died: all that it had written, and one end mark on each stream.

use std::fs::File;

use black_box::{Gate, Launch, Runner, SENTINEL, fixtures};
use serde_json::{Value, json};

/// What the fixture prints before it dies, and the end of its log.
fn expected(bytes: usize, last: &str) -> String {
    let lines = (0..bytes).step_by(64).map(|done| format!("{done:062}.\n"));
    lines.collect::<String>() + last + "\n" + SENTINEL + "\n"
}

#[track_caller]
fn assert_same(found: &[u8], expected: &str) {
    let found = String::from_utf8_lossy(found);
    let differs = found
        .lines()
        .zip(expected.lines())
        .position(|(a, b)| a != b);
    assert!(
        found == expected,
        "{} bytes instead of {}; the first other line is {differs:?}",
        found.len(),
        expected.len()
    );
}

/// Little, as much as a pipe holds, and much more: nothing is lost, nothing comes twice.
#[test]
fn it_is_complete() {
    let runner = Runner::with("die");
    let sizes = [64, 4096, 60_000, 64 << 10, 1 << 20];
    let (mut out, mut err) = (String::new(), String::new());
    for how in [
        "segv",
        "exit",
        "rawexit",
        "kill",
        "stackoverflow",
        "exit_thread",
    ] {
        for bytes in sizes {
            runner
                .run(&json!({ "how": how, "bytes": bytes }))
                .assert_status(502);
            out += &expected(bytes, "about to die");
            err += &expected(bytes, "last words");
        }
    }
    let logs = runner.finish();
    assert_same(&logs.stdout, &out);
    assert_same(&logs.stderr, &err);
}

/// One run prints and dies while others print and live: each log has its own lines.
#[test]
fn it_keeps_to_itself() {
    let runner = Runner::with("die");
    let value = |bytes: usize, round: usize| json!({ "bytes": bytes, "round": round });
    let mut out = String::new();
    for round in 0..20 {
        let bytes = 64 * (1 + round * 97);
        let live = value(bytes, round);
        runner.run(&live).assert_ok(&live);
        out += &expected(bytes, "").replace("\n\n", "\n");
        let dead = json!({ "how": "abort", "bytes": bytes });
        runner.run(&dead).assert_names(502, &["SIGABRT"]);
        out += &expected(bytes, "about to die");
    }
    assert_same(&runner.finish().stdout, &out);
}

/// A child that outlives the run that made it, and prints for ever: the log is ended all the same, by whoever has to.
#[test]
fn somebody_goes_on_printing() {
    for how in ["child and die", "child", "print"] {
        let runner = Launch::baked(&fixtures::c("disturb")).start();
        let status = if how == "child and die" { 502 } else { 200 };
        runner.run(&json!({ "how": how })).assert_status(status);
        for round in 0..3 {
            let value: Value = json!({ "how": "nothing", "round": round });
            runner.run(&value).assert_status(200);
        }
        runner.stdout.until_sentinels(4);
        runner.stderr.until_sentinels(4);
    }
}

/// The worker is killed at any moment of runs that print: each has one end mark on each stream, and an answer.
#[test]
fn killed_at_any_moment() {
    let gate = Gate::open();
    let runner = Runner::with("die");
    let mut runs = 0;
    for round in 0..40 {
        let plan = json!({ "how": "kill", "idle": 1, "port": gate.port() });
        runner.run(&plan).assert_ok(&plan);
        runs += 1;
        let mut visit = gate.arrival();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| runner.run(&json!({ "bytes": 64 * 64 * round })));
            visit.release();
            match run.join().unwrap().status {
                200 | 502 => runs += 1,
                // It was just being read: it never ran.
                status => assert_eq!(status, 503),
            }
        });
        visit.gone();
    }
    runner.finish().assert_ended(runs);
}

/// A log that cannot be written is lost; the runs are not.
#[test]
fn a_full_disk() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return;
    };
    let runner = Launch::baked(&fixtures::c("die")).start_into(full);
    for _ in 0..3 {
        let value = json!({ "bytes": 4096 });
        runner.run(&value).assert_ok(&value);
        runner
            .run(&json!({ "how": "segv", "bytes": 100_000 }))
            .assert_names(502, &["SIGSEGV"]);
    }
    runner.finish();
}
