//! Group G, third part: bodies that are refused unread, that end early, that are larger than allowed, that come too slowly;
//! and requests that reach the runner in one piece with others.

use black_box::http::{chunked, request};
use black_box::{Init, Launch, Runner, fixtures};
use serde_json::json;

const RUN: &[u8] = br#"{"value":{"a":1}}"#;

#[test]
fn case_152_compressed_bodies_are_refused_and_end_the_log() {
    let runner = Runner::empty();
    let coded = |path, coding| request("POST", path, &[("Content-Encoding", coding)], RUN);
    for coding in ["gzip", "br", "identity, gzip"] {
        let reply = runner.connect().send(&coded("/init", coding)).reply();
        reply
            .assert_framing()
            .assert_names(415, &["compressed", "Content-Encoding"]);
    }
    runner.stdout.until_sentinels(3);
    runner.init(&Init::of("state")).assert_status(200);
    let mut connection = runner.connect();
    connection
        .send(&coded("/run", "deflate"))
        .reply()
        .assert_status(415);
    // The connection goes on behind a body that nobody wanted.
    connection
        .send(&coded("/run", "Identity"))
        .reply()
        .assert_ok(&json!({ "count": 1 }));
    runner.finish().assert_ended(5);
}

/// A second `/init` leaves no mark in the log, readable or not; a run does, also one that there is no action for.
#[test]
fn refusals_before_and_after_init() {
    let runner = Runner::empty();
    let coded = |path| request("POST", path, &[("Content-Encoding", "gzip")], RUN);
    let mut connection = runner.connect();
    connection.send(&coded("/run")).reply().assert_status(415);
    connection
        .post("/init", &Init::of("identity").body())
        .assert_status(200);
    connection.send(&coded("/init")).reply().assert_status(415);
    runner.finish().assert_silent(1);
}

#[test]
fn case_160_a_body_that_ends_early_is_answered() {
    let runner = Runner::with("state");
    for head in [
        "POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"value\":",
        "POST /run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"val",
        "POST /run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut connection = runner.connect();
        let reply = connection.send(head.as_bytes()).finish().reply();
        reply.assert_framing().assert_status(400).error();
        assert!(connection.closed(), "still open after: {head}");
    }
    runner.run(&json!({})).assert_ok(&json!({ "count": 1 }));
    runner.finish().assert_ended(4);
}

#[test]
fn bodies_that_are_too_large() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--max-body", "1MiB"])
        .start();
    let value = json!({ "a": "x".repeat((1 << 20) - 30) });
    runner.run(&value).assert_ok(&value);
    let large = json!({ "value": { "a": "x".repeat(8 << 20) } }).to_string();
    let mut connection = runner.connect();
    for bytes in [
        request("POST", "/run", &[], large.as_bytes()),
        chunked("/run", large.as_bytes(), 100_000),
    ] {
        // All of it is read before the answer: the client gets to see it, and can go on.
        let reply = connection.send(&bytes).reply();
        reply
            .assert_framing()
            .assert_names(413, &["1048576 bytes", "--max-body"]);
    }
    connection.post("/run", RUN).assert_ok(&json!({ "a": 1 }));
    // Whoever asks first is told before the body is sent.
    let asking =
        b"POST /run HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9000000\r\n\r\n";
    let reply = runner.connect().send(asking).reply();
    reply.assert_framing().assert_status(413);
    assert!(reply.interim.is_empty(), "{reply}");
    runner.finish().assert_ended(5);
}

/// A caller that sends half a body and no more is told so, and the connection ends.
#[test]
fn a_body_that_comes_too_slowly() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--read-timeout", "200ms"])
        .start();
    let mut slow = runner.connect();
    slow.send(b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"value\":");
    let reply = slow.reply();
    reply.assert_framing().assert_names(408, &["in time"]);
    assert!(slow.closed());
    let mut silent = runner.connect();
    silent.send(b"POST /run HTTP/1.1\r\nHo");
    assert!(silent.closed());
    runner.post("/run", RUN).assert_ok(&json!({ "a": 1 }));
}

/// The second request begins in the packet of the first, and ends after the worker that read it has left: every run has
/// a worker of its own here.
#[test]
fn case_147_pipelining_across_workers() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--max-runs", "1"])
        .start();
    for cut in [1, 10, 40, 60, 72] {
        let first = request("POST", "/run", &[], RUN);
        let second = request("POST", "/run", &[], br#"{"value":{"b":2}}"#);
        let mut connection = runner.connect();
        connection.send(&[&first, &second[..cut]].concat());
        connection.reply().assert_ok(&json!({ "a": 1 }));
        connection.send(&second[cut..]);
        connection.reply().assert_ok(&json!({ "b": 2 }));
    }
}

/// What is no HTTP reaches no handler: a status, an empty body with its length, and the end of the connection.
#[test]
fn case_157_what_is_no_http() {
    let runner = Runner::with("identity");
    let many: String = (0..500)
        .map(|number| format!("X-{number}: x\r\n"))
        .collect();
    let start = "POST /run HTTP/1.1\r\n";
    for (head, status) in [
        (format!("{start}{many}\r\n"), 431),
        (format!("{start}X: {}", "x".repeat(500_000)), 431),
        ("hello\r\n\r\n".to_owned(), 400),
        (format!("{start}Content-Length: -1\r\n\r\n"), 400),
        (
            format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)),
            414,
        ),
    ] {
        let mut connection = runner.connect();
        let reply = connection.send(head.as_bytes()).reply();
        reply.assert_status(status);
        assert_eq!(reply.header("content-length"), Some("0"), "{reply}");
    }
    runner.post("/run", RUN).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_silent(1);
}
