//! What a keeper does for the callers of a dead worker.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::slots::{self, Pair, State};
use super::sys;
use crate::protocol::answer::{self, Answer};
use crate::refusal::{Death, Phase};

/// How long a connection is kept for its caller to read the answer and hang up.
const FAREWELL: Duration = Duration::from_secs(1);

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
            loop {
                match recv(connection.as_fd(), &mut buffer, RecvFlags::DONTWAIT) {
                    Ok((0, _)) => return false,
                    Ok(_) if now < *until => {}
                    Err(rustix::io::Errno::AGAIN) => return now < *until,
                    _ => return false,
                }
            }
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

/// Settles every connection of the worker that sat in `seat`. `death` is `None` for one that left on purpose.
pub(super) fn settle(pair: &Pair, seat: usize, death: Option<Death>, lingering: &mut Lingering) {
    let during = moment(pair.seats[seat].phase());
    for slot in pair.owned_by(seat) {
        let (state, _) = slot.read();
        let answer = match (state, death) {
            (State::Free, _) => continue,
            (State::Idle, _) => {
                slot.release();
                continue;
            }
            (State::Running | State::Answering, Some(death)) => Some(Answer::died(death, during)),
            (State::Initialising, Some(death)) => Some(Answer::died(
                death,
                match during {
                    Phase::Load => Phase::Load,
                    _ => Phase::Init,
                },
            )),
            (State::Reading | State::Running | State::Initialising | State::Answering, _) => {
                Some(Answer::neighbour_died())
            }
            // Nobody can know what the caller has sent or got: it must not get two answers, nor wait for ever.
            (State::Sending | State::Taking, _) => None,
        };
        let connection = sys::adopt(slot.descriptor());
        slot.free();
        if let Some(answer) = answer {
            lingering.say_and_linger(connection, &answer);
        }
    }
}
