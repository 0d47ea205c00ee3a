//! A position that a program gives the station.

use core::time::Duration;

use serde_json::{Map, Value};

use super::area::{degrees, position};
use crate::fields::{BadRequest, Fields};
use crate::point::Point;

/// A position, as a program measured it.
#[derive(Clone, Debug, PartialEq)]
pub struct FixReport {
    /// Where.
    pub position: Point,
    /// Speed over ground, m/s, 0..=163.82.
    pub speed_m_s: Option<f64>,
    /// Course over ground, degrees clockwise from north, 0..=360.
    pub heading_deg: Option<f64>,
    /// 95 % radius of its error, m.
    pub accuracy_m: Option<f64>,
    /// Height above the WGS 84 ellipsoid, m.
    pub altitude_m: Option<f64>,
    /// When it was true.
    pub when: FixTime,
}

/// When a position was true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixTime {
    /// This long before the request.
    Ago(Duration),
    /// At this time, ISO 8601; UTC unless it has an offset.
    Utc(String),
}

impl Default for FixTime {
    /// Now.
    fn default() -> Self {
        Self::Ago(Duration::ZERO)
    }
}

impl FixReport {
    /// A position of now, and nothing else known.
    pub fn at(position: Point) -> Self {
        Self {
            position,
            speed_m_s: None,
            heading_deg: None,
            accuracy_m: None,
            altitude_m: None,
            when: FixTime::default(),
        }
    }

    pub(super) fn value(&self) -> Value {
        let mut keys = Map::new();
        keys.insert("latitude_deg".to_owned(), degrees(self.position.latitude));
        keys.insert("longitude_deg".to_owned(), degrees(self.position.longitude));
        for (key, value) in [
            ("speed_m_s", self.speed_m_s),
            ("heading_deg", self.heading_deg),
            ("accuracy_m", self.accuracy_m),
            ("altitude_m", self.altitude_m),
        ] {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value.into());
            }
        }
        match &self.when {
            FixTime::Ago(Duration::ZERO) => None,
            FixTime::Ago(age) => keys.insert("age_ms".to_owned(), (age.as_micros() as f64 / 1e3).into()),
            FixTime::Utc(time) => keys.insert("time_utc".to_owned(), time.as_str().into()),
        };
        Value::Object(keys)
    }
}

/// Reads the request under `fix`; `None`: the position was lost.
pub(super) fn read(object: &Map<String, Value>) -> Result<Option<FixReport>, BadRequest> {
    let request = Fields::of(object, &["v", "id", "fix"], "")?;
    let Some(object) = request.object("fix", RIGHT)? else { return Ok(None) };
    let fields = Fields::of(object, KEYS, "fix.")?;
    let Some(position) = position(&fields)? else {
        return Err(fields.missing("latitude_deg", "degrees, -90 to 90, with longitude_deg"));
    };
    let when = match (fields.number("age_ms", 0.0..=OLDEST_MS, " ms")?, fields.text("time_utc", TIME_RIGHT)?)
    {
        (Some(_), Some(_)) => {
            return Err(fields.contradiction("age_ms", "time_utc", "one says when it was true"));
        }
        (None, Some(time)) => FixTime::Utc(time.to_owned()),
        (age_ms, None) => FixTime::Ago(Duration::from_micros((age_ms.unwrap_or(0.0) * 1e3) as u64)),
    };
    Ok(Some(FixReport {
        position,
        speed_m_s: fields.number("speed_m_s", 0.0..=163.82, " m/s")?,
        heading_deg: fields.number("heading_deg", 0.0..=360.0, " degrees")?,
        accuracy_m: fields.number("accuracy_m", 0.0..=1e6, " m")?,
        altitude_m: fields.number("altitude_m", -1_000.0..=8_000.0, " m")?,
        when,
    }))
}

