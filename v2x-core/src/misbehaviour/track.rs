//! Track of one station: what the checks remember of its path, and the checks that need it.

use super::checks::{Check, CheckWindow};
use super::kalman::Filter;
use super::{checks, thresholds as t};
use crate::base::{Plane, Position, WireTime, heading_difference};
use crate::neighbour::Motion;

/// One station's claim about its own position and motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// Time, by its own clock.
    pub generation: WireTime,
    /// Position.
    pub position: Position,
    /// Motion: with awareness messages only.
    pub motion: Option<Motion>,
    /// Stated position accuracy (95 %), cm.
    pub accuracy_cm: Option<u16>,
}

/// The path of one station as far as it was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    generation: WireTime,
    position: Position,
    /// Unit vector of the heading, east and north; both 0 when that is unknown.
    direction: (f32, f32),
    filter: Filter,
    old: Anchor,
    young: Anchor,
    /// 0.01 m/s; [`UNKNOWN`].
    speed: u16,
    /// 0.1 degree; [`UNKNOWN`].
    heading: u16,
    /// The last change of speed, 0.01 m/s.
    change: i16,
    /// Time between its last two beacons, s; not a number while there is but one.
    gap_s: f32,
    /// True once a beacon was heard, not only other messages.
    beaconed: bool,
}

/// A point of the path from which sums are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Anchor {
    position: Position,
    age_s: f32,
    odometer: f32,
    reckoned: (f32, f32),
    gaps_2: f32,
    slowest: u16,
    fastest: u16,
}

impl Track {
    /// Starts with a claim.
    #[must_use]
    pub fn new(claim: &Claim) -> Self {
        let (speed, heading) = speed_and_heading(claim);
        let direction = direction(heading);
        let anchor = Anchor::new(claim.position, speed);
        Self {
            generation: claim.generation,
            position: claim.position,
            direction,
            filter: Filter::new(velocity(speed, direction), tolerance(claim) / 2.0),
            old: anchor,
            young: anchor,
            speed,
            heading,
            change: 0,
            gap_s: f32::NAN,
            beaconed: claim.motion.is_some(),
        }
    }

    /// Judges a claim by the path so far and, when it is the newest awareness, adds it. `note` gets every check's
    /// score. `plane` is any near both; `shortest_s` the shortest time between two beacons.
    pub fn judge(
        &mut self,
        claim: &Claim,
        plane: &Plane,
        shortest_s: f32,
        note: &mut impl FnMut(Check, f32),
    ) {
        let beacon = claim.motion.is_some();
        if beacon && self.beaconed {
            let gap_s = apart_s(claim.generation, self.generation);
            // A timer that was late for the last one is in time for this one: the mean of both is what was agreed.
            let mean_s = gap_s.max(0.5 * (gap_s + self.gap_s));
            note(Check::BeaconRate, checks::beacon_rate(mean_s, shortest_s));
        }
        if claim.generation < self.generation {
            return;
        }
        let gap_s = apart_s(claim.generation, self.generation);
        let tolerance = tolerance(claim);
        let moved = offset(plane, self.position, claim.position);
        let jump = checks::position((moved.0 * moved.0 + moved.1 * moved.1).sqrt(), gap_s, tolerance);
        note(Check::Position, jump);
        if !beacon {
            return;
        }
        let (speed, heading) = speed_and_heading(claim);
        if speed != UNKNOWN && self.speed != UNKNOWN {
            self.judge_change(speed, heading, gap_s, note);
        }
        if gap_s > t::MAX_GAP_S || jump < t::FINDING || speed == UNKNOWN || self.speed == UNKNOWN {
            let change = self.change;
            *self = Self { change, ..Self::new(claim) };
            return;
        }
        let sound = self.advance(claim, plane, moved, gap_s, tolerance, note);
        if !sound {
            // Later claims are judged from here on, so that one jump is one finding.
            *self = Self { change: self.change, ..Self::new(claim) };
        }
    }

    /// Where it was at its newest beacon.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// When its newest beacon was generated.
    #[must_use]
    pub fn generation(&self) -> WireTime {
        self.generation
    }

    /// Whether it stated another speed than this one, 0.01 m/s, within the window of the checks.
    #[must_use]
    pub fn changes_to(&self, speed: u16) -> bool {
        let Anchor { slowest, fastest, .. } = self.old;
        fastest != UNKNOWN && (slowest != speed || fastest != speed)
    }

    /// Its velocity, east and north, m/s; none when it is unknown.
    #[must_use]
    pub fn velocity(&self) -> Option<(f32, f32)> {
        velocity(self.speed, self.direction)
    }

    fn judge_change(&mut self, speed: u16, heading: u16, gap_s: f32, note: &mut impl FnMut(Check, f32)) {
        let change = i32::from(speed) - i32::from(self.speed);
        let change = change.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        let score = checks::speed_change(metres(change), gap_s, metres(self.change), 0.0);
        note(Check::SpeedChange, score);
        self.change = change;
        if heading != UNKNOWN && self.heading != UNKNOWN {
            let degrees = f32::from(heading_difference(heading, self.heading)) / 10.0;
            let slower = f32::from(speed.min(self.speed)) / 100.0;
            note(Check::HeadingChange, checks::heading_change(degrees, gap_s, slower));
        }
    }

