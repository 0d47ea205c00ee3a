//! The short way through an awareness payload: everything checked, little kept.
//!
//! Nine of ten received messages are beacons, and a station needs five of a beacon's fields for its
//! neighbour table and plausibility checks; the rest it only checks. [`Beacon::read`] walks the payload as
//! senders write it, without storing the path. Other encodings that a protobuf
//! library may still accept are left to [`decode_awareness_into`](super::decode_awareness_into).

use crate::v1;
use crate::wire::{Reader, WireError, bytes_tag, varint_tag};

use super::flood_tags::FloodTags;
use super::road::PATH_POINTS;

/// The movement a station states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beacon {
    /// Type of the station, a `StationType` or a number this code does not know.
    pub station_type: i32,
    /// Speed over ground, 0.01 m/s, 0..=16382.
    pub speed: Option<u32>,
    /// Heading, 0.1 degree clockwise from north, 0..=3599.
    pub heading: Option<u32>,
    /// Longitudinal acceleration, 0.1 m/s^2, -160..=160.
    pub acceleration: Option<i32>,
    /// How accurate the position is (95 %, the longer half axis), cm, 0..=4094.
    pub accuracy_cm: Option<u32>,
    /// Floods that the station holds.
    pub floods: FloodTags,
}

impl Beacon {
    /// Reads an awareness payload that is in range and written the usual way.
    ///
    /// `Some` means that decoding the payload in full succeeds with the same values. `None` decides nothing:
    /// decode it in full to know.
    pub fn read(payload: &[u8]) -> Option<Self> {
        read(payload).ok().flatten()
    }
}

impl From<&v1::Awareness> for Beacon {
    fn from(message: &v1::Awareness) -> Self {
        Self {
            station_type: message.station_type,
            speed: message.speed,
            heading: message.heading,
            acceleration: message.acceleration,
            accuracy_cm: message.position_confidence.as_ref().map(|confidence| confidence.semi_major_cm),
            floods: FloodTags::new(&message.floods_held),
        }
    }
}

fn read(payload: &[u8]) -> Result<Option<Beacon>, WireError> {
    let mut reader = Reader::new(payload, "Awareness");
    let mut beacon = Beacon::default();
    let mut columns = [0; 3];
    let mut last = 0;
    while let Some(tag) = reader.tag()? {
        // The usual way is in the order of the fields, each once.
        if tag >> 3 <= last {
            return Ok(None);
        }
        last = tag >> 3;
        let in_range = match tag {
            STATION_TYPE => {
                let value = reader.varint()?;
                beacon.station_type = value as i32;
                value <= i32::MAX as u64
            }
            ALTITUDE => within_signed(&mut reader, -100_000, 800_000)?.is_some(),
            CONFIDENCE => keep(&mut beacon.accuracy_cm, confidence(reader.bytes()?)?),
            SPEED => keep(&mut beacon.speed, within(&mut reader, 0, 16_382)?),
            HEADING => keep(&mut beacon.heading, within(&mut reader, 0, 3_599)?),
            ACCELERATION => keep(&mut beacon.acceleration, within_signed(&mut reader, -160, 160)?),
            YAW_RATE => within_signed(&mut reader, -32_766, 32_766)?.is_some(),
            CURVATURE => within_signed(&mut reader, -1_023, 1_022)?.is_some(),
            STEERING_ANGLE => within_signed(&mut reader, -511, 511)?.is_some(),
            CONTROL_FLAGS => within(&mut reader, 0, 0x7f)?.is_some(),
            BEACON_INTERVAL => within(&mut reader, 1, 60_000)?.is_some(),
            POSITION_AGE => within(&mut reader, 0, 10_000)?.is_some(),
            EXTERIOR_LIGHTS => within(&mut reader, 0, 0xff)?.is_some(),
            LENGTH => within(&mut reader, 1, 1_022)?.is_some(),
            WIDTH => within(&mut reader, 1, 61)?.is_some(),
            PATH_LATITUDE => column(&mut columns[0], reader.bytes()?, MAX_DELTA)?,
            PATH_LONGITUDE => column(&mut columns[1], reader.bytes()?, MAX_DELTA)?,
            PATH_TIME => column(&mut columns[2], reader.bytes()?, MAX_TIME)?,
            FLOODS => beacon.floods.read(reader.bytes()?),
            DOORS => within(&mut reader, 0, 0x0f)?.is_some(),
            _ => false,
        };
        if !in_range {
            return Ok(None);
        }
    }
    let [latitudes, longitudes, times] = columns;
    let good = latitudes <= PATH_POINTS && longitudes == latitudes && times == latitudes;
    Ok(good.then_some(beacon))
}

