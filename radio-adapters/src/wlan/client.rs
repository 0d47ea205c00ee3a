//! Questions about radios and changes of them, one call each.

use std::io;

use super::cell::Cell;
use super::channel::Channel;
use super::interface::WlanInterface;
use super::kernel::{Kernel, Netlink};
use super::kind::WlanKind;
use super::numbers::{attribute, command};
use super::phy::Phy;
use super::regulatory::Regulatory;
use super::station::Neighbour;
use super::survey::Survey;
use crate::netlink::{LinkChange, LinkMessage, Query, attributes, put_attribute};
use crate::radio::LinkAddress;

/// The kernel's 802.11 configuration (nl80211), for the network namespace it was opened in. Every call is one question that the
/// calling thread waits for.
///
/// Questions need no privilege; changes need `CAP_NET_ADMIN`. Where the kernel has no 802.11 there are no interfaces, and that
/// is no error.
#[derive(Debug)]
pub struct Wlan {
    kernel: Box<dyn Kernel>,
}

impl Wlan {
    /// For questions, each of which takes half a second at most.
    ///
    /// # Errors
    /// The kernel's own: netlink is not to be had, as in a sandbox.
    pub fn open() -> io::Result<Self> {
        Ok(Self::on(Netlink::new(Query::new()?, Query::generic()?)))
    }

    /// For changes, each of which may take a driver seconds; 15 at most.
    ///
    /// # Errors
    /// As [`Wlan::open`].
    pub fn for_changes() -> io::Result<Self> {
        Ok(Self::on(Netlink::new(Query::for_changes()?, Query::generic_for_changes()?)))
    }

    pub(crate) fn on(kernel: impl Kernel + 'static) -> Self {
        Self { kernel: Box::new(kernel) }
    }

