//! Anybody's table, read in batches.

use std::fs::File;
use std::io;

use bytes::Bytes;
use parquet::basic::{IntType, LogicalType, TimeType, TimeUnit, TimestampType, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::error::TableError;
use crate::guard::guarded;

/// A table of Parquet, uncompressed or compressed by Zstandard or Snappy. Row groups are read one after the other, a page of each column
/// at a time.
pub struct TableReader {
    file: Box<dyn FileReader>,
    columns: Vec<FoundColumn>,
}

/// A column that a table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: FoundKind,
    /// Whether they are floating-point numbers of 32 bits, whose decimals are those of the shorter type.
    pub single: bool,
}

/// What the values of a column that a table has are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// Integers of any width, signed or not.
    Integers,
    /// Times: integers of this many in a second, since 1970 or since midnight.
    Times {
        /// A thousand, a million or a thousand million.
        per_second: u64,
    },
    /// Floating-point numbers of any width.
    Reals,
    /// Texts in UTF-8.
    Texts,
    /// True or false.
    Flags,
    /// Lists, structures, decimal numbers, raw bytes: not read here.
    Other,
}

/// Values of a column in one batch, one for each row; `None` is null.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// Integers, and times in the column's unit.
    Integers(Vec<Option<i64>>),
    /// Floating-point numbers.
    Reals(Vec<Option<f64>>),
    /// Texts.
    Texts(Vec<Option<String>>),
    /// True or false.
    Flags(Vec<Option<bool>>),
}

impl TableReader {
    /// Reads what the file says of itself.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(file: File) -> Result<Self, TableError> {
        Self::over(file)
    }

    /// As [`open`](Self::open), of a file that is in memory.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TableError> {
        Self::over(bytes)
    }

    fn over<R: ChunkReader + 'static>(source: R) -> Result<Self, TableError> {
        let file = guarded(|| SerializedFileReader::new(source).map_err(failed))?;
        let metadata = file.metadata();
        // The library takes a place before the file for a fault of its caller.
        for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            if start < 0 || column.compressed_size() < 0 {
                return Err(TableError::Damaged("a column lies outside the file".to_owned()));
            }
        }
        let schema = metadata.file_metadata().schema_descr();
        let columns = schema
            .columns()
            .iter()
            .map(|column| FoundColumn {
                name: column.path().string(),
                kind: kind(column),
                single: column.physical_type() == PhysicalType::FLOAT,
            })
            .collect();
        Ok(Self { file: Box::new(file), columns })
    }

    /// Its rows, as the file says.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.file.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Its columns, in order; those within others by their path, as in `place.latitude`.
    pub fn columns(&self) -> &[FoundColumn] {
        &self.columns
    }

    /// Where a column is, by its name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// What the file says of itself under a key.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let pairs = self.file.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// Reads these columns, by their places, and hands them out in batches of at most [`BATCH_ROWS`]: one entry for each column, in the
    /// order asked for.
    ///
    /// # Errors
    /// [`TableError`]; what `each` returns ends it.
    ///
    /// # Panics
    /// There is no such column.
    pub fn read<E: From<TableError>>(
        &self,
        columns: &[usize],
        mut each: impl FnMut(&[ColumnValues]) -> Result<(), E>,
    ) -> Result<(), E> {
        for group in 0..self.file.num_row_groups() {
            let group = guarded(|| self.file.get_row_group(group).map_err(failed))?;
            let mut readers = columns
                .iter()
                .map(|column| guarded(|| self.column_reader(&*group, *column)))
                .collect::<Result<Vec<_>, _>>()?;
            let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            while left > 0 && !readers.is_empty() {
                let rows = left.min(BATCH_ROWS);
                left -= rows;
                let batch = readers
                    .iter_mut()
                    .zip(columns)
                    .map(|(reader, column)| guarded(|| batch(reader, &self.columns[*column], rows)))
                    .collect::<Result<Vec<_>, _>>()?;
                each(&batch)?;
            }
        }
        Ok(())
    }

    fn column_reader(
        &self,
        group: &(dyn RowGroupReader + '_),
        column: usize,
    ) -> Result<FoundReader, TableError> {
        let found = &self.columns[column];
        if found.kind == FoundKind::Other {
            return Err(TableError::Other(found.name.clone()));
        }
        let described = group.metadata().column(column).column_descr_ptr();
        let unsigned = matches!(
            described.logical_type_ref(),
            Some(LogicalType::Integer(IntType { is_signed: false, .. }))
        );
        let optional = described.max_def_level() > 0;
        Ok(FoundReader { reader: group.get_column_reader(column).map_err(failed)?, unsigned, optional })
    }
}

