//! Checks of signatures whose result is already assumed: only those that fail are reported.

use std::ops::Range;

use ed25519_dalek::VerifyingKey;
use v2x_core::{MessageId, strict};
use v2x_proto::Digest;
use v2x_proto::envelope::{MESSAGE_DOMAIN, TbsView};

/// The number of a check and the frame it was about.
pub(super) type Failure = (u64, String);

/// Checks to be made, their messages one after the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
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

    /// The first that fails, in order of their numbers.
    pub(super) fn verify(&self) -> Option<Failure> {
        let mut failing = self.checks.iter().filter_map(|check| {
            let message = &self.messages[check.message.clone()];
            let holds = strict(&check.key, message, &check.signature);
            (!holds).then(|| (check.number, frame_name(message)))
        });
        failing.next()
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
