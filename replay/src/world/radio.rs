//! Transmitters beside the road at work: what they hear, what they send because of it, and what they send by their rate.
//!
//! They stand where the trace has them, have no node, and are nobody's intended receivers. What they send goes through the
//! medium like any other frame, and its signatures are always checked. They know who is near and where, as anybody may who
//! listened the day before: so they can speak first.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use v2x_core::{Identity, Position, Purpose, Stream, credential_hash};
use v2x_proto::envelope::SignerRef;
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest, hop};

use super::World;
use super::address::link_address;
use super::clock::wire_at;
use super::schedule::Due;
use crate::attack::{
    AttackPlan, Made, RadioAddress, RadioAttack, RadioAttackKind, RadioMessage, RadioPost, as_own, claims,
    made_up, padded, sent_on, stripped,
};
use crate::identities::{Cast, Part};
use crate::medium::{Neighbour, Transmission};
use crate::source::StationKind;

/// The transmitters of a world.
#[derive(Debug, Default)]
pub(super) struct Radios {
    by_station: BTreeMap<u32, Option<Radio>>,
}

impl Radios {
    /// Whether a station is one of them.
    pub(super) fn are(&self, station: u32) -> bool {
        !self.by_station.is_empty() && self.by_station.contains_key(&station)
    }
}

/// One of them.
#[derive(Debug)]
struct Radio {
    number: usize,
    radio: u32,
    attack: RadioAttack,
    exit: u32,
    random: Stream,
    /// Its own, or its victim's.
    identity: Option<Identity>,
    /// A credential to make others up from.
    credential: Bytes,
    issuer: Digest,
    heard: BTreeMap<Digest, HeardSigner>,
    prey: Option<Digest>,
    sequence: u32,
    next_ns: u64,
    /// When its rate allows the next answer to what it heard.
    allowed_ns: u64,
    waiting: VecDeque<(u64, Shot)>,
}

/// The newest that was heard of a signer.
#[derive(Clone, Copy, Debug)]
struct HeardSigner {
    link: [u8; 6],
    sequence: u32,
}

/// A station near a transmitter.
#[derive(Clone, Copy, Debug)]
struct Known {
    station: u32,
    digest: Digest,
    link: [u8; 6],
    place: Position,
    distance_m: f32,
}

/// A frame to be sent, and from which link address.
#[derive(Clone, Debug)]
struct Shot {
    bytes: Bytes,
    link: [u8; 6],
}

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

impl Radio {
    fn new(seed: u64, number: usize, attack: &RadioAttack, post: &RadioPost, cast: &Cast) -> Self {
        let mut name = [0; 8];
        name[..4].copy_from_slice(&post.station.to_le_bytes());
        let stranger = STRANGERS + post.station;
        Self {
            number,
            radio: post.radio,
            attack: attack.clone(),
            exit: post.exit,
            random: Stream::new(seed, Digest(name), Purpose::Attack),
            identity: attack.kind.part().map(|part| cast.identity(stranger, part)),
            credential: cast.identity(stranger, Part::Vehicle).credential().clone(),
            issuer: Digest::of_hash(&credential_hash(cast.issuer())),
            heard: BTreeMap::new(),
            prey: None,
            sequence: 0,
            next_ns: (attack.start_s * 1e9) as u64,
            allowed_ns: 0,
            waiting: VecDeque::new(),
        }
    }

    fn interval_ns(&self) -> u64 {
        (1e9 / self.attack.rate_per_s) as u64
    }

    fn end_ns(&self) -> u64 {
        (self.attack.end_s * 1e9) as u64
    }

    fn acts(&self, now_ns: u64) -> bool {
        (self.attack.start_s * 1e9) as u64 <= now_ns && now_ns < self.end_ns()
    }

    fn needs_names(&self) -> bool {
        use RadioAttackKind as K;
        self.attack.forged_forwarder || matches!(self.attack.kind, K::Forged | K::Copies | K::SecondHolder)
    }

    /// What it kept back until now.
    fn due(&mut self, now_ns: u64) -> Vec<Shot> {
        let mut shots = Vec::new();
        while let Some((_, shot)) = self.waiting.pop_front_if(|(at_ns, _)| *at_ns <= now_ns) {
            shots.push(shot);
        }
        shots
    }

    fn hear(&mut self, link: [u8; 6], frame: &Bytes) {
        let Some((signer, sequence)) = claims(frame) else { return };
        if self.heard.len() < MAX_HEARD || self.heard.contains_key(&signer) {
            self.heard.insert(signer, HeardSigner { link, sequence });
        }
    }

    /// Whether its rate allows one more answer.
    fn allow(&mut self, now_ns: u64) -> bool {
        let interval_ns = self.interval_ns();
        if self.allowed_ns > now_ns + BURST * interval_ns {
            return false;
        }
        self.allowed_ns = self.allowed_ns.max(now_ns) + interval_ns;
        true
    }

    fn link(&mut self, victim: [u8; 6]) -> [u8; 6] {
        match self.attack.address {
            RadioAddress::Victim => victim,
            RadioAddress::Own => {
                let [a, b, c, d] = self.exit.to_be_bytes();
                [0x02, 0x5b, a, b, c, d]
            }
            RadioAddress::MadeUp => {
                let [a, b, c, d, ..] = self.random.next_u64().to_le_bytes();
                [0x02, 0x5c, a, b, c, d]
            }
        }
    }

