//! A monitor interface that frames are injected on: `kind = "monitor"` and `kind = "auto"`.

use radio_adapters::DataRate;
use v2x_settings::{Section, SettingsError};

/// A monitor interface, and the frames on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// Name of the monitor interface.
    pub monitor: String,
    /// EtherType of the frames.
    pub ethertype: u16,
    /// Receive buffer asked of the kernel, bytes; `None`: the adapter's own.
    pub receive_buffer: Option<usize>,
    /// Width of the channel, MHz: 5, 10 or 20.
    pub width_mhz: u8,
    /// Rate of the frames, as in a channel of 10 MHz.
    pub rate: DataRate,
    /// Frames of cells are heard too.
    pub of_cells: bool,
}

impl Injection {
    /// On `monitor`, in a channel of 10 MHz, at 6 Mb/s.
    pub fn on(monitor: impl Into<String>, ethertype: u16) -> Self {
        Self {
            monitor: monitor.into(),
            ethertype,
            receive_buffer: None,
            width_mhz: 10,
            rate: DataRate::default(),
            of_cells: false,
        }
    }
}

/// The name of the monitor interface beside `interface` unless another is given: as long as Linux takes.
pub(super) fn beside(interface: &str) -> String {
    let most = LONGEST_NAME - SUFFIX.len();
    let end = (0..=most).rev().find(|end| interface.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{SUFFIX}", interface.get(..end).unwrap_or(interface))
}

/// What is common to both kinds, on the monitor interface of this name.
pub(super) fn read(section: &Section<'_>, mut injection: Injection) -> Result<Injection, SettingsError> {
    if let Some(width) = section.integer("width_mhz", 0..=u8::MAX)? {
        if !WIDTHS_MHZ.contains(&width) {
            return Err(section.wrong("width_mhz", width.to_string(), "5, 10 or 20".to_owned()));
        }
        injection.width_mhz = width;
    }
    if let Some(mbps) = section.number("rate_mbps", 0.0..=54.0, " Mb/s")? {
        let of = |rate: DataRate| f64::from(rate.half_mbps()) / 2.0 * f64::from(injection.width_mhz) / 10.0;
        injection.rate =
            DataRate::ALL.into_iter().find(|rate| (of(*rate) - mbps).abs() < 0.001).ok_or_else(|| {
                let rates = DataRate::ALL.map(|rate| of(rate).to_string()).join(", ");
                let right = format!("a rate at {} MHz: {rates}", injection.width_mhz);
                section.wrong("rate_mbps", mbps.to_string(), right)
            })?;
    }
    Ok(injection)
}

/// Keys of `kind = "monitor"`.
pub(super) const MONITOR_KEYS: &[&str] = &[
    "kind",
    "interface",
    "ethertype",
    "receive_buffer",
    "frequency_mhz",
    "width_mhz",
    "rate_mbps",
    "wait",
    "fault",
    "tap",
];
const WIDTHS_MHZ: [u8; 3] = [5, 10, 20];
const SUFFIX: &str = "mon";
/// Bytes of an interface's name (`IFNAMSIZ`), without the zero at its end.
const LONGEST_NAME: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_beside_has_a_name_that_linux_takes() {
        assert_eq!(beside("wlan0"), "wlan0mon");
        assert_eq!(beside("wlx00c0ca123456"), "wlx00c0ca123mon");
        assert_eq!(beside("ääääääää"), "äääääämon");
    }
}
