//! Alerts from a vehicle's own motion: their content, and when they are due and over.
//!
//! One call makes the draft of each alert: `HazardCommand::New(alert::hard_braking(&fix))`. [`Triggers`] watches
//! positions and neighbours and reports when an alert is due, is to be renewed, or is over. It decides nothing else: the
//! host hands its commands to the node, and the node's events back to it.

use core::time::Duration;

use v2x_core::{
    EmergencySwitches, Event, EventId, Fix, HazardChange, HazardChanged, HazardCommand, HazardDraft,
    HeldHeading, Input, Instant, Neighbour, NeighbourTable, Plane, TimedFix, TimedVehicle, VehicleState,
    Velocity, WireTime, velocity,
};
use v2x_proto::cause;
use v2x_proto::{Class, v1};

use crate::application::Application;
use crate::moment::Moment;

/// This vehicle brakes in emergency: electronic brake lights, for vehicles behind it.
#[must_use]
pub fn hard_braking(fix: &Fix) -> HazardDraft {
    HazardDraft {
        sub_cause: cause::EMERGENCY_BRAKE,
        relevance_distance_m: Some(300),
        relevance_direction: v1::RelevanceDirection::Upstream,
        ..moving(Class::D0, cause::DANGEROUS_SITUATION, fix)
    }
}

/// This vehicle and a neighbour are about to collide.
#[must_use]
pub fn collision_course(fix: &Fix, neighbour: &Neighbour) -> HazardDraft {
    let place = Plane::at(fix.position);
    let (east, north) = place.offset(neighbour.position_at(fix.time));
    let between = fix.position.moved(east / 2.0, north / 2.0);
    HazardDraft {
        position: Some(between),
        relevance_distance_m: Some(150),
        ..moving(Class::D0, cause::COLLISION_RISK, fix)
    }
}

/// This vehicle drives against the traffic. Needs the permission `authority-hazard`.
#[must_use]
pub fn wrong_way(fix: &Fix) -> HazardDraft {
    HazardDraft { relevance_distance_m: Some(1_000), ..moving(Class::D1, cause::WRONG_WAY_DRIVER, fix) }
}

/// This vehicle is on an emergency call. Needs the permission `emergency`.
#[must_use]
pub fn emergency_vehicle(fix: &Fix) -> HazardDraft {
    HazardDraft { relevance_distance_m: Some(500), ..moving(Class::D1, cause::EMERGENCY_VEHICLE, fix) }
}

fn moving(class: Class, cause: u8, fix: &Fix) -> HazardDraft {
    HazardDraft {
        speed: fix.speed.filter(|speed| *speed <= 16_382),
        heading: fix.heading.filter(|heading| *heading < 3600),
        validity: VALIDITY,
        ..HazardDraft::new(class, cause)
    }
}

/// Decides which alert is due.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    /// The vehicle is on an emergency call, whatever its bus says.
    pub emergency: bool,
    /// By its map the vehicle drives against the traffic.
    pub wrong_way: bool,
    alerts: [Alert; Kind::ALL.len()],
    /// The alert whose declaration is in the node's hands, since when.
    asked: Option<(Kind, Instant)>,
    last: Option<(WireTime, u16)>,
    heading: HeldHeading,
    fix: Option<TimedFix>,
    vehicle: TimedVehicle,
    /// What the last fix called for, not polled yet.
    due: Option<HazardCommand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    CollisionCourse,
    HardBraking,
    EmergencyVehicle,
    WrongWay,
}

#[derive(Clone, Copy, Debug, Default)]
struct Alert {
    live: Option<Live>,
    /// It was refused: not before then again.
    not_before: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    id: EventId,
    /// When it was sent or renewed.
    said: Instant,
    /// Since when there is no longer a reason for it.
    calm: Option<Instant>,
}

/// Whether there is a reason for an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Enough to begin one.
    Strong,
    /// Enough to go on with one.
    Weak,
    None,
}

impl Kind {
    /// The most urgent first.
    const ALL: [Self; 4] = [Self::CollisionCourse, Self::HardBraking, Self::EmergencyVehicle, Self::WrongWay];
}

