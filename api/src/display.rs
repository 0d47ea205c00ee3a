//! Events and requests in words for people, from the fields of an answer.

use crate::answer::{Hazard, PriorityStatus};
use crate::cause;
use v2x_proto::IntersectionId;

/// One line of what became of an event: `hazard 3f01020304050607/2 accident 320 m ahead, in 12 s`.
pub fn change_line(change: &str, hazard: &Hazard) -> String {
    let noun = match hazard.class.as_str() {
        "D0" => "imminent",
        "D1" => "alert",
        _ => "hazard",
    };
    let cause = if hazard.cause == 0 { String::new() } else { format!(" {}", cause::in_words(hazard.cause)) };
    let place = place(hazard).map_or_else(String::new, |place| format!(" {place}"));
    let start = format!("{noun} {}{cause}", hazard.event);
    match change {
        "cancelled" | "negated" | "expired" => format!("{start}{place}: {change}"),
        "ended" => format!("{start}{place}: no longer affects us"),
        _ => {
            let own = if hazard.own { ", own" } else { "" };
            let updated = match change {
                "updated" => ", updated",
                "began" => ", affects us",
                _ => "",
            };
            let suspect = if hazard.suspect { ", of a suspect" } else { "" };
            let concern = hazard.concern.as_ref().and_then(|concern| concern.time_to_conflict_s);
            let concern = concern.map_or_else(String::new, |time| format!(", in {}", seconds(time)));
            format!("{start}{place}{own}{updated}{suspect}{concern}")
        }
    }
}

/// The state of a request for priority in one line: `priority at intersection 18: granted, green expected in 6.0 s`.
pub fn priority_line(priority: &PriorityStatus) -> String {
    let standing = match priority.state.as_str() {
        "waiting" if priority.known == Some(false) => {
            "waiting, nothing was heard of this intersection yet (given up after 30 s)"
        }
        "waiting" => "waiting, the arrival time is not known yet",
        "asked" => "asked, no answer yet",
        "unanswered" => "unanswered, asking on",
        "contested" => "contested: two stations contradict each other, asking on",
        "requested" => "received by the intersection",
        "processing" => "the intersection is considering it",
        "watch_other_traffic" => "the intersection watches for other traffic",
        "rejected" => "rejected by the intersection",
        "max_presence" => "the intersection does nothing more about it: its time is over",
        "reservice_locked" => "the intersection is held for a higher request",
        "passed" => "over, the stop line is passed",
        "withdrawn" => "withdrawn",
        "given_up" => "over, when the vehicle arrives was not known for 30 s",
        other => other,
    };
    let expected = priority.expected_in_s.map(|time| format!(", green expected in {}", seconds(time)));
    format!("priority at intersection {}: {standing}{}", intersection(priority), expected.unwrap_or_default())
}

/// `18`, or `3/18` in region 3.
pub fn intersection(priority: &PriorityStatus) -> String {
    IntersectionId { region: priority.region, number: priority.intersection }.to_string()
}

/// Distance and direction of an event: `320 m ahead`, `1.2 km north-east`, `here`; `None` while the station does not know
/// where it is.
pub fn place(hazard: &Hazard) -> Option<String> {
    hazard.distance_m.map(|distance| way(distance, hazard.relative_bearing_deg, hazard.bearing_deg))
}

/// Distance, m, and direction: against the station's heading where `relative_deg` is known, -180..180 and positive to the
/// right; else `bearing_deg` clockwise from north. `320 m ahead`, `1.2 km north-east`, `here`.
pub fn way(distance_m: f64, relative_deg: Option<f64>, bearing_deg: Option<f64>) -> String {
    if distance_m < HERE_M {
        return "here".to_owned();
    }
    let direction = match (relative_deg, bearing_deg) {
        (Some(angle), _) if angle.abs() <= 30.0 => "ahead",
        (Some(angle), _) if angle.abs() >= 150.0 => "behind",
        (Some(angle), _) if angle > 0.0 => "to the right",
        (Some(_), _) => "to the left",
        (None, Some(bearing)) => compass(bearing),
        (None, None) => "away",
    };
    format!("{} {direction}", metres(distance_m))
}

