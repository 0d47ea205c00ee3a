//! The town that is compiled in: Roadcast's own small grid scenario, for the demo and for trying things out.
//!
//! A grid of four by four crossings 150 m apart with streets leading out, about 650 m across; 55 cars over 60 s at
//! 10 Hz, 24 to 29 of them at a time. Made with SUMO 1.28 (netgenerate, randomTrips) for this project.

use super::{ReadOptions, Trace, read_from};
use crate::geodesy::Plane;
use v2x_core::Position;

/// The cars of the town, 60 s at 10 Hz.
pub fn trace() -> Trace {
    let options = ReadOptions { origin: Some(ORIGIN), ..ReadOptions::default() };
    read_from(TRACE, "the town", &options).expect("invariant: the compiled-in trace is readable")
}

/// The middle lines of the town's lanes, in metres east and north of [`ORIGIN`], for drawing.
pub fn lanes() -> Vec<Vec<(f64, f64)>> {
    serde_json::from_str(LANES).expect("invariant: the compiled-in lanes are readable")
}

/// Two crossings in the middle of the town, 212 m apart, where a roadside unit with a signal would stand. (SUMO's
/// generator made them priority crossings, so the trace itself obeys no lights.)
pub fn signals() -> [Junction; 2] {
    let plane = Plane::new(ORIGIN.0, ORIGIN.1).expect("invariant: the town's origin is on the globe");
    JUNCTIONS.map(|(name, x, y)| Junction {
        name,
        x,
        y,
        point: plane.point(x, y).expect("invariant: the town lies about its origin"),
    })
}

/// A crossing of the town.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Junction {
    /// Its name in the network.
    pub name: &'static str,
    /// Metres east of [`ORIGIN`].
    pub x: f64,
    /// Metres north of [`ORIGIN`].
    pub y: f64,
    /// Its middle on the globe.
    pub point: Position,
}

/// Latitude and longitude in degrees of the town's south-west corner, x = 0, y = 0.
pub const ORIGIN: (f64, f64) = super::DEFAULT_ORIGIN;

/// Metres from [`ORIGIN`] to the town's east and north edges.
pub const SIZE_M: (f64, f64) = (650.0, 650.0);

const JUNCTIONS: [(&str, f64, f64); 2] = [("B1", 250.0, 250.0), ("C2", 400.0, 400.0)];
const TRACE: &[u8] = include_bytes!("../../assets/town.fcd.csv.gz");
const LANES: &str = include_str!("../../assets/town.lanes.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_town_is_whole_and_its_cars_are_on_its_lanes() {
        let trace = trace();
        assert_eq!(trace.warnings, []);
        assert_eq!((trace.stations(), trace.samples.len()), (55, 16_049));
        assert_eq!(trace.step_ns(), 100_000_000);
        assert_eq!(trace.duration().as_millis(), 59_900);
        let plane = Plane::new(ORIGIN.0, ORIGIN.1).unwrap();
        let corners: Vec<(f64, f64)> = lanes().concat();
        assert!(corners.len() >= 100);
        for (x, y) in corners {
            assert!((0.0..=SIZE_M.0).contains(&x) && (0.0..=SIZE_M.1).contains(&y));
        }
        for sample in &trace.samples {
            let (x, y) = plane.metres(sample.point());
            assert!((-1.0..=SIZE_M.0 + 1.0).contains(&x) && (-1.0..=SIZE_M.1 + 1.0).contains(&y));
        }
        for junction in signals() {
            let near = |sample: &&crate::source::Sample| {
                crate::geodesy::distance_m(sample.point(), junction.point) < 50.0
            };
            assert!(trace.samples.iter().filter(near).count() > 500);
        }
    }
}
