//! A gpsd as the source: its JSON reports over TCP (gpsd_json(5)), of which only TPV matters here.

use core::time::Duration;
use std::io;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use v2x_core::{Fix, WireTime};

use super::publisher::Publisher;
use super::units::{accuracy_unit, altitude_unit, heading_unit, position_unit, speed_unit};
use super::wait::{Backoff, nanos, wire_now};
use crate::civil;
use crate::daemon::lines::Lines;

/// The content of one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report {
    /// A position.
    Fix(Fix),
    /// The receiver has none.
    NoFix,
    /// Something else: a greeting, a sky view, a class this does not know.
    Other,
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

/// Reads one line; `now` is used where the report has no time.
///
/// # Errors
/// [`ReportError`]; no bytes make it panic.
pub fn report(line: &[u8], now: WireTime) -> Result<Report, ReportError> {
    let head: Head = serde_json::from_slice(line)?;
    if head.class != "TPV" {
        return Ok(Report::Other);
    }
    let tpv: Tpv = serde_json::from_slice(line)?;
    let mode = tpv.mode.unwrap_or(0);
    if mode < 2 {
        return Ok(Report::NoFix);
    }
    let position = match (tpv.lat, tpv.lon) {
        (Some(latitude), Some(longitude)) => position_unit(latitude, longitude),
        _ => None,
    };
    let position = position.ok_or(ReportError::Position(mode))?;
    let error_axes = tpv.epx.zip(tpv.epy).map(|(x, y)| x.hypot(y));
    Ok(Report::Fix(Fix {
        position,
        altitude_cm: tpv.alt_hae.filter(|_| mode >= 3).and_then(altitude_unit),
        speed: tpv.speed.and_then(speed_unit),
        heading: tpv.track.and_then(heading_unit),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: tpv.eph.or(error_axes).and_then(accuracy_unit),
        time: tpv.time.as_deref().and_then(civil::wire_of_iso8601).unwrap_or(now),
    }))
}

/// Stays connected to the gpsd at `address` for as long as the station runs.
pub(super) async fn run(address: String, silence: Duration, mut timer: DeadlineTimer, publisher: Publisher) {
    let mut backoff = Backoff::new();
    loop {
        let end = session(&address, silence, &mut timer, &publisher, &mut backoff).await;
        publisher.lost();
        if let Err(error) = end {
            tracing::debug!(%address, %error, "gpsd session ended");
        }
        if backoff.wait(&mut timer).await.is_err() {
            return;
        }
    }
}

/// One connection, until it ends, fails, or is silent for too long.
async fn session(
    address: &str,
    silence: Duration,
    timer: &mut DeadlineTimer,
    publisher: &Publisher,
    backoff: &mut Backoff,
) -> io::Result<()> {
    let deadline = || Some(clock::monotonic_ns() + nanos(silence));
    let silent = || io::Error::new(io::ErrorKind::TimedOut, "silent for too long");
    timer.set(deadline())?;
    let mut stream = tokio::select! {
        connected = TcpStream::connect(address) => connected?,
        expired = timer.expired() => return expired.and_then(|()| Err(silent())),
    };
    publisher.opened();
    stream.write_all(WATCH).await?;
    let mut lines = Lines::new(LONGEST_LINE);
    let mut buffer = [0; 4096];
    timer.set(deadline())?;
    loop {
        let len = tokio::select! {
            read = stream.read(&mut buffer) => read?,
            expired = timer.expired() => return expired.and_then(|()| Err(silent())),
        };
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let now = wire_now();
        let mut heard = false;
        let too_long = lines.feed(&buffer[..len], |line| match report(line, now) {
            Ok(Report::Fix(fix)) => {
                heard = true;
                publisher.fix(fix);
            }
            Ok(Report::NoFix) => {
                heard = true;
                publisher.lost();
            }
            Ok(Report::Other) => {}
            Err(error) => {
                tracing::debug!(%error, "gpsd line not understood");
                publisher.malformed(1);
            }
        });
        publisher.malformed(too_long);
        // Only positions count as being heard: a daemon that reports only satellites has lost its receiver.
        if heard {
            backoff.reset();
            timer.set(deadline())?;
        }
    }
}

