//! Requests that have been read and not begun, kept where they survive the worker that read them: the next worker goes
//! on with them as if it had read them itself, and their callers notice nothing.
//!
//! A fixed number of pieces of a fixed size, shared by all connections of a pair. A request that is larger, or comes
//! when no piece is free, is not kept, and its caller is told to send it again.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// The largest request that is kept, in bytes.
const PIECE: usize = 16 << 10;
/// How many are kept at once. Pages of pieces never used cost nothing.
const PIECES: usize = 256;
/// How often a request is handed on. Nothing that it holds has been acted on; but if its reading were what ends workers,
/// there has to be an end to it.
const HANDED_ON: u32 = 3;

/// All pieces of a pair. What is asked of all of them lies together, on one page.
#[repr(C)]
pub struct Stash {
    heads: [Head; PIECES],
    words: [[AtomicU64; PIECE / 8]; PIECES],
}

/// All zero: a free piece.
#[repr(C)]
struct Head {
    /// The index of the connection's slot, plus one; 0: nobody's.
    owner: AtomicU32,
    length: AtomicU32,
    /// 1 while bytes are being read that are not here yet.
    uncertain: AtomicU32,
    handed_on: AtomicU32,
}

/// A piece that holds what a connection's worker has read of a request.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    head: &'a Head,
    words: &'a [AtomicU64; PIECE / 8],
}

impl Stash {
    /// A piece for the connection of the slot at `index`, if one is free.
    pub fn claim(&self, index: usize) -> Option<Piece<'_>> {
        let mine = owner(index);
        self.find(|head| {
            head.owner.load(Relaxed) == 0
                && head
                    .owner
                    .compare_exchange(0, mine, Acquire, Relaxed)
                    .is_ok()
        })
    }

    /// The piece of the slot at `index`, if it has one.
    pub fn of(&self, index: usize) -> Option<Piece<'_>> {
        let theirs = owner(index);
        self.find(|head| head.owner.load(Acquire) == theirs)
    }

    fn find(&self, is_it: impl Fn(&Head) -> bool) -> Option<Piece<'_>> {
        let (head, words) = self
            .heads
            .iter()
            .zip(&self.words)
            .find(|(head, _)| is_it(head))?;
        Some(Piece { head, words })
    }

    /// Called by the keeper, for the slot of a worker that is no more: may a next worker go on with what is kept?
    /// `died`: it did not leave on purpose.
    pub fn hand_on(&self, index: usize, died: bool) -> bool {
        let Some(piece) = self.of(index) else {
            return false;
        };
        let count = u32::from(died);
        piece.is_whole() && piece.head.handed_on.fetch_add(count, Relaxed) < HANDED_ON
    }

    /// Called by the keeper: what the slot at `index` has kept is of no more use.
    pub fn drop(&self, index: usize) {
        if let Some(piece) = self.of(index) {
            piece.free();
        }
    }
}

impl Piece<'_> {
    /// Is all here that has been read?
    pub fn is_whole(&self) -> bool {
        self.head.uncertain.load(Relaxed) == 0 && self.head.length.load(Relaxed) > 0
    }

    /// Reading begins: until `add`, or `nothing`, what is here may not be all.
    pub fn expect(&self) {
        self.head.uncertain.store(1, Relaxed);
    }

    /// Nothing has been read.
    pub fn nothing(&self) {
        self.head.uncertain.store(0, Relaxed);
    }

    /// Adds what has been read. False: there is no room for it, and the piece is of no more use.
    pub fn add(&self, mut bytes: &[u8]) -> bool {
        let mut at = self.head.length.load(Relaxed) as usize;
        let end = at + bytes.len();
        if end > PIECE {
            return false;
        }
        let first = at % 8;
        if first != 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(8 - first));
            let word = &self.words[at / 8];
            let mut raw = word.load(Relaxed).to_ne_bytes();
            raw[first..first + head.len()].copy_from_slice(head);
            word.store(u64::from_ne_bytes(raw), Relaxed);
            at += head.len();
            bytes = rest;
        }
        let (whole, rest) = bytes.as_chunks::<8>();
        let words = self.words.get(at / 8..).unwrap_or_default();
        for (word, raw) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*raw), Relaxed);
        }
        if let (false, Some(word)) = (rest.is_empty(), words.get(whole.len())) {
            let mut raw = [0; 8];
            raw[..rest.len()].copy_from_slice(rest);
            word.store(u64::from_ne_bytes(raw), Relaxed);
        }
        self.head
            .length
            .store(u32::try_from(end).unwrap_or(0), Relaxed);
        self.head.uncertain.store(0, Relaxed);
        true
    }

    /// All that has been added.
    pub fn bytes(&self) -> Vec<u8> {
        let length = (self.head.length.load(Relaxed) as usize).min(PIECE);
        let words = &self.words[..length.div_ceil(8)];
        let mut bytes: Vec<u8> = words
            .iter()
            .flat_map(|word| word.load(Relaxed).to_ne_bytes())
            .collect();
        bytes.truncate(length);
        bytes
    }

    /// Gives it back.
    pub fn free(&self) {
        self.head.length.store(0, Relaxed);
        self.head.uncertain.store(0, Relaxed);
        self.head.handed_on.store(0, Relaxed);
        self.head.owner.store(0, Release);
    }
}

fn owner(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any cuts of a request come to the same bytes.
    #[test]
    fn what_is_added_in_pieces_is_there_as_a_whole() {
        let request: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for (first, second) in [(0, 0), (1, 2), (7, 8), (8, 9), (13, 500), (999, 1000)] {
            let head = Head {
                owner: 0.into(),
                length: 0.into(),
                uncertain: 0.into(),
                handed_on: 0.into(),
            };
            let words = [const { AtomicU64::new(u64::MAX) }; PIECE / 8];
            let piece = Piece {
                head: &head,
                words: &words,
            };
            for part in [
                &request[..first],
                &request[first..second],
                &request[second..],
            ] {
                assert!(piece.add(part));
            }
            assert_eq!(piece.bytes(), request);
            assert!(!piece.add(&[0; PIECE]), "there is no room for that");
        }
    }
}
