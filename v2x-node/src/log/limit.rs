//! How often entries of one name are let through.

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

/// Counts entries by name.
#[derive(Debug, Default)]
pub struct Limits {
    spells: BTreeMap<String, Spell>,
}

/// A second in which entries of a name came.
#[derive(Debug)]
struct Spell {
    began: Instant,
    passed: u32,
    left_out: u64,
}

impl Limits {
    /// Whether one more of this name is let through.
    pub fn pass(&mut self, name: &str, now: Instant) -> bool {
        // Names are the program's own; what comes beyond the bound shares one.
        let full = self.spells.len() >= MOST_NAMES && !self.spells.contains_key(name);
        let name = if full { "" } else { name };
        if !self.spells.contains_key(name) {
            self.spells.insert(name.to_owned(), Spell { began: now, passed: 0, left_out: 0 });
        }
        let Some(spell) = self.spells.get_mut(name) else { return true };
        if spell.left_out == 0 && now.duration_since(spell.began) >= WINDOW {
            (spell.began, spell.passed) = (now, 0);
        }
        let passes = spell.passed < PER_SECOND && spell.left_out == 0;
        match passes {
            true => spell.passed += 1,
            false => spell.left_out += 1,
        }
        passes
    }

    /// How many of each name were left out in seconds that are over.
    pub fn take_left_out(&mut self, now: Instant) -> Vec<(String, u64)> {
        self.take(|spell| now.duration_since(spell.began) >= WINDOW)
    }

    /// All that were left out, at the end.
    pub fn take_all(&mut self) -> Vec<(String, u64)> {
        self.take(|_| true)
    }

    fn take(&mut self, is_over: impl Fn(&Spell) -> bool) -> Vec<(String, u64)> {
        let over = self.spells.iter_mut().filter(|(_, spell)| spell.left_out > 0 && is_over(spell));
        over.map(|(name, spell)| (name.clone(), core::mem::take(&mut spell.left_out))).collect()
    }
}

/// Entries of one name in a second: more than a person reads, and little for a disk.
pub const PER_SECOND: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);
/// The named ones and every place in the program that logs.
const MOST_NAMES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_of_a_name_pass_in_a_second_and_the_rest_are_counted() {
        let (mut limits, start) = (Limits::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let passed = (0..500).filter(|n| limits.pass("a", at(n * 2))).count();
        assert_eq!((passed, limits.pass("b", at(999))), (10, true));
        assert!(limits.take_left_out(at(999)).is_empty(), "the second is not over");
        assert_eq!(limits.take_left_out(at(1000)), [("a".to_owned(), 490)]);
        assert!(limits.pass("a", at(1001)) && limits.take_all().is_empty());
    }

    #[test]
    fn names_are_bounded() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let passed = (0..10_000).filter(|n| limits.pass(&n.to_string(), now)).count();
        assert_eq!((passed, limits.spells.len()), (MOST_NAMES + 10, MOST_NAMES + 1));
    }
}
