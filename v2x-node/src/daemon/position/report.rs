//! Reports of gpsd (gpsd_json(5)): TPV for place and motion, GST for their error, and what gpsd says of its receivers.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use v2x_core::{Fix, Position, WireTime};

use super::quality::{Errors, PositionRefusal, Quality};
use super::units::{accuracy_unit, altitude_unit, heading_unit, position_unit, speed_unit};
use crate::civil;

/// The content of one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Where a receiver is, or why it does not say.
    Position {
        /// The receiver; empty where gpsd does not name it.
        device: String,
        /// The fix, or why there is none.
        fix: Result<GpsdFix, PositionRefusal>,
    },
    /// A receiver's own estimate of its error.
    Error {
        /// The receiver.
        device: String,
        /// 95 % radius, m.
        radius_m: f64,
    },
    /// The receivers gpsd has.
    Devices(Vec<String>),
    /// A receiver was found or lost.
    Device {
        /// The receiver.
        device: String,
        /// Whether it is there.
        active: bool,
    },
    /// gpsd sends no reports: it did not accept the request.
    NotWatching,
    /// gpsd's own words about what went wrong.
    Complaint(String),
    /// Something else: a greeting, a sky view, a class this does not know.
    Other,
}

/// A fix of gpsd, to which its receiver's own estimate of the error may be added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GpsdFix {
    fix: Fix,
    quality: Quality,
    errors: Errors,
}

impl GpsdFix {
    /// The fix; `estimated_m` is the 95 % radius that the receiver itself states.
    pub fn with_estimate(&self, estimated_m: Option<f64>) -> Fix {
        let errors = Errors { estimated_m, ..self.errors };
        Fix { accuracy_cm: self.quality.accuracy_m(&errors).and_then(accuracy_unit), ..self.fix }
    }
}

/// A line that is not gpsd's.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No JSON object, or a value of the wrong type.
    #[error("not a JSON report: {0}")]
    Json(#[from] serde_json::Error),
    /// A fix of this mode whose position is missing or none.
    #[error("mode {0} without a position on the globe")]
    Position(u8),
}

/// Reads one line. `allow_simulated`: what a simulator made, or a person typed, counts as a fix.
///
/// # Errors
/// [`ReportError`]; no bytes make it panic.
pub fn report(line: &[u8], allow_simulated: bool) -> Result<Report, ReportError> {
    match read(line, allow_simulated) {
        // Some versions write NaN, which JSON does not have.
        Err(ReportError::Json(error)) => match without_nan(line) {
            Some(line) => read(&line, allow_simulated),
            None => Err(ReportError::Json(error)),
        },
        read => read,
    }
}

fn read(line: &[u8], allow_simulated: bool) -> Result<Report, ReportError> {
    let head: Head = serde_json::from_slice(line)?;
    Ok(match head.class.as_str() {
        "TPV" => {
            let tpv: Tpv = serde_json::from_slice(line)?;
            let fix = fix(&tpv, allow_simulated)?;
            Report::Position { device: tpv.device.unwrap_or_default(), fix }
        }
        "GST" => {
            let gst: Gst = serde_json::from_slice(line)?;
            let positive = |value: Option<f64>| value.filter(|value| *value > 0.0);
            let axes = positive(gst.lat).zip(positive(gst.lon)).map(|(north, east)| north.max(east));
            match positive(gst.major).or(axes) {
                Some(major) => Report::Error {
                    device: gst.device.unwrap_or_default(),
                    radius_m: Quality::radius_95(major),
                },
                None => Report::Other,
            }
        }
        "DEVICES" => {
            let devices: Devices = serde_json::from_slice(line)?;
            let paths = devices.devices.into_iter().take(MOST_DEVICES).map(|device| device.path);
            Report::Devices(paths.collect())
        }
        "DEVICE" => {
            let device: Device = serde_json::from_slice(line)?;
            // `activated` is a time, or 0 when the receiver is gone.
            let active = device.activated.is_none_or(|activated| activated != 0.0);
            Report::Device { device: device.path, active }
        }
        "WATCH" => {
            let watch: Watch = serde_json::from_slice(line)?;
            let watching = watch.enable != Some(false) && watch.json != Some(false);
            if watching { Report::Other } else { Report::NotWatching }
        }
        "ERROR" => {
            let error: Complaint = serde_json::from_slice(line)?;
            let one_line = error.message.chars().filter(|c| !c.is_control()).take(LONGEST_COMPLAINT);
            Report::Complaint(one_line.collect())
        }
        _ => Report::Other,
    })
}

