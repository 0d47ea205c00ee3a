//! Golden vectors: the bytes of every kind of message, fixed, and read by a second implementation.
//!
//! `tests/golden/README.md` describes the files. `ROADCAST_BLESS=1` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use ed25519_dalek::{Signer, SigningKey};
use messages::{AREA, LATITUDE, LONGITUDE, NOT_BEFORE_S, NOW_US, Sample};
use protox::prost_reflect::{DescriptorPool, DynamicMessage, Value};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use v2x_core::{EncryptionKey, FrameRead, Open as _, WireTime};
use v2x_proto::credential::{CREDENTIAL_DOMAIN, CredentialFields, CredentialView, encode_credential};
use v2x_proto::envelope::{self, MESSAGE_DOMAIN, SignedView, SignerRef, TbsRepr, TbsView};
use v2x_proto::hop::{self, Flags, HopHeader, Kind};
use v2x_proto::payload;
use v2x_proto::{AreaView, Class, Digest, Shape, v1};

mod edge;
mod messages;
mod refused;
mod seal;

#[test]
fn vectors_are_what_the_code_writes() {
    let made = vectors();
    if blessing() {
        for entry in fs::read_dir(directory()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, vector) in &made {
            let text = serde_json::to_string_pretty(vector).unwrap() + "\n";
            fs::write(directory().join(format!("{name}.json")), text).unwrap();
        }
        return;
    }
    let committed: BTreeMap<String, Json> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert_eq!(committed.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
    for (name, vector) in &made {
        assert_eq!(&committed[name], vector, "{name}.json");
    }
}

#[test]
fn every_message_type_has_a_vector() {
    let mut samples = messages::samples();
    samples.push(seal::sample(&Keys::new(), 0));
    for number in 1..64 {
        let Ok(message_type) = v1::MessageType::try_from(number) else {
            continue;
        };
        assert!(
            samples.iter().any(|sample| sample.message.message_type() == message_type),
            "{message_type:?}"
        );
    }
    for sample in samples {
        assert_eq!(sample.message.check(), Ok(()), "{}", sample.name);
    }
}

#[test]
fn an_independent_reader_agrees_with_every_vector() {
    if blessing() {
        // The files are being written meanwhile; the next run reads them.
        return;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reader = Command::new("python3")
        .arg(tests.join("reader/read_vectors.py"))
        .args([&directory(), &schema()])
        .output();
    match reader {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("skipped: no python3 on this machine");
        }
        Err(error) => panic!("python3: {error}"),
        Ok(output) => assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

// RCV_CAM_10, RCV_CAM_11 (wrong signatures), where verifiers differ: no update of a library moves what is accepted.
#[test]
fn signatures_at_the_edges_of_the_rule_are_judged_as_written_down() {
    for edge in edge::signatures() {
        assert_eq!(edge.verdicts(), edge.expected, "{}: strict, verify, ZIP-215", edge.name);
    }
}

/// All vectors by file name.
fn vectors() -> BTreeMap<String, Json> {
    let schema = Schema::read();
    let keys = Keys::new();
    let mut vectors = BTreeMap::new();
    for (name, header) in hop_headers() {
        vectors.insert(name.to_owned(), hop_vector(&header));
    }
    for (name, credential, issuer, seed) in [
        ("credential_root", &keys.root, &[][..], ROOT_SEED),
        ("credential_issuer", &keys.issuer, &keys.root, ISSUER_SEED),
        ("credential_vehicle", &keys.vehicle, &keys.issuer, VEHICLE_SEED),
        ("credential_roadside", &keys.roadside, &keys.issuer, ROADSIDE_SEED),
        ("credential_encryption_key", &keys.confidant, &keys.issuer, CONFIDANT_SEED),
    ] {
        let view = CredentialView::parse(credential).unwrap();
        let vector = json!({
            "kind": "credential",
            "test_only_seed": hex(&seed),
            "hex": hex(credential),
            "issuer_credential": hex(issuer),
            "digest": digest_of(credential).to_string(),
            "credential": schema.json("Credential", credential),
            "credential_tbs": schema.json("CredentialTbs", view.tbs),
        });
        vectors.insert(name.to_owned(), vector);
    }
    for edge in edge::signatures() {
        let [strict, verify, zip215] = edge.verdicts();
        let vector = json!({
            "kind": "signature",
            "what": edge.what,
            "public_key": hex(&edge.key),
            "message": hex(&edge.message),
            "hex": hex(&edge.signature),
            "accepted": strict,
            "verify": verify,
            "zip215": zip215,
        });
        vectors.insert(format!("signature_{}", edge.name), vector);
    }
    for refused in refused::frames(&keys) {
        let vector = json!({
            "kind": "refused",
            "what": refused.what,
            "hex": hex(&refused.frame),
            "heard_us": NOW_US + refused::HEARD_AFTER_US,
            "heard_latitude": LATITUDE,
            "heard_longitude": LONGITUDE,
            "reason": refused.reason,
            "field": refused.field,
        });
        vectors.insert(format!("refused_{}", refused.name), vector);
    }
    let samples = messages::samples();
    let last = samples.len() as u32;
    for (sequence, sample) in (0..).zip(samples.into_iter().chain([seal::sample(&keys, last)])) {
        let name = format!("message_{}", sample.name);
        vectors.insert(name, message_vector(&schema, &keys, &sample, sequence));
    }
    vectors.insert("seal".to_owned(), seal::vector(&keys, last));
    vectors
}

fn hop_headers() -> [(&'static str, HopHeader); 2] {
    let short = HopHeader {
        kind: Kind::Data,
        flags: Flags::default(),
        remaining_hops: 1,
        class: Class::D2,
        forwarder: Digest([1, 2, 3, 4, 5, 6, 7, 8]),
        forwarder_position: None,
    };
    let long = HopHeader {
        kind: Kind::Management,
        flags: Flags { multi_hop: true, store_carry_forward: true, keep_alive: false, test: true },
        remaining_hops: 15,
        class: Class::D3,
        forwarder: Digest([0xff; 8]),
        forwarder_position: Some((LATITUDE, LONGITUDE)),
    };
    [("hop_12", short), ("hop_20", long)]
}

fn hop_vector(header: &HopHeader) -> Json {
    let mut bytes = vec![0; header.len()];
    header.emit(&mut bytes);
    assert_eq!(hop::parse(&bytes), Ok((*header, bytes.len())));
    json!({
        "kind": "hop",
        "hex": hex(&bytes),
        "hop": {
            "version": hop::VERSION,
            "kind": header.kind as u8,
            "multi_hop": header.flags.multi_hop,
            "store_carry_forward": header.flags.store_carry_forward,
            "keep_alive": header.flags.keep_alive,
            "test": header.flags.test,
            "remaining_hops": header.remaining_hops,
            "class": u8::from(header.class),
            "forwarder": header.forwarder.to_string(),
            "forwarder_position": header.forwarder_position.map(|(lat, lon)| [lat, lon]),
        },
    })
}

fn message_vector(schema: &Schema, keys: &Keys, sample: &Sample, sequence: u32) -> Json {
    let (credential, seed) =
        if sample.roadside { (&keys.roadside, ROADSIDE_SEED) } else { (&keys.vehicle, VEHICLE_SEED) };
    let mut payload = Vec::new();
    sample.message.encode(&mut payload);
    let repr = TbsRepr {
        message_type: sample.message.message_type() as u32,
        generation_time_us: NOW_US,
        sequence,
        latitude: LATITUDE,
        longitude: LONGITUDE,
        class: sample.class,
        lifetime_ms: sample.lifetime_ms,
        max_hops: sample.max_hops,
        area: sample.area,
        credential_requests: sample.credential_requests,
        payload: &payload,
    };
    let mut tbs = Vec::new();
    repr.encode(&mut tbs);
    let signature = sign(seed, MESSAGE_DOMAIN, &Sha256::digest(credential), &tbs);
    let signer = if sample.in_full {
        SignerRef::Credential(credential)
    } else {
        SignerRef::Digest(digest_of(credential))
    };
    let mut bytes = Vec::new();
    envelope::encode_signed(&mut bytes, &tbs, &signature, signer);

    let view = SignedView::parse(&bytes).unwrap();
    assert_eq!((view.tbs, view.signature, view.signer), (&tbs[..], &signature, signer));
    assert_eq!(TbsView::parse(view.tbs), Ok(repr));
    let header = HopHeader { class: repr.class, remaining_hops: repr.max_hops, ..hop_headers()[0].1 };
    let (message, arrived) = (Ok(&sample.message), Some(WireTime::from_micros(NOW_US)));
    let read = FrameRead { header: &header, fields: &repr, message, arrived, signer: None };
    assert_eq!(v2x_core::judge(&read), Ok(()), "{}", sample.name);
    let message = payload::decode(repr.message_type, payload.clone().into());
    assert_eq!(message.as_ref(), Ok(&sample.message));

    let message = sample.message.name();
    json!({
        "kind": "message",
        "message": message,
        "hex": hex(&bytes),
        "signer_credential": hex(credential),
        "signed_message": schema.json("SignedMessage", &bytes),
        "to_be_signed": schema.json("ToBeSigned", &tbs),
        "payload": schema.json(message, &payload),
    })
}

/// The credentials the vectors are signed with.
struct Keys {
    root: Vec<u8>,
    issuer: Vec<u8>,
    vehicle: Vec<u8>,
    roadside: Vec<u8>,
    /// A roadside unit with an encryption key.
    confidant: Vec<u8>,
}

impl Keys {
    fn new() -> Self {
        let year = 365 * 24 * 60;
        let fields = |seed: [u8; 32], station_class: v1::StationClass, permissions| CredentialFields {
            encryption_key: None,
            issuer: None,
            not_before_s: NOT_BEFORE_S,
            duration_min: year,
            permissions,
            station_class: station_class as u8,
            region: None,
            public_key: SigningKey::from_bytes(&seed).verifying_key().to_bytes(),
            revocation_series: 0,
        };
        let root = fields(ROOT_SEED, v1::StationClass::Authority, 1 << 31 | 0x7_ffff);
        let root = credential(&root, ROOT_SEED, &[]);
        let issuer = CredentialFields {
            issuer: Some(digest_of(&root)),
            region: Some(AreaView {
                shape: Shape::Circle,
                distance_a_m: 50_000,
                distance_b_m: 0,
                azimuth_deg: 0,
                ..AREA
            }),
            revocation_series: 1,
            ..fields(ISSUER_SEED, v1::StationClass::Authority, 1 << 31 | 0x3_ffff)
        };
        let issuer = credential(&issuer, ROOT_SEED, &root);
        let vehicle = CredentialFields {
            issuer: Some(digest_of(&issuer)),
            duration_min: 7 * 24 * 60,
            revocation_series: 2,
            ..fields(VEHICLE_SEED, v1::StationClass::Vehicle, 0x3_068b)
        };
        let roadside = CredentialFields {
            issuer: Some(digest_of(&issuer)),
            region: Some(AREA),
            revocation_series: 300,
            ..fields(ROADSIDE_SEED, v1::StationClass::Roadside, 0x3_f864)
        };
        let confidant = CredentialFields {
            public_key: SigningKey::from_bytes(&CONFIDANT_SEED).verifying_key().to_bytes(),
            encryption_key: Some(EncryptionKey::from_secret(&seal::SECRET).public_key()),
            ..roadside
        };
        Self {
            confidant: credential(&confidant, ISSUER_SEED, &issuer),
            vehicle: credential(&vehicle, ISSUER_SEED, &issuer),
            roadside: credential(&roadside, ISSUER_SEED, &issuer),
            root,
            issuer,
        }
    }
}

/// Signs a credential with the issuer's key; `issuer` is empty for a root.
fn credential(fields: &CredentialFields, issuer_seed: [u8; 32], issuer: &[u8]) -> Vec<u8> {
    let hash = if issuer.is_empty() { [0; 32] } else { Sha256::digest(issuer).into() };
    let (mut tbs, mut bytes) = (Vec::new(), Vec::new());
    fields.encode(&mut tbs);
    encode_credential(&mut bytes, &tbs, &sign(issuer_seed, CREDENTIAL_DOMAIN, &hash, &tbs));
    bytes
}

fn sign(seed: [u8; 32], domain: &[u8], hash: &[u8], tbs: &[u8]) -> [u8; 64] {
    SigningKey::from_bytes(&seed).sign(&[domain, hash, tbs].concat()).to_bytes()
}

fn digest_of(credential: &[u8]) -> Digest {
    Digest::of_hash(&Sha256::digest(credential).into())
}

/// The schema at run time: what of a message is in its bytes, as JSON.
struct Schema(DescriptorPool);

impl Schema {
    fn read() -> Self {
        Self(crate::generated::pool(&schema()))
    }

    fn json(&self, message: &str, bytes: &[u8]) -> Json {
        let descriptor = self.0.get_message_by_name(&format!("v2x.v1.{message}")).unwrap();
        message_json(&DynamicMessage::decode(descriptor, bytes).unwrap())
    }
}

/// Fields that are on the wire: enums by name, bytes in hex.
fn message_json(message: &DynamicMessage) -> Json {
    let fields: Map<String, Json> = message
        .fields()
        .map(|(field, value)| (field.name().to_owned(), value_json(&field.kind(), value)))
        .collect();
    fields.into()
}

fn value_json(kind: &protox::prost_reflect::Kind, value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Bytes(value) => json!(hex(value)),
        Value::EnumNumber(number) => {
            let values = kind.as_enum().unwrap();
            json!(values.get_value(*number).unwrap().name())
        }
        Value::Message(message) => message_json(message),
        Value::List(list) => list.iter().map(|value| value_json(kind, value)).collect(),
        Value::F32(_) | Value::F64(_) | Value::Map(_) => unreachable!("the schema has none"),
    }
}

fn blessing() -> bool {
    env::var_os("ROADCAST_BLESS").is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/vectors")
}

fn schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/schema")
}

// Published keys: for tests only.
const ROOT_SEED: [u8; 32] = [1; 32];
const ISSUER_SEED: [u8; 32] = [2; 32];
const VEHICLE_SEED: [u8; 32] = [3; 32];
const ROADSIDE_SEED: [u8; 32] = [4; 32];
const CONFIDANT_SEED: [u8; 32] = [5; 32];
