//! Send queues by deadline class: D0 > D1 > D4 > D3 > D2 > D5, earliest deadline first inside a class; expired frames
//! are dropped at the head, never sent late.
//!
//! In D2 and D4 a newer frame on the same subject replaces the queued one: an old position, or an old signal state of
//! the same intersection, is of no use once a new one exists.

use core::time::Duration;
use std::collections::VecDeque;

use v2x_proto::Class;

use super::outgoing::OwnFrame;
use crate::base::{Instant, NotSent, NotSentReason, Token, Transmit, limits};
use crate::congestion::Passage;

/// Frames waiting for the link.
#[derive(Debug, Default)]
pub struct SendQueue {
    classes: [VecDeque<Queued>; 6],
    /// Frames in all classes: most inputs find none, and should not pay for six lookups.
    waiting: usize,
}

/// What a message is about: its type, and which of several things of that type (an intersection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Number of the payload's type.
    pub message_type: u32,
    /// Which of several, 0 when there is only one.
    pub number: u32,
}

#[derive(Debug)]
struct Queued {
    frame: OwnFrame,
    subject: Subject,
    token: Option<Token>,
}

impl SendQueue {
    /// Queues a frame, with the token of the request it comes from; what was evicted for it is returned.
    pub fn push(&mut self, frame: OwnFrame, subject: Subject, token: Option<Token>) -> Option<NotSent> {
        let class = frame.transmit.class;
        let queue = &mut self.classes[class.index()];
        let mut replaced = None;
        if matches!(class, Class::D2 | Class::D4)
            && let Some(place) = queue.iter().position(|queued| queued.subject == subject)
        {
            replaced = queue.remove(place).map(|old| old.not_sent(NotSentReason::Replaced));
            self.waiting -= 1;
        }
        if queue.len() >= limits::MAX_SEND_QUEUE {
            return Some(Queued { frame, subject, token }.not_sent(NotSentReason::QueueFull));
        }
        let place = queue.partition_point(|queued| queued.frame.transmit.expires <= frame.transmit.expires);
        queue.insert(place, Queued { frame, subject, token });
        self.waiting += 1;
        replaced
    }

    /// Frames waiting, by class.
    pub fn lens(&self) -> [usize; Class::ALL.len()] {
        self.classes.each_ref().map(VecDeque::len)
    }

    /// Frames waiting in the fullest class.
    pub fn longest(&self) -> usize {
        self.classes.iter().map(VecDeque::len).max().unwrap_or(0)
    }

    /// The most urgent frame of a stage that is still worth sending, and may leave; the expired and the refused before it
    /// are added to `gone`. What waits lets nothing pass that is less urgent.
    pub fn pop(
        &mut self,
        now: Instant,
        stage: SendStage,
        passage: impl Fn(Class, usize) -> Passage,
        mut gone: impl FnMut(NotSent),
    ) -> Option<OwnFrame> {
        if self.waiting == 0 {
            return None;
        }
        for class in stage.classes() {
            while let Some(first) = self.classes[class.index()].front() {
                let reason = if first.frame.transmit.expires <= now {
                    NotSentReason::Expired
                } else {
                    match passage(*class, first.frame.transmit.bytes.len()) {
                        Passage::Open => return self.take(*class).map(|queued| queued.frame),
                        Passage::Until(_) => return None,
                        Passage::Refused => NotSentReason::BurstBudget,
                    }
                };
                if let Some(queued) = self.take(*class) {
                    gone(queued.not_sent(reason));
                }
            }
        }
        None
    }

    /// The class and the length of the frame that leaves next.
    pub fn first(&self) -> Option<(Class, usize)> {
        if self.waiting == 0 {
            return None;
        }
        let first = |class: Class| {
            let queued = self.classes[class.index()].front()?;
            Some((class, queued.frame.transmit.bytes.len()))
        };
        ORDER.into_iter().find_map(first)
    }

