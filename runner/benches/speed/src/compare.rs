//! `make bench`: everybody in each round, and what is measured once. Of that, with `--only NAME,NAME` these contestants
//! and the reference, with `--scenarios WORDS;WORDS` what is called so.

use std::io;
use std::time::{Duration, Instant};

use crate::built::Built;
use crate::contestant::{self, Contestant};
use crate::document::Document;
use crate::findings::{Findings, load_average};
use crate::flags::Flags;
use crate::once;
use crate::report;
use crate::scenario::{SCENARIOS, Scenario};
use crate::server::Server;
use crate::stats::Series;
use crate::trial::{Seen, named, order};

/// How much is done.
struct Extent {
    quick: bool,
    rounds: usize,
    time: Duration,
    starts: usize,
    faults: usize,
}

pub fn run(flags: &Flags) -> io::Result<()> {
    let built = Built::from(flags);
    let quick = flags.is_quick();
    let extent = Extent {
        quick,
        rounds: flags.number("--rounds").unwrap_or(if quick { 3 } else { 5 }),
        time: Duration::from_millis(flags.number("--milliseconds").unwrap_or(150) as u64),
        starts: if quick { 5 } else { 20 },
        faults: if quick { 5 } else { 20 },
    };
    let only = flags.text("--only");
    let everybody: Vec<_> = contestant::all(&built)
        .into_iter()
        .filter(|who| takes_part(who, quick, only))
        .collect();
    let scenarios: Vec<_> = SCENARIOS
        .into_iter()
        .filter(|scenario| match flags.text("--scenarios") {
            Some(wanted) => wanted.split(';').any(|name| scenario.name.contains(name)),
            None => scenario.quick || !quick,
        })
        .collect();
    let mut findings = measure(&everybody, scenarios, &extent)?;
    if !flags.has("--scenarios") {
        once(&everybody, &built, &extent, &mut findings)?;
    }
    let document = flags.text("--document").map(Document::new);
    report::publish(document.as_ref(), &everybody, &findings)
}

/// In the short edition only some; with `--only a,b` those named, and the reference.
fn takes_part(who: &Contestant, quick: bool, only: Option<&str>) -> bool {
    match only {
        Some(only) => who.name == "axum" || only.split(',').any(|name| name == who.name),
        None => !quick || ["limit", "axum", "axum + logs", "echo", "Rust", "Rust + logs"].contains(&who.name),
    }
}

fn measure(everybody: &[Contestant], scenarios: Vec<Scenario>, extent: &Extent) -> io::Result<Findings> {
    let begin = Instant::now();
    let mut findings = Findings {
        load_before: load_average(),
        rounds: extent.rounds,
        ..Findings::default()
    };
    findings.seen = vec![vec![Seen::default(); everybody.len()]; scenarios.len()];
    for round in 0..extent.rounds {
        eprintln!(
            "round {} of {} ({:.0} s)",
            round + 1,
            extent.rounds,
            begin.elapsed().as_secs_f64()
        );
        let servers = everybody
            .iter()
            .map(|who| Server::start(who.command(0)))
            .collect::<io::Result<Vec<_>>>()?;
        for (scenario, seen) in scenarios.iter().zip(&mut findings.seen) {
            for index in order(everybody.len(), round) {
                scenario.measure(&everybody[index], &servers[index], extent.time, &mut seen[index])?;
            }
        }
    }
    findings.scenarios = scenarios;
    findings.seconds = begin.elapsed().as_secs_f64();
    Ok(findings)
}

fn once(everybody: &[Contestant], built: &Built, extent: &Extent, findings: &mut Findings) -> io::Result<()> {
    eprintln!("start, memory, faults, system calls");
    findings.starts = vec![(Series::default(), Series::default()); everybody.len()];
    for round in 0..extent.starts {
        for index in order(everybody.len(), round) {
            let (port, answer) = &mut findings.starts[index];
            once::start(&everybody[index], port, answer)
                .map_err(|error| named("start", everybody[index].name, &error))?;
        }
    }
    for who in everybody {
        // Ten thousand processes would take their time, and are gone afterwards.
        findings.memory.push(if who.forks {
            None
        } else {
            Some(once::memory(who).map_err(|error| named("memory", who.name, &error))?)
        });
    }
    let mut command = std::process::Command::new(&built.runner);
    command
        .arg(&built.dies)
        .args(["--listen", "127.0.0.1:0", "--sentinels", "off"]);
    let server = Server::start(command)?;
    for how in ["segv", "abort", "kill"] {
        let (mut told, mut again) = (Series::default(), Series::default());
        for _ in 0..extent.faults {
            once::fault(server.address, how, &mut told, &mut again).map_err(|error| named("fault", how, &error))?;
        }
        findings.faults.push((how, told, again));
    }
    if let Some(who) = everybody.iter().find(|who| who.name == "Rust") {
        let runs = if extent.quick { 50_000 } else { 1_000_000 };
        findings.long = Some(once::long(who, runs)?);
    }
    let folder = std::env::temp_dir();
    for who in everybody.iter().filter(|who| !who.forks && !extent.quick) {
        findings.calls.push(once::system_calls(who, &folder).ok());
    }
    Ok(())
}
