//! The payload of a confidential message: another message, padded and sealed.

use bytes::Bytes;
use prost::Message as _;
use v2x_proto::payload::SealedContent;
use v2x_proto::v1::{self, MessageType};

use super::outgoing::SealTo;
use crate::base::{Host, NotSentReason, SealBinding};
use crate::trust::{Permissions, Travel, message_rules};

/// Seals a message that passed the rules of its own type.
///
/// # Errors
/// It may not be sealed in this class or at all, is too long, or the host cannot seal to that key.
pub(super) fn seal(
    message_type: u32,
    payload: &[u8],
    travel: &Travel<'_>,
    to: &SealTo,
    bound: &SealBinding,
    host: &mut dyn Host,
) -> Result<Vec<u8>, NotSentReason> {
    let outer = message_rules::check(MessageType::Confidential as u32, travel, Permissions::NONE);
    if outer.is_err() || !message_rules::may_be_sealed(message_type) {
        return Err(NotSentReason::BadRequest);
    }
    let message_type = u16::try_from(message_type).map_err(|_| NotSentReason::BadRequest)?;
    let mut content = Vec::new();
    SealedContent { message_type, payload }.encode(&mut content).ok_or(NotSentReason::TooLong)?;
    let sealed = host.seal(&to.key, bound, &content).ok_or(NotSentReason::NoEncryptionKey)?;
    let message = v1::Confidential {
        receiver: Bytes::copy_from_slice(&to.station.0),
        encapsulated_key: Bytes::copy_from_slice(&sealed.encapsulated_key),
        ciphertext: sealed.ciphertext.into(),
    };
    Ok(message.encode_to_vec())
}