impl Triggers {
    /// Looks at a position and at the neighbours at `now`: the command for the node, if any. The command is to be
    /// handed to the node before the next look, and the events it leads to [heard](Self::hear).
    pub fn observe<'a>(
        &mut self,
        now: Instant,
        fix: &Fix,
        neighbours: impl IntoIterator<Item = &'a Neighbour>,
    ) -> Option<HazardCommand> {
        let vehicle = self.vehicle.fresh(now).unwrap_or_default();
        let fix = &self.heading.held(&vehicle.over(*fix));
        let braking = self.braking(fix, &vehicle);
        let on_call = self.emergency || vehicle.emergency.is_some_and(EmergencySwitches::is_on);
        let conflict = closest_conflict(fix, neighbours);
        if self.asked.is_some_and(|(_, since)| now < since + ANSWER_TIME) {
            return None;
        }
        self.asked = None;
        for kind in Kind::ALL {
            let (reason, draft) = match kind {
                Kind::CollisionCourse => (
                    conflict.map_or(Reason::None, |(reason, _)| reason),
                    conflict.map(|(_, other)| collision_course(fix, other)),
                ),
                Kind::HardBraking => (braking, Some(hard_braking(fix))),
                Kind::EmergencyVehicle => (switched(on_call), Some(emergency_vehicle(fix))),
                Kind::WrongWay => (switched(self.wrong_way), Some(wrong_way(fix))),
            };
            if let Some(command) = self.decide(kind, now, reason, draft) {
                return Some(command);
            }
        }
        None
    }

    /// Takes an event of the node: whether the last command was carried out, and what becomes of the alerts.
    pub fn hear(&mut self, now: Instant, event: &Event) {
        match event {
            Event::HazardAccepted { id, .. } => {
                if let Some((kind, _)) = self.asked.take() {
                    self.alerts[kind as usize].live = Some(Live { id: *id, said: now, calm: None });
                }
            }
            Event::HazardRefused { .. } => {
                if let Some((kind, _)) = self.asked.take() {
                    self.alerts[kind as usize].not_before = now + REFUSED_PAUSE;
                }
            }
            Event::HazardRenamed { old, new } => {
                for live in self.live_mut().filter(|live| live.id == *old) {
                    live.id = *new;
                }
            }
            Event::Hazard(HazardChanged { event, change: HazardChange::Expired | HazardChange::Negated }) => {
                for alert in &mut self.alerts {
                    alert.live = alert.live.filter(|live| live.id != event.id);
                }
            }
            _ => {}
        }
    }

    fn live_mut(&mut self) -> impl Iterator<Item = &mut Live> {
        self.alerts.iter_mut().filter_map(|alert| alert.live.as_mut())
    }

    fn decide(
        &mut self,
        kind: Kind,
        now: Instant,
        reason: Reason,
        draft: Option<HazardDraft>,
    ) -> Option<HazardCommand> {
        let alert = &mut self.alerts[kind as usize];
        let Some(live) = &mut alert.live else {
            let due = reason == Reason::Strong && now >= alert.not_before;
            let draft = draft.filter(|_| due)?;
            self.asked = Some((kind, now));
            return Some(HazardCommand::New(draft));
        };
        if reason == Reason::None {
            let since = *live.calm.get_or_insert(now);
            let id = live.id;
            if now < since + CALM {
                return None;
            }
            alert.live = None;
            return Some(HazardCommand::Cancel(id));
        }
        live.calm = None;
        if now < live.said + RENEW {
            return None;
        }
        live.said = now;
        Some(HazardCommand::Update(live.id, draft?))
    }

    fn braking(&mut self, fix: &Fix, vehicle: &VehicleState) -> Reason {
        let before = self.last;
        // Speeds that come faster than an acceleration may be taken from: the older one stays to compare with.
        if before.is_none_or(|(then, _)| fix.time.since(then).as_secs_f64() >= *DERIVED_OVER.start()) {
            self.last = fix.speed.map(|speed| (fix.time, speed));
        }
        let Some(speed) = fix.speed else { return Reason::None };
        if vehicle.brakes_in_emergency() && speed >= BRAKING_FROM {
            return Reason::Strong;
        }
        // What the vehicle measures; else derived from its speeds.
        let measured = fix.acceleration.map(|acceleration| f64::from(acceleration) * 0.1);
        let derived = || {
            let (then, was) = before?;
            let seconds = fix.time.since(then).as_secs_f64();
            DERIVED_OVER.contains(&seconds).then(|| (f64::from(speed) - f64::from(was)) * 0.01 / seconds)
        };
        let Some(acceleration) = measured.or_else(derived) else { return Reason::None };
        if acceleration < -HARD_BRAKING && speed >= BRAKING_FROM {
            Reason::Strong
        } else if acceleration < -STILL_BRAKING && speed >= STANDS {
            Reason::Weak
        } else {
            Reason::None
        }
    }
}

impl Application for Triggers {
    fn event(&mut self, event: &Event, at: Moment) {
        self.hear(at.now, event);
    }

    fn fix(&mut self, fix: Option<&Fix>, neighbours: &NeighbourTable, at: Moment) {
        self.fix = fix.map(|fix| TimedFix::new(*fix, at.now, &at.anchor()));
        if let Some(fix) = fix {
            self.due = self.observe(at.now, fix, neighbours.iter());
        }
    }

