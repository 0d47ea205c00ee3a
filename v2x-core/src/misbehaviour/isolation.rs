//! Isolated stations, the evidence kept against suspects, and misbehaviour reports.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;
use v2x_proto::{Digest, v1};

use super::checks::{Basis, Check};
use super::testimony::contradict;
use super::track::Claim;
use crate::base::limits::{
    EVIDENCE_SPACING, MAX_EVIDENCE_BYTES, MAX_EVIDENCE_FRAMES, MAX_EVIDENCE_PER_STATION, MAX_ISOLATED,
    MAX_REPORT_EVIDENCE_BYTES, MAX_REPORT_EVIDENCE_FRAMES, MISBEHAVIOUR_REPORT_INTERVAL,
};
use crate::base::{Instant, LruTable, Reserve, WireTime};

/// Isolated stations and evidence, both bounded.
pub struct Offenders {
    isolated: LruTable<Isolation>,
    evidence: VecDeque<Evidence>,
    evidence_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Isolation {
    until: WireTime,
    reported: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Evidence {
    against: Digest,
    at: Instant,
    claim: Claim,
    message: Bytes,
}

impl Default for Offenders {
    fn default() -> Self {
        Self::new(Reserve::Whole)
    }
}

impl core::fmt::Debug for Offenders {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Offenders")
            .field("isolated", &self.isolated.len())
            .field("evidence", &self.evidence.len())
            .finish()
    }
}

impl Offenders {
    /// None yet.
    pub fn new(reserve: Reserve) -> Self {
        Self {
            isolated: LruTable::new(MAX_ISOLATED, reserve),
            evidence: VecDeque::with_capacity(reserve.at_start(MAX_EVIDENCE_FRAMES)),
            evidence_bytes: 0,
        }
    }

    /// Whether a station is isolated at `now`.
    #[must_use]
    pub fn is_isolated(&self, station: &Digest, now: WireTime) -> bool {
        self.isolated.peek(station).is_some_and(|isolation| now < isolation.until)
    }

    /// Isolates a station until its credential ends. When the table is full the one isolated first makes room.
    pub fn isolate(&mut self, station: Digest, until: WireTime) {
        let reported = self.isolated.peek(&station).and_then(|isolation| isolation.reported);
        self.isolated.push(station, Isolation { until, reported });
    }

    /// Stations isolated, including those whose credentials have ended since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.isolated.len()
    }

    /// Messages kept as evidence, and their bytes.
    #[must_use]
    pub fn evidence(&self) -> (usize, usize) {
        (self.evidence.len(), self.evidence_bytes)
    }

    /// Keeps a signed message that contradicts what its signer signed before, with its claim, as evidence against it: the
    /// newest three of each, none within half a second of the one before, so that a flood of findings costs next to
    /// nothing.
    pub fn keep(&mut self, against: Digest, at: Instant, claim: &Claim, message: &[u8]) {
        let mine = |kept: &Evidence| kept.against == against;
        let newest = self.evidence.iter().rev().find(|kept| mine(kept));
        if newest.is_some_and(|kept| at.since(kept.at) < EVIDENCE_SPACING)
            || message.len() > MAX_REPORT_EVIDENCE_BYTES
        {
            return;
        }
        if self.evidence.iter().filter(|kept| mine(kept)).count() >= MAX_EVIDENCE_PER_STATION
            && let Some(place) = self.evidence.iter().position(mine)
        {
            self.forget(place);
        }
        while self.evidence.len() >= MAX_EVIDENCE_FRAMES
            || self.evidence_bytes + message.len() > MAX_EVIDENCE_BYTES
        {
            self.forget(0);
        }
        self.evidence_bytes += message.len();
        // A copy: a slice would keep the whole buffer it was received in.
        self.evidence.push_back(Evidence {
            against,
            at,
            claim: *claim,
            message: Bytes::copy_from_slice(message),
        });
    }

