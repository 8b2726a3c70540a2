//! Against the size of the body, which comes back as it went in; one caller.

use std::io;

use super::{Extent, echo, everywhere, latencies, lines};
use crate::built::{Built, Start};
use crate::contestant::{Answers, Contestant};
use crate::figure::Figure;
use crate::load::Load;
use crate::request::Request;
use crate::stats::Series;
use crate::trial::moment;

const BYTES: [usize; 8] = [10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 40_000_000];

pub fn figures(built: &Built, extent: &Extent) -> io::Result<Vec<Figure>> {
    let everybody = [
        Contestant::new("limit", "", Answers::Length, Start::limit()),
        Contestant::new("axum", "", Answers::Value, Start::axum(&["--any-size"])),
        echo(built),
    ];
    let seen = everywhere(&everybody, &BYTES, extent.rounds, |who, server, size, seen| {
        let expected = Request::run(size);
        let load = Load::kept(1, moment(extent.quick));
        seen.measure(server, load, &mut Request::run(size), who.expect(&expected), false)
    })?;
    let megabytes = lines(&everybody, &BYTES, &seen, "", |seen, size| {
        Series(seen.throughput.0.iter().map(|runs| runs * size / 1e6).collect())
    });
    Ok(vec![
        Figure {
            name: "body",
            title: "Throughput against size of the payload, one caller".to_owned(),
            along: "bytes",
            what: "MB per second, there and back",
            lines: megabytes,
        },
        Figure {
            name: "body-latency",
            title: "Latency against size of the payload, one caller".to_owned(),
            along: "bytes",
            what: "µs",
            lines: latencies(&everybody, &BYTES, &seen),
        },
    ])
}
