//! Tables as Parquet files.
//!
//! [`TableWriter`] writes a table whose columns are [described](Column), row by row, in memory that does not grow with the
//! table; [`TableReader`] reads the flat columns of anybody's table in batches.
//!
//! # Types
//!
//! A table is written in the four types that DuckDB, pandas, Polars and Spark read alike, without a setting: signed integers of 64 bits
//! (`INT64`), floating-point numbers of 64 bits (`DOUBLE`), texts (`BYTE_ARRAY` with the logical type `STRING`) and `BOOLEAN`. What is not
//! known is null. Unsigned integers, times, timestamps in nanoseconds and enumerations are left out, because each of them becomes another type,
//! loses digits or is refused in one of the four. Times and durations are integers whose
//! unit is in the column's name.

mod buffer;
mod column;
mod error;
mod guard;
mod reader;
mod writer;

pub use column::{Column, ColumnKind};
pub use error::TableError;
pub use reader::{BATCH_ROWS, ColumnValues, FoundColumn, FoundKind, TableReader};
pub use writer::{RowWriter, TableWriter, TextId};
