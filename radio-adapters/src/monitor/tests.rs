//! On a veth pair, which carries any bytes: what a monitor interface would have given is sent to the link, and what it
//! injects is received. Real ones are in the radio VM.

use std::future::poll_fn;
use std::io::Read;
use std::time::Duration;

use v2x_proto::link::{AccessCategory, radiotap};

use super::*;
use crate::interface;
use crate::radio::{LinkFault, RadioExt, Unfit, UnreadFrames};
use crate::testnet::{ENDS, ip, run, with_veth_pair};

const PSEUDONYM: LinkAddress = LinkAddress([2, 9, 9, 9, 0x01, 0x23]);

fn open() -> MonitorRadio {
    MonitorRadio::on(
        MonitorConfig { greets: false, ..MonitorConfig::new(ENDS[0]) },
        Demand::Ethernet(envelope::MAX_FRAME),
    )
    .unwrap()
}

/// The other end of the cable.
fn other_end() -> Socket {
    let index = interface::list().unwrap().into_iter().find(|i| i.name == ENDS[1]).unwrap().index;
    let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
    ignore_outgoing(&socket).unwrap();
    socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// What the kernel reports of a frame that was received, and of one that was sent.
const RECEIVED: &[u8] =
    &[0, 0, 26, 0, 0x2f, 0x48, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 24, 0x0c, 0x17, 0x40, 1, 183, 0, 0, 0];
const SENT: &[u8] = &[0, 0, 13, 0, 0x04, 0x80, 2, 0, 24, 0, 8, 0, 0];

fn captured(radiotap: &[u8], sequence: u16, payload: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let header = QosData {
        destination: BROADCAST,
        source: PSEUDONYM.0,
        user_priority: 5,
        sequence,
        ether_type: DEFAULT_ETHER_TYPE,
    };
    let mut body = [&header.encode()[..], payload].concat();
    change(&mut body);
    [radiotap, &body].concat()
}

#[test]
fn a_frame_heard_comes_without_its_headers_and_with_what_the_radio_reports() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, other) = (open(), other_end());
            other.send(&captured(RECEIVED, 1, &[7; 1398], |_| {})).unwrap();
            let mut buf = BytesMut::from(&b"kept"[..]);
            let meta = radio.recv(&mut buf).await.unwrap();
            assert_eq!((&buf[..4], &buf[4..]), (&b"kept"[..], &[7; 1398][..]));
            assert!(meta.kernel_receive_ns.expect("stamped") <= meta.user_receive_ns);
            assert_eq!((meta.source, meta.signal_dbm, meta.rate_kbps), (PSEUDONYM, Some(-73), Some(6000)));
            assert_eq!((meta.frequency_mhz, meta.hardware_us), (Some(5900), Some(7)));
            assert_eq!((radio.counters().received, radio.counters().received_bytes), (1, 1398));
        });
    });
}

#[test]
fn the_first_frame_of_an_address_follows_a_warm_up_frame_and_goes_once_more() {
    with_veth_pair(|| {
        run(async {
            let (config, demand) = (MonitorConfig::new(ENDS[0]), Demand::Ethernet(envelope::MAX_FRAME));
            let (mut radio, other) = (MonitorRadio::on(config, demand).unwrap(), other_end());
            let next = || {
                let mut bytes = [0; 4096];
                let length = (&other).read(&mut bytes).unwrap();
                let frame = radiotap::strip(&bytes[..length]).unwrap();
                assert_eq!(frame.source, PSEUDONYM.0);
                (frame.ether_type, frame.payload.to_vec())
            };
            let frame = TxFrame::new(b"hello", AccessCategory::Video).from_source(Some(PSEUDONYM));
            radio.send(&frame).await.unwrap();
            assert_eq!((next(), next()), ((0x88b6, Vec::new()), (0x88b5, b"hello".to_vec())));
            // The copy leaves while the link is polled.
            let copied = poll_fn(|cx| {
                let _nothing_heard = radio.poll_recv(cx, &mut BytesMut::new());
                if radio.counters().first_copies == 1 { Poll::Ready(()) } else { Poll::Pending }
            });
            copied.await;
            assert_eq!(next(), (0x88b5, b"hello".to_vec()));
            radio
                .send(&TxFrame::new(b"again", AccessCategory::Video).from_source(Some(PSEUDONYM)))
                .await
                .unwrap();
            assert_eq!(next(), (0x88b5, b"again".to_vec()), "no further warm-up frame");
            assert_eq!((radio.counters().warm_ups, radio.counters().sent), (1, 2));
        });
    });
}

