//! A measured distribution of the intervals between a station's awareness messages.

use core::fmt;
use core::time::Duration;
use std::path::Path;

use crate::source::{SideFileError, side_file};

/// Intervals as a table of even steps of probability: a step is a thousandth of all messages, to 0.1 ms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// 0.1 ms each, rising.
    steps: [u16; STEPS],
}

impl Intervals {
    /// Reads a distribution from CSV: a list of measured intervals in seconds, one a line, or two columns `interval_s,weight`;
    /// a header, blank lines and comments after `#` may be there.
    ///
    /// # Errors
    /// The file cannot be read, or the first violation.
    pub fn read(path: &Path) -> Result<Self, SideFileError> {
        Self::parse(&path.display().to_string(), &side_file::text(path, MAX_BYTES, RIGHT)?)
    }

    /// The same from text; errors name it `file`.
    ///
    /// # Errors
    /// The first violation, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, SideFileError> {
        let mut weighted = Vec::new();
        let mut header = true;
        for (line, words) in text.lines().enumerate().map(|(number, line)| (number + 1, words(line))) {
            if words.is_empty() {
                continue;
            }
            let wrong =
                |found: String, right| SideFileError::Line { file: file.to_owned(), line, found, right };
            if core::mem::take(&mut header) && words[0].parse::<f64>().is_err() {
                if words != ["interval_s"] && words != ["interval_s", "weight"] {
                    return Err(wrong(format!("header {:?}", clip(&words.join(","))), RIGHT));
                }
                continue;
            }
            let [interval, weight] = match words.as_slice() {
                [interval] => [*interval, "1"],
                [interval, weight] => [*interval, *weight],
                _ => return Err(wrong(format!("{} columns", words.len()), RIGHT)),
            };
            let number = |word: &str| word.parse().ok().filter(|number: &f64| number.is_finite());
            let found = |name, word| format!("{name} {:?}", clip(word));
            let interval_s = number(interval)
                .filter(|interval_s| (LEAST_S..=MOST_S).contains(interval_s))
                .ok_or_else(|| wrong(found("interval", interval), INTERVAL))?;
            let weight = number(weight)
                .filter(|weight| (0.0..=1e12).contains(weight))
                .ok_or_else(|| wrong(found("weight", weight), WEIGHT))?;
            weighted.push((interval_s, weight));
        }
        weighted.retain(|(_, weight)| *weight > 0.0);
        if weighted.is_empty() {
            let found = "no interval of a weight above 0".to_owned();
            return Err(SideFileError::Line {
                file: file.to_owned(),
                line: text.lines().count().max(1),
                found,
                right: RIGHT,
            });
        }
        weighted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Ok(Self::of(&weighted))
    }

    /// Of intervals that rise, each with its weight.
    fn of(weighted: &[(f64, f64)]) -> Self {
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        let (mut at, mut passed) = (0, weighted[0].1);
        let mut steps = [0; STEPS];
        for (number, step) in steps.iter_mut().enumerate() {
            let share = (number as f64 + 0.5) / STEPS as f64 * total;
            while passed < share && at + 1 < weighted.len() {
                at += 1;
                passed += weighted[at].1;
            }
            *step = (weighted[at].0 * 10_000.0).round() as u16;
        }
        Self { steps }
    }

    /// The interval for random bits.
    pub fn draw(&self, bits: u64) -> Duration {
        let step = self.steps[(bits >> (64 - STEPS.trailing_zeros())) as usize];
        Duration::from_micros(u64::from(step) * 100)
    }

    /// The mean interval.
    pub fn mean(&self) -> Duration {
        let sum: u64 = self.steps.iter().map(|step| u64::from(*step)).sum();
        Duration::from_micros(sum * 100 / STEPS as u64)
    }
}

impl fmt::Debug for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Intervals(mean {:?})", self.mean())
    }
}

/// The words of a line, without its comment.
fn words(line: &str) -> Vec<&str> {
    let line = line.split('#').next().unwrap_or_default().trim().trim_start_matches('\u{feff}');
    if line.is_empty() { Vec::new() } else { line.split([',', ';', '\t']).map(str::trim).collect() }
}

/// A word as found, short enough to show.
fn clip(word: &str) -> String {
    word.chars().take(40).collect()
}

const STEPS: usize = 1 << 10;
/// EN 302 637-2 6.1.3: no two awareness messages of a station within 100 ms. Measured ones jitter about it.
const LEAST_S: f64 = 0.1;
/// A station that is silent for longer is not there.
const MOST_S: f64 = 5.0;
const MAX_BYTES: u64 = 1 << 24;
const RIGHT: &str = "needed are intervals in seconds, one a line, or the columns interval_s,weight";
const INTERVAL: &str = "an interval is 0.1 to 5 s";
const WEIGHT: &str = "a weight is a finite number, 0 or more";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(intervals: &Intervals, millis: u64) -> f64 {
        let is = |number: u64| intervals.draw(number << 54) == Duration::from_millis(millis);
        (0..STEPS as u64).filter(|number| is(*number)).count() as f64 / STEPS as f64
    }

    #[test]
    fn weights_and_lists_make_the_same_distribution() {
        let weights = Intervals::parse("t", "interval_s,weight\n1.0,1\n0.1,2\n0.5,1\n").unwrap();
        let list = Intervals::parse("t", "# measured\n0.1\n0.5 # late\n\n1.0\n0.1\n").unwrap();
        assert_eq!(weights, list);
        for (millis, right) in [(100, 0.5), (500, 0.25), (1_000, 0.25)] {
            assert!((share(&list, millis) - right).abs() < 0.001);
        }
        assert_eq!(list.mean(), Duration::from_millis(425));
    }

    #[test]
    fn what_no_station_does_is_refused_with_its_line() {
        for (text, said) in [
            ("interval_s,weight\n0.05,1\n", "t:2: interval \"0.05\"; an interval is 0.1 to 5 s"),
            ("0.5\n-1\n", "t:2: interval \"-1\""),
            ("0.5\nNaN\n", "t:2: interval \"NaN\""),
            ("0.5\ninf\n", "t:2: interval \"inf\""),
            ("500\n", "t:1: interval \"500\""),
            ("0.5,-1\n", "t:1: weight \"-1\"; a weight is"),
            ("0.5,1,2\n", "t:1: 3 columns; needed are"),
            ("gap,weight\n0.5,1\n", "t:1: header \"gap,weight\"; needed are"),
            ("0.5,0\n", "t:1: no interval of a weight above 0"),
            ("", "t:1: no interval"),
        ] {
            let error = Intervals::parse("t", text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_in_intervals_within_bounds_or_an_error(text in "[0-9.,;eE# \n-]{0,80}|.{0,80}", bits in any::<u64>()) {
            if let Ok(intervals) = Intervals::parse("t", &text) {
                prop_assert!((Duration::from_millis(100)..=Duration::from_secs(5)).contains(&intervals.draw(bits)));
            }
        }
    }
}
