//! The descriptor table that a worker and its keeper share: what is closed in it, and whose a number is.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use rustix::net::{getpeername, getsockname};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::page::CONNECTIONS;
use crate::refusal::{CannotServe, Scarce};

/// Descriptors that are not for connections, with what a library usually opens.
const OTHERS: u64 = 1024;
/// Numbers that only the keeper can use: it has to answer for a worker that has used up all others.
const KEEPERS: u64 = 16;

/// The fewest that a runner can do with: its own, those of a library, and some connections.
const FEWEST: u64 = 64;

/// Refuses to begin with fewer descriptors than it takes to serve.
pub(super) fn enough() -> Result<(), CannotServe> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    match limit {
        FEWEST.. => Ok(()),
        _ => Err(CannotServe::Scarce(Scarce(rustix::io::Errno::MFILE.into()))),
    }
}

/// Makes this process's table as large as it will be, while nobody shares it: a shared one waits 8 to 16 ms whenever it
/// grows, until every processor has seen that (the kernel's RCU), and everybody waits with it.
pub(super) fn grow_table(any: BorrowedFd<'_>) {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = limit.min(CONNECTIONS as u64 + OTHERS).saturating_sub(1);
    let last = RawFd::try_from(last).unwrap_or(RawFd::MAX);
    // Dropped at once: the table stays as large.
    let _ = rustix::io::fcntl_dupfd_cloexec(any, last);
}

/// Whatever the action takes, the keeper must be able to go on: the worker's limit is lower than its keeper's.
pub(super) fn leave_some_for_the_keeper() {
    let mut limit = getrlimit(Resource::Nofile);
    if let Some(current) = limit.current {
        let fewer = current.saturating_sub(KEEPERS);
        (limit.current, limit.maximum) = (Some(fewer), Some(fewer));
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// The port that a socket is bound to.
pub(super) fn port(socket: BorrowedFd<'_>) -> Option<u16> {
    let address = getsockname(socket).ok()?;
    Some(SocketAddr::try_from(address).ok()?.port())
}

/// Is this a caller's connection to the listening socket of this port?
pub(super) fn is_callers(connection: BorrowedFd<'_>, listening: u16) -> bool {
    // A listening socket has nobody at its other end.
    port(connection) == Some(listening) && getpeername(connection).is_ok()
}

/// The numbers of these descriptors.
pub(super) fn numbers<'a>(
    descriptors: impl IntoIterator<Item = BorrowedFd<'a>>,
) -> impl Iterator<Item = RawFd> {
    let descriptors = descriptors.into_iter();
    descriptors.map(|descriptor| descriptor.as_fd().as_raw_fd())
}
