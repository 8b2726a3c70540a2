//! The callers of a dead worker, in its keeper: each gets the answer that it is owed, or another worker.
//!
//! What is owed is [`Slot::owed`]; here it is carried out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::connection::{Owed, Slot};
use super::descriptors;
use super::handover::{Queue, Waiting};
use super::page::Page;
use super::replay::{HANDED_ON, Replay};
use super::sys::{self, DeadTable};
use crate::refusal::{Death, Phase};

/// How long a connection is kept for its caller to read the answer and hang up.
const FAREWELL: Duration = Duration::from_secs(1);
/// Idle connections that are no burden for a worker.
const FEW: usize = 256;
/// How many pieces are read of what a caller still sends, before others have their turn.
const READS: usize = 64;

/// How a worker was ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) death: Death,
    /// The runs that were ended for taking too long; empty: it was not that.
    pub(super) overdue: Vec<RawFd>,
}

/// What a caller is told of the end of its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The death of the worker, which its run or its `/init` may have brought about. `alone`: nobody else can have.
    Death {
        death: Death,
        during: Phase,
        alone: bool,
    },
    /// Another run took too long, and was ended with the process that both shared.
    NeighbourOverran,
    /// Nothing of the request has been acted on.
    Again { init: bool },
}

/// The callers that are still here.
#[derive(Default)]
pub(super) struct Orphans {
    /// They have been answered, and wait for their callers to hang up: closing at once, with part of the request unread,
    /// would destroy the answer on its way.
    lingering: Vec<(OwnedFd, Instant)>,
    /// They wait for another worker.
    offered: Vec<Waiting>,
    /// They have just been taken over.
    callers: Vec<(RawFd, OwnedFd)>,
}

impl Orphans {
    /// Takes the connections of a dead worker over from its table. Nobody is answered yet.
    pub(super) fn take_over(&mut self, page: &Page, table: &mut DeadTable) {
        let taken = page.in_use().filter(|(_, slot)| slot.is_taken());
        let sockets = taken.filter_map(|(number, _)| Some((number, table.take(number)?)));
        self.callers.extend(sockets);
    }

    /// The same for connections that the worker had accepted and not yet noted: their numbers are among the lowest. Of
    /// one that it had from another worker nobody knows what has been read of a request: its caller is told to send it
    /// again.
    pub(super) fn take_forgotten(
        &mut self,
        page: &Page,
        table: &mut DeadTable,
        listener: BorrowedFd<'_>,
        tell: fn(Told) -> Vec<u8>,
    ) {
        let Some(port) = descriptors::port(listener) else {
            return;
        };
        let is_callers = |socket: BorrowedFd<'_>| descriptors::is_callers(socket, port);
        for socket in table.take_if(page.end_of_connections(), is_callers) {
            let traffic = sys::traffic(socket.as_fd()).unwrap_or_default();
            match traffic.received {
                0 => self.offered.push(Waiting::idle(socket, traffic)),
                _ => self.say_and_linger(socket, &tell(Told::Again { init: false })),
            }
        }
    }

