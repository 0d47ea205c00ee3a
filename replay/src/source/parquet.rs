//! A table of Parquet: floating-car data as SUMO writes it, or any other by a mapping, under the rules of CSV.
//!
//! The values become the words that a CSV would have, row by row, so that both formats mean the same by construction. Only the
//! columns that are needed are read, in batches; rows may be in any order.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use csv::ByteRecord;
use v2x_tables::{ColumnValues, FoundColumn, FoundKind, TableError, TableReader};

use super::builder::Builder;
use super::error::{RowFault, TraceError};
use super::fcd_csv;
use super::mapped;
use super::mapping::{Field, Mapping, TimeUnit};
use super::options::ReadOptions;
use super::trace::Trace;

/// Reads a table that was opened.
pub(super) fn read(
    table: Result<TableReader, TableError>,
    name: &str,
    options: &ReadOptions,
) -> Result<Trace, TraceError> {
    let table = table.map_err(|error| failed(name, error))?;
    match &options.mapping {
        None => floating_cars(&table, name, options),
        Some(mapping) => by_mapping(&table, name, options, mapping),
    }
}

fn floating_cars(table: &TableReader, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let mut builder = Builder::new(name, options)?;
    let header = ByteRecord::from_iter(table.columns().iter().map(|column| column.name.as_bytes()));
    let (sets, geographic) = fcd_csv::header(&header, name, 1)?;
    if geographic {
        builder.is_geographic();
    }
    let places = sets.iter().flat_map(fcd_csv::Columns::places).collect();
    rows(table, &places, name, &mut builder, |builder, record, row| {
        fcd_csv::row(builder, &sets, record, row)
    })?;
    builder.finish()
}

fn by_mapping(
    table: &TableReader,
    name: &str,
    options: &ReadOptions,
    mapping: &Mapping,
) -> Result<Trace, TraceError> {
    let columns = if mapping.header {
        let names: Vec<String> = table.columns().iter().map(|column| column.name.clone()).collect();
        mapped::Columns::of(&names, mapping, name, 1)?
    } else {
        mapped::Columns::numbered(table.columns().len(), mapping, name, 1)?
    };
    let mut mapping = mapping.clone();
    let time = columns.place(Field::Time).map(|place| table.columns()[place].kind);
    if let Some(FoundKind::Times { .. }) = time {
        // Its type says the unit.
        mapping.time = TimeUnit::Seconds;
    }
    let mut builder = Builder::new(name, options)?;
    builder.mapped_by(&mapping);
    if mapping.degrees {
        builder.is_geographic();
    }
    let places = columns.places().collect();
    rows(table, &places, name, &mut builder, |builder, record, row| {
        if let Some((row, found)) = columns.rows(record, row, &mapping, builder)? {
            builder.drop_row(RowFault::FieldMissing, row, &found);
        }
        Ok(())
    })?;
    builder.finish()
}

/// Hands out the rows, as words; columns that are not needed are empty.
fn rows<'a>(
    table: &TableReader,
    places: &BTreeSet<usize>,
    name: &str,
    builder: &mut Builder<'a>,
    mut each: impl FnMut(&mut Builder<'a>, &ByteRecord, u64) -> Result<(), TraceError>,
) -> Result<(), TraceError> {
    let columns = table.columns();
    if let Some(other) = places.iter().find(|place| columns[**place].kind == FoundKind::Other) {
        return Err(failed(name, TableError::Other(columns[*other].name.clone())));
    }
    builder.counts_rows();
    let places: Vec<usize> = places.iter().copied().collect();
    let (mut record, mut word, mut row) = (ByteRecord::new(), String::new(), 0);
    let outcome = table.read(&places, |batch| {
        for index in 0..batch.first().map_or(0, rows_of) {
            record.clear();
            let mut wanted = places.iter().zip(batch).peekable();
            for (place, column) in columns.iter().enumerate() {
                word.clear();
                if let Some((_, values)) = wanted.next_if(|(wanted, _)| **wanted == place) {
                    write_word(&mut word, column, values, index);
                }
                record.push_field(word.as_bytes());
            }
            row += 1;
            each(builder, &record, row)?;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(End::Trace(error)) => Err(error),
        Err(End::Table(TableError::File(source))) => Err(TraceError::Read { name: name.to_owned(), source }),
        Err(End::Table(error)) => {
            builder.cut(row + 1, error.to_string());
            Ok(())
        }
    }
}

/// Why reading ended.
enum End {
    Table(TableError),
    Trace(TraceError),
}

impl From<TableError> for End {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

impl From<TraceError> for End {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

fn failed(name: &str, error: TableError) -> TraceError {
    let name = name.to_owned();
    match error {
        TableError::File(source) => TraceError::Read { name, source },
        source => TraceError::Table { name, source },
    }
}

fn rows_of(values: &ColumnValues) -> usize {
    match values {
        ColumnValues::Integers(values) => values.len(),
        ColumnValues::Reals(values) => values.len(),
        ColumnValues::Texts(values) => values.len(),
        ColumnValues::Flags(values) => values.len(),
    }
}

/// A value as a CSV has it: decimals that give the number back, times in seconds, nothing for null.
fn write_word(word: &mut String, column: &FoundColumn, values: &ColumnValues, index: usize) {
    let written = match values {
        ColumnValues::Integers(values) => values[index].map(|value| match column.kind {
            FoundKind::Times { per_second } => write_seconds(word, value, per_second),
            _ => write!(word, "{value}"),
        }),
        // The shortest decimals of 32 bits are those that were written; of their value in 64 bits they are not.
        ColumnValues::Reals(values) if column.single => {
            values[index].map(|value| write!(word, "{}", value as f32))
        }
        ColumnValues::Reals(values) => values[index].map(|value| write!(word, "{value}")),
        ColumnValues::Texts(values) => values[index].as_ref().map(|value| word.write_str(value)),
        ColumnValues::Flags(values) => values[index].map(|value| write!(word, "{value}")),
    };
    written.transpose().expect("invariant: a String takes any text");
}

fn write_seconds(word: &mut String, value: i64, per_second: u64) -> std::fmt::Result {
    let (whole, part) = (value.unsigned_abs() / per_second, value.unsigned_abs() % per_second);
    let (sign, digits) = (if value < 0 { "-" } else { "" }, per_second.ilog10() as usize);
    write!(word, "{sign}{whole}.{part:0digits$}")
}
