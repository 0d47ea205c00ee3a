//! What is from afar is apart from all that is by air: whatever comes, what is heard here is handled as without it.

use std::collections::VecDeque;

use testkit::board::{Arrival, Board};
use v2x_core::{ClockState, Output};
use v2x_recording::transcript;

use super::*;

/// What a peer that obeys no rule may hand in: of each kind some.
fn litter(by: &[Crafter], at: Instant) -> Vec<Bytes> {
    let mut all = Vec::new();
    for by in by {
        all.push(hazard_of(by, 1, at));
        all.push(background(by, at));
        all.push(by.full(&by.fields(at)));
        all.push(by.brief(&background_fields(by, at)));
        all.push(craft::forged(&background(by, at), 3));
    }
    let request = Bytes::from_static(b"garbage of some length, which is no frame at all");
    all.push(request);
    all
}

fn sources() -> Vec<Crafter> {
    (200..208).map(Crafter::station).collect()
}

/// A flood from afar between any two inputs of a car that drives among others leaves all its outputs as they are, and all it knows
/// of its neighbours and its radio.
#[test]
fn a_flood_from_afar_changes_no_output_but_its_own() {
    let [quiet, flooded] = [false, true].map(|floods| {
        let mut car = Station::new(OWN, Config::vehicle());
        car.transcribe = |output, out| {
            let afar = match output {
                Output::Event(Event::Received(received)) => received.way.is_afar(),
                Output::Event(Event::Dropped(dropped)) => dropped.way.is_afar(),
                Output::Event(Event::Hazard(changed)) => changed.event.afar,
                _ => false,
            };
            if !afar {
                transcript::write(output, out);
            }
        };
        car.start(Instant::ZERO, PLACE);
        let others: Vec<_> = (1..6).map(Crafter::station).collect();
        let (sources, mut heard_from_afar) = (sources(), 0);
        for step in 1..40_u64 {
            let at = ms(step * 100);
            car.feed(at, fix(at, PLACE.moved(0.0, step as f64)));
            for (number, other) in others.iter().enumerate() {
                if floods {
                    for bytes in litter(&sources, at) {
                        car.feed(at, from_afar(&bytes, number as u16));
                    }
                }
                let place = PLACE.moved(30.0 * number as f64, step as f64);
                let fields = other.fields(at);
                let beacon = TbsRepr { latitude: place.latitude, longitude: place.longitude, ..fields };
                let frame = if step % 10 == 1 { other.full(&beacon) } else { other.brief(&beacon) };
                car.hear_from(at, &frame, address(number as u32));
            }
            if step % 7 == 0 {
                car.hear_from(at, &hazard_of(&others[0], step as u32, at), address(0));
            }
            car.drive(at, at + Duration::from_millis(99), |now| fix(now, PLACE.moved(0.0, step as f64)));
            heard_from_afar = received(&car).iter().filter(|received| received.way.is_afar()).count();
        }
        assert_eq!(heard_from_afar > 50, floods, "{heard_from_afar}: {:?}", car.drops());
        car
    });
    assert!(quiet.frames.len() > 10 && quiet.received() > 150);
    assert_eq!(quiet.frames, flooded.frames);
    assert!(quiet.transcript == flooded.transcript, "outputs of what came by air");
    let now = ms(4_000);
    let figures = |car: &Station| {
        let neighbours: Vec<_> = car.node.neighbours().map(|one| format!("{one:?}")).collect();
        (neighbours, car.node.forwarder().reach_m(), car.node.channel_busy(now).share, car.node.queues().send)
    };
    assert_eq!(figures(&quiet), figures(&flooded));
}

