//! The table of situations, statuses and bodies.

use super::*;

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).expect("UTF-8")
}

#[test]
fn the_table() {
    let wrong_type = BadRequest::WrongType {
        field: "value.code",
        found: "a number",
        needed: "a string",
    };
    let rows: Vec<(Answer, u16, &str)> = vec![
        (Answer::init_ok(), 200, r#"{"ok":true}"#),
        (
            Answer::ok(Bytes::from_static(b"{ \"a\" : 1e3 }")),
            200,
            "{ \"a\" : 1e3 }",
        ),
        (
            Answer::action_error(b"\"sorry\""),
            200,
            r#"{"error":"sorry"}"#,
        ),
        (
            Answer::action_error(b"{\"statusCode\":404}"),
            200,
            r#"{"error":{"statusCode":404}}"#,
        ),
        (Answer::action_error(b"null"), 200, r#"{"error":null}"#),
        (
            Answer::action_error(b"a \"b\"\n\xff"),
            200,
            "{\"error\":\"a \\\"b\\\"\\n\u{fffd}\"}",
        ),
        (Answer::action_error(b""), 200, r#"{"error":""}"#),
        (
            Answer::panicked(b"\"at the disco\""),
            502,
            r#"{"error":"at the disco"}"#,
        ),
        (
            Answer::panicked(b"at the disco"),
            502,
            r#"{"error":"at the disco"}"#,
        ),
        (
            Answer::not_a_container(),
            502,
            r#"{"error":"The action did not return a dictionary or array."}"#,
        ),
        (
            Answer::died(Death::Signal(11), Phase::Run, true),
            502,
            r#"{"error":"The action crashed: SIGSEGV (invalid memory reference)."}"#,
        ),
        (
            Answer::no_action_yet(),
            500,
            r#"{"error":"no action defined yet"}"#,
        ),
        (
            Answer::no_code(),
            403,
            r#"{"error":"Missing main/no code to execute."}"#,
        ),
        (
            Answer::init_twice(),
            403,
            r#"{"error":"Cannot initialize the action more than once."}"#,
        ),
        (
            Answer::from(&NotRun::ValueNotContainer),
            404,
            r#"{"error":"The action did not receive a dictionary or array as an argument."}"#,
        ),
        (
            Answer::from(&wrong_type),
            400,
            r#"{"error":"value.code is a number; it must be a string."}"#,
        ),
    ];
    for (answer, status, body) in &rows {
        assert_eq!((answer.status, text(answer)), (*status, *body));
    }
}

#[test]
fn statuses_of_the_rest() {
    let rows = [
        (Answer::not_found(), 404),
        (Answer::method_not_allowed(), 405),
        (Answer::shutting_down(), 503),
        (Answer::send_again(false), 503),
        (Answer::too_slow(), 408),
        (Answer::body_cut_off(), 400),
        (Answer::encoded_body(), 415),
        (Answer::from(&BadRequest::Oversized { limit: 5 }), 413),
        (Answer::from(&NotRun::BadRequest(BadRequest::Empty)), 400),
        (Answer::from(&PackageRefusal::SourceText), 502),
        (
            Answer::from(&LoadRefusal::NotAnAction { found: "text" }),
            502,
        ),
    ];
    for (answer, status) in rows {
        assert_eq!(answer.status, status, "{}", text(&answer));
        let object: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert!(
            object["error"]
                .as_str()
                .is_some_and(|sentence| !sentence.is_empty())
        );
    }
}

#[test]
fn a_raw_response_is_complete() {
    let response = Answer::died(Death::Exited(3), Phase::Run, true).raw();
    let response = String::from_utf8(response).expect("UTF-8");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    assert!(head.contains("content-type: application/json") && head.ends_with("connection: close"));
    assert_eq!(
        body,
        r#"{"error":"The action ended its process with exit status 3."}"#
    );
}
