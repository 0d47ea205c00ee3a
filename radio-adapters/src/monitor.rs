//! 802.11 frames by injection and capture, on a monitor interface: access category and data rate for each frame, signal
//! strength of each frame heard, and the radio's word on each frame sent. Needs `CAP_NET_RAW`.
//!
//! A frame is a QoS data frame outside the context of a BSS (IEEE Std 802.11-2020, 9.3.2), without acknowledgement, behind a
//! radiotap header. The kernel neither numbers it nor knows its sender, so both are this link's; a new sender begins at
//! a number that its address gives, so that numbers do not tie it to the one before.

mod flights;
mod reading;
mod statuses;

#[cfg(test)]
mod tests;

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use socket2::{Domain, Socket, Type};
use v2x_proto::envelope;
use v2x_proto::link::ieee80211::{BROADCAST, QosData};
use v2x_proto::link::radiotap::Transmit;
use v2x_proto::link::{AccessCategory, ChannelWidth, DataRate};

use self::flights::Flights;
pub(crate) use self::flights::Impersonation;
use self::reading::{Reading, Wanted, nominal, with_report};
use self::statuses::Statuses;
use crate::bpf;
use crate::channel_meter::ChannelMeter;
use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::packet::{OnRadio, ignore_outgoing, is_down, link_layer_address, refused, warm_up_ether_type};
use crate::priority::user_priority;
use crate::radio::{
    AccessSupport, Capabilities, ChannelLoad, Counters, DEFAULT_ETHER_TYPE, LinkAddress, LinkState,
    MAX_FRAME_BYTES, Radio, RxMeta, Subject, TransmitStatus, TxFrame, explained, too_long,
};
use crate::socket::{self, AsyncSocket, WrappingCount};
use crate::watch::{Demand, Facts, Step, Watch};

/// Which interface, and which frames on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorConfig {
    /// Name of a monitor interface whose channel is set, such as `mon0`.
    pub interface: String,
    /// The EtherType of our frames, 0x0600..=0xffff. Default: [`DEFAULT_ETHER_TYPE`].
    pub ether_type: u16,
    /// Width of the channel, MHz: 5, 10 or 20. Default: 10.
    pub width_mhz: u8,
    /// Rate of frames that ask for none, as in a channel of 10 MHz; the modulation is the same in others. Default: 6 Mb/s.
    pub rate: DataRate,
    /// Frames of a cell (IBSS, access point) are heard too. Default: no, because their stations would not hear this one.
    pub of_cells: bool,
    /// Receive queue, bytes; without `CAP_NET_ADMIN` the kernel caps it at `net.core.rmem_max`.
    /// Default: 1 MiB.
    pub receive_buffer: usize,
    /// Stations in OCB are made to know an address before its first frame, as [`packet`](crate::packet) does: their kernels drop
    /// the first frame of one that is new to them. Default: yes.
    pub greets: bool,
    /// An interface that is not there yet is waited for. Default: no, it is an error, which shows a mistyped name.
    pub wait: bool,
}

impl MonitorConfig {
    /// A link on `interface` with the defaults above.
    pub fn new(interface: impl Into<String>) -> Self {
        Self {
            interface: interface.into(),
            ether_type: DEFAULT_ETHER_TYPE,
            width_mhz: 10,
            rate: DataRate::default(),
            of_cells: false,
            receive_buffer: 1 << 20,
            greets: true,
            wait: false,
        }
    }
}

/// A station that injects its frames and hears those of others on a monitor interface.
///
/// Coming back after the interface was down happens inside [`Radio::poll_recv`], so keep polling it.
#[derive(Debug)]
pub struct MonitorRadio {
    config: MonitorConfig,
    wanted: Wanted,
    watch: Watch,
    open: Option<AsyncSocket>,
    /// Where the kernel gives a socket for it; otherwise the first one has them too.
    statuses: Option<Statuses>,
    /// Where the kernel gives a socket for it.
    meter: Option<ChannelMeter>,
    /// Whether it was ever open.
    opened: bool,
    address: LinkAddress,
    /// The address of the interface that it stands beside.
    beside: Option<LinkAddress>,
    /// A frame as it was captured.
    scratch: Box<[u8]>,
    numbering: Numbering,
    greeting: Option<OnRadio>,
    flights: Flights,
    dropped: WrappingCount,
    counters: Counters,
}

