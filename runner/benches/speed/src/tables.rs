//! All tables of `make bench`, as Markdown; too many for a reader who only wants to know.

use std::fmt::Write;

use crate::contestant::Contestant;
use crate::findings::{Findings, reference};
use crate::scenario::Scenario;
use crate::stats::{Series, short};
use crate::trial::Seen;

type Column = fn(&Seen) -> &Series;

pub fn markdown(everybody: &[Contestant], findings: &Findings) -> String {
    let mut text = String::from(
        "Each cell: median over the rounds (lowest–highest), then **×** the median of the ratios within a round to *axum*, and for those that write logs also **×l** to *axum + logs*.\n\n",
    );
    contestants(&mut text, everybody);
    let part = |wanted: &dyn Fn(&Scenario) -> bool| -> Vec<&str> {
        let wanted = findings.scenarios.iter().filter(|scenario| wanted(scenario));
        wanted.map(|scenario| scenario.name).collect()
    };
    let several = part(&|scenario| scenario.callers > 1);
    let kept = part(&|scenario| scenario.callers == 1 && !scenario.fresh && !scenario.is_pinned());
    let fresh = part(&|scenario| scenario.callers == 1 && scenario.fresh && !scenario.is_pinned());
    let pinned = part(&Scenario::is_pinned);
    let busy = part(&|scenario| !scenario.is_pinned());
    let mut section = |title: &str, columns: &[&str], what: Column| {
        for columns in columns.chunks(4) {
            table(&mut text, title, columns, what, everybody, findings);
        }
    };
    section("Several callers: runs per second", &several, |seen| &seen.throughput);
    section("Several callers: p50, µs", &several, |seen| &seen.p50);
    section("Several callers: p99, µs", &several, |seen| &seen.p99);
    section("Several callers: p99.9, µs", &several, |seen| &seen.p999);
    section("One caller, a connection that stays: p50, µs", &kept, |seen| &seen.p50);
    section("One caller, a connection that stays: p99, µs", &kept, |seen| &seen.p99);
    section("One caller, a connection that stays: p99.9, µs", &kept, |seen| {
        &seen.p999
    });
    section("A new connection for each run: p50, µs", &fresh, |seen| &seen.p50);
    section("A new connection for each run: p99, µs", &fresh, |seen| &seen.p99);
    section("A new connection for each run: p99.9, µs", &fresh, |seen| &seen.p999);
    section("Server and caller on one core: p50, µs", &pinned, |seen| &seen.p50);
    section("CPU of the whole tree, µs a run", &busy, |seen| &seen.cpu);
    once(&mut text, everybody, findings);
    wrong(&mut text, everybody, findings);
    text
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
    what: Column,
    everybody: &[Contestant],
    findings: &Findings,
) {
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
            port.spread(),
            answer.spread(),
            memory.join(" | "),
            counted.map_or("not counted".to_owned(), |calls| system_calls(calls)),
        );
    }
    let _ = writeln!(
        text,
        "\n### When an action dies\n\n| how | request to 502, ms | from there to the next good answer, ms |\n|---|---|---|"
    );
    for (how, told, again) in &findings.faults {
        let _ = writeln!(text, "| {how} | {} | {} |", told.spread(), again.spread());
    }
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
