//! The hop header: the only part of a frame that changes from hop to hop, and therefore unsigned.
//!
//! Fixed binary, little-endian, 12 bytes, or 20 with the forwarder's position:
//!
//! ```text
//! 0       version:4 (high) | kind:4
//! 1       flags: bit 0 multi-hop, 1 store-carry-forward, 2 keep-alive copy,
//!                3 has forwarder position, 4 test; 5-7 zero
//! 2       remaining hops
//! 3       class:4 (high) | zero:4
//! 4..12   digest of the last transmitter's credential
//! 12..20  optional latitude, longitude of the last transmitter, 1e-7 degree each
//! ```
//!
//! None of it can be trusted: every station that relays a frame rewrites it. The class must equal the signed
//! class, the remaining hops must not exceed the signed maximum, the position is a hint.

use bytes::BufMut;

use crate::{Class, Digest, wire};

/// Version of the frame layout this code reads and writes.
pub const VERSION: u8 = 1;

/// Length of a header without the forwarder's position, in bytes.
pub const MIN_LEN: usize = 12;

/// Length of a header with the forwarder's position, in bytes.
pub const MAX_LEN: usize = 20;

/// Reads the header at the start of a frame: its values and its length in bytes.
///
/// What follows the header is the signed message, `&frame[length..]`.
pub fn parse(frame: &[u8]) -> Result<(HopHeader, usize), HopError> {
    let view = HopView::new_checked(frame)?;
    Ok((view.header(), view.len()))
}

/// A hop header as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopHeader {
    /// What follows the header.
    pub kind: Kind,
    /// How the frame travels.
    pub flags: Flags,
    /// Hops the frame may still make after this one; never above the signed `max_hops`.
    pub remaining_hops: u8,
    /// Deadline class; must equal the signed one.
    pub class: Class,
    /// Digest of the last transmitter's credential.
    pub forwarder: Digest,
    /// Latitude and longitude of the last transmitter, 1e-7 degree, within ±900000000 and
    /// ±1800000000. Decides the header's length.
    pub forwarder_position: Option<(i32, i32)>,
}

impl HopHeader {
    /// Length on the wire in bytes, 12 or 20.
    #[expect(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub const fn len(&self) -> usize {
        match self.forwarder_position {
            Some(_) => MAX_LEN,
            None => MIN_LEN,
        }
    }

    /// Writes the header into the first [`len`](Self::len) bytes of `buffer`.
    ///
    /// # Panics
    ///
    /// When `buffer` is shorter than [`len`](Self::len). The header's values cannot cause a panic.
    pub fn emit(&self, mut buffer: &mut [u8]) {
        self.encode(&mut buffer);
    }

    /// Appends the header to `out`.
    ///
    /// # Panics
    ///
    /// When `out` cannot take [`len`](Self::len) more bytes, as `BufMut` does.
    pub fn encode(&self, out: &mut impl BufMut) {
        let mut flags = 0;
        for (bit, set) in [
            (MULTI_HOP, self.flags.multi_hop),
            (STORE_CARRY_FORWARD, self.flags.store_carry_forward),
            (KEEP_ALIVE, self.flags.keep_alive),
            (HAS_POSITION, self.forwarder_position.is_some()),
            (TEST, self.flags.test),
        ] {
            flags |= if set { bit } else { 0 };
        }
        out.put_slice(&[
            VERSION << 4 | self.kind as u8,
            flags,
            self.remaining_hops,
            u8::from(self.class) << 4,
        ]);
        out.put_slice(&self.forwarder.0);
        if let Some((latitude, longitude)) = self.forwarder_position {
            out.put_i32_le(latitude);
            out.put_i32_le(longitude);
        }
    }
}

/// What follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A safety or traffic message.
    Data = 0,
    /// A message of the management plane.
    Management = 1,
    /// A measuring frame.
    Probe = 2,
}

/// How the frame travels. Whether the header holds a position is not here: it follows from the position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// May be forwarded.
    pub multi_hop: bool,
    /// A forwarder without a neighbour ahead keeps the frame and sends it later.
    pub store_carry_forward: bool,
    /// Sent again by a station that keeps an event alive, not by its originator.
    pub keep_alive: bool,
    /// From a test or a simulation; a station in service counts and drops it.
    pub test: bool,
}

/// Why bytes are not a hop header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HopError {
    /// Fewer bytes than the header needs.
    #[error("frame ends inside the hop header (12 bytes, 20 with the forwarder's position)")]
    Truncated,
    /// A layout version this code does not know.
    #[error("frame version {0}, this station reads version {VERSION}")]
    Version(u8),
    /// Neither data, management nor probe.
    #[error("frame kind {0} does not exist: 0 data, 1 management, 2 probe")]
    Kind(u8),
    /// A bit that must be zero is set.
    #[error("a reserved bit of the hop header is set")]
    ReservedBits,
    /// No such deadline class.
    #[error("deadline class {0} does not exist: classes are 0 to 5")]
    Class(u8),
    /// The forwarder's position is off the globe.
    #[error("forwarder position is outside ±90 / ±180 degrees")]
    Position,
}

/// A checked view of a frame that starts with a hop header.
///
/// Every accessor is free of panics: [`HopView::new_checked`] has looked at all of the header, and
/// a view gives out no mutable access to its buffer.
#[derive(Clone, Copy, Debug)]
pub struct HopView<T: AsRef<[u8]>> {
    buffer: T,
    header: HopHeader,
}

