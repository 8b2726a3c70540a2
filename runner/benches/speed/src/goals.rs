//! What was aimed at, what was measured, and whether that meets it.

use std::fmt::Write;

use crate::contestant::Contestant;
use crate::findings::{Findings, index};
use crate::peers::{AXUM_FIRST_ANSWER, AXUM_REVERSING_MEGABYTE, PEERS, Peer};
use crate::stats::{Series, short};
use crate::trial::Seen;

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// One over this at most.
    Fraction(f64),
    Below(f64),
}

pub struct Goal {
    what: String,
    bound: Bound,
    unit: &'static str,
    /// `None`: this edition has not measured it.
    measured: Option<f64>,
    /// The same of the least that a server can do, where that says something: nobody gets below it.
    limit: Option<f64>,
}

impl Goal {
    fn new(what: impl Into<String>, bound: Bound, unit: &'static str, measured: Option<f64>) -> Self {
        Self {
            what: what.into(),
            bound,
            unit,
            measured,
            limit: None,
        }
    }

    fn beside(self, limit: Option<f64>) -> Self {
        Self { limit, ..self }
    }

    fn is_met(&self) -> Option<bool> {
        let measured = self.measured.filter(|value| !value.is_nan())?;
        Some(match self.bound {
            Bound::AtLeast(least) => measured >= least,
            Bound::AtMost(most) => measured <= most,
            Bound::Fraction(over) => measured <= 1.0 / over,
            Bound::Below(limit) => measured < limit,
        })
    }

    fn aim(&self) -> String {
        match self.bound {
            Bound::AtLeast(least) => format!("≥ {least}{}", self.unit),
            Bound::AtMost(most) => format!("≤ {most}{}", self.unit),
            Bound::Fraction(over) => format!("≤ 1/{over}"),
            Bound::Below(limit) => format!("< {limit}{}", self.unit),
        }
    }

    fn shown(&self, value: Option<f64>) -> String {
        match (self.bound, value) {
            (_, None) => "–".to_owned(),
            (Bound::Fraction(_), Some(value)) => format!("1/{}", short(1.0 / value)),
            (_, Some(value)) if value.fract() == 0.0 => format!("{value}{}", self.unit),
            (_, Some(value)) => format!("{}{}", short(value), self.unit),
        }
    }
}

pub fn table(goals: &[Goal]) -> String {
    let mut text = String::from("| what | goal | measured | met | *limit* |\n|---|---|---|---|---|\n");
    for goal in goals {
        let met = match goal.is_met() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let limit = goal.limit.map(|_| goal.shown(goal.limit)).unwrap_or_default();
        let measured = goal.shown(goal.measured);
        let _ = writeln!(
            text,
            "| {} | {} | {measured} | {met} | {limit} |",
            goal.what,
            goal.aim()
        );
    }
    text
}

type Column = fn(&Seen) -> &Series;

/// What the goals look into.
struct Evidence<'a> {
    everybody: &'a [Contestant],
    findings: &'a Findings,
}

impl Evidence<'_> {
    fn ratio(&self, scenario: &str, who: &str, base: &str, what: Column) -> Option<f64> {
        let own = self.findings.seen(self.everybody, scenario, who)?;
        let base = self.findings.seen(self.everybody, scenario, base)?;
        Some(what(own).over(what(base)).median())
    }

    fn first_answer(&self, who: &str) -> Option<&Series> {
        let (_, answered) = self.findings.starts.get(index(self.everybody, who)?)?;
        Some(answered)
    }

    fn megabytes(&self, who: &str, when: usize) -> Option<f64> {
        let memory = (*self.findings.memory.get(index(self.everybody, who)?)?)?;
        Some(memory[when] as f64 * 1024.0 / 1e6)
    }

    /// Of the runner, wherever there were 64 callers.
    fn wrong(&self) -> Option<f64> {
        let crowded = |name: &str| name.starts_with("64 callers");
        let scenarios = self.findings.scenarios.iter().zip(&self.findings.seen);
        let mut seen = scenarios.filter(|(scenario, _)| crowded(scenario.name)).peekable();
        seen.peek()?;
        let runners = |who: &Contestant| !who.name.starts_with("axum") && who.name != "limit";
        let of_runner = seen.flat_map(|(_, seen)| self.everybody.iter().zip(seen));
        Some(
            of_runner
                .filter(|(who, _)| runners(who))
                .map(|(_, seen)| seen.wrong as f64)
                .sum(),
        )
    }
}

