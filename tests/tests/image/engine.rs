//! Containers of one Docker Engine: started, spoken to through a port that is published on this machine alone, always
//! removed.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::Instant;

use black_box::http::request;
use black_box::requests::run_body;
use black_box::{Connection, Init, LIMIT, Logs, Reply, fixtures};
use serde_json::{Value, json};

pub(crate) const RUNNER: &str = "action-runner";
pub(crate) const RUNNER_CC: &str = "action-runner:cc";

/// How containers are started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Host {
    /// By OpenWhisk's invoker.
    Invoker,
    /// By somebody who takes everything away that can be taken away.
    Hardened,
}

pub(crate) const HOSTS: [Host; 2] = [Host::Invoker, Host::Hardened];

impl Host {
    fn flags(self) -> Vec<&'static str> {
        let common = "--memory 128m --memory-swap 128m --pids-limit 1024 --ulimit nofile=1024:1024 --log-driver json-file \
            --network bridge --publish 127.0.0.1::8080";
        let own = match self {
            Self::Invoker => "--cpu-shares 128 --cap-drop NET_RAW --cap-drop NET_ADMIN",
            Self::Hardened => {
                "--read-only --cap-drop ALL --security-opt no-new-privileges --user 12345:12345 \
                --tmpfs /tmp:mode=1777,noexec,size=16m"
            }
        };
        common
            .split_whitespace()
            .chain(own.split_whitespace())
            .collect()
    }
}

/// True when the tests here can be run; says why not, once, past the capturing of the test harness.
pub(crate) fn answers() -> bool {
    static ANSWERS: LazyLock<bool> = LazyLock::new(|| {
        let present = |words: &[&str]| {
            Command::new("docker")
                .args(words)
                .output()
                .is_ok_and(|it| it.status.success())
        };
        let missing = if !present(&["version"]) {
            "no Docker Engine answers"
        } else if !present(&["image", "inspect", RUNNER, RUNNER_CC]) {
            "there is no image action-runner; `make image` builds it"
        } else {
            return true;
        };
        assert!(
            std::env::var_os("IMAGE_TESTS_REQUIRED").is_none(),
            "{missing}"
        );
        let _ = writeln!(std::io::stderr(), "image tests left out: {missing}");
        false
    });
    *ANSWERS
}

/// Runs the docker client; panics with what it said unless it succeeds.
#[track_caller]
pub(crate) fn docker(words: &[&str]) -> String {
    let output = try_docker(words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {words:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn try_docker(words: &[&str]) -> Output {
    Command::new("docker").args(words).output().unwrap()
}

/// Builds an image from a Dockerfile and the files beside it; its layers stay, as a cache.
#[track_caller]
pub(crate) fn image(name: &str, dockerfile: &str, files: &[(&str, &Path)]) -> String {
    let context = fixtures::workspace().join("target/image/test").join(name);
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    for (file, source) in files {
        std::fs::copy(source, context.join(file)).unwrap();
    }
    let tag = format!("action-test-{name}");
    docker(&["build", "--quiet", "--tag", &tag, context.to_str().unwrap()]);
    tag
}

/// The author's image: the two lines, and a library.
#[track_caller]
pub(crate) fn baked(name: &str, library: &Path) -> String {
    let dockerfile = fixtures::workspace().join("actions/reverse/rust/Dockerfile");
    let two_lines = std::fs::read_to_string(dockerfile).unwrap();
    image(name, &two_lines, &[("libaction.so", library)])
}

/// A running container.
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
}

impl Container {
    /// Starts one, and returns when it accepts connections.
    #[track_caller]
    pub(crate) fn start(host: Host, image: &str) -> Self {
        Self::start_with(host, image, &[])
    }

    /// The same, with more flags.
    #[track_caller]
    pub(crate) fn start_with(host: Host, image: &str, more: &[&str]) -> Self {
        let mut words = vec![
            "run",
            "--detach",
            "--label",
            "black-box",
            "--env",
            "__OW_API_HOST=xyz",
        ];
        words.extend(host.flags());
        words.extend(more);
        words.push(image);
        let id = docker(&words);
        let mut container = Self {
            id,
            address: ([0, 0, 0, 0], 0).into(),
        };
        container.find_address();
        container.until_it_answers();
        container
    }

    /// A container of the runner image to which this C fixture was sent.
    #[track_caller]
    pub(crate) fn with(host: Host, fixture: &str) -> Self {
        let container = Self::start(host, RUNNER);
        container
            .init(&Init::of(fixture))
            .assert_ok(&json!({ "ok": true }));
        container
    }

    /// The engine chooses the port anew at each start.
    #[track_caller]
    fn find_address(&mut self) {
        let address = docker(&["port", &self.id, "8080/tcp"]);
        self.address = address.parse().unwrap_or_else(|_| {
            panic!(
                "the container has no address {address:?}: {}",
                self.logs().err()
            );
        });
    }

    /// Waits for the runner, not for the engine, which takes connections before there is anybody to give them to: asks
    /// for what is nowhere, which leaves no mark.
    #[track_caller]
    fn until_it_answers(&self) {
        let end = Instant::now() + LIMIT;
        loop {
            let mut connection = Connection::open(self.address);
            let asked = connection.send(&request("GET", "/nowhere", &[], b""));
            if asked.try_reply("GET").is_ok() {
                return;
            }
            let running = self.inspect("{{.State.Running}}") == "true";
            assert!(
                running && Instant::now() < end,
                "nothing answers; stderr: {}",
                self.logs().err()
            );
        }
    }

    #[track_caller]
    pub(crate) fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.id])
    }

    /// A POST on a connection of its own.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        let reply = Connection::open(self.address).post(path, body.as_ref());
        reply.assert_framing();
        reply
    }

    #[track_caller]
    pub(crate) fn init(&self, init: &Init) -> Reply {
        self.post("/init", init.body())
    }

    /// The `/init` of an invoker that has no code to send.
    #[track_caller]
    pub(crate) fn init_without_code(&self) -> Reply {
        let env = json!({ "__OW_ACTION_NAME": "/ns/x" });
        self.init(
            &Init::code("")
                .without("code")
                .env(env)
                .with("name", json!("x")),
        )
    }

    #[track_caller]
    pub(crate) fn run(&self, value: &Value) -> Reply {
        self.run_with(value, &json!({}))
    }

    #[track_caller]
    pub(crate) fn run_with(&self, value: &Value, extra: &Value) -> Reply {
        self.post("/run", run_body(value, extra))
    }

    /// What the engine has kept of the container's output.
    #[track_caller]
    pub(crate) fn logs(&self) -> Logs {
        let output = try_docker(&["logs", &self.id]);
        Logs {
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }

    /// SIGTERM, and SIGKILL after a second; so an exit status of 0 says that it took less. Gives the logs.
    #[track_caller]
    pub(crate) fn finish(self) -> Logs {
        docker(&["stop", "--time", "1", &self.id]);
        let logs = self.logs();
        assert_eq!(
            self.inspect("{{.State.ExitCode}}"),
            "0",
            "stderr: {}",
            logs.err()
        );
        logs
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = try_docker(&["rm", "--force", &self.id]);
    }
}

/// A file of the project.
pub(crate) fn project(path: &str) -> PathBuf {
    fixtures::workspace().join(path)
}
