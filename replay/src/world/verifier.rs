//! Signature checks of a world: each frame once for all its receivers, or each reception; here or on other threads.
//!
//! Whether a signature holds is a function of key, message and signature. So a frame may be verified once and the
//! answer remembered for its other receivers ([`Verify::Once`]). The memory is keyed by a 128-bit SipHash, whose keys
//! come from the seed, over all three, and bounded by two generations; what it forgot is verified again.
//!
//! A world also *knows* which signatures hold: those its own nodes have just made ([`Verifier::vouch`]). The check of
//! exactly those bytes is deferred, because many together take half as long, and several threads would otherwise wait for the one
//! that makes it: the node gets `true` at once, the same key, message and signature are verified with others' later, and should
//! any fail, the run fails with [`DeferredCheckFailed`] and has no
//! result. Anything else, such as a frame the medium changed, is verified on the spot. So nothing in a result depends
//! on the number of threads: not the outcome, which is one of the same bytes, nor the count of checks, nor the failure,
//! which is reported on a single thread likewise.

use core::cell::RefCell;
use core::hash::Hasher as _;
use core::time::Duration;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::VerifyingKey;
use hashbrown::HashMap;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use v2x_core::{Host, Instant, SealBinding, Sealed, Virtual, signing_input, strict};
use v2x_proto::envelope::MESSAGE_DOMAIN;
use v2x_report::Verify;

use super::deferred::{Batch, Failure, frame_name};
use super::workload::Meter;
use crate::processor::Processor;

/// Shared by all nodes of a world.
#[derive(Debug)]
pub(super) struct Verifier {
    policy: Verify,
    keys: (u64, u64),
    state: Mutex<State>,
    /// Which of the program's worlds this is.
    world: u64,
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
    /// Checks whose result is assumed: with more than one thread, or each frame checked once.
    deferred: Option<Batch>,
    checks: u64,
    /// The first that failed.
    failed: Option<Failure>,
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
        let deferred = (threads > 1 || policy == Verify::Once).then(|| Batch::of(policy));
        Self {
            policy,
            keys: (seed, seed ^ KEY_MASK),
            state: Mutex::new(State { deferred, ..State::default() }),
            world: WORLDS.fetch_add(1, Ordering::Relaxed),
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

    /// The checks that were deferred, for another thread; none while they are few.
    pub(super) fn deferred(&self) -> Batch {
        let least = if self.policy == Verify::Once { SHARE } else { 1 };
        self.take(least)
    }

    /// The checks that were deferred, when there are so many of them.
    fn take(&self, least: usize) -> Batch {
        let mut state = self.state();
        let many = state.deferred.as_mut().filter(|deferred| deferred.len() >= least);
        many.map_or_else(Batch::default, |deferred| core::mem::replace(deferred, Batch::of(self.policy)))
    }

    /// A check that was deferred has failed.
    pub(super) fn failed(&self, failure: Failure) {
        self.state().fail(failure);
    }

    /// Keeps the memory within its bounds. Call it while no node is at work, so that what is forgotten does not depend on
    /// which of them was first.
    pub(super) fn turn(&self) {
        self.state().turn();
    }

    fn check(&self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        // The policy and the count are about frames; a credential is the same for all stations that learn it.
        let frame = message.starts_with(MESSAGE_DOMAIN);
        let once = self.policy == Verify::Once || !frame;
        if !once {
            return self.check_anew(key, message, signature, frame, once);
        }
        // The receivers of a frame come one after the other, on each thread.
        LAST.with_borrow_mut(|last| {
            if !last.is(self.world, key, message, signature) {
                let verdict = self.check_anew(key, message, signature, frame, once);
                last.set(self.world, key, message, signature, verdict);
            }
            last.verdict
        })
    }

    fn check_anew(
        &self,
        key: &VerifyingKey,
        message: &[u8],
        signature: &[u8; 64],
        frame: bool,
        once: bool,
    ) -> bool {
        let name = self.name(key, message, signature);
        let mut state = self.state();
        let known = state.find(name);
        if let (true, Some(Known { verdict: Some(verdict), .. })) = (once, known) {
            return verdict;
        }
        state.checks += u64::from(frame);
        let vouched = known.is_some_and(|known| known.vouched);
        let number = state.checks;
        let verdict = match &mut state.deferred {
            Some(deferred) if vouched => {
                deferred.push(number, key, message, signature);
                let full =
                    (deferred.len() >= BATCH).then(|| core::mem::replace(deferred, Batch::of(self.policy)));
                if let Some(failure) = full.and_then(|batch| batch.verify()) {
                    state.fail(failure);
                }
                true
            }
            // Others wait, so that it is verified once.
            _ => strict(key, message, signature),
        };
        if vouched && !verdict {
            state.fail((number, frame_name(message)));
        }
        if once {
            state.insert(name, Known { vouched, verdict: Some(verdict) });
        }
        verdict
    }

    /// Makes the checks that are left; how many signatures were verified.
    pub(super) fn finish(&self) -> Result<u64, DeferredCheckFailed> {
        let rest = self.take(0);
        let mut state = self.state();
        if let Some(failure) = rest.verify() {
            state.fail(failure);
        }
        match state.failed.take() {
            Some((_, frame)) => Err(DeferredCheckFailed { frame }),
            None => Ok(state.checks),
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
        self.recent.insert(name, known);
    }

    fn turn(&mut self) {
        if self.recent.len() >= GENERATION {
            self.former = core::mem::take(&mut self.recent);
        }
    }

    /// The first in order of checks counts, whichever thread found it.
    fn fail(&mut self, failure: Failure) {
        self.failed = self.failed.take().into_iter().chain([failure]).min();
    }
}

/// The last check of a thread.
#[derive(Debug, Default)]
struct Last {
    world: Option<u64>,
    key: [u8; 32],
    message: Vec<u8>,
    signature: Vec<u8>,
    verdict: bool,
}

impl Last {
    fn is(&self, world: u64, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        self.world == Some(world)
            && self.signature == signature
            && self.message == message
            && self.key == *key.as_bytes()
    }

    fn set(&mut self, world: u64, key: &VerifyingKey, message: &[u8], signature: &[u8; 64], verdict: bool) {
        self.world = Some(world);
        self.key = *key.as_bytes();
        self.message.clear();
        self.message.extend_from_slice(message);
        self.signature.clear();
        self.signature.extend_from_slice(signature);
        self.verdict = verdict;
    }
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
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
/// Checks deferred at most: what they are computed with stays in a cache of 128 KB.
const BATCH: usize = 32;
/// Checks that are given to another thread together: so few that the others do not wait for them.
const SHARE: usize = 16;
/// Worlds of this program so far: their threads may be the same.
static WORLDS: AtomicU64 = AtomicU64::new(0);
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
            state.turn();
        }
        assert!(state.recent.len() + state.former.len() <= 2 * GENERATION);
        assert!(state.find(0).is_none() && state.find(3 * GENERATION as u128 - 1).is_some());
    }
}