fn keep<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

#[inline]
fn within(reader: &mut Reader<'_>, low: u32, high: u32) -> Result<Option<u32>, WireError> {
    let value = reader.varint()?;
    Ok((u64::from(low) <= value && value <= u64::from(high)).then_some(value as u32))
}

/// A zigzag number.
#[inline]
fn within_signed(reader: &mut Reader<'_>, low: i32, high: i32) -> Result<Option<i32>, WireError> {
    let value = reader.varint()?;
    let signed = (value >> 1) as i32 ^ -((value & 1) as i32);
    Ok((value <= u64::from(u32::MAX) && low <= signed && signed <= high).then_some(signed))
}

/// The longer half axis.
fn confidence(bytes: &[u8]) -> Result<Option<u32>, WireError> {
    let mut reader = Reader::new(bytes, "Awareness");
    let (mut last, mut semi_major) = (0, 0);
    while let Some(tag) = reader.tag()? {
        let limit = match tag {
            SEMI_MAJOR | SEMI_MINOR => 4_094,
            ORIENTATION => 3_599,
            _ => return Ok(None),
        };
        let value = reader.varint()?;
        if tag <= last || value > limit {
            return Ok(None);
        }
        if tag == SEMI_MAJOR {
            semi_major = value as u32;
        }
        last = tag;
    }
    Ok(Some(semi_major))
}

/// Counts a packed column's values; false when one exceeds `limit`.
#[inline]
fn column(count: &mut usize, bytes: &[u8], limit: u64) -> Result<bool, WireError> {
    let mut reader = Reader::new(bytes, "Awareness");
    while !reader.is_empty() {
        if reader.varint()? > limit {
            return Ok(false);
        }
        *count += 1;
    }
    Ok(true)
}

const STATION_TYPE: u32 = varint_tag(1);
const ALTITUDE: u32 = varint_tag(2);
const CONFIDENCE: u32 = bytes_tag(3);
const SPEED: u32 = varint_tag(4);
const HEADING: u32 = varint_tag(5);
const ACCELERATION: u32 = varint_tag(6);
const YAW_RATE: u32 = varint_tag(7);
const CURVATURE: u32 = varint_tag(8);
const STEERING_ANGLE: u32 = varint_tag(9);
const CONTROL_FLAGS: u32 = varint_tag(10);
const BEACON_INTERVAL: u32 = varint_tag(11);
const POSITION_AGE: u32 = varint_tag(12);
const EXTERIOR_LIGHTS: u32 = varint_tag(16);
const LENGTH: u32 = varint_tag(17);
const WIDTH: u32 = varint_tag(18);
const PATH_LATITUDE: u32 = bytes_tag(19);
const PATH_LONGITUDE: u32 = bytes_tag(20);
const PATH_TIME: u32 = bytes_tag(21);
const FLOODS: u32 = bytes_tag(23);
const DOORS: u32 = varint_tag(24);

const SEMI_MAJOR: u32 = varint_tag(1);
const SEMI_MINOR: u32 = varint_tag(2);
const ORIENTATION: u32 = varint_tag(3);

/// Zigzag of ±131071.
const MAX_DELTA: u64 = 2 * 131_071;
const MAX_TIME: u64 = 65_535;

#[cfg(test)]
mod tests {
    use super::super::tests::any_awareness;
    use super::*;
    use crate::payload::decode_awareness_into;
    use proptest::prelude::*;
    use prost::Message as _;

