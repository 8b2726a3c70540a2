//! The action's stdout and stderr on their way to the container's: complete, and ended after each activation.
//!
//! The action writes into two pipes. The keeper moves what arrives at once; at the end of a run the worker moves the
//! rest, makes sure that the last line is ended, and writes the sentinel, so that a silent run pays for two empty
//! reads. Whoever moves holds the stream's lock in shared memory, so that no byte overtakes another. Knows nothing of
//! requests; where nobody needs sentinels there are no pipes, and the action writes to the container's streams itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::process::slots::Stream;
use crate::process::sys;

/// The line that ends an activation's log, with the newline before it that a partial last line needs.
const SENTINEL: &[u8] = b"\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n";
/// What a pipe takes without blocking once it is writable, and what is moved at a time.
const CHUNK: usize = 4096;
/// How long a dead worker's log may wait for a reader before its caller is answered all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// Both streams of one worker.
pub struct Logs {
    streams: [LogStream; 2],
}

struct LogStream {
    shared: &'static Stream,
    /// The end that the runner reads; the action holds the other.
    pipe: OwnedFd,
    /// The end that becomes the action's descriptor 1 or 2; kept, so that the pipe never ends.
    action: OwnedFd,
    /// The container's stream.
    container: OwnedFd,
}

impl Logs {
    /// Makes the pipes of one worker. `containers` are copies of the process's own stdout and stderr.
    pub fn new(shared: &'static [Stream; 2], containers: [OwnedFd; 2]) -> io::Result<Self> {
        let [out, err] = shared;
        let [container_out, container_err] = containers;
        Ok(Self { streams: [LogStream::new(out, container_out)?, LogStream::new(err, container_err)?] })
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
        self.streams.iter().flat_map(|stream| [stream.pipe.as_fd(), stream.action.as_fd(), stream.container.as_fd()])
    }

    /// An activation begins: from now on its log must be ended, by whoever is left to do so.
    pub fn begin(&self) {
        for stream in &self.streams {
            stream.shared.unended.fetch_add(1, Relaxed);
        }
    }

    /// Ends the logs of `activations`, in the worker: all that was printed, then the sentinels.
    pub fn end(&self, activations: usize) {
        sys::flush_stdio();
        for stream in &self.streams {
            stream.lock();
            stream.finish(activations, None);
            stream.shared.unended.store(0, Relaxed);
            stream.unlock();
        }
    }

    /// An activation ends that needs no end mark (a good `/init`).
    pub fn end_silently(&self) {
        for stream in &self.streams {
            stream.shared.unended.fetch_sub(1, Relaxed);
        }
    }

    /// Moves what has arrived on the stream at `index`, in the keeper, without ever waiting. False: it could not,
    /// since the worker is moving, or nobody reads the container's stream; try again a little later.
    pub fn pump(&self, index: usize) -> bool {
        let stream = &self.streams[index];
        if stream.shared.lock.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            return false;
        }
        let moved = stream.move_what_fits();
        stream.unlock();
        moved
    }

    /// Ends a dead worker's logs, in the keeper: what it had printed, and a sentinel for each activation that was
    /// under way. Gives up when nobody reads.
    pub fn settle(&self) {
        let until = Instant::now() + PATIENCE;
        for stream in &self.streams {
            let unended = stream.shared.unended.swap(0, Relaxed) as usize;
            stream.finish(unended, Some(until));
            stream.unlock();
        }
    }
}

impl LogStream {
    fn new(shared: &'static Stream, container: OwnedFd) -> io::Result<Self> {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (pipe, action) = pipe_with(PipeFlags::CLOEXEC)?;
        // Only the runner's end: the action's must block like any stdout. 
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self { shared, pipe, action, container })
    }

    fn lock(&self) {
        while self.shared.lock.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            // The keeper holds it while it moves one chunk: a few microseconds, on another core.
            if self.shared.lock.compare_exchange(1, 2, Acquire, Relaxed).is_ok() || self.shared.lock.load(Relaxed) == 2
            {
                sys::futex_wait(&self.shared.lock, 2, Duration::from_millis(10));
            }
        }
    }

    fn unlock(&self) {
        if self.shared.lock.swap(0, Release) == 2 {
            sys::futex_wake(&self.shared.lock);
        }
    }

    /// Moves all that is in the pipe, then writes `sentinels` end marks, each on a line of its own; with the last
    /// chunk if there is room.
    fn finish(&self, sentinels: usize, until: Option<Instant>) {
        let mut buffer = [0; CHUNK];
        loop {
            let room = CHUNK - SENTINEL.len();
            match rustix::io::read(&self.pipe, &mut buffer[..room]) {
                Err(Errno::INTR) => {}
                Ok(count @ 1..) => {
                    let ended = buffer[count - 1] == b'\n';
                    self.shared.partial.store(u32::from(!ended), Relaxed);
                    if count == room || sentinels != 1 {
                        self.write(&buffer[..count], until);
                        continue;
                    }
                    // The usual end of a run that printed: one write for the log and its end. Whatever the action
                    // prints after this belongs to no activation.
                    let mark = if ended { &SENTINEL[1..] } else { SENTINEL };
                    buffer[count..count + mark.len()].copy_from_slice(mark);
                    self.shared.partial.store(0, Relaxed);
                    return self.write(&buffer[..count + mark.len()], until);
                }
                _ => break,
            }
        }
        for _ in 0..sentinels {
            let ended = self.shared.partial.swap(0, Relaxed) == 0;
            self.write(if ended { &SENTINEL[1..] } else { SENTINEL }, until);
        }
    }

    fn move_what_fits(&self) -> bool {
        let mut buffer = [0; CHUNK];
        while is_writable(self.container.as_fd(), Some(Duration::ZERO)) {
            match rustix::io::read(&self.pipe, &mut buffer) {
                Err(Errno::INTR) => {}
                Ok(count @ 1..) => {
                    self.shared.partial.store(u32::from(buffer[count - 1] != b'\n'), Relaxed);
                    self.write(&buffer[..count], None);
                }
                _ => return true,
            }
        }
        false
    }

    /// Writes all of `bytes`, waiting for the reader, `until` a moment if one is given. An error loses the bytes:
    /// there is nobody to tell.
    fn write(&self, mut bytes: &[u8], until: Option<Instant>) {
        while !bytes.is_empty() {
            if let Some(until) = until {
                let left = until.saturating_duration_since(Instant::now());
                if !is_writable(self.container.as_fd(), Some(left)) {
                    return;
                }
            }
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
