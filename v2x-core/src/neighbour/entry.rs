//! One neighbour: its position, its motion, and how well it is heard.

use core::time::Duration;

use v2x_proto::payload::Beacon;
use v2x_proto::{Class, Digest};

use super::replay_memory::History;
use super::replay_window::ReplayWindows;
use super::signer_rates::SignerRates;
use crate::base::limits::LINK_KEPT;
use crate::base::{Instant, MessageId, Position, WireTime};
use crate::trust::freshness;

/// A verified message, as far as the table is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Which message.
    pub id: MessageId,
    /// When it was generated, by its sender's clock.
    pub generation: WireTime,
    /// Where it was generated.
    pub position: Position,
    /// When it was received.
    pub at: Instant,
    /// The same moment by our wire clock.
    pub wire: WireTime,
    /// Link address it came from.
    pub link: [u8; 6],
    /// True when it came straight from its signer, not through a forwarder.
    pub direct: bool,
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
}

/// How a station moves, from its awareness message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Motion {
    /// Speed over ground, 0.01 m/s.
    pub speed: Option<u16>,
    /// Heading, 0.1 degree clockwise from north.
    pub heading: Option<u16>,
    /// Longitudinal acceleration, 0.1 m/s^2.
    pub acceleration: Option<i16>,
    /// Type of the station as it states itself; 0 when unknown.
    pub station_type: u8,
}

impl From<&Beacon> for Motion {
    fn from(beacon: &Beacon) -> Self {
        Self {
            speed: beacon.speed.map(|speed| speed as u16),
            heading: beacon.heading.map(|heading| heading as u16),
            acceleration: beacon.acceleration.map(|acceleration| acceleration as i16),
            station_type: beacon.station_type as u8,
        }
    }
}

/// How a station moves since its newest message; all 0 when its speed or heading is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reckoning {
    /// How far, metres.
    pub travelled: f64,
    /// Speed as it was stated, m/s.
    pub speed: f64,
    /// Unit vector of its heading, east and north.
    pub direction: (f64, f64),
}

/// A station that was heard within the last 20 s, by verified messages only.
#[derive(Clone, Debug)]
pub struct Neighbour {
    digest: Digest,
    /// Of the newest message; the position is from that message (but for a station that returns with
    /// an older one: then the position is that one's, until a newer message comes).
    generation: WireTime,
    heard: Instant,
    windows: ReplayWindows,
    rates: SignerRates,
    position: Position,
    received: u32,
    expected: u32,
    /// Microseconds; [`NO_SAMPLE`] before the first.
    latency: u32,
    /// Microseconds; [`NO_SAMPLE`] before the second beacon.
    gap: u32,
    /// When the last beacon came, in units of 16.384 us, wrapping: only differences of seconds are used.
    beacon: u32,
    speed: u16,
    heading: u16,
    acceleration: i16,
    /// 0 = none, 65535 = all.
    delivery: u16,
    /// 1/16 dBm; `i16::MIN` before the first.
    signal: i16,
    link: [u8; 6],
    // Three flags rather than one byte of bits: the table's `Option` hides in them and costs nothing.
    direct: bool,
    hears_us: bool,
    complete: bool,
    station_type: u8,
}

impl Neighbour {
    /// Short name of its credential.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Generation time of its newest message.
    #[must_use]
    pub fn generation(&self) -> WireTime {
        self.generation
    }

    /// When it was heard last, directly or through a forwarder.
    #[must_use]
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// Where its newest message was generated.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// How it moves.
    #[must_use]
    pub fn motion(&self) -> Motion {
        Motion {
            speed: (self.speed != UNKNOWN).then_some(self.speed),
            heading: (self.heading != UNKNOWN).then_some(self.heading),
            acceleration: (self.acceleration != i16::MIN).then_some(self.acceleration),
            station_type: self.station_type,
        }
    }

    /// True once it was heard straight, not only through forwarders.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// Its link address, once it was heard straight.
    #[must_use]
    pub fn link(&self) -> Option<[u8; 6]> {
        self.is_direct().then_some(self.link)
    }

    /// What it has spent of its rates.
    #[must_use]
    pub fn rates(&self) -> &SignerRates {
        &self.rates
    }

    /// True when it gave evidence that it hears us.
    #[must_use]
    pub fn hears_us(&self) -> bool {
        self.hears_us
    }

