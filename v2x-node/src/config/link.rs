//! `[link]`: which radio, and what is wrapped around it.

mod cell;
mod injection;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use radio_adapters::wlan::JoinPlan;
use v2x_settings::{Section, SettingsError, one_of};

use self::cell::{CELL_KEYS, CellKind};
pub(crate) use self::cell::{DEFAULT_FREQUENCY_MHZ, FREQUENCIES_MHZ, MTUS, POWERS_DBM};
pub use self::injection::Injection;
use self::injection::MONITOR_KEYS;

/// The link and its wrappers.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// The radio itself.
    pub medium: Medium,
    /// The cell that the medium's interface joins at the start (`kind = "ocb"`, `"ibss"` or `"auto"`), or the channel that a monitor
    /// interface is tuned to.
    pub join: Option<JoinPlan>,
    /// An interface that is not there yet is waited for.
    pub wait: bool,
    /// Injected faults, seeded, for tests.
    pub fault: Option<Fault>,
    /// A pcapng file of all frames.
    pub tap: Option<PathBuf>,
}

/// Which radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Medium {
    /// UDP multicast: needs no privilege, works on loopback.
    Udp {
        /// Interface name or IPv4 address.
        interface: String,
        /// Multicast group and port.
        group: SocketAddrV4,
        /// Receive buffer asked of the kernel, bytes; `None`: the adapter's own.
        receive_buffer: Option<usize>,
    },
    /// Linux packet socket.
    Packet {
        /// Interface name.
        interface: String,
        /// EtherType of the frames.
        ethertype: u16,
        /// Receive buffer asked of the kernel, bytes; `None`: the adapter's own.
        receive_buffer: Option<usize>,
    },
    /// Injection and capture on a monitor interface.
    Monitor(Injection),
    /// Linux packet socket on an interface in OCB, and injection of urgent frames on a monitor interface beside it.
    Auto {
        /// Name of the interface in OCB.
        interface: String,
        /// The one beside it.
        beside: Injection,
    },
    /// The portable packet adapter over pnet.
    #[cfg(feature = "pnet")]
    Pnet {
        /// Interface name.
        interface: String,
        /// EtherType of the frames.
        ethertype: u16,
    },
}

impl Medium {
    /// Its interface as configured; of two the one in OCB.
    pub fn interface(&self) -> &str {
        match self {
            Self::Udp { interface, .. } | Self::Packet { interface, .. } | Self::Auto { interface, .. } => {
                interface
            }
            Self::Monitor(injection) => &injection.monitor,
            #[cfg(feature = "pnet")]
            Self::Pnet { interface, .. } => interface,
        }
    }
}

/// Rates of injected faults on receive, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Frames lost.
    pub receive_loss: f64,
    /// Frames delivered twice.
    pub duplicate: f64,
    /// Frames held back behind later ones.
    pub reorder: f64,
    /// Frames with a bit flipped.
    pub corrupt: f64,
    /// Seed of the faults, separate so that it does not depend on the station's.
    pub seed: u64,
}

