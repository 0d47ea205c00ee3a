//! NMEA 0183 sentences: every standard one that carries a time, place, motion, heading, date or accuracy.
//!
//! Field by field after NMEA 0183 version 4.11; shorter ones of versions 2.0 on are taken too. A field that is wrong counts as
//! absent.

use chrono::NaiveDate;
use v2x_core::Position;

use super::quality::{PositionRefusal, Quality};
use super::units::position_unit;

/// Which sentence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Recommended minimum: place, motion, date.
    Rmc,
    /// Fix data: place, altitude, quality.
    Gga,
    /// Fix data of several systems.
    Gns,
    /// Latitude and longitude.
    Gll,
    /// Course and speed over ground.
    Vtg,
    /// Error statistics.
    Gst,
    /// Satellite fault detection, with expected errors.
    Gbs,
    /// Time and date.
    Zda,
    /// Dilution of precision and satellites in use.
    Gsa,
    /// True heading.
    Hdt,
    /// Anything else.
    Other,
}

impl Kind {
    /// The sentences that say where the station is.
    pub(super) const PLACES: [Self; 4] = [Self::Rmc, Self::Gga, Self::Gns, Self::Gll];

    fn of(word: &[u8]) -> Self {
        match word {
            b"RMC" => Self::Rmc,
            b"GGA" => Self::Gga,
            b"GNS" => Self::Gns,
            b"GLL" => Self::Gll,
            b"VTG" => Self::Vtg,
            b"GST" => Self::Gst,
            b"GBS" => Self::Gbs,
            b"ZDA" => Self::Zda,
            b"GSA" => Self::Gsa,
            b"HDT" | b"THS" => Self::Hdt,
            _ => Self::Other,
        }
    }
}

/// The content of a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sentence {
    pub kind: Kind,
    /// The system that speaks: GP, GL, GA, GB, BD, GQ, GI, or GN for several.
    pub talker: [u8; 2],
    /// Microseconds of the UTC day.
    pub time_us: Option<u64>,
    /// What kind of fix it is, or why it is none; absent where the sentence does not say.
    pub status: Option<Result<Quality, PositionRefusal>>,
    pub place: Option<Position>,
    /// Metres per second over ground.
    pub speed_mps: Option<f64>,
    /// Course over ground or, of HDT, the heading; degrees from true north.
    pub course_deg: Option<f64>,
    pub date: Option<NaiveDate>,
    /// Above the ellipsoid, m.
    pub altitude_m: Option<f64>,
    pub hdop: Option<f64>,
    /// 95 % radius, m.
    pub accuracy_m: Option<f64>,
}

impl Sentence {
    /// Reads what stands between the dollar sign and the asterisk.
    pub(super) fn parse(body: &str) -> Self {
        let mut fields = body.split(',');
        let address = fields.next().unwrap_or_default().as_bytes();
        let mut words = [""; MOST_FIELDS];
        for (word, field) in words.iter_mut().zip(fields) {
            *word = field.trim_matches(' ');
        }
        let (talker, kind) = match address {
            [first, second, word @ ..] if *first != b'P' => ([*first, *second], Kind::of(word)),
            _ => ([b'P', b' '], Kind::Other),
        };
        let empty = Self {
            kind,
            talker,
            time_us: None,
            status: None,
            place: None,
            speed_mps: None,
            course_deg: None,
            date: None,
            altitude_m: None,
            hdop: None,
            accuracy_m: None,
        };
        let words = Words(&words);
        match kind {
            Kind::Rmc => rmc(&words, empty),
            Kind::Gga => gga(&words, empty),
            Kind::Gns => gns(&words, empty),
            Kind::Gll => gll(&words, empty),
            Kind::Vtg => vtg(&words, empty),
            Kind::Gst => gst(&words, empty),
            Kind::Gbs => gbs(&words, empty),
            Kind::Zda => Self { time_us: words.time(0), date: zda_date(&words), ..empty },
            Kind::Gsa => Self {
                status: match words.word(1) {
                    "1" => Some(Err(PositionRefusal::NoFix)),
                    "2" | "3" => Some(Ok(Quality::Autonomous)),
                    _ => None,
                },
                hdop: words.positive(15),
                ..empty
            },
            // HDT: heading, T; THS: heading, mode (A autonomous, E estimated).
            Kind::Hdt => {
                let valid = matches!(words.word(1), "T" | "A" | "E");
                Self { course_deg: words.degrees(0).filter(|_| valid), ..empty }
            }
            Kind::Other => empty,
        }
    }
}

