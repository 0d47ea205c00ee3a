//! Who got what: deliveries by distance, and the pairs and stations that were served worst.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::human::{count, percent, time};

/// Deliveries of awareness (D2) at one range of distances between sender and receiver when the message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryBin {
    /// Shortest distance, m, inclusive.
    pub from_m: u32,
    /// Longest distance, m, exclusive; `null` for the last, open range.
    pub to_m: Option<u32>,
    /// (Message, intended receiver) pairs.
    pub expected: u64,
    /// Of `expected`: delivered, in time or late.
    pub delivered: u64,
}

impl DeliveryBin {
    /// `delivered / expected`; `None` when nothing was expected.
    pub fn ratio(&self) -> Option<f64> {
        (self.expected > 0).then(|| self.delivered as f64 / self.expected as f64)
    }

    /// The range as people write it: `50-100 m`, `500+ m`.
    pub(crate) fn range(&self) -> String {
        match self.to_m {
            Some(to_m) => format!("{}-{to_m} m", self.from_m),
            None => format!("{}+ m", self.from_m),
        }
    }
}

/// What became of frames on a medium that says why it loses them, at stations about this far from the sender: all frames at all
/// stations, whether meant for them or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossBin {
    /// The middle of the range, m.
    pub at_m: u32,
    /// (Frame, station) pairs.
    pub frames: u64,
    /// Of `frames`: received.
    pub received: u64,
    /// Of `frames`: lost, by cause.
    pub lost: BTreeMap<String, u64>,
}

impl LossBin {
    /// Adds what another run has of the same distance.
    pub(super) fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.received += other.received;
        for (cause, lost) in &other.lost {
            *self.lost.entry(cause.clone()).or_default() += lost;
        }
    }
}

/// What one station should have had of another's messages that have a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorstPair {
    /// Who sent, by its name in the trace.
    pub sender: String,
    /// Whom it was meant for.
    pub receiver: String,
    /// Messages.
    pub expected: u64,
    /// Of `expected`: not delivered in time.
    pub missed: u64,
    /// Mean time from intended send to delivery, ns; `null` when nothing was delivered.
    pub mean_ns: Option<u64>,
}

/// What one station should have had of all others' messages that have a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorstStation {
    /// The receiver, by its name in the trace.
    pub station: String,
    /// Messages meant for it.
    pub expected: u64,
    /// Of `expected`: not delivered in time.
    pub missed: u64,
}

/// The share of `expected` that was missed.
pub(crate) fn missed_share(expected: u64, missed: u64) -> f64 {
    if expected == 0 { 0.0 } else { missed as f64 / expected as f64 }
}

/// The deliveries by distance for a terminal; nothing when nothing was expected.
pub(super) fn render_deliveries(out: &mut String, bins: &[DeliveryBin]) {
    if bins.iter().all(|bin| bin.expected == 0) {
        return;
    }
    put(out, format_args!("\n{:<10} {:>12} {:>12} {:>10}", "distance", "D2 expected", "delivered", "ratio"));
    for bin in bins {
        let Some(ratio) = bin.ratio() else { continue };
        put(
            out,
            format_args!(
                "{:<10} {:>12} {:>12} {:>10}",
                bin.range(),
                count(bin.expected),
                count(bin.delivered),
                percent(ratio)
            ),
        );
    }
}

/// The losses by distance for a terminal, each cause by the last word of its name; nothing where the medium does not name them.
pub(super) fn render_losses(out: &mut String, bins: &[LossBin]) {
    let Some(first) = bins.iter().find(|bin| bin.frames > 0) else { return };
    let mut head = format!("\n{:<10} {:>11} {:>8}", "on the air", "frames", "received");
    for cause in first.lost.keys() {
        head += &format!(" {:>11}", cause.rsplit('_').next().unwrap_or(cause));
    }
    put(out, format_args!("{head}"));
    for bin in bins.iter().filter(|bin| bin.frames > 0) {
        let share = |part: u64| percent(part as f64 / bin.frames as f64);
        let mut line =
            format!("{:<10} {:>11} {:>8}", format!("{} m", bin.at_m), count(bin.frames), share(bin.received));
        for lost in bin.lost.values() {
            line += &format!(" {:>11}", share(*lost));
        }
        put(out, format_args!("{line}"));
    }
}

/// The worst pairs and stations for a terminal; nothing when nothing was missed.
pub(super) fn render_worst(out: &mut String, pairs: &[WorstPair], stations: &[WorstStation]) {
    if !pairs.is_empty() {
        put(
            out,
            format_args!(
                "\n{:<40} {:>9} {:>9} {:>9} {:>9}",
                "worst pairs", "expected", "missed", "ratio", "mean"
            ),
        );
    }
    for pair in pairs {
        let mean = pair.mean_ns.map_or_else(|| "-".to_owned(), time);
        let (expected, missed) = (pair.expected, pair.missed);
        put(
            out,
            format_args!(
                "  {:<38} {:>9} {:>9} {:>9} {mean:>9}",
                format!("{} -> {}", plain(&pair.sender), plain(&pair.receiver)),
                count(expected),
                count(missed),
                percent(missed_share(expected, missed)),
            ),
        );
    }
    if !stations.is_empty() {
        put(
            out,
            format_args!("\n{:<40} {:>9} {:>9} {:>9}", "worst receivers", "expected", "missed", "ratio"),
        );
    }
    for one in stations {
        put(
            out,
            format_args!(
                "  {:<38} {:>9} {:>9} {:>9}",
                plain(&one.station),
                count(one.expected),
                count(one.missed),
                percent(missed_share(one.expected, one.missed)),
            ),
        );
    }
}

/// A name from a file, without what would move a terminal's cursor.
fn plain(name: &str) -> String {
    name.chars().map(|symbol| if symbol.is_control() { '?' } else { symbol }).collect()
}

fn put(out: &mut String, text: core::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("invariant: writing to a String does not fail");
}
