//! A lane that enters an intersection, and where a position is along it.
//!
//! Positions are laid on the plane about the map's reference, in which lanes are described: the antimeridian is no
//! edge of it, and within 500 m it is off by under a decimetre up to 78 degrees of latitude.

use v2x_proto::v1::{self, LaneKind};

/// A lane that enters an intersection.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    number: u8,
    pub(super) half_width_m: f64,
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

    /// Whether a point up to `beside_m` beside the lane's edges may be on it; cheap, and not exact.
    pub(super) fn may_hold(&self, east: f64, north: f64, beside_m: f64) -> bool {
        let [west, south, east_end, north_end] = self.bounds.map(|cm| f64::from(cm) / 100.0);
        let room = self.half_width_m + beside_m + BEFORE_LANE_M;
        (west - room..=east_end + room).contains(&east) && (south - room..=north_end + room).contains(&north)
    }
}

fn metres((east, north): (i32, i32)) -> (f64, f64) {
    (f64::from(east) / 100.0, f64::from(north) / 100.0)
}

/// Width of a lane that gives none (RAA, a German arterial road).
const USUAL_WIDTH_M: f64 = 3.5;
/// No lane is taken to be wider, whatever its map claims.
const MAX_WIDTH_M: f64 = 10.0;
/// Vehicles stop with their antenna beyond the line, or the noise puts it there.
const BEYOND_STOP_LINE_M: f64 = 3.0;
/// The far end of a line is no edge of the lane.
const BEFORE_LANE_M: f64 = 5.0;
