//! The station's own events: what it signs about each, under which identity, and when it repeats it.

use core::time::Duration;

use v2x_proto::{AreaView, Class, Digest, v1};

use super::command::{HazardDraft, HazardRepeat};
use super::draft;
use super::draft::{Times, management};
use super::refusal::HazardRefusal;
use super::repetition::RepetitionSchedule;
use crate::base::limits::{MAX_OWN_ALERTS, MAX_OWN_EVENTS, OWN_NEW_EVENT_RATE};
use crate::base::{Anchor, EventVersion, Fix, Imminent, Instant, Moment, WireTime};
use crate::congestion::Burst;
use crate::send::{Outgoing, Signed};
use crate::trust::freshness::max_lifetime_ms;
use crate::trust::{Identity, Permissions};
use v2x_proto::EventId;

/// The station's own events.
#[derive(Debug)]
pub struct OwnEvents {
    events: Vec<OwnEvent>,
    imminent: Imminent,
    /// The number of the next event of that identity.
    next_number: Option<(Digest, u32)>,
    /// How many imminent warnings are sent at once.
    pub burst: Burst,
    /// Up to when the rate of new area hazards is spent.
    new_spent: Instant,
}

/// One of the station's own events.
#[derive(Clone, Debug)]
pub struct OwnEvent {
    /// Its id.
    pub id: EventId,
    /// The identity that signs its messages: its declarer, or for a negation the identity that negates it.
    pub signer: Digest,
    /// Class of its messages.
    pub class: Class,
    /// Its description.
    pub message: v1::Hazard,
    /// When it was detected, and how long it is valid.
    times: Times,
    area: Option<AreaView>,
    hops: u8,
    repeat: Option<HazardRepeat>,
    /// Lifetime of its messages.
    longest: Duration,
    /// When it is repeated.
    pub schedule: RepetitionSchedule,
    /// The last signed message, as long as it may be repeated.
    pub signed: Option<Signed>,
    /// The messages state that it is not there (any more).
    pub ends: bool,
}

impl OwnEvents {
    /// With nothing declared yet.
    #[must_use]
    pub fn new(imminent: Imminent) -> Self {
        Self {
            events: Vec::new(),
            imminent,
            next_number: None,
            burst: Burst::default(),
            new_spent: Instant::ZERO,
        }
    }

    /// The events, in the order they were declared.
    pub fn iter(&self) -> impl Iterator<Item = &OwnEvent> {
        self.events.iter()
    }

    /// The live event with that id.
    #[must_use]
    pub fn live(&self, id: &EventId) -> Option<usize> {
        self.events.iter().position(|event| event.id == *id && !event.ends)
    }

    /// One of them.
    pub fn event(&mut self, place: usize) -> Option<&mut OwnEvent> {
        self.events.get_mut(place)
    }

    /// Forgets an event, whatever its state.
    pub fn forget(&mut self, id: &EventId) {
        self.events.retain(|event| event.id != *id);
    }

    /// Forgets an event that is no longer repeated because it has ended.
    pub fn settle(&mut self, place: usize) {
        if self.events.get(place).is_some_and(|event| event.ends && event.schedule.next().is_none()) {
            self.events.remove(place);
        }
    }

    /// Whether an identity still signs for one of them.
    #[must_use]
    pub fn speaks(&self, signer: &Digest) -> bool {
        self.events.iter().any(|event| event.signer == *signer)
    }

    /// An error when there may be no further one of `class`; ends that are still being sent make room.
    ///
    /// # Errors
    ///
    /// The maximum number of them is live.
    pub fn room(&mut self, class: Class) -> Result<(), HazardRefusal> {
        let alert = |class| matches!(class, Class::D0 | Class::D1);
        let live = || self.events.iter().filter(|event| !event.ends);
        if alert(class) && live().filter(|event| alert(event.class)).count() >= MAX_OWN_ALERTS {
            return Err(HazardRefusal::TooManyAlerts);
        }
        if self.events.len() < MAX_OWN_EVENTS {
            return Ok(());
        }
        let ended = self.events.iter().position(|event| event.ends).ok_or(HazardRefusal::TooMany)?;
        self.events.remove(ended);
        Ok(())
    }

    /// A new event of `identity`, to be signed and sent now.
    pub fn declare(
        &mut self,
        draft: &HazardDraft,
        identity: &Identity,
        moment: &Moment,
        fix: &Fix,
    ) -> OwnEvent {
        let number = self.take_number(identity, moment.wire());
        let id = EventId { origin: identity.digest(), number };
        let times = Times::of(moment.wire(), moment.wire(), draft.validity);
        self.version(draft, id, v1::HazardState::New, times, longest(identity), (moment, fix))
    }