fn fix(tpv: &Tpv, allow_simulated: bool) -> Result<Result<GpsdFix, PositionRefusal>, ReportError> {
    let mode = tpv.mode.unwrap_or(0);
    if mode < 2 {
        return Ok(Err(PositionRefusal::NoFix));
    }
    let position = match (tpv.lat, tpv.lon) {
        (Some(latitude), Some(longitude)) => position_unit(latitude, longitude),
        _ => None,
    };
    let position = position.ok_or(ReportError::Position(mode))?;
    if position.is_unset() {
        return Ok(Err(PositionRefusal::Unset));
    }
    let quality = match quality(tpv.status) {
        Err(_) if allow_simulated => Quality::Simulated,
        Err(refusal) => return Ok(Err(refusal)),
        Ok(quality) => quality,
    };
    // Without a fix gpsd repeats the last place, without its time.
    let Some(unix_us) = tpv.time.as_ref().and_then(unix_us) else { return Ok(Err(PositionRefusal::NoTime)) };
    let Some(time) = WireTime::from_unix_micros(unix_us) else { return Ok(Err(PositionRefusal::Date)) };
    Ok(Ok(dated(tpv, position, quality, time, mode)))
}

/// A time as gpsd writes it: ISO 8601, UTC where no offset says otherwise, or seconds since 1970 before version 2.96.
fn unix_us(time: &Value) -> Option<i64> {
    match time {
        Value::String(text) => civil::unix_us_of_iso8601(text),
        // As a float, a time has a quarter of a microsecond.
        Value::Number(seconds) => seconds.as_f64().map(|seconds| (seconds * 1e6).round() as i64),
        _ => None,
    }
}

fn dated(tpv: &Tpv, position: Position, quality: Quality, time: WireTime, mode: u8) -> GpsdFix {
    let error_axes = tpv.epx.zip(tpv.epy).map(|(x, y)| x.hypot(y));
    let fix = Fix {
        position,
        altitude_cm: tpv.alt_hae.filter(|_| mode >= 3).and_then(altitude_unit),
        speed: tpv.speed.and_then(speed_unit),
        heading: tpv.track.and_then(heading_unit),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time,
    };
    GpsdFix { fix, quality, errors: Errors { stated_m: tpv.eph.or(error_axes), ..Errors::default() } }
}

/// `status` of TPV; gpsd leaves it out for a fix without corrections.
fn quality(status: Option<f64>) -> Result<Quality, PositionRefusal> {
    match status.map_or(0, |status| status as i64) {
        2 => Ok(Quality::Differential),
        3 => Ok(Quality::RtkFixed),
        4 => Ok(Quality::RtkFloat),
        5 => Ok(Quality::DeadReckoning),
        // Surveyed, which is what gpsd makes of places typed in.
        7 => Err(PositionRefusal::Manual),
        8 => Err(PositionRefusal::Simulated),
        // 6 is satellites and sensors together, 9 the encrypted signal.
        _ => Ok(Quality::Autonomous),
    }
}

/// The line with `null` in place of each bare NaN or infinity; `None` when it has none.
fn without_nan(line: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, behind)) = rest.split_first() {
        mended.push(byte);
        rest = behind;
        if byte == b':' {
            let value = rest.split(|byte| matches!(byte, b',' | b'}' | b']')).next().unwrap_or_default();
            let bare = value.trim_ascii().strip_prefix(b"-").unwrap_or(value.trim_ascii());
            if [&b"nan"[..], b"inf", b"infinity"].iter().any(|word| bare.eq_ignore_ascii_case(word)) {
                mended.extend(b"null");
                rest = &rest[value.len()..];
            }
        }
    }
    (mended != line).then_some(mended)
}

#[derive(Deserialize)]
struct Head {
    class: String,
}

/// The fields of TPV used here; gpsd leaves out what it does not know. A value of the wrong type is not known.
#[derive(Deserialize)]
struct Tpv {
    device: Option<String>,
    mode: Option<u8>,
    #[serde(default, deserialize_with = "number")]
    status: Option<f64>,
    time: Option<Value>,
    #[serde(default, deserialize_with = "number")]
    lat: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    lon: Option<f64>,
    #[serde(default, rename = "altHAE", deserialize_with = "number")]
    alt_hae: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    speed: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    track: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    eph: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    epx: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    epy: Option<f64>,
}

/// Standard deviations, m.
#[derive(Deserialize)]
struct Gst {
    device: Option<String>,
    #[serde(default, deserialize_with = "number")]
    major: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    lat: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    lon: Option<f64>,
}

#[derive(Deserialize)]
struct Devices {
    devices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    path: String,
    #[serde(default, deserialize_with = "number")]
    activated: Option<f64>,
}

#[derive(Deserialize)]
struct Watch {
    enable: Option<bool>,
    json: Option<bool>,
}