/// time, status, latitude, N, longitude, E, knots, course, date, variation, E, mode (2.3), navigational status (4.1).
fn rmc(words: &Words<'_>, empty: Sentence) -> Sentence {
    let status = match words.word(1) {
        "A" | "D" => mode(words.word(11)),
        _ => Err(PositionRefusal::NoFix),
    };
    Sentence {
        time_us: words.time(0),
        status: Some(status),
        place: words.place(2),
        speed_mps: words.positive(6).map(|knots| knots * METRES_PER_SECOND_A_KNOT),
        course_deg: words.degrees(7),
        date: words.date(8),
        ..empty
    }
}

/// time, latitude, N, longitude, E, quality, satellites, HDOP, altitude, M, geoid, M, age of corrections, station.
fn gga(words: &Words<'_>, empty: Sentence) -> Sentence {
    let status = match words.word(5) {
        "1" | "3" => Ok(Quality::Autonomous),
        "2" | "9" => Ok(Quality::Differential),
        "4" => Ok(Quality::RtkFixed),
        "5" => Ok(Quality::RtkFloat),
        "6" => Ok(Quality::DeadReckoning),
        "7" => Err(PositionRefusal::Manual),
        "8" => Err(PositionRefusal::Simulated),
        _ => Err(PositionRefusal::NoFix),
    };
    Sentence {
        time_us: words.time(0),
        status: Some(status),
        place: words.place(1),
        hdop: words.positive(7),
        // The altitude is above the geoid, the wire's above the ellipsoid.
        altitude_m: words.number(8).zip(words.number(10)).map(|(above_geoid, geoid)| above_geoid + geoid),
        ..empty
    }
}

/// time, latitude, N, longitude, E, a mode for each system, satellites, HDOP, altitude, geoid, age, station, status.
fn gns(words: &Words<'_>, empty: Sentence) -> Sentence {
    let modes = words.word(5);
    // The best of the systems gives the fix its quality; a simulated or typed one spoils it.
    let order = ["S", "M", "R", "F", "D", "P", "A", "E"];
    let told = order.into_iter().find(|letter| modes.contains(letter));
    Sentence {
        time_us: words.time(0),
        status: Some(told.map_or(Err(PositionRefusal::NoFix), mode)),
        place: words.place(1),
        hdop: words.positive(7),
        altitude_m: words.number(8).zip(words.number(9)).map(|(above_geoid, geoid)| above_geoid + geoid),
        ..empty
    }
}

/// latitude, N, longitude, E, time, status, mode (2.3).
fn gll(words: &Words<'_>, empty: Sentence) -> Sentence {
    let status = match words.word(5) {
        "A" | "D" => mode(words.word(6)),
        // Before version 2.0 it had none.
        "" => Ok(Quality::Autonomous),
        _ => Err(PositionRefusal::NoFix),
    };
    Sentence { time_us: words.time(4), status: Some(status), place: words.place(0), ..empty }
}

/// course, T, magnetic, M, knots, N, km/h, K, mode (2.3); without the letters in version 1.
fn vtg(words: &Words<'_>, empty: Sentence) -> Sentence {
    let (course, knots, kmh) = match words.word(1) {
        "T" => (0, 4, 6),
        _ => (0, 2, 3),
    };
    let moving = !matches!(words.word(8), "N");
    let knots = words.positive(knots).map(|knots| knots * METRES_PER_SECOND_A_KNOT);
    let speed = knots.or_else(|| words.positive(kmh).map(|kmh| kmh / 3.6));
    Sentence {
        speed_mps: speed.filter(|_| moving),
        course_deg: words.degrees(course).filter(|_| moving),
        ..empty
    }
}

