//! A pair as the master sees it: how it is started, told to leave, and ended.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitStatus};

use super::master::Master;
use super::orders::{Order, wake, wakeup};
use super::shared::{Phase, Place, Stop};
use super::sys::{Fresh, Side};
use super::watchdog::Countdown;
use super::worker::{self, Birth};
use super::{Start, deaths, descendants};
use crate::refusal::Death;

/// One worker and its keeper.
pub(super) struct Pair {
    pub(super) place: Place,
    /// `None`: it is dead, and its keeper still has something to do.
    pub(super) worker: Option<Pid>,
    /// Where the keeper reads its orders, and what wakes the worker.
    orders: OwnedFd,
    wakeup: OwnedFd,
    /// Ends when nothing of its descriptor table is left but what its keeper needs.
    pub(super) life: OwnedFd,
    pub(super) born: Instant,
    pub(super) start: Start,
    /// The library that it was started with, by the master's count.
    pub(super) library: u32,
    /// It tries a new library, and does not count before that serves.
    pub(super) is_candidate: bool,
    /// When its worker is killed, if it does not end by itself.
    pub(super) end: Option<Countdown>,
    /// It was killed since the time for its end was over.
    is_overdue: bool,
    /// What its place had counted before: runs begun, and workers ended for their time.
    before: (u64, u64),
}

impl Pair {
    /// Does it serve, or will it, with nobody having told it to leave?
    pub(super) fn stays(&self) -> bool {
        let leaves = matches!(
            self.place.phase(),
            Phase::Leaving | Phase::Left | Phase::Yielding
        );
        self.worker.is_some() && !leaves && self.place.stop() == Stop::No
    }

    /// Does it accept connections?
    pub(super) fn accepts(&self) -> bool {
        self.worker.is_some() && self.place.accepts()
    }

    /// Is its worker still there although it takes nothing new?
    pub(super) fn is_leaving(&self) -> bool {
        self.worker.is_some() && !self.stays()
    }

    /// Has a run begun in it?
    pub(super) fn has_served(&self) -> bool {
        self.place.counts.begun() > self.before.0
    }

    /// Is a run under way in it, or a library being loaded?
    pub(super) fn is_at_work(&self) -> bool {
        let works = self.place.counts.in_flight() > 0 || self.place.phase().is_loading();
        self.worker.is_some() && works
    }

    /// Closes what a process has inherited of this pair and will not use.
    fn close_inherited(&self, fresh: &Fresh) {
        for inherited in [&self.orders, &self.wakeup, &self.life] {
            fresh.close(inherited.as_fd());
        }
    }

    /// Tells the worker to stop accepting.
    pub(super) fn stop(&self, stop: Stop) {
        self.place.order(stop);
        wake(&self.wakeup);
        Order::Look.send(&self.orders);
    }

