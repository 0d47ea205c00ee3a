//! One name for one type: a public type's name is defined once per crate, whatever the privacy of its module.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    facts::{Kind, Reach},
    sources,
    tree::Tree,
};

#[test]
fn public_type_names_are_defined_once_per_crate() {
    let mut seen = 0;
    let mut twice = Vec::new();
    for tree in sources::libraries_and_programs() {
        let names = public_types(tree);
        seen += names.len();
        let many = names.into_iter().filter(|(_, places)| places.len() > 1);
        twice.extend(many.map(|(name, places)| format!("{}: {name}: {}", tree.name, places.join(", "))));
    }
    assert!(seen > 300, "only {seen} public types found: the scan looks in the wrong place");
    assert!(twice.is_empty(), "one name for several public types of a crate:\n{}", twice.join("\n"));
}

#[test]
fn a_name_used_twice_is_found() {
    let files = [
        ("lib.rs", "mod a; pub mod b; pub use a::A; pub struct Unix; mod v1 { include!(\"gen.rs\"); }"),
        ("a.rs", "pub struct A; pub enum B {} #[cfg(unix)] pub struct C; #[cfg(not(unix))] pub struct C;"),
        ("b.rs", "mod c { pub trait A {} struct B; } types! { pub enum D { E } } #[cfg(test)] pub struct B;"),
        ("gen.rs", "pub struct A; pub struct D;"),
    ];
    let tree = Tree::of_strings(&files);
    let twice: BTreeMap<String, Vec<String>> =
        public_types(&tree).into_iter().filter(|(_, places)| places.len() > 1).collect();
    assert_eq!(twice, BTreeMap::from([("A".into(), vec!["src/a.rs:1".into(), "src/b.rs:1".into()])]));
    assert!(public_types(&tree).contains_key("D"), "a type written out in a macro's call");
}

/// Names, and one place for each module that defines it: what differs by `cfg` in one module is one thing.
fn public_types(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for module in tree.modules.iter().filter(|module| !module.test && !module.generated) {
        let mut here = BTreeSet::new();
        for item in &module.facts.items {
            let counts = item.kind == Kind::Type && item.visibility == Reach::Public && !item.test;
            if counts && here.insert(&item.name) {
                let place = format!("{}:{}", module.file.display(), item.line);
                names.entry(item.name.clone()).or_default().push(place);
            }
        }
    }
    names
}