    /// The encoded `MisbehaviourReport` against an isolated station, at most one in ten minutes. `counts` are the findings of
    /// each check in the order of [`Check::ALL`].
    pub fn report(
        &mut self,
        subject: Digest,
        counts: &[u8; Check::ALL.len()],
        now: Instant,
        wire: WireTime,
    ) -> Option<Bytes> {
        let isolation = self.isolated.peek_mut(&subject)?;
        if isolation.reported.is_some_and(|at| now.since(at) < MISBEHAVIOUR_REPORT_INTERVAL) {
            return None;
        }
        let observations = observations(counts);
        if observations.is_empty() {
            return None;
        }
        isolation.reported = Some(now);
        let report = v1::MisbehaviourReport {
            subject: subject.0.to_vec().into(),
            observed_us: wire.as_micros(),
            observations,
            evidence: self.take_evidence(&subject),
        };
        Some(report.encode_to_vec().into())
    }

    /// As many messages as fit into a report, the newest first; at the front two that contradict each other by
    /// themselves, if there are any: with them nobody need believe the one who reports.
    fn take_evidence(&mut self, subject: &Digest) -> Vec<Bytes> {
        let mut kept = Vec::new();
        while let Some(place) = self.evidence.iter().rposition(|kept| kept.against == *subject) {
            kept.extend(self.forget(place));
        }
        let pairs =
            (0..kept.len()).flat_map(|later| (later + 1..kept.len()).map(move |earlier| (later, earlier)));
        let pair =
            pairs.into_iter().find(|(later, earlier)| contradict(&kept[*earlier].claim, &kept[*later].claim));
        if let Some((later, earlier)) = pair {
            kept[..=later].rotate_right(1);
            kept[1..=earlier].rotate_right(1);
        }
        let mut room = MAX_REPORT_EVIDENCE_BYTES;
        kept.retain(|kept| {
            let fits = kept.message.len() <= room;
            room -= if fits { kept.message.len() } else { 0 };
            fits
        });
        kept.truncate(MAX_REPORT_EVIDENCE_FRAMES);
        kept.into_iter().map(|kept| kept.message).collect()
    }

    fn forget(&mut self, place: usize) -> Option<Evidence> {
        let gone = self.evidence.remove(place)?;
        self.evidence_bytes -= gone.message.len();
        Some(gone)
    }
}

/// Findings by the kinds of the wire; most kinds cover several checks. Only those that the station's own messages show:
/// of the others nobody else can tell whether they were staged.
fn observations(counts: &[u8; Check::ALL.len()]) -> Vec<v1::Observation> {
    let mut observations: Vec<v1::Observation> = Vec::with_capacity(counts.len());
    for (check, count) in
        Check::ALL.iter().zip(counts).filter(|(check, count)| check.basis() == Basis::Signed && **count > 0)
    {
        let kind = kind(*check) as i32;
        match observations.iter_mut().find(|observation| observation.kind == kind) {
            Some(observation) => observation.count += u32::from(*count),
            None => observations.push(v1::Observation { kind, amount: 0, count: u32::from(*count) }),
        }
    }
    observations
}

