//! Congestion control: how busy the channel is, and when the next frame may leave.

mod airtime;
mod burst;
mod channel_load;
mod gate;
mod legal;
mod limeric;
mod reactive;
mod tracking;

pub use burst::Burst;
pub use channel_load::{BusyRatio, ChannelLoad, LoadBasis, LoadSource};
pub use gate::{CongestionState, GateCounts, Passage, TransmitGate};
