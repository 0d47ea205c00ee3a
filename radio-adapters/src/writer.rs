//! A thread that writes where the station must not wait: to a disk, a pipe, a terminal.
//!
//! Each destination has a thread of its own, because one that stalls must not hold up another. The thread is an
//! ordinary one ([`realtime::make_ordinary`]) and looks for work every [`PERIOD`], so that handing work over wakes nobody:
//! no system call, no lock. What is handed over goes through a bounded queue ([`crate::queue`]).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::realtime;

/// What a writer's thread does.
pub trait Work: Send + 'static {
    /// Does what waits to be done; every [`PERIOD`], and once more at the end. May block for as long as its destination
    /// does.
    fn round(&mut self);
}

/// A running thread. Dropped, it does what waits and ends; that is waited for [`LAST_WAIT`] at most.
#[derive(Debug)]
pub struct Writer<W> {
    thread: Thread,
    ending: Arc<AtomicBool>,
    done: Option<Receiver<W>>,
}

impl<W: Work> Writer<W> {
    /// Starts a thread called `name` (15 bytes are shown).
    ///
    /// # Errors
    /// The kernel gives no thread.
    pub fn start(name: &str, mut work: W) -> io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ending);
        let (give, done) = sync_channel(1);
        let thread =
            thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(move || {
                realtime::make_ordinary();
                loop {
                    // Read before the round: what was handed over before the end was asked for is in it.
                    let last = asked.load(Ordering::Acquire);
                    work.round();
                    if last {
                        break;
                    }
                    thread::park_timeout(PERIOD);
                }
                // Nobody waits when the writer was given up.
                drop(give.send(work));
            })?;
        Ok(Self { thread: thread.thread().clone(), ending, done: Some(done) })
    }

    /// Asks the thread to do what waits, and to end.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Waits until it has ended, `until` at most, and returns its work; `None` when it stands still in its destination:
    /// then it is left behind and goes with the process.
    pub fn wait(&mut self, until: Instant) -> Option<W> {
        self.end();
        self.done.take()?.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }
}

impl<W> Drop for Writer<W> {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.thread.unpark();
        if let Some(done) = self.done.take() {
            drop(done.recv_timeout(LAST_WAIT));
        }
    }
}

/// How often a writer looks for work: what was handed over is on its way after this time, and an idle
/// writer costs twenty wake-ups a second.
pub const PERIOD: Duration = Duration::from_millis(50);
/// How long a program waits at its end for what is queued.
pub const LAST_WAIT: Duration = Duration::from_secs(2);
/// A writer formats and copies, and calls the system. Locked memory holds the whole stack.
const STACK_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::realtime::{Effective, Policy, effective, pin_to_cpu, set_fifo};

    /// Reports what its thread is.
    struct Look(Sender<Effective>);

    impl Work for Look {
        fn round(&mut self) {
            drop(self.0.send(effective().unwrap()));
        }
    }

    fn look() -> Effective {
        let (tell, told) = channel();
        let writer = Writer::start("look", Look(tell)).unwrap();
        let effective = told.recv().unwrap();
        drop(writer);
        effective
    }

    #[test]
    fn a_writer_of_a_real_time_thread_is_an_ordinary_one() {
        thread::spawn(|| {
            let before = effective().unwrap();
            pin_to_cpu(*before.cpus.first().unwrap()).unwrap();
            let fifo = set_fifo(10).is_ok();
            assert_eq!(effective().unwrap().policy == Policy::Fifo, fifo, "as far as rights allow");
            assert_eq!(effective().unwrap().cpus.len(), 1);
            let writer = look();
            assert_eq!((writer.policy, writer.priority), (Policy::Other, 0));
            assert_eq!(writer.cpus, before.cpus);
        })
        .join()
        .unwrap();
    }

    /// Stands still in its destination until it is let go.
    struct Stuck(Receiver<()>);

    impl Work for Stuck {
        fn round(&mut self) {
            assert!(self.0.recv().is_err());
        }
    }

    #[test]
    fn a_writer_that_stands_still_is_left_behind() {
        let (let_go, stands) = channel::<()>();
        let mut writer = Writer::start("stuck", Stuck(stands)).unwrap();
        assert!(writer.wait(Instant::now()).is_none());
        drop(writer);
        drop(let_go);
    }

    #[test]
    fn what_was_handed_over_before_the_end_is_done() {
        struct Count(Arc<AtomicBool>, u64);
        impl Work for Count {
            fn round(&mut self) {
                self.1 += u64::from(self.0.swap(false, Ordering::AcqRel));
            }
        }
        let handed = Arc::new(AtomicBool::new(false));
        let mut writer = Writer::start("count", Count(Arc::clone(&handed), 0)).unwrap();
        handed.store(true, Ordering::Release);
        let Count(_, done) = writer.wait(Instant::now() + Duration::from_secs(60)).unwrap();
        assert_eq!(done, 1);
    }
}
