//! The station's part in hazards: commands in, repeated messages out, and updates of the event table.

use core::time::Duration;

use prost::Message as _;
use v2x_proto::Class;

use super::Node;
use super::io::Event;
use crate::base::{
    DropReason, Fix, Instant, NotSent, NotSentReason, Received, SendingState, Sent, Token, WireTime,
};
use crate::hazard::{
    EventId, EventState, EventTable, HazardChange, HazardChanged, HazardCommand, HazardDraft, HazardGist,
    HazardRefusal, KnownHazard, Outcome, OwnEvent, Rank, Speaker,
};
use crate::send::Here;
use crate::trust::Permissions;

impl Node {
    /// The known events, our own and received ones, including those that have ended; in the order of their ids.
    pub fn hazards(&self) -> impl Iterator<Item = &KnownHazard> {
        self.hazards.table.iter()
    }

    /// The table of events.
    pub fn event_table(&self) -> &EventTable {
        &self.hazards.table
    }

    pub(super) fn command(&mut self, command: &HazardCommand, token: Option<Token>) {
        let due = match command {
            HazardCommand::New(draft) | HazardCommand::Update(_, draft) => draft.due,
            HazardCommand::Cancel(_) | HazardCommand::Negate(_) => None,
        };
        let version = match command {
            HazardCommand::New(draft) => self.declare(draft),
            HazardCommand::Update(id, draft) => self.update_hazard(*id, draft),
            HazardCommand::Cancel(id) => self.cancel_hazard(*id),
            HazardCommand::Negate(id) => self.negate_hazard(*id),
        };
        if let Err(refusal) = version.and_then(|(event, fix)| self.begin(event, &fix, due, token)) {
            self.event(Event::HazardRefused { refusal, token });
        }
    }

    fn declare(&mut self, draft: &HazardDraft) -> Result<(OwnEvent, Fix), HazardRefusal> {
        draft.check()?;
        let fix = self.sending_fix()?;
        self.may_say(draft, &fix)?;
        self.hazards.own.room(draft.class)?;
        let event = self.hazards.own.declare(draft, self.sender.pool().active(), &self.moment, &fix);
        Ok((event, fix))
    }

    fn update_hazard(&mut self, id: EventId, draft: &HazardDraft) -> Result<(OwnEvent, Fix), HazardRefusal> {
        let place = self.own_event(&id)?;
        let class = self.hazards.own.event(place).map_or(draft.class, |event| event.class);
        let draft = HazardDraft { class, ..draft.clone() };
        draft.check()?;
        let fix = self.sending_fix()?;
        self.may_say(&draft, &fix)?;
        let event =
            self.hazards.own.update(place, &draft, &self.moment, &fix).ok_or(HazardRefusal::Unknown(id))?;
        Ok((event, fix))
    }

    fn cancel_hazard(&mut self, id: EventId) -> Result<(OwnEvent, Fix), HazardRefusal> {
        let place = self.own_event(&id)?;
        let fix = self.sending_fix()?;
        let event = self.hazards.own.cancel(place, &self.moment).ok_or(HazardRefusal::Unknown(id))?;
        Ok((event, fix))
    }

    fn negate_hazard(&mut self, id: EventId) -> Result<(OwnEvent, Fix), HazardRefusal> {
        let known = *self.hazards.table.get(&id).ok_or(HazardRefusal::Unknown(id))?;
        if known.own {
            return Err(HazardRefusal::Own(id));
        }
        if known.state != EventState::Active {
            return Err(HazardRefusal::Unknown(id));
        }
        self.permits(Permissions::NEGATION)?;
        let fix = self.sending_fix()?;
        self.hazards.own.room(Class::D3)?;
        let signer = self.sender.digest();
        let event = self.hazards.own.negate(&known, signer, &self.moment);
        Ok((event, fix))
    }

    /// The index of one of our events that has not ended.
    fn own_event(&self, id: &EventId) -> Result<usize, HazardRefusal> {
        let other = self.hazards.table.get(id).is_some_and(|known| !known.own);
        let refusal = if other { HazardRefusal::NotOwn(*id) } else { HazardRefusal::Unknown(*id) };
        self.hazards.own.live(id).ok_or(refusal)
    }

