//! Who is measured, and how each is started.

use std::path::PathBuf;
use std::process::Command;

use crate::load::Expect;
use crate::request::{Request, envelope};

/// Where the things are that were built.
pub struct Built {
    pub runner: PathBuf,
    /// The reverse action in Rust and in C, the echo in C, a program for each run, an action that dies.
    pub rust: PathBuf,
    pub c: PathBuf,
    pub echo: PathBuf,
    pub program: PathBuf,
    pub dies: PathBuf,
}

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    Length,
    Value,
    Reversed,
}

pub struct Contestant {
    pub name: &'static str,
    pub what: &'static str,
    pub answers: Answers,
    /// Writes sentinels.
    pub logs: bool,
    /// Starts a process for each run.
    pub forks: bool,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Contestant {
    /// The command that starts it on a port (0: any).
    pub fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        let address = format!("127.0.0.1:{port}");
        command.args(
            self.arguments
                .iter()
                .map(|argument| argument.replace("ADDRESS", &address)),
        );
        command
    }

    pub fn expect<'a>(&self, request: &'a Request) -> Expect<'a> {
        match self.answers {
            Answers::Length => Expect::Length(request.echoed.len()),
            Answers::Value => Expect::Bytes(&request.echoed),
            Answers::Reversed => Expect::Bytes(&request.reversed),
        }
    }
}

/// Everybody. The second is what all others are compared with.
pub fn all(built: &Built) -> Vec<Contestant> {
    use Answers::*;
    let own = |name: &str| {
        let here = std::env::current_exe().unwrap_or_default();
        here.with_file_name(name)
    };
    let shorter = envelope().to_string();
    let runner = |library: &PathBuf, sentinels: &str, more: &[&str]| {
        let library = library.to_string_lossy();
        let mut line = vec![&*library, "--listen", "ADDRESS", "--sentinels", sentinels];
        line.extend(more);
        (built.runner.clone(), owned(&line))
    };
    let reference = |line: &[&str]| (own("reference"), owned(line));
    let make = |name, what, answers, logs, (program, arguments)| Contestant {
        name,
        what,
        answers,
        logs,
        forks: name == "program",
        program,
        arguments,
    };
    vec![
        make(
            "limit",
            "epoll, a canned answer, one thread",
            Length,
            false,
            (own("limit"), owned(&[&shorter, "ADDRESS"])),
        ),
        make(
            "axum",
            "bare axum on its default runtime, answers the bytes of `value`",
            Value,
            false,
            reference(&["ADDRESS"]),
        ),
        make(
            "axum 1 thread",
            "the same on a runtime of one thread",
            Value,
            false,
            reference(&["--runtime", "current", "ADDRESS"]),
        ),
        make(
            "axum reversing",
            "axum doing the reverse action's work in its handler",
            Reversed,
            false,
            reference(&["--reverse", "ADDRESS"]),
        ),
        make(
            "axum + logs",
            "axum writing a sentinel to stdout and stderr for each run",
            Value,
            true,
            reference(&["--sentinels", "ADDRESS"]),
        ),
        make(
            "echo",
            "the runner with a C action that answers its parameters",
            Value,
            false,
            runner(&built.echo, "off", &[]),
        ),
        make(
            "Rust",
            "the runner with reverse in Rust",
            Reversed,
            false,
            runner(&built.rust, "off", &[]),
        ),
        make(
            "C",
            "the runner with reverse in C",
            Reversed,
            false,
            runner(&built.c, "off", &[]),
        ),
        make(
            "echo + logs",
            "the runner with the echo, sentinels on",
            Value,
            true,
            runner(&built.echo, "on", &[]),
        ),
        make(
            "Rust + logs",
            "the runner with reverse in Rust, sentinels on",
            Reversed,
            true,
            runner(&built.rust, "on", &[]),
        ),
        make(
            "C + logs",
            "the runner with reverse in C, sentinels on",
            Reversed,
            true,
            runner(&built.c, "on", &[]),
        ),
        make(
            "Rust, 2 workers",
            "the runner with reverse in Rust, `--workers 2`, sentinels off",
            Reversed,
            false,
            runner(&built.rust, "off", &["--workers", "2"]),
        ),
        make(
            "program",
            "the runner starting a program for each run, as the Docker SDK does",
            Value,
            false,
            runner(&built.program, "off", &[]),
        ),
    ]
}

fn owned(line: &[&str]) -> Vec<String> {
    line.iter().map(|&word| word.to_owned()).collect()
}
