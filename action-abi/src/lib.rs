//! What an action is compiled against.
//!
//! An action is a function from JSON to JSON in a shared library. The runner loads the library and calls the
//! function in its own process. The two may be built by different compilers, years apart: what passes between
//! them is frozen as version 1 of the action ABI, and checked when the library is loaded.
//!
//! # A whole action
//!
//! `Cargo.toml`:
//!
//! ```toml
//! [package]
//! name = "reverse"
//! version = "1.0.0"
//! edition = "2021"
//!
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! action-abi = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! `src/lib.rs`:
//!
//! ```
//! use action_abi::{export, Context, Error};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! # #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
//! struct Params {
//!     payload: String,
//! }
//!
//! #[derive(Serialize)]
//! # #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
//! struct Reversed {
//!     reversed: String,
//! }
//!
//! fn reverse(params: Params, _context: &Context) -> Result<Reversed, Error> {
//!     Ok(Reversed { reversed: params.payload.chars().rev().collect() })
//! }
//!
//! export!(reverse);
//!
//! # fn main() {
//! #     let params = Params { payload: "stressed".to_owned() };
//! #     assert_eq!(reverse(params, &Context::default()).unwrap().reversed, "desserts");
//! # }
//! ```
//!
//! `cargo build --release` makes `target/release/libreverse.so`. That file is the action.
//!
//! # What a handler may be
//!
//! - `fn(P) -> Result<R, E>` or `fn(P, &Context) -> Result<R, E>`, or an `async fn` of either shape.
//! - `P` is any type that deserialises into something owned, `serde_json::Value` and `Box<RawValue>` too.
//!   Parameters that do not fit never reach the handler: the caller is told what is wrong, and where.
//! - `R` is any type that serialises into a JSON object or array; `()` is `{}`.
//! - `E` is any [`std::error::Error`], or anything else with a text ([`Failure`]); [`Error`] can be a JSON value.
//!
//! A panic is caught and answered with its message and source line; the library goes on to the next run.
//! (With `panic = "abort"` the process ends. The runner answers for it, and starts another.)
//!
//! A handler may be called from any thread and, if the runner allows it, from several at once. What is printed
//! goes to the log of the run, and is flushed before the run ends.
//!
//! [`export!`] takes several functions, and optionally some to call before the first run, one of which may make a
//! state that the others are handed. An async handler that still waits for something at its deadline is dropped there.
//! [`test::call`] calls a handler in a test.
//!
//! # Features
//!
//! - `schema`: the types of parameters and result also derive `schemars::JsonSchema`, and the library describes
//!   itself. Needs rustc 1.74.
//! - `tokio`: a tokio runtime belongs to the library, and has a thread of its own. Async handlers are polled on the
//!   calling thread, everything that they spawn on that one, where it goes on between runs; `init` and all else that
//!   `export!` takes may spawn too. Without the feature there is no such thread, which is enough for futures that bring
//!   their own reactor, or need none. Builds with tokio 1.38, the last for rustc 1.63, and with later ones.

// Here too, and not only in the manifest: the cargo of 1.63 does not know its table of lints.
#![deny(missing_docs, unsafe_code, unsafe_op_in_unsafe_fn)]

mod context;
mod error;
mod export;
pub mod ffi;
mod handler;
mod panics;
mod run;
mod state;
pub mod test;
mod wait;

pub use context::{Context, ContextBuilder};
pub use error::{Error, Failure};
pub use handler::{Handler, Output, Parameters};
pub use state::Init;

/// What `export!` expands to. Not for use by hand: may change without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::error::{AsText, With};
    pub use crate::export::{EntryPoint, Library};
    pub use crate::ffi::header;
    pub use crate::run::{show, Run, Visitor};
    pub use crate::state::{init, ready, set_up, state_of, NoState};
    pub use abi_stable::library::LibHeader;
}
