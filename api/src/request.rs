//! What a program asks of a daemon: one JSON object a line. The keys are listed in `CONTROL.md`.

pub mod afar;
pub mod area;
pub mod declaration;
pub mod encoding;
pub mod fix;
pub mod id;
pub mod messages;
pub mod priority;
pub mod publish;
pub mod right;
mod station;
pub mod vehicle;

use serde_json::{Map, Value};

use self::afar::AfarFrame;
use self::declaration::Declaration;
use self::encoding::Encoding;
use self::fix::FixReport;
use self::id::RequestId;
use self::messages::{MessageFilter, type_name};
use self::priority::PriorityRequest;
use self::publish::PublishRequest;
use self::right::Right;
pub(crate) use self::station::DIGEST_RIGHT;
pub use self::station::digest;
use self::vehicle::VehicleReport;
use crate::fields::{BadRequest, Fields, quote};
use v2x_proto::{Digest, EventId};

/// Version of the protocol. A request may name it as `v`; every answer does.
pub const VERSION: u64 = 1;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Declare an event.
    New(Declaration),
    /// Update one of the station's own events; fields not given keep their values.
    Update(EventId, Declaration),
    /// Cancel one of the station's own events.
    Cancel(EventId),
    /// State that another station's event is not there.
    Negate(EventId),
    /// The events known, in order of their names, from the first after this one.
    List(Option<EventId>),
    /// Every change of an event from now on.
    Watch,
    /// Priority at intersections.
    Priority(PriorityRequest),
    /// The signal ahead each second from now on, and each red-light warning at once.
    WatchSignal,
    /// Status of the station.
    Status,
    /// Has the station read anew what it reads at a SIGHUP.
    Reload,
    /// The stations heard, in order of their digests, from the first after this one.
    Neighbours(Option<Digest>),
    /// Those there are, and every change of one from now on.
    WatchNeighbours,
    /// Messages from now on.
    WatchMessages(MessageFilter),
    /// Frames dropped, by reason.
    Drops,
    /// Frames dropped from now on for these reasons; `None`: for any.
    WatchDrops(Option<Vec<String>>),
    /// Figures of the station.
    Stats,
    /// The same each second from now on.
    WatchStats,
    /// Intersections heard, their lanes and signals.
    Signals,
    /// The same, and each second from now on those whose state changed.
    WatchSignals,
    /// What this program may do: `None` asks, a right lowers it.
    Rights(Option<Right>),
    /// How this connection is written from now on; the first request alone may choose.
    Encoding(Encoding),
    /// Sign and send a message.
    Publish(Box<PublishRequest>),
    /// Where the station is; `None`: the position was lost.
    Fix(Option<Box<FixReport>>),
    /// What the vehicle's bus says.
    Vehicle(VehicleReport),
    /// A frame that another station received or sent far away.
    Afar(AfarFrame),
    /// What becomes of such frames from now on.
    WatchAfar,
}

impl Request {
    /// The right that a program needs for it.
    pub const fn needs(&self) -> Right {
        match self {
            Self::New(_)
            | Self::Update(..)
            | Self::Cancel(_)
            | Self::Negate(_)
            | Self::Publish(_)
            | Self::Fix(_)
            | Self::Vehicle(_)
            | Self::Afar(_)
            | Self::Priority(PriorityRequest::Request(_) | PriorityRequest::Cancel(_)) => Right::Declare,
            Self::Reload => Right::Administer,
            _ => Right::Read,
        }
    }
}

/// A request as read from a line, with the program's name for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Comes back in every answer.
    pub id: Option<RequestId>,
    /// What is asked.
    pub request: Request,
}

/// A line that is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCall {
    /// The client's name for it, as far as that could be read.
    pub id: Option<RequestId>,
    /// What is wrong with it.
    pub error: BadRequest,
}

