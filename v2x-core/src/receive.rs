//! The receive path: cheapest check first, every way out named.
//!
//! [`Receiver::admit`] runs everything that costs no message signature and leaves the frame waiting for
//! verification, or held for its credential; [`Receiver::verify_next`] pays for one signature. Nothing
//! is written before verification that a verified frame depends on, but two things that cannot be
//! aimed: the keyed exact-copy cache, and credentials whose own chain was checked.

use core::ops::Range;
use core::time::Duration;

use bytes::Bytes;
use v2x_proto::envelope::{MAX_FRAME, SignedView, SignerRef, TbsView};
use v2x_proto::hop::{self, HopError};
use v2x_proto::payload::{self, Beacon, PayloadError};
use v2x_proto::{AreaView, Digest, v1};

use crate::dedup::{CopyCache, FrameHash};
use crate::hold::Hold;
use crate::host::Host;
use crate::io::{DropReason, Dropped, MessageId, ReceiveStamps, Received, ReceivedFrame};
use crate::limits;
use crate::message_rules::{self, RuleError};
use crate::neighbor::{Motion, NeighbourTable};
use crate::position::{Plane, Position};
use crate::security::credential::{credential_hash, signing_input};
use crate::security::schedule::VerifyQueue;
use crate::security::{Distribution, KeyCache, Lookup, TrustStore, freshness};
use crate::time::{Anchor, Instant, WireTime};

/// What the checks need to know of the moment.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The core's time.
    pub now: Instant,
    /// Ties it to wire time.
    pub anchor: &'a Anchor,
    /// Own digest.
    pub own: Digest,
    /// The plane about the own position, when that is known.
    pub here: Option<&'a Plane>,
    /// Whether this station lives among test traffic.
    pub test: bool,
}

impl Situation<'_> {
    fn wire(&self) -> WireTime {
        self.anchor.wire_at(self.now)
    }
}

/// State of the receive path.
#[derive(Debug)]
pub struct Receiver {
    trust: TrustStore,
    keys: KeyCache,
    copies: CopyCache,
    hold: Hold,
    queue: VerifyQueue<Frame>,
    budget: Budget,
    signed: Vec<u8>,
    awareness: v1::Awareness,
}

/// A frame whose fields were read; nothing of it is verified.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
    link_source: [u8; 6],
    signal_dbm: Option<i8>,
    stamps: ReceiveStamps,
    hash: FrameHash,
    id: MessageId,
    message_type: u32,
    generation: WireTime,
    position: Position,
    lifetime_ms: u32,
    max_hops: u8,
    remaining_hops: u8,
    permissions: u64,
    tbs: Range<u16>,
    signature: Range<u16>,
    payload: Range<u16>,
    requests: Range<u16>,
}

/// How a frame fared in [`Receiver::admit`].
#[derive(Debug)]
pub enum Admission {
    /// It waits for verification; another frame may have been shed for it.
    Queued(Option<Dropped>),
    /// It waits for its credential; another frame may have made room.
    Held(Option<Dropped>),
    /// It is out.
    Dropped(Dropped),
}

/// A frame whose signature holds.
#[derive(Debug)]
pub struct Verified {
    /// The event for the application, when its payload is of use.
    pub received: Received,
    /// Why its payload is of no use: it is not delivered, though its signer was heard.
    pub useless: Option<DropReason>,
    /// How its signer moves, from an awareness message.
    pub motion: Option<Motion>,
    /// Credentials its signer asks for.
    pub requests: Bytes,
    /// Received power.
    pub signal_dbm: Option<i8>,
    /// True when it came straight from its signer.
    pub single_hop: bool,
}

impl Receiver {
    /// With nothing heard yet.
    pub fn new(trust: TrustStore, copies: CopyCache) -> Self {
        Self {
            trust,
            keys: KeyCache::new(),
            copies,
            hold: Hold::default(),
            queue: VerifyQueue::default(),
            budget: Budget::default(),
            signed: Vec::with_capacity(MAX_FRAME + 64),
            awareness: v1::Awareness::default(),
        }
    }

    /// Runs the cheap checks on a frame.
    pub fn admit(
        &mut self,
        frame: ReceivedFrame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut Distribution,
        host: &mut dyn Host,
    ) -> Admission {
        let link_source = frame.link_source;
        let mut claimed = None;
        match self.check(frame, situation, neighbours, distribution, host, &mut claimed) {
            Ok(admission) => admission,
            Err(reason) => Admission::Dropped(Dropped { reason, link_source, claimed }),
        }
    }

