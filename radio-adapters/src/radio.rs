//! The one trait every link implements, and the types frames travel with.

mod capabilities;
mod link_address;
mod link_fault;
mod refusal;
mod tx_frame;
mod unread_frames;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;
use v2x_proto::link::llc;

pub use self::capabilities::{AccessSupport, Capabilities, ChannelLoad};
pub use self::link_address::LinkAddress;
pub use self::link_fault::{LinkFault, Subject, Unfit};
pub use self::refusal::Refusal;
pub(crate) use self::refusal::{down, explained};
pub use self::tx_frame::TxFrame;
pub use self::unread_frames::UnreadFrames;

/// A link that carries frames: a socket, a queue, or a wrapper around another radio.
///
/// A frame here is the payload of the link's own header (on Ethernet-like links: what follows the
/// EtherType). A radio belongs to one task: each method remembers only the waker of its last call.
///
/// # Example
///
/// A radio that hears its own frames: the least an implementation does.
///
/// ```
/// use std::collections::VecDeque;
/// use std::io;
/// use std::task::{Context, Poll, Waker};
///
/// use bytes::BytesMut;
/// use radio_adapters::clock::monotonic_ns;
/// use radio_adapters::{
///     AccessCategory, Capabilities, Counters, LinkAddress, MAX_FRAME_BYTES, Radio, RxMeta, TxFrame,
/// };
///
/// #[derive(Debug, Default)]
/// struct Loopback {
///     frames: VecDeque<(LinkAddress, u64, Vec<u8>)>,
///     waker: Option<Waker>,
///     counters: Counters,
/// }
///
/// impl Radio for Loopback {
///     fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
///         let Some((source, sent_ns, frame)) = self.frames.pop_front() else {
///             // Only where the answer is `Pending`: the caller polls again when it is woken.
///             self.waker = Some(cx.waker().clone());
///             return Poll::Pending;
///         };
///         buf.extend_from_slice(&frame);
///         self.counters.received += 1;
///         self.counters.received_bytes += frame.len() as u64;
///         Poll::Ready(Ok(RxMeta {
///             source,
///             kernel_receive_ns: Some(sent_ns),
///             user_receive_ns: monotonic_ns(),
///             ..RxMeta::default()
///         }))
///     }
///
///     fn poll_send(&mut self, _: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
///         // Every frame that ends here is counted, whatever the reason.
///         if frame.bytes.len() > MAX_FRAME_BYTES {
///             self.counters.oversized += 1;
///             self.counters.send_errors += 1;
///             return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, "frame too long")));
///         }
///         let now_ns = monotonic_ns();
///         let source = frame.source.unwrap_or(self.link_address());
///         self.frames.push_back((source, now_ns, frame.bytes.to_vec()));
///         self.counters.sent += 1;
///         self.counters.sent_bytes += frame.bytes.len() as u64;
///         self.waker.take().into_iter().for_each(Waker::wake);
///         Poll::Ready(Ok(now_ns))
///     }
///
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::plain(MAX_FRAME_BYTES)
///     }
///
///     fn link_address(&self) -> LinkAddress {
///         LinkAddress([2, 0, 0, 0, 0, 1])
///     }
///
///     fn counters(&self) -> Counters {
///         self.counters
///     }
///
///     fn describe(&self) -> String {
///         format!("loopback {}", self.link_address())
///     }
/// }
///
/// let mut radio = Loopback::default();
/// let mut cx = Context::from_waker(Waker::noop());
/// let mut buf = BytesMut::new();
/// assert!(radio.poll_recv(&mut cx, &mut buf).is_pending());
/// let frame = TxFrame::new(b"hello", AccessCategory::BestEffort);
/// assert!(matches!(radio.poll_send(&mut cx, &frame), Poll::Ready(Ok(_))));
/// let Poll::Ready(Ok(meta)) = radio.poll_recv(&mut cx, &mut buf) else { panic!("nothing heard") };
/// assert_eq!((meta.source, &buf[..]), (radio.link_address(), &b"hello"[..]));
/// assert_eq!((radio.counters().sent, radio.counters().received), (1, 1));
/// ```
pub trait Radio: Send + fmt::Debug {
    /// Appends exactly one received frame to `buf` and returns its sender and time of arrival.
    ///
    /// `buf` is left untouched unless the result is `Ready(Ok(_))`. Call until `Pending`: a ready
    /// result registers no waker. A link that is down stays `Pending` while it tries to come back;
    /// [`Radio::state`] shows which.
    ///
    /// # Errors
    /// A failure that concerns this one call (out of memory, runtime shutting down). Calling again
    /// is always allowed.
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>>;