impl Call {
    /// Reads a line, without its end.
    ///
    /// # Errors
    /// The first thing wrong with it, and what would be right.
    pub fn parse(line: &[u8]) -> Result<Self, BadCall> {
        let nameless = |error| BadCall { id: None, error };
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            let example = r#"expected one JSON object a line, such as {"hazard":"list"}"#;
            nameless(BadRequest(format!("no JSON at column {}; {example}", error.column())))
        })?;
        let Value::Object(object) = &value else {
            return Err(nameless(BadRequest(format!("no JSON object; {WHAT_THERE_IS}"))));
        };
        let id = RequestId::read(object).map_err(nameless)?;
        match Request::read(object) {
            Ok(request) => Ok(Self { id, request }),
            Err(error) => Err(BadCall { id, error }),
        }
    }

    /// The line, without its end.
    pub fn line(&self) -> String {
        let mut object = self.request.object();
        if let Some(id) = &self.id {
            object.insert("id".to_owned(), id.value());
        }
        Value::Object(object).to_string()
    }
}

impl From<Request> for Call {
    fn from(request: Request) -> Self {
        Self { id: None, request }
    }
}

impl Request {
    /// Reads a line, without its end; the client's name for it is ignored.
    ///
    /// # Errors
    /// The first thing wrong with it, and what would be right.
    pub fn parse(line: &[u8]) -> Result<Self, BadRequest> {
        Call::parse(line).map(|call| call.request).map_err(|bad| bad.error)
    }

    fn read(object: &Map<String, Value>) -> Result<Self, BadRequest> {
        check_version(object)?;
        let mut nouns = NOUNS.into_iter().filter_map(|noun| Some((noun, object.get(noun)?)));
        let (noun, verb) = match (nouns.next(), nouns.next()) {
            (Some((noun, _)), Some((other, _))) => {
                return Err(BadRequest(format!("{noun}: does not go with {other}; one request a line")));
            }
            (Some(("fix", _)), None) => return Ok(Self::Fix(fix::read(object)?.map(Box::new))),
            (Some(("vehicle", said)), None) if !said.is_null() => {
                return vehicle::read(object).map(Self::Vehicle);
            }
            (Some(("afar", said)), None) if !said.is_null() && !said.is_string() => {
                return AfarFrame::read(object).map(Self::Afar);
            }
            (Some((noun, Value::String(verb))), None) => (noun, verb),
            _ => return Err(BadRequest(format!("no request; {WHAT_THERE_IS}"))),
        };
        match (noun, verb.as_str()) {
            ("hazard", verb) => hazard(verb, object),
            ("encoding", verb) => {
                Fields::of(object, &["v", "id", "encoding"], "")?;
                let right = r#""json" or "protobuf""#;
                let wrong = || BadRequest(format!("encoding: found {}, expected {right}", quote(verb)));
                Encoding::parse(verb).ok_or_else(wrong).map(Self::Encoding)
            }
            ("publish", verb) => PublishRequest::read(verb, object).map(|it| Self::Publish(Box::new(it))),
            ("priority", verb) => priority::read(verb, object).map(Self::Priority),
            ("signal", "watch") => Fields::of(object, &["v", "id", "signal"], "").map(|_| Self::WatchSignal),
            ("station", "status") => Fields::of(object, &["v", "id", "station"], "").map(|_| Self::Status),
            ("station", "reload") => Fields::of(object, &["v", "id", "station"], "").map(|_| Self::Reload),
            ("neighbours", "list") => {
                let fields = Fields::of(object, &["v", "id", "neighbours", "after"], "")?;
                fields.parsed("after", DIGEST_RIGHT, digest).map(Self::Neighbours)
            }
            ("neighbours", "watch") => {
                Fields::of(object, &["v", "id", "neighbours"], "").map(|_| Self::WatchNeighbours)
            }
            ("messages", "watch") => MessageFilter::read(object).map(Self::WatchMessages),
            ("afar", "watch") => Fields::of(object, &["v", "id", "afar"], "").map(|_| Self::WatchAfar),
            ("drops", "list") => Fields::of(object, &["v", "id", "drops"], "").map(|_| Self::Drops),
            ("drops", "watch") => messages::reasons(object).map(Self::WatchDrops),
            ("stats", "now") => Fields::of(object, &["v", "id", "stats"], "").map(|_| Self::Stats),
            ("stats", "watch") => Fields::of(object, &["v", "id", "stats"], "").map(|_| Self::WatchStats),
            ("signals", "list") => Fields::of(object, &["v", "id", "signals"], "").map(|_| Self::Signals),
            ("signals", "watch") => {
                Fields::of(object, &["v", "id", "signals"], "").map(|_| Self::WatchSignals)
            }
            ("rights", verb) => {
                Fields::of(object, &["v", "id", "rights"], "")?;
                let right = Right::parse(verb);
                if right.is_none() && verb != "show" {
                    let found = quote(verb);
                    return Err(BadRequest(format!("rights: found {found}, expected {RIGHTS_RIGHT}")));
                }
                Ok(Self::Rights(right))
            }
            (noun, verb) if NOUNS.contains(&noun) && verbs(noun).is_some() => {
                let right = verbs(noun).expect("the guard looked");
                Err(BadRequest(format!("{noun}: found {}, expected {right}", quote(verb))))
            }
            _ => Err(BadRequest(format!("no request; {WHAT_THERE_IS}"))),
        }
    }