    /// Adds a claim; true when it fits the path so far.
    fn advance(
        &mut self,
        claim: &Claim,
        plane: &Plane,
        moved: (f32, f32),
        gap_s: f32,
        tolerance: f32,
        note: &mut impl FnMut(Check, f32),
    ) -> bool {
        let (speed, heading) = speed_and_heading(claim);
        let direction = direction(heading);
        let velocity = velocity(speed, direction);
        let before = f32::from(self.speed) / 100.0;
        let now = f32::from(speed) / 100.0;
        let step = Step {
            gap_s,
            odometer: (before + now) / 2.0 * gap_s,
            reckoned: (
                (before * self.direction.0 + now * direction.0) / 2.0 * gap_s,
                (before * self.direction.1 + now * direction.1) / 2.0 * gap_s,
            ),
            speed,
        };
        self.old.add(&step);
        self.young.add(&step);
        let window = self.old.window(plane, claim.position, tolerance);
        let residual = checks::residual(self.filter.step(moved, velocity, gap_s, tolerance / 2.0));
        let way = checks::position_speed(&window);
        let course = checks::position_heading(&window, now.min(before));
        note(Check::Residual, residual);
        note(Check::PositionSpeed, way);
        note(Check::PositionHeading, course);
        if residual.min(way).min(course) < t::FINDING {
            return false;
        }
        self.generation = claim.generation;
        self.gap_s = gap_s;
        self.position = claim.position;
        self.direction = direction;
        self.speed = speed;
        self.heading = heading;
        if self.young.age_s >= t::HALF_WINDOW_S {
            self.old = self.young;
            self.young = Anchor::new(claim.position, speed);
        }
        true
    }
}

/// What one step adds to the sums.
struct Step {
    gap_s: f32,
    odometer: f32,
    reckoned: (f32, f32),
    speed: u16,
}

impl Anchor {
    fn new(position: Position, speed: u16) -> Self {
        Self {
            position,
            age_s: 0.0,
            odometer: 0.0,
            reckoned: (0.0, 0.0),
            gaps_2: 0.0,
            slowest: speed,
            fastest: speed,
        }
    }

    fn add(&mut self, step: &Step) {
        self.age_s += step.gap_s;
        self.odometer += step.odometer;
        self.reckoned.0 += step.reckoned.0;
        self.reckoned.1 += step.reckoned.1;
        self.gaps_2 += step.gap_s * step.gap_s;
        self.slowest = self.slowest.min(step.speed);
        self.fastest = self.fastest.max(step.speed);
    }

    fn window(&self, plane: &Plane, position: Position, tolerance: f32) -> CheckWindow {
        CheckWindow {
            moved: offset(plane, self.position, position),
            odometer: self.odometer,
            reckoned: self.reckoned,
            speed_spread: f32::from(self.fastest - self.slowest) / 100.0,
            gaps_2: self.gaps_2,
            tolerance,
        }
    }
}

/// East and north from one position to another, m.
pub(super) fn offset(plane: &Plane, from: Position, to: Position) -> (f32, f32) {
    let (from, to) = (plane.offset(from), plane.offset(to));
    ((to.0 - from.0) as f32, (to.1 - from.1) as f32)
}

/// Time between two moments of one clock, s, whichever came first.
pub(super) fn apart_s(a: WireTime, b: WireTime) -> f32 {
    (a.as_micros().abs_diff(b.as_micros()) as f64 * 1e-6) as f32
}

fn tolerance(claim: &Claim) -> f32 {
    claim.accuracy_cm.map_or(t::TOLERANCE_M, |radius| {
        // 95 % of one position is some 1.7 times the 68 %; the difference of two is 1.4 times wider.
        (f32::from(radius) * 0.015).clamp(t::TOLERANCE_M, t::MAX_TOLERANCE_M)
    })
}

fn speed_and_heading(claim: &Claim) -> (u16, u16) {
    let motion = claim.motion.unwrap_or_default();
    (motion.speed.unwrap_or(UNKNOWN), motion.heading.map_or(UNKNOWN, |heading| heading % 3600))
}

fn direction(heading: u16) -> (f32, f32) {
    if heading == UNKNOWN {
        return (0.0, 0.0);
    }
    (f32::from(heading) * 0.1).to_radians().sin_cos()
}

fn velocity(speed: u16, direction: (f32, f32)) -> Option<(f32, f32)> {
    // A standing station's heading is arbitrary; its velocity is not.
    let known = speed != UNKNOWN && (direction != (0.0, 0.0) || speed == 0);
    let speed = f32::from(speed) / 100.0;
    known.then_some((speed * direction.0, speed * direction.1))
}

fn metres(centimetres: i16) -> f32 {
    f32::from(centimetres) / 100.0
}

/// No speed or heading.
const UNKNOWN: u16 = u16::MAX;
