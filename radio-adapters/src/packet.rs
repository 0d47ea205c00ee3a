//! Raw Ethernet frames on a Linux interface (`AF_PACKET`): the link of a real radio, in OCB, IBSS or
//! over a wire. Needs `CAP_NET_RAW`.
//!
//! The kernel filters by EtherType. When the interface goes down or away the link reports it and tries
//! to come back, for as long as the station runs; see packet(7) and netdevice(7).
#![allow(unsafe_code, reason = "socket2 knows neither sockaddr_ll nor the PACKET_ options")]

mod backoff;
#[cfg(test)]
mod tests;

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use nix::errno::Errno;
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};
use v2x_proto::link::{AccessCategory, ethernet};

use self::backoff::Backoff;
use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::interface;
use crate::mtu;
use crate::priority::user_priority;
use crate::radio::{
    AccessSupport, Capabilities, Counters, DEFAULT_ETHER_TYPE, LinkAddress, LinkState, MAX_FRAME_BYTES,
    Radio, RxMeta, TxFrame, too_long,
};
use crate::socket::{self, AsyncSocket, WrappingCount};

/// Which interface, and which frames on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketConfig {
    /// Interface name, such as `wlan0`.
    pub interface: String,
    /// The EtherType of our frames, 0x0600..=0xffff. Default: [`DEFAULT_ETHER_TYPE`].
    pub ether_type: u16,
    /// Receive queue, bytes; without `CAP_NET_ADMIN` the kernel caps it at `net.core.rmem_max`.
    /// Default: 1 MiB.
    pub receive_buffer: usize,
}

impl PacketConfig {
    /// A link on `interface` with the defaults above.
    pub fn new(interface: impl Into<String>) -> Self {
        Self { interface: interface.into(), ether_type: DEFAULT_ETHER_TYPE, receive_buffer: 1 << 20 }
    }
}

/// A station on a raw Ethernet link.
///
/// Coming back after the interface was down happens inside [`Radio::poll_recv`], so keep polling it.
#[derive(Debug)]
pub struct PacketRadio {
    config: PacketConfig,
    link: Link,
    address: LinkAddress,
    backoff: Backoff,
    /// The task waiting in `poll_recv`, for when `poll_send` is first to notice that the link went down.
    reader: Option<Waker>,
    /// Longest frame the interface took when it was opened.
    max_frame_bytes: usize,
    /// What the socket's frames are marked as.
    access: Option<AccessCategory>,
    dropped: WrappingCount,
    counters: Counters,
}

impl PacketRadio {
    /// Opens the interface, which must exist and be up.
    ///
    /// # Errors
    /// [`OpenError`]: no such interface, down, not Ethernet-like, no privilege, or a system call that
    /// failed; also when called outside a tokio runtime.
    ///
    /// # Panics
    /// If the runtime's IO driver is not enabled.
    pub fn open(config: PacketConfig) -> Result<Self, OpenError> {
        let Opened { socket, address, max_frame_bytes } = open(&config)?;
        let backoff = Backoff::new().map_err(OpenError::at("creating a timer"))?;
        Ok(Self {
            config,
            link: Link::Open(socket),
            address,
            backoff,
            reader: None,
            max_frame_bytes,
            access: None,
            dropped: WrappingCount::default(),
            counters: Counters::default(),
        })
    }

    fn go_down(&mut self, reason: &io::Error) {
        self.link = Link::Down { since_ns: monotonic_ns(), reason: reason.to_string() };
        self.access = None;
        self.backoff.restart();
    }

    /// Ready when the link is open again.
    fn poll_reopen(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Link::Down { reason, .. } = &mut self.link {
            ready!(self.backoff.poll_attempt(cx))?;
            match open(&self.config) {
                Ok(Opened { socket, address, max_frame_bytes }) => {
                    self.link = Link::Open(socket);
                    self.address = address;
                    self.max_frame_bytes = max_frame_bytes;
                    self.dropped.restart();
                    self.counters.reopened += 1;
                }
                Err(error) => *reason = error.to_string(),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_recv_inner(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        loop {
            ready!(self.poll_reopen(cx))?;
            let Link::Open(socket) = &mut self.link else { continue };
            let mut header = [0; ethernet::Header::LEN];
            let start = buf.len();
            let read = |socket: &Socket| socket::receive(socket, &mut header, None, buf);
            let received = match ready!(socket.poll_read(cx, read)) {
                Ok(received) => received,
                Err(error) if is_down(&error) => {
                    self.go_down(&error);
                    continue;
                }
                Err(error) => return Poll::Ready(Err(error)),
            };
            if let Some(dropped) = received.dropped {
                self.dropped.update(dropped);
            }
            let header = ethernet::Header::parse(&header);
            // All our frames are broadcast; a unicast frame belongs to another program, seen because
            // some other program made the interface promiscuous.
            if received.oversized {
                self.counters.oversized += 1;
            } else if !header.is_to_group() {
                self.counters.filtered += 1;
            } else {
                self.counters.received += 1;
                self.counters.received_bytes += received.bytes as u64;
                return Poll::Ready(Ok(received.meta(LinkAddress(header.source))));
            }
            buf.truncate(start);
        }
    }

    fn poll_send_inner(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<()>> {
        let socket = match &mut self.link {
            Link::Open(socket) => socket,
            Link::Down { reason, .. } => {
                let text = format!("{} is down: {reason}", self.config.interface);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, text)));
            }
        };
        if frame.bytes.len() > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            return Poll::Ready(Err(too_long(frame.bytes.len())));
        }
        if self.access != Some(frame.access) {
            // Best effort: a frame in the wrong queue is better than none.
            if socket.socket().set_priority(user_priority(frame.access)).is_ok() {
                self.access = Some(frame.access);
            }
        }
        let source = frame.source.unwrap_or(self.address);
        let header = ethernet::Header::broadcast(source.0, self.config.ether_type).encode();
        let parts = [IoSlice::new(&header), IoSlice::new(frame.bytes)];
        match ready!(socket.poll_write(cx, |socket| socket.send_vectored(&parts))) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) => {
                if is_down(&error) {
                    self.go_down(&error);
                    // The socket the reader waited on is gone, and sending took its error.
                    self.reader.take().into_iter().for_each(Waker::wake);
                }
                if error.raw_os_error() == Some(libc::EMSGSIZE) {
                    self.counters.oversized += 1;
                }
                Poll::Ready(Err(error))
            }
        }
    }
}

