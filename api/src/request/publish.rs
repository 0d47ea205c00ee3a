//! A message that a program has the station sign and send.

use serde_json::{Map, Value};
use v2x_proto::payload::Message;
use v2x_proto::{Class, Digest, v1};

use super::area::{self, Area};
use super::messages::{MESSAGE_TYPES, message_type, type_name};
use super::station::{DIGEST_RIGHT, digest};
use crate::fields::{BadRequest, Fields};

/// A message to send; what is `None` has the default of its type or class.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishRequest {
    /// Type of the message.
    pub message_type: v1::MessageType,
    /// The message: fields named as in the schema. The daemon checks it ([`Message::from_json`]).
    pub payload: Value,
    /// Deadline class; the least urgent that its type may have, by default.
    pub class: Option<Class>,
    /// How long it is of use, ms, 1..=600000, and no longer than its class allows.
    pub lifetime_ms: Option<u32>,
    /// Hops it may travel, 1..=255, by class.
    pub hops: Option<u8>,
    /// The area that it concerns, about the station unless it has a centre.
    pub area: Option<Area>,
    /// The one station that is to read it, a neighbour: sealed to its encryption key, and in D4 or D5.
    pub to: Option<Digest>,
}

impl From<Message> for PublishRequest {
    /// With the defaults of its type.
    fn from(message: Message) -> Self {
        Self {
            message_type: message.message_type(),
            payload: message.to_json(),
            class: None,
            lifetime_ms: None,
            hops: None,
            area: None,
            to: None,
        }
    }
}

impl PublishRequest {
    pub(super) fn keys(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
            }
        };
        put("payload", Some(self.payload.clone()));
        put("class", self.class.map(|class| class.name().into()));
        put("lifetime_ms", self.lifetime_ms.map(Into::into));
        put("hops", self.hops.map(Into::into));
        put("area", self.area.map(|area| area.keys()));
        put("to", self.to.map(|station| station.to_string().into()));
        keys
    }

    pub(super) fn read(verb: &str, object: &Map<String, Value>) -> Result<Self, BadRequest> {
        let fields = Fields::of(object, KEYS, "")?;
        let Some(message_type) = message_type(verb) else {
            let all = MESSAGE_TYPES.map(type_name).join(", ");
            return Err(fields.wrong("publish", &verb.into(), &format!("a type of message, one of {all}")));
        };
        let right = "an object, the message with its fields named as in the schema";
        let payload = fields.object("payload", right)?.ok_or_else(|| fields.missing("payload", right))?;
        Ok(Self {
            message_type,
            payload: Value::Object(payload.clone()),
            class: fields.named("class", r#""D0" .. "D5""#, &Class::ALL, Class::name)?,
            lifetime_ms: fields.integer("lifetime_ms", 1..=LONGEST_LIFETIME_MS)?.map(|ms| ms as u32),
            hops: fields.integer("hops", 1..=255)?.map(|hops| hops as u8),
            area: fields.object("area", area::RIGHT)?.map(Area::read).transpose()?,
            to: fields.parsed("to", DIGEST_RIGHT, digest)?,
        })
    }
}

const KEYS: &[&str] = &["v", "id", "publish", "payload", "class", "lifetime_ms", "hops", "area", "to"];
/// Of any class (`v2x.v1.ToBeSigned`).
const LONGEST_LIFETIME_MS: u64 = 600_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use v2x_proto::Shape;

    use super::*;
    use crate::request::Request;

    fn complaint(line: &str) -> String {
        Request::parse(line.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_message_to_send_reads_as_written() {
        let line = r#"{"publish":"vru","payload":{"profile":"pedestrian","speed":120},"class":"D2","lifetime_ms":500,
            "hops":1,"area":{"shape":"circle","radius_m":50},"to":"00112233aabbccdd"}"#;
        let area =
            Area { shape: Shape::Circle, distance_a_m: 50, distance_b_m: 0, azimuth_deg: 0, centre: None };
        let expected = PublishRequest {
            message_type: v1::MessageType::Vru,
            payload: json!({"profile": "pedestrian", "speed": 120}),
            class: Some(Class::D2),
            lifetime_ms: Some(500),
            hops: Some(1),
            area: Some(area),
            to: Some(Digest([0x00, 0x11, 0x22, 0x33, 0xaa, 0xbb, 0xcc, 0xdd])),
        };
        let request = Request::parse(line.replace('\n', " ").as_bytes()).unwrap();
        assert_eq!(request, Request::Publish(Box::new(expected)));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (line, expected) in [
            (
                r#"{"publish":"denm","payload":{}}"#,
                r#"publish: found "denm", expected a type of message, one of awareness, hazard, "#,
            ),
            (r#"{"publish":{"vru":1}}"#, "no request; expected"),
            (
                r#"{"publish":"vru"}"#,
                "payload is missing: an object, the message with its fields named as in the schema",
            ),
            (r#"{"publish":"vru","payload":null}"#, "payload is missing"),
            (r#"{"publish":"vru","payload":"08"}"#, r#"payload: found "08", expected an object"#),
            (r#"{"publish":"vru","payload":{},"class":"D6"}"#, r#"class: found "D6", expected "D0" .. "D5""#),
            (
                r#"{"publish":"vru","payload":{},"lifetime_ms":0}"#,
                "lifetime_ms: found 0, expected a whole number, 1 to 600000",
            ),
            (
                r#"{"publish":"vru","payload":{},"hops":256}"#,
                "hops: found 256, expected a whole number, 1 to 255",
            ),
            (
                r#"{"publish":"vru","payload":{},"max_hops":1}"#,
                r#"unknown key "max_hops"; keys here: v, id, publish, payload, class"#,
            ),
            (
                r#"{"publish":"vru","payload":{},"to":"0011"}"#,
                r#"to: found "0011", expected a station's digest: 16 hex digits"#,
            ),
            (r#"{"publish":"vru","payload":{"speed":NaN}}"#, "no JSON at column"),
            (r#"{"publish":"vru","payload":{"speed":1e400}}"#, "no JSON at column"),
            (r#"{"publish":"vru","payload":{},"hazard":"list"}"#, "does not go with"),
        ] {
            let complaint = complaint(line);
            assert!(complaint.contains(expected), "{line}: {complaint}");
        }
        let nested = format!(r#"{{"publish":"vru","payload":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        assert!(complaint(&nested).contains("no JSON at column"));
    }

    proptest! {
        #[test]
        fn a_message_to_send_survives_its_line(
            place in 0..MESSAGE_TYPES.len(),
            class in prop::option::of(prop::sample::select(&Class::ALL[..])),
            lifetime_ms in prop::option::of(1..=LONGEST_LIFETIME_MS as u32),
            hops in prop::option::of(1..=u8::MAX),
            radius in prop::option::of(1..=65_535_u32),
            to in prop::option::of(any::<[u8; 8]>()),
            fields in prop::collection::vec(("[a-z_]{1,8}", any::<i64>()), 0..4),
        ) {
            let area = radius.map(|distance_a_m| Area {
                shape: Shape::Circle, distance_a_m, distance_b_m: 0, azimuth_deg: 0, centre: None,
            });
            let payload = fields.into_iter().map(|(key, value)| (key, value.into())).collect();
            let (message_type, to) = (MESSAGE_TYPES[place], to.map(Digest));
            let publish = PublishRequest { message_type, payload: Value::Object(payload), class, lifetime_ms, hops, area, to };
            let request = Request::Publish(Box::new(publish));
            prop_assert_eq!(Request::parse(request.line().as_bytes()), Ok(request));
        }
    }
}
