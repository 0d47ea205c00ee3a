use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::area::tests::any_area;
use crate::v1;

type Mutations = Vec<(prop::sample::Index, u8)>;

fn any_mutations() -> impl Strategy<Value = Mutations> {
    vec((any::<prop::sample::Index>(), any::<u8>()), 0..5)
}

fn mutate(bytes: &mut [u8], mutations: Mutations) {
    for (place, value) in mutations {
        let place = place.index(bytes.len());
        bytes[place] = value;
    }
}

/// A message as prost has it, every field in range.
fn any_tbs() -> impl Strategy<Value = v1::ToBeSigned> {
    (
        (1..=i32::MAX, 1..=u64::MAX, any::<u32>(), 0..6u32),
        (-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000),
        (any::<u32>(), 0..=255u32),
        proptest::option::of(any_area()),
        vec(any::<[u8; 3]>(), 0..=8),
        vec(any::<u8>(), 1..300),
    )
        .prop_map(|(head, place, reach, area, requests, payload)| v1::ToBeSigned {
            r#type: head.0,
            generation_time_us: head.1,
            sequence: head.2,
            deadline_class: Some(head.3),
            latitude: place.0,
            longitude: place.1,
            lifetime_ms: reach.0,
            max_hops: reach.1,
            area: area.map(Into::into),
            credential_requests: requests.concat().into(),
            payload: payload.into(),
        })
}

fn any_signed() -> impl Strategy<Value = v1::SignedMessage> {
    let signer = prop_oneof![
        vec(any::<u8>(), 8).prop_map(|digest| v1::signed_message::Signer::Digest(digest.into())),
        vec(any::<u8>(), 1..=MAX_CREDENTIAL)
            .prop_map(|bytes| v1::signed_message::Signer::Credential(bytes.into())),
    ];
    (vec(any::<u8>(), 1..400), vec(any::<u8>(), 64), signer).prop_map(|(tbs, signature, signer)| {
        v1::SignedMessage { tbs: tbs.into(), signature: signature.into(), signer: Some(signer) }
    })
}

/// The same message in prost's types.
fn as_prost(view: &TbsView<'_>) -> v1::ToBeSigned {
    v1::ToBeSigned {
        r#type: view.message_type as i32,
        generation_time_us: view.generation_time_us,
        sequence: view.sequence,
        latitude: view.latitude,
        longitude: view.longitude,
        deadline_class: Some(view.class as u32),
        lifetime_ms: view.lifetime_ms,
        max_hops: view.max_hops.into(),
        area: view.area.map(Into::into),
        credential_requests: view.credential_requests.to_vec().into(),
        payload: view.payload.to_vec().into(),
    }
}

fn signed_as_prost(view: &SignedView<'_>) -> v1::SignedMessage {
    v1::SignedMessage {
        tbs: view.tbs.to_vec().into(),
        signature: view.signature.to_vec().into(),
        signer: Some(match view.signer {
            SignerRef::Digest(digest) => v1::signed_message::Signer::Digest(digest.0.to_vec().into()),
            SignerRef::Credential(bytes) => v1::signed_message::Signer::Credential(bytes.to_vec().into()),
        }),
    }
}

