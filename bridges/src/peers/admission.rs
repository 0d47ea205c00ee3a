//! Who is let in: peers that are named, by their key, and others by a credential of the operator's authority for their key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::pkcs8::spki::der::pem;
use v2x_core::{CredentialError, Permissions, TrustStore, WireTime};
use v2x_proto::envelope::MAX_CREDENTIAL;

use super::error::PeersError;
use super::handler::PeerIdentity;
use super::key::PeerKey;
use super::lease::{GuestAuthority, Lease};
use super::revoked::RevokedGuests;
use super::settings::{PeerSettings, PeerTerms, PeersSettings};

/// The peers that are named, and the authority whose credentials admit others.
#[derive(Debug)]
pub(super) struct Admission {
    named: BTreeMap<PeerKey, Arc<PeerSettings>>,
    authority: Option<Arc<GuestAuthority>>,
}

/// A peer that is let in.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub identity: PeerIdentity,
    pub terms: PeerTerms,
    /// What a guest is admitted by; none of a peer that is named.
    pub lease: Option<Lease>,
}

/// Why a bridge is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAdmitted {
    #[error("its key is not that of a peer")]
    UnknownKey,
    #[error("it is not named, and showed no credential")]
    NoCredential,
    #[error("its credential: {0}")]
    Credential(CredentialError),
    #[error("its credential is for another key")]
    OtherKey,
    #[error("its credential lacks the permission management")]
    NoPermission,
    #[error("its credential is revoked")]
    Revoked,
}

impl Admission {
    /// From the configuration, with the files of the authority.
    pub(super) fn new(settings: &PeersSettings) -> Result<Self, PeersError> {
        let authority = match &settings.admission {
            None => None,
            Some(admission) => {
                let read = |paths: &[PathBuf]| -> Result<Vec<Bytes>, PeersError> {
                    paths.iter().map(|path| read_credential(path)).collect()
                };
                let trust = TrustStore::new(&read(&admission.roots)?, &read(&admission.issuers)?);
                let trust = trust.map_err(PeersError::Trust)?;
                let revoked = RevokedGuests::new(&admission.revocation, &trust)?;
                Some(Arc::new(GuestAuthority { trust, revoked, terms: admission.terms.clone() }))
            }
        };
        let named = settings.peers.iter().map(|peer| (peer.key, Arc::new(peer.clone()))).collect();
        Ok(Self { named, authority })
    }

    /// The peers that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = &Arc<PeerSettings>> {
        self.named.values()
    }

    /// The named peer with this key.
    pub(super) fn by_key(&self, key: PeerKey) -> Option<&Arc<PeerSettings>> {
        self.named.get(&key)
    }

    /// Whether a bridge of an unknown key may show a credential at all.
    pub(super) const fn hears_strangers(&self) -> bool {
        self.authority.is_some()
    }

    /// Lets a bridge in that proved `key` and showed `credential`, which is empty when it showed none.
    pub(super) fn admit(
        &self,
        key: PeerKey,
        credential: &[u8],
        now: WireTime,
    ) -> Result<Admitted, NotAdmitted> {
        if let Some(peer) = self.named.get(&key) {
            let identity = PeerIdentity { name: peer.name.clone(), key, rights: peer.terms.rights };
            return Ok(Admitted { identity, terms: peer.terms.clone(), lease: None });
        }
        let authority = self.authority.as_ref().ok_or(NotAdmitted::UnknownKey)?;
        let GuestAuthority { trust, revoked, terms } = &**authority;
        if credential.is_empty() {
            return Err(NotAdmitted::NoCredential);
        }
        let trusted = trust.check_station(credential, now).map_err(NotAdmitted::Credential)?;
        if trusted.key.as_bytes() != key.as_bytes() {
            return Err(NotAdmitted::OtherKey);
        }
        if !trusted.permits(Permissions::MANAGEMENT) {
            return Err(NotAdmitted::NoPermission);
        }
        if revoked.has(&trusted, trust) {
            return Err(NotAdmitted::Revoked);
        }
        let name = format!("credential-{}", trusted.digest());
        let identity = PeerIdentity { name, key, rights: terms.rights };
        let lease = Lease { credential: trusted, authority: Arc::clone(authority) };
        Ok(Admitted { identity, terms: terms.clone(), lease: Some(lease) })
    }
}

