//! Writing a trace as SUMO floating-car data: CSV or XML, plain or gzip, by the file's name, whole or not at all.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::row::id_of;
use super::station_kind::StationKind;
use super::station_size::StationSize;
use super::trace::{Sample, Trace};
use crate::geodesy::Plane;

/// Writes a trace in the format its file name asks for: `.csv`, `.csv.gz`, `.xml` or `.xml.gz`.
///
/// With `origin` (latitude and longitude in degrees) positions are metres about it, as SUMO's own; without, they are
/// degrees and the file states it (columns `vehicle_lon` and `vehicle_lat`; SUMO's `fcd-output.geo` in XML), which
/// [`super::read`] gives back to the last digit. Times are those of the file the trace was read from.
///
/// # Errors
/// [`WriteError`]; the file named is then untouched.
pub fn write(trace: &Trace, path: &Path, origin: Option<(f64, f64)>) -> Result<(), WriteError> {
    let (format, gzip) = format_of(path)?;
    let plane = match origin {
        None => None,
        Some((latitude, longitude)) => {
            let plane = Plane::new(latitude, longitude);
            Some(plane.ok_or(WriteError::BadOrigin { latitude, longitude })?)
        }
    };
    let written = write_atomically(path, |file| {
        if gzip {
            let mut encoder = GzEncoder::new(file, Compression::default());
            write_format(trace, plane, format, &mut encoder)?;
            encoder.finish().map(|_| ())
        } else {
            write_format(trace, plane, format, file)
        }
    });
    written.map_err(|source| WriteError::Io { path: path.to_owned(), source })
}

/// Whether a file's name says in which format it is written.
///
/// # Errors
/// [`WriteError::Extension`].
pub fn check_name(path: &Path) -> Result<(), WriteError> {
    format_of(path).map(drop)
}

/// The format that a file's name asks for, and whether it is packed.
fn format_of(path: &Path) -> Result<(Format, bool), WriteError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (name, gzip) = match name.strip_suffix(".gz") {
        Some(name) => (name, true),
        None => (name, false),
    };
    if name.ends_with(".csv") {
        Ok((Format::Csv, gzip))
    } else if name.ends_with(".xml") {
        Ok((Format::Xml, gzip))
    } else {
        Err(WriteError::Extension { path: path.to_owned() })
    }
}

/// Writes a file whole or not at all: beside its place first, then moved there. What a symbolic link leads to is replaced, and not the
/// link; a FIFO or a device is written as it is.
///
/// # Errors
/// That of the system or of `content`; nothing is left behind then.
pub fn write_atomically(
    path: &Path,
    content: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut file = BufWriter::new(File::options().write(true).open(path)?);
        content(&mut file)?;
        return file.flush();
    }
    let path = &if path.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"));
    };
    let mut beside = name.to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let outcome = File::create(&beside).and_then(|file| {
        let mut file = BufWriter::new(file);
        content(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if outcome.is_err() {
        // The first error is the one to report; there may be nothing to remove.
        fs::remove_file(&beside).ok();
    }
    outcome
}

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file's name selects no known format.
    #[error("{}: no format for this name; use .csv, .csv.gz, .xml or .xml.gz", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The origin given is not a place.
    #[error(
        "origin {latitude}, {longitude}: not a latitude within 89 degrees of the equator and a longitude within 180"
    )]
    BadOrigin {
        /// Latitude as given, degrees.
        latitude: f64,
        /// Longitude as given, degrees.
        longitude: f64,
    },
    /// The system refused.
    #[error("{}: cannot be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Xml,
}

fn write_format(trace: &Trace, plane: Option<Plane>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Csv => write_csv(trace, plane, out),
        Format::Xml => write_xml(trace, plane, out),
    }
}

