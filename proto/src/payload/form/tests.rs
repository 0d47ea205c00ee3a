use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::v1;

const AWARENESS: MessageType = MessageType::Awareness;

fn fault(message_type: MessageType, payload: &[u8]) -> Option<(&'static str, FormFault)> {
    check(message_type, payload).err().map(|error| (error.field, error.fault))
}

#[test]
fn what_two_readers_may_read_differently_is_refused_with_its_field() {
    let twice = [bytes_tag(3) as u8, 0, bytes_tag(3) as u8, 0];
    for (payload, field, expected) in [
        // Speed 2^32 + 1000: 1000 to a reader that keeps the low 32 bits.
        (&[0x20, 0xe8, 0x87, 0x80, 0x80, 0x10][..], "speed", FormFault::TooLarge),
        (&[0x20, 0xe8, 0x07, 0x20, 0xe9, 0x07], "speed", FormFault::Twice),
        (&twice, "position_confidence", FormFault::Twice),
        (&[0x20, 0xe8, 0x87, 0x00], "speed", FormFault::Varint),
        (&[0xa0, 0x00, 0x01], "Awareness", FormFault::Varint),
        (&[0x25, 0, 0, 0, 0], "speed", FormFault::WireType),
        (&[0x23, 0x24], "speed", FormFault::WireType),
        (&[0xc3, 0x02, 0xc4, 0x02], "Awareness", FormFault::WireType),
        (&[0x20], "speed", FormFault::Truncated),
        (&[0x1a, 0x05, 0x08], "position_confidence", FormFault::Truncated),
        (&[0x00, 0x01], "Awareness", FormFault::FieldNumber),
        // A negative number in ten bytes, where zigzag has one or two.
        (
            &[0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            "acceleration",
            FormFault::TooLarge,
        ),
        (&[0x08, 0x80, 0x80, 0x80, 0x80, 0x08], "station_type", FormFault::TooLarge),
        (&[0x1a, 0x06, 0x08, 0x80, 0x80, 0x80, 0x80, 0x10], "semi_major_cm", FormFault::TooLarge),
        (&[0xb2, 0x01, 0x02, 0x10, 0x02], "siren", FormFault::NotBool),
        // A path in two pieces, a path that is not packed, floods that end within one.
        (&[0x9a, 0x01, 0x01, 0x02, 0x9a, 0x01, 0x01, 0x02], "path_delta_latitude", FormFault::Twice),
        (&[0x98, 0x01, 0x02], "path_delta_latitude", FormFault::WireType),
        (&[0xba, 0x01, 0x05, 0, 0, 0, 0, 0], "floods_held", FormFault::PartOfNumber),
        (&[0xa8, 0x01, 0x02], "path_delta_time", FormFault::WireType),
        (&[0xaa, 0x01, 0x02, 0x80, 0x00], "path_delta_time", FormFault::Varint),
    ] {
        assert_eq!(fault(AWARENESS, payload), Some((field, expected)), "{payload:02x?}");
    }
    for text in [&[0x12, 0x02, 0xc3, 0x28][..], &[0x12, 0x03, b'a', 0, b'b']] {
        assert_eq!(fault(MessageType::RsuAdvert, text), Some(("name", FormFault::Text)), "{text:02x?}");
    }
}

#[test]
fn what_can_be_read_in_one_way_only_is_allowed() {
    for (what, payload) in [
        ("nothing", &[][..]),
        ("another order", &[0x28, 0x01, 0x20, 0x01]),
        ("a zero that is written", &[0x08, 0x00]),
        ("an unknown value of an enum", &[0x08, 0x7f]),
        ("an unknown field, twice", &[0x68, 0x01, 0x68, 0x01, 0x20, 0x01]),
        ("an unknown field of each wire type", &[0xc5, 0x02, 0, 0, 0, 0, 0xc2, 0x02, 1, 0]),
        ("an empty list", &[0x9a, 0x01, 0x00]),
        ("the largest number", &[0x20, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ] {
        assert_eq!(fault(AWARENESS, payload), None, "{what}");
    }
    let twice = v1::SignalState { groups: vec![v1::SignalGroup::default(); 2], ..Default::default() };
    assert_eq!(fault(MessageType::SignalState, &twice.encode_to_vec()), None, "entries of a list recur");
}

#[test]
fn fields_are_found_from_anywhere() {
    let form = tables::of(AWARENESS);
    for start in 0..=form.fields.len() {
        for number in 0..40 {
            let expected = form.fields.iter().position(|field| field.number == number);
            assert_eq!(
                form.find(number, start),
                expected.unwrap_or(form.fields.len()),
                "{number} from {start}"
            );
        }
    }
}

/// A field's bytes, good or bad.
fn any_field() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        proptest::collection::vec(0x80..=0xffu8, 0..10)
            .prop_flat_map(|head| (0..0x80u8).prop_map(move |last| [&head[..], &[last]].concat())),
        proptest::collection::vec(any::<u8>(), 0..12)
            .prop_map(|bytes| [&[bytes.len() as u8], &bytes[..]].concat()),
        proptest::collection::vec(any::<u8>(), 4..=8),
    ];
    (1..26u8, 0..6u8, value).prop_map(|(number, wire_type, value)| {
        let tag = u32::from(number) << 3 | u32::from(wire_type);
        let mut bytes = Vec::new();
        crate::wire::put_varint(&mut bytes, u64::from(tag));
        bytes.extend(value);
        bytes
    })
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any_field(), 0..6).prop_map(|fields| fields.concat()),
        proptest::collection::vec(any::<u8>(), 0..60),
    ]
}

fn known_types() -> impl Strategy<Value = MessageType> {
    (1..64i32).prop_filter_map("a message type", |number| MessageType::try_from(number).ok())
}

proptest! {
    #[test]
    fn what_is_in_its_form_decodes_and_is_written_again_in_its_form(message_type in known_types(), payload in any_payload()) {
        if check(message_type, &payload).is_ok() {
            let message = super::super::decode_library(message_type, payload.into()).expect("the library decodes it");
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(fault(message_type, &again), None);
            prop_assert_eq!(super::super::decode_library(message_type, again.into()).ok(), Some(message));
        }
    }

    #[test]
    fn the_order_of_fields_changes_nothing(message_type in known_types(), fields in proptest::collection::vec(any_field(), 0..9)) {
        // One of each number, because entries of a list keep their order.
        let good = fields.into_iter().filter(|field| check(message_type, field).is_ok());
        let fields: std::collections::BTreeMap<u32, Vec<u8>> =
            good.filter_map(|field| Some((number_of(&field)?, field))).collect();
        let there: Vec<u8> = fields.values().flatten().copied().collect();
        let back: Vec<u8> = fields.values().rev().flatten().copied().collect();
        prop_assert_eq!(fault(message_type, &there), None);
        prop_assert_eq!(fault(message_type, &back), None);
        let read = |payload: Vec<u8>| super::super::decode_library(message_type, payload.into()).ok();
        prop_assert_eq!(read(there), read(back));
    }
}

/// The number of the one field that the bytes are.
fn number_of(bytes: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(bytes, "field");
    let tag = reader.tag().ok()??;
    reader.skip(tag, &[]).ok()?;
    reader.is_empty().then_some(tag >> 3)
}
