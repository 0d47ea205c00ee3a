//! Everything that goes into a node and everything that comes out.

use core::fmt;

use bytes::Bytes;
use v2x_proto::link::{AccessCategory, Origin};
use v2x_proto::{AreaView, Class, Digest, v1};

pub use crate::forward::{ForwardCause, Forwarded};
use crate::hazard::{Changed, Command, EventId, Refusal};
pub use crate::plausibility::Suspicion;
use crate::position::Position;
use crate::security::CredentialError;
use crate::security::revocation::{RevocationError, RevocationNews};
use crate::time::{Instant, WireTime};

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
        command: Command,
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
    /// How busy the channel is, by the link or the host; it counts for [`limits::MAX_LOAD_AGE`](crate::limits::MAX_LOAD_AGE).
    ChannelLoad {
        /// Share of time the channel was busy, thousandths, 0..=1000. More is refused and counted
        /// ([`Counters::loads_refused`](crate::node::Counters::loads_refused)).
        busy_permille: u16,
        /// Where it comes from.
        source: LoadSource,
    },
    /// The deadline of [`Output::Timeout`] has come. Early or additional ones do no harm.
    Timeout,
}

/// Where a channel load comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadSource {
    /// The receiver's own carrier sense: whatever was above its threshold, decoded or not.
    Survey,
    /// What could be decoded: the channel is at least this busy.
    Estimate,
}

impl LoadSource {
    /// Name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Estimate => "estimate",
        }
    }
}

/// How far the wire clock may be trusted, as the host judges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockState {
    /// Something disciplines it, and bounds its error well below what receivers tolerate.
    Locked,
    /// It was locked not long ago: its error grows, and is still bounded.
    Holdover,
    /// Nobody knows how far it is off: the station receives and signs nothing.
    #[default]
    Untrusted,
}

impl ClockState {
    /// Whether a station may sign by this clock.
    #[must_use]
    pub const fn may_sign(self) -> bool {
        !matches!(self, Self::Untrusted)
    }

    /// Name in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Holdover => "holdover",
            Self::Untrusted => "untrusted",
        }
    }
}

/// A frame as the link delivered it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedFrame {
    /// Hop header and signed message: what follows the EtherType.
    pub bytes: Bytes,
    /// Source address of the link.
    pub link_source: [u8; 6],
    /// When the kernel had the frame.
    pub kernel_receive: Option<Instant>,
    /// When the process had it.
    pub user_receive: Option<Instant>,
    /// Received power, when the link knows it.
    pub signal_dbm: Option<i8>,
}

/// Where the station was, and when that was true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Position.
    pub position: Position,
    /// Altitude above the ellipsoid, 0.01 m.
    pub altitude_cm: Option<i32>,
    /// Speed over ground, 0.01 m/s.
    pub speed: Option<u16>,
    /// Heading, 0.1 degree clockwise from north, 0..=3599.
    pub heading: Option<u16>,
    /// Longitudinal acceleration, 0.1 m/s^2.
    pub acceleration: Option<i16>,
    /// Yaw rate, 0.01 degree/s, positive to the left.
    pub yaw_rate: Option<i16>,
    /// Horizontal accuracy (95 %), 0.01 m.
    pub accuracy_cm: Option<u16>,
    /// When the position was true.
    pub time: WireTime,
}

/// A number the application chose for a request, to know what came of it. The node returns it and decides nothing by
/// it; whether it is unique is the application's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A message the application wants sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SendRequest {
    /// Number of the payload's type (`v2x.v1.MessageType`).
    pub message_type: u32,
    /// Deadline class.
    pub class: Class,
    /// How long the message means something, ms; capped by its class.
    pub lifetime_ms: u32,
    /// Hops it may travel, 1 for single hop.
    pub max_hops: u8,
    /// Where it concerns anyone; `None` for single hop.
    pub area: Option<AreaView>,
    /// Which of several things of this type it is about (an intersection's number), 0 when there is one:
    /// in D2 and D4 a newer message replaces a queued one on the same subject.
    pub subject: u32,
    /// When it was due, if that is known better than by the moment of the request: a stall of the sender counts
    /// from here. It moves a stamp and no decision, so a recording leaves it out.
    pub due: Option<Instant>,
    /// Comes back with what becomes of the message.
    pub token: Option<Token>,
    /// The encoded payload.
    pub payload: Bytes,
}

impl SendRequest {
    /// Passes on a revocation delta to all who hear this station.
    pub fn revocation(delta: Bytes) -> Self {
        Self {
            message_type: v1::MessageType::RevocationDelta as u32,
            class: Class::D5,
            lifetime_ms: REVOCATION_LIFETIME_MS,
            max_hops: 1,
            area: None,
            subject: 0,
            due: None,
            token: None,
            payload: delta,
        }
    }
}

/// Names one message: its signer, its class, and its number within both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Digest of the signer's credential.
    pub signer: Digest,
    /// Deadline class; each has its own sequence.
    pub class: Class,
    /// Sequence number, wraps.
    pub sequence: u32,
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.signer, self.class.name(), self.sequence)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
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

