//! SECURITY.md names the tests that show its claims: each of them has to exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_test_named_in_the_threat_model_exists() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let tests = tests_of_the_workspace();
    let named = tests_named_in(&text);
    assert!(named.len() > 40, "only {} names found: the tables were not understood", named.len());
    let missing: Vec<_> = named.difference(&tests).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:#?}");
}

#[test]
fn only_the_last_column_names_tests() {
    let text = "| attempt | happens | tests |\n|---|---|---|\n| a `x` | b `y_z` | `one_test`, `another` |\nProse `is_not_one`.\n";
    let named = tests_named_in(text);
    assert_eq!(named, ["another", "one_test"].map(str::to_owned).into());
}

/// What stands in backquotes in the last column of tables whose last column is called `tests`.
fn tests_named_in(text: &str) -> BTreeSet<String> {
    let mut in_table = false;
    let mut named = BTreeSet::new();
    for line in text.lines() {
        let cells: Vec<_> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            in_table = false;
        } else if cells.last() == Some(&"tests") {
            in_table = true;
        } else if in_table {
            let last = cells.last().copied().unwrap_or_default();
            named.extend(last.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    named
}

/// Names of functions under `#[test]`, of those in `proptest!`, which are written the same way, and of the programs of `.ci` and the
/// scenes of `.ci/field`.
fn tests_of_the_workspace() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in [".ci", ".ci/field"] {
        for entry in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
            let is_file = entry.file_type().unwrap().is_file();
            names.extend(is_file.then(|| format!("{folder}/{}", entry.file_name().into_string().unwrap())));
        }
    }
    let mut open = vec![root()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                open.push(path);
            } else if name.ends_with(".rs") {
                collect_tests(&fs::read_to_string(&path).unwrap(), &mut names);
            }
        }
    }
    names
}

fn collect_tests(source: &str, names: &mut BTreeSet<String>) {
    let mut after_attribute = false;
    for line in source.lines().map(str::trim) {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            after_attribute = true;
        } else if let Some(rest) = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
            if after_attribute {
                names.extend(rest.split('(').next().map(str::to_owned));
            }
            after_attribute = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            after_attribute = false;
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
