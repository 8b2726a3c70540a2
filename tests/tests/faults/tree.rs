//! What an action can do to the rest of the tree: its keeper, the descriptors that both share, the end of it all.

use std::time::{Duration, Instant};

use black_box::http::request;
use black_box::{Connection, Gate, Init, LIMIT, Launch, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Asks until somebody answers well. A connection may be lost with the table it was in; nobody waits in vain.
#[track_caller]
fn until_served(runner: &Runner, value: &Value) {
    let start = Instant::now();
    loop {
        match ask(&mut runner.connect(), value) {
            Ok(200) => return,
            Err(why) => assert!(!why.contains("nothing within"), "left waiting: {why}"),
            Ok(_) => {}
        }
        assert!(start.elapsed() < LIMIT, "nobody serves any more");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ask(connection: &mut Connection, value: &Value) -> Result<u16, String> {
    let body = json!({ "value": value }).to_string();
    connection.send(&request("POST", "/run", &[], body.as_bytes()));
    let reply = connection.try_reply("POST")?;
    Ok(reply.status)
}

/// The shared table is overwritten: all of it, or its upper part only.
#[test]
fn descriptors_led_elsewhere() {
    for from in [3, 6, 9, 12, 15, 18, 21, 24] {
        let runner = Launch::baked(&fixtures::c("disturb")).start();
        for _ in 0..2 {
            let answered = ask(
                &mut runner.connect(),
                &json!({ "how": "dup", "from": from }),
            );
            assert!(
                !answered.is_err_and(|why| why.contains("nothing within")),
                "the caller was left waiting"
            );
            until_served(&runner, &json!({}));
        }
        let before = processor_time(&runner);
        std::thread::sleep(Duration::from_millis(300)); // the case itself: nothing happens, and costs nothing
        let spent = processor_time(&runner) - before;
        assert!(spent < 10, "from {from}: {spent} ticks of 30 for nothing");
        runner.finish();
    }
}

fn processor_time(runner: &Runner) -> u64 {
    let times = runner.tree().into_iter().map(|process| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid));
        let stat = stat.unwrap_or_default();
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let times = fields.skip(11).take(2);
        times.filter_map(|it| it.parse::<u64>().ok()).sum::<u64>()
    });
    times.sum()
}

/// A keeper is killed: the run that is under way is answered by its worker, and another pair takes its place.
#[test]
fn a_dead_keeper() {
    let runner = Runner::with("die");
    let mut kept = runner.connect();
    let body = json!({ "value": { "a": 1 } }).to_string();
    for _ in 0..5 {
        let gate = Gate::open();
        kept.post("/run", body.as_bytes()).assert_status(200);
        let value = json!({ "how": "live", "port": gate.port() });
        std::thread::scope(|scope| {
            let run = scope.spawn(|| runner.run(&value).status);
            let mut visit = gate.arrival();
            let before = processes::keepers(runner.pid());
            for keeper in &before {
                processes::signal(*keeper, Signal::KILL);
            }
            // The next pair serves while the run is still under way.
            runner.run(&json!({ "a": 2 })).assert_status(200);
            visit.release();
            assert_eq!(run.join().unwrap(), 200);
        });
        kept.post("/run", body.as_bytes()).assert_status(200);
    }
    runner.finish().assert_ended(5 * 4);
}

/// A signal to the worker's whole process group is its death, and nobody else's.
#[test]
fn a_signal_to_the_group() {
    let runner = Runner::with("die");
    for _ in 0..3 {
        runner
            .run(&json!({ "how": "group" }))
            .assert_error(502, "The action crashed: SIGTERM (termination).");
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    }
    runner.finish().assert_ended(6);
}

/// Stopped by its own hand: an overrun like any other.
#[test]
fn a_stopped_worker() {
    let runner = Launch::empty()
        .args(&["--timeout", "200ms", "--grace", "50ms"])
        .start();
    runner.init(&Init::of("die")).assert_status(200);
    for _ in 0..2 {
        runner
            .run(&json!({ "how": "stop" }))
            .assert_names(502, &["time limits of 200 milliseconds"]);
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    }
    runner.finish().assert_ended(4);
}

/// What a dead worker has left behind holds copies of the callers' connections: their end is seen all the same.
#[test]
fn children_with_copies_of_connections() {
    let runner = Runner::with("fork");
    let mut kept = runner.connect();
    let body = json!({ "value": { "how": "linger" } }).to_string();
    kept.post("/run", body.as_bytes()).assert_status(200);
    for worker in processes::workers(runner.pid()) {
        processes::signal(worker, Signal::KILL);
    }
    // It was idle, and goes on; then it is closed, although the children still have it.
    let last = request(
        "POST",
        "/run",
        &[("Connection", "close")],
        br#"{"value":{}}"#,
    );
    kept.send(&last).reply().assert_status(200);
    assert!(kept.closed());
    runner.finish();
}

/// SIGTERM at any moment of a life full of deaths: status 0, in time, and nobody is left.
#[test]
fn sigterm_at_any_moment() {
    for delay in (0..30).map(|step| Duration::from_micros(700 * step)) {
        let mut runner = Launch::baked(&fixtures::c("die"))
            .args(&["--grace", "2s"])
            .start();
        let address = runner.address;
        let caller = std::thread::spawn(move || {
            let mut answers = Vec::new();
            for how in ["segv", "none", "exit", "none", "kill"] {
                let Some(mut connection) = Connection::try_open(address) else {
                    return answers;
                };
                answers.push(ask(&mut connection, &json!({ "how": how })));
            }
            answers
        });
        std::thread::sleep(delay); // the case itself: the moment
        runner.signal(Signal::TERM);
        assert_eq!(runner.exit_status().code(), Some(0), "after {delay:?}");
        runner.until_tree(<[_]>::is_empty);
        for answer in caller.join().unwrap() {
            match answer {
                Ok(status) => assert!(matches!(status, 200 | 502 | 503), "{status}"),
                Err(why) => assert!(!why.contains("nothing within"), "left waiting"),
            }
        }
    }
}

/// The same while it starts: before it listens, while the library is loaded.
#[test]
fn sigterm_while_it_starts() {
    let gate = Gate::open();
    let launch = Launch::empty().env("GATE", &gate.port().to_string());
    let mut child = launch
        .arg(fixtures::c("slowinit").as_os_str())
        .args(&["--grace", "200ms", "--listen", "127.0.0.1:0"])
        .spawn();
    let mut visit = gate.arrival();
    processes::signal(child.id().cast_signed(), Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    visit.gone();
}
