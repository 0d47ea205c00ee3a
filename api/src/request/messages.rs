//! Which messages and drops a program watches.

use serde_json::{Map, Value, json};
use v2x_proto::{Class, v1};

use super::area::{degrees, position};
use crate::fields::{BadRequest, Fields};
use crate::point::Point;

/// Which messages a program watches; what is `None` lets every message pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFilter {
    /// Their types.
    pub types: Option<Vec<v1::MessageType>>,
    /// Their classes.
    pub classes: Option<Vec<Class>>,
    /// Where they were generated.
    pub area: Option<Circle>,
    /// The standing of their signers.
    pub standing: Option<Vec<Standing>>,
    /// Whether their signatures were verified.
    pub verified: Option<bool>,
    /// Whether the lines have the payload.
    pub payload: bool,
    /// Whether those that the station sends are told too.
    pub own: bool,
    /// Whether the signed bytes of protobuf name their signer by its credential, where the station has it.
    pub credential: bool,
}

impl Default for MessageFilter {
    /// All that others sent, with their payloads.
    fn default() -> Self {
        Self {
            types: None,
            classes: None,
            area: None,
            standing: None,
            verified: None,
            payload: true,
            own: false,
            credential: false,
        }
    }
}

/// A circle on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circle {
    /// Its centre.
    pub centre: Point,
    /// Its radius, metres, 1..=1000000.
    pub radius_m: u32,
}

/// How far a station is believed, as the station judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no evidence against it.
    Trusted,
    /// There is.
    Suspect,
    /// Its messages are dropped.
    Isolated,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Trusted, Self::Suspect, Self::Isolated];

    /// `"trusted"`, `"suspect"` or `"isolated"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Suspect => "suspect",
            Self::Isolated => "isolated",
        }
    }
}

impl MessageFilter {
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, BadRequest> {
        let fields = Fields::of(object, KEYS, "")?;
        Ok(Self {
            types: fields.some_named("types", TYPES_RIGHT, &MESSAGE_TYPES, type_name)?,
            classes: fields.some_named("classes", CLASSES_RIGHT, &Class::ALL, Class::name)?,
            area: match fields.object("area", CIRCLE_RIGHT)? {
                Some(object) => Some(circle(object)?),
                None => None,
            },
            standing: fields.some_named("standing", STANDING_RIGHT, &Standing::ALL, Standing::name)?,
            verified: fields.flag("verified")?,
            payload: fields.flag("payload")?.unwrap_or(true),
            own: fields.flag("own")?.unwrap_or(false),
            credential: fields.flag("credential")?.unwrap_or(false),
        })
    }

    pub(super) fn keys(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
            }
        };
        let names = |names: Vec<Value>| Value::Array(names);
        let types = self.types.as_ref().map(|all| all.iter().map(|one| type_name(*one).into()).collect());
        put("types", types.map(names));
        let classes = self.classes.as_ref().map(|all| all.iter().map(|one| one.name().into()).collect());
        put("classes", classes.map(names));
        put(
            "area",
            self.area.map(|Circle { centre, radius_m }| {
                json!({
                    "latitude_deg": degrees(centre.latitude),
                    "longitude_deg": degrees(centre.longitude),
                    "radius_m": radius_m,
                })
            }),
        );
        let standing = self.standing.as_ref().map(|all| all.iter().map(|one| one.name().into()).collect());
        put("standing", standing.map(names));
        put("verified", self.verified.map(Into::into));
        put("payload", (!self.payload).then_some(false.into()));
        put("own", self.own.then_some(true.into()));
        put("credential", self.credential.then_some(true.into()));
        keys
    }
}

fn circle(object: &Map<String, Value>) -> Result<Circle, BadRequest> {
    let fields = Fields::of(object, &["latitude_deg", "longitude_deg", "radius_m"], "area.")?;
    let centre = position(&fields)?;
    let centre = centre.ok_or_else(|| fields.missing("latitude_deg", "degrees, -90 to 90"))?;
    let radius = fields.integer("radius_m", 1..=u64::from(LONGEST_RADIUS_M))?;
    let radius = radius.ok_or_else(|| fields.missing("radius_m", "metres, 1 to 1000000"))?;
    Ok(Circle { centre, radius_m: radius as u32 })
}

/// The reasons whose drops a program watches; `None`: all. Which reasons there are is the station's affair.
pub(super) fn reasons(object: &Map<String, Value>) -> Result<Option<Vec<String>>, BadRequest> {
    let fields = Fields::of(object, &["v", "id", "drops", "reasons"], "")?;
    fields.some_texts("reasons", REASONS_RIGHT, LONGEST_REASON)
}

/// A type of message by its name in the schema, lower case and without prefix.
pub fn message_type(text: &str) -> Option<v1::MessageType> {
    MESSAGE_TYPES.into_iter().find(|other| type_name(*other) == text)
}

/// The name of a type of message: `awareness`, `signal_state` ...
pub fn type_name(message_type: v1::MessageType) -> &'static str {
    use v1::MessageType as T;
    match message_type {
        T::Unspecified => "unspecified",
        T::Awareness => "awareness",
        T::Hazard => "hazard",
        T::SignalState => "signal_state",
        T::IntersectionMap => "intersection_map",
        T::SignInfo => "sign_info",
        T::RsuAdvert => "rsu_advert",
        T::Perception => "perception",
        T::Vru => "vru",
        T::PriorityRequest => "priority_request",
        T::PriorityStatus => "priority_status",
        T::GnssCorrection => "gnss_correction",
        T::Confidential => "confidential",
        T::CredentialRequest => "credential_request",
        T::CredentialResponse => "credential_response",
        T::RevocationDelta => "revocation_delta",
        T::MisbehaviourReport => "misbehaviour_report",
        T::NodeStatus => "node_status",
        T::Echo => "echo",
        T::UpdateManifest => "update_manifest",
    }
}

/// Every type of message.
pub const MESSAGE_TYPES: [v1::MessageType; 19] = {
    use v1::MessageType as T;
    [
        T::Awareness,
        T::Hazard,
        T::SignalState,
        T::IntersectionMap,
        T::SignInfo,
        T::RsuAdvert,
        T::Perception,
        T::Vru,
        T::PriorityRequest,
        T::PriorityStatus,
        T::GnssCorrection,
        T::Confidential,
        T::CredentialRequest,
        T::CredentialResponse,
        T::RevocationDelta,
        T::MisbehaviourReport,
        T::NodeStatus,
        T::Echo,
        T::UpdateManifest,
    ]
};
const KEYS: &[&str] = &[
    "v",
    "id",
    "messages",
    "types",
    "classes",
    "area",
    "standing",
    "verified",
    "payload",
    "own",
    "credential",
];
/// Farther than any flood goes, and near enough for a plane.
pub const LONGEST_RADIUS_M: u32 = 1_000_000;
/// Of a name of a reason, bytes; the longest that there is has half as many.
const LONGEST_REASON: usize = 64;
const TYPES_RIGHT: &str = r#"a list of types as in the schema, such as ["awareness","hazard"]"#;
const CLASSES_RIGHT: &str = r#"a list of classes, such as ["D0","D1"]"#;
const STANDING_RIGHT: &str = r#"a list of "trusted", "suspect" and "isolated""#;
const REASONS_RIGHT: &str =
    r#"a list of reasons, such as ["stale"]; {"drops":"list"} names those that occurred"#;
const CIRCLE_RIGHT: &str = r#"an object, such as {"latitude_deg":49.6,"longitude_deg":6.1,"radius_m":500}"#;
