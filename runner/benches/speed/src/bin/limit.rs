//! The limit: the least that a server can do. One thread, epoll, reads no more of a request than its Content-Length,
//! answers bytes that were ready before.
//!
//! Arguments: how much shorter an answer is than the request's body, and the address.

use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::epoll::{self, Event, EventData, EventFlags};

/// The longest body there is.
const LONGEST: usize = 64 << 20;
const LISTENER: u64 = u64::MAX;

struct Connection {
    stream: TcpStream,
    /// What has been read of the current request; only its head is looked at.
    buffer: Vec<u8>,
    filled: usize,
    /// Length of head and body.
    whole: Option<usize>,
    head: usize,
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let shorter: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address)?;
    eprintln!("limit: listening on {}", listener.local_addr()?);
    let mut canned = Vec::new();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = [Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    }; 64];
    loop {
        let count = epoll::wait(&poll, &mut events, None)?;
        for event in &events[..count] {
            let index = event.data.u64();
            if index == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                let free = connections
                    .iter()
                    .position(Option::is_none)
                    .unwrap_or(connections.len());
                epoll::add(&poll, &stream, EventData::new_u64(free as u64), EventFlags::IN)?;
                if free == connections.len() {
                    connections.push(None);
                }
                connections[free] = Some(Connection::new(stream));
                continue;
            }
            let place = &mut connections[index as usize];
            if place
                .as_mut()
                .is_some_and(|connection| connection.serve(&mut canned, shorter).is_none())
            {
                *place = None;
            }
        }
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: vec![0; 16 << 10],
            filled: 0,
            whole: None,
            head: 0,
        }
    }

    /// Reads what is there; answers when it is a whole request. `None`: it is over.
    fn serve(&mut self, canned: &mut Vec<u8>, shorter: usize) -> Option<()> {
        let count = self
            .stream
            .read(&mut self.buffer[self.filled..])
            .ok()
            .filter(|count| *count > 0)?;
        self.filled += count;
        if self.whole.is_none() {
            let head = find(&self.buffer[..self.filled], b"\r\n\r\n")? + 4;
            let whole = head + content_length(&self.buffer[..head])?;
            (self.head, self.whole) = (head, Some(whole));
            if self.buffer.len() < whole {
                self.buffer.resize(whole, 0);
            }
        }
        let whole = self.whole?;
        if self.filled >= whole {
            self.answer(canned, (whole - self.head).saturating_sub(shorter).min(LONGEST))?;
            (self.filled, self.whole) = (0, None);
        }
        Some(())
    }

    fn answer(&mut self, canned: &mut Vec<u8>, length: usize) -> Option<()> {
        if canned.len() < length {
            canned.resize(length, b'x');
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        let parts = [IoSlice::new(head.as_bytes()), IoSlice::new(&canned[..length])];
        let sent = self.stream.write_vectored(&parts).ok()?;
        self.stream
            .write_all(&canned[sent.saturating_sub(head.len()).min(length)..length])
            .ok()
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })
}
