//! The attacks: what is sent, in whose name and from whose address.

use core::ops::Range;

use v2x_core::WireTime;
use v2x_proto::Class;

use crate::overload::speaker::{Named, Speaker};
use crate::overload::town::{ALERTERS, BEACONERS};

/// What the attacker sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Nothing: the figures to compare with.
    None,
    /// Forged D0, D1 and D2 in the names of four neighbours, all from the address of the first.
    VictimsAddress,
    /// The same, each from the address of the station it names.
    VictimsNameAndAddress,
    /// The same, each from an address that no station has.
    MadeUpAddresses,
    /// The same in the names and from the addresses of a hundred neighbours.
    HundredNames,
    /// Credentials that the known issuer never signed, each in full and from another address.
    MadeUpCredentials,
    /// Digests that belong to no credential, each from another address.
    MadeUpDigests,
    /// Frames of the four neighbours of seconds ago, each from another address: beacons, alerts, and hazards that are
    /// still alive.
    Replays,
    /// The newest honest frame again, each copy from another address.
    ExactCopies,
    /// Signed D0, D1 and D2 of one insider, from its own address.
    ExcessOfOneSender,
}

impl Attack {
    /// All, as they are run.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::VictimsAddress,
        Self::VictimsNameAndAddress,
        Self::MadeUpAddresses,
        Self::HundredNames,
        Self::MadeUpCredentials,
        Self::MadeUpDigests,
        Self::Replays,
        Self::ExactCopies,
        Self::ExcessOfOneSender,
    ];

    /// As in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::VictimsAddress => "victims_address",
            Self::VictimsNameAndAddress => "victims_name_and_address",
            Self::MadeUpAddresses => "made_up_addresses",
            Self::HundredNames => "hundred_names",
            Self::MadeUpCredentials => "made_up_credentials",
            Self::MadeUpDigests => "made_up_digests",
            Self::Replays => "replays",
            Self::ExactCopies => "exact_copies",
            Self::ExcessOfOneSender => "excess_of_one_sender",
        }
    }

    /// Whether it costs the station nothing that depends on the processor: one load shows all.
    pub fn is_cheap(self) -> bool {
        matches!(self, Self::None | Self::ExactCopies | Self::ExcessOfOneSender)
    }

    /// The speakers whose names or addresses it uses, by number.
    pub fn used(self) -> [Range<usize>; 3] {
        let few = [0..2, ALERTERS..ALERTERS + 2, 0..0];
        match self {
            Self::VictimsAddress | Self::VictimsNameAndAddress | Self::MadeUpAddresses | Self::Replays => few,
            Self::HundredNames => [0..5, ALERTERS..ALERTERS + 5, 2 * ALERTERS..2 * ALERTERS + BEACONERS],
            _ => [0..0, 0..0, 0..0],
        }
    }

    /// The `n`-th of these speakers, round and round.
    pub fn victim(self, n: usize) -> usize {
        let count = self.used().iter().map(ExactSizeIterator::len).sum::<usize>().max(1);
        self.used().into_iter().flatten().nth(n % count).unwrap_or(0)
    }

    /// Writes frame `n` with number `sequence`, for an attack that needs no frame of others; returns its link address.
    pub fn frame(
        self,
        (n, sequence): (usize, u32),
        wire: WireTime,
        speakers: &[Speaker],
        insider: &Speaker,
        frame: &mut Vec<u8>,
    ) -> [u8; 6] {
        let class = [Class::D0, Class::D1, Class::D2][n % 3];
        let victim = &speakers[self.victim(n / 3)];
        let elsewhere = made_up_address(sequence);
        match self {
            Self::VictimsAddress => {
                victim.forged(class, sequence, wire, frame);
                speakers[0].link
            }
            Self::VictimsNameAndAddress | Self::HundredNames => {
                victim.forged(class, sequence, wire, frame);
                victim.link
            }
            Self::MadeUpAddresses => {
                victim.forged(class, sequence, wire, frame);
                elsewhere
            }
            Self::MadeUpCredentials => {
                insider.made_up(class, sequence, wire, Named::InFull, frame);
                elsewhere
            }
            Self::MadeUpDigests => {
                insider.made_up(class, sequence, wire, Named::Briefly, frame);
                elsewhere
            }
            Self::ExcessOfOneSender => {
                let named = if n.is_multiple_of(100) { Named::InFull } else { Named::Briefly };
                insider.frame(class, sequence, wire, named, frame);
                insider.link
            }
            Self::None | Self::Replays | Self::ExactCopies => elsewhere,
        }
    }
}

/// A link address that no station has.
pub fn made_up_address(n: u32) -> [u8; 6] {
    let [a, b, c, d] = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
    [0x06, 0x66, a, b, c, d]
}
