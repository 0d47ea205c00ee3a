//! One row of a trace: its words, and what they mean.

use super::error::RowFault;
use super::signals::Signals;
use super::station_kind::StationKind;
use super::station_size::StationSize;

/// One row as the format gave it; an empty word is an absent one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row<'a> {
    pub line: u64,
    pub space: NameSpace,
    pub id: &'a str,
    pub kind: StationKind,
    pub x: &'a str,
    pub y: &'a str,
    pub angle: &'a str,
    pub speed: &'a str,
    pub acceleration: &'a str,
    pub type_name: &'a str,
    pub signals: &'a str,
    /// Metres.
    pub length: &'a str,
    pub width: &'a str,
}

impl<'a> Row<'a> {
    /// Whose row it is.
    pub(super) fn who(&self) -> Who<'a> {
        let metres = |word: &str| number(word).ok();
        Who {
            space: self.space,
            id: self.id,
            kind: self.kind,
            type_name: self.type_name,
            size: StationSize::of_metres(metres(self.length), metres(self.width)),
        }
    }
}

/// Whose row it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub space: NameSpace,
    pub id: &'a str,
    pub kind: StationKind,
    /// The type's name, for the map of kinds.
    pub type_name: &'a str,
    pub size: StationSize,
}

impl Who<'_> {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.id.is_empty() {
            return Err(Fault::new(RowFault::FieldMissing, "no id"));
        }
        if self.id.len() > MAX_NAME_BYTES {
            return Err(Fault::quoting(RowFault::NameTooLong, "id", self.id));
        }
        Ok(())
    }
}

/// Whose names a row's id is one of: SUMO numbers vehicles and persons each by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum NameSpace {
    #[default]
    Vehicle,
    Person,
    /// A row of a CSV that names an edge and no lane. A person's where other rows of the file name lanes; a
    /// vehicle's in a mesoscopic run, which has no lanes.
    EdgeOnly,
}

/// What a station is called whose id in the file is `id`: a person's name begins with `person:`, a vehicle's is its
/// id, behind `vehicle:` where it would else look like a name of another kind.
pub(super) fn name_of(space: NameSpace, id: &str) -> String {
    match space {
        NameSpace::Person => format!("{PERSON}{id}"),
        _ if id.starts_with(PERSON) || id.starts_with(VEHICLE) => format!("{VEHICLE}{id}"),
        _ => id.to_owned(),
    }
}

/// The id in a file of the station called `name`, and whether it is a person.
pub(super) fn id_of(name: &str) -> (bool, &str) {
    match name.strip_prefix(PERSON) {
        Some(id) => (true, id),
        None => (false, name.strip_prefix(VEHICLE).unwrap_or(name)),
    }
}

/// A row's numbers, in the units of the file but for time (ns) and what a message carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub time_ns: u64,
    pub line: u64,
    pub x: f64,
    pub y: f64,
    /// 0.01 m/s.
    pub speed: Option<u16>,
    /// 0.1 degrees.
    pub heading: Option<u16>,
    /// 0.1 m/s2.
    pub acceleration: Option<i16>,
    pub signals: Signals,
}

impl Values {
    /// The numbers of a row at a time.
    pub(super) fn of(time_ns: u64, row: &Row<'_>) -> Result<Self, Fault> {
        Ok(Self {
            time_ns,
            line: row.line,
            x: number(row.x).map_err(|fault| Fault::quoting(fault, "x", row.x))?,
            y: number(row.y).map_err(|fault| Fault::quoting(fault, "y", row.y))?,
            speed: optional("speed", row.speed, speed)?,
            heading: optional("angle", row.angle, heading)?,
            acceleration: optional("acceleration", row.acceleration, acceleration)?,
            signals: optional("signals", row.signals, signals)?.unwrap_or_default(),
        })
    }
}

/// Why a row is dropped, and what was found.
#[derive(Clone, Debug)]
pub(super) struct Fault(pub(super) RowFault, pub(super) String);

impl Fault {
    pub(super) fn new(fault: RowFault, found: &str) -> Self {
        Self(fault, found.to_owned())
    }

