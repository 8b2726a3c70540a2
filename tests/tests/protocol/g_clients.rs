//! Group G, second half: clients that are slow, break off, send too much or nonsense; and many at once.

use black_box::http::request;
use black_box::{Init, Runner, at_once};
use serde_json::json;

const RUN: &[u8] = br#"{"value":{"a":1}}"#;

/// Ordinary large headers pass; absurd ones are refused or cut off; the next caller notices nothing.
#[test]
fn case_157_oversized_headers() {
    let runner = Runner::with("identity");
    let ordinary = request("POST", "/run", &[("Authorization", &"x".repeat(8000))], RUN);
    let reply = runner.connect().send(&ordinary).reply();
    reply.assert_ok(&json!({ "a": 1 }));
    let names: Vec<_> = (0..5000).map(|number| format!("X-{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
    for absurd in [&[("X", "x".repeat(4 << 20).as_str())][..], &many] {
        if let Ok(reply) = runner
            .connect()
            .send(&request("POST", "/run", absurd, RUN))
            .try_reply("POST")
        {
            assert!(matches!(reply.status, 400 | 431), "{reply}");
        }
    }
    runner.post("/run", RUN).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_silent(2);
}

#[test]
fn case_158_connections_that_say_nothing() {
    let runner = Runner::with("identity");
    let mut slow = runner.connect();
    slow.send(b"POST /run HTTP/1.1\r\nHo");
    let silent: Vec<_> = (0..20).map(|_| runner.connect()).collect();
    for _ in 0..50 {
        drop(runner.connect());
    }
    runner.post("/run", RUN).assert_ok(&json!({ "a": 1 }));
    slow.send(b"st: x\r\nContent-Length: 17\r\n\r\n")
        .send(RUN)
        .reply()
        .assert_ok(&json!({ "a": 1 }));
    drop(silent);
    runner.finish().assert_silent(2);
}

#[test]
fn case_159_client_gone_in_the_middle_of_a_run() {
    let runner = Runner::with("gate");
    let gate = black_box::Gate::open();
    let body = json!({ "value": { "port": gate.port() } }).to_string();
    let mut connection = runner.connect();
    connection.send(&request("POST", "/run", &[], body.as_bytes()));
    let mut visit = gate.arrival();
    drop(connection);
    visit.release();
    runner.stdout.until_sentinels(1);
    let next = std::thread::scope(|scope| {
        let next = scope.spawn(|| runner.post("/run", &body));
        gate.arrival().release();
        next.join().unwrap()
    });
    next.assert_status(200);
    let logs = runner.finish();
    logs.assert_ended(2);
    assert_eq!(logs.out().matches("end").count(), 2);
}

#[test]
fn case_160_client_gone_in_the_middle_of_its_body() {
    let runner = Runner::empty();
    let head = b"POST /init HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n{\"value\":{\"code\":\"";
    for _ in 0..5 {
        runner
            .connect()
            .send(&[head, &[b'A'; 100_000][..]].concat());
        runner.connect().send(
            b"POST /init HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"va",
        );
    }
    runner.init(&Init::of("state")).assert_status(200);
    runner.run(&json!({})).assert_ok(&json!({ "count": 1 }));
}

/// A body that comes in pieces keeps nobody else waiting.
#[test]
fn case_161_slow_body() {
    let runner = Runner::with("identity");
    let mut slow = runner.connect();
    let bytes = request("POST", "/run", &[], RUN);
    for piece in bytes.chunks(10) {
        slow.send(piece);
        runner
            .post("/run", r#"{"value":{"quick":1}}"#)
            .assert_ok(&json!({ "quick": 1 }));
    }
    slow.reply().assert_ok(&json!({ "a": 1 }));
}

/// What is no HTTP, or HTTP that two readers could read in two ways, is refused, and harms nobody.
#[test]
fn requests_that_are_no_http() {
    let runner = Runner::with("state");
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"POST /run HTTP/9.9\r\n\r\n",
        b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}",
        b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
        b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        b"POST /run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /run HTTP/1.1\r\nHo st: x\r\n\r\n",
    ] {
        let mut connection = runner.connect();
        if let Ok(reply) = connection.send(bytes).finish().try_reply("POST") {
            assert!(
                (400..500).contains(&reply.status),
                "{}: {reply}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
    runner.run(&json!({})).assert_ok(&json!({ "count": 1 }));
}

#[test]
fn many_callers_get_their_own_answers() {
    let runner = Runner::with("identity");
    at_once(32, |caller| {
        let mut connection = runner.connect();
        for round in 0..20 {
            let value = json!({ "caller": caller, "round": round });
            connection
                .post("/run", json!({ "value": value }).to_string().as_bytes())
                .assert_ok(&value);
        }
    });
    runner.finish().assert_silent(640);
}
