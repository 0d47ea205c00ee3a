use std::future::poll_fn;

use super::*;
use crate::clock::monotonic_ns;
use crate::radio::{LinkFault, RadioExt, Refusal, Unfit};
use crate::testnet::{Namespace, ip, run, with_veth_pair};
use crate::timer::DeadlineTimer;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 86, 77);

/// A port that was free a moment ago, so that tests of one machine do not hear each other.
fn config() -> UdpConfig {
    let probe = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = probe.local_addr().unwrap().port();
    UdpConfig::new(SocketAddrV4::new(GROUP, port), UdpInterface::Address(Ipv4Addr::LOCALHOST))
}

fn frame(bytes: &[u8]) -> TxFrame<'_> {
    TxFrame::new(bytes, AccessCategory::Voice)
}

#[test]
fn three_stations_on_loopback_hear_each_other_and_not_themselves() {
    run(async {
        let config = config();
        let mut stations: Vec<_> = (0..3).map(|_| UdpRadio::open(&config).unwrap()).collect();
        let addresses: Vec<_> = stations.iter().map(Radio::link_address).collect();
        for (n, station) in stations.iter_mut().enumerate() {
            station.send(&frame(&[n as u8; 300])).await.unwrap();
        }
        for (n, station) in stations.iter_mut().enumerate() {
            for sender in (0..3).filter(|s| *s != n) {
                let mut buf = BytesMut::new();
                let meta = station.recv(&mut buf).await.unwrap();
                assert_eq!(&buf[..], &[sender as u8; 300]);
                assert_eq!(meta.source, addresses[sender]);
                let kernel = meta.kernel_receive_ns.expect("loopback is stamped");
                assert!(kernel <= meta.user_receive_ns);
            }
            let mut buf = BytesMut::new();
            let further = poll_fn(|cx| Poll::Ready(station.poll_recv(cx, &mut buf))).await;
            assert!(further.is_pending() && buf.is_empty());
            assert_eq!(station.counters().filtered, 1);
            assert_eq!((station.counters().sent, station.counters().received), (1, 2));
        }
    });
}

#[test]
fn a_port_that_another_program_keeps_for_itself_is_named_with_the_way_to_find_it() {
    run(async {
        let config = config();
        let port = config.group.port();
        let _keeper = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
        let error = UdpRadio::open(&config).unwrap_err().to_string();
        assert!(error.starts_with(&format!("another program keeps UDP port {port} for itself")), "{error}");
        assert!(error.contains(&format!("ss -ulpn sport = :{port}")), "{error}");
    });
}

#[test]
fn every_access_category_is_marked_and_sent() {
    run(async {
        let config = config();
        let (mut a, mut b) = (UdpRadio::open(&config).unwrap(), UdpRadio::open(&config).unwrap());
        assert_eq!(a.capabilities().access, AccessSupport::Marked);
        for access in AccessCategory::ALL {
            a.send(&TxFrame::new(b"x", access)).await.unwrap();
            assert_eq!(a.open.as_ref().unwrap().sender.socket().tos_v4().unwrap(), tos(access));
            assert_eq!(a.open.as_ref().unwrap().sender.socket().priority().unwrap(), user_priority(access));
            b.recv(&mut BytesMut::new()).await.unwrap();
        }
    });
}

#[test]
fn oversized_frames_are_counted_and_not_delivered() {
    run(async {
        let config = config();
        let (mut a, mut b) = (UdpRadio::open(&config).unwrap(), UdpRadio::open(&config).unwrap());
        let long = [0; MAX_FRAME_BYTES + 1];
        assert!(a.send(&frame(&long)).await.is_err());
        let stranger = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stranger = Socket::from(stranger);
        stranger.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        stranger.send_to(&long, &SockAddr::from(config.group)).unwrap();
        a.send(&frame(&long[..MAX_FRAME_BYTES])).await.unwrap();
        let mut buf = BytesMut::new();
        b.recv(&mut buf).await.unwrap();
        assert_eq!(buf.len(), MAX_FRAME_BYTES);
        assert_eq!(b.counters().oversized, 1);
        assert_eq!((a.counters().oversized, a.counters().send_errors), (1, 1));
    });
}

#[test]
fn a_full_receive_queue_is_counted() {
    run(async {
        let config = UdpConfig { receive_buffer: 4096, ..config() };
        let (mut a, mut b) = (UdpRadio::open(&config).unwrap(), UdpRadio::open(&config).unwrap());
        for _ in 0..100 {
            a.send(&frame(&[1; 500])).await.unwrap();
        }
        let mut buf = BytesMut::new();
        while poll_fn(|cx| Poll::Ready(b.poll_recv(cx, &mut buf))).await.is_ready() {}
        // The kernel reports drops with the next frame it queues.
        a.send(&frame(b"after")).await.unwrap();
        b.recv(&mut buf).await.unwrap();
        let counters = b.counters();
        assert!(counters.kernel_dropped > 0, "{counters:?}");
        assert_eq!(counters.kernel_dropped + counters.received, 101);
    });
}

