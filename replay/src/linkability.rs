//! How often an eavesdropper that hears everything links two pseudonyms of one station.
//!
//! The eavesdropper has every frame that was sent, with its time and link address, and sees the whole run before it
//! decides. First it follows positions: each pseudonym to its last beacon, from there at constant velocity, and joins
//! pseudonyms that ended with those that began afterwards, the best fit first, each at most once. That is close to 1 when
//! stations change in the open, lower where several of them change unseen at one place.
//!
//! Then it leaves positions aside, but for which pairs they rule out, and tries each marker alone: fields,
//! lengths, times, orders and addresses, the floods that beacons list and stations send on, and all of these together.
//! Beside the links by a marker stands how many of them guessing would make among the pairs that are left.

mod markers;
mod traits;

use std::collections::{BTreeMap, BTreeSet};

use v2x_core::{FloodName, Position, WireTime, credential_hash};
use v2x_proto::envelope::{SignedView, SignerRef, TbsView};
use v2x_proto::v1::MessageType;
use v2x_proto::{Digest, hop, payload, v1};
use v2x_report::Linkability;

use self::markers::{Crowd, Pair};
use self::traits::{Beacon, Floods, Traits};

/// One awareness message as it was on the air.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// When, ns.
    pub at_ns: u64,
    /// Digest of the signer's credential.
    pub pseudonym: Digest,
    /// Signed position.
    pub position: Position,
    /// Speed, m/s, and heading, degrees clockwise from north; `None` when the message does not say.
    pub motion: Option<(f64, f64)>,
}

/// Hears everything and remembers the ends of each pseudonym.
#[derive(Clone, Debug, Default)]
pub struct Eavesdropper {
    tracks: BTreeMap<Digest, Track>,
    traits: BTreeMap<Digest, Traits>,
    floods: Floods,
    changes: Vec<(Digest, Digest)>,
}

impl Eavesdropper {
    /// Records a frame from a link address; call it in order of time.
    pub fn overhear(&mut self, at_ns: u64, link: Option<[u8; 6]>, frame: &[u8]) {
        let Ok((header, len)) = hop::parse(frame) else { return };
        let Ok(signed) = SignedView::parse(&frame[len..]) else { return };
        let Ok(tbs) = TbsView::parse(signed.tbs) else { return };
        let transmitter = header.forwarder;
        if tbs.max_hops > 1 {
            let name = FloodName::of(signed.signature);
            let generated = WireTime::from_micros(tbs.generation_time_us);
            let lifetime = core::time::Duration::from_millis(u64::from(tbs.lifetime_ms));
            self.floods.hear(name, generated, generated + lifetime);
            let signer = match signed.signer {
                SignerRef::Digest(signer) => signer,
                SignerRef::Credential(bytes) => Digest::of_hash(&credential_hash(bytes)),
            };
            if signer != transmitter {
                self.traits.entry(transmitter).or_default().relays(name);
            }
        }
        let mut message = v1::Awareness::default();
        let is_beacon = tbs.message_type == MessageType::Awareness as u32
            && payload::decode_awareness_into(&mut message, tbs.payload).is_ok();
        let Some(position) = Position::new(tbs.latitude, tbs.longitude).filter(|_| is_beacon) else { return };
        let motion = message.speed.zip(message.heading);
        let motion = motion.map(|(speed, heading)| (f64::from(speed) * 0.01, f64::from(heading) * 0.1));
        self.hear(Observation { at_ns, pseudonym: transmitter, position, motion });
        let floods = self.floods.named(&transmitter, &tbs, &message.floods_held);
        let beacon = Beacon { floods, ..Beacon::new(at_ns, link, frame.len(), &tbs, &message) };
        self.traits.entry(transmitter).or_default().hear(beacon, &message, &signed.signer);
    }

    /// Records the place of a beacon; call it in order of time.
    pub fn hear(&mut self, observation: Observation) {
        let new = Track { first: observation, last: observation };
        self.tracks.entry(observation.pseudonym).or_insert(new).last = observation;
    }

    /// Records a true change of pseudonym, used for scoring only, never for a guess.
    pub fn changed(&mut self, old: Digest, new: Digest) {
        self.changes.push((old, new));
    }

