//! A frame on its link: the headers around it, how it gets channel access, and its airtime.
//!
//! One file per layer. Every parser takes arbitrary bytes, allocates nothing, and names in an [`Unread`] what it does not
//! read.

pub mod access;
pub mod airtime;
pub mod cooked;
pub mod ethernet;
pub mod ieee80211;
pub mod ip;
pub mod link_type;
pub mod llc;
pub mod monitor;
pub mod radiotap;
mod unread;

mod read;

pub use access::{AccessCategory, Edca, Origin};
pub use airtime::{ChannelWidth, DataRate, airtime_ns, mpdu_airtime_ns};
pub use link_type::LinkType;
pub use unread::Unread;

/// A frame with its link layer taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripped<'a> {
    /// What the payload is.
    pub ether_type: u16,
    /// Claimed sender.
    pub source: [u8; 6],
    /// The rest, to the frame's end.
    pub payload: &'a [u8],
}
