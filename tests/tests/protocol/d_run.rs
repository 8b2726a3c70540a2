//! Group D: what goes into a run, and what comes out of it.

use black_box::{Init, Launch, Runner, fixtures};
use serde_json::json;

const NOT_IN: &str = "The action did not receive a dictionary or array as an argument.";
const NOT_OUT: &str = "The action did not return a dictionary or array.";

#[test]
fn case_080_run_before_init() {
    let waiting = Runner::empty();
    waiting
        .run(&json!({}))
        .assert_error(500, "no action defined yet");
    waiting.finish().assert_silent(1);

    let baked = Launch::baked(&fixtures::c("identity")).start();
    baked.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    baked.finish().assert_silent(1);
}

#[test]
fn case_081_to_083_value_missing_or_null() {
    let runner = Runner::with("identity");
    for body in [
        "{}",
        "null",
        r#"{"value":null}"#,
        r#"{"activation_id":"x"}"#,
    ] {
        let reply = runner.post("/run", body);
        assert_eq!((reply.status, reply.text().as_str()), (200, "{}"), "{body}");
    }
    runner.finish().assert_silent(4);
}

#[test]
fn case_084_to_085_value_is_a_scalar() {
    let runner = Runner::with("identity");
    for value in [json!("A"), json!(""), json!(5), json!(true), json!(false)] {
        runner.run(&value).assert_error(404, NOT_IN);
    }
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_silent(6);
}

#[test]
fn case_086_to_087_arrays() {
    let runner = Runner::with("answer");
    for value in [json!(["a", "b"]), json!([]), json!([{ "a": 1 }, null])] {
        runner.run(&value).assert_ok(&value);
    }
    runner
        .run(&json!({ "kind": "arr" }))
        .assert_ok(&json!(["a", "b"]));
    runner.finish().assert_silent(4);
}

/// Bodies that are no run request: refused, and the action neither called nor harmed.
#[test]
fn case_088_to_090_bodies_that_are_no_request() {
    let runner = Runner::with("state");
    let bodies: &[&[u8]] = &[
        b"[1,2]",
        b"{bad",
        b"{\"value\":{}",
        b"5",
        b"\"x\"",
        b"{\"value\":{}} x",
        b"{\"value\":{\"a\":\"\xff\"}}",
    ];
    for (index, body) in bodies.iter().enumerate() {
        let reply = runner.post("/run", body);
        assert!(
            matches!(reply.status, 400 | 404),
            "{}: {reply}",
            String::from_utf8_lossy(body)
        );
        assert!(!reply.error().is_empty());
        runner
            .run(&json!({}))
            .assert_ok(&json!({ "count": index + 1 }));
    }
    let empty = runner.post("/run", "");
    assert!(matches!(empty.status, 200 | 400), "{empty}");
    runner.run(&json!({})).assert_status(200);
    runner.finish().assert_silent(2 * bodies.len() + 2);
}

#[test]
fn case_091_truncated_body() {
    let runner = Runner::with("state");
    let mut connection = runner.connect();
    connection.send(b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"value\":{");
    if let Ok(reply) = connection.finish().try_reply("POST") {
        reply.assert_status(400);
    }
    runner.run(&json!({})).assert_ok(&json!({ "count": 1 }));
}

#[test]
fn case_092_to_097_results_of_every_wrong_kind() {
    let kinds = [
        "num", "str", "true", "false", "null", "text", "empty", "nullptr", "blank",
        "badutf8", // the list's
        "half", "two", "trailing", "nan", "comma", "control", // 97: nearly JSON
    ];
    let runner = Runner::with("answer");
    for kind in kinds {
        runner
            .run(&json!({ "kind": kind }))
            .assert_error(502, NOT_OUT);
        runner
            .run(&json!({ "kind": "object" }))
            .assert_ok(&json!({}));
    }
    runner.finish().assert_ended(2 * kinds.len());
}

