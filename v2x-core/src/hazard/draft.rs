//! Hazard drafts: an application's description of an event, checked and put into a message.

use core::time::Duration;

use bytes::Bytes;
use v2x_proto::{AreaView, Class, Shape, v1};

use super::command::{DEFAULT_RELEVANCE_M, HazardDraft, MAX_VALIDITY};
use super::refusal::HazardRefusal;
use super::repetition::{MAX_EVERY, MIN_EVERY};
use crate::base::limits::MAX_IMMINENT_HOPS;
use crate::base::{Fix, Imminent, Position, WireTime};
use crate::forward::area;
use crate::trust::{Permissions, message_rules, roles};
use v2x_proto::EventId;

impl HazardDraft {
    /// An error naming what is out of range.
    ///
    /// # Errors
    ///
    /// The class is not one for hazards, or a field is out of its documented range.
    pub fn check(&self) -> Result<(), HazardRefusal> {
        if !matches!(self.class, Class::D0 | Class::D1 | Class::D3) {
            return Err(HazardRefusal::Class(self.class as u8));
        }
        let flood = self.class == Class::D3;
        let within = |ok: bool, field, right| {
            if ok { Ok(()) } else { Err(HazardRefusal::OutOfRange { field, right }) }
        };
        within(self.cause > 0, "cause", "a cause code from 1 to 255")?;
        within(self.speed.is_none_or(|speed| speed <= 16_382), "speed", "0 to 163.82 m/s")?;
        within(self.heading.is_none_or(|heading| heading < 3600), "heading", "0 to 359.9 degrees")?;
        within(self.quality.is_none_or(|quality| (1..=7).contains(&quality)), "quality", "1 to 7")?;
        within((SECOND..=MAX_VALIDITY).contains(&self.validity), "validity", "1 s to a day")?;
        within(self.relevance_distance_m != Some(0), "relevance_distance_m", "1 to 65535 m")?;
        let keep_alive = self.keep_alive.is_none_or(|interval| flood && KEEP_ALIVE.contains(&interval));
        within(keep_alive, "keep_alive", "1 ms to 10 s, for an area hazard (D3)")?;
        let every = self.repeat.is_none_or(|repeat| (MIN_EVERY..=MAX_EVERY).contains(&repeat.every));
        within(every, "repeat", "every 100 ms to an hour")?;
        let area = self.area.as_ref().is_none_or(|area| flood && area.check().is_ok());
        within(
            area,
            "area",
            "a circle, rectangle or ellipse within the ranges of its shape, for an area hazard (D3)",
        )
    }

    /// An error when its place, or its area's, is no place.
    ///
    /// # Errors
    ///
    /// It lies within 0.001 degree of 0, 0.
    pub fn check_place(&self) -> Result<(), HazardRefusal> {
        let centre = self.area.map(|area| Position { latitude: area.latitude, longitude: area.longitude });
        for (field, place) in [("position", self.position), ("area", centre)] {
            if place.is_some_and(Position::is_unset) {
                let right = "a place; 0, 0 is what software says that has none";
                return Err(HazardRefusal::OutOfRange { field, right });
            }
        }
        Ok(())
    }

    /// The permission that it needs at `position` and that `permissions` lack.
    #[must_use]
    pub fn lacks(&self, position: Position, permissions: Permissions) -> Option<Permissions> {
        let class = if self.class == Class::D0 { Permissions::IMMINENT } else { Permissions::HAZARD };
        let area = self.flood_area(position);
        let wide = area.as_ref().is_some_and(message_rules::is_wide).then_some(Permissions::WIDE_AREA);
        let needed = [Some(class), Some(roles::cause_needs(u32::from(self.cause))), wide];
        needed.into_iter().flatten().find(|needed| !permissions.contains(*needed))
    }