    /// A new version of an event.
    pub fn update(&self, place: usize, draft: &HazardDraft, moment: &Moment, fix: &Fix) -> Option<OwnEvent> {
        let before = self.events.get(place)?;
        let times = Times::of(before.times.detection, before.next_reference(moment.wire()), draft.validity);
        let signer = before.signer;
        let version =
            self.version(draft, before.id, v1::HazardState::Update, times, before.longest, (moment, fix));
        Some(OwnEvent { signer, ..version })
    }

    /// The end of an event.
    pub fn cancel(&self, place: usize, moment: &Moment) -> Option<OwnEvent> {
        let before = self.events.get(place)?;
        let times = Times { reference: before.next_reference(moment.wire()), ..before.times };
        Some(self.end(
            before.id,
            before.signer,
            v1::HazardState::Cancel,
            times,
            before.class,
            before.area,
            moment,
        ))
    }

    /// A negation of another station's event, signed by `signer`.
    pub fn negate(&self, known: &super::known::KnownHazard, signer: Digest, moment: &Moment) -> OwnEvent {
        // Imminent danger is over before its negation is heard; sent as an alert it needs no permission for sensors.
        let class = if known.class == Class::D3 { Class::D3 } else { Class::D1 };
        let radius = known.relevance_distance_m.unwrap_or(super::command::DEFAULT_RELEVANCE_M);
        let area =
            (class == Class::D3).then(|| known.area.unwrap_or_else(|| draft::circle(known.position, radius)));
        let validity_s = known.valid_until.since(known.detection).as_secs() as u32;
        let reference = moment.wire().max(known.reference);
        let times = Times { detection: known.detection, reference, validity_s };
        self.end(known.id, signer, v1::HazardState::Negate, times, class, area, moment)
    }

    /// An event under a new id, because the credential of its declarer ends.
    pub fn rename(&mut self, place: usize, identity: &Identity, moment: &Moment) -> Option<OwnEvent> {
        let number = self.take_number(identity, moment.wire());
        let before = self.events.get(place)?.clone();
        let id = EventId { origin: identity.digest(), number };
        let times = Times { reference: before.next_reference(moment.wire()), ..before.times };
        let end = moment.anchor.instant_at(times.end());
        let message = renamed(before.message.clone(), management(id, v1::HazardState::New, &times));
        let schedule =
            RepetitionSchedule::new(moment.now, before.class, self.imminent, false, before.repeat, end);
        let longest = longest(identity);
        Some(OwnEvent { id, signer: id.origin, message, times, longest, schedule, signed: None, ..before })
    }

    /// Replaces the description of an event from now on.
    pub fn put(&mut self, event: OwnEvent) {
        match self.events.iter().position(|before| before.id == event.id) {
            Some(place) => self.events[place] = event,
            None => self.events.push(event),
        }
    }

    /// An event whose time has come.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<usize> {
        self.events.iter().position(|event| event.schedule.next().is_some_and(|at| at <= now))
    }

    /// When the next one is due.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.events.iter().filter_map(|event| event.schedule.next()).min()
    }

    /// Imminent warnings being repeated: they share the rate of one, which is all that receivers accept from a station.
    #[must_use]
    pub fn imminent(&self) -> u32 {
        self.events.iter().filter(|event| event.class == Class::D0 && event.schedule.next().is_some()).count()
            as u32
    }

    /// Whether one more area hazard may be declared now; receivers count them.
    pub fn may_declare(&mut self, now: Instant) -> bool {
        OWN_NEW_EVENT_RATE.take(&mut self.new_spent, now)
    }

    fn version(
        &self,
        draft: &HazardDraft,
        id: EventId,
        state: v1::HazardState,
        times: Times,
        longest: Duration,
        (moment, fix): (&Moment, &Fix),
    ) -> OwnEvent {
        let area = draft.flood_area(draft.position.unwrap_or(fix.position));
        let end = moment.anchor.instant_at(times.end());
        let fresh = state == v1::HazardState::New;
        OwnEvent {
            id,
            signer: id.origin,
            class: draft.class,
            message: draft.message(id, state, &times, fix),
            times,
            area,
            hops: draft::hops(draft.class, area.as_ref(), self.imminent),
            repeat: draft.repeat,
            longest,
            schedule: RepetitionSchedule::new(
                moment.now,
                draft.class,
                self.imminent,
                fresh,
                draft.repeat,
                end,
            ),
            signed: None,
            ends: false,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "private, and each says another thing")]
    fn end(
        &self,
        id: EventId,
        signer: Digest,
        state: v1::HazardState,
        times: Times,
        class: Class,
        area: Option<AreaView>,
        moment: &Moment,
    ) -> OwnEvent {
        let said = if class == Class::D3 { END_SAID } else { ALERT_END_SAID };
        OwnEvent {
            id,
            signer,
            class,
            message: management(id, state, &times),
            times,
            area,
            hops: draft::hops(class, area.as_ref(), self.imminent),
            repeat: None,
            longest: FLOOD_LIFETIME,
            schedule: RepetitionSchedule::new(
                moment.now,
                class,
                self.imminent,
                true,
                None,
                moment.now + said,
            ),
            signed: None,
            ends: true,
        }
    }

    /// The next unused number of an identity. The first follows from the clock and a secret of the key: ahead of all
    /// that were used before a restart, and unrelated to those of the station's other identities.
    fn take_number(&mut self, identity: &Identity, now: WireTime) -> u32 {
        let number = match self.next_number {
            Some((digest, next)) if digest == identity.digest() => next,
            _ => {
                ((now.as_micros() >> NUMBER_TICK) as u32).wrapping_add(identity.starts().0[Class::D3.index()])
            }
        };
        self.next_number = Some((identity.digest(), number.wrapping_add(1)));
        number
    }
}

