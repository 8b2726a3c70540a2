//! `--http plain`: requests and answers of callers that know nothing of OpenWhisk.

use black_box::http::{chunked, request};
use black_box::{Launch, Reply, Runner, fixtures};
use serde_json::{Value, json};

fn plain(fixture: &str) -> Runner {
    Launch::baked(&fixtures::c(fixture))
        .args(&["--http", "plain", "--workers", "1"])
        .start()
}

/// The answer to a request with one header at most, as it is.
#[track_caller]
fn send(runner: &Runner, method: &str, path: &str, kind: &str, body: &str) -> Reply {
    let headers = [("Content-Type", kind)];
    let headers = if kind.is_empty() { &[][..] } else { &headers };
    runner
        .connect()
        .send(&request(method, path, headers, body.as_bytes()))
        .reply()
}

#[track_caller]
fn post(runner: &Runner, body: &Value) -> Reply {
    send(runner, "POST", "/", "application/json", &body.to_string())
}

#[test]
fn parameters_are_the_body_and_the_result_is_the_answer() {
    let runner = plain("identity");
    for body in [
        "{}",
        "[1, 2]",
        r#"{"a" : 1e3,"a":2,"s":"\ud800"}"#,
        r#"{"value":{"not":"unpacked"}}"#,
    ] {
        for kind in [
            "application/json",
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
        ] {
            let reply = send(&runner, "POST", "/", kind, body);
            reply.assert_status(200).assert_framing();
            assert_eq!(reply.text(), body, "{kind}");
        }
    }
    for empty in ["", " \n", "null"] {
        send(&runner, "POST", "/", "", empty).assert_ok(&json!({}));
    }
    let large = json!({ "a": "x".repeat(1 << 20) });
    post(&runner, &large).assert_ok(&large);
    let pieces = chunked("/", br#"{"a":1}"#, 3);
    runner
        .connect()
        .send(&pieces)
        .reply()
        .assert_ok(&json!({ "a": 1 }));
}

#[test]
fn query_and_forms_are_strings() {
    let runner = plain("identity");
    let form = "application/x-www-form-urlencoded";
    let expected = json!({ "name": "Ada Lovelace", "n": "1", "empty": "" });
    let query = "name=Ada+Lovelace&n=1&empty=";
    send(&runner, "GET", &format!("/?{query}"), "", "").assert_ok(&expected);
    send(
        &runner,
        "GET",
        "/?name=Ada%20Lovelace&n=0&n=1&empty",
        "",
        "",
    )
    .assert_ok(&expected);
    send(&runner, "POST", "/", form, query).assert_ok(&expected);
    send(&runner, "GET", "/", "", "").assert_ok(&json!({}));
    // The body counts more than the query.
    send(
        &runner,
        "POST",
        "/?a=1&b=2",
        "application/json",
        r#"{"a":true}"#,
    )
    .assert_ok(&json!({ "a": true, "b": "2" }));
    send(&runner, "POST", "/?a=1&b=2", form, "a=3").assert_ok(&json!({ "a": "3", "b": "2" }));
    let mut connection = runner.connect();
    connection.send(&request("HEAD", "/?a=1", &[], b""));
    let head = connection.reply_to_head();
    head.assert_status(200).assert_framing();
    assert_eq!(head.header("content-length"), Some("9"));
    assert_eq!(connection.post("/", b"[]").text(), "[]");
}

#[test]
fn requests_that_are_refused() {
    let runner = plain("state");
    let json = "application/json";
    for (method, path, kind, body, status, words) in [
        ("POST", "/", json, "{bad", 400, "not JSON"),
        ("POST", "/", json, "5", 400, "is a number"),
        ("POST", "/", "", "\"text\"", 400, "is a string"),
        ("POST", "/?a=1", json, "[]", 400, "array"),
        (
            "POST",
            "/",
            "application/xml",
            "<a/>",
            415,
            "application/xml",
        ),
        (
            "POST",
            "/",
            "multipart/form-data; boundary=x",
            "--x--",
            415,
            "multipart",
        ),
        ("PUT", "/", json, "{}", 405, "GET and POST"),
        ("DELETE", "/", "", "", 405, "GET and POST"),
        ("OPTIONS", "/", "", "", 405, "GET and POST"),
        ("POST", "/run", json, "{}", 404, "nothing at this path"),
        ("POST", "/init", json, "{}", 404, "nothing at this path"),
        ("GET", "/favicon.ico", "", "", 404, "nothing at this path"),
    ] {
        let reply = send(&runner, method, path, kind, body);
        reply.assert_framing().assert_names(status, &[words]);
        if status == 405 {
            assert_eq!(reply.header("allow"), Some("GET, HEAD, POST"));
        }
    }
    let gzip = request("POST", "/", &[("Content-Encoding", "gzip")], b"\x1f\x8b");
    let reply = runner.connect().send(&gzip).reply();
    reply.assert_framing().assert_names(415, &["compressed"]);
    post(&runner, &json!({})).assert_ok(&json!({ "count": 1 }));
}

#[test]
fn a_result_may_be_a_whole_http_answer() {
    let runner = plain("identity");
    let made = json!({ "statusCode": 201, "headers": { "X-Made": "yes", "x-n": 5, "x-flag": true,
        "Set-Cookie": ["a=1", "b=2"], "Content-Length": "1" }, "body": { "id": 7 } });
    let reply = post(&runner, &made);
    reply.assert_status(201).assert_framing();
    assert_eq!(reply.json(), json!({ "id": 7 }));
    for (name, value) in [("x-made", "yes"), ("x-n", "5"), ("x-flag", "true")] {
        assert_eq!(reply.header(name), Some(value), "{reply}");
    }
    let cookies = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);

    let moved = json!({ "statusCode": "302", "headers": { "location": "https://example.com/" } });
    let reply = post(&runner, &moved);
    assert_eq!((reply.status, reply.text().as_str()), (302, ""));
    assert_eq!(reply.header("location"), Some("https://example.com/"));
    assert_eq!(reply.header("content-length"), Some("0"));

    let page = json!({ "headers": {}, "body": "<b>ä</b>" });
    let reply = post(&runner, &page);
    assert_eq!((reply.status, reply.text().as_str()), (200, "<b>ä</b>"));
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );

    let picture = json!({ "headers": { "content-type": "image/png" }, "body": "iVBORw0KGgo=", "statusCode": 200 });
    let reply = post(&runner, &picture);
    assert_eq!(reply.body, b"\x89PNG\r\n\x1a\n");
    assert_eq!(reply.header("content-type"), Some("image/png"));
}

