//! Processes beside the workers: one answers on the admin port, one watches the library's file. What they do is handed
//! in; here they are started, and replaced when they die. Nobody's request depends on them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::oom;
use super::shared::Shared;
use super::sys::{self, Side, SingleThread};
use super::upload::Uploads;
use super::{Roles, SHORT_LIFE};
use crate::config::Config;
use crate::package::Stamp;
use crate::refusal;

/// Connections that wait for the admin process.
const BACKLOG: i32 = 64;

/// What a process beside the workers needs.
#[derive(Clone, Copy)]
pub struct SideProcess {
    pub config: &'static Config,
    pub shared: &'static Shared,
    pub uploads: &'static Uploads,
    /// The library's file as it was before it was copied; `None`: there is none.
    pub library: Option<Stamp>,
    /// The admin port, bound.
    pub listener: Option<BorrowedFd<'static>>,
    /// Whom to signal.
    pub master: Pid,
}

/// Both of them, if they are wanted.
pub(super) struct SideProcesses {
    context: SideProcess,
    all: Vec<Handle>,
}

/// One of them as the master sees it.
struct Handle {
    work: fn(SideProcess) -> i32,
    pid: Option<Pid>,
    started: Option<Instant>,
}

impl Handle {
    /// How long until it may be started again, if it does not run: one that has only just died is left alone.
    fn pause(&self) -> Option<Duration> {
        let passed = self.started.map(|started| started.elapsed());
        let left = passed.map_or(Duration::ZERO, |passed| SHORT_LIFE.saturating_sub(passed));
        self.pid.is_none().then_some(left)
    }

    fn start(&mut self, thread: &SingleThread, context: SideProcess, port: &OwnedFd) {
        self.started = Some(Instant::now());
        match thread.fork() {
            Ok(Side::Parent(pid)) => {
                oom::offer(pid.unsigned_abs(), oom::SIDE_PROCESS);
                self.pid = Pid::from_raw(pid);
            }
            Ok(Side::Child(fresh)) => {
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                let _ = rustix::process::setpgid(None, None);
                sys::default_signals();
                // The workers' port is theirs alone, so that it is free when they are gone.
                fresh.close(port.as_fd());
                sys::exit_now((self.work)(context))
            }
            Err(error) => refusal::report(&format!(
                "A process beside the workers cannot be started: {error}. It is tried again."
            )),
        }
    }
}

impl SideProcesses {
    pub(super) fn new(
        mut context: SideProcess,
        admin: Option<(OwnedFd, String)>,
        roles: Roles,
    ) -> Self {
        let config = context.config;
        let mut works = Vec::new();
        if let Some((socket, address)) = admin {
            // Whoever asks before there is anybody to answer waits.
            let _ = rustix::net::listen(&socket, BACKLOG);
            if config.admin.is_some_and(|wanted| wanted.port() == 0) {
                refusal::report(&format!("admin on {address}"));
            }
            let socket: &'static OwnedFd = Box::leak(Box::new(socket));
            context.listener = Some(socket.as_fd());
            works.push(roles.admin);
        }
        if config.watch && config.library.is_some() {
            works.push(roles.watch);
        }
        let handle = |work| Handle {
            work,
            pid: None,
            started: None,
        };
        Self {
            context,
            all: works.into_iter().map(handle).collect(),
        }
    }

    /// Starts those that do not run, unless they have only just died. `port` is the workers'.
    pub(super) fn start_missing(&mut self, thread: &SingleThread, port: &OwnedFd) {
        let context = self.context;
        let missing = self.all.iter_mut();
        missing
            .filter(|handle| handle.pause() == Some(Duration::ZERO))
            .for_each(|handle| handle.start(thread, context, port));
    }

    /// How long until the next of those may be started that do not run.
    pub(super) fn next_start(&self) -> Option<Duration> {
        self.all.iter().filter_map(Handle::pause).min()
    }

    /// Is this one of them?
    pub(super) fn has(&self, pid: Pid) -> bool {
        self.all.iter().any(|handle| handle.pid == Some(pid))
    }

    /// A process has been reaped.
    pub(super) fn forget(&mut self, pid: Pid) {
        let all = self.all.iter_mut();
        all.filter(|handle| handle.pid == Some(pid))
            .for_each(|handle| handle.pid = None);
    }

    /// Ends them.
    pub(super) fn kill(&self) {
        for pid in self.all.iter().filter_map(|handle| handle.pid) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}
