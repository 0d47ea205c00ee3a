//! A plan's text.

use core::ops::RangeInclusive;
use std::path::Path;

use v2x_core::{Congestion, Imminent, Regulation};
use v2x_proto::{Class, Shape};
use v2x_settings::{Document, Section, SettingsError, one_of};

use super::scenario::{Grid, Highway, Partition, Scenario, TraceScenario};
use super::{Area, Attacker, Controller, Event, Forwarding, MAX_LENGTH_S, MediumPlan, Origin, Plan, Unit};
use crate::faults;
use crate::medium::{AirProfile, ProfileError};
use crate::processor::Processor;
use crate::run::{DEFAULT_RANGE_M, MAX_RANGE_M};
use crate::source::Reading;
use crate::world::Sabotage;

impl Plan {
    /// Reads a plan; errors name it `file`. No other file is read: a trace and what says how to read it are named from the folder of
    /// `file`, and a radio profile has to be one that comes with the program.
    ///
    /// # Errors
    /// The first violation.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        Self::parse_beside(Path::new(file), text, None)
    }

    /// The same, with profiles in files of a folder.
    pub(super) fn parse_beside(
        path: &Path,
        text: &str,
        folder: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let document = Document::parse(path, text)?;
        let file = path.display();
        let right = format!(
            "a plan of floods; one of attacks on a trace is run by: roadcast replay run TRACE --attack {file}"
        );
        document.refuse("attack", "an attack", right)?;
        let right =
            format!("a plan, which has none; a station's configuration is run by: roadcast run {file}");
        document.refuse("role", "a station's role", right)?;
        let right =
            format!("a plan, which is one run; a sweep is run by: roadcast replay sweep {file} --out DIR");
        document.refuse("sweep", "a sweep", right)?;
        let top = document.top(TOP_KEYS)?;
        top.string("about", TEXT)?;
        let ways = Forwarding::ALL.map(|way| (way.name(), way));
        let plan = Self {
            seeds: top.integers("seeds", MAX_SEEDS)?.unwrap_or_else(|| vec![1]),
            forwarding: top.choices("forwarding", &ways)?.unwrap_or_else(|| vec![Forwarding::Roadcast]),
            imminent: top
                .choice("imminent", &[("lab", Imminent::Lab), ("regulated", Imminent::Regulated)])?,
            processor: Processor::read(&top)?.unwrap_or_default(),
            congestion: top.choice("congestion", &CONGESTION)?.unwrap_or_default(),
            regulation: top.choice("regulation", &REGULATION)?.unwrap_or_default(),
            warm_up_s: number(&top, "warm_up_s", 0.0..=600.0, 10.0)?,
            settle_s: number(&top, "settle_s", 0.1..=600.0, 3.0)?,
            scenario: scenario(&top)?,
            medium: medium(&top, folder)?,
            units: each(&top, "unit", UNIT_KEYS, unit)?,
            events: each(&top, "event", EVENT_KEYS, event)?,
            attackers: each(&top, "attacker", ATTACKER_KEYS, attacker)?,
            controllers: each(&top, "controller", CONTROLLER_KEYS, controller)?,
            faults: faults::together(
                &top.tables("fault", faults::FAULT_KEYS, MAX_TABLES)?,
                each(&top, "fault", faults::FAULT_KEYS, faults::fault)?,
            )?,
        };
        if plan.regulation == Regulation::En302571 && plan.imminent == Some(Imminent::Lab) {
            let right =
                "three copies within 12 ms break it: imminent = \"regulated\", or regulation = \"none\"";
            return Err(top.contradiction("imminent", "regulation = \"en302571\"", right));
        }
        buildings_in_a_radio(&top, &plan)?;
        for (number, unit) in plan.units.iter().enumerate() {
            if plan.units[..number].iter().any(|other| other.name == unit.name) {
                let found = format!("two named {:?}", unit.name);
                return Err(top.wrong("unit", found, "different names".to_owned()));
            }
        }
        for controller in &plan.controllers {
            if !plan.units.iter().any(|unit| unit.name == controller.unit) {
                let found = format!("unit = {:?}", controller.unit);
                return Err(top.wrong("controller", found, "the name of a [[unit]]".to_owned()));
            }
        }
        if plan.is_awareness_alone() && matches!(plan.scenario, Scenario::Partition(_)) {
            return Err(top.missing(
                "event",
                "what crosses a partition: at least one table [[event]] or [[controller]]",
            ));
        }
        if plan.is_awareness_alone() && !plan.attackers.is_empty() {
            return Err(top.missing("event", "what attackers act on: at least one table [[event]]"));
        }
        if plan.length_s() > MAX_LENGTH_S {
            let found = format!("a run of {:.0} s", plan.length_s());
            return Err(top.wrong("event", found, format!("events that end within {MAX_LENGTH_S} s")));
        }
        Ok(plan)
    }
}

