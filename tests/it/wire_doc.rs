//! The tables of `docs/wire.md` are what the code does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use testkit::{Authority, START};
use v2x_core::{DropReason, FrameRead, Instant, Permissions, WireTime, freshness, judge, limits};
use v2x_proto::credential::CREDENTIAL_DOMAIN;
use v2x_proto::envelope::{self, MESSAGE_DOMAIN, TbsView};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::payload::{self, PayloadError};
use v2x_proto::{AreaView, Class, Digest, Shape, v1};

#[test]
fn the_bounds_are_the_code_s() {
    let bounds = rows("bound | bytes");
    let found: Vec<(&str, usize)> =
        bounds.iter().map(|row| (row[0].as_str(), row[1].parse().unwrap())).collect();
    let requests = envelope::MAX_CREDENTIAL_REQUESTS * envelope::CREDENTIAL_REQUEST_LEN;
    let expected = [
        ("frame", envelope::MAX_FRAME),
        ("credential", envelope::MAX_CREDENTIAL),
        ("signature", envelope::SIGNATURE_LEN),
        ("digest", Digest::LEN),
        ("public key, encryption key", 32),
        ("payload that is sealed", payload::MAX_SEALED_PAYLOAD),
        ("one credential request", envelope::CREDENTIAL_REQUEST_LEN),
        ("all credential requests", requests),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_classes_have_these_deadlines_lifetimes_and_hops() {
    let classes = rows("class | deadline, ms | longest lifetime, ms | max_hops | max_hops without area");
    assert_eq!(classes.len(), Class::ALL.len());
    for (class, row) in Class::ALL.into_iter().zip(&classes) {
        assert_eq!(row[0], class.name());
        let deadline = class.deadline().map_or("none".to_owned(), |it| it.as_millis().to_string());
        assert_eq!(row[1], deadline, "{class}");
        assert_eq!(row[2], freshness::max_lifetime_ms(class).to_string(), "{class}");
        for (text, area) in [(&row[3], Some(CIRCLE)), (&row[4], None)] {
            let allowed: BTreeSet<u8> = (0..=u8::MAX).filter(|hops| scope(class, *hops, area)).collect();
            assert_eq!(&range(&allowed), text, "{class}, area {}", area.is_some());
        }
    }
}

#[test]
fn the_permissions_have_these_bits() {
    let mut bits = 0;
    for row in rows("bit | permission") {
        let bit: u32 = row[0].parse().unwrap();
        assert_eq!(row[1].parse(), Ok(Permissions(1 << bit)), "{}", row[1]);
        bits |= 1 << bit;
    }
    assert!(Permissions::named().all(|(named, ..)| Permissions(bits).contains(named)), "one is missing");
}

#[test]
fn the_types_travel_in_these_classes_and_need_these_permissions() {
    let types = rows("type | message | classes | permission");
    let mut seen = BTreeSet::new();
    for row in &types {
        let number: u32 = row[0].parse().unwrap();
        let name = v1::MessageType::try_from(number as i32).unwrap();
        assert_eq!(row[1], format!("{name:?}"));
        let permission: Permissions = row[3].parse().unwrap();
        for class in Class::ALL.into_iter().filter(|class| row[2].split(' ').any(|it| it == class.name())) {
            assert!(seen.insert((number, class)), "{name:?} in {class} twice");
            assert_ne!(refusal(number, class, permission), Some(DropReason::PermissionDenied), "{name:?}");
            if permission != Permissions::NONE {
                let others = Permissions(u64::MAX).without(permission);
                let denied = refusal(number, class, others);
                assert_eq!(denied, Some(DropReason::PermissionDenied), "{name:?} in {class}");
            }
        }
    }
    for number in (1..64).filter(|number| v1::MessageType::try_from(*number as i32).is_ok()) {
        for class in Class::ALL {
            let travels = refusal(number, class, Permissions(u64::MAX)) != Some(DropReason::BadScope);
            assert_eq!(travels, seen.contains(&(number, class)), "type {number} in {class}");
        }
    }
}

#[test]
fn every_reason_is_listed_with_its_field() {
    let listed = rows("reason | field | when");
    let names: BTreeSet<&str> =
        listed.iter().flat_map(|row| row[0].split(' ')).map(|name| name.trim_matches('`')).collect();
    let all: BTreeSet<&str> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(names, all);
}

#[test]
fn signers_have_these_rates_and_domains_are_these() {
    let rates = rows("class | messages of one signer a second | at once");
    for (class, row) in Class::ALL.into_iter().zip(&rates) {
        let (rate, mut spent) = (limits::signer_rate(class), Instant::ZERO);
        let mut taken = |ms| (0..100).filter(|_| rate.take(&mut spent, Instant::from_millis(ms))).count();
        let at_once = taken(10_000);
        let in_ten_seconds: usize = (10_001..=20_000).map(taken).sum();
        let found = [class.name().to_owned(), (in_ten_seconds / 10).to_string(), at_once.to_string()];
        assert_eq!(row[..3], found);
    }
    let domains = rows("what | domain | then | then");
    let domain = |place: usize| domains[place][1].trim_matches('`').to_owned() + "\0";
    assert_eq!((domain(0).as_bytes(), domain(1).as_bytes()), (&MESSAGE_DOMAIN[..], &CREDENTIAL_DOMAIN[..]));
}

#[test]
fn the_example_of_a_time_is_right() {
    let text = text();
    let example = text.lines().find(|line| line.starts_with("2026-01-01T00:00:00Z")).unwrap();
    let numbers: Vec<i64> = example.split([' ', '=']).filter_map(|word| word.parse().ok()).collect();
    let wire = WireTime::from_unix_micros(numbers[0] * 1_000_000).unwrap();
    assert_eq!(wire.as_micros() as i64, numbers[1]);
}

/// Whether a message of the class may have these hops.
fn scope(class: Class, max_hops: u8, area: Option<AreaView>) -> bool {
    let message_type = if class == Class::D3 { 2 } else { 37 };
    let fields = TbsView { max_hops, area, ..fields(message_type, class) };
    judged(&fields, Permissions(u64::MAX)) != Some(DropReason::BadScope)
}

fn refusal(message_type: u32, class: Class, permissions: Permissions) -> Option<DropReason> {
    let area = (class == Class::D3).then_some(CIRCLE);
    judged(&TbsView { area, ..fields(message_type, class) }, permissions)
}

fn judged(fields: &TbsView<'_>, permissions: Permissions) -> Option<DropReason> {
    let authority = Authority::new();
    let trusted = authority.trust.check_station(&authority.credential(1), START).unwrap();
    let mut signer = trusted;
    signer.permissions = permissions;
    let header = HopHeader {
        kind: Kind::Data,
        flags: Flags::default(),
        remaining_hops: fields.max_hops,
        class: fields.class,
        forwarder: signer.digest(),
        forwarder_position: None,
    };
    let message = Err(PayloadError::UnknownType(0));
    let read = FrameRead { header: &header, fields, message, arrived: None, signer: Some(&signer) };
    judge(&read).err().map(|refusal| refusal.reason)
}

const fn fields(message_type: u32, class: Class) -> TbsView<'static> {
    TbsView {
        message_type,
        generation_time_us: START.as_micros(),
        sequence: 1,
        latitude: 0,
        longitude: 0,
        class,
        lifetime_ms: 1,
        max_hops: 1,
        area: None,
        credential_requests: &[],
        payload: &[0],
    }
}

/// `1 to 2`, `1`, or `-` for none.
fn range(numbers: &BTreeSet<u8>) -> String {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return "-".to_owned() };
    assert_eq!(numbers.len(), usize::from(last - first) + 1, "no gaps");
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

/// A type that it does not name is shown as bytes.
#[test]
fn the_dissector_for_wireshark_names_every_type_of_message() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wireshark/roadcast.lua");
    let text = fs::read_to_string(path).unwrap();
    let types = (1..64).filter_map(|number| v1::MessageType::try_from(number).ok());
    for message_type in types {
        let words = message_type.as_str_name().trim_start_matches("MESSAGE_TYPE_").split('_');
        let name: String = words.map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect();
        let entry = format!("[{}] = \"{name}\"", message_type as i32);
        assert!(text.contains(&entry), "{entry}");
    }
}

/// The rows of the table with this head, without its rule.
fn rows(head: &str) -> Vec<Vec<String>> {
    let text = text();
    let mut lines = text.lines().skip_while(|line| line.trim_matches(['|', ' ']) != head);
    assert!(lines.next().is_some(), "no table | {head} |");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<String>> = rows
        .map(|row| row.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .collect();
    assert!(!rows.is_empty());
    rows
}

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wire.md")).unwrap()
}

const CIRCLE: AreaView = AreaView {
    latitude: 0,
    longitude: 0,
    shape: Shape::Circle,
    distance_a_m: 1_000,
    distance_b_m: 0,
    azimuth_deg: 0,
};
