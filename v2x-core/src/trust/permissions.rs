//! Permissions of a credential: a set of bits, each with a name people can type.

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign};
use core::str::FromStr;

/// A set of permissions, as the 64-bit mask a credential carries on the wire.
///
/// Bits this version does not know are kept, so that nesting is checked over all of them, and are
/// shown as `bit-N`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(pub u64);

impl Permissions {
    /// No permission at all.
    pub const NONE: Self = Self(0);
    /// Awareness beacons.
    pub const AWARENESS: Self = Self(1 << 0);
    /// Hazards a vehicle detects itself.
    pub const HAZARD: Self = Self(1 << 1);
    /// Hazards a road authority declares: roadworks, a wrong-way driver.
    pub const AUTHORITY_HAZARD: Self = Self(1 << 2);
    /// Imminent alerts, class D0.
    pub const IMMINENT: Self = Self(1 << 3);
    /// The role of an emergency vehicle.
    pub const EMERGENCY: Self = Self(1 << 4);
    /// Signal state of an intersection.
    pub const SIGNAL_STATE: Self = Self(1 << 5);
    /// Maps of intersections and road signs.
    pub const MAP_SIGN: Self = Self(1 << 6);
    /// Asking an intersection for priority.
    pub const PRIORITY_REQUEST: Self = Self(1 << 7);
    /// The role of a public-transport vehicle.
    pub const PUBLIC_TRANSPORT: Self = Self(1 << 8);
    /// Objects detected by the station's sensors.
    pub const PERCEPTION: Self = Self(1 << 9);
    /// Awareness of vulnerable road users.
    pub const VRU: Self = Self(1 << 10);
    /// Advertising services of a roadside unit.
    pub const SERVICE_ADVERT: Self = Self(1 << 11);
    /// Corrections for satellite positioning.
    pub const GNSS_CORRECTION: Self = Self(1 << 12);
    /// Negating events of other stations.
    pub const NEGATION: Self = Self(1 << 13);
    /// Floods over a wide area or with a long life.
    pub const WIDE_AREA: Self = Self(1 << 14);
    /// Keeping events of others alive within their area.
    pub const KEEP_ALIVE: Self = Self(1 << 15);
    /// Reporting misbehaviour.
    pub const MISBEHAVIOUR_REPORT: Self = Self(1 << 16);
    /// Management and telemetry.
    pub const MANAGEMENT: Self = Self(1 << 17);
    /// Relaying manifests of updates.
    pub const UPDATE_RELAY: Self = Self(1 << 18);
    /// Test traffic only.
    pub const TEST: Self = Self(1 << 30);
    /// Issuing credentials to others. A holder of this bit signs credentials and nothing else.
    pub const ISSUE: Self = Self(1 << 31);

    /// True when every permission of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set without the permissions of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Every named permission, its name, and what it allows; lowest bit first.
    pub fn named() -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        NAMES.into_iter()
    }

    /// The names of the known permissions of this set, lowest bit first.
    #[must_use]
    pub fn in_words(self) -> Vec<&'static str> {
        let named = NAMES.iter().filter(|(permission, ..)| self.contains(*permission));
        named.map(|(_, name, _)| *name).collect()
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Permissions {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("none");
        }
        let mut comma = "";
        for bit in 0..64 {
            let one = Self(1 << bit);
            if !self.contains(one) {
                continue;
            }
            match NAMES.iter().find(|(permission, ..)| *permission == one) {
                Some((_, name, _)) => write!(f, "{comma}{name}")?,
                None => write!(f, "{comma}bit-{bit}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permissions({self})")
    }
}

/// A word in a list of permissions that is not the name of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a permission; use a comma-separated list of: {}", known_names())]
pub struct UnknownPermission {
    /// The word as it was typed.
    pub word: String,
}

impl FromStr for Permissions {
    type Err = UnknownPermission;

    /// Parses what `Display` writes: names or `bit-N`, separated by commas; `none` or nothing is the empty set.
    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let mut set = Self::NONE;
        for word in text.split(',').map(str::trim) {
            if word.is_empty() || word == "none" {
                continue;
            }
            set |= parse_word(word).ok_or_else(|| UnknownPermission { word: word.to_owned() })?;
        }
        Ok(set)
    }
}

fn parse_word(word: &str) -> Option<Permissions> {
    if let Some((permission, ..)) = NAMES.iter().find(|(_, name, _)| *name == word) {
        return Some(*permission);
    }
    let bit: u32 = word.strip_prefix("bit-")?.parse().ok()?;
    1_u64.checked_shl(bit).map(Permissions)
}

fn known_names() -> String {
    NAMES.map(|(_, name, _)| name).join(", ")
}

const NAMES: [(Permissions, &str, &str); 21] = [
    (Permissions::AWARENESS, "awareness", "beacons"),
    (Permissions::HAZARD, "hazard", "hazards found by itself"),
    (Permissions::AUTHORITY_HAZARD, "authority-hazard", "roadworks and wrong-way drivers"),
    (Permissions::IMMINENT, "imminent", "hazards in D0, imminent danger"),
    (Permissions::EMERGENCY, "emergency", "the role of an emergency vehicle"),
    (Permissions::SIGNAL_STATE, "signal-state", "signal states, and answers to requests for priority"),
    (Permissions::MAP_SIGN, "map-sign", "maps of intersections, signs"),
    (Permissions::PRIORITY_REQUEST, "priority-request", "asking an intersection for a green signal"),
    (Permissions::PUBLIC_TRANSPORT, "public-transport", "the role of a public-transport vehicle"),
    (Permissions::PERCEPTION, "perception", "objects its sensors see"),
    (Permissions::VRU, "vru", "awareness of pedestrians and cyclists"),
    (Permissions::SERVICE_ADVERT, "service-advert", "adverts of services"),
    (Permissions::GNSS_CORRECTION, "gnss-correction", "corrections for satellite receivers"),
    (Permissions::NEGATION, "negation", "that another's hazard is not there"),
    (Permissions::WIDE_AREA, "wide-area", "floods over more than 2 km or 60 s"),
    (Permissions::KEEP_ALIVE, "keep-alive", "keeping others' hazards alive in their area"),
    (Permissions::MISBEHAVIOUR_REPORT, "misbehaviour-report", "reports to the authority"),
    (Permissions::MANAGEMENT, "management", "status and latency probes"),
    (Permissions::UPDATE_RELAY, "update-relay", "passing on manifests of updates and revocation lists"),
    (Permissions::TEST, "test", "test traffic, and nothing else"),
    (Permissions::ISSUE, "issue", "credentials of others, nothing else: issuers only"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_bits_name_the_same_set() {
        let set: Permissions = "awareness, hazard".parse().unwrap();
        assert_eq!(set, Permissions::AWARENESS | Permissions::HAZARD);
        assert_eq!(set.in_words(), ["awareness", "hazard"]);
        assert_eq!("".parse(), Ok(Permissions::NONE));
        assert_eq!("bit-40".parse(), Ok(Permissions(1 << 40)));
    }

    #[test]
    fn a_wrong_word_is_named_with_what_would_be_right() {
        let error = "awareness,hazzard".parse::<Permissions>().unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains("`hazzard`") && shown.contains("authority-hazard"), "{shown}");
        assert!("bit-64".parse::<Permissions>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bits: u64) {
            let set = Permissions(bits);
            prop_assert_eq!(set.to_string().parse::<Permissions>(), Ok(set));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let known = text.parse::<Permissions>().map_err(|error| error.word);
            prop_assert!(known.is_ok() || known.is_err_and(|word| text.contains(&word)));
        }
    }
}
