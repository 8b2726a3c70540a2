//! A page of this test's, on which a record is laid for a step.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::*};

use super::super::Slot;
use super::*;
use crate::process::page::Page;
use crate::process::sys;

/// A page on which a record is laid for a step. Its number is that of a descriptor of this test.
pub(super) struct Scratch {
    pub(super) page: &'static Page,
    pub(super) file: OwnedFd,
    pub(super) mutation: Mutation,
}

/// A word of the page as a small number: counts go round.
pub(super) fn low(word: u32) -> i8 {
    i8::try_from(word.cast_signed()).expect("a small number")
}

fn words(slot: &Slot) -> [&AtomicU32; 7] {
    [
        &slot.state,
        &slot.run,
        &slot.limit_ms,
        &slot.received,
        &slot.sent,
        &slot.due,
        &slot.replay,
    ]
}

impl Scratch {
    pub(super) fn new(mutation: Mutation) -> Self {
        Self {
            page: sys::shared().expect("a page"),
            file: File::open("/dev/null").expect("a descriptor").into(),
            mutation,
        }
    }

    fn slot(&self) -> &'static Slot {
        let slot = self.page.slot_for(self.file.as_raw_fd());
        slot.expect("a low number")
    }

    /// Acts on a record by the real means.
    pub(super) fn on<T>(&self, record: &mut Record, act: impl FnOnce(Connection) -> T) -> T {
        let (slot, replay) = (self.slot(), self.page.replay(0).expect("the first"));
        for (word, value) in words(slot).into_iter().zip(record.words) {
            word.store(i32::from(value).cast_unsigned(), Relaxed);
        }
        replay.wipe();
        assert!(replay.add(&vec![b'x'; record.kept.into()]));
        replay.set_handed_on(record.handed_on.into());
        let outcome = act(Connection {
            slot,
            page: self.page,
            has_left: false,
        });
        slot.run.store(0, Relaxed); // Only the watchdog counts them.
        *record = Record {
            words: words(slot).map(|word| low(word.load(Relaxed))),
            kept: u8::try_from(replay.bytes().len()).expect("short"),
            handed_on: u8::try_from(replay.handed_on()).expect("few"),
        };
        outcome
    }

    /// The same, and the connection goes on.
    pub(super) fn by<T>(&self, record: &mut Record, act: impl FnOnce(&Connection) -> T) -> T {
        self.on(record, |connection| {
            let outcome = act(&connection);
            std::mem::forget(connection);
            outcome
        })
    }

    pub(super) fn open(&self, handed: Handed) {
        let traffic = Traffic {
            received: i32::from(handed.received).cast_unsigned(),
            sent: i32::from(handed.sent).cast_unsigned(),
        };
        let (read, handed_on) = (vec![b'x'; handed.read.into()], handed.handed_on.into());
        let connection = Connection::open(self.page, self.file.as_fd(), traffic, &read, handed_on);
        std::mem::forget(connection.expect("a low number"));
    }
}

impl Record {
    pub(super) fn state(&self) -> State {
        State::of(u32::from(self.words[0].cast_unsigned()))
    }

    /// Idle, as a worker gives it up.
    pub(super) fn handed(&self) -> Handed {
        Handed {
            received: self.words[3],
            sent: self.words[4],
            ..Handed::default()
        }
    }
}
