//! Causes of hazards as a user gives them: by the core's name, the standard's, or number.

use v2x_proto::cause;

/// The cause that `text` names (1..=255), by its name here, by the standard's, or as its number. Case, hyphens,
/// underscores and spaces do not matter. A number without a name is taken as it is.
pub fn parse(text: &str) -> Option<u8> {
    if let Ok(number) = cause::parse(text) {
        return Some(number);
    }
    let text = plain(text);
    let named = |(_, name): &&(u8, &str)| plain(name) == text;
    cause::NAMES.iter().chain(STANDARD).find(named).map(|(number, _)| *number)
}

/// A cause in words for people: `animal`, `wrong way driver`, or `cause 200`.
pub fn in_words(number: u8) -> String {
    cause::name(number).map_or_else(|| format!("cause {number}"), |name| name.replace('_', " "))
}

/// Every cause with a name: its number, its name here and the standard's.
pub fn all() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
    let standard = |number| STANDARD.iter().find(|(other, _)| *other == number).map_or("", |(_, name)| *name);
    cause::NAMES.iter().map(move |(number, name)| (*number, *name, standard(*number)))
}

/// Names that resemble `text`, to suggest for an unknown name.
pub fn near(text: &str) -> String {
    let text = plain(text);
    let start: String = text.chars().take(3).collect();
    let near = |name: &str| plain(name).contains(&text) || plain(name).starts_with(&start);
    let meant = MEANT.iter().filter(|(said, _)| *said == text).map(|(_, name)| *name);
    let names = all().filter(|(_, name, standard)| !start.is_empty() && (near(name) || near(standard)));
    let mut near: Vec<_> = meant.collect();
    near.extend(
        names
            .map(|(_, name, _)| name)
            .filter(|name| MEANT.iter().all(|(said, of)| *said != text || of != name)),
    );
    near.truncate(MOST_NEAR);
    near.join(", ")
}

/// Letters and digits alone, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Words of everyday language, and the cause that is meant by them.
const MEANT: &[(&str, &str)] = &[
    ("crash", "accident"),
    ("collision", "accident"),
    ("wreck", "accident"),
    ("jam", "traffic_condition"),
    ("congestion", "traffic_condition"),
    ("construction", "roadworks"),
    ("works", "roadworks"),
    ("ice", "slippery_road"),
    ("fog", "poor_visibility"),
    ("ambulance", "emergency_vehicle"),
    ("ghostdriver", "wrong_way_driver"),
];

/// Names suggested at a time.
const MOST_NEAR: usize = 4;

/// The standard's spelling (ETSI TS 102 894-2 V2.2.1 `CauseCodeChoice`).
const STANDARD: &[(u8, &str)] = &[
    (1, "trafficCondition"),
    (2, "accident"),
    (3, "roadworks"),
    (5, "impassability"),
    (6, "adverseWeatherCondition-Adhesion"),
    (7, "aquaplaning"),
    (9, "hazardousLocation-SurfaceCondition"),
    (10, "hazardousLocation-ObstacleOnTheRoad"),
    (11, "hazardousLocation-AnimalOnTheRoad"),
    (12, "humanPresenceOnTheRoad"),
    (14, "wrongWayDriving"),
    (15, "rescueRecoveryAndMaintenanceWorkInProgress"),
    (17, "adverseWeatherCondition-ExtremeWeatherCondition"),
    (18, "adverseWeatherCondition-Visibility"),
    (19, "adverseWeatherCondition-Precipitation"),
    (20, "violence"),
    (26, "slowVehicle"),
    (27, "dangerousEndOfQueue"),
    (28, "publicTransportVehicleApproaching"),
    (91, "vehicleBreakdown"),
    (92, "postCrash"),
    (93, "humanProblem"),
    (94, "stationaryVehicle"),
    (95, "emergencyVehicleApproaching"),
    (96, "hazardousLocation-DangerousCurve"),
    (97, "collisionRisk"),
    (98, "signalViolation"),
    (99, "dangerousSituation"),
    (100, "railwayLevelCrossing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_known_by_either_name_and_by_its_number() {
        for text in ["animal", "Animal", "hazardousLocation-AnimalOnTheRoad", "11"] {
            assert_eq!(parse(text), Some(11), "{text}");
        }
        for text in ["wrong_way_driver", "wrong-way driver", "wrongWayDriving"] {
            assert_eq!(parse(text), Some(14), "{text}");
        }
        assert_eq!(parse("200"), Some(200));
        for text in ["", "0", "256", "-1", "acident", "---"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_two_causes_share_a_number_and_each_name_leads_back() {
        assert!(STANDARD.is_sorted_by(|a, b| a.0 < b.0));
        for (number, name, standard) in all() {
            assert!(!standard.is_empty(), "{name} is not in the standard");
            assert_eq!((parse(name), parse(standard)), (Some(number), Some(number)));
        }
        assert_eq!(in_words(94), "stationary vehicle");
        assert_eq!(in_words(200), "cause 200");
    }

    #[test]
    fn a_name_that_is_none_finds_those_near_it() {
        assert_eq!(near("accidents"), "accident");
        assert_eq!(near("wrongly"), "wrong_way_driver");
        assert_eq!(
            (near("crash"), near("fog")),
            ("accident, post_crash".to_owned(), "poor_visibility".to_owned())
        );
        assert!(MEANT.iter().all(|(said, cause)| parse(cause).is_some() && parse(said).is_none()));
        assert_eq!((near("zebra"), near("")), (String::new(), String::new()));
        assert!(near("e").split(", ").count() <= MOST_NEAR);
    }
}
