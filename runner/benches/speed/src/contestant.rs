//! Who is measured, and how each is started.

use std::process::Command;

use crate::built::{Built, Start};
use crate::caller::Expect;
use crate::request::Request;

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
    start: Start,
}

impl Contestant {
    /// Without logs, and in one process.
    pub fn new(name: &'static str, what: &'static str, answers: Answers, start: Start) -> Self {
        Self {
            name,
            what,
            answers,
            logs: false,
            forks: false,
            start,
        }
    }

    fn logging(name: &'static str, what: &'static str, answers: Answers, start: Start) -> Self {
        Self {
            logs: true,
            ..Self::new(name, what, answers, start)
        }
    }

    /// The command that starts it on a port (0: any).
    pub fn command(&self, port: u16) -> Command {
        self.start.command(port)
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
    use Answers::{Length, Reversed, Value};
    vec![
        Contestant::new("limit", "epoll, a canned answer, one thread", Length, Start::limit()),
        Contestant::new(
            "axum",
            "bare axum on its default runtime, answers the bytes of `value`",
            Value,
            Start::axum(&[]),
        ),
        Contestant::new(
            "axum 1 thread",
            "the same on a runtime of one thread",
            Value,
            Start::axum(&["--runtime", "current"]),
        ),
        Contestant::new(
            "axum reversing",
            "axum doing the reverse action's work in its handler",
            Reversed,
            Start::axum(&["--reverse"]),
        ),
        Contestant::logging(
            "axum + logs",
            "axum writing a sentinel to stdout and stderr for each run",
            Value,
            Start::axum(&["--sentinels"]),
        ),
        Contestant::new(
            "echo",
            "the runner with a C action that answers its parameters",
            Value,
            built.serve(&built.echo, false, &[]),
        ),
        Contestant::new(
            "Rust",
            "the runner with reverse in Rust",
            Reversed,
            built.serve(&built.rust, false, &[]),
        ),
        Contestant::new(
            "C",
            "the runner with reverse in C",
            Reversed,
            built.serve(&built.c, false, &[]),
        ),
        Contestant::logging(
            "echo + logs",
            "the runner with the echo, sentinels on",
            Value,
            built.serve(&built.echo, true, &[]),
        ),
        Contestant::logging(
            "Rust + logs",
            "the runner with reverse in Rust, sentinels on",
            Reversed,
            built.serve(&built.rust, true, &[]),
        ),
        Contestant::logging(
            "C + logs",
            "the runner with reverse in C, sentinels on",
            Reversed,
            built.serve(&built.c, true, &[]),
        ),
        Contestant::new(
            "Rust, 2 workers",
            "the runner with reverse in Rust, `--workers 2`, sentinels off",
            Reversed,
            built.serve(&built.rust, false, &["--workers", "2"]),
        ),
        Contestant {
            forks: true,
            ..Contestant::new(
                "program",
                "the runner starting a program for each run, as the Docker SDK does",
                Value,
                built.serve(&built.program, false, &[]),
            )
        },
    ]
}
