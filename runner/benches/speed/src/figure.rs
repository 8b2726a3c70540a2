//! How something changes with something else: a table here, a picture in `chart`.

use std::fmt::Write;

use crate::stats::{Series, short};

pub struct Figure {
    /// Of its file.
    pub name: &'static str,
    pub title: String,
    /// What is changed, and what of it is seen, with their units.
    pub along: &'static str,
    pub what: &'static str,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    pub kind: Kind,
    pub points: Vec<(f64, Series)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Measured,
    /// Another view of what the line with this number shows.
    Tail(usize),
    /// Not measured: what could be hoped for.
    Ideal,
}

impl Line {
    pub fn measured(name: &str, points: Vec<(f64, Series)>) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Measured,
            points,
        }
    }

    pub fn ideal(name: &str, points: &[(f64, f64)]) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Ideal,
            points: points.iter().map(|(at, value)| (*at, Series(vec![*value]))).collect(),
        }
    }

    fn at(&self, place: f64) -> Option<&Series> {
        self.points
            .iter()
            .find(|(at, _)| *at == place)
            .map(|(_, series)| series)
    }
}

impl Figure {
    /// A row for each value of what is changed, a column for each line.
    pub fn table(&self) -> String {
        let names: Vec<_> = self.lines.iter().map(|line| line.name.as_str()).collect();
        let mut text = format!(
            "\n| {} | {} |\n|---|{}\n",
            self.along,
            names.join(" | "),
            "---|".repeat(names.len())
        );
        let mut places: Vec<f64> = self
            .lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|(at, _)| *at)
            .collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        for place in places {
            let cells: Vec<_> = self.lines.iter().map(|line| cell(line.at(place))).collect();
            let _ = writeln!(text, "| {} | {} |", plain(place), cells.join(" | "));
        }
        let _ = writeln!(text, "\nIn the cells: {}.", self.what);
        text
    }
}

fn cell(series: Option<&Series>) -> String {
    match series {
        None => "–".to_owned(),
        Some(Series(values)) if values.len() == 1 => short(values[0]),
        Some(series) => format!(
            "{} ({}–{})",
            short(series.median()),
            short(series.low()),
            short(series.high())
        ),
    }
}

/// As people write it: 40 M, 4 k, 0.4.
pub fn plain(value: f64) -> String {
    let (scaled, unit) = match value {
        value if value >= 1e6 => (value / 1e6, " M"),
        value if value >= 1e3 => (value / 1e3, " k"),
        value => (value, ""),
    };
    let digits = (2.0 - scaled.abs().log10().floor()).clamp(0.0, 5.0) as usize;
    let text = format!("{scaled:.digits$}");
    if !text.contains('.') {
        return format!("{text}{unit}");
    }
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short() {
        for (value, text) in [
            (10.0, "10"),
            (0.4, "0.4"),
            (4000.0, "4 k"),
            (4e7, "40 M"),
            (0.001, "0.001"),
        ] {
            assert_eq!(plain(value), text);
        }
    }

    #[test]
    fn lines_that_lack_a_place_leave_it_open() {
        let figure = Figure {
            name: "",
            title: String::new(),
            along: "x",
            what: "y",
            lines: vec![
                Line::ideal("a", &[(1.0, 2.0), (2.0, 4.0)]),
                Line::measured("b", vec![(2.0, Series(vec![1.0, 3.0, 2.0]))]),
            ],
        };
        let expected =
            "\n| x | a | b |\n|---|---|---|\n| 1 | 2.00 | – |\n| 2 | 4.00 | 2.00 (1.00–3.00) |\n\nIn the cells: y.\n";
        assert_eq!(figure.table(), expected);
    }
}
