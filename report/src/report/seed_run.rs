//! The report of one run as one of several.

use super::repeats::{SeedClass, SeedRun};
use super::{ClassReport, Report};

impl Report {
    /// This run among those of other seeds.
    pub fn of_seed(&self, seed: u64) -> SeedRun {
        let with_traffic = self.classes.iter().filter(|class| class.has_traffic());
        SeedRun { seed, digest: self.digest.clone(), classes: with_traffic.map(of_class).collect() }
    }
}

fn of_class(class: &ClassReport) -> SeedClass {
    let latency = &class.send_to_delivered;
    let known = |ns| (latency.count > 0).then_some(ns);
    SeedClass {
        class: class.class.clone(),
        sent: class.sent,
        expected: class.expected,
        missed: class.missed,
        miss_ratio: class.miss_ratio,
        p50_ns: known(latency.p50_ns),
        p99_ns: known(latency.p99_ns),
        p999_ns: known(latency.p999_ns),
    }
}