fn each<T>(
    top: &Section<'_>,
    key: &'static str,
    known: &'static [&'static str],
    read: impl Fn(&Section<'_>) -> Result<T, SettingsError>,
) -> Result<Vec<T>, SettingsError> {
    top.tables(key, known, MAX_TABLES)?.iter().map(read).collect()
}

fn scenario(top: &Section<'_>) -> Result<Scenario, SettingsError> {
    let kinds = [
        ("highway", HIGHWAY_KEYS),
        ("grid", GRID_KEYS),
        ("partition", PARTITION_KEYS),
        ("trace", TRACE_KEYS),
    ];
    let given = top.table("scenario", SCENARIO_KEYS)?;
    let table = top.need("scenario", given, "a table [scenario]")?;
    let (kind, keys) = required(&table, "kind", &kinds.map(|(kind, keys)| (kind, (kind, keys))))?;
    table.only(keys, &format!("kind = {kind:?}"))?;
    Ok(match kind {
        "highway" => Scenario::Highway(highway(&table)?),
        "grid" => Scenario::Grid(grid(&table)?),
        "partition" => Scenario::Partition(partition(&table)?),
        _ => {
            let right = "the name of a trace, from the plan's folder";
            let file = table.need("file", table.string("file", right)?, right)?;
            Scenario::Trace(TraceScenario {
                file: table.beside(&file),
                reading: Box::new(Reading::of_keys(&table)?),
            })
        }
    })
}

