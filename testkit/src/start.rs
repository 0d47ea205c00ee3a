//! Common start of all tests: place, time, and the inputs that set them.

use bytes::Bytes;
use v2x_core::{Anchor, Fix, Input, Instant, Position, ReceivedFrame, Way, WireTime};

/// Wire time at [`Instant::ZERO`]: some day in 2026.
pub const START: WireTime = WireTime::from_micros(720_000_000_000_000);
/// Where stations stand by default.
pub const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

/// Virtual time begins at [`START`].
pub fn anchor() -> Anchor {
    Anchor { instant: Instant::ZERO, wire: START }
}

/// A fix taken now: northwards at 15 m/s, 1.5 m accurate.
pub fn fix(now: Instant, position: Position) -> Input {
    Input::Fix(Some(Fix {
        position,
        altitude_cm: None,
        speed: Some(1500),
        heading: Some(0),
        acceleration: Some(0),
        yaw_rate: None,
        accuracy_cm: Some(150),
        time: anchor().wire_at(now),
    }))
}

/// The frame as received from a link that measures nothing.
pub fn frame(bytes: &Bytes, link_source: [u8; 6]) -> Input {
    Input::Frame(ReceivedFrame {
        bytes: bytes.clone(),
        link_source,
        kernel_receive: None,
        user_receive: None,
        signal_dbm: None,
        way: Way::Air,
    })
}

/// The frame as a bridge hands it in that has it from this peer.
pub fn from_afar(bytes: &Bytes, peer: u16) -> Input {
    Input::Frame(ReceivedFrame {
        bytes: bytes.clone(),
        link_source: [0; 6],
        kernel_receive: None,
        user_receive: None,
        signal_dbm: None,
        way: Way::Afar(peer),
    })
}

/// The link address of station `number`.
pub fn address(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [2, 0, a, b, c, d]
}
