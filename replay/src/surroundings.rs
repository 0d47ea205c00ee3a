//! What is in the way of frames in a world: streets, buildings, and the vehicles of its trace.

use std::sync::Arc;

use crate::medium::{Buildings, Streets, VehicleBody};
use crate::source::{self, Reading, SideFileError, StationKind, StationSize, Trace};

/// What is in the way of frames; the default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Streets of a grid, with buildings between them that nothing passes.
    pub streets: Option<Streets>,
    /// Buildings by their outlines.
    pub buildings: Option<Arc<Buildings>>,
    /// The stations' bodies, by their number. They count where the radio's profile has vehicles take anything.
    pub vehicles: Option<Arc<[VehicleBody]>>,
}

/// Why what is in the way of frames is not known. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurroundingsError {
    /// The polygons cannot be used.
    #[error(transparent)]
    Polygons(#[from] SideFileError),
    /// The profile has no radio.
    #[error(
        "{0}: a range and no radio channel; take published, highway, urban, crossing or a file of a radio"
    )]
    NoRadio(String),
    /// No station comes near a building.
    #[error(
        "{path}: its buildings are of another place than the trace: no station comes within 2 km; give the polygons of its net, in its \
         coordinates"
    )]
    Elsewhere {
        /// The file of polygons.
        path: String,
    },
}

impl Surroundings {
    /// The vehicles of a trace, and the buildings that are named with it.
    ///
    /// # Errors
    /// The buildings cannot be used.
    pub fn read(trace: &Trace, reading: &Reading) -> Result<Self, SurroundingsError> {
        let vehicles = Self::of(trace);
        let Some(path) = &reading.polygons else { return Ok(vehicles) };
        let outlines = source::buildings(path, &trace.ground, &reading.polygon_types())?;
        let buildings = Buildings::new(&outlines).filter(|buildings| {
            trace.samples.iter().any(|sample| buildings.are_about(sample.point(), ELSEWHERE_M))
        });
        let path = path.display().to_string();
        let buildings = buildings.ok_or(SurroundingsError::Elsewhere { path })?;
        Ok(Self { buildings: Some(Arc::new(buildings)), ..vehicles })
    }

    /// The vehicles of a trace, and no buildings.
    pub fn of(trace: &Trace) -> Self {
        let body = |(station, kind): (usize, &StationKind)| {
            body(*kind, trace.sizes.get(station).copied().unwrap_or_default())
        };
        Self { vehicles: Some(trace.kinds.iter().enumerate().map(body).collect()), ..Self::default() }
    }
}

/// A station's body: heights and antennas of vehicles by 3GPP TR 37.885, 6.1.2 (types 2 and 3), where the trace has no size the
/// usual one of the kind. Persons and two wheels are in nobody's way.
fn body(kind: StationKind, size: StationSize) -> VehicleBody {
    let (length_m, width_m, height_m, antenna_m) = match kind {
        StationKind::Passenger => (5.0, 1.8, 1.6, 1.6),
        StationKind::Bus => (12.0, 2.5, 3.0, 3.0),
        StationKind::Truck => (13.0, 2.6, 3.0, 3.0),
        StationKind::Emergency => (6.5, 2.2, 3.0, 3.0),
        StationKind::Tram => (30.0, 2.4, 3.0, 3.0),
        StationKind::Train => (75.0, 2.8, 3.0, 3.0),
        StationKind::Motorcycle | StationKind::Bicycle | StationKind::Pedestrian => (0.0, 0.0, 0.0, 1.6),
        StationKind::Roadside => (0.0, 0.0, 0.0, 5.0),
    };
    let metres = |dm: Option<u16>, usual: f32| dm.map_or(usual, |dm| f32::from(dm) / 10.0);
    VehicleBody {
        length_m: metres(size.length_dm, length_m),
        width_m: metres(size.width_dm, width_m),
        height_m,
        antenna_m,
    }
}

/// Buildings this far from all stations are of another place, m.
const ELSEWHERE_M: f64 = 2_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_size_of_the_trace_and_else_of_its_kind() {
        let trace = Trace {
            kinds: vec![StationKind::Bus, StationKind::Passenger, StationKind::Pedestrian],
            sizes: vec![StationSize::of_metres(Some(18.0), None)],
            ..Trace::default()
        };
        let bodies = Surroundings::of(&trace).vehicles.unwrap();
        assert_eq!(bodies[0], VehicleBody { length_m: 18.0, width_m: 2.5, height_m: 3.0, antenna_m: 3.0 });
        assert_eq!(bodies[1], VehicleBody { length_m: 5.0, width_m: 1.8, height_m: 1.6, antenna_m: 1.6 });
        assert_eq!(bodies[2].height_m, 0.0);
    }
}
