//! Libraries that kill every worker that has them: the cause at once for every caller, no busy loop, and an end to it when
//! the library is well again or replaced.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use black_box::http::request;
use black_box::shelf::version;
use black_box::{Init, LIMIT, Launch, Runner, Shelf, fixtures};
use rustix::process::Signal;
use serde_json::json;

/// A runner whose library was well at `/init` and dies ever after, until `well` is there again.
fn sick(variable: &str, how: &str) -> (Runner, std::path::PathBuf) {
    let runner = Launch::empty()
        .args(&["--timeout", "300ms", "--grace", "50ms"])
        .start();
    let well = runner.folder().join("well");
    File::create(&well).unwrap();
    let env = json!({ variable: how, "DIE_UNLESS": well });
    runner.init(&Init::of("die").env(env)).assert_status(200);
    fs::remove_file(&well).unwrap();
    (runner, well)
}

#[track_caller]
fn until_well(runner: &Runner) {
    let start = Instant::now();
    while runner.run(&json!({ "a": 1 })).status != 200 {
        assert!(start.elapsed() < LIMIT, "it did not recover");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn cause_and_recovery() {
    for (variable, how, words) in [
        (
            "DIE_AT_LOAD",
            "segv",
            ["SIGSEGV", "while its library was loaded"],
        ),
        (
            "DIE_AT_LOAD",
            "exit",
            ["exit status 3", "while its library was loaded"],
        ),
        ("DIE_AT_INIT", "abort", ["SIGABRT", "during initialization"]),
        ("DIE_AT_INIT", "kill", ["SIGKILL", "during initialization"]),
        (
            "DIE_AT_INIT",
            "sleep",
            ["time limits of 300", "during initialization"],
        ),
        ("DIE_SOON", "segv", ["SIGSEGV", "crashed"]),
        (
            "DIE_SOON",
            "rawexit",
            ["exit status 4", "ended its process"],
        ),
    ] {
        let (runner, well) = sick(variable, how);
        runner
            .run(&json!({ "how": "bus" }))
            .assert_names(502, &["SIGBUS"]);
        if variable == "DIE_SOON" {
            // It serves for a moment each time, until that is noticed.
            runner.stderr.until_text(words[0]);
        }
        for _ in 0..5 {
            runner.run(&json!({})).assert_names(502, &words);
        }
        File::create(&well).unwrap();
        until_well(&runner);
        runner.finish();
    }
}

/// Nobody asks for anything: the tree tries again from time to time, and does not spin.
#[test]
fn no_busy_loop() {
    for variable in ["DIE_AT_LOAD", "DIE_AT_INIT", "DIE_SOON"] {
        let (runner, _well) = sick(variable, "rawexit");
        runner
            .run(&json!({ "how": "segv" }))
            .assert_names(502, &["SIGSEGV"]);
        let before = ticks(&runner);
        std::thread::sleep(Duration::from_secs(2)); // the case itself: time passes
        let spent = ticks(&runner) - before;
        // A hundred ticks a second; four tries cost less than one.
        assert!(spent < 20, "{variable}: {spent} ticks in two seconds");
    }
}

/// Processor time of the master and its reaped descendants.
fn ticks(runner: &Runner) -> u64 {
    let processes = runner.tree().into_iter().map(|process| process.pid);
    let times = processes.map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        // utime, stime, and those of children that have been waited for.
        let times = fields
            .skip(11)
            .take(4)
            .filter_map(|it| it.parse::<u64>().ok());
        times.sum::<u64>()
    });
    times.sum()
}

/// Another library takes the place of one that dies at every load.
#[test]
fn replaced() {
    let shelf = Shelf::with(&fixtures::c("die"));
    let well = std::env::temp_dir().join(format!("black-box-well-{}", std::process::id()));
    File::create(&well).unwrap();
    let runner = Launch::baked(&shelf.library)
        .env("DIE_AT_LOAD", "fpe")
        .env("DIE_UNLESS", well.to_str().unwrap())
        .start();
    fs::remove_file(&well).unwrap();
    runner.signal(Signal::HUP);
    runner.stderr.until_text("generation 1 goes on serving");
    // The one that serves is older than its sickness; once it is gone, only the sickness is left.
    runner
        .run(&json!({ "how": "segv" }))
        .assert_names(502, &["SIGSEGV"]);
    runner.run(&json!({})).assert_names(502, &["SIGFPE"]);
    shelf.put(&version(2));
    runner.signal(Signal::HUP);
    runner.stderr.until_text("action-runner: generation 2, ");
    runner
        .run(&json!({ "b": 2 }))
        .assert_ok(&json!({ "version": 2, "given": { "b": 2 } }));
}

/// A caller that takes its time with a request holds nobody up when its worker is replaced.
#[test]
fn a_slow_caller_and_a_new_worker() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--max-runs", "1"])
        .start();
    let bytes = request("POST", "/run", &[], br#"{"value":{"slow":1}}"#);
    let mut slow = runner.connect();
    slow.send(&bytes[..bytes.len() - 3]);
    for number in 0..10 {
        let value = json!({ "number": number });
        runner.run(&value).assert_ok(&value);
    }
    slow.send(&bytes[bytes.len() - 3..]);
    slow.reply().assert_ok(&json!({ "slow": 1 }));
    runner.finish().assert_silent(11);
}
