//! One connection: what its caller is owed. A record on the page of the pair, written by the worker through
//! [`Connection`] and [`Caller`], and read by the keeper when the worker is dead.
//!
//! The transitions here are the only way to change a record, and nothing else names a state. `model` searches
//! what worker and keeper make of them, with a death at any step.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering::*};

use super::handover::Waiting;
use super::page::Page;
use super::replay::Replay;
use super::sys::Traffic;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub(super) enum State {
    /// No connection.
    Free = 0,
    /// No byte of a request has been read.
    Idle = 1,
    /// Idle until now; a read is under way.
    Taking = 2,
    /// Part of a run's request has been read.
    Reading = 3,
    /// Part of an `/init` has been read.
    ReadingInit = 4,
    /// The action has been entered for a run.
    Running = 5,
    /// A library is being loaded for an `/init`.
    Initialising = 6,
    /// There is an answer, of which no byte has been sent.
    Answering = 7,
    /// The same, and the connection ends with it.
    AnsweringLast = 8,
    /// Part of an answer may have been sent.
    Sending = 9,
    SendingLast = 10,
    /// The worker has given the connection up: it is to be handed over.
    Left = 11,
    /// The same, and it is being put into the queue.
    Offered = 12,
}

impl State {
    fn of(word: u32) -> Self {
        const STATES: [State; 13] = [
            State::Free,
            State::Idle,
            State::Taking,
            State::Reading,
            State::ReadingInit,
            State::Running,
            State::Initialising,
            State::Answering,
            State::AnsweringLast,
            State::Sending,
            State::SendingLast,
            State::Left,
            State::Offered,
        ];
        STATES.get(word as usize).copied().unwrap_or(Self::Free)
    }
}

/// What has been read of the current request is kept nowhere.
const NOT_KEPT: u32 = u32::MAX;

/// The record of one connection. Its place on the page is the connection's descriptor number. All zero: free.
#[repr(C)]
pub struct Slot {
    state: AtomicU32,
    /// Counts the runs of this slot, so that the watchdog tells one from the next.
    run: AtomicU32,
    /// How long the current run may take, in milliseconds; 0 = for ever.
    limit_ms: AtomicU32,
    /// Bytes that have been read from the connection, and sent on it before the current answer, modulo 2^32.
    received: AtomicU32,
    sent: AtomicU32,
    /// What `sent` will be once the answer has been sent as a whole.
    due: AtomicU32,
    /// Where the current request is kept: the number of its buffer plus one; 0: nothing of it has been read.
    replay: AtomicU32,
}

/// What the caller of a dead worker is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// Nothing: there is no caller, or it has all or part of its answer and must not get another.
    Close,
    /// It may be another worker's by now: what is left of it here is closed, and nothing said.
    LetGo,
    /// A next worker, which goes on from here.
    Next(Traffic),
    /// The cause of the death: its run had started.
    Cause,
    /// "Send it again": nothing of the request has been acted on, and not all of it is kept.
    Again,
    /// The same for an `/init`.
    InitAgain,
}

impl Slot {
    pub(super) fn state(&self) -> State {
        State::of(self.state.load(Acquire))
    }

    fn set(&self, state: State) {
        self.state.store(state as u32, Release);
    }

    /// What the caller is owed now that the worker is dead. `kernel` is what has really been read and sent: the worker
    /// may have died inside the call, or before it could note what had come of it. `is_kept`: the request can be read
    /// again from where it is kept.
    pub(super) fn owed(&self, kernel: Option<Traffic>, is_kept: bool) -> Owed {
        use State::*;
        let (noted, due) = (self.traffic(), self.due.load(Relaxed));
        let kernel = kernel.unwrap_or(noted);
        let read_all = kernel.received == noted.received;
        let answered = Traffic { sent: due, ..noted };
        match self.state() {
            Free => Owed::Close,
            Idle | Left => Owed::Next(noted),
            Offered => Owed::LetGo,
            Taking if read_all => Owed::Next(noted),
            Reading | ReadingInit if read_all && is_kept => Owed::Next(noted),
            Taking | Reading => Owed::Again,
            ReadingInit => Owed::InitAgain,
            Running | Initialising | Answering | AnsweringLast => Owed::Cause,
            Sending if kernel.sent == due => Owed::Next(answered),
            Sending | SendingLast if kernel.sent == noted.sent => Owed::Cause,
            Sending | SendingLast => Owed::Close,
        }
    }

