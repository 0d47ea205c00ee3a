use std::path::Path;

use proptest::prelude::*;

use crate::{Document, Section, SettingsError};

const KEYS: &[&str] = &[
    "text", "number", "share", "whole", "flag", "name", "names", "pair", "pairs", "place", "wholes", "any",
    "table", "item",
];
const TEXT: &str = "a text";

/// Reads one key by every method.
fn read(text: &str) -> Result<(), SettingsError> {
    let document = Document::parse(Path::new("s.toml"), text)?;
    let top = document.top(KEYS)?;
    values(&top)?;
    if let Some(table) = top.table("table", KEYS)? {
        values(&table)?;
    }
    top.tables("item", &["whole"], 2)?.iter().try_for_each(|item| {
        let whole = item.integer("whole", 1..=9)?;
        item.need("whole", whole, "1 to 9").map(drop)
    })
}

fn values(section: &Section<'_>) -> Result<(), SettingsError> {
    let names = [("one", 1), ("two", 2)];
    section.string("text", TEXT)?;
    section.number("number", -1.5..=2.5, " m")?;
    section.number_that("share", |share| share > 0.0 && share <= 1.0, "above 0 to 1")?;
    section.integer("whole", -3..=200_i64)?;
    section.flag("flag")?;
    section.choice("name", &names)?;
    section.choices("names", &names)?;
    section.pair("pair", 0.0..=1.0)?;
    section.degrees("place")?;
    section.pairs("pairs", 0.0..=1.0, "pairs")?;
    section.integers("wholes", 3)?;
    section.alternatives("any", 3)?;
    Ok(())
}

#[test]
fn keys_of_another_s_table_have_one_value_or_several() {
    let text = "[any]\nb = [1, 2.5, \"x\", true, false, [\"y\", 3]]\na = 7\n";
    let document = Document::parse(Path::new("s.toml"), text).unwrap();
    let found = document.top(KEYS).unwrap().alternatives("any", 6).unwrap();
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    assert_eq!(found[0].values[..4], [words(&["1"]), words(&["2.5"]), words(&["x"]), words(&[])]);
    assert_eq!(found[0].values[4..], [None, words(&["y", "3"])]);
    assert_eq!((found[1].key.as_str(), found[1].place.line), ("a", 3), "in the order of the file");
}

#[test]
fn complaints_are_one_line_with_file_line_key_and_what_would_be_right() {
    for (text, wanted) in [
        ("\ntext = 3", "s.toml:2: text: found 3, expected a text"),
        ("any = 3", "s.toml:1: any: found 3, expected a table: [any]"),
        (
            "[any]\na = []",
            "s.toml:2: any.a: found an empty list, expected a text, a number, true, false, or a list",
        ),
        ("[any]\na = [1, 1]", "s.toml:2: any.a: found 1 twice, expected "),
        ("[any]\na = [1, 2, 3, 4]", "s.toml:2: any.a: found a list of 4, expected at most 3 values"),
        ("[any]\na = [1, {}]", "s.toml:2: any.a: found a table, expected "),
        ("[any]\n\"a b\" = 1", "s.toml:2: any: found a key \"a b\", expected keys of letters"),
        ("[any]\na = 1\nb = 1\nc = 1\nd = 1", "s.toml:1: any: found 4 keys, expected at most 3"),
        ("text = \"\"", "s.toml:1: text: found an empty string, expected a text"),
        ("txt = 3", "s.toml:1: txt: unknown key; known keys here: text, number, "),
        ("[table]\ntxt = 3", "s.toml:2: table.txt: unknown key; "),
        ("table = 1", "s.toml:1: table: found 1, expected a table: [table]"),
        ("number = 3", "s.toml:1: number: found 3, expected a number, -1.5 to 2.5 m"),
        ("number = nan", "s.toml:1: number: found nan, expected a number"),
        ("share = 0", "s.toml:1: share: found 0, expected above 0 to 1"),
        ("share = nan", "s.toml:1: share: found nan, expected above 0 to 1"),
        ("share = \"a\"", "s.toml:1: share: found \"a\", expected above 0 to 1"),
        ("whole = 201", "s.toml:1: whole: found 201, expected a whole number, -3 to 200"),
        ("whole = 99999999999999999999", "s.toml:1: "),
        ("flag = 1", "s.toml:1: flag: found 1, expected true or false"),
        ("name = \"three\"", "s.toml:1: name: found \"three\", expected \"one\" or \"two\""),
        (
            "names = [\"one\", \"one\"]",
            "s.toml:1: names: found [\"one\", \"one\"], expected \"one\" or \"two\", or ",
        ),
        (
            "place = [1]",
            "s.toml:1: place: found [1], expected latitude, at most 89 from the equator, and longitude",
        ),
        ("place = [90, 1]", "s.toml:1: place: found [90, 1], expected latitude, at most 89"),
        ("pair = [1]", "s.toml:1: pair: found [1], expected two numbers, 0 to 1: [x, y]"),
        ("pairs = [[1, 0],\n[0, 2]]", "s.toml:2: pairs: found [0, 2], expected two numbers, 0 to 1"),
        ("pairs = [[1]]", "s.toml:1: pairs: found [1], expected pairs"),
        (
            "wholes = [1, 2, 3, 4, 5]",
            "s.toml:1: wholes: found [1, 2, 3, 4, ...], expected 1 to 3 whole numbers, 0 or more: ",
        ),
        ("item = 1", "s.toml:1: item: found 1, expected at most 2 tables, each [[item]] or { ... }"),
        ("[[item]]\nwhole = 1\n[[item]]\n", "s.toml:3: item[2].whole is missing: 1 to 9"),
        ("[[item]]\n[[item]]\n[[item]]\n", "s.toml:1: item: found 3 tables, expected at most 2"),
        ("text = \"a\n", "s.toml:1: not TOML: "),
    ] {
        let found = read(text).unwrap_err().to_string();
        assert!(found.starts_with(wanted), "found {found:?}, wanted {wanted:?}");
        assert!(!found.contains('\n'), "{found:?}");
    }
}

#[test]
fn texts_have_their_bound() {
    read(&format!("text = \"{}\"", "x".repeat(4096))).unwrap();
    let error = read(&format!("text = \"{}\"", "x".repeat(4097))).unwrap_err().to_string();
    assert!(error.len() < 100 && error.ends_with("..., expected a text"), "{error}");
}

#[test]
fn files_of_another_kind_and_keys_beside_each_other_are_refused() {
    let document = Document::parse(Path::new("s.toml"), "\n[other]\n").unwrap();
    let error = document.refuse("other", "another kind", "this kind".to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "s.toml:2: other: found another kind, expected this kind");
    let document = Document::parse(Path::new("s.toml"), "text = \"a\"\nflag = true").unwrap();
    let top = document.top(KEYS).unwrap();
    let error = top.only(&["text"], "text = \"a\"").unwrap_err();
    assert_eq!(error.to_string(), "s.toml:2: flag: does not go with text = \"a\"; keys that do: text");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "\\PC*", key in 0..KEYS.len(), value in "[-0-9a-z.\"\\[\\]{}=, \n]{0,24}"
    ) {
        for text in [text, format!("{} = {value}\n", KEYS[key]), format!("[table]\n{} = {value}", KEYS[key])] {
            if let Err(error) = read(&text) {
                prop_assert!(error.to_string().starts_with("s.toml:"));
            }
        }
    }
}
