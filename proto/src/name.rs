//! Names of what messages are about: events and intersections.

use core::fmt;
use core::str::FromStr;

use crate::Digest;

/// Identifies an event for its whole life: `"<16 hex digits>/<number>"` (TS 102 894-2 ActionId).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Digest of the credential that declared it.
    pub origin: Digest,
    /// Its number among that credential's events.
    pub number: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.origin, self.number)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let error = || EventIdError(text.chars().take(40).collect());
        let (origin, number) = text.split_once('/').ok_or_else(error)?;
        if origin.len() != 16 || !origin.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let origin = u64::from_str_radix(origin, 16).map_err(|_| error())?;
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| digits).ok_or_else(error)?;
        Ok(Self { origin: Digest(origin.to_be_bytes()), number })
    }
}

/// A text that names no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no event: 16 hex digits, a slash and a number, as in 00112233aabbccdd/7")]
pub struct EventIdError(String);

/// Names an intersection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntersectionId {
    /// Road authority (SAE J2735 `RoadRegulatorID`).
    pub region: u16,
    /// Number within it.
    pub number: u32,
}

impl fmt::Display for IntersectionId {
    /// The number alone in region 0, else `region/number`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.region {
            0 => write!(f, "{}", self.number),
            region => write!(f, "{region}/{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_names_no_event_is_refused_with_an_example() {
        for text in
            ["", "/", "0011223344556677", "0011223344556677/", "001122334455667/1", "+011223344556677/1"]
        {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
        let error = "0011223344556677/+1".parse::<EventId>().unwrap_err();
        assert!(error.to_string().contains("00112233aabbccdd/7"), "{error}");
        assert!("0011223344556677/4294967296".parse::<EventId>().is_err());
    }

    proptest! {
        #[test]
        fn an_event_s_name_is_read_back(origin in any::<[u8; 8]>(), number in any::<u32>()) {
            let id = EventId { origin: Digest(origin), number };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn any_text_names_an_event_or_none(text in "\\PC{0,60}") {
            if let Ok(id) = text.parse::<EventId>() {
                prop_assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
    }
}
