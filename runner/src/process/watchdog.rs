//! Ends runs that take too long. Time is counted in ticks, so that time spent frozen (a paused container) is not
//! counted, and a limit is never granted short.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::page::Page;

/// How often runs with a limit are looked at.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// A time that passes only while this process is not frozen: it must be looked at every tick.
pub(super) struct Countdown {
    last: Instant,
    left: Duration,
}

impl Countdown {
    /// Begins now.
    pub(super) fn new(time: Duration) -> Self {
        Self {
            last: Instant::now(),
            left: time,
        }
    }

    /// Is it over?
    pub(super) fn is_over(&mut self) -> bool {
        let passed = passed(&mut self.last);
        self.left = self.left.saturating_sub(passed);
        self.left.is_zero()
    }

    /// How long until the next look is due. What is over, and has been dealt with, may take its time to end.
    pub(super) fn next_look(&self) -> Duration {
        match self.left {
            Duration::ZERO => TICK,
            left => left.min(TICK),
        }
    }
}

/// What has passed since `last`. A tick that took much longer than it should was a pause of the whole container.
fn passed(last: &mut Instant) -> Duration {
    let now = Instant::now();
    let passed = (now - *last).min(TICK * 2);
    *last = now;
    passed
}

/// The runs of one worker that have a limit, by their connections, and what is left of it.
#[derive(Default)]
pub(super) struct Watchdog {
    runs: HashMap<RawFd, (u32, Countdown)>,
}

impl Watchdog {
    /// Looks at the runs that are under way: those that have had their limit and `grace`. A run that is seen for the
    /// first time has all of its time before it.
    pub(super) fn look(&mut self, page: &Page, grace: Duration) -> Vec<RawFd> {
        let mut overdue = Vec::new();
        for (number, slot) in page.in_use() {
            let Some((run, limit_ms)) = slot.limited_run() else {
                self.runs.remove(&number);
                continue;
            };
            let limit = Duration::from_millis(limit_ms.into()).saturating_add(grace);
            let fresh = || (run, Countdown::new(limit));
            let known = self.runs.entry(number).or_insert_with(fresh);
            if known.0 != run {
                *known = fresh();
            }
            if known.1.is_over() {
                overdue.push(number);
            }
        }
        overdue
    }

    /// How long until the next look is due, if any run with a limit is under way.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.runs.values().map(|(_, left)| left.next_look()).min()
    }
}
