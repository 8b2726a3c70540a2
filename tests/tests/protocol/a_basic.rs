//! Group A: what OpenWhisk's own BasicActionRunnerTests demand of every runtime.

use black_box::{Init, Launch, Runner, fixtures};
use serde_json::{Value, json};

const NO_CODE: &str = "Missing main/no code to execute.";

#[test]
fn case_001_empty_code() {
    let waiting = Runner::empty();
    waiting.init(&Init::code("")).assert_error(403, NO_CODE);
    waiting.finish().assert_ended(0);

    let baked = Launch::baked(&fixtures::c("echo")).start();
    baked
        .init(&Init::code(""))
        .assert_ok(&json!({ "ok": true }));
    baked.finish().assert_silent(0);
}

#[test]
fn case_002_empty_object() {
    let waiting = Runner::empty();
    waiting.post("/init", "{}").assert_error(403, NO_CODE);
    let logs = waiting.finish();
    logs.assert_ended(0);
    // The sentence is the protocol's; where an action was looked for stands in the log.
    assert!(
        logs.err().contains("/action/libaction.so"),
        "{}",
        logs.err()
    );

    let baked = Launch::baked(&fixtures::c("echo")).start();
    baked.post("/init", "{}").assert_ok(&json!({ "ok": true }));
    baked.finish().assert_silent(0);
}

#[test]
fn case_003_result_is_not_json() {
    let runner = Runner::with("text");
    runner
        .post("/run", "{}")
        .assert_error(502, "The action did not return a dictionary or array.");
    runner.finish().assert_ended(1);
}

#[test]
fn case_004_second_init() {
    let sentence = "Cannot initialize the action more than once.";
    let runner = Runner::with("echo");
    runner.init(&Init::of("echo")).assert_error(403, sentence);
    let logs = runner.finish();
    logs.assert_ended(0);
    assert!(
        format!("{}{}", logs.out(), logs.err()).contains(sentence),
        "{}",
        logs.err()
    );
}

#[test]
fn case_005_entry_point_other_than_main() {
    let runner = Runner::empty();
    runner
        .init(&Init::of("alt").main("niam"))
        .assert_status(200);
    runner
        .run(&json!({ "string": "hello" }))
        .assert_ok(&json!({ "string": "hello" }));
    runner.finish().assert_silent(1);
}

/// Cases 6 to 9 are one conversation with one container.
#[test]
fn case_006_to_009_echo() {
    let values = [
        json!({ "string": "hello" }),
        json!({ "string": "❄ ☃ ❄" }),
        json!({ "numbers": [42, 1] }),
        json!({ "object": { "a": "A" } }),
    ];
    let runner = Runner::with("echo");
    for value in &values {
        runner.run(value).assert_ok(value);
    }
    let logs = runner.finish();
    logs.assert_ended(4);
    assert_eq!(logs.out(), ["hello stdout"; 4].join("\n"));
    assert_eq!(logs.err(), ["hello stderr"; 4].join("\n"));
}

#[test]
fn case_010_unicode_in_result_and_logs() {
    let runner = Runner::with("unicode");
    runner
        .run(&json!({ "delimiter": "❄" }))
        .assert_ok(&json!({ "winter": "❄ ☃ ❄" }));
    let logs = runner.finish();
    logs.assert_ended(1);
    assert_eq!(logs.out(), "❄ ☃ ❄");
}

#[test]
fn case_011_environment_before_initialisation() {
    let runner = Runner::empty();
    runner
        .init(&Init::of("envinit").env(json!({ "SOME_VAR": "xyz", "ANOTHER_VAR": "" })))
        .assert_status(200);
    let seen = runner.run(&json!({})).json();
    assert_eq!(
        (&seen["SOME_VAR"], &seen["ANOTHER_VAR"]),
        (&json!("xyz"), &json!(""))
    );
    runner.finish().assert_silent(1);
}

#[test]
fn case_012_activation_context() {
    let runner = Launch::empty().env("__OW_API_HOST", "xyz").start();
    runner.init(&Init::of("env")).assert_status(200);
    let metadata = json!({
        "api_key": "abc", "namespace": "zzz", "action_name": "xxx", "action_version": "0.0.1",
        "activation_id": "iii", "deadline": "123",
    });
    let seen = runner
        .run_with(&json!({}), &metadata)
        .assert_status(200)
        .json();
    for (key, value) in metadata.as_object().unwrap() {
        assert_eq!(
            &seen[format!("__OW_{}", key.to_uppercase())],
            value,
            "{key}"
        );
    }
    assert_eq!(seen["__OW_API_HOST"], "xyz");
    runner.finish().assert_silent(1);
}

#[test]
fn case_013_large_input() {
    let value: Value = json!({ "arg": "a".repeat(1_048_561) });
    let runner = Runner::with("echo");
    let reply = runner.run(&value);
    reply.assert_ok(&value);
    assert!(reply.body.len() <= 1_048_576, "{} bytes", reply.body.len());
    runner.finish().assert_ended(1);
}
