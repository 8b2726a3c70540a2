//! Measures the runner against a bare axum server: `speed [--quick] [--document FILE] --runner … --rust … …`; of that,
//! with `--only NAME,NAME` these contestants and the reference, with `--scenarios WORDS;WORDS` what is called so. `--drive ADDRESS [--callers N]
//! [--size N] [--milliseconds N]` only sends runs, to whatever listens there.
//!
//! Everybody runs in each round, in an order that rotates, so that what else the machine does hits all alike; what
//! counts are the ratios within a round. Prints the tables, and writes them into the document between its marks.

mod contestant;
mod load;
mod once;
mod plot;
mod report;
mod request;
mod scenario;
mod server;
mod stats;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use contestant::{Built, Contestant};
use load::{Expect, Load};
use report::Findings;
use request::Request;
use scenario::{SCENARIOS, Scenario, Seen};
use server::Server;
use stats::Series;

/// How much is done.
struct Extent {
    quick: bool,
    rounds: usize,
    time: Duration,
    starts: usize,
    faults: usize,
}

fn main() -> io::Result<()> {
    let mut flags = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = if word == "--quick" {
            String::new()
        } else {
            words.next().unwrap_or_default()
        };
        flags.insert(word, value);
    }
    let path = |flag: &str| flags.get(flag).map(PathBuf::from).unwrap_or_default();
    let number = |flag: &str| flags.get(flag).and_then(|text| text.parse().ok());
    if let Some(address) = flags.get("--drive") {
        return drive(address, number("--callers"), number("--size"), number("--milliseconds"));
    }
    let built = Built {
        runner: path("--runner"),
        rust: path("--rust"),
        c: path("--c"),
        echo: path("--echo"),
        program: path("--program"),
        dies: path("--dies"),
    };
    let quick = flags.contains_key("--quick");
    let extent = Extent {
        quick,
        rounds: number("--rounds").unwrap_or(if quick { 3 } else { 5 }),
        time: Duration::from_millis(number("--milliseconds").unwrap_or(250) as u64),
        starts: if quick { 5 } else { 20 },
        faults: if quick { 5 } else { 20 },
    };
    let only = flags.get("--only").cloned();
    let everybody: Vec<_> = contestant::all(&built)
        .into_iter()
        .filter(|who| takes_part(who, quick, only.as_deref()))
        .collect();
    let scenarios: Vec<_> = SCENARIOS
        .into_iter()
        .filter(|scenario| match flags.get("--scenarios") {
            Some(wanted) => wanted.split(';').any(|name| scenario.name.contains(name)),
            None => scenario.quick || !quick,
        })
        .collect();
    let mut findings = measure(&everybody, scenarios, &extent)?;
    if !flags.contains_key("--scenarios") {
        once(&everybody, &built, &extent, &mut findings)?;
    }
    let text = report::markdown(&everybody, &findings);
    println!("{text}");
    if let Some(document) = flags.get("--document") {
        report::write(document.as_ref(), &text, &everybody, &findings)?;
    }
    Ok(())
}

/// Only sends runs to a server that was started otherwise, under a profiler for example.
fn drive(address: &str, callers: Option<usize>, size: Option<usize>, milliseconds: Option<usize>) -> io::Result<()> {
    let address = address.parse().map_err(io::Error::other)?;
    let time = Duration::from_millis(milliseconds.unwrap_or(5000) as u64);
    let load = Load {
        callers: callers.unwrap_or(16),
        fresh: false,
        time,
        runs: usize::MAX,
    };
    let sample = load.drive(address, &mut Request::run(size.unwrap_or(100)), Expect::Anything)?;
    println!(
        "{:.0} runs per second, p50 {:.1} µs",
        sample.per_second(),
        sample.percentile(0.5)
    );
    Ok(())
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
        load_before: report::load_average(),
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
            once::start(&everybody[index], port, answer).map_err(|error| of("start", everybody[index].name, &error))?;
        }
    }
    for who in everybody {
        // Ten thousand processes would take their time, and are gone afterwards.
        findings.memory.push(if who.forks {
            None
        } else {
            Some(once::memory(who).map_err(|error| of("memory", who.name, &error))?)
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
            once::fault(server.address, how, &mut told, &mut again).map_err(|error| of("fault", how, &error))?;
        }
        findings.faults.push((how, told, again));
    }
    let folder = std::env::temp_dir();
    for who in everybody.iter().filter(|who| !who.forks && !extent.quick) {
        findings.calls.push(once::system_calls(who, &folder).ok());
    }
    Ok(())
}

/// Says what failed.
fn of(what: &str, whose: &str, error: &io::Error) -> io::Error {
    io::Error::other(format!("{what} of {whose}: {error}"))
}

/// Rotated, and reversed in every other round.
fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..count).map(|place| (place + round * 5) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}
