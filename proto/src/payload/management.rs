//! Checks of the management plane's messages.

use super::Check;
use super::range::*;
use crate::envelope::MAX_CREDENTIAL;
use crate::v1;

impl Check for v1::CredentialRequest {
    fn check(&self) -> Result {
        some_at_most("digests", &self.digests, 16)?;
        self.digests.iter().try_for_each(|digest| exactly("digests", digest, 8))
    }
}

impl Check for v1::CredentialResponse {
    fn check(&self) -> Result {
        some_at_most("credentials", &self.credentials, 4)?;
        self.credentials
            .iter()
            .try_for_each(|credential| some_at_most("credentials", credential, MAX_CREDENTIAL))
    }
}

impl Check for v1::RevocationDelta {
    fn check(&self) -> Result {
        ensure("to_number", self.to_number > self.from_number)?;
        ensure("next_s", self.next_s >= self.issued_s)?;
        at_most("revoked", &self.revoked, 128 * 8)?;
        let (digests, rest) = self.revoked.as_chunks::<8>();
        ensure("revoked", rest.is_empty() && digests.is_sorted_by(|a, b| a < b))?;
        exactly("issuer_signature", &self.issuer_signature, 64)?;
        exactly("issuer", &self.issuer, 8)
    }
}

impl Check for v1::MisbehaviourReport {
    fn check(&self) -> Result {
        exactly("subject", &self.subject, 8)?;
        ensure("observed_us", self.observed_us != 0)?;
        some_at_most("observations", &self.observations, 16)?;
        for observation in &self.observations {
            ensure("kind", observation.kind != 0)?;
            within("count", observation.count, 1..=65_535)?;
        }
        at_most("evidence", &self.evidence, 4)?;
        let bytes: usize = self.evidence.iter().map(|frame| frame.len()).sum();
        ensure("evidence", bytes <= 1_024)
    }
}

impl Check for v1::NodeStatus {
    fn check(&self) -> Result {
        at_most("software", self.software.as_bytes(), 32)?;
        within_if_known("channel_busy", self.channel_busy, 0..=1_000)?;
        ensure("delivered", matches!(self.delivered.len(), 0 | 6))?;
        ensure("missed", matches!(self.missed.len(), 0 | 6))
    }
}

impl Check for v1::Echo {
    fn check(&self) -> Result {
        ensure("received_us", self.reply == self.received_us.is_some())?;
        ensure("target", matches!(self.target.len(), 0 | 8))?;
        at_most("padding", &self.padding, 1_000)
    }
}

impl Check for v1::UpdateManifest {
    fn check(&self) -> Result {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        some_at_most("target", self.target.as_bytes(), 64)?;
        ensure("target", self.target.bytes().all(allowed))?;
        ensure("kind", self.kind != 0)?;
        ensure("version", (1..=LARGEST_EXACT).contains(&self.version))?;
        exactly("sha256", &self.sha256, 32)?;
        ensure("size", (1..=LARGEST_EXACT).contains(&self.size))?;
        ensure("not_after_s", self.not_after_s != 0)?;
        exactly("operator", &self.operator, 8)?;
        exactly("signature", &self.signature, 64)
    }
}

/// 2^53 - 1, the largest whole number that every reader of JSON keeps exactly.
const LARGEST_EXACT: u64 = (1 << 53) - 1;
