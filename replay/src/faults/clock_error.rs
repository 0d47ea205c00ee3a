//! Stations whose clock is wrong.

use super::members::Chosen;

/// One fault of clocks.
#[derive(Clone, Debug)]
pub(crate) struct ClockError {
    pub(crate) who: Chosen,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) offset_ns: i64,
    pub(crate) drift_ppm: f64,
    /// When its host notices, ns.
    pub(crate) noticed_ns: Option<u64>,
}

impl ClockError {
    /// How far the clock of one of its stations is ahead, ns.
    pub(crate) fn ahead_ns(&self, now_ns: u64) -> i64 {
        if !(self.from_ns..self.to_ns).contains(&now_ns) {
            return 0;
        }
        self.offset_ns + ((now_ns - self.from_ns) as f64 * self.drift_ppm / 1e6) as i64
    }

    /// Whether the host of one of its stations knows that the clock is wrong.
    pub(crate) fn is_noticed(&self, now_ns: u64) -> bool {
        self.noticed_ns.is_some_and(|at_ns| (at_ns..self.to_ns).contains(&now_ns))
    }

    /// When the host says anew what time it is, ns: when that is wrong from then on, once a second where it drifts, when it is
    /// noticed, and when it is right again.
    pub(crate) fn next_ns(&self, now_ns: u64) -> Option<u64> {
        if now_ns >= self.to_ns {
            return None;
        }
        let drifts = (self.drift_ppm != 0.0).then(|| now_ns + TICK_NS);
        let times = [drifts, self.noticed_ns.filter(|at_ns| *at_ns > now_ns), Some(self.to_ns)];
        times.into_iter().flatten().min()
    }
}

/// A host disciplines its clock about so often.
const TICK_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_by_its_step_and_its_drift_and_right_before_and_after() {
        let error = ClockError {
            who: Chosen::All,
            from_ns: 10_000_000_000,
            to_ns: 30_000_000_000,
            offset_ns: -5_000_000,
            drift_ppm: 100.0,
            noticed_ns: Some(12_500_000_000),
        };
        let ahead = [9, 10, 20, 30].map(|s| error.ahead_ns(s * 1_000_000_000));
        assert_eq!(ahead, [0, -5_000_000, -4_000_000, 0]);
        assert_eq!(error.next_ns(10_000_000_000), Some(11_000_000_000));
        assert_eq!(error.next_ns(12_000_000_000), Some(12_500_000_000));
        assert_eq!(
            (error.next_ns(29_500_000_000), error.next_ns(30_000_000_000)),
            (Some(30_000_000_000), None)
        );
        let noticed = [12, 13, 29, 30].map(|s| error.is_noticed(s * 1_000_000_000));
        assert_eq!(noticed, [false, true, true, false]);
    }
}
