use super::super::tests::{OTHER, PLACE, UNIT, at, fix_at};
use super::*;

fn limit(sign_id: u32, revision: u32) -> v1::SignInfo {
    let zone = AreaView {
        latitude: PLACE.latitude,
        longitude: PLACE.longitude,
        shape: v2x_proto::Shape::Rectangle,
        distance_a_m: 100,
        distance_b_m: 10,
        azimuth_deg: 0,
    };
    v1::SignInfo {
        sign_id,
        revision,
        zones: vec![zone.into()],
        signs: vec![v1::Sign { code: 274, value: Some(50), ..v1::Sign::default() }],
        ..v1::SignInfo::default()
    }
}

fn look(signs: &mut Signs, north: f64, heading: u16, millis: u64) -> Vec<(u32, bool)> {
    let fix = Fix { heading: Some(heading), ..fix_at(at(millis), PLACE.moved(0.0, north), 1000) };
    let mut said = Vec::new();
    signs.look(Some(&fix), at(millis).wire, |posted| said.push((posted.info().revision, posted.in_force())));
    said
}

#[test]
fn a_sign_is_in_force_inside_its_zone_and_said_once() {
    let mut signs = Signs::default();
    signs.hear(limit(1, 1), UNIT, at(0).now).unwrap();
    assert_eq!(look(&mut signs, -101.0, 0, 0), []);
    assert_eq!(look(&mut signs, -99.0, 0, 100), [(1, true)]);
    assert_eq!(look(&mut signs, -90.0, 0, 200), []);
    signs.hear(limit(1, 2), UNIT, at(250).now).unwrap();
    assert_eq!(look(&mut signs, -80.0, 0, 300), [(2, true)], "revised in force");
    assert_eq!(signs.hear(limit(1, 1), UNIT, at(300).now).err(), Some(Refusal::OldRevision));
    assert_eq!(look(&mut signs, 101.0, 0, 400), [(2, false)]);
}

#[test]
fn validity_and_direction_bound_it() {
    let wire = at(0).wire.as_micros();
    let mut signs = Signs::default();
    let info = v1::SignInfo {
        valid_from_us: Some(wire + 100_000),
        valid_until_us: Some(wire + 300_000),
        direction_deg: Some(350),
        direction_tolerance_deg: Some(20),
        ..limit(1, 1)
    };
    signs.hear(info, UNIT, at(0).now).unwrap();
    assert_eq!(look(&mut signs, 0.0, 0, 0), []);
    assert_eq!(look(&mut signs, 0.0, 101, 100), [], "20.1 degrees off");
    assert_eq!(look(&mut signs, 0.0, 100, 200), [(1, true)]);
    assert_eq!(look(&mut signs, 0.0, 100, 300), [(1, false)]);
    signs.expire(at(300).now, at(300).wire);
    assert_eq!(signs.iter().count(), 0);
}

#[test]
fn insiders_that_fill_the_table_first_leave_a_unit_its_share() {
    let mut signs = Signs::default();
    for insider in 0..4u8 {
        for number in 0..limits::MAX_SIGNS_PER_SIGNER as u32 {
            signs.hear(limit(number, 1), Digest([insider; 8]), at(0).now).unwrap();
        }
    }
    // All of them in force, so that none may be forgotten without a word.
    assert_eq!(look(&mut signs, 0.0, 0, 0).len(), limits::MAX_SIGNS);
    for number in 0..8 {
        let gone = signs.hear(limit(number, 1), UNIT, at(100).now).unwrap().unwrap();
        assert!(gone.in_force() && gone.signer() != UNIT);
    }
    assert_eq!(look(&mut signs, 0.0, 0, 200).len(), 8);
    assert_eq!(signs.iter().count(), limits::MAX_SIGNS);
}

#[test]
fn nobody_replaces_another_s_sign_or_fills_the_table() {
    let mut signs = Signs::default();
    signs.hear(limit(1, 5), UNIT, at(0).now).unwrap();
    signs.hear(limit(1, 9), OTHER, at(0).now).unwrap();
    assert_eq!(signs.iter().count(), 2);
    for number in 2..100 {
        let result = signs.hear(limit(number, 1), OTHER, at(0).now);
        assert_eq!(result.is_ok(), number <= limits::MAX_SIGNS_PER_SIGNER as u32);
    }
    for signer in 10..20 {
        for number in 0..16 {
            signs.hear(limit(number, 1), Digest([signer; 8]), at(u64::from(signer)).now).unwrap();
        }
    }
    assert_eq!(signs.iter().count(), limits::MAX_SIGNS);
}

#[test]
fn without_a_zone_it_is_in_force_nowhere() {
    let mut signs = Signs::default();
    signs.hear(v1::SignInfo { zones: Vec::new(), ..limit(1, 1) }, UNIT, at(0).now).unwrap();
    assert_eq!(look(&mut signs, 0.0, 0, 0), []);
}
