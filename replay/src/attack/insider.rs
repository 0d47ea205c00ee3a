//! Stations with valid credentials that lie: their messages are altered and signed anew.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Identity, MessageId, Position, Purpose, Stream, heading_difference};
use v2x_proto::envelope::{MAX_CREDENTIAL_REQUESTS, SignedView, SignerRef, TbsView, encode_signed};
use v2x_proto::hop::HopHeader;
use v2x_proto::payload;
use v2x_proto::v1::{self, MessageType};
use v2x_proto::{Digest, hop};

use super::{Attack, AttackKind};

/// An awareness message that was on the air.
#[derive(Clone, Debug)]
pub(crate) struct Overheard {
    pub at_ns: u64,
    pub station: u32,
    pub signer: Digest,
    pub position: Position,
    pub speed: Option<u32>,
    pub heading: Option<u32>,
    pub bytes: Bytes,
}

impl Overheard {
    /// Its payload.
    pub(crate) fn payload(&self) -> Option<Bytes> {
        read(&self.bytes, |tbs, _| Bytes::copy_from_slice(tbs.payload))
    }
}

/// The latest messages of all stations, in order of time; bounded.
#[derive(Debug, Default)]
pub(crate) struct Air(VecDeque<Overheard>);

impl Air {
    /// Remembers a frame if it is awareness.
    pub(crate) fn hear(&mut self, at_ns: u64, station: u32, id: &MessageId, bytes: &Bytes) {
        let Some(heard) = read(bytes, |tbs, awareness| Overheard {
            at_ns,
            station,
            signer: id.signer,
            position: Position { latitude: tbs.latitude, longitude: tbs.longitude },
            speed: awareness.speed,
            heading: awareness.heading,
            bytes: bytes.clone(),
        }) else {
            return;
        };
        if self.0.len() >= MAX_HEARD {
            self.0.pop_front();
        }
        self.0.push_back(heard);
    }

    /// Messages of other stations near `place` between the two times, newest first.
    pub(crate) fn near(
        &self,
        station: u32,
        place: Position,
        from_ns: u64,
        until_ns: u64,
    ) -> impl Iterator<Item = &Overheard> {
        let newest = self.0.partition_point(|heard| heard.at_ns <= until_ns);
        let range = self.0.iter().take(newest).rev().take_while(move |heard| heard.at_ns >= from_ns);
        range.filter(move |heard| heard.station != station && heard.position.distance_m(place) <= REACH_M)
    }

    /// The newest message of a station.
    pub(crate) fn newest_of(&self, station: u32) -> Option<&Overheard> {
        self.0.iter().rev().find(|heard| heard.station == station)
    }

    /// The first message of a signer after a time.
    fn next_of(&self, signer: Digest, after_ns: u64) -> Option<&Overheard> {
        self.0.iter().find(|heard| heard.signer == signer && heard.at_ns > after_ns)
    }
}

/// What an awareness message claims.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Claim {
    pub position: Position,
    pub speed: Option<u32>,
    pub heading: Option<u32>,
    pub generation_us: u64,
    pub sequence: u32,
}

/// A lying station.
#[derive(Debug)]
pub(crate) struct Insider {
    pub(super) identity: Identity,
    pub(super) random: Stream,
    fixed: Option<Position>,
    offset: (f64, f64),
    speed: u32,
    stops_ns: u64,
    copied: Option<(Digest, u64)>,
    /// Sent late: when, and what.
    late: VecDeque<(u64, Bytes)>,
    truthful: bool,
}

impl Insider {
    /// An insider with its credential; `seed` is the plan's.
    pub(crate) fn new(identity: Identity, seed: u64, attack: &Attack) -> Self {
        let mut random = Stream::new(seed, identity.digest(), Purpose::Attack);
        let offset = direction(&mut random, attack.distance_m);
        let speed = (attack.speed_mps * 100.0) as u32;
        let stops_ns = (attack.start_s * 1e9) as u64 + random.below(10_000_000_000);
        let late = VecDeque::new();
        Self { identity, random, fixed: None, offset, speed, stops_ns, copied: None, late, truthful: false }
    }

    /// Whether its newest message was as true as an honest station's: some kinds happen to state the truth at times.
    pub(crate) fn is_truthful(&self) -> bool {
        self.truthful
    }

    /// Who it is.
    pub(crate) fn digest(&self) -> Digest {
        self.identity.digest()
    }

