//! A real runner: started, spoken to, stopped.
//!
//! It listens on a port that the kernel chooses and says which one on stderr: nobody guesses a port or polls for it. Its
//! folder, its temporary folder and its environment belong to it alone, so tests run side by side.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde_json::{Value, json};

use crate::capture::Capture;
use crate::processes::{self, MARK, Process};
use crate::{Connection, Init, LIMIT, Logs, Reply, fixtures, requests};

const LISTENING: &str = "action-runner: listening on ";

/// How a runner is to be started.
pub struct Launch {
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    prefix: Vec<OsString>,
    listen: String,
}

/// A running runner. Dropping it ends it, gently first.
pub struct Runner {
    child: Child,
    pub address: SocketAddr,
    pub stdout: Capture,
    pub stderr: Capture,
    folder: PathBuf,
    mark: String,
}

/// The binary under test.
pub fn binary() -> PathBuf {
    let chosen = std::env::var_os("ACTION_RUNNER_BIN").map(PathBuf::from);
    let binary =
        chosen.unwrap_or_else(|| fixtures::workspace().join("target/release/action-runner"));
    assert!(
        binary.exists(),
        "{} is missing: cargo build --release -p action-runner",
        binary.display()
    );
    binary
}

impl Launch {
    /// A runner without a library: it waits for `/init`.
    pub fn empty() -> Self {
        Self {
            arguments: Vec::new(),
            variables: Vec::new(),
            prefix: Vec::new(),
            listen: "127.0.0.1:0".into(),
        }
    }

    /// A runner with a library from the start.
    pub fn baked(library: &Path) -> Self {
        Self::empty().arg(library.as_os_str())
    }

    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn listen(mut self, address: &str) -> Self {
        self.listen = address.to_owned();
        self
    }

    /// Starts the runner by way of another program, which gets its command line appended.
    pub fn under(mut self, words: &[&str]) -> Self {
        self.prefix = words.iter().map(OsString::from).collect();
        self
    }

    /// The command in a fresh folder, not yet started. The tests of the command line use it as well.
    pub fn command(&self) -> (Command, PathBuf, String) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!(
            "{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(format!("black-box-{mark}"));
        std::fs::create_dir_all(folder.join("tmp")).unwrap();
        let mut words = self.prefix.clone();
        words.push(binary().into());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(&folder)
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if ["ACTION_RUNNER_", "__OW_", "OW_", "RUST_", "CARGO"]
                .iter()
                .any(|prefix| name_text.starts_with(prefix))
            {
                command.env_remove(&name);
            }
        }
        command
            .env(MARK, &mark)
            .env("TMPDIR", folder.join("tmp"))
            .envs(self.variables.iter().cloned());
        (command, folder, mark)
    }

    #[track_caller]
    pub fn start(self) -> Runner {
        self.start_with(Stdio::piped(), Stdio::piped())
    }

    /// With stdout in a file or a pipe of the test's own; stderr is kept as usual.
    #[track_caller]
    pub fn start_into(self, stdout: impl Into<Stdio>) -> Runner {
        self.start_with(stdout.into(), Stdio::piped())
    }

    #[track_caller]
    fn start_with(self, stdout: Stdio, stderr: Stdio) -> Runner {
        let (mut command, folder, mark) = self.command();
        command
            .args(&self.arguments)
            .args(["--listen", &self.listen]);
        let mut child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
        let stdout = child
            .stdout
            .take()
            .map_or_else(|| Capture::of(io::empty()), Capture::of);
        let stderr = child
            .stderr
            .take()
            .map_or_else(|| Capture::of(io::empty()), Capture::of);
        let line = stderr.take_line(LISTENING);
        let mut runner = Runner {
            child,
            address: ([0, 0, 0, 0], 0).into(),
            stdout,
            stderr,
            folder,
            mark,
        };
        let address = line.as_deref().ok().and_then(|line| line.parse().ok());
        runner.address =
            address.unwrap_or_else(|| panic!("the runner did not say where it listens: {line:?}"));
        runner
    }
}

impl Runner {
    /// A runner that waits for `/init`.
    #[track_caller]
    pub fn empty() -> Self {
        Launch::empty().start()
    }

    /// A runner to which this C fixture was sent.
    #[track_caller]
    pub fn with(fixture: &str) -> Self {
        let runner = Self::empty();
        runner
            .init(&Init::of(fixture))
            .assert_ok(&json!({ "ok": true }));
        runner
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// A POST on a connection of its own, as an invoker sends it.
    #[track_caller]
    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        let reply = self.connect().post(path, body.as_ref());
        reply.assert_framing();
        reply
    }

    #[track_caller]
    pub fn init(&self, init: &Init) -> Reply {
        self.post("/init", init.body())
    }

    /// R(value)
    #[track_caller]
    pub fn run(&self, value: &Value) -> Reply {
        self.run_with(value, &json!({}))
    }

    /// R(value, extra)
    #[track_caller]
    pub fn run_with(&self, value: &Value, extra: &Value) -> Reply {
        self.post("/run", requests::run_body(value, extra))
    }

    /// The processes of this runner that live now.
    pub fn tree(&self) -> Vec<Process> {
        processes::marked(&self.mark)
    }

    /// Waits until the tree looks right.
    #[track_caller]
    pub fn until_tree(&self, right: impl Fn(&[Process]) -> bool) -> Vec<Process> {
        processes::until(&self.mark, right)
            .unwrap_or_else(|tree| panic!("the processes are {tree:#?}"))
    }

    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits for the master to end.
    #[track_caller]
    pub fn exit_status(&mut self) -> ExitStatus {
        assert!(
            self.ended_within_limit(),
            "the runner has not ended; stderr:\n{}",
            self.stderr_text()
        );
        self.child.wait().unwrap()
    }

    /// Stops the runner and gives all that it printed. Nothing of the tree may be left.
    #[track_caller]
    pub fn finish(mut self) -> Logs {
        self.signal(Signal::TERM);
        let status = self.exit_status();
        assert_eq!(
            status.code(),
            Some(0),
            "the runner ended with {status}; stderr:\n{}",
            self.stderr_text()
        );
        self.until_tree(<[_]>::is_empty);
        Logs {
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr.so_far()).into_owned()
    }

    fn ended_within_limit(&mut self) -> bool {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return true;
        }
        let Some(pid) = Pid::from_raw(self.pid()) else {
            return true;
        };
        let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
            return true;
        };
        let limit = Timespec {
            tv_sec: LIMIT.as_secs().cast_signed(),
            tv_nsec: 0,
        };
        poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit)) == Ok(1)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && !std::thread::panicking() {
            self.signal(Signal::TERM);
            self.ended_within_limit();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in self.tree() {
            processes::signal(process.pid, Signal::KILL);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
