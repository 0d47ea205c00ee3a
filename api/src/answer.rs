//! What a daemon answers: one JSON object a line. The fields are listed in `CONTROL.md`.
//!
//! The same types are written by the daemon and read by [`Client`](crate::Client); fields that a later version adds are
//! ignored when reading.

pub mod congestion;
pub mod intersection;
pub mod message;
pub mod neighbour;
pub mod stats;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::congestion::CongestionFigures;
use self::intersection::IntersectionSignals;
use self::message::{AnsweredMessage, DroppedFrame};
use self::neighbour::Neighbour;
use self::stats::{AfarFigures, Stats};
use crate::request::VERSION;
use crate::request::id::RequestId;

/// Any line of a daemon as it is read; which fields are present depends on the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Answer {
    /// Version of the protocol.
    pub v: u64,
    /// The client's name for the request; in the lines of a watch, for the request that began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Whether it was done. Not in the lines of a watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// Stable name of the reason for a refusal: `bad_request`, `busy`, `idle`, `too_slow`, or the station's own; of a frame from afar
    /// that was dropped, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason for a refusal, and what would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The event declared, changed or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Events known, in order of their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hazards: Option<Vec<Hazard>>,
    /// Ask again with this as `after`: there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_after: Option<String>,
    /// The request for priority made or withdrawn; in the lines of a watch, its state now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Box<PriorityStatus>>,
    /// Requests for priority that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priorities: Option<Vec<PriorityStatus>>,
    /// Status of the station.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Box<Status>>,
    /// The signal ahead, in the lines of its watch; absent in those without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<Box<SignalAhead>>,
    /// Its name before (`renamed`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former: Option<String>,
    /// Stations heard, in order of their digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Vec<Neighbour>>,
    /// Frames dropped since the start, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<BTreeMap<String, u64>>,
    /// Frames dropped since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_dropped: Option<u64>,
    /// The station's figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<Box<Stats>>,
    /// Intersections heard, by region and number; in the later lines of a watch, those whose state changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<Vec<IntersectionSignals>>,
    /// What the program may do: `read`, `declare` or `administer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// What happened, in the lines of a watch: `hazard`, `alert`, `concern`, `renamed`, `priority`,
    /// `signal`, `red_light`, `neighbour`, `message`, `drop`, `stats`, `signals`, `afar` or `lost`; `started` in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// Microseconds since it happened, when the line was written; in the lines of a watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_us: Option<u64>,
    /// What changed about the event: `new`, `updated`, `cancelled`, `negated` or `expired`; for a `concern`: `began` or
    /// `ended`; for a neighbour: `present`, `new`, `updated` or `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The event as it is after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hazard: Option<Box<Hazard>>,
    /// The station as it is after the change; of one that was lost, the digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<Box<Neighbour>>,
    /// The message; in the answer to `publish` and in the watch of frames from afar, its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<AnsweredMessage>,
    /// Bytes of the frame that was sent, in the answer to `publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Microseconds from when the message was made until it was handed to the link, in the answer to `publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_us: Option<f64>,
    /// The frame dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Box<DroppedFrame>>,
    /// The number that came with a frame from afar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<u16>,
    /// What became of a frame from afar: `delivered`, `aired` (sent on the air) or `dropped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Which watch has lost lines (`lost`): `hazards`, `priority`, `signal`, `neighbours`, `messages`, `drops`, `stats`, `signals`
    /// or `afar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Changes not reported because there were too many at once, or the program did not read (`lost`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<u64>,
}

/// One event, as the station knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Hazard {
    /// Its name, `<16 hex digits>/<number>`.
    pub event: String,
    /// Whether this station declared it.
    pub own: bool,
    /// `active`, `cancelled` or `negated`.
    pub state: String,
    /// `D0`, `D1` or `D3`.
    pub class: String,
    /// TS 102 894-2 `CauseCodeType`.
    pub cause: u8,
    /// Its name, or `null` when the standard gives none.
    pub cause_name: Option<String>,
    /// Sub-cause, 0: not given.
    pub sub_cause: u8,
    /// Latitude, degrees.
    pub latitude_deg: f64,
    /// Longitude, degrees.
    pub longitude_deg: f64,
    /// Metres from the station; `null` while it does not know where it is.
    pub distance_m: Option<f64>,
    /// Direction from the station, degrees clockwise from north.
    pub bearing_deg: Option<f64>,
    /// The same against the station's heading, -180..180, positive to the right; `null` while that is unknown.
    pub relative_bearing_deg: Option<f64>,
    /// Speed of the event.
    pub speed_m_s: Option<f64>,
    /// Heading of the event, degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// The originator's confidence, 1..=7.
    pub quality: Option<u8>,
    /// When it was detected, TAI microseconds since 2004-01-01T00:00:00Z.
    pub detection_time_us: u64,
    /// When its state was made, same unit.
    pub reference_time_us: u64,
    /// When it ends, same unit.
    pub valid_until_us: u64,
    /// When it ends, UTC.
    pub valid_until_utc: String,
    /// Seconds since its detection.
    pub age_s: f64,
    /// Seconds until it ends.
    pub valid_for_s: f64,
    /// Its area of relevance.
    pub area: Option<HazardArea>,
    /// Distance within which it is relevant.
    pub relevance_distance_m: Option<u16>,
    /// `all`, `upstream`, `downstream` or `opposite`.
    pub relevance_direction: String,
    /// Others repeat it when they have not heard it for twice this.
    pub keep_alive_ms: Option<u64>,
    /// Whether its declarer's messages are implausible: not to be relied on alone.
    pub suspect: bool,
    /// Whether nothing about it was heard by air: it is known from afar alone.
    pub afar: bool,
    /// How it concerns this station; `null` when it does not.
    pub concern: Option<Concern>,
}

