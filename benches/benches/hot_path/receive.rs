//! The receive path against bare verification.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::time;

use benches::figures::Samples;
use benches::fleet::{CENTRE, Fleet, Sample, fix_on_ring};
use benches::heap;
use benches::stack::{Depths, at_depth};
use bytes::{Bytes, BytesMut};
use ed25519_dalek::{Signature, VerifyingKey};
use testkit::drive::drain;
use testkit::{Authority, anchor};
use v2x_core::{
    AwarenessRule, ClockState, Config, DropReason, Event, Fix, Host, Input, Instant, Node, Output,
    ReceivedFrame, Virtual, Way,
};

/// Stations heard.
pub const NEIGHBOURS: u32 = 200;

/// What was measured; times in ns a frame, one sample a pass.
#[derive(Debug, Default)]
pub struct Receive {
    /// A node whose host reads the machine's clock for every stamp.
    pub live: Against,
    /// A node in virtual time.
    pub virtual_time: Against,
    /// Bare `verify_strict`, keys decompressed, input assembled.
    pub verify: Samples,
    /// The node with a host that accepts every signature: caches are warmer than beside real ones.
    pub without_verify: Samples,
    /// Dropping a frame that was heard before.
    pub exact_copy: Samples,
    /// Dropping noise behind a good hop header.
    pub garbage: Samples,
    /// Over the whole run.
    pub mean_frame_bytes: f64,
    allocations: u64,
    frames: u64,
}

/// One kind of node against bare verification; each sample compares the medians of a pass.
#[derive(Debug, Default)]
pub struct Against {
    /// Time over the bare verification's.
    pub ratio: Samples,
    /// Time in addition to the bare verification's, ns.
    pub beside: Samples,
}

impl Against {
    fn add(&mut self, node_ns: f64, bare_ns: f64) {
        self.ratio.add(node_ns / bare_ns);
        self.beside.add(node_ns - bare_ns);
    }
}

impl Receive {
    /// Heap allocations of both nodes, once all stations are known.
    pub fn allocations_per_frame(&self) -> f64 {
        self.allocations as f64 / self.frames.max(1) as f64
    }
}

/// Runs `passes` passes of one second of traffic each, after a warm-up in which all stations become known.
pub fn run(passes: usize) -> Receive {
    let authority = Authority::of_cars();
    let mut fleet = Fleet::new(&authority, NEIGHBOURS);
    let listener = |host: Box<dyn Host>| Listener::new(&authority, host);
    let mut live = listener(Box::new(Clocked(time::Instant::now())));
    let mut virtual_time = listener(Box::new(Virtual));
    let mut trusting = listener(Box::new(Trusting(time::Instant::now())));
    let mut result = Receive::default();
    let mut slices = Slices::default();
    let (mut bytes, mut count) = (0, 0);
    for _ in 0..WARM_UP {
        let samples = fleet.drive(Duration::from_secs(1));
        for listener in [&mut live, &mut virtual_time, &mut trusting] {
            listener.warm_up(&samples);
        }
    }
    for _ in 0..passes {
        let samples = fleet.drive(Duration::from_secs(1));
        bytes += samples.iter().map(|sample| sample.frame.len()).sum::<usize>();
        count += samples.len();
        slices.clear();
        for (turn, samples) in samples.chunks_exact(SLICE).enumerate() {
            let allocations = slices.measure(turn, samples, &mut live, &mut virtual_time, &mut trusting);
            result.allocations += allocations;
            result.frames += 2 * samples.len() as u64;
        }
        slices.sum_up(&mut result);
    }
    for listener in [&live, &virtual_time, &trusting] {
        assert_eq!(listener.node.neighbour_table().len(), NEIGHBOURS as usize, "all stations are neighbours");
    }
    result.mean_frame_bytes = bytes as f64 / count as f64;
    result
}

/// One pass: a sample a slice.
#[derive(Debug, Default)]
struct Slices {
    depths: Depths,
    live: Samples,
    virtual_time: Samples,
    verify: Samples,
    without_verify: Samples,
    exact_copy: Samples,
    garbage: Samples,
}

