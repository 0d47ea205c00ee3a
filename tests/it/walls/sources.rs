//! The workspace's crates, as cargo names them, and their sources, as they stand in the repository.

use std::{fs, path::Path};

use cargo_metadata::{Package, Target, TargetKind};

use super::tree::Tree;
use crate::workspace::{metadata, root};

/// The library and the programs of every member.
pub fn libraries_and_programs() -> Vec<Tree> {
    let metadata = metadata();
    let members = metadata.workspace_packages();
    let trees: Vec<Tree> = members.iter().flat_map(|package| trees(package, is_shipped)).collect();
    assert!(trees.len() >= members.len() - 1, "crates without sources");
    trees
}

/// The targets of a member that `wanted` picks, a tree each.
pub fn trees(package: &Package, wanted: impl Fn(&Target) -> bool) -> Vec<Tree> {
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
            let file = target.src_path.strip_prefix(root()).expect("sources are in the repository");
            Tree::read(&name, file.as_std_path(), &|path| {
                fs::read_to_string(Path::new(&root()).join(path)).ok()
            })
        })
        .collect()
}

/// Part of what is shipped, and not of a test or a bench.
pub fn is_shipped(target: &Target) -> bool {
    target.kind.iter().any(|kind| !OUTSIDE.contains(kind))
}

const OUTSIDE: [TargetKind; 4] =
    [TargetKind::Test, TargetKind::Bench, TargetKind::Example, TargetKind::CustomBuild];
