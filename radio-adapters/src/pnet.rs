//! Raw Ethernet frames through `pnet_datalink`: portable, and the baseline [`crate::packet`] is
//! measured against. Feature `pnet`.
//!
//! pnet hands every frame of every protocol to user space, those that other sockets of this machine
//! send included, and blocks: so a thread reads, filters, and passes on through a bounded queue. There are no kernel stamps, no
//! drop counts and no priorities, and pnet does not say for which VLAN a frame was: those of other VLANs are taken too. When the
//! interface comes back after it was down or gone, channel and thread are made anew.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use socket2::{Domain, Socket, Type};
use tokio::sync::mpsc;
use v2x_proto::envelope;
use v2x_proto::link::ethernet;

use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::radio::{
    Capabilities, Counters, LinkAddress, LinkState, MAX_FRAME_BYTES, Radio, RxMeta, Subject, TxFrame,
    explained, too_long,
};
use crate::watch::{Demand, Facts, Step, Watch};

/// A station on a raw Ethernet link, by way of pnet.
pub struct PnetRadio {
    interface: String,
    ether_type: u16,
    watch: Watch,
    open: Option<Open>,
    /// Whether it was ever open.
    opened: bool,
    address: LinkAddress,
    frame: Vec<u8>,
    /// Source addresses of recent frames, to recognise these when a looping interface gives them back
    /// (the kernel itself returns no frame to the socket that sent it).
    own: VecDeque<LinkAddress>,
    /// What readers before this one left out, frames.
    overflowed: u64,
    oversized: u64,
    counters: Counters,
}

/// A channel of pnet's, and the thread that reads it.
struct Open {
    sender: Box<dyn DataLinkSender>,
    frames: mpsc::Receiver<Received>,
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
}

impl PnetRadio {
    /// Opens `interface` for frames of `ether_type`. It may be down or without carrier: the link then begins when it can. With
    /// `wait` it may be missing, too.
    ///
    /// # Errors
    /// [`OpenError`]: no such interface, not Ethernet-like, a monitor interface, a port of a bridge, no privilege, or a
    /// system call that failed; also when called outside a tokio runtime.
    pub fn open(interface: &str, ether_type: u16, wait: bool) -> Result<Self, OpenError> {
        let demand = Demand::Ethernet(envelope::MAX_FRAME);
        let watch = Watch::new(Subject::Name(interface.to_owned()), demand, wait)?;
        Socket::new(Domain::PACKET, Type::RAW, None).map_err(|error| refused(error, interface))?;
        let mut radio = Self {
            interface: interface.to_owned(),
            ether_type,
            watch,
            open: None,
            opened: false,
            address: LinkAddress::default(),
            frame: Vec::with_capacity(ethernet::Header::LEN + MAX_FRAME_BYTES),
            own: VecDeque::new(),
            overflowed: 0,
            oversized: 0,
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
            self.close();
            let Step::Open(facts) = step else { continue };
            match Open::on(&facts, self.ether_type) {
                Ok(open) => {
                    self.address = facts.address.unwrap_or_default();
                    self.own = VecDeque::from([self.address]);
                    self.open = Some(open);
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

    /// Lets the reader end by itself: waiting for it would hold up the station.
    fn close(&mut self) {
        if let Some(Open { shared, .. }) = self.open.take() {
            shared.stop.store(true, Ordering::Relaxed);
            self.overflowed += shared.overflowed.load(Ordering::Relaxed);
            self.oversized += shared.oversized.load(Ordering::Relaxed);
        }
    }

    fn transmit(&mut self, frame: &TxFrame<'_>) -> io::Result<()> {
        let bytes = frame.bytes.len();
        let Some(open) = &mut self.open else { return Err(self.watch.down_error()) };
        if bytes > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            return Err(too_long(bytes));
        }
        let source = frame.source.unwrap_or(self.address);
        if !self.own.contains(&source) {
            if self.own.len() >= OWN_ADDRESSES {
                self.own.pop_front();
            }
            self.own.push_back(source);
        }
        self.frame.clear();
        self.frame.extend(ethernet::Header::broadcast(source.0, self.ether_type).encode());
        self.frame.extend_from_slice(frame.bytes);
        let sent = open.sender.send_to(&self.frame, None);
        sent.unwrap_or_else(|| Err(io::Error::other("pnet could not take the frame"))).map_err(|error| {
            if is_down(&error) {
                self.watch.suspect();
            }
            explained(error, bytes, &self.interface, self.watch.mtu())
        })
    }
}

impl Radio for PnetRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        loop {
            let _told_by_the_state = self.follow(cx);
            let Some(open) = &mut self.open else { return Poll::Pending };
            let received = match open.frames.poll_recv(cx) {
                Poll::Ready(Some(received)) => received,
                // The reader stopped at an error: the interface went down, and the watch makes another when it is up.
                Poll::Ready(None) => {
                    self.close();
                    self.watch.suspect();
                    continue;
                }
                Poll::Pending => return Poll::Pending,
            };
            if self.own.contains(&received.source) {
                self.counters.filtered += 1;
                continue;
            }
            self.counters.received += 1;
            self.counters.received_bytes += received.bytes.len() as u64;
            buf.extend_from_slice(&received.bytes);
            return Poll::Ready(Ok(RxMeta {
                source: received.source,
                kernel_receive_ns: None,
                user_receive_ns: received.at_ns,
                ..RxMeta::default()
            }));
        }
    }

    fn poll_send(&mut self, _: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        match self.transmit(frame) {
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

    fn capabilities(&self) -> Capabilities {
        Capabilities { source_per_frame: true, ..Capabilities::plain(self.watch.mtu().min(MAX_FRAME_BYTES)) }
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        let of = |count: fn(&Shared) -> &AtomicU64| {
            self.open.as_ref().map_or(0, |open| count(&open.shared).load(Ordering::Relaxed))
        };
        self.watch.counted(Counters {
            kernel_dropped: self.overflowed + of(|shared| &shared.overflowed),
            oversized: self.counters.oversized + self.oversized + of(|shared| &shared.oversized),
            ..self.counters
        })
    }

    fn describe(&self) -> String {
        let Self { interface, ether_type, address, opened, .. } = self;
        match opened {
            true => format!("pnet on {interface} as {address}, EtherType {ether_type:#06x}"),
            false => format!("pnet on {interface}, EtherType {ether_type:#06x}"),
        }
    }

    fn state(&self) -> LinkState {
        self.watch.state()
    }
}

impl Open {
    fn on(facts: &Facts, ether_type: u16) -> Result<Self, OpenError> {
        let interface = &*facts.name;
        let step = format!("opening {interface:?} through pnet");
        let pnet_interface = pnet_datalink::interfaces()
            .into_iter()
            .find(|candidate| candidate.index == facts.index)
            .ok_or_else(|| OpenError::at(&*step)(io::ErrorKind::NotFound.into()))?;
        let config = Config {
            read_buffer_size: READ_BUFFER_BYTES,
            read_timeout: Some(STOP_WITHIN),
            promiscuous: false,
            ..Config::default()
        };
        let (sender, receiver) = match pnet_datalink::channel(&pnet_interface, config) {
            Ok(Channel::Ethernet(sender, receiver)) => (sender, receiver),
            Ok(_) => return Err(OpenError::at(step)(io::ErrorKind::Unsupported.into())),
            Err(error) => return Err(refused(error, interface)),
        };
        let shared = Arc::new(Shared::default());
        let (queue, frames) = mpsc::channel(QUEUE_FRAMES);
        let reader = std::thread::Builder::new()
            .name(format!("pnet {interface}"))
            .spawn({
                let shared = Arc::clone(&shared);
                move || read(receiver, ether_type, &queue, &shared)
            })
            .map_err(OpenError::at("starting the reader thread"))?;
        Ok(Self { sender, frames, shared, reader })
    }
}

fn refused(error: io::Error, interface: &str) -> OpenError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        OpenError::NoPrivilege { name: interface.to_owned() }
    } else {
        OpenError::at(format!("opening {interface:?} through pnet"))(error)
    }
}

/// The interface is down, or gone: the kernel's error depends on which, and on the call.
fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENODEV | libc::ENXIO))
}

