//! `make bench-fleet`: how many machines a thousand functions need, how often they start cold and how long their callers
//! wait, with containers of this runner and of the official runtimes. Seeded: the same figures give the same fleet.

mod arrivals;
mod machine;
mod runtime;
mod simulation;

use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use arrivals::{Call, SECOND, Time};
use runtime::Runtime;
use simulation::{Outcome, Setting, Simulation};

use crate::built::Built;
use crate::document;
use crate::figure::{Figure, Line};
use crate::findings::machine;
use crate::flags::Flags;
use crate::stats::{Series, short};

const SEED: u64 = 2019;
const FUNCTIONS: u32 = 1000;
const MINUTE: Time = 60 * SECOND;
const MILLISECOND: Time = SECOND / 1000;
/// How long the engine takes to start a container, in milliseconds, as measured for docs/image.md.
const ENGINE_MS: Time = 250;
/// The engine's own process for a container, as measured (containerd's shim).
const SHIM: u64 = 4000;
/// What an action takes for itself, in KiB: little in the figures, these in the table.
const OWN: [u64; 3] = [4000, 32_000, 128_000];
const MACHINES: [usize; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 48];
/// How many cold starts more than a fleet without limits has are still fine.
const TOLERANCE: f64 = 1.1;
const ENOUGH: usize = 256;

fn story() -> String {
    format!(
        "\
A thousand functions are called for three quarters of an hour with the shape of Azure Functions in July 2019 (Shahrad and others,
*Serverless in the Wild*, USENIX ATC 2020: 45 % of the applications are called once an hour or less, 81 % once a minute or less, the busiest
18.6 % get 99.6 % of all calls; that a fifth of them are called regularly, two fifths independently, two fifths in bursts, is assumed). Machines
have two cores and 2 GB for containers. A container runs one call at a time; another is started when those there are could not do what waits in
the time that a start takes. Idle, it is kept for ten minutes unless its room is needed, the longest idle goes first. Starting one takes the engine {ENGINE_MS} ms (as measured for [image.md](image.md)), two at once on a machine; its shim takes
4 MB (measured). An action works for 2 ms. In the plots it takes 4 MB for itself, and in the table what is said there: the more actions take, the
less the runtime matters. What differs is the runtime: its start, what a run costs beside the action, and its memory. The official runtimes'
figures are those measured beside a bare axum server on another machine; this runner's are measured here and brought there by their ratio to
the same server."
    )
}

pub fn run(flags: &Flags) -> io::Result<()> {
    let quick = flags.is_quick();
    eprintln!("measuring the runner");
    let runtimes = runtime::all(&Built::from(flags), quick)?;
    let warm = if quick { 10 * MINUTE } else { 15 * MINUTE };
    let calls = arrivals::calls(FUNCTIONS, flags.extent(60 * MINUTE, 15 * MINUTE), SEED);
    eprintln!("{} calls", calls.len());
    let fleet = Fleet { calls, warm };
    let outcomes = each(&pairs(&runtimes), |(runtime, machines)| {
        fleet.outcome(runtime, *machines, OWN[0])
    });
    let mut text = format!(
        "Measured on {}; {} calls.\n\n{}\n",
        machine(),
        fleet.calls.len(),
        story()
    );
    ingredients(&mut text, &runtimes);
    needed(&mut text, &runtimes, &fleet);
    let figures = [
        figure(
            &runtimes,
            &outcomes,
            "fleet-cold",
            "Cold starts against machines",
            "% of all calls",
            |outcome| outcome.cold_share() * 100.0,
        ),
        figure(
            &runtimes,
            &outcomes,
            "fleet-wait",
            "Waiting against machines, mean",
            "ms",
            Outcome::mean,
        ),
        figure(
            &runtimes,
            &outcomes,
            "fleet-tail",
            "Waiting against machines, p99.9",
            "ms",
            |outcome| outcome.percentile(0.999),
        ),
    ];
    document::publish(flags.text("--document"), "fleet", &text, &figures)
}

