//! A station heard, with all that is known of it.

use serde::{Deserialize, Serialize};

/// A station that was heard within the last 20 s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Neighbour {
    /// Digest of its credential. The only key where a watch says that it was lost.
    pub digest: String,
    /// What it says that it is, named as in the schema: `passenger_car`, `roadside_unit` ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station_type: Option<String>,
    /// `vehicle`, `roadside` or `vru`, by its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Latitude, degrees, where its newest message was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude_deg: Option<f64>,
    /// Longitude, degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude_deg: Option<f64>,
    /// Speed over ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_m_s: Option<f64>,
    /// Degrees clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Along its heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acceleration_m_s2: Option<f64>,
    /// Metres from this station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<f64>,
    /// Direction from this station, degrees clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearing_deg: Option<f64>,
    /// `trusted`, `suspect` or `isolated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<String>,
    /// Names of the evidence against it; empty where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// What its credential permits, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Milliseconds since its newest message was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<f64>,
    /// Milliseconds since it was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<f64>,
    /// Smoothed received power.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_dbm: Option<f64>,
    /// Share of its beacons that arrive, 0..=1, the last thirty or so counting most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_ratio: Option<f64>,
    /// Beacons heard straight from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Smoothed time from generation to reception, as far as the two clocks agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<f64>,
    /// Whether it gave evidence that it hears this station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hears_us: Option<bool>,
    /// Whether it was heard straight, not only through forwarders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<bool>,
    /// Its link address, `02:00:00:00:00:01`, once it was heard straight; not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_address: Option<String>,
}
