//! A worker's first steps, before the function it was given takes over.

use std::thread;

use super::sys;
use super::{Work, Worker};

/// What a program's first thread may use of stack; an action should not find less.
const STACK: usize = 8 << 20;
/// The status of a worker that could not begin.
const CANNOT_BEGIN: i32 = 71;

/// Descriptor numbers that only the keeper can use: it has to answer for a worker that has used up all others.
const KEEPERS_DESCRIPTORS: u64 = 16;

/// Lives as a worker, in the process that was just cloned. Never returns.
pub(super) fn live(worker: Worker, work: Work) -> ! {
    // A worker whose keeper is gone would hold the port with nobody to answer for it.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    sys::default_signals();
    leave_descriptors_for_the_keeper();
    if let Some(logs) = worker.logs
        && logs.attach().is_err()
    {
        sys::exit_now(CANNOT_BEGIN);
    }
    // This thread carries the keeper's thread id in glibc's books (see `clone_with_shared_descriptors`): all work is
    // done on one that does not.
    let thread = thread::Builder::new()
        .name("worker".to_owned())
        .stack_size(STACK)
        .spawn(move || work(worker));
    let status = thread
        .ok()
        .and_then(|thread| thread.join().ok())
        .unwrap_or(CANNOT_BEGIN);
    sys::exit_now(status)
}

/// Whatever the action takes, the keeper must be able to go on.
fn leave_descriptors_for_the_keeper() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if let Some(current) = limit.current {
        let fewer = current.saturating_sub(KEEPERS_DESCRIPTORS);
        (limit.current, limit.maximum) = (Some(fewer), Some(fewer));
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
