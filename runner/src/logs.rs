//! The action's stdout and stderr on their way to the container's: complete, and ended after each activation.
//!
//! The action writes into two pipes. The keeper moves what arrives at once; at the end of a run the worker moves the
//! rest, makes sure that the last line is ended, and writes the sentinel, so that a silent run pays for one look at both
//! pipes. Whoever moves holds the stream's lock in shared memory, so that no byte overtakes another. Knows nothing of
//! requests; where nobody needs sentinels there are no pipes, and the action writes to the container's streams itself.

mod lock;
mod stream;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use crate::process::page::Page;
use crate::process::shared::Place;
use crate::process::sys;
use lock::Holder;
use stream::{BEING_ENDED, LogStream, is_writable};

/// How long a dead worker's log may wait for a reader before its caller is answered all the same.
const READER_TIMEOUT: Duration = Duration::from_secs(1);

/// Both streams of one pair of keeper and worker.
pub struct Logs {
    place: Place,
    streams: [LogStream; 2],
    /// An epoll over both pipes: one call says that there is nothing in either.
    filled: OwnedFd,
}

impl Logs {
    /// Makes the pipes, to copies of the process's own stdout and stderr.
    pub fn new(
        page: &'static Page,
        place: Place,
        partial: &'static [AtomicU32; 2],
    ) -> io::Result<Self> {
        // No action's `dup2` is aimed at these numbers.
        let copy = |stream: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(stream, 3);
        let [out, err] = &page.streams;
        let container_out = copy(rustix::stdio::stdout())?;
        let container_err = copy(rustix::stdio::stderr())?;
        let streams = [
            LogStream::new(out, &partial[0], container_out)?,
            LogStream::new(err, &partial[1], container_err)?,
        ];
        let filled = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, stream) in (0..).zip(&streams) {
            let data = epoll::EventData::new_u64(index);
            epoll::add(&filled, &stream.pipe, data, epoll::EventFlags::IN)?;
        }
        Ok(Self {
            place,
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

    /// An activation begins: from now on its log must be ended, by whoever is left to do so.
    pub fn begin(&self) {
        for stream in &self.streams {
            stream.shared.unended.fetch_add(1, Relaxed);
        }
    }

    /// Ends the logs of all activations that have begun: all that was printed, then the sentinels.
    pub fn end(&self) {
        sys::flush_stdio();
        for (stream, filled) in self.streams.iter().zip(self.are_filled()) {
            stream.lock(|| !self.place.is_kept());
            // Others may begin meanwhile.
            let count = stream.shared.unended.load(Relaxed);
            match filled {
                true => stream.finish(count),
                // What the keeper has taken out before has been written by now: it held the lock.
                false => stream.end(count),
            }
            stream.unlock();
        }
    }

    /// An activation ends that needs no end mark (a good `/init`).
    pub fn end_silently(&self) {
        sys::flush_stdio();
        for stream in &self.streams {
            stream.shared.unended.fetch_sub(1, Relaxed);
        }
    }

    /// Moves what has arrived on both streams, in the keeper, without ever waiting. False: it could not, since a
    /// worker is moving, or nobody reads the container's stream; try again a little later. An error: these are no pipes
    /// any more.
    pub fn pump(&self) -> io::Result<bool> {
        let mut emptied = true;
        for stream in &self.streams {
            emptied &= stream.try_lock(Holder::Keeper) && {
                let moved = stream.move_what_fits(Instant::now());
                stream.unlock();
                moved?
            };
        }
        Ok(emptied)
    }

    /// Ends a dead worker's logs, in the keeper: what it had printed, and a sentinel for each activation that was
    /// under way. What cannot be written in time, since nobody reads, is written by `pump` when somebody does.
    pub fn end_for_dead(&self) {
        let until = Instant::now() + READER_TIMEOUT;
        for stream in &self.streams {
            let counts = stream.shared.unended.swap(0, Relaxed);
            let mut owed = counts % BEING_ENDED;
            if !is_writable(stream.container.as_fd(), Some(Duration::ZERO)) {
                // It still waited to write the mark. Otherwise, that it had just done so is nearly certain, and two marks
                // would be worse than none: the next activation would lose its log.
                owed += counts / BEING_ENDED;
            }
            stream.owed.fetch_add(owed, Relaxed);
            // The worker is dead: whatever it left of the lock is nobody's.
            stream.take_lock(Holder::Keeper);
            // A pipe that is none any more shows at the next look.
            let _ = stream.move_what_fits(until);
            stream.unlock();
        }
    }
}
