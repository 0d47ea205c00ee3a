//! What is sealed in a confidential message: type and payload of another message, padded to a size step.
//!
//! Two numbers of 16 bits, little-endian: the message type and the length of the payload; then the payload, and zeros
//! up to one of [`STEPS`]. So an observer learns one of five sizes and nothing else of the content.

use super::range::{ensure, exactly};
use super::{Check, PayloadError};
use crate::v1;

/// Bytes that a content is padded to. A request for priority is in the first. The last is the largest that fits into a
/// frame of 1,398 bytes beside a credential of 256, an area and the fields of the envelope, which leave 931 for it.
pub const STEPS: [usize; 5] = [64, 128, 256, 512, 768];

/// Bytes of type and length before the payload.
pub const HEAD: usize = 4;

/// Bytes that sealing adds (the tag of ChaCha20-Poly1305, RFC 8439).
pub const TAG: usize = 16;

/// Longest payload that can be sealed, bytes.
pub const MAX_SEALED_PAYLOAD: usize = STEPS[STEPS.len() - 1] - HEAD;

/// The content of a confidential message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedContent<'a> {
    /// The type of the message in it, a `MessageType` or a number this code does not know.
    pub message_type: u16,
    /// That message, encoded.
    pub payload: &'a [u8],
}

impl<'a> SealedContent<'a> {
    /// Reads an opened content.
    ///
    /// # Errors
    /// What of it is not as this module's documentation says.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ContentError> {
        let [low, high, short, long, rest @ ..] = bytes else { return Err(ContentError::Size(bytes.len())) };
        if !STEPS.contains(&bytes.len()) {
            return Err(ContentError::Size(bytes.len()));
        }
        let (message_type, length) = (u16::from_le_bytes([*low, *high]), u16::from_le_bytes([*short, *long]));
        let (payload, padding) =
            rest.split_at_checked(usize::from(length)).ok_or(ContentError::Length(length))?;
        if payload.is_empty() {
            return Err(ContentError::Length(length));
        }
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ContentError::Padding);
        }
        Ok(Self { message_type, payload })
    }

    /// Appends the content, padded to the smallest step; `None`, and nothing is written, when it is longer than the
    /// largest.
    pub fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        let length = u16::try_from(self.payload.len()).ok()?;
        let step = STEPS.into_iter().find(|step| HEAD + self.payload.len() <= *step)?;
        let end = out.len() + step;
        out.extend_from_slice(&self.message_type.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(self.payload);
        out.resize(end, 0);
        Some(())
    }
}

/// Why an opened content is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Its size is no step.
    #[error("sealed content has {0} bytes; it is padded to 64, 128, 256, 512 or 768")]
    Size(usize),
    /// Its payload is empty, or longer than the rest of it.
    #[error("sealed content has a payload of {0} bytes, which is empty or reaches beyond it")]
    Length(u16),
    /// A byte behind the payload is not zero.
    #[error("the padding behind sealed content is not zero")]
    Padding,
}

impl ContentError {
    /// The part at fault, as docs/wire.md names it.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Size(_) => "content",
            Self::Length(_) => "length",
            Self::Padding => "padding",
        }
    }
}

impl Check for v1::Confidential {
    fn check(&self) -> Result<(), PayloadError> {
        exactly("receiver", &self.receiver, 8)?;
        exactly("encapsulated_key", &self.encapsulated_key, 32)?;
        let content = self.ciphertext.len().checked_sub(TAG);
        ensure("ciphertext", content.is_some_and(|content| STEPS.contains(&content)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{MAX_CREDENTIAL, MAX_FRAME, SignerRef, TbsRepr, signed_len};
    use crate::{AreaView, Class, Shape};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    proptest! {
        #[test]
        fn a_content_is_read_back_and_has_the_smallest_step(
            message_type: u16,
            payload in vec(any::<u8>(), 1..=MAX_SEALED_PAYLOAD),
        ) {
            let content = SealedContent { message_type, payload: &payload };
            let mut bytes = Vec::new();
            content.encode(&mut bytes).unwrap();
            prop_assert!(STEPS.contains(&bytes.len()));
            prop_assert!(STEPS.iter().all(|step| *step >= bytes.len() || *step < HEAD + payload.len()));
            prop_assert_eq!(SealedContent::parse(&bytes), Ok(content));
        }

        #[test]
        fn arbitrary_bytes_are_a_content_or_a_named_fault(bytes in vec(any::<u8>(), 0..800), step in 0..6_usize) {
            let mut bytes = bytes;
            if let Some(step) = STEPS.get(step) {
                bytes.resize(*step, 0);
            }
            if let Ok(content) = SealedContent::parse(&bytes) {
                prop_assert!(!content.payload.is_empty());
            }
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        let mut bytes = Vec::new();
        SealedContent { message_type: 9, payload: b"x" }.encode(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 64);
        assert_eq!(SealedContent::parse(&bytes[..63]), Err(ContentError::Size(63)));
        assert_eq!(SealedContent::parse(&[]), Err(ContentError::Size(0)));
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            SealedContent::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(2, 61), ContentError::Length(61));
        assert_eq!(with(2, 0), ContentError::Length(0));
        assert_eq!(with(63, 1), ContentError::Padding);
        let long = vec![1; MAX_SEALED_PAYLOAD + 1];
        assert_eq!(SealedContent { message_type: 9, payload: &long }.encode(&mut bytes), None);
        assert_eq!(bytes.len(), 64, "nothing written");
    }

    #[test]
    fn the_largest_step_fits_into_a_frame_with_the_longest_credential() {
        let largest = v1::Confidential {
            receiver: vec![1; 8].into(),
            encapsulated_key: vec![1; 32].into(),
            ciphertext: vec![1; STEPS[4] + TAG].into(),
        };
        assert_eq!(largest.check(), Ok(()));
        let area = AreaView {
            latitude: -1,
            longitude: -1,
            shape: Shape::Ellipse,
            distance_a_m: 65_535,
            distance_b_m: 65_535,
            azimuth_deg: 359,
        };
        let tbs = TbsRepr {
            message_type: v1::MessageType::Confidential as u32,
            generation_time_us: u64::MAX,
            sequence: u32::MAX,
            latitude: -1,
            longitude: -1,
            class: Class::D5,
            lifetime_ms: 300_000,
            max_hops: 1,
            area: Some(area),
            credential_requests: &[],
            payload: &largest.encode_to_vec(),
        };
        let mut bytes = Vec::new();
        tbs.encode(&mut bytes);
        let frame = 20 + signed_len(bytes.len(), SignerRef::Credential(&[0; MAX_CREDENTIAL]));
        assert!(frame <= MAX_FRAME, "{frame}");
        // And the next that would double it does not.
        assert!(frame + 256 > MAX_FRAME);
    }
}
