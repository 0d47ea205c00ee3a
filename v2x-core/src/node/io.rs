//! Everything that goes into a node and everything that comes out.

use bytes::Bytes;
use v2x_proto::Digest;

use crate::base::{
    ClockState, Dropped, Fix, Instant, NotSent, Received, ReceivedFrame, SendRequest, SendingState, Sent,
    Token, Transmit, WireTime,
};
use crate::congestion::LoadSource;
use crate::forward::Forwarded;
use crate::hazard::{EventId, HazardChanged, HazardCommand, HazardRefusal};
use crate::misbehaviour::Suspicion;
use crate::trust::{CredentialError, RevocationError, RevocationNews};

/// One input. The host records it before it hands it over, so that a run can be repeated.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A frame came in from the link.
    Frame(ReceivedFrame),
    /// A position, or `None` when it was lost.
    Fix(Option<Fix>),
    /// A reading of the wire clock, and how far it may be trusted.
    Clock {
        /// What the wire clock reads at this input's `now`.
        wire: WireTime,
        /// Whether the station may sign by it.
        state: ClockState,
    },
    /// The application sends a message.
    Send(SendRequest),
    /// The application declares, changes or ends a hazard.
    Hazard {
        /// What it wants.
        command: HazardCommand,
        /// Comes back with the one event that says whether it was carried out.
        token: Option<Token>,
    },
    /// A revocation delta that came by another way than the air, encoded (`v2x.v1.RevocationDelta`).
    Revocation(Bytes),
    /// The roots and issuers to trust from now on, in place of those before.
    Trust {
        /// Credentials of the pinned roots.
        roots: Vec<Bytes>,
        /// Credentials of the issuers under them.
        issuers: Vec<Bytes>,
    },
    /// The link takes frames (`true`) or is full (`false`); a new node's link takes frames. After it was full, what
    /// waits leaves one frame a turn: say `false` as soon as the link has no room for another one.
    Link {
        /// Whether frames may be transmitted now.
        ready: bool,
    },
    /// How busy the channel is, by the link or the host; it counts for [`limits::MAX_LOAD_AGE`](crate::base::limits::MAX_LOAD_AGE).
    ChannelLoad {
        /// Share of time the channel was busy, thousandths, 0..=1000. More is refused and counted
        /// ([`Counters::loads_refused`](super::Counters::loads_refused)).
        busy_permille: u16,
        /// Where it comes from.
        source: LoadSource,
    },
    /// The deadline of [`Output::Timeout`] has come. Early or additional ones do no harm.
    Timeout,
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Put this frame on the link.
    Transmit(Transmit),
    /// Something happened.
    Event(Event),
    /// Nothing to do until then; the reason says what will be due. [`Instant::FAR_FUTURE`] when nothing.
    Timeout(Instant, TimerKind),
}

/// Something the application may want to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A verified message, once per message.
    Received(Received),
    /// A received frame ended here.
    Dropped(Dropped),
    /// An own message was signed and queued.
    Sent(Sent),
    /// An own message will not be transmitted.
    NotSent(NotSent),
    /// A message of another station, or once more our own, goes on: its frame is the [`Output::Transmit`] that follows.
    Forwarded(Forwarded),
    /// What is known of a hazard changed, own ones included; once per change.
    Hazard(HazardChanged),
    /// A command was carried out on this event.
    HazardAccepted {
        /// The event.
        id: EventId,
        /// The command's.
        token: Option<Token>,
    },
    /// A command was refused.
    HazardRefused {
        /// Why.
        refusal: HazardRefusal,
        /// The command's.
        token: Option<Token>,
    },
    /// The credential that declared an own event ended: the event goes on under the new one.
    HazardRenamed {
        /// Its name before; cancelled, if there was time to.
        old: EventId,
        /// Its name from now on.
        new: EventId,
    },
    /// A station became a neighbour.
    NeighbourAdded(Digest),
    /// A neighbour was not heard for its lifetime, or made room.
    NeighbourLost(Digest),
    /// Whether the station may send safety messages changed; said once per change.
    Sending(SendingState),
    /// A revocation delta was applied: what it names is believed no longer.
    Revoked(RevocationNews),
    /// A delta that did not come by air was refused.
    RevocationRefused(RevocationError),
    /// A revocation list was not renewed in time; it stays in force. Said once, until it is renewed.
    RevocationStale {
        /// Who should have renewed it.
        issuer: Digest,
        /// The list.
        series: u32,
    },
    /// The trusted roots and issuers were replaced, or why they were not.
    Trust(Result<(), CredentialError>),
    /// The station speaks under another pseudonym from here on. For the application, which names its events by the new
    /// one from now on, and for the recorder: both together must never leave the station.
    PseudonymChanged {
        /// The one before.
        old: Digest,
        /// The one from now on.
        new: Digest,
    },
    /// The station runs out of credentials; said for each of the last few spares, and once before the last one ends.
    PoolLow {
        /// Credentials never used and still valid.
        spares: u32,
        /// When the last of them, or the one in use, ends.
        valid_until: WireTime,
    },
    /// What a station is held for changed.
    Suspicion(Suspicion),
    /// A station was isolated: the report about it, for the authority. It is also sent when the own credential
    /// permits.
    Misbehaviour(Misbehaviour),
}

/// A station's report about another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbehaviour {
    /// The station reported.
    pub subject: Digest,
    /// An encoded `v2x.v1.MisbehaviourReport`.
    pub report: Bytes,
}

/// What will be due at the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// A frame waits for verification: now.
    Verify,
    /// The link was full and takes frames again: the next one that waits leaves now.
    Refill,
    /// The awareness rule is to be checked.
    Awareness,
    /// A demoted frame has its turn for verification.
    Demoted,
    /// A message is to be sent on.
    Forward,
    /// An own hazard is to be said again, or one ends.
    Hazard,
    /// A held frame gives up waiting for its credential.
    HoldExpiry,
    /// A queued frame expires while the link is full.
    QueueExpiry,
    /// A neighbour's lifetime ends.
    NeighbourExpiry,
    /// The position becomes too old to send by.
    FixExpiry,
    /// A revocation delta is to be passed on.
    Spread,
    /// A revocation list should have been renewed.
    RevocationStale,
    /// The first frames of a new link address are due a second time.
    WarmUp,
    /// The pseudonym is to change, or its pool to be warned about.
    Pseudonym,
    /// Nothing.
    Idle,
}