/// 204 has neither body nor length (RFC 9110); the connection goes on.
#[test]
fn empty_answers() {
    let runner = plain("identity");
    let mut connection = runner.connect();
    let empty = json!({ "headers": {}, "statusCode": 204 }).to_string();
    connection.send(&request("POST", "/", &[], empty.as_bytes()));
    let reply = connection.reply_to_head();
    assert_eq!((reply.status, reply.header("content-length")), (204, None));
    connection.post("/", b"{}").assert_ok(&json!({}));
}

#[test]
fn results_that_only_look_like_http_answers() {
    let runner = plain("identity");
    for (body, word) in [
        (json!({ "statusCode": 99 }), "statusCode is 99"),
        (json!({ "statusCode": 101 }), "statusCode is 101"),
        (json!({ "statusCode": "fine" }), "statusCode is fine"),
        (
            json!({ "statusCode": 200, "headers": [] }),
            "headers are an array",
        ),
        (
            json!({ "statusCode": 200, "headers": { "x": {} } }),
            "header x",
        ),
        (
            json!({ "statusCode": 200, "headers": { "x": "a\r\nb: c" } }),
            "line break",
        ),
        (
            json!({ "statusCode": 200, "headers": { "content-type": "image/png" }, "body": "%" }),
            "base64",
        ),
    ] {
        let reply = post(&runner, &body);
        reply.assert_framing().assert_names(502, &[word]);
    }
    for data in [
        json!({ "body": "x" }),
        json!({ "headers": {} }),
        json!({ "inner": { "statusCode": 404 } }),
        json!([{ "statusCode": 404 }]),
    ] {
        post(&runner, &data).assert_ok(&data);
    }
}

#[test]
fn errors_of_the_action() {
    let runner = plain("answer");
    post(&runner, &json!({ "kind": "sorry" })).assert_error(500, "sorry");
    post(&runner, &json!({ "kind": "num" }))
        .assert_error(502, "The action did not return a dictionary or array.");
    let runner = plain("identity");
    let gone = json!({ "error": { "statusCode": 404, "body": { "why": "gone" } } });
    let reply = post(&runner, &gone);
    reply.assert_status(404).assert_framing();
    assert_eq!(reply.json(), json!({ "why": "gone" }));
    let none = json!({ "error": null, "a": 1 });
    post(&runner, &none).assert_ok(&none);
    let crash = plain("die").connect().post("/", br#"{"how":"segv"}"#);
    assert!(matches!(crash.status, 200 | 502), "{crash}");
}

#[test]
fn no_sentinels_unless_asked_for() {
    let runner = plain("identity");
    post(&runner, &json!({})).assert_status(200);
    assert_eq!(runner.finish().stdout, b"");
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--http", "plain", "--workers", "1", "--sentinels", "on"])
        .start();
    post(&runner, &json!({})).assert_status(200);
    send(&runner, "POST", "/", "", "{bad").assert_status(400);
    send(&runner, "POST", "/x", "", "{}").assert_status(404);
    runner.finish().assert_silent(2);
}

#[test]
fn the_trace_reaches_the_action() {
    let runner = plain("context");
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("traceparent", parent), ("tracestate", "a=b")];
    let reply = runner
        .connect()
        .send(&request("POST", "/", &headers, b"{}"))
        .reply();
    let context = reply.assert_status(200).json();
    assert_eq!(context["traceparent"], parent);
    assert_eq!(context["tracestate"], "a=b");
}

#[test]
fn without_an_action_and_with_concurrency() {
    let runner = Launch::empty()
        .args(&["--http", "plain", "--workers", "1"])
        .start();
    post(&runner, &json!({})).assert_names(503, &["no action"]);
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--http", "plain", "--concurrency", "4"])
        .start();
    black_box::at_once(8, |caller| {
        let value = json!({ "caller": caller });
        for _ in 0..10 {
            post(&runner, &value).assert_ok(&value);
        }
    });
}
