//! Forwarding of multi-hop messages: contention, store-carry-forward and keep-alive.
//!
//! A [`Forwarder`] knows every such message by the keyed hash of its signed bytes from its verification until it
//! expires. It is fed with verified messages ([`take`](Forwarder::take)), copies ([`copy`](Forwarder::copy)) and
//! neighbours' beacons ([`beacon`](Forwarder::beacon)), and returns what to transmit ([`pop`](Forwarder::pop)) and when
//! it is next due ([`next_due`](Forwarder::next_due)). Three mechanisms lead to a transmission:
//!
//! - **contention** right after reception ([`contention`]), with a retry where hardly any station is ahead;
//! - **carrying**: beacons list the floods their sender holds, and a station that lacks one relevant to it gets it from
//!   the nearest holder. This heals partitions, informs newcomers, and repairs what contention missed;
//! - **keeping alive**: a hazard with a keep-alive interval, or any hazard at a permitted roadside unit, is repeated
//!   when it was not heard for twice that interval (EN 302 637-3 keep-alive forwarding).
//!
//! A frame stays here, and can be cancelled, until the link takes it: a closed gate makes no stale copies. Signed bytes
//! are sent unchanged; the hop header and the form of the signer are new.

mod afar;
mod airing;
mod carry;
mod copies;
mod tables;

use core::hash::Hasher;
use core::time::Duration;

use siphasher::sip::SipHasher13;
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest};

use super::airing::Airing;
use super::area::Area;
use super::contention;
use super::contention::ContentionWindow;
use super::flood::{Flood, ForwardCause, Forwarded, Keep, Scope, State};
use super::frame::{CopyHeard, FloodFrame, SignedMessage};
use super::reach::Reach;
use super::surroundings::Surroundings;
use super::table::{FloodTable, Lane};
use crate::base::{
    EventVersion, FrameHash, Instant, Plane, Position, Scheme, SendStamps, Stream, Transmit, Way, limits,
};

/// The floods of a station.
#[derive(Debug)]
pub struct Forwarder {
    scheme: Scheme,
    /// A roadside unit that may keep others' events alive.
    anchor_unit: bool,
    /// One that sends what comes from afar.
    airs_afar: bool,
    /// What it sends is test traffic.
    test: bool,
    floods: FloodTable,
    reach: Reach,
    early: Vec<Early>,
    /// Up to when the rate of early beacons is spent.
    lacked: Instant,
    /// Up to when the rate of copies for neighbours is spent.
    serving: Instant,
    jitter: (u64, u64),
    draws: u64,
}

/// A copy of a frame that may still wait for its verification.
#[derive(Clone, Copy, Debug)]
struct Early {
    copy: CopyHeard,
    at: Instant,
}

impl Forwarder {
    /// With no flood known yet.
    pub fn new(scheme: Scheme, anchor_unit: bool, test: bool, stream: &mut Stream) -> Self {
        Self {
            scheme,
            anchor_unit,
            airs_afar: false,
            test,
            floods: FloodTable::default(),
            reach: Reach::default(),
            early: Vec::with_capacity(limits::MAX_EARLY_COPIES),
            lacked: Instant::ZERO,
            serving: Instant::ZERO,
            jitter: (stream.next_u64(), stream.next_u64()),
            draws: 0,
        }
    }

    /// Whether a frame with this hash is a copy of a known flood.
    #[must_use]
    pub fn knows(&self, hash: FrameHash) -> bool {
        self.floods.find(hash).is_some()
    }

    /// Whether a known flood came while this station was outside its area, and is for it now that it is inside: then a copy is
    /// for the application what the first frame was not. Once only.
    #[must_use]
    pub fn comes_to_us(&self, hash: FrameHash, here: Option<Position>) -> bool {
        let flood = self.floods.find(hash).and_then(|slot| self.floods.get(slot));
        flood.is_some_and(|flood| flood.passed_by && flood.scope.holds(here))
    }

