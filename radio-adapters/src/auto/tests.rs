//! On a veth pair, which carries what is injected as it carries Ethernet frames. Real radios are in the radio VM.

use std::io::Read;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use v2x_proto::envelope;
use v2x_proto::link::ethernet;
use v2x_proto::link::ieee80211::{BROADCAST, QosData};

use super::*;
use crate::interface;
use crate::packet::{ignore_outgoing, link_layer_address};
use crate::radio::{DEFAULT_ETHER_TYPE, RadioExt};
use crate::testnet::{ENDS, run, with_veth_pair};
use crate::watch::Demand;

const PSEUDONYM: LinkAddress = LinkAddress([2, 9, 9, 9, 0x01, 0x23]);

/// A link whose interface is taken for one in OCB, with the other as its monitor interface.
fn beside(monitor: &str) -> AutoRadio {
    let packet = PacketRadio::open(PacketConfig::new(ENDS[0])).unwrap().in_ocb();
    let config = MonitorConfig { wait: true, greets: false, ..MonitorConfig::new(monitor) };
    let monitor = MonitorRadio::on(config, Demand::Ethernet(envelope::MAX_FRAME)).unwrap();
    AutoRadio::of(packet, monitor)
}

/// The other end of the cable, which hears frames of one source.
struct OtherEnd {
    socket: Socket,
    source: LinkAddress,
}

impl OtherEnd {
    fn open(source: LinkAddress) -> Self {
        let index = interface::list().unwrap().into_iter().find(|i| i.name == ENDS[1]).unwrap().index;
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
        ignore_outgoing(&socket).unwrap();
        socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { socket, source }
    }

    /// The radio says that it has sent this frame.
    fn tells_of(&self, bytes: &[u8]) {
        let header = QosData {
            destination: BROADCAST,
            source: PSEUDONYM.0,
            user_priority: 7,
            sequence: 1,
            ether_type: DEFAULT_ETHER_TYPE,
        };
        let status = [0, 0, 13, 0, 0x04, 0x80, 2, 0, 24, 0, 8, 0, 0];
        self.socket.send(&[&status[..], &header.encode(), bytes].concat()).unwrap();
    }

    /// The next frame: its EtherType, or none when it was injected, and its last bytes.
    fn hears(&mut self) -> (Option<u16>, Vec<u8>) {
        let mut bytes = [0; 2048];
        let length = self.socket.read(&mut bytes).unwrap();
        if bytes[..2] == [0, 0] {
            let injected = v2x_proto::link::radiotap::strip(&bytes[..length]).unwrap();
            assert_eq!(injected.source, self.source.0);
            return (None, injected.payload.to_vec());
        }
        let header: &[u8; ethernet::Header::LEN] = bytes.first_chunk().unwrap();
        let header = ethernet::Header::parse(header);
        assert_eq!(header.source, self.source.0);
        (Some(header.ether_type), bytes[ethernet::Header::LEN..length].to_vec())
    }
}

async fn send(radio: &mut AutoRadio, source: LinkAddress, access: AccessCategory, bytes: &[u8]) {
    radio.send(&TxFrame::new(bytes, access).from_source(Some(source))).await.unwrap();
}

#[test]
fn urgent_frames_are_injected_behind_a_warm_up_frame_of_a_new_address_and_others_are_not() {
    with_veth_pair(|| {
        run(async {
            let mut radio = beside(ENDS[0]);
            let own = radio.link_address();
            let mut other = OtherEnd::open(own);
            send(&mut radio, own, AccessCategory::Voice, b"imminent").await;
            send(&mut radio, own, AccessCategory::Video, b"alert").await;
            send(&mut radio, own, AccessCategory::BestEffort, b"beacon").await;
            assert_eq!(other.hears(), (Some(0x88b6), Vec::new()));
            assert_eq!(other.hears(), (None, b"imminent".to_vec()));
            assert_eq!(other.hears(), (None, b"alert".to_vec()));
            assert_eq!(other.hears(), (Some(DEFAULT_ETHER_TYPE), b"beacon".to_vec()));
            let counters = radio.counters();
            assert_eq!((counters.sent, counters.injected, counters.warm_ups), (3, 2, 1), "{counters:?}");
        });
    });
}

#[test]
fn urgent_frames_of_a_pseudonym_go_both_ways_until_the_radio_has_sent_an_injected_one() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, mut other) = (beside(ENDS[0]), OtherEnd::open(PSEUDONYM));
            send(&mut radio, PSEUDONYM, AccessCategory::Voice, b"first").await;
            assert_eq!(other.hears(), (Some(0x88b6), Vec::new()));
            assert_eq!(other.hears(), (None, b"first".to_vec()));
            assert_eq!(other.hears(), (Some(DEFAULT_ETHER_TYPE), b"first".to_vec()));
            other.tells_of(b"first");
            let began = Instant::now();
            while radio.poll_transmit_status().is_pending() {
                assert!(began.elapsed() < Duration::from_secs(5), "no status");
            }
            send(&mut radio, PSEUDONYM, AccessCategory::Voice, b"second").await;
            send(&mut radio, PSEUDONYM, AccessCategory::Voice, b"third").await;
            assert_eq!(other.hears(), (None, b"second".to_vec()));
            assert_eq!(other.hears(), (None, b"third".to_vec()));
            let counters = radio.counters();
            assert_eq!((counters.sent, counters.injected), (3, 3), "{counters:?}");
        });
    });
}

#[test]
fn urgent_frames_of_a_pseudonym_are_not_injected_where_the_radio_never_says_that_it_sends_them() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, mut other) = (beside(ENDS[0]), OtherEnd::open(PSEUDONYM));
            for _ in 0..10 {
                send(&mut radio, PSEUDONYM, AccessCategory::Voice, b"early").await;
            }
            assert_eq!(other.hears(), (Some(0x88b6), Vec::new()));
            for _ in 0..10 {
                assert_eq!(other.hears(), (None, b"early".to_vec()));
                assert_eq!(other.hears(), (Some(DEFAULT_ETHER_TYPE), b"early".to_vec()));
            }
            send(&mut radio, PSEUDONYM, AccessCategory::Voice, b"late").await;
            assert_eq!(other.hears(), (Some(DEFAULT_ETHER_TYPE), b"late".to_vec()));
            // Its own are, as ever.
            other.source = radio.link_address();
            let own = other.source;
            send(&mut radio, own, AccessCategory::Voice, b"own").await;
            assert_eq!(other.hears(), (Some(0x88b6), Vec::new()));
            assert_eq!(other.hears(), (None, b"own".to_vec()));
            assert_eq!((radio.counters().sent, radio.counters().injected), (12, 11));
        });
    });
}

#[test]
fn without_a_monitor_interface_all_goes_through_the_interface_in_ocb() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, mut other) = (beside("mon0"), OtherEnd::open(PSEUDONYM));
            assert!(!radio.injects());
            send(&mut radio, PSEUDONYM, AccessCategory::Voice, b"imminent").await;
            assert_eq!(other.hears(), (Some(0x88b6), Vec::new()));
            assert_eq!(other.hears(), (Some(DEFAULT_ETHER_TYPE), b"imminent".to_vec()));
            assert_eq!((radio.counters().sent, radio.counters().injected), (1, 0));
        });
    });
}