    /// What has been noted as read and sent.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
        }
    }

    /// Which run of this slot is under way and how long it may take, in milliseconds. `None`: none is that has a limit.
    pub(super) fn limited_run(&self) -> Option<(u32, u32)> {
        let limit_ms = self.limit_ms.load(Relaxed);
        let runs = matches!(self.state(), State::Running | State::Initialising);
        (runs && limit_ms != 0).then(|| (self.run.load(Relaxed), limit_ms))
    }

    /// The number of the buffer in which the current request is kept.
    pub(super) fn buffer(&self) -> Option<usize> {
        match self.replay.load(Relaxed) {
            0 | NOT_KEPT => None,
            number => Some(number as usize - 1),
        }
    }

    /// Is a run or an `/init` under way?
    pub(super) fn is_at_work(&self) -> bool {
        matches!(self.state(), State::Running | State::Initialising)
    }

    /// Is there a connection?
    pub(super) fn is_taken(&self) -> bool {
        self.state() != State::Free
    }

    /// May the worker have been in the middle of reading or sending?
    pub(super) fn is_in_between(&self) -> bool {
        matches!(
            self.state(),
            State::Taking
                | State::Reading
                | State::ReadingInit
                | State::Sending
                | State::SendingLast
        )
    }

    /// Is the action entered for a run?
    pub(super) fn is_run(&self) -> bool {
        self.state() == State::Running
    }

    /// Is it an `/init`?
    pub(super) fn is_init(&self) -> bool {
        self.state() == State::Initialising
    }

    /// It is about to be put into the queue: from then on it may be another worker's.
    pub(super) fn offers(&self) {
        self.set(State::Offered);
    }

    /// The queue has not taken it.
    pub(super) fn was_refused(&self) {
        self.set(State::Left);
    }

    /// The caller waits for nothing any more, or not here.
    pub(super) fn free(&self) {
        self.set(State::Free);
    }
}

/// What a worker holds of a connection for as long as it serves it. Dropped, the record is free: do so before the
/// descriptor is closed, since its number may be somebody else's at once.
pub struct Connection {
    slot: &'static Slot,
    page: &'static Page,
    /// It was given up (see [`Connection::leave`]).
    has_left: bool,
}

impl Connection {
    /// A connection. `traffic`: what came and went before; `read`: what a worker before has read of a request, which
    /// has been handed on so often. `None`: its number is too high for the page.
    pub fn open(
        page: &'static Page,
        socket: BorrowedFd<'_>,
        traffic: Traffic,
        read: &[u8],
        handed_on: u32,
    ) -> Option<Self> {
        let slot = page.slot_for(socket.as_raw_fd())?;
        slot.received.store(traffic.received, Relaxed);
        slot.sent.store(traffic.sent, Relaxed);
        slot.replay.store(0, Relaxed);
        slot.limit_ms.store(0, Relaxed);
        let connection = Self {
            slot,
            page,
            has_left: false,
        };
        // The state last: a keeper that found it idle would hand it on without what has been read.
        match read {
            [] => slot.set(State::Idle),
            _ => connection.resume(read, handed_on),
        }
        Some(connection)
    }

    /// This has been read of a request already, and it has been handed on so often.
    pub fn resume(&self, read: &[u8], handed_on: u32) {
        self.keep(read);
        if let Some(replay) = self.replay() {
            replay.set_handed_on(handed_on);
        }
        self.slot.set(State::Reading);
    }

    /// For the handlers of this connection's requests.
    pub fn caller(&self) -> Caller {
        Caller {
            slot: self.slot,
            page: self.page,
        }
    }

    /// Has nothing been read of a request, and is no answer due?
    pub fn is_idle(&self) -> bool {
        self.slot.state() == State::Idle
    }

    /// A read is about to begin. Should this process end in the middle of it, nobody may take the connection for idle.
    pub fn reads(&self) {
        if self.is_idle() {
            self.slot.set(State::Taking);
        }
    }

    /// The read brought these bytes; none: there is nothing to read.
    pub fn has_read(&self, bytes: &[u8]) {
        let began = self.slot.state() == State::Taking;
        if bytes.is_empty() {
            if began {
                self.slot.set(State::Idle);
            }
            return;
        }
        self.keep(bytes);
        if began {
            self.slot.set(State::Reading);
        }
        // Last: as long as a read is not noted, the kernel's count says whether it took place.
        add(&self.slot.received, bytes.len());
    }

