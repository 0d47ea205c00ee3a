//! Frames from afar: what a station takes of them, and that nothing by air is the worse for any.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use testkit::craft::{self, Crafter};
use testkit::{Authority, PLACE, Station, address, anchor, fix, from_afar, hazard};
use v2x_core::{
    AwarenessRule, Config, DropReason, Event, ForwardCause, Input, Instant, Node, Permissions, Position,
    Received, TimerKind, Way, limits,
};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::v1::MessageType;
use v2x_proto::{Class, cause};

mod ahead;
mod airing;
mod apart;
mod rules;
mod shares;
mod twice;

/// What is handed in comes from this peer, where that does not matter.
const PEER: u16 = 7;
/// The station under test, which is none of those that others play.
const OWN: u32 = 50;

const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A hazard signed by `by`, for whoever is within 2 km of a place.
fn hazard_at(by: &Crafter, number: u32, place: Position, at: Instant) -> Bytes {
    let payload = hazard::new(by.digest, number, place, anchor().wire_at(at)).encode_to_vec();
    by.full(&TbsRepr {
        message_type: MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 10,
        area: Some(hazard::circle(place, 2_000)),
        payload: &payload,
        latitude: place.latitude,
        longitude: place.longitude,
        ..by.fields(at)
    })
}

fn hazard_of(by: &Crafter, number: u32, at: Instant) -> Bytes {
    hazard_at(by, number, PLACE, at)
}

/// Background signed by `by`: a sign.
fn background(by: &Crafter, at: Instant) -> Bytes {
    by.full(&background_fields(by, at))
}

fn background_fields(by: &Crafter, at: Instant) -> TbsRepr<'static> {
    TbsRepr {
        message_type: MessageType::Echo as u32,
        class: Class::D5,
        lifetime_ms: 60_000,
        payload: craft::ECHO,
        ..by.fields(at)
    }
}

/// A roadside unit that is told to send what comes from afar, with this credential's permissions.
fn unit(config: impl FnOnce(&mut Config), permissions: Permissions) -> Station {
    let mut asked = Config { from_afar: true, ..Config::roadside() };
    config(&mut asked);
    let authority = Authority::new();
    let identity = authority.identity_with(OWN, permissions);
    Station::with(OWN, Node::new(asked, identity, authority.trust.clone(), 7, anchor()))
}

fn usual_unit() -> Station {
    let mut unit = unit(|_| {}, Permissions(u64::MAX).without(Permissions::ISSUE));
    unit.start(Instant::ZERO, PLACE);
    unit
}

/// Hands in a frame, and lets it be verified.
fn hand_in(station: &mut Station, now: Instant, bytes: &Bytes) {
    station.feed(now, from_afar(bytes, PEER));
    station.verify(now);
}

fn received(station: &Station) -> Vec<&Received> {
    let received = station.events.iter().filter_map(|event| match event {
        Event::Received(received) => Some(received),
        _ => None,
    });
    received.collect()
}

fn aired(station: &Station) -> Vec<v2x_core::Forwarded> {
    let forwarded = station.events.iter().filter_map(|event| match event {
        Event::Forwarded(forwarded) => Some(*forwarded),
        _ => None,
    });
    forwarded.collect()
}
