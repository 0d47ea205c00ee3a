//! A plan's text.

use core::ops::RangeInclusive;

use toml::de::DeTable;
use v2x_proto::{Class, Shape};

use super::scenario::{Grid, Highway, Partition, Scenario};
use super::table::{Document, Table};
use super::{Area, Attacker, Controller, Event, Forwarding, MediumPlan, Origin, Plan, PlanError, Unit};
use crate::medium::Column;
use crate::run::{DEFAULT_RANGE_M, MAX_RANGE_M};
use crate::world::Sabotage;

impl Plan {
    /// Reads a plan; `file` is what errors call it. A trace's name is left as it stands.
    ///
    /// # Errors
    /// The first violation.
    pub fn parse(file: &str, text: &str) -> Result<Self, PlanError> {
        let document = Document { file, text };
        let keys = DeTable::parse(text).map_err(|error| PlanError::Syntax {
            file: file.to_owned(),
            line: 1 + text[..floor(text, error.span().unwrap_or_default().start)].matches('\n').count(),
            reason: error.message().replace('\n', ", "),
        })?;
        let table = Table::whole(document, keys.get_ref());
        if keys.get_ref().contains_key("attack") {
            let right = format!(
                "a plan of floods; one of attacks on a trace is run by: roadcast replay run TRACE --attack {file}"
            );
            return Err(table.wrong("attack", right));
        }
        table.text("about")?;
        let names = Forwarding::ALL.map(Forwarding::name);
        let plan = Self {
            seeds: table.whole_numbers("seeds", MAX_SEEDS)?.unwrap_or_else(|| vec![1]),
            forwarding: table
                .some_of("forwarding", &names, Forwarding::of_name)?
                .unwrap_or_else(|| vec![Forwarding::Roadcast]),
            warm_up_s: table.number("warm_up_s", 0.0..=600.0)?.unwrap_or(10.0),
            settle_s: table.number("settle_s", 0.1..=600.0)?.unwrap_or(3.0),
            scenario: scenario(&table)?,
            medium: table.table("medium")?.map(medium).transpose()?.unwrap_or_default(),
            units: each(&table, "unit", unit)?,
            events: each(&table, "event", event)?,
            attackers: each(&table, "attacker", attacker)?,
            controllers: each(&table, "controller", controller)?,
        };
        for (number, unit) in plan.units.iter().enumerate() {
            if plan.units[..number].iter().any(|other| other.name == unit.name) {
                return Err(table.wrong("unit", format!("different names; two are \"{}\"", unit.name)));
            }
        }
        for controller in &plan.controllers {
            if !plan.units.iter().any(|unit| unit.name == controller.unit) {
                let right = format!("the name of a [[unit]]; there is no \"{}\"", controller.unit);
                return Err(table.wrong("controller", right));
            }
        }
        if plan.events.is_empty() && plan.controllers.is_empty() {
            return Err(table.wrong("event", "at least one table [[event]] or [[controller]]"));
        }
        if plan.length_s() > MAX_LENGTH_S {
            let right = format!(
                "events that end within {MAX_LENGTH_S} s; the run would take {:.0} s",
                plan.length_s()
            );
            return Err(table.wrong("event", right));
        }
        table.end()?;
        Ok(plan)
    }
}

fn each<T>(
    table: &Table<'_>,
    key: &'static str,
    read: impl Fn(Table<'_>) -> Result<T, PlanError>,
) -> Result<Vec<T>, PlanError> {
    table.tables(key, MAX_TABLES)?.into_iter().map(read).collect()
}

fn scenario(table: &Table<'_>) -> Result<Scenario, PlanError> {
    let kinds = ["highway", "grid", "partition", "trace"];
    let given = table.table("scenario")?;
    let table = table.need("scenario", given, "a table [scenario]")?;
    let kind = table.one_of("kind", &kinds, |name| kinds.iter().position(|kind| *kind == name))?;
    let kind = table.need("kind", kind, &format!("one of {}", kinds.join(", ")))?;
    let scenario = match kind {
        0 => Scenario::Highway(highway(&table)?),
        1 => Scenario::Grid(grid(&table)?),
        2 => Scenario::Partition(partition(&table)?),
        _ => {
            let file = table.text("file")?;
            Scenario::Trace(table.need("file", file, "the name of a trace, from the plan's folder")?.into())
        }
    };
    table.end()?;
    Ok(scenario)
}

fn highway(table: &Table<'_>) -> Result<Highway, PlanError> {
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
        let right = format!("fewer vehicles, more lanes or less jitter: two would be {least:.1} m apart");
        return Err(table.wrong("density_per_km", right));
    }
    Ok(highway)
}

