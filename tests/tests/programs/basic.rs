//! Group A of the conformance cases, for each kind of program.

use black_box::{Init, Launch, fixtures};
use serde_json::json;

use super::{NOT_A_DICTIONARY, how, looped, mute, sdk, sent, sent_to};

fn each(case: impl Fn(&std::path::Path)) {
    for program in [sdk(), looped(), mute()] {
        case(&program);
    }
}

#[test]
fn case_001_to_002_no_code() {
    each(|program| {
        let named = Launch::baked(program).start();
        named
            .init(&Init::code(""))
            .assert_ok(&json!({ "ok": true }));
        named.finish().assert_silent(0);
        let named = Launch::baked(program).start();
        named.post("/init", "{}").assert_ok(&json!({ "ok": true }));
        named.finish().assert_silent(0);
    });
}

#[test]
fn case_003_result_is_not_json() {
    each(|program| {
        let runner = sent(program);
        runner.run(&how("text")).assert_error(502, NOT_A_DICTIONARY);
        runner.finish().assert_ended(1);
    });
}

#[test]
fn case_004_second_init() {
    let sentence = "Cannot initialize the action more than once.";
    each(|program| {
        let runner = sent(program);
        runner
            .init(&Init::library(program))
            .assert_error(403, sentence);
        let logs = runner.finish();
        logs.assert_ended(0);
        assert!(logs.err().contains(sentence), "{}", logs.err());
    });
}

/// A program has one entry point: whatever `main` says, it is that.
#[test]
fn case_005_entry_point_other_than_main() {
    each(|program| {
        let runner = Launch::empty().start();
        runner
            .init(&Init::library(program).main("niam"))
            .assert_status(200);
        let value = json!({ "string": "hello" });
        runner.run(&value).assert_ok(&value);
        runner.finish().assert_ended(1);
    });
}

#[test]
fn case_006_to_009_echo() {
    let values = [
        json!({ "string": "hello" }),
        json!({ "string": "❄ ☃ ❄" }),
        json!({ "numbers": [42, 1] }),
        json!({ "object": { "a": "A" } }),
        json!(["a", "b"]),
    ];
    each(|program| {
        let runner = sent(program);
        for value in &values {
            runner.run(value).assert_ok(value);
        }
        let logs = runner.finish();
        logs.assert_ended(5);
        assert_eq!(logs.out(), ["hello stdout"; 5].join("\n"));
        assert_eq!(logs.err(), ["hello stderr"; 5].join("\n"));
    });
}

#[test]
fn case_010_unicode_in_result_and_logs() {
    each(|program| {
        let runner = sent(program);
        runner
            .run(&how("winter"))
            .assert_ok(&json!({ "winter": "❄ ☃ ❄" }));
        let logs = runner.finish();
        logs.assert_ended(1);
        assert_eq!(logs.out(), "❄ ☃ ❄");
    });
}

#[test]
fn case_011_environment_of_init() {
    let env = json!({ "SOME_VAR": "xyz", "ANOTHER_VAR": "", "OF_THE_CONTAINER": "2" });
    each(|program| {
        let sent = Launch::empty().env("OF_THE_CONTAINER", "1").start();
        let named = Launch::baked(program).start();
        let with_code = Init::library(program).env(env.clone());
        for (runner, init) in [
            (sent, with_code.clone()),
            (named, with_code.without("code")),
        ] {
            runner.init(&init).assert_status(200);
            for _ in 0..2 {
                let seen = runner.run(&how("environment")).assert_status(200).json();
                for (name, value) in env.as_object().unwrap() {
                    assert_eq!(&seen[name], value, "{name}");
                }
            }
            runner.until_tree(|tree| tree.len() <= 4);
            runner.finish().assert_silent(2);
        }
    });
}

/// A program of the SDK's has it in variables, a loop in the line; either sees the container's own.
#[test]
fn case_012_activation_context() {
    let metadata = json!({
        "api_key": "abc", "namespace": "zzz", "action_name": "xxx", "action_version": "0.0.1",
        "activation_id": "iii", "transaction_id": "ttt", "deadline": "4102444800000", "new_key": "7",
    });
    let variables = |seen: &serde_json::Value| {
        for (key, value) in metadata.as_object().unwrap() {
            let name = format!("__OW_{}", key.to_uppercase());
            assert_eq!(&seen[&name], value, "{name}");
        }
    };
    // With several runs at once the runner's own environment is nobody's.
    for concurrency in ["1", "2"] {
        let launch = || {
            let launch = Launch::empty().args(&["--concurrency", concurrency]);
            launch.env("__OW_API_HOST", "xyz")
        };
        let runner = sent_to(launch(), &sdk());
        let seen = runner.run_with(&how("environment"), &metadata).json();
        variables(&seen);
        assert_eq!(seen["__OW_API_HOST"], "xyz");
        // The next has nothing of it.
        let seen = runner.run(&how("environment")).json();
        assert_eq!(seen["__OW_API_KEY"], json!(null));
        assert_eq!(seen["__OW_NEW_KEY"], json!(null));
        runner.finish().assert_silent(2);
        for program in [looped(), mute()] {
            let runner = sent_to(launch(), &program);
            let line = runner.run_with(&how("line"), &metadata).json();
            let mut expected = metadata.clone();
            expected["value"] = how("line");
            expected["api_host"] = json!("xyz");
            assert_eq!(line, expected);
            let line = runner.run(&how("line")).json();
            assert_eq!(line, json!({ "value": how("line"), "api_host": "xyz" }));
            let seen = runner.run(&how("environment")).json();
            assert_eq!(seen["__OW_API_HOST"], "xyz");
            runner.finish().assert_silent(3);
        }
    }
}

#[test]
fn case_013_large_input() {
    let value = json!({ "arg": "a".repeat(1_048_561) });
    each(|program| {
        let runner = sent(program);
        let reply = runner.run(&value);
        reply.assert_ok(&value);
        assert!(reply.body.len() <= 1_048_576, "{} bytes", reply.body.len());
        runner.finish().assert_ended(1);
    });
}

/// Linked without an interpreter and without a table: for one address, as Go's are.
#[test]
fn static_programs() {
    for words in [&["-static", "-no-pie"][..], &["-static-pie"]] {
        let runner = sent(&fixtures::program("sdk", words));
        let value = json!({ "a": 1 });
        runner.run(&value).assert_ok(&value);
        runner.finish().assert_ended(1);
    }
}
