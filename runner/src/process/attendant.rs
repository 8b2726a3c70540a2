//! Processes beside the workers: one answers on the admin port, one watches the library's file. What they do is handed
//! in; here they are started, and replaced when they die. Nobody's request depends on them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use rustix::process::{Pid, Signal};

use super::scarcity;
use super::slots::{Pair, Tree};
use super::sys::{self, Side};
use super::{Attend, Roles, SHORT_LIFE};
use crate::config::Config;
use crate::package::Stamp;
use crate::refusal;

/// Connections that wait for the admin process.
const BACKLOG: i32 = 64;

/// What a process beside the workers needs.
#[derive(Clone, Copy)]
pub struct Attendant {
    pub config: &'static Config,
    pub tree: &'static Tree,
    pub pairs: &'static [&'static Pair],
    /// The library's file as it was before it was copied; `None`: there is none.
    pub library: Option<Stamp>,
    /// The admin port, bound.
    pub listener: Option<BorrowedFd<'static>>,
    /// Whom to signal.
    pub master: Pid,
}

/// Both of them, if they are wanted.
pub(super) struct Attendants {
    context: Attendant,
    /// The workers' listening socket: theirs alone, so that the port is free when they are gone.
    port: RawFd,
    admin: Option<Post>,
    watch: Option<Post>,
}

struct Post {
    attend: Attend,
    pid: Option<Pid>,
    started: Option<Instant>,
}

impl Post {
    fn new(attend: Attend) -> Self {
        Self {
            attend,
            pid: None,
            started: None,
        }
    }

    fn start(&mut self, context: Attendant, port: RawFd) {
        let just_died = self
            .started
            .is_some_and(|started| started.elapsed() < SHORT_LIFE);
        if self.pid.is_some() || just_died {
            return;
        }
        self.started = Some(Instant::now());
        match sys::fork() {
            Ok(Side::Parent(pid)) => {
                scarcity::offer(pid, scarcity::ATTENDANT);
                self.pid = Pid::from_raw(pid);
            }
            Ok(Side::Child) => {
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                let _ = rustix::process::setpgid(None, None);
                sys::default_signals();
                sys::close_range(port, port);
                sys::exit_now((self.attend)(context))
            }
            Err(error) => refusal::complain(&format!(
                "A process beside the workers cannot be started: {error}. It is tried again."
            )),
        }
    }
}

impl Attendants {
    pub(super) fn new(
        config: &'static Config,
        tree: &'static Tree,
        pairs: &'static [&'static Pair],
        library: Option<Stamp>,
        port: &OwnedFd,
        admin: Option<(OwnedFd, String)>,
        roles: Roles,
    ) -> Self {
        let admin = admin.map(|(socket, address)| {
            // Whoever asks before there is anybody to answer waits.
            let _ = rustix::net::listen(&socket, BACKLOG);
            if config.admin.is_some_and(|wanted| wanted.port() == 0) {
                refusal::complain(&format!("admin on {address}"));
            }
            &*Box::leak(Box::new(socket))
        });
        let watched = config.watch && config.library.is_some();
        Self {
            context: Attendant {
                config,
                tree,
                pairs,
                library,
                listener: admin.map(AsFd::as_fd),
                master: rustix::process::getpid(),
            },
            port: port.as_raw_fd(),
            admin: admin.map(|_| Post::new(roles.admin)),
            watch: watched.then(|| Post::new(roles.watch)),
        }
    }

    fn posts(&mut self) -> impl Iterator<Item = &mut Post> {
        self.admin.iter_mut().chain(&mut self.watch)
    }

    /// Starts those that do not run, unless they have only just died.
    pub(super) fn start_missing(&mut self) {
        let (context, port) = (self.context, self.port);
        self.posts().for_each(|post| post.start(context, port));
    }

    /// When the first of those was started that do not run.
    pub(super) fn missing_since(&self) -> Option<Instant> {
        let posts = self.admin.iter().chain(&self.watch);
        posts
            .filter(|post| post.pid.is_none())
            .filter_map(|post| post.started)
            .min()
    }

    /// A process has been reaped.
    pub(super) fn forget(&mut self, pid: Pid) {
        for post in self.posts().filter(|post| post.pid == Some(pid)) {
            post.pid = None;
        }
    }

    /// The process that answers on the admin port.
    pub(super) fn admin_process(&self) -> Option<i32> {
        let pid = self.admin.as_ref()?.pid?;
        Some(pid.as_raw_nonzero().get())
    }
}
