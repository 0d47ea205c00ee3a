//! From a captured frame to its EtherType, sender and payload, by the number of its link layer.

use super::{Stripped, Unread, cooked, ethernet, ieee80211, ip, monitor, radiotap};

/// The link layers a capture may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet.
    Ethernet,
    /// Linux "cooked" capture, version 1 (`any` device, older tools).
    Cooked,
    /// Linux "cooked" capture, version 2.
    Cooked2,
    /// An 802.11 frame without anything ahead of it.
    Ieee80211,
    /// An 802.11 frame behind a radiotap header.
    Radiotap,
    /// An 802.11 frame behind a PPI header.
    Ppi,
    /// An 802.11 frame behind a Prism or AVS header.
    Prism,
    /// An 802.11 frame behind an AVS header.
    Avs,
    /// The loopback of BSD and macOS: four bytes of address family ahead of an IP packet.
    Loopback,
    /// An IP packet without anything ahead of it.
    Ip,
    /// Nothing this reader knows, by its number.
    Other(i32),
}

impl LinkType {
    /// By the number in the capture (tcpdump.org/linktypes.html).
    pub const fn from_number(number: i32) -> Self {
        match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 => Self::Ip,
            105 => Self::Ieee80211,
            113 => Self::Cooked,
            119 => Self::Prism,
            127 => Self::Radiotap,
            163 => Self::Avs,
            192 => Self::Ppi,
            276 => Self::Cooked2,
            other => Self::Other(other),
        }
    }

    /// Whether a check sequence that the capture announces stands at the end of a frame. Radiotap and PPI say that
    /// frame by frame themselves.
    pub const fn ends_in_check_sequence(self) -> bool {
        !matches!(self, Self::Radiotap | Self::Ppi)
    }

    /// Takes the link layer off a frame.
    ///
    /// # Errors
    /// What is not understood.
    pub fn strip(self, frame: &[u8]) -> Result<Stripped<'_>, Unread> {
        match self {
            Self::Ethernet => ethernet::strip(frame),
            Self::Cooked => cooked::strip(frame),
            Self::Cooked2 => cooked::strip_v2(frame),
            Self::Ieee80211 => ieee80211::strip(frame, false),
            Self::Radiotap => radiotap::strip(frame),
            Self::Ppi => monitor::strip_ppi(frame),
            Self::Prism => monitor::strip_prism(frame),
            Self::Avs => monitor::strip_avs(frame),
            Self::Loopback => Ok(bare(frame.get(FAMILY_LEN..).ok_or(Unread::Short)?)),
            Self::Ip => Ok(bare(frame)),
            Self::Other(number) => Err(Unread::LinkType(number)),
        }
    }
}

/// An IP packet; its sender has no link address.
fn bare(payload: &[u8]) -> Stripped<'_> {
    Stripped { ether_type: ip::ETHER_TYPE, source: [0; 6], payload }
}

const FAMILY_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_chooses_the_layer() {
        let bytes = ethernet::Header::broadcast([2; 6], 0x88b5).encode();
        assert!(LinkType::from_number(1).strip(&bytes).is_ok());
        for number in [105, 113, 119, 127, 163, 192, 276] {
            assert!(LinkType::from_number(number).strip(&bytes).is_err(), "{number}");
        }
        assert_eq!(LinkType::from_number(147).strip(&bytes), Err(Unread::LinkType(147)));
        assert_eq!(LinkType::from_number(0).strip(b"\x02\0\0\0packet"), Ok(bare(b"packet")));
        assert_eq!(LinkType::from_number(101).strip(b"packet"), Ok(bare(b"packet")));
    }

    proptest! {
        #[test]
        fn any_number_and_bytes_are_stripped_or_refused(number in 0..300, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let link = LinkType::from_number(number);
            let read = link.strip(&bytes);
            prop_assert!(!matches!(link, LinkType::Other(_)) || read.is_err());
        }
    }
}
