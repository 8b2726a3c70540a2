//! What the admin process asks of the master, and its answer: a pair of sockets, and a signal to look at them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::passing;

/// The longest message in bytes.
const MESSAGE: usize = 4096;

/// How a swap of the library ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The new library serves; which one it is.
    Serves(String),
    /// The old one goes on; why.
    Refused(String),
}

/// Both ends. Each process uses one.
pub struct Uploads {
    admin: OwnedFd,
    master: OwnedFd,
}

impl Uploads {
    pub(super) fn new() -> io::Result<Self> {
        let (admin, master) = passing::ends()?;
        Ok(Self { admin, master })
    }

    /// Called by the admin process, before it signals the master: asks for a library to be tried.
    pub fn ask(&self, number: u32, library: impl AsFd) -> io::Result<()> {
        passing::send(&self.admin, &number.to_ne_bytes(), &[library.as_fd()])
    }

    /// Called by the master: the next library that is to be tried, if there is one.
    pub(super) fn asked(&self) -> Option<(u32, OwnedFd)> {
        let mut bytes = [0; 4];
        let (_, libraries) = passing::receive(&self.master, &mut bytes).ok()?;
        Some((u32::from_ne_bytes(bytes), libraries.into_iter().next()?))
    }

    /// Called by the master.
    pub(super) fn answer(&self, number: u32, verdict: &Verdict) {
        let (kind, words) = match verdict {
            Verdict::Serves(words) => (b'+', words),
            Verdict::Refused(words) => (b'-', words),
        };
        let mut bytes = number.to_ne_bytes().to_vec();
        bytes.push(kind);
        bytes.extend(words.bytes());
        bytes.truncate(MESSAGE);
        let _ = passing::send(&self.master, &bytes, &[]);
    }

    /// Called by the admin process: what came of this upload, if that is known.
    pub fn verdict(&self, number: u32) -> Option<Verdict> {
        let mut bytes = [0; MESSAGE];
        loop {
            let (length, _) = passing::receive(&self.admin, &mut bytes).ok()?;
            let (head, words) = bytes.get(..length)?.split_first_chunk()?;
            let (kind, words) = words.split_first()?;
            // An earlier one's, whose caller waited no longer, is dropped.
            if u32::from_ne_bytes(*head) == number {
                let words = String::from_utf8_lossy(words).into_owned();
                return Some(match kind {
                    b'+' => Verdict::Serves(words),
                    _ => Verdict::Refused(words),
                });
            }
        }
    }
}
