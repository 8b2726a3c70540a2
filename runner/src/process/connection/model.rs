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
//! all others). A number that is used again is the same connection's here. All of it at once is too much: two callers with two
//! requests each, or with two deaths and a swap, are left out (see [`SEARCHES`]).
//!
//! Where a worker died between the kernel's word and its own note of it, nobody can know whether an idle connection is
//! in the queue as well, or what had been read of a request. Then it ends, and its caller connects again.

mod kernel;
mod master;
mod scratch;
mod steps;

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::{Connection, State, Traffic};
use scratch::Scratch;

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

/// Worlds are many, and nobody chooses them to collide.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn write_isize(&mut self, tag: isize) {
        self.write_u8(tag.to_le_bytes()[0]);
    }
}

/// What the callers send, the deaths, the swaps, and how often the kernel has nothing to read or takes nothing.
const SEARCHES: [([u8; CALLERS], u8, u8, u8); 3] =
    [([2, 0], 2, 1, 1), ([1, 1], 2, 0, 0), ([1, 1], 1, 1, 0)];

/// Searches all worlds that come from each first one.
fn search(mutation: Mutation) -> Result<Stats, String> {
    let mut all = Stats::default();
    std::thread::scope(|scope| {
        let searches = SEARCHES.map(|(requests, deaths, swaps, refusals)| {
            let first = World::first(requests, [deaths, swaps, refusals]);
            scope.spawn(move || search_from(first, &Scratch::new(mutation)))
        });
        for search in searches {
            let stats = search.join().expect("it has not panicked")?;
            all.worlds += stats.worlds;
            all.ends += stats.ends;
        }
        Ok(all)
    })
}

fn search_from(first: World, scratch: &Scratch) -> Result<Stats, String> {
    let mut stats = Stats::default();
    let mut seen = HashSet::<World, BuildHasherDefault<Quick>>::from_iter([first]);
    let mut open = vec![first];
    let mut next = Vec::new();
    while let Some(world) = open.pop() {
        let outcome = world.next(scratch, &mut next);
        let is_end = outcome.is_ok() && world.is_at_rest(&next);
        stats.ends += usize::from(is_end);
        let outcome = outcome.and_then(|()| if is_end { world.check_end() } else { Ok(()) });
        outcome.map_err(|error| format!("{error}: {world:?}"))?;
        open.extend(next.drain(..).filter(|after| seen.insert(*after)));
    }
    stats.worlds = seen.len();
    Ok(stats)
}

#[test]
fn every_caller_is_answered_once_whatever_happens_when() {
    let stats = search(Mutation::None).expect("no mistake");
    assert!(stats.ends > 0 && stats.worlds > 10_000, "{stats:?}");
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
