//! Repetition schedule of the station's own events.
//!
//! A new imminent warning (D0) is sent at 0, 6 and 12 ms in the laboratory mode and once in the regulated one, a new
//! alert (D1) at 0, 25, 50 and 75 ms, so that one lost frame does not cost the deadline; then both are repeated every
//! 100 ms. An area hazard (D3) is repeated every second. All of them stop when the event ends, or after the requested
//! time.

use core::time::Duration;

use v2x_proto::Class;

use super::command::HazardRepeat;
use crate::base::{Imminent, Instant};

/// The times at which one version of an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepetitionSchedule {
    started: Instant,
    until: Instant,
    every: Duration,
    early: &'static [u64],
    /// Index into `early` of the next copy.
    copy: usize,
    next: Option<Instant>,
}

impl RepetitionSchedule {
    /// For a version that is first sent at `now`, and valid until `end`.
    #[must_use]
    pub fn new(
        now: Instant,
        class: Class,
        imminent: Imminent,
        fresh: bool,
        repeat: Option<HazardRepeat>,
        end: Instant,
    ) -> Self {
        let until = repeat.map_or(end, |repeat| (now + repeat.during).min(end));
        let every = repeat.map_or(every(class), |repeat| repeat.every.max(MIN_EVERY));
        let early = if fresh { early(class, imminent) } else { &[] };
        let mut schedule = Self { started: now, until, every, early, copy: 0, next: None };
        schedule.next = schedule.after(now);
        schedule
    }

    /// When it is sent next; `None` after the last time.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether the next time is one of the quick copies of a new event.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.copy < self.early.len()
    }

    /// Advances to the next time, whether or not this one was used. A late host does not catch up on missed ones.
    /// `stretch` times as long passes between two messages.
    pub fn advance(&mut self, now: Instant, stretch: u32) {
        if self.is_early() {
            self.copy += 1;
            while self.is_early() && self.early_at(self.copy) <= now {
                self.copy += 1;
            }
            self.next = self.after(now);
            return;
        }
        let every = self.every * stretch.max(1);
        let from = self.next.unwrap_or(now);
        let missed = now.nanos_since(from) / (every.as_nanos() as u64).max(1);
        self.next = self.bounded(from + every * u32::try_from(missed + 1).unwrap_or(u32::MAX));
    }

    /// It is repeated `pause` from now.
    pub fn postpone(&mut self, now: Instant, pause: Duration) {
        self.next = self.bounded(now + pause);
    }

    fn after(&self, now: Instant) -> Option<Instant> {
        if self.is_early() {
            return self.bounded(self.early_at(self.copy));
        }
        let passed = now.nanos_since(self.started) / (self.every.as_nanos() as u64).max(1);
        self.bounded(self.started + self.every * u32::try_from(passed + 1).unwrap_or(u32::MAX))
    }

    fn early_at(&self, copy: usize) -> Instant {
        self.started + Duration::from_millis(self.early[copy])
    }

    fn bounded(&self, at: Instant) -> Option<Instant> {
        (at < self.until).then_some(at)
    }
}

/// Time between two messages of one event after its first moments. Alerts: 100 ms (TS 101 539-1). Area hazards: a
/// second, because floods are also repeated by others and kept alive.
fn every(class: Class) -> Duration {
    match class {
        Class::D0 | Class::D1 => Duration::from_millis(100),
        _ => Duration::from_secs(1),
    }
}

/// Copies of a new event, ms after it.
fn early(class: Class, imminent: Imminent) -> &'static [u64] {
    match (class, imminent) {
        (Class::D0, Imminent::Lab) => &[6, 12],
        (Class::D1, _) => &[25, 50, 75],
        _ => &[],
    }
}

/// The shortest time between two messages that may be asked for (TS 101 539-1: 10 Hz).
pub const MIN_EVERY: Duration = Duration::from_millis(100);

