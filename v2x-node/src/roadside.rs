//! What a roadside unit says by itself: signal states ten times a second, adverts once.
//!
//! The states come from the fixed-time plans of the configuration, at the rate SAE CTI 4501 asks of a
//! connected intersection: SPaT at 10 Hz.

use core::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::io::SendRequest;
use v2x_core::time::{Instant, WireTime};
use v2x_proto::{Class, v1};

use crate::config::{Intersection, RoadsideConfig, SignalGroup};

/// The roadside unit's application: says what is due, when.
#[derive(Clone, Debug)]
pub struct Roadside {
    config: RoadsideConfig,
    name: String,
    place: v1::Position,
    next_state: Instant,
    next_slow: Instant,
}

impl Roadside {
    /// Starts at `now`. `name` and `place` are what adverts say of the unit.
    pub fn new(config: RoadsideConfig, name: String, place: v1::Position, now: Instant) -> Self {
        Self { config, name, place, next_state: now, next_slow: now }
    }

    /// Whether it has anything to say at all.
    pub fn is_silent(&self) -> bool {
        self.config.intersections.is_empty() && self.config.adverts.is_empty()
    }

    /// When [`due`](Self::due) has something to say next; `None` for a silent unit.
    pub fn next_due(&self) -> Option<Instant> {
        (!self.is_silent()).then(|| self.next_state.min(self.next_slow))
    }

    /// Messages due at `now`, which is `wire` on the air. A late call says the newest state once.
    pub fn due(&mut self, now: Instant, wire: WireTime) -> Vec<SendRequest> {
        let mut requests = Vec::new();
        if now >= self.next_state {
            let due = self.next_state;
            self.next_state = next_after(self.next_state, STATE_INTERVAL, now);
            for intersection in &self.config.intersections {
                let payload = signal_state(intersection, wire).encode_to_vec();
                requests.push(request(
                    v1::MessageType::SignalState,
                    Class::D4,
                    intersection.id,
                    STATE_LIFETIME_MS,
                    due,
                    payload,
                ));
            }
        }
        if now >= self.next_slow {
            let due = self.next_slow;
            self.next_slow = next_after(self.next_slow, SLOW_INTERVAL, now);
            if !self.config.adverts.is_empty() {
                let payload = self.advert().encode_to_vec();
                requests.push(request(
                    v1::MessageType::RsuAdvert,
                    Class::D5,
                    0,
                    SLOW_LIFETIME_MS,
                    due,
                    payload,
                ));
            }
        }
        requests
    }

    fn advert(&self) -> v1::RsuAdvert {
        let services = self.config.adverts.iter().map(|advert| v1::Service {
            service_id: advert.service_id,
            channel: advert.channel.map(u32::from),
            address: advert
                .address
                .map(|address| Bytes::copy_from_slice(&address.ip().octets()))
                .unwrap_or_default(),
            port: advert.address.map(|address| u32::from(address.port())),
            description: shorten(&advert.description),
        });
        v1::RsuAdvert {
            position: Some(self.place),
            name: shorten(&self.name),
            interval_ms: Some(SLOW_INTERVAL.as_millis() as u32),
            services: services.collect(),
        }
    }
}

/// The state of `intersection` at `wire` by its fixed-time plan; cycles count from the wire epoch, so that
/// neighbouring units with offsets make a green wave.
pub fn signal_state(intersection: &Intersection, wire: WireTime) -> v1::SignalState {
    let groups = intersection.groups.iter().map(|group| {
        let (phase, left_ms) = phase_at(group, wire);
        let end = Some(left_ms.div_ceil(100));
        v1::SignalGroup {
            group: u32::from(group.group),
            phase: phase as i32,
            min_end: end,
            max_end: end,
            likely_end: end,
            // A fixed-time plan knows its ends.
            confidence: Some(15),
            advisory_speed: None,
        }
    });
    v1::SignalState {
        intersection_id: intersection.id,
        region_id: 0,
        map_revision: 0,
        state_time_us: wire.as_micros(),
        status: FIXED_TIME,
        groups: groups.collect(),
    }
}

/// What a group shows and for how many more milliseconds.
fn phase_at(group: &SignalGroup, wire: WireTime) -> (v1::SignalPhase, u32) {
    let cycle = u64::from(group.green_ms) + u64::from(group.yellow_ms) + u64::from(group.red_ms);
    if cycle == 0 {
        return (v1::SignalPhase::Dark, 0);
    }
    let offset = u64::from(group.offset_ms) % cycle;
    let into = (wire.as_micros() / 1000 + cycle - offset) % cycle;
    let green = u64::from(group.green_ms);
    let amber = green + u64::from(group.yellow_ms);
    let (phase, end) = if into < green {
        (v1::SignalPhase::ProtectedGo, green)
    } else if into < amber {
        (v1::SignalPhase::ProtectedClearance, amber)
    } else {
        (v1::SignalPhase::StopAndRemain, cycle)
    };
    (phase, (end - into) as u32)
}

