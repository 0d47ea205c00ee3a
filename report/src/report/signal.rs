//! Signals in reports: the one ahead of a vehicle, and what vehicles asked a roadside unit for.

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
    /// The red light that the vehicle is about to run at its speed, whichever way on it takes; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red_light: Option<RedLight>,
    /// One entry for each way on that has a signal.
    pub signals: Vec<SignalShown>,
}

/// A red light that is crossed at the present speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedLight {
    /// Time until the vehicle is at the stop line, s.
    pub at_line_in_s: f64,
    /// Deceleration that stops it there, m/s^2.
    pub braking_m_s2: f64,
    /// Whether the driver is warned: it takes more than 4 m/s^2.
    pub warned: bool,
}

/// Requests for priority at a roadside unit, each counted once by how it stands or ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityRequests {
    /// Requests heard, without repetitions and updates.
    pub heard: u64,
    /// Those that were granted at some time.
    pub granted: u64,
    /// Those that were rejected: by the controller, because none answered, or for want of a permission.
    pub rejected: u64,
    /// Those that their vehicles ended, mostly past the stop line.
    pub ended: u64,
    /// Those whose time was over.
    pub expired: u64,
    /// Those there was no room for.
    pub crowded_out: u64,
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
