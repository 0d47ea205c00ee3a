//! The house's arrows run one way, and what each room must not know it does not reach.
//!
//! The arrows are those of ARCHITECTURE.md. What the sources may not *call* (clocks, threads, randomly seeded
//! maps) is each crate's `clippy.toml`; the tests here require that those files exist and contain that.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::workspace::{member, metadata, root};

#[test]
fn members_depend_on_each_other_along_the_arrows_only() {
    let metadata = metadata();
    let members: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(from, _)| *from).chain(OUTSIDE).collect();
    assert_eq!(members, known, "a new member needs its arrows here and in ARCHITECTURE.md");

    for (from, to) in ARROWS {
        let package = member(&metadata, from);
        let declared = |development| -> BTreeSet<&str> {
            package
                .dependencies
                .iter()
                .filter(|dependency| (dependency.kind == DependencyKind::Development) == development)
                .map(|dependency| dependency.name.as_str())
                .filter(|name| members.contains(name))
                .collect()
        };
        let allowed: BTreeSet<&str> = to.iter().copied().collect();
        let named = declared(false);
        assert!(named.is_subset(&allowed), "arrows out of {from}: {named:?}, and {allowed:?} are allowed");
        let mut in_tests = declared(true);
        if from != TESTKIT && allowed.contains("v2x-core") {
            in_tests.remove(TESTKIT);
        }
        assert!(in_tests.is_subset(&allowed), "tests of {from} reach {in_tests:?}: put them into `tests/`");
    }
}

#[test]
fn nothing_depends_on_tests_or_benches() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            assert!(!OUTSIDE.contains(&name), "{} depends on {name}", package.name);
        }
    }
}

#[test]
fn a_vehicle_build_can_leave_replay_out() {
    let metadata = metadata();
    let node = member(&metadata, "v2x-node");
    let replay = node.dependencies.iter().find(|dependency| dependency.name == "v2x-replay").unwrap();
    assert!(replay.optional, "v2x-replay must stay behind the feature `replay`");
    assert_eq!(node.features["replay"], ["dep:v2x-replay", "dep:console", "dep:indicatif", "clap/color"]);
    assert!(node.features["default"].iter().any(|feature| feature == "replay"));
}

#[test]
fn a_vehicle_build_has_few_crates_of_others() {
    let tree = |more: &[&str]| {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let tree = Command::new(cargo)
            .args(["tree", "--offline", "--locked", "-p", "v2x-node", "--no-default-features"])
            .args(["-e", "normal,no-proc-macro"])
            .args(more)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        String::from_utf8(tree.stdout).unwrap()
    };
    let list = tree(&["--prefix", "none", "--format", "{p}"]);
    // Ours have a path behind their version.
    let others: BTreeSet<&str> =
        list.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.contains(" (/")).collect();
    assert!(others.len() > 40, "the tree was not understood: {others:?}");
    assert!(
        others.len() <= MOST_CRATES_OF_A_VEHICLE,
        "{} crates besides ours, and at most {MOST_CRATES_OF_A_VEHICLE} are a vehicle's: put what is a desk's behind a feature \
         (docs/decisions/0068-what-a-vehicle-build-has.md)\n{}",
        others.len(),
        tree(&[])
    );
}

#[test]
fn no_crate_reaches_what_its_room_must_not_know() {
    let metadata = metadata();
    for (room, unknown) in UNKNOWN {
        let paths = reach(&metadata, room);
        for (name, path) in &paths {
            let bad = unknown.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            });
            assert!(!bad, "{room} must not reach {name}, but does: {}", path.join(" -> "));
        }
    }
}

#[test]
fn nothing_banned_is_in_the_tree() {
    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    let banned: BTreeSet<&str> = deny
        .lines()
        .filter(|line| line.contains("reason = "))
        .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next())
        .collect();
    assert!(banned.contains("openssl"), "deny.toml's list of bans was not understood");
    for package in metadata().packages {
        assert!(!banned.contains(package.name.as_str()), "{} is banned by deny.toml", package.name);
    }
}

#[test]
fn unsafe_code_lives_in_radio_adapters_alone() {
    let mut seen = 0;
    for member in MEMBER_DIRS {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member} does not inherit the lints");
        for file in rust_files(&root().join(member)) {
            seen += 1;
            let source = fs::read_to_string(&file).unwrap();
            let found = code_words(&source).contains("unsafe");
            assert!(!found || MAY_BE_UNSAFE.contains(&member), "{}: `unsafe`", file.display());
        }
    }
    assert!(seen > 50, "only {seen} source files found: the scan looks in the wrong place");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"deny\""), "the workspace lint is gone");
}

