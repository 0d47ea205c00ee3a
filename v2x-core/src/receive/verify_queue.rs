//! Verification queue: earliest deadline first; among deadlines that are about the same, by class, then by how near and
//! closing the sender is.
//!
//! When the queue is full, the least safety-relevant frames are shed: D5, then D4, the latest deadline first, then D2,
//! the farthest first. Among D0, D1 and D3 the one to shed is drawn, so that coming first gains nothing.
//!
//! Demoted frames wait apart, in the [`Lot`], which is served when nothing else waits.

use core::cmp::Ordering;
use std::collections::VecDeque;

use v2x_proto::Class;

use super::lot::Lot;
use super::rates::Precedence;
use crate::base::{Instant, Reserve, Stream, append, limits};

/// Frames that passed every cheap check and wait for their signature check.
#[derive(Debug)]
pub struct VerifyQueue<T> {
    frames: Vec<Option<T>>,
    free: Vec<u16>,
    good: Lane,
    lot: Lot,
}

/// How urgent a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Urgency {
    /// Deadline class.
    pub class: Class,
    /// Its deadline for verification.
    pub deadline: Instant,
    /// How far its sender will be soon, metres.
    pub distance: u16,
}

impl<T> VerifyQueue<T> {
    /// An empty one; what is drawn comes from `random`.
    pub fn new(random: Stream, reserve: Reserve) -> Self {
        Self {
            frames: reserve.list(MAX_FRAMES),
            free: reserve.list(MAX_FRAMES),
            good: Lane::new(reserve.at_start(limits::MAX_VERIFY_QUEUE)),
            lot: Lot::new(random, reserve),
        }
    }

    /// Queues a frame; returns the one that is shed for it, possibly the frame itself.
    pub fn push(&mut self, urgency: Urgency, standing: Precedence, frame: T) -> Option<T> {
        match standing {
            Precedence::Good => self.push_good(&urgency, frame),
            Precedence::Demoted(_) => {
                let slot = self.keep(frame);
                let shed = self.lot.insert(urgency.class, slot)?;
                self.release(shed)
            }
        }
    }

    /// The most urgent frame that is not demoted.
    pub fn pop(&mut self) -> Option<T> {
        let slot = self.good.pop()?;
        self.release(slot)
    }

    /// One of the demoted frames, drawn.
    pub fn draw_demoted(&mut self) -> Option<T> {
        let slot = self.lot.draw()?;
        self.release(slot)
    }

    /// The demoted frame for which `is_it` is true.
    pub fn find_demoted(&mut self, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        let frames = &self.frames;
        let slot = self.lot.find(|slot| frames[usize::from(slot)].as_ref().is_some_and(&is_it))?;
        self.frames[usize::from(slot)].as_mut()
    }

    /// Takes out the demoted frame for which `is_it` is true.
    pub fn take_demoted(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let frames = &self.frames;
        let slot = self.lot.take(|slot| frames[usize::from(slot)].as_ref().is_some_and(&is_it))?;
        self.release(slot)
    }

    /// Something of the place that the next frame takes: to have it fetched.
    pub fn spread(&self) -> u64 {
        self.free.last().map_or(0, |slot| u64::from(self.frames[usize::from(*slot)].is_some()))
    }

    /// Number of frames that are not demoted.
    pub fn len(&self) -> usize {
        self.good.len
    }

    /// Whether every waiting frame, if there is any, is demoted.
    pub fn is_empty(&self) -> bool {
        self.good.len == 0
    }

    /// Number of demoted frames.
    pub fn demoted(&self) -> usize {
        self.lot.len()
    }

    fn push_good(&mut self, urgency: &Urgency, frame: T) -> Option<T> {
        let mut shed = None;
        if self.good.len >= limits::MAX_VERIFY_QUEUE {
            let Some(slot) = self.good.make_room(urgency, &mut self.lot) else { return Some(frame) };
            shed = self.release(slot);
        }
        let slot = self.keep(frame);
        self.good.insert(urgency, slot);
        shed
    }

