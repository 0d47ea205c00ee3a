//! The kernel's table of the stations it has heard on an interface in OCB: how full it is, and when to empty it.
//!
//! It has room for 128 addresses and forgets one after four minutes of silence. While it is full, the frames of every other
//! station are dropped, and nothing says so. Entries cannot be removed one by one; leaving and joining empties it, at the
//! price of the next frame of each station, which is the first one again.

use crate::radio::LinkFault;
use crate::wlan::Neighbour;

/// What is known of the table of one interface. Times are arguments.
#[derive(Debug, Clone, Default)]
pub(crate) struct OcbTable {
    entries: Option<u32>,
    most: u32,
    fault: Option<Fullness>,
    /// Since when.
    since_ns: u64,
    emptied_ns: Option<u64>,
    /// Times in a row that it was nearly full again as soon as it might be emptied.
    in_vain: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fullness {
    Filling,
    Full,
}

impl OcbTable {
    /// So many entries were counted at `now_ns`: true when it is time to leave and join, which only a link with
    /// `can_rejoin` does.
    pub(crate) fn count(&mut self, now_ns: u64, entries: u32, can_rejoin: bool) -> bool {
        self.entries = Some(entries);
        self.most = self.most.max(entries);
        let fault = match self.fault {
            _ if entries >= ROOM => Some(Fullness::Full),
            Some(Fullness::Full) if entries >= WARN => Some(Fullness::Full),
            Some(_) if entries >= CALM => Some(Fullness::Filling),
            None if entries >= WARN => Some(Fullness::Filling),
            _ => None,
        };
        if core::mem::replace(&mut self.fault, fault) != fault {
            self.since_ns = now_ns;
        }
        if entries < REJOIN || !can_rejoin {
            return false;
        }
        let passed_ns = self.emptied_ns.map_or(u64::MAX, |emptied_ns| now_ns.saturating_sub(emptied_ns));
        let pause_ns = if self.in_vain < IN_VAIN { SHORT_PAUSE_NS } else { LONG_PAUSE_NS };
        if passed_ns < pause_ns {
            return false;
        }
        self.in_vain = if passed_ns < 2 * pause_ns { self.in_vain.saturating_add(1) } else { 0 };
        self.emptied_ns = Some(now_ns);
        true
    }

    /// The link was left: the kernel keeps nothing of it.
    pub(crate) fn left(&mut self) {
        (self.entries, self.fault) = (None, None);
    }

    /// Entries counted last; `None` while the link is down, and before the first count.
    pub(crate) fn entries(&self) -> Option<u32> {
        self.entries
    }

    /// The most that were counted.
    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    /// What is wrong with it, and since when, ns, of an interface that `rejoins`, or does not.
    pub(crate) fn fault(&self, interface: &str, rejoins: bool) -> Option<(u64, LinkFault)> {
        let full = self.fault? == Fullness::Full;
        Some((self.since_ns, LinkFault::OcbTable { interface: interface.to_owned(), full, rejoins }))
    }
}

/// A burst of new addresses goes beyond it.
const ROOM: u32 = Neighbour::OCB_NEIGHBOURS as u32;
/// From here on it is told; in dense traffic the rest is filled within a minute.
const WARN: u32 = 100;
/// And below this no longer.
const CALM: u32 = 90;
/// Emptied from here on: what is left is for those who come until then.
const REJOIN: u32 = 120;
/// Emptied at most this often: a newcomer is heard within 2 s, and neighbours that send at 10 Hz lose a twentieth.
const SHORT_PAUSE_NS: u64 = 2_000_000_000;
/// This often when so many in a row were in vain, because more stations are there than it has room for, or somebody makes
/// them up: the link is then there for those that are heard.
const IN_VAIN: u32 = 5;
const LONG_PAUSE_NS: u64 = 10_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000_000_000;

    fn told(table: &OcbTable) -> Option<bool> {
        match table.fault("wlan0", false) {
            Some((_, LinkFault::OcbTable { full, .. })) => Some(full),
            _ => None,
        }
    }

    #[test]
    fn a_table_that_fills_is_told_before_it_is_full_and_until_it_has_room() {
        let mut table = OcbTable::default();
        let mut seen = Vec::new();
        for (second, entries) in (0..).zip([0, 99, 100, 95, 127, 128, 183, 100, 99, 90, 89, 99]) {
            assert!(!table.count(second * S, entries, false), "nobody may");
            seen.push(told(&table));
        }
        let (filling, full) = (Some(false), Some(true));
        let expected =
            [None, None, filling, filling, filling, full, full, full, filling, filling, None, None];
        assert_eq!(seen, expected);
        assert_eq!((table.entries(), table.most()), (Some(99), 183));
        table.left();
        assert_eq!((table.entries(), told(&table)), (None, None));
    }

    #[test]
    fn in_dense_traffic_a_table_is_emptied_as_often_as_it_fills() {
        let (mut table, mut entries, mut emptied) = (OcbTable::default(), 0, Vec::new());
        for second in 0..300 {
            // Two new addresses a second.
            entries += 2;
            if table.count(second * S, entries, true) {
                emptied.push(second);
                entries = 0;
            }
        }
        assert_eq!(emptied, [59, 119, 179, 239, 299]);
        assert_eq!((table.most(), told(&table)), (REJOIN, Some(false)));
    }

    /// When a table is emptied that is full again within a second.
    fn emptied(seconds: u64) -> Vec<u64> {
        let mut table = OcbTable::default();
        (0..seconds).filter(|second| table.count(second * S, 128, true)).collect()
    }

    #[test]
    fn a_table_that_is_full_at_once_is_emptied_every_two_seconds_and_then_every_ten() {
        assert_eq!(emptied(60), [0, 2, 4, 6, 8, 10, 20, 30, 40, 50]);
    }

    #[test]
    fn a_flood_that_ends_is_forgotten() {
        let mut table = OcbTable::default();
        for second in 0..60 {
            table.count(second * S, 128, true);
        }
        for second in 60..200 {
            assert!(!table.count(second * S, 40, true));
        }
        assert!(table.count(200 * S, 125, true));
        assert!(table.count(202 * S, 125, true), "after two seconds again");
    }

    proptest! {
        #[test]
        fn it_is_never_emptied_without_need_nor_twice_within_two_seconds(
            counts in prop::collection::vec((0u64..3_000, 0u32..300, any::<bool>()), 0..100),
        ) {
            let (mut table, mut now_ns, mut last_ns) = (OcbTable::default(), 0, None);
            for (later_ms, entries, can_rejoin) in counts {
                now_ns += later_ms * 1_000_000;
                if table.count(now_ns, entries, can_rejoin) {
                    prop_assert!(can_rejoin && entries >= REJOIN);
                    prop_assert!(last_ns.is_none_or(|last| now_ns - last >= SHORT_PAUSE_NS));
                    last_ns = Some(now_ns);
                }
                prop_assert_eq!(told(&table) == Some(true), table.fault == Some(Fullness::Full));
                prop_assert!(entries < ROOM || told(&table) == Some(true));
            }
        }
    }
}
