//! Misbehaviour detector: plausibility checks on verified messages, and what they cost the sender.
//!
//! [`MisbehaviourDetector`] keeps a `testimony` and a `reputation` for each station heard. Every verified message goes
//! through the `checks`; scores below a half are findings and become evidence against its signer. Only messages with a
//! valid signature get here, so nobody can make a testimony in another station's name; and only the testimony isolates
//! (`testimony`, `Basis`). Everything else that is known of a message here - from where, how loud and when it came, who
//! else said what - can be staged and raises a suspicion at most. Thresholds and their reasons are in `thresholds`, nowhere
//! else.
//!
//! # Overlapping vehicles
//!
//! When two stations claim one place, at most one lies, and their messages do not show which. When they move together,
//! the one heard first is believed and the newcomer blamed. When one drives through the other, both are blamed: a real
//! car would have collided, and a ghost that stands still is driven through again and again. Either way the evidence is
//! shared, light and capped (see `reputation`): a ghost laid over an honest car may make it suspect while it lasts,
//! never isolated. Overlaps with a suspect count against nobody else.

#[cfg(test)]
mod tests;

use arrayvec::ArrayVec;
use bytes::Bytes;
use v2x_proto::{Class, Digest, v1};

use super::checks::{Basis, Check};
use super::isolation::Offenders;
use super::places::Places;
use super::reputation::{Reputation, TrustLevel};
use super::rssi_position::{Ticket, Ways};
use super::signal::{Signal, Usual};
use super::sybil::{Abreast, Company, Moved};
use super::testimony::{Statement, Testimony};
use super::track::{Claim, apart_s, offset};
use super::trajectory_copy::Copies;
use super::{checks, thresholds as t};
use crate::base::{
    AwarenessRule, Instant, LruTable, Plane, Plausibility, Reserve, SendRequest, TableFill, WireTime, limits,
};
use crate::trust::freshness;

/// Checks the claims of verified messages.
pub struct MisbehaviourDetector {
    rule: Plausibility,
    /// Shortest time between two beacons, s.
    shortest_s: f32,
    since: Instant,
    stations: LruTable<Record>,
    places: Places,
    copies: Copies,
    usual: Usual,
    ways: Ways,
    /// The station heard last without a forwarder.
    last: Option<Digest>,
    offenders: Offenders,
    findings: Findings,
}

/// What the checks need of a verified message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Its signer.
    pub signer: Digest,
    /// Its claims.
    pub claim: Claim,
    /// True when it came straight from its signer.
    pub direct: bool,
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
    /// True when the message newly warns of hard braking of its signer.
    pub brakes: bool,
    /// When it was received.
    pub at: Instant,
}

/// A change of a station's trust level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspicion {
    /// The station.
    pub digest: Digest,
    /// Its new level.
    pub standing: TrustLevel,
    /// The check that weighed most against it in the deciding message; none when time alone decided.
    pub check: Option<Check>,
    /// That check's score, 0 for impossible to 1 for plausible.
    pub score: f32,
}

/// What came of an observation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The signer is discredited: suspect by its own contradictions alone, or isolated by this very message.
    pub discredited: bool,
    /// It was not before this message.
    pub newly: bool,
    /// The message contradicts what its signer signed before, or physics: evidence worth keeping.
    pub contradicts: bool,
    /// The trust level, when it changed.
    pub change: Option<Suspicion>,
}

/// Findings counted by check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings([u64; Check::ALL.len()]);

impl Findings {
    /// Findings of one check so far.
    #[must_use]
    pub fn of(&self, check: Check) -> u64 {
        self.0[check as usize]
    }

    /// Each check with its findings.
    pub fn iter(&self) -> impl Iterator<Item = (Check, u64)> {
        Check::ALL.into_iter().zip(self.0)
    }
}

/// State kept for one station.
#[derive(Clone, Copy, Debug)]
struct Record {
    testimony: Testimony,
    reputation: Reputation,
    company: Company,
    signal: Signal,
    way: Ticket,
    /// When its distance was last judged, ms, wrapping.
    judged_ms: u32,
    /// When it was first heard, s, wrapping.
    first_s: u32,
    counts: [u8; Check::ALL.len()],
    vehicle: bool,
}

