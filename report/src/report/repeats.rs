//! The same run under several seeds: each run's figures, their means, and how far they spread.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::human::time;
use crate::statistics::Spread;

/// The runs behind a report about several seeds; only complete runs are among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// Each run, in order.
    pub runs: Vec<SeedRun>,
    /// Each class that some run had traffic of.
    pub classes: Vec<ClassSpread>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedRun {
    /// Its seed.
    pub seed: u64,
    /// Digest of its outputs, hexadecimal; as a run with this seed alone has it.
    pub digest: Option<String>,
    /// Each class that it had traffic of.
    pub classes: Vec<SeedClass>,
}

/// One class of one run; the fields are those of a report's class and of its `send_to_delivered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are those of a report's class")]
pub struct SeedClass {
    pub class: String,
    pub sent: u64,
    pub expected: u64,
    pub missed: u64,
    pub miss_ratio: f64,
    /// Absent where nothing was delivered, as the other latencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_ns: Option<u64>,
}

/// Means over the runs that had traffic of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassSpread {
    /// `"D0"` to `"D5"`.
    pub class: String,
    /// Of the runs' miss ratios.
    pub miss_ratio: Spread,
    /// Of the runs' medians, ns; absent where nothing was delivered, as the other latencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<Spread>,
    /// Of the runs' 99th percentiles, ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<Spread>,
}

impl Repeats {
    /// `None` without runs.
    pub fn new(runs: Vec<SeedRun>) -> Option<Self> {
        let mut names: Vec<&String> =
            runs.iter().flat_map(|run| run.classes.iter().map(|class| &class.class)).collect();
        names.sort_unstable();
        names.dedup();
        let classes = names.into_iter().filter_map(|name| spread(name, &runs)).collect();
        (!runs.is_empty()).then_some(Self { runs, classes })
    }

    /// One class, if some run had traffic of it.
    pub fn class(&self, name: &str) -> Option<&ClassSpread> {
        self.classes.iter().find(|class| class.class == name)
    }

    pub(super) fn render(&self, out: &mut String) {
        let runs = self.runs.len();
        let title =
            format!("mean of {runs} seed{} +- half the 95 % interval", if runs == 1 { "" } else { "s" });
        let mut add = |text: String| {
            writeln!(out, "{}", text.trim_end()).expect("invariant: writing to a String does not fail");
        };
        add(String::new());
        add(title);
        add(format!("{:<6} {:>20} {:>12} {:>20} {:>20}", "class", "miss ratio", "deviation", "p50", "p99"));
        for class in &self.classes {
            let share = |value: f64| format!("{:.3} %", value * 100.0);
            let ns = |value: f64| time(value.max(0.0).round() as u64);
            let latency =
                |spread: Option<&Spread>| spread.map_or("-".to_owned(), |spread| with_half(spread, ns));
            add(format!(
                "{:<6} {:>20} {:>12} {:>20} {:>20}",
                class.class,
                with_half(&class.miss_ratio, share),
                class.miss_ratio.sd.map_or("-".to_owned(), share),
                latency(class.p50_ns.as_ref()),
                latency(class.p99_ns.as_ref()),
            ));
        }
    }
}

fn spread(name: &str, runs: &[SeedRun]) -> Option<ClassSpread> {
    let classes: Vec<_> =
        runs.iter().filter_map(|run| run.classes.iter().find(|class| class.class == name)).collect();
    let of = |figure: &dyn Fn(&SeedClass) -> Option<f64>| {
        Spread::of(&classes.iter().filter_map(|class| figure(class)).collect::<Vec<_>>())
    };
    Some(ClassSpread {
        class: name.to_owned(),
        miss_ratio: of(&|class| Some(class.miss_ratio))?,
        p50_ns: of(&|class| class.p50_ns.map(|ns| ns as f64)),
        p99_ns: of(&|class| class.p99_ns.map(|ns| ns as f64)),
    })
}

fn with_half(spread: &Spread, shown: impl Fn(f64) -> String) -> String {
    match spread.ci95 {
        Some((_, high)) => format!("{} +- {}", shown(spread.mean), shown(high - spread.mean)),
        None => shown(spread.mean),
    }
}
