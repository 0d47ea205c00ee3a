//! Receiver: the checks from the first byte to the delivered message, cheapest first, with a drop reason for every
//! exit.
//!
//! [`Receiver::admit`] runs everything that costs no message signature and leaves the frame waiting for verification,
//! or held for its credential; [`Receiver::verify_next`] pays for one signature. Before verification only such state is
//! written as an attacker can neither target nor use to silence others: the keyed exact-copy cache, credentials whose
//! own chain was checked, and the rates of link addresses and forwarders, which only demote the frames of stations that
//! were heard before.

mod revocation;
mod tables;
mod verify;

use v2x_proto::envelope::{MAX_FRAME, SignedView, SignerRef, TbsView};
use v2x_proto::hop::HopHeader;
use v2x_proto::{Class, Digest, hop, v1};

pub use self::revocation::HeardRevocation;
pub use self::verify::{Content, Verified};
use super::copy_cache::CopyCache;
use super::credential_clone::{CloneWatch, HeardElsewhere, InOurName};
use super::digest_cache::DigestCache;
use super::frame::{Frame, range_in};
use super::pending::PendingFrames;
use super::rates::{Origin, Precedence, Unverified};
use super::rules;
use super::situation::Situation;
use super::urgency;
use super::verify_queue::VerifyQueue;
use crate::base::{
    DropReason, Dropped, FrameHash, Host, Instant, MessageId, Moment, Plane, Position, ReceiveStamps,
    Received, ReceivedFrame, Refusal, WireTime, limits,
};
use crate::forward::CopyHeard;
use crate::neighbour::{Neighbour, NeighbourTable};
use crate::trust::{
    CredentialDistribution, CredentialError, KeyCache, Lookup, Revocations, Travel, TrustStore, freshness,
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
    next_demoted: Instant,
    signed: Vec<u8>,
    awareness: v1::Awareness,
    elsewhere: CloneWatch,
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
    /// For a station that starts now, with nothing heard yet.
    pub fn new(
        trust: TrustStore,
        copies: CopyCache,
        rates: Unverified,
        keys: KeyCache,
        now: Instant,
    ) -> Self {
        Self {
            trust,
            unknown_issuer: None,
            revocations: Revocations::default(),
            keys,
            copies,
            names: DigestCache::default(),
            hold: PendingFrames::default(),
            queue: VerifyQueue::default(),
            rates,
            next_demoted: Instant::ZERO,
            signed: Vec::with_capacity(MAX_FRAME + 64),
            awareness: v1::Awareness::default(),
            elsewhere: CloneWatch::new(now),
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

    /// Whether a dropped frame left something to do: held frames to look at, or another station that signs with our
    /// credential.
    pub fn is_ready(&self) -> bool {
        self.hold.is_ready() || self.elsewhere.is_heard()
    }

    /// Runs the cheap checks on a frame.
    pub fn admit(
        &mut self,
        frame: ReceivedFrame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Admission {
        let link_source = frame.link_source;
        let mut claimed = None;
        match self.check(frame, situation, neighbours, distribution, host, &mut claimed) {
            Ok(admission) => admission,
            Err(Refusal { reason, field }) => {
                Admission::Dropped(Dropped { reason, field, link_source, claimed })
            }
        }
    }

    fn check(
        &mut self,
        frame: ReceivedFrame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
        claimed: &mut Option<MessageId>,
    ) -> Result<Admission, Refusal> {
        let bytes = &frame.bytes;
        if bytes.len() > MAX_FRAME {
            return Err(DropReason::TooLong.into());
        }
        let (header, header_len) = hop::parse(bytes).map_err(Refusal::of_header)?;
        rules::is_message(&header)?;
        if header.flags.test != situation.test {
            return Err(DropReason::TestTraffic.into());
        }
        let signed = SignedView::parse(&bytes[header_len..]).map_err(Refusal::of_envelope)?;
        let tbs = TbsView::parse(signed.tbs).map_err(Refusal::of_fields)?;
        let (signer, credential) = match signed.signer {
            SignerRef::Digest(digest) => (digest, None),
            SignerRef::Credential(credential) => {
                (self.names.digest(credential, &self.copies.hasher()), Some(credential))
            }
        };
        let id = MessageId { signer, class: tbs.class, sequence: tbs.sequence };
        *claimed = Some(id);
        let hash = self.copies.hasher().hash(&signer, signed.tbs, signed.signature);
        // The exact-copy cache forgets in seconds; a flood is known until it expires.
        let flooded = tbs.max_hops > 1;
        let here = situation.moment.here.as_ref().map(Plane::origin);
        let again = flooded && situation.floods.comes_to_us(hash, here);
        let known = !again && (self.copies.contains(hash) || flooded && situation.floods.knows(hash));
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
            let copy = CopyHeard { hash, remaining_hops, forwarder, link: frame.link_source };
            let dropped = Dropped { reason, field: None, link_source: frame.link_source, claimed: *claimed };
            return Ok(Admission::Copy(dropped, copy));
        }
        if situation.watch.is_isolated(&signer, situation.moment.wire()) {
            return Err(DropReason::Isolated.into());
        }
        rules::agrees(&header, &tbs)?;
        let wire = situation.moment.wire();
        let generation = WireTime::from_micros(tbs.generation_time_us);
        freshness::check(wire, tbs.class, generation, tbs.lifetime_ms)?;
        let position = Position::new(tbs.latitude, tbs.longitude).ok_or(DropReason::MalformedFields)?;
        let reach =
            if tbs.max_hops <= 1 { limits::MAX_SINGLE_HOP_REACH_M } else { limits::MAX_MULTI_HOP_REACH_M };
        if situation.moment.here.is_some_and(|here| here.distance_2(position) > reach * reach) {
            return Err(DropReason::OutOfReach.into());
        }
        let standing = if situation.test {
            Precedence::Good
        } else {
            let (link, forwarder) = (frame.link_source, header.forwarder);
            let origin = Origin { link, forwarder, signer, class: tbs.class };
            self.rates.admit(&origin, neighbours, situation.moment.now)?
        };
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
            again,
            area: tbs.area,
            permissions: 0,
            standing,
            forwarder: header.forwarder,
            admitted: situation.moment.now,
            tbs: range_in(bytes, signed.tbs),
            signature: range_in(bytes, signed.signature),
            payload: range_in(bytes, tbs.payload),
            requests: range_in(bytes, tbs.credential_requests),
            bytes: frame.bytes.clone(),
        };
        if let Some(credential) = credential {
            self.learn(&signer, credential, &frame.link_source, situation, host)?;
            distribution.learned(&signer);
        }
        // The type is judged with the signer's permissions, so the rules have to wait for the credential.
        self.admit_known(frame, situation, neighbours, distribution, host)
    }

    /// Makes sure the credential is known and valid, checked at most once per credential and within the budget.
    fn learn(
        &mut self,
        signer: &Digest,
        credential: &[u8],
        link: &[u8; 6],
        situation: &Situation<'_>,
        host: &mut dyn Host,
    ) -> Result<(), DropReason> {
        let wire = situation.moment.wire();
        match self.keys.lookup(signer, wire) {
            Lookup::Known(_) => return Ok(()),
            Lookup::Expired => return Err(DropReason::CredentialExpired),
            Lookup::Revoked => return Err(DropReason::Revoked),
            Lookup::Unknown => {}
        }
        if self.keys.is_bad(signer) {
            return Err(DropReason::CredentialKnownBad);
        }
        if !self.rates.new_credential(link, !situation.test, situation.moment.now) {
            return Err(DropReason::CredentialBudget);
        }
        let verify = &mut |key: &_, message: &_, signature: &_| host.verify(key, message, signature);
        match self.trust.check_station_by(credential, wire, verify) {
            Ok(trusted) => {
                self.hold.mark_ready();
                if self.revocations.revokes(&trusted, &self.trust) {
                    self.keys.remember_revoked(*signer);
                    return Err(DropReason::Revoked);
                }
                self.keys.insert(trusted);
                Ok(())
            }
            Err(error) => {
                if error.is_final() {
                    self.keys.remember_bad(*signer);
                }
                if let CredentialError::UnknownIssuer(issuer) = error {
                    self.unknown_issuer = Some((issuer, *link));
                }
                Err(error.drop_reason())
            }
        }
    }

    fn admit_known(
        &mut self,
        mut frame: Frame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Result<Admission, Refusal> {
        let wire = situation.moment.wire();
        let trusted = match self.keys.lookup(&frame.id.signer, wire) {
            Lookup::Known(trusted) => trusted,
            Lookup::Expired => return Err(DropReason::CredentialExpired.into()),
            Lookup::Revoked => return Err(DropReason::Revoked.into()),
            Lookup::Unknown => {
                distribution.heard_unknown(frame.id.signer, situation.moment.now);
                self.copies.insert(frame.hash, situation.moment.now);
                let no_room = self.hold.push(frame, situation.moment.now);
                return Ok(Admission::Held(no_room.map(|frame| self.forget(frame))));
            }
        };
        let travel = Travel {
            class: frame.id.class,
            lifetime_ms: frame.lifetime_ms,
            max_hops: frame.max_hops,
            area: frame.area.as_ref(),
        };
        rules::travels(frame.message_type, &travel, trusted.permissions)?;
        rules::covers(trusted, frame.position, frame.generation)?;
        frame.permissions = trusted.permissions.0;
        let neighbour = neighbours.get(&frame.id.signer);
        let class = frame.id.class;
        if !matches!(class, Class::D0 | Class::D1 | Class::D3) && situation.watch.is_suspect(&frame.id.signer)
        {
            frame.standing = Precedence::Demoted;
        }
        let within = |spent: &Neighbour| spent.rates().allows(class, situation.moment.now);
        if !situation.test && !neighbour.is_none_or(within) {
            return Err(DropReason::RateLimitedSigner.into());
        }
        if !frame.again && !neighbours.is_new(&frame.id, frame.generation) {
            return Err(DropReason::Replayed.into());
        }
        self.copies.insert(frame.hash, situation.moment.now);
        frame.stamps.prefiltered = host.stamp(situation.moment.now);
        if self.goes_unverified(&frame, neighbour, situation) {
            return self.unverified(frame, host.stamp(situation.moment.now)).map(Admission::Unverified);
        }
        let distance = urgency::distance(
            neighbour,
            frame.position,
            situation.moment.here.as_ref(),
            situation.moment.velocity,
            wire,
        );
        let urgency = urgency::urgency(
            class,
            frame.generation,
            distance,
            situation.moment.now,
            &situation.moment.anchor,
        );
        let shed = self.queue.push(urgency, frame.standing, frame);
        Ok(Admission::Queued(shed.map(|frame| {
            self.copies.remove(frame.hash);
            frame.dropped(DropReason::VerifyQueueFull)
        })))
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
            && frame.standing == Precedence::Good
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
    /// Returns `None` when there is none left; each call handles one.
    pub fn release_held(
        &mut self,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Option<Admission> {
        let keys = &mut self.keys;
        let wire = situation.moment.wire();
        let frame = self.hold.take(|signer| !matches!(keys.lookup(signer, wire), Lookup::Unknown))?;
        self.copies.remove(frame.hash);
        let (link_source, claimed) = (frame.link_source, Some(frame.id));
        let fresh = freshness::check(wire, frame.id.class, frame.generation, frame.lifetime_ms);
        if let Err(reason) = fresh {
            return Some(Admission::Dropped(frame.dropped(reason)));
        }
        let admission = self.admit_known(frame, situation, neighbours, distribution, host);
        Some(admission.unwrap_or_else(|Refusal { reason, field }| {
            Admission::Dropped(Dropped { reason, field, link_source, claimed })
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

    /// Drops frames that waited for their credential too long, one a call.
    pub fn expire_held(&mut self, now: Instant) -> Option<Dropped> {
        let frame = self.hold.expire(now)?;
        Some(self.forget(frame))
    }

    /// When the next held frame expires.
    pub fn next_hold_expiry(&self) -> Option<Instant> {
        self.hold.next_expiry()
    }

    /// Whether a frame that is not demoted waits for verification.
    pub fn verification_waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// When the next demoted frame has its turn, unless others come between.
    pub fn next_demoted(&self) -> Option<Instant> {
        (self.queue.demoted() > 0).then_some(self.next_demoted)
    }

    fn forget(&mut self, frame: Frame) -> Dropped {
        // Its next copy may arrive when the credential is known.
        self.copies.remove(frame.hash);
        frame.dropped(DropReason::UnknownCredential)
    }
}
