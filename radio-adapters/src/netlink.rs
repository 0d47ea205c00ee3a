//! What the kernel says about network interfaces, and takes: netlink(7) and rtnetlink(7). What it says of radios, by generic
//! netlink, is [`wlan`](crate::wlan)'s.
//!
//! Netlink answers for the namespace of whoever asks, and announces changes; files below `/sys` do neither.

mod message;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{NetlinkAddr, bind};
use socket2::{Domain, Protocol, Socket, Type};

use self::message::messages;
use crate::radio::LinkAddress;

pub(crate) use self::message::{attributes, put_attribute};

/// An interface, as a message describes it. What the message leaves out is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LinkMessage {
    /// It was removed, or moved to another namespace.
    pub(crate) gone: bool,
    pub(crate) index: u32,
    /// `IFF_` bits, netdevice(7).
    pub(crate) flags: u32,
    /// `ARPHRD_` number of the hardware.
    pub(crate) hardware: u16,
    pub(crate) name: Option<String>,
    pub(crate) mtu: Option<u32>,
    pub(crate) address: Option<LinkAddress>,
    /// Index of the interface this one is enslaved to.
    pub(crate) master: Option<u32>,
    /// Kind of a virtual interface, such as `bridge`.
    pub(crate) kind: Option<String>,
    /// Times the carrier was lost, modulo 2^32.
    pub(crate) carrier_losses: Option<u32>,
}

/// A change, or part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Link(LinkMessage),
    Address { gone: bool, index: u32, address: Ipv4Addr },
}

/// A change of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkChange {
    /// Administratively up, or down.
    Up(bool),
    /// Bytes a frame may have behind its header.
    Mtu(u32),
}

/// A socket that hears of every change of interfaces and IPv4 addresses.
pub(crate) fn events() -> io::Result<Socket> {
    let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(route()))?;
    let groups = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR) as u32;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

/// What a datagram of the kernel says; what is of another kind, or damaged, is left out.
pub(crate) fn news(datagram: &[u8]) -> impl Iterator<Item = News> {
    messages(datagram).filter_map(|message| News::read(message.kind, message.payload))
}

/// Questions to the kernel, one at a time. It answers while it is asked; a question may wait for whoever is
/// changing an interface just now.
pub(crate) struct Query {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Query {
    /// For questions about interfaces.
    pub(crate) fn new() -> io::Result<Self> {
        Self::of(route(), LONGEST_WAIT)
    }

    /// For changes of interfaces, over which a driver may take its time.
    pub(crate) fn for_changes() -> io::Result<Self> {
        Self::of(route(), LONGEST_CHANGE)
    }

    /// For questions to the families of generic netlink.
    pub(crate) fn generic() -> io::Result<Self> {
        Self::of(Protocol::from(libc::NETLINK_GENERIC), LONGEST_WAIT)
    }

    /// For changes there, as above.
    pub(crate) fn generic_for_changes() -> io::Result<Self> {
        Self::of(Protocol::from(libc::NETLINK_GENERIC), LONGEST_CHANGE)
    }

