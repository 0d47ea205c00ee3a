//! One multi-hop message (flood) at one station, and its forwarding state.

use core::time::Duration;

use v2x_proto::Class;
use v2x_proto::link::Origin;

use super::airing::Airing;
use super::area::{Area, hops_for};
use super::contention;
use super::contention::{HeardCopy, Place, plausible_hops};
use super::flood_tag::FloodName;
use super::frame::{FloodFrame, SignedMessage};
use super::surroundings::Surroundings;
use crate::base::{EventVersion, FrameHash, Instant, MessageId, Plane, Position, Way, limits};

/// A message that may travel more than one hop, verified or our own, until it expires.
#[derive(Clone, Debug)]
pub(super) struct Flood {
    pub hash: FrameHash,
    pub id: MessageId,
    /// Whether this station signed it.
    pub origin: Origin,
    /// Its name, from which beacons make their tags.
    pub name: FloodName,
    /// How it came first.
    pub way: Way,
    /// It came from afar, and this unit sends it, or did: see [`Forwarder`](super::forwarder::Forwarder).
    pub afar: bool,
    /// Who else has it.
    pub airing: Airing,
    pub scope: Scope,
    /// Where it was generated.
    pub source: Position,
    /// Where its last transmitter was, as far as that is known.
    pub previous: Option<Position>,
    /// Remaining hops it came with, the most of all copies.
    pub remaining_hops: u8,
    /// Hops that were signed.
    pub max_hops: u8,
    /// The signed hops suffice for the signed area: where it ends is signed, and the remaining hops, which are not, end
    /// nothing.
    pub bounded: bool,
    /// What was signed, and its signer's credential.
    pub message: SignedMessage,
    pub expires: Instant,
    /// When this station first had it.
    pub since: Instant,
    pub state: State,
    /// A copy for a neighbour that does not have it.
    pub serve: Option<Serve>,
    /// Up to when the rate of such copies is spent.
    pub served: Instant,
    pub keep: Option<Keep>,
    /// The event it is about.
    pub event: Option<EventVersion>,
    /// Whether it may be forwarded: false when its signer is suspect.
    pub relayed: bool,
    /// Whether this station was outside its area when it came, so that the application has not had it.
    pub passed_by: bool,
    /// Neighbours heard to relay it while waiting.
    pub relays: u8,
    /// No copy ends its waiting: one came in our name, or it fell to us by lot.
    pub stands: bool,
    /// When a copy ended its waiting. Copies are not signed.
    pub silenced: Option<Instant>,
    /// How often it may be sent again when nobody carries it on.
    pub retries: u8,
    /// Who outside its area is nearest to it and has it.
    pub front: Option<Front>,
}

/// Where a flood goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// Through an area, and towards it.
    Area(Area),
    /// This many hops, in all directions.
    Hops,
}

/// Forwarding state of a flood at this station.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// It will be sent at that time, unless others make that unnecessary.
    Waiting(Instant),
    /// It came from afar, and will be sent at that time, unless it is heard by air.
    FromAfar(Instant),
    /// It was sent; it is sent again at that time, unless it is heard farther along.
    Sent(Option<Instant>),
    /// Nothing is left to do but remember it.
    Settled,
    /// A newer message about its event has taken its place: it is no longer repeated.
    Superseded,
}

/// A copy owed to a neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Serve {
    pub at: Instant,
    /// Where the neighbour is.
    pub place: Position,
    /// Copies sent to it.
    pub tries: u8,
    /// Copies for it at most.
    pub most: u8,
    /// A copy of another station's was heard that should have reached it.
    pub put_off: bool,
}

impl Serve {
    /// What remains to do after a copy was sent at `now`: another one for a neighbour at the edge of the reach, unless
    /// it is meanwhile heard to have it. A copy sent for another reason serves as well.
    pub(super) fn after(self, now: Instant, cause: ForwardCause) -> Option<Self> {
        let tries = self.tries + u8::from(cause == ForwardCause::Carry);
        (tries < self.most).then(|| Self { at: now + TRY_AGAIN, tries, ..self })
    }
}

/// How far a flood has come on its way to its area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Front {
    /// Distance to its area from where a neighbour sent it, or was given it, m.
    pub metres: f64,
    pub at: Instant,
}

/// A flood kept alive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Keep {
    pub interval: Duration,
    pub at: Instant,
}

/// Copies for one neighbour, and the time between: it answers a flood that is new to it within 60 ms, and where one
/// frame in five arrives eight tries reach it nine times in ten.
pub(super) const TRIES: u8 = 8;