fn write_csv(trace: &Trace, plane: Option<Plane>, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().delimiter(b';').from_writer(out);
    let (x, y) = if plane.is_some() { ("vehicle_x", "vehicle_y") } else { ("vehicle_lon", "vehicle_lat") };
    let (signals, sizes) = (!trace.signals.is_empty(), !trace.sizes.is_empty());
    let optional = |there: bool, names: &'static [&'static str]| if there { names } else { &[] };
    let mut header = vec![
        "timestep_time",
        "tag",
        "vehicle_id",
        x,
        y,
        "vehicle_angle",
        "vehicle_type",
        "vehicle_speed",
        "vehicle_acceleration",
    ];
    header.extend(optional(signals, &["vehicle_signals"]));
    header.extend(optional(sizes, &["vehicle_length", "vehicle_width"]));
    csv.write_record(&header)?;
    for sample in &trace.samples {
        let words = Words::of(trace, sample, plane);
        let mut row = vec![
            words.time.as_str(),
            words.element(),
            words.id,
            &words.x,
            &words.y,
            &words.angle,
            words.kind.name(),
            &words.speed,
            &words.acceleration,
        ];
        if signals {
            row.push(&words.signals);
        }
        if sizes {
            row.extend([words.length.as_str(), &words.width]);
        }
        csv.write_record(&row)?;
    }
    csv.flush()
}

fn write_xml(trace: &Trace, plane: Option<Plane>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    if plane.is_none() {
        writeln!(out, "<!-- <fcd-output.geo value=\"true\"/> -->")?;
    }
    writeln!(out, "<fcd-export>")?;
    for step in trace.samples.chunk_by(|a, b| a.time_ns == b.time_ns) {
        writeln!(out, "    <timestep time=\"{}\">", seconds(trace.begin_ns.saturating_add(step[0].time_ns)))?;
        for sample in step {
            let words = Words::of(trace, sample, plane);
            let element = words.element();
            write!(
                out,
                "        <{element} id=\"{}\" x=\"{}\" y=\"{}\"",
                quick_xml::escape::escape(words.id),
                words.x,
                words.y
            )?;
            for (key, value) in [
                ("angle", &words.angle),
                ("speed", &words.speed),
                ("acceleration", &words.acceleration),
                ("signals", &words.signals),
                ("length", &words.length),
                ("width", &words.width),
            ] {
                if !value.is_empty() {
                    write!(out, " {key}=\"{value}\"")?;
                }
            }
            writeln!(out, " type=\"{}\"/>", words.kind.name())?;
        }
        writeln!(out, "    </timestep>")?;
    }
    writeln!(out, "</fcd-export>")?;
    out.flush()
}

/// A sample as the words both formats share; unknown values are empty.
struct Words<'t> {
    time: String,
    person: bool,
    id: &'t str,
    kind: StationKind,
    x: String,
    y: String,
    angle: String,
    speed: String,
    acceleration: String,
    signals: String,
    length: String,
    width: String,
}

impl<'t> Words<'t> {
    /// SUMO's element for this kind of name.
    fn element(&self) -> &'static str {
        if self.person { "person" } else { "vehicle" }
    }

    fn of(trace: &'t Trace, sample: &Sample, plane: Option<Plane>) -> Self {
        let station = sample.station as usize;
        let (person, id) = id_of(trace.names.get(station).map_or("", String::as_str));
        let size: StationSize = trace.sizes.get(station).copied().unwrap_or_default();
        let (x, y) = match plane {
            Some(plane) => {
                let (x, y) = plane.metres(sample.point());
                (format!("{x:.2}"), format!("{y:.2}"))
            }
            None => (decimal(sample.longitude.into(), 7), decimal(sample.latitude.into(), 7)),
        };
        let optional =
            |value: Option<i64>, places| value.map_or(String::new(), |value| decimal(value, places));
        Self {
            time: seconds(trace.begin_ns.saturating_add(sample.time_ns)),
            person,
            id,
            kind: trace.kinds.get(station).copied().unwrap_or_default(),
            x,
            y,
            angle: optional(sample.heading.map(i64::from), 1),
            speed: optional(sample.speed.map(i64::from), 2),
            acceleration: optional(sample.acceleration.map(i64::from), 1),
            signals: trace
                .signals_at(sample.station, sample.time_ns)
                .map_or(String::new(), |signals| signals.0.to_string()),
            length: optional(size.length_dm.map(i64::from), 1),
            width: optional(size.width_dm.map(i64::from), 1),
        }
    }
}

/// Nanoseconds as seconds with two places, as SUMO writes them, or as many as it takes.
fn seconds(ns: u64) -> String {
    let mut word = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    let shortest = word.len() - 7;
    while word.len() > shortest && word.ends_with('0') {
        word.pop();
    }
    word
}