    /// Where the station is now, if it may send.
    fn sending_fix(&mut self) -> Result<Fix, HazardRefusal> {
        self.update_sending_state();
        let fix = self
            .fix
            .filter(|_| self.sending == SendingState::Allowed)
            .ok_or(HazardRefusal::SendingBlocked)?;
        Ok(fix.moved_to(self.moment.now, self.moment.wire()))
    }

    fn may_say(&self, draft: &HazardDraft, fix: &Fix) -> Result<(), HazardRefusal> {
        draft.check_place()?;
        match draft.lacks(draft.position.unwrap_or(fix.position), self.sender.pool().active().permissions()) {
            Some(lacking) => self.permits(lacking),
            None => Ok(()),
        }
    }

    fn permits(&self, needed: Permissions) -> Result<(), HazardRefusal> {
        if self.sender.pool().active().permissions().contains(needed) {
            return Ok(());
        }
        Err(HazardRefusal::NotPermitted(needed.in_words().first().copied().unwrap_or("unknown")))
    }

    /// Sends a new version of an event, and keeps repeating it.
    fn begin(
        &mut self,
        mut event: OwnEvent,
        fix: &Fix,
        due: Option<Instant>,
        token: Option<Token>,
    ) -> Result<(), HazardRefusal> {
        let said = self
            .say_first(&mut event, fix, due)
            .map_err(|not_sent| HazardRefusal::NotSent(not_sent.reason.name()))?;
        self.event(Event::HazardAccepted { id: event.id, token });
        self.know(&event);
        self.tell_said(said);
        self.hazards.own.put(event);
        Ok(())
    }

    /// Signs and queues a version for the first time; later, when receivers would not accept one more new event yet.
    fn say_first(&mut self, event: &mut OwnEvent, fix: &Fix, due: Option<Instant>) -> Result<Said, NotSent> {
        if event.declares() && !self.hazards.own.may_declare(self.moment.now) {
            event.schedule.postpone(self.moment.now, NEXT_TRY);
            return Ok(None);
        }
        if event.class == Class::D0 {
            self.hazards.own.burst.note(self.moment.now);
        }
        self.sign_event(event, fix, due)
    }

    fn sign_event(&mut self, event: &mut OwnEvent, fix: &Fix, due: Option<Instant>) -> Result<Said, NotSent> {
        if event.signer == self.sender.digest() && self.pseudonyms.is_silent(self.moment.now) {
            self.pseudonyms.end_silence();
            self.restart_awareness();
        }
        let stamp = self.host.stamp(self.moment.now);
        let generated = due.map_or(stamp, |due| due.min(stamp));
        let here = Here { moment: &self.moment, position: fix.position, generated };
        let payload = event.message.encode_to_vec();
        let outgoing = event.outgoing(self.moment.wire());
        let (sent, signed, gave_way) = self.sender.say(
            event.signer,
            &outgoing,
            &payload,
            &here,
            &mut self.distribution,
            &mut *self.host,
        )?;
        event.signed = Some(signed);
        Ok(Some((sent, gave_way)))
    }

    fn tell_said(&mut self, said: Said) {
        let Some((sent, gave_way)) = said else { return };
        self.event(Event::Sent(sent));
        if let Some(lost) = gave_way {
            self.event(Event::NotSent(lost));
        }
    }

    /// The event table is updated by our messages as by received ones.
    fn know(&mut self, event: &OwnEvent) {
        let Some(gist) = HazardGist::of(&event.message, event.area()) else { return };
        let rank = if gist.state == EventState::Negated { Rank::Authority } else { Rank::Own };
        let speaker = Speaker { signer: event.signer, suspect: false, rank, class: event.class, afar: false };
        let outcome = self.hazards.table.take(&gist, &speaker, self.moment.wire());
        self.tell_outcome(outcome);
    }

