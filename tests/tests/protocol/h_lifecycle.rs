//! Group H: several runs at once, start and end, and limits of the container.

use black_box::{Gate, Init, Launch, Runner, at_once, fixtures, processes};
use rustix::process::Signal;
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

#[test]
fn case_166_signals_while_idle() {
    for signal in [Signal::TERM, Signal::INT] {
        for runner in [Runner::empty(), Runner::with("identity")] {
            let mut runner = runner;
            let open = runner.connect();
            runner.signal(signal);
            let status = runner.exit_status();
            assert_eq!(status.code(), Some(0), "{signal:?}: {status}");
            runner.until_tree(<[_]>::is_empty);
            drop(open);
        }
    }
}

#[test]
fn case_167_sigterm_in_the_middle_of_a_run() {
    let runner = Launch::empty().arg("--grace").arg("15s").start();
    runner.init(&Init::of("gate")).assert_status(200);
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&json!({ "port": gate.port(), "id": 1 })));
        let mut visit = gate.arrival();
        runner.signal(Signal::TERM);
        visit.release();
        assert_eq!(run.join().unwrap().assert_status(200).json()["id"], 1);
    });
    runner.finish().assert_ended(1);
}

/// As process 1 of its own namespace: SIGTERM works without a handler's help from outside, orphans are reaped.
#[test]
fn case_168_process_1() {
    let namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !allowed(&namespace) {
        return;
    }
    let runner = Launch::baked(&fixtures::c("fork"))
        .under(&namespace)
        .start();
    for _ in 0..5 {
        runner
            .run(&json!({ "how": "exit", "count": 3 }))
            .assert_ok(&json!({ "parent": true }));
    }
    let master = processes::children(runner.pid())[0].pid;
    runner.until_tree(|tree| tree.iter().all(|process| process.state != 'Z'));
    processes::signal(master, Signal::TERM);
    runner.until_tree(<[_]>::is_empty);
}

/// True when this machine lets the tests do that; the image's own tests do it in any case.
fn allowed(words: &[&str]) -> bool {
    let status = std::process::Command::new(words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    status.is_ok_and(|output| output.status.success())
}

/// Frozen for longer than any limit: time that nobody could use does not count.
#[test]
fn case_169_frozen_and_thawed() {
    let runner = Launch::empty()
        .args(&["--timeout", "500ms", "--grace", "100ms"])
        .start();
    runner.init(&Init::of("gate")).assert_status(200);
    let gate = Gate::open();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| runner.run(&json!({ "port": gate.port() })));
        let mut visit = gate.arrival();
        for process in runner.tree() {
            processes::signal(process.pid, Signal::STOP);
        }
        std::thread::sleep(std::time::Duration::from_millis(1500)); // the case itself: time passes
        for process in runner.tree() {
            processes::signal(process.pid, Signal::CONT);
        }
        visit.release();
        run.join().unwrap().assert_status(200);
    });
    runner.finish().assert_ended(1);
}

/// No limit was given that has passed: the runner leaves the run alone. Killing it leaves nothing behind.
#[test]
fn case_170_killed_in_the_middle_of_a_run() {
    let mut runner = Runner::with("gate");
    let gate = Gate::open();
    let body = json!({ "value": { "port": gate.port() } }).to_string();
    let mut connection = runner.connect();
    connection.send(&black_box::http::request(
        "POST",
        "/run",
        &[],
        body.as_bytes(),
    ));
    let mut visit = gate.arrival();
    runner.signal(Signal::KILL);
    runner.exit_status();
    visit.gone();
    runner.until_tree(<[_]>::is_empty);
}

/// The deadline of the request counts, with the grace; one that lies in the past does not harm a run that is quick.
#[test]
fn case_171_deadlines() {
    let runner = Launch::empty().args(&["--grace", "50ms"]).start();
    runner.init(&Init::of("die")).assert_status(200);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    for deadline in ["123".to_owned(), (now + 200).to_string()] {
        let reply = runner.run_with(&json!({ "how": "sleep" }), &json!({ "deadline": deadline }));
        reply.assert_names(
            502,
            &["The action exceeded its time limits of", "milliseconds"],
        );
        runner
            .run_with(&json!({}), &json!({ "deadline": "123" }))
            .assert_status(200);
    }
    runner.finish().assert_ended(4);
}

