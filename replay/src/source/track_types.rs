//! Types of stations from a data set's second file: a row for each, where the trace has one for each moment.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use hashbrown::HashMap;

use super::mapping::{Mapping, Separator, TypeColumns};
use super::records::{names, separator, shown};
use super::side_file::{SideFileError, text};

/// The types of stations, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackTypes {
    types: HashMap<String, String>,
}

impl TrackTypes {
    /// Reads them from a CSV, whose columns the mapping of the trace names in its table `[types]`.
    ///
    /// # Errors
    /// The first violation, with its line.
    pub fn read(path: &Path, mapping: &Mapping) -> Result<Self, SideFileError> {
        Self::parse(&path.display().to_string(), &text(path, MAX_BYTES, FILE)?, mapping)
    }

    /// The same from its text; errors name it `file`.
    ///
    /// # Errors
    /// The first violation, with its line.
    pub fn parse(file: &str, text: &str, mapping: &Mapping) -> Result<Self, SideFileError> {
        let Some(columns) = &mapping.types else {
            return Err(SideFileError::NoColumns { mapping: mapping.name.clone(), file: file.to_owned() });
        };
        let wrong = |line: u64, found: String, right: &'static str| SideFileError::Line {
            file: file.to_owned(),
            line: usize::try_from(line).unwrap_or(usize::MAX),
            found,
            right,
        };
        let mut start = text.as_bytes();
        let separator = match mapping.separator {
            Separator::Byte(byte) => byte,
            _ => separator(&mut start),
        };
        let mut rows = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut record = ByteRecord::new();
        let mut header: Option<([usize; 2], usize)> = None;
        let mut types: HashMap<String, (String, u64)> = HashMap::new();
        loop {
            let line = rows.position().line();
            match rows.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(wrong(line, format!("{:?}", error.kind()), FILE)),
            }
            let line = record.position().map_or(line, csv::Position::line);
            let Some((places, width)) = header else {
                let names = names(&record);
                let places = columns.places(&names).map_err(|missing| {
                    wrong(
                        line,
                        format!("no {missing} of the mapping {}; found {}", mapping.name, shown(&names)),
                        FILE,
                    )
                })?;
                header = Some((places, record.len()));
                continue;
            };
            if record.len() != width {
                return Err(wrong(
                    line,
                    format!("{} fields, the first line has {width}", record.len()),
                    FILE,
                ));
            }
            let word = |place: usize| String::from_utf8_lossy(&record[place]).trim().to_owned();
            let [id, type_name] = places.map(word);
            if id.is_empty() || type_name.is_empty() {
                return Err(wrong(line, "a row without an id or a type".to_owned(), FILE));
            }
            let (known, before) = types.entry(id.clone()).or_insert_with(|| (type_name.clone(), line));
            if *known != type_name {
                let found = format!("{id:?} is {type_name:?}, and {known:?} in line {before}");
                return Err(wrong(
                    line,
                    found,
                    "one type for each id: the file of this trace's recording alone",
                ));
            }
        }
        if types.is_empty() {
            return Err(wrong(1, "no row with an id and a type".to_owned(), FILE));
        }
        Ok(Self { types: types.into_iter().map(|(id, (type_name, _))| (id, type_name)).collect() })
    }

    /// A station's type.
    pub(super) fn of(&self, id: &str) -> Option<&str> {
        self.types.get(id).map(String::as_str)
    }
}

impl TypeColumns {
    /// Where the columns are; what is missing, in words.
    fn places(&self, names: &[String]) -> Result<[usize; 2], String> {
        let place = |wanted: &String, key: &str| {
            let found = names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
            found.ok_or_else(|| format!("column {wanted:?} ([types] {key})"))
        };
        Ok([place(&self.id, "id")?, place(&self.type_name, "type")?])
    }
}

const FILE: &str = "a file of types is a CSV with a header and a row for each station of the trace, as the mapping's [types] says";
/// A hundred thousand rows of a data set's second file.
const MAX_BYTES: u64 = 1 << 24;
