//! Where the things are that were built, and the command lines that start them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::flags::Flags;
use crate::request::envelope;

pub struct Built {
    pub runner: PathBuf,
    /// The reverse action in Rust and in C, the echo in C, a program for each run.
    pub rust: PathBuf,
    pub c: PathBuf,
    pub echo: PathBuf,
    pub program: PathBuf,
    /// An action that dies, and one that sleeps or computes as it is told.
    pub dies: PathBuf,
    pub works: PathBuf,
    /// A folder of echoes that carry ballast.
    pub ballast: PathBuf,
}

impl Built {
    pub fn from(flags: &Flags) -> Self {
        Self {
            runner: flags.path("--runner"),
            rust: flags.path("--rust"),
            c: flags.path("--c"),
            echo: flags.path("--echo"),
            program: flags.path("--program"),
            dies: flags.path("--dies"),
            works: flags.path("--works"),
            ballast: flags.path("--ballast"),
        }
    }

    /// The runner on a library.
    pub fn serve(&self, library: &Path, sentinels: bool, more: &[&str]) -> Start {
        let library = library.to_string_lossy();
        let switch = if sentinels { "on" } else { "off" };
        let mut words = vec![&*library, "--listen", "ADDRESS", "--sentinels", switch];
        words.extend(more);
        Start::new(self.runner.clone(), &words)
    }

    /// The runner without a library, waiting for `/init`.
    pub fn wait(&self) -> Start {
        Start::new(
            self.runner.clone(),
            &["serve", "--listen", "ADDRESS", "--sentinels", "off"],
        )
    }
}

/// How a server is started; its address is still open.
#[derive(Clone)]
pub struct Start {
    program: PathBuf,
    words: Vec<String>,
}

impl Start {
    fn new(program: PathBuf, words: &[&str]) -> Self {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Self { program, words }
    }

    /// The bare axum server.
    pub fn axum(more: &[&str]) -> Self {
        Self::new(own("reference"), &[more, &["ADDRESS"]].concat())
    }

    /// The least that a server can do.
    pub fn limit() -> Self {
        Self::new(own("limit"), &[&envelope().to_string(), "ADDRESS"])
    }

    /// The command that starts it on a port (0: any).
    pub fn command(&self, port: u16) -> Command {
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(&self.program);
        command.args(self.words.iter().map(|word| word.replace("ADDRESS", &address)));
        command
    }
}

/// A program that was built together with this one.
fn own(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}
