//! Standing of a frame before its signature is checked: by the name and address of the station that put it on the air.
//!
//! Whether a frame is in good standing is not for the frame to say. A neighbour that was heard from the frame's link address
//! vouches for it, by verified messages only, and loses that when frames in its name and from its address lately failed
//! their signature, or come faster than any station sends. All else is [demoted](Precedence::Demoted) to the
//! [lot](super::lot). Nothing is refused: anybody can write a victim's name and address, and then finds the victim's
//! frames in the lot, with the chance of every other frame there.
//!
//! So an attacker gets one signature verified in good order for each neighbour's name in [`limits::FAILED_LATELY`], and no
//! more, however fast it sends.

use v2x_proto::Digest;

use crate::base::{DropReason, Instant, Reserve, append, limits};
use crate::neighbour::{Neighbour, NeighbourTable};

/// Precedence of a frame before its signature is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// Verified in the order of deadlines.
    Good,
    /// Verified when nothing in good standing waits, in an order that is drawn.
    Demoted(Cause),
}

/// Why a frame is demoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No neighbour was heard from its link address under its forwarder's name.
    Stranger,
    /// Its signer's credential is yet to be checked.
    NewCredential,
    /// Frames under this name and from this address lately failed their signature.
    Failed,
    /// Its signer's name and address send too many frames.
    LinkRate,
    /// Its forwarder's name and address forward too many frames.
    ForwarderRate,
    /// Its signer is suspected of lying.
    Suspect,
}

impl Cause {
    /// Why a frame with this standing was dropped, when it was shed.
    pub fn shed(self) -> DropReason {
        match self {
            Self::Stranger | Self::Failed | Self::Suspect => DropReason::VerifyQueueFull,
            Self::NewCredential => DropReason::CredentialBudget,
            Self::LinkRate => DropReason::RateLimitedLink,
            Self::ForwarderRate => DropReason::RateLimitedForwarder,
        }
    }
}

/// What became of frames under the names of neighbours, from their addresses.
#[derive(Clone, Debug, Default)]
pub struct Unverified {
    /// By the neighbours' places in their table.
    names: Vec<Name>,
}

/// The transmitter that a frame claims; nothing of it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Source address of the link.
    pub link: [u8; 6],
    /// The hop header's forwarder.
    pub forwarder: Digest,
    /// Its claimed signer.
    pub signer: Digest,
}

/// The neighbour from whose address and under whose name a frame came, and whether it forwarded another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmitter {
    slot: u16,
    digest: Digest,
    forwards: bool,
}

impl Unverified {
    /// Nothing heard yet; room for as many names as there may be neighbours.
    #[must_use]
    pub fn new(neighbours: usize, reserve: Reserve) -> Self {
        Self { names: reserve.list(neighbours) }
    }

    /// The neighbour that a frame came from, if its address was that neighbour's when it was last heard straight.
    /// `signer` is the neighbour that its signer is, if it is one.
    pub fn transmitter(
        origin: &Origin,
        signer: Option<(u16, &Neighbour)>,
        neighbours: &NeighbourTable,
    ) -> Option<Transmitter> {
        let forwards = origin.forwarder != origin.signer;
        let (slot, neighbour) = if forwards { neighbours.locate(&origin.forwarder) } else { signer }?;
        let familiar = neighbour.link() == Some(origin.link);
        familiar.then_some(Transmitter { slot, digest: origin.forwarder, forwards })
    }

    /// Charges a frame that passed every check but its signature's to its transmitter.
    pub fn standing(&mut self, transmitter: Option<Transmitter>, now: Instant) -> Precedence {
        let Some(transmitter) = transmitter else { return Precedence::Demoted(Cause::Stranger) };
        let account = self.account(&transmitter);
        let within = limits::LINK_RATE.take(&mut account.spent, now);
        match (account.demoted_until > now, within) {
            (true, _) => Precedence::Demoted(Cause::Failed),
            (false, true) => Precedence::Good,
            (false, false) if transmitter.forwards => Precedence::Demoted(Cause::ForwarderRate),
            (false, false) => Precedence::Demoted(Cause::LinkRate),
        }
    }

    /// Whether frames of this transmitter's lately failed their signature.
    pub fn failed_lately(&mut self, transmitter: &Transmitter, now: Instant) -> bool {
        self.account(transmitter).demoted_until > now
    }

    /// A frame of this transmitter's failed its signature.
    pub fn failed(&mut self, transmitter: &Transmitter, now: Instant) {
        self.account(transmitter).demoted_until = now + limits::FAILED_LATELY;
    }

    fn account(&mut self, transmitter: &Transmitter) -> &mut Account {
        let slot = usize::from(transmitter.slot);
        if slot >= self.names.len() {
            while self.names.len() <= slot {
                append(&mut self.names, Name::default(), limits::MAX_NEIGHBOURS);
            }
        }
        let name = &mut self.names[slot];
        if name.digest != transmitter.digest {
            // Another neighbour was here before.
            *name = Name { digest: transmitter.digest, ..Name::default() };
        }
        if transmitter.forwards { &mut name.forwarded } else { &mut name.own }
    }
}

/// A neighbour's name: what it signs is judged apart from what it forwards, so that neither suffers from forgeries of the
/// other.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    digest: Digest,
    own: Account,
    forwarded: Account,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Up to when [`limits::LINK_RATE`] is spent.
    spent: Instant,
    demoted_until: Instant,
}
