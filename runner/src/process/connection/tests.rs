//! What a dead worker's callers are owed, over real connections: the kernel's counters say what the worker could not note.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use super::super::replay::Replay;
use super::super::sys::{self, Traffic};
use super::{Connection, Entry, Owed, Page, Part};

const REQUEST: &[u8] = b"POST /run HTTP/1.1\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A caller, the worker's end of its connection, and what is noted of that.
struct Served {
    caller: TcpStream,
    socket: TcpStream,
    noted: Connection,
    page: &'static Page,
}

impl Served {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let caller = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (socket, _) = listener.accept().expect("accepted");
        let page: &'static Page = sys::shared().expect("memory");
        let noted =
            Connection::open(page, socket.as_fd(), Traffic::default(), &[], 0).expect("a slot");
        Self {
            caller,
            socket,
            noted,
            page,
        }
    }

    /// The worker reads a request, up to the note that it has.
    fn read(&mut self) {
        self.caller.write_all(REQUEST).expect("sent");
        self.noted.reads();
        let mut read = [0; REQUEST.len()];
        self.socket.read_exact(&mut read).expect("a request");
        self.noted.has_read(&read);
    }

    fn answer(&mut self, last: bool, bytes: usize) {
        drop(self.noted.caller().enter(Entry::Run, 0));
        self.noted.caller().has_answer(last);
        assert_eq!(self.noted.sends(ANSWER.len()), Part::Beginning);
        self.socket.write_all(&ANSWER[..bytes]).expect("sent");
    }

    /// The worker is dead.
    fn owed(&self) -> Owed {
        let slot = self.noted.slot;
        let kernel = sys::traffic(self.socket.as_fd());
        assert!(kernel.is_some(), "the kernel counts");
        slot.owed(kernel, self.kept().is_some())
    }

    fn kept(&self) -> Option<&Replay> {
        self.page.replay(self.noted.slot.buffer()?)
    }
}

#[test]
fn an_idle_caller_waits_for_the_next() {
    let served = Served::new();
    assert_eq!(served.owed(), Owed::Next(Traffic::default()));
}

#[test]
fn a_request_that_was_read_goes_on() {
    let mut served = Served::new();
    served.read();
    let received = u32::try_from(REQUEST.len()).expect("short");
    assert_eq!(served.owed(), Owed::Next(Traffic { received, sent: 0 }));
    assert_eq!(served.kept().expect("kept").bytes(), REQUEST);
}

#[test]
fn what_was_read_and_not_noted_has_to_be_sent_again() {
    let mut served = Served::new();
    served.noted.reads();
    let untouched = served.owed();
    assert_eq!(
        untouched,
        Owed::Next(Traffic::default()),
        "nothing was read"
    );
    served.caller.write_all(REQUEST).expect("sent");
    let mut read = [0; 5];
    served
        .socket
        .read_exact(&mut read)
        .expect("part of a request");
    assert_eq!(served.owed(), Owed::Again);
    served.noted.has_read(&read);
    assert!(matches!(served.owed(), Owed::Next(_)));
    served.noted.caller().sends_init();
    let mut rest = [0; 5];
    served.socket.read_exact(&mut rest).expect("more of it");
    assert_eq!(served.owed(), Owed::InitAgain);
}

#[test]
fn an_answer_is_owed_as_long_as_none_of_it_was_sent() {
    for (sent, owed) in [
        (0, Some(Owed::Cause)),
        (5, Some(Owed::Close)),
        (ANSWER.len(), None),
    ] {
        let mut served = Served::new();
        served.read();
        served.answer(false, sent);
        match owed {
            Some(owed) => assert_eq!(served.owed(), owed, "{sent} bytes"),
            None => assert!(matches!(served.owed(), Owed::Next(_)), "all of it was sent"),
        }
    }
}

/// The next worker would take it for one that goes on, and its caller wait for the end.
#[test]
fn a_connection_ends_with_its_last_answer() {
    let mut served = Served::new();
    served.read();
    served.answer(true, ANSWER.len());
    assert_eq!(served.owed(), Owed::Close);
}

#[test]
fn nothing_of_a_request_is_left_once_its_run_is_entered() {
    let mut served = Served::new();
    served.read();
    let number = served.noted.slot.buffer().expect("kept");
    drop(served.noted.caller().enter(Entry::Run, 0));
    assert!(served.kept().is_none());
    assert!(served.page.replay(number).expect("a buffer").is_free());
}

/// Its record is nobody's as soon as it is dropped.
#[test]
fn a_connection_that_ended_is_owed_nothing() {
    let mut served = Served::new();
    served.read();
    let slot = served.noted.slot;
    drop(served.noted);
    assert_eq!(slot.owed(None, false), Owed::Close);
    assert!(!slot.is_taken());
}
