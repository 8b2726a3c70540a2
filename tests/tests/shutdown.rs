//! SIGTERM: what runs is finished, what is new is sent elsewhere, and a second signal ends it at once.

use std::net::SocketAddr;

use black_box::http::request;
use black_box::shelf::version;
use black_box::{Connection, Gate, Launch, Runner};
use rustix::process::Signal;
use serde_json::json;

/// A runner whose draining can be seen from outside.
fn start(arguments: &[&str]) -> (Runner, SocketAddr) {
    let launch = Launch::baked(&version(1)).args(&["--admin", "127.0.0.1:0"]);
    let runner = launch.args(arguments).start();
    let admin = runner.stderr.take_line("action-runner: admin on ").unwrap();
    (runner, admin.parse().unwrap())
}

/// Waits until the runner says that it wants no more requests.
fn until_draining(admin: SocketAddr) {
    let start = std::time::Instant::now();
    loop {
        let mut connection = Connection::open(admin);
        let reply = connection
            .send(&request("GET", "/readyz", &[], b""))
            .reply();
        if reply.status == 503 {
            assert_eq!(reply.json()["draining"], true);
            return;
        }
        assert!(start.elapsed() < black_box::LIMIT, "{reply}");
    }
}

#[test]
fn a_run_is_finished_and_new_ones_are_refused() {
    let (mut runner, admin) = start(&["--grace", "15s"]);
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| runner.run(&json!({ "after": gate.port() })));
        let mut visit = gate.arrival();
        runner.signal(Signal::TERM);
        until_draining(admin);
        // The worker is busy: the connection waits in the kernel's queue.
        let mut second = runner.connect();
        second.send(&request("POST", "/run", &[], br#"{"value":{}}"#));
        visit.release();
        first.join().unwrap().assert_status(200);
        second.reply().assert_names(503, &["shutting down"]);
    });
    assert_eq!(runner.exit_status().code(), Some(0));
    runner.until_tree(<[_]>::is_empty);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut runner, admin) = start(&["--grace", "1h"]);
        let gate = Gate::open();
        let mut connection = runner.connect();
        let body = json!({ "value": { "after": gate.port() } }).to_string();
        connection.send(&request("POST", "/run", &[], body.as_bytes()));
        let mut visit = gate.arrival();
        runner.signal(Signal::TERM);
        until_draining(admin);
        runner.signal(signal);
        assert_eq!(runner.exit_status().code(), Some(1));
        visit.gone();
        runner.until_tree(<[_]>::is_empty);
    }
}

/// A run that does not end within the grace is answered before the program leaves.
#[test]
fn the_grace_is_over() {
    let (mut runner, _) = start(&["--grace", "100ms"]);
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&json!({ "after": gate.port() })));
        let mut visit = gate.arrival();
        runner.signal(Signal::TERM);
        let reply = run.join().unwrap();
        reply.assert_names(502, &["the runner is stopping", "--grace"]);
        visit.gone();
    });
    assert_eq!(runner.exit_status().code(), Some(0));
    runner.until_tree(<[_]>::is_empty);
}

/// While a platform still sends, new runs are served; only readiness fails.
#[test]
fn the_drain_delay() {
    let (mut runner, admin) = start(&["--drain-delay", "1h"]);
    runner.signal(Signal::TERM);
    until_draining(admin);
    for _ in 0..3 {
        let mut connection = runner.connect();
        let last = [("Connection", "close")];
        connection.send(&request("POST", "/run", &last, br#"{"value":{}}"#));
        connection.reply().assert_status(200);
        // So that the worker, too, knows that nothing is owed any more.
        assert!(connection.closed());
    }
    runner.signal(Signal::TERM);
    assert_eq!(runner.exit_status().code(), Some(0), "nothing was lost");
    runner.until_tree(<[_]>::is_empty);
    let (mut runner, admin) = start(&["--drain-delay", "200ms"]);
    runner.signal(Signal::TERM);
    until_draining(admin);
    runner.run(&json!({})).assert_status(200);
    assert_eq!(runner.exit_status().code(), Some(0));
}
