use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, Linktype, OptionCode, PcapBlockOwned, PcapError, PcapNGReader};

use super::pcapng::{EPB_FLAGS, IF_DESCRIPTION, IF_MACADDR, IF_NAME, SNAP_LENGTH};
use super::*;
use crate::blocks::Medium;
use crate::clock::realtime_ns;
use crate::mem::{MemHub, MemRadio};
use crate::radio::RadioExt;
use crate::testnet::run;
use v2x_proto::link::{AccessCategory, ethernet};

const OWN: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 1]);
const OTHER: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 2]);
const PSEUDONYM: LinkAddress = LinkAddress([2, 0, 0, 0, 0, 9]);

/// A file the test can look into, and fill up after so many bytes.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Arc<Mutex<Option<usize>>>,
    moved: Arc<Mutex<bool>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.bytes.lock().unwrap();
        let room = self.room.lock().unwrap().map_or(usize::MAX, |room| room.saturating_sub(held.len()));
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        held.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().truncate(length as usize);
        Ok(())
    }

    fn is_at(&self, _: &Path, _: u64) -> bool {
        !*self.moved.lock().unwrap()
    }
}

/// A tap whose thread is the test.
struct Bench {
    disk: Disk,
    file: TapFile<Disk>,
    told: Arc<Mutex<Vec<String>>>,
    now: Instant,
}

impl Bench {
    fn new<R: Radio>(radio: R, limit_bytes: u64) -> (Tap<R>, Self) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let tell: Tell = Box::new(move |text| tell.lock().unwrap().push(text));
        let link = TapLink { interface: "vA".to_owned(), ether_type: 0x88b6 };
        let (tap, parts) = Tap::parts(radio, &link, Path::new("t.pcapng"), tell, limit_bytes).unwrap();
        let disk = Disk::default();
        let again = disk.clone();
        let file = TapFile::with(parts, Some(disk.clone()), Box::new(move || Ok(again.clone())));
        (tap, Self { disk, file, told, now: Instant::now() })
    }

    /// The thread's next round, two seconds later.
    fn round(&mut self) {
        self.now += Duration::from_secs(2);
        self.file.round_at(self.now);
    }

    fn packets(&self) -> Vec<Packet> {
        read(&self.disk.bytes.lock().unwrap()).1
    }

    fn told(&self) -> Vec<String> {
        core::mem::take(&mut *self.told.lock().unwrap())
    }
}

#[derive(Debug, PartialEq)]
struct Packet {
    realtime_ns: u64,
    flags: u32,
    data: Vec<u8>,
}

/// The interface of a capture.
#[derive(Debug, Default, PartialEq)]
struct Described {
    name: String,
    description: String,
    address: Vec<u8>,
    resolution: u8,
    snap_length: u32,
}

