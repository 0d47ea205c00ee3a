//! What bridges say to each other on the first stream of a connection: a hello each way, then heartbeats. Each is a record: two
//! bytes of length, most significant first, and a protobuf message.

use std::io;

use bytes::Bytes;
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use v2x_core::Position;
use v2x_proto::Class;

use crate::select::{Circle, Selection};

/// The first record of each side.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Hello {
    /// Drawn when the program started: after a restart it is another.
    #[prost(fixed64, tag = "1")]
    pub instance: u64,
    /// The credential by which it may be admitted; empty where it has none.
    #[prost(bytes = "bytes", tag = "2")]
    pub credential: Bytes,
    /// What it takes from the other, so that nothing else need be sent. Messages only.
    #[prost(message, optional, tag = "3")]
    pub wanted: Option<Wanted>,
    /// Where it sees the other, `address:port`; empty over a relay.
    #[prost(string, tag = "4")]
    pub seen_at: String,
}

/// A [`Selection`].
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Wanted {
    /// Numbers of classes.
    #[prost(uint32, repeated, tag = "1")]
    pub classes: Vec<u32>,
    /// Whether types are restricted to `types`.
    #[prost(bool, tag = "2")]
    pub has_types: bool,
    /// Numbers of `MessageType`.
    #[prost(uint32, repeated, tag = "3")]
    pub types: Vec<u32>,
    /// Radius of the circle, metres; 0: everywhere.
    #[prost(uint32, tag = "4")]
    pub radius_m: u32,
    /// Its centre, 1e-7 degrees.
    #[prost(sint32, tag = "5")]
    pub latitude: i32,
    /// Its centre, 1e-7 degrees.
    #[prost(sint32, tag = "6")]
    pub longitude: i32,
}

/// A heartbeat. From the pair of numbers and the time between, each side computes the round trip.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Beat {
    /// Its number on this connection, from 1.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// The number of the last heartbeat from the other side; 0: none yet.
    #[prost(uint64, tag = "2")]
    pub answers: u64,
    /// How long ago that came, microseconds.
    #[prost(uint64, tag = "3")]
    pub held_us: u64,
    /// Where the other side is seen now, as in [`Hello::seen_at`].
    #[prost(string, tag = "4")]
    pub seen_at: String,
}

impl Wanted {
    pub(super) fn of(selection: &Selection) -> Self {
        let (radius_m, latitude, longitude) = selection
            .area
            .map_or((0, 0, 0), |area| (area.radius_m, area.centre.latitude, area.centre.longitude));
        Self {
            classes: selection.classes.iter().map(|class| *class as u32).collect(),
            has_types: selection.types.is_some(),
            types: selection.types.clone().unwrap_or_default(),
            radius_m,
            latitude,
            longitude,
        }
    }

    /// What of it this version knows.
    pub(super) fn selection(&self) -> Selection {
        let class = |number: &u32| Class::ALL.into_iter().find(|class| *class as u32 == *number);
        let centre = Position::new(self.latitude, self.longitude).filter(|_| self.radius_m > 0);
        Selection {
            classes: self.classes.iter().filter_map(class).collect(),
            types: self.has_types.then(|| self.types.clone()),
            area: centre.map(|centre| Circle { centre, radius_m: self.radius_m.min(1_000_000) }),
        }
    }
}

/// Reads a record of at most `most` bytes.
pub(super) async fn read<M: Message + Default>(
    from: &mut (impl AsyncRead + Unpin),
    most: usize,
) -> io::Result<M> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let length = usize::from(from.read_u16().await?);
    if length > most {
        return Err(wrong(format!("a record of {length} bytes, and {most} are allowed")));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    M::decode(bytes.as_slice()).map_err(|error| wrong(error.to_string()))
}

/// Writes a record of at most 65,535 bytes.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), record: &impl Message) -> io::Result<()> {
    let mut bytes = vec![0; 2];
    record.encode(&mut bytes).expect("a vector has room");
    let length = u16::try_from(bytes.len() - 2).expect("a record is short");
    bytes[..2].copy_from_slice(&length.to_be_bytes());
    to.write_all(&bytes).await
}

