//! The receive path's part in revocation: revoked credentials are no longer known ones.

use bytes::Bytes;
use v2x_proto::Digest;

use super::Receiver;
use crate::base::{DropReason, Host, Received};
use crate::receive::situation::Situation;
use crate::trust::{Identity, RevocationError, RevocationNews, Revocations, TrustStore, Trusted};

/// A revocation delta from the air with a valid signature of its issuer.
#[derive(Clone, Debug)]
pub struct HeardRevocation {
    /// As it came, encoded.
    pub delta: Bytes,
    /// Its effect on the list; to be carried out by [`Receiver::drop_revoked`].
    pub news: Option<RevocationNews>,
}

impl Receiver {
    pub(super) fn hear_revocation(
        &mut self,
        received: &Received,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) -> Result<HeardRevocation, DropReason> {
        let Received { payload: delta, id, .. } = received;
        let now = (situation.moment.now, situation.moment.trusted_wire());
        let verify = &mut |key: &_, message: &_, signature: &_| host.verify(key, message, signature);
        match self.revocations.hear(delta, &id.signer, &self.trust, now, verify) {
            Ok(news) => Ok(HeardRevocation { delta: delta.clone(), news }),
            Err(RevocationError::Budget) => Err(DropReason::RevocationBudget),
            Err(_) => Err(DropReason::RevocationInvalid),
        }
    }

    /// Applies a revocation delta that did not arrive over the air. Afterwards [`drop_revoked`](Self::drop_revoked) is
    /// due.
    ///
    /// # Errors
    ///
    /// Why it is not applied.
    pub fn revoke(
        &mut self,
        delta: &Bytes,
        situation: &Situation<'_>,
    ) -> Result<Option<RevocationNews>, RevocationError> {
        self.revocations.apply(delta, &self.trust, situation.moment.trusted_wire())
    }

    /// Removes revoked credentials from the known ones, and returns their digests.
    pub fn drop_revoked(&mut self) -> Vec<Digest> {
        self.hold.mark_ready();
        let mut revoked = self.revocations.revokes_each(&self.trust);
        let mut gone = self.keys.revoke(&mut revoked);
        if let Some(book) = &mut self.afar {
            gone.extend(book.keys.revoke(revoked));
        }
        gone
    }

    /// Replaces the trust store, and returns the digests of credentials that are no longer valid. Credentials under
    /// issuers that stay are kept as they are.
    pub fn replace_trust(&mut self, trust: TrustStore) -> Vec<Digest> {
        self.trust = trust;
        self.revocations.keep_trusted(&self.trust);
        let trust = &self.trust;
        self.hold.mark_ready();
        let is_gone = |trusted: &Trusted| trusted.issuer.is_none_or(|issuer| trust.issuer(&issuer).is_none());
        let mut gone = self.keys.forget(is_gone);
        if let Some(book) = &mut self.afar {
            gone.extend(book.keys.forget(is_gone));
        }
        gone
    }

    /// Whether the station's own credential is revoked.
    pub fn revokes_own(&mut self, own: &Identity) -> bool {
        self.revocations.revokes_own(own, &self.trust)
    }

    /// The revocation lists.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The revocation lists, to pass them on.
    pub fn revocations_mut(&mut self) -> &mut Revocations {
        &mut self.revocations
    }
}
