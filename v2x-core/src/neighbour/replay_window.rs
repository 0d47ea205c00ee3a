//! The last 64 sequence numbers of one signer in one deadline class, as a sliding bitmap.
//!
//! Sequence numbers are compared as RFC 1982 serial numbers, so the window slides through the wrap
//! of the 32-bit counter. A number behind the window counts as seen: whatever cannot be remembered
//! is refused. A station that restarts with a credential it has used before must therefore not
//! start at zero again; [`starting_sequence`] gives it a number ahead of all it has used.

use v2x_proto::Class;

use crate::base::WireTime;

/// Sequence numbers of one signer and class that were accepted: the newest and the 63 before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayWindow {
    newest: u32,
    /// Bit n: `newest - n` was accepted. Zero only before the first message.
    seen: u64,
}

impl ReplayWindow {
    /// True when `sequence` may be accepted: ahead of the newest, or within the window and not seen.
    #[must_use]
    pub fn check(&self, sequence: u32) -> bool {
        if self.seen == 0 {
            return true;
        }
        match self.behind(sequence) {
            None => true,
            Some(distance) => distance < WIDTH && self.seen & (1 << distance) == 0,
        }
    }

    /// Marks `sequence` as seen; to be called after its signature was verified.
    ///
    /// Returns by how much the window moved ahead: 0 for a late number, 1 for the next one, more
    /// when numbers were skipped, and 1 for the first number of all. A number behind the window
    /// changes nothing.
    pub fn record(&mut self, sequence: u32) -> u32 {
        if self.seen == 0 {
            *self = Self { newest: sequence, seen: 1 };
            return 1;
        }
        match self.behind(sequence) {
            Some(distance) => {
                if distance < WIDTH {
                    self.seen |= 1 << distance;
                }
                0
            }
            None => {
                let ahead = sequence.wrapping_sub(self.newest);
                self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
                self.newest = sequence;
                ahead
            }
        }
    }

    /// How far `sequence` lies behind the newest (0 = the newest itself), `None` when it is ahead.
    ///
    /// RFC 1982 leaves a distance of exactly 2^31 undefined; here it counts as behind, so that it
    /// is refused rather than accepted twice.
    fn behind(&self, sequence: u32) -> Option<u32> {
        let distance = self.newest.wrapping_sub(sequence);
        (distance <= 1 << 31).then_some(distance)
    }
}

/// The six windows of one signer, one per deadline class: 72 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayWindows {
    // Columns, not an array of windows: padding would cost 24 bytes per neighbour.
    newest: [u32; 6],
    seen: [u64; 6],
}

impl ReplayWindows {
    /// True when `sequence` may be accepted in `class`.
    #[must_use]
    pub fn check(&self, class: Class, sequence: u32) -> bool {
        self.window(class).check(sequence)
    }

    /// True when `sequence` is within the window of `class` and was seen.
    #[must_use]
    pub fn holds(&self, class: Class, sequence: u32) -> bool {
        let window = self.window(class);
        let place = window.behind(sequence).filter(|distance| *distance < WIDTH);
        place.is_some_and(|distance| window.seen & (1 << distance) != 0)
    }

    /// Marks `sequence` as seen in `class`; the return value is that of [`ReplayWindow::record`].
    pub fn record(&mut self, class: Class, sequence: u32) -> u32 {
        let mut window = self.window(class);
        let ahead = window.record(sequence);
        self.newest[class.index()] = window.newest;
        self.seen[class.index()] = window.seen;
        ahead
    }

    /// A number that was seen may come once more: its message was refused for what may be over when it is repeated. The
    /// only number in the window stays, because a window without any takes all.
    pub fn take_back(&mut self, class: Class, sequence: u32) {
        let Some(distance) = self.window(class).behind(sequence).filter(|distance| *distance < WIDTH) else {
            return;
        };
        let others = self.seen[class.index()] & !(1 << distance);
        if others != 0 {
            self.seen[class.index()] = others;
        }
    }

    /// True before the first message of `class`.
    #[must_use]
    pub fn is_empty(&self, class: Class) -> bool {
        self.seen[class.index()] == 0
    }

    fn window(&self, class: Class) -> ReplayWindow {
        ReplayWindow { newest: self.newest[class.index()], seen: self.seen[class.index()] }
    }
}

/// The sequence number with which a station starts to send: its wire time in units of 16.384 ms.
///
/// No station sends 61 messages a second in one class for long, so a restart is always ahead of the
/// numbers used before it. The counter wraps after 814 days, far longer than a credential is
/// remembered.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    reason = "sequence numbers are the low 32 bits by design; they wrap"
)]
pub fn starting_sequence(now: WireTime) -> u32 {
    (now.as_micros() >> 14) as u32
}

