//! How congestion control stands.

use serde::{Deserialize, Serialize};

/// What keeps the station's rate to what the channel bears, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CongestionFigures {
    /// `adaptive`, `reactive` or `off`.
    pub rule: String,
    /// The law that holds for every frame: `en302571` or `none`.
    pub regulation: String,
    /// How imminent warnings survive the loss of a frame: `lab` or `regulated`.
    pub imminent: String,
    /// The busy ratio that it goes by, over the last 200 ms, 0..=1.
    pub busy: f64,
    /// Where that comes from: `survey`, `monitor`, `estimate`, or `assumed` where nothing is reported and nothing heard.
    pub source: String,
    /// The share of time that the station may send, of `adaptive`, 0..=1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The state of `reactive`, 0 (relaxed) to 4 (restrictive).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// The time from one frame to the next, for frames as long as the last one, ms; 0 with `off`.
    pub interval_ms: f64,
    /// The most power to send with, dBm, of `reactive`; absent where the link's own is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_cap_dbm: Option<i8>,
    /// Frames that left since the start.
    pub frames: u64,
    /// Beacons made later than their rule wanted them, since the start.
    pub beacons_held: u64,
    /// How much later on average, ms.
    pub hold_mean_ms: f64,
    /// At most, ms.
    pub hold_max_ms: f64,
    /// Beacons that left ahead of the rate, because others no longer knew where the station is.
    pub tracking_errors: u64,
}
