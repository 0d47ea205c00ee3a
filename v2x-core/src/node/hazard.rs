//! The station's part in hazards: commands in, messages out when their time comes, the table told of what was heard.

use core::time::Duration;

use prost::Message as _;
use v2x_proto::Class;

use super::Node;
use super::io::Event;
use crate::base::{
    DropReason, Fix, Instant, NotSent, NotSentReason, Received, SendingState, Sent, Token, WireTime,
};
use crate::hazard::{
    Change, Changed, Command, Draft, EventId, EventTable, HazardGist, Known, Outcome, OwnEvent, Rank,
    Refusal, Speaker, State,
};
use crate::send::Here;
use crate::trust::Permissions;

impl Node {
    /// The events that are known, own and heard, those that have ended among them; in the order of their names.
    pub fn hazards(&self) -> impl Iterator<Item = &Known> {
        self.hazards.table.iter()
    }

    /// The table of events.
    pub fn event_table(&self) -> &EventTable {
        &self.hazards.table
    }

    pub(super) fn command(&mut self, command: &Command, token: Option<Token>) {
        let due = match command {
            Command::New(draft) | Command::Update(_, draft) => draft.due,
            Command::Cancel(_) | Command::Negate(_) => None,
        };
        let version = match command {
            Command::New(draft) => self.declare(draft),
            Command::Update(id, draft) => self.update_hazard(*id, draft),
            Command::Cancel(id) => self.cancel_hazard(*id),
            Command::Negate(id) => self.negate_hazard(*id),
        };
        if let Err(refusal) = version.and_then(|(event, fix)| self.begin(event, &fix, due, token)) {
            self.event(Event::HazardRefused { refusal, token });
        }
    }

    fn declare(&mut self, draft: &Draft) -> Result<(OwnEvent, Fix), Refusal> {
        draft.check()?;
        let fix = self.sending_fix()?;
        self.may_say(draft, &fix)?;
        self.hazards.own.room(draft.class)?;
        let event = self.hazards.own.declare(draft, self.sender.pool().active(), &self.moment, &fix);
        Ok((event, fix))
    }

    fn update_hazard(&mut self, id: EventId, draft: &Draft) -> Result<(OwnEvent, Fix), Refusal> {
        let place = self.own_event(&id)?;
        let class = self.hazards.own.event(place).map_or(draft.class, |event| event.class);
        let draft = Draft { class, ..draft.clone() };
        draft.check()?;
        let fix = self.sending_fix()?;
        self.may_say(&draft, &fix)?;
        let event = self.hazards.own.update(place, &draft, &self.moment, &fix).ok_or(Refusal::Unknown(id))?;
        Ok((event, fix))
    }

    fn cancel_hazard(&mut self, id: EventId) -> Result<(OwnEvent, Fix), Refusal> {
        let place = self.own_event(&id)?;
        let fix = self.sending_fix()?;
        let event = self.hazards.own.cancel(place, &self.moment).ok_or(Refusal::Unknown(id))?;
        Ok((event, fix))
    }

    fn negate_hazard(&mut self, id: EventId) -> Result<(OwnEvent, Fix), Refusal> {
        let known = *self.hazards.table.get(&id).ok_or(Refusal::Unknown(id))?;
        if known.own {
            return Err(Refusal::Own(id));
        }
        if known.state != State::Active {
            return Err(Refusal::Unknown(id));
        }
        self.permits(Permissions::NEGATION)?;
        let fix = self.sending_fix()?;
        self.hazards.own.room(Class::D3)?;
        let signer = self.sender.digest();
        let event = self.hazards.own.negate(&known, signer, &self.moment);
        Ok((event, fix))
    }

    /// The place of an own event that has not ended.
    fn own_event(&self, id: &EventId) -> Result<usize, Refusal> {
        let other = self.hazards.table.get(id).is_some_and(|known| !known.own);
        let refusal = if other { Refusal::NotOwn(*id) } else { Refusal::Unknown(*id) };
        self.hazards.own.live(id).ok_or(refusal)
    }

    /// Where the station is now, if it may send.
    fn sending_fix(&mut self) -> Result<Fix, Refusal> {
        self.update_sending_state();
        let fix =
            self.fix.filter(|_| self.sending == SendingState::Allowed).ok_or(Refusal::SendingBlocked)?;
        Ok(fix.moved_to(self.moment.now, self.moment.wire()))
    }

    fn may_say(&self, draft: &Draft, fix: &Fix) -> Result<(), Refusal> {
        match draft.lacks(draft.position.unwrap_or(fix.position), self.sender.pool().active().permissions()) {
            Some(lacking) => self.permits(lacking),
            None => Ok(()),
        }
    }

    fn permits(&self, needed: Permissions) -> Result<(), Refusal> {
        if self.sender.pool().active().permissions().contains(needed) {
            return Ok(());
        }
        Err(Refusal::NotPermitted(needed.in_words().first().copied().unwrap_or("unknown")))
    }

