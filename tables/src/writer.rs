//! A table on its way into a file.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use crate::buffer::{BufferedValues, ColumnBuffer};
use crate::column::{Column, ColumnKind, schema};

/// A table on its way: rows are kept until there is a row group of them.
///
/// The first error ends it: rows after it are dropped, and [`finish`](Self::finish) reports it. Equal rows give equal bytes.
pub struct TableWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    buffers: Vec<ColumnBuffer>,
    texts: Vec<ByteArray>,
    numbers: BTreeMap<Box<str>, TextId>,
    rows: usize,
    error: Option<io::Error>,
}

/// A text that a table knows, by its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextId(u32);

impl<W: Write + Send> TableWriter<W> {
    /// Begins the table.
    ///
    /// # Errors
    /// Of `out`.
    pub fn new(columns: &[Column<'_>], out: W) -> io::Result<Self> {
        let file = schema(columns)
            .and_then(|schema| SerializedFileWriter::new(out, schema, properties(columns)))
            .map_err(system_error)?;
        Ok(Self {
            file,
            buffers: columns.iter().map(ColumnBuffer::new).collect(),
            texts: Vec::new(),
            numbers: BTreeMap::new(),
            rows: 0,
            error: None,
        })
    }

    /// The number of a text, for columns of texts. The table remembers every one.
    pub fn text(&mut self, text: &str) -> TextId {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = TextId(u32::try_from(self.texts.len()).expect("invariant: fewer texts than rows"));
        self.texts.push(ByteArray::from(Bytes::copy_from_slice(text.as_bytes())));
        self.numbers.insert(text.into(), number);
        number
    }

    /// Begins a row, which takes one value for each column, in order.
    pub fn row(&mut self) -> RowWriter<'_, W> {
        RowWriter { table: self, next: 0 }
    }

    /// Whether writing has failed, so that no further row can be kept.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Ends the file; `metadata` is what it says of itself, by key.
    ///
    /// # Errors
    /// The first of all that writing met.
    pub fn finish(mut self, metadata: Vec<(String, String)>) -> io::Result<()> {
        self.flush();
        for (key, value) in metadata {
            self.file.append_key_value_metadata(KeyValue::new(key, value));
        }
        match self.error {
            Some(error) => Err(error),
            None => self.file.close().map(drop).map_err(system_error),
        }
    }

    fn flush(&mut self) {
        if self.rows > 0 && self.error.is_none() {
            self.error = self.row_group().err().map(system_error);
        }
        self.rows = 0;
    }

    fn row_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for buffer in &mut self.buffers {
            let mut column = group.next_column()?.expect("invariant: as many columns as buffers");
            buffer.write(column.untyped(), &self.texts)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> core::fmt::Debug for TableWriter<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TableWriter")
            .field("columns", &self.buffers.len())
            .field("rows", &self.rows)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// A row on its way into a table. Each call gives the value of the next column, whose kind it has.
///
/// # Panics
/// Every call does when the next column is of another kind, or there is none.
#[derive(Debug)]
pub struct RowWriter<'a, W: Write + Send> {
    table: &'a mut TableWriter<W>,
    next: usize,
}

impl<W: Write + Send> RowWriter<'_, W> {
    /// A column of integers.
    pub fn integer(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        let Some(value) = value.into() else { return self.null() };
        match self.some() {
            BufferedValues::Integers(values) => values.push(value),
            other => wrong(other),
        }
        self
    }

    /// A column of integers, of a count: what is beyond a signed number is the largest one.
    pub fn count(&mut self, value: impl Into<Option<u64>>) -> &mut Self {
        self.integer(value.into().map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
    }

    /// A column of floating-point numbers.
    pub fn real(&mut self, value: impl Into<Option<f64>>) -> &mut Self {
        let Some(value) = value.into() else { return self.null() };
        match self.some() {
            BufferedValues::Reals(values) => values.push(value),
            other => wrong(other),
        }
        self
    }

    /// A column of texts.
    pub fn text(&mut self, value: impl Into<Option<TextId>>) -> &mut Self {
        let Some(TextId(value)) = value.into() else { return self.null() };
        match self.some() {
            BufferedValues::Texts(values) => values.push(value),
            other => wrong(other),
        }
        self
    }

    /// A column of hexadecimal digits.
    pub fn hexadecimal(&mut self, value: impl Into<Option<u64>>) -> &mut Self {
        let Some(value) = value.into() else { return self.null() };
        match self.some() {
            BufferedValues::Hexadecimals(values) => values.push(value),
            other => wrong(other),
        }
        self
    }

    /// A column of flags.
    pub fn flag(&mut self, value: impl Into<Option<bool>>) -> &mut Self {
        let Some(value) = value.into() else { return self.null() };
        match self.some() {
            BufferedValues::Flags(values) => values.push(value),
            other => wrong(other),
        }
        self
    }

    /// Ends the row.
    ///
    /// # Panics
    /// It has fewer values than the table has columns.
    pub fn end(&mut self) {
        assert!(self.next == self.table.buffers.len(), "invariant: a row has a value for each column");
        self.table.rows += 1;
        if self.table.rows >= ROW_GROUP {
            self.table.flush();
        }
    }

    fn some(&mut self) -> &mut BufferedValues {
        self.advance().some()
    }

    fn null(&mut self) -> &mut Self {
        self.advance().none();
        self
    }

    fn advance(&mut self) -> &mut ColumnBuffer {
        self.next += 1;
        &mut self.table.buffers[self.next - 1]
    }
}

fn wrong(found: &BufferedValues) -> ! {
    panic!("invariant: a row's values come in the order of the columns; the next is one of {found:?}");
}

fn properties(columns: &[Column<'_>]) -> Arc<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in columns {
        let path = ColumnPath::from(column.name);
        properties = match column.kind {
            ColumnKind::Integer => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            ColumnKind::Spread | ColumnKind::Flag => properties.set_column_dictionary_enabled(path, false),
            ColumnKind::Real | ColumnKind::Text | ColumnKind::Hexadecimal => properties,
        };
    }
    Arc::new(properties.build())
}

/// The system's error in the library's.
fn system_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

/// Rows of a row group: some 12 MB of thirty columns in memory, and enough for a reader's threads to share.
const ROW_GROUP: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use parquet::basic::{ConvertedType, Type};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    const COLUMNS: [Column<'_>; 6] = [
        Column::new("number", ColumnKind::Integer, "", "counts"),
        Column::new("wait_ns", ColumnKind::Integer, "ns", "waits").or_null(),
        Column::new("distance_m", ColumnKind::Real, "m", "lies").or_null(),
        Column::new("name", ColumnKind::Text, "", "is called").or_null(),
        Column::new("signer", ColumnKind::Hexadecimal, "", "signs").or_null(),
        Column::new("honest", ColumnKind::Flag, "", "is honest"),
    ];

