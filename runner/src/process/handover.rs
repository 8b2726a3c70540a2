//! The hand-over socket: a queue of the kernel's with connections that a pair has left behind. Whoever serves takes them
//! up as it takes up new ones.
//!
//! A message is a batch of idle connections, or one in the middle of a request with what has been read of it. The kernel
//! limits the descriptors of a user that are in flight, and the bytes in the queue: what it refuses stays with whoever
//! offered it, to be offered again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::connection::Slot;
use super::passing;
use super::replay::REPLAY;
use super::sys::Traffic;

/// Bytes in a message for each connection: what came and went on it.
const TRAFFIC: usize = 8;
/// Bytes before a request that has been read in part: the traffic, and how often it has been handed on.
const HEAD: usize = TRAFFIC + 4;

/// Both ends of the queue.
pub struct Queue {
    entry: OwnedFd,
    exit: OwnedFd,
    batch: usize,
}

/// A connection that waits to be taken up.
pub struct Waiting {
    socket: OwnedFd,
    traffic: Traffic,
    /// What has been read of a request, and how often that has been handed on.
    read: Vec<u8>,
    handed_on: u32,
    /// While its worker lives: its record, for the case that the worker dies before it is in the queue.
    slot: Option<&'static Slot>,
}

impl Waiting {
    /// An idle connection of a dead worker.
    pub(super) fn idle(socket: OwnedFd, traffic: Traffic) -> Self {
        Self {
            socket,
            traffic,
            read: Vec::new(),
            handed_on: 0,
            slot: None,
        }
    }

    /// The same, with what has been read of a request.
    pub(super) fn with_request(self, read: Vec<u8>, handed_on: u32) -> Self {
        Self {
            read,
            handed_on,
            ..self
        }
    }

    /// An idle connection of a worker that leaves.
    pub(super) fn left_by_worker(socket: OwnedFd, slot: &'static Slot) -> Self {
        Self {
            slot: Some(slot),
            ..Self::idle(socket, slot.traffic())
        }
    }

    /// Has nothing been read of a request?
    pub(super) fn is_idle(&self) -> bool {
        self.read.is_empty()
    }

    /// It is in the queue: here it is closed. Its record last: without one a keeper would take it for forgotten. No other
    /// connection gets its number in between, since this thread is the one that serves.
    fn finish(self) {
        drop(self.socket);
        self.slot.iter().for_each(|slot| slot.free());
    }
}

/// A connection that was taken up.
pub struct Taken {
    pub socket: OwnedFd,
    pub traffic: Traffic,
    /// What a worker before has read of a request, and how often that has been handed on.
    pub read: Vec<u8>,
    pub handed_on: u32,
}

impl Queue {
    /// For workers that hold so many connections at most.
    pub(super) fn new(connections: usize) -> io::Result<Self> {
        let (entry, exit) = passing::ends()?;
        // Whoever takes a message takes all connections in it, and must have room for as many.
        let batch = (connections / 4).clamp(1, passing::MOST);
        Ok(Self { entry, exit, batch })
    }

    /// Readable when somebody waits to be taken up.
    pub fn exit(&self) -> BorrowedFd<'_> {
        self.exit.as_fd()
    }

    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.entry.as_fd(), self.exit.as_fd()]
    }

    /// How many connections one [`take`](Self::take) may bring.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Puts those that wait into the queue, the last first, until the kernel refuses one.
    pub fn offer(&self, waiting: &mut Vec<Waiting>) {
        while let Some(last) = waiting.last() {
            let idle = waiting.iter().rev().take(self.batch);
            let idle = idle.take_while(|it| it.read.is_empty()).count();
            let start = waiting.len() - idle.max(1);
            let slots = || waiting[start..].iter().filter_map(|it| it.slot);
            slots().for_each(Slot::offers);
            let outcome = match idle {
                0 => self.send_request(last),
                _ => self.send_idle(&waiting[waiting.len() - idle..]),
            };
            if outcome.is_err() {
                slots().for_each(Slot::was_refused);
                return;
            }
            waiting.drain(start..).for_each(Waiting::finish);
        }
    }

    fn send_idle(&self, waiting: &[Waiting]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(waiting.len() * TRAFFIC);
        for one in waiting {
            bytes.extend(encode(one.traffic));
        }
        let sockets: Vec<BorrowedFd<'_>> = waiting.iter().map(|it| it.socket.as_fd()).collect();
        passing::send(&self.entry, &bytes, &sockets)
    }

    fn send_request(&self, waiting: &Waiting) -> io::Result<()> {
        let head = encode(waiting.traffic).into_iter();
        let head = head.chain(waiting.handed_on.to_ne_bytes());
        let bytes: Vec<u8> = head.chain(waiting.read.iter().copied()).collect();
        passing::send(&self.entry, &bytes, &[waiting.socket.as_fd()])
    }

    /// The next message: connections up to a [`batch`](Self::batch). `WouldBlock`: there is none.
    pub fn take(&self) -> io::Result<Vec<Taken>> {
        let mut bytes = vec![0; HEAD + REPLAY];
        let (length, sockets) = passing::receive(&self.exit, &mut bytes)?;
        Ok(decode(&bytes[..length], sockets))
    }
}

