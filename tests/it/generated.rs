//! The committed protobuf code is what the schema gives, and the schema needs no `protoc`.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[test]
fn generated_code_is_current() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let committed = proto.join("src/gen/v2x.v1.rs");
    let generated = generate(&proto.join("schema"));
    if env::var_os("ROADCAST_BLESS").is_some() {
        fs::create_dir_all(committed.parent().unwrap()).unwrap();
        fs::write(&committed, generated).unwrap();
        return;
    }
    let found = fs::read_to_string(&committed).unwrap_or_default();
    let differs = found
        .lines()
        .zip(generated.lines())
        .position(|(found, generated)| found != generated)
        .unwrap_or(found.lines().count().min(generated.lines().count()));
    assert!(
        found == generated,
        "proto/src/gen/v2x.v1.rs, line {}, is not what proto/schema gives: run \
         `ROADCAST_BLESS=1 cargo test -p tests generated_code_is_current`",
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

/// The schema's files, in the order of their names.
pub fn files(schema: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(schema.join("v2x/v1")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
