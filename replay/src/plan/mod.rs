//! Runs as data: a scenario of stations made by seed, what they send, which attack, and how frames are received.
//!
//! `replay/plans/flood/README.md` lists every key of a plan.

mod controller;
mod parse;
mod run;
mod scenario;
mod scene;
mod way;
mod zero;

use std::path::Path;

use v2x_core::{Congestion, Imminent, Regulation, Scheme};
use v2x_proto::{Class, Shape};
use v2x_settings::SettingsError;

use crate::faults::Fault;
use crate::medium::{AirProfile, Ether, Medium, Power, ProfileError, RadioProfile, RangeLimited};
use crate::processor::Processor;
use crate::source::{Reading, ReadingError, Trace};
use crate::surroundings::{Surroundings, SurroundingsError};
use crate::text_file;
use crate::world::Sabotage;

pub use run::{PlanOptions, PlanRunError, run, run_logged};
pub use scenario::{Grid, Highway, Partition, Scenario, TraceScenario};
pub use scene::{Scene, SceneError};

/// The content of a plan file.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One run for each; each seed gives other places, keys and draws.
    pub seeds: Vec<u64>,
    /// How floods are forwarded: all runs are repeated for each, the first is the one reported on.
    pub forwarding: Vec<Forwarding>,
    /// How imminent warnings survive the loss of a frame; `None`: as the regulation has it.
    pub imminent: Option<Imminent>,
    /// What the work of a station takes.
    pub processor: Processor,
    /// What keeps the stations' rates to what the channel bears.
    pub congestion: Congestion,
    /// The law that holds for every frame.
    pub regulation: Regulation,
    /// Time before the first event, s, in which neighbours and credentials become known.
    pub warm_up_s: f64,
    /// Time after the last event, s.
    pub settle_s: f64,
    /// Where stations are and how they move.
    pub scenario: Scenario,
    /// How frames are received.
    pub medium: MediumPlan,
    /// Roadside units.
    pub units: Vec<Unit>,
    /// Hazards that are declared.
    pub events: Vec<Event>,
    /// Attackers that sabotage floods.
    pub attackers: Vec<Attacker>,
    /// Controllers that feed roadside units.
    pub controllers: Vec<Controller>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// How floods are forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// The stack's own rules.
    Roadcast,
    /// EN 302 636-4-1 contention-based forwarding with its default figures.
    Etsi,
    /// Every station repeats each flood once.
    Flooding,
}

impl Forwarding {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Roadcast, Self::Etsi, Self::Flooding];

    /// Name in plans and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roadcast => "roadcast",
            Self::Etsi => "etsi",
            Self::Flooding => "flooding",
        }
    }

    /// The way of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }
}

impl From<Forwarding> for Scheme {
    fn from(forwarding: Forwarding) -> Self {
        match forwarding {
            Forwarding::Roadcast => Self::Roadcast,
            Forwarding::Etsi => Self::Etsi,
            Forwarding::Flooding => Self::Flooding,
        }
    }
}

/// How frames are received, and what that is called.
#[derive(Clone, Debug, PartialEq)]
pub struct MediumPlan {
    /// A profile's name or file; "range" for a range without a profile.
    pub name: String,
    /// The profile.
    pub profile: AirProfile,
}

impl Default for MediumPlan {
    fn default() -> Self {
        Self { name: "published".to_owned(), profile: AirProfile::Radio(Box::new(RadioProfile::published())) }
    }
}

impl MediumPlan {
    /// By every station within this many metres.
    pub fn range(range_m: f64) -> Self {
        Self { name: "range".to_owned(), profile: AirProfile::Range(range_m) }
    }

    /// The profile of this name, or else in this file.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        Ok(Self { name: name.to_owned(), profile: AirProfile::named(name, Path::new(""))? })
    }

    /// How far a station is heard where nothing else decides, m.
    pub fn range_m(&self) -> Option<f64> {
        match self.profile {
            AirProfile::Range(range_m) => Some(range_m),
            AirProfile::Radio(_) => None,
        }
    }

    /// What is in the way of the frames of a trace that was read so: its vehicles, and the buildings of a radio.
    ///
    /// # Errors
    /// The buildings cannot be used, or this is no radio.
    pub fn surroundings(&self, trace: &Trace, reading: &Reading) -> Result<Surroundings, SurroundingsError> {
        if reading.polygons.is_some() && self.range_m().is_some() {
            return Err(SurroundingsError::NoRadio(self.name.clone()));
        }
        Surroundings::read(trace, reading)
    }

    /// The medium of a run with this seed, without buildings.
    pub fn medium(&self, seed: u64) -> Box<dyn Medium> {
        self.among(&Surroundings::default(), seed)
    }

    /// The same, and every reception has its power.
    pub fn powered(&self, surroundings: &Surroundings, seed: u64) -> Box<dyn Medium> {
        match &self.profile {
            AirProfile::Range(range_m) => {
                let medium = RangeLimited::new(*range_m).among(surroundings.streets);
                Box::new(medium.with_power(Power::new(seed)))
            }
            AirProfile::Radio(_) => self.among(surroundings, seed),
        }
    }

    /// The medium of a run with this seed, with what is in its way. Outlines and vehicles weaken a radio's frames and are
    /// nothing to a range.
    pub fn among(&self, surroundings: &Surroundings, seed: u64) -> Box<dyn Medium> {
        match &self.profile {
            AirProfile::Range(range_m) => Box::new(RangeLimited::new(*range_m).among(surroundings.streets)),
            AirProfile::Radio(profile) => {
                let ether = Ether::new(profile, seed).among(surroundings.streets);
                let ether = ether.behind(surroundings.buildings.clone());
                Box::new(ether.between(surroundings.vehicles.clone()))
            }
        }
    }
}

