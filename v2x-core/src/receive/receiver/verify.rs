//! The costly part of the receive path: one signature a call, then the payload.

use core::time::Duration;

use bytes::Bytes;
use v2x_proto::Class;
use v2x_proto::cause;
use v2x_proto::hop;
use v2x_proto::payload;
use v2x_proto::payload::{Beacon, FloodTags, Message};
use v2x_proto::v1::{HazardState, MessageType};

use super::Receiver;
use super::revocation::HeardRevocation;
use crate::base::{DropReason, Dropped, Host, Instant, Plane, Position, ReceiveStamps, Received, Refusal};
use crate::forward::FloodFrame;
use crate::hazard::HazardGist;
use crate::neighbour::{Motion, Neighbour, NeighbourTable};
use crate::receive::frame::{Frame, slice, wide};
use crate::receive::rates::{Cause, Precedence};
use crate::receive::situation::Situation;
use crate::trust::{Lookup, Permissions, Trusted, freshness, roles, signing_input};

/// A frame with a valid signature.
#[derive(Debug)]
pub struct Verified {
    /// The event for the application, should the message be delivered.
    pub received: Received,
    /// The decoded content for the station; or why it is not delivered, though its signer was heard.
    pub content: Result<Content, Refusal>,
    /// Credentials its signer asks for.
    pub requests: Bytes,
    /// Received power.
    pub signal_dbm: Option<i8>,
    /// True when it came straight from its signer.
    pub single_hop: bool,
    /// A copy of a flood that came before, when this station was outside its area: news to the application alone.
    pub again: bool,
    /// The whole frame.
    pub frame: Bytes,
}

/// The parts of a payload that the station uses.
#[derive(Debug, Default)]
pub struct Content {
    /// Its signer's motion, from an awareness message.
    pub motion: Option<Motion>,
    /// Its signer's stated position accuracy (95 %), cm; from an awareness message.
    pub accuracy_cm: Option<u16>,
    /// Floods its signer holds, from an awareness message.
    pub floods: Option<FloodTags>,
    /// True when that event is its signer's hard braking.
    pub brakes: bool,
    /// The event it states, when it is about one.
    pub hazard: Option<HazardGist>,
    /// The forwarder's input, when it may travel more than one hop.
    pub flood: Option<FloodFrame>,
    /// The revocation delta in it, and what it changed.
    pub revocation: Option<HeardRevocation>,
}

impl Content {
    /// Whether this is awareness whose signer holds no flood.
    pub fn is_plain_beacon(&self) -> bool {
        let other = self.hazard.is_some() || self.flood.is_some() || self.revocation.is_some();
        !other && self.floods.as_ref().is_some_and(|floods| floods.iter().next().is_none())
    }
}

impl Receiver {
    /// Verifies the most urgent waiting frame, or when there is none a demoted one: `None` when none waits. Costs one
    /// signature, and one more where the frame brings a new credential.
    pub fn verify_next(
        &mut self,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
    ) -> Option<Result<Verified, Dropped>> {
        let frame = loop {
            let Some(frame) = self.queue.pop() else { break self.queue.draw_demoted()? };
            let now = situation.moment.now;
            // Others under its name may have failed while it waited.
            if !frame.transmitter.is_some_and(|transmitter| self.rates.failed_lately(&transmitter, now)) {
                break frame;
            }
            let demoted = Precedence::Demoted(Cause::Failed);
            let signer = neighbours.get(&frame.id.signer);
            if let Some(shed) = self.enqueue(frame, demoted, signer, situation) {
                return Some(Err(shed));
            }
        };
        self.turn = true;
        let verdict = self.verify(&frame, situation, neighbours, host);
        Some(match verdict {
            Ok(stamps) => Ok(self.verified(frame, stamps, None, situation, host)),
            Err(reason) => Err(frame.dropped(reason)),
        })
    }

