//! One `/init` from start to end. Of all workers, one initialises at a time; in this process nothing is loaded beside it.

use std::fmt::Display;
use std::sync::atomic::Ordering::*;

use rustix::thread::futex;

use super::recipe::Recipe;
use super::{Engine, recipe};
use crate::action;
use crate::config::BAKED;
use crate::package::{self, Code, Refused};
use crate::process::connection::{Caller, Entry};
use crate::process::shared::Phase;
use crate::protocol::answer::Answer;
use crate::protocol::envelope::{Initialisation, Note};
use crate::protocol::init::Init;
use crate::refusal::{self, BadRequest, LoadRefusal, PackageRefusal};

/// How long to wait at a time for another worker's `/init`, before it is looked whether that worker still lives.
const TURN_TIMEOUT: rustix::event::Timespec = rustix::event::Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

/// The turn of this process to initialise, until the value is dropped.
struct Turn<'a>(&'a Engine);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let initialiser = &self.0.worker.shared.initialiser;
        initialiser.store(0, Release);
        let _ = futex::wake(initialiser, futex::Flags::empty(), u32::MAX >> 1);
    }
}

impl Engine {
    /// Initialises with what `caller` sent: a request, or the refusal of one that cannot be read.
    /// `None`: the next process answers it, which finds what has been read of it.
    pub fn init(&self, caller: Caller, request: Result<Init<'_>, BadRequest>) -> Option<Answer> {
        let _turn = self.turn();
        let is_for_another = request
            .as_ref()
            .is_ok_and(|init| self.has_loaded_another(init));
        if is_for_another && caller.may_be_handed_on() {
            self.leave_as(Phase::Yielding);
            return None;
        }
        Some(self.init_in_turn(caller, request, Note::default()))
    }

    /// Has this process loaded the action of the configuration otherwise than this `/init` wants it: with another entry
    /// point, or in another environment? A process loads once.
    fn has_loaded_another(&self, init: &Init<'_>) -> bool {
        let is_first = self.worker.shared.delivered.load(Acquire) == 0;
        let env = init.env.iter();
        let env: Vec<(&str, &str)> = env.map(|(name, value)| (&**name, &**value)).collect();
        let is_loaded = self.loaded_action().is_some();
        is_first
            && is_loaded
            && init.code.is_none()
            && !self.is_loaded_as(self.entry_point_of(init), &env)
    }