fn grid(table: &Table<'_>) -> Result<Grid, PlanError> {
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
        let right = format!("fewer vehicles or less jitter: two would be {least:.1} m apart");
        return Err(table.wrong("density_per_km", right));
    }
    Ok(grid)
}

fn partition(table: &Table<'_>) -> Result<Partition, PlanError> {
    let heals = ["courier", "merge"];
    let merges = table.one_of("heals_by", &heals, |name| heals.iter().position(|heal| *heal == name))?;
    Ok(Partition {
        stations: whole(table, "stations", 2..=1_000, 20)?,
        spacing_m: number(table, "spacing_m", 10.0..=500.0, 40.0)?,
        gap_m: number(table, "gap_m", 100.0..=10_000.0, 1_500.0)?,
        jitter: number(table, "jitter", 0.0..=0.45, 0.2)?,
        heals_s: number(table, "heals_s", 0.0..=600.0, 60.0)?,
        speed_mps: number(table, "speed_mps", 1.0..=70.0, 30.0)?,
        merges: merges == Some(1),
    })
}

fn medium(table: Table<'_>) -> Result<MediumPlan, PlanError> {
    let kinds = ["range", "table"];
    let kind = table.one_of("kind", &kinds, |name| kinds.iter().position(|kind| *kind == name))?;
    let medium = match table.need("kind", kind, "one of range, table")? {
        0 => MediumPlan::Range(number(&table, "range_m", 1.0..=MAX_RANGE_M, DEFAULT_RANGE_M)?),
        _ => MediumPlan::Table {
            column: table
                .one_of("column", &Column::ALL.map(Column::name), Column::of_name)?
                .unwrap_or(Column::Hz10),
            interference: table.boolean("interference")?.unwrap_or(true),
        },
    };
    table.end()?;
    Ok(medium)
}

fn unit(table: Table<'_>) -> Result<Unit, PlanError> {
    let name = table.text("name")?;
    let at_m = table.pair("at_m", PLACE_M)?;
    let unit = Unit { name: table.need("name", name, "a name")?, at_m: table.need("at_m", at_m, PLACE)? };
    table.end()?;
    Ok(unit)
}

fn event(table: Table<'_>) -> Result<Event, PlanError> {
    let by = match (table.text("by")?, table.pair("at_m", PLACE_M)?) {
        (Some(name), None) => Origin::Named(name),
        (None, Some(place)) => Origin::Nearest(place),
        (Some(_), Some(_)) => return Err(table.wrong("at_m", "either by or at_m")),
        (None, None) => return Err(table.wrong("by", "by = \"name of a station\" or at_m = [x, y]")),
    };
    let classes = [Class::D0, Class::D1, Class::D3];
    let of_name = |name: &str| classes.into_iter().find(|class| class.name() == name);
    let class = table.one_of("class", &classes.map(Class::name), of_name)?.unwrap_or(Class::D3);
    let flood = class == Class::D3;
    let shape = table.table("area")?.map(area).transpose()?;
    if flood != shape.is_some() {
        let right = if flood { "a table: a flood needs its area" } else { "no area: only floods have one" };
        return Err(table.wrong("area", right));
    }
    let event = Event {
        by,
        at_s: number(&table, "at_s", 0.0..=3_600.0, 0.0)?,
        class,
        area: shape,
        validity_s: whole(&table, "validity_s", 1..=86_400, if flood { 2 } else { 1 })?,
        times: whole(&table, "times", 1..=1_000, 1)?,
        every_s: number(&table, "every_s", 0.001..=600.0, 1.0)?,
    };
    table.end()?;
    Ok(event)
}

