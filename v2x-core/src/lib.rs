//! The Roadcast station as a pure state machine: frames, time and position go in; frames, events and
//! the next deadline come out. No sockets, no clocks, no threads, no randomness but the seed.
//!
//! Start at [`node::Node`]: it holds the calling contract. [`io`] lists all that can go in and come out,
//! [`limits`] every bound. The other modules hold one mechanism each.

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
    Anchor, AwarenessRule, ChangeRule, ClockState, Config, DropReason, Dropped, Fix, Host, Imminent, Instant,
    MessageId, NotSent, NotSentReason, Plane, Plausibility, Position, PseudonymConfig, Purpose,
    ReceiveStamps, Received, ReceivedFrame, Role, Scheme, SendRequest, SendStamps, SendingState, Sent,
    Stream, Token, Transmit, Velocity, Virtual, WireTime, heading_difference, limits, radii_of_curvature,
    strict, velocity,
};
pub use congestion::LoadSource;
pub use forward::{Area, ForwardCause, Forwarded, contention, hops_for};
pub use hazard::{
    Change, Changed, Command, Concern, Draft, EventId, Known, MAX_VALIDITY, Refusal, Repeat, State,
};
pub use misbehaviour::{Check, Claim, Observation, Standing, Suspicion, Watch};
pub use neighbour::{Heard, Motion, Neighbour, NeighbourTable, RECKONING_LIMIT, starting_sequence};
pub use node::{Event, Input, Misbehaviour, Node, Output, TimerKind};
pub use send::warm_up;
pub use trust::{
    Authority, CredentialError, CredentialRequest, Identity, KeyCache, KeyPair, Lookup, Permissions, Pool,
    PoolError, RevocationError, RevocationNews, RevocationRequest, Revocations, RevokeError, SequenceStarts,
    Sign, TrustStore, Trusted, credential_hash, freshness, issue, make_root, read_delta, revoke,
    signing_input,
};
