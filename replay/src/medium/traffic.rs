//! Vehicles in the way of a frame: 3GPP TR 37.885, 6.2.1.
//!
//! A link is blocked (NLOSv) while the straight line between both stations crosses another vehicle's rectangle as it is in
//! the world then. The highest such vehicle decides: over both antennas it takes 9 dB on average, as high as one of them or
//! between them 5 dB, lower than both nothing; normal in dB, never below 0, one draw for a link and place.

use std::sync::Arc;

use v2x_core::{Plane, Position};

use super::profile::VehicleLoss;
use super::{Neighbour, Places};

/// How much of the way of others a station takes up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VehicleBody {
    /// From its position back, m.
    pub length_m: f32,
    /// m.
    pub width_m: f32,
    /// m; 0 for what is in nobody's way.
    pub height_m: f32,
    /// Of its antenna, m.
    pub antenna_m: f32,
}

/// The bodies of a world, and those about a sender.
#[derive(Debug)]
pub(super) struct Traffic {
    /// By station.
    bodies: Arc<[VehicleBody]>,
    loss: VehicleLoss,
    sender_antenna_m: f32,
    plane: Option<Plane>,
    /// Those seen in each direction from the sender.
    directions: Vec<Vec<Rectangle>>,
    filled: Vec<usize>,
}

/// A vehicle as it stands, by metres from the sender.
#[derive(Clone, Copy, Debug)]
struct Rectangle {
    station: u32,
    middle: (f32, f32),
    /// Unit vector along it.
    along: (f32, f32),
    half_length_m: f32,
    half_width_m: f32,
    height_m: f32,
}

/// What a vehicle in the way takes, dB, before it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blocked {
    pub(super) mean_db: f32,
    pub(super) sigma_db: f32,
}

impl Traffic {
    pub(super) fn new(bodies: Arc<[VehicleBody]>, loss: VehicleLoss) -> Self {
        let directions = vec![Vec::new(); DIRECTIONS];
        Self { bodies, loss, sender_antenna_m: 0.0, plane: None, directions, filled: Vec::new() }
    }

    /// A frame is sent from here; `near` are all that it reaches.
    pub(super) fn look_about(&mut self, sender: u32, from: Position, near: &[Neighbour], places: &Places) {
        for direction in self.filled.drain(..) {
            self.directions[direction].clear();
        }
        self.sender_antenna_m = self.antenna_m(sender);
        let plane = self.plane.insert(Plane::at(from));
        for neighbour in near {
            let Some(body) = self.bodies.get(neighbour.station as usize) else { continue };
            let placed = places.position(neighbour.station).zip(places.heading(neighbour.station));
            let Some((position, heading)) = placed.filter(|_| body.height_m > 0.0) else { continue };
            let (sin, cos) = (f32::from(heading) / 10.0).to_radians().sin_cos();
            let (east, north) = plane.offset(position);
            let half_length_m = body.length_m / 2.0;
            let middle = (east as f32 - sin * half_length_m, north as f32 - cos * half_length_m);
            let rectangle = Rectangle {
                station: neighbour.station,
                middle,
                along: (sin, cos),
                half_length_m,
                half_width_m: body.width_m / 2.0,
                height_m: body.height_m,
            };
            let (radius, distance) = (half_length_m.hypot(rectangle.half_width_m), middle.0.hypot(middle.1));
            let towards = direction(middle.0, middle.1);
            let aside = if distance > radius {
                ((radius / distance).asin() * PER_RADIAN).ceil() as i32 + 1
            } else {
                DIRECTIONS as i32 / 2
            };
            for step in -aside..aside.min(DIRECTIONS as i32 / 2) {
                let at = (towards as i32 + step).rem_euclid(DIRECTIONS as i32) as usize;
                if self.directions[at].is_empty() {
                    self.filled.push(at);
                }
                self.directions[at].push(rectangle);
            }
        }
    }

    /// What is in the way from the sender to a station there.
    pub(super) fn blocked(&self, to: u32, there: Position, distance_m: f32) -> Option<Blocked> {
        let (east, north) = self.plane.as_ref()?.offset(there);
        let (east, north) = (east as f32, north as f32);
        let crossed = self.directions[direction(east, north)]
            .iter()
            .filter(|rectangle| rectangle.station != to && rectangle.crosses((east, north)));
        let height_m = crossed.map(|rectangle| rectangle.height_m).fold(0.0, f32::max);
        let (one, other) = (self.sender_antenna_m, self.antenna_m(to));
        if height_m == 0.0 || one.min(other) > height_m {
            return None;
        }
        // Beyond 541 m.
        let far_db = (15.0 * distance_m.max(1.0).log10() - 41.0).max(0.0);
        let loss = &self.loss;
        let (mean_db, sigma_db) = if one.max(other) < height_m {
            (loss.higher_db, loss.higher_sigma_db)
        } else {
            (loss.level_db, loss.level_sigma_db)
        };
        Some(Blocked { mean_db: mean_db as f32 + far_db, sigma_db: sigma_db as f32 })
    }

    fn antenna_m(&self, station: u32) -> f32 {
        self.bodies.get(station as usize).map_or(USUAL_ANTENNA_M, |body| body.antenna_m)
    }
}