impl core::fmt::Debug for MisbehaviourDetector {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MisbehaviourDetector")
            .field("rule", &self.rule)
            .field("stations", &self.stations.len())
            .field("offenders", &self.offenders)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

impl MisbehaviourDetector {
    /// With no station heard yet, from `now` on. A station whose own generation rule is faster than the standard's uses
    /// a channel where that was agreed, and allows others the same.
    #[must_use]
    pub fn new(rule: Plausibility, awareness: AwarenessRule, now: Instant) -> Self {
        let shortest = match awareness {
            AwarenessRule::Every(interval) => interval.min(limits::MIN_AWARENESS_INTERVAL),
            AwarenessRule::Triggered | AwarenessRule::Off => limits::MIN_AWARENESS_INTERVAL,
        };
        Self {
            rule,
            shortest_s: shortest.as_secs_f32(),
            since: now,
            stations: LruTable::new(limits::NEIGHBOURS, Reserve::AsHeard),
            places: Places::for_stations(limits::NEIGHBOURS, Reserve::AsHeard),
            copies: Copies::new(Reserve::AsHeard),
            usual: Usual::default(),
            ways: Ways::new(Reserve::AsHeard),
            last: None,
            offenders: Offenders::new(Reserve::AsHeard),
            findings: Findings::default(),
        }
    }

    /// With room for this many stations, at least 1, instead of [`limits::NEIGHBOURS`], taken as `reserve` says and not as they
    /// are heard; forgets those heard before.
    #[must_use]
    pub fn for_neighbours(self, neighbours: usize, reserve: Reserve) -> Self {
        Self {
            stations: LruTable::new(neighbours, reserve),
            places: Places::for_stations(neighbours, reserve),
            copies: Copies::new(reserve),
            ways: Ways::new(reserve),
            offenders: Offenders::new(reserve),
            ..self
        }
    }

    /// Judges a verified message. `here` is the plane about our position, when that is known.
    pub fn observe(&mut self, seen: &Observation, here: Option<&Plane>) -> Verdict {
        if self.rule == Plausibility::Off {
            return Verdict::default();
        }
        let own_plane;
        let plane = match here {
            Some(plane) => plane,
            None => {
                own_plane = Plane::at(seen.claim.position);
                &own_plane
            }
        };
        let mut found = Found::new();
        let mut note = |check: Check, score: f32| {
            if score < t::FINDING {
                find(&mut found, check, score);
            }
        };
        let claim = &seen.claim;
        let distance =
            here.filter(|_| seen.direct).map(|plane| plane.distance_2(claim.position).sqrt() as f32);
        if let Some(distance) = distance {
            note(Check::Range, checks::range(distance));
        }
        let said = Statement { claim: *claim, brakes: seen.brakes };
        let stated = claim.motion.and_then(|motion| motion.speed);
        let accelerates = claim.motion.and_then(|motion| motion.acceleration).is_some_and(|rate| rate != 0);
        let (mut velocity, mut changes) = (None, accelerates);
        let known = self.stations.find(&seen.signer);
        let before = match known.and_then(|number| self.stations.use_at(number)) {
            Some(record) => {
                let track = record.testimony.track();
                let before = track.position();
                velocity = track.velocity();
                // Once it was found to repeat another, whatever it repeats counts.
                changes = accelerates
                    || record.counts[Check::Copied as usize] > 0
                    || stated.is_some_and(|speed| track.changes_to(speed));
                record.testimony.judge(&said, plane, self.shortest_s, &mut note);
                Some(before)
            }
            None => {
                let listening = seen.at.since(self.since) >= t::SUDDEN_AFTER;
                if let Some(distance) = distance.filter(|_| listening) {
                    note(Check::SuddenAppearance, checks::sudden_appearance(distance));
                }
                let testimony = Testimony::new(&said, &mut note);
                self.remember(seen, testimony);
                None
            }
        };
        let Some(number) = known.or_else(|| self.stations.find(&seen.signer)) else {
            return Verdict::default();
        };
        if let Some(motion) = &claim.motion {
            let vehicle = VEHICLES.contains(&motion.station_type);
            if vehicle {
                note(Check::Overlap, self.overlap(number, seen, plane));
                note(Check::Company, self.company(number, seen, velocity, plane, here));
                if self.copies.repeats_another(seen.signer, claim, changes) {
                    note(Check::Copied, 0.0);
                }
            }
            if let Some(record) = self.stations.at_mut(number) {
                record.vehicle = vehicle;
                // A late message updates neither the grid nor the track.
                self.places.place(number, before, record.testimony.track().position());
            }
        }
        if let Some(record) = self.stations.at_mut(number) {
            let now_ms = millis(seen.at);
            if let Some(distance) = distance.filter(|_| record.vehicle && claim.motion.is_some()) {
                let usual = &mut self.usual;
                if let (Some(dbm), Some(usual), Some(here)) = (seen.signal_dbm, usual.strengths(), here)
                    && let Some(way) = self.ways.of(seen.signer, &mut record.way, now_ms)
                    && let Some(score) = way.hear(dbm, claim.position, here, usual)
                {
                    note(Check::Elsewhere, score);
                }
                let heard =
                    seen.signal_dbm.and_then(|dbm| record.signal.hear(dbm, distance, now_ms, usual.signal()));
                if let Some(heard) = &heard {
                    note(Check::Signal, heard.score);
                }
                if now_ms.wrapping_sub(record.judged_ms) >= t::SIGNAL_EVERY_MS {
                    record.judged_ms = now_ms;
                    // As weak as a signal from far away should be: a free line of sight, however few stations have
                    // one. Only louder stations are judged by distance.
                    let loud = heard
                        .as_ref()
                        .zip(usual.signal())
                        .is_some_and(|(heard, (level, _))| heard.strength > level);
                    if loud {
                        note(Check::Reach, usual.reach_score(distance));
                    }
                    let trusted = record.reputation.standing() == TrustLevel::Trusted;
                    usual.learn(trusted.then_some(distance), heard.as_ref());
                }
            }
        }
        self.conclude(number, seen, &found)
    }