#[test]
fn bad_configuration_is_refused_in_words() {
    run(async {
        let mut config = config();
        config.interface = UdpInterface::Name("nosuch0".into());
        let error = UdpRadio::open(&config).unwrap_err();
        assert!(matches!(error, OpenError::NoInterface { .. }), "{error}");
        config.group.set_ip(Ipv4Addr::new(10, 0, 0, 1));
        let error = UdpRadio::open(&config).unwrap_err();
        assert!(error.to_string().contains("multicast"), "{error}");
        let mut config = self::config();
        config.interface = UdpInterface::Name("lo".into());
        let radio = UdpRadio::open(&config).unwrap();
        assert!(radio.describe().contains("on lo"), "{}", radio.describe());
    });
}

#[test]
fn link_addresses_are_unicast_and_tell_ports_apart() {
    let of = |port| link_address_of(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    assert_eq!(of(0x1234), LinkAddress([0x7e, 0, 0, 1, 0x12, 0x34]));
    assert_ne!(of(1), of(2));
}

/// One end of the pair, in a namespace of its own: a machine takes no frame from an address of its own.
struct Station {
    radio: UdpRadio,
    namespace: Namespace,
}

impl Station {
    /// On `interface`, which need not be there.
    fn on(interface: UdpInterface, namespace: Namespace) -> Self {
        namespace.enter();
        let config = UdpConfig { wait: true, ..UdpConfig::new(SocketAddrV4::new(GROUP, 47_808), interface) };
        Self { radio: UdpRadio::open(&config).unwrap(), namespace }
    }

    /// Both ends, with addresses.
    fn pair() -> (Self, Self) {
        let (here, there) = (Namespace::current(), Namespace::with("rc1"));
        let (a, b) = (UdpInterface::Name("rc0".to_owned()), UdpInterface::Name("rc1".to_owned()));
        let (a, b) = (Self::on(a, here), Self::on(b, there));
        a.ip("address add 10.77.0.1/24 dev rc0");
        b.ip("address add 10.77.0.2/24 dev rc1");
        b.ip("link set rc1 up");
        (a, b)
    }

    fn ip(&self, words: &str) {
        self.namespace.enter();
        ip(words).unwrap();
    }

    fn poll(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> bool {
        self.namespace.enter();
        self.radio.poll_recv(cx, buf).is_ready()
    }

    /// Polls until `done`.
    async fn drive(&mut self, done: impl Fn(&UdpRadio) -> bool) {
        let mut buf = BytesMut::new();
        poll_fn(|cx| {
            while self.poll(cx, &mut buf) {}
            if done(&self.radio) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Until the link's fault is one of these.
    async fn fails(&mut self, wanted: impl Fn(&LinkFault) -> bool) {
        self.drive(|radio| radio.state().fault().is_some_and(&wanted)).await;
    }

    async fn refusal(&mut self, bytes: &[u8]) -> Refusal {
        self.namespace.enter();
        Refusal::of(&self.radio.send(&frame(bytes)).await.unwrap_err())
    }

    /// Sends until `other` hears it: a link that came up takes a moment to carry frames.
    async fn talk(&mut self, other: &mut Self, text: &[u8]) {
        let mut again = DeadlineTimer::new().unwrap();
        for _ in 0..100 {
            self.namespace.enter();
            drop(self.radio.send(&frame(text)).await);
            again.set(Some(monotonic_ns() + 50_000_000)).unwrap();
            let mut buf = BytesMut::new();
            let heard = poll_fn(|cx| {
                let mut own = BytesMut::new();
                while self.poll(cx, &mut own) {}
                if other.poll(cx, &mut buf) {
                    return Poll::Ready(true);
                }
                again.poll_expired(cx).map(|_| false)
            })
            .await;
            if heard && buf == text {
                return;
            }
        }
        panic!("never heard: {:?} {:?}", self.radio, other.radio);
    }
}

fn is_gone(fault: &LinkFault) -> bool {
    matches!(fault, LinkFault::Gone(_))
}

fn lacks_address(fault: &LinkFault) -> bool {
    matches!(fault, LinkFault::Unfit(Unfit::NoAddress { .. }))
}

#[test]
fn an_interface_made_anew_is_taken_with_its_group_and_its_address() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = Station::pair();
            a.talk(&mut b, b"before").await;
            b.talk(&mut a, b"and back").await;
            let address = b.radio.link_address();
            b.ip("link delete rc1");
            b.fails(is_gone).await;
            a.fails(is_gone).await;
            assert_eq!(b.refusal(b"x").await, Refusal::Gone);
            a.ip("link add rc0 type veth peer name rc1");
            b.namespace.take_from(&a.namespace, "rc1");
            b.ip("link set rc1 up");
            a.ip("link set rc0 up");
            b.fails(lacks_address).await;
            a.ip("address add 10.77.0.1/24 dev rc0");
            b.ip("address add 10.77.0.2/24 dev rc1");
            a.talk(&mut b, b"there").await;
            b.talk(&mut a, b"and back").await;
            assert_eq!(b.radio.link_address(), address, "the station keeps its address");
            assert_eq!((b.radio.counters().outages, b.radio.counters().reopened), (1, 1));
        });
    });
}

