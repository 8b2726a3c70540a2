//! `make bench-growth`: how throughput and tail latency change with connections, size of the body, rate, concurrency and
//! size of the library.

mod body;
mod concurrency;
mod connections;
mod library;
mod rate;

use std::io;
use std::path::PathBuf;

use crate::built::Built;
use crate::contestant::{Answers, Contestant};
use crate::document;
use crate::figure::{Figure, Kind, Line};
use crate::findings::{load_average, machine};
use crate::flags::Flags;
use crate::server::Server;
use crate::stats::Series;
use crate::trial::{Seen, named, order};

/// One thing that is changed: gives its figures.
type Sweep = fn(&Built, &Extent) -> io::Result<Vec<Figure>>;

const SWEEPS: [(&str, Sweep); 5] = [
    ("connections", connections::figures),
    ("body", body::figures),
    ("rate", rate::figures),
    ("concurrency", concurrency::figures),
    ("library", library::figures),
];

/// How much is done.
pub struct Extent {
    pub quick: bool,
    pub rounds: usize,
}

/// With `--only NAME` one sweep, which then is only printed.
pub fn run(flags: &Flags) -> io::Result<()> {
    let built = Built::from(flags);
    let extent = Extent {
        quick: flags.is_quick(),
        rounds: flags.extent(3, 1),
    };
    let only = flags.text("--only");
    let before = load_average();
    let mut figures = Vec::new();
    for (name, sweep) in SWEEPS {
        if only.is_none_or(|only| only == name) {
            eprintln!("{name}");
            figures.extend(sweep(&built, &extent)?);
        }
    }
    let text = format!(
        "Measured on {}, {} rounds. Load average {before} before, {} after. Medians (lowest–highest), all axes logarithmic.\n",
        machine(),
        extent.rounds,
        load_average()
    );
    let document = flags.text("--document").filter(|_| only.is_none());
    document::publish(document, "growth", &text, &figures)
}

/// Takes each contestant to each place in each round; what is seen, by contestant and place.
fn everywhere(
    everybody: &[Contestant],
    places: &[usize],
    rounds: usize,
    mut measure: impl FnMut(&Contestant, &Server, usize, &mut Seen) -> io::Result<()>,
) -> io::Result<Vec<Vec<Seen>>> {
    let mut seen = vec![vec![Seen::default(); places.len()]; everybody.len()];
    for round in 0..rounds {
        let servers = everybody
            .iter()
            .map(|who| Server::start(who.command(0)))
            .collect::<io::Result<Vec<_>>>()?;
        for (place, value) in places.iter().enumerate() {
            for index in order(everybody.len(), round) {
                let who = &everybody[index];
                measure(who, &servers[index], *value, &mut seen[index][place])
                    .map_err(|error| named(&value.to_string(), who.name, &error))?;
            }
        }
    }
    refuse_wrong(everybody, &seen)?;
    Ok(seen)
}

/// Figures of wrong answers would say nothing.
fn refuse_wrong(everybody: &[Contestant], seen: &[Vec<Seen>]) -> io::Result<()> {
    for (who, seen) in everybody.iter().zip(seen) {
        let wrong: usize = seen.iter().map(|seen| seen.wrong).sum();
        if wrong > 0 {
            return Err(io::Error::other(format!("{}: {wrong} wrong answers", who.name)));
        }
    }
    Ok(())
}

/// A line for each contestant.
fn lines(
    everybody: &[Contestant],
    places: &[usize],
    seen: &[Vec<Seen>],
    called: &str,
    what: impl Fn(&Seen, f64) -> Series,
) -> Vec<Line> {
    let line = |(who, seen): (&Contestant, &Vec<Seen>)| {
        let points = places.iter().zip(seen);
        let points = points.map(|(place, seen)| (*place as f64, what(seen, *place as f64)));
        Line::measured(format!("{} {called}", who.name).trim_end(), points.collect())
    };
    everybody.iter().zip(seen).map(line).collect()
}

/// The middle and the tail of latency.
fn latencies(everybody: &[Contestant], places: &[usize], seen: &[Vec<Seen>]) -> Vec<Line> {
    let mut both = lines(everybody, places, seen, "p50", |seen, _| seen.p50.clone());
    let tails = lines(everybody, places, seen, "p99", |seen, _| seen.p99.clone());
    both.extend(tails.into_iter().enumerate().map(|(of, line)| Line {
        kind: Kind::Tail(of),
        ..line
    }));
    both
}

fn echo(built: &Built) -> Contestant {
    let start = built.serve(&built.echo, false, &[]);
    Contestant::new("echo", "", Answers::Value, start)
}

/// The libraries that carry ballast, by size.
fn ballasts(built: &Built) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&built.ballast)? {
        let entry = entry?;
        all.push((entry.metadata()?.len(), entry.path()));
    }
    all.sort();
    Ok(all)
}
