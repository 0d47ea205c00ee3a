//! Maps of intersections, cut into fragments that fit a frame (SAE J2735: layer and part of a MAP).

use prost::Message as _;
use v2x_proto::v1;

/// Cuts `map` into as many fragments as it takes, each with all but the lanes of the others; `None` when there would
/// be too many.
pub fn fragments(map: v1::IntersectionMap) -> Option<Vec<v1::IntersectionMap>> {
    let head = v1::IntersectionMap { lanes: Vec::new(), fragments: MOST_FRAGMENTS as u32, ..map.clone() };
    // The fragment's own number is not in yet.
    let empty = head.encoded_len() + 2;
    let mut fragments = vec![head.clone()];
    let mut room = LONGEST - empty;
    for lane in map.lanes {
        let length = lane.encoded_len();
        let length = 1 + prost::length_delimiter_len(length) + length;
        let last = fragments.last_mut()?;
        if length > room || last.lanes.len() >= MOST_LANES {
            if fragments.len() == MOST_FRAGMENTS {
                return None;
            }
            room = LONGEST - empty;
            fragments.push(head.clone());
        }
        room = room.checked_sub(length)?;
        fragments.last_mut()?.lanes.push(lane);
    }
    let count = fragments.len() as u32;
    for (number, fragment) in (0..).zip(&mut fragments) {
        (fragment.fragment, fragment.fragments) = (number, count);
    }
    Some(fragments)
}

/// `v2x.v1.IntersectionMap` allows at most this.
pub const MOST_FRAGMENTS: usize = 16;
/// Bytes of an encoded fragment: leaves a frame room for all around it, the unit's credential too.
pub const LONGEST: usize = 960;
/// Lanes `v2x.v1.IntersectionMap` allows.
const MOST_LANES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lane(number: u32, points: usize) -> v1::Lane {
        v1::Lane {
            lane: number,
            delta_east_cm: vec![-32_768; points],
            delta_north_cm: vec![7; points],
            ..v1::Lane::default()
        }
    }

    proptest! {
        #[test]
        fn fragments_hold_every_lane_once_in_order_and_fit(points in prop::collection::vec(2usize..64, 0..256)) {
            let lanes: Vec<_> = points.iter().zip(1..).map(|(points, number)| lane(number, *points)).collect();
            let reference = Some(v1::Position { latitude: -1, longitude: -1, altitude_cm: Some(-1) });
            let map = v1::IntersectionMap {
                intersection_id: 65_535, region_id: 65_535, revision: 127, reference, speed_limit: Some(16_382),
                lanes: lanes.clone(), ..v1::IntersectionMap::default()
            };
            let Some(fragments) = fragments(map) else {
                prop_assert!(lanes.iter().map(|lane| lane.encoded_len() + 3).sum::<usize>() > 8 * LONGEST);
                return Ok(());
            };
            for fragment in &fragments {
                prop_assert!(fragment.encoded_len() <= LONGEST);
                v2x_proto::payload::Message::from(fragment.clone()).check().unwrap();
            }
            let all: Vec<_> = fragments.into_iter().flat_map(|fragment| fragment.lanes).collect();
            prop_assert_eq!(all, lanes);
        }
    }
}
