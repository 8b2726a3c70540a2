//! What all processes of the tree share: how each worker fares, what has been counted, what all go by. Atomics only;
//! each word has one writer at a time. Nothing of a request ever stands here.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::*};
use std::time::Duration;

use crate::refusal::Death;

/// Pairs that there can be at once, the dead ones among them whose keepers still have something to do.
pub const PLACES: usize = 640;

/// A text in shared memory, ended by a zero byte.
#[repr(C)]
pub struct Text<const N: usize> {
    bytes: [AtomicU8; N],
}

impl<const N: usize> Text<N> {
    /// Writes it. A longer one is cut at a character's border.
    pub fn write(&self, text: &str) {
        let mut end = text.len().min(N - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // A reader that comes in the middle finds the empty text: the first byte is written last.
        self.bytes[0].store(0, Release);
        let text = text.as_bytes()[..end].iter().copied().chain([0]);
        let mut places = self.bytes.iter().zip(text);
        let first = places.next();
        places.for_each(|(to, byte)| to.store(byte, Relaxed));
        if let Some((to, byte)) = first {
            to.store(byte, Release);
        }
    }

    /// What was written last.
    pub fn read(&self) -> String {
        let bytes = self.bytes.iter().map(|byte| byte.load(Acquire));
        let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How far a worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// There is none.
    Nobody = 0,
    /// It has just been started.
    Starting = 1,
    /// A library is being loaded.
    Loading = 2,
    /// The action's own initialisation is under way.
    Initialising = 3,
    /// It accepts connections.
    Ready = 4,
    /// It accepts connections, but the library was refused; the sentence says why.
    Refused = 5,
    /// It accepts connections, and asks for a successor: it has had its runs, or has grown too large.
    Worn = 6,
    /// It accepts nothing new, and leaves when its callers have their answers.
    Leaving = 7,
    /// It has left: nobody is owed an answer by it.
    Left = 8,
    /// As leaving; an `/init` that came to it is the next one's, which must not have loaded anything before.
    Yielding = 9,
}

impl Phase {
    /// Does a worker in this phase accept connections?
    pub fn accepts(self) -> bool {
        matches!(self, Self::Ready | Self::Refused | Self::Worn)
    }

    /// Is a library being loaded?
    pub fn is_loading(self) -> bool {
        matches!(self, Self::Starting | Self::Loading | Self::Initialising)
    }
}

/// The order to stop accepting connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stop {
    /// There is no such order.
    No = 0,
    /// Another worker serves: what is idle is handed over.
    Successor = 1,
    /// The program ends: new runs are refused.
    End = 2,
}

/// How one worker fares, for the processes beside it.
#[repr(C)]
struct Status {
    phase: AtomicU32,
    /// The process of the last worker that was here; 0: there has been none.
    worker: AtomicU32,
    /// Its keeper; 0: there is none. Written by the kernel as it is cloned, taken back by the master when it has died.
    keeper: AtomicU32,
    stop: AtomicU32,
}

/// What a worker has to say.
#[repr(C)]
struct Words {
    sentence: Text<2048>,
    not_ready: Text<512>,
}

/// The place of one pair in the shared memory: how it fares, what it says, what it counts.
#[derive(Clone, Copy)]
pub struct Place {
    pub number: usize,
    status: &'static Status,
    words: &'static Words,
    pub counts: &'static Counts,
}

impl Place {
    /// How far the worker has come.
    pub fn phase(&self) -> Phase {
        match self.status.phase.load(Acquire) {
            1 => Phase::Starting,
            2 => Phase::Loading,
            3 => Phase::Initialising,
            4 => Phase::Ready,
            5 => Phase::Refused,
            6 => Phase::Worn,
            7 => Phase::Leaving,
            8 => Phase::Left,
            9 => Phase::Yielding,
            _ => Phase::Nobody,
        }
    }

    /// Called by the worker, and by the master when there is none.
    pub fn set_phase(&self, phase: Phase) {
        self.status.phase.store(phase as u32, Release);
    }

