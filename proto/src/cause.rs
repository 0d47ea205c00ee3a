//! Causes of hazards and their names for people (TS 102 894-2 CauseCodeType; the numbers are the standard's).

/// Causes with their names, by number.
pub const NAMES: [(u8, &str); 28] = [
    (TRAFFIC_CONDITION, "traffic_condition"),
    (ACCIDENT, "accident"),
    (ROADWORKS, "roadworks"),
    (5, "impassability"),
    (6, "slippery_road"),
    (7, "aquaplaning"),
    (9, "surface_condition"),
    (10, "obstacle"),
    (11, "animal"),
    (HUMAN_PRESENCE, "human_presence"),
    (WRONG_WAY_DRIVER, "wrong_way_driver"),
    (15, "rescue_work"),
    (17, "extreme_weather"),
    (18, "poor_visibility"),
    (19, "precipitation"),
    (20, "violence"),
    (SLOW_VEHICLE, "slow_vehicle"),
    (END_OF_QUEUE, "end_of_queue"),
    (BREAKDOWN, "breakdown"),
    (POST_CRASH, "post_crash"),
    (93, "human_problem"),
    (STATIONARY_VEHICLE, "stationary_vehicle"),
    (EMERGENCY_VEHICLE, "emergency_vehicle"),
    (96, "dangerous_curve"),
    (COLLISION_RISK, "collision_risk"),
    (SIGNAL_VIOLATION, "signal_violation"),
    (DANGEROUS_SITUATION, "dangerous_situation"),
    (100, "level_crossing"),
];

/// A queue, or its growth.
pub const TRAFFIC_CONDITION: u8 = 1;

/// A crash.
pub const ACCIDENT: u8 = 2;

/// People and machines at work.
pub const ROADWORKS: u8 = 3;

/// People on the road.
pub const HUMAN_PRESENCE: u8 = 12;

/// A vehicle drives against the traffic.
pub const WRONG_WAY_DRIVER: u8 = 14;

/// A vehicle much slower than the traffic.
pub const SLOW_VEHICLE: u8 = 26;

/// The dangerous end of a queue, as seen by approaching traffic.
pub const END_OF_QUEUE: u8 = 27;

/// A vehicle that broke down.
pub const BREAKDOWN: u8 = 91;

/// A vehicle that crashed.
pub const POST_CRASH: u8 = 92;

/// A stationary vehicle.
pub const STATIONARY_VEHICLE: u8 = 94;

/// An emergency vehicle on duty.
pub const EMERGENCY_VEHICLE: u8 = 95;

/// Two vehicles on a collision course.
pub const COLLISION_RISK: u8 = 97;

/// A vehicle passes a red light.
pub const SIGNAL_VIOLATION: u8 = 98;

/// A vehicle in trouble; see [`EMERGENCY_BRAKE`].
pub const DANGEROUS_SITUATION: u8 = 99;

/// Sub-cause of [`DANGEROUS_SITUATION`]: emergency electronic brake lights.
pub const EMERGENCY_BRAKE: u8 = 1;

/// The name of a cause; `None` when it has none here.
#[must_use]
pub fn name(cause: u8) -> Option<&'static str> {
    let place = NAMES.binary_search_by_key(&cause, |(number, _)| *number).ok()?;
    Some(NAMES[place].1)
}

/// The cause that a text names, by its name or as its number, 1..=255.
///
/// # Errors
///
/// It is neither; the error lists the names.
pub fn parse(text: &str) -> Result<u8, CauseError> {
    let named = NAMES.iter().find(|(_, name)| *name == text).map(|(number, _)| *number);
    let number =
        || text.parse().ok().filter(|number| *number > 0 && text.bytes().all(|b| b.is_ascii_digit()));
    named.or_else(number).ok_or_else(|| CauseError(text.chars().take(40).collect()))
}

/// A text that names no cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cause: a number from 1 to 255, or one of {names}", names = list())]
pub struct CauseError(String);

fn list() -> String {
    NAMES.map(|(_, name)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_name_names_one_cause_and_back() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, for the search");
        for (number, text) in NAMES {
            assert_eq!((parse(text), name(number)), (Ok(number), Some(text)));
            assert_eq!(parse(&number.to_string()), Ok(number));
        }
        assert_eq!((parse("255"), name(255)), (Ok(255), None));
    }

    #[test]
    fn what_is_no_cause_is_refused_with_the_names() {
        for text in ["", "0", "256", "-1", "+3", "Accident", "accident "] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("wrong_way_driver"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_cause_or_refused(text in "\\PC{0,300}") {
            prop_assert!(parse(&text).is_ok_and(|cause| cause > 0) || parse(&text).is_err());
        }
    }
}
