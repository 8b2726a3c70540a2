//! The files for Compose, Swarm and Kubernetes: each is put to use. Left out where the sample images
//! (`make image-actions`) or the tool are missing.

use std::io::Write;
use std::process::Command;
use std::sync::Mutex;

use black_box::Connection;
use serde_json::json;

use crate::engine::{self, docker, try_docker};

/// Both change the engine's networks: one after the other.
static NETWORKS: Mutex<()> = Mutex::new(());

const SAMPLES: [&str; 3] = ["action-reverse-rust", "action-reverse-c", "action-greeter"];

fn ready(needs: &str, command: &[&str]) -> bool {
    let tool = Command::new(command[0])
        .args(&command[1..])
        .output()
        .is_ok_and(|it| it.status.success());
    let images = || {
        try_docker(&[&["image", "inspect", "action-proxy"], &SAMPLES[..]].concat())
            .status
            .success()
    };
    let ready = engine::answers() && tool && images();
    if !ready {
        let _ = writeln!(
            std::io::stderr(),
            "left out: needs {needs} and the images of `make image-actions`"
        );
    }
    ready
}

#[track_caller]
fn script(path: &str, words: &[&str]) -> String {
    let output = Command::new(engine::project(path))
        .args(words)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Takes everything down again, whatever happens.
struct Composed(String);

impl Composed {
    fn compose(&self, words: &[&str]) -> std::process::Output {
        let file = engine::project("docker/compose.yaml");
        let mut command = Command::new("docker-compose");
        command
            .args(["--project-name", &self.0, "--file", file.to_str().unwrap()])
            .args(words);
        command.env("PORT", "0").output().unwrap()
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        self.compose(&["down", "--timeout", "2"]);
    }
}

#[test]
fn compose_three_actions_behind_nginx() {
    if !ready("docker-compose", &["docker-compose", "version"]) {
        return;
    }
    let _turn = NETWORKS.lock();
    let composed = Composed(format!("black-box-{}", std::process::id()));
    let output = composed.compose(&["up", "--detach", "--no-build"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let port = String::from_utf8(composed.compose(&["port", "proxy", "8080"]).stdout).unwrap();
    let address = port.trim().parse().unwrap();
    let body = br#"{"value":{"payload":"abc","name":"abc"}}"#;
    for action in ["reverse-rust", "reverse-c"] {
        // nginx may be there before the actions are known to the name service.
        let reply = until_served(address, action, body);
        reply.assert_ok(&json!({ "reversed": "cba" }));
    }
    until_served(address, "greeter", body).assert_status(200);
    Connection::open(address)
        .post("/reverse-rust/init", b"{}")
        .assert_status(404);
    Connection::open(address)
        .post("/nobody", b"{}")
        .assert_names(502, &["no such action"]);
}

fn until_served(address: std::net::SocketAddr, action: &str, body: &[u8]) -> black_box::Reply {
    let end = std::time::Instant::now() + black_box::LIMIT;
    loop {
        let reply = Connection::open(address).post(&format!("/{action}"), body);
        if reply.status == 200 || std::time::Instant::now() > end {
            return reply;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn swarm_scales_and_rolls_over_without_losing_a_run() {
    if !ready("an engine", &["docker", "version"]) {
        return;
    }
    let _turn = NETWORKS.lock();
    let text = script(
        "docker/swarm/rolling-update.sh",
        &[SAMPLES[0], "action-greeter", "8001"],
    );
    assert!(text.contains(" 0 failed"), "{text}");
    assert_eq!(
        docker(&[
            "ps",
            "--quiet",
            "--filter",
            "label=com.docker.stack.namespace=action-rolling"
        ]),
        ""
    );
}

#[test]
fn manifests_fit_the_published_api() {
    if !ready("python3 with venv", &["python3", "-c", "import venv"]) {
        return;
    }
    script("docker/kubernetes/check.sh", &[]);
}