    /// The request as a line, without its end.
    pub fn line(&self) -> String {
        Value::Object(self.object()).to_string()
    }

    fn object(&self) -> Map<String, Value> {
        let mut object = match self {
            Self::New(declaration) | Self::Update(_, declaration) => declaration.keys(),
            Self::Priority(priority) => priority.keys(),
            Self::WatchMessages(filter) => filter.keys(),
            Self::Publish(publish) => publish.keys(),
            _ => Map::new(),
        };
        let (noun, verb) = match self {
            Self::New(_) => ("hazard", "new"),
            Self::Update(..) => ("hazard", "update"),
            Self::Cancel(_) => ("hazard", "cancel"),
            Self::Negate(_) => ("hazard", "negate"),
            Self::List(_) => ("hazard", "list"),
            Self::Watch => ("hazard", "watch"),
            Self::Priority(priority) => ("priority", priority.verb()),
            Self::WatchSignal => ("signal", "watch"),
            Self::Status => ("station", "status"),
            Self::Reload => ("station", "reload"),
            Self::Neighbours(_) => ("neighbours", "list"),
            Self::WatchNeighbours => ("neighbours", "watch"),
            Self::WatchMessages(_) => ("messages", "watch"),
            Self::Drops => ("drops", "list"),
            Self::WatchDrops(_) => ("drops", "watch"),
            Self::Stats => ("stats", "now"),
            Self::WatchStats => ("stats", "watch"),
            Self::Signals => ("signals", "list"),
            Self::WatchSignals => ("signals", "watch"),
            Self::Rights(right) => ("rights", right.map_or("show", Right::name)),
            Self::Encoding(encoding) => ("encoding", encoding.name()),
            Self::Publish(publish) => ("publish", type_name(publish.message_type)),
            // What it says stands in the verb's place.
            Self::Fix(_) => ("fix", ""),
            Self::Vehicle(_) => ("vehicle", ""),
            Self::Afar(_) => ("afar", ""),
            Self::WatchAfar => ("afar", "watch"),
        };
        object.insert("v".to_owned(), VERSION.into());
        let said = match self {
            Self::Vehicle(report) => report.value(),
            Self::Afar(frame) => frame.value(),
            _ => verb.into(),
        };
        object.insert(noun.to_owned(), said);
        match self {
            Self::Update(id, _) | Self::Cancel(id) | Self::Negate(id) => {
                object.insert("event".to_owned(), id.to_string().into());
            }
            Self::List(Some(after)) => {
                object.insert("after".to_owned(), after.to_string().into());
            }
            Self::Neighbours(Some(after)) => {
                object.insert("after".to_owned(), after.to_string().into());
            }
            Self::Fix(fix) => {
                object.insert("fix".to_owned(), fix.as_ref().map_or(Value::Null, |fix| fix.value()));
            }
            Self::WatchDrops(Some(reasons)) => {
                object.insert("reasons".to_owned(), reasons.clone().into());
            }
            _ => {}
        }
        object
    }
}

