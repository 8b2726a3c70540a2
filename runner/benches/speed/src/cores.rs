//! `make bench-cores`: what `--workers` gives against one worker and against axum on all cores, and what
//! `--concurrency` gives to actions that wait and to those that compute.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use crate::built::{Built, Start};
use crate::caller::Expect;
use crate::contestant::{Answers, Contestant};
use crate::document;
use crate::figure::{Figure, Line};
use crate::findings::machine;
use crate::flags::Flags;
use crate::load::Load;
use crate::request::Request;
use crate::scenario::{SCENARIOS, Scenario};
use crate::server::Server;
use crate::stats::short;
use crate::trial::{Seen, moment, named, order};

/// Callers of actions that wait or compute, and what one such run takes.
const CALLERS: usize = 64;
const SLEEP: Duration = Duration::from_millis(5);
const TURNS: usize = 400_000;

const LOADS: [&str; 5] = [
    "1 caller, 100 B",
    "16 callers, 100 B",
    "64 callers, 100 B",
    "64 callers, 10 KB",
    "new connections, 16 callers, 100 B",
];

pub fn run(flags: &Flags) -> io::Result<()> {
    let built = Built::from(flags);
    let rounds = flags.extent(5, 2);
    let time = moment(flags.is_quick());
    eprintln!("workers");
    let everybody = everybody(&built);
    let seen = workers(&everybody, rounds, time)?;
    let mut text = format!(
        "Measured on {}, {rounds} rounds; medians. **×** is against *axum*, **×1** against *1 worker*, each within a round.\n",
        machine()
    );
    for (scenario, seen) in &seen {
        table(&mut text, scenario, &everybody, seen);
    }
    eprintln!("waiting and computing");
    let figure = at_once(&built, flags.extent(3, 1), time)?;
    document::publish(flags.text("--document"), "cores", &text, &[figure])
}

fn everybody(built: &Built) -> Vec<Contestant> {
    let axum = |name, what, answers, words: &[&str]| Contestant::new(name, what, answers, Start::axum(words));
    let runner = |name, workers| {
        let start = built.serve(&built.rust, false, &["--workers", workers]);
        Contestant::new(name, "the runner with reverse in Rust", Answers::Reversed, start)
    };
    vec![
        axum("axum", "a thread for each core", Answers::Value, &[]),
        axum("axum 1 thread", "", Answers::Value, &["--runtime", "current"]),
        axum("axum reversing", "", Answers::Reversed, &["--reverse"]),
        runner("1 worker", "1"),
        runner("2 workers", "2"),
        runner("4 workers", "4"),
    ]
}

fn workers(everybody: &[Contestant], rounds: usize, time: Duration) -> io::Result<Vec<(Scenario, Vec<Seen>)>> {
    let loads = SCENARIOS.into_iter().filter(|scenario| LOADS.contains(&scenario.name));
    let mut all: Vec<_> = loads
        .map(|load| (load, vec![Seen::default(); everybody.len()]))
        .collect();
    for round in 0..rounds {
        let servers = everybody
            .iter()
            .map(|who| Server::start(who.command(0)))
            .collect::<io::Result<Vec<_>>>()?;
        for (scenario, seen) in &mut all {
            for index in order(everybody.len(), round) {
                let who = &everybody[index];
                scenario
                    .measure(who, &servers[index], time, &mut seen[index])
                    .map_err(|error| named(scenario.name, who.name, &error))?;
            }
        }
    }
    Ok(all)
}

fn table(text: &mut String, scenario: &Scenario, everybody: &[Contestant], seen: &[Seen]) {
    let _ = writeln!(
        text,
        "\n### {}\n\n| | runs/s | p50, µs | p99, µs | CPU, µs a run |\n|---|---|---|---|---|",
        scenario.name
    );
    let place = |name: &str| everybody.iter().position(|who| who.name == name).unwrap_or(0);
    let (axum, one) = (&seen[place("axum")], &seen[place("1 worker")]);
    for (who, own) in everybody.iter().zip(seen) {
        let runs = &own.throughput;
        let _ = writeln!(
            text,
            "| {} | {} ({}–{}) **×{:.2}** **×1 {:.2}** | {} | {} | {} |",
            who.name,
            short(runs.median()),
            short(runs.low()),
            short(runs.high()),
            runs.over(&axum.throughput).median(),
            runs.over(&one.throughput).median(),
            short(own.p50.median()),
            short(own.p99.median()),
            short(own.cpu.median()),
        );
    }
    let wrong: usize = seen.iter().map(|seen| seen.wrong).sum();
    if wrong > 0 {
        let _ = writeln!(text, "\n**{wrong} wrong answers.**");
    }
}

/// One curve: a kind of action, and what is raised for it.
struct Curve {
    name: &'static str,
    value: String,
    flag: &'static str,
    counts: &'static [u16],
}

fn at_once(built: &Built, rounds: usize, time: Duration) -> io::Result<Figure> {
    let sleeps = || format!("{{\"sleep\":{}}}", SLEEP.as_micros());
    let computes = || format!("{{\"turns\":{TURNS}}}");
    let curve = |name, value, flag, counts| Curve {
        name,
        value,
        flag,
        counts,
    };
    let many: &[u16] = &[1, 2, 4, 8, 16, 32, 64];
    let curves = [
        curve("waiting, --concurrency", sleeps(), "--concurrency", many),
        curve("waiting, --workers", sleeps(), "--workers", &[1, 2, 4, 8]),
        curve("computing, --concurrency", computes(), "--concurrency", many),
        curve("computing, --workers", computes(), "--workers", &[1, 2, 4, 8]),
    ];
    let mut lines = Vec::new();
    for curve in &curves {
        let mut seen = vec![Seen::default(); curve.counts.len()];
        for round in 0..rounds {
            for index in order(curve.counts.len(), round) {
                let count = curve.counts[index].to_string();
                let server = Server::start(built.serve(&built.works, false, &[curve.flag, &count]).command(0))?;
                let mut request = Request::with_value(&curve.value);
                seen[index]
                    .measure(
                        &server,
                        Load::kept(CALLERS, time),
                        &mut request,
                        Expect::Bytes(b"{}"),
                        false,
                    )
                    .map_err(|error| named(curve.name, &count, &error))?;
            }
        }
        let wrong: usize = seen.iter().map(|seen| seen.wrong).sum();
        if wrong > 0 {
            return Err(io::Error::other(format!("{}: {wrong} wrong answers", curve.name)));
        }
        let counts = curve.counts.iter().map(|count| f64::from(*count));
        let points = counts.zip(seen.into_iter().map(|seen| seen.throughput)).collect();
        lines.push(Line::measured(curve.name, points));
    }
    let ideal: Vec<_> = many
        .iter()
        .map(|count| (f64::from(*count), f64::from(*count) / SLEEP.as_secs_f64()))
        .collect();
    lines.push(Line::ideal("N runs in 5 ms", &ideal));
    Ok(Figure {
        name: "cores",
        title: format!("Actions that wait 5 ms or compute about 1 ms, {CALLERS} callers"),
        along: "N, runs at once or workers",
        what: "runs per second",
        lines,
    })
}
