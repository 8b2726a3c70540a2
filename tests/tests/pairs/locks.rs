//! What the kernel keeps for a process is one process's: locks exclude the old worker and the new one, and end with a death.

use black_box::shelf::Shelf;
use black_box::{Gate, Launch, Runner, fixtures};
use serde_json::{Value, json};

use super::Change;

fn got(runner: &Runner, value: &Value) -> bool {
    let reply = runner.run(value);
    reply.assert_status(200).json()["got"].as_bool().unwrap()
}

/// The old worker holds a lock in a run that goes on; the new one must not get it, and gets it afterwards.
#[test]
fn exclude_the_old_worker_and_the_new_one() {
    for change in [Change::HangUp, Change::Watch] {
        let shelf = Shelf::with(&fixtures::c("filelock"));
        let file = shelf.library.with_file_name("locked");
        let runner = Launch::baked(&shelf.library)
            .args(&["--watch"])
            .env("LOCK_FILE", &file.to_string_lossy())
            .start();
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| got(&runner, &json!({ "port": gate.port() })));
            let mut visit = gate.arrival();
            change.happen(&runner, &shelf, &fixtures::c_with("filelock", &["-g"]));
            assert!(!got(&runner, &json!({})), "{change:?}: both hold the lock");
            visit.release();
            assert!(holder.join().unwrap(), "{change:?}");
        });
        assert!(got(&runner, &json!({})), "{change:?}");
        runner.finish();
    }
}

/// The first look of the next worker, while its library is loaded, finds no lock of the dead one.
#[test]
fn end_with_a_death() {
    let shelf = Shelf::with(&fixtures::c("initlock"));
    let file = shelf.library.with_file_name("locked");
    let runner = Launch::baked(&shelf.library)
        .env("LOCK_FILE", &file.to_string_lossy())
        .start();
    for death in 0..20 {
        assert!(got(&runner, &json!({})), "after {death} deaths");
        runner.run(&json!({ "how": "die" })).assert_status(502);
    }
    runner.finish();
}

/// The same for one that is taken in a run and held by the death of that run.
#[test]
fn of_a_dead_run_are_gone() {
    let shelf = Shelf::with(&fixtures::c("filelock"));
    let file = shelf.library.with_file_name("locked");
    let runner = Launch::baked(&shelf.library)
        .env("LOCK_FILE", &file.to_string_lossy())
        .start();
    for _ in 0..20 {
        runner.run(&json!({ "how": "die" })).assert_status(502);
        assert!(got(&runner, &json!({})));
    }
    runner.finish();
}
