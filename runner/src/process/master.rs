//! The master: process 1 of a container. Starts keepers, waits for signals, reaps whatever dies.
//!
//! It never sees a connection or a byte of an action's. Signals are blocked and fetched one at a time, so that
//! nothing here has to be safe inside a signal handler.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait};

use super::attendant::Attendants;
use super::bound::bound;
use super::keeper::{self, Keeper};
use super::scarcity::Settling;
use super::shared::Verdict;
use super::slots::{Pair, Phase, Tree};
use super::swap::Library;
use super::sys::{self, Side, Signals};
use super::watchdog::Countdown;
use super::{Delivery, Roles, SHORT_LIFE, new_bell, ring};
use crate::config::Config;
use crate::logs::Logs;
use crate::package;
use crate::refusal::{self, CannotServe};

/// Exit status of a server whose library, named on the command line, does not load.
const CANNOT_LOAD: i32 = 3;
/// Exit status of a server that was stopped before its runs were done.
const CUT_SHORT: i32 = 1;
/// What keepers get beyond the time that they give their workers, before they are killed.
const LAST_WORD: Duration = Duration::from_secs(1);
const SIGNALS: [i32; 7] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGCHLD,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGQUIT,
];

pub(super) struct Master {
    pub(super) config: &'static Config,
    pub(super) tree: &'static Tree,
    delivery: &'static Delivery,
    listener: OwnedFd,
    address: String,
    roles: Roles,
    pub(super) pairs: Vec<Kept>,
    pub(super) library: Library,
    pub(super) attendants: Attendants,
    announced: bool,
    status: i32,
    /// When keepers are killed that have not left by then.
    pub(super) stop_by: Option<Countdown>,
    settling: Settling,
}

/// One keeper and its pair's shared page.
pub(super) struct Kept {
    pub(super) pair: &'static Pair,
    pub(super) bell: OwnedFd,
    pid: Option<Pid>,
    started: Instant,
}

/// Serves until told to stop. Returns the program's exit status.
pub fn run(config: &'static Config, roles: Roles) -> Result<i32, CannotServe> {
    let (listener, address) = bound(config.listen, "--listen")?;
    let admin = config.admin.map(|wanted| bound(wanted, "--admin"));
    let admin = admin.transpose()?;
    let signals = Signals::block(&SIGNALS);
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let delivery = Delivery {
        recipe: memfd_create("recipe", MemfdFlags::CLOEXEC).map_err(io::Error::from)?,
        library: package::room("action")?,
    };
    let mut pairs = Vec::new();
    for _ in 0..config.workers {
        pairs.push(Kept {
            pair: sys::shared()?,
            bell: new_bell()?,
            pid: None,
            started: Instant::now(),
        });
    }
    let shared: Vec<&'static Pair> = pairs.iter().map(|kept| kept.pair).collect();
    // Before it is copied: whatever is written afterwards is news to whoever watches it.
    let file = config.library.as_deref().and_then(package::stamp);
    let tree: &'static Tree = sys::shared()?;
    tree.generation.store(1, Relaxed);
    let attendants = Attendants::new(config, tree, shared.leak(), file, &listener, admin, roles);
    let mut master = Master {
        config,
        tree,
        delivery: Box::leak(Box::new(delivery)),
        listener,
        address,
        roles,
        attendants,
        pairs,
        library: Library::of(config),
        announced: false,
        status: 0,
        stop_by: None,
        settling: Settling::new(),
    };
    for index in 0..config.workers {
        master.start(index)?;
    }
    master.library.finish_copy(tree);
    master.attendants.start_missing();
    master.reign(&signals);
    let _ = std::fs::remove_dir_all(&config.scratch);
    Ok(master.status)
}

impl Master {
    fn start(&mut self, index: usize) -> io::Result<()> {
        let (config, tree, delivery, work) =
            (self.config, self.tree, self.delivery, self.roles.worker);
        let kept = &mut self.pairs[index];
        kept.started = Instant::now();
        if kept.pair.swap.is_open() {
            // Its keeper died over it. The next one begins with the library that it is given.
            let why = "The keeper of a worker had to be replaced.".to_owned();
            let number = kept.pair.swap.asked();
            kept.pair.swap.settle(number, &Verdict::Refused(why));
        }
        match sys::fork()? {
            Side::Parent(pid) => kept.pid = Pid::from_raw(pid),
            Side::Child => {
                let made = || -> io::Result<(Keeper, Option<OwnedFd>)> {
                    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                    // A group of its own: a terminal's Ctrl-C is for the master, who lets runs finish.
                    let _ = rustix::process::setpgid(None, None);
                    let containers = [
                        keeper::copy(rustix::stdio::stdout())?,
                        keeper::copy(rustix::stdio::stderr())?,
                    ];
                    let logs = config
                        .sentinels
                        .then(|| Logs::new(kept.pair, containers))
                        .transpose()?;
                    let listener = self.listener.try_clone()?;
                    let bell = kept.bell.try_clone()?;
                    let library = self.library.serving().map(OwnedFd::try_clone).transpose()?;
                    let keeper = Keeper {
                        config,
                        tree,
                        pair: kept.pair,
                        delivery,
                        listener,
                        bell,
                        logs,
                        work,
                    };
                    Ok((keeper, library))
                };
                let status = match made() {
                    Ok((keeper, library)) => keeper::keep(Box::leak(Box::new(keeper)), library),
                    Err(error) => {
                        refusal::complain(&format!("A worker cannot be started: {error}."));
                        keeper::REPLACE_ME
                    }
                };
                sys::exit_now(status)
            }
        }
        Ok(())
    }

