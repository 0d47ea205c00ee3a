//! Scheduled events, in order of time, and at one time in order of scheduling.

use core::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A scheduled event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A station moves to its place in the trace.
    Move(u32),
    /// A station is gone.
    Leave(u32),
    /// A node's deadline is reached.
    Wake(u32),
    /// A node has more to do at the same time.
    Turn(u32),
    /// A frame arrives at its next receiver.
    Arrive(u32),
    /// A station's transmitter is done with a frame.
    Ended(u32),
    /// An application wants something sent.
    Errand(u32),
    /// An attacker's next frame is due.
    Attack(u32),
    /// A roadside unit gets a revocation to pass on.
    Revoke(u32),
    /// A transmitter beside the road has something to send.
    Radio(u32),
    /// A station's radio tells how busy its channel is.
    Survey(u32),
    /// Something goes wrong, or ceases to.
    Fault(u32),
}

/// Future events.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<(u64, u64, Due)>>,
    /// Events that were looked at together, in order; those scheduled since are in the heap.
    near: VecDeque<(u64, u64, Due)>,
    sequence: u64,
}

impl Schedule {
    /// Schedules an event at a time, ns.
    pub(super) fn push(&mut self, at_ns: u64, due: Due) {
        self.sequence += 1;
        self.heap.push(Reverse((at_ns, self.sequence, due)));
    }

    /// Takes the next event before `until_ns`.
    pub(super) fn pop_before(&mut self, until_ns: u64) -> Option<(u64, Due)> {
        if self.next_ns()? >= until_ns {
            return None;
        }
        let near = self.near.front();
        let (at_ns, _, due) = match self.heap.peek() {
            Some(Reverse(far)) if near.is_none_or(|near| far < near) => {
                self.heap.pop().map(|Reverse(far)| far)?
            }
            _ => self.near.pop_front()?,
        };
        Some((at_ns, due))
    }

    /// The events before `until_ns` that are scheduled so far, in their order.
    pub(super) fn look_ahead(&mut self, until_ns: u64) -> impl Iterator<Item = (u64, Due)> + '_ {
        // What was scheduled since the last look may belong among those that were looked at.
        while let Some(Reverse(event)) =
            self.heap.peek().copied().filter(|Reverse((at_ns, ..))| *at_ns < until_ns)
        {
            self.heap.pop();
            let place = self.near.partition_point(|near| *near < event);
            self.near.insert(place, event);
        }
        self.near.iter().map(|(at_ns, _, due)| (*at_ns, *due)).take_while(move |(at_ns, _)| *at_ns < until_ns)
    }

    /// Whether nothing is scheduled for `now_ns` or before.
    pub(super) fn is_clear_until(&self, now_ns: u64) -> bool {
        self.next_ns().is_none_or(|at_ns| at_ns > now_ns)
    }

    /// When the next event is, ns.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let far_ns = self.heap.peek().map(|Reverse((at_ns, ..))| *at_ns);
        self.near.front().map(|(at_ns, ..)| *at_ns).into_iter().chain(far_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_time_then_by_scheduling() {
        let mut schedule = Schedule::default();
        for (at_ns, station) in [(5, 1), (3, 2), (5, 0), (3, 9)] {
            schedule.push(at_ns, Due::Wake(station));
        }
        assert!(schedule.is_clear_until(2) && !schedule.is_clear_until(3));
        let order: Vec<_> = std::iter::from_fn(|| schedule.pop_before(6)).collect();
        assert_eq!(order, [(3, Due::Wake(2)), (3, Due::Wake(9)), (5, Due::Wake(1)), (5, Due::Wake(0))]);
        schedule.push(6, Due::Leave(0));
        assert_eq!(schedule.pop_before(6), None);
        assert_eq!(schedule.next_ns(), Some(6));
    }

    #[test]
    fn looking_ahead_changes_no_order() {
        let mut schedule = Schedule::default();
        for (at_ns, station) in [(5, 1), (3, 2), (9, 3)] {
            schedule.push(at_ns, Due::Wake(station));
        }
        assert_eq!(schedule.look_ahead(6).collect::<Vec<_>>(), [(3, Due::Wake(2)), (5, Due::Wake(1))]);
        schedule.push(4, Due::Wake(7));
        schedule.push(5, Due::Wake(0));
        assert_eq!(schedule.pop_before(6), Some((3, Due::Wake(2))));
        let seen: Vec<_> = schedule.look_ahead(20).collect();
        assert_eq!(seen, [(4, Due::Wake(7)), (5, Due::Wake(1)), (5, Due::Wake(0)), (9, Due::Wake(3))]);
        let order: Vec<_> = std::iter::from_fn(|| schedule.pop_before(20)).collect();
        assert_eq!(order, seen);
        assert_eq!(schedule.next_ns(), None);
    }
}
