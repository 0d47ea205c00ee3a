//! Freshness rules: how old a message may be, per deadline class, and how long it may claim to live.
//!
//! A message is accepted when its generation time is at most [`FUTURE`] ahead of the receiver's clock, at most
//! [`FreshnessWindow::past`] behind it, and its signed expiry (generation time + lifetime) has not passed. All
//! arithmetic saturates: times and lifetimes come from the air.

use v2x_proto::Class;

use crate::base::{DropReason, WireTime};

/// The bounds of one class, all in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessWindow {
    /// Oldest accepted age of a message.
    pub past: u64,
    /// Longest accepted lifetime.
    pub lifetime: u64,
}

/// How far ahead of the receiver's clock a generation time may lie: 220 ms in microseconds.
///
/// Source: basic system profile of the Car 2 Car Communication Consortium.
pub const FUTURE: u64 = 220_000;

/// The window of `class`.
#[must_use]
pub const fn window(class: Class) -> FreshnessWindow {
    WINDOWS[class as usize]
}

/// The longest lifetime a message of `class` may carry, in milliseconds.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "the longest window is 600,000 ms")]
pub const fn max_lifetime_ms(class: Class) -> u32 {
    (window(class).lifetime / 1000) as u32
}

/// The wire time from which a message generated at `generation` is refused whatever its lifetime.
///
/// This is how long its sequence number must be remembered. It does not use the signed lifetime:
/// later copies are refused by the window even if the lifetime was forgotten.
#[must_use]
pub const fn refused_from(class: Class, generation: WireTime) -> WireTime {
    WireTime::from_micros(generation.as_micros().saturating_add(window(class).past).saturating_add(1))
}

/// Decides whether a message of `class` is fresh at `now`.
///
/// # Errors
///
/// [`DropReason::BadLifetime`] when the lifetime is zero or above the cap of the class, [`DropReason::FromFuture`]
/// and [`DropReason::Stale`] when the generation time lies outside the window or the signed expiry is over.
pub fn check(now: WireTime, class: Class, generation: WireTime, lifetime_ms: u32) -> Result<(), DropReason> {
    let window = window(class);
    let lifetime = u64::from(lifetime_ms) * 1000;
    if lifetime == 0 || lifetime > window.lifetime {
        return Err(DropReason::BadLifetime);
    }
    if generation.as_micros() > now.as_micros().saturating_add(FUTURE) {
        return Err(DropReason::FromFuture);
    }
    let age = now.as_micros().saturating_sub(generation.as_micros());
    if age > window.past || age > lifetime {
        return Err(DropReason::Stale);
    }
    Ok(())
}

const MS: u64 = 1000;

const S: u64 = 1_000_000;

/// Ages: after a few deadlines a message is of no use (D0, D1); the next beacon has been sent (D2, D4; the C2C profile
/// takes 2 s, which is longer than any beacon interval); the longest packet lifetime of EN 302 636-4-1,
/// itsGnMaxPacketLifetime = 600 s (D3); the generation time tolerance of 5 min in ETSI's security test purposes (D5).
/// Lifetimes: no longer than the accepted age.
const WINDOWS: [FreshnessWindow; 6] = [
    FreshnessWindow { past: 100 * MS, lifetime: 100 * MS },
    FreshnessWindow { past: 500 * MS, lifetime: 500 * MS },
    FreshnessWindow { past: S, lifetime: S },
    FreshnessWindow { past: 600 * S, lifetime: 600 * S },
    FreshnessWindow { past: S, lifetime: S },
    FreshnessWindow { past: 300 * S, lifetime: 300 * S },
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: WireTime = WireTime::from_micros(600_000_000_000_000);

    fn at_age(class: Class, age_us: i64) -> Result<(), DropReason> {
        let generation = WireTime::from_micros(NOW.as_micros().saturating_add_signed(-age_us));
        check(NOW, class, generation, max_lifetime_ms(class))
    }

    #[test]
    fn each_class_has_its_own_window() {
        let oldest = [100_000, 500_000, 1_000_000, 600_000_000, 1_000_000, 300_000_000];
        for (class, oldest) in Class::ALL.into_iter().zip(oldest) {
            assert_eq!(at_age(class, oldest), Ok(()), "{class:?}");
            assert_eq!(at_age(class, oldest + 1), Err(DropReason::Stale), "{class:?}");
            assert_eq!(at_age(class, -220_000), Ok(()), "{class:?}");
            assert_eq!(at_age(class, -220_001), Err(DropReason::FromFuture), "{class:?}");
        }
    }

    #[test]
    fn the_signed_expiry_ends_every_class() {
        for class in Class::ALL {
            let generation = WireTime::from_micros(NOW.as_micros() - 50_001);
            assert_eq!(check(NOW, class, generation, 50), Err(DropReason::Stale), "{class:?}");
            assert_eq!(check(NOW, class, generation, 51), Ok(()), "{class:?}");
        }
    }

    #[test]
    fn lifetimes_are_capped_per_class() {
        for class in Class::ALL {
            let longest = max_lifetime_ms(class);
            assert_eq!(check(NOW, class, NOW, longest), Ok(()));
            assert_eq!(check(NOW, class, NOW, longest + 1), Err(DropReason::BadLifetime));
            assert_eq!(check(NOW, class, NOW, 0), Err(DropReason::BadLifetime));
        }
    }

    proptest! {
        #[test]
        fn hostile_times_never_panic_and_what_is_refused_stays_refused(
            now: u64, later: u64, generation: u64, lifetime_ms: u32, class in 0_usize..6,
        ) {
            let class = Class::ALL[class];
            let generation = WireTime::from_micros(generation);
            let fresh = check(WireTime::from_micros(now), class, generation, lifetime_ms).is_ok();
            let end = refused_from(class, generation).as_micros();
            if end < u64::MAX {
                prop_assert!(!fresh || now < end);
                let after = WireTime::from_micros(end.saturating_add(later));
                prop_assert!(check(after, class, generation, lifetime_ms).is_err());
            }
        }
    }
}