#[test]
fn deterministic_crates_ban_clocks_threads_and_random_maps_by_lint() {
    for (member, banned) in LINT_BANS {
        let path = root().join(member).join("clippy.toml");
        let clippy = fs::read_to_string(&path).unwrap_or_default();
        for entry in clippy.lines().filter(|line| line.contains("path = ")) {
            assert!(entry.contains("reason = \""), "{}: no reason given: {entry}", path.display());
        }
        for path in banned {
            assert!(clippy.contains(&format!("path = \"{path}\"")), "{member}/clippy.toml must ban {path}");
        }
    }
    for member in MEMBER_DIRS {
        assert!(root().join(member).join("clippy.toml").is_file(), "{member} has no clippy.toml");
    }
}

#[test]
fn the_scan_for_words_skips_comments_and_literals() {
    let source = r####"
        //! unsafe in a line comment
        /* unsafe /* nested unsafe */ still unsafe */
        const A: &str = "unsafe \" unsafe";
        const B: &str = r#"unsafe " unsafe"#;
        const C: (char, char, &[u8]) = ('"', '\'', b"unsafe");
        fn borrow<'a>(word: &'a str) -> &'a str { word } // 'a opens no literal
        #![allow(unsafe_code)]
    "####;
    assert!(!code_words(source).contains("unsafe"));
    assert!(code_words(source).contains("unsafe_code"));
    assert!(code_words("fn f<'a>(x: &'a u8) { unsafe { g(x) } }").contains("unsafe"));
    assert!(code_words("const Q: char = '\"'; unsafe fn f() {}").contains("unsafe"));
}

/// Every crate that `from` links or builds with, by name, and one way there. Development dependencies do not
/// count, nor does what is [`KNOWN`]. Features are those of the whole workspace together: never fewer than `from` alone would get.
fn reach(metadata: &Metadata, from: &str) -> BTreeMap<String, Vec<String>> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = member(metadata, from);
    let mut paths = BTreeMap::from([(&start.id, vec![start.name.to_string()])]);
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        for next in &nodes[id].deps {
            let linked = next.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            let known = KNOWN.contains(&(metadata[id].name.as_str(), metadata[&next.pkg].name.as_str()));
            if linked && !known && !paths.contains_key(&next.pkg) {
                let mut path = paths[id].clone();
                path.push(metadata[&next.pkg].name.to_string());
                paths.insert(&next.pkg, path);
                open.push(&next.pkg);
            }
        }
    }
    paths.into_values().map(|path| (path.last().unwrap().clone(), path)).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Identifiers and keywords of Rust source text, without those in comments, strings and characters.
fn code_words(source: &str) -> BTreeSet<&str> {
    let bytes = source.as_bytes();
    let mut words = BTreeSet::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        let word = rest.bytes().take_while(|byte| is_word(*byte)).count();
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if word > 0 {
            words.insert(&rest[..word]);
            word
        } else if rest.starts_with('"') {
            quoted(rest, b'"')
        } else if rest.starts_with('\'') && is_character(rest) {
            quoted(rest, b'\'')
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
    }
    words
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (1, 2);
    while at < bytes.len() && depth > 0 {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// The length of the raw string that starts here, if one does.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix))?.len();
    let hashes = rest[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let body = prefix + hashes + 1;
    if rest.as_bytes().get(body - 1) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[body..].find(&end).map_or(rest.len(), |found| body + found + end.len()))
}

/// The length of the literal that starts with `quote` here, escapes skipped.
fn quoted(rest: &str, quote: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    // An escape may stand before a longer character: end where one ends.
    (at + 1..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len())
}

/// A character literal, and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut following = rest.chars().skip(1);
    following.next() == Some('\\') || following.next() == Some('\'')
}

