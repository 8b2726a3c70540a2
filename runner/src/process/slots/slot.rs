//! One connection: its descriptor, what it is doing, and what has come and gone on it.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::*};

/// What a connection is doing, as far as its caller is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// No connection.
    Free = 0,
    /// Connected, no byte of a request has been read: a next worker can go on with it.
    Idle = 1,
    /// Part of a request has been read, the action knows nothing of it.
    Reading = 2,
    /// The action has been entered for a `/run`.
    Running = 3,
    /// A library is being loaded for an `/init`.
    Initialising = 4,
    /// There is an answer, of which no byte has been sent.
    Answering = 5,
    /// Part of an answer may have been sent: there must be no other.
    Sending = 6,
    /// Idle until this moment; the first byte of a request may just have been read.
    Taking = 7,
}

impl State {
    fn from_bits(bits: u32) -> Self {
        match bits & 0xff {
            1 => Self::Idle,
            2 => Self::Reading,
            3 => Self::Running,
            4 => Self::Initialising,
            5 => Self::Answering,
            6 => Self::Sending,
            7 => Self::Taking,
            _ => Self::Free,
        }
    }
}

/// One connection. All zero: free.
#[repr(C)]
pub struct Slot {
    /// State in the low byte, the seat of the owner plus one in the next (0: nobody's, waits for adoption), then `INIT`.
    pub(super) word: AtomicU32,
    pub(super) descriptor: AtomicI32,
    /// Counts the runs of this slot, so that the watchdog tells one from the next.
    pub(super) run: AtomicU32,
    /// How long the current run may take, in milliseconds; 0 = for ever.
    pub(super) limit_ms: AtomicU32,
    /// Bytes that have been read from the connection, and sent on it before the current answer, modulo 2^32.
    pub(super) received: AtomicU32,
    pub(super) sent: AtomicU32,
    /// What `sent` will be once the answer has been sent as a whole.
    pub(super) due: AtomicU32,
    /// 1: the connection ends with the answer that is being given.
    pub(super) last: AtomicU32,
}

/// What is being read is an `/init`.
const INIT: u32 = 1 << 16;

const fn word(state: State, owner: u32) -> u32 {
    state as u32 | (owner << 8)
}

impl Slot {
    /// The state, and the seat that owns the connection.
    pub fn read(&self) -> (State, Option<usize>) {
        let bits = self.word.load(Acquire);
        (
            State::from_bits(bits),
            ((bits >> 8 & 0xff) as usize).checked_sub(1),
        )
    }

    /// Called by the owner: what is being read is an `/init`. Forgotten with the next state.
    pub fn mark_init(&self) {
        self.word.fetch_or(INIT, Relaxed);
    }

    /// Is what is being read, or worked on, an `/init`?
    pub fn is_for_init(&self) -> bool {
        self.word.load(Relaxed) & INIT != 0 || self.read().0 == State::Initialising
    }

    /// The connection's descriptor. Meaningful while the slot is not free; 0: it had not been noted when its owner died.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.load(Relaxed)
    }

    /// Which run of this slot it is, and its limit in milliseconds (0 = none).
    pub fn run(&self) -> (u32, u32) {
        (self.run.load(Relaxed), self.limit_ms.load(Relaxed))
    }

    /// How much has been read from the connection, modulo 2^32.
    pub fn received(&self) -> u32 {
        self.received.load(Relaxed)
    }

    /// What a connection in `state` really does, by what the kernel knows of it: whether taking it has come to a first byte,
    /// and sending to none of the answer, or to all. After the whole of a last answer there is nothing to go on with.
    pub fn state_by(&self, state: State, really: Traffic) -> State {
        match state {
            State::Taking if really.received == self.received() => State::Idle,
            State::Sending if really.sent == self.due() && !self.is_last() => State::Idle,
            State::Sending if really.sent == self.sent.load(Relaxed) => State::Answering,
            state => state,
        }
    }

    /// Called by the keeper for a dead owner: the next one counts from here.
    pub fn count_from(&self, really: Traffic) {
        self.received.store(really.received, Relaxed);
        self.sent.store(really.sent, Relaxed);
    }

    /// Called by the owner: so many bytes of a request have been read.
    pub fn note_received(&self, bytes: usize) {
        add(&self.received, bytes);
    }

    /// What will have been sent once the caller has its answer.
    fn due(&self) -> u32 {
        self.due.load(Relaxed)
    }

    /// Called by the owner: an answer of so many bytes is about to be sent.
    pub fn note_due(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let due = self.sent.load(Relaxed).wrapping_add(bytes);
        self.due.store(due, Relaxed);
    }

    /// Called by the owner: so many bytes have been sent that are no part of an answer.
    pub fn note_sent(&self, bytes: usize) {
        add(&self.sent, bytes);
    }

    /// Called by the owner: the answer has been sent as a whole.
    pub fn note_answered(&self) {
        self.sent.store(self.due(), Relaxed);
    }

    /// Called by the owner: the connection is in `state` now.
    pub fn set(&self, state: State, seat: usize) {
        self.word.store(word(state, seat_bits(seat)), Release);
    }

    /// Called by the owner: a run begins that may take `limit_ms`.
    ///
    /// Ordered before whatever the caller reads next, so that a keeper about to sleep sees the run, or the worker
    /// sees that it sleeps.
    pub fn begin(&self, state: State, seat: usize, limit_ms: u32) {
        self.run
            .store(self.run.load(Relaxed).wrapping_add(1), Relaxed);
        self.limit_ms.store(limit_ms, Relaxed);
        self.word.store(word(state, seat_bits(seat)), SeqCst);
    }

    /// Called by the owner: the connection ends with the answer to what has been read.
    pub fn mark_last(&self) {
        self.last.store(1, Relaxed);
    }

    /// Does the connection end with its answer?
    fn is_last(&self) -> bool {
        self.last.load(Relaxed) != 0
    }

    /// Takes a free slot for a connection. False: somebody else has it.
    pub fn claim(&self, descriptor: RawFd, seat: usize) -> bool {
        let mine = word(State::Idle, seat_bits(seat));
        if self
            .word
            .compare_exchange(0, mine, AcqRel, Relaxed)
            .is_err()
        {
            return false;
        }
        self.descriptor.store(descriptor, Relaxed);
        self.received.store(0, Relaxed);
        self.sent.store(0, Relaxed);
        self.last.store(0, Relaxed);
        true
    }

    /// Gives an idle connection to whoever adopts it. Called by the owner, or by the keeper for a dead owner.
    pub fn release(&self) {
        self.word.store(word(State::Idle, 0), Release);
    }

    /// Takes a released connection over. False: somebody else was first, or there is none.
    pub fn adopt(&self, seat: usize) -> bool {
        let mine = word(State::Idle, seat_bits(seat));
        self.word
            .compare_exchange(word(State::Idle, 0), mine, AcqRel, Relaxed)
            .is_ok()
    }

    /// The connection is closed. Called by the owner, or by the keeper for a dead owner.
    pub fn free(&self) {
        self.descriptor.store(0, Relaxed);
        self.word.store(0, Release);
    }
}

/// Adds to a counter that only its owner writes. It goes round, as the kernel's is made to.
fn add(counter: &AtomicU32, bytes: usize) {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    counter.store(counter.load(Relaxed).wrapping_add(bytes), Relaxed);
}

/// Bytes read from a connection and sent on it, modulo 2^32, as the kernel knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    pub received: u32,
    pub sent: u32,
}

fn seat_bits(seat: usize) -> u32 {
    if seat == 0 { 1 } else { 2 }
}