/// The bytes of a credential, armoured as `roadcast keys` writes it, or raw.
pub(super) fn read_credential(path: &Path) -> Result<Bytes, PeersError> {
    let failed = |why: String| PeersError::File { path: path.to_owned(), why };
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let armoured = bytes.starts_with(b"-----BEGIN ");
    let credential = match armoured {
        true => pem::decode_vec(bytes.trim_ascii_end())
            .ok()
            .filter(|(label, _)| *label == LABEL)
            .map(|(_, credential)| credential),
        false => Some(bytes).filter(|bytes| !bytes.is_ascii()),
    };
    let credential =
        credential.filter(|credential| !credential.is_empty() && credential.len() <= MAX_CREDENTIAL);
    let right = "no credential; expected \"-----BEGIN ROADCAST CREDENTIAL-----\" or its raw bytes, as `roadcast keys` writes it";
    credential.map(Bytes::from).ok_or_else(|| failed(right.to_owned()))
}

const LABEL: &str = "ROADCAST CREDENTIAL";

#[cfg(test)]
mod tests {
    use testkit::Authority;

    use super::*;

    fn admission(authority: Option<&Authority>, named: &[PeerKey]) -> Admission {
        let peer = |key: &PeerKey| PeerSettings {
            name: "rsu".to_owned(),
            key: *key,
            addresses: Vec::new(),
            relays: Vec::new(),
            terms: PeerTerms::default(),
        };
        Admission {
            named: named.iter().map(|key| (*key, Arc::new(peer(key)))).collect(),
            authority: authority.map(|authority| {
                let (trust, terms) = (authority.trust.clone(), PeerTerms::default());
                Arc::new(GuestAuthority { revoked: RevokedGuests::new(&[], &trust).unwrap(), trust, terms })
            }),
        }
    }

    fn key(number: u32) -> PeerKey {
        PeerKey::from_bytes(Authority::key(number).verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn a_named_key_is_let_in_and_another_is_not() {
        let admission = admission(None, &[key(1)]);
        let now = testkit::START;
        assert_eq!(admission.admit(key(1), b"", now).unwrap().identity.name, "rsu");
        assert_eq!(admission.admit(key(2), b"", now).unwrap_err(), NotAdmitted::UnknownKey);
        assert!(!admission.hears_strangers());
    }

    #[test]
    fn a_credential_lets_its_own_key_in_while_it_is_valid_and_permits_management() {
        let authority = Authority::new();
        let admission = admission(Some(&authority), &[]);
        let now = testkit::START;
        let admit = |number, credential: &[u8], now| {
            let admitted = admission.admit(key(number), credential, now)?;
            Ok(admitted.lease.map(|lease| lease.credential.valid_until))
        };
        let good = authority.credential(2);
        let until = admit(2, &good, now).unwrap().unwrap();
        assert_eq!(admit(3, &good, now), Err(NotAdmitted::OtherKey));
        assert_eq!(admit(2, b"", now), Err(NotAdmitted::NoCredential));
        assert!(matches!(admit(2, &good, until), Err(NotAdmitted::Credential(CredentialError::Expired(_)))));
        assert!(matches!(
            admit(2, b"garbage", now),
            Err(NotAdmitted::Credential(CredentialError::Malformed(_)))
        ));
        let other = Authority::numbered(9).credential(2);
        assert!(matches!(
            admit(2, &other, now),
            Err(NotAdmitted::Credential(CredentialError::UnknownIssuer(_)))
        ));
        let weak = authority.credential_with(2, |request| {
            request.permissions = request.permissions.without(Permissions::MANAGEMENT);
        });
        assert_eq!(admit(2, &weak, now), Err(NotAdmitted::NoPermission));
    }
}
