//! First contact in OCB: what makes receivers know an address before they need to.
//!
//! Linux in OCB drops the first frame, or frames, of an address that it does not know: the entry for the neighbour is added by
//! deferred work, and until it is there the frame fails port control. An entry lasts for four minutes of silence. So, before
//! the first frame of an address that was not used lately, goes a warm-up frame of another EtherType, which no station's
//! socket receives; and frames that left right behind it go once more, should the receiver's work have taken longer than
//! they took. Receivers drop an exact copy before its signature is checked.
//!
//! A warm-up frame holds nothing but the address, and leaves only when the first frame of that address is at hand. Whoever
//! listens learns nothing from it that the frame itself does not say a moment later, and no copy of another address's frame
//! follows it: it is no link between two pseudonyms.

use std::collections::VecDeque;

use v2x_proto::link::AccessCategory;

use crate::radio::LinkAddress;

/// The addresses used lately, and frames to be sent again. Times are arguments, ns of one clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct FirstContact {
    /// In no order; an address that has no room is greeted once more.
    known: Vec<Known>,
    /// Which was greeted last, and when: only its frames are sent again.
    greeted: Option<(LinkAddress, u64)>,
    copies: VecDeque<Repeat>,
}

/// A frame to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) source: LinkAddress,
    pub(crate) access: AccessCategory,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    address: LinkAddress,
    used_ns: u64,
}

impl FirstContact {
    /// Whether a warm-up frame goes before a frame of `source`: receivers may not know it, or no longer.
    pub(crate) fn is_due(&self, now_ns: u64, source: LinkAddress) -> bool {
        self.known
            .iter()
            .find(|known| known.address == source)
            .is_none_or(|known| now_ns.saturating_sub(known.used_ns) >= FORGOTTEN_NS)
    }

    /// The warm-up frame of `source` has left, or was refused.
    pub(crate) fn greeted(&mut self, now_ns: u64, source: LinkAddress) {
        // A frame of an address of before must not follow one of the new.
        self.copies.clear();
        self.greeted = Some((source, now_ns));
        self.known.retain(|known| known.address != source);
        if self.known.len() == MOST_ADDRESSES {
            let oldest = (0..self.known.len()).min_by_key(|place| self.known[*place].used_ns);
            self.known.swap_remove(oldest.expect("there are some"));
        }
        self.known.push(Known { address: source, used_ns: now_ns });
    }

    /// A frame has left. It goes again if receivers may not have been ready, unless it was itself sent again.
    pub(crate) fn sent(&mut self, now_ns: u64, source: LinkAddress, access: AccessCategory, bytes: &[u8]) {
        let Some(known) = self.known.iter_mut().find(|known| known.address == source) else { return };
        known.used_ns = now_ns;
        let fresh = self
            .greeted
            .is_some_and(|(greeted, at_ns)| greeted == source && now_ns.saturating_sub(at_ns) <= WINDOW_NS);
        if !self.copies.is_empty() {
            let before = self.copies.len();
            self.copies.retain(|copy| copy.source != source || copy.bytes != bytes);
            if self.copies.len() < before {
                return;
            }
        }
        if fresh && self.copies.len() < MOST_COPIES {
            self.copies.push_back(Repeat { source, access, bytes: bytes.to_vec() });
        }
    }

    /// When the next copy is due.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        let (_, at_ns) = self.greeted.filter(|_| !self.copies.is_empty())?;
        Some(at_ns.saturating_add(GAP_NS))
    }

    /// A copy that is due.
    pub(crate) fn pop(&mut self, now_ns: u64) -> Option<Repeat> {
        self.next_ns().filter(|due_ns| *due_ns <= now_ns).and_then(|_| self.copies.pop_front())
    }
}

