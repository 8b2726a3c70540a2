//! `check LIBRARY...`: group A of the conformance cases, each case with a real runner. One line a library on stdout:
//! `ok`, or the cases that failed; why, on stderr. Exit code 1 if any failed.
//!
//! The libraries have the entry points of `../rust/src/lib.rs`. Those whose name begins with `go` also get the cases
//! of `go.rs`.

mod go;

use std::panic;
use std::path::Path;
use std::process::ExitCode;

use black_box::{Init, Launch, Runner};
use serde_json::{Value, json};

type Case = (&'static str, fn(&Path));

const GROUP_A: [Case; 12] = [
    ("A1", empty_code),
    ("A2", empty_object),
    ("A3", result_is_not_a_container),
    ("A4", second_init),
    ("A5", other_entry_point),
    ("A6-9", echo),
    ("A10", unicode),
    ("A11", environment_before_init),
    ("A12", activation_context),
    ("A13", large_input),
    ("error", refusal),
    ("panic", breakdown),
];

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for library in std::env::args().skip(1) {
        let failed = failures(Path::new(&library));
        if failed.is_empty() {
            println!("ok");
        } else {
            println!("{}", failed.join(","));
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn failures(library: &Path) -> Vec<&'static str> {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let more: &[Case] = if name.starts_with("go") {
        &go::CASES
    } else {
        &[]
    };
    let fails = |(_, case): &&Case| panic::catch_unwind(|| case(library)).is_err();
    GROUP_A
        .iter()
        .chain(more)
        .filter(fails)
        .map(|(name, _)| *name)
        .collect()
}

pub(crate) fn started(library: &Path, main: &str) -> Runner {
    let runner = Runner::empty();
    runner
        .init(&Init::library(library).main(main))
        .assert_ok(&json!({ "ok": true }));
    runner
}

fn empty_code(library: &Path) {
    let runner = Launch::baked(library).start();
    runner
        .init(&Init::code(""))
        .assert_ok(&json!({ "ok": true }));
    runner.finish().assert_silent(0);
}

fn empty_object(library: &Path) {
    let runner = Launch::baked(library).start();
    runner.post("/init", "{}").assert_ok(&json!({ "ok": true }));
    runner.finish().assert_silent(0);
}

fn result_is_not_a_container(library: &Path) {
    let runner = started(library, "scalar");
    runner
        .post("/run", "{}")
        .assert_error(502, "The action did not return a dictionary or array.");
    runner.finish().assert_ended(1);
}

fn second_init(library: &Path) {
    let runner = started(library, "main");
    let sentence = "Cannot initialize the action more than once.";
    runner
        .init(&Init::library(library))
        .assert_error(403, sentence);
    runner.finish().assert_ended(0);
}

fn other_entry_point(library: &Path) {
    let runner = started(library, "niam");
    runner
        .run(&json!({ "string": "hello" }))
        .assert_ok(&json!({ "string": "hello" }));
    runner.finish().assert_silent(1);
}

fn echo(library: &Path) {
    let values = [
        json!({ "string": "hello" }),
        json!({ "string": "❄ ☃ ❄" }),
        json!({ "numbers": [42, 1] }),
        json!({ "object": { "a": "A" } }),
    ];
    let runner = started(library, "main");
    for value in &values {
        runner.run(value).assert_ok(value);
    }
    let logs = runner.finish();
    logs.assert_ended(values.len());
    assert_eq!(logs.out(), ["hello stdout"; 4].join("\n"));
    assert_eq!(logs.err(), ["hello stderr"; 4].join("\n"));
}

fn unicode(library: &Path) {
    let runner = started(library, "unicode");
    runner
        .run(&json!({ "delimiter": "❄" }))
        .assert_ok(&json!({ "winter": "❄ ☃ ❄" }));
    let logs = runner.finish();
    logs.assert_ended(1);
    assert_eq!(logs.out(), "❄ ☃ ❄");
}

fn environment_before_init(library: &Path) {
    let variables = json!({ "SOME_VAR": "xyz", "ANOTHER_VAR": "" });
    let runner = Runner::empty();
    runner
        .init(
            &Init::library(library)
                .main("initialised")
                .env(variables.clone()),
        )
        .assert_status(200);
    runner.run(&json!({})).assert_ok(&variables);
    runner.finish().assert_silent(1);
}

fn activation_context(library: &Path) {
    let runner = Launch::empty().env("__OW_API_HOST", "xyz").start();
    runner
        .init(&Init::library(library).main("variables"))
        .assert_status(200);
    let metadata = json!({
        "api_key": "abc", "namespace": "zzz", "action_name": "xxx", "action_version": "0.0.1",
        "activation_id": "iii", "deadline": "9999999999999",
    });
    let seen = runner
        .run_with(&json!({}), &metadata)
        .assert_status(200)
        .json();
    for (key, value) in metadata.as_object().into_iter().flatten() {
        assert_eq!(
            &seen[format!("__OW_{}", key.to_uppercase())],
            value,
            "{key}"
        );
    }
    assert_eq!(seen["__OW_API_HOST"], "xyz");
    runner.finish().assert_silent(1);
}

fn large_input(library: &Path) {
    let value: Value = json!({ "arg": "a".repeat(1_048_561) });
    let runner = started(library, "niam");
    let reply = runner.run(&value);
    reply.assert_ok(&value);
    assert!(reply.body.len() <= 1_048_576, "{} bytes", reply.body.len());
    runner.finish().assert_silent(1);
}

fn refusal(library: &Path) {
    let runner = started(library, "refuses");
    runner
        .run_with(&json!({}), &json!({ "activation_id": "iii" }))
        .assert_error(200, "refused iii");
    runner.finish().assert_silent(1);
}

/// Whether it was caught (unwinding) or ended the process (abort): a 502, and the next run has a library again.
fn breakdown(library: &Path) {
    let runner = started(library, "breaks");
    for _ in 0..2 {
        assert!(!runner.run(&json!({})).assert_status(502).error().is_empty());
    }
    runner.finish().assert_ended(2);
}
