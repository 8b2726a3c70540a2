//! How a worker died: its wait status, and whether the kernel's out-of-memory killer was at work.

use std::fs;

use rustix::process::WaitStatus;

use crate::refusal::Death;

/// The out-of-memory kills that this process's control group has counted, and its limit.
pub(super) struct MemoryGroup {
    events: String,
    limit: String,
    kills: u64,
}

impl MemoryGroup {
    /// Finds the group. `None` where there is none, or no memory controller.
    pub(super) fn find() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let candidates = groups.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let path = path.trim_end_matches('/');
            match controllers {
                "" => Some((
                    format!("/sys/fs/cgroup{path}"),
                    "memory.events",
                    "memory.max",
                )),
                "memory" => Some((
                    format!("/sys/fs/cgroup/memory{path}"),
                    "memory.oom_control",
                    "memory.limit_in_bytes",
                )),
                _ => None,
            }
        });
        // In a container without a cgroup namespace the path is the host's, and the group is at the mount's root.
        candidates
            .flat_map(|(folder, events, limit)| {
                let root = if events == "memory.events" {
                    "/sys/fs/cgroup"
                } else {
                    "/sys/fs/cgroup/memory"
                };
                [(folder, events, limit), (root.to_owned(), events, limit)]
            })
            .find_map(|(folder, events, limit)| {
                let mut group = Self {
                    events: format!("{folder}/{events}"),
                    limit: format!("{folder}/{limit}"),
                    kills: 0,
                };
                group.kills = group.count()?;
                Some(group)
            })
    }

    fn count(&self) -> Option<u64> {
        let text = fs::read_to_string(&self.events).ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    }

    /// Has the out-of-memory killer struck since the last time this was asked?
    pub(super) fn has_killed(&mut self) -> bool {
        let now = self.count().unwrap_or(self.kills);
        let before = std::mem::replace(&mut self.kills, now);
        now > before
    }

    pub(super) fn limit_mb(&self) -> u64 {
        self.limit().unwrap_or(0) >> 20
    }

    /// `None`: there is none.
    fn limit(&self) -> Option<u64> {
        fs::read_to_string(&self.limit).ok()?.trim().parse().ok()
    }
}

/// How much memory this process's control group may use, in bytes, if it has a limit.
pub fn memory_limit() -> Option<u64> {
    MemoryGroup::find()?.limit()
}

/// How a process ended that was not killed for memory.
pub(super) fn name(status: WaitStatus) -> Death {
    match status.terminating_signal() {
        Some(signal) => Death::Signal(signal),
        None => Death::Exited(status.exit_status().unwrap_or(0)),
    }
}
