//! Attackers on the way of a flood: transmitters without a credential that hear a frame and act at once.
//!
//! They stand where the trace has them, have no node, and are nobody's intended receivers. What they send leaves from a
//! link address of their own, goes through the medium like any other frame, and nobody vouches for it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use v2x_core::MessageId;
use v2x_proto::envelope::{SignedView, encode_signed};
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest, hop};

use super::World;
use crate::medium::{Neighbour, Transmission};

/// What a saboteur does to a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Repeats the frame at once with one remaining hop, so that who contends gives up and nobody forwards the copy
    /// (Liu, Shekhar, Peng, "Breaking Geographic Routing Among Connected Vehicles", DSN 2023).
    Blockage,
    /// Repeats it with remaining hops as they should be, in the name of a verified station nearby that is far from the
    /// one before: to who contends it looks as if the flood had come far.
    ForgedForwarder,
    /// Sends garbage under the flood's signer and sequence number ahead of it.
    PoisonedSequence,
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Blockage, Self::ForgedForwarder, Self::PoisonedSequence];

    /// Name in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blockage => "blockage",
            Self::ForgedForwarder => "forged_forwarder",
            Self::PoisonedSequence => "poisoned_sequence",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A station that sabotages floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saboteur {
    /// Which station of the trace.
    pub station: u32,
    /// What it does.
    pub kind: Sabotage,
}

/// The saboteurs of a world, and the floods each has acted on.
#[derive(Debug, Default)]
pub(super) struct Saboteurs {
    by_station: BTreeMap<u32, (Sabotage, BTreeSet<MessageId>)>,
}

impl Saboteurs {
    /// Whether a station is one of them.
    pub(super) fn are(&self, station: u32) -> bool {
        !self.by_station.is_empty() && self.by_station.contains_key(&station)
    }
}

impl World {
    /// Makes stations of the trace saboteurs. To be called before anything happened.
    pub fn sabotaged_by(&mut self, saboteurs: &[Saboteur]) {
        for saboteur in saboteurs {
            self.journal.mute(saboteur.station);
            self.saboteurs.by_station.insert(saboteur.station, (saboteur.kind, BTreeSet::new()));
        }
    }

    /// A saboteur hears a frame of `sender`.
    pub(super) fn sabotage(
        &mut self,
        station: u32,
        sender: u32,
        message: MessageId,
        now_ns: u64,
        frame: &Bytes,
    ) {
        let Some(position) = self.places.position(station) else { return };
        let Some((mut header, signed)) = read(frame) else { return };
        let Some((kind, done)) = self.saboteurs.by_station.get_mut(&station) else { return };
        if done.contains(&message) || done.len() >= MAX_FLOODS {
            return;
        }
        done.insert(message);
        let kind = *kind;
        let mut signature = *signed.signature;
        match kind {
            Sabotage::Blockage => header.remaining_hops = 1,
            Sabotage::ForgedForwarder => {
                let Some((digest, place)) = self.far_station(station, sender) else { return };
                header.remaining_hops = header.remaining_hops.saturating_sub(1);
                header.forwarder = digest;
                header.forwarder_position = header.forwarder_position.map(|_| place);
            }
            Sabotage::PoisonedSequence => signature.iter_mut().for_each(|byte| *byte = !*byte),
        }
        let mut bytes = Vec::with_capacity(frame.len());
        header.encode(&mut bytes);
        encode_signed(&mut bytes, signed.tbs, &signature, signed.signer);
        let bytes = Bytes::from(bytes);
        let (class, origin) = (Class::D3, Origin::Forwarded);
        let transmission =
            Transmission { sender: station, at_ns: now_ns, position, bytes: &bytes, class, origin };
        self.launch(&transmission, Some(link(station)), None);
    }

    /// The station within a saboteur's reach that is farthest from another: its digest and where it is.
    fn far_station(&self, station: u32, from: u32) -> Option<(Digest, (i32, i32))> {
        let position = self.places.position(station)?;
        let from = self.places.position(from)?;
        let mut near: Vec<Neighbour> = Vec::new();
        self.places.within(position, FORGED_WITHIN_M, station, &mut near);
        let candidates = near.iter().filter_map(|near| {
            let digest = self.stations[near.station as usize].signer()?;
            let place = self.places.position(near.station)?;
            Some((place.distance_m(from), digest, (place.latitude, place.longitude)))
        });
        let farthest = candidates.max_by(|one, other| one.0.total_cmp(&other.0));
        farthest.map(|(_, digest, place)| (digest, place))
    }
}

/// A frame of a flood that may travel on; `None` for others.
fn read(frame: &Bytes) -> Option<(hop::HopHeader, SignedView<'_>)> {
    let (header, len) = hop::parse(frame).ok()?;
    let travels = header.class == Class::D3 && header.remaining_hops > 1;
    travels.then(|| SignedView::parse(&frame[len..]).ok().map(|signed| (header, signed))).flatten()
}

/// A locally administered link address that no station has.
fn link(station: u32) -> [u8; 6] {
    let [a, b, c, d] = station.to_be_bytes();
    [0x02, 0x5a, a, b, c, d]
}

/// A saboteur names stations this near: who hears it has most of them in its table.
const FORGED_WITHIN_M: f64 = 400.0;
/// A saboteur loses interest after as many floods.
const MAX_FLOODS: usize = 100_000;