/// A roadside unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its name, unlike all others.
    pub name: String,
    /// East and north of the scenario's origin, m.
    pub at_m: (f64, f64),
}

/// A hazard that an application declares, or several one after the other. How often it is repeated is up to the
/// station: repetitions are no events.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who.
    pub by: Origin,
    /// Time of the first, s after the warm-up.
    pub at_s: f64,
    /// Deadline class: D0, D1 or D3.
    pub class: Class,
    /// Relevance area (D3).
    pub area: Option<Area>,
    /// Validity, s.
    pub validity_s: u32,
    /// How many are declared, each an event of its own.
    pub times: u32,
    /// From one to the next, s.
    pub every_s: f64,
}

/// The station that declares an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// The station of this name.
    Named(String),
    /// The one nearest to this place then.
    Nearest((f64, f64)),
}

/// The relevance area of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Its shape.
    pub shape: Shape,
    /// Radius, or half the length along the azimuth, m.
    pub distance_a_m: u32,
    /// Half the width, m; 0 for a circle.
    pub distance_b_m: u32,
    /// Degrees clockwise from north.
    pub azimuth_deg: u32,
    /// Its centre; `None`: where the origin is.
    pub centre_m: Option<(f64, f64)>,
}

/// Attackers that sabotage floods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attacker {
    /// How.
    pub kind: Sabotage,
    /// From where.
    pub at_m: (f64, f64),
}

/// A signal controller that feeds a roadside unit with states, and then falls silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    /// The unit it feeds.
    pub unit: String,
    /// The intersection.
    pub intersection: u32,
    /// States a second.
    pub rate_hz: f64,
    /// From when, s after the warm-up.
    pub from_s: f64,
    /// Until when it speaks; the unit's vehicles get nothing from a second later on.
    pub until_s: f64,
}

/// Why a plan cannot be used. Each prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The file cannot be read.
    #[error(
        "{file}: cannot be read: {source}; a plan is a TOML file, such as replay/plans/flood/highway-60.toml"
    )]
    Open {
        /// The file as given.
        file: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is no plan by its size alone.
    #[error("{file}: longer than {MAX_PLAN_BYTES} bytes; a plan has some dozens of lines")]
    TooLong {
        /// The file as given.
        file: String,
    },
    /// Something in it is not as it has to be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file that says how its trace is read cannot be used.
    #[error("{file}: scenario.{}: {source}", source.key())]
    Reading {
        /// The plan's file as given.
        file: String,
        /// What is wrong with the other.
        source: Box<ReadingError>,
    },
}

impl Plan {
    /// Reads a plan from a file. A trace that it names is looked for beside it, as is what says how to read that, which is read once to
    /// know that it can be.
    ///
    /// # Errors
    /// The first violation.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let file = path.display().to_string();
        let text = match text_file::read(path, MAX_PLAN_BYTES) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(PlanError::TooLong { file }),
            Err(source) => return Err(PlanError::Open { file, source }),
        };
        let plan = Self::parse_beside(path, &text, path.parent())?;
        if let Scenario::Trace(trace) = &plan.scenario {
            let unusable = |source| PlanError::Reading { file, source: Box::new(source) };
            trace.reading.options().map_err(unusable)?;
        }
        Ok(plan)
    }

    /// How imminent warnings survive the loss of a frame: as the plan says, else as the regulation has it.
    pub fn imminent(&self) -> Imminent {
        self.imminent.unwrap_or(match self.regulation {
            Regulation::None => Imminent::Lab,
            Regulation::En302571 => Imminent::Regulated,
        })
    }

    /// When the first event is, ns.
    pub(crate) fn start_ns(&self) -> u64 {
        ns(self.warm_up_s)
    }

    /// Whether nothing is declared or fed: stations send their awareness, and there is no flood to report on.
    pub fn is_awareness_alone(&self) -> bool {
        self.events.is_empty() && self.controllers.is_empty()
    }

    /// How long a run lasts, s; a trace with awareness alone is run to its end instead.
    pub fn length_s(&self) -> f64 {
        let event = |event: &Event| event.at_s + event.every_s * f64::from(event.times - 1);
        let events = self.events.iter().map(event);
        let controllers = self.controllers.iter().map(|controller| controller.until_s);
        self.warm_up_s + events.chain(controllers).fold(0.0, f64::max) + self.settle_s
    }
}

/// Nanoseconds of seconds.
pub(crate) fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// Two hours.
const MAX_LENGTH_S: f64 = 7_200.0;
const MAX_PLAN_BYTES: u64 = 1 << 20;
