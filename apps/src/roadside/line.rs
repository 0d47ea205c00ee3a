//! The lines a controller and its unit exchange: one JSON object each. `FEED.md` describes them for those who write
//! the controller's side.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use v2x_core::WireTime;
use v2x_proto::{Digest, v1};

use super::doubled::read as read_json;
use super::fields::{Fields, Notes, shown};
pub use super::fields::{LeftOut, printable};
use super::group::groups as groups_of;

/// The content of a line from the controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which intersection it is about.
    pub intersection: u32,
    /// What its signals show.
    pub state: Option<ControllerState>,
    /// The states of requests for priority.
    pub answers: Vec<Answer>,
    /// Values that could not be used and were left out.
    pub left_out: Vec<LeftOut>,
}

/// What the signals of an intersection show.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerState {
    /// When that was so; `None`: when the line came. With a wrong one the state is of no use: how old it is would be
    /// unknown.
    pub time: Result<Option<WireTime>, LineError>,
    /// Bits of `v2x.v1.SignalState`.
    pub status: u32,
    /// 1..=255 groups, each number once.
    pub groups: Vec<v1::SignalGroup>,
}

/// The state of one request for priority.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Digest of the credential it was signed with.
    pub requester: Digest,
    /// Its number.
    pub request: u8,
    /// Its state.
    pub state: v1::PriorityState,
    /// Seconds from now to the green signal, 0..=3600.
    pub expected_s: Option<f64>,
}

/// Why a line cannot be used. Prints as one line, with what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Longer than a line may be, or than a datagram that is read.
    #[error("a line longer than {LONGEST_LINE} bytes: one JSON object a line, each ended by a line break")]
    TooLong,
    /// No JSON.
    #[error("not one JSON object in one line: {0}")]
    Json(String),
    /// A value without which the line says nothing.
    #[error("{what} is {found}: it has to be {right}")]
    Wrong {
        /// Which.
        what: String,
        /// What is there.
        found: String,
        /// What may be there.
        right: &'static str,
    },
    /// It names something the unit does not have, or its client does not speak for that.
    #[error("{0}")]
    Refused(String),
}

/// Reads a line. A value that cannot be is left out and noted, see [`Line::left_out`].
///
/// # Errors
/// [`LineError`], when it says nothing that could be used; no bytes make it panic.
pub fn parse(line: &[u8]) -> Result<Line, LineError> {
    if line.len() > LONGEST_LINE {
        return Err(LineError::TooLong);
    }
    let mut notes = Notes::default();
    let mut fields = Fields::new(object(line, &mut notes)?, String::new(), &mut notes);
    let wrong = |what: &str, found: String, right| LineError::Wrong { what: what.to_owned(), found, right };
    let id = fields.take("intersection").unwrap_or_default();
    let intersection = id.as_u64().and_then(|id| u32::try_from(id).ok());
    let intersection = intersection.ok_or_else(|| {
        wrong("intersection", shown(&id), "the id of an intersection, a whole number, 0 to 65535")
    })?;
    let time = time(fields.take("time"));
    let status = fields.take("status").map_or(0, |value| status(value, fields.notes));
    let (groups, answers) = (fields.take("groups"), fields.take("answers"));
    fields.end();
    let answers = answers.map_or_else(Vec::new, |value| read_answers(value, &mut notes));
    let state = match groups {
        Some(Value::Array(list)) => {
            let none = list.is_empty();
            let groups = groups_of(list, &mut notes);
            if groups.is_empty() && answers.is_empty() {
                // What is wrong with them is more to the point than that none is left.
                let first = notes.0.iter().find(|note| !none && note.of.contains("group"));
                return Err(match first {
                    Some(note) => LineError::Refused(format!("none of the groups can be used: {note}")),
                    None => wrong("groups", "a list of 0".to_owned(), SOME_GROUPS),
                });
            }
            (!groups.is_empty()).then_some(ControllerState { time, status, groups })
        }
        Some(other) => return Err(wrong("groups", shown(&other), SOME_GROUPS)),
        None if answers.is_empty() => return Err(wrong("groups", missing(&notes), SOME_GROUPS)),
        None => None,
    };
    Ok(Line { intersection, state, answers, left_out: notes.0 })
}

