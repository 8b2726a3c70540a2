//! Medians and spreads.

/// Several measurements of one thing.
#[derive(Clone, Default)]
pub struct Series(pub Vec<f64>);

impl Series {
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted: Vec<f64> = self.0.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            length => {
                let place = (length - 1) as f64 * part;
                let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
                low + (high - low) * place.fract()
            }
        }
    }

    pub fn low(&self) -> f64 {
        self.quantile(0.0)
    }

    pub fn high(&self) -> f64 {
        self.quantile(1.0)
    }

    /// As it stands in a table.
    pub fn spread(&self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median(), self.low(), self.high())
    }

    /// Round by round, this over that.
    pub fn over(&self, that: &Self) -> Self {
        Self(self.0.iter().zip(&that.0).map(|(this, that)| this / that).collect())
    }
}

/// Three significant digits, thousands as `k`.
pub fn short(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".to_owned(),
        value if value >= 99_950.0 => format!("{:.0} k", value / 1000.0),
        value if value >= 9_995.0 => format!("{:.1} k", value / 1000.0),
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
