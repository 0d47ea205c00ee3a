//! Measured radio reach: how far stations are heard here, learned from beacons received straight from their senders.

/// The 95th percentile of the distances from which beacons are received, m.
///
/// A running quantile: each beacon moves it a little up when it came from beyond, a nineteenth of that down when from
/// within. A station that lies about its position moves it by its share of the beacons; the value in use is bounded.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    quantile_m: f32,
    beacons: u32,
}

impl Default for Reach {
    fn default() -> Self {
        Self { quantile_m: START_M, beacons: 0 }
    }
}

impl Reach {
    /// A beacon was heard straight from a station this far away, m.
    pub fn heard(&mut self, distance_m: f32) {
        // Large steps at first, small ones once it has settled.
        let step = (FIRST_STEP_M / (1.0 + self.beacons as f32 / 64.0)).max(LAST_STEP_M);
        self.beacons = self.beacons.saturating_add(1);
        let moved = if distance_m > self.quantile_m { 0.95 * step } else { -0.05 * step };
        self.quantile_m = (self.quantile_m + moved).clamp(MIN_M, MAX_M);
    }

    /// The distance from which on a forwarder answers at once (DIST_MAX of EN 302 636-4-1 annex F.3), m.
    #[must_use]
    pub fn metres(&self) -> f32 {
        self.quantile_m
    }
}

/// Before anything was heard: the range of 23 dBm at 6 Mb/s between vehicles.
const START_M: f32 = 400.0;

const FIRST_STEP_M: f32 = 40.0;

const LAST_STEP_M: f32 = 4.0;

/// Shorter distances mean that traffic is dense, not that the radio is short: 200 m is what buildings leave of it.
const MIN_M: f32 = 200.0;

/// The standard's constant for it (`itsGnDefaultMaxCommunicationRange`): no station waits longer than by it.
const MAX_M: f32 = 1000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn after(distances: impl Iterator<Item = f32>) -> f32 {
        let mut reach = Reach::default();
        distances.for_each(|metres| reach.heard(metres));
        reach.metres()
    }

    #[test]
    fn it_settles_at_the_distance_that_one_beacon_in_twenty_exceeds() {
        let even = |n: u32| (0..n).map(|n| (n * 7919 % 1000) as f32 * 0.6);
        let metres = after(even(20_000));
        assert!((metres - 570.0).abs() < 25.0, "{metres}");
    }

    #[test]
    fn it_stays_within_bounds_whatever_is_heard() {
        assert_eq!(after(core::iter::repeat_n(5.0, 10_000)), MIN_M);
        assert_eq!(after(core::iter::repeat_n(1e9, 10_000)), MAX_M);
        assert!(after(core::iter::repeat_n(f32::NAN, 10)).is_finite());
    }
}
