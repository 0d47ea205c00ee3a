//! A cell on the command line, and why it cannot be.

use core::ops::RangeInclusive;
use core::str::FromStr;

use clap::{Args, ValueEnum};
use radio_adapters::LinkAddress;
use radio_adapters::wlan::{Cell, Channel, Obstacle, Ssid, Width, Wlan};

use crate::config::{DEFAULT_FREQUENCY_MHZ, FREQUENCIES_MHZ};
use crate::error::{Complaint, Error};

/// A cell.
#[derive(Args, Clone, Debug)]
pub(super) struct CellArgs {
    /// ocb (802.11p: all on the channel), ibss (a cell with a name), or monitor (no cell: for injection)
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Centre frequency, MHz
    #[arg(long, value_name = "MHZ", default_value_t = DEFAULT_FREQUENCY_MHZ, value_parser = frequency)]
    frequency: u32,
    /// Width, MHz: 5, 10 or 20
    #[arg(long, value_name = "MHZ", default_value = "10", value_parser = width)]
    width: Width,
    /// Name of an ibss cell
    #[arg(long, value_name = "NAME", required_if_eq("mode", "ibss"), value_parser = ssid)]
    ssid: Option<Ssid>,
    /// Address of an ibss cell, such as 02:ca:fe:ca:fe:00; without it, the first station's
    #[arg(long, value_name = "ADDRESS", value_parser = bssid)]
    bssid: Option<LinkAddress>,
}

/// The kinds of cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Mode {
    #[default]
    Ocb,
    Ibss,
    Monitor,
}

/// A cell that cannot be joined or left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkCommandError {
    /// What is in the way.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// An option of the other kind of cell.
    #[error("--{0} goes with --mode ibss alone: others have neither name nor address")]
    OfIbss(&'static str),
    /// A rate that the width does not have.
    #[error("--rate {rate}: no rate at {width}: use one of {}", rates(*width))]
    NoRate {
        /// As given, Mb/s.
        rate: f64,
        /// The width.
        width: Width,
    },
}

impl Complaint for LinkCommandError {}

impl CellArgs {
    pub(super) fn cell(&self) -> Result<Cell, LinkCommandError> {
        let channel = Channel { frequency_mhz: self.frequency, width: self.width };
        match (self.mode, &self.ssid, self.bssid) {
            (Mode::Ocb, None, None) => Ok(Cell::Ocb(channel)),
            (Mode::Monitor, None, None) => Ok(Cell::Monitor(channel)),
            (Mode::Ibss, Some(ssid), bssid) => Ok(Cell::Ibss { channel, ssid: ssid.clone(), bssid }),
            (_, Some(_), _) => Err(LinkCommandError::OfIbss("ssid")),
            // The parser requires a name with ibss.
            (_, None, _) => Err(LinkCommandError::OfIbss("bssid")),
        }
    }
}

pub(super) fn open() -> Result<Wlan, Error> {
    Wlan::for_changes().map_err(|source| Error::System { what: "opening netlink", source })
}

fn frequency(text: &str) -> Result<u32, String> {
    within(text, FREQUENCIES_MHZ, "MHz, such as 5900")
}

/// A whole number within these bounds, of this unit.
pub(super) fn within<N>(text: &str, bounds: RangeInclusive<N>, unit: &str) -> Result<N, String>
where
    N: FromStr + PartialOrd + core::fmt::Display,
{
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| format!("expected a whole number, {} to {} {unit}", bounds.start(), bounds.end()))
}

fn width(text: &str) -> Result<Width, String> {
    let width = u32::from_str(text).ok().and_then(Width::of_mhz);
    width.ok_or_else(|| "expected 5, 10 or 20".to_owned())
}

fn ssid(text: &str) -> Result<Ssid, String> {
    Ssid::new(text.as_bytes()).ok_or_else(|| "expected 1 to 32 bytes".to_owned())
}

fn bssid(text: &str) -> Result<LinkAddress, String> {
    Cell::bssid(text).ok_or_else(|| "expected such as 02:ca:fe:ca:fe:00, its first byte even".to_owned())
}

fn rates(width: Width) -> String {
    width.rates_kbps().map(|kbps| (f64::from(kbps) / 1000.0).to_string()).join(", ")
}
