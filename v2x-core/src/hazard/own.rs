//! The events this station speaks for: what it says of each, as whom, and when it says it again.

use core::time::Duration;

use v2x_proto::{AreaView, Class, Digest, v1};

use super::command::{Draft, Repeat};
use super::draft;
use super::draft::{Times, management};
use super::event_id::EventId;
use super::refusal::Refusal;
use super::repetition::{Burst, Schedule};
use crate::base::limits::{MAX_OWN_ALERTS, MAX_OWN_EVENTS, OWN_NEW_EVENT_RATE};
use crate::base::{Anchor, EventVersion, Fix, Imminent, Instant, Moment, WireTime};
use crate::send::{Outgoing, Signed};
use crate::trust::freshness::max_lifetime_ms;
use crate::trust::{Identity, Permissions};

/// The events this station speaks for.
#[derive(Debug)]
pub struct OwnEvents {
    events: Vec<OwnEvent>,
    imminent: Imminent,
    /// The number of the next event of that identity.
    next_number: Option<(Digest, u32)>,
    /// How many imminent warnings are said at once.
    pub burst: Burst,
    /// Up to when the rate of new area hazards is spent.
    new_spent: Instant,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct OwnEvent {
    /// Its name.
    pub id: EventId,
    /// Who signs what is said of it: its declarer, or for a negation whoever negates it.
    pub signer: Digest,
    /// Class of its messages.
    pub class: Class,
    /// What is said of it.
    pub message: v1::Hazard,
    /// When it was found, and how long it holds.
    times: Times,
    area: Option<AreaView>,
    hops: u8,
    repeat: Option<Repeat>,
    /// How long a message of it may live.
    longest: Duration,
    /// When it is said again.
    pub schedule: Schedule,
    /// What was signed last, as long as it may be said again.
    pub signed: Option<Signed>,
    /// What is said is that it is not there (any more).
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

    /// The live event of that name.
    #[must_use]
    pub fn live(&self, id: &EventId) -> Option<usize> {
        self.events.iter().position(|event| event.id == *id && !event.ends)
    }

    /// One of them.
    pub fn event(&mut self, place: usize) -> Option<&mut OwnEvent> {
        self.events.get_mut(place)
    }

    /// Forgets an event, whatever is said of it.
    pub fn forget(&mut self, id: &EventId) {
        self.events.retain(|event| event.id != *id);
    }

    /// Forgets an event that is said no more because it has ended.
    pub fn settle(&mut self, place: usize) {
        if self.events.get(place).is_some_and(|event| event.ends && event.schedule.next().is_none()) {
            self.events.remove(place);
        }
    }

    /// Whether an identity speaks for one of them.
    #[must_use]
    pub fn speaks(&self, signer: &Digest) -> bool {
        self.events.iter().any(|event| event.signer == *signer)
    }

    /// An error when there may not be one more of `class`; ends that are still being said make room.
    ///
    /// # Errors
    ///
    /// As many as there may be are live.
    pub fn room(&mut self, class: Class) -> Result<(), Refusal> {
        let alert = |class| matches!(class, Class::D0 | Class::D1);
        let live = || self.events.iter().filter(|event| !event.ends);
        if alert(class) && live().filter(|event| alert(event.class)).count() >= MAX_OWN_ALERTS {
            return Err(Refusal::TooManyAlerts);
        }
        if self.events.len() < MAX_OWN_EVENTS {
            return Ok(());
        }
        let ended = self.events.iter().position(|event| event.ends).ok_or(Refusal::TooMany)?;
        self.events.remove(ended);
        Ok(())
    }

    /// A new event of `identity`, to be signed and said now.
    pub fn declare(&mut self, draft: &Draft, identity: &Identity, moment: &Moment, fix: &Fix) -> OwnEvent {
        let number = self.take_number(identity, moment.wire());
        let id = EventId { origin: identity.digest(), number };
        let times = Times::of(moment.wire(), moment.wire(), draft.validity);
        self.version(draft, id, v1::HazardState::New, times, longest(identity), (moment, fix))
    }

    /// A new version of an event.
    pub fn update(&self, place: usize, draft: &Draft, moment: &Moment, fix: &Fix) -> Option<OwnEvent> {
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

    /// That another's event is not there, said by `signer`.
    pub fn negate(&self, known: &super::known::Known, signer: Digest, moment: &Moment) -> OwnEvent {
        // Imminent danger is over before a denial of it is heard; as an alert it needs no permission for sensors.
        let class = if known.class == Class::D3 { Class::D3 } else { Class::D1 };
        let radius = known.relevance_distance_m.unwrap_or(super::command::DEFAULT_RELEVANCE_M);
        let area =
            (class == Class::D3).then(|| known.area.unwrap_or_else(|| draft::circle(known.position, radius)));
        let validity_s = known.valid_until.since(known.detection).as_secs() as u32;
        let reference = moment.wire().max(known.reference);
        let times = Times { detection: known.detection, reference, validity_s };
        self.end(known.id, signer, v1::HazardState::Negate, times, class, area, moment)
    }

    /// An event under a new name, because the credential of its declarer ends.
    pub fn rename(&mut self, place: usize, identity: &Identity, moment: &Moment) -> Option<OwnEvent> {
        let number = self.take_number(identity, moment.wire());
        let before = self.events.get(place)?.clone();
        let id = EventId { origin: identity.digest(), number };
        let times = Times { reference: before.next_reference(moment.wire()), ..before.times };
        let end = moment.anchor.instant_at(times.end());
        let message = renamed(before.message.clone(), management(id, v1::HazardState::New, &times));
        let schedule = Schedule::new(moment.now, before.class, self.imminent, false, before.repeat, end);
        let longest = longest(identity);
        Some(OwnEvent { id, signer: id.origin, message, times, longest, schedule, signed: None, ..before })
    }

    /// Keeps what is said of an event from now on, in place of what was.
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

    /// When the next one's time comes.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.events.iter().filter_map(|event| event.schedule.next()).min()
    }

    /// Imminent warnings that are being said: they share the rate of one, which is all that receivers take of a station.
    #[must_use]
    pub fn imminent(&self) -> u32 {
        self.events.iter().filter(|event| event.class == Class::D0 && event.schedule.next().is_some()).count()
            as u32
    }

    /// Whether one more area hazard may be declared new now; receivers count them.
    pub fn may_declare(&mut self, now: Instant) -> bool {
        OWN_NEW_EVENT_RATE.take(&mut self.new_spent, now)
    }

    fn version(
        &self,
        draft: &Draft,
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
            schedule: Schedule::new(moment.now, draft.class, self.imminent, fresh, draft.repeat, end),
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
            schedule: Schedule::new(moment.now, class, self.imminent, true, None, moment.now + said),
            signed: None,
            ends: true,
        }
    }

