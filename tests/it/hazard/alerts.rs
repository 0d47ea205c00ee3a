//! Alerts and imminent warnings: when their copies leave, and how many one station may send.

use v2x_apps::alert::{self, Triggers};
use v2x_core::Imminent;

use super::*;

/// Where a station is and how it moves.
fn own_fix(scene: &Scene, index: usize) -> v2x_core::Fix {
    scene.actors[index].node.last_fix().unwrap()
}

fn said_ms(scene: &Scene, index: usize, since: Instant) -> Vec<u64> {
    millis(scene.actors[index].said().iter().map(|(at, ..)| *at), since)
}

#[test]
fn an_imminent_warning_leaves_at_0_6_and_12_ms_and_then_each_100_ms() {
    let mut scene = Scene::convoy(3);
    scene.run(1_050);
    let start = scene.now;
    let braking = alert::hard_braking(&own_fix(&scene, 0));
    let id = scene.declare(0, braking);
    scene.run(350);
    assert_eq!(said_ms(&scene, 0, start), [0, 6, 12, 100, 200, 300]);
    let said = scene.actors[0].said();
    assert!(said[..3].windows(2).all(|pair| pair[0].2.bytes == pair[1].2.bytes), "exact copies");
    assert!(said[2..].windows(2).all(|pair| pair[0].2.bytes != pair[1].2.bytes), "then signed anew");
    assert!(said.iter().all(|(_, said, frame)| {
        let tbs = craft::read(&frame.bytes).1;
        said.reference_time_us == said.detection_time_us && tbs.lifetime_ms <= 100 && tbs.max_hops == 1
    }));
    // It concerns the vehicles behind: the vehicle ahead in their lane brakes.
    for actor in &scene.actors[1..] {
        assert_eq!(actor.changes(), [(id, HazardChange::New)]);
        let (at, changed) = actor.changed().next().unwrap();
        assert!(at.since(start) < Duration::from_millis(20));
        let concern = changed.event.concern.expect("it brakes ahead");
        assert!(concern.time_to_conflict.unwrap() < Duration::from_secs(6), "{concern:?}");
        assert_eq!(actor.drops("exact_copy"), 2);
    }
    scene.command(0, HazardCommand::Cancel(id)).unwrap();
    scene.run(2_000);
    assert_eq!(scene.actors[1].known(id).unwrap().state, EventState::Cancelled);
}

// Open loop: after a stall of the application or the host, the time still counts from when the message was due.
#[test]
fn what_is_said_of_an_event_counts_from_when_it_was_due() {
    let mut scene = Scene::convoy(1);
    scene.run(1_050);
    let start = scene.now;
    let due = Some(start - Duration::from_millis(7));
    scene.declare(0, HazardDraft { due, ..HazardDraft::new(Class::D1, cause::COLLISION_RISK) });
    let sent = |scene: &Scene| -> Vec<Instant> {
        let events = scene.actors[0].events.iter().filter(|(at, _)| *at >= start);
        let sent = events.filter_map(|(_, event)| match event {
            Event::Sent(sent) if sent.id.class == Class::D1 => Some(sent.generated),
            _ => None,
        });
        sent.collect()
    };
    assert_eq!(sent(&scene), [start - Duration::from_millis(7)]);
    // The host comes 5 ms late to the first quick copy.
    scene.now = start + Duration::from_millis(30);
    scene.feed(0, Input::Timeout);
    let copy = scene.actors[0].said().last().unwrap().2.clone();
    assert_eq!(copy.stamps.generated, start + Duration::from_millis(25));
    assert_eq!(copy.stamps.queued, scene.now);
    assert_eq!(sent(&scene).len(), 1, "the same signed bytes are one message");
}

#[test]
fn a_copy_saves_a_warning_that_was_lost_within_its_deadline() {
    let mut scene = Scene::convoy(2);
    scene.run(1_050);
    scene.lost = Box::new(|_| true);
    let start = scene.now;
    let warning = alert::hard_braking(&own_fix(&scene, 0));
    scene.declare(0, warning);
    scene.run(8);
    scene.lost = Box::new(|_| false);
    scene.run(8);
    let (at, _) = scene.actors[1].changed().next().expect("the third copy");
    assert!(at.since(start) < Duration::from_millis(20));
}

#[test]
fn in_the_regulated_profile_a_warning_leaves_once_for_neighbours_to_send_on() {
    let authority = Authority::new();
    let config = Config { imminent: Imminent::Regulated, ..quiet() };
    let car = |n: u32| Actor::new(config.clone(), authority.identity(n + 1), -20.0 * f64::from(n), 15.0);
    let mut scene = Scene::of((0..2).map(car).collect());
    scene.run(1_050);
    let start = scene.now;
    let warning = alert::hard_braking(&own_fix(&scene, 0));
    scene.declare(0, warning);
    scene.run(250);
    assert_eq!(said_ms(&scene, 0, start), [0, 100, 200]);
    assert!(scene.actors[0].said().iter().all(|(.., frame)| craft::read(&frame.bytes).1.max_hops == 2));
    assert_eq!(scene.actors[1].changes().len(), 1);
}

#[test]
fn the_profile_is_the_laboratory_s_unless_a_configuration_says_otherwise() {
    let mut json = serde_json::to_value(Config::vehicle()).unwrap();
    assert_eq!(json["imminent"], "lab");
    json.as_object_mut().unwrap().remove("imminent");
    assert_eq!(serde_json::from_value::<Config>(json).unwrap().imminent, Imminent::Lab);
}

