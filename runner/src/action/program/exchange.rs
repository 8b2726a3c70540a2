//! A talk with a program over pipes. It is told its input while it is listened to, since either may be longer than a
//! pipe holds; and its end is noticed, although somebody it has started may hold its pipes open.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// The longest line that is taken for a result, in bytes.
pub(super) const LONGEST_LINE: usize = 64 << 20;

pub(super) struct Exchange<'a> {
    /// Readable once the program has ended.
    pub(super) exit: BorrowedFd<'a>,
    /// Does not block.
    pub(super) stdin: &'a mut Option<OwnedFd>,
    /// What it has not been told yet.
    pub(super) input: &'a [u8],
    /// Is its stdin closed after that?
    pub(super) closes: bool,
    pub(super) output: BorrowedFd<'a>,
}

/// What can be done.
struct Ready {
    output: bool,
    stdin: bool,
    ended: bool,
}

impl Exchange<'_> {
    /// Takes what it says next. 0: it says no more.
    pub(super) fn listen(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.wait(true)?;
            if ready.stdin {
                self.tell();
            }
            if ready.output {
                match rustix::io::read(self.output, &mut *buffer) {
                    Err(Errno::INTR) => {}
                    other => return Ok(other?),
                }
            } else if ready.ended {
                return Ok(0);
            }
        }
    }

    /// It says no more: waits for its end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        loop {
            let ready = self.wait(false)?;
            if ready.ended {
                return Ok(());
            }
            self.tell();
        }
    }

    fn wait(&self, listens: bool) -> io::Result<Ready> {
        let stdin = self.stdin.as_ref().filter(|_| !self.input.is_empty());
        // A descriptor of no interest stands for one that is not waited for.
        let mut wanted = [
            PollFd::from_borrowed_fd(self.exit, PollFlags::IN),
            PollFd::from_borrowed_fd(self.exit, PollFlags::empty()),
            PollFd::from_borrowed_fd(self.exit, PollFlags::empty()),
        ];
        if listens {
            wanted[1] = PollFd::from_borrowed_fd(self.output, PollFlags::IN);
        }
        if let Some(stdin) = stdin {
            wanted[2] = PollFd::new(stdin, PollFlags::OUT);
        }
        match poll(&mut wanted, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [ended, output, told] = wanted.map(|wanted| !wanted.revents().is_empty());
        Ok(Ready {
            ended,
            output: output && listens,
            stdin: told && stdin.is_some(),
        })
    }

    /// Most programs of the Docker SDK look at their argument and never read: that they do not listen is no error.
    fn tell(&mut self) {
        let Some(stdin) = &*self.stdin else { return };
        match rustix::io::write(stdin, self.input) {
            Ok(count) => self.input = &self.input[count..],
            Err(Errno::INTR | Errno::AGAIN) => return,
            Err(_) => *self.stdin = None,
        }
        if self.closes && self.input.is_empty() {
            *self.stdin = None;
        }
    }
}
