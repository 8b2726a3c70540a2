//! The page of a pair: memory that a worker and its keeper share, and nobody else has ever seen. The worker makes it as
//! its first step and both take it with them when they end. Atomics only, fixed at start, never moved.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering::*};

use super::connection::Slot;
use super::replay::Replay;

/// Connections that one worker holds at once, at most.
pub const CONNECTIONS: usize = 4096;
/// Descriptor numbers that may be a connection's. Pages of numbers that are never used cost nothing.
const NUMBERS: usize = CONNECTIONS + 4096;
/// How far above all that were noted the number of a connection is looked for that was not.
const UNNOTED: usize = 64;
/// Requests that are kept at once. One that comes when all are taken is not kept.
const REPLAYS: usize = 128;

/// What worker and keeper share about one log stream (see `logs`).
#[repr(C)]
pub struct Stream {
    /// Held by whoever moves bytes from the action's pipe to the container's stream.
    pub lock: AtomicU32,
    /// Activations whose log has not been ended.
    pub unended: AtomicU32,
}

#[repr(C)]
pub struct Page {
    /// 1 while the keeper sleeps without a clock: whoever begins a run with a limit wakes it.
    pub keeper_sleeps: AtomicU32,
    /// Slots with this number or a higher one have never been used.
    used: AtomicU32,
    /// stdout and stderr.
    pub streams: [Stream; 2],
    slots: [Slot; NUMBERS],
    replays: [Replay; REPLAYS],
}

impl Page {
    /// The slot for a descriptor, from now on among those [`in_use`](Self::in_use).
    pub(super) fn slot_for(&self, number: RawFd) -> Option<&Slot> {
        let number = usize::try_from(number).ok()?;
        let slot = self.slots.get(number)?;
        let end = u32::try_from(number + 1).unwrap_or(u32::MAX);
        if self.used.load(Relaxed) < end {
            self.used.store(end, Release);
        }
        Some(slot)
    }

    /// The slots that have ever been used, with their descriptors.
    pub(super) fn in_use(&self) -> impl Iterator<Item = (RawFd, &Slot)> {
        let used = (self.used.load(Acquire) as usize).min(NUMBERS);
        (0..).zip(&self.slots[..used])
    }

    /// The numbers below this are a worker's own, or have been a connection's; those of a connection that was accepted
    /// and not yet noted are among them too.
    pub(super) fn end_of_connections(&self) -> RawFd {
        let used = (self.used.load(Acquire) as usize).min(NUMBERS);
        RawFd::try_from(used + UNNOTED).unwrap_or(RawFd::MAX)
    }

    pub(super) fn number_of(&self, slot: &Slot) -> RawFd {
        let address = std::ptr::from_ref(slot).addr();
        let number = (address - self.slots.as_ptr().addr()) / size_of::<Slot>();
        RawFd::try_from(number).unwrap_or(RawFd::MAX)
    }

    pub(super) fn replay(&self, number: usize) -> Option<&Replay> {
        self.replays.get(number)
    }

    /// The number of a free buffer. It is taken by putting something into it.
    pub(super) fn free_replay(&self) -> Option<u32> {
        let number = self.replays.iter().position(Replay::is_free)?;
        u32::try_from(number).ok()
    }

    /// Is a run with a limit under way?
    pub(super) fn has_limit(&self) -> bool {
        self.in_use().any(|(_, slot)| slot.limited_run().is_some())
    }
}