/// time, RMS, semi-major, semi-minor, orientation, latitude, longitude, altitude: standard deviations in metres.
fn gst(words: &Words<'_>, empty: Sentence) -> Sentence {
    let axes = words.positive(5).zip(words.positive(6)).map(|(north, east)| north.max(east));
    let major = words.positive(2).filter(|major| *major > 0.0).or(axes);
    Sentence { time_us: words.time(0), accuracy_m: major.map(Quality::radius_95), ..empty }
}

/// time, expected errors of latitude, longitude and altitude (standard deviations), and of the failed satellite.
fn gbs(words: &Words<'_>, empty: Sentence) -> Sentence {
    let axes = words.positive(1).zip(words.positive(2)).map(|(north, east)| north.max(east));
    Sentence { time_us: words.time(0), accuracy_m: axes.map(Quality::radius_95), ..empty }
}

/// time, day, month, year.
fn zda_date(words: &Words<'_>) -> Option<NaiveDate> {
    let number = |at: usize| words.word(at).parse::<u32>().ok();
    NaiveDate::from_ymd_opt(i32::try_from(number(3)?).ok()?, number(2)?, number(1)?)
}

/// A mode indicator; absent before version 2.3.
fn mode(letter: &str) -> Result<Quality, PositionRefusal> {
    match letter {
        "N" => Err(PositionRefusal::NoFix),
        "S" => Err(PositionRefusal::Simulated),
        "M" => Err(PositionRefusal::Manual),
        "D" => Ok(Quality::Differential),
        "R" => Ok(Quality::RtkFixed),
        "F" => Ok(Quality::RtkFloat),
        "E" => Ok(Quality::DeadReckoning),
        _ => Ok(Quality::Autonomous),
    }
}

