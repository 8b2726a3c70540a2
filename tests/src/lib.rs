//! The harness of the black-box tests.
//!
//! It starts the real `action-runner` on a port of the kernel's choosing, keeps all that it prints, speaks HTTP to it byte
//! by byte, and makes sure that nothing of it is left behind. It knows the runner by its command line and its sockets
//! only: no code of the runner is linked in. The libraries under test are built by `fixtures`, with compilers of their own.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a harness reports by panicking, at the line of the test that called it"
)]

pub mod archive;
pub mod capture;
pub mod fixtures;
pub mod gate;
pub mod groups;
pub mod http;
pub mod invoker;
pub mod launch;
pub mod parallel;
pub mod processes;
pub mod requests;
pub mod runner;
pub mod shelf;

pub use archive::Entry;
pub use capture::{Logs, SENTINEL};
pub use gate::Gate;
pub use groups::Group;
pub use http::{Connection, Reply};
pub use launch::Launch;
pub use parallel::at_once;
pub use requests::{Init, decoded};
pub use runner::Runner;
pub use shelf::Shelf;

use std::time::Duration;

/// No test waits longer than this for anything. It is a guard against hangs: a test that passes never comes near it.
pub const LIMIT: Duration = Duration::from_secs(20);
