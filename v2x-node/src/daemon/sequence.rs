//! The numbers of one signer in one class, and what a gap in them means.
//!
//! Each signer numbers each class without gaps, so a number that is ahead by more than one shows messages that were not
//! heard. But a restarted station begins at a number far ahead of all it has used: a gap larger than the sender could
//! have filled in the time is a start, and no loss.

use v2x_core::WireTime;
use v2x_proto::Class;

/// What is known of a signer's numbers in one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    /// The lowest number heard since the sender started.
    oldest: u32,
    newest: u32,
    generated: WireTime,
    /// Messages a second: the rule's maximum, or more where its own numbers showed more.
    per_second: f64,
    /// Where the rate is measured from.
    measured: (u32, WireTime),
    /// Numbers ahead of the newest that arrived and were not for this station, nearest first.
    not_for_us: u64,
}

/// What a number says about those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It stands for this many messages meant for this station, itself included.
    Ahead(u64),
    /// It was counted when a later one came.
    Straggler,
    /// It is from before the first one heard, and stands for itself.
    Early,
    /// The sender started anew.
    Restart,
}

impl Sequence {
    /// From the first message heard.
    pub(super) fn new(class: Class, sequence: u32, generated: WireTime) -> Self {
        Self {
            oldest: sequence,
            newest: sequence,
            generated,
            per_second: most_per_second(class),
            measured: (sequence, generated),
            not_for_us: 0,
        }
    }

    /// Another message of it, generated at `generated` by its sender's clock.
    pub(super) fn step(&mut self, sequence: u32, generated: WireTime) -> Step {
        let ahead = sequence.wrapping_sub(self.newest);
        let later = generated > self.generated;
        if ahead == 0 || ahead > u32::MAX / 2 && !later {
            if sequence.wrapping_sub(self.oldest) <= u32::MAX / 2 {
                return Step::Straggler;
            }
            self.oldest = sequence;
            return Step::Early;
        }
        // Numbers that fell back although time went on are a start as well.
        if ahead > u32::MAX / 2 || f64::from(ahead) > self.most_in(seconds(generated, self.generated)) {
            *self = Self {
                oldest: sequence,
                newest: sequence,
                generated,
                measured: (sequence, generated),
                not_for_us: 0,
                ..*self
            };
            return Step::Restart;
        }
        let between = ahead - 1;
        let others = u64::from((self.not_for_us & low_bits(between)).count_ones());
        self.not_for_us = self.not_for_us.checked_shr(ahead).unwrap_or(0);
        self.newest = sequence;
        self.generated = if later { generated } else { self.generated };
        self.measure();
        Step::Ahead(1 + u64::from(between) - others)
    }

    /// A message of it arrived, and was not for this station: its number is no gap.
    pub(super) fn pass(&mut self, sequence: u32) {
        let ahead = sequence.wrapping_sub(self.newest);
        if (1..=u64::BITS).contains(&ahead) {
            self.not_for_us |= 1 << (ahead - 1);
        }
    }

    /// How far its numbers can have come in a time, s.
    fn most_in(&self, seconds: f64) -> f64 {
        BURST + self.per_second * MARGIN * seconds
    }

    /// Takes the rate from its numbers, once a second: they show what was sent, heard or not.
    fn measure(&mut self) {
        let (from, began) = self.measured;
        let seconds = seconds(self.generated, began);
        if seconds >= 1.0 {
            self.per_second = self.per_second.max(f64::from(self.newest.wrapping_sub(from)) / seconds);
            self.measured = (self.newest, self.generated);
        }
    }
}

fn seconds(later: WireTime, earlier: WireTime) -> f64 {
    later.as_micros().saturating_sub(earlier.as_micros()) as f64 / 1e6
}

fn low_bits(count: u32) -> u64 {
    if count >= u64::BITS { u64::MAX } else { (1 << count) - 1 }
}

/// What the rules of generation allow a station in a class: awareness and warnings go out each 100 ms at most; a roadside
/// unit speaks for several intersections.
fn most_per_second(class: Class) -> f64 {
    match class {
        Class::D4 => 40.0,
        Class::D0 | Class::D1 | Class::D2 | Class::D3 | Class::D5 => 10.0,
    }
}