    /// Beacons heard straight, and how many it sent by its sequence numbers.
    #[must_use]
    pub fn beacons(&self) -> (u32, u32) {
        (self.received, self.expected)
    }

    /// Share of its beacons that arrive, 0..=1, the last thirty or so counting most.
    #[must_use]
    pub fn delivery_ratio(&self) -> f32 {
        f32::from(self.delivery) / f32::from(u16::MAX)
    }

    /// Smoothed time between its beacons as they arrive.
    #[must_use]
    pub fn beacon_gap(&self) -> Option<Duration> {
        sampled(self.gap)
    }

    /// Smoothed one-way latency from generation to reception, as far as the two clocks agree.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        sampled(self.latency)
    }

    /// Smoothed received power, dBm.
    #[must_use]
    pub fn signal_dbm(&self) -> Option<f32> {
        (self.signal != i16::MIN).then(|| f32::from(self.signal) / SIGNAL_UNIT)
    }

    /// Age of its position.
    #[must_use]
    pub fn age(&self, now: WireTime) -> Duration {
        now.since(self.generation)
    }

    /// Where it is at `now`, by dead reckoning along its heading.
    ///
    /// It is extrapolated for [`RECKONING_LIMIT`] at most and then stays. It may brake to a halt, but does not turn
    /// round; acceleration beyond 1 g is not believed. Without speed or heading it stays.
    #[must_use]
    pub fn position_at(&self, now: WireTime) -> Position {
        let Reckoning { travelled, direction: (east, north), .. } = self.reckon(now);
        if travelled == 0.0 {
            self.position
        } else {
            self.position.moved(travelled * east, travelled * north)
        }
    }

    /// Its way since it was at its [position](Self::position), by the same reckoning.
    #[must_use]
    pub fn reckon(&self, now: WireTime) -> Reckoning {
        if self.speed == UNKNOWN || self.heading == UNKNOWN {
            return Reckoning::default();
        }
        let seconds = self.age(now).min(RECKONING_LIMIT).as_secs_f64();
        let speed = f64::from(self.speed) / 100.0;
        let acceleration =
            if self.acceleration == i16::MIN { 0.0 } else { f64::from(self.acceleration) / 10.0 };
        let travelled = travelled(speed, acceleration.clamp(-ONE_G, ONE_G), seconds);
        // A tenth of a degree in single precision is good to millimetres over this way, at a third of the price.
        let (sin, cos) = (f32::from(self.heading) / 10.0).to_radians().sin_cos();
        Reckoning { travelled, speed, direction: (f64::from(sin), f64::from(cos)) }
    }

    /// See [`NeighbourTable::clock_stepped_back`](super::table::NeighbourTable::clock_stepped_back).
    pub(super) fn clock_stepped_back(&mut self, wire: WireTime) {
        let latest = wire + Duration::from_micros(freshness::FUTURE);
        if self.generation > latest {
            self.generation = wire;
        }
    }

    pub(super) fn new(message: &Heard, history: History) -> Self {
        Self {
            digest: message.id.signer,
            generation: history.newest,
            heard: message.at,
            windows: history.windows,
            rates: SignerRates::starting(message.at),
            position: message.position,
            received: 0,
            expected: 0,
            latency: NO_SAMPLE,
            gap: NO_SAMPLE,
            beacon: 0,
            speed: UNKNOWN,
            heading: UNKNOWN,
            acceleration: i16::MIN,
            delivery: u16::MAX,
            signal: i16::MIN,
            link: message.link,
            direct: false,
            hears_us: false,
            complete: history.complete,
            station_type: 0,
        }
    }

    /// Something of its beginning, its middle and its end.
    pub(crate) fn spread(&self) -> u64 {
        self.generation.as_micros() ^ self.heard.as_nanos() ^ u64::from(self.received) ^ u64::from(self.speed)
    }

    pub(super) fn windows(&self) -> &ReplayWindows {
        &self.windows
    }

    /// Whether nothing is missing from its windows.
    pub(super) fn complete(&self) -> bool {
        self.complete
    }

    pub(super) fn history(&self) -> History {
        History { windows: self.windows, newest: self.generation, complete: self.complete }
    }

    pub(super) fn hear(&mut self, message: &Heard) {
        let first_beacon = self.windows.is_empty(message.id.class);
        let ahead = self.windows.record(message.id.class, message.id.sequence);
        self.heard = message.at;
        self.rates.charge(message.id.class, message.at);
        if message.generation >= self.generation {
            self.generation = message.generation;
            self.position = message.position;
        }
        if !message.direct {
            return;
        }
        // A station changes its address with its name alone. Whoever repeats its frames from elsewhere, and is verified first
        // now and then, counts as a forwarder and does not take its address away.
        let kept = ticks(message.at).wrapping_sub(self.beacon) < ticks(Instant::ZERO + LINK_KEPT);
        if self.direct && self.link != message.link && kept {
            return;
        }
        self.direct = true;
        self.link = message.link;
        let latency = message.wire.since(message.generation);
        self.latency = smoothed(self.latency, u32::try_from(latency.as_micros()).unwrap_or(NO_SAMPLE - 1));
        if let Some(dbm) = message.signal_dbm {
            let sample = i16::from(dbm) * SIGNAL_UNIT as i16;
            let settled = self.signal != i16::MIN;
            self.signal = if settled { self.signal + (sample - self.signal) / 8 } else { sample };
        }
        if message.id.class == Class::D2 {
            self.count_beacon(message.at, ahead, first_beacon);
        }
    }

    pub(super) fn set_motion(&mut self, motion: &Motion) {
        self.speed = motion.speed.unwrap_or(UNKNOWN);
        self.heading = motion.heading.unwrap_or(UNKNOWN);
        self.acceleration = motion.acceleration.unwrap_or(i16::MIN);
        self.station_type = motion.station_type;
    }

    pub(super) fn new_event(&mut self, id: &MessageId, number: Option<u32>, now: Instant) -> bool {
        let allowed = self.rates.new_event(id.class, number, now);
        if !allowed {
            self.windows.take_back(id.class, id.sequence);
        }
        allowed
    }

    pub(super) fn set_hears_us(&mut self) {
        self.hears_us = true;
    }

    /// A jump too long to be losses is a restart: nothing was missed.
    fn count_beacon(&mut self, at: Instant, ahead: u32, first: bool) {
        let now = ticks(at);
        let sent = if ahead > RESTART { 1 } else { ahead };
        for _ in 1..sent {
            self.delivery -= self.delivery / 32;
        }
        self.delivery += (u16::MAX - self.delivery).div_ceil(32);
        self.received = self.received.saturating_add(1);
        self.expected = self.expected.saturating_add(sent).max(self.received);
        if !first && self.received > 1 {
            let gap = u64::from(now.wrapping_sub(self.beacon)) * 16_384 / 1000;
            self.gap = smoothed(self.gap, u32::try_from(gap).unwrap_or(NO_SAMPLE - 1));
        }
        self.beacon = now;
    }
}

