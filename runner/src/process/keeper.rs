//! The keeper: shares its worker's descriptors, watches its time, moves its log, and answers for it when it dies. Then it
//! ends too.
//!
//! One loop over what can happen: an order, a death, a line of log, a tick of the watchdog. It runs no action code and parses no
//! request, so that there is little in it to crash; and it never waits for a file or a caller.

use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use super::descendants;
use super::handover::Queue;
use super::oom::MemoryLock;
use super::orders::Order;
use super::orphans::{End, Orphans, Told};
use super::page::Page;
use super::shared::{Place, RunOutcome, Stop};
use super::sys::DeadTable;
use super::watchdog::{Countdown, TICK, Watchdog};
use super::{descriptors, moment};
use crate::config::Config;
use crate::logs::Logs;
use crate::refusal::Death;

/// The status of a keeper that has lost a descriptor of its own to the action.
const LOST: i32 = 75;
/// How long a log that could not be emptied is left alone.
const LATER: Duration = Duration::from_millis(5);
/// How long until connections are offered again that the queue has refused.
const OFFER_AGAIN: Duration = Duration::from_millis(10);
/// How long what the action has started may take to end, after the master's death.
const DESCENDANTS_TIME: Duration = Duration::from_secs(1);
/// How many ticks after the last order or run with a limit the keeper still keeps its clock.
const WAKEFUL: u32 = 20;

/// What a keeper is made of. All of its descriptors stand in the table that it shares with its worker.
pub(super) struct Keeper {
    pub(super) config: &'static Config,
    pub(super) place: Place,
    pub(super) page: &'static Page,
    pub(super) queue: &'static Queue,
    pub(super) listener: &'static OwnedFd,
    /// Where its orders come from.
    pub(super) orders: OwnedFd,
    /// Pidfds of both.
    pub(super) worker: OwnedFd,
    pub(super) master: OwnedFd,
    pub(super) logs: Option<&'static Logs>,
    /// Makes the bytes of an answer.
    pub(super) tell: fn(Told) -> Vec<u8>,
}

/// A keeper at work.
struct Watch {
    keeper: Keeper,
    watchdog: Watchdog,
    /// How long the worker may still load a library that no run waits for.
    loading: Option<Countdown>,
    /// What the worker was killed for.
    overdue: Option<Vec<RawFd>>,
    orphans: Orphans,
    /// The worker is dead, and what it held is here.
    is_orphaned: bool,
    /// And its callers know, or wait for another.
    ended: bool,
    idle_ticks: u32,
    logs_later: bool,
    memory: MemoryLock,
}

/// Lives as a keeper. Returns the status that its process exits with.
pub(super) fn keep(keeper: Keeper) -> i32 {
    let mut watch = Watch {
        keeper,
        watchdog: Watchdog::default(),
        loading: None,
        overdue: None,
        orphans: Orphans::default(),
        is_orphaned: false,
        ended: false,
        idle_ticks: 0,
        logs_later: false,
        memory: MemoryLock::new(),
    };
    loop {
        match watch.turn() {
            Ok(false) => {}
            Ok(true) => return 0,
            Err(_) => return LOST,
        }
    }
}

impl Watch {
    /// Waits for something to happen, and deals with all that may have. True: nothing is left to do. An error: a
    /// descriptor of its own is not what it was.
    fn turn(&mut self) -> io::Result<bool> {
        let slept = self.wait()?;
        self.keeper.page.keeper_sleeps.store(0, Relaxed);
        self.idle_ticks = if slept {
            0
        } else {
            self.idle_ticks.saturating_add(1)
        };
        while let Some(order) = Order::receive(self.keeper.orders.as_fd())? {
            match order {
                Order::Look => {}
                Order::Ended(death) => self.answer_orphans(death),
            }
        }
        if !self.is_orphaned {
            self.watch_time();
        }
        if let Some(logs) = self.keeper.logs {
            self.logs_later = !logs.pump()?;
        }
        self.orphans.look();
        if self.ended && self.keeper.place.stop() == Stop::End {
            self.orphans.give_up(); // No other worker comes.
        }
        self.orphans.offer(self.keeper.queue);
        self.memory.look();
        Ok(self.ended && self.orphans.is_empty() && !self.logs_later)
    }