#[test]
fn case_172_memory_after_a_thousand_large_runs() {
    let runner = Runner::with("identity");
    let body = json!({ "value": { "a": "x".repeat(1 << 20) } }).to_string();
    let mut connection = runner.connect();
    let mut run = |count: usize| {
        for _ in 0..count {
            connection.post("/run", body.as_bytes()).assert_status(200);
        }
        runner
            .tree()
            .iter()
            .map(|process| resident(process.pid))
            .sum::<usize>()
    };
    let (early, late) = (run(100), run(900));
    assert!(
        late < early + (8 << 20) && late < 64 << 20,
        "resident memory went from {early} to {late} bytes"
    );
}

fn resident(pid: i32) -> usize {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}

/// More connections than descriptors: whoever can be served is, and afterwards everybody.
#[test]
fn case_173_connection_flood() {
    let limited = ["sh", "-c", "ulimit -n 64 && exec \"$@\"", "sh"];
    let runner = Launch::baked(&fixtures::c("identity"))
        .under(&limited)
        .start();
    let flood: Vec<_> = (0..200).map(|_| runner.connect()).collect();
    drop(flood);
    for _ in 0..20 {
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    }
    runner.finish().assert_silent(20);
}

#[test]
fn case_174_nowhere_to_write() {
    let library = std::fs::read(fixtures::c("identity")).unwrap();
    let zip = Init::zip(&[black_box::Entry::file("libaction.so", &library)]);
    let nobody = [
        "setpriv",
        "--reuid",
        "65532",
        "--regid",
        "65532",
        "--clear-groups",
    ];
    let mut launches = vec![Launch::empty().env("TMPDIR", "/nowhere/at/all")];
    if allowed(&nobody) {
        launches.push(Launch::empty().env("TMPDIR", "/proc").under(&nobody));
    }
    for launch in launches {
        let runner = launch.start();
        let reply = runner.init(&zip);
        if reply.status != 200 {
            reply.assert_names(502, &["unpacked", "folder"]);
            runner.init(&Init::bytes(&library)).assert_status(200);
        }
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.finish();
    }
}

#[test]
fn case_175_noexec_and_read_only() {
    let shell = "mount -t tmpfs -o noexec tmpfs \"$TMPDIR\" && mount -o remount,bind,ro / 2>/dev/null; exec \"$@\"";
    let namespace = ["unshare", "--mount", "sh", "-c", shell, "sh"];
    if !allowed(&[
        "unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt",
    ]) {
        return;
    }
    let library = std::fs::read(fixtures::c("cwd")).unwrap();
    let zip = Init::zip(&[
        black_box::Entry::file("libaction.so", &library),
        black_box::Entry::file("data.txt", b"companion"),
    ]);
    for init in [Init::bytes(&library), zip] {
        let runner = Launch::empty().under(&namespace).start();
        let reply = runner.init(&init);
        if reply.status == 200 {
            runner.run(&json!({})).assert_status(200);
        } else {
            reply.assert_status(502).error();
        }
        runner.finish();
    }
}

#[test]
fn case_177_two_containers() {
    let runners = [Runner::with("state"), Runner::with("identity")];
    runners[0].run(&json!({})).assert_ok(&json!({ "count": 1 }));
    runners[1]
        .run(&json!({ "a": 1 }))
        .assert_ok(&json!({ "a": 1 }));
    runners[0].run(&json!({})).assert_ok(&json!({ "count": 2 }));
}

#[test]
#[ignore = "takes a minute"]
fn case_178_a_minute_between_start_and_init() {
    let runner = Runner::empty();
    let mut probe = runner.connect();
    std::thread::sleep(std::time::Duration::from_secs(61)); // the case itself: time passes
    runner.init(&Init::of("identity")).assert_status(200);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    assert!(probe.finish().closed());
}

#[test]
fn case_179_started_anew() {
    for _ in 0..2 {
        let waiting = Runner::empty();
        waiting
            .run(&json!({}))
            .assert_error(500, "no action defined yet");
        let baked = Launch::baked(&fixtures::c("state")).start();
        baked.run(&json!({})).assert_ok(&json!({ "count": 1 }));
    }
}

#[test]
fn case_180_single_entry_point_only_when_asked_for() {
    let runner = Runner::with("identity");
    runner
        .post("/", r#"{"init":{},"activation":{},"value":{"a":1}}"#)
        .assert_status(404);
    runner.finish().assert_silent(0);
}