/// A frame to transmit.
#[derive(Clone, Debug, PartialEq)]
pub struct Transmit {
    /// Hop header and signed message.
    pub bytes: Bytes,
    /// Deadline class.
    pub class: Class,
    /// Whether it is ours or another's.
    pub origin: Origin,
    /// Which message it carries.
    pub id: MessageId,
    /// Not worth sending after this.
    pub expires: Instant,
    /// Source address on the link, unicast and locally administered; `None` for the link's own.
    pub source: Option<[u8; 6]>,
    /// How far it has come.
    pub stamps: SendStamps,
}

impl Transmit {
    /// How it asks for the channel.
    pub const fn access(&self) -> AccessCategory {
        AccessCategory::of(self.class, self.origin)
    }
}

/// Stages of a message on its way out. Made by the host's clock; no decision reads them, and they are
/// no part of what two equal runs have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendStamps {
    /// The application, or the awareness rule, wanted it: when it was due, not when the host got round to it.
    pub generated: Instant,
    /// The payload and the signed fields were encoded.
    pub built: Instant,
    /// The signature was made.
    pub signed: Instant,
    /// It entered the send queue.
    pub queued: Instant,
    /// The gate let it out.
    pub gate_open: Instant,
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
    Hazard(Changed),
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
        refusal: Refusal,
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

/// A message for the application: verified, unless [`verified`](Self::verified) says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Which message.
    pub id: MessageId,
    /// Number of the payload's type.
    pub message_type: u32,
    /// When it was generated, by the sender's clock.
    pub generation_time: WireTime,
    /// Where it was generated.
    pub position: Position,
    /// Link address it came from.
    pub link_source: [u8; 6],
    /// Hops it has travelled, 1 straight from its signer.
    pub hops: u8,
    /// Permission bits of the signer's credential.
    pub permissions: u64,
    /// Whether its signature was verified. False only where the station was told to sample the awareness of
    /// neighbours that are far and leave ([`crate::config::Config::sample_far_awareness`]): then all of this is
    /// the word of whoever sent the frame.
    pub verified: bool,
    /// True when what its signer says does not add up: not to be relied on alone, nor relayed.
    pub suspect: bool,
    /// The encoded payload, checked to decode: `v2x_proto::payload::Message::decode` gives the message.
    pub payload: Bytes,
    /// Stages on its way in.
    pub stamps: ReceiveStamps,
}

/// Stages of a frame on its way in. See [`SendStamps`] for what they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveStamps {
    /// The kernel had it; `None` when the link does not say.
    pub kernel_receive: Option<Instant>,
    /// The process had it.
    pub user_receive: Option<Instant>,
    /// It passed every check that costs no signature.
    pub prefiltered: Instant,
    /// Its signature held.
    pub verified: Instant,
    /// Its payload was decoded, the table updated, the event ready.
    pub delivered: Instant,
}

/// A frame that ended without delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Link address it came from.
    pub link_source: [u8; 6],
    /// Which message it claimed to be, as far as that could be read. Unverified unless the reason says otherwise.
    pub claimed: Option<MessageId>,
}

/// An own message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which message.
    pub id: MessageId,
    /// Number of the payload's type.
    pub message_type: u32,
    /// Its signed generation time.
    pub generation_time: WireTime,
    /// Its signed position.
    pub position: Position,
    /// Bytes of the frame.
    pub frame_len: u16,
    /// Whether the whole credential went with it.
    pub full_credential: bool,
    /// When it was due: a stamp, see [`SendStamps::generated`].
    pub generated: Instant,
    /// The request's; `None` for what the station says of itself, and for what a hazard command led to.
    pub token: Option<Token>,
}

/// An own message that will not be transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// Its class.
    pub class: Class,
    /// Which message, if it had been signed.
    pub id: Option<MessageId>,
    /// Why.
    pub reason: NotSentReason,
    /// As in [`Sent`], also when the message had been queued before.
    pub token: Option<Token>,
}

/// Why an own message was not transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotSentReason {
    /// Its deadline class's time ran out at the head of the queue.
    Expired,
    /// A newer one of its class took its place.
    Replaced,
    /// Its class's queue was full.
    QueueFull,
    /// No usable position, clock or credential: see [`SendingState`].
    SendingBlocked,
    /// The frame would be longer than a link carries.
    TooLong,
    /// The own credential does not permit this message, or not where the station is.
    NotPermitted,
    /// The request itself is wrong: unknown type, empty payload, hops or area that do not fit its class.
    BadRequest,
    /// The station keeps silent after a change of pseudonym.
    Silent,
    /// A copy of an imminent warning beyond what a station may say at once.
    BurstBudget,
}

impl NotSentReason {
    /// Stable name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "send_expired",
            Self::Replaced => "send_replaced",
            Self::QueueFull => "send_queue_full",
            Self::SendingBlocked => "sending_blocked",
            Self::TooLong => "send_too_long",
            Self::NotPermitted => "send_not_permitted",
            Self::BadRequest => "send_bad_request",
            Self::Silent => "send_silent",
            Self::BurstBudget => "send_burst_budget",
        }
    }
}