fn encode(traffic: Traffic) -> [u8; TRAFFIC] {
    let word = u64::from(traffic.received) << 32 | u64::from(traffic.sent);
    word.to_be_bytes()
}

fn word(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}

/// A request makes the message longer than the traffic of its connections.
fn decode(bytes: &[u8], sockets: Vec<OwnedFd>) -> Vec<Taken> {
    let (heads, rest) = bytes.split_at(bytes.len().min(sockets.len() * TRAFFIC));
    let heads = heads.chunks_exact(TRAFFIC).map(|head| Traffic {
        received: word(&head[..TRAFFIC / 2]),
        sent: word(&head[TRAFFIC / 2..]),
    });
    let (handed_on, read) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
    let taken = sockets.into_iter().zip(heads);
    taken
        .map(|(socket, traffic)| Taken {
            socket,
            traffic,
            read: read.to_vec(),
            handed_on: u32::from_ne_bytes(*handed_on),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn connections_come_out_as_they_went_in() {
        let queue = Queue::new(1000).expect("a queue");
        let traffic = |received, sent| Traffic { received, sent };
        let idle = |traffic| {
            let (one, _) = UnixStream::pair().expect("a pair");
            Waiting::idle(one.into(), traffic)
        };
        let request = idle(traffic(5, 6)).with_request(b"POST".to_vec(), 2);
        let mut waiting = vec![request, idle(traffic(1, 2)), idle(traffic(u32::MAX, 4))];
        queue.offer(&mut waiting);
        assert!(waiting.is_empty());
        let first = queue.take().expect("taken");
        let found: Vec<Traffic> = first.iter().map(|it| it.traffic).collect();
        assert_eq!(found, [traffic(1, 2), traffic(u32::MAX, 4)]);
        assert!(first.iter().all(|it| it.read.is_empty()));
        let [request] = &queue.take().expect("taken")[..] else {
            panic!("one connection");
        };
        assert_eq!(request.read, b"POST");
        assert_eq!((request.traffic, request.handed_on), (traffic(5, 6), 2));
        let empty = queue.take().err().map(|error| error.kind());
        assert_eq!(empty, Some(io::ErrorKind::WouldBlock));
    }

    /// What the kernel refuses stays with whoever offered it.
    #[test]
    fn a_full_queue_loses_nothing() {
        let queue = Queue::new(1000).expect("a queue");
        let large = |number: u32| {
            let (one, _) = UnixStream::pair().expect("a pair");
            Waiting::idle(one.into(), Traffic::default()).with_request(vec![1; REPLAY], number)
        };
        let mut waiting: Vec<Waiting> = (0..60).map(large).collect();
        let mut taken = Vec::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            queue.offer(&mut waiting);
            assert!(
                waiting.len() < before,
                "the queue takes something each time"
            );
            while let Ok(some) = queue.take() {
                taken.extend(some.into_iter().map(|it| (it.read.len(), it.handed_on)));
            }
        }
        taken.sort_unstable();
        let all: Vec<(usize, u32)> = (0..60).map(|number| (REPLAY, number)).collect();
        assert_eq!(taken, all);
    }
}
