//! The keeper: starts a worker in its own descriptor table, watches it, and answers for it when it dies.
//!
//! One loop over what can happen: a bell, a death, a line of log, a tick of the watchdog. It runs no action code and
//! parses no request, so that there is little in it to crash. Two workers live only while one takes over from another.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::deaths::{self, MemoryGroup};
use super::settle::{self, Lingering, settle};
use super::shared::Verdict;
use super::slots::{Pair, Phase, SEATS, Seat, Slot, State, Tree};
use super::sys::{self, Side};
use super::watchdog::{TICK, Watchdog};
use super::{Delivery, Start, Work, Worker, descriptors, quiet, ring, worker};
use crate::config::Config;
use crate::logs::Logs;
use crate::refusal::{self, Death};

/// The exit status of a keeper that needs to be replaced, since its descriptors are gone or it cannot start a worker.
pub(super) const REPLACE_ME: i32 = 75;
/// How long a log that could not be emptied is left alone.
const LATER: Duration = Duration::from_millis(5);
/// How many ticks after the last bell or run with a limit the keeper still keeps its clock.
const WAKEFUL: u32 = 20;
/// The first pause between two tries to load a library that kills its worker, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What a keeper is made of.
pub(super) struct Keeper {
    pub config: &'static Config,
    pub tree: &'static Tree,
    pub pair: &'static Pair,
    pub delivery: &'static Delivery,
    pub listener: OwnedFd,
    /// Rung by the master and by workers.
    pub bell: OwnedFd,
    pub logs: Option<Logs>,
    pub work: Work,
}

/// A living worker.
struct Ward {
    exit: OwnedFd,
    bell: OwnedFd,
    /// The worker's end of its bell: closed once it is dead.
    _heard: OwnedFd,
    watchdog: Watchdog,
    start: Start,
    phase: Phase,
    /// The limit of the run for which it was killed.
    overdue_ms: Option<u32>,
    /// The copy that it was started with, once another takes its place: it may start a program from it until it leaves.
    library: Option<OwnedFd>,
}

/// A library that killed its worker while it was loaded.
struct Broken {
    sentence: String,
    pause: Duration,
    retry: Instant,
}

/// A new library that is being tried beside the one that serves.
struct Swapping {
    seat: usize,
    library: Option<OwnedFd>,
}

/// A keeper at work.
struct Watch {
    keeper: &'static Keeper,
    pair: &'static Pair,
    wards: [Option<Ward>; SEATS],
    broken: Option<Broken>,
    lingering: Lingering,
    memory: Option<MemoryGroup>,
    /// A private copy of the library that serves.
    library: Option<OwnedFd>,
    /// The last swap that has been begun.
    swaps: u32,
    swapping: Option<Swapping>,
    /// When those workers are killed that are still draining.
    drained_by: Option<Instant>,
    idle_ticks: u32,
    logs_later: bool,
}

