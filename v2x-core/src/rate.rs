//! How many frames one source may have looked at: by link address and forwarder before anything is
//! verified, by signer after.
//!
//! What is counted before verification can be charged to anybody: an attacker writes whatever address and
//! forwarder it likes. So those buckets never silence a station that was heard before: its frames are
//! [demoted](Standing::Demoted), verified when nothing else waits, and only strangers' are refused. What a
//! signer has spent is charged when its frame was verified, and nobody else can spend it.

use core::hash::Hasher;
use core::time::Duration;

use siphasher::sip::SipHasher13;
use v2x_proto::{Class, Digest};

use crate::io::DropReason;
use crate::limits;
use crate::neighbor::NeighbourTable;
use crate::rng::Stream;
use crate::time::Instant;

/// An even rate with a burst (the generic cell rate algorithm): its state is one [`Instant`], the moment up
/// to which the rate is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    each_ns: u64,
    burst: u32,
}

impl Rate {
    /// `per_second` in the long run, `burst` at once; neither may be 0.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { each_ns: 1_000_000_000 / per_second as u64, burst }
    }

    /// Whether one more is within the rate.
    #[must_use]
    pub fn allows(self, spent_until: Instant, now: Instant) -> bool {
        spent_until.nanos_since(now) <= self.each_ns * u64::from(self.burst - 1)
    }

    /// The state after one more. It never runs further ahead than one burst.
    #[must_use]
    pub fn charged(self, spent_until: Instant, now: Instant) -> Instant {
        let most = now + Duration::from_nanos(self.each_ns * u64::from(self.burst));
        (spent_until.max(now) + Duration::from_nanos(self.each_ns)).min(most)
    }

    /// Charges one if it is within the rate.
    pub fn take(self, spent_until: &mut Instant, now: Instant) -> bool {
        let allowed = self.allows(*spent_until, now);
        if allowed {
            *spent_until = self.charged(*spent_until, now);
        }
        allowed
    }
}

/// A rate for each of any number of keys in a fixed number of slots.
///
/// Two rows of slots under a hash whose key nobody else knows: a key is over its rate only when both its
/// slots are. Whoever floods under a hundred addresses fills a tenth of each row, and meets a given other
/// station in both with one chance in a hundred; and nobody can aim.
#[derive(Clone, Debug)]
pub struct Buckets {
    rate: Rate,
    keys: (u64, u64),
    rows: [Box<[Instant]>; 2],
}

impl Buckets {
    /// Nothing spent yet, two rows of `slots`, at least 1, of 8 bytes.
    #[must_use]
    pub fn new(rate: Rate, slots: usize, stream: &mut Stream) -> Self {
        let row = || vec![Instant::ZERO; slots.max(1)].into_boxed_slice();
        Self { rate, keys: (stream.next_u64(), stream.next_u64()), rows: [row(), row()] }
    }

    /// Charges one to `key`; false when it is over its rate.
    pub fn take(&mut self, key: &[u8], now: Instant) -> bool {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(key);
        let hash = hasher.finish();
        let slots = self.rows[0].len();
        let places = [hash as usize % slots, (hash >> 32) as usize % slots];
        let mut allowed = false;
        for (row, place) in self.rows.iter_mut().zip(places) {
            allowed |= self.rate.take(&mut row[place], now);
        }
        allowed
    }
}

/// How a frame stands before its signature is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Verified in its turn.
    Good,
    /// Verified when nothing else waits.
    Demoted,
}

/// Rates of what was not verified: who sent a frame, by its own word.
#[derive(Clone, Debug)]
pub struct Unverified {
    links: Buckets,
    forwarders: Buckets,
    strangers: Instant,
    credentials: Instant,
    credential_shares: Buckets,
}

/// What a frame says about where it comes from; nothing of it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Source address of the link.
    pub link: [u8; 6],
    /// The hop header's forwarder.
    pub forwarder: Digest,
    /// Whose signature it is to carry.
    pub signer: Digest,
    /// Deadline class.
    pub class: Class,
}

impl Unverified {
    /// Nothing heard yet; each rate has as many slots a row as there may be neighbours.
    #[must_use]
    pub fn new(neighbours: usize, stream: &mut Stream) -> Self {
        Self {
            links: Buckets::new(limits::LINK_RATE, neighbours, stream),
            forwarders: Buckets::new(limits::LINK_RATE, neighbours, stream),
            strangers: Instant::ZERO,
            credentials: Instant::ZERO,
            credential_shares: Buckets::new(limits::NEW_CREDENTIAL_SHARE, neighbours, stream),
        }
    }

    /// Charges a frame to its link address and forwarder.
    ///
    /// # Errors
    ///
    /// [`DropReason::RateLimitedLink`] or [`DropReason::RateLimitedForwarder`], never for a station that was
    /// heard from this address, nor for an alert (D0, D1) of any neighbour: those are demoted.
    pub fn admit(
        &mut self,
        origin: &Origin,
        neighbours: &NeighbourTable,
        now: Instant,
    ) -> Result<Standing, DropReason> {
        let known = neighbours.get(&origin.signer);
        let forwarder =
            if origin.forwarder == origin.signer { known } else { neighbours.get(&origin.forwarder) };
        // A verified frame of whoever transmits came from this very address.
        let familiar = forwarder.is_some_and(|forwarder| forwarder.link() == Some(origin.link));
        let link = self.links.take(&origin.link, now);
        // Anybody can write a forwarder's digest; from the forwarder's own address its address counts.
        let forwarder = familiar || self.forwarders.take(&origin.forwarder.0, now);
        if link && forwarder {
            let in_turn = familiar || limits::STRANGER_RATE.take(&mut self.strangers, now);
            return Ok(if in_turn { Standing::Good } else { Standing::Demoted });
        }
        let spared = known.is_some() && (familiar || matches!(origin.class, Class::D0 | Class::D1));
        match (spared, link) {
            (true, _) => Ok(Standing::Demoted),
            (false, false) => Err(DropReason::RateLimitedLink),
            (false, true) => Err(DropReason::RateLimitedForwarder),
        }
    }

