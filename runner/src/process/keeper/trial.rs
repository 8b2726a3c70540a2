//! A new library is tried in a worker beside the one that serves, and takes over or leaves.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::*;

use super::super::ring;
use super::super::settle;
use super::super::shared::Verdict;
use super::super::slots::{Phase, SEATS, State};
use super::{Watch, tell_master};
use crate::refusal::{self, Death};

/// A new library that is being tried beside the one that serves.
pub(super) struct Swapping {
    pub(super) seat: usize,
    pub(super) library: Option<OwnedFd>,
}

impl Watch {
    pub(super) fn is_swapping(&self, seat: usize) -> bool {
        self.swapping.as_ref().is_some_and(|it| it.seat == seat)
    }

    /// The worker of `seat` serves. If it tried a new library, that one is the library now.
    pub(super) fn end_swap(&mut self, seat: usize) {
        if let Some(swapping) = self.swapping.take_if(|it| it.seat == seat) {
            self.failures = 0;
            let old = std::mem::replace(&mut self.library, swapping.library);
            if let Some(ward) = &mut self.wards[1 - seat] {
                ward.library = old;
            }
            let verdict = Verdict::Serves(self.pair.seats[seat].sentence());
            self.pair.swap.settle(self.swaps, &verdict);
        }
    }

    /// The worker of `seat` has ended. Was it one that tried a new library?
    pub(super) fn heed_failed_swap(&mut self, seat: usize, death: Option<Death>) -> bool {
        if self.swapping.take_if(|it| it.seat == seat).is_none() {
            return false;
        }
        let page = &self.pair.seats[seat];
        let why = match (page.phase(), death) {
            (Phase::Refused, _) | (_, None) => page.sentence(),
            (_, Some(death)) => {
                let sentence = death.during(settle::moment(page.phase())).to_string();
                refusal::complain(&sentence);
                sentence
            }
        };
        self.pair.swap.settle(self.swaps, &Verdict::Refused(why));
        tell_master();
        true
    }

    pub(super) fn retire(&self, seat: usize) {
        if let Some(ward) = &self.wards[seat] {
            self.pair.seats[seat].retire.store(1, Release);
            ring(ward.bell.as_fd());
        }
    }

    /// Connections that one worker has given up are taken over by the other, while the first finishes its runs.
    pub(super) fn pass_on(&self) {
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

    /// Tries a new library in a worker beside the one that serves.
    pub(super) fn reload(&mut self) -> io::Result<()> {
        let asked = self.pair.swap.asked();
        let free = self.wards.iter().position(Option::is_none);
        if let (true, Some(seat), None) = (asked != self.swaps, free, &self.drained_by) {
            self.swaps = asked;
            let library = self.staged()?;
            self.swapping = Some(Swapping { seat, library });
            self.seat_worker(seat)?;
        }
        Ok(())
    }

    /// The library that the master wants to be tried.
    pub(super) fn staged(&self) -> io::Result<Option<OwnedFd>> {
        let number = self.keeper.tree.staged.load(Acquire);
        let (false, Some(master)) = (number == 0, rustix::process::getppid()) else {
            return Ok(None);
        };
        let path = format!("/proc/{}/fd/{number}", master.as_raw_nonzero());
        Ok(Some(std::fs::File::open(path)?.into()))
    }
}
