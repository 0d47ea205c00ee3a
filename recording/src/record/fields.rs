//! The fields that recorded inputs are made of, and the versions of their layout.

use bytes::Bytes;
use v2x_core::{Recipients, limits};
use v2x_proto::{AreaView, Digest, Shape, v1};

/// Version of the recording's layout: what is written.
pub const VERSION: u32 = 7;

/// The oldest layout that is still read: up to [`VERSION`] each only adds to the one before.
pub const OLDEST_VERSION: u32 = 3;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record of layout version {VERSION}: {0}")]
pub struct RecordError(pub &'static str);

pub(super) fn encode_area(area: &AreaView) -> v1::Area {
    v1::Area {
        latitude: area.latitude,
        longitude: area.longitude,
        shape: area.shape as i32,
        distance_a_m: area.distance_a_m,
        distance_b_m: area.distance_b_m,
        azimuth_deg: area.azimuth_deg,
    }
}

pub(super) fn decode_area(area: &v1::Area) -> Result<AreaView, RecordError> {
    let shape = u32::try_from(area.shape).ok().and_then(Shape::from_wire);
    Ok(AreaView {
        latitude: area.latitude,
        longitude: area.longitude,
        shape: shape.ok_or(RecordError("no such shape of area"))?,
        distance_a_m: area.distance_a_m,
        distance_b_m: area.distance_b_m,
        azimuth_deg: area.azimuth_deg,
    })
}

pub(super) fn encode_recipients(to: &Recipients) -> Bytes {
    to.stations.iter().flat_map(|station| station.0).collect()
}

pub(super) fn decode_recipients(stations: &[u8], required: bool) -> Result<Recipients, RecordError> {
    let (digests, rest) = stations.as_chunks::<8>();
    if !rest.is_empty() || digests.len() > limits::MAX_RECIPIENTS {
        return Err(RecordError("recipients are not at most 3 digests of 8 bytes"));
    }
    Ok(Recipients { stations: digests.iter().copied().map(Digest).collect(), required })
}

pub(super) fn narrow<W, N: TryFrom<W>>(
    wide: Option<W>,
    field: &'static str,
) -> Result<Option<N>, RecordError> {
    wide.map(|wide| N::try_from(wide).map_err(|_| RecordError(field))).transpose()
}
