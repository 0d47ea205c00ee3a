use proptest::prelude::*;

use super::*;

fn every_type() -> impl Iterator<Item = u32> {
    (0..64).filter(|number| v1::MessageType::try_from(*number as i32).is_ok())
}

proptest! {
    #[test]
    fn arbitrary_payloads_give_a_message_in_range_or_an_error(
        message_type in prop_oneof![0..40u32, any::<u32>()],
        payload in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(message) = decode(message_type, payload.into()) {
            prop_assert_eq!(message.message_type() as u32, message_type);
            prop_assert_eq!(message.check(), Ok(()));
        }
    }

    #[test]
    fn a_used_struct_decodes_like_a_new_one(
        first in proptest::collection::vec(any::<u8>(), 0..60),
        second in any_awareness(),
    ) {
        let mut used = v1::Awareness::default();
        let _before = decode_awareness_into(&mut used, &first);
        decode_awareness_into(&mut used, &second.encode_to_vec()).unwrap();
        prop_assert_eq!(used, second);
    }

    #[test]
    fn a_mutated_beacon_never_panics_and_an_error_leaves_nothing(
        beacon in any_awareness(),
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = beacon.encode_to_vec();
        for (place, value) in mutations {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
        }
        let mut into = beacon;
        if decode_awareness_into(&mut into, &bytes).is_err() {
            prop_assert_eq!(into, v1::Awareness::default());
        }
    }
}

pub(super) fn any_awareness() -> impl Strategy<Value = v1::Awareness> {
    let path = proptest::collection::vec((-131_071..=131_071, -131_071..=131_071, 0..65_536u32), 0..=23);
    let floods = proptest::collection::vec(any::<u32>(), 0..=FloodTags::MAX);
    (
        proptest::option::of(0..=16_382u32),
        proptest::option::of(0..=3_599u32),
        proptest::option::of(-160..=160i32),
        proptest::option::of(any::<bool>()),
        (path, floods),
    )
        .prop_map(|(speed, heading, acceleration, siren, (path, floods_held))| v1::Awareness {
            floods_held,
            station_type: v1::StationType::PassengerCar as i32,
            speed,
            heading,
            acceleration,
            path_delta_latitude: path.iter().map(|point| point.0).collect(),
            path_delta_longitude: path.iter().map(|point| point.1).collect(),
            path_delta_time: path.iter().map(|point| point.2).collect(),
            emergency: siren.map(|siren| v1::EmergencyInfo { siren, ..Default::default() }),
            ..Default::default()
        })
}

#[test]
fn types_without_a_message_are_unknown() {
    for number in [0, 12, 31, 38, u32::MAX] {
        assert_eq!(decode(number, Bytes::from_static(&[8, 1])), Err(PayloadError::UnknownType(number)));
    }
    assert_eq!(every_type().count(), 20);
}

#[test]
fn a_beacon_with_speed_zero_is_not_one_of_unknown_speed() {
    let standing = Message::from(v1::Awareness { speed: Some(0), ..Default::default() });
    let mut payload = Vec::new();
    standing.encode(&mut payload);
    assert_eq!(payload.len(), standing.encoded_len());
    assert_eq!(decode(1, payload.into()), Ok(standing));
}

#[test]
fn a_longer_path_than_allowed_is_refused() {
    let beacon = v1::Awareness {
        path_delta_latitude: vec![1; 24],
        path_delta_longitude: vec![1; 24],
        path_delta_time: vec![1; 24],
        ..Default::default()
    };
    assert_eq!(
        decode(1, beacon.encode_to_vec().into()),
        Err(PayloadError::TooMany { field: "path_delta_latitude", limit: 23 })
    );
}

#[test]
fn columns_of_unequal_length_are_refused() {
    let beacon = v1::Awareness {
        path_delta_latitude: vec![1; 3],
        path_delta_longitude: vec![1; 3],
        path_delta_time: vec![1; 2],
        ..Default::default()
    };
    assert_eq!(beacon.check(), out_of_range("path_delta_time"));
}

#[test]
fn two_states_of_one_signal_group_are_refused() {
    let group = v1::SignalGroup { group: 2, ..Default::default() };
    let mut state = v1::SignalState { state_time_us: 1, groups: vec![group], ..Default::default() };
    assert_eq!(state.check(), Ok(()));
    state.groups.push(group);
    assert_eq!(state.check(), out_of_range("group"));
    state.groups.clear();
    assert_eq!(state.check(), out_of_range("groups"));
}

#[test]
fn a_cancellation_needs_no_position_but_a_new_event_does() {
    let mut hazard = v1::Hazard {
        id: Some(v1::EventId { origin: Bytes::from_static(&[1; 8]), number: 1 }),
        state: v1::HazardState::Cancel as i32,
        detection_time_us: 5,
        reference_time_us: 5,
        ..Default::default()
    };
    assert_eq!(hazard.check(), Ok(()));
    hazard.state = v1::HazardState::New as i32;
    assert_eq!(hazard.check(), out_of_range("position"));
    hazard.position = Some(v1::Position::default());
    assert_eq!(hazard.check(), out_of_range("cause"));
    hazard.cause = 97;
    assert_eq!(hazard.check(), Ok(()));
    hazard.state = 9;
    assert_eq!(hazard.check(), out_of_range("state"));
    hazard.id = None;
    assert_eq!(hazard.check(), out_of_range("id"));
}

fn out_of_range(field: &'static str) -> Result<(), PayloadError> {
    Err(PayloadError::OutOfRange { field })
}

#[test]
fn decoding_into_a_used_struct_keeps_its_memory() {
    let beacon = v1::Awareness {
        path_delta_latitude: vec![-131_071; 23],
        path_delta_longitude: vec![131_071; 23],
        path_delta_time: vec![65_535; 23],
        emergency: Some(v1::EmergencyInfo::default()),
        ..Default::default()
    };
    let payload = beacon.encode_to_vec();
    let mut used = v1::Awareness::default();
    let columns = |beacon: &v1::Awareness| {
        (
            beacon.path_delta_latitude.as_ptr(),
            beacon.path_delta_longitude.as_ptr(),
            beacon.path_delta_time.as_ptr(),
        )
    };
    decode_awareness_into(&mut used, &payload).unwrap();
    let before = columns(&used);
    decode_awareness_into(&mut used, &[]).unwrap();
    decode_awareness_into(&mut used, &payload).unwrap();
    assert_eq!(columns(&used), before);
    assert_eq!(used, beacon);
}
