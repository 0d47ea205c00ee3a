//! What all messages of a roadside unit have in common.

use core::time::Duration;

use bytes::Bytes;
use v2x_core::{Instant, SendRequest};
use v2x_proto::{Class, v1};

/// A message of one hop that was due at `due`.
pub(super) fn request(
    message_type: v1::MessageType,
    class: Class,
    subject: u32,
    lifetime_ms: u32,
    due: Instant,
    payload: Vec<u8>,
) -> SendRequest {
    SendRequest {
        to: None,
        message_type: message_type as u32,
        class,
        lifetime_ms,
        max_hops: 1,
        area: None,
        subject,
        due: Some(due),
        token: None,
        payload: Bytes::from(payload),
    }
}

/// The next time after `due` on a beat of `interval`; the beat starts anew when that is past `now` already.
pub(super) fn next_after(due: Instant, interval: Duration, now: Instant) -> Instant {
    let next = due + interval;
    if next > now { next } else { now + interval }
}