/// A whole number of 10^-places, exactly.
fn decimal(value: i64, places: u32) -> String {
    let unit = 10u64.pow(places);
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let mut word = String::from(if value < 0 { "-" } else { "" });
    write!(word, "{whole}.{part:0width$}", width = places as usize)
        .expect("invariant: a String takes any text");
    word
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::super::Ground;
    use super::super::{ReadOptions, SignalChange, Signals, read, read_from, town};
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("roadcast-convert-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn the_town_survives_every_format_and_leaves_nothing_beside() {
        let directory = directory("formats");
        let town = town::trace();
        for name in ["t.csv", "t.csv.gz", "t.xml", "t.xml.gz"] {
            let path = directory.join(name);
            write(&town, &path, None).unwrap();
            let degrees = read(&path, &ReadOptions::default()).unwrap();
            assert_eq!(degrees, Trace { ground: Ground::default(), ..town.clone() }, "{name}");
            let metres = directory.join(format!("m{name}"));
            write(&town, &metres, Some(town::ORIGIN)).unwrap();
            let back = read(&metres, &ReadOptions::default()).unwrap();
            for (a, b) in back.samples.iter().zip(&town.samples) {
                assert!(crate::geodesy::distance_m(a.point(), b.point()) < 0.02);
            }
        }
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 8);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_as_it_was() {
        let directory = directory("atomic");
        let path = directory.join("out.csv");
        fs::write(&path, "old").unwrap();
        let failing = |out: &mut (dyn Write + Send)| {
            out.write_all(b"half of the new")?;
            Err(io::Error::other("no more"))
        };
        assert!(write_atomically(&path, failing).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        let error = write(&Trace::default(), &directory.join("out.txt"), None).unwrap_err();
        assert!(error.to_string().ends_with("use .csv, .csv.gz, .xml or .xml.gz"));
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_link_stays_and_a_device_is_not_replaced() {
        let directory = directory("links");
        let [link, target, null] = ["link.csv", "target.csv", "null.csv"].map(|name| directory.join(name));
        fs::write(&target, "old").unwrap();
        symlink("target.csv", &link).unwrap();
        symlink("/dev/null", &null).unwrap();
        for path in [&link, &null] {
            write(&town::trace(), path, None).unwrap();
            assert!(path.is_symlink(), "{}", path.display());
        }
        assert_eq!(read(&target, &ReadOptions::default()).unwrap().samples, town::trace().samples);
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 3);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn numbers_are_written_exactly() {
        assert_eq!(seconds(28_860_100_000_000), "28860.10");
        assert_eq!(seconds(5), "0.000000005");
        assert_eq!(decimal(-5, 7), "-0.0000005");
        assert_eq!(decimal(1_799_999_999, 7), "179.9999999");
    }

    proptest! {
        #[test]
        fn any_trace_reads_back_as_it_was_written(
            rows in prop::collection::vec((0..4_000_000_000u64, -900_000_000..=900_000_000i32, -1_800_000_000..=1_800_000_000i32,
                any::<Option<u16>>(), prop::option::of(0..3600u16), prop::option::of(-32767..=32767i16), 0..4u16), 1..12),
            length_dm in prop::option::of(1..=StationSize::MAX_LENGTH_DM),
            name in "[ -~é]{1,20}",
        ) {
            // Outer blanks are not part of a name.
            let name = format!("v{name}v");
            let mut trace = Trace { names: vec![name], kinds: vec![StationKind::Truck], begin_ns: 7, ..Trace::default() };
            if let Some(length_dm) = length_dm {
                trace.sizes.push(StationSize { length_dm: Some(length_dm), width_dm: None });
            }
            let mut time_ns = 0;
            let mut on = Signals::default();
            for (step, latitude, longitude, speed, heading, acceleration, lights) in rows {
                let signals = Signals(lights << 3);
                if signals != on {
                    trace.signals.push(SignalChange { station: 0, time_ns, signals });
                    on = signals;
                }
                trace.samples.push(Sample { time_ns, station: 0, latitude, longitude, speed, heading, acceleration });
                time_ns += step + 1;
            }
            for format in [Format::Csv, Format::Xml] {
                let mut bytes = Vec::new();
                write_format(&trace, None, format, &mut bytes).unwrap();
                let back = read_from(&bytes[..], "t", &ReadOptions::default()).unwrap();
                prop_assert_eq!(&back, &trace);
            }
        }
    }
}
