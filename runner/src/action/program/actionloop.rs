//! ActionLoop, the contract of OpenWhisk's compiled runtimes: a program that lives from run to run, reads one line of
//! JSON from stdin and writes one to descriptor 3. Its stdout and stderr are the action's, so logs need no work here.
//!
//! Lines carry no number, and the old proxies lost count when such a program said more or less than one. Here the next
//! line is begun as soon as an answer is there, and ended when there is a run: a program that has read the beginning
//! has come back, and whatever it had to say is in the pipe. One that has said something then is replaced, and so is one
//! that has ended; a run that it never read is told to the one that takes its place.

use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::memchr;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::exchange::{Exchange, LONGEST_LINE};
use super::place::Place;
use super::spawn::Process;
use crate::action::{Action, Context, Outcome};
use crate::refusal::{LoadRefusal, NoAnswer};

const ACKNOWLEDGE: &str = "__OW_WAIT_FOR_ACK";
/// A loop may insist on the runtime that it was compiled for: it is told what the container says, or what its compiler
/// has written down beside it.
const RUNTIME: (&str, &str, &str) = ("__OW_EXECUTION_ENV", "OW_EXECUTION_ENV", "exec.env");
/// How every line begins.
const BEGINNING: &str = "{\"value\":";
/// How often a program is looked at that has not come back: that it reads is no event.
const LOOK_INTERVAL: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000,
};

/// A program that keeps the contract. One run at a time.
pub(super) struct ActionLoop {
    place: Place,
    acknowledges: bool,
    running: Mutex<Option<Running>>,
}

/// The process behind it.
struct Running {
    process: Process,
    answers: PipeReader,
    /// What it said after its last line.
    rest: Vec<u8>,
    /// Has it read all that it was told?
    has_read: bool,
}

impl ActionLoop {
    pub(super) fn new(place: Place, acknowledges: bool) -> Self {
        Self {
            place,
            acknowledges,
            running: Mutex::default(),
        }
    }

    /// Starts the program and waits until it says that it is ready, if it is one that does.
    fn start(&self) -> Result<Running, NoAnswer> {
        let started = || -> io::Result<Running> {
            let (answers, theirs) = io::pipe()?;
            let mut launch = self.place.launch(&Context::default());
            launch.variable(ACKNOWLEDGE, self.acknowledges.then_some("1"));
            let (variable, declared, written) = RUNTIME;
            let runtime = std::env::var(declared).or_else(|_| std::fs::read_to_string(written));
            if let Ok(runtime) = runtime {
                launch.variable(variable, Some(runtime.trim()));
            }
            Ok(Running {
                process: Process::start(&launch, &theirs.into(), 3)?,
                answers,
                rest: Vec::new(),
                has_read: true,
            })
        };
        let mut running = started().map_err(|error| self.place.not_started(error))?;
        if self.acknowledges {
            let said = running.ask(b"")?;
            if !is_yes(&said) {
                let said = String::from_utf8_lossy(&said).into_owned();
                return Err(NoAnswer::NotReady { said });
            }
        }
        running.begin();
        Ok(running)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, params: &str, context: &Context<'_>) -> Result<Vec<u8>, NoAnswer> {
        let line = line(params, context);
        let line = &line[BEGINNING.len()..];
        let mut place = self.running();
        for is_last in [false, true] {
            let back = place
                .take()
                .and_then(|mut running| running.comes_back().then_some(running));
            let mut running = match back {
                Some(running) => running,
                None => self.start()?,
            };
            match running.ask(line) {
                Ok(answer) if running.has_read => {
                    running.begin();
                    *place = Some(running);
                    return Ok(answer);
                }
                Err(why) if running.has_read || is_last => return Err(why),
                // It ended, or said something, before it had read the run: nothing of that has been done.
                Ok(_) | Err(_) => {}
            }
        }
        Err(NoAnswer::Unasked)
    }
}