/// The object of a line. NaN and infinities, which some programs write and JSON does not have, are left out.
fn object(line: &[u8], notes: &mut Notes) -> Result<Map<String, Value>, LineError> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    let mut doubled = Vec::new();
    let (value, tidied) = match read_json(line, &mut doubled) {
        Ok(value) => (value, false),
        Err(error) => {
            doubled.clear();
            let tidied = without_nan(line).and_then(|line| read_json(&line, &mut doubled).ok());
            (tidied.ok_or_else(|| LineError::Json(printable(&error.to_string())))?, true)
        }
    };
    let Value::Object(object) = value else {
        let found = format!("the line {}", shown(&value));
        let right = "a JSON object, such as {\"intersection\": 18, \"groups\": [...]}";
        return Err(LineError::Wrong { what: found, found: "no object".to_owned(), right });
    };
    for field in &doubled {
        notes.leave_out(field, "", "there twice, and not the same".to_owned(), "there once");
    }
    if tidied {
        notes.leave_out(
            "a number",
            "",
            "NaN or infinite".to_owned(),
            "null, or left out, where it is unknown",
        );
    }
    Ok(object)
}

/// The line with `null` in place of each NaN or infinity that is no text; `None` when there is none.
fn without_nan(line: &[u8]) -> Option<Vec<u8>> {
    let mut tidied = Vec::with_capacity(line.len());
    let (mut rest, mut in_text, mut found) = (line, false, false);
    while let Some(&byte) = rest.first() {
        let word = NO_NUMBERS.iter().find(|word| !in_text && rest.starts_with(word.as_bytes()));
        let length = match word {
            Some(word) => {
                tidied.extend_from_slice(b"null");
                found = true;
                word.len()
            }
            // An escaped character ends no text.
            None if in_text && byte == b'\\' => {
                let length = rest.len().min(2);
                tidied.extend_from_slice(&rest[..length]);
                length
            }
            None => {
                in_text ^= byte == b'"';
                tidied.push(byte);
                1
            }
        };
        rest = &rest[length..];
    }
    found.then_some(tidied)
}

fn time(value: Option<Value>) -> Result<Option<WireTime>, LineError> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..1e11).contains(seconds));
    let wire = seconds.and_then(|seconds| WireTime::from_unix_micros((seconds * 1e6) as i64));
    let wire = wire.ok_or_else(|| {
        let hint = match value.as_f64().unwrap_or_default() {
            1e11..1e14 => ", which looks like milliseconds",
            1e14..1e17 => ", which looks like microseconds",
            1e17..1e20 => ", which looks like nanoseconds",
            _ => "",
        };
        LineError::Wrong {
            what: "time".to_owned(),
            found: format!("{}{hint}", shown(&value)),
            right: "seconds since 1970-01-01T00:00:00Z, or left out for now",
        }
    })?;
    Ok(Some(wire))
}

fn status(value: Value, notes: &mut Notes) -> u32 {
    let Value::Array(list) = value else {
        notes.leave_out("status", "", shown(&value), "a list, such as [\"fixed_time\"]");
        return 0;
    };
    let mut bits = 0;
    for flag in list {
        match Status::deserialize(&flag) {
            Ok(known) => bits |= 1 << known as u32,
            Err(_) => notes.leave_out("status", "", shown(&flag), STATUSES),
        }
    }
    bits
}

/// Why there are no groups: perhaps under another name.
fn missing(notes: &Notes) -> String {
    match notes.0.first() {
        Some(note) if note.of.is_empty() => format!("missing, and {:?} is unknown here", note.field),
        _ => "missing".to_owned(),
    }
}