/// Where and when an event and the station meet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Concern {
    /// Seconds until then; `null` when the station or the event would have to move first.
    pub time_to_conflict_s: Option<f64>,
    /// Metres to go.
    pub distance_m: f64,
    /// Where, degrees.
    pub latitude_deg: f64,
    /// Where, degrees.
    pub longitude_deg: f64,
}

/// An area, with the keys of a request's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HazardArea {
    /// `circle`, `rectangle` or `ellipse`.
    pub shape: String,
    /// Of a circle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius_m: Option<u32>,
    /// Half the length along the azimuth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_length_m: Option<u32>,
    /// Half the length across it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_width_m: Option<u32>,
    /// Degrees clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azimuth_deg: Option<u32>,
    /// Latitude of the centre.
    pub latitude_deg: f64,
    /// Longitude of the centre.
    pub longitude_deg: f64,
}

/// Status of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Status {
    /// The program and its version.
    pub software: String,
    /// `vehicle` or `roadside`.
    pub role: String,
    /// Digest of the credential it signs with now.
    pub digest: String,
    /// The link, in words.
    pub link: String,
    /// Whether the link is up.
    pub link_up: bool,
    /// Share of time that the channel is busy, 0..=1; absent in answers of older daemons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_busy: Option<f64>,
    /// Where that comes from: `survey` (the radio's carrier sense), `monitor` (airtime of what a monitor interface heard),
    /// `estimate` (of the frames that the station sent and heard).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_source: Option<String>,
    /// Congestion control; absent in answers of older daemons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<CongestionFigures>,
    /// Entries of the kernel's table of neighbours in OCB, which has room for 128; absent on other links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocb_entries: Option<u32>,
    /// Seconds since it started.
    pub uptime_s: f64,
    /// Whether it sends.
    pub sending: bool,
    /// Why it does not: `no_fix`, `clock_untrusted`, `credential_not_valid`, `credential_revoked`,
    /// `outside_region`.
    pub not_sending_because: Option<String>,
    /// `locked`, `holdover` or `untrusted`.
    pub clock: String,
    /// Where it is; `null` while it does not know.
    pub position: Option<StationPosition>,
    /// Stations heard within the last 20 s.
    pub neighbours: u64,
    /// The nearest of them.
    pub nearest: Vec<NearbyStation>,
    /// Events known, own ones too.
    pub hazards: u64,
    /// The signal ahead of a vehicle; absent where it knows of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_ahead: Option<SignalAhead>,
    /// Messages sent, by class.
    pub sent: BTreeMap<String, u64>,
    /// Messages delivered, by class.
    pub delivered: BTreeMap<String, u64>,
    /// Frames received.
    pub frames_received: u64,
    /// Frames delivered.
    pub frames_delivered: u64,
    /// Frames dropped.
    pub frames_dropped: u64,
    /// The same by reason.
    pub drops: BTreeMap<String, u64>,
    /// Own messages that were not transmitted, by reason.
    pub not_sent: BTreeMap<String, u64>,
    /// Others' messages forwarded.
    pub forwarded: u64,
    /// Changes of the station's pseudonym.
    pub pseudonym_changes: u64,
    /// Frames from afar; absent where none came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub afar: Option<AfarFigures>,
    /// Another station that signs with one of this station's credentials; absent where none was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_elsewhere: Option<HeardElsewhere>,
}

