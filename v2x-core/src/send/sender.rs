//! Sender: the send path from request to queue, and the checks whether the station may send at all.

mod event;
mod outrun;

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use v2x_proto::envelope::{MAX_FRAME, SignerRef, TbsRepr};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest, envelope, v1};

pub use self::event::Signed;
use super::outgoing::{Here, Outgoing, OwnFlood, OwnFrame, SealTo, SendResult};
use super::queue::{SendQueue, SendStage, Subject, send_by};
use super::seal::seal;
use super::signed_log::SignedLog;
use super::warm_up::WarmUp;
use crate::base::{
    Anchor, FrameHasher, Host, Instant, MessageId, NotSent, NotSentReason, Reserve, SealBinding, SendRequest,
    SendStamps, SendingState, Sent, TimedFix, Transmit, limits,
};
use crate::congestion::Passage;
use crate::neighbour::starting_sequence;
use crate::trust::{
    CredentialDistribution, Identity, Pool, RuleError, Travel, freshness, message_rules, roles,
};

/// State of the send path.
#[derive(Debug)]
pub struct Sender {
    pool: Pool,
    hasher: FrameHasher,
    test: bool,
    sequences: Sequences,
    /// Sequence numbers of former identities that still sign for their events.
    former: Vec<(Digest, Sequences)>,
    signed_log: SignedLog,
    /// When the numbers last jumped ahead of another station's, and the last of its numbers that came too soon after.
    outran: Option<Instant>,
    threat: Option<MessageId>,
    queue: SendQueue,
    warm_up: WarmUp,
    alert_until: Instant,
    link_ready: bool,
    /// The link was full and takes frames again: waiting frames leave one by one.
    refilling: bool,
    /// The last message with the full credential, and whether it was evicted before it left.
    last_full: Option<MessageId>,
    full_lost: bool,
    tbs: Vec<u8>,
    payload: Vec<u8>,
    requests: Vec<u8>,
    frames: BytesMut,
}

/// The next sequence number of each class, once there was a first.
#[derive(Clone, Copy, Debug, Default)]
struct Sequences([Option<u32>; 6]);

impl Sender {
    /// For a station that has sent nothing yet.
    pub fn new(pool: Pool, hasher: FrameHasher, test: bool, reserve: Reserve) -> Self {
        let mut warm_up = WarmUp::default();
        if pool.address().is_some() {
            warm_up.restart();
        }
        Self {
            pool,
            hasher,
            test,
            sequences: Sequences::default(),
            former: Vec::new(),
            signed_log: SignedLog::default(),
            outran: None,
            threat: None,
            queue: SendQueue::default(),
            warm_up,
            alert_until: Instant::ZERO,
            link_ready: true,
            refilling: false,
            last_full: None,
            full_lost: false,
            tbs: Vec::with_capacity(reserve.at_start(MAX_FRAME)),
            payload: Vec::with_capacity(reserve.at_start(MAX_FRAME)),
            requests: reserve.list(limits::MAX_REQUESTS * 3),
            frames: BytesMut::with_capacity(FRAME_POOL_LEAST.max(reserve.at_start(FRAME_POOL))),
        }
    }

    /// Our digest.
    pub fn digest(&self) -> Digest {
        self.pool.active().digest()
    }

    /// Our identities.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The messages that were signed lately.
    pub fn signed_log(&self) -> &SignedLog {
        &self.signed_log
    }

    /// Switches to another identity, with a new address and new numbers: `change` advances the pool and returns whether
    /// it did. Returns the digests before and after.
    ///
    /// To be called while nothing [waits](Self::is_idle), unless the identity has ended: what is queued was signed by
    /// it.
    pub fn change_identity(&mut self, change: impl FnOnce(&mut Pool) -> bool) -> Option<(Digest, Digest)> {
        let old = self.digest();
        if !change(&mut self.pool) {
            return None;
        }
        self.change_sequences(old);
        (self.last_full, self.full_lost) = (None, false);
        if self.pool.address().is_some() {
            self.warm_up.restart();
        }
        Some((old, self.digest()))
    }

