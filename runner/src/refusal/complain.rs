//! The runner's own words on stderr. In normal operation there are none: the stream belongs to the action.

use std::fmt;
use std::io;

use thiserror::Error;

/// Why `serve` cannot begin.
#[derive(Debug, Error)]
pub enum CannotServe {
    #[error("cannot listen on {address}: {source}. Choose another address with {flag}.")]
    Address {
        address: String,
        flag: &'static str,
        source: io::Error,
    },
    #[error("cannot start: {0}.")]
    System(#[from] io::Error),
}

/// Writes one line to stderr, in one piece. An error has nobody to be told to.
pub fn complain(sentence: &(impl fmt::Display + ?Sized)) {
    let line = format!("action-runner: {sentence}\n");
    let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
}
