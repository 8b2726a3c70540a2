//! What a keeper does for the callers of a dead worker.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::shared::Ending;
use super::slots::{self, Pair, Slot, State};
use super::sys;
use crate::protocol::answer::{self, Answer};
use crate::refusal::{Death, Phase};

/// How long a connection is kept for its caller to read the answer and hang up.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many pieces are read of what a caller still sends, before others have their turn.
const READS: usize = 64;

/// Connections that have been answered for a dead worker and wait for their callers to hang up: closing at once, with
/// part of the request unread, would destroy the answer on its way.
#[derive(Default)]
pub(super) struct Lingering(Vec<(OwnedFd, Instant)>);

impl Lingering {
    fn say_and_linger(&mut self, connection: OwnedFd, answer: &Answer) {
        let bytes = answer::raw(answer.status, &answer.body);
        // A few hundred bytes into a socket on which nothing has been sent: they fit.
        let _ = send(
            &connection,
            &bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        );
        let _ = shutdown(&connection, Shutdown::Write);
        self.0.push((connection, Instant::now() + FAREWELL));
        self.look();
    }

    /// Reads what callers still send, and closes the connections of those that are done.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        self.0.retain(|(connection, until)| {
            let mut buffer = [0; 16 * 1024];
            for _ in 0..READS {
                match recv(connection.as_fd(), &mut buffer, RecvFlags::DONTWAIT) {
                    Ok((1.., _)) | Err(rustix::io::Errno::INTR) => {}
                    Err(rustix::io::Errno::AGAIN) => break,
                    _ => return false,
                }
            }
            now < *until
        });
    }

    /// Is anybody still here?
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.0.iter().map(|(connection, _)| connection.as_raw_fd())
    }
}

/// What a worker of this phase was doing, as far as its action is concerned.
pub(super) fn moment(phase: slots::Phase) -> Phase {
    match phase {
        slots::Phase::Starting | slots::Phase::Loading => Phase::Load,
        slots::Phase::Initialising => Phase::Init,
        _ => Phase::Run,
    }
}

/// How a worker was ended, and the slots of the runs that brought it about, as far as anybody can tell.
pub(super) struct End {
    pub death: Death,
    pub culprits: Vec<usize>,
}

impl End {
    /// Is the run at `index`, in this state, to blame? Where nobody is named, all that were running may be.
    fn blames(&self, pair: &Pair, seat: usize, index: usize, state: State) -> bool {
        match state {
            _ if !self.culprits.is_empty() => self.culprits.contains(&index),
            State::Running | State::Initialising => true,
            _ => !pair.is_at_work(seat),
        }
    }

    /// The death as the run of `slot` is told of it.
    fn of(&self, slot: &Slot) -> Death {
        match self.death {
            Death::TimeLimit { .. } if slot.run().1 != 0 => Death::TimeLimit {
                ms: slot.run().1.into(),
            },
            death => death,
        }
    }
}

/// Settles every connection of the worker that sat in `seat`. `end` is `None` for one that left on purpose.
pub(super) fn settle(pair: &Pair, seat: usize, end: Option<&End>, lingering: &mut Lingering) {
    let during = moment(pair.seats[seat].phase());
    // Judged before the first of them is answered, and its slot free.
    let owed: Vec<(usize, &Slot, State, bool)> = (0..)
        .zip(pair.in_use())
        .map(|(index, slot)| (index, slot, slot.read()))
        .filter(|(_, _, (state, owner))| *owner == Some(seat) && *state != State::Free)
        .map(|(index, slot, (state, _))| {
            let is_blamed = end.is_some_and(|end| end.blames(pair, seat, index, state));
            (index, slot, state, is_blamed)
        })
        .collect();
    for (index, slot, state, is_blamed) in owed {
        if slot.descriptor() == 0 {
            // The slot had been taken and not filled in. The connection itself is found among the forgotten.
            slot.free();
            continue;
        }
        // Nothing has been read since it came here; what a worker before has read is still to be gone on with.
        if state == State::Idle {
            slot.release();
            continue;
        }
        // It died inside a call, or before it could note what had come of it: the kernel knows.
        let really = sys::traffic(sys::lend(slot.descriptor()));
        let state = really.map_or(state, |really| slot.state_by(state, really));
        // Nothing has been read, or nothing that is not kept: the next worker goes on with it.
        if state == State::Idle {
            pair.stash.drop(index);
        }
        if state == State::Idle
            || (state == State::Reading && pair.stash.hand_on(index, end.is_some()))
        {
            if let Some(really) = really {
                slot.count_from(really);
            }
            slot.release();
            continue;
        }
        let answer = match (state, end.filter(|_| is_blamed)) {
            (State::Running | State::Answering, Some(end)) => {
                Some(Answer::died(end.of(slot), during))
            }
            (State::Initialising, Some(end)) => {
                let during = match during {
                    Phase::Load => Phase::Load,
                    _ => Phase::Init,
                };
                Some(Answer::died(end.of(slot), during))
            }
            // It has part of its answer, or all: there must be no other.
            (State::Sending, _) => None,
            _ if slot.is_for_init() => Some(Answer::neighbour_of_init_died()),
            _ => Some(Answer::neighbour_died()),
        };
        if state == State::Running && is_blamed {
            pair.counts[seat].count(Ending::Fault);
        }
        let connection = sys::adopt(slot.descriptor());
        pair.stash.drop(index);
        slot.free();
        match answer {
            Some(answer) => lingering.say_and_linger(connection, &answer),
            // A child that an action has left behind may hold a copy: the caller is to see the end all the same.
            None => drop(shutdown(&connection, Shutdown::Both)),
        }
    }
}

#[cfg(test)]
mod tests;
