//! What a worker does with an action: loads it, and takes it through one activation after the other.
//!
//! `init` is the life of an `/init`, `run` that of a run; both from a decoded request to an answer, without knowing how
//! either travels. `load` is how the action comes into this process. The worker's other parts ask the engine whether it
//! can go on ([`Engine::must_leave`]).

mod configured;
mod init;
mod load;
mod lost_threads;
mod recipe;
mod run;

pub use run::Trace;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::action::Action;
use crate::environment::RunVariables;
use crate::process::Worker;
use crate::process::connection::{Caller, Entered, Entry};
use crate::process::shared::{Phase, RunOutcome, Stop};
use crate::process::sys;
use crate::protocol::answer::Answer;
use crate::protocol::envelope::Note;
use lost_threads::Threads;

/// A worker's action and everything around it.
pub struct Engine {
    worker: Worker,
    loaded: Mutex<Option<Loaded>>,
    /// The delivery that it came with (see `Shared::delivered`); `NOTHING`: nothing is loaded. Set while `loaded` is locked,
    /// and looked at in passing without.
    delivery: AtomicU32,
    /// Held by whoever loads: a library is initialised once in a process, and nothing runs beside that.
    loading: Mutex<()>,
    /// How often something of an action has been executed here, or the folder changed for it.
    side_effects: AtomicU32,
    /// An `/init` has failed in this process, and left something of it behind: it takes no other.
    init_failed: AtomicBool,
    /// `None`: nothing has been loaded, or there is no one run that they could be of.
    variables: Mutex<Option<RunVariables>>,
    /// What the container was told of the platform's API; a run may say otherwise.
    api_host: String,
    in_flight: AtomicUsize,
    /// Runs on threads of the pool, those that wait for one included.
    in_thread_pool: AtomicUsize,
    /// The threads that runs are on.
    threads: Threads,
    runs: AtomicU32,
    leaving: AtomicBool,
    note: OnceLock<Note>,
}

/// A run on a thread of the pool, until the value is dropped.
pub struct InThreadPool<'a>(&'a Engine);

impl Drop for InThreadPool<'_> {
    fn drop(&mut self) {
        self.0.in_thread_pool.fetch_sub(1, AcqRel);
    }
}

/// The action, or the answer that says why there is none although there should be.
type Loaded = Result<&'static dyn Action, Answer>;

/// No delivery: nothing has been loaded.
const NOTHING: u32 = u32::MAX;

impl Engine {
    /// An engine without an action.
    pub fn new(worker: Worker) -> Self {
        Self {
            worker,
            loaded: Mutex::default(),
            delivery: AtomicU32::new(NOTHING),
            loading: Mutex::default(),
            side_effects: AtomicU32::new(0),
            init_failed: AtomicBool::new(false),
            variables: Mutex::default(),
            api_host: std::env::var("__OW_API_HOST").unwrap_or_default(),
            in_flight: AtomicUsize::new(0),
            in_thread_pool: AtomicUsize::new(0),
            threads: Threads::default(),
            runs: AtomicU32::new(0),
            leaving: AtomicBool::new(false),
            note: OnceLock::new(),
        }
    }

    /// The process this engine works in.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Must this process leave its callers to another one? One that has loaded something else than what was delivered
    /// since finds that out here.
    pub fn must_leave(&self) -> bool {
        // The order counts before it has been noticed: whoever asks after a swap gets the new library.
        if self.leaving.load(Relaxed) || self.worker.stop() == Stop::Successor {
            return true;
        }
        let loaded = self.delivery.load(Relaxed);
        let delivered = &self.worker.shared.delivered;
        let is_stale = loaded != NOTHING && loaded < delivered.load(Acquire);
        if is_stale {
            self.leave();
        }
        is_stale
    }

    /// From now on this process takes nothing new, and another takes its place.
    pub fn leave(&self) {
        self.leave_as(Phase::Leaving);
    }

    fn leave_as(&self, phase: Phase) {
        if !self.leaving.swap(true, Relaxed) {
            self.worker.report(phase);
            self.worker.wake();
        }
    }

    /// Are new runs refused, since the program ends?
    pub fn is_ending(&self) -> bool {
        self.worker.stop() == Stop::End
    }

    /// A run is about to be given to a thread of the pool; the value goes with it.
    pub fn enter_thread_pool(&self) -> InThreadPool<'_> {
        self.in_thread_pool.fetch_add(1, AcqRel);
        InThreadPool(self)
    }

    /// Are runs executing on, or queued for, the pool?
    pub fn has_pooled_runs(&self) -> bool {
        self.in_thread_pool.load(Acquire) != 0
    }

    /// Ends this process if a thread that was at a run is no more: nobody else would ever answer that run.
    pub fn look_for_lost_threads(&self) {
        self.threads.look();
    }

    /// Asks the action whether it is ready for traffic; the error is its own text.
    pub fn ask_whether_ready(&self) -> Result<(), String> {
        let Some(action) = self.loaded_action() else {
            return Ok(());
        };
        let answer = action.ready();
        leave_if_forked();
        answer
    }

    /// Is what was loaded a library, that may start children of its own?
    pub fn may_have_children(&self) -> bool {
        self.loaded_action()
            .is_some_and(|action| !action.is_program())
    }

    /// What is loaded, whatever it came with.
    fn loaded_action(&self) -> Option<&'static dyn Action> {
        let loaded = self.loaded();
        loaded.as_ref()?.as_ref().ok().copied()
    }

    fn loaded(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An activation begins: from here on, whatever happens to this process, the keeper ends its log and answers its
    /// caller. It may take `limit_ms`; 0 = any time.
    fn enter(&self, caller: Caller, entry: Entry, limit_ms: u32) -> Entered {
        self.begin_log();
        let entered = caller.enter(entry, limit_ms);
        self.worker.wake_keeper(limit_ms);
        entered
    }

    fn begin_log(&self) {
        self.in_flight.fetch_add(1, AcqRel);
        if let Some(logs) = self.worker.logs {
            logs.begin();
        }
    }

    /// Ends the log of one activation; with others in flight, which the log may belong to as well, the last ends all.
    fn end_log(&self) {
        let last = self.in_flight.fetch_sub(1, AcqRel) == 1;
        match self.worker.logs {
            Some(logs) if last => logs.end(),
            Some(_) => {}
            None => sys::flush_stdio(),
        }
    }

    /// An activation has ended that leaves no mark in the log: a good `/init`.
    fn end_log_silently(&self) {
        self.in_flight.fetch_sub(1, AcqRel);
        if let Some(logs) = self.worker.logs {
            logs.end_silently();
        }
    }

    /// A request that cannot be read: it never reaches the action, and ends its log all the same.
    pub fn unread(&self, answer: Answer) -> Answer {
        self.worker.place.counts.count(RunOutcome::Refused);
        self.begin_log();
        self.end_log();
        answer
    }

    /// An `/init` that cannot be read. A second one has no log.
    pub fn unread_init(&self, answer: Answer) -> Answer {
        if self.worker.shared.delivered.load(Acquire) == 0 {
            self.begin_log();
            self.end_log();
        }
        answer
    }

    fn limit_ms(&self) -> u32 {
        self.worker.config.timeout.map_or(0, |limit| {
            // 0 would be no limit at all.
            u32::try_from(limit.as_millis().max(1)).unwrap_or(u32::MAX)
        })
    }
}

/// A child that an action forked and that came back into the server has nothing to do here.
fn leave_if_forked() {
    if sys::is_forked_child() {
        sys::exit_now(0);
    }
}
