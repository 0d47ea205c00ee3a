//! Events and pseudonyms: a name once given stays, as long as its credential does.

use v2x_core::Identity;

use super::*;

fn pool(count: u32) -> Pool {
    let authority = Authority::new();
    Pool::new((1..=count).map(|number| authority.identity(number)).collect::<Vec<Identity>>()).unwrap()
}

/// A car that changes its pseudonym about every 20 s, and one that listens.
fn changing(silence_ms: u64) -> Scene {
    let change = ChangeRule::Every(Duration::from_secs(20));
    let pseudonym = PseudonymConfig { change, silence: Duration::from_millis(silence_ms) };
    Scene::of(vec![
        Actor::new(Config { pseudonym, ..Config::vehicle() }, pool(8), 0.0, 15.0),
        Actor::new(quiet(), Authority::new().identity(50), -30.0, 15.0),
    ])
}

fn long() -> HazardDraft {
    HazardDraft { validity: Duration::from_secs(600), ..queue() }
}

fn run_to_change(scene: &mut Scene) -> Instant {
    let before = scene.actors[0].node.digest();
    while scene.actors[0].node.digest() == before {
        scene.run(100);
    }
    scene.now
}

// Row 47 (EVGN/BV/10), and what the standard leaves to a new name: here the old one stays.
#[test]
fn after_a_change_of_pseudonym_an_event_keeps_its_name_and_a_new_one_has_the_new_origin() {
    let mut scene = changing(0);
    scene.run(1_000);
    let (origin, id) = (scene.actors[0].node.digest(), scene.declare(0, long()));
    run_to_change(&mut scene);
    let (new_origin, second) = (scene.actors[0].node.digest(), scene.declare(0, long()));
    assert_eq!((id.origin, second.origin), (origin, new_origin));
    assert_ne!(second.number, id.number.wrapping_add(1), "numbers that go on would join the two");
    // Long enough for the old one to be signed anew, and changed, under its old name.
    scene.run(45_000);
    scene.command(0, HazardCommand::Update(id, HazardDraft { sub_cause: 1, ..long() })).unwrap();
    scene.run(1_500);
    let said = scene.actors[0].said();
    let of = |id: EventId| {
        said.iter()
            .filter(move |(_, said, _)| said.id.as_ref().is_some_and(|said| said.origin == id.origin.0[..]))
    };
    assert!(of(id).count() > 60 && of(second).count() > 40);
    let one_address = |id: EventId| {
        let mut sources: Vec<_> = of(id).map(|(.., frame)| frame.source.unwrap()).collect();
        sources.dedup();
        assert_eq!(sources.len(), 1);
        sources[0]
    };
    assert_ne!(one_address(id), one_address(second), "each speaks from its own address");
    for id in [id, second] {
        assert!(of(id).all(|(.., frame)| frame.id.signer == id.origin && craft::is_full(&frame.bytes)));
        assert!(of(id).all(|(.., frame)| craft::read(&frame.bytes).0.forwarder == id.origin));
        let sequences: Vec<_> = of(id).map(|(.., frame)| frame.id.sequence).collect();
        assert!(sequences.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) <= 1), "numbers go on");
    }
    let expected = [(id, HazardChange::New), (second, HazardChange::New), (id, HazardChange::Updated)];
    assert_eq!(scene.actors[1].changes(), expected);
    // Its end is sent under that name as well.
    scene.command(0, HazardCommand::Cancel(id)).unwrap();
    scene.run(100);
    assert_eq!(scene.actors[1].known(id).unwrap().state, EventState::Cancelled);
    assert_eq!(scene.actors[1].drops("replayed") + scene.actors[1].drops("not_origin"), 0);
}

#[test]
fn no_pseudonym_changes_while_an_alert_is_live() {
    let mut scene = changing(0);
    scene.run(1_000);
    let own = scene.actors[0].node.digest();
    let id = scene.declare(0, HazardDraft::new(Class::D1, 97));
    scene.run(60_000);
    assert_eq!(scene.actors[0].node.digest(), own);
    scene.command(0, HazardCommand::Cancel(id)).unwrap();
    scene.run(3_000);
    assert_ne!(scene.actors[0].node.digest(), own, "and right after it the change is made");
}

#[test]
fn a_former_name_does_not_speak_while_the_new_one_keeps_silent() {
    let mut scene = changing(3_000);
    scene.run(1_000);
    scene.declare(0, long());
    let changed = run_to_change(&mut scene);
    scene.run(5_000);
    let said = scene.actors[0].said();
    let after = said.iter().map(|(at, ..)| *at).find(|at| *at > changed).unwrap();
    assert!(after >= changed + Duration::from_millis(2_900), "{after:?} after {changed:?}");
}

/// A car whose first credential ends after two minutes, so that the second takes over after one.
fn ending() -> Scene {
    let authority = Authority::new();
    let key = Authority::key(1);
    let short = v2x_core::CredentialRequest { duration_min: 3, ..Authority::request(&key) };
    let pool = Pool::new(vec![authority.identity_as(1, &short), authority.identity(2)]).unwrap();
    let config = Config {
        pseudonym: PseudonymConfig { change: ChangeRule::Off, silence: Duration::ZERO },
        ..Config::vehicle()
    };
    Scene::of(vec![
        Actor::new(config, pool, 0.0, 3.0),
        Actor::new(quiet(), authority.identity(50), -30.0, 3.0),
    ])
}

#[test]
fn when_its_credential_ends_an_event_goes_on_under_another_name_and_the_old_one_is_cancelled() {
    let mut scene = ending();
    scene.run(1_000);
    let old = scene.declare(0, long());
    scene.run(130_000);
    let renamed: Vec<_> = scene.actors[0]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::HazardRenamed { old, new } => Some((*old, *new)),
            _ => None,
        })
        .collect();
    assert_eq!(renamed.len(), 1, "once");
    let new = renamed[0].1;
    assert_eq!((renamed[0].0, new.origin), (old, scene.actors[0].node.digest()));
    let mut heard = scene.actors[1].changes();
    heard[1..].sort_by_key(|(_, change)| *change == HazardChange::New);
    assert_eq!(heard, [(old, HazardChange::New), (old, HazardChange::Cancelled), (new, HazardChange::New)]);
    let (before, after) = (scene.actors[0].known(old).unwrap(), scene.actors[0].known(new).unwrap());
    assert_eq!((before.state, after.state), (EventState::Cancelled, EventState::Active));
    assert_eq!(
        (before.detection, before.valid_until),
        (after.detection, after.valid_until),
        "it is the same event"
    );
    let after_end = scene.actors[0].said().iter().filter(|(.., frame)| frame.id.signer == old.origin).count();
    scene.run(10_000);
    let later = scene.actors[0].said().iter().filter(|(.., frame)| frame.id.signer == old.origin).count();
    assert_eq!(after_end, later, "a credential that has ended signs nothing");
    assert_eq!(scene.command(0, HazardCommand::Cancel(old)), Err(HazardRefusal::Unknown(old)));
    assert_eq!(scene.command(0, HazardCommand::Cancel(new)), Ok(new));
}