    fn of(protocol: Protocol, longest_wait: Duration) -> io::Result<Self> {
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))?;
        socket.set_read_timeout(Some(longest_wait))?;
        Ok(Self { socket, buffer: vec![0; BUFFER_BYTES], sequence: 0 })
    }

    /// The number of a family of generic netlink, such as `nl80211`; `None` where the kernel has none of this name.
    pub(crate) fn family(&mut self, name: &str) -> io::Result<Option<u16>> {
        let mut request = vec![CTRL_CMD_GETFAMILY, 1, 0, 0];
        put_attribute(&mut request, CTRL_ATTR_FAMILY_NAME, &[name.as_bytes(), &[0]].concat());
        let mut family = None;
        let asked = self.ask(GENL_ID_CTRL, libc::NLM_F_ACK, &request, |_, payload| {
            let found = attributes(payload.get(GENERIC_HEAD..).unwrap_or_default());
            let mut found = found.filter(|(kind, _)| *kind == CTRL_ATTR_FAMILY_ID);
            family = found.next().and_then(|(_, value)| Some(u16::from_ne_bytes(value.try_into().ok()?)));
        });
        match asked {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            other => other.map(|()| family),
        }
    }

    /// Takes an interface up or down, or sets its MTU.
    pub(crate) fn change_link(&mut self, index: u32, change: LinkChange) -> io::Result<()> {
        let mut request = vec![0; LINK_HEAD];
        request[4..8].copy_from_slice(&index.to_ne_bytes());
        match change {
            LinkChange::Up(up) => {
                let flag = libc::IFF_UP as u32;
                request[8..12].copy_from_slice(&(if up { flag } else { 0 }).to_ne_bytes());
                request[12..16].copy_from_slice(&flag.to_ne_bytes());
            }
            LinkChange::Mtu(mtu) => put_attribute(&mut request, libc::IFLA_MTU, &mtu.to_ne_bytes()),
        }
        self.ask(libc::RTM_NEWLINK, libc::NLM_F_ACK, &request, |_, _| ())
    }

    /// The interface called `name`, if there is one.
    pub(crate) fn link_named(&mut self, name: &str) -> io::Result<Option<LinkMessage>> {
        if name.is_empty() || name.len() >= libc::IFNAMSIZ {
            return Ok(None);
        }
        let mut request = vec![0; LINK_HEAD];
        put_attribute(&mut request, libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
        self.link_of(request)
    }

    /// The interface of this index, if there is one.
    pub(crate) fn link(&mut self, index: u32) -> io::Result<Option<LinkMessage>> {
        let mut request = vec![0; LINK_HEAD];
        request[4..8].copy_from_slice(&index.to_ne_bytes());
        self.link_of(request)
    }

    fn link_of(&mut self, request: Vec<u8>) -> io::Result<Option<LinkMessage>> {
        let mut found = None;
        let asked = self.ask(libc::RTM_GETLINK, libc::NLM_F_ACK, &request, |kind, payload| {
            if let Some(News::Link(link)) = News::read(kind, payload) {
                found = Some(link);
            }
        });
        match asked {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            other => other.map(|()| found),
        }
    }

    /// Every IPv4 address with the index of its interface, in the kernel's order.
    pub(crate) fn ipv4_addresses(&mut self) -> io::Result<Vec<(u32, Ipv4Addr)>> {
        let mut found = Vec::new();
        let mut request = vec![0; ADDRESS_HEAD];
        request[0] = libc::AF_INET as u8;
        self.ask(libc::RTM_GETADDR, libc::NLM_F_DUMP, &request, |kind, payload| {
            if let Some(News::Address { index, address, .. }) = News::read(kind, payload) {
                found.push((index, address));
            }
        })?;
        Ok(found)
    }

    /// Asks, and hands kind and payload of each message of the answer to `each`.
    pub(crate) fn ask(
        &mut self,
        kind: u16,
        flags: libc::c_int,
        payload: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message::request(kind, (libc::NLM_F_REQUEST | flags) as u16, self.sequence, payload);
        (&self.socket).write_all(&request)?;
        for _ in 0..MOST_DATAGRAMS {
            let length = (&self.socket).read(&mut self.buffer)?;
            for message in messages(&self.buffer[..length]) {
                // The rest of an answer that was given up before.
                if message.sequence != self.sequence {
                    continue;
                }
                match i32::from(message.kind) {
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => return message::outcome(message.payload),
                    _ => each(message.kind, message.payload),
                }
            }
        }
        Err(io::Error::other("the kernel's answer does not end"))
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl News {
    fn read(kind: u16, payload: &[u8]) -> Option<Self> {
        match kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                let (head, rest) = payload.split_first_chunk::<LINK_HEAD>()?;
                // A bridge's account of its ports: the port itself is neither new nor gone.
                if i32::from(head[0]) != libc::AF_UNSPEC {
                    return None;
                }
                let mut link = LinkMessage {
                    gone: kind == libc::RTM_DELLINK,
                    hardware: u16::from_ne_bytes([head[2], head[3]]),
                    index: u32::from_ne_bytes([head[4], head[5], head[6], head[7]]),
                    flags: u32::from_ne_bytes([head[8], head[9], head[10], head[11]]),
                    ..LinkMessage::default()
                };
                for (kind, value) in attributes(rest) {
                    link.take(kind, value);
                }
                Some(Self::Link(link))
            }
            libc::RTM_NEWADDR | libc::RTM_DELADDR => {
                let (head, rest) = payload.split_first_chunk::<ADDRESS_HEAD>()?;
                let wanted = [libc::IFA_LOCAL, libc::IFA_ADDRESS];
                // On a point-to-point interface IFA_ADDRESS is the other end's.
                let address = wanted.iter().find_map(|wanted| {
                    attributes(rest).find(|(kind, _)| kind == wanted).and_then(|(_, value)| ipv4(value))
                })?;
                let index = u32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
                let inet = i32::from(head[0]) == libc::AF_INET;
                inet.then_some(Self::Address { gone: kind == libc::RTM_DELADDR, index, address })
            }
            _ => None,
        }
    }
}

impl LinkMessage {
    fn take(&mut self, kind: u16, value: &[u8]) {
        match kind {
            libc::IFLA_IFNAME => self.name = text(value),
            libc::IFLA_MTU => self.mtu = number(value),
            libc::IFLA_ADDRESS => self.address = value.try_into().ok().map(LinkAddress),
            libc::IFLA_MASTER => self.master = number(value).filter(|index| *index != 0),
            IFLA_CARRIER_DOWN_COUNT => self.carrier_losses = number(value),
            libc::IFLA_LINKINFO => {
                let kind = attributes(value).find(|(kind, _)| *kind == libc::IFLA_INFO_KIND);
                self.kind = kind.and_then(|(_, value)| text(value));
            }
            _ => {}
        }
    }
}

fn route() -> Protocol {
    Protocol::from(libc::NETLINK_ROUTE)
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}

fn text(value: &[u8]) -> Option<String> {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    Some(String::from_utf8_lossy(&value[..end]).into_owned())
}

fn ipv4(value: &[u8]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?))
}

/// Bytes of an `ifinfomsg` and an `ifaddrmsg`: family and index, and for links kind of hardware and flags.
const LINK_HEAD: usize = 16;
const ADDRESS_HEAD: usize = 8;
/// Of `linux/if_link.h`.
const IFLA_CARRIER_DOWN_COUNT: u16 = 48;
/// The kernel's messages are at most 32 KiB.
pub(crate) const BUFFER_BYTES: usize = 32 * 1024;
/// The kernel answers within the call that asks; this bounds a fault of ours.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// It also answers a change within the call, once the driver is done: one that loads its firmware takes seconds.
const LONGEST_CHANGE: Duration = Duration::from_secs(15);
/// Bytes of the header that generic netlink puts before attributes: command and version.
pub(crate) const GENERIC_HEAD: usize = 4;
/// Of `linux/genetlink.h`.
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
/// Of one answer: addresses of some 100,000 interfaces.
const MOST_DATAGRAMS: usize = 512;

#[cfg(test)]
mod tests;
