//! No cycle among the modules of a crate, at any level, and no module too long to be one thing.

use std::env;

use super::{graph, sources, tree::Tree};

/// Of one file, without its children's.
const MAX_LINES: usize = 4_000;

/// `ROADCAST_EDGES=1 cargo test -p tests no_module_cycles -- --nocapture` prints every edge of every level.
#[test]
fn no_module_cycles() {
    let trees = sources::libraries_and_programs();
    if env::var_os("ROADCAST_EDGES").is_some() {
        for tree in trees {
            print!("{}", graph::edges(tree));
        }
    }
    let cycles: Vec<String> = trees.iter().flat_map(graph::cycles).collect();
    assert!(cycles.is_empty(), "modules use each other in a cycle:\n{}", cycles.join("\n"));
}

#[test]
fn no_module_is_above_4000_lines() {
    let mut seen = 0;
    for tree in sources::libraries_and_programs() {
        for module in tree.modules.iter().filter(|module| !module.generated) {
            seen += 1;
            let (file, lines) = (module.file.display(), module.lines);
            assert!(lines <= MAX_LINES, "{file} has {lines} lines, and {MAX_LINES} are allowed");
        }
    }
    assert!(seen > 100, "only {seen} modules found: the scan looks in the wrong place");
}

#[test]
fn a_cycle_by_use_is_found() {
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;\npub struct A;"),
        ("b.rs", "use super::{c::{self, C}, c::D as E};\npub struct B;"),
        ("c.rs", "use crate::a::*;\npub struct C; pub struct D;"),
    ]);
    assert_eq!(
        found,
        ["k: 3 in a cycle: a, b, c\n    a -> b (1): src/a.rs:1 crate::b::B\n    b -> c (2): src/b.rs:1 \
          super::c::C\n    c -> a (1): src/c.rs:1 crate::a"]
    );
}

#[test]
fn a_cycle_by_paths_in_code_is_found() {
    for (in_a, in_b) in [
        ("pub fn a() { crate::b::b() }", "pub fn b() { super::a::a() }"),
        ("pub struct A(crate::b::B);", "pub struct B; impl From<crate::a::A> for B {}"),
        (
            "use crate::b; pub fn a(x: u8) { match x { b::B => {} _ => {} } }",
            "pub const B: u8 = crate::a::A;",
        ),
        ("pub struct A { b: Vec<crate::b::B> }", "#[derive(Clone, crate::a::A)] pub struct B;"),
        ("pub fn a() { use crate::b; b::b() }", "#[serde(with = \"crate::a\")] pub struct B(crate::a::A);"),
    ] {
        let found = cycles(&[("lib.rs", "mod a; mod b;"), ("a.rs", in_a), ("b.rs", in_b)]);
        assert_eq!(found.len(), 1, "{in_a} / {in_b}");
    }
}

#[test]
fn a_cycle_by_macros_is_found() {
    let body = "macro_rules! m { ($x:expr) => { $crate::b::f($x) } }";
    for in_a in
        [body, "pub fn a() { println!(\"{}\", crate::b::B) }", "thread_local! { static A: crate::b::B; }"]
    {
        let found = cycles(&[("lib.rs", "mod a; mod b;"), ("a.rs", in_a), ("b.rs", "use crate::a::A;")]);
        assert_eq!(found.len(), 1, "{in_a}");
    }
    // The macro itself, exported to the root or passed on from where it is.
    for (in_a, in_b) in [
        ("#[macro_export] macro_rules! m { () => { crate::b::B } }", "fn b() { crate::m!() }"),
        ("macro_rules! m { () => { crate::b::B } } pub(crate) use m;", "fn b() { crate::a::m!() }"),
    ] {
        let found = cycles(&[("lib.rs", "mod a; mod b;"), ("a.rs", in_a), ("b.rs", in_b)]);
        assert_eq!(found.len(), 1, "{in_b}");
    }
}

