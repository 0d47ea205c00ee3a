//! A client's name for a request, by which it recognises the answers.

use core::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::{Map, Value};

use crate::fields::{BadRequest, describe, quote};

/// A client's name for one of its requests; every answer to it carries it too. The station does not interpret it, and
/// need not find it unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(u64),
    /// A text, at most [`LONGEST_ID`] bytes.
    Text(String),
}

impl RequestId {
    /// The `id` of a request's object, if it has one.
    pub(super) fn read(object: &Map<String, Value>) -> Result<Option<Self>, BadRequest> {
        match object.get("id") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64().map(Self::Number)),
            Some(Value::String(text)) if text.len() <= LONGEST_ID => Ok(Some(Self::Text(text.clone()))),
            Some(Value::String(text)) => {
                let found = format!("{}, {} bytes", quote(text), text.len());
                Err(BadRequest(format!("id: found {found}, expected {ID_RIGHT}")))
            }
            Some(other) => Err(BadRequest(format!("id: found {}, expected {ID_RIGHT}", describe(other)))),
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

// Not derived: what `untagged` generates keeps the value, tries each variant on it, and takes a hundred times the code.
impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = RequestId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<RequestId, E> {
                Ok(RequestId::Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RequestId, E> {
                Ok(RequestId::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Longest text of an id, bytes.
pub const LONGEST_ID: usize = 64;
const ID_RIGHT: &str = "a text of at most 64 bytes or a whole number, 0 to 18446744073709551615";
