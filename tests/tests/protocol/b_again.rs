//! An `/init` for what is loaded already, and one beside another that fails.

use black_box::http::request;
use black_box::{Init, Launch, Runner, fixtures};
use serde_json::{Value, json};

fn ok() -> Value {
    json!({ "ok": true })
}

/// The `/init` of a platform that has no code to send.
fn no_code(main: &str) -> Init {
    Init::code("").without("code").main(main)
}

/// A library that has been serving, under another name: from then on every process calls that one.
#[test]
fn another_entry_point() {
    for arguments in [
        &["--main", "niam"][..],
        &["--main", "niam", "--workers", "3"],
        &["--main", "niam", "--concurrency", "3"],
        &["--main", "niam", "--max-runs", "2"],
    ] {
        let runner = Launch::baked(&fixtures::c("alt")).args(arguments).start();
        for _ in 0..6 {
            runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        }
        let reply = runner.init(&no_code("nope"));
        reply.assert_names(502, &["nope", "niam", "other"]);
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        let mut kept = runner.connect();
        kept.post("/run", br#"{"value":{"a":1}}"#)
            .assert_ok(&json!({ "a": 1 }));
        runner.init(&no_code("other")).assert_ok(&ok());
        for _ in 0..12 {
            runner
                .run(&json!({ "a": 1 }))
                .assert_ok(&json!({ "other": true }));
        }
        kept.post("/run", br#"{"value":{"a":1}}"#)
            .assert_ok(&json!({ "other": true }));
        assert_eq!(runner.init(&no_code("niam")).status, 403);
        runner.finish();
    }
}

/// With several workers each serves with what the `/init` brought, whichever of them had been serving before.
#[test]
fn the_environment_for_all_workers() {
    let runner = Launch::baked(&fixtures::c("env"))
        .args(&["--workers", "3"])
        .start();
    for _ in 0..9 {
        runner.run(&json!({})).assert_status(200);
    }
    let init = no_code("main").env(json!({ "__OW_MARK": "set" }));
    runner.init(&init).assert_ok(&ok());
    for _ in 0..24 {
        let reply = runner.run(&json!({}));
        assert_eq!(reply.json()["__OW_MARK"], "set", "{reply}");
    }
    runner.finish();
}

/// A run that is being read when another entry point is asked for is answered once, by one or the other.
#[test]
fn half_a_run_beside_it() {
    for arguments in [
        &["--main", "niam"][..],
        &["--main", "niam", "--workers", "2"],
        &["--main", "niam", "--concurrency", "2"],
    ] {
        let runner = Launch::baked(&fixtures::c("alt")).args(arguments).start();
        let bytes = request("POST", "/run", &[], br#"{"value":{"a":1}}"#);
        let mut halves: Vec<_> = (0..8).map(|_| runner.connect()).collect();
        for half in &mut halves {
            half.post("/run", br#"{"value":{"a":1}}"#)
                .assert_ok(&json!({ "a": 1 }));
            half.send(&bytes[..bytes.len() - 5]);
        }
        runner.post("/nowhere", "").assert_status(404);
        runner.init(&no_code("other")).assert_ok(&ok());
        for half in &mut halves {
            half.send(&bytes[bytes.len() - 5..]);
            let result = half.reply().assert_status(200).json();
            assert!(
                result == json!({ "a": 1 }) || result == json!({ "other": true }),
                "{result}"
            );
            half.post("/run", b"{}")
                .assert_ok(&json!({ "other": true }));
        }
        runner.finish();
    }
}

/// What has been read by a process in which an `/init` fails is not tried there: a small one goes on in the next, a large
/// one has to be sent again.
#[test]
fn beside_one_that_fails() {
    let runner = Runner::empty();
    let (bad, good) = (Init::of("initfail"), Init::of("identity"));
    let large = Init::of("identity").with("pad", json!("x".repeat(1 << 20)));
    let [small, large] =
        [good.body(), large.body()].map(|body| request("POST", "/init", &[], &body));
    let half = |bytes: &[u8], end: usize| {
        let mut connection = runner.connect();
        connection.send(&bytes[..end]);
        connection
    };
    let mut beside = [half(&large, large.len() / 2), half(&small, 1000)];
    runner.post("/nowhere", "").assert_status(404);
    runner
        .init(&bad)
        .assert_names(502, &["the database is away"]);
    beside[0].send(&large[large.len() / 2..]);
    beside[0].reply().assert_names(502, &["send it again"]);
    // What came in one piece with it is for the next process, too, and has to be sent there.
    let mut both = runner.connect();
    both.send(&[request("POST", "/init", &[], &bad.body()), small.clone()].concat());
    let reply = both.reply();
    assert_eq!(
        (reply.status, reply.header("connection")),
        (502, Some("close"))
    );
    beside[1].send(&small[1000..]);
    beside[1].reply().assert_ok(&ok());
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_ended(4);
}

/// A platform that gets 503 for an `/init` loses the activation.
#[test]
fn beside_one_that_crashes() {
    let runner = Runner::empty();
    let large = Init::of("identity").with("pad", json!("x".repeat(1 << 20)));
    let bytes = request("POST", "/init", &[], &large.body());
    let mut connection = runner.connect();
    connection.send(&bytes[..bytes.len() / 2]);
    // Whoever is answered after it was read after it.
    runner.post("/nowhere", "").assert_status(404);
    let crash = Init::of("die").env(json!({ "DIE_AT_LOAD": "abort" }));
    runner.init(&crash).assert_names(502, &["SIGABRT"]);
    connection.reply().assert_names(502, &["send it again"]);
    runner.init(&large).assert_ok(&ok());
    runner.finish();
}
