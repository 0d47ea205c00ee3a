//! Issuing credentials: roots, issuers under them, stations under those.
//!
//! Used by `roadcast keys`, the demo and tests. Nothing is issued that a receiver would refuse.

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use v2x_proto::credential::{CredentialFields, CredentialView};
use v2x_proto::envelope::MAX_CREDENTIAL;
use v2x_proto::v1::StationClass;
use v2x_proto::{AreaView, Digest};

use super::credential::{
    CredentialError, assemble, check_nesting, credential_hash, credential_input, parse_exact, usable_key,
};
use super::permissions::Permissions;

/// The content of a credential; its issuer is filled in by [`issue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialRequest {
    /// Ed25519 public key of the holder.
    pub public_key: [u8; 32],
    /// What the holder may send; with [`Permissions::ISSUE`] for an issuer, without for a station.
    pub permissions: Permissions,
    /// Start of validity, TAI seconds since 2004-01-01T00:00:00Z.
    pub not_before_s: u32,
    /// Length of validity, minutes, at least 1.
    pub duration_min: u32,
    /// Where it is valid; anywhere its issuer's credential is when absent.
    pub region: Option<AreaView>,
    /// A `StationClass` number, at least 1.
    pub station_class: u8,
    /// The list it would be revoked in.
    pub revocation_series: u32,
    /// X25519 public key of the holder for confidential messages; `None`: it takes none.
    pub encryption_key: Option<[u8; 32]>,
}

/// Makes a self-signed root that may grant `permissions`.
///
/// # Errors
///
/// [`CredentialError::Malformed`] when `duration_min` is zero.
pub fn make_root(
    key: &SigningKey,
    permissions: Permissions,
    not_before_s: u32,
    duration_min: u32,
) -> Result<Bytes, CredentialError> {
    let fields = CredentialFields {
        issuer: None,
        not_before_s,
        duration_min,
        permissions: (permissions | Permissions::ISSUE).0,
        station_class: AUTHORITY_CLASS,
        region: None,
        public_key: key.verifying_key().to_bytes(),
        revocation_series: 0,
        encryption_key: None,
    };
    sign_fields(key, &[0; 32], &fields)
}

/// Issues a credential under `parent`, whose private key is `parent_key`.
///
/// # Errors
///
/// The first thing that `parent` may not grant, or that makes the request no valid credential.
pub fn issue(
    parent: &[u8],
    parent_key: &SigningKey,
    request: &CredentialRequest,
) -> Result<Bytes, CredentialError> {
    let parent_view = parse_exact(parent)?;
    let parent_hash = credential_hash(parent);
    let parent_digest = Digest::of_hash(&parent_hash);
    if parent_view.fields.public_key != parent_key.verifying_key().to_bytes() {
        return Err(CredentialError::KeyMismatch(parent_digest));
    }
    let fields = CredentialFields {
        issuer: Some(parent_digest),
        not_before_s: request.not_before_s,
        duration_min: request.duration_min,
        permissions: request.permissions.0,
        station_class: request.station_class,
        region: request.region,
        public_key: request.public_key,
        revocation_series: request.revocation_series,
        encryption_key: request.encryption_key,
    };
    check_nesting(&fields, &parent_view.fields, parent_digest)?;
    check_depth(&parent_view, request)?;
    usable_key(&request.public_key)?;
    sign_fields(parent_key, &parent_hash, &fields)
}

/// At most two levels below a root: a chain is checked with one signature per new station.
fn check_depth(parent: &CredentialView<'_>, request: &CredentialRequest) -> Result<(), CredentialError> {
    let parent_is_root = parent.fields.issuer.is_none();
    let makes_issuer = request.permissions.contains(Permissions::ISSUE);
    match (parent_is_root, makes_issuer) {
        (true, false) => Err(CredentialError::RootIssuesIssuers),
        (false, true) => Err(CredentialError::TooDeep),
        _ => Ok(()),
    }
}

fn sign_fields(
    key: &SigningKey,
    issuer_hash: &[u8; 32],
    fields: &CredentialFields,
) -> Result<Bytes, CredentialError> {
    fields.check()?;
    let mut tbs = Vec::with_capacity(MAX_CREDENTIAL);
    fields.encode(&mut tbs);
    let signature = key.sign(&credential_input(issuer_hash, &tbs)).to_bytes();
    Ok(assemble(&tbs, &signature))
}

