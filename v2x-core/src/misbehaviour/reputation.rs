//! Reputation of a station: evidence from findings, and the trust level that follows - trusted, suspect or isolated.
//!
//! Evidence decays in time, whatever the message rate, and belongs to one credential. It is of two kinds. *Own*
//! evidence is a station contradicting itself, or physics, in messages that it signed: nobody else can make
//! it. *Shared* evidence is about two stations, or about where one was first heard: a ghost driven over an
//! honest car gives both some. Shared evidence is capped so that it raises a suspicion at most;
//! only own evidence isolates. An isolated station stays isolated until its credential ends.
//!
//! No reputation is ever sent to or accepted from a peer: voting stations out would be an attack of its own.

use core::time::Duration;

use super::checks::Check;
use super::thresholds as t;
use crate::base::Instant;

/// Trust level of a station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum TrustLevel {
    /// There is no evidence against it.
    #[default]
    Trusted,
    /// Its messages are flagged, verified after others', and not relayed.
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
    suspect_since_ms: u32,
    standing: TrustLevel,
}

impl Reputation {
    /// The station's trust level.
    #[must_use]
    pub fn standing(&self) -> TrustLevel {
        self.standing
    }

    /// Adds one message's findings, each with its score, and returns the trust level now. Of each kind the worst
    /// counts: a lie shows in many checks.
    pub fn judge(&mut self, now: Instant, findings: &[(Check, f32)]) -> TrustLevel {
        let now_ms = millis(now);
        self.decay(now_ms);
        let worst = |shared| {
            findings
                .iter()
                .filter(|(check, _)| check.is_shared() == shared)
                .map(|(check, score)| check.weight() * (1.0 - score.clamp(0.0, 1.0)))
                .fold(0.0, f32::max)
        };
        self.own = (self.own + worst(false)).min(t::MAX_OWN_EVIDENCE);
        self.shared = (self.shared + worst(true)).min(t::MAX_SHARED_EVIDENCE);
        let sum = self.own + self.shared;
        self.standing = match self.standing {
            TrustLevel::Isolated => TrustLevel::Isolated,
            TrustLevel::Trusted if sum < t::SUSPECT => TrustLevel::Trusted,
            TrustLevel::Trusted => {
                self.suspect_since_ms = now_ms;
                TrustLevel::Suspect
            }
            TrustLevel::Suspect if sum < t::TRUSTED_AGAIN => TrustLevel::Trusted,
            TrustLevel::Suspect => {
                let suspect_for =
                    Duration::from_millis(u64::from(now_ms.wrapping_sub(self.suspect_since_ms)));
                let isolate = self.own >= t::ISOLATE && suspect_for >= t::ISOLATE_AFTER;
                if isolate { TrustLevel::Isolated } else { TrustLevel::Suspect }
            }
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
            steps in proptest::collection::vec((0u64..30_000, 0usize..11, any::<f32>()), 0..300)
        ) {
            let (mut all, mut shared, mut now) = (Reputation::default(), Reputation::default(), 0);
            for (gap, check, score) in steps {
                now += gap;
                let check = Check::ALL[check];
                all.judge(Instant::from_millis(now), &[(check, score)]);
                let (own, other) = all.evidence();
                prop_assert!((0.0..=t::MAX_OWN_EVIDENCE).contains(&own));
                prop_assert!((0.0..=t::MAX_SHARED_EVIDENCE).contains(&other));
                if check.is_shared() {
                    shared.judge(Instant::from_millis(now), &[(check, score)]);
                }
            }
            prop_assert!(shared.standing() < TrustLevel::Isolated);
        }
    }
}