    /// The frame to transmit instead of one its node sends; `None` when nothing is sent for now.
    pub(crate) fn restate(
        &mut self,
        now_ns: u64,
        bytes: &Bytes,
        attack: &Attack,
        air: &Air,
        me: u32,
    ) -> Option<Bytes> {
        let truth = read(bytes, |tbs, awareness| Claim {
            position: Position { latitude: tbs.latitude, longitude: tbs.longitude },
            speed: awareness.speed,
            heading: awareness.heading,
            generation_us: tbs.generation_time_us,
            sequence: tbs.sequence,
        });
        let Some(truth) = truth else { return Some(bytes.clone()) };
        if attack.kind == AttackKind::Delay {
            if self.late.len() < MAX_LATE {
                self.late.push_back((now_ns + (attack.delay_s * 1e9) as u64, bytes.clone()));
            }
            return None;
        }
        if attack.kind == AttackKind::CredentialRequestFlood {
            return Some(self.ask(now_ns, bytes, truth.position, air, me).unwrap_or_else(|| bytes.clone()));
        }
        let claim = self.lie(now_ns, truth, attack, air, me);
        self.truthful = attack.kind.alters() && claim.is_as_good_as(&truth);
        if claim == truth {
            return Some(bytes.clone());
        }
        Some(resign(bytes, &mut self.identity, None, &claim).unwrap_or_else(|| bytes.clone()))
    }

    /// The frame with as many requests as it may have: for stations nearby, in turn, and for one that does not exist.
    fn ask(&mut self, now_ns: u64, bytes: &Bytes, place: Position, air: &Air, me: u32) -> Option<Bytes> {
        let heard: Vec<_> = air.near(me, place, 0, now_ns).take(MANY).map(|heard| heard.signer).collect();
        let mut requests = Vec::new();
        for number in 0..MAX_CREDENTIAL_REQUESTS {
            let made_up = Digest(self.random.next_u64().to_le_bytes());
            let exists =
                heard.get(self.random.below(heard.len() as u64) as usize).filter(|_| number % 2 == 0);
            requests.extend_from_slice(&exists.unwrap_or(&made_up).truncated());
        }
        let (header, len) = hop::parse(bytes).ok()?;
        let signed = SignedView::parse(&bytes[len..]).ok()?;
        let tbs = TbsView { credential_requests: &requests, ..TbsView::parse(signed.tbs).ok()? };
        Some(seal(header, &tbs, signed.signer, &mut self.identity))
    }

    /// A late message whose time has come.
    pub(crate) fn late(&mut self, now_ns: u64) -> Option<Bytes> {
        let due = self.late.front().is_some_and(|(at_ns, _)| *at_ns <= now_ns);
        if due { self.late.pop_front().map(|(_, bytes)| bytes) } else { None }
    }

    fn lie(&mut self, now_ns: u64, truth: Claim, attack: &Attack, air: &Air, me: u32) -> Claim {
        let mut claim = truth;
        match attack.kind {
            AttackKind::ConstantPosition => {
                let (east, north) = self.offset;
                claim.position = *self.fixed.get_or_insert(truth.position.moved(east, north));
            }
            AttackKind::ConstantOffset => claim.position = truth.position.moved(self.offset.0, self.offset.1),
            AttackKind::RandomPosition | AttackKind::RandomOffset => self.scatter(&mut claim, attack),
            AttackKind::ConstantSpeed => claim.speed = Some(self.speed),
            AttackKind::SpeedOffset => claim.speed = truth.speed.map(|speed| speed + self.speed),
            AttackKind::RandomSpeed => {
                claim.speed = Some(self.random.below(4 * u64::from(self.speed)) as u32)
            }
            AttackKind::RandomSpeedOffset => {
                let off = self.random.below(2 * u64::from(self.speed) + 1) as i64 - i64::from(self.speed);
                claim.speed = truth.speed.map(|speed| (i64::from(speed) + off).max(0) as u32);
            }
            AttackKind::DosRandom => {
                self.scatter(&mut claim, attack);
                claim.speed = Some(self.random.below(4 * u64::from(self.speed)) as u32);
            }
            AttackKind::EventualStop if now_ns >= self.stops_ns => {
                claim.position = *self.fixed.get_or_insert(truth.position);
                claim.speed = Some(0);
            }
            AttackKind::Disruptive => {
                let count = air.near(me, truth.position, 0, now_ns).take(MANY).count() as u64;
                let which = self.random.below(count) as usize;
                if let Some(heard) = air.near(me, truth.position, 0, now_ns).nth(which) {
                    claim.copy(heard);
                }
            }
            AttackKind::DataReplay => {
                let mut next = self.copied.and_then(|(signer, at_ns)| air.next_of(signer, at_ns));
                if next.is_none() {
                    next = air.near(me, truth.position, 0, now_ns).take(MANY).last();
                }
                if let Some(heard) = next {
                    self.copied = Some((heard.signer, heard.at_ns));
                    claim.copy(heard);
                }
            }
            AttackKind::ReversedHeading => {
                claim.heading = truth.heading.map(|heading| (heading + 1800) % 3600)
            }
            AttackKind::Stale => {
                claim.generation_us = truth.generation_us.saturating_sub((attack.delay_s * 1e6) as u64);
            }
            AttackKind::ClockStep => {
                let step_us = (attack.delay_s * 1e6) as i64;
                let off = [step_us, 0, -step_us, 0][(now_ns / STEP_NS % 4) as usize];
                claim.generation_us = truth.generation_us.saturating_add_signed(off);
            }
            _ => {}
        }
        claim
    }

