//! One target: its corpus, its search, and what happens when an input breaks it.

use crate::mutation::Mutator;
use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Changed inputs for each target when no time is given: enough to notice a slip, quick enough for every test run.
const ROUNDS: u32 = 3_000;
/// Inputs that are kept because they led to something new.
const KEPT: usize = 4_000;

/// Replays the corpus of a target, then changes it. The target returns what came of an input, in few different words.
pub(crate) fn run(name: &str, target: fn(&[u8]) -> String) {
    let mut pool = corpus(name);
    assert!(!pool.is_empty(), "there is no corpus for {name}");
    let mut outcomes = HashSet::new();
    for input in &pool {
        outcomes.insert(outcome(&attempt(name, target, input)));
    }
    let until = seconds().map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut mutator = Mutator::new(seed());
    let mut rounds = 0_u64;
    while match until {
        Some(until) => Instant::now() < until,
        None => rounds < ROUNDS.into(),
    } {
        rounds += 1;
        let input = mutator.change(&pool);
        if outcomes.insert(outcome(&attempt(name, target, &input))) && pool.len() < KEPT {
            pool.push(input);
        }
    }
    if until.is_some() {
        report(name, rounds, outcomes.len());
    }
}

#[expect(
    clippy::print_stderr,
    reason = "somebody waits for a minute and wants to see what for"
)]
fn report(name: &str, rounds: u64, outcomes: usize) {
    eprintln!("{name}: {rounds} inputs, {outcomes} different outcomes, no fault");
}

/// Keeps the input when the target panics.
fn attempt(name: &str, target: fn(&[u8]) -> String, input: &[u8]) -> String {
    match catch_unwind(AssertUnwindSafe(|| target(input))) {
        Ok(outcome) => outcome,
        Err(panic) => {
            let path = failure(name);
            let _ = fs::write(&path, input);
            let place = path.display();
            // The panic itself has been printed; this says what caused it.
            resume_unwind(Box::new(format!(
                "{place} broke {name}: {:?}",
                panic.downcast_ref::<String>()
            )))
        }
    }
}

fn failure(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-failure"))
}

/// Two outcomes are the same when they differ in numbers and quoted names only.
fn outcome(text: &str) -> String {
    let mut quoted = false;
    text.chars()
        .filter(|character| {
            if *character == '"' {
                quoted = !quoted;
            }
            !quoted && !character.is_ascii_digit()
        })
        .take(200)
        .collect()
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort_unstable();
    files
        .iter()
        .filter_map(|file| fs::read(file).ok())
        .collect()
}

fn seconds() -> Option<u64> {
    std::env::var("FUZZ_SECONDS").ok()?.parse().ok()
}

/// The same changes in every test run; others each time when somebody searches.
fn seed() -> u64 {
    match seconds() {
        None => 0x0bad_5eed,
        Some(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |time| {
                u64::from(time.subsec_nanos()) << 20 | u64::from(std::process::id())
            }),
    }
}
