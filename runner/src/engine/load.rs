//! How a worker comes by its action: that of the configuration, or the one that an `/init` has delivered. All of it under
//! one lock: a library is loaded and initialised once in a process.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::*;
use std::sync::{MutexGuard, PoisonError};

use super::configured::Configured;
use super::recipe::{Recipe, Source};
use super::{Engine, Loaded, leave_if_forked};
use crate::action::{self, Action, Context};
use crate::package::{self, Code};
use crate::process::Start;
use crate::process::shared::Phase;
use crate::protocol::answer::Answer;
use crate::refusal::{self, LoadRefusal};

impl Engine {
    /// Loads what this worker was started with. An action that OpenWhisk will initialise is left for that moment, so
    /// that its initialisers see the environment that comes with it.
    pub fn start(&self) -> Phase {
        match &self.worker.start {
            Start::Empty | Start::Configured { lazily: true } => Phase::Ready,
            Start::Broken(sentence) => {
                self.keep(Err(Answer::error(502, sentence)));
                self.worker.place.say(sentence);
                Phase::Refused
            }
            Start::Configured { .. } | Start::Delivered => match self.action() {
                Ok(_) => Phase::Ready,
                Err(_) => Phase::Refused,
            },
        }
    }

    /// The action, loaded if need be; otherwise the answer that says why there is none.
    pub(super) fn action(&self) -> Result<&'static dyn Action, Answer> {
        if let Some(known) = self.known() {
            return known;
        }
        let _loading = self.loading();
        // Another run, or an `/init`, may have loaded it meanwhile.
        if let Some(known) = self.known() {
            return known;
        }
        self.load_what_there_is()
    }

    /// Whoever has this loads, and nobody else.
    pub(super) fn loading(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is loaded, or why nothing is. A run that was being read when something else was delivered has it from what is
    /// loaded: a process loads one action, and this one is about to leave. What failed before that delivery counts no more.
    fn known(&self) -> Option<Result<&'static dyn Action, Answer>> {
        let delivered = self.worker.shared.delivered.load(Acquire);
        let loaded = self.loaded();
        let loaded = loaded.as_ref()?;
        let counts = loaded.is_ok() || self.delivery.load(Relaxed) == delivered;
        counts.then(|| loaded.clone())
    }

    /// Is there anything to load, or loaded?
    pub fn has_action(&self) -> bool {
        self.has_library() || self.worker.shared.delivered.load(Acquire) != 0
    }

    fn load_what_there_is(&self) -> Result<&'static dyn Action, Answer> {
        let loaded = match self.worker.shared.delivered.load(Acquire) {
            0 if !self.has_library() => return Err(Answer::no_action_yet()),
            0 => self.load_configured(&self.worker.config.entry_point, &[]),
            _ => self.load_delivered(),
        };
        let action = loaded.map_err(|refusal| {
            refusal::report(&refusal);
            self.worker.place.say(&refusal.to_string());
            Answer::from(&refusal)
        });
        self.keep(action.clone());
        action
    }

    fn keep(&self, action: Loaded) {
        self.keep_as(action, self.worker.shared.delivered.load(Acquire));
    }

    /// Remembers what was loaded, and with which delivery.
    pub(super) fn keep_as(&self, action: Loaded, delivery: u32) {
        let mut loaded = self.loaded();
        *loaded = Some(action);
        self.delivery.store(delivery, Release);
    }

    pub(super) fn load_configured(
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
        let env = recipe.env.iter();
        let env: Vec<(&str, &str)> = env.map(|(name, value)| (&**name, &**value)).collect();
        if let Some(directory) = &recipe.directory {
            let _ = std::env::set_current_dir(directory);
        }
        match self.place_of(&recipe) {
            Some(path) => self.load(&path, &Code::open(&path)?, &recipe.entry_point, &env),
            None => self.load_configured(&recipe.entry_point, &env),
        }
    }

    /// Where the delivered action is; `None`: it is the configured one.
    pub(super) fn place_of(&self, recipe: &Recipe) -> Option<PathBuf> {
        match &recipe.source {
            Source::Configured => None,
            Source::Memory => Some(package::path_of(&self.worker.delivery.library)),
            Source::File(path) => Some(path.clone()),
        }
    }

    /// Loads an action that has been looked at. Nothing of one that will not do is ever executed. Called under the lock.
    pub(super) fn load(
        &self,
        path: &Path,
        code: &Code,
        entry_point: &str,
        env: &[(&str, &str)],
    ) -> Result<&'static dyn Action, LoadRefusal> {
        action::check(path, code, entry_point)?;
        self.side_effects.fetch_add(1, Relaxed);
        self.prepare_environment(env)?;
        let place = self.worker.place;
        let before = place.phase();
        place.set_phase(Phase::Loading);
        self.worker.wait_for_locks();
        let action = action::load(path, code, entry_point).and_then(|action| {
            place.set_phase(Phase::Initialising);
            action.init(&self.init_context(env)).map(|()| action)
        });
        leave_if_forked();
        place.set_phase(before);
        let action = action?;
        place.say(&package::identity(code, path));
        // Never unloaded, so kept for ever.
        Ok(Box::leak(action))
    }

    /// What the library's initialisers see, and room for what each run adds. With several runs at once there is no one
    /// environment that would be right.
    fn prepare_environment(&self, env: &[(&str, &str)]) -> Result<(), LoadRefusal> {
        let mut variables = self
            .variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let for_runs = action::prepare_environment(env)?;
        *variables = (self.worker.config.concurrency == 1).then_some(for_runs);
        Ok(())
    }

    /// What an `init` is told of its activation: `/init` brings it as variables.
    fn init_context<'a>(&'a self, env: &[(&'a str, &'a str)]) -> Context<'a> {
        let find = |name| {
            let given = env.iter().rev().find(|(key, _)| *key == name);
            given.map_or("", |(_, value)| value)
        };
        Context {
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
        }
    }
}
