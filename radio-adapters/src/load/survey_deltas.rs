//! Channel load from a driver's survey: how much its counters have grown since the last answer.

use crate::radio::ChannelLoad;
use crate::wlan::Survey;

/// Channel loads from surveys, one from each two in a row that can be compared.
///
/// No figure is better than a wrong one: after a change of channel, a counter that went back, or an answer without
/// times, the next survey is a new beginning. A counter that has passed 2^32 or 2^64 goes on.
///
/// # Example
///
/// ```
/// use radio_adapters::ChannelLoad;
/// use radio_adapters::load::SurveyDeltas;
/// use radio_adapters::wlan::Survey;
///
/// let survey = |active, busy| Survey {
///     frequency_mhz: Some(5900),
///     in_use: true,
///     active_ms: Some(active),
///     busy_ms: Some(busy),
///     ..Survey::default()
/// };
/// let mut deltas = SurveyDeltas::default();
/// assert_eq!(deltas.take(0, &[survey(10_000, 900)]), None);
/// let load = deltas.take(1_000_000_000, &[survey(11_000, 1_150)]);
/// assert_eq!(load, Some(ChannelLoad { busy_permille: 250, measured: true }));
/// ```
#[derive(Debug, Clone, Default)]
pub struct SurveyDeltas {
    last: Option<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at_ns: u64,
    frequency_mhz: Option<u32>,
    active_ms: u64,
    busy_ms: u64,
}

impl SurveyDeltas {
    /// Takes a driver's answer, read at `now_ns` of a monotonic clock: the load since the one before, where it can be
    /// told. While the counters stand still, or have hardly moved, there is none, and the next one covers that time too.
    pub fn take(&mut self, now_ns: u64, surveys: &[Survey]) -> Option<ChannelLoad> {
        let Some(new) = Sample::of(now_ns, surveys) else {
            self.last = None;
            return None;
        };
        let Some(old) = self.last.filter(|old| old.frequency_mhz == new.frequency_mhz) else {
            self.last = Some(new);
            return None;
        };
        // A radio cannot have listened for longer than there was time; half as much again is for a driver's own clock
        // and for answers that were late.
        let elapsed_ms = new.at_ns.saturating_sub(old.at_ns) / 1_000_000;
        let most_ms = elapsed_ms.saturating_add(elapsed_ms / 2).saturating_add(SLACK_MS);
        let deltas = growth(old.active_ms, new.active_ms, most_ms)
            .and_then(|active_ms| Some((active_ms, growth(old.busy_ms, new.busy_ms, most_ms)?)));
        match deltas {
            Some((active_ms, _)) if active_ms < LEAST_MS => None,
            Some((active_ms, busy_ms)) => {
                self.last = Some(new);
                // Both are rounded to milliseconds, and read one after the other.
                let busy_permille = (busy_ms.min(active_ms) * 1000 / active_ms) as u16;
                Some(ChannelLoad { busy_permille, measured: true })
            }
            None => {
                self.last = Some(new);
                None
            }
        }
    }

    /// The interface is another one, or was away: what its driver counted before says nothing.
    pub fn restart(&mut self) {
        self.last = None;
    }
}

impl Sample {
    fn of(at_ns: u64, surveys: &[Survey]) -> Option<Self> {
        surveys.iter().filter(|survey| survey.in_use).find_map(|survey| {
            let frequency_mhz = survey.frequency_mhz;
            Some(Self { at_ns, frequency_mhz, active_ms: survey.active_ms?, busy_ms: survey.busy_ms? })
        })
    }
}

/// How far a counter of 64 bits, or one of 32, has come; `None` when it went back, or further than it can have.
fn growth(old: u64, new: u64, most: u64) -> Option<u64> {
    let narrow = u32::try_from(old).ok().zip(u32::try_from(new).ok());
    let wide = new.wrapping_sub(old);
    let grown = narrow.map_or(wide, |(old, new)| u64::from(new.wrapping_sub(old)));
    (grown <= most).then_some(grown)
}

