//! Raw Ethernet frames through `pnet_datalink`: portable, and the baseline [`crate::packet`] is
//! measured against. Feature `pnet`.
//!
//! pnet hands every frame of every protocol to user space, those that other sockets of this machine
//! send included, and blocks: so a thread reads, filters, and passes on through a bounded queue. There are no kernel stamps, no drop
//! counts, no priorities, and no coming back after the interface goes down.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use socket2::{Domain, Socket, Type};
use tokio::sync::mpsc;
use v2x_proto::link::ethernet;

use crate::clock::monotonic_ns;
use crate::error::OpenError;
use crate::interface;
use crate::mtu;
use crate::radio::{
    Capabilities, Counters, LinkAddress, LinkState, MAX_FRAME_BYTES, Radio, RxMeta, TxFrame, too_long,
};

/// A station on a raw Ethernet link, by way of pnet.
pub struct PnetRadio {
    interface: String,
    ether_type: u16,
    address: LinkAddress,
    /// Longest frame the interface took when it was opened.
    max_frame_bytes: usize,
    sender: Box<dyn DataLinkSender>,
    frame: Vec<u8>,
    frames: mpsc::Receiver<Received>,
    shared: Arc<Shared>,
    /// Source addresses of recent frames, to recognise these when a looping interface gives them back
    /// (the kernel itself returns no frame to the socket that sent it).
    own: VecDeque<LinkAddress>,
    counters: Counters,
    reader: Option<JoinHandle<()>>,
}

impl PnetRadio {
    /// Opens `interface`, which must exist and be up, for frames of `ether_type`.
    ///
    /// # Errors
    /// [`OpenError`]: no such interface, down, not Ethernet-like, no privilege, or a system call that
    /// failed.
    pub fn open(interface: &str, ether_type: u16) -> Result<Self, OpenError> {
        let name = || interface.to_owned();
        let found = interface::find(interface)?;
        let address = found.address.ok_or_else(|| OpenError::NoHardwareAddress { name: name() })?;
        if !found.up {
            return Err(OpenError::InterfaceDown { name: name() });
        }
        let max_frame_bytes = Socket::new(Domain::IPV4, Type::DGRAM, None)
            .and_then(|socket| mtu::max_frame_bytes(&socket, interface))
            .map_err(OpenError::at(format!("asking for the MTU of {interface:?}")))?;
        let step = format!("opening {interface:?} through pnet");
        let pnet_interface = pnet_datalink::interfaces()
            .into_iter()
            .find(|candidate| candidate.index == found.index)
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
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(OpenError::NoPrivilege { name: name() });
            }
            Err(error) => return Err(OpenError::at(step)(error)),
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
        Ok(Self {
            interface: name(),
            ether_type,
            address,
            max_frame_bytes,
            sender,
            frame: Vec::with_capacity(ethernet::Header::LEN + MAX_FRAME_BYTES),
            frames,
            shared,
            own: VecDeque::from([address]),
            counters: Counters::default(),
            reader: Some(reader),
        })
    }

    fn transmit(&mut self, frame: &TxFrame<'_>) -> io::Result<()> {
        if frame.bytes.len() > MAX_FRAME_BYTES {
            self.counters.oversized += 1;
            return Err(too_long(frame.bytes.len()));
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
        self.sender
            .send_to(&self.frame, None)
            .unwrap_or_else(|| Err(io::Error::other("pnet could not take the frame")))
    }
}

impl Radio for PnetRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        loop {
            // A reader that stopped leaves the queue closed; `state` has the reason.
            let Some(received) = ready!(self.frames.poll_recv(cx)) else { return Poll::Pending };
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
                signal_dbm: None,
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
        Capabilities { source_per_frame: true, ..Capabilities::plain(self.max_frame_bytes) }
    }

    fn link_address(&self) -> LinkAddress {
        self.address
    }

    fn counters(&self) -> Counters {
        Counters {
            kernel_dropped: self.shared.overflowed.load(Ordering::Relaxed),
            oversized: self.counters.oversized + self.shared.oversized.load(Ordering::Relaxed),
            ..self.counters
        }
    }

    fn describe(&self) -> String {
        let Self { interface, ether_type, address, .. } = self;
        format!("pnet on {interface} as {address}, EtherType {ether_type:#06x}")
    }

    fn state(&self) -> LinkState {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
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
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
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

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    overflowed: AtomicU64,
    oversized: AtomicU64,
    failure: Mutex<LinkState>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            stop: AtomicBool::new(false),
            overflowed: AtomicU64::new(0),
            oversized: AtomicU64::new(0),
            failure: Mutex::new(LinkState::Up),
        }
    }
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
            Err(error) => {
                let down = LinkState::Down { since_ns: monotonic_ns(), reason: error.to_string() };
                *shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = down;
                return;
            }
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
    use crate::radio::{DEFAULT_ETHER_TYPE, RadioExt};
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
                let mut a = PnetRadio::open(ENDS[0], DEFAULT_ETHER_TYPE).unwrap();
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
                let mut a = PnetRadio::open("lo", DEFAULT_ETHER_TYPE).unwrap();
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
    fn foreign_protocols_are_left_out_and_a_dead_interface_is_told() {
        with_veth_pair(|| {
            run(async {
                let mut a = PnetRadio::open(ENDS[0], DEFAULT_ETHER_TYPE).unwrap();
                let mut ours = PacketRadio::open(PacketConfig::new(ENDS[1])).unwrap();
                let foreign = PacketConfig { ether_type: 0x88b6, ..PacketConfig::new(ENDS[1]) };
                let mut foreign = PacketRadio::open(foreign).unwrap();
                talk(&mut ours, &mut a, &frame(b"warm")).await;
                foreign.send(&frame(b"foreign")).await.unwrap();
                talk(&mut ours, &mut a, &frame(b"warm")).await;
                assert_eq!(a.state(), LinkState::Up);
                ip("link set rc0 down").unwrap();
                // The reader stopping closes the queue.
                let mut buf = BytesMut::new();
                poll_fn(|cx| {
                    while a.poll_recv(cx, &mut buf).is_ready() {}
                    if a.state() == LinkState::Up { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
            });
        });
    }

    #[test]
    fn nothing_runs_on_after_drop() {
        with_veth_pair(|| {
            let radio = PnetRadio::open(ENDS[0], DEFAULT_ETHER_TYPE).unwrap();
            let shared = Arc::downgrade(&radio.shared);
            drop(radio);
            assert!(shared.upgrade().is_none(), "the reader's share is gone with the reader");
        });
    }

    #[test]
    fn a_missing_interface_is_explained() {
        let error = PnetRadio::open("nosuch0", DEFAULT_ETHER_TYPE).unwrap_err().to_string();
        assert!(error.contains("nosuch0") && error.contains("lo"), "{error}");
    }
}