impl MonitorRadio {
    /// Opens the interface. It may be down: the link then begins when it is up.
    ///
    /// # Errors
    /// [`OpenError`]: no such interface, no monitor interface, no privilege, or a system call that failed; also when called
    /// outside a tokio runtime.
    ///
    /// # Panics
    /// If the runtime's IO driver is not enabled.
    pub fn open(config: MonitorConfig) -> Result<Self, OpenError> {
        Self::on(config, Demand::Monitor(envelope::MAX_FRAME + OVERHEAD))
    }

    /// Name of the interface.
    pub fn interface(&self) -> &str {
        &self.config.interface
    }

    /// Whether frames can be injected and heard.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// It stands beside an interface of this address, frames of which the kernel sends as that interface's.
    pub(crate) fn set_beside(&mut self, address: LinkAddress) {
        self.beside = Some(address);
    }

    /// What is known of frames of this source: the kernel may take those of another than the interface's and send none of them,
    /// without an error.
    pub(crate) fn impersonation(&self, source: LinkAddress) -> Impersonation {
        if self.is_other(source) { self.flights.impersonation() } else { Impersonation::Works }
    }

    fn is_other(&self, source: LinkAddress) -> bool {
        source != self.beside.unwrap_or(self.address)
    }

    pub(crate) fn on(config: MonitorConfig, demand: Demand) -> Result<Self, OpenError> {
        let name = &config.interface;
        let watch = Watch::new(Subject::Name(name.clone()), demand, config.wait)?;
        // An interface that is down must not hide that a privilege is missing.
        Socket::new(Domain::PACKET, Type::RAW, None).map_err(|error| refused(error, name))?;
        let greeting = match config.greets {
            true => Some(OnRadio::new(None, true).map_err(|error| refused(error, name))?),
            false => None,
        };
        let wanted = Wanted { ether_type: config.ether_type, of_cells: config.of_cells };
        let mut radio = Self {
            config,
            wanted,
            watch,
            open: None,
            statuses: None,
            meter: None,
            opened: false,
            address: LinkAddress::default(),
            beside: None,
            scratch: vec![0; LONGEST_CAPTURED].into_boxed_slice(),
            numbering: Numbering::default(),
            greeting,
            flights: Flights::default(),
            dropped: WrappingCount::default(),
            counters: Counters::default(),
        };
        match radio.follow(&mut Context::from_waker(Waker::noop())) {
            Some(error) => Err(error),
            None => Ok(radio),
        }
    }

