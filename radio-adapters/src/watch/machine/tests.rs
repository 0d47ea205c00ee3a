use proptest::prelude::*;

use super::*;
use crate::netlink::LinkMessage;
use crate::radio::LinkAddress;

const S: u64 = 1_000_000_000;

fn name() -> Subject {
    Subject::Name("eth0".to_owned())
}

fn facts() -> Facts {
    Facts {
        name: "eth0".to_owned(),
        index: 3,
        up: true,
        running: true,
        hardware: 1,
        mtu: 1500,
        address: Some(LinkAddress([2, 0, 0, 0, 0, 1])),
        ipv4: Some(Ipv4Addr::new(10, 0, 0, 1)),
        master: None,
        wireless: None,
        carrier_losses: 0,
    }
}

fn carrier() -> LinkFault {
    LinkFault::NoCarrier { interface: "eth0".to_owned() }
}

fn short() -> LinkFault {
    LinkFault::ShortMtu { interface: "eth0".to_owned(), mtu: 240, needed: 1398 }
}

/// A link that is up since second 1.
fn open() -> Machine {
    let mut machine = Machine::new(S, name());
    assert_eq!(machine.fit(S, facts(), None), Verdict::Open(facts()));
    machine.opened(S);
    assert_eq!(machine.state(), LinkState::Up);
    machine
}

fn told(machine: &Machine) -> (bool, u64) {
    (machine.state().is_down(), machine.outages().0)
}

#[test]
fn a_link_begins_down_and_opens_when_its_interface_is_fit() {
    let mut machine = Machine::new(S, name());
    assert!(machine.state().is_down());
    assert_eq!(machine.unfit(2 * S, carrier()), Verdict::Keep);
    assert_eq!(machine.state(), LinkState::Down { since_ns: S, fault: carrier() });
    assert_eq!(machine.fit(3 * S, facts(), None), Verdict::Open(facts()));
    machine.opened(3 * S);
    assert_eq!((told(&machine), machine.outages()), ((false, 0), (0, 2 * S)));
}

#[test]
fn what_has_not_changed_needs_nothing() {
    let mut machine = open();
    assert_eq!(machine.fit(2 * S, facts(), None), Verdict::Keep);
    assert_eq!((machine.state(), machine.outages()), (LinkState::Up, (0, 0)));
}

#[test]
fn every_fault_closes_an_open_link_once_and_the_last_one_is_the_reason() {
    let mut machine = open();
    assert_eq!(machine.unfit(2 * S, carrier()), Verdict::Close);
    assert_eq!(machine.gone(3 * S), Verdict::Keep);
    assert_eq!(machine.state(), LinkState::Down { since_ns: 2 * S, fault: LinkFault::Gone(name()) });
    assert_eq!(machine.outages().0, 1);
    let again = Facts { index: 9, ..facts() };
    assert_eq!(machine.fit(5 * S, again.clone(), None), Verdict::Open(again));
    machine.opened(5 * S);
    assert_eq!((machine.state(), machine.outages()), (LinkState::Up, (1, 3 * S)));
}

#[test]
fn another_interface_of_the_name_is_an_outage_even_if_nobody_saw_the_first_one_go() {
    let mut machine = open();
    let other = Facts { index: 4, ..facts() };
    assert_eq!(machine.fit(2 * S, other.clone(), None), Verdict::Open(other));
    machine.opened(2 * S);
    assert_eq!(machine.outages().0, 1);
}

#[test]
fn a_lost_carrier_that_is_back_already_and_an_interruption_are_outages() {
    let mut machine = open();
    let flapped = Facts { carrier_losses: 1, ..facts() };
    assert_eq!(machine.fit(2 * S, flapped.clone(), None), Verdict::Open(flapped.clone()));
    machine.opened(2 * S);
    assert_eq!(machine.interrupted(flapped.clone(), None), Verdict::Open(flapped));
    machine.opened(3 * S);
    assert_eq!(told(&machine), (false, 2));
}