    /// Waits for an order, a line of log, a caller or the clock. The answer says whether it slept without a clock.
    fn wait(&mut self) -> io::Result<bool> {
        let keeper = &self.keeper;
        let clock = self.clock();
        if clock.is_none() {
            keeper.page.keeper_sleeps.store(1, SeqCst);
            // A run that began before the worker could see the mark is seen here instead.
            if keeper.page.has_limit() {
                return Ok(true);
            }
        }
        let want = |descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN);
        let mut wanted = vec![want(keeper.orders.as_fd()), want(keeper.master.as_fd())];
        if let (Some(logs), false) = (keeper.logs, self.logs_later) {
            wanted.extend(logs.pipes().map(want));
        }
        wanted.extend(self.orphans.lingering().map(|it| want(it.as_fd())));
        if !self.is_orphaned {
            wanted.push(want(keeper.worker.as_fd()));
        }
        let limit = clock.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut wanted, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut states = wanted.iter().map(PollFd::revents);
        if states.clone().any(|it| it.contains(PollFlags::NVAL)) {
            return Err(io::ErrorKind::NotConnected.into()); // An action has closed what was not its own.
        }
        let is_dead = |state: Option<PollFlags>| state.is_some_and(|state| !state.is_empty());
        if is_dead(states.nth(1)) {
            self.end_all();
        }
        if !self.is_orphaned && is_dead(states.next_back()) {
            self.take_over();
        }
        Ok(clock.is_none())
    }

    /// How long to wait at most; `None` = until something happens.
    fn clock(&self) -> Option<Duration> {
        let is_awake = self.idle_ticks < WAKEFUL && !self.ended;
        let has_callers = self.ended && !self.orphans.is_empty();
        let limits = [
            self.watchdog.next_look(),
            self.loading.as_ref().map(Countdown::next_look),
            self.logs_later.then_some(LATER),
            (is_awake || has_callers).then_some(TICK),
            self.orphans.has_offers().then_some(OFFER_AGAIN),
            self.memory.next_look(),
        ];
        limits.into_iter().flatten().min()
    }

    /// Kills the worker if it has taken too long over something.
    fn watch_time(&mut self) {
        let (keeper, config) = (&self.keeper, self.keeper.config);
        let runs = self.watchdog.look(keeper.page, config.grace);
        // A run that loads has a limit of its own.
        let loads = keeper.place.phase().is_loading()
            && !keeper.page.in_use().any(|(_, slot)| slot.is_at_work());
        self.loading = match (config.timeout, self.loading.take()) {
            (Some(limit), None) if loads => {
                Some(Countdown::new(limit.saturating_add(config.grace)))
            }
            (_, countdown) => countdown.filter(|_| loads),
        };
        let loads_too_long = self.loading.as_mut().is_some_and(Countdown::is_over);
        if (loads_too_long || !runs.is_empty()) && self.overdue.is_none() {
            self.overdue = Some(runs);
            // Before it is killed: so the master knows what for.
            keeper.place.counts.count_death(Death::TimeLimit { ms: 0 });
            let _ = pidfd_send_signal(&keeper.worker, Signal::KILL);
        }
    }

    /// The worker is dead. What it held is taken over at once, before anybody knows the cause.
    fn take_over(&mut self) {
        let keeper = &self.keeper;
        let logs = keeper.logs.iter().flat_map(|logs| logs.descriptors());
        let own = [
            keeper.orders.as_fd(),
            keeper.worker.as_fd(),
            keeper.master.as_fd(),
            keeper.listener.as_fd(),
        ];
        let own = own.into_iter().chain(keeper.queue.descriptors());
        let own = descriptors::numbers(own.chain(logs));
        let Some(mut table) = DeadTable::of(keeper.worker.as_fd(), own) else {
            return;
        };
        self.is_orphaned = true;
        self.orphans.take_over(keeper.page, &mut table);
        let listener = keeper.listener.as_fd();
        self.orphans
            .take_forgotten(keeper.page, &mut table, listener, keeper.tell);
        // Before anything that takes time: a lock of the dead run's lasts as long as its descriptors, and the next worker
        // may want it.
        table.close_the_rest();
        if let Some(logs) = keeper.logs {
            logs.end_for_dead();
        }
    }

    /// The master says how the worker ended; `None`: on purpose. Its callers are answered, or wait for another.
    fn answer_orphans(&mut self, death: Option<Death>) {
        if !self.is_orphaned {
            self.take_over();
        }
        let keeper = &self.keeper;
        let death = match (&self.overdue, keeper.config.timeout) {
            // A run's own limit stands in its slot.
            (Some(_), limit) => Some(Death::TimeLimit {
                ms: limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(0)),
            }),
            (None, _) => death,
        };
        let end = death.map(|death| End {
            death,
            overdue: self.overdue.take().unwrap_or_default(),
        });
        let during = moment(keeper.place.phase());
        let counts = keeper.place.counts;
        let runs = self
            .orphans
            .answer(keeper.page, end.as_ref(), during, keeper.tell);
        if matches!(death, Some(Death::OutOfMemory { .. })) {
            // They may be what it was killed for: a next worker is not killed for them as well.
            self.orphans.limit_idle();
        }
        (0..runs).for_each(|_| counts.finish(RunOutcome::Fault));
        if let Some(End { death, .. }) = end
            && !matches!(death, Death::TimeLimit { .. })
        {
            counts.count_death(death);
        }
        self.ended = true;
    }

    /// The master is dead, and with it the tree ends: the worker, and all that its action has started.
    fn end_all(&self) -> ! {
        if let Some(worker) = descendants::pid(self.keeper.place.worker()) {
            descendants::end(worker, Instant::now() + DESCENDANTS_TIME);
        }
        let _ = pidfd_send_signal(&self.keeper.worker, Signal::KILL);
        // Nobody else is left to do so.
        let _ = std::fs::remove_dir_all(&self.keeper.config.scratch);
        super::sys::exit_now(0)
    }
}