    fn verify(
        &mut self,
        frame: &Frame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
    ) -> Result<ReceiveStamps, DropReason> {
        let wire = situation.moment.wire();
        freshness::check(wire, frame.id.class, frame.generation, frame.lifetime_ms)
            .map_err(|_| DropReason::VerifyTooLate)?;
        // It may have been isolated while this frame waited.
        if situation.watch.is_isolated(&frame.id.signer, wire) {
            return Err(DropReason::Isolated);
        }
        // Others of this signer, even one with this number, may have been verified while this one waited.
        let within = |spent: &Neighbour| spent.rates().allows(frame.id.class, situation.moment.now);
        let signer = neighbours.get(&frame.id.signer);
        if !situation.test && !signer.is_none_or(within) {
            return Err(DropReason::RateLimitedSigner);
        }
        // Another copy of it may have been delivered while this one waited.
        let here = situation.moment.here.as_ref().map(Plane::origin);
        if frame.again && !situation.floods.comes_to_us(frame.hash, here) {
            return Err(DropReason::ExactCopy);
        }
        if !frame.again && !neighbours.is_new_of(signer, &frame.id, frame.generation) {
            return Err(DropReason::Replayed);
        }
        if !frame.credential.is_empty() {
            self.learn(frame, situation, host)?;
        }
        let trusted = match self.keys.lookup(&frame.id.signer, wire) {
            Lookup::Known(trusted) => trusted,
            Lookup::Revoked => return Err(DropReason::Revoked),
            _ => return Err(DropReason::UnknownCredential),
        };
        signing_input(&mut self.signed, &trusted.hash, slice(&frame.bytes, &frame.tbs));
        let signature = slice(&frame.bytes, &frame.signature);
        let signature = signature.first_chunk::<64>().ok_or(DropReason::MalformedEnvelope)?;
        if !host.verify(&trusted.key, &self.signed, signature) {
            if let Some(transmitter) = &frame.transmitter {
                self.rates.failed(transmitter, situation.moment.now);
            }
            return Err(DropReason::SignatureInvalid);
        }
        self.keys.prove(&frame.id.signer);
        Ok(ReceiveStamps { verified: host.stamp(situation.moment.now), ..frame.stamps })
    }

    /// Makes sure that the credential in a frame is known: its issuer's signature is checked unless it was before.
    #[inline(never)]
    fn learn(
        &mut self,
        frame: &Frame,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) -> Result<(), DropReason> {
        let wire = situation.moment.wire();
        let signer = frame.id.signer;
        if !matches!(self.keys.lookup(&signer, wire), Lookup::Unknown) {
            return Ok(());
        }
        if self.keys.is_bad(&signer) {
            return Err(DropReason::CredentialKnownBad);
        }
        let verify = &mut |key: &_, message: &_, signature: &_| host.verify(key, message, signature);
        let credential = slice(&frame.bytes, &frame.credential);
        let trusted = match self.trust.learn_station(credential, wire, verify) {
            Ok(trusted) => trusted,
            Err(error) => return Err(self.refuse_credential(error, frame)),
        };
        self.hold.mark_ready();
        self.learned = Some(signer);
        if self.revocations.revokes(&trusted, &self.trust) {
            self.keys.remember_revoked(signer);
            return Err(DropReason::Revoked);
        }
        self.keys.insert(trusted);
        Ok(())
    }

    /// What a frame says whose signature is valid. `afar`: of one from afar, its signer.
    pub(super) fn verified(
        &mut self,
        frame: Frame,
        stamps: ReceiveStamps,
        afar: Option<Trusted>,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) -> Verified {
        let mut received = received(&frame, true, stamps);
        let is_awareness = received.message_type == MessageType::Awareness as u32;
        let content = if is_awareness && frame.max_hops <= 1 && afar.is_none() {
            self.decode(&received)
        } else {
            self.content(&mut received, &frame, afar.as_ref(), situation, host)
        };
        Verified {
            content,
            requests: frame.bytes.slice(wide(&frame.requests)),
            signal_dbm: frame.signal_dbm,
            // A station that forwards a message can write its hops as if it were its signer; one that sends background from afar
            // says that it did not sign it.
            single_hop: frame.max_hops <= 1 && (frame.id.class != Class::D5 || frame.remaining_hops > 0),
            again: frame.again,
            frame: frame.bytes,
            received,
        }
    }

    #[inline(never)]
    fn content(
        &mut self,
        received: &mut Received,
        frame: &Frame,
        afar: Option<&Trusted>,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) -> Result<Content, Refusal> {
        let opened = match received.message_type == MessageType::Confidential as u32 {
            true => self.open(received, frame, situation),
            false => Ok(()),
        };
        opened
            .and_then(|()| self.decode(received))
            .and_then(|content| self.learn_revocation(content, received, situation, host))
            .map(|content| self.travelling(content, frame, afar, situation))
    }

