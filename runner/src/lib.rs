//! The parts of `action-runner`, in the order in which a request meets them.
//!
//! | room | what it does | what it knows of the others | what it must not know |
//! |---|---|---|---|
//! | [`cli`], [`config`] | what the user said, checked | all, to start them | |
//! | [`process`] | master, keeper, worker: every caller gets an answer | `logs`, `package` (files in memory) | tokio, HTTP, requests, actions |
//! | [`server`] | connections, routes, whole bodies | `engine`, `protocol`, `process` | libraries, what an action is |
//! | [`engine`] | one activation from start to end | `action`, `package`, `protocol`, `process` | how requests travel |
//! | [`protocol`] | bodies into typed values, situations into answers | nothing | axum, libraries, processes |
//! | [`package`] | bytes into one library or program, and what it is | nothing | requests, running code |
//! | [`action`] | loading and calling, in each dialect; starting programs | `package`, `environment`, `protocol` (JSON) | requests, processes |
//! | [`logs`] | what an action prints | `process` (the page) | requests |
//! | [`environment`] | the variables that an action finds | `protocol` (what a run says) | all else |
//! | [`admin`], [`watch`] | health, metrics, uploads; the library's file: processes of their own | `process`, `package`, `action` | requests to the action |
//! | [`refusal`] | every sentence for people | nothing | everything else |
//!
//! A `/run`: `server::handlers::run` → `protocol::run::decode` → `engine::run` → `action.invoke` → `logs.end` →
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
