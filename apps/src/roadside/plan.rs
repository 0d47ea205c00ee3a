//! What the signals of an intersection show by its fixed-time plan.

use v2x_core::WireTime;
use v2x_proto::v1;

use crate::roadside::content::{Intersection, SignalGroup};

/// The state of `intersection` at `wire` by its fixed-time plan; cycles count from the wire epoch, so that
/// neighbouring units with offsets make a green wave.
pub fn signal_state(intersection: &Intersection, wire: WireTime) -> v1::SignalState {
    let groups = intersection.plan.iter().map(|group| {
        let (phase, left_ms) = phase_at(group, wire);
        let end = Some(left_ms.div_ceil(100));
        v1::SignalGroup {
            group: u32::from(group.group),
            phase: phase as i32,
            min_end: end,
            max_end: end,
            likely_end: end,
            // A fixed-time plan knows its ends.
            confidence: Some(15),
            advisory_speed: None,
        }
    });
    v1::SignalState {
        intersection_id: intersection.id,
        region_id: intersection.region,
        map_revision: intersection.revision(),
        state_time_us: wire.as_micros(),
        status: FIXED_TIME,
        groups: groups.collect(),
    }
}

/// What a group shows and for how many more milliseconds.
fn phase_at(group: &SignalGroup, wire: WireTime) -> (v1::SignalPhase, u32) {
    let cycle = u64::from(group.green_ms) + u64::from(group.yellow_ms) + u64::from(group.red_ms);
    if cycle == 0 {
        return (v1::SignalPhase::Dark, 0);
    }
    let offset = u64::from(group.offset_ms) % cycle;
    let into = (wire.as_micros() / 1000 + cycle - offset) % cycle;
    let green = u64::from(group.green_ms);
    let amber = green + u64::from(group.yellow_ms);
    let (phase, end) = if into < green {
        (v1::SignalPhase::ProtectedGo, green)
    } else if into < amber {
        (v1::SignalPhase::ProtectedClearance, amber)
    } else {
        (v1::SignalPhase::StopAndRemain, cycle)
    };
    (phase, (end - into) as u32)
}

/// Bit 5 of SAE J2735 `IntersectionStatusObject`: fixed time operation.
const FIXED_TIME: u32 = 1 << 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_shows_green_yellow_red_and_its_time_left() {
        let group = |offset_ms| SignalGroup {
            group: 1,
            green_ms: 20_000,
            yellow_ms: 3_000,
            red_ms: 27_000,
            offset_ms,
        };
        let at = |ms: u64, offset| phase_at(&group(offset), WireTime::from_micros(ms * 1000));
        assert_eq!(at(0, 0), (v1::SignalPhase::ProtectedGo, 20_000));
        assert_eq!(at(20_000, 0), (v1::SignalPhase::ProtectedClearance, 3_000));
        assert_eq!(at(49_999, 0), (v1::SignalPhase::StopAndRemain, 1));
        assert_eq!(at(50_000, 0), (v1::SignalPhase::ProtectedGo, 20_000));
        assert_eq!(at(0, 25_000), (v1::SignalPhase::StopAndRemain, 25_000));
    }
}
