//! Threads that work out a window's stations: see `window`.
//!
//! Work comes in shares of some stations each, which the threads take one by one, the world's own thread among them, and their
//! own ones first. Windows
//! are fractions of a millisecond, so a thread that has nothing to do looks for the next one a while before it sleeps.

use core::hint;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, Builder, JoinHandle};

use super::share::Share;

/// The threads beside the world's own.
#[derive(Debug)]
pub(super) struct Crew {
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Work {
    window: RwLock<Window>,
    /// Counts windows; [`OVER`] at the end.
    number: AtomicU64,
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

/// Shares by owner.
#[derive(Debug, Default)]
struct Window {
    shares: Vec<Mutex<Share>>,
    /// By thread, the world's own first.
    owners: Vec<Owner>,
    done: AtomicUsize,
}

/// Where the shares of a thread end, and which of them is next.
#[derive(Debug, Default)]
struct Owner {
    next: AtomicUsize,
    end: usize,
}

impl Crew {
    /// Starts `count` threads, or as many as the system gives.
    pub(super) fn start(count: usize) -> Self {
        let work = Arc::<Work>::default();
        let start = |n| {
            let work = Arc::clone(&work);
            Builder::new().name(format!("world-{n}")).spawn(move || work.run(n)).ok()
        };
        let threads = (1..=count.min(MAX_THREADS)).map_while(start).collect();
        Self { work, threads }
    }

    /// Threads that take shares, the world's own included.
    pub(super) fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Has all shares worked out, which lie in order of their owners; `meanwhile` is done first on this thread. They come back
    /// through the same vector.
    pub(super) fn work_out(&self, shares: &mut Vec<Share>, meanwhile: impl FnOnce()) {
        let count = shares.len();
        {
            let mut window = self.work.window.write().unwrap_or_else(PoisonError::into_inner);
            let end_of = |owner| shares.partition_point(|share| share.owner <= owner);
            let owner = |owner: usize| Owner {
                next: AtomicUsize::new(owner.checked_sub(1).map_or(0, end_of)),
                end: end_of(owner),
            };
            window.owners.clear();
            window.owners.extend((0..self.threads()).map(owner));
            window.shares.extend(shares.drain(..).map(Mutex::new));
            window.done = AtomicUsize::new(0);
        }
        self.work.number.fetch_add(1, Ordering::SeqCst);
        self.work.wake();
        meanwhile();
        {
            let window = self.work.window.read().unwrap_or_else(PoisonError::into_inner);
            window.help(0);
            let mut looks = 0;
            while window.done.load(Ordering::Acquire) < count {
                wait(&mut looks);
            }
        }
        let mut window = self.work.window.write().unwrap_or_else(PoisonError::into_inner);
        shares.extend(
            window
                .shares
                .drain(..)
                .map(|share| share.into_inner().expect("invariant: working out a station does not panic")),
        );
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.work.number.store(OVER, Ordering::SeqCst);
        self.work.wake();
        for thread in self.threads.drain(..) {
            // A thread that panicked left a share undone, which was noticed.
            drop(thread.join());
        }
    }
}

impl Work {
    fn run(&self, thread: usize) {
        let mut seen = 0;
        loop {
            seen = self.next(seen);
            if seen == OVER {
                return;
            }
            self.window.read().unwrap_or_else(PoisonError::into_inner).help(thread);
        }
    }

    /// Waits for a window after the one that was seen.
    fn next(&self, seen: u64) -> u64 {
        for _ in 0..LOOKS_BEFORE_SLEEP {
            let number = self.number.load(Ordering::Acquire);
            if number != seen {
                return number;
            }
            hint::spin_loop();
        }
        let mut bed = self.bed();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let number = loop {
            let number = self.number.load(Ordering::SeqCst);
            if number != seen {
                break number;
            }
            bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        number
    }

    fn wake(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            let _bed = self.bed();
            self.bell.notify_all();
        }
    }

    fn bed(&self) -> MutexGuard<'_, ()> {
        self.bed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// Takes shares until none is left, a thread's own first: its processor may still have their stations in its cache.
    fn help(&self, thread: usize) {
        let (before, own) = self.owners.split_at(thread.min(self.owners.len()));
        for owner in own.iter().chain(before) {
            loop {
                let number = owner.next.fetch_add(1, Ordering::Relaxed);
                if number >= owner.end {
                    break;
                }
                let _done = Done(&self.done);
                self.shares[number].lock().expect("invariant: each share is taken once").work_out();
            }
        }
    }
}

/// Counts a share when it is dropped, also by a panic, for which nobody may wait.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

fn wait(looks: &mut u32) {
    *looks += 1;
    if *looks < LOOKS {
        hint::spin_loop();
    } else {
        // The thread that has the last share may be waiting for this processor.
        thread::yield_now();
    }
}

/// Looks for a new window before a thread sleeps: some hundred microseconds, longer than the world's own thread takes between
/// two windows, and not much more than waking a thread on a virtual machine does.
const LOOKS_BEFORE_SLEEP: u32 = 20_000;
/// Looks whether the last share is done before the thread that may have it gets this processor.
const LOOKS: u32 = 4_000;
const OVER: u64 = u64::MAX;
/// More threads than a machine has cores are of no use.
const MAX_THREADS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_is_worked_out_before_the_next_whoever_sleeps() {
        for threads in [0, 1, 3] {
            let crew = Crew::start(threads);
            assert_eq!(crew.threads(), threads + 1);
            let mut shares: Vec<Share> = Vec::new();
            for count in [1, 0, 7, 30, 2] {
                shares.resize_with(count, Share::default);
                for (number, share) in shares.iter_mut().enumerate() {
                    share.owner = number * (threads + 1) / count;
                }
                let mut done = false;
                crew.work_out(&mut shares, || done = true);
                assert!(done && shares.len() == count && shares.iter().all(|share| share.is_worked_out()));
                shares.clear();
            }
        }
    }
}