const WIDTH: u32 = u64::BITS;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_number_taken_back_may_come_once_more_and_no_other_with_it() {
        let mut windows = ReplayWindows::default();
        let record = |windows: &mut ReplayWindows, numbers: &[u32]| {
            numbers.iter().for_each(|number| {
                windows.record(Class::D3, *number);
            });
        };
        record(&mut windows, &[7]);
        windows.take_back(Class::D3, 7);
        assert!(!windows.check(Class::D3, 7), "the only one");
        record(&mut windows, &[8, 9]);
        for number in [8, 9] {
            windows.take_back(Class::D3, number);
            let open: Vec<u32> = (0..20).filter(|number| windows.check(Class::D3, *number)).collect();
            let expected: Vec<u32> = (0..7).chain([number]).chain(10..20).collect();
            assert_eq!(open, expected);
            record(&mut windows, &[number]);
        }
        windows.take_back(Class::D3, 9_999);
        windows.take_back(Class::D3, 9u32.wrapping_sub(64));
        assert!(!windows.check(Class::D3, 9));
    }

    /// Each step: number, sequence, whether it must be accepted. Numbered so that a failure names its line.
    #[test]
    fn the_window_follows_the_table() {
        const MAX: u32 = u32::MAX;
        let runs: [&[(u32, u32, bool)]; 6] = [
            // In order, repeated, late, repeated late.
            &[
                (1, 0, true),
                (2, 0, false),
                (3, 1, true),
                (4, 3, true),
                (5, 2, true),
                (6, 2, false),
                (7, 3, false),
            ],
            // The edge of the window: 63 behind is remembered, 64 behind is not.
            &[(1, 100, true), (2, 37, true), (3, 37, false), (4, 36, false), (5, 101, true), (6, 37, false)],
            // A jump by the whole width forgets, and refuses what it forgot.
            &[
                (1, 10, true),
                (2, 74, true),
                (3, 10, false),
                (4, 11, true),
                (5, 11, false),
                (6, 1_000_000, true),
                (7, 74, false),
            ],
            // Jumps of 63, 64 and 65.
            &[
                (1, 0, true),
                (2, 63, true),
                (3, 0, false),
                (4, 127, true),
                (5, 63, false),
                (6, 192, true),
                (7, 127, false),
                (8, 129, true),
            ],
            // Through the wrap.
            &[
                (1, MAX - 1, true),
                (2, 1, true),
                (3, MAX, true),
                (4, 0, true),
                (5, MAX, false),
                (6, MAX - 1, false),
                (7, 0, false),
                (8, 2, true),
            ],
            // Half the number space: just ahead is ahead, exactly half is refused.
            &[(1, 5, true), (2, 5 + (1 << 31), false), (3, 4 + (1 << 31), true), (4, 5, false)],
        ];
        for (run, steps) in runs.iter().enumerate() {
            let mut window = ReplayWindow::default();
            for &(step, sequence, accepted) in *steps {
                assert_eq!(window.check(sequence), accepted, "run {run} step {step} sequence {sequence}");
                if accepted {
                    window.record(sequence);
                }
            }
        }
    }

    #[test]
    fn record_counts_how_far_the_window_moved() {
        let mut window = ReplayWindow::default();
        let moves = [500, 501, 505, 503, 502, 1].map(|sequence| window.record(sequence));
        assert_eq!(moves, [1, 1, 4, 0, 0, 0]);
    }

    #[test]
    fn classes_do_not_disturb_each_other() {
        let mut windows = ReplayWindows::default();
        windows.record(Class::D2, 7);
        assert!(!windows.check(Class::D2, 7) && windows.check(Class::D3, 7));
        assert!(windows.is_empty(Class::D3) && !windows.is_empty(Class::D2));
        assert_eq!(size_of::<ReplayWindows>(), 72);
    }

    #[test]
    fn a_restart_starts_ahead_of_all_used_numbers() {
        let first = starting_sequence(WireTime::from_micros(500_000_000_000_000));
        let mut window = ReplayWindow::default();
        for n in 0..600 {
            window.record(first.wrapping_add(n)); // a minute at 10 Hz
        }
        assert!(window.check(starting_sequence(WireTime::from_micros(500_000_060_000_000))));
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_list_of_all_accepted_numbers(
            start: u32,
            steps in proptest::collection::vec(-80_i64..80, 1..300),
        ) {
            let mut window = ReplayWindow::default();
            let mut accepted = BTreeSet::new();
            let mut newest = i64::MIN;
            let mut position = 0_i64;
            for step in steps {
                position += step;
                let sequence = start.wrapping_add(position as u32);
                let fresh = newest == i64::MIN
                    || (newest - position < 64 && !accepted.contains(&position));
                prop_assert_eq!(window.check(sequence), fresh);
                if fresh {
                    window.record(sequence);
                    accepted.insert(position);
                    newest = newest.max(position);
                }
            }
        }

        #[test]
        fn no_number_is_accepted_twice(sequences in proptest::collection::vec(any::<u32>(), 1..200)) {
            let mut window = ReplayWindow::default();
            for sequence in sequences {
                if window.check(sequence) {
                    window.record(sequence);
                }
                prop_assert!(!window.check(sequence));
            }
        }
    }
}