impl Slices {
    /// Runs all contestants over one slice, in an order that rotates; returns the nodes' allocations.
    fn measure(
        &mut self,
        turn: usize,
        samples: &[Sample],
        live: &mut Listener,
        virtual_time: &mut Listener,
        trusting: &mut Listener,
    ) -> u64 {
        let mut allocations = 0;
        for place in 0..3 {
            let depth = self.depths.next_depth();
            let mut node = |listener: &mut Listener| {
                let (ns, used) = at_depth(depth, &mut || listener.receive(samples));
                allocations += used;
                ns
            };
            match (turn + place) % 3 {
                0 => self.verify.add(at_depth(depth, &mut || bare(samples))),
                1 => self.live.add(node(live)),
                _ => self.virtual_time.add(node(virtual_time)),
            }
        }
        self.without_verify.add(trusting.receive(samples).0);
        self.exact_copy.add(live.refuse(samples, whole, DropReason::ExactCopy));
        self.garbage.add(live.refuse(samples, noise, DropReason::MalformedEnvelope));
        allocations
    }

    /// Keeps its place among the depths.
    fn clear(&mut self) {
        *self = Self { depths: self.depths, ..Self::default() };
    }

    fn sum_up(&self, result: &mut Receive) {
        result.live.add(self.live.median(), self.verify.median());
        result.virtual_time.add(self.virtual_time.median(), self.verify.median());
        result.verify.add(self.verify.median());
        result.without_verify.add(self.without_verify.median());
        result.exact_copy.add(self.exact_copy.median());
        result.garbage.add(self.garbage.median());
    }
}

/// Makes a frame of a sample.
type Make = fn(&Sample) -> Cow<'_, [u8]>;

/// A station that listens and does not send.
struct Listener {
    node: Node,
    pool: BytesMut,
    frames: Vec<(Instant, ReceivedFrame)>,
}