/// A position is extrapolated for this long; later it is a guess.
pub const RECKONING_LIMIT: Duration = Duration::from_secs(2);

/// In units of 16.384 us, wrapping.
fn ticks(at: Instant) -> u32 {
    (at.as_nanos() >> 14) as u32
}

/// Metres driven in `seconds` starting at `speed`, stopping at a halt.
fn travelled(speed: f64, acceleration: f64, seconds: f64) -> f64 {
    let until_halt = if acceleration < 0.0 { speed / -acceleration } else { seconds };
    let seconds = seconds.min(until_halt);
    speed * seconds + acceleration * seconds * seconds / 2.0
}

/// Exponential average with weight 1/8, rounded towards the sample so that it arrives.
fn smoothed(average: u32, sample: u32) -> u32 {
    if average == NO_SAMPLE {
        return sample;
    }
    if sample >= average {
        average + (sample - average).div_ceil(8)
    } else {
        average - (average - sample).div_ceil(8)
    }
}

fn sampled(micros: u32) -> Option<Duration> {
    (micros != NO_SAMPLE).then(|| Duration::from_micros(u64::from(micros)))
}

const NO_SAMPLE: u32 = u32::MAX;

const UNKNOWN: u16 = u16::MAX;

const SIGNAL_UNIT: f32 = 16.0;

const ONE_G: f64 = 9.81;

const RESTART: u32 = 64;

/// Effect of a message on the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeighbourChange {
    /// Its signer was not in the table.
    pub added: bool,
    /// The neighbour evicted for it.
    pub evicted: Option<Digest>,
}
