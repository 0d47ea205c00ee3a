//! Which frame is verified next: the one whose deadline comes first.
//!
//! When the queue is full, what nobody's safety waits for gives way: D5, then D4, then D2, the latest
//! deadline first. D0, D1 and D3 are shed only for more urgent ones of their own kind.

use std::collections::VecDeque;

use v2x_proto::Class;

use crate::limits;
use crate::time::Instant;

/// Frames that passed every cheap check and wait for the dear one.
#[derive(Debug)]
pub struct VerifyQueue<T> {
    classes: [VecDeque<(Instant, T)>; 6],
    len: usize,
}

impl<T> Default for VerifyQueue<T> {
    fn default() -> Self {
        let classes = Class::ALL.map(|_| VecDeque::with_capacity(limits::MAX_VERIFY_QUEUE / 8));
        Self { classes, len: 0 }
    }
}

impl<T> VerifyQueue<T> {
    /// Queues a frame; returns the one that is shed for it, possibly the frame itself.
    pub fn push(&mut self, class: Class, deadline: Instant, frame: T) -> Option<T> {
        let mut shed = None;
        if self.len >= limits::MAX_VERIFY_QUEUE {
            match self.make_room(class, deadline) {
                Some(victim) => shed = Some(victim),
                None => return Some(frame),
            }
        }
        let queue = &mut self.classes[class.index()];
        let place = queue.partition_point(|(queued, _)| *queued <= deadline);
        queue.insert(place, (deadline, frame));
        self.len += 1;
        shed
    }

    /// The frame whose deadline comes first; between equals the more urgent class, then the first to come.
    pub fn pop(&mut self) -> Option<T> {
        let class = (0..self.classes.len())
            .filter_map(|class| self.classes[class].front().map(|(deadline, _)| (*deadline, class)))
            .min()?
            .1;
        self.len -= 1;
        self.classes[class].pop_front().map(|(_, frame)| frame)
    }

    /// Frames waiting.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn make_room(&mut self, class: Class, deadline: Instant) -> Option<T> {
        let sheddable = SHED_ORDER.iter().copied().find(|shed| !self.classes[shed.index()].is_empty());
        let from = match sheddable {
            // A newcomer of a class that would be shed first is the first to go.
            Some(victim) if rank(class) < rank(victim) => return None,
            Some(victim) if victim != class => return self.take_last(victim),
            Some(victim) => victim,
            None if rank(class) < SHED_ORDER.len() => return None,
            None => self.latest()?,
        };
        let latest = self.classes[from.index()].back().map(|(queued, _)| *queued)?;
        (deadline < latest).then(|| self.take_last(from)).flatten()
    }

    fn latest(&self) -> Option<Class> {
        Class::ALL
            .into_iter()
            .filter_map(|class| self.classes[class.index()].back().map(|(deadline, _)| (*deadline, class)))
            .max()
            .map(|(_, class)| class)
    }

    fn take_last(&mut self, class: Class) -> Option<T> {
        let (_, frame) = self.classes[class.index()].pop_back()?;
        self.len -= 1;
        Some(frame)
    }
}

fn rank(class: Class) -> usize {
    SHED_ORDER.iter().position(|shed| *shed == class).unwrap_or(SHED_ORDER.len())
}

const SHED_ORDER: [Class; 3] = [Class::D5, Class::D4, Class::D2];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn full_of(class: Class) -> VerifyQueue<u64> {
        let mut queue = VerifyQueue::default();
        for n in 0..limits::MAX_VERIFY_QUEUE as u64 {
            assert_eq!(queue.push(class, at(1000 + n), n), None);
        }
        queue
    }

    #[test]
    fn the_earliest_deadline_is_verified_first() {
        let mut queue = VerifyQueue::default();
        for (class, deadline) in [(Class::D2, 100), (Class::D0, 20), (Class::D5, 10), (Class::D1, 20)] {
            queue.push(class, at(deadline), (class, deadline));
        }
        let order: Vec<_> = core::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [(Class::D5, 10), (Class::D0, 20), (Class::D1, 20), (Class::D2, 100)]);
    }

    #[test]
    fn background_gives_way_to_everything_and_awareness_to_alerts() {
        let last = limits::MAX_VERIFY_QUEUE as u64 - 1;
        for class in [Class::D0, Class::D1, Class::D2, Class::D3, Class::D4] {
            assert_eq!(full_of(Class::D5).push(class, at(9999), 77), Some(last), "{class:?}");
        }
        assert_eq!(full_of(Class::D2).push(Class::D0, at(9999), 77), Some(last));
        assert_eq!(full_of(Class::D2).push(Class::D5, at(1), 77), Some(77));
        assert_eq!(full_of(Class::D2).push(Class::D4, at(1), 77), Some(77));
    }

    #[test]
    fn imminent_frames_are_shed_only_for_more_urgent_ones() {
        assert_eq!(full_of(Class::D0).push(Class::D2, at(1), 77), Some(77));
        assert_eq!(full_of(Class::D0).push(Class::D0, at(9999), 77), Some(77));
        assert_eq!(full_of(Class::D3).push(Class::D0, at(5), 77), Some(limits::MAX_VERIFY_QUEUE as u64 - 1));
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_loses_nothing(frames in proptest::collection::vec((0usize..6, 0u64..50), 0..1500)) {
            let mut queue = VerifyQueue::default();
            let mut shed = 0;
            for (class, deadline) in &frames {
                shed += usize::from(queue.push(Class::ALL[*class], at(*deadline), ()).is_some());
                prop_assert!(queue.len() <= limits::MAX_VERIFY_QUEUE);
            }
            let left = core::iter::from_fn(|| queue.pop()).count();
            prop_assert_eq!(left + shed, frames.len());
            prop_assert!(queue.is_empty());
        }
    }
}