const AUTHORITY_CLASS: u8 = StationClass::Authority as u8;

#[cfg(test)]
mod tests {
    use super::super::store::TrustStore;
    use super::super::testing::{STATION, at, authority, issuer_request, key, station_request};
    use super::*;
    use crate::base::Position;
    use v2x_proto::Shape;

    fn circle(latitude: i32, distance_a_m: u32) -> AreaView {
        let shape = Shape::Circle;
        AreaView { latitude, longitude: 0, shape, distance_a_m, distance_b_m: 0, azimuth_deg: 0 }
    }

    #[test]
    fn credentials_have_the_size_the_frame_budget_counts_on() {
        let authority = authority(1);
        let plain = authority.credential(2);
        let request =
            CredentialRequest { region: Some(circle(500_000_000, 5000)), ..station_request(&key(2, 2)) };
        let regional = issue(&authority.issuer, &authority.issuer_key, &request).unwrap();
        assert!((120..=140).contains(&plain.len()), "{}", plain.len());
        assert!((135..=160).contains(&regional.len()), "{}", regional.len());
    }

    #[test]
    fn what_does_not_nest_is_not_issued() {
        let authority = authority(1);
        let station = station_request(&key(2, 2));
        let refused = |request: CredentialRequest| {
            issue(&authority.issuer, &authority.issuer_key, &request).unwrap_err()
        };
        let more = STATION | Permissions::SIGNAL_STATE;
        assert_eq!(
            refused(CredentialRequest { permissions: more, ..station }),
            CredentialError::Permissions(Permissions::SIGNAL_STATE)
        );
        for request in [
            CredentialRequest { not_before_s: 0, ..station },
            CredentialRequest { duration_min: 900, ..station },
            CredentialRequest { not_before_s: u32::MAX, duration_min: u32::MAX, ..station },
        ] {
            assert!(matches!(refused(request), CredentialError::Validity { .. }));
        }
        assert_eq!(
            refused(CredentialRequest { permissions: STATION | Permissions::ISSUE, ..station }),
            CredentialError::TooDeep
        );
        assert_eq!(refused(CredentialRequest { public_key: [0; 32], ..station }), CredentialError::WeakKey);
        for request in [
            CredentialRequest { duration_min: 0, ..station },
            CredentialRequest { station_class: 0, ..station },
        ] {
            assert!(matches!(refused(request), CredentialError::Malformed(_)));
        }
    }

    #[test]
    fn a_root_issues_issuers_and_a_station_issues_nothing() {
        let authority = authority(1);
        let request = station_request(&key(3, 2));
        let by_root = issue(&authority.root, &authority.root_key, &request);
        assert_eq!(by_root, Err(CredentialError::RootIssuesIssuers));
        let by_station = issue(&authority.credential(2), &key(2, 2), &request);
        assert!(matches!(by_station, Err(CredentialError::MayNotIssue(_))));
        let by_other_key = issue(&authority.issuer, &key(2, 2), &request);
        assert!(matches!(by_other_key, Err(CredentialError::KeyMismatch(_))));
    }

    #[test]
    fn regions_nest_and_hold_for_the_station() {
        let super::super::authority::Authority { root, root_key, issuer_key, .. } = authority(1);
        let town = circle(500_000_000, 10_000);
        let request = CredentialRequest { region: Some(town), ..issuer_request(&issuer_key) };
        let issuer = issue(&root, &root_key, &request).unwrap();
        let store = TrustStore::new(&[root], std::slice::from_ref(&issuer)).unwrap();
        let station = |region| {
            let request = CredentialRequest { region, ..station_request(&key(2, 2)) };
            issue(&issuer, &issuer_key, &request).map(|bytes| store.check_station(&bytes, at(10)).unwrap())
        };
        assert_eq!(station(Some(circle(500_800_000, 2000))), Err(CredentialError::Region));
        let north = Position { latitude: 500_600_000, longitude: 0 };
        let far = Position { latitude: 502_000_000, longitude: 0 };
        let part = station(Some(circle(500_000_000, 2000))).unwrap();
        assert!(!part.covers(north) && part.covers(Position { latitude: 500_000_000, longitude: 0 }));
        // No region of its own: the issuer's.
        let whole = station(None).unwrap();
        assert!(whole.covers(north) && !whole.covers(far));
    }
}
