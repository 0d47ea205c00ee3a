//! Frames by kind: the dear ones that somebody thought of.

use std::collections::BTreeSet;

use prost::Message as _;
use testkit::draft::Draft;
use v2x_core::{RevocationRequest, WireTime, limits};
use v2x_proto::hop::HopHeader;
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{Class, Digest};

use crate::scene::{Scene, forged, one_hop, with_behind};

/// A kind of frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A neighbour's beacon under its digest: what all others are compared with.
    Beacon,
    /// The same with its credential.
    BeaconInFull,
    /// The same with an invalid signature.
    ForgedBeacon,
    /// With as many floods named as there may be, all of them held.
    BeaconOfFloods,
    /// With as long a path as there may be.
    BeaconOfPath,
    /// Of an emergency vehicle, which the fast reader leaves to the library.
    BeaconOfEmergency,
    /// Under a digest that no credential has.
    Stranger,
    /// Under a credential whose issuer nobody knows.
    UnknownIssuer,
    /// Of a station heard for the first time, with its credential, when the table is full.
    Newcomer,
    /// A warning of D0.
    Imminent,
    /// A new event of a station that has none.
    NewEvent,
    /// A new event that is to be sent on.
    NewFlood,
    /// A copy of a flood.
    FloodAgain,
    /// A message of an hour ago.
    Stale,
    /// As many objects as fit.
    Perception,
    /// A delta that revokes as many credentials as it may.
    Revocation,
    /// With as many unknown fields in its signed part as fit.
    ManyFields,
    /// The same with an invalid signature.
    ManyFieldsForged,
    /// With as many unknown fields in its payload as fit.
    ManyFieldsInside,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Beacon,
        Self::BeaconInFull,
        Self::ForgedBeacon,
        Self::BeaconOfFloods,
        Self::BeaconOfPath,
        Self::BeaconOfEmergency,
        Self::Stranger,
        Self::UnknownIssuer,
        Self::Newcomer,
        Self::Imminent,
        Self::NewEvent,
        Self::NewFlood,
        Self::FloodAgain,
        Self::Stale,
        Self::Perception,
        Self::Revocation,
        Self::ManyFields,
        Self::ManyFieldsForged,
        Self::ManyFieldsInside,
    ];

    /// As in the report.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }

    /// Its frame and link address, of the `n`-th station.
    pub fn frame(self, scene: &mut Scene, n: usize) -> (Vec<u8>, [u8; 6]) {
        let draft = self.draft(scene, n);
        let link = draft.link;
        let bytes = with_behind(&draft.bytes(), &self.behind());
        (if self.is_forged() { forged(bytes) } else { bytes }, link)
    }

    /// Whether its signature is invalid.
    pub fn is_forged(self) -> bool {
        matches!(self, Self::ForgedBeacon | Self::ManyFieldsForged)
    }

    /// What is behind the fields of its signed part: fields that no reader knows.
    pub fn behind(self) -> Vec<u8> {
        match self {
            Self::ManyFields | Self::ManyFieldsForged => UNKNOWN_FIELD.repeat(MANY),
            _ => Vec::new(),
        }
    }

    /// Its content.
    pub fn draft(self, scene: &mut Scene, n: usize) -> Draft {
        let beacon = scene.beacon(n);
        match self {
            Self::Beacon | Self::ForgedBeacon => beacon,
            Self::BeaconInFull => beacon.in_full(&scene.standers[n % scene.standers.len()].credential),
            Self::BeaconOfFloods => {
                let floods_held = scene.tags(&beacon);
                with(beacon, &v1::Awareness { floods_held, ..standing() })
            }
            Self::BeaconOfPath => {
                let path_delta_latitude = vec![-99_999; limits::MAX_PATH_POINTS];
                let path_delta_longitude = vec![99_999; limits::MAX_PATH_POINTS];
                let path_delta_time = vec![9999; limits::MAX_PATH_POINTS];
                let path = v1::Awareness {
                    path_delta_latitude,
                    path_delta_longitude,
                    path_delta_time,
                    ..standing()
                };
                with(beacon, &path)
            }
            Self::BeaconOfEmergency => {
                let emergency = Some(v1::EmergencyInfo { siren: true, ..v1::EmergencyInfo::default() });
                with(beacon, &v1::Awareness { emergency, ..standing() })
            }
            Self::Stranger => beacon.of_stranger(n as u32),
            Self::UnknownIssuer => {
                let credential = scene.foreign(n);
                beacon.of_stranger(n as u32).in_full(&credential)
            }
            Self::Newcomer => {
                let newcomer = &scene.newcomers[n % scene.newcomers.len()];
                newcomer.beacon(beacon.sequence, beacon.wire).in_full(&newcomer.credential)
            }
            Self::Imminent => {
                let flood = scene.flood(n, 1);
                let header = HopHeader { remaining_hops: 2, ..flood.header };
                let draft = Draft { header, max_hops: 2, area: None, lifetime_ms: 100, ..flood };
                draft.in_class(Class::D0, MessageType::Hazard)
            }
            Self::NewEvent => one_hop(scene.flood(300 + n, 1000)),
            Self::NewFlood => scene.flood(300 + n, 1000),
            Self::FloodAgain => scene.held(n),
            Self::Stale => Draft { wire: WireTime::from_micros(1), ..beacon },
            Self::Perception => {
                let object =
                    |n| v1::PerceivedObject { object_id: n, age_ms: Some(1), quality: Some(1), ..small() };
                let sensor =
                    |n| v1::Sensor { sensor_id: n, range: 1, opening_end: 1, ..v1::Sensor::default() };
                let perception = v1::Perception {
                    measurement_time_us: beacon.wire.as_micros(),
                    sensors: (1..=16).map(sensor).collect(),
                    objects: (1..=64).map(object).collect(),
                    ..v1::Perception::default()
                };
                with(beacon, &perception).in_class(Class::D2, MessageType::Perception)
            }
            Self::Revocation => {
                let request = RevocationRequest {
                    series: 1,
                    from_number: 0,
                    to_number: 1,
                    issued_s: (beacon.wire.as_micros() / 1_000_000) as u32,
                    next_s: u32::MAX,
                    whole_series: false,
                    digests: (0..128_u64)
                        .map(|n| Digest((n << 8 | 7).to_le_bytes()))
                        .collect::<BTreeSet<_>>(),
                };
                let payload = scene.delta(&request);
                let draft = Draft { payload, lifetime_ms: 10_000, ..beacon };
                draft.in_class(Class::D5, MessageType::RevocationDelta)
            }
            Self::ManyFields | Self::ManyFieldsForged => beacon,
            Self::ManyFieldsInside => {
                let payload = [standing().encode_to_vec(), UNKNOWN_FIELD.repeat(MANY)].concat();
                Draft { payload, ..beacon }
            }
        }
    }
}

