//! Frames from afar: the checks of a frame by air, but for those about a radio, and nothing that a frame by air would notice.

use v2x_proto::{Class, Digest};

use super::Receiver;
use super::verify::Verified;
use crate::base::{
    DropReason, Dropped, FrameHead, Host, Instant, MessageId, Moment, ReceiveStamps, Received, ReceivedFrame,
    Refusal, WireTime,
};
use crate::neighbour::NeighbourTable;
use crate::receive::afar_book::AfarBook;
use crate::receive::frame::{Frame, slice};
use crate::receive::reading::{self, Reading};
use crate::receive::rules;
use crate::receive::situation::Situation;
use crate::trust::{
    CredentialError, Grant, KeyCache, Lookup, Revocations, Travel, TrustStore, Trusted, credential_hash,
    freshness, signing_input,
};

impl Receiver {
    /// Runs the cheap checks on a frame from afar, which waits for its verification then; or why it was dropped, or another one
    /// to make room for it.
    pub fn admit_afar(
        &mut self,
        frame: ReceivedFrame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
    ) -> Option<Dropped> {
        let (link_source, signal_dbm, way) = (frame.link_source, frame.signal_dbm, frame.way);
        let head = FrameHead::of(&frame.bytes);
        let mut claimed = None;
        match self.check_afar(frame, situation, neighbours, host, &mut claimed) {
            Ok(shed) => shed.map(|shed| shed.dropped(DropReason::VerifyQueueFull)),
            Err(Refusal { reason, field }) => {
                Some(Dropped { reason, field, link_source, claimed, head, signal_dbm, way })
            }
        }
    }

    fn check_afar(
        &mut self,
        frame: ReceivedFrame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
        claimed: &mut Option<MessageId>,
    ) -> Result<Option<Frame>, Refusal> {
        let (header, rest) = reading::header(&frame.bytes, situation.test)?;
        // By the header, which cannot say another class than the signed one: what never comes from afar uses up no budget.
        if !matches!(header.class, Class::D3 | Class::D5) {
            return Err(DropReason::NotFromAfar.into());
        }
        let Moment { now, .. } = *situation.moment;
        if !self.afar.get_or_insert_default().allows(frame.way.peer().unwrap_or_default(), now) {
            return Err(DropReason::AfarBudget.into());
        }
        let reading = Reading::of(header, rest)?;
        let id = reading.id(|credential| Digest::of_hash(&credential_hash(credential)));
        *claimed = Some(id);
        if situation.own.contains(&id.signer) {
            return Err(DropReason::Own.into());
        }
        let hash = self.copies.hasher().hash(&id.signer, reading.signed.tbs, reading.signed.signature);
        let waits = self.afar.as_ref().is_some_and(|book| book.queue.holds(hash));
        if waits || self.copies.contains(hash) || situation.floods.knows(hash) {
            return Err(DropReason::ExactCopy.into());
        }
        if situation.watch.is_isolated(&id.signer, situation.moment.wire()) {
            return Err(DropReason::Isolated.into());
        }
        let origination = reading.origination(situation.moment)?;
        let mut frame = reading.frame(&frame, id, hash, origination, situation.moment);
        // Nobody here has what its signer asks for.
        frame.requests = 0..0;
        frame.stamps.prefiltered = host.stamp(now);
        self.admit_known_afar(frame, situation, neighbours)
    }

    fn admit_known_afar(
        &mut self,
        mut frame: Frame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
    ) -> Result<Option<Frame>, Refusal> {
        let (now, wire) = (situation.moment.now, situation.moment.wire());
        let book = self.afar.get_or_insert_default();
        let grant = match known(&frame.id.signer, &self.keys, &mut book.keys, wire)? {
            Some(trusted) => {
                let grant = trusted.grant();
                frame.credential = 0..0;
                grant
            }
            // Nobody here is asked for it: its holder is not here.
            None if frame.credential.is_empty() => return Err(DropReason::UnknownCredential.into()),
            None => claims(&frame, &self.trust, &mut book.keys, wire)?,
        };
        let travel = Travel {
            class: frame.id.class,
            lifetime_ms: frame.lifetime_ms,
            max_hops: frame.max_hops,
            area: frame.area.as_ref(),
        };
        rules::travels(frame.message_type, &travel, grant.permissions)?;
        rules::covers(&grant, frame.position, frame.generation)?;
        frame.permissions = grant.permissions.0;
        is_new(&frame, book, situation, neighbours, now)?;
        Ok(book.queue.push(frame))
    }

    /// Verifies the next frame from afar: `None` when none waits. To be called when nothing by air waits. Costs one signature, and
    /// one more where the frame brings a new credential.
    pub fn verify_next_afar(
        &mut self,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
    ) -> Option<Result<Verified, Dropped>> {
        let frame = self.afar.as_mut()?.queue.pop()?;
        Some(match self.verify_afar(&frame, situation, neighbours, host) {
            Ok((stamps, trusted)) => Ok(self.verified(frame, stamps, Some(trusted), situation, host)),
            Err(reason) => Err(frame.dropped(reason)),
        })
    }

