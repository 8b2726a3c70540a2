//! Ends connections whose caller has gone quiet in the middle of a request, and the worker when a run has lost its thread.
//!
//! Counts its own ticks instead of time, so that a container that was paused loses nobody; and looks from outside, so
//! that no request pays for a timer.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::ptr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use tokio::time::MissedTickBehavior;

use crate::engine::Engine;
use crate::process::slots::{Slot, State};
use crate::process::{blame, sys};

/// How many looks make up the time that a caller has.
const LOOKS: u32 = 4;
/// How often an action is asked whether it is ready, and how long it may think about it.
const QUESTION: Duration = Duration::from_secs(1);
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

/// Asks the action whether it is ready for traffic, while no run is under way. On a thread of its own, since it may never
/// come back; it is waited for, so that it does not run beside a run.
pub(super) struct Questioner {
    engine: &'static Engine,
    ask: Sender<()>,
    answers: Receiver<Result<(), String>>,
    /// The last question has not been answered.
    waits: bool,
}

impl Questioner {
    pub(super) fn new(engine: &'static Engine) -> io::Result<Self> {
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        thread::Builder::new()
            .name("ready".to_owned())
            .spawn(move || {
                for () in asked {
                    let _ = answer.send(engine.ask_whether_ready());
                }
            })?;
        Ok(Self {
            engine,
            ask,
            answers,
            waits: false,
        })
    }

    /// Asks once, and notes what the action says, or that it says nothing.
    pub(super) fn ask(&mut self) {
        if self.engine.is_elsewhere() {
            return;
        }
        if !self.waits && self.ask.send(()).is_err() {
            return;
        }
        let patience = if self.waits { Duration::ZERO } else { QUESTION };
        let answer = self.answers.recv_timeout(patience);
        self.waits = answer.is_err();
        let silent = |_| Err("The action does not say whether it is ready.".to_owned());
        let page = self.engine.worker().page();
        page.note_readiness(&answer.unwrap_or_else(silent));
    }

    /// Asks for ever.
    pub(super) async fn go_on(mut self) {
        let mut ticks = tokio::time::interval(QUESTION);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await; // The first comes at once.
        loop {
            ticks.tick().await;
            self.ask();
        }
    }
}

/// Looks for the threads that runs are on, for ever.
pub(super) async fn miss_threads() {
    let mut ticks = tokio::time::interval(ROLL_CALL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        blame::miss_threads();
    }
}

/// Looks after the connections of this worker, for ever.
pub(super) async fn sweep(engine: &'static Engine) {
    let worker = engine.worker();
    let mut quiet: HashMap<usize, (u32, u32)> = HashMap::new();
    let mut ticks = tokio::time::interval(worker.config.read_timeout / LOOKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
