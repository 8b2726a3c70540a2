//! Draws a figure: both axes logarithmic, a line of medians each, thin strokes for the spread.

use std::fmt::Write;

use crate::figure::{Figure, Kind, Line, plain};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 330.0;
const COLOURS: [&str; 8] = [
    "#3b7dd8", "#d2691e", "#2e8b57", "#8e5bb5", "#c0392b", "#708090", "#b8860b", "#16a2b8",
];

/// One axis: from what to what, in powers of ten, and where on the paper.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| *value > 0.0) {
            low = low.min(value.log10());
            high = high.max(value.log10());
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // Room at both ends, so that no point lies on the frame.
        let room = ((high - low) * 0.04).max(0.1);
        Self {
            low: low - room,
            high: high + room,
            from,
            to,
        }
    }

    fn place(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value.log10() - self.low) / (self.high - self.low)
    }

    /// Powers of ten; where there are few, twice and five times each as well.
    fn ticks(&self) -> Vec<f64> {
        let steps: &[f64] = if self.high - self.low < 2.5 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        powers
            .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
            .filter(|tick| (self.low..=self.high).contains(&tick.log10()))
            .collect()
    }
}

pub fn svg(figure: &Figure) -> String {
    let points = || figure.lines.iter().flat_map(|line| &line.points);
    let across = Axis::over(points().map(|(at, _)| *at), LEFT, RIGHT);
    let spread = points().flat_map(|(_, series)| [series.low(), series.high()]);
    let up = Axis::over(spread, BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"20\" font-size=\"13\">{}</text>\n",
        escaped(&figure.title)
    );
    frame(&mut svg, figure, &across, &up);
    for (index, line) in figure.lines.iter().enumerate() {
        draw(&mut svg, line, index, &across, &up);
    }
    svg.push_str("</svg>\n");
    svg
}

fn frame(svg: &mut String, figure: &Figure, across: &Axis, up: &Axis) {
    for tick in across.ticks() {
        let x = across.place(tick);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"#e4e4e4\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 16.0,
            plain(tick)
        );
    }
    for tick in up.ticks() {
        let y = up.place(tick);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#e4e4e4\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            plain(tick)
        );
    }
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#444\"/>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 38.0,
        escaped(figure.along),
        (TOP + BOTTOM) / 2.0,
        escaped(figure.what)
    );
}

fn draw(svg: &mut String, line: &Line, index: usize, across: &Axis, up: &Axis) {
    let (colour, dash) = match line.kind {
        Kind::Measured => (COLOURS[index % COLOURS.len()], ""),
        Kind::Tail(of) => (COLOURS[of % COLOURS.len()], " stroke-dasharray=\"6 3\""),
        Kind::Ideal => ("#999", " stroke-dasharray=\"2 4\""),
    };
    let mut path = String::new();
    // What is nothing has no place on such an axis.
    for (at, series) in line
        .points
        .iter()
        .filter(|(at, series)| *at > 0.0 && series.median() > 0.0)
    {
        let (x, y) = (across.place(*at), up.place(series.median()));
        let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
        if line.kind == Kind::Ideal {
            continue;
        }
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        if series.low() > 0.0 && series.low() < series.high() {
            let (low, high) = (up.place(series.low()), up.place(series.high()));
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {low:.1}V{high:.1}\" stroke=\"{colour}\" opacity=\"0.5\"/>"
            );
        }
    }
    let y = TOP + 8.0 + 20.0 * index as f64;
    let _ = writeln!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>\
         <path d=\"M{} {y}h18\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/><text x=\"{}\" y=\"{}\">{}</text>",
        RIGHT + 14.0,
        RIGHT + 38.0,
        y + 4.0,
        escaped(&line.name)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_factors_lie_equally_far_apart() {
        let axis = Axis::over([1.0, 1000.0].into_iter(), 0.0, 300.0);
        let steps = [1.0, 10.0, 100.0, 1000.0].map(|value| axis.place(value));
        assert!(steps[0] > 0.0 && steps[3] < 300.0);
        assert!((steps[1] - steps[0] - (steps[3] - steps[2])).abs() < 1e-9);
        assert_eq!(axis.ticks(), [1.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn an_axis_of_nothing_can_be_drawn() {
        let axis = Axis::over([0.0, f64::NAN].into_iter(), 0.0, 1.0);
        assert!(axis.place(1.0).is_finite());
    }
}
