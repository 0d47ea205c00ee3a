//! Which lane a vehicle is on.
//!
//! A single fix is off by 1.5 m (68 %, SAE J2945/1) where lanes are 3.5 m wide: the nearest lane of each fix alone
//! would be another one several times a second. So positions are smoothed first (carried on by speed and heading,
//! corrected by each fix with a time constant of half a second, which leaves 0.5 m), a lane is taken only when it is
//! clearly nearer than its neighbour, and kept until another is nearer.

use core::time::Duration;

use v2x_core::{Fix, Position, STANDING, WireTime, velocity};

use v2x_proto::IntersectionId;

use super::intersection::Intersections;
use super::lane::{Lane, Projection};
use super::map::Map;
use crate::limits::SAME_STOP_LINE_M;

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
    rival: Option<IntersectionId>,
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

    /// Another intersection that claims this lane, by a map that other signers sign: nobody can tell which of the two the
    /// vehicle drives up to.
    #[must_use]
    pub fn rival(&self) -> Option<IntersectionId> {
        self.rival
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
        let found = direction.and_then(|direction| self.find(position, direction, intersections));
        (self.matched, self.rival) = found.map_or((None, None), |(matched, rival)| (Some(matched), rival));
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
    ) -> Option<(LaneMatch, Option<IntersectionId>)> {
        let maps = || intersections.iter().filter_map(|entry| Some((entry, entry.map()?)));
        let found = maps().filter_map(|(entry, map)| {
            let before =
                self.matched.filter(|matched| matched.intersection == entry.id()).map(|matched| matched.lane);
            find_lane(map, position, direction, before).map(|(lane, at)| (entry, lane, at))
        });
        let (entry, lane, at) = found.min_by(|a, b| a.2.along_m.total_cmp(&b.2.along_m))?;
        let matched = LaneMatch {
            intersection: entry.id(),
            lane: lane?,
            distance_m: at.along_m,
            offset_m: at.offset_m,
        };
        let rival = maps().find(|(other, map)| {
            !entry.shares_a_signer_with(other)
                && find_lane(map, position, direction, None)
                    .is_some_and(|(_, other)| other.along_m - at.along_m <= SAME_STOP_LINE_M)
        });
        Some((matched, rival.map(|(other, _)| other.id())))
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
    for lane in map.lanes().iter().filter(|lane| lane.may_hold(east, north, KEEP_M)) {
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

/// A lane is taken when the smoothed position is this close to its edge: one and a half times what noise is left.
const TAKE_M: f64 = 0.75;
/// A lane is kept when it is this close: four times the noise that is left.
const KEEP_M: f64 = 2.0;
/// Another lane has to be nearer by this much, which takes 2.1 m from the centre between lanes of 3.5 m.
const CLEARLY_M: f64 = 0.75;
/// Direction of travel and lane differ by at most 45 degrees: less than a crossing lane, more than a lane change.
const COS_TOLERANCE: f64 = core::f64::consts::FRAC_1_SQRT_2;
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
