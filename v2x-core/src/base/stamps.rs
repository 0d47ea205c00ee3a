//! Time stamps of a message at each stage, by the host's clock: only reported, no decision depends on them.

use super::time::Instant;

/// Stages of an outgoing message. Made by the host's clock; no decision reads them, and two equal runs may differ in
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendStamps {
    /// The application, or the awareness rule, wanted it: when it was due, not when the host handled it.
    pub generated: Instant,
    /// The payload and the signed fields were encoded.
    pub built: Instant,
    /// The signature was made.
    pub signed: Instant,
    /// It entered the send queue.
    pub queued: Instant,
    /// The transmit gate released it.
    pub gate_open: Instant,
}

/// Stages of an incoming frame. As with [`SendStamps`], no decision reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveStamps {
    /// The kernel received it; `None` when the link does not report it.
    pub kernel_receive: Option<Instant>,
    /// The process received it.
    pub user_receive: Option<Instant>,
    /// It passed every check that costs no signature.
    pub prefiltered: Instant,
    /// Its signature was verified.
    pub verified: Instant,
    /// Its payload was decoded, the table updated, the event ready.
    pub delivered: Instant,
}
