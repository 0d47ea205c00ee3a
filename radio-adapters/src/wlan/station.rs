//! Other stations, as the kernel keeps them.

use super::numbers::attribute;
use super::reader::{i8_of, u32_of};
use crate::netlink::attributes;
use crate::radio::LinkAddress;

/// An entry of the kernel's table of stations heard on an interface. In OCB it has room for
/// [`OCB_NEIGHBOURS`](Self::OCB_NEIGHBOURS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: LinkAddress,
    /// Signal strength of its last frame, dBm.
    pub signal_dbm: Option<i8>,
    /// Time since its last frame, ms.
    pub silent_ms: Option<u32>,
}

impl Neighbour {
    /// Entries that the kernel keeps for an interface in OCB (`IEEE80211_OCB_MAX_STA_ENTRIES`): it drops the frames of
    /// others.
    pub const OCB_NEIGHBOURS: usize = 128;

    /// From the attributes of an `NL80211_CMD_NEW_STATION`.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (mut address, mut signal_dbm, mut silent_ms) = (None, None, None);
        for (number, value) in attributes(message) {
            match number {
                attribute::MAC => address = value.try_into().ok().map(LinkAddress),
                attribute::STA_INFO => {
                    for (number, value) in attributes(value) {
                        match number {
                            INFO_INACTIVE_TIME => silent_ms = u32_of(value),
                            INFO_SIGNAL => signal_dbm = i8_of(value),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(Self { address: address?, signal_dbm, silent_ms })
    }
}

/// `NL80211_STA_INFO_`.
pub(super) const INFO_INACTIVE_TIME: u16 = 1;
pub(super) const INFO_SIGNAL: u16 = 7;
