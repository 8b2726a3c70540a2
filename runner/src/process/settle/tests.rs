use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, IntoRawFd};

use super::super::slots::{Pair, Slot, State};
use super::super::sys;
use super::{Death, End, Lingering, settle};

const REQUEST: &[u8] = b"POST /run HTTP/1.1\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// A caller, and the slot that its connection has with the worker in seat 0.
fn connect(pair: &'static Pair) -> (TcpStream, TcpStream, &'static Slot, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let caller = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
    let (connection, _) = listener.accept().expect("accepted");
    let number = connection.try_clone().expect("cloned").into_raw_fd();
    let index = pair.claim(number, 0, 8).expect("a free slot");
    (caller, connection, &pair.slots[index], index)
}

fn die(pair: &'static Pair, seat: usize) {
    let end = End {
        death: Death::Signal(9),
        culprits: Vec::new(),
    };
    let mut lingering = Lingering::default();
    settle(pair, seat, Some(&end), &mut lingering);
}

/// Reads a request as a worker does, up to the note that it has.
fn take(connection: &mut TcpStream, pair: &'static Pair, slot: &Slot, index: usize, seat: usize) {
    slot.set(State::Taking, seat);
    let mut read = [0; REQUEST.len()];
    connection.read_exact(&mut read).expect("a request");
    assert!(pair.stash.claim(index).expect("a free piece").add(&read));
    slot.set(State::Reading, seat);
    slot.note_received(read.len());
}

#[test]
fn a_request_that_was_handed_on_stays_until_somebody_takes_it_up() {
    let pair: &'static Pair = sys::shared().expect("memory");
    let (mut caller, mut connection, slot, index) = connect(pair);
    caller.write_all(REQUEST).expect("sent");
    take(&mut connection, pair, slot, index, 0);
    die(pair, 0);
    for seat in [1, 0] {
        assert_eq!(slot.read(), (State::Idle, None));
        assert!(slot.adopt(seat));
        die(pair, seat); // Before it has done anything.
        let piece = pair.stash.of(index).expect("still there");
        assert_eq!(piece.bytes(), REQUEST);
    }
}

#[test]
fn an_answer_is_owed_as_long_as_none_of_it_was_sent() {
    let pair: &'static Pair = sys::shared().expect("memory");
    let (mut caller, mut connection, slot, index) = connect(pair);
    // One worker after the other dies with its answer sent and not noted as such.
    for seat in [0, 1, 0] {
        caller.write_all(REQUEST).expect("sent");
        take(&mut connection, pair, slot, index, seat);
        slot.note_due(ANSWER.len());
        slot.set(State::Sending, seat);
        connection.write_all(ANSWER).expect("sent");
        die(pair, seat);
        assert_eq!(slot.read(), (State::Idle, None), "all of it was sent");
        assert!(pair.stash.of(index).is_none());
        assert!(slot.adopt(1 - seat));
        caller.read_exact(&mut [0; ANSWER.len()]).expect("answered");
    }
    let noted = sys::traffic(connection.as_fd()).expect("TCP");
    slot.note_due(ANSWER.len());
    assert_eq!(slot.state_by(State::Sending, noted), State::Answering);
    connection.write_all(&ANSWER[..5]).expect("sent");
    let part = sys::traffic(connection.as_fd()).expect("TCP");
    assert_eq!(slot.state_by(State::Sending, part), State::Sending);
}

/// The next worker would take it for one that goes on, and its caller wait for the end.
#[test]
fn a_connection_ends_with_its_last_answer() {
    let pair: &'static Pair = sys::shared().expect("memory");
    let (mut caller, mut connection, slot, index) = connect(pair);
    caller.write_all(REQUEST).expect("sent");
    take(&mut connection, pair, slot, index, 0);
    slot.mark_last();
    slot.note_due(ANSWER.len());
    slot.set(State::Sending, 0);
    connection.write_all(ANSWER).expect("sent");
    die(pair, 0);
    assert_eq!(slot.read(), (State::Free, None));
    let mut all = Vec::new();
    caller.read_to_end(&mut all).expect("answered, and ended");
    assert_eq!(all, ANSWER);
}

#[test]
fn a_slot_that_was_not_filled_in_is_free_again() {
    let pair: &'static Pair = sys::shared().expect("memory");
    let index = pair.claim(0, 0, 8).expect("a free slot");
    die(pair, 0);
    assert_eq!(pair.slots[index].read(), (State::Free, None));
}
