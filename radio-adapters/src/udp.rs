//! UDP multicast as a radio: no privilege, works on loopback, so several stations can share one
//! machine. The link of demonstrations, tests and wired backhaul.
//!
//! Two sockets a station: one bound to group and port (shared by all stations of the machine) that
//! only receives, and one with a port of its own that only sends, so that its address identifies
//! the station. A station's pseudonym does not reach this link: the address stays, also when the interface goes and comes
//! back, unless its IPv4 address changes.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use v2x_proto::link::AccessCategory;
use v2x_proto::link::ip::link_address;

use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::priority::{tos, user_priority};
use crate::radio::{
    AccessSupport, Capabilities, Counters, LinkAddress, LinkState, MAX_FRAME_BYTES, Radio, RxMeta, Subject,
    TxFrame, explained, too_long,
};
use crate::socket::{self, AsyncSocket, WrappingCount};
use crate::watch::{Demand, Facts, Step, Watch};

/// Where a UDP link sends and listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpConfig {
    /// Multicast group and port, the same for all stations of the link.
    pub group: SocketAddrV4,
    /// The interface to use.
    pub interface: UdpInterface,
    /// Whether other stations on this machine hear us (always so on `lo`). Default: yes.
    pub loopback: bool,
    /// Routers a frame may cross, plus one. Default: 1, a single hop like a radio's.
    pub ttl: u8,
    /// Receive queue, bytes; without `CAP_NET_ADMIN` the kernel caps it at `net.core.rmem_max`.
    /// Default: 1 MiB, some hundred milliseconds of a loaded channel.
    pub receive_buffer: usize,
    /// An interface that is not there yet is waited for. Default: no, it is an error, which shows a mistyped name.
    pub wait: bool,
}

impl UdpConfig {
    /// A link on `group` over `interface`, with the defaults above.
    pub fn new(group: SocketAddrV4, interface: UdpInterface) -> Self {
        Self { group, interface, loopback: true, ttl: 1, receive_buffer: 1 << 20, wait: false }
    }
}

/// An interface, as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UdpInterface {
    /// By its own IPv4 address; 127.0.0.1 is loopback.
    Address(Ipv4Addr),
    /// By name, such as `wlan0`; its first IPv4 address is used, and kept for as long as the interface has it.
    Name(String),
}

/// A station on a UDP multicast link.
///
/// Coming back after the interface was down happens inside [`Radio::poll_recv`], so keep polling it.
#[derive(Debug)]
pub struct UdpRadio {
    config: UdpConfig,
    watch: Watch,
    open: Option<Open>,
    /// Whether it was ever open.
    opened: bool,
    group: SockAddr,
    /// Where frames leave from; unspecified until the interface has an address.
    local: SocketAddrV4,
    /// What the sender's frames are marked as.
    access: Option<AccessCategory>,
    dropped: WrappingCount,
    counters: Counters,
}

impl UdpRadio {
    /// Joins the group. The interface may be down or without address: the link then begins when it can.
    ///
    /// # Errors
    /// [`OpenError`]: no such interface, a port of a bridge, no multicast group, or a system call that failed; also when
    /// called outside a tokio runtime.
    ///
    /// # Panics
    /// If the runtime's IO driver is not enabled.
    pub fn open(config: &UdpConfig) -> Result<Self, OpenError> {
        let group = *config.group.ip();
        if !group.is_multicast() {
            return Err(OpenError::NotMulticast { group });
        }
        let subject = match &config.interface {
            UdpInterface::Address(address) => Subject::Address(*address),
            UdpInterface::Name(name) => Subject::Name(name.clone()),
        };
        let mut radio = Self {
            config: config.clone(),
            watch: Watch::new(subject, Demand::Multicast, config.wait)?,
            open: None,
            opened: false,
            group: SockAddr::from(config.group),
            local: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            access: None,
            dropped: WrappingCount::default(),
            counters: Counters::default(),
        };
        match radio.follow(&mut Context::from_waker(Waker::noop())) {
            Some(error) => Err(error),
            None => Ok(radio),
        }
    }

    /// The address frames leave from.
    pub fn local_address(&self) -> SocketAddr {
        SocketAddr::V4(self.local)
    }

    /// Does what the watch over the interface asks for; the last error, if it failed.
    fn follow(&mut self, cx: &mut Context<'_>) -> Option<OpenError> {
        let mut failed = None;
        while let Poll::Ready(step) = self.watch.poll(cx) {
            // First: the port is to be had again.
            self.open = None;
            self.access = None;
            let Step::Open(facts) = step else { continue };
            match Open::on(&self.config, &facts, self.local) {
                Ok((open, local)) => {
                    self.local = local;
                    self.open = Some(open);
                    self.dropped.restart();
                    self.counters.reopened += u64::from(self.opened);
                    self.opened = true;
                    self.watch.opened();
                }
                Err(error) => {
                    self.watch.refused(&error);
                    failed = Some(error);
                }
            }
        }
        failed
    }
}

