use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[0xff; 6][..], &SOURCE, &ether_type.to_be_bytes(), payload].concat()
}

/// Writes numbers in either byte order.
struct Order(bool);

impl Order {
    fn n32(&self, value: u32) -> [u8; 4] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn n16(&self, value: u16) -> [u8; 2] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.n32(body.len() as u32 + 12);
        [&self.n32(kind)[..], &length, &body, &length].concat()
    }

    fn section(&self) -> Vec<u8> {
        let body = [&self.n32(BYTE_ORDER)[..], &self.n16(1), &self.n16(0), &[0xff; 8]].concat();
        self.block(SECTION, &body)
    }

    fn interface(&self, link: u16, name: &str, resolution: Option<u8>) -> Vec<u8> {
        let mut body = [&self.n16(link)[..], &[0, 0], &self.n32(0)].concat();
        if !name.is_empty() {
            body.extend([self.n16(2), self.n16(name.len() as u16)].concat());
            body.extend(name.as_bytes());
            body.resize(body.len().next_multiple_of(4), 0);
        }
        if let Some(resolution) = resolution {
            body.extend([self.n16(9), self.n16(1)].concat());
            body.extend([resolution, 0, 0, 0]);
        }
        body.extend([0; 4]);
        self.block(1, &body)
    }

    fn packet(&self, interface: u32, ticks: u64, frame: &[u8], missing: u32) -> Vec<u8> {
        let length = frame.len() as u32;
        let head = [interface, (ticks >> 32) as u32, ticks as u32, length, length + missing];
        let mut body = head.map(|value| self.n32(value)).concat();
        body.extend(frame);
        self.block(6, &body)
    }

    /// Two interfaces of different resolution, three frames of ours, two foreign, one clipped.
    fn capture(&self) -> Vec<u8> {
        [
            self.section(),
            self.interface(1, "wlan0", Some(9)),
            self.interface(1, "", None),
            self.packet(0, 1_700_000_000_123_456_789, &ethernet(ETHER_TYPE, b"one"), 0),
            self.packet(1, 1_700_000_000_000_005, &ethernet(ETHER_TYPE, b"two"), 0),
            self.packet(0, 1, &ethernet(0x0800, b"ip"), 0),
            self.packet(7, 1, &ethernet(ETHER_TYPE, b"no such interface"), 0),
            self.packet(0, 1, &ethernet(ETHER_TYPE, b"clip"), 100),
            self.block(0x0bad, b"something else"),
            self.packet(0, 3, &ethernet(ETHER_TYPE, b"three"), 0),
        ]
        .concat()
    }
}

fn classic(magic: u32, order: &Order, fraction: u32) -> Vec<u8> {
    let frame = ethernet(ETHER_TYPE, b"one");
    let length = frame.len() as u32;
    let head = [magic, 0, 0, 0, 65_535, 1, 1_700_000_000, fraction, length, length];
    let mut bytes: Vec<u8> = head.map(|value| order.n32(value)).concat();
    bytes[4..8].copy_from_slice(&[order.n16(2), order.n16(4)].concat());
    bytes.extend(frame);
    bytes
}

fn read(bytes: &[u8]) -> (Vec<CapturedFrame>, Counts, Option<String>) {
    let mut reader = CaptureReader::new(bytes, "t", ETHER_TYPE).unwrap();
    let frames: Vec<CapturedFrame> = reader.by_ref().collect();
    (frames, reader.counts(), reader.cut().map(str::to_owned))
}

#[test]
fn own_frames_come_out_of_a_pcapng_of_either_byte_order_and_the_rest_is_counted() {
    for order in [Order(false), Order(true)] {
        let (frames, counts, cut) = read(&order.capture());
        assert_eq!(cut, None);
        assert_eq!(counts, Counts { frames: 3, foreign: 2, clipped: 1 });
        let seen: Vec<(u64, &[u8], &str)> =
            frames.iter().map(|f| (f.time_ns, &f.frame[..], &*f.interface)).collect();
        assert_eq!(
            seen,
            [
                (1_700_000_000_123_456_789, &b"one"[..], "wlan0"),
                (1_700_000_000_000_005_000, b"two", "1"),
                (3, b"three", "wlan0"),
            ]
        );
        assert!(frames.iter().all(|frame| frame.source == SOURCE));
    }
}