#[derive(Deserialize)]
struct Head {
    class: String,
}

/// The fields of TPV used here; gpsd leaves out what it does not know.
#[derive(Deserialize)]
struct Tpv {
    mode: Option<u8>,
    time: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    #[serde(rename = "altHAE")]
    alt_hae: Option<f64>,
    speed: Option<f64>,
    track: Option<f64>,
    eph: Option<f64>,
    epx: Option<f64>,
    epy: Option<f64>,
}

const WATCH: &[u8] = b"?WATCH={\"enable\":true,\"json\":true};\n";
/// gpsd's own longest report is 10,240 characters (`GPS_JSON_RESPONSE_MAX`).
const LONGEST_LINE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: WireTime = WireTime::from_micros(7);
    const TPV: &str = r#"{"class":"TPV","device":"/dev/ttyS0","mode":3,"time":"2026-01-01T00:00:00.500Z","ept":0.005,"lat":49.6116,"lon":-6.1319,"altHAE":312.345,"altMSL":265.0,"epx":3.0,"epy":4.0,"track":359.98,"speed":13.894,"climb":0.0,"novel":[{}]}"#;

    #[test]
    fn a_report_becomes_a_fix_in_wire_units() {
        let Report::Fix(fix) = report(TPV.as_bytes(), NOW).unwrap() else { panic!("no fix") };
        assert_eq!((fix.position.latitude, fix.position.longitude), (496_116_000, -61_319_000));
        assert_eq!(fix.altitude_cm, Some(31_235));
        assert_eq!((fix.speed, fix.heading, fix.accuracy_cm), (Some(1389), Some(0), Some(500)));
        assert_eq!(Some(fix.time), civil::wire_of_iso8601("2026-01-01T00:00:00.500Z"));
    }

    #[test]
    fn what_is_absent_stays_unknown() {
        let line = br#"{"class":"TPV","mode":2,"lat":0,"lon":0,"altHAE":5}"#;
        let Report::Fix(fix) = report(line, NOW).unwrap() else { panic!("no fix") };
        assert_eq!((fix.altitude_cm, fix.speed, fix.heading, fix.accuracy_cm), (None, None, None, None));
        assert_eq!(fix.time, NOW);
    }

    #[test]
    fn no_fix_other_classes_and_nonsense_are_told_apart() {
        let read = |line: &str| report(line.as_bytes(), NOW);
        assert_eq!(read(r#"{"class":"TPV","mode":1}"#).unwrap(), Report::NoFix);
        assert_eq!(read(r#"{"class":"TPV"}"#).unwrap(), Report::NoFix);
        assert_eq!(read(r#"{"class":"SKY","satellites":[]}"#).unwrap(), Report::Other);
        assert_eq!(read(r#"{"class":"NOVEL","mode":"x"}"#).unwrap(), Report::Other);
        for wrong in [
            "",
            "$GPRMC",
            "[]",
            "{}",
            r#"{"class":"TPV","mode":3}"#,
            r#"{"class":"TPV","mode":3,"lat":91,"lon":0}"#,
            r#"{"class":"TPV","mode":3,"lat":1e999,"lon":0}"#,
            r#"{"class":"TPV","mode":"3","lat":1,"lon":0}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(report(&bytes, NOW));
        }

        #[test]
        fn no_change_of_a_good_report_makes_it_panic_or_leave_the_globe(at in 0..TPV.len(), cut in 0usize..8, with in "[0-9e.\",:{}a-z-]{0,6}") {
            let end = (at + cut).min(TPV.len());
            let line = format!("{}{with}{}", &TPV[..at], &TPV[end..]);
            if let Ok(Report::Fix(fix)) = report(line.as_bytes(), NOW) {
                prop_assert!(v2x_core::Position::new(fix.position.latitude, fix.position.longitude).is_some());
                prop_assert!(fix.heading.is_none_or(|heading| heading < 3600));
            }
        }
    }
}
