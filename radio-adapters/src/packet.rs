//! Raw Ethernet frames on a Linux interface (`AF_PACKET`): the link of a real radio, in OCB, IBSS or
//! over a wire. Needs `CAP_NET_RAW`.
//!
//! The kernel filters by EtherType. When the interface goes down or away the link says so, and it comes back with the
//! interface; see packet(7) and netdevice(7).
#![allow(unsafe_code, reason = "socket2 knows neither sockaddr_ll nor the PACKET_ options")]

mod first_contact;
mod ocb_table;
mod on_radio;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use nix::errno::Errno;
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};
use v2x_proto::envelope;
use v2x_proto::link::{AccessCategory, ethernet};

use self::ocb_table::OcbTable;
pub(crate) use self::on_radio::{OnRadio, warm_up_ether_type};
use crate::bpf;
use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::priority::user_priority;
use crate::radio::{
    AccessSupport, Capabilities, ChannelLoad, Counters, DEFAULT_ETHER_TYPE, LinkAddress, LinkState,
    MAX_FRAME_BYTES, Radio, RxMeta, Subject, TxFrame, explained, too_long,
};
use crate::socket::{self, AsyncSocket, WrappingCount};
use crate::watch::{Demand, Facts, Step, Watch};

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
    /// An interface that is not there yet is waited for. Default: no, it is an error, which shows a mistyped name.
    pub wait: bool,
}

impl PacketConfig {
    /// A link on `interface` with the defaults above.
    pub fn new(interface: impl Into<String>) -> Self {
        Self {
            interface: interface.into(),
            ether_type: DEFAULT_ETHER_TYPE,
            receive_buffer: 1 << 20,
            wait: false,
        }
    }
}

/// Leaves a radio's cell and joins it again.
pub trait Rejoin: fmt::Debug + Send {
    /// Begins to. The link does not wait for it, and hears from the kernel of what became of it.
    fn rejoin(&mut self);
}

/// A station on a raw Ethernet link.
///
/// Coming back after the interface was down happens inside [`Radio::poll_recv`], so keep polling it. On an interface in OCB
/// the first frames of an address are sent again there, and the kernel's table of neighbours is looked after.
#[derive(Debug)]
pub struct PacketRadio {
    config: PacketConfig,
    watch: Watch,
    open: Option<Open>,
    /// Whether it was ever open.
    opened: bool,
    address: LinkAddress,
    /// What the socket's frames are marked as.
    access: Option<AccessCategory>,
    /// While the interface is a radio.
    radio: Option<OnRadio>,
    table: OcbTable,
    rejoin: Option<Box<dyn Rejoin>>,
    /// Frames are heard by another link, and not by this one.
    deaf: bool,
    dropped: WrappingCount,
    counters: Counters,
    /// Frames read since the watch was asked last.
    unwatched: u32,
}

impl PacketRadio {
    /// Opens the interface. It may be down, without carrier or not joined: the link then begins when it can.
    ///
    /// # Errors
    /// [`OpenError`]: no such interface, not Ethernet-like, a monitor interface, a port of a bridge, no privilege, or a
    /// system call that failed; also when called outside a tokio runtime.
    ///
    /// # Panics
    /// If the runtime's IO driver is not enabled.
    pub fn open(config: PacketConfig) -> Result<Self, OpenError> {
        let name = &config.interface;
        let demand = Demand::Ethernet(envelope::MAX_FRAME);
        let watch = Watch::new(Subject::Name(name.clone()), demand, config.wait)?;
        // An interface that is down must not hide that a privilege is missing.
        Socket::new(Domain::PACKET, Type::RAW, None).map_err(|error| refused(error, name))?;
        let mut radio = Self {
            config,
            watch,
            open: None,
            opened: false,
            address: LinkAddress::default(),
            access: None,
            radio: None,
            table: OcbTable::default(),
            rejoin: None,
            deaf: false,
            dropped: WrappingCount::default(),
            counters: Counters::default(),
            unwatched: 0,
        };
        match radio.follow(&mut Context::from_waker(Waker::noop())) {
            Some(error) => Err(error),
            None => Ok(radio),
        }
    }

