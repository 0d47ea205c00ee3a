//! What a crate declares, its sources use: each dependency, for the kind of code it is declared for.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Package, TargetKind};

use super::{
    facts::Spelling,
    sources::{is_shipped, trees},
    tree::Tree,
};
use crate::workspace::metadata;

#[test]
fn every_declared_dependency_is_used() {
    let metadata = metadata();
    let mut unused = Vec::new();
    let mut seen = 0;
    for package in metadata.workspace_packages() {
        let used = Used::of(package);
        for dependency in &package.dependencies {
            seen += 1;
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
            let (place, found) = match dependency.kind {
                DependencyKind::Development => ("dev-dependencies", used.in_tests.contains(&name)),
                DependencyKind::Build => ("build-dependencies", used.in_build.contains(&name)),
                _ => ("dependencies", used.shipped.contains(&name)),
            };
            if !found {
                unused.push(format!("{}: {} in [{place}]", package.name, dependency.name));
            }
        }
    }
    assert!(seen > 50, "only {seen} dependencies found");
    assert!(unused.is_empty(), "declared, and named by no source of that kind:\n{}", unused.join("\n"));
}

#[test]
fn heads_of_paths_are_crates_unless_the_module_has_such_a_name() {
    let tree = Tree::of_strings(&[
        (
            "lib.rs",
            "mod tokio; use prost::bytes; use serde as s; use ::lru::{self as l};\n\
             fn f(csv: u8) -> bytes::Bytes { tokio::x(); s::y(); csv + 1; geo::area!(); nix }\n\
             fn g() { use clap::Parser; toml! { value: json::Value } }\n\
             #[cfg(test)] mod tests { use proptest::prelude::*; }",
        ),
        ("tokio.rs", "/// ```\n/// rand::random();\n/// ```\n#[derive(Clone, hex::Hex)] pub struct T;"),
    ]);
    let names = |test| heads(&tree, test).into_iter().collect::<Vec<_>>();
    assert_eq!(names(false), ["clap", "geo", "hex", "json", "lru", "prost", "serde"]);
    assert_eq!(names(true), ["proptest", "rand"]);
}

/// Names of crates by the kind of code that names them.
struct Used {
    shipped: BTreeSet<String>,
    /// Tests, benches, examples, and the examples in the documentation.
    in_tests: BTreeSet<String>,
    in_build: BTreeSet<String>,
}

impl Used {
    fn of(package: &Package) -> Self {
        let shipped = trees(package, is_shipped);
        let build = trees(package, |target| target.kind.contains(&TargetKind::CustomBuild));
        let rest =
            trees(package, |target| !is_shipped(target) && !target.kind.contains(&TargetKind::CustomBuild));
        let all =
            |trees: &[Tree], test| trees.iter().flat_map(|tree| heads(tree, test)).collect::<BTreeSet<_>>();
        let in_tests = [all(&shipped, true), all(&rest, false), all(&rest, true)].into_iter().flatten();
        Self { shipped: all(&shipped, false), in_tests: in_tests.collect(), in_build: all(&build, false) }
    }
}

/// The crates that the tree's code names: that for tests, or the other.
fn heads(tree: &Tree, test: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (id, module) in tree.modules.iter().enumerate() {
        for mention in module.facts.mentions.iter().filter(|mention| (module.test || mention.test) == test) {
            // A single word may be a variable.
            let names_one = mention.path.len() > 1 || matches!(mention.kind, Spelling::Use { .. });
            if names_one && tree.is_foreign(id, &mention.path) {
                names.extend(mention.path.iter().find(|name| !name.is_empty()).cloned());
            }
        }
        if test {
            let parts: Vec<&str> = module.facts.documentation.split("::").collect();
            let before = parts.split_last().map_or(&[][..], |(_, before)| before);
            let words = before.iter().filter_map(|text| {
                text.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
            });
            names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    names
}