/// On a board that needs 200 us for a signature, 100,000 frames a second from afar: no frame by air waits longer than for the one
/// signature that is being checked, in all classes, and as many are delivered.
#[test]
fn a_hundred_thousand_frames_a_second_from_afar_delay_no_frame_by_air_by_more_than_a_signature() {
    const CHECK: Duration = Duration::from_micros(200);
    let authority = Authority::new();
    let neighbours: Vec<_> = (1..11).map(Crafter::station).collect();
    let arrivals = || -> Vec<Arrival> {
        let mut all = Vec::new();
        for (number, neighbour) in neighbours.iter().enumerate() {
            let link = address(number as u32 + 1);
            for step in 0..20_u64 {
                let at = ms(10 + step * 50) + Duration::from_micros(37 * number as u64);
                let fields = neighbour.fields(at);
                let bytes = if step == 0 { neighbour.full(&fields) } else { neighbour.brief(&fields) };
                all.push(Arrival { at, bytes, link });
                if step % 5 == 4 {
                    let at = at + Duration::from_micros(900);
                    let alert = neighbour.fields_in(Class::D0, at);
                    all.push(Arrival { at, bytes: neighbour.brief(&alert), link });
                }
            }
        }
        all.sort_by_key(|arrival| arrival.at);
        all
    };
    let litter = litter(&sources(), ms(5));
    let sources: Vec<_> = (300..320).map(Crafter::station).collect();
    let fresh: Vec<_> = (0..600).map(|n| background(&sources[n % 20], ms(5))).collect();
    let arrivals = arrivals();
    let [quiet, flooded] = [false, true].map(|floods| {
        let mut board = Board::new(&authority, OWN, CHECK);
        if floods {
            let flood = (0..100_000_u64).map(|n| {
                let bytes = if n % 50 == 0 {
                    &fresh[n as usize / 50 % 600]
                } else {
                    &litter[n as usize % litter.len()]
                };
                (ms(10) + Duration::from_micros(10 * n), bytes.clone())
            });
            board.from_afar = flood.collect::<VecDeque<_>>();
        }
        board.run(arrivals.iter().cloned(), ms(1_100));
        board
    });
    let delivered = |board: &Board| -> BTreeMap<_, _> {
        let by_air = board.delivered.iter().filter(|(_, received)| !received.way.is_afar());
        by_air.map(|(at, received)| (received.id, *at)).collect()
    };
    let (without, with) = (delivered(&quiet), delivered(&flooded));
    assert!(without.len() == arrivals.len(), "{} of {}", without.len(), arrivals.len());
    assert_eq!(without.keys().collect::<Vec<_>>(), with.keys().collect::<Vec<_>>());
    let later = without.iter().map(|(id, at)| with[id].since(*at)).max();
    assert!(later <= Some(CHECK), "{later:?}");
    let from_afar = flooded.delivered.len() - with.len();
    assert!(from_afar > 50, "{from_afar}");
    assert!(
        flooded.checks() - quiet.checks() <= 2 * limits::AFAR_RATE.most_in(Duration::from_secs(1)) as u64
    );
    assert_eq!(flooded.drops("verify_queue_full") + flooded.drops("unknown_credential"), {
        let afar = flooded.dropped.iter().filter(|(_, dropped)| dropped.way.is_afar());
        let both = ["verify_queue_full", "unknown_credential"];
        afar.filter(|(_, dropped)| both.contains(&dropped.reason.name())).count()
    });
}

/// Frames from afar are verified when nothing by air waits, whatever came first, and neither queue takes room of the other.
#[test]
fn whatever_waits_by_air_is_verified_first_and_none_of_it_gives_way() {
    let (mut station, signer) = (Station::silent(OWN), Crafter::station(1));
    let strangers: Vec<_> = (100..130).map(Crafter::station).collect();
    for n in 0..128 {
        let at = ms(10 + 3 * n as u64);
        station.feed(at, from_afar(&background(&signer, at), PEER));
        if n % 8 == 0 {
            station.feed(
                at,
                testkit::frame(&strangers[n / 8].full(&strangers[n / 8].fields(at)), address(n as u32)),
            );
        }
        // Its signer's rate, of what was verified, is not in the way yet.
    }
    let now = ms(400);
    let mut order = Vec::new();
    while station.deadline.0 <= now {
        let kind = station.deadline.1;
        station.feed(now, Input::Timeout);
        order.push(kind);
    }
    let first_afar = order.iter().position(|kind| *kind == TimerKind::Afar).unwrap();
    assert!(
        order[..first_afar].iter().all(|kind| *kind == TimerKind::Demoted) && first_afar == 16,
        "{order:?}"
    );
    assert!(order[first_afar..].iter().all(|kind| *kind == TimerKind::Afar));
    assert_eq!(received(&station).iter().filter(|received| received.way == Way::Air).count(), 16);
}