    /// Isolates a station until its credential ends: after a verdict of [`TrustLevel::Isolated`]. Returns the encoded
    /// `MisbehaviourReport` about it, unless one was made within the last ten minutes.
    pub fn isolate(
        &mut self,
        station: Digest,
        until: WireTime,
        now: Instant,
        wire: WireTime,
    ) -> Option<Bytes> {
        self.offenders.isolate(station, until);
        let counts = self.stations.peek(&station)?.counts;
        self.offenders.report(station, &counts, now, wire)
    }

    /// Keeps an observed message that contradicts its signer's own words, as it was signed, as evidence.
    pub fn keep_evidence(&mut self, seen: &Observation, signed_message: &[u8]) {
        self.offenders.keep(seen.signer, seen.at, &seen.claim, signed_message);
    }

    /// Something of what a claim of a station is judged by: to have it fetched.
    #[must_use]
    pub fn kept_of(&self, station: &Digest, claim: &Claim) -> u64 {
        let beside = self.places.near(claim.position).next().map_or(0, u64::from);
        let around = beside ^ self.copies.spread(claim);
        let (Some(record), links) = self.stations.spread(station) else { return around };
        around
            ^ links
            ^ u64::from(record.judged_ms)
            ^ u64::from(record.counts[0])
            ^ record.testimony.track().generation().as_micros()
            ^ record.company.with().map_or(0, |other| u64::from(other.0[0]))
    }

    /// Whether a station is isolated: its frames are dropped before they are verified.
    #[must_use]
    pub fn is_isolated(&self, station: &Digest, now: WireTime) -> bool {
        self.offenders.is_isolated(station, now)
    }

    /// What is known of a signer, for a message that was judged when it came first.
    #[must_use]
    pub fn known(&self, signer: &Digest) -> Verdict {
        Verdict { discredited: self.is_discredited(signer), ..Verdict::default() }
    }

    /// Whether a station is discredited, suspect by its own contradictions alone: its frames are flagged, verified after
    /// others', and not relayed. A suspicion that others or this receiver's measurements raise costs a station nothing.
    #[must_use]
    pub fn is_discredited(&self, station: &Digest) -> bool {
        self.stations.peek(station).is_some_and(|record| record.reputation.is_discredited())
    }

    /// Trust level of a station, as of its last message.
    #[must_use]
    pub fn standing(&self, station: &Digest) -> TrustLevel {
        self.stations.peek(station).map_or(TrustLevel::Trusted, |record| record.reputation.standing())
    }

