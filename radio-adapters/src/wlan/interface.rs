//! A wireless interface, as nl80211 describes it.

use super::channel::{Channel, Width};
use super::kind::WlanKind;
use super::numbers::attribute;
use super::reader::{text_of, u32_of};
use crate::netlink::attributes;
use crate::radio::LinkAddress;

/// A wireless interface at the moment of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WlanInterface {
    /// The kernel's index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Number of the radio it is of, as in `phy0`.
    pub phy: u32,
    /// What it is set up as.
    pub kind: WlanKind,
    /// Its address.
    pub address: Option<LinkAddress>,
    /// Centre frequency of the channel in use, MHz: in OCB and IBSS there is one while it has joined.
    pub frequency_mhz: Option<u32>,
    /// Width of that channel; `None` also for one of another width than [`Width`] has.
    pub width: Option<Width>,
    /// Transmit power, dBm, rounded down. Linux 6.12 does not say the one that was set in OCB.
    pub power_dbm: Option<i32>,
    /// Name of the cell or network, while it has joined one with a name.
    pub ssid: Option<Vec<u8>>,
}

impl WlanInterface {
    /// Whether it belongs to a cell, or an access point's network: frames can leave.
    #[must_use]
    pub fn joined(&self) -> bool {
        self.frequency_mhz.is_some()
    }

    /// Whether it is told to join a cell of equals without a fixed address, and still looks for one: it is alone after some seconds,
    /// and begins it then.
    #[must_use]
    pub fn looking(&self) -> bool {
        self.kind == WlanKind::Ibss && self.ssid.is_some() && !self.joined()
    }

    /// The channel in use, if it is of a width that is known here.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        Some(Channel { frequency_mhz: self.frequency_mhz?, width: self.width? })
    }

    /// From the attributes of an `NL80211_CMD_NEW_INTERFACE`; `None` for one without a network device (P2P), or damaged.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (mut index, mut phy, mut kind, mut name) = (None, None, None, None);
        let (mut address, mut frequency, mut width, mut power, mut ssid) = (None, None, None, None, None);
        for (number, value) in attributes(message) {
            match number {
                attribute::IFINDEX => index = u32_of(value),
                attribute::WIPHY => phy = u32_of(value),
                attribute::IFTYPE => kind = u32_of(value).map(WlanKind::of),
                attribute::IFNAME => name = Some(text_of(value)),
                attribute::MAC => address = value.try_into().ok().map(LinkAddress),
                attribute::WIPHY_FREQ => frequency = u32_of(value),
                attribute::CHANNEL_WIDTH => width = u32_of(value).and_then(Width::of_number),
                attribute::WIPHY_TX_POWER_LEVEL => power = u32_of(value).map(u32::cast_signed),
                attribute::SSID => ssid = Some(value.to_vec()),
                _ => {}
            }
        }
        Some(Self {
            index: index?,
            name: name?,
            phy: phy?,
            kind: kind?,
            address,
            frequency_mhz: frequency,
            width,
            power_dbm: power.map(|mbm| mbm.div_euclid(100)),
            ssid: ssid.filter(|ssid| !ssid.is_empty()),
        })
    }
}
