//! Requests that have been read and not begun, kept where they survive the worker that read them: the next worker goes
//! on with them as if it had read them itself, and their callers notice nothing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// The largest request that is kept, in bytes.
pub(super) const REPLAY: usize = 16 << 10;
/// How often a request is handed on after a death. Nothing that it holds has been acted on; this bounds the retries in
/// case reading it is what crashes workers.
pub(super) const HANDED_ON: u32 = 3;

/// A buffer for one request. All zero: free. One with bytes in it is somebody's.
#[repr(C)]
pub(super) struct Replay {
    length: AtomicU32,
    handed_on: AtomicU32,
    bytes: [AtomicU64; REPLAY / 8],
}

impl Replay {
    pub(super) fn is_free(&self) -> bool {
        self.length.load(Acquire) == 0
    }

    /// Adds what has been read. False: there is no room for it.
    pub(super) fn add(&self, mut bytes: &[u8]) -> bool {
        let mut at = self.length.load(Relaxed) as usize;
        let end = at + bytes.len();
        if end > REPLAY {
            return false;
        }
        // Word by word: up to the next whole one, then whole ones, then the rest.
        while !bytes.is_empty() {
            let (word, first) = (&self.bytes[at / 8], at % 8);
            let (now, later) = bytes.split_at(bytes.len().min(8 - first));
            let mut raw = match now.len() {
                8 => [0; 8],
                _ => word.load(Relaxed).to_ne_bytes(),
            };
            raw[first..first + now.len()].copy_from_slice(now);
            word.store(u64::from_ne_bytes(raw), Relaxed);
            (at, bytes) = (at + now.len(), later);
        }
        self.length.store(u32::try_from(end).unwrap_or(0), Release);
        true
    }

    /// All that has been added.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = (self.length.load(Acquire) as usize).min(REPLAY);
        let words = self.bytes[..length.div_ceil(8)].iter();
        let mut bytes: Vec<u8> = words
            .flat_map(|word| word.load(Relaxed).to_ne_bytes())
            .collect();
        bytes.truncate(length);
        bytes
    }

    /// How often it has been handed on after a death.
    pub(super) fn handed_on(&self) -> u32 {
        self.handed_on.load(Relaxed)
    }

    pub(super) fn set_handed_on(&self, times: u32) {
        self.handed_on.store(times, Relaxed);
    }

    /// Nothing is left of the request, and the buffer is free.
    pub(super) fn wipe(&self) {
        let length = (self.length.load(Relaxed) as usize).min(REPLAY);
        for word in &self.bytes[..length.div_ceil(8)] {
            word.store(0, Relaxed);
        }
        self.handed_on.store(0, Relaxed);
        // Last: from here on it may be another request's.
        self.length.store(0, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> Replay {
        Replay {
            length: 0.into(),
            handed_on: 0.into(),
            bytes: [const { AtomicU64::new(0) }; REPLAY / 8],
        }
    }

    /// Any cuts of a request come to the same bytes.
    #[test]
    fn what_is_added_in_pieces_is_there_as_a_whole() {
        let request: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for (first, second) in [(0, 0), (1, 2), (7, 8), (8, 9), (13, 500), (999, 1000)] {
            let replay = free();
            for part in [
                &request[..first],
                &request[first..second],
                &request[second..],
            ] {
                assert!(replay.add(part));
            }
            assert_eq!(replay.bytes(), request);
            assert!(!replay.add(&[0; REPLAY]), "there is no room for that");
        }
    }

    #[test]
    fn nothing_is_left_of_a_request() {
        let replay = free();
        assert!(replay.add(b"secret"));
        replay.wipe();
        assert!(replay.is_free());
        assert!(replay.bytes.iter().all(|word| word.load(Relaxed) == 0));
    }
}
