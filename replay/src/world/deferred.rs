//! Checks of signatures whose result is already assumed: only those that fail are reported.
//!
//! They are the world's own, made by its own keys, and all of them are expected to hold. So they are checked together, in one sum with
//! random factors (Bernstein et al., "High-speed high-security signatures", section 5), which takes half as long as one by
//! one and fails when any of them does, except with a probability of 2^-128. Then each is checked by itself, by the protocol's rule.

use std::ops::Range;

use ed25519_dalek::{Signature, VerifyingKey, verify_batch};
use v2x_core::{MessageId, strict};
use v2x_proto::Digest;
use v2x_proto::envelope::{MESSAGE_DOMAIN, TbsView};
use v2x_report::Verify;

/// The number of a check and the frame it was about.
pub(super) type Failure = (u64, String);

/// Checks to be made, their messages one after the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    in_one_sum: bool,
    messages: Vec<u8>,
    checks: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    number: u64,
    key: VerifyingKey,
    message: Range<usize>,
    signature: [u8; 64],
}

impl Batch {
    /// An empty one, for a world of this policy: where each receiver checks a frame, each check is made as a receiver makes it.
    pub(super) fn of(policy: Verify) -> Self {
        Self { in_one_sum: policy == Verify::Once, ..Self::default() }
    }

    pub(super) fn push(&mut self, number: u64, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) {
        let start = self.messages.len();
        self.messages.extend_from_slice(message);
        let message = start..self.messages.len();
        self.checks.push(Check { number, key: *key, message, signature: *signature });
    }

    /// Checks in it.
    pub(super) fn len(&self) -> usize {
        self.checks.len()
    }

    /// The first that fails, in order of their numbers. All of them in one sum, or one by one.
    pub(super) fn verify(&self) -> Option<Failure> {
        if self.in_one_sum && self.len() >= WORTH_A_SUM && self.holds() {
            return None;
        }
        let mut failing = self.checks.iter().filter_map(|check| {
            let message = &self.messages[check.message.clone()];
            let holds = strict(&check.key, message, &check.signature);
            (!holds).then(|| (check.number, frame_name(message)))
        });
        failing.next()
    }

    fn holds(&self) -> bool {
        let messages: Vec<_> =
            self.checks.iter().map(|check| &self.messages[check.message.clone()]).collect();
        let signatures: Vec<_> =
            self.checks.iter().map(|check| Signature::from_bytes(&check.signature)).collect();
        let keys: Vec<_> = self.checks.iter().map(|check| check.key).collect();
        verify_batch(&messages, &signatures, &keys).is_ok()
    }
}

/// Names the frame whose signed bytes these are: domain, hash of the credential, signed part.
pub(super) fn frame_name(message: &[u8]) -> String {
    let parts =
        message.strip_prefix(MESSAGE_DOMAIN.as_slice()).and_then(|rest| rest.split_first_chunk::<32>());
    let id = parts.and_then(|(hash, tbs)| {
        let tbs = TbsView::parse(tbs).ok()?;
        Some(MessageId { signer: Digest::of_hash(hash), class: tbs.class, sequence: tbs.sequence })
    });
    id.map_or_else(|| "of no known form".to_owned(), |id| id.to_string())
}

/// Fewer are checked as fast one by one.
const WORTH_A_SUM: usize = 4;
