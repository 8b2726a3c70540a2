//! The copying of a library into memory, by a child of the master's: whoever writes over the file later crashes nobody
//! that has it loaded, and a file that cannot be read (a named pipe, a mount that hangs) holds up nobody.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::descendants;
use super::orders::wakeup;
use super::sys::{self, Fresh, Side, SingleThread};
use super::watchdog::Countdown;
use crate::package;

/// How long a file may take to be read.
const COPY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest reason that is taken over, in bytes.
const REASON: u64 = 1024;

/// A copy that is being made.
pub(super) struct Copier {
    path: PathBuf,
    memory: OwnedFd,
    /// Ends with the child, which has the other end.
    done: OwnedFd,
    /// That one, until there is a child.
    end: Option<OwnedFd>,
    pid: Option<Pid>,
    time: Countdown,
}

impl Copier {
    /// Nothing is copied yet.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let (done, end) = wakeup()?;
        Ok(Self {
            path: path.to_owned(),
            memory: package::room("libaction.so")?,
            done,
            end: Some(end),
            pid: None,
            time: Countdown::new(COPY_TIMEOUT),
        })
    }

    /// Begins. Where no process can be had, it ends at once, and nothing is copied.
    pub(super) fn start(&mut self, thread: &SingleThread) {
        match thread.fork() {
            Ok(Side::Parent(pid)) => self.pid = Pid::from_raw(pid),
            Ok(Side::Child(_)) => {
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                sys::exit_now(i32::from(copy(&self.path, &self.memory).is_err()))
            }
            Err(_) => {}
        }
        self.end = None;
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// The copy, which may not be whole yet, and what ends when it is.
    pub(super) fn share(&self) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
        Ok((self.memory.try_clone()?, Some(self.done.try_clone()?)))
    }

    /// Closes what a worker has inherited of it.
    pub(super) fn close_inherited(&self, fresh: &Fresh) {
        fresh.close(self.memory.as_fd());
        fresh.close(self.done.as_fd());
        self.end.iter().for_each(|end| fresh.close(end.as_fd()));
    }

    /// How long until the next look is due.
    pub(super) fn next_look(&self) -> Duration {
        self.time.next_look()
    }

    /// Ends the child if it has taken too long.
    pub(super) fn watch_time(&mut self) {
        if let (true, Some(pid)) = (self.time.is_over(), self.pid) {
            descendants::kill(descendants::number(pid));
        }
    }

    /// The child has ended: the copy, or why there is none.
    pub(super) fn finish(self) -> Result<OwnedFd, String> {
        if package::is_whole(&self.memory) {
            return Ok(self.memory);
        }
        let mut reason = String::new();
        let mut file = File::from(self.memory);
        let _ = file.rewind();
        let _ = file.take(REASON).read_to_string(&mut reason);
        if reason.is_empty() {
            reason = format!(
                "it could not be read within {} seconds",
                COPY_TIMEOUT.as_secs()
            );
        }
        Err(reason)
    }
}

/// Copies the file, or writes down why that is not possible.
fn copy(path: &Path, memory: &OwnedFd) -> io::Result<()> {
    let mut words = File::from(memory.try_clone()?);
    package::copy_into(path, memory.try_clone()?).inspect_err(|error| {
        let _ = words.set_len(0);
        let _ = words.rewind();
        let _ = write!(words, "{error}");
    })
}