#[test]
fn a_new_address_needs_new_sockets_and_is_no_outage() {
    for changed in [
        Facts { ipv4: Some(Ipv4Addr::new(10, 0, 0, 2)), ..facts() },
        Facts { address: Some(LinkAddress([2, 0, 0, 0, 0, 9])), ..facts() },
    ] {
        let mut machine = open();
        assert_eq!(machine.fit(2 * S, changed.clone(), None), Verdict::Open(changed));
        machine.opened(2 * S);
        assert_eq!((machine.state(), told(&machine)), (LinkState::Up, (false, 0)));
    }
}

#[test]
fn sockets_that_err_on_a_fit_interface_are_made_anew_without_an_outage() {
    let mut machine = open();
    assert_eq!(machine.renew(facts(), None), Verdict::Open(facts()));
    machine.opened(2 * S);
    assert_eq!((machine.state(), machine.outages()), (LinkState::Up, (0, 0)));
}

#[test]
fn sockets_that_are_refused_leave_the_link_down_and_are_tried_again() {
    let mut machine = open();
    machine.fit(2 * S, Facts { index: 4, ..facts() }, None);
    let refused = LinkFault::Refused { reason: "no".to_owned() };
    machine.unfit(2 * S, refused.clone());
    assert_eq!(machine.state(), LinkState::Down { since_ns: 2 * S, fault: refused });
    assert_eq!(machine.outages().0, 1, "one outage, not two");
    assert!(matches!(machine.fit(3 * S, facts(), None), Verdict::Open(_)));
}

#[test]
fn a_limit_begins_and_ends_without_an_outage() {
    let mut machine = open();
    assert_eq!(machine.fit(2 * S, Facts { mtu: 240, ..facts() }, Some(short())), Verdict::Keep);
    assert_eq!(machine.state(), LinkState::Limited { since_ns: 2 * S, fault: short() });
    machine.fit(3 * S, Facts { mtu: 240, ..facts() }, Some(short()));
    assert_eq!(machine.state(), LinkState::Limited { since_ns: 2 * S, fault: short() });
    machine.fit(4 * S, facts(), None);
    assert_eq!((machine.state(), told(&machine)), (LinkState::Up, (false, 0)));
}

#[test]
fn a_queue_that_is_stuck_limits_the_link_until_a_frame_leaves() {
    let mut machine = open();
    let stalled = LinkFault::Stalled { interface: "eth0".to_owned(), seconds: 3 };
    machine.stalls(2 * S, stalled.clone());
    machine.fit(5 * S, facts(), None);
    assert_eq!(machine.state(), LinkState::Limited { since_ns: 2 * S, fault: stalled });
    machine.flows();
    assert_eq!(machine.state(), LinkState::Up);
}

/// An announcement of an interface that is up and runs.
fn link(index: u32, name: &str) -> LinkMessage {
    let flags = (libc::IFF_UP | libc::IFF_RUNNING) as u32;
    LinkMessage { index, flags, name: Some(name.to_owned()), ..LinkMessage::default() }
}

fn noted(machine: &Machine, news: LinkMessage) -> (bool, bool) {
    let Noted { concerns, interrupts } = machine.note(&name(), &News::Link(news));
    (concerns, interrupts)
}

#[test]
fn announcements_of_other_interfaces_are_no_concern_of_an_open_link() {
    let machine = open();
    assert_eq!(noted(&machine, link(7, "veth7")), (false, false));
    assert_eq!(noted(&machine, LinkMessage { gone: true, ..link(7, "veth7") }), (false, false));
    assert_eq!(
        noted(&Machine::new(S, name()), link(7, "veth7")),
        (true, false),
        "any may be the one waited for"
    );
}

