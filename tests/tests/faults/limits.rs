//! The limits of the container: what an action uses up is its worker's loss, never the keeper's or the master's.

use black_box::launch::allowed;
use black_box::{Entry, Gate, Group, Init, Launch, Runner, fixtures, processes};
use serde_json::json;

const MEGABYTES: u64 = 64;
/// How often it is used up: what happens in the moment of a kill differs from one to the next.
const ROUNDS: usize = 20;

/// A runner in a group of its own that has little memory; `None` where no group can be made.
fn cramped(launch: Launch) -> Option<(Group, Runner)> {
    let group = Group::memory(MEGABYTES << 20)?;
    let runner = launch.under(&group.words()).start();
    Some((group, runner))
}

#[test]
fn memory_in_a_run() {
    let Some((_group, runner)) = cramped(Launch::baked(&fixtures::c("memory"))) else {
        return;
    };
    let master = runner.pid();
    for _ in 0..ROUNDS {
        // Whatever they needed in the moment of the kill and had to read again, they would be killed for.
        processes::until_locked(master);
        processes::keepers(master)
            .into_iter()
            .for_each(processes::until_locked);
        runner.run(&json!({ "all": 1 })).assert_error(
            502,
            "The action was killed, probably out of memory: limit 64 MB.",
        );
        runner.run(&json!({ "mb": 1 })).assert_ok(&json!({}));
    }
    runner.finish().assert_silent(2 * ROUNDS);
}

#[test]
fn memory_in_init_and_while_loading() {
    let Some((_group, runner)) = cramped(Launch::empty()) else {
        return;
    };
    for (variable, phase) in [
        ("MEMORY_AT_INIT", "killed during initialization"),
        ("MEMORY_AT_LOAD", "killed while its library was loaded"),
    ] {
        let init = Init::of("memory").env(json!({ variable: "all" }));
        let words = [phase, "probably out of memory: limit 64 MB"];
        runner.init(&init).assert_names(502, &words);
    }
    runner.init(&Init::of("memory")).assert_status(200);
    runner.run(&json!({ "mb": 1 })).assert_ok(&json!({}));
    runner.finish().assert_ended(3);
}

#[test]
fn memory_while_idle() {
    let Some((_group, runner)) = cramped(Launch::baked(&fixtures::c("memory"))) else {
        return;
    };
    let gate = Gate::open();
    for _ in 0..2 {
        runner
            .run(&json!({ "idle": gate.port() }))
            .assert_ok(&json!({}));
        let mut visit = gate.arrival();
        visit.release();
        visit.gone();
        runner.run(&json!({ "mb": 1 })).assert_ok(&json!({}));
    }
    runner.finish().assert_silent(4);
}

/// Large requests from many callers at once, together more than there is: nobody goes without an answer.
#[test]
fn memory_for_requests() {
    let Some((_group, runner)) =
        cramped(Launch::baked(&fixtures::c("identity")).args(&["--max-body", "8MiB"]))
    else {
        return;
    };
    let body = json!({ "value": { "pad": "x".repeat(4 << 20) } }).to_string();
    let statuses = black_box::at_once(24, |_| runner.post("/run", body.as_bytes()).status);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_silent(25);
}

/// A thousand threads and a fork bomb, where there may be sixty-four in all.
#[test]
fn processes_in_a_run() {
    for (fixture, value) in [
        ("disturb", json!({ "how": "threads" })),
        ("fork", json!({ "how": "linger", "count": 200 })),
    ] {
        let Some(group) = Group::processes(64) else {
            return;
        };
        let runner = Launch::baked(&fixtures::c(fixture))
            .under(&group.words())
            .start();
        for _ in 0..3 {
            runner.run(&value).assert_status(200);
            runner.run(&json!({})).assert_status(200);
        }
        // The worker dies among all those that it has left behind.
        for worker in processes::workers(runner.pid()) {
            processes::signal(worker, rustix::process::Signal::KILL);
        }
        runner.run(&json!({})).assert_status(200);
        runner.finish();
    }
}

/// The action holds every descriptor that it can get; the keeper has its own reserve, and the next worker begins afresh.
#[test]
fn descriptors() {
    let runner = Launch::baked(&fixtures::c("disturb"))
        .ulimit("-n 128")
        .start();
    let mut kept = runner.connect();
    for _ in 0..5 {
        let value = br#"{"value":{"how":"files"}}"#;
        kept.post("/run", value).assert_status(200);
        // Somebody is there already, somebody else is not: both are served.
        runner.run(&json!({})).assert_ok(&json!({}));
        kept.post("/run", br#"{"value":{}}"#).assert_ok(&json!({}));
    }
    runner.finish().assert_silent(15);
}

/// Held until it dies of something else, which the keeper has to deal with in the full table.
#[test]
fn descriptors_and_a_death() {
    let runner = Launch::baked(&fixtures::c("disturb"))
        .ulimit("-n 128")
        .start();
    for _ in 0..5 {
        runner
            .run(&json!({ "how": "files and die" }))
            .assert_names(502, &["SIGABRT"]);
        runner.run(&json!({})).assert_ok(&json!({}));
    }
    runner.finish().assert_silent(10);
}

/// A disk that is full before the archive is unpacked: the reason, nothing left of it, and a smaller one fits.
#[test]
fn disk() {
    let mount = "mount -t tmpfs -o size=256k tmpfs \"$TMPDIR\" && exec \"$@\"";
    let namespace = ["unshare", "--mount", "sh", "-c", mount, "sh"];
    let try_it = [
        "unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt",
    ];
    if !allowed(&try_it) {
        return;
    }
    let library = std::fs::read(fixtures::c("identity")).unwrap();
    let zip = |bytes: usize| {
        Init::zip(&[
            Entry::file("libaction.so", &library),
            Entry::file("data", &vec![1; bytes]),
        ])
    };
    let runner = Launch::empty().under(&namespace).start();
    for _ in 0..3 {
        let reply = runner.init(&zip(1 << 20));
        reply.assert_names(502, &["unpacked", "No space left"]);
    }
    runner.init(&zip(1000)).assert_status(200);
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    runner.finish().assert_ended(4);
}

/// Callers that send a byte from time to time, and callers that send nothing, more of them than there are descriptors:
/// they are let go, and others are served.
#[test]
fn connections() {
    let runner = Launch::baked(&fixtures::c("identity"))
        .args(&["--read-timeout", "300ms"])
        .ulimit("-n 128")
        .start();
    let mut slow: Vec<_> = (0..150).map(|_| runner.connect()).collect();
    for connection in &mut slow {
        connection.send(b"POST /run HTTP/1.1\r\nX-Long: ");
    }
    // Whoever comes now waits behind them, for as long as they may be slow.
    runner.run(&json!({ "a": 1 })).assert_ok(&json!({ "a": 1 }));
    let gone = slow.iter_mut().map(|it| it.try_reply("POST"));
    for reply in gone {
        assert!(
            !reply.is_err_and(|why| why.contains("nothing within")),
            "a slow caller is waited for without end"
        );
    }
    for _ in 0..20 {
        runner.run(&json!({ "b": 2 })).assert_ok(&json!({ "b": 2 }));
    }
    runner.finish().assert_silent(21);
}
