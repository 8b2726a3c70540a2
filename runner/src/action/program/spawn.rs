//! Starting an action that is a program: with which words, variables and descriptors.
//!
//! It does not outlive its worker: what a dead worker leaves behind is ended by the master.
#![expect(
    unsafe_code,
    reason = "a descriptor above the standard three has to be arranged between fork and exec"
)]

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::refusal::Death;

/// What a program is started with.
pub(super) struct Launch {
    /// The first that can be executed is.
    paths: Vec<PathBuf>,
    arguments: Vec<OsString>,
    variables: Vec<(String, Option<OsString>)>,
}

impl Launch {
    /// The program at the first of these paths, with the variables of this process and no argument.
    pub(super) fn new(paths: &[&Path]) -> Self {
        Self {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    pub(super) fn argument(&mut self, word: &str) {
        self.arguments.push(word.into());
    }

    /// Sets a variable, or takes it away. A value with a NUL changes nothing.
    pub(super) fn variable(&mut self, name: &str, value: Option<&str>) {
        if !value.is_some_and(|value| value.contains('\0')) {
            self.variables
                .push((name.to_owned(), value.map(OsString::from)));
        }
    }

    fn command(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.args(&self.arguments);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// A program that runs. Dropped, it is killed.
pub(super) struct Process {
    /// What it reads. Does not block.
    pub(super) stdin: Option<OwnedFd>,
    /// Readable once it has ended.
    pub(super) exit: OwnedFd,
    child: Child,
}

impl Process {
    /// Starts it, with `output` as its descriptor `number`.
    pub(super) fn start(launch: &Launch, output: &OwnedFd, number: RawFd) -> io::Result<Self> {
        let mut outcome = Err(io::ErrorKind::NotFound.into());
        for path in &launch.paths {
            let mut command = launch.command(path);
            command.stdin(Stdio::piped());
            arrange(&mut command, output, number)?;
            outcome = command.spawn();
            if outcome.is_ok() {
                break;
            }
        }
        let mut child = outcome?;
        let stdin = child.stdin.take().map(OwnedFd::from);
        if let Some(stdin) = &stdin {
            rustix::io::ioctl_fionbio(stdin, true)?;
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let exit = pid.ok_or(io::ErrorKind::NotFound.into());
        let exit = exit.and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        match exit {
            Ok(exit) => Ok(Self { stdin, exit, child }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Ends it, if it has not ended by itself, and says how it did.
    pub(super) fn end(&mut self) -> io::Result<Death> {
        let _ = self.child.kill();
        let status = self.child.wait()?;
        let exited = Death::Exited(status.code().unwrap_or_default());
        Ok(status.signal().map_or(exited, Death::Signal))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Waited for in any case, or it stays as a zombie.
        let _ = self.end();
    }
}

/// Leads the program's descriptor `number` to `output`.
fn arrange(command: &mut Command, output: &OwnedFd, number: RawFd) -> io::Result<()> {
    let output = output.try_clone()?;
    if number == 1 {
        command.stdout(output);
        return Ok(());
    }
    let lead = move || {
        if output.as_raw_fd() == number {
            // A copy onto itself would be closed by exec.
            return Ok(rustix::io::fcntl_setfd(
                &output,
                rustix::io::FdFlags::empty(),
            )?);
        }
        // SAFETY: whatever had that number is of no use after exec; it is not closed here but led elsewhere.
        let mut place = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
        Ok(rustix::io::dup2(&output, &mut place)?)
    };
    // SAFETY: between fork and exec it makes system calls only, on what is ready.
    unsafe { command.pre_exec(lead) };
    Ok(())
}