fn area(table: Table<'_>) -> Result<Area, PlanError> {
    let shapes = [("circle", Shape::Circle), ("rectangle", Shape::Rectangle), ("ellipse", Shape::Ellipse)];
    let of_name = |name: &str| shapes.into_iter().find(|(known, _)| *known == name).map(|(_, shape)| shape);
    let shape = table.one_of("shape", &shapes.map(|(name, _)| name), of_name)?;
    let shape = table.need("shape", shape, "one of circle, rectangle, ellipse")?;
    let metres = |key, right| -> Result<u32, PlanError> {
        let found = table.whole_number(key, 1..=65_535)?;
        Ok(table.need(key, found, right)? as u32)
    };
    let area = if shape == Shape::Circle {
        let distance_a_m = metres("radius_m", "a radius, m")?;
        Area { shape, distance_a_m, distance_b_m: 0, azimuth_deg: 0, centre_m: centre(&table)? }
    } else {
        Area {
            shape,
            distance_a_m: metres("half_length_m", "half the length along the azimuth, m")?,
            distance_b_m: metres("half_width_m", "half the width, m")?,
            azimuth_deg: whole(&table, "azimuth_deg", 0..=359, 0)?,
            centre_m: centre(&table)?,
        }
    };
    table.end()?;
    Ok(area)
}

fn centre(table: &Table<'_>) -> Result<Option<(f64, f64)>, PlanError> {
    table.pair("centre_m", PLACE_M)
}

fn attacker(table: Table<'_>) -> Result<Attacker, PlanError> {
    let names = Sabotage::ALL.map(Sabotage::name);
    let kind = table.one_of("kind", &names, Sabotage::of_name)?;
    let at_m = table.pair("at_m", PLACE_M)?;
    let attacker = Attacker {
        kind: table.need("kind", kind, &format!("one of {}", names.join(", ")))?,
        at_m: table.need("at_m", at_m, PLACE)?,
    };
    table.end()?;
    Ok(attacker)
}

fn controller(table: Table<'_>) -> Result<Controller, PlanError> {
    let (unit, until_s) = (table.text("unit")?, table.number("until_s", 0.0..=3_600.0)?);
    let controller = Controller {
        unit: table.need("unit", unit, "the name of a [[unit]]")?,
        intersection: whole(&table, "intersection", 1..=65_535, 1)?,
        rate_hz: number(&table, "rate_hz", 0.1..=100.0, 10.0)?,
        from_s: number(&table, "from_s", 0.0..=3_600.0, 0.0)?,
        until_s: table.need("until_s", until_s, "when it falls silent, s after the warm-up")?,
    };
    if controller.until_s < controller.from_s {
        return Err(table.wrong("until_s", "a time after from_s"));
    }
    table.end()?;
    Ok(controller)
}

fn number(
    table: &Table<'_>,
    key: &'static str,
    range: RangeInclusive<f64>,
    otherwise: f64,
) -> Result<f64, PlanError> {
    Ok(table.number(key, range)?.unwrap_or(otherwise))
}

fn whole(
    table: &Table<'_>,
    key: &'static str,
    range: RangeInclusive<u32>,
    otherwise: u32,
) -> Result<u32, PlanError> {
    let range = u64::from(*range.start())..=u64::from(*range.end());
    Ok(table.whole_number(key, range)?.map_or(otherwise, |found| found as u32))
}

/// The start of the character at a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

const PLACE: &str = "a place, m east and north of the scenario's origin: [x, y]";
const PLACE_M: RangeInclusive<f64> = -50_000.0..=50_000.0;
const MAX_SEEDS: usize = 1_000;
/// Of one kind.
const MAX_TABLES: usize = 256;
/// Two hours.
const MAX_LENGTH_S: f64 = 7_200.0;
/// A car's length and something: nearer, and stations would find each other implausible.
const LEAST_GAP_M: f64 = 6.0;

#[cfg(test)]
mod tests;
