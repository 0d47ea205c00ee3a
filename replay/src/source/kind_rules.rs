//! A map of kinds: what the types and names of a trace stand for, where their words do not say it.

use std::path::Path;

use v2x_settings::{Document, Section, SettingsError};

use super::pattern::Pattern;
use super::side_file::{SideFileError, text};
use super::station_kind::StationKind;
use super::station_size::StationSize;

/// Rules that say what the stations of a trace are; of several that fit one, the first decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KindRules {
    rules: Vec<KindRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KindRule {
    type_name: Option<Pattern>,
    id: Option<Pattern>,
    /// The least length.
    longer_than_m: Option<f64>,
    /// What a station is that fits; `None`: what its type says.
    pub(super) kind: Option<StationKind>,
    pub(super) size: StationSize,
}

impl KindRules {
    /// Reads rules from a file, as [`parse`](Self::parse).
    ///
    /// # Errors
    /// The first violation.
    pub fn read(path: &Path) -> Result<Self, SideFileError> {
        Ok(Self::parse(&path.display().to_string(), &text(path, MAX_BYTES, FILE)?)?)
    }

    /// Reads rules from TOML: tables `[[kind]]` with `type` or `id` (patterns with `*` and `?`), and `is`, `length_m` or
    /// `width_m`. Errors name it `file`.
    ///
    /// # Errors
    /// The first violation, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        let document = Document::parse(Path::new(file), text)?;
        let top = document.top(&["about", "kind"])?;
        top.string("about", "a text in quotes")?;
        let rules = Self::of(&top)?;
        if rules.rules.is_empty() {
            return Err(top
                .missing("kind", "a table [[kind]] for each kind, such as type = \"tram*\", is = \"tram\""));
        }
        Ok(rules)
    }

    /// The tables `[[kind]]` of a section; it has to know the key.
    pub(super) fn of(top: &Section<'_>) -> Result<Self, SettingsError> {
        let tables = top.tables("kind", KEYS, MAX_RULES)?;
        let rules = tables.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// The rule for the type, the name and the size in the file of a station, and its number.
    pub(super) fn find(&self, type_name: &str, id: &str, size: StationSize) -> Option<(usize, &KindRule)> {
        let fits = |pattern: &Option<Pattern>, word| pattern.as_ref().is_none_or(|one| one.fits(word));
        let longer = |least: Option<f64>| {
            least.is_none_or(|least| size.length_dm.is_some_and(|dm| f64::from(dm) > least * 10.0))
        };
        self.rules.iter().enumerate().find(|(_, rule)| {
            fits(&rule.type_name, type_name) && fits(&rule.id, id) && longer(rule.longer_than_m)
        })
    }

    /// The rules as they are written, to name one.
    pub(super) fn named(&self) -> impl Iterator<Item = String> {
        self.rules.iter().map(|rule| {
            let said = |key, pattern: &Option<Pattern>| {
                pattern.as_ref().map(|pattern| format!("{key} = {:?}", pattern.text()))
            };
            [said("type", &rule.type_name), said("id", &rule.id)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", ")
        })
    }
}

fn rule(table: &Section<'_>) -> Result<KindRule, SettingsError> {
    let pattern = |key| table.string(key, PATTERN).map(|text| text.map(|text| Pattern::new(&text)));
    let metres = |key, most| table.number(key, 0.1..=most, " m");
    let rule = KindRule {
        type_name: pattern("type")?,
        id: pattern("id")?,
        longer_than_m: metres("longer_than_m", 1_000.0)?,
        kind: table.choice("is", &StationKind::ALL.map(|kind| (kind.name(), kind)))?,
        size: StationSize::of_metres(
            metres("length_m", f64::from(StationSize::MAX_LENGTH_DM) / 10.0)?,
            metres("width_m", f64::from(StationSize::MAX_WIDTH_DM) / 10.0)?,
        ),
    };
    if rule.type_name.is_none() && rule.id.is_none() {
        return Err(table.missing("type", "a pattern of the type, or id: one of the station's name"));
    }
    if rule.kind.is_none() && rule.size == StationSize::default() {
        return Err(table.missing("is", "a kind, such as \"tram\", or length_m and width_m"));
    }
    Ok(rule)
}

const KEYS: &[&str] = &["type", "id", "longer_than_m", "is", "length_m", "width_m"];
const PATTERN: &str = "a pattern in quotes, such as \"tram*\"";
const FILE: &str = "a map of kinds is a TOML file with tables [[kind]]";
const MAX_BYTES: u64 = 1 << 20;
/// More than any scenario has types.
const MAX_RULES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = KindRules::parse(
            "k.toml",
            "[[kind]]\nid = \"flow_7.*\"\nis = \"emergency\"\n[[kind]]\ntype = \"tram_*\"\nis = \"tram\"\nlength_m = 42\n",
        )
        .unwrap();
        let kind = |type_name, id| {
            rules.find(type_name, id, StationSize::default()).map(|(number, rule)| (number, rule.kind))
        };
        assert_eq!(kind("tram_1", "flow_7.3"), Some((0, Some(StationKind::Emergency))));
        assert_eq!(kind("tram_1", "x"), Some((1, Some(StationKind::Tram))));
        assert_eq!(kind("car", "x"), None);
        assert_eq!(rules.find("tram_", "x", StationSize::default()).unwrap().1.size.length_dm, Some(420));
        assert_eq!(rules.named().collect::<Vec<_>>(), ["id = \"flow_7.*\"", "type = \"tram_*\""]);
    }

    #[test]
    fn a_rule_that_says_nothing_is_refused_with_its_line() {
        for (text, said) in [
            ("", "k.toml:1: kind is missing"),
            ("[[kind]]\nis = \"tram\"", "type is missing"),
            ("[[kind]]\ntype = \"a\"", "is is missing"),
            ("[[kind]]\ntype = \"a\"\nis = \"ferry\"", "k.toml:3: kind[1].is"),
            ("[[kind]]\ntype = \"a\"\nlength_m = 500", "k.toml:3: kind[1].length_m"),
            ("[[kind]]\ntype = \"a\"\nlenght_m = 5", "k.toml:3"),
        ] {
            let error = KindRules::parse("k.toml", text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