    /// The encryption key of a former identity is kept for a moment after it was used last.
    pub fn retire(&mut self, last: &Digest, now: Instant) {
        self.pool.retire(last, now);
    }

    /// Wipes the encryption keys of former identities.
    pub fn wipe_former(&mut self) {
        self.pool.wipe_former();
    }

    /// The class and the length of the frame that leaves next, if the link takes one.
    pub fn first(&self) -> Option<(Class, usize)> {
        self.queue.first().filter(|_| self.link_ready)
    }

    /// Whether none of our frames waits for the link.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Frames waiting, by class.
    pub fn waiting(&self) -> [usize; Class::ALL.len()] {
        self.queue.lens()
    }

    /// Frames waiting in the fullest class.
    pub fn longest_queue(&self) -> usize {
        self.queue.longest()
    }

    /// When the last of our imminent events or alerts is over.
    pub fn alert_until(&self) -> Instant {
        self.alert_until
    }

    /// Whether the station may send now, and if not, why.
    pub fn state(
        &self,
        now: Instant,
        anchor: &Anchor,
        trusted: bool,
        fix: Option<&TimedFix>,
    ) -> SendingState {
        if !trusted {
            SendingState::ClockUntrusted
        } else if fix.is_none_or(|fix| now >= fix.expires()) {
            SendingState::NoFix
        } else if !self.pool.active().valid_at(anchor.wire_at(now)) {
            SendingState::CredentialNotValid
        } else if fix.is_some_and(|fix| !self.pool.active().speaks_at(fix.fix.position)) {
            SendingState::OutsideRegion
        } else {
            SendingState::Allowed
        }
    }

    /// Signs and queues a message of the application.
    pub fn request(
        &mut self,
        request: &SendRequest,
        seal: Option<&SealTo>,
        here: &Here<'_>,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> SendResult {
        let claimed = roles::claims(request);
        let outgoing = Outgoing {
            message_type: request.message_type,
            class: request.class,
            lifetime_ms: request.lifetime_ms,
            max_hops: request.max_hops,
            area: request.area.as_ref(),
            // Messages to two stations do not replace each other.
            subject: request.subject ^ seal.map_or(0, SealTo::number),
            token: request.token,
            event: claimed.as_ref().and_then(roles::event),
            seal,
        };
        if !roles::claims_permitted(claimed.as_ref(), &self.digest(), self.pool.active().permissions()) {
            let reason = NotSentReason::NotPermitted;
            return Err(NotSent { class: request.class, id: None, reason, token: request.token });
        }
        self.sign_and_queue(&outgoing, &request.payload, here, distribution, host)
    }

    /// Signs and queues an awareness message; a test station's is filled up to a frame of `least` bytes.
    pub fn awareness(
        &mut self,
        message: &v1::Awareness,
        least: Option<u16>,
        here: &Here<'_>,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> SendResult {
        let outgoing = Outgoing {
            message_type: v1::MessageType::Awareness as u32,
            class: Class::D2,
            lifetime_ms: AWARENESS_LIFETIME_MS,
            max_hops: 1,
            area: None,
            subject: 0,
            token: None,
            event: None,
            seal: None,
        };
        let mut payload = core::mem::take(&mut self.payload);
        payload.clear();
        // A Vec grows as needed: encoding cannot fail.
        let encoded = message.encode(&mut payload);
        fill(&mut payload, least.filter(|_| self.test));
        let result = match encoded {
            Ok(()) => self.sign_and_queue(&outgoing, &payload, here, distribution, host),
            Err(_) => {
                let reason = NotSentReason::TooLong;
                Err(NotSent { class: Class::D2, id: None, reason, token: None })
            }
        };
        self.payload = payload;
        result
    }

    fn sign_and_queue(
        &mut self,
        outgoing: &Outgoing<'_>,
        payload: &[u8],
        here: &Here<'_>,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> SendResult {
        let (sent, frame) = self.sign(self.digest(), outgoing, payload, here, distribution, host)?;
        Ok((sent, self.enqueue(frame, outgoing)))
    }

