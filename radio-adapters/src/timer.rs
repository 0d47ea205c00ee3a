//! Deadlines to the microsecond: a queue that orders them, and one kernel timer that waits for the
//! first. Tokio's own timers tick once a millisecond, too coarse for contention between stations.

use std::collections::BTreeMap;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::reactor::{self, Timer};

/// One absolute deadline on `CLOCK_MONOTONIC`, waited for by the kernel (`timerfd`).
#[derive(Debug)]
pub struct DeadlineTimer {
    fd: AsyncFd<Timer>,
    armed: Option<u64>,
}

impl DeadlineTimer {
    /// A timer without a deadline.
    ///
    /// # Errors
    /// The kernel's own; also when called outside a tokio runtime.
    ///
    /// # Panics
    /// If the runtime's IO driver is not enabled.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let fd = reactor::register(Timer(timer), Interest::READABLE)?;
        Ok(Self { fd, armed: None })
    }

    /// Sets the deadline, ns of `CLOCK_MONOTONIC`, replacing the one before; `None` removes it.
    /// A deadline in the past expires at once. Setting the same one again costs nothing.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn set(&mut self, ns: Option<u64>) -> io::Result<()> {
        if self.armed == ns {
            return Ok(());
        }
        match ns {
            // A zero expiration would disarm, and a deadline at the clock's start is past anyway.
            Some(ns) => self.fd.get_ref().0.set(
                Expiration::OneShot(TimeSpec::from(Duration::from_nanos(ns.clamp(1, MAX_NS)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )?,
            None => self.fd.get_ref().0.unset()?,
        }
        self.armed = ns;
        Ok(())
    }

    /// The deadline waited for.
    pub fn deadline(&self) -> Option<u64> {
        self.armed
    }

    /// Ready once when the deadline has passed; the timer is then without one. Never ready before
    /// the deadline, nor without one.
    ///
    /// # Errors
    /// The kernel's own, or the runtime shutting down.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match self.fd.get_ref().0.wait() {
                Ok(()) => {
                    guard.clear_ready();
                    if self.armed.take().is_some() {
                        return Poll::Ready(Ok(()));
                    }
                }
                Err(Errno::EAGAIN) => guard.clear_ready(),
                Err(errno) => return Poll::Ready(Err(errno.into())),
            }
        }
    }

    /// Waits for the deadline; for ever without one.
    ///
    /// # Errors
    /// As [`DeadlineTimer::poll_expired`].
    pub async fn expired(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_expired(cx)).await
    }
}

/// Deadlines in order of (time, insertion), each under a key that can be cancelled or moved.
/// Holds at most `capacity` entries.
#[derive(Debug, Clone)]
pub struct DeadlineQueue<T, K = u64> {
    by_time: BTreeMap<(u64, u64), (K, T)>,
    by_key: BTreeMap<K, (u64, u64)>,
    inserted: u64,
    capacity: usize,
}

/// The queue held as many deadlines as it may; the new one was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deadline queue is full ({capacity} entries)")]
pub struct QueueFull {
    /// The queue's capacity, entries.
    pub capacity: usize,
}

impl<T, K: Ord + Clone> DeadlineQueue<T, K> {
    /// An empty queue for at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { by_time: BTreeMap::new(), by_key: BTreeMap::new(), inserted: 0, capacity }
    }

    /// Puts `value` at `ns` under `key`, and returns what the key held before. A replaced entry
    /// counts as inserted now: among equal times it is last.
    ///
    /// # Errors
    /// [`QueueFull`], unless the key is already present.
    pub fn insert(&mut self, key: K, ns: u64, value: T) -> Result<Option<T>, QueueFull> {
        let previous = self.cancel(&key);
        if self.by_time.len() >= self.capacity {
            return Err(QueueFull { capacity: self.capacity });
        }
        let at = (ns, self.inserted);
        self.inserted += 1;
        self.by_key.insert(key.clone(), at);
        self.by_time.insert(at, (key, value));
        Ok(previous)
    }

    /// Takes the entry of `key` out.
    pub fn cancel(&mut self, key: &K) -> Option<T> {
        let at = self.by_key.remove(key)?;
        self.by_time.remove(&at).map(|(_, value)| value)
    }

    /// The first deadline, ns: what to set the timer to.
    pub fn next_deadline(&self) -> Option<u64> {
        self.by_time.first_key_value().map(|((ns, _), _)| *ns)
    }

    /// Takes the first entry whose deadline is at or before `now_ns`: its time, key and value.
    pub fn pop_due(&mut self, now_ns: u64) -> Option<(u64, K, T)> {
        let entry = self.by_time.first_entry().filter(|e| e.key().0 <= now_ns)?;
        let ((ns, _), (key, value)) = entry.remove_entry();
        self.by_key.remove(&key);
        Some((ns, key, value))
    }

    /// When `key` is due, ns.
    pub fn deadline_of(&self, key: &K) -> Option<u64> {
        self.by_key.get(key).map(|(ns, _)| *ns)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Whether nothing is waiting.
    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }
}

