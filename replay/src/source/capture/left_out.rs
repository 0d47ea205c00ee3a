//! What of a capture is not yielded, by reason.

use core::fmt;

use v2x_proto::link::Unread;

/// Why a packet of a capture is not yielded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeftOut {
    /// Of another EtherType.
    EtherType(u16),
    /// A datagram that is no message of a link over UDP, or not of the group asked for.
    Datagram,
    /// Of an interface that the capture does not describe.
    NoInterface,
    /// Its link layer is not read.
    Link(Unread),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EtherType(number) => {
                let known = KNOWN.iter().find(|(known, _)| known == number);
                match known {
                    Some((_, name)) => write!(f, "of EtherType {number:#06x} ({name})"),
                    None => write!(f, "of EtherType {number:#06x}"),
                }
            }
            Self::Datagram => f.write_str("UDP datagrams of others"),
            Self::NoInterface => f.write_str("of an interface that the file does not describe"),
            Self::Link(unread) => unread.fmt(f),
        }
    }
}

/// How many packets were left out for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOutCounts {
    reasons: Vec<(LeftOut, u64)>,
    others: u64,
}

impl LeftOutCounts {
    /// Counts one more.
    pub(super) fn add(&mut self, reason: LeftOut) {
        if let Some((_, count)) = self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            *count += 1;
        } else if self.reasons.len() < MAX_REASONS {
            self.reasons.push((reason, 1));
        } else {
            self.others += 1;
        }
    }

    /// All that were left out.
    pub fn total(&self) -> u64 {
        self.reasons.iter().map(|(_, count)| count).sum::<u64>() + self.others
    }

    /// How many for one reason.
    pub fn of(&self, reason: LeftOut) -> u64 {
        self.reasons.iter().find(|(known, _)| *known == reason).map_or(0, |(_, count)| *count)
    }
}

impl fmt::Display for LeftOutCounts {
    /// `3 of EtherType 0x0800 (IPv4), 1 fragments`; the most frequent reason first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons = self.reasons.clone();
        reasons.sort_by_key(|(reason, count)| (core::cmp::Reverse(*count), *reason));
        for (place, (reason, count)) in reasons.iter().enumerate() {
            write!(f, "{}{count} {reason}", if place == 0 { "" } else { ", " })?;
        }
        if self.others > 0 {
            write!(f, ", {} for other reasons", self.others)?;
        }
        Ok(())
    }
}

/// Reasons told apart; a network has that many EtherTypes at most.
const MAX_REASONS: usize = 32;
/// EtherTypes that are seen where stations are, and those of other stacks.
const KNOWN: [(u16, &str); 8] = [
    (0x0800, "IPv4"),
    (0x0806, "ARP"),
    (0x86dd, "IPv6"),
    (0x88cc, "LLDP"),
    (0x88dc, "WSMP"),
    (0x88e5, "MACsec"),
    (0x88f7, "PTP"),
    (0x8947, "GeoNetworking"),
];
