//! Check of hard-braking warnings against the speeds that the same station states before and after.
//!
//! All times are the station's own, as signed. A warning that arrives later than the beacons after it, held back or carried
//! by others, and one around which a beacon is missing are not judged: what was not heard may have been braking.

use super::thresholds as t;

/// State for one station: its recent speeds and its last warning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Braking {
    /// Fastest recently, 0.01 m/s, and when, ms, wrapping.
    peak: u16,
    peak_ms: u32,
    /// Its newest speed.
    latest_ms: u32,
    /// When it warned, what it braked from, and its slowest speed since.
    warned_ms: u32,
    from: u16,
    slowest: u16,
    heard: bool,
    pending: bool,
}

impl Braking {
    /// It warns at `at_ms` that it brakes hard. A warning while another is still being checked changes nothing.
    pub fn warns(&mut self, at_ms: u32) {
        let fresh = self.heard && at_ms.wrapping_sub(self.peak_ms) <= t::BRAKING_BEFORE_MS;
        if self.pending || !fresh || after(at_ms, self.latest_ms) < 0 {
            return;
        }
        self.pending = true;
        self.warned_ms = at_ms;
        self.from = self.peak;
        self.slowest = self.peak;
    }

    /// It states the speed that it had at `at_ms`, 0.01 m/s. Returns the score of the warning whose time is up, 1 when
    /// there is none.
    pub fn drives(&mut self, speed: u16, at_ms: u32) -> f32 {
        let gap_ms = after(at_ms, self.latest_ms);
        if self.heard && gap_ms < 0 {
            return 1.0;
        }
        if !self.heard || speed >= self.peak || after(at_ms, self.peak_ms) > t::BRAKING_BEFORE_MS as i32 {
            self.heard = true;
            self.peak = speed;
            self.peak_ms = at_ms;
        }
        self.latest_ms = at_ms;
        if self.pending && gap_ms > t::BRAKING_GAP_MS {
            self.pending = false;
        }
        if !self.pending {
            return 1.0;
        }
        self.slowest = self.slowest.min(speed);
        if after(at_ms, self.warned_ms) < t::BRAKING_WITHIN_MS as i32 {
            return 1.0;
        }
        self.pending = false;
        t::BRAKING.score(-f32::from(self.from - self.slowest) / 100.0)
    }
}

/// How long after `other` a time is, ms: negative before it. Both wrap.
fn after(time: u32, other: u32) -> i32 {
    time.wrapping_sub(other) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scores of a station that warns at 3 s and states these speeds every 100 ms.
    fn worst(speed: impl Fn(f32) -> f32) -> f32 {
        let mut braking = Braking::default();
        (0..80u32)
            .map(|n| {
                if n == 30 {
                    braking.warns(n * 100 - 50);
                }
                braking.drives((speed(n as f32 / 10.0) * 100.0) as u16, n * 100)
            })
            .fold(1.0, f32::min)
    }

    #[test]
    fn who_warns_and_drives_on_is_found() {
        assert_eq!(worst(|_| 14.0), 0.0);
        assert_eq!(worst(|s| 14.0 + s), 0.0);
        assert_eq!(worst(|_| 0.0), 0.0, "stands all the time");
    }

    #[test]
    fn who_brakes_is_believed_however_late_it_warns_and_however_soon_it_lets_go() {
        assert_eq!(worst(|s| 70.0 - 8.0 * (s - 3.0).max(0.0)), 1.0, "70 m/s on a motorway");
        assert_eq!(worst(|s| (20.0 - 8.0 * (s - 0.6).max(0.0)).max(0.0)), 1.0, "warns when it nearly stands");
        assert_eq!(worst(|s| 14.0 - 5.0 * (s - 3.2).clamp(0.0, 0.5)), 1.0, "brakes for half a second");
        assert_eq!(worst(|s| (6.0 - 6.0 * (s - 3.9).max(0.0)).max(0.0)), 1.0, "a fix a second is late");
    }

    #[test]
    fn who_does_not_warn_or_was_not_heard_before_is_not_judged() {
        let mut braking = Braking::default();
        braking.warns(100);
        assert!((0..50u32).all(|n| braking.drives(1400, 200 + n * 100) == 1.0));
    }

    /// The score of a real braking, 14 m/s to 8 m/s and back, of which the listener misses the beacons from 3 s to
    /// `deaf_s` and gets the warning `late_ms` late.
    fn heard_in_part(deaf_s: f32, late_ms: u32) -> f32 {
        let mut braking = Braking::default();
        let mut worst: f32 = 1.0;
        for n in 0..120u32 {
            let s = n as f32 / 10.0;
            let speed = 14.0 - 6.0 * (1.0 - ((s - 3.0) - 0.75).abs() / 0.75).max(0.0);
            if n * 100 == 3000 + late_ms {
                braking.warns(2950);
            }
            if !(3.0..deaf_s).contains(&s) {
                worst = worst.min(braking.drives((speed * 100.0) as u16, n * 100));
            }
        }
        worst
    }

    #[test]
    fn a_warning_that_was_held_back_is_not_held_against_its_signer() {
        for late_ms in [0, 200, 600, 1200, 1500, 1900, 2500, 5000] {
            assert_eq!(heard_in_part(0.0, late_ms), 1.0, "{late_ms} ms");
        }
    }

    #[test]
    fn nobody_is_blamed_for_braking_that_was_not_heard() {
        assert_eq!(heard_in_part(4.5, 0), 1.0);
    }

    #[test]
    fn beacons_that_overtake_each_other_change_nothing() {
        let mut braking = Braking::default();
        for (speed, at_ms) in
            [(1400, 1000), (1400, 1200), (1400, 1100), (900, 1500), (1200, 1300), (900, 4000)]
        {
            assert_eq!(braking.drives(speed, at_ms), 1.0);
            braking.warns(1250);
        }
    }
}