    fn check(
        &mut self,
        frame: ReceivedFrame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut Distribution,
        host: &mut dyn Host,
        claimed: &mut Option<MessageId>,
    ) -> Result<Admission, DropReason> {
        let bytes = &frame.bytes;
        if bytes.len() > MAX_FRAME {
            return Err(DropReason::TooLong);
        }
        let (header, header_len) = hop::parse(bytes).map_err(hop_reason)?;
        if header.kind != hop::Kind::Data && header.kind != hop::Kind::Management {
            return Err(DropReason::UnknownKind);
        }
        if header.flags.test != situation.test {
            return Err(DropReason::TestTraffic);
        }
        let signed = SignedView::parse(&bytes[header_len..]).map_err(|_| DropReason::MalformedEnvelope)?;
        let tbs = TbsView::parse(signed.tbs).map_err(|_| DropReason::MalformedFields)?;
        let (signer, credential) = match signed.signer {
            SignerRef::Digest(digest) => (digest, None),
            SignerRef::Credential(credential) => {
                let hash = credential_hash(credential);
                (Digest::of_hash(&hash), Some(credential))
            }
        };
        let id = MessageId { signer, class: tbs.class, sequence: tbs.sequence };
        *claimed = Some(id);
        if signer == situation.own {
            return Err(DropReason::Own);
        }
        let hash = self.copies.hash(&signer, signed.tbs, signed.signature);
        if self.copies.contains(hash) {
            return Err(DropReason::ExactCopy);
        }
        if header.class != tbs.class {
            return Err(DropReason::ClassMismatch);
        }
        if header.remaining_hops > tbs.max_hops {
            return Err(DropReason::HopsInflated);
        }
        let wire = situation.wire();
        let generation = WireTime::from_micros(tbs.generation_time_us);
        freshness::check(wire, tbs.class, generation, tbs.lifetime_ms)?;
        let position = Position::new(tbs.latitude, tbs.longitude).ok_or(DropReason::MalformedFields)?;
        let reach =
            if tbs.max_hops <= 1 { limits::MAX_SINGLE_HOP_REACH_M } else { limits::MAX_MULTI_HOP_REACH_M };
        if situation.here.is_some_and(|here| here.distance_2(position) > reach * reach) {
            return Err(DropReason::OutOfReach);
        }
        let frame = Frame {
            link_source: frame.link_source,
            signal_dbm: frame.signal_dbm,
            stamps: ReceiveStamps {
                kernel_receive: frame.kernel_receive,
                user_receive: frame.user_receive,
                ..ReceiveStamps::default()
            },
            hash,
            id,
            message_type: tbs.message_type,
            generation,
            position,
            lifetime_ms: tbs.lifetime_ms,
            max_hops: tbs.max_hops,
            remaining_hops: header.remaining_hops,
            permissions: 0,
            tbs: range_in(bytes, signed.tbs),
            signature: range_in(bytes, signed.signature),
            payload: range_in(bytes, tbs.payload),
            requests: range_in(bytes, tbs.credential_requests),
            bytes: frame.bytes.clone(),
        };
        if let Some(credential) = credential {
            self.learn(&signer, credential, situation)?;
            distribution.learned(&signer);
        }
        // The type is judged with the signer's permissions, so rules wait for the credential.
        self.admit_known(frame, tbs.area.as_ref(), situation, neighbours, distribution, host)
    }

    /// Makes sure the credential is known and good, at most once per credential and within the budget.
    fn learn(
        &mut self,
        signer: &Digest,
        credential: &[u8],
        situation: &Situation<'_>,
    ) -> Result<(), DropReason> {
        let wire = situation.wire();
        match self.keys.lookup(signer, wire) {
            Lookup::Known(_) => return Ok(()),
            Lookup::Expired => return Err(DropReason::CredentialExpired),
            Lookup::Unknown => {}
        }
        if self.keys.is_bad(signer) {
            return Err(DropReason::CredentialKnownBad);
        }
        if !self.budget.take(situation.now) {
            return Err(DropReason::CredentialBudget);
        }
        match self.trust.check_station(credential, wire) {
            Ok(trusted) => {
                self.keys.insert(trusted);
                self.hold.stir();
                Ok(())
            }
            Err(error) => {
                if error.is_final() {
                    self.keys.remember_bad(*signer);
                }
                Err(error.drop_reason())
            }
        }
    }

