//! Against the number of connections, each asking again as soon as it is answered.

use std::io;
use std::time::Duration;

use super::{Extent, echo, everywhere, latencies, lines};
use crate::built::{Built, Start};
use crate::contestant::{Answers, Contestant};
use crate::figure::Figure;
use crate::load::Load;
use crate::request::Request;
use crate::trial::moment;

const CONNECTIONS: [usize; 7] = [1, 4, 16, 64, 256, 1000, 4000];

pub fn figures(built: &Built, extent: &Extent) -> io::Result<Vec<Figure>> {
    let everybody = [
        Contestant::new("limit", "", Answers::Length, Start::limit()),
        Contestant::new("axum", "", Answers::Value, Start::axum(&[])),
        echo(built),
    ];
    let expected = Request::run(100);
    let seen = everywhere(
        &everybody,
        &CONNECTIONS,
        extent.rounds,
        |who, server, connections, seen| {
            // Thousands take their turn a few times at least.
            let time = moment(extent.quick).max(Duration::from_micros(connections as u64 * 250));
            let load = Load::kept(connections, time);
            seen.measure(server, load, &mut Request::run(100), who.expect(&expected), false)
        },
    )?;
    Ok(vec![
        Figure {
            name: "connections",
            title: "Throughput against connections, 100 B".to_owned(),
            along: "connections",
            what: "runs per second",
            lines: lines(&everybody, &CONNECTIONS, &seen, "", |seen, _| seen.throughput.clone()),
        },
        Figure {
            name: "connections-latency",
            title: "Latency against connections, 100 B".to_owned(),
            along: "connections",
            what: "µs",
            lines: latencies(&everybody, &CONNECTIONS, &seen),
        },
    ])
}
