//! What some attacks are after, beside what they cost: names in beacons that give their stations away, signals that are shown
//! and false, a revocation that does not arrive.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use v2x_apps::Moment;
use v2x_apps::infrastructure::{Infrastructure, IntersectionId};
use v2x_apps::limits::MAX_SIGNAL_AGE;
use v2x_core::Event;
use v2x_proto::Digest;
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::hop;
use v2x_proto::payload::Beacon;
use v2x_proto::v1::{MessageType, SignalPhase};
use v2x_report::HonestFigures;

use crate::attack::{RadioAttack, RadioAttackKind};

/// How far attackers of a world have come.
#[derive(Debug, Default)]
pub(super) struct Aims {
    marks: Option<Marks>,
    signals: Option<Signals>,
    /// Honest stations that know of the attacker's revocation.
    revoked: Option<BTreeSet<u32>>,
}

/// Floods by which an attacker recognises who names them.
#[derive(Debug, Default)]
struct Marks {
    tags: BTreeSet<u32>,
    beacons: u64,
    names: BTreeSet<Digest>,
}

/// What drivers are shown of an intersection whose unit says that all its signals are red.
#[derive(Debug)]
struct Signals {
    id: IntersectionId,
    drivers: BTreeMap<u32, Infrastructure>,
    /// Who heard the unit itself.
    served: BTreeSet<u32>,
    right: u64,
    wrong: u64,
    unknown: u64,
}

impl Aims {
    /// Whether anybody is after anything.
    pub(super) fn are_there(&self) -> bool {
        self.marks.is_some() || self.revoked.is_some() || self.signals.is_some()
    }

    /// An attack of this kind takes place, here or in the world this one is compared with.
    pub(super) fn of(&mut self, attack: &RadioAttack) {
        match attack.kind {
            RadioAttackKind::Marker => _ = self.marks.get_or_insert_default(),
            RadioAttackKind::RevocationStorm => _ = self.revoked.get_or_insert_default(),
            RadioAttackKind::Squatter => {
                let id = IntersectionId { region: 0, number: attack.intersection };
                let (drivers, served) = (BTreeMap::new(), BTreeSet::new());
                self.signals = Some(Signals { id, drivers, served, right: 0, wrong: 0, unknown: 0 });
            }
            _ => {}
        }
    }

    /// An attacker sends a flood.
    pub(super) fn marked_by(&mut self, frame: &Bytes) {
        let Some(marks) = &mut self.marks else { return };
        let signed = hop::parse(frame).ok().and_then(|(_, len)| SignedView::parse(&frame[len..]).ok());
        if let Some([a, b, c, d, ..]) = signed.map(|signed| *signed.signature)
            && marks.tags.len() < MAX_MARKS
        {
            marks.tags.insert(u32::from_le_bytes([a, b, c, d]));
        }
    }

    /// An honest station sends a frame.
    pub(super) fn sent(&mut self, signer: Digest, frame: &Bytes) {
        let Some(marks) = self.marks.as_mut().filter(|marks| !marks.tags.is_empty()) else { return };
        let Ok((_, len)) = hop::parse(frame) else { return };
        let tbs = SignedView::parse(&frame[len..]).and_then(|signed| TbsView::parse(signed.tbs));
        let Ok(tbs) = tbs else { return };
        let beacon =
            (tbs.message_type == MessageType::Awareness as u32).then(|| Beacon::read(tbs.payload)).flatten();
        let names = |tag: &u32| beacon.as_ref().is_some_and(|beacon| beacon.floods.contains(*tag));
        if marks.tags.iter().any(names) {
            marks.beacons += 1;
            marks.names.insert(signer);
        }
    }

    /// A message or another event of an honest vehicle with its own digest; the message is `honest` when its signer is.
    pub(super) fn event(&mut self, (station, own): (u32, Digest), honest: bool, event: &Event, at: Moment) {
        if let (Some(revoked), Event::Revoked(_)) = (&mut self.revoked, event) {
            revoked.insert(station);
        }
        if let (Some(signals), Event::Received(received)) = (&mut self.signals, event)
            && received.message_type == MessageType::SignalState as u32
        {
            if honest {
                signals.served.insert(station);
            }
            signals.drivers.entry(station).or_insert_with(|| Infrastructure::new(own)).event(event, at);
        }
    }

    /// A vehicle's position is renewed: what is its driver shown?
    pub(super) fn look(&mut self, station: u32, at: Moment) {
        let Some(signals) = &mut self.signals else { return };
        let Some(driver) = signals.drivers.get_mut(&station) else { return };
        if !signals.served.contains(&station) {
            return;
        }
        driver.timeout(at);
        let known = driver.intersections().find(signals.id);
        let state = known.and_then(|known| known.state());
        let fresh = state.filter(|state| at.wire.since(state.time()) <= MAX_SIGNAL_AGE);
        let phase = fresh.and_then(|state| state.group(1)).map(|group| group.phase);
        match phase {
            Some(phase) if phase == SignalPhase::StopAndRemain as i32 => signals.right += 1,
            Some(_) => signals.wrong += 1,
            None => signals.unknown += 1,
        }
    }
}

impl Aims {
    /// The figures of a finished world.
    pub(super) fn result(&self) -> Gains {
        Gains {
            marked_names: self.marks.as_ref().map(|marks| marks.names.len() as u64),
            marked_beacons: self.marks.as_ref().map(|marks| marks.beacons),
            signals: self.signals.as_ref().map(|signals| (signals.right, signals.wrong, signals.unknown)),
            revoked: self.revoked.as_ref().map(|revoked| revoked.len() as u64),
        }
    }
}

/// What attackers gained, in one world or in several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gains {
    marked_names: Option<u64>,
    marked_beacons: Option<u64>,
    signals: Option<(u64, u64, u64)>,
    revoked: Option<u64>,
}

impl Gains {
    pub(super) fn merge(&mut self, other: Self) {
        let sum =
            |one: Option<u64>, other: Option<u64>| one.map_or(other, |one| Some(one + other.unwrap_or(0)));
        self.marked_names = sum(self.marked_names, other.marked_names);
        self.marked_beacons = sum(self.marked_beacons, other.marked_beacons);
        self.revoked = sum(self.revoked, other.revoked);
        self.signals = match (self.signals, other.signals) {
            (Some(one), Some(other)) => Some((one.0 + other.0, one.1 + other.1, one.2 + other.2)),
            (one, other) => one.or(other),
        };
    }

    pub(super) fn fill(&self, figures: &mut HonestFigures) {
        figures.marked_names = self.marked_names;
        figures.marked_beacons = self.marked_beacons;
        figures.revocation_known = self.revoked;
        if let Some((right, wrong, unknown)) = self.signals {
            let all = (right + wrong + unknown).max(1) as f64;
            figures.signal_right = Some(right as f64 / all);
            figures.signal_wrong = Some(wrong as f64 / all);
        }
    }
}

/// Floods of an attacker that are looked for.
const MAX_MARKS: usize = 1_000;