#[test]
fn announcements_of_its_own_interface_say_whether_it_was_interrupted() {
    let machine = open();
    let up = libc::IFF_UP as u32;
    assert_eq!(noted(&machine, link(3, "eth0")), (true, false));
    assert_eq!(noted(&machine, LinkMessage { flags: up, ..link(3, "eth0") }), (true, true), "no carrier");
    assert_eq!(noted(&machine, LinkMessage { flags: 0, ..link(3, "eth0") }), (true, true), "down");
    assert_eq!(noted(&machine, LinkMessage { gone: true, ..link(3, "eth0") }), (true, true), "deleted");
    assert_eq!(noted(&machine, link(3, "away0")), (true, true), "renamed");
    assert_eq!(noted(&machine, link(8, "eth0")), (true, false), "another takes the name");
}

#[test]
fn a_lost_address_interrupts_and_a_further_one_does_not() {
    let machine = open();
    let ours = Ipv4Addr::new(10, 0, 0, 1);
    let note = |gone, index, address| {
        let Noted { concerns, interrupts } = machine.note(&name(), &News::Address { gone, index, address });
        (concerns, interrupts)
    };
    assert_eq!(note(true, 3, ours), (true, true));
    assert_eq!(note(false, 3, Ipv4Addr::new(10, 0, 0, 2)), (true, false));
    assert_eq!(note(true, 3, Ipv4Addr::new(10, 0, 0, 2)), (true, false));
    assert_eq!(note(true, 7, ours), (false, false));
    let by_address = Subject::Address(ours);
    assert!(machine.note(&by_address, &News::Address { gone: false, index: 7, address: ours }).concerns);
}

#[derive(Debug, Clone)]
enum Seen {
    Gone,
    NoCarrier,
    Fit { index: u32, losses: u32, limited: bool, interrupted: bool, refused: bool },
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        Just(Seen::Gone),
        Just(Seen::NoCarrier),
        (3..6u32, 0..3u32, any::<[bool; 3]>()).prop_map(
            |(index, losses, [limited, interrupted, refused])| {
                Seen::Fit { index, losses, limited, interrupted, refused }
            }
        ),
    ]
}

proptest! {
    /// Whatever is seen: sockets are there exactly while the link is not down, each loss of them is one outage, and the
    /// interface they are on is the one seen last.
    #[test]
    fn the_state_says_whether_there_are_sockets(all in proptest::collection::vec(seen(), 0..40)) {
        let mut machine = Machine::new(0, name());
        let mut socket: Option<(u32, u32)> = None;
        let mut losses_of_sockets = 0;
        for (n, seen) in all.into_iter().enumerate() {
            let now = n as u64 * S;
            let (verdict, refused) = match seen {
                Seen::Gone => (machine.gone(now), false),
                Seen::NoCarrier => (machine.unfit(now, carrier()), false),
                Seen::Fit { index, losses, limited, interrupted, refused } => {
                    let facts = Facts { index, carrier_losses: losses, ..facts() };
                    let limit = limited.then(short);
                    let verdict = match interrupted {
                        true => machine.interrupted(facts, limit),
                        false => machine.fit(now, facts, limit),
                    };
                    if verdict == Verdict::Keep {
                        prop_assert_eq!(socket, Some((index, losses)));
                    }
                    (verdict, refused)
                }
            };
            match verdict {
                Verdict::Keep => {}
                Verdict::Close => {
                    prop_assert!(socket.take().is_some());
                    losses_of_sockets += 1;
                }
                Verdict::Open(facts) => {
                    losses_of_sockets += u64::from(socket.take().is_some());
                    if refused {
                        machine.unfit(now, LinkFault::Refused { reason: String::new() });
                    } else {
                        machine.opened(now);
                        socket = Some((facts.index, facts.carrier_losses));
                    }
                }
            }
            prop_assert_eq!(machine.state().is_down(), socket.is_none());
            prop_assert_eq!(machine.open().map(|open| open.index), socket.map(|(index, _)| index));
            prop_assert_eq!(machine.outages().0, losses_of_sockets);
        }
    }
}