    /// Gives each caller what it is owed. `end`: `None` for a worker that left on purpose. `tell` makes an answer's bytes.
    /// How many runs were in the action.
    pub(super) fn answer(
        &mut self,
        page: &Page,
        end: Option<&End>,
        during: Phase,
        tell: fn(Told) -> Vec<u8>,
    ) -> u32 {
        let mut failed_runs = 0;
        let at_work = page.in_use().filter(|(_, slot)| slot.is_at_work()).count();
        for (number, socket) in std::mem::take(&mut self.callers) {
            let Some(slot) = page.slot_for(number) else {
                continue;
            };
            let replay = slot.buffer().and_then(|number| page.replay(number));
            let may_go_on = |replay: &Replay| end.is_none() || replay.handed_on() < HANDED_ON;
            // An idle connection is as it was noted: the kernel is asked about the others.
            let kernel = slot.is_in_between().then(|| sys::traffic(socket.as_fd()));
            let telling = match slot.owed(kernel.flatten(), replay.is_some_and(may_go_on)) {
                Owed::Next(traffic) => {
                    let waiting = Waiting::idle(socket, traffic);
                    let handed_on = replay.map_or(0, Replay::handed_on) + u32::from(end.is_some());
                    let read = replay.map(Replay::bytes).unwrap_or_default();
                    self.offered.push(waiting.with_request(read, handed_on));
                    continue;
                }
                Owed::Close => {
                    // A child of the action's may hold a copy: the caller sees the end all the same.
                    let _ = shutdown(&socket, Shutdown::Both);
                    continue;
                }
                Owed::LetGo => continue,
                Owed::Cause => {
                    failed_runs += u32::from(slot.is_run());
                    told(number, slot, end, during, at_work)
                }
                Owed::Again => Told::Again { init: false },
                Owed::InitAgain => Told::Again { init: true },
            };
            self.say_and_linger(socket, &tell(telling));
        }
        failed_runs
    }

    fn say_and_linger(&mut self, socket: OwnedFd, answer: &[u8]) {
        // A few hundred bytes into a socket on which nothing has been sent: they fit.
        let _ = send(&socket, answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        let _ = shutdown(&socket, Shutdown::Write);
        self.lingering.push((socket, Instant::now() + FAREWELL));
    }

    /// Offers those that wait to the workers that serve. What the kernel refuses stays.
    pub(super) fn offer(&mut self, queue: &Queue) {
        queue.offer(&mut self.offered);
    }

    /// Closes idle connections that are more than a few.
    pub(super) fn limit_idle(&mut self) {
        let (idle, requests): (Vec<_>, Vec<_>) = std::mem::take(&mut self.offered)
            .into_iter()
            .partition(Waiting::is_idle);
        self.offered = requests;
        self.offered.extend(idle.into_iter().take(FEW));
    }

    /// Nobody will take them up any more.
    pub(super) fn give_up(&mut self) {
        self.offered.clear();
    }

    /// Reads what callers still send, and closes the connections of those that are done.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        self.lingering.retain(|(connection, until)| {
            let mut buffer = [0; 16 * 1024];
            for _ in 0..READS {
                match recv(connection.as_fd(), &mut buffer, RecvFlags::DONTWAIT) {
                    Ok((1.., _)) | Err(rustix::io::Errno::INTR) => {}
                    Err(rustix::io::Errno::AGAIN) => return now < *until,
                    _ => return false,
                }
            }
            now < *until
        });
    }

    /// Those whose hanging up is waited for.
    pub(super) fn lingering(&self) -> impl Iterator<Item = &OwnedFd> {
        self.lingering.iter().map(|(connection, _)| connection)
    }

    pub(super) fn has_offers(&self) -> bool {
        !self.offered.is_empty()
    }

    /// Is nobody left?
    pub(super) fn is_empty(&self) -> bool {
        self.lingering.is_empty() && self.offered.is_empty()
    }
}

/// What the caller of a run, or an `/init`, that had started is told. Of several runs nobody knows which one ended the
/// worker, unless one of them took too long.
fn told(number: RawFd, slot: &Slot, end: Option<&End>, during: Phase, at_work: usize) -> Told {
    let init = slot.is_init();
    let Some(end) = end else {
        return Told::Again { init };
    };
    if !end.overdue.is_empty() && !end.overdue.contains(&number) {
        return Told::NeighbourOverran;
    }
    let death = match (end.death, slot.limited_run()) {
        (Death::TimeLimit { .. }, Some((_, limit_ms))) => Death::TimeLimit {
            ms: limit_ms.into(),
        },
        (death, _) => death,
    };
    let during = match (init, during) {
        (true, Phase::Run) => Phase::Init,
        _ => during,
    };
    let is_certain = at_work <= 1 || !end.overdue.is_empty() || end.death == Death::Stopped;
    Told::Death {
        death,
        during,
        alone: is_certain,
    }
}