    fn scatter(&mut self, claim: &mut Claim, attack: &Attack) {
        let (east, north) = direction(&mut self.random, attack.distance_m);
        let share = self.random.below(1001) as f64 / 1000.0;
        claim.position = claim.position.moved(east * share, north * share);
    }
}

impl Claim {
    /// Whether it differs from the truth by no more than honest errors: 2 m of position (a receiver in a street, 68 %
    /// are better), 0.5 m/s of speed, 15 degrees of heading unless it stands.
    fn is_as_good_as(&self, truth: &Self) -> bool {
        let speeds = (self.speed.unwrap_or(0), truth.speed.unwrap_or(0));
        let stands = truth.speed.unwrap_or(0) < 50;
        let headings =
            self.heading.zip(truth.heading).map_or(0, |(a, b)| heading_difference(a as u16, b as u16));
        self.generation_us == truth.generation_us
            && self.position.distance_m(truth.position) <= 2.0
            && speeds.0.abs_diff(speeds.1) <= 50
            && (stands || headings <= 150)
    }

    fn copy(&mut self, heard: &Overheard) {
        self.position = heard.position;
        self.speed = heard.speed;
        self.heading = heard.heading;
    }
}

/// The frame with another claim, signed by `identity`; its whole credential goes along if `credential` is given.
pub(super) fn resign(
    bytes: &[u8],
    identity: &mut Identity,
    credential: Option<&Bytes>,
    claim: &Claim,
) -> Option<Bytes> {
    let (header, len) = hop::parse(bytes).ok()?;
    let signed = SignedView::parse(&bytes[len..]).ok()?;
    let tbs = TbsView::parse(signed.tbs).ok()?;
    let mut awareness = v1::Awareness::default();
    payload::decode_awareness_into(&mut awareness, tbs.payload).ok()?;
    awareness.speed = claim.speed;
    awareness.heading = claim.heading;
    let payload = awareness.encode_to_vec();
    let tbs = TbsView {
        generation_time_us: claim.generation_us,
        sequence: claim.sequence,
        latitude: claim.position.latitude,
        longitude: claim.position.longitude,
        payload: &payload,
        ..tbs
    };
    let signer = credential.map_or(signed.signer, |credential| SignerRef::Credential(credential));
    Some(seal(header, &tbs, signer, identity))
}

/// A frame of these fields, signed and sent by `identity`.
pub(super) fn seal(
    mut header: HopHeader,
    tbs: &TbsView<'_>,
    signer: SignerRef<'_>,
    identity: &mut Identity,
) -> Bytes {
    let mut text = Vec::new();
    tbs.encode(&mut text);
    let signature = identity.sign(&text);
    header.forwarder = identity.digest();
    let mut out = Vec::new();
    header.encode(&mut out);
    encode_signed(&mut out, &text, &signature, signer);
    out.into()
}