    fn replay(&self) -> Option<&'static Replay> {
        self.page.replay(self.slot.buffer()?)
    }

    /// Keeps what has been read of the current request, as long as there is room for it.
    fn keep(&self, bytes: &[u8]) {
        let place = &self.slot.replay;
        if place.load(Relaxed) == 0 {
            let number = self.page.free_replay();
            place.store(number.map_or(NOT_KEPT, |number| number + 1), Relaxed);
        }
        if self.replay().is_some_and(|replay| !replay.add(bytes)) {
            self.caller().wipe();
            place.store(NOT_KEPT, Relaxed);
        }
    }

    /// So many bytes are about to be sent. Noted before it happens: a keeper that answered as well would be one answer
    /// too many.
    pub fn sends(&self, length: usize) -> Part {
        let next = match self.slot.state() {
            State::Answering => State::Sending,
            State::AnsweringLast => State::SendingLast,
            State::Sending | State::SendingLast => return Part::Rest,
            _ => return Part::Invitation,
        };
        let due = self.slot.sent.load(Relaxed).wrapping_add(truncated(length));
        self.slot.due.store(due, Relaxed);
        self.slot.set(next);
        Part::Beginning
    }

    /// So many bytes have been sent that are no part of an answer.
    pub fn has_invited(&self, bytes: usize) {
        add(&self.slot.sent, bytes);
    }

    /// Nothing of the beginning was sent, although it was tried: the answer is still due as a whole.
    pub fn has_sent_nothing(&self) {
        match self.slot.state() {
            State::Sending => self.slot.set(State::Answering),
            State::SendingLast => self.slot.set(State::AnsweringLast),
            _ => {}
        }
    }

    /// All of the answer has been sent, if one was being sent: the caller is owed nothing any more.
    pub fn has_answered(&self) {
        if matches!(self.slot.state(), State::Sending | State::SendingLast) {
            self.caller().wipe();
            self.slot.sent.store(self.slot.due.load(Relaxed), Relaxed);
            self.slot.set(State::Idle);
        }
    }

    /// Gives it up while it is idle, for the next worker.
    pub fn leave(mut self, socket: OwnedFd) -> Waiting {
        self.slot.set(State::Left);
        self.has_left = true;
        Waiting::left_by_worker(socket, self.slot)
    }
}

/// What is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// No part of an answer, but an invitation to go on.
    Invitation,
    /// The first bytes of an answer.
    Beginning,
    /// More of it.
    Rest,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.has_left {
            self.caller().wipe();
            self.slot.free();
        }
    }
}

/// The caller of a request, for those who act on it.
#[derive(Clone, Copy)]
pub struct Caller {
    slot: &'static Slot,
    page: &'static Page,
}

impl Caller {
    /// A request is at hand. True: it came in one piece with the one before, and nothing has been read for it alone.
    pub fn begins(&self) -> bool {
        let is_pipelined = self.slot.state() == State::Idle;
        if is_pipelined {
            self.slot.replay.store(NOT_KEPT, Relaxed);
            self.slot.set(State::Reading);
        }
        is_pipelined
    }

    /// What is being read is an `/init`.
    pub fn sends_init(&self) {
        if self.slot.state() == State::Reading {
            self.slot.set(State::ReadingInit);
        }
    }

    /// The action is about to be entered; until the answer is dropped it is the keeper's to say what became of it,
    /// should this process end. The run may take `limit_ms`; 0 = any time.
    pub fn enter(&self, what: Entry, limit_ms: u32) -> Entered {
        self.wipe();
        self.slot.limit_ms.store(limit_ms, Relaxed);
        let run = self.slot.run.load(Relaxed).wrapping_add(1);
        self.slot.run.store(run, Relaxed);
        let state = match what {
            Entry::Run => State::Running,
            Entry::Init => State::Initialising,
        };
        // Ordered before the look at whether the keeper sleeps: it sees the run, or this process sees that it sleeps.
        self.slot.state.store(state as u32, SeqCst);
        Entered(*self)
    }

    /// There is an answer, and the connection ends with it if it is the `last`.
    pub fn has_answer(&self, last: bool) {
        self.slot.set(if last {
            State::AnsweringLast
        } else {
            State::Answering
        });
    }

    /// The number of its connection, which tells it from others.
    pub fn number(&self) -> RawFd {
        self.page.number_of(self.slot)
    }

    /// How much has been read of what it sends, if it is in the middle of a request; changes with every byte.
    pub fn progress_in_reading(&self) -> Option<u32> {
        let reads = matches!(self.slot.state(), State::Reading | State::ReadingInit);
        reads.then(|| self.slot.received.load(Relaxed))
    }

    /// Has nothing been read of a request, and is no answer due?
    pub fn is_idle(&self) -> bool {
        self.slot.state() == State::Idle
    }

    /// Is an answer being sent to it?
    pub fn is_sent_to(&self) -> bool {
        matches!(self.slot.state(), State::Sending | State::SendingLast)
    }

    /// Is it in the middle of a request, all of which is kept for a next worker?
    pub fn may_be_handed_on(&self) -> bool {
        let reads = matches!(self.slot.state(), State::Reading | State::ReadingInit);
        reads && self.slot.buffer().is_some()
    }

    /// Nothing of the request is left where it was kept.
    fn wipe(&self) {
        if let Some(replay) = self.slot.buffer().and_then(|it| self.page.replay(it)) {
            replay.wipe();
        }
        self.slot.replay.store(0, Relaxed);
    }
}

/// What the action is entered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Run,
    Init,
}

/// The action has been entered for this caller. Dropped: there is an answer.
pub struct Entered(Caller);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.slot.set(State::Answering);
    }
}

/// Adds to a counter that only its owner writes. It goes round, as the kernel's is made to.
fn add(counter: &AtomicU32, bytes: usize) {
    counter.store(
        counter.load(Relaxed).wrapping_add(truncated(bytes)),
        Relaxed,
    );
}

fn truncated(bytes: usize) -> u32 {
    u32::try_from(bytes & 0xffff_ffff).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
