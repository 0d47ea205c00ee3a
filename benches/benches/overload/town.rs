//! Honest traffic and attacks by due time, from one thread: what is due is sent, however late it is.

use core::time::Duration;
use std::thread;

use radio_adapters::mem::MemRadio;
use radio_adapters::radio::LinkAddress;
use radio_adapters::{AccessCategory, Radio, TxFrame, clock};
use std::task::{Context, Waker};
use testkit::{Authority, START};
use v2x_core::{Anchor, Instant};
use v2x_proto::Class;

use crate::overload::speaker::{HONEST, Named, Speaker};

/// What the attacker sends, 20,000 frames a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Nothing: the figures to compare with.
    None,
    /// Forged D0, D1 and D2 in all honest names, each frame from another address.
    InvalidSignatures,
    /// The same, each from the link address of the station it names.
    InvalidSignaturesSpoofed,
    /// Digests and credentials that no station has, of the known issuer, each from another address.
    UnknownCredentials,
    /// Signed D0, D1 and D2 of one insider, from its own address.
    ExcessOfOneSender,
    /// The newest honest frame again, each copy from another address.
    ExactCopies,
    /// Honest frames of seconds ago: beacons, and hazards that are still alive.
    Replays,
}

impl Attack {
    /// All, as they are run.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::InvalidSignatures,
        Self::InvalidSignaturesSpoofed,
        Self::UnknownCredentials,
        Self::ExcessOfOneSender,
        Self::ExactCopies,
        Self::Replays,
    ];

    /// As in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::InvalidSignatures => "invalid_signatures",
            Self::InvalidSignaturesSpoofed => "invalid_signatures_spoofed",
            Self::UnknownCredentials => "unknown_credentials",
            Self::ExcessOfOneSender => "excess_of_one_sender",
            Self::ExactCopies => "exact_copies",
            Self::Replays => "replays",
        }
    }
}

/// An honest D0 or D1: when it was due.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Which class.
    pub class: Class,
    /// Its number; no two alerts of a run share one.
    pub sequence: u32,
    /// When it was due.
    pub due: Instant,
}

/// All stations but the one under attack.
pub struct Town {
    radio: MemRadio,
    anchor: Anchor,
    speakers: Vec<Speaker>,
    next: Vec<Instant>,
    last_full: Vec<Instant>,
    insider: Speaker,
    recorded: Vec<Vec<u8>>,
    newest: Vec<u8>,
    frame: Vec<u8>,
    sequence: u32,
    attack_sequence: u32,
    /// Honest alerts sent while the attack ran.
    pub alerts: Vec<Alert>,
    /// Attack frames sent.
    pub sent: u64,
}

impl Town {
    /// Stations on `radio`'s medium, for an attack of this length; nothing is sent yet.
    ///
    pub fn new(authority: &Authority, radio: MemRadio, anchor: Anchor, time: Duration) -> Self {
        let speakers = (1..=SPEAKERS).map(|n| Speaker::new(authority, n)).collect::<Vec<_>>();
        let start = now();
        // Spread over their intervals.
        let next = (0..SPEAKERS).map(|n| start + Duration::from_micros(u64::from(n) * 1_117)).collect();
        Self {
            radio,
            anchor,
            last_full: vec![Instant::ZERO; speakers.len()],
            insider: Speaker::new(authority, 999),
            speakers,
            next,
            recorded: Vec::new(),
            newest: Vec::new(),
            frame: Vec::with_capacity(2048),
            sequence: 1,
            attack_sequence: ATTACKS_FROM,
            alerts: touched(Alert { class: Class::D0, sequence: 1, due: start }, alerts_in(time)),
            sent: 0,
        }
    }

    /// Honest traffic until `end`, the first moments of it kept for replays.
    pub fn warm_up(&mut self, end: Instant) {
        let recorded_until = now() + Duration::from_millis(300);
        // Hazards that live a minute, for replays that are fresh but old news; and the insider introduces itself.
        for n in 2 * ALERTERS..2 * ALERTERS + 10 {
            let (speaker, wire) = (&mut self.speakers[n], self.anchor.wire_at(now()));
            self.frame.clear();
            speaker.frame(Class::D3, self.sequence, wire, Named::InFull, &mut self.frame);
            self.sequence += 1;
            send(&mut self.radio, &self.frame, speaker.link);
            self.recorded.push(self.frame.clone());
        }
        self.honest_until(end, |town, frame| {
            if now() < recorded_until {
                town.recorded.push(frame);
            }
        });
        self.alerts.clear();
    }

    /// `attack` beside honest traffic until `end`.
    pub fn attack(&mut self, attack: Attack, end: Instant) {
        let start = now();
        loop {
            let attack_due = match attack {
                Attack::None => Instant::FAR_FUTURE,
                _ => start + Duration::from_nanos(self.sent * 1_000_000_000 / RATE),
            };
            let (honest_due, speaker) = self.next_honest();
            let due = attack_due.min(honest_due);
            if due >= end {
                return;
            }
            sleep_until(due);
            if honest_due <= attack_due {
                self.speak(speaker, honest_due);
            } else {
                self.strike(attack, attack_due);
            }
        }
    }

    /// Honest traffic until `end`; its alerts are not counted.
    pub fn calm(&mut self, end: Instant) {
        let counted = self.alerts.len();
        self.honest_until(end, |_, _| {});
        self.alerts.truncate(counted);
    }

