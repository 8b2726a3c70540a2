//! What a dead worker leaves open in the shared descriptor table: its callers' connections are found, the rest closed.

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::net::{getpeername, getsockname};

use super::sys;

/// What some descriptors were when they were made. In a table that is shared with an action they may be closed, or lead
/// elsewhere by now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identities(Vec<Option<(u64, u64)>>);

impl Identities {
    pub(super) fn of<'a>(descriptors: impl Iterator<Item = BorrowedFd<'a>>) -> Self {
        let identity = |descriptor| {
            let status = rustix::fs::fstat(descriptor).ok()?;
            Some((status.st_dev, status.st_ino))
        };
        Self(descriptors.map(identity).collect())
    }
}

/// Closes every descriptor above the standard three that is not in `kept`.
///
/// Only while no worker lives: a living one's descriptors are nobody else's to judge.
pub(super) fn close_all_but(mut kept: Vec<RawFd>) {
    kept.retain(|descriptor| *descriptor > 2);
    kept.sort_unstable();
    kept.dedup();
    let mut next = 3;
    for descriptor in kept {
        if descriptor > next {
            sys::close_range(next, descriptor - 1);
        }
        next = descriptor + 1;
    }
    sys::close_range(next, RawFd::MAX);
}

/// Connections of callers that are not in `known`: the worker died between accepting them and noting them down.
///
/// Only while no worker lives, as above.
pub(super) fn forgotten(listener: BorrowedFd<'_>, known: &[RawFd]) -> Vec<RawFd> {
    let port = |address: SocketAddr| address.port();
    let Ok(here) = getsockname(listener).map(SocketAddr::try_from) else {
        return Vec::new();
    };
    let is_callers = |descriptor: &RawFd| {
        let descriptor = sys::lend(*descriptor);
        let local = getsockname(descriptor).ok();
        let local = local.and_then(|address| SocketAddr::try_from(address).ok());
        // A listening socket has nobody at its other end.
        local.map(port) == here.as_ref().ok().copied().map(port) && getpeername(descriptor).is_ok()
    };
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let open = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    open.filter(|descriptor| *descriptor > 2 && !known.contains(descriptor))
        .filter(is_callers)
        .collect()
}
