//! What keeps an interface from joining a cell, with the one thing that mends it.

use std::io;

use super::channel::Width;
use super::holder::Holder;
use super::interface::WlanInterface;
use super::kind::WlanKind;
use super::phy::Phy;
use super::plan::JoinPlan;

/// What keeps an interface from joining a cell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// No interface has this name.
    #[error("no network interface {name:?}; {}{}", wireless_ones(wireless), otherwise(wireless))]
    NoInterface {
        /// The name asked for.
        name: String,
        /// Names of the wireless interfaces.
        wireless: Vec<String>,
    },
    /// The interface is not wireless.
    #[error(
        "{name} is no 802.11 interface: use link.kind = \"udp\" or \"packet\" on it; {}",
        wireless_ones(wireless)
    )]
    NotWireless {
        /// Its name.
        name: String,
        /// Names of the wireless interfaces.
        wireless: Vec<String>,
    },
    /// The kernel wants a privilege for changes.
    #[error(
        "changing {interface} needs CAP_NET_ADMIN: run it as root (sudo), or as a service that has it (examples/roadcast.service)"
    )]
    NoPrivilege {
        /// The interface.
        interface: String,
    },
    /// The radio cannot do it.
    #[error("the driver of {interface} does not offer {kind}: it offers {}; use another radio, or link.kind = {}", list(offered), other_kind(*kind, offered))]
    KindNotOffered {
        /// The interface.
        interface: String,
        /// What was asked for.
        kind: WlanKind,
        /// What there is.
        offered: Vec<WlanKind>,
    },
    /// The radio does not do this width.
    #[error(
        "the driver of {interface} has no channels of {width}: it has {}; use one of these",
        list(offered)
    )]
    WidthNotOffered {
        /// The interface.
        interface: String,
        /// What was asked for.
        width: Width,
        /// What there is.
        offered: Vec<Width>,
    },
    /// The radio has no such channel.
    #[error("the radio of {interface} has no channel at {frequency_mhz} MHz; near it: {}", list(near))]
    NoChannel {
        /// The interface.
        interface: String,
        /// What was asked for.
        frequency_mhz: u32,
        /// Frequencies of its channels nearest to that, MHz.
        near: Vec<u32>,
    },
    /// The regulatory domain forbids the channel.
    #[error(
        "{frequency_mhz} MHz is disabled by the regulatory domain {domain}: set one that permits it (iw reg set XX, with a \
         wireless-regdb that has the rule), or use another channel{}",
        such_as(near)
    )]
    ChannelDisabled {
        /// What was asked for.
        frequency_mhz: u32,
        /// The domain in force.
        domain: String,
        /// Frequencies of channels nearest to that which it permits, MHz.
        near: Vec<u32>,
    },
    /// The regulatory domain does not permit the channel at this width.
    #[error(
        "{frequency_mhz} MHz does not take {width} in the regulatory domain {domain}: use another width, or iw reg set XX"
    )]
    ChannelTooNarrow {
        /// What was asked for.
        frequency_mhz: u32,
        /// And its width.
        width: Width,
        /// The domain in force.
        domain: String,
    },
    /// Nobody may begin to send there, which a cell of equals does.
    #[error(
        "{frequency_mhz} MHz may not be used for a cell in the regulatory domain {domain} (no initiating radiation): use OCB, or another channel{}",
        such_as(near)
    )]
    NoInitiating {
        /// What was asked for.
        frequency_mhz: u32,
        /// The domain in force.
        domain: String,
        /// Frequencies of channels nearest to that where it is permitted, MHz.
        near: Vec<u32>,
    },
    /// More power than is permitted.
    #[error(
        "{dbm} dBm is more than {most} dBm, which is permitted at {frequency_mhz} MHz: give at most that"
    )]
    TooMuchPower {
        /// What was asked for.
        dbm: i32,
        /// What is permitted.
        most: i32,
        /// Where.
        frequency_mhz: u32,
    },
    /// The width has no such rate.
    #[error("{} Mb/s is no rate at {width}: use one of {}", mbps(*kbps), list(&width.rates_kbps().map(mbps)))]
    NoRate {
        /// What was asked for, kb/s.
        kbps: u32,
        /// The width.
        width: Width,
    },
    /// Another program sets the interface up.
    #[error("{interface} is held by {by}, which would undo what is changed: {command}")]
    Held {
        /// The interface.
        interface: String,
        /// The program.
        by: Holder,
        /// What makes it let go.
        command: String,
    },
    /// The interface is in a network, by a program that is not known.
    #[error("{interface} is in the network {network:?} as {kind}: end the program that connected it (such as iwd), or iw dev {interface} {}", leave_command(*kind))]
    InUse {
        /// The interface.
        interface: String,
        /// What it is set up as.
        kind: WlanKind,
        /// Name of the network.
        network: String,
    },
    /// Another interface of the radio does not go with it.
    #[error("{interface} cannot be changed while the radio is in use by {}: ip link set {} down", list(others), others.first().map_or("it", String::as_str))]
    Busy {
        /// The interface.
        interface: String,
        /// Other interfaces of its radio.
        others: Vec<String>,
    },
    /// The radio is switched off.
    #[error("the radio of {interface} is switched off: rfkill unblock wifi, or its switch")]
    SwitchedOff {
        /// The interface.
        interface: String,
    },
    /// The interface does not take such frames.
    #[error("{interface} does not take an MTU of {mtu} bytes: 802.11 has at most 2304")]
    Mtu {
        /// The interface.
        interface: String,
        /// What was asked for.
        mtu: u32,
    },
    /// It went away meanwhile.
    #[error("{interface} is gone")]
    Gone {
        /// The interface.
        interface: String,
    },
    /// The kernel refused a step for another reason.
    #[error("{step}: {source}")]
    System {
        /// What was being done.
        step: String,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
}

