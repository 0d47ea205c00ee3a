//! Summing up and printing.

use std::fs;

/// True when `ROADCAST_BENCH_QUICK` is set: everything is cut short, for a smoke test whose figures mean little.
pub fn quick() -> bool {
    std::env::var_os("ROADCAST_BENCH_QUICK").is_some_and(|value| value != "0" && !value.is_empty())
}

/// Samples of one figure.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// With room for `n` samples, so that adding them allocates nothing.
    pub fn with_capacity(n: usize) -> Self {
        Self(Vec::with_capacity(n))
    }

    /// Adds one.
    pub fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// The smallest; not a number when there is none.
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The middle one; not a number when there is none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (Some(low), Some(high)) =
            (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2))
        else {
            return f64::NAN;
        };
        f64::midpoint(*low, *high)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all, keeps the room.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The value with `digits` digits after the point, for JSON.
pub fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

/// Name and number of the processors, as Linux reports; "unknown" elsewhere.
pub fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processors = text.lines().filter(|line| line.starts_with("processor")).count();
    model.map_or_else(|| "unknown".to_owned(), |(_, model)| format!("{model}, {processors} processors"))
}