/// The fields behind the address.
struct Words<'a>(&'a [&'a str; MOST_FIELDS]);

impl Words<'_> {
    fn word(&self, at: usize) -> &str {
        self.0[at]
    }

    fn number(&self, at: usize) -> Option<f64> {
        let word = self.word(at);
        // Only what the standard writes: no exponent, no NaN.
        let plain = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
        word.parse().ok().filter(|_| plain)
    }

    fn positive(&self, at: usize) -> Option<f64> {
        self.number(at).filter(|number| *number >= 0.0)
    }

    fn degrees(&self, at: usize) -> Option<f64> {
        self.number(at).filter(|degrees| (0.0..=360.0).contains(degrees))
    }

    /// `hhmmss`, with or without a fraction.
    fn time(&self, at: usize) -> Option<u64> {
        let (whole, fraction) = self.word(at).split_once('.').unwrap_or((self.word(at), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() != 6 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let pair = |from: usize| whole[from..from + 2].parse::<u64>().ok();
        // Second 60 is a leap second.
        let (hours, minutes, seconds) =
            (pair(0).filter(|h| *h < 24)?, pair(2).filter(|m| *m < 60)?, pair(4).filter(|s| *s <= 60)?);
        let micros = fraction
            .bytes()
            .chain([b'0'; 6])
            .take(6)
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
    }

    /// `ddmmyy`; years from 80 on are of the last century.
    fn date(&self, at: usize) -> Option<NaiveDate> {
        let word = self.word(at);
        if word.len() != 6 || !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let pair = |from: usize| word[from..from + 2].parse::<u32>().ok();
        let year = pair(4)? as i32;
        NaiveDate::from_ymd_opt(if year < 80 { 2000 + year } else { 1900 + year }, pair(2)?, pair(0)?)
    }

    /// Latitude, its hemisphere, longitude, its hemisphere.
    fn place(&self, at: usize) -> Option<Position> {
        let signed = |value: Option<f64>, letter: &str, positive: &str, negative: &str| match value {
            Some(value) if letter == positive => Some(value),
            Some(value) if letter == negative => Some(-value),
            _ => None,
        };
        let latitude = signed(self.angle(at), self.word(at + 1), "N", "S")?;
        let longitude = signed(self.angle(at + 2), self.word(at + 3), "E", "W")?;
        position_unit(latitude, longitude)
    }

    /// `dddmm.mmmm`: degrees and minutes.
    fn angle(&self, at: usize) -> Option<f64> {
        let value = self.positive(at)?;
        let degrees = (value / 100.0).trunc();
        let minutes = value - degrees * 100.0;
        (minutes < 60.0).then_some(degrees + minutes / 60.0)
    }
}

/// GSA has 18.
const MOST_FIELDS: usize = 20;
const METRES_PER_SECOND_A_KNOT: f64 = 1852.0 / 3600.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(body: &str) -> Sentence {
        Sentence::parse(body)
    }

    fn close(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 1e-6)
    }

    #[test]
    fn each_sentence_gives_what_it_carries() {
        let rmc = parse("GNRMC,225446.33,A,4916.45,N,12311.12,W,000.5,054.7,191126,020.3,E,R,V");
        assert_eq!((rmc.kind, &rmc.talker, rmc.time_us), (Kind::Rmc, b"GN", Some(82_486_330_000)));
        assert_eq!(
            rmc.status,
            Some(Ok(Quality::RtkFixed)),
            "V behind the mode is a receiver that states no safety"
        );
        assert_eq!(rmc.place, position_unit(49.0 + 16.45 / 60.0, -123.0 - 11.12 / 60.0));
        assert!(close(rmc.speed_mps, 0.5 * 1852.0 / 3600.0) && close(rmc.course_deg, 54.7));
        assert_eq!(rmc.date, NaiveDate::from_ymd_opt(2026, 11, 19));

        let gga = parse("GPGGA,225446.33,4916.45,N,12311.12,W,5,08,0.9,100.5,M,-17.0,M,1.0,0120");
        assert_eq!((gga.status, gga.hdop), (Some(Ok(Quality::RtkFloat)), Some(0.9)));
        assert!(close(gga.altitude_m, 83.5));
        let gns = parse("GNGNS,014035.00,4332.69262,S,17235.48549,E,RRNN,13,0.9,25.63,11.24,,");
        assert_eq!(gns.status, Some(Ok(Quality::RtkFixed)));
        assert!(close(gns.altitude_m, 36.87) && gns.place.unwrap().latitude < 0);
        let gll = parse("GPGLL,4916.45,N,12311.12,W,225444.1,A,D");
        assert_eq!((gll.time_us, gll.status), (Some(82_484_100_000), Some(Ok(Quality::Differential))));

        let vtg = parse("GPVTG,054.7,T,034.4,M,,N,010.2,K,A");
        assert!(close(vtg.speed_mps, 10.2 / 3.6) && close(vtg.course_deg, 54.7));
        assert!(close(parse("GPVTG,054.7,034.4,010.0,018.5").speed_mps, 18_520.0 / 3600.0));
        assert_eq!(parse("GPVTG,054.7,T,,M,5.0,N,9.3,K,N").speed_mps, None);
        let gst = parse("GPGST,172814.0,0.006,0.023,0.020,273.6,0.023,0.020,0.031");
        assert!(close(gst.accuracy_m, 0.023 * 2.4477));
        assert!(close(parse("GNGST,172814.0,21,,,,0.010,0.014,0.02").accuracy_m, 0.014 * 2.4477));
        assert!(close(parse("GNGBS,170556.00,3.0,2.9,8.3,,,,").accuracy_m, 3.0 * 2.4477));
        assert_eq!(parse("GPZDA,160012.71,11,03,2004,-1,00").date, NaiveDate::from_ymd_opt(2004, 3, 11));
        let gsa = parse("GNGSA,A,3,80,71,73,79,69,,,,,,,,1.83,1.09,1.47,1");
        assert_eq!((gsa.status, gsa.hdop), (Some(Ok(Quality::Autonomous)), Some(1.09)));
        assert!(close(parse("GPHDT,274.07,T").course_deg, 274.07));
        assert!(close(parse("GNTHS,77.52,E").course_deg, 77.52));
        assert_eq!(parse("GNTHS,77.52,V").course_deg, None);
    }

    #[test]
    fn what_is_no_fix_is_told_apart() {
        let status = |body: &str| parse(body).status.unwrap();
        let gga =
            |quality: u8| status(&format!("GPGGA,225446,4916.45,N,12311.12,W,{quality},08,0.9,1,M,2,M,,"));
        assert_eq!(
            [gga(0), gga(7), gga(8)],
            [PositionRefusal::NoFix, PositionRefusal::Manual, PositionRefusal::Simulated].map(Err)
        );
        assert_eq!(gga(6), Ok(Quality::DeadReckoning));
        let rmc = |valid: &str, mode: &str| {
            status(&format!("GPRMC,225446,{valid},4916.45,N,12311.12,W,0,0,191126,,,{mode}"))
        };
        assert_eq!(rmc("V", "A"), Err(PositionRefusal::NoFix), "the last place is repeated");
        assert_eq!(
            [rmc("A", "N"), rmc("A", "S"), rmc("A", "M")],
            [PositionRefusal::NoFix, PositionRefusal::Simulated, PositionRefusal::Manual].map(Err)
        );
        assert_eq!(rmc("A", ""), Ok(Quality::Autonomous));
        assert_eq!(status("GNGNS,1,1,N,1,E,NNN,0,,,,,"), Err(PositionRefusal::NoFix));
        assert_eq!(status("GNGNS,1,1,N,1,E,AS,0,,,,,"), Err(PositionRefusal::Simulated));
        assert_eq!(status("GPGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9"), Err(PositionRefusal::NoFix));
        assert_eq!(status("GPGLL,4916.45,N,12311.12,W,225444,V,N"), Err(PositionRefusal::NoFix));
    }

    #[test]
    fn fields_that_are_wrong_are_absent_and_cost_nothing_else() {
        let rmc = parse("GPRMC,255446,A,4960.00,N,12311.12,W,1e3,361.0,311126");
        assert_eq!(
            (rmc.time_us, rmc.place, rmc.speed_mps, rmc.course_deg, rmc.date),
            (None, None, None, None, None)
        );
        assert!(rmc.status.unwrap().is_ok());
        assert_eq!(parse("GPRMC,2254,A,4916.45,,12311.12,W").place, None, "no hemisphere");
        assert_eq!(parse("PUBX,00,081350.00").kind, Kind::Other);
        assert_eq!(parse("GP").kind, Kind::Other);
        assert_eq!(parse("").kind, Kind::Other);
        assert_eq!(parse("GPRMC,235960.5,A").time_us, Some(86_400_500_000), "a leap second");
    }

    #[test]
    fn another_reader_reads_the_same() {
        let body = "GPGGA,225446.33,4916.45,N,12311.12,W,1,08,0.9,100.5,M,-17.0,M,,";
        let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
        let nmea::ParseResult::GGA(theirs) = nmea::parse_str(&format!("${body}*{sum:02X}")).unwrap() else {
            panic!("another sentence")
        };
        let ours = parse(body);
        assert_eq!(ours.place, position_unit(theirs.latitude.unwrap(), theirs.longitude.unwrap()));
        assert_eq!(ours.hdop.map(|hdop| hdop as f32), theirs.hdop);
    }

    proptest! {
        #[test]
        fn no_fields_make_it_panic_or_leave_the_globe(
            address in prop_oneof!["G[NPL](RMC|GGA|GNS|GLL|VTG|GST|GBS|ZDA|GSA|HDT|THS)", "[ -~]{0,8}"],
            fields in prop::collection::vec("[0-9.,NSEWAVMTDRF+-]{0,12}", 0..24)
        ) {
            let sentence = parse(&format!("{address},{}", fields.join(",")));
            if let Some(place) = sentence.place {
                prop_assert!(Position::new(place.latitude, place.longitude).is_some());
            }
            prop_assert!(sentence.time_us.is_none_or(|time| time <= 86_401_000_000));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,120}") {
            parse(&text);
        }
    }
}
