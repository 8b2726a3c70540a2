//! Group B: `/init`: its outcomes, and what is sent there by mistake.

use black_box::{Init, Launch, Runner, at_once, fixtures};
use serde_json::{Value, json};

const NO_CODE: &str = "Missing main/no code to execute.";
const TWICE: &str = "Cannot initialize the action more than once.";

fn ok() -> Value {
    json!({ "ok": true })
}

#[test]
fn case_014_success() {
    let runner = Runner::empty();
    let reply = runner.init(&Init::of("echo"));
    reply.assert_ok(&ok()).assert_framing();
    runner.finish().assert_silent(0);
}

/// A null, the invoker's own body for an image with its action inside, and other ways to send no code.
#[test]
fn case_015_to_016_no_code() {
    let bodies = [
        r#"{"value":{"code":null,"main":"main","binary":false,"env":null}}"#,
        r#"{"value":{"name":"x","main":"main","binary":false,"env":{"A":"b","__OW_ACTION_NAME":"/ns/x"}}}"#,
        r#"{"value":{}}"#,
        r#"{"value":null}"#,
    ];
    let waiting = Runner::empty();
    for body in bodies {
        waiting.post("/init", body).assert_error(403, NO_CODE);
    }
    waiting.finish().assert_ended(0);
    for body in bodies {
        let baked = Launch::baked(&fixtures::c("echo")).start();
        baked.post("/init", body).assert_ok(&ok());
        baked.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        baked.finish().assert_ended(1);
    }
}

#[test]
fn case_017_to_020_fields_that_are_absent_or_unknown() {
    let init = Init::of("identity");
    let bodies = [
        init.clone().without("main").value(),
        init.clone().with("main", Value::Null).value(),
        init.clone().main("").value(),
        init.clone().without("env").without("binary").value(),
        init.clone().with("binary", Value::Null).value(),
        init.clone().with("foo", json!(1)).value(),
        {
            let mut body = init.value();
            body["bar"] = json!([]);
            body
        },
    ];
    for body in bodies {
        let runner = Runner::empty();
        runner.post("/init", body.to_string()).assert_ok(&ok());
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish().assert_silent(1);
    }
}

