//! One stream: a pipe that the action writes to, moved to the container's by whoever holds the lock.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use rustix::thread::futex;

use super::lock::{self, Holder, Lock};
use crate::process::page::Stream;

/// The line that ends an activation's log, with the newline before it that a partial last line needs.
const SENTINEL: &[u8] = b"\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
/// What a pipe takes without blocking once it is writable, and what is moved at a time.
const CHUNK: usize = 4096;
/// How long to wait for the lock at a time, before it is looked whether its holder still lives.
const LOCK_TIMEOUT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};
/// As much as a pipe can hold: when so much has been moved, what was in it before has gone. A thread or a child that prints
/// for ever must not keep a log from its end.
const CAPACITY: usize = 1 << 20;

/// In a count of activations whose log has not been ended: one whose end mark is just being written.
pub(super) const BEING_ENDED: u32 = 1 << 16;

/// One of the two streams.
pub(super) struct LogStream {
    pub(super) shared: &'static Stream,
    /// 1: the last byte that went out to the container was not a newline, whoever wrote it.
    partial: &'static AtomicU32,
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
    pub(super) fn new(
        shared: &'static Stream,
        partial: &'static AtomicU32,
        container: OwnedFd,
    ) -> io::Result<Self> {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (pipe, action) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only the runner's end: the action's must block like any stdout.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            shared,
            partial,
            pipe,
            action,
            container,
            owed: AtomicU32::new(0),
        })
    }

    fn the_lock(&self) -> Lock<'static> {
        Lock(&self.shared.lock)
    }

    pub(super) fn try_lock(&self, who: Holder) -> bool {
        self.the_lock().try_lock(who)
    }

    /// Waits for the lock, in the worker: somebody else holds it while a chunk is moved, a few microseconds on another
    /// core. A keeper that died with it (`is_alone`) does not come back for it.
    pub(super) fn lock(&self, is_alone: impl Fn() -> bool) {
        let lock = self.the_lock();
        while !lock.try_lock(Holder::Worker) {
            let held = lock.look();
            if lock::is_keepers(held) && is_alone() {
                if lock.take_over(held, Holder::Worker) {
                    return;
                }
                continue;
            }
            if let Some(wanted) = lock.mark(held) {
                let flags = futex::Flags::empty();
                let _ = futex::wait(&self.shared.lock, flags, wanted, Some(&LOCK_TIMEOUT));
            }
        }
    }

    /// Takes it from a process that is dead.
    pub(super) fn take_lock(&self, who: Holder) {
        self.the_lock().take_from_dead(who);
    }

    pub(super) fn unlock(&self) {
        if self.the_lock().unlock() {
            let all = i32::MAX.unsigned_abs();
            let _ = futex::wake(&self.shared.lock, futex::Flags::empty(), all);
        }
    }

    /// Moves all that is in the pipe, then writes `sentinels` end marks, each on a line of its own; with the last
    /// chunk if there is room.
    pub(super) fn finish(&self, sentinels: u32) {
        let mut buffer = [0; CHUNK];
        let mut moved = 0;
        while moved < CAPACITY {
            let room = CHUNK - SENTINEL.len();
            match rustix::io::read(&self.pipe, &mut buffer[..room]) {
                Err(Errno::INTR) => {}
                Ok(count @ 1..) => {
                    moved += count;
                    let ended = buffer[count - 1] == b'\n';
                    self.partial.store(u32::from(!ended), Relaxed);
                    if count == room || sentinels != 1 {
                        self.write(&buffer[..count]);
                        continue;
                    }
                    // The usual end of a run that printed: one write for the log and its end. Whatever the action
                    // prints after this belongs to no activation.
                    let mark = if ended { &SENTINEL[1..] } else { SENTINEL };
                    buffer[count..count + mark.len()].copy_from_slice(mark);
                    self.partial.store(0, Relaxed);
                    return self.write_mark(&buffer[..count + mark.len()]);
                }
                _ => break,
            }
        }
        self.end(sentinels);
    }

    /// Writes `sentinels` end marks, the first on a line of its own.
    pub(super) fn end(&self, sentinels: u32) {
        for _ in 0..sentinels {
            self.write_mark(self.mark());
        }
    }

    /// An end mark that stands on a line of its own.
    pub(super) fn mark(&self) -> &'static [u8] {
        let ended = self.partial.swap(0, Relaxed) == 0;
        if ended { &SENTINEL[1..] } else { SENTINEL }
    }

    /// Writes an end mark, with what stands before it, and strikes it out of what is owed.
    pub(super) fn write_mark(&self, bytes: &[u8]) {
        let unended = &self.shared.unended;
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
                    self.partial
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
