//! The station's part in forwarding: what leaves in which order, and what the forwarder is told.

use core::time::Duration;

use prost::Message as _;
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::payload::FloodTags;
use v2x_proto::{Class, hop, v1};

use super::Node;
use super::io::{Event, Output};
use crate::base::{Instant, Position, Received, Transmit, WireTime};
use crate::forward::{CopyHeard, EventVersion, FloodFrame, Lane, Surroundings};

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
        let Some(frame) = self.sender.pop(self.moment.now, background, &mut *self.host, expired) else {
            return false;
        };
        self.channel_load.add(self.moment.now, frame.bytes.len());
        if self.sender.pool().len() > 1 {
            self.receiver.sent(&frame.id.signer, &frame.bytes, self.moment.now);
        }
        if matches!(frame.class, Class::D0 | Class::D3) {
            self.note_own_flood(&frame);
        }
        self.push(Output::Transmit(frame));
        true
    }

    fn relay(&mut self, lane: Lane) -> bool {
        if !self.may_relay() || self.forwarder.next_due().is_none_or(|at| at > self.moment.now) {
            return false;
        }
        let own = self.sender.digest();
        let around = Surroundings { moment: &self.moment, neighbours: &self.neighbours };
        let Some((frame, forwarded)) = self.forwarder.pop(lane, own, &around) else { return false };
        let frame = self.sender.relay(frame, self.moment.now, &mut *self.host);
        self.channel_load.add(self.moment.now, frame.bytes.len());
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
        self.sender.link_ready() && self.moment.here.is_some() && !self.pseudonyms.is_silent(self.moment.now)
    }

    pub(super) fn hear_copy(&mut self, copy: &CopyHeard) {
        let around = Surroundings { moment: &self.moment, neighbours: &self.neighbours };
        self.forwarder.copy(copy, &around);
    }

    /// A neighbour's beacon names the floods it holds.
    pub(super) fn hear_floods(&mut self, received: &Received, floods: &FloodTags) {
        let around = Surroundings { moment: &self.moment, neighbours: &self.neighbours };
        if !received.suspect && self.forwarder.beacon(received.position, floods, &around) {
            self.awareness.hasten();
        }
    }

    /// Tells the forwarder of a verified message that may travel on. True when it is for this station's application.
    pub(super) fn take_flood(&mut self, received: &Received, flood: FloodFrame) -> bool {
        let around = Surroundings { moment: &self.moment, neighbours: &self.neighbours };
        self.forwarder.take(flood, !received.suspect, &around)
    }

    fn note_own_flood(&mut self, frame: &Transmit) {
        if let Some(flood) = self.own_flood(frame) {
            let around = Surroundings { moment: &self.moment, neighbours: &self.neighbours };
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
            admitted: self.moment.now,
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