    /// Handles what is due: events that end, credentials that end, events to be repeated.
    pub(super) fn run_hazards(&mut self) {
        while let Some(event) = self.hazards.table.expire(self.moment.wire()) {
            self.tell_changed(HazardChanged { event, change: HazardChange::Expired });
        }
        while let Some(place) = self.renamed() {
            self.rename_hazard(place);
        }
        while let Some(place) = self.hazards.own.due(self.moment.now) {
            self.repeat(place);
            self.hazards.own.settle(place);
        }
    }

    fn repeat(&mut self, place: usize) {
        let silent = self.pseudonyms.is_silent(self.moment.now);
        let (now, own_digest, imminent) =
            (self.moment.now, self.sender.digest(), self.hazards.own.imminent());
        let Some(event) = self.hazards.own.event(place) else { return };
        let (class, early, due) = (event.class, event.schedule.is_early(), event.schedule.next());
        event.schedule.advance(now, if class == Class::D0 { imminent } else { 1 });
        // In a state without sending its time passes as in any other; and a former identity does not send while the new
        // one keeps silent to separate itself from it.
        if self.sending != SendingState::Allowed || silent && event.signer != own_digest {
            return;
        }
        let mut event = event.clone();
        if class == Class::D0 && !early {
            self.hazards.own.burst.note(now);
        } else if class == Class::D0 && !self.hazards.own.burst.take(now) {
            let reason = NotSentReason::BurstBudget;
            return self.event(Event::NotSent(NotSent { class, id: None, reason, token: None }));
        }
        let renew = !event.is_fresh(now, &self.moment.anchor);
        let waits = renew && event.declares() && !self.hazards.own.may_declare(now);
        if let Some(signed) = event.signed.as_ref().filter(|_| !renew || waits && event.is_taken(now)) {
            if let Some(lost) = self.sender.repeat(signed, due.unwrap_or(now), now, &mut *self.host) {
                self.event(Event::NotSent(lost));
            }
            return;
        }
        if waits {
            if let Some(event) = self.hazards.own.event(place) {
                event.schedule.postpone(now, NEXT_TRY);
            }
            return;
        }
        let Ok(fix) = self.sending_fix() else { return };
        match self.sign_event(&mut event, &fix, due) {
            Ok(said) => self.tell_said(said),
            Err(not_sent) => self.event(Event::NotSent(not_sent)),
        }
        if let Some(kept) = self.hazards.own.event(place).filter(|kept| kept.id == event.id) {
            kept.signed = event.signed;
        }
    }

    /// One of our events whose declarer's credential ends, or ended, while another is in use.
    fn renamed(&self) -> Option<usize> {
        let wire = self.moment.wire();
        self.hazards.own.iter().position(|event| self.name_ends(event).is_some_and(|at| at <= wire))
    }

    /// When one of our events is to get another id; never while its own identity is in use.
    fn name_ends(&self, event: &OwnEvent) -> Option<WireTime> {
        let pool = self.sender.pool();
        let former = event.signer != pool.active().digest();
        let identity = pool.identity(&event.signer).filter(|_| former)?;
        Some(identity.valid_until() - RENAME_BEFORE)
    }

    fn rename_hazard(&mut self, place: usize) {
        let Some(before) = self.hazards.own.event(place).map(|event| event.clone()) else { return };
        // An end was sent often enough; and an event of a station that has lost its position ends with its identity.
        let fix = self.fix_now().filter(|_| !before.ends);
        let names = fix.and_then(|fix| {
            let end = self.hazards.own.cancel(place, &self.moment)?;
            let renamed = self.hazards.own.rename(place, self.sender.pool().active(), &self.moment)?;
            Some((fix, end, renamed))
        });
        self.hazards.own.forget(&before.id);
        let Some((fix, mut end, mut renamed)) = names else { return };
        self.event(Event::HazardRenamed { old: before.id, new: renamed.id });
        let wire = self.moment.wire();
        let sends = self.sending == SendingState::Allowed;
        let valid =
            sends && self.sender.pool().identity(&before.signer).is_some_and(|old| old.valid_at(wire));
        if valid && let Ok(said) = self.sign_event(&mut end, &fix, None) {
            self.tell_said(said);
        }
        self.know(&end);
        self.know(&renamed);
        match sends.then(|| self.say_first(&mut renamed, &fix, None)) {
            Some(Ok(said)) => self.tell_said(said),
            Some(Err(not_sent)) => self.event(Event::NotSent(not_sent)),
            // Sent as soon as its time comes again.
            None => {}
        }
        self.hazards.own.put(renamed);
    }

