use proptest::prelude::*;
use v2x_settings::{Document, SettingsError};

use super::*;

fn keys(text: &str) -> Result<Reading, SettingsError> {
    let document = Document::parse(Path::new("folder/p.toml"), text)?;
    Reading::of_keys(&document.top(&Reading::KEYS)?)
}

fn these(names: &[&str]) -> Option<StationNames> {
    Some(StationNames::These(names.iter().map(|name| (*name).to_owned()).collect()))
}

#[test]
fn a_key_says_what_the_words_of_its_option_say() {
    let said = |text: &str| keys(text).unwrap();
    let nothing = Reading::default;
    for (found, wanted) in [
        (said(""), nothing()),
        (said("geographic = true"), Reading { geographic: Some(true), ..nothing() }),
        (said("origin = [52.52, 13.4]"), Reading { origin: words::origin("52.52,13.4").ok(), ..nothing() }),
        (said("net = \"x.net.xml\""), Reading { net: Some("folder/x.net.xml".into()), ..nothing() }),
        (said("net = \"/x.net.xml\""), Reading { net: Some("/x.net.xml".into()), ..nothing() }),
        (said("mapping = \"highd\""), Reading { mapping: Some("highd".into()), ..nothing() }),
        (said("mapping = \"./highd\""), Reading { mapping: Some("folder/./highd".into()), ..nothing() }),
        (said("only = \"a, b\""), Reading { only: words::names("a,b").ok(), ..nothing() }),
        (said("only = [\"a,b\", \"@c\"]"), Reading { only: these(&["a,b", "@c"]), ..nothing() }),
        (
            said("only = \"@two.txt\""),
            Reading { only: Some(StationNames::In("folder/two.txt".into())), ..nothing() },
        ),
        (
            said("only_kinds = [\"tram\", \"bus\"]"),
            Reading {
                only_kinds: ["tram", "bus"].map(|kind| words::kind(kind).unwrap()).to_vec().into(),
                ..nothing()
            },
        ),
        (
            said("share = 12.5\nshare_seed = 3"),
            Reading { share: words::share("12.5").ok(), share_seed: Some(3), ..nothing() },
        ),
        (said("kinds = \"k.toml\""), Reading { kinds: Some("folder/k.toml".into()), ..nothing() }),
        (
            said("from = 2\nto = 3.5"),
            Reading { from_s: Some(2.0), to_s: words::time("3.5").ok(), ..nothing() },
        ),
        (said("tolerate = 0"), Reading { tolerate_percent: words::percent("0%").ok(), ..nothing() }),
        (said("max_samples = 7"), Reading { max_samples: words::samples("7").ok(), ..nothing() }),
        (
            said("polygons = \"x.poly.xml\"\npolygon_types = [\"house\"]"),
            Reading {
                polygons: Some("folder/x.poly.xml".into()),
                polygon_types: Some(vec!["house".to_owned()]),
                ..nothing()
            },
        ),
    ] {
        assert_eq!(found, wanted);
    }
}

#[test]
fn a_wrong_value_is_named_and_what_would_be_right_is_the_same_for_option_and_key() {
    for (text, wanted) in [
        ("geographic = 1", "geographic: found 1, expected true or false"),
        (
            "origin = [99, 6]",
            "origin: found [99, 6], expected latitude, at most 89 from the equator, and longitude in degrees",
        ),
        ("origin = [49, 181]", "origin: found [49, 181], expected latitude, at most 89"),
        ("origin = \"49,6\"", "origin: found \"49,6\", expected latitude, at most 89"),
        ("net = 3", "net: found 3, expected a file name in quotes"),
        ("mapping = true", "mapping: found true, expected ngsim, highd, ind, pneuma, or a file name"),
        ("only = \"a,,b\"", "only: found \"a,,b\", expected names separated by commas, such as veh0,veh7"),
        ("only = \"@\"", "only: found \"@\", expected names separated by commas"),
        ("only = []", "only: found an empty list, expected names of stations: [\"veh0\", \"veh7\"]"),
        ("only_kinds = \"ferry\"", "only_kinds: found \"ferry\", expected \"passenger\", \"bus\""),
        ("share = 0", "share: found 0, expected above 0 to 100 per cent"),
        ("share = 100.5", "share: found 100.5, expected above 0 to 100 per cent"),
        ("share = \"10%\"", "share: found \"10%\", expected above 0 to 100 per cent"),
        ("share = 5\nshare_seed = -1", "share_seed: found -1, expected a whole number, 0 to "),
        ("types = \"t.csv\"", "mapping is missing: the mapping that says where types has them"),
        ("share_seed = 3", "share is missing: the share that share_seed draws, per cent"),
        ("kinds = \"\"", "kinds: found an empty string, expected a file name in quotes"),
        ("from = -1", "from: found -1, expected seconds of the trace's own time, 0 or more"),
        ("to = inf", "to: found inf, expected seconds of the trace's own time, 0 or more"),
        ("from = 9\nto = 9", "to: found 9, expected a time later than from = 9"),
        ("tolerate = 101", "tolerate: found 101, expected 0 to 100 per cent"),
        ("max_samples = 0", "max_samples: found 0, expected a whole number, 1 to "),
        ("polygons = []", "polygons: found a list, expected a file name in quotes"),
        ("polygon_types = [\"a\"]", "polygons is missing: the file whose polygons polygon_types chooses"),
        (
            "polygons = \"x\"\npolygon_types = \"a\"",
            "polygon_types: found \"a\", expected a list of patterns",
        ),
        ("origin = [4, 6]\ngeographic = true", "origin: does not go with geographic = true; only metres"),
        ("origin = [4, 6]\nnet = \"x\"", "origin: does not go with net; give one of the two"),
        ("mapping = \"ind\"\ngeographic = false", "geographic: does not go with mapping; a mapping says"),
        ("form = 3", "form: unknown key; known keys here: geographic, origin, net, mapping, types, only, "),
    ] {
        let found = keys(text).unwrap_err().to_string();
        let line = if text.contains('\n') && !wanted.starts_with("origin") { 2 } else { 1 };
        assert!(
            found.starts_with(&format!("folder/p.toml:{line}: {wanted}")),
            "found {found:?}, wanted {wanted:?}"
        );
    }
    for (found, wanted) in [
        (words::origin("99,6").err(), "expected latitude and longitude in degrees, such as 49.6,6.13"),
        (words::origin("nan,6").err(), "expected latitude and longitude in degrees, such as 49.6,6.13"),
        (
            words::names("a,,b").err(),
            "expected names separated by commas, such as veh0,veh7, or @FILE with one a line",
        ),
        (
            words::names("@").err(),
            "expected names separated by commas, such as veh0,veh7, or @FILE with one a line",
        ),
        (
            words::kind("ferry").err(),
            "expected kinds separated by commas, of passenger, bus, truck, motorcycle, bicycle, pedestrian, tram, train, emergency, roadside",
        ),
        (words::share("0").err(), "expected above 0 to 100 per cent"),
        (words::percent("101").err(), "expected 0 to 100 per cent"),
        (words::time("-1").err(), "expected seconds of the trace's own time, 0 or more"),
        (words::samples("0").err(), "expected a number of samples, 1 or more"),
    ] {
        assert_eq!(found.as_deref(), Some(wanted));
    }
}

