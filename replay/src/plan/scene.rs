//! A plan and a seed made into a trace, and what its stations do.

use core::time::Duration;
use std::sync::Arc;

use v2x_core::{HazardDraft, Position};
use v2x_proto::cause;
use v2x_proto::{AreaView, Class};
use v2x_settings::SettingsError;

use super::scenario::{Scenario, TraceScenario};
use super::way::{Way, origin};
use super::zero::Zero;
use super::{Area, Event, MAX_LENGTH_S, Origin, Plan, controller, ns};
use crate::faults::FaultSetting;
use crate::flood::Side;
use crate::medium::{Buildings, Streets};
use crate::source::{self, DEFAULT_MAX_SAMPLES, ReadingError, Sample, StationKind, Trace, TraceError};
use crate::surroundings::SurroundingsError;
use crate::world::{By, Content, Errand, Saboteur, length};

/// One run of a plan, ready to be begun.
#[derive(Clone, Debug)]
pub struct Scene {
    /// All stations: those of the scenario first, then units, then attackers.
    pub trace: Trace,
    /// What is declared and sent, when and by which station.
    pub errands: Vec<Errand>,
    /// Attackers that sabotage floods.
    pub saboteurs: Vec<Saboteur>,
    /// Streets of a grid, with buildings between them.
    pub streets: Option<Streets>,
    /// Buildings by their outlines.
    pub buildings: Option<Arc<Buildings>>,
    /// By station, where the network is in two parts.
    pub sides: Vec<Side>,
    /// What goes wrong.
    pub faults: FaultSetting,
}

/// Why a plan cannot be made into a run. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SceneError {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// What says how the trace is read cannot be.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// The buildings cannot be used.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
    /// What the plan says does not fit the scenario.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The scenario is too large.
    #[error(
        "the scenario has {stations} stations for {seconds:.0} s; make it smaller or shorter: {MAX_STATIONS} stations and {DEFAULT_MAX_SAMPLES} positions are the most"
    )]
    TooLarge {
        /// Stations.
        stations: usize,
        /// Length.
        seconds: f64,
    },
    /// An event's origin is not in the scenario.
    #[error("event {event}: the scenario has no station \"{name}\"; {}, or at_m = [x, y]", take(units))]
    NoSuchStation {
        /// Which event, from 1.
        event: usize,
        /// The name it gives.
        name: String,
        /// The units there are.
        units: Vec<String>,
    },
    /// An event's origin is absent when it should send.
    #[error(
        "event {event}: station \"{name}\" is not there {at_s} s after the warm-up; take another time or centre_m"
    )]
    NotThere {
        /// Which event, from 1.
        event: usize,
        /// The name it gives.
        name: String,
        /// When, s.
        at_s: f64,
    },
}

/// What to use instead of an unknown name.
fn take(units: &[String]) -> String {
    if units.is_empty() {
        return "make it a [[unit]]".to_owned();
    }
    let shown: Vec<_> = units.iter().take(UNITS_SHOWN).map(|name| format!("\"{name}\"")).collect();
    let more = if units.len() > UNITS_SHOWN { " ..." } else { "" };
    format!("take a unit's name: {}{more}", shown.join(", "))
}

impl Scene {
    /// How long a run of the plan lasts, s: [`Plan::length_s`], but a trace with awareness alone is run to its end.
    ///
    /// # Errors
    /// [`SceneError::Trace`], [`SceneError::Reading`].
    pub fn length_s(plan: &Plan) -> Result<f64, SceneError> {
        match &plan.scenario {
            Scenario::Trace(scenario) if plan.is_awareness_alone() => Ok(end_s(&read(scenario)?)),
            _ => Ok(plan.length_s()),
        }
    }