#[test]
fn a_frame_is_injected_with_its_category_rate_sender_and_number() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, other) = (open(), other_end());
            let urgent = TxFrame::new(b"hello", AccessCategory::Voice).from_source(Some(PSEUDONYM));
            radio.send(&urgent).await.unwrap();
            // Power is the interface's, whatever a frame asks for.
            assert!(!radio.capabilities().power_per_frame);
            radio.send(&urgent.at_rate(DataRate::Mbps3).at_power_dbm(3)).await.unwrap();
            radio.send(&TxFrame::new(b"hello", AccessCategory::Background)).await.unwrap();
            let own = radio.link_address();
            let [high, low] = [own.0[4], own.0[5]].map(u16::from);
            let first = (high << 8 | low) & 0x0fff;
            let wanted = [(24, 6, PSEUDONYM, 0x123), (12, 6, PSEUDONYM, 0x124), (24, 1, own, first)];
            for wanted in wanted {
                let mut bytes = [0; 4096];
                let length = (&other).read(&mut bytes).unwrap();
                let (report, body) = radiotap::read(&bytes[..length]).unwrap();
                assert_eq!(report.tx_power_dbm, None);
                let frame = radiotap::strip_body(&report, body).unwrap();
                assert_eq!((frame.stripped.ether_type, frame.stripped.payload), (0x88b5, &b"hello"[..]));
                assert_eq!((frame.destination, frame.bssid), (BROADCAST, Some(BROADCAST)));
                let source = LinkAddress(frame.stripped.source);
                let found =
                    (report.rate_half_mbps.unwrap(), frame.user_priority.unwrap(), source, frame.sequence);
                assert_eq!(found, wanted);
            }
            assert_eq!((radio.counters().sent, radio.counters().injected), (3, 3));
        });
    });
}

#[test]
fn the_radios_word_on_a_frame_is_its_status_and_no_frame_heard() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, other) = (open(), other_end());
            let frame = TxFrame::new(b"hello", AccessCategory::Voice);
            let sent_ns = radio.send(&frame).await.unwrap();
            assert!(radio.poll_transmit_status().is_pending());
            // Of this station; of another program on the radio; given up.
            other.send(&captured(SENT, 1, b"hello", |_| {})).unwrap();
            other.send(&captured(SENT, 1, b"not ours", |_| {})).unwrap();
            let mut given_up = SENT.to_vec();
            given_up[10] = 1;
            other.send(&captured(&given_up, 1, b"hello", |_| {})).unwrap();
            other.send(&captured(RECEIVED, 1, b"heard", |_| {})).unwrap();
            let mut buf = BytesMut::new();
            radio.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..], b"heard");
            // Not in the moment in which others wait for the frame.
            let status = loop {
                if let Poll::Ready(status) = radio.poll_transmit_status() {
                    break status;
                }
                assert!(monotonic_ns() < sent_ns + 5_000_000_000, "no status");
            };
            assert_eq!(status.sent_ns, sent_ns);
            assert!(status.took_ns < 5_000_000_000);
            assert!(radio.poll_transmit_status().is_pending());
            let counters = radio.counters();
            assert_eq!((counters.confirmed, counters.filtered, counters.received), (1, 3, 1));
        });
    });
}