    /// Charges the check of a credential that was not seen before: to all, and to the address it came from,
    /// so that one address cannot keep everybody else's from being checked.
    pub fn new_credential(&mut self, link: &[u8; 6], shared: bool, now: Instant) -> bool {
        let all = limits::NEW_CREDENTIAL_RATE;
        all.allows(self.credentials, now)
            && (!shared || self.credential_shares.take(link, now))
            && all.take(&mut self.credentials, now)
    }
}

/// What a signer has spent of its rates, by verified messages only. One in each neighbour, so it is small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignerRates {
    classes: [Spent; 6],
    events: Spent,
    last_event: Option<u16>,
}

impl SignerRates {
    /// Nothing spent by `now`.
    #[must_use]
    pub fn starting(now: Instant) -> Self {
        Self { classes: [Spent::from(now); 6], events: Spent::from(now), last_event: None }
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
        let rate = limits::signer_rate(class);
        let spent = &mut self.classes[class.index()];
        *spent = Spent::from(rate.charged(spent.until(rate, now), now));
    }

    /// A verified message says that event `number` is new; false when there were too many. Saying the same
    /// again costs nothing.
    pub fn new_event(&mut self, number: u32, now: Instant) -> bool {
        // The low half tells a repetition from a new event; who counts by 65,536 gains one event.
        let number = Some(number as u16);
        let again = number == self.last_event;
        self.last_event = number;
        if again {
            return true;
        }
        let mut until = self.events.until(limits::NEW_EVENT_RATE, now);
        let allowed = limits::NEW_EVENT_RATE.take(&mut until, now);
        self.events = Spent::from(until);
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
    use crate::rng::Purpose;
    use proptest::prelude::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn stream() -> Stream {
        Stream::new(1, Digest([1; 8]), Purpose::RateKeys)
    }

    fn origin(link: u8, class: Class) -> Origin {
        let forwarder = Digest([link; 8]);
        Origin { link: [link; 6], forwarder, signer: forwarder, class }
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rate_in_the_long_run() {
        let rate = Rate::new(10, 5);
        let mut spent = Instant::ZERO;
        let taken = |spent: &mut Instant, now| (0..100).filter(|_| rate.take(spent, now)).count();
        assert_eq!(taken(&mut spent, ms(1000)), 5);
        assert_eq!(taken(&mut spent, ms(1099)), 0);
        assert_eq!(taken(&mut spent, ms(1100)), 1);
        assert_eq!(taken(&mut spent, ms(9000)), 5, "what was not used is not saved up beyond a burst");
    }

    #[test]
    fn a_flooding_address_is_refused_and_others_are_not() {
        let mut rates = Unverified::new(limits::NEIGHBOURS, &mut stream());
        let table = NeighbourTable::new();
        let mut passed = 0;
        for n in 0..20_000_u64 {
            let now = Instant::from_nanos(n * 50_000);
            passed += u32::from(rates.admit(&origin(1, Class::D0), &table, now).is_ok());
            if n % 2000 == 0 {
                for other in 2..100 {
                    let verdict = rates.admit(&origin(other, Class::D2), &table, now);
                    assert!(verdict.is_ok(), "{other} at {now:?}");
                }
            }
        }
        assert!((290..=310).contains(&passed), "{passed}: a burst of 100 and 200/s");
    }

    #[test]
    fn a_flooding_address_leaves_most_of_the_credential_checks_to_others() {
        let mut rates = Unverified::new(limits::NEIGHBOURS, &mut stream());
        let flood = (0..20_000_u64)
            .filter(|n| rates.new_credential(&[1; 6], true, Instant::from_nanos(n * 50_000)))
            .count();
        assert!(flood <= 32, "{flood}");
        assert!((2..60).all(|other| rates.new_credential(&[other; 6], true, ms(1000))));
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
        let new = |rates: &mut SignerRates, number| rates.new_event(number, ms(10));
        assert!((0..50).all(|_| new(&mut rates, 0)));
        let accepted = (1..50).filter(|number| new(&mut rates, *number)).count();
        assert_eq!(accepted, limits::NEW_EVENT_RATE.burst as usize - 1);
    }

    proptest! {
        #[test]
        fn no_pattern_gets_more_than_the_burst_and_the_rate(steps in proptest::collection::vec(0u64..300, 1..400)) {
            let rate = Rate::new(20, 20);
            let (mut spent, mut now, mut taken) = (Instant::ZERO, 0, 0);
            for step in steps {
                now += step;
                taken += u64::from(rate.take(&mut spent, ms(now)));
            }
            prop_assert!(taken <= 20 + now / 50);
        }
    }
}
