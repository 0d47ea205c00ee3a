//! What a wireless interface is set up as: one question of nl80211, by generic netlink.

use std::io;

use socket2::Protocol;

use super::Query;
use super::message::{attributes, put_attribute};

/// What a wireless interface is set up as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WirelessKind {
    /// Outside the context of a basic service set.
    Ocb,
    /// A cell of equals.
    Ibss,
    /// Another kind, such as a client of an access point.
    Other,
}

impl WirelessKind {
    /// Of the interface with this index; `None` when it is not wireless.
    pub(crate) fn of(index: u32) -> io::Result<Option<Self>> {
        let mut query = Query::of(Protocol::from(libc::NETLINK_GENERIC))?;
        let Some(family) = family(&mut query) else { return Ok(None) };
        let mut request = vec![NL80211_CMD_GET_INTERFACE, 0, 0, 0];
        put_attribute(&mut request, NL80211_ATTR_IFINDEX, &index.to_ne_bytes());
        let mut kind = None;
        let asked = query.ask(family, libc::NLM_F_ACK, &request, |_, payload| {
            kind = attribute(payload, NL80211_ATTR_IFTYPE);
        });
        match asked {
            Ok(()) => Ok(kind.map(|kind| match kind {
                NL80211_IFTYPE_OCB => Self::Ocb,
                NL80211_IFTYPE_ADHOC => Self::Ibss,
                _ => Self::Other,
            })),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The number of nl80211 among the kernel's generic protocols; a machine without wireless interfaces may lack it.
pub(super) fn family(query: &mut Query) -> Option<u16> {
    let mut request = vec![CTRL_CMD_GETFAMILY, 1, 0, 0];
    put_attribute(&mut request, CTRL_ATTR_FAMILY_NAME, b"nl80211\0");
    let mut family = None;
    let asked = query.ask(GENL_ID_CTRL, libc::NLM_F_ACK, &request, |_, payload| {
        family = attribute(payload, CTRL_ATTR_FAMILY_ID);
    });
    asked.ok().and(family).map(|family| family as u16)
}

/// A number of 2 or 4 bytes behind a generic header.
fn attribute(payload: &[u8], wanted: u16) -> Option<u32> {
    let (_, value) = attributes(payload.get(4..)?).find(|(kind, _)| *kind == wanted)?;
    match *value {
        [a, b] => Some(u32::from(u16::from_ne_bytes([a, b]))),
        [a, b, c, d] => Some(u32::from_ne_bytes([a, b, c, d])),
        _ => None,
    }
}

/// Of `linux/genetlink.h` and `linux/nl80211.h`.
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const NL80211_CMD_GET_INTERFACE: u8 = 5;
pub(super) const NL80211_ATTR_IFINDEX: u16 = 3;
const NL80211_ATTR_IFTYPE: u16 = 5;
const NL80211_IFTYPE_ADHOC: u32 = 1;
const NL80211_IFTYPE_OCB: u32 = 11;
