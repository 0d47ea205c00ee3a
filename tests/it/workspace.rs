//! The workspace as cargo sees it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// What this build resolved to. Offline, and for this machine alone: crates of other platforms, or of features
/// not enabled, need not be there for the tests to run.
pub fn metadata() -> Metadata {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(&cargo).arg("-vV").output().expect("cargo runs the tests, so it can be run");
    let version = String::from_utf8(version.stdout).unwrap();
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo -vV names its host");
    MetadataCommand::new()
        .cargo_path(cargo)
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--offline", "--locked", "--filter-platform", host].map(String::from))
        .exec()
        .unwrap()
}

pub fn member<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    metadata.workspace_packages().into_iter().find(|package| package.name == name).unwrap()
}

/// The repository's folder. Cargo says at run time where that is; a program run by hand is where it was built.
pub fn root() -> PathBuf {
    let tests = env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = tests.parent().expect("`tests` is a folder of the repository");
    Path::new(root).canonicalize().expect("the repository is there")
}
