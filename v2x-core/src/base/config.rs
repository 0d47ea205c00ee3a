//! Configuration of a station: what it is given before it starts.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits;
use super::reserve::Reserve;

/// Configuration of a node. Recorded with every recording, so that a replay starts from the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Vehicle or roadside unit.
    pub role: Role,
    /// Station type as in ETSI TS 102 894-2 `StationType`: 5 passenger car, 15 roadside unit, 0 unknown.
    pub station_type: u8,
    /// Length in 0.1 m, 1..=1022; sent with the low-frequency data.
    pub length_dm: Option<u16>,
    /// Width in 0.1 m, 1..=61; sent with the low-frequency data.
    pub width_dm: Option<u16>,
    /// When awareness messages are generated.
    pub awareness: AwarenessRule,
    /// Mark everything sent as test or simulation traffic (hop header flag), and accept such traffic. A station in
    /// service leaves this off: it drops test traffic as `test_traffic`. Among test stations the rates by link address,
    /// forwarder and signer do not count, so that a load of any size can be measured.
    pub test: bool,
    /// Verify one in this many awareness messages of neighbours that are beyond 300 m and driving away, and deliver the
    /// others unverified ([`Received::verified`](super::message::Received::verified) is false for them); those update
    /// no table. `None`, the default: all are verified. 1 verifies all as well.
    #[serde(default)]
    pub sample_far_awareness: Option<u8>,
    /// When the pseudonym changes; without effect when the station has one credential.
    #[serde(default)]
    pub pseudonym: PseudonymConfig,
    /// What follows from implausible messages.
    #[serde(default)]
    pub plausibility: Plausibility,
    /// How multi-hop messages are forwarded.
    #[serde(default)]
    pub forwarding: Scheme,
    /// How often a station sends each of its imminent warnings.
    #[serde(default)]
    pub imminent: Imminent,
    /// Neighbours kept, 1..=[`limits::MAX_NEIGHBOURS`]; other values are clamped. The tables of their credentials,
    /// tracks, reputations and the rates of link addresses have the same capacity.
    #[serde(default = "usual_neighbours")]
    pub max_neighbours: usize,
    /// A roadside unit with the permission to keep others' events alive sends area hazards (D3) and background (D5) from afar on
    /// the air, inside their areas. Without effect on vehicles, and where floods go by another scheme than ours.
    #[serde(default)]
    pub from_afar: bool,
    /// What keeps the station's rate to what the channel bears.
    #[serde(default, skip_serializing_if = "Congestion::is_off")]
    pub congestion: Congestion,
    /// The law that holds for every frame, imminent ones too.
    #[serde(default, skip_serializing_if = "Regulation::is_none")]
    pub regulation: Regulation,
    /// Frames of awareness have about this many bytes at least, 802.11 header included, before the credential that some bring:
    /// filled up with a field that receivers skip, as if there were more to say. Of test stations alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon_bytes: Option<u16>,
    /// When the tables take their memory; in no recording, because it changes nothing that a station does.
    #[serde(skip)]
    pub reserve: Reserve,
}

fn usual_neighbours() -> usize {
    limits::NEIGHBOURS
}

impl Config {
    /// A passenger car with the standard's generation rules.
    pub fn vehicle() -> Self {
        Self {
            role: Role::Vehicle,
            station_type: 5,
            length_dm: Some(45),
            width_dm: Some(18),
            awareness: AwarenessRule::Triggered,
            test: false,
            sample_far_awareness: None,
            pseudonym: PseudonymConfig { change: ChangeRule::Trip, silence: Duration::ZERO },
            plausibility: Plausibility::default(),
            forwarding: Scheme::default(),
            imminent: Imminent::default(),
            max_neighbours: limits::NEIGHBOURS,
            from_afar: false,
            congestion: Congestion::Off,
            regulation: Regulation::None,
            beacon_bytes: None,
            reserve: Reserve::Whole,
        }
    }

