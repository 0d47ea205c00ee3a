//! What a link can do beyond carrying frames.

/// What a link can do beyond carrying frames, as it is now: a link that came back may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Longest frame it takes, bytes after its own header; at most [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES).
    pub max_frame_bytes: usize,
    /// [`TxFrame::source`](super::TxFrame::source) is the address others see.
    pub source_per_frame: bool,
    /// What the link does with [`TxFrame::access`](super::TxFrame::access).
    pub access: AccessSupport,
    /// [`TxFrame::rate`](super::TxFrame::rate) is the rate on the air.
    pub rate_per_frame: bool,
    /// [`TxFrame::power_dbm`](super::TxFrame::power_dbm) is the power on the air.
    pub power_per_frame: bool,
    /// Received frames bring [`kernel_receive_ns`](super::RxMeta::kernel_receive_ns).
    pub receive_stamps: bool,
    /// Received frames bring [`signal_dbm`](super::RxMeta::signal_dbm).
    pub signal: bool,
    /// [`poll_channel_load`](super::Radio::poll_channel_load) reports.
    pub channel_load: bool,
    /// [`poll_transmit_status`](super::Radio::poll_transmit_status) reports, for some frames at least.
    pub transmit_status: bool,
}

impl Capabilities {
    /// A link that takes frames up to `max_frame_bytes` and can do nothing else.
    pub const fn plain(max_frame_bytes: usize) -> Self {
        Self {
            max_frame_bytes,
            source_per_frame: false,
            access: AccessSupport::Ignored,
            rate_per_frame: false,
            power_per_frame: false,
            receive_stamps: false,
            signal: false,
            channel_load: false,
            transmit_status: false,
        }
    }
}

/// What a link does with a frame's access category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessSupport {
    /// Frames leave in the order they were handed over.
    Ignored,
    /// It is passed to the kernel. Its effect depends on the driver: in OCB mode Linux sends every frame as best
    /// effort.
    Marked,
    /// Each frame contends for the channel by the parameters of its category.
    Honoured,
}

/// How busy a link's channel was since the last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLoad {
    /// Share of time, thousandths, 0..=1000.
    pub busy_permille: u16,
    /// By the receiver's carrier sense; otherwise counted from decoded frames, which underestimates it.
    pub measured: bool,
}
