//! The memory that master, keeper and workers of one pair share: who is connected, what each run is doing, how each
//! worker fares. Atomics only, fixed at start, never moved.
//!
//! A slot stands for one connection. Its worker moves it along with plain stores; when the worker has died, the
//! keeper alone reads it and settles with the caller. No slot is ever written by two living processes, except that
//! a free slot is claimed with a compare-and-swap, since two workers may stand side by side during a swap.

mod slot;

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering::*};

use super::shared::{Counts, Fates, Swap, Text, Upload};
use super::stash::Stash;
use super::sys;
pub use slot::{Slot, State, Traffic};

/// Connections that one pair can hold at once. Pages of slots never used cost nothing.
pub const SLOTS: usize = 4096;
/// Workers of one keeper at once: one, or two while a new generation takes over.
pub const SEATS: usize = 2;
/// The longest sentence that a worker can leave for its keeper, in bytes.
const SENTENCE: usize = 2048;

/// How far a worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// Nobody sits here, or somebody has just been started.
    Starting = 0,
    /// A library that was there at start is being loaded.
    Loading = 1,
    /// The action's own initialisation is under way.
    Initialising = 5,
    /// It accepts connections.
    Ready = 2,
    /// It accepts connections, but the library was refused; the sentence says why.
    Refused = 3,
    /// It has left on purpose; its idle connections wait for the next worker.
    Retired = 4,
}

/// One worker as its keeper sees it.
#[repr(C)]
pub struct Seat {
    phase: AtomicU32,
    /// Set by the keeper: leave as soon as nobody waits for an answer.
    pub retire: AtomicU32,
    /// The worker's process; 0 = nobody.
    pub process: AtomicU32,
    /// Runs that have begun in this worker.
    pub runs: AtomicU32,
    /// The run that ended this worker, if one of several left word: the index of its slot, plus one.
    pub culprit: AtomicU32,
    /// Activations of this worker whose log has not been ended, for stdout and for stderr.
    pub unended: [AtomicU32; 2],
    sentence: Text<SENTENCE>,
    /// 1: the action says that it is not ready for traffic.
    unready: AtomicU32,
    excuse: Text<SENTENCE>,
}

/// What workers and keeper share about one log stream.
#[repr(C)]
pub struct Stream {
    /// Held by whoever moves bytes from the action's pipe to the container's stream (see `logs`).
    pub lock: AtomicU32,
    /// 1: the last byte that went out was not a newline.
    pub partial: AtomicU32,
}

impl Seat {
    /// How far the worker has come.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Acquire) {
            1 => Phase::Loading,
            5 => Phase::Initialising,
            2 => Phase::Ready,
            3 => Phase::Refused,
            4 => Phase::Retired,
            _ => Phase::Starting,
        }
    }

    /// Called by the worker.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u32, Release);
    }

    /// Leaves a sentence for the keeper: why a library was refused, or which one serves.
    pub fn say(&self, sentence: &str) {
        self.sentence.write(sentence);
    }

    /// The sentence that the worker left, if any.
    pub fn sentence(&self) -> String {
        self.sentence.read()
    }

    /// Notes what the action says of its readiness; an error is its own text.
    pub fn note_readiness(&self, answer: &Result<(), String>) {
        if let Err(excuse) = answer {
            self.excuse.write(excuse);
        }
        self.unready.store(u32::from(answer.is_err()), Release);
    }

    /// Why the action is not ready for traffic, if it has said so.
    pub fn excuse(&self) -> Option<String> {
        (self.unready.load(Acquire) != 0).then(|| self.excuse.read())
    }

    /// Makes the seat ready for a next worker.
    pub fn clear(&self) {
        self.set_phase(Phase::Starting);
        self.retire.store(0, Relaxed);
        self.runs.store(0, Relaxed);
        self.culprit.store(0, Relaxed);
        self.say("");
        self.note_readiness(&Ok(()));
        self.process.store(0, Relaxed);
        for unended in &self.unended {
            unended.store(0, Relaxed);
        }
    }
}

/// What all processes of the tree share.
#[repr(C)]
pub struct Tree {
    /// Set by the master: no new runs, leave when those running are done.
    pub draining: AtomicU32,
    /// How often an `/init` has succeeded: 0 or 1. Then every worker loads what it delivered.
    pub delivered: AtomicU32,
    /// The process that works on an `/init` right now; 0 = none.
    pub initialiser: AtomicU32,
    /// 1 once the configured library has been loaded, by a run without an `/init`.
    pub used: AtomicU32,
    /// 1 once all workers have been ready.
    pub announced: AtomicU32,
    /// 1 once the first library has been copied, or could not be.
    pub copied: AtomicU32,
    /// Libraries that have served, counted by the master: the first is 1.
    pub generation: AtomicU32,
    /// The library of a swap under way: its descriptor in the master's table. 0 = there is none.
    pub staged: AtomicU32,
    pub upload: Upload,
}

