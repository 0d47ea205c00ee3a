//! Lot: frames that are verified when nothing in good standing waits, in an order that is drawn.
//!
//! Whatever an unverified frame carries, its name, its address, its time and its credential, anybody can write. So
//! whatever the lot preferred, an attacker would write it, or write it in its victim's place. Every alert or flood in
//! the lot has the same chance instead: which one is served, and which one is shed for a newcomer when there is no room,
//! is drawn at random. Of frames that come `x` times as fast as they are served, each one is served with probability
//! 1/x, and of `n` copies of a message at least one with probability 1 - (1 - 1/x)^n, whoever sends the others and
//! whenever they come.
//!
//! Other classes wait behind them, but for one in [`LOT_SHARE`], drawn when it comes: it takes part as if it were an alert,
//! so that a flood of alerts in a neighbour's name leaves some of its beacons, and the neighbour in the table.

use v2x_proto::Class;

use crate::base::limits::{LOT_SHARE, MAX_LOT};
use crate::base::{Reserve, Stream};

/// Slots of waiting frames, in no order.
#[derive(Debug)]
pub(super) struct Lot {
    drawn: Vec<u16>,
    rest: Vec<u16>,
    random: Stream,
}

impl Lot {
    /// An empty one, whose draws come from `random`.
    pub(super) fn new(random: Stream, reserve: Reserve) -> Self {
        Self { drawn: reserve.list(MAX_LOT), rest: reserve.list(MAX_LOT), random }
    }

    /// Frames waiting.
    pub(super) fn len(&self) -> usize {
        self.drawn.len() + self.rest.len()
    }

    /// Takes in the frame in `slot`; the slot of the one that is shed for it, possibly its own.
    pub(super) fn insert(&mut self, class: Class, slot: u16) -> Option<u16> {
        let is_drawn = matches!(class, Class::D0 | Class::D1 | Class::D3) || self.below(LOT_SHARE) == 0;
        let full = if is_drawn { self.drawn.len() } else { self.rest.len() } >= MAX_LOT;
        let place = if full { self.below(MAX_LOT + 1) } else { MAX_LOT };
        let pot = if is_drawn { &mut self.drawn } else { &mut self.rest };
        if !full {
            pot.push(slot);
            return None;
        }
        Some(pot.get_mut(place).map_or(slot, |taken| core::mem::replace(taken, slot)))
    }

    /// Takes out the slot of the frame to serve.
    pub(super) fn draw(&mut self) -> Option<u16> {
        let pot = if self.drawn.is_empty() { &mut self.rest } else { &mut self.drawn };
        if pot.is_empty() {
            return None;
        }
        let place = self.random.below(pot.len() as u64) as usize;
        Some(pot.swap_remove(place))
    }

    /// Takes out the first slot for which `is_it` is true.
    pub(super) fn take(&mut self, mut is_it: impl FnMut(u16) -> bool) -> Option<u16> {
        let pots = [&mut self.drawn, &mut self.rest];
        pots.into_iter().find_map(|pot| {
            let place = pot.iter().position(|slot| is_it(*slot))?;
            Some(pot.swap_remove(place))
        })
    }

    /// The first slot for which `is_it` is true.
    pub(super) fn find(&self, mut is_it: impl FnMut(u16) -> bool) -> Option<u16> {
        self.drawn.iter().chain(&self.rest).copied().find(|slot| is_it(*slot))
    }

    /// A place below `bound`, drawn.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use v2x_proto::Digest;

    use super::*;
    use crate::base::Purpose;

    fn lot(seed: u64) -> Lot {
        Lot::new(Stream::new(seed, Digest([1; 8]), Purpose::VerifyLot), Reserve::Whole)
    }

    /// Shares of two kinds of frames that are served, when `rate` come for each one served and every tenth is of the
    /// second kind. The first kind comes just before the second, or just after.
    fn served(rate: usize, first: Class, second: Class, before: bool) -> [f64; 2] {
        let (mut lot, mut kinds) = (lot(7), vec![0; 4 * MAX_LOT]);
        let mut free: Vec<u16> = (0..kinds.len() as u16).collect();
        let (mut came, mut served) = ([0_u32; 2], [0_u32; 2]);
        for n in 0..200_000 {
            let kind = usize::from(n % 10 == if before { 9 } else { 0 });
            let slot = free.pop().unwrap();
            kinds[usize::from(slot)] = kind;
            came[kind] += 1;
            free.extend(lot.insert([first, second][kind], slot));
            if n % rate == 0 {
                let slot = lot.draw().unwrap();
                served[kinds[usize::from(slot)]] += 1;
                free.push(slot);
            }
        }
        [0, 1].map(|kind| f64::from(served[kind]) / f64::from(came[kind]))
    }

    #[test]
    fn each_alert_has_the_chance_of_every_other_whenever_it_comes() {
        for rate in [2, 5] {
            for (first, second) in [(Class::D0, Class::D0), (Class::D0, Class::D1), (Class::D3, Class::D0)] {
                for before in [true, false] {
                    let chance = 1.0 / rate as f64;
                    let [flood, honest] = served(rate, first, second, before);
                    // Three standard deviations of 20,000 draws.
                    let spread = 3.0 * (chance * (1.0 - chance) / 20_000.0).sqrt();
                    assert!((flood - chance).abs() < spread, "{rate} {first:?}: {flood}");
                    assert!((honest - chance).abs() < spread, "{rate} {second:?}: {honest}");
                }
            }
        }
    }

    #[test]
    fn a_flood_of_beacons_costs_alerts_little_and_a_flood_of_alerts_leaves_some_beacons() {
        let [beacons, alerts] = served(5, Class::D2, Class::D0, true);
        assert!(alerts > 0.9 && beacons > 0.1, "{alerts} {beacons}");
        let [alerts, beacons] = served(5, Class::D0, Class::D2, true);
        assert!(alerts > 0.2 && beacons > 0.01, "{alerts} {beacons}");
    }

    #[test]
    fn it_serves_each_once_and_is_empty_then() {
        let mut lot = lot(1);
        for slot in 0..10 {
            assert_eq!(lot.insert(Class::ALL[usize::from(slot) % 6], slot), None);
        }
        assert_eq!(lot.take(|slot| slot == 4), Some(4));
        assert_eq!(lot.take(|slot| slot == 4), None);
        let mut out: Vec<u16> = core::iter::from_fn(|| lot.draw()).collect();
        out.sort_unstable();
        assert_eq!(out, [0, 1, 2, 3, 5, 6, 7, 8, 9]);
        assert_eq!(lot.len(), 0);
    }
}