proptest! {
    #[test]
    fn signed_bytes_are_read_and_written_as_prost_does(message in any_tbs()) {
        let bytes = message.encode_to_vec();
        let view = TbsView::parse(&bytes).unwrap();
        prop_assert_eq!(as_prost(&view), message);
        let mut again = Vec::new();
        view.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn signed_messages_are_read_and_written_as_prost_does(message in any_signed()) {
        let bytes = message.encode_to_vec();
        let view = SignedView::parse(&bytes).unwrap();
        prop_assert_eq!(signed_as_prost(&view), message);
        let mut again = Vec::new();
        encode_signed(&mut again, view.tbs, view.signature, view.signer);
        prop_assert_eq!(signed_len(view.tbs.len(), view.signer), bytes.len());
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn mutated_signed_bytes_are_refused_or_read_as_prost_does(message in any_tbs(), mutations in any_mutations(), cut: prop::sample::Index) {
        let mut bytes = message.encode_to_vec();
        mutate(&mut bytes, mutations);
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 8);
        if let Ok(view) = TbsView::parse(&bytes) {
            prop_assert_eq!(as_prost(&view), v1::ToBeSigned::decode(&bytes[..]).unwrap());
        }
    }

    #[test]
    fn mutated_signed_messages_are_refused_or_read_as_prost_does(message in any_signed(), mutations in any_mutations()) {
        let mut bytes = message.encode_to_vec();
        mutate(&mut bytes, mutations);
        if let Ok(view) = SignedView::parse(&bytes) {
            prop_assert_eq!(signed_as_prost(&view), v1::SignedMessage::decode(&bytes[..]).unwrap());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..1500)) {
        if let Ok(view) = SignedView::parse(&bytes) {
            prop_assert_eq!(signed_as_prost(&view), v1::SignedMessage::decode(&bytes[..]).unwrap());
        }
        if let Ok(view) = TbsView::parse(&bytes) {
            prop_assert_eq!(view.check(), Ok(()));
            prop_assert!(view.expiry_us() >= view.generation_time_us);
        }
    }

    #[test]
    fn every_cut_of_a_signed_message_is_refused(message in any_signed(), cut: prop::sample::Index) {
        let bytes = message.encode_to_vec();
        prop_assert!(SignedView::parse(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

fn good() -> v1::ToBeSigned {
    v1::ToBeSigned {
        r#type: 1,
        generation_time_us: 7,
        deadline_class: Some(0),
        payload: vec![1].into(),
        ..Default::default()
    }
}

#[test]
fn each_violation_of_the_signed_bytes_has_its_name() {
    let refused = |change: fn(&mut v1::ToBeSigned)| {
        let mut message = good();
        change(&mut message);
        TbsView::parse(&message.encode_to_vec()).unwrap_err()
    };
    assert_eq!(refused(|m| m.r#type = 0), WireError::Missing("type").into());
    // A negative enum value is a varint of ten bytes.
    assert_eq!(refused(|m| m.r#type = -1), WireError::OutOfRange("type").into());
    assert_eq!(refused(|m| m.generation_time_us = 0), WireError::Missing("generation_time_us").into());
    assert_eq!(refused(|m| m.deadline_class = None), WireError::Missing("deadline_class").into());
    assert_eq!(refused(|m| m.deadline_class = Some(6)), EnvelopeError::Class(6));
    assert_eq!(refused(|m| m.deadline_class = Some(256)), EnvelopeError::Class(256));
    assert_eq!(refused(|m| m.max_hops = 256), WireError::OutOfRange("max_hops").into());
    assert_eq!(refused(|m| m.latitude = i32::MIN), WireError::OutOfRange("latitude, longitude").into());
    assert_eq!(refused(|m| m.credential_requests = vec![0; 4].into()), EnvelopeError::Requests(4));
    assert_eq!(refused(|m| m.credential_requests = vec![0; 27].into()), EnvelopeError::Requests(27));
    assert_eq!(refused(|m| m.payload.clear()), WireError::Missing("payload").into());
    assert_eq!(refused(|m| m.area = Some(v1::Area::default())), WireError::OutOfRange("shape").into());
    assert_eq!(refused(|m| m.payload = vec![0; 1400].into()), EnvelopeError::TooLong(1416));
}

#[test]
fn each_violation_of_the_envelope_has_its_name() {
    let part = |number, bytes: &[u8]| {
        let mut out = Vec::new();
        wire::put_bytes_head(&mut out, number, bytes.len());
        out.extend_from_slice(bytes);
        out
    };
    let (tbs, signature) = (part(1, &[1]), part(2, &[2; 64]));
    let (digest, credential) = (part(3, &[3; 8]), part(4, &[4; 126]));
    let parse = |parts: &[&Vec<u8>]| {
        let bytes = parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<_>>();
        SignedView::parse(&bytes).map(|_| ())
    };
    let length = |field, found| Err(EnvelopeError::Wire(WireError::Length { field, found }));

    assert_eq!(parse(&[&tbs, &signature, &digest]), Ok(()));
    assert_eq!(parse(&[&credential, &signature, &tbs]), Ok(()));
    assert_eq!(parse(&[&tbs, &signature, &digest, &part(9, &[0; 9])]), Ok(()));
    assert_eq!(parse(&[&signature, &digest]), Err(WireError::Missing("tbs").into()));
    assert_eq!(parse(&[&part(1, &[]), &signature, &digest]), Err(WireError::Missing("tbs").into()));
    assert_eq!(parse(&[&tbs, &digest]), Err(WireError::Missing("signature").into()));
    assert_eq!(parse(&[&tbs, &signature]), Err(WireError::Missing("signer").into()));
    assert_eq!(parse(&[&tbs, &signature, &digest, &credential]), Err(EnvelopeError::BothSigners));
    assert_eq!(parse(&[&tbs, &signature, &credential, &digest]), Err(EnvelopeError::BothSigners));
    assert_eq!(parse(&[&tbs, &tbs, &signature, &digest]), Err(WireError::Duplicate("tbs").into()));
    assert_eq!(parse(&[&tbs, &signature, &digest, &digest]), Err(WireError::Duplicate("digest").into()));
    assert_eq!(parse(&[&tbs, &part(2, &[2; 63]), &digest]), length("signature", 63));
    assert_eq!(parse(&[&tbs, &signature, &part(3, &[3; 7])]), length("digest", 7));
    assert_eq!(parse(&[&tbs, &signature, &part(4, &[])]), length("credential", 0));
    assert_eq!(parse(&[&tbs, &signature, &part(4, &[4; 257])]), length("credential", 257));
    assert_eq!(
        parse(&[&tbs, &signature, &digest, &vec![0x0d, 0, 0, 0, 0]]),
        Err(WireError::WireType("tbs").into())
    );
    assert_eq!(
        parse(&[&tbs, &signature, &digest, &vec![0x7b]]),
        Err(WireError::WireType("SignedMessage").into())
    );
    assert_eq!(parse(&[&part(1, &[0; 1399])]), Err(EnvelopeError::TooLong(1402)));
    // The length of `tbs`, 1, in two bytes.
    assert_eq!(
        parse(&[&vec![0x0a, 0x81, 0x00, 1], &signature, &digest]),
        Err(WireError::Varint("tbs").into())
    );
}

#[test]
fn requests_come_one_by_one() {
    let message = v1::ToBeSigned { credential_requests: vec![1, 2, 3, 4, 5, 6].into(), ..good() };
    let bytes = message.encode_to_vec();
    let view = TbsView::parse(&bytes).unwrap();
    assert_eq!(view.requests().collect::<Vec<_>>(), [&[1, 2, 3], &[4, 5, 6]]);
}
