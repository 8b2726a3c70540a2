//! Which processes belong to a runner.
//!
//! Each runner is started with a mark in its environment that every descendant inherits, whatever becomes of its parents:
//! so that a test can tell that nothing of the tree is left. It leaves the starting and stopping to `runner`.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::LIMIT;

/// The variable that carries the mark.
pub const MARK: &str = "BLACK_BOX_MARK";

/// A process of a runner's tree, as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub state: char,
    pub name: String,
}

/// All living processes that carry the mark, parents before children where pids tell.
pub fn marked(mark: &str) -> Vec<Process> {
    let needle = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut found: Vec<_> = pids
        .filter(|&pid| has_variable(pid, &needle))
        .filter_map(process)
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

fn has_variable(pid: i32, needle: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|&byte| byte == 0)
        .any(|variable| variable == needle.as_bytes())
}

/// One process, by its pid.
pub fn process(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (front, back) = stat.rsplit_once(") ")?;
    let mut fields = back.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let name = front.split_once('(')?.1.to_owned();
    Some(Process {
        pid,
        parent,
        state,
        name,
    })
}

/// The children of a process, zombies among them.
pub fn children(pid: i32) -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(process)
        .filter(|process| process.parent == pid)
        .collect()
}

/// The processes that run the action, and their keepers: children of the master, by their names.
pub fn workers(master: i32) -> Vec<i32> {
    named(master, "worker")
}

pub fn keepers(master: i32) -> Vec<i32> {
    named(master, "keeper")
}

fn named(master: i32, name: &str) -> Vec<i32> {
    let children = children(master).into_iter();
    let named = children.filter(|child| child.name == name && child.state != 'Z');
    named.map(|child| child.pid).collect()
}

/// Waits until `right` holds of the marked processes; gives them as they were last seen, and whether it held.
/// The kernel has no event for "no process with this mark": this is the one place that looks again and again.
pub fn until(mark: &str, right: impl Fn(&[Process]) -> bool) -> Result<Vec<Process>, Vec<Process>> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let now = marked(mark);
        if right(&now) {
            return Ok(now);
        }
        if Instant::now() > deadline {
            return Err(now);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a process has locked its code into memory.
#[track_caller]
pub fn until_locked(pid: i32) {
    let end = Instant::now() + LIMIT;
    loop {
        let maps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
        // The first that may be executed is the program itself.
        let code = maps.split_once(" r-xp ").map_or("", |(_, code)| code);
        let flags = code.lines().find(|line| line.starts_with("VmFlags:"));
        if flags.is_some_and(|flags| flags.split(' ').any(|flag| flag == "lo")) {
            return;
        }
        assert!(Instant::now() < end, "the code of {pid} is not locked");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal; a process that is gone already is fine.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}