    fn vehicle(&mut self, state: &VehicleState, neighbours: &NeighbourTable, at: Moment) {
        self.vehicle.take(*state, at.now, &at.anchor());
        let Some(fix) = self.fix.filter(|fix| at.now < fix.expires()) else { return };
        self.due = self.observe(at.now, &fix.moved_to(at.now, at.wire), neighbours.iter());
    }

    fn deadline(&self, at: Moment) -> Option<Instant> {
        self.due.as_ref().map(|_| at.now)
    }

    fn poll(&mut self, _at: Moment) -> Option<Input> {
        self.due.take().map(|command| Input::Hazard { command, token: None })
    }
}

fn switched(on: bool) -> Reason {
    if on { Reason::Strong } else { Reason::None }
}

/// The neighbour that this vehicle collides with first, if nothing changes.
fn closest_conflict<'a>(
    fix: &Fix,
    neighbours: impl IntoIterator<Item = &'a Neighbour>,
) -> Option<(Reason, &'a Neighbour)> {
    let own = fix.speed.zip(fix.heading).map(|(speed, heading)| velocity(speed, heading))?;
    if fix.accuracy_cm.is_some_and(|accuracy| accuracy > POOR_FIX_CM) {
        return None;
    }
    let here = Plane::at(fix.position);
    let first = neighbours
        .into_iter()
        .filter_map(|other| Some((time_to_collision(fix, &here, own, other)?, other)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b));
    first.map(|(seconds, other)| (if seconds <= COLLISION_S { Reason::Strong } else { Reason::Weak }, other))
}

fn time_to_collision(fix: &Fix, here: &Plane, own: Velocity, other: &Neighbour) -> Option<f64> {
    let motion = other.motion();
    let (speed, heading) = motion.speed.zip(motion.heading)?;
    if !other.is_direct() || other.age(fix.time) > KNOWN_FOR {
        return None;
    }
    let its = velocity(speed, heading);
    let (east, north) = here.offset(other.position_at(fix.time));
    let (dx, dy) = (its.0 - own.0, its.1 - own.1);
    let closing_2 = dx * dx + dy * dy;
    if closing_2 < CLOSING * CLOSING || east.hypot(north) > COLLISION_WITHIN_M {
        return None;
    }
    let seconds = -(east * dx + north * dy) / closing_2;
    let miss = (east + dx * seconds).hypot(north + dy * seconds);
    (miss <= MISS_M && (0.0..=STILL_COLLISION_S).contains(&seconds)).then_some(seconds)
}

/// Validity of an alert unless renewed: a station that loses the vehicle is warned no longer than its danger lasts
/// (TS 101 539-2: 5 s for a violation).
const VALIDITY: Duration = Duration::from_secs(5);
/// A live alert is renewed this often, for the vehicle has moved on.
const RENEW: Duration = Duration::from_secs(1);
/// An alert is over when there was no reason for it for this long.
const CALM: Duration = Duration::from_millis(500);
/// The node answers a command at once; a host that lost the answer continues after this.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// A refused alert is tried again after this.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);
/// SAE J2945/1 `eventHardBraking`: more than 0.4 g, m/s^2.
const HARD_BRAKING: f64 = 4.0;
/// UN Regulation 13-H 5.2.23: the emergency stop signal ends below 2.5 m/s^2.
const STILL_BRAKING: f64 = 2.5;
/// 20 km/h, 0.01 m/s: a vehicle braking from less stops within its own length (C2C-CC triggering conditions).
const BRAKING_FROM: u16 = 556;
const STANDS: u16 = 50;
/// Seconds between two speeds that an acceleration may be taken from: shorter, and noise decides.
const DERIVED_OVER: core::ops::RangeInclusive<f64> = 0.05..=1.5;
/// Seconds: a driver who has not reacted by then hits (pre-crash sensing begins within 50 m, DOT HS 809 859).
const COLLISION_S: f64 = 1.5;
const STILL_COLLISION_S: f64 = 2.5;
/// Two half widths and half a lane's error; the next lane is 3.5 m away.
const MISS_M: f64 = 2.5;
/// Slower than this, m/s, two vehicles in a queue close up.
const CLOSING: f64 = 5.0;
const COLLISION_WITHIN_M: f64 = 120.0;
/// Older knowledge of a neighbour cannot predict a collision in 1.5 s.
const KNOWN_FOR: Duration = Duration::from_millis(500);
/// A position worse than this does not distinguish lanes, cm.
const POOR_FIX_CM: u16 = 500;

#[cfg(test)]
mod tests;
