//! NMEA 0183 sentences to fixes: RMC for position and motion, GGA for altitude and spread, or GGA alone.

use chrono::NaiveTime;
use nmea::ParseResult;
use nmea::sentences::rmc::RmcStatusOfFix;
use nmea::sentences::{FixType, GgaData, RmcData};
use v2x_core::{Fix, WireTime};

use super::units::{accuracy_unit, altitude_unit, heading_unit, position_unit, speed_unit};
use crate::civil;

/// The result of one sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// A new position.
    Fix(Fix),
    /// The receiver reports that it has none.
    NoFix,
    /// No result by itself.
    Nothing,
    /// It is no sentence, or its checksum is wrong.
    Malformed,
}

/// Combines the sentences of a receiver.
#[derive(Debug, Default)]
pub struct Epochs {
    gga: Option<GgaData>,
    /// GGA sentences since the last RMC: a receiver that sends none is read from GGA alone.
    gga_alone: u8,
}

impl Epochs {
    /// Takes one sentence without its line break; `near` gives the day where a sentence has none.
    pub fn hear(&mut self, line: &[u8], near: WireTime) -> Heard {
        let Ok(line) = str::from_utf8(line) else { return Heard::Malformed };
        match nmea::parse_str(line) {
            Ok(ParseResult::RMC(rmc)) => {
                self.gga_alone = 0;
                self.rmc(&rmc)
            }
            Ok(ParseResult::GGA(gga)) => {
                self.gga_alone = self.gga_alone.saturating_add(1);
                let heard =
                    if self.gga_alone > GGA_BEFORE_ALONE { gga_alone(&gga, near) } else { Heard::Nothing };
                self.gga = Some(gga);
                heard
            }
            Ok(_) => Heard::Nothing,
            Err(
                nmea::Error::Unsupported(_)
                | nmea::Error::Unknown(_)
                | nmea::Error::DisabledSentence
                | nmea::Error::UnknownGnssType(_)
                | nmea::Error::UnknownTalkerId { .. },
            ) => Heard::Nothing,
            // A talker's own sentence types do not parse as any known; the checksum distinguishes them from noise.
            Err(_)
                if has_checksum(line)
                    && !line.get(3..6).is_some_and(|kind| ["RMC", "GGA"].contains(&kind)) =>
            {
                Heard::Nothing
            }
            Err(_) => Heard::Malformed,
        }
    }

    fn rmc(&mut self, rmc: &RmcData) -> Heard {
        if rmc.status_of_fix == RmcStatusOfFix::Invalid {
            return Heard::NoFix;
        }
        let (Some(latitude), Some(longitude), Some(date), Some(time)) =
            (rmc.lat, rmc.lon, rmc.fix_date, rmc.fix_time)
        else {
            return Heard::NoFix;
        };
        let (Some(position), Some(wire)) =
            (position_unit(latitude, longitude), civil::wire_of_utc(date, time))
        else {
            return Heard::Malformed;
        };
        // A GGA older than the moment before does not describe this moment.
        let gga = self.gga.as_ref().filter(|gga| gga.fix_time.is_some_and(|other| is_near(other, time)));
        Heard::Fix(Fix {
            position,
            altitude_cm: gga.and_then(altitude),
            speed: rmc
                .speed_over_ground
                .and_then(|knots| speed_unit(f64::from(knots) * METRES_PER_KNOT_SECOND)),
            heading: rmc.true_course.and_then(|degrees| heading_unit(f64::from(degrees))),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: gga.and_then(accuracy),
            time: wire,
        })
    }
}

fn gga_alone(gga: &GgaData, near: WireTime) -> Heard {
    if matches!(gga.fix_type, None | Some(FixType::Invalid)) {
        return Heard::NoFix;
    }
    let (Some(latitude), Some(longitude), Some(time)) = (gga.latitude, gga.longitude, gga.fix_time) else {
        return Heard::NoFix;
    };
    let (Some(position), Some(wire)) =
        (position_unit(latitude, longitude), civil::wire_of_time_of_day(time, near))
    else {
        return Heard::Malformed;
    };
    Heard::Fix(Fix {
        position,
        altitude_cm: altitude(gga),
        speed: None,
        heading: None,
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: accuracy(gga),
        time: wire,
    })
}

/// GGA's altitude is above the geoid; the wire's is above the ellipsoid.
fn altitude(gga: &GgaData) -> Option<i32> {
    let (above_geoid, geoid) = gga.altitude.zip(gga.geoid_separation)?;
    altitude_unit(f64::from(above_geoid) + f64::from(geoid))
}

fn accuracy(gga: &GgaData) -> Option<u16> {
    gga.hdop.and_then(|hdop| accuracy_unit(f64::from(hdop) * METRES_PER_HDOP))
}

fn is_near(a: NaiveTime, b: NaiveTime) -> bool {
    (a - b).num_milliseconds().abs() <= 1000
}