/// Whether the station sends safety messages, and if not, why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendingState {
    /// It sends.
    Allowed,
    /// No position, or one too old.
    NoFix,
    /// The clock is not trusted.
    ClockUntrusted,
    /// The own credential is not valid now.
    CredentialNotValid,
    /// The own credential, or its issuer's, is revoked.
    CredentialRevoked,
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

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// Why a received frame was not delivered: one name for every way out of the receive path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum DropReason { $($(#[doc = $doc])+ $variant,)+ }

        impl DropReason {
            /// Every reason, in the order of the receive path.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Stable name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

drop_reasons! {
    /// Shorter than a hop header and the smallest signed message.
    Truncated => "truncated",
    /// Longer than a frame may be (1,398 B).
    TooLong => "too_long",
    /// Another version of the hop header.
    BadVersion => "bad_version",
    /// Reserved bits of the hop header are set.
    ReservedBits => "reserved_bits",
    /// A kind of frame this version does not know.
    UnknownKind => "unknown_kind",
    /// No such deadline class.
    BadClass => "bad_class",
    /// The forwarder's position is off the globe.
    BadForwarderPosition => "bad_forwarder_position",
    /// Test or simulation traffic at a station in service, or the reverse.
    TestTraffic => "test_traffic",
    /// The signed message does not parse: truncated, duplicated or missing fields, both signers.
    MalformedEnvelope => "malformed_envelope",
    /// The signed fields do not parse or are out of range.
    MalformedFields => "malformed_fields",
    /// Our own message came back.
    Own => "own",
    /// These very bytes were seen before.
    ExactCopy => "exact_copy",
    /// Its signer lied too often, and is not heard until its credential ends.
    Isolated => "isolated",
    /// The hop header's class is not the signed one.
    ClassMismatch => "class_mismatch",
    /// More remaining hops than were signed for.
    HopsInflated => "hops_inflated",
    /// A lifetime longer than its class allows, or none.
    BadLifetime => "bad_lifetime",
    /// Its type may not travel in this class or this far.
    BadScope => "bad_scope",
    /// Generated too far in the future.
    FromFuture => "from_future",
    /// Too old for its class, or expired.
    Stale => "stale",
    /// Generated too far away to have come straight here.
    OutOfReach => "out_of_reach",
    /// Its link address sent too many frames, and its signer was not heard from there.
    RateLimitedLink => "rate_limited_link",
    /// Its forwarder sent too many frames, and its signer was not heard from there.
    RateLimitedForwarder => "rate_limited_forwarder",
    /// The credential does not parse.
    CredentialMalformed => "credential_malformed",
    /// The credential's issuer is not known here.
    UnknownIssuer => "unknown_issuer",
    /// The credential's signature does not hold.
    CredentialSignature => "credential_signature",
    /// The credential claims more than its issuer may give.
    CredentialNesting => "credential_nesting",
    /// The credential's key is of small order.
    WeakKey => "weak_key",
    /// The credential is not valid yet.
    CredentialNotYetValid => "credential_not_yet_valid",
    /// The credential is no longer valid.
    CredentialExpired => "credential_expired",
    /// The credential, or its issuer's, is revoked.
    Revoked => "revoked",
    /// This credential failed its check before.
    CredentialKnownBad => "credential_known_bad",
    /// Too many new credentials this second.
    CredentialBudget => "credential_budget",
    /// The credential did not come in time, or there was no room to wait for it.
    UnknownCredential => "unknown_credential",
    /// The credential does not permit this type of message.
    PermissionDenied => "permission_denied",
    /// Generated outside the credential's region.
    CredentialRegion => "credential_region",
    /// Its signer sent too many messages of this class, or declared too many events.
    RateLimitedSigner => "rate_limited_signer",
    /// This (signer, class, sequence) was verified before, or is behind the replay window.
    Replayed => "replayed",
    /// Shed from a full verification queue.
    VerifyQueueFull => "verify_queue_full",
    /// Waited for verification until it was no longer fresh.
    VerifyTooLate => "verify_too_late",
    /// The signature does not hold.
    SignatureInvalid => "signature_invalid",
    /// Verified, but of a type this version does not know.
    UnknownType => "unknown_type",
    /// Verified, but the payload does not decode or breaks a cap.
    MalformedPayload => "malformed_payload",
    /// It claims a role, or a reach, that its signer's credential does not permit.
    RoleDenied => "role_denied",
    /// Verified, and sent on where that is useful; but this station is not in its area.
    OutsideArea => "outside_area",
    /// Verified, but about another's event, which only its own signer may declare, change or cancel.
    NotOrigin => "not_origin",
    /// Verified, but its event's times cannot be: made before it was detected, or after it was said.
    EventTime => "event_time",
    /// Verified, but the event is over, or what it says was overtaken by something newer.
    EventSuperseded => "event_superseded",
    /// Verified, but the revocation delta in it is not its issuer's, or from no issuer of ours.
    RevocationInvalid => "revocation_invalid",
    /// Verified, but with more revocation deltas than are checked a second.
    RevocationBudget => "revocation_budget",
}

/// The frame that carries a delta is worth nothing later; the delta itself says how long it holds.
const REVOCATION_LIFETIME_MS: u32 = 10_000;