    /// Pairs of pseudonyms it holds for one station, former first.
    pub fn links(&self) -> Vec<(Digest, Digest)> {
        let mut fits = self.fits();
        fits.sort_unstable();
        let mut joined: BTreeMap<Digest, Digest> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (_, Pair { old, new }) in fits {
            if !joined.contains_key(&old) && taken.insert(new) {
                joined.insert(old, new);
            }
        }
        joined.into_iter().collect()
    }

    /// The pairs that time and place allow, with how badly they fit, mm.
    fn fits(&self) -> Vec<(u64, Pair)> {
        let mut ended: Vec<&Track> = self.tracks.values().collect();
        ended.sort_by_key(|track| (track.last.at_ns, track.last.pseudonym));
        let mut fits = Vec::new();
        for begun in self.tracks.values() {
            let first = &begun.first;
            let from =
                ended.partition_point(|track| track.last.at_ns < first.at_ns.saturating_sub(MAX_GAP_NS));
            let before = ended[from..].iter().take_while(|track| track.last.at_ns < first.at_ns);
            fits.extend(before.filter_map(|track| {
                let misfit = track.last.misfit(first)?;
                Some(((misfit * 1000.0) as u64, Pair { old: track.last.pseudonym, new: first.pseudonym }))
            }));
        }
        fits
    }

    /// Its success: of the changes whose both pseudonyms were heard, those it links.
    pub fn score(&self) -> Linkability {
        let links: BTreeMap<Digest, Digest> = self.links().into_iter().collect();
        let heard =
            |(old, new): &&(Digest, Digest)| self.tracks.contains_key(old) && self.tracks.contains_key(new);
        let changes: Vec<_> = self.changes.iter().filter(heard).collect();
        let linked = changes.iter().filter(|(old, new)| links.get(old) == Some(new)).count() as u64;
        let pairs: Vec<Pair> = self.fits().into_iter().map(|(_, pair)| pair).collect();
        let truth = changes.iter().map(|(old, new)| Pair { old: *old, new: *new }).collect();
        let markers = markers::score(&Crowd::of(&self.traits, &pairs), &pairs, &truth);
        Linkability { markers, ..Linkability::new(changes.len() as u64, linked) }
    }
}

/// A pseudonym from its first message to its last.
#[derive(Clone, Copy, Debug)]
struct Track {
    first: Observation,
    last: Observation,
}

impl Observation {
    /// How badly `next` fits: metres from the extrapolated position, plus [`GAP_COST`] for the time between, since of
    /// two on the path of a steady car the earlier is the right one. `None` when it cannot be the same.
    fn misfit(&self, next: &Self) -> Option<f64> {
        let seconds = next.at_ns.saturating_sub(self.at_ns) as f64 * 1e-9;
        let expected = self.motion.map_or(self.position, |(speed, heading)| {
            let (sin, cos) = heading.to_radians().sin_cos();
            self.position.moved(speed * seconds * sin, speed * seconds * cos)
        });
        let misfit = expected.distance_m(next.position);
        let gate = GATE_M + GATE_ACCELERATION * seconds * seconds / 2.0;
        (misfit <= gate.min(MAX_GATE_M)).then_some(misfit + GAP_COST * seconds)
    }
}