impl OwnEvent {
    /// How its messages travel, when one is signed at `wire`.
    #[must_use]
    pub fn outgoing(&self, wire: WireTime) -> Outgoing<'_> {
        let lifetime = match self.class {
            Class::D0 => IMMINENT_LIFETIME,
            Class::D1 => ALERT_LIFETIME,
            _ => self.longest.min(self.times.end().since(wire)).max(MIN_LIFETIME),
        };
        Outgoing {
            seal: None,
            message_type: v1::MessageType::Hazard as u32,
            class: self.class,
            lifetime_ms: lifetime.as_millis() as u32,
            max_hops: self.hops,
            area: self.area.as_ref(),
            subject: 0,
            token: None,
            event: EventVersion::of(&self.message),
        }
    }

    /// Whether the last signed message may be repeated at `now`, rather than be signed anew.
    #[must_use]
    pub fn is_fresh(&self, now: Instant, anchor: &Anchor) -> bool {
        let Some(signed) = &self.signed else { return false };
        let margin = match self.class {
            Class::D3 => FLOOD_MARGIN,
            class => class.deadline().unwrap_or_default(),
        };
        let ends_with_event = anchor.instant_at(self.times.end()) <= signed.fresh_until() + MIN_LIFETIME;
        now < signed.fresh_until() && (ends_with_event || now + margin <= signed.fresh_until())
    }

    /// Whether receivers would still accept the last signed message at `now`.
    #[must_use]
    pub fn is_taken(&self, now: Instant) -> bool {
        self.signed.as_ref().is_some_and(|signed| now < signed.fresh_until())
    }

    /// Whether it declares a new area hazard.
    #[must_use]
    pub fn declares(&self) -> bool {
        self.class == Class::D3 && self.message.state == v1::HazardState::New as i32
    }

    /// The area of its messages.
    #[must_use]
    pub fn area(&self) -> Option<AreaView> {
        self.area
    }

    /// A version is later than the one before even if the clock is not.
    fn next_reference(&self, wire: WireTime) -> WireTime {
        wire.max(self.times.reference + Duration::from_micros(1))
    }
}

/// Lifetime of a message about an area hazard: a station that is permitted to have floods live for more than a minute
/// signs them for as long as receivers accept, so that a station that carries one over a gap has time to.
fn longest(identity: &Identity) -> Duration {
    if identity.permissions().contains(Permissions::WIDE_AREA) {
        Duration::from_millis(u64::from(max_lifetime_ms(Class::D3)))
    } else {
        FLOOD_LIFETIME
    }
}

/// The message about an event, under the given id, state and times.
fn renamed(message: v1::Hazard, management: v1::Hazard) -> v1::Hazard {
    let v1::Hazard { id, state, detection_time_us, reference_time_us, .. } = management;
    v1::Hazard { id, state, detection_time_us, reference_time_us, ..message }
}

/// Longer, and no receiver accepts it in D0 any more.
const IMMINENT_LIFETIME: Duration = Duration::from_millis(100);

/// Three repetitions with one signature: receivers verify an alert three times a second.
const ALERT_LIFETIME: Duration = Duration::from_millis(300);

/// As long as a flood may live without a permission of its own; a station that carries it on has a minute to meet
/// another.
const FLOOD_LIFETIME: Duration = Duration::from_secs(60);

/// A flood is signed anew when a third of its life is left, so that the old one is known until the new one has come.
const FLOOD_MARGIN: Duration = Duration::from_secs(20);

const MIN_LIFETIME: Duration = Duration::from_millis(1);

/// For how long the end of an area hazard is sent: stations that drive in hear it from the copies that others keep.
const END_SAID: Duration = Duration::from_secs(10);

/// For how long the end of an alert is sent.
const ALERT_END_SAID: Duration = Duration::from_millis(500);

/// Numbers start at the clock's value in steps of 2^18 us, a quarter of a second.
const NUMBER_TICK: u32 = 18;
