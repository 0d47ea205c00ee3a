//! Simulated street: several stations on one virtual clock and an ideal link.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use v2x_core::{ClockState, Config, Input, Instant};

use crate::start::{PLACE, anchor, fix, frame};
use crate::station::Station;

/// Stations that all hear each other after a fixed delay.
#[derive(Debug)]
pub struct Street {
    /// The nodes; the first drives ahead.
    pub stations: Vec<Station>,
    /// Virtual time.
    pub now: Instant,
    air: VecDeque<(Instant, usize, Bytes)>,
    /// From a transmission to its arrival everywhere.
    pub delay: Duration,
    /// An isolated station: nobody hears it, and it hears nobody.
    pub away: Option<usize>,
    /// Sends `Timeout` this often besides the deadlines, to prove that it changes nothing.
    pub extra_timeouts: Option<Duration>,
}

impl Street {
    /// Vehicles 0 to `count`, 20 m apart, at 15 m/s.
    pub fn new(count: u32) -> Self {
        let stations = (0..count).map(|number| Station::new(number, Config::vehicle())).collect();
        Self {
            stations,
            now: Instant::ZERO,
            air: VecDeque::new(),
            delay: Duration::from_micros(500),
            away: None,
            extra_timeouts: None,
        }
    }

    /// Runs to `end`, sleeping exactly to deadlines; positions are renewed every 100 ms.
    pub fn run(&mut self, end: Instant) {
        let mut next_fix = self.now;
        let mut next_extra = self.extra_timeouts.map(|step| self.now + step);
        let mut steps = 0u32;
        while self.now <= end {
            steps += 1;
            assert!(steps < 10_000_000, "no progress at {:?}", self.now);
            let deadlines = self.stations.iter().map(|station| station.deadline.0);
            let arrival = self.air.front().map(|(at, ..)| *at);
            let next = deadlines.chain(arrival).chain(next_extra).fold(next_fix, Instant::min);
            self.now = self.now.max(next);
            if self.now > end {
                return;
            }
            if self.now >= next_fix {
                self.renew_fixes();
                next_fix = next_fix + Duration::from_millis(100);
            } else if next_extra.is_some_and(|at| self.now >= at) {
                next_extra = next_extra.zip(self.extra_timeouts).map(|(at, step)| at + step);
                for index in 0..self.stations.len() {
                    // Waiting verifications are due now, so this timeout would not be early for them.
                    if self.stations[index].deadline.0 > self.now {
                        self.feed(index, Input::Timeout);
                    }
                }
            } else if arrival.is_some_and(|at| self.now >= at) {
                self.arrive();
            } else {
                for index in 0..self.stations.len() {
                    if self.stations[index].deadline.0 <= self.now {
                        self.feed(index, Input::Timeout);
                    }
                }
            }
        }
    }

    fn renew_fixes(&mut self) {
        for index in 0..self.stations.len() {
            // Each drives north at 15 m/s, 20 m behind the one before.
            let metres = self.now.as_nanos() as f64 * 15e-9 - index as f64 * 20.0;
            if self.now == Instant::ZERO {
                let wire = anchor().wire_at(self.now);
                self.feed(index, Input::Clock { wire, state: ClockState::Locked });
            }
            self.feed(index, fix(self.now, PLACE.moved(0.0, metres)));
        }
    }

    fn feed(&mut self, index: usize, input: Input) {
        let at = self.now + self.delay;
        for bytes in self.stations[index].feed(self.now, input) {
            if self.away != Some(index) {
                self.air.push_back((at, index, bytes));
            }
        }
    }

    fn arrive(&mut self) {
        let Some((_, sender, bytes)) = self.air.pop_front() else { return };
        let source = self.stations[sender].address;
        let away = self.away;
        for index in (0..self.stations.len()).filter(|index| *index != sender && Some(*index) != away) {
            self.feed(index, frame(&bytes, source));
        }
    }
}
