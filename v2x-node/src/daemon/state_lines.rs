//! What is logged when a station has a position or none, and when its clock is judged anew.

use v2x_core::{ClockState, Fix, WireTime};

use crate::log::{Line, events};

/// There is a position at `now`, or, after `last`, none any more.
pub fn position(fix: Option<Fix>, last: Option<Fix>, now: WireTime) -> Line {
    let line = match fix {
        Some(fix) => Line::new(&events::POSITION_HAD, "there is a position")
            .with_known("accuracy_m", fix.accuracy_cm.map(|accuracy_cm| f64::from(accuracy_cm) / 100.0)),
        None => Line::new(&events::POSITION_LOST, "there is no position any more"),
    };
    let age = fix.or(last).map(|fix| u64::try_from(now.since(fix.time).as_millis()).unwrap_or(u64::MAX));
    line.with("state", position_state(fix.is_some())).with_known("age_ms", age)
}

/// The clock is judged anew; nothing bounds its error where `bound_us` is absent.
pub fn clock(state: ClockState, bound_us: Option<u64>, why: impl FnOnce() -> String) -> Line {
    let line = match state {
        ClockState::Locked => Line::new(&events::CLOCK_TRUSTED, "the clock is trusted"),
        ClockState::Holdover => {
            Line::new(&events::CLOCK_HELD_OVER, "nothing keeps the clock any more; it is held over")
        }
        ClockState::Untrusted => {
            let reason = why();
            Line::new(&events::CLOCK_UNTRUSTED, format!("the clock is not trusted: {reason}"))
                .with("reason", reason)
        }
    };
    line.with("state", clock_state(state)).with_known("bound_us", bound_us)
}

/// Whether there is a position, in a word for programs.
pub const fn position_state(had: bool) -> &'static str {
    if had { "had" } else { "lost" }
}

/// A judgement of the clock, in a word for programs.
pub const fn clock_state(state: ClockState) -> &'static str {
    match state {
        ClockState::Locked => "locked",
        ClockState::Holdover => "holdover",
        ClockState::Untrusted => "untrusted",
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use serde_json::json;
    use v2x_core::Position;

    use super::*;
    use crate::log::capture::logged;

    #[test]
    fn a_position_had_and_lost_is_logged_with_its_error_and_its_age() {
        let time = WireTime::from_secs(700_000_000);
        let fix = Fix {
            position: Position { latitude: 496_116_000, longitude: 61_319_000 },
            altitude_cm: None,
            speed: None,
            heading: None,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: Some(150),
            time,
        };
        let after = |ms| time + Duration::from_millis(ms);
        let told = |name, line: Line| logged(name, || line.log());
        let had = told("position_had", position(Some(fix), None, after(20)));
        assert_eq!(had, [json!({ "state": "had", "accuracy_m": 1.5, "age_ms": 20 })]);
        let unknown = Fix { accuracy_cm: None, ..fix };
        let had = told("position_had", position(Some(unknown), Some(fix), after(5)));
        assert_eq!(had, [json!({ "state": "had", "age_ms": 5 })]);
        let lost = told("position_lost", position(None, Some(fix), after(3000)));
        assert_eq!(lost, [json!({ "state": "lost", "age_ms": 3000 })]);
        let never = told("position_lost", position(None, None, after(0)));
        assert_eq!(never, [json!({ "state": "lost" })]);
    }

    #[test]
    fn each_judgement_of_the_clock_is_logged_with_the_bound_of_its_error() {
        let told = |name, state, bound_us| {
            logged(name, || clock(state, bound_us, || "nothing keeps it".to_owned()).log())
        };
        let locked = told("clock_trusted", ClockState::Locked, Some(120));
        assert_eq!(locked, [json!({ "state": "locked", "bound_us": 120 })]);
        let held = told("clock_held_over", ClockState::Holdover, Some(900));
        assert_eq!(held, [json!({ "state": "holdover", "bound_us": 900 })]);
        let untrusted = told("clock_untrusted", ClockState::Untrusted, None);
        assert_eq!(untrusted, [json!({ "state": "untrusted", "reason": "nothing keeps it" })]);
    }
}
