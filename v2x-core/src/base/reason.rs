//! Reason codes: why a frame was dropped, a message not sent, or the station does not send; one stable name each.

use v2x_proto::envelope::EnvelopeError;
use v2x_proto::hop::HopError;
use v2x_proto::payload::PayloadError;

/// How far the wire clock may be trusted, as the host judges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockState {
    /// Something disciplines it, and bounds its error well below what receivers tolerate.
    Locked,
    /// It was locked not long ago: its error grows, and is still bounded.
    Holdover,
    /// Its error is unknown: the station receives and signs nothing.
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

/// Why one of our messages was not transmitted.
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
    /// The station's credential does not permit this message, or not at this position.
    NotPermitted,
    /// The request itself is wrong: unknown type, empty payload, hops or area that do not fit its class.
    BadRequest,
    /// The station keeps silent after a change of pseudonym.
    Silent,
    /// A copy of an imminent warning beyond the burst that a station may send.
    BurstBudget,
    /// The station to which it was to be sealed is no neighbour.
    NoSuchNeighbour,
    /// The station to which it was to be sealed has no encryption key in its credential, or none that can be used.
    NoEncryptionKey,
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
            Self::NoSuchNeighbour => "no_such_neighbour",
            Self::NoEncryptionKey => "no_encryption_key",
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
    /// The station's credential is not valid now.
    CredentialNotValid,
    /// The station's credential, or its issuer's, is revoked.
    CredentialRevoked,
    /// The station is outside its credential's region, where every receiver would refuse its messages.
    OutsideRegion,
}

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// Why a received frame was not delivered: one name for every exit of the receive path.
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

/// Why a frame is refused, and the field at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: DropReason,
    /// The field, named as in the schema or, for the hop header, as in `docs/wire.md`; the message itself where no known
    /// field is at fault; none where the reason is about no field.
    pub field: Option<&'static str>,
}

impl Refusal {
    pub(crate) const fn of(reason: DropReason, field: &'static str) -> Self {
        Self { reason, field: Some(field) }
    }

    /// Of a frame whose hop header does not read.
    #[must_use]
    pub fn of_header(error: HopError) -> Self {
        match error {
            HopError::Truncated => DropReason::Truncated,
            HopError::Version(_) => DropReason::BadVersion,
            HopError::Kind(_) => DropReason::UnknownKind,
            HopError::ReservedBits => DropReason::ReservedBits,
            HopError::Class(_) => DropReason::BadClass,
            HopError::Position => DropReason::BadForwarderPosition,
        }
        .into()
    }

    /// Of a frame whose signed message does not split.
    #[must_use]
    pub const fn of_envelope(error: EnvelopeError) -> Self {
        let reason = match error {
            EnvelopeError::NotExact => DropReason::UnsignedBytes,
            _ => DropReason::MalformedEnvelope,
        };
        Self::of(reason, error.field())
    }

    /// Of a frame whose signed fields do not read.
    #[must_use]
    pub const fn of_fields(error: EnvelopeError) -> Self {
        Self::of(DropReason::MalformedFields, error.field())
    }

    /// Of a frame whose payload does not decode.
    #[must_use]
    pub fn of_payload(error: PayloadError) -> Self {
        match error {
            PayloadError::UnknownType(_) => DropReason::UnknownType.into(),
            _ => Self { reason: DropReason::MalformedPayload, field: error.field() },
        }
    }
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Self { reason, field: reason.field() }
    }
}

