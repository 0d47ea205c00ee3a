//! What is known of an interface, and whether it can carry a link.

use std::io;
use std::net::Ipv4Addr;

use crate::netlink::{LinkMessage, Query};
use crate::radio::{LinkAddress, LinkFault, Subject, Unfit};
use crate::wlan::{Wlan, WlanKind};

/// An interface at the moment of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) index: u32,
    /// Administratively up.
    pub(crate) up: bool,
    /// Up, and frames can leave: carrier found, cell joined.
    pub(crate) running: bool,
    /// `ARPHRD_` number.
    pub(crate) hardware: u16,
    pub(crate) mtu: usize,
    pub(crate) address: Option<LinkAddress>,
    /// The IPv4 address to use, of those it has.
    pub(crate) ipv4: Option<Ipv4Addr>,
    /// Name and kind of the interface that takes what this one receives.
    pub(crate) master: Option<(String, String)>,
    /// Asked only while it does not run.
    pub(crate) wireless: Option<WlanKind>,
    pub(crate) carrier_losses: u32,
}

/// What a link asks of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Ethernet frames with payloads up to this many bytes.
    Ethernet(usize),
    /// 802.11 frames behind radiotap headers, up to this many bytes in all.
    Monitor(usize),
    /// IPv4 multicast. `IFF_MULTICAST` is not asked for: it passes without.
    Multicast,
}

/// Which interface is watched, and for what.
#[derive(Debug)]
pub(super) struct Interest {
    pub(super) subject: Subject,
    pub(super) demand: Demand,
}

impl Interest {
    /// The interface as it is now; of its addresses `preferred`, or else the first.
    pub(super) fn facts(&self, query: &mut Query, preferred: Option<Ipv4Addr>) -> io::Result<Option<Facts>> {
        let addresses = match self.demand {
            Demand::Ethernet(_) | Demand::Monitor(_) => Vec::new(),
            Demand::Multicast => query.ipv4_addresses()?,
        };
        let link = match &self.subject {
            Subject::Name(name) => query.link_named(name)?,
            Subject::Address(wanted) => match addresses.iter().find(|(_, address)| address == wanted) {
                Some((index, _)) => query.link(*index)?,
                None => None,
            },
        };
        let Some(link) = link else { return Ok(None) };
        let own: Vec<_> =
            addresses.into_iter().filter(|(index, _)| *index == link.index).map(|(_, ipv4)| ipv4).collect();
        let wanted = match self.subject {
            Subject::Address(address) => Some(address),
            Subject::Name(_) => preferred.filter(|ipv4| own.contains(ipv4)).or(own.first().copied()),
        };
        let master = match link.master {
            Some(index) => query
                .link(index)?
                .map(|master| (master.name.unwrap_or_default(), master.kind.unwrap_or_default())),
            None => None,
        };
        let has = |flag: i32| link.flags & flag as u32 != 0;
        let wireless = if has(libc::IFF_RUNNING) { None } else { kind_of_radio(link.index) };
        Ok(Some(Facts {
            up: has(libc::IFF_UP),
            running: has(libc::IFF_RUNNING),
            ipv4: wanted,
            master,
            wireless,
            ..Facts::from(link)
        }))
    }

    /// Whether the interface can carry the link: with what limit, or why not.
    pub(super) fn judge(&self, facts: &Facts) -> Result<Option<LinkFault>, LinkFault> {
        let interface = || facts.name.clone();
        if let Demand::Ethernet(_) = self.demand {
            let hardware = facts.hardware;
            match hardware {
                libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => {}
                libc::ARPHRD_IEEE80211..=libc::ARPHRD_IEEE80211_RADIOTAP => {
                    return Err(Unfit::Monitor { interface: interface(), hardware }.into());
                }
                _ => return Err(Unfit::Hardware { interface: interface(), hardware }.into()),
            }
        }
        if let Demand::Monitor(_) = self.demand
            && facts.hardware != libc::ARPHRD_IEEE80211_RADIOTAP
        {
            let hardware = facts.hardware;
            return Err(Unfit::NoMonitor { interface: interface(), hardware }.into());
        }
        if let Some((master, kind)) = facts.master.as_ref().filter(|(_, kind)| TAKERS.contains(&&**kind)) {
            let (master, kind) = (master.clone(), kind.clone());
            return Err(Unfit::Enslaved { interface: interface(), master, kind }.into());
        }
        if !facts.up {
            return Err(LinkFault::Off { interface: interface(), wireless: facts.wireless.is_some() });
        }
        if !facts.running {
            let command = match facts.wireless {
                None => return Err(LinkFault::NoCarrier { interface: interface() }),
                Some(WlanKind::Ocb) => format!("roadcast link up {}", facts.name),
                Some(WlanKind::Ibss) => format!("roadcast link up {} --mode ibss --ssid NAME", facts.name),
                Some(_) => format!("connect it, or roadcast link up {}", facts.name),
            };
            return Err(LinkFault::NotJoined { interface: interface(), command });
        }
        match self.demand {
            Demand::Multicast if facts.ipv4.is_none() => {
                Err(Unfit::NoAddress { interface: interface() }.into())
            }
            Demand::Ethernet(needed) | Demand::Monitor(needed) if facts.mtu < needed => {
                Ok(Some(LinkFault::ShortMtu { interface: interface(), mtu: facts.mtu, needed }))
            }
            _ => Ok(None),
        }
    }
}

