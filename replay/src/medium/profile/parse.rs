//! A profile's text.

use core::ops::RangeInclusive;
use std::path::Path;

use v2x_proto::link::DataRate;
use v2x_settings::{Document, Section, SettingsError};

use super::{
    AirProfile, CaptureRule, ErrorTable, ObstacleLoss, Overlap, PathLoss, RadioProfile, VehicleLoss,
};

impl AirProfile {
    /// Reads a profile; errors name it `file`.
    ///
    /// # Errors
    /// The first violation, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        let document = Document::parse(Path::new(file), text)?;
        let top = document.top(TOP_KEYS)?;
        if let Some(range_m) = top.number("range_m", 1.0..=MAX_RANGE_M, " m")? {
            top.only(&["about", "range_m"], "range_m, with which nothing is lost")?;
            return Ok(Self::Range(range_m));
        }
        radio(&top).map(|profile| Self::Radio(Box::new(profile)))
    }
}

fn radio(top: &Section<'_>) -> Result<RadioProfile, SettingsError> {
    let about = top.string("about", TEXT)?.unwrap_or_default();
    let rate = rate(top)?;
    let noise_dbm = needed(top, "noise_dbm", DBM, "the noise of channel and receiver, dBm, such as -95")?;
    let sensing_dbm =
        needed(top, "sensing_dbm", DBM, "the weakest frame that is received, dBm, such as -85")?;
    let path_loss = path_loss(&need_table(top, "path_loss", PATH_KEYS)?)?;
    let (mut shadowing_db, mut correlation_m) = (0.0, 25.0);
    if let Some(table) = top.table("shadowing", SHADOWING_KEYS)? {
        shadowing_db = needed(&table, "sigma_db", 0.0..=20.0, "a standard deviation, dB, such as 3")?;
        correlation_m = needed(&table, "correlation_m", 1.0..=1_000.0, "a length, m, such as 25")?;
    }
    let capture = top.table("capture", CAPTURE_KEYS)?.as_ref().map(capture).transpose()?;
    let profile = RadioProfile {
        about,
        rate: rate.unwrap_or_default(),
        power_dbm: needed(top, "power_dbm", 0.0..=40.0, "the power sent, dBm, such as 23")?,
        noise_dbm,
        sensing_dbm,
        energy_dbm: top.number("energy_dbm", DBM, " dBm")?.unwrap_or(ENERGY_DBM),
        preamble_db: top.number("preamble_db", -10.0..=40.0, " dB")?,
        capture,
        path_loss,
        shadowing_db,
        correlation_m,
        fading: fading(top)?,
        obstacles: obstacles(top)?,
        vehicles: top.table("vehicles", VEHICLE_KEYS)?.as_ref().map(vehicles).transpose()?,
        overlap: top
            .choice("overlap", &[("shares", Overlap::Shares), ("worst", Overlap::Worst)])?
            .unwrap_or(Overlap::Shares),
        errors: errors(top, rate.unwrap_or_default())?,
    };
    Ok(profile)
}

fn path_loss(table: &Section<'_>) -> Result<PathLoss, SettingsError> {
    let lines_db = table.pairs("lines_db", 0.0..=200.0, LINES)?;
    let lines_db = table.need("lines_db", lines_db, LINES)?;
    let flat = lines_db.iter().find(|(_, slope)| *slope < LEAST_SLOPE_DB);
    if let Some((at_1_m, slope)) = flat {
        let right = format!("{LEAST_SLOPE_DB} dB or more for each tenfold distance");
        return Err(table.wrong("lines_db", format!("[{at_1_m}, {slope}]"), right));
    }
    if lines_db.is_empty() || lines_db.len() > MAX_LINES {
        return Err(table.wrong(
            "lines_db",
            counted(lines_db.len(), "line"),
            format!("1 to {MAX_LINES} lines"),
        ));
    }
    Ok(PathLoss { lines_db, least_m: table.number("least_m", 0.1..=100.0, " m")?.unwrap_or(1.0) })
}

fn capture(table: &Section<'_>) -> Result<CaptureRule, SettingsError> {
    Ok(CaptureRule {
        by_db: needed(table, "by_db", 0.0..=60.0, "by how much the later frame is stronger, dB, such as 10")?,
        within_us: table.number("within_us", 0.0..=1e6, " us")?.unwrap_or(1e6),
    })
}