    /// Drops what has expired in every class.
    pub fn expire(&mut self, now: Instant, mut expired: impl FnMut(NotSent)) {
        if self.waiting == 0 {
            return;
        }
        for class in ORDER {
            let over = |queue: &VecDeque<Queued>| {
                queue.front().is_some_and(|first| first.frame.transmit.expires <= now)
            };
            while over(&self.classes[class.index()]) {
                if let Some(queued) = self.take(class) {
                    expired(queued.not_sent(NotSentReason::Expired));
                }
            }
        }
    }

    // Inlined into two loops that are unrolled over six classes, this keeps the optimiser busy for minutes.
    #[inline(never)]
    fn take(&mut self, class: Class) -> Option<Queued> {
        let queued = self.classes[class.index()].pop_front()?;
        self.waiting -= 1;
        Some(queued)
    }

    /// When the next frame expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        if self.waiting == 0 {
            return None;
        }
        self.classes
            .iter()
            .filter_map(|queue| queue.front())
            .map(|queued| queued.frame.transmit.expires)
            .min()
    }

    /// Frames waiting.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether no frame waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How long a frame of `class` with `lifetime` is worth sending: its deadline if it has one, because a frame that
/// leaves after its deadline only takes air from those in time; a flood keeps its lifetime.
pub fn send_by(class: Class, lifetime: Duration) -> Duration {
    match class {
        Class::D3 | Class::D5 => lifetime,
        _ => class.deadline().map_or(lifetime, |deadline| deadline.min(lifetime)),
    }
}

impl Queued {
    fn not_sent(&self, reason: NotSentReason) -> NotSent {
        let Transmit { class, id, .. } = self.frame.transmit;
        NotSent { class, id: Some(id), reason, token: self.token }
    }
}

/// Part of the order in which own frames leave; floods of others go between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendStage {
    /// D0, D1, D4 and D3.
    Events,
    /// D2.
    Awareness,
    /// D5.
    Background,
}

impl SendStage {
    fn classes(self) -> &'static [Class] {
        match self {
            Self::Events => &ORDER[..4],
            Self::Awareness => &ORDER[4..5],
            Self::Background => &ORDER[5..],
        }
    }
}

