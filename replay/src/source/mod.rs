//! Where a replay's movement comes from: traces of stations, captures of frames, and the town that is compiled in.
//!
//! A [`Trace`] is read by content, not by file name: SUMO floating-car data as XML, CSV, GPX, mobility of ns-2, plain or gzip, or a table of Parquet. Readers
//! stream, are bounded whatever the input ([`MAX_STATIONS`], [`MAX_ROW_BYTES`], [`ReadOptions::max_samples`]), and keep
//! what is usable: a bad row is dropped and counted, a file that breaks off keeps what came before, both as
//! [`Warning`]s. Time is the trace's own; no clock is read.

mod bounded;
mod builder;
pub mod capture;
pub mod convert;
mod coordinates;
mod derived;
mod error;
mod fcd_csv;
mod fcd_xml;
mod gpx;
mod ground;
mod kind;
mod kind_rules;
mod mapped;
mod mapping;
mod motion;
mod net;
mod ns2;
mod options;
mod origin;
mod parquet;
mod pattern;
mod polygons;
mod projection;
pub mod reading;
mod records;
mod row;
mod selection;
pub(crate) mod side_file;
mod signals;
mod station_kind;
mod station_size;
mod stations;
pub mod town;
mod trace;
mod track;
mod track_types;
mod unpacked;

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use v2x_tables::TableReader;

pub use bounded::MAX_ROW_BYTES;
pub use error::{PlaceUnit, RowFault, TraceError, Warning};
pub use ground::Ground;
pub use kind::{Kind, RECORDING_MAGIC};
pub use kind_rules::KindRules;
pub use mapping::Mapping;
pub use net::{Net, NetError};
pub use options::{DEFAULT_MAX_SAMPLES, DEFAULT_ORIGIN, DEFAULT_TOLERATED_PERCENT, ReadOptions};
pub use polygons::{PolygonTypes, buildings, buildings_from};
pub use projection::Projection;
pub use reading::{Reading, ReadingError};
pub use row::MAX_NAME_BYTES;
pub use selection::{Selection, Share, names_in};
pub use side_file::SideFileError;
pub use signals::{SignalChange, Signals};
pub use station_kind::StationKind;
pub use station_size::StationSize;
pub use stations::MAX_STATIONS;
pub use trace::{Sample, Trace};
pub use track::{MAX_GAP_NS, Track};
pub use track_types::TrackTypes;

/// Reads a trace from a file, its format recognised by content. The file is opened once and read from front to back, so
/// that a pipe will do; `-` is standard input. Parquet is read from its end, so that it takes a plain file.
///
/// # Errors
/// [`TraceError`], naming the file, the place and what would be right. Bad rows and early ends are not errors but
/// [`Trace::warnings`], unless nothing usable is left.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Trace, TraceError> {
    if path == Path::new("-") {
        return read_from(std::io::stdin().lock(), "standard input", options);
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(mut file) => match is_parquet(&mut file) {
            Ok(true) => parquet::read(TableReader::open(file), &name, options),
            Ok(false) => read_from(BufReader::new(file), &name, options),
            Err(source) => Err(TraceError::Read { name, source }),
        },
        Err(source) => Err(TraceError::Open { name, source }),
    }
}

/// Reads a trace from a Parquet file in memory; `name` stands for the file in errors.
///
/// # Errors
/// As [`read`].
pub fn read_parquet(bytes: Bytes, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    parquet::read(TableReader::from_bytes(bytes), name, options)
}

/// Whether a plain file begins as Parquet does; it is where it was then. What is no plain file is not read from.
fn is_parquet(file: &mut File) -> std::io::Result<bool> {
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut magic = Vec::new();
    file.by_ref().take(kind::PARQUET_MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == kind::PARQUET_MAGIC)
}

/// SHA-256 of a file, hexadecimal, as `sha256sum` prints it; `None` for what is no plain file, and could not be read again.
pub fn sha256(path: &Path) -> Option<String> {
    // Asked before it is opened: a FIFO that has been read opens only when somebody writes into it again.
    let plain = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut file = plain.then(|| File::open(path).ok()).flatten()?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => hash.update(&buffer[..len]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads a trace from bytes; `name` stands for the file in errors.
///
/// # Errors
/// As [`read`].
pub fn read_from(reader: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let (kind, reader) = sniff(reader, name)?;
    if kind != Kind::Gzip {
        return read_plain(kind, reader, name, options);
    }
    let (kind, reader) = sniff(BufReader::new(MultiGzDecoder::new(reader)), name)?;
    read_plain(kind, reader, name, options)
}

/// Takes a look at the first bytes and hands the reader back whole.
fn sniff<'a>(mut reader: impl BufRead + 'a, name: &str) -> Result<(Kind, Box<dyn BufRead + 'a>), TraceError> {
    let mut prefix = Vec::with_capacity(kind::PREFIX_BYTES);
    let outcome = reader.by_ref().take(kind::PREFIX_BYTES as u64).read_to_end(&mut prefix);
    if prefix.is_empty() {
        return Err(match outcome {
            Err(source) if !bounded::is_damage(&source) => TraceError::Read { name: name.to_owned(), source },
            Err(source) => TraceError::NothingUsable { name: name.to_owned(), why: source.to_string() },
            Ok(_) => TraceError::NothingUsable { name: name.to_owned(), why: "the file is empty".to_owned() },
        });
    }
    let kind = kind::of_prefix(&prefix);
    let prefix = Cursor::new(prefix);
    Ok(match outcome {
        Ok(_) => (kind, Box::new(prefix.chain(reader))),
        // First what was read before the damage, then the error.
        Err(error) => (kind, Box::new(prefix.chain(bounded::Failing(Some(error))))),
    })
}

fn read_plain(
    kind: Kind,
    reader: Box<dyn BufRead + '_>,
    name: &str,
    options: &ReadOptions,
) -> Result<Trace, TraceError> {
    if kind == Kind::Parquet {
        return Err(TraceError::WrongKind {
            name: name.to_owned(),
            found: kind.to_string(),
            kind,
            wanted: "the name of a plain file: Parquet is read from its end, which standard input, a pipe and gzip do not give",
        });
    }
    if let Some(mapping) = &options.mapping {
        return match kind {
            Kind::Csv => mapped::read(reader, name, options, mapping),
            other => Err(TraceError::WrongKind {
                name: name.to_owned(),
                found: other.to_string(),
                kind: other,
                wanted: "CSV, plain or gzip, or Parquet, as the mapping describes it",
            }),
        };
    }
    match kind {
        Kind::Xml => fcd_xml::read(reader, name, options),
        Kind::Csv => fcd_csv::read(reader, name, options),
        Kind::Gpx => gpx::read(reader, name, options),
        Kind::Ns2 => ns2::read(reader, name, options),
        other => Err(TraceError::WrongKind {
            name: name.to_owned(),
            found: other.to_string(),
            kind: other,
            wanted: WANTED,
        }),
    }
}

const WANTED: &str = "SUMO floating-car data (--fcd-output) as XML, CSV with a header, GPX or mobility of ns-2, plain or gzip, or Parquet with such columns";

#[cfg(test)]
mod tests;
