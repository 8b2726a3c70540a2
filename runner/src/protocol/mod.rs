//! The action protocol as pure functions on bytes: what a request says, and what an answer looks like.
//!
//! Knows nothing of sockets, of axum, of libraries. `init` and `run` decode the two request bodies, `container` checks
//! what an action returned, `answer` is the only place that pairs a situation with an HTTP status. The other two HTTP
//! modes add `parameters` and `envelope`, which decode their bodies, and `web`, results that are HTTP answers.

pub mod answer;
pub mod container;
pub mod envelope;
pub mod init;
pub mod parameters;
pub mod run;
pub mod web;

mod json;
mod scan;
