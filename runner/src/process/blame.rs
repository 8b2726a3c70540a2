//! Which of several runs in one worker ended it. Only with `--concurrency`: a worker with one run at a time needs no
//! witness.
//!
//! A thread that runs an action carries its slot's number. When it commits a fault, or calls `exit`, it leaves the number
//! on the shared page on its way out, and the process ends as it would have. Where it cannot (a raw `exit_group`, a kill
//! from outside, a thread of the action's own, handlers that the action has set itself), nobody is named, and every run
//! that had started is told what happened.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::*;

use super::slots::{Pair, Seat, Slot};
use super::sys;

thread_local! {
    /// The index of the slot whose run this thread is at, plus one.
    static RUN: Cell<u32> = const { Cell::new(0) };
}

static PAGE: OnceLock<&'static Seat> = OnceLock::new();

/// From now on, whoever ends this process by a fault or `exit` is noted on `page`.
pub fn watch(page: &'static Seat) {
    if PAGE.set(page).is_ok() {
        sys::on_the_way_out(testify);
    }
}

/// Inside a signal handler: nothing but loads and stores.
fn testify() {
    let run = RUN.get();
    if let (true, Some(page)) = (run != 0, PAGE.get()) {
        let _ = page.culprit.compare_exchange(0, run, Relaxed, Relaxed);
    }
}

/// This thread is at a run, until the value is dropped.
pub struct AtRun(());

impl AtRun {
    /// The run of `slot`.
    pub fn of(pair: &Pair, slot: &Slot) -> Self {
        let number = pair.index_of(slot) + 1;
        RUN.set(u32::try_from(number).unwrap_or(0));
        Self(())
    }
}

impl Drop for AtRun {
    fn drop(&mut self) {
        RUN.set(0);
    }
}