fn with(draft: Draft, message: &impl prost::Message) -> Draft {
    Draft { payload: message.encode_to_vec(), ..draft }
}

/// A car that stands.
fn standing() -> v1::Awareness {
    v1::Awareness {
        station_type: v1::StationType::PassengerCar as i32,
        speed: Some(0),
        heading: Some(900),
        ..v1::Awareness::default()
    }
}

/// An object in few bytes and many fields.
fn small() -> v1::PerceivedObject {
    v1::PerceivedObject { kind: 1, east_cm: 1, north_cm: 1, ..v1::PerceivedObject::default() }
}

/// Number 101, a varint of one byte.
const UNKNOWN_FIELD: &[u8] = &[0xa8, 6, 1];
/// As many of them as a frame has room for beside the rest.
const MANY: usize = 350;

/// A table in which frames wait, and the frame that meets it full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// Beacons wait for their signature checks; another comes.
    Queue,
    /// The same; an imminent warning comes.
    QueueForAlert,
    /// Forged alerts from made-up addresses wait for their lot; another comes.
    Lot,
    /// Frames of strangers wait for their credentials; another comes.
    Held,
    /// The same, half of them of one station, whose credential comes.
    HeldOfOne,
}

impl Crowd {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Queue, Self::QueueForAlert, Self::Lot, Self::Held, Self::HeldOfOne];

    /// As in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "into_full_queue",
            Self::QueueForAlert => "alert_into_full_queue",
            Self::Lot => "into_full_lot",
            Self::Held => "into_full_hold",
            Self::HeldOfOne => "releases_half_the_hold",
        }
    }

    /// Fills the table, and returns the frame that comes then.
    pub fn fill(self, scene: &mut Scene) -> (Vec<u8>, [u8; 6]) {
        let last = scene.newcomers[0].clone();
        for n in 0..CROWD {
            let (frame, link) = match self {
                Self::Queue | Self::QueueForAlert => Kind::Beacon.frame(scene, n),
                Self::Lot => {
                    (forged(Kind::Imminent.draft(scene, n).bytes()), [6, 0, 0, 0, (n >> 8) as u8, n as u8])
                }
                Self::Held => Kind::Stranger.frame(scene, n),
                Self::HeldOfOne if n < limits::MAX_HELD / 2 => Kind::Stranger.frame(scene, n),
                Self::HeldOfOne if n < limits::MAX_HELD => {
                    let Draft { sequence, wire, .. } = scene.beacon(n);
                    (last.beacon(sequence, wire).bytes(), last.link)
                }
                Self::HeldOfOne => continue,
            };
            scene.hear(frame, link);
        }
        match self {
            Self::Queue => Kind::Beacon.frame(scene, CROWD),
            Self::QueueForAlert => Kind::Imminent.frame(scene, CROWD),
            Self::Lot => (forged(Kind::Imminent.draft(scene, CROWD).bytes()), [6; 6]),
            Self::Held => Kind::Stranger.frame(scene, CROWD),
            Self::HeldOfOne => {
                let Draft { sequence, wire, .. } = scene.beacon(CROWD);
                (last.beacon(sequence, wire).in_full(&last.credential).bytes(), last.link)
            }
        }
    }
}

/// More than fits into any of these tables.
const CROWD: usize = 800;
