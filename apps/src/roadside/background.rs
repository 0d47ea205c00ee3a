//! What is sent once a second without a deadline: maps, signs, adverts (D5).

use core::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Instant, SendRequest, WireTime};
use v2x_proto::{Class, v1};

use super::message::{next_after, request};
use crate::roadside::content::{Advert, Content};

/// Messages sent in rotation, evenly spread.
#[derive(Clone, Debug)]
pub struct Background {
    messages: Vec<Slow>,
    at: usize,
    every: Duration,
    next: Instant,
}

#[derive(Clone, Debug)]
struct Slow {
    message_type: v1::MessageType,
    subject: u32,
    payload: Vec<u8>,
    /// Not sent from then on.
    until: Option<WireTime>,
}

impl Background {
    /// All that `config` has for it. `name` and `place` are what adverts give for the unit.
    pub fn new(config: &Content, name: &str, place: v1::Position, now: Instant) -> Self {
        let slow = |message_type, subject, payload| Slow { message_type, subject, payload, until: None };
        let maps = config.intersections.iter().flat_map(|one| &one.map);
        let mut messages: Vec<Slow> = maps
            .map(|map| slow(v1::MessageType::IntersectionMap, map.intersection_id, map.encode_to_vec()))
            .collect();
        messages.extend(config.signs.iter().map(|sign| Slow {
            until: sign.valid_until_us.map(WireTime::from_micros),
            ..slow(v1::MessageType::SignInfo, sign.sign_id, sign.encode_to_vec())
        }));
        let count = messages.len() + usize::from(!config.adverts.is_empty());
        let every = (ROUND / count.max(1) as u32).max(LEAST);
        if !config.adverts.is_empty() {
            let advert = advert(&config.adverts, name, place, every * count as u32);
            messages.push(slow(v1::MessageType::RsuAdvert, 0, advert.encode_to_vec()));
        }
        Self { messages, at: 0, every, next: now }
    }

    /// How often each is sent.
    pub fn period(&self) -> Duration {
        self.every * self.messages.len() as u32
    }

    /// When [`due`](Self::due) has something to send next.
    pub fn next_due(&self) -> Option<Instant> {
        (!self.messages.is_empty()).then_some(self.next)
    }

    /// The message due at `now`, which is `wire` on the air.
    pub fn due(&mut self, now: Instant, wire: WireTime) -> Option<SendRequest> {
        let due = self.next_due().filter(|due| *due <= now)?;
        self.next = next_after(due, self.every, now);
        let slow = self.messages.get(self.at)?;
        self.at = (self.at + 1) % self.messages.len();
        if slow.until.is_some_and(|until| wire >= until) {
            return None;
        }
        Some(request(slow.message_type, Class::D5, slow.subject, LIFETIME_MS, due, slow.payload.clone()))
    }
}

fn advert(adverts: &[Advert], name: &str, place: v1::Position, every: Duration) -> v1::RsuAdvert {
    let services = adverts.iter().map(|advert| v1::Service {
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
        position: Some(place),
        name: shorten(name),
        interval_ms: Some((every.as_secs_f64() * 1000.0).round() as u32),
        services: services.collect(),
    }
}

/// The start of `text` that fits a name field of the schema.
fn shorten(text: &str) -> String {
    let text = text.trim();
    let end = (0..=text.len().min(MAX_NAME_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

const ROUND: Duration = Duration::from_secs(1);
/// Receivers take ten messages of D5 a second from one station; two are left for the station's own messages.
const LEAST: Duration = Duration::from_millis(125);
const LIFETIME_MS: u32 = 10_000;
/// Longest name and description in an advert, bytes (`RsuAdvert`, `Service`).
const MAX_NAME_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roadside::content::Intersection;

    fn config(fragments: u32, until: Option<u64>) -> Content {
        let map = |fragment| v1::IntersectionMap { fragment, fragments, ..v1::IntersectionMap::default() };
        let crossing = Intersection { map: (0..fragments).map(map).collect(), ..Intersection::default() };
        let sign = v1::SignInfo { valid_until_us: until, ..v1::SignInfo::default() };
        let description = "signal state for all that come near, and more".to_owned();
        let advert = Advert { service_id: 130, description, channel: None, address: None };
        Content {
            intersections: vec![crossing],
            signs: vec![sign],
            adverts: vec![advert],
            ..Content::default()
        }
    }

    /// How often each type was sent in `seconds`.
    fn counts(background: &mut Background, seconds: u64) -> [usize; 3] {
        let mut counts = [0; 3];
        for ms in 0..seconds * 1000 {
            let now = Instant::from_millis(ms);
            let Some(request) = background.due(now, WireTime::from_micros(ms * 1000)) else { continue };
            let types =
                [v1::MessageType::IntersectionMap, v1::MessageType::SignInfo, v1::MessageType::RsuAdvert];
            counts[types.iter().position(|one| *one as u32 == request.message_type).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn each_is_said_once_a_second() {
        let mut background =
            Background::new(&config(3, None), "unit", v1::Position::default(), Instant::ZERO);
        assert_eq!(counts(&mut background, 10), [30, 10, 10]);
        assert_eq!(background.period(), Duration::from_secs(1));
    }

    #[test]
    fn more_than_receivers_take_goes_round_slower() {
        let mut background =
            Background::new(&config(14, None), "unit", v1::Position::default(), Instant::ZERO);
        assert_eq!(background.period(), Duration::from_secs(2));
        assert_eq!(counts(&mut background, 10), [70, 5, 5]);
    }

    #[test]
    fn a_sign_ends_with_its_validity() {
        let config = config(0, Some(4_000_000));
        let mut background = Background::new(&config, "unit", v1::Position::default(), Instant::ZERO);
        assert_eq!(counts(&mut background, 10), [0, 4, 10]);
    }

    #[test]
    fn an_advert_is_what_a_receiver_accepts() {
        let background = Background::new(&config(0, None), "unit", v1::Position::default(), Instant::ZERO);
        let advert = background.messages.last().unwrap().payload.clone();
        let advert = v1::RsuAdvert::decode(Bytes::from(advert)).unwrap();
        assert_eq!(advert.services[0].description.len(), 32);
        v2x_proto::payload::Message::from(advert).check().unwrap();
    }
}
