//! What a container of each runtime costs. The runner's figures are measured when the simulation is run, as ratios to a
//! bare axum server, and so brought to the machine on which the official runtimes were measured.

use std::io;
use std::time::Duration;

use super::arrivals::Time;
use crate::built::Built;
use crate::contestant;
use crate::load::Load;
use crate::once;
use crate::peers::{AXUM_CPU, AXUM_FIRST_ANSWER, AXUM_P50, PEERS};
use crate::request::Request;
use crate::server::Server;
use crate::stats::Series;
use crate::trial::{Seen, order};

#[derive(Clone)]
pub struct Runtime {
    pub name: &'static str,
    /// From the start of its process to the first answer.
    pub start: Time,
    /// What a run takes beside the action's own work, and the CPU of that.
    pub run: Time,
    pub cpu: Time,
    /// KiB.
    pub memory: u64,
}

impl Runtime {
    fn new(name: &'static str, start: f64, run: f64, cpu: f64, memory: u64) -> Self {
        Self {
            name,
            start: (start * 1e6) as Time,
            run: (run * 1e3) as Time,
            cpu: (cpu * 1e3) as Time,
            memory,
        }
    }
}

/// The runner, and its peers.
pub fn all(built: &Built, quick: bool) -> io::Result<Vec<Runtime>> {
    let mut all = vec![measured(built, quick)?];
    all.extend(PEERS.iter().map(|peer| {
        let (run, cpu) = (peer.p50 * AXUM_P50, peer.cpu * AXUM_CPU);
        Runtime::new(peer.name, peer.first_answer, run, cpu, peer.memory)
    }));
    Ok(all)
}

/// As OpenWhisk calls it: a new connection for each run, sentinels on.
fn measured(built: &Built, quick: bool) -> io::Result<Runtime> {
    let two: Vec<_> = contestant::all(built)
        .into_iter()
        .filter(|who| ["axum", "Rust + logs"].contains(&who.name))
        .collect();
    let mut starts = [Series::default(), Series::default()];
    let mut seen = [Seen::default(), Seen::default()];
    let servers = two
        .iter()
        .map(|who| Server::start(who.command(0)))
        .collect::<io::Result<Vec<_>>>()?;
    let expected = Request::run(100);
    let load = Load {
        fresh: true,
        ..Load::kept(1, Duration::from_millis(if quick { 50 } else { 300 }))
    };
    for round in 0..if quick { 2 } else { 10 } {
        for index in order(two.len(), round) {
            let who = &two[index];
            once::start(who, &mut Series::default(), &mut starts[index])?;
            let mut request = Request::run(100);
            seen[index].measure(&servers[index], load, &mut request, who.expect(&expected), false)?;
        }
    }
    let [axum, own] = &seen;
    Ok(Runtime::new(
        "this runner",
        starts[1].over(&starts[0]).median() * AXUM_FIRST_ANSWER,
        own.p50.over(&axum.p50).median() * AXUM_P50,
        own.cpu.over(&axum.cpu).median() * AXUM_CPU,
        servers[1].memory(),
    ))
}