impl Radio for UdpRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        loop {
            let _told_by_the_state = self.follow(cx);
            let Some(Open { receiver, .. }) = &mut self.open else { return Poll::Pending };
            let mut from = SockAddr::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
            let start = buf.len();
            let polled =
                receiver.poll_read(cx, |socket| socket::receive(socket, &mut [], Some(&mut from), buf));
            let received = match ready!(polled) {
                Ok(received) => received,
                Err(error) if is_down(&error) => {
                    self.watch.suspect();
                    continue;
                }
                Err(error) => {
                    self.counters.receive_errors += 1;
                    return Poll::Ready(Err(error));
                }
            };
            if let Some(dropped) = received.dropped {
                self.dropped.update(dropped);
            }
            let from = from.as_socket_ipv4();
            if received.oversized {
                self.counters.oversized += 1;
            } else if from == Some(self.local) {
                self.counters.filtered += 1;
            } else if let Some(from) = from {
                self.counters.received += 1;
                self.counters.received_bytes += received.bytes as u64;
                return Poll::Ready(Ok(received.meta(link_address_of(from))));
            }
            buf.truncate(start);
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        let bytes = frame.bytes.len();
        let result = if bytes > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            Err(too_long(bytes))
        } else if let Some(Open { sender, .. }) = &mut self.open {
            if self.access != Some(frame.access) {
                mark(sender.socket(), frame.access);
                self.access = Some(frame.access);
            }
            let group = &self.group;
            let Poll::Ready(sent) = sender.poll_write(cx, |socket| socket.send_to(frame.bytes, group)) else {
                self.watch.full();
                return Poll::Pending;
            };
            self.watch.took();
            sent.map_err(|error| {
                if is_down(&error) {
                    self.watch.suspect();
                }
                explained(error, bytes, &self.watch.interface(), self.watch.mtu())
            })
        } else {
            Err(self.watch.down_error())
        };
        match result {
            Ok(bytes) => {
                self.counters.sent += 1;
                self.counters.sent_bytes += bytes as u64;
                Poll::Ready(Ok(monotonic_ns()))
            }
            Err(error) => {
                self.counters.send_errors += 1;
                Poll::Ready(Err(error))
            }
        }
    }

    /// The address stays the same, and rate and power are those of whatever carries the datagrams.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            access: AccessSupport::Marked,
            receive_stamps: true,
            ..Capabilities::plain(MAX_FRAME_BYTES)
        }
    }

    fn link_address(&self) -> LinkAddress {
        link_address_of(self.local)
    }

    fn counters(&self) -> Counters {
        self.watch.counted(Counters { kernel_dropped: self.dropped.total(), ..self.counters })
    }

    fn describe(&self) -> String {
        let (group, interface) = (self.config.group, self.watch.interface());
        match self.opened {
            true => format!("udp {group} on {interface} as {}", self.local),
            false => format!("udp {group} on {interface}"),
        }
    }

    fn state(&self) -> LinkState {
        self.watch.state()
    }
}

/// The link address of a sender on a link over UDP.
fn link_address_of(sender: SocketAddrV4) -> LinkAddress {
    LinkAddress(link_address(sender))
}

/// The two sockets of a link, on one interface.
#[derive(Debug)]
struct Open {
    receiver: AsyncSocket,
    sender: AsyncSocket,
}

impl Open {
    /// Opens them, the sender at the port it had `before` if that can be, and says where that is.
    fn on(
        config: &UdpConfig,
        facts: &Facts,
        before: SocketAddrV4,
    ) -> Result<(Self, SocketAddrV4), OpenError> {
        let address = facts.ipv4.expect("invariant: an interface without address is unfit for UDP");
        let receiver = open_receiver(config, facts.index).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => OpenError::PortInUse { group: config.group },
            _ => OpenError::at(format!("listening on {} at {address}", config.group))(source),
        })?;
        let port = if *before.ip() == address { before.port() } else { 0 };
        let opened = open_sender(config, SocketAddrV4::new(address, port));
        // Another program may have taken the port meanwhile.
        let opened = opened.or_else(|_| open_sender(config, SocketAddrV4::new(address, 0)));
        let sender =
            opened.map_err(OpenError::at(format!("opening a sender to {} at {address}", config.group)))?;
        let local = sender
            .socket()
            .local_addr()
            .map_err(OpenError::at("asking for the sender's address"))?
            .as_socket_ipv4()
            .unwrap_or(SocketAddrV4::new(address, 0));
        Ok((Self { receiver, sender }, local))
    }
}

fn open_receiver(config: &UdpConfig, interface: u32) -> io::Result<AsyncSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket::prepare(&socket, config.receive_buffer)?;
    // Without this, groups other processes joined on other interfaces would be heard too.
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SockAddr::from(config.group))?;
    // By index: an address may be on two interfaces.
    socket.join_multicast_v4_n(config.group.ip(), &InterfaceIndexOrAddress::Index(interface))?;
    AsyncSocket::new(socket)
}

fn open_sender(config: &UdpConfig, from: SocketAddrV4) -> io::Result<AsyncSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_if_v4(from.ip())?;
    socket.set_multicast_loop_v4(config.loopback)?;
    socket.set_multicast_ttl_v4(u32::from(config.ttl))?;
    // Without this, a frame that the device has no room for counts as sent (ip(7)).
    setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
    socket.bind(&SockAddr::from(from))?;
    AsyncSocket::new(socket)
}

/// The interface, or the address on it, is gone: the kernel's error depends on which, and on the call.
fn is_down(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENETDOWN
                | libc::ENODEV
                | libc::ENXIO
                | libc::EADDRNOTAVAIL
                | libc::ENETUNREACH
                | libc::EINVAL
        )
    )
}

/// Best effort: a frame with the wrong mark is better than none.
fn mark(socket: &Socket, access: AccessCategory) {
    // In this order: setting TOS also sets a priority of its own choosing.
    let marked = socket.set_tos_v4(tos(access)).and_then(|()| socket.set_priority(user_priority(access)));
    drop(marked);
}
