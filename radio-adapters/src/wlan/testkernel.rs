//! A stand-in for the kernel with one radio: it keeps the rules that were seen on Linux 6.1 and 6.12, and answers in nl80211's
//! own bytes.

use std::io;
use std::sync::{Arc, Mutex};

use super::client::MONITOR_ACTIVE;
use super::kernel::Kernel;
use super::kind::WlanKind;
use super::numbers::{attribute, command};
use super::{phy, regulatory, station, survey};
use crate::netlink::{LinkChange, LinkMessage, attributes, put_attribute};

/// The radio `phy0` with `wlan0`, shared with the test.
#[derive(Debug, Clone)]
pub(crate) struct Radio(pub(crate) Arc<Mutex<State>>);

#[derive(Debug)]
pub(crate) struct State {
    /// Index of `wlan0`; `None`: unplugged.
    pub(crate) index: Option<u32>,
    pub(crate) kind: WlanKind,
    pub(crate) up: bool,
    pub(crate) mtu: u32,
    /// Frequency, width's number.
    pub(crate) joined: Option<(u32, u32)>,
    pub(crate) ssid: Option<Vec<u8>>,
    /// It scans for a cell, which can be left.
    pub(crate) looking: bool,
    pub(crate) bssid: Option<[u8; 6]>,
    pub(crate) rate: Option<u32>,
    /// 0.01 dBm; `None`: automatic.
    pub(crate) power: Option<i32>,
    pub(crate) kinds: Vec<u16>,
    pub(crate) half_channels: bool,
    /// Frequencies; those above 5,850 MHz only if so.
    pub(crate) its_band: bool,
    pub(crate) surveys: Vec<Vec<u8>>,
    pub(crate) stations: Vec<[u8; 6]>,
    /// Whether `mon0`, index 9, is up; `None`: there is none.
    pub(crate) monitor: Option<bool>,
    /// The next command of this number is refused with this error; 0 is a change by rtnetlink.
    pub(crate) refuse: Vec<(u8, i32)>,
    /// What was changed.
    pub(crate) log: Vec<String>,
}

impl Radio {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            index: Some(3),
            kind: WlanKind::Managed,
            up: false,
            mtu: 1500,
            joined: None,
            ssid: None,
            looking: false,
            bssid: None,
            rate: None,
            power: None,
            kinds: vec![1, 2, 3, 6, 11],
            half_channels: true,
            its_band: true,
            surveys: Vec::new(),
            stations: Vec::new(),
            monitor: None,
            refuse: Vec::new(),
            log: Vec::new(),
        })))
    }

    /// Sets or reads the radio by hand.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// What was changed since the last call.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.log))
    }
}

impl Kernel for Radio {
    fn wireless(
        &mut self,
        command: u8,
        _: libc::c_int,
        request: &[u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        self.with(|state| state.answer(command, request, each))
    }

    fn link_named(&mut self, name: &str) -> io::Result<Option<LinkMessage>> {
        self.with(|state| {
            let up =
                state.monitor.filter(|_| name == "mon0").map(|up| if up { libc::IFF_UP as u32 } else { 0 });
            let monitor = up.map(|flags| LinkMessage { index: MONITOR, flags, ..LinkMessage::default() });
            Ok(monitor.or(state.index.filter(|_| name == "wlan0").map(|index| state.link(index))))
        })
    }

    fn link(&mut self, index: u32) -> io::Result<Option<LinkMessage>> {
        self.with(|state| Ok(state.index.filter(|own| *own == index).map(|index| state.link(index))))
    }

    fn change_link(&mut self, index: u32, change: LinkChange) -> io::Result<()> {
        self.with(|state| {
            state.refused(0)?;
            if let (MONITOR, Some(_), LinkChange::Up(up)) = (index, state.monitor, &change) {
                state.monitor = Some(*up);
                state.log.push(format!("mon0 {}", if *up { "up" } else { "down" }));
                return Ok(());
            }
            state.there(index)?;
            match change {
                LinkChange::Up(up) => {
                    // Taking it down leaves the cell, and up again does not join. A monitor interface keeps its channel.
                    if !up && state.kind != WlanKind::Monitor {
                        (state.joined, state.ssid) = (None, None);
                    }
                    state.up = up;
                    state.log.push(if up { "up" } else { "down" }.to_owned());
                }
                LinkChange::Mtu(mtu) => {
                    state.mtu = mtu;
                    state.log.push(format!("mtu {mtu}"));
                }
            }
            Ok(())
        })
    }
}

impl State {
    fn link(&self, index: u32) -> LinkMessage {
        let up = if self.up { libc::IFF_UP as u32 } else { 0 };
        let running = if self.joined.is_some() { libc::IFF_RUNNING as u32 } else { 0 };
        LinkMessage {
            index,
            name: Some("wlan0".to_owned()),
            flags: up | running,
            hardware: if self.kind == WlanKind::Monitor { 803 } else { libc::ARPHRD_ETHER },
            mtu: Some(self.mtu),
            ..LinkMessage::default()
        }
    }

