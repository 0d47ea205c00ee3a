//! Receiver: the checks from the first byte to the delivered message, cheapest first, with a drop reason for every
//! exit.
//!
//! [`Receiver::admit`] runs everything that costs no message signature and leaves the frame waiting for verification,
//! or held for its credential; [`Receiver::verify_next`] pays for one signature. Before verification only such state is
//! written as an attacker can neither target nor use to silence others: the keyed exact-copy cache, credentials whose
//! own chain was checked, and what became of frames under a neighbour's name, which only demotes such frames.

mod afar;
mod ahead;
mod open;
mod revocation;
mod tables;
mod verify;

use v2x_proto::envelope::MAX_FRAME;
use v2x_proto::hop::HopHeader;
use v2x_proto::{Class, Digest, v1};

pub use self::ahead::SignatureCheck;
pub use self::revocation::HeardRevocation;
pub use self::verify::{Content, Verified};
use super::afar_book::AfarBook;
use super::copy_cache::CopyCache;
use super::credential_clone::{CloneWatch, HeardElsewhere, InOurName};
use super::digest_cache::DigestCache;
use super::frame::{Frame, slice};
use super::pending::PendingFrames;
use super::preview::{FrameName, Preview};
use super::rates::{Cause, Origin, Precedence, Unverified};
use super::reading::{self, Reading};
use super::rules;
use super::situation::Situation;
use super::urgency;
use super::verify_queue::VerifyQueue;
use crate::base::{
    DropReason, Dropped, FrameHash, FrameHead, Host, Instant, MessageId, Moment, Plane, Received,
    ReceivedFrame, Refusal, Reserve, Stream, WireTime, limits,
};
use crate::forward::CopyHeard;
use crate::neighbour::{Neighbour, NeighbourTable};
use crate::trust::{
    CredentialDistribution, CredentialError, Grant, KeyCache, Lookup, Permissions, Revocations, Travel,
    TrustStore, freshness,
};

/// State of the receive path.
#[derive(Debug)]
pub struct Receiver {
    trust: TrustStore,
    /// The last issuer whose station's credential was refused because it is none of ours, and that station's link address.
    unknown_issuer: Option<(Digest, [u8; 6])>,
    revocations: Revocations,
    keys: KeyCache,
    copies: CopyCache,
    names: DigestCache,
    hold: PendingFrames,
    queue: VerifyQueue<Frame>,
    rates: Unverified,
    /// The credential that was learned last, until it is taken.
    learned: Option<Digest>,
    /// A frame was verified since one was last released that was held.
    turn: bool,
    signed: Vec<u8>,
    awareness: v1::Awareness,
    elsewhere: CloneWatch,
    /// What came from afar, once anything has.
    afar: Option<Box<AfarBook>>,
}

/// Outcome of [`Receiver::admit`] for a frame.
#[derive(Debug)]
pub enum Admission {
    /// It waits for verification; another frame may have been shed for it.
    Queued(Option<Dropped>),
    /// It waits for its credential; another frame may have been evicted for it.
    Held(Option<Dropped>),
    /// It is for the application without verification: its signature was not checked.
    Unverified(Received),
    /// It was dropped.
    Dropped(Dropped),
    /// It was dropped, and shows that a station forwards a multi-hop message.
    Copy(Dropped, CopyHeard),
}

impl Receiver {
    /// For a station that starts now, with nothing heard yet. What is drawn in the verification queue and among the
    /// held frames comes from these streams.
    pub fn new(
        trust: TrustStore,
        copies: CopyCache,
        rates: Unverified,
        keys: KeyCache,
        [queue, hold]: [Stream; 2],
        now: Instant,
        reserve: Reserve,
    ) -> Self {
        Self {
            trust,
            unknown_issuer: None,
            revocations: Revocations::default(),
            keys,
            copies,
            names: DigestCache::new(reserve),
            hold: PendingFrames::new(hold),
            queue: VerifyQueue::new(queue, reserve),
            rates,
            learned: None,
            turn: false,
            signed: Vec::with_capacity(reserve.at_start(MAX_FRAME + 64)),
            awareness: v1::Awareness::default(),
            elsewhere: CloneWatch::new(now),
            afar: None,
        }
    }

