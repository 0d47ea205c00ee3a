//! Transmitters beside the road at work in a world.
//!
//! They stand where the trace has them, have no node, and are nobody's intended receivers. What they send goes through the
//! medium like any other frame, and its signatures are always checked. They know who is near and where, as anybody may who
//! listened the day before: so they can speak first.

use bytes::Bytes;
use v2x_core::Position;
use v2x_proto::link::Origin;
use v2x_proto::{Class, hop};

use super::World;
use super::address::link_address;
use super::clock::wire_at;
use super::radio::{Known, MAX_WAITING, Radio, STRANGERS, Shot};
use super::schedule::Due;
use crate::attack::{AttackPlan, RadioAttack, RadioAttackKind, RadioPost};
use crate::identities::Part;
use crate::medium::{Neighbour, Transmission};
use crate::source::StationKind;

impl World {
    /// Puts a plan's transmitters beside the road: they stand where the trace has them, and act when `live`. Call it
    /// before the first event.
    pub fn beside(&mut self, plan: &AttackPlan, posts: &[RadioPost], live: bool) {
        for post in posts {
            let Some(attack) = plan.radios.get(post.number) else { continue };
            for station in [post.station, post.exit] {
                self.exclude(station);
                self.medium.reaches(station, attack.range_factor);
                self.radios.by_station.entry(station).or_default();
            }
            self.aims.of(attack);
            if attack.kind == RadioAttackKind::RevocationStorm {
                self.revoke_beside(attack, post);
            }
            if live {
                let start_ns = (attack.start_s * 1e9) as u64;
                let number = plan.attacks.len() + post.number;
                let radio = Radio::new(plan.seed, number, attack, post, &self.cast);
                self.radios.by_station.insert(post.station, Some(radio));
                if !attack.kind.reacts() {
                    self.schedule.push(start_ns, Due::Radio(post.station));
                }
            }
        }
    }

    /// The first roadside unit gets the revocation of a transmitter's credential, to pass it on.
    fn revoke_beside(&mut self, attack: &RadioAttack, post: &RadioPost) {
        let unit = |station: &u32| {
            self.kinds.get(*station as usize) == Some(&StationKind::Roadside)
                && !self.excluded.contains(station)
        };
        let unit = (0..self.stations.len() as u32).find(unit);
        let digest = self.cast.identity(STRANGERS + post.station, Part::Roadside).digest();
        if let (Some(unit), Ok(delta)) = (unit, self.cast.revocation(digest, wire_at(0))) {
            self.revocation = delta;
            self.schedule.push((attack.start_s * 1e9) as u64 + REVOKED_AFTER_NS, Due::Revoke(unit));
        }
    }

    /// A transmitter has something to send.
    pub(super) fn transmit_beside(&mut self, station: u32, now_ns: u64) {
        let Some(mut radio) = self.radios.by_station.get_mut(&station).and_then(Option::take) else { return };
        let mut shots = radio.due(now_ns);
        if !radio.attack.kind.reacts() && radio.next_ns <= now_ns {
            radio.next_ns = now_ns + radio.interval_ns();
            if radio.acts(now_ns)
                && let Some(position) = self.places.position(station)
            {
                let near = self.known_near(&radio, position);
                shots.extend(radio.strike(now_ns, position, &near, &self.cast));
            }
            if radio.next_ns < radio.end_ns() && radio.next_ns < self.end_ns() {
                self.schedule.push(radio.next_ns, Due::Radio(station));
            }
        }
        let (number, exit) = (radio.number, radio.exit);
        self.radios.by_station.insert(station, Some(radio));
        for shot in shots {
            self.shoot(exit, number, now_ns, &shot);
        }
    }

    /// A transmitter hears a frame of a station of the traffic.
    pub(super) fn overhear(&mut self, station: u32, link: [u8; 6], now_ns: u64, frame: &Bytes) {
        let Some(mut radio) = self.radios.by_station.get_mut(&station).and_then(Option::take) else { return };
        radio.hear(link, frame);
        if radio.attack.kind.reacts()
            && radio.acts(now_ns)
            && let Some(position) = self.places.position(station)
        {
            let near = self.known_near(&radio, position);
            let at_ns = now_ns + (radio.attack.delay_s * 1e9) as u64;
            for shot in radio.answer(link, frame, &near, now_ns) {
                if radio.waiting.len() < MAX_WAITING {
                    radio.waiting.push_back((at_ns, shot));
                    self.schedule.push(at_ns, Due::Radio(station));
                }
            }
        }
        self.radios.by_station.insert(station, Some(radio));
    }

    fn shoot(&mut self, station: u32, number: usize, now_ns: u64, shot: &Shot) {
        let Some(position) = self.places.position(station) else { return };
        let class = hop::parse(&shot.bytes).map_or(Class::D2, |(header, _)| header.class);
        self.toll.attacked(number, shot.bytes.len());
        self.aims.marked_by(&shot.bytes);
        let transmission = Transmission {
            sender: station,
            at_ns: now_ns,
            position,
            bytes: &shot.bytes,
            class,
            origin: Origin::Own,
        };
        self.launch(&transmission, Some(shot.link), None);
    }

    /// The stations near a transmitter, the nearest first; empty where it needs none.
    fn known_near(&self, radio: &Radio, position: Position) -> Vec<Known> {
        if !radio.needs_names() {
            return Vec::new();
        }
        let mut near: Vec<Neighbour> = Vec::new();
        let range_m = self.medium.range_m() * radio.attack.range_factor;
        self.places.within(position, range_m, u32::MAX, &mut near);
        let known = near.iter().filter_map(|near| {
            let digest = self.node(near.station)?.digest();
            let place = self.places.position(near.station)?;
            let link =
                radio.heard.get(&digest).map_or_else(|| link_address(near.station), |heard| heard.link);
            Some(Known { station: near.station, digest, link, place, distance_m: near.distance_m })
        });
        let mut known: Vec<_> = known.collect();
        known.sort_by(|one, other| {
            one.distance_m.total_cmp(&other.distance_m).then(one.station.cmp(&other.station))
        });
        known
    }
}

/// Its credential is revoked so long after a transmitter began.
const REVOKED_AFTER_NS: u64 = 2_000_000_000;
