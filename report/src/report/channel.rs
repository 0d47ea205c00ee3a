//! How busy a live station found its channel, and what its radio kept of its neighbours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::human::{counted, percent};
use crate::counts::largest_first;

/// How busy the channel of a live station was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChannelReport {
    /// Share of the time, 0..=1, when the report was made.
    pub busy: f64,
    /// Where that comes from: `survey` (the radio's carrier sense), `monitor` (airtime of what a monitor interface heard) or
    /// `estimate` (of the frames that the station sent and heard).
    pub source: String,
    /// On average.
    pub busy_mean: f64,
    /// At most, over a second.
    pub busy_max: f64,
    /// For how long each source had it, s.
    pub seconds_by_source: BTreeMap<String, u64>,
}

impl ChannelReport {
    /// In words: `busy 12.3 % of the time, at most 40.0 %, by survey`.
    pub fn in_words(&self) -> String {
        let sources = largest_first(&self.seconds_by_source);
        let mut text =
            format!("busy {} of the time, at most {}", percent(self.busy_mean), percent(self.busy_max));
        for (place, (source, seconds)) in sources.iter().enumerate() {
            let joint = if place == 0 { ", by" } else { " and" };
            text += &match sources.len() {
                1 => format!("{joint} {source}"),
                _ => format!("{joint} {source} ({seconds} s)"),
            };
        }
        text
    }
}

/// What the kernel keeps of the neighbours of a station in OCB, and what the link did for them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OcbReport {
    /// Entries of the kernel's table, as counted last; absent while they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u32>,
    /// The most that were counted.
    pub entries_max: u32,
    /// Entries it has room for.
    pub room: u32,
    /// Times the link left and joined to empty it.
    pub rejoined: u64,
    /// Warm-up frames sent before the first frame of an address.
    pub warm_ups: u64,
    /// First frames of an address that were sent again.
    pub first_copies: u64,
}

impl OcbReport {
    /// In words: `12 of 128 entries for neighbours in the kernel, at most 30; 2 warm-up frames`.
    pub fn in_words(&self) -> String {
        let entries = self.entries.map_or_else(|| "unknown".to_owned(), |entries| entries.to_string());
        let mut text = format!(
            "{entries} of {} entries for neighbours in the kernel, at most {}; {}",
            self.room,
            self.entries_max,
            counted(self.warm_ups, "warm-up frame")
        );
        if self.rejoined > 0 {
            text += &format!("; left and joined {}", counted(self.rejoined, "time"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_reads_with_its_sources_the_longest_first() {
        let mut channel = ChannelReport {
            busy: 0.2,
            source: "survey".to_owned(),
            busy_mean: 0.123,
            busy_max: 0.4,
            seconds_by_source: [("survey".to_owned(), 12)].into(),
        };
        assert_eq!(channel.in_words(), "busy 12.3 % of the time, at most 40.0 %, by survey");
        channel.seconds_by_source.insert("estimate".to_owned(), 30);
        assert!(
            channel.in_words().ends_with(", by estimate (30 s) and survey (12 s)"),
            "{}",
            channel.in_words()
        );
    }

    #[test]
    fn entries_read_with_their_room() {
        let ocb =
            OcbReport { entries: Some(12), entries_max: 30, room: 128, warm_ups: 1, ..OcbReport::default() };
        let told = "12 of 128 entries for neighbours in the kernel, at most 30; 1 warm-up frame";
        assert_eq!(ocb.in_words(), told);
        let ocb = OcbReport { entries: None, rejoined: 2, ..ocb };
        assert!(ocb.in_words().starts_with("unknown of 128") && ocb.in_words().ends_with("joined 2 times"));
    }
}
