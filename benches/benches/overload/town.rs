//! Honest traffic and attacks by due time, from one thread: what is due is sent, however late it is.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BinaryHeap;
use std::thread;

use radio_adapters::mem::MemRadio;
use radio_adapters::radio::LinkAddress;
use radio_adapters::{AccessCategory, Radio, TxFrame, clock};
use std::task::{Context, Waker};
use testkit::{Authority, START};
use v2x_core::{Anchor, Instant};
use v2x_proto::Class;

use crate::overload::attack::{Attack, made_up_address};
use crate::overload::speaker::{HONEST, Named, Speaker};

/// An honest D0 or D1: when it was due.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Which station sent it.
    pub speaker: usize,
    /// Which class.
    pub class: Class,
    /// Its number; no two alerts of a run share one.
    pub sequence: u32,
    /// When its first copy was due.
    pub due: Instant,
}

/// All stations but the one under attack.
pub struct Town {
    radio: MemRadio,
    anchor: Anchor,
    speakers: Vec<Speaker>,
    /// What is due next: the time, the speaker, and which copy of its message.
    agenda: BinaryHeap<Reverse<(Instant, usize, usize)>>,
    last_full: Vec<Instant>,
    /// The last message of each speaker.
    said: Vec<Vec<u8>>,
    newest: usize,
    insider: Speaker,
    recorded: Vec<Vec<u8>>,
    frame: Vec<u8>,
    sequence: u32,
    attack_sequence: u32,
    /// Honest alerts first sent while the attack ran.
    pub alerts: Vec<Alert>,
    /// Attack frames sent.
    pub sent: u64,
}

impl Town {
    /// Stations on `radio`'s medium, for an attack of this length; nothing is sent yet.
    pub fn new(authority: &Authority, radio: MemRadio, anchor: Anchor, time: Duration) -> Self {
        let newcomers = (time.as_nanos() / NEWCOMER_EVERY.as_nanos()) as usize;
        let speakers: Vec<_> =
            (1..=FIRST_NEWCOMER + newcomers).map(|n| Speaker::new(authority, n as u32)).collect();
        let start = now();
        // Spread over their intervals.
        let known =
            (0..FIRST_NEWCOMER).map(|n| Reverse((start + Duration::from_micros(n as u64 * 767), n, 0)));
        Self {
            radio,
            anchor,
            agenda: known.collect(),
            last_full: vec![Instant::ZERO; speakers.len()],
            said: vec![Vec::with_capacity(600); speakers.len()],
            newest: 0,
            insider: Speaker::new(authority, INSIDER),
            speakers,
            recorded: Vec::new(),
            frame: Vec::with_capacity(2048),
            sequence: 1,
            attack_sequence: ATTACKS_FROM,
            alerts: touched(Alert { speaker: 0, class: Class::D0, sequence: 1, due: start }, alerts_in(time)),
            sent: 0,
        }
    }

    /// Honest traffic until `end`; what `attack` may replay is kept from its first moments.
    pub fn warm_up(&mut self, attack: Attack, end: Instant) {
        let recorded_until = now() + Duration::from_millis(250);
        // Hazards that live a minute, for replays that are fresh but old news; and the insider introduces itself.
        for n in attack.used().into_iter().flatten() {
            self.frame.clear();
            let wire = self.anchor.wire_at(now());
            self.speakers[n].frame(Class::D3, self.sequence, wire, Named::InFull, &mut self.frame);
            self.sequence += 1;
            send(&mut self.radio, &self.frame, self.speakers[n].link);
            self.recorded.push(self.frame.clone());
        }
        while let Some(speaker) = self.honest_before(end) {
            let used = attack.used().iter().any(|names| names.contains(&speaker));
            if used && now() < recorded_until {
                self.recorded.push(self.said[speaker].clone());
            }
        }
        self.alerts.clear();
    }

    /// `attack` with `rate` frames a second beside honest traffic until `end`.
    pub fn attack(&mut self, attack: Attack, rate: u64, end: Instant) {
        let start = now();
        let newcomers = FIRST_NEWCOMER..self.speakers.len();
        self.agenda.extend(newcomers.enumerate().map(|(n, speaker)| {
            Reverse((start + NEWCOMER_EVERY * n as u32 + Duration::from_micros(331), speaker, 0))
        }));
        loop {
            let attack_due = match attack {
                Attack::None => Instant::FAR_FUTURE,
                _ => start + Duration::from_nanos(self.sent * 1_000_000_000 / rate.max(1)),
            };
            let due = attack_due.min(self.next_honest());
            if due >= end {
                return;
            }
            if due < attack_due {
                self.honest_before(attack_due.min(end));
            } else {
                sleep_until(due);
                self.strike(attack, attack_due);
            }
        }
    }

