use proptest::prelude::*;

use super::*;
use crate::testnet::{ip, with_veth_pair};

#[test]
fn the_loopback_interface_is_described() {
    let mut query = Query::new().unwrap();
    let lo = query.link_named("lo").unwrap().expect("every namespace has one");
    assert_eq!((lo.hardware, lo.name.as_deref()), (libc::ARPHRD_LOOPBACK, Some("lo")));
    assert_eq!(lo.address, Some(LinkAddress([0; 6])));
    assert_eq!(query.link(lo.index).unwrap().map(|link| link.name), Some(lo.name));
    for name in ["nosuch0", "", "a-name-longer-than-any-interface"] {
        assert_eq!(query.link_named(name).unwrap(), None, "{name:?}");
    }
}

#[test]
fn masters_addresses_and_lost_carriers_are_told() {
    with_veth_pair(|| {
        let mut query = Query::new().unwrap();
        ip("address add 10.1.2.3/24 dev rc0").unwrap();
        ip("address add 10.1.2.4/24 dev rc0").unwrap();
        ip("link add br0 type bridge").unwrap();
        ip("link set rc0 master br0").unwrap();
        let rc0 = query.link_named("rc0").unwrap().unwrap();
        let bridge = query.link(rc0.master.expect("enslaved")).unwrap().unwrap();
        assert_eq!((bridge.name.as_deref(), bridge.kind.as_deref()), (Some("br0"), Some("bridge")));
        assert_eq!(
            query.ipv4_addresses().unwrap(),
            [(rc0.index, [10, 1, 2, 3].into()), (rc0.index, [10, 1, 2, 4].into())]
        );
        ip("link set rc1 down").unwrap();
        ip("link set rc1 up").unwrap();
        let after = query.link_named("rc0").unwrap().unwrap();
        assert!(after.carrier_losses > rc0.carrier_losses, "{rc0:?} {after:?}");
    });
}

#[test]
fn changes_are_announced() {
    with_veth_pair(|| {
        let socket = events().unwrap();
        ip("link set rc0 down").unwrap();
        ip("link delete rc0").unwrap();
        let mut buffer = [0; 8192];
        let mut heard = Vec::new();
        while !heard.iter().any(|news| matches!(news, News::Link(link) if link.gone)) {
            let length = (&socket).read(&mut buffer).unwrap();
            heard.extend(news(&buffer[..length]));
        }
        let down = |news: &News| matches!(news, News::Link(link) if !link.gone && link.flags & libc::IFF_UP as u32 == 0);
        assert!(heard.iter().any(down), "{heard:?}");
    });
}

/// A message of `kind` around `payload`, as the kernel sends it.
fn announcement(kind: u16, payload: &[u8]) -> Vec<u8> {
    message::request(kind, 0, 0, payload)
}

#[test]
fn a_bridge_that_lets_a_port_go_does_not_say_that_the_port_is_gone() {
    let mut payload = vec![0; LINK_HEAD];
    payload[0] = libc::AF_BRIDGE as u8;
    assert_eq!(news(&announcement(libc::RTM_DELLINK, &payload)).count(), 0);
    payload[0] = 0;
    assert_eq!(news(&announcement(libc::RTM_DELLINK, &payload)).count(), 1);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let read = news(&bytes).count();
        prop_assert!(read <= bytes.len() / 16);
        for kind in [libc::RTM_NEWLINK, libc::RTM_DELLINK, libc::RTM_NEWADDR, libc::RTM_DELADDR] {
            prop_assert!(news(&announcement(kind, &bytes)).count() <= 1);
        }
        let spent: usize = attributes(&bytes).map(|(_, value)| value.len() + 4).sum();
        prop_assert!(spent <= bytes.len());
        drop(message::outcome(&bytes));
    }
}

#[test]
fn a_family_that_the_kernel_does_not_have_is_none() {
    let mut query = Query::generic().unwrap();
    assert_eq!(query.family("nosuchfamily").unwrap(), None);
    assert_eq!(query.family("nlctrl").unwrap(), Some(GENL_ID_CTRL));
}

#[test]
fn an_interface_is_taken_down_and_up_and_takes_another_mtu() {
    with_veth_pair(|| {
        let mut query = Query::for_changes().unwrap();
        let seen = |query: &mut Query| {
            let link = query.link_named("rc0").unwrap().unwrap();
            (link.flags & libc::IFF_UP as u32 != 0, link.mtu)
        };
        let index = query.link_named("rc0").unwrap().unwrap().index;
        assert_eq!(seen(&mut query), (true, Some(1500)));
        query.change_link(index, LinkChange::Up(false)).unwrap();
        query.change_link(index, LinkChange::Mtu(1400)).unwrap();
        assert_eq!(seen(&mut query), (false, Some(1400)));
        query.change_link(index, LinkChange::Up(true)).unwrap();
        assert_eq!(seen(&mut query), (true, Some(1400)));
        let gone = query.change_link(index + 1000, LinkChange::Up(true)).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ENODEV));
    });
}
