//! An action that has been loaded, whatever it was compiled from: one trait, one kind of context, one kind of outcome.
//!
//! This is the only room with variants, and so the only one with a trait object. It knows nothing of requests: the
//! parameters are JSON text, and what comes back are the action's own bytes.

mod c;
mod load;
mod program;
mod raw;
mod rust;

pub use c::Buffer;
pub use load::{check, has_loaded, load, prepare_environment};

use std::borrow::Cow;

use crate::refusal::LoadRefusal;

/// Something that can be called with JSON text, from any thread, and from several at once.
pub trait Action: Send + Sync {
    /// The action's own initialisation: once, before anything else.
    fn init(&self, _context: &Context<'_>) -> Result<(), LoadRefusal> {
        Ok(())
    }

    /// Calls the entry point.
    fn invoke(&self, params: &str, context: &Context<'_>) -> Outcome;

    /// Asks the action whether it is ready for traffic; the error is its own text.
    fn ready(&self) -> Result<(), String>;

    /// Is it a program, whose processes are the runner's to wait for?
    fn is_program(&self) -> bool {
        false
    }

    /// The names that `main` may have, the default one first, if the library can tell.
    fn entry_points(&self) -> Vec<String>;

    /// What an entry point says of itself, if it does: JSON text with description, parameters and result.
    fn describe(&self, _entry_point: &str) -> Option<String> {
        None
    }
}

/// What an action is told about its activation. An empty string means "not given".
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Unix time in milliseconds; 0 = none.
    pub deadline_ms: i64,
    pub activation_id: &'a str,
    pub transaction_id: &'a str,
    pub namespace: &'a str,
    pub action_name: &'a str,
    pub action_version: &'a str,
    pub api_key: &'a str,
    pub api_host: &'a str,
    pub traceparent: &'a str,
    pub tracestate: &'a str,
    /// What the platform said besides, by the names it used.
    pub others: &'a [(Cow<'a, str>, Cow<'a, str>)],
}

/// What an action gave back.
#[derive(Debug)]
pub enum Outcome {
    /// A result that the dialect vouches to be JSON.
    Json(Buffer),
    /// A result of which nothing is known.
    Unchecked(Buffer),
    /// The action said no. JSON, or text.
    Error(Buffer),
    /// The action panicked, and the panic was caught. JSON, or text.
    Panicked(Buffer),
}