pub(super) fn read(top: &Section<'_>) -> Result<LinkConfig, SettingsError> {
    const KEYS: &[&str] = &[
        "kind",
        "interface",
        "group",
        "ethertype",
        "receive_buffer",
        "wait",
        "fault",
        "tap",
        "frequency_mhz",
        "width_mhz",
        "rate_mbps",
        "power_dbm",
        "mtu",
        "ssid",
        "bssid",
        "monitor",
    ];
    let Some(section) = top.table("link", KEYS)? else {
        return Err(top.missing("link", "a table with at least kind and interface"));
    };
    let Some(kind) = section.choice("kind", KINDS)? else {
        return Err(section.missing("kind", one_of(KINDS.iter().map(|(name, _)| *name))));
    };
    let ethertype = || Ok(section.integer("ethertype", SMALLEST_ETHERTYPE..=u16::MAX)?.unwrap_or(ETHERTYPE));
    let receive_buffer = || section.integer("receive_buffer", SMALLEST_BUFFER..=LARGEST_BUFFER);
    let interface = || {
        let right = "an interface, such as \"wlan0\"";
        section.string("interface", right)?.ok_or_else(|| section.missing("interface", right))
    };
    let mut join = None;
    let medium = match kind {
        Kind::Udp => {
            section.only(
                &["kind", "interface", "group", "receive_buffer", "wait", "fault", "tap"],
                "link.kind = \"udp\"",
            )?;
            Medium::Udp {
                interface: interface()?,
                group: group(&section)?,
                receive_buffer: receive_buffer()?,
            }
        }
        Kind::Packet => {
            let keys = &["kind", "interface", "ethertype", "receive_buffer", "wait", "fault", "tap"];
            section.only(keys, "link.kind = \"packet\"")?;
            Medium::Packet {
                interface: interface()?,
                ethertype: ethertype()?,
                receive_buffer: receive_buffer()?,
            }
        }
        Kind::Cell(kind) => {
            kind.only(&section)?;
            let interface = interface()?;
            join = Some(cell::read(&section, &interface, kind)?);
            Medium::Packet { interface, ethertype: ethertype()?, receive_buffer: receive_buffer()? }
        }
        Kind::Monitor => {
            section.only(MONITOR_KEYS, "link.kind = \"monitor\"")?;
            let alone = Injection::on(interface()?, ethertype()?);
            join = cell::tuned(&section, &alone.monitor)?;
            let receive_buffer = receive_buffer()?;
            Medium::Monitor(injection::read(&section, Injection { receive_buffer, ..alone })?)
        }
        Kind::Auto => {
            section.only(&[CELL_KEYS, &["monitor"]].concat(), "link.kind = \"auto\"")?;
            let interface = interface()?;
            join = Some(cell::read(&section, &interface, CellKind::Ocb)?);
            let given = section.string("monitor", "a name for the monitor interface, such as \"mon0\"")?;
            let beside = Injection::on(given.unwrap_or_else(|| injection::beside(&interface)), ethertype()?);
            let receive_buffer = receive_buffer()?;
            let beside = injection::read(&section, Injection { receive_buffer, ..beside })?;
            Medium::Auto { interface, beside }
        }
        #[cfg(feature = "pnet")]
        Kind::Pnet => {
            section
                .only(&["kind", "interface", "ethertype", "wait", "fault", "tap"], "link.kind = \"pnet\"")?;
            Medium::Pnet { interface: interface()?, ethertype: ethertype()? }
        }
    };
    let tap = match section.table("tap", &["file"])? {
        None => None,
        Some(tap) => {
            Some(tap.path("file")?.ok_or_else(|| tap.missing("file", "a file name ending in .pcapng"))?)
        }
    };
    let wait = section.flag("wait")?.unwrap_or(false);
    Ok(LinkConfig { medium, join, wait, fault: fault(&section)?, tap })
}

fn group(section: &Section<'_>) -> Result<SocketAddrV4, SettingsError> {
    let right = "an IPv4 multicast group and port, such as \"239.255.77.77:47808\"";
    let Some(text) = section.string("group", right)? else { return Ok(GROUP) };
    match text.parse::<SocketAddrV4>() {
        Ok(group) if group.ip().is_multicast() && group.port() != 0 => Ok(group),
        _ => Err(section.wrong("group", format!("{text:?}"), right.to_owned())),
    }
}

fn fault(link: &Section<'_>) -> Result<Option<Fault>, SettingsError> {
    const KEYS: &[&str] = &["receive_loss", "duplicate", "reorder", "corrupt", "seed"];
    let Some(section) = link.table("fault", KEYS)? else { return Ok(None) };
    let rate = |key| Ok(section.number(key, 0.0..=1.0, "")?.unwrap_or(0.0));
    Ok(Some(Fault {
        receive_loss: rate("receive_loss")?,
        duplicate: rate("duplicate")?,
        reorder: rate("reorder")?,
        corrupt: rate("corrupt")?,
        seed: section.integer("seed", 0..=i64::MAX as u64)?.unwrap_or(0),
    }))
}

#[derive(Clone, Copy)]
enum Kind {
    Udp,
    Packet,
    Cell(CellKind),
    Monitor,
    Auto,
    #[cfg(feature = "pnet")]
    Pnet,
}

const KINDS: &[(&str, Kind)] = &[
    ("udp", Kind::Udp),
    ("packet", Kind::Packet),
    ("ocb", Kind::Cell(CellKind::Ocb)),
    ("ibss", Kind::Cell(CellKind::Ibss)),
    ("monitor", Kind::Monitor),
    ("auto", Kind::Auto),
    #[cfg(feature = "pnet")]
    ("pnet", Kind::Pnet),
];

/// Multicast group used when none is given (administratively scoped, RFC 2365).
pub const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, 77), 47808);
/// IEEE local experimental EtherType 1.
pub const ETHERTYPE: u16 = 0x88B5;
/// Smaller numbers are lengths, not types (IEEE 802.3).
const SMALLEST_ETHERTYPE: u16 = 0x0600;
const SMALLEST_BUFFER: usize = 4096;
const LARGEST_BUFFER: usize = 256 * 1024 * 1024;