fn hazard(verb: &str, object: &Map<String, Value>) -> Result<Request, BadRequest> {
    match verb {
        "new" => {
            let fields = Fields::of(object, EVENT_KEYS, "")?;
            if fields.has("event") {
                return Err(fields.contradiction(
                    "event",
                    "hazard \"new\"",
                    "the station names the event and answers it",
                ));
            }
            let declaration = Declaration::read(&fields)?;
            if declaration.cause.is_none() {
                return Err(fields.missing("cause", declaration::CAUSE_RIGHT));
            }
            Ok(Request::New(declaration))
        }
        "update" => {
            let fields = Fields::of(object, EVENT_KEYS, "")?;
            Ok(Request::Update(event(&fields)?, Declaration::read(&fields)?))
        }
        "cancel" => Ok(Request::Cancel(event(&Fields::of(object, NAMED_KEYS, "")?)?)),
        "negate" => Ok(Request::Negate(event(&Fields::of(object, NAMED_KEYS, "")?)?)),
        "list" => {
            let fields = Fields::of(object, &["v", "id", "hazard", "after"], "")?;
            fields.parsed("after", EVENT_RIGHT, |text| text.parse().ok()).map(Request::List)
        }
        "watch" => Fields::of(object, &["v", "id", "hazard"], "").map(|_| Request::Watch),
        other => {
            let found = quote(other);
            Err(BadRequest(format!("hazard: found {found}, expected {HAZARD_RIGHT}")))
        }
    }
}

/// Verbs of a noun that has no reader of its own.
fn verbs(noun: &str) -> Option<&'static str> {
    Some(match noun {
        "neighbours" | "drops" | "signals" => r#""list" or "watch""#,
        "messages" | "signal" => r#""watch""#,
        "afar" => r#""watch" or a frame, such as {"frame":"<hex>","peer":7}"#,
        "stats" => r#""now" or "watch""#,
        "station" => r#""status" or "reload""#,
        _ => return None,
    })
}

fn check_version(object: &Map<String, Value>) -> Result<(), BadRequest> {
    match object.get("v") {
        None => Ok(()),
        Some(version) if version.as_u64() == Some(VERSION) => Ok(()),
        Some(_) => Err(BadRequest(format!("v: this daemon knows version {VERSION} of the protocol"))),
    }
}

fn event(fields: &Fields<'_>) -> Result<EventId, BadRequest> {
    let id = fields.parsed("event", EVENT_RIGHT, |text| text.parse().ok())?;
    id.ok_or_else(|| fields.missing("event", EVENT_RIGHT))
}

const EVENT_KEYS: &[&str] = &[
    "v",
    "id",
    "hazard",
    "event",
    "class",
    "cause",
    "sub_cause",
    "latitude_deg",
    "longitude_deg",
    "here",
    "speed_m_s",
    "heading_deg",
    "quality",
    "validity_s",
    "area",
    "relevance_distance_m",
    "relevance_direction",
    "repeat_ms",
    "repeat_for_ms",
    "keep_alive_ms",
];
const NAMED_KEYS: &[&str] = &["v", "id", "hazard", "event"];
pub(crate) const NOUNS: [&str; 15] = [
    "hazard",
    "priority",
    "signal",
    "station",
    "neighbours",
    "messages",
    "drops",
    "stats",
    "signals",
    "rights",
    "encoding",
    "publish",
    "fix",
    "vehicle",
    "afar",
];
const WHAT_THERE_IS: &str = r#"expected {"hazard":"new"|"update"|"cancel"|"negate"|"list"|"watch", ...}, {"priority":"request"|"cancel"|"status"|"watch", ...}, {"signal":"watch"}, {"neighbours":"list"|"watch"}, {"messages":"watch", ...}, {"drops":"list"|"watch"}, {"stats":"now"|"watch"}, {"signals":"list"|"watch"}, {"rights":"show"|"read"|"declare"|"administer"}, {"publish":"<type of message>","payload":{...}, ...}, {"fix":{...}|null}, {"vehicle":{...}}, {"afar":{...}|"watch"}, {"encoding":"json"|"protobuf"}, {"station":"reload"} or {"station":"status"}"#;
const HAZARD_RIGHT: &str = r#""new", "update", "cancel", "negate", "list" or "watch""#;
const RIGHTS_RIGHT: &str = r#""show", "read", "declare" or "administer""#;
pub(crate) const EVENT_RIGHT: &str = r#"an event as it was named: "<16 hex digits>/<number>""#;

/// Longest request, bytes. A declaration with every key has under 700; a message that fills a frame, such as the lanes of an
/// intersection, up to 10,000.
pub const LONGEST_REQUEST: usize = 16 * 1024;

#[cfg(test)]
pub(crate) mod tests;
