//! ActionLoop, the contract of OpenWhisk's compiled runtimes: a program that lives from run to run, reads one line of
//! JSON from stdin and writes one to descriptor 3. Its stdout and stderr are the action's, so logs need no work here.
//!
//! The old proxies lost count when such a program said more or less than one line. Here a program that is not
//! silent between two runs is replaced before the next one, and so is one that has ended.

use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde_json::value::RawValue;

use super::spawn::{self, death, not_started};
use super::{Action, Context, Outcome};
use crate::refusal::LoadRefusal;

/// A program that keeps the contract. One run at a time.
pub(super) struct ActionLoop {
    path: PathBuf,
    acknowledges: bool,
    running: Mutex<Option<Running>>,
}

/// The process behind it.
struct Running {
    child: Child,
    stdin: ChildStdin,
    answers: BufReader<PipeReader>,
}

/// What a run's line looks like.
#[derive(Serialize)]
struct Line<'a> {
    value: &'a RawValue,
    activation_id: &'a str,
    transaction_id: &'a str,
    namespace: &'a str,
    action_name: &'a str,
    action_version: &'a str,
    deadline: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_host: &'a str,
}

impl ActionLoop {
    /// Starts the program and waits until it says that it is ready, if it is one that does.
    pub(super) fn start(path: &Path, acknowledges: bool) -> Result<Self, LoadRefusal> {
        let running =
            Running::start(path, acknowledges).map_err(|why| LoadRefusal::InitFailed { why })?;
        Ok(Self {
            path: path.to_owned(),
            acknowledges,
            running: Mutex::new(Some(running)),
        })
    }
}

impl Action for ActionLoop {
    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome {
        let mut place = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = place
            .take()
            .and_then(|mut running| running.is_silent().then_some(running));
        let running = kept.map_or_else(|| Running::start(&self.path, self.acknowledges), Ok);
        let answer = running.and_then(|mut running| {
            let answer = running.ask(params, context)?;
            *place = Some(running);
            Ok(answer)
        });
        match answer {
            Ok(answer) => Outcome::Unchecked(answer.into()),
            Err(why) => Outcome::Panicked(why.into()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn entry_points(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Running {
    fn start(path: &Path, acknowledges: bool) -> Result<Self, String> {
        let failed = |error: io::Error| not_started(path, &error);
        let (answers, theirs) = io::pipe().map_err(failed)?;
        let mut command = spawn::command(path, &Context::default());
        command.env("__OW_WAIT_FOR_ACK", "1").stdin(Stdio::piped());
        let mut child = spawn::start(command, Some(theirs)).map_err(failed)?;
        let stdin = child
            .stdin
            .take()
            .ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        let mut running = Self {
            child,
            stdin,
            answers: BufReader::new(answers),
        };
        if acknowledges {
            running.line()?;
        }
        Ok(running)
    }

    /// One run: a line there, a line back.
    fn ask(&mut self, params: &str, context: &Context<'_>) -> Result<Vec<u8>, String> {
        let line = line(params, context).map_err(|error| error.to_string())?;
        // That it no longer listens shows when it does not answer.
        let _ = self
            .stdin
            .write_all(&line)
            .and_then(|()| self.stdin.flush());
        self.line()
    }

    /// The next line that is not empty (OpenWhisk's Rust loop writes one after each error), or how the program ended.
    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        loop {
            let length = self
                .answers
                .read_until(b'\n', &mut line)
                .map_err(|error| error.to_string())?;
            if length == 0 {
                return Err(self.end());
            }
            if !line.trim_ascii().is_empty() {
                return Ok(line.trim_ascii().to_vec());
            }
            line.clear();
        }
    }

    /// Has it said nothing since its last answer, and is it still there? Empty lines are nothing.
    fn is_silent(&mut self) -> bool {
        while !self.answers.buffer().is_empty() || self.has_more() {
            match self.answers.fill_buf() {
                Ok(bytes) if !bytes.is_empty() && bytes.trim_ascii().is_empty() => {
                    let length = bytes.len();
                    self.answers.consume(length);
                }
                _ => return false,
            }
        }
        true
    }

    /// Would a read not block: bytes, or the end?
    fn has_more(&self) -> bool {
        let mut descriptors = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
        poll(&mut descriptors, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// It has closed its descriptor 3, so that no answer can come: gone, or as good as gone.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        self.child.wait().map_or_else(
            |error| error.to_string(),
            |status| death(status).to_string(),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The run as one line: line breaks in JSON text stand between tokens, never inside strings.
fn line(params: &str, context: &Context<'_>) -> serde_json::Result<Vec<u8>> {
    let line = Line {
        value: serde_json::from_str(params)?,
        activation_id: context.activation_id,
        transaction_id: context.transaction_id,
        namespace: context.namespace,
        action_name: context.action_name,
        action_version: context.action_version,
        deadline: context.deadline_ms.to_string(),
        api_key: context.api_key,
        api_host: context.api_host,
    };
    let mut text = serde_json::to_vec(&line)?;
    for byte in &mut text {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    text.push(b'\n');
    Ok(text)
}
