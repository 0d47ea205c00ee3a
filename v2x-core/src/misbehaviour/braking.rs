//! Check of hard-braking warnings against the speeds that the same station states before and after.

use super::thresholds as t;

/// State for one station: its recent speeds and its last warning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Braking {
    /// Fastest recently, 0.01 m/s, and when, ms, wrapping.
    peak: u16,
    peak_ms: u32,
    /// When it warned, what it braked from, and its slowest speed since.
    warned_ms: u32,
    from: u16,
    slowest: u16,
    heard: bool,
    pending: bool,
}

impl Braking {
    /// It warns that it brakes hard. A warning while another is still being checked changes nothing.
    pub fn warns(&mut self, now_ms: u32) {
        let fresh = self.heard && now_ms.wrapping_sub(self.peak_ms) <= t::BRAKING_BEFORE_MS;
        if self.pending || !fresh {
            return;
        }
        self.pending = true;
        self.warned_ms = now_ms;
        self.from = self.peak;
        self.slowest = self.peak;
    }

    /// It states a speed, 0.01 m/s. Returns the score of the warning whose time is up, 1 when there is none.
    pub fn drives(&mut self, speed: u16, now_ms: u32) -> f32 {
        if !self.heard || speed >= self.peak || now_ms.wrapping_sub(self.peak_ms) > t::BRAKING_BEFORE_MS {
            self.heard = true;
            self.peak = speed;
            self.peak_ms = now_ms;
        }
        if !self.pending {
            return 1.0;
        }
        self.slowest = self.slowest.min(speed);
        if now_ms.wrapping_sub(self.warned_ms) < t::BRAKING_WITHIN_MS {
            return 1.0;
        }
        self.pending = false;
        t::BRAKING.score(-f32::from(self.from - self.slowest) / 100.0)
    }
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
}