impl DropReason {
    /// The field that this reason is always about, if it is one.
    const fn field(self) -> Option<&'static str> {
        Some(match self {
            Self::BadVersion => "version",
            Self::UnknownKind => "kind",
            Self::BadClass => "class",
            Self::TestTraffic => "test",
            Self::BadForwarderPosition => "forwarder position",
            Self::ClassMismatch | Self::NotFromAfar => "deadline_class",
            Self::HopsInflated => "max_hops",
            Self::BadLifetime => "lifetime_ms",
            Self::FromFuture | Self::Stale => "generation_time_us",
            Self::OutOfReach | Self::CredentialRegion => "latitude, longitude",
            Self::CredentialMalformed => "credential",
            Self::UnknownIssuer => "issuer",
            Self::WeakKey => "public_key",
            Self::PermissionDenied | Self::UnknownType => "type",
            Self::Replayed => "sequence",
            Self::SignatureInvalid => "signature",
            Self::NotOrigin => "origin",
            Self::EventTime => "reference_time_us",
            Self::RevocationInvalid => "issuer_signature",
            Self::SealedForAnother | Self::SealedKeyWiped => "receiver",
            Self::SealedUnopened => "ciphertext",
            _ => return None,
        })
    }
}

drop_reasons! {
    /// Shorter than a hop header and the smallest signed message.
    Truncated => "truncated",
    /// Longer than the largest frame (1,398 B).
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
    /// One of our messages came back.
    Own => "own",
    /// The same bytes were seen before.
    ExactCopy => "exact_copy",
    /// Its signer lied too often, and is ignored until its credential ends.
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
    /// Its signer's name and link address sent too many frames, and the draw fell on it when there was no room for all.
    RateLimitedLink => "rate_limited_link",
    /// Its forwarder's name and link address sent too many frames, and the draw fell on it when there was no room for all.
    RateLimitedForwarder => "rate_limited_forwarder",
    /// The credential does not parse.
    CredentialMalformed => "credential_malformed",
    /// The credential's issuer is not known here.
    UnknownIssuer => "unknown_issuer",
    /// The credential's signature is invalid.
    CredentialSignature => "credential_signature",
    /// The credential claims more than its issuer may grant.
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
    /// Its credential is new, and the draw fell on it when there was no room for all.
    CredentialBudget => "credential_budget",
    /// The credential did not arrive in time, or there was no room to wait for it.
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
    /// The signature is invalid.
    SignatureInvalid => "signature_invalid",
    /// Verified, but of a type this version does not know.
    UnknownType => "unknown_type",
    /// Verified, but the payload does not decode or breaks a cap.
    MalformedPayload => "malformed_payload",
    /// It claims a role, or a reach, that its signer's credential does not permit.
    RoleDenied => "role_denied",
    /// Verified, and forwarded where that is useful; but this station is not in its area.
    OutsideArea => "outside_area",
    /// Verified, but about another's event, which only its own signer may declare, change or cancel.
    NotOrigin => "not_origin",
    /// Verified, but the times of its event are impossible: made before it was detected, or after the message was
    /// signed.
    EventTime => "event_time",
    /// Verified, but the event is over, or a newer version of it is known.
    EventSuperseded => "event_superseded",
    /// Verified, but the revocation delta in it is not signed by its issuer, or its issuer is not trusted.
    RevocationInvalid => "revocation_invalid",
    /// Verified, but its signer lately brought a revocation delta that its issuer did not sign.
    RevocationBudget => "revocation_budget",
    /// Something that no signature covers beside the parts of a signed message or of its credential, or these in another
    /// order.
    UnsignedBytes => "unsigned_bytes",
    /// It came from afar, and is of a class that comes by air alone: D0, D1, D2 or D4.
    NotFromAfar => "not_from_afar",
    /// More came from afar than a station looks at in a second, and of this peer more than a fair share.
    AfarBudget => "afar_budget",
    /// Verified, but sealed to another station.
    SealedForAnother => "sealed_for_another",
    /// Verified, but sealed to an encryption key that this station no longer has: that of a former pseudonym.
    SealedKeyWiped => "sealed_key_wiped",
    /// Verified, but its content does not open: altered, or sealed for another message, sender or key.
    SealedUnopened => "sealed_unopened",
    /// Opened, but what was sealed is no message in its form.
    SealedContent => "sealed_content",
    /// Opened, but its signer may not send what was sealed, or it may not be sealed.
    SealedDenied => "sealed_denied",
}