    /// Does what the watch over the interface asks for; the last error, if it failed.
    fn follow(&mut self, cx: &mut Context<'_>) -> Option<OpenError> {
        let mut failed = None;
        while let Poll::Ready(step) = self.watch.poll(cx) {
            self.open = None;
            self.statuses = None;
            self.meter = None;
            self.flights.forget();
            let Step::Open(facts) = step else { continue };
            match open(&self.config, &facts) {
                Ok(open) => {
                    self.statuses = Statuses::open(facts.index, self.config.ether_type).ok();
                    let width = ChannelWidth::of_mhz(self.config.width_mhz.into()).unwrap_or_default();
                    self.meter = ChannelMeter::open(facts.index, width).ok();
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
        for _ in 0..MOST_IN_A_ROW {
            let _told_by_the_state = self.follow(cx);
            let Some(socket) = &mut self.open else { return Poll::Pending };
            let start = buf.len();
            let scratch = &mut self.scratch;
            let received = ready!(socket.poll_read(cx, |socket| socket::receive(socket, scratch, None, buf)));
            let received = match received {
                Ok(received) => received,
                Err(error) if is_down(&error) => {
                    self.watch.suspect();
                    continue;
                }
                Err(error) => return Poll::Ready(Err(error)),
            };
            if let Some(dropped) = received.dropped {
                self.dropped.update(dropped);
            }
            buf.truncate(start);
            if received.oversized || received.length > self.scratch.len() {
                self.counters.oversized += 1;
                continue;
            }
            match Reading::of(&self.scratch[..received.length], &self.wanted) {
                Reading::Heard { payload, .. } if payload.len() > MAX_FRAME_BYTES => {
                    self.counters.oversized += 1;
                }
                Reading::Heard { source, payload, report } => {
                    buf.extend_from_slice(payload);
                    self.counters.received += 1;
                    self.counters.received_bytes += payload.len() as u64;
                    let meta = received.meta(source);
                    return Poll::Ready(Ok(with_report(meta, &report, self.config.width_mhz)));
                }
                Reading::Sent { payload, on_air } => {
                    self.counters.filtered += 1;
                    let at_ns = received.kernel_receive_ns.unwrap_or(received.user_receive_ns);
                    if on_air && self.flights.land(payload, at_ns) {
                        self.counters.confirmed += 1;
                    }
                }
                Reading::Unicast => self.counters.filtered += 1,
                Reading::OfCell => self.counters.unread.of_cells += 1,
                Reading::OtherProtocol => self.counters.unread.other_protocol += 1,
                Reading::Unread(unread) => self.counters.unread.count(unread),
            }
        }
        // Others share this thread: come back after them.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_send_inner(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        if self.open.is_none() {
            return Poll::Ready(Err(self.watch.down_error()));
        }
        let bytes = frame.bytes.len();
        if bytes > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            return Poll::Ready(Err(too_long(bytes)));
        }
        let source = frame.source.unwrap_or(self.address);
        let began_ns = monotonic_ns();
        if self.greeting.as_ref().is_some_and(|greeting| greeting.is_warm_up_due(began_ns, source)) {
            let other = warm_up_ether_type(self.config.ether_type);
            let warm_up = TxFrame::new(&[], AccessCategory::BestEffort);
            // What is wrong, the frame itself will hear.
            let sent = ready!(self.poll_inject(cx, source, other, &warm_up));
            self.counters.warm_ups += u64::from(sent.is_ok());
            if let Some(greeting) = &mut self.greeting {
                greeting.warmed_up(began_ns, source);
            }
        }
        let sent = ready!(self.poll_inject(cx, source, self.config.ether_type, frame));
        self.watch.took();
        Poll::Ready(match sent {
            Ok(()) => {
                let sent_ns = monotonic_ns();
                if let Some(greeting) = &mut self.greeting {
                    greeting.sent(sent_ns, source, frame);
                }
                let other = self.is_other(source);
                self.flights.begin(frame.bytes, other, began_ns, sent_ns);
                Ok(sent_ns)
            }
            Err(error) => {
                if is_down(&error) {
                    self.watch.suspect();
                }
                if error.raw_os_error() == Some(libc::EMSGSIZE) {
                    self.counters.oversized += 1;
                }
                Err(explained(error, bytes, &self.config.interface, self.watch.mtu()))
            }
        })
    }

    /// Injects the bytes of a frame with the headers they need. Pending, the queue is full.
    fn poll_inject(
        &mut self,
        cx: &mut Context<'_>,
        source: LinkAddress,
        ether_type: u16,
        frame: &TxFrame<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(socket) = &mut self.open else {
            return Poll::Ready(Err(self.watch.down_error()));
        };
        let header = QosData {
            destination: BROADCAST,
            source: source.0,
            user_priority: user_priority(frame.access) as u8,
            sequence: self.numbering.next(source),
            ether_type,
        };
        let rate = frame.rate.unwrap_or(self.config.rate);
        let how = Transmit { rate_half_mbps: Some(nominal(rate)), power_dbm: None };
        let (mut room, header) = ([0; Transmit::MAX_LEN], header.encode());
        let parts = [IoSlice::new(how.encode(&mut room)), IoSlice::new(&header), IoSlice::new(frame.bytes)];
        let Poll::Ready(sent) = socket.poll_write(cx, |socket| socket.send_vectored(&parts)) else {
            self.watch.full();
            return Poll::Pending;
        };
        if sent.is_ok() {
            self.numbering.took();
        }
        Poll::Ready(sent.map(drop))
    }

    /// Sends again what receivers may have missed. Has the task woken for it.
    fn tend(&mut self, cx: &mut Context<'_>) {
        while let Some(greeting) = self.greeting.as_mut().filter(|_| self.open.is_some())
            && let Poll::Ready(copy) = greeting.poll_copy(cx, monotonic_ns)
        {
            let frame = TxFrame::new(&copy.bytes, copy.access);
            // A copy is not worth waiting for.
            let sent = self.poll_inject(cx, copy.source, self.config.ether_type, &frame);
            self.counters.first_copies += u64::from(matches!(sent, Poll::Ready(Ok(()))));
        }
    }
}

impl Radio for MonitorRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let polled = self.poll_recv_inner(cx, buf);
        if polled.is_pending() || self.greeting.as_ref().is_some_and(OnRadio::has_copies) {
            self.tend(cx);
        }
        if matches!(polled, Poll::Ready(Err(_))) {
            self.counters.receive_errors += 1;
        }
        polled
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        let sent = ready!(self.poll_send_inner(cx, frame));
        match sent {
            Ok(_) => {
                self.counters.sent += 1;
                self.counters.injected += 1;
                self.counters.sent_bytes += frame.bytes.len() as u64;
            }
            Err(_) => self.counters.send_errors += 1,
        }
        Poll::Ready(sent)
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        self.meter.as_mut().map_or(Poll::Pending, |meter| meter.poll(cx))
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        let Self { statuses, flights, wanted, scratch, counters, .. } = self;
        if let Some(statuses) = statuses.as_mut().filter(|_| flights.any()) {
            statuses.read(monotonic_ns(), wanted, scratch, flights, counters);
        }
        self.flights.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Linux takes no power from a radiotap header: it is the interface's.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            source_per_frame: true,
            access: AccessSupport::Honoured,
            rate_per_frame: true,
            receive_stamps: true,
            signal: true,
            channel_load: self.meter.is_some(),
            transmit_status: true,
            ..Capabilities::plain(self.watch.mtu().saturating_sub(OVERHEAD).min(MAX_FRAME_BYTES))
        }
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        self.watch.counted(Counters { kernel_dropped: self.dropped.total(), ..self.counters })
    }

    fn describe(&self) -> String {
        let MonitorConfig { interface, ether_type, .. } = &self.config;
        match self.opened {
            true => format!("monitor on {interface} as {}, EtherType {ether_type:#06x}", self.address),
            false => format!("monitor on {interface}, EtherType {ether_type:#06x}"),
        }
    }

    fn state(&self) -> LinkState {
        self.watch.state()
    }
}

