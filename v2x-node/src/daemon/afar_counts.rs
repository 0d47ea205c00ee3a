//! What became of frames from afar, in figures of their own.

use std::collections::BTreeMap;

use v2x_core::{DropReason, ForwardCause, Forwarded};
use v2x_report::{AfarReport, StageHistogram, counts};

/// Counts of frames from afar.
#[derive(Debug, Default)]
pub struct AfarCounts {
    delivered: u64,
    aired: u64,
    drops: BTreeMap<&'static str, u64>,
    ages: StageHistogram,
}

impl AfarCounts {
    /// A message was delivered, so long after it was generated.
    pub fn delivered(&mut self, age_ns: u64) {
        self.delivered += 1;
        self.ages.record(age_ns);
    }

    /// A frame was dropped.
    pub fn dropped(&mut self, reason: DropReason) {
        *self.drops.entry(reason.name()).or_default() += 1;
    }

    /// A message is sent on.
    pub fn forwarded(&mut self, forwarded: &Forwarded) {
        self.aired += u64::from(forwarded.cause == ForwardCause::Afar);
    }

    /// For a report; `None` while nothing came from afar.
    pub fn report(&self) -> Option<AfarReport> {
        let dropped = self.drops.values().sum();
        let received = self.delivered + dropped;
        (received > 0).then(|| AfarReport {
            received,
            delivered: self.delivered,
            dropped,
            aired: self.aired,
            drops: counts::owned(&self.drops),
            age: self.ages.summary(),
        })
    }

    /// For a program that asks.
    pub fn figures(&self) -> v2x_api::AfarFigures {
        let dropped = self.drops.values().sum();
        let age = |quantile| (!self.ages.is_empty()).then(|| self.ages.quantile_ns(quantile) as f64 / 1000.0);
        v2x_api::AfarFigures {
            received: self.delivered + dropped,
            delivered: self.delivered,
            aired: self.aired,
            dropped,
            drops: counts::owned(&self.drops),
            age_p50_us: age(0.5),
            age_p99_us: age(0.99),
        }
    }
}
