//! An interface in OCB with a monitor interface beside it: urgent frames are injected, so that they contend for the channel
//! by their category and at their rate; the others go through the kernel's OCB mode.
//!
//! While the monitor interface is up it hears for both. The kernel's OCB drops the first frames of a station that is new to
//! it, and all of those beyond its 128 entries; a monitor interface gives every frame. The packet socket is then deaf, so
//! no frame comes twice. Without the monitor interface the link is that of the packet socket, until it comes back.
//!
//! Beside an interface in OCB mac80211 takes frames of another source than that interface's, such as pseudonyms, and drops them
//! without a word, unless the monitor interface is an active one or its driver of a simple kind. So an urgent frame of a
//! pseudonym goes both ways until the radio says that it has sent an injected one; and through OCB mode alone when it never does.

use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;
use v2x_proto::link::AccessCategory;

use crate::error::OpenError;
use crate::monitor::{Impersonation, MonitorConfig, MonitorRadio};
use crate::packet::{PacketConfig, PacketRadio};
use crate::radio::{
    Capabilities, ChannelLoad, Counters, LinkAddress, LinkState, Radio, RxMeta, TransmitStatus, TxFrame,
    UnreadFrames,
};

/// A station on an interface in OCB and on a monitor interface of the same radio.
///
/// Coming back after an interface was down happens inside [`Radio::poll_recv`], so keep polling it.
#[derive(Debug)]
pub struct AutoRadio {
    packet: PacketRadio,
    monitor: MonitorRadio,
    /// Frames that went both ways, and their bytes.
    both_ways: (u64, u64),
}

impl AutoRadio {
    /// Opens both. The monitor interface may be missing: it is waited for.
    ///
    /// # Errors
    /// As [`PacketRadio::open`] and [`MonitorRadio::open`].
    ///
    /// # Panics
    /// If the runtime's IO driver is not enabled.
    pub fn open(packet: PacketConfig, monitor: MonitorConfig) -> Result<Self, OpenError> {
        // The packet socket greets for both.
        let monitor = MonitorConfig { wait: true, greets: false, ..monitor };
        Ok(Self::of(PacketRadio::open(packet)?, MonitorRadio::open(monitor)?))
    }

    fn of(packet: PacketRadio, monitor: MonitorRadio) -> Self {
        Self { packet, monitor, both_ways: (0, 0) }
    }

    /// Whether the monitor interface is there.
    pub fn injects(&self) -> bool {
        self.monitor.is_open()
    }
}

impl Radio for AutoRadio {
    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        let heard = self.monitor.poll_recv(cx, buf);
        if heard.is_ready() {
            return heard;
        }
        let deaf = self.injects();
        if self.packet.is_deaf() != deaf {
            self.packet.set_deaf(deaf);
        }
        // It looks after its interface too, deaf or not.
        self.packet.poll_recv(cx, buf)
    }

    /// Frames of the categories voice and video are injected: D0, D1 and a station's own hazards.
    fn poll_send(&mut self, cx: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        let urgent = matches!(frame.access, AccessCategory::Voice | AccessCategory::Video);
        // The cell is the interface's: while it has left, nothing is sent.
        if !urgent || !self.packet.is_open() {
            return self.packet.poll_send(cx, frame);
        }
        let own = self.packet.link_address();
        let source = frame.source.unwrap_or(own);
        self.monitor.set_beside(own);
        let impersonation = self.monitor.impersonation(source);
        if self.injects() && impersonation != Impersonation::Fails {
            // Receivers in OCB drop an injected first frame of an address as they do another. A full queue is no reason to wait.
            let _not_sent = self.packet.warm_up(cx, source);
            let sent = self.monitor.poll_send(cx, &frame.from_source(Some(source)));
            if let Poll::Ready(Ok(_)) = sent {
                if impersonation == Impersonation::Works {
                    return sent;
                }
                // Who hears both leaves the second one out.
                let second = self.packet.poll_send(cx, frame);
                let Poll::Ready(Ok(_)) = second else { return sent };
                self.both_ways.0 += 1;
                self.both_ways.1 += frame.bytes.len() as u64;
                return second;
            }
        }
        // Better than not at all.
        self.packet.poll_send(cx, frame)
    }

    /// By the monitor interface, which has the radio's survey too, while it is up.
    fn poll_channel_load(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        if self.injects() { self.monitor.poll_channel_load(cx) } else { self.packet.poll_channel_load(cx) }
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        self.monitor.poll_transmit_status()
    }

    /// What holds for every frame: rate, category and the radio's word are those of urgent frames alone.
    fn capabilities(&self) -> Capabilities {
        let (packet, monitor) = (self.packet.capabilities(), self.monitor.capabilities());
        Capabilities {
            max_frame_bytes: packet.max_frame_bytes.min(monitor.max_frame_bytes),
            signal: self.injects(),
            channel_load: if self.injects() { monitor.channel_load } else { packet.channel_load },
            transmit_status: true,
            ..packet
        }
    }

    fn link_address(&self) -> LinkAddress {
        self.packet.link_address()
    }

    fn counters(&self) -> Counters {
        let (packet, monitor) = (self.packet.counters(), self.monitor.counters());
        let unread: UnreadFrames = monitor.unread;
        Counters {
            sent: packet.sent + monitor.sent - self.both_ways.0,
            sent_bytes: packet.sent_bytes + monitor.sent_bytes - self.both_ways.1,
            received: packet.received + monitor.received,
            received_bytes: packet.received_bytes + monitor.received_bytes,
            receive_errors: packet.receive_errors + monitor.receive_errors,
            kernel_dropped: packet.kernel_dropped + monitor.kernel_dropped,
            oversized: packet.oversized + monitor.oversized,
            filtered: packet.filtered + monitor.filtered,
            injected: monitor.injected,
            confirmed: monitor.confirmed,
            unread,
            // A frame that the monitor interface refuses goes the other way, and an outage is one of the cell's.
            ..packet
        }
    }

    fn describe(&self) -> String {
        let how = if self.injects() { "with injection" } else { "without injection" };
        format!("{} {how} by {}", self.packet.describe(), self.monitor.interface())
    }

    fn state(&self) -> LinkState {
        self.packet.state()
    }
}

#[cfg(test)]
mod tests;
