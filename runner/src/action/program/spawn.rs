//! Starting an action that is a program: with which words, variables and descriptors, and that it does not outlive its
//! worker.
//!
//! By hand, since the standard library's way to do the same takes thirty kilobytes more.
#![expect(unsafe_code, reason = "fork, exec, and what is arranged between them")]

use std::ffi::CString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, pidfd_send_signal,
    waitid,
};

use crate::refusal::Death;

/// What a program is started with, in the form that `execve` takes: nothing can be allocated between fork and exec.
pub(super) struct Launch {
    /// The first that can be executed is.
    paths: Vec<CString>,
    words: Vec<CString>,
    variables: Vec<CString>,
}

impl Launch {
    /// The program at the first of these paths, with the variables of this process and no argument.
    pub(super) fn new(paths: &[&Path]) -> io::Result<Self> {
        let text = |path: &&Path| CString::new(path.as_os_str().as_bytes());
        let paths = paths.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        });
        Ok(Self {
            words: paths.first().cloned().into_iter().collect(),
            variables: variables.collect(),
            paths,
        })
    }

    pub(super) fn argument(&mut self, word: &str) -> io::Result<()> {
        self.words.push(CString::new(word)?);
        Ok(())
    }

    /// Sets a variable, or takes it away. A value with a NUL changes nothing.
    pub(super) fn variable(&mut self, name: &str, value: Option<&str>) {
        let start = format!("{name}=");
        let Ok(variable) = CString::new(start.clone() + value.unwrap_or_default()) else {
            return;
        };
        self.variables
            .retain(|other| !other.as_bytes().starts_with(start.as_bytes()));
        self.variables.extend(value.map(|_| variable));
    }
}

/// The addresses of these strings, and a null pointer.
fn addresses(strings: &[CString]) -> Vec<*const libc::c_char> {
    let strings = strings.iter().map(|string| string.as_ptr());
    strings.chain([ptr::null()]).collect()
}

/// A program that runs. Dropped, it is killed.
pub(super) struct Process {
    /// What it reads. Does not block.
    pub(super) stdin: Option<OwnedFd>,
    /// Readable once it has ended.
    pub(super) exit: OwnedFd,
    status: Option<WaitIdStatus>,
}

impl Process {
    /// Starts it, with `output` as its descriptor `number`. It dies with the thread that calls this: a worker that is
    /// killed for a run that takes too long takes the program with it.
    pub(super) fn start(launch: &Launch, output: OwnedFd, number: RawFd) -> io::Result<Self> {
        let (stdin, ours) = io::pipe()?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        // Closed by exec; before that, the number of the error that kept it from happening.
        let (mut failure, theirs) = io::pipe()?;
        let (words, variables) = (addresses(&launch.words), addresses(&launch.variables));
        let worker = std::process::id();
        let descriptors = [(stdin.as_raw_fd(), 0), (output.as_raw_fd(), number)];
        // SAFETY: until it ends or is another program, the child only makes system calls on what is ready here.
        let pid = match unsafe { libc::fork() } {
            0 => {
                let error = become_program(&launch.paths, &words, &variables, worker, descriptors);
                let _ = rustix::io::write(&theirs, &error.to_ne_bytes());
                // SAFETY: has no preconditions.
                unsafe { libc::_exit(127) }
            }
            pid => Pid::from_raw(pid).filter(|_| pid > 0),
        };
        let pid = pid.ok_or_else(io::Error::last_os_error)?;
        // Ours; or the end of what the program writes is never seen.
        drop((theirs, stdin, output));
        let mut error = [0; 4];
        if failure.read_exact(&mut error).is_ok() {
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
            return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(error)));
        }
        let exit = pidfd_open(pid, PidfdFlags::empty()).inspect_err(|_| {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
        })?;
        Ok(Self {
            stdin: Some(ours.into()),
            exit,
            status: None,
        })
    }

    /// The same for a program that goes on after this run. The kernel binds its life to that of the thread that starts
    /// it, so it gets one of its own, which lasts until it ends.
    pub(super) fn start_lasting(
        launch: Launch,
        output: OwnedFd,
        number: RawFd,
    ) -> io::Result<Self> {
        let started = Arc::new((OnceLock::new(), Mutex::new(None)));
        let place = started.clone();
        thread::Builder::new().spawn(move || {
            let process = Self::start(&launch, output, number);
            let exit = process.as_ref().ok().map(|it| it.exit.try_clone());
            *place.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
            let _ = place.0.set(());
            if let Some(Ok(exit)) = exit {
                let _ = poll(&mut [PollFd::new(&exit, PollFlags::IN)], None);
            }
        })?;
        started.0.wait();
        let process = started
            .1
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        process.unwrap_or_else(|| Err(io::ErrorKind::OutOfMemory.into()))
    }

    /// Ends it, if it has not ended by itself, and says how it did.
    pub(super) fn end(&mut self) -> io::Result<Death> {
        if self.status.is_none() {
            let _ = pidfd_send_signal(&self.exit, Signal::KILL);
            self.status = waitid(WaitId::PidFd(self.exit.as_fd()), WaitIdOptions::EXITED)?;
        }
        let status = self.status.as_ref();
        let signal = status.and_then(WaitIdStatus::terminating_signal);
        let exited = status.and_then(WaitIdStatus::exit_status);
        Ok(signal.map_or(Death::Exited(exited.unwrap_or_default()), Death::Signal))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Waited for in any case, or it stays as a zombie.
        let _ = self.end();
    }
}

/// Turns this process, a child that was just forked from `worker`, into the program; or says which error kept it from
/// that. Pairs of `descriptors`: an open one, and the number under which the program has it.
fn become_program(
    paths: &[CString],
    words: &[*const libc::c_char],
    variables: &[*const libc::c_char],
    worker: u32,
    descriptors: [(RawFd, RawFd); 2],
) -> i32 {
    let arrange = || -> io::Result<()> {
        // SAFETY: a system call on integers.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        // SAFETY: has no preconditions.
        let parent = unsafe { libc::getppid() };
        if parent.cast_unsigned() != worker {
            // It was killed before the kernel knew that this process depends on it.
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        for (open, number) in descriptors {
            if open == number {
                // SAFETY: a system call on integers; a copy onto itself would keep the flag.
                check(unsafe { libc::fcntl(number, libc::F_SETFD, 0) })?;
            } else {
                // SAFETY: a system call on integers; whatever had that number in the worker is of no use after exec.
                check(unsafe { libc::dup2(open, number) })?;
            }
        }
        // A Rust program ignores it, which others do not expect to inherit.
        // SAFETY: SIG_DFL is a valid disposition.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let mut outcome = Ok(());
        for path in paths {
            // SAFETY: a C string, and two lists of C strings that end with null, all of which outlive the call.
            let result = unsafe { libc::execve(path.as_ptr(), words.as_ptr(), variables.as_ptr()) };
            outcome = check(result);
        }
        outcome
    };
    arrange()
        .err()
        .and_then(|error| error.raw_os_error())
        .unwrap_or(libc::EINVAL)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
