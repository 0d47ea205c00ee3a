//! The gate between a station's queues and its link: when the next frame of a class may leave.
//!
//! Two rules, one beneath the other. The **rate** keeps the station's share of the channel to what the channel bears
//! ([`Limeric`](super::limeric) or the [reactive table](super::reactive)); a frame closes it for the frames after it. The
//! **legal limiter** ([`legal`](super::legal)) holds for every frame. What passes the rate:
//!
//! | class | passes |
//! |---|---|
//! | D0 | always within the burst budget, and is refused beyond it; relays of others' always |
//! | D1 | within a reservation of its own, else as others |
//! | D4, D3, D2, in this order | when the rate opens |
//! | D5 | when the rate opens on a channel less busy than one half |
//!
//! Nothing waits in the gate: own frames wait in the send queues, where they expire and are replaced, and others' in the
//! forwarder, where they are cancelled; so it allocates nothing after the start. The rate is taken anew while it is closed
//! (TS 102 687 B.2): what was waited under the old one counts in proportion.

use core::hash::Hasher;
use core::time::Duration;

use siphasher::sip::SipHasher13;
use v2x_proto::Class;
use v2x_proto::link::Origin;

use super::burst::ImminentBudget;
use super::channel_load::{ASSUMED, LoadBasis, LoadSample};
use super::legal::LegalLimiter;
use super::limeric::Limeric;
use super::reactive::ReactiveTable;
use super::tracking;
use crate::base::limits::ALERT_RESERVATION;
use crate::base::{Congestion, Instant, Regulation, Stream};

/// The gate of a station.
#[derive(Clone, Debug)]
pub struct TransmitGate {
    congestion: Congestion,
    regulation: Regulation,
    rate: Option<RateRule>,
    legal: Option<LegalLimiter>,
    imminent: ImminentBudget,
    /// Up to when the reservation for alerts is spent.
    alerts: Instant,
    /// When the last frame left that the rate counts, its airtime, and when the rate opens after it.
    began: Instant,
    airtime: Duration,
    opens: Instant,
    /// The time from that frame to the next, as the rate was when that was reckoned last.
    interval: Duration,
    /// A flood waited while a beacon left: it goes before the next one.
    floods_first: bool,
    next_update: Instant,
    /// The sample before the last, every second time.
    sample: Option<f64>,
    busy: f64,
    basis: LoadBasis,
    keys: (u64, u64),
    draws: u64,
    counts: GateCounts,
}

#[derive(Clone, Copy, Debug)]
enum RateRule {
    Adaptive(Limeric),
    Reactive(ReactiveTable),
}

/// What the gate says to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It may leave now.
    Open,
    /// It has to wait until then, as far as is known now.
    Until(Instant),
    /// It is beyond the budget of its class, and would be too late afterwards.
    Refused,
}

/// What the gate did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateCounts {
    /// Frames that left.
    pub frames: u64,
    /// Their airtime.
    pub airtime: Duration,
    /// Beacons made later than the generation rule wanted them, because the gate was closed.
    pub beacons_held: u64,
    /// How much later, all together.
    pub held: Duration,
    /// The longest of it.
    pub longest_hold: Duration,
    /// Beacons that left before the rate opened, because others no longer knew where the station is.
    pub tracking_errors: u64,
}

/// The gate of a station as others see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CongestionState {
    /// The rule for the rate.
    pub congestion: Congestion,
    /// The law beneath it.
    pub regulation: Regulation,
    /// The busy ratio that the gate goes by, over the last 200 ms, 0..=1.
    pub busy: f64,
    /// Where that comes from.
    pub basis: LoadBasis,
    /// The share of time that the station may send, of the adaptive rule, 0.0006..=0.03.
    pub share: Option<f64>,
    /// The state of the reactive rule, 0 (relaxed) to 4 (restrictive).
    pub step: Option<usize>,
    /// The time from one frame to the next, for frames as long as the last one that the rate counted; zero when there is no
    /// rate.
    pub interval: Duration,
    /// The most power to send with, dBm, of the reactive table; `None`: what the link is set to.
    pub power_cap_dbm: Option<i8>,
    /// What it did so far.
    pub counts: GateCounts,
}

