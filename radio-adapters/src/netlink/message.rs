//! Frames of netlink messages, and the attributes within: netlink(7).

use std::io;

/// One message of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    /// That of the request it answers; 0 in an announcement.
    pub(super) sequence: u32,
    pub(super) payload: &'a [u8],
}

/// The messages of a datagram, up to the first damaged one.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let head = datagram.first_chunk::<HEAD>()?;
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let message = datagram.get(HEAD..length).map(|payload| Message {
            kind: u16::from_ne_bytes([head[4], head[5]]),
            sequence: u32::from_ne_bytes([head[8], head[9], head[10], head[11]]),
            payload,
        })?;
        datagram = datagram.get(aligned(length)..).unwrap_or_default();
        Some(message)
    })
}

/// Kind and value of each attribute, up to the first damaged one.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head = bytes.first_chunk::<ATTRIBUTE_HEAD>()?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let value = bytes.get(ATTRIBUTE_HEAD..length)?;
        let kind = u16::from_ne_bytes([head[2], head[3]]) & KIND;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A request with its header.
pub(super) fn request(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + payload.len());
    bytes.extend(((HEAD + payload.len()) as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    // The port: the kernel knows it.
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Appends an attribute, padded.
pub(crate) fn put_attribute(request: &mut Vec<u8>, kind: u16, value: &[u8]) {
    request.extend(((ATTRIBUTE_HEAD + value.len()) as u16).to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(value);
    request.resize(aligned(request.len()), 0);
}

/// What an `NLMSG_ERROR` says: success is one of its errors.
pub(super) fn outcome(payload: &[u8]) -> io::Result<()> {
    let code = payload.first_chunk().map_or(-libc::EBADMSG, |bytes| i32::from_ne_bytes(*bytes));
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) }
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// Bytes of the headers of a message and of an attribute.
const HEAD: usize = 16;
const ATTRIBUTE_HEAD: usize = 4;
/// The upper two bits of an attribute's kind say how it is encoded.
const KIND: u16 = 0x3fff;
