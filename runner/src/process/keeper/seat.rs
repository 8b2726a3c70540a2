//! A worker: started, and what must stay open for it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::super::scarcity;
use super::super::slots::{Pair, Phase, Slot};
use super::super::sys::{self, Side};
use super::super::watchdog::{Countdown, Watchdog};
use super::super::{Start, Worker, worker};
use super::Watch;
use crate::config::Config;
use crate::logs::Logs;

/// A living worker.
pub(super) struct Ward {
    pub(super) exit: OwnedFd,
    pub(super) bell: OwnedFd,
    /// The worker's end of its bell: closed once it is dead.
    pub(super) _heard: OwnedFd,
    pub(super) watchdog: Watchdog,
    pub(super) start: Start,
    pub(super) phase: Phase,
    pub(super) born: Instant,
    /// How long it may still load a library that no run waits for.
    loading: Option<Countdown>,
    /// What it was killed for.
    pub(super) overdue: Option<Overdue>,
    /// The copy that it was started with, once another takes its place: it may start a program from it until it leaves.
    pub(super) library: Option<OwnedFd>,
}

/// Something that took longer than it may.
pub(super) enum Overdue {
    /// The runs of these slots.
    Runs(Vec<usize>),
    /// The loading of the library.
    Loading,
    /// All that it had to finish when the program was told to stop.
    Stop,
}

impl Ward {
    /// Kills it if it has taken too long over something.
    pub(super) fn watch_time(&mut self, pair: &Pair, seat: usize, config: &Config) {
        let runs = self.watchdog.look(pair, seat, config.grace);
        let loads = is_loading(pair.seats[seat].phase()) && self.loads() && !pair.is_at_work(seat);
        self.loading = match (config.timeout, self.loading.take()) {
            (Some(limit), None) if loads => Some(Countdown::new(limit + config.grace)),
            (_, countdown) => countdown.filter(|_| loads),
        };
        let overdue = if runs.is_empty() {
            let is_late = self.loading.as_mut().is_some_and(Countdown::is_over);
            is_late.then_some(Overdue::Loading)
        } else {
            Some(Overdue::Runs(runs))
        };
        if let (Some(overdue), None) = (overdue, &self.overdue) {
            self.overdue = Some(overdue);
            self.kill();
        }
    }

    /// How long until the next look is due, if anything has a limit.
    pub(super) fn next_look(&self) -> Option<Duration> {
        let runs = self.watchdog.is_watching();
        let runs = runs.then(|| self.watchdog.next_look());
        let loading = self.loading.as_ref().map(Countdown::next_look);
        runs.into_iter().chain(loading).min()
    }

    /// Was it started with a library to load?
    pub(super) fn loads(&self) -> bool {
        matches!(self.start, Start::Configured | Start::Delivered)
    }

    pub(super) fn kill(&self) {
        let _ = pidfd_send_signal(&self.exit, Signal::KILL);
    }
}

impl Watch {
    pub(super) fn seat_worker(&mut self, seat: usize) -> io::Result<()> {
        let start = self.what_to_start(seat);
        let library = match &self.swapping {
            Some(swapping) if swapping.seat == seat => &swapping.library,
            _ => &self.library,
        };
        // Open for as long as the worker needs it: replaced only when a later one serves.
        let library = library
            .as_ref()
            .map(|library| sys::lend(library.as_raw_fd()));
        let page = &self.pair.seats[seat];
        page.clear();
        let (heard, bell) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        match sys::clone_with_shared_descriptors()? {
            Side::Child => {
                let worker = Worker {
                    config: self.keeper.config,
                    tree: self.keeper.tree,
                    pair: self.pair,
                    delivery: self.keeper.delivery,
                    library,
                    trial: self.is_swapping(seat),
                    seat,
                    start,
                    listener: self.keeper.listener.as_fd(),
                    logs: self.keeper.logs.as_ref(),
                    keeper_bell: self.keeper.bell.as_fd(),
                    bell: heard,
                    own_order: sys::lend(bell.as_raw_fd()),
                };
                worker::live(worker, self.keeper.work)
            }
            Side::Parent(pid) => {
                page.process.store(pid.unsigned_abs(), Relaxed);
                // Here, while the worker is on its way to its action.
                scarcity::offer(pid, scarcity::WORKER);
                let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::NotFound)?;
                let exit = pidfd_open(pid, PidfdFlags::empty())?;
                let (watchdog, phase) = (Watchdog::new(), Phase::Starting);
                self.wards[seat] = Some(Ward {
                    exit,
                    bell,
                    _heard: heard,
                    watchdog,
                    start,
                    phase,
                    born: Instant::now(),
                    loading: None,
                    overdue: None,
                    library: None,
                });
                Ok(())
            }
        }
    }

    pub(super) fn what_to_start(&self, seat: usize) -> Start {
        match &self.broken {
            // A new library is not judged by the old one's deaths.
            Some(broken)
                if Instant::now() < broken.retry
                    && broken.is_delivered == self.is_delivered()
                    && !self.is_swapping(seat) =>
            {
                Start::Broken(broken.sentence.clone())
            }
            _ if self.is_delivered() => Start::Delivered,
            _ if self.has_library() => Start::Configured,
            _ => Start::Empty,
        }
    }

    /// Has an `/init` delivered what is to be loaded?
    pub(super) fn is_delivered(&self) -> bool {
        self.keeper.tree.delivered.load(Acquire) != 0
    }

    pub(super) fn has_library(&self) -> bool {
        let swapped = self.swapping.as_ref().and_then(|it| it.library.as_ref());
        self.keeper.config.library.is_some() || swapped.or(self.library.as_ref()).is_some()
    }

    /// What must outlive a worker in the shared table.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        let keeper = self.keeper;
        let delivery = [
            keeper.delivery.recipe.as_raw_fd(),
            keeper.delivery.library.as_raw_fd(),
        ];
        let own = [keeper.listener.as_raw_fd(), keeper.bell.as_raw_fd()];
        let next = self.swapping.iter().flat_map(|it| &it.library);
        let libraries = next.chain(&self.library).map(AsRawFd::as_raw_fd);
        let logs = keeper
            .logs
            .iter()
            .flat_map(Logs::descriptors)
            .map(|descriptor| descriptor.as_raw_fd());
        let connections = self.pair.waiting().map(Slot::descriptor);
        let wards = self
            .wards
            .iter()
            .flatten()
            .flat_map(|ward| [ward.exit.as_raw_fd(), ward.bell.as_raw_fd()]);
        own.into_iter()
            .chain(delivery)
            .chain(libraries)
            .chain(logs)
            .chain(connections)
            .chain(wards)
            .chain(self.lingering.descriptors())
            .collect()
    }
}

/// Is a library being loaded in this phase?
pub(super) fn is_loading(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Starting | Phase::Loading | Phase::Initialising
    )
}