#[test]
fn whatever_else_is_on_the_channel_is_left_out_and_counted_with_and_without_the_kernels_filter() {
    for filtered in [true, false] {
        with_veth_pair(move || {
            run(async move {
                let (mut radio, other) = (open(), other_end());
                if !filtered {
                    radio.open.as_ref().unwrap().socket().detach_filter().unwrap();
                }
                let mut damaged = RECEIVED.to_vec();
                damaged[16] = 0x40;
                let changes: [(usize, u8); 9] = [
                    (0, 0x00),  // whole
                    (0, 0x08),  // management
                    (1, 0x40),  // protected
                    (1, 0x04),  // more fragments
                    (22, 0x01), // a later fragment
                    (24, 0x80), // A-MSDU
                    (4, 0x01),  // to one station
                    (16, 0x01), // of a cell
                    (33, 0x01), // another EtherType
                ];
                for (at, bits) in changes {
                    other.send(&captured(RECEIVED, 1, b"hello", |body| body[at] ^= bits)).unwrap();
                }
                other.send(&captured(&damaged, 1, b"hello", |_| {})).unwrap();
                other.send(&captured(RECEIVED, 1, &[0; MAX_FRAME_BYTES], |_| {})[..40]).unwrap();
                other.send(&[0; 20]).unwrap();
                other.send(&captured(RECEIVED, 2, b"the end", |_| {})).unwrap();
                let mut buf = BytesMut::new();
                radio.recv(&mut buf).await.unwrap();
                radio.recv(&mut buf).await.unwrap();
                assert_eq!(&buf[..], b"hellothe end");
                let counters = radio.counters();
                let passed = UnreadFrames {
                    encrypted: 1,
                    aggregated: 1,
                    fragments: 2,
                    damaged: 1,
                    of_cells: 1,
                    ..UnreadFrames::default()
                };
                let all = UnreadFrames { no_data: 1, other_protocol: 1, malformed: 2, ..passed };
                assert_eq!(counters.unread, if filtered { passed } else { all });
                assert_eq!((counters.received, counters.filtered), (2, 1));
            });
        });
    }
}

#[test]
fn a_flood_of_frames_for_nobody_lets_other_tasks_have_their_turn() {
    with_veth_pair(|| {
        run(async {
            let (mut radio, other) = (open(), other_end());
            for _ in 0..MOST_IN_A_ROW + 1 {
                other.send(&captured(RECEIVED, 1, b"hello", |body| body[1] ^= 0x40)).unwrap();
            }
            other.send(&captured(RECEIVED, 1, b"hello", |_| {})).unwrap();
            let mut buf = BytesMut::new();
            let first = poll_fn(|cx| Poll::Ready(radio.poll_recv(cx, &mut buf))).await;
            assert!(first.is_pending());
            assert_eq!(radio.counters().unread.encrypted, MOST_IN_A_ROW as u64);
            radio.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..], b"hello");
        });
    });
}

#[test]
fn an_interface_that_is_none_is_an_error_and_one_that_goes_down_is_waited_for() {
    with_veth_pair(|| {
        run(async {
            let error = MonitorRadio::open(MonitorConfig::new(ENDS[0])).unwrap_err();
            assert!(matches!(error, OpenError::Unfit(Unfit::NoMonitor { hardware: 1, .. })), "{error}");
            let error = MonitorRadio::open(MonitorConfig::new("nosuch0")).unwrap_err().to_string();
            assert!(error.contains("no network interface \"nosuch0\""), "{error}");
            let mut radio = open();
            ip(&format!("link set {} down", ENDS[0])).unwrap();
            let mut buf = BytesMut::new();
            poll_fn(|cx| {
                let heard = radio.poll_recv(cx, &mut buf);
                assert!(heard.is_pending());
                if radio.state().is_down() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            assert!(matches!(radio.state().fault(), Some(LinkFault::Off { .. })));
            let refused = radio.send(&TxFrame::new(b"hello", AccessCategory::Voice)).await.unwrap_err();
            assert!(refused.to_string().contains("is down"), "{refused}");
            ip(&format!("link set {} up", ENDS[0])).unwrap();
            poll_fn(|cx| {
                assert!(radio.poll_recv(cx, &mut buf).is_pending());
                if radio.state().is_down() { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            assert_eq!(radio.counters().reopened, 1);
        });
    });
}

#[test]
fn a_new_sender_begins_at_a_number_of_its_own_and_numbers_wrap() {
    let mut numbering = Numbering::default();
    let sender = LinkAddress([2, 0, 0, 0, 0x7f, 0xff]);
    let mut numbers = Vec::new();
    for _ in 0..2 {
        numbers.push(numbering.next(sender));
        numbers.push(numbering.next(sender));
        numbering.took();
    }
    assert_eq!(numbers, [0xfff, 0xfff, 0, 0]);
    assert_eq!(numbering.next(PSEUDONYM), 0x123);
}
