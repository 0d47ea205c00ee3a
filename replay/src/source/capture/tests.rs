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
            self.packet(0, 1, &ethernet(0x86dd, b"ip"), 0),
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

fn read(bytes: &[u8]) -> (Vec<CapturedFrame>, LeftOutCounts, Option<String>) {
    let mut reader = CaptureReader::new(bytes, "t", Filter::default()).unwrap();
    let frames: Vec<CapturedFrame> = reader.by_ref().collect();
    (frames, reader.tally().clone(), reader.cut().map(str::to_owned))
}

#[test]
fn own_frames_come_out_of_a_pcapng_of_either_byte_order_and_the_rest_is_counted() {
    for order in [Order(false), Order(true)] {
        let (frames, tally, cut) = read(&order.capture());
        assert_eq!(cut, None);
        assert_eq!(tally.total(), 2);
        assert_eq!(tally.of(LeftOut::EtherType(0x86dd)), 1);
        assert_eq!(tally.of(LeftOut::NoInterface), 1);
        let clipped = frames.iter().find(|frame| frame.missing > 0).unwrap();
        assert_eq!((&clipped.frame[..], clipped.missing), (&b"clip"[..], 100));
        let whole = frames.iter().filter(|frame| frame.missing == 0);
        let seen: Vec<(u64, &[u8], &str)> =
            whole.map(|f| (f.time_ns.unwrap(), &f.frame[..], &*f.interface)).collect();
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
    let (frames, tally, cut) = read(&[little.capture(), big.section(), big.capture()].concat());
    assert_eq!((frames.len(), tally.total(), cut), (8, 4, None));
}

#[test]
fn classic_captures_of_both_resolutions_and_byte_orders() {
    for order in [Order(false), Order(true)] {
        let (frames, ..) = read(&classic(0xa1b2_c3d4, &order, 5));
        assert_eq!(frames[0].time_ns, Some(1_700_000_000_000_005_000));
        let (frames, _, cut) = read(&classic(0xa1b2_3c4d, &order, 5));
        assert_eq!(frames[0].time_ns, Some(1_700_000_000_000_000_005));
        assert_eq!((&frames[0].frame[..], cut), (&b"one"[..], None));
    }
}

#[test]
fn a_cut_capture_keeps_the_frames_before_the_cut() {
    let whole = Order(false).capture();
    let (frames, _, cut) = read(&whole[..whole.len() - 5]);
    assert_eq!(frames.len(), 3);
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
    let error = CaptureReader::new(&b"time;id;x;y\n0;a;0;0\n"[..], "t", Filter::default()).unwrap_err();
    assert_eq!(error.to_string(), "t: is CSV; wanted a packet capture (pcapng or pcap)");
    for toml in ["# A plan.\n\n[[event]]\nat_m = 1\n", "role = \"vehicle\"\n", "[link]\n"] {
        let error = CaptureReader::new(toml.as_bytes(), "t", Filter::default()).unwrap_err().to_string();
        assert_eq!(
            error,
            "t: is TOML, as configurations and plans are; wanted a packet capture (pcapng or pcap)"
        );
    }
    for json in ["[1, 2]\n", "[]\n", "[7]\n", "{\"a\": \"b = c\"}\n"] {
        let error = CaptureReader::new(json.as_bytes(), "t", Filter::default()).unwrap_err().to_string();
        assert_eq!(error, "t: is JSON; wanted a packet capture (pcapng or pcap)");
    }
    assert!(CaptureReader::new(&b""[..], "t", Filter::default()).is_err());
    assert!(CaptureReader::new(&b"\xd4\xc3\xb2\xa1\x02"[..], "t", Filter::default()).is_err());
}

/// The network field of a classic header, and one frame.
fn classic_of(network: u32, frame: &[u8], missing: u32) -> Vec<u8> {
    let length = frame.len() as u32;
    let head = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, network, 1_700_000_000, 5, length, length + missing];
    let mut bytes: Vec<u8> = head.map(u32::to_le_bytes).concat();
    bytes.extend(frame);
    bytes
}

#[test]
fn a_check_sequence_that_the_capture_states_is_taken_off() {
    let frame = [&ethernet(ETHER_TYPE, b"one")[..], &[0xde, 0xad, 0xbe, 0xef]].concat();
    // Bit 26: a length is stated, in 16-bit words by the four bits on top.
    let (frames, ..) = read(&classic_of(1 | 1 << 26 | 2 << 28, &frame, 0));
    assert_eq!(&frames[0].frame[..], b"one");
    // A capture that was cut at its end has lost that first.
    let (frames, ..) = read(&classic_of(1 | 1 << 26 | 2 << 28, &frame[..frame.len() - 4], 4));
    assert_eq!(&frames[0].frame[..], b"one");
    let (frames, ..) = read(&classic_of(1, &frame, 0));
    assert_eq!(frames[0].frame.len(), 7, "nothing is known of it");
    for order in [Order(false), Order(true)] {
        for stated in [4, 32] {
            let option = [order.n16(13), order.n16(1), [stated, 0], [0, 0], [0, 0], [0, 0]].concat();
            let interface = order.block(1, &[&order.n16(1)[..], &[0, 0], &order.n32(0), &option].concat());
            let (frames, ..) = read(&[order.section(), interface, order.packet(0, 1, &frame, 0)].concat());
            assert_eq!(&frames[0].frame[..], b"one", "if_fcslen {stated}");
        }
        // epb_flags, bits 5 to 8.
        let head = [0, 0, 1, frame.len() as u32, frame.len() as u32].map(|value| order.n32(value)).concat();
        let mut body = [head, frame.clone()].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([order.n16(2), order.n16(4)].concat());
        body.extend(order.n32(4 << 5));
        body.extend([0; 4]);
        let packet = order.block(6, &body);
        let (frames, ..) = read(&[order.section(), order.interface(1, "", None), packet].concat());
        assert_eq!(&frames[0].frame[..], b"one");
    }
}