/// What a keeper and its workers share, readable by the master and by whoever serves metrics.
#[repr(C)]
pub struct Pair {
    /// 1 while the keeper sleeps without a clock: whoever begins a run with a limit rings its bell.
    pub keeper_sleeps: AtomicU32,
    /// Slots with this index or a higher one have never been used.
    used: AtomicU32,
    /// 1 once a worker has forked: children may hold copies of its connections.
    pub forked: AtomicU32,
    /// Workers that died without being asked to.
    pub deaths: AtomicU32,
    /// How they ended.
    pub fates: Fates,
    /// Asked by the master, settled by the keeper.
    pub swap: Swap,
    /// stdout and stderr.
    pub streams: [Stream; 2],
    pub seats: [Seat; SEATS],
    /// What the workers of each seat have counted.
    pub counts: [Counts; SEATS],
    pub slots: [Slot; SLOTS],
    /// What has been read of requests that have not begun.
    pub stash: Stash,
}

impl Pair {
    /// The slots that have ever been used.
    pub fn in_use(&self) -> impl Iterator<Item = &Slot> {
        self.slots[..(self.used.load(Acquire) as usize).min(SLOTS)].iter()
    }

    /// The slots that `seat` owns.
    pub fn owned_by(&self, seat: usize) -> impl Iterator<Item = &Slot> {
        self.in_use()
            .filter(move |slot| slot.read().1 == Some(seat))
    }

    /// The index of one of these slots.
    pub fn index_of(&self, slot: &Slot) -> usize {
        let address = std::ptr::from_ref(slot).addr();
        (address - self.slots.as_ptr().addr()) / size_of::<Slot>()
    }

    /// Is a run or an initialisation of `seat` under way?
    pub fn is_at_work(&self, seat: usize) -> bool {
        self.owned_by(seat)
            .any(|slot| matches!(slot.read().0, State::Running | State::Initialising))
    }

    /// Claims a free slot for a connection of `seat`, the lowest there is among the first `limit`; its index.
    pub fn claim(&self, descriptor: RawFd, seat: usize, limit: usize) -> Option<usize> {
        let index = self
            .slots
            .iter()
            .take(limit)
            .position(|slot| slot.claim(descriptor, seat))?;
        self.used
            .fetch_max(u32::try_from(index + 1).unwrap_or(u32::MAX), AcqRel);
        Some(index)
    }

    /// The same for a connection of a dead worker, which the next one is to adopt.
    pub fn claim_for_anybody(&self, descriptor: RawFd, limit: usize) {
        if let Some(index) = self.claim(descriptor, 0, limit) {
            let slot = &self.slots[index];
            if let Some(really) = sys::traffic(sys::lend(descriptor)) {
                slot.count_from(really);
            }
            slot.release();
        }
    }

    /// Does anybody wait for an answer of `seat`?
    pub fn is_busy(&self, seat: usize) -> bool {
        self.owned_by(seat).any(|slot| slot.read().0 != State::Idle)
    }

    /// Does anybody wait for an answer?
    pub fn owes_answers(&self) -> bool {
        self.in_use()
            .any(|slot| !matches!(slot.read().0, State::Free | State::Idle))
    }

    /// Is a run of `seat` under way that has a limit?
    pub fn has_limit(&self, seat: usize) -> bool {
        self.owned_by(seat)
            .any(|slot| slot.run().1 != 0 && slot.read().0 != State::Idle)
    }

    /// How far the worker of this pair has come.
    pub fn furthest(&self) -> Phase {
        let phases = self.seats.iter().map(Seat::phase);
        phases
            .max_by_key(|phase| *phase as u32)
            .unwrap_or(Phase::Starting)
    }

    /// A new keeper takes over, in a table of its own: none of these connections is there.
    pub fn forget(&self) {
        for (index, slot) in self.in_use().enumerate() {
            slot.free();
            self.stash.drop(index);
        }
        self.seats.iter().for_each(Seat::clear);
        for stream in &self.streams {
            stream.lock.store(0, Relaxed);
        }
    }

    /// Connections whose caller waits, for an answer or for the next worker.
    pub fn waiting(&self) -> impl Iterator<Item = &Slot> {
        self.in_use().filter(|slot| slot.read().0 != State::Free)
    }
}

#[cfg(test)]
mod model;
