//! Confidential messages: opened when they are for this station, and judged as if they had been sent open.

use bytes::Bytes;
use v2x_proto::Digest;
use v2x_proto::payload::{self, Message, SealedContent};
use v2x_proto::v1::{self, MessageType};

use super::Receiver;
use crate::base::{DropReason, Received, Refusal, SealBinding, Sealed, WireTime};
use crate::receive::frame::Frame;
use crate::receive::rules;
use crate::receive::situation::Situation;
use crate::trust::{Lookup, Permissions, Travel, message_rules, roles};

impl Receiver {
    /// Opens a confidential message, whose signature holds: type and payload become those of what was sealed.
    ///
    /// # Errors
    /// It is for another station, does not open, or what was sealed is refused.
    pub(super) fn open(
        &mut self,
        received: &mut Received,
        frame: &Frame,
        situation: &Situation<'_>,
    ) -> Result<(), Refusal> {
        let message = payload::decode(received.message_type, received.payload.clone());
        let Message::Confidential(message) = message.map_err(Refusal::of_payload)? else {
            return Err(DropReason::SealedContent.into());
        };
        let receiver = Digest::from_slice(&message.receiver).unwrap_or_default();
        let Some(own) = situation.own.identity(&receiver) else {
            return Err(DropReason::SealedForAnother.into());
        };
        let Lookup::Known(signer) = self.keys.lookup(&received.id.signer, situation.moment.wire()) else {
            return Err(DropReason::UnknownCredential.into());
        };
        let bound = SealBinding {
            sender: signer.hash,
            receiver: *own.hash(),
            generation: received.generation_time,
            class: received.id.class,
            sequence: received.id.sequence,
        };
        let content = situation.own.open(&receiver, situation.moment.now, &bound, &sealed(&message))?;
        let inner = content_of(&content, &travel(frame), Permissions(received.permissions))?;
        received.message_type = u32::from(inner.message_type);
        received.payload = Bytes::copy_from_slice(inner.payload);
        received.confidential = true;
        Ok(())
    }

    /// SHA-256 of a station's credential, and the encryption key in it; `None` when its credential is not known or has none.
    pub fn encryption_key(&self, station: &Digest, now: WireTime) -> Option<([u8; 32], [u8; 32])> {
        let trusted = self.keys.peek(station).filter(|trusted| trusted.valid_at(now))?;
        Some((trusted.hash, trusted.encryption_key()?))
    }
}

fn sealed(message: &v1::Confidential) -> Sealed {
    // Its length was checked when the payload was decoded.
    let encapsulated_key = message.encapsulated_key.first_chunk().copied().unwrap_or_default();
    Sealed { encapsulated_key, ciphertext: message.ciphertext.to_vec() }
}

fn travel(frame: &Frame) -> Travel<'_> {
    Travel {
        class: frame.id.class,
        lifetime_ms: frame.lifetime_ms,
        max_hops: frame.max_hops,
        area: frame.area.as_ref(),
    }
}

/// What was sealed, once it has passed every rule for a message of its type.
fn content_of<'a>(
    content: &'a [u8],
    travel: &Travel<'_>,
    permissions: Permissions,
) -> Result<SealedContent<'a>, Refusal> {
    let malformed = |field| Refusal::of(DropReason::SealedContent, field);
    let denied = |field| Refusal::of(DropReason::SealedDenied, field);
    let inner = SealedContent::parse(content).map_err(|error| malformed(error.field()))?;
    let known = MessageType::try_from(i32::from(inner.message_type)).unwrap_or_default();
    if known == MessageType::Unspecified {
        return Err(malformed("type"));
    }
    if !message_rules::may_be_sealed(u32::from(inner.message_type)) {
        return Err(denied("type"));
    }
    rules::travels(u32::from(inner.message_type), travel, permissions)
        .map_err(|refusal| denied(refusal.field.unwrap_or("type")))?;
    let payload = Bytes::copy_from_slice(inner.payload);
    let message = payload::decode(u32::from(inner.message_type), payload)
        .map_err(|error| malformed(error.field().unwrap_or("type")))?;
    roles::denied(&message, permissions).map_or(Ok(inner), |field| Err(denied(field)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message as _;
    use v2x_proto::Class;

    const D4: Travel<'static> = Travel { class: Class::D4, lifetime_ms: 1_000, max_hops: 1, area: None };
    const D5: Travel<'static> = Travel { class: Class::D5, ..D4 };

    fn content(message_type: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        SealedContent { message_type, payload }.encode(&mut bytes).unwrap();
        bytes
    }

    fn request() -> Vec<u8> {
        let request = v1::PriorityRequest {
            request_id: 1,
            action: 1,
            arrival_us: 5,
            role: 1,
            ..v1::PriorityRequest::default()
        };
        request.encode_to_vec()
    }

    fn told(
        content: &[u8],
        travel: &Travel<'_>,
        permissions: Permissions,
    ) -> (DropReason, Option<&'static str>) {
        let refusal = content_of(content, travel, permissions).unwrap_err();
        (refusal.reason, refusal.field)
    }

    #[test]
    fn what_was_sealed_passes_the_rules_of_its_type() {
        let may = Permissions::PRIORITY_REQUEST;
        let good = content(9, &request());
        assert_eq!(content_of(&good, &D4, may).unwrap().payload, request());
        let (denied, malformed) = (DropReason::SealedDenied, DropReason::SealedContent);
        assert_eq!(told(&good, &D4, Permissions::AWARENESS), (denied, Some("type")));
        assert_eq!(told(&good, &D5, may), (denied, Some("deadline_class")));
        assert_eq!(told(&content(1, &request()), &D4, may), (denied, Some("deadline_class")));
        let everything = Permissions(u64::MAX);
        for never in [13, 32, 33, 34] {
            assert_eq!(told(&content(never, b"x"), &D5, everything), (denied, Some("type")));
        }
        for unknown in [0, 12, 38, u16::MAX] {
            assert_eq!(told(&content(unknown, b"x"), &D5, everything), (malformed, Some("type")));
        }
        assert_eq!(told(&content(9, b"\x08"), &D4, everything), (malformed, Some("intersection_id")));
        let mut padded = good.clone();
        padded[63] = 1;
        assert_eq!(told(&padded, &D4, may), (malformed, Some("padding")));
        assert_eq!(told(&good[..63], &D4, may), (malformed, Some("content")));
        let mut long = good;
        long[2] = 61;
        assert_eq!(told(&long, &D4, may), (malformed, Some("length")));
    }

    proptest! {
        #[test]
        fn arbitrary_contents_are_refused_by_name_or_pass(
            mut bytes in proptest::collection::vec(any::<u8>(), 64),
            permissions: u64,
            step in prop::sample::select(&payload::STEPS),
        ) {
            bytes.resize(step, 0);
            if let Err(refusal) = content_of(&bytes, &D4, Permissions(permissions)) {
                prop_assert!(matches!(refusal.reason, DropReason::SealedContent | DropReason::SealedDenied));
                prop_assert!(refusal.field.is_some());
            }
        }
    }
}
