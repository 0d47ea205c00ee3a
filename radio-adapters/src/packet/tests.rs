use std::future::poll_fn;

use super::*;
use crate::interface;
use crate::radio::{LinkFault, RadioExt, Refusal, Unfit};
use crate::testnet::{ENDS, ip, run, with_veth_pair};
use crate::timer::DeadlineTimer;

fn open(interface: &str) -> PacketRadio {
    PacketRadio::open(PacketConfig::new(interface)).unwrap()
}

fn frame(bytes: &[u8]) -> TxFrame<'_> {
    TxFrame::new(bytes, AccessCategory::Voice)
}

/// Both ends, opened after frames went through both ways: until then, a device that just came up
/// drops frames silently.
async fn pair() -> (PacketRadio, PacketRadio) {
    let (mut a, mut b) = (open(ENDS[0]), open(ENDS[1]));
    talk(&mut a, &mut b, b"warm").await;
    talk(&mut b, &mut a, b"warm").await;
    (open(ENDS[0]), open(ENDS[1]))
}

/// Polls `radio` until `done`.
async fn drive(radio: &mut PacketRadio, done: impl Fn(&PacketRadio) -> bool) {
    let mut buf = BytesMut::new();
    poll_fn(|cx| {
        while radio.poll_recv(cx, &mut buf).is_ready() {}
        if done(radio) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Sends from `a` until `b` hears it: a link that came up takes a moment to carry frames.
async fn talk(a: &mut PacketRadio, b: &mut PacketRadio, text: &[u8]) {
    let mut again = DeadlineTimer::new().unwrap();
    for _ in 0..100 {
        // A device without carrier may refuse; the next round tries again.
        drop(a.send(&frame(text)).await);
        again.set(Some(monotonic_ns() + 50_000_000)).unwrap();
        let mut buf = BytesMut::new();
        let heard = poll_fn(|cx| {
            let mut other = BytesMut::new();
            while a.poll_recv(cx, &mut other).is_ready() {}
            if let Poll::Ready(received) = b.poll_recv(cx, &mut buf) {
                received.unwrap();
                return Poll::Ready(true);
            }
            again.poll_expired(cx).map(|_| false)
        })
        .await;
        if heard {
            assert_eq!(&buf[..], text);
            return;
        }
    }
    panic!("never heard: {a:?} {b:?}");
}

#[test]
fn frames_arrive_stamped_and_from_whom_they_say() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            assert_eq!(
                a.link_address(),
                interface::list().unwrap().into_iter().find(|i| i.name == ENDS[0]).unwrap().address.unwrap()
            );
            let pseudonym = LinkAddress([2, 9, 9, 9, 9, 9]);
            let payload = [7; 1398];
            a.send(&frame(&payload)).await.unwrap();
            a.send(&frame(&payload[..100]).from_source(Some(pseudonym))).await.unwrap();
            let mut buf = BytesMut::from(&b"kept"[..]);
            let meta = b.recv(&mut buf).await.unwrap();
            assert_eq!((&buf[..4], &buf[4..]), (&b"kept"[..], &payload[..]));
            assert_eq!(meta.source, a.link_address());
            assert!(meta.kernel_receive_ns.expect("stamped") <= meta.user_receive_ns);
            buf.clear();
            assert_eq!(b.recv(&mut buf).await.unwrap().source, pseudonym);
            assert_eq!(buf.len(), 100);
            let own = poll_fn(|cx| Poll::Ready(a.poll_recv(cx, &mut buf))).await;
            assert!(own.is_pending(), "own frames do not come back");
            assert_eq!((a.counters().sent, b.counters().received), (2, 2));
        });
    });
}

#[test]
fn foreign_protocols_and_unicast_frames_are_not_seen() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            let foreign = PacketConfig { ether_type: 0x88b6, ..PacketConfig::new(ENDS[0]) };
            let mut foreign = PacketRadio::open(foreign).unwrap();
            foreign.send(&frame(b"foreign")).await.unwrap();
            let raw = &a.open.as_ref().unwrap().socket;
            let header = ethernet::Header::broadcast(a.address.0, DEFAULT_ETHER_TYPE);
            let unicast = ethernet::Header { destination: b.address.0, ..header };
            raw.socket().send(&unicast.encode()).unwrap();
            a.send(&frame(b"ours")).await.unwrap();
            let mut buf = BytesMut::new();
            b.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..], b"ours");
            assert_eq!((b.counters().received, b.counters().filtered), (1, 1));
        });
    });
}

