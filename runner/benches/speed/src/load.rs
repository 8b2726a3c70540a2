//! The load generator: one thread, a closed loop on each connection. Kept light, since it shares the cores with what it
//! measures: one caller reads straight from its socket, several are waited for with epoll.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, Event, EventData, EventFlags};

use crate::request::Request;

/// What is done to a server.
#[derive(Clone, Copy)]
pub struct Load {
    pub callers: usize,
    /// A new connection for each run.
    pub fresh: bool,
    pub time: Duration,
    /// No more runs than this.
    pub runs: usize,
}

/// What must come back.
#[derive(Clone, Copy)]
pub enum Expect<'a> {
    Bytes(&'a [u8]),
    Length(usize),
    /// Status 200.
    Anything,
}

/// What came of it.
#[derive(Default)]
pub struct Sample {
    pub seconds: f64,
    /// Of each run, in nanoseconds, sorted.
    pub latencies: Vec<u64>,
    pub wrong: usize,
}

impl Sample {
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// In microseconds.
    pub fn percentile(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * part).round() as usize;
        self.latencies
            .get(index)
            .map_or(f64::NAN, |latency| *latency as f64 / 1000.0)
    }
}

impl Load {
    pub fn drive(self, address: SocketAddr, request: &mut Request, expect: Expect) -> io::Result<Sample> {
        let mut sample = Sample::default();
        let start = Instant::now();
        match self.callers {
            1 => self.drive_one(address, request, expect, &mut sample)?,
            _ => self.drive_several(address, request, expect, &mut sample)?,
        }
        sample.seconds = start.elapsed().as_secs_f64();
        sample.latencies.sort_unstable();
        Ok(sample)
    }

    fn is_over(&self, start: Instant, sample: &Sample) -> bool {
        sample.latencies.len() >= self.runs || start.elapsed() >= self.time
    }

    fn drive_one(
        self,
        address: SocketAddr,
        request: &mut Request,
        expect: Expect,
        sample: &mut Sample,
    ) -> io::Result<()> {
        let start = Instant::now();
        let mut caller: Option<Caller> = None;
        let mut buffer = Vec::new();
        while !self.is_over(start, sample) {
            let began = Instant::now();
            let mut at_work = match caller.take() {
                Some(caller) if !self.fresh => caller,
                _ => Caller::connect(address, std::mem::take(&mut buffer))?,
            };
            at_work.ask(request)?;
            while !at_work.read()? {}
            sample.latencies.push(began.elapsed().as_nanos() as u64);
            sample.wrong += usize::from(!at_work.is_right(expect));
            if self.fresh {
                buffer = at_work.buffer;
            } else {
                caller = Some(at_work);
            }
        }
        Ok(())
    }

    fn drive_several(
        self,
        address: SocketAddr,
        request: &mut Request,
        expect: Expect,
        sample: &mut Sample,
    ) -> io::Result<()> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let start = Instant::now();
        let mut callers = Vec::new();
        for index in 0..self.callers {
            let mut caller = Caller::connect(address, Vec::new())?;
            epoll::add(&poll, &caller.stream, EventData::new_u64(index as u64), EventFlags::IN)?;
            caller.ask(request)?;
            callers.push(caller);
        }
        let mut waiting = callers.len();
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 64];
        while waiting > 0 {
            let count = epoll::wait(&poll, &mut events, None)?;
            for event in &events[..count] {
                let index = event.data.u64() as usize;
                let caller = &mut callers[index];
                if !caller.read()? {
                    continue;
                }
                sample.latencies.push(caller.began.elapsed().as_nanos() as u64);
                sample.wrong += usize::from(!caller.is_right(expect));
                if self.is_over(start, sample) {
                    waiting -= 1;
                    continue;
                }
                if self.fresh {
                    let buffer = std::mem::take(&mut caller.buffer);
                    let began = Instant::now();
                    *caller = Caller::connect(address, buffer)?;
                    caller.began = began;
                    epoll::add(&poll, &caller.stream, EventData::new_u64(index as u64), EventFlags::IN)?;
                }
                caller.ask(request)?;
            }
        }
        Ok(())
    }
}

/// One connection.
pub struct Caller {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Length of the answer's head, and of all of it.
    lengths: Option<(usize, usize)>,
    began: Instant,
}

impl Caller {
    pub fn connect(address: SocketAddr, mut buffer: Vec<u8>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        buffer.resize(buffer.len().max(32 << 10), 0);
        Ok(Self {
            stream,
            buffer,
            filled: 0,
            lengths: None,
            began: Instant::now(),
        })
    }

    pub fn ask(&mut self, request: &mut Request) -> io::Result<()> {
        (self.filled, self.lengths) = (0, None);
        request.renew();
        self.began = Instant::now();
        self.stream.write_all(&request.bytes)
    }

    /// Reads once. True: the answer is complete.
    pub fn read(&mut self) -> io::Result<bool> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let count = self.stream.read(&mut self.buffer[self.filled..])?;
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

    fn is_right(&self, expect: Expect) -> bool {
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
