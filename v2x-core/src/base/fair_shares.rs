//! Fair shares of a rate: who takes much leaves room for those who take little.

use core::time::Duration;
use std::collections::VecDeque;

use super::rate::Rate;
use super::time::Instant;

/// A [`Rate`] for many at once. What each has taken is worn off one by one in turn, at the rate of all. One more is within the share
/// of whoever has fewer to wear off than there is room for: alone it gets the rate and its burst, and leaves a burst for those who
/// come later; several that take all they can get equal parts; whoever takes less than such a part gets all it asks for.
///
/// All together get twice the burst and the rate, however many they are. Nobody's share is kept for whoever takes nothing.
#[derive(Clone, Debug)]
pub struct FairShares<K> {
    rate: Rate,
    /// Each with what it has taken and is not worn off, at least 1; the first is next in turn.
    takers: VecDeque<(K, u32)>,
    /// Of all of them.
    taken: u32,
    /// Up to when it is worn off.
    worn: Instant,
}

impl<K: Copy + PartialEq> FairShares<K> {
    /// Nobody has taken anything.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, takers: VecDeque::new(), taken: 0, worn: Instant::ZERO }
    }

    /// At most this many pass within `time`, whoever takes them and whatever the pattern.
    #[must_use]
    pub fn most_in(rate: Rate, time: Duration) -> usize {
        rate.burst as usize + rate.most_in(time)
    }

    /// Takes one if it is within the share of `who`.
    pub fn take(&mut self, who: K, now: Instant) -> bool {
        self.wear_off(now);
        let room = 2 * self.rate.burst - self.taken;
        let place = self.takers.iter().position(|(taker, _)| *taker == who);
        let allowed = place.map_or(0, |place| self.takers[place].1) < room;
        if allowed {
            match place {
                Some(place) => self.takers[place].1 += 1,
                None => self.takers.push_back((who, 1)),
            }
            self.taken += 1;
        }
        allowed
    }

    /// Those who have taken something that is not worn off: at most twice the burst.
    #[must_use]
    pub fn takers(&self) -> usize {
        self.takers.len()
    }

    fn wear_off(&mut self, now: Instant) {
        let each = Duration::from_nanos(self.rate.each_ns);
        while self.worn + each <= now
            && let Some((taker, taken)) = self.takers.pop_front()
        {
            self.worn = self.worn + each;
            self.taken -= 1;
            if taken > 1 {
                self.takers.push_back((taker, taken - 1));
            }
        }
        if self.taken == 0 {
            // Time in which nobody took anything is not saved up.
            self.worn = self.worn.max(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const RATE: Rate = Rate::new(500, 100);

    fn us(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1000)
    }

    /// How many each of these got in `seconds`, who ask so many times a second from so many seconds on, in order of time.
    fn shared(asking: &[(u16, u64, u64)], seconds: u64) -> BTreeMap<u16, u64> {
        let mut asks = Vec::new();
        for (who, per_second, from) in asking {
            let all = 0..(seconds - from) * per_second;
            asks.extend(all.map(|n| (from * 1_000_000 + n * 1_000_000 / per_second, *who)));
        }
        asks.sort_by_key(|(at, _)| *at);
        let (mut shares, mut got) = (FairShares::new(RATE), BTreeMap::new());
        for (at, who) in asks {
            *got.entry(who).or_default() += u64::from(shares.take(who, us(at)));
        }
        got
    }

    #[test]
    fn who_is_alone_gets_the_rate_and_its_burst_and_leaves_a_burst_for_others() {
        let mut shares = FairShares::new(RATE);
        assert_eq!((0..1_000).filter(|_| shares.take(1, us(0))).count(), 100);
        let got = shared(&[(1, 10_000, 0)], 10)[&1];
        assert!((5_095..=5_100).contains(&got), "{got}");
        assert_eq!((0..1_000).filter(|_| shares.take(2, us(0))).count(), 50);
        assert_eq!((0..1_000).filter(|_| shares.take(3, us(0))).count(), 25);
    }

    #[test]
    fn who_takes_less_than_an_equal_part_gets_it_all_whoever_came_first() {
        let got = shared(&[(1, 10_000, 0), (2, 40, 1), (3, 100, 2), (4, 5, 3)], 10);
        assert_eq!((got[&2], got[&3], got[&4]), (360, 800, 35));
        let rest = 5_100 - 360 - 800 - 35;
        assert!((rest - 10..=rest).contains(&got[&1]), "{got:?}: the flooding one gets what they leave");
    }

    #[test]
    fn those_who_take_all_they_can_get_equal_parts() {
        let got = shared(&[(1, 10_000, 0), (2, 3_000, 0), (3, 900, 0), (4, 50, 0)], 10);
        assert_eq!(got[&4], 500);
        for who in 1..4 {
            assert!((1_500..1_580).contains(&got[&who]), "{got:?}");
        }
    }

    #[test]
    fn one_among_fifty_who_flood_gets_its_equal_part() {
        let mut asking: Vec<_> = (0..50).map(|who| (who, 1_000, 0)).collect();
        asking.push((99, 9, 1));
        let got = shared(&asking, 11);
        assert_eq!(got[&99], 90, "{got:?}");
        assert!(
            got.values().sum::<u64>() <= FairShares::<u16>::most_in(RATE, Duration::from_secs(11)) as u64
        );
    }

    #[test]
    fn who_goes_away_gives_its_share_back() {
        let mut shares = FairShares::new(RATE);
        for n in 0..10_000 {
            shares.take((n % 4) as u16, us(100 * n));
        }
        assert_eq!(shares.takers(), 4);
        // Its part is worn off within the time of two bursts.
        let (from, mut got) = (1_000_000, 0);
        for n in 0..20_000 {
            got += u64::from(shares.take(1, us(from + 100 * n)) && n >= 4_000);
        }
        assert_eq!((shares.takers(), got), (1, 800), "1.6 s at 500 a second");
        assert!(!shares.take(1, us(2_999_901)) && shares.take(2, us(2_999_901)));
        shares.take(1, us(9_000_000));
        assert_eq!(shares.takers(), 1);
    }

    proptest! {
        #[test]
        fn no_number_of_takers_gets_more_than_twice_the_burst_and_the_rate(
            steps in proptest::collection::vec((0u64..20, any::<u16>()), 1..2_000)
        ) {
            let rate = Rate::new(20, 20);
            let (mut shares, mut now, mut taken) = (FairShares::new(rate), 0, 0);
            for (step, who) in steps {
                now += step;
                let at = Instant::from_millis(now);
                taken += usize::from(shares.take(who, at));
                prop_assert!(taken <= FairShares::<u16>::most_in(rate, Duration::from_millis(now)));
                prop_assert!(shares.takers() <= 40);
            }
        }

        #[test]
        fn who_has_nothing_left_to_wear_off_is_never_refused_for_fewer_than_a_burst_of_others(
            others in proptest::collection::vec(0u16..12, 1..2_000), at in 0u64..2_000
        ) {
            let (mut shares, mut now) = (FairShares::new(RATE), 0);
            for other in others {
                now += at / 20;
                shares.take(other, us(now));
            }
            prop_assert!(shares.take(99, us(now)));
        }
    }
}
