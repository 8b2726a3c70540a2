//! With `--concurrency`, runs are on threads of their own, and an action may end its thread by the bare system call: then
//! nobody would ever answer that run. Such threads are missed here.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::thread::{Pid, gettid};

/// The threads that runs are on.
#[derive(Default)]
pub(super) struct Threads(Mutex<HashSet<Pid>>);

/// This thread is at a run, until the value is dropped.
pub(super) struct AtRun<'a>(&'a Threads, Pid);

impl Threads {
    fn all(&self) -> MutexGuard<'_, HashSet<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This thread begins a run.
    pub(super) fn enter(&self) -> AtRun<'_> {
        let id = gettid();
        self.all().insert(id);
        AtRun(self, id)
    }

    /// Ends this process if one of them is no more.
    pub(super) fn look(&self) {
        let is_gone = |id: &Pid| {
            let folder = format!("/proc/self/task/{}", id.as_raw_nonzero());
            !Path::new(&folder).exists() && Path::new("/proc/self/task").exists()
        };
        // While they are looked at none of them can leave: each would have to take itself off the list first.
        if self.all().iter().any(is_gone) {
            std::process::abort();
        }
    }
}

impl Drop for AtRun<'_> {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}
