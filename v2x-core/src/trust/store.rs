//! Trust store: pinned roots and the issuers under them.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use v2x_proto::Digest;
use v2x_proto::credential::{CredentialFields, CredentialView};

use super::credential::{
    CredentialError, Grant, Trusted, Verify, check_nesting, credential_hash, credential_input, parse_exact,
    usable_key, validity, verify_credential,
};
use super::permissions::Permissions;
use crate::base::{WireTime, strict};

/// Roots pinned by their exact bytes and the issuers they vouch for. Never changes, never evicts.
#[derive(Clone, Debug)]
pub struct TrustStore {
    roots: Vec<Authority>,
    issuers: Vec<Authority>,
    shelf: Option<Arc<dyn CredentialShelf>>,
}

/// Credentials that several stations of one program have checked, each kept once.
pub trait CredentialShelf: fmt::Debug + Send + Sync {
    /// The credential with these very bytes, where it is on the shelf.
    fn find(&self, bytes: &[u8]) -> Option<Arc<Trusted>>;

    /// The same credential as it was shelved before, or else this one. Never one that differs in anything.
    fn shelve(&self, trusted: Trusted) -> Arc<Trusted>;

    /// The key of these bytes, when it is that of a credential on the shelf: working it out takes as long as a tenth of a
    /// verification.
    fn key(&self, _public_key: &[u8; 32]) -> Option<VerifyingKey> {
        None
    }
}

impl TrustStore {
    /// Takes pinned roots and the issuers' credentials, each of which a root must have signed.
    ///
    /// Pin two or more roots, so that one can be replaced while the other remains valid.
    ///
    /// # Errors
    ///
    /// No root, or the violation of the first invalid credential.
    pub fn new(roots: &[Bytes], issuers: &[Bytes]) -> Result<Self, CredentialError> {
        if roots.is_empty() {
            return Err(CredentialError::NoRoot);
        }
        let mut store = Self { roots: Vec::new(), issuers: Vec::new(), shelf: None };
        for root in roots {
            insert(&mut store.roots, check_root(root)?);
        }
        for issuer in issuers {
            let checked = check_issuer(&store.roots, issuer)?;
            insert(&mut store.issuers, checked);
        }
        Ok(store)
    }

    /// Has all stations with a clone of this store keep the credentials they check on one shelf.
    #[must_use]
    pub fn with_shelf(self, shelf: Arc<dyn CredentialShelf>) -> Self {
        Self { shelf: Some(shelf), ..self }
    }

    /// [`check_station_by`](Self::check_station_by) for a credential that is kept. One on the shelf has its key ready: what is
    /// checked again is all that depends on the time, and its signature, because the host counts signatures.
    ///
    /// # Errors
    ///
    /// As [`check_station`](Self::check_station).
    pub fn learn_station(
        &self,
        bytes: &[u8],
        now: WireTime,
        verify: Verify<'_>,
    ) -> Result<Arc<Trusted>, CredentialError> {
        let Some(shelf) = &self.shelf else { return self.check_station_by(bytes, now, verify).map(Arc::new) };
        let Some(shelved) = shelf.find(bytes) else {
            return self.check_station_by(bytes, now, verify).map(|trusted| shelf.shelve(trusted));
        };
        let (view, Authority { trusted: issuer, .. }) = self.read_station(bytes, now)?;
        let input = credential_input(&issuer.hash, view.tbs);
        if verify(&issuer.key, &input, view.signature) {
            Ok(shelved)
        } else {
            Err(CredentialError::Signature)
        }
    }

    /// Checks the credential of a station at `now`: chain, nesting, validity, key. Cheap checks come
    /// first; the signature is verified last.
    ///
    /// # Errors
    ///
    /// The first violation found; [`CredentialError::drop_reason`] maps it to the receive path.
    pub fn check_station(&self, bytes: &[u8], now: WireTime) -> Result<Trusted, CredentialError> {
        self.check_station_by(bytes, now, &mut strict)
    }

    /// [`check_station`](Self::check_station) with the signature checked by `verify`.
    ///
    /// # Errors
    ///
    /// As [`check_station`](Self::check_station).
    pub fn check_station_by(
        &self,
        bytes: &[u8],
        now: WireTime,
        verify: Verify<'_>,
    ) -> Result<Trusted, CredentialError> {
        let (view, issuer) = self.read_station(bytes, now)?;
        let Authority { trusted, fields, .. } = issuer;
        let known = self.shelf.as_ref().and_then(|shelf| shelf.key(&view.fields.public_key));
        let key = known.map_or_else(|| usable_key(&view.fields.public_key), Ok)?;
        verify_credential(bytes, &view, key, (&trusted.key, &trusted.hash), fields.region, verify)
    }

