//! A message sealed by the vehicle to the roadside unit that has an encryption key.

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use v2x_core::{EncryptionKey, Open as _, SealBinding, WireTime, seal};
use v2x_proto::payload::SealedContent;
use v2x_proto::{Class, v1};

use super::messages::{self, NOW_US, Sample};
use super::{Keys, digest_of, hex};

/// The private half of the receiver's encryption key. Published: for tests only.
pub const SECRET: [u8; 32] = [6; 32];

/// The request for priority of the vectors, sealed in a message of this number.
pub fn sample(keys: &Keys, sequence: u32) -> Sample {
    let bound = bound(keys, sequence);
    let to = EncryptionKey::from_secret(&SECRET).public_key();
    let sealed = seal(&to, &bound, &content(), RANDOM).unwrap();
    assert_eq!(EncryptionKey::from_secret(&SECRET).open(&bound, &sealed), Ok(content()));
    let message = v1::Confidential {
        receiver: Bytes::copy_from_slice(&digest_of(&keys.confidant).0),
        encapsulated_key: Bytes::copy_from_slice(&sealed.encapsulated_key),
        ciphertext: sealed.ciphertext.into(),
    };
    Sample {
        name: "confidential",
        message: message.into(),
        class: Class::D4,
        lifetime_ms: 1_000,
        max_hops: 1,
        area: None,
        credential_requests: &[],
        roadside: false,
        in_full: false,
    }
}

/// What opens it, and what is in it.
pub fn vector(keys: &Keys, sequence: u32) -> Json {
    let bound = bound(keys, sequence);
    let v2x_proto::payload::Message::Confidential(sealed) = sample(keys, sequence).message else {
        unreachable!("it is one")
    };
    json!({
        "kind": "seal",
        "hex": hex(&sealed.encode_to_vec()),
        "test_only_secret": hex(&SECRET),
        "sender_credential": hex(&keys.vehicle),
        "receiver_credential": hex(&keys.confidant),
        "generation_time_us": NOW_US,
        "sequence": sequence,
        "deadline_class": Class::D4 as u8,
        "info": hex(&bound.info()),
        "aad": hex(&bound.aad()),
        "content": hex(&content()),
        "type": "MESSAGE_TYPE_PRIORITY_REQUEST",
        "payload": hex(&payload()),
    })
}

fn bound(keys: &Keys, sequence: u32) -> SealBinding {
    SealBinding {
        sender: Sha256::digest(&keys.vehicle).into(),
        receiver: Sha256::digest(&keys.confidant).into(),
        generation: WireTime::from_micros(NOW_US),
        class: Class::D4,
        sequence,
    }
}

fn content() -> Vec<u8> {
    let mut content = Vec::new();
    let message_type = v1::MessageType::PriorityRequest as u16;
    SealedContent { message_type, payload: &payload() }.encode(&mut content).unwrap();
    content
}

fn payload() -> Vec<u8> {
    messages::priority_request().encode_to_vec()
}

/// In the place of randomness.
const RANDOM: [u8; 32] = [7; 32];
