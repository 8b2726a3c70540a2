//! Runs that share a worker with one that ends it: 502 with the cause for all that had started, since nobody knows which of
//! them it was; and nothing at all for those that had not.

use black_box::http::request;
use black_box::{Gate, Init, Launch, Runner};
use serde_json::{Value, json};

use super::DEATHS;

fn concurrent(runs: &str) -> Runner {
    let runner = Launch::empty().args(&["--concurrency", runs]).start();
    runner.init(&Init::of("die")).assert_status(200);
    runner
}

/// Three stand at the gate, two wait for a thread, and one of the three dies.
fn one_of_three(runner: &Runner, how: &str, extra: &Value, words: &str, told: &str) {
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let start = |how: &str, extra: &Value| {
            let value = json!({ "how": how, "port": gate.port() });
            let extra = extra.clone();
            scope.spawn(move || runner.run_with(&value, &extra))
        };
        let neighbours = ["live", "live"].map(|how| start(how, &json!({})));
        let mut waiting = [gate.arrival(), gate.arrival()];
        let culprit = start(how, extra);
        let mut fatal = gate.arrival();
        let later = [0, 1].map(|number| {
            let mut connection = runner.connect();
            let value = json!({ "number": number });
            let body = json!({ "value": value }).to_string();
            connection.send(&request("POST", "/run", &[], body.as_bytes()));
            (connection, value)
        });
        // Whoever is answered after them was read after them: they have been read, and have not begun.
        for _ in 0..2 {
            runner.post("/nowhere", "").assert_status(404);
        }
        fatal.release();
        culprit.join().unwrap().assert_names(502, &[words]);
        waiting.iter_mut().for_each(black_box::gate::Visit::gone);
        for run in neighbours {
            let reply = run.join().unwrap();
            reply.assert_names(502, &[told]);
        }
        for (mut connection, value) in later {
            connection.reply().assert_ok(&value);
        }
    });
}

#[test]
fn of_a_death() {
    let runner = concurrent("3");
    for (how, words) in DEATHS {
        one_of_three(
            &runner,
            how,
            &json!({}),
            words,
            "Another run in the same process may have",
        );
    }
    runner.finish().assert_ended(5 * DEATHS.len());
}

/// The thread of a run ends, and the process lives on without it.
#[test]
fn of_a_lost_thread() {
    let runner = concurrent("3");
    for how in ["end_thread", "pthread_exit"] {
        one_of_three(
            &runner,
            how,
            &json!({}),
            "SIGABRT",
            "Another run in the same process",
        );
    }
    runner.finish().assert_ended(5 * 2);
}

#[test]
fn of_an_overrun() {
    let runner = Launch::empty()
        .args(&["--concurrency", "3", "--grace", "50ms"])
        .start();
    runner.init(&Init::of("die")).assert_status(200);
    for how in ["spin", "sleep", "deadlock"] {
        let extra = json!({ "deadline": "1" });
        one_of_three(
            &runner,
            how,
            &extra,
            "The action exceeded its time limits",
            "Another run exceeded its time limit",
        );
    }
    runner.finish().assert_ended(5 * 3);
}

/// Half a request has been read when another run ends the process: it is answered as if nothing had happened.
#[test]
fn half_a_request() {
    for launch in [
        Launch::empty(),
        Launch::empty().args(&["--concurrency", "2"]),
    ] {
        let runner = launch.start();
        runner.init(&Init::of("die")).assert_status(200);
        for size in [0, 1, 500, 5000, 15_000] {
            let value = json!({ "pad": "x".repeat(size) });
            let body = json!({ "value": value }).to_string();
            let bytes = request("POST", "/run", &[], body.as_bytes());
            for at in [1, 20, bytes.len() / 2, bytes.len() - 1] {
                let mut connection = runner.connect();
                connection.send(&bytes[..at]);
                // Whoever is answered after it was read after it.
                runner.run(&json!({})).assert_status(200);
                runner
                    .run(&json!({ "how": "segv" }))
                    .assert_names(502, &["SIGSEGV"]);
                connection.send(&bytes[at..]);
                connection.reply().assert_ok(&value);
                let again = connection.post("/run", body.as_bytes());
                again.assert_ok(&value);
            }
        }
    }
}

/// More than is kept for the next worker: "send it again", at once.
#[test]
fn half_a_large_request() {
    let runner = Runner::with("die");
    let value = json!({ "pad": "x".repeat(1 << 20) });
    let body = json!({ "value": value }).to_string();
    let bytes = request("POST", "/run", &[], body.as_bytes());
    for _ in 0..3 {
        let mut connection = runner.connect();
        connection.send(&bytes[..900_000]);
        runner.run(&json!({})).assert_status(200);
        runner.run(&json!({ "how": "abort" })).assert_status(502);
        let reply = connection.reply();
        assert_eq!(reply.status, 503, "{reply}");
        assert!(reply.error().contains("again"), "{reply}");
    }
    runner.post("/run", body.as_bytes()).assert_ok(&value);
}
