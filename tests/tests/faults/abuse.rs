//! Actions that leave their process in a bad state and go on: the run is answered, and so is the next one.

use black_box::{Launch, Runner, fixtures};
use serde_json::{Value, json};

/// The run with this parameter is answered by one of these statuses; then good runs are answered well.
#[track_caller]
fn survives(runner: &Runner, value: &Value, statuses: &[u16]) {
    for round in 0..3 {
        let reply = runner.run(value);
        assert!(statuses.contains(&reply.status), "{value}: {reply}");
        reply.json();
        let next = runner.run(&json!({ "round": round }));
        assert_eq!(next.status, 200, "after {value}: {next}");
    }
}

#[test]
fn state_of_the_process() {
    for how in [
        "chdir", "handlers", "masks", "umask", "setenv", "threads", "clearenv",
    ] {
        let runner = Runner::with("disturb");
        survives(&runner, &json!({ "how": how }), &[200]);
        runner.finish().assert_ended(6);
    }
}

#[test]
fn limits_of_the_process() {
    for how in ["files", "limits"] {
        let runner = Launch::baked(&fixtures::c("disturb"))
            .ulimit("-n 256")
            .start();
        survives(&runner, &json!({ "how": how }), &[200, 502]);
        runner.finish().assert_ended(6);
    }
}

/// The connection of the very caller is among what is closed: that one may be lost, nobody else.
#[test]
fn closed_descriptors() {
    for from in [0, 3] {
        let runner = Runner::with("closefds");
        for _ in 0..3 {
            let mut connection = runner.connect();
            let body = json!({ "value": { "from": from } }).to_string();
            connection.send(&black_box::http::request(
                "POST",
                "/run",
                &[],
                body.as_bytes(),
            ));
            match connection.try_reply("POST") {
                Ok(reply) => assert!(matches!(reply.status, 200 | 502), "{reply}"),
                Err(why) => assert!(
                    !why.contains("nothing within"),
                    "the caller was left waiting"
                ),
            }
            runner.run(&json!({})).assert_ok(&json!({}));
        }
        runner.finish();
    }
}

#[test]
fn children_and_grandchildren() {
    let runner = Runner::with("fork");
    for _ in 0..3 {
        runner
            .run(&json!({ "how": "exit", "count": 5 }))
            .assert_ok(&json!({ "parent": true }));
    }
    runner.until_tree(|tree| tree.iter().all(|process| process.state != 'Z'));
    runner.finish().assert_silent(3);
}

/// `finish` checks that none is left.
#[test]
fn children_that_linger() {
    let runner = Runner::with("fork");
    runner
        .run(&json!({ "how": "linger", "count": 2 }))
        .assert_ok(&json!({ "parent": true }));
    runner.run(&json!({})).assert_ok(&json!({ "parent": true }));
    runner.finish().assert_silent(2);
}

/// The child believes that it is the server: it must not answer a second time, nor take other callers' requests.
#[test]
fn child_that_returns_into_the_server() {
    let runner = Runner::with("fork");
    for _ in 0..3 {
        let mut connection = runner.connect();
        let reply = connection.post("/run", br#"{"value":{"how":"return"}}"#);
        assert!(matches!(reply.status, 200 | 502), "{reply}");
        for _ in 0..10 {
            runner.run(&json!({})).assert_ok(&json!({ "parent": true }));
        }
    }
    runner.finish();
}

#[test]
fn all_the_memory_there_is() {
    let runner = Launch::baked(&fixtures::c("memory"))
        .ulimit("-v 1000000")
        .start();
    let reply = runner.run(&json!({ "all": 1 }));
    assert!(matches!(reply.status, 200 | 502), "{reply}");
    let next = (0..3)
        .map(|_| runner.run(&json!({})).status)
        .collect::<Vec<_>>();
    assert!(next.contains(&200), "{next:?}");
    runner.finish().assert_ended(4);
}

/// A worker that has grown, or has served long enough, is replaced between runs; nobody notices.
#[test]
fn leaks() {
    for limit in [["--max-rss", "20"], ["--max-runs", "5"]] {
        let runner = Launch::baked(&fixtures::c("memory")).args(&limit).start();
        for _ in 0..40 {
            runner.run(&json!({ "mb": 1 })).assert_ok(&json!({}));
        }
        runner.finish().assert_silent(40);
    }
}
