//! Reputation of a station: evidence from findings, and the trust level that follows - trusted, suspect or isolated.
//!
//! Evidence decays in time, whatever the message rate, and belongs to one credential. It is of two kinds. *Own*
//! evidence is a station contradicting itself, or physics, in messages that it signed: nobody else can make
//! it. *Shared* evidence is all else: about two stations, which an insider can stage, and what the receiver measured,
//! which any radio can stage that repeats messages elsewhere.
//!
//! Both together raise a suspicion, which is told. Only own evidence costs the station anything: it is *discredited* by
//! as much of it as makes a suspicion, and isolated by three times as much after having been discredited for a while.
//! An isolated station stays isolated until its credential ends.
//!
//! No reputation is ever sent to or accepted from a peer: voting stations out would be an attack of its own.

use core::time::Duration;

use super::checks::{Basis, Check};
use super::thresholds as t;
use crate::base::Instant;

/// Trust level of a station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum TrustLevel {
    /// There is no evidence against it.
    #[default]
    Trusted,
    /// There is. Where it contradicted itself its messages are flagged, verified after others', and not relayed; what
    /// others, or the receiver's own measurements, say against it costs it nothing.
    Suspect,
    /// Its messages are dropped before verification until its credential ends.
    Isolated,
}

impl TrustLevel {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Trusted, Self::Suspect, Self::Isolated];

    /// Stable name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Suspect => "suspect",
            Self::Isolated => "isolated",
        }
    }
}

/// Evidence against one station.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reputation {
    own: f32,
    shared: f32,
    /// Time of the last update, ms, wrapping.
    at_ms: u32,
    discredited_since_ms: u32,
    discredited: bool,
    standing: TrustLevel,
}

impl Reputation {
    /// The station's trust level.
    #[must_use]
    pub fn standing(&self) -> TrustLevel {
        self.standing
    }

    /// Whether it contradicted itself so much that this alone makes it suspect.
    #[must_use]
    pub fn is_discredited(&self) -> bool {
        self.discredited
    }

    /// Adds one message's findings, each with its score, and returns the trust level now. Of each kind the worst
    /// counts: a lie shows in many checks.
    pub fn judge(&mut self, now: Instant, findings: &[(Check, f32)]) -> TrustLevel {
        let now_ms = millis(now);
        self.decay(now_ms);
        let worst = |own| {
            findings
                .iter()
                .filter(|(check, _)| (check.basis() == Basis::Signed) == own)
                .map(|(check, score)| check.weight() * (1.0 - score.clamp(0.0, 1.0)))
                .fold(0.0, f32::max)
        };
        self.own = (self.own + worst(true)).min(t::MAX_OWN_EVIDENCE);
        self.shared = (self.shared + worst(false)).min(t::MAX_SHARED_EVIDENCE);
        let bound = |yes| if yes { t::TRUSTED_AGAIN } else { t::SUSPECT };
        let discredited = self.own >= bound(self.discredited);
        if discredited && !self.discredited {
            self.discredited_since_ms = now_ms;
        }
        self.discredited = discredited;
        // Counted from its own contradictions: who made it suspect before took none of its time.
        let since = Duration::from_millis(u64::from(now_ms.wrapping_sub(self.discredited_since_ms)));
        let isolate = discredited && self.own >= t::ISOLATE && since >= t::ISOLATE_AFTER;
        let suspect = self.own + self.shared >= bound(self.standing > TrustLevel::Trusted);
        self.standing = match self.standing {
            TrustLevel::Isolated => TrustLevel::Isolated,
            _ if isolate => TrustLevel::Isolated,
            _ if suspect => TrustLevel::Suspect,
            _ => TrustLevel::Trusted,
        };
        self.standing
    }

    /// Lowers an isolation to a suspicion: the configuration does not want one.
    pub fn spare(&mut self) {
        self.standing = self.standing.min(TrustLevel::Suspect);
    }

    fn decay(&mut self, now_ms: u32) {
        let passed = now_ms.wrapping_sub(self.at_ms);
        self.at_ms = now_ms;
        if self.own == 0.0 && self.shared == 0.0 {
            return;
        }
        let left = (-(passed as f32) / (1000.0 * t::HALF_LIFE_S)).exp2();
        self.own *= left;
        self.shared *= left;
    }

    #[cfg(test)]
    /// Evidence at its last message: own and shared.
    pub fn evidence(&self) -> (f32, f32) {
        (self.own, self.shared)
    }
}

