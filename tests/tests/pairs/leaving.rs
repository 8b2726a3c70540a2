//! A worker that leaves holds nobody up: others serve, however long its callers take.

use std::path::Path;

use black_box::http::request;
use black_box::shelf::Shelf;
use black_box::{Connection, Launch, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::json;

use super::Change;

/// Asks for more than the kernel takes for it, and reads nothing of the answer.
fn slow_reader(runner: &Runner) -> Connection {
    let mut connection = runner.connect();
    let body = json!({ "value": { "n": 30_000_000 } }).to_string();
    connection.send(&request("POST", "/run", &[], body.as_bytes()));
    connection
}

fn small(runner: &Runner) {
    runner
        .run(&json!({ "n": 9 }))
        .assert_ok(&json!({ "s": "x" }));
}

#[test]
fn a_slow_reader_at_every_change() {
    for change in Change::ALL {
        let shelf = Shelf::with(&fixtures::c("bigout"));
        let runner = Launch::baked(&shelf.library).args(&["--watch"]).start();
        let _slow = slow_reader(&runner);
        small(&runner);
        change.happen(&runner, &shelf, &fixtures::c_with("bigout", &["-g"]));
        for _ in 0..20 {
            small(&runner);
        }
        // And once more: the next change does not wait for the first to end.
        for worker in processes::workers(runner.pid()) {
            processes::signal(worker, Signal::KILL);
        }
        small(&runner);
    }
}

/// As many readers as may keep workers from leaving, and more: runs go on.
#[test]
fn slow_readers_and_a_worker_after_the_other() {
    for workers in ["1", "2"] {
        let runner = Launch::baked(&fixtures::c("bigout"))
            .args(&["--max-runs", "2", "--workers", workers])
            .start();
        let mut slow = Vec::new();
        for _ in 0..12 {
            slow.push(slow_reader(&runner));
            for _ in 0..5 {
                small(&runner);
            }
        }
        let living = processes::workers(runner.pid()).len();
        assert!(living <= 12, "{living} workers");
    }
}

/// Who takes nothing of an answer is let go, and sees it.
#[test]
fn a_reader_that_reads_nothing_is_let_go() {
    let runner = Launch::baked(&fixtures::c("bigout"))
        .args(&["--read-timeout", "400ms"])
        .start();
    let mut slow = slow_reader(&runner);
    small(&runner);
    runner.signal(Signal::HUP);
    runner.stderr.until_text("action-runner: generation 2, ");
    runner.until_tree(|tree| tree.iter().filter(|it| it.name == "worker").count() == 1);
    assert!(slow.try_reply("POST").is_err(), "all of it came");
    runner.finish();
}

/// Kept connections, and halves of requests, go on in the next worker, whatever the reason.
#[test]
fn callers_go_on() {
    let body = br#"{"value":{"a":1}}"#;
    let bytes = request("POST", "/run", &[], body);
    for change in Change::ALL {
        let shelf = Shelf::with(&fixtures::c("identity"));
        let runner = Launch::baked(&shelf.library).args(&["--watch"]).start();
        let mut idle: Vec<Connection> = (0..100).map(|_| runner.connect()).collect();
        for connection in &mut idle {
            connection.post("/run", body).assert_status(200);
        }
        let mut halves: Vec<Connection> = (0..20).map(|_| runner.connect()).collect();
        for (end, half) in (1..).zip(&mut halves) {
            half.send(&bytes[..end]);
        }
        runner.run(&json!({})).assert_status(200);
        change.happen(&runner, &shelf, &fixtures::c_with("identity", &["-g"]));
        for (end, half) in (1..).zip(&mut halves) {
            half.send(&bytes[end..])
                .reply()
                .assert_ok(&json!({ "a": 1 }));
        }
        for connection in idle.iter_mut().chain(&mut halves) {
            connection.post("/run", body).assert_ok(&json!({ "a": 1 }));
        }
        runner.finish();
    }
}

/// An ordinary user with few descriptors: the kernel takes only so many connections in flight, and the keeper offers the
/// others again. The next worker takes its time to load.
#[test]
fn many_callers_of_an_ordinary_user() {
    let words = ["setpriv", "--reuid=65534", "--clear-groups"];
    if !black_box::launch::allowed(&words) {
        return;
    }
    let start = |library: &Path| {
        let limit = ["prlimit", "--nofile=1024"];
        let words: Vec<&str> = words.iter().chain(&limit).copied().collect();
        Launch::baked(library).under(&words).start()
    };
    let beside = start(&fixtures::c("identity"));
    let runner = start(&fixtures::c("lateinit"));
    let body = br#"{"value":{"a":1}}"#;
    let bytes = request("POST", "/run", &[], body);
    let mut kept: Vec<Connection> = (0..800).map(|_| runner.connect()).collect();
    for connection in &mut kept {
        connection.post("/run", body).assert_status(200);
    }
    let mut halves: Vec<Connection> = (0..60).map(|_| runner.connect()).collect();
    for half in &mut halves {
        half.send(&bytes[..bytes.len() / 2]);
    }
    kept[0].post("/run", body).assert_status(200);
    for worker in processes::workers(runner.pid()) {
        processes::signal(worker, Signal::KILL);
    }
    beside.run(&json!({ "b": 1 })).assert_ok(&json!({ "b": 1 }));
    for half in &mut halves {
        let reply = half.send(&bytes[bytes.len() / 2..]).reply();
        reply.assert_ok(&json!({ "a": 1 }));
    }
    for connection in &mut kept {
        connection.post("/run", body).assert_ok(&json!({ "a": 1 }));
    }
}

/// The table of descriptors grows while it is shared: nobody is lost over it.
#[test]
fn many_connections() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .ulimit("-n 4096")
        .start();
    let mut kept = Vec::new();
    for number in 0..1200 {
        let mut connection = runner.connect();
        let value = json!({ "number": number });
        let body = json!({ "value": value }).to_string();
        connection.post("/run", body.as_bytes()).assert_ok(&value);
        kept.push(connection);
    }
    for worker in processes::workers(runner.pid()) {
        processes::signal(worker, Signal::KILL);
    }
    for connection in &mut kept {
        let reply = connection.post("/run", br#"{"value":{"a":1}}"#);
        reply.assert_ok(&json!({ "a": 1 }));
    }
    runner.finish();
}
