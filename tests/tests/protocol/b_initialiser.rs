//! Group B: initialisers that fail, die, or take their time.

use black_box::{Gate, Init, Runner, fixtures};
use serde_json::{Value, json};

fn ok() -> Value {
    json!({ "ok": true })
}

#[test]
fn case_040_initialiser_panics_or_aborts() {
    let library = fixtures::rust();
    let runner = Runner::empty();
    let panics = Init::library(&library).env(json!({ "INIT_FAULT": "panic" }));
    runner
        .init(&panics)
        .assert_names(502, &["panicked", "the initialiser fell over"]);
    for (variable, words) in [
        ("DIE_AT_INIT", ["during initialization", "SIGABRT"]),
        ("DIE_AT_LOAD", ["while its library was loaded", "SIGABRT"]),
    ] {
        runner
            .init(&Init::of("die").env(json!({ variable: "abort" })))
            .assert_names(502, &words);
    }
    runner.init(&Init::library(&library)).assert_ok(&ok());
    let logs = runner.finish();
    logs.assert_ended(3);
    assert!(
        logs.err().contains("the initialiser fell over"),
        "{}",
        logs.err()
    );
}

/// `action_init` says no: its own text is the cause.
#[test]
fn case_041_initialiser_refuses() {
    let runner = Runner::empty();
    for (fail, words) in [
        ("error", "the database is away"),
        ("panic", "the initialiser gave up"),
        ("status", "failed"),
    ] {
        runner
            .init(&Init::of("initfail").env(json!({ "FAIL": fail })))
            .assert_names(502, &["init", words]);
    }
    let library = Init::library(&fixtures::rust()).env(json!({ "INIT_FAULT": "error" }));
    runner.init(&library).assert_names(502, &["no database"]);
    runner
        .init(&Init::of("initfail").env(json!({ "FAIL": "none" })))
        .assert_ok(&ok());
    let logs = runner.finish();
    logs.assert_ended(4);
    assert!(logs.err().contains("connecting"), "{}", logs.err());
}

/// An initialiser that ends the process politely, or not at all.
#[test]
fn case_042_initialiser_exits() {
    let runner = Runner::empty();
    for (how, words) in [
        ("exit", "exit status 3"),
        ("rawexit", "exit status 4"),
        ("kill", "killed"),
    ] {
        for variable in ["DIE_AT_INIT", "DIE_AT_LOAD"] {
            runner
                .init(&Init::of("die").env(json!({ variable: how })))
                .assert_names(502, &[words]);
        }
    }
    runner.init(&Init::of("identity")).assert_ok(&ok());
    runner.finish().assert_ended(6);
}

#[test]
fn case_045_run_while_init_is_in_progress() {
    let runner = Runner::empty();
    let gate = Gate::open();
    let init = Init::of("slowinit").env(json!({ "GATE": gate.port().to_string() }));
    std::thread::scope(|scope| {
        let initialised = scope.spawn(|| runner.init(&init));
        let mut visit = gate.arrival();
        let early = scope.spawn(|| runner.run(&json!({ "a": 1 })));
        visit.release();
        initialised.join().unwrap().assert_ok(&ok());
        let early = early.join().unwrap();
        assert!(matches!(early.status, 200 | 500), "{early}");
    });
    runner.run(&json!({ "a": 2 })).assert_ok(&json!({ "a": 2 }));
    runner.finish().assert_ended(2);
}