/// Keeps a worker running until told to stop. `library` is a private copy of the one to begin with. Returns the exit
/// status of the keeper's process.
pub(super) fn keep(keeper: &'static Keeper, library: Option<OwnedFd>) -> i32 {
    let mut watch = Watch {
        keeper,
        pair: keeper.pair,
        wards: [None, None],
        broken: None,
        lingering: Lingering::default(),
        memory: MemoryGroup::find(),
        library,
        swaps: keeper.pair.swap.asked(),
        swapping: None,
        drained_by: None,
        idle_ticks: 0,
        logs_later: false,
    };
    let outcome = watch.seat_worker(0).and_then(|()| {
        while watch.wards.iter().any(Option::is_some) {
            watch.turn()?;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            for ward in watch.wards.iter().flatten() {
                ward.kill();
            }
            if error.kind() != io::ErrorKind::NotConnected {
                refusal::complain(&format!("The keeper of a worker cannot go on: {error}."));
            }
            REPLACE_ME
        }
    }
}

impl Ward {
    /// Was it started with a library to load?
    fn loads(&self) -> bool {
        matches!(self.start, Start::Configured | Start::Delivered)
    }

    fn kill(&self) {
        let _ = pidfd_send_signal(&self.exit, Signal::KILL);
    }
}

impl Watch {
    fn seat_worker(&mut self, seat: usize) -> io::Result<()> {
        let start = self.what_to_start();
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
                    overdue_ms: None,
                    library: None,
                });
                Ok(())
            }
        }
    }

    fn what_to_start(&self) -> Start {
        match &self.broken {
            Some(broken) if Instant::now() < broken.retry => Start::Broken(broken.sentence.clone()),
            _ if self.keeper.tree.delivered.load(Acquire) != 0 => Start::Delivered,
            _ if self.has_library() => Start::Configured,
            _ => Start::Empty,
        }
    }

    fn has_library(&self) -> bool {
        let swapped = self.swapping.as_ref().and_then(|it| it.library.as_ref());
        self.keeper.config.library.is_some() || swapped.or(self.library.as_ref()).is_some()
    }

    /// Waits for something to happen, and deals with all that may have.
    fn turn(&mut self) -> io::Result<()> {
        let asleep = self.wait()?;
        self.pair.keeper_sleeps.store(0, Relaxed);
        self.idle_ticks = if asleep {
            0
        } else {
            self.idle_ticks.saturating_add(1)
        };
        quiet(self.keeper.bell.as_fd());
        for seat in 0..SEATS {
            self.heed_death(seat)?;
            self.heed_news(seat);
            self.watch_time(seat);
        }
        self.heed_orders()?;
        self.pass_on();
        self.logs_later = !self.keeper.logs.as_ref().is_none_or(Logs::pump);
        self.lingering.look();
        Ok(())
    }

    /// Waits for a bell, a death, a line of log or the clock. The answer says whether it slept without a clock.
    fn wait(&self) -> io::Result<bool> {
        let clock = self.clock();
        if clock.is_none() {
            self.pair.keeper_sleeps.store(1, SeqCst);
            // A run that began before the worker could see the mark is seen here instead.
            if self
                .wards
                .iter()
                .enumerate()
                .any(|(seat, ward)| ward.is_some() && self.pair.has_limit(seat))
            {
                return Ok(true);
            }
        }
        let mut wanted = Vec::with_capacity(3 + SEATS);
        let mut want =
            |descriptor| wanted.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
        want(self.keeper.bell.as_fd());
        self.wards
            .iter()
            .flatten()
            .for_each(|ward| want(ward.exit.as_fd()));
        if let (Some(logs), false) = (&self.keeper.logs, self.logs_later) {
            logs.pipes().into_iter().for_each(want);
        }
        let limit = clock.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut wanted, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if wanted
            .iter()
            .any(|wanted| wanted.revents().contains(PollFlags::NVAL))
        {
            return Err(io::ErrorKind::NotConnected.into()); // An action has closed what was not its own.
        }
        Ok(clock.is_none())
    }

    /// How long to wait at most; `None` = until something happens.
    fn clock(&self) -> Option<Duration> {
        let now = Instant::now();
        let until = |moment: Instant| moment.saturating_duration_since(now);
        let runs = self
            .wards
            .iter()
            .flatten()
            .filter(|ward| ward.watchdog.is_watching());
        let mut limits: Vec<Duration> = runs.map(|ward| ward.watchdog.next_look()).collect();
        if self.logs_later {
            limits.push(LATER);
        }
        if self.idle_ticks < WAKEFUL || !self.lingering.is_empty() {
            limits.push(TICK);
        }
        limits.extend(self.drained_by.map(until));
        limits.extend(
            self.broken
                .as_ref()
                .map(|broken| until(broken.retry))
                .filter(|left| !left.is_zero()),
        );
        limits.into_iter().min()
    }

    fn heed_death(&mut self, seat: usize) -> io::Result<()> {
        let Some(ward) = &self.wards[seat] else {
            return Ok(());
        };
        let Some(death) = deaths::reap(&ward.exit, self.memory.as_mut()) else {
            return Ok(());
        };
        let Some(ward) = self.wards[seat].take() else {
            return Ok(());
        };
        let page = &self.pair.seats[seat];
        let death = match ward.overdue_ms {
            Some(ms) => Some(Death::TimeLimit { ms: ms.into() }),
            None if page.phase() == Phase::Retired => None,
            None => Some(death),
        };
        if let Some(logs) = &self.keeper.logs {
            logs.settle(seat);
        }
        settle(self.pair, seat, death, &mut self.lingering);
        page.process.store(0, Relaxed);
        if let Some(death) = death {
            self.pair.deaths.fetch_add(1, Relaxed);
            self.pair.fates.count(death);
        }
        if !self.heed_failed_swap(seat, death) {
            self.judge_library(page, &ward, death);
        }
        let loads = ward.loads();
        // Its descriptors are closed here, before a next worker can be given the same numbers in the shared table.
        drop(ward);
        self.replace(seat, loads, page)
    }

    /// Remembers a library that kills its worker while it is loaded, so that it is not tried again at once.
    fn judge_library(&mut self, page: &Seat, ward: &Ward, death: Option<Death>) {
        match (page.phase(), death) {
            (Phase::Starting | Phase::Loading | Phase::Initialising, Some(death))
                if ward.loads() =>
            {
                let sentence = death.during(settle::moment(page.phase())).to_string();
                refusal::complain(&sentence);
                let pause = self
                    .broken
                    .as_ref()
                    .map_or(PAUSES.0, |broken| (broken.pause * 2).min(PAUSES.1));
                self.broken = Some(Broken {
                    sentence,
                    pause,
                    retry: Instant::now() + pause,
                });
            }
            (Phase::Ready, _) if ward.loads() => self.broken = None,
            _ => {}
        }
    }

    /// Sees to it that somebody serves after the worker of `seat` has gone.
    fn replace(&mut self, seat: usize, loads: bool, page: &Seat) -> io::Result<()> {
        if let Some(other) = self.wards.iter().flatten().next() {
            ring(other.bell.as_fd()); // It adopts the connections.
            return Ok(());
        }
        if self.drained_by.is_some() {
            return Ok(());
        }
        if page.phase() == Phase::Starting && !loads {
            return Err(io::Error::other("a worker ended before it could begin"));
        }
        for connection in descriptors::forgotten(self.keeper.listener.as_fd(), &self.descriptors())
        {
            self.pair
                .claim_for_anybody(connection, self.keeper.config.connections);
        }
        descriptors::close_all_but(self.descriptors());
        self.seat_worker(seat)
    }

    /// What must outlive a worker in the shared table.
    fn descriptors(&self) -> Vec<RawFd> {
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

    /// A worker has come further: the master may wait for it, and an older worker may leave.
    fn heed_news(&mut self, seat: usize) {
        let Some(ward) = &mut self.wards[seat] else {
            return;
        };
        let phase = self.pair.seats[seat].phase();
        if phase == ward.phase {
            return;
        }
        ward.phase = phase;
        match phase {
            Phase::Ready => {
                self.broken = None;
                self.retire(1 - seat);
                self.end_swap(seat);
            }
            Phase::Refused if self.is_swapping(seat) => {
                // What served before goes on, in the older worker or in a next one.
                self.wards[seat].iter().for_each(Ward::kill);
            }
            _ => {}
        }
        tell_master();
    }

    fn is_swapping(&self, seat: usize) -> bool {
        self.swapping.as_ref().is_some_and(|it| it.seat == seat)
    }

    /// The worker of `seat` serves. If it tried a new library, that one is the library now.
    fn end_swap(&mut self, seat: usize) {
        if let Some(swapping) = self.swapping.take_if(|it| it.seat == seat) {
            let old = std::mem::replace(&mut self.library, swapping.library);
            if let Some(ward) = &mut self.wards[1 - seat] {
                ward.library = old;
            }
            let verdict = Verdict::Serves(self.pair.seats[seat].sentence());
            self.pair.swap.settle(self.swaps, &verdict);
        }
    }

    /// The worker of `seat` has ended. Was it one that tried a new library?
    fn heed_failed_swap(&mut self, seat: usize, death: Option<Death>) -> bool {
        if self.swapping.take_if(|it| it.seat == seat).is_none() {
            return false;
        }
        let page = &self.pair.seats[seat];
        let why = match (page.phase(), death) {
            (Phase::Refused, _) | (_, None) => page.sentence(),
            (_, Some(death)) => {
                let sentence = death.during(refusal::Phase::Load).to_string();
                refusal::complain(&sentence);
                sentence
            }
        };
        self.pair.swap.settle(self.swaps, &Verdict::Refused(why));
        tell_master();
        true
    }

    fn retire(&self, seat: usize) {
        if let Some(ward) = &self.wards[seat] {
            self.pair.seats[seat].retire.store(1, Release);
            ring(ward.bell.as_fd());
        }
    }

    /// Connections that one worker has given up are taken over by the other, while the first finishes its runs.
    fn pass_on(&self) {
        let left = (State::Idle, None);
        if self.wards.iter().all(Option::is_some)
            && self.pair.in_use().any(|slot| slot.read() == left)
        {
            let staying =
                (0..SEATS).filter(|seat| self.pair.seats[*seat].retire.load(Relaxed) == 0);
            staying
                .filter_map(|seat| self.wards[seat].as_ref())
                .for_each(|ward| ring(ward.bell.as_fd()));
        }
    }

    fn watch_time(&mut self, seat: usize) {
        let Some(ward) = &mut self.wards[seat] else {
            return;
        };
        let overdue = ward
            .watchdog
            .look(self.pair, seat, self.keeper.config.grace);
        if overdue.is_some() && ward.overdue_ms.is_none() {
            ward.overdue_ms = overdue;
            ward.kill();
        }
    }

    fn heed_orders(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.keeper.tree.draining.load(Acquire) != 0 && self.drained_by.is_none() {
            let config = self.keeper.config;
            self.drained_by = Some(now + config.drain_delay + config.grace);
            self.wards
                .iter()
                .flatten()
                .for_each(|ward| ring(ward.bell.as_fd()));
        }
        if self.drained_by.is_some_and(|until| until <= now) {
            self.wards.iter().flatten().for_each(Ward::kill);
        }
        if self
            .broken
            .as_ref()
            .is_some_and(|broken| broken.retry <= now)
        {
            (0..SEATS)
                .filter(|seat| self.is_broken(*seat))
                .for_each(|seat| self.retire(seat));
        }
        self.reload()
    }

    fn is_broken(&self, seat: usize) -> bool {
        self.wards[seat]
            .as_ref()
            .is_some_and(|ward| matches!(ward.start, Start::Broken(_)))
    }

    /// Tries a new library in a worker beside the one that serves.
    fn reload(&mut self) -> io::Result<()> {
        let asked = self.pair.swap.asked();
        let free = self.wards.iter().position(Option::is_none);
        if let (true, Some(seat), None) = (asked != self.swaps, free, self.drained_by) {
            self.swaps = asked;
            let library = self.staged()?;
            self.swapping = Some(Swapping { seat, library });
            self.seat_worker(seat)?;
        }
        Ok(())
    }

    /// The library that the master wants to be tried.
    fn staged(&self) -> io::Result<Option<OwnedFd>> {
        let number = self.keeper.tree.staged.load(Acquire);
        let (false, Some(master)) = (number == 0, rustix::process::getppid()) else {
            return Ok(None);
        };
        let path = format!("/proc/{}/fd/{number}", master.as_raw_nonzero());
        Ok(Some(std::fs::File::open(path)?.into()))
    }
}

fn tell_master() {
    if let Some(master) = rustix::process::getppid() {
        let _ = rustix::process::kill_process(master, Signal::USR1);
    }
}

/// A copy of a standard stream that no action's `dup2` can reach.
pub(super) fn copy(stream: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(stream, 3)?)
}