fn read_answers(value: Value, notes: &mut Notes) -> Vec<Answer> {
    let Value::Array(list) = value else {
        notes.leave_out("answers", "", shown(&value), "a list of answers");
        return Vec::new();
    };
    if list.len() > MOST_ANSWERS {
        let found = format!("a list of {}", list.len());
        notes.leave_out("answers", "", found, "at most 32, so only the first are taken");
    }
    list.into_iter().take(MOST_ANSWERS).filter_map(|value| answer(value, notes)).collect()
}

fn answer(value: Value, notes: &mut Notes) -> Option<Answer> {
    let Value::Object(object) = value else {
        notes.leave_out("answers", "", shown(&value), "objects with requester, request and state");
        return None;
    };
    let mut fields = Fields::new(object, "an answer".to_owned(), notes);
    let requester = fields.take("requester").unwrap_or_default();
    let Some(digest) = requester.as_str().and_then(digest) else {
        fields.leave_out("requester", shown(&requester), "the 16 hexadecimal digits of the request");
        return None;
    };
    let request = fields.take("request").unwrap_or_default();
    let Some(number) = request.as_u64().and_then(|number| u8::try_from(number).ok()) else {
        fields.leave_out("request", shown(&request), "the number of the request, 0 to 255");
        return None;
    };
    let state = fields.take("state").unwrap_or_default();
    let Ok(standing) = Standing::deserialize(&state) else {
        fields.leave_out("state", shown(&state), STANDINGS);
        return None;
    };
    let expected_s = fields.read("expected_s", "0 to 3600 seconds from now", |value| {
        value.as_f64().filter(|seconds| (0.0..=LONGEST_WAIT_S).contains(seconds))
    });
    fields.end();
    Some(Answer { requester: digest, request: number, state: standing.into(), expected_s })
}

fn digest(text: &str) -> Option<Digest> {
    if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(text, 16).ok().map(|number| Digest(number.to_be_bytes()))
}

/// A request for priority, as a line for the controller, with its line break.
pub fn request_line(
    intersection: u32,
    requester: Digest,
    request: &v1::PriorityRequest,
    arrival_s: f64,
) -> String {
    let action = match request.action() {
        v1::PriorityAction::Cancel => "cancel",
        v1::PriorityAction::Update => "update",
        _ => "request",
    };
    let role = match request.role() {
        v1::PriorityRole::Emergency => "emergency",
        v1::PriorityRole::PublicTransport => "public_transport",
        v1::PriorityRole::RoadWorks => "road_works",
        v1::PriorityRole::Truck => "truck",
        v1::PriorityRole::Unspecified => "unknown",
    };
    let line = RequestLine {
        intersection,
        priority: PriorityLine {
            requester: requester.to_string(),
            request: request.request_id,
            action,
            role,
            importance: request.importance,
            ingress_lane: request.ingress_lane,
            egress_lane: request.egress_lane,
            arrival_s: (arrival_s * 10.0).round() / 10.0,
            duration_s: f64::from(request.duration_ms) / 1000.0,
            speed_m_s: request.speed.map(|speed| f64::from(speed) / 100.0),
        },
    };
    let mut text = serde_json::to_string(&line).expect("invariant: it has only string keys");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct RequestLine {
    intersection: u32,
    priority: PriorityLine,
}

#[derive(Serialize)]
struct PriorityLine {
    requester: String,
    request: u32,
    action: &'static str,
    role: &'static str,
    importance: Option<u32>,
    ingress_lane: Option<u32>,
    egress_lane: Option<u32>,
    arrival_s: f64,
    duration_s: f64,
    speed_m_s: Option<f64>,
}

/// SAE J2735 `IntersectionStatusObject`, each at its bit.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    ManualControl,
    StopTime,
    FailureFlash,
    Preemption,
    Priority,
    FixedTime,
    TrafficDependent,
    Standby,
    Failure,
    Off,
}

