//! Payloads: the messages themselves, parsed only after their signature was verified.
//!
//! Decoding refuses what two protobuf readers might read differently (`form`), and what the schema's comments exclude: a
//! value out of its range, a list longer than its cap, columns of unequal length. Unknown fields, and an enum value this code
//! does not know, are let through as proto3 has it, so that a newer sender is understood as far as possible.
//!
//! With the feature `json`, messages are written and read as JSON too, checked as strictly.

use bytes::{BufMut, Bytes};
use prost::Message as _;

use crate::v1;

mod beacon;
mod flood_tags;
mod form;
#[cfg(feature = "json")]
mod json;
mod management;
mod range;
mod road;
mod roadside;
mod sealed;

pub use beacon::Beacon;
pub use flood_tags::FloodTags;
pub use form::{FormError, FormFault};
#[cfg(feature = "schema")]
pub use json::schema;
#[cfg(feature = "json")]
pub use json::{JsonError, station_type_name, type_name, type_named};
pub use sealed::{ContentError, HEAD, MAX_SEALED_PAYLOAD, STEPS, SealedContent, TAG};

/// Reads the payload of a verified message. Lists of bytes share `payload`'s memory.
pub fn decode(message_type: u32, payload: Bytes) -> Result<Message, PayloadError> {
    let known = i32::try_from(message_type).ok().and_then(|number| v1::MessageType::try_from(number).ok());
    let known = known.filter(|known| *known != v1::MessageType::Unspecified);
    let known = known.ok_or(PayloadError::UnknownType(message_type))?;
    form::check(known, &payload)?;
    let message = decode_library(known, payload)?;
    message.check()?;
    Ok(message)
}

/// Reads an awareness payload into a struct that was used before, allocating nothing once its
/// columns have had their full length. After an error `into` is empty.
pub fn decode_awareness_into(into: &mut v1::Awareness, payload: &[u8]) -> Result<(), PayloadError> {
    into.clear();
    let result = merge_awareness(into, payload);
    if result.is_err() {
        into.clear();
    }
    result
}

fn merge_awareness(into: &mut v1::Awareness, payload: &[u8]) -> Result<(), PayloadError> {
    form::check(v1::MessageType::Awareness, payload)?;
    into.merge(payload).map_err(|_| undecodable("Awareness"))?;
    into.check()
}

/// A payload in its form decodes; should the library refuse one, that is no reason to stop.
#[cold]
fn undecodable(message: &'static str) -> PayloadError {
    FormError { field: message, fault: FormFault::Undecodable }.into()
}

/// Why a payload is not the message of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PayloadError {
    /// A message type this code does not know.
    #[error("message type {0} is not known")]
    UnknownType(u32),
    /// Not protobuf of this message, or written so that readers may differ.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A list longer than its cap.
    #[error("field `{field}` has more than {limit} entries")]
    TooMany {
        /// The field's name in the schema.
        field: &'static str,
        /// Entries, or bytes, it may have.
        limit: usize,
    },
    /// A value outside the range its comment in the schema gives, a missing one that must be
    /// there included.
    #[error("field `{field}` is out of its range")]
    OutOfRange {
        /// The field's name in the schema.
        field: &'static str,
    },
}

impl PayloadError {
    /// The field at fault, named as in the schema; the message itself where no known field is.
    pub const fn field(self) -> Option<&'static str> {
        match self {
            Self::UnknownType(_) => None,
            Self::Form(FormError { field, .. })
            | Self::TooMany { field, .. }
            | Self::OutOfRange { field } => Some(field),
        }
    }
}

/// What a message must hold besides being protobuf.
pub(crate) trait Check {
    /// An error naming the first field that violates the schema's comments.
    fn check(&self) -> Result<(), PayloadError>;
}

/// Makes the enum of all messages and its conversions from one list, so that no message can be in
/// one of them and missing from another.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A payload, by its type.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(
            clippy::large_enum_variant,
            reason = "the largest, awareness, is the commonest: a box would cost it an allocation"
        )]
        pub enum Message {
            $($(#[$doc])* $name(v1::$name),)+
        }

        impl Message {
            /// The type an envelope around this message states.
            pub const fn message_type(&self) -> v1::MessageType {
                match self {
                    $(Self::$name(_) => v1::MessageType::$name,)+
                }
            }

            /// Name of the message, as in the schema.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)+
                }
            }

            /// An error naming the first field a receiver would refuse.
            pub fn check(&self) -> Result<(), PayloadError> {
                match self {
                    $(Self::$name(message) => message.check(),)+
                }
            }

            /// Length of the payload in bytes.
            pub fn encoded_len(&self) -> usize {
                match self {
                    $(Self::$name(message) => message.encoded_len(),)+
                }
            }

            /// Appends the payload. Values are written as they are; [`check`](Self::check)
            /// judges them.
            ///
            /// # Panics
            ///
            /// When `out` cannot take [`encoded_len`](Self::encoded_len) more bytes, as `BufMut`
            /// does; a `Vec` or `BytesMut` can.
            pub fn encode(&self, out: &mut impl BufMut) {
                match self {
                    $(Self::$name(message) => message.encode_raw(out),)+
                }
            }
        }

        $(impl From<v1::$name> for Message {
            fn from(message: v1::$name) -> Self {
                Self::$name(message)
            }
        })+

        /// By the library alone, which is lenient.
        fn decode_library(message_type: v1::MessageType, payload: Bytes) -> Result<Message, PayloadError> {
            match message_type {
                $(v1::MessageType::$name => v1::$name::decode(payload)
                    .map(Message::$name)
                    .map_err(|_| undecodable(stringify!($name))),)+
                v1::MessageType::Unspecified => Err(PayloadError::UnknownType(0)),
            }
        }
    };
}

messages! {
    /// I am here.
    Awareness,
    /// Something dangerous is there.
    Hazard,
    /// State of an intersection's signals.
    SignalState,
    /// Lanes of an intersection.
    IntersectionMap,
    /// Traffic signs in force.
    SignInfo,
    /// Services of a roadside unit.
    RsuAdvert,
    /// Objects a station perceives.
    Perception,
    /// Beacon of a vulnerable road user.
    Vru,
    /// A vehicle asks for a green signal.
    PriorityRequest,
    /// How an intersection answers.
    PriorityStatus,
    /// Corrections for satellite receivers.
    GnssCorrection,
    /// Another message, sealed to one station.
    Confidential,
    /// Requests credentials.
    CredentialRequest,
    /// Answers with credentials.
    CredentialResponse,
    /// Changes of a revocation list.
    RevocationDelta,
    /// Reports a station to the authority.
    MisbehaviourReport,
    /// Status of a station.
    NodeStatus,
    /// Measures round trips.
    Echo,
    /// What an operator has for its units.
    UpdateManifest,
}

#[cfg(test)]
mod tests;