/// Reads a capture as Wireshark would: its interface and its packets.
fn read(bytes: &[u8]) -> (Described, Vec<Packet>) {
    let (mut described, mut packets) = (Described::default(), Vec::new());
    let mut reader = PcapNGReader::new(65536, bytes).unwrap();
    loop {
        let (offset, block) = match reader.next() {
            Ok(next) => next,
            Err(PcapError::Eof) => return (described, packets),
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
                let option = |code| {
                    let option = interface.options.iter().find(|option| option.code == OptionCode(code));
                    option.unwrap().as_bytes().unwrap().to_vec()
                };
                described = Described {
                    name: String::from_utf8(option(IF_NAME)).unwrap(),
                    description: String::from_utf8(option(IF_DESCRIPTION)).unwrap(),
                    address: option(IF_MACADDR),
                    resolution: interface.if_tsresol,
                    snap_length: interface.snaplen,
                };
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
    [&[0xff; 6], &source.0[..], &[0x88, 0xb6], payload].concat()
}

#[test]
fn a_capture_reads_back_with_both_directions_and_its_link() {
    let (own, mut other) = pair();
    let (mut own, mut bench) = Bench::new(own, u64::MAX);
    let started = realtime_ns();
    run(async {
        own.send(&frame(b"out")).await.unwrap();
        own.send(&frame(b"as another").from_source(Some(PSEUDONYM))).await.unwrap();
        other.send(&frame(b"in")).await.unwrap();
        let mut buf = BytesMut::from(&b"kept"[..]);
        own.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..], b"keptin");
    });
    bench.round();
    assert_eq!(own.tap_counters(), TapCounters { written: 3, ..Default::default() });
    let (described, packets) = read(&bench.disk.bytes.lock().unwrap());
    let expected = Described {
        name: "vA".to_owned(),
        description: "mem 02:00:00:00:00:01".to_owned(),
        address: OWN.0.to_vec(),
        resolution: 9,
        snap_length: SNAP_LENGTH,
    };
    assert_eq!(described, expected);
    let seen: Vec<_> = packets.iter().map(|p| (p.flags, p.data.clone())).collect();
    let expected =
        [(2, captured(OWN, b"out")), (2, captured(PSEUDONYM, b"as another")), (1, captured(OTHER, b"in"))];
    assert_eq!(seen, expected);
    for packet in &packets {
        // A minute of tolerance: the wall clock may be stepped while this runs.
        assert!(packet.realtime_ns.abs_diff(started) < 60_000_000_000, "{packet:?}");
    }
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_file_is_complete_after_drop() {
    let path = std::env::temp_dir().join(format!("roadcast-tap-{}.pcapng", std::process::id()));
    run(async {
        let (mut tap, watch) = Tap::create(pair().0, &TapLink::new("x"), &path, Box::new(|_| ())).unwrap();
        for n in 0..300u16 {
            tap.send(&frame(&vec![1; usize::from(n)])).await.unwrap();
        }
        drop((tap, watch));
    });
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (_, packets) = read(&bytes);
    let lengths: Vec<_> = packets.iter().map(|p| p.data.len() - ethernet::Header::LEN).collect();
    assert_eq!(lengths, (0..300).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_is_told_once_and_counted_and_the_file_ends_with_a_whole_frame() {
    let (own, mut other) = pair();
    let (mut own, mut bench) = Bench::new(own, u64::MAX);
    let mut send = |count: u64| {
        run(async {
            for _ in 0..count {
                own.send(&frame(&[1; 100])).await.unwrap();
                other.recv(&mut BytesMut::new()).await.unwrap();
            }
        });
        own.tap_counters()
    };
    send(10);
    bench.round();
    let held = bench.disk.bytes.lock().unwrap().len();
    // Room for two frames and a half.
    *bench.disk.room.lock().unwrap() = Some(held + 400);
    for _ in 0..3 {
        send(10);
        bench.round();
    }
    assert_eq!(send(0), TapCounters { written: 12, write_errors: 28, ..Default::default() });
    assert_eq!(bench.packets().len(), 12);
    assert_eq!(bench.told(), ["t.pcapng: capture stopped, trying again: no storage space"]);
    *bench.disk.room.lock().unwrap() = None;
    for _ in 0..5 {
        send(1);
        bench.round();
    }
    assert_eq!(send(0), TapCounters { written: 17, write_errors: 28, ..Default::default() });
    assert_eq!(bench.packets().len(), 17);
    assert_eq!(bench.told(), ["t.pcapng: capture goes on; 28 frames are missing in it"]);
}

#[test]
fn a_disk_that_is_full_from_the_start_gets_its_head_later() {
    let (mut own, mut bench) = Bench::new(pair().0, u64::MAX);
    *bench.disk.room.lock().unwrap() = Some(50);
    run(async { own.send(&frame(b"lost")).await.map(drop) }).unwrap();
    bench.round();
    assert_eq!(bench.disk.bytes.lock().unwrap().len(), 0);
    *bench.disk.room.lock().unwrap() = None;
    run(async { own.send(&frame(b"kept")).await.map(drop) }).unwrap();
    bench.round();
    assert_eq!(bench.packets().into_iter().map(|p| p.data).collect::<Vec<_>>(), [captured(OWN, b"kept")]);
    assert_eq!(own.tap_counters(), TapCounters { written: 1, write_errors: 1, ..Default::default() });
}

#[test]
fn a_file_that_is_moved_away_is_told_and_followed_by_a_whole_new_one() {
    let (mut own, mut bench) = Bench::new(pair().0, 2000);
    let mut send = || {
        for _ in 0..7 {
            run(own.send(&frame(&[1; 100]))).unwrap();
        }
    };
    send();
    bench.round();
    assert_eq!(bench.packets().len(), 7);
    bench.disk.bytes.lock().unwrap().clear();
    *bench.disk.moved.lock().unwrap() = true;
    bench.round();
    *bench.disk.moved.lock().unwrap() = false;
    // As many again: the limit is a file's.
    send();
    bench.round();
    assert_eq!(bench.packets().len(), 7);
    assert_eq!(
        bench.told(),
        ["t.pcapng: the capture's file was moved, removed or emptied; a new one is begun"]
    );
    assert_eq!(own.tap_counters(), TapCounters { written: 14, ..Default::default() });
}

#[test]
fn a_disk_that_stalls_costs_frames_and_not_time() {
    let (mut own, mut bench) = Bench::new(pair().0, u64::MAX);
    let count = 5000;
    run(async {
        for _ in 0..count {
            own.send(&frame(&[1; 1400])).await.unwrap();
        }
    });
    let TapCounters { too_slow, .. } = own.tap_counters();
    assert!((1..count).contains(&too_slow), "{too_slow}");
    bench.round();
    bench.round();
    assert_eq!(own.tap_counters(), TapCounters { written: count - too_slow, too_slow, ..Default::default() });
    assert_eq!(bench.packets().len() as u64, count - too_slow);
}

#[test]
fn a_capture_ends_at_its_limit_and_says_so_once() {
    let (mut own, mut bench) = Bench::new(pair().0, 1000);
    run(async {
        for _ in 0..20 {
            own.send(&frame(&[1; 100])).await.unwrap();
        }
        own.send(&frame(b"")).await.unwrap();
    });
    bench.round();
    bench.round();
    let counters = own.tap_counters();
    assert_eq!(counters.written + counters.over_limit, 21);
    assert_eq!(bench.packets().len() as u64, counters.written);
    assert!((1..20).contains(&counters.written));
    assert_eq!(bench.told(), ["t.pcapng: capture ends here: its limit of 1024 MiB is reached"]);
}

#[test]
fn a_file_that_cannot_be_created_is_named() {
    let created = Tap::create(pair().0, &TapLink::new("x"), "/nonexistent/x.pcapng", Box::new(|_| ()));
    let error = created.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/x.pcapng"), "{error}");
}
