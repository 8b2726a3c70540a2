//! The tables, as Markdown.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use crate::contestant::Contestant;
use crate::plot;
use crate::scenario::{Scenario, Seen};
use crate::stats::{Series, short};

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

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
    pub calls: Vec<Option<Vec<(String, f64)>>>,
}

impl Findings {
    pub fn of(&self, scenario: &str) -> Option<&Vec<Seen>> {
        let index = self.scenarios.iter().position(|each| each.name == scenario)?;
        self.seen.get(index)
    }
}

/// Who the others are compared with.
pub fn reference(everybody: &[Contestant], logs: bool) -> usize {
    let name = if logs { "axum + logs" } else { "axum" };
    everybody.iter().position(|who| who.name == name).unwrap_or(0)
}

pub fn markdown(everybody: &[Contestant], findings: &Findings) -> String {
    let mut text = machine(findings);
    contestants(&mut text, everybody);
    type Column = fn(&Seen) -> &Series;
    let throughput: Column = |seen| &seen.throughput;
    let p50: Column = |seen| &seen.p50;
    let p99: Column = |seen| &seen.p99;
    let p999: Column = |seen| &seen.p999;
    let cpu: Column = |seen| &seen.cpu;
    let names: Vec<_> = findings.scenarios.iter().map(|scenario| scenario.name).collect();
    let all = |part: &dyn Fn(&Scenario) -> bool| -> Vec<&str> {
        findings
            .scenarios
            .iter()
            .filter(|scenario| part(scenario))
            .map(|scenario| scenario.name)
            .collect()
    };
    let several = all(&|scenario| scenario.callers > 1);
    let kept = all(&|scenario| scenario.callers == 1 && !scenario.fresh && !scenario.pinned);
    let fresh = all(&|scenario| scenario.callers == 1 && scenario.fresh && !scenario.pinned);
    let pinned = all(&|scenario| scenario.pinned);
    let mut section =
        |title: &str, columns: &[&str], what: Column| table(&mut text, title, columns, what, everybody, findings);
    section("Throughput, runs per second", &several, throughput);
    section("One caller, a connection that stays: p50, µs", &kept, p50);
    section("The same, p99, µs", &kept, p99);
    section("The same, p99.9, µs", &kept, p999);
    section("A new connection for each run: p50, µs", &fresh, p50);
    section("The same, p99, µs", &fresh, p99);
    section("Server and caller on one core: p50, µs", &pinned, p50);
    let busy: Vec<_> = names.iter().copied().filter(|name| !pinned.contains(name)).collect();
    for part in busy.chunks(4) {
        section("CPU of the whole tree, µs a run", part, cpu);
    }
    once(&mut text, everybody, findings);
    wrong(&mut text, everybody, findings);
    text
}

fn machine(findings: &Findings) -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "Measured on {} ({cores} cores, shared with the load generator), Linux {}, loopback, {} rounds in {:.0} s. Load average {} before, {} after.\n\n\
         Each cell: median over the rounds (lowest–highest), then **×** the median of the ratios within a round to *axum*, and for those that write logs also **×l** to *axum + logs*.\n\n",
        model.unwrap_or("an unknown processor"),
        kernel.trim(),
        findings.rounds,
        findings.seconds,
        findings.load_before,
        load_average(),
    )
}

/// Of the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn contestants(text: &mut String, everybody: &[Contestant]) {
    text.push_str("| name | what it is |\n|---|---|\n");
    for who in everybody {
        let _ = writeln!(text, "| {} | {} |", who.name, who.what);
    }
}

fn table(
    text: &mut String,
    title: &str,
    columns: &[&str],
    what: fn(&Seen) -> &Series,
    everybody: &[Contestant],
    findings: &Findings,
) {
    if columns.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n### {title}\n\n| | {} |\n|---|{}",
        columns.join(" | "),
        "---|".repeat(columns.len())
    );
    for (index, who) in everybody.iter().enumerate() {
        let _ = write!(text, "| {} |", who.name);
        for column in columns {
            if let Some(seen) = findings.of(column) {
                let _ = write!(text, " {} |", cell(everybody, index, who, |at| what(&seen[at])));
            }
        }
        text.push('\n');
    }
}

fn cell<'a>(everybody: &[Contestant], index: usize, who: &Contestant, series: impl Fn(usize) -> &'a Series) -> String {
    let own = series(index);
    let mut cell = format!("{} ({}–{})", short(own.median()), short(own.low()), short(own.high()));
    let plain = reference(everybody, false);
    if index != plain {
        let _ = write!(cell, " **×{:.2}**", own.over(series(plain)).median());
    }
    let logs = reference(everybody, true);
    if who.logs && index != logs {
        let _ = write!(cell, " **×l {:.2}**", own.over(series(logs)).median());
    }
    cell
}

fn once(text: &mut String, everybody: &[Contestant], findings: &Findings) {
    if findings.starts.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n### Start, memory, system calls\n\n| | start to open port, ms | to first answer, ms | memory idle, KiB (PSS of the tree) | after 10 000 runs | then 20 of 1 MB | system calls a run |\n|---|---|---|---|---|---|---|"
    );
    let mut calls = findings.calls.iter();
    for (index, who) in everybody.iter().enumerate() {
        let (port, answer) = &findings.starts[index];
        let memory = findings.memory[index].map_or(["–".to_owned(), "–".to_owned(), "–".to_owned()], |memory| {
            memory.map(|size| size.to_string())
        });
        let counted = if who.forks {
            None
        } else {
            calls.next().and_then(Option::as_ref)
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            who.name,
            spread(port),
            spread(answer),
            memory.join(" | "),
            counted.map_or("not counted".to_owned(), |calls| system_calls(calls)),
        );
    }
    let _ = writeln!(
        text,
        "\n### When an action dies\n\n| how | request to 502, ms | from there to the next good answer, ms |\n|---|---|---|"
    );
    for (how, told, again) in &findings.faults {
        let _ = writeln!(text, "| {how} | {} | {} |", spread(told), spread(again));
    }
}

fn spread(series: &Series) -> String {
    format!("{:.2} ({:.2}–{:.2})", series.median(), series.low(), series.high())
}

fn system_calls(calls: &[(String, f64)]) -> String {
    let total: f64 = calls.iter().map(|(_, count)| count).sum();
    let names: Vec<_> = calls.iter().map(|(name, count)| format!("{name} {count:.2}")).collect();
    format!("{total:.2}: {}", names.join(", "))
}

fn wrong(text: &mut String, everybody: &[Contestant], findings: &Findings) {
    let count: usize = findings.seen.iter().flatten().map(|seen| seen.wrong).sum();
    let _ = writeln!(
        text,
        "\nEvery answer was compared with what it had to be. Wrong answers: {count}."
    );
    for (index, who) in everybody.iter().enumerate() {
        let count: usize = findings.seen.iter().map(|seen| seen[index].wrong).sum();
        if count > 0 {
            let _ = writeln!(text, "{}: {count}.", who.name);
        }
    }
}

/// Puts the tables and the plots into the document.
pub fn write(document: &Path, tables: &str, everybody: &[Contestant], findings: &Findings) -> io::Result<()> {
    let text = fs::read_to_string(document)?;
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        return Err(io::Error::other(format!("{} has no marks", document.display())));
    };
    let pictures = plot::all(document.parent().unwrap_or(Path::new(".")), everybody, findings)?;
    let head = &text[..begin + BEGIN.len()];
    fs::write(document, format!("{head}\n{pictures}\n{tables}\n{}", &text[end..]))
}
