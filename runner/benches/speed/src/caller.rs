//! One connection of a caller: a request out, an answer in.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::request::Request;

/// What must come back.
#[derive(Clone, Copy)]
pub enum Expect<'a> {
    Bytes(&'a [u8]),
    Length(usize),
    /// Status 200.
    Anything,
}

pub struct Caller {
    pub stream: TcpStream,
    /// For the answer; kept from one connection to the next.
    pub buffer: Vec<u8>,
    /// From when the latency counts.
    pub began: Instant,
    filled: usize,
    /// Length of the answer's head, and of all of it.
    lengths: Option<(usize, usize)>,
    /// What the socket did not take at once.
    rest: Vec<u8>,
}

impl Caller {
    pub fn connect(address: SocketAddr, mut buffer: Vec<u8>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        buffer.resize(buffer.len().max(32 << 10), 0);
        Ok(Self {
            stream,
            buffer,
            began: Instant::now(),
            filled: 0,
            lengths: None,
            rest: Vec::new(),
        })
    }

    /// Sends all of the request, however long that takes.
    pub fn ask(&mut self, request: &mut Request) -> io::Result<()> {
        self.prepare(request);
        self.stream.write_all(&request.bytes)
    }

    /// Sends what the socket takes: one that waits here would not read the answers of its other connections, for which
    /// the server may be waiting. True: all is sent.
    pub fn begin(&mut self, request: &mut Request) -> io::Result<bool> {
        self.prepare(request);
        let sent = match self.stream.write(&request.bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        self.rest.extend_from_slice(&request.bytes[sent..]);
        Ok(self.rest.is_empty())
    }

    /// Goes on sending. True: that was the last of it.
    pub fn go_on(&mut self) -> io::Result<bool> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let sent = self.stream.write(&self.rest)?;
        self.rest.drain(..sent);
        Ok(self.rest.is_empty())
    }

    fn prepare(&mut self, request: &mut Request) {
        (self.filled, self.lengths) = (0, None);
        request.renew();
        self.began = Instant::now();
    }

    /// Reads once. True: the answer is complete.
    pub fn read(&mut self) -> io::Result<bool> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let count = match self.stream.read(&mut self.buffer[self.filled..]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            count => count?,
        };
        if count == 0 {
            return Err(io::Error::other("a connection ended before its answer"));
        }
        self.filled += count;
        if self.lengths.is_none() {
            self.lengths = lengths(&self.buffer[..self.filled]);
            if let Some((_, whole)) = self.lengths {
                self.buffer.resize(self.buffer.len().max(whole), 0);
            }
        }
        Ok(self.lengths.is_some_and(|(_, whole)| self.filled >= whole))
    }

    pub fn status(&self) -> u16 {
        let text = self
            .buffer
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        text.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    pub fn body(&self) -> &[u8] {
        let (head, whole) = self.lengths.unwrap_or_default();
        &self.buffer[head..whole]
    }

    pub fn is_right(&self, expect: Expect) -> bool {
        self.status() == 200
            && match expect {
                Expect::Bytes(bytes) => self.body() == bytes,
                Expect::Length(length) => self.body().len() == length,
                Expect::Anything => true,
            }
    }
}

fn lengths(answer: &[u8]) -> Option<(usize, usize)> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some((head, head + length))
}