    /// Has the link leave and join its cell when the kernel's table of neighbours in OCB is nearly full.
    #[must_use]
    pub fn rejoining(self, rejoin: Box<dyn Rejoin>) -> Self {
        Self { rejoin: Some(rejoin), ..self }
    }

    /// Whether it has its socket.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether another link hears the frames, so that the kernel gives none to this one.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Sets that, for as long as the link lives.
    pub(crate) fn set_deaf(&mut self, deaf: bool) {
        self.deaf = deaf;
        if let Some(open) = &self.open {
            let socket = open.socket.socket();
            // Best effort: a copy too many is dropped behind the link.
            let _kept = if deaf { bpf::attach_nothing(socket) } else { socket.detach_filter() };
        }
    }

    /// Does what the watch over the interface asks for; the last error, if it failed.
    fn follow(&mut self, cx: &mut Context<'_>) -> Option<OpenError> {
        let mut failed = None;
        while let Poll::Ready(step) = self.watch.poll(cx) {
            self.open = None;
            self.access = None;
            self.radio = None;
            self.table.left();
            let Step::Open(facts) = step else { continue };
            match open(&self.config, &facts) {
                Ok((open, radio)) => {
                    self.radio = radio;
                    if self.deaf {
                        // Best effort: a copy too many is better than no link.
                        let _heard_twice = bpf::attach_nothing(open.socket.socket());
                    }
                    self.address = facts.address.unwrap_or_default();
                    self.dropped.restart();
                    self.counters.reopened += u64::from(self.opened);
                    self.opened = true;
                    self.open = Some(open);
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

    fn poll_recv_inner(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        // Asking the watch takes a tenth as long as reading a frame. It is asked before this is pending, so that its news
        // wake the caller, and now and then while frames do not end.
        if self.open.is_none() {
            self.unwatched = MOST_UNWATCHED;
        }
        let mut asked = false;
        loop {
            if self.unwatched >= MOST_UNWATCHED {
                (self.unwatched, asked) = (0, true);
                let _told_by_the_state = self.follow(cx);
            }
            let Some(Open { socket, index }) = &mut self.open else { return Poll::Pending };
            let mut header = [0; ethernet::Header::LEN];
            let mut from = link_layer_address(self.config.ether_type, *index);
            let start = buf.len();
            let read = |socket: &Socket| socket::receive(socket, &mut header, Some(&mut from), buf);
            let received = match socket.poll_read(cx, read) {
                Poll::Ready(Ok(received)) => received,
                Poll::Ready(Err(error)) if is_down(&error) => {
                    self.watch.suspect();
                    self.unwatched = MOST_UNWATCHED;
                    continue;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if asked => return Poll::Pending,
                Poll::Pending => {
                    self.unwatched = MOST_UNWATCHED;
                    continue;
                }
            };
            self.unwatched += 1;
            if let Some(dropped) = received.dropped {
                self.dropped.update(dropped);
            }
            let header = ethernet::Header::parse(&header);
            let arrival = link_layer(&from);
            // All our frames are broadcast; a unicast frame belongs to another program, seen because
            // some other program made the interface promiscuous. A frame of another VLAN comes with the index of the VLAN's
            // interface or, where there is none, as one for another host.
            if received.oversized {
                self.counters.oversized += 1;
            } else if u32::try_from(arrival.sll_ifindex) != Ok(*index)
                || arrival.sll_pkttype == libc::PACKET_OTHERHOST
            {
                self.counters.foreign += 1;
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

    /// Sends a warm-up frame of `source` if its next frame would need one. Pending, the queue is full.
    pub(crate) fn warm_up(&mut self, cx: &mut Context<'_>, source: LinkAddress) -> Poll<()> {
        let (Some(radio), Some(Open { socket, .. })) = (&mut self.radio, &mut self.open) else {
            return Poll::Ready(());
        };
        let now_ns = monotonic_ns();
        if radio.is_warm_up_due(now_ns, source) {
            let other = warm_up_ether_type(self.config.ether_type);
            let header = ethernet::Header::broadcast(source.0, other).encode();
            match socket.poll_write(cx, |socket| socket.send(&header)) {
                Poll::Pending => {
                    self.watch.full();
                    return Poll::Pending;
                }
                // What is wrong, the frame itself will hear.
                Poll::Ready(sent) => self.counters.warm_ups += u64::from(sent.is_ok()),
            }
            radio.warmed_up(now_ns, source);
        }
        Poll::Ready(())
    }

    /// As on an interface in OCB.
    #[cfg(test)]
    pub(crate) fn in_ocb(self) -> Self {
        Self { radio: Some(OnRadio::new(None, true).unwrap()), ..self }
    }

    fn poll_send_inner(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<()>> {
        let source = frame.source.unwrap_or(self.address);
        ready!(self.warm_up(cx, source));
        let Some(Open { socket, .. }) = &mut self.open else {
            return Poll::Ready(Err(self.watch.down_error()));
        };
        let bytes = frame.bytes.len();
        if bytes > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            return Poll::Ready(Err(too_long(bytes)));
        }
        mark(&mut self.access, socket, frame.access);
        let header = ethernet::Header::broadcast(source.0, self.config.ether_type).encode();
        let parts = [IoSlice::new(&header), IoSlice::new(frame.bytes)];
        let Poll::Ready(sent) = socket.poll_write(cx, |socket| socket.send_vectored(&parts)) else {
            self.watch.full();
            return Poll::Pending;
        };
        self.watch.took();
        if let Some(radio) = self.radio.as_mut().filter(|_| sent.is_ok()) {
            radio.sent(monotonic_ns(), source, frame);
        }
        Poll::Ready(sent.map(drop).map_err(|error| {
            if is_down(&error) {
                self.watch.suspect();
            }
            if error.raw_os_error() == Some(libc::EMSGSIZE) {
                self.counters.oversized += 1;
            }
            explained(error, bytes, &self.config.interface, self.watch.mtu())
        }))
    }

    /// Sends what is to be sent again, and looks at a new count of the kernel's neighbours. Has the task woken for either.
    fn tend(&mut self, cx: &mut Context<'_>) {
        let (Some(radio), Some(Open { socket, .. })) = (&mut self.radio, &mut self.open) else { return };
        while let Poll::Ready(copy) = radio.poll_copy(cx, monotonic_ns) {
            mark(&mut self.access, socket, copy.access);
            let header = ethernet::Header::broadcast(copy.source.0, self.config.ether_type).encode();
            // A copy is not worth waiting for.
            let sent = socket.socket().send_vectored(&[IoSlice::new(&header), IoSlice::new(&copy.bytes)]);
            self.counters.first_copies += u64::from(sent.is_ok());
        }
        if let Poll::Ready(entries) = radio.poll_stations(cx)
            && self.table.count(monotonic_ns(), entries, self.rejoin.is_some() && !self.deaf)
            && let Some(rejoin) = &mut self.rejoin
        {
            self.counters.rejoined += 1;
            rejoin.rejoin();
        }
    }
}

impl Radio for PacketRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let polled = self.poll_recv_inner(cx, buf);
        if polled.is_pending() || self.radio.as_ref().is_some_and(OnRadio::has_copies) {
            self.tend(cx);
        }
        if matches!(polled, Poll::Ready(Err(_))) {
            self.counters.receive_errors += 1;
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

    /// Rate and power are the interface's; the kernel reports no signal strength, and a channel load where the interface is a
    /// radio whose driver measures it.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            source_per_frame: true,
            access: AccessSupport::Marked,
            receive_stamps: true,
            channel_load: self.radio.as_ref().is_some_and(OnRadio::measures),
            ..Capabilities::plain(self.watch.mtu().min(MAX_FRAME_BYTES))
        }
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        self.radio.as_mut().map_or(Poll::Pending, |radio| radio.poll_load(cx))
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        self.watch.counted(Counters {
            kernel_dropped: self.dropped.total(),
            ocb_entries: self.table.entries(),
            ocb_entries_most: self.table.most(),
            ..self.counters
        })
    }

    fn describe(&self) -> String {
        let PacketConfig { interface, ether_type, .. } = &self.config;
        match self.opened {
            true => format!("packet on {interface} as {}, EtherType {ether_type:#06x}", self.address),
            false => format!("packet on {interface}, EtherType {ether_type:#06x}"),
        }
    }

    fn state(&self) -> LinkState {
        let state = self.watch.state();
        let fault = self.table.fault(&self.config.interface, self.rejoin.is_some());
        // Another link hears without that table.
        match fault.filter(|_| state == LinkState::Up && !self.deaf) {
            Some((since_ns, fault)) => LinkState::Limited { since_ns, fault },
            None => state,
        }
    }
}

/// A socket bound to an interface.
#[derive(Debug)]
struct Open {
    socket: AsyncSocket,
    index: u32,
}

fn open(config: &PacketConfig, facts: &Facts) -> Result<(Open, Option<OnRadio>), OpenError> {
    let opened = open_socket(config, facts.index).and_then(|socket| Ok((socket, OnRadio::of(facts.index)?)));
    let (socket, radio) = opened.map_err(|e| refused(e, &config.interface))?;
    Ok((Open { socket, index: facts.index }, radio))
}

/// Has the socket's next frames in the queue of this category. Best effort: a frame in the wrong queue is better than none.
fn mark(marked: &mut Option<AccessCategory>, socket: &AsyncSocket, access: AccessCategory) {
    if *marked != Some(access) && socket.socket().set_priority(user_priority(access)).is_ok() {
        *marked = Some(access);
    }
}

fn open_socket(config: &PacketConfig, index: u32) -> io::Result<AsyncSocket> {
    // Protocol 0 receives nothing: until bound, frames of all interfaces would be queued.
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    socket::prepare(&socket, config.receive_buffer)?;
    ignore_outgoing(&socket)?;
    socket.bind(&link_layer_address(config.ether_type, index))?;
    AsyncSocket::new(socket)
}

/// The error of opening a socket on the interface of this name.
pub(crate) fn refused(error: io::Error, name: &str) -> OpenError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        OpenError::NoPrivilege { name: name.to_owned() }
    } else {
        OpenError::at(format!("opening a packet socket on {name:?}"))(error)
    }
}

/// Frames of this EtherType (or `ETH_P_ALL`) on the interface of this index.
pub(crate) fn link_layer_address(ether_type: u16, index: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is one of the address types sockaddr_storage has room and alignment for,
    // and is plain integers, so the zeroed storage is a value of it.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ether_type.to_be();
    address.sll_ifindex = index.cast_signed();
    // SAFETY: the storage holds a sockaddr_ll, of that length.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// The link layer's account of where a frame came from.
fn link_layer(from: &SockAddr) -> libc::sockaddr_ll {
    // SAFETY: a SockAddr has the room and alignment of sockaddr_storage, all of it initialised, and a sockaddr_ll is plain
    // integers.
    unsafe { *from.as_ptr().cast::<libc::sockaddr_ll>() }
}

/// Own frames are not given back to the socket.
pub(crate) fn ignore_outgoing(socket: &Socket) -> io::Result<()> {
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
pub(crate) fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENODEV | libc::ENXIO))
}

/// Frames read before the watch is asked all the same: a fraction of a millisecond's.
const MOST_UNWATCHED: u32 = 64;
