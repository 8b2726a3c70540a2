//! A library that kills its workers before they have served anybody is not tried again at once.

use std::time::{Duration, Instant};

/// The first pause between two tries, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How many workers may end before they have served anybody, if not while they load the library. A worker that lasted so
/// long does not count.
const IDLE_DEATHS: u32 = 3;
const LONG_LIFE: Duration = Duration::from_secs(10);

/// How a worker died that had a library to load.
pub(super) struct Failure {
    pub(super) born: Instant,
    /// Did it die while it loaded the library?
    pub(super) while_loading: bool,
    /// Had it begun a run?
    pub(super) served: bool,
    /// Was the library delivered by an `/init`? Another is not judged by its deaths.
    pub(super) is_delivered: bool,
    pub(super) sentence: String,
}

#[derive(Default)]
pub(super) struct Breaker {
    /// Workers in a row that ended without having served anybody.
    failures: u32,
    last: Option<Instant>,
    open: Option<Open>,
}

struct Open {
    is_delivered: bool,
    sentence: String,
    retry: Instant,
}

impl Breaker {
    /// A worker has died. True: its library is not tried again for a while.
    pub(super) fn note(&mut self, failure: Failure) -> bool {
        if !failure.while_loading && (failure.served || failure.born.elapsed() > LONG_LIFE) {
            self.failures = 0;
            return false;
        }
        // Workers that were started side by side fail once.
        if self.last.is_none_or(|last| failure.born >= last) {
            self.failures += 1;
        }
        self.last = Some(Instant::now());
        if !failure.while_loading && self.failures < IDLE_DEATHS {
            return false;
        }
        let doublings = (self.failures - 1).min(8);
        self.open = Some(Open {
            is_delivered: failure.is_delivered,
            sentence: failure.sentence,
            retry: Instant::now() + (PAUSES.0 * (1 << doublings)).min(PAUSES.1),
        });
        true
    }

    /// Why a library is not tried now.
    pub(super) fn sentence(&self, is_delivered: bool) -> Option<&str> {
        let open = self.open.as_ref()?;
        let holds = open.is_delivered == is_delivered && Instant::now() < open.retry;
        holds.then_some(open.sentence.as_str())
    }

    /// How long until it is tried again.
    pub(super) fn next_try(&self) -> Option<Duration> {
        let left = self
            .open
            .as_ref()?
            .retry
            .saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A library serves.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Another library takes its place.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
