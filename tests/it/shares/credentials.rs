//! Made-up credentials, and newcomers among them.

use v2x_core::CredentialRequest;

use super::*;

/// A newcomer that says D0 with its credential every 100 ms, each in this many copies.
fn newcomer(scene: &mut Scene, number: u32, from: Instant, times: u64, copies: u32) -> Vec<MessageId> {
    let car = Crafter::station(number);
    let mut said = Vec::new();
    for tenth in 0..times {
        let at = from + Duration::from_millis(100 * tenth);
        let fields = car.fields_in(Class::D0, at);
        said.push(MessageId { signer: car.digest, class: Class::D0, sequence: fields.sequence });
        scene.repeat(at, &car.full(&fields), address(number), copies);
    }
    said
}

/// Made-up credentials of the newcomers' own issuer, each in an alert; from made-up addresses, or from the newcomers'.
fn storm(scene: &mut Scene, rate: u64, end: Instant, from_newcomers: bool) {
    let like = Authority::new().credential(500);
    let liar = Crafter::new(Authority::key(500), like.clone());
    scene.attack(rate, end, |_, n, at| {
        let credential = made_up_credential(&like, n);
        let fields = liar.fields_in(Class::D0, at);
        let link = if from_newcomers { address(600 + n as u32 % 20) } else { made_up_address(n) };
        (forged_fields(&liar, &fields, SignerRef::Credential(&credential), n), link)
    });
}

/// Twenty newcomers, one after another, of ten D0 each.
fn twenty(scene: &mut Scene, copies: u32) -> Vec<Vec<MessageId>> {
    let from = |n: u32| START + Duration::from_millis(u64::from(37 * n + 20));
    (0..20).map(|n| newcomer(scene, 600 + n, from(n), 10, copies)).collect()
}

#[test]
fn a_storm_of_made_up_credentials_keeps_no_newcomer_waiting() {
    // A budget of checks for all strangers let 49 of 200 through, the first after 623 ms.
    for (check, rate) in [(SLOW, 1_000), (SLOW, 2_000), (FAST, 5_000)] {
        for from_newcomers in [false, true] {
            let mut scene = Scene::new(check, 3);
            let end = START + Duration::from_secs(2);
            storm(&mut scene, rate, end, from_newcomers);
            let said = twenty(&mut scene, 1);
            scene.run(end);
            for (n, said) in said.iter().enumerate() {
                assert_eq!(scene.heard(said), 10, "newcomer {n} at {rate}/s: {said:?}");
                let due = START + Duration::from_millis(37 * n as u64 + 20);
                let wait = scene.delivered_at(&said[0]).unwrap().since(due);
                assert!(wait < Duration::from_millis(100), "{wait:?}");
            }
        }
    }
}

#[test]
fn more_made_up_credentials_than_the_processor_checks_leave_newcomers_a_fair_share() {
    for (times, rate) in [(2.0, 10_000), (5.0, 25_000)] {
        for copies in [1, 4] {
            for from_newcomers in [false, true] {
                let mut scene = Scene::new(SLOW, 3);
                let end = START + Duration::from_secs(2);
                storm(&mut scene, rate, end, from_newcomers);
                let neighbours: Vec<_> = (0..18)
                    .map(|tenth| scene.say(1, Class::D1, START + Duration::from_millis(100 * tenth + 50), 1))
                    .collect();
                let said = twenty(&mut scene, copies);
                scene.run(end);
                assert_eq!(scene.heard(&neighbours), neighbours.len(), "who is known comes first");
                scene.fair(&said.concat(), copies, times);
            }
        }
    }
}

#[test]
fn a_credential_that_failed_costs_nothing_again() {
    let mut scene = Scene::new(SLOW, 3);
    let end = START + Duration::from_secs(1);
    let credential = made_up_credential(&Authority::new().credential(500), 1);
    let liar = Crafter::new(Authority::key(500), credential.clone());
    let before = scene.board.checks();
    scene.attack(10_000, end, |_, n, at| {
        let fields = liar.fields_in(Class::D0, at);
        (forged_fields(&liar, &fields, SignerRef::Credential(&credential), n), made_up_address(n))
    });
    scene.run(end);
    assert_eq!(scene.board.checks() - before, 1);
    assert_eq!(scene.board.drops("credential_known_bad"), 9_999);
}

// Credentials of stations elsewhere are genuine, and anybody can record them.
#[test]
fn credentials_recorded_elsewhere_evict_no_neighbours() {
    let (authority, key) = (Authority::new(), Authority::key(70));
    let recorded = |revocation_series| {
        authority.issue(&CredentialRequest { revocation_series, ..Authority::request(&key) })
    };
    let mut scene = Scene::new(FAST, 3);
    let end = START + Duration::from_secs(2);
    let liar = Crafter::new(key.clone(), recorded(0));
    scene.attack(1_000, end, |_, n, at| {
        let fields = liar.fields_in(Class::D0, at);
        (forged_fields(&liar, &fields, SignerRef::Credential(&recorded(n as u32 + 1)), n), made_up_address(n))
    });
    // The neighbours were silent meanwhile, and are known by their digests all the same.
    let said: Vec<_> = (0..3).map(|n| scene.say(n, Class::D0, end, 1)).collect();
    scene.run(end + Duration::from_millis(100));
    assert_eq!(scene.heard(&said), 3, "{:?}", scene.board.dropped.last());
}
