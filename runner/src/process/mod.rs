//! The process tree: whatever happens to the process that runs an action, its callers are answered.
//!
//! ```text
//! master            owns the bound socket; starts keepers, reaps every child, passes signals on
//!  └ keeper         one for each worker; shares its descriptor table, so that no connection dies with a worker
//!     └ worker      loads the action, serves, calls it on the thread that answers
//! ```
//!
//! Master and keepers never run action code, parse a request or start a runtime. This room knows neither tokio nor
//! axum: what a worker does is a function that is handed in ([`Work`]).

mod attendant;
pub mod blame;
mod bound;
mod deaths;
mod descriptors;
mod keeper;
mod master;
mod scarcity;
mod settle;
pub mod shared;
pub mod slots;
mod stash;
mod swap;
pub mod sys;
mod watchdog;
mod worker;

pub use attendant::Attendant;
pub use deaths::memory_limit;
pub use master::run;
pub use stash::Piece;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::Duration;

use crate::config::Config;
use crate::logs::Logs;
use crate::package;
use slots::{Pair, Seat, Tree};

/// A child of the master's that lasted less than this is not replaced at once.
const SHORT_LIFE: Duration = Duration::from_secs(1);

/// What a worker does with its life. Returns the status its process exits with.
pub type Work = fn(Worker) -> i32;

/// What a process beside the workers does with its life.
pub type Attend = fn(Attendant) -> i32;

/// What the processes of the tree do that this room knows nothing of.
#[derive(Clone, Copy)]
pub struct Roles {
    pub worker: Work,
    /// Answers on the admin port.
    pub admin: Attend,
    /// Watches the library's file.
    pub watch: Attend,
}

/// What a worker is to begin with.
#[derive(Clone, Debug)]
pub enum Start {
    /// Wait for a library by `/init`.
    Empty,
    /// Load the library of the configuration.
    Configured,
    /// Load what an earlier `/init` delivered.
    Delivered,
    /// Load nothing: the library killed the last worker that did. Answer with this sentence.
    Broken(String),
}

/// Where the action that `/init` delivers is kept, so that it survives the worker that got it: two memfds, made by
/// the master and inherited by all.
pub struct Delivery {
    /// What to load and with which environment, as JSON (see `engine::recipe`).
    pub recipe: OwnedFd,
    /// The action, when it came without companions.
    pub library: OwnedFd,
}

/// All that a worker needs, made by its keeper before it was cloned.
pub struct Worker {
    pub config: &'static Config,
    pub tree: &'static Tree,
    pub pair: &'static Pair,
    pub delivery: &'static Delivery,
    /// A private copy of the configured library: nobody can write over it while it is mapped. The master may still be
    /// at it (see [`Worker::whole_library`]). `None`: load the file.
    pub library: Option<BorrowedFd<'static>>,
    /// Does it try a new library, beside a worker that serves? If it is refused, it must not serve.
    pub trial: bool,
    /// Which seat it has on the shared page.
    pub seat: usize,
    pub start: Start,
    /// Bound, shared by all workers of the tree.
    pub listener: BorrowedFd<'static>,
    /// `None` when the action writes to the container's streams itself.
    pub logs: Option<&'static Logs>,
    /// An eventfd that the keeper reads: look at the shared page.
    pub keeper_bell: BorrowedFd<'static>,
    /// A pipe that the keeper writes to: look at the shared page.
    pub bell: OwnedFd,
    /// The other end of that pipe, for the worker's own orders to itself.
    pub own_order: BorrowedFd<'static>,
}

impl Worker {
    /// This worker's seat on the shared page.
    pub fn page(&self) -> &'static Seat {
        &self.pair.seats[self.seat]
    }

    /// The library's private copy, as soon as the master has made it. `None`: there is none, or it could not be made.
    pub fn whole_library(&self) -> Option<BorrowedFd<'static>> {
        let library = self.library?;
        let copied = &self.tree.copied;
        while !package::is_whole(&library) && copied.load(Acquire) == 0 {
            sys::futex_wait(copied, 0, Duration::from_secs(1));
        }
        package::is_whole(&library).then_some(library)
    }
}

/// Rings a bell, an eventfd or a pipe: whoever reads it looks at the shared page.
pub fn ring(bell: BorrowedFd<'_>) {
    // It refuses only when it has been rung very often without being read, or when an action closed it.
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

/// Stops a bell's ringing. False: that is no bell any more.
#[must_use]
pub fn quiet(bell: BorrowedFd<'_>) -> bool {
    use rustix::io::Errno;
    matches!(
        rustix::io::read(bell, &mut [0; 8]),
        Ok(8) | Err(Errno::AGAIN | Errno::INTR)
    )
}

fn new_bell() -> std::io::Result<OwnedFd> {
    use rustix::event::{EventfdFlags, eventfd};
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}