/// In the order in which they were set.
pub fn all(everybody: &[Contestant], findings: &Findings) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost, Below};
    let evidence = Evidence { everybody, findings };
    let throughput: Column = |seen| &seen.throughput;
    let p50: Column = |seen| &seen.p50;
    let mut goals = Vec::new();
    for (who, base, least) in [("Rust", "axum", 1.0), ("Rust + logs", "axum + logs", 0.95)] {
        for callers in [16, 64] {
            let ratio = |who| evidence.ratio(&format!("{callers} callers, 100 B"), who, base, throughput);
            let what = format!("throughput of *{who}*, {callers} callers, against *{base}*");
            goals.push(Goal::new(what, AtLeast(least), "", ratio(who)).beside(ratio("limit")));
        }
    }
    for (who, most) in [("Rust", 0.7), ("Rust + logs", 0.8)] {
        let ratio = |who| evidence.ratio("new connection, 100 B", who, "axum", p50);
        let what = format!("new connection, p50 of *{who}*, against *axum*");
        goals.push(Goal::new(what, AtMost(most), "", ratio(who)).beside(ratio("limit")));
    }
    let megabyte = |who| evidence.ratio("1 caller, 1 MB", who, "axum", p50);
    let what = "1 MB, p50 of *echo*, against *axum*";
    goals.push(Goal::new(what, AtMost(0.8), "", megabyte("echo")).beside(megabyte("limit")));
    for (peer, aims) in PEERS
        .iter()
        .zip([[2.5, 3.0, 6.0, 7.0], [3.0, 10.0, 15.0, 50.0], [20.0, 0.0, 0.0, 60.0]])
    {
        against(peer, aims, &evidence, &mut goals);
    }
    let wrong = evidence.wrong();
    goals.push(Goal::new(
        "wrong or refused answers, 64 callers",
        AtMost(0.0),
        "",
        wrong,
    ));
    let first = |who| evidence.first_answer(who).map(Series::median);
    let what = "process start to first answer, *Rust*";
    goals.push(Goal::new(what, Below(3.0), " ms", first("Rust")).beside(first("limit")));
    for (how, told, again) in &findings.faults {
        let what = format!("{how}: fault to the caller's 502");
        goals.push(Goal::new(what, Below(0.6), " ms", Some(told.median())));
        let what = format!("{how}: from there to the next good answer");
        goals.push(Goal::new(what, Below(1.5), " ms", Some(again.median())));
    }
    let idle = evidence.megabytes("Rust", 0);
    goals.push(Goal::new(
        "memory of an idle tree (PSS), *Rust*",
        Below(3.0),
        " MB",
        idle,
    ));
    let used = evidence.megabytes("Rust", 2);
    let what = "memory after 10 000 runs and twenty of 1 MB, *Rust*";
    goals.push(Goal::new(what, Below(6.0), " MB", used));
    if let Some((runs, growth)) = findings.long {
        let what = format!("growth in the second half of {runs} runs with fresh ids");
        // A few pages come and go; a single byte a run would be near 500.
        goals.push(Goal::new(what, AtMost(100.0), " KiB", Some(growth as f64)));
    }
    let calls = findings
        .calls(everybody, "Rust")
        .zip(findings.calls(everybody, "axum 1 thread"));
    let what = "system calls a run, *Rust* against *axum 1 thread*";
    // A look at the pipes every few milliseconds is not a call of a run.
    let measured = calls.map(|(own, base)| (own - base).max(0.0));
    goals.push(Goal::new(what, AtMost(0.1), " more", measured));
    goals
}

/// As OpenWhisk calls: a new connection for each run, sentinels on. An aim of 0 was not set. The limit writes no
/// sentinels and does nothing.
fn against(peer: &Peer, aims: [f64; 4], evidence: &Evidence, goals: &mut Vec<Goal>) {
    let runner = factors(peer, evidence, "Rust + logs");
    let limit = factors(peer, evidence, "limit");
    let rows = [
        "p50 of a new connection",
        "CPU a run, new connection",
        "1 MB, p50, by bare axum",
        "first answer",
    ];
    for (row, what) in rows.into_iter().enumerate().filter(|(row, _)| aims[*row] > 0.0) {
        let what = format!("against {}: {what}", peer.name);
        goals.push(Goal::new(what, Bound::Fraction(aims[row]), "", runner[row]).beside(limit[row]));
    }
    if aims[2] > 0.0 {
        let same = evidence.ratio("new connection, 1 MB", "Rust + logs", "axum reversing", |seen| {
            &seen.p50
        });
        let measured = same.map(|own| own * AXUM_REVERSING_MEGABYTE / peer.megabyte);
        let what = format!("against {}: 1 MB, p50, by axum that reverses", peer.name);
        goals.push(Goal::new(what, Bound::Fraction(aims[2]), "", measured));
    }
}

/// Its p50, CPU, p50 at 1 MB and first answer as parts of the peer's.
fn factors(peer: &Peer, evidence: &Evidence, who: &str) -> [Option<f64>; 4] {
    let p50 = evidence.ratio("new connection, 100 B", who, "axum", |seen| &seen.p50);
    let cpu = evidence.ratio("new connection, 100 B", who, "axum", |seen| &seen.cpu);
    let megabyte = evidence.ratio("new connection, 1 MB", who, "axum", |seen| &seen.p50);
    let first = evidence
        .first_answer(who)
        .zip(evidence.first_answer("axum"))
        .map(|(own, base)| own.median() / base.median() * AXUM_FIRST_ANSWER);
    [
        p50.map(|own| own / peer.p50),
        cpu.map(|own| own / peer.cpu),
        megabyte.map(|own| own / peer.megabyte),
        first.map(|own| own / peer.first_answer),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bound: Bound, measured: Option<f64>) -> String {
        let table = table(&[Goal::new("x", bound, " ms", measured)]);
        table.lines().nth(2).unwrap_or_default().to_owned()
    }

    #[test]
    fn each_bound_has_its_sides() {
        assert_eq!(row(Bound::AtLeast(1.0), Some(1.0)), "| x | ≥ 1 ms | 1 ms | yes |  |");
        assert_eq!(
            row(Bound::AtMost(0.7), Some(0.71)),
            "| x | ≤ 0.7 ms | 0.71 ms | **no** |  |"
        );
        assert_eq!(row(Bound::Below(3.0), Some(3.0)), "| x | < 3 ms | 3 ms | **no** |  |");
        assert_eq!(row(Bound::Fraction(4.0), Some(0.25)), "| x | ≤ 1/4 | 1/4.00 | yes |  |");
        assert_eq!(
            row(Bound::Fraction(4.0), Some(0.5)),
            "| x | ≤ 1/4 | 1/2.00 | **no** |  |"
        );
    }

    #[test]
    fn what_was_not_measured_is_not_met_either() {
        assert_eq!(row(Bound::AtMost(1.0), None), "| x | ≤ 1 ms | – | not measured |  |");
        assert!(row(Bound::AtMost(1.0), Some(f64::NAN)).ends_with("| not measured |  |"));
    }
}
