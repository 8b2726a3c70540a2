//! The end of the program, and the ends of its parts on the way there.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use black_box::http::request;
use black_box::{Launch, Runner, fixtures, processes};
use rustix::process::Signal;
use serde_json::json;

/// A crash while new runs are still accepted is a crash like any other.
#[test]
fn a_crash_inside_the_drain_delay() {
    let mut runner = Launch::baked(&fixtures::c("die"))
        .args(&["--drain-delay", "1h"])
        .start();
    runner.signal(Signal::TERM);
    for how in ["segv", "exit", "kill"] {
        runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
        runner.run(&json!({ "how": how })).assert_status(502);
    }
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.signal(Signal::TERM);
    assert_eq!(runner.exit_status().code(), Some(0));
}

/// Whatever has escaped its session or its parent goes with the program, and never answers for it.
#[test]
fn nothing_outlives_the_program() {
    for how in ["setsid", "twice"] {
        for signal in [Signal::TERM, Signal::KILL] {
            let mut runner = Launch::baked(&fixtures::c("escape")).start();
            runner.run(&json!({ "how": how })).assert_status(200);
            for _ in 0..50 {
                runner.run(&json!({})).assert_ok(&json!({}));
            }
            runner.signal(signal);
            runner.exit_status();
            let since = Instant::now();
            runner.until_tree(<[_]>::is_empty);
            assert!(
                since.elapsed() < Duration::from_secs(2),
                "{how}, {signal:?}"
            );
            assert!(
                TcpStream::connect(runner.address).is_err(),
                "{how}, {signal:?}"
            );
        }
    }
}

/// What a dead worker's action has left behind goes with it.
#[test]
fn what_a_dead_worker_leaves_behind() {
    let runner = Launch::baked(&fixtures::c("escape")).start();
    let before = runner.tree().len();
    for how in ["setsid", "twice"] {
        runner.run(&json!({ "how": how })).assert_status(200);
    }
    for worker in processes::workers(runner.pid()) {
        processes::signal(worker, Signal::KILL);
    }
    runner.run(&json!({})).assert_ok(&json!({}));
    runner.until_tree(|tree| tree.len() == before);
    runner.finish();
}

/// Children that an action does not wait for do not stay as zombies.
#[test]
fn children_are_reaped() {
    let runner = Launch::baked(&fixtures::c("fork")).start();
    for _ in 0..10 {
        runner
            .run(&json!({ "how": "exit", "count": 3 }))
            .assert_status(200);
    }
    let since = Instant::now();
    let zombies = || {
        let workers = processes::workers(runner.pid()).into_iter();
        let children = workers.flat_map(processes::children);
        children.filter(|child| child.state == 'Z').count()
    };
    while zombies() > 0 {
        assert!(since.elapsed() < black_box::LIMIT, "{} zombies", zombies());
        std::thread::sleep(Duration::from_millis(20));
    }
    runner.finish();
}

/// A caller that has sent half a head is no run: the program does not wait for it.
#[test]
fn half_a_head() {
    let mut runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--grace", "1h"])
        .start();
    let mut half = runner.connect();
    half.send(b"POST /run HT");
    runner.run(&json!({})).assert_status(200);
    runner.signal(Signal::TERM);
    assert_eq!(runner.exit_status().code(), Some(0));
    assert!(half.closed());
}

/// Times that are longer than any clock.
#[test]
fn times_without_end() {
    let long = "10000000000000000000";
    let mut runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--grace", long, "--drain-delay", long])
        .start();
    runner.signal(Signal::TERM);
    runner.run(&json!({})).assert_status(200);
    runner.signal(Signal::TERM);
    assert_eq!(runner.exit_status().code(), Some(0));
    assert!(!runner.stderr_text().contains("panicked"));
}

/// Where too little is left to serve, the program ends and says what is scarce.
#[test]
fn too_little_to_begin_with() {
    for (limit, words) in [("-n 40", "descriptors"), ("-n 20", "descriptors")] {
        let set = format!("ulimit {limit} && exec \"$@\"");
        let (mut command, ..) = Launch::empty().under(&["sh", "-c", &set, "sh"]).command();
        let output = command
            .arg(fixtures::c("identity"))
            .args(["--listen", "127.0.0.1:0"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{limit}: {said}");
        assert!(said.contains(words), "{limit}: {said}");
    }
}

/// Many requests that come at once by one connection leave others their turn.
#[test]
fn requests_in_one_piece() {
    let runner = Launch::baked(&fixtures::c("sleep")).start();
    let one = request("POST", "/run", &[], br#"{"value":{"ms":2}}"#);
    let mut many = runner.connect();
    many.send(&one.repeat(500));
    many.reply().assert_status(200);
    let other = runner.run(&json!({}));
    other.assert_status(200);
    let mut left = 499;
    while many.try_reply("POST").is_ok() {
        left -= 1;
        if left == 0 {
            break;
        }
    }
    assert_eq!(left, 0);
    runner.finish();
}

/// Two runners that share a place for archives, each process 1 of its own world, do not meet there.
#[test]
fn a_shared_place_for_archives() {
    let folder = std::env::temp_dir().join(format!("black-box-shared-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let library = std::fs::read(fixtures::c("cwd")).unwrap();
    let init = |data: &[u8]| {
        let entries = [
            black_box::Entry::file("libaction.so", &library),
            black_box::Entry::file("data.txt", data),
        ];
        black_box::Init::zip(&entries)
    };
    let start = || -> Runner {
        let place = folder.to_string_lossy().into_owned();
        Launch::empty().env("TMPDIR", &place).start()
    };
    let (one, other) = (start(), start());
    one.init(&init(b"one")).assert_status(200);
    other.init(&init(b"other")).assert_status(200);
    one.finish();
    let seen = other.run(&json!({})).assert_status(200).text();
    assert!(seen.contains("other"), "{seen}");
    other.finish();
    let left = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(left, 0, "something was left behind");
    std::fs::remove_dir_all(&folder).unwrap();
}
