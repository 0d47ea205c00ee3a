//! Bounds of a link that others name.

/// Largest packet taken from a broker, bytes, which is announced to it: a frame is at most 1,398 B, an offer of addresses 1,200 B.
pub const MAX_PACKET: u32 = 16_384;

/// Seconds for connection and answer together.
pub const CONNECT_TIMEOUT_S: u64 = 10;

/// Seconds within which a broker acknowledges what is published.
pub const TAKES_WITHIN_S: u64 = 30;
