//! Which run has had its time. Counts time in ticks, so that time spent frozen (a paused container) is not counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::slots::{Pair, State};

/// How often runs with a limit are looked at.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// The runs of one worker that have a limit, and what is left of it.
pub(super) struct Watchdog {
    last: Instant,
    left: HashMap<usize, Watch>,
}

struct Watch {
    run: u32,
    limit_ms: u32,
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

    /// Looks at the runs of `seat`. The answer is the limit, in milliseconds, of a run that has had it and `grace`.
    pub(super) fn look(&mut self, pair: &Pair, seat: usize, grace: Duration) -> Option<u32> {
        let now = Instant::now();
        // A tick that took much longer than it should was no tick of the action's either.
        let passed = (now - self.last).min(TICK * 2);
        self.last = now;
        let mut overdue = None;
        for (index, slot) in pair.in_use().enumerate() {
            let (state, owner) = slot.read();
            let (run, limit_ms) = slot.run();
            let runs = matches!(state, State::Running | State::Initialising);
            if owner != Some(seat) || !runs || limit_ms == 0 {
                self.left.remove(&index);
                continue;
            }
            let limit = Duration::from_millis(limit_ms.into()) + grace;
            let watch = self.left.entry(index).or_insert(Watch {
                run,
                limit_ms,
                left: limit,
            });
            if watch.run == run {
                watch.left = watch.left.saturating_sub(passed);
            } else {
                *watch = Watch {
                    run,
                    limit_ms,
                    left: limit,
                };
            }
            if watch.left.is_zero() {
                overdue = Some(watch.limit_ms);
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