impl core::fmt::Debug for TableReader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TableReader")
            .field("rows", &self.rows())
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

struct FoundReader {
    reader: ColumnReader,
    unsigned: bool,
    optional: bool,
}

/// The next rows of a column.
fn batch(from: &mut FoundReader, column: &FoundColumn, rows: usize) -> Result<ColumnValues, TableError> {
    let FoundReader { reader, unsigned, optional } = from;
    let (unsigned, optional) = (*unsigned, *optional);
    let large = |value: i64| match u64::from_ne_bytes(value.to_ne_bytes()) {
        found if unsigned && value < 0 => Err(TableError::TooLarge { column: column.name.clone(), found }),
        _ => Ok(value),
    };
    Ok(match reader {
        ColumnReader::BoolColumnReader(reader) => {
            ColumnValues::Flags(values(reader, rows, optional, Ok::<_, TableError>)?)
        }
        ColumnReader::Int32ColumnReader(reader) => {
            ColumnValues::Integers(values(reader, rows, optional, |value: i32| {
                let unsigned_value = i64::from(u32::from_ne_bytes(value.to_ne_bytes()));
                Ok(if unsigned { unsigned_value } else { i64::from(value) })
            })?)
        }
        ColumnReader::Int64ColumnReader(reader) => {
            ColumnValues::Integers(values(reader, rows, optional, large)?)
        }
        ColumnReader::FloatColumnReader(reader) => {
            ColumnValues::Reals(values(reader, rows, optional, |value: f32| Ok(f64::from(value)))?)
        }
        ColumnReader::DoubleColumnReader(reader) => ColumnValues::Reals(values(reader, rows, optional, Ok)?),
        ColumnReader::ByteArrayColumnReader(reader) => {
            let text = |value: parquet::data_type::ByteArray| {
                let text = value.as_utf8().map_err(|_| TableError::NotText(column.name.clone()))?;
                Ok(text.to_owned())
            };
            ColumnValues::Texts(values(reader, rows, optional, text)?)
        }
        ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            return Err(TableError::Other(column.name.clone()));
        }
    })
}

fn values<T: DataType, V>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    optional: bool,
    convert: impl Fn(T::T) -> Result<V, TableError>,
) -> Result<Vec<Option<V>>, TableError> {
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    let (mut records, mut found) = (0, 0);
    while records < rows {
        let levels = optional.then_some(&mut levels);
        let (more, values, _) =
            reader.read_records(rows - records, levels, None, &mut present).map_err(failed)?;
        if more == 0 {
            return Err(TableError::Damaged(format!("a column ends {} rows early", rows - records)));
        }
        records += more;
        found += values;
    }
    if found != present.len() || (optional && levels.len() != rows) || (!optional && found != rows) {
        return Err(TableError::Damaged("a column has another number of values than of rows".to_owned()));
    }
    let mut present = present.into_iter();
    let one = |there: bool| match there.then(|| present.next()) {
        Some(Some(value)) => convert(value).map(Some),
        Some(None) => Err(TableError::Damaged("a column has fewer values than it says".to_owned())),
        None => Ok(None),
    };
    if optional {
        levels.iter().map(|level| *level > 0).map(one).collect()
    } else {
        std::iter::repeat_n(true, rows).map(one).collect()
    }
}

fn kind(column: &ColumnDescriptor) -> FoundKind {
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return FoundKind::Other;
    }
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    };
    match (column.physical_type(), column.logical_type_ref()) {
        (PhysicalType::BOOLEAN, _) => FoundKind::Flags,
        (PhysicalType::FLOAT | PhysicalType::DOUBLE, _) => FoundKind::Reals,
        (PhysicalType::INT32 | PhysicalType::INT64, None | Some(LogicalType::Integer(_))) => {
            FoundKind::Integers
        }
        (
            PhysicalType::INT32 | PhysicalType::INT64,
            Some(
                LogicalType::Timestamp(TimestampType { unit, .. }) | LogicalType::Time(TimeType { unit, .. }),
            ),
        ) => FoundKind::Times { per_second: per_second(unit) },
        (PhysicalType::BYTE_ARRAY, Some(LogicalType::String | LogicalType::Enum)) => FoundKind::Texts,
        _ => FoundKind::Other,
    }
}

