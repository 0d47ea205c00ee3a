use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::area::tests::any_area;
use crate::v1;

fn any_fields() -> impl Strategy<Value = CredentialFields> {
    (
        proptest::option::of(any::<[u8; 8]>()),
        (any::<u32>(), 1..=u32::MAX, any::<u64>(), 1..=255u8),
        proptest::option::of(any_area()),
        any::<[u8; 32]>(),
        any::<u32>(),
        proptest::option::of(any::<[u8; 32]>()),
    )
        .prop_map(|(issuer, head, region, public_key, revocation_series, encryption_key)| {
            CredentialFields {
                issuer: issuer.map(Digest),
                not_before_s: head.0,
                duration_min: head.1,
                permissions: head.2,
                station_class: head.3,
                region,
                public_key,
                revocation_series,
                encryption_key,
            }
        })
}

fn as_prost(fields: &CredentialFields) -> v1::CredentialTbs {
    v1::CredentialTbs {
        version: VERSION,
        issuer: fields.issuer.map_or_else(Vec::new, |digest| digest.0.to_vec()).into(),
        not_before_s: fields.not_before_s,
        duration_min: fields.duration_min,
        permissions: fields.permissions,
        station_class: fields.station_class.into(),
        region: fields.region.map(Into::into),
        public_key: fields.public_key.to_vec().into(),
        revocation_series: fields.revocation_series,
        encryption_key: fields.encryption_key.map_or_else(Vec::new, |key| key.to_vec()).into(),
    }
}

fn credential(fields: &CredentialFields) -> Vec<u8> {
    let (mut tbs, mut bytes) = (Vec::new(), Vec::new());
    fields.encode(&mut tbs);
    encode_credential(&mut bytes, &tbs, &[9; 64]);
    bytes
}