/// Latest deadline the kernel takes: it counts nanoseconds in an `i64`.
const MAX_NS: u64 = i64::MAX as u64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::monotonic_ns;
    use crate::testnet::run;

    #[test]
    fn the_timer_never_fires_before_its_deadline() {
        run(async {
            let mut timer = DeadlineTimer::new().unwrap();
            for step_ns in [0, 1, 50_000, 400_000] {
                let deadline = monotonic_ns() + step_ns;
                timer.set(Some(deadline)).unwrap();
                timer.expired().await.unwrap();
                assert!(monotonic_ns() >= deadline);
                assert_eq!(timer.deadline(), None);
            }
        });
    }

    #[test]
    fn a_past_deadline_expires_at_once_and_only_once() {
        run(async {
            let mut timer = DeadlineTimer::new().unwrap();
            for past in [0, 1, monotonic_ns() - 1] {
                timer.set(Some(past)).unwrap();
                timer.expired().await.unwrap();
                let again = std::future::poll_fn(|cx| Poll::Ready(timer.poll_expired(cx))).await;
                assert!(again.is_pending());
            }
        });
    }

    #[test]
    fn a_replaced_deadline_does_not_fire() {
        run(async {
            let mut timer = DeadlineTimer::new().unwrap();
            let mut witness = DeadlineTimer::new().unwrap();
            timer.set(Some(monotonic_ns() + 100_000)).unwrap();
            timer.set(Some(u64::MAX)).unwrap();
            witness.set(Some(monotonic_ns() + 2_000_000)).unwrap();
            std::future::poll_fn(|cx| {
                assert!(timer.poll_expired(cx).is_pending());
                witness.poll_expired(cx)
            })
            .await
            .unwrap();
            timer.set(None).unwrap();
            assert_eq!(timer.deadline(), None);
        });
    }

    #[test]
    fn equal_deadlines_come_out_in_order_of_insertion() {
        let mut queue = DeadlineQueue::<&str>::new(8);
        queue.insert(1, 20, "late").unwrap();
        queue.insert(2, 10, "first").unwrap();
        queue.insert(3, 10, "second").unwrap();
        assert_eq!(queue.next_deadline(), Some(10));
        assert_eq!(queue.pop_due(9), None);
        assert_eq!(queue.pop_due(10), Some((10, 2, "first")));
        assert_eq!(queue.pop_due(30), Some((10, 3, "second")));
        assert_eq!(queue.pop_due(30), Some((20, 1, "late")));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_key_is_moved_or_cancelled_not_duplicated() {
        let mut queue = DeadlineQueue::<u8, &str>::new(2);
        assert_eq!(queue.insert("a", 10, 1), Ok(None));
        assert_eq!(queue.insert("a", 30, 2), Ok(Some(1)));
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.deadline_of(&"a"), Some(30));
        assert_eq!(queue.cancel(&"a"), Some(2));
        assert_eq!(queue.cancel(&"a"), None);
        assert_eq!(queue.next_deadline(), None);
    }

    #[test]
    fn a_full_queue_refuses_new_keys_but_moves_old_ones() {
        let mut queue = DeadlineQueue::<()>::new(1);
        queue.insert(1, 10, ()).unwrap();
        assert_eq!(queue.insert(2, 5, ()), Err(QueueFull { capacity: 1 }));
        assert_eq!(queue.insert(1, 7, ()), Ok(Some(())));
        assert_eq!(queue.len(), 1);
    }

    proptest! {
        #[test]
        fn the_queue_agrees_with_a_sorted_list(ops in prop::collection::vec((0u8..3, 0u64..6, 0u64..20), 0..60)) {
            let mut queue = DeadlineQueue::<u64>::new(4);
            let mut model: Vec<(u64, u64, u64)> = Vec::new(); // (ns, insertion, key)
            for (n, (op, key, ns)) in (0u64..).zip(ops) {
                match op {
                    0 => {
                        model.retain(|e| e.2 != key);
                        let taken = model.len() < 4;
                        if taken { model.push((ns, n, key)); }
                        prop_assert_eq!(queue.insert(key, ns, n).is_ok(), taken);
                    }
                    1 => {
                        let had = model.iter().any(|e| e.2 == key);
                        model.retain(|e| e.2 != key);
                        prop_assert_eq!(queue.cancel(&key).is_some(), had);
                    }
                    _ => {
                        model.sort_unstable();
                        let due = model.first().copied().filter(|e| e.0 <= ns);
                        if due.is_some() { model.remove(0); }
                        prop_assert_eq!(queue.pop_due(ns), due.map(|(ns, n, key)| (ns, key, n)));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.next_deadline(), model.iter().map(|e| e.0).min());
            }
        }
    }
}