    /// What the credential of a station permits, if its issuer signed it: all of
    /// [`check_station`](Self::check_station) but its key and that signature.
    ///
    /// # Errors
    ///
    /// As [`check_station`](Self::check_station).
    pub fn claims_of_station(&self, bytes: &[u8], now: WireTime) -> Result<Grant, CredentialError> {
        let (CredentialView { fields, .. }, issuer) = self.read_station(bytes, now)?;
        let (valid_from, valid_until) = validity(&fields);
        let region = fields.region.or(issuer.fields.region);
        Ok(Grant { permissions: Permissions(fields.permissions), region, valid_from, valid_until })
    }

    fn read_station<'b>(
        &self,
        bytes: &'b [u8],
        now: WireTime,
    ) -> Result<(CredentialView<'b>, &Authority), CredentialError> {
        let view = parse_exact(bytes)?;
        let is_authority = Permissions(view.fields.permissions).contains(Permissions::ISSUE);
        let (Some(issuer), false) = (view.fields.issuer, is_authority) else {
            return Err(CredentialError::NotAStation(Digest::of_hash(&credential_hash(bytes))));
        };
        let issuer = find(&self.issuers, issuer)?;
        let (from, until) = validity(&view.fields);
        if now < from {
            return Err(CredentialError::NotYetValid(from));
        }
        if now >= until {
            return Err(CredentialError::Expired(until));
        }
        check_nesting(&view.fields, &issuer.fields, issuer.digest)?;
        Ok((view, issuer))
    }

    /// The issuer named `digest`.
    #[must_use]
    pub fn issuer(&self, digest: &Digest) -> Option<&Trusted> {
        find(&self.issuers, *digest).ok().map(|authority| &authority.trusted)
    }

    /// The root named `digest`.
    #[must_use]
    pub fn root(&self, digest: &Digest) -> Option<&Trusted> {
        find(&self.roots, *digest).ok().map(|authority| &authority.trusted)
    }

    /// The issuers, by digest.
    pub fn issuers(&self) -> impl Iterator<Item = &Trusted> {
        self.issuers.iter().map(|authority| &authority.trusted)
    }

    /// The pinned roots, by digest.
    pub fn roots(&self) -> impl Iterator<Item = &Trusted> {
        self.roots.iter().map(|authority| &authority.trusted)
    }
}

/// A root or issuer: what was checked, and the fields that others must nest in.
#[derive(Clone, Debug)]
struct Authority {
    digest: Digest,
    trusted: Trusted,
    fields: CredentialFields,
}

impl Authority {
    fn vouches(
        &self,
        bytes: &[u8],
        view: &CredentialView<'_>,
        verify: Verify<'_>,
    ) -> Result<Trusted, CredentialError> {
        check_nesting(&view.fields, &self.fields, self.digest)?;
        let key = usable_key(&view.fields.public_key)?;
        verify_credential(
            bytes,
            view,
            key,
            (&self.trusted.key, &self.trusted.hash),
            self.fields.region,
            verify,
        )
    }
}

fn check_root(bytes: &[u8]) -> Result<Authority, CredentialError> {
    let view = parse_exact(bytes)?;
    let digest = Digest::of_hash(&credential_hash(bytes));
    if view.fields.issuer.is_some() {
        return Err(CredentialError::NotARoot(digest));
    }
    let key = usable_key(&view.fields.public_key)?;
    let trusted = verify_credential(bytes, &view, key, (&key, &[0; 32]), None, &mut strict)?;
    if !trusted.permits(Permissions::ISSUE) {
        return Err(CredentialError::MayNotIssue(digest));
    }
    Ok(Authority { digest, trusted, fields: view.fields })
}

fn check_issuer(roots: &[Authority], bytes: &[u8]) -> Result<Authority, CredentialError> {
    let view = parse_exact(bytes)?;
    let digest = Digest::of_hash(&credential_hash(bytes));
    // A root in the list of issuers has itself as issuer: it is not pinned for that use.
    let root = find(roots, view.fields.issuer.unwrap_or(digest))?;
    if view.fields.issuer.is_none() {
        return Err(CredentialError::NotAStation(digest));
    }
    if !Permissions(view.fields.permissions).contains(Permissions::ISSUE) {
        return Err(CredentialError::MayNotIssue(digest));
    }
    let trusted = root.vouches(bytes, &view, &mut strict)?;
    // Where a region is absent the root's applies, and stations nest in that.
    let fields = CredentialFields { region: trusted.region, ..view.fields };
    Ok(Authority { digest, trusted, fields })
}

fn find(sorted: &[Authority], digest: Digest) -> Result<&Authority, CredentialError> {
    let place = sorted.binary_search_by_key(&digest, |authority| authority.digest);
    place.map(|place| &sorted[place]).map_err(|_| CredentialError::UnknownIssuer(digest))
}

fn insert(sorted: &mut Vec<Authority>, authority: Authority) {
    if let Err(place) = sorted.binary_search_by_key(&authority.digest, |other| other.digest) {
        sorted.insert(place, authority);
    }
}

#[cfg(test)]
mod tests {
    use super::super::issue::{issue, make_root};
    use super::super::testing::{STATION, at, authority, issuer_request, key, station_request};
    use super::*;

