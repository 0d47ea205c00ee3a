//! `proto/nanopb/v2x.options` bounds every field that nanopb would otherwise make a callback of, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use protox::prost_reflect::{FieldDescriptor, Kind};

use crate::generated;

#[test]
fn every_list_text_and_bytes_field_has_its_size() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let text = fs::read_to_string(proto.join("nanopb/v2x.options")).unwrap();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut options: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap();
        assert!(options.insert(name, words.collect()).is_none(), "{name} occurs twice");
    }
    let pool = generated::pool(&proto.join("schema"));
    // Recordings and the control socket are never on the air.
    let on_air = pool.all_messages().filter(|message| {
        let file = message.parent_file();
        !["recording.proto", "control.proto"].iter().any(|other| file.name().ends_with(other))
    });
    let fields: Vec<FieldDescriptor> =
        on_air.flat_map(|message| message.fields().collect::<Vec<_>>()).collect();
    for field in &fields {
        let found = options.remove(field.full_name()).unwrap_or_default();
        let found: Vec<&str> = found.iter().map(|option| option.split(':').next().unwrap()).collect();
        assert_eq!(found, needed(field), "{}", field.full_name());
    }
    assert!(fields.len() > 150, "only {} fields", fields.len());
    assert!(options.is_empty(), "no such fields: {options:?}");
}

fn needed(field: &FieldDescriptor) -> Vec<&'static str> {
    let count = field.is_list().then_some("max_count");
    let size = match field.kind() {
        Kind::Bytes => Some("max_size"),
        Kind::String => Some("max_length"),
        _ => None,
    };
    count.into_iter().chain(size).collect()
}
