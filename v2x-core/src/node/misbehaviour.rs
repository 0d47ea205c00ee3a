//! The station's part in misbehaviour detection: a verified message as the detector sees it.

use v2x_proto::hop;

use crate::base::{Instant, Plane};
use crate::misbehaviour::{Claim, Observation, Suspicion, Watch};
use crate::receive::Verified;

/// Judges a verified message and flags it when its signer is suspect; what is implausible is kept as evidence. Returns the
/// signer's standing when that changed.
pub fn observe(
    watch: &mut Watch,
    verified: &mut Verified,
    now: Instant,
    here: Option<&Plane>,
) -> Option<Suspicion> {
    let received = &verified.received;
    let claim = Claim {
        generation: received.generation_time,
        position: received.position,
        motion: verified.motion,
        accuracy_cm: verified.accuracy_cm,
    };
    let seen = Observation {
        signer: received.id.signer,
        claim,
        direct: verified.single_hop,
        signal_dbm: verified.signal_dbm,
        brakes: verified.brakes,
        at: now,
    };
    let verdict = watch.observe(&seen, here);
    verified.received.suspect = verdict.suspect;
    if verdict.implausible
        && let Ok((_, header_len)) = hop::parse(&verified.frame)
    {
        watch.keep_evidence(seen.signer, now, &verified.frame[header_len..]);
    }
    verdict.change
}
