//! What `make bench` writes: the goals, the main figures, and beside them all tables.

use std::fmt::Write;
use std::io;

use crate::contestant::Contestant;
use crate::document::Document;
use crate::findings::{Findings, index, load_average, machine, reference};
use crate::stats::{Series, short};
use crate::trial::Seen;
use crate::{goals, plot, tables};

const TABLES: &str = "performance-tables.md";

/// Prints all of it, the goals last; with a document writes them there.
pub fn publish(document: Option<&Document>, everybody: &[Contestant], findings: &Findings) -> io::Result<()> {
    let when = when(findings);
    let tables = tables::markdown(everybody, findings);
    let main = main_figures(everybody, findings);
    let goals = goals::table(&goals::all(everybody, findings));
    println!("{when}\n\n{tables}\n{main}\n{goals}");
    let Some(document) = document else { return Ok(()) };
    let plots = plot::all(document, everybody, findings)?;
    document.replace("goals", &format!("{when}\n\n{goals}"))?;
    document.replace(
        "measured",
        &format!("{main}\nAll tables: [{TABLES}]({TABLES}).\n{plots}"),
    )?;
    let title = "# Speed: all tables\n\nWritten by `make bench`; [performance.md](performance.md) says what they mean.";
    document.beside(TABLES, &format!("{title}\n\n{when}\n\n{tables}"))
}

fn when(findings: &Findings) -> String {
    format!(
        "Measured on {}, {} rounds in {:.0} s. Load average {} before, {} after.",
        machine(),
        findings.rounds,
        findings.seconds,
        findings.load_before,
        load_average()
    )
}

/// A line for each contestant, with what matters most.
fn main_figures(everybody: &[Contestant], findings: &Findings) -> String {
    type Column = fn(&Seen) -> &Series;
    let columns: [(&str, &str, Column); 6] = [
        ("runs/s, 64 callers", "64 callers, 100 B", |seen| &seen.throughput),
        ("new connection, p50 µs", "new connection, 100 B", |seen| &seen.p50),
        ("and p99", "new connection, 100 B", |seen| &seen.p99),
        ("one core, p50 µs", "one core, 100 B", |seen| &seen.p50),
        ("1 MB, p50 µs", "1 caller, 1 MB", |seen| &seen.p50),
        ("CPU µs a run, 64 callers", "64 callers, 100 B", |seen| &seen.cpu),
    ];
    let names: Vec<_> = columns.iter().map(|(title, ..)| *title).collect();
    let mut text = format!(
        "100 B unless said, medians, **×** to *axum* of the same round.\n\n| | {} | first answer, ms | memory, KiB |\n|---|{}---|---|\n",
        names.join(" | "),
        "---|".repeat(columns.len())
    );
    let plain = reference(everybody, false);
    for who in everybody {
        let _ = write!(text, "| {} |", who.name);
        for (_, scenario, what) in columns {
            let own = findings.seen(everybody, scenario, who.name).map(what);
            let base = findings.of(scenario).and_then(|seen| seen.get(plain)).map(what);
            let _ = match own.zip(base) {
                Some((own, base)) => write!(text, " {} **×{:.2}** |", short(own.median()), own.over(base).median()),
                None => write!(text, " – |"),
            };
        }
        let place = index(everybody, who.name);
        let start = place.and_then(|place| findings.starts.get(place));
        let memory = place.and_then(|place| findings.memory.get(place).copied().flatten());
        let _ = writeln!(
            text,
            " {} | {} |",
            start.map_or("–".to_owned(), |(_, answered)| short(answered.median())),
            memory.map_or("–".to_owned(), |[idle, ..]| idle.to_string())
        );
    }
    text
}
