//! Frames held for their credential, and made-up signers among them.

use v2x_proto::Digest;

use super::*;

/// Twenty newcomers say D1 by digest, and their credential 80 ms later, while signers are made up at `rate` a second: how
/// many of the alerts are heard.
fn held(rate: u64, class: Class, link: impl Fn(u64) -> [u8; 6]) -> (usize, usize) {
    let mut scene = Scene::new(SLOW, 1);
    let end = START + Duration::from_millis(2_500);
    let liar = Crafter::station(500);
    scene.attack(rate, end, |_, n, at| {
        let fields = if class == Class::D2 { liar.fields(at) } else { liar.fields_in(class, at) };
        let name = Digest(n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        (forged_fields(&liar, &fields, SignerRef::Digest(name), n), link(n))
    });
    let mut said = Vec::new();
    for n in 0..20 {
        let car = Crafter::station(600 + n);
        let at = START + Duration::from_millis(400 + 90 * u64::from(n));
        let fields = car.fields_in(Class::D1, at);
        said.push(MessageId { signer: car.digest, class: Class::D1, sequence: fields.sequence });
        scene.send(at, car.brief(&fields), address(600 + n));
        let later = at + Duration::from_millis(80);
        scene.send(later, car.full(&car.fields(later)), address(600 + n));
    }
    scene.run(end + Duration::from_millis(300));
    (scene.heard(&said), said.len())
}

#[test]
fn made_up_signers_at_what_a_channel_carries_empty_no_buffer() {
    for class in [Class::D1, Class::D2] {
        for rate in [1_000, 2_000] {
            assert_eq!(held(rate, class, made_up_address), (20, 20), "{rate}/s");
            // From the newcomers' addresses.
            assert_eq!(held(rate, class, |n| address(600 + n as u32 % 20)), (20, 20), "{rate}/s");
        }
    }
}

#[test]
fn more_made_up_signers_than_there_is_room_for_evict_no_alert_by_beacons_and_not_every_one_by_alerts() {
    assert_eq!(held(20_000, Class::D2, made_up_address), (20, 20));
    // Each alert stays with probability (1 - 1/513)^(10,000/s * 80 ms) = 0.21.
    let (heard, _) = held(10_000, Class::D1, made_up_address);
    assert!(heard >= 1, "{heard}");
}

// Somebody else says more in a newcomer's name than there is room for behind one name.
#[test]
fn forgeries_in_a_newcomers_name_do_not_refuse_what_it_says_by_digest() {
    let mut scene = Scene::new(SLOW, 1);
    let car = Crafter::station(600);
    let at = START + Duration::from_millis(200);
    scene.attack(1_000, at, |_, n, at| (forged(&car, Class::D1, at, n), address(600)));
    let fields = car.fields_in(Class::D1, at);
    let said = MessageId { signer: car.digest, class: Class::D1, sequence: fields.sequence };
    scene.send(at, car.brief(&fields), address(600));
    let later = at + Duration::from_millis(20);
    scene.send(later, car.full(&car.fields(later)), address(600));
    scene.run(later + Duration::from_millis(200));
    assert_eq!(scene.heard(&[said]), 1);
}

// What waits for its credential comes back into a lot that is never empty.
#[test]
fn more_forgeries_than_the_processor_checks_leave_what_was_held_a_share() {
    let mut scene = Scene::new(SLOW, 2);
    let end = START + Duration::from_secs(3);
    scene.attack(10_000, end, |scene, n, at| (forged(&scene.cars[0], Class::D0, at, n), link(0)));
    let mut said = Vec::new();
    for n in 0..40 {
        let car = Crafter::station(600 + n);
        let at = START + Duration::from_millis(100 + 60 * u64::from(n));
        let fields = TbsRepr { lifetime_ms: 300, ..car.fields_in(Class::D1, at) };
        said.push(MessageId { signer: car.digest, class: Class::D1, sequence: fields.sequence });
        scene.send(at, car.brief(&fields), address(600 + n));
        for tenth in 1..=3 {
            let later = at + Duration::from_millis(20 * tenth);
            scene.send(later, car.full(&car.fields_in(Class::D1, later)), address(600 + n));
        }
    }
    scene.run(end);
    // Of three credentials one is learned with probability 7/8, and then every second alert: 17.5, less three deviations.
    let heard = scene.heard(&said);
    assert!(heard >= 8, "{heard} of 40");
}
