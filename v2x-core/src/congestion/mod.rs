//! Channel load: how busy the channel is.

mod airtime;
mod channel_load;

pub use channel_load::{BusyRatio, ChannelLoad, LoadSource};
