//! The command line: what can be said, and who does it. One file for each subcommand.

mod healthcheck;
mod inspect;
mod invoke;
mod new;
mod serve;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// The statuses this program exits with, besides 0.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Status {
    /// The action answered with an error; or `inspect` found that a library would not load.
    No = 1,
    /// The command line or the environment is wrong.
    Usage = 2,
    /// The library cannot be loaded.
    CannotLoad = 3,
    /// The action crashed.
    Crashed = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Serves a compiled action: a shared library that turns JSON into JSON.
///
/// An action is written against the crate action-abi (Rust) or the header action.h (C, C++, Go, Zig) and compiled to
/// a shared library. This program loads it and answers HTTP by calling it.
#[derive(Debug, Parser)]
#[command(
    name = "action-runner",
    bin_name = "action-runner",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = "Examples:
  action-runner libreverse.so                          serve it on port 8080
  action-runner invoke libreverse.so '{\"payload\":\"abc\"}' call it once, without a server
  action-runner inspect libreverse.so                  would it load here?")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Serve,
}

// The flags of a command that is not meant need not be built. Their types must have no documentation: it would be shown
// instead of what stands here.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Serve a library over HTTP (the default command)
    Serve(serve::Serve),
    /// Call a library once in this process, without a server
    Invoke(invoke::Invoke),
    /// Show what a library is and whether it would load here
    Inspect(inspect::Inspect),
    /// Ask a runner on this machine whether it serves; for HEALTHCHECK
    Healthcheck(healthcheck::Healthcheck),
    /// Write a project for a new action
    New(new::New),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let mut command = Arguments::command();
    let parsed = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are no errors; clap knows which stream is meant.
            let _ = error.print();
            return if error.use_stderr() {
                Status::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    if let Err(mistakes) = values::check_environment(&command) {
        crate::refusal::report(&mistakes);
        return Status::Usage.into();
    }
    match parsed.command.unwrap_or(Command::Serve(parsed.serve)) {
        Command::Serve(command) => command.execute(),
        Command::Invoke(command) => command.execute(),
        Command::Inspect(command) => command.execute(),
        Command::Healthcheck(command) => command.execute(),
        Command::New(command) => command.execute(),
    }
}
