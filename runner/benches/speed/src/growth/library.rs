//! Against the size of the library: start to the first answer when it is baked, `/init` when it is sent, memory.

use std::fs;
use std::io;
use std::time::Instant;

use super::{Extent, ballasts};
use crate::built::Built;
use crate::caller::Caller;
use crate::contestant::{Answers, Contestant};
use crate::figure::{Figure, Line};
use crate::load::Load;
use crate::once;
use crate::request::Request;
use crate::server::Server;
use crate::stats::Series;
use crate::trial::moment;

pub fn figures(built: &Built, extent: &Extent) -> io::Result<Vec<Figure>> {
    let starts = if extent.quick { 1 } else { 10 };
    let (mut baked, mut sent, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for (size, library) in ballasts(built)? {
        let who = Contestant::new("library", "", Answers::Value, built.serve(&library, false, &[]));
        let (mut port, mut answered, mut init) = (Series::default(), Series::default(), Series::default());
        let code = fs::read(&library)?;
        for _ in 0..starts {
            once::start(&who, &mut port, &mut answered)?;
            init.0.push(deliver(built, &code)?);
        }
        let server = Server::start(who.command(0))?;
        let expected = Request::run(100);
        Load::kept(1, moment(true)).drive(server.address, &mut Request::run(100), who.expect(&expected))?;
        let size = size as f64;
        memory.push((size, Series(vec![server.memory() as f64])));
        baked.push((size, answered));
        sent.push((size, init));
    }
    Ok(vec![
        Figure {
            name: "library",
            title: "Start against size of the library".to_owned(),
            along: "bytes",
            what: "ms",
            lines: vec![
                Line::measured("baked: start to first answer", baked),
                Line::measured("sent: /init to its answer", sent),
            ],
        },
        Figure {
            name: "library-memory",
            title: "Memory against size of the library, baked, after a run".to_owned(),
            along: "bytes",
            what: "KiB, proportional, of the whole tree",
            lines: vec![Line::measured("runner", memory)],
        },
    ])
}

/// Milliseconds that `/init` with the library in it takes.
fn deliver(built: &Built, code: &[u8]) -> io::Result<f64> {
    let server = Server::start(built.wait().command(0))?;
    let mut request = Request::init(code);
    let mut caller = Caller::connect(server.address, Vec::new())?;
    let begin = Instant::now();
    caller.ask(&mut request)?;
    while !caller.read()? {}
    match caller.status() {
        200 => Ok(begin.elapsed().as_secs_f64() * 1e3),
        status => Err(io::Error::other(format!("/init was answered {status}"))),
    }
}