impl<T: AsRef<[u8]>> HopView<T> {
    /// Checks the header at the start of `buffer`.
    pub fn new_checked(buffer: T) -> Result<Self, HopError> {
        let header = check(buffer.as_ref())?;
        Ok(Self { buffer, header })
    }

    /// The header's values.
    pub fn header(&self) -> HopHeader {
        self.header
    }

    /// Length of the header in bytes, 12 or 20.
    #[expect(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub fn len(&self) -> usize {
        self.header.len()
    }

    /// What follows the header: a signed message, not checked yet.
    pub fn payload(&self) -> &[u8] {
        self.buffer.as_ref().get(self.len()..).unwrap_or_default()
    }

    /// The frame.
    pub fn into_inner(self) -> T {
        self.buffer
    }
}

fn check(bytes: &[u8]) -> Result<HopHeader, HopError> {
    let (fixed, rest) = bytes.split_first_chunk::<MIN_LEN>().ok_or(HopError::Truncated)?;
    let [first, flags, remaining_hops, class, digest @ ..] = *fixed;
    if first >> 4 != VERSION {
        return Err(HopError::Version(first >> 4));
    }
    let kind = match first & 0x0f {
        0 => Kind::Data,
        1 => Kind::Management,
        2 => Kind::Probe,
        other => return Err(HopError::Kind(other)),
    };
    if flags & RESERVED != 0 || class & 0x0f != 0 {
        return Err(HopError::ReservedBits);
    }
    let class = Class::try_from(class >> 4).map_err(|unknown| HopError::Class(unknown.0))?;
    let forwarder_position = if flags & HAS_POSITION == 0 {
        None
    } else {
        let ([a, b, c, d, e, f, g, h], _) = rest.split_first_chunk::<8>().ok_or(HopError::Truncated)?;
        let latitude = i32::from_le_bytes([*a, *b, *c, *d]);
        let longitude = i32::from_le_bytes([*e, *f, *g, *h]);
        if !wire::on_the_globe(latitude, longitude) {
            return Err(HopError::Position);
        }
        Some((latitude, longitude))
    };
    Ok(HopHeader {
        kind,
        flags: Flags {
            multi_hop: flags & MULTI_HOP != 0,
            store_carry_forward: flags & STORE_CARRY_FORWARD != 0,
            keep_alive: flags & KEEP_ALIVE != 0,
            test: flags & TEST != 0,
        },
        remaining_hops,
        class,
        forwarder: Digest(digest),
        forwarder_position,
    })
}

const MULTI_HOP: u8 = 1 << 0;
const STORE_CARRY_FORWARD: u8 = 1 << 1;
const KEEP_ALIVE: u8 = 1 << 2;
const HAS_POSITION: u8 = 1 << 3;
const TEST: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_header() -> impl Strategy<Value = HopHeader> {
        (
            prop_oneof![Just(Kind::Data), Just(Kind::Management), Just(Kind::Probe)],
            any::<[bool; 4]>(),
            any::<u8>(),
            0..6u8,
            any::<[u8; 8]>(),
            proptest::option::of((-900_000_000..=900_000_000, -1_800_000_000..=1_800_000_000)),
        )
            .prop_map(|(kind, flags, remaining_hops, class, digest, position)| HopHeader {
                kind,
                flags: Flags {
                    multi_hop: flags[0],
                    store_carry_forward: flags[1],
                    keep_alive: flags[2],
                    test: flags[3],
                },
                remaining_hops,
                class: Class::try_from(class).unwrap(),
                forwarder: Digest(digest),
                forwarder_position: position,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(header in any_header(), tail in any::<Vec<u8>>()) {
            let mut frame = vec![0xff; header.len()];
            header.emit(&mut frame);
            frame.extend_from_slice(&tail);
            prop_assert_eq!(parse(&frame), Ok((header, header.len())));
            let view = HopView::new_checked(&frame).unwrap();
            prop_assert_eq!(view.payload(), &tail[..]);
        }

        #[test]
        fn every_accepted_header_is_written_back_as_it_came(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((header, len)) = parse(&bytes) {
                let mut again = Vec::new();
                header.encode(&mut again);
                prop_assert_eq!(&again[..], &bytes[..len]);
            }
        }

        #[test]
        fn a_cut_header_is_truncated(header in any_header(), cut in 0..20usize) {
            let mut frame = vec![0; header.len()];
            header.emit(&mut frame);
            let cut = cut % header.len();
            prop_assert_eq!(parse(&frame[..cut]), Err(HopError::Truncated));
        }
    }

    #[test]
    fn each_violation_has_its_name() {
        let good = {
            let mut frame = [0; MAX_LEN];
            HopHeader {
                kind: Kind::Data,
                flags: Flags::default(),
                remaining_hops: 1,
                class: Class::D2,
                forwarder: Digest([7; 8]),
                forwarder_position: Some((1, 2)),
            }
            .emit(&mut frame);
            frame
        };
        assert!(parse(&good).is_ok());
        for (place, value, error) in [
            (0, 0x20, HopError::Version(2)),
            (0, 0x00, HopError::Version(0)),
            (0, 0x13, HopError::Kind(3)),
            (1, 0x80, HopError::ReservedBits),
            (3, 0x21, HopError::ReservedBits),
            (3, 0x60, HopError::Class(6)),
            (15, 0x7f, HopError::Position),
        ] {
            let mut bad = good;
            bad[place] = value;
            assert_eq!(parse(&bad), Err(error), "byte {place}");
        }
    }
}
