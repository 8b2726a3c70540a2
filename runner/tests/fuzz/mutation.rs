//! Changes inputs: bits, bytes, numbers, pieces, and words that mean something to one of the readers.

/// Words of the formats that are read.
const WORDS: [&[u8]; 34] = [
    b"\"value\":",
    b"\"code\":",
    b"\"main\":",
    b"\"env\":",
    b"\"binary\":",
    b"null",
    b"true",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b",",
    b":",
    b"1e999",
    b"-0",
    b"\xef\xbb\xbf",
    b"\xff",
    b" ",
    b"=",
    b"-",
    b"f0VMR",
    b"UEsDB",
    b"../",
    b"/",
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x7fELF\x02\x01\x01",
    b"libaction.so",
];

const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
    u64::MAX - 7,
];

/// The largest input: larger ones only take longer.
const LARGEST: usize = 64 * 1024;

/// A source of changes; the same seed gives the same ones.
pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`; 0 when there is none.
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        match limit {
            0 => 0,
            _ => usize::try_from((self.next() >> 16) % limit).unwrap_or(0),
        }
    }

    /// One of the inputs, with a few changes.
    pub(crate) fn change(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        let mut input = pool[self.below(pool.len())].clone();
        for _ in 0..=self.below(5) {
            self.once(&mut input, pool);
        }
        input.truncate(LARGEST);
        input
    }

    fn once(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
        let place = self.below(input.len() + 1);
        match self.below(8) {
            0 => {
                if let Some(byte) = input.get_mut(place) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                let value = self.next().to_le_bytes()[0];
                if let Some(byte) = input.get_mut(place) {
                    *byte = value;
                }
            }
            2 => self.overwrite_number(input, place),
            3 => {
                let word = WORDS[self.below(WORDS.len())];
                self.insert(input, place, word);
            }
            4 => {
                let end = (place + self.below(64)).min(input.len());
                input.drain(place..end);
            }
            5 => {
                let end = (place + self.below(64)).min(input.len());
                let piece = input[place..end].to_vec();
                let at = self.below(input.len() + 1);
                self.insert(input, at, &piece);
            }
            6 => {
                let other = &pool[self.below(pool.len())];
                let from = self.below(other.len());
                let to = (from + self.below(256)).min(other.len());
                self.insert(input, place, &other[from..to]);
            }
            _ => input.truncate(place),
        }
    }

    fn overwrite_number(&mut self, input: &mut [u8], place: usize) {
        let number = NUMBERS[self.below(NUMBERS.len())].to_le_bytes();
        let width = [1, 2, 4, 8][self.below(4)];
        // Tables are aligned, mostly.
        let place = if self.below(2) == 0 {
            place & !(width - 1)
        } else {
            place
        };
        if let Some(slot) = input.get_mut(place..place + width) {
            slot.copy_from_slice(&number[..width]);
        }
    }

    /// Inserts or overwrites.
    fn insert(&mut self, input: &mut Vec<u8>, place: usize, piece: &[u8]) {
        let end = match self.below(2) {
            0 => place,
            _ => (place + piece.len()).min(input.len()),
        };
        input.splice(place..end, piece.iter().copied());
    }
}