impl Rectangle {
    /// Whether the line from the sender, at 0, crosses it.
    fn crosses(&self, to: (f32, f32)) -> bool {
        let turned = |(east, north): (f32, f32)| {
            (east * self.along.0 + north * self.along.1, east * self.along.1 - north * self.along.0)
        };
        let from = turned((-self.middle.0, -self.middle.1));
        let to = turned((to.0 - self.middle.0, to.1 - self.middle.1));
        let (mut first, mut last) = (0f32, 1f32);
        for (from, to, half) in [(from.0, to.0, self.half_length_m), (from.1, to.1, self.half_width_m)] {
            let way = to - from;
            if way.abs() < 1e-6 {
                if from.abs() >= half {
                    return false;
                }
                continue;
            }
            let (one, other) = ((-half - from) / way, (half - from) / way);
            first = first.max(one.min(other));
            last = last.min(one.max(other));
        }
        first < last
    }
}

/// Which of the directions from the sender.
fn direction(east: f32, north: f32) -> usize {
    let turns = north.atan2(east) * PER_RADIAN;
    (turns.floor() as i32).rem_euclid(DIRECTIONS as i32) as usize
}

/// One degree each.
const DIRECTIONS: usize = 360;
const PER_RADIAN: f32 = DIRECTIONS as f32 / core::f32::consts::TAU;
/// On a car's roof, m.
const USUAL_ANTENNA_M: f32 = 1.6;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
    const CAR: VehicleBody = VehicleBody { length_m: 4.5, width_m: 1.8, height_m: 1.6, antenna_m: 1.6 };
    const BUS: VehicleBody = VehicleBody { length_m: 12.0, width_m: 2.5, height_m: 3.0, antenna_m: 3.0 };

    /// From station 0 at `HERE` to station 1, with others in between: places, headings in 0.1 degree, bodies.
    fn blocked(
        to: (f64, f64),
        others: &[((f64, f64), u16, VehicleBody)],
        ends: VehicleBody,
    ) -> Option<Blocked> {
        let seen = |from: u32, to: u32, at: &dyn Fn(u32) -> Position| {
            let mut places = Places::new(300.0);
            let all = 2 + others.len() as u32;
            for station in 0..all {
                places.set(station, at(station));
                let heading = others.get((station as usize).wrapping_sub(2)).map_or(900, |other| other.1);
                places.face(station, Some(heading));
            }
            let bodies = [ends, ends].into_iter().chain(others.iter().map(|other| other.2)).collect();
            let mut traffic = Traffic::new(bodies, VehicleLoss::default());
            let mut near = Vec::new();
            places.within(at(from), 1_000.0, from, &mut near);
            traffic.look_about(from, at(from), &near, &places);
            traffic.blocked(to, at(to), at(from).distance_m(at(to)) as f32)
        };
        let at = |station: u32| match station {
            0 => HERE,
            1 => HERE.moved(to.0, to.1),
            other => {
                let ((east, north), ..) = others[other as usize - 2];
                HERE.moved(east, north)
            }
        };
        let found = seen(0, 1, &at);
        assert_eq!(found, seen(1, 0, &at), "the same both ways");
        found
    }

    #[test]
    fn a_vehicle_between_two_takes_by_its_height() {
        let level = Some(Blocked { mean_db: 5.0, sigma_db: 4.0 });
        let higher = Some(Blocked { mean_db: 9.0, sigma_db: 4.5 });
        assert_eq!(blocked((100.0, 0.0), &[((50.0, 0.0), 900, CAR)], CAR), level);
        assert_eq!(blocked((100.0, 0.0), &[((50.0, 0.0), 900, BUS)], CAR), higher);
        assert_eq!(blocked((100.0, 0.0), &[((50.0, 0.0), 900, CAR)], BUS), None, "both look over it");
        assert_eq!(
            blocked((100.0, 0.0), &[((30.0, 0.0), 900, CAR), ((70.0, 0.0), 900, BUS)], CAR),
            higher,
            "the highest"
        );
    }

    #[test]
    fn a_vehicle_beside_behind_or_beyond_is_not_in_the_way() {
        for at in [(50.0, 3.0), (-10.0, 0.0), (130.0, 0.0)] {
            assert_eq!(blocked((100.0, 0.0), &[(at, 900, BUS)], CAR), None, "{at:?}");
        }
        // Across the road it reaches as far as it is long; its position is its front.
        assert!(blocked((100.0, 0.0), &[((50.0, 11.0), 0, BUS)], CAR).is_some());
        assert!(blocked((100.0, 0.0), &[((50.0, 11.0), 1800, BUS)], CAR).is_none());
        // A pedestrian is in nobody's way.
        let person = VehicleBody { height_m: 0.0, ..CAR };
        assert_eq!(blocked((100.0, 0.0), &[((50.0, 0.0), 900, person)], CAR), None);
    }

    #[test]
    fn vehicles_are_in_the_way_in_every_direction_and_next_to_the_sender() {
        for degrees in 0..360 {
            let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
            let heading = ((450 - degrees) % 360 * 10) as u16;
            for distance in [6.0, 60.0, 190.0] {
                let there = (cos * 200.0, sin * 200.0);
                let bus = ((cos * distance, sin * distance), heading, BUS);
                assert!(blocked(there, &[bus], CAR).is_some(), "{degrees} {distance}");
            }
        }
    }
}
