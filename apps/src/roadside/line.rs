//! The lines a controller and its unit exchange: one JSON object each. `FEED.md` describes them for those who write
//! the controller's side.

use serde::{Deserialize, Serialize};
use v2x_core::WireTime;
use v2x_proto::{Digest, v1};

/// The content of a line from the controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which intersection it is about.
    pub intersection: u32,
    /// What its signals show.
    pub state: Option<ControllerState>,
    /// The states of requests for priority.
    pub answers: Vec<Answer>,
}

/// What the signals of an intersection show.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerState {
    /// When that was so; `None`: when the line came.
    pub time: Option<WireTime>,
    /// Bits of `v2x.v1.SignalState`.
    pub status: u32,
    /// 1..=32 groups, each number once.
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
    /// No JSON, an unknown field, or a value of the wrong type.
    #[error("{0}")]
    Json(String),
    /// A value that cannot be.
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

/// Reads a line.
///
/// # Errors
/// [`LineError`]; no bytes make it panic.
pub fn parse(line: &[u8]) -> Result<Line, LineError> {
    if line.len() > LONGEST_LINE {
        return Err(LineError::TooLong);
    }
    let raw: RawLine =
        serde_json::from_slice(line).map_err(|error| LineError::Json(printable(&error.to_string())))?;
    let state = match raw.groups {
        Some(groups) => Some(state(raw.time, &raw.status, groups)?),
        None if raw.answers.is_empty() => {
            let right = "a list of 1 to 32 signal groups, or answers in its place";
            return Err(LineError::Wrong { what: "groups".to_owned(), found: "missing".to_owned(), right });
        }
        None => None,
    };
    if raw.answers.len() > MOST_ANSWERS {
        let found = format!("a list of {}", raw.answers.len());
        return Err(LineError::Wrong { what: "answers".to_owned(), found, right: "at most 32" });
    }
    let answers = raw.answers.iter().map(answer).collect::<Result<_, _>>()?;
    Ok(Line { intersection: raw.intersection, state, answers })
}

fn state(time: Option<f64>, status: &[Status], raw: Vec<RawGroup>) -> Result<ControllerState, LineError> {
    if !(1..=MOST_GROUPS).contains(&raw.len()) {
        let found = format!("a list of {}", raw.len());
        return Err(LineError::Wrong { what: "groups".to_owned(), found, right: "1 to 32 signal groups" });
    }
    let time = match time {
        None => None,
        Some(seconds) => {
            let micros = (0.0..1e11).contains(&seconds).then_some((seconds * 1e6) as i64);
            let wire = micros.and_then(WireTime::from_unix_micros).ok_or_else(|| LineError::Wrong {
                what: "time".to_owned(),
                found: seconds.to_string(),
                right: "seconds since 1970-01-01T00:00:00Z, or left out for now",
            })?;
            Some(wire)
        }
    };
    let mut groups: Vec<v1::SignalGroup> = Vec::with_capacity(raw.len());
    for one in raw {
        let one = group(&one)?;
        if groups.iter().any(|other| other.group == one.group) {
            return Err(LineError::Wrong {
                what: format!("group {}", one.group),
                found: "there twice".to_owned(),
                right: "each group once",
            });
        }
        groups.push(one);
    }
    Ok(ControllerState { time, status: status.iter().fold(0, |bits, flag| bits | 1 << *flag as u32), groups })
}

fn group(raw: &RawGroup) -> Result<v1::SignalGroup, LineError> {
    let wrong = |name: &str, found: String, right| {
        Err(LineError::Wrong { what: format!("{name} of group {}", raw.group), found, right })
    };
    if raw.group == 0 {
        return wrong("number", "0".to_owned(), "1 to 255");
    }
    for (name, end) in
        [("min_end_s", raw.min_end_s), ("max_end_s", raw.max_end_s), ("likely_end_s", raw.likely_end_s)]
    {
        if let Some(end) = end.filter(|end| !(0.0..=LONGEST_END_S).contains(end)) {
            return wrong(name, end.to_string(), "0 to 3600 seconds after time");
        }
    }
    if let (Some(min), Some(max)) = (raw.min_end_s, raw.max_end_s)
        && min > max
    {
        return wrong("min_end_s", min.to_string(), "at most max_end_s");
    }
    if let Some(confidence) = raw.confidence.filter(|confidence| *confidence > 15) {
        return wrong("confidence", confidence.to_string(), "0 to 15");
    }
    if let Some(speed) = raw.advisory_speed_m_s.filter(|speed| !(0.0..=50.0).contains(speed)) {
        return wrong("advisory_speed_m_s", speed.to_string(), "0 to 50 m/s");
    }
    let tenths = |value: f64| (value * 10.0) as u32;
    Ok(v1::SignalGroup {
        group: u32::from(raw.group),
        phase: v1::SignalPhase::from(raw.phase) as i32,
        // Rounded to the safe side: the earliest end down, the latest end up.
        min_end: raw.min_end_s.map(tenths),
        max_end: raw.max_end_s.map(|end| tenths(end + 0.099_999).min(36_000)),
        likely_end: raw.likely_end_s.map(|end| tenths(end + 0.05).min(36_000)),
        confidence: raw.confidence.map(u32::from),
        advisory_speed: raw.advisory_speed_m_s.map(tenths),
    })
}

