//! What a node asks of its host that must not steer it: stamps of the stages, and signature checks.

use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};

use crate::time::Instant;

/// The host's part in measuring and verifying. Neither may change what a node decides: stamps are only
/// reported, and [`verify`](Host::verify) is a function of the bytes.
pub trait Host: fmt::Debug + Send {
    /// The time now, for a stage's stamp. In virtual time it is the `now` of the input.
    fn stamp(&mut self, now: Instant) -> Instant {
        now
    }

    /// Whether `signature` over `message` holds under `key`, by the strict rule: cofactorless, canonical,
    /// no small-order points (`verify_strict`). A host may answer from memory, never from another rule:
    /// batch verification accepts a different set of signatures.
    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        strict(key, message, signature)
    }
}

/// The protocol's rule for signatures.
pub fn strict(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// The host of virtual time: stamps are the input's time, every signature is checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Virtual;

impl Host for Virtual {}