#[test]
fn the_access_category_reaches_the_socket() {
    with_veth_pair(|| {
        run(async {
            let mut a = open(ENDS[0]);
            for access in [AccessCategory::Video, AccessCategory::Video, AccessCategory::Background] {
                a.send(&TxFrame::new(b"x", access)).await.unwrap();
                let raw = &a.open.as_ref().unwrap().socket;
                let mark = raw.socket().priority().unwrap();
                assert_eq!(mark, user_priority(access));
            }
        });
    });
}

#[test]
fn frames_above_the_mtu_or_the_limit_are_refused_and_counted() {
    with_veth_pair(|| {
        run(async {
            let mut a = open(ENDS[0]);
            assert_eq!(a.capabilities().max_frame_bytes, 1500);
            assert!(a.send(&frame(&[0; 1501])).await.is_err());
            assert!(a.send(&frame(&[0; MAX_FRAME_BYTES + 1])).await.is_err());
            assert_eq!((a.counters().oversized, a.counters().send_errors), (2, 2));
            a.send(&frame(&[0; 1500])).await.unwrap();
        });
    });
}

#[test]
fn a_full_receive_queue_is_counted() {
    with_veth_pair(|| {
        run(async {
            let config = PacketConfig { receive_buffer: 4096, ..PacketConfig::new(ENDS[1]) };
            let (mut a, _) = pair().await;
            let mut b = PacketRadio::open(config).unwrap();
            for _ in 0..50 {
                a.send(&frame(&[1; 500])).await.unwrap();
            }
            let mut buf = BytesMut::new();
            while poll_fn(|cx| Poll::Ready(b.poll_recv(cx, &mut buf))).await.is_ready() {}
            // The kernel reports drops with the next frame it queues.
            a.send(&frame(b"after")).await.unwrap();
            b.recv(&mut buf).await.unwrap();
            let counters = b.counters();
            assert!(counters.kernel_dropped > 0, "{counters:?}");
            assert_eq!(counters.kernel_dropped + counters.received, 51);
        });
    });
}

#[test]
fn an_interface_that_goes_down_and_up_is_found_again() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            talk(&mut a, &mut b, b"before").await;
            // The reader waits first: the wake-up must come from the kernel's error alone.
            let mut buf = BytesMut::new();
            let waiting = poll_fn(|cx| Poll::Ready(b.poll_recv(cx, &mut buf))).await;
            assert!(waiting.is_pending());
            ip("link set rc1 down").unwrap();
            drive(&mut b, |b| b.state() != LinkState::Up).await;
            let error = b.send(&frame(b"x")).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotConnected, "{error}");
            ip("link set rc1 up").unwrap();
            drive(&mut b, |b| b.state() == LinkState::Up).await;
            assert_eq!(b.counters().reopened, 1);
            talk(&mut a, &mut b, b"after").await;
            talk(&mut b, &mut a, b"and back").await;
        });
    });
}

#[test]
fn a_sender_that_notices_first_does_not_hide_it_from_the_reader() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            let mut buf = BytesMut::new();
            let waiting = poll_fn(|cx| Poll::Ready(b.poll_recv(cx, &mut buf))).await;
            assert!(waiting.is_pending());
            ip("link set rc1 down").unwrap();
            let error = b.send(&frame(b"x")).await.unwrap_err();
            assert_eq!(Refusal::of(&error), Refusal::Down, "{error}");
            drive(&mut b, |b| b.state().is_down()).await;
            ip("link set rc1 up").unwrap();
            drive(&mut b, |b| b.counters().reopened == 1).await;
            talk(&mut a, &mut b, b"after").await;
        });
    });
}

#[test]
fn a_deleted_interface_is_reported_and_its_successor_taken() {
    with_veth_pair(|| {
        run(async {
            let mut b = open(ENDS[1]);
            let first = b.link_address();
            ip("link del rc1").unwrap();
            drive(&mut b, |b| matches!(b.state().fault(), Some(LinkFault::Gone(_)))).await;
            ip("link add rc0 type veth peer name rc1").unwrap();
            ip("link set rc0 up").unwrap();
            ip("link set rc1 up").unwrap();
            drive(&mut b, |b| b.state() == LinkState::Up).await;
            assert_ne!(b.link_address(), first, "the new interface has a new address");
            talk(&mut open(ENDS[0]), &mut b, b"after").await;
        });
    });
}

