//! What a program asks about priority at intersections: `{"priority":"request"|"cancel"|"status"|"watch"}`.

use core::time::Duration;

use serde_json::{Map, Value};
use v2x_proto::v1::PriorityRole;

use crate::fields::{BadRequest, Fields, quote};
use v2x_proto::IntersectionId;

/// One request about priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityRequest {
    /// Ask an intersection for priority.
    Request(PriorityWish),
    /// Withdraw the request at this intersection; `None`: the only one there is.
    Cancel(Option<IntersectionId>),
    /// The states of the requests.
    Status,
    /// Every change of a request from now on.
    Watch,
}

/// A request for priority. The station fills in fields left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorityWish {
    /// The intersection; default: the one the vehicle's lane leads to.
    pub intersection: Option<IntersectionId>,
    /// The role; default: the one the credential permits.
    pub role: Option<PriorityRole>,
    /// Lane it wants to leave by, 1..=255.
    pub egress_lane: Option<u8>,
    /// Urgency within its role, 0..=14.
    pub importance: Option<u8>,
    /// How long it needs the green, 0..=60 s; default [`DEFAULT_DURATION`].
    pub duration: Option<Duration>,
}

/// Reads the request whose verb is under `priority`.
pub(super) fn read(verb: &str, object: &Map<String, Value>) -> Result<PriorityRequest, BadRequest> {
    match verb {
        "request" => wish(&Fields::of(object, REQUEST_KEYS, "")?).map(PriorityRequest::Request),
        "cancel" => intersection(&Fields::of(object, CANCEL_KEYS, "")?).map(PriorityRequest::Cancel),
        "status" => Fields::of(object, BARE_KEYS, "").map(|_| PriorityRequest::Status),
        "watch" => Fields::of(object, BARE_KEYS, "").map(|_| PriorityRequest::Watch),
        other => {
            let right = r#""request", "cancel", "status" or "watch""#;
            Err(BadRequest(format!("priority: found {}, expected {right}", quote(other))))
        }
    }
}

impl PriorityRequest {
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Cancel(_) => "cancel",
            Self::Status => "status",
            Self::Watch => "watch",
        }
    }

    /// The keys of its line beside the verb.
    pub(super) fn keys(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut put = |key: &str, value: Value| drop(keys.insert(key.to_owned(), value));
        let (intersection, wish) = match self {
            Self::Request(wish) => (wish.intersection, *wish),
            Self::Cancel(intersection) => (*intersection, PriorityWish::default()),
            Self::Status | Self::Watch => (None, PriorityWish::default()),
        };
        if let Some(IntersectionId { region, number }) = intersection {
            put("intersection", number.into());
            if region != 0 {
                put("region", region.into());
            }
        }
        if let Some(role) = wish.role {
            put("role", role_name(role).into());
        }
        if let Some(lane) = wish.egress_lane {
            put("egress_lane", lane.into());
        }
        if let Some(importance) = wish.importance {
            put("importance", importance.into());
        }
        if let Some(duration) = wish.duration {
            put("duration_ms", (duration.as_millis() as u64).into());
        }
        keys
    }
}

fn wish(fields: &Fields<'_>) -> Result<PriorityWish, BadRequest> {
    let byte = |number: Option<u64>| number.map(|number| number as u8);
    Ok(PriorityWish {
        intersection: intersection(fields)?,
        role: fields.named("role", ROLE_RIGHT, &ROLES.map(|(role, _)| role), role_name)?,
        egress_lane: byte(fields.integer("egress_lane", 1..=255)?),
        importance: byte(fields.integer("importance", 0..=14)?),
        duration: fields.integer("duration_ms", 0..=LONGEST_DURATION_MS)?.map(Duration::from_millis),
    })
}

fn intersection(fields: &Fields<'_>) -> Result<Option<IntersectionId>, BadRequest> {
    let number = fields.integer("intersection", 0..=u64::from(u32::MAX))?;
    let region = fields.integer("region", 0..=u64::from(u16::MAX))?;
    match (number, region) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(fields.missing("intersection", "the number of one in that region")),
        (Some(number), region) => {
            Ok(Some(IntersectionId { region: region.unwrap_or(0) as u16, number: number as u32 }))
        }
    }
}

/// A role by its name.
pub fn role(text: &str) -> Option<PriorityRole> {
    ROLES.into_iter().find(|(_, name)| *name == text).map(|(role, _)| role)
}

/// The name of a role.
pub fn role_name(role: PriorityRole) -> &'static str {
    ROLES.into_iter().find(|(known, _)| *known == role).map_or("unspecified", |(_, name)| name)
}

/// As many milliseconds as `v2x.v1.PriorityRequest.duration_ms` holds.
pub const LONGEST_DURATION_MS: u64 = 60_000;
/// How long a green is asked for when none is given: a long vehicle clears a stop line from standing.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(5);
/// What a role is, in words for complaints.
pub const ROLE_RIGHT: &str = "emergency, public_transport, road_works or truck";
const ROLES: [(PriorityRole, &str); 4] = [
    (PriorityRole::Emergency, "emergency"),
    (PriorityRole::PublicTransport, "public_transport"),
    (PriorityRole::RoadWorks, "road_works"),
    (PriorityRole::Truck, "truck"),
];
const REQUEST_KEYS: &[&str] =
    &["v", "id", "priority", "intersection", "region", "role", "egress_lane", "importance", "duration_ms"];
const CANCEL_KEYS: &[&str] = &["v", "id", "priority", "intersection", "region"];
const BARE_KEYS: &[&str] = &["v", "id", "priority"];