    /// Area in which it is relevant: the given one, or a circle about the event.
    pub(super) fn flood_area(&self, position: Position) -> Option<AreaView> {
        let radius = self.relevance_distance_m.unwrap_or(DEFAULT_RELEVANCE_M);
        (self.class == Class::D3).then(|| self.area.unwrap_or_else(|| circle(position, radius)))
    }

    /// The hazard message.
    pub(super) fn message(
        &self,
        id: EventId,
        state: v1::HazardState,
        times: &Times,
        fix: &Fix,
    ) -> v1::Hazard {
        let position = self.position.unwrap_or(fix.position);
        let here = self.position.is_none();
        v1::Hazard {
            position: Some(v1::Position {
                latitude: position.latitude,
                longitude: position.longitude,
                altitude_cm: fix.altitude_cm.filter(|_| here),
            }),
            cause: u32::from(self.cause),
            sub_cause: u32::from(self.sub_cause),
            quality: self.quality.map(u32::from),
            validity_s: Some(times.validity_s),
            speed: self.speed.map(u32::from),
            heading: self.heading.map(u32::from),
            relevance_distance_m: self.relevance_distance_m.map(u32::from),
            relevance_direction: self.relevance_direction.into(),
            keep_alive_interval_ms: self.keep_alive.map(|interval| interval.as_millis() as u32),
            ..management(id, state, times)
        }
    }
}

/// When an event was detected, when this version of it was made, and how long it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub detection: WireTime,
    pub reference: WireTime,
    pub validity_s: u32,
}

impl Times {
    /// For a version made at `now` that is valid for `validity` from then.
    pub fn of(detection: WireTime, now: WireTime, validity: Duration) -> Self {
        let from_detection = (now.since(detection) + validity).min(MAX_VALIDITY);
        let validity_s = from_detection.as_millis().div_ceil(1000) as u32;
        Self { detection, reference: now, validity_s }
    }

    /// When its validity ends.
    pub fn end(&self) -> WireTime {
        self.detection + Duration::from_secs(u64::from(self.validity_s))
    }
}

/// A message that ends an event: its id and time, and nothing else (EN 302 637-3 clause 6.1.1).
pub(super) fn management(id: EventId, state: v1::HazardState, times: &Times) -> v1::Hazard {
    v1::Hazard {
        id: Some(v1::EventId { origin: Bytes::copy_from_slice(&id.origin.0), number: id.number }),
        state: state.into(),
        detection_time_us: times.detection.as_micros(),
        reference_time_us: times.reference.as_micros(),
        ..v1::Hazard::default()
    }
}

/// Hops a message of `class` may travel.
pub(super) fn hops(class: Class, area: Option<&AreaView>, imminent: Imminent) -> u8 {
    match (class, area) {
        (Class::D3, Some(area)) => area::hops_for(area),
        (Class::D0, _) if imminent == Imminent::Regulated => MAX_IMMINENT_HOPS,
        _ => 1,
    }
}

