//! The station's state as the fields of an answer.

use core::time::Duration;

use radio_adapters::LinkAddress;
use v2x_api::display::way;
use v2x_api::{
    Concern, Hazard, HazardArea, NearbyStation, StationPosition, Status, direction_name, shape_name,
};
use v2x_core::{Fix, Instant, KnownHazard, Neighbour, Node, Plane, Position, Role, SendingState, WireTime};
use v2x_proto::cause;
use v2x_proto::{AreaView, Shape};
use v2x_report::counts;

use crate::civil::utc;
use crate::daemon::channel_figures::source_name;
use crate::daemon::clone_news::CloneNews;
use crate::daemon::congestion_figures;
use crate::daemon::statistics::Statistics;

/// The position and time from which distances and ages are given.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    fix: Option<Fix>,
    plane: Option<Plane>,
    wire: WireTime,
}

impl View {
    /// From the station's last fix, at `wire`.
    pub fn new(fix: Option<Fix>, wire: WireTime) -> Self {
        Self { fix, plane: fix.map(|fix| Plane::at(fix.position)), wire }
    }

    /// From where a station is now.
    pub fn of(node: &Node, now: Instant) -> Self {
        Self::new(node.last_fix(), node.anchor().wire_at(now))
    }

    /// Where the station is.
    pub fn position(&self) -> Option<Position> {
        self.fix.map(|fix| fix.position)
    }

    /// When it is.
    pub fn wire(&self) -> WireTime {
        self.wire
    }

    /// An event.
    pub fn hazard(&self, known: &KnownHazard) -> Hazard {
        let (distance_m, bearing_deg) = self.way_to(known.position).unzip();
        let heading = self.fix.and_then(|fix| fix.heading).map(|heading| f64::from(heading) / 10.0);
        let relative = bearing_deg.zip(heading).map(|(bearing, heading)| turn(bearing - heading));
        Hazard {
            event: known.id.to_string(),
            own: known.own,
            state: known.state.name().to_owned(),
            class: known.class.name().to_owned(),
            cause: known.cause,
            cause_name: cause::name(known.cause).map(ToOwned::to_owned),
            sub_cause: known.sub_cause,
            latitude_deg: degrees(known.position.latitude),
            longitude_deg: degrees(known.position.longitude),
            distance_m: distance_m.map(tenth),
            bearing_deg: bearing_deg.map(tenth),
            relative_bearing_deg: relative.map(tenth),
            speed_m_s: known.speed.map(|speed| f64::from(speed) / 100.0),
            heading_deg: known.heading.map(|heading| f64::from(heading) / 10.0),
            quality: known.quality,
            detection_time_us: known.detection.as_micros(),
            reference_time_us: known.reference.as_micros(),
            valid_until_us: known.valid_until.as_micros(),
            valid_until_utc: utc(known.valid_until),
            age_s: thousandth(self.wire.since(known.detection).as_secs_f64()),
            valid_for_s: thousandth(known.valid_until.since(self.wire).as_secs_f64()),
            area: known.area.as_ref().map(area),
            relevance_distance_m: known.relevance_distance_m,
            relevance_direction: direction_name(known.relevance_direction).to_owned(),
            keep_alive_ms: known.keep_alive.map(|keep_alive| keep_alive.as_millis() as u64),
            suspect: known.suspect,
            afar: known.afar,
            concern: known.concern.map(|concern| Concern {
                time_to_conflict_s: concern.time_to_conflict.map(|time| thousandth(time.as_secs_f64())),
                distance_m: tenth(f64::from(concern.distance_m)),
                latitude_deg: degrees(concern.at.latitude),
                longitude_deg: degrees(concern.at.longitude),
            }),
        }
    }

    /// Status of the station, without the link and the hazards.
    pub fn status(&self, node: &Node, statistics: &Statistics, now: Instant) -> Status {
        let frames = statistics.frames();
        let by_class = |of: fn(&v2x_report::ClassStats) -> u64| {
            let classes = statistics.stats().classes().iter();
            classes.map(|class| (class.class.name().to_owned(), of(class))).collect()
        };
        let busy = node.channel_busy(now);
        Status {
            channel_busy: Some(thousandth(busy.share)),
            channel_source: Some(source_name(busy).to_owned()),
            congestion: Some(congestion_figures::answer(node)),
            software: crate::version::SOFTWARE.to_owned(),
            role: role_name(node.config().role).to_owned(),
            digest: node.digest().to_string(),
            sending: node.sending() == SendingState::Allowed,
            not_sending_because: not_sending(node.sending()).map(ToOwned::to_owned),
            clock: node.clock().name().to_owned(),
            position: self.fix.map(|fix| self.fix(&fix)),
            neighbours: node.neighbour_table().len() as u64,
            nearest: self.nearest(node, now),
            sent: by_class(|class| class.sent),
            delivered: by_class(|class| class.delivered),
            frames_received: frames.received,
            frames_delivered: frames.delivered,
            frames_dropped: frames.dropped,
            drops: counts::owned(statistics.drops()),
            not_sent: counts::owned(statistics.unsent()),
            forwarded: statistics.forwarded(),
            pseudonym_changes: statistics.pseudonym_changes(),
            afar: Some(statistics.afar.figures()).filter(|afar| afar.received > 0),
            heard_elsewhere: self.heard_elsewhere(&statistics.clones),
            ..Status::default()
        }
    }

