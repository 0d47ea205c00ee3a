//! The values of one column until their row group is written.

use bytes::Bytes;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;

use crate::column::{Column, ColumnKind};

/// Values of one column, those that are null left out.
#[derive(Debug)]
pub(crate) struct ColumnBuffer {
    values: BufferedValues,
    /// 1 for each row that has a value, 0 for each that has none; `None` where all have one.
    levels: Option<Vec<i16>>,
}

/// By the kind of column.
#[derive(Debug)]
pub(crate) enum BufferedValues {
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    /// Numbers in the table's list of texts.
    Texts(Vec<u32>),
    Hexadecimals(Vec<u64>),
    Flags(Vec<bool>),
}

impl ColumnBuffer {
    pub(crate) fn new(column: &Column<'_>) -> Self {
        let values = match column.kind {
            ColumnKind::Integer => BufferedValues::Integers(Vec::new()),
            ColumnKind::Real | ColumnKind::Spread => BufferedValues::Reals(Vec::new()),
            ColumnKind::Text => BufferedValues::Texts(Vec::new()),
            ColumnKind::Hexadecimal => BufferedValues::Hexadecimals(Vec::new()),
            ColumnKind::Flag => BufferedValues::Flags(Vec::new()),
        };
        Self { values, levels: column.nullable.then(Vec::new) }
    }

    /// Where the next value goes, which is there.
    pub(crate) fn some(&mut self) -> &mut BufferedValues {
        if let Some(levels) = &mut self.levels {
            levels.push(1);
        }
        &mut self.values
    }

    /// The next value is not known.
    ///
    /// # Panics
    /// The column has no nulls.
    pub(crate) fn none(&mut self) {
        self.levels.as_mut().expect("invariant: null goes into columns that may be null").push(0);
    }

    /// Writes the values, and forgets them.
    pub(crate) fn write(
        &mut self,
        writer: &mut ColumnWriter<'_>,
        texts: &[ByteArray],
    ) -> Result<(), ParquetError> {
        let levels = self.levels.as_deref();
        match (&mut self.values, writer) {
            (BufferedValues::Integers(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, levels, None)?;
                values.clear();
            }
            (BufferedValues::Reals(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(values, levels, None)?;
                values.clear();
            }
            (BufferedValues::Flags(values), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, levels, None)?;
                values.clear();
            }
            (BufferedValues::Texts(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let all: Vec<_> = values.iter().map(|number| texts[*number as usize].clone()).collect();
                writer.write_batch(&all, levels, None)?;
                values.clear();
            }
            (BufferedValues::Hexadecimals(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&hexadecimals(values), levels, None)?;
                values.clear();
            }
            (values, _) => {
                return Err(ParquetError::General(format!("{values:?} go into a column of another type")));
            }
        }
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
        Ok(())
    }
}

/// Equal neighbours share their text.
fn hexadecimals(values: &[u64]) -> Vec<ByteArray> {
    let mut last = None;
    values
        .iter()
        .map(|value| match &last {
            Some((known, text)) if known == value => ByteArray::clone(text),
            _ => {
                let text = ByteArray::from(Bytes::from(format!("{value:016x}")));
                last = Some((*value, text.clone()));
                text
            }
        })
        .collect()
}