impl TransmitGate {
    /// Open, from `now` on. Without a rule and a law it stays so.
    pub fn new(congestion: Congestion, regulation: Regulation, now: Instant, stream: &mut Stream) -> Self {
        let rate = match congestion {
            Congestion::Off => None,
            Congestion::Adaptive => Some(RateRule::Adaptive(Limeric::new(ASSUMED))),
            Congestion::Reactive => Some(RateRule::Reactive(ReactiveTable::default())),
        };
        let legal = (regulation == Regulation::En302571).then(|| LegalLimiter::new(ASSUMED));
        let idle = rate.is_none() && legal.is_none();
        // Stations that start together do not adapt together.
        let phase = Duration::from_nanos(stream.below(STEP.as_nanos() as u64));
        Self {
            congestion,
            regulation,
            rate,
            legal,
            imminent: ImminentBudget::default(),
            alerts: Instant::ZERO,
            began: Instant::ZERO,
            airtime: USUAL_AIRTIME,
            opens: Instant::ZERO,
            interval: MIN_INTERVAL,
            floods_first: false,
            next_update: if idle { Instant::FAR_FUTURE } else { now + phase },
            sample: None,
            busy: ASSUMED,
            basis: LoadBasis::Assumed,
            keys: (stream.next_u64(), stream.next_u64()),
            draws: 0,
            counts: GateCounts::default(),
        }
    }

    /// Whether there is a rule or a law: if not, everything passes.
    pub fn is_idle(&self) -> bool {
        self.rate.is_none() && self.legal.is_none()
    }

    /// When it wants to know how busy the channel is.
    pub fn next_update(&self) -> Instant {
        self.next_update
    }

    /// How busy the channel was lately. Every second time the rate follows.
    pub fn update(&mut self, now: Instant, sample: LoadSample) {
        self.next_update = self.next_update + STEP;
        if self.next_update <= now {
            self.next_update = now + STEP;
        }
        self.basis = sample.basis;
        let Some(before) = self.sample.take() else {
            self.sample = Some(sample.share);
            return;
        };
        self.busy = (before + sample.share) / 2.0;
        if let Some(legal) = &mut self.legal {
            legal.update(self.busy);
        }
        match &mut self.rate {
            None => return,
            Some(RateRule::Adaptive(limeric)) => limeric.update(self.busy),
            Some(RateRule::Reactive(table)) => table.update(self.busy),
        }
        if now < self.opens {
            let (old, new) = (self.interval, self.interval(self.airtime));
            if new != old {
                let left = self.opens.since(now).as_secs_f64() / old.as_secs_f64();
                let opens = now + new.mul_f64(left);
                self.opens = opens.max(self.began + MIN_INTERVAL).min(self.began + MAX_INTERVAL);
                self.interval = new;
            }
        }
    }

    /// Whether a frame may leave.
    pub fn passage(&self, now: Instant, class: Class, origin: Origin, airtime_ns: u64) -> Passage {
        let legal = self.legal.as_ref().map_or(now, |legal| legal.opens(now, airtime_ns));
        if legal > now {
            return Passage::Until(legal);
        }
        if self.rate.is_none() {
            return Passage::Open;
        }
        let opens = match (class, origin) {
            (Class::D0, Origin::Forwarded) => return Passage::Open,
            (Class::D0, Origin::Own) if self.imminent.allows(now) => return Passage::Open,
            (Class::D0, Origin::Own) => return Passage::Refused,
            (Class::D1, _) if ALERT_RESERVATION.allows(self.alerts, now) => return Passage::Open,
            (Class::D5, _) if self.busy >= BACKGROUND_BUSY => {
                let news = self.next_update.max(now + Duration::from_nanos(1));
                self.opens.max(news)
            }
            _ => self.opens,
        };
        if opens > now { Passage::Until(opens) } else { Passage::Open }
    }

    /// Whether the legal limiter alone lets a frame leave: for exact copies, which no rule for a rate counts.
    pub fn legal_passage(&self, now: Instant, airtime_ns: u64) -> Passage {
        let legal = self.legal.as_ref().map_or(now, |legal| legal.opens(now, airtime_ns));
        if legal > now { Passage::Until(legal) } else { Passage::Open }
    }

