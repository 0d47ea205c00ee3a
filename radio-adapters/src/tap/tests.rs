use std::sync::{Arc, Mutex};

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGReader};

use super::*;
use crate::clock::realtime_ns;
use crate::mem::{MemHub, MemRadio};
use crate::radio::RadioExt;
use crate::testnet::run;
use v2x_proto::link::AccessCategory;

const OWN: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 1]);
const OTHER: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 2]);
const PSEUDONYM: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 9]);

/// A file the test can look into, and fill up.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    full: Arc<Mutex<bool>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if *self.full.lock().unwrap() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
struct Packet {
    realtime_ns: u64,
    flags: u32,
    data: Vec<u8>,
}

/// Reads a capture as Wireshark would: the name and resolution of its interface, and its packets.
fn read(bytes: &[u8]) -> (String, u8, Vec<Packet>) {
    let (mut name, mut resolution, mut packets) = (String::new(), 0, Vec::new());
    let mut reader = PcapNGReader::new(65536, bytes).unwrap();
    loop {
        let (offset, block) = match reader.next() {
            Ok(next) => next,
            Err(PcapError::Eof) => return (name, resolution, packets),
            Err(PcapError::Incomplete(_)) => {
                reader.refill().unwrap();
                continue;
            }
            Err(e) => panic!("{e:?}"),
        };
        match block {
            PcapBlockOwned::NG(Block::SectionHeader(section)) => {
                assert_eq!((section.major_version, section.section_len), (1, -1));
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                assert_eq!(interface.linktype, Linktype::ETHERNET);
                resolution = interface.if_tsresol;
                let option = interface.options.iter().find(|o| o.code == OptionCode(IF_NAME));
                name = String::from_utf8(option.unwrap().as_bytes().unwrap().to_vec()).unwrap();
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let flags = packet.options.iter().find(|o| o.code == OptionCode(EPB_FLAGS));
                packets.push(Packet {
                    realtime_ns: u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low),
                    flags: u32::from_le_bytes(flags.unwrap().value[..4].try_into().unwrap()),
                    data: packet.data[..packet.caplen as usize].to_vec(),
                });
            }
            _ => panic!("a block this radio does not write"),
        }
        reader.consume(offset);
    }
}

fn pair() -> (MemRadio, MemRadio) {
    let hub = MemHub::new();
    (hub.join(OWN), hub.join(OTHER))
}

fn frame(bytes: &[u8]) -> TxFrame<'_> {
    TxFrame::new(bytes, AccessCategory::BestEffort)
}

fn captured(source: LinkAddress, payload: &[u8]) -> Vec<u8> {
    [&[0xff; 6], &source.0[..], &[0x88, 0xb5], payload].concat()
}

#[test]
fn a_capture_reads_back_with_both_directions() {
    let disk = Disk::default();
    let started = realtime_ns();
    run(async {
        let (own, mut other) = pair();
        let mut own = Tap::new(own, disk.clone(), u64::MAX).unwrap();
        own.send(&frame(b"out")).await.unwrap();
        own.send(&frame(b"as another").from_source(Some(PSEUDONYM))).await.unwrap();
        other.send(&frame(b"in")).await.unwrap();
        let mut buf = BytesMut::from(&b"kept"[..]);
        own.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..], b"keptin");
        assert_eq!(own.tap_counters(), TapCounters { written: 3, ..Default::default() });
        own.flush().unwrap();
    });
    let (name, resolution, packets) = read(&disk.bytes.lock().unwrap());
    assert_eq!((name.as_str(), resolution), ("mem 02:00:00:00:00:01", 9));
    let seen: Vec<_> = packets.iter().map(|p| (p.flags, p.data.clone())).collect();
    let expected =
        [(2, captured(OWN, b"out")), (2, captured(PSEUDONYM, b"as another")), (1, captured(OTHER, b"in"))];
    assert_eq!(seen, expected);
    for packet in &packets {
        // A minute of tolerance: the wall clock may be stepped while this runs.
        assert!(packet.realtime_ns.abs_diff(started) < 60_000_000_000, "{packet:?}");
    }
}

#[test]
fn a_file_is_complete_after_drop() {
    let path = std::env::temp_dir().join(format!("roadcast-tap-{}.pcapng", std::process::id()));
    run(async {
        let mut tap = Tap::create(pair().0, &path).unwrap();
        for n in 0..300u16 {
            tap.send(&frame(&vec![1; usize::from(n)])).await.unwrap();
        }
    });
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (_, _, packets) = read(&bytes);
    let lengths: Vec<_> = packets.iter().map(|p| p.data.len() - ethernet::Header::LEN).collect();
    assert_eq!(lengths, (0..300).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_is_counted_and_the_radio_goes_on() {
    let disk = Disk::default();
    run(async {
        let (own, mut other) = pair();
        let mut own = Tap::new(own, disk.clone(), u64::MAX).unwrap();
        *disk.full.lock().unwrap() = true;
        for _ in 0..100 {
            own.send(&frame(&[1; 1000])).await.unwrap();
            other.recv(&mut BytesMut::new()).await.unwrap();
        }
        let counters = own.tap_counters();
        assert!(counters.write_errors > 0, "{counters:?}");
        assert_eq!(counters.written + counters.write_errors, 100);
        assert!(own.flush().is_err());
        *disk.full.lock().unwrap() = false;
        own.send(&frame(b"space again")).await.unwrap();
        let written = own.tap_counters().written;
        drop(own);
        let (_, _, packets) = read(&disk.bytes.lock().unwrap());
        assert_eq!(packets.len() as u64, written, "what was written is whole");
        assert_eq!(packets.last().unwrap().data, captured(OWN, b"space again"));
    });
}

#[test]
fn a_recording_stops_at_its_limit() {
    let disk = Disk::default();
    run(async {
        let mut own = Tap::new(pair().0, disk.clone(), 1000).unwrap();
        for _ in 0..20 {
            own.send(&frame(&[1; 100])).await.unwrap();
        }
        own.send(&frame(b"")).await.unwrap();
        let counters = own.tap_counters();
        assert_eq!(counters.written + counters.over_limit, 21);
        own.flush().unwrap();
        assert_eq!(read(&disk.bytes.lock().unwrap()).2.len() as u64, counters.written);
        assert!((1..20).contains(&counters.written));
    });
}

#[test]
fn a_file_that_cannot_be_created_is_named() {
    let error = Tap::create(pair().0, "/nonexistent/x.pcapng").unwrap_err().to_string();
    assert!(error.contains("/nonexistent/x.pcapng"), "{error}");
}
