//! The signal ahead of a vehicle, as its report shows it.

use serde::{Deserialize, Serialize};

/// Lane and signals as of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalAhead {
    /// Road authority of the intersection.
    pub region: u16,
    /// Intersection within it.
    pub intersection: u32,
    /// Lane the vehicle is on.
    pub lane: u8,
    /// Distance along it to the stop line, m; negative just beyond.
    pub distance_m: f64,
    /// Slowest and fastest speed that passes on green for every way on, m/s; absent where none is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub green_speed_mps: Option<[f64; 2]>,
    /// One entry for each way on that has a signal.
    pub signals: Vec<SignalShown>,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalShown {
    /// Lane it leads into.
    pub to_lane: u8,
    /// Group of signals.
    pub group: u8,
    /// What it shows, such as `red`; otherwise why that is unknown, such as `stale`.
    pub shows: String,
    /// Whether the shown signal is known.
    pub known: bool,
    /// Time until it is green, s; 0 when it is; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub green_in_s: Option<f64>,
    /// Least time for which it still shows that, s; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_end_s: Option<f64>,
    /// Longest time for which it still shows that, s; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_end_s: Option<f64>,
}