const TRY_AGAIN: Duration = Duration::from_millis(80);

impl Flood {
    /// When the next action on it is due.
    pub(super) fn due(&self) -> Instant {
        if self.is_hidden() {
            return self.expires;
        }
        let state = match self.state {
            State::Waiting(at) | State::FromAfar(at) | State::Sent(Some(at)) => at,
            State::Sent(None) | State::Settled | State::Superseded => Instant::FAR_FUTURE,
        };
        let serve = self.serve.map_or(Instant::FAR_FUTURE, |serve| serve.at);
        let keep = self.keep.map_or(Instant::FAR_FUTURE, |keep| keep.at);
        state.min(serve).min(keep).min(self.expires)
    }

    /// Whether it may be forwarded at all.
    pub(super) fn may_travel(&self) -> bool {
        self.relayed
            && (self.bounded || self.remaining_hops > 1)
            && self.state != State::Superseded
            && !self.is_hidden()
    }

    /// Whether it would mark this station: see [`Airing`]. What is imminent is over before a name can be followed.
    pub(super) fn is_hidden(&self) -> bool {
        self.id.class == Class::D3 && !self.afar && self.airing.is_hidden()
    }

    /// Remaining hops for its next copy.
    pub(super) fn next_hops(&self) -> u8 {
        self.remaining_hops.saturating_sub(1).max(u8::from(self.bounded))
    }

    /// Remaining hops that a copy may have here: no hop is longer than the longest reach, so whoever claims to have come far
    /// with few hops used has changed their number.
    pub(super) fn plausible(&self, hops: u8, here: Option<&Plane>) -> u8 {
        let metres = here.map_or(0.0, |here| here.distance_2(self.source).sqrt());
        let made = (metres / limits::MAX_SINGLE_HOP_REACH_M) as u8;
        hops.min(self.max_hops.saturating_sub(made))
    }

    /// Whether its remaining hops end nothing: the signed ones suffice for the signed area.
    pub(super) fn is_bounded(frame: &FloodFrame) -> bool {
        frame.id.class == Class::D3 && frame.area.is_some_and(|area| frame.max_hops >= hops_for(&area))
    }

    pub(super) fn place<'a>(&self, here: &'a Plane) -> Place<'a> {
        let Self { source, previous, remaining_hops, bounded, .. } = *self;
        Place { here, source, previous, remaining_hops, bounded }
    }

    /// A newer message about its event has taken its place: it is no longer sent.
    pub(super) fn supersede(&mut self) {
        self.state = State::Superseded;
        self.serve = None;
        self.keep = None;
    }
}

impl Flood {
    /// A copy leaves for a neighbour that lacks it.
    pub(super) fn give(&mut self, now: Instant) {
        self.served = limits::SERVE_RATE.charged(self.served, now);
        if let Some(serve) = self.serve {
            self.advance(self.scope.distance_m(serve.place), now);
        }
    }

    /// A neighbour this far from its area has it, m.
    pub(super) fn advance(&mut self, metres: f64, now: Instant) {
        if metres > 0.0 && self.front(now).is_none_or(|front| metres < front) {
            self.front = Some(Front { metres, at: now });
        }
    }

    /// How near to its area it came lately outside of it, m.
    pub(super) fn front(&self, now: Instant) -> Option<f64> {
        self.front.filter(|front| now.since(front.at) < FRONT_KEPT).map(|front| front.metres)
    }

    /// A copy of it was heard. `again`: how long a stock forwarder, which keeps no memory of what it forwarded, waits
    /// for it.
    pub(super) fn hear(
        &mut self,
        copy: &HeardCopy,
        again: Option<Duration>,
        cancellable: bool,
        around: &Surroundings<'_>,
    ) {
        if let Some(wait) = again {
            self.state = match self.state {
                State::Waiting(_) => State::Settled,
                _ if copy.remaining_hops > 1 => {
                    self.remaining_hops = copy.remaining_hops;
                    State::Waiting(around.moment.now + wait)
                }
                state => state,
            };
            return;
        }
        if let State::FromAfar(_) = self.state {
            return self.silence(around.moment.now);
        }
        let Some(here) = around.moment.here.as_ref() else { return };
        match self.state {
            State::Waiting(_) if self.stands => {}
            State::Waiting(_) if self.id.class == Class::D0 => {
                // Copies from strangers do not count: anybody may repeat a frame.
                self.relays += u8::from(copy.transmitter.is_some());
                if self.relays >= RELAYS {
                    self.silence(around.moment.now);
                }
            }
            State::Waiting(_) if cancellable && contention::cancels(&self.place(here), copy) => {
                self.silence(around.moment.now);
            }
            State::Sent(Some(_)) if self.goes_on(copy, here) => self.state = State::Sent(None),
            _ => {}
        }
    }

