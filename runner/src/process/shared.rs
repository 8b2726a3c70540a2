//! What processes of the tree tell each other beside the slots: how a swap of the library goes, and what has been
//! counted. Atomics only; each word has one writer.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::*};
use std::time::Duration;

use crate::refusal::Death;

/// A text in shared memory, written by one process before it tells another to look.
#[repr(C)]
pub struct Text<const N: usize> {
    length: AtomicU32,
    bytes: [AtomicU8; N],
}

impl<const N: usize> Text<N> {
    /// Writes it. A longer one is cut at a character's border.
    pub fn write(&self, text: &str) {
        let mut end = text.len().min(N);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for (to, from) in self.bytes.iter().zip(&text.as_bytes()[..end]) {
            to.store(*from, Relaxed);
        }
        self.length.store(u32::try_from(end).unwrap_or(0), Release);
    }

    /// What was written last.
    pub fn read(&self) -> String {
        let length = (self.length.load(Acquire) as usize).min(N);
        let bytes: Vec<u8> = self.bytes[..length]
            .iter()
            .map(|byte| byte.load(Relaxed))
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How a swap ended for one pair, or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The new library serves; which one it is.
    Serves(String),
    /// The old one goes on; why.
    Refused(String),
}

/// One swap of the library as two processes see it: one asks, the other settles. Counted from 1.
#[repr(C)]
pub struct Swap {
    /// The last swap that was asked for.
    asked: AtomicU32,
    /// The last one that is over.
    settled: AtomicU32,
    refused: AtomicU32,
    words: Text<2048>,
}

impl Swap {
    /// The number of the last swap that was asked for.
    pub fn asked(&self) -> u32 {
        self.asked.load(Acquire)
    }

    /// Asks for the next swap. Called by one process only; the number it gets.
    pub fn ask(&self) -> u32 {
        let number = self.asked.load(Relaxed).wrapping_add(1);
        self.asked.store(number, Release);
        number
    }

    /// Has what was asked for not been settled yet?
    pub fn is_open(&self) -> bool {
        self.asked.load(Acquire) != self.settled.load(Acquire)
    }

    /// Called by the process that was asked.
    pub fn settle(&self, number: u32, verdict: &Verdict) {
        let (Verdict::Serves(words) | Verdict::Refused(words)) = verdict;
        self.words.write(words);
        let refused = matches!(verdict, Verdict::Refused(_));
        self.refused.store(u32::from(refused), Relaxed);
        self.settled.store(number, Release);
    }

    /// How the swap `number` ended; `None` while it goes on.
    pub fn verdict(&self, number: u32) -> Option<Verdict> {
        if self.settled.load(Acquire) != number {
            return None;
        }
        Some(match self.refused.load(Relaxed) {
            0 => Verdict::Serves(self.words.read()),
            _ => Verdict::Refused(self.words.read()),
        })
    }
}

/// How a run ended, as far as its worker can tell. A death is the keeper's to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Ending {
    /// A result.
    Result = 0,
    /// The action answered with an error.
    Error = 1,
    /// It panicked, or what it returned is no result.
    Fault = 2,
    /// It never reached the action.
    Refused = 3,
}

/// The names of the endings, in order.
pub const ENDINGS: [&str; 4] = ["result", "error", "fault", "refused"];
/// The upper bounds of the buckets of durations, in seconds; one more bucket takes the rest.
pub const BOUNDS: [f64; 10] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0,
];

/// What one worker after the other has counted in a seat. On cache lines that nobody else writes.
#[repr(C, align(128))]
pub struct Counts {
    pub endings: [AtomicU64; ENDINGS.len()],
    pub durations: [AtomicU64; BOUNDS.len() + 1],
    pub microseconds: AtomicU64,
}

impl Counts {
    /// Called by the worker at the end of a run.
    pub fn count(&self, ending: Ending) {
        self.endings[ending as usize].fetch_add(1, Relaxed);
    }

    /// Called by the worker at the end of a run, if anybody wants to know.
    pub fn time(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
        self.durations[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(micros, Relaxed);
    }
}

/// How workers of a pair have ended, counted by their keeper.
#[repr(C)]
pub struct Fates {
    /// By signal; number 0 stands for a plain exit.
    pub signals: [AtomicU32; 65],
    pub out_of_memory: AtomicU32,
    pub time_limit: AtomicU32,
}

impl Fates {
    /// One more.
    pub fn count(&self, death: Death) {
        let counter = match death {
            Death::Signal(number) => usize::try_from(number)
                .ok()
                .and_then(|number| self.signals.get(number)),
            Death::Exited(_) => self.signals.first(),
            Death::OutOfMemory { .. } => Some(&self.out_of_memory),
            Death::TimeLimit { .. } => Some(&self.time_limit),
            Death::Stopped => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
    }
}

/// What an upload on the admin port is about: a descriptor of the process that serves that port.
#[repr(C)]
pub struct Upload {
    /// Asked by the admin process, settled by the master.
    pub swap: Swap,
    /// The file's number in the table of the process that asks.
    pub descriptor: AtomicU32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let text = Text::<4> {
            length: AtomicU32::new(0),
            bytes: [const { AtomicU8::new(0) }; 4],
        };
        assert_eq!(text.read(), "");
        text.write("abc");
        assert_eq!(text.read(), "abc");
        text.write("abc€");
        assert_eq!(text.read(), "abc");
    }
}
