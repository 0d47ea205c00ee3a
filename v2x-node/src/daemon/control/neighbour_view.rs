//! A neighbour as the programs that watch are told of it.

use radio_adapters::LinkAddress;
use v2x_api::{Answer, Neighbour};
use v2x_core::{Check, Instant, Node, Permissions, Position, TrustLevel, WireTime};
use v2x_proto::payload::station_type_name;
use v2x_proto::{Digest, v1};

use super::told::Told;
use super::topic::Topic;
use super::view::{View, degrees, tenth, thousandth};

/// What the station knows of a neighbour at a moment: numbers, to be put into words elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct NeighbourSeen {
    /// Its name.
    pub digest: Digest,
    at: Instant,
    wire: WireTime,
    heard: Instant,
    generation: WireTime,
    position: Position,
    motion: v2x_core::Motion,
    standing: TrustLevel,
    /// Bits of [`Check`], by place in its list.
    why: u32,
    permissions: Option<Permissions>,
    signal_dbm: Option<f32>,
    delivery_ratio: f32,
    received: u32,
    latency_us: Option<u64>,
    hears_us: bool,
    direct: bool,
    link: Option<[u8; 6]>,
}

impl NeighbourSeen {
    /// What `node` knows of it; `None` when it is no neighbour.
    pub fn of(digest: &Digest, node: &Node, at: Instant) -> Option<Self> {
        node.neighbour_table().get(digest).map(|neighbour| Self::by(neighbour, node, at))
    }

    /// What `node` knows of a neighbour of its.
    pub fn by(neighbour: &v2x_core::Neighbour, node: &Node, at: Instant) -> Self {
        let digest = neighbour.digest();
        let watch = node.watch();
        Self {
            digest,
            at,
            wire: node.anchor().wire_at(at),
            heard: neighbour.heard(),
            generation: neighbour.generation(),
            position: neighbour.position(),
            motion: neighbour.motion(),
            standing: watch.standing(&digest),
            why: watch.evidence(&digest).fold(0, |bits, check| bits | 1 << check as u32),
            permissions: node.permissions_of(&digest),
            signal_dbm: neighbour.signal_dbm(),
            delivery_ratio: neighbour.delivery_ratio(),
            received: neighbour.beacons().0,
            latency_us: neighbour.latency().map(|latency| latency.as_micros() as u64),
            hears_us: neighbour.hears_us(),
            direct: neighbour.is_direct(),
            link: neighbour.link(),
        }
    }

    /// In words, seen from where `view` is.
    pub fn neighbour(&self, view: &View) -> Neighbour {
        let station_type = v1::StationType::try_from(i32::from(self.motion.station_type)).unwrap_or_default();
        let (distance, bearing) = view.way_to(self.position).unzip();
        let since = |from: Instant| self.at.since(from).as_secs_f64() * 1000.0;
        let why = Check::ALL.into_iter().filter(|check| self.why & 1 << *check as u32 != 0);
        let permissions = self.permissions.map(|permissions| permissions.in_words());
        Neighbour {
            digest: self.digest.to_string(),
            station_type: station_type_name(station_type as i32).map(ToOwned::to_owned),
            role: Some(role(station_type).to_owned()),
            latitude_deg: Some(degrees(self.position.latitude)),
            longitude_deg: Some(degrees(self.position.longitude)),
            speed_m_s: self.motion.speed.map(|speed| f64::from(speed) / 100.0),
            heading_deg: self.motion.heading.map(|heading| f64::from(heading) / 10.0),
            acceleration_m_s2: self.motion.acceleration.map(|acceleration| f64::from(acceleration) / 10.0),
            distance_m: distance.map(tenth),
            bearing_deg: bearing.map(tenth),
            standing: Some(self.standing.name().to_owned()),
            why: why.map(|check| check.name().to_owned()).collect(),
            permissions: permissions.into_iter().flatten().map(ToOwned::to_owned).collect(),
            age_ms: Some(tenth(self.wire.since(self.generation).as_secs_f64() * 1000.0)),
            heard_ms: Some(tenth(since(self.heard))),
            signal_dbm: self.signal_dbm.map(|dbm| tenth(f64::from(dbm))),
            delivery_ratio: self.direct.then(|| thousandth(f64::from(self.delivery_ratio))),
            received: Some(u64::from(self.received)),
            latency_us: self.latency_us.map(|latency| latency as f64),
            hears_us: Some(self.hears_us),
            direct: Some(self.direct),
            link_address: self.link.map(|link| LinkAddress(link).to_string()),
        }
    }

    /// The line for programs that watch, without what became of it.
    pub(super) fn told(&self, view: &View) -> Told {
        let neighbour = Some(Box::new(self.neighbour(view)));
        Told::new(Topic::Neighbours, self.at, Answer { neighbour, ..Answer::watch("neighbour") })
    }
}

fn role(station_type: v1::StationType) -> &'static str {
    use v1::StationType as T;
    match station_type {
        T::RoadsideUnit => "roadside",
        T::Pedestrian | T::Cyclist | T::LightVruVehicle | T::Animal => "vru",
        _ => "vehicle",
    }
}