    /// A frame of the station leaves: its copies will be recognised when they come back.
    pub fn sent(&mut self, hash: FrameHash, now: Instant) {
        self.copies.insert(hash, now);
    }

    /// A message that another station signed with one of our credentials, since the last call.
    pub fn take_heard_elsewhere(&mut self) -> Option<HeardElsewhere> {
        self.elsewhere.take()
    }

    /// The name of a frame that was looked at before it is received.
    pub fn name(&self, preview: &Preview) -> FrameName {
        preview.name(&self.copies.hasher())
    }

    /// Something of all that a frame's checks visit: to have it fetched.
    pub fn kept_of(&self, name: &FrameName) -> u64 {
        self.keys.spread(&name.signer) ^ u64::from(self.copies.contains(name.hash)) ^ self.queue.spread()
    }

    /// Whether a dropped frame left something to do: held frames to look at, or another station that signs with our
    /// credential.
    pub fn is_ready(&self) -> bool {
        self.hold.is_ready() || self.elsewhere.is_heard()
    }

    /// Runs the cheap checks on a frame, whose name was perhaps worked out before.
    pub fn admit(
        &mut self,
        frame: ReceivedFrame,
        name: Option<FrameName>,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Admission {
        let (link_source, signal_dbm, way) = (frame.link_source, frame.signal_dbm, frame.way);
        let head = FrameHead::of(&frame.bytes);
        let mut claimed = None;
        match self.check(frame, name, situation, neighbours, distribution, host, &mut claimed) {
            Ok(admission) => admission,
            Err(Refusal { reason, field }) => {
                Admission::Dropped(Dropped { reason, field, link_source, claimed, head, signal_dbm, way })
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a station that a frame's checks need")]
    fn check(
        &mut self,
        frame: ReceivedFrame,
        name: Option<FrameName>,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
        claimed: &mut Option<MessageId>,
    ) -> Result<Admission, Refusal> {
        let (header, rest) = reading::header(&frame.bytes, situation.test)?;
        let reading = Reading::of(header, rest)?;
        let Reading { signed, fields: tbs, credential, .. } = reading;
        let hasher = self.copies.hasher();
        let id = reading.id(|credential| match name {
            Some(name) => name.signer,
            None => self.names.digest(credential, &hasher),
        });
        let signer = id.signer;
        *claimed = Some(id);
        let hash = || hasher.hash(&signer, signed.tbs, signed.signature);
        let hash = name.map_or_else(hash, |name| name.hash);
        debug_assert!(name.is_none_or(|name| name.signer == signer), "a frame has one signer");
        // The exact-copy cache forgets in seconds; a flood is known until it expires.
        let flooded = tbs.max_hops > 1 || tbs.class == Class::D5 && situation.floods.brings(hash);
        let here = situation.moment.here.as_ref().map(Plane::origin);
        let again = flooded && situation.floods.comes_to_us(hash, here);
        let known = !again && (self.copies.contains(hash) || flooded && situation.floods.knows(hash));
        let origin = Origin { link: frame.link_source, forwarder: header.forwarder, signer };
        if known && self.queue.demoted() > 0 {
            self.promote(hash, &header, &origin, neighbours, situation);
        }
        let own = situation.own.contains(&signer);
        if own && !known {
            let (link_source, signal_dbm) = (frame.link_source, frame.signal_dbm);
            let in_our_name = InOurName { id, hash, signed, tbs, link_source, signal_dbm };
            self.elsewhere.watch(&in_our_name, &mut self.signed, situation, host);
        }
        if own || known {
            let reason = if own { DropReason::Own } else { DropReason::ExactCopy };
            // A copy with more hops than were signed says nothing about the flood: the number was changed on its way.
            if !flooded || header.remaining_hops > tbs.max_hops {
                return Err(reason.into());
            }
            let HopHeader { remaining_hops, forwarder, .. } = header;
            let (link, full) = (frame.link_source, credential.is_some());
            let copy = CopyHeard { hash, remaining_hops, forwarder, link, full };
            let (link_source, signal_dbm) = (frame.link_source, frame.signal_dbm);
            let head = FrameHead::of(&frame.bytes);
            let (claimed, way) = (*claimed, frame.way);
            let dropped = Dropped { reason, field: None, link_source, claimed, head, signal_dbm, way };
            return Ok(Admission::Copy(dropped, copy));
        }
        if situation.watch.is_isolated(&signer, situation.moment.wire()) {
            return Err(DropReason::Isolated.into());
        }
        let origination = reading.origination(situation.moment)?;
        let mut frame = reading.frame(&frame, id, hash, origination, situation.moment);
        frame.again = again;
        self.admit_known(frame, situation, neighbours, distribution, host)
    }

    /// A better copy came of a frame that waits in the lot: from a neighbour in good standing. It takes its place in good
    /// order, so that whoever repeats a station's frames from elsewhere does not have them demoted. What stays demoted stays
    /// where it is: it was drawn for once.
    #[inline(never)]
    fn promote(
        &mut self,
        hash: FrameHash,
        header: &HopHeader,
        origin: &Origin,
        neighbours: &NeighbourTable,
        situation: &Situation<'_>,
    ) {
        let now = situation.moment.now;
        let signer = neighbours.locate(&origin.signer);
        let Some(transmitter) = Unverified::transmitter(origin, signer, neighbours) else { return };
        if self.queue.len() >= limits::MAX_VERIFY_QUEUE || self.rates.failed_lately(&transmitter, now) {
            return;
        }
        let strange = |waiting: &Frame| waiting.hash == hash && waiting.transmitter.is_none();
        let Some(waiting) = self.queue.find_demoted(strange) else { return };
        waiting.link_source = origin.link;
        waiting.forwarder = origin.forwarder;
        waiting.remaining_hops = header.remaining_hops.min(waiting.max_hops);
        waiting.transmitter = Some(transmitter);
        if waiting.credential.is_empty() {
            waiting.standing = self.rates.standing(Some(transmitter), now);
        }
        if waiting.standing != Precedence::Good {
            return;
        }
        let promoted = |waiting: &Frame| waiting.standing == Precedence::Good;
        let Some(frame) = self.queue.take_demoted(promoted) else { return };
        let shed = self.enqueue(frame, Precedence::Good, signer.map(|(_, one)| one), situation);
        debug_assert!(shed.is_none(), "there is room");
    }

    /// Queues a frame of this neighbour's, or of none, for its verification; the one that is shed for it.
    fn enqueue(
        &mut self,
        mut frame: Frame,
        standing: Precedence,
        neighbour: Option<&Neighbour>,
        situation: &Situation<'_>,
    ) -> Option<Dropped> {
        let Moment { now, here, velocity, .. } = situation.moment;
        frame.standing = standing;
        let wire = situation.moment.wire();
        let distance = urgency::distance(neighbour, frame.position, here.as_ref(), *velocity, wire);
        let urgency = urgency::urgency(frame.id.class, distance, *now);
        let shed = self.queue.push(urgency, standing, frame)?;
        self.copies.remove(shed.hash);
        Some(shed.dropped(match shed.standing {
            Precedence::Good => DropReason::VerifyQueueFull,
            Precedence::Demoted(cause) => cause.shed(),
        }))
    }

    /// What the credential in a frame permits, if its issuer signed it: everything is checked that needs no signature.
    #[inline(never)]
    fn claims(&mut self, frame: &Frame, situation: &Situation<'_>) -> Result<Grant, DropReason> {
        if self.keys.is_bad(&frame.id.signer) {
            return Err(DropReason::CredentialKnownBad);
        }
        let claims =
            self.trust.claims_of_station(slice(&frame.bytes, &frame.credential), situation.moment.wire());
        claims.map_err(|error| self.refuse_credential(error, frame))
    }

    fn refuse_credential(&mut self, error: CredentialError, frame: &Frame) -> DropReason {
        if error.is_final() {
            self.keys.remember_bad(frame.id.signer);
        }
        if let CredentialError::UnknownIssuer(issuer) = error {
            self.unknown_issuer = Some((issuer, frame.link_source));
        }
        error.drop_reason()
    }

    fn admit_known(
        &mut self,
        mut frame: Frame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Result<Admission, Refusal> {
        let (now, wire) = (situation.moment.now, situation.moment.wire());
        let grant = match self.keys.lookup(&frame.id.signer, wire) {
            Lookup::Known(trusted) => {
                let grant = trusted.grant();
                if !frame.credential.is_empty() {
                    frame.credential = 0..0;
                    distribution.learned(&frame.id.signer);
                }
                grant
            }
            Lookup::Expired => return Err(DropReason::CredentialExpired.into()),
            Lookup::Revoked => return Err(DropReason::Revoked.into()),
            Lookup::Unknown if !frame.credential.is_empty() => self.claims(&frame, situation)?,
            Lookup::Unknown => {
                distribution.heard_unknown(frame.id.signer, now);
                if self.hold.contains(frame.hash) {
                    return Ok(copy_of(&frame));
                }
                let no_room = self.hold.push(frame, now);
                return Ok(Admission::Held(
                    no_room.map(|frame| frame.dropped(DropReason::UnknownCredential)),
                ));
            }
        };
        let travel = Travel {
            class: frame.id.class,
            lifetime_ms: frame.lifetime_ms,
            max_hops: frame.max_hops,
            area: frame.area.as_ref(),
        };
        // The type is judged with the signer's permissions, so the rules have to wait for the credential.
        rules::travels(frame.message_type, &travel, grant.permissions)?;
        rules::covers(&grant, frame.position, frame.generation)?;
        frame.permissions = grant.permissions.0;
        let signer = neighbours.locate(&frame.id.signer);
        let neighbour = signer.map(|(_, neighbour)| neighbour);
        let class = frame.id.class;
        let within = |spent: &Neighbour| spent.rates().allows(class, now);
        if !situation.test && !neighbour.is_none_or(within) {
            return Err(DropReason::RateLimitedSigner.into());
        }
        if !frame.again && !neighbours.is_new_of(neighbour, &frame.id, frame.generation) {
            return Err(DropReason::Replayed.into());
        }
        self.copies.insert(frame.hash, now);
        frame.stamps.prefiltered = host.stamp(now);
        let standing = self.standing(&mut frame, signer, neighbours, situation);
        if standing == Precedence::Good && self.goes_unverified(&frame, neighbour, situation) {
            return self.unverified(frame, host.stamp(now)).map(Admission::Unverified);
        }
        Ok(Admission::Queued(self.enqueue(frame, standing, neighbour, situation)))
    }

    /// Standing of a frame that passed every check but its signature's.
    fn standing(
        &mut self,
        frame: &mut Frame,
        signer: Option<(u16, &Neighbour)>,
        neighbours: &NeighbourTable,
        situation: &Situation<'_>,
    ) -> Precedence {
        if situation.test {
            return Precedence::Good;
        }
        let origin = Origin { link: frame.link_source, forwarder: frame.forwarder, signer: frame.id.signer };
        frame.transmitter = Unverified::transmitter(&origin, signer, neighbours);
        let alerts = matches!(frame.id.class, Class::D0 | Class::D1 | Class::D3);
        if !frame.credential.is_empty() {
            Precedence::Demoted(Cause::NewCredential)
        } else if !alerts && situation.watch.is_discredited(&frame.id.signer) {
            Precedence::Demoted(Cause::Suspect)
        } else {
            self.rates.standing(frame.transmitter, situation.moment.now)
        }
    }

    /// Whether this is awareness of a neighbour that is far and driving away, and not part of the sample.
    ///
    /// The sample is drawn by the frame's keyed hash: nobody else knows which frames are in it.
    fn goes_unverified(
        &self,
        frame: &Frame,
        neighbour: Option<&Neighbour>,
        situation: &Situation<'_>,
    ) -> bool {
        let Moment { here, velocity, .. } = situation.moment;
        let (Some(sample), Some(neighbour)) = (situation.sample, neighbour) else { return false };
        frame.message_type == v1::MessageType::Awareness as u32
            && neighbour.link() == Some(frame.link_source)
            && !frame.hash.is_one_in(sample)
            && urgency::is_far_and_leaving(
                neighbour,
                frame.position,
                here.as_ref(),
                *velocity,
                situation.moment.wire(),
            )
    }

    /// Continues the frames held for `signer`, now that its credential is known.
    /// Returns `None` when there is none left, or no room for more to wait; each call handles one.
    pub fn release_held(
        &mut self,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Option<Admission> {
        // A signer's name with many forgeries behind it does not crowd out others: what is held waits for room, and where
        // there is never any, one takes part in the lot for each frame that is verified.
        let is_crowded = self.queue.len() + self.queue.demoted() > limits::MAX_LOT / 2;
        if is_crowded && !core::mem::take(&mut self.turn) {
            return None;
        }
        let keys = &mut self.keys;
        let wire = situation.moment.wire();
        let frame = self.hold.take(|signer| !matches!(keys.lookup(signer, wire), Lookup::Unknown))?;
        if self.copies.contains(frame.hash) {
            // It came again with its credential, which released it: one of the two is enough.
            return Some(copy_of(&frame));
        }
        let (link_source, claimed, signal_dbm) = (frame.link_source, Some(frame.id), frame.signal_dbm);
        let way = frame.way;
        let head = FrameHead::of(&frame.bytes);
        let fresh = freshness::check(wire, frame.id.class, frame.generation, frame.lifetime_ms);
        if let Err(reason) = fresh {
            return Some(Admission::Dropped(frame.dropped(reason)));
        }
        let admission = self.admit_known(frame, situation, neighbours, distribution, host);
        Some(admission.unwrap_or_else(|Refusal { reason, field }| {
            Admission::Dropped(Dropped { reason, field, link_source, claimed, head, signal_dbm, way })
        }))
    }

    /// The last unknown issuer of a credential, and the link address its station sent from. Nothing of it is verified.
    pub fn unknown_issuer(&self) -> Option<(Digest, [u8; 6])> {
        self.unknown_issuer
    }

    /// When the credential of a station ends, as long as it is known.
    pub fn credential_end(&mut self, signer: &Digest, wire: WireTime) -> Option<WireTime> {
        match self.keys.lookup(signer, wire) {
            Lookup::Known(trusted) => Some(trusted.valid_until),
            Lookup::Expired | Lookup::Revoked | Lookup::Unknown => None,
        }
    }

    /// What the credential of a station permits, as long as it is known.
    pub fn permissions(&self, signer: &Digest) -> Option<Permissions> {
        self.keys.peek(signer).map(|trusted| trusted.permissions)
    }

    /// The credential of a station, encoded, as long as it is known.
    pub fn credential(&self, signer: &Digest) -> Option<&[u8]> {
        let afar = || self.afar.as_ref()?.keys.peek(signer);
        self.keys.peek(signer).or_else(afar).map(|trusted| &trusted.bytes[..])
    }

    /// Frames that wait for verification, demoted ones too.
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.queue.demoted()
    }

    /// Drops frames that waited for their credential too long, one a call.
    pub fn expire_held(&mut self, now: Instant) -> Option<Dropped> {
        self.hold.expire(now).map(|frame| frame.dropped(DropReason::UnknownCredential))
    }

    /// When the next held frame expires.
    pub fn next_hold_expiry(&self) -> Option<Instant> {
        self.hold.next_expiry()
    }

    /// Whether a frame that is not demoted waits for verification.
    pub fn verification_waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether a demoted frame waits for verification.
    pub fn demoted_waits(&self) -> bool {
        self.queue.demoted() > 0
    }

    /// The credential that the last verification learned, once.
    pub fn take_learned(&mut self) -> Option<Digest> {
        self.learned.take()
    }
}

/// The end of a frame that is a copy of another one.
fn copy_of(frame: &Frame) -> Admission {
    let dropped = frame.dropped(DropReason::ExactCopy);
    if frame.max_hops <= 1 {
        return Admission::Dropped(dropped);
    }
    let Frame { hash, remaining_hops, forwarder, link_source, full, .. } = *frame;
    Admission::Copy(dropped, CopyHeard { hash, remaining_hops, forwarder, link: link_source, full })
}
