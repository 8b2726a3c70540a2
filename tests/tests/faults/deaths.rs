//! Every way in which a process ends, at every time: in a run, while idle, in `init`, while the library is loaded.

use std::fs;

use black_box::{Gate, Init, Runner, SENTINEL, at_once, fixtures};
use serde_json::json;

use super::DEATHS;

#[test]
fn in_a_run() {
    let runner = Runner::with("die");
    for (how, words) in DEATHS {
        runner
            .run(&json!({ "how": how }))
            .assert_names(502, &["The action", words]);
        runner
            .run(&json!({ "after": how }))
            .assert_ok(&json!({ "after": how }));
    }
    let logs = runner.finish();
    let expected = format!("about to die\n{SENTINEL}\n{SENTINEL}\n").repeat(DEATHS.len());
    assert_eq!(String::from_utf8_lossy(&logs.stdout), expected);
    let expected = format!("last words\n{SENTINEL}\n{SENTINEL}\n").repeat(DEATHS.len());
    assert_eq!(String::from_utf8_lossy(&logs.stderr), expected);
}

/// A process without the thread that serves would live on, and its caller wait.
#[test]
fn only_the_thread_of_the_run_ends() {
    let runner = Runner::with("die");
    let ways = [("end_thread", "exit status 0"), ("pthread_exit", "SIGABRT")];
    for (how, words) in ways {
        runner
            .run(&json!({ "how": how }))
            .assert_names(502, &["The action ", words]);
        runner
            .run(&json!({ "after": how }))
            .assert_ok(&json!({ "after": how }));
    }
    runner.finish().assert_ended(2 * ways.len());
}

/// Nobody waits for an answer: nobody gets one, and the next caller a good one.
#[test]
fn while_idle() {
    let gate = Gate::open();
    let runner = Runner::with("die");
    for (how, _) in DEATHS {
        let plan = json!({ "how": how, "idle": 1, "port": gate.port() });
        runner.run(&plan).assert_ok(&plan);
        let mut visit = gate.arrival();
        visit.release();
        visit.gone();
        runner
            .run(&json!({ "after": how }))
            .assert_ok(&json!({ "after": how }));
    }
    runner.finish().assert_ended(2 * DEATHS.len());
}

#[test]
fn in_init_and_while_loading() {
    for (variable, phase) in [
        ("DIE_AT_INIT", "during initialization"),
        ("DIE_AT_LOAD", "while its library was loaded"),
    ] {
        let runner = Runner::empty();
        // `exit` waits for the loader's lock, which is held while a library is loaded: from another thread that is a
        // deadlock, and belongs to the overruns.
        let ends = |how: &str| (variable, how) != ("DIE_AT_LOAD", "exit_thread");
        let deaths = || DEATHS.iter().filter(|(how, _)| ends(how));
        for (how, words) in deaths() {
            let init = Init::of("die").env(json!({ variable: how }));
            runner.init(&init).assert_names(502, &[words, phase]);
        }
        runner
            .run(&json!({}))
            .assert_error(500, "no action defined yet");
        runner.init(&Init::of("die")).assert_status(200);
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish().assert_ended(deaths().count() + 2);
    }
}

/// What `/init` delivered survives: library, entry point, environment, unpacked files.
#[test]
fn the_next_worker_has_what_init_delivered() {
    let library = fs::read(fixtures::c("die")).unwrap();
    let runner = Runner::empty();
    let env = json!({ "DIE_UNLESS": "./data.txt", "DIE_AT_LOAD": "abort", "DIE_AT_INIT": "abort" });
    let init = Init::zip(&[
        black_box::Entry::file("libaction.so", &library),
        black_box::Entry::file("data.txt", b"companion"),
    ]);
    runner.init(&init.env(env)).assert_status(200);
    for round in 0..3 {
        runner.run(&json!({ "how": "rawexit" })).assert_status(200); // ./data.txt is there: it lives
        runner
            .run(&json!({ "round": round }))
            .assert_ok(&json!({ "round": round }));
    }
    runner.finish().assert_ended(6);
}

/// Ordinary callers beside one that kills the worker again and again: nobody notices.
#[test]
fn under_load() {
    let runner = Runner::with("die");
    at_once(5, |caller| {
        for round in 0..25 {
            if caller == 0 {
                let (how, words) = DEATHS[round % DEATHS.len()];
                runner
                    .run(&json!({ "how": how }))
                    .assert_names(502, &[words]);
            } else {
                let value = json!({ "caller": caller, "round": round });
                runner.run(&value).assert_ok(&value);
            }
        }
    });
    runner.finish().assert_ended(125);
}

/// The same over kept connections. One that was idle may be closed; an answer is never another's.
#[test]
fn under_load_with_kept_connections() {
    let runner = Runner::with("die");
    at_once(5, |caller| {
        if caller == 0 {
            for _ in 0..20 {
                runner
                    .run(&json!({ "how": "segv" }))
                    .assert_names(502, &["SIGSEGV"]);
            }
            return;
        }
        let mut connection = runner.connect();
        for round in 0..100 {
            let value = json!({ "caller": caller, "round": round });
            let body = json!({ "value": value }).to_string();
            connection.send(&black_box::http::request(
                "POST",
                "/run",
                &[],
                body.as_bytes(),
            ));
            match connection.try_reply("POST") {
                Ok(reply) => drop(reply.assert_ok(&value)),
                Err(_) => connection = runner.connect(),
            }
        }
    });
}
