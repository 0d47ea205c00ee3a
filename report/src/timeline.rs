//! Load and misses over the time of a run, in a bounded number of steps however long the run.

use serde::{Deserialize, Serialize};

/// What happened in each step of a run, by the time at which a message was meant to be sent. The steps grow with the
/// run: there are at most [`Timeline::MAX_STEPS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Length of a step, s: 1, 2, 4 and so on.
    pub step_s: u64,
    /// Messages, all classes.
    pub sent: Vec<u64>,
    /// Pairs of a message with a deadline and a station it was meant for.
    pub expected: Vec<u64>,
    /// Of them: not delivered in time.
    pub missed: Vec<u64>,
    /// How long stations heard the channel busy with others' frames, all together, or a live station found it busy, ns; empty
    /// where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_busy_ns: Vec<u64>,
    /// How long stations listened, all together, ns; empty likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listened_ns: Vec<u64>,
}

impl Timeline {
    /// A step has at least a pixel of a page.
    pub const MAX_STEPS: usize = 600;

    /// Nothing happened yet.
    pub fn new() -> Self {
        Self {
            step_s: 1,
            sent: Vec::new(),
            expected: Vec::new(),
            missed: Vec::new(),
            channel_busy_ns: Vec::new(),
            listened_ns: Vec::new(),
        }
    }

    /// Counts messages, and what became of them, `at_ns` after the start of the run.
    pub fn add(&mut self, at_ns: u64, sent: u64, expected: u64, missed: u64) {
        let step = self.step(at_ns / 1_000_000_000);
        self.sent[step] += sent;
        self.expected[step] += expected;
        self.missed[step] += missed;
    }

    /// Counts how long stations heard the channel busy, and how long they listened, from `at_ns` after the start of the run on.
    pub fn add_channel(&mut self, at_ns: u64, busy_ns: u64, listened_ns: u64) {
        let step = self.step(at_ns / 1_000_000_000);
        for (counts, more_ns) in [(&mut self.channel_busy_ns, busy_ns), (&mut self.listened_ns, listened_ns)]
        {
            if counts.len() <= step {
                counts.resize(step + 1, 0);
            }
            counts[step] = counts[step].saturating_add(more_ns);
        }
    }

    /// The share of the time that stations heard the channel busy in a step; `None` where that is not known.
    pub fn channel_busy(&self, step: usize) -> Option<f64> {
        let listened_ns = *self.listened_ns.get(step).filter(|ns| **ns > 0)?;
        Some((*self.channel_busy_ns.get(step)? as f64 / listened_ns as f64).min(1.0))
    }

    /// Adds what happened in another run, as if both had started together.
    pub fn merge(&mut self, other: &Self) {
        for (index, ((sent, expected), missed)) in
            other.sent.iter().zip(&other.expected).zip(&other.missed).enumerate()
        {
            let at_ns = (index as u64).saturating_mul(other.step_s).saturating_mul(1_000_000_000);
            self.add(at_ns, *sent, *expected, *missed);
        }
        for (index, (busy_ns, listened_ns)) in
            other.channel_busy_ns.iter().zip(&other.listened_ns).enumerate()
        {
            let at_ns = (index as u64).saturating_mul(other.step_s).saturating_mul(1_000_000_000);
            self.add_channel(at_ns, *busy_ns, *listened_ns);
        }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.sent.iter().chain(&self.expected).all(|count| *count == 0)
    }

    /// The step of a second of the run; makes room for it.
    fn step(&mut self, second: u64) -> usize {
        while second / self.step_s >= Self::MAX_STEPS as u64 {
            self.step_s = self.step_s.saturating_mul(2);
            let Self { sent, expected, missed, channel_busy_ns, listened_ns, .. } = self;
            for counts in [sent, expected, missed, channel_busy_ns, listened_ns] {
                *counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
            }
        }
        let step = (second / self.step_s) as usize;
        if step >= self.sent.len() {
            for counts in [&mut self.sent, &mut self.expected, &mut self.missed] {
                counts.resize(step + 1, 0);
            }
        }
        step
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn each_second_of_a_short_run_has_its_step() {
        let mut timeline = Timeline::new();
        timeline.add(SECOND - 1, 1, 10, 0);
        timeline.add(SECOND, 1, 10, 3);
        timeline.add(3 * SECOND, 1, 10, 1);
        assert_eq!(
            (timeline.step_s, timeline.sent, timeline.missed),
            (1, vec![1, 1, 0, 1], vec![0, 3, 0, 1])
        );
    }

    #[test]
    fn a_month_has_no_more_steps_than_ten_minutes_and_loses_nothing() {
        let mut timeline = Timeline::new();
        for hour in 0..720 {
            timeline.add(hour * 3600 * SECOND, 2, 3, 1);
        }
        timeline.add(u64::MAX, 1, 0, 0);
        assert!(timeline.sent.len() <= Timeline::MAX_STEPS && timeline.step_s.is_power_of_two());
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        assert_eq!((sum(&timeline.sent), sum(&timeline.expected), sum(&timeline.missed)), (1441, 2160, 720));
    }

    #[test]
    fn the_channel_is_busy_for_a_share_of_the_time_that_stations_listened() {
        let mut timeline = Timeline::new();
        timeline.add_channel(0, 30, 100);
        timeline.add_channel(SECOND, 20, 0);
        assert_eq!([0, 1, 2].map(|step| timeline.channel_busy(step)), [Some(0.3), None, None]);
        assert!(timeline.is_empty() && timeline.sent.len() == 2);
        timeline.add_channel(700 * SECOND, 1, 1);
        assert_eq!((timeline.step_s, timeline.channel_busy(0)), (2, Some(0.5)));
        let mut other = Timeline::new();
        other.merge(&timeline);
        assert_eq!(other, timeline);
    }

    #[test]
    fn runs_of_different_lengths_add_up() {
        let (mut short, mut long) = (Timeline::new(), Timeline::new());
        short.add(5 * SECOND, 1, 1, 1);
        long.add(5 * SECOND, 1, 1, 0);
        long.add(2000 * SECOND, 1, 1, 0);
        short.merge(&long);
        assert_eq!((short.step_s, short.sent.iter().sum::<u64>(), short.sent[1]), (4, 3, 2));
        assert!(Timeline::new().is_empty() && !short.is_empty());
    }
}