    /// Hands one frame to the link, and returns the moment of doing so: nanoseconds of
    /// `CLOCK_MONOTONIC`, read just after the kernel took the frame.
    ///
    /// On `Pending` the frame was not taken. A later call may bring a different frame.
    ///
    /// # Errors
    /// `InvalidInput` for a frame above [`MAX_FRAME_BYTES`]; `NotConnected` while the link is down
    /// (a safety message must not wait for a link to return); otherwise the kernel's own error.
    /// [`Refusal::of`] names the cause of each.
    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>>;

    /// What this link can do, and what it leaves out of a [`TxFrame`].
    fn capabilities(&self) -> Capabilities;

    /// How busy the channel is, once for each new measurement; pending until then, and for ever on a link
    /// that cannot measure ([`Capabilities::channel_load`]).
    fn poll_channel_load(&mut self, _cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        Poll::Pending
    }

    /// What became of frames sent, one by one; pending while nothing is known, and for ever on a link that is not told
    /// ([`Capabilities::transmit_status`]). What is known is learned by [`Radio::poll_recv`], which wakes for it.
    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        Poll::Pending
    }

    /// The address frames leave with when [`TxFrame::source`] is `None`.
    fn link_address(&self) -> LinkAddress;

    /// What happened on this link since it was opened.
    fn counters(&self) -> Counters;

    /// One line for people: kind, address, interface.
    fn describe(&self) -> String;

    /// Whether frames can flow now. Links that cannot go down are always up.
    fn state(&self) -> LinkState {
        LinkState::Up
    }
}

/// [`Radio`]'s calls for `async` code.
pub trait RadioExt: Radio {
    /// Waits for one frame; see [`Radio::poll_recv`].
    ///
    /// # Errors
    /// As [`Radio::poll_recv`].
    fn recv(&mut self, buf: &mut BytesMut) -> impl Future<Output = io::Result<RxMeta>> + Send {
        poll_fn(|cx| self.poll_recv(cx, buf))
    }

    /// Waits until the link takes `frame`; see [`Radio::poll_send`].
    ///
    /// # Errors
    /// As [`Radio::poll_send`].
    fn send(&mut self, frame: &TxFrame<'_>) -> impl Future<Output = io::Result<u64>> + Send {
        poll_fn(|cx| self.poll_send(cx, frame))
    }
}

impl<R: Radio + ?Sized> RadioExt for R {}

impl<R: Radio + ?Sized> Radio for Box<R> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        (**self).poll_recv(cx, buf)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        (**self).poll_send(cx, frame)
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        (**self).poll_channel_load(cx)
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        (**self).poll_transmit_status()
    }

    fn link_address(&self) -> LinkAddress {
        (**self).link_address()
    }

    fn counters(&self) -> Counters {
        (**self).counters()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }

    fn state(&self) -> LinkState {
        (**self).state()
    }
}

/// Sender and time of arrival of a frame, and what the radio reports of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RxMeta {
    /// Who transmitted it, as claimed by the link header: anyone can write anything there.
    pub source: LinkAddress,
    /// When the kernel took it from the device, ns of `CLOCK_MONOTONIC`, never after
    /// `user_receive_ns`; `None` where the link has no stamp or the wall clock was just set.
    pub kernel_receive_ns: Option<u64>,
    /// When this process read it, ns of `CLOCK_MONOTONIC`.
    pub user_receive_ns: u64,
    /// Received signal strength in dBm, where the link knows it.
    pub signal_dbm: Option<i8>,
    /// Data rate on the air, kb/s, where the link knows it.
    pub rate_kbps: Option<u32>,
    /// Centre of the channel, MHz, where the link knows it.
    pub frequency_mhz: Option<u16>,
    /// Time of the radio's own clock at the frame's first bit, us, where the link knows it. The clock began at any moment
    /// and drifts: only differences between frames of one radio mean something.
    pub hardware_us: Option<u64>,
}

