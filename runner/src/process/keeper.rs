//! The keeper: starts a worker in its own descriptor table, watches it, and answers for it when it dies.
//!
//! One loop over what can happen: a bell, a death, a line of log, a tick of the watchdog. It runs no action code and
//! parses no request, so that there is little in it to crash. Two workers live only while one takes over from another.
//!
//! Here are the loop and its clock; `seat` starts a worker, `death` ends its story, `trial` lets a new library try.

mod death;
mod seat;
mod trial;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::deaths::MemoryGroup;
use super::descriptors::Identities;
use super::scarcity::Settling;
use super::settle::Lingering;
use super::slots::{Pair, Phase, SEATS, Tree};
use super::watchdog::{Countdown, TICK};
use super::{Delivery, Start, Work, quiet, ring};
use crate::config::Config;
use crate::logs::Logs;
use crate::refusal;
use death::Broken;
use seat::{Overdue, Ward};
use trial::Swapping;

/// The exit status of a keeper that needs to be replaced, since its descriptors are gone or it cannot start a worker.
pub(super) const REPLACE_ME: i32 = 75;
/// How long a log that could not be emptied is left alone.
const LATER: Duration = Duration::from_millis(5);
/// How many ticks after the last bell or run with a limit the keeper still keeps its clock.
const WAKEFUL: u32 = 20;

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

impl Keeper {
    /// What must be open, and what it was made as, for the pair to go on.
    fn identities(&self) -> Identities {
        let own = [
            &self.listener,
            &self.bell,
            &self.delivery.recipe,
            &self.delivery.library,
        ];
        let logs = self.logs.iter().flat_map(Logs::descriptors);
        Identities::of(own.into_iter().map(AsFd::as_fd).chain(logs))
    }
}

/// A keeper at work.
struct Watch {
    keeper: &'static Keeper,
    pair: &'static Pair,
    wards: [Option<Ward>; SEATS],
    broken: Option<Broken>,
    /// Workers in a row that ended without having served anybody.
    failures: u32,
    /// What the keeper's own descriptors have been from the start.
    identities: Identities,
    lingering: Lingering,
    memory: Option<MemoryGroup>,
    /// A private copy of the library that serves.
    library: Option<OwnedFd>,
    /// The last swap that has been begun.
    swaps: u32,
    swapping: Option<Swapping>,
    /// When those workers are killed that are still draining.
    drained_by: Option<Countdown>,
    idle_ticks: u32,
    logs_later: bool,
    settling: Settling,
}

/// Keeps a worker running until told to stop. `library` is a private copy of the one to begin with. Returns the exit
/// status of the keeper's process.
pub(super) fn keep(keeper: &'static Keeper, library: Option<OwnedFd>) -> i32 {
    let mut watch = Watch {
        keeper,
        pair: keeper.pair,
        wards: [None, None],
        broken: None,
        failures: 0,
        identities: keeper.identities(),
        lingering: Lingering::default(),
        memory: None,
        library,
        swaps: keeper.pair.swap.asked(),
        swapping: None,
        drained_by: None,
        idle_ticks: 0,
        logs_later: false,
        settling: Settling::new(),
    };
    let outcome = watch.seat_worker(0).and_then(|()| {
        // Only now: the worker need not wait for it.
        watch.memory = MemoryGroup::find();
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

impl Watch {
    /// Waits for something to happen, and deals with all that may have.
    fn turn(&mut self) -> io::Result<()> {
        let asleep = self.wait()?;
        self.pair.keeper_sleeps.store(0, Relaxed);
        self.idle_ticks = if asleep {
            0
        } else {
            self.idle_ticks.saturating_add(1)
        };
        if !quiet(self.keeper.bell.as_fd()) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        for seat in 0..SEATS {
            self.heed_death(seat)?;
            self.heed_news(seat);
            self.watch_time(seat);
        }
        self.heed_orders()?;
        self.pass_on();
        if let Some(logs) = &self.keeper.logs {
            self.logs_later = !logs.pump()?;
        }
        self.lingering.look();
        self.settling.look();
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
        let wards = self.wards.iter().flatten();
        let mut limits: Vec<Duration> = wards.filter_map(Ward::next_look).collect();
        if self.logs_later {
            limits.push(LATER);
        }
        if self.idle_ticks < WAKEFUL || !self.lingering.is_empty() {
            limits.push(TICK);
        }
        limits.extend(self.settling.next_look());
        limits.extend(self.drained_by.as_ref().map(Countdown::next_look));
        limits.extend(
            self.broken
                .as_ref()
                .map(|broken| until(broken.retry))
                .filter(|left| !left.is_zero()),
        );
        limits.into_iter().min()
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

    fn watch_time(&mut self, seat: usize) {
        let Some(ward) = &mut self.wards[seat] else {
            return;
        };
        ward.watch_time(self.pair, seat, self.keeper.config);
    }

    fn heed_orders(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.keeper.tree.draining.load(Acquire) != 0 && self.drained_by.is_none() {
            let config = self.keeper.config;
            self.drained_by = Some(Countdown::new(config.drain_delay + config.grace));
            self.wards
                .iter()
                .flatten()
                .for_each(|ward| ring(ward.bell.as_fd()));
        }
        if self.drained_by.as_mut().is_some_and(Countdown::is_over) {
            for ward in self.wards.iter_mut().flatten() {
                ward.overdue.get_or_insert(Overdue::Stop);
                ward.kill();
            }
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