/// All that is in the way of `plan` as far as it can be seen beforehand. `domain` is the regulatory one in force, `holder` a
/// program that has the interface.
pub(super) fn obstacles(
    plan: &JoinPlan,
    interface: &WlanInterface,
    phy: &Phy,
    domain: &str,
    holder: Option<Holder>,
) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let name = || plan.interface.clone();
    let kind = plan.cell.kind();
    let (frequency_mhz, width) = (plan.cell.channel().frequency_mhz, plan.cell.channel().width);
    if !phy.offers(kind) {
        found.push(Obstacle::KindNotOffered { interface: name(), kind, offered: phy.kinds.clone() });
    }
    if !phy.has_width(width) {
        let offered = Width::ALL.into_iter().filter(|width| phy.has_width(*width)).collect();
        found.push(Obstacle::WidthNotOffered { interface: name(), width, offered });
    }
    let near = |usable: &dyn Fn(u32) -> bool| {
        let mut near: Vec<u32> = phy.channels.iter().map(|channel| channel.frequency_mhz).collect();
        near.retain(|frequency| usable(*frequency));
        near.sort_by_key(|frequency| frequency.abs_diff(frequency_mhz));
        near.truncate(NEAR);
        near.sort_unstable();
        near
    };
    let enabled = |frequency: u32| phy.channel(frequency).is_some_and(|channel| !channel.disabled);
    let domain = || domain.to_owned();
    match phy.channel(frequency_mhz) {
        None => found.push(Obstacle::NoChannel { interface: name(), frequency_mhz, near: near(&|_| true) }),
        Some(channel) if channel.disabled => {
            found.push(Obstacle::ChannelDisabled { frequency_mhz, domain: domain(), near: near(&enabled) });
        }
        Some(channel) => {
            if !channel.takes(width) {
                found.push(Obstacle::ChannelTooNarrow { frequency_mhz, width, domain: domain() });
            }
            let may_begin = |frequency: u32| {
                phy.channel(frequency).is_some_and(|channel| !channel.disabled && !channel.no_ir)
            };
            if kind == WlanKind::Ibss && channel.no_ir {
                let near = near(&may_begin);
                found.push(Obstacle::NoInitiating { frequency_mhz, domain: domain(), near });
            }
            if let Some((dbm, most)) =
                plan.power_dbm.zip(channel.max_power_dbm).filter(|(dbm, most)| dbm > most)
            {
                found.push(Obstacle::TooMuchPower { dbm, most, frequency_mhz });
            }
        }
    }
    if let Some(kbps) = plan.rate_kbps.filter(|kbps| width.nominal_kbps(*kbps).is_none()) {
        found.push(Obstacle::NoRate { kbps, width });
    }
    if let Some(mtu) = plan.mtu.filter(|mtu| *mtu > LARGEST_MTU) {
        found.push(Obstacle::Mtu { interface: name(), mtu });
    }
    // In a cell as planned it is somebody's who wants the same.
    if interface.kind != kind {
        if let Some(by) = holder {
            found.push(Obstacle::Held { interface: name(), by, command: by.command(&plan.interface) });
        } else if let Some(ssid) = interface.ssid.as_ref().filter(|_| interface.joined()) {
            let network = String::from_utf8_lossy(ssid).into_owned();
            found.push(Obstacle::InUse { interface: name(), kind: interface.kind, network });
        }
    }
    found
}