    /// Whether a known flood is about this event.
    #[must_use]
    pub fn knows_event(&self, event: &EventVersion) -> bool {
        self.floods.is_about(event.origin, event.number)
    }

    /// Floods known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.floods.len()
    }

    /// Whether no flood is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Measured reach of stations here, m.
    #[must_use]
    pub fn reach_m(&self) -> f32 {
        self.reach.metres()
    }

    /// A verified message that may be forwarded. True when it is for this station's application.
    ///
    /// `relay` is false when its signer is suspect: then it is remembered, and not forwarded.
    pub fn take(&mut self, heard: FloodFrame, relay: bool, around: &Surroundings<'_>) -> bool {
        let scope = heard.area.as_ref().map_or(Scope::Hops, |area| Scope::Area(Area::new(area)));
        let here = around.moment.here.as_ref().map(Plane::origin);
        let concerns_us = heard.id.class != Class::D3 || scope.holds(here);
        let afar = heard.way.is_afar();
        if self.scheme == Scheme::Off || afar && !(self.airs_afar && here.is_some() && scope.holds(here)) {
            return concerns_us;
        }
        if let Some(slot) = self.floods.find(heard.hash) {
            // It came before; where it is to go is settled.
            self.floods.update(slot, |known| known.passed_by &= !concerns_us);
            return concerns_us;
        }
        let previous = transmitter(&heard.forwarder, &heard.link, around);
        let message = SignedMessage::of(&heard);
        // As for the events themselves: a suspect's negation ends nothing of others.
        if let Some(event) = heard.event.as_ref().filter(|event| relay || event.origin == heard.id.signer) {
            self.floods.supersede(event);
        }
        let mut flood = Flood {
            hash: heard.hash,
            id: heard.id,
            origin: Origin::Forwarded,
            way: heard.way,
            afar,
            name: message.name(),
            airing: if afar { Airing::NOWHERE } else { Airing::FIRST },
            scope,
            source: heard.source,
            previous,
            remaining_hops: heard.remaining_hops,
            max_hops: heard.max_hops,
            bounded: Flood::is_bounded(&heard),
            message,
            expires: around.moment.anchor.instant_at(heard.expires),
            since: heard.admitted,
            state: State::Settled,
            serve: None,
            served: Instant::ZERO,
            keep: None,
            event: heard.event,
            relayed: relay,
            passed_by: !concerns_us,
            relays: 0,
            stands: false,
            silenced: None,
            retries: 0,
            front: None,
        };
        flood.remaining_hops = flood.plausible(heard.remaining_hops, around.moment.here.as_ref());
        if afar {
            if !self.bring(&mut flood, relay, heard.keep_alive, around) {
                return concerns_us;
            }
        } else if relay && flood.may_travel() {
            if let Some(wait) = self.wait(&flood, around) {
                flood.state = State::Waiting((heard.admitted + wait).max(around.moment.now));
            }
            flood.stands = self.stands_by_lot(&flood, around);
            if self.scheme == Scheme::Roadcast && heard.full && around.own.contains(&heard.forwarder) {
                flood.stand_in(around.moment.now + self.draw(JITTER), false);
            }
            flood.keep = self.keep(&flood, heard.keep_alive, here, around.moment.now);
        }
        self.floods.insert(flood);
        for early in self.early.extract_if(.., |early| early.copy.hash == heard.hash).collect::<Vec<_>>() {
            self.copy(&early.copy, around);
        }
        concerns_us
    }

    /// One of our multi-hop messages was handed to the link's queue. What a former name signed is not sent again
    /// under this one, but is known like what others sign.
    pub fn sent(&mut self, sent: FloodFrame, around: &Surroundings<'_>) {
        if self.scheme == Scheme::Off || self.knows(sent.hash) {
            return;
        }
        if let Some(event) = &sent.event {
            self.floods.supersede(event);
        }
        let message = SignedMessage::of(&sent);
        let mut flood = Flood {
            hash: sent.hash,
            id: sent.id,
            origin: Origin::Own,
            way: Way::Air,
            afar: false,
            name: message.name(),
            airing: Airing::FIRST,
            scope: sent.area.as_ref().map_or(Scope::Hops, |area| Scope::Area(Area::new(area))),
            source: sent.source,
            previous: None,
            // As if it had come from one hop before.
            remaining_hops: sent.remaining_hops.saturating_add(1),
            max_hops: sent.max_hops,
            bounded: Flood::is_bounded(&sent),
            message,
            expires: around.moment.anchor.instant_at(sent.expires),
            since: around.moment.now,
            state: State::Sent(None),
            serve: None,
            served: Instant::ZERO,
            keep: None,
            event: sent.event,
            relayed: true,
            passed_by: false,
            relays: 0,
            stands: false,
            silenced: None,
            retries: RETRIES,
            front: None,
        };
        let own = around.own.active().digest();
        flood.state = State::Sent(self.retry(&flood, around).filter(|_| flood.id.signer == own));
        self.floods.insert(flood);
    }

    /// The next frame that is due for the link, if the link takes one; what was popped counts as sent.
    pub fn pop(
        &mut self,
        lane: Lane,
        own: Digest,
        around: &Surroundings<'_>,
    ) -> Option<(Transmit, Forwarded)> {
        while let Some(slot) = self.floods.due_at(around.moment.now, lane) {
            let flood = self.floods.get(slot)?;
            if flood.expires <= around.moment.now {
                self.floods.remove(slot);
                continue;
            }
            let cause = flood.cause(around.moment.now);
            // Every copy counts, not only the first for a neighbour.
            if cause == ForwardCause::Carry
                && !(limits::SERVE_RATE.allows(flood.served, around.moment.now)
                    && limits::SERVING_RATE.take(&mut self.serving, around.moment.now))
            {
                // Its neighbour's next beacon asks again.
                self.floods.update(slot, |flood| flood.serve = None);
                continue;
            }
            let sent = self.transmit(slot, cause, own, around);
            if sent.is_some() {
                return sent;
            }
        }
        None
    }

    /// When something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.floods.next_due()
    }

    /// When something in this lane is due.
    #[must_use]
    pub fn next_due_in(&self, lane: Lane) -> Option<Instant> {
        self.floods.next_due_in(lane)
    }

    fn transmit(
        &mut self,
        slot: u16,
        cause: ForwardCause,
        own: Digest,
        around: &Surroundings<'_>,
    ) -> Option<(Transmit, Forwarded)> {
        let draw = self.keep_jitter(slot);
        let flood = self.floods.get(slot)?;
        let retry = match cause {
            ForwardCause::Contention | ForwardCause::Retry => self.retry(flood, around),
            ForwardCause::Carry | ForwardCause::KeepAlive | ForwardCause::Afar => None,
        };
        let id = flood.id;
        let (origin, expires, way) = (flood.origin, flood.expires, flood.way);
        // Ours is repeated as it was first sent.
        let remaining_hops = flood.next_hops();
        let header = HopHeader {
            kind: Kind::Data,
            flags: Flags {
                multi_hop: flood.max_hops > 1,
                store_carry_forward: cause == ForwardCause::Carry,
                keep_alive: cause == ForwardCause::KeepAlive,
                test: self.test,
            },
            remaining_hops,
            class: id.class,
            forwarder: own,
            forwarder_position: None,
        };
        let bytes = flood.message.frame(&header, id.signer);
        self.floods.update(slot, |flood| {
            flood.airing.here = true;
            match cause {
                ForwardCause::Contention => flood.retries = RETRIES,
                ForwardCause::Retry => flood.retries = flood.retries.saturating_sub(1),
                ForwardCause::Carry => flood.give(around.moment.now),
                ForwardCause::KeepAlive | ForwardCause::Afar => {}
            }
            match cause {
                ForwardCause::Contention | ForwardCause::Retry => {
                    flood.state = State::Sent(retry.filter(|_| flood.retries > 0));
                }
                ForwardCause::Afar => flood.state = State::Sent(None),
                ForwardCause::Carry | ForwardCause::KeepAlive => {}
            }
            flood.serve = flood.serve.and_then(|serve| serve.after(around.moment.now, cause));
            if let Some(keep) = &mut flood.keep {
                keep.at = around.moment.now + keep.interval * 2 + draw;
            }
        });
        let stamps = SendStamps {
            generated: around.moment.now,
            built: around.moment.now,
            signed: around.moment.now,
            queued: around.moment.now,
            gate_open: around.moment.now,
        };
        let transmit = Transmit { bytes: bytes?, class: id.class, origin, id, expires, source: None, stamps };
        Some((transmit, Forwarded { id, remaining_hops, cause, way }))
    }

    /// How long to wait before a fresh flood is forwarded; `None` when this station is not to forward it.
    fn wait(&mut self, flood: &Flood, around: &Surroundings<'_>) -> Option<Duration> {
        let here = around.moment.here.as_ref()?;
        if flood.id.class == Class::D0 {
            let distance = flood.previous.map(|previous| here.distance_2(previous).sqrt() as f32);
            let window = ContentionWindow { min: RELAY_MIN, max: RELAY_MAX, distance_m: RELAY_M };
            return Some(window.wait(distance) + self.draw(JITTER));
        }
        match self.scheme {
            Scheme::Off => None,
            Scheme::Flooding => flood.scope.holds(Some(here.origin())).then(|| self.draw(FLOODING_JITTER)),
            Scheme::Etsi | Scheme::Roadcast => {
                let metres = self.progress(flood, here)?;
                let window = match self.scheme {
                    Scheme::Etsi => ETSI_WINDOW,
                    _ => contention::window(around.neighbours.len(), self.reach.metres()),
                };
                let jitter = match (self.scheme, metres) {
                    (Scheme::Etsi, _) => Duration::ZERO,
                    (_, Some(_)) => self.draw(JITTER),
                    (_, None) => self.draw(STRANGER_JITTER),
                };
                Some(window.wait(metres) + jitter)
            }
        }
    }

    /// Distance a flood covered with its last hop: from its transmitter inside its area, towards the area outside of
    /// it. `Some(None)` when that is not known; `None` when this station is not to forward it.
    fn progress(&self, flood: &Flood, here: &Plane) -> Option<Option<f32>> {
        let own = flood.scope.distance_m(here.origin());
        if own == 0.0 {
            return Some(flood.previous.map(|previous| here.distance_2(previous).sqrt() as f32));
        }
        // Outside: only towards the area, and not at all when it has reached it (annex F.3: the sender was inside).
        let from = flood.previous.unwrap_or(flood.source);
        let progress = flood.scope.distance_m(from) - own;
        (progress > 0.0).then(|| flood.previous.map(|_| progress as f32))
    }

    fn etsi_wait(&self, transmitter: Option<Position>, around: &Surroundings<'_>) -> Duration {
        let distance = around
            .moment
            .here
            .as_ref()
            .zip(transmitter)
            .map(|(here, from)| here.distance_2(from).sqrt() as f32);
        ETSI_WINDOW.wait(distance)
    }

    /// When to send again unless a station farther along is heard: only where hardly any station is ahead, because
    /// elsewhere others do.
    fn retry(&self, flood: &Flood, around: &Surroundings<'_>) -> Option<Instant> {
        // A copy on its last hop is forwarded by nobody, so no forwarder can be heard.
        let carried_on = flood.id.class == Class::D3 && (flood.bounded || flood.remaining_hops > 2);
        let here = around.moment.here.as_ref().filter(|_| self.scheme == Scheme::Roadcast && carried_on)?;
        let own = here.distance_2(flood.source).sqrt();
        let source = Plane::at(flood.source);
        let ahead = around.neighbours.iter().take(limits::MAX_LOOKED_AHEAD).filter(|neighbour| {
            neighbour.is_direct()
                && around.moment.now.since(neighbour.heard()) < AHEAD_HEARD
                && source.distance_2(neighbour.position()).sqrt() > own + AHEAD_M
                && flood.scope.holds(Some(neighbour.position()))
        });
        let ahead = ahead.take(FEW_AHEAD).count();
        let window = contention::window(around.neighbours.len(), self.reach.metres());
        (1..FEW_AHEAD).contains(&ahead).then(|| around.moment.now + window.max * 2)
    }

    fn keep(
        &mut self,
        flood: &Flood,
        asked: Option<Duration>,
        here: Option<Position>,
        now: Instant,
    ) -> Option<Keep> {
        if self.scheme != Scheme::Roadcast || flood.id.class != Class::D3 || !flood.scope.holds(here) {
            return None;
        }
        let interval = asked.or_else(|| self.anchor_unit.then_some(limits::ANCHOR_INTERVAL))?;
        let interval = interval.max(limits::MIN_KEEP_ALIVE);
        let at = now + interval * 2 + self.draw(KEEP_JITTER);
        Some(Keep { interval, at })
    }

    /// Random addition to the interval of a flood that is kept alive.
    fn keep_jitter(&mut self, slot: u16) -> Duration {
        let kept = self.floods.get(slot).is_some_and(|flood| flood.keep.is_some());
        if kept { self.draw(KEEP_JITTER) } else { Duration::ZERO }
    }

    /// A duration below `bound` that nobody else can predict.
    fn draw(&mut self, bound: Duration) -> Duration {
        self.draws = self.draws.wrapping_add(1);
        let mut hasher = SipHasher13::new_with_keys(self.jitter.0, self.jitter.1);
        hasher.write_u64(self.draws);
        let scaled = (u128::from(hasher.finish()) * bound.as_nanos()) >> 64;
        Duration::from_nanos(scaled as u64)
    }
}