fn has_checksum(line: &str) -> bool {
    let Some((body, sum)) = line.strip_prefix('$').and_then(|line| line.rsplit_once('*')) else {
        return false;
    };
    let expected = body.bytes().fold(0, |sum, byte| sum ^ byte);
    u8::from_str_radix(sum, 16).is_ok_and(|sum| sum == expected)
}

const METRES_PER_KNOT_SECOND: f64 = 1852.0 / 3600.0;
/// Twice the usual 3 m of range error per unit of dilution: about 95 %.
const METRES_PER_HDOP: f64 = 6.0;
/// An RMC may come after the GGA of its moment; more than this many and there is none.
const GGA_BEFORE_ALONE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEAR: WireTime = WireTime::from_micros(700_000_000_000_000);

    /// The sentence `body` with its dollar sign and checksum.
    fn sentence(body: &str) -> String {
        format!("${body}*{:02X}", body.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    const RMC: &str = "GPRMC,225446.33,A,4916.45,N,12311.12,W,000.5,054.7,191126,020.3,E,A";
    const GGA: &str = "GPGGA,225446.33,4916.45,N,12311.12,W,1,08,0.9,100.5,M,-17.0,M,,";

    #[test]
    fn rmc_and_gga_of_one_moment_make_one_fix() {
        let mut epochs = Epochs::default();
        assert_eq!(epochs.hear(sentence(GGA).as_bytes(), NEAR), Heard::Nothing);
        let Heard::Fix(fix) = epochs.hear(sentence(RMC).as_bytes(), NEAR) else { panic!("no fix") };
        assert!((fix.position.latitude - 492_741_667).abs() <= 1, "{fix:?}");
        assert!((fix.position.longitude + 1_231_853_333).abs() <= 1, "{fix:?}");
        assert_eq!((fix.altitude_cm, fix.speed, fix.heading), (Some(8350), Some(26), Some(547)));
        assert_eq!(fix.accuracy_cm, Some(540));
        assert_eq!(Some(fix.time), civil::wire_of_iso8601("2026-11-19T22:54:46.330Z"));
    }

    #[test]
    fn a_receiver_without_rmc_is_read_from_gga() {
        let mut epochs = Epochs::default();
        let line = sentence(GGA);
        let heard: Vec<_> = (0..3).map(|_| epochs.hear(line.as_bytes(), NEAR)).collect();
        assert_eq!(heard[..2], [Heard::Nothing, Heard::Nothing]);
        assert!(matches!(heard[2], Heard::Fix(_)), "{heard:?}");
        let lost = sentence("GPGGA,225446.33,,,,,0,00,,,M,,M,,");
        assert_eq!(epochs.hear(lost.as_bytes(), NEAR), Heard::NoFix);
    }

    #[test]
    fn void_foreign_and_broken_sentences_are_told_apart() {
        let mut epochs = Epochs::default();
        let mut hear = |line: &str| epochs.hear(line.as_bytes(), NEAR);
        assert_eq!(hear(&sentence("GPRMC,225446,V,,,,,,,191126,,,N")), Heard::NoFix);
        assert_eq!(hear(&sentence("GPGSV,1,1,00")), Heard::Nothing);
        assert_eq!(hear(&sentence("PUBX,00,081350.00")), Heard::Nothing);
        assert_eq!(hear(&sentence(RMC).replace("4916", "4917")), Heard::Malformed);
        assert_eq!(hear("hello"), Heard::Malformed);
        assert_eq!(epochs.hear(b"\xff\xfe", NEAR), Heard::Malformed);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            Epochs::default().hear(&bytes, NEAR);
        }

        #[test]
        fn no_fields_make_the_reader_panic_or_leave_the_globe(
            kind in prop::sample::select(vec!["GPRMC", "GNGGA", "GPVTG", "GPGSA"]),
            fields in prop::collection::vec("[0-9.,NSEWAVM-]{0,12}", 0..16)
        ) {
            let mut epochs = Epochs::default();
            let line = sentence(&format!("{kind},{}", fields.join(",")));
            for _ in 0..4 {
                if let Heard::Fix(fix) = epochs.hear(line.as_bytes(), NEAR) {
                    prop_assert!(v2x_core::Position::new(fix.position.latitude, fix.position.longitude).is_some());
                }
            }
        }

        #[test]
        fn no_change_of_a_good_sentence_makes_the_reader_panic(
            body in prop::sample::select(vec![RMC, GGA]), at in 0usize..70, cut in 0usize..4, with in "[0-9.,NSEWAV-]{0,5}"
        ) {
            let (at, end) = (at.min(body.len()), (at + cut).min(body.len()));
            let line = sentence(&format!("{}{with}{}", &body[..at], &body[end..]));
            let mut epochs = Epochs::default();
            for _ in 0..4 {
                epochs.hear(line.as_bytes(), NEAR);
            }
        }
    }
}