    /// Combines the content of a multi-hop message with its frame's routing fields, and with its signer's credential.
    fn travelling(
        &mut self,
        content: Content,
        frame: &Frame,
        afar: Option<&Trusted>,
        situation: &Situation<'_>,
    ) -> Content {
        let hazard = content.hazard.map(|hazard| HazardGist { area: frame.area, ..hazard });
        let content = Content { hazard, ..content };
        // Background from afar is sent on once by who sends it at all.
        if frame.max_hops <= 1 && (afar.is_none() || frame.id.class != Class::D5) {
            return content;
        }
        let signature = slice(&frame.bytes, &frame.signature).first_chunk().copied();
        let signer = match (afar, self.keys.lookup(&frame.id.signer, situation.moment.wire())) {
            (Some(signer), _) | (None, Lookup::Known(signer)) => signer,
            _ => return content,
        };
        let Some(signature) = signature else { return content };
        let flood = FloodFrame {
            tbs: frame.bytes.slice(wide(&frame.tbs)),
            signature,
            credential: Bytes::copy_from_slice(&signer.bytes),
            hash: frame.hash,
            id: frame.id,
            source: frame.position,
            remaining_hops: frame.remaining_hops,
            max_hops: frame.max_hops,
            area: frame.area,
            expires: frame.generation + Duration::from_millis(u64::from(frame.lifetime_ms)),
            way: frame.way,
            forwarder: frame.forwarder,
            link: frame.link_source,
            full: frame.full,
            admitted: frame.admitted,
            event: hazard.as_ref().map(HazardGist::version),
            keep_alive: hazard.and_then(|hazard| hazard.keep_alive),
        };
        Content { flood: Some(flood), ..content }
    }

    fn learn_revocation(
        &mut self,
        mut content: Content,
        received: &Received,
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) -> Result<Content, Refusal> {
        if received.message_type == MessageType::RevocationDelta as u32 {
            content.revocation = Some(self.hear_revocation(received, situation, host)?);
        }
        Ok(content)
    }

    /// A frame delivered without checking its signature; its payload must be valid all the same.
    pub(super) fn unverified(&mut self, frame: Frame, delivered: Instant) -> Result<Received, Refusal> {
        let received = received(&frame, false, ReceiveStamps { delivered, ..frame.stamps });
        self.decode(&received).map(|_| received)
    }

    /// Decodes a payload, to check that it is valid and claims nothing that its signer may not; returns the parts the
    /// station uses.
    fn decode(&mut self, received: &Received) -> Result<Content, Refusal> {
        let permissions = Permissions(received.permissions);
        let payload = &received.payload;
        if received.message_type == MessageType::Awareness as u32 {
            // The fast path does not handle emergency vehicles.
            let beacon = match Beacon::read(payload) {
                Some(beacon) => beacon,
                None => {
                    // Into the struct of the previous one: its vectors keep their capacity.
                    payload::decode_awareness_into(&mut self.awareness, payload)
                        .map_err(Refusal::of_payload)?;
                    if !roles::emergency_permitted(self.awareness.emergency.is_some(), permissions) {
                        return Err(Refusal::of(DropReason::RoleDenied, "emergency"));
                    }
                    Beacon::from(&self.awareness)
                }
            };
            let accuracy_cm = beacon.accuracy_cm.map(|radius| radius as u16);
            let floods = Some(beacon.floods);
            return Ok(Content {
                motion: Some(Motion::from(&beacon)),
                accuracy_cm,
                floods,
                ..Content::default()
            });
        }
        decode_other(received)
    }
}

#[inline(never)]
fn decode_other(received: &Received) -> Result<Content, Refusal> {
    let permissions = Permissions(received.permissions);
    let payload = &received.payload;
    let message = payload::decode(received.message_type, payload.clone()).map_err(Refusal::of_payload)?;
    if let Some(field) = roles::denied(&message, permissions) {
        return Err(Refusal::of(DropReason::RoleDenied, field));
    }
    let hazard = match &message {
        Message::Hazard(hazard) => HazardGist::of(hazard, None),
        _ => None,
    };
    let brakes = matches!(&message, Message::Hazard(hazard)
            if hazard.state == HazardState::New as i32 && (hazard.cause, hazard.sub_cause) == HARD_BRAKING);
    Ok(Content { hazard, brakes, ..Content::default() })
}

/// TS 102 894-2: dangerous situation, emergency electronic brake lights: of the vehicle that declares it.
const HARD_BRAKING: (u32, u32) = (cause::DANGEROUS_SITUATION as u32, cause::EMERGENCY_BRAKE as u32);

fn received(frame: &Frame, verified: bool, stamps: ReceiveStamps) -> Received {
    Received {
        id: frame.id,
        message_type: frame.message_type,
        generation_time: frame.generation,
        position: frame.position,
        link_source: frame.link_source,
        signal_dbm: frame.signal_dbm,
        way: frame.way,
        forwarder: forwarder_position(&frame.bytes),
        hops: frame.max_hops.saturating_sub(frame.remaining_hops).saturating_add(1),
        permissions: frame.permissions,
        verified,
        suspect: false,
        confidential: false,
        payload: frame.bytes.slice(wide(&frame.payload)),
        frame: frame.bytes.clone(),
        stamps,
    }
}

/// Where the hop header says that the frame's transmitter was. It was parsed before.
fn forwarder_position(frame: &[u8]) -> Option<Position> {
    let (header, _) = hop::parse(frame).ok()?;
    header.forwarder_position.and_then(|(latitude, longitude)| Position::new(latitude, longitude))
}
