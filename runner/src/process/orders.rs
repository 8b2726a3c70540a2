//! What a keeper is told, over a pipe of its own: by its worker to look at the page, by the master that the worker has
//! ended. One message is one write, so that neither can split the other's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};

use crate::refusal::Death;

/// The size of a message in bytes: a kind and a number.
const MESSAGE: usize = 16;

/// A message for a keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// A run with a limit has begun while you slept.
    Look,
    /// The worker has ended; `None`: on purpose, with nothing left to answer.
    Ended(Option<Death>),
}

impl Order {
    fn encode(self) -> [u8; MESSAGE] {
        let (kind, number) = match self {
            Self::Look => (0, 0),
            Self::Ended(None) => (1, 0),
            Self::Ended(Some(Death::Signal(signal))) => (2, u64::from(signal.unsigned_abs())),
            Self::Ended(Some(Death::Exited(status))) => (3, u64::from(status.unsigned_abs())),
            Self::Ended(Some(Death::OutOfMemory { limit_mb })) => (4, limit_mb),
            Self::Ended(Some(Death::TimeLimit { ms })) => (5, ms),
            Self::Ended(Some(Death::Stopped)) => (6, 0),
        };
        (u128::from(number) << 64 | kind).to_ne_bytes()
    }

    fn decode(bytes: [u8; MESSAGE]) -> Self {
        let word = u128::from_ne_bytes(bytes);
        let number = u64::try_from(word >> 64).unwrap_or(0);
        let small = i32::try_from(number).unwrap_or(0);
        let death = match word & 0xff {
            0 => return Self::Look,
            2 => Some(Death::Signal(small)),
            3 => Some(Death::Exited(small)),
            4 => Some(Death::OutOfMemory { limit_mb: number }),
            5 => Some(Death::TimeLimit { ms: number }),
            6 => Some(Death::Stopped),
            _ => None,
        };
        Self::Ended(death)
    }

    /// Sends it. A full pipe has woken its reader already; one that is closed has none.
    pub(super) fn send(self, to: impl AsFd) {
        let _ = rustix::io::write(to, &self.encode());
    }

    /// The next message; `None`: there is none. An error: that is no such pipe any more.
    pub(super) fn receive(from: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        use rustix::io::Errno;
        let mut bytes = [0; MESSAGE];
        match rustix::io::read(from, &mut bytes) {
            Ok(MESSAGE) => Ok(Some(Self::decode(bytes))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// A pipe whose reader is woken. Neither end blocks. The first is the one that is read.
pub(super) fn wakeup() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// Wakes whoever reads a [`wakeup`].
pub(super) fn wake(writer: impl AsFd) {
    let _ = rustix::io::write(writer, &[1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_arrive_as_they_were_given() {
        let (reader, writer) = wakeup().expect("a pipe");
        let limit_mb = u64::MAX;
        let orders = [
            Order::Look,
            Order::Ended(None),
            Order::Ended(Some(Death::Signal(9))),
            Order::Ended(Some(Death::Exited(255))),
            Order::Ended(Some(Death::OutOfMemory { limit_mb })),
            Order::Ended(Some(Death::TimeLimit { ms: 1 })),
            Order::Ended(Some(Death::Stopped)),
        ];
        orders.iter().for_each(|order| order.send(&writer));
        for order in orders {
            let received = Order::receive(reader.as_fd()).expect("a message");
            assert_eq!(received, Some(order));
        }
        assert_eq!(Order::receive(reader.as_fd()).expect("a pipe"), None);
        drop(writer);
        assert!(Order::receive(reader.as_fd()).is_err());
    }
}