    pub(super) fn quoting(fault: RowFault, field: &str, word: &str) -> Self {
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
pub(super) fn parse_time(word: &str) -> Result<u64, RowFault> {
    let word = word.trim();
    if is_date(word) {
        return Err(RowFault::TimeIsDate);
    }
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

/// Whether a word begins as a date of ISO 8601 does: `2026-11-29`.
fn is_date(word: &str) -> bool {
    let fits =
        |(pattern, byte): (u8, u8)| if pattern == b'0' { byte.is_ascii_digit() } else { byte == pattern };
    word.len() >= DATE.len() && DATE.bytes().zip(word.bytes()).all(fits)
}

/// A date and time of ISO 8601 with its offset from UTC, as GPX has it (`2026-11-29T10:00:00.5Z`), as Unix time in ns.
pub(super) fn parse_date(word: &str) -> Result<u64, RowFault> {
    let word = word.trim();
    if word.is_empty() {
        return Err(RowFault::FieldMissing);
    }
    if !is_date(word) || !word.is_ascii() {
        return Err(RowFault::NoDate);
    }
    let (date, clock) = word.split_once(['T', 't', ' ']).ok_or(RowFault::NoDate)?;
    let sign = clock.find(['Z', 'z', '+', '-']).ok_or(RowFault::NoDate)?;
    let (clock, zone) = clock.split_at(sign);
    let number = |word: &str, range: core::ops::RangeInclusive<i64>| {
        let plain = !word.is_empty() && word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        word.parse().ok().filter(|number| plain && range.contains(number)).ok_or(RowFault::NoDate)
    };
    let [year, month, day] = three(date, '-')?;
    let (year, month, day) = (number(year, 1970..=2099)?, number(month, 1..=12)?, number(day, 1..=31)?);
    let [hour, minute, seconds] = three(clock, ':')?;
    let minutes = number(hour, 0..=24)? * 60 + number(minute, 0..=59)?;
    let ns = parse_seconds(seconds).map_err(|_| RowFault::NoDate)?;
    let offset = match zone.as_bytes()[0] {
        b'Z' | b'z' if zone.len() == 1 => 0,
        b'Z' | b'z' => return Err(RowFault::NoDate),
        sign => {
            let digits = zone[1..].replace(':', "");
            let (hours, minutes) = digits.split_at_checked(2).ok_or(RowFault::NoDate)?;
            let rest = if minutes.is_empty() { 0 } else { number(minutes, 0..=59)? };
            (number(hours, 0..=23)? * 60 + rest) * if sign == b'-' { -1 } else { 1 }
        }
    };
    let total = (days(year, month, day) * 1_440 + minutes - offset) * 60;
    let total = u64::try_from(total).map_err(|_| RowFault::TimeOutOfRange)?.saturating_mul(NS_PER_S);
    Some(total.saturating_add(ns)).filter(|ns| *ns <= MAX_TIME_NS).ok_or(RowFault::TimeOutOfRange)
}

fn three(word: &str, between: char) -> Result<[&str; 3], RowFault> {
    let mut parts = word.split(between);
    let all = [parts.next(), parts.next(), parts.next()].map(|part| part.unwrap_or_default());
    if parts.next().is_none() { Ok(all) } else { Err(RowFault::NoDate) }
}

/// Days since 1970-01-01 in the Gregorian calendar, by counting years from March on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469
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
    if MILLISECONDS.contains(&seconds) {
        return Err(RowFault::TimeInMilliseconds);
    }
    if !(0.0..=MAX_TIME_NS as f64 / 1e9).contains(&seconds) {
        return Err(RowFault::TimeOutOfRange);
    }
    Ok((seconds * 1e9).round() as u64)
}

pub(super) fn number(word: &str) -> Result<f64, RowFault> {
    let word = word.trim();
    if word.is_empty() {
        return Err(RowFault::FieldMissing);
    }
    let value: f64 = word.parse().map_err(|_| not_a_number(word))?;
    if value.is_finite() { Ok(value) } else { Err(RowFault::NotFinite) }
}

fn not_a_number(word: &str) -> RowFault {
    let with_point = word.replacen(',', ".", 1).parse::<f64>();
    if with_point.is_ok() { RowFault::DecimalComma } else { RowFault::NotANumber }
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

/// m/s as 0.01 m/s.
pub(super) fn speed(speed: f64) -> Result<u16, RowFault> {
    if speed < 0.0 {
        return Err(RowFault::NegativeSpeed);
    }
    scaled(speed, 100.0, f64::from(u16::MAX)).map(|speed| speed as u16)
}

/// Degrees clockwise from north as 0.1 degrees.
pub(super) fn heading(angle: f64) -> Result<u16, RowFault> {
    if angle.abs() > 360.0 {
        return Err(RowFault::OutOfScale);
    }
    Ok((angle.rem_euclid(360.0) * 10.0).round() as u16 % 3600)
}

/// m/s2 as 0.1 m/s2.
pub(super) fn acceleration(acceleration: f64) -> Result<i16, RowFault> {
    scaled(acceleration, 10.0, f64::from(i16::MAX)).map(|acceleration| acceleration as i16)
}

/// SUMO's number; bits that are not known do no harm.
fn signals(bits: f64) -> Result<Signals, RowFault> {
    if (0.0..=f64::from(u32::MAX)).contains(&bits) && bits.fract() == 0.0 {
        Ok(Signals(bits as u64 as u16))
    } else {
        Err(RowFault::OutOfScale)
    }
}

fn scaled(value: f64, scale: f64, limit: f64) -> Result<f64, RowFault> {
    let value = (value * scale).round();
    if value.abs() > limit {
        return Err(RowFault::OutOfScale);
    }
    Ok(value)
}

/// The longest name of a station in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// What the names of persons begin with, and of vehicles whose id would read as one.
const PERSON: &str = "person:";
const VEHICLE: &str = "vehicle:";

const DATE: &str = "0000-00-00";
/// Unix times in milliseconds from 1973 to 2096.
const MILLISECONDS: core::ops::Range<f64> = 1e11..4e12;

const NS_PER_S: u64 = 1_000_000_000;

/// Beyond any Unix time in seconds of this century, and well within 64 bits.
pub(super) const MAX_TIME_NS: u64 = 4_000_000_000 * NS_PER_S;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_unix_times() {
        for (word, ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000_000),
            ("2026-11-30T14:30:01.25Z", 1_796_049_001_250_000_000),
            ("2026-11-30T16:30:01.25+02:00", 1_796_049_001_250_000_000),
            ("2026-11-30 09:00:01.25-0530", 1_796_049_001_250_000_000),
        ] {
            assert_eq!(parse_date(word), Ok(ns), "{word}");
        }
        for word in [
            "2026-13-01T00:00:00Z",
            "2026-11-30T14:30:01",
            "2026-11-30",
            "yesterday",
            "2026-11-30T1:2Z",
            "2026-11-30T00:00:00+é",
        ] {
            assert_eq!(parse_date(word), Err(RowFault::NoDate), "{word}");
        }
        assert_eq!(parse_date(" "), Err(RowFault::FieldMissing));
    }

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
        assert_eq!(parse_time("1763870000123"), Err(RowFault::TimeInMilliseconds));
        assert_eq!(parse_time("2026-11-29T08:00:00Z"), Err(RowFault::TimeIsDate));
    }

    #[test]
    fn a_name_says_whose_id_it_is_and_gives_it_back() {
        for (space, id, name) in [
            (NameSpace::Vehicle, "0", "0"),
            (NameSpace::Person, "0", "person:0"),
            (NameSpace::Vehicle, "person:0", "vehicle:person:0"),
            (NameSpace::Vehicle, "vehicle:0", "vehicle:vehicle:0"),
            (NameSpace::Person, "person:0", "person:person:0"),
        ] {
            assert_eq!(name_of(space, id), name);
            assert_eq!(id_of(name), (space == NameSpace::Person, id));
        }
    }
}
