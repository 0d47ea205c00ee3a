//! Contention-based forwarding (EN 302 636-4-1 annex F.3), with the cancellation rules it lacks: how long a forwarder
//! waits, and whose copy makes its own unnecessary.
//!
//! The farther a station is from the last transmitter, the sooner it answers. A copy heard meanwhile cancels only if
//!
//! 1. its remaining hops are those of a forwarder, where hops end the flood: an attacker that repeats the packet with its
//!    hops used up would else end it ("intra-area blockage", Liu, Shekhar and Peng, DSN 2023, doi 10.1109/DSN58367.2023.00018), and
//! 2. its transmitter is a verified neighbour that is farther along than this station, on the same side: then it reaches
//!    the stations that this one would.
//!
//! Farther along means from the last transmitter. A station closer to the source than that is behind the wave, and one
//! that does not know the last transmitter cannot tell: for them it means from the source, whose place is signed.
//!
//! None of this is proof: names, addresses and hops of a copy are not signed. What a copy ends, the forwarder begins
//! again when there is evidence against it.

use core::time::Duration;

use crate::base::{Plane, Position};

/// Where a station stands in a flood.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The plane about its own position.
    pub here: &'a Plane,
    /// Where the message was generated.
    pub source: Position,
    /// Where the station it came from was; `None` when that is not a verified neighbour.
    pub previous: Option<Position>,
    /// Remaining hops it came with.
    pub remaining_hops: u8,
    /// A signed area ends the flood, and used-up hops end nothing.
    pub bounded: bool,
}

/// A heard copy of a known flood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardCopy {
    /// Its remaining hops.
    pub remaining_hops: u8,
    /// Where its transmitter is; `None` when that is not a verified neighbour sending from its own address.
    pub transmitter: Option<Position>,
}

/// The window in which forwarders answer one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContentionWindow {
    /// Shortest wait.
    pub min: Duration,
    /// Longest wait, and that of a station that does not know where the frame came from.
    pub max: Duration,
    /// From this distance on the wait is the shortest, m.
    pub distance_m: f32,
}

impl ContentionWindow {
    /// The wait at `distance_m` from the last transmitter (annex F.3, equation of `TO_CBF`).
    #[must_use]
    pub fn wait(&self, distance_m: Option<f32>) -> Duration {
        let Some(distance_m) = distance_m else { return self.max };
        let share = f64::from((distance_m / self.distance_m).clamp(0.0, 1.0));
        let span = self.max.saturating_sub(self.min).as_nanos() as f64;
        self.max - Duration::from_nanos((span * share) as u64)
    }
}

/// The window for a station with this many neighbours: short where few compete, so that a sparse chain is fast; long
/// where many do, so that few answer at once.
#[must_use]
pub fn window(neighbours: usize, reach_m: f32) -> ContentionWindow {
    let millis = (neighbours as u64).clamp(MIN_WINDOW_MS, MAX_WINDOW_MS);
    ContentionWindow { min: MIN_WAIT, max: Duration::from_millis(millis), distance_m: reach_m * REACH_SHARE }
}

/// Whether a copy heard while waiting makes ours unnecessary.
#[must_use]
pub fn cancels(place: &Place<'_>, copy: &HeardCopy) -> bool {
    (place.bounded || plausible_hops(place.remaining_hops, copy.remaining_hops))
        && copy.transmitter.is_some_and(|transmitter| covers(place, transmitter))
}

/// Whether remaining hops are those of a copy that goes on: at most two transmissions behind ours.
#[must_use]
pub fn plausible_hops(own: u8, copy: u8) -> bool {
    copy > 1 && copy.saturating_add(2) >= own
}

/// Whether `transmitter` reaches the stations that this one would.
fn covers(place: &Place<'_>, transmitter: Position) -> bool {
    let to_source = place.here.distance_2(place.source).sqrt();
    let behind = |previous: &Position| to_source < previous.distance_m(place.source);
    let from = place.previous.filter(|previous| !behind(previous)).unwrap_or(place.source);
    // From there, to us and to the other one.
    let (east, north) = place.here.offset(from);
    let (own_east, own_north) = (-east, -north);
    let (east, north) = place.here.offset(transmitter);
    let (other_east, other_north) = (east + own_east, north + own_north);
    let own = own_east.hypot(own_north);
    let other = other_east.hypot(other_north);
    let same_side = own_east * other_east + own_north * other_north > 0.0;
    same_side && other + TIE_M >= own
}

