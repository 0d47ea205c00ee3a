//! Causes of hazards by the standard's names (ETSI TS 102 894-2 V2.2.1 `CauseCodeChoice`).

/// A cause: its number, and its name in words with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Number on the wire.
    pub number: u8,
    /// Name, such as `"animal-on-the-road"`.
    pub name: &'static str,
    /// What the standard writes before or instead of it, such as `"hazardousLocation-AnimalOnTheRoad"`.
    standard: &'static str,
}

impl Cause {
    /// The cause of this name or number (1..=255). The standard's spelling and the one here both do; case, hyphens,
    /// underscores and spaces do not matter. A number the standard gives no name is taken as it is.
    pub fn parse(text: &str) -> Option<u8> {
        if let Ok(number) = text.parse::<u8>() {
            return (number > 0).then_some(number);
        }
        let text = plain(text);
        let named = |cause: &&Self| plain(cause.name) == text || plain(cause.standard) == text;
        CAUSES.iter().find(named).map(|cause| cause.number)
    }

    /// The name of a number; `None` when the standard gives none.
    pub fn name(number: u8) -> Option<&'static str> {
        CAUSES.iter().find(|cause| cause.number == number).map(|cause| cause.name)
    }

    /// A cause in words for people: `"animal on the road"`, or `"cause 200"`.
    pub fn in_words(number: u8) -> String {
        Self::name(number).map_or_else(|| format!("cause {number}"), |name| name.replace('-', " "))
    }

    /// The causes with a name that start or sound like `text`, for an answer to a name that is none.
    pub fn near(text: &str) -> impl Iterator<Item = &'static str> {
        let text = plain(text);
        let start: String = text.chars().take(3).collect();
        let near = move |cause: &&Self| {
            let name = plain(cause.name);
            !start.is_empty() && (name.contains(&text) || name.starts_with(&start))
        };
        CAUSES.iter().filter(near).map(|cause| cause.name)
    }
}

/// Letters and digits alone, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

macro_rules! causes {
    ($($number:literal $name:literal $standard:literal,)+) => {
        /// Every cause with a name, by number.
        pub const CAUSES: &[Cause] = &[$(Cause { number: $number, name: $name, standard: $standard }),+];
    };
}

causes! {
    1 "traffic-condition" "trafficCondition",
    2 "accident" "accident",
    3 "roadworks" "roadworks",
    5 "impassability" "impassability",
    6 "adhesion" "adverseWeatherCondition-Adhesion",
    7 "aquaplaning" "aquaplaning",
    9 "surface-condition" "hazardousLocation-SurfaceCondition",
    10 "obstacle-on-the-road" "hazardousLocation-ObstacleOnTheRoad",
    11 "animal-on-the-road" "hazardousLocation-AnimalOnTheRoad",
    12 "human-presence-on-the-road" "humanPresenceOnTheRoad",
    14 "wrong-way-driving" "wrongWayDriving",
    15 "rescue-recovery-and-maintenance" "rescueRecoveryAndMaintenanceWorkInProgress",
    17 "extreme-weather" "adverseWeatherCondition-ExtremeWeatherCondition",
    18 "visibility" "adverseWeatherCondition-Visibility",
    19 "precipitation" "adverseWeatherCondition-Precipitation",
    20 "violence" "violence",
    26 "slow-vehicle" "slowVehicle",
    27 "dangerous-end-of-queue" "dangerousEndOfQueue",
    28 "public-transport-approaching" "publicTransportVehicleApproaching",
    91 "vehicle-breakdown" "vehicleBreakdown",
    92 "post-crash" "postCrash",
    93 "human-problem" "humanProblem",
    94 "stationary-vehicle" "stationaryVehicle",
    95 "emergency-vehicle-approaching" "emergencyVehicleApproaching",
    96 "dangerous-curve" "hazardousLocation-DangerousCurve",
    97 "collision-risk" "collisionRisk",
    98 "signal-violation" "signalViolation",
    99 "dangerous-situation" "dangerousSituation",
    100 "railway-level-crossing" "railwayLevelCrossing",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_known_by_either_name_and_by_its_number() {
        for text in ["animal-on-the-road", "Animal on the road", "hazardousLocation-AnimalOnTheRoad", "11"] {
            assert_eq!(Cause::parse(text), Some(11), "{text}");
        }
        assert_eq!(Cause::parse("wrongWayDriving"), Some(14));
        assert_eq!(Cause::parse("200"), Some(200));
        for text in ["", "0", "256", "-1", "acident", "---"] {
            assert_eq!(Cause::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_two_causes_share_a_number_or_a_name_and_each_name_leads_back() {
        assert!(CAUSES.is_sorted_by(|a, b| a.number < b.number));
        for cause in CAUSES {
            assert_eq!(Cause::parse(cause.name), Some(cause.number));
            assert_eq!(Cause::parse(cause.standard), Some(cause.number));
            assert_eq!(Cause::name(cause.number), Some(cause.name));
        }
        assert_eq!(Cause::in_words(94), "stationary vehicle");
        assert_eq!(Cause::in_words(200), "cause 200");
    }

    #[test]
    fn a_name_that_is_none_finds_those_near_it() {
        assert_eq!(Cause::near("acident").count(), 0);
        assert_eq!(Cause::near("accidents").collect::<Vec<_>>(), ["accident"]);
        assert_eq!(
            Cause::near("road").collect::<Vec<_>>(),
            ["roadworks", "obstacle-on-the-road", "animal-on-the-road", "human-presence-on-the-road"]
        );
        assert_eq!(Cause::near("").count(), 0);
    }
}
