//! How languages end a process when nobody catches what they throw.

use black_box::{Gate, Init, Runner, fixtures};
use serde_json::json;

/// In a run, while idle, in `init`, while the library is loaded: an exception that nobody catches, and its end.
#[test]
fn a_cpp_exception_that_leaves_the_library() {
    let library = fixtures::cpp("throw");
    for how in ["throw", "terminate"] {
        let runner = Runner::empty();
        for (variable, phase) in [
            ("THROW_AT_INIT", "during initialization"),
            ("THROW_AT_LOAD", "while its library was loaded"),
        ] {
            let init = Init::library(&library).env(json!({ variable: how }));
            runner
                .init(&init)
                .assert_names(502, &["SIGABRT (abort)", phase]);
        }
        runner
            .init(&Init::library(&library))
            .assert_ok(&json!({ "ok": true }));
        let gate = Gate::open();
        for round in 0..2 {
            runner
                .run(&json!({ "how": how }))
                .assert_error(502, "The action crashed: SIGABRT (abort).");
            let plan = json!({ "how": how, "idle": 1, "port": gate.port(), "round": round });
            runner.run(&plan).assert_ok(&plan);
            let mut visit = gate.arrival();
            visit.release();
            visit.gone();
            runner
                .run(&json!({ "a": round }))
                .assert_ok(&json!({ "a": round }));
        }
        let logs = runner.finish();
        logs.assert_ended(8);
        assert!(logs.err().contains("terminate called"), "{}", logs.err());
    }
}

/// A panic in a `Drop` that nothing else unwinds is a panic like any other; one while another unwinds is an abort.
#[test]
fn rust_panics_in_drop() {
    let runner = Runner::empty();
    let library = Init::library(&fixtures::rust());
    let init = |fault: &str| {
        library
            .clone()
            .main("echo")
            .env(json!({ "INIT_FAULT": fault }))
    };
    runner.init(&init("drop")).assert_names(502, &["in drop"]);
    runner
        .init(&init("double"))
        .assert_names(502, &["SIGABRT (abort)", "during initialization"]);
    runner
        .init(&library.clone().main("panic_in_drop"))
        .assert_status(200);
    for _ in 0..2 {
        runner.run(&json!({})).assert_names(502, &["in drop"]);
    }
    runner.finish().assert_ended(4);
}

#[test]
fn rust_panics_while_it_panics() {
    let runner = Runner::empty();
    let library = Init::library(&fixtures::rust());
    runner
        .init(&library.main("double_panic"))
        .assert_status(200);
    for _ in 0..2 {
        runner
            .run(&json!({}))
            .assert_error(502, "The action crashed: SIGABRT (abort).");
    }
    let logs = runner.finish();
    logs.assert_ended(2);
    assert!(logs.err().contains("first"), "{}", logs.err());
}

#[test]
fn rust_panics_while_it_panics_on_a_thread() {
    let runner = Runner::empty();
    let library = Init::library(&fixtures::rust());
    runner
        .init(&library.main("double_panic_idle"))
        .assert_status(200);
    let gate = Gate::open();
    for _ in 0..3 {
        runner
            .run(&json!({ "port": gate.port() }))
            .assert_ok(&json!({}));
        let mut visit = gate.arrival();
        visit.release();
        visit.gone();
    }
    runner.finish().assert_ended(3);
}

/// A panic hook of the action's own, and a panic: as without.
#[test]
fn rust_panic_hook() {
    let runner = Runner::empty();
    let library = Init::library(&fixtures::rust());
    runner.init(&library.main("panic_hook")).assert_status(200);
    for _ in 0..3 {
        runner
            .run(&json!({}))
            .assert_names(502, &["behind a hook of its own"]);
    }
    runner.finish().assert_ended(3);
}