/// A datagram to a group, in an Ethernet frame.
fn datagram(group: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28 + payload.len() as u8, 0, 1, 0, 0, 1, 17, 0, 0, 10, 77, 0, 1];
    packet.extend(group);
    packet.extend([0xb2, 0xbe, 0xba, 0xc3, 0, 8 + payload.len() as u8, 0, 0]);
    packet.extend(payload);
    ethernet(0x0800, &packet)
}

#[test]
fn datagrams_of_a_link_over_udp_are_frames_and_those_of_others_are_counted() {
    let order = Order(false);
    let mut header = Vec::new();
    hop::HopHeader {
        kind: hop::Kind::Data,
        flags: hop::Flags::default(),
        remaining_hops: 1,
        class: v2x_proto::Class::D2,
        forwarder: v2x_proto::Digest([1; 8]),
        forwarder_position: None,
    }
    .encode(&mut header);
    let capture = [
        order.section(),
        order.interface(1, "eth0", Some(9)),
        order.packet(0, 5, &datagram([239, 255, 77, 81], &header), 0),
        order.packet(0, 6, &datagram([239, 255, 77, 81], b"mDNS or so"), 0),
        order.packet(0, 7, &datagram([10, 77, 0, 2], &header), 0),
    ]
    .concat();
    let (frames, tally, _) = read(&capture);
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].source, &frames[0].frame[..]), ([0x0a, 77, 0, 1, 0xb2, 0xbe], &header[..]));
    assert_eq!(tally.of(LeftOut::Datagram), 2);
    assert_eq!(tally.to_string(), "2 UDP datagrams of others");
    let group = Some("239.255.77.81:47811".parse().unwrap());
    let raw = order.packet(0, 8, &ethernet(ETHER_TYPE, &header), 0);
    assert_eq!(read(&[&capture[..], &raw].concat()).0.len(), 2);
    let capture = [&capture[..], &raw].concat();
    let all = CaptureReader::new(&capture[..], "t", Filter { group, ..Filter::default() }).unwrap();
    assert_eq!(all.count(), 2, "whatever came to the group asked for, and nothing else");
}

#[test]
fn old_packet_blocks_and_link_layers_that_are_not_read_are_named() {
    for order in [Order(false), Order(true)] {
        let frame = ethernet(ETHER_TYPE, b"old");
        let head = [order.n16(0), order.n16(9)].concat();
        let rest = [0, 77, frame.len() as u32, frame.len() as u32].map(|value| order.n32(value)).concat();
        let old = order.block(2, &[head, rest, frame].concat());
        let capture = [
            order.section(),
            order.interface(1, "", Some(9)),
            old,
            order.interface(147, "u", None),
            order.packet(1, 1, b"x", 0),
        ];
        let (frames, tally, cut) = read(&capture.concat());
        assert_eq!((frames[0].time_ns, &frames[0].frame[..], cut), (Some(77), &b"old"[..], None));
        assert_eq!(tally.to_string(), "1 of link type 147");
    }
}

#[test]
fn an_appended_capture_is_named() {
    let one = classic(0xa1b2_c3d4, &Order(false), 5);
    let (frames, _, cut) = read(&[&one[..], &one].concat());
    assert_eq!(frames.len(), 1);
    assert!(cut.unwrap().contains("appended here"));
    let (_, _, cut) = read(&[&Order(false).capture()[..], &one].concat());
    assert!(cut.unwrap().contains("mergecap"));
}

#[test]
fn reasons_are_bounded_and_the_most_frequent_comes_first() {
    let mut tally = LeftOutCounts::default();
    for number in 0..100 {
        tally.add(LeftOut::EtherType(number));
    }
    tally.add(LeftOut::EtherType(7));
    assert_eq!(tally.total(), 101);
    let text = tally.to_string();
    assert!(
        text.starts_with("2 of EtherType 0x0007, ") && text.ends_with(", 68 for other reasons"),
        "{text}"
    );
}

#[test]
fn a_compressed_capture_opens_by_content() {
    let path = std::env::temp_dir().join(format!("roadcast-capture-{}.gz", std::process::id()));
    let mut encoder = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    encoder.write_all(&Order(false).capture()).unwrap();
    encoder.finish().unwrap();
    let frames = open(&path, Filter::default()).unwrap().count();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(frames, 4);
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
        if let Ok(reader) = CaptureReader::new(&bytes[..], "t", Filter::default()) {
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
        if let Ok(reader) = CaptureReader::new(&bytes[..], "t", Filter::default()) {
            prop_assert!(reader.count() <= 6);
        }
    }
}
