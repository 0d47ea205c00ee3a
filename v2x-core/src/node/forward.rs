//! The station's part in forwarding: what leaves in which order, and what the forwarder is told.

use core::time::Duration;

use prost::Message as _;
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::{Class, hop, v1};

use super::Node;
use super::io::{Event, Output};
use crate::base::{DropReason, Instant, Position, Transmit, WireTime};
use crate::forward::{CopyHeard, EventVersion, FloodFrame, Lane, Surroundings};
use crate::receive::Verified;

/// What the forwarder is to know of the moment, while it is itself borrowed.
macro_rules! surroundings {
    ($node:expr) => {
        Surroundings {
            now: $node.now,
            anchor: &$node.anchor,
            here: $node.here.as_ref(),
            neighbours: &$node.neighbours,
        }
    };
}

impl Node {
    /// What the link takes now, in order: relays of imminent messages, own messages and others' floods, background. One
    /// frame only while the link is refilled.
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
            || self.release_own(false)
            || self.relay(Lane::Flood)
            || self.release_own(true)
    }

    fn release_own(&mut self, background: bool) -> bool {
        let outputs = &mut self.outputs;
        let expired = |not_sent| outputs.push_back(Output::Event(Event::NotSent(not_sent)));
        let Some(frame) = self.sender.pop(self.now, background, &mut *self.host, expired) else {
            return false;
        };
        self.channel_load.add(self.now, frame.bytes.len());
        if self.sender.pool().len() > 1 {
            self.receiver.sent(&frame.id.signer, &frame.bytes, self.now);
        }
        if matches!(frame.class, Class::D0 | Class::D3) {
            self.note_own_flood(&frame);
        }
        self.push(Output::Transmit(frame));
        true
    }

    fn relay(&mut self, lane: Lane) -> bool {
        if !self.may_relay() || self.forwarder.next_due().is_none_or(|at| at > self.now) {
            return false;
        }
        let own = self.sender.digest();
        let around = surroundings!(self);
        let Some((frame, forwarded)) = self.forwarder.pop(lane, own, &around) else { return false };
        let frame = self.sender.relay(frame, self.now, &mut *self.host);
        self.channel_load.add(self.now, frame.bytes.len());
        self.event(Event::Forwarded(forwarded));
        self.push(Output::Transmit(frame));
        true
    }

    /// When the forwarder has something for the link, if that takes it. What waits for the link is released with it.
    pub(super) fn next_forward(&self) -> Option<Instant> {
        self.forwarder.next_due().filter(|_| self.may_relay())
    }

    /// A station without a position does not know whether it is farther along than others, and one that keeps silent
    /// after a change of pseudonym does not give itself away by others' words.
    fn may_relay(&self) -> bool {
        self.sender.link_ready() && self.here.is_some() && !self.pseudonyms.is_silent(self.now)
    }

    pub(super) fn hear_copy(&mut self, copy: &CopyHeard) {
        let around = surroundings!(self);
        self.forwarder.copy(copy, &around);
    }

    /// Tells the forwarder what a verified message means to it. Why it is not for the application, if it is not.
    pub(super) fn take_flood(&mut self, verified: &mut Verified) -> Option<DropReason> {
        let around = surroundings!(self);
        if let Some(floods) = &verified.floods
            && !verified.received.suspect
            && self.forwarder.beacon(verified.received.position, floods, &around)
        {
            self.awareness.hasten();
        }
        let flood = verified.flood.take().filter(|_| verified.useless.is_none())?;
        let for_us = self.forwarder.take(flood, !verified.received.suspect, &around);
        (!for_us).then_some(DropReason::OutsideArea)
    }

    fn note_own_flood(&mut self, frame: &Transmit) {
        if let Some(flood) = self.own_flood(frame) {
            let around = surroundings!(self);
            self.forwarder.sent(flood, &around);
        }
    }

    fn own_flood(&self, frame: &Transmit) -> Option<FloodFrame> {
        let (header, len) = hop::parse(&frame.bytes).ok()?;
        let signed = SignedView::parse(&frame.bytes[len..]).ok()?;
        let tbs = TbsView::parse(signed.tbs).ok()?;
        if tbs.max_hops <= 1 {
            return None;
        }
        let hazard = (tbs.message_type == v1::MessageType::Hazard as u32)
            .then(|| v1::Hazard::decode(tbs.payload).ok())
            .flatten();
        let generation = WireTime::from_micros(tbs.generation_time_us);
        Some(FloodFrame {
            frame: frame.bytes.clone(),
            hash: self.receiver.hash(&frame.id.signer, &signed),
            id: frame.id,
            source: Position::new(tbs.latitude, tbs.longitude)?,
            remaining_hops: header.remaining_hops,
            area: tbs.area,
            expires: generation + Duration::from_millis(u64::from(tbs.lifetime_ms)),
            forwarder: header.forwarder,
            link: frame.source.unwrap_or_default(),
            admitted: self.now,
            event: hazard.as_ref().and_then(version),
            keep_alive: None,
        })
    }
}

/// Which event a hazard message is about.
pub(super) fn version(hazard: &v1::Hazard) -> Option<EventVersion> {
    let id = hazard.id.as_ref()?;
    let origin = id.origin.first_chunk::<8>()?;
    let reference = WireTime::from_micros(hazard.reference_time_us);
    Some(EventVersion { origin: v2x_proto::Digest(*origin), number: id.number, reference })
}
