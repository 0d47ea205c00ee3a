//! The station's part in revocation: deltas in, deltas passed on, trust replaced.

use bytes::Bytes;
use v2x_proto::Digest;

use super::Node;
use super::io::Event;
use crate::base::{Instant, SendRequest, SendingState};
use crate::receive::HeardRevocation;
use crate::trust::{Permissions, RevocationNews, TrustStore};

impl Node {
    pub(super) fn revoke(&mut self, delta: &Bytes) {
        let (situation, receiver, ..) = self.receiving();
        match receiver.revoke(delta, &situation) {
            Ok(Some(news)) => self.note_revocation(news),
            Ok(None) => {}
            Err(error) => self.event(Event::RevocationRefused(error)),
        }
    }

    /// Carries out a delta from the air.
    pub(super) fn hear_revocation(&mut self, heard: &HeardRevocation) {
        match heard.news {
            Some(news) => self.note_revocation(news),
            None if self.passes_on() => {
                self.receiver.revocations_mut().heard_spread(&heard.delta, self.moment.now, &mut self.spread);
            }
            None => {}
        }
    }

    fn note_revocation(&mut self, news: RevocationNews) {
        self.event(Event::Revoked(news));
        let gone = self.receiver.drop_revoked();
        self.lose(&gone);
        self.release_held();
        if self.passes_on() {
            self.receiver.revocations_mut().plan_spread(self.moment.now, &mut self.spread);
        }
    }

    pub(super) fn replace_trust(&mut self, roots: &[Bytes], issuers: &[Bytes]) {
        match TrustStore::new(roots, issuers) {
            Ok(trust) => {
                let gone = self.receiver.replace_trust(trust);
                self.event(Event::Trust(Ok(())));
                self.lose(&gone);
                self.release_held();
            }
            Err(error) => self.event(Event::Trust(Err(error))),
        }
    }

    /// Neighbours whose credentials are no longer valid are removed.
    fn lose(&mut self, gone: &[Digest]) {
        let wire = self.moment.wire();
        for digest in gone {
            self.hazards.table.distrust(digest);
            if self.neighbours.forget(digest, wire) {
                self.event(Event::NeighbourLost(*digest));
            }
        }
    }

    /// Whether this station passes revocation deltas on.
    fn passes_on(&self) -> bool {
        self.sender.pool().active().permissions().contains(Permissions::UPDATE_RELAY)
    }

    pub(super) fn pass_on_revocations(&mut self) {
        if !self.passes_on() {
            return;
        }
        loop {
            let (now, wire) = (self.moment.now, self.moment.wire());
            let lists = self.receiver.revocations_mut();
            let Some(payload) = lists.take_spread(now, wire, &mut self.spread) else { return };
            // In a state without sending its turn has passed as in any other.
            if self.sending == SendingState::Allowed {
                self.send(&SendRequest::revocation(payload));
            }
        }
    }

    pub(super) fn tell_stale_revocations(&mut self) {
        if !self.moment.clock.may_sign() {
            return;
        }
        let wire = self.moment.wire();
        while let Some((issuer, series)) = self.receiver.revocations_mut().take_stale(wire) {
            self.event(Event::RevocationStale { issuer, series });
        }
    }

    pub(super) fn next_spread(&self) -> Option<Instant> {
        self.receiver.revocations().next_spread(self.moment.wire()).filter(|_| self.passes_on())
    }

    pub(super) fn next_stale_revocation(&self) -> Option<Instant> {
        let wire = self.receiver.revocations().next_stale().filter(|_| self.moment.clock.may_sign())?;
        Some(self.moment.anchor.instant_at(wire))
    }

    /// The revocation lists, by issuer and series.
    pub fn revocations(&self) -> impl Iterator<Item = RevocationNews> {
        self.receiver.revocations().lists()
    }
}