impl Listener {
    fn new(authority: &Authority, host: Box<dyn Host>) -> Self {
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let identity = authority.identity(0);
        let anchor = anchor();
        let mut node = Node::with_host(config, identity, authority.trust.clone(), 1, anchor, host);
        node.handle_input(Instant::ZERO, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        drain(&mut node, |_| {});
        Self { node, pool: BytesMut::with_capacity(1 << 20), frames: Vec::with_capacity(SLICE) }
    }

    /// Takes frames without judging: at the start some wait for their credential.
    fn warm_up(&mut self, samples: &[Sample]) {
        for samples in samples.chunks(SLICE) {
            self.fill(samples, whole);
            self.feed(|_| true);
        }
    }

    /// Nanoseconds a frame, and allocations in all.
    fn receive(&mut self, samples: &[Sample]) -> (f64, u64) {
        self.fill(samples, whole);
        let (received, (ns, allocations)) = self.feed(|event| matches!(event, Event::Received(_)));
        assert_eq!(received, samples.len(), "every frame is delivered");
        (ns / samples.len() as f64, allocations)
    }

    /// Nanoseconds a frame that is made of a sample and dropped for `reason`.
    fn refuse(&mut self, samples: &[Sample], make: Make, reason: DropReason) -> f64 {
        self.fill(samples, make);
        let (dropped, (ns, _)) =
            self.feed(|event| matches!(event, Event::Dropped(dropped) if dropped.reason == reason));
        assert_eq!(dropped, samples.len(), "every frame is dropped for {}", reason.name());
        ns / samples.len() as f64
    }

    /// Copies frames into a buffer as a link does, which leaves them in the cache as a link does, and
    /// brings the node's position up to date.
    fn fill(&mut self, samples: &[Sample], make: Make) {
        for sample in samples {
            self.pool.extend_from_slice(&make(sample));
            let frame = ReceivedFrame {
                bytes: self.pool.split().freeze(),
                link_source: sample.link,
                kernel_receive: Some(sample.at),
                user_receive: Some(sample.at),
                signal_dbm: Some(-70),
                way: Way::Air,
            };
            self.frames.push((sample.at + Duration::from_millis(1), frame));
        }
        if let Some((at, _)) = self.frames.first() {
            self.node.handle_input(*at, Input::Fix(Some(own_fix(*at))));
        }
        drain(&mut self.node, |_| {});
    }

    /// Hands the frames in, one at a time, as a station on a link does; counts events that `count` takes.
    fn feed(&mut self, count: impl Fn(&Event) -> bool) -> (usize, (f64, u64)) {
        let (node, frames) = (&mut self.node, &mut self.frames);
        let mut counted = 0;
        let (ns, used) = heap::measured(|| {
            let start = time::Instant::now();
            for (at, frame) in frames.drain(..) {
                node.handle_input(at, Input::Frame(frame));
                loop {
                    match node.poll_output() {
                        Output::Event(event) => counted += usize::from(count(&event)),
                        Output::Transmit(_) => {}
                        // The contract: while a frame waits for verification the deadline is now.
                        Output::Timeout(deadline, _) if deadline <= at => {
                            node.handle_input(at, Input::Timeout)
                        }
                        Output::Timeout(..) => break,
                    }
                }
            }
            start.elapsed().as_nanos() as f64
        });
        (counted, (ns, used.allocations))
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

/// A host on this machine's clock that verifies nothing: what is left is everything beside the signature.
#[derive(Debug)]
struct Trusting(time::Instant);

impl Host for Trusting {
    fn stamp(&mut self, _now: Instant) -> Instant {
        Instant::from_nanos(self.0.elapsed().as_nanos() as u64)
    }

    fn verify(&mut self, _key: &VerifyingKey, _message: &[u8], _signature: &[u8; 64]) -> bool {
        true
    }
}

/// Nanoseconds a bare verification by the library, the signed bytes copied next to each other first as they are
/// for the node.
fn bare(samples: &[Sample]) -> f64 {
    let inputs: Vec<Bytes> = samples.iter().map(|sample| Bytes::copy_from_slice(&sample.signed)).collect();
    let start = time::Instant::now();
    let pairs = samples.iter().zip(&inputs);
    let good = pairs.filter(|(sample, input)| library(&sample.key, input, &sample.signature));
    assert_eq!(good.count(), samples.len(), "every signature holds");
    start.elapsed().as_nanos() as f64 / samples.len() as f64
}

fn library(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// The frame with everything behind its hop header and first tag replaced by bytes no message starts with.
fn noise(sample: &Sample) -> Cow<'_, [u8]> {
    let mut bytes = sample.frame.clone();
    for (place, byte) in bytes.iter_mut().enumerate().skip(12) {
        *byte = 0x80 | (place as u8).wrapping_mul(37);
    }
    bytes.into()
}

fn whole(sample: &Sample) -> Cow<'_, [u8]> {
    sample.frame.as_slice().into()
}

fn own_fix(at: Instant) -> Fix {
    Fix { position: CENTRE, ..fix_on_ring(100.0, 0.0, 0.0, anchor().wire_at(at)) }
}

impl fmt::Display for Receive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verify, passes) = (&self.verify, self.verify.len());
        writeln!(f, "receive: {NEIGHBOURS} neighbours, {passes} passes of 1 s of traffic, min / median")?;
        writeln!(f, "  mean frame                    {:10.1} B", self.mean_frame_bytes)?;
        writeln!(f, "  bare verify_strict            {:10.0} / {:.0} ns", verify.min(), verify.median())?;
        for (name, against) in [("live clock  ", &self.live), ("virtual time", &self.virtual_time)] {
            let (ratio, beside) = (&against.ratio, &against.beside);
            writeln!(f, "  {name}, over verify     {:10.4} / {:.4}", ratio.min(), ratio.median())?;
            writeln!(f, "  {name}, beside verify   {:10.0} / {:.0} ns", beside.min(), beside.median())?;
        }
        for (name, samples) in [
            ("without any verification", &self.without_verify),
            ("exact copy dropped      ", &self.exact_copy),
            ("noise dropped           ", &self.garbage),
        ] {
            writeln!(f, "  {name}      {:10.0} / {:.0} ns", samples.min(), samples.median())?;
        }
        write!(f, "  heap allocations a frame      {:10.4}", self.allocations_per_frame())
    }
}

/// Seconds of traffic before anything is measured.
const WARM_UP: usize = 5;
/// Frames a slice: under a millisecond, so that a slice is rarely interrupted.
const SLICE: usize = 16;