    /// Ends the worker at once.
    pub(super) fn kill(&mut self) {
        self.is_overdue = true;
        if let Some(pid) = self.worker {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }

    /// Ends the keeper at once.
    pub(super) fn kill_keeper(&self) {
        match self.place.keeper().load(Acquire) {
            0 => {}
            keeper => descendants::kill(keeper),
        }
    }

    /// The keeper is dead. Its worker is told, and who is in flight with it has so much time.
    pub(super) fn lose_keeper(&mut self, time: Duration) {
        self.place.keeper().store(0, Release);
        if self.worker.is_some() {
            if self.place.stop() == Stop::No {
                self.place.order(Stop::Successor);
            }
            wake(&self.wakeup);
            self.end.get_or_insert_with(|| Countdown::new(time));
        }
    }

    /// How the worker ended; `None`: on purpose. `killed_for_memory`: the kernel has just struck, with this limit in MB.
    pub(super) fn death(
        &self,
        status: WaitStatus,
        killed_for_memory: Option<u64>,
    ) -> Option<Death> {
        let death = deaths::name(status);
        let was_killed = death == Death::Signal(libc::SIGKILL);
        let overran = self.place.counts.deaths_by_time_limit() > self.before.1;
        match killed_for_memory {
            _ if self.is_overdue => Some(Death::Stopped),
            _ if self.has_left() && death == Death::Exited(0) => None,
            // Its keeper has said so before it killed it.
            _ if was_killed && overran => Some(Death::TimeLimit { ms: 0 }),
            Some(limit_mb) if was_killed => Some(Death::OutOfMemory { limit_mb }),
            _ => Some(death),
        }
    }

    /// Has the worker done all that it had to do? A candidate whose library was refused has.
    fn has_left(&self) -> bool {
        let phase = self.place.phase();
        phase == Phase::Left || (self.is_candidate && phase == Phase::Refused)
    }

    /// The worker has ended: from here on it is the keeper's.
    pub(super) fn hand_to_keeper(&mut self, death: Option<Death>) {
        self.worker = None;
        self.end = None;
        if self.place.stop() == Stop::No {
            self.place.order(Stop::Successor); // It accepts nothing any more.
        }
        Order::Ended(death).send(&self.orders);
    }

    /// Is nothing left of it? Then its place is free.
    pub(super) fn is_gone(&self) -> bool {
        let is_gone = self.worker.is_none() && !self.place.is_kept();
        if is_gone {
            self.place.leave();
        }
        is_gone
    }
}

impl Master {
    /// Starts a pair with what is to be loaded now. A candidate gets the library that is being tried.
    pub(super) fn start_pair(&mut self, is_candidate: bool) -> io::Result<()> {
        let place = self.free_place()?;
        let start = self.what_to_start(is_candidate);
        let (orders, to_keeper) = wakeup()?;
        let (woken, to_worker) = wakeup()?;
        let (life, in_table) = wakeup()?;
        place.clear();
        let before = (place.counts.begun(), place.counts.deaths_by_time_limit());
        let master = rustix::process::getpid();
        let pid = match self.thread.fork()? {
            Side::Parent(pid) => Pid::from_raw(pid),
            Side::Child(fresh) => {
                self.pairs.iter().for_each(|it| it.close_inherited(&fresh));
                fresh.close(life.as_fd());
                place.set_worker(
                    rustix::process::getpid()
                        .as_raw_nonzero()
                        .get()
                        .unsigned_abs(),
                );
                let library = self.library.share(is_candidate);
                self.library.close_inherited(&fresh);
                let predecessor = self.last_death.as_ref().and_then(|it| it.try_clone().ok());
                let birth = Birth {
                    config: self.config,
                    shared: self.shared,
                    delivery: self.delivery,
                    queue: self.queue,
                    listener: self.listener,
                    roles: self.roles,
                    place,
                    start,
                    is_candidate,
                    library,
                    orders: (orders, to_keeper),
                    wakeup: (woken, to_worker),
                    life: in_table,
                    predecessor,
                };
                worker::live(&self.thread, birth, master)
            }
        };
        place.set_worker(pid.map_or(0, descendants::number));
        self.pairs.push(Pair {
            place,
            worker: pid,
            orders: to_keeper,
            wakeup: to_worker,
            life,
            born: Instant::now(),
            start,
            library: self.library.number(),
            is_candidate,
            end: None,
            is_overdue: false,
            before,
        });
        Ok(())
    }

    /// The first place that nobody has. Where all are taken, the oldest keeper of a dead worker makes room: all that it
    /// still does is wait for callers to hang up, or for somebody to read the log.
    fn free_place(&mut self) -> io::Result<Place> {
        let taken = |number| self.pairs.iter().any(|pair| pair.place.number == number);
        let free = (0..super::shared::PLACES).find(|number| !taken(*number));
        if let Some(place) = free.and_then(|number| self.shared.place(number)) {
            return Ok(place);
        }
        let oldest = self.pairs.iter().find(|pair| pair.worker.is_none());
        oldest.iter().for_each(|pair| pair.kill_keeper());
        Err(io::ErrorKind::WouldBlock.into())
    }
}
