//! A waiting frame is verified, and each mechanism in turn says what it makes of the message.

use super::io::Event;
use super::{Node, misbehaviour};
use crate::base::{DropReason, Dropped, FrameHead, Received, Refusal, Way};
use crate::hazard::{HazardGist, Speaker};
use crate::misbehaviour::Verdict;
use crate::neighbour::{Heard, NeighbourChange};
use crate::receive::{Content, Verified};

/// What a verified message changed that is kept of its signer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    verdict: Verdict,
    change: NeighbourChange,
}

/// Effects of a verified message that no mechanism refused.
#[derive(Debug)]
struct Judgement {
    /// The event and signer, if it is about a hazard.
    hazard: Option<(HazardGist, Speaker)>,
    /// Why it is not for this station's application, if it is not.
    delivery: Result<(), DropReason>,
}

impl Node {
    /// Verifies the frame whose turn it is, one from afar only when it is `in_time` for it; true when that changed nothing but
    /// what is kept of its signer.
    pub(super) fn verify_next(&mut self, in_time: bool) -> bool {
        let mut verified = self.next_verified(in_time);
        let Some(message) = &verified else { return self.verified_one(false) };
        let judged = self.judge_signer(message);
        let quiet = self.conclude(&mut verified, judged);
        self.verified_one(quiet)
    }

    /// A frame was verified, or found not to hold: held ones may go on. False when they do, or it was not `quiet`.
    pub(super) fn verified_one(&mut self, quiet: bool) -> bool {
        let learned = self.receiver.take_learned();
        if let Some(learned) = learned {
            self.distribution.learned(&learned);
        }
        let released = self.receiver.is_ready();
        if released {
            self.release_held();
        }
        quiet && learned.is_none() && !released
    }

    /// Verifies the frame whose turn it is, one from afar only when it is `in_time` for it.
    pub(super) fn next_verified(&mut self, in_time: bool) -> Option<Verified> {
        let (situation, receiver, neighbours, _, host) = self.receiving();
        let mut next = receiver.verify_next(&situation, neighbours, host);
        if next.is_none() && in_time {
            next = receiver.verify_next_afar(&situation, neighbours, host);
        }
        next?.map_err(|dropped| self.drop_frame(dropped)).ok()
    }

    /// What a verified message says of its signer: is it plausible, and where is it now.
    pub(super) fn judge_signer(&mut self, verified: &Verified) -> Judged {
        let now = self.moment.now;
        let afar = verified.received.way.is_afar();
        let verdict = match verified.again || afar {
            // What it says of its signer was judged when it came first; or it was not heard here.
            true => self.watch.known(&verified.received.id.signer),
            false => misbehaviour::observe(&mut self.watch, verified, now, self.moment.here.as_ref()),
        };
        let change = match (verified.again, afar) {
            (true, _) => NeighbourChange::default(),
            (false, true) => {
                self.receiver.heard_afar(&verified.received, now, self.moment.wire());
                NeighbourChange::default()
            }
            (false, false) => self.hear_neighbour(verified),
        };
        Judged { verdict, change }
    }

    /// What a verified message says to this station; true when it is a neighbour's beacon that says nothing of any flood, and
    /// none is known here: then no timer but the neighbour's changes.
    pub(super) fn conclude(&mut self, message: &mut Option<Verified>, judged: Judged) -> bool {
        let Some(verified) = message else { return false };
        let Judged { verdict, change } = &judged;
        let quiet = !change.added
            && change.evicted.is_none()
            && verdict.change.is_none()
            && !verdict.newly
            && !verified.received.way.is_afar()
            && self.forwarder.is_empty()
            && verified.content.as_ref().is_ok_and(Content::is_plain_beacon);
        if quiet {
            self.deliver_beacon(message, verdict.discredited);
        } else if let Some(verified) = message.take() {
            self.conclude_all(verified, judged);
        }
        quiet
    }

    /// The way of nearly all messages through [`conclude_all`](Self::conclude_all), without the steps that do nothing for them.
    fn deliver_beacon(&mut self, message: &mut Option<Verified>, suspect: bool) {
        let Some(Verified { received, content, requests, frame, .. }) = message else { return };
        self.distribution.heard_request(requests, self.moment.now);
        received.suspect = suspect;
        if let Ok(Content { floods: Some(floods), .. }) = content {
            self.hear_floods(received, floods);
        }
        if self.receiver.came_from_afar(&received.id) {
            let dropped = refused(received, frame, DropReason::Replayed.into());
            return self.drop_frame(dropped);
        }
        received.stamps.delivered = self.host.stamp(self.moment.now);
        if let Some(Verified { received, .. }) = message.take() {
            self.event(Event::Received(received));
        }
    }