proptest! {
    #[test]
    fn credentials_are_read_and_written_as_prost_does(fields in any_fields()) {
        let bytes = credential(&fields);
        prop_assert!(bytes.len() <= MAX_CREDENTIAL);
        let view = CredentialView::parse(&bytes).unwrap();
        prop_assert_eq!(view.fields, fields);
        prop_assert_eq!(view.signature, &[9; 64]);
        prop_assert_eq!(view.tbs, as_prost(&fields).encode_to_vec());
        let decoded = v1::Credential::decode(&bytes[..]).unwrap();
        prop_assert_eq!(&decoded.tbs[..], view.tbs);
    }

    #[test]
    fn mutated_credentials_are_refused_or_read_as_prost_does(
        fields in any_fields(),
        mutations in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = credential(&fields);
        for (place, value) in mutations {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(view) = CredentialView::parse(&bytes) {
            let decoded = v1::CredentialTbs::decode(view.tbs).unwrap();
            prop_assert_eq!(as_prost(&view.fields), decoded);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(view) = CredentialView::parse(&bytes) {
            prop_assert_eq!(view.fields.check(), Ok(()));
        }
        if let Ok(fields) = CredentialFields::parse(&bytes) {
            prop_assert_eq!(fields.check(), Ok(()));
        }
    }
}

#[test]
fn each_violation_has_its_name() {
    let good = v1::CredentialTbs {
        version: 1,
        duration_min: 1,
        station_class: 1,
        public_key: vec![1; 32].into(),
        ..Default::default()
    };
    assert!(CredentialFields::parse(&good.encode_to_vec()).is_ok());
    let refused = |change: fn(&mut v1::CredentialTbs)| {
        let mut tbs = good.clone();
        change(&mut tbs);
        CredentialFields::parse(&tbs.encode_to_vec()).unwrap_err()
    };
    let length = |field, found| CredentialError::Wire(WireError::Length { field, found });
    assert_eq!(refused(|tbs| tbs.version = 0), CredentialError::Version(0));
    assert_eq!(refused(|tbs| tbs.version = 2), CredentialError::Version(2));
    assert_eq!(refused(|tbs| tbs.duration_min = 0), WireError::Missing("duration_min").into());
    assert_eq!(refused(|tbs| tbs.station_class = 0), WireError::Missing("station_class").into());
    assert_eq!(refused(|tbs| tbs.station_class = 256), WireError::OutOfRange("station_class").into());
    assert_eq!(refused(|tbs| tbs.public_key.clear()), WireError::Missing("public_key").into());
    assert_eq!(refused(|tbs| tbs.public_key.truncate(31)), length("public_key", 31));
    assert_eq!(refused(|tbs| tbs.issuer = vec![1; 7].into()), length("issuer", 7));
    assert_eq!(refused(|tbs| tbs.encryption_key = vec![1; 31].into()), length("encryption_key", 31));
    assert_eq!(refused(|tbs| tbs.encryption_key = vec![1; 33].into()), length("encryption_key", 33));
    assert_eq!(CredentialView::parse(&[0; 257]), Err(CredentialError::TooLong(257)));
    assert_eq!(CredentialView::parse(&[]), Err(WireError::Missing("tbs").into()));
}

proptest! {
    #[test]
    fn exact_is_what_the_encoder_writes(tbs in vec(any::<u8>(), 1..186), signature: [u8; 32], place in any::<usize>()) {
        let signature: [u8; 64] = [signature; 2].concat().try_into().unwrap();
        let mut bytes = Vec::new();
        encode_credential(&mut bytes, &tbs, &signature);
        prop_assert!(is_exact(&bytes));
        for more in [&[0x18, 0x01][..], &[0], &[0x12, 0x00]] {
            prop_assert!(!is_exact(&[&bytes[..], more].concat()));
        }
        prop_assert!(!is_exact(&bytes[..bytes.len() - 1 - place % 66]));
    }

    #[test]
    fn any_bytes_are_exact_only_if_they_are_their_own_encoding(bytes in vec(any::<u8>(), 0..256)) {
        if is_exact(&bytes) {
            let len = bytes.len() - 66;
            let tbs = &bytes[if bytes[1] < 0x80 { 2 } else { 3 }..len];
            let mut again = Vec::new();
            encode_credential(&mut again, tbs, bytes.last_chunk().unwrap());
            prop_assert_eq!(again, bytes);
        }
    }
}

#[test]
fn the_largest_credential_with_an_encryption_key_has_room_to_spare() {
    let area = AreaView {
        latitude: i32::MIN,
        longitude: i32::MIN,
        shape: crate::Shape::Ellipse,
        distance_a_m: u32::from(u16::MAX),
        distance_b_m: u32::from(u16::MAX),
        azimuth_deg: 359,
    };
    let without = CredentialFields {
        issuer: Some(Digest([0xff; 8])),
        not_before_s: u32::MAX,
        duration_min: u32::MAX,
        permissions: u64::MAX,
        station_class: u8::MAX,
        region: Some(area),
        public_key: [0xff; 32],
        revocation_series: u32::MAX,
        encryption_key: None,
    };
    let largest = CredentialFields { encryption_key: Some([0xff; 32]), ..without };
    let signed = |fields: &CredentialFields| {
        let mut tbs = Vec::new();
        fields.encode(&mut tbs);
        tbs.len()
    };
    assert_eq!(signed(&largest) - signed(&without), 34);
    // A byte more for the length of what is signed.
    assert_eq!((credential(&largest).len(), credential(&without).len()), (203, 168));
}

/// The fields that readers knew before there was `encryption_key`: 1 to 9.
#[derive(Clone, PartialEq, prost::Message)]
struct EarlierTbs {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(bytes = "vec", tag = "2")]
    issuer: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    public_key: Vec<u8>,
    #[prost(uint32, tag = "9")]
    revocation_series: u32,
}

proptest! {
    #[test]
    fn a_reader_that_does_not_know_the_encryption_key_reads_the_rest(fields in any_fields(), key: [u8; 32]) {
        let mut tbs = Vec::new();
        CredentialFields { encryption_key: Some(key), ..fields }.encode(&mut tbs);
        let read = EarlierTbs::decode(&tbs[..]).unwrap();
        prop_assert_eq!(&read.public_key, &fields.public_key);
        prop_assert_eq!((read.version, read.revocation_series), (VERSION, fields.revocation_series));
        // Our own strict reader steps over what it does not know in the same way.
        let mut later = tbs.clone();
        wire::put_bytes_field(&mut later, 11, &key);
        prop_assert_eq!(CredentialFields::parse(&later), CredentialFields::parse(&tbs));
    }
}