/// Another station that signs with one of this station's credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HeardElsewhere {
    /// Messages heard of it so far.
    pub messages: u64,
    /// The credential that it used last.
    pub credential: String,
    /// Link address of its last message: not signed, and a relay's for one that travelled.
    pub link_address: String,
    /// Where it says that it is, degrees.
    pub latitude_deg: f64,
    /// Where it says that it is, degrees.
    pub longitude_deg: f64,
    /// Metres from this station; `null` while it does not know where it is.
    pub distance_m: Option<f64>,
    /// Direction from this station, degrees clockwise from north.
    pub bearing_deg: Option<f64>,
    /// Seconds since it signed its last message.
    pub age_s: f64,
}

/// One of the station's requests for priority at an intersection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PriorityStatus {
    /// Number of the intersection.
    pub intersection: u32,
    /// Its road authority.
    pub region: u16,
    /// `waiting`, `asked`, `unanswered`, `contested`; as the intersection answered: `requested`, `processing`,
    /// `watch_other_traffic`, `granted`, `rejected`, `max_presence`, `reservice_locked`; and when it is over: `passed`,
    /// `withdrawn`, `given_up`.
    pub state: String,
    /// Whether it is over, and forgotten.
    pub over: bool,
    /// Seconds until the green signal is expected, when the intersection gives it.
    pub expected_in_s: Option<f64>,
    /// Whether the vehicle has heard a map of the intersection, without which it cannot say when it arrives; `null` once
    /// it is over.
    pub known: Option<bool>,
    /// `emergency`, `public_transport`, `road_works` or `truck`; this and the following `null` in a watch's line of one
    /// that is over.
    pub role: Option<String>,
    /// Lane the vehicle is on, once it is known.
    pub ingress_lane: Option<u8>,
    /// Lane it wants to leave by.
    pub egress_lane: Option<u8>,
    /// Urgency within its role, 0..=14.
    pub importance: Option<u8>,
    /// How long it needs the green.
    pub duration_ms: Option<u64>,
}

/// The lane a vehicle is on and the signals for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SignalAhead {
    /// Number of the intersection.
    pub intersection: u32,
    /// Its road authority.
    pub region: u16,
    /// Lane the vehicle is on.
    pub lane: u8,
    /// Distance along it to the stop line; negative just beyond.
    pub distance_m: f64,
    /// All of it in a line for people.
    pub text: String,
    /// Slowest and fastest speed that passes on green whichever way on is taken; `null` where none is certain.
    pub green_window_m_s: Option<[f64; 2]>,
    /// The red light that is crossed at the present speed; `null` where none is.
    pub red_light: Option<RedLightAhead>,
    /// One for each way on that has a signal.
    pub signals: Vec<SignalShown>,
}

/// A red light that is crossed at the present speed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RedLightAhead {
    /// Seconds until the vehicle is at the stop line.
    pub at_line_in_s: f64,
    /// Deceleration that stops it there.
    pub braking_m_s2: f64,
    /// Whether the driver is warned: it takes more than 4 m/s^2.
    pub warned: bool,
}

/// One signal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SignalShown {
    /// Lane it leads into.
    pub to_lane: u8,
    /// Its signal group.
    pub group: u8,
    /// `red`, `green` ..., or why that is not known, such as `stale`.
    pub shows: String,
    /// Whether that is known.
    pub known: bool,
    /// Seconds until it is green; 0 when it is; `null` when unknown.
    pub green_in_s: Option<f64>,
}

/// Where a station is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StationPosition {
    /// Latitude, degrees.
    pub latitude_deg: f64,
    /// Longitude, degrees.
    pub longitude_deg: f64,
    /// Speed over ground.
    pub speed_m_s: Option<f64>,
    /// Degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal, 95 %.
    pub accuracy_m: Option<f64>,
    /// Milliseconds since the position was true.
    pub age_ms: f64,
}

/// A station heard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NearbyStation {
    /// Digest of its credential.
    pub digest: String,
    /// Metres from the station; `null` while it does not know where it is.
    pub distance_m: Option<f64>,
    /// Direction from the station, degrees clockwise from north.
    pub bearing_deg: Option<f64>,
    /// Milliseconds since it was heard.
    pub heard_ms: f64,
}

impl Answer {
    /// What was asked is done.
    pub fn done() -> Self {
        Self { v: VERSION, ok: Some(true), ..Self::default() }
    }

    /// A line of a watch.
    pub fn watch(what: &str) -> Self {
        Self { v: VERSION, watch: Some(what.to_owned()), ..Self::default() }
    }

    /// What was asked is not done: a stable name of the reason, and a text with what would be right.
    pub fn failure(reason: &str, error: &str) -> Self {
        let (reason, error) = (Some(reason.to_owned()), Some(error.to_owned()));
        Self { v: VERSION, ok: Some(false), reason, error, ..Self::default() }
    }

    /// The line, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("invariant: an answer has only string keys and finite numbers")
    }
}

/// Reason of what is wrong with the request itself.
pub const BAD_REQUEST: &str = "bad_request";

#[cfg(test)]
mod tests;
