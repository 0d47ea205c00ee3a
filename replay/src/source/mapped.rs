//! CSV of other houses, read by a mapping: a row for each sample, or a row for each trajectory.

use std::io::BufRead;

use csv::ByteRecord;

use super::bounded::MAX_ROW_BYTES;
use super::builder::{Builder, Flow};
use super::error::{RowFault, TraceError};
use super::mapping::{Field, Mapping, Separator};
use super::mapping::{HeadingZero, PlacePoint, TimeUnit, column_number};
use super::options::ReadOptions;
use super::records::{Next, Records, names, separator, shown};
use super::row::{self, Fault, MAX_TIME_NS, NameSpace, Values, Who, quote};
use super::signals::Signals;
use super::station_kind::StationKind;
use super::station_size::StationSize;
use super::trace::Trace;

/// Reads plain CSV, one row at a time.
pub(super) fn read(
    mut input: impl BufRead,
    name: &str,
    options: &ReadOptions,
    mapping: &Mapping,
) -> Result<Trace, TraceError> {
    let mut builder = Builder::new(name, options)?;
    builder.mapped_by(mapping);
    if mapping.degrees {
        builder.is_geographic();
    }
    let separator = match mapping.separator {
        Separator::Found => separator(&mut input),
        Separator::Byte(byte) => byte,
        Separator::Blanks => b' ',
    };
    let limit = if mapping.repeats.is_empty() { MAX_ROW_BYTES } else { MAX_TRAJECTORY_BYTES };
    let mut records = Records::new(input, name, separator, limit);
    let mut record = ByteRecord::new();
    let mut columns: Option<Columns> = None;
    // A row that is no whole one: a bad row if another follows, the place of the cut if none does.
    let mut misfit: Option<(u64, String)> = None;
    loop {
        let line = match records.next(&mut record)? {
            Next::Row(line) => line,
            Next::End => {
                if let Some((line, found)) = misfit {
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
        if mapping.separator == Separator::Blanks {
            record = record.iter().filter(|field| !field.is_empty()).collect();
        }
        let columns = match &columns {
            Some(columns) => columns,
            None if mapping.header => {
                columns = Some(Columns::of(&names(&record), mapping, name, line)?);
                continue;
            }
            None => columns.insert(Columns::numbered(record.len(), mapping, name, line)?),
        };
        misfit = columns.rows(&record, line, mapping, &mut builder)?;
    }
    builder.finish()
}

/// Where the columns of a mapping are.
pub(super) struct Columns {
    places: [Option<usize>; Field::ALL.len()],
    /// Columns before those that repeat; all where none does.
    head: usize,
    /// All columns of the header.
    width: usize,
}

impl Columns {
    pub(super) fn of(names: &[String], mapping: &Mapping, name: &str, line: u64) -> Result<Self, TraceError> {
        let missing = |what: String| TraceError::MissingColumn {
            name: name.to_owned(),
            line,
            missing: what,
            found: shown(names),
        };
        let mut places = [None; Field::ALL.len()];
        for field in Field::ALL {
            let Some(wanted) = &mapping.columns[field as usize] else { continue };
            let place = names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
            places[field as usize] = Some(place.ok_or_else(|| {
                missing(format!("column {wanted:?} ({} of the mapping {})", field.key(), mapping.name))
            })?);
        }
        // A separator may end the header.
        let width = names.len() - usize::from(names.len() > 1 && names.last().is_some_and(String::is_empty));
        let head = width.saturating_sub(mapping.repeats.len());
        let repeats = names[head..width].iter().zip(&mapping.repeats);
        if let Some((_, wanted)) = repeats.clone().find(|(found, wanted)| !found.eq_ignore_ascii_case(wanted))
        {
            return Err(missing(format!(
                "column {wanted:?} where it repeats by the mapping {}",
                mapping.name
            )));
        }
        if repeats.count() < mapping.repeats.len() {
            return Err(missing(format!("columns that repeat ({})", mapping.repeats.join(", "))));
        }
        Ok(Self { places, head, width })
    }

    pub(super) fn numbered(
        width: usize,
        mapping: &Mapping,
        name: &str,
        line: u64,
    ) -> Result<Self, TraceError> {
        let mut places = [None; Field::ALL.len()];
        for field in Field::ALL {
            let Some(number) = mapping.columns[field as usize].as_deref().and_then(column_number) else {
                continue;
            };
            if number > width {
                return Err(TraceError::MissingColumn {
                    name: name.to_owned(),
                    line,
                    missing: format!("column {number} ({} of the mapping {})", field.key(), mapping.name),
                    found: format!("{width} columns"),
                });
            }
            places[field as usize] = Some(number - 1);
        }
        Ok(Self { places, head: width, width })
    }

    /// The columns that are read.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.places.into_iter().flatten()
    }

    /// The column of a field.
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        self.places[field as usize]
    }

    /// Takes the samples of a row; what is missing at its end, if it is no whole one.
    pub(super) fn rows(
        &self,
        record: &ByteRecord,
        line: u64,
        mapping: &Mapping,
        builder: &mut Builder<'_>,
    ) -> Result<Option<(u64, String)>, TraceError> {
        // A separator may end a row.
        let ends_empty =
            record.len() > 1 && record.get(record.len() - 1).is_some_and(|last| last.trim_ascii().is_empty());
        if mapping.repeats.is_empty() {
            let fits = record.len() == self.width || ends_empty && record.len() == self.width + 1;
            if !fits {
                return Ok(Some((
                    line,
                    format!("{} fields, the first line has {}", record.len(), self.width),
                )));
            }
            self.sample(record, 0, line, mapping, builder)?;
            return Ok(None);
        }
        let each = mapping.repeats.len();
        let len = record.len() - usize::from(ends_empty);
        let Some(repeated) = len.checked_sub(self.head).filter(|repeated| *repeated > 0) else {
            return Ok(Some((
                line,
                format!("{len} fields and no moment of {each} behind the first {}", self.head),
            )));
        };
        for group in 0..repeated / each {
            self.sample(record, group * each, line, mapping, builder)?;
        }
        let rest = repeated % each;
        Ok((rest > 0).then(|| (line, format!("the last moment has {rest} fields of {each}"))))
    }

    /// Takes one sample, whose repeated columns are `shift` behind those of the header.
    fn sample(
        &self,
        record: &ByteRecord,
        shift: usize,
        line: u64,
        mapping: &Mapping,
        builder: &mut Builder<'_>,
    ) -> Result<(), TraceError> {
        let mut words = [""; Field::ALL.len()];
        for (word, place) in words.iter_mut().zip(&self.places) {
            let Some(place) = place else { continue };
            let place = if *place < self.head { *place } else { *place + shift };
            let Ok(text) = str::from_utf8(record.get(place).unwrap_or_default()) else {
                builder.drop_row(RowFault::NotText, line, &format!("column {}", place + 1));
                return Ok(());
            };
            *word = text.trim();
        }
        let words = Words { words, mapping };
        let time = words.time();
        let _: Flow = builder.step_at(time);
        let type_name = words.of(Field::Type);
        let who = Who {
            space: NameSpace::Vehicle,
            id: words.of(Field::Id),
            kind: StationKind::from_type_name(type_name),
            type_name,
            size: words.size(),
        };
        builder.take(&who, line, |time_ns| words.values(time_ns, line, who.size))
    }
}

/// The words of a sample, by field.
struct Words<'r> {
    words: [&'r str; Field::ALL.len()],
    mapping: &'r Mapping,
}

impl<'r> Words<'r> {
    fn of(&self, field: Field) -> &'r str {
        self.words[field as usize]
    }

    fn needed(&self, field: Field) -> Result<f64, Fault> {
        let word = self.of(field);
        row::number(word).map_err(|fault| Fault::quoting(fault, field.key(), word))
    }

    /// A number; `None` where the word is empty or the mapping has no such column.
    fn number(&self, field: Field) -> Result<Option<f64>, Fault> {
        if self.of(field).is_empty() { Ok(None) } else { self.needed(field).map(Some) }
    }

    fn time(&self) -> Result<u64, Fault> {
        let word = self.of(Field::Time);
        let TimeUnit::Nanoseconds(unit) = self.mapping.time else {
            return row::parse_time(word).map_err(|fault| Fault::quoting(fault, "time", word));
        };
        let ns = self.needed(Field::Time)? * unit;
        if (0.0..=MAX_TIME_NS as f64).contains(&ns) {
            Ok(ns.round() as u64)
        } else {
            Err(Fault::quoting(RowFault::TimeOutOfRange, "time", word))
        }
    }

    fn size(&self) -> StationSize {
        let metres = |field| self.number(field).ok().flatten().map(|size| size * self.mapping.size.metres());
        StationSize::of_metres(metres(Field::Length), metres(Field::Width))
    }

    fn values(&self, time_ns: u64, line: u64, size: StationSize) -> Result<Values, Fault> {
        let (x, y) = self.place(size)?;
        let velocity = self.vector(Field::SpeedX, Field::SpeedY, self.mapping.speed.mps())?;
        let speed = self.number(Field::Speed)?.map(|speed| speed * self.mapping.speed.mps());
        let speed = speed.or(velocity.map(|(east, north)| east.hypot(north)));
        let scaled = |fault, field: Field| Fault::quoting(fault, field.key(), self.of(field));
        Ok(Values {
            time_ns,
            line,
            x,
            y,
            speed: speed.map(row::speed).transpose().map_err(|fault| scaled(fault, Field::Speed))?,
            heading: self
                .heading(velocity)?
                .map(row::heading)
                .transpose()
                .map_err(|fault| scaled(fault, Field::Heading))?,
            acceleration: self
                .acceleration(velocity)?
                .map(row::acceleration)
                .transpose()
                .map_err(|fault| scaled(fault, Field::Acceleration))?,
            signals: self
                .number(Field::Signals)?
                .map_or(Signals::default(), |bits| Signals(bits as u64 as u16)),
        })
    }

    fn place(&self, size: StationSize) -> Result<(f64, f64), Fault> {
        let mapping = self.mapping;
        let (mut x, mut y) = (self.needed(Field::X)?, self.needed(Field::Y)?);
        if mapping.degrees {
            return Ok((x, y));
        }
        (x, y) = (x * mapping.place.metres(), y * mapping.place.metres());
        if mapping.point == PlacePoint::Corner {
            let half = |side: Option<u16>| side.map_or(0.0, |dm| f64::from(dm) / 20.0);
            (x, y) = (x + half(size.length_dm), y + half(size.width_dm));
        }
        Ok((x, if mapping.y_down { -y } else { y }))
    }

    /// East and north part, in the unit given.
    fn vector(&self, east: Field, north: Field, unit: f64) -> Result<Option<(f64, f64)>, Fault> {
        let both = self.number(east)?.zip(self.number(north)?);
        let sign = if self.mapping.y_down { -1.0 } else { 1.0 };
        Ok(both.map(|(east, north)| (east * unit, north * unit * sign)))
    }

    /// Degrees clockwise from north; that of the movement where there is no column.
    fn heading(&self, velocity: Option<(f64, f64)>) -> Result<Option<f64>, Fault> {
        let moved = velocity
            .filter(|(east, north)| east.hypot(*north) >= MOVES_MPS)
            .map(|(east, north)| east.atan2(north).to_degrees());
        let Some(heading) = self.number(Field::Heading)? else { return Ok(moved) };
        let degrees = if self.mapping.radians { heading.to_degrees() } else { heading };
        // Some are given of more than one turn.
        if degrees.abs() > 720.0 {
            return Err(Fault::new(RowFault::OutOfScale, &quote("heading", self.of(Field::Heading))));
        }
        let turned = if self.mapping.y_down { -degrees } else { degrees };
        Ok(Some(match self.mapping.heading_zero {
            HeadingZero::North => degrees.rem_euclid(360.0),
            HeadingZero::East => (90.0 - turned).rem_euclid(360.0),
        }))
    }

    /// Forward, m/s2.
    fn acceleration(&self, velocity: Option<(f64, f64)>) -> Result<Option<f64>, Fault> {
        let unit = self.mapping.acceleration.mps2();
        if let Some(forward) = self.number(Field::Acceleration)? {
            return Ok(Some(forward * unit));
        }
        let parts = self.vector(Field::AccelerationX, Field::AccelerationY, unit)?;
        Ok(parts.zip(velocity).and_then(|((east, north), (to_east, to_north))| {
            let speed = to_east.hypot(to_north);
            (speed >= MOVES_MPS).then(|| (east * to_east + north * to_north) / speed)
        }))
    }
}

/// The longest row of a trajectory: three hours at 25 a second of 60 bytes each.
const MAX_TRAJECTORY_BYTES: usize = 1 << 24;
/// A slower vehicle's velocity is noise and says nothing of its direction.
const MOVES_MPS: f64 = 0.1;