    /// When something about hazards is due next.
    pub(super) fn next_hazard(&self) -> Option<Instant> {
        let names = self.hazards.own.iter().filter_map(|event| self.name_ends(event));
        let wire = names.chain(self.hazards.table.next_end()).min();
        let wire = wire.map(|wire| self.moment.anchor.instant_at(wire));
        self.hazards.own.next().into_iter().chain(wire).min()
    }

    /// The event and signer of a verified hazard message.
    ///
    /// # Errors
    ///
    /// The reason why the event table does not accept it.
    pub(super) fn judge_hazard(
        &self,
        received: &Received,
        gist: Option<HazardGist>,
    ) -> Result<Option<(HazardGist, Speaker)>, DropReason> {
        let Some(gist) = gist else { return Ok(None) };
        let signer = received.id.signer;
        self.hazards.table.judge(&gist, &signer, received.generation_time, self.moment.wire())?;
        let authority = Permissions(received.permissions).contains(Permissions::AUTHORITY_HAZARD);
        let rank = match received.suspect {
            _ if received.way.is_afar() => Rank::Afar,
            true => Rank::Suspect,
            false if authority => Rank::Authority,
            false => Rank::Station,
        };
        let (suspect, class, afar) = (received.suspect, received.id.class, received.way.is_afar());
        let speaker = Speaker { signer, suspect, rank, class, afar };
        Ok(Some((gist, speaker)))
    }

    /// Applies a message about an event. One that is not for this station still counts when it is about an event that
    /// is known here.
    pub(super) fn hear_hazard(&mut self, gist: &HazardGist, speaker: &Speaker, for_us: bool) {
        if !for_us && self.hazards.table.get(&gist.id).is_none() {
            return;
        }
        let outcome = self.hazards.table.take(gist, speaker, self.moment.wire());
        self.tell_outcome(outcome);
    }

    fn tell_outcome(&mut self, outcome: Outcome) {
        if let Some(event) = outcome.gone {
            self.tell_changed(HazardChanged { event, change: HazardChange::Expired });
        }
        let Some(mut changed) = outcome.changed else { return };
        if let Some(fix) = self.fix_now() {
            let course = self.hazards.path.course(&fix);
            let wire = self.moment.wire();
            changed.event =
                self.hazards.table.look_at(&changed.event.id, &course, wire).unwrap_or(changed.event);
        }
        self.tell_changed(changed);
    }

    fn tell_changed(&mut self, changed: HazardChanged) {
        // Stop repeating one of our events once it has expired or another station has negated it.
        if changed.event.own && matches!(changed.change, HazardChange::Expired | HazardChange::Negated) {
            self.hazards.own.forget(&changed.event.id);
        }
        self.event(Event::Hazard(changed));
    }

    /// The station moved, or lost its position: updates the relevance of the events.
    pub(super) fn look_around(&mut self, fix: Option<&Fix>) {
        let Some(fix) = fix else { return self.hazards.table.look_nowhere() };
        self.hazards.path.moved(fix);
        if !self.hazards.table.is_empty() {
            let course = self.hazards.path.course(fix);
            self.hazards.table.look_around(&course, self.moment.wire());
        }
    }

    fn fix_now(&self) -> Option<Fix> {
        Some(self.fix?.moved_to(self.moment.now, self.moment.wire()))
    }
}

/// The signed message, unless it waits.
type Said = Option<(Sent, Option<NotSent>)>;

/// A new area hazard that receivers would not accept yet is tried again after this.
const NEXT_TRY: Duration = Duration::from_millis(500);

/// This long before the credential that declared an event ends, the event continues under the present one: time for the
/// former identity to cancel it.
const RENAME_BEFORE: Duration = Duration::from_secs(2);