fn obstacles(top: &Section<'_>) -> Result<ObstacleLoss, SettingsError> {
    let usual = ObstacleLoss::default();
    let Some(table) = top.table("obstacles", OBSTACLE_KEYS)? else { return Ok(usual) };
    Ok(ObstacleLoss {
        wall_db: table.number("wall_db", LOSS, " dB")?.unwrap_or(usual.wall_db),
        metre_db: table.number("metre_db", LOSS, " dB")?.unwrap_or(usual.metre_db),
    })
}

fn vehicles(table: &Section<'_>) -> Result<VehicleLoss, SettingsError> {
    let usual = VehicleLoss::default();
    Ok(VehicleLoss {
        higher_db: table.number("higher_db", LOSS, " dB")?.unwrap_or(usual.higher_db),
        higher_sigma_db: table.number("higher_sigma_db", 0.0..=20.0, " dB")?.unwrap_or(usual.higher_sigma_db),
        level_db: table.number("level_db", LOSS, " dB")?.unwrap_or(usual.level_db),
        level_sigma_db: table.number("level_sigma_db", 0.0..=20.0, " dB")?.unwrap_or(usual.level_sigma_db),
    })
}

fn fading(top: &Section<'_>) -> Result<Vec<(f64, f64)>, SettingsError> {
    let Some(table) = top.table("fading", &["nakagami"])? else { return Ok(Vec::new()) };
    let pairs = table.pairs("nakagami", 0.0..=10_000.0, SHAPES)?;
    let pairs = table.need("nakagami", pairs, SHAPES)?;
    let rises = pairs.windows(2).all(|two| two[0].0 < two[1].0);
    let shapes = pairs.iter().all(|(_, m)| (0.5..=50.0).contains(m));
    if pairs.is_empty() || pairs.len() > MAX_LINES || pairs[0].0 > 0.0 || !rises || !shapes {
        let right = "distances that rise from 0, each with a shape of 0.5 to 50".to_owned();
        return Err(table.wrong("nakagami", list(&pairs), right));
    }
    Ok(pairs)
}

fn errors(top: &Section<'_>, rate: DataRate) -> Result<Vec<ErrorTable>, SettingsError> {
    let tables = top.tables("errors", ERROR_KEYS, MAX_TABLES)?;
    let mut read: Vec<ErrorTable> = Vec::with_capacity(tables.len());
    for table in &tables {
        let found = error_table(table)?;
        let same = read.iter().position(|one| (one.rate, one.mpdu_bytes) == (found.rate, found.mpdu_bytes));
        if let Some(same) = same {
            let key = if table.has("mpdu_bytes") { "mpdu_bytes" } else { found.key() };
            let told = format!("a second table for the rate and length of errors[{}]", same + 1);
            return Err(table.wrong(key, told, "one table for each mbps and mpdu_bytes".to_owned()));
        }
        read.push(found);
    }
    let tables = read;
    let fits = |table: &ErrorTable| table.rate.is_none_or(|other| other == rate);
    if !tables.iter().any(fits) {
        let right = format!("a table [[errors]] for {} Mb/s, or without mbps for any rate", mbps(rate));
        return Err(top.missing("errors", right));
    }
    Ok(tables)
}

fn error_table(table: &Section<'_>) -> Result<ErrorTable, SettingsError> {
    let (per_bit, key) = match (table.has("sinr_db"), table.has("eb_n0_db")) {
        (true, true) => return Err(table.contradiction("eb_n0_db", "sinr_db", "give one of the two")),
        (false, true) => (true, "eb_n0_db"),
        (_, false) => (false, "sinr_db"),
    };
    let points = table.pairs(key, -50.0..=100.0, POINTS)?;
    let points = table.need(key, points, POINTS)?;
    if let Some((ratio, lost)) = points.iter().find(|(_, lost)| !(0.0..=1.0).contains(lost)) {
        let right = "a ratio, dB, and a share of frames lost, 0 to 1".to_owned();
        return Err(table.wrong(key, format!("[{ratio}, {lost}]"), right));
    }
    let disordered = points.windows(2).find(|two| two[1].0 <= two[0].0 || two[1].1 > two[0].1);
    if let Some([from, to]) = disordered {
        let found = format!("[{}, {}] after [{}, {}]", to.0, to.1, from.0, from.1);
        return Err(table.wrong(key, found, "ratios that rise and shares lost that do not".to_owned()));
    }
    if points.len() < 2 || points.len() > MAX_POINTS {
        let found = counted(points.len(), "point");
        return Err(table.wrong(key, found, format!("2 to {MAX_POINTS} {POINTS}")));
    }
    Ok(ErrorTable {
        rate: rate_of(table, "mbps")?,
        mpdu_bytes: table.integer("mpdu_bytes", 1..=4_095)?,
        per_bit,
        points,
    })
}

