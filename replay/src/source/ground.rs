//! What the ground of a trace is: how its x and y became places, for other files in the same coordinates.

use v2x_core::Position;

use super::net::Net;
use super::projection::Projection;
use crate::geodesy::Plane;

/// How the x and y of a trace's file lie on the globe. The default is that they are degrees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ground {
    pub(super) metres: Option<Metres>,
    /// The net given, though places are degrees.
    pub(super) net: Option<Net>,
}

/// How metres became places.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Metres {
    /// About an origin, less what the file begins at; whether that origin is the true one.
    Plane { plane: Plane, shift: (f64, f64), is_true: bool },
    /// As the metres of a net.
    Net(Net),
    /// By a mapping's projection, with what is added before.
    Projection(Projection, (f64, f64)),
}

impl Ground {
    /// Whether the trace's own coordinates are degrees.
    pub(super) fn is_in_degrees(&self) -> bool {
        self.metres.is_none()
    }

    /// Whether the trace's places are where they are said to be on the globe.
    pub(super) fn is_on_globe(&self) -> bool {
        !matches!(self.metres, Some(Metres::Plane { is_true: false, .. }))
    }

    /// Whether there is a net whose metres are known though the trace is in degrees.
    pub(super) fn has_net(&self) -> bool {
        self.net.is_some()
    }

    /// The place of metres in the trace's coordinates, or in those of its net.
    pub(super) fn place(&self, x: f64, y: f64) -> Option<Position> {
        match &self.metres {
            Some(Metres::Plane { plane, shift, .. }) => plane.point(x - shift.0, y - shift.1),
            Some(Metres::Net(net)) => net.place(x, y),
            Some(Metres::Projection(projection, (east, north))) => projection.place(x + east, y + north),
            None => self.net.as_ref()?.place(x, y),
        }
    }

    /// The place this far from where x = 0, y = 0 of the trace, or of its net, is; `None` where the trace is in degrees or in eastings
    /// and northings without a net.
    pub(crate) fn at_offset(&self, east: f64, north: f64) -> Option<Position> {
        match (&self.metres, &self.net) {
            (Some(Metres::Plane { plane, .. }), _) => Some(plane.point(0.0, 0.0)?.moved(east, north)),
            (Some(Metres::Net(net)), _) | (None, Some(net)) => net.place(east, north),
            (Some(Metres::Projection(..)), _) | (None, None) => None,
        }
    }
}
