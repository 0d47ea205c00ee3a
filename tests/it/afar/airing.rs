//! What a roadside unit sends on the air of what comes from afar, and who never does.

use super::*;
use testkit::craft::read;

fn all() -> Permissions {
    Permissions(u64::MAX).without(Permissions::ISSUE)
}

/// Runs a station that stands at a place.
fn run(station: &mut Station, from: Instant, end: Instant, place: Position) {
    station.drive(from, end, |now| fix(now, place));
}

#[test]
fn a_unit_sends_a_hazard_once_unchanged_as_a_forwarder_would() {
    let (mut unit, signer) = (usual_unit(), Crafter::station(1));
    let frame = hazard_of(&signer, 1, ms(5));
    // It came over one hop to who heard it.
    let heard = craft::poked(&frame, 2, |hops| hops - 1);
    hand_in(&mut unit, ms(10), &heard);
    run(&mut unit, ms(11), ms(900), PLACE);
    let [forwarded] = aired(&unit)[..] else { panic!("{:?}", aired(&unit)) };
    assert_eq!(
        (forwarded.cause, forwarded.way, forwarded.remaining_hops),
        (ForwardCause::Afar, Way::Afar(PEER), 8)
    );
    let sent: Vec<_> = unit.frames.iter().filter(|bytes| read(bytes).0.class == Class::D3).collect();
    let [sent] = sent[..] else { panic!("{sent:?}") };
    let ((header, ..), (original, ..)) = (read(sent), read(&frame));
    assert_eq!((header.forwarder, header.remaining_hops), (unit.node.digest(), 8));
    assert_eq!(original.forwarder, signer.digest);
    assert!(sent[12..] == frame[12..], "what was signed, and by whom, is the same to the byte");
}

#[test]
fn a_hazard_goes_out_again_by_the_rule_of_keep_alive_alone() {
    let (mut unit, signer) = (usual_unit(), Crafter::station(1));
    hand_in(&mut unit, ms(10), &hazard_of(&signer, 1, ms(5)));
    run(&mut unit, ms(11), ms(20_000), PLACE);
    let causes: Vec<_> = aired(&unit).iter().map(|forwarded| forwarded.cause).collect();
    // Each four seconds and up to 150 ms.
    assert_eq!(causes, [&[ForwardCause::Afar][..], &[ForwardCause::KeepAlive; 4]].concat());
    let until = aired(&unit).len();
    run(&mut unit, ms(20_001), ms(70_000), PLACE);
    assert!(aired(&unit).len() <= until + 10, "not beyond its lifetime");
    assert_eq!(unit.node.forwarder().len(), 0);
}

#[test]
fn background_is_sent_once_and_says_that_it_was_brought() {
    let (mut unit, signer) = (usual_unit(), Crafter::station(1));
    let frame = background(&signer, ms(5));
    hand_in(&mut unit, ms(10), &frame);
    run(&mut unit, ms(11), ms(70_000), PLACE);
    let [forwarded] = aired(&unit)[..] else { panic!("{:?}", aired(&unit)) };
    assert_eq!((forwarded.cause, forwarded.remaining_hops), (ForwardCause::Afar, 0));
    let sent: Vec<_> = unit.frames.iter().filter(|bytes| read(bytes).0.class == Class::D5).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0][12..] == frame[12..] && !read(sent[0]).0.flags.multi_hop);
    // Who hears it takes its signer for no station that is in reach.
    let mut car = Station::silent(60);
    car.hear_from(ms(30), sent[0], address(OWN));
    assert_eq!(received(&car)[0].hops, 2);
    assert!(car.node.neighbours().all(|neighbour| !neighbour.is_direct()));
}

#[test]
fn what_is_heard_on_the_air_before_it_was_sent_is_the_air_s() {
    let (mut unit, signer) = (usual_unit(), Crafter::station(1));
    let (hazard, sign) = (hazard_of(&signer, 1, ms(5)), background(&signer, ms(5)));
    for frame in [&hazard, &sign] {
        hand_in(&mut unit, ms(10), frame);
        unit.feed(ms(10), testkit::frame(frame, address(1)));
    }
    assert_eq!(unit.drops(), [("exact_copy", 2)].into());
    run(&mut unit, ms(11), ms(900), PLACE);
    let causes: Vec<_> = aired(&unit).iter().map(|forwarded| forwarded.cause).collect();
    assert!(!causes.contains(&ForwardCause::Afar), "{causes:?}");
    assert_eq!(causes, [ForwardCause::Contention], "the hazard goes on as any that is heard here");
}

#[test]
fn nobody_else_sends_what_comes_from_afar() {
    let signer = Crafter::station(1);
    let here = PLACE;
    let cases: [(&str, Station); 4] = [
        ("not asked to", unit(|config| config.from_afar = false, all())),
        ("not permitted to", unit(|_| {}, all().without(Permissions::KEEP_ALIVE))),
        ("a vehicle", unit(|config| *config = Config { from_afar: true, ..Config::vehicle() }, all())),
        ("another scheme", unit(|config| config.forwarding = v2x_core::Scheme::Etsi, all())),
    ];
    for (why, mut station) in cases {
        station.start(Instant::ZERO, here);
        hand_in(&mut station, ms(10), &hazard_of(&signer, 1, ms(5)));
        hand_in(&mut station, ms(10), &background(&signer, ms(5)));
        run(&mut station, ms(11), ms(15_000), here);
        assert_eq!((station.received(), aired(&station)), (2, vec![]), "{why}");
        assert_eq!(station.node.forwarder().len(), 0, "{why}: nor does a beacon name it");
    }
}