    /// The checks that a station has failed, as long as it is watched.
    pub fn evidence(&self, station: &Digest) -> impl Iterator<Item = Check> + use<'_> {
        let counts = self.stations.peek(station).map_or(&[0; Check::ALL.len()], |record| &record.counts);
        Check::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0).map(|(check, _)| check)
    }

    /// All findings so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.findings
    }

    /// Every table of the detector.
    pub fn tables(&self) -> impl Iterator<Item = TableFill> + use<> {
        let (evidence, bytes) = self.offenders.evidence();
        [
            TableFill::new("stations watched", self.stations.len(), self.stations.capacity()),
            TableFill::new("ways by power", self.ways.len(), limits::MAX_WAYS),
            TableFill::new("stations isolated", self.offenders.len(), limits::MAX_ISOLATED),
            TableFill::new("messages of evidence", evidence, limits::MAX_EVIDENCE_FRAMES),
            TableFill::new("bytes of evidence", bytes, limits::MAX_EVIDENCE_BYTES),
        ]
        .into_iter()
    }

    fn remember(&mut self, seen: &Observation, testimony: Testimony) {
        let record = Record {
            testimony,
            reputation: Reputation::default(),
            company: Company::default(),
            signal: Signal::default(),
            way: Ticket::default(),
            judged_ms: millis(seen.at),
            first_s: seconds(seen.at),
            counts: [0; Check::ALL.len()],
            vehicle: false,
        };
        let gone = self.stations.push(seen.signer, record).filter(|gone| gone.digest != seen.signer);
        // The newcomer has the number of the one that made room for it.
        if let (Some(gone), Some(number)) = (gone, self.stations.find(&seen.signer)) {
            self.places.remove(number, gone.value.testimony.track().position());
        }
    }

    /// The score of the closest overlap that counts against the signer.
    fn overlap(&self, number: u16, seen: &Observation, plane: &Plane) -> f32 {
        let Some(own) = self.stations.at(number) else { return 1.0 };
        let mut worst = 1.0;
        for other in self.places.near(seen.claim.position).filter(|other| *other != number) {
            let Some(other) = self.stations.at(other) else { continue };
            if !other.vehicle || other.reputation.standing() > TrustLevel::Trusted {
                continue;
            }
            let (east, north) = offset(plane, other.testimony.track().position(), seen.claim.position);
            // Collisions in the grid's hash yield stations from anywhere.
            if east.abs() > FAR_M || north.abs() > FAR_M {
                continue;
            }
            let age_s = apart_s(seen.claim.generation, other.testimony.track().generation());
            if age_s * 1000.0 > t::OVERLAP_MAX_AGE_MS as f32 {
                continue;
            }
            let (a, b) = (
                own.testimony.track().velocity().unwrap_or_default(),
                other.testimony.track().velocity().unwrap_or_default(),
            );
            let passing = length((a.0 - b.0, a.1 - b.1)) > t::OVERLAP_PASSING;
            if !passing && own.first_s < other.first_s {
                continue;
            }
            let ahead =
                if seen.claim.generation >= other.testimony.track().generation() { age_s } else { -age_s };
            let distance = length((east - b.0 * ahead, north - b.1 * ahead));
            worst = checks::overlap(distance).min(worst);
        }
        worst
    }

    /// The score of moving in parallel with another station heard before. `velocity` is the previous one.
    fn company(
        &mut self,
        number: u16,
        seen: &Observation,
        velocity: Option<(f32, f32)>,
        plane: &Plane,
        here: Option<&Plane>,
    ) -> f32 {
        let last = self.last.replace(seen.signer).filter(|last| *last != seen.signer);
        let Some(own) = self.stations.at(number) else { return 1.0 };
        let known = own.company.with();
        let (Some(other), Some(new)) = (known.or(last), own.testimony.track().velocity()) else { return 1.0 };
        let (first_s, now_ms) = (own.first_s, millis(seen.at));
        let power = |record: &Record| {
            let distance = here?.distance_2(record.testimony.track().position()).sqrt() as f32;
            record.signal.power_dbm(distance)
        };
        let own_power = power(own);
        let beside = self.stations.peek(&other).filter(|other| other.vehicle && other.first_s <= first_s);
        let abreast = beside.and_then(|other| {
            let track = other.testimony.track();
            let speed = track.velocity()?;
            let (east, north) = offset(plane, track.position(), seen.claim.position);
            let age_s = apart_s(seen.claim.generation, track.generation());
            let ahead = if seen.claim.generation >= track.generation() { age_s } else { -age_s };
            Some(Abreast {
                offset: (east - speed.0 * ahead, north - speed.1 * ahead),
                difference: (new.0 - speed.0, new.1 - speed.1),
                apart_s: age_s,
                louder_db: own_power.zip(power(other)).map(|(own, other)| own - other),
            })
        });
        let Some(record) = self.stations.at_mut(number) else { return 1.0 };
        match (known, abreast) {
            (Some(_), abreast) => {
                let old = velocity.filter(|_| length(new) >= t::COMPANY_MIN_SPEED);
                let moved = old.map_or(Moved::default(), |old| Moved {
                    change: length((new.0 - old.0, new.1 - old.1)),
                    speed: length(new),
                });
                record.company.compare(abreast.as_ref(), moved, now_ms)
            }
            (None, Some(abreast)) => {
                record.company.join(other, &abreast, now_ms);
                1.0
            }
            (None, None) => 1.0,
        }
    }

    fn conclude(&mut self, number: u16, seen: &Observation, found: &Found) -> Verdict {
        let Some(record) = self.stations.at_mut(number) else { return Verdict::default() };
        for (check, _) in found {
            self.findings.0[*check as usize] += 1;
            let count = &mut record.counts[*check as usize];
            *count = count.saturating_add(1);
        }
        let (before, was_discredited) = (record.reputation.standing(), record.reputation.is_discredited());
        let mut standing = record.reputation.judge(seen.at, found);
        if self.rule == Plausibility::Flag {
            record.reputation.spare();
            standing = record.reputation.standing();
        }
        let change = (standing != before).then(|| suspicion(seen.signer, standing, found));
        let contradicts = found.iter().any(|(check, _)| check.basis() == Basis::Signed);
        let discredited = record.reputation.is_discredited();
        Verdict { discredited, newly: discredited && !was_discredited, contradicts, change }
    }
}