    /// All wireless interfaces, in the kernel's order.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn interfaces(&mut self) -> io::Result<Vec<WlanInterface>> {
        self.dump(command::GET_INTERFACE, &[], WlanInterface::read)
    }

    /// The wireless interface with this index; `None` when there is none or it is not wireless.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn interface(&mut self, index: u32) -> io::Result<Option<WlanInterface>> {
        let mut found = None;
        let asked = self.ask(command::GET_INTERFACE, &on_interface(index), &mut |message| {
            found = WlanInterface::read(message);
        });
        missing_is_none(asked).map(|there| there.and(found))
    }

    /// The wireless interface of this name; `None` when there is none or it is not wireless.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn interface_named(&mut self, name: &str) -> io::Result<Option<WlanInterface>> {
        match self.kernel.link_named(name)? {
            Some(link) => self.interface(link.index),
            None => Ok(None),
        }
    }

    /// All radios, in the kernel's order.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn phys(&mut self) -> io::Result<Vec<Phy>> {
        let mut phys: Vec<Phy> = Vec::new();
        let mut request = Vec::new();
        // Without it the answer is cut to what fitted one message in 2013.
        put_attribute(&mut request, attribute::SPLIT_WIPHY_DUMP, &[]);
        let asked = self.kernel.wireless(command::GET_WIPHY, libc::NLM_F_DUMP, &request, &mut |message| {
            let Some(index) = Phy::of(message) else { return };
            let place = phys.iter().position(|phy| phy.index == index).unwrap_or_else(|| {
                phys.push(Phy::new(index));
                phys.len() - 1
            });
            phys[place].add(message);
        });
        missing_is_none(asked).map(|_| phys)
    }

    /// The radio of this number, if there is one.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn phy(&mut self, index: u32) -> io::Result<Option<Phy>> {
        Ok(self.phys()?.into_iter().find(|phy| phy.index == index))
    }

    /// The regulatory domain that a radio obeys, or the machine's. `None` where there is no 802.11.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn regulatory(&mut self, phy: Option<u32>) -> io::Result<Option<Regulatory>> {
        let mut request = Vec::new();
        if let Some(phy) = phy {
            put_attribute(&mut request, attribute::WIPHY, &phy.to_ne_bytes());
        }
        let mut found = None;
        let asked = self.ask(command::GET_REG, &request, &mut |message| found = Regulatory::read(message));
        missing_is_none(asked).map(|there| there.and(found))
    }

    /// What the driver says of the channels of an interface's radio; nothing, where it does not measure. In OCB that is common.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn survey(&mut self, index: u32) -> io::Result<Vec<Survey>> {
        match self.dump(command::GET_SURVEY, &on_interface(index), Survey::read) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(Vec::new()),
            other => other,
        }
    }

    /// The stations that the kernel keeps for an interface: in OCB those heard in the last four minutes.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn stations(&mut self, index: u32) -> io::Result<Vec<Neighbour>> {
        match self.dump(command::GET_STATION, &on_interface(index), Neighbour::read) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(Vec::new()),
            other => other,
        }
    }

    /// The address of the cell that an interface in IBSS has joined, if the kernel says it.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn bssid(&mut self, index: u32) -> io::Result<Option<LinkAddress>> {
        let joined = |message: &[u8]| {
            let (_, cell) = attributes(message).find(|(number, _)| *number == attribute::BSS)?;
            let of = |wanted| attributes(cell).find(|(number, _)| *number == wanted).map(|(_, value)| value);
            (of(BSS_STATUS)? == IBSS_JOINED.to_ne_bytes()).then_some(())?;
            of(BSS_BSSID)?.try_into().ok().map(LinkAddress)
        };
        Ok(self.dump(command::GET_SCAN, &on_interface(index), joined)?.first().copied())
    }

    /// The interface of this name as every interface is described, if there is one.
    pub(super) fn link_named(&mut self, name: &str) -> io::Result<Option<LinkMessage>> {
        self.kernel.link_named(name)
    }

    /// The interface of this index, if there is one.
    pub(super) fn link(&mut self, index: u32) -> io::Result<Option<LinkMessage>> {
        self.kernel.link(index)
    }

    /// Sets an interface up as another kind. Many drivers want it down for that.
    ///
    /// # Errors
    /// The kernel's own: `EOPNOTSUPP` for a kind the radio does not offer, `EBUSY` while it is up or another interface of the
    /// radio does not go with it.
    pub fn set_kind(&mut self, index: u32, kind: WlanKind) -> io::Result<()> {
        let mut request = on_interface(index);
        put_attribute(&mut request, attribute::IFTYPE, &kind.number().to_ne_bytes());
        self.change(command::SET_INTERFACE, &request)
    }

    /// Joins a cell, or tunes a monitor interface. The interface has to be of its kind, up, and in no cell.
    ///
    /// # Errors
    /// Those of [`set_channel`](Self::set_channel), or the kernel's own: `ENETDOWN` while it is down, `EINVAL` when it is in a cell, or for a channel that is disabled,
    /// not there or not of this width.
    pub fn join(&mut self, index: u32, cell: &Cell) -> io::Result<()> {
        if let Cell::Monitor(channel) = cell {
            return self.set_channel(index, *channel);
        }
        let mut request = on_interface(index);
        put_channel(&mut request, cell.channel());
        let Cell::Ibss { ssid, bssid, .. } = cell else {
            return self.change(command::JOIN_OCB, &request);
        };
        put_attribute(&mut request, attribute::SSID, ssid.bytes());
        if let Some(LinkAddress(address)) = bssid {
            put_attribute(&mut request, attribute::MAC, address);
        }
        put_attribute(&mut request, attribute::FREQ_FIXED, &[]);
        self.change(command::JOIN_IBSS, &request)
    }

    /// Leaves the cell.
    ///
    /// # Errors
    /// The kernel's own: `ENOTCONN` where it has joined none.
    pub fn leave(&mut self, index: u32, kind: WlanKind) -> io::Result<()> {
        let command = if kind == WlanKind::Ibss { command::LEAVE_IBSS } else { command::LEAVE_OCB };
        self.change(command, &on_interface(index))
    }

    /// Sets the rate of frames to more than one station, as [`Width::nominal_kbps`](super::Width::nominal_kbps) calls it. The
    /// kernel does not tell it afterwards.
    ///
    /// # Errors
    /// The kernel's own: `EINVAL` for no rate of the radio.
    pub fn set_multicast_rate(&mut self, index: u32, nominal_kbps: u32) -> io::Result<()> {
        let mut request = on_interface(index);
        // In units of 100 kb/s.
        put_attribute(&mut request, attribute::MCAST_RATE, &(nominal_kbps / 100).to_ne_bytes());
        self.change(command::SET_MCAST_RATE, &request)
    }

    /// Sets the transmit power of an interface, dBm; `None` leaves it to the driver and the regulatory domain.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn set_power_dbm(&mut self, index: u32, dbm: Option<i32>) -> io::Result<()> {
        let mut request = on_interface(index);
        let setting = if dbm.is_some() { TX_POWER_FIXED } else { TX_POWER_AUTOMATIC };
        put_attribute(&mut request, attribute::WIPHY_TX_POWER_SETTING, &setting.to_ne_bytes());
        if let Some(dbm) = dbm {
            let mbm = dbm.saturating_mul(100);
            put_attribute(&mut request, attribute::WIPHY_TX_POWER_LEVEL, &mbm.to_ne_bytes());
        }
        self.change(command::SET_WIPHY, &request)
    }

    /// Tunes an interface that is in no cell, such as a monitor. It has to be up.
    ///
    /// # Errors
    /// The kernel's own: `EBUSY` while it is down or another interface of the radio is on another channel.
    pub fn set_channel(&mut self, index: u32, channel: Channel) -> io::Result<()> {
        let mut request = on_interface(index);
        put_channel(&mut request, channel);
        self.change(command::SET_CHANNEL, &request)
    }

    /// Makes a monitor interface on a radio, down, and returns its index. It hears frames to everybody and of everybody; a
    /// frame with a wrong check sequence is left out. An `active` one is an interface to the driver too: only through such a one
    /// does the kernel inject frames of another source than an interface beside it has.
    ///
    /// # Errors
    /// The kernel's own: `EEXIST` where the name is taken, `EOPNOTSUPP` without such monitor interfaces.
    pub fn add_monitor(&mut self, phy: u32, name: &str, active: bool) -> io::Result<u32> {
        let mut request = Vec::new();
        put_attribute(&mut request, attribute::WIPHY, &phy.to_ne_bytes());
        put_attribute(&mut request, attribute::IFNAME, &[name.as_bytes(), &[0]].concat());
        put_attribute(&mut request, attribute::IFTYPE, &WlanKind::Monitor.number().to_ne_bytes());
        let mut flags = Vec::new();
        put_attribute(&mut flags, MONITOR_OTHER_BSS, &[]);
        if active {
            put_attribute(&mut flags, MONITOR_ACTIVE, &[]);
        }
        put_attribute(&mut request, attribute::MNTR_FLAGS, &flags);
        let mut made = None;
        self.ask(command::NEW_INTERFACE, &request, &mut |message| made = WlanInterface::read(message))?;
        made.map(|interface| interface.index)
            .ok_or_else(|| io::Error::other("the kernel does not say which interface it made"))
    }

    /// Removes an interface that was added.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn delete_interface(&mut self, index: u32) -> io::Result<()> {
        self.change(command::DEL_INTERFACE, &on_interface(index))
    }

    /// Takes an interface up or down.
    ///
    /// # Errors
    /// The kernel's own: `ERFKILL` while the radio is switched off.
    pub fn set_up(&mut self, index: u32, up: bool) -> io::Result<()> {
        self.kernel.change_link(index, LinkChange::Up(up))
    }

    /// Sets the MTU of an interface, bytes.
    ///
    /// # Errors
    /// The kernel's own: `EINVAL` for one it does not take.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> io::Result<()> {
        self.kernel.change_link(index, LinkChange::Mtu(mtu))
    }

    fn change(&mut self, command: u8, request: &[u8]) -> io::Result<()> {
        self.ask(command, request, &mut |_| ())
    }

    fn ask(&mut self, command: u8, request: &[u8], each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.kernel.wireless(command, libc::NLM_F_ACK, request, each)
    }

    /// A list, of which what cannot be read is left out. What is beyond [`MOST_ENTRIES`] is left out too.
    fn dump<T>(
        &mut self,
        command: u8,
        request: &[u8],
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut found = Vec::new();
        let asked = self.kernel.wireless(command, libc::NLM_F_DUMP, request, &mut |message| {
            if found.len() < MOST_ENTRIES {
                found.extend(read(message));
            }
        });
        missing_is_none(asked).map(|_| found)
    }
}

