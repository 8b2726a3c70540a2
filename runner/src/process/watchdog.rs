//! Which run has had its time. Counts time in ticks, so that time spent frozen (a paused container) is not counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::slots::{Pair, State};

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

    /// How long until the next look is due.
    pub(super) fn next_look(&self) -> Duration {
        self.left.min(TICK)
    }
}

/// What has passed since `last`. A tick that took much longer than it should was a pause of the whole container.
fn passed(last: &mut Instant) -> Duration {
    let now = Instant::now();
    let passed = (now - *last).min(TICK * 2);
    *last = now;
    passed
}

/// The runs of one worker that have a limit, and what is left of it.
pub(super) struct Watchdog {
    last: Instant,
    left: HashMap<usize, Watch>,
}

struct Watch {
    run: u32,
    left: Duration,
}

impl Watchdog {
    /// Watches from now on.
    pub(super) fn new() -> Self {
        Self {
            last: Instant::now(),
            left: HashMap::new(),
        }
    }

    /// Looks at the runs of `seat`: the slots of those that have had their limit and `grace`.
    pub(super) fn look(&mut self, pair: &Pair, seat: usize, grace: Duration) -> Vec<usize> {
        let passed = passed(&mut self.last);
        let mut overdue = Vec::new();
        for (index, slot) in pair.in_use().enumerate() {
            let (state, owner) = slot.read();
            let (run, limit_ms) = slot.run();
            let runs = matches!(state, State::Running | State::Initialising);
            if owner != Some(seat) || !runs || limit_ms == 0 {
                self.left.remove(&index);
                continue;
            }
            let limit = Duration::from_millis(limit_ms.into()) + grace;
            let watch = self.left.entry(index).or_insert(Watch { run, left: limit });
            if watch.run == run {
                watch.left = watch.left.saturating_sub(passed);
            } else {
                *watch = Watch { run, left: limit };
            }
            if watch.left.is_zero() {
                overdue.push(index);
            }
        }
        overdue
    }

    /// Is any run with a limit under way?
    pub(super) fn is_watching(&self) -> bool {
        !self.left.is_empty()
    }

    /// How long until the next look is due.
    pub(super) fn next_look(&self) -> Duration {
        self.left
            .values()
            .map(|watch| watch.left)
            .min()
            .unwrap_or(TICK)
            .min(TICK)
    }
}
