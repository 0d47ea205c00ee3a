//! A station's name in a request.

use v2x_proto::Digest;

/// A station's digest as it is written: 16 hex digits.
pub fn digest(text: &str) -> Option<Digest> {
    let well = text.len() == 2 * Digest::LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(text, 16).ok().filter(|_| well)?;
    Some(Digest(number.to_be_bytes()))
}

/// What would be right in its place.
pub(crate) const DIGEST_RIGHT: &str = "a station's digest: 16 hex digits";
