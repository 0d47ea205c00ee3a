//! On a veth pair, which carries what is injected as it carries Ethernet frames. Real radios are in the radio VM.

use std::io::Read;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use v2x_proto::envelope;
use v2x_proto::link::ethernet;

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
    AutoRadio { packet, monitor }
}

/// The other end of the cable.
struct OtherEnd(Socket);

impl OtherEnd {
    fn open() -> Self {
        let index = interface::list().unwrap().into_iter().find(|i| i.name == ENDS[1]).unwrap().index;
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
        ignore_outgoing(&socket).unwrap();
        socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(socket)
    }

    /// The next frame: its EtherType, or none when it was injected, and its last bytes.
    fn hears(&mut self) -> (Option<u16>, Vec<u8>) {
        let mut bytes = [0; 2048];
        let length = self.0.read(&mut bytes).unwrap();
        if bytes[..2] == [0, 0] {
            let injected = v2x_proto::link::radiotap::strip(&bytes[..length]).unwrap();
            assert_eq!(injected.source, PSEUDONYM.0);
            return (None, injected.payload.to_vec());
        }
        let header: &[u8; ethernet::Header::LEN] = bytes.first_chunk().unwrap();
        let header = ethernet::Header::parse(header);
        assert_eq!(header.source, PSEUDONYM.0);
        (Some(header.ether_type), bytes[ethernet::Header::LEN..length].to_vec())
    }
}

async fn send(radio: &mut AutoRadio, access: AccessCategory, bytes: &[u8]) {
    radio.send(&TxFrame::new(bytes, access).from_source(Some(PSEUDONYM))).await.unwrap();
}

#[test]
fn urgent_frames_are_injected_behind_a_warm_up_frame_of_a_new_address_and_others_are_not() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, mut other) = (beside(ENDS[0]), OtherEnd::open());
            send(&mut radio, AccessCategory::Voice, b"imminent").await;
            send(&mut radio, AccessCategory::Video, b"alert").await;
            send(&mut radio, AccessCategory::BestEffort, b"beacon").await;
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
fn without_a_monitor_interface_all_goes_through_the_interface_in_ocb() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, mut other) = (beside("mon0"), OtherEnd::open());
            assert!(!radio.injects());
            send(&mut radio, AccessCategory::Voice, b"imminent").await;
            assert_eq!(other.hears(), (Some(0x88b6), Vec::new()));
            assert_eq!(other.hears(), (Some(DEFAULT_ETHER_TYPE), b"imminent".to_vec()));
            assert_eq!((radio.counters().sent, radio.counters().injected), (1, 0));
        });
    });
}