    /// A roadside unit: awareness once a second, everything else from its application.
    pub fn roadside() -> Self {
        Self {
            role: Role::Roadside,
            station_type: 15,
            length_dm: None,
            width_dm: None,
            awareness: AwarenessRule::Every(limits::MAX_AWARENESS_INTERVAL),
            test: false,
            sample_far_awareness: None,
            pseudonym: PseudonymConfig::default(),
            plausibility: Plausibility::default(),
            forwarding: Scheme::default(),
            imminent: Imminent::default(),
            max_neighbours: limits::NEIGHBOURS,
            from_afar: false,
            congestion: Congestion::Off,
            regulation: Regulation::None,
            beacon_bytes: None,
            reserve: Reserve::Whole,
        }
    }
}

/// Kind of station; one binary plays both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// In-vehicle unit: sends awareness as it moves.
    Vehicle,
    /// Roadside unit: stands still and sends on behalf of the road operator.
    Roadside,
}

/// How multi-hop messages are forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Contention with every rule of the forwarder, carrying and keeping alive.
    #[default]
    Roadcast,
    /// Contention as in EN 302 636-4-1 annex F.3, with the defaults of its MIB and without a memory of what was
    /// forwarded: for comparison.
    Etsi,
    /// Every station forwards each message once: for comparison.
    Flooding,
    /// Nothing is forwarded.
    Off,
}

impl Scheme {
    /// Name in configurations, plans and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roadcast => "roadcast",
            Self::Etsi => "etsi",
            Self::Flooding => "flooding",
            Self::Off => "off",
        }
    }
}

/// How an imminent warning (D0) survives the loss of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Imminent {
    /// Three copies within 12 ms: for laboratories and closed tracks.
    #[default]
    Lab,
    /// One copy, repeated by up to two neighbours: on European roads, where a station keeps 25 ms between two frames
    /// (EN 302 571 `Toff`).
    Regulated,
}

/// What keeps a station's rate to what the channel bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Congestion {
    /// Nothing: frames leave as the link takes them.
    #[default]
    Off,
    /// A share of the time that all stations in range bring into balance (ETSI TS 102 687, adaptive approach).
    Adaptive,
    /// A table from the busy ratio to the time between two frames (the same, reactive approach).
    Reactive,
}

impl Congestion {
    fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// Name in configurations, plans and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Adaptive => "adaptive",
            Self::Reactive => "reactive",
        }
    }
}

/// The law that holds for every frame a station sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Regulation {
    /// None: a laboratory, a closed track, a wire.
    #[default]
    None,
    /// The European Union's, for 5,855 to 5,925 MHz (EN 302 571, 4.2.10). It takes [`Imminent::Regulated`]: three copies within
    /// 12 ms cannot keep 25 ms from one to the next.
    En302571,
}

impl Regulation {
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Name in configurations, plans and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::En302571 => "en302571",
        }
    }
}

impl Imminent {
    /// Name in configurations, plans and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lab => "lab",
            Self::Regulated => "regulated",
        }
    }
}

/// What follows when a station's verified messages are implausible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plausibility {
    /// Nothing: messages are not checked. For benchmarks and links where positions mean nothing.
    Off,
    /// Suspects are flagged, verified after others and not relayed; nobody is isolated.
    Flag,
    /// As `Flag`; a station that keeps lying is also isolated until its credential ends, and reported.
    #[default]
    Enforce,
}

/// When awareness messages are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwarenessRule {
    /// EN 302 637-2 6.1.3: every 100 ms to 1 s, on 4 degrees, 4 m or 0.5 m/s of change.
    Triggered,
    /// At a fixed interval, whatever the motion: for benchmarks and comparisons with periodic beacons.
    Every(Duration),
    /// Never: a station that only listens, or whose application sends all.
    Off,
}

/// When a station that has several credentials changes from one to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PseudonymConfig {
    /// What makes a change due.
    pub change: ChangeRule,
    /// Silence after each change: nothing but alerts and hazards is sent. Zero for none.
    pub silence: Duration,
}

/// What makes a change of pseudonym due, besides the end of the credential and another station that uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeRule {
    /// Nothing: roadside units, whose identity is public.
    #[default]
    Off,
    /// Distances and times of a trip: see `trust/pseudonym_change.rs`.
    Trip,
    /// About this often (a fifth less or more, by chance), whatever the distance: for laboratories and comparisons.
    Every(Duration),
}