const MIN_WAIT: Duration = Duration::from_millis(1);

/// The longest wait, 1 ms for each neighbour in range between these bounds: fast where few compete, few simultaneous
/// answers where many do.
const MIN_WINDOW_MS: u64 = 20;

const MAX_WINDOW_MS: u64 = 60;

/// The window ends a little beyond the measured reach, so that the farthest stations do not all answer at once.
const REACH_SHARE: f32 = 1.2;

/// A station that is this much less far along counts as equally far: positions are good to some metres, and
/// extrapolated.
const TIE_M: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn east(metres: f64) -> Position {
        SOURCE.moved(metres, 0.0)
    }

    fn cancelled(own: f64, previous: Option<f64>, copy: f64, hops: u8) -> bool {
        let here = Plane::at(east(own));
        let previous = previous.map(east);
        let place = Place { here: &here, source: SOURCE, previous, remaining_hops: 10, bounded: false };
        cancels(&place, &HeardCopy { remaining_hops: hops, transmitter: Some(east(copy)) })
    }

    #[test]
    fn the_farther_the_sooner_and_the_unknown_last() {
        let window = ContentionWindow {
            min: Duration::from_millis(1),
            max: Duration::from_millis(100),
            distance_m: 1000.0,
        };
        let ms = |distance| window.wait(distance).as_millis();
        assert_eq!(ms(Some(0.0)), 100);
        assert_eq!(ms(Some(500.0)), 50);
        assert_eq!([ms(Some(1000.0)), ms(Some(5000.0))], [1, 1]);
        assert_eq!([ms(None), ms(Some(f32::NAN))], [100, 100]);
    }

    #[test]
    fn who_is_farther_along_silences_and_who_is_not_does_not() {
        assert!(cancelled(500.0, Some(300.0), 580.0, 9));
        assert!(!cancelled(500.0, Some(300.0), 400.0, 9));
        assert!(cancelled(500.0, Some(300.0), 490.0, 9), "a tie");
    }

    #[test]
    fn who_goes_the_other_way_does_not_silence() {
        assert!(!cancelled(-50.0, Some(0.0), 290.0, 9));
        assert!(cancelled(-50.0, Some(0.0), -200.0, 9));
    }

    #[test]
    fn whoever_is_behind_the_wave_is_silenced_by_whoever_is_farther_from_the_source() {
        for previous in [Some(300.0), None] {
            assert!(cancelled(200.0, previous, 580.0, 9));
            assert!(cancelled(200.0, previous, 250.0, 9));
            assert!(!cancelled(200.0, previous, 100.0, 9));
            assert!(!cancelled(200.0, previous, -250.0, 9));
        }
    }

    #[test]
    fn used_up_hops_do_not_silence() {
        for hops in 0..=7 {
            assert!(!cancelled(500.0, Some(300.0), 580.0, hops), "{hops} of 10");
            let here = Plane::at(east(500.0));
            let previous = Some(east(300.0));
            let place = Place { here: &here, source: SOURCE, previous, remaining_hops: 10, bounded: true };
            let copy = HeardCopy { remaining_hops: hops, transmitter: Some(east(580.0)) };
            assert!(cancels(&place, &copy), "who hears that copy sends it on all the same");
        }
        for hops in 8..=10 {
            assert!(cancelled(500.0, Some(300.0), 580.0, hops), "{hops} of 10");
        }
    }

    #[test]
    fn a_stranger_does_not_silence() {
        let here = Plane::at(east(500.0));
        let previous = Some(east(300.0));
        let place = Place { here: &here, source: SOURCE, previous, remaining_hops: 10, bounded: true };
        assert!(!cancels(&place, &HeardCopy { remaining_hops: 9, transmitter: None }));
    }

    #[test]
    fn the_window_follows_the_number_of_competitors() {
        let max = |neighbours| window(neighbours, 300.0).max.as_millis();
        assert_eq!([max(0), max(35), max(900)], [20, 35, 60]);
    }

    proptest! {
        #[test]
        fn a_wait_lies_in_its_window(distance in proptest::option::of(any::<f32>()), reach in 200.0f32..1000.0) {
            let window = window(40, reach);
            let wait = window.wait(distance);
            prop_assert!(window.min <= wait && wait <= window.max);
        }
    }
}
