//! What a column of a table is: its type, unit and meaning.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name, ending in its unit where it has one.
    pub name: &'a str,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether a value may be unknown.
    pub nullable: bool,
    /// Unit of its values; empty where they have none.
    pub unit: &'a str,
    /// What its values say, one sentence without a full stop.
    pub meaning: &'a str,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Signed integers of 64 bits. Written as differences: numbers near the one before are short.
    Integer,
    /// Floating-point numbers of 64 bits, of which few differ. Written as a dictionary.
    Real,
    /// Floating-point numbers of 64 bits, of which nearly all differ. Written as they are.
    Spread,
    /// Texts, of which few differ. Written as a dictionary.
    Text,
    /// Numbers of 64 bits written as texts of sixteen hexadecimal digits, lower case.
    Hexadecimal,
    /// True or false.
    Flag,
}

impl<'a> Column<'a> {
    /// A column without null.
    pub const fn new(name: &'a str, kind: ColumnKind, unit: &'a str, meaning: &'a str) -> Self {
        Self { name, kind, nullable: false, unit, meaning }
    }

    /// The column with null where a value is unknown.
    #[must_use]
    pub const fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Name of its type in DuckDB, which documents use.
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            ColumnKind::Integer => "BIGINT",
            ColumnKind::Real | ColumnKind::Spread => "DOUBLE",
            ColumnKind::Text | ColumnKind::Hexadecimal => "VARCHAR",
            ColumnKind::Flag => "BOOLEAN",
        }
    }

    fn parquet(&self) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match self.kind {
            ColumnKind::Integer => (PhysicalType::INT64, None),
            ColumnKind::Real | ColumnKind::Spread => (PhysicalType::DOUBLE, None),
            ColumnKind::Text | ColumnKind::Hexadecimal => {
                (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
            }
            ColumnKind::Flag => (PhysicalType::BOOLEAN, None),
        };
        let repetition = if self.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let builder = Type::primitive_type_builder(self.name, physical);
        Ok(Arc::new(builder.with_logical_type(logical).with_repetition(repetition).build()?))
    }
}

/// The schema of a table with these columns.
pub(crate) fn schema(columns: &[Column<'_>]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(Column::parquet).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Type::group_type_builder("table").with_fields(fields).build()?))
}
