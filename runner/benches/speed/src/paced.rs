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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one connection, the first time late.
    fn late(listener: &TcpListener, length: usize, delay: Duration) -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut request = vec![0; length];
        let mut pause = Some(delay);
        while stream.read_exact(&mut request).is_ok() {
            thread::sleep(pause.take().unwrap_or_default());
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")?;
        }
        Ok(())
    }

    #[test]
    fn runs_that_could_not_be_sent_have_waited() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut request = Request::run(10);
        let length = request.bytes.len();
        let (delay, time) = (Duration::from_millis(300), Duration::from_millis(100));
        let server = thread::spawn(move || late(&listener, length, delay));
        let paced = Paced {
            rate: 1000.0,
            connections: 1,
            time,
            seed: 1,
        };
        let sample = paced.drive(address, &mut request, Expect::Bytes(b"{}"))?;
        // All were meant to be sent before the first answer came, which a closed loop would not have noticed.
        assert!(sample.latencies.len() > 50 && sample.wrong == 0);
        assert!(sample.percentile(0.0) >= (delay - time).as_micros() as f64);
        assert!(matches!(server.join(), Ok(Ok(()))));
        Ok(())
    }
}