    fn keep(&mut self, frame: T) -> u16 {
        match self.free.pop() {
            Some(slot) => {
                self.frames[usize::from(slot)] = Some(frame);
                slot
            }
            None => {
                append(&mut self.frames, Some(frame), MAX_FRAMES);
                (self.frames.len() - 1) as u16
            }
        }
    }

    fn release(&mut self, slot: u16) -> Option<T> {
        self.free.push(slot);
        self.frames[usize::from(slot)].take()
    }
}

/// Frames by class; the frames themselves lie in slots, so that removal from the middle is cheap.
#[derive(Debug)]
struct Lane {
    classes: [VecDeque<Waiting>; 6],
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    deadline: Instant,
    distance: u16,
    slot: u16,
}

impl Waiting {
    fn urgency(&self, other: &Self) -> Ordering {
        let key = |waiting: &Self| (slice(waiting.deadline), waiting.distance, waiting.deadline);
        key(self).cmp(&key(other))
    }
}

impl Lane {
    fn new(room: usize) -> Self {
        let classes = Class::ALL.map(|_| VecDeque::with_capacity(room));
        Self { classes, len: 0 }
    }

    fn insert(&mut self, urgency: &Urgency, slot: u16) {
        let waiting = Waiting { deadline: urgency.deadline, distance: urgency.distance, slot };
        let queue = &mut self.classes[urgency.class.index()];
        let place = queue.partition_point(|queued| queued.urgency(&waiting).is_le());
        queue.insert(place, waiting);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<u16> {
        if self.len == 0 {
            return None;
        }
        let first = |class: Class| {
            self.classes[class.index()].front().map(|first| (slice(first.deadline), class.index()))
        };
        let (_, class) = Class::ALL.into_iter().filter_map(first).min()?;
        self.len -= 1;
        self.classes[class].pop_front().map(|first| first.slot)
    }

    /// The slot of the frame to shed for one of `urgency`, unless that is the one to shed.
    fn make_room(&mut self, urgency: &Urgency, lot: &mut Lot) -> Option<u16> {
        let class = SHED_ORDER.iter().copied().find(|class| !self.classes[class.index()].is_empty());
        let (class, place) = match class {
            // A newcomer of a class that would be shed first is itself shed.
            Some(victim) if rank(urgency.class) < rank(victim) => return None,
            None if rank(urgency.class) < SHED_ORDER.len() => return None,
            None => self.place(lot.below(self.len + 1))?,
            Some(class) => {
                let queue = &self.classes[class.index()];
                // The whole class is looked at: a few hundred places of 16 bytes, only when the queue is full.
                let place = if class == Class::D2 { farthest(queue)? } else { queue.len() - 1 };
                let victim = queue[place];
                let gives_way = class != urgency.class
                    || if class == Class::D2 {
                        (urgency.distance, urgency.deadline) < (victim.distance, victim.deadline)
                    } else {
                        urgency.deadline < victim.deadline
                    };
                if !gives_way {
                    return None;
                }
                (class, place)
            }
        };
        self.len -= 1;
        self.classes[class.index()].remove(place).map(|victim| victim.slot)
    }

    /// The class and place of the `n`th of all, class by class.
    fn place(&self, mut n: usize) -> Option<(Class, usize)> {
        for class in Class::ALL {
            let len = self.classes[class.index()].len();
            if n < len {
                return Some((class, n));
            }
            n -= len;
        }
        None
    }
}

/// The entry of the farthest sender, and between equals the one with the latest deadline.
fn farthest(queue: &VecDeque<Waiting>) -> Option<usize> {
    let (front, back) = queue.as_slices();
    // Distances first, without a branch a place: equals are few.
    let widest = |part: &[Waiting]| part.iter().map(|waiting| waiting.distance).max();
    let distance = widest(front).max(widest(back))?;
    // At one distance they lie in the order of their deadlines.
    let is_it = |waiting: &Waiting| waiting.distance == distance;
    let in_back = back.iter().rposition(is_it).map(|place| front.len() + place);
    in_back.or_else(|| front.iter().rposition(is_it))
}

fn rank(class: Class) -> usize {
    SHED_ORDER.iter().position(|shed| *shed == class).unwrap_or(SHED_ORDER.len())
}

/// Deadlines within 2^22 ns (4.2 ms, a hundred verifications) count as one.
fn slice(deadline: Instant) -> u64 {
    deadline.as_nanos() >> 22
}

/// Frames that wait, demoted ones too.
const MAX_FRAMES: usize = limits::MAX_VERIFY_QUEUE + limits::MAX_DEMOTED;

const SHED_ORDER: [Class; 3] = [Class::D5, Class::D4, Class::D2];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use v2x_proto::Digest;