#[test]
fn down_up_and_a_carrier_lost_at_the_other_end_are_told() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = Station::pair();
            a.talk(&mut b, b"before").await;
            b.ip("link set rc1 down");
            b.fails(|fault| matches!(fault, LinkFault::Off { .. })).await;
            a.fails(|fault| matches!(fault, LinkFault::NoCarrier { .. })).await;
            assert_eq!(a.refusal(b"x").await, Refusal::Down);
            b.ip("link set rc1 up");
            a.talk(&mut b, b"there").await;
            b.talk(&mut a, b"and back").await;
        });
    });
}

#[test]
fn an_outage_of_milliseconds_is_counted() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = Station::pair();
            a.talk(&mut b, b"before").await;
            b.ip("link set rc1 down");
            b.ip("link set rc1 up");
            b.drive(|radio| radio.counters().outages == 1 && radio.state() == LinkState::Up).await;
            a.drive(|radio| radio.counters().outages == 1 && radio.state() == LinkState::Up).await;
            a.talk(&mut b, b"there").await;
        });
    });
}

#[test]
fn an_address_changed_by_dhcp_is_taken_and_a_further_one_changes_nothing() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = Station::pair();
            b.talk(&mut a, b"before").await;
            b.ip("address add 10.77.0.3/24 dev rc1");
            b.talk(&mut a, b"again").await;
            assert_eq!((b.radio.local.ip().octets(), b.radio.counters().reopened), ([10, 77, 0, 2], 0));
            b.ip("address flush dev rc1");
            b.fails(lacks_address).await;
            b.ip("address add 10.77.0.9/24 dev rc1");
            b.talk(&mut a, b"there").await;
            a.talk(&mut b, b"and back").await;
            assert_eq!(b.radio.local.ip().octets(), [10, 77, 0, 9]);
        });
    });
}

#[test]
fn an_interface_moved_to_another_namespace_is_gone_and_may_return() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = Station::pair();
            b.talk(&mut a, b"before").await;
            a.namespace.take_from(&b.namespace, "rc1");
            b.fails(is_gone).await;
            b.namespace.take_from(&a.namespace, "rc1");
            b.ip("link set rc1 up");
            b.ip("address add 10.77.0.2/24 dev rc1");
            b.talk(&mut a, b"there").await;
            a.talk(&mut b, b"and back").await;
        });
    });
}

#[test]
fn an_interface_named_by_its_address_is_found_wherever_that_goes() {
    with_veth_pair(|| {
        run(async {
            let (mut a, b) = Station::pair();
            let wanted = UdpInterface::Address(Ipv4Addr::new(10, 77, 0, 9));
            b.namespace.enter();
            let error = UdpRadio::open(&UdpConfig::new(SocketAddrV4::new(GROUP, 47_808), wanted.clone()));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("10.77.0.9") && error.contains("10.77.0.2 on rc1"), "{error}");
            let mut b = Station::on(wanted, b.namespace);
            assert!(b.radio.state().is_down());
            b.ip("address add 10.77.0.9/24 dev rc1");
            a.talk(&mut b, b"there").await;
            assert!(b.radio.describe().contains("on rc1 as 10.77.0.9"), "{}", b.radio.describe());
            b.ip("address del 10.77.0.9/24 dev rc1");
            b.fails(is_gone).await;
        });
    });
}

#[test]
fn a_frame_for_which_the_device_has_no_room_is_refused() {
    with_veth_pair(|| {
        run(async {
            let (mut a, mut b) = Station::pair();
            a.talk(&mut b, b"before").await;
            b.ip("link set rc1 mtu 100");
            assert_eq!(a.refusal(&[0; 412]).await, Refusal::NoBuffer);
            a.talk(&mut b, b"a short one passes").await;
        });
    });
}