    /// What it sends because of a frame.
    fn answer(&mut self, link: [u8; 6], frame: &Bytes, near: &[Known], now_ns: u64) -> Vec<Shot> {
        use RadioAttackKind as K;
        let far = near.last().map(|known| (known.digest, (known.place.latitude, known.place.longitude)));
        let forwarder = far.filter(|_| self.attack.forged_forwarder);
        let bytes: Vec<(Bytes, [u8; 6])> = match self.attack.kind {
            K::Strip => stripped(frame, forwarder).map(|bytes| (bytes, link)).into_iter().collect(),
            K::Pad => {
                let padded = padded(frame, self.attack.pad_bytes, forwarder);
                padded.map(|bytes| (bytes, link)).into_iter().collect()
            }
            K::Wormhole => vec![(frame.clone(), link)],
            K::Copies => {
                let Some((signer, _)) = claims(frame) else { return Vec::new() };
                let others = near.iter().filter(|known| known.digest != signer);
                others
                    .take(self.attack.names as usize)
                    .filter_map(|known| {
                        let place = (known.place.latitude, known.place.longitude);
                        Some((sent_on(frame, (known.digest, place))?, known.link))
                    })
                    .collect()
            }
            K::Copier => self.copy(link, frame),
            _ => Vec::new(),
        };
        let mut shots = Vec::new();
        for (bytes, victim) in bytes {
            if self.allow(now_ns) {
                let link = self.link(victim);
                shots.push(Shot { bytes, link });
            }
        }
        shots
    }

    /// What the first signer it heard says, as its own, and then as it was.
    fn copy(&mut self, link: [u8; 6], frame: &Bytes) -> Vec<(Bytes, [u8; 6])> {
        let Some((signer, _)) = claims(frame) else { return Vec::new() };
        if *self.prey.get_or_insert(signer) != signer {
            return Vec::new();
        }
        self.sequence += 1;
        let Some(identity) = &mut self.identity else { return Vec::new() };
        let Some(own) = as_own(frame, self.sequence, identity) else { return Vec::new() };
        let [a, b, c, d] = self.exit.to_be_bytes();
        vec![(own, [0x02, 0x5b, a, b, c, d]), (frame.clone(), link)]
    }

    /// What it sends of its own accord.
    fn strike(&mut self, now_ns: u64, position: Position, near: &[Known], cast: &Cast) -> Option<Shot> {
        use RadioAttackKind as K;
        self.sequence += 1;
        let made = Made { position, micros: wire_at(now_ns).as_micros(), sequence: self.sequence };
        let number = self.sequence;
        let (bytes, victim) = match self.attack.kind {
            K::Forged => {
                // Each transmitter begins with another name.
                let names = near.len().min(self.attack.names as usize);
                let turn = (number as usize + self.radio as usize).checked_rem(names)?;
                let known = near.get(turn)?;
                // It says that it is late, and so urgent.
                let micros = made.micros.saturating_sub(LATE_US);
                let sequence = self.random.next_u64() as u32;
                let made = Made { position: known.place, micros, sequence };
                let message = RadioMessage::warning(self.attack.class, known.digest, number, made);
                let signer = SignerRef::Digest(known.digest);
                (message.forged(made, known.digest, signer, &mut self.random), known.link)
            }
            K::CredentialStorm => {
                let credential = made_up(&self.credential, &mut self.random)?;
                let name = Digest::of_hash(&credential_hash(&credential));
                let message = RadioMessage::warning(self.attack.class, name, number, made);
                let signer = SignerRef::Credential(&credential);
                (message.forged(made, name, signer, &mut self.random), [0; 6])
            }
            K::NameStorm | K::RequestStorm => {
                let name = Digest(self.random.next_u64().to_le_bytes());
                let message = RadioMessage::warning(self.attack.class, name, number, made);
                (message.forged(made, name, SignerRef::Digest(name), &mut self.random), [0; 6])
            }
            K::SecondHolder => (self.as_victim(made, near, cast)?, self.own_link()),
            kind => {
                let identity = self.identity.as_mut()?;
                let origin = identity.digest();
                let message = match kind {
                    K::RevocationStorm => {
                        RadioMessage::revocation(self.issuer, number, made, &mut self.random)
                    }
                    K::UpdateStorm => RadioMessage::update(origin, number, made),
                    K::Marker => RadioMessage::marker(origin, number, made),
                    _ => RadioMessage::green(self.attack.intersection, made),
                };
                (message.signed(made, identity), self.own_link())
            }
        };
        let link = if self.attack.kind.is_insider() { victim } else { self.link(victim) };
        Some(Shot { bytes, link })
    }

    /// Awareness with the credential of the station that is nearest at first, numbered ahead of what that said.
    fn as_victim(&mut self, made: Made, near: &[Known], cast: &Cast) -> Option<Bytes> {
        if self.identity.is_none() {
            let victim = near.first()?;
            let identity = Part::ALL.iter().map(|part| cast.identity(victim.station, *part));
            self.identity = identity.into_iter().find(|identity| identity.digest() == victim.digest);
        }
        let identity = self.identity.as_mut()?;
        let heard = self.heard.get(&identity.digest()).map_or(0, |heard| heard.sequence);
        self.sequence = self.sequence.max(heard.wrapping_add(1));
        let made = Made { sequence: self.sequence, ..made };
        Some(RadioMessage::awareness().signed(made, identity))
    }

    fn own_link(&self) -> [u8; 6] {
        let [a, b, c, d] = self.exit.to_be_bytes();
        [0x02, 0x5b, a, b, c, d]
    }
}

/// Numbers of their credentials begin here: no trace has as many stations.
const STRANGERS: u32 = 1 << 25;
/// Signers one of them remembers.
const MAX_HEARD: usize = 1_024;
/// Frames one of them keeps back.
const MAX_WAITING: usize = 4_096;
/// Answers at once beyond the rate.
const BURST: u64 = 64;
/// Its credential is revoked so long after a transmitter began.
const REVOKED_AFTER_NS: u64 = 2_000_000_000;
/// How late a forged warning says it is.
const LATE_US: u64 = 15_000;