    fn answer(&mut self, command: u8, request: &[u8], each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.refused(command)?;
        let number = |wanted: u16| {
            let mut found = attributes(request).filter(|(kind, _)| *kind == wanted);
            found.next().and_then(|(_, value)| value.try_into().ok()).map(u32::from_ne_bytes)
        };
        let has = |wanted: u16| attributes(request).any(|(kind, _)| kind == wanted);
        if let Some(index) = number(attribute::IFINDEX).filter(|index| *index != MONITOR) {
            self.there(index)?;
        }
        match command {
            command::GET_INTERFACE if number(attribute::IFINDEX) == Some(MONITOR) => each(&monitor_message()),
            command::DEL_INTERFACE => {
                self.monitor = None;
                self.log.push("remove monitor".to_owned());
            }
            command::GET_INTERFACE => {
                if let Some(index) = self.index {
                    each(&self.interface(index));
                }
            }
            command::GET_WIPHY => {
                // In parts, as the kernel does.
                for part in self.phy() {
                    each(&part);
                }
            }
            command::GET_REG => each(&regulatory_message(b"99\0")),
            command::GET_SURVEY => self.surveys.iter().for_each(|survey| each(survey)),
            command::GET_STATION => self.stations.iter().for_each(|address| each(&station_message(address))),
            command::GET_SCAN => {
                if let Some(bssid) = self.bssid.filter(|_| self.joined.is_some()) {
                    let status = one(super::client::BSS_STATUS, &super::client::IBSS_JOINED.to_ne_bytes());
                    let cell = [one(super::client::BSS_BSSID, &bssid), status].concat();
                    each(&one(attribute::BSS, &cell));
                }
            }
            command::SET_INTERFACE => {
                let kind = number(attribute::IFTYPE).expect("a kind");
                if !self.kinds.contains(&(kind as u16)) {
                    return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
                }
                self.kind = WlanKind::of(kind);
                (self.joined, self.ssid) = (None, None);
                self.log.push(format!("kind {}", self.kind));
            }
            command::JOIN_OCB | command::JOIN_IBSS => {
                let frequency = number(attribute::WIPHY_FREQ).expect("a frequency");
                let width = number(attribute::CHANNEL_WIDTH).expect("a width");
                if !self.up {
                    return Err(io::Error::from_raw_os_error(libc::ENETDOWN));
                }
                if self.joined.is_some() || !self.enabled(frequency) {
                    return Err(io::Error::from_raw_os_error(libc::EINVAL));
                }
                self.joined = Some((frequency, width));
                let value =
                    |wanted| attributes(request).find(|(kind, _)| *kind == wanted).map(|(_, v)| v.to_vec());
                self.ssid = value(attribute::SSID);
                self.bssid = value(attribute::MAC).map(|address| address.try_into().unwrap());
                let fixed = if has(attribute::FREQ_FIXED) { " fixed" } else { "" };
                self.log.push(format!("join {frequency} width {width}{fixed}"));
            }
            command::LEAVE_OCB | command::LEAVE_IBSS => {
                self.ssid = None;
                if self.joined.take().is_none() && !std::mem::take(&mut self.looking) {
                    return Err(io::Error::from_raw_os_error(libc::ENOTCONN));
                }
                self.log.push("leave".to_owned());
            }
            command::SET_MCAST_RATE => {
                let rate = number(attribute::MCAST_RATE).expect("a rate");
                if ![60, 90, 120, 180, 240, 360, 480, 540].contains(&rate) {
                    return Err(io::Error::from_raw_os_error(libc::EINVAL));
                }
                self.rate = Some(rate);
                self.log.push(format!("rate {rate}"));
            }
            command::SET_WIPHY => {
                let level = number(attribute::WIPHY_TX_POWER_LEVEL).map(u32::cast_signed);
                let setting = number(attribute::WIPHY_TX_POWER_SETTING);
                assert_eq!(setting, Some(if level.is_some() { 2 } else { 0 }));
                self.power = level;
                self.log.push(level.map_or("power automatic".to_owned(), |level| format!("power {level}")));
            }
            command::SET_CHANNEL => {
                let frequency = number(attribute::WIPHY_FREQ).expect("a frequency");
                if self.kind == WlanKind::Monitor && self.up {
                    self.joined = Some((frequency, number(attribute::CHANNEL_WIDTH).expect("a width")));
                }
                self.log.push(format!("channel {frequency}"));
            }
            command::NEW_INTERFACE => {
                each(&monitor_message());
                self.monitor = Some(false);
                let flags = attributes(request).find(|(number, _)| *number == attribute::MNTR_FLAGS);
                let active = attributes(flags.expect("flags").1).any(|(number, _)| number == MONITOR_ACTIVE);
                self.log.push(if active { "add active monitor" } else { "add monitor" }.to_owned());
            }
            other => panic!("command {other}"),
        }
        Ok(())
    }

