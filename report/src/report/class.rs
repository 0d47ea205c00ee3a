//! One deadline class in a report, and what it is judged by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use v2x_proto::Class;

use crate::counts;
use crate::histogram::Summary;
use crate::stats::{ClassStats, Stage};

/// One deadline class in a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// `"D0"` to `"D5"`.
    pub class: String,
    /// Longest allowed time from intended send to verified delivery, ms; `null` for D5.
    pub deadline_ms: Option<u64>,
    /// Largest `miss_ratio` that still meets the class's target; `null` for D5.
    pub miss_target: Option<f64>,
    /// Whether the target was met. A class that expected nothing is not judged and counts as met.
    pub met: bool,
    /// Messages sent.
    pub sent: u64,
    /// (Message, intended receiver) pairs.
    pub expected: u64,
    /// Of `expected`: delivered, in time or late.
    pub delivered: u64,
    /// Of `delivered`: after the deadline.
    pub delivered_late: u64,
    /// Of `expected`: not delivered in time.
    pub missed: u64,
    /// `missed / expected`; 0 when nothing was expected.
    pub miss_ratio: f64,
    /// Of `expected`: never delivered, by reason.
    pub undelivered: BTreeMap<String, u64>,
    /// Outside every count above, by name: `restarts` of senders, whose numbers jump; `out_of_range`, messages sent while
    /// their sender was not heard at all for a while; `caught_up`, hazards sent before this station could hear them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apart: BTreeMap<String, u64>,
    /// Latency from intended application send to verified delivery.
    pub send_to_delivered: Summary,
    /// Latency of each other stage that was measured, by [`Stage::name`].
    pub stages: BTreeMap<String, Summary>,
    /// The distribution behind `send_to_delivered`: `[quantile 0..=1, latency ns]`, rising.
    pub percentiles: Vec<(f64, u64)>,
}

impl ClassReport {
    /// Judges the counts.
    pub fn new(stats: &ClassStats) -> Self {
        let missed = stats.missed();
        let miss_ratio = if stats.expected == 0 { 0.0 } else { missed as f64 / stats.expected as f64 };
        let target = miss_target(stats.class);
        let overall = stats.stage(Stage::SendToDelivered);
        Self {
            class: stats.class.name().to_owned(),
            deadline_ms: deadline_ms(stats.class),
            miss_target: target,
            met: is_met(miss_ratio, target),
            sent: stats.sent,
            expected: stats.expected,
            delivered: stats.delivered,
            delivered_late: stats.late,
            missed,
            miss_ratio,
            undelivered: counts::owned(&stats.undelivered),
            apart: counts::owned(&stats.apart),
            send_to_delivered: overall.summary(),
            stages: Stage::ALL
                .into_iter()
                .filter(|stage| *stage != Stage::SendToDelivered && !stats.stage(*stage).is_empty())
                .map(|stage| (stage.name().to_owned(), stats.stage(stage).summary()))
                .collect(),
            percentiles: overall.percentiles(),
        }
    }

    /// Whether anything was sent to anyone: a class without traffic is not judged.
    pub fn has_traffic(&self) -> bool {
        self.expected > 0
    }

    /// Whether it has a target, and traffic to judge by it.
    pub fn is_judged(&self) -> bool {
        self.has_traffic() && self.miss_target.is_some()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let Self { class, expected, delivered, delivered_late, missed, .. } = self;
        let undelivered: u64 = self.undelivered.values().sum();
        if *expected != delivered + undelivered {
            return Err(format!(
                "{class}: expected {expected} should equal delivered {delivered} + undelivered {undelivered}"
            ));
        }
        if *missed != undelivered + delivered_late {
            return Err(format!(
                "{class}: missed {missed} should equal undelivered {undelivered} + delivered late {delivered_late}"
            ));
        }
        if delivered_late > delivered {
            return Err(format!(
                "{class}: delivered late {delivered_late} should be at most delivered {delivered}"
            ));
        }
        if self.met != is_met(self.miss_ratio, self.miss_target) {
            return Err(format!(
                "{class}: met is {}, against a miss ratio of {} and a target of {:?}",
                self.met, self.miss_ratio, self.miss_target
            ));
        }
        Ok(())
    }
}

/// Largest share of expected deliveries a class may miss; `None` for D5, which has no deadline.
pub fn miss_target(class: Class) -> Option<f64> {
    match class {
        Class::D0 | Class::D3 => Some(MISS_TARGET_STRICT),
        Class::D1 | Class::D2 | Class::D4 => Some(MISS_TARGET),
        Class::D5 => None,
    }
}

fn is_met(miss_ratio: f64, target: Option<f64>) -> bool {
    target.is_none_or(|target| miss_ratio <= target)
}

fn deadline_ms(class: Class) -> Option<u64> {
    let deadline = class.deadline()?;
    Some(u64::try_from(deadline.as_millis()).expect("invariant: deadlines are below a second"))
}

/// D0 requires 99 % within 20 ms, D3 for 99 % of the stations of the area within 300 ms (Roadcast's own targets;
/// US DOT HS 809 859 requires 20 ms for pre-crash sensing without naming a ratio, TS 101 539-1 300 ms end to end).
const MISS_TARGET_STRICT: f64 = 0.01;
/// D1 requires 95 % within 100 ms (Roadcast's own target; 100 ms is the critical time of TR 102 638's collision
/// avoidance). D2 and D4 repeat and are judged alike.
const MISS_TARGET: f64 = 0.05;
