//! Every order in which two callers, their workers, the keepers and the master can take their steps, with a death at any
//! of them, searched to the end: each request is answered once, nobody is cut off without a reason, nobody waits for ever.
//!
//! The records are the real ones: for each step one is laid on a page, changed by the real transition, and taken back. A
//! step is one such transition or one call into the kernel, as `server` and `orphans` make them. What a worker remembers
//! is lost when it dies; its page and its descriptors are its keeper's.
//!
//! Left out: a death in the middle of a transition; both deaths in one pair, and the death of a keeper whose worker has
//! ended; the end of the whole program; `/init`; requests that come in one piece, or do not fit where they are kept; the
//! invitation to send a body; callers that are too slow; a kernel that refuses (a step that comes later is the same to
//! all others). A number that is used again is the same connection's here.
//!
//! Where a worker died between the kernel's word and its own note of it, nobody can know whether an idle connection is
//! in the queue as well, or what had been read of a request. Then it ends, and its caller connects again.

mod kernel;
mod steps;

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::*;

use super::{Connection, Slot, State, Traffic};
use crate::process::page::Page;
use crate::process::sys;

const CALLERS: usize = 2;
const PAIRS: usize = 3;
/// Bytes of a request, and of an answer.
const LENGTH: u8 = 2;

/// A mistake, put in to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    None,
    /// A read is not announced.
    NoReads,
    /// An answer is noted before it is sent.
    AnsweredFirst,
    /// The kernel is not asked.
    NoKernel,
}

#[derive(Debug, Default)]
struct Stats {
    worlds: usize,
    ends: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct World {
    callers: [Customer; CALLERS],
    pairs: [Pair; PAIRS],
    deaths: u8,
    swaps: u8,
    /// How often the kernel has nothing to read, or takes nothing.
    refusals: u8,
}

/// Where the worlds one step away are put, each as a change of this one.
type Add<'a> = dyn FnMut(&dyn Fn(&mut World) -> Outcome) -> Outcome + 'a;
type Outcome = Result<(), String>;

/// A caller, and what the kernel has of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Customer {
    /// Requests that are still to be answered.
    requests: u8,
    /// Bytes of the current one that have been sent, and those of them that lie in the socket.
    sent: u8,
    unread: u8,
    /// Bytes of its answer that have come.
    answered: u8,
    /// The action was entered for it.
    entered: bool,
    hung_up: bool,
    /// Nothing has ever been read from the connection.
    is_new: bool,
    received_by_kernel: i8,
    sent_by_kernel: i8,
    waits: Place,
}

const NOBODY: Customer = Customer {
    requests: 0,
    sent: 0,
    unread: 0,
    answered: 0,
    entered: false,
    hung_up: false,
    is_new: true,
    received_by_kernel: 0,
    sent_by_kernel: 0,
    waits: Place::Listening,
};

/// Where a connection is that no process has, or has alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    Nowhere,
    Listening,
    Queued(Handed),
}

/// What a message of the queue says of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Handed {
    received: i8,
    sent: i8,
    read: u8,
    handed_on: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Life {
    Unborn,
    Serving,
    Leaving,
    Dead,
    /// On purpose.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Pair {
    life: Life,
    is_kept: bool,
    records: [Record; CALLERS],
    /// The connections in the descriptor table, with what the worker remembers.
    holds: [Option<Held>; CALLERS],
}

const UNBORN: Pair = Pair {
    life: Life::Unborn,
    is_kept: true,
    records: [Record {
        words: [0; 7],
        kept: 0,
        handed_on: 0,
    }; CALLERS],
    holds: [None; CALLERS],
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Held {
    step: Step,
    /// Bytes of the current request that it has, and of the answer that it has still to send.
    has: u8,
    to_send: u8,
    /// The connection ends with the answer.
    last: bool,
}

/// Where a worker stands with a connection, between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Step {
    /// Where the record says.
    Waits,
    Taken(Handed),
    Reads,
    Read(u8),
    Ended,
    Sends,
    SentNothing,
    /// Its record is free.
    Freed,
    Left,
    Offers,
    Offered,
}

