//! Work to count the instructions of: `benches/instructions.sh` runs this under a program that counts them.
//!
//! ```text
//! instructions nothing|station|copies|verify [SECONDS]
//! ```
//!
//! A hundred vehicles send ten times a second each. Their frames are made first, for as long as the longest run, so that two runs
//! differ by what is asked for alone, and the difference of their counts is what that took. All is virtual time and seeded.

use core::time::Duration;
use std::env;
use std::process::ExitCode;

use bytes::Bytes;
use ed25519_dalek::Signature;

use benches::fleet::{Common, Fleet, Sample, fix_on_ring};
use testkit::drive::drain;
use testkit::{Authority, anchor};
use v2x_core::{
    AwarenessRule, ClockState, Config, DropReason, Event, Input, Instant, Node, Output, ReceivedFrame, Way,
};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let seconds = words.get(1).map_or(Ok(MOST_SECONDS), |word| word.parse());
    let work: fn(&mut Scene, &[Sample]) = match (words.first().map(String::as_str), &seconds) {
        (Some("nothing"), Ok(0..=MOST_SECONDS)) => |_, _| {},
        (Some("station"), Ok(0..=MOST_SECONDS)) => Scene::receive,
        (Some("copies"), Ok(0..=MOST_SECONDS)) => Scene::refuse_copies,
        (Some("verify"), Ok(0..=MOST_SECONDS)) => |_, samples| verify(samples),
        _ => {
            eprintln!("usage: instructions nothing|station|copies|verify [SECONDS], at most {MOST_SECONDS}");
            return ExitCode::from(2);
        }
    };
    let authority = Authority::of_cars();
    let (trust, awareness) = (authority.trust.clone(), AwarenessRule::Every(Duration::from_millis(100)));
    let identities = (1..=NEIGHBOURS).map(|number| authority.identity(number));
    let mut fleet = Fleet::of(identities, &Common { trust, anchor: anchor(), awareness });
    let mut traffic = fleet.drive(Duration::from_secs(WARM_UP_SECONDS + MOST_SECONDS));
    let mut scene = Scene::new(&authority);
    let ends = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    let measured = traffic.split_off(traffic.partition_point(|sample| sample.at < ends(WARM_UP_SECONDS)));
    scene.receive(&traffic);
    let end = ends(WARM_UP_SECONDS + seconds.unwrap_or(0));
    let measured = &measured[..measured.partition_point(|sample| sample.at < end)];
    work(&mut scene, measured);
    assert_eq!(scene.node.neighbour_table().len(), NEIGHBOURS as usize, "all vehicles are neighbours");
    println!("{} frames", measured.len());
    ExitCode::SUCCESS
}

/// A vehicle among the others, which sends as the usual rules have it.
struct Scene {
    node: Node,
    deadline: Instant,
    next_fix: Instant,
    received: usize,
    copies: usize,
}

impl Scene {
    fn new(authority: &Authority) -> Self {
        let anchor = anchor();
        let mut node =
            Node::new(Config::vehicle(), authority.identity(0), authority.trust.clone(), 1, anchor);
        node.handle_input(Instant::ZERO, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
        let mut scene =
            Self { node, deadline: Instant::ZERO, next_fix: Instant::ZERO, received: 0, copies: 0 };
        scene.drain();
        scene
    }

    /// Hears the frames, each when it was sent, and does what is due between them.
    fn receive(&mut self, samples: &[Sample]) {
        let before = self.received;
        for sample in samples {
            self.until(sample.at);
            self.hear(sample, sample.at);
        }
        // At the start some wait for their credential.
        let unheard = samples.len() - (self.received - before);
        assert!(unheard == 0 || before == 0, "{unheard} frames were not delivered");
    }

    /// Hears frames again that it heard before, in one moment.
    fn refuse_copies(&mut self, samples: &[Sample]) {
        self.receive(samples);
        let Some(last) = samples.last() else { return };
        let before = self.copies;
        // Older ones may be forgotten.
        let lately = &samples[samples.len().saturating_sub(LATELY)..];
        for sample in lately {
            for _ in 0..COPIES {
                self.hear(sample, last.at);
            }
        }
        assert_eq!(self.copies - before, COPIES * lately.len(), "every copy is known");
    }

    fn hear(&mut self, sample: &Sample, now: Instant) {
        let frame = ReceivedFrame {
            bytes: Bytes::copy_from_slice(&sample.frame),
            link_source: sample.link,
            kernel_receive: Some(now),
            user_receive: Some(now),
            signal_dbm: Some(-70),
            way: Way::Air,
        };
        self.node.handle_input(now, Input::Frame(frame));
        self.drain();
        while self.deadline <= now {
            self.node.handle_input(now, Input::Timeout);
            self.drain();
        }
    }

    /// Timers and fixes, up to `now`.
    fn until(&mut self, now: Instant) {
        loop {
            let next = self.deadline.min(self.next_fix);
            if next > now {
                return;
            }
            if self.next_fix <= self.deadline {
                let seconds = next.since(Instant::ZERO).as_secs_f64();
                let fix = fix_on_ring(RING_M, seconds * SPEED / RING_M, SPEED, anchor().wire_at(next));
                self.next_fix = next + FIX_INTERVAL;
                self.node.handle_input(next, Input::Fix(Some(fix)));
            } else {
                self.node.handle_input(next, Input::Timeout);
            }
            self.drain();
        }
    }

    fn drain(&mut self) {
        let (received, copies) = (&mut self.received, &mut self.copies);
        (self.deadline, _) = drain(&mut self.node, |output| match output {
            Output::Event(Event::Received(_)) => *received += 1,
            Output::Event(Event::Dropped(dropped)) if dropped.reason == DropReason::ExactCopy => *copies += 1,
            _ => {}
        });
    }
}

/// The library's verification alone.
fn verify(samples: &[Sample]) {
    for Sample { key, signed, signature, .. } in samples {
        key.verify_strict(signed, &Signature::from_bytes(signature)).expect("the fleet signed it");
    }
}

const NEIGHBOURS: u32 = 100;
/// Until all are known.
const WARM_UP_SECONDS: u64 = 3;
const MOST_SECONDS: u64 = 4;
/// The station's own ring, m, and its speed on it, m/s.
const RING_M: f64 = 100.0;
const SPEED: f64 = 14.0;
const FIX_INTERVAL: Duration = Duration::from_millis(100);
/// The newest frames, which are heard again, and how often.
const LATELY: usize = 500;
const COPIES: usize = 8;
