//! Against the rate of runs, below what the slowest can do, in a loop that does not wait for answers.

use std::io;
use std::time::Duration;

use super::{Extent, echo, everywhere, latencies, lines};
use crate::built::{Built, Start};
use crate::contestant::{Answers, Contestant};
use crate::figure::Figure;
use crate::load::Load;
use crate::paced::Paced;
use crate::request::Request;
use crate::server::Server;
use crate::trial::moment;

/// Of what the slowest can do.
const PARTS: [f64; 6] = [0.05, 0.1, 0.25, 0.5, 0.7, 0.85];
const CONNECTIONS: usize = 64;

pub fn figures(built: &Built, extent: &Extent) -> io::Result<Vec<Figure>> {
    let everybody = [
        Contestant::new("axum", "", Answers::Value, Start::axum(&[])),
        Contestant::new(
            "axum 1 thread",
            "",
            Answers::Value,
            Start::axum(&["--runtime", "current"]),
        ),
        echo(built),
    ];
    let expected = Request::run(100);
    let mut slowest = f64::INFINITY;
    for who in &everybody {
        let server = Server::start(who.command(0))?;
        let load = Load::kept(CONNECTIONS, moment(extent.quick));
        let sample = load.drive(server.address, &mut Request::run(100), who.expect(&expected))?;
        slowest = slowest.min(sample.per_second());
    }
    let rates = PARTS.map(|part| (part * slowest / 100.0).round() as usize * 100);
    let mut seed = 0;
    let seen = everywhere(&everybody, &rates, extent.rounds, |who, server, rate, seen| {
        seed += 1;
        let paced = Paced {
            rate: rate as f64,
            connections: CONNECTIONS,
            time: if extent.quick {
                moment(true)
            } else {
                Duration::from_secs(2)
            },
            seed,
        };
        let before = server.cpu(false);
        let sample = paced.drive(server.address, &mut Request::run(100), who.expect(&expected))?;
        seen.add(&sample, server.cpu(false) - before);
        Ok(())
    })?;
    Ok(vec![
        Figure {
            name: "rate",
            title: "Latency at a fixed rate, from when a run was meant to be sent, 100 B".to_owned(),
            along: "runs per second",
            what: "µs",
            lines: latencies(&everybody, &rates, &seen),
        },
        Figure {
            name: "rate-tail",
            title: "The same, p99.9".to_owned(),
            along: "runs per second",
            what: "µs",
            lines: lines(&everybody, &rates, &seen, "p99.9", |seen, _| seen.p999.clone()),
        },
    ])
}
