//! What actions have started: found by their parents, and ended.
//!
//! Whatever a process of an action's calls (`setsid`, a second fork), it stays below its worker: a worker is the one to
//! which the kernel gives its orphans, and when the worker dies they are the master's.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long until it is looked again at those that were told to end.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The children of this process; `None`: the kernel has no list of them.
pub(super) fn children() -> Option<Vec<u32>> {
    let list = fs::read_to_string("/proc/thread-self/children").ok()?;
    let numbers = list.split_ascii_whitespace();
    Some(numbers.filter_map(|number| number.parse().ok()).collect())
}

/// Every process, with its parent. Those that have ended and were not waited for are left out.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(|number: u32| {
            let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
            let mut fields = stat.rsplit_once(") ")?.1.split(' ');
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            (!matches!(state, "Z" | "X")).then_some((number, parent))
        })
        .collect()
}

/// All that descend from a process.
fn of(ancestor: u32) -> Vec<u32> {
    let mut by_parent: HashMap<u32, Vec<u32>> = HashMap::new();
    for (number, parent) in parents() {
        by_parent.entry(parent).or_default().push(number);
    }
    let mut found = by_parent.remove(&ancestor).unwrap_or_default();
    let mut next = 0;
    while let Some(number) = found.get(next) {
        found.extend(by_parent.remove(number).unwrap_or_default());
        next += 1;
    }
    found
}

/// Ends all that descend from a process, until none is left or it is too late: some may just be starting others.
pub(super) fn end(ancestor: Pid, until: Instant) {
    let ancestor = number(ancestor);
    loop {
        // The list is short; to look at every process takes milliseconds.
        let found = match children() {
            Some(children) if ancestor == std::process::id() && children.is_empty() => return,
            _ => of(ancestor),
        };
        found.iter().copied().for_each(kill);
        if found.is_empty() || Instant::now() > until {
            return;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A process's number, as it stands in /proc.
pub(super) fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

/// The process of this number.
pub(super) fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

/// Sends SIGKILL.
pub(super) fn kill(process: u32) {
    if let Some(pid) = pid(process) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Children that have ended and that nobody waits for: those of the action's, and orphans of theirs.
#[derive(Default)]
pub struct Zombies {
    seen: HashSet<u32>,
}

impl Zombies {
    /// Waits for those that were there at the last look: until then the action had its chance.
    pub fn look(&mut self) {
        use rustix::process::{WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if !matches!(waitid(WaitId::All, options), Ok(Some(_))) {
            return self.seen.clear();
        }
        let ended: HashSet<u32> = children().unwrap_or_default().into_iter().collect();
        let ended: HashSet<u32> = ended.into_iter().filter(|pid| has_ended(*pid)).collect();
        for zombie in ended.intersection(&self.seen) {
            let _ = pid(*zombie).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        }
        self.seen = ended;
    }
}

fn has_ended(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'))
}
