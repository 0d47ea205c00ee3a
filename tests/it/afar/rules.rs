//! What a station takes of what comes from afar, and how it says so.

use super::*;

#[test]
fn an_area_hazard_from_afar_is_an_event_and_says_so() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    hand_in(&mut station, ms(10), &hazard_of(&signer, 1, ms(5)));
    let [received] = received(&station)[..] else { panic!("{:?}", station.events) };
    assert_eq!((received.way, received.verified, received.id.signer), (Way::Afar(PEER), true, signer.digest));
    let known: Vec<_> = station.node.hazards().collect();
    assert_eq!((known.len(), known[0].afar, known[0].cause), (1, true, cause::STATIONARY_VEHICLE));
    let changed =
        station.events.iter().filter(|event| matches!(event, Event::Hazard(it) if it.event.afar)).count();
    assert_eq!(changed, 1, "{:?}", station.events);
}

#[test]
fn what_is_heard_by_air_of_an_event_from_afar_makes_it_the_air_s_and_is_told_once() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    let frame = hazard_of(&signer, 1, ms(5));
    hand_in(&mut station, ms(10), &frame);
    station.hear(ms(500), &frame);
    assert_eq!((station.received(), station.drops()), (1, [("replayed", 1)].into()));
    assert!(!station.node.hazards().next().unwrap().afar);
    assert_eq!(station.node.neighbour_table().len(), 1, "it was heard here");
    assert_eq!(station.node.forwarder().len(), 1, "and goes by the rules of forwarding");
    hand_in(&mut station, ms(600), &frame);
    assert_eq!(station.last_drop(), Some("exact_copy"));
}

#[test]
fn background_from_afar_is_delivered_by_whatever_way_it_comes_first() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    let first = background(&signer, ms(5));
    hand_in(&mut station, ms(10), &first);
    assert_eq!(received(&station)[0].way, Way::Afar(PEER));
    station.hear(ms(20), &first);
    let second = background(&signer, ms(25));
    station.hear(ms(30), &second);
    hand_in(&mut station, ms(40), &second);
    // Until copies are forgotten, which others' beacons take care of.
    let near = Crafter::station(2);
    for at in [3_000, 6_000, 9_000].map(ms) {
        station.hear(at, &near.full(&near.fields(at)));
    }
    hand_in(&mut station, ms(9_000), &second);
    hand_in(&mut station, ms(9_100), &first);
    let background = received(&station).into_iter().filter(|received| received.id.class == Class::D5);
    let ways: Vec<_> = background.map(|received| received.way).collect();
    assert_eq!(ways, [Way::Afar(PEER), Way::Air]);
    assert_eq!(station.drops(), [("exact_copy", 1), ("replayed", 3)].into());
}

#[test]
fn a_hazard_is_refused_that_came_too_far_and_background_that_came_farther_than_a_hop() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    hand_in(&mut station, ms(10), &hazard_at(&signer, 1, PLACE.moved(19_000.0, 0.0), ms(5)));
    assert_eq!(station.last_drop(), Some("outside_area"), "near enough, and not for this place");
    hand_in(&mut station, ms(20), &hazard_at(&signer, 2, PLACE.moved(21_000.0, 0.0), ms(15)));
    assert_eq!(station.last_drop(), Some("out_of_reach"));
    let there = PLACE.moved(2_000.0, 0.0);
    let fields = background_fields(&signer, ms(25));
    let far = TbsRepr { latitude: there.latitude, longitude: there.longitude, ..fields };
    hand_in(&mut station, ms(30), &signer.full(&far));
    assert_eq!((station.last_drop(), station.received()), (Some("out_of_reach"), 0));
}

#[test]
fn each_class_that_comes_by_air_alone_is_refused_before_a_signature_is_paid_for() {
    for class in [Class::D0, Class::D1, Class::D2, Class::D4] {
        let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
        let frame = signer.full(&signer.fields_in(class, ms(5)));
        station.feed(ms(10), from_afar(&frame, PEER));
        assert_eq!(station.drops(), [("not_from_afar", 1)].into(), "{class:?}");
        assert!(station.deadline.1 != TimerKind::Afar, "{class:?}");
        let Some(Event::Dropped(dropped)) = station.events.last() else { panic!("{class:?}") };
        assert_eq!((dropped.way, dropped.field), (Way::Afar(PEER), Some("deadline_class")));
        station.hear(ms(20), &frame);
        assert_eq!(station.received(), 1, "{class:?}: by air it is as new as ever");
    }
}

#[test]
fn a_class_claimed_in_the_header_alone_is_refused() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    let fields = signer.fields(ms(5));
    let header = v2x_proto::hop::HopHeader { class: Class::D5, ..signer.header(&fields) };
    let signed = v2x_proto::envelope::SignerRef::Credential(&signer.credential);
    hand_in(&mut station, ms(10), &signer.frame(&header, &fields, signed));
    assert_eq!(station.drops(), [("class_mismatch", 1)].into());
}