#[test]
fn an_alert_leaves_at_0_25_50_and_75_ms_and_then_each_100_ms() {
    let mut scene = Scene::convoy(2);
    scene.run(1_050);
    let start = scene.now;
    let warning = alert::emergency_vehicle(&own_fix(&scene, 0));
    let id = scene.declare(0, warning);
    scene.run(650);
    assert_eq!(said_ms(&scene, 0, start), [0, 25, 50, 75, 100, 200, 300, 400, 500, 600]);
    let mut signed: Vec<_> = scene.actors[0].said().iter().map(|(.., frame)| frame.id).collect();
    signed.dedup();
    assert_eq!(signed.len(), 3, "each 300 ms");
    assert_eq!(scene.actors[1].changes(), [(id, HazardChange::New)]);
    scene.run(5_000);
    assert_eq!(
        scene.actors[1].changes(),
        [(id, HazardChange::New), (id, HazardChange::Expired)],
        "it holds for five seconds"
    );
}

#[test]
fn an_update_of_an_alert_leaves_at_once_and_without_the_copies_of_a_new_one() {
    let mut scene = Scene::convoy(2);
    scene.run(1_050);
    let draft = alert::emergency_vehicle(&own_fix(&scene, 0));
    let id = scene.declare(0, draft.clone());
    scene.run(1_030);
    let (before, start) = (scene.actors[0].said().len(), scene.now);
    scene.command(0, HazardCommand::Update(id, draft)).unwrap();
    scene.run(250);
    assert_eq!(said_ms(&scene, 0, start)[before..], [0, 100, 200]);
    assert_eq!(scene.actors[1].changes(), [(id, HazardChange::New), (id, HazardChange::Updated)]);
}

#[test]
fn beyond_its_burst_a_warning_goes_on_each_100_ms_and_the_refusal_is_counted() {
    let mut scene = Scene::convoy(2);
    scene.run(1_050);
    let start = scene.now;
    // Six warnings and their copies would be 18 frames; with their repetitions it is more than a burst.
    let warn = |scene: &mut Scene| {
        let warning = alert::hard_braking(&own_fix(scene, 0));
        scene.declare(0, warning)
    };
    let ids: Vec<_> = (0..6)
        .map(|_| {
            let id = warn(&mut scene);
            scene.run(60);
            id
        })
        .collect();
    scene.run(640);
    let first = said_ms(&scene, 0, start);
    assert!(
        first.iter().filter(|at| **at < 20).count() == 3 && (20..=30).contains(&first.len()),
        "{first:?}"
    );
    ids.into_iter().for_each(|id| assert_eq!(scene.command(0, HazardCommand::Cancel(id)), Ok(id)));
    scene.run(1_000);
    assert!(scene.actors[0].not_sent("send_burst_budget") >= 12, "neither copies of their ends");
    // Within ten seconds there is no second burst, and no warning is silenced.
    let id = scene.declare(0, alert::hard_braking(&own_fix(&scene, 0)));
    let late = scene.now.nanos_since(start) / 1_000_000;
    scene.run(1_000);
    let own: Vec<u64> = scene.actors[0]
        .said()
        .iter()
        .filter(|(_, said, _)| said.id.as_ref().is_some_and(|said| said.number == id.number))
        .map(|(at, ..)| at.nanos_since(start) / 1_000_000 - late)
        .collect();
    assert_eq!(own[0], 0);
    assert!(own.iter().all(|at| at % 100 == 0), "{own:?}");
    assert_eq!(scene.actors[1].known(id).map(|known| known.state), Some(EventState::Active));
}

#[test]
fn as_many_alerts_as_one_station_may_have_are_within_what_receivers_take() {
    let mut scene = Scene::convoy(2);
    scene.run(1_000);
    for n in 0..v2x_core::limits::MAX_OWN_ALERTS {
        let class = if n < 3 { Class::D0 } else { Class::D1 };
        scene.declare(0, HazardDraft { validity: Duration::from_secs(60), ..HazardDraft::new(class, 97) });
        scene.run(37);
    }
    assert_eq!(
        scene.command(0, HazardCommand::New(HazardDraft::new(Class::D1, 97))),
        Err(HazardRefusal::TooManyAlerts)
    );
    scene.run(50_000);
    assert_eq!(scene.actors[1].drops("rate_limited_signer"), 0);
    assert_eq!(scene.actors[1].drops("rate_limited_link"), 0);
    assert_eq!(scene.actors[1].changes().len(), v2x_core::limits::MAX_OWN_ALERTS);
}

#[test]
fn triggers_on_a_stream_of_positions_declare_renew_and_end_an_alert() {
    let mut scene = Scene::convoy(2);
    scene.run(1_000);
    let mut triggers = Triggers::default();
    for step in 0..40 {
        scene.run(100);
        let braking = (5..25).contains(&step);
        let fix = v2x_core::Fix { acceleration: Some(if braking { -70 } else { 0 }), ..own_fix(&scene, 0) };
        let neighbours: Vec<_> = scene.actors[0].node.neighbours().cloned().collect();
        let heard = scene.actors[0].events.len();
        if let Some(command) = triggers.observe(scene.now, &fix, &neighbours) {
            scene.feed(0, Input::Hazard { command, token: None });
            for (at, event) in &scene.actors[0].events[heard..] {
                triggers.hear(*at, event);
            }
        }
    }
    let changes: Vec<_> = scene.actors[1].changes().into_iter().map(|(_, change)| change).collect();
    assert_eq!(changes, [HazardChange::New, HazardChange::Updated, HazardChange::Cancelled]);
}
