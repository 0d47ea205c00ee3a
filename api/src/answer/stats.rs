//! The station's figures of now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::congestion::CongestionFigures;

/// Figures of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Stats {
    /// Seconds since it started.
    pub uptime_s: f64,
    /// The report as it is written to a file, of now.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub report: Value,
    /// What happened in the last whole second.
    pub per_second: PerSecond,
    /// Latencies since the start, by class and by stage.
    pub histograms: BTreeMap<String, BTreeMap<String, Buckets>>,
    /// Stations heard within the last 20 s.
    pub neighbours: u64,
    /// Events known, own ones too.
    pub hazards: u64,
    /// What waits in the station.
    pub queue: Queues,
    /// Processor time spent on verification in the last second, of one core, 0..=1.
    pub verification_load: f64,
    /// Share of time that the channel is busy, 0..=1; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_busy: Option<f64>,
    /// Where that comes from, as in a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_source: Option<String>,
    /// Congestion control; absent in answers of older daemons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<CongestionFigures>,
    /// The clock.
    pub clock: ClockFigures,
    /// The position.
    pub position: PositionFigures,
    /// Times that the link was opened anew since the start.
    pub restarts: u64,
    /// The longest turn of the station's task since the start.
    pub longest_turn_us: f64,
    /// Programs at the control socket.
    pub control: ControlFigures,
    /// The link.
    pub link: LinkFigures,
    /// Frames dropped since the start, by reason.
    pub drops: BTreeMap<String, u64>,
    /// Own messages not transmitted since the start, by reason.
    pub not_sent: BTreeMap<String, u64>,
    /// Frames from afar.
    pub afar: AfarFigures,
}

/// Frames from afar since the start; no other figure counts them, but that what was sent on the air was forwarded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AfarFigures {
    /// Handed in.
    pub received: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Messages sent on the air.
    pub aired: u64,
    /// Dropped.
    pub dropped: u64,
    /// The same by reason.
    pub drops: BTreeMap<String, u64>,
    /// Age of those delivered, from their generation, by the two clocks; its middle, µs. Absent while none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_p50_us: Option<f64>,
    /// The same of all but one in a hundred, µs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_p99_us: Option<f64>,
}

/// What happened in a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PerSecond {
    /// Frames received.
    pub received: f64,
    /// Messages delivered.
    pub delivered: f64,
    /// Frames dropped.
    pub dropped: f64,
    /// Own messages handed to the link.
    pub sent: f64,
    /// Others' messages forwarded.
    pub forwarded: f64,
    /// Signatures verified.
    pub verified: f64,
    /// The same for each class.
    pub by_class: BTreeMap<String, ClassPerSecond>,
}

/// What happened in a second in one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ClassPerSecond {
    /// Own messages handed to the link.
    pub sent: f64,
    /// Messages delivered.
    pub delivered: f64,
    /// Of these, after their deadline.
    pub late: f64,
}

/// A histogram, in cumulative buckets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Buckets {
    /// Upper bound of each bucket, itself within it, in rising order.
    pub bounds_us: Vec<f64>,
    /// Latencies of at most each bound; `count` is what a bucket without bound would hold.
    pub counts: Vec<u64>,
    /// Sum of all latencies.
    pub sum_us: f64,
    /// Number of all latencies.
    pub count: u64,
}

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Queues {
    /// Frames to be transmitted, by class.
    pub send_by_class: BTreeMap<String, u64>,
    /// Frames to be verified.
    pub verify: u64,
    /// Messages to be forwarded.
    pub forward: u64,
}

/// The clock of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ClockFigures {
    /// `locked`, `holdover` or `untrusted`.
    pub state: String,
    /// How far it may be off; absent where nothing bounds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_us: Option<f64>,
}

/// The position of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PositionFigures {
    /// `known` or `unknown`.
    pub state: String,
    /// Milliseconds since the position was true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<f64>,
    /// Horizontal, 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
}

/// Programs at the control socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ControlFigures {
    /// Connected now.
    pub clients: u64,
    /// Watches of all of them.
    pub watches: u64,
    /// Events encoded since the start, each once for all who watch.
    pub events: u64,
    /// Lines of events lost because a program did not read, since the start, of all programs together.
    pub lost: u64,
    /// Programs disconnected because they read nothing, since the start.
    pub disconnected: u64,
}

/// The link of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LinkFigures {
    /// The link, in words.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Frames that the kernel counts as lost before this process read them.
    pub kernel_drops: u64,
    /// Frames that the link refused to transmit.
    pub transmit_failed: u64,
}