    fn enqueue(&mut self, frame: OwnFrame, outgoing: &Outgoing<'_>) -> Option<NotSent> {
        let subject = Subject { message_type: outgoing.message_type, number: outgoing.subject };
        let gave_way = self.queue.push(frame, subject, outgoing.token);
        self.full_lost |= gave_way.as_ref().is_some_and(|lost| lost.id == self.last_full);
        gave_way
    }

    /// Signs a message with one of our identities.
    fn sign(
        &mut self,
        signer: Digest,
        outgoing: &Outgoing<'_>,
        payload: &[u8],
        here: &Here<'_>,
        distribution: &mut CredentialDistribution,
        host: &mut dyn Host,
    ) -> Result<(Sent, OwnFrame), NotSent> {
        let &Here { moment, position, generated } = here;
        let now = moment.now;
        let class = outgoing.class;
        let refuse = |reason| Err(NotSent { class, id: None, reason, token: outgoing.token });
        let longest = freshness::max_lifetime_ms(class);
        self.outrun_late(now, moment.wire());
        let known = v1::MessageType::try_from(outgoing.message_type as i32)
            .is_ok_and(|message_type| message_type != v1::MessageType::Unspecified);
        // Nobody but this function makes a confidential message.
        let made = outgoing.message_type == v1::MessageType::Confidential as u32;
        if payload.is_empty() || outgoing.lifetime_ms == 0 || !known || made {
            return refuse(NotSentReason::BadRequest);
        }
        let Some(identity) = self.pool.identity(&signer) else { return refuse(NotSentReason::NotPermitted) };
        // Every receiver would drop it (TS 103 096-2 SND_DENM_05).
        if !identity.speaks_at(position) {
            return refuse(NotSentReason::NotPermitted);
        }
        let (permissions, start) = (identity.permissions(), identity.starts().0[class.index()]);
        let generation_time = moment.wire();
        let lifetime_ms = outgoing.lifetime_ms.min(longest);
        let travel = Travel { class, lifetime_ms, max_hops: outgoing.max_hops, area: outgoing.area };
        match message_rules::check(outgoing.message_type, &travel, permissions) {
            Ok(()) => {}
            Err(RuleError::Scope(_)) => return refuse(NotSentReason::BadRequest),
            Err(RuleError::Permission | RuleError::Role(_)) => return refuse(NotSentReason::NotPermitted),
        }
        let first = starting_sequence(generation_time).wrapping_add(start);
        let sequence = *self.next_sequence(&signer, class).get_or_insert(first);
        let sealed = match outgoing.seal {
            None => None,
            Some(to) => {
                let sender = *self.pool.identity(&signer).map_or(&[0; 32], Identity::hash);
                let bound = SealBinding {
                    sender,
                    receiver: to.credential,
                    generation: generation_time,
                    class,
                    sequence,
                };
                match seal(outgoing.message_type, payload, &travel, to, &bound, host) {
                    Ok(sealed) => Some(sealed),
                    Err(reason) => return refuse(reason),
                }
            }
        };
        let (message_type, payload) = match &sealed {
            None => (outgoing.message_type, payload),
            Some(sealed) => (v1::MessageType::Confidential as u32, &sealed[..]),
        };
        self.requests.clear();
        if class == Class::D2 {
            distribution.requests(now, &mut self.requests);
        }
        let tbs = TbsRepr {
            message_type,
            generation_time_us: generation_time.as_micros(),
            sequence,
            latitude: position.latitude,
            longitude: position.longitude,
            class,
            lifetime_ms,
            max_hops: outgoing.max_hops,
            area: outgoing.area.copied(),
            credential_requests: &self.requests,
            payload,
        };
        if tbs.check().is_err() {
            return refuse(NotSentReason::BadRequest);
        }
        self.tbs.clear();
        tbs.encode(&mut self.tbs);
        let header = self.hop_header(signer, class, outgoing.max_hops);
        let Some(full_credential) = self.choose_signer(&header, now, class, distribution) else {
            return refuse(NotSentReason::TooLong);
        };
        let built = host.stamp(now);
        let Some(identity) = self.pool.identity_mut(&signer) else {
            return refuse(NotSentReason::NotPermitted);
        };
        let signature = identity.sign(&self.tbs);
        let signed = host.stamp(now);
        let travels = outgoing.max_hops > 1;
        // A pseudonym may have left the pool when its frames come back.
        let hash = (travels || self.pool.len() > 1).then(|| self.hasher.hash(&signer, &self.tbs, &signature));
        let bytes = self.frame(&header, &signature, full_credential);
        *self.next_sequence(&signer, class) = Some(sequence.wrapping_add(1));
        let id = MessageId { signer, class, sequence };
        self.signed_log.record(&id, generation_time);
        if full_credential && signer == self.digest() {
            distribution.sent_full(now, class);
            (self.last_full, self.full_lost) = (Some(id), false);
        }
        if matches!(class, Class::D0 | Class::D1) {
            let live = Duration::from_millis(u64::from(lifetime_ms)).max(ALERT_REPEATS);
            self.alert_until = self.alert_until.max(now + live);
        }
        let sent = Sent {
            id,
            message_type,
            generation_time,
            position,
            frame_len: bytes.len() as u16,
            full_credential,
            generated,
            token: outgoing.token,
        };
        let expires = now + send_by(class, Duration::from_millis(u64::from(lifetime_ms)));
        let queued = host.stamp(now);
        let stamps = SendStamps { generated, built, signed, queued, gate_open: queued };
        let source = self.pool.address_of(&signer);
        let transmit = Transmit { bytes, class, origin: Origin::Own, id, expires, source, stamps };
        let flood = (travels && matches!(class, Class::D0 | Class::D3)).then(|| {
            Box::new(OwnFlood {
                source: position,
                max_hops: outgoing.max_hops,
                area: outgoing.area.copied(),
                expires: generation_time + Duration::from_millis(u64::from(lifetime_ms)),
                event: outgoing.event,
            })
        });
        Ok((sent, OwnFrame { transmit, hash, flood }))
    }

