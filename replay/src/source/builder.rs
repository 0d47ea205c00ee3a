//! From the words of a row to a sample: the checks every format shares.

use hashbrown::HashMap;

use super::error::{RowFault, TraceError, Warning};
use super::options::{DEFAULT_ORIGIN, ReadOptions};
use super::station_kind::StationKind;
use super::trace::{Sample, Trace};
use crate::geodesy::Plane;
use v2x_core::Position;

/// One row as the format gave it; an empty word is an absent one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub line: u64,
    pub id: &'a str,
    pub kind: StationKind,
    pub x: &'a str,
    pub y: &'a str,
    pub angle: &'a str,
    pub speed: &'a str,
    pub acceleration: &'a str,
}

/// Whether the reader should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// The window's end is reached; what follows is of no interest.
    Done,
}

/// Collects rows into a trace, within its bounds.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    name: &'a str,
    options: &'a ReadOptions,
    plane: Plane,
    geographic: bool,
    trace: Trace,
    index: HashMap<String, u32>,
    /// Time of each station's last sample, so that a second one in the same step shows.
    last_seen: Vec<u64>,
    step_word: String,
    step: Result<u64, Fault>,
    latest: u64,
    first: Option<u64>,
    window: (u64, u64),
    all_small: bool,
    cut: Option<(u64, String)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(name: &'a str, options: &'a ReadOptions) -> Result<Self, TraceError> {
        let (latitude, longitude) = options.origin.unwrap_or(DEFAULT_ORIGIN);
        let plane = Plane::new(latitude, longitude).ok_or(TraceError::BadOrigin { latitude, longitude })?;
        // A float cast saturates, and NaN becomes 0: no window bound can do harm.
        let ns = |seconds: f64| (seconds * 1e9) as u64;
        Ok(Self {
            name,
            options,
            plane,
            geographic: options.geographic.unwrap_or(false),
            trace: Trace::default(),
            index: HashMap::new(),
            last_seen: Vec::new(),
            step_word: String::new(),
            step: Err(Fault::new(RowFault::OutsideStep, "no time before it")),
            latest: 0,
            first: None,
            window: (options.from_s.map_or(0, ns), options.to_s.map_or(u64::MAX, ns)),
            all_small: true,
            cut: None,
        })
    }

    /// The file itself states that x and y are degrees (the options, when given, take precedence).
    pub(super) fn is_geographic(&mut self) {
        self.geographic = self.options.geographic.unwrap_or(true);
    }

    /// Following rows belong to the time in `word`.
    pub(super) fn step(&mut self, word: &str) -> Flow {
        if word != self.step_word || self.step.is_err() {
            self.step_word.clear();
            self.step_word.push_str(word);
            self.step = parse_time(word).map_err(|fault| Fault::quoting(fault, "time", word));
            if let Ok(time) = self.step
                && time < self.latest
            {
                self.step = Err(Fault::quoting(RowFault::TimeBackwards, "time", word));
            }
        }
        match (&self.step, self.first) {
            (Ok(time), Some(first)) if time - first >= self.window.1 => Flow::Done,
            _ => Flow::Continue,
        }
    }

    /// Following rows belong to no time.
    pub(super) fn step_ended(&mut self) {
        self.step = Err(Fault::new(RowFault::OutsideStep, "between two steps"));
    }

    /// Takes a row, or drops it and counts why.
    pub(super) fn row(&mut self, row: Row<'_>) -> Result<(), TraceError> {
        match self.sample(row) {
            Ok(sample) => self.keep(row, sample),
            Err(Fault(fault, found)) => {
                self.drop_row(fault, row.line, &found);
                Ok(())
            }
        }
    }

    /// Counts a row that was dropped before [`Self::row`].
    pub(super) fn drop_row(&mut self, fault: RowFault, line: u64, found: &str) {
        for warning in &mut self.trace.warnings {
            if let Warning::Dropped { fault: f, rows, .. } = warning
                && *f == fault
            {
                *rows += 1;
                return;
            }
        }
        self.trace.warnings.push(Warning::Dropped {
            fault,
            rows: 1,
            first_line: line,
            found: found.to_owned(),
        });
    }

    /// The file breaks off here; no more rows follow.
    pub(super) fn cut(&mut self, line: u64, detail: String) {
        self.cut = Some((line, detail));
    }

    /// The trace, ordered; an error when it is empty.
    pub(super) fn finish(mut self) -> Result<Trace, TraceError> {
        let Some(last) = self.trace.samples.last() else {
            return Err(self.nothing_usable());
        };
        if let Some((line, detail)) = self.cut {
            self.trace.warnings.push(Warning::CutShort {
                samples: self.trace.samples.len(),
                until_ns: last.time_ns,
                line,
                detail,
            });
        }
        if self.all_small && !self.geographic && self.options.geographic.is_none() {
            self.trace.warnings.push(Warning::LooksGeographic);
        }
        self.trace.samples.sort_unstable_by_key(|sample| (sample.time_ns, sample.station));
        Ok(self.trace)
    }

    fn sample(&mut self, row: Row<'_>) -> Result<Sample, Fault> {
        let time = self.step.clone()?;
        if row.id.is_empty() {
            return Err(Fault::new(RowFault::FieldMissing, "no id"));
        }
        if row.id.len() > MAX_NAME_BYTES {
            return Err(Fault::quoting(RowFault::NameTooLong, "id", row.id));
        }
        let point = self.position(row.x, row.y)?;
        Ok(Sample {
            time_ns: time,
            station: 0,
            latitude: point.latitude,
            longitude: point.longitude,
            speed: optional("speed", row.speed, |speed| {
                if speed < 0.0 {
                    return Err(RowFault::NegativeSpeed);
                }
                scaled(speed, 100.0, f64::from(u16::MAX)).map(|speed| speed as u16)
            })?,
            heading: optional("angle", row.angle, |angle| {
                if angle.abs() > 360.0 {
                    return Err(RowFault::OutOfScale);
                }
                Ok((angle.rem_euclid(360.0) * 10.0).round() as u16 % 3600)
            })?,
            acceleration: optional("acceleration", row.acceleration, |acceleration| {
                scaled(acceleration, 10.0, f64::from(i16::MAX)).map(|acceleration| acceleration as i16)
            })?,
        })
    }

    fn position(&mut self, x_word: &str, y_word: &str) -> Result<Position, Fault> {
        let x = number(x_word).map_err(|fault| Fault::quoting(fault, "x", x_word))?;
        let y = number(y_word).map_err(|fault| Fault::quoting(fault, "y", y_word))?;
        let off = |fault| Fault(fault, format!("x {x}, y {y}"));
        if self.geographic {
            let place = Position::from_degrees(y, x).ok_or_else(|| off(RowFault::OffGlobe))?;
            if place.is_unset() { Err(off(RowFault::NoPosition)) } else { Ok(place) }
        } else {
            self.all_small &= x.abs() <= 180.0 && y.abs() <= 90.0;
            self.plane.point(x, y).ok_or_else(|| off(RowFault::OffPlane))
        }
    }

    /// Puts a checked sample (its time still the file's) into the trace.
    fn keep(&mut self, row: Row<'_>, mut sample: Sample) -> Result<(), TraceError> {
        let time = sample.time_ns;
        self.latest = time;
        let first = *self.first.get_or_insert(time);
        if time - first < self.window.0 || time - first >= self.window.1 {
            return Ok(());
        }
        if self.trace.samples.is_empty() {
            self.trace.begin_ns = time;
        }
        sample.time_ns = time - self.trace.begin_ns;
        if self.trace.samples.len() >= self.options.max_samples {
            return Err(TraceError::TooManySamples {
                name: self.name.to_owned(),
                line: row.line,
                limit: self.options.max_samples,
            });
        }
        match self.index.get(row.id) {
            Some(&station) => {
                sample.station = station;
                let last_seen = &mut self.last_seen[station as usize];
                if *last_seen == time {
                    self.drop_row(RowFault::Twice, row.line, &quote("id", row.id));
                    return Ok(());
                }
                *last_seen = time;
            }
            None => sample.station = self.enrol(row, time)?,
        }
        self.trace.samples.push(sample);
        Ok(())
    }

    fn enrol(&mut self, row: Row<'_>, time: u64) -> Result<u32, TraceError> {
        let station = self.trace.names.len();
        if station >= MAX_STATIONS {
            return Err(TraceError::TooManyStations {
                name: self.name.to_owned(),
                line: row.line,
                limit: MAX_STATIONS,
            });
        }
        self.trace.names.push(row.id.to_owned());
        self.trace.kinds.push(row.kind);
        self.last_seen.push(time);
        self.index.insert(row.id.to_owned(), station as u32);
        Ok(station as u32)
    }

    fn nothing_usable(&self) -> TraceError {
        let name = self.name.to_owned();
        if let Some((line, detail)) = &self.cut {
            return TraceError::Malformed { name, line: *line, detail: detail.clone() };
        }
        let why = if self.first.is_some() {
            format!(
                "none from {} s to {} s after its first step",
                self.window.0 as f64 / 1e9,
                self.window.1 as f64 / 1e9
            )
        } else if let Some(warning) = self.trace.warnings.first() {
            warning.to_string()
        } else {
            "no vehicle or person in it".to_owned()
        };
        TraceError::NothingUsable { name, why }
    }
}

