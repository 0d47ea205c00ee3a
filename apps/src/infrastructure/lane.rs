//! The lane a vehicle is on, and how far its stop line is.
//!
//! Positions are laid on the plane about the map's reference, in which lanes are described: the antimeridian is no
//! edge of it, and within 500 m it is off by under a decimetre up to 78 degrees of latitude.
//!
//! A single fix is off by 1.5 m (68 %, SAE J2945/1) where lanes are 3.5 m wide: the nearest lane of each fix alone
//! would be another one several times a second. So positions are smoothed first (carried on by speed and heading,
//! corrected by each fix with a time constant of half a second, which leaves 0.5 m), a lane is taken only when it is
//! clearly nearer than its neighbour, and kept until another is.

use core::time::Duration;

use v2x_core::{Fix, Position, WireTime, velocity};
use v2x_proto::v1::{self, LaneKind};

use super::intersection::{IntersectionId, Intersections, Map};

/// A lane that enters an intersection.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    number: u8,
    half_width_m: f64,
    /// Centre line from the stop line outward, cm east and north of the map's reference; no point twice in a row.
    line: Vec<(i32, i32)>,
    manoeuvres: u8,
    connections: Vec<Connection>,
    /// West, south, east and north end of the line, cm.
    bounds: [i32; 4],
}

/// A way on from a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Lane it leads into.
    pub to: u8,
    /// Group of signals it waits for; 0: none.
    pub group: u8,
}

/// Where a position is along a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Distance to the stop line along the centre line, m; negative beyond it.
    pub along_m: f64,
    /// Distance from the centre line, m, positive to the right of the direction of travel.
    pub offset_m: f64,
    /// Direction of travel there, a unit vector east and north.
    pub direction: (f64, f64),
}

/// The lane a vehicle is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneMatch {
    /// Intersection it leads to.
    pub intersection: IntersectionId,
    /// Number of the lane.
    pub lane: u8,
    /// From the vehicle's position to the stop line along the lane, m; down to -3 just beyond it.
    pub distance_m: f64,
    /// From the centre line, m, positive to the right.
    pub offset_m: f64,
}

impl Lane {
    /// A lane of a map, when vehicles enter the intersection by it and its line has a direction: vehicle lanes that
    /// enter, and bus lanes that lead into others.
    #[must_use]
    pub fn entering(lane: &v1::Lane) -> Option<Self> {
        let kind = LaneKind::try_from(lane.kind).unwrap_or_default();
        let enters = match kind {
            LaneKind::VehicleIngress => true,
            LaneKind::Bus => !lane.connects_to.is_empty(),
            _ => false,
        };
        let mut line: Vec<(i32, i32)> = Vec::with_capacity(lane.delta_east_cm.len());
        let mut at = (0i32, 0i32);
        for (east, north) in lane.delta_east_cm.iter().zip(&lane.delta_north_cm) {
            at = (at.0.saturating_add(*east), at.1.saturating_add(*north));
            if line.last() != Some(&at) {
                line.push(at);
            }
        }
        if !enters || line.len() < 2 {
            return None;
        }
        let connections = lane.connects_to.iter().zip(&lane.connects_group);
        let end = |pick: fn(&(i32, i32)) -> i32, best: fn(i32, i32) -> i32| {
            line.iter().map(pick).reduce(best).unwrap_or_default()
        };
        let bounds =
            [end(|p| p.0, i32::min), end(|p| p.1, i32::min), end(|p| p.0, i32::max), end(|p| p.1, i32::max)];
        let width_m =
            lane.width_cm.filter(|width| *width > 0).map_or(USUAL_WIDTH_M, |cm| f64::from(cm) / 100.0);
        Some(Self {
            number: lane.lane as u8,
            half_width_m: width_m.min(MAX_WIDTH_M) / 2.0,
            manoeuvres: lane.manoeuvres as u8,
            connections: connections
                .take(16)
                .map(|(to, group)| Connection { to: *to as u8, group: *group as u8 })
                .collect(),
            bounds,
            line,
        })
    }

    /// Its number in the intersection, 1..=255.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Manoeuvres allowed at the stop line, as `v2x.v1.Lane.manoeuvres`.
    #[must_use]
    pub fn manoeuvres(&self) -> u8 {
        self.manoeuvres
    }

