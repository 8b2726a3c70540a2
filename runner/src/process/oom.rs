//! When memory runs out: who goes, and who stays.
//!
//! The kernel kills the likeliest victim of the control group, and so the worker is made the likeliest. But first it
//! takes back all that it can read again from files, the code of the runner too; and a worker that is just dying is no
//! candidate any more, though its memory is still taken. A keeper that woke in these milliseconds, and found its own code
//! gone, would be killed for wanting it back. So what masters and keepers use stays in memory.

use std::fs;
use std::time::{Duration, Instant};

use rustix::mm::{MlockAllFlags, mlockall};

use super::sys;

/// By how much a worker is likelier to be killed than its keeper, in thousandths of all the memory there is. The
/// children of its action inherit it.
pub(super) const WORKER: i32 = 100;
/// The same for a process beside the workers, which nobody's request depends on.
pub(super) const SIDE_PROCESS: i32 = 50;

/// When a start is over.
const START: Duration = Duration::from_millis(50);

/// Makes a process `likelier` to be killed. Everybody may do that to a process of one's own.
pub(super) fn offer(process: u32, likelier: i32) {
    let path = format!("/proc/{process}/oom_score_adj");
    let now = fs::read_to_string(&path).unwrap_or_default();
    if let Ok(now) = now.trim().parse::<i32>() {
        let _ = fs::write(path, (now + likelier).min(1000).to_string());
    }
}

/// Keeps this process in memory, as soon as its start is over: locking takes a fifth of a millisecond.
pub(super) struct MemoryLock {
    /// When the next look is due; `None`: all is done.
    due: Option<Instant>,
    locked: bool,
}

impl MemoryLock {
    /// It has just been started.
    pub(super) fn new() -> Self {
        Self {
            due: Some(Instant::now() + START),
            locked: false,
        }
    }

    /// How long until the next look is due, if there is to be one.
    pub(super) fn next_look(&self) -> Option<Duration> {
        let due = self.due?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Locks, once, when it is time. Then another look is due at once: on the way to it the process uses, and so keeps,
    /// all that it needs while it only waits.
    pub(super) fn look(&mut self) {
        if self.next_look().is_none_or(|left| !left.is_zero()) {
            return;
        }
        if self.locked {
            self.due = None;
        } else {
            sys::drop_code();
            // Refused where the limit of locked memory is smaller than all that is mapped (docs/reliability.md).
            let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
            self.locked = true;
        }
    }
}
