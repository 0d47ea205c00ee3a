//! The send path against bare signing.

use core::fmt;
use core::time::Duration;
use std::hint::black_box;
use std::time;

use benches::figures::Samples;
use benches::fleet::{fix_on_ring, signing_parts};
use benches::heap;
use benches::stack::{Depths, at_depth};
use ed25519_dalek::{Signer, SigningKey};
use testkit::drive::drain;
use testkit::{Authority, anchor};
use v2x_core::{AwarenessRule, ClockState, Config, Host, Input, Instant, Node, Output, credential_hash};
use v2x_proto::envelope::MAX_FRAME;

/// What was measured; times in ns a frame, one sample a pass.
#[derive(Debug, Default)]
pub struct Send {
    /// Time over the bare signature's.
    pub ratio: Samples,
    /// Time in addition to the bare signature's, ns.
    pub beside: Samples,
    /// A bare signature.
    pub sign: Samples,
    allocations: u64,
    frames: u64,
}

impl Send {
    /// Heap allocations, from the second pass on.
    pub fn allocations_per_frame(&self) -> f64 {
        self.allocations as f64 / self.frames.max(1) as f64
    }
}

/// Runs `passes` passes; the first only warms up.
pub fn run(passes: usize) -> Send {
    let authority = Authority::of_cars();
    let credential = authority.credential(1);
    let hash = credential_hash(&credential);
    let mut vehicle = Vehicle::new(&authority);
    let key = Authority::key(1);
    let mut depths = Depths::default();
    let mut result = Send::default();
    for pass in 0..passes {
        let (mut node, mut sign) = (Samples::default(), Samples::default());
        for _ in 0..SLICES {
            let depth = depths.next_depth();
            let (node_ns, allocations) = at_depth(depth, &mut || vehicle.send_slice());
            let signed: Vec<_> =
                vehicle.sent[..SLICE].iter().map(|frame| signing_parts(frame, &hash)).collect();
            node.add(node_ns);
            sign.add(at_depth(depths.next_depth(), &mut || bare(&key, &signed)));
            if pass > 0 {
                result.allocations += allocations;
                result.frames += SLICE as u64;
            }
        }
        if pass > 0 {
            result.ratio.add(node.median() / sign.median());
            result.beside.add(node.median() - sign.median());
            result.sign.add(sign.median());
        }
    }
    result
}

/// A vehicle that sends at 10 Hz and hears nobody.
struct Vehicle {
    node: Node,
    now: Instant,
    /// What the link was given: it copies a frame and frees it, as a link does.
    sent: Vec<Vec<u8>>,
}

impl Vehicle {
    fn new(authority: &Authority) -> Self {
        let awareness = AwarenessRule::Every(Duration::from_millis(100));
        let identity = authority.identity(1);
        let (config, anchor) = (Config { awareness, ..Config::vehicle() }, anchor());
        let host = Box::new(Clocked(time::Instant::now()));
        let mut node = Node::with_host(config, identity, authority.trust.clone(), 1, anchor, host);
        node.handle_input(Instant::ZERO, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        let sent = (0..SLICE).map(|_| Vec::with_capacity(MAX_FRAME)).collect();
        Self { node, now: Instant::ZERO, sent }
    }

    /// Nanoseconds a frame from timeout to `Transmit`, and allocations in all.
    fn send_slice(&mut self) -> (f64, u64) {
        let (radius, speed) = (300.0, 14.0);
        let angle = self.now.since(Instant::ZERO).as_secs_f64() * speed / radius;
        let fix = fix_on_ring(radius, angle, speed, anchor().wire_at(self.now));
        self.node.handle_input(self.now, Input::Fix(Some(fix)));
        let (mut deadline, _) = drain(&mut self.node, |_| {});
        let (node, now) = (&mut self.node, &mut self.now);
        let mut link = self.sent.iter_mut();
        let (ns, used) = heap::measured(|| {
            let start = time::Instant::now();
            while link.len() > 0 {
                *now = deadline;
                node.handle_input(deadline, Input::Timeout);
                deadline = loop {
                    match node.poll_output() {
                        Output::Transmit(transmit) => {
                            let frame = link.next().expect("invariant: one message a timeout");
                            frame.clear();
                            frame.extend_from_slice(&transmit.bytes);
                        }
                        Output::Event(_) => {}
                        Output::Timeout(at, _) => break at,
                    }
                };
            }
            start.elapsed().as_nanos() as f64
        });
        (ns / SLICE as f64, used.allocations)
    }
}

/// A host on this machine's clock.
#[derive(Debug)]
struct Clocked(time::Instant);

impl Host for Clocked {
    fn stamp(&mut self, _now: Instant) -> Instant {
        Instant::from_nanos(self.0.elapsed().as_nanos() as u64)
    }
}

fn bare(key: &SigningKey, signed: &[(Vec<u8>, [u8; 64])]) -> f64 {
    let start = time::Instant::now();
    let same = signed.iter().filter(|(input, signature)| key.sign(black_box(input)).to_bytes() == *signature);
    assert_eq!(same.count(), signed.len(), "a bare signature is the node's");
    start.elapsed().as_nanos() as f64 / signed.len() as f64
}

impl fmt::Display for Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passes = self.sign.len();
        writeln!(
            f,
            "send: awareness at 10 Hz, {passes} passes of {} messages, min / median",
            SLICE * SLICES
        )?;
        writeln!(
            f,
            "  bare signature                {:10.0} / {:.0} ns",
            self.sign.min(),
            self.sign.median()
        )?;
        writeln!(
            f,
            "  over sign                     {:10.4} / {:.4}",
            self.ratio.min(),
            self.ratio.median()
        )?;
        writeln!(
            f,
            "  beside sign                   {:10.0} / {:.0} ns",
            self.beside.min(),
            self.beside.median()
        )?;
        write!(f, "  heap allocations a message    {:10.4}", self.allocations_per_frame())
    }
}

/// Messages a slice: as many as one fix is good for.
const SLICE: usize = 16;
/// Slices a pass.
const SLICES: usize = 64;