    /// The same by the full decoder.
    fn decoded(payload: &[u8]) -> Option<Beacon> {
        let mut message = v1::Awareness::default();
        decode_awareness_into(&mut message, payload).ok().map(|()| Beacon::from(&message))
    }

    proptest! {
        #[test]
        fn a_beacon_as_senders_write_it_is_read_the_short_way(message in any_awareness()) {
            let message = v1::Awareness {
                altitude_cm: Some(-5),
                position_confidence: Some(v1::PositionConfidence { semi_major_cm: 300, ..Default::default() }),
                yaw_rate: message.acceleration.map(|acceleration| acceleration * 200),
                beacon_interval_ms: Some(100),
                length: Some(45),
                width: Some(18),
                emergency: None,
                ..message
            };
            prop_assert_eq!(Beacon::read(&message.encode_to_vec()), Some(Beacon::from(&message)));
        }

        #[test]
        fn what_is_read_the_short_way_decodes_to_the_same(
            message in any_awareness(),
            mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut bytes = message.encode_to_vec();
            for (place, value) in mutations {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Some(beacon) = Beacon::read(&bytes) {
                prop_assert_eq!(decoded(&bytes), Some(beacon));
            }
        }

        #[test]
        fn arbitrary_bytes_are_read_as_they_decode_or_not_at_all(
            bytes in proptest::collection::vec(prop_oneof![0..32u8, any::<u8>()], 0..40),
        ) {
            if let Some(beacon) = Beacon::read(&bytes) {
                prop_assert_eq!(decoded(&bytes), Some(beacon));
            }
        }
    }

    #[test]
    fn every_bound_is_the_full_decoder_s() {
        type Set = fn(&mut v1::Awareness, i32);
        let fields: [(i32, i32, Set); 15] = [
            (-100_000, 800_000, |m, v| m.altitude_cm = Some(v)),
            (0, 16_382, |m, v| m.speed = Some(v as u32)),
            (0, 3_599, |m, v| m.heading = Some(v as u32)),
            (-160, 160, |m, v| m.acceleration = Some(v)),
            (-32_766, 32_766, |m, v| m.yaw_rate = Some(v)),
            (-1_023, 1_022, |m, v| m.curvature = Some(v)),
            (-511, 511, |m, v| m.steering_angle = Some(v)),
            (0, 0x7f, |m, v| m.control_flags = Some(v as u32)),
            (1, 60_000, |m, v| m.beacon_interval_ms = Some(v as u32)),
            (0, 10_000, |m, v| m.position_age_ms = Some(v as u32)),
            (0, 0xff, |m, v| m.exterior_lights = Some(v as u32)),
            (0, 0x0f, |m, v| m.doors_open = Some(v as u32)),
            (1, 1_022, |m, v| m.length = Some(v as u32)),
            (1, 61, |m, v| m.width = Some(v as u32)),
            (-131_071, 131_071, |m, v| {
                (m.path_delta_latitude, m.path_delta_longitude) = (vec![v, 0], vec![0, v]);
                m.path_delta_time = vec![1, 65_535];
            }),
        ];
        for (place, (low, high, set)) in fields.into_iter().enumerate() {
            for value in [low - 1, low, high, high + 1] {
                let mut message = v1::Awareness::default();
                set(&mut message, value);
                let bytes = message.encode_to_vec();
                assert_eq!(Beacon::read(&bytes), decoded(&bytes), "field {place}, value {value}");
            }
        }
    }

    #[test]
    fn unequal_or_long_columns_are_left_to_the_full_decoder() {
        let path = |latitudes: usize, longitudes: usize| v1::Awareness {
            path_delta_latitude: vec![1; latitudes],
            path_delta_longitude: vec![1; longitudes],
            path_delta_time: vec![1; latitudes],
            ..Default::default()
        };
        for (message, good) in [(path(23, 23), true), (path(24, 24), false), (path(3, 2), false)] {
            assert_eq!(Beacon::read(&message.encode_to_vec()).is_some(), good);
        }
    }
}
