//! The station's part in forwarding: the order in which frames leave, and the forwarder's inputs.

use v2x_proto::envelope::SignedView;
use v2x_proto::hop;
use v2x_proto::link::Origin;
use v2x_proto::payload::FloodTags;

use super::Node;
use super::gate::air;
use super::io::{Event, Output};
use crate::base::{FrameHash, Instant, Received, Transmit, Way};
use crate::forward::{CopyHeard, FloodFrame, HeardBeacon, Lane, Surroundings};
use crate::send::{OwnFlood, OwnFrame, SendStage};

impl Node {
    /// What the link takes now, in order: relays of imminent messages, our messages and others' floods, background.
    /// Only one frame while the link is refilled.
    pub(super) fn release_frames(&mut self) {
        while self.release_frame() {
            if self.sender.is_refilling() {
                return;
            }
        }
        self.sender.refilled();
    }

    fn release_frame(&mut self) -> bool {
        self.relay(Lane::Imminent)
            || self.release_copy()
            || self.release_own(SendStage::Events)
            || (!self.beacon_gives_way() && self.release_own(SendStage::Awareness))
            || self.relay(Lane::Flood)
            || self.release_own(SendStage::Background)
            || self.relay(Lane::Background)
    }

    fn release_copy(&mut self) -> bool {
        if !self.copy_passes() {
            return false;
        }
        let Some(copy) = self.sender.pop_copy(self.moment.now) else { return false };
        // The first one was recorded by its hash when it left.
        self.count_frame(&copy);
        self.push(Output::Transmit(copy));
        true
    }

    fn release_own(&mut self, stage: SendStage) -> bool {
        let (outputs, gate, now) = (&mut self.outputs, &self.gate, self.moment.now);
        let gone = |not_sent| outputs.push_back(Output::Event(Event::NotSent(not_sent)));
        let passage = |class, len| gate.passage(now, class, Origin::Own, air(len));
        let Some(frame) = self.sender.pop(now, stage, passage, &mut *self.host, gone) else {
            return false;
        };
        let OwnFrame { transmit, hash, flood } = frame;
        self.count_frame(&transmit);
        if let Some(hash) = hash {
            if self.sender.pool().len() > 1 {
                self.receiver.sent(hash, self.moment.now);
            }
            if let Some(flood) = flood {
                self.start_flood(&transmit, hash, &flood);
            }
        }
        self.push(Output::Transmit(transmit));
        true
    }

    fn relay(&mut self, lane: Lane) -> bool {
        if !self.may_relay()
            || self.forwarder.next_due().is_none_or(|at| at > self.moment.now)
            || !self.relay_passes(lane)
        {
            return false;
        }
        let own = self.sender.digest();
        let around =
            Surroundings { moment: &self.moment, neighbours: &self.neighbours, own: self.sender.pool() };
        let Some((frame, forwarded)) = self.forwarder.pop(lane, own, &around) else { return false };
        let frame = self.sender.relay(frame, self.moment.now, &mut *self.host);
        self.count_frame(&frame);
        self.event(Event::Forwarded(forwarded));
        self.push(Output::Transmit(frame));
        true
    }

    /// When the forwarder has something for the link, if that takes it. Frames that wait for the link are released with
    /// it.
    pub(super) fn next_forward(&self) -> Option<Instant> {
        if !self.may_relay() {
            return None;
        }
        if self.gate.is_idle() {
            return self.forwarder.next_due();
        }
        let lanes = [Lane::Imminent, Lane::Flood, Lane::Background];
        let due = |lane| Some(self.forwarder.next_due_in(lane)?.max(self.relay_opens(lane)));
        lanes.into_iter().filter_map(due).min()
    }

    /// A station without a position does not know whether it is farther along than others, and one in the silence after
    /// a change of pseudonym must not give itself away by forwarding.
    pub(super) fn may_relay(&self) -> bool {
        self.sender.link_ready() && self.moment.here.is_some() && !self.pseudonyms.is_silent(self.moment.now)
    }

    pub(super) fn hear_copy(&mut self, copy: &CopyHeard) {
        let around =
            Surroundings { moment: &self.moment, neighbours: &self.neighbours, own: self.sender.pool() };
        self.forwarder.copy(copy, &around);
    }

    /// A neighbour's beacon names the floods it holds.
    pub(super) fn hear_floods(&mut self, received: &Received, floods: &FloodTags) {
        let around =
            Surroundings { moment: &self.moment, neighbours: &self.neighbours, own: self.sender.pool() };
        let Received { position: place, generation_time: generation, .. } = *received;
        let beacon = HeardBeacon { signer: received.id.signer, generation, place, floods };
        if !received.suspect && self.forwarder.beacon(&beacon, &around) {
            self.awareness.hasten();
        }
    }

    /// Passes a verified message that may be forwarded to the forwarder. True when it is for this station's
    /// application.
    pub(super) fn take_flood(&mut self, received: &Received, flood: FloodFrame) -> bool {
        let around =
            Surroundings { moment: &self.moment, neighbours: &self.neighbours, own: self.sender.pool() };
        self.forwarder.take(flood, !received.suspect, &around)
    }

    /// One of our multi-hop messages leaves.
    fn start_flood(&mut self, transmit: &Transmit, hash: FrameHash, flood: &OwnFlood) {
        let bytes = &transmit.bytes;
        let signed = hop::parse(bytes).ok().and_then(|(_, len)| SignedView::parse(&bytes[len..]).ok());
        let identity = self.sender.pool().identity(&transmit.id.signer);
        let (Some(signed), Some(identity)) = (signed, identity) else { return };
        let frame = FloodFrame {
            tbs: bytes.slice_ref(signed.tbs),
            signature: *signed.signature,
            credential: identity.credential().clone(),
            hash,
            id: transmit.id,
            source: flood.source,
            remaining_hops: flood.max_hops,
            max_hops: flood.max_hops,
            area: flood.area,
            expires: flood.expires,
            way: Way::Air,
            forwarder: transmit.id.signer,
            link: transmit.source.unwrap_or_default(),
            full: true,
            admitted: self.moment.now,
            event: flood.event,
            keep_alive: None,
        };
        let around =
            Surroundings { moment: &self.moment, neighbours: &self.neighbours, own: self.sender.pool() };
        self.forwarder.sent(frame, &around);
    }
}