    /// The run of a plan with a seed.
    ///
    /// # Errors
    /// [`SceneError`].
    pub fn new(plan: &Plan, seed: u64) -> Result<Self, SceneError> {
        let mut stage = Stage { trace: Trace::default(), sides: Vec::new(), length_s: plan.length_s() };
        let (mut streets, mut buildings) = (None, None);
        match &plan.scenario {
            Scenario::Highway(highway) => stage.drive(highway.ways(seed, stage.length_s))?,
            Scenario::Grid(grid) => {
                streets = Some(Streets::new(origin(), grid.block_m));
                stage.drive(grid.ways(seed, stage.length_s))?;
            }
            Scenario::Partition(partition) => {
                let (ways, sides) = partition.ways(seed, plan.warm_up_s).into_iter().unzip();
                stage.drive(ways)?;
                stage.sides = sides;
            }
            Scenario::Trace(scenario) => {
                stage.trace = read(scenario)?;
                buildings = plan.medium.surroundings(&stage.trace, &scenario.reading)?.buildings;
                if plan.is_awareness_alone() {
                    stage.length_s = end_s(&stage.trace);
                }
            }
        }
        let zero = Zero::of(&plan.scenario, &stage.trace);
        for unit in &plan.units {
            stage.stand(&unit.name, StationKind::Roadside, zero.place(unit.at_m));
        }
        let mut saboteurs = Vec::new();
        for (number, attacker) in plan.attackers.iter().enumerate() {
            let name = format!("attacker {}", number + 1);
            let station = stage.stand(&name, StationKind::Passenger, zero.place(attacker.at_m));
            saboteurs.push(Saboteur { station, kind: attacker.kind });
        }
        let Stage { mut trace, sides, .. } = stage;
        trace.samples.sort_by_key(|sample| (sample.time_ns, sample.station));
        let errands = errands(plan, &trace, &zero)?;
        let faults = FaultSetting::new(&plan.faults, &trace.names, seed, (plan.start_ns(), zero.at))?;
        Ok(Self { trace, errands, saboteurs, streets, buildings, sides, faults })
    }
}

fn read(scenario: &TraceScenario) -> Result<Trace, SceneError> {
    Ok(source::read(&scenario.file, &scenario.reading.options()?)?)
}

/// How long a trace with awareness alone is run.
fn end_s(trace: &Trace) -> f64 {
    length(trace).as_secs_f64().min(MAX_LENGTH_S)
}

/// A trace under construction.
struct Stage {
    trace: Trace,
    sides: Vec<Side>,
    length_s: f64,
}

impl Stage {
    fn drive(&mut self, ways: Vec<Way>) -> Result<(), SceneError> {
        let moving = ways.iter().filter(|way| way.trip.is_some()).count();
        let samples = self.length_s * (moving as f64 * 1e9 / MOVING_STEP_NS as f64 + ways.len() as f64);
        if ways.len() > MAX_STATIONS || samples > DEFAULT_MAX_SAMPLES as f64 {
            return Err(SceneError::TooLarge { stations: ways.len(), seconds: self.length_s });
        }
        for way in &ways {
            let name = format!("car {}", self.trace.names.len() + 1);
            self.add(&name, StationKind::Passenger, way);
        }
        Ok(())
    }

    fn add(&mut self, name: &str, kind: StationKind, way: &Way) {
        let station = self.name(name, kind);
        let step_ns = if way.trip.is_some() { MOVING_STEP_NS } else { STANDING_STEP_NS };
        let steps = ns(self.length_s).div_ceil(step_ns);
        let samples = (0..=steps).filter_map(|step| way.sample(step * step_ns, station));
        self.trace.samples.extend(samples);
    }

    /// A station that stands at a place for the whole run.
    fn stand(&mut self, name: &str, kind: StationKind, at: Position) -> u32 {
        let station = self.name(name, kind);
        let steps = ns(self.length_s).div_ceil(STANDING_STEP_NS);
        self.trace.samples.extend((0..=steps).map(|step| Sample {
            time_ns: step * STANDING_STEP_NS,
            station,
            latitude: at.latitude,
            longitude: at.longitude,
            speed: Some(0),
            heading: Some(EAST),
            acceleration: Some(0),
        }));
        station
    }

