//! Against `--concurrency`, with as many callers of an action that waits.

use std::io;
use std::time::Duration;

use super::Extent;
use crate::built::Built;
use crate::caller::Expect;
use crate::figure::{Figure, Line};
use crate::load::Load;
use crate::request::Request;
use crate::server::Server;
use crate::stats::Series;
use crate::trial::{Seen, moment, named, order};

const AT_ONCE: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const WAIT: Duration = Duration::from_millis(10);

pub fn figures(built: &Built, extent: &Extent) -> io::Result<Vec<Figure>> {
    let mut seen = vec![Seen::default(); AT_ONCE.len()];
    let mut memory = vec![Series::default(); AT_ONCE.len()];
    for round in 0..extent.rounds {
        for index in order(AT_ONCE.len(), round) {
            let count = AT_ONCE[index];
            let words = ["--concurrency", &count.to_string()];
            let server = Server::start(built.serve(&built.works, false, &words).command(0))?;
            let mut request = Request::with_value(&format!("{{\"sleep\":{}}}", WAIT.as_micros()));
            let load = Load::kept(count, moment(extent.quick));
            seen[index]
                .measure(&server, load, &mut request, Expect::Bytes(b"{}"), false)
                .map_err(|error| named("concurrency", words[1], &error))?;
            memory[index].0.push(server.memory() as f64);
        }
    }
    let line = |name, what: fn(&Seen) -> &Series| {
        let points = AT_ONCE.iter().zip(&seen);
        Line::measured(
            name,
            points.map(|(at, seen)| (*at as f64, what(seen).clone())).collect(),
        )
    };
    let hoped: Vec<_> = AT_ONCE
        .iter()
        .map(|count| (*count as f64, *count as f64 / WAIT.as_secs_f64()))
        .collect();
    let memory = AT_ONCE.iter().map(|count| *count as f64).zip(memory).collect();
    Ok(vec![
        Figure {
            name: "concurrency",
            title: "Throughput against --concurrency N, N callers of an action that waits 10 ms".to_owned(),
            along: "N",
            what: "runs per second",
            lines: vec![
                line("runner", |seen| &seen.throughput),
                Line::ideal("N runs in 10 ms", &hoped),
            ],
        },
        Figure {
            name: "concurrency-latency",
            title: "Latency against --concurrency N, N callers of an action that waits 10 ms".to_owned(),
            along: "N",
            what: "µs",
            lines: vec![
                line("p50", |seen| &seen.p50),
                line("p99", |seen| &seen.p99),
                line("p99.9", |seen| &seen.p999),
            ],
        },
        Figure {
            name: "concurrency-memory",
            title: "Memory against --concurrency N, after N runs at once".to_owned(),
            along: "N",
            what: "KiB, proportional, of the whole tree",
            lines: vec![Line::measured("runner", memory)],
        },
    ])
}