/// What a radio is set up as; `None` for another interface.
fn kind_of_radio(index: u32) -> Option<WlanKind> {
    let found = Wlan::open().and_then(|mut wlan| wlan.interface(index));
    found.ok().flatten().map(|interface| interface.kind)
}

impl From<LinkMessage> for Facts {
    fn from(link: LinkMessage) -> Self {
        Self {
            name: link.name.unwrap_or_default(),
            index: link.index,
            up: false,
            running: false,
            hardware: link.hardware,
            mtu: link.mtu.map_or(0, |mtu| mtu as usize),
            address: link.address,
            ipv4: None,
            master: None,
            wireless: None,
            carrier_losses: link.carrier_losses.unwrap_or(0),
        }
    }
}

impl Unfit {
    /// Whether it is what an interface that comes up looks like for a while.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::NoAddress { .. })
    }
}

/// Kinds of interface that take the frames of those enslaved to them.
const TAKERS: [&str; 5] = ["bridge", "openvswitch", "bond", "team", "hsr"];

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            name: "eth0".to_owned(),
            index: 3,
            up: true,
            running: true,
            hardware: libc::ARPHRD_ETHER,
            mtu: 1500,
            address: Some(LinkAddress([2, 0, 0, 0, 0, 1])),
            ipv4: Some(Ipv4Addr::new(10, 0, 0, 1)),
            master: None,
            wireless: None,
            carrier_losses: 0,
        }
    }

    fn judge(demand: Demand, facts: &Facts) -> String {
        let interest = Interest { subject: Subject::Name("eth0".to_owned()), demand };
        match interest.judge(facts) {
            Ok(limit) => limit.map_or_else(String::new, |fault| fault.to_string()),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn an_interface_that_can_carry_both_links_is_fit() {
        assert_eq!(judge(Demand::Ethernet(1398), &facts()), "");
        assert_eq!(judge(Demand::Multicast, &facts()), "");
        assert_eq!(judge(Demand::Monitor(1444), &Facts { hardware: 803, ..facts() }), "");
    }

    #[test]
    fn each_fault_names_the_interface_and_what_would_help() {
        let ethernet = Demand::Ethernet(1398);
        let master = |kind: &str| Some(("br0".to_owned(), kind.to_owned()));
        let idle = Facts { running: false, ..facts() };
        let cases = [
            (ethernet, Facts { up: false, running: false, ..facts() }, "ip link set eth0 up"),
            (ethernet, idle.clone(), "no carrier"),
            (Demand::Multicast, idle.clone(), "no carrier"),
            (
                ethernet,
                Facts { wireless: Some(WlanKind::Ocb), ..idle.clone() },
                "cell: roadcast link up eth0",
            ),
            (
                ethernet,
                Facts { wireless: Some(WlanKind::Ibss), ..idle.clone() },
                "link up eth0 --mode ibss --ssid NAME",
            ),
            (
                ethernet,
                Facts { wireless: Some(WlanKind::Managed), ..idle },
                "connect it, or roadcast link up eth0",
            ),
            (ethernet, Facts { hardware: 803, ..facts() }, "monitor interface (ARPHRD 803)"),
            (Demand::Monitor(1444), facts(), "no monitor interface (ARPHRD 1)"),
            (ethernet, Facts { hardware: 65534, ..facts() }, "ARPHRD 65534"),
            (ethernet, Facts { master: master("bridge"), ..facts() }, "port of the bridge br0"),
            (Demand::Multicast, Facts { master: master("bond"), ..facts() }, "port of the bond br0"),
            (ethernet, Facts { mtu: 240, ..facts() }, "MTU of eth0 is 240 bytes and frames have up to 1398"),
            (Demand::Multicast, Facts { ipv4: None, ..facts() }, "no IPv4 address"),
        ];
        for (demand, facts, words) in cases {
            let told = judge(demand, &facts);
            assert!(told.contains(words) && told.contains("eth0"), "{told:?} lacks {words:?}");
        }
    }

    #[test]
    fn what_concerns_the_other_kind_of_link_is_no_fault() {
        assert_eq!(judge(Demand::Ethernet(1398), &Facts { ipv4: None, ..facts() }), "");
        assert_eq!(judge(Demand::Multicast, &Facts { mtu: 600, hardware: 65534, ..facts() }), "");
        let vrf = Some(("red".to_owned(), "vrf".to_owned()));
        assert_eq!(judge(Demand::Ethernet(1398), &Facts { master: vrf, ..facts() }), "");
    }
}
