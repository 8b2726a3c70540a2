//! What is done to everybody, and one round of it.

use std::io;
use std::time::Duration;

use crate::contestant::Contestant;
use crate::load::Load;
use crate::request::Request;
use crate::server::{Server, pin};
use crate::stats::Series;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    pub name: &'static str,
    pub size: usize,
    pub callers: usize,
    pub fresh: bool,
    /// Server and load generator share one core: what is measured is the length of the path.
    pub pinned: bool,
    /// Also in the short edition.
    pub quick: bool,
}

const fn scenario(name: &'static str, size: usize, callers: usize, fresh: bool, quick: bool) -> Scenario {
    Scenario {
        name,
        size,
        callers,
        fresh,
        pinned: false,
        quick,
    }
}

pub const SCENARIOS: [Scenario; 13] = [
    scenario("1 caller, 100 B", 100, 1, false, true),
    scenario("16 callers, 100 B", 100, 16, false, true),
    scenario("64 callers, 100 B", 100, 64, false, true),
    scenario("1 caller, 10 KB", 10_000, 1, false, false),
    scenario("16 callers, 10 KB", 10_000, 16, false, false),
    scenario("1 caller, 1 MB", 1_000_000, 1, false, true),
    scenario("new connection, 100 B", 100, 1, true, true),
    scenario("new connection, 10 KB", 10_000, 1, true, false),
    scenario("new connection, 1 MB", 1_000_000, 1, true, false),
    scenario("new connections, 16 callers, 100 B", 100, 16, true, false),
    Scenario {
        pinned: true,
        ..scenario("one core, 100 B", 100, 1, false, false)
    },
    Scenario {
        pinned: true,
        ..scenario("one core, 10 KB", 10_000, 1, false, false)
    },
    Scenario {
        pinned: true,
        ..scenario("one core, new connection, 100 B", 100, 1, true, false)
    },
];

/// What was seen of one contestant in one scenario, a value for each round.
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

impl Scenario {
    /// One measurement of one contestant.
    pub fn measure(&self, who: &Contestant, server: &Server, time: Duration, seen: &mut Seen) -> io::Result<()> {
        if self.pinned {
            server.pin(Some(0));
            pin(None, Some(0));
        }
        let mut request = Request::run(self.size);
        let load = Load {
            callers: self.callers,
            fresh: self.fresh,
            time,
            runs: usize::MAX,
        };
        let echoed = Request::run(self.size);
        let expect = who.expect(&echoed);
        let warm = Load { time: time / 8, ..load };
        seen.wrong += warm.drive(server.address, &mut request, expect)?.wrong;
        let before = server.cpu(who.forks);
        let sample = load.drive(server.address, &mut request, expect)?;
        let cpu = server.cpu(who.forks) - before;
        if self.pinned {
            server.pin(None);
            pin(None, None);
        }
        seen.throughput.0.push(sample.per_second());
        seen.p50.0.push(sample.percentile(0.5));
        seen.p99.0.push(sample.percentile(0.99));
        seen.p999.0.push(sample.percentile(0.999));
        seen.cpu.0.push(cpu / sample.latencies.len() as f64);
        seen.wrong += sample.wrong;
        Ok(())
    }
}