/// Where the transmitter of a frame is: a verified neighbour that was heard lately, sending from its own address. Anybody
/// can write another station's digest into a hop header, and impersonate it by its address too. A station that is here
/// hears what is sent in its name; one that left does not.
fn transmitter(forwarder: &Digest, link: &[u8; 6], around: &Surroundings<'_>) -> Option<Position> {
    let neighbour = around.neighbours.get(forwarder)?;
    let lately = around.moment.now.since(neighbour.heard()) < AHEAD_HEARD;
    let speaks = lately && neighbour.link() == Some(*link);
    speaks.then(|| neighbour.position_at(around.moment.wire()))
}

/// Jitter: a millisecond separates stations at equal distance; more would let nearer ones overtake farther ones.
const JITTER: Duration = Duration::from_millis(1);

/// Who does not know the transmitter waits longest, and so do all others that do not: nothing else separates them.
const STRANGER_JITTER: Duration = Duration::from_millis(10);

/// Plain flooding spreads its copies over this.
const FLOODING_JITTER: Duration = Duration::from_millis(10);

/// EN 302 636-4-1 annex F.3 with the defaults of its MIB: 1 to 100 ms, 1,000 m.
const ETSI_WINDOW: ContentionWindow =
    ContentionWindow { min: Duration::from_millis(1), max: Duration::from_millis(100), distance_m: 1000.0 };

/// Imminent messages are relayed within 1 to 5 ms: two hops in 20 ms, verification included.
const RELAY_MIN: Duration = Duration::from_millis(1);

const RELAY_MAX: Duration = Duration::from_millis(5);

/// From this distance on it is relayed at once: beyond the 150 m that are meant, and cars 30 m apart are separated in
/// time by more than a frame's length.
const RELAY_M: f32 = 200.0;

/// How often a frame is sent again when no station ahead carried it on.
const RETRIES: u8 = 2;

/// With this many neighbours ahead, one of them is assumed to have it.
const FEW_AHEAD: usize = 3;

/// A neighbour is ahead when it is this much farther from the source.
const AHEAD_M: f64 = 10.0;

/// And was heard within this time.
const AHEAD_HEARD: Duration = Duration::from_secs(3);

/// EN 302 637-3 keep-alive forwarding: up to 150 ms of jitter, so that one station repeats for all.
const KEEP_JITTER: Duration = Duration::from_millis(150);