    /// Another station that signs with one of this station's credentials.
    fn heard_elsewhere(&self, clones: &CloneNews) -> Option<v2x_api::HeardElsewhere> {
        let last = clones.last()?;
        let (distance_m, bearing_deg) = self.way_to(last.position).unzip();
        Some(v2x_api::HeardElsewhere {
            messages: clones.messages(),
            credential: last.id.signer.to_string(),
            link_address: LinkAddress(last.link_source).to_string(),
            latitude_deg: degrees(last.position.latitude),
            longitude_deg: degrees(last.position.longitude),
            distance_m: distance_m.map(tenth),
            bearing_deg: bearing_deg.map(tenth),
            age_s: thousandth(self.wire.since(last.generation).as_secs_f64()),
        })
    }

    fn fix(&self, fix: &Fix) -> StationPosition {
        StationPosition {
            latitude_deg: degrees(fix.position.latitude),
            longitude_deg: degrees(fix.position.longitude),
            speed_m_s: fix.speed.map(|speed| f64::from(speed) / 100.0),
            heading_deg: fix.heading.map(|heading| f64::from(heading) / 10.0),
            accuracy_m: fix.accuracy_cm.map(|accuracy| f64::from(accuracy) / 100.0),
            age_ms: tenth(self.wire.since(fix.time).as_secs_f64() * 1000.0),
        }
    }

    /// The nearest neighbours, nearest first; while the station does not know where it is, those heard last.
    fn nearest(&self, node: &Node, now: Instant) -> Vec<NearbyStation> {
        let mut all: Vec<_> = node
            .neighbours()
            .map(|neighbour| {
                let distance = self.plane.map(|plane| plane.distance_2(neighbour.position()));
                (distance.unwrap_or(0.0), now.since(neighbour.heard()), neighbour)
            })
            .collect();
        let order = |a: &(f64, Duration, _), b: &(f64, Duration, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if all.len() > MOST_NEAREST {
            // The table may hold many thousands.
            all.select_nth_unstable_by(MOST_NEAREST, order);
            all.truncate(MOST_NEAREST);
        }
        all.sort_by(order);
        let entry = |(_, heard, neighbour): (f64, Duration, &Neighbour)| {
            let (distance_m, bearing_deg) = self.way_to(neighbour.position()).unzip();
            NearbyStation {
                digest: neighbour.digest().to_string(),
                distance_m: distance_m.map(tenth),
                bearing_deg: bearing_deg.map(tenth),
                heard_ms: tenth(heard.as_secs_f64() * 1000.0),
            }
        };
        all.into_iter().map(entry).collect()
    }

    /// The way to a place in words, such as `320 m ahead` or `22 m south`; `None` while the station does not know where it is.
    pub fn way_from_here(&self, place: Position) -> Option<String> {
        let (distance, bearing) = self.way_to(place)?;
        let heading = self.fix.and_then(|fix| fix.heading).map(|heading| f64::from(heading) / 10.0);
        let relative = heading.map(|heading| turn(bearing - heading));
        Some(way(distance, relative, Some(bearing)))
    }

    /// Metres and degrees clockwise from north to a place.
    pub(crate) fn way_to(&self, place: Position) -> Option<(f64, f64)> {
        let (east, north) = self.plane?.offset(place);
        Some((east.hypot(north), east.atan2(north).to_degrees().rem_euclid(360.0)))
    }
}

/// `vehicle` or `roadside`.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Vehicle => "vehicle",
        Role::Roadside => "roadside",
    }
}

/// Stable name of the reason why a station does not send.
pub fn not_sending(state: SendingState) -> Option<&'static str> {
    match state {
        SendingState::Allowed => None,
        SendingState::NoFix => Some("no_fix"),
        SendingState::ClockUntrusted => Some("clock_untrusted"),
        SendingState::CredentialNotValid => Some("credential_not_valid"),
        SendingState::CredentialRevoked => Some("credential_revoked"),
        SendingState::OutsideRegion => Some("outside_region"),
    }
}

fn area(area: &AreaView) -> HazardArea {
    let circle = area.shape == Shape::Circle;
    HazardArea {
        shape: shape_name(area.shape).to_owned(),
        radius_m: circle.then_some(area.distance_a_m),
        half_length_m: (!circle).then_some(area.distance_a_m),
        half_width_m: (!circle).then_some(area.distance_b_m),
        azimuth_deg: (!circle).then_some(area.azimuth_deg),
        latitude_deg: degrees(area.latitude),
        longitude_deg: degrees(area.longitude),
    }
}

pub(super) fn degrees(unit: i32) -> f64 {
    f64::from(unit) / 1e7
}

/// An angle as -180..180.
fn turn(degrees: f64) -> f64 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

pub(super) fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

pub(super) fn thousandth(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Neighbours shown: a screenful.
const MOST_NEAREST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_turned_the_short_way() {
        for (degrees, turned) in
            [(0.0, 0.0), (190.0, -170.0), (-190.0, 170.0), (359.0, -1.0), (180.0, -180.0)]
        {
            assert_eq!(turn(degrees), turned);
        }
    }

    #[test]
    fn ways_are_metres_and_degrees_from_north() {
        let here = Position { latitude: 496_000_000, longitude: 61_000_000 };
        let fix = Fix {
            position: here,
            altitude_cm: None,
            speed: None,
            heading: Some(900),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: WireTime::from_micros(0),
        };
        let view = View::new(Some(fix), WireTime::from_micros(0));
        for (east, north, bearing) in
            [(0.0, 100.0, 0.0), (100.0, 0.0, 90.0), (0.0, -100.0, 180.0), (-100.0, 0.0, 270.0)]
        {
            let (distance, found) = view.way_to(here.moved(east, north)).unwrap();
            assert!((distance - 100.0).abs() < 0.1, "{distance}");
            assert!(turn(found - bearing).abs() < 0.1, "{found} instead of {bearing}");
        }
        assert_eq!(View::new(None, WireTime::from_micros(0)).way_to(here), None);
    }
}
