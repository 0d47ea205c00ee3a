//! The signal groups of a controller's line. A value that cannot be costs that value; a group costs its phase, because
//! nothing is known of it without; the other groups go on.

use serde::Deserialize;
use serde_json::Value;
use v2x_proto::v1;

use super::fields::{Fields, Notes, shown};

/// The groups of a list, each number once, in the list's order.
pub(super) fn groups(list: Vec<Value>, notes: &mut Notes) -> Vec<v1::SignalGroup> {
    let mut groups: Vec<v1::SignalGroup> = Vec::with_capacity(list.len().min(255));
    let mut contradicted: Vec<u32> = Vec::new();
    for value in list {
        let Some(one) = group(value, notes) else { continue };
        match groups.iter().find(|other| other.group == one.group) {
            None => groups.push(one),
            // Nobody can tell which of the two it shows.
            Some(other) if other.phase != one.phase => contradicted.push(one.group),
            Some(_) => {}
        }
    }
    contradicted.sort_unstable();
    contradicted.dedup();
    for group in &contradicted {
        let of = format!("group {group}");
        notes.leave_out("phase", &of, "there twice, and not the same".to_owned(), "one");
    }
    groups.retain(|one| !contradicted.contains(&one.group));
    groups
}

fn group(value: Value, notes: &mut Notes) -> Option<v1::SignalGroup> {
    let Value::Object(object) = value else {
        notes.leave_out("groups", "", shown(&value), "objects, such as {\"group\": 1, \"phase\": \"dark\"}");
        return None;
    };
    let mut fields = Fields::new(object, "a group".to_owned(), notes);
    let number = fields.take("group").unwrap_or_default();
    let Some(group) = number.as_u64().filter(|group| (1..=255).contains(group)) else {
        fields.leave_out("number", shown(&number), "a whole number, 1 to 255");
        return None;
    };
    fields.of = format!("group {group}");
    let phase = fields.take("phase").unwrap_or_default();
    let Some(phase) = Phase::deserialize(&phase).ok() else {
        fields.leave_out("phase", shown(&phase), PHASES);
        return None;
    };
    let ends = ends(&mut fields);
    let one = v1::SignalGroup {
        group: group as u32,
        phase: v1::SignalPhase::from(phase) as i32,
        min_end: ends.min.map(tenths),
        max_end: ends.max.map(|end| tenths(end + 0.099_999).min(HOUR)),
        likely_end: ends.likely.map(|end| tenths(end + 0.05).min(HOUR)),
        confidence: fields.whole("confidence", 15, "a whole number, 0 to 15"),
        advisory_speed: fields
            .read("advisory_speed_m_s", "0 to 50 m/s", |value| {
                value.as_f64().filter(|speed| (0.0..=50.0).contains(speed))
            })
            .map(tenths),
    };
    fields.end();
    Some(one)
}

/// Seconds, 0..=3600.
#[derive(Default)]
struct Ends {
    min: Option<f64>,
    likely: Option<f64>,
    max: Option<f64>,
}

/// An end beyond an hour is an hour, which says "an hour or more" (SAE J2735 `TimeMark`). Receivers use no ends that
/// contradict each other, so those that do are left out here, where the controller's side gets to know.
fn ends(fields: &mut Fields<'_>) -> Ends {
    let mut end = |name| {
        fields.read(
            name,
            "0 or more seconds after time; beyond 3600 it is sent as an hour or more",
            |value| value.as_f64().filter(|end| *end >= 0.0).map(|end| end.min(LONGEST_END_S)),
        )
    };
    let mut ends = Ends { min: end("min_end_s"), max: end("max_end_s"), likely: end("likely_end_s") };
    if let (Some(min), Some(max)) = (ends.min, ends.max)
        && min > max
    {
        fields.leave_out("min_end_s", min.to_string(), "at most max_end_s, so neither is sent");
        (ends.min, ends.max) = (None, None);
    }
    if let Some(likely) = ends.likely
        && (ends.min.is_some_and(|min| likely < min) || ends.max.is_some_and(|max| likely > max))
    {
        fields.leave_out("likely_end_s", likely.to_string(), "between min_end_s and max_end_s");
        ends.likely = None;
    }
    ends
}

