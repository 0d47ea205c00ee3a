//! Numbers and addresses out of arbitrary bytes.

use super::Unread;

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Unread> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Unread::Short)
}

pub(super) fn address(bytes: &[u8], at: usize) -> Result<[u8; 6], Unread> {
    array(bytes, at)
}

pub(super) fn be32(bytes: &[u8], at: usize) -> Result<u32, Unread> {
    array(bytes, at).map(u32::from_be_bytes)
}

pub(super) fn be16(bytes: &[u8], at: usize) -> Result<u16, Unread> {
    array(bytes, at).map(u16::from_be_bytes)
}

pub(super) fn le16(bytes: &[u8], at: usize) -> Result<u16, Unread> {
    be16(bytes, at).map(u16::swap_bytes)
}

pub(super) fn le32(bytes: &[u8], at: usize) -> Result<u32, Unread> {
    array(bytes, at).map(u32::from_le_bytes)
}
