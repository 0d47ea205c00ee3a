//! Floods that a signer makes so that one is taken for another.

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as BASE;
use prost::Message as _;
use sha2::{Digest as _, Sha512};
use v2x_core::{MessageId, credential_hash, signing_input};
use v2x_proto::envelope::SignerRef;

use super::*;
use testkit::craft;
use testkit::{Authority, PLACE, anchor, hazard};

/// A flood whose signature begins with the nonce that `nonce` gives, whatever its content: a signer chooses it.
fn with_nonce(by: &Crafter, number: u32, at: Instant, nonce: u64) -> (bytes::Bytes, MessageId) {
    let payload = hazard::new(by.digest, number, PLACE, anchor().wire_at(at)).encode_to_vec();
    let fields = hazard_flood(by, &payload, at);
    let (mut tbs, mut input) = (Vec::new(), Vec::new());
    fields.encode(&mut tbs);
    signing_input(&mut input, &credential_hash(&by.credential), &tbs);
    let key = Authority::key(50);
    let r = Scalar::from(nonce);
    let nonce_point = (BASE * r).compress();
    let public = key.verifying_key().to_bytes();
    let hash = Sha512::new().chain_update(nonce_point.0).chain_update(public).chain_update(&input).finalize();
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.into());
    let s = r + challenge * key.to_scalar();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&nonce_point.0);
    signature[32..].copy_from_slice(s.as_bytes());
    let frame = craft::frame(&by.header(&fields), &tbs, &signature, SignerRef::Credential(&by.credential));
    (frame, MessageId { signer: by.digest, class: Class::D3, sequence: fields.sequence })
}

// Floods were named by the first bytes of the nonce: whoever held one of two with the same was taken to hold both.
#[test]
fn a_flood_is_given_to_who_lacks_it_although_another_begins_with_the_same_nonce() {
    let mut crew = Crew::default();
    let mut field = Field::new(&mut crew, vec![(0.0, 0.0), (100.0, 0.0)], Scheme::Roadcast);
    field.run(ms(2_100), &|_, _, _| true);
    let insider = Crafter::station(50);
    let (wanted, id) = with_nonce(&insider, 1, field.now, 1_234_567);
    let (cover, _) = with_nonce(&insider, 2, field.now, 1_234_567);
    let test = |frame: &bytes::Bytes| craft::poked(frame, 1, |flags| flags | 1 << 4);
    field.hear(0, &test(&wanted), [9; 6]);
    field.run(field.now + Duration::from_millis(200), &|_, _, _| false);
    for station in 0..2 {
        field.hear(station, &test(&cover), [9; 6]);
    }
    field.run(field.now + Duration::from_millis(200), &|_, _, _| false);
    assert!(!field.delivered(id).contains_key(&1));
    field.run(field.now + Duration::from_secs(3), &|_, _, _| true);
    assert!(
        field.delivered(id).contains_key(&1),
        "the beacon that names the other flood does not name this one"
    );
}