    /// The loop: one signal at a time, until the last keeper has left.
    fn reign(&mut self, signals: &Signals) {
        while self.stop_by.is_none() || self.pairs.iter().any(|kept| kept.pid.is_some()) {
            match signals.wait(self.clock()) {
                Some(libc::SIGCHLD) | None => {}
                Some(libc::SIGUSR1) => self.heed_news(),
                Some(libc::SIGUSR2) => self.heed_upload(),
                Some(libc::SIGHUP) => self.reload(),
                Some(_) if self.stop_by.is_some() => return self.kill_all(),
                Some(_) => self.stop(0),
            }
            self.reap();
            self.restart();
            self.heed_swap();
            self.settling.look();
            if self.stop_by.as_mut().is_some_and(Countdown::is_over) {
                return self.kill_all();
            }
        }
    }

    fn clock(&self) -> Option<Duration> {
        let now = Instant::now();
        let restarts = self
            .pairs
            .iter()
            .filter(|kept| kept.pid.is_none())
            .map(|kept| kept.started + SHORT_LIFE)
            .chain(
                self.attendants
                    .missing_since()
                    .map(|start| start + SHORT_LIFE),
            );
        let restarts = restarts.filter(|_| self.stop_by.is_none());
        restarts
            .map(|moment| moment.saturating_duration_since(now))
            .chain(self.stop_by.as_ref().map(Countdown::next_look))
            .chain(self.settling.next_look())
            .min()
    }

    /// Reaps every child that has died: keepers, and the orphans that actions leave behind.
    fn reap(&mut self) {
        while let Ok(Some((pid, _))) = wait(WaitOptions::NOHANG) {
            for kept in self.pairs.iter_mut().filter(|kept| kept.pid == Some(pid)) {
                kept.pid = None;
                // Whatever its actions have started and left behind goes with it.
                let _ = kill_process_group(pid, Signal::KILL);
            }
            self.attendants.forget(pid);
        }
    }

    fn restart(&mut self) {
        if self.stop_by.is_some() {
            return;
        }
        self.attendants.start_missing();
        for index in 0..self.pairs.len() {
            let kept = &self.pairs[index];
            if kept.pid.is_none() && kept.started.elapsed() >= SHORT_LIFE {
                kept.pair.forget();
                if let Err(error) = self.start(index) {
                    refusal::complain(&format!(
                        "A worker cannot be replaced: {error}. It is tried again."
                    ));
                }
            }
        }
    }

    /// A worker has come further.
    fn heed_news(&mut self) {
        if self.announced || self.stop_by.is_some() {
            return;
        }
        let phases: Vec<Phase> = self.pairs.iter().map(|kept| kept.pair.furthest()).collect();
        if phases.contains(&Phase::Refused) && self.config.library_is_named {
            // Its worker has said why.
            return self.stop(CANNOT_LOAD);
        }
        if phases
            .iter()
            .all(|phase| matches!(phase, Phase::Ready | Phase::Refused))
        {
            self.announced = true;
            self.tree.announced.store(1, Release);
            if self.config.listen.port() == 0 || rustix::termios::isatty(rustix::stdio::stderr()) {
                refusal::complain(&format!("listening on {}", self.address));
            }
        }
    }

    fn stop(&mut self, status: i32) {
        self.status = status;
        let time = self.config.drain_delay + self.config.grace + LAST_WORD;
        self.stop_by = Some(Countdown::new(time));
        self.tree.draining.store(1, Release);
        self.pairs.iter().for_each(|kept| ring(kept.bell.as_fd()));
    }

    /// The time is over, or somebody insists. A run that was under way is lost, and the status says so.
    fn kill_all(&mut self) {
        if self.pairs.iter().any(|kept| kept.pair.owes_answers()) {
            self.status = self.status.max(CUT_SHORT);
        }
        for pid in self.pairs.iter_mut().filter_map(|kept| kept.pid.take()) {
            // Workers are bound to their keeper's life.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