    /// Has the worker been told to stop accepting?
    pub fn stop(&self) -> Stop {
        match self.status.stop.load(Acquire) {
            0 => Stop::No,
            1 => Stop::Successor,
            _ => Stop::End,
        }
    }

    /// Called by the master, before it wakes the worker.
    pub(super) fn order(&self, stop: Stop) {
        self.status.stop.store(stop as u32, Release);
    }

    /// Does the worker accept connections?
    pub fn accepts(&self) -> bool {
        self.phase().accepts() && self.stop() == Stop::No
    }

    /// The worker's process.
    pub fn worker(&self) -> u32 {
        self.status.worker.load(Acquire)
    }

    pub(super) fn set_worker(&self, process: u32) {
        self.status.worker.store(process, Release);
    }

    /// Where the kernel writes the keeper's process.
    pub(super) fn keeper(&self) -> &'static AtomicU32 {
        &self.status.keeper
    }

    /// Is there a keeper?
    pub fn is_kept(&self) -> bool {
        self.status.keeper.load(Acquire) != 0
    }

    /// Leaves a sentence: why a library was refused, or which one serves.
    pub fn say(&self, sentence: &str) {
        self.words.sentence.write(sentence);
    }

    /// The sentence that the worker left, if any.
    pub fn sentence(&self) -> String {
        self.words.sentence.read()
    }

    /// Notes what the action says of its readiness; an error is its own text.
    pub fn note_readiness(&self, answer: &Result<(), String>) {
        let reason = answer.as_ref().err().map_or("", String::as_str);
        let is_silent = answer.is_err() && reason.is_empty();
        let reason = if is_silent {
            "It gave no reason."
        } else {
            reason
        };
        self.words.not_ready.write(reason);
    }

    /// Why the action is not ready for traffic, if it has said so.
    pub fn not_ready_reason(&self) -> Option<String> {
        Some(self.words.not_ready.read()).filter(|reason| !reason.is_empty())
    }

    /// Called by the master, before it starts a worker here.
    pub(super) fn clear(&self) {
        self.set_phase(Phase::Starting);
        self.order(Stop::No);
        self.say("");
        self.words.not_ready.write("");
        self.status.keeper.store(0, Release);
    }

    /// Nobody is here any more: called by the master.
    pub(super) fn leave(&self) {
        self.set_phase(Phase::Nobody);
        self.counts.note_connections(0);
        self.counts.counters[FINISHED].store(self.counts.begun(), Relaxed);
    }
}

/// How a run ended, as far as its worker can tell. A death is the keeper's to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum RunOutcome {
    /// A result.
    Result = 0,
    /// The action answered with an error.
    Error = 1,
    /// It panicked, or what it returned is no result.
    Fault = 2,
    /// It never reached the action.
    Refused = 3,
}

/// The names of the outcomes, in order.
pub const OUTCOMES: [&str; 4] = ["result", "error", "fault", "refused"];
/// The upper bounds of the buckets of durations, in seconds; one more bucket takes the rest.
pub const BOUNDS: [f64; 10] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0,
];

const BEGUN: usize = OUTCOMES.len();
const FINISHED: usize = BEGUN + 1;
const CONNECTIONS: usize = FINISHED + 1;
const MICROSECONDS: usize = CONNECTIONS + 1;
const BUCKETS: usize = MICROSECONDS + 1;
const DEATHS: usize = BUCKETS + BOUNDS.len() + 1;
const OUT_OF_MEMORY: usize = DEATHS + 65;
const TIME_LIMIT: usize = OUT_OF_MEMORY + 1;

/// What the pairs of one place have counted, one after the other: a table. On cache lines that nobody else writes.
#[repr(C, align(128))]
pub struct Counts {
    counters: [AtomicU64; TIME_LIMIT + 1],
}

impl Counts {
    fn add(&self, index: usize, number: u64) {
        // One thread writes, but with `--concurrency`.
        self.counters[index].fetch_add(number, Relaxed);
    }

    fn get(&self, index: usize) -> u64 {
        self.counters[index].load(Relaxed)
    }

    /// A run begins.
    pub fn begin(&self) {
        self.add(BEGUN, 1);
    }