    /// The ways on, at most 16.
    #[must_use]
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// Where the point `east` and `north` (m) of the map's reference is along the lane; `None` beyond either end.
    #[must_use]
    pub fn project(&self, east: f64, north: f64) -> Option<Projection> {
        let mut best: Option<(f64, Projection)> = None;
        let mut along = 0.0;
        let last = self.line.len() - 2;
        for (index, pair) in self.line.windows(2).enumerate() {
            let [near, far] = [metres(pair[0]), metres(pair[1])];
            let (run, rise) = (far.0 - near.0, far.1 - near.1);
            let length = (run * run + rise * rise).sqrt();
            let outward = (run / length, rise / length);
            let (x, y) = (east - near.0, north - near.1);
            let out = x * outward.0 + y * outward.1;
            let from = if index == 0 { -BEYOND_STOP_LINE_M } else { 0.0 };
            let to = if index == last { length + BEFORE_LANE_M } else { length };
            let held = out.clamp(from, to);
            let (aside_x, aside_y) = (x - held * outward.0, y - held * outward.1);
            let distance_2 = aside_x * aside_x + aside_y * aside_y;
            if best.is_none_or(|(least, _)| distance_2 < least) {
                let off_the_end = index == 0 && out < from || index == last && out > to;
                let direction = (-outward.0, -outward.1);
                let side = aside_x * direction.1 - aside_y * direction.0;
                let offset_m = if off_the_end { f64::INFINITY } else { distance_2.sqrt().copysign(side) };
                best = Some((distance_2, Projection { along_m: along + held, offset_m, direction }));
            }
            along += length;
        }
        best.map(|(_, projection)| projection).filter(|projection| projection.offset_m.is_finite())
    }

    /// How far beyond the stop line the point is, m along the direction of travel there; negative before it.
    #[must_use]
    pub fn beyond_stop_line(&self, east: f64, north: f64) -> f64 {
        let [near, far] = [metres(self.line[0]), metres(self.line[1])];
        let (run, rise) = (near.0 - far.0, near.1 - far.1);
        let length = (run * run + rise * rise).sqrt();
        ((east - near.0) * run + (north - near.1) * rise) / length
    }

    fn may_hold(&self, east: f64, north: f64) -> bool {
        let [west, south, east_end, north_end] = self.bounds.map(|cm| f64::from(cm) / 100.0);
        let room = self.half_width_m + KEEP_M + BEFORE_LANE_M;
        (west - room..=east_end + room).contains(&east) && (south - room..=north_end + room).contains(&north)
    }
}

/// A position with most of its noise averaged out.
#[derive(Clone, Copy, Debug)]
struct Smooth {
    position: Position,
    at: WireTime,
    since: WireTime,
    fixes: u32,
}

/// Finds the lane, fix by fix.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    smooth: Option<Smooth>,
    /// Direction of travel while it last moved.
    direction: Option<(f64, f64)>,
    matched: Option<LaneMatch>,
}

impl Smooth {
    /// `None` when it has to begin anew: after a gap or a jump, or where the way between is not known.
    fn carried_to(self, fix: &Fix) -> Option<Self> {
        if fix.time == self.at {
            return Some(self);
        }
        if fix.time < self.at || fix.time.since(self.at) > MAX_GAP {
            return None;
        }
        let seconds = fix.time.since(self.at).as_secs_f64();
        let (east, north) = match (fix.speed?, fix.heading) {
            (speed, Some(heading)) => velocity(speed, heading),
            (speed, None) if speed < STANDING => (0.0, 0.0),
            _ => return None,
        };
        let expected = self.position.moved(east * seconds, north * seconds);
        let (off_east, off_north) = fix.position.offset_from(expected);
        if off_east.abs().max(off_north.abs()) > JUMP_M {
            return None;
        }
        let fixes = self.fixes.saturating_add(1);
        let gain = (1.0 - (-seconds / TIME_CONSTANT_S).exp()).max(1.0 / f64::from(fixes));
        let position = expected.moved(off_east * gain, off_north * gain);
        Some(Self { position, at: fix.time, since: self.since, fixes })
    }
}

impl Matcher {
    /// The lane as of the last fix; `None` when it is on none that is known, or two are as near.
    #[must_use]
    pub fn matched(&self) -> Option<&LaneMatch> {
        self.matched.as_ref()
    }

    /// Takes the next position, or its loss.
    pub fn fix(&mut self, fix: Option<&Fix>, intersections: &Intersections) {
        let Some(fix) = fix else {
            *self = Self::default();
            return;
        };
        let position = self.smoothed(fix);
        let moving = fix.speed.is_none_or(|speed| speed >= STANDING);
        if let Some(heading) = fix.heading.filter(|_| moving) {
            let angle = (f64::from(heading) / 10.0).to_radians();
            self.direction = Some((angle.sin(), angle.cos()));
        }
        let settled = self.smooth.is_some_and(|smooth| smooth.at.since(smooth.since) >= SETTLE);
        let direction = self.direction.filter(|_| settled);
        self.matched = direction.and_then(|direction| self.find(position, direction, intersections));
    }

