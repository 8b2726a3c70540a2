//! How a runner is started: its command line, its environment, its folder.
//!
//! It listens on a port that the kernel chooses and says which one on stderr: nobody guesses a port or polls for it. Its
//! folder, its temporary folder and its environment belong to it alone, so tests run side by side.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::capture::Capture;
use crate::processes::MARK;
use crate::{LIMIT, Runner, fixtures};

const LISTENING: &str = "action-runner: listening on ";

/// How a runner is to be started.
pub struct Launch {
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    prefix: Vec<OsString>,
    listen: String,
}

/// True when this machine lets the tests do that (namespaces, other users); the image's own tests do it in any case.
pub fn allowed(words: &[&str]) -> bool {
    let status = Command::new(words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    status.is_ok_and(|output| output.status.success())
}

/// The binary under test.
pub fn binary() -> PathBuf {
    let chosen = std::env::var_os("ACTION_RUNNER_BIN").map(PathBuf::from);
    let binary =
        chosen.unwrap_or_else(|| fixtures::workspace().join("target/release/action-runner"));
    assert!(
        binary.exists(),
        "{} is missing: make build",
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
    pub fn under(mut self, words: &[impl AsRef<OsStr>]) -> Self {
        let words = words.iter().map(|word| word.as_ref().to_owned());
        self.prefix = words.collect();
        self
    }

    /// Starts the runner under a limit of the shell's, such as `-n 128`.
    pub fn ulimit(self, limit: &str) -> Self {
        let set = format!("ulimit {limit} && exec \"$@\"");
        self.under(&["sh", "-c", &set, "sh"])
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

    /// Starts it without waiting until it listens; its folder is left behind.
    pub fn spawn(&self) -> std::process::Child {
        let (mut command, ..) = self.command();
        command.args(&self.arguments).spawn().unwrap()
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
        let chosen: SocketAddr = self.listen.parse().unwrap();
        let mut runner = Runner {
            child,
            address: chosen,
            stdout,
            stderr,
            folder,
            mark,
        };
        // Only a port of the kernel's choosing is news; for others a client tries again, as an invoker does.
        if chosen.port() == 0 {
            let line = runner.stderr.take_line(LISTENING);
            let address = line.as_deref().ok().and_then(|line| line.parse().ok());
            runner.address = address
                .unwrap_or_else(|| panic!("the runner did not say where it listens: {line:?}"));
        } else {
            let start = Instant::now();
            while TcpStream::connect(chosen).is_err() {
                assert!(start.elapsed() < LIMIT, "nobody listens on {chosen}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        runner
    }
}