/// Rounded down: an earliest end promises no more than was said.
fn tenths(value: f64) -> u32 {
    (value * 10.0) as u32
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

const PHASES: &str = "dark, stop_then_proceed, stop_and_remain, pre_movement, permissive_go, protected_go, \
                      permissive_clearance, protected_clearance or caution";
/// An hour, as far as SAE J2735 `TimeMark` reaches.
const LONGEST_END_S: f64 = 3_600.0;
const HOUR: u32 = 36_000;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(list: Value) -> (Vec<v1::SignalGroup>, Vec<String>) {
        let mut notes = Notes::default();
        let Value::Array(list) = list else { panic!("no list") };
        let groups = groups(list, &mut notes);
        (groups, notes.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_end_beyond_an_hour_is_an_hour_or_more() {
        let (groups, notes) = read(json!([
            { "group": 1, "phase": "protected_go", "min_end_s": 5000, "max_end_s": 7200, "likely_end_s": 1e12 },
            { "group": 2, "phase": "stop_and_remain", "min_end_s": 3600 },
        ]));
        let ends = (groups[0].min_end, groups[0].max_end, groups[0].likely_end);
        assert_eq!(ends, (Some(36_000), Some(36_000), Some(36_000)));
        assert_eq!((groups[1].min_end, notes.len()), (Some(36_000), 0));
    }

    #[test]
    fn a_wrong_value_costs_that_value_and_nothing_else() {
        let good = json!({ "group": 1, "phase": "protected_go", "min_end_s": 4, "max_end_s": 12, "likely_end_s": 8,
            "confidence": 12, "advisory_speed_m_s": 13.9 });
        let (whole, notes) = read(json!([good]));
        assert!(notes.is_empty());
        let one = whole[0];
        let hour = "0 or more seconds after time; beyond 3600 it is sent as an hour or more";
        type G = v1::SignalGroup;
        for (field, value, expected, note) in [
            (
                "min_end_s",
                json!(-1),
                G { min_end: None, ..one },
                format!("min_end_s of group 1 is -1: it has to be {hour}"),
            ),
            (
                "max_end_s",
                json!("12"),
                G { max_end: None, ..one },
                format!("max_end_s of group 1 is \"12\": it has to be {hour}"),
            ),
            (
                "min_end_s",
                json!(13),
                G { min_end: None, max_end: None, ..one },
                "min_end_s of group 1 is 13: it has to be at most max_end_s, so neither is sent".to_owned(),
            ),
            (
                "likely_end_s",
                json!(20),
                G { likely_end: None, ..one },
                "likely_end_s of group 1 is 20: it has to be between min_end_s and max_end_s".to_owned(),
            ),
            (
                "confidence",
                json!(16),
                G { confidence: None, ..one },
                "confidence of group 1 is 16: it has to be a whole number, 0 to 15".to_owned(),
            ),
            (
                "confidence",
                json!(1.5),
                G { confidence: None, ..one },
                "confidence of group 1 is 1.5: it has to be a whole number, 0 to 15".to_owned(),
            ),
            (
                "advisory_speed_m_s",
                json!(51),
                G { advisory_speed: None, ..one },
                "advisory_speed_m_s of group 1 is 51: it has to be 0 to 50 m/s".to_owned(),
            ),
            ("max_end_s", Value::Null, G { max_end: None, ..one }, String::new()),
            (
                "name",
                json!("West"),
                one,
                "name of group 1 is unknown here: it has to be a field that FEED.md has".to_owned(),
            ),
        ] {
            let mut changed = good.clone();
            changed[field] = value;
            let (groups, notes) = read(json!([changed, { "group": 2, "phase": "dark" }]));
            assert_eq!(groups[0], expected, "{field}");
            assert_eq!((groups.len(), notes.concat()), (2, note));
        }
    }

    #[test]
    fn a_group_without_number_or_phase_is_left_out_and_the_others_go_on() {
        for (wrong, note) in [
            (
                json!({ "group": 0, "phase": "dark" }),
                "number of a group is 0: it has to be a whole number, 1 to 255",
            ),
            (
                json!({ "group": 256, "phase": "dark" }),
                "number of a group is 256: it has to be a whole number, 1 to 255",
            ),
            (
                json!({ "phase": "dark" }),
                "number of a group is missing: it has to be a whole number, 1 to 255",
            ),
            (
                json!({ "group": "2", "phase": "dark" }),
                "number of a group is \"2\": it has to be a whole number, 1 to 255",
            ),
            (
                json!({ "group": 2, "phase": "green" }),
                "phase of group 2 is \"green\": it has to be dark, stop_then",
            ),
            (json!({ "group": 2 }), "phase of group 2 is missing: it has to be dark, stop_then"),
            (json!(5), "groups is 5: it has to be objects, such as"),
        ] {
            let (groups, notes) = read(json!([wrong, { "group": 1, "phase": "dark" }]));
            assert_eq!((groups.len(), groups[0].group, notes.len()), (1, 1, 1), "{wrong}");
            assert!(notes[0].starts_with(note), "{notes:?}");
        }
    }

    #[test]
    fn a_group_that_is_there_twice_counts_once_or_not_at_all() {
        let said = |phase: &str| json!({ "group": 1, "phase": phase });
        let (same, notes) = read(json!([said("dark"), said("dark")]));
        assert_eq!((same.len(), notes.len()), (1, 0));
        let (other, notes) = read(json!([said("dark"), { "group": 2, "phase": "dark" }, said("caution")]));
        assert_eq!((other.len(), other[0].group), (1, 2));
        assert_eq!(notes, ["phase of group 1 is there twice, and not the same: it has to be one"]);
    }
}