fn millis(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIE: &[(Check, f32)] = &[(Check::PositionSpeed, 0.0), (Check::Residual, 0.2)];
    const GHOST: &[(Check, f32)] = &[(Check::Overlap, 0.0)];

    fn after(reputation: &mut Reputation, from_ms: u64, count: u64, findings: &[(Check, f32)]) -> TrustLevel {
        (0..count)
            .map(|n| reputation.judge(Instant::from_millis(from_ms + n * 100), findings))
            .last()
            .unwrap_or_default()
    }

    #[test]
    fn two_findings_are_an_accident_and_three_a_suspicion() {
        let mut reputation = Reputation::default();
        assert_eq!(after(&mut reputation, 0, 2, LIE), TrustLevel::Trusted);
        assert_eq!(after(&mut reputation, 200, 1, LIE), TrustLevel::Suspect);
    }

    #[test]
    fn a_liar_is_isolated_after_five_seconds_not_before() {
        let mut reputation = Reputation::default();
        assert_eq!(after(&mut reputation, 0, 52, LIE), TrustLevel::Suspect);
        assert_eq!(after(&mut reputation, 5200, 2, LIE), TrustLevel::Isolated);
        assert_eq!(after(&mut reputation, 3_600_000, 1, &[]), TrustLevel::Isolated, "there is no way back");
    }

    #[test]
    fn a_receiver_that_failed_for_two_seconds_is_trusted_again() {
        let mut reputation = Reputation::default();
        assert_eq!(after(&mut reputation, 0, 20, LIE), TrustLevel::Suspect);
        let (own, _) = reputation.evidence();
        assert_eq!(after(&mut reputation, 22_000, 1, &[]), TrustLevel::Suspect);
        assert!((reputation.evidence().0 - own / 2.0).abs() < 0.5, "evidence halves in 20 s");
        assert_eq!(after(&mut reputation, 92_000, 1, &[]), TrustLevel::Trusted);
    }

    #[test]
    fn a_ghost_over_an_honest_car_makes_it_suspect_at_most() {
        let mut reputation = Reputation::default();
        assert_eq!(after(&mut reputation, 0, 36_000, GHOST), TrustLevel::Suspect);
        assert_eq!(after(&mut reputation, 3_700_000, 1, &[]), TrustLevel::Trusted);
    }

    // The five seconds are there for a receiver that fails under a bridge; nobody else may use them up.
    #[test]
    fn a_suspicion_raised_by_others_does_not_bring_isolation_nearer() {
        let mut framed = Reputation::default();
        assert_eq!(
            after(&mut framed, 0, 100, &[(Check::Range, 0.0), (Check::Copied, 0.0)]),
            TrustLevel::Suspect
        );
        assert!(!framed.is_discredited());
        assert_eq!(
            after(&mut framed, 10_000, 20, LIE),
            TrustLevel::Suspect,
            "two seconds of a failing receiver"
        );
        assert!(framed.is_discredited());
        assert_eq!(after(&mut framed, 12_000, 60, LIE), TrustLevel::Isolated);
    }

    #[test]
    fn message_rate_does_not_slow_decay() {
        let (mut fast, mut slow) = (Reputation::default(), Reputation::default());
        after(&mut fast, 0, 3, LIE);
        after(&mut slow, 0, 3, LIE);
        after(&mut fast, 300, 200, &[]);
        slow.judge(Instant::from_millis(20_200), &[]);
        assert!((fast.evidence().0 - slow.evidence().0).abs() < 1e-3);
    }

    proptest! {
        #[test]
        fn evidence_is_bounded_and_shared_evidence_never_isolates(
            steps in proptest::collection::vec((0u64..30_000, 0..Check::ALL.len(), any::<f32>()), 0..300)
        ) {
            let (mut all, mut shared, mut now) = (Reputation::default(), Reputation::default(), 0);
            for (gap, check, score) in steps {
                now += gap;
                let check = Check::ALL[check];
                all.judge(Instant::from_millis(now), &[(check, score)]);
                let (own, other) = all.evidence();
                prop_assert!((0.0..=t::MAX_OWN_EVIDENCE).contains(&own));
                prop_assert!((0.0..=t::MAX_SHARED_EVIDENCE).contains(&other));
                if check.basis() != Basis::Signed {
                    shared.judge(Instant::from_millis(now), &[(check, score)]);
                }
            }
            prop_assert!(shared.standing() < TrustLevel::Isolated && !shared.is_discredited());
        }
    }
}
