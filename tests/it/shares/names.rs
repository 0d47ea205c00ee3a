//! Frames forged in the names of neighbours, from their addresses.

use super::*;

/// Attackers forge D0, D1 and D2 in the names and from the addresses of the first `used` of the neighbours, and begin
/// before any of them says a word. Ten of them and all others say D0 and D1 ten times a second: what those whose names are
/// used said, and what the others said.
fn under_forged_names(
    scene: &mut Scene,
    used: usize,
    rate: u64,
    classes: &[Class],
    copies: u32,
    end: Instant,
) -> [Vec<MessageId>; 2] {
    scene.attack(rate, end, |scene, n, at| {
        let victim = n as usize % used;
        let class = classes[(n as usize / used) % classes.len()];
        (forged(&scene.cars[victim], class, at, n), link(victim))
    });
    let mut said = [Vec::new(), Vec::new()];
    let mut at = START + Duration::from_millis(50);
    while at + Duration::from_millis(150) < end {
        for n in (0..used.min(10)).chain(used..scene.cars.len()) {
            let at = at + Duration::from_micros(700) * n as u32;
            let kind = usize::from(n >= used);
            said[kind].push(scene.say(n, Class::D0, at, copies));
            said[kind].push(scene.say(n, Class::D1, at + Duration::from_micros(300), copies));
        }
        at = at + Duration::from_millis(100);
    }
    scene.run(end + Duration::from_millis(200));
    said
}

#[test]
fn at_what_a_channel_carries_every_alert_of_a_neighbour_whose_name_and_address_are_forged_is_heard() {
    for (check, rate) in [(SLOW, 2_000), (FAST, 5_000)] {
        for classes in [&[Class::D0][..], &D0_D1_D2] {
            for used in [1, 10] {
                let mut scene = Scene::new(check, 20);
                let end = START + Duration::from_secs(2);
                let said = under_forged_names(&mut scene, used, rate, classes, 1, end);
                for said in &said {
                    assert_eq!(scene.heard(said), said.len(), "{check:?}, {used} names");
                }
            }
        }
    }
}

#[test]
fn seven_thousand_forged_alerts_in_one_name_leave_that_name_what_the_processor_has() {
    // What one frame each 150 us in the lane of all that is demoted lost: 0 of 20.
    let mut scene = Scene::new(FAST, 1);
    let [said, _] =
        under_forged_names(&mut scene, 1, 7_500, &[Class::D0], 1, START + Duration::from_millis(2_200));
    assert_eq!((scene.heard(&said), said.len()), (40, 40));
}

#[test]
fn a_hundred_forged_names_on_a_small_board_take_nothing_from_the_others_and_leave_their_own_a_fair_share() {
    for (times, rate) in [(2.0, 10_000), (5.0, 25_000)] {
        for classes in [&[Class::D0][..], &[Class::D1], &D0_D1_D2] {
            let mut scene = Scene::new(SLOW, 106);
            let end = START + Duration::from_millis(1_500);
            let [used, others] = under_forged_names(&mut scene, 100, rate, classes, 1, end);
            assert_eq!(scene.heard(&others), others.len(), "{rate}/s {classes:?}");
            scene.fair(&used, 1, times);
        }
    }
}

#[test]
fn overload_leaves_forged_names_a_fair_share_for_each_number_of_copies() {
    for (check, base) in [(SLOW, 5_000), (FAST, 17_000)] {
        for (times, copies) in [(2.0, 2), (2.0, 4), (5.0, 4)] {
            let mut scene = Scene::new(check, 8);
            let rate = (f64::from(base) * times) as u64;
            let end = START + Duration::from_millis(2_000);
            let [used, others] = under_forged_names(&mut scene, 4, rate, &[Class::D0], copies, end);
            assert_eq!(scene.heard(&others), others.len(), "{rate}/s");
            scene.fair(&used, copies, times);
        }
    }
}

#[test]
fn alerts_in_names_nobody_forges_wait_for_no_forgery_but_the_first_in_each_other_name() {
    let mut scene = Scene::new(SLOW, 106);
    let end = START + Duration::from_millis(2_000);
    let waited = |scene: &Scene, id: &MessageId| {
        let (at, received) = scene.board.delivered.iter().find(|(_, received)| received.id == *id).unwrap();
        at.since(testkit::anchor().instant_at(received.generation_time))
    };
    let [_, others] = under_forged_names(&mut scene, 100, 25_000, &[Class::D0], 1, end);
    let mut waits: Vec<_> = others.iter().map(|id| waited(&scene, id)).collect();
    waits.sort_unstable();
    println!("longest waits {:?}", &waits[waits.len() - 5..]);
    assert!(waits[waits.len() - 1] < Duration::from_millis(10), "{waits:?}");
}

#[test]
fn a_flood_of_alerts_in_a_neighbours_name_leaves_it_in_the_table() {
    // Five times what it verifies, as with all that takes a tenth of the time; its lot is slow to move.
    let mut scene = Scene::new(10 * SLOW, 1);
    let end = START + Duration::from_secs(22);
    scene.attack(2_500, end, |scene, n, at| (forged(&scene.cars[0], Class::D0, at, n), link(0)));
    for tenth in 0..220 {
        scene.say(0, Class::D2, START + Duration::from_millis(100 * tenth + 30), 1);
    }
    scene.run(end);
    assert_eq!(scene.board.node.neighbour_table().len(), 1, "{} beacons", scene.board.delivered.len());
    assert!(scene.board.delivered.len() >= 3, "{}", scene.board.delivered.len());
}

// The attacker hears each frame and repeats it before the receiver has it from its sender.
#[test]
fn who_repeats_a_neighbours_frames_from_elsewhere_does_not_have_them_demoted() {
    let mut scene = Scene::new(SLOW, 10);
    let end = START + Duration::from_secs(2);
    scene.attack(25_000, end, |scene, n, at| (forged(&scene.cars[0], Class::D0, at, n), made_up_address(n)));
    let mut said = Vec::new();
    for tenth in 0..18 {
        for n in 5..10 {
            let at = START + Duration::from_millis(100 * tenth + 30) + Duration::from_micros(900) * n as u32;
            said.push(scene.say(n, Class::D0, at, 1));
            let mut first = scene.arrivals.last().unwrap().clone();
            first.at = first.at - Duration::from_micros(100);
            first.link = made_up_address(u64::MAX - tenth);
            scene.arrivals.push(first);
        }
    }
    scene.run(end);
    assert_eq!(scene.heard(&said), said.len());
}

#[test]
fn a_name_is_in_good_order_again_some_time_after_the_last_forgery_in_it() {
    let mut scene = Scene::new(SLOW, 2);
    // One forgery in the first neighbour's name, and then a flood in no neighbour's.
    let bytes = forged(&scene.cars[0], Class::D0, START, 1);
    scene.send(START, bytes, link(0));
    let later = START + v2x_core::limits::FAILED_LATELY + Duration::from_millis(500);
    for second in 0..10 {
        scene.say(0, Class::D2, START + Duration::from_secs(second) + Duration::from_millis(300), 1);
    }
    let flooded = later + Duration::from_secs(2);
    for n in 0..50_000 {
        let at = later + Duration::from_micros(40) * n;
        let bytes = forged(&scene.cars[1], Class::D0, at, u64::from(n) + 2);
        scene.send(at, bytes, made_up_address(u64::from(n)));
    }
    let said: Vec<_> = (0..19)
        .map(|tenth| scene.say(0, Class::D0, later + Duration::from_millis(100 * tenth + 40), 1))
        .collect();
    scene.run(flooded);
    assert_eq!(scene.heard(&said), said.len());
}