    /// Says a new version of an event, and keeps saying it.
    fn begin(
        &mut self,
        mut event: OwnEvent,
        fix: &Fix,
        due: Option<Instant>,
        token: Option<Token>,
    ) -> Result<(), Refusal> {
        let said = self
            .say_first(&mut event, fix, due)
            .map_err(|not_sent| Refusal::NotSent(not_sent.reason.name()))?;
        self.event(Event::HazardAccepted { id: event.id, token });
        self.know(&event);
        self.tell_said(said);
        self.hazards.own.put(event);
        Ok(())
    }

    /// Signs and queues a version for the first time; later, when receivers would not take one more new event yet.
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

    /// The table takes what this station says as it takes what it hears.
    fn know(&mut self, event: &OwnEvent) {
        let Some(gist) = HazardGist::of(&event.message, event.area()) else { return };
        let rank = if gist.state == State::Negated { Rank::Authority } else { Rank::Own };
        let speaker = Speaker { signer: event.signer, suspect: false, rank, class: event.class };
        let outcome = self.hazards.table.take(&gist, &speaker, self.moment.wire());
        self.tell_outcome(outcome);
    }

    /// What becomes due with time: events that end, names that end, events to be said again.
    pub(super) fn run_hazards(&mut self) {
        while let Some(event) = self.hazards.table.expire(self.moment.wire()) {
            self.tell_changed(Changed { event, change: Change::Expired });
        }
        while let Some(place) = self.renamed() {
            self.rename_hazard(place);
        }
        while let Some(place) = self.hazards.own.due(self.moment.now) {
            self.say_again(place);
            self.hazards.own.settle(place);
        }
    }

    fn say_again(&mut self, place: usize) {
        let silent = self.pseudonyms.is_silent(self.moment.now);
        let (now, own_digest, imminent) =
            (self.moment.now, self.sender.digest(), self.hazards.own.imminent());
        let Some(event) = self.hazards.own.event(place) else { return };
        let (class, early, due) = (event.class, event.schedule.is_early(), event.schedule.next());
        event.schedule.advance(now, if class == Class::D0 { imminent } else { 1 });
        // In a state without sending its time passes like any other; and a former name does not speak while the new one
        // keeps silent to part from it.
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
            if let Some(lost) = self.sender.say_again(signed, due.unwrap_or(now), now, &mut *self.host) {
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

    /// An own event whose declarer's credential ends, or ended, while another speaks.
    fn renamed(&self) -> Option<usize> {
        let wire = self.moment.wire();
        self.hazards.own.iter().position(|event| self.name_ends(event).is_some_and(|at| at <= wire))
    }

    /// When an own event is to get another name; never while its own speaks for the station.
    fn name_ends(&self, event: &OwnEvent) -> Option<WireTime> {
        let pool = self.sender.pool();
        let former = event.signer != pool.active().digest();
        let identity = pool.identity(&event.signer).filter(|_| former)?;
        Some(identity.valid_until() - RENAME_BEFORE)
    }

    fn rename_hazard(&mut self, place: usize) {
        let Some(before) = self.hazards.own.event(place).map(|event| event.clone()) else { return };
        // An end was said often enough; and an event of a station that has lost its way ends with its name.
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
            // Said as soon as its time comes again.
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

    /// What a verified message says of an event, and who says so.
    ///
    /// # Errors
    ///
    /// Why the event table does not take it.
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
            true => Rank::Suspect,
            false if authority => Rank::Authority,
            false => Rank::Station,
        };
        let speaker = Speaker { signer, suspect: received.suspect, rank, class: received.id.class };
        Ok(Some((gist, speaker)))
    }

    /// Takes in what a message says of an event. One that is not for this station still counts when it is about an event
    /// that is known here.
    pub(super) fn hear_hazard(&mut self, gist: &HazardGist, speaker: &Speaker, for_us: bool) {
        if !for_us && self.hazards.table.get(&gist.id).is_none() {
            return;
        }
        let outcome = self.hazards.table.take(gist, speaker, self.moment.wire());
        self.tell_outcome(outcome);
    }

    fn tell_outcome(&mut self, outcome: Outcome) {
        if let Some(event) = outcome.gone {
            self.tell_changed(Changed { event, change: Change::Expired });
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

    fn tell_changed(&mut self, changed: Changed) {
        // An own event that is over, or that somebody else says is not there, is said no more.
        if changed.event.own && matches!(changed.change, Change::Expired | Change::Negated) {
            self.hazards.own.forget(&changed.event.id);
        }
        self.event(Event::Hazard(changed));
    }

    /// The station moved, or does not know where it is any more: what concerns it now?
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

/// What was said, unless it waits.
type Said = Option<(Sent, Option<NotSent>)>;

/// A new area hazard that receivers would not take yet is tried again after this.
const NEXT_TRY: Duration = Duration::from_millis(500);

/// This long before the credential that declared an event ends, the event goes on under the present one: time for the old
/// name to say that it ends.
const RENAME_BEFORE: Duration = Duration::from_secs(2);
