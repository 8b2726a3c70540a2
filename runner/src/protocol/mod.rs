//! The action protocol as pure functions on bytes: what a request says, and what an answer looks like.
//!
//! Knows nothing of sockets, of axum, of libraries. `init` and `run` decode the two request bodies, `container` checks
//! what an action returned, `answer` is the only place that pairs a situation with an HTTP status.

pub mod answer;
pub mod container;
pub mod init;
pub mod run;

mod json;
mod scan;
