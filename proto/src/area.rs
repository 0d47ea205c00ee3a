//! The geographic area a message concerns or a credential is valid in (EN 302 931).

use bytes::BufMut;

use crate::v1;
use crate::wire::{self, Reader, WireError};

/// A circle, rectangle or ellipse on the globe, with every value in range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AreaView {
    /// Latitude of the centre, 1e-7 degree, ±900000000.
    pub latitude: i32,
    /// Longitude of the centre, 1e-7 degree, ±1800000000.
    pub longitude: i32,
    /// Its shape.
    pub shape: Shape,
    /// Radius of a circle, else half the length along the azimuth; metres, 1..=65535.
    pub distance_a_m: u32,
    /// Half the length across the azimuth; metres, 1..=65535; 0 for a circle.
    pub distance_b_m: u32,
    /// Direction of `distance_a_m`, degrees clockwise from north, 0..=359; 0 for a circle.
    pub azimuth_deg: u32,
}

/// Shape of an area. The numbers are wire values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Shape {
    /// EN 302 931 clause 4.1.
    Circle = 1,
    /// EN 302 931 clause 4.2.
    Rectangle = 2,
    /// EN 302 931 clause 4.3.
    Ellipse = 3,
}

impl AreaView {
    /// Reads the bytes of an `Area` message.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes, "Area");
        let [mut latitude, mut longitude] = [0; 2];
        let [mut shape, mut distance_a_m, mut distance_b_m, mut azimuth_deg] = [0; 4];
        while let Some(tag) = reader.tag()? {
            match tag {
                LATITUDE => {
                    reader.once(tag, "latitude")?;
                    latitude = reader.sfixed32()?;
                }
                LONGITUDE => {
                    reader.once(tag, "longitude")?;
                    longitude = reader.sfixed32()?;
                }
                SHAPE => {
                    reader.once(tag, "shape")?;
                    shape = reader.varint32("shape")?;
                }
                DISTANCE_A => {
                    reader.once(tag, "distance_a_m")?;
                    distance_a_m = reader.varint32("distance_a_m")?;
                }
                DISTANCE_B => {
                    reader.once(tag, "distance_b_m")?;
                    distance_b_m = reader.varint32("distance_b_m")?;
                }
                AZIMUTH => {
                    reader.once(tag, "azimuth_deg")?;
                    azimuth_deg = reader.varint32("azimuth_deg")?;
                }
                other => reader.skip(other, &FIELDS)?,
            }
        }
        let shape = Shape::from_wire(shape).ok_or(WireError::OutOfRange("shape"))?;
        let area = Self { latitude, longitude, shape, distance_a_m, distance_b_m, azimuth_deg };
        area.check()?;
        Ok(area)
    }

    /// An error naming the first value out of its range.
    pub fn check(&self) -> Result<(), WireError> {
        let circle = self.shape == Shape::Circle;
        if !wire::on_the_globe(self.latitude, self.longitude) {
            Err(WireError::OutOfRange("latitude, longitude"))
        } else if self.distance_a_m == 0 || self.distance_a_m > MAX_DISTANCE_M {
            Err(WireError::OutOfRange("distance_a_m"))
        } else if (self.distance_b_m == 0) != circle || self.distance_b_m > MAX_DISTANCE_M {
            Err(WireError::OutOfRange("distance_b_m"))
        } else if self.azimuth_deg > 359 || circle && self.azimuth_deg != 0 {
            Err(WireError::OutOfRange("azimuth_deg"))
        } else {
            Ok(())
        }
    }

    /// Appends the bytes of the `Area` message.
    pub fn encode(&self, out: &mut impl BufMut) {
        wire::put_fixed32_field(out, 1, self.latitude as u32);
        wire::put_fixed32_field(out, 2, self.longitude as u32);
        wire::put_varint_field(out, 3, self.shape as u64);
        wire::put_varint_field(out, 4, u64::from(self.distance_a_m));
        wire::put_varint_field(out, 5, u64::from(self.distance_b_m));
        wire::put_varint_field(out, 6, u64::from(self.azimuth_deg));
    }

    /// Length of the `Area` message in bytes.
    pub fn encoded_len(&self) -> usize {
        let fixed = [self.latitude, self.longitude];
        let varints = [self.shape as u32, self.distance_a_m, self.distance_b_m, self.azimuth_deg];
        fixed.iter().filter(|value| **value != 0).count() * 5
            + varints
                .iter()
                .filter(|value| **value != 0)
                .map(|value| 1 + wire::varint_len(u64::from(*value)))
                .sum::<usize>()
    }

    /// Appends this area as field `number` of another message.
    pub(crate) fn encode_field(&self, out: &mut impl BufMut, number: u32) {
        wire::put_bytes_head(out, number, self.encoded_len());
        self.encode(out);
    }
}

