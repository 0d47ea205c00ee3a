//! What the machine alone does: a thread on the stations' processor and above both, which sleeps until each millisecond.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use radio_adapters::clock::monotonic_ns;
use radio_adapters::realtime;

use crate::placement::Placement;

/// The running thread.
#[derive(Debug)]
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Wakes>,
}

/// When it woke late: due and awake, `CLOCK_MONOTONIC` ns.
#[derive(Clone, Debug)]
pub struct Wakes(Vec<(u64, u64)>);

impl Probe {
    /// Starts it; an ordinary thread where the stations are ordinary programs.
    pub fn start(placement: &Placement) -> Result<Self, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let seat = placement.receiver;
        let thread = thread::Builder::new().name("probe".to_owned()).spawn(move || {
            // What is refused leaves a probe that sees more than the stations do.
            let _pinned = seat.cpu.map(realtime::pin_to_cpu);
            let _fifo = seat.fifo.map(|fifo| realtime::set_fifo(fifo + 10));
            let mut late = Vec::with_capacity(MOST_KEPT);
            let mut due = monotonic_ns();
            while !stopped.load(Ordering::Relaxed) {
                due += EVERY_NS;
                let wait = due.saturating_sub(monotonic_ns());
                if wait > 0 {
                    thread::sleep(Duration::from_nanos(wait));
                }
                let woke = monotonic_ns();
                if woke.saturating_sub(due) >= LATE_NS && late.len() < MOST_KEPT {
                    late.push((due, woke));
                }
            }
            Wakes(late)
        });
        Ok(Self { stop, thread: thread.map_err(|error| format!("starting the probe: {error}"))? })
    }

    /// Ends it.
    pub fn stop(self) -> Result<Wakes, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the probe's thread panicked".to_owned())
    }
}

impl Wakes {
    /// Whether it woke late between these moments.
    pub fn late_between(&self, from: u64, to: u64) -> bool {
        self.0.iter().any(|(due, woke)| *due < to && *woke > from)
    }
}

const EVERY_NS: u64 = 1_000_000;
/// Many times what it takes to wake on a machine that does nothing else.
const LATE_NS: u64 = 200_000;
const MOST_KEPT: usize = 10_000;
