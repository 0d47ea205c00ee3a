//! `[clock]`: when the clock is good enough to sign by.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use v2x_settings::{Section, SettingsError};

/// The clock, and who is asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockConfig {
    /// When it is trusted.
    pub trust: ClockTrust,
    /// Command port of the machine's chronyd, on the loopback interface; `None`: not asked.
    pub chrony: Option<SocketAddr>,
}

impl ClockConfig {
    /// Where chrony is asked: not at all when its answer changes nothing.
    pub fn asks(&self) -> Option<SocketAddr> {
        self.chrony.filter(|_| self.trust == ClockTrust::Kernel)
    }
}

/// When the clock is trusted enough to sign by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockTrust {
    /// When chrony or the kernel (`adjtimex`) bound its error.
    #[default]
    Kernel,
    /// Always: for a laboratory whose stations share one machine.
    Always,
}

pub(super) fn read(top: &Section<'_>) -> Result<ClockConfig, SettingsError> {
    let default = ClockConfig { trust: ClockTrust::default(), chrony: Some(CHRONY_PORT) };
    let Some(section) = top.table("clock", &["trust", "chrony"])? else { return Ok(default) };
    let trust = section.choice("trust", &[("kernel", ClockTrust::Kernel), ("always", ClockTrust::Always)])?;
    let right = "chronyd's command port on the loopback interface, such as \"127.0.0.1:323\", or \"off\"";
    let chrony = match section.string("chrony", right)?.as_deref() {
        None => default.chrony,
        Some("off") => None,
        Some(text) => match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() && address.port() != 0 => Some(address),
            // Another machine's answer would be about another machine's clock.
            _ => return Err(section.wrong("chrony", format!("{text:?}"), right.to_owned())),
        },
    };
    Ok(ClockConfig { trust: trust.unwrap_or_default(), chrony })
}

/// Where chronyd answers unless configured otherwise (`cmdport`, chrony.conf(5)). A port below 1024: only root can have taken it.
const CHRONY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 323);
