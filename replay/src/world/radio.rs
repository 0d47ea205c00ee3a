//! A transmitter beside the road: what it heard, what it sends because of it, and what it sends by its rate.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use v2x_core::{Identity, Position, Purpose, Stream, credential_hash};
use v2x_proto::Digest;
use v2x_proto::envelope::SignerRef;

use super::clock::wire_at;
use crate::attack::{
    Made, RadioAddress, RadioAttack, RadioAttackKind, RadioMessage, RadioPost, as_own, claims, made_up,
    padded, sent_on, stripped,
};
use crate::identities::{Cast, Part};

/// The transmitters of a world.
#[derive(Debug, Default)]
pub(super) struct Radios {
    pub(super) by_station: BTreeMap<u32, Option<Radio>>,
}

impl Radios {
    /// Whether there is any.
    pub(super) fn are_there(&self) -> bool {
        !self.by_station.is_empty()
    }

    /// Whether a station is one of them.
    pub(super) fn are(&self, station: u32) -> bool {
        !self.by_station.is_empty() && self.by_station.contains_key(&station)
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Radio {
    pub(super) number: usize,
    pub(super) radio: u32,
    pub(super) attack: RadioAttack,
    pub(super) exit: u32,
    pub(super) random: Stream,
    /// Its own, or its victim's.
    pub(super) identity: Option<Identity>,
    /// A credential to make others up from.
    pub(super) credential: Bytes,
    pub(super) issuer: Digest,
    pub(super) heard: BTreeMap<Digest, HeardSigner>,
    pub(super) prey: Option<Digest>,
    pub(super) sequence: u32,
    pub(super) next_ns: u64,
    /// When its rate allows the next answer to what it heard.
    pub(super) allowed_ns: u64,
    pub(super) waiting: VecDeque<(u64, Shot)>,
}

/// The newest that was heard of a signer.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeardSigner {
    pub(super) link: [u8; 6],
    pub(super) sequence: u32,
}

/// A station near a transmitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) station: u32,
    pub(super) digest: Digest,
    pub(super) link: [u8; 6],
    pub(super) place: Position,
    pub(super) distance_m: f32,
}

/// A frame to be sent, and from which link address.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub(super) bytes: Bytes,
    pub(super) link: [u8; 6],
}

impl Radio {
    pub(super) fn new(seed: u64, number: usize, attack: &RadioAttack, post: &RadioPost, cast: &Cast) -> Self {
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

    pub(super) fn interval_ns(&self) -> u64 {
        (1e9 / self.attack.rate_per_s) as u64
    }

    pub(super) fn end_ns(&self) -> u64 {
        (self.attack.end_s * 1e9) as u64
    }

    pub(super) fn acts(&self, now_ns: u64) -> bool {
        (self.attack.start_s * 1e9) as u64 <= now_ns && now_ns < self.end_ns()
    }

    pub(super) fn needs_names(&self) -> bool {
        use RadioAttackKind as K;
        self.attack.forged_forwarder || matches!(self.attack.kind, K::Forged | K::Copies | K::SecondHolder)
    }

    /// What it kept back until now.
    pub(super) fn due(&mut self, now_ns: u64) -> Vec<Shot> {
        let mut shots = Vec::new();
        while let Some((_, shot)) = self.waiting.pop_front_if(|(at_ns, _)| *at_ns <= now_ns) {
            shots.push(shot);
        }
        shots
    }

    pub(super) fn hear(&mut self, link: [u8; 6], frame: &Bytes) {
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
    pub(super) fn answer(&mut self, link: [u8; 6], frame: &Bytes, near: &[Known], now_ns: u64) -> Vec<Shot> {
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
    pub(super) fn strike(
        &mut self,
        now_ns: u64,
        position: Position,
        near: &[Known],
        cast: &Cast,
    ) -> Option<Shot> {
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
pub(super) const STRANGERS: u32 = 1 << 25;
/// Signers one of them remembers.
const MAX_HEARD: usize = 1_024;
/// Frames one of them keeps back.
pub(super) const MAX_WAITING: usize = 4_096;
/// Answers at once beyond the rate.
const BURST: u64 = 64;
/// How late a forged warning says it is.
const LATE_US: u64 = 15_000;
