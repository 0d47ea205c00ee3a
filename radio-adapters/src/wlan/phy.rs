//! A radio: what it can do. The kernel describes one in several messages.

use super::channel::{Channel, Width};
use super::kind::WlanKind;
use super::numbers::attribute;
use super::reader::{text_of, u32_of};
use crate::netlink::attributes;

/// A radio.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phy {
    /// Its number, as in `phy0`.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Kinds of interface it offers.
    pub kinds: Vec<WlanKind>,
    /// Kinds of which there can be some beside any others.
    pub software_kinds: Vec<WlanKind>,
    /// Channels it has, in all its bands.
    pub channels: Vec<RadioChannel>,
    /// It can use channels of 5 MHz.
    pub width_5: bool,
    /// It can use channels of 10 MHz.
    pub width_10: bool,
    /// Commands it takes, by their numbers in `linux/nl80211.h`.
    pub commands: Vec<u32>,
    /// Sets of interfaces that it can have at a time.
    combinations: Vec<Combination>,
}

/// A channel of a radio, as far as it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RadioChannel {
    /// Centre frequency, MHz.
    pub frequency_mhz: u32,
    /// The regulatory domain forbids it.
    pub disabled: bool,
    /// Nobody may send there before hearing somebody: no IBSS.
    pub no_ir: bool,
    /// Radar has to be looked for.
    pub radar: bool,
    /// Most power, dBm.
    pub max_power_dbm: Option<i32>,
    /// Not with 10 MHz.
    pub no_10mhz: bool,
    /// Not with 20 MHz.
    pub no_20mhz: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Combination {
    /// So many interfaces of one of these kinds.
    limits: Vec<(u32, Vec<WlanKind>)>,
    most: u32,
}

impl Phy {
    /// Whether it offers interfaces of `kind`.
    #[must_use]
    pub fn offers(&self, kind: WlanKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Whether it can use channels of this width.
    #[must_use]
    pub fn has_width(&self, width: Width) -> bool {
        match width {
            Width::Mhz5 => self.width_5,
            Width::Mhz10 => self.width_10,
            Width::Mhz20 => true,
        }
    }

    /// Its channel with this centre frequency.
    #[must_use]
    pub fn channel(&self, frequency_mhz: u32) -> Option<&RadioChannel> {
        self.channels.iter().find(|channel| channel.frequency_mhz == frequency_mhz)
    }

    /// Whether it can send on `channel` in OCB.
    #[must_use]
    pub fn may_use(&self, channel: Channel) -> bool {
        self.has_width(channel.width)
            && self
                .channel(channel.frequency_mhz)
                .is_some_and(|own| !own.disabled && own.takes(channel.width))
    }

    /// Whether an interface of each of the two kinds can be there at a time.
    #[must_use]
    pub fn beside(&self, one: WlanKind, other: WlanKind) -> bool {
        if !self.offers(one) || !self.offers(other) {
            return false;
        }
        let software = |kind| self.software_kinds.contains(&kind);
        software(one) || software(other) || self.combinations.iter().any(|set| set.has(one, other))
    }

    /// One of which nothing is known.
    #[must_use]
    pub fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Adds what one message about it says.
    pub(super) fn add(&mut self, message: &[u8]) {
        for (number, value) in attributes(message) {
            match number {
                attribute::WIPHY_NAME => self.name = text_of(value),
                attribute::SUPPORTED_IFTYPES => self.kinds = kinds(value),
                attribute::SOFTWARE_IFTYPES => self.software_kinds = kinds(value),
                attribute::WIPHY_BANDS => {
                    for (_, band) in attributes(value) {
                        self.add_band(band);
                    }
                }
                attribute::SUPPORT_5_MHZ => self.width_5 = true,
                attribute::SUPPORT_10_MHZ => self.width_10 = true,
                attribute::SUPPORTED_COMMANDS => {
                    self.commands = attributes(value).filter_map(|(_, command)| u32_of(command)).collect();
                }
                attribute::INTERFACE_COMBINATIONS => {
                    let sets = attributes(value).map(|(_, set)| Combination::read(set));
                    self.combinations = sets.collect();
                }
                _ => {}
            }
        }
    }

    /// The number of the radio that a message is about.
    pub(super) fn of(message: &[u8]) -> Option<u32> {
        attributes(message)
            .find(|(number, _)| *number == attribute::WIPHY)
            .and_then(|(_, value)| u32_of(value))
    }

    fn add_band(&mut self, band: &[u8]) {
        for (_, list) in attributes(band).filter(|(number, _)| *number == BAND_FREQS) {
            for channel in attributes(list).filter_map(|(_, channel)| RadioChannel::read(channel)) {
                // A radio that says one twice does not grow for that.
                match self.channels.iter_mut().find(|known| known.frequency_mhz == channel.frequency_mhz) {
                    Some(known) => *known = channel,
                    None => self.channels.push(channel),
                }
            }
        }
    }
}

impl RadioChannel {
    /// Whether it takes frames of this width.
    #[must_use]
    pub fn takes(&self, width: Width) -> bool {
        match width {
            Width::Mhz5 => true,
            Width::Mhz10 => !self.no_10mhz,
            Width::Mhz20 => !self.no_20mhz,
        }
    }