/// From, and everything it may name directly. What it declares it must also use: `walls/dependencies.rs`.
const ARROWS: [(&str, &[&str]); 13] = [
    ("v2x-proto", &[]),
    ("v2x-api", &["v2x-proto"]),
    ("v2x-core", &["v2x-proto"]),
    ("radio-adapters", &["v2x-proto"]),
    ("v2x-report", &["v2x-core", "v2x-proto"]),
    ("v2x-apps", &["v2x-core", "v2x-proto"]),
    ("v2x-recording", &["v2x-core", "v2x-proto"]),
    ("v2x-settings", &[]),
    ("v2x-tables", &[]),
    (
        "v2x-replay",
        &["v2x-apps", "v2x-core", "v2x-proto", "v2x-recording", "v2x-report", "v2x-settings", "v2x-tables"],
    ),
    (
        "v2x-node",
        &[
            "radio-adapters",
            "v2x-api",
            "v2x-apps",
            "v2x-core",
            "v2x-proto",
            "v2x-recording",
            "v2x-replay",
            "v2x-report",
            "v2x-settings",
        ],
    ),
    ("v2x-bridges", &["v2x-api", "v2x-core", "v2x-proto", "v2x-settings"]),
    (TESTKIT, &["v2x-core", "v2x-proto"]),
];

/// For tests and benches: no room depends on it, but the tests of those above `v2x-core` may. The core's own unit tests
/// would see two cores, the one under test and the one that the kit is built on.
const TESTKIT: &str = "testkit";

/// Members at the end of no arrow: they may name every room, and no room names them.
const OUTSIDE: [&str; 3] = ["benches", "fuzz", "tests"];

const MEMBER_DIRS: [&str; 16] = [
    "api",
    "apps",
    "benches",
    "bridges",
    "fuzz",
    "proto",
    "radio-adapters",
    "recording",
    "replay",
    "report",
    "settings",
    "tables",
    "testkit",
    "tests",
    "v2x-core",
    "v2x-node",
];

/// Crates that a vehicle build links besides ours, counted with their versions.
const MOST_CRATES_OF_A_VEHICLE: usize = 80;

const MAY_BE_UNSAFE: [&str; 1] = ["radio-adapters"];

/// What each room must not reach, over any number of arrows. `*` at the end stands for any ending.
const UNKNOWN: [(&str, &[&str]); 12] = [
    ("v2x-proto", PURE),
    ("v2x-core", PURE),
    ("v2x-apps", PURE),
    ("v2x-recording", PURE),
    ("v2x-report", PURE),
    ("v2x-settings", PURE),
    ("v2x-tables", PURE),
    // Nor is a table any business of what runs in a vehicle.
    ("v2x-api", &["v2x-tables", "parquet", "arrow*"]),
    // It may use threads (`std::thread`), but neither sockets nor runtimes.
    ("v2x-replay", &["tokio*", "mio", "socket2", "pnet*", "nix", "getrandom", "rand", "radio-adapters"]),
    // Links beside the radio are a program of their own: what is between this one and a carrier's network is a socket.
    ("v2x-node", &["v2x-bridges", "iroh*", "noq*", "quinn*", "rumqttc*", "mqtt*"]),
    ("radio-adapters", &["v2x-core", "v2x-replay", "v2x-node", "ed25519-dalek"]),
    // A program that talks to a station needs none of the station's own crates.
    (
        "v2x-api",
        &[
            "tokio*",
            "mio",
            "clap",
            "nix",
            "v2x-core",
            "v2x-replay",
            "v2x-node",
            "radio-adapters",
            "ed25519-dalek",
        ],
    ),
];

/// Dependencies of others that are no way into a room. `ahash` takes the seed of its tables from the system or the compiler; `parquet` looks texts up in
/// them and never lists one, and `equal_rows_give_equal_bytes` in v2x-tables holds that.
const KNOWN: [(&str, &str); 2] = [("ahash", "const-random"), ("ahash", "getrandom")];

/// No IO, no threads, no randomness but the seed.
const PURE: &[&str] = &[
    "tokio*",
    "mio",
    "socket2",
    "pnet*",
    "nix",
    "rayon*",
    "crossbeam*",
    "getrandom",
    "rand",
    "fastrand",
    "tracing-subscriber",
    "radio-adapters",
];

const LINT_BANS: [(&str, &[&str]); 7] = [
    ("proto", LINT_BANS_OF_THE_CORE),
    ("v2x-core", LINT_BANS_OF_THE_CORE),
    ("apps", LINT_BANS_OF_THE_CORE),
    ("recording", LINT_BANS_OF_THE_CORE),
    ("report", LINT_BANS_OF_THE_CORE),
    ("replay", LINT_BANS_EVERYWHERE),
    ("testkit", LINT_BANS_EVERYWHERE),
];

const LINT_BANS_EVERYWHERE: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
];

const LINT_BANS_OF_THE_CORE: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::thread::scope",
    "std::thread::Builder::spawn",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
];
