//! What one worker has read, another does not find; and what callers hold is bounded by what the container has.

use black_box::{Connection, Group, Launch, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Runs that leave their mark, and how often others find it.
fn found(runner: &Runner, first: &str, second: &str) -> u64 {
    let value = json!({ "first": first, "second": second });
    let answer = runner.run(&value).assert_status(200).json();
    answer["found"].as_u64().unwrap()
}

fn leave(runner: &Runner, mark: &str) {
    let value: Value = json!({ "mark": mark });
    runner.run(&value).assert_status(200);
}

/// A fresh worker's first run finds no byte that an earlier worker has read.
#[test]
fn a_fresh_worker_finds_nothing() {
    for arguments in [["--workers", "1"], ["--workers", "2"]] {
        let runner = Launch::baked(&fixtures::c("searching"))
            .args(&arguments)
            .args(&["--max-runs", "1000000"])
            .start();
        let mut kept = runner.connect();
        for round in 0..5 {
            let (first, second) = (format!("needle-{round}-"), "in-the-haystack".repeat(2));
            let mark = format!("{first}{second}");
            let body = json!({ "value": { "mark": mark } }).to_string();
            for _ in 0..4 {
                leave(&runner, &mark);
                kept.post("/run", body.as_bytes()).assert_status(200);
            }
            // So that the search can find something: where it was left, it is.
            let before: u64 = (0..8).map(|_| found(&runner, &first, &second)).sum();
            assert!(before > 0, "the search does not find what is there");
            for worker in processes::workers(runner.pid()) {
                processes::signal(worker, Signal::KILL);
            }
            runner.until_tree(|tree| {
                let workers = tree
                    .iter()
                    .filter(|it| it.name == "worker" && it.state != 'Z');
                workers.count().to_string() == arguments[1]
            });
            assert_eq!(found(&runner, &first, &second), 0, "{arguments:?}");
        }
        runner.finish();
    }
}

/// So many idle connections that a small container could not hold them: nobody dies of them, and others are served.
#[test]
fn idle_connections_in_a_small_container() {
    let Some(group) = Group::memory(24 << 20) else {
        return;
    };
    let limits = ["prlimit", "--nofile=8192"].map(str::to_owned);
    let words: Vec<String> = group.words().into_iter().chain(limits).collect();
    let runner = Launch::baked(&fixtures::c("identity"))
        .under(&words)
        .start();
    let before = processes::workers(runner.pid());
    let mut idle: Vec<Connection> = (0..1100).map(|_| runner.connect()).collect();
    idle[0]
        .post("/run", br#"{"value":{"a":1}}"#)
        .assert_ok(&json!({ "a": 1 }));
    idle.truncate(200);
    for number in 0..20 {
        let value = json!({ "number": number });
        runner.run(&value).assert_ok(&value);
    }
    assert_eq!(before, processes::workers(runner.pid()), "a worker died");
    runner.finish();
}

/// Unknown members of runs become variables of a bounded size.
#[test]
fn unknown_members() {
    let runner = Launch::baked(&fixtures::c("identity")).start();
    let resident = || -> u64 {
        let worker = processes::workers(runner.pid())[0];
        let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.unwrap().parse().unwrap()
    };
    let run = |number: u32| {
        let extra = json!({ format!("member{number}"): "x".repeat(8_000_000) });
        runner.run_with(&json!({}), &extra).assert_status(200);
    };
    run(0);
    let before = resident();
    (1..12).for_each(run);
    let grown = resident().saturating_sub(before);
    assert!(grown < 24_000, "{grown} kB");
    runner.finish();
}
