//! Inputs and outputs of a node.

use bytes::Bytes;
use v2x_proto::Digest;

use crate::base::{
    ClockState, Dropped, Fix, Instant, NotSent, Received, ReceivedFrame, SendRequest, SendingState, Sent,
    Token, Transmit, VehicleState, WireTime,
};
use crate::congestion::LoadSource;
use crate::forward::Forwarded;
use crate::hazard::{EventId, HazardChanged, HazardCommand, HazardRefusal};
use crate::misbehaviour::Suspicion;
use crate::receive::HeardElsewhere;
use crate::trust::{CredentialError, NewIdentity, PoolError, RevocationError, RevocationNews};

/// One input. The host records it before it hands it over, so that a run can be repeated.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A frame came in from the link.
    Frame(ReceivedFrame),
    /// A position, or `None` when it was lost.
    Fix(Option<Fix>),
    /// What the vehicle's sensors and switches say. It counts for
    /// [`limits::MAX_VEHICLE_AGE`](crate::base::limits::MAX_VEHICLE_AGE), goes into beacons, and its speed, acceleration and yaw
    /// rate come before those of the fix.
    Vehicle(VehicleState),
    /// A reading of the wire clock, and how far it may be trusted.
    Clock {
        /// What the wire clock reads at this input's `now`.
        wire: WireTime,
        /// Whether the station may sign by it.
        state: ClockState,
    },
    /// The application sends a message.
    Send(SendRequest),
    /// The application declares, updates, cancels or negates a hazard.
    Hazard {
        /// The command.
        command: HazardCommand,
        /// Returned with the one event that tells whether it was carried out.
        token: Option<Token>,
    },
    /// A revocation delta that did not arrive over the air, encoded (`v2x.v1.RevocationDelta`).
    Revocation(Bytes),
    /// The roots and issuers to trust from now on, replacing the previous ones.
    Trust {
        /// Credentials of the pinned roots.
        roots: Vec<Bytes>,
        /// Credentials of the issuers under them.
        issuers: Vec<Bytes>,
    },
    /// The credentials to use from now on, in place of the previous ones; the host has their keys
    /// ([`Host::signer`](crate::base::Host::signer)). Those of before that are in the list stay as they are.
    Identities(Vec<NewIdentity>),
    /// The link takes frames (`true`) or is full (`false`); a new node's link takes frames. After it was full, waiting
    /// frames leave one a turn: send `false` as soon as the link has no room for another one.
    Link {
        /// Whether frames may be transmitted now.
        ready: bool,
    },
    /// How busy the channel is, measured by the link or the host; it counts for
    /// [`limits::MAX_LOAD_AGE`](crate::base::limits::MAX_LOAD_AGE).
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
    /// Nothing to do until then; the reason names what will be due. [`Instant::FAR_FUTURE`] when nothing will.
    Timeout(Instant, TimerKind),
}

/// Something the application may want to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A verified message, once per message.
    Received(Received),
    /// A received frame was dropped.
    Dropped(Dropped),
    /// One of our messages was signed and queued.
    Sent(Sent),
    /// One of our messages will not be transmitted.
    NotSent(NotSent),
    /// A message of another station is forwarded, or ours is repeated: its frame is the [`Output::Transmit`] that
    /// follows.
    Forwarded(Forwarded),
    /// The known state of a hazard changed, including our own; once per change.
    Hazard(HazardChanged),
    /// A command was carried out on this event.
    HazardAccepted {
        /// The event.
        id: EventId,
        /// The token of the command.
        token: Option<Token>,
    },
    /// A command was refused.
    HazardRefused {
        /// Why.
        refusal: HazardRefusal,
        /// The token of the command.
        token: Option<Token>,
    },
    /// The credential that declared one of our events ended: the event continues under the new one.
    HazardRenamed {
        /// Its former id; cancelled, if there was time to.
        old: EventId,
        /// Its id from now on.
        new: EventId,
    },
    /// A station became a neighbour.
    NeighbourAdded(Digest),
    /// A neighbour was not heard for its lifetime, or was evicted.
    NeighbourLost(Digest),
    /// Whether the station may send safety messages changed; reported once per change.
    Sending(SendingState),
    /// A revocation delta was applied: the credentials it names are no longer trusted.
    Revoked(RevocationNews),
    /// A delta that did not arrive over the air was refused.
    RevocationRefused(RevocationError),
    /// A revocation list was not renewed in time; it stays in force. Reported once, until it is renewed.
    RevocationStale {
        /// The issuer that should have renewed it.
        issuer: Digest,
        /// The list.
        series: u32,
    },
    /// The trusted roots and issuers were replaced, or why they were not.
    Trust(Result<(), CredentialError>),
    /// The station's credentials were replaced, or why they were not.
    Identities(Result<(), PoolError>),
    /// The station uses another pseudonym from here on. For the application, which names its events by the new one from
    /// now on, and for the recorder: both digests together must never leave the station.
    PseudonymChanged {
        /// The one before.
        old: Digest,
        /// The one from now on.
        new: Digest,
    },
    /// Another station signs with one of ours: a copy of this station, or a credential that was given out twice or stolen. Our
    /// numbers jump ahead of its numbers, and a station with another pseudonym changes to it.
    HeardElsewhere(HeardElsewhere),
    /// The station runs out of credentials; reported for each of the last few spares, and once before the last one
    /// ends.
    PoolLow {
        /// Credentials never used and still valid.
        spares: u32,
        /// When the last of them, or the one in use, ends.
        valid_until: WireTime,
    },
    /// The trust level of a station changed.
    Suspicion(Suspicion),
    /// A station was isolated: the report about it, for the authority. It is also sent when our credential permits.
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
    /// A frame from afar has its turn for verification: nothing by air waits for one.
    Afar,
    /// A message is to be sent on.
    Forward,
    /// One of our hazards is to be repeated, or one ends.
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
    /// The gate opens for a frame that waits.
    Gate,
    /// The gate wants to know how busy the channel is.
    ChannelLoad,
    /// The first frames of a new link address are due a second time.
    WarmUp,
    /// The pseudonym is to change, or its pool to be warned about.
    Pseudonym,
    /// Nothing.
    Idle,
}