fn rate(top: &Section<'_>) -> Result<Option<DataRate>, SettingsError> {
    rate_of(top, "rate_mbps")
}

fn rate_of(table: &Section<'_>, key: &'static str) -> Result<Option<DataRate>, SettingsError> {
    let Some(found) = table.number(key, 3.0..=27.0, " Mb/s")? else { return Ok(None) };
    let rate = DataRate::ALL.into_iter().find(|rate| (mbps(*rate) - found).abs() < 1e-9);
    rate.map(Some).ok_or_else(|| {
        let all = DataRate::ALL.map(|rate| mbps(rate).to_string()).join(", ");
        table.wrong(key, found.to_string(), format!("a rate of a 10 MHz channel: {all}"))
    })
}

fn mbps(rate: DataRate) -> f64 {
    f64::from(rate.half_mbps()) / 2.0
}

/// As in the file.
fn list(pairs: &[(f64, f64)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(one, other)| format!("[{one}, {other}]")).collect();
    format!("[{}]", pairs.join(", "))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn need_table<'d>(
    top: &Section<'d>,
    key: &'static str,
    known: &'static [&'static str],
) -> Result<Section<'d>, SettingsError> {
    let table = top.table(key, known)?;
    top.need(key, table, format!("a table [{key}]"))
}

/// A required number.
fn needed(
    table: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<f64>,
    right: &'static str,
) -> Result<f64, SettingsError> {
    table.need(key, table.number(key, range, "")?, right)
}

const TOP_KEYS: &[&str] = &[
    "about",
    "range_m",
    "rate_mbps",
    "power_dbm",
    "noise_dbm",
    "sensing_dbm",
    "energy_dbm",
    "preamble_db",
    "path_loss",
    "shadowing",
    "fading",
    "capture",
    "obstacles",
    "vehicles",
    "overlap",
    "errors",
];
const PATH_KEYS: &[&str] = &["lines_db", "least_m"];
const SHADOWING_KEYS: &[&str] = &["sigma_db", "correlation_m"];
const CAPTURE_KEYS: &[&str] = &["by_db", "within_us"];
const OBSTACLE_KEYS: &[&str] = &["wall_db", "metre_db"];
const VEHICLE_KEYS: &[&str] = &["higher_db", "higher_sigma_db", "level_db", "level_sigma_db"];
const ERROR_KEYS: &[&str] = &["mbps", "mpdu_bytes", "sinr_db", "eb_n0_db"];
const TEXT: &str = "a text in quotes";
const LINES: &str = "pairs of the loss at 1 m and the dB for each tenfold distance: [[47.8, 20], [9.6, 40]]";
const SHAPES: &str = "pairs of a distance, m, and the shape from there on: [[0, 3], [50, 1.5], [150, 1]]";
const POINTS: &str = "pairs of a ratio, dB, and the share of frames lost: [[5, 1], [10, 0.4]]";
const DBM: RangeInclusive<f64> = -120.0..=0.0;
const LOSS: RangeInclusive<f64> = 0.0..=100.0;
/// Beyond it no station believes a frame.
const MAX_RANGE_M: f64 = 1_500.0;
/// 20 dB above the least sensitivity that the standard asks for (IEEE Std 802.11-2020, 17.3.10.6).
const ENERGY_DBM: f64 = -65.0;
const MAX_LINES: usize = 8;
/// Free space has 20, a street between buildings a little less.
const LEAST_SLOPE_DB: f64 = 10.0;
const MAX_TABLES: usize = 64;
const MAX_POINTS: usize = 256;
