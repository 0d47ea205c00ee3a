//! What the station itself says: requests of its application, its beacons, and what became of them.

use arrayvec::ArrayVec;
use v2x_proto::{Class, Digest};

use super::Node;
use super::io::Event;
use crate::awareness::OwnMotion;
use crate::base::{
    Instant, NotSent, NotSentReason, Recipients, SendRequest, SendingState, VehicleState, limits,
};
use crate::forward::BeaconTags;
use crate::send::{Here, SealTo, SendResult};
use crate::trust::Permissions;

impl Node {
    pub(super) fn send(&mut self, request: &SendRequest) {
        self.update_sending_state();
        let SendRequest { class, token, .. } = *request;
        let Some(fix) = self.fix.filter(|_| self.sending == SendingState::Allowed) else {
            let outside = self.sending == SendingState::OutsideRegion;
            let reason = if outside { NotSentReason::NotPermitted } else { NotSentReason::SendingBlocked };
            return self.event(Event::NotSent(NotSent { class, id: None, reason, token }));
        };
        if self.pseudonyms.is_silent(self.moment.now) {
            if !matches!(class, Class::D0 | Class::D1 | Class::D3) {
                let reason = NotSentReason::Silent;
                return self.event(Event::NotSent(NotSent { class, id: None, reason, token }));
            }
            self.pseudonyms.end_silence();
            self.restart_awareness();
        }
        let stamp = self.host.stamp(self.moment.now);
        self.distribution.set_quiet(self.channel_load.busy(self.moment.now) < QUIET);
        let generated = request.due.map_or(stamp, |due| due.min(stamp));
        let position = fix.moved_to(self.moment.now, self.moment.wire()).position;
        for seal in self.seals(request) {
            let here = Here { moment: &self.moment, position, generated };
            let result =
                self.sender.request(request, seal.as_ref(), &here, &mut self.distribution, &mut *self.host);
            self.note_sent(result);
        }
    }

    /// The keys for the copies of a message; one without for all that read it open.
    fn seals(&mut self, request: &SendRequest) -> ArrayVec<Option<SealTo>, { limits::MAX_RECIPIENTS + 1 }> {
        let mut seals = ArrayVec::new();
        let SendRequest { class, token, ref to, .. } = *request;
        let Some(Recipients { stations, required }) = to else {
            seals.push(None);
            return seals;
        };
        let mut open = false;
        for station in stations {
            match self.seal_to(*station) {
                Ok(seal) => seals.push(Some(seal)),
                Err(reason) if *required => {
                    self.event(Event::NotSent(NotSent { class, id: None, reason, token }));
                }
                Err(_) => open = true,
            }
        }
        if open {
            seals.push(None);
        }
        seals
    }

    fn seal_to(&self, station: Digest) -> Result<SealTo, NotSentReason> {
        if self.neighbours.get(&station).is_none() {
            return Err(NotSentReason::NoSuchNeighbour);
        }
        let known = self.receiver.encryption_key(&station, self.moment.wire());
        let (credential, key) = known.ok_or(NotSentReason::NoEncryptionKey)?;
        Ok(SealTo { station, credential, key })
    }

    /// Has the next awareness message sent at `at`, under [`AwarenessRule::Every`](crate::AwarenessRule) alone: for worlds whose
    /// stations send at intervals that were measured. A recording does not hold it.
    pub fn awareness_due_at(&mut self, at: Instant) {
        self.awareness.due_at(at);
        self.deadline_cache = None;
    }

    pub(super) fn generate_awareness(&mut self) {
        let may_send = self.sending == SendingState::Allowed;
        let vehicle = self.vehicle_to_tell();
        let fix = self.fix.filter(|_| may_send).map(|mut fix| {
            fix.fix = vehicle.over(fix.fix);
            fix.moved_to(self.moment.now, self.moment.wire())
        });
        let motion = fix.as_ref().map(OwnMotion::from);
        let generated = self.next_awareness();
        let due = self.awareness.check(self.moment.now, motion.as_ref());
        let Some((fix, motion)) = fix.zip(motion).filter(|_| due) else { return };
        if !self.beacon_passes(&motion) {
            self.awareness.hold(self.moment.now);
            return;
        }
        if let Some(since) = self.awareness.held() {
            self.gate.held(self.moment.now.since(since));
        }
        self.distribution.set_quiet(self.channel_load.busy(self.moment.now) < QUIET);
        let (forwarder, now) = (&self.forwarder, self.moment.now);
        let tags = BeaconTags::new(&self.sender.digest(), self.moment.wire());
        let held = |floods: &mut Vec<u32>| forwarder.held(&tags, fix.position, now, floods);
        let pace = self.gate.pace();
        let message = self.awareness.generate(now, &self.config, &fix, &vehicle, pace, held);
        let here = Here { moment: &self.moment, position: fix.position, generated };
        let least = self.config.beacon_bytes;
        let result = self.sender.awareness(message, least, &here, &mut self.distribution, &mut *self.host);
        self.note_sent(result);
    }

    /// What a beacon says of the vehicle: light bar and siren only where the credential permits.
    fn vehicle_to_tell(&self) -> VehicleState {
        let vehicle = self.vehicle.fresh(self.moment.now).unwrap_or_default();
        let permitted = self.sender.pool().active().permissions().contains(Permissions::EMERGENCY);
        VehicleState { emergency: vehicle.emergency.filter(|_| permitted), ..vehicle }
    }

    pub(super) fn note_sent(&mut self, result: SendResult) {
        match result {
            Ok((sent, gave_way)) => {
                self.event(Event::Sent(sent));
                if let Some(not_sent) = gave_way {
                    self.event(Event::NotSent(not_sent));
                }
            }
            Err(not_sent) => self.event(Event::NotSent(not_sent)),
        }
    }
}

/// On a channel less busy than this there is room for the full credential more often than once a second.
const QUIET: f64 = 0.3;
