//! The table of a sweep: one row for each point, with its settings and all figures of its report. The rows are made here alone;
//! each format writes them as they are.

use std::collections::BTreeMap;
use std::io::{self, Write};

use v2x_report::Report;

use super::manifest::ManifestPoint;
use crate::figures::{Figure, FigureUnit, FigureValue, figures};

/// Columns and rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultTable {
    /// In order.
    pub columns: Vec<ResultColumn>,
    /// One for each point, each with a cell for each column.
    pub rows: Vec<Vec<ResultCell>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Letters, digits and `_`, unlike all others.
    pub name: String,
    /// What all its cells are that are not empty.
    pub kind: ResultKind,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// Text.
    Text,
    /// A whole number.
    Count,
    /// A number.
    Real,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultCell {
    /// The point has no such figure.
    Empty,
    /// Text.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A finite number.
    Real(f64),
}

/// A table on its way, report by report.
#[derive(Debug, Default)]
pub(super) struct TableBuilder {
    points: Vec<Vec<Figure>>,
}

impl TableBuilder {
    /// Adds the next point's report.
    pub(super) fn add(&mut self, report: &Report) {
        let mut figures = figures(report);
        let length = FigureValue::Real(report.simulated_s);
        figures.insert(
            0,
            Figure { rank: (0, 0), name: LENGTH.to_owned(), unit: FigureUnit::Seconds, value: length },
        );
        self.points.push(figures);
    }

    /// The table of these points, in their order; `settings` are the names of what they vary.
    pub(super) fn finish(self, settings: &[String], points: &[ManifestPoint]) -> ResultTable {
        let fixed = [
            ("point", ResultKind::Count),
            ("id", ResultKind::Text),
            ("base", ResultKind::Text),
            ("seed", ResultKind::Count),
        ];
        let mut columns: Vec<ResultColumn> =
            fixed.into_iter().map(|(name, kind)| ResultColumn { name: name.to_owned(), kind }).collect();
        let mut rows: Vec<Vec<ResultCell>> = Vec::with_capacity(points.len());
        for (number, point) in points.iter().enumerate() {
            rows.push(vec![
                ResultCell::Count(number as u64 + 1),
                ResultCell::Text(point.id.clone()),
                ResultCell::Text(point.base.clone()),
                ResultCell::Count(point.seed),
            ]);
        }
        for (place, key) in settings.iter().enumerate() {
            let value = |point: &ManifestPoint| point.values.get(place).cloned().unwrap_or_default();
            let values: Vec<String> = points.iter().map(value).collect();
            let kind = kind_of(&values);
            columns.push(ResultColumn { name: key.replace('-', "_"), kind });
            for (row, text) in rows.iter_mut().zip(values) {
                row.push(cell(kind, text));
            }
        }
        for (name, kind) in self.figure_columns() {
            // An option of this name stands before it.
            let taken = columns.iter().any(|column| column.name == name);
            columns.push(ResultColumn {
                name: if taken { format!("{name}_figure") } else { name.clone() },
                kind,
            });
            for (row, figures) in rows.iter_mut().zip(&self.points) {
                let found = figures.iter().find(|figure| figure.name == name);
                row.push(match (found.map(|figure| figure.value), kind) {
                    (None, _) => ResultCell::Empty,
                    (Some(FigureValue::Count(count)), ResultKind::Count) => ResultCell::Count(count),
                    (Some(value), _) => ResultCell::Real(value.as_f64()),
                });
            }
        }
        ResultTable { columns, rows }
    }

    /// Every figure that some point has, each with the least of its ranks.
    fn figure_columns(&self) -> Vec<(String, ResultKind)> {
        let mut ranks: BTreeMap<&str, ((u8, u32), ResultKind)> = BTreeMap::new();
        for figure in self.points.iter().flatten() {
            let kind = match figure.value {
                FigureValue::Count(_) => ResultKind::Count,
                FigureValue::Real(_) => ResultKind::Real,
            };
            let known = ranks.entry(&figure.name).or_insert((figure.rank, kind));
            known.0 = known.0.min(figure.rank);
            if kind == ResultKind::Real {
                known.1 = kind;
            }
        }
        let mut columns: Vec<_> = ranks.into_iter().map(|(name, (rank, kind))| (rank, name, kind)).collect();
        columns.sort_by_key(|(rank, name, _)| (*rank, *name));
        columns.into_iter().map(|(_, name, kind)| (name.to_owned(), kind)).collect()
    }
}

fn kind_of(values: &[String]) -> ResultKind {
    let number = |text: &String| text.parse::<f64>().is_ok_and(f64::is_finite);
    if values.iter().all(|text| text.parse::<u64>().is_ok()) {
        ResultKind::Count
    } else if values.iter().all(number) {
        ResultKind::Real
    } else {
        ResultKind::Text
    }
}

fn cell(kind: ResultKind, text: String) -> ResultCell {
    match kind {
        ResultKind::Count => text.parse().map_or(ResultCell::Empty, ResultCell::Count),
        ResultKind::Real => text.parse().map_or(ResultCell::Empty, ResultCell::Real),
        ResultKind::Text => ResultCell::Text(text),
    }
}

impl ResultTable {
    /// Writes it as CSV with a line of names; an empty cell is an empty field.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(self.columns.iter().map(|column| &column.name))?;
        for row in &self.rows {
            csv.write_record(row.iter().map(|cell| match cell {
                ResultCell::Empty => String::new(),
                ResultCell::Text(text) => text.clone(),
                ResultCell::Count(count) => count.to_string(),
                ResultCell::Real(real) => real.to_string(),
            }))?;
        }
        csv.flush()
    }

    /// Writes it as a JSON list of one object for each row, on a line of its own; an empty cell is `null`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        writeln!(out, "[")?;
        for (number, row) in self.rows.iter().enumerate() {
            write!(out, "{{")?;
            for (place, (name, cell)) in names.iter().zip(row).enumerate() {
                write!(out, "{}{name}:", if place == 0 { "" } else { "," })?;
                match cell {
                    ResultCell::Empty => write!(out, "null")?,
                    ResultCell::Text(text) => write!(out, "{}", quoted(text))?,
                    ResultCell::Count(count) => write!(out, "{count}")?,
                    ResultCell::Real(real) => write!(out, "{}", serde_json::Value::from(*real))?,
                }
            }
            writeln!(out, "}}{}", if number + 1 < self.rows.len() { "," } else { "" })?;
        }
        writeln!(out, "]")
    }
}

/// How long a point's run was.
const LENGTH: &str = "simulated_s";