    /// What describes interface, radio and regulatory domain.
    pub(crate) fn messages(&self) -> Vec<Vec<u8>> {
        let mut messages = self.phy();
        messages.extend([self.interface(3), regulatory_message(b"00\0")]);
        messages
    }

    fn refused(&mut self, command: u8) -> io::Result<()> {
        match self.refuse.iter().position(|(refused, _)| *refused == command) {
            Some(place) => Err(io::Error::from_raw_os_error(self.refuse.remove(place).1)),
            None => Ok(()),
        }
    }

    fn there(&self, index: u32) -> io::Result<()> {
        let gone = || io::Error::from_raw_os_error(libc::ENODEV);
        (self.index == Some(index)).then_some(()).ok_or_else(gone)
    }

    fn enabled(&self, frequency: u32) -> bool {
        self.its_band || frequency < 5850
    }

    fn interface(&self, index: u32) -> Vec<u8> {
        let mut message = Vec::new();
        put_attribute(&mut message, attribute::IFINDEX, &index.to_ne_bytes());
        put_attribute(&mut message, attribute::IFNAME, b"wlan0\0");
        put_attribute(&mut message, attribute::WIPHY, &0_u32.to_ne_bytes());
        put_attribute(&mut message, attribute::IFTYPE, &self.kind.number().to_ne_bytes());
        put_attribute(&mut message, attribute::MAC, &[2, 0, 0, 0, 0, 1]);
        if let Some((frequency, width)) = self.joined {
            put_attribute(&mut message, attribute::WIPHY_FREQ, &frequency.to_ne_bytes());
            put_attribute(&mut message, attribute::CHANNEL_WIDTH, &width.to_ne_bytes());
        }
        if let Some(ssid) = &self.ssid {
            put_attribute(&mut message, attribute::SSID, ssid);
        }
        put_attribute(
            &mut message,
            attribute::WIPHY_TX_POWER_LEVEL,
            &self.power.unwrap_or(3000).to_ne_bytes(),
        );
        message
    }