impl fmt::Debug for PnetRadio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PnetRadio")
            .field("interface", &self.interface)
            .field("address", &self.address)
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

impl Drop for PnetRadio {
    fn drop(&mut self) {
        if let Some(Open { shared, reader, .. }) = self.open.take() {
            shared.stop.store(true, Ordering::Relaxed);
            // At most one read timeout away; a panic of the reader has been printed already.
            drop(reader.join());
        }
    }
}

/// A frame on its way from the reader thread.
struct Received {
    source: LinkAddress,
    at_ns: u64,
    bytes: Bytes,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    overflowed: AtomicU64,
    oversized: AtomicU64,
}

fn read(
    mut receiver: Box<dyn DataLinkReceiver>,
    ether_type: u16,
    queue: &mpsc::Sender<Received>,
    shared: &Shared,
) {
    while !shared.stop.load(Ordering::Relaxed) {
        let frame = match receiver.next() {
            Ok(frame) => frame,
            Err(e) if matches!(e.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) => {
                continue;
            }
            // pnet reports an interface that went down without end, so going on would spin.
            Err(_) => return,
        };
        let at_ns = monotonic_ns();
        let Some((header, payload)) = frame.split_first_chunk::<{ ethernet::Header::LEN }>() else {
            continue;
        };
        let header = ethernet::Header::parse(header);
        if header.ether_type != ether_type || !header.is_to_group() {
            continue;
        }
        if payload.len() > MAX_FRAME_BYTES {
            shared.oversized.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let bytes = Bytes::copy_from_slice(payload);
        if queue.try_send(Received { source: LinkAddress(header.source), at_ns, bytes }).is_err() {
            shared.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How long the reader blocks before it looks whether to stop.
const STOP_WITHIN: Duration = Duration::from_millis(50);
/// Frames between reader and station; more are dropped and counted.
const QUEUE_FRAMES: usize = 1024;
/// Own addresses remembered: pseudonyms change every few minutes, frames come back at once.
const OWN_ADDRESSES: usize = 4;
/// Room for a frame one byte too long: pnet cuts off silently.
const READ_BUFFER_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::packet::{PacketConfig, PacketRadio};
    use crate::radio::{DEFAULT_ETHER_TYPE, RadioExt, Refusal};
    use crate::testnet::{ENDS, ip, run, with_veth_pair};
    use crate::timer::DeadlineTimer;
    use v2x_proto::link::AccessCategory;

    fn frame(bytes: &[u8]) -> TxFrame<'_> {
        TxFrame::new(bytes, AccessCategory::BestEffort)
    }

    /// Sends from `a` until `b` hears: a link that came up takes a moment to carry frames.
    async fn talk(a: &mut impl Radio, b: &mut impl Radio, frame: &TxFrame<'_>) -> RxMeta {
        let mut again = DeadlineTimer::new().unwrap();
        loop {
            drop(a.send(frame).await);
            again.set(Some(monotonic_ns() + 50_000_000)).unwrap();
            let mut buf = BytesMut::new();
            let heard = poll_fn(|cx| match b.poll_recv(cx, &mut buf) {
                Poll::Ready(meta) => Poll::Ready(Some(meta.unwrap())),
                Poll::Pending => again.poll_expired(cx).map(|_| None),
            });
            if let Some(meta) = heard.await {
                assert_eq!(&buf[..], frame.bytes);
                return meta;
            }
        }
    }

    #[test]
    fn it_talks_with_a_packet_radio_and_does_not_hear_itself() {
        with_veth_pair(|| {
            run(async {
                let mut a = PnetRadio::open(ENDS[0], DEFAULT_ETHER_TYPE, false).unwrap();
                let mut b = PacketRadio::open(PacketConfig::new(ENDS[1])).unwrap();
                let pseudonym = LinkAddress([2, 9, 9, 9, 9, 9]);
                let frame_ = frame(&[3; 1000]).from_source(Some(pseudonym));
                assert_eq!(talk(&mut a, &mut b, &frame_).await.source, pseudonym);
                assert_eq!(talk(&mut b, &mut a, &frame(b"back")).await.source, b.link_address());
                assert_eq!(a.counters().received, 1);
            });
        });
    }

    #[test]
    fn own_frames_that_an_interface_loops_back_are_left_out() {
        with_veth_pair(|| {
            ip("link set lo up").unwrap();
            run(async {
                let mut a = PnetRadio::open("lo", DEFAULT_ETHER_TYPE, false).unwrap();
                let pseudonym = LinkAddress([2, 9, 9, 9, 9, 9]);
                a.send(&frame(b"own").from_source(Some(pseudonym))).await.unwrap();
                let mut buf = BytesMut::new();
                poll_fn(|cx| {
                    assert!(a.poll_recv(cx, &mut buf).is_pending());
                    if a.counters().filtered == 1 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            });
        });
    }

    #[test]
    fn foreign_protocols_are_left_out_and_an_interface_that_went_down_comes_back() {
        with_veth_pair(|| {
            run(async {
                let mut a = PnetRadio::open(ENDS[0], DEFAULT_ETHER_TYPE, false).unwrap();
                let mut ours = PacketRadio::open(PacketConfig::new(ENDS[1])).unwrap();
                let foreign = PacketConfig { ether_type: 0x88b6, ..PacketConfig::new(ENDS[1]) };
                let mut foreign = PacketRadio::open(foreign).unwrap();
                talk(&mut ours, &mut a, &frame(b"warm")).await;
                foreign.send(&frame(b"foreign")).await.unwrap();
                talk(&mut ours, &mut a, &frame(b"warm")).await;
                assert_eq!(a.state(), LinkState::Up);
                ip("link set rc0 down").unwrap();
                let mut buf = BytesMut::new();
                poll_fn(|cx| {
                    while a.poll_recv(cx, &mut buf).is_ready() {}
                    if a.state() == LinkState::Up { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
                assert_eq!(Refusal::of(&a.send(&frame(b"x")).await.unwrap_err()), Refusal::Down);
                ip("link set rc0 up").unwrap();
                talk(&mut ours, &mut a, &frame(b"after")).await;
                assert_eq!(a.state(), LinkState::Up);
                assert_eq!((a.counters().outages, a.counters().reopened), (1, 1));
            });
        });
    }

    #[test]
    fn nothing_runs_on_after_drop() {
        with_veth_pair(|| {
            run(async {
                let radio = PnetRadio::open(ENDS[0], DEFAULT_ETHER_TYPE, false).unwrap();
                let shared = Arc::downgrade(&radio.open.as_ref().unwrap().shared);
                drop(radio);
                assert!(shared.upgrade().is_none(), "the reader's share is gone with the reader");
            });
        });
    }

    #[test]
    fn a_missing_interface_is_explained() {
        run(async {
            let error = PnetRadio::open("nosuch0", DEFAULT_ETHER_TYPE, false).unwrap_err().to_string();
            assert!(error.contains("nosuch0") && error.contains("lo"), "{error}");
        });
    }
}
