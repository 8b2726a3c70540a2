//! A worker has ended: its callers are answered, its library is judged, and somebody takes its place.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use super::super::settle::{self, settle};
use super::super::slots::{Phase, Seat};
use super::super::{deaths, descriptors, ring};
use super::Watch;
use super::seat::Ward;
use crate::refusal::{self, Death};

/// The first pause between two tries to load a library that kills its worker, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A library that killed its worker while it was loaded.
pub(super) struct Broken {
    pub(super) sentence: String,
    pub(super) pause: Duration,
    pub(super) retry: Instant,
}

impl Watch {
    pub(super) fn heed_death(&mut self, seat: usize) -> io::Result<()> {
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
    pub(super) fn judge_library(&mut self, page: &Seat, ward: &Ward, death: Option<Death>) {
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
    pub(super) fn replace(&mut self, seat: usize, loads: bool, page: &Seat) -> io::Result<()> {
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
}