#[test]
fn a_new_section_starts_with_its_own_byte_order_and_interfaces() {
    let (little, big) = (Order(false), Order(true));
    let (frames, counts, cut) = read(&[little.capture(), big.section(), big.capture()].concat());
    assert_eq!((frames.len(), counts.foreign, cut), (6, 4, None));
}

#[test]
fn classic_captures_of_both_resolutions_and_byte_orders() {
    for order in [Order(false), Order(true)] {
        let (frames, ..) = read(&classic(0xa1b2_c3d4, &order, 5));
        assert_eq!(frames[0].time_ns, 1_700_000_000_000_005_000);
        let (frames, _, cut) = read(&classic(0xa1b2_3c4d, &order, 5));
        assert_eq!(frames[0].time_ns, 1_700_000_000_000_000_005);
        assert_eq!((&frames[0].frame[..], cut), (&b"one"[..], None));
    }
}

#[test]
fn a_cut_capture_keeps_the_frames_before_the_cut() {
    let whole = Order(false).capture();
    let (frames, _, cut) = read(&whole[..whole.len() - 5]);
    assert_eq!(frames.len(), 2);
    assert_eq!(cut.as_deref(), Some("the file ends inside a block"));
    let whole = classic(0xa1b2_c3d4, &Order(false), 5);
    let (frames, _, cut) = read(&[&whole[..], &[0; 10]].concat());
    assert_eq!(frames.len(), 1);
    assert!(cut.is_some());
    let huge = [&Order(false).section()[..], &Order(false).n32(6), &[0xfc, 0xff, 0xff, 0xff]].concat();
    let (_, _, cut) = read(&huge);
    assert_eq!(cut.as_deref(), Some("a block of 4294967292 bytes; the most is 1048576"));
}

#[test]
fn what_is_no_capture_is_named() {
    let error = CaptureReader::new(&b"time;id;x;y\n0;a;0;0\n"[..], "t", ETHER_TYPE).unwrap_err();
    assert_eq!(error.to_string(), "t: is CSV; wanted a packet capture (pcapng or pcap)");
    assert!(CaptureReader::new(&b""[..], "t", ETHER_TYPE).is_err());
    assert!(CaptureReader::new(&b"\xd4\xc3\xb2\xa1\x02"[..], "t", ETHER_TYPE).is_err());
}

#[test]
fn a_compressed_capture_opens_by_content() {
    let path = std::env::temp_dir().join(format!("roadcast-capture-{}.gz", std::process::id()));
    let mut encoder = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    encoder.write_all(&Order(false).capture()).unwrap();
    encoder.finish().unwrap();
    let frames = open(&path, ETHER_TYPE).unwrap().count();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(frames, 3);
}

proptest! {
    #[test]
    fn any_bytes_end_in_frames_or_an_error(start in 0..5usize, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let order = Order(false);
        let head = match start {
            0 => Vec::new(),
            1 => order.section(),
            2 => [order.section(), order.interface(127, "w", Some(0x9f))].concat(),
            3 => classic(0xa1b2_c3d4, &order, 0),
            _ => 0xa1b2_cd34u32.to_le_bytes().to_vec(),
        };
        let bytes = [head, bytes].concat();
        if let Ok(reader) = CaptureReader::new(&bytes[..], "t", ETHER_TYPE) {
            prop_assert!(reader.count() <= bytes.len());
        }
    }

    #[test]
    fn a_mutated_capture_ends_in_frames_or_an_error(
        big in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Order(big).capture();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut.index(40));
        if let Ok(reader) = CaptureReader::new(&bytes[..], "t", ETHER_TYPE) {
            prop_assert!(reader.count() <= 4);
        }
    }
}
