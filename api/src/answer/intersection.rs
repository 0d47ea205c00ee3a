//! An intersection's signals and lanes, as heard.

use serde::{Deserialize, Serialize};

/// The signals of an intersection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct IntersectionSignals {
    /// Number of the intersection.
    pub intersection: u32,
    /// Its road authority.
    pub region: u16,
    /// Latitude of its reference point, degrees; absent until a map was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude_deg: Option<f64>,
    /// Longitude, degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude_deg: Option<f64>,
    /// Revision of the map that was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Whether two stations contradict each other about it.
    pub contested: bool,
    /// Milliseconds since the state was made; absent until one was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<f64>,
    /// Its signal groups.
    pub groups: Vec<SignalGroup>,
    /// Its lanes; only in a list and in the first lines of a watch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<SignalLane>,
}

/// What a signal group shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SignalGroup {
    /// Its number.
    pub group: u8,
    /// `red`, `green` ..., or why that is not known, such as `stale`.
    pub shows: String,
    /// Seconds until this phase ends at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_end_s: Option<f64>,
    /// At the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_end_s: Option<f64>,
    /// Most likely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely_end_s: Option<f64>,
}

/// A lane of an intersection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SignalLane {
    /// Its number.
    pub lane: u8,
    /// `vehicle`, `crosswalk` ..., named as in the schema.
    pub kind: String,
    /// Whether it leads into the intersection.
    pub approach: bool,
    /// Latitude and longitude of its points, degrees, from the stop line outwards.
    pub points: Vec<[f64; 2]>,
    /// The signal group of its first connection that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<u8>,
}