/// Neither a radio nor an interface of this index, which is an answer.
fn missing_is_none(asked: io::Result<()>) -> io::Result<Option<()>> {
    match asked {
        Ok(()) => Ok(Some(())),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

fn on_interface(index: u32) -> Vec<u8> {
    let mut request = Vec::new();
    put_attribute(&mut request, attribute::IFINDEX, &index.to_ne_bytes());
    request
}

fn put_channel(request: &mut Vec<u8>, channel: Channel) {
    let frequency = channel.frequency_mhz.to_ne_bytes();
    put_attribute(request, attribute::WIPHY_FREQ, &frequency);
    put_attribute(request, attribute::CHANNEL_WIDTH, &channel.width.number().to_ne_bytes());
    put_attribute(request, attribute::CENTER_FREQ1, &frequency);
}

/// Of one list: the kernel's table of stations in OCB overshoots its 128 entries in a burst, to 183 as seen.
const MOST_ENTRIES: usize = 4096;
/// `NL80211_TX_POWER_`.
const TX_POWER_AUTOMATIC: u32 = 0;
const TX_POWER_FIXED: u32 = 2;
/// `NL80211_MNTR_FLAG_OTHER_BSS`.
const MONITOR_OTHER_BSS: u16 = 4;
pub(super) const MONITOR_ACTIVE: u16 = 6;
/// `NL80211_BSS_` and `NL80211_BSS_STATUS_`.
pub(super) const BSS_BSSID: u16 = 1;
pub(super) const BSS_STATUS: u16 = 9;
pub(super) const IBSS_JOINED: u32 = 2;
