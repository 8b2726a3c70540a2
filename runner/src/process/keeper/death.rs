//! A worker has ended: its callers are answered, its library is judged, and somebody takes its place.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use super::super::settle::{self, End, settle};
use super::super::slots::{Phase, Seat, State};
use super::super::{deaths, descriptors, ring};
use super::Watch;
use super::seat::{Overdue, Ward, is_loading};
use crate::refusal::{self, Death};

/// The first pause between two tries to load a library that kills its worker, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How many workers may end before they have served anybody, if not while they load the library. A worker that lasted so
/// long does not count.
const IDLE_DEATHS: u32 = 3;
const LONG_LIFE: Duration = Duration::from_secs(10);

/// A library that kills its workers while it is loaded, or soon after.
pub(super) struct Broken {
    /// Was it what an `/init` delivered? Another is not judged by its deaths.
    pub(super) is_delivered: bool,
    pub(super) sentence: String,
    pub(super) retry: Instant,
}

impl Watch {
    pub(super) fn heed_death(&mut self, seat: usize) -> io::Result<()> {
        let Some(ward) = &self.wards[seat] else {
            return Ok(());
        };
        let Some(death) = deaths::reap(ward.exit.as_fd(), self.memory.as_mut())? else {
            return Ok(());
        };
        let Some(ward) = self.wards[seat].take() else {
            return Ok(());
        };
        let page = &self.pair.seats[seat];
        let death = self.judge(&ward, seat, death);
        if let Some(logs) = &self.keeper.logs {
            logs.settle(seat);
        }
        let served = page.runs.load(Relaxed) > 0 || self.pair.is_at_work(seat);
        let end = death.map(|death| End {
            death,
            culprits: self.culprits(&ward, page),
        });
        settle(self.pair, seat, end.as_ref(), &mut self.lingering);
        page.process.store(0, Relaxed);
        if let Some(death) = death {
            self.pair.deaths.fetch_add(1, Relaxed);
            self.pair.fates.count(death);
        }
        if !self.heed_failed_swap(seat, death) {
            self.judge_library(page, &ward, death, served);
        }
        let loads = ward.loads();
        // Its descriptors are closed here, before a next worker can be given the same numbers in the shared table.
        drop(ward);
        self.replace(seat, loads, page)
    }

    /// What the worker died of; `None`: it left on purpose.
    fn judge(&self, ward: &Ward, seat: usize, death: Death) -> Option<Death> {
        let page = &self.pair.seats[seat];
        match (&ward.overdue, self.keeper.config.timeout) {
            (Some(Overdue::Stop), _) => Some(Death::Stopped),
            // A run's own limit stands in its slot.
            (Some(_), limit) => Some(Death::TimeLimit {
                ms: limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(0)),
            }),
            _ if page.phase() == Phase::Retired => None,
            // Killed by this keeper (see `heed_news`): there was nothing to keep it for.
            _ if page.phase() == Phase::Refused && self.is_swapping(seat) => None,
            _ => Some(death),
        }
    }

    /// The slots of the runs that brought it about; empty: nobody knows.
    fn culprits(&self, ward: &Ward, page: &Seat) -> Vec<usize> {
        match &ward.overdue {
            Some(Overdue::Runs(slots)) => slots.clone(),
            _ => {
                let culprit = (page.culprit.load(Relaxed) as usize).checked_sub(1);
                let is_at_it = |index: &usize| {
                    let state = self.pair.slots.get(*index).map(|slot| slot.read().0);
                    state == Some(State::Running)
                };
                culprit.filter(is_at_it).into_iter().collect()
            }
        }
    }

    /// Remembers a library that kills its workers before they have served anybody, so that it is not tried again at once.
    fn judge_library(&mut self, page: &Seat, ward: &Ward, death: Option<Death>, served: bool) {
        let loading = is_loading(page.phase());
        let Some(death) = death.filter(|_| ward.loads()) else {
            return;
        };
        if !loading && (served || ward.born.elapsed() > LONG_LIFE) {
            self.failures = 0;
            return;
        }
        self.failures += 1;
        if !loading && self.failures < IDLE_DEATHS {
            return;
        }
        let sentence = death.during(settle::moment(page.phase())).to_string();
        refusal::complain(&sentence);
        let doublings = (self.failures - 1).min(8);
        let pause = (PAUSES.0 * (1 << doublings)).min(PAUSES.1);
        self.broken = Some(Broken {
            is_delivered: self.is_delivered(),
            sentence,
            retry: Instant::now() + pause,
        });
    }

    /// Sees to it that somebody serves after the worker of `seat` has gone.
    pub(super) fn replace(&mut self, seat: usize, loads: bool, page: &Seat) -> io::Result<()> {
        if let Some(other) = self.wards.iter().flatten().next() {
            ring(other.bell.as_fd()); // It adopts the connections.
            return Ok(());
        }
        if self.drained_by.is_some() {
            return Ok(());
        }
        if self.keeper.identities() != self.identities {
            return Err(io::ErrorKind::NotConnected.into()); // An action has led elsewhere what was not its own.
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
}
