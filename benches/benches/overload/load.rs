//! Loads: how many frames a second the attacker sends, by what a radio carries and by what the machine verifies.

use core::time::Duration;
use std::error::Error;
use std::hint::black_box;
use std::thread;

use ed25519_dalek::VerifyingKey;
use radio_adapters::realtime;
use testkit::Authority;
use testkit::craft::Crafter;
use v2x_core::{Host, Instant, signing_input, strict};
use v2x_node::daemon::station::Live;

use crate::overload::town::now;

/// Attack frames a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// As many: what a radio carries.
    Frames(u32),
    /// As many times what the host verifies.
    Times(f64),
}

/// Host of the station under attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// The daemon's, at the speed of this machine.
    Own,
    /// One whose signature checks take [`SLOW_CHECK`] each, as on a small board.
    Slow,
}

impl Load {
    /// Frames a second, on a host that verifies `rate` signatures a second.
    pub fn per_s(self, rate: f64) -> u64 {
        match self {
            Self::Frames(frames) => u64::from(frames),
            Self::Times(times) => (times * rate).round() as u64,
        }
    }

    /// As in the report.
    pub fn name(self) -> String {
        match self {
            Self::Frames(frames) => format!("{frames}/s"),
            Self::Times(times) => format!("{times} x"),
        }
    }
}

impl Checks {
    /// As in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Slow => "200 us",
        }
    }

    /// Signatures it verifies a second, where this machine does `own`.
    pub fn rate(self, own: f64) -> f64 {
        match self {
            Self::Own => own,
            Self::Slow => own.min(1.0 / SLOW_CHECK.as_secs_f64()),
        }
    }

    /// The host.
    pub fn host(self) -> Box<dyn Host> {
        match self {
            Self::Own => Box::new(Live),
            Self::Slow => Box::new(Slow),
        }
    }
}

/// Signatures that `verify_strict` checks a second on processor `cpu`: the best of twenty short runs, each over the same
/// 64 keys and messages.
///
/// # Errors
///
/// The thread that measures panicked.
pub fn verifications_per_s(cpu: usize) -> Result<f64, Box<dyn Error>> {
    let samples: Vec<_> = (1..=64).map(sample).collect();
    let measure = move || {
        let _pinned = realtime::pin_to_cpu(cpu);
        let pass = || {
            let start = now();
            let good = samples.iter().filter(|(key, message, signature)| strict(key, message, signature));
            let good = black_box(good.count());
            (now().nanos_since(start) as f64 / samples.len() as f64, good)
        };
        let passes = (0..20).map(|_| pass()).collect::<Vec<_>>();
        assert!(passes.iter().all(|(_, good)| *good == samples.len()), "a signature did not hold");
        passes.into_iter().map(|(ns, _)| 1e9 / ns).fold(0.0, f64::max)
    };
    Ok(thread::spawn(measure).join().map_err(|_| "the thread that measures panicked")?)
}

fn sample(number: u32) -> (VerifyingKey, Vec<u8>, [u8; 64]) {
    let crafter = Crafter::station(number);
    let tbs = [number as u8; 120];
    let mut message = Vec::new();
    signing_input(&mut message, &v2x_core::credential_hash(&crafter.credential), &tbs);
    (Authority::key(number).verifying_key(), message, crafter.sign(&tbs))
}

/// The daemon's host on a processor on which each signature check takes [`SLOW_CHECK`].
#[derive(Clone, Copy, Debug)]
struct Slow;

impl Host for Slow {
    fn stamp(&mut self, now: Instant) -> Instant {
        Live.stamp(now)
    }

    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let end = now() + SLOW_CHECK;
        let good = strict(key, message, signature);
        // A processor that computes does not sleep.
        while now() < end {
            core::hint::spin_loop();
        }
        good
    }
}

/// A signature check of a slow host.
pub const SLOW_CHECK: Duration = Duration::from_micros(200);
