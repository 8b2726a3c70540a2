//! Actions that do not come back, and callers or readers that keep an action from going on.

use black_box::capture::Capture;
use black_box::{Init, Launch, fixtures};
use serde_json::json;

fn impatient() -> Launch {
    Launch::empty().args(&["--timeout", "300ms", "--grace", "50ms"])
}

#[test]
fn in_a_run() {
    let runner = impatient().start();
    runner.init(&Init::of("die")).assert_status(200);
    for how in ["spin", "sleep", "deadlock"] {
        let reply = runner.run(&json!({ "how": how }));
        reply.assert_error(
            502,
            "The action exceeded its time limits of 300 milliseconds.",
        );
        runner
            .run(&json!({ "after": how }))
            .assert_ok(&json!({ "after": how }));
    }
    let logs = runner.finish();
    logs.assert_ended(6);
    assert_eq!(logs.out().matches("about to die").count(), 3);
}

#[test]
fn in_init_and_while_loading() {
    let runner = impatient().start();
    for variable in ["DIE_AT_INIT", "DIE_AT_LOAD"] {
        let init = Init::of("die").env(json!({ variable: "sleep" }));
        runner.init(&init).assert_names(
            502,
            &["The action exceeded its time limits of 300 milliseconds"],
        );
    }
    runner.init(&Init::of("die")).assert_status(200);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_ended(3);
}

/// Waiting callers are served by the next worker, in turn.
#[test]
fn callers_that_wait_behind_it() {
    let runner = impatient().start();
    runner.init(&Init::of("die")).assert_status(200);
    black_box::at_once(5, |caller| {
        if caller == 0 {
            runner
                .run(&json!({ "how": "spin" }))
                .assert_names(502, &["time limits"]);
        } else {
            runner
                .run(&json!({ "caller": caller }))
                .assert_ok(&json!({ "caller": caller }));
        }
    });
    runner.finish().assert_ended(5);
}

/// Nobody reads the log for a while: the run waits, or is ended when its time is up; nothing is lost for good.
#[test]
fn log_that_nobody_reads() {
    let (reader, writer) = std::io::pipe().unwrap();
    let runner = Launch::baked(&fixtures::c("flood"))
        .args(&["--timeout", "10s"])
        .start_into(writer);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&json!({ "bytes": 1 << 20 })));
        runner.stderr.until_text("x\n");
        let stdout = Capture::of(reader);
        let reply = run.join().unwrap();
        assert!(matches!(reply.status, 200 | 502), "{reply}");
        stdout.until_sentinels(1);
        runner.run(&json!({ "bytes": 64 })).assert_status(200);
        stdout.until_sentinels(2);
    });
    drop(runner);
}

/// The watchdog looks at runs, not at workers: between runs any time may pass.
#[test]
fn idle_time_does_not_count() {
    let runner = impatient().start();
    runner.init(&Init::of("state")).assert_status(200);
    for count in 1..=10 {
        runner.run(&json!({})).assert_ok(&json!({ "count": count }));
        std::thread::sleep(std::time::Duration::from_millis(60)); // the case itself: time passes
    }
    runner.finish().assert_silent(10);
}