    fn verify_afar(
        &mut self,
        frame: &Frame,
        situation: &Situation<'_>,
        neighbours: &NeighbourTable,
        host: &mut dyn Host,
    ) -> Result<(ReceiveStamps, Trusted), DropReason> {
        let (now, wire) = (situation.moment.now, situation.moment.wire());
        let book = self.afar.get_or_insert_default();
        freshness::check(wire, frame.id.class, frame.generation, frame.lifetime_ms)
            .map_err(|_| DropReason::VerifyTooLate)?;
        if situation.watch.is_isolated(&frame.id.signer, wire) {
            return Err(DropReason::Isolated);
        }
        // It may have come by air while it waited.
        if self.copies.contains(frame.hash) || situation.floods.knows(frame.hash) {
            return Err(DropReason::ExactCopy);
        }
        is_new(frame, book, situation, neighbours, now)?;
        let trusted = match known(&frame.id.signer, &self.keys, &mut book.keys, wire)? {
            Some(trusted) => trusted.clone(),
            None => learn(frame, &self.trust, &mut self.revocations, &mut book.keys, wire, host)?,
        };
        signing_input(&mut self.signed, &trusted.hash, slice(&frame.bytes, &frame.tbs));
        let signature = slice(&frame.bytes, &frame.signature);
        let signature = signature.first_chunk::<64>().ok_or(DropReason::MalformedEnvelope)?;
        if !host.verify(&trusted.key, &self.signed, signature) {
            return Err(DropReason::SignatureInvalid);
        }
        book.keys.prove(&frame.id.signer);
        Ok((ReceiveStamps { verified: host.stamp(now), ..frame.stamps }, trusted))
    }

    /// A message from afar was verified: it is not accepted again, by whatever way it comes.
    pub fn heard_afar(&mut self, received: &Received, now: Instant, wire: WireTime) {
        let Received { id, generation_time, position, .. } = *received;
        self.afar.get_or_insert_default().hear(id, generation_time, position, now, wire);
    }

    /// Whether the signer of a message from afar may bring up one more event.
    pub fn new_event_afar(&mut self, id: &MessageId, number: Option<u32>, now: Instant) -> bool {
        self.afar.get_or_insert_default().signers.new_event(id, number, now)
    }

    /// Whether a frame from afar waits for verification.
    pub fn afar_waits(&self) -> bool {
        self.afar.as_ref().is_some_and(|book| book.queue.len() > 0)
    }

    /// Whether a verified message was heard from afar before: then the application has it.
    pub fn came_from_afar(&self, id: &MessageId) -> bool {
        self.afar.as_ref().is_some_and(|book| book.signers.accepted(id))
    }

    /// Our wire clock was set back and reads `wire` now.
    pub fn clock_stepped_back(&mut self, wire: WireTime) {
        if let Some(book) = &mut self.afar {
            book.signers.clock_stepped_back(wire);
        }
    }
}

/// A credential that was checked, for a frame by air or from afar.
fn known<'k>(
    signer: &Digest,
    air: &'k KeyCache,
    afar: &'k mut KeyCache,
    wire: WireTime,
) -> Result<Option<&'k Trusted>, DropReason> {
    // What is heard from afar does not move what is heard here in the order of eviction.
    if let Some(trusted) = air.peek(signer) {
        return if trusted.valid_at(wire) { Ok(Some(trusted)) } else { Err(DropReason::CredentialExpired) };
    }
    match afar.lookup(signer, wire) {
        Lookup::Known(trusted) => Ok(Some(trusted)),
        Lookup::Expired => Err(DropReason::CredentialExpired),
        Lookup::Revoked => Err(DropReason::Revoked),
        Lookup::Unknown => Ok(None),
    }
}

fn claims(
    frame: &Frame,
    trust: &TrustStore,
    keys: &mut KeyCache,
    wire: WireTime,
) -> Result<Grant, DropReason> {
    if keys.is_bad(&frame.id.signer) {
        return Err(DropReason::CredentialKnownBad);
    }
    let claims = trust.claims_of_station(slice(&frame.bytes, &frame.credential), wire);
    claims.map_err(|error| refuse(&error, frame, keys))
}

/// Checks the credential in a frame.
fn learn(
    frame: &Frame,
    trust: &TrustStore,
    revocations: &mut Revocations,
    keys: &mut KeyCache,
    wire: WireTime,
    host: &mut dyn Host,
) -> Result<Trusted, DropReason> {
    if frame.credential.is_empty() {
        return Err(DropReason::UnknownCredential);
    }
    if keys.is_bad(&frame.id.signer) {
        return Err(DropReason::CredentialKnownBad);
    }
    let verify = &mut |key: &_, message: &_, signature: &_| host.verify(key, message, signature);
    let credential = slice(&frame.bytes, &frame.credential);
    let trusted =
        trust.check_station_by(credential, wire, verify).map_err(|error| refuse(&error, frame, keys))?;
    if revocations.revokes(&trusted, trust) {
        keys.remember_revoked(frame.id.signer);
        return Err(DropReason::Revoked);
    }
    keys.insert(trusted.clone());
    Ok(trusted)
}

fn refuse(error: &CredentialError, frame: &Frame, keys: &mut KeyCache) -> DropReason {
    if error.is_final() {
        keys.remember_bad(frame.id.signer);
    }
    error.drop_reason()
}

/// It was not accepted before, by air or from afar, and its signer has not said too much.
fn is_new(
    frame: &Frame,
    book: &AfarBook,
    situation: &Situation<'_>,
    neighbours: &NeighbourTable,
    now: Instant,
) -> Result<(), DropReason> {
    if !situation.test && !book.is_within_rate(&frame.id, now) {
        return Err(DropReason::RateLimitedSigner);
    }
    let new = neighbours.is_new(&frame.id, frame.generation) && book.is_new(&frame.id, frame.generation);
    if new { Ok(()) } else { Err(DropReason::Replayed) }
}
