//! SUMO floating-car data as CSV: `timestep_time;vehicle_id;vehicle_x;vehicle_y;...`, columns found by name.
//!
//! Separator `;`, `,` or tab, detected from the header. Names in any order and case, with SUMO's `vehicle_` or
//! `person_` before them or without; `lon`/`lat` (or the long words) in place of x/y mean degrees.
//!
//! SUMO 1.28 writes persons and containers into the columns of vehicles. A `tag` or `stage` column tells them apart;
//! without, a row of a person has an edge and no lane where rows of vehicles have lanes. Containers are no stations.

use std::io::BufRead;

use csv::ByteRecord;

use super::bounded::MAX_ROW_BYTES;
use super::builder::{Builder, Flow};
use super::error::{RowFault, TraceError};
use super::mapping::Mapping;
use super::options::ReadOptions;
use super::records::{Next, Records, names, separator, shown};
use super::row::{NameSpace, Row, quote};
use super::station_kind::StationKind;
use super::trace::Trace;

/// Reads plain CSV, one row at a time.
pub(super) fn read(mut input: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let mut builder = Builder::new(name, options)?;
    let separator = separator(&mut input);
    let mut records = Records::new(input, name, separator, MAX_ROW_BYTES);
    let mut record = ByteRecord::new();
    let mut columns: Option<(Vec<Columns>, usize)> = None;
    // A row of the wrong width: a bad row if another follows, the place of the cut if none does.
    let mut misfit: Option<(u64, String)> = None;
    loop {
        let line = match records.next(&mut record)? {
            Next::Row(line) => line,
            Next::End => {
                if let Some((line, found)) = misfit.take() {
                    builder.cut(line, found);
                }
                break;
            }
            Next::Cut(line, found) => {
                builder.cut(line, found);
                break;
            }
        };
        if let Some((line, found)) = misfit.take() {
            builder.drop_row(RowFault::FieldMissing, line, &found);
        }
        let Some((sets, width)) = &columns else {
            let (sets, geographic) = header(&record, name, line)?;
            if geographic {
                builder.is_geographic();
            }
            columns = Some((sets, record.len()));
            continue;
        };
        if record.len() != *width {
            misfit = Some((line, format!("{} fields, the header has {width}", record.len())));
            continue;
        }
        row(&mut builder, sets, &record, line)?;
    }
    builder.finish()
}

/// Where one kind of station keeps its fields.
#[derive(Debug)]
pub(super) struct Columns {
    is_person: bool,
    time: usize,
    id: usize,
    x: usize,
    y: usize,
    angle: Option<usize>,
    speed: Option<usize>,
    acceleration: Option<usize>,
    type_name: Option<usize>,
    lane: Option<usize>,
    edge: Option<usize>,
    tag: Option<usize>,
    stage: Option<usize>,
    signals: Option<usize>,
    length: Option<usize>,
    width: Option<usize>,
}

impl Columns {
    /// The columns that are read.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let optional = [
            self.angle,
            self.speed,
            self.acceleration,
            self.type_name,
            self.lane,
            self.edge,
            self.tag,
            self.stage,
            self.signals,
            self.length,
            self.width,
        ];
        [self.time, self.id, self.x, self.y].into_iter().chain(optional.into_iter().flatten())
    }
}

