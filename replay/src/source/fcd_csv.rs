//! SUMO floating-car data as CSV: `timestep_time;vehicle_id;vehicle_x;vehicle_y;...`, columns found by name.
//!
//! Separator `;`, `,` or tab, detected from the header. Names in any order and case, with SUMO's `vehicle_` or
//! `person_` before them or without; `lon`/`lat` (or the long words) in place of x/y mean degrees.
//!
//! SUMO 1.28 writes persons and containers into the columns of vehicles. A `tag` or `stage` column tells them apart;
//! without, a row of a person has an edge and no lane where rows of vehicles have lanes. Containers are no stations.

use std::io::BufRead;

use csv::{ByteRecord, ReaderBuilder};

use super::bounded::{Bounded, is_damage};
use super::builder::{Builder, Flow};
use super::error::{RowFault, TraceError};
use super::options::{MAX_ROW_BYTES, ReadOptions};
use super::row::{NameSpace, Row, quote};
use super::station_kind::StationKind;
use super::trace::Trace;

/// Reads plain CSV, one row at a time.
pub(super) fn read(mut input: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let mut builder = Builder::new(name, options)?;
    let separator = separator(&mut input);
    let mut csv = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(Bounded::new(input, MAX_ROW_BYTES));
    let mut record = ByteRecord::new();
    let mut columns: Option<(Vec<Columns>, usize)> = None;
    // A row of the wrong width: a bad row if another follows, the place of the cut if none does.
    let mut misfit: Option<(u64, String)> = None;
    loop {
        csv.get_mut().next_item();
        let line = csv.position().line();
        match csv.read_byte_record(&mut record) {
            Ok(true) => {
                if let Some((line, found)) = misfit.take() {
                    builder.drop_row(RowFault::FieldMissing, line, &found);
                }
            }
            Ok(false) => {
                if let Some((line, found)) = misfit.take() {
                    builder.cut(line, found);
                }
                break;
            }
            Err(_) if csv.get_ref().exceeded() => {
                return Err(TraceError::TooLong {
                    name: name.to_owned(),
                    line,
                    limit: csv.get_ref().limit(),
                });
            }
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(source) if !is_damage(&source) => {
                    return Err(TraceError::Read { name: name.to_owned(), source });
                }
                csv::ErrorKind::Io(source) => {
                    builder.cut(line, source.to_string());
                    break;
                }
                other => {
                    builder.cut(line, format!("{other:?}"));
                    break;
                }
            },
        }
        let line = record.position().map_or(line, csv::Position::line);
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
struct Columns {
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

fn row(
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
fn header(record: &ByteRecord, name: &str, line: u64) -> Result<(Vec<Columns>, bool), TraceError> {
    let names: Vec<String> = record
        .iter()
        .map(|field| {
            let field = field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field);
            String::from_utf8_lossy(field).trim().to_ascii_lowercase()
        })
        .collect();
    let find = |prefix: &str, wanted: &[&str]| {
        names.iter().position(|name| name.strip_prefix(prefix).is_some_and(|rest| wanted.contains(&rest)))
    };
    let missing = |missing: String| TraceError::MissingColumn {
        name: name.to_owned(),
        line,
        missing,
        found: shown(&names),
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

/// The names of a header, short enough to show.
fn shown(names: &[String]) -> String {
    let mut shown: Vec<String> =
        names.iter().take(20).map(|name| name.escape_debug().take(40).collect()).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    shown.join(", ")
}

/// The separator the header uses most; `;`, SUMO's own, when it has none.
fn separator(input: &mut impl BufRead) -> u8 {
    // Peeks without consuming; an error here comes again when the rows are read.
    let buffer = input.fill_buf().unwrap_or_default();
    let end = buffer.iter().position(|byte| *byte == b'\n').unwrap_or(buffer.len());
    let count = |separator: u8| buffer[..end].iter().filter(|byte| **byte == separator).count();
    let mut best = b';';
    for separator in [b',', b'\t'] {
        if count(separator) > count(best) {
            best = separator;
        }
    }
    best
}

/// The type SUMO gives containers unless told otherwise.
const CONTAINER_TYPE: &str = "DEFAULT_CONTAINERTYPE";