    fn admit_known(
        &mut self,
        mut frame: Frame,
        area: Option<&AreaView>,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut Distribution,
        host: &mut dyn Host,
    ) -> Result<Admission, DropReason> {
        let wire = situation.wire();
        let trusted = match self.keys.lookup(&frame.id.signer, wire) {
            Lookup::Known(trusted) => trusted,
            Lookup::Expired => return Err(DropReason::CredentialExpired),
            Lookup::Unknown => {
                distribution.heard_unknown(frame.id.signer, situation.now);
                self.copies.insert(frame.hash, situation.now);
                let no_room = self.hold.push(frame, situation.now);
                return Ok(Admission::Held(no_room.map(|frame| self.forget(frame))));
            }
        };
        message_rules::check(frame.message_type, frame.id.class, frame.max_hops, area, trusted.permissions)
            .map_err(|error| match error {
            RuleError::Scope => DropReason::BadScope,
            RuleError::Permission => DropReason::PermissionDenied,
        })?;
        if !trusted.covers(frame.position) {
            return Err(DropReason::CredentialRegion);
        }
        if frame.generation < trusted.valid_from {
            return Err(DropReason::CredentialNotYetValid);
        }
        if frame.generation >= trusted.valid_until {
            return Err(DropReason::CredentialExpired);
        }
        frame.permissions = trusted.permissions.0;
        if !neighbours.is_new(&frame.id, frame.generation) {
            return Err(DropReason::Replayed);
        }
        self.copies.insert(frame.hash, situation.now);
        frame.stamps.prefiltered = host.stamp(situation.now);
        let class = frame.id.class;
        let worth = class.deadline().unwrap_or(Duration::from_millis(u64::from(frame.lifetime_ms)));
        let deadline = situation.anchor.instant_at(frame.generation + worth);
        let shed = self.queue.push(class, deadline, frame);
        Ok(Admission::Queued(shed.map(|frame| {
            self.copies.remove(frame.hash);
            frame.dropped(DropReason::VerifyQueueFull)
        })))
    }

    /// Sends the frames held for `signer` on their way, now that its credential is known.
    /// Returns `None` when there is none left; each call handles one.
    pub fn release_held(
        &mut self,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut Distribution,
        host: &mut dyn Host,
    ) -> Option<Admission> {
        let keys = &mut self.keys;
        let wire = situation.wire();
        let frame = self.hold.take(|signer| !matches!(keys.lookup(signer, wire), Lookup::Unknown))?;
        self.copies.remove(frame.hash);
        let area = TbsView::parse(slice(&frame.bytes, &frame.tbs)).ok().and_then(|tbs| tbs.area);
        let dropped = |reason| frame.dropped(reason);
        let (link_source, claimed) = (frame.link_source, Some(frame.id));
        let fresh = freshness::check(wire, frame.id.class, frame.generation, frame.lifetime_ms);
        if let Err(reason) = fresh {
            return Some(Admission::Dropped(dropped(reason)));
        }
        let admission = self.admit_known(frame, area.as_ref(), situation, neighbours, distribution, host);
        Some(admission.unwrap_or_else(|reason| Admission::Dropped(Dropped { reason, link_source, claimed })))
    }

