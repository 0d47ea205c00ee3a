//! Which changes of a source of corrections are told: one line for each change of kind, however often it repeats.

use core::time::Duration;

use super::patience::SETTLED;

/// What was last told of a source, and how long its present stream has lasted.
#[derive(Debug, Default)]
pub struct Tidings {
    told: Told,
    /// When the first and the last message of this connection came, ns.
    messages: Option<(u64, u64)>,
}

#[derive(Debug, Default)]
enum Told {
    #[default]
    Nothing,
    Comes,
    /// Why it stopped. Once it has stopped right after its first messages it has to last before it is told to come.
    Stopped {
        why: String,
        briefly: bool,
    },
}

impl Tidings {
    /// A message came at `now`, ns; whether that the messages come is to be told.
    pub fn message(&mut self, now: u64) -> bool {
        let (first, _) = *self.messages.get_or_insert((now, now));
        self.messages = Some((first, now));
        let tell = match &self.told {
            Told::Nothing => true,
            Told::Comes => false,
            Told::Stopped { briefly, .. } => !briefly || self.lasted() >= SETTLED,
        };
        if tell {
            self.told = Told::Comes;
        }
        tell
    }

    /// Whether a message came by this connection.
    pub fn has_message(&self) -> bool {
        self.messages.is_some()
    }

    /// From the first message of this connection to the last.
    pub fn lasted(&self) -> Duration {
        self.messages.map_or(Duration::ZERO, |(first, last)| Duration::from_nanos(last.saturating_sub(first)))
    }

    /// The connection ended, or could not be had; whether that is to be told.
    pub fn stopped(&mut self, why: &str) -> bool {
        let brief = self.messages.is_some() && self.lasted() < SETTLED;
        self.messages = None;
        match &mut self.told {
            Told::Stopped { why: told, briefly } if told == why => {
                *briefly |= brief;
                false
            }
            told => {
                let briefly = brief || matches!(told, Told::Stopped { briefly: true, .. });
                *told = Told::Stopped { why: why.to_owned(), briefly };
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_source_that_stops_after_each_first_message_is_told_once() {
        let mut tidings = Tidings::default();
        assert!(tidings.message(0), "they come");
        assert!(tidings.stopped("closed"));
        for at in 1..100 {
            assert!(!tidings.message(at * 20 * S) && !tidings.stopped("closed"), "{at}");
        }
        // It fails in another way, and then as before.
        assert!(tidings.stopped("refused") && !tidings.stopped("refused"));
        assert!(!tidings.message(5_000 * S), "it does not last yet");
        assert!(tidings.stopped("closed"));
        let told: Vec<u64> = (0..200).filter(|at| tidings.message((6_000 + at) * S)).collect();
        assert_eq!(told, [60], "a minute of it");
        assert!(tidings.stopped("closed") && tidings.message(7_000 * S), "it had lasted");
    }

    #[test]
    fn a_source_that_was_not_there_comes_at_once_when_it_is() {
        let mut tidings = Tidings::default();
        assert!(tidings.stopped("no such device") && !tidings.stopped("no such device"));
        assert!(tidings.message(S) && !tidings.message(2 * S));
        assert_eq!(tidings.lasted(), Duration::from_secs(1));
    }
}
