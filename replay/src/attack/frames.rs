//! Frames that no honest station would send.

use bytes::Bytes;
use v2x_core::{Identity, Position};
use v2x_proto::Digest;
use v2x_proto::envelope::{SignedView, SignerRef, TbsView, encode_signed};
use v2x_proto::hop;

use super::insider::{Claim, read, resign};
use super::{AttackKind, Insider, Overheard};

/// A frame of this kind of attack, made from one that was heard.
pub(crate) fn forge(kind: AttackKind, heard: &Overheard, insider: &mut Insider) -> Option<Bytes> {
    let bytes = &heard.bytes;
    let (header, len) = hop::parse(bytes).ok()?;
    let signed = SignedView::parse(&bytes[len..]).ok()?;
    let mut random = || insider.random.next_u64().to_le_bytes();
    let mut signature = *signed.signature;
    let mut signer = signed.signer;
    let mut tbs = signed.tbs.to_vec();
    match kind {
        AttackKind::ExactCopy | AttackKind::ReplayedFrames | AttackKind::RestartReplay => {
            return Some(bytes.clone());
        }
        AttackKind::InvalidSignature => signature[..8].copy_from_slice(&random()),
        AttackKind::MalleableSignature => add_order(&mut signature),
        // The neutral element: of order one.
        AttackKind::SmallOrderSignature => {
            signature = [0; 64];
            signature[0] = 1;
        }
        AttackKind::UnknownCredential => signer = SignerRef::Digest(Digest(random())),
        AttackKind::PoisonedSequence => {
            let view = TbsView::parse(signed.tbs).ok()?;
            tbs.clear();
            TbsView { sequence: view.sequence.wrapping_add(1), ..view }.encode(&mut tbs);
        }
        _ => return None,
    }
    let mut out = Vec::new();
    header.encode(&mut out);
    encode_signed(&mut out, &tbs, &signature, signer);
    Some(out.into())
}

/// A ghost car's message: its maker's last message, moved to a place of its own in the grid.
pub(crate) fn ghost(
    number: u32,
    identity: &mut Identity,
    sequence: u32,
    generation_us: u64,
    heard: &Overheard,
    place: Position,
    spacing_m: f64,
) -> Option<Bytes> {
    let (row, column) = (f64::from(number / 3) + 1.0, f64::from(number % 3) - 1.0);
    let claim = read(&heard.bytes, |_, awareness| Claim {
        position: place.moved(column * spacing_m, row * spacing_m),
        speed: awareness.speed,
        heading: awareness.heading,
        generation_us,
        sequence,
    })?;
    let credential = identity.credential().clone();
    resign(&heard.bytes, identity, Some(&credential), &claim)
}

/// A message of a flood: its maker's last message, dated now, under another of its credentials.
pub(crate) fn flooding(
    identity: &mut Identity,
    sequence: u32,
    generation_us: u64,
    own: &Overheard,
    place: Position,
) -> Option<Bytes> {
    let (speed, heading) = (own.speed, own.heading);
    let claim = Claim { position: place, speed, heading, generation_us, sequence };
    let credential = identity.credential().clone();
    resign(&own.bytes, identity, Some(&credential), &claim)
}

/// Adds the order of the group to the scalar of a signature: the same equation holds for it (RFC 8032 5.1.7 forbids it).
fn add_order(signature: &mut [u8; 64]) {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

/// 2^252 + 27742317777372353535851937790883648493 (RFC 8032 5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Signer as _, SigningKey};

    use super::*;

    #[test]
    fn a_malleable_signature_differs_by_the_order_of_the_group_and_is_refused() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let mut signature = key.sign(b"text").to_bytes();
        let before = signature;
        add_order(&mut signature);
        assert_eq!(signature[..32], before[..32]);
        assert_eq!(signature[32], before[32].wrapping_add(0xed));
        assert!(key.verifying_key().verify_strict(b"text", &Signature::from_bytes(&signature)).is_err());
    }
}