#[test]
fn nothing_is_sent_outside_its_area_or_with_no_hop_left_or_without_a_position() {
    let signer = Crafter::station(1);
    let (mut unit, there) = (usual_unit(), PLACE.moved(5_000.0, 0.0));
    hand_in(&mut unit, ms(10), &hazard_at(&signer, 1, there, ms(5)));
    assert_eq!(unit.last_drop(), Some("outside_area"));
    let fields = background_fields(&signer, ms(5));
    let elsewhere = TbsRepr { area: Some(hazard::circle(there, 100)), ..fields };
    hand_in(&mut unit, ms(10), &signer.full(&elsewhere));
    let last_hop = TbsRepr { area: None, max_hops: 2, ..hazard_fields(&signer) };
    hand_in(&mut unit, ms(10), &craft::poked(&signer.full(&last_hop), 2, |_| 1));
    run(&mut unit, ms(11), ms(9_000), PLACE);
    assert_eq!((unit.received(), aired(&unit)), (2, vec![]));

    // Without a position it forwards nothing, and this neither; with one, what is left of it.
    let mut lost = self::unit(|_| {}, all());
    let clock = v2x_core::ClockState::Locked;
    lost.feed(Instant::ZERO, Input::Clock { wire: anchor().wire, state: clock });
    hand_in(&mut lost, ms(10), &hazard_of(&signer, 5, ms(5)));
    lost.verify(ms(5_000));
    assert_eq!((lost.received(), aired(&lost)), (1, vec![]));
}

fn hazard_fields(by: &Crafter) -> TbsRepr<'static> {
    let payload = hazard::new(by.digest, 9, PLACE, anchor().wire_at(ms(5))).encode_to_vec();
    TbsRepr {
        message_type: MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        payload: payload.leak(),
        ..by.fields(ms(5))
    }
}

#[test]
fn a_blocked_unit_sends_from_afar_what_it_would_forward_and_nothing_more() {
    // A clock that is not trusted keeps a station from signing, not from forwarding.
    let mut unit = unit(|_| {}, all());
    unit.feed(Instant::ZERO, Input::Clock { wire: anchor().wire, state: v2x_core::ClockState::Untrusted });
    unit.feed(Instant::ZERO, fix(Instant::ZERO, PLACE));
    assert_ne!(unit.node.sending(), v2x_core::SendingState::Allowed);
    let signer = Crafter::station(1);
    hand_in(&mut unit, ms(10), &hazard_of(&signer, 1, ms(5)));
    run(&mut unit, ms(11), ms(100), PLACE);
    assert_eq!(aired(&unit).len(), 1);
}

#[test]
fn a_full_link_keeps_what_is_from_afar_behind_the_station_s_own_until_it_expires() {
    let (mut unit, signer) = (usual_unit(), Crafter::station(1));
    unit.feed(ms(5), Input::Link { ready: false });
    hand_in(&mut unit, ms(10), &background(&signer, ms(5)));
    unit.feed(ms(20), Input::Send(craft::probe(Class::D5)));
    let sent = unit.feed(ms(30), Input::Link { ready: true });
    let mut order: Vec<_> = sent.iter().map(|bytes| read(bytes).0.forwarder == unit.node.digest()).collect();
    let rest = unit.drive(ms(30), ms(40), |now| fix(now, PLACE));
    order.extend(rest.iter().map(|_| true));
    let from: Vec<_> = unit.frames.iter().filter(|bytes| read(bytes).0.class == Class::D5).collect();
    let own: Vec<_> = from.iter().map(|bytes| read(bytes).0.remaining_hops == 1).collect();
    assert_eq!(own, [true, false], "our own background first");
}

#[test]
fn a_suspect_s_messages_are_delivered_and_not_sent() {
    let (mut unit, signer) = (usual_unit(), Crafter::station(1));
    // By air it contradicts itself: in two places at once.
    for (n, east) in (0..60_u64).map(|n| (n, if n % 2 == 0 { 0.0 } else { 900.0 })) {
        let (at, place) = (ms(100 + n * 100), PLACE.moved(east, 0.0));
        let fields = signer.fields(at);
        let beacon = TbsRepr { latitude: place.latitude, longitude: place.longitude, ..fields };
        unit.hear_from(at, &signer.full(&beacon), address(1));
        unit.feed(at, fix(at, PLACE));
        if unit.events.iter().any(|event| matches!(event, Event::Received(received) if received.suspect)) {
            let now = ms(120 + n * 100);
            hand_in(&mut unit, now, &hazard_of(&signer, 1, now));
            run(&mut unit, now, now + Duration::from_millis(500), PLACE);
            let last = received(&unit).into_iter().rev().find(|received| received.way.is_afar());
            assert!(last.is_some_and(|received| received.suspect), "{:?}", unit.drops());
            assert_eq!(aired(&unit), vec![]);
            return;
        }
    }
    panic!("it was never suspected");
}