    fn hop_header(&self, forwarder: Digest, class: Class, max_hops: u8) -> HopHeader {
        HopHeader {
            kind: Kind::Data,
            flags: Flags { multi_hop: max_hops > 1, test: self.test, ..Flags::default() },
            remaining_hops: max_hops,
            class,
            forwarder,
            forwarder_position: None,
        }
    }

    /// Whether the full credential goes along; `None` when not even the digest fits.
    fn choose_signer(
        &self,
        header: &HopHeader,
        now: Instant,
        class: Class,
        distribution: &CredentialDistribution,
    ) -> Option<bool> {
        let fits = |signer| header.len() + envelope::signed_len(self.tbs.len(), signer) <= MAX_FRAME;
        let credential = SignerRef::Credential(self.pool.identity(&header.forwarder)?.credential());
        if (self.full_lost || distribution.attach(now, class, false)) && fits(credential) {
            return Some(true);
        }
        fits(SignerRef::Digest(header.forwarder)).then_some(false)
    }

    fn frame(&mut self, header: &HopHeader, signature: &[u8; 64], full_credential: bool) -> Bytes {
        let credential = self.pool.identity(&header.forwarder).map(Identity::credential);
        let signer = match credential.filter(|_| full_credential) {
            Some(credential) => SignerRef::Credential(credential),
            None => SignerRef::Digest(header.forwarder),
        };
        // Reclaims the buffer when every frame cut from it is gone, else starts a new one.
        self.frames.reserve(MAX_FRAME);
        header.encode(&mut self.frames);
        envelope::encode_signed(&mut self.frames, &self.tbs, signature, signer);
        self.frames.split().freeze()
    }

    /// The link takes frames, or not. After it was full it is [refilling](Self::is_refilling) until
    /// [`refilled`](Self::refilled).
    pub fn set_link(&mut self, ready: bool) {
        self.refilling = ready && (self.refilling || !self.link_ready);
        self.link_ready = ready;
    }