    fn name(&mut self, name: &str, kind: StationKind) -> u32 {
        self.trace.names.push(name.to_owned());
        self.trace.kinds.push(kind);
        self.trace.names.len() as u32 - 1
    }
}

fn errands(plan: &Plan, trace: &Trace, zero: &Zero) -> Result<Vec<Errand>, SceneError> {
    let named = |name: &str| trace.names.iter().position(|known| known == name);
    let mut errands = Vec::new();
    for (number, event) in plan.events.iter().enumerate() {
        let by = match &event.by {
            Origin::Nearest(place) => By::Nearest(zero.place(*place)),
            Origin::Named(name) => {
                let units = || plan.units.iter().map(|unit| unit.name.clone()).collect();
                let missing =
                    || SceneError::NoSuchStation { event: number + 1, name: name.clone(), units: units() };
                By::Station(named(name).ok_or_else(missing)? as u32)
            }
        };
        for time in 0..event.times {
            let at_s = event.at_s + event.every_s * f64::from(time);
            let at_ns = plan.start_ns() + ns(at_s);
            let area = event.area.as_ref().map(|area| view(area, by, at_ns, (trace, zero))).map(|area| {
                area.ok_or_else(|| SceneError::NotThere {
                    event: number + 1,
                    name: match &event.by {
                        Origin::Named(name) => name.clone(),
                        Origin::Nearest(_) => String::new(),
                    },
                    at_s,
                })
            });
            let area = area.transpose()?;
            errands.push(Errand { at_ns, by, content: Content::Hazard(draft(event, area)), due_ns: None });
        }
    }
    for controller in &plan.controllers {
        let Some(unit) = named(&controller.unit) else { continue };
        for (at_s, report_s) in controller::messages(controller) {
            errands.push(Errand {
                at_ns: plan.start_ns() + ns(at_s),
                by: By::Station(unit as u32),
                content: Content::SignalState { intersection: controller.intersection },
                due_ns: report_s.map(|report_s| plan.start_ns() + ns(report_s)),
            });
        }
    }
    Ok(errands)
}

fn draft(event: &Event, area: Option<AreaView>) -> HazardDraft {
    let cause = match event.class {
        // Not an emergency braking: the vehicles keep their speed, so receivers would suspect them of lying.
        Class::D0 | Class::D1 => cause::COLLISION_RISK,
        _ => cause::STATIONARY_VEHICLE,
    };
    let validity = Duration::from_secs(u64::from(event.validity_s));
    HazardDraft { validity, area, ..HazardDraft::new(event.class, cause) }
}

/// An area on the globe; `None` when its centre is a station that is not there.
fn view(area: &Area, by: By, at_ns: u64, (trace, zero): (&Trace, &Zero)) -> Option<AreaView> {
    let centre = match (area.centre_m, by) {
        (Some(place), _) => zero.place(place),
        (None, By::Nearest(place)) => place,
        (None, By::Station(station)) => {
            let samples = trace.samples.iter().filter(|sample| sample.station == station);
            let nearest = samples.min_by_key(|sample| sample.time_ns.abs_diff(at_ns))?;
            if nearest.time_ns.abs_diff(at_ns) > STANDING_STEP_NS {
                return None;
            }
            Position { latitude: nearest.latitude, longitude: nearest.longitude }
        }
    };
    Some(AreaView {
        latitude: centre.latitude,
        longitude: centre.longitude,
        shape: area.shape,
        distance_a_m: area.distance_a_m,
        distance_b_m: area.distance_b_m,
        azimuth_deg: area.azimuth_deg,
    })
}

/// A fix as often as a receiver gives one.
const MOVING_STEP_NS: u64 = 100_000_000;
/// Time between samples of stations that do not move.
const STANDING_STEP_NS: u64 = 1_000_000_000;
/// 0.1 degree.
const EAST: u16 = 900;
/// Units named in an error.
const UNITS_SHOWN: usize = 5;
const MAX_STATIONS: usize = 10_000;

#[cfg(test)]
mod tests;