fn failed(error: ParquetError) -> TableError {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            // Decompressors have errors of the same type, which are the file's fault.
            Ok(error) if error.raw_os_error().is_none() => TableError::Damaged(error.to_string()),
            Ok(error) => TableError::File(*error),
            Err(error) => TableError::Damaged(error.to_string()),
        },
        error => TableError::Damaged(error.to_string()),
    }
}

/// Rows handed out at once.
pub const BATCH_ROWS: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Column, ColumnKind, TableWriter};

    const COLUMNS: [Column; 5] = [
        Column::new("number", ColumnKind::Integer, "", "counts"),
        Column::new("distance_m", ColumnKind::Real, "m", "lies").or_null(),
        Column::new("latitude", ColumnKind::Spread, "degrees", "lies"),
        Column::new("name", ColumnKind::Text, "", "is called").or_null(),
        Column::new("honest", ColumnKind::Flag, "", "is honest"),
    ];

    fn table(rows: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut table = TableWriter::new(&COLUMNS, &mut bytes).unwrap();
        let name = table.text("café");
        for number in 0..rows {
            let known = number % 5 > 1;
            table
                .row()
                .integer(-number)
                .real(known.then_some(number as f64 / 2.0))
                .real(49.0 + number as f64 / 7.0)
                .text(known.then_some(name))
                .flag(number % 2 == 0)
                .end();
        }
        table.finish(vec![("made by".to_owned(), "a test".to_owned())]).unwrap();
        bytes
    }

    #[test]
    fn what_was_written_is_read_in_batches() {
        let rows = 70_001;
        let reader = TableReader::from_bytes(table(rows).into()).unwrap();
        assert_eq!(
            (reader.rows(), reader.metadata("made by"), reader.metadata("x")),
            (70_001, Some("a test"), None)
        );
        let kinds: Vec<_> = reader.columns().iter().map(|column| column.kind).collect();
        use FoundKind::{Flags, Integers, Reals, Texts};
        assert_eq!(kinds, [Integers, Reals, Reals, Texts, Flags]);
        let wanted = [reader.column("name").unwrap(), reader.column("number").unwrap()];
        let (mut next, mut batches) = (0, 0);
        reader
            .read::<TableError>(&wanted, |batch| {
                let [ColumnValues::Texts(names), ColumnValues::Integers(numbers)] = batch else {
                    panic!("{batch:?}")
                };
                assert!(names.len() == numbers.len() && names.len() <= BATCH_ROWS);
                for (name, number) in names.iter().zip(numbers) {
                    assert_eq!(*number, Some(-next));
                    assert_eq!(name.as_deref(), (next % 5 > 1).then_some("café"));
                    next += 1;
                }
                batches += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!((next, batches), (rows, 18), "two row groups");
    }

    #[test]
    fn the_caller_may_end_it() {
        let reader = TableReader::from_bytes(table(20_000).into()).unwrap();
        let mut batches = 0;
        let error = reader
            .read(&[0], |_| {
                batches += 1;
                if batches == 2 { Err(TableError::NotText("mine".to_owned())) } else { Ok(()) }
            })
            .unwrap_err();
        assert!(matches!(error, TableError::NotText(mine) if mine == "mine"));
        assert_eq!(batches, 2);
    }

    #[test]
    fn what_is_no_table_is_said_to_be_none() {
        for bytes in [&b""[..], b"PAR1", b"time;id;x\n0;a;1\n0;b;2\n", &[0; 1000]] {
            let error = TableReader::from_bytes(Bytes::copy_from_slice(bytes)).unwrap_err();
            assert!(error.to_string().starts_with("is not a readable Parquet file"), "{error}");
        }
        let whole = table(100);
        let cut = TableReader::from_bytes(Bytes::copy_from_slice(&whole[..whole.len() - 20]));
        assert!(matches!(cut.unwrap_err(), TableError::Damaged(_)));
    }

    fn read_all(bytes: Vec<u8>) -> Result<(), TableError> {
        let reader = TableReader::from_bytes(bytes.into())?;
        for column in 0..reader.columns().len() {
            drop(reader.read::<TableError>(&[column], |_| Ok(())));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), between in any::<bool>()) {
            let bytes = if between { [b"PAR1", &bytes[..], &[bytes.len() as u8, 0, 0, 0], b"PAR1"].concat() } else { bytes };
            drop(read_all(bytes));
        }

        #[test]
        fn damaged_tables_are_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut bytes = table(300);
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            drop(read_all(bytes));
        }
    }
}
