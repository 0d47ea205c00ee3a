//! Which of gpsd's receivers the station believes: the configured one, else the first with a fix, until it is silent or
//! without one for some seconds. gpsd reports all it has, and a second one without a fix says nothing about the first.

use core::time::Duration;

use v2x_core::Instant;

/// What a report of one receiver means for the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is the station's receiver.
    Own,
    /// It is another one.
    Other,
}

/// Chooses one receiver.
#[derive(Clone, Debug)]
pub(super) struct Receivers {
    configured: Option<String>,
    current: Option<Current>,
}

#[derive(Clone, Debug)]
struct Current {
    device: String,
    good: Instant,
}

impl Receivers {
    /// `configured` is the device's path as gpsd names it; `None`: the first good one.
    pub fn new(configured: Option<String>) -> Self {
        Self { configured, current: None }
    }

    /// Takes a report of `device`, which has a fix or not.
    pub fn take(&mut self, device: &str, has_fix: bool, now: Instant) -> Use {
        if let Some(configured) = &self.configured {
            return if configured == device { Use::Own } else { Use::Other };
        }
        match &mut self.current {
            Some(current) if current.device == device => {
                if has_fix {
                    current.good = now;
                }
                Use::Own
            }
            Some(current) if !has_fix || now.since(current.good) < KEPT_FOR => Use::Other,
            _ if has_fix => {
                self.current = Some(Current { device: device.to_owned(), good: now });
                Use::Own
            }
            // No receiver has a fix: what this one lacks, the station lacks.
            _ => Use::Own,
        }
    }

    /// `device` was unplugged: whether it was the station's.
    pub fn gone(&mut self, device: &str) -> bool {
        let own = self.configured.as_deref() == Some(device);
        own || self.current.take_if(|current| current.device == device).is_some()
    }

    /// The receiver believed now.
    pub fn current(&self) -> Option<&str> {
        self.configured.as_deref().or(self.current.as_ref().map(|current| current.device.as_str()))
    }
}

/// Longer than two moments at 1 Hz.
const KEPT_FOR: Duration = Duration::from_millis(2_500);

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "/dev/ttyACM0";
    const B: &str = "/dev/ttyUSB0";

    fn at(ms: u64) -> Instant {
        Instant::from_millis(10_000 + ms)
    }

    #[test]
    fn a_receiver_without_a_fix_says_nothing_about_the_one_that_has_it() {
        let mut receivers = Receivers::new(None);
        assert_eq!(receivers.take(B, false, at(0)), Use::Own, "nobody has a fix yet");
        assert_eq!(receivers.take(A, true, at(100)), Use::Own);
        for n in 1..50 {
            assert_eq!(receivers.take(A, true, at(n * 200)), Use::Own);
            assert_eq!(receivers.take(B, false, at(n * 200 + 1)), Use::Other);
            assert_eq!(receivers.take(B, true, at(n * 200 + 2)), Use::Other, "the first good one stays");
        }
        assert_eq!(receivers.current(), Some(A));
    }

    #[test]
    fn another_takes_over_when_it_is_silent_without_a_fix_or_unplugged() {
        let begin = || {
            let mut receivers = Receivers::new(None);
            receivers.take(A, true, at(0));
            receivers
        };
        let mut silent = begin();
        assert_eq!(silent.take(B, true, at(2_400)), Use::Other);
        assert_eq!(silent.take(B, true, at(2_500)), Use::Own);
        assert_eq!(silent.take(A, true, at(2_600)), Use::Other, "and keeps it");
        let mut lost = begin();
        for n in 1..=25 {
            assert_eq!(lost.take(A, false, at(n * 100)), Use::Own, "its loss is the station's");
        }
        assert_eq!(lost.take(B, true, at(2_501)), Use::Own);
        assert_eq!(lost.take(A, false, at(2_502)), Use::Other);
        let mut unplugged = begin();
        assert!(unplugged.gone(A) && !unplugged.gone(B));
        assert_eq!(unplugged.take(B, true, at(1)), Use::Own);
    }

    #[test]
    fn a_configured_receiver_is_the_only_one() {
        let mut receivers = Receivers::new(Some(A.to_owned()));
        assert_eq!(receivers.take(B, true, at(0)), Use::Other);
        assert_eq!(receivers.take(A, false, at(0)), Use::Own);
        assert_eq!(receivers.take(B, true, at(60_000)), Use::Other);
        assert!(receivers.gone(A));
    }
}
