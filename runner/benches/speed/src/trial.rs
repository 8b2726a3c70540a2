//! One measurement of one server, and what is kept of several.

use std::io;
use std::time::Duration;

use crate::caller::Expect;
use crate::load::{Load, Sample};
use crate::request::Request;
use crate::server::Server;
use crate::stats::Series;

/// What was seen, a value for each round.
#[derive(Clone, Default)]
pub struct Seen {
    pub throughput: Series,
    pub p50: Series,
    pub p99: Series,
    pub p999: Series,
    /// Microseconds of CPU of the whole tree for a run.
    pub cpu: Series,
    pub wrong: usize,
}

impl Seen {
    /// Warms the server up, then measures. With `forks` the CPU of processes that are gone counts too.
    pub fn measure(
        &mut self,
        server: &Server,
        load: Load,
        request: &mut Request,
        expect: Expect,
        forks: bool,
    ) -> io::Result<()> {
        let warm = Load {
            time: load.time / 8,
            ..load
        };
        self.wrong += warm.drive(server.address, request, expect)?.wrong;
        let before = server.cpu(forks);
        let sample = load.drive(server.address, request, expect)?;
        self.add(&sample, server.cpu(forks) - before);
        Ok(())
    }

    pub fn add(&mut self, sample: &Sample, cpu: f64) {
        self.throughput.0.push(sample.per_second());
        self.p50.0.push(sample.percentile(0.5));
        self.p99.0.push(sample.percentile(0.99));
        self.p999.0.push(sample.percentile(0.999));
        self.cpu.0.push(cpu / sample.latencies.len() as f64);
        self.wrong += sample.wrong;
    }
}

/// Rotated, and reversed in every other round, so that what else the machine does hits all alike.
pub fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..count).map(|place| (place + round * 5) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// Says what failed.
pub fn named(what: &str, whose: &str, error: &io::Error) -> io::Error {
    io::Error::other(format!("{what} of {whose}: {error}"))
}

/// What a round measures with, in the short edition and in the other.
pub fn moment(quick: bool) -> Duration {
    Duration::from_millis(if quick { 60 } else { 400 })
}