    /// The mean of the first fixes, then what is left of the noise after half a second's.
    fn smoothed(&mut self, fix: &Fix) -> Position {
        let fresh = Smooth { position: fix.position, at: fix.time, since: fix.time, fixes: 1 };
        let smooth = self.smooth.and_then(|before| before.carried_to(fix)).unwrap_or(fresh);
        self.smooth = Some(smooth);
        smooth.position
    }

    /// The next stop line ahead decides the intersection, the lateral offset the lane.
    fn find(
        &self,
        position: Position,
        direction: (f64, f64),
        intersections: &Intersections,
    ) -> Option<LaneMatch> {
        let maps = intersections.iter().filter_map(|entry| Some((entry.id(), entry.map()?)));
        let found = maps.filter_map(|(id, map)| {
            let before =
                self.matched.filter(|matched| matched.intersection == id).map(|matched| matched.lane);
            find_lane(map, position, direction, before).map(|(lane, at)| (id, lane, at))
        });
        let (intersection, lane, at) = found.min_by(|a, b| a.2.along_m.total_cmp(&b.2.along_m))?;
        lane.map(|lane| LaneMatch { intersection, lane, distance_m: at.along_m, offset_m: at.offset_m })
    }
}

/// The nearest lane of one map; no number when two are as near. `None` when the position is on no lane of it.
fn find_lane(
    map: &Map,
    position: Position,
    direction: (f64, f64),
    before: Option<u8>,
) -> Option<(Option<u8>, Projection)> {
    let (east, north) = map.plane().offset(position);
    let mut best: Option<(&Lane, Projection)> = None;
    let mut second = f64::INFINITY;
    let mut kept: Option<(&Lane, Projection)> = None;
    for lane in map.lanes().iter().filter(|lane| lane.may_hold(east, north)) {
        let Some(at) = lane.project(east, north) else { continue };
        let along = at.direction.0 * direction.0 + at.direction.1 * direction.1;
        let is_kept = before == Some(lane.number());
        let room = if is_kept { KEEP_M } else { TAKE_M };
        if along < COS_TOLERANCE || at.offset_m.abs() > lane.half_width_m + room {
            continue;
        }
        if is_kept {
            kept = Some((lane, at));
        }
        let offset = at.offset_m.abs();
        match &best {
            Some((_, least)) if offset >= least.offset_m.abs() => second = second.min(offset),
            Some((_, least)) => {
                second = least.offset_m.abs();
                best = Some((lane, at));
            }
            None => best = Some((lane, at)),
        }
    }
    let (lane, at) = best?;
    if let Some((lane, kept)) = kept
        && kept.offset_m.abs() < at.offset_m.abs() + CLEARLY_M
    {
        return Some((Some(lane.number()), kept));
    }
    let clear = second - at.offset_m.abs() >= CLEARLY_M;
    Some((clear.then_some(lane.number()), at))
}

fn metres((east, north): (i32, i32)) -> (f64, f64) {
    (f64::from(east) / 100.0, f64::from(north) / 100.0)
}

/// Of a lane that does not say (RAA, a German arterial road).
const USUAL_WIDTH_M: f64 = 3.5;
/// No lane is wider, whatever its map says.
const MAX_WIDTH_M: f64 = 10.0;
/// A lane is taken when the smoothed position is this close to its edge: one and a half times what noise is left.
const TAKE_M: f64 = 0.75;
/// A lane is kept when it is this close: four times the noise that is left.
const KEEP_M: f64 = 2.0;
/// Another lane has to be nearer by this much, which takes 2.1 m from the centre between lanes of 3.5 m.
const CLEARLY_M: f64 = 0.75;
/// Vehicles stop with their antenna beyond the line, or the noise puts it there.
const BEYOND_STOP_LINE_M: f64 = 3.0;
/// The end of a line far out is no edge of the lane.
const BEFORE_LANE_M: f64 = 5.0;
/// Direction of travel and lane differ by at most 45 degrees: less than a crossing lane, more than a lane change.
const COS_TOLERANCE: f64 = core::f64::consts::FRAC_1_SQRT_2;
/// Below this, 0.01 m/s, a heading from satellites is noise, and the last one holds.
const STANDING: u16 = 100;
/// Of the smoothing.
const TIME_CONSTANT_S: f64 = 0.5;
/// No lane is taken before: a single fix is a lane off as often as not.
const SETTLE: Duration = Duration::from_secs(1);
/// After a longer gap the smoothing begins anew.
const MAX_GAP: Duration = Duration::from_secs(2);
/// Further off than any noise: the vehicle was moved, or another receiver took over.
const JUMP_M: f64 = 10.0;

#[cfg(test)]
mod tests;