    /// Verifies the most urgent waiting frame: `None` when none waits.
    pub fn verify_next(
        &mut self,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
    ) -> Option<Result<Verified, Dropped>> {
        let frame = self.queue.pop()?;
        let verdict = self.verify(&frame, situation, neighbours, host);
        Some(match verdict {
            Ok(stamps) => Ok(self.verified(frame, stamps)),
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
        let wire = situation.wire();
        freshness::check(wire, frame.id.class, frame.generation, frame.lifetime_ms)
            .map_err(|_| DropReason::VerifyTooLate)?;
        // Another frame with this number may have been verified while this one waited.
        if !neighbours.is_new(&frame.id, frame.generation) {
            return Err(DropReason::Replayed);
        }
        let Lookup::Known(trusted) = self.keys.lookup(&frame.id.signer, wire) else {
            return Err(DropReason::UnknownCredential);
        };
        signing_input(&mut self.signed, &trusted.hash, slice(&frame.bytes, &frame.tbs));
        let signature = slice(&frame.bytes, &frame.signature);
        let signature = signature.first_chunk::<64>().ok_or(DropReason::MalformedEnvelope)?;
        if !host.verify(&trusted.key, &self.signed, signature) {
            return Err(DropReason::SignatureInvalid);
        }
        Ok(ReceiveStamps { verified: host.stamp(situation.now), ..frame.stamps })
    }

    fn verified(&mut self, frame: Frame, stamps: ReceiveStamps) -> Verified {
        let payload = frame.bytes.slice(wide(&frame.payload));
        let requests = frame.bytes.slice(wide(&frame.requests));
        let hops = frame.max_hops.saturating_sub(frame.remaining_hops).saturating_add(1);
        let (useless, motion) = match self.decode(frame.message_type, &payload) {
            Ok(motion) => (None, motion),
            Err(reason) => (Some(reason), None),
        };
        Verified {
            received: Received {
                id: frame.id,
                message_type: frame.message_type,
                generation_time: frame.generation,
                position: frame.position,
                link_source: frame.link_source,
                hops,
                permissions: frame.permissions,
                payload,
                stamps,
            },
            useless,
            motion,
            requests,
            signal_dbm: frame.signal_dbm,
            single_hop: hops == 1,
        }
    }

    /// Decodes a payload, to know that it can be; how its signer moves, when it says so.
    fn decode(&mut self, message_type: u32, payload: &Bytes) -> Result<Option<Motion>, DropReason> {
        if message_type == v1::MessageType::Awareness as u32 {
            if let Some(beacon) = Beacon::read(payload) {
                return Ok(Some(motion(&beacon)));
            }
            // Into the struct of the last one: its columns keep their room.
            return payload::decode_awareness_into(&mut self.awareness, payload)
                .map(|()| Some(motion(&Beacon::from(&self.awareness))))
                .map_err(|_| DropReason::MalformedPayload);
        }
        match payload::decode(message_type, payload.clone()) {
            Ok(_) => Ok(None),
            Err(PayloadError::UnknownType(_)) => Err(DropReason::UnknownType),
            Err(_) => Err(DropReason::MalformedPayload),
        }
    }

    /// Gives up frames that waited for their credential too long, one a call.
    pub fn expire_held(&mut self, now: Instant) -> Option<Dropped> {
        let frame = self.hold.expire(now)?;
        Some(self.forget(frame))
    }

    /// When the next held frame gives up.
    pub fn next_hold_expiry(&self) -> Option<Instant> {
        self.hold.next_expiry()
    }

    /// Whether a frame waits for verification.
    pub fn verification_waits(&self) -> bool {
        !self.queue.is_empty()
    }

    fn forget(&mut self, frame: Frame) -> Dropped {
        // Its next copy may come when the credential is known.
        self.copies.remove(frame.hash);
        frame.dropped(DropReason::UnknownCredential)
    }
}

impl Frame {
    /// Whose it claims to be.
    pub fn signer(&self) -> Digest {
        self.id.signer
    }

    fn dropped(&self, reason: DropReason) -> Dropped {
        Dropped { reason, link_source: self.link_source, claimed: Some(self.id) }
    }
}

/// Bounds the checks of new credentials per second: a bucket that refills evenly.
#[derive(Debug, Default)]
struct Budget {
    /// Nanoseconds of budget spent ahead of time.
    filled_until: Instant,
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        let each = Duration::from_secs(1) / limits::NEW_CREDENTIALS_PER_SECOND;
        let start = self.filled_until.max(now);
        if start.since(now) >= Duration::from_secs(1) - each {
            return false;
        }
        self.filled_until = start + each;
        true
    }
}

fn hop_reason(error: HopError) -> DropReason {
    match error {
        HopError::Truncated => DropReason::Truncated,
        HopError::Version(_) => DropReason::BadVersion,
        HopError::Kind(_) => DropReason::UnknownKind,
        HopError::ReservedBits => DropReason::ReservedBits,
        HopError::Class(_) => DropReason::BadClass,
        HopError::Position => DropReason::BadForwarderPosition,
    }
}

fn motion(beacon: &Beacon) -> Motion {
    Motion {
        speed: beacon.speed.map(|speed| speed as u16),
        heading: beacon.heading.map(|heading| heading as u16),
        acceleration: beacon.acceleration.map(|acceleration| acceleration as i16),
        station_type: beacon.station_type as u8,
    }
}

/// Where `part`, a slice of `whole`, lies in it. An empty slice lies at the start.
fn range_in(whole: &[u8], part: &[u8]) -> Range<u16> {
    if part.is_empty() {
        return 0..0;
    }
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start as u16..(start + part.len()) as u16
}

fn wide(range: &Range<u16>) -> Range<usize> {
    usize::from(range.start)..usize::from(range.end)
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u16>) -> &'a [u8] {
    &bytes[wide(range)]
}
