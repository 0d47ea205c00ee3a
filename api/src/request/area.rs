//! The area in which an event is relevant.

use serde_json::{Map, Value, json};
use v2x_proto::{AreaView, Shape};

use crate::fields::{BadRequest, Fields};
use crate::point::Point;

/// The area in which an event is relevant (EN 302 931), around the event or around a centre of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Circle, rectangle or ellipse.
    pub shape: Shape,
    /// Radius of a circle, else half the length along the azimuth; metres, 1..=65535.
    pub distance_a_m: u32,
    /// Half the length across the azimuth; metres; 0 for a circle.
    pub distance_b_m: u32,
    /// Direction of the length, degrees clockwise from north, 0..=359; 0 for a circle.
    pub azimuth_deg: u32,
    /// Its centre; `None`: the event.
    pub centre: Option<Point>,
}

impl Area {
    /// This area about a place, unless it has one of its own.
    pub fn about(&self, place: Point) -> AreaView {
        let centre = self.centre.unwrap_or(place);
        AreaView {
            latitude: centre.latitude,
            longitude: centre.longitude,
            shape: self.shape,
            distance_a_m: self.distance_a_m,
            distance_b_m: self.distance_b_m,
            azimuth_deg: self.azimuth_deg,
        }
    }

    pub(super) fn keys(&self) -> Value {
        let mut keys = match self.shape {
            Shape::Circle => json!({ "radius_m": self.distance_a_m }),
            _ => json!({
                "half_length_m": self.distance_a_m,
                "half_width_m": self.distance_b_m,
                "azimuth_deg": self.azimuth_deg,
            }),
        };
        keys["shape"] = shape_name(self.shape).into();
        if let Some(centre) = self.centre {
            keys["latitude_deg"] = degrees(centre.latitude);
            keys["longitude_deg"] = degrees(centre.longitude);
        }
        keys
    }

    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, BadRequest> {
        const KEYS: &[&str] = &[
            "shape",
            "radius_m",
            "half_length_m",
            "half_width_m",
            "azimuth_deg",
            "latitude_deg",
            "longitude_deg",
        ];
        let fields = Fields::of(object, KEYS, "area.")?;
        let Some(shape) = fields.named("shape", SHAPE_RIGHT, &SHAPES, shape_name)? else {
            return Err(fields.missing("shape", SHAPE_RIGHT));
        };
        let circle = shape == Shape::Circle;
        let right =
            if circle { "a circle has radius_m" } else { "it has half_length_m, half_width_m, azimuth_deg" };
        let others: &[&'static str] =
            if circle { &["half_length_m", "half_width_m", "azimuth_deg"] } else { &["radius_m"] };
        if let Some(other) = others.iter().find(|key| fields.has(key)) {
            return Err(fields.contradiction(other, &format!("shape {:?}", shape_name(shape)), right));
        }
        let metres = |key| match fields.integer(key, 1..=u64::from(u16::MAX))? {
            Some(metres) => Ok(metres as u32),
            None => Err(fields.missing(key, "metres, 1 to 65535")),
        };
        let centre = position(&fields)?;
        Ok(if circle {
            Self { shape, distance_a_m: metres("radius_m")?, distance_b_m: 0, azimuth_deg: 0, centre }
        } else {
            Self {
                shape,
                distance_a_m: metres("half_length_m")?,
                distance_b_m: metres("half_width_m")?,
                azimuth_deg: fields.integer("azimuth_deg", 0..=359)?.unwrap_or(0) as u32,
                centre,
            }
        })
    }
}

pub(super) fn position(fields: &Fields<'_>) -> Result<Option<Point>, BadRequest> {
    let latitude = fields.number("latitude_deg", -90.0..=90.0, " degrees")?;
    let longitude = fields.number("longitude_deg", -180.0..=180.0, " degrees")?;
    let unit = |degrees: f64| (degrees * 1e7).round() as i32;
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => {
            Ok(Some(Point { latitude: unit(latitude), longitude: unit(longitude) }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(fields.missing("longitude_deg", "degrees, -180 to 180, as latitude_deg is given"))
        }
        (None, Some(_)) => {
            Err(fields.missing("latitude_deg", "degrees, -90 to 90, as longitude_deg is given"))
        }
    }
}

/// Degrees of a latitude or longitude in 1e-7 degree.
pub(super) fn degrees(unit: i32) -> Value {
    (f64::from(unit) / 1e7).into()
}

/// `"circle"`, `"rectangle"` or `"ellipse"`.
pub fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Circle => "circle",
        Shape::Rectangle => "rectangle",
        Shape::Ellipse => "ellipse",
    }
}

pub(super) const SHAPES: [Shape; 3] = [Shape::Circle, Shape::Rectangle, Shape::Ellipse];
/// What an area is, for complaints.
pub(super) const RIGHT: &str = r#"an object, such as {"shape":"circle","radius_m":500}"#;
const SHAPE_RIGHT: &str = r#""circle", "rectangle" or "ellipse""#;