    fn write(rows: i64, out: impl Write + Send) -> io::Result<()> {
        let mut table = TableWriter::new(&COLUMNS, out)?;
        let names = ["car 7", "bus, \"9\""].map(|name| table.text(name));
        assert_eq!(table.text("car 7"), names[0]);
        for number in 0..rows {
            let known = number % 3 != 0;
            table
                .row()
                .integer(number)
                .count(known.then_some(number as u64 * 1_000_003))
                .real(known.then_some((number % 300) as f64 / 10.0))
                .text(known.then(|| names[usize::from(number % 2 == 1)]))
                .hexadecimal(known.then_some(0xfedc_ba98_7654_3210 - number as u64))
                .flag(number % 2 == 0)
                .end();
        }
        table.finish(vec![("roadcast.table".to_owned(), "test".to_owned())])
    }

    #[test]
    fn rows_come_back_with_their_nulls_over_several_row_groups() {
        let rows = ROW_GROUP as i64 * 2 + 7;
        let mut bytes = Vec::new();
        write(rows, &mut bytes).unwrap();
        let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        assert_eq!((file.num_row_groups(), file.metadata().file_metadata().num_rows()), (3, rows));
        let keys = file.metadata().file_metadata().key_value_metadata().unwrap();
        assert_eq!((keys[0].key.as_str(), keys[0].value.as_deref()), ("roadcast.table", Some("test")));
        for (number, row) in (0..).zip(file.get_row_iter(None).unwrap()) {
            let fields: Vec<_> = row.unwrap().into_columns().into_iter().map(|(_, field)| field).collect();
            assert_eq!(fields[0], Field::Long(number));
            assert_eq!(fields[5], Field::Bool(number % 2 == 0));
            if number % 3 == 0 {
                assert_eq!(fields[1..5], [Field::Null, Field::Null, Field::Null, Field::Null]);
            } else {
                assert_eq!(fields[1], Field::Long(number * 1_000_003));
                assert_eq!(fields[2], Field::Double((number % 300) as f64 / 10.0));
                let name = if number % 2 == 1 { "bus, \"9\"" } else { "car 7" };
                assert_eq!(fields[3], Field::Str(name.to_owned()));
                assert_eq!(fields[4], Field::Str(format!("{:016x}", 0xfedc_ba98_7654_3210 - number as u64)));
            }
        }
    }

    #[test]
    fn equal_rows_give_equal_bytes() {
        let file = || {
            let mut bytes = Vec::new();
            write(ROW_GROUP as i64 + 5000, &mut bytes).unwrap();
            bytes
        };
        assert!(file() == file());
    }

    #[test]
    fn types_are_those_that_all_readers_share() {
        let mut bytes = Vec::new();
        write(0, &mut bytes).unwrap();
        let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let found: Vec<_> = file
            .metadata()
            .file_metadata()
            .schema_descr()
            .columns()
            .iter()
            .map(|column| (column.physical_type(), column.converted_type()))
            .collect();
        assert_eq!(
            found,
            [
                (Type::INT64, ConvertedType::NONE),
                (Type::INT64, ConvertedType::NONE),
                (Type::DOUBLE, ConvertedType::NONE),
                (Type::BYTE_ARRAY, ConvertedType::UTF8),
                (Type::BYTE_ARRAY, ConvertedType::UTF8),
                (Type::BOOLEAN, ConvertedType::NONE),
            ]
        );
    }

    /// Holds this many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_the_systems_error_wherever_it_is_met() {
        let mut whole = Vec::new();
        write(ROW_GROUP as i64 + 5000, &mut whole).unwrap();
        for room in [0, 3, 1000, whole.len() / 2, whole.len() - 1] {
            let error = write(ROW_GROUP as i64 + 5000, Disk(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "room for {room} bytes");
        }
        write(ROW_GROUP as i64 + 5000, Disk(whole.len())).unwrap();
    }

    #[test]
    #[should_panic(expected = "order of the columns")]
    fn a_value_for_another_column_is_a_fault_of_the_program() {
        let mut table = TableWriter::new(&COLUMNS, Vec::new()).unwrap();
        table.row().real(1.0);
    }
}
