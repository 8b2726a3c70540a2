//! The process tree: whatever happens to the process that runs an action, every caller gets an answer.
//!
//! ```text
//! master      owns the listening socket and the hand-over socket; starts pairs, reaps every child
//!  ├ worker   a fork of the master; loads the action, serves, calls it on the thread that answers
//!  └ keeper   its sibling, which shares its descriptors and one page of memory, and answers for it when it dies
//! ```
//!
//! A pair is born together and dies together. What outlives it waits in two queues of the kernel's: connections that
//! nobody has accepted, and those that a pair has left behind (`handover`).
//!
//! Master and keepers never run action code, parse a request or start a runtime. This room knows neither tokio nor
//! axum, nor what a request is: what a worker does is a function that is handed in ([`Roles`]).

mod bound;
mod breaker;
pub mod connection;
mod copier;
mod deaths;
mod descendants;
mod descriptors;
pub mod handover;
mod keeper;
mod library;
mod master;
mod oom;
mod orders;
mod orphans;
pub mod page;
mod pair;
mod passing;
mod replay;
pub mod shared;
mod side_process;
pub mod sys;
pub mod upload;
mod watchdog;
mod worker;

pub use deaths::memory_limit;
pub use descendants::Zombies;
use master::SHORT_LIFE;
pub use master::run;
pub use orphans::Told;
pub use side_process::SideProcess;
pub use worker::{CANNOT_BEGIN, Worker};

use std::os::fd::OwnedFd;

use crate::refusal;

/// What the processes of the tree do that this room knows nothing of.
#[derive(Clone, Copy)]
pub struct Roles {
    /// The worker's main function. Returns the status that its process exits with.
    pub worker: fn(Worker) -> i32,
    /// Answers on the admin port.
    pub admin: fn(SideProcess) -> i32,
    /// Watches the library's file.
    pub watch: fn(SideProcess) -> i32,
    /// The bytes of the HTTP response that tells a caller what became of its worker.
    pub tell: fn(Told) -> Vec<u8>,
}

/// What a worker is to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Wait for a library by `/init`.
    Empty,
    /// Load the library of the configuration: at once, or when the first run or `/init` needs it.
    Configured { lazily: bool },
    /// Load what an earlier `/init` delivered.
    Delivered,
    /// Load nothing: the library killed the last worker that did. Answer with this sentence.
    Broken(String),
}

impl Start {
    /// Is there a library to load?
    fn loads(&self) -> bool {
        matches!(self, Self::Configured { .. } | Self::Delivered)
    }
}

/// Where the action that `/init` delivers is kept, so that it survives the worker that got it: two memfds, made by
/// the master and inherited by all.
pub struct Delivery {
    /// What to load and with which environment, as JSON (see `engine::recipe`).
    pub recipe: OwnedFd,
    /// The action, when it came without companions.
    pub library: OwnedFd,
}

/// What a worker in this phase was doing, as far as its action is concerned.
fn moment(phase: shared::Phase) -> refusal::Phase {
    match phase {
        shared::Phase::Nobody | shared::Phase::Starting | shared::Phase::Loading => {
            refusal::Phase::Load
        }
        shared::Phase::Initialising => refusal::Phase::Init,
        _ => refusal::Phase::Run,
    }
}
