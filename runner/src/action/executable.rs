//! Actions of the older contracts, programs instead of libraries: which contract a program keeps, and the Docker SDK's,
//! a process for each run. The parameters are the program's first argument and its stdin; the last line that it prints
//! is the result, whatever it prints before is log.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;

use super::actionloop::ActionLoop;
use super::spawn::{command, death, not_started, start};
use super::{Action, Context, Outcome};
use crate::refusal::LoadRefusal;

/// The longest argument that the kernel takes (MAX_ARG_STRLEN, with the NUL): longer parameters come on stdin only.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// How a program wants to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contract {
    /// Started for each run.
    DockerSdk,
    /// Started once, one line for each run. `acknowledges`: it says when it is ready.
    ActionLoop { acknowledges: bool },
}

/// Readies the program at `path`, whose bytes are `contents`.
pub fn open(path: &Path, contents: &[u8]) -> Result<Box<dyn Action>, LoadRefusal> {
    Ok(match contract(contents) {
        Contract::DockerSdk => Box::new(DockerSdk {
            path: path.to_owned(),
        }),
        Contract::ActionLoop { acknowledges } => Box::new(ActionLoop::start(path, acknowledges)?),
    })
}

/// Nothing in the format of a program says which contract it keeps, but the loops that were compiled into it do: those
/// that can say when they are ready ask for a variable, and that of OpenWhisk's Rust runtime complains about its
/// descriptor.
pub(super) fn contract(contents: &[u8]) -> Contract {
    let has = |text: &str| {
        contents
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    let acknowledges = has("__OW_WAIT_FOR_ACK");
    if acknowledges || has("Error writing on fd3") || has("Error writting on fd3") {
        Contract::ActionLoop { acknowledges }
    } else {
        Contract::DockerSdk
    }
}

/// A program as the Docker SDK wants it.
struct DockerSdk {
    path: PathBuf,
}

impl Action for DockerSdk {
    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome {
        match self.run(params, context) {
            Ok((status, printed)) => outcome(status, printed),
            Err(error) => Outcome::Panicked(not_started(&self.path, &error).into()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn entry_points(&self) -> Vec<String> {
        Vec::new()
    }
}

impl DockerSdk {
    /// Its exit status and what it printed to stdout; stderr is the log's.
    fn run(&self, params: &str, context: &Context<'_>) -> io::Result<(ExitStatus, Vec<u8>)> {
        let mut command = command(&self.path, context);
        if params.len() < LONGEST_ARGUMENT {
            command.arg(params);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = start(command, None)?;
        let printed = exchange(&mut child, params.as_bytes());
        // In any case, or it stays as a zombie.
        let status = child.wait()?;
        Ok((status, printed?))
    }
}

/// Writes its stdin while its stdout is read: each could be longer than a pipe holds.
fn exchange(child: &mut Child, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut printed = Vec::new();
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    thread::scope(|scope| {
        // Most programs look at their argument and never read: that their stdin is closed is no error.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut printed))
    })?;
    Ok(printed)
}

/// The last line is the result, the others are printed here. A program that broke down has no result.
fn outcome(status: ExitStatus, mut printed: Vec<u8>) -> Outcome {
    let text_ends = printed.trim_ascii_end().len();
    let line_starts = printed[..text_ends]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let line = printed[line_starts..text_ends].to_vec();
    printed.truncate(line_starts);
    if !status.success() && !line.starts_with(b"{") && !line.starts_with(b"[") {
        printed.extend_from_slice(&line);
        log(&printed);
        return Outcome::Panicked(death(status).to_string().into());
    }
    log(&printed);
    Outcome::Unchecked(line.into())
}

fn log(printed: &[u8]) {
    let mut stdout = io::stdout().lock();
    // Nobody is left to tell if the log cannot be written.
    let _ = stdout.write_all(printed).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests;