/// `850 m` or `1.2 km`.
pub fn metres(metres: f64) -> String {
    if metres < 1000.0 { format!("{metres:.0} m") } else { format!("{:.1} km", metres / 1000.0) }
}

/// `12 s`, `3 min`, `2 h` or `1 day`.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s if s < 7_170.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

fn compass(bearing: f64) -> &'static str {
    const WINDS: [&str; 8] =
        ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
    WINDS[((bearing + 22.5).rem_euclid(360.0) / 45.0) as usize % 8]
}

/// An event this near is where the station is: the error of a good receiver.
const HERE_M: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Concern;

    fn accident() -> Hazard {
        Hazard {
            event: "3f01020304050607/2".to_owned(),
            class: "D3".to_owned(),
            cause: 2,
            distance_m: Some(320.4),
            bearing_deg: Some(47.0),
            relative_bearing_deg: Some(-12.0),
            ..Hazard::default()
        }
    }

    #[test]
    fn a_change_reads_as_a_sentence() {
        let start = "hazard 3f01020304050607/2 accident 320 m ahead";
        let concern = Some(Concern { time_to_conflict_s: Some(12.3), ..Concern::default() });
        let concerned = Hazard { concern, ..accident() };
        assert_eq!(change_line("new", &concerned), format!("{start}, in 12 s"));
        assert_eq!(change_line("updated", &accident()), format!("{start}, updated"));
        assert_eq!(change_line("cancelled", &concerned), format!("{start}: cancelled"));
        assert_eq!(change_line("began", &concerned), format!("{start}, affects us, in 12 s"));
        assert_eq!(change_line("ended", &accident()), format!("{start}: no longer affects us"));
        let own = Hazard { own: true, distance_m: Some(0.4), class: "D1".to_owned(), ..accident() };
        assert_eq!(change_line("new", &own), "alert 3f01020304050607/2 accident here, own");
        let bare = Hazard { cause: 0, distance_m: None, ..accident() };
        assert_eq!(change_line("negated", &bare), "hazard 3f01020304050607/2: negated");
    }

    #[test]
    fn a_request_for_priority_reads_as_a_sentence() {
        let state = |state: &str| PriorityStatus {
            intersection: 18,
            state: state.to_owned(),
            ..PriorityStatus::default()
        };
        let granted = PriorityStatus { expected_in_s: Some(6.0), ..state("granted") };
        assert_eq!(priority_line(&granted), "priority at intersection 18: granted, green expected in 6.0 s");
        let waiting = PriorityStatus { known: Some(false), ..state("waiting") };
        assert_eq!(
            priority_line(&waiting),
            "priority at intersection 18: waiting, nothing was heard of this intersection yet (given up after 30 s)"
        );
        let rejected = PriorityStatus { region: 3, ..state("rejected") };
        assert_eq!(priority_line(&rejected), "priority at intersection 3/18: rejected by the intersection");
    }

    #[test]
    fn directions_go_by_the_own_heading_or_by_the_compass() {
        let at = |relative, bearing| {
            place(&Hazard { relative_bearing_deg: relative, bearing_deg: bearing, ..accident() }).unwrap()
        };
        assert_eq!(at(Some(170.0), None), "320 m behind");
        assert_eq!(at(Some(90.0), None), "320 m to the right");
        assert_eq!(at(Some(-31.0), None), "320 m to the left");
        assert_eq!(at(None, Some(47.0)), "320 m north-east");
        assert_eq!(at(None, Some(359.9)), "320 m north");
        assert_eq!(at(None, None), "320 m away");
        assert_eq!(place(&Hazard { distance_m: Some(1234.0), ..accident() }).unwrap(), "1.2 km ahead");
    }

    #[test]
    fn times_have_a_unit_that_suits_them() {
        let cases = [(0.0, "0.0 s"), (9.96, "10 s"), (90.0, "90 s"), (600.0, "10 min"), (7_200.0, "2 h")];
        for (time, text) in cases {
            assert_eq!(seconds(time), text);
        }
    }
}
