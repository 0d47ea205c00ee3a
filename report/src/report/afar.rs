//! Frames that came to a live station from afar: in a row of their own, outside the classes and their deadlines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::human::{count, counted, time};
use crate::histogram::Summary;

/// What became of frames from afar. No other figure of a report counts them, but that what was sent on the air was forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AfarReport {
    /// Frames handed in.
    pub received: u64,
    /// Delivered to the application.
    pub delivered: u64,
    /// Dropped, for a reason listed in `drops`.
    pub dropped: u64,
    /// Messages that this station sent on the air.
    pub aired: u64,
    /// Dropped frames by reason.
    pub drops: BTreeMap<String, u64>,
    /// From generation to delivery, by the two clocks.
    pub age: Summary,
}

impl AfarReport {
    /// In words: `12 received = 10 delivered (p50 21.0 ms, p99 30.0 ms old) + 2 dropped (stale 2); 8 sent on the air`.
    pub fn in_words(&self) -> String {
        let age = match self.age.count {
            0 => String::new(),
            _ => format!(" (p50 {}, p99 {} old)", time(self.age.p50_ns), time(self.age.p99_ns)),
        };
        let reasons: Vec<_> = crate::counts::largest_first(&self.drops)
            .into_iter()
            .map(|(reason, number)| format!("{reason} {}", count(*number)))
            .collect();
        let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        format!(
            "{} received = {} delivered{age} + {} dropped{why}; {} sent on the air",
            self.received,
            self.delivered,
            self.dropped,
            counted(self.aired, "message"),
        )
    }

    /// Tests its identities; the error names the first that does not hold.
    pub(super) fn check(&self) -> Result<(), String> {
        let by_reason: u64 = self.drops.values().sum();
        let Self { received, delivered, dropped, .. } = self;
        if *received != delivered + dropped || *dropped != by_reason {
            return Err(format!(
                "afar: received {received} should equal delivered {delivered} + dropped {dropped}, and these the sum of drops \
                 by reason, {by_reason}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_from_afar_read_in_a_line_and_add_up() {
        let mut afar =
            AfarReport { received: 12, delivered: 10, dropped: 2, aired: 1, ..AfarReport::default() };
        afar.drops.insert("stale".to_owned(), 2);
        afar.age = Summary { count: 10, p50_ns: 21_000_000, p99_ns: 30_000_000, ..Summary::default() };
        let told = "12 received = 10 delivered (p50 21.0 ms, p99 30.0 ms old) + 2 dropped (stale 2); 1 message sent on the air";
        assert_eq!(afar.in_words(), told);
        assert_eq!(afar.check(), Ok(()));
        afar.received += 1;
        assert!(afar.check().is_err());
        let quiet = AfarReport::default().in_words();
        assert_eq!(quiet, "0 received = 0 delivered + 0 dropped; 0 messages sent on the air");
    }
}