#[test]
fn a_carrier_lost_at_the_other_end_is_told_and_nothing_is_sent_into_the_void() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            ip("link set rc1 down").unwrap();
            drive(&mut a, |a| matches!(a.state().fault(), Some(LinkFault::NoCarrier { .. }))).await;
            let error = a.send(&frame(b"x")).await.unwrap_err();
            assert_eq!(Refusal::of(&error), Refusal::Down, "{error}");
            ip("link set rc1 up").unwrap();
            drive(&mut b, |b| b.state() == LinkState::Up).await;
            talk(&mut a, &mut b, b"after").await;
            talk(&mut b, &mut a, b"and back").await;
            assert_eq!((a.counters().outages, a.counters().reopened), (1, 1));
        });
    });
}

#[test]
fn an_outage_of_milliseconds_is_counted() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            // Nobody polls in between.
            ip("link set rc1 down").unwrap();
            ip("link set rc1 up").unwrap();
            drive(&mut b, |b| b.counters().outages == 1 && b.state() == LinkState::Up).await;
            drive(&mut a, |a| a.counters().outages == 1 && a.state() == LinkState::Up).await;
            talk(&mut a, &mut b, b"after").await;
        });
    });
}

#[test]
fn an_interface_renamed_away_is_gone_and_the_one_that_takes_its_name_is_taken() {
    with_veth_pair(|| {
        run(async {
            let (_, mut b) = pair().await;
            ip("link set rc1 down").unwrap();
            ip("link set rc1 name away1").unwrap();
            drive(&mut b, |b| matches!(b.state().fault(), Some(LinkFault::Gone(_)))).await;
            ip("link set rc0 down").unwrap();
            ip("link set rc0 name rc1").unwrap();
            ip("link set away1 name rc0").unwrap();
            ip("link set rc0 up").unwrap();
            ip("link set rc1 up").unwrap();
            drive(&mut b, |b| b.state() == LinkState::Up).await;
            talk(&mut open("rc0"), &mut b, b"swapped").await;
        });
    });
}

#[test]
fn frames_of_another_vlan_are_not_taken() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            let header = ethernet::Header::broadcast(a.address.0, DEFAULT_ETHER_TYPE).encode();
            // IEEE Std 802.1Q, 9.6: the tag stands before the EtherType. A tag of VLAN 0 gives a priority only.
            let tagged = |vlan: u8| [&header[..12], &[0x81, 0, 0, vlan], &header[12..], b"tagged"].concat();
            let raw = &a.open.as_ref().unwrap().socket;
            raw.socket().send(&tagged(5)).unwrap();
            raw.socket().send(&tagged(0)).unwrap();
            a.send(&frame(b"ours")).await.unwrap();
            let mut buf = BytesMut::new();
            b.recv(&mut buf).await.unwrap();
            assert_eq!((&buf[..], b.counters().foreign), (&b"tagged"[..], 1));
            buf.clear();
            b.recv(&mut buf).await.unwrap();
            assert_eq!((&buf[..], b.counters().foreign), (&b"ours"[..], 1));
            // Where there is an interface for the VLAN, its frames come with that one's index.
            if let Err(reason) = ip("link add link rc1 name rc1.5 type vlan id 5") {
                return eprintln!("in part: {reason}");
            }
            ip("link set rc1.5 up").unwrap();
            let mut of_vlan = open("rc1.5");
            a.open.as_ref().unwrap().socket.socket().send(&tagged(5)).unwrap();
            buf.clear();
            of_vlan.recv(&mut buf).await.unwrap();
            a.send(&frame(b"ours")).await.unwrap();
            buf.clear();
            b.recv(&mut buf).await.unwrap();
            assert_eq!((&buf[..], b.counters().foreign), (&b"ours"[..], 2));
        });
    });
}

#[test]
fn an_interface_that_becomes_a_port_of_a_bridge_is_unfit_until_it_leaves() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            ip("link add br0 type bridge").unwrap();
            ip("link set rc1 master br0").unwrap();
            drive(&mut b, |b| matches!(b.state().fault(), Some(LinkFault::Unfit(Unfit::Enslaved { .. }))))
                .await;
            let error = b.send(&frame(b"x")).await.unwrap_err();
            assert!(error.to_string().contains("port of the bridge br0"), "{error}");
            assert_eq!(Refusal::of(&error), Refusal::Unfit);
            ip("link set rc1 nomaster").unwrap();
            drive(&mut b, |b| b.state() == LinkState::Up).await;
            talk(&mut a, &mut b, b"after").await;
        });
    });
}

