//! A library replaced under its callers: no answer fails, is lost, or is another's; a bad one changes nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use black_box::shelf::{Shelf, dying, refusing, version};
use black_box::{Gate, Launch, Runner, at_once, fixtures, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The version that answers a run right now. The answer belongs to the question, too.
fn version_now(runner: &Runner) -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let value = json!({ "number": NUMBER.fetch_add(1, Ordering::Relaxed) });
    checked(&runner.run(&value).assert_status(200).json(), &value)
}

fn checked(answer: &Value, value: &Value) -> u64 {
    assert_eq!(&answer["given"], value, "an answer to another question");
    answer["version"].as_u64().unwrap()
}

/// Waits until this version has answered, and the runner has said so.
fn until_version(runner: &Runner, number: u64) {
    let start = std::time::Instant::now();
    while version_now(runner) != number {
        assert!(
            start.elapsed() < black_box::LIMIT,
            "version {number} does not answer; stderr:\n{}",
            runner.stderr_text()
        );
    }
}

fn hang_up(runner: &Runner) {
    runner.signal(Signal::HUP);
}

#[test]
fn a_hang_up_signal_brings_the_new_library() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library).start();
    assert_eq!(version_now(&runner), 1);
    shelf.put(&version(2));
    assert_eq!(version_now(&runner), 1);
    hang_up(&runner);
    runner.stderr.until_text("action-runner: generation 2, ");
    until_version(&runner, 2);
    // Back again: the old file.
    shelf.put(&version(1));
    hang_up(&runner);
    runner.stderr.until_text("action-runner: generation 3, ");
    until_version(&runner, 1);
}

/// Callers with kept connections and callers with new ones, and a swap after the other.
#[test]
fn nobody_notices_under_load() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library).start();
    let swapped = AtomicBool::new(false);
    at_once(6, |caller| {
        if caller == 0 {
            // Also when a line does not come: the others would go on for ever.
            let _end = OnDrop(|| swapped.store(true, Ordering::Release));
            for generation in 2..12 {
                shelf.put(&version(generation % 3 + 1));
                hang_up(&runner);
                let line = format!("action-runner: generation {generation}, ");
                runner.stderr.until_text(&line);
            }
            return;
        }
        let mut kept = runner.connect();
        let mut round = 0;
        while !swapped.load(Ordering::Acquire) {
            let value = json!({ "caller": caller, "round": round });
            let body = json!({ "value": value }).to_string();
            let reply = match caller % 2 {
                0 => runner.connect().post("/run", body.as_bytes()),
                _ => kept.post("/run", body.as_bytes()),
            };
            checked(&reply.assert_status(200).json(), &value);
            round += 1;
        }
    });
    until_version(&runner, 3);
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// With several workers the swap reaches all of them.
#[test]
fn every_worker_gets_it() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library)
        .args(&["--workers", "3"])
        .start();
    for generation in 2..5 {
        shelf.put(&version(generation));
        hang_up(&runner);
        let line = format!("action-runner: generation {generation}, ");
        runner.stderr.until_text(&line);
        until_version(&runner, generation.into());
    }
    // All were ready when the line was written: the old ones accept nobody any more.
    for _ in 0..30 {
        assert_eq!(version_now(&runner), 4);
    }
}

/// Whatever is wrong with the new library, the old one goes on, and stderr says why. It survives a crash as well.
#[test]
fn a_bad_library_changes_nothing() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library).start();
    assert_eq!(version_now(&runner), 1);
    let text = |path| std::fs::read(path).unwrap();
    let whole = text(version(2));
    let bad: &[(&[u8], &str)] = &[
        (b"not a library", "a shared library (ELF .so) is needed"),
        (&whole[..whole.len() / 2], "The file is cut off"),
        (&text(fixtures::c("noabi")), "action_abi_version"),
        (&text(refusing()), "no database"),
        (&text(dying()), "SIGABRT"),
    ];
    for (bytes, words) in bad {
        shelf.put_bytes(bytes);
        hang_up(&runner);
        runner.stderr.until_text(words);
        assert_eq!(version_now(&runner), 1, "{words}");
    }
    shelf.remove();
    hang_up(&runner);
    runner.stderr.until_text("cannot be read");
    assert_eq!(version_now(&runner), 1);
    // The worker dies, and the file is gone: what was served is still there.
    for worker in processes::workers(runner.pid()) {
        processes::signal(worker, Signal::KILL);
    }
    assert_eq!(version_now(&runner), 1);
    shelf.put(&version(2));
    hang_up(&runner);
    until_version(&runner, 2);
}

/// The file is written over while it is mapped, which would crash whoever runs from it.
#[test]
fn written_over_in_place() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library).start();
    assert_eq!(version_now(&runner), 1);
    shelf.overwrite(b"");
    for _ in 0..10 {
        assert_eq!(version_now(&runner), 1);
    }
    shelf.overwrite(&std::fs::read(version(2)).unwrap());
    hang_up(&runner);
    until_version(&runner, 2);
}

/// The old worker finishes the run that it is in the middle of, while the new one serves.
#[test]
fn the_old_one_finishes_its_run() {
    let shelf = Shelf::with(&version(1));
    let runner = Launch::baked(&shelf.library).start();
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| runner.run(&json!({ "after": gate.port() })));
        let mut visit = gate.arrival();
        shelf.put(&version(2));
        hang_up(&runner);
        until_version(&runner, 2);
        visit.release();
        assert_eq!(slow.join().unwrap().assert_status(200).json()["version"], 1);
    });
    runner.until_tree(|tree| tree.len() == 3);
}