impl Action for ActionLoop {
    fn init(&self, _context: &Context<'_>) -> Result<(), LoadRefusal> {
        let running = self.start().map_err(|why| LoadRefusal::InitFailed {
            why: why.to_string(),
        })?;
        *self.running() = Some(running);
        Ok(())
    }

    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome {
        match self.run(params, context) {
            Ok(answer) => Outcome::Unchecked(answer.into()),
            Err(why) => Outcome::Panicked(why.to_string().into()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn is_program(&self) -> bool {
        true
    }

    fn entry_points(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Running {
    /// Begins the line of the next run, whatever that is. If it cannot be told, it has ended, and that shows later.
    fn begin(&self) {
        let stdin = self.process.stdin.as_ref();
        let _ = stdin.map(|stdin| rustix::io::write(stdin, BEGINNING.as_bytes()));
    }

    /// Tells it a line, and takes the next that it says.
    fn ask(&mut self, line: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        self.rest.clear();
        let mut exchange = Exchange {
            exit: self.process.exit.as_fd(),
            stdin: &mut self.process.stdin,
            input: line,
            closes: false,
            output: self.answers.as_fd(),
        };
        let answer = next_line(&mut exchange, &mut self.rest);
        let is_told = exchange.input.is_empty();
        // A parser may leave the end of the line for later.
        self.has_read = is_told && self.unread() <= 1;
        match answer? {
            Some(answer) => Ok(answer),
            // It has closed its descriptor 3, so that no answer can come: gone, or as good as gone.
            None => Err(NoAnswer::Died(self.process.end()?)),
        }
    }

    /// How much of what it was told waits in its stdin.
    fn unread(&self) -> u64 {
        let waiting = self.process.stdin.as_ref().map(rustix::io::ioctl_fionread);
        waiting.and_then(Result::ok).unwrap_or(0)
    }

    /// Waits until it has read the beginning of the next line; false when it has said something since its last answer,
    /// or will never read it. Empty lines are nothing: OpenWhisk's Rust loop writes one after each error.
    fn comes_back(&mut self) -> bool {
        let mut buffer = [0; 512];
        while self.rest.trim_ascii().is_empty() {
            let is_back = self.unread() == 0;
            let Some(stdin) = &self.process.stdin else {
                return false;
            };
            let mut wanted = [
                PollFd::new(&self.answers, PollFlags::IN),
                PollFd::new(&self.process.exit, PollFlags::IN),
                // That nobody can read it any more is always told.
                PollFd::new(stdin, PollFlags::empty()),
            ];
            let patience = if is_back {
                Timespec::default()
            } else {
                LOOK_INTERVAL
            };
            match poll(&mut wanted, Some(&patience)) {
                Ok(0) if is_back => return true,
                Ok(0) => {}
                Ok(1) if !wanted[0].revents().is_empty() => {
                    match rustix::io::read(&self.answers, &mut buffer) {
                        Ok(count @ 1..) => self.rest = buffer[..count].to_vec(),
                        _ => return false,
                    }
                }
                _ => return false,
            }
        }
        false
    }
}

/// The next line that is not blank; `rest` is what was read beyond it. `None`: there will be none.
fn next_line(exchange: &mut Exchange<'_>, rest: &mut Vec<u8>) -> Result<Option<Vec<u8>>, NoAnswer> {
    let mut line = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = exchange.listen(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        let mut said = &buffer[..count];
        while let Some(newline) = memchr(b'\n', said) {
            line.extend_from_slice(&said[..newline]);
            said = &said[newline + 1..];
            line.truncate(line.trim_ascii_end().len());
            if !line.is_empty() {
                rest.extend_from_slice(said);
                return Ok(Some(line));
            }
        }
        line.extend_from_slice(said);
        if line.len() > LONGEST_LINE {
            let limit = LONGEST_LINE;
            return Err(NoAnswer::EndlessLine { limit });
        }
    }
}

/// Is this the line by which a program says that it is ready?
fn is_yes(said: &[u8]) -> bool {
    let said = said.iter().filter(|byte| !byte.is_ascii_whitespace());
    said.eq(b"{\"ok\":true}")
}

/// The run as one line: line breaks in JSON text stand between tokens, never inside strings.
fn line(params: &str, context: &Context<'_>) -> Vec<u8> {
    let mut line = BEGINNING.to_owned() + params;
    for (name, text) in context.members() {
        for (before, text) in [(",", name), (":", &*text)] {
            line.push_str(before);
            // Strings always serialise.
            line.push_str(&serde_json::to_string(text).unwrap_or_default());
        }
    }
    line.push('}');
    let mut line = line.into_bytes();
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line.push(b'\n');
    line
}