#[test]
fn an_mtu_that_shrinks_and_grows_is_told_with_the_size_needed() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            ip("link set rc0 mtu 240").unwrap();
            drive(&mut a, |a| matches!(a.state(), LinkState::Limited { .. })).await;
            let fault = a.state().fault().unwrap().to_string();
            assert!(fault.contains("240") && fault.contains("1398"), "{fault}");
            assert_eq!(a.capabilities().max_frame_bytes, 240);
            let error = a.send(&frame(&[0; 412])).await.unwrap_err();
            assert!(error.to_string().contains("412 bytes") && error.to_string().contains("240"), "{error}");
            assert_eq!(Refusal::of(&error), Refusal::TooLong);
            talk(&mut a, &mut b, b"a short one passes").await;
            ip("link set rc0 mtu 1500").unwrap();
            drive(&mut a, |a| a.state() == LinkState::Up).await;
            // The other end's is not to be seen from here, except by what becomes of the frame.
            ip("link set rc1 mtu 240").unwrap();
            let error = a.send(&frame(&[0; 412])).await.unwrap_err();
            assert_eq!(Refusal::of(&error), Refusal::NoBuffer, "{error}");
            assert_eq!(a.counters().outages, 0);
        });
    });
}

#[test]
fn frames_without_end_do_not_hide_what_happens_to_the_interface() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            for _ in 0..3 * MOST_UNWATCHED {
                a.send(&frame(b"flood")).await.unwrap();
            }
            ip("link set rc1 mtu 500").unwrap();
            let mut buf = BytesMut::new();
            while b.state() == LinkState::Up {
                // The runtime learns of the announcement.
                tokio::task::yield_now().await;
                b.recv(&mut buf).await.unwrap();
            }
            assert!(b.counters().received <= u64::from(MOST_UNWATCHED) + 1, "{:?}", b.counters());
        });
    });
}

#[test]
fn an_interface_that_is_down_at_the_start_is_waited_for_and_a_missing_one_if_asked() {
    with_veth_pair(|| {
        run(async {
            ip("link set rc1 down").unwrap();
            let mut b = open("rc1");
            assert!(matches!(b.state().fault(), Some(LinkFault::Off { .. })), "{b:?}");
            assert!(b.state().fault().unwrap().to_string().contains("ip link set rc1 up"));
            let late = PacketConfig { wait: true, ..PacketConfig::new("late0") };
            let mut late = PacketRadio::open(late).unwrap();
            assert!(matches!(late.state().fault(), Some(LinkFault::Gone(_))), "{late:?}");
            ip("link set rc1 up").unwrap();
            talk(&mut open("rc0"), &mut b, b"there").await;
            assert_eq!(b.counters().reopened, 0, "it was never open before");
            ip("link set rc0 down").unwrap();
            ip("link set rc0 name late0").unwrap();
            ip("link set late0 up").unwrap();
            talk(&mut b, &mut late, b"to the late one").await;
        });
    });
}

#[test]
fn what_cannot_be_opened_is_explained() {
    with_veth_pair(|| {
        run(async {
            let error = PacketRadio::open(PacketConfig::new("nosuch0")).unwrap_err().to_string();
            assert!(error.contains("nosuch0") && error.contains("rc0"), "{error}");
            ip("link add br0 type bridge").unwrap();
            ip("link set rc0 master br0").unwrap();
            let error = PacketRadio::open(PacketConfig::new("rc0")).unwrap_err().to_string();
            assert!(error.contains("port of the bridge br0"), "{error}");
        });
    });
    let error = refused(io::Error::from_raw_os_error(libc::EPERM), "wlan0").to_string();
    assert!(error.contains("CAP_NET_RAW") && error.contains("link.kind = \"udp\""), "{error}");
}

/// A link that takes its interface for a radio in OCB.
fn open_in_ocb(interface: &str) -> PacketRadio {
    open(interface).in_ocb()
}

/// The next frame on `interface` of any EtherType: its EtherType, its source and what follows.
struct Ear(AsyncSocket);

impl Ear {
    fn at(interface: &str) -> Self {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
        let index =
            interface::list().unwrap().into_iter().find(|found| found.name == interface).unwrap().index;
        socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index)).unwrap();
        Self(AsyncSocket::new(socket).unwrap())
    }

    /// The next frame that `radio` sends, which is polled meanwhile.
    async fn hear(&mut self, radio: &mut PacketRadio) -> (u16, LinkAddress, Vec<u8>) {
        poll_fn(|cx| {
            let mut other = BytesMut::new();
            while radio.poll_recv(cx, &mut other).is_ready() {}
            let mut header = [0; ethernet::Header::LEN];
            let mut bytes = BytesMut::new();
            let read = |socket: &Socket| socket::receive(socket, &mut header, None, &mut bytes);
            ready!(self.0.poll_read(cx, read)).unwrap();
            let ethernet::Header { source, ether_type, .. } = ethernet::Header::parse(&header);
            Poll::Ready((ether_type, LinkAddress(source), bytes.to_vec()))
        })
        .await
    }
}