#[derive(Deserialize)]
struct Complaint {
    message: String,
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_f64())
}

/// gpsd's own bound (`MAX_DEVICES`) is 4.
const MOST_DEVICES: usize = 16;
const LONGEST_COMPLAINT: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TPV: &str = r#"{"class":"TPV","device":"/dev/ttyS0","mode":3,"time":"2026-01-01T00:00:00.500Z","ept":0.005,"lat":49.6116,"lon":-6.1319,"altHAE":312.345,"altMSL":265.0,"epx":3.0,"epy":4.0,"track":359.98,"speed":13.894,"climb":0.0,"novel":[{}]}"#;

    fn read(line: &str) -> Report {
        report(line.as_bytes(), false).unwrap()
    }

    /// The fix of [`TPV`] with `fields` put in front.
    fn fix_with(fields: &str) -> Result<Fix, PositionRefusal> {
        let line = TPV.replace("\"ept\"", &format!("{fields},\"ept\""));
        let Report::Position { fix, .. } = read(&line) else { panic!("{line}") };
        fix.map(|fix| fix.with_estimate(None))
    }

    #[test]
    fn a_report_becomes_a_fix_in_wire_units() {
        let Report::Position { device, fix: Ok(fix) } = read(TPV) else { panic!("no fix") };
        assert_eq!(device, "/dev/ttyS0");
        let fix = fix.with_estimate(None);
        assert_eq!((fix.position.latitude, fix.position.longitude), (496_116_000, -61_319_000));
        assert_eq!(fix.altitude_cm, Some(31_235));
        assert_eq!((fix.speed, fix.heading, fix.accuracy_cm), (Some(1389), Some(0), Some(500)));
        assert_eq!(Some(fix.time), civil::wire_of_iso8601("2026-01-01T00:00:00.500Z"));
    }

    #[test]
    fn what_is_absent_or_no_number_stays_unknown() {
        for line in [
            r#"{"class":"TPV","mode":2,"time":"2026-01-01T00:00:00Z","lat":1,"lon":0,"altHAE":5}"#,
            r#"{"class":"TPV","mode":2,"time":"2026-01-01T00:00:00Z","lat":1,"lon":0,"speed":null,"track":"90","eph":{}}"#,
            r#"{"class":"TPV","mode":2,"time":"2026-01-01T00:00:00Z","lat":1,"lon":0,"speed":NaN,"track": -nan,"eph":inf}"#,
        ] {
            let Report::Position { fix: Ok(fix), .. } = read(line) else { panic!("{line}") };
            let fix = fix.with_estimate(None);
            assert_eq!((fix.altitude_cm, fix.speed, fix.heading, fix.accuracy_cm), (None, None, None, None));
        }
    }

    #[test]
    fn without_a_time_there_is_no_fix() {
        let line = TPV.replace(r#""time":"2026-01-01T00:00:00.500Z","#, "");
        let Report::Position { fix, .. } = read(&line) else { panic!("{line}") };
        assert_eq!(fix, Err(PositionRefusal::NoTime));
        let line = TPV.replace("2026", "1999");
        assert!(matches!(read(&line), Report::Position { fix: Err(PositionRefusal::Date), .. }));
        for no_time in [r#""yesterday""#, r#""2026-01-01""#, "{}", "null"] {
            let line = TPV.replace(r#""2026-01-01T00:00:00.500Z""#, no_time);
            assert!(
                matches!(read(&line), Report::Position { fix: Err(PositionRefusal::NoTime), .. }),
                "{line}"
            );
        }
    }

    #[test]
    fn a_time_is_utc_whether_or_not_it_says_so_and_may_be_seconds_since_1970() {
        let right = civil::wire_of_iso8601("2026-01-01T00:00:00.500Z");
        for time in [r#""2026-01-01T00:00:00.500""#, r#""2026-01-01T01:00:00.500+01:00""#, "1767225600.5"] {
            let line = TPV.replace(r#""2026-01-01T00:00:00.500Z""#, time);
            let Report::Position { fix: Ok(fix), .. } = read(&line) else { panic!("{line}") };
            assert_eq!(Some(fix.with_estimate(None).time), right, "{time}");
        }
    }

    #[test]
    fn the_status_of_a_fix_decides_whether_it_counts_and_how_good_it_is() {
        let accuracy = |fields: &str| fix_with(fields).unwrap().accuracy_cm.unwrap();
        assert_eq!(accuracy(r#""status":1"#), 500);
        assert!(accuracy(r#""status":3,"eph":15.2"#) <= 10, "gpsd's 15.2 m of an RTK fix");
        assert_eq!(accuracy(r#""status":3,"eph":0.03"#), 3);
        assert!(accuracy(r#""status":4,"eph":15.2"#) <= 100);
        assert!(accuracy(r#""status":5"#) >= 2_000);
        assert_eq!(accuracy(r#""status":2,"eph":3.8"#), 380);
        assert_eq!(fix_with(r#""status":8"#), Err(PositionRefusal::Simulated));
        assert_eq!(fix_with(r#""status":7"#), Err(PositionRefusal::Manual));
        let line = TPV.replace("\"ept\"", "\"status\":8,\"ept\"");
        assert!(matches!(report(line.as_bytes(), true), Ok(Report::Position { fix: Ok(_), .. })));
    }

    #[test]
    fn the_receiver_s_own_estimate_replaces_gpsd_s() {
        let line = r#"{"class":"GST","device":"/dev/ttyS0","time":"2026-01-01T00:00:00Z","rms":2.5,"major":0.012,"minor":0.01,"orient":7.5,"lat":0.01,"lon":0.011,"alt":0.02}"#;
        let Report::Error { device, radius_m } = read(line) else { panic!("{line}") };
        assert_eq!(device, "/dev/ttyS0");
        let Report::Position { fix: Ok(fix), .. } = read(TPV) else { panic!("no fix") };
        assert_eq!(fix.with_estimate(Some(radius_m)).accuracy_cm, Some(3));
        assert_eq!(read(r#"{"class":"GST","device":"/dev/ttyS0"}"#), Report::Other);
    }

    #[test]
    fn what_gpsd_says_of_its_receivers_is_read() {
        assert_eq!(read(r#"{"class":"DEVICES","devices":[]}"#), Report::Devices(Vec::new()));
        let one = r#"{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyACM0","activated":"2026-01-01T00:00:00Z"}]}"#;
        assert_eq!(read(one), Report::Devices(vec!["/dev/ttyACM0".to_owned()]));
        let gone = r#"{"class":"DEVICE","path":"/dev/ttyACM0","activated":0}"#;
        assert_eq!(read(gone), Report::Device { device: "/dev/ttyACM0".to_owned(), active: false });
        assert_eq!(read(r#"{"class":"WATCH","enable":false}"#), Report::NotWatching);
        assert_eq!(read(r#"{"class":"WATCH","enable":true,"json":true}"#), Report::Other);
        let error = r#"{"class":"ERROR","message":"Unrecognized request\n 'x'"}"#;
        assert_eq!(read(error), Report::Complaint("Unrecognized request 'x'".to_owned()));
    }

    #[test]
    fn no_fix_other_classes_and_nonsense_are_told_apart() {
        let refused = |line: &str| match read(line) {
            Report::Position { fix, .. } => fix.unwrap_err(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(r#"{"class":"TPV","mode":1}"#), PositionRefusal::NoFix);
        assert_eq!(refused(r#"{"class":"TPV"}"#), PositionRefusal::NoFix);
        let zero = r#"{"class":"TPV","mode":3,"time":"2026-01-01T00:00:00Z","lat":0.0001,"lon":0}"#;
        assert_eq!(refused(zero), PositionRefusal::Unset);
        assert_eq!(read(r#"{"class":"SKY","satellites":[]}"#), Report::Other);
        assert_eq!(read(r#"{"class":"NOVEL","mode":"x"}"#), Report::Other);
        for wrong in [
            "",
            "$GPRMC",
            "[]",
            "{}",
            r#"{"class":"TPV","mode":3}"#,
            r#"{"class":"TPV","mode":3,"lon":0,"time":"2026-01-01T00:00:00Z"}"#,
            r#"{"class":"TPV","mode":3,"lat":NaN,"lon":0}"#,
            r#"{"class":"TPV","mode":3,"lat":91,"lon":0}"#,
            r#"{"class":"TPV","mode":3,"lat":1e999,"lon":0}"#,
            r#"{"class":"TPV","mode":"3","lat":1,"lon":0}"#,
        ] {
            assert!(report(wrong.as_bytes(), false).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(report(&bytes, false));
        }

        #[test]
        fn no_change_of_a_good_report_makes_it_panic_or_leave_the_globe(at in 0..TPV.len(), cut in 0usize..8, with in "[0-9e.\",:{}a-zNI-]{0,6}") {
            let end = (at + cut).min(TPV.len());
            let line = format!("{}{with}{}", &TPV[..at], &TPV[end..]);
            if let Ok(Report::Position { fix: Ok(fix), .. }) = report(line.as_bytes(), true) {
                let fix = fix.with_estimate(Some(1.0));
                prop_assert!(Position::new(fix.position.latitude, fix.position.longitude).is_some());
                prop_assert!(fix.heading.is_none_or(|heading| heading < 3600));
            }
        }
    }
}