/// A hello with the largest credential and every type; four times over.
pub(super) const LONGEST_HELLO: usize = 4096;
/// Three numbers and an address.
pub(super) const LONGEST_BEAT: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn the_longest_records_are_read() {
        let address = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".to_owned();
        let selection = Selection { types: Some((0..200).collect()), ..Selection::default() };
        let hello = Hello {
            instance: u64::MAX,
            credential: vec![7; 256].into(),
            wanted: Some(Wanted::of(&selection)),
            seen_at: address.clone(),
        };
        let beat = Beat { number: u64::MAX, answers: u64::MAX, held_us: u64::MAX, seen_at: address };
        let mut bytes = Vec::new();
        now(async {
            write(&mut bytes, &hello).await.unwrap();
            write(&mut bytes, &beat).await.unwrap();
            let mut from = bytes.as_slice();
            assert_eq!(read::<Hello>(&mut from, LONGEST_HELLO).await.unwrap(), hello);
            assert_eq!(read::<Beat>(&mut from, LONGEST_BEAT).await.unwrap(), beat);
        });
        assert_eq!(hello.wanted.unwrap().selection(), selection);
    }

    /// Bytes that often look like fields of protobuf.
    fn like_fields(most: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![0..0x40_u8, any::<u8>()], 0..most)
    }

    fn in_a_record(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    /// A record that was read is the same when it is written and read again.
    fn is_stable<M: Message + Default + PartialEq>(record: &M, most: usize) -> bool {
        let mut bytes = Vec::new();
        now(write(&mut bytes, record)).unwrap();
        bytes.len() > most + 2 || now(read::<M>(&mut bytes.as_slice(), most)).unwrap() == *record
    }

    proptest! {
        #[test]
        fn any_bytes_in_a_record_are_a_hello_or_a_heartbeat_or_refused(bytes in like_fields(300)) {
            let record = in_a_record(&bytes);
            if let Ok(hello) = now(read::<Hello>(&mut record.as_slice(), LONGEST_HELLO)) {
                prop_assert!(is_stable(&hello, LONGEST_HELLO));
                let selection = hello.wanted.unwrap_or_default().selection();
                prop_assert!(selection.area.is_none_or(|area| (1..=1_000_000).contains(&area.radius_m)));
            }
            match now(read::<Beat>(&mut record.as_slice(), LONGEST_BEAT)) {
                Ok(beat) => prop_assert!(bytes.len() <= LONGEST_BEAT && is_stable(&beat, LONGEST_BEAT)),
                Err(error) => prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData),
            }
        }

        #[test]
        fn a_hello_with_bytes_changed_or_cut_off_is_read_or_refused(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut: prop::sample::Index,
        ) {
            let selection = Selection { types: Some(vec![1, 300]), ..Selection::default() };
            let hello = Hello {
                instance: 7,
                credential: vec![7; 40].into(),
                wanted: Some(Wanted::of(&selection)),
                seen_at: "198.51.100.7:4747".to_owned(),
            };
            let mut bytes = Vec::new();
            now(write(&mut bytes, &hello)).unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(hello) = now(read::<Hello>(&mut bytes.as_slice(), LONGEST_HELLO)) {
                drop(hello.wanted.unwrap_or_default().selection());
            }
            let cut = cut.index(bytes.len());
            bytes.truncate(cut);
            let length = u16::from_be_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]);
            let read = now(read::<Hello>(&mut bytes.as_slice(), LONGEST_HELLO));
            prop_assert!(read.is_err() || usize::from(length) + 2 <= cut);
        }

        #[test]
        fn no_bytes_are_read_beyond_the_bound_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let long = bytes.len() >= 2 && usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) > LONGEST_BEAT;
            let beat = now(read::<Beat>(&mut bytes.as_slice(), LONGEST_BEAT));
            prop_assert!(!long || beat.is_err());
            if let Ok(hello) = now(read::<Hello>(&mut bytes.as_slice(), LONGEST_HELLO)) {
                drop(hello.wanted.unwrap_or_default().selection());
            }
        }

        #[test]
        fn every_choice_travels(classes in proptest::collection::vec(0_usize..6, 0..6), types: Option<Vec<u32>>, radius_m in 0_u32..=1_000_000) {
            let centre = Position::new(521_234_567, 131_234_567).unwrap();
            let selection = Selection {
                classes: classes.into_iter().map(|at| Class::ALL[at]).collect(),
                types,
                area: (radius_m > 0).then_some(Circle { centre, radius_m }),
            };
            prop_assert_eq!(Wanted::of(&selection).selection(), selection);
        }
    }
}