    /// What an `/init` calls `main` is what the configuration says, for its action.
    fn entry_point_of<'a>(&'a self, init: &'a Init<'_>) -> &'a str {
        match &*init.entry_point {
            "main" if init.code.is_none() => &self.worker.config.entry_point,
            name => name,
        }
    }

    /// The same for an `/init` that may come with each request, since its caller cannot know whether the process behind
    /// the address has been initialised: the first one counts. Anything but 200 is the answer to the whole request.
    pub fn init_once(&self, caller: Caller, initialisation: &Initialisation<'_>) -> Answer {
        let note = initialisation.note;
        let is_done = || self.note().is_some_and(|done| done.digest == note.digest);
        if is_done() {
            return Answer::init_ok();
        }
        let _turn = self.turn();
        if is_done() {
            return Answer::init_ok();
        }
        self.init_in_turn(caller, Ok(initialisation.init.clone()), note)
    }

    fn init_in_turn(
        &self,
        caller: Caller,
        request: Result<Init<'_>, BadRequest>,
        note: Note,
    ) -> Answer {
        if self.worker.shared.delivered.load(Acquire) != 0 {
            refusal::report(refusal::INIT_TWICE);
            return Answer::init_twice();
        }
        let init = match request {
            _ if self.has_failed_before() => {
                self.leave();
                let sentence = &refusal::INIT_FAILED_BEFORE;
                return self.refused_init(sentence, Answer::init_failed_before());
            }
            Ok(init) if init.code.is_none() && !self.has_library() => {
                refusal::report(&refusal::NothingToExecute { places: &BAKED });
                return Answer::no_code();
            }
            Ok(init) => init,
            Err(refusal) => return self.refused_init(&refusal, Answer::from(&refusal)),
        };
        let _loading = self.loading();
        let entered = self.enter(caller, Entry::Init, self.limit_ms());
        let before = self.side_effects.load(Relaxed);
        let outcome = self.take_over(&init, note);
        if outcome.is_err() && self.side_effects.load(Relaxed) != before {
            // Part of it may have been executed, with its environment: the next try gets a clean process.
            self.init_failed.store(true, Relaxed);
            self.leave();
        }
        self.end_init(&outcome);
        drop(entered);
        outcome.map_or_else(|refused| Answer::from(&refused), |()| Answer::init_ok())
    }

    /// A good `/init` leaves no mark in the log; in that of a failed one the reason stands.
    fn end_init(&self, outcome: &Result<(), Refused>) {
        match outcome {
            Ok(()) => self.end_log_silently(),
            Err(refused) => {
                refusal::report(refused);
                self.end_log();
            }
        }
    }

    /// An `/init` that never came to a library: the reason stands in its log, and its caller gets it too.
    fn refused_init(&self, refusal: &dyn Display, answer: Answer) -> Answer {
        self.begin_log();
        refusal::report(refusal);
        self.end_log();
        answer
    }

    /// Waits until no other worker initialises. Whoever holds the turn and has died will not give it back.
    fn turn(&self) -> Turn<'_> {
        let initialiser = &self.worker.shared.initialiser;
        let me = std::process::id();
        while let Err(other) = initialiser.compare_exchange(0, me, AcqRel, Acquire) {
            if other != me && !process_lives(other) {
                let _ = initialiser.compare_exchange(other, 0, AcqRel, Acquire);
            }
            let _ = futex::wait(
                initialiser,
                futex::Flags::empty(),
                other,
                Some(&TURN_TIMEOUT),
            );
        }
        Turn(self)
    }

    /// What is remembered of the initialisation; `None` while there has been none.
    pub fn note(&self) -> Option<Note> {
        if let Some(note) = self.note.get() {
            return Some(*note);
        }
        if self.worker.shared.delivered.load(Acquire) == 0 {
            return None;
        }
        // It succeeds once, for all workers and for good.
        let note = Recipe::read(&self.worker.delivery.recipe).ok()?.note;
        Some(*self.note.get_or_init(|| note))
    }

    /// From a decoded request to a loaded action that every worker knows of.
    fn take_over(&self, init: &Init<'_>, note: Note) -> Result<(), Refused> {
        let mut recipe = Recipe {
            env: init.env.iter().cloned().collect(),
            entry_point: init.entry_point.clone().into_owned(),
            note,
            ..Recipe::default()
        };
        let outcome = self.carry_out(init, &mut recipe);
        if let (Err(_), Some(folder)) = (&outcome, &recipe.directory) {
            let _ = std::fs::remove_dir_all(folder);
            // Only if there is nothing else in it.
            let _ = std::fs::remove_dir(&self.worker.config.scratch);
        }
        outcome
    }

    fn carry_out(&self, init: &Init<'_>, recipe: &mut Recipe) -> Result<(), Refused> {
        let env = init.env.iter();
        let env: Vec<(&str, &str)> = env.map(|(name, value)| (&**name, &**value)).collect();
        let code = match &init.code {
            Some(code) => Some(self.receive(code, recipe)?),
            None => None,
        };
        self.entry_point_of(init)
            .clone_into(&mut recipe.entry_point);
        // Nobody reads it before it counts as delivered.
        let written = recipe.write(&self.worker.delivery.recipe);
        written.map_err(|error| PackageRefusal::NoMemory {
            why: error.to_string(),
        })?;
        let action = match (&code, self.place_of(recipe), self.loaded_action()) {
            (Some(code), Some(path), _) => self.load(&path, code, &recipe.entry_point, &env)?,
            (_, _, Some(action)) if self.is_loaded_as(&recipe.entry_point, &env) => action,
            (_, _, Some(_)) => {
                // It is another as soon as its entry point or its environment is, and a process loads one.
                self.check_configured(&recipe.entry_point)?;
                self.worker.shared.delivered.store(1, Release);
                self.leave();
                return Ok(());
            }
            _ => self.load_configured(&recipe.entry_point, &env)?,
        };
        self.keep_as(Ok(action), 1);
        self.worker.shared.delivered.store(1, Release);
        Ok(())
    }

    /// Is what has been loaded of the configuration what is wanted now? Otherwise a next process loads it anew: a library
    /// is initialised once in a process, and finds its environment when it is loaded.
    fn is_loaded_as(&self, entry_point: &str, env: &[(&str, &str)]) -> bool {
        let is_same = |(name, value): &(&str, &str)| std::env::var(name).as_deref() == Ok(*value);
        entry_point == self.worker.config.entry_point && env.iter().all(is_same)
    }

    /// Has this process loaded something that does not serve? Then it can load nothing else.
    fn has_failed_before(&self) -> bool {
        let has_served = self.loaded_action().is_some();
        self.init_failed.load(Relaxed) || (action::has_loaded() && !has_served)
    }

    /// Would the action of the configuration load with this entry point?
    fn check_configured(&self, entry_point: &str) -> Result<(), LoadRefusal> {
        self.configured()
            .and_then(|found| action::check(&found.path, &found.code, entry_point))
            .map_err(|refusal| self.named(refusal))
    }

    /// Puts the delivered code where it survives this worker, and says so in the recipe.
    fn receive(&self, code: &str, recipe: &mut Recipe) -> Result<Code, Refused> {
        let config = self.worker.config;
        let package = package::receive(code, &config.scratch, &package::Limits::default())?;
        recipe.source = recipe::keep(&package, &self.worker.delivery.library)?;
        if let Some(directory) = &package.directory {
            self.side_effects.fetch_add(1, Relaxed);
            let _ = std::env::set_current_dir(directory);
        }
        recipe.directory = package.directory;
        Ok(package.code)
    }
}

fn process_lives(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