/// One of a few names; a required key.
fn required<T: Copy>(
    table: &Section<'_>,
    key: &'static str,
    choices: &[(&'static str, T)],
) -> Result<T, SettingsError> {
    table.need(key, table.choice(key, choices)?, one_of(choices.iter().map(|(name, _)| *name)))
}

/// Buildings are in the way of a radio's frames alone.
fn buildings_in_a_radio(top: &Section<'_>, plan: &Plan) -> Result<(), SettingsError> {
    if !matches!(&plan.scenario, Scenario::Trace(trace) if trace.reading.polygons.is_some()) {
        return Ok(());
    }
    match (plan.medium.range_m(), top.table("scenario", SCENARIO_KEYS)?) {
        (Some(_), Some(table)) => {
            let other = format!("the medium {:?}, a range and no radio channel", plan.medium.name);
            let right = "take published, highway, urban, crossing or a file of a radio";
            Err(table.contradiction("polygons", &other, right))
        }
        _ => Ok(()),
    }
}

fn highway(table: &Section<'_>) -> Result<Highway, SettingsError> {
    let highway = Highway {
        length_m: number(table, "length_m", 100.0..=50_000.0, 5_000.0)?,
        density_per_km: number(table, "density_per_km", 1.0..=1_000.0, 60.0)?,
        lanes: whole(table, "lanes", 1..=16, 4)?,
        directions: whole(table, "directions", 1..=2, 2)?,
        speed_mps: number(table, "speed_mps", 0.0..=70.0, 30.0)?,
        jitter: number(table, "jitter", 0.0..=0.45, 0.4)?,
    };
    let least = highway.spacing_m() * (1.0 - 2.0 * highway.jitter);
    if least < LEAST_GAP_M {
        let found = format!("{} per km", highway.density_per_km);
        let right = format!("fewer vehicles, more lanes or less jitter: two would be {least:.1} m apart");
        return Err(table.wrong("density_per_km", found, right));
    }
    Ok(highway)
}

fn grid(table: &Section<'_>) -> Result<Grid, SettingsError> {
    let blocks = table.pair("blocks", 1.0..=50.0)?.unwrap_or((6.0, 6.0));
    let grid = Grid {
        blocks: (blocks.0 as u32, blocks.1 as u32),
        block_m: number(table, "block_m", 50.0..=1_000.0, 150.0)?,
        density_per_km: number(table, "density_per_km", 1.0..=500.0, 40.0)?,
        speed_mps: number(table, "speed_mps", 0.0..=30.0, 0.0)?,
        jitter: number(table, "jitter", 0.0..=0.45, 0.4)?,
    };
    let least = 2000.0 / grid.density_per_km * (1.0 - 2.0 * grid.jitter);
    if least < LEAST_GAP_M {
        let found = format!("{} per km", grid.density_per_km);
        let right = format!("fewer vehicles or less jitter: two would be {least:.1} m apart");
        return Err(table.wrong("density_per_km", found, right));
    }
    Ok(grid)
}

fn partition(table: &Section<'_>) -> Result<Partition, SettingsError> {
    let merges = table.choice("heals_by", &[("courier", false), ("merge", true)])?;
    Ok(Partition {
        stations: whole(table, "stations", 2..=1_000, 20)?,
        spacing_m: number(table, "spacing_m", 10.0..=500.0, 40.0)?,
        gap_m: number(table, "gap_m", 100.0..=10_000.0, 1_500.0)?,
        jitter: number(table, "jitter", 0.0..=0.45, 0.2)?,
        heals_s: number(table, "heals_s", 0.0..=600.0, 60.0)?,
        speed_mps: number(table, "speed_mps", 1.0..=70.0, 30.0)?,
        merges: merges.unwrap_or(false),
    })
}

fn medium(top: &Section<'_>, folder: Option<&Path>) -> Result<MediumPlan, SettingsError> {
    let Some(table) = top.table("medium", &["kind", "range_m", "profile"])? else {
        return Ok(MediumPlan::default());
    };
    if required(&table, "kind", &[("range", true), ("radio", false)])? {
        table.only(&["kind", "range_m"], "kind = \"range\"")?;
        return Ok(MediumPlan::range(number(&table, "range_m", 1.0..=MAX_RANGE_M, DEFAULT_RANGE_M)?));
    }
    table.only(&["kind", "profile"], "kind = \"radio\"")?;
    let right = || format!("{}, or a file beside the plan", one_of(AirProfile::names()));
    let Some(name) = table.string("profile", &right())? else { return Ok(MediumPlan::default()) };
    let wrong = |right: String| table.wrong("profile", format!("{name:?}"), right);
    let profile = match folder {
        None => AirProfile::shipped(&name).ok_or_else(|| wrong(right()))?,
        Some(folder) => AirProfile::named(&name, folder).map_err(|error| match error {
            ProfileError::Settings(error) => error,
            ProfileError::TwoOfOneName(_) => wrong(format!("\"./{name}\" for the file of this name")),
            _ => wrong(right()),
        })?,
    };
    Ok(MediumPlan { name, profile })
}

fn unit(table: &Section<'_>) -> Result<Unit, SettingsError> {
    let name = table.string("name", TEXT)?;
    let at_m = table.pair("at_m", PLACE_M)?;
    Ok(Unit { name: table.need("name", name, "a name")?, at_m: table.need("at_m", at_m, PLACE)? })
}

fn event(table: &Section<'_>) -> Result<Event, SettingsError> {
    let by = match (table.string("by", TEXT)?, table.pair("at_m", PLACE_M)?) {
        (Some(name), None) => Origin::Named(name),
        (None, Some(place)) => Origin::Nearest(place),
        (Some(_), Some(_)) => return Err(table.contradiction("at_m", "by", "give one of the two")),
        (None, None) => return Err(table.missing("by", "by = \"name of a station\" or at_m = [x, y]")),
    };
    let classes = [Class::D0, Class::D1, Class::D3].map(|class| (class.name(), class));
    let class = table.choice("class", &classes)?.unwrap_or(Class::D3);
    let flood = class == Class::D3;
    let shape = table.table("area", AREA_KEYS)?.as_ref().map(area).transpose()?;
    let of_class = format!("class = {:?}", class.name());
    if flood && shape.is_none() {
        return Err(table.missing("area", "a table: a flood needs its area"));
    } else if !flood && shape.is_some() {
        return Err(table.contradiction("area", &of_class, "only floods have an area"));
    }
    Ok(Event {
        by,
        at_s: number(table, "at_s", 0.0..=3_600.0, 0.0)?,
        class,
        area: shape,
        validity_s: whole(table, "validity_s", 1..=86_400, if flood { 2 } else { 1 })?,
        times: whole(table, "times", 1..=1_000, 1)?,
        every_s: number(table, "every_s", 0.001..=600.0, 1.0)?,
    })
}

fn area(table: &Section<'_>) -> Result<Area, SettingsError> {
    let shapes = [("circle", Shape::Circle), ("rectangle", Shape::Rectangle), ("ellipse", Shape::Ellipse)];
    let shape = required(table, "shape", &shapes)?;
    if shape == Shape::Circle {
        table.only(&["shape", "radius_m", "centre_m"], "shape = \"circle\"")?;
    } else {
        table.only(&["shape", "half_length_m", "half_width_m", "azimuth_deg", "centre_m"], "that shape")?;
    }
    let metres = |key, right: &str| -> Result<u32, SettingsError> {
        table.need(key, table.integer(key, 1..=65_535)?, right)
    };
    let area = if shape == Shape::Circle {
        let distance_a_m = metres("radius_m", "a radius, m")?;
        Area { shape, distance_a_m, distance_b_m: 0, azimuth_deg: 0, centre_m: centre(table)? }
    } else {
        Area {
            shape,
            distance_a_m: metres("half_length_m", "half the length along the azimuth, m")?,
            distance_b_m: metres("half_width_m", "half the width, m")?,
            azimuth_deg: whole(table, "azimuth_deg", 0..=359, 0)?,
            centre_m: centre(table)?,
        }
    };
    Ok(area)
}

fn centre(table: &Section<'_>) -> Result<Option<(f64, f64)>, SettingsError> {
    table.pair("centre_m", PLACE_M)
}

fn attacker(table: &Section<'_>) -> Result<Attacker, SettingsError> {
    let at_m = table.pair("at_m", PLACE_M)?;
    Ok(Attacker {
        kind: required(table, "kind", &Sabotage::ALL.map(|kind| (kind.name(), kind)))?,
        at_m: table.need("at_m", at_m, PLACE)?,
    })
}

fn controller(table: &Section<'_>) -> Result<Controller, SettingsError> {
    let (unit, until_s) = (table.string("unit", TEXT)?, table.number("until_s", 0.0..=3_600.0, " s")?);
    let controller = Controller {
        unit: table.need("unit", unit, "the name of a [[unit]]")?,
        intersection: whole(table, "intersection", 1..=65_535, 1)?,
        rate_hz: number(table, "rate_hz", 0.1..=100.0, 10.0)?,
        from_s: number(table, "from_s", 0.0..=3_600.0, 0.0)?,
        until_s: table.need("until_s", until_s, "when it falls silent, s after the warm-up")?,
    };
    if controller.until_s < controller.from_s {
        let found = controller.until_s.to_string();
        return Err(table.wrong("until_s", found, "a time after from_s".to_owned()));
    }
    Ok(controller)
}

fn number(
    table: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<f64>,
    otherwise: f64,
) -> Result<f64, SettingsError> {
    Ok(table.number(key, range, "")?.unwrap_or(otherwise))
}

fn whole(
    table: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<u32>,
    otherwise: u32,
) -> Result<u32, SettingsError> {
    Ok(table.integer(key, range)?.unwrap_or(otherwise))
}

/// Keys and those of a reading, `N` in all.
const fn and_reading<const K: usize, const N: usize>(keys: [&'static str; K]) -> [&'static str; N] {
    assert!(K + Reading::KEYS.len() == N, "invariant: N is the number of all keys");
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < K { keys[at] } else { Reading::KEYS[at - K] };
        at += 1;
    }
    all
}

const TOP_KEYS: &[&str] = &[
    "about",
    "seeds",
    "forwarding",
    "imminent",
    "congestion",
    "regulation",
    "verify_us",
    "sign_us",
    "frame_us",
    "warm_up_s",
    "settle_s",
    "scenario",
    "medium",
    "unit",
    "event",
    "attacker",
    "controller",
    "fault",
];
const CONGESTION: [(&str, Congestion); 3] =
    [("off", Congestion::Off), ("adaptive", Congestion::Adaptive), ("reactive", Congestion::Reactive)];
const REGULATION: [(&str, Regulation); 2] = [("none", Regulation::None), ("en302571", Regulation::En302571)];
const HIGHWAY_KEYS: &[&str] =
    &["kind", "length_m", "density_per_km", "lanes", "directions", "speed_mps", "jitter"];
const GRID_KEYS: &[&str] = &["kind", "blocks", "block_m", "density_per_km", "speed_mps", "jitter"];
const PARTITION_KEYS: &[&str] =
    &["kind", "stations", "spacing_m", "gap_m", "jitter", "heals_s", "heals_by", "speed_mps"];
const TRACE_KEYS: &[&str] = &and_reading::<2, 18>(["kind", "file"]);
/// Those of all kinds.
const SCENARIO_KEYS: &[&str] = &and_reading::<15, 31>([
    "kind",
    "length_m",
    "density_per_km",
    "lanes",
    "directions",
    "speed_mps",
    "jitter",
    "blocks",
    "block_m",
    "stations",
    "spacing_m",
    "gap_m",
    "heals_s",
    "heals_by",
    "file",
]);
const UNIT_KEYS: &[&str] = &["name", "at_m"];
const EVENT_KEYS: &[&str] = &["by", "at_m", "class", "area", "validity_s", "at_s", "times", "every_s"];
const AREA_KEYS: &[&str] = &["shape", "radius_m", "half_length_m", "half_width_m", "azimuth_deg", "centre_m"];
const ATTACKER_KEYS: &[&str] = &["kind", "at_m"];
const CONTROLLER_KEYS: &[&str] = &["unit", "intersection", "rate_hz", "from_s", "until_s"];
const TEXT: &str = "a text in quotes";
const PLACE: &str = "a place, m east and north of the scenario's origin: [x, y]";
const PLACE_M: RangeInclusive<f64> = -50_000.0..=50_000.0;
const MAX_SEEDS: usize = 1_000;
/// Of one kind.
const MAX_TABLES: usize = 256;
/// Somewhat more than a car's length: stations nearer than this would find each other implausible.
const LEAST_GAP_M: f64 = 6.0;

#[cfg(test)]
mod tests;
