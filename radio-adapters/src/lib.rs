//! Roadcast's links: frames in and out of the machine.
//!
//! Everything that touches the operating system on behalf of a station's radio lives here, and with
//! it all of the project's `unsafe` code. This crate knows frames, clocks and sockets, and of `v2x-proto` the
//! headers around a frame; it knows nothing of messages or of the station.
//!
//! - [`radio`]: the [`Radio`] trait every link implements, and the types frames travel with.
//! - [`udp`], [`packet`], [`monitor`], [`auto`], [`mem`]: the links.
//! - [`load`]: how busy a radio's channel is.
//! - [`wlan`]: radios of the 802.11 kind, which have to join a cell before they carry a link.
//! - [`tap`], [`fault`]: radios around radios: one records, the other misbehaves on purpose.
//! - [`clock`], [`timer`]: the machine's clocks, and deadlines finer than tokio's millisecond.
//! - [`interface`], [`realtime`], [`privilege`]: what the machine has, what it grants us, and rights given up.
//! - [`writer`], [`queue`], [`blocks`], [`destination`]: files and pipes, written by threads that the station never waits for.
//! - [`forbidden`]: whose file it is that this user may not open.

pub mod auto;
pub mod blocks;
pub mod clock;
pub mod destination;
pub mod error;
pub mod fault;
pub mod forbidden;
pub mod interface;
pub mod load;
pub mod mem;
pub mod monitor;
pub mod packet;
#[cfg(feature = "pnet")]
pub mod pnet;
pub mod privilege;
pub mod queue;
pub mod radio;
pub mod realtime;
pub mod tap;
pub mod timer;
pub mod udp;
pub mod wlan;
pub mod writer;

mod bpf;
mod channel_meter;
mod cmsg;
mod glance;
mod netlink;
mod priority;
mod radio_watch;
mod reactor;
mod socket;
mod watch;

#[cfg(test)]
mod testnet;

pub use error::OpenError;
pub use radio::{
    AccessSupport, Capabilities, ChannelLoad, Counters, DEFAULT_ETHER_TYPE, LinkAddress, LinkFault,
    LinkState, MAX_FRAME_BYTES, Radio, RadioExt, Refusal, RxMeta, TransmitStatus, TxFrame, Unfit,
    UnreadFrames,
};
pub use v2x_proto::link::{AccessCategory, DataRate};