    fn phy(&self) -> Vec<Vec<u8>> {
        let part = |of: &[u8]| [&*one(attribute::WIPHY, &0_u32.to_ne_bytes()), of].concat();
        let flags = |kinds: &[u16]| kinds.iter().flat_map(|kind| one(*kind, &[])).collect::<Vec<u8>>();
        let channel = |(frequency, allowed): (u32, bool)| {
            let mut channel = one(phy::FREQUENCY_FREQ, &frequency.to_ne_bytes());
            if !allowed {
                put_attribute(&mut channel, phy::FREQUENCY_DISABLED, &[]);
            }
            put_attribute(&mut channel, phy::FREQUENCY_MAX_TX_POWER, &3300_u32.to_ne_bytes());
            channel
        };
        let bands = |frequencies: &[u32]| {
            let channels =
                frequencies.iter().map(|frequency| channel((*frequency, self.enabled(*frequency))));
            let list: Vec<u8> =
                channels.enumerate().flat_map(|(place, one_of)| one(place as u16, &one_of)).collect();
            one(attribute::WIPHY_BANDS, &one(1, &one(phy::BAND_FREQS, &list)))
        };
        let mut first = one(attribute::WIPHY_NAME, b"phy0\0");
        first.extend(one(attribute::SUPPORTED_IFTYPES, &flags(&self.kinds)));
        let mut last = one(attribute::SOFTWARE_IFTYPES, &flags(&[4, 6]));
        if self.half_channels {
            last.extend(one(attribute::SUPPORT_5_MHZ, &[]));
            last.extend(one(attribute::SUPPORT_10_MHZ, &[]));
        }
        vec![part(&first), part(&bands(&[5180, 5890])), part(&bands(&[5900])), part(&last)]
    }
}

/// One attribute.
pub(crate) fn one(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_attribute(&mut bytes, kind, value);
    bytes
}

/// A survey of one channel: frequency, whether it is in use, times on it and busy.
pub(crate) fn survey_message(
    frequency: u32,
    in_use: bool,
    active: Option<u64>,
    busy: Option<u64>,
) -> Vec<u8> {
    let mut info = one(survey::INFO_FREQUENCY, &frequency.to_ne_bytes());
    if in_use {
        put_attribute(&mut info, survey::INFO_IN_USE, &[]);
    }
    put_attribute(&mut info, survey::INFO_NOISE, &[(-92_i8).cast_unsigned()]);
    for (kind, value) in [(survey::INFO_TIME, active), (survey::INFO_TIME_BUSY, busy)] {
        if let Some(value) = value {
            put_attribute(&mut info, kind, &value.to_ne_bytes());
        }
    }
    [one(attribute::IFINDEX, &3_u32.to_ne_bytes()), one(attribute::SURVEY_INFO, &info)].concat()
}

pub(crate) fn station_message(address: &[u8; 6]) -> Vec<u8> {
    let info = [
        one(station::INFO_INACTIVE_TIME, &40_u32.to_ne_bytes()),
        one(station::INFO_SIGNAL, &[(-71_i8).cast_unsigned()]),
    ];
    [one(attribute::MAC, address), one(attribute::STA_INFO, &info.concat())].concat()
}

fn regulatory_message(domain: &[u8]) -> Vec<u8> {
    let rule = [
        one(regulatory::FREQ_RANGE_START, &5_845_000_u32.to_ne_bytes()),
        one(regulatory::FREQ_RANGE_END, &5_935_000_u32.to_ne_bytes()),
        one(regulatory::FREQ_RANGE_MAX_BW, &40_000_u32.to_ne_bytes()),
        one(regulatory::POWER_RULE_MAX_EIRP, &3300_u32.to_ne_bytes()),
    ];
    let rules = one(attribute::REG_RULES, &one(0, &rule.concat()));
    [one(attribute::REG_ALPHA2, domain), rules].concat()
}

fn monitor_message() -> Vec<u8> {
    [
        one(attribute::IFINDEX, &MONITOR.to_ne_bytes()),
        one(attribute::IFNAME, b"mon0\0"),
        one(attribute::WIPHY, &0_u32.to_ne_bytes()),
        one(attribute::IFTYPE, &6_u32.to_ne_bytes()),
    ]
    .concat()
}

/// Index of the monitor interface.
const MONITOR: u32 = 9;
