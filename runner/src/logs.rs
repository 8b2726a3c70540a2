//! The action's stdout and stderr on their way to the container's: complete, and ended after each activation.
//!
//! The action writes into two pipes. The keeper moves what arrives at once; at the end of a run the worker moves the
//! rest, makes sure that the last line is ended, and writes the sentinel, so that a silent run pays for one look at both
//! pipes. Whoever moves holds the stream's lock in shared memory, so that no byte overtakes another. Knows nothing of
//! requests; where nobody needs sentinels there are no pipes, and the action writes to the container's streams itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;

use crate::process::slots::{Pair, Stream};
use crate::process::sys;

/// The line that ends an activation's log, with the newline before it that a partial last line needs.
const SENTINEL: &[u8] = b"\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
/// What a pipe takes without blocking once it is writable, and what is moved at a time.
const CHUNK: usize = 4096;
/// How long a dead worker's log may wait for a reader before its caller is answered all the same.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait for a lock at a time, if nobody wakes the waiting.
const BREATH: Duration = Duration::from_millis(1);
/// As much as a pipe can hold: when so much has been moved, what was in it before has gone. A thread or a child that prints
/// for ever must not keep a log from its end.
const CAPACITY: usize = 1 << 20;

/// Both streams of one pair of keeper and worker.
pub struct Logs {
    pair: &'static Pair,
    streams: [LogStream; 2],
    /// An epoll over both pipes: one call says that there is nothing in either.
    filled: OwnedFd,
}

struct LogStream {
    shared: &'static Stream,
    /// The end that the runner reads; the action holds the other.
    pipe: OwnedFd,
    /// The end that becomes the action's descriptor 1 or 2; kept, so that the pipe never ends.
    action: OwnedFd,
    /// The container's stream.
    container: OwnedFd,
    /// End marks of dead runs that could not be written yet. The keeper's.
    owed: AtomicU32,
}

/// Who holds a stream's lock.
const KEEPER: u32 = 1;
/// In a count of activations whose log has not been ended: one whose end mark is just being written.
const BEING_ENDED: u32 = 1 << 16;
/// Somebody waits for the lock.
const WANTED: u32 = 0x100;

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

impl LogStream {
    fn new(shared: &'static Stream, container: OwnedFd) -> io::Result<Self> {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (pipe, action) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only the runner's end: the action's must block like any stdout.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            shared,
            pipe,
            action,
            container,
            owed: AtomicU32::new(0),
        })
    }

    fn try_lock(&self, who: u32) -> bool {
        self.shared
            .lock
            .compare_exchange(0, who, Acquire, Relaxed)
            .is_ok()
    }

    /// Waits for the lock: somebody else holds it while a chunk is moved, a few microseconds on another core.
    fn lock(&self, who: u32) {
        while !self.try_lock(who) {
            let before = self.shared.lock.fetch_or(WANTED, Acquire);
            if before == 0 {
                // It was released in between. Nobody else can take it while it is marked: it is ours.
                self.shared.lock.store(who | WANTED, Relaxed);
                return;
            }
            sys::futex_wait(
                &self.shared.lock,
                before | WANTED,
                Duration::from_millis(10),
            );
        }
    }

    /// The same, until a moment: whoever holds it may wait for a reader of the container's stream.
    fn lock_until(&self, who: u32, until: Instant) -> bool {
        while !self.try_lock(who) {
            let before = self.shared.lock.load(Relaxed);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            if before != 0 {
                sys::futex_wait(&self.shared.lock, before, left.min(BREATH));
            }
        }
        true
    }

    fn unlock(&self) {
        if self.shared.lock.swap(0, Release) & WANTED != 0 {
            sys::futex_wake(&self.shared.lock);
        }
    }

    /// Moves all that is in the pipe, then writes `sentinels` end marks, each on a line of its own; with the last
    /// chunk if there is room.
    fn finish(&self, sentinels: u32, unended: &AtomicU32) {
        let mut buffer = [0; CHUNK];
        let mut moved = 0;
        while moved < CAPACITY {
            let room = CHUNK - SENTINEL.len();
            match rustix::io::read(&self.pipe, &mut buffer[..room]) {
                Err(Errno::INTR) => {}
                Ok(count @ 1..) => {
                    moved += count;
                    let ended = buffer[count - 1] == b'\n';
                    self.shared.partial.store(u32::from(!ended), Relaxed);
                    if count == room || sentinels != 1 {
                        self.write(&buffer[..count]);
                        continue;
                    }
                    // The usual end of a run that printed: one write for the log and its end. Whatever the action
                    // prints after this belongs to no activation.
                    let mark = if ended { &SENTINEL[1..] } else { SENTINEL };
                    buffer[count..count + mark.len()].copy_from_slice(mark);
                    self.shared.partial.store(0, Relaxed);
                    return self.write_mark(&buffer[..count + mark.len()], unended);
                }
                _ => break,
            }
        }
        self.end(sentinels, unended);
    }

    /// Writes `sentinels` end marks, the first on a line of its own.
    fn end(&self, sentinels: u32, unended: &AtomicU32) {
        for _ in 0..sentinels {
            self.write_mark(self.mark(), unended);
        }
    }

    /// An end mark that stands on a line of its own.
    fn mark(&self) -> &'static [u8] {
        let ended = self.shared.partial.swap(0, Relaxed) == 0;
        if ended { &SENTINEL[1..] } else { SENTINEL }
    }

    /// Writes an end mark, with what stands before it, and strikes it out of what is owed.
    fn write_mark(&self, bytes: &[u8], unended: &AtomicU32) {
        unended.fetch_add(BEING_ENDED - 1, Relaxed);
        self.write(bytes);
        unended.fetch_sub(BEING_ENDED, Relaxed);
    }

    /// Moves what is in the pipe, waiting `until` then for a reader, and writes the end marks that are owed. Nothing is
    /// taken out of the pipe that cannot be written. False: that was not all.
    fn move_what_fits(&self, until: Instant) -> io::Result<bool> {
        let mut buffer = [0; CHUNK];
        let mut moved = 0;
        while moved < CAPACITY {
            if !self.is_writable(until) {
                return Ok(false);
            }
            match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(0) => return Err(io::ErrorKind::NotConnected.into()),
                Ok(count) => {
                    moved += count;
                    self.shared
                        .partial
                        .store(u32::from(buffer[count - 1] != b'\n'), Relaxed);
                    self.write(&buffer[..count]);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
        for _ in 0..self.owed.swap(0, Relaxed) {
            self.write(self.mark());
        }
        Ok(true)
    }

    fn is_writable(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        is_writable(self.container.as_fd(), Some(left))
    }

    /// Writes all of `bytes`, waiting for the reader. An error loses the bytes: there is nobody to tell.
    fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A pipe that is writable takes a chunk without blocking.
            match rustix::io::write(&self.container, &bytes[..bytes.len().min(CHUNK)]) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    is_writable(self.container.as_fd(), None);
                }
                Err(_) => return,
            }
        }
    }
}

fn is_writable(descriptor: BorrowedFd<'_>, limit: Option<Duration>) -> bool {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    let mut wanted = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    matches!(poll(&mut wanted, limit.as_ref()), Ok(1..))
}
