//! From a captured frame to its EtherType, sender and payload, by the number of its link layer.

use super::{Stripped, cooked, ethernet, ieee80211, radiotap};

/// The link layers a capture may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet II.
    Ethernet,
    /// Linux "cooked" capture, version 1 (`any` device, older tools).
    Cooked,
    /// Linux "cooked" capture, version 2.
    Cooked2,
    /// An 802.11 frame without anything ahead of it.
    Ieee80211,
    /// An 802.11 frame behind a radiotap header.
    Radiotap,
    /// Nothing this reader knows.
    Unknown,
}

impl LinkType {
    /// By the number in the capture (tcpdump.org/linktypes.html).
    pub const fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Ethernet,
            105 => Self::Ieee80211,
            113 => Self::Cooked,
            127 => Self::Radiotap,
            276 => Self::Cooked2,
            _ => Self::Unknown,
        }
    }

    /// Takes the link layer off a frame; `None` for what is not understood.
    pub fn strip(self, frame: &[u8]) -> Option<Stripped<'_>> {
        match self {
            Self::Ethernet => ethernet::strip(frame),
            Self::Cooked => cooked::strip(frame),
            Self::Cooked2 => cooked::strip_v2(frame),
            Self::Ieee80211 => ieee80211::strip(frame, false),
            Self::Radiotap => radiotap::strip(frame),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_chooses_the_layer() {
        let bytes = ethernet::Header::broadcast([2; 6], 0x88b5).encode();
        assert!(LinkType::from_number(1).strip(&bytes).is_some());
        assert!(
            [0, 105, 113, 127, 276]
                .iter()
                .all(|number| LinkType::from_number(*number).strip(&bytes).is_none())
        );
    }

    proptest! {
        #[test]
        fn any_number_and_bytes_are_stripped_or_refused(number: i32, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let link = LinkType::from_number(number);
            prop_assert!(link != LinkType::Unknown || link.strip(&bytes).is_none());
        }
    }
}
