//! How long a broker keeps a message: whole seconds, and never longer than the signature says.

use std::num::NonZeroU32;

use v2x_core::WireTime;

/// Whole seconds that are left until `end`, rounded down, so that a broker never has a message that no station would take; `None` when
/// less than one is left. 0 would mean that it is kept for ever (MQTT 5, 3.3.2.3.3).
pub fn seconds_left(end: WireTime, now: WireTime) -> Option<NonZeroU32> {
    let seconds = end.as_micros().saturating_sub(now.as_micros()) / 1_000_000;
    NonZeroU32::new(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Of an offer to meet: both dial within seconds.
pub fn offer_expiry() -> NonZeroU32 {
    const OFFER: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
    OFFER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn less_than_a_second_is_nothing_and_never_for_ever() {
        let at = WireTime::from_micros;
        let now = at(5_000_000);
        for (end, left) in
            [(0, None), (5_000_000, None), (5_999_999, None), (6_000_000, Some(1)), (7_999_999, Some(2))]
        {
            assert_eq!(seconds_left(at(end), now).map(NonZeroU32::get), left, "{end}");
        }
        assert_eq!(seconds_left(at(u64::MAX), now).map(NonZeroU32::get), Some(u32::MAX));
    }

    proptest! {
        #[test]
        fn nothing_is_kept_beyond_its_end(end: u64, now: u64) {
            if let Some(left) = seconds_left(WireTime::from_micros(end), WireTime::from_micros(now)) {
                prop_assert!(now + u64::from(left.get()) * 1_000_000 <= end);
            }
        }
    }
}