const ORDER: [Class; 6] = [Class::D0, Class::D1, Class::D4, Class::D3, Class::D2, Class::D5];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{MessageId, SendStamps};
    use bytes::Bytes;
    use v2x_proto::Digest;
    use v2x_proto::link::Origin;

    fn frame(class: Class, sequence: u32, expires_ms: u64) -> OwnFrame {
        let transmit = Transmit {
            bytes: Bytes::new(),
            class,
            origin: Origin::Own,
            id: MessageId { signer: Digest([0; 8]), class, sequence },
            expires: Instant::from_millis(expires_ms),
            source: None,
            stamps: SendStamps::default(),
        };
        OwnFrame { transmit, hash: None, flood: None }
    }

    const ONE: Subject = Subject { message_type: 1, number: 0 };

    const STAGES: [SendStage; 3] = [SendStage::Events, SendStage::Awareness, SendStage::Background];

    fn pop(queue: &mut SendQueue, now: Instant, mut gone: impl FnMut(NotSent)) -> Option<OwnFrame> {
        STAGES.into_iter().find_map(|stage| queue.pop(now, stage, |_, _| Passage::Open, &mut gone))
    }

    fn drain(queue: &mut SendQueue, now_ms: u64) -> Vec<(Class, u32)> {
        let now = Instant::from_millis(now_ms);
        core::iter::from_fn(|| pop(queue, now, |_| ()))
            .map(|f| (f.transmit.class, f.transmit.id.sequence))
            .collect()
    }

    #[test]
    fn classes_leave_in_order_of_urgency() {
        let mut queue = SendQueue::default();
        for (n, class) in Class::ALL.into_iter().rev().enumerate() {
            assert_eq!(queue.push(frame(class, n as u32, 100), ONE, None), None);
        }
        let order: Vec<_> = drain(&mut queue, 0).into_iter().map(|(class, _)| class).collect();
        assert_eq!(order, ORDER);
    }

    #[test]
    fn earliest_deadline_first_inside_a_class() {
        let mut queue = SendQueue::default();
        for (sequence, expires) in [(1, 90), (2, 30), (3, 60), (4, 30)] {
            queue.push(frame(Class::D1, sequence, expires), ONE, None);
        }
        assert_eq!(drain(&mut queue, 0).iter().map(|f| f.1).collect::<Vec<_>>(), [2, 4, 3, 1]);
    }

    #[test]
    fn the_newest_awareness_replaces_the_queued_one() {
        let mut queue = SendQueue::default();
        queue.push(frame(Class::D2, 1, 100), ONE, None);
        let replaced = queue.push(frame(Class::D2, 2, 200), ONE, None).unwrap();
        assert_eq!((replaced.reason, replaced.id.unwrap().sequence), (NotSentReason::Replaced, 1));
        let other = Subject { message_type: 7, number: 0 };
        assert_eq!(queue.push(frame(Class::D2, 3, 150), other, None), None, "perception is another subject");
        assert_eq!(drain(&mut queue, 0), [(Class::D2, 3), (Class::D2, 2)]);
    }

    #[test]
    fn signal_states_replace_per_intersection() {
        let mut queue = SendQueue::default();
        let of = |number| Subject { message_type: 3, number };
        queue.push(frame(Class::D4, 1, 300), of(10), None);
        assert_eq!(queue.push(frame(Class::D4, 2, 300), of(11), None), None);
        assert_eq!(queue.push(frame(Class::D4, 3, 301), of(10), None).unwrap().id.unwrap().sequence, 1);
        assert_eq!(drain(&mut queue, 0).iter().map(|f| f.1).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn expired_frames_are_dropped_at_the_head_and_named() {
        let mut queue = SendQueue::default();
        queue.push(frame(Class::D0, 1, 20), ONE, None);
        queue.push(frame(Class::D4, 2, 300), ONE, None);
        let mut gone = Vec::new();
        let sent = pop(&mut queue, Instant::from_millis(20), |n| gone.push(n.reason)).unwrap();
        assert_eq!((sent.transmit.class, gone), (Class::D4, vec![NotSentReason::Expired]));
    }

    #[test]
    fn what_waits_at_the_gate_lets_nothing_pass_and_what_is_refused_is_named() {
        let mut queue = SendQueue::default();
        for class in [Class::D1, Class::D4] {
            queue.push(frame(class, 1, 300), ONE, None);
        }
        queue.push(frame(Class::D0, 1, 20), ONE, None);
        let until = Instant::from_millis(9);
        let gate = |class, _| match class {
            Class::D0 => Passage::Refused,
            Class::D1 => Passage::Until(until),
            _ => Passage::Open,
        };
        let mut gone = Vec::new();
        let left = queue.pop(Instant::ZERO, SendStage::Events, gate, |n| gone.push((n.class, n.reason)));
        assert!(left.is_none() && queue.first() == Some((Class::D1, 0)));
        assert_eq!(gone, [(Class::D0, NotSentReason::BurstBudget)]);
    }

    #[test]
    fn a_full_class_refuses_and_says_so() {
        let mut queue = SendQueue::default();
        for n in 0..limits::MAX_SEND_QUEUE as u32 {
            assert_eq!(queue.push(frame(Class::D5, n, 1000), ONE, None), None);
        }
        assert_eq!(
            queue.push(frame(Class::D5, 99, 1000), ONE, None).unwrap().reason,
            NotSentReason::QueueFull
        );
        assert_eq!(queue.len(), limits::MAX_SEND_QUEUE);
    }

    #[test]
    fn expiry_names_its_next_time() {
        let mut queue = SendQueue::default();
        assert_eq!(queue.next_expiry(), None);
        queue.push(frame(Class::D1, 1, 70), ONE, None);
        queue.push(frame(Class::D0, 2, 20), ONE, None);
        assert_eq!(queue.next_expiry(), Some(Instant::from_millis(20)));
        queue.expire(Instant::from_millis(20), |_| ());
        assert_eq!(queue.next_expiry(), Some(Instant::from_millis(70)));
        assert!(!queue.is_empty());
    }
}
