//! A message delivered, or sent, and a frame dropped.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message of a watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Message {
    /// Its name, `<16 hex digits>/<class>/<sequence>`.
    pub message: String,
    /// Its type, named as in the schema: `awareness`, `hazard` ...
    pub r#type: String,
    /// `D0` .. `D5`.
    pub class: String,
    /// Digest of its signer's credential.
    pub signer: String,
    /// Its number within signer and class.
    pub sequence: u32,
    /// When it was generated, by its signer's clock: TAI microseconds since 2004-01-01T00:00:00Z.
    pub generation_time_us: u64,
    /// The same in UTC.
    pub generation_time_utc: String,
    /// Latitude, degrees, where it was generated.
    pub latitude_deg: f64,
    /// Longitude, degrees.
    pub longitude_deg: f64,
    /// Metres from this station; absent while it does not know where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<f64>,
    /// Hops it has travelled, 1 straight from its signer; 0 for the station's own.
    pub hops: u8,
    /// Link address it came from; not signed, and a relay's for one that travelled. Absent in the station's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_address: Option<String>,
    /// Received power, where the link knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_dbm: Option<i8>,
    /// Whether its signature was verified. False only where the station samples the awareness of far neighbours.
    pub verified: bool,
    /// `trusted`, `suspect` or `isolated`, of its signer.
    pub standing: String,
    /// From its generation (of an own message: from when it was due) until it was delivered (own: until it was with the link), as
    /// far as the two clocks agree; absent where the signer's clock is ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<f64>,
    /// What its class allows; absent for background.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_us: Option<u64>,
    /// Whether it took longer.
    pub late: bool,
    /// How long each stage took, microseconds; the names are those of a report's stages.
    pub stages: BTreeMap<String, f64>,
    /// Where the forwarder of the copy that was delivered was; absent straight from its signer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarder: Option<MessageForwarder>,
    /// Whether this station signed it.
    pub own: bool,
    /// Whether it came from afar; absent in those that did not.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub afar: bool,
    /// Of one from afar: the number that was handed in with it, for where it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub afar_peer: Option<u16>,
    /// Whether it came sealed to this station alone: type and payload are those of what was sealed. Absent when it did not.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub confidential: bool,
    /// Its payload, fields named as in the schema; absent where the watch leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
}

/// Where the forwarder of a message was, as it says; not signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct MessageForwarder {
    /// Latitude, degrees.
    pub latitude_deg: f64,
    /// Longitude, degrees.
    pub longitude_deg: f64,
}

/// A message in an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum AnsweredMessage {
    /// Its name, in the answer to `publish`.
    Name(String),
    /// All of it, in the lines of a watch.
    Whole(Box<Message>),
}

// Not derived: as for the id of a request.
impl<'de> Deserialize<'de> for AnsweredMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = AnsweredMessage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message or its name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<AnsweredMessage, E> {
                Ok(AnsweredMessage::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AnsweredMessage, A::Error> {
                let message = Message::deserialize(MapAccessDeserializer::new(map))?;
                Ok(AnsweredMessage::Whole(Box::new(message)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A frame that was not delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct DroppedFrame {
    /// Why, by its stable name.
    pub reason: String,
    /// The field at fault, named as in the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Link address it came from.
    pub link_address: String,
    /// Which message it claimed to be, as far as that could be read; unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<String>,
    /// Length of the frame; absent for one that waited before it was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its first 20 bytes, the hop header, as hex; absent as `bytes` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Received power, where the link knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_dbm: Option<i8>,
    /// Whether it came from afar, and has no link address; absent in those that did not.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub afar: bool,
    /// Frames dropped for the same reason since the last one told, which were not told.
    pub suppressed: u64,
}
