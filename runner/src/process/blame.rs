//! Which of several runs in one worker ended it, or its own thread. Only with `--concurrency`: a worker with one run at a
//! time needs no witness.
//!
//! A thread that runs an action carries its slot's number. When it commits a fault, or calls `exit`, it leaves the number
//! on the shared page on its way out, and the process ends as it would have. Where it cannot (a raw `exit_group`, a kill
//! from outside, a thread of the action's own, handlers that the action has set itself), nobody is named, and every run
//! that had started is told what happened.
//!
//! A thread that ends without a word, by the system call alone, is missed by whoever looks for it.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::*};

use super::slots::{Pair, SLOTS, Seat, Slot};
use super::sys;

thread_local! {
    /// The index of the slot whose run this thread is at, plus one.
    static RUN: Cell<u32> = const { Cell::new(0) };
    /// This thread's id, once it has been asked for.
    static THREAD: Cell<u32> = const { Cell::new(0) };
}

static PAGE: OnceLock<&'static Seat> = OnceLock::new();
/// For each slot, the thread that is at its run; 0: none is.
static THREADS: [AtomicU32; SLOTS] = [const { AtomicU32::new(0) }; SLOTS];

/// From now on, whoever ends this process by a fault or `exit` is noted on `page`.
pub fn watch(page: &'static Seat) {
    if PAGE.set(page).is_ok() {
        sys::on_the_way_out(testify);
    }
}

/// Ends this process if a thread that was at a run is no more: nobody else would ever answer that run.
pub fn miss_threads() {
    for (number, thread) in (1..).zip(&THREADS) {
        let id = thread.load(Acquire);
        // Asked again: it may have finished its run, and ended as it should, between the two looks.
        if id != 0 && !sys::has_thread(id) && thread.load(Acquire) == id {
            if let Some(page) = PAGE.get() {
                page.culprit.store(number, Relaxed);
            }
            std::process::abort();
        }
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
pub struct AtRun(usize);

impl AtRun {
    /// The run of `slot`.
    pub fn of(pair: &Pair, slot: &Slot) -> Self {
        let index = pair.index_of(slot);
        RUN.set(u32::try_from(index + 1).unwrap_or(0));
        if THREAD.get() == 0 {
            THREAD.set(sys::thread_id());
        }
        THREADS[index].store(THREAD.get(), Release);
        Self(index)
    }
}

impl Drop for AtRun {
    fn drop(&mut self) {
        RUN.set(0);
        THREADS[self.0].store(0, Release);
    }
}