#[test]
fn case_098_empty_containers() {
    let runner = Runner::with("answer");
    for (kind, text) in [
        ("object", "{}"),
        ("array", "[]"),
        ("padded", " \t\r\n{\"a\":1}\n"),
    ] {
        let reply = runner.run(&json!({ "kind": kind }));
        assert_eq!((reply.status, reply.text().as_str()), (200, text));
    }
    runner.finish().assert_silent(3);
}

#[test]
fn case_099_application_error() {
    let runner = Runner::with("answer");
    for _ in 0..2 {
        runner
            .run(&json!({ "kind": "sorry" }))
            .assert_error(200, "sorry");
    }
    runner.finish().assert_silent(2);
}

#[test]
fn case_100_errors_of_both_dialects() {
    let text = "say \"no\" \\ in\ntwo lines ☃";
    let c = Runner::with("err");
    c.run(&json!({})).assert_error(200, text);
    c.run(&json!({ "kind": "json" }))
        .assert_ok(&json!({ "error": { "statusCode": 404, "body": "none" } }));
    c.run(&json!({ "kind": "panic" }))
        .assert_error(502, "the action gave up");
    for kind in ["empty", "badutf8"] {
        assert!(
            c.run(&json!({ "kind": kind }))
                .assert_status(200)
                .json()
                .get("error")
                .is_some()
        );
    }
    c.run(&json!({ "kind": "status" }))
        .assert_status(502)
        .error();
    c.run(&json!({})).assert_error(200, text);
    c.finish().assert_ended(7);

    let rust = Runner::empty();
    rust.init(&Init::library(&fixtures::rust()).main("err"))
        .assert_status(200);
    rust.run(&json!({})).assert_error(200, text);
    rust.finish().assert_silent(1);
}

#[test]
fn case_101_no_answer_reaches_another_request() {
    let c = Runner::with("err");
    let mixed = Runner::with("answer");
    for round in 0..20 {
        mixed
            .run(&json!({ "ok": round }))
            .assert_ok(&json!({ "ok": round }));
        mixed
            .run(&json!({ "kind": "sorry" }))
            .assert_error(200, "sorry");
        mixed
            .run(&json!({ "ok": -round }))
            .assert_ok(&json!({ "ok": -round }));
        mixed
            .run(&json!({ "kind": "half" }))
            .assert_error(502, NOT_OUT);
        c.run(&json!({ "kind": "panic" }))
            .assert_error(502, "the action gave up");
        mixed
            .run(&json!({ "last": round }))
            .assert_ok(&json!({ "last": round }));
    }
}

#[test]
fn case_102_to_103_panics() {
    let library = fixtures::rust();
    for (main, words) in [
        (
            "panic",
            &["it broke: \"quotes\",\nlines and ☃", "lib.rs:"][..],
        ),
        ("panic_payload", &["not text"]),
        ("panic_in_drop", &["in drop"]),
        ("panic_hook", &["behind a hook of its own"]),
    ] {
        let runner = Runner::empty();
        runner
            .init(&Init::library(&library).main(main))
            .assert_status(200);
        for _ in 0..2 {
            runner.run(&json!({})).assert_names(502, words);
        }
        let logs = runner.finish();
        logs.assert_ended(2);
        assert!(
            main == "panic_hook" || logs.err().contains("lib.rs:"),
            "{}",
            logs.err()
        );
    }
}

#[test]
fn case_104_to_106_deaths() {
    let runner = Runner::with("die");
    let deaths = [
        ("exit", "exit status 3"),
        ("abort", "SIGABRT"),
        ("segv", "SIGSEGV"),
        ("stackoverflow", "SIGSEGV"),
        ("kill", "killed"),
    ];
    for (how, words) in deaths {
        runner
            .run(&json!({ "how": how }))
            .assert_names(502, &[words]);
        runner
            .run(&json!({ "after": how }))
            .assert_ok(&json!({ "after": how }));
    }
    let logs = runner.finish();
    logs.assert_ended(2 * deaths.len());
    assert_eq!(logs.out().matches("about to die").count(), deaths.len());
}