/// The longest.
pub const MAX_EVERY: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Instant = Instant::from_millis(10_000);

    fn times(mut schedule: RepetitionSchedule, count: usize) -> Vec<u64> {
        let mut said = vec![0];
        while let Some(next) = schedule.next().filter(|_| said.len() < count) {
            said.push(next.nanos_since(START) / 1_000_000);
            schedule.advance(next, 1);
        }
        said
    }

    fn schedule(
        class: Class,
        imminent: Imminent,
        repeat: Option<HazardRepeat>,
        holds_ms: u64,
    ) -> RepetitionSchedule {
        RepetitionSchedule::new(START, class, imminent, true, repeat, START + Duration::from_millis(holds_ms))
    }

    #[test]
    fn each_class_has_its_times() {
        let of = |class, imminent| times(schedule(class, imminent, None, 600_000), 6);
        assert_eq!(of(Class::D0, Imminent::Lab), [0, 6, 12, 100, 200, 300]);
        assert_eq!(of(Class::D0, Imminent::Regulated), [0, 100, 200, 300, 400, 500]);
        assert_eq!(of(Class::D1, Imminent::Lab), [0, 25, 50, 75, 100, 200]);
        assert_eq!(of(Class::D3, Imminent::Lab), [0, 1000, 2000, 3000, 4000, 5000]);
    }

    #[test]
    fn it_stops_when_the_event_ends_or_after_the_time_asked_for() {
        assert_eq!(times(schedule(Class::D3, Imminent::Lab, None, 3_000), 99), [0, 1000, 2000]);
        let repeat = |every_ms, during_ms| {
            Some(HazardRepeat {
                every: Duration::from_millis(every_ms),
                during: Duration::from_millis(during_ms),
            })
        };
        assert_eq!(
            times(schedule(Class::D3, Imminent::Lab, repeat(500, 1_600), 9_000), 99),
            [0, 500, 1000, 1500]
        );
        assert_eq!(times(schedule(Class::D3, Imminent::Lab, repeat(500, 9_000), 1_001), 99), [0, 500, 1000]);
        assert_eq!(times(schedule(Class::D3, Imminent::Lab, repeat(500, 0), 9_000), 99), [0]);
    }

    #[test]
    fn a_late_host_keeps_the_grid_and_makes_nothing_up() {
        let mut alert = schedule(Class::D1, Imminent::Lab, None, 600_000);
        alert.advance(START + Duration::from_millis(60), 1);
        assert_eq!(alert.next(), Some(START + Duration::from_millis(75)));
        alert.advance(START + Duration::from_millis(340), 1);
        assert_eq!(alert.next(), Some(START + Duration::from_millis(400)));
        alert.advance(START + Duration::from_millis(710), 1);
        assert_eq!(alert.next(), Some(START + Duration::from_millis(800)));
        alert.advance(START + Duration::from_millis(800), 3);
        assert_eq!(alert.next(), Some(START + Duration::from_millis(1100)), "three share the rate of one");
    }

    proptest! {
        #[test]
        fn it_always_gets_on_and_never_past_its_end(
            class in 0..3usize, every in 0u64..5_000, during in 0u64..100_000, holds in 0u64..50_000,
            lateness in proptest::collection::vec((0u64..3_000, 0u32..4), 1..60)
        ) {
            let class = [Class::D0, Class::D1, Class::D3][class];
            let repeat = HazardRepeat { every: Duration::from_millis(every), during: Duration::from_millis(during) };
            let end = START + Duration::from_millis(holds.min(during));
            let mut schedule = schedule(class, Imminent::Lab, Some(repeat), holds);
            let mut now = START;
            for (late, stretch) in lateness {
                let Some(next) = schedule.next() else { break };
                prop_assert!(next > now && next < end, "{:?} at {:?}, until {:?}", next, now, end);
                now = next + Duration::from_millis(late);
                schedule.advance(now, stretch);
            }
        }
    }
}
