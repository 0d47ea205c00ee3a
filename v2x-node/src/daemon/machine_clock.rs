//! Reads what there is to know about the machine's clock, once a second, without waiting.

use std::net::SocketAddr;

use radio_adapters::clock;
use v2x_core::Anchor;

use crate::daemon::chrony_port::ChronyPort;
use crate::daemon::timekeeper::evidence::{ChronyAnswer, Reading};

/// The kernel's report, and chrony's if it runs.
#[derive(Debug)]
pub struct MachineClock {
    chrony: Option<ChronyPort>,
}

impl MachineClock {
    /// With chrony's command port, if it is to be asked.
    pub fn new(chrony: Option<SocketAddr>, anchor: Anchor) -> Self {
        let seed = anchor.instant.as_nanos() as u32;
        let mut chrony = chrony.map(|address| ChronyPort::new(address, seed));
        // So that the answer is there when the clock is read for the first time.
        if let Some(port) = &mut chrony {
            port.ask(anchor.instant);
        }
        Self { chrony }
    }

    /// Reads them; `anchor` was read just now.
    pub fn read(&mut self, anchor: Anchor) -> Reading {
        let answer = self.chrony.as_mut().and_then(|port| {
            let answer = port.answer();
            port.ask(anchor.instant);
            answer
        });
        let unix_ns = u128::from(clock::realtime_ns());
        Reading {
            anchor,
            slept: clock::slept(),
            kernel: clock::kernel_clock().ok(),
            chrony: answer.map(|(asked, tracking)| ChronyAnswer {
                asked,
                measured_ago: tracking.measured_ago(unix_ns),
                tracking,
            }),
        }
    }
}
