//! The action's stdout and stderr on their way to the container's: complete, and ended after each activation.
//!
//! The action writes into two pipes. The keeper moves what arrives at once; at the end of a run the worker moves the
//! rest, makes sure that the last line is ended, and writes the sentinel, so that a silent run pays for one look at both
//! pipes. Whoever moves holds the stream's lock in shared memory, so that no byte overtakes another. Knows nothing of
//! requests; where nobody needs sentinels there are no pipes, and the action writes to the container's streams itself.

mod stream;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use crate::process::slots::Pair;
use crate::process::sys;
use stream::{BEING_ENDED, LogStream, WANTED, is_writable};

/// How long a dead worker's log may wait for a reader before its caller is answered all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// Both streams of one pair of keeper and worker.
pub struct Logs {
    pair: &'static Pair,
    streams: [LogStream; 2],
    /// An epoll over both pipes: one call says that there is nothing in either.
    filled: OwnedFd,
}

/// Who holds a stream's lock.
const KEEPER: u32 = 1;
/// A worker as a holder of locks.
fn worker(seat: usize) -> u32 {
    if seat == 0 { 2 } else { 3 }
}

impl Logs {
    /// Makes the pipes. `containers` are copies of the process's own stdout and stderr.
    pub fn new(pair: &'static Pair, containers: [OwnedFd; 2]) -> io::Result<Self> {
        let [out, err] = &pair.streams;
        let [container_out, container_err] = containers;
        let streams = [
            LogStream::new(out, container_out)?,
            LogStream::new(err, container_err)?,
        ];
        let filled = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, stream) in (0..).zip(&streams) {
            let data = epoll::EventData::new_u64(index);
            epoll::add(&filled, &stream.pipe, data, epoll::EventFlags::IN)?;
        }
        Ok(Self {
            pair,
            streams,
            filled,
        })
    }

    /// For each stream: is there anything in its pipe? Where that cannot be known, it is looked into.
    fn are_filled(&self) -> [bool; 2] {
        let none = epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        };
        let mut events = [none; 2];
        match epoll::wait(&self.filled, &mut events, Some(&Timespec::default())) {
            Ok(0) => [false; 2],
            _ => [true; 2],
        }
    }

    /// Makes the pipes this process's stdout and stderr.
    pub fn attach(&self) -> io::Result<()> {
        rustix::stdio::dup2_stdout(&self.streams[0].action)?;
        rustix::stdio::dup2_stderr(&self.streams[1].action)?;
        Ok(())
    }

    /// The descriptors to wait for, in the order that `pump` counts them.
    pub fn pipes(&self) -> [BorrowedFd<'_>; 2] {
        [self.streams[0].pipe.as_fd(), self.streams[1].pipe.as_fd()]
    }

    /// Every descriptor that must stay open while the worker lives.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let streams = self.streams.iter().flat_map(|stream| {
            [
                stream.pipe.as_fd(),
                stream.action.as_fd(),
                stream.container.as_fd(),
            ]
        });
        streams.chain([self.filled.as_fd()])
    }

    /// An activation of the worker in `seat` begins: from now on its log must be ended, by whoever is left to do so.
    pub fn begin(&self, seat: usize) {
        for unended in &self.pair.seats[seat].unended {
            unended.fetch_add(1, Relaxed);
        }
    }

    /// Ends the logs of all activations of the worker that have begun: all that was printed, then the sentinels.
    pub fn end(&self, seat: usize) {
        sys::flush_stdio();
        let filled = self.are_filled().into_iter();
        let streams = self.streams.iter().zip(&self.pair.seats[seat].unended);
        for ((stream, unended), filled) in streams.zip(filled) {
            stream.lock(worker(seat));
            // Others may begin meanwhile.
            let count = unended.load(Relaxed);
            match filled {
                true => stream.finish(count, unended),
                // What the keeper has taken out before has been written by now: it held the lock.
                false => stream.end(count, unended),
            }
            stream.unlock();
        }
    }

    /// An activation ends that needs no end mark (a good `/init`).
    pub fn end_silently(&self, seat: usize) {
        sys::flush_stdio();
        for unended in &self.pair.seats[seat].unended {
            unended.fetch_sub(1, Relaxed);
        }
    }

    /// Moves what has arrived on both streams, in the keeper, without ever waiting. False: it could not, since a
    /// worker is moving, or nobody reads the container's stream; try again a little later. An error: these are no pipes
    /// any more.
    pub fn pump(&self) -> io::Result<bool> {
        let mut emptied = true;
        for stream in &self.streams {
            emptied &= stream.try_lock(KEEPER) && {
                let moved = stream.move_what_fits(Instant::now());
                stream.unlock();
                moved?
            };
        }
        Ok(emptied)
    }

    /// Ends a dead worker's logs, in the keeper: what it had printed, and a sentinel for each activation that was
    /// under way. What cannot be written in time, since nobody reads, is written by `pump` when somebody does.
    pub fn settle(&self, seat: usize) {
        let until = Instant::now() + PATIENCE;
        for (stream, unended) in self.streams.iter().zip(&self.pair.seats[seat].unended) {
            let counts = unended.swap(0, Relaxed);
            let mut owed = counts % BEING_ENDED;
            if !is_writable(stream.container.as_fd(), Some(Duration::ZERO)) {
                // It still waited to write the mark. Otherwise, that it had just done so is nearly certain, and two marks
                // would be worse than none: the next activation would lose its log.
                owed += counts / BEING_ENDED;
            }
            stream.owed.fetch_add(owed, Relaxed);
            if stream.shared.lock.load(Relaxed) & !WANTED == worker(seat) {
                stream.unlock();
            }
            if stream.lock_until(KEEPER, until) {
                // A pipe that is none any more shows at the next look.
                let _ = stream.move_what_fits(until);
                stream.unlock();
            }
        }
    }
}
