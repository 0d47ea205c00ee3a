//! The Roadcast station as a pure state machine: frames, time and position go in; frames, events and
//! the next deadline come out. No sockets, no clocks, no threads, no randomness but the seed.
//!
//! Start at [`Node`]: it holds the calling contract. [`Input`] and [`Output`] list all that can go in and come out,
//! [`limits`] every bound.
//!
//! Inside, modules stand on floors; each may use those below it and none above (`tests/it/walls.rs` holds that):
//!
//! | floor | what it is |
//! |---|---|
//! | `node` | the station: inputs, outputs, the order of steps |
//! | `receive` | the receive path: cheap checks, rates, verification queue, verification |
//! | `hazard`, `awareness`, `misbehaviour`, `forward`, `send`, `congestion` | one mechanism each |
//! | `neighbour` | the neighbour table |
//! | `trust` | credentials, revocation, pseudonyms, permissions |
//! | `base` | time, position, random streams, bounds, names of messages and reasons |

mod awareness;
mod base;
mod congestion;
mod forward;
mod hazard;
mod misbehaviour;
mod neighbour;
mod node;
mod receive;
mod send;
mod trust;

pub use base::{
    Anchor, AwarenessRule, ChangeRule, ClockState, Config, Congestion, DropReason, Dropped,
    EmergencySwitches, EncryptionKey, FairShares, Fix, FrameHead, HeldHeading, Host, Imminent, Instant,
    MessageId, NotSent, NotSentReason, Open, Plane, Plausibility, Position, PseudonymConfig, Purpose, Rate,
    ReceiveStamps, Received, ReceivedFrame, Recipients, Refusal, Regulation, Reserve, Role, SEAL_DOMAIN,
    STANDING, Scheme, SealBinding, Sealed, Seed, SendRequest, SendStamps, SendingState, Sent, Sign, Stream,
    TableFill, TimedFix, TimedVehicle, Token, Transmit, VehicleState, Velocity, Virtual, Way, WireTime,
    heading_difference, limits, radii_of_curvature, seal, strict, velocity,
};
pub use congestion::{BusyRatio, CongestionState, GateCounts, LoadBasis, LoadSource};
#[cfg(feature = "polygon")]
pub use forward::polygon;
pub use forward::{Area, BeaconTags, FloodName, ForwardCause, Forwarded, Forwarder, contention, hops_for};
pub use hazard::{
    Concern, EventId, EventIdError, EventState, EventTable, HazardChange, HazardChanged, HazardCommand,
    HazardDraft, HazardRefusal, HazardRepeat, KnownHazard, MAX_VALIDITY,
};
pub use misbehaviour::{Basis, Check, Claim, MisbehaviourDetector, Observation, Suspicion, TrustLevel};
pub use neighbour::{Heard, Motion, Neighbour, NeighbourTable, RECKONING_LIMIT, starting_sequence};
pub use node::{Counters, Event, Input, Misbehaviour, Node, Output, Queues, TimerKind, Together};
pub use receive::{AfarTicket, FrameRead, HeardElsewhere, SignatureCheck, judge};
pub use send::warm_up;
pub use trust::{
    Authority, CredentialError, CredentialRequest, CredentialShelf, Identity, KeyCache, KeyPair, Lookup,
    NewIdentity, Permissions, Pool, PoolError, RevocationError, RevocationNews, RevocationRequest,
    Revocations, RevokeError, SequenceStarts, TrustStore, Trusted, UnknownPermission, credential_hash,
    freshness, hops, issue, make_root, permission_for, read_delta, revoke, signing_input,
};
