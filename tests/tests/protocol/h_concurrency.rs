//! Group H: several runs at once.

use black_box::{Gate, Init, Launch, Runner, at_once};
use serde_json::json;

#[test]
fn case_163_serial_by_default() {
    let runner = Runner::with("overlap");
    let replies = at_once(4, |id| {
        runner
            .run(&json!({ "id": id, "ms": 5 }))
            .assert_status(200)
            .json()
    });
    for (id, reply) in replies.iter().enumerate() {
        assert_eq!(reply, &json!({ "id": id, "most": 1 }));
    }
    let logs = runner.finish();
    logs.assert_ended(4);
    let out = logs.out();
    let lines: Vec<_> = out.lines().collect();
    for pair in lines.chunks(2) {
        assert_eq!(pair[0].replace("begin", "end"), pair[1], "{out}");
    }
}

/// All 128 stand at the gate before any is let through; the sentinels come together, at the end.
#[test]
fn case_164_concurrent_runs() {
    for launch in [
        Launch::empty().env("__OW_ALLOW_CONCURRENT", "true"),
        Launch::empty().arg("--concurrency").arg("128"),
    ] {
        let runner = launch.start();
        runner.init(&Init::of("gate")).assert_status(200);
        let gate = Gate::open();
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..128)
                .map(|id| {
                    let (runner, gate) = (&runner, &gate);
                    scope.spawn(move || runner.run(&json!({ "port": gate.port(), "id": id })))
                })
                .collect();
            let mut visits: Vec<_> = runs.iter().map(|_| gate.arrival()).collect();
            for visit in &mut visits {
                visit.release();
            }
            for (id, run) in runs.into_iter().enumerate() {
                assert_eq!(run.join().unwrap().assert_status(200).json()["id"], id);
            }
        });
        let logs = runner.finish();
        logs.assert_ended(128);
        for text in [&logs.stdout, &logs.stderr] {
            let text = String::from_utf8_lossy(text);
            let first = text
                .lines()
                .position(|line| line == black_box::SENTINEL)
                .unwrap();
            assert_eq!(
                text.lines().skip(first).count(),
                128,
                "a line of the action after a sentinel:\n{text}"
            );
        }
    }
}

#[test]
fn case_165_no_more_at_once_than_allowed() {
    let runner = Launch::empty().arg("--concurrency").arg("2").start();
    runner.init(&Init::of("overlap")).assert_status(200);
    let replies = at_once(12, |id| {
        runner
            .run(&json!({ "id": id, "ms": 3 }))
            .assert_status(200)
            .json()
    });
    for (id, reply) in replies.iter().enumerate() {
        assert_eq!(reply["id"], id);
        assert!(reply["most"].as_i64().unwrap() <= 2, "{reply}");
    }
    runner.finish().assert_ended(12);
}