/// The request that sends a report: single hop, for roadside units to carry on to the authority.
#[must_use]
pub fn report_request(report: Bytes) -> SendRequest {
    SendRequest {
        to: None,
        message_type: v1::MessageType::MisbehaviourReport as u32,
        class: Class::D5,
        lifetime_ms: freshness::max_lifetime_ms(Class::D5),
        max_hops: 1,
        area: None,
        subject: 0,
        due: None,
        token: None,
        payload: report,
    }
}

#[cold]
fn find(found: &mut Found, check: Check, score: f32) {
    // There are as many entries as checks, and each check is recorded once.
    let _full = found.try_push((check, score));
}

#[cold]
fn suspicion(digest: Digest, standing: TrustLevel, found: &Found) -> Suspicion {
    let blame = |(check, score): &(Check, f32)| check.weight() * (1.0 - score);
    // What isolates is what it signed, whatever else was found in this message.
    let decides = |check: Check| standing < TrustLevel::Isolated || check.basis() == Basis::Signed;
    let deciding = found.iter().filter(|(check, _)| decides(*check));
    let worst = deciding.max_by(|a, b| blame(a).total_cmp(&blame(b)));
    let (check, score) = worst.map_or((None, 1.0), |(check, score)| (Some(*check), *score));
    Suspicion { digest, standing, check, score }
}

fn length((east, north): (f32, f32)) -> f32 {
    (east * east + north * north).sqrt()
}

type Found = ArrayVec<(Check, f32), { Check::ALL.len() }>;

fn millis(at: Instant) -> u32 {
    (at.as_nanos() / 1_000_000) as u32
}

fn seconds(at: Instant) -> u32 {
    (at.as_nanos() / 1_000_000_000) as u32
}

/// Station types of TS 102 894-2 that occupy road space: moped to special vehicle, and tram.
const VEHICLES: core::ops::RangeInclusive<u8> = 3..=11;

/// No two vehicles this far apart overlap, however much their clocks differ: 1.2 s at 70 m/s.
const FAR_M: f32 = 100.0;
