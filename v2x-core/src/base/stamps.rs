//! When a message passed each stage, by the host's clock: reported, never decided by.

use super::time::Instant;

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