/// What became of a frame that the link took: the radio has sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransmitStatus {
    /// What [`Radio::poll_send`] returned for the frame, which tells it from others.
    pub sent_ns: u64,
    /// From just before the frame was handed to the kernel until the kernel had the radio's word, ns: waiting for the
    /// channel, and airtime, where the driver reports when that is over.
    pub took_ns: u64,
}

/// Whether frames can flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Frames flow.
    Up,
    /// Some frames flow, or may.
    Limited {
        /// Since when, ns of `CLOCK_MONOTONIC`.
        since_ns: u64,
        /// What is wrong.
        fault: LinkFault,
    },
    /// No frame flows. The link returns by itself when the fault is mended.
    Down {
        /// Since when, ns of `CLOCK_MONOTONIC`.
        since_ns: u64,
        /// What is wrong.
        fault: LinkFault,
    },
}

impl LinkState {
    /// What is wrong, if anything.
    pub fn fault(&self) -> Option<&LinkFault> {
        match self {
            Self::Up => None,
            Self::Limited { fault, .. } | Self::Down { fault, .. } => Some(fault),
        }
    }

    /// Whether no frame flows.
    pub fn is_down(&self) -> bool {
        matches!(self, Self::Down { .. })
    }
}

/// What happened on a link since it was opened. Every frame that ends here without being delivered
/// or sent is in one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Frames the kernel (or hub) took.
    pub sent: u64,
    /// Their bytes, without link header.
    pub sent_bytes: u64,
    /// Frames given to the caller.
    pub received: u64,
    /// Their bytes, without link header.
    pub received_bytes: u64,
    /// Frames refused on sending, for whatever reason, `oversized` included.
    pub send_errors: u64,
    /// Failed receive calls.
    pub receive_errors: u64,
    /// Frames lost because this process read too slowly: the socket's receive buffer, or the
    /// queue of an in-process link, was full.
    pub kernel_dropped: u64,
    /// Frames above [`MAX_FRAME_BYTES`], in either direction.
    pub oversized: u64,
    /// Own transmissions the link gave back, and frames of another protocol it let through.
    pub filtered: u64,
    /// Frames of another VLAN, and frames to another host, which the interface let through.
    pub foreign: u64,
    /// Times the link went down after it was up, however briefly.
    pub outages: u64,
    /// How long it was down in all, ns, the present outage left out.
    pub down_ns: u64,
    /// Times the link came back after going down, or was set up anew because its interface had changed.
    pub reopened: u64,
    /// Of `sent`, frames injected with the radio's own header.
    pub injected: u64,
    /// Of those, frames that the radio said it has sent.
    pub confirmed: u64,
    /// 802.11 frames that carry no message for the link, by what is wrong with them.
    pub unread: UnreadFrames,
}

/// Largest frame a link carries, bytes: the 802.11 MSDU limit of 2304 (IEEE Std 802.11-2020, 9.2.4.7)
/// less LLC/SNAP. The device's MTU may be smaller: see [`Capabilities::max_frame_bytes`].
pub const MAX_FRAME_BYTES: usize = 2304 - llc::LEN;

/// EtherType of Roadcast frames unless configured otherwise: the first of the two kept for local
/// experiments (IEEE Std 802, table 9-1).
pub const DEFAULT_ETHER_TYPE: u16 = 0x88b5;

/// The error for a frame above the limit.
pub(crate) fn too_long(bytes: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("frame of {bytes} bytes, the link carries at most {MAX_FRAME_BYTES}"),
    )
}

#[cfg(test)]
mod tests;
