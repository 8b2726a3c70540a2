//! One `/init` from start to end, and the other ways in which a worker comes by its action: that of the configuration,
//! and the one that an earlier worker was given.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::*;
use std::time::Duration;

use super::configured::Configured;
use super::recipe::{Recipe, Source};
use super::{Engine, recipe};
use crate::action::{self, Action, Context};
use crate::config::BAKED;
use crate::environment;
use crate::package::{self, Code, Refused};
use crate::process::slots::{Phase, Slot, State};
use crate::process::{Start, sys};
use crate::protocol::answer::Answer;
use crate::protocol::envelope::Note;
use crate::protocol::init::{self, Init};
use crate::refusal::{self, BadRequest, LoadRefusal, PackageRefusal};

impl Engine {
    /// Loads what this worker was started with. An action that OpenWhisk will initialise is left for that moment, so
    /// that its initialisers see the environment that comes with it.
    pub fn start(&self) -> Phase {
        let config = self.worker.config;
        match &self.worker.start {
            Start::Empty => Phase::Ready,
            Start::Broken(sentence) => {
                self.keep(
                    Err(Answer::error(502, sentence)),
                    self.worker.tree.delivered.load(Acquire),
                );
                self.worker.page().say(sentence);
                Phase::Refused
            }
            Start::Configured
                if config.loads_lazily()
                    && !self.worker.trial
                    && self.worker.tree.used.load(Acquire) == 0 =>
            {
                Phase::Ready
            }
            Start::Configured | Start::Delivered => match self.load_what_there_is() {
                Ok(_) => Phase::Ready,
                Err(_) => Phase::Refused,
            },
        }
    }