/// The numbers of a sender's frames.
#[derive(Debug, Default)]
struct Numbering {
    source: LinkAddress,
    next: u16,
}

impl Numbering {
    /// The number of the next frame from `source`, 0..=4095.
    fn next(&mut self, source: LinkAddress) -> u16 {
        if self.source != source {
            let [.., high, low] = source.0;
            *self = Self { source, next: u16::from_be_bytes([high, low]) };
        }
        self.next & 0x0fff
    }

    /// The kernel took that frame.
    fn took(&mut self) {
        self.next = self.next.wrapping_add(1);
    }
}

fn open(config: &MonitorConfig, facts: &Facts) -> Result<AsyncSocket, OpenError> {
    open_socket(config, facts.index).map_err(|e| refused(e, &config.interface))
}

fn open_socket(config: &MonitorConfig, index: u32) -> io::Result<AsyncSocket> {
    // Protocol 0 receives nothing: until bound, frames of all interfaces would be queued.
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    socket::prepare(&socket, config.receive_buffer)?;
    ignore_outgoing(&socket)?;
    // Best effort: what it lets through is read all the same.
    let _unfiltered = bpf::attach(&socket, config.ether_type);
    socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index))?;
    AsyncSocket::new(socket)
}

/// What a frame has ahead of it.
const OVERHEAD: usize = Transmit::MAX_LEN + QosData::LEN;
/// The longest frame with the longest header in use and a check sequence, and room to spare.
const LONGEST_CAPTURED: usize = 4096;
/// Frames without a message that are read before other tasks get their turn.
const MOST_IN_A_ROW: usize = 64;
