//! Plots: a bar for each contestant, its median, its spread, and the reference as a line.

use std::fmt::Write;
use std::io;

use crate::contestant::Contestant;
use crate::document::Document;
use crate::findings::{Findings, reference};
use crate::stats::Series;
use crate::trial::Seen;

/// File, title, scenario, and what is compared.
type Picture = (&'static str, &'static str, &'static str, fn(&Seen) -> &Series);

const PICTURES: [Picture; 3] = [
    (
        "throughput",
        "Throughput against bare axum, 64 callers, 100 B (longer is better)",
        "64 callers, 100 B",
        |seen| &seen.throughput,
    ),
    (
        "new-connection",
        "Latency of a new connection for each run against bare axum, 100 B, p50 (shorter is better)",
        "new connection, 100 B",
        |seen| &seen.p50,
    ),
    (
        "megabyte",
        "Latency of 1 MB against bare axum, p50 (shorter is better)",
        "1 caller, 1 MB",
        |seen| &seen.p50,
    ),
];

/// Draws what was measured; returns the text that shows it.
pub fn all(document: &Document, everybody: &[Contestant], findings: &Findings) -> io::Result<String> {
    let mut text = String::new();
    for (file, title, scenario, what) in PICTURES {
        let Some(seen) = findings.of(scenario) else { continue };
        let base = what(&seen[reference(everybody, false)]);
        let bars: Vec<_> = everybody
            .iter()
            .zip(seen)
            .map(|(who, seen)| (who.name, what(seen).over(base)))
            .collect();
        text.push_str(&document.plot(file, title, &draw(title, &bars))?);
    }
    Ok(text)
}

fn draw(title: &str, bars: &[(&str, Series)]) -> String {
    const LEFT: f64 = 130.0;
    const WIDTH: f64 = 520.0;
    // A program for each run is off the scale of all others.
    let longest = bars
        .iter()
        .map(|(_, ratios)| ratios.median())
        .fold(1.0, f64::max)
        .min(3.0);
    let place = |ratio: f64| LEFT + WIDTH * (ratio / longest).min(1.0);
    let height = 50 + bars.len() * 24;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"740\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"20\" font-size=\"13\">{title}</text>\n"
    );
    for (index, (name, ratios)) in bars.iter().enumerate() {
        let top = 36 + index * 24;
        let (low, middle, high) = (place(ratios.low()), place(ratios.median()), place(ratios.high()));
        let line = top + 8;
        let text = top + 12;
        let colour = if name.starts_with("axum") || *name == "limit" {
            "#b0b8c0"
        } else {
            "#3b7dd8"
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <path d=\"M{low:.1} {line}H{high:.1}\" stroke=\"#222\"/>\
             <text x=\"{:.1}\" y=\"{text}\">{:.2}</text>",
            LEFT - 6.0,
            middle - LEFT,
            high.max(middle) + 5.0,
            ratios.median(),
        );
    }
    let one = place(1.0);
    let _ = writeln!(
        svg,
        "<path d=\"M{one:.1} 30V{}\" stroke=\"#c33\" stroke-dasharray=\"3 3\"/>\n</svg>",
        height - 10
    );
    svg
}
