//! The access category of a frame, and what it means on an 802.11 channel outside the context of a BSS.

use crate::class::Class;

/// Whose message a frame carries, as seen by the station that transmits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Signed by this station: its first transmission, its repetitions, its exact copies.
    Own,
    /// Signed by another station: relayed, carried on, kept alive.
    Forwarded,
}

/// EDCA access category (IEEE Std 802.11-2020, 10.2.3.2), least urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessCategory {
    /// AC_BK.
    Background,
    /// AC_BE.
    BestEffort,
    /// AC_VI.
    Video,
    /// AC_VO.
    Voice,
}

impl AccessCategory {
    /// All categories, least urgent first.
    pub const ALL: [Self; 4] = [Self::Background, Self::BestEffort, Self::Video, Self::Voice];

    /// The category with which a frame contends for the channel.
    ///
    /// A forwarded D3 frame goes with awareness: other stations hold the same hazard and may send it too, while our own
    /// starts here.
    #[inline]
    pub const fn of(class: Class, origin: Origin) -> Self {
        match (class, origin) {
            (Class::D0, _) => Self::Voice,
            (Class::D1, _) | (Class::D3, Origin::Own) => Self::Video,
            (Class::D2 | Class::D4, _) | (Class::D3, Origin::Forwarded) => Self::BestEffort,
            (Class::D5, _) => Self::Background,
        }
    }

    /// How a frame of this category waits for the channel.
    pub const fn edca(self) -> Edca {
        match self {
            Self::Background => Edca { aifsn: 9, cw_min: 15, cw_max: 1023 },
            Self::BestEffort => Edca { aifsn: 6, cw_min: 15, cw_max: 1023 },
            Self::Video => Edca { aifsn: 3, cw_min: 7, cw_max: 15 },
            Self::Voice => Edca { aifsn: 2, cw_min: 3, cw_max: 7 },
        }
    }

    /// The abbreviation of the standard: `"BK"`, `"BE"`, `"VI"`, `"VO"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Background => "BK",
            Self::BestEffort => "BE",
            Self::Video => "VI",
            Self::Voice => "VO",
        }
    }
}

/// Parameters of an access category where `dot11OCBActivated` is true (IEEE Std 802.11-2020, 9.4.2.28; ETSI EN 302 663,
/// table B.3). There is no transmission opportunity beyond one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edca {
    /// Slots after the interframe space before the back-off counts.
    pub aifsn: u8,
    /// Contention window of the first attempt: the back-off is 0 to this many slots.
    pub cw_min: u16,
    /// Contention window after failed attempts, at most. A broadcast frame has one attempt.
    pub cw_max: u16,
}

impl Edca {
    /// From the end of the last frame to the first slot of the back-off, ns, in a 10 MHz channel.
    pub const fn aifs_ns(self) -> u64 {
        SIFS_NS + self.aifsn as u64 * SLOT_NS
    }
}

/// Short interframe space of a 10 MHz channel, ns (IEEE Std 802.11-2020, table 17-21).
pub const SIFS_NS: u64 = 32_000;
/// Slot of a 10 MHz channel, ns (as above).
pub const SLOT_NS: u64 = 13_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hazard_of_d3_is_less_urgent_when_forwarded() {
        let named = |origin| Class::ALL.map(|class| AccessCategory::of(class, origin).name());
        assert_eq!(named(Origin::Own), ["VO", "VI", "BE", "VI", "BE", "BK"]);
        assert_eq!(named(Origin::Forwarded), ["VO", "VI", "BE", "BE", "BE", "BK"]);
    }

    #[test]
    fn the_more_urgent_category_waits_the_shorter() {
        let edca = AccessCategory::ALL.map(AccessCategory::edca);
        assert!(
            edca.windows(2).all(|pair| pair[0].aifsn > pair[1].aifsn && pair[0].cw_min >= pair[1].cw_min)
        );
        assert_eq!(edca.map(Edca::aifs_ns), [149_000, 110_000, 71_000, 58_000]);
    }
}
