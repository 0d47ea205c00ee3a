//! The newest messages this station signed, by class: what tells its own frames, coming back, from frames that another
//! station signed with its credential.

use v2x_proto::Digest;

use crate::base::{MessageId, WireTime, limits::MAX_SIGNED_KEPT};

/// The last [`MAX_SIGNED_KEPT`] messages of each class, under whichever identity.
#[derive(Debug, Default)]
pub struct SignedLog {
    classes: [Ring; 6],
}

#[derive(Debug, Default)]
struct Ring {
    entries: Vec<Entry>,
    oldest: usize,
    /// The newest generation time among those that made room.
    forgotten: WireTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    signer: Digest,
    sequence: u32,
    generation: WireTime,
}

impl SignedLog {
    /// The station signed this message, generated at `generation`.
    pub fn record(&mut self, id: &MessageId, generation: WireTime) {
        let ring = &mut self.classes[id.class.index()];
        let entry = Entry { signer: id.signer, sequence: id.sequence, generation };
        if ring.entries.len() < MAX_SIGNED_KEPT {
            return ring.entries.push(entry);
        }
        let gone = core::mem::replace(&mut ring.entries[ring.oldest], entry);
        ring.forgotten = ring.forgotten.max(gone.generation);
        ring.oldest = (ring.oldest + 1) % MAX_SIGNED_KEPT;
    }

    /// Whether the station signed this message since it started, or may have: it is no newer than what was forgotten.
    #[must_use]
    pub fn may_hold(&self, id: &MessageId, generation: WireTime) -> bool {
        let ring = &self.classes[id.class.index()];
        let wanted = Entry { signer: id.signer, sequence: id.sequence, generation };
        generation <= ring.forgotten || ring.entries.contains(&wanted)
    }

    /// Messages kept of the class of which most are.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.classes.iter().map(|ring| ring.entries.len()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use v2x_proto::Class;

    fn id(class: Class, sequence: u32) -> MessageId {
        MessageId { signer: Digest([1; 8]), class, sequence }
    }

    #[test]
    fn a_message_is_known_by_its_signer_class_number_and_time() {
        let mut log = SignedLog::default();
        let time = WireTime::from_micros(1_000);
        log.record(&id(Class::D2, 7), time);
        assert!(log.may_hold(&id(Class::D2, 7), time));
        assert!(!log.may_hold(&id(Class::D2, 8), time) && !log.may_hold(&id(Class::D3, 7), time));
        assert!(
            !log.may_hold(&id(Class::D2, 7), WireTime::from_micros(1_001)),
            "another message of that number"
        );
        let other = MessageId { signer: Digest([2; 8]), ..id(Class::D2, 7) };
        assert!(!log.may_hold(&other, time));
    }

    proptest! {
        /// Whatever was signed, and however the clock moved meanwhile, is never taken for another's.
        #[test]
        fn nothing_signed_is_ever_taken_for_anothers(
            signed in proptest::collection::vec((0..3usize, any::<u32>(), 0..2_000u64), 1..400),
        ) {
            let mut log = SignedLog::default();
            for (class, sequence, time) in &signed {
                log.record(&id(Class::ALL[*class], *sequence), WireTime::from_micros(*time));
            }
            for (class, sequence, time) in &signed {
                prop_assert!(log.may_hold(&id(Class::ALL[*class], *sequence), WireTime::from_micros(*time)));
            }
            prop_assert!(log.longest() <= MAX_SIGNED_KEPT);
        }
    }
}