/// The calls, and when they begin to count.
struct Fleet {
    calls: Vec<Call>,
    warm: Time,
}

impl Fleet {
    fn outcome(&self, runtime: &Runtime, machines: usize, own: u64) -> Outcome {
        let setting = Setting {
            machines,
            cores: 2,
            memory: 2_000_000,
            container: SHIM + own,
            engine: ENGINE_MS * MILLISECOND,
            work: 2 * MILLISECOND,
            from: self.warm,
        };
        Simulation::run(runtime, &setting, FUNCTIONS, &self.calls)
    }

    /// The fewest machines that do nearly as well as any number would, and how they do.
    fn enough(&self, runtime: &Runtime, own: u64) -> (usize, Outcome) {
        let best = self.outcome(runtime, ENOUGH, own);
        let limit = best.cold_share() * TOLERANCE;
        let (mut low, mut high, mut found) = (0, ENOUGH, best);
        // Too few, and enough; from both ends.
        while high - low > 1 {
            let middle = if high == ENOUGH {
                (low * 2).max(1)
            } else {
                low.midpoint(high)
            };
            let outcome = self.outcome(runtime, middle, own);
            if outcome.cold_share() <= limit {
                (high, found) = (middle, outcome);
            } else {
                low = middle;
            }
        }
        (high, found)
    }
}

fn pairs(runtimes: &[Runtime]) -> Vec<(Runtime, usize)> {
    let of = |runtime: &Runtime| MACHINES.map(|machines| (runtime.clone(), machines));
    runtimes.iter().flat_map(of).collect()
}

/// Does them all, on all cores; the results stand in their order.
fn each<T: Sync, R: Send>(all: &[T], what: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((index, one)) =
                    Some(next.fetch_add(1, Relaxed)).and_then(|index| Some((index, all.get(index)?)))
                {
                    let result = what(one);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn ingredients(text: &mut String, runtimes: &[Runtime]) {
    text.push_str("\n| | start to first answer, ms | a run beside the action, µs | its CPU, µs | memory, MB |\n|---|---|---|---|---|\n");
    for runtime in runtimes {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            runtime.name,
            short(runtime.start as f64 / 1e6),
            short(runtime.run as f64 / 1e3),
            short(runtime.cpu as f64 / 1e3),
            short(runtime.memory as f64 * 1024.0 / 1e6)
        );
    }
}

fn needed(text: &mut String, runtimes: &[Runtime], fleet: &Fleet) {
    text.push_str(
        "\nMachines needed so that cold starts are no more than a tenth above what no number of machines avoids, and what callers wait then:\n\n\
         | | an action's own memory, MB | machines | cold starts | waiting, mean, ms | p99.9 |\n|---|---|---|---|---|---|\n",
    );
    let all: Vec<_> = OWN
        .iter()
        .flat_map(|own| runtimes.iter().map(move |runtime| (runtime, *own)))
        .collect();
    let found = each(&all, |(runtime, own)| fleet.enough(runtime, *own));
    for ((runtime, own), (machines, outcome)) in all.iter().zip(found) {
        let _ = writeln!(
            text,
            "| {} | {} | {machines} | {:.3} % | {} | {} |",
            runtime.name,
            own / 1000,
            outcome.cold_share() * 100.0,
            short(outcome.mean()),
            short(outcome.percentile(0.999))
        );
    }
}

fn figure(
    runtimes: &[Runtime],
    outcomes: &[Outcome],
    name: &'static str,
    title: &str,
    what: &'static str,
    value: fn(&Outcome) -> f64,
) -> Figure {
    let line = |(runtime, outcomes): (&Runtime, &[Outcome])| {
        let points = MACHINES.iter().zip(outcomes);
        let points = points.map(|(machines, outcome)| (*machines as f64, Series(vec![value(outcome)])));
        Line::measured(runtime.name, points.collect())
    };
    Figure {
        name,
        title: title.to_owned(),
        along: "machines",
        what,
        lines: runtimes.iter().zip(outcomes.chunks(MACHINES.len())).map(line).collect(),
    }
}
