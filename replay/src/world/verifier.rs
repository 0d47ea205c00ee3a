//! Signature checks of a world: each frame once for all its receivers, or each reception; here or on other threads.
//!
//! Whether a signature holds is a function of key, message and signature. So a frame may be verified once and the
//! answer remembered for its other receivers ([`Verify::Once`]). The memory is keyed by a 128-bit SipHash, whose keys
//! come from the seed, over all three, and bounded by two generations; what it forgot is verified again.
//!
//! A world also *knows* which signatures hold: those its own nodes have just made ([`Verifier::vouch`]). With more than
//! one thread, the check of exactly those bytes is deferred: the node gets `true` at once, a worker verifies
//! the same key, message and signature, and should any fail, the run fails with [`DeferredCheckFailed`] and has no
//! result. Anything else, such as a frame the medium changed, is verified on the spot. So nothing in a result depends
//! on the number of threads: not the outcome, which is one of the same bytes, nor the count of checks, nor the failure,
//! which is reported on a single thread likewise.

use core::hash::Hasher as _;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::VerifyingKey;
use hashbrown::HashMap;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use v2x_core::{Host, Instant, SealBinding, Sealed, Virtual, signing_input, strict};
use v2x_proto::envelope::MESSAGE_DOMAIN;
use v2x_report::Verify;

use super::workers::{Workers, frame_name};
use super::workload::Meter;
use crate::processor::Processor;

/// Shared by all nodes of a world.
#[derive(Debug)]
pub(super) struct Verifier {
    policy: Verify,
    keys: (u64, u64),
    state: Mutex<State>,
}

/// A frame that a node of the world signed does not verify: signing and verifying disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "frame {frame} failed its deferred check: its sender's signature does not hold. \
     This is a fault of the software; the run has no result"
)]
pub struct DeferredCheckFailed {
    /// Which frame: signer, class and sequence number.
    pub frame: String,
}

#[derive(Debug, Default)]
struct State {
    recent: HashMap<u128, Known>,
    former: HashMap<u128, Known>,
    workers: Option<Workers>,
    checks: u64,
    /// Number of the check and the frame, of the first that failed on this thread.
    failed: Option<(u64, String)>,
    signed: Vec<u8>,
}

/// The state of the check of one signature over one message.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    vouched: bool,
    verdict: Option<bool>,
}

impl Verifier {
    /// With `threads` threads in all.
    pub(super) fn new(policy: Verify, seed: u64, threads: usize) -> Self {
        let workers = (threads > 1).then(|| Workers::start(threads - 1));
        Self {
            policy,
            keys: (seed, seed ^ KEY_MASK),
            state: Mutex::new(State { workers, ..State::default() }),
        }
    }

    /// A node of this world signed these bytes with this key.
    pub(super) fn vouch(&self, key: &VerifyingKey, hash: &[u8; 32], tbs: &[u8], signature: &[u8; 64]) {
        let mut state = self.state();
        let mut signed = core::mem::take(&mut state.signed);
        signing_input(&mut signed, hash, tbs);
        let name = self.name(key, &signed, signature);
        state.signed = signed;
        state.insert(name, Known { vouched: true, verdict: None });
    }

    fn check(&self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let name = self.name(key, message, signature);
        let mut state = self.state();
        let known = state.find(name);
        // The policy and the count are about frames; a credential is the same for all stations that learn it.
        let frame = message.starts_with(MESSAGE_DOMAIN);
        let once = self.policy == Verify::Once || !frame;
        if let (true, Some(Known { verdict: Some(verdict), .. })) = (once, known) {
            return verdict;
        }
        state.checks += u64::from(frame);
        let vouched = known.is_some_and(|known| known.vouched);
        let number = state.checks;
        let verdict = match &mut state.workers {
            Some(workers) if vouched => {
                workers.defer(number, key, message, signature);
                true
            }
            _ => strict(key, message, signature),
        };
        if vouched && !verdict && state.failed.is_none() {
            state.failed = Some((number, frame_name(message)));
        }
        if once {
            state.insert(name, Known { vouched, verdict: Some(verdict) });
        }
        verdict
    }

