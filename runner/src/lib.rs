//! The parts of `action-runner`, in the order in which a request meets them.
//!
//! | room | what it does | what it must not know |
//! |---|---|---|
//! | [`cli`], [`config`] | what the user said, checked | |
//! | [`process`] | master, keeper, worker: nobody waits in vain | tokio, HTTP, libraries |
//! | [`server`] | connections, routes, whole bodies | what a body says, what an action is |
//! | [`engine`] | one activation from start to end | how requests travel |
//! | [`protocol`] | bodies into typed values, situations into answers | axum, libraries, processes |
//! | [`package`] | bytes into one library or program, and what it is | requests, running code |
//! | [`action`] | loading and calling, in each dialect; starting programs | requests, packages' origins |
//! | [`logs`], [`environment`] | what an action prints and what it finds around it | requests |
//! | [`admin`], [`watch`] | health, metrics, uploads; the library's file: processes of their own | requests to the action |
//! | [`refusal`] | every sentence for people | everything else |
//!
//! A `/run`: `server::handlers::run` → `engine::run` → `protocol::run::decode` → `action.invoke` → `logs.end` →
//! `protocol::answer` → bytes.

pub mod action;
pub mod admin;
pub mod cli;
pub mod config;
pub mod engine;
#[allow(
    clippy::disallowed_methods,
    reason = "the one module that may change the environment: it knows when nobody else is reading"
)]
pub mod environment;
pub mod logs;
pub mod package;
pub mod process;
pub mod protocol;
pub mod refusal;
pub mod server;
pub mod watch;
