//! Ends connections whose caller has gone quiet in the middle of a request, and the worker when a run has lost its thread.
//!
//! Counts its own ticks instead of time, so that a container that was paused loses nobody; and looks from outside, so
//! that no request pays for a timer.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ptr;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::engine::Engine;
use crate::process::slots::{Slot, State};
use crate::process::{blame, sys};

/// How many looks make up the time that a caller has.
const LOOKS: u32 = 4;
/// How often threads are looked for.
const ROLL_CALL: Duration = Duration::from_millis(500);

thread_local! {
    /// The slots whose caller was not waited for any longer. All connections of a worker are served on one thread.
    static LATE: RefCell<HashSet<*const Slot>> = RefCell::default();
}

/// Did the request of this slot end early because it came too slowly?
pub(super) fn gave_up(slot: &Slot) -> bool {
    LATE.with_borrow(|late| late.contains(&ptr::from_ref(slot)))
}

/// Ticks, the first at once. Those that were missed, since a run took its time, are not made up for.
pub(super) fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Looks for the threads that runs are on, for ever.
pub(super) async fn miss_threads() {
    let mut ticks = every(ROLL_CALL);
    loop {
        ticks.tick().await;
        blame::miss_threads();
    }
}

/// Looks after the connections of this worker, for ever.
pub(super) async fn sweep(engine: &'static Engine) {
    let worker = engine.worker();
    let mut quiet: HashMap<usize, (u32, u32)> = HashMap::new();
    let mut ticks = every(worker.config.read_timeout / LOOKS);
    loop {
        ticks.tick().await;
        for (index, slot) in worker.pair.in_use().enumerate() {
            if slot.read() != (State::Reading, Some(worker.seat)) {
                if quiet.remove(&index).is_some() {
                    LATE.with_borrow_mut(|late| late.remove(&ptr::from_ref(slot)));
                }
                continue;
            }
            let (seen, looks) = quiet.entry(index).or_insert((slot.received(), 0));
            let received = slot.received();
            if *seen != received {
                (*seen, *looks) = (received, 0);
            }
            *looks += 1;
            if *looks > LOOKS {
                LATE.with_borrow_mut(|late| late.insert(ptr::from_ref(slot)));
                // What serves it now reads the end of the request, too early, and answers or hangs up.
                let _ = shutdown(sys::lend(slot.descriptor()), Shutdown::Read);
            }
        }
    }
}
