//! What the machine alone does: a thread that sleeps until due times, and how late it wakes.
//!
//! On a processor and with a priority above all else of ours, nothing but the machine delays it: interrupts, the kernel,
//! and in a virtual machine other users of the core. So it runs beside every attack too, and shows which of the slow
//! alerts no software on this machine could have delivered sooner.

use core::time::Duration;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use hdrhistogram::Histogram;
use radio_adapters::realtime;
use v2x_core::Instant;

use crate::overload::town::{now, sleep_until};

/// A thread that sleeps until due times.
#[derive(Debug)]
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Wakes>,
}

/// How late it woke.
#[derive(Clone, Debug)]
pub struct Wakes {
    /// Each time, ns.
    pub latency: Histogram<u64>,
    /// From when it was due to when it woke, where that was long.
    pub late: Vec<(Instant, Instant)>,
}

impl Probe {
    /// Sleeps until due times, one each `every`, on processor `cpu`, under `SCHED_FIFO` with this priority when
    /// permitted.
    ///
    /// # Errors
    ///
    /// None: the histogram's bounds are constant.
    pub fn start(cpu: usize, priority: u8, every: Duration) -> Result<Self, Box<dyn Error>> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, latency) = (Arc::clone(&stop), Histogram::new_with_max(LONGEST_NS, 2)?);
        let thread = thread::spawn(move || {
            let _pinned = realtime::pin_to_cpu(cpu);
            let _fifo = realtime::set_fifo(priority);
            let mut wakes = Wakes { latency, late: Vec::with_capacity(10_000) };
            let mut due = now();
            while !stopped.load(Ordering::Relaxed) {
                due = due + every;
                sleep_until(due);
                let woke = now();
                // Each due time that passed meanwhile counts, as each alert would.
                wakes.latency.saturating_record(woke.nanos_since(due));
                if woke.since(due) >= LATE && wakes.late.len() < wakes.late.capacity() {
                    wakes.late.push((due, woke));
                }
            }
            wakes
        });
        Ok(Self { stop, thread })
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// Its thread panicked.
    pub fn stop(self) -> Result<Wakes, Box<dyn Error>> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the probe's thread panicked")?)
    }
}

impl Wakes {
    /// Adds those of another processor.
    ///
    /// # Errors
    ///
    /// None: the histograms' bounds are the same.
    pub fn add(&mut self, other: &Self) -> Result<(), Box<dyn Error>> {
        self.latency.add(&other.latency)?;
        self.late.extend_from_slice(&other.late);
        self.late.sort_unstable();
        Ok(())
    }

    /// How much of this time a processor was late, each moment counted once.
    pub fn late_within(&self, from: Instant, to: Instant) -> Duration {
        let (mut late, mut counted) = (Duration::ZERO, from);
        for (due, woke) in self.late.iter().filter(|(due, woke)| *due < to && *woke > from) {
            let (start, end) = ((*due).max(counted), (*woke).min(to));
            late += end.since(start);
            counted = counted.max(end);
        }
        late
    }
}

/// Twenty times what it takes to wake on a machine that does nothing else.
const LATE: Duration = Duration::from_micros(200);
/// Longer than anything sleeps here.
const LONGEST_NS: u64 = 60_000_000_000;