#[test]
fn the_checks_of_a_frame_by_air_hold_for_one_from_afar() {
    let authority = Authority::new();
    let stranger = Crafter::of(&Authority::numbered(2), 3);
    let car = Permissions::AWARENESS | Permissions::HAZARD;
    let request = v2x_core::CredentialRequest { permissions: car, ..authority.usual_request(4) };
    let car = Crafter::new(Authority::key(4), authority.issue(&request));
    let signer = Crafter::station(1);
    let good = hazard_of(&signer, 1, ms(5));
    let yesterday = |by: &Crafter| {
        let before = anchor().wire.as_micros() - 86_400_000_000;
        by.full(&TbsRepr { generation_time_us: before, ..background_fields(by, ms(5)) })
    };
    let ahead = TbsRepr {
        generation_time_us: anchor().wire_at(ms(60_000)).as_micros(),
        ..background_fields(&signer, ms(5))
    };
    for (frame, expected) in [
        (Bytes::from_static(b"nonsense"), "truncated"),
        (Bytes::from(vec![0; 1399]), "too_long"),
        (craft::poked(&good, 0, |byte| byte ^ 0x40), "bad_version"),
        (craft::poked(&good, 1, |byte| byte | 0x10), "test_traffic"),
        (craft::poked(&good, 2, |_| 11), "hops_inflated"),
        (craft::poked(&good, 20, |byte| byte ^ 1), "malformed_envelope"),
        (craft::forged(&good, 5), "signature_invalid"),
        (hazard_of(&stranger, 1, ms(5)), "unknown_issuer"),
        (signer.brief(&background_fields(&signer, ms(5))), "unknown_credential"),
        (background(&car, ms(5)), "permission_denied"),
        (yesterday(&signer), "stale"),
        (signer.full(&ahead), "from_future"),
        (hazard_of(&Crafter::station(OWN), 1, ms(5)), "own"),
    ] {
        let mut station = Station::silent(OWN);
        hand_in(&mut station, ms(10), &frame);
        let found = station.last_drop();
        assert!(
            found == Some(expected) || expected == "malformed_envelope" && found.is_some(),
            "{expected}: {found:?}"
        );
        assert_eq!((station.received(), station.node.neighbour_table().len()), (0, 0), "{expected}");
        // None of them made the station ask, or listen, for anything.
        let wanted = station.node.tables().find(|table| table.name == "wanted credentials");
        assert_eq!(wanted.map(|table| table.held), Some(0), "{expected}");
    }
}

#[test]
fn a_signer_known_from_either_way_may_be_named_by_its_digest_from_afar() {
    let (mut station, [near, far]) = (Station::silent(OWN), [1, 2].map(Crafter::station));
    station.hear(ms(5), &near.full(&near.fields(ms(1))));
    hand_in(&mut station, ms(10), &near.brief(&background_fields(&near, ms(5))));
    hand_in(&mut station, ms(20), &background(&far, ms(15)));
    hand_in(&mut station, ms(30), &far.brief(&background_fields(&far, ms(25))));
    assert_eq!((station.received(), station.drops()), (4, BTreeMap::new()));
    // By air the far one's credential is as unknown as ever.
    station.feed(ms(40), testkit::frame(&far.brief(&far.fields(ms(35))), address(2)));
    let held = station.node.tables().find(|table| table.name == "frames held for their credential");
    assert_eq!(held.map(|table| table.held), Some(1));
}

#[test]
fn a_revoked_signer_is_revoked_from_afar_too() {
    let authority = Authority::of_cars();
    let signer = Crafter::of(&authority, 1);
    let identity = authority.identity(OWN);
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let mut station = Station::with(OWN, Node::new(config, identity, authority.trust.clone(), 7, anchor()));
    station.start(Instant::ZERO, PLACE);
    hand_in(&mut station, ms(10), &hazard_of(&signer, 1, ms(5)));
    assert_eq!(station.received(), 1);
    station.feed(ms(20), Input::Revocation(authority.revoke([signer.digest].into())));
    hand_in(&mut station, ms(30), &hazard_of(&signer, 2, ms(25)));
    assert_eq!((station.received(), station.last_drop()), (1, Some("revoked")));
}

#[test]
fn a_signer_has_its_rate_from_afar_and_events_of_its_own() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    for number in 0..10 {
        hand_in(&mut station, ms(10), &hazard_of(&signer, number, ms(5)));
    }
    assert_eq!(station.received(), limits::NEW_EVENT_RATE.most_in(Duration::ZERO));
    for _ in 0..30 {
        hand_in(&mut station, ms(10), &background(&signer, ms(5)));
    }
    assert_eq!(station.drops()["rate_limited_signer"], 6 + 20);
}

#[test]
fn more_than_the_budget_is_dropped_and_what_is_never_taken_uses_up_none_of_it() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    let beacon = signer.full(&signer.fields(ms(5)));
    let crafters: Vec<_> = (100..110).map(Crafter::station).collect();
    for _ in 0..1_000 {
        station.feed(ms(10), from_afar(&beacon, PEER));
    }
    for n in 0..150 {
        station.feed(ms(10), from_afar(&background(&crafters[n % 10], ms(5)), PEER));
    }
    let over = 150 - limits::AFAR_BURST as usize;
    assert_eq!(station.drops(), [("afar_budget", over), ("not_from_afar", 1_000)].into());
    station.verify(ms(10));
    assert_eq!(station.received(), limits::AFAR_BURST as usize);
}

#[test]
fn hazards_from_afar_are_verified_before_background() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    for _ in 0..3 {
        station.feed(ms(10), from_afar(&background(&signer, ms(5)), PEER));
    }
    station.feed(ms(10), from_afar(&hazard_of(&signer, 1, ms(5)), PEER));
    station.verify(ms(10));
    let classes: Vec<_> = received(&station).iter().map(|received| received.id.class).collect();
    assert_eq!(classes, [Class::D3, Class::D5, Class::D5, Class::D5]);
}
