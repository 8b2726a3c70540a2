//! What a dead worker leaves open in the shared descriptor table is closed here.

use std::os::fd::RawFd;

use super::sys;

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
