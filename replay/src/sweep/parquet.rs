//! The table of a sweep as Parquet.

use std::io::{self, Write};

use v2x_tables::{Column, ColumnKind, TableWriter};

use super::table::{ResultCell, ResultKind, ResultTable};

impl ResultTable {
    /// Writes it as Parquet, in the types of [`v2x_tables`]; an empty cell is null. `about` is what the file says of itself, by key, to
    /// which the list of columns is added. A count above 9223372036854775807, as a seed may be, becomes the negative number of the
    /// same 64 bits, which the tables of a run have too.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_parquet(&self, about: &[(&str, &str)], out: &mut (dyn Write + Send)) -> io::Result<()> {
        let kind = |kind| match kind {
            ResultKind::Text => ColumnKind::Text,
            ResultKind::Count => ColumnKind::Integer,
            ResultKind::Real => ColumnKind::Spread,
        };
        // Whether a figure has nulls is up to the runs; its type is not to depend on that.
        let columns: Vec<Column<'_>> = self
            .columns
            .iter()
            .map(|column| Column::new(&column.name, kind(column.kind), "", "").or_null())
            .collect();
        let mut table = TableWriter::new(&columns, out)?;
        for cells in &self.rows {
            let texts: Vec<_> = cells
                .iter()
                .map(|cell| if let ResultCell::Text(text) = cell { Some(table.text(text)) } else { None })
                .collect();
            let mut row = table.row();
            for ((cell, text), column) in cells.iter().zip(texts).zip(&self.columns) {
                match (column.kind, cell) {
                    (ResultKind::Text, _) => row.text(text),
                    (ResultKind::Count, ResultCell::Count(count)) => row.integer(count.cast_signed()),
                    (ResultKind::Count, _) => row.integer(None),
                    (ResultKind::Real, ResultCell::Real(real)) => row.real(*real),
                    (ResultKind::Real, _) => row.real(None),
                };
            }
            row.end();
        }
        let listed: Vec<_> = self
            .columns
            .iter()
            .map(|column| serde_json::json!({ "name": column.name, "null": true }))
            .collect();
        let listed = serde_json::Value::from(listed).to_string();
        let about = about.iter().copied().chain([("roadcast.columns", listed.as_str())]);
        table.finish(about.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }
}
