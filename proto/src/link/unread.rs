//! Why a frame is not read.

use core::fmt;

/// Why a frame is not read, as a capture's reader names and counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unread {
    /// The frame ends inside a header.
    Short,
    /// Another link layer, by its number in captures (tcpdump.org/linktypes.html).
    LinkType(i32),
    /// More than two tags of virtual networks.
    Tags,
    /// A link layer whose sender has no address of six bytes.
    Address,
    /// An 802.11 frame without data: a beacon, an acknowledgement.
    NoData,
    /// An encrypted 802.11 frame.
    Encrypted,
    /// Several messages in one 802.11 frame (A-MSDU).
    Aggregate,
    /// A fragment of an 802.11 frame or of an IP datagram.
    Fragment,
    /// The receiver found the check sequence wrong.
    BadCheckSequence,
    /// Another protocol of LLC than SNAP, such as spanning tree.
    Llc,
    /// A header that contradicts itself, or a version that is not known.
    Header,
    /// An IP datagram that is not UDP over IPv4.
    NotUdp,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkType(number) => return write!(f, "of link type {number}"),
            Self::Short => "cut inside a header",
            Self::Tags => "with more than two VLAN tags",
            Self::Address => "from a sender without a link address",
            Self::NoData => "802.11 frames without data (beacons, acknowledgements)",
            Self::Encrypted => "encrypted 802.11 frames",
            Self::Aggregate => "aggregated 802.11 frames (A-MSDU)",
            Self::Fragment => "fragments",
            Self::BadCheckSequence => "with a wrong check sequence",
            Self::Llc => "of other LLC protocols",
            Self::Header => "with a header that is not understood",
            Self::NotUdp => "of other IP protocols",
        })
    }
}
