//! Runs at a fixed rate, however fast the answers come. Latency counts from when a run was meant to be sent: one that
//! has to wait for a connection, since all others still wait for their answers, has waited; a closed loop would not have
//! asked at all and left those waits out (coordinated omission).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::caller::Expect;
use crate::callers::Callers;
use crate::load::Sample;
use crate::random::Random;
use crate::request::Request;

/// How long answers are waited for that are late.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Paced {
    /// Runs a second; the gaps between them are exponential, as those of many callers that know nothing of each other.
    pub rate: f64,
    pub connections: usize,
    pub time: Duration,
    pub seed: u64,
}

impl Paced {
    pub fn drive(&self, address: SocketAddr, request: &mut Request, expect: Expect) -> io::Result<Sample> {
        let mut sample = Sample::default();
        let mut callers = Callers::connect(address, self.connections)?;
        let mut random = Random::new(self.seed);
        let mut idle: Vec<usize> = (0..self.connections).collect();
        let mut due = VecDeque::new();
        let mut answered = Vec::new();
        let start = Instant::now();
        let end = start + self.time;
        let mut next = start;
        loop {
            let now = Instant::now();
            while next <= now && next < end {
                due.push_back(next);
                next += Duration::from_secs_f64(random.exponential() / self.rate);
            }
            while !due.is_empty() && !idle.is_empty() {
                if let (Some(intended), Some(index)) = (due.pop_front(), idle.pop()) {
                    callers.ask(index, request)?;
                    callers.get(index).began = intended;
                }
            }
            let all_sent = next >= end && due.is_empty();
            if all_sent && idle.len() == self.connections {
                break;
            }
            if now > end + PATIENCE {
                // They have waited so long at least.
                sample
                    .latencies
                    .extend(due.iter().map(|intended| intended.elapsed().as_nanos() as u64));
                break;
            }
            // Does not sleep: a sleeping generator would be late itself, by more than an answer takes.
            callers.answered(true, &mut answered)?;
            for index in answered.drain(..) {
                sample.add(callers.get(index), expect);
                idle.push(index);
            }
        }
        sample.close(start);
        Ok(sample)
    }
}