/// An address that was silent for this long is greeted again: forty seconds before receivers forget it.
const FORGOTTEN_NS: u64 = 200_000_000_000;
/// Frames this soon after a warm-up frame are sent again: the deferred work of a receiver takes well under a millisecond, or
/// a few when it is loaded.
const WINDOW_NS: u64 = 5_000_000;
/// And this long after it. Frames that their station repeats itself, such as imminent alerts and the first of a pseudonym, are
/// repeated by then.
const GAP_NS: u64 = 10_000_000;
/// A station uses one address at a time; of those before come repetitions of events.
const MOST_ADDRESSES: usize = 16;
/// A station sends a few frames within 5 ms; those beyond go once.
const MOST_COPIES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;
    const S: u64 = 1_000 * MS;

    fn address(last: u8) -> LinkAddress {
        LinkAddress([2, 0, 0, 0, 0, last])
    }

    /// Sends as a link does: true when a warm-up frame went first.
    fn send(contact: &mut FirstContact, now_ns: u64, source: u8, bytes: &[u8]) -> bool {
        let due = contact.is_due(now_ns, address(source));
        if due {
            contact.greeted(now_ns, address(source));
        }
        contact.sent(now_ns, address(source), AccessCategory::Video, bytes);
        due
    }

    fn copies(contact: &mut FirstContact, now_ns: u64) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| contact.pop(now_ns)).map(|copy| copy.bytes).collect()
    }

    #[test]
    fn the_first_frame_of_an_address_is_greeted_and_sent_again() {
        let mut contact = FirstContact::default();
        assert!(send(&mut contact, 0, 1, b"first"));
        assert!(!send(&mut contact, 3 * MS, 1, b"second"));
        assert!(!send(&mut contact, 6 * MS, 1, b"third"));
        assert_eq!((contact.next_ns(), copies(&mut contact, 9 * MS)), (Some(10 * MS), vec![]));
        assert_eq!(copies(&mut contact, 10 * MS), [b"first".to_vec(), b"second".to_vec()]);
        assert!(!send(&mut contact, 100 * MS, 1, b"fourth"));
        assert_eq!((contact.next_ns(), copies(&mut contact, S)), (None, vec![]));
    }

    #[test]
    fn an_address_in_use_is_never_greeted_again_and_one_that_was_silent_is() {
        let mut contact = FirstContact::default();
        assert!(send(&mut contact, 0, 1, b"a"));
        for second in 1..1_000 {
            assert!(!send(&mut contact, second * S, 1, b"a"), "{second}");
        }
        assert!(!send(&mut contact, 1_198 * S, 1, b"a"));
        assert!(send(&mut contact, 1_398 * S, 1, b"a"), "200 s after it");
    }

    #[test]
    fn a_change_of_pseudonym_is_greeted_at_once_and_no_frame_of_before_follows() {
        let mut contact = FirstContact::default();
        assert!(send(&mut contact, 0, 1, b"old"));
        assert!(send(&mut contact, 4 * MS, 2, b"new"));
        assert_eq!(copies(&mut contact, S), [b"new".to_vec()]);
        assert!(!send(&mut contact, 2 * S, 1, b"an event of before"));
        assert_eq!(copies(&mut contact, 3 * S), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_frame_that_its_station_repeats_needs_no_copy() {
        let mut contact = FirstContact::default();
        for ms in [0, 6, 12] {
            send(&mut contact, ms * MS, 1, b"imminent");
            assert_eq!(copies(&mut contact, ms * MS), Vec::<Vec<u8>>::new());
        }
        assert!(send(&mut contact, 300 * S, 1, b"beacon"));
        send(&mut contact, 308 * S, 1, b"another");
        assert_eq!(copies(&mut contact, 308 * S), [b"beacon".to_vec()]);
    }

    proptest! {
        #[test]
        fn no_address_is_first_heard_without_a_greeting_and_nothing_grows(
            frames in prop::collection::vec((0u64..300, 0u8..40, any::<u8>()), 0..200),
        ) {
            let (mut contact, mut now_ns) = (FirstContact::default(), 0);
            let (mut last_used, mut last_greeted) = (std::collections::BTreeMap::new(), None);
            for (later, source, byte) in frames {
                // Often close together, and sometimes minutes apart.
                now_ns += if later < 250 { later * MS / 10 } else { later * S };
                for copy in core::iter::from_fn(|| contact.pop(now_ns)) {
                    prop_assert_eq!(Some(copy.source), last_greeted, "none of another address");
                }
                let greeted = send(&mut contact, now_ns, source, &[byte]);
                let before = last_used.insert(source, now_ns);
                let unknown = before.is_none_or(|used_ns| now_ns - used_ns >= FORGOTTEN_NS);
                prop_assert!(greeted || !unknown);
                if greeted {
                    last_greeted = Some(address(source));
                }
                prop_assert!(contact.known.len() <= MOST_ADDRESSES && contact.copies.len() <= MOST_COPIES);
            }
        }
    }
}