/// A pseudonym not heard for this long has left: the longest silence, the longest gap between messages, and some.
const MAX_GAP_NS: u64 = 15_000_000_000;
/// What a second between two messages counts as, m.
const GAP_COST: f64 = 2.0;
/// Error of a position at once.
const GATE_M: f64 = 10.0;
/// What braking or turning adds, m/s2.
const GATE_ACCELERATION: f64 = 4.0;
/// Farther away than this, pseudonyms are not matched: any station could be there.
const MAX_GATE_M: f64 = 200.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn digest(number: u8) -> Digest {
        Digest([number; 8])
    }

    /// A car drives east at 20 m/s from `start_m`, `north_m` off, from `from_s` to `to_s`; it says nothing between
    /// `quiet`, and changes from one pseudonym to the other there.
    fn drive(
        ear: &mut Vec<Observation>,
        names: (u8, u8),
        start_m: f64,
        north_m: f64,
        quiet: (u64, u64),
        heading: f64,
    ) {
        let sign = if heading < 180.0 { 1.0 } else { -1.0 };
        for at_ms in (0..20_000).step_by(100).filter(|at| !(quiet.0..quiet.1).contains(at)) {
            let name = if at_ms < quiet.1 { names.0 } else { names.1 };
            let east = start_m + sign * 20.0 * at_ms as f64 / 1000.0;
            ear.push(Observation {
                at_ns: at_ms * 1_000_000,
                pseudonym: digest(name),
                position: PLACE.moved(east, north_m),
                motion: Some((20.0, heading)),
            });
        }
    }

    fn score(mut heard: Vec<Observation>, changes: &[(u8, u8)]) -> Linkability {
        heard.sort_by_key(|one| one.at_ns);
        let mut ear = Eavesdropper::default();
        heard.into_iter().for_each(|one| ear.hear(one));
        changes.iter().for_each(|(old, new)| ear.changed(digest(*old), digest(*new)));
        ear.score()
    }

    #[test]
    fn cars_far_apart_are_followed_through_any_change() {
        for silence in [100, 3000] {
            let mut heard = Vec::new();
            drive(&mut heard, (1, 2), 0.0, 0.0, (10_000, 10_000 + silence), 90.0);
            drive(&mut heard, (3, 4), 0.0, 2000.0, (10_000, 10_000 + silence), 90.0);
            assert_eq!(score(heard, &[(1, 2), (3, 4)]), Linkability::new(2, 2));
        }
    }

    #[test]
    fn cars_that_swap_places_in_silence_are_mixed_up() {
        // Side by side, both fall silent and change lanes: the eavesdropper follows the lanes, not the cars.
        let mut heard = Vec::new();
        drive(&mut heard, (1, 2), 0.0, 0.0, (10_000, 12_000), 90.0);
        drive(&mut heard, (3, 4), 0.0, 4.0, (10_000, 12_000), 90.0);
        let apart = score(heard.clone(), &[(1, 2), (3, 4)]);
        let swapped = score(heard, &[(1, 4), (3, 2)]);
        assert_eq!((apart.ratio, swapped.ratio), (1.0, 0.0), "only where they are now counts");
    }

    #[test]
    fn a_change_nobody_heard_the_end_of_does_not_count() {
        let mut heard = Vec::new();
        drive(&mut heard, (1, 2), 0.0, 0.0, (10_000, 11_000), 90.0);
        assert_eq!(score(heard, &[(1, 2), (2, 9)]), Linkability::new(1, 1));
        assert_eq!(score(Vec::new(), &[(1, 2)]), Linkability::new(0, 0));
    }

    #[test]
    fn who_comes_back_after_long_or_from_elsewhere_is_somebody_else() {
        let at = |number, at_s: u64, east: f64| Observation {
            at_ns: at_s * 1_000_000_000,
            pseudonym: digest(number),
            position: PLACE.moved(east, 0.0),
            motion: Some((0.0, 0.0)),
        };
        for second in [at(2, 60, 0.0), at(2, 2, 500.0)] {
            assert_eq!(score(vec![at(1, 0, 0.0), second], &[(1, 2)]).linked, 0);
        }
        assert_eq!(score(vec![at(1, 0, 0.0), at(2, 2, 3.0)], &[(1, 2)]).linked, 1);
    }

    proptest! {
        #[test]
        fn no_pseudonym_is_linked_twice(heard in proptest::collection::vec((0u64..30_000, 0u8..20, -99i32..99), 0..60)) {
            let mut ear = Eavesdropper::default();
            let mut heard = heard;
            heard.sort_unstable();
            for (at_ms, number, east) in heard {
                let position = PLACE.moved(f64::from(east), 0.0);
                ear.hear(Observation { at_ns: at_ms * 1_000_000, pseudonym: digest(number), position, motion: None });
            }
            let links = ear.links();
            let mut news: Vec<_> = links.iter().map(|(_, new)| *new).collect();
            news.sort_unstable();
            news.dedup();
            prop_assert_eq!(news.len(), links.len());
            prop_assert!(links.iter().all(|(old, new)| old != new));
        }
    }
}