/// Numbers that a station may use at once: copies of several warnings, the states of all its intersections.
const BURST: f64 = 16.0;
/// A rate measured over a second is not exact, and rises.
const MARGIN: f64 = 1.5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> WireTime {
        WireTime::from_micros(700_000_000_000_000 + ms * 1000)
    }

    /// A sender's first number: its clock in units of 16.384 ms.
    fn start(ms: u64) -> u32 {
        v2x_core::starting_sequence(at(ms))
    }

    /// Beacons each 100 ms from one time to another, as the last number and the steps they made.
    fn drive(sequence: &mut Sequence, from_ms: u64, to_ms: u64, first: u32) -> Vec<Step> {
        (from_ms..to_ms).step_by(100).zip(first..).map(|(ms, number)| sequence.step(number, at(ms))).collect()
    }

    #[test]
    fn a_restart_after_seconds_is_no_gap() {
        for (ran_ms, off_ms) in [(4_000, 3_000), (2_000, 500), (150_000, 14_000), (1_000, 100)] {
            let first = start(0);
            let mut sequence = Sequence::new(Class::D2, first, at(0));
            assert!(drive(&mut sequence, 100, ran_ms, first + 1).iter().all(|step| *step == Step::Ahead(1)));
            let again_ms = ran_ms + off_ms;
            let steps = drive(&mut sequence, again_ms, again_ms + 3_000, start(again_ms));
            assert_eq!(steps[0], Step::Restart, "ran {ran_ms} ms, off {off_ms} ms");
            assert!(steps[1..].iter().all(|step| *step == Step::Ahead(1)));
        }
    }

    #[test]
    fn lost_messages_are_counted_however_many_in_a_row() {
        let mut sequence = Sequence::new(Class::D2, 100, at(0));
        assert_eq!(sequence.step(103, at(300)), Step::Ahead(3));
        assert_eq!(sequence.step(102, at(200)), Step::Straggler);
        assert_eq!(sequence.step(143, at(4_300)), Step::Ahead(40));
    }

    #[test]
    fn a_message_that_the_first_one_overtook_stands_for_itself() {
        let mut sequence = Sequence::new(Class::D4, 100, at(300));
        assert_eq!(sequence.step(99, at(300)), Step::Early);
        assert_eq!(sequence.step(97, at(100)), Step::Early);
        assert_eq!(sequence.step(98, at(200)), Step::Straggler);
        assert_eq!(sequence.step(101, at(400)), Step::Ahead(1));
    }

    #[test]
    fn a_fast_sender_is_known_by_its_own_rate() {
        // 2,000 test messages a second, and a hole of a second.
        let mut sequence = Sequence::new(Class::D4, 1, at(0));
        for ms in 1..3_000u32 {
            assert_eq!(sequence.step(1 + 2 * ms, at(u64::from(ms))), Step::Ahead(2));
        }
        assert_eq!(sequence.step(1 + 2 * 4_000, at(4_000)), Step::Ahead(2 * 1_001));
    }

    #[test]
    fn numbers_that_fall_back_are_a_start_when_time_went_on() {
        let mut sequence = Sequence::new(Class::D2, 5_000, at(0));
        assert_eq!(sequence.step(4_000, at(100)), Step::Restart);
        assert_eq!(sequence.step(4_001, at(200)), Step::Ahead(1));
        let mut wrapping = Sequence::new(Class::D2, u32::MAX, at(0));
        assert_eq!((wrapping.step(0, at(100)), wrapping.step(2, at(300))), (Step::Ahead(1), Step::Ahead(2)));
    }

    #[test]
    fn what_was_for_others_is_no_gap() {
        let mut sequence = Sequence::new(Class::D3, 10, at(0));
        sequence.pass(11);
        sequence.pass(13);
        sequence.pass(10);
        sequence.pass(10 + 65);
        assert_eq!(sequence.step(14, at(1_000)), Step::Ahead(2), "12 is missing");
        sequence.pass(14 + 64);
        assert_eq!(sequence.step(15, at(1_100)), Step::Ahead(1));
        assert_eq!(sequence.step(14 + 65, at(9_000)), Step::Ahead(63));
    }

    proptest! {
        #[test]
        fn any_numbers_are_counted_without_overflow(
            steps in proptest::collection::vec((any::<u32>(), any::<u64>(), any::<u32>()), 0..50),
        ) {
            let mut sequence = Sequence::new(Class::D2, 0, WireTime::from_micros(0));
            for (number, micros, passed) in steps {
                sequence.pass(passed);
                if let Step::Ahead(count) = sequence.step(number, WireTime::from_micros(micros)) {
                    prop_assert!(count >= 1);
                }
            }
        }
    }
}