    fn read(message: &[u8]) -> Option<Self> {
        let mut channel = Self::default();
        for (number, value) in attributes(message) {
            match number {
                FREQUENCY_FREQ => channel.frequency_mhz = u32_of(value)?,
                FREQUENCY_DISABLED => channel.disabled = true,
                FREQUENCY_NO_IR => channel.no_ir = true,
                FREQUENCY_RADAR => channel.radar = true,
                FREQUENCY_MAX_TX_POWER => {
                    channel.max_power_dbm = u32_of(value).map(|mbm| mbm.cast_signed().div_euclid(100));
                }
                FREQUENCY_NO_20MHZ => channel.no_20mhz = true,
                FREQUENCY_NO_10MHZ => channel.no_10mhz = true,
                _ => {}
            }
        }
        (channel.frequency_mhz > 0).then_some(channel)
    }
}

impl Combination {
    fn has(&self, one: WlanKind, other: WlanKind) -> bool {
        let with = |kind| self.limits.iter().position(|(_, kinds)| kinds.contains(&kind));
        let (Some(first), Some(second)) = (with(one), with(other)) else { return false };
        self.most >= 2 && (first != second || self.limits[first].0 >= 2)
    }

    fn read(message: &[u8]) -> Self {
        let mut set = Self::default();
        for (number, value) in attributes(message) {
            match number {
                COMBINATION_MAXNUM => set.most = u32_of(value).unwrap_or(0),
                COMBINATION_LIMITS => {
                    for (_, limit) in attributes(value) {
                        let of = |wanted| attributes(limit).find(|(number, _)| *number == wanted);
                        let most = of(LIMIT_MAX).and_then(|(_, value)| u32_of(value)).unwrap_or(0);
                        set.limits
                            .push((most, of(LIMIT_TYPES).map_or_else(Vec::new, |(_, value)| kinds(value))));
                    }
                }
                _ => {}
            }
        }
        set
    }
}

/// A list of flags, each for the kind of its number.
fn kinds(value: &[u8]) -> Vec<WlanKind> {
    attributes(value).map(|(number, _)| WlanKind::of(u32::from(number))).collect()
}

/// `NL80211_BAND_ATTR_`, `NL80211_FREQUENCY_ATTR_`, `NL80211_IFACE_COMB_` and `NL80211_IFACE_LIMIT_`.
pub(super) const BAND_FREQS: u16 = 1;
pub(super) const FREQUENCY_FREQ: u16 = 1;
pub(super) const FREQUENCY_DISABLED: u16 = 2;
pub(super) const FREQUENCY_NO_IR: u16 = 3;
pub(super) const FREQUENCY_RADAR: u16 = 5;
pub(super) const FREQUENCY_MAX_TX_POWER: u16 = 6;
pub(super) const FREQUENCY_NO_20MHZ: u16 = 16;
pub(super) const FREQUENCY_NO_10MHZ: u16 = 17;
pub(super) const COMBINATION_LIMITS: u16 = 1;
pub(super) const COMBINATION_MAXNUM: u16 = 2;
pub(super) const LIMIT_MAX: u16 = 1;
pub(super) const LIMIT_TYPES: u16 = 2;