/// Less time on the channel than this is not worth a figure: counters in milliseconds would give it to 2 % at best.
const LEAST_MS: u64 = 50;
/// More time than passed between two answers, for those that came quickly one after the other.
const SLACK_MS: u64 = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn survey(active_ms: u64, busy_ms: u64) -> Survey {
        Survey {
            frequency_mhz: Some(5900),
            in_use: true,
            active_ms: Some(active_ms),
            busy_ms: Some(busy_ms),
            ..Survey::default()
        }
    }

    /// The loads, in thousandths, of answers a second apart.
    fn loads(answers: &[&[Survey]]) -> Vec<Option<u16>> {
        let mut deltas = SurveyDeltas::default();
        let answers = (0u64..).zip(answers);
        answers
            .map(|(second, surveys)| deltas.take(second * SECOND_NS, surveys).map(|load| load.busy_permille))
            .collect()
    }

    #[test]
    fn the_load_is_how_much_of_the_time_between_two_answers_was_busy() {
        let answers =
            [[survey(5_000, 4_000)], [survey(6_000, 4_100)], [survey(7_000, 5_100)], [survey(8_000, 5_100)]];
        let answers = answers.each_ref().map(<[_; 1]>::as_slice);
        assert_eq!(loads(&answers), [None, Some(100), Some(1000), Some(0)]);
    }

    #[test]
    fn counters_that_wrap_go_on() {
        let narrow = u64::from(u32::MAX);
        let answers = [[survey(narrow - 499, narrow - 99)], [survey(500, 400)]];
        assert_eq!(loads(&answers.each_ref().map(<[_; 1]>::as_slice)), [None, Some(500)]);
        let answers = [[survey(u64::MAX - 499, u64::MAX - 99)], [survey(500, 400)]];
        assert_eq!(loads(&answers.each_ref().map(<[_; 1]>::as_slice)), [None, Some(500)]);
    }

    #[test]
    fn counters_that_stand_still_give_nothing_until_they_move_and_the_next_figure_covers_that_time() {
        let still = [survey(5_000, 100)];
        let mut answers = vec![still.as_slice(); 5];
        let moved = [survey(6_000, 350)];
        answers.push(&moved);
        assert_eq!(loads(&answers), [None, None, None, None, None, Some(250)]);
        // A driver that counts in steps of ten seconds.
        let mut answers = vec![still.as_slice(); 10];
        let moved = [survey(15_000, 2_100)];
        answers.push(&moved);
        assert_eq!(loads(&answers).last(), Some(&Some(200)));
    }

    #[test]
    fn counters_that_go_back_begin_anew() {
        let reset = [[survey(5_000, 1_000)], [survey(300, 20)], [survey(1_300, 120)]];
        assert_eq!(loads(&reset.each_ref().map(<[_; 1]>::as_slice)), [None, None, Some(100)]);
        let busy_alone = [[survey(5_000, 1_000)], [survey(6_000, 900)], [survey(7_000, 1_200)]];
        assert_eq!(loads(&busy_alone.each_ref().map(<[_; 1]>::as_slice)), [None, None, Some(300)]);
    }

    #[test]
    fn a_leap_that_time_does_not_allow_is_no_measurement() {
        let leap = [[survey(5_000, 1_000)], [survey(50_000, 2_000)], [survey(51_000, 2_500)]];
        assert_eq!(loads(&leap.each_ref().map(<[_; 1]>::as_slice)), [None, None, Some(500)]);
    }

    #[test]
    fn another_channel_begins_anew() {
        let other = |active, busy| Survey { frequency_mhz: Some(5890), ..survey(active, busy) };
        let answers = [[survey(5_000, 100)], [other(6_000, 600)], [other(7_000, 700)], [survey(5_500, 200)]];
        assert_eq!(loads(&answers.each_ref().map(<[_; 1]>::as_slice)), [None, None, Some(100), None]);
    }

    #[test]
    fn the_channel_in_use_counts_and_not_those_that_were_scanned() {
        let scanned = Survey { frequency_mhz: Some(5180), in_use: false, ..survey(90, 80) };
        let answers = [[scanned, survey(5_000, 100)], [scanned, survey(6_000, 200)]];
        assert_eq!(loads(&answers.each_ref().map(<[_; 2]>::as_slice)), [None, Some(100)]);
    }

    #[test]
    fn an_answer_without_times_is_no_measurement() {
        let silent = [Survey { active_ms: None, busy_ms: None, ..survey(0, 0) }];
        let half = [Survey { busy_ms: None, ..survey(7_000, 0) }];
        let (before, after) = ([survey(5_000, 100)], [survey(9_000, 100)]);
        assert_eq!(loads(&[&before, &silent, &half, &[], &after]), [None; 5]);
    }

    proptest! {
        #[test]
        fn whatever_a_driver_says_a_load_is_a_share(
            answers in prop::collection::vec((any::<u64>(), any::<u64>(), 0u64..3_000_000_000, any::<bool>()), 0..20),
        ) {
            let (mut deltas, mut now_ns) = (SurveyDeltas::default(), 0);
            for (active, busy, later_ns, in_use) in answers {
                now_ns += later_ns;
                // Near what was said before, too: else nothing would ever be comparable.
                let near = deltas.last.map_or(active, |last| last.active_ms.wrapping_add(active % 1500));
                for active in [active, near] {
                    let load = deltas.take(now_ns, &[Survey { in_use, ..survey(active, busy % 4_000) }]);
                    prop_assert!(load.is_none_or(|load| load.busy_permille <= 1000 && load.measured));
                }
            }
        }

        #[test]
        fn an_honest_driver_is_believed_whatever_its_counters_start_from(
            start in any::<u64>(),
            steps in prop::collection::vec((50u64..2_000, 0.0f64..=1.0), 1..20),
        ) {
            let (mut deltas, mut at_ms, mut busy_ms) = (SurveyDeltas::default(), 0u64, 0u64);
            prop_assert_eq!(deltas.take(0, &[survey(start, start)]), None);
            for (active, share) in steps {
                let busy = (active as f64 * share) as u64;
                (at_ms, busy_ms) = (at_ms + active, busy_ms + busy);
                let answer = survey(start.wrapping_add(at_ms), start.wrapping_add(busy_ms));
                let load = deltas.take(at_ms * 1_000_000, &[answer]);
                prop_assert_eq!(load.map(|load| u64::from(load.busy_permille)), Some(busy * 1000 / active));
            }
        }
    }
}