fn answer(raw: &RawAnswer) -> Result<Answer, LineError> {
    let digest = (raw.requester.len() == 16 && raw.requester.is_ascii()).then(|| {
        let mut digest = [0; 8];
        for (byte, pair) in digest.iter_mut().zip(raw.requester.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Digest(digest))
    });
    let wrong = |what: &str, found: String, right| LineError::Wrong { what: what.to_owned(), found, right };
    let Some(Some(requester)) = digest else {
        let right = "the 16 hexadecimal digits of the request";
        return Err(wrong("requester", printable(&format!("{:?}", raw.requester)), right));
    };
    if let Some(seconds) = raw.expected_s.filter(|seconds| !(0.0..=LONGEST_END_S).contains(seconds)) {
        return Err(wrong("expected_s", seconds.to_string(), "0 to 3600 seconds from now"));
    }
    Ok(Answer { requester, request: raw.request, state: raw.state.into(), expected_s: raw.expected_s })
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

/// Foreign text for a terminal: shortened, without control characters.
pub fn printable(text: &str) -> String {
    let mut short: String = text
        .chars()
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .take(LONGEST_QUOTE)
        .collect();
    if short.len() < text.len() && text.chars().nth(LONGEST_QUOTE).is_some() {
        short.push_str("...");
    }
    short
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    intersection: u32,
    time: Option<f64>,
    #[serde(default)]
    status: Vec<Status>,
    groups: Option<Vec<RawGroup>>,
    #[serde(default)]
    answers: Vec<RawAnswer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    group: u8,
    phase: Phase,
    min_end_s: Option<f64>,
    max_end_s: Option<f64>,
    likely_end_s: Option<f64>,
    confidence: Option<u8>,
    advisory_speed_m_s: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    requester: String,
    request: u8,
    state: Standing,
    expected_s: Option<f64>,
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

/// Names of `v2x.v1.SignalPhase`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Dark,
    StopThenProceed,
    StopAndRemain,
    PreMovement,
    PermissiveGo,
    ProtectedGo,
    PermissiveClearance,
    ProtectedClearance,
    Caution,
}

impl From<Phase> for v1::SignalPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Dark => Self::Dark,
            Phase::StopThenProceed => Self::StopThenProceed,
            Phase::StopAndRemain => Self::StopAndRemain,
            Phase::PreMovement => Self::PreMovement,
            Phase::PermissiveGo => Self::PermissiveGo,
            Phase::ProtectedGo => Self::ProtectedGo,
            Phase::PermissiveClearance => Self::PermissiveClearance,
            Phase::ProtectedClearance => Self::ProtectedClearance,
            Phase::Caution => Self::Caution,
        }
    }
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

/// Longest line: 32 groups with every field are 6 kB.
pub const LONGEST_LINE: usize = 16 * 1024;
const MOST_GROUPS: usize = 32;
const MOST_ANSWERS: usize = 32;
/// An hour, as far as SAE J2735 `TimeMark` reaches.
const LONGEST_END_S: f64 = 3_600.0;
const LONGEST_QUOTE: usize = 200;

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
        assert_eq!(state.time, WireTime::from_unix_micros(1_795_590_000_250_000)); // 2026-11-25T07:00:00.25Z
        let group = &state.groups[0];
        assert_eq!((group.min_end, group.max_end, group.likely_end), (Some(41), Some(121), Some(80)));
        assert_eq!(group.phase(), v1::SignalPhase::ProtectedGo);
        assert_eq!(state.groups[1].advisory_speed, Some(139));
        let whole =
            r#"{"intersection":1,"groups":[{"group":1,"phase":"dark","min_end_s":3600,"max_end_s":3600}]}"#;
        let groups = parse(whole.as_bytes()).unwrap().state.unwrap().groups;
        assert_eq!((groups[0].min_end, groups[0].max_end), (Some(36_000), Some(36_000)));
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
    fn a_bad_line_is_told_with_what_would_be_right() {
        for (from, to, expected) in [
            ("\"status\"", "\"stats\"", "unknown field `stats`, expected one of `intersection`, `time`"),
            ("\"confidence\"", "\"trust\"", "unknown field `trust`, expected one of `group`, `phase`"),
            ("protected_go", "green", "unknown variant `green`, expected one of `dark`"),
            ("traffic_dependent", "busy", "unknown variant `busy`, expected one of `manual_control`"),
            ("\"group\":2", "\"group\":1", "group 1 is there twice: it has to be each group once"),
            ("\"group\":2", "\"group\":0", "number of group 0 is 0: it has to be 1 to 255"),
            ("4.19", "4000", "min_end_s of group 1 is 4000: it has to be 0 to 3600 seconds after time"),
            ("4.19", "13", "min_end_s of group 1 is 13: it has to be at most max_end_s"),
            ("\"confidence\":12", "\"confidence\":16", "confidence of group 1 is 16: it has to be 0 to 15"),
            ("1795590000.25", "-1", "time is -1: it has to be seconds since 1970-01-01T00:00:00Z"),
            ("\"intersection\":18,", "", "missing field `intersection`"),
            ("\"groups\"", "\"\\u001b[31m\"", "unknown field `?[31m`"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let message = parse(GOOD.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\nlacks\n{expected}");
        }
        let nothing = parse(br#"{"intersection":18}"#).unwrap_err().to_string();
        assert_eq!(
            nothing,
            "groups is missing: it has to be a list of 1 to 32 signal groups, or answers in its place"
        );
        assert_eq!(parse(&[b' '; LONGEST_LINE + 1]), Err(LineError::TooLong));
        let answer = r#"{"intersection":1,"answers":[{"requester":"xy","request":3,"state":"granted"}]}"#;
        assert!(parse(answer.as_bytes()).unwrap_err().to_string().contains("16 hexadecimal digits"));
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
            if let Err(error) = parse(&bytes) {
                prop_assert!(!error.to_string().contains(char::is_control));
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
                    let state = v1::SignalState { state_time_us: 1, groups: state.groups, ..v1::SignalState::default() };
                    prop_assert!(v2x_proto::payload::Message::from(state).check().is_ok());
                },
            }
        }
    }
}