#[test]
fn a_full_queue_of_frames_from_afar_refuses_the_next_and_says_so() {
    let (mut station, by) =
        (Station::silent(OWN), (0..10).map(|n| Crafter::station(100 + n)).collect::<Vec<_>>());
    for n in 0..limits::MAX_AFAR_WAITING + 20 {
        let at = ms(10 + 3 * n as u64);
        station.feed(at, from_afar(&background(&by[n % 10], at), PEER));
    }
    assert_eq!(station.drops(), [("verify_queue_full", 20)].into());
    for table in station.node.tables() {
        assert!(table.held <= table.limit, "{table:?}");
    }
}

#[test]
fn no_neighbour_is_made_and_none_stays_longer_for_what_is_from_afar() {
    let (mut station, near) = (Station::silent(OWN), Crafter::station(1));
    station.hear(ms(5), &near.full(&near.fields(ms(1))));
    let before = format!("{:?}", station.node.neighbours().next());
    for second in 1..20_u64 {
        hand_in(&mut station, ms(second * 1_000), &background(&near, ms(second * 1_000)));
    }
    assert_eq!(format!("{:?}", station.node.neighbours().next()), before);
    station.drive(ms(20_000), ms(20_100), |now| fix(now, PLACE));
    assert!(station.events.contains(&Event::NeighbourLost(near.digest)));
    assert_eq!((station.node.neighbour_table().len(), station.received()), (0, 20));
}

/// A frame by air that waits for a credential waits on, though a frame from afar brings it: that one says nothing of who is here.
#[test]
fn a_credential_from_afar_releases_nothing_that_is_held_and_answers_no_request() {
    let (mut station, signer) = (Station::new(OWN, Config::vehicle()), Crafter::station(1));
    station.start(Instant::ZERO, PLACE);
    station.feed(ms(5), testkit::frame(&signer.brief(&signer.fields(ms(1))), address(1)));
    hand_in(&mut station, ms(10), &background(&signer, ms(8)));
    let table =
        |station: &Station, name: &str| station.node.tables().find(|it| it.name == name).unwrap().held;
    assert_eq!(
        (table(&station, "frames held for their credential"), table(&station, "wanted credentials")),
        (1, 1)
    );
    assert_eq!(station.received(), 1);
}

/// What no bytes and no order may do.
#[test]
fn no_bytes_from_afar_make_a_station_panic_or_a_table_grow() {
    let mut dice = testkit::motorway::Dice(7);
    let mut below = |bound: usize| dice.below(bound as f64) as usize;
    let mut unit = usual_unit();
    let good = litter(&sources(), ms(5));
    for n in 0..20_000_u64 {
        let at = ms(10 + n / 4);
        let mut bytes = good[below(good.len())].to_vec();
        for _ in 0..below(4) {
            let place = below(bytes.len());
            bytes[place] ^= 1 << below(8);
        }
        bytes.truncate(1 + below(bytes.len() + 40));
        unit.feed(at, from_afar(&bytes.into(), n as u16));
        if n % 3 == 0 {
            unit.feed(at, Input::Timeout);
        }
        if n % 100 == 0 {
            unit.feed(at, Input::Clock { wire: anchor().wire_at(at), state: ClockState::Locked });
        }
    }
    unit.verify(ms(6_000));
    for table in unit.node.tables() {
        assert!(table.held <= table.limit, "{table:?}");
    }
    let frames = unit.node.counters().frames as usize;
    assert_eq!(unit.received() + unit.drops().values().sum::<usize>(), frames, "each ends once");
}

#[test]
fn reasons_of_what_is_from_afar_alone_have_names() {
    assert_eq!(
        [DropReason::NotFromAfar, DropReason::AfarBudget].map(DropReason::name),
        ["not_from_afar", "afar_budget"]
    );
}
