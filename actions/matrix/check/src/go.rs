//! What Go's runtime could do to the process that loads it: its signal handlers, threads and garbage collector, panics,
//! and goroutines that go on after the answer.

use std::path::Path;

use serde_json::{Value, json};

use crate::{Case, started};

pub(crate) const CASES: [Case; 6] = [
    ("go-panics", panics),
    ("go-errors", errors),
    ("go-outlive", goroutines_outlive_a_run),
    ("go-10000", ten_thousand_runs),
    ("go-exit", exit),
    ("go-crash", panic_in_a_goroutine),
];

fn ask(what: &str) -> Value {
    json!({ "do": what })
}

/// A SIGSEGV in Go code is a panic too: the runner's process lives on.
fn panics(library: &Path) {
    let runner = started(library, "checks");
    runner.run(&ask("panic")).assert_names(502, &["as asked"]);
    runner
        .run(&ask("nil"))
        .assert_names(502, &["nil pointer dereference"]);
    runner
        .run(&ask("collect"))
        .assert_ok(&json!({ "collected": true }));
    let logs = runner.finish();
    logs.assert_ended(3);
    assert!(
        logs.err().contains("checks.go"),
        "no stack trace: {}",
        logs.err()
    );
}

fn errors(library: &Path) {
    let runner = started(library, "checks");
    runner.run(&ask("error")).assert_error(200, "as asked");
    runner
        .run(&ask("json error"))
        .assert_ok(&json!({ "error": { "statusCode": 404 } }));
    runner
        .run(&ask("unwritable"))
        .assert_names(200, &["cannot be written as JSON"]);
    runner.finish().assert_silent(3);
}

fn goroutines_outlive_a_run(library: &Path) {
    let runner = started(library, "checks");
    runner
        .run(&ask("outlive"))
        .assert_ok(&json!({ "started": true }));
    runner
        .run(&ask("ticks"))
        .assert_ok(&json!({ "ticked": true }));
    runner.finish().assert_ended(2);
}

fn ten_thousand_runs(library: &Path) {
    let runner = started(library, "niam");
    let mut connection = runner.connect();
    for run in 0..10_000 {
        let value = json!({ "run": run });
        let body = json!({ "value": value, "activation_id": run.to_string() }).to_string();
        connection.post("/run", body.as_bytes()).assert_ok(&value);
    }
    drop(connection);
    runner.finish().assert_silent(10_000);
}

/// os.Exit in Go is a raw exit_group: nothing but a parent can answer.
fn exit(library: &Path) {
    let runner = started(library, "checks");
    runner.run(&ask("exit")).assert_status(502);
    runner
        .run(&ask("collect"))
        .assert_ok(&json!({ "collected": true }));
    runner.finish().assert_ended(2);
}

/// Nothing can catch this one: Go ends the process.
fn panic_in_a_goroutine(library: &Path) {
    let runner = started(library, "checks");
    runner.run(&ask("crash")).assert_status(502);
    runner
        .run(&ask("collect"))
        .assert_ok(&json!({ "collected": true }));
    runner.finish().assert_ended(2);
}
