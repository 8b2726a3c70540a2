//! Group I: what an invoker makes of answers. The oracle is tested first, then used on answers of the real runner.

use black_box::invoker::{LIMIT, Outcome, after_init, after_run};
use black_box::{Init, Runner};
use serde_json::{Value, json};

fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn invalid(body: &str) -> Outcome {
    Outcome::DeveloperError(json!(format!(
        "The action did not produce a valid JSON or JSON Array response: {body}"
    )))
}

fn developer(sentence: &str) -> Outcome {
    Outcome::DeveloperError(json!(sentence))
}

#[test]
fn case_181_to_183_answers_with_status_200() {
    assert_eq!(
        after_run(&answer(200, r#"{"a":1}"#)),
        Outcome::Success(json!({ "a": 1 }))
    );
    assert_eq!(
        after_run(&answer(200, r#"{"error":null}"#)),
        Outcome::ApplicationError(Value::Null)
    );
    assert_eq!(
        after_run(&answer(200, r#"{"error":false,"b":1}"#)),
        Outcome::ApplicationError(json!(false))
    );
    assert_eq!(after_run(&answer(200, "[1]")), Outcome::Success(json!([1])));
}

#[test]
fn case_184_to_186_developer_errors() {
    for body in ["null", "1", "x", ""] {
        assert_eq!(after_run(&answer(200, body)), invalid(body));
    }
    assert_eq!(
        after_run(&answer(502, r#"{"error":{"k":1}}"#)),
        Outcome::DeveloperError(json!({ "k": 1 }))
    );
    for (status, body) in [(502, "[1]"), (500, "<html>"), (404, "")] {
        assert_eq!(after_run(&answer(status, body)), invalid(body));
    }
}

#[test]
fn case_187_an_answer_over_the_limit() {
    let Outcome::ApplicationError(Value::String(text)) =
        after_run(&answer(200, &"x".repeat(LIMIT + 1)))
    else {
        panic!("not an application error");
    };
    assert!(text.contains("1048577 > 1048576 bytes"));
}

#[test]
fn case_188_to_190_no_valid_response() {
    let exited = developer("The action did not produce a valid response and exited unexpectedly.");
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"short\":",
    ] {
        assert_eq!(
            after_run(bytes),
            exited,
            "{}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(after_run(&answer(503, "anything")), Outcome::Rescheduled);
}

#[test]
fn case_191_to_192_answers_to_init() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n";
    assert_eq!(
        after_init(chunked),
        developer("The action did not initialize and exited unexpectedly.")
    );
    assert_eq!(
        after_init(&answer(502, "oh")),
        developer("The action failed during initialization: oh")
    );
    assert_eq!(
        after_init(&answer(502, "")),
        developer("The action failed during initialization.")
    );
    assert_eq!(
        after_init(&answer(502, r#"{"error":"why"}"#)),
        developer("why")
    );
    assert_eq!(after_init(&answer(200, "OK")), Outcome::Initialised);
}

#[test]
fn the_runner_as_an_invoker_sees_it() {
    let runner = Runner::empty();
    assert_eq!(
        after_init(&runner.init(&Init::code("")).bytes()),
        developer("Missing main/no code to execute.")
    );
    assert_eq!(
        after_init(&runner.init(&Init::of("answer")).bytes()),
        Outcome::Initialised
    );
    let not_out = developer("The action did not return a dictionary or array.");
    for (kind, outcome) in [
        ("object", Outcome::Success(json!({}))),
        ("arr", Outcome::Success(json!(["a", "b"]))),
        ("sorry", Outcome::ApplicationError(json!("sorry"))),
        ("null", not_out.clone()),
        ("badutf8", not_out),
    ] {
        assert_eq!(
            after_run(&runner.run(&json!({ "kind": kind })).bytes()),
            outcome,
            "{kind}"
        );
    }
}