/// The start of `text` that fits a name field of the schema.
fn shorten(text: &str) -> String {
    let text = text.trim();
    let end = (0..=text.len().min(MAX_NAME_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

fn request(
    message_type: v1::MessageType,
    class: Class,
    subject: u32,
    lifetime_ms: u32,
    due: Instant,
    payload: Vec<u8>,
) -> SendRequest {
    SendRequest {
        message_type: message_type as u32,
        class,
        lifetime_ms,
        max_hops: 1,
        area: None,
        subject,
        due: Some(due),
        payload: Bytes::from(payload),
    }
}

fn next_after(due: Instant, interval: Duration, now: Instant) -> Instant {
    let next = due + interval;
    if next > now { next } else { now + interval }
}

const STATE_INTERVAL: Duration = Duration::from_millis(100);
const SLOW_INTERVAL: Duration = Duration::from_secs(1);
/// A state older than this is the one before last.
const STATE_LIFETIME_MS: u32 = 1_000;
const SLOW_LIFETIME_MS: u32 = 10_000;
/// Longest name and description in an advert, bytes (`RsuAdvert`, `Service`).
const MAX_NAME_BYTES: usize = 32;
/// Bit 5 of SAE J2735 `IntersectionStatusObject`: fixed time operation.
const FIXED_TIME: u32 = 1 << 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Advert;
    use v2x_core::position::Position;

    fn group(offset_ms: u32) -> SignalGroup {
        let group = 1 + (offset_ms / 25_000) as u8;
        SignalGroup { group, green_ms: 20_000, yellow_ms: 3_000, red_ms: 27_000, offset_ms }
    }

    fn advert() -> Advert {
        let description = "signal state for all that come near, and more".to_owned();
        Advert { service_id: 130, description, channel: None, address: None }
    }

    fn unit() -> Roadside {
        let position = Position { latitude: 496_000_000, longitude: 61_300_000 };
        let intersections = vec![Intersection { id: 7, position, groups: vec![group(0), group(25_000)] }];
        let config = RoadsideConfig { intersections, adverts: vec![advert()] };
        Roadside::new(config, "unit".into(), v1::Position::default(), Instant::ZERO)
    }

    #[test]
    fn a_group_shows_green_yellow_red_and_its_time_left() {
        let at = |ms: u64, offset| phase_at(&group(offset), WireTime::from_micros(ms * 1000));
        assert_eq!(at(0, 0), (v1::SignalPhase::ProtectedGo, 20_000));
        assert_eq!(at(20_000, 0), (v1::SignalPhase::ProtectedClearance, 3_000));
        assert_eq!(at(49_999, 0), (v1::SignalPhase::StopAndRemain, 1));
        assert_eq!(at(50_000, 0), (v1::SignalPhase::ProtectedGo, 20_000));
        assert_eq!(at(0, 25_000), (v1::SignalPhase::StopAndRemain, 25_000));
    }

    #[test]
    fn states_go_ten_times_a_second_and_adverts_once() {
        let mut unit = unit();
        let mut states = 0;
        let mut adverts = 0;
        for ms in 0..1000 {
            let now = Instant::from_millis(ms);
            for request in unit.due(now, WireTime::from_micros(ms * 1000)) {
                match request.class {
                    Class::D4 => states += 1,
                    _ => adverts += 1,
                }
            }
        }
        assert_eq!((states, adverts), (10, 1));
    }

    #[test]
    fn what_it_says_is_what_a_receiver_accepts() {
        for request in unit().due(Instant::ZERO, WireTime::from_micros(5_000_000)) {
            v2x_proto::payload::decode(request.message_type, request.payload).unwrap();
        }
    }

    #[test]
    fn a_late_unit_says_the_newest_state_once() {
        let mut unit = unit();
        assert_eq!(unit.due(Instant::from_millis(950), WireTime::from_micros(1)).len(), 2);
        assert_eq!(unit.next_due(), Some(Instant::from_millis(1050)).min(unit.next_due()));
        assert!(unit.due(Instant::from_millis(960), WireTime::from_micros(1)).is_empty());
    }
}
