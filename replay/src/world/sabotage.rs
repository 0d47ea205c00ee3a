//! The frames that saboteurs send.

use std::collections::BTreeSet;

use bytes::Bytes;
use v2x_core::MessageId;
use v2x_proto::envelope::{SignedView, encode_signed};
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest, hop};

use super::World;
use super::saboteur::{Sabotage, Saboteur};
use crate::medium::{Neighbour, Transmission};

impl World {
    /// Makes stations of the trace saboteurs. Call it before the first event.
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
        // It contends for the channel as the origin of a flood does, ahead of all forwarders.
        let transmission = Transmission {
            sender: station,
            at_ns: now_ns,
            position,
            bytes: &bytes,
            class: Class::D3,
            origin: Origin::Own,
        };
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

/// A saboteur names stations this near: most receivers have them in their tables.
const FORGED_WITHIN_M: f64 = 400.0;
/// A saboteur stops after this many floods.
const MAX_FLOODS: usize = 100_000;