    fn honest_until(&mut self, end: Instant, mut seen: impl FnMut(&mut Self, Vec<u8>)) {
        loop {
            let (due, speaker) = self.next_honest();
            if due >= end {
                return;
            }
            sleep_until(due);
            self.speak(speaker, due);
            let frame = self.newest.clone();
            seen(self, frame);
        }
    }

    fn next_honest(&self) -> (Instant, usize) {
        let next = self.next.iter().enumerate().map(|(n, at)| (*at, n)).min();
        next.expect("invariant: there are speakers")
    }

    fn speak(&mut self, n: usize, due: Instant) {
        let (class, interval) = match n {
            0..ALERTERS => (Class::D0, Duration::from_millis(100)),
            n if n < 2 * ALERTERS => (Class::D1, Duration::from_millis(50)),
            _ => (Class::D2, Duration::from_millis(100)),
        };
        self.next[n] = due + interval;
        let at = now();
        let full = class != Class::D2 || at.since(self.last_full[n]) >= Duration::from_secs(1);
        let named = if full { Named::InFull } else { Named::Briefly };
        if full {
            self.last_full[n] = at;
        }
        let speaker = &mut self.speakers[n];
        self.newest.clear();
        speaker.frame(class, self.sequence, self.anchor.wire_at(at), named, &mut self.newest);
        send(&mut self.radio, &self.newest, speaker.link);
        if class != Class::D2 {
            self.alerts.push(Alert { class, sequence: self.sequence, due });
        }
        self.sequence += 1;
    }

    fn strike(&mut self, attack: Attack, due: Instant) {
        let n = self.sent as usize;
        self.sent += 1;
        self.attack_sequence += 1;
        let sequence = self.attack_sequence;
        let wire = self.anchor.wire_at(due);
        let class = [Class::D0, Class::D1, Class::D2][n % 3];
        let victim = &self.speakers[(n / 3) % self.speakers.len()];
        let frame = &mut self.frame;
        frame.clear();
        let mut link = made_up_address(sequence);
        match attack {
            Attack::None => return,
            Attack::InvalidSignatures => victim.forged(class, sequence, wire, Named::Briefly, frame),
            Attack::InvalidSignaturesSpoofed => {
                victim.forged(class, sequence, wire, Named::Briefly, frame);
                link = victim.link;
            }
            Attack::UnknownCredentials => {
                let named = if n.is_multiple_of(2) { Named::InFull } else { Named::Briefly };
                self.insider.made_up(sequence, wire, named, frame);
            }
            Attack::ExcessOfOneSender => {
                let named = if n.is_multiple_of(100) { Named::InFull } else { Named::Briefly };
                self.insider.frame(class, sequence, wire, named, frame);
                link = INSIDER;
            }
            Attack::ExactCopies => frame.extend_from_slice(&self.newest),
            Attack::Replays => frame.extend_from_slice(&self.recorded[n % self.recorded.len()]),
        }
        send(&mut self.radio, frame, link);
    }
}

/// Honest alerts in all phases around an attack of this length, at most.
pub fn alerts_in(attack: Duration) -> usize {
    (attack.as_secs() as usize + 10) * 30 * ALERTERS
}

/// Empty, with room for this many that is in memory already, so that filling it does not grow it.
pub fn touched<T: Clone>(value: T, room: usize) -> Vec<T> {
    let mut touched = vec![value; room];
    touched.clear();
    touched
}

/// Whether a frame from `link` with signed number `sequence` was the attacker's.
pub fn is_attack(link: [u8; 6], sequence: Option<u32>) -> bool {
    link[0] != HONEST || sequence.is_some_and(|sequence| sequence >= ATTACKS_FROM)
}

/// The core's time and wire time of a run that begins now.
pub fn anchor() -> Anchor {
    Anchor { instant: now(), wire: START }
}

/// `CLOCK_MONOTONIC`.
pub fn now() -> Instant {
    Instant::from_nanos(clock::monotonic_ns())
}

fn send(radio: &mut MemRadio, bytes: &[u8], link: [u8; 6]) {
    let frame = TxFrame::new(bytes, AccessCategory::BestEffort).from_source(Some(LinkAddress(link)));
    // The medium takes every frame; what its receiver has no room for is counted there.
    let _sent = radio.poll_send(&mut Context::from_waker(Waker::noop()), &frame);
}

fn made_up_address(n: u32) -> [u8; 6] {
    let [a, b, c, d] = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
    [0x06, 0x66, a, b, c, d]
}

/// Sleeps until a moment; not at all when it has passed.
pub fn sleep_until(due: Instant) {
    let wait = due.since(now());
    if wait > Duration::ZERO {
        thread::sleep(wait);
    }
}

/// Attack frames a second: ten times what a 6 Mb/s channel carries.
pub const RATE: u64 = 20_000;
/// Stations that send D0 at 10 Hz, and as many that send D1 at 20 Hz.
pub const ALERTERS: usize = 20;
/// These and 50 that send awareness at 10 Hz.
const SPEAKERS: u32 = 2 * ALERTERS as u32 + 50;
/// Beyond all honest numbers, and ahead of them in every replay window.
const ATTACKS_FROM: u32 = 1 << 24;
const INSIDER: [u8; 6] = [0x06, 0x11, 0, 0, 0, 1];