    use super::super::rates::Cause;
    use super::*;
    use crate::base::Purpose;

    const DEMOTED: Precedence = Precedence::Demoted(Cause::Stranger);

    fn queue<T>() -> VerifyQueue<T> {
        VerifyQueue::new(Stream::new(1, Digest([1; 8]), Purpose::VerifyLot), Reserve::Whole)
    }

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn by(class: Class, ms: u64) -> Urgency {
        Urgency { class, deadline: at(ms), distance: 100 }
    }

    fn full_of(class: Class) -> VerifyQueue<u64> {
        let mut queue = queue();
        for n in 0..limits::MAX_VERIFY_QUEUE as u64 {
            assert_eq!(queue.push(by(class, 1000 + n), Precedence::Good, n), None);
        }
        queue
    }

    fn order<T>(queue: &mut VerifyQueue<T>) -> Vec<T> {
        core::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn the_earliest_deadline_is_verified_first() {
        let mut queue = queue();
        for (class, deadline) in [(Class::D2, 100), (Class::D0, 20), (Class::D5, 10), (Class::D1, 20)] {
            queue.push(by(class, deadline), Precedence::Good, (class, deadline));
        }
        let expected = [(Class::D5, 10), (Class::D0, 20), (Class::D1, 20), (Class::D2, 100)];
        assert_eq!(order(&mut queue), expected);
    }

    #[test]
    fn of_one_class_and_about_one_deadline_the_nearest_is_verified_first() {
        let mut queue = queue();
        for (ns, distance) in [(100_000_000, 300), (100_100_000, 20), (100_050_000, 150), (90_000_000, 900)] {
            let urgency = Urgency { class: Class::D2, deadline: Instant::from_nanos(ns), distance };
            queue.push(urgency, Precedence::Good, distance);
        }
        assert_eq!(order(&mut queue), [900, 20, 150, 300], "ten milliseconds earlier is earlier");
    }

    #[test]
    fn background_gives_way_to_everything_and_awareness_to_alerts() {
        let last = limits::MAX_VERIFY_QUEUE as u64 - 1;
        let push = |of, class, ms| full_of(of).push(by(class, ms), Precedence::Good, 77);
        for class in [Class::D0, Class::D1, Class::D2, Class::D3, Class::D4] {
            assert_eq!(push(Class::D5, class, 9999), Some(last), "{class:?}");
        }
        assert_eq!(push(Class::D2, Class::D0, 9999), Some(last));
        assert_eq!(push(Class::D2, Class::D5, 1), Some(77));
        assert_eq!(push(Class::D2, Class::D4, 1), Some(77));
    }

    #[test]
    fn of_awareness_the_farthest_gives_way() {
        let mut queue = queue();
        let far = |distance| Urgency { distance, ..by(Class::D2, 100) };
        for n in 0..limits::MAX_VERIFY_QUEUE as u16 {
            // The farthest is somewhere in the middle.
            let distance = if n == 200 { 900 } else { 100 + n % 400 };
            queue.push(far(distance), Precedence::Good, distance);
        }
        assert_eq!(queue.push(far(1000), Precedence::Good, 1000), Some(1000), "farther than all");
        assert_eq!(queue.push(far(50), Precedence::Good, 50), Some(900));
        assert_eq!(queue.push(by(Class::D1, 9999), Precedence::Good, 1), Some(499));
    }

    #[test]
    fn of_alerts_the_one_to_shed_is_drawn_so_that_who_comes_first_does_not_keep_the_others_out() {
        let push = |of, class, ms| full_of(of).push(by(class, ms), Precedence::Good, 77);
        assert_eq!(push(Class::D0, Class::D2, 1), Some(77));
        let mut queue = full_of(Class::D0);
        let room = limits::MAX_VERIFY_QUEUE as u64;
        let shed: Vec<_> =
            (room..3 * room).filter_map(|n| queue.push(by(Class::D0, n), Precedence::Good, n)).collect();
        assert_eq!(shed.len() as u64, 2 * room);
        // After twice as many as there is room for, an eighth of the first are left.
        let of_the_first = shed.iter().filter(|n| **n < room).count() as u64;
        assert!((room * 4 / 5..room * 19 / 20).contains(&of_the_first), "{of_the_first}");
    }

    #[test]
    fn demoted_frames_take_no_room_from_others_and_wait_apart() {
        let mut queue = full_of(Class::D2);
        let room = limits::MAX_LOT as u64;
        for n in 0..room {
            assert_eq!(queue.push(by(Class::D0, 1), DEMOTED, 1000 + n), None);
        }
        let shed = queue.push(by(Class::D0, 1), DEMOTED, 1000 + room).unwrap();
        assert!((1000..=1000 + room).contains(&shed));
        assert_eq!(queue.pop(), Some(0));
        let drawn = queue.draw_demoted().unwrap();
        assert!((1000..=1000 + room).contains(&drawn) && drawn != shed);
        assert_eq!((queue.len(), queue.demoted()), (limits::MAX_VERIFY_QUEUE - 1, limits::MAX_LOT - 1));
    }

    #[test]
    fn of_demoted_frames_alerts_come_before_what_may_be_shed() {
        let mut queue = queue();
        for (class, ms) in [(Class::D3, 300), (Class::D1, 100)] {
            for _ in 0..20 {
                queue.push(by(class, ms), DEMOTED, class);
                queue.push(by(Class::D2, 10), DEMOTED, Class::D2);
            }
        }
        let order: Vec<_> = core::iter::from_fn(|| queue.draw_demoted()).collect();
        let last_alert = order.iter().rposition(|class| *class != Class::D2).unwrap();
        // One in eight beacons takes part as an alert.
        assert!((39..=50).contains(&last_alert), "{order:?}");
        assert_eq!(order.len(), 80);
    }

    #[test]
    fn a_demoted_frame_is_taken_out_once() {
        let mut queue = queue();
        queue.push(by(Class::D0, 1), DEMOTED, 5);
        assert_eq!([queue.take_demoted(|n| *n == 4), queue.take_demoted(|n| *n == 5)], [None, Some(5)]);
        assert_eq!(queue.take_demoted(|n| *n == 5), None);
        assert_eq!(queue.draw_demoted(), None);
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_loses_nothing(
            frames in proptest::collection::vec((0usize..6, 0u64..50, 0u16..500, any::<bool>(), 0u8..4), 0..1500)
        ) {
            let mut queue = queue();
            let mut out = Vec::new();
            for (n, (class, deadline, distance, demoted, pops)) in frames.iter().enumerate() {
                let urgency = Urgency { class: Class::ALL[*class], deadline: at(*deadline), distance: *distance };
                let standing = if *demoted { DEMOTED } else { Precedence::Good };
                out.extend(queue.push(urgency, standing, n));
                prop_assert!(queue.len() <= limits::MAX_VERIFY_QUEUE && queue.demoted() <= limits::MAX_DEMOTED);
                if *pops == 0 {
                    out.extend(queue.pop());
                }
            }
            // A demoted one takes a slot before it is drawn whether it stays.
            prop_assert!(queue.frames.len() <= limits::MAX_VERIFY_QUEUE + limits::MAX_DEMOTED + 1);
            out.extend(core::iter::from_fn(|| queue.pop()));
            out.extend(core::iter::from_fn(|| queue.draw_demoted()));
            out.sort_unstable();
            prop_assert_eq!(out, (0..frames.len()).collect::<Vec<_>>());
            prop_assert!(queue.is_empty());
        }
    }
}
