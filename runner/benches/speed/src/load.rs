//! The load generator: one thread, a closed loop on each connection. Kept light, since it shares the cores with what it
//! measures: one caller reads straight from its socket, several are waited for with epoll.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::caller::{Caller, Expect};
use crate::callers::Callers;
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

    /// An answer is there.
    pub fn add(&mut self, caller: &Caller, expect: Expect) {
        self.latencies.push(caller.began.elapsed().as_nanos() as u64);
        self.wrong += usize::from(!caller.is_right(expect));
    }

    /// No more will come.
    pub fn close(&mut self, start: Instant) {
        self.seconds = start.elapsed().as_secs_f64();
        self.latencies.sort_unstable();
    }
}

impl Load {
    /// Callers whose connections stay.
    pub fn kept(callers: usize, time: Duration) -> Self {
        Self {
            callers,
            fresh: false,
            time,
            runs: usize::MAX,
        }
    }

    pub fn drive(self, address: SocketAddr, request: &mut Request, expect: Expect) -> io::Result<Sample> {
        match self.callers {
            1 => self.drive_one(address, request, expect),
            _ => self.drive_several(address, request, expect),
        }
    }

    fn is_over(&self, start: Instant, sample: &Sample) -> bool {
        sample.latencies.len() >= self.runs || start.elapsed() >= self.time
    }

    fn drive_one(self, address: SocketAddr, request: &mut Request, expect: Expect) -> io::Result<Sample> {
        let mut sample = Sample::default();
        let start = Instant::now();
        let mut caller: Option<Caller> = None;
        let mut buffer = Vec::new();
        while !self.is_over(start, &sample) {
            let began = Instant::now();
            let mut at_work = match caller.take() {
                Some(caller) if !self.fresh => caller,
                _ => Caller::connect(address, std::mem::take(&mut buffer))?,
            };
            at_work.ask(request)?;
            at_work.began = began;
            while !at_work.read()? {}
            sample.add(&at_work, expect);
            if self.fresh {
                buffer = at_work.buffer;
            } else {
                caller = Some(at_work);
            }
        }
        sample.close(start);
        Ok(sample)
    }

    fn drive_several(self, address: SocketAddr, request: &mut Request, expect: Expect) -> io::Result<Sample> {
        let mut sample = Sample::default();
        let mut callers = Callers::connect(address, self.callers)?;
        let start = Instant::now();
        for index in 0..self.callers {
            callers.ask(index, request)?;
        }
        let mut waiting = self.callers;
        let mut answered = Vec::new();
        while waiting > 0 {
            callers.answered(false, &mut answered)?;
            for index in answered.drain(..) {
                sample.add(callers.get(index), expect);
                if self.is_over(start, &sample) {
                    waiting -= 1;
                } else if self.fresh {
                    let began = callers.reconnect(index)?;
                    callers.ask(index, request)?;
                    callers.get(index).began = began;
                } else {
                    callers.ask(index, request)?;
                }
            }
        }
        sample.close(start);
        Ok(sample)
    }
}
