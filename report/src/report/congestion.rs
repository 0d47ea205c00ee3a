//! How congestion control stood, and what it held back.

use serde::{Deserialize, Serialize};

use super::human::{counted, percent};

/// Congestion control of a live station, or of all stations of a replay together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CongestionReport {
    /// The rule for the rate: `adaptive`, `reactive` or `off`.
    pub congestion: String,
    /// The law beneath it: `en302571` or `none`.
    pub regulation: String,
    /// How imminent warnings survive the loss of a frame: `lab` or `regulated`.
    pub imminent: String,
    /// Where the busy ratio comes from: `survey` (the radio's carrier sense), `monitor` (airtime of what a monitor interface
    /// heard), `estimate` (of the frames that the station sent and heard) or `assumed`.
    pub source: String,
    /// The busy ratio that the gate went by at last, 0..=1; of a replay the mean over its stations.
    pub busy: f64,
    /// The least and the largest among the stations of a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_range: Option<(f64, f64)>,
    /// The share of time the station may send, of the adaptive rule, 0..=1; of a replay the mean over its stations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The state of the reactive rule, 0 (relaxed) to 4 (restrictive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// The time from one frame to the next, for frames as long as the last one, ms; of a replay the mean over its stations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<f64>,
    /// The most power to send with, dBm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_cap_dbm: Option<i8>,
    /// Beacons made later than their rule wanted them.
    pub beacons_held: u64,
    /// How much later on average, ms.
    pub hold_mean_ms: f64,
    /// At most, ms.
    pub hold_max_ms: f64,
    /// Beacons that left before the rate opened, because others no longer knew where the station is.
    pub tracking_errors: u64,
}

impl CongestionReport {
    /// In words: `adaptive, busy 61.2 % by survey, a frame each 92 ms; 40 beacons held for 31 ms, at most 88 ms; regulation none,
    /// imminent lab`.
    pub fn in_words(&self) -> String {
        let mut text = format!("{}, busy {} by {}", self.congestion, percent(self.busy), self.source);
        if let Some((least, most)) = self.busy_range {
            text += &format!(" ({} to {})", percent(least), percent(most));
        }
        if let Some(step) = self.step {
            text += &format!(", state {step} of 4");
        }
        if let Some(interval) = self.interval_ms.filter(|interval| *interval > 0.0) {
            text += &format!(", a frame each {interval:.0} ms");
        }
        if let Some(cap) = self.power_cap_dbm {
            text += &format!(", at most {cap} dBm");
        }
        if self.beacons_held > 0 {
            text += &format!(
                "; {} held for {:.0} ms, at most {:.0} ms",
                counted(self.beacons_held, "beacon"),
                self.hold_mean_ms,
                self.hold_max_ms
            );
        }
        if self.tracking_errors > 0 {
            text += &format!("; {} ahead of the rate", counted(self.tracking_errors, "beacon"));
        }
        text + &format!("; regulation {}, imminent {}", self.regulation, self.imminent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_reads_with_the_rule_the_ratio_and_what_was_held() {
        let mut report = CongestionReport {
            congestion: "adaptive".to_owned(),
            regulation: "none".to_owned(),
            imminent: "lab".to_owned(),
            source: "survey".to_owned(),
            busy: 0.612,
            interval_ms: Some(92.4),
            ..CongestionReport::default()
        };
        let start = "adaptive, busy 61.2 % by survey, a frame each 92 ms";
        assert_eq!(report.in_words(), format!("{start}; regulation none, imminent lab"));
        (report.beacons_held, report.hold_mean_ms, report.hold_max_ms) = (1, 31.2, 88.0);
        report.tracking_errors = 2;
        assert_eq!(
            report.in_words(),
            format!(
                "{start}; 1 beacon held for 31 ms, at most 88 ms; 2 beacons ahead of the rate; regulation none, imminent lab"
            )
        );
    }
}
