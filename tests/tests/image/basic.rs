//! Group A of the conformance cases, on both kinds of host, with the logs as the engine kept them.

use black_box::Init;
use serde_json::json;

use crate::engine::{self, Container, HOSTS, RUNNER};

const NO_CODE: &str = "Missing main/no code to execute.";

#[test]
fn case_001_002_nothing_to_execute() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::start(host, RUNNER);
        container.init(&Init::code("")).assert_error(403, NO_CODE);
        container.post("/init", "{}").assert_error(403, NO_CODE);
        container.finish().assert_ended(0);
    }
}

#[test]
fn case_003_result_is_not_json() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "text");
        container
            .post("/run", "{}")
            .assert_error(502, "The action did not return a dictionary or array.");
        container.finish().assert_ended(1);
    }
}

#[test]
fn case_004_second_init() {
    if !engine::answers() {
        return;
    }
    let sentence = "Cannot initialize the action more than once.";
    for host in HOSTS {
        let container = Container::with(host, "echo");
        container
            .init(&Init::of("echo"))
            .assert_error(403, sentence);
        let logs = container.finish();
        logs.assert_ended(0);
        assert!(logs.err().contains(sentence), "{}", logs.err());
    }
}

#[test]
fn case_005_entry_point_other_than_main() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::start(host, RUNNER);
        container
            .init(&Init::of("alt").main("niam"))
            .assert_status(200);
        container
            .run(&json!({ "string": "hello" }))
            .assert_ok(&json!({ "string": "hello" }));
        container.finish().assert_silent(1);
    }
}

#[test]
fn case_006_to_009_and_013_echo() {
    if !engine::answers() {
        return;
    }
    let values = [
        json!({ "string": "hello" }),
        json!({ "string": "❄ ☃ ❄" }),
        json!({ "numbers": [42, 1] }),
        json!({ "object": { "a": "A" } }),
        json!({ "arg": "a".repeat(1_048_561) }),
    ];
    for host in HOSTS {
        let container = Container::with(host, "echo");
        for value in &values {
            container.run(value).assert_ok(value);
        }
        let logs = container.finish();
        logs.assert_ended(5);
        assert_eq!(logs.out(), ["hello stdout"; 5].join("\n"));
        assert_eq!(logs.err(), ["hello stderr"; 5].join("\n"));
    }
}

#[test]
fn case_010_unicode_in_result_and_logs() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "unicode");
        container
            .run(&json!({ "delimiter": "❄" }))
            .assert_ok(&json!({ "winter": "❄ ☃ ❄" }));
        let logs = container.finish();
        logs.assert_ended(1);
        assert_eq!(logs.out(), "❄ ☃ ❄");
    }
}

#[test]
fn case_011_environment_before_initialisation() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::start(host, RUNNER);
        let env = json!({ "SOME_VAR": "xyz", "ANOTHER_VAR": "" });
        container
            .init(&Init::of("envinit").env(env))
            .assert_status(200);
        let seen = container.run(&json!({})).json();
        assert_eq!(
            (&seen["SOME_VAR"], &seen["ANOTHER_VAR"]),
            (&json!("xyz"), &json!(""))
        );
        container.finish().assert_silent(1);
    }
}

#[test]
fn case_012_activation_context() {
    if !engine::answers() {
        return;
    }
    let metadata = json!({
        "api_key": "abc", "namespace": "zzz", "action_name": "xxx", "action_version": "0.0.1",
        "activation_id": "iii", "deadline": "123",
    });
    for host in HOSTS {
        let container = Container::with(host, "env");
        let seen = container
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
        container.finish().assert_silent(1);
    }
}
