//! The station's part in pseudonyms: the change from one to the next, and all that changes with it.

use core::time::Duration;

use v2x_proto::Digest;
use v2x_proto::envelope::SIGNATURE_LEN;

use super::Node;
use super::io::Event;
use crate::awareness::Awareness;
use crate::base::{Instant, Purpose, SendingState, Sign, Stream, limits};
use crate::trust::{CredentialDistribution, Identity, NewIdentity, PoolError};

impl Node {
    /// Changes the pseudonym when that is due and possible, and warns when the pool runs low.
    pub(super) fn keep_pseudonym(&mut self) {
        if let Some(heard) = self.receiver.take_heard_elsewhere() {
            if heard.id.signer == self.sender.digest() {
                self.pseudonyms.heard_elsewhere(self.moment.now);
            }
            self.sender.outrun(&heard.id, self.moment.now, self.moment.wire());
            self.event(Event::HeardElsewhere(heard));
        }
        let due = self.next_pseudonym().is_some_and(|at| at <= self.moment.now);
        if due && self.sending == SendingState::Allowed && self.sender.is_idle() {
            self.change_pseudonym(false);
        }
        if self.sender.pool().wipe_at().is_some_and(|at| at <= self.moment.now) {
            self.sender.wipe_former();
        }
        let low = self.pseudonyms.low_at(self.sender.pool(), &self.moment.anchor);
        if self.moment.clock.may_sign() && low.is_some_and(|at| at <= self.moment.now) {
            self.warn_of_low_pool();
        }
    }

    /// Everything that could link both identities changes here, at one instant.
    pub(super) fn change_pseudonym(&mut self, forced: bool) -> bool {
        let wire = self.moment.wire();
        let stream = self.pseudonyms.stream();
        let Some((old, new)) = self.sender.change_identity(|pool| pool.advance(wire, forced, stream)) else {
            return false;
        };
        self.identity_changed(old, new);
        true
    }

    /// Other credentials for the station, such as renewed ones.
    pub(super) fn replace_identities(&mut self, list: &[NewIdentity]) {
        match self.try_replace_identities(list) {
            Ok(changed) => {
                self.pseudonyms.replaced();
                self.event(Event::Identities(Ok(())));
                // Former credentials came with their keys again.
                let last = changed.map_or(self.sender.digest(), |(old, _)| old);
                self.sender.retire(&last, self.moment.now);
                if let Some((old, new)) = changed {
                    self.identity_changed(old, new);
                }
            }
            Err(error) => self.event(Event::Identities(Err(error))),
        }
    }

    fn try_replace_identities(
        &mut self,
        list: &[NewIdentity],
    ) -> Result<Option<(Digest, Digest)>, PoolError> {
        let mut identities = Vec::new();
        for one in list.iter().take(limits::MAX_PSEUDONYMS + 1) {
            let mut identity = Identity::recorded(one.credential.clone(), Box::new(Keyless), one.starts)
                .map_err(PoolError::Unusable)?;
            let digest = identity.digest();
            let signer = self.host.signer(digest, identity.public_key()).ok_or(PoolError::NoKey(digest))?;
            identity.set_signer(signer);
            // Without it the station signs as before, and what is sealed to it stays closed.
            let opener = identity.encryption_key().and_then(|key| self.host.opener(digest, key));
            if let Some(opener) = opener {
                identity = identity.with_opener(opener).map_err(PoolError::Unusable)?;
            }
            identities.push(identity);
        }
        let (wire, stream) = (self.moment.wire(), self.pseudonyms.stream());
        let mut outcome = Ok(false);
        let changed = self.sender.change_identity(|pool| {
            outcome = pool.replace(identities, wire, stream);
            outcome == Ok(true)
        });
        outcome.map(|_| changed)
    }

    fn identity_changed(&mut self, old: Digest, new: Digest) {
        let own = &self.hazards.own;
        self.sender.keep_former(|former| own.speaks(former));
        self.sender.retire(&old, self.moment.now);
        self.pseudonyms.changed(self.moment.now);
        let back_off = Stream::new(self.seed.0, new, Purpose::RequestBackOff);
        self.distribution = CredentialDistribution::new(&new, back_off);
        self.forwarder.renamed(self.moment.now);
        self.restart_awareness();
        self.event(Event::PseudonymChanged { old, new });
        self.warn_of_low_pool();
    }

    /// Path, low-frequency data and phase start anew, after the silence if there is one.
    pub(super) fn restart_awareness(&mut self) {
        let rule = self.config.awareness;
        let step = Awareness::check_interval(rule).as_nanos() as u64;
        let phase = Stream::new(self.seed.0, self.sender.digest(), Purpose::AwarenessPhase).below(step);
        let start = self.moment.now + self.pseudonyms.silence(self.moment.now);
        self.awareness = Awareness::new(rule, start, Duration::from_nanos(phase));
    }

    pub(super) fn warn_of_low_pool(&mut self) {
        let wire = self.moment.wire();
        if self.pseudonyms.runs_low(self.sender.pool(), wire) {
            let pool = self.sender.pool();
            let (spares, valid_until) = (pool.spares(wire) as u32, pool.valid_until());
            self.event(Event::PoolLow { spares, valid_until });
        }
    }

    /// When the pseudonym is to change, as far as that depends on time alone.
    pub(super) fn next_pseudonym(&self) -> Option<Instant> {
        self.pseudonyms.due_at(self.sender.pool(), &self.moment.anchor, self.sender.alert_until())
    }

    /// Only future times: a change that is due and waits for something other than time is checked with every input.
    pub(super) fn pseudonym_timer(&self) -> Option<Instant> {
        let change = self.next_pseudonym();
        let low = self.pseudonyms.low_at(self.sender.pool(), &self.moment.anchor);
        // To the instant, and not when some other timer of the station is next due: that would show in when the new
        // name is first heard.
        let pool = self.sender.pool();
        let end = (pool.len() > 1).then(|| self.moment.anchor.instant_at(pool.active().valid_until()));
        change
            .into_iter()
            .chain(low)
            .chain(end)
            .chain(pool.wipe_at())
            .filter(|at| *at > self.moment.now)
            .min()
    }
}

/// Stands for a key until the host has given it.
#[derive(Debug)]
struct Keyless;

impl Sign for Keyless {
    fn sign(&mut self, _message: &[u8]) -> [u8; SIGNATURE_LEN] {
        [0; SIGNATURE_LEN]
    }
}