    /// Whether the link was full and what waited for it has not all left yet. Frames leave one a turn meanwhile, so
    /// that the host can report between two that the link is full again and the rest goes on waiting where it may
    /// expire, be replaced, and be overtaken by something more urgent.
    pub fn is_refilling(&self) -> bool {
        self.refilling
    }

    /// Nothing waits for the link any longer.
    pub fn refilled(&mut self) {
        self.refilling = false;
    }

    /// A copy of a new address's first frames that is due, if the link takes one.
    pub fn pop_copy(&mut self, now: Instant) -> Option<Transmit> {
        if !self.link_ready {
            return None;
        }
        self.warm_up.pop(now)
    }

    /// The next frame of a stage for the link, if it takes one and the gate lets it pass.
    pub fn pop(
        &mut self,
        now: Instant,
        stage: SendStage,
        passage: impl Fn(Class, usize) -> Passage,
        host: &mut dyn Host,
        mut gone: impl FnMut(NotSent),
    ) -> Option<OwnFrame> {
        if !self.link_ready {
            return None;
        }
        let (last_full, full_lost) = (self.last_full, &mut self.full_lost);
        let mut frame = self.queue.pop(now, stage, passage, |lost| {
            *full_lost |= lost.id == last_full;
            gone(lost);
        })?;
        frame.transmit.stamps.gate_open = host.stamp(now);
        // A former identity's address has long been known.
        if frame.transmit.source == self.pool.address() {
            self.warm_up.released(&frame.transmit, now);
        }
        Some(frame)
    }

    /// Whether the link takes frames.
    pub fn link_ready(&self) -> bool {
        self.link_ready
    }

    /// A forwarded frame leaves from our address.
    pub fn relay(&mut self, mut frame: Transmit, now: Instant, host: &mut dyn Host) -> Transmit {
        frame.source = self.pool.address();
        frame.stamps.gate_open = host.stamp(now);
        self.warm_up.released(&frame, now);
        frame
    }

    /// Drops queued frames whose time is over.
    pub fn expire(&mut self, now: Instant, mut expired: impl FnMut(NotSent)) {
        let (last_full, full_lost) = (self.last_full, &mut self.full_lost);
        self.queue.expire(now, |lost| {
            *full_lost |= lost.id == last_full;
            expired(lost);
        });
    }

    /// When copies of a new address's first frames are due, if the link takes frames.
    pub fn next_copy(&self) -> Option<Instant> {
        self.warm_up.next().filter(|_| self.link_ready)
    }

    /// When the next queued frame expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.queue.next_expiry()
    }
}

/// Adds a field that receivers skip, so that a beacon's frame has about this many bytes.
fn fill(payload: &mut Vec<u8>, least: Option<u16>) {
    let wanted = usize::from(least.unwrap_or(0)).min(MAX_FRAME).saturating_sub(BEACON_OVERHEAD);
    let missing = wanted.saturating_sub(payload.len() + 4);
    if missing > 0 {
        payload.extend_from_slice(&FILLING);
        payload.extend([missing as u8 | 0x80, (missing >> 7) as u8]);
        payload.resize(payload.len() + missing, 0);
    }
}

/// The key of field 1000, bytes.
const FILLING: [u8; 2] = [0xc2, 0x3e];

/// What a frame of awareness has around its payload: 802.11 and LLC 38, hop header 12, signed fields and signature.
const BEACON_OVERHEAD: usize = 157;

/// An alert that was repeated within this time (D1 repeats every 100 ms) is still live.
const ALERT_REPEATS: Duration = Duration::from_secs(1);

/// EN 302 637-2: the lifetime of a CAM is under 1 s.
const AWARENESS_LIFETIME_MS: u32 = 900;

/// Frames are cut from blocks of this size: one allocation for some forty frames, none when the block's
/// frames are gone by the time it is full.
const FRAME_POOL: usize = 16 * 1024;

/// A block of a station that takes little memory: a few frames.
const FRAME_POOL_LEAST: usize = 2 * 1024;