    /// Honest traffic until `end`; its alerts are not counted.
    pub fn calm(&mut self, end: Instant) {
        let counted = self.alerts.len();
        while self.honest_before(end).is_some() {}
        self.alerts.truncate(counted);
    }

    fn next_honest(&self) -> Instant {
        self.agenda.peek().map_or(Instant::FAR_FUTURE, |Reverse((due, ..))| *due)
    }

    /// The next honest frame, when it is due; `None` when none is due before `end`.
    fn honest_before(&mut self, end: Instant) -> Option<usize> {
        let Reverse((due, speaker, copy)) = self.agenda.peek().copied()?;
        if due >= end {
            sleep_until(end);
            return None;
        }
        self.agenda.pop();
        sleep_until(due);
        let class = class_of(speaker);
        if copy == 0 {
            self.say(speaker, class, due);
        }
        send(&mut self.radio, &self.said[speaker], self.speakers[speaker].link);
        self.newest = speaker;
        let next = copies(class).get(copy + 1);
        let first = due - Duration::from_millis(copies(class)[copy]);
        let next = match next {
            Some(millis) => Some((first + Duration::from_millis(*millis), copy + 1)),
            None => Some((first + interval(class), 0)).filter(|_| self.speaks_on(speaker)),
        };
        self.agenda.extend(next.map(|(at, copy)| Reverse((at, speaker, copy))));
        Some(speaker)
    }

    /// A newcomer says a few messages.
    fn speaks_on(&self, speaker: usize) -> bool {
        let said = || self.alerts.iter().rev().filter(|alert| alert.speaker == speaker).count();
        speaker < FIRST_NEWCOMER || said() < NEWCOMER_MESSAGES
    }

    fn say(&mut self, n: usize, class: Class, due: Instant) {
        let at = now();
        let full = class != Class::D2 || at.since(self.last_full[n]) >= Duration::from_secs(1);
        let named = if full { Named::InFull } else { Named::Briefly };
        if full {
            self.last_full[n] = at;
        }
        let said = &mut self.said[n];
        said.clear();
        self.speakers[n].frame(class, self.sequence, self.anchor.wire_at(at), named, said);
        if class != Class::D2 {
            self.alerts.push(Alert { speaker: n, class, sequence: self.sequence, due });
        }
        self.sequence += 1;
    }

    fn strike(&mut self, attack: Attack, due: Instant) {
        let n = self.sent as usize;
        self.sent += 1;
        self.attack_sequence += 1;
        let sequence = self.attack_sequence;
        let wire = self.anchor.wire_at(due);
        let frame = &mut self.frame;
        frame.clear();
        let link = match attack {
            Attack::None => return,
            Attack::ExactCopies => {
                frame.extend_from_slice(&self.said[self.newest]);
                made_up_address(sequence)
            }
            Attack::Replays => {
                frame.extend_from_slice(&self.recorded[n % self.recorded.len()]);
                made_up_address(sequence)
            }
            _ => attack.frame((n, sequence), wire, &self.speakers, &self.insider, frame),
        };
        send(&mut self.radio, frame, link);
    }
}

/// Times at which copies of one message are sent, ms: as a station's own (`v2x-core/src/hazard/repetition.rs`).
pub fn copies(class: Class) -> &'static [u64] {
    match class {
        Class::D0 => &[0, 6, 12],
        Class::D1 => &[0, 25, 50, 75],
        _ => &[0],
    }
}

fn class_of(speaker: usize) -> Class {
    match speaker {
        0..ALERTERS | FIRST_NEWCOMER.. => Class::D0,
        n if n < 2 * ALERTERS => Class::D1,
        _ => Class::D2,
    }
}

fn interval(class: Class) -> Duration {
    Duration::from_millis(if class == Class::D2 { 200 } else { 100 })
}

/// Honest alerts in all phases around an attack of this length, at most.
pub fn alerts_in(attack: Duration) -> usize {
    (attack.as_millis() as usize / 100 + 100) * 4 * ALERTERS
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

/// Sleeps until a moment; not at all when it has passed.
pub fn sleep_until(due: Instant) {
    let wait = due.since(now());
    if wait > Duration::ZERO {
        thread::sleep(wait);
    }
}

/// Stations that send D0 at 10 Hz, and as many that send D1 at 10 Hz; each message in copies.
pub const ALERTERS: usize = 20;
/// Stations that send awareness at 5 Hz.
pub const BEACONERS: usize = 90;
/// Speakers from here on are heard for the first time during the attack, one each 100 ms, with five D0.
pub const FIRST_NEWCOMER: usize = 2 * ALERTERS + BEACONERS;
const NEWCOMER_EVERY: Duration = Duration::from_millis(100);
const NEWCOMER_MESSAGES: usize = 5;
/// Beyond all honest numbers, and ahead of them in every replay window.
const ATTACKS_FROM: u32 = 1 << 24;
/// Number of the insider's credential.
const INSIDER: u32 = 999_999;