/// Why a row is dropped, and what was found.
#[derive(Clone, Debug)]
struct Fault(RowFault, String);

impl Fault {
    fn new(fault: RowFault, found: &str) -> Self {
        Self(fault, found.to_owned())
    }

    fn quoting(fault: RowFault, field: &str, word: &str) -> Self {
        Self(fault, quote(field, word))
    }
}

/// `field "word"`, the word made printable and short.
pub(super) fn quote(field: &str, word: &str) -> String {
    let mut shown: String = word.chars().take(40).collect();
    if shown.len() < word.len() {
        shown.push_str("...");
    }
    format!("{field} {shown:?}")
}

/// A time in seconds (`120.50`) or as SUMO's human-readable `[days:]hours:minutes:seconds`, in ns.
fn parse_time(word: &str) -> Result<u64, RowFault> {
    let word = word.trim();
    let Some((left, seconds)) = word.rsplit_once(':') else {
        return parse_seconds(word);
    };
    let mut total: u64 = 0;
    let parts: Vec<&str> = left.split(':').collect();
    let units = match parts.len() {
        2 => &[3_600, 60][..],
        3 => &[86_400, 3_600, 60],
        _ => return Err(RowFault::NotANumber),
    };
    for (part, unit) in parts.iter().zip(units) {
        let part: u32 = part.parse().map_err(|_| RowFault::NotANumber)?;
        total += u64::from(part) * unit;
    }
    let ns = total.saturating_mul(NS_PER_S).saturating_add(parse_seconds(seconds)?);
    if ns > MAX_TIME_NS {
        return Err(RowFault::TimeOutOfRange);
    }
    Ok(ns)
}