    /// Runs that have begun.
    pub fn begun(&self) -> u64 {
        self.get(BEGUN)
    }

    /// A request never became a run.
    pub fn count(&self, outcome: RunOutcome) {
        self.add(outcome as usize, 1);
    }

    /// A run has ended.
    pub fn finish(&self, outcome: RunOutcome) {
        self.count(outcome);
        self.add(FINISHED, 1);
    }

    /// Runs that are under way.
    pub fn in_flight(&self) -> u64 {
        self.begun().saturating_sub(self.get(FINISHED))
    }

    /// How many ended so.
    pub fn ended(&self, outcome: usize) -> u64 {
        self.get(outcome)
    }

    /// The time that a run took.
    pub fn time(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
        self.add(BUCKETS + bucket.unwrap_or(BOUNDS.len()), 1);
        self.add(
            MICROSECONDS,
            u64::try_from(duration.as_micros()).unwrap_or(0),
        );
    }

    /// The runs whose time fell into a bucket.
    pub fn bucket(&self, index: usize) -> u64 {
        self.get(BUCKETS + index)
    }

    pub fn microseconds(&self) -> u64 {
        self.get(MICROSECONDS)
    }

    /// How many connections the worker holds now.
    pub fn note_connections(&self, number: usize) {
        self.counters[CONNECTIONS].store(number as u64, Relaxed);
    }

    pub fn connections(&self) -> u64 {
        self.get(CONNECTIONS)
    }

    /// A worker has died, counted by the master.
    pub(super) fn count_death(&self, death: Death) {
        match death {
            Death::Signal(number) => {
                self.add(DEATHS + usize::try_from(number).unwrap_or(0).min(64), 1);
            }
            Death::Exited(_) => self.add(DEATHS, 1),
            Death::OutOfMemory { .. } => self.add(OUT_OF_MEMORY, 1),
            Death::TimeLimit { .. } => self.add(TIME_LIMIT, 1),
            Death::Stopped => {}
        }
    }

    /// Workers that were ended by this signal; 0: that exited.
    pub fn deaths_by_signal(&self, number: usize) -> u64 {
        self.get(DEATHS + number.min(64))
    }

    pub fn deaths_out_of_memory(&self) -> u64 {
        self.get(OUT_OF_MEMORY)
    }

    pub fn deaths_by_time_limit(&self) -> u64 {
        self.get(TIME_LIMIT)
    }
}

/// What all processes of the tree share.
#[repr(C)]
pub struct Shared {
    /// 1: the program has been told to end.
    pub ending: AtomicU32,
    /// How often an `/init` has succeeded: 0 or 1. Then every worker loads what it delivered.
    pub delivered: AtomicU32,
    /// The process that works on an `/init` right now; 0 = none.
    pub initialiser: AtomicU32,
    /// Libraries that have served, counted by the master: the first is 1.
    pub generation: AtomicU32,
    /// 1 once all workers have served.
    pub announced: AtomicU32,
    /// For the container's stdout and stderr, 1: the last byte that went out was not a newline.
    pub partial: [AtomicU32; 2],
    statuses: [Status; PLACES],
    words: [Words; PLACES],
    counts: [Counts; PLACES],
}

impl Shared {
    pub(super) fn place(&'static self, number: usize) -> Option<Place> {
        Some(Place {
            number,
            status: self.statuses.get(number)?,
            words: self.words.get(number)?,
            counts: self.counts.get(number)?,
        })
    }

    /// The places that have ever been used: the master takes the first that is free.
    pub fn places(&'static self) -> impl Iterator<Item = Place> {
        let places = (0..PLACES).filter_map(|number| self.place(number));
        places.take_while(|place| place.worker() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let text = Text::<5> {
            bytes: [const { AtomicU8::new(0) }; 5],
        };
        assert_eq!(text.read(), "");
        text.write("abc");
        assert_eq!(text.read(), "abc");
        text.write("abc€");
        assert_eq!(text.read(), "abc");
        text.write("a");
        assert_eq!(text.read(), "a");
    }
}
