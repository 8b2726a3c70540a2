//! Black-box tests of the runner, in one binary: each test starts a runner of its own on a free port.
//!
//! `protocol` holds the conformance cases of the action protocol, group by group and named by their numbers; `abi` what
//! libraries may be loaded, and `evolution` that they are whatever their age; `faults` what an action may do to its
//! process, `programs` the actions of the older contracts, `cli` what people and scripts see.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod abi;
mod admin;
mod cli;
mod evolution;
mod faults;
mod kills;
mod pairs;
mod programs;
mod protocol;
mod shutdown;
mod soak;
mod swap;
