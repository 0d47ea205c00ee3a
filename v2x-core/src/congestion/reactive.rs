//! The reactive table: how long a station is silent after a frame, by how busy the channel is.
//!
//! ETSI TS 102 687 V1.2.1, annex A: table A.1 for frames of up to a millisecond, table A.2 for those of up to half of
//! that. Each update goes one state up or down at most. The cap of the power is ours, in the manner of SAE J2945/1,
//! which goes from 20 to 10 dBm between busy ratios of 0.5 and 0.8.

use core::time::Duration;

/// The states of both tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReactiveTable {
    long: usize,
    short: usize,
}

impl ReactiveTable {
    /// The channel was busy for this share of time, 0..=1: one step towards the state that belongs to it.
    pub fn update(&mut self, busy: f64) {
        let step = |state: usize, limits: &[f64; STATES - 1]| {
            let wanted = limits.iter().filter(|limit| busy >= **limit).count();
            match wanted.cmp(&state) {
                core::cmp::Ordering::Less => state - 1,
                core::cmp::Ordering::Equal => state,
                core::cmp::Ordering::Greater => state + 1,
            }
        };
        self.long = step(self.long, &LONG_LIMITS);
        self.short = step(self.short, &SHORT_LIMITS);
    }

    /// How long the station is silent after a frame of this airtime. Longer frames than the tables know wait in
    /// proportion.
    pub fn silence(&self, airtime: Duration) -> Duration {
        if airtime <= SHORT {
            return Duration::from_millis(SHORT_MS[self.short]);
        }
        let silence = Duration::from_millis(LONG_MS[self.long]);
        if airtime <= LONG { silence } else { silence.mul_f64(airtime.as_secs_f64() / LONG.as_secs_f64()) }
    }

    /// The state, 0 (relaxed) to 4 (restrictive).
    pub fn state(&self) -> usize {
        self.long
    }

    /// The most power to send with in this state, dBm; `None`: what the link is set to.
    pub fn power_cap_dbm(&self) -> Option<i8> {
        POWER_DBM[self.long]
    }
}

/// States of a table.
pub const STATES: usize = 5;
const LONG: Duration = Duration::from_millis(1);
const LONG_LIMITS: [f64; STATES - 1] = [0.30, 0.40, 0.50, 0.60];
const LONG_MS: [u64; STATES] = [100, 200, 400, 500, 1000];
const SHORT: Duration = Duration::from_micros(500);
const SHORT_LIMITS: [f64; STATES - 1] = [0.30, 0.40, 0.50, 0.65];
const SHORT_MS: [u64; STATES] = [50, 100, 200, 250, 1000];
const POWER_DBM: [Option<i8>; STATES] = [None, None, None, Some(20), Some(17)];

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(busy: f64) -> ReactiveTable {
        let mut table = ReactiveTable::default();
        (0..STATES).for_each(|_| table.update(busy));
        table
    }

    #[test]
    fn each_busy_ratio_has_its_silence() {
        let silences = |airtime_us| {
            [0.1, 0.3, 0.4, 0.5, 0.6, 0.7]
                .map(|busy| settled(busy).silence(Duration::from_micros(airtime_us)).as_millis())
        };
        assert_eq!(silences(900), [100, 200, 400, 500, 1000, 1000]);
        assert_eq!(silences(500), [50, 100, 200, 250, 250, 1000]);
        assert_eq!(silences(2_000)[0], 200, "twice as long as the table knows");
    }

    #[test]
    fn an_update_goes_one_state_at_most() {
        let mut table = ReactiveTable::default();
        let mut states = |busy| {
            table.update(busy);
            table.state()
        };
        assert_eq!([0.9; 6].map(&mut states), [1, 2, 3, 4, 4, 4]);
        assert_eq!([0.0; 6].map(&mut states), [3, 2, 1, 0, 0, 0]);
    }
}