    #[inline(never)]
    fn conclude_all(&mut self, verified: Verified, judged: Judged) {
        let Judged { verdict, change } = judged;
        let now = self.moment.now;
        let afar = verified.received.way.is_afar();
        self.distribution.heard_request(&verified.requests, now);
        let Verified { received, mut content, frame, .. } = verified;
        let mut received = Received { suspect: verdict.discredited, ..received };
        let id = received.id;
        let revocation = content.as_mut().ok().and_then(|content| content.revocation.take());
        let judgement = content.and_then(|content| Ok(self.judge(&received, content)?));
        let delivery = judgement.as_ref().map_or_else(|refusal| Err(*refusal), |judged| Ok(judged.delivery?));
        // By air it counts for everything, and the application has it already.
        let delivery = match delivery {
            Ok(()) if !afar && self.receiver.came_from_afar(&id) => Err(DropReason::Replayed.into()),
            delivery => delivery,
        };
        let delivery = match delivery {
            Ok(()) => {
                received.stamps.delivered = self.host.stamp(now);
                Event::Received(received)
            }
            Err(refusal) => Event::Dropped(refused(&received, &frame, refusal)),
        };
        if let Some(lost) = change.evicted {
            self.event(Event::NeighbourLost(lost));
        }
        if change.added {
            self.distribution.new_neighbour();
            self.event(Event::NeighbourAdded(id.signer));
        }
        self.event(delivery);
        if let Ok(Judgement { hazard: Some((gist, speaker)), delivery }) = judgement {
            self.hear_hazard(&gist, &speaker, delivery.is_ok());
        }
        if let Some(heard) = &revocation {
            self.hear_revocation(heard);
        }
        if verdict.newly {
            self.hazards.table.distrust(&id.signer);
        }
        if let Some(suspicion) = verdict.change {
            self.suspect(suspicion);
        }
    }

    /// Updates the neighbour table: the signer of a verified message is a neighbour, with the stated position and
    /// motion.
    fn hear_neighbour(&mut self, verified: &Verified) -> NeighbourChange {
        let Verified { received, content, .. } = verified;
        let heard = Heard {
            id: received.id,
            generation: received.generation_time,
            position: received.position,
            link: received.link_source,
            direct: verified.single_hop,
            signal_dbm: verified.signal_dbm,
            at: self.moment.now,
            wire: self.moment.wire(),
        };
        let change = self.neighbours.hear(&heard, self.moment.here.as_ref());
        if let Ok(Content { motion: Some(motion), .. }) = content {
            self.neighbours.set_motion(&received.id.signer, heard.generation, motion);
        }
        change
    }

    /// Passes a verified message to each mechanism in turn.
    ///
    /// # Errors
    ///
    /// The reason of the first mechanism that refuses it.
    fn judge(&mut self, received: &Received, content: Content) -> Result<Judgement, DropReason> {
        let hazard = self.judge_hazard(received, content.hazard)?;
        if let Some((gist, _)) = &hazard {
            self.allow_event(received, gist)?;
        }
        if let Some(floods) = &content.floods {
            self.hear_floods(received, floods);
        }
        let for_us = content.flood.is_none_or(|flood| self.take_flood(received, flood));
        let delivery = if for_us { Ok(()) } else { Err(DropReason::OutsideArea) };
        Ok(Judgement { hazard, delivery })
    }

    /// Whether the signer of a message may bring up one more event. What is new is what this station knows nothing of,
    /// neither as an event nor as a flood: a declaration, or an update, an end or a negation of what was never declared.
    fn allow_event(&mut self, received: &Received, gist: &HazardGist) -> Result<(), DropReason> {
        let id = &received.id;
        let known = self.config.test
            || self.hazards.table.knows(&gist.id)
            || self.forwarder.knows_event(&gist.version());
        let number = (gist.id.origin == id.signer).then_some(gist.id.number);
        let now = self.moment.now;
        let new = match received.way {
            Way::Air => known || self.neighbours.new_event(id, number, now),
            Way::Afar(_) => known || self.receiver.new_event_afar(id, number, now),
        };
        if new {
            return Ok(());
        }
        Err(DropReason::RateLimitedSigner)
    }
}

fn refused(received: &Received, frame: &[u8], Refusal { reason, field }: Refusal) -> Dropped {
    let Received { id, link_source, signal_dbm, way, .. } = *received;
    Dropped { reason, field, link_source, claimed: Some(id), head: FrameHead::of(frame), signal_dbm, way }
}