    fn silence(&mut self, now: Instant) {
        self.state = State::Settled;
        self.silenced = Some(now);
    }

    /// A copy came in our name, and it was not ours: whoever believed it waits for no other station. So what it claims is
    /// made true, at `at`; `anew` also where a copy silenced us. Nothing follows where this station would not have sent it,
    /// or has sent it.
    pub(super) fn stand_in(&mut self, at: Instant, anew: bool) {
        let due = match self.state {
            State::Waiting(due) => due.min(at),
            State::Settled if self.silenced.is_some() && anew => at,
            _ => return,
        };
        if self.may_travel() {
            (self.state, self.stands) = (State::Waiting(due), true);
        }
    }

    /// A copy was heard that should have reached the station that waits for ours, by its sender's unsigned word. With
    /// `check` ours goes out once all the same, unless that station is heard to have it.
    pub(super) fn hear_served(&mut self, transmitter: Position, here: &Plane, check: bool, now: Instant) {
        let Some(serve) = self.serve.filter(|serve| !serve.put_off) else { return };
        let served = Plane::at(serve.place);
        if served.distance_2(transmitter).sqrt() > served.distance_2(here.origin()).sqrt() + SERVED_M {
            return;
        }
        self.serve = check.then(|| Serve {
            at: now + TRY_AGAIN,
            put_off: true,
            tries: serve.tries.max(TRIES - 1),
            ..serve
        });
    }

    /// Whether a copy shows that the flood is farther along than this station.
    fn goes_on(&self, copy: &HeardCopy, here: &Plane) -> bool {
        let own = here.distance_2(self.source);
        (self.bounded || plausible_hops(self.remaining_hops, copy.remaining_hops.saturating_add(1)))
            && copy.transmitter.is_some_and(|other| Plane::at(self.source).distance_2(other) > own)
    }

    /// What it is due for.
    pub(super) fn cause(&self, now: Instant) -> ForwardCause {
        match self.state {
            State::Waiting(at) if at <= now => ForwardCause::Contention,
            State::FromAfar(at) if at <= now => ForwardCause::Afar,
            State::Sent(Some(at)) if at <= now => ForwardCause::Retry,
            _ if self.serve.is_some_and(|serve| serve.at <= now) => ForwardCause::Carry,
            _ => ForwardCause::KeepAlive,
        }
    }
}

impl Scope {
    /// Whether a station at `here` is to have it; true when the position is unknown, because a copy too many does less
    /// harm.
    pub(super) fn holds(&self, here: Option<Position>) -> bool {
        match (self, here) {
            (Self::Area(area), Some(here)) => area.contains(here),
            (Self::Area(_) | Self::Hops, _) => true,
        }
    }

    /// Remaining distance from here to its area, m.
    pub(super) fn distance_m(&self, position: Position) -> f64 {
        match self {
            Self::Area(area) => area.distance_m(position),
            Self::Hops => 0.0,
        }
    }
}

/// A forwarded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Which message.
    pub id: MessageId,
    /// Remaining hops, this one included.
    pub remaining_hops: u8,
    /// Why.
    pub cause: ForwardCause,
    /// How the message came first.
    pub way: Way,
}

/// Why a message was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForwardCause {
    /// Nobody farther along was faster.
    Contention,
    /// Hardly any station is ahead, and none of them was heard to forward it.
    Retry,
    /// A neighbour's beacon shows that it lacks it.
    Carry,
    /// It is kept alive, and was not heard for twice its interval.
    KeepAlive,
    /// It came from afar, and was not on the air here.
    Afar,
}

impl ForwardCause {
    /// Every cause.
    pub const ALL: [Self; 5] = [Self::Contention, Self::Retry, Self::Carry, Self::KeepAlive, Self::Afar];

    /// Stable name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contention => "contention",
            Self::Retry => "retry",
            Self::Carry => "carry",
            Self::KeepAlive => "keep_alive",
            Self::Afar => "afar",
        }
    }
}

/// An imminent message is relayed by this many neighbours at most.
const RELAYS: u8 = 2;

/// After this long a flood is given anew to who may bring it nearer to its area: whoever had it may have turned off.
const FRONT_KEPT: Duration = Duration::from_secs(10);

/// A station that waits for a copy is assumed to have it when a station at most this much farther away was heard to
/// send one.
const SERVED_M: f64 = 50.0;