pub(super) fn circle(position: Position, radius_m: u16) -> AreaView {
    AreaView {
        latitude: position.latitude,
        longitude: position.longitude,
        shape: Shape::Circle,
        distance_a_m: u32::from(radius_m),
        distance_b_m: 0,
        azimuth_deg: 0,
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// TS 102 894-2 TransmissionInterval.
const KEEP_ALIVE: core::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::super::command::HazardRepeat;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_draft_out_of_range_is_refused_with_what_would_be_right() {
        let draft = HazardDraft::new(Class::D3, 2);
        assert_eq!(draft.check(), Ok(()));
        let of_the_alert =
            HazardDraft { keep_alive: Some(Duration::from_secs(1)), ..HazardDraft::new(Class::D1, 2) };
        let area = AreaView { azimuth_deg: 400, ..circle(Position::default(), 5) };
        let repeat = |ms, during| Some(HazardRepeat { every: Duration::from_millis(ms), during });
        for (bad, word) in [
            (HazardDraft { class: Class::D2, ..draft.clone() }, "D1 (alert)"),
            (HazardDraft { cause: 0, ..draft.clone() }, "cause"),
            (HazardDraft { speed: Some(16_383), ..draft.clone() }, "163.82"),
            (HazardDraft { heading: Some(3600), ..draft.clone() }, "359.9"),
            (HazardDraft { quality: Some(0), ..draft.clone() }, "1 to 7"),
            (HazardDraft { quality: Some(8), ..draft.clone() }, "1 to 7"),
            (HazardDraft { validity: Duration::from_millis(999), ..draft.clone() }, "validity"),
            (HazardDraft { validity: Duration::from_secs(86_401), ..draft.clone() }, "a day"),
            (HazardDraft { relevance_distance_m: Some(0), ..draft.clone() }, "65535"),
            (HazardDraft { keep_alive: Some(Duration::from_millis(10_001)), ..draft.clone() }, "10 s"),
            (HazardDraft { keep_alive: Some(Duration::ZERO), ..draft.clone() }, "keep_alive"),
            (HazardDraft { repeat: repeat(99, Duration::ZERO), ..draft.clone() }, "100 ms"),
            (HazardDraft { area: Some(area), ..draft.clone() }, "area"),
            (
                HazardDraft { area: Some(circle(Position::default(), 5)), ..HazardDraft::new(Class::D1, 2) },
                "D3",
            ),
            (of_the_alert, "D3"),
        ] {
            let refusal = bad.check().unwrap_err();
            assert!(refusal.to_string().contains(word), "{refusal}");
        }
    }

    #[test]
    fn nothing_happens_at_the_origin_of_the_globe() {
        let draft = HazardDraft::new(Class::D3, 2);
        assert_eq!(draft.check_place(), Ok(()), "where the station is");
        let unset = HazardDraft { position: Some(Position::default()), ..draft.clone() };
        let refusal = unset.check_place().unwrap_err().to_string();
        assert_eq!(refusal, "position is out of range: a place; 0, 0 is what software says that has none");
        let around = HazardDraft { area: Some(circle(Position::default(), 5)), ..draft };
        assert!(around.check_place().is_err());
    }

    #[test]
    fn an_update_holds_from_when_it_is_made() {
        let found = WireTime::from_secs(1000);
        let times = Times::of(found, found + Duration::from_millis(90_500), Duration::from_secs(60));
        assert_eq!((times.validity_s, times.end()), (151, WireTime::from_secs(1151)));
        let long = Times::of(found, found + Duration::from_secs(90), MAX_VALIDITY);
        assert_eq!(long.validity_s, 86_400);
    }

    proptest! {
        #[test]
        fn what_passes_the_check_is_a_message_that_receivers_take(
            class in 0u8..6, cause: u8, speed in proptest::option::of(any::<u16>()),
            heading in proptest::option::of(any::<u16>()), quality in proptest::option::of(any::<u8>()),
            validity_ms in 0u64..100_000_000, distance in proptest::option::of(any::<u16>()),
            keep_alive_us in proptest::option::of(0u64..20_000_000)
        ) {
            let draft = HazardDraft {
                speed,
                heading,
                quality,
                validity: Duration::from_millis(validity_ms),
                relevance_distance_m: distance,
                keep_alive: keep_alive_us.map(Duration::from_micros),
                ..HazardDraft::new(Class::try_from(class).unwrap(), cause)
            };
            let found = WireTime::from_secs(1000);
            let times = Times::of(found, found, draft.validity);
            let id = EventId { origin: v2x_proto::Digest([1; 8]), number: 5 };
            let fix = super::super::testing::fix(Position::default(), 5, 5);
            let message = v2x_proto::payload::Message::from(draft.message(id, v1::HazardState::New, &times, &fix));
            if draft.check().is_ok() {
                prop_assert_eq!(message.check(), Ok(()));
            }
        }
    }
}
