//! What a worker does with an action: loads it, and takes it through one activation after the other.
//!
//! `init` is the life of an `/init`, `run` that of a `/run`; both from the body of a request to an answer, without
//! knowing how either travels; `together` is an `/init` that comes with a run. The worker's other parts ask the engine whether it can go on ([`Engine::is_retiring`]).

mod configured;
mod init;
mod recipe;
mod run;
mod together;

pub use run::{Entry, Trace};

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::action::Action;
use crate::environment::RunVariables;
use crate::process::slots::{Phase, Slot, State};
use crate::process::sys::ForkMark;
use crate::process::{Worker, ring};
use crate::protocol::answer::Answer;
use crate::protocol::envelope::Note;

/// A worker's action and everything around it.
pub struct Engine {
    worker: Worker,
    loaded: Mutex<Option<Loaded>>,
    /// The delivery that it came with (see `Tree::delivered`); `NOTHING`: nothing is loaded. Set while `loaded` is locked,
    /// and looked at in passing without.
    delivery: AtomicU32,
    /// How often something of an action has been executed here, or the folder changed for it.
    touches: AtomicU32,
    /// An `/init` has failed in this process, and left something of it behind: it takes no other.
    spent: AtomicBool,
    variables: Mutex<RunVariables>,
    mark: ForkMark,
    /// What the container was told of the platform's API; a run may say otherwise.
    api_host: String,
    in_flight: AtomicUsize,
    /// Runs on threads of their own, those that wait for one included.
    elsewhere: AtomicUsize,
    retiring: AtomicBool,
    draining: AtomicBool,
    note: OnceLock<Note>,
}

/// A run on a thread of its own, until the value is dropped.
pub struct Elsewhere<'a>(&'a Engine);

impl Drop for Elsewhere<'_> {
    fn drop(&mut self) {
        self.0.elsewhere.fetch_sub(1, AcqRel);
    }
}

/// No delivery: nothing has been loaded.
const NOTHING: u32 = u32::MAX;

/// The action, or the answer that says why there is none although there should be.
type Loaded = Result<&'static dyn Action, Answer>;

impl Engine {
    /// An engine without an action.
    pub fn new(worker: Worker) -> io::Result<Self> {
        Ok(Self {
            worker,
            loaded: Mutex::default(),
            delivery: AtomicU32::new(NOTHING),
            touches: AtomicU32::new(0),
            spent: AtomicBool::new(false),
            variables: Mutex::default(),
            mark: ForkMark::new()?,
            api_host: std::env::var("__OW_API_HOST").unwrap_or_default(),
            in_flight: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
            retiring: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            note: OnceLock::new(),
        })
    }

    /// The process this engine works in.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Must this process make room for another one as soon as nobody waits for its answers? One that has loaded something
    /// else than what was delivered since finds that out here.
    pub fn is_retiring(&self) -> bool {
        // The keeper's order counts before it has been heeded: whoever asks after a swap gets the new library.
        if self.retiring.load(Relaxed) || self.worker.page().retire.load(Acquire) != 0 {
            return true;
        }
        let loaded = self.delivery.load(Relaxed);
        let is_stale = loaded != NOTHING && loaded < self.worker.tree.delivered.load(Acquire);
        if is_stale {
            self.retire();
        }
        is_stale
    }

    /// From now on this process takes nothing new.
    pub fn retire(&self) {
        self.retiring.store(true, Relaxed);
        ring(self.worker.own_order);
    }

    /// Are new activations refused, since the program is about to end? Without a delay they are from the moment of the
    /// signal on, whatever this process has noticed of it.
    pub fn is_draining(&self) -> bool {
        let at_once = self.worker.config.drain_delay.is_zero();
        self.draining.load(Relaxed) || (at_once && self.worker.tree.draining.load(Relaxed) != 0)
    }

    /// From now on new activations are refused.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Tells keeper and master how far this worker has come.
    pub fn report(&self, phase: Phase) {
        self.worker.page().set_phase(phase);
        ring(self.worker.keeper_bell);
    }

    /// A run is about to be given to a thread of its own; the value goes with it.
    pub fn depart(&self) -> Elsewhere<'_> {
        self.elsewhere.fetch_add(1, AcqRel);
        Elsewhere(self)
    }

    /// Is a run under way on another thread than the one that serves, or waits for one?
    pub fn is_elsewhere(&self) -> bool {
        self.elsewhere.load(Acquire) != 0
    }

    /// Asks the action whether it is ready for traffic; the error is its own text.
    pub fn ask_whether_ready(&self) -> Result<(), String> {
        let Some(action) = self.loaded_action() else {
            return Ok(());
        };
        let answer = action.ready();
        self.leave_if_forked();
        answer
    }

    /// What is loaded, whatever it came with.
    fn loaded_action(&self) -> Option<&'static dyn Action> {
        let loaded = self.loaded();
        loaded.as_ref()?.as_ref().ok().copied()
    }

    fn loaded(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The action is about to be entered for the caller of `slot`: from here on, whatever happens to this process,
    /// the keeper answers. `limit_ms` is the time the activation may take; 0 = any.
    fn enter(&self, slot: &Slot, state: State, limit_ms: u32) {
        self.begin_log();
        slot.begin(state, self.worker.seat, limit_ms);
        if limit_ms != 0 && self.worker.pair.keeper_sleeps.load(SeqCst) != 0 {
            ring(self.worker.keeper_bell);
        }
    }

    fn begin_log(&self) {
        self.in_flight.fetch_add(1, AcqRel);
        if let Some(logs) = self.worker.logs {
            logs.begin(self.worker.seat);
        }
    }

    /// Ends the log of one activation; with others in flight, which the log may belong to as well, the last ends all.
    fn end_log(&self) {
        let last = self.in_flight.fetch_sub(1, AcqRel) == 1;
        match self.worker.logs {
            Some(logs) if last => logs.end(self.worker.seat),
            Some(_) => {}
            None => crate::process::sys::flush_stdio(),
        }
    }

    /// An activation has ended that leaves no mark in the log: a good `/init`.
    fn end_silently(&self) {
        self.in_flight.fetch_sub(1, AcqRel);
        if let Some(logs) = self.worker.logs {
            logs.end_silently(self.worker.seat);
        }
    }

    /// A child that an action forked and that came back into the server has nothing to do here.
    fn leave_if_forked(&self) {
        if !self.mark.is_original() {
            crate::process::sys::exit_now(0);
        }
    }

    fn limit_ms(&self) -> u32 {
        self.worker.config.timeout.map_or(0, |limit| {
            // 0 would be no limit at all.
            u32::try_from(limit.as_millis().max(1)).unwrap_or(u32::MAX)
        })
    }
}
