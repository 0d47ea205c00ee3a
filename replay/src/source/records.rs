//! Rows of a CSV, one at a time, and how it may end.

use std::io::BufRead;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::bounded::{Bounded, is_damage};
use super::error::TraceError;

/// Rows of plain CSV of a bounded length.
pub(super) struct Records<'n, R> {
    name: &'n str,
    csv: Reader<Bounded<R>>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A row, which begins in this line, from 1.
    Row(u64),
    /// The end of the file.
    End,
    /// The file cannot be read on from this line.
    Cut(u64, String),
}

impl<'n, R: BufRead> Records<'n, R> {
    pub(super) fn new(input: R, name: &'n str, separator: u8, limit: usize) -> Self {
        let csv = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(Bounded::new(input, limit));
        Self { name, csv }
    }

    /// Reads the next row.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<Next, TraceError> {
        self.csv.get_mut().next_item();
        let line = self.csv.position().line();
        let error = match self.csv.read_byte_record(record) {
            Ok(true) => return Ok(Next::Row(record.position().map_or(line, csv::Position::line))),
            Ok(false) => return Ok(Next::End),
            Err(error) => error,
        };
        if self.csv.get_ref().exceeded() {
            let limit = self.csv.get_ref().limit();
            return Err(TraceError::TooLong { name: self.name.to_owned(), line, limit });
        }
        match error.into_kind() {
            csv::ErrorKind::Io(source) if !is_damage(&source) => {
                Err(TraceError::Read { name: self.name.to_owned(), source })
            }
            csv::ErrorKind::Io(source) => Ok(Next::Cut(line, source.to_string())),
            other => Ok(Next::Cut(line, format!("{other:?}"))),
        }
    }
}

/// The separator that the first line uses most; `;`, SUMO's own, when it has none.
pub(super) fn separator(input: &mut impl BufRead) -> u8 {
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

/// The names of a header as written but for blanks around them and a byte order mark.
pub(super) fn names(record: &ByteRecord) -> Vec<String> {
    let name = |field: &[u8]| {
        let field = field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field);
        String::from_utf8_lossy(field).trim().to_owned()
    };
    record.iter().map(name).collect()
}

/// The names of a header, short enough to show.
pub(super) fn shown(names: &[String]) -> String {
    let mut shown: Vec<String> =
        names.iter().take(20).map(|name| name.escape_debug().take(40).collect()).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    shown.join(", ")
}
