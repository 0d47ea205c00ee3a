//! The cell that a radio joins: `kind = "ocb"` and `kind = "ibss"`. The channel of a monitor interface: `kind = "monitor"`.

use radio_adapters::wlan::{Cell, Channel, JoinPlan, Ssid, Width};
use v2x_settings::{Section, SettingsError};

/// The two kinds.
#[derive(Clone, Copy)]
pub(super) enum CellKind {
    Ocb,
    Ibss,
}

impl CellKind {
    /// Refuses keys that do not go with it.
    pub(super) fn only(self, section: &Section<'_>) -> Result<(), SettingsError> {
        match self {
            Self::Ocb => section.only(CELL_KEYS, "link.kind = \"ocb\""),
            Self::Ibss => section.only(&[CELL_KEYS, &["ssid", "bssid"]].concat(), "link.kind = \"ibss\""),
        }
    }
}

pub(super) fn read(
    section: &Section<'_>,
    interface: &str,
    kind: CellKind,
) -> Result<JoinPlan, SettingsError> {
    let frequency_mhz = section.integer("frequency_mhz", FREQUENCIES_MHZ)?.unwrap_or(DEFAULT_FREQUENCY_MHZ);
    let width = width(section)?;
    let rate_kbps = match section.number("rate_mbps", 0.0..=54.0, " Mb/s")? {
        None => None,
        Some(mbps) => Some(rate(mbps, width).ok_or_else(|| {
            let rates = width.rates_kbps().map(|kbps| (f64::from(kbps) / 1000.0).to_string()).join(", ");
            section.wrong("rate_mbps", mbps.to_string(), format!("a rate at {width}: {rates}"))
        })?),
    };
    let channel = Channel { frequency_mhz, width };
    let cell = match kind {
        CellKind::Ocb => Cell::Ocb(channel),
        CellKind::Ibss => {
            let right = "the name of the cell, 1 to 32 bytes";
            let name = section.string("ssid", right)?.ok_or_else(|| section.missing("ssid", right))?;
            let ssid = Ssid::new(name.as_bytes())
                .ok_or_else(|| section.wrong("ssid", format!("{} bytes", name.len()), right.to_owned()))?;
            let right = "the cell's address, such as \"02:ca:fe:ca:fe:00\", its first byte even";
            let bssid = match section.string("bssid", right)? {
                None => None,
                Some(text) => {
                    let bssid = Cell::bssid(&text);
                    Some(bssid.ok_or_else(|| section.wrong("bssid", format!("{text:?}"), right.to_owned()))?)
                }
            };
            Cell::Ibss { channel, ssid, bssid }
        }
    };
    Ok(JoinPlan {
        interface: interface.to_owned(),
        cell,
        rate_kbps,
        power_dbm: section.integer("power_dbm", POWERS_DBM)?,
        mtu: section.integer("mtu", MTUS)?,
    })
}

/// The channel that a monitor interface is to be tuned to; `None`: somebody else has set it.
pub(super) fn tuned(section: &Section<'_>, interface: &str) -> Result<Option<JoinPlan>, SettingsError> {
    let Some(frequency_mhz) = section.integer("frequency_mhz", FREQUENCIES_MHZ)? else { return Ok(None) };
    let cell = Cell::Monitor(Channel { frequency_mhz, width: width(section)? });
    // The rate is of each frame.
    let (rate_kbps, power_dbm, mtu) = (None, None, None);
    Ok(Some(JoinPlan { interface: interface.to_owned(), cell, rate_kbps, power_dbm, mtu }))
}

fn width(section: &Section<'_>) -> Result<Width, SettingsError> {
    match section.integer("width_mhz", 0..=u32::MAX)? {
        None => Ok(DEFAULT_WIDTH),
        Some(mhz) => Width::of_mhz(mhz)
            .ok_or_else(|| section.wrong("width_mhz", mhz.to_string(), "5, 10 or 20".to_owned())),
    }
}

/// The rate in kb/s, if it is one of this width's.
fn rate(mbps: f64, width: Width) -> Option<u32> {
    let kbps = (mbps * 1000.0).round() as u32;
    width.nominal_kbps(kbps).map(|_| kbps)
}

/// Keys that go with every cell.
pub(super) const CELL_KEYS: &[&str] = &[
    "kind",
    "interface",
    "frequency_mhz",
    "width_mhz",
    "rate_mbps",
    "power_dbm",
    "mtu",
    "ethertype",
    "receive_buffer",
    "wait",
    "fault",
    "tap",
];
/// The control channel of ITS-G5 (ETSI EN 302 663, table 1).
pub(crate) const DEFAULT_FREQUENCY_MHZ: u32 = 5900;
const DEFAULT_WIDTH: Width = Width::Mhz10;
/// Of 802.11 below 7.2 GHz.
pub(crate) const FREQUENCIES_MHZ: core::ops::RangeInclusive<u32> = 2_400..=7_200;
/// What no radio exceeds; the regulatory domain is checked when it is known.
pub(crate) const POWERS_DBM: core::ops::RangeInclusive<i32> = -10..=40;
/// From the longest frame of a station to the longest of 802.11.
pub(crate) const MTUS: core::ops::RangeInclusive<u32> = 1_398..=2_304;