    /// A frame leaves; `flood_waits` while another station's hazard is due.
    pub fn sent(&mut self, now: Instant, class: Class, origin: Origin, airtime_ns: u64, flood_waits: bool) {
        self.counts.frames += 1;
        self.counts.airtime += Duration::from_nanos(airtime_ns);
        if let Some(legal) = &mut self.legal {
            legal.sent(now, airtime_ns);
        }
        if self.rate.is_none() {
            return;
        }
        match class {
            // What passes beside the rate takes nothing of it.
            Class::D0 if origin == Origin::Own => self.imminent.note(now),
            Class::D0 => {}
            Class::D1 if now < self.opens => self.alerts = ALERT_RESERVATION.charged(self.alerts, now),
            _ => {
                self.began = now;
                self.airtime = Duration::from_nanos(airtime_ns);
                self.interval = self.interval(self.airtime);
                self.opens = now + self.interval;
            }
        }
        self.floods_first = flood_waits
            && match (class, origin) {
                (Class::D2, _) => true,
                (Class::D3, Origin::Forwarded) => false,
                _ => self.floods_first,
            };
    }

    /// Whether another station's hazard goes before our next beacon, because it waited while the last one left.
    pub fn floods_first(&self) -> bool {
        self.floods_first
    }

    /// Whether a beacon passes the closed rate, because the station is so far from where others reckon it to be, m.
    pub fn passes_by_tracking(&mut self, now: Instant, error_m: f64, airtime_ns: u64) -> bool {
        let chance = tracking::chance(error_m);
        if chance <= 0.0 || self.legal_passage(now, airtime_ns) != Passage::Open {
            return false;
        }
        self.draws += 1;
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write_u64(self.draws);
        // 53 bits: all that a fraction holds.
        let passes = ((hasher.finish() >> 11) as f64) < chance * (1_u64 << 53) as f64;
        if passes {
            self.counts.tracking_errors += 1;
            self.opens = now;
        }
        passes
    }

    /// A beacon was made this long after the generation rule wanted it.
    pub fn held(&mut self, hold: Duration) {
        self.counts.beacons_held += 1;
        self.counts.held = self.counts.held.saturating_add(hold);
        self.counts.longest_hold = self.counts.longest_hold.max(hold);
    }

    /// The time from one frame to the next for frames as long as the last one; zero without a rate.
    pub fn pace(&self) -> Duration {
        if self.rate.is_some() { self.interval(self.airtime) } else { Duration::ZERO }
    }

    /// How it stands.
    pub fn state(&self) -> CongestionState {
        CongestionState {
            congestion: self.congestion,
            regulation: self.regulation,
            busy: self.busy,
            basis: self.basis,
            share: match self.rate {
                Some(RateRule::Adaptive(limeric)) => Some(limeric.share()),
                _ => None,
            },
            step: match self.rate {
                Some(RateRule::Reactive(table)) => Some(table.state()),
                _ => None,
            },
            interval: self.pace(),
            power_cap_dbm: match self.rate {
                Some(RateRule::Reactive(table)) => table.power_cap_dbm(),
                _ => None,
            },
            counts: self.counts,
        }
    }

    /// The time from a frame to the next one (TS 102 687 B.1).
    fn interval(&self, airtime: Duration) -> Duration {
        let interval = match &self.rate {
            None => return Duration::ZERO,
            Some(RateRule::Adaptive(limeric)) => airtime.div_f64(limeric.share()),
            Some(RateRule::Reactive(table)) => airtime + table.silence(airtime),
        };
        interval.clamp(MIN_INTERVAL, MAX_INTERVAL)
    }
}

/// Busy ratios are taken over this (TS 102 687); the rate follows every second time.
const STEP: Duration = Duration::from_millis(100);
/// From one frame to the next (TS 102 687 B.1).
const MIN_INTERVAL: Duration = Duration::from_millis(25);
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// On a channel as busy as this, background waits.
const BACKGROUND_BUSY: f64 = 0.5;
/// Before anything was sent: a beacon's.
const USUAL_AIRTIME: Duration = Duration::from_micros(400);
