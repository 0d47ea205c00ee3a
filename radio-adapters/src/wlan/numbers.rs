//! Numbers of `linux/nl80211.h`: commands, attributes at the top, and attributes nested in these. Each module has those that
//! occur nowhere else.

pub(super) mod command {
    pub(crate) const GET_WIPHY: u8 = 1;
    pub(crate) const SET_WIPHY: u8 = 2;
    pub(crate) const GET_INTERFACE: u8 = 5;
    pub(crate) const SET_INTERFACE: u8 = 6;
    pub(crate) const NEW_INTERFACE: u8 = 7;
    pub(crate) const DEL_INTERFACE: u8 = 8;
    pub(crate) const GET_STATION: u8 = 17;
    pub(crate) const GET_REG: u8 = 31;
    pub(crate) const GET_SCAN: u8 = 32;
    pub(crate) const JOIN_IBSS: u8 = 43;
    pub(crate) const LEAVE_IBSS: u8 = 44;
    pub(crate) const GET_SURVEY: u8 = 50;
    pub(crate) const SET_CHANNEL: u8 = 65;
    pub(crate) const SET_MCAST_RATE: u8 = 92;
    pub(crate) const JOIN_OCB: u8 = 108;
    pub(crate) const LEAVE_OCB: u8 = 109;
}

pub(super) mod attribute {
    pub(crate) const WIPHY: u16 = 1;
    pub(crate) const WIPHY_NAME: u16 = 2;
    pub(crate) const IFINDEX: u16 = 3;
    pub(crate) const IFNAME: u16 = 4;
    pub(crate) const IFTYPE: u16 = 5;
    pub(crate) const MAC: u16 = 6;
    pub(crate) const STA_INFO: u16 = 21;
    pub(crate) const WIPHY_BANDS: u16 = 22;
    pub(crate) const MNTR_FLAGS: u16 = 23;
    pub(crate) const SUPPORTED_IFTYPES: u16 = 32;
    pub(crate) const REG_ALPHA2: u16 = 33;
    pub(crate) const REG_RULES: u16 = 34;
    pub(crate) const WIPHY_FREQ: u16 = 38;
    pub(crate) const BSS: u16 = 47;
    pub(crate) const SUPPORTED_COMMANDS: u16 = 50;
    pub(crate) const SSID: u16 = 52;
    pub(crate) const FREQ_FIXED: u16 = 60;
    pub(crate) const SURVEY_INFO: u16 = 84;
    pub(crate) const WIPHY_TX_POWER_SETTING: u16 = 97;
    pub(crate) const WIPHY_TX_POWER_LEVEL: u16 = 98;
    pub(crate) const MCAST_RATE: u16 = 107;
    pub(crate) const INTERFACE_COMBINATIONS: u16 = 120;
    pub(crate) const SOFTWARE_IFTYPES: u16 = 121;
    pub(crate) const CHANNEL_WIDTH: u16 = 159;
    pub(crate) const CENTER_FREQ1: u16 = 160;
    pub(crate) const SPLIT_WIPHY_DUMP: u16 = 174;
    pub(crate) const SUPPORT_5_MHZ: u16 = 192;
    pub(crate) const SUPPORT_10_MHZ: u16 = 193;
    pub(crate) const WIPHY_SELF_MANAGED_REG: u16 = 216;
}
