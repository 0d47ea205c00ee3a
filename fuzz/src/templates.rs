//! A valid message of each type: the golden vectors, as if the signer had just made them.

use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::WireTime;
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::{Class, Digest, v1};

use crate::seeds::source::vectors;

/// A message, and how it is to travel.
#[derive(Clone, Debug)]
pub struct Unsigned {
    /// Type of the payload.
    pub message_type: u32,
    /// Deadline class.
    pub class: Class,
    /// Lifetime, ms.
    pub lifetime_ms: u32,
    /// Signed hops.
    pub max_hops: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Message `which`, round and round; an event in it is declared by `origin` at `made`.
pub fn message(which: u8, origin: Digest, made: WireTime) -> Unsigned {
    static ALL: LazyLock<Vec<Unsigned>> = LazyLock::new(golden);
    let mut message = ALL[usize::from(which) % ALL.len()].clone();
    if message.message_type == v1::MessageType::Hazard as u32 {
        let mut hazard = v1::Hazard::decode(message.payload.as_slice()).expect("a golden vector");
        let number = hazard.id.map_or(0, |id| id.number);
        hazard.id = Some(v1::EventId { origin: Bytes::copy_from_slice(&origin.0), number });
        hazard.detection_time_us = made.as_micros();
        hazard.reference_time_us = made.as_micros();
        message.payload = hazard.encode_to_vec();
    }
    message
}

fn golden() -> Vec<Unsigned> {
    let read = |(_, bytes): (String, Vec<u8>)| {
        let signed = SignedView::parse(&bytes).expect("a golden vector");
        let tbs = TbsView::parse(signed.tbs).expect("a golden vector");
        Unsigned {
            message_type: tbs.message_type,
            class: tbs.class,
            lifetime_ms: tbs.lifetime_ms,
            max_hops: tbs.max_hops,
            payload: tbs.payload.to_vec(),
        }
    };
    vectors("message_").into_iter().map(read).collect()
}