impl TryFrom<&v1::Area> for AreaView {
    type Error = WireError;

    fn try_from(area: &v1::Area) -> Result<Self, WireError> {
        let shape = u32::try_from(area.shape).ok().and_then(Shape::from_wire);
        let view = Self {
            latitude: area.latitude,
            longitude: area.longitude,
            shape: shape.ok_or(WireError::OutOfRange("shape"))?,
            distance_a_m: area.distance_a_m,
            distance_b_m: area.distance_b_m,
            azimuth_deg: area.azimuth_deg,
        };
        view.check()?;
        Ok(view)
    }
}

impl From<AreaView> for v1::Area {
    fn from(area: AreaView) -> Self {
        Self {
            latitude: area.latitude,
            longitude: area.longitude,
            shape: area.shape as i32,
            distance_a_m: area.distance_a_m,
            distance_b_m: area.distance_b_m,
            azimuth_deg: area.azimuth_deg,
        }
    }
}

impl Shape {
    /// The shape of a wire value.
    pub const fn from_wire(value: u32) -> Option<Self> {
        match value {
            1 => Some(Self::Circle),
            2 => Some(Self::Rectangle),
            3 => Some(Self::Ellipse),
            _ => None,
        }
    }
}

/// Longest distance an area may state, metres: 16 bits, as in EN 302 636-4-1 clause 9.8.5.
pub const MAX_DISTANCE_M: u32 = 65_535;

const LATITUDE: u32 = wire::fixed32_tag(1);
const LONGITUDE: u32 = wire::fixed32_tag(2);
const SHAPE: u32 = wire::varint_tag(3);
const DISTANCE_A: u32 = wire::varint_tag(4);
const DISTANCE_B: u32 = wire::varint_tag(5);
const AZIMUTH: u32 = wire::varint_tag(6);
const FIELDS: [&str; 6] = ["latitude", "longitude", "shape", "distance_a_m", "distance_b_m", "azimuth_deg"];

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn any_area() -> impl Strategy<Value = AreaView> {
        (
            (-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000),
            1..=3u32,
            1..=MAX_DISTANCE_M,
            1..=MAX_DISTANCE_M,
            0..360u32,
        )
            .prop_map(|((latitude, longitude), shape, a, b, azimuth)| {
                let shape = Shape::from_wire(shape).unwrap();
                let circle = shape == Shape::Circle;
                AreaView {
                    latitude,
                    longitude,
                    shape,
                    distance_a_m: a,
                    distance_b_m: if circle { 0 } else { b },
                    azimuth_deg: if circle { 0 } else { azimuth },
                }
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(area in any_area()) {
            let mut bytes = Vec::new();
            area.encode(&mut bytes);
            prop_assert_eq!(bytes.len(), area.encoded_len());
            prop_assert_eq!(AreaView::parse(&bytes), Ok(area));
        }

        #[test]
        fn arbitrary_bytes_give_an_area_in_range_or_an_error(bytes: Vec<u8>) {
            if let Ok(area) = AreaView::parse(&bytes) {
                prop_assert!(area.check().is_ok());
            }
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        let good = AreaView {
            latitude: 1,
            longitude: 2,
            shape: Shape::Ellipse,
            distance_a_m: 3,
            distance_b_m: 4,
            azimuth_deg: 5,
        };
        assert_eq!(good.check(), Ok(()));
        for (bad, field) in [
            (AreaView { latitude: 900_000_001, ..good }, "latitude, longitude"),
            (AreaView { longitude: i32::MIN, ..good }, "latitude, longitude"),
            (AreaView { distance_a_m: 0, ..good }, "distance_a_m"),
            (AreaView { distance_b_m: 65_536, ..good }, "distance_b_m"),
            (AreaView { shape: Shape::Circle, ..good }, "distance_b_m"),
            (AreaView { azimuth_deg: 360, ..good }, "azimuth_deg"),
        ] {
            assert_eq!(bad.check(), Err(WireError::OutOfRange(field)));
        }
    }
}