impl Obstacle {
    /// The kernel's refusal of a step, in words. `others` are further interfaces of the radio.
    pub(super) fn refused(step: &str, source: io::Error, plan: &JoinPlan, others: Vec<String>) -> Self {
        let interface = plan.interface.clone();
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NoPrivilege { interface },
            Some(libc::ENODEV) => Self::Gone { interface },
            Some(libc::ERFKILL) => Self::SwitchedOff { interface },
            Some(libc::EBUSY) if !others.is_empty() => Self::Busy { interface, others },
            Some(libc::EINVAL) if step == SETTING_MTU => {
                Self::Mtu { interface, mtu: plan.mtu.unwrap_or_default() }
            }
            Some(libc::EINVAL) if step == JOINING => {
                let cell = &plan.cell;
                Self::System { step: format!("{interface}: the driver does not take {cell}"), source }
            }
            _ => Self::System { step: format!("{interface}: {step}"), source },
        }
    }
}

fn wireless_ones(wireless: &[String]) -> String {
    match wireless {
        [] => "this machine has no 802.11 interface".to_owned(),
        ones => format!("wireless ones: {}", ones.join(", ")),
    }
}

fn otherwise(wireless: &[String]) -> &'static str {
    if wireless.is_empty() { ": use link.kind = \"udp\" or \"packet\" on another" } else { "" }
}

fn other_kind(kind: WlanKind, offered: &[WlanKind]) -> &'static str {
    match kind {
        WlanKind::Ocb if offered.contains(&WlanKind::Ibss) => "\"ibss\"",
        _ => "\"udp\"",
    }
}

fn leave_command(kind: WlanKind) -> &'static str {
    match kind {
        WlanKind::Managed => "disconnect",
        WlanKind::AccessPoint => "ap stop",
        WlanKind::Ibss => "ibss leave",
        WlanKind::Mesh => "mesh leave",
        _ => "set type managed",
    }
}

fn such_as(near: &[u32]) -> String {
    if near.is_empty() { String::new() } else { format!(", such as {} MHz", list(near)) }
}

fn list<T: ToString>(of: &[T]) -> String {
    of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn mbps(kbps: u32) -> f64 {
    f64::from(kbps) / 1000.0
}

/// Steps whose refusal has words of its own.
pub(super) const JOINING: &str = "joining";
pub(super) const SETTING_MTU: &str = "setting its MTU";
/// Channels to name.
const NEAR: usize = 4;
/// Bytes of an MSDU (IEEE Std 802.11-2020, 9.2.4.7.1): `IEEE80211_MAX_DATA_LEN`.
const LARGEST_MTU: u32 = 2304;