/// Names of `v2x.v1.PriorityState` that a controller may send.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Requested,
    Processing,
    WatchOtherTraffic,
    Granted,
    Rejected,
    MaxPresence,
    ReserviceLocked,
}

impl From<Standing> for v1::PriorityState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Requested => Self::Requested,
            Standing::Processing => Self::Processing,
            Standing::WatchOtherTraffic => Self::WatchOtherTraffic,
            Standing::Granted => Self::Granted,
            Standing::Rejected => Self::Rejected,
            Standing::MaxPresence => Self::MaxPresence,
            Standing::ReserviceLocked => Self::ReserviceLocked,
        }
    }
}

const SOME_GROUPS: &str = "a list of signal groups, or answers in its place";
const STATUSES: &str = "manual_control, stop_time, failure_flash, preemption, priority, fixed_time, \
                        traffic_dependent, standby, failure or off";
const STANDINGS: &str =
    "requested, processing, watch_other_traffic, granted, rejected, max_presence or reservice_locked";
/// What programs write for numbers that are none.
const NO_NUMBERS: [&str; 8] = ["NaN", "-Infinity", "Infinity", "nan", "-nan", "-NaN", "-inf", "inf"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Longest line: 32 groups with every field are 6 kB.
pub const LONGEST_LINE: usize = 16 * 1024;
const MOST_ANSWERS: usize = 32;
const LONGEST_WAIT_S: f64 = 3_600.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"{"intersection":18,"time":1795590000.25,"status":["traffic_dependent","priority"],"groups":[{"group":1,"phase":"protected_go","min_end_s":4.19,"max_end_s":12.01,"likely_end_s":8.04,"confidence":12},{"group":2,"phase":"stop_and_remain","advisory_speed_m_s":13.9}]}"#;

    #[test]
    fn a_state_is_read_with_ends_that_promise_no_more_than_was_said() {
        let line = parse(GOOD.as_bytes()).unwrap();
        let state = line.state.unwrap();
        assert_eq!((line.intersection, state.status), (18, 1 << 6 | 1 << 4));
        assert_eq!(state.time, Ok(WireTime::from_unix_micros(1_795_590_000_250_000))); // 2026-11-25T07:00:00.25Z
        let group = &state.groups[0];
        assert_eq!((group.min_end, group.max_end, group.likely_end), (Some(41), Some(121), Some(80)));
        assert_eq!(group.phase(), v1::SignalPhase::ProtectedGo);
        assert_eq!(state.groups[1].advisory_speed, Some(139));
    }

    #[test]
    fn a_field_that_is_there_twice_and_not_the_same_is_left_out() {
        let twice = GOOD.replacen(r#""phase":"#, r#""phase":"stop_and_remain","phase":"#, 1);
        let line = parse(twice.as_bytes()).unwrap();
        let groups: Vec<u32> = line.state.unwrap().groups.iter().map(|group| group.group).collect();
        assert_eq!(groups, [2]);
        assert_eq!(
            line.left_out[0].to_string(),
            "phase is there twice, and not the same: it has to be there once"
        );
        let twice = GOOD.replacen(r#""intersection":18"#, r#""intersection":18,"intersection":99"#, 1);
        let error = parse(twice.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("intersection is missing"), "{error}");
        let twice = GOOD.replacen(r#""intersection":18"#, r#""intersection":18,"intersection":18"#, 1);
        assert_eq!(parse(twice.as_bytes()), parse(GOOD.as_bytes()));
    }

    #[test]
    fn answers_are_read() {
        let line = br#"{"intersection":18,"answers":[{"requester":"0102030405060708","request":3,"state":"granted","expected_s":4.5}]}"#;
        let line = parse(line).unwrap();
        let requester = Digest([1, 2, 3, 4, 5, 6, 7, 8]);
        let state = v1::PriorityState::Granted;
        assert_eq!(line.answers, [Answer { requester, request: 3, state, expected_s: Some(4.5) }]);
        assert_eq!(line.state, None);
    }

    #[test]
    fn a_line_that_says_nothing_is_told_with_what_would_be_right() {
        let empty = r#"{"intersection":18,"groups":[]}"#;
        let unnamed = r#"{"intersection":18,"grps":[]}"#;
        let green = r#"{"intersection":18,"groups":[{"group":1,"phase":"green"}]}"#;
        for (line, expected) in [
            (
                r#"{"intersection":18}"#,
                "groups is missing: it has to be a list of signal groups, or answers in its place",
            ),
            (
                unnamed,
                "groups is missing, and \"grps\" is unknown here: it has to be a list of signal groups",
            ),
            (empty, "groups is a list of 0: it has to be a list of signal groups, or answers in its place"),
            (
                green,
                "none of the groups can be used: phase of group 1 is \"green\": it has to be dark, stop_then_",
            ),
            (r#"{"intersection":18,"groups":{}}"#, "groups is {}: it has to be a list of signal groups"),
            (r#"{"groups":[]}"#, "intersection is missing: it has to be the id of an intersection"),
            (
                r#"{"intersection":"18","groups":[]}"#,
                "intersection is \"18\": it has to be the id of an intersection",
            ),
            ("[1]", "the line [1] is no object: it has to be a JSON object"),
            ("{", "not one JSON object in one line: EOF while parsing an object at line 1 column 1"),
            ("\u{1b}[31m", "not one JSON object in one line: expected value at line 1 column 1"),
        ] {
            let message = parse(line.as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}\nlacks\n{expected}");
        }
        for (time, expected) in [
            ("-1", "time is -1: it has to be seconds since 1970-01-01T00:00:00Z, or left out for now"),
            ("1795590000250000", "time is 1795590000250000, which looks like microseconds"),
            ("1795590000250", "time is 1795590000250, which looks like milliseconds: it has to be seconds"),
            ("\"07:00\"", "time is \"07:00\": it has to be seconds"),
        ] {
            let line = parse(GOOD.replacen("1795590000.25", time, 1).as_bytes()).unwrap();
            let message = line.state.unwrap().time.unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
        assert_eq!(parse(&[b' '; LONGEST_LINE + 1]), Err(LineError::TooLong));
    }

    #[test]
    fn what_is_wrong_beside_the_groups_is_left_out_and_they_go_on() {
        let whole = parse(GOOD.as_bytes()).unwrap();
        assert!(whole.left_out.is_empty());
        for (from, to, note) in [
            ("\"status\"", "\"\\u001b[31m\"", "?[31m is unknown here: it has to be a field that FEED.md has"),
            ("traffic_dependent", "busy", "status is \"busy\": it has to be manual_control, stop_time"),
            ("[\"traffic_dependent\",\"priority\"]", "64", "status is 64: it has to be a list, such as"),
            (
                "12.01",
                "NaN",
                "a number is NaN or infinite: it has to be null, or left out, where it is unknown",
            ),
            ("12.01", "-Infinity", "a number is NaN or infinite"),
            ("12.01", "-nan", "a number is NaN or infinite"),
            ("12.01", "inf", "a number is NaN or infinite"),
            ("\"groups\"", "\"answers\":7,\"groups\"", "answers is 7: it has to be a list of answers"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let line = parse(GOOD.replacen(from, to, 1).as_bytes()).unwrap();
            let (state, before) = (line.state.unwrap(), whole.state.clone().unwrap());
            assert_eq!((state.groups.len(), state.groups[0].phase), (2, before.groups[0].phase));
            assert_eq!(line.left_out.len(), 1);
            assert!(line.left_out[0].to_string().starts_with(note), "{}", line.left_out[0]);
        }
        let marked = [BYTE_ORDER_MARK, GOOD.as_bytes()].concat();
        assert_eq!(parse(&marked), Ok(whole));
        let text = r#"{"intersection":18,"name":"NaN \" NaN","groups":[{"group":1,"phase":"dark","min_end_s":NaN}]}"#;
        let named = parse(text.as_bytes()).unwrap();
        assert_eq!((named.left_out.len(), named.state.unwrap().groups[0].min_end), (2, None));
    }

    #[test]
    fn a_wrong_answer_costs_that_answer_and_a_wrong_time_of_it_the_time() {
        let line = |answers: &str| {
            let good = r#"{"requester":"0102030405060708","request":3,"state":"granted"}"#;
            parse(format!(r#"{{"intersection":1,"answers":[{answers},{good}]}}"#).as_bytes()).unwrap()
        };
        for (wrong, note) in [
            (
                r#"{"requester":"xy","request":3,"state":"granted"}"#,
                "requester of an answer is \"xy\": it has to be the 16",
            ),
            (
                r#"{"requester":"0102030405060708","request":256,"state":"granted"}"#,
                "request of an answer is 256",
            ),
            (
                r#"{"requester":"0102030405060708","request":1,"state":"yes"}"#,
                "state of an answer is \"yes\"",
            ),
            ("5", "answers is 5: it has to be objects"),
        ] {
            let line = line(wrong);
            assert_eq!((line.answers.len(), line.left_out.len()), (1, 1));
            assert!(line.left_out[0].to_string().starts_with(note), "{}", line.left_out[0]);
        }
        let late =
            line(r#"{"requester":"0102030405060708","request":4,"state":"granted","expected_s":4000}"#);
        assert_eq!((late.answers.len(), late.answers[0].expected_s), (2, None));
        let good = r#"{"requester":"0102030405060708","request":3,"state":"granted"}"#;
        let many = line(&[good; 40].join(","));
        assert_eq!((many.answers.len(), many.left_out.len()), (32, 1));
    }

    #[test]
    fn a_request_becomes_one_line() {
        let request = v1::PriorityRequest {
            request_id: 7,
            action: v1::PriorityAction::Request as i32,
            role: v1::PriorityRole::Emergency as i32,
            ingress_lane: Some(1),
            duration_ms: 2_500,
            speed: Some(1_389),
            ..v1::PriorityRequest::default()
        };
        assert_eq!(
            request_line(18, Digest([0xab; 8]), &request, 8.04),
            "{\"intersection\":18,\"priority\":{\"requester\":\"abababababababab\",\"request\":7,\"action\":\"request\",\
             \"role\":\"emergency\",\"importance\":null,\"ingress_lane\":1,\"egress_lane\":null,\"arrival_s\":8.0,\
             \"duration_s\":2.5,\"speed_m_s\":13.89}}\n"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_give_a_line_or_a_complaint_of_one_line(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            match parse(&bytes) {
                Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
                Ok(line) => prop_assert!(line.left_out.iter().all(|one| !one.to_string().contains(char::is_control))),
            }
        }

        #[test]
        fn no_change_of_a_good_line_makes_it_panic_or_gives_what_receivers_refuse(
            at in 0..GOOD.len(), cut in 0usize..8, with in "[0-9e.\",:{}\\[\\]a-z-]{0,6}"
        ) {
            let end = (at + cut).min(GOOD.len());
            let line = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
            match parse(line.as_bytes()) {
                Err(error) => prop_assert!(!error.to_string().contains('\n')),
                Ok(line) => if let Some(state) = line.state {
                    prop_assert!(!state.groups.is_empty());
                    let groups = state.groups.into_iter().take(32).collect();
                    let state = v1::SignalState { state_time_us: 1, groups, ..v1::SignalState::default() };
                    prop_assert!(v2x_proto::payload::Message::from(state).check().is_ok());
                },
            }
        }
    }
}
