//! Revocation deltas that an insider brings to keep its own revocation out.

use v2x_core::CredentialRequest;
use v2x_proto::Digest;

use super::*;
use crate::revocation::{carrying, delta_naming, unsigned};

#[test]
fn a_storm_of_deltas_keeps_no_honest_one_out() {
    // A budget of four checks a second let 1 of 74 through.
    for insiders in [1, 8] {
        let mut scene = Scene::new(SLOW, 2 + insiders);
        let end = START + Duration::from_secs(10);
        let bad: Vec<_> = (0..insiders as usize).map(|n| scene.cars[2 + n].digest).collect();
        scene.attack(100 * u64::from(insiders), end, |scene, n, at| {
            let place = 2 + n as usize % insiders as usize;
            let delta = unsigned(&crate::revocation::request(n as u32 + 1));
            let car = &scene.cars[place];
            (car.brief(&carrying(car, at, &delta)), link(place))
        });
        // Two roadside units bring what an issuer signed, number by number; the last one revokes the insiders.
        for number in 1..=74_u32 {
            let at = START + Duration::from_millis(130 * u64::from(number));
            let place = number as usize % 2;
            let named: &[Digest] = if number == 74 { &bad } else { &[Digest([number as u8; 8])] };
            let delta = delta_naming(named, 0, number);
            let car = &scene.cars[place];
            let bytes = car.brief(&carrying(car, at, &delta));
            scene.send(at, bytes, link(place));
        }
        let before = scene.board.checks();
        scene.run(end);
        let list = scene.board.node.revocations().next().unwrap();
        assert_eq!((list.number, list.digests), (74, 73 + insiders));
        assert_eq!(scene.board.drops("revocation_invalid"), insiders as usize, "one a minute of each");
        assert!(scene.board.drops("revoked") > 10, "and they are gone");
        // The honest deltas and their carriers' signatures, and ten messages a second of each insider.
        let most = 2 * 74 + u64::from(insiders) * (1 + 10 + 10 * 10);
        assert!(scene.board.checks() - before <= most, "{} of {most}", scene.board.checks() - before);
    }
}

#[test]
fn a_carrier_with_many_names_pays_for_each_of_them() {
    let (authority, key) = (Authority::new(), Authority::key(70));
    let name = |number| {
        let request = CredentialRequest { revocation_series: number, ..Authority::request(&key) };
        Crafter::new(key.clone(), authority.issue(&request))
    };
    let names: Vec<_> = (0..50).map(name).collect();
    let mut scene = Scene::new(SLOW, 1);
    let end = START + Duration::from_secs(5);
    scene.attack(500, end, |_, n, at| {
        let (name, delta) = (&names[n as usize % 50], unsigned(&crate::revocation::request(n as u32 + 1)));
        (name.full(&carrying(name, at, &delta)), made_up_address(n % 50))
    });
    let at = START + Duration::from_secs(2);
    let delta = delta_naming(&[Digest([1; 8])], 0, 1);
    let bytes = scene.cars[0].brief(&carrying(&scene.cars[0], at, &delta));
    scene.send(at, bytes, link(0));
    scene.run(end);
    assert_eq!(scene.board.node.revocations().count(), 1);
    assert_eq!(scene.board.drops("revocation_invalid"), 50);
}
