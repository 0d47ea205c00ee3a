//! Rate limits of one signer, charged by verified messages only.

use core::num::NonZeroU32;

use v2x_proto::Class;

use crate::base::{Instant, Rate, limits};

/// Spent rates of one signer, charged by verified messages only. One in each neighbour, so it is small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignerRates {
    classes: [Spent; 6],
    events: Spent,
    alerts: Spent,
    /// Number of the last event that was new here, and one more.
    last_event: Option<NonZeroU32>,
}

impl SignerRates {
    /// Nothing spent by `now`.
    #[must_use]
    pub fn starting(now: Instant) -> Self {
        let none = Spent::from(now);
        Self { classes: [none; 6], events: none, alerts: none, last_event: None }
    }

    /// Whether one more message of `class` is within its rate.
    #[must_use]
    pub fn allows(&self, class: Class, now: Instant) -> bool {
        let rate = limits::signer_rate(class);
        rate.allows(self.classes[class.index()].until(rate, now), now)
    }

    /// A message of `class` was verified.
    pub fn charge(&mut self, class: Class, now: Instant) {
        // What lies in the past is brought along: a signer is heard every 20 s or forgotten, so that no moment
        // is left behind for as long as the ticks take to wrap.
        for (class, spent) in Class::ALL.into_iter().zip(&mut self.classes) {
            *spent = Spent::from(spent.until(limits::signer_rate(class), now));
        }
        self.events = Spent::from(self.events.until(limits::NEW_EVENT_RATE, now));
        self.alerts = Spent::from(self.alerts.until(limits::NEW_ALERT_RATE, now));
        let rate = limits::signer_rate(class);
        let spent = &mut self.classes[class.index()];
        *spent = Spent::from(rate.charged(spent.until(rate, now), now));
    }

    /// A verified message of `class` is about an event of which this station knows nothing; false when there were too
    /// many. Repeating the same `number` costs nothing; one of another's events has none.
    pub fn new_event(&mut self, class: Class, number: Option<u32>, now: Instant) -> bool {
        let number = number.and_then(|number| NonZeroU32::new(number.wrapping_add(1)));
        let again = number.is_some() && number == self.last_event;
        self.last_event = number;
        if again {
            return true;
        }
        let (rate, spent) = match class {
            Class::D0 | Class::D1 => (limits::NEW_ALERT_RATE, &mut self.alerts),
            _ => (limits::NEW_EVENT_RATE, &mut self.events),
        };
        let mut until = spent.until(rate, now);
        let allowed = rate.take(&mut until, now);
        *spent = Spent::from(until);
        allowed
    }
}

/// The moment up to which a rate is spent, in ticks of 2^20 ns (1.05 ms) that wrap after 69 s: it is never
/// further ahead than a burst, so that whatever seems to be lies in the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent(u16);

impl Spent {
    fn until(self, rate: Rate, now: Instant) -> Instant {
        let ahead = u64::from(self.0.wrapping_sub((now.as_nanos() >> TICK) as u16));
        let most = ((rate.each_ns * u64::from(rate.burst)) >> TICK) + 1;
        let ahead = if ahead <= most { ahead } else { 0 };
        Instant::from_nanos(((now.as_nanos() >> TICK) + ahead) << TICK)
    }
}

impl From<Instant> for Spent {
    fn from(until: Instant) -> Self {
        Self((until.as_nanos() >> TICK) as u16)
    }
}

const TICK: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_signer_has_its_rate_in_each_class_however_long_the_station_runs() {
        for start in [0, 5_000, 4_000_000_000, u64::MAX / 4_000_000] {
            let mut rates = SignerRates::default();
            let mut verified = 0;
            for millis in 0..10_000 {
                let now = ms(start + millis);
                if rates.allows(Class::D2, now) {
                    rates.charge(Class::D2, now);
                    verified += 1;
                }
            }
            assert!((130..=134).contains(&verified), "{verified}: a burst of 12 and 12/s");
            assert!(rates.allows(Class::D0, ms(start + 10_000)), "each class has its own");
        }
    }

    #[test]
    fn an_event_said_again_is_not_new() {
        let mut rates = SignerRates::default();
        let new = |rates: &mut SignerRates, number| rates.new_event(Class::D3, Some(number), ms(10));
        assert!((0..50).all(|_| new(&mut rates, 0)));
        let accepted = (1..50).filter(|number| new(&mut rates, *number)).count();
        assert_eq!(accepted, limits::NEW_EVENT_RATE.burst as usize - 1);
        let alerts = (50..99).filter(|number| rates.new_event(Class::D1, Some(*number), ms(10))).count();
        assert_eq!(alerts, limits::NEW_ALERT_RATE.burst as usize, "alerts have a rate of their own");
    }
    #[test]
    fn what_is_said_of_anothers_events_is_new_each_time() {
        let mut rates = SignerRates::default();
        let accepted = (0..50).filter(|_| rates.new_event(Class::D3, None, ms(10))).count();
        assert_eq!(accepted, limits::NEW_EVENT_RATE.burst as usize);
    }
}
