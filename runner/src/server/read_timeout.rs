//! Ends connections whose caller makes no progress: it has gone quiet in the middle of a request, or takes nothing of its
//! answer.
//!
//! Counts its own ticks instead of time, so that a container that was paused loses nobody; and looks from outside, so
//! that no request pays for a timer.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::os::fd::RawFd;
use std::sync::atomic::Ordering::*;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::connections::{Connections, Control};
use crate::engine::Engine;
use crate::process::Zombies;
use crate::process::connection::Caller;

/// How many looks make up the time that a caller has.
const LOOKS: u32 = 4;
/// How often threads are looked for, and children of the action's that have ended.
const ROLL_CALL: Duration = Duration::from_millis(500);

thread_local! {
    /// Those that were not waited for any longer. All connections of a worker are served on one thread.
    static LATE: RefCell<HashSet<RawFd>> = RefCell::default();
}

/// Did the request of this caller end early because it came too slowly?
pub(super) fn gave_up(caller: Caller) -> bool {
    LATE.with_borrow(|late| late.contains(&caller.number()))
}

/// Ticks, the first at once. Those that were missed, since a run took its time, are not made up for.
pub(super) fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Looks for the threads that runs are on, and after the children that an action does not wait for, for ever.
pub(super) async fn look_after_process(engine: &'static Engine) {
    let mut ticks = every(ROLL_CALL);
    let mut zombies = Zombies::default();
    loop {
        ticks.tick().await;
        if engine.worker().config.concurrency > 1 {
            engine.look_for_lost_threads();
        }
        if engine.may_have_children() && !engine.has_pooled_runs() {
            zombies.look();
        }
    }
}

/// What a caller has done of what is waited for; `None`: nothing is.
fn progress(control: &Control) -> Option<u64> {
    let caller = &control.caller;
    let sends = caller.is_sent_to().then(|| control.sent.load(Relaxed));
    caller.progress_in_reading().map(u64::from).or(sends)
}

/// Looks after the connections of this worker, for ever.
pub(super) async fn watch(engine: &'static Engine, connections: &'static Connections) {
    let mut quiet: HashMap<RawFd, (u64, u32)> = HashMap::new();
    let mut ticks = every(engine.worker().config.read_timeout / LOOKS);
    loop {
        ticks.tick().await;
        let all = connections.all();
        let mut waited_for = HashSet::new();
        for control in &all {
            let number = control.caller.number();
            let Some(now) = progress(control) else {
                continue;
            };
            waited_for.insert(number);
            let (seen, looks) = quiet.entry(number).or_insert((now, 0));
            if *seen != now {
                (*seen, *looks) = (now, 0);
            }
            *looks += 1;
            if *looks > LOOKS {
                LATE.with_borrow_mut(|late| late.insert(number));
                control.given_up.store(true, Relaxed);
                control.told.notify_one();
            }
        }
        quiet.retain(|number, _| waited_for.contains(number));
        LATE.with_borrow_mut(|late| late.retain(|number| waited_for.contains(number)));
    }
}