#[test]
fn a_name_passed_on_leads_to_where_it_is_defined() {
    // `c` names `a`, but needs `b`.
    for pass in
        ["pub use crate::b::B;", "pub use crate::b::*;", "pub use crate::b::B as X; pub use self::X as B;"]
    {
        let edges = edges(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", pass),
            ("b.rs", "pub struct B;"),
            ("c.rs", "use crate::a::B;"),
        ]);
        assert!(edges.contains("k: c -> b"), "{edges}");
        assert!(!edges.contains("k: c -> a"), "{edges}");
    }
    // And so a cycle is found that no import shows.
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::B; pub struct A;"),
        ("b.rs", "use crate::A; pub struct B;"),
    ]);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_module_s_own_file_is_a_node_among_its_children() {
    let lib = ("lib.rs", "mod a;");
    let mutual = [
        lib,
        ("a/mod.rs", "mod b; pub fn f() { b::g() } pub struct A;"),
        ("a/b.rs", "use super::A; pub fn g() {}"),
    ];
    let found = cycles(&mutual);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("k::a: 2 in a cycle: [mod.rs], b"), "{found:?}");
    // What it only passes on, it does not use.
    assert!(cycles(&[lib, ("a.rs", "mod b; pub use b::g; pub struct A;"), mutual[2]]).is_empty());
    // What it passes on and uses, it uses.
    let uses = "mod b; pub use b::g; pub struct A; fn f() { g() }";
    assert_eq!(cycles(&[lib, ("a.rs", uses), mutual[2]]).len(), 1);
    // The root is a module like others.
    assert_eq!(cycles(&[("lib.rs", "mod b; use b::g; pub struct A;"), ("b.rs", "use crate::A;")]).len(), 1);
}

#[test]
fn a_cycle_among_children_is_found_and_one_between_trees_too() {
    let found = cycles(&[
        ("lib.rs", "mod a; mod z;"),
        ("a.rs", "mod b; mod c { pub struct C(super::b::B); } mod d;"),
        ("a/b.rs", "pub struct B(super::c::C);"),
        ("a/d.rs", "use crate::z::Z; pub struct D;"),
        ("z.rs", "#[path = \"else.rs\"] mod y; pub struct Z;"),
        ("else.rs", "use crate::a::d::D;"),
    ]);
    let heads: Vec<&str> = found.iter().filter_map(|cycle| cycle.lines().next()).collect();
    assert_eq!(heads, ["k: 2 in a cycle: a, z", "k::a: 2 in a cycle: b, c"]);
}

#[test]
fn what_runs_down_only_has_no_cycle() {
    let found = cycles(&[
        ("lib.rs", "//! Root.\npub mod a; mod b; pub use b::B; pub use bytes::Bytes;"),
        ("a.rs", "use crate::{B, b, Bytes}; pub fn a(b: B) -> b::C { let b = b.a; b::c(b) }"),
        ("b.rs", "use bytes::a::A; pub struct B { a: A } pub struct C; pub fn c(_: A) -> C { C }"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn code_for_tests_makes_no_cycle() {
    for in_b in [
        "#[cfg(test)] mod tests { use crate::a::A; }",
        "#[cfg(test)] use crate::a::A;",
        "#[cfg(all(test, unix))] fn b() { crate::a::a() }",
        "#[cfg(test)] mod tests;",
        "struct S; impl S { #[cfg(test)] fn s(&self) -> crate::a::A { x() } }",
        "fn f() { #[cfg(test)] let a = crate::a::A; }",
    ] {
        let files =
            [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;"), ("b/tests.rs", "use crate::a::A;")];
        assert!(cycles(&[&files[..], &[("b.rs", in_b)]].concat()).is_empty(), "{in_b}");
        let without =
            in_b.replace("#[cfg(test)]", "").replace("#[cfg(all(test, unix))]", "#[cfg(any(test, unix))]");
        assert_eq!(cycles(&[&files[..], &[("b.rs", &without)]].concat()).len(), 1, "{without}");
    }
}

#[test]
fn generated_code_is_a_leaf() {
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; mod v1 { include!(\"gen/v1.rs\"); }"),
        ("a.rs", "use crate::v1::Message;"),
        ("gen/v1.rs", "// @generated\nuse super::a::A; pub struct Message;"),
        ("b.rs", "// @generated\nuse super::a::A; pub struct Message;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    graph::cycles(&Tree::of_strings(files))
}

fn edges(files: &[(&str, &str)]) -> String {
    graph::edges(&Tree::of_strings(files))
}