/// Takes a row.
pub(super) fn row(
    builder: &mut Builder<'_>,
    sets: &[Columns],
    record: &ByteRecord,
    line: u64,
) -> Result<(), TraceError> {
    // A table with vehicles and persons leaves the other's fields empty.
    let columns = sets.iter().find(|columns| !record[columns.id].is_empty()).unwrap_or(&sets[0]);
    let word = |place: Option<usize>| match place {
        Some(place) => str::from_utf8(&record[place]).map(str::trim),
        None => Ok(""),
    };
    let words = || {
        Ok([
            word(Some(columns.time))?,
            word(Some(columns.id))?,
            word(Some(columns.x))?,
            word(Some(columns.y))?,
            word(columns.angle)?,
            word(columns.speed)?,
            word(columns.acceleration)?,
            word(columns.type_name)?,
            word(columns.lane)?,
            word(columns.edge)?,
            word(columns.tag)?,
            word(columns.stage)?,
            word(columns.signals)?,
            word(columns.length)?,
            word(columns.width)?,
        ])
    };
    let read: Result<_, std::str::Utf8Error> = words();
    let Ok(
        [
            time,
            id,
            x,
            y,
            angle,
            speed,
            acceleration,
            type_name,
            lane,
            edge,
            tag,
            stage,
            signals,
            length,
            width,
        ],
    ) = read
    else {
        let found = quote("id", &String::from_utf8_lossy(&record[columns.id]));
        builder.drop_row(RowFault::NotText, line, &found);
        return Ok(());
    };
    if id.is_empty() && x.is_empty() && y.is_empty() {
        return Ok(()); // a step in which nobody was there
    }
    // Rows may be in any order: the window's end in one of them is not that of the file.
    let _: Flow = builder.step(time);
    if !lane.is_empty() {
        builder.has_lanes();
    }
    let space = match (tag, stage) {
        ("container", _) => return Ok(()),
        ("person", _) => NameSpace::Person,
        ("vehicle", _) => NameSpace::Vehicle,
        (_, "") if columns.is_person => NameSpace::Person,
        (_, "") if lane.is_empty() && !edge.is_empty() => NameSpace::EdgeOnly,
        (_, "") => NameSpace::Vehicle,
        _ => NameSpace::Person,
    };
    if space != NameSpace::Vehicle && type_name.eq_ignore_ascii_case(CONTAINER_TYPE) {
        return Ok(());
    }
    let kind = match StationKind::from_type_name(type_name) {
        StationKind::Passenger if space == NameSpace::Person => StationKind::Pedestrian,
        kind => kind,
    };
    builder.row(Row {
        line,
        space,
        id,
        kind,
        x,
        y,
        angle,
        speed,
        acceleration,
        type_name,
        signals,
        length,
        width,
    })
}

/// Finds the columns; the second value is whether their names mean degrees.
pub(super) fn header(record: &ByteRecord, name: &str, line: u64) -> Result<(Vec<Columns>, bool), TraceError> {
    let names: Vec<String> = names(record).iter().map(|name| name.to_ascii_lowercase()).collect();
    let find = |prefix: &str, wanted: &[&str]| {
        names.iter().position(|name| name.strip_prefix(prefix).is_some_and(|rest| wanted.contains(&rest)))
    };
    let missing = |missing: String| TraceError::MissingColumn {
        name: name.to_owned(),
        line,
        missing,
        found: match Mapping::fitting(&names) {
            Some(mapping) => format!("{}, which --mapping {mapping} reads", shown(&names)),
            None => shown(&names),
        },
    };
    let time = find("", &["timestep_time", "time", "timestep", "t"])
        .ok_or_else(|| missing("column timestep_time (or time)".to_owned()))?;
    let mut sets = Vec::new();
    let mut geographic = false;
    for prefix in ["vehicle_", "person_", ""] {
        let Some(id) = find(prefix, &["id"]) else {
            continue;
        };
        // With the prefix of the id, or, where there is one kind of id only, without.
        let either = |wanted: &[&str]| find(prefix, wanted).or_else(|| find("", wanted));
        let degrees = either(&["lon", "longitude"]).zip(either(&["lat", "latitude"]));
        let metres = either(&["x"]).zip(either(&["y"]));
        geographic |= degrees.is_some();
        let Some((x, y)) = degrees.or(metres) else {
            let axis = if either(&["x"]).is_none() { "x" } else { "y" };
            return Err(missing(format!("column {prefix}{axis}")));
        };
        sets.push(Columns {
            is_person: prefix == "person_",
            time,
            id,
            x,
            y,
            angle: either(&["angle", "heading"]),
            speed: either(&["speed"]),
            acceleration: either(&["acceleration", "accel"]),
            type_name: either(&["type", "class"]),
            lane: either(&["lane"]),
            edge: either(&["edge"]),
            tag: either(&["tag"]),
            stage: either(&["stage"]),
            signals: either(&["signals"]),
            length: either(&["length"]),
            width: either(&["width"]),
        });
    }
    if sets.is_empty() {
        return Err(missing("column vehicle_id (or person_id, or id)".to_owned()));
    }
    Ok((sets, geographic))
}

/// The type SUMO gives containers unless told otherwise.
const CONTAINER_TYPE: &str = "DEFAULT_CONTAINERTYPE";