    /// Waits for the deferred checks; how many signatures were verified.
    pub(super) fn finish(&self) -> Result<u64, DeferredCheckFailed> {
        let (workers, checks, failed_here) = {
            let mut state = self.state();
            (state.workers.take(), state.checks, state.failed.take())
        };
        let failed_there = workers.and_then(Workers::finish);
        // The first in order of checks, whichever thread found it.
        match failed_here.into_iter().chain(failed_there).min() {
            Some((_, frame)) => Err(DeferredCheckFailed { frame }),
            None => Ok(checks),
        }
    }

    fn name(&self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(key.as_bytes());
        hasher.write(signature);
        hasher.write(message);
        hasher.finish128().as_u128()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, name: u128) -> Option<Known> {
        self.recent.get(&name).or_else(|| self.former.get(&name)).copied()
    }

    fn insert(&mut self, name: u128, known: Known) {
        if self.recent.len() >= GENERATION {
            self.former = core::mem::take(&mut self.recent);
        }
        self.recent.insert(name, known);
    }
}

/// The host of a node of the world: stamps are virtual time and what its work has taken, checks are the world's and counted
/// for the node.
#[derive(Debug)]
pub(super) struct NodeHost {
    pub(super) verifier: Arc<Verifier>,
    pub(super) meter: Arc<Meter>,
    pub(super) processor: Processor,
}

impl Host for NodeHost {
    fn stamp(&mut self, now: Instant) -> Instant {
        now + Duration::from_nanos(self.meter.taken_ns())
    }

    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        self.meter.checked(self.processor);
        self.verifier.check(key, message, signature)
    }

    fn seal(&mut self, to: &[u8; 32], bound: &SealBinding, content: &[u8]) -> Option<Sealed> {
        Virtual.seal(to, bound, content)
    }
}

/// Frames remembered in one generation: seconds of a thousand stations, while a frame is under way for milliseconds.
const GENERATION: usize = 1 << 16;
const KEY_MASK: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    const HASH: [u8; 32] = [7; 32];

    fn signed(tbs: &[u8]) -> (VerifyingKey, Vec<u8>, [u8; 64]) {
        let key = SigningKey::from_bytes(&[1; 32]);
        let mut message = Vec::new();
        signing_input(&mut message, &HASH, tbs);
        let signature = key.sign(&message).to_bytes();
        (key.verifying_key(), message, signature)
    }

    #[test]
    fn once_verifies_a_frame_once_and_every_each_time() {
        for (policy, want) in [(Verify::Once, 1), (Verify::Every, 5)] {
            for threads in [1, 3] {
                let verifier = Verifier::new(policy, 9, threads);
                let (key, message, signature) = signed(b"tbs");
                verifier.vouch(&key, &HASH, b"tbs", &signature);
                for _ in 0..5 {
                    assert!(verifier.check(&key, &message, &signature));
                }
                assert_eq!(verifier.finish(), Ok(want));
            }
        }
    }

    #[test]
    fn what_nobody_vouched_for_is_verified_on_the_spot() {
        for threads in [1, 2] {
            let verifier = Verifier::new(Verify::Once, 9, threads);
            let (key, message, mut signature) = signed(b"tbs");
            verifier.vouch(&key, &HASH, b"tbs", &signature);
            signature[3] ^= 1;
            assert!(!verifier.check(&key, &message, &signature));
            assert!(!verifier.check(&key, &message[..20], &signature));
            assert_eq!(verifier.finish(), Ok(2));
        }
    }

    #[test]
    fn a_vouched_frame_that_does_not_hold_fails_the_run_on_any_number_of_threads() {
        let fail = |threads, policy| {
            let verifier = Verifier::new(policy, 9, threads);
            for n in 0..300u32 {
                let tbs = n.to_le_bytes();
                let (key, message, mut signature) = signed(&tbs);
                signature[40] ^= u8::from(n % 100 == 77);
                verifier.vouch(&key, &HASH, &tbs, &signature);
                verifier.check(&key, &message, &signature);
            }
            verifier.finish().unwrap_err().to_string()
        };
        let alone = fail(1, Verify::Once);
        assert!(alone.contains("failed its deferred check"), "{alone}");
        assert_eq!(
            [fail(2, Verify::Once), fail(4, Verify::Once), fail(4, Verify::Every)],
            [(); 3].map(|()| alone.clone())
        );
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut state = State::default();
        for name in 0..3 * GENERATION as u128 {
            state.insert(name, Known::default());
        }
        assert!(state.recent.len() + state.former.len() <= 2 * GENERATION);
        assert!(state.find(0).is_none() && state.find(3 * GENERATION as u128 - 1).is_some());
    }
}
