//! One stream: a pipe that the action writes to, moved to the container's by whoever holds the lock.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::process::slots::Stream;
use crate::process::sys;

/// The line that ends an activation's log, with the newline before it that a partial last line needs.
const SENTINEL: &[u8] = b"\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
/// What a pipe takes without blocking once it is writable, and what is moved at a time.
const CHUNK: usize = 4096;
/// How long to wait for a lock at a time, if nobody wakes the waiting.
const BREATH: Duration = Duration::from_millis(1);
/// As much as a pipe can hold: when so much has been moved, what was in it before has gone. A thread or a child that prints
/// for ever must not keep a log from its end.
const CAPACITY: usize = 1 << 20;

/// In a count of activations whose log has not been ended: one whose end mark is just being written.
pub(super) const BEING_ENDED: u32 = 1 << 16;
/// Somebody waits for the lock.
pub(super) const WANTED: u32 = 0x100;

/// One of the two streams.
pub(super) struct LogStream {
    pub(super) shared: &'static Stream,
    /// The end that the runner reads; the action holds the other.
    pub(super) pipe: OwnedFd,
    /// The end that becomes the action's descriptor 1 or 2; kept, so that the pipe never ends.
    pub(super) action: OwnedFd,
    /// The container's stream.
    pub(super) container: OwnedFd,
    /// End marks of dead runs that could not be written yet. The keeper's.
    pub(super) owed: AtomicU32,
}

impl LogStream {
    pub(super) fn new(shared: &'static Stream, container: OwnedFd) -> io::Result<Self> {
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

    pub(super) fn try_lock(&self, who: u32) -> bool {
        self.shared
            .lock
            .compare_exchange(0, who, Acquire, Relaxed)
            .is_ok()
    }

    /// Waits for the lock: somebody else holds it while a chunk is moved, a few microseconds on another core.
    pub(super) fn lock(&self, who: u32) {
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
    pub(super) fn lock_until(&self, who: u32, until: Instant) -> bool {
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

    pub(super) fn unlock(&self) {
        if self.shared.lock.swap(0, Release) & WANTED != 0 {
            sys::futex_wake(&self.shared.lock);
        }
    }

    /// Moves all that is in the pipe, then writes `sentinels` end marks, each on a line of its own; with the last
    /// chunk if there is room.
    pub(super) fn finish(&self, sentinels: u32, unended: &AtomicU32) {
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
    pub(super) fn end(&self, sentinels: u32, unended: &AtomicU32) {
        for _ in 0..sentinels {
            self.write_mark(self.mark(), unended);
        }
    }

    /// An end mark that stands on a line of its own.
    pub(super) fn mark(&self) -> &'static [u8] {
        let ended = self.shared.partial.swap(0, Relaxed) == 0;
        if ended { &SENTINEL[1..] } else { SENTINEL }
    }

    /// Writes an end mark, with what stands before it, and strikes it out of what is owed.
    pub(super) fn write_mark(&self, bytes: &[u8], unended: &AtomicU32) {
        unended.fetch_add(BEING_ENDED - 1, Relaxed);
        self.write(bytes);
        unended.fetch_sub(BEING_ENDED, Relaxed);
    }

    /// Moves what is in the pipe, waiting `until` then for a reader, and writes the end marks that are owed. Nothing is
    /// taken out of the pipe that cannot be written. False: that was not all.
    pub(super) fn move_what_fits(&self, until: Instant) -> io::Result<bool> {
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

    pub(super) fn is_writable(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        is_writable(self.container.as_fd(), Some(left))
    }

    /// Writes all of `bytes`, waiting for the reader. An error loses the bytes: there is nobody to tell.
    pub(super) fn write(&self, mut bytes: &[u8]) {
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

pub(super) fn is_writable(descriptor: BorrowedFd<'_>, limit: Option<Duration>) -> bool {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    let mut wanted = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    matches!(poll(&mut wanted, limit.as_ref()), Ok(1..))
}