    /// The next unused number of an identity. The first follows from the clock and a secret of the key: ahead of all that
    /// were used before a restart, and unlike those of the station's other names.
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

    /// Whether what was signed last may be said once more at `now`, rather than be signed anew.
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

    /// Whether what was signed last would still be taken at `now`.
    #[must_use]
    pub fn is_taken(&self, now: Instant) -> bool {
        self.signed.as_ref().is_some_and(|signed| now < signed.fresh_until())
    }

    /// Whether it declares an area hazard new.
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

/// How long a message about an area hazard may live: who is permitted to have floods live for more than a minute signs them
/// for as long as receivers take them, so that whoever carries one over a gap has time to.
fn longest(identity: &Identity) -> Duration {
    if identity.permissions().contains(Permissions::WIDE_AREA) {
        Duration::from_millis(u64::from(max_lifetime_ms(Class::D3)))
    } else {
        FLOOD_LIFETIME
    }
}

/// What is said of an event, under another's name, state and times.
fn renamed(message: v1::Hazard, management: v1::Hazard) -> v1::Hazard {
    let v1::Hazard { id, state, detection_time_us, reference_time_us, .. } = management;
    v1::Hazard { id, state, detection_time_us, reference_time_us, ..message }
}

/// Longer, and nobody takes it in D0 any more.
const IMMINENT_LIFETIME: Duration = Duration::from_millis(100);

/// Three repetitions with one signature: receivers verify an alert three times a second.
const ALERT_LIFETIME: Duration = Duration::from_millis(300);

/// As long as a flood may live without a permission of its own; whoever carries it on has a minute to meet somebody.
const FLOOD_LIFETIME: Duration = Duration::from_secs(60);

/// A flood is signed anew when a third of its life is left, so that the old one is known until the new one has come.
const FLOOD_MARGIN: Duration = Duration::from_secs(20);

const MIN_LIFETIME: Duration = Duration::from_millis(1);

/// For how long the end of an area hazard is said: stations that drive in hear it from the copies that others keep.
const END_SAID: Duration = Duration::from_secs(10);

/// For how long the end of an alert is said.
const ALERT_END_SAID: Duration = Duration::from_millis(500);

/// Numbers start at the clock's value in steps of 2^18 us, a quarter of a second.
const NUMBER_TICK: u32 = 18;
