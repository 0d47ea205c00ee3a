//! A frame on its way.

use bytes::Bytes;
use v2x_core::{MessageId, Position, SendStamps};
use v2x_proto::Class;
use v2x_proto::link::Origin;

use crate::medium::Reception;

/// A frame on its way to its receivers, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Flight {
    pub(super) bytes: Bytes,
    pub(super) sender: u32,
    /// How many frames the sender has sent before, where something is wrong in the world.
    pub(super) number: u64,
    pub(super) source: Option<[u8; 6]>,
    /// Which message of a node it carries.
    pub(super) message: Option<(MessageId, SendStamps)>,
    pub(super) arrivals: Vec<(u32, Reception)>,
    pub(super) next: usize,
    pub(super) handed: Option<Handed>,
}

/// How a frame was handed to the medium.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handed {
    pub(super) at_ns: u64,
    pub(super) class: Class,
    pub(super) origin: Origin,
    pub(super) position: Position,
}
