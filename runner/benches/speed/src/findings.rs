//! All that `make bench` has seen.

use std::fs;

use crate::contestant::Contestant;
use crate::scenario::Scenario;
use crate::stats::Series;
use crate::trial::Seen;

/// All that was seen.
#[derive(Default)]
pub struct Findings {
    pub rounds: usize,
    pub seconds: f64,
    pub load_before: String,
    pub scenarios: Vec<Scenario>,
    /// For each scenario and contestant.
    pub seen: Vec<Vec<Seen>>,
    pub starts: Vec<(Series, Series)>,
    pub memory: Vec<Option<[u64; 3]>>,
    pub faults: Vec<(&'static str, Series, Series)>,
    /// For each contestant that starts no processes.
    pub calls: Vec<Option<Vec<(String, f64)>>>,
    /// How many runs the runner was given, and by how many KiB it grew.
    pub long: Option<(usize, i64)>,
}

impl Findings {
    pub fn of(&self, scenario: &str) -> Option<&Vec<Seen>> {
        let index = self.scenarios.iter().position(|each| each.name == scenario)?;
        self.seen.get(index)
    }

    /// What was seen of one in a scenario.
    pub fn seen(&self, everybody: &[Contestant], scenario: &str, who: &str) -> Option<&Seen> {
        self.of(scenario)?.get(index(everybody, who)?)
    }

    /// System calls a run.
    pub fn calls(&self, everybody: &[Contestant], who: &str) -> Option<f64> {
        let counted: Vec<_> = everybody.iter().filter(|who| !who.forks).collect();
        let index = counted.iter().position(|each| each.name == who)?;
        let calls = self.calls.get(index)?.as_ref()?;
        Some(calls.iter().map(|(_, count)| count).sum())
    }
}

pub fn index(everybody: &[Contestant], name: &str) -> Option<usize> {
    everybody.iter().position(|who| who.name == name)
}

/// Who the others are compared with.
pub fn reference(everybody: &[Contestant], logs: bool) -> usize {
    let name = if logs { "axum + logs" } else { "axum" };
    index(everybody, name).unwrap_or(0)
}

/// The processor, its cores, the kernel.
pub fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} ({cores} cores, shared with the load generator), Linux {}, loopback",
        model.unwrap_or("an unknown processor"),
        kernel.trim()
    )
}

/// Of the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
