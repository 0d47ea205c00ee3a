//! When a jammer is on, and whom it reaches.

use v2x_core::Position;

/// A jammer at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct JammerCycle {
    pub(crate) at: Position,
    pub(crate) range_m: f64,
    pub(crate) noise_dbm: f64,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) period_ns: u64,
    /// On at the start of each period, for so long.
    pub(crate) on_ns: u64,
}

impl JammerCycle {
    /// Whether it is on at some time of a frame.
    pub(crate) fn meets(&self, start_ns: u64, end_ns: u64) -> bool {
        let (start_ns, end_ns) = (start_ns.max(self.from_ns), end_ns.min(self.to_ns));
        if start_ns >= end_ns {
            return false;
        }
        let within = (start_ns - self.from_ns) % self.period_ns;
        within < self.on_ns || within + (end_ns - start_ns) > self.period_ns
    }

    /// Whether it reaches a place.
    pub(crate) fn reaches(&self, place: Position) -> bool {
        self.at.distance_m(place) <= self.range_m
    }

    /// When it goes on or off next after `now_ns`, and whether it is on then; `None` when it is off for good.
    pub(crate) fn next(&self, now_ns: u64) -> Option<(u64, bool)> {
        if now_ns < self.from_ns {
            return Some((self.from_ns, true));
        }
        if now_ns >= self.to_ns {
            return None;
        }
        let begun_ns = now_ns - (now_ns - self.from_ns) % self.period_ns;
        let off_ns = begun_ns + self.on_ns;
        let (next_ns, on) = if self.on_ns >= self.period_ns {
            (self.to_ns, false)
        } else if now_ns < off_ns {
            (off_ns, false)
        } else {
            (begun_ns + self.period_ns, true)
        };
        Some(if next_ns >= self.to_ns { (self.to_ns, false) } else { (next_ns, on) })
    }

    /// How long it was on until `end_ns`, ns.
    pub(crate) fn lasted_ns(&self, end_ns: u64) -> u64 {
        let Some(ns) = end_ns.min(self.to_ns).checked_sub(self.from_ns) else { return 0 };
        (ns / self.period_ns) * self.on_ns + (ns % self.period_ns).min(self.on_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(on_ns: u64) -> JammerCycle {
        JammerCycle {
            at: Position { latitude: 0, longitude: 0 },
            range_m: 100.0,
            noise_dbm: -75.0,
            from_ns: 1_000,
            to_ns: 2_050,
            period_ns: 100,
            on_ns,
        }
    }

    #[test]
    fn a_frame_is_met_that_is_on_the_air_while_the_jammer_is_on() {
        let jammer = cycle(20);
        for (start_ns, end_ns, met) in [
            (900, 1_000, false),
            (900, 1_001, true),
            (1_019, 1_025, true),
            (1_020, 1_100, false),
            (1_020, 1_101, true),
            (2_000, 2_400, true),
            (2_030, 2_400, false),
        ] {
            assert_eq!(jammer.meets(start_ns, end_ns), met, "{start_ns} to {end_ns}");
        }
    }

    #[test]
    fn it_goes_on_and_off_by_its_cycle_until_it_ends() {
        let times = |jammer: JammerCycle| {
            let mut now_ns = 0;
            let mut times = Vec::new();
            while let Some((at_ns, on)) = jammer.next(now_ns) {
                times.push((at_ns, on));
                now_ns = at_ns;
            }
            times
        };
        let all = times(cycle(20));
        assert_eq!(all[..4], [(1_000, true), (1_020, false), (1_100, true), (1_120, false)]);
        assert_eq!(all[all.len() - 3..], [(2_000, true), (2_020, false), (2_050, false)]);
        assert_eq!(times(cycle(100)), [(1_000, true), (2_050, false)]);
        assert_eq!(
            (cycle(20).lasted_ns(9_999), cycle(20).lasted_ns(1_110), cycle(20).lasted_ns(10)),
            (220, 30, 0)
        );
    }
}
