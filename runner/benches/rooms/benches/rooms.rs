//! Each room that a run passes through, by itself: decode, environment, call in both dialects, the look at the result,
//! answer, end of the log.
//!
//! Libraries come by environment variable (`SPEED_RUST`, `SPEED_C`, `SPEED_ECHO`); without one its bench is left out.

use std::hint::black_box;
use std::io::Read;
use std::path::PathBuf;
use std::thread;

use action_runner::action::{self, Action, Context, Outcome};
use action_runner::environment::RunVariables;
use action_runner::logs::Logs;
use action_runner::package::{Code, elf};
use action_runner::process::sys;
use action_runner::protocol::answer::Answer;
use action_runner::protocol::{container, run};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SIZES: [usize; 3] = [100, 10_000, 1_000_000];

fn value(size: usize) -> String {
    let payload: String = ('a'..='z').cycle().take(size).collect();
    format!("{{\"payload\":\"{payload}\"}}")
}

fn body(size: usize) -> String {
    let value = value(size);
    format!(
        "{{\"value\":{value},\"namespace\":\"guest\",\"action_name\":\"/guest/reverse\",\"action_version\":\"0.0.1\",\"activation_id\":\"0123456789abcdef0123456789abcdef\",\"transaction_id\":\"f2f4a9b8c1d24e57a3b9d6c1e0f7a8b4\",\"deadline\":\"1999999999999\",\"api_key\":\"23bc46b1-71f6-4ed5-8c54-816aa4f8c502\"}}"
    )
}

fn protocol(criterion: &mut Criterion) {
    for size in SIZES {
        let mut group = criterion.benchmark_group("protocol");
        group.throughput(Throughput::Bytes(size as u64));
        let (body, value) = (body(size), value(size));
        group.bench_function(BenchmarkId::new("decode", size), |bench| {
            bench.iter(|| run::decode(black_box(body.as_bytes())));
        });
        group.bench_function(BenchmarkId::new("check_result", size), |bench| {
            bench.iter(|| container::check_result(black_box(value.as_bytes())));
        });
        group.finish();
    }
    criterion.bench_function("answer", |bench| {
        bench.iter(|| Answer::action_error(black_box(b"{\"reason\":\"no\"}")));
    });
}

fn environment(criterion: &mut Criterion) {
    let bodies = ["1", "2"].map(|digit| body(100).replace("0.0.1", digit));
    let runs = bodies.each_ref().map(|body| run::decode(body.as_bytes()));
    let [Ok(one), Ok(other)] = runs else { return };
    let mut variables = RunVariables::default();
    criterion.bench_function("environment", |bench| {
        bench.iter(|| {
            variables.update(black_box(&one.metadata));
            variables.update(black_box(&other.metadata));
        });
    });
}

fn call(criterion: &mut Criterion) {
    for (name, variable) in [
        ("Rust reverse", "SPEED_RUST"),
        ("C reverse", "SPEED_C"),
        ("C echo", "SPEED_ECHO"),
    ] {
        let Some(action) = std::env::var_os(variable).and_then(|path| load(path.into())) else {
            continue;
        };
        for size in SIZES {
            let value = value(size);
            let mut group = criterion.benchmark_group("call");
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::new(name, size), |bench| {
                bench.iter(|| action.invoke(black_box(&value), &Context::default()));
            });
            group.finish();
        }
    }
    for (name, variable) in [("Rust", "SPEED_EMPTY_RUST"), ("C", "SPEED_EMPTY_C")] {
        let Some(action) = std::env::var_os(variable).and_then(|path| load(path.into())) else {
            continue;
        };
        criterion.bench_function(&format!("empty call/{name}"), |bench| {
            bench.iter(|| matches!(action.invoke(black_box("[]"), &Context::default()), Outcome::Json(_)));
        });
    }
}

fn load(path: PathBuf) -> Option<Box<dyn Action>> {
    let path = path.canonicalize().ok()?;
    let code = Code::open(&path).ok()?;
    action::load(&path, &code, "main").ok()
}

/// A silent run's log: two looks, two sentinels, into pipes that are read.
fn log(criterion: &mut Criterion) {
    let container = || {
        let (reader, writer) = rustix::pipe::pipe().ok()?;
        let mut reader = std::fs::File::from(reader);
        thread::spawn(move || {
            let mut buffer = [0; 65536];
            while matches!(reader.read(&mut buffer), Ok(1..)) {}
        });
        Some(writer)
    };
    let (Some(out), Some(err), Ok(pair)) = (container(), container(), sys::shared()) else {
        return;
    };
    let Ok(logs) = Logs::new(pair, [out, err]) else { return };
    criterion.bench_function("logs/begin and end, silent", |bench| {
        bench.iter(|| {
            logs.begin(0);
            logs.end(0);
        });
    });
}

fn start(criterion: &mut Criterion) {
    let Some(path) = std::env::var_os("SPEED_RUST").map(PathBuf::from) else {
        return;
    };
    criterion.bench_function("look into a library", |bench| {
        bench.iter(|| elf::open(black_box(&path)).is_ok());
    });
}

criterion_group! {
    name = rooms;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = protocol, environment, call, log, start
}
criterion_main!(rooms);
