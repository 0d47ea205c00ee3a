//! The station's part in misbehaviour detection: a verified message as input of the detector.

use v2x_proto::hop;

use crate::base::{Instant, Plane};
use crate::misbehaviour::{Claim, MisbehaviourDetector, Observation, Verdict};
use crate::receive::Verified;

/// Judges a verified message. One that contradicts its signer's own words is kept as evidence.
pub(super) fn observe(
    watch: &mut MisbehaviourDetector,
    verified: &Verified,
    now: Instant,
    here: Option<&Plane>,
) -> Verdict {
    let Verified { received, content, .. } = verified;
    let content = content.as_ref().ok();
    let claim = Claim {
        generation: received.generation_time,
        position: received.position,
        motion: content.and_then(|content| content.motion),
        accuracy_cm: content.and_then(|content| content.accuracy_cm),
    };
    let seen = Observation {
        signer: received.id.signer,
        claim,
        direct: verified.single_hop,
        signal_dbm: verified.signal_dbm,
        brakes: content.is_some_and(|content| content.brakes),
        at: now,
    };
    let verdict = watch.observe(&seen, here);
    if verdict.contradicts
        && let Ok((_, header_len)) = hop::parse(&verified.frame)
    {
        watch.keep_evidence(&seen, &verified.frame[header_len..]);
    }
    verdict
}
