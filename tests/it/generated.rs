//! The committed code is what the schema gives, and the schema needs no `protoc`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

#[test]
fn generated_code_is_current() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    is_current(&proto.join("src/gen/v2x.v1.rs"), &generate(&proto.join("schema")));
}

#[test]
fn the_table_of_payload_fields_is_current() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    is_current(&proto.join("src/payload/form/tables.rs"), &tables(&pool(&proto.join("schema"))));
}

fn is_current(committed: &Path, generated: &str) {
    if env::var_os("ROADCAST_BLESS").is_some() {
        fs::create_dir_all(committed.parent().unwrap()).unwrap();
        fs::write(committed, generated).unwrap();
        return;
    }
    let found = fs::read_to_string(committed).unwrap_or_default();
    let differs = found
        .lines()
        .zip(generated.lines())
        .position(|(found, generated)| found != generated)
        .unwrap_or(found.lines().count().min(generated.lines().count()));
    assert!(
        found == generated,
        "{}, line {}, is not what proto/schema gives: run `ROADCAST_BLESS=1 cargo test -p tests generated`",
        committed.display(),
        differs + 1,
    );
}

fn generate(schema: &Path) -> String {
    let descriptors = protox::compile(files(schema), [schema]).unwrap();
    // Cargo's own directory for what tests write; the name keeps parallel runs of other tests apart.
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    fs::create_dir_all(&out).unwrap();
    prost_build::Config::new().bytes(["."]).out_dir(&out).compile_fds(descriptors).unwrap();
    fs::read_to_string(out.join("v2x.v1.rs")).unwrap()
}

/// The schema at run time.
pub fn pool(schema: &Path) -> DescriptorPool {
    let descriptors = protox::compile(files(schema), [schema]).unwrap();
    DescriptorPool::from_file_descriptor_set(descriptors).unwrap()
}

/// The payload of each message type, in the order of the types.
pub fn payloads(pool: &DescriptorPool) -> Vec<(String, MessageDescriptor)> {
    let types = pool.get_enum_by_name("v2x.v1.MessageType").unwrap();
    let named = types.values().filter(|value| value.number() != 0).map(|value| {
        let words = value.name().strip_prefix("MESSAGE_TYPE_").unwrap().split('_');
        let name: String = words.map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect();
        let message = pool.get_message_by_name(&format!("v2x.v1.{name}")).unwrap();
        (name, message)
    });
    named.collect()
}

// What buf's linter asks for, and that nothing is left without its unit or meaning.
#[test]
fn the_schema_comments_all_it_declares_and_keeps_to_protobuf_s_style() {
    let mut declared = 0;
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/schema")) {
        let text = fs::read_to_string(&file).unwrap();
        let mut before = "";
        for (number, line) in text.lines().map(str::trim).enumerate() {
            let place = format!("{}, line {}", file.display(), number + 1);
            let is_reserved = line.starts_with("reserved");
            let is_declaration = line.ends_with('{') || line.contains(" = ") && !line.starts_with("//");
            if is_declaration && !line.starts_with("syntax") && !is_reserved {
                declared += 1;
                assert!(before.starts_with("//"), "{place}: no comment says what it is");
                assert!(before.ends_with(['.', ':']), "{place}: its comment does not end");
            }
            before = line;
        }
    }
    assert!(declared > 250, "only {declared} declarations found");
    let pool = pool(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/schema"));
    for one in pool.all_enums() {
        let zero = one.get_value(0).unwrap();
        assert!(zero.name().ends_with("_UNSPECIFIED"), "{}: {}", one.full_name(), zero.name());
        // The walk over payloads takes no negative number in an enum.
        assert!(one.values().all(|value| value.number() >= 0), "{}", one.full_name());
    }
}

/// What `proto/src/payload/form/tables.rs` has to be.
fn tables(pool: &DescriptorPool) -> String {
    let mut text = String::from(
        "// @generated from proto/schema by `ROADCAST_BLESS=1 cargo test -p tests generated`.\n\n\
         use super::{EnumForm, FieldForm, MessageForm, MessageType, ValueForm};\n\n\
         /// The payload of a message type.\n\
         pub(super) const fn of(message_type: MessageType) -> &'static MessageForm {\n    match message_type {\n        \
         MessageType::Unspecified => &NONE,\n",
    );
    let (mut messages, mut enums) = (BTreeSet::new(), BTreeSet::from(["v2x.v1.MessageType".to_owned()]));
    for (name, message) in payloads(pool) {
        writeln!(text, "        MessageType::{name} => &{},", constant(message.name())).unwrap();
        collect(&message, &mut messages, &mut enums);
    }
    text += "    }\n}\n\nstatic NONE: MessageForm = MessageForm { name: \"payload\", fields: &[] };\n";
    for name in messages {
        let message = pool.get_message_by_name(&name).unwrap();
        write!(
            text,
            "\nstatic {}: MessageForm = MessageForm {{ name: {:?}, fields: &[\n",
            constant(message.name()),
            message.name()
        )
        .unwrap();
        for field in message.fields() {
            let (number, name, repeated) = (field.number(), field.name(), field.is_list());
            let (value, optional) = (value(&field), field.supports_presence());
            writeln!(
                text,
                "    FieldForm {{ number: {number}, name: {name:?}, value: ValueForm::{value}, \
                 repeated: {repeated}, optional: {optional} }},"
            )
            .unwrap();
        }
        text += "] };\n";
    }
    for name in enums {
        let one = pool.get_enum_by_name(&name).unwrap();
        let constant = constant(one.name());
        writeln!(text, "\npub(in crate::payload) static {constant}: EnumForm = EnumForm(&[").unwrap();
        for value in one.values() {
            let name = value.name().strip_prefix(&format!("{constant}_")).unwrap().to_lowercase();
            writeln!(text, "    ({}, {name:?}),", value.number()).unwrap();
        }
        text += "]);\n";
    }
    text
}

/// The names of a message and all messages and enums in it.
fn collect(message: &MessageDescriptor, messages: &mut BTreeSet<String>, enums: &mut BTreeSet<String>) {
    messages.insert(message.full_name().to_owned());
    for field in message.fields() {
        match field.kind() {
            Kind::Message(inner) => collect(&inner, messages, enums),
            Kind::Enum(one) => drop(enums.insert(one.full_name().to_owned())),
            _ => (),
        }
    }
}

fn value(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Uint32 => "Uint32",
        Kind::Uint64 => "Uint64",
        Kind::Sint32 => "Sint32",
        Kind::Bool => "Bool",
        Kind::Enum(one) => return format!("Enum(&{})", constant(one.name())),
        Kind::Fixed32 => "Fixed32",
        Kind::Sfixed32 => "Sfixed32",
        Kind::Fixed64 => "Fixed64",
        Kind::Bytes => "Bytes",
        Kind::String => "Text",
        Kind::Message(message) => return format!("Message(&{})", constant(message.name())),
        other => panic!("{}: the walk over payloads does not know {other:?}", field.full_name()),
    }
    .to_owned()
}

/// `SignalState` as `SIGNAL_STATE`.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !constant.is_empty() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}

/// The schema's files, in the order of their names.
pub fn files(schema: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(schema.join("v2x/v1")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