#[test]
fn in_ocb_a_new_address_is_warmed_up_and_its_first_frame_leaves_twice() {
    with_veth_pair(|| {
        run(async {
            let (a, _) = pair().await;
            drop(a);
            let mut a = open_in_ocb(ENDS[0]);
            let mut ear = Ear::at(ENDS[1]);
            let (first, second) = (LinkAddress([2, 0, 0, 0, 0, 1]), LinkAddress([2, 0, 0, 0, 0, 2]));
            for source in [first, second] {
                a.send(&frame(b"hello").from_source(Some(source))).await.unwrap();
                let heard = [ear.hear(&mut a).await, ear.hear(&mut a).await, ear.hear(&mut a).await];
                let hello = (DEFAULT_ETHER_TYPE, source, b"hello".to_vec());
                assert_eq!(heard, [(0x88b6, source, Vec::new()), hello.clone(), hello]);
            }
            a.send(&frame(b"again").from_source(Some(first))).await.unwrap();
            assert_eq!(ear.hear(&mut a).await, (DEFAULT_ETHER_TYPE, first, b"again".to_vec()));
            let counters = a.counters();
            assert_eq!((counters.sent, counters.warm_ups, counters.first_copies), (3, 2, 2), "{counters:?}");
        });
    });
}

#[test]
fn what_warms_up_is_no_frame_of_a_station() {
    with_veth_pair(|| {
        run(async {
            let (a, mut b) = pair().await;
            drop(a);
            let mut a = open_in_ocb(ENDS[0]);
            let mut buf = BytesMut::new();
            a.send(&frame(b"hello")).await.unwrap();
            for _ in 0..2 {
                poll_fn(|cx| {
                    let mut other = BytesMut::new();
                    while a.poll_recv(cx, &mut other).is_ready() {}
                    b.poll_recv(cx, &mut buf)
                })
                .await
                .unwrap();
            }
            assert_eq!((&buf[..], b.counters().filtered), (&b"hellohello"[..], 0));
            let other = warm_up_ether_type(0x88b6);
            assert_eq!((other, warm_up_ether_type(0x8947)), (DEFAULT_ETHER_TYPE, 0x88b6));
        });
    });
}

#[test]
fn a_cable_needs_no_warm_up() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = pair().await;
            assert!(a.radio.is_none());
            talk(&mut a, &mut b, b"hello").await;
            let counters = a.counters();
            assert_eq!((counters.warm_ups, counters.first_copies, counters.ocb_entries), (0, 0, None));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(a.poll_channel_load(&mut cx).is_pending() && !a.capabilities().channel_load);
        });
    });
}

#[derive(Debug)]
struct Asked(std::sync::Arc<std::sync::atomic::AtomicU32>);

impl Rejoin for Asked {
    fn rejoin(&mut self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_full_table_of_the_kernel_is_told_and_emptied_where_that_is_possible() {
    with_veth_pair(|| {
        run(async {
            let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
            let mut helpless = open_in_ocb(ENDS[0]);
            let mut able = open_in_ocb(ENDS[1]).rejoining(Box::new(Asked(std::sync::Arc::clone(&asked))));
            for radio in [&mut helpless, &mut able] {
                radio.radio.as_mut().unwrap().watch_counts(|| 128).unwrap();
                drive(radio, |radio| radio.counters().ocb_entries == Some(128)).await;
                assert_eq!(radio.counters().ocb_entries_most, 128);
            }
            assert_eq!((asked.load(std::sync::atomic::Ordering::SeqCst), able.counters().rejoined), (1, 1));
            assert_eq!(helpless.counters().rejoined, 0);
            let told = |radio: &PacketRadio| radio.state().fault().unwrap().to_string();
            assert!(told(&helpless).contains("rc0 is full (128 stations), and others are not heard"));
            assert!(told(&helpless).contains("link.kind = \"ocb\""), "{}", told(&helpless));
            assert!(told(&able).ends_with("leaving and joining empties it"), "{}", told(&able));
            assert!(!helpless.state().is_down());
        });
    });
}