    /// The action, loaded if need be; otherwise the answer that says why there is none.
    pub(super) fn action(&self) -> Result<&'static dyn Action, Answer> {
        let delivered = self.worker.tree.delivered.load(Acquire);
        let loaded = self.loaded();
        match &*loaded {
            // A run that was being read when something else was delivered has it from what is loaded: a process loads one
            // action, and this one is about to leave.
            Some(action) if action.is_ok() || self.delivery.load(Relaxed) == delivered => {
                return action.clone();
            }
            _ => drop(loaded),
        }
        self.worker.page().set_phase(Phase::Loading);
        let action = self.load_what_there_is();
        self.worker.page().set_phase(Phase::Ready);
        action
    }

    /// Is there anything to load, or loaded?
    pub fn has_action(&self) -> bool {
        self.has_library() || self.worker.tree.delivered.load(Acquire) != 0
    }

    fn load_what_there_is(&self) -> Result<&'static dyn Action, Answer> {
        let delivery = self.worker.tree.delivered.load(Acquire);
        self.worker.page().set_phase(Phase::Loading);
        let loaded = match delivery {
            0 if !self.has_library() => return Err(Answer::no_action_yet()),
            0 => self.load_configured(&self.worker.config.entry_point, &[]),
            _ => self.load_delivered(),
        };
        let action = loaded.map_err(|refusal| {
            refusal::complain(&refusal);
            self.worker.page().say(&refusal.to_string());
            Answer::from(&refusal)
        });
        if action.is_ok() {
            self.worker.tree.used.store(1, Release);
        }
        self.keep(action.clone(), delivery);
        action
    }

    fn keep(&self, action: Result<&'static dyn Action, Answer>, delivery: u32) {
        let mut loaded = self.loaded();
        *loaded = Some(action);
        self.delivery.store(delivery, Release);
    }

    fn load_configured(
        &self,
        entry_point: &str,
        env: &[(&str, &str)],
    ) -> Result<&'static dyn Action, LoadRefusal> {
        let load = |found: Configured| {
            if let Some(directory) = &found.directory {
                let _ = std::env::set_current_dir(directory);
            }
            self.load(&found.path, &found.code, entry_point, env)
        };
        self.configured()
            .and_then(load)
            .map_err(|refusal| self.named(refusal))
    }

    fn load_delivered(&self) -> Result<&'static dyn Action, LoadRefusal> {
        let recipe = Recipe::read(&self.worker.delivery.recipe).map_err(|error| {
            LoadRefusal::Unreadable {
                path: "what /init delivered".to_owned(),
                why: error.to_string(),
            }
        })?;
        let env: Vec<(&str, &str)> = recipe
            .env
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        if let Some(directory) = &recipe.directory {
            let _ = std::env::set_current_dir(directory);
        }
        match self.place_of(&recipe) {
            Some(path) => self.load(&path, &Code::open(&path)?, &recipe.entry_point, &env),
            None => self.load_configured(&recipe.entry_point, &env),
        }
    }

    /// Where the delivered action is; `None`: it is the configured one.
    fn place_of(&self, recipe: &Recipe) -> Option<PathBuf> {
        match &recipe.source {
            Source::Configured => None,
            Source::Memory => Some(package::path_of(&self.worker.delivery.library)),
            Source::File(path) => Some(path.clone()),
        }
    }

    /// Loads an action that has been looked at. Nothing of one that will not do is ever executed.
    fn load(
        &self,
        path: &Path,
        code: &Code,
        entry_point: &str,
        env: &[(&str, &str)],
    ) -> Result<&'static dyn Action, LoadRefusal> {
        action::check(path, code, entry_point)?;
        self.touches.fetch_add(1, Relaxed);
        environment::set(env.iter().copied());
        let find = |name| {
            env.iter()
                .rev()
                .find(|(key, _)| *key == name)
                .map_or("", |(_, value)| value)
        };
        let context = Context {
            deadline_ms: find("__OW_DEADLINE").parse().unwrap_or(0),
            activation_id: find("__OW_ACTIVATION_ID"),
            transaction_id: find("__OW_TRANSACTION_ID"),
            namespace: find("__OW_NAMESPACE"),
            action_name: find("__OW_ACTION_NAME"),
            action_version: find("__OW_ACTION_VERSION"),
            api_key: find("__OW_API_KEY"),
            api_host: match find("__OW_API_HOST") {
                "" => &self.api_host,
                given => given,
            },
            ..Context::default()
        };
        let page = self.worker.page();
        let before = page.phase();
        page.set_phase(Phase::Loading);
        let action = action::load(path, code, entry_point).and_then(|action| {
            page.set_phase(Phase::Initialising);
            action.init(&context).map(|()| action)
        });
        self.leave_if_forked();
        page.set_phase(before);
        let action = action?;
        self.worker.page().say(&package::identity(code, path));
        // Never unloaded, so kept for ever.
        Ok(Box::leak(action))
    }

    /// Takes one `/init` through, for the caller of `slot`.
    pub fn init(&self, slot: &Slot, body: &[u8]) -> Answer {
        self.one_at_a_time(|| self.init_alone(slot, || init::decode(body), Note::default()))
    }

    /// Of all workers, one initialises at a time.
    pub(super) fn one_at_a_time(&self, initialise: impl FnOnce() -> Answer) -> Answer {
        let tree = self.worker.tree;
        let me = rustix::process::getpid()
            .as_raw_nonzero()
            .get()
            .unsigned_abs();
        while let Err(other) = tree.initialiser.compare_exchange(0, me, AcqRel, Acquire) {
            // Another worker is at it. Whoever holds it and has died will not release it.
            if other != me && !process_lives(other) {
                let _ = tree.initialiser.compare_exchange(other, 0, AcqRel, Acquire);
            }
            sys::futex_wait(&tree.initialiser, other, Duration::from_millis(10));
        }
        let answer = initialise();
        tree.initialiser.store(0, Release);
        sys::futex_wake(&tree.initialiser);
        answer
    }

    pub(super) fn init_alone<'a>(
        &self,
        slot: &Slot,
        decode: impl FnOnce() -> Result<Init<'a>, BadRequest>,
        note: Note,
    ) -> Answer {
        if self.worker.tree.delivered.load(Acquire) != 0 {
            refusal::complain(refusal::INIT_TWICE);
            return Answer::init_twice();
        }
        if self.spent.load(Relaxed) {
            self.begin_log();
            let answer = Answer::init_failed_before();
            return self.refused_init(slot, &refusal::INIT_FAILED_BEFORE, answer);
        }
        let init = match decode() {
            Ok(init) if init.code.is_none() && !self.has_library() => {
                refusal::complain(&refusal::NothingToExecute { places: &BAKED });
                return Answer::no_code();
            }
            Ok(init) => init,
            Err(refusal) => {
                self.begin_log();
                return self.refused_init(slot, &refusal, Answer::from(&refusal));
            }
        };
        self.enter(slot, State::Initialising, self.limit_ms());
        let touches = self.touches.load(Relaxed);
        let outcome = self.take_over(&init, note);
        if outcome.is_err() && self.touches.load(Relaxed) != touches {
            // Part of it may have been executed, with its environment: the next try gets a clean process.
            self.spent.store(true, Relaxed);
            self.retire();
        }
        match outcome {
            Ok(()) => {
                self.end_silently();
                slot.set(State::Answering, self.worker.seat);
                Answer::init_ok()
            }
            Err(Refused::Request(refusal)) => {
                self.refused_init(slot, &refusal, Answer::from(&refusal))
            }
            Err(Refused::Package(refusal)) => {
                self.refused_init(slot, &refusal, Answer::from(&refusal))
            }
            Err(Refused::Library(refusal)) => {
                self.refused_init(slot, &refusal, Answer::from(&refusal))
            }
        }
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
        let env: Vec<(&str, &str)> = init
            .env
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let code = match &init.code {
            Some(code) => Some(self.receive(code, recipe)?),
            None => None,
        };
        if init.code.is_none() && recipe.entry_point == "main" {
            recipe
                .entry_point
                .clone_from(&self.worker.config.entry_point);
        }
        // Nobody reads it before it counts as delivered.
        let written = recipe.write(&self.worker.delivery.recipe);
        written.map_err(|error| PackageRefusal::NoMemory {
            why: error.to_string(),
        })?;
        let action = match (&code, self.place_of(recipe), self.loaded_action()) {
            (Some(code), Some(path), _) => self.load(&path, code, &recipe.entry_point, &env)?,
            (_, _, Some(action)) if self.may_go_on_as(&recipe.entry_point) => {
                // Loaded before the platform could say anything of its environment: it is set for what is read later.
                environment::set(env.iter().copied());
                action.refresh();
                action
            }
            (_, _, Some(_)) => {
                self.check_configured(&recipe.entry_point)?;
                self.worker.tree.delivered.store(1, Release);
                self.retire();
                return Ok(());
            }
            _ => self.load_configured(&recipe.entry_point, &env)?,
        };
        self.keep(Ok(action), 1);
        self.worker.tree.delivered.store(1, Release);
        Ok(())
    }

    /// Can what has been loaded of the configuration serve as `entry_point` in this process? Otherwise a next one loads it
    /// anew: a library is initialised once in a process, and its environment changed only while nobody reads it.
    fn may_go_on_as(&self, entry_point: &str) -> bool {
        entry_point == self.worker.config.entry_point && !self.is_elsewhere()
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
            self.touches.fetch_add(1, Relaxed);
            let _ = std::env::set_current_dir(directory);
        }
        recipe.directory = package.directory;
        Ok(package.code)
    }

    /// A failed `/init` ends its log, the reason stands in it, and the caller gets it too.
    fn refused_init(&self, slot: &Slot, refusal: &dyn std::fmt::Display, answer: Answer) -> Answer {
        refusal::complain(refusal);
        self.end_log();
        slot.set(State::Answering, self.worker.seat);
        answer
    }
}

fn process_lives(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