const KEYS: &[&str] = &[
    "latitude_deg",
    "longitude_deg",
    "speed_m_s",
    "heading_deg",
    "accuracy_m",
    "altitude_m",
    "time_utc",
    "age_ms",
];
const RIGHT: &str = r#"an object, such as {"latitude_deg":49.6116,"longitude_deg":6.1319}, or null when the position was lost"#;
const TIME_RIGHT: &str = r#"a time, such as "2026-01-01T00:00:00.500Z""#;
/// Longer than any position is believed.
const OLDEST_MS: f64 = 600_000.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::Request;

    fn parse(line: &str) -> Result<Request, BadRequest> {
        Request::parse(line.as_bytes())
    }

    #[test]
    fn a_position_and_its_loss_read_as_written() {
        let line = r#"{"fix":{"latitude_deg":49.6116001,"longitude_deg":-6.1319999,"speed_m_s":13.89,"heading_deg":271.5,
            "accuracy_m":1.5,"altitude_m":312.4,"time_utc":"2026-01-01T00:00:00.500Z"},"id":7}"#;
        let expected = FixReport {
            position: Point { latitude: 496_116_001, longitude: -61_319_999 },
            speed_m_s: Some(13.89),
            heading_deg: Some(271.5),
            accuracy_m: Some(1.5),
            altitude_m: Some(312.4),
            when: FixTime::Utc("2026-01-01T00:00:00.500Z".to_owned()),
        };
        assert_eq!(parse(&line.replace('\n', " ")).unwrap(), Request::Fix(Some(Box::new(expected))));
        assert_eq!(parse(r#"{"fix":null}"#).unwrap(), Request::Fix(None));
        let now = FixReport::at(Point { latitude: 10_000_000, longitude: 0 });
        let line = r#"{"fix":{"latitude_deg":1,"longitude_deg":0}}"#;
        assert_eq!(parse(line).unwrap(), Request::Fix(Some(Box::new(now))));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (fix, expected) in [
            (r#""here""#, r#"fix: found "here", expected an object, such as {"latitude_deg""#),
            ("{}", "fix.latitude_deg is missing"),
            (r#"{"latitude_deg":1}"#, "fix.longitude_deg is missing: degrees"),
            (
                r#"{"latitude_deg":90.1,"longitude_deg":0}"#,
                "fix.latitude_deg: found 90.1, expected a number, -90 to 90",
            ),
            (r#"{"latitude_deg":1e400,"longitude_deg":0}"#, "no JSON at column"),
            (r#"{"latitude_deg":NaN,"longitude_deg":0}"#, "no JSON at column"),
            (
                r#"{"latitude_deg":1,"longitude_deg":0,"lat":1}"#,
                r#"unknown key "fix.lat"; keys here: latitude_deg"#,
            ),
            (
                r#"{"latitude_deg":1,"longitude_deg":0,"speed_m_s":-1}"#,
                "fix.speed_m_s: found -1, expected a number, 0 to 163.82 m/s",
            ),
            (r#"{"latitude_deg":1,"longitude_deg":0,"age_ms":-1}"#, "fix.age_ms: found -1"),
            (
                r#"{"latitude_deg":1,"longitude_deg":0,"age_ms":1,"time_utc":"x"}"#,
                "fix.age_ms: does not go with time_utc",
            ),
            (
                r#"{"latitude_deg":1,"longitude_deg":0,"time_utc":5}"#,
                "fix.time_utc: found 5, expected a time",
            ),
        ] {
            let complaint = parse(&format!("{{\"fix\":{fix}}}")).unwrap_err().to_string();
            assert!(complaint.contains(expected), "{fix}: {complaint}");
        }
        let complaint = parse(r#"{"fix":null,"hazard":"list"}"#).unwrap_err().to_string();
        assert!(complaint.contains("does not go with"), "{complaint}");
    }

    proptest! {
        #[test]
        fn a_position_survives_its_line(
            place in (-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000),
            centimetres in (0..=16_382, 0..=100_000_000, -100_000..=800_000),
            age_ms in 0..600_000_u64,
            utc in prop::option::of("[0-9TZ:.-]{1,30}"),
        ) {
            let when = utc.map_or(FixTime::Ago(Duration::from_millis(age_ms)), FixTime::Utc);
            let position = Point { latitude: place.0, longitude: place.1 };
            let metres = |centimetres: i32| Some(f64::from(centimetres) / 100.0);
            let fix = FixReport {
                speed_m_s: metres(centimetres.0),
                accuracy_m: metres(centimetres.1),
                altitude_m: metres(centimetres.2),
                when,
                ..FixReport::at(position)
            };
            let request = Request::Fix(Some(Box::new(fix)));
            prop_assert_eq!(parse(&request.line()), Ok(request));
        }
    }
}