fn kind(check: Check) -> v1::MisbehaviourKind {
    use v1::MisbehaviourKind as K;
    match check {
        Check::Range | Check::Signal | Check::Reach | Check::Elsewhere => K::Range,
        Check::Speed => K::Speed,
        Check::Position | Check::PositionSpeed | Check::Residual | Check::Company => K::PositionConsistency,
        Check::SpeedChange | Check::Braking => K::SpeedConsistency,
        Check::PositionHeading | Check::HeadingChange => K::HeadingConsistency,
        Check::Overlap => K::Overlap,
        Check::SuddenAppearance => K::SuddenAppearance,
        Check::BeaconRate => K::Rate,
        Check::Copied => K::Replay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Position;
    use crate::neighbour::Motion;
    use proptest::prelude::*;
    use v2x_proto::payload;

    const LIAR: Digest = Digest([7; 8]);
    const UNTIL: WireTime = WireTime::from_secs(1000);

    /// At the metre of a road, at a time, at 14 m/s.
    fn claim(metres: f64, ms: u64) -> Claim {
        let motion = Motion { speed: Some(1400), heading: Some(900), acceleration: None, station_type: 5 };
        Claim {
            generation: WireTime::from_micros(9_000_000_000 + ms * 1000),
            position: Position { latitude: 496_000_000, longitude: 61_300_000 }.moved(metres, 0.0),
            motion: Some(motion),
            accuracy_cm: None,
        }
    }

    fn reported(offenders: &mut Offenders) -> Vec<u8> {
        offenders.isolate(LIAR, UNTIL);
        let bytes = offenders.report(LIAR, &counts(), Instant::from_millis(60_000), UNTIL).unwrap();
        let kind = v1::MessageType::MisbehaviourReport as u32;
        let payload::Message::MisbehaviourReport(report) = payload::decode(kind, bytes).unwrap() else {
            panic!("another message");
        };
        report.evidence.iter().map(|message| message[0]).collect()
    }

    fn counts() -> [u8; Check::ALL.len()] {
        let mut counts = [0; Check::ALL.len()];
        counts[Check::Range as usize] = 9;
        counts[Check::Copied as usize] = 9;
        counts[Check::Position as usize] = 3;
        counts[Check::Residual as usize] = 200;
        counts[Check::BeaconRate as usize] = 1;
        counts
    }

    #[test]
    fn isolation_ends_with_the_credential() {
        let mut offenders = Offenders::default();
        assert!(!offenders.is_isolated(&LIAR, WireTime::from_secs(1)));
        offenders.isolate(LIAR, UNTIL);
        assert!(offenders.is_isolated(&LIAR, WireTime::from_secs(999)));
        assert!(!offenders.is_isolated(&LIAR, UNTIL));
    }

    #[test]
    fn a_report_decodes_carries_evidence_and_is_made_once_in_ten_minutes() {
        let mut offenders = Offenders::default();
        for n in 0..6 {
            offenders.keep(LIAR, Instant::from_millis(n * 600), &claim(0.0, n * 600), &[n as u8; 400]);
        }
        assert_eq!(offenders.report(LIAR, &counts(), Instant::ZERO, UNTIL), None, "not isolated");
        offenders.isolate(LIAR, UNTIL);
        let bytes = offenders.report(LIAR, &counts(), Instant::from_millis(1), UNTIL).unwrap();
        let kind = v1::MessageType::MisbehaviourReport as u32;
        let payload::Message::MisbehaviourReport(report) = payload::decode(kind, bytes).unwrap() else {
            panic!("another message");
        };
        assert_eq!(report.subject.as_ref(), [7; 8]);
        assert_eq!(
            report.observations.iter().map(|o| o.count).collect::<Vec<_>>(),
            [203, 1],
            "what was not signed is left out"
        );
        let evidence: Vec<u8> = report.evidence.iter().map(|message| message[0]).collect();
        assert_eq!(evidence, [5, 4], "the newest, within 1,024 bytes");
        offenders.isolate(LIAR, UNTIL);
        assert_eq!(offenders.report(LIAR, &counts(), Instant::from_millis(599_999), UNTIL), None);
        assert!(offenders.report(LIAR, &counts(), Instant::from_millis(600_001), UNTIL).is_some());
    }

    #[test]
    fn a_report_begins_with_two_messages_that_contradict_each_other() {
        // Which of the three kept do not fit together: what lies between the others could have been driven.
        for (metres, expected) in [
            ([0.0, 9.0, 300.0], [2, 1, 0]),
            ([0.0, 300.0, 309.0], [2, 0, 1]),
            ([0.0, 300.0, 18.0], [2, 1, 0]),
            ([0.0, 9.0, 18.0], [2, 1, 0]),
        ] {
            let mut offenders = Offenders::default();
            for (n, metres) in metres.into_iter().enumerate() {
                let ms = 600 * n as u64;
                offenders.keep(LIAR, Instant::from_millis(ms), &claim(metres, ms), &[n as u8; 300]);
            }
            assert_eq!(reported(&mut offenders), expected, "{metres:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn tables_stay_within_their_bounds(
            steps in proptest::collection::vec((0u16..2000, 0usize..1500, 0u64..900), 0..3000)
        ) {
            let mut offenders = Offenders::default();
            let mut now = 0;
            for (who, len, gap) in steps {
                now += gap;
                let mut digest = [0; 8];
                digest[..2].copy_from_slice(&who.to_le_bytes());
                offenders.keep(Digest(digest), Instant::from_millis(now), &claim(0.0, now), &vec![0; len]);
                offenders.isolate(Digest(digest), UNTIL);
                let bytes: usize = offenders.evidence.iter().map(|kept| kept.message.len()).sum();
                prop_assert_eq!(bytes, offenders.evidence_bytes);
                prop_assert!(bytes <= MAX_EVIDENCE_BYTES && offenders.evidence.len() <= MAX_EVIDENCE_FRAMES);
                prop_assert!(offenders.len() <= MAX_ISOLATED);
            }
        }
    }
}