/// Plain decimals exactly (a float holds Unix time to no better than 200 ns), anything else through a float.
fn parse_seconds(word: &str) -> Result<u64, RowFault> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !whole.is_empty() && whole.len() <= 10 && fraction.len() <= 9 && plain(whole) && plain(fraction) {
        let digits =
            |word: &str| word.bytes().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        let ns = digits(whole) * NS_PER_S + digits(fraction) * 10u64.pow(9 - fraction.len() as u32);
        return if ns > MAX_TIME_NS { Err(RowFault::TimeOutOfRange) } else { Ok(ns) };
    }
    let seconds = number(word)?;
    if !(0.0..=MAX_TIME_NS as f64 / 1e9).contains(&seconds) {
        return Err(RowFault::TimeOutOfRange);
    }
    Ok((seconds * 1e9).round() as u64)
}

fn number(word: &str) -> Result<f64, RowFault> {
    let word = word.trim();
    if word.is_empty() {
        return Err(RowFault::FieldMissing);
    }
    let value: f64 = word.parse().map_err(|_| RowFault::NotANumber)?;
    if value.is_finite() { Ok(value) } else { Err(RowFault::NotFinite) }
}

fn optional<T>(
    field: &str,
    word: &str,
    convert: impl FnOnce(f64) -> Result<T, RowFault>,
) -> Result<Option<T>, Fault> {
    if word.trim().is_empty() {
        return Ok(None);
    }
    number(word).and_then(convert).map(Some).map_err(|fault| Fault::quoting(fault, field, word))
}

fn scaled(value: f64, scale: f64, limit: f64) -> Result<f64, RowFault> {
    let value = (value * scale).round();
    if value.abs() > limit {
        return Err(RowFault::OutOfScale);
    }
    Ok(value)
}

/// The most stations of a trace. A whole day of a city has fewer than half of it.
pub const MAX_STATIONS: usize = 1_000_000;

/// The longest name of a station in bytes.
pub const MAX_NAME_BYTES: usize = 256;

const NS_PER_S: u64 = 1_000_000_000;

/// Beyond any Unix time in seconds of this century, and well within 64 bits.
const MAX_TIME_NS: u64 = 4_000_000_000 * NS_PER_S;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_and_bounded() {
        assert_eq!(parse_time("28860.10"), Ok(28_860_100_000_000));
        assert_eq!(parse_time(" 1763870000.123456789 "), Ok(1_763_870_000_123_456_789));
        assert_eq!(parse_time("08:01:00.5"), Ok(28_860_500_000_000));
        assert_eq!(parse_time("1:00:00:00"), Ok(86_400_000_000_000));
        assert_eq!(parse_time("1e2"), Ok(100_000_000_000));
        assert_eq!(parse_time("4000000001"), Err(RowFault::TimeOutOfRange));
        assert_eq!(parse_time("4294967295:00:00:00"), Err(RowFault::TimeOutOfRange));
        assert_eq!(parse_time("-1"), Err(RowFault::TimeOutOfRange));
        assert_eq!(parse_time("nan"), Err(RowFault::NotFinite));
        assert_eq!(parse_time("12:30"), Err(RowFault::NotANumber));
        assert_eq!(parse_time(""), Err(RowFault::FieldMissing));
    }

    #[test]
    fn kinds_follow_the_words_of_the_type() {
        for (name, kind) in [
            ("passenger2b", StationKind::Passenger),
            ("DEFAULT_VEHTYPE", StationKind::Passenger),
            ("robust_car", StationKind::Passenger),
            ("citybus_1", StationKind::Bus),
            ("truck", StationKind::Truck),
            ("moped", StationKind::Motorcycle),
            ("DEFAULT_BIKETYPE", StationKind::Bicycle),
            ("DEFAULT_PEDTYPE", StationKind::Pedestrian),
            ("rsu_1", StationKind::Roadside),
            ("roadside", StationKind::Roadside),
        ] {
            assert_eq!(StationKind::from_type_name(name), kind, "{name}");
        }
    }
}
