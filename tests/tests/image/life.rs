//! What happens to a container: paused, stopped, short of memory, left with dead children, called a thousand times.

use std::time::{Duration, Instant};

use black_box::{Init, LIMIT};
use serde_json::json;

use crate::engine::{self, Container, HOSTS, Host, RUNNER, docker, try_docker};

#[test]
fn pause_and_unpause() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "state");
        let first = container.run(&json!({})).assert_status(200).json();
        docker(&["pause", &container.id]);
        docker(&["unpause", &container.id]);
        let second = container.run(&json!({})).assert_status(200).json();
        assert_ne!(
            first, second,
            "the action kept its state and went on counting"
        );
        container.finish().assert_silent(2);
    }
}

/// PID 1 gets no default signal handling: without a handler of its own it would be killed after the second that
/// `finish` gives it.
#[test]
fn sigterm_ends_pid_1() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        Container::start(host, RUNNER).finish().assert_silent(0);
        Container::with(host, "echo").finish().assert_silent(0);
    }
}

/// How often memory is used up. The kernel takes back the runner's own code first, and reads it again from the image.
const HOGS: usize = 5;

#[test]
fn a_memory_hog_dies_alone() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "memory");
        for _ in 0..HOGS {
            let reply = container.run(&json!({ "all": 1 }));
            reply.assert_names(502, &["out of memory", "128 MB"]);
            container.run(&json!({ "mb": 1 })).assert_ok(&json!({}));
        }
        assert_eq!(
            container.inspect("{{.State.Running}} {{.RestartCount}}"),
            "true 0"
        );
        container.finish().assert_ended(2 * HOGS);
    }
}

#[test]
fn dead_children_are_collected() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "fork");
        container
            .run(&json!({ "how": "exit", "count": 20 }))
            .assert_status(200);
        // The kernel has no event for "no zombie is left": look again until it is so.
        let end = Instant::now() + LIMIT;
        loop {
            let processes = docker(&["top", &container.id, "-eo", "pid,stat,comm"]);
            if !processes.contains("<defunct>") {
                break;
            }
            assert!(Instant::now() < end, "zombies are left:\n{processes}");
            std::thread::sleep(Duration::from_millis(20));
        }
        container.run(&json!({})).assert_status(200);
    }
}

/// Under 1024 descriptors.
#[test]
fn a_thousand_new_connections() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "state");
        for _ in 0..1000 {
            container.run(&json!({})).assert_status(200);
        }
        let logs = container.finish();
        logs.assert_silent(1000);
    }
}

#[test]
fn a_crash_is_answered_and_the_next_run_too() {
    if !engine::answers() {
        return;
    }
    for host in HOSTS {
        let container = Container::with(host, "die");
        container
            .run(&json!({ "how": "segv" }))
            .assert_names(502, &["SIGSEGV"]);
        container.run(&json!({})).assert_status(200);
        container.finish().assert_ended(2);
    }
}

#[test]
fn the_health_check_needs_no_shell() {
    if !engine::answers() {
        return;
    }
    let container = Container::start_with(Host::Hardened, RUNNER, &["--health-interval", "1s"]);
    let output = try_docker(&["exec", &container.id, "/bin/action-runner", "healthcheck"]);
    assert!(output.status.success(), "{output:?}");
    let end = Instant::now() + LIMIT;
    while container.inspect("{{.State.Health.Status}}") != "healthy" {
        assert!(
            Instant::now() < end,
            "{}",
            container.inspect("{{json .State.Health}}")
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    container.init(&Init::of("echo")).assert_status(200);
    container.finish().assert_silent(0);
}