impl Radio for PacketRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let polled = self.poll_recv_inner(cx, buf);
        match &polled {
            Poll::Pending => match &mut self.reader {
                Some(waker) => waker.clone_from(cx.waker()),
                None => self.reader = Some(cx.waker().clone()),
            },
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => self.counters.receive_errors += 1,
        }
        polled
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        match ready!(self.poll_send_inner(cx, frame)) {
            Ok(()) => {
                self.counters.sent += 1;
                self.counters.sent_bytes += frame.bytes.len() as u64;
                Poll::Ready(Ok(monotonic_ns()))
            }
            Err(error) => {
                self.counters.send_errors += 1;
                Poll::Ready(Err(error))
            }
        }
    }

    /// Rate and power are the interface's; the kernel reports neither signal strength nor channel load.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            source_per_frame: true,
            access: AccessSupport::Marked,
            receive_stamps: true,
            ..Capabilities::plain(self.max_frame_bytes)
        }
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        Counters { kernel_dropped: self.dropped.total(), ..self.counters }
    }

    fn describe(&self) -> String {
        let PacketConfig { interface, ether_type, .. } = &self.config;
        format!("packet on {interface} as {}, EtherType {ether_type:#06x}", self.address)
    }

    fn state(&self) -> LinkState {
        match &self.link {
            Link::Open(_) => LinkState::Up,
            Link::Down { since_ns, reason } => {
                LinkState::Down { since_ns: *since_ns, reason: reason.clone() }
            }
        }
    }
}

#[derive(Debug)]
enum Link {
    Open(AsyncSocket),
    Down { since_ns: u64, reason: String },
}

struct Opened {
    socket: AsyncSocket,
    address: LinkAddress,
    max_frame_bytes: usize,
}

fn open(config: &PacketConfig) -> Result<Opened, OpenError> {
    let name = &config.interface;
    let interface = interface::find(name)?;
    let address = interface.address.ok_or_else(|| OpenError::NoHardwareAddress { name: name.clone() })?;
    if !interface.up {
        return Err(OpenError::InterfaceDown { name: name.clone() });
    }
    let socket = open_socket(config, interface.index).map_err(|e| refused(e, name))?;
    let max_frame_bytes = mtu::max_frame_bytes(socket.socket(), name)
        .map_err(OpenError::at(format!("asking for the MTU of {name:?}")))?;
    Ok(Opened { socket, address, max_frame_bytes })
}

fn open_socket(config: &PacketConfig, index: u32) -> io::Result<AsyncSocket> {
    // Protocol 0 receives nothing: until bound, frames of all interfaces would be queued.
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    socket::prepare(&socket, config.receive_buffer)?;
    ignore_outgoing(&socket)?;
    socket.bind(&link_layer_address(config.ether_type, index)?)?;
    AsyncSocket::new(socket)
}

fn refused(error: io::Error, name: &str) -> OpenError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        OpenError::NoPrivilege { name: name.to_owned() }
    } else {
        OpenError::at(format!("opening a packet socket on {name:?}"))(error)
    }
}

fn link_layer_address(ether_type: u16, index: u32) -> io::Result<SockAddr> {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is one of the address types sockaddr_storage has room and alignment for,
    // and is plain integers, so the zeroed storage is a value of it.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ether_type.to_be();
    address.sll_ifindex = i32::try_from(index).map_err(io::Error::other)?;
    // SAFETY: the storage holds a sockaddr_ll, of that length.
    Ok(unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) })
}

fn ignore_outgoing(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option takes an int, the pointer and length are those of one that outlives the
    // call, and the descriptor is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    Errno::result(result)?;
    Ok(())
}

/// The interface is down, or gone: the kernel's error depends on which, and on the call.
fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENODEV | libc::ENXIO))
}
