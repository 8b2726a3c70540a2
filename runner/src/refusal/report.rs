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
    #[error("{0}")]
    Scarce(Scarce),
    #[error("cannot start: {0}.")]
    System(#[from] io::Error),
}

/// Writes one line to stderr, in one piece. An error has nobody to be told to.
pub fn report(sentence: &(impl fmt::Display + ?Sized)) {
    let line = format!("action-runner: {sentence}\n");
    let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
}

/// Why a worker could not be started, with what is scarce.
#[derive(Debug)]
pub struct Scarce(pub io::Error);

impl fmt::Display for Scarce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.0;
        let (what, needed) = match rustix::io::Errno::from_io_error(error) {
            Some(rustix::io::Errno::AGAIN) => (
                "there are no more processes",
                "4 are needed, and 2 more for each worker: raise the limit of processes (ulimit -u, or --pids-limit of a container)",
            ),
            Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => (
                "there are no more descriptors",
                "64 are needed, and one for each connection: raise the limit of open files (ulimit -n)",
            ),
            Some(rustix::io::Errno::NOMEM) => (
                "there is no more memory",
                "6 MB are needed without the action: raise the limit of memory",
            ),
            _ => return write!(f, "A worker cannot be started: {error}."),
        };
        write!(f, "A worker cannot be started: {what} ({error}). {needed}.")
    }
}