/// Everything that is no init request at all: 400, what and where; each ends the log once.
const MALFORMED: &[(&str, &[&str])] = &[
    ("{bad", &["JSON", "column"]),
    ("", &["empty"]),
    ("null", &["null"]),
    ("[]", &["array"]),
    ("\"x\"", &["string"]),
    ("1", &["number"]),
    (r#"{"value":[]}"#, &["value", "array"]),
    (r#"{"value":"x"}"#, &["value", "string"]),
    (r#"{"value":{"code":5}}"#, &["code", "number"]),
    (r#"{"value":{"code":{}}}"#, &["code", "object"]),
    (r#"{"value":{"code":"x","main":5}}"#, &["main", "number"]),
    (r#"{"value":{"code":"x","env":[]}}"#, &["env", "array"]),
    (r#"{"value":{"code":"x"}} more"#, &["JSON"]),
    (r#"{"value":{"code":"x"}"#, &["JSON"]),
    (
        r#"{"value":{"code":"!!!!","binary":true}}"#,
        &["base64", "offset 0"],
    ),
    (
        r#"{"value":{"code":"Z2Fy!mFnZQ==","binary":true}}"#,
        &["base64", "offset 4"],
    ),
];

#[test]
fn case_021_to_027_and_030_malformed() {
    let runner = Runner::empty();
    for (body, words) in MALFORMED {
        runner.post("/init", body).assert_names(400, words);
    }
    runner.finish().assert_ended(MALFORMED.len());
}

/// Variables that setenv(3) would refuse, or cut short.
#[test]
fn case_028_impossible_variables() {
    let runner = Runner::empty();
    for (env, words) in [
        (json!({ "": "x" }), ["name", "empty"]),
        (json!({ "A=B": "x" }), ["A=B", "="]),
        (json!({ "A\u{0}B": "x" }), ["name", "NUL"]),
        (json!({ "A": "x\u{0}y" }), ["A", "NUL"]),
    ] {
        runner
            .init(&Init::of("envinit").env(env))
            .assert_names(400, &words);
    }
    runner
        .init(&Init::of("envinit").env(json!({ "A": "good" })))
        .assert_ok(&ok());
    assert_eq!(runner.run(&json!({})).json()["A"], "good");
    runner.finish().assert_ended(5);
}

#[test]
fn case_029_good_init_after_each_failed_one() {
    for (body, _) in MALFORMED {
        let runner = Runner::empty();
        runner.post("/init", body).assert_status(400);
        runner.init(&Init::of("identity")).assert_ok(&ok());
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish().assert_ended(2);
    }
}

#[test]
fn case_031_to_032_code_that_is_nothing() {
    let runner = Runner::empty();
    let reply = runner.post(
        "/init",
        r#"{"value":{"code":"Z2FyYmFnZQ==","binary":true}}"#,
    );
    reply.assert_names(502, &["shared library", "zip"]);
    let empty = Init::zip(&[black_box::Entry::file("libaction.so", b"")]);
    runner.init(&empty).assert_names(502, &["empty"]);
    let logs = runner.finish();
    logs.assert_ended(2);
    assert!(logs.err().contains(&reply.error()), "{}", logs.err());
}

#[test]
fn case_033_bad_init_sequence() {
    let runner = Runner::empty();
    let undefined = "no action defined yet";
    runner.run(&json!({})).assert_error(500, undefined);
    runner.post("/init", "{}").assert_error(403, NO_CODE);
    for bad in [&b"rubbish"[..], b"\x7fELF", b"PK\x03\x04"] {
        runner.init(&Init::bytes(bad)).assert_status(502);
    }
    runner.run(&json!({})).assert_error(500, undefined);
    runner.finish().assert_ended(5);
}

#[test]
fn case_034_to_039_libraries_that_do_not_fit() {
    let cases = [
        (
            Init::of("noabi"),
            &["action_abi_version", "unrelated_function"][..],
        ),
        (Init::of("alt"), &["invoke", "niam", "other"]),
        (Init::of("alt").main("nope"), &["nope", "niam", "other"]),
        (Init::of("oldabi"), &["99", "version 1"]),
        (Init::library(&fixtures::wrong_machine()), &["built for"]),
        (
            Init::library(&fixtures::missing_dependency()),
            &["libgone.so.1"],
        ),
        (Init::library(&fixtures::future_libc()), &["GLIBC_2.99"]),
    ];
    let runner = Runner::empty();
    for (init, words) in &cases {
        runner.init(init).assert_names(502, words);
    }
    runner.init(&Init::of("identity")).assert_ok(&ok());
    runner.finish().assert_ended(cases.len());
}

#[test]
fn case_036_odd_entry_points() {
    let long = "x".repeat(300);
    let runner = Runner::empty();
    for main in [
        "a::b",
        "a.b",
        "x y",
        &long,
        "\u{0}",
        "invoke\u{0}",
        "☃",
        "../x",
        "%s%n",
        "action_abi_version",
        "_init",
        "malloc",
    ] {
        let reply = runner.init(&Init::of("alt").main(main));
        assert!(matches!(reply.status, 400 | 502), "{main:?}: {reply}");
        assert!(reply.error().len() < 1000, "{reply}");
    }
    runner.init(&Init::of("alt").main("niam")).assert_ok(&ok());
    runner.finish().assert_ended(12);
}

#[test]
fn case_043_four_inits_at_once() {
    let runner = Runner::empty();
    let init = Init::of("echo");
    let mut replies = at_once(4, |_| runner.init(&init));
    replies.sort_by_key(|reply| reply.status);
    replies[0].assert_ok(&ok());
    for reply in &replies[1..] {
        reply.assert_error(403, TWICE);
    }
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_ended(1);
}

/// A large second init is read to its end before it is refused: else its sender sees a broken pipe, not the sentence.
#[test]
fn case_044_large_second_init() {
    let runner = Runner::with("identity");
    let large = Init::code(&"A".repeat(9_000_000)).binary(true);
    let mut connection = runner.connect();
    connection
        .post("/init", &large.body())
        .assert_error(403, TWICE);
    connection
        .post("/run", b"{\"value\":{\"a\":1}}")
        .assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_ended(1);
}