#[test]
fn what_is_said_goes_before_what_is_planned_and_places_are_not_mixed() {
    let of = |text: &str| keys(text).unwrap();
    let planned = of("net = \"x\"\nshare = 20\nshare_seed = 4\nfrom = 3\nmapping = \"ind\"\nkinds = \"k\"");
    assert_eq!(Reading::default().or(planned.clone()), planned);
    assert_eq!(planned.clone().or(Reading::default()), planned);
    assert_eq!(of("share = 5").or(planned.clone()), Reading { share: Some(5.0), ..planned.clone() });
    for (said, planned, wanted) in [
        ("origin = [4, 6]", "net = \"x\"", "origin = [4, 6]"),
        ("origin = [4, 6]", "geographic = true", "origin = [4, 6]"),
        ("origin = [4, 6]", "geographic = false", "origin = [4, 6]\ngeographic = false"),
        ("net = \"x\"", "origin = [4, 6]", "net = \"x\""),
        ("net = \"x\"", "geographic = true", "net = \"x\"\ngeographic = true"),
        ("geographic = true", "origin = [4, 6]\nmapping = \"ind\"", "geographic = true"),
        ("mapping = \"ind\"", "geographic = true", "mapping = \"ind\""),
        ("mapping = \"ind\"", "origin = [4, 6]", "mapping = \"ind\"\norigin = [4, 6]"),
    ] {
        assert_eq!(of(said).or(of(planned)), of(wanted), "{said} before {planned}");
    }
}

#[test]
fn files_have_their_part_and_what_comes_with_the_program_is_none() {
    let said =
        keys("mapping = \"ngsim\"\nonly = \"@o\"\nkinds = \"k\"\nnet = \"n\"\npolygons = \"p\"").unwrap();
    let files: Vec<_> = said.files().map(|(role, path)| format!("{role} {}", path.display())).collect();
    assert_eq!(files, ["net folder/n", "stations folder/o", "kinds folder/k", "polygons folder/p"]);
    let said = keys("mapping = \"m.toml\"").unwrap();
    assert_eq!(said.files().collect::<Vec<_>>(), [("mapping", Path::new("folder/m.toml"))]);
    assert_eq!((said.first_option(), Reading::default().first_option()), (Some("--mapping"), None));
}

#[test]
fn a_file_that_cannot_be_used_is_of_the_key_that_names_it() {
    for (key, text) in [
        ("net", "net = \"none\""),
        ("mapping", "mapping = \"none\""),
        ("only", "only = \"@none\""),
        ("kinds", "kinds = \"none\""),
    ] {
        let error = keys(text).unwrap().options().unwrap_err();
        assert_eq!(error.key(), key);
        assert!(error.to_string().starts_with("folder/none: cannot be read: "), "{error}");
    }
}

proptest! {
    #[test]
    fn no_word_and_no_value_make_the_readers_panic(word in "\\PC*", key in 0..Reading::KEYS.len(), value in "[-0-9a-z.\"\\[\\]{}@, ]{0,24}") {
        let refusals = [
            words::origin(&word).err(), words::names(&word).err(), words::kind(&word).err(), words::share(&word).err(),
            words::percent(&word).err(), words::time(&word).err(), words::samples(&word).err(),
        ];
        prop_assert!(refusals.iter().flatten().all(|error| error.starts_with("expected ")));
        if let Err(error) = keys(&format!("{} = {value}\n", Reading::KEYS[key])) {
            prop_assert!(error.to_string().starts_with("folder/p.toml:"));
        }
    }
}