/// A record as it stands on the page: its words, and what is kept of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Record {
    words: [i8; 7],
    kept: u8,
    handed_on: u8,
}

/// A page on which a record is laid for a step. Its number is that of a descriptor of this test.
struct Scratch {
    page: &'static Page,
    file: OwnedFd,
    mutation: Mutation,
}

/// A word of the page as a small number: counts go round.
fn low(word: u32) -> i8 {
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
    fn new(mutation: Mutation) -> Self {
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
    fn on<T>(&self, record: &mut Record, act: impl FnOnce(Connection) -> T) -> T {
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
    fn by<T>(&self, record: &mut Record, act: impl FnOnce(&Connection) -> T) -> T {
        self.on(record, |connection| {
            let outcome = act(&connection);
            std::mem::forget(connection);
            outcome
        })
    }

    fn open(&self, handed: Handed) {
        let traffic = Traffic {
            received: i32::from(handed.received).cast_unsigned(),
            sent: i32::from(handed.sent).cast_unsigned(),
        };
        let (read, handed_on) = (vec![b'x'; handed.read.into()], handed.handed_on.into());
        let connection =
            Connection::open(self.page, self.file.as_fd(), traffic, &read, handed_on);
        std::mem::forget(connection.expect("a low number"));
    }
}

impl Record {
    fn state(&self) -> State {
        State::of(u32::from(self.words[0].cast_unsigned()))
    }

    /// Idle, as a worker gives it up.
    fn handed(&self) -> Handed {
        Handed {
            received: self.words[3],
            sent: self.words[4],
            ..Handed::default()
        }
    }
}

/// What the callers send, the deaths, the swaps, and how often the kernel has nothing to read or takes nothing.
const SEARCHES: [([u8; CALLERS], u8, u8, u8); 4] = [
    ([2, 0], 2, 1, 1),
    ([1, 1], 2, 0, 0),
    ([1, 1], 1, 1, 0),
    ([2, 1], 1, 0, 0),
];

/// Searches all worlds that come from each first one.
fn search(mutation: Mutation) -> Result<Stats, String> {
    let (scratch, mut stats) = (Scratch::new(mutation), Stats::default());
    for (requests, deaths, swaps, refusals) in SEARCHES {
        search_from(World::first(requests, [deaths, swaps, refusals]), &scratch, &mut stats)?;
    }
    Ok(stats)
}

fn search_from(first: World, scratch: &Scratch, stats: &mut Stats) -> Result<(), String> {
    let (mut seen, mut open) = (HashSet::from([first]), vec![first]);
    let mut next = Vec::new();
    while let Some(world) = open.pop() {
        let outcome = world.next(scratch, &mut next);
        let is_end = outcome.is_ok() && world.is_at_rest(&next);
        stats.ends += usize::from(is_end);
        let outcome = outcome.and_then(|()| if is_end { world.check_end() } else { Ok(()) });
        outcome.map_err(|error| format!("{error}: {world:?}"))?;
        open.extend(next.drain(..).filter(|after| seen.insert(*after)));
    }
    stats.worlds += seen.len();
    println!("{} {:?}", seen.len(), std::time::SystemTime::now());
    Ok(())
}

#[test]
fn every_caller_is_answered_once_whatever_happens_when() {
    let stats = search(Mutation::None).expect("no mistake");
    assert!(stats.ends > 0 && stats.worlds > 10_000, "{stats:?}");
    println!("{stats:?}");
}

#[test]
fn a_mistake_is_found() {
    for mutation in [
        Mutation::NoReads,
        Mutation::AnsweredFirst,
        Mutation::NoKernel,
    ] {
        let found = search(mutation);
        assert!(found.is_err(), "{mutation:?}: {found:?}");
    }
}
