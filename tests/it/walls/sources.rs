//! The workspace's crates, as cargo names them, and their sources, as they stand in the repository.

use std::{fs, sync::OnceLock};

use cargo_metadata::{Package, Target, TargetKind};

use super::tree::Tree;
use crate::workspace::{metadata, root};

/// The library and the programs of every member, read once.
pub fn libraries_and_programs() -> &'static [Tree] {
    static TREES: OnceLock<Vec<Tree>> = OnceLock::new();
    TREES.get_or_init(|| {
        let metadata = metadata();
        metadata.workspace_packages().iter().flat_map(|package| trees(package, is_shipped)).collect()
    })
}

/// The targets of a member that `wanted` picks, a tree each.
pub fn trees(package: &Package, wanted: impl Fn(&Target) -> bool) -> Vec<Tree> {
    let root = root();
    package
        .targets
        .iter()
        .filter(|target| wanted(target))
        .map(|target| {
            let name = if target.is_bin() {
                format!("{} ({})", package.name, target.name)
            } else {
                package.name.to_string()
            };
            let file = target.src_path.strip_prefix(&root).expect("sources are in the repository");
            Tree::read(&name, file.as_std_path(), &|path| fs::read_to_string(root.join(path)).ok())
        })
        .collect()
}

/// Part of what is shipped, and not of a test or a bench.
pub fn is_shipped(target: &Target) -> bool {
    target.kind.iter().any(|kind| !OUTSIDE.contains(kind))
}

const OUTSIDE: [TargetKind; 4] =
    [TargetKind::Test, TargetKind::Bench, TargetKind::Example, TargetKind::CustomBuild];
