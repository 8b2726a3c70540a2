//! What loading a library costs beyond dlopen: the look before it, and the check of its ABI after it. And what dlopen
//! costs. Only the first load in a process is a load, so each sample is a process: this program again, told what to
//! do by `LOAD_ONCE`, which answers with its nanoseconds.
//!
//! Libraries come by environment variable (`SPEED_RUST`, `SPEED_C`).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use action_runner::action;
use action_runner::package::Code;
use criterion::Criterion;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

const TASK: &str = "LOAD_ONCE";

fn main() {
    if let Ok(task) = std::env::var(TASK) {
        let path = std::env::var("LIBRARY").unwrap_or_default();
        if let Some(time) = once(&task, Path::new(&path)) {
            println!("{}", time.as_nanos());
        }
        return;
    }
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (dialect, variable) in [("Rust", "SPEED_RUST"), ("C", "SPEED_C")] {
        let Ok(path) = std::env::var(variable) else {
            continue;
        };
        for task in ["dlopen", "load", "beyond dlopen"] {
            criterion.bench_function(&format!("{task}/{dialect}"), |bench| {
                bench.iter_custom(|times| (0..times).map(|_| elsewhere(task, &path)).sum());
            });
        }
    }
    criterion.final_summary();
}

/// In a process of its own.
fn elsewhere(task: &str, path: &str) -> Duration {
    let output = Command::new("/proc/self/exe")
        .env(TASK, task)
        .env("LIBRARY", path)
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let nanoseconds = text.ok().and_then(|text| text.trim().parse().ok());
    Duration::from_nanos(nanoseconds.expect("the library loads"))
}

fn once(task: &str, path: &Path) -> Option<Duration> {
    if task == "beyond dlopen" {
        dlopen(path)?;
    }
    let start = Instant::now();
    if task == "dlopen" {
        dlopen(path)?;
    } else {
        action::load(path, &Code::open(path).ok()?, "main").ok()?;
    }
    Some(start.elapsed())
}

/// As the runner does it; never closed again.
#[expect(unsafe_code, reason = "dlopen runs code of the library's")]
fn dlopen(path: &Path) -> Option<()> {
    // SAFETY: a library that the caller wants to have loaded.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.ok()?;
    std::mem::forget(library);
    Some(())
}