    #[test]
    fn a_station_is_trusted_within_its_validity_only() {
        let authority = authority(1);
        let bytes = authority.credential(2);
        let check = |now| authority.trust.check_station(&bytes, now).map(|trusted| trusted.digest());
        assert_eq!(check(at(1)), Err(CredentialError::NotYetValid(at(2))));
        assert!(check(at(2)).is_ok());
        assert_eq!(check(at(48_002)), Err(CredentialError::Expired(at(48_002))));
    }

    #[test]
    fn another_authority_s_station_is_unknown() {
        let (ours, theirs) = (authority(1), authority(9));
        let issuer = Digest::of_hash(&credential_hash(&theirs.issuer));
        let error = ours.trust.check_station(&theirs.credential(2), at(10)).unwrap_err();
        assert_eq!(error, CredentialError::UnknownIssuer(issuer));
        assert!(!error.is_final());
    }

    #[test]
    fn two_roots_hold_side_by_side() {
        let (a, b) = (authority(1), authority(9));
        let store = TrustStore::new(&[a.root.clone(), b.root.clone()], &[b.issuer.clone(), a.issuer.clone()])
            .unwrap();
        for authority in [&a, &b] {
            assert!(store.check_station(&authority.credential(2), at(10)).is_ok());
        }
        assert_eq!((store.roots().count(), store.issuers().count()), (2, 2));
    }

    #[test]
    fn the_store_refuses_what_no_pinned_root_signed() {
        let (a, b) = (authority(1), authority(9));
        let new = |roots: &[&Bytes], issuers: &[&Bytes]| {
            let clone = |list: &[&Bytes]| list.iter().map(|bytes| (*bytes).clone()).collect::<Vec<_>>();
            TrustStore::new(&clone(roots), &clone(issuers)).map(|_| ()).unwrap_err()
        };
        assert_eq!(new(&[], &[&a.issuer]), CredentialError::NoRoot);
        assert!(matches!(new(&[&a.issuer], &[]), CredentialError::NotARoot(_)));
        assert!(matches!(new(&[&a.root], &[&b.issuer]), CredentialError::UnknownIssuer(_)));
        assert!(matches!(new(&[&a.root], &[&a.root]), CredentialError::NotAStation(_)));
        assert!(matches!(new(&[&a.root], &[&a.credential(2)]), CredentialError::UnknownIssuer(_)));
    }

    #[test]
    fn a_root_signed_by_another_key_is_refused() {
        let mut bytes = authority(1).root.to_vec();
        let last = bytes.len() - 1;
        bytes[last - 40] ^= 1;
        let error = TrustStore::new(&[bytes.into()], &[]).unwrap_err();
        assert_eq!(error, CredentialError::Signature);
    }

    #[test]
    fn roots_and_issuers_do_not_speak_as_stations() {
        let authority = authority(1);
        for bytes in [&authority.root, &authority.issuer] {
            let error = authority.trust.check_station(bytes, at(10)).unwrap_err();
            assert!(matches!(error, CredentialError::NotAStation(_)), "{error}");
        }
    }

    #[test]
    fn a_receiver_refuses_what_a_dishonest_issuer_signs_beyond_its_own() {
        // A second root with wider rights signs an issuer with the same key; its stations claim the first issuer.
        let authority = authority(1);
        let wide = STATION | Permissions::AUTHORITY_HAZARD;
        let root = make_root(&authority.root_key, wide, 0, 2000).unwrap();
        let wider = super::super::issue::CredentialRequest {
            permissions: wide | Permissions::ISSUE,
            duration_min: 1500,
            ..issuer_request(&authority.issuer_key)
        };
        let wide_issuer = issue(&root, &authority.root_key, &wider).unwrap();
        let greedy = [
            super::super::issue::CredentialRequest { permissions: wide, ..station_request(&key(2, 2)) },
            super::super::issue::CredentialRequest { duration_min: 1200, ..station_request(&key(2, 2)) },
        ];
        let forge = |request| {
            let bytes = issue(&wide_issuer, &authority.issuer_key, &request).unwrap();
            let narrow = Digest::of_hash(&credential_hash(&authority.issuer));
            let mut fields = CredentialView::parse(&bytes).unwrap().fields;
            fields.issuer = Some(narrow);
            let mut tbs = Vec::new();
            fields.encode(&mut tbs);
            let hash = credential_hash(&authority.issuer);
            let input = credential_input(&hash, &tbs);
            let signature = ed25519_dalek::Signer::sign(&authority.issuer_key, &input).to_bytes();
            let forged = super::super::credential::assemble(&tbs, &signature);
            authority.trust.check_station(&forged, at(10)).unwrap_err()
        };
        let [permissions, validity] = greedy.map(forge);
        assert_eq!(permissions, CredentialError::Permissions(Permissions::AUTHORITY_HAZARD));
        assert!(matches!(validity, CredentialError::Validity { .. }));
    }
}
