//! Who is called when. The shape is that of Azure Functions in July 2019 as its authors describe it (Shahrad and others,
//! "Serverless in the Wild", USENIX ATC 2020): 45 % of the applications are called once an hour or less, 81 % once a
//! minute or less, and the busiest 18.6 % get 99.6 % of all calls. None of the trace's data is here.

use crate::random::Random;

/// Nanoseconds since the beginning.
pub type Time = u64;
pub const SECOND: Time = 1_000_000_000;

/// Part of the functions that are called so often or less, per second. Between them rates are spread evenly in their
/// logarithm; the first is an assumption, the last is what gives the busiest their share.
const RATES: [(f64, f64); 4] = [
    (0.0, 1.0 / (7.0 * 86_400.0)),
    (0.45, 1.0 / 3600.0),
    (0.81, 1.0 / 60.0),
    (1.0, 12.0),
];

/// The paper shows regular callers, independent ones and such that come in bursts, but not how they divide: these parts
/// are assumed.
const REGULAR: f64 = 0.2;
const INDEPENDENT: f64 = 0.4;

/// How often the function at this place of the order is called, per second.
pub fn rate(part: f64) -> f64 {
    let above = RATES
        .iter()
        .position(|(end, _)| part <= *end)
        .unwrap_or(RATES.len() - 1)
        .max(1);
    let ((from, low), (to, high)) = (RATES[above - 1], RATES[above]);
    low * (high / low).powf((part - from) / (to - from))
}

enum Rhythm {
    Regular,
    Independent,
    /// Two exponentials, a short and a long one, with a coefficient of variation of 4.
    Bursts,
}

impl Rhythm {
    /// The time to the next call, with mean 1.
    fn gap(&self, random: &mut Random) -> f64 {
        const SHORT: f64 = 0.969_7;
        match self {
            Self::Regular => 1.0,
            Self::Independent => random.exponential(),
            Self::Bursts if random.part() < SHORT => random.exponential() / (2.0 * SHORT),
            Self::Bursts => random.exponential() / (2.0 * (1.0 - SHORT)),
        }
    }
}

/// A call: when, and of which function.
pub type Call = (Time, u32);

/// All calls of so many functions until the end, in order.
pub fn calls(functions: u32, end: Time, seed: u64) -> Vec<Call> {
    let mut random = Random::new(seed);
    let end = end as f64;
    let mut calls = Vec::new();
    for function in 0..functions {
        let gap = SECOND as f64 / rate((f64::from(function) + 0.5) / f64::from(functions));
        let rhythm = match random.part() {
            part if part < REGULAR => Rhythm::Regular,
            part if part < REGULAR + INDEPENDENT => Rhythm::Independent,
            _ => Rhythm::Bursts,
        };
        // Somewhere between two calls.
        let mut time = gap * random.part();
        while time < end {
            calls.push((time as Time, function));
            time += gap * rhythm.gap(&mut random);
        }
    }
    calls.sort_unstable();
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_the_published_shape() {
        let close = |this: f64, that: f64| (this / that - 1.0).abs() < 0.01;
        assert!(close(rate(0.45), 1.0 / 3600.0));
        assert!(close(rate(0.81), 1.0 / 60.0));
        let all: Vec<f64> = (0..10_000)
            .map(|place| rate((f64::from(place) + 0.5) / 10_000.0))
            .collect();
        let busiest: f64 = all[10_000 - 1860..].iter().sum();
        let share = busiest / all.iter().sum::<f64>();
        assert!((share - 0.996).abs() < 0.001, "{share}");
    }

    #[test]
    fn each_rhythm_has_its_mean_and_variation() {
        for (rhythm, variation) in [
            (Rhythm::Regular, 0.0),
            (Rhythm::Independent, 1.0),
            (Rhythm::Bursts, 4.0),
        ] {
            let mut random = Random::new(3);
            let gaps: Vec<f64> = (0..400_000).map(|_| rhythm.gap(&mut random)).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let square = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            assert!((mean - 1.0).abs() < 0.05, "{mean}");
            assert!(
                (square.sqrt() / mean - variation).abs() < 0.2,
                "{variation}: {}",
                square.sqrt()
            );
        }
    }

    #[test]
    fn calls_come_in_order_and_the_same_each_time() {
        let once = calls(50, 600 * SECOND, 1);
        assert!(once.is_sorted() && !once.is_empty());
        assert_eq!(once, calls(50, 600 * SECOND, 1));
        assert_ne!(once, calls(50, 600 * SECOND, 2));
    }
}
