//! From a file's x and y to places on the globe: metres about an origin, or degrees.

use v2x_core::Position;

use super::error::{RowFault, TraceError, Warning};
use super::ground::{Ground, Metres};
use super::net::Net;
use super::options::{DEFAULT_ORIGIN, ReadOptions};
use super::projection::Projection;
use crate::geodesy::{MAX_PLANE_M, Plane};

/// How the x and y of a file are read. What neither options nor the file state is settled by its first rows.
#[derive(Debug)]
pub(super) struct Coordinates {
    plane: Plane,
    /// Whether somebody said where x = 0, y = 0 is.
    has_origin: bool,
    net: Option<Net>,
    /// That of a mapping, and what to add before.
    projection: Option<(Projection, (f64, f64))>,
    asked: Option<bool>,
    degrees: bool,
    /// Subtracted from x and y in metres.
    shift: (f64, f64),
    /// Whether every x and y so far could be degrees.
    all_small: bool,
    /// Whether options, file or rows told degrees from metres.
    known: bool,
}

impl Coordinates {
    pub(super) fn new(options: &ReadOptions) -> Result<Self, TraceError> {
        let mapping = options.mapping.as_ref();
        let origin = options.origin.or(mapping.and_then(|mapping| mapping.origin));
        let (latitude, longitude) = origin.unwrap_or(DEFAULT_ORIGIN);
        let plane = Plane::new(latitude, longitude).ok_or(TraceError::BadOrigin { latitude, longitude })?;
        Ok(Self {
            plane,
            has_origin: origin.is_some(),
            net: options.net.clone().filter(|_| options.origin.is_none()),
            projection: mapping
                .and_then(|mapping| mapping.projection)
                .filter(|_| options.origin.is_none() && options.net.is_none()),
            asked: options.geographic,
            degrees: options.geographic.unwrap_or(false),
            shift: (0.0, 0.0),
            all_small: true,
            known: options.geographic.is_some() || mapping.is_some_and(|mapping| !mapping.degrees),
        })
    }

    /// The file itself states that x and y are degrees. Options, when given, take precedence.
    pub(super) fn state_degrees(&mut self) {
        self.degrees = self.asked.unwrap_or(true);
        self.known = true;
    }

    /// Settles by the first rows what nothing stated; `moves` are those of stations from row to row. An error: the net
    /// given is another than the trace's.
    pub(super) fn settle(
        &mut self,
        first: Option<(f64, f64)>,
        moves: impl Iterator<Item = Move>,
    ) -> Result<(), &Net> {
        if !self.known {
            let mut sum = Move { stated_m: 0.0, x: 0.0, y: 0.0, latitude: 0.0 };
            let (mut as_metres, mut as_degrees) = (0.0, 0.0);
            for mut step in moves {
                sum.stated_m += step.stated_m;
                // Degrees that pass the antimeridian; no row moves so many metres while x stays within 180.
                if (180.0..=360.0).contains(&step.x.abs()) {
                    step.x -= 360f64.copysign(step.x);
                }
                as_metres += step.x.hypot(step.y);
                as_degrees += degrees_in_metres(step.x, step.y, step.latitude);
            }
            let enough = sum.stated_m >= ENOUGH_M;
            // Read as metres a vehicle would crawl at a hundred-thousandth of its speed.
            if enough && as_metres < sum.stated_m * 0.01 && ALIKE.contains(&(as_degrees / sum.stated_m)) {
                self.degrees = true;
            }
            self.known = enough && as_metres > sum.stated_m * 0.01 || self.degrees;
        }
        let Some((x, y)) = first else { return Ok(()) };
        if let Some(net) = &self.net {
            if self.degrees {
                return if net.has_degrees(y, x) { Ok(()) } else { Err(net) };
            }
            let Some((east, north)) = net.shift_for(x, y) else { return Err(net) };
            self.shift = (-east, -north);
        } else if self.projection.is_none()
            && !self.degrees
            && (x.abs() > MAX_PLANE_M || y.abs() > MAX_PLANE_M)
        {
            self.shift = (x.round(), y.round());
        }
        Ok(())
    }

    /// Whether x and y are degrees, once settled.
    pub(super) fn are_degrees(&self) -> bool {
        self.degrees
    }

    /// What other files in these coordinates need to know, once settled.
    pub(super) fn ground(&self) -> Ground {
        let metres = match (&self.net, &self.projection) {
            _ if self.degrees => return Ground { metres: None, net: self.net.clone() },
            (Some(net), _) => Metres::Net(net.clone()),
            (None, Some((projection, add))) => Metres::Projection(*projection, *add),
            (None, None) => {
                let is_true = self.has_origin && self.shift == (0.0, 0.0);
                Metres::Plane { plane: self.plane, shift: self.shift, is_true }
            }
        };
        Ground { metres: Some(metres), net: None }
    }

    /// The place of a row.
    pub(super) fn place(&mut self, x: f64, y: f64) -> Result<Position, RowFault> {
        if self.degrees {
            let place = Position::from_degrees(y, x).ok_or(RowFault::OffGlobe)?;
            return if place.is_unset() { Err(RowFault::NoPosition) } else { Ok(place) };
        }
        self.all_small &= could_be_degrees(x, y);
        let (x, y) = (x - self.shift.0, y - self.shift.1);
        let place = match (&self.net, &self.projection) {
            (Some(net), _) => net.place(x, y),
            (None, Some((projection, (east, north)))) => projection.place(x + east, y + north),
            (None, None) => self.plane.point(x, y),
        };
        place.ok_or(RowFault::OffPlane)
    }

    /// What the user should know about how the file was read.
    pub(super) fn warnings(&self) -> impl Iterator<Item = Warning> {
        let (x, y) = self.shift;
        let in_plane = self.net.is_none() && self.projection.is_none();
        let shifted = (in_plane && self.shift != (0.0, 0.0)).then_some(Warning::Shifted { x, y });
        let unclear = in_plane && self.all_small && !self.degrees && !self.known;
        let unclear = unclear.then_some(Warning::LooksGeographic);
        shifted.into_iter().chain(unclear)
    }
}

/// How far a station came between two of its rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    /// By the speeds of both rows.
    pub stated_m: f64,
    /// By x and y, in the file's unit.
    pub x: f64,
    pub y: f64,
    /// The y it came from, which is a latitude if these are degrees.
    pub latitude: f64,
}

fn could_be_degrees(x: f64, y: f64) -> bool {
    x.abs() <= 180.0 && y.abs() <= 90.0
}

fn degrees_in_metres(x: f64, y: f64, latitude: f64) -> f64 {
    (x * latitude.to_radians().cos()).hypot(y) * METRES_PER_DEGREE
}

/// Roughly, anywhere on the globe: a hundred-thousandfold difference is looked for.
const METRES_PER_DEGREE: f64 = 111_200.0;
/// Speeds have to account for this much movement before they decide anything.
const ENOUGH_M: f64 = 20.0;
/// Moved by places over moved by speeds, when both mean the same.
const ALIKE: core::ops::Range<f64> = 0.2..5.0;