/// Reads an awareness message; `None` for other frames.
pub(super) fn read<T>(bytes: &[u8], make: impl FnOnce(&TbsView<'_>, &v1::Awareness) -> T) -> Option<T> {
    let (_, len) = hop::parse(bytes).ok()?;
    let signed = SignedView::parse(&bytes[len..]).ok()?;
    let tbs = TbsView::parse(signed.tbs).ok()?;
    if tbs.message_type != MessageType::Awareness as u32 {
        return None;
    }
    let mut awareness = v1::Awareness::default();
    payload::decode_awareness_into(&mut awareness, tbs.payload).ok()?;
    Some(make(&tbs, &awareness))
}

fn direction(random: &mut Stream, metres: f64) -> (f64, f64) {
    let (sin, cos) = (random.below(360) as f64).to_radians().sin_cos();
    (metres * sin, metres * cos)
}

/// Ten seconds of a few hundred stations.
const MAX_HEARD: usize = 32_768;
/// How long a stepping clock keeps each setting.
const STEP_NS: u64 = 1_000_000_000;
/// Messages one attacker keeps back at once: a minute of them.
const MAX_LATE: usize = 1024;
/// How far an attacker hears.
const REACH_M: f64 = 300.0;
/// An attacker chooses among at most this many of the messages it heard.
const MANY: usize = 512;

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::attack::Targets;
    use crate::identities::{Cast, Part};
    use crate::world::START;

    const TRUTH: Claim = Claim {
        position: Position { latitude: 496_000_000, longitude: 61_300_000 },
        speed: Some(1200),
        heading: Some(2700),
        generation_us: 700_000_000_000_000,
        sequence: 9,
    };

    /// What an attacker claims at 1 s and at 30 s, when it is 300 m farther east.
    fn lies(kind: AttackKind) -> [(Claim, f64); 2] {
        let cast = Cast::new(1, START, Duration::from_secs(60)).unwrap();
        let attack = Attack::new(kind, Targets::Share(1.0));
        let mut insider = Insider::new(cast.identity(1, Part::Vehicle), 1, &attack);
        [(1_000_000_000, 0.0), (30_000_000_000, 300.0)].map(|(now_ns, east)| {
            let truth = Claim { position: TRUTH.position.moved(east, 0.0), ..TRUTH };
            let claim = insider.lie(now_ns, truth, &attack, &Air::default(), 1);
            (claim, claim.position.distance_m(truth.position))
        })
    }

    #[test]
    fn positions_are_off_as_their_kind_says() {
        let [(one, _), (two, _)] = lies(AttackKind::ConstantPosition);
        assert_eq!(one.position, two.position);
        let [(_, one), (_, two)] = lies(AttackKind::ConstantOffset);
        assert!((one - 250.0).abs() < 1.0 && (two - 250.0).abs() < 1.0, "{one} {two}");
        let [(_, one), (_, two)] = lies(AttackKind::RandomOffset);
        assert!(one < 71.0 && two < 71.0 && (one - two).abs() > 0.1, "{one} {two}");
        let [(_, one), (_, two)] = lies(AttackKind::RandomPosition);
        assert!(one < 251.0 && two < 251.0 && (one - two).abs() > 0.1, "{one} {two}");
    }

    #[test]
    fn speeds_headings_and_times_are_off_as_their_kind_says() {
        let speed = |kind| lies(kind).map(|(claim, _)| claim.speed.unwrap());
        assert_eq!(speed(AttackKind::ConstantSpeed), [1000, 1000]);
        assert_eq!(speed(AttackKind::SpeedOffset), [2200, 2200]);
        let [one, two] = speed(AttackKind::RandomSpeedOffset);
        assert!(one != two && [one, two].iter().all(|speed| (200..=2200).contains(speed)), "{one} {two}");
        assert!(speed(AttackKind::RandomSpeed).iter().all(|speed| *speed < 4000));
        let [_, (stopped, away)] = lies(AttackKind::EventualStop);
        // It is asked for the second time only after it stopped, and stays there from then on.
        assert_eq!((stopped.speed, away), (Some(0), 0.0));
        assert_eq!(lies(AttackKind::ReversedHeading).map(|(claim, _)| claim.heading), [Some(900); 2]);
        assert_eq!(lies(AttackKind::Stale)[0].0.generation_us, TRUTH.generation_us - 3_000_000);
        // At 1 s the clock is right again, at 30 s it is behind.
        let [one, two] = lies(AttackKind::ClockStep).map(|(claim, _)| claim.generation_us);
        assert_eq!([one, two], [TRUTH.generation_us, TRUTH.generation_us - 3_000_000]);
        assert_eq!(lies(AttackKind::Dos)[0].0, TRUTH);
    }
}
