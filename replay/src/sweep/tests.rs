use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;
use v2x_proto::Class;
use v2x_report::{Kind, Machine, Report, Stats, Verify};
use v2x_tables::{ColumnValues, TableError, TableReader};

use super::*;

/// A folder with a trace and a plan beside it, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-sweep-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("a.csv"), "one").unwrap();
        fs::write(path.join("b.csv"), "two").unwrap();
        fs::write(path.join("p.toml"), "[scenario]\nkind = \"highway\"\n").unwrap();
        Self(path)
    }

    fn file(&self) -> String {
        self.0.join("s.toml").display().to_string()
    }

    fn sweep(&self, text: &str) -> Sweep {
        Sweep::parse(&self.file(), text).unwrap()
    }

    /// What is said of a text, from behind the file's name.
    fn said(&self, text: &str) -> String {
        let said = Sweep::parse(&self.file(), text).unwrap_err().to_string();
        let short = said.replace(&format!("{}/", self.0.display()), "");
        assert!(!short.contains('\n') && short.starts_with("s.toml:"), "{short}");
        short
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const TWELVE: &str =
    "[sweep]\ntrace = \"a.csv\"\nplan = [\"p.toml\"]\nseeds = \"1..3\"\n[settings]\nrange = [200, 300]\n";

/// What the run of a point reports; another figure for each seed.
fn report(point: &ManifestPoint) -> Report {
    let mut stats = Stats::new();
    stats.class_mut(Class::D2).record_delivered(1_000 * (point.seed % 100));
    let mut report = Report::new(Kind::Replay, "1", Verify::Once, &stats);
    report.run.seeds = vec![point.seed];
    report.simulated_s = 1.5;
    if point.base == "p.toml" {
        report.drops.insert("stale".to_owned(), 2);
        (report.frames.received, report.frames.dropped) = (2, 2);
    }
    report
}

/// Runs what is a shard's.
fn fill(folder: &SweepFolder) {
    let manifest = folder.manifest();
    for number in (0..manifest.points.len()).filter(|number| manifest.has(*number)) {
        let text = serde_json::to_string(&report(&manifest.points[number])).unwrap();
        folder.keep(number, &text, &Machine::new(1.5, 0.5, None)).unwrap();
    }
}

#[test]
fn points_are_bases_by_settings_by_seeds_in_order() {
    let scratch = Scratch::new("order");
    let sweep = scratch.sweep(TWELVE);
    let manifest = SweepManifest::new(&sweep, None, "1", None);
    assert_eq!(manifest.points.len(), 12);
    assert_eq!(manifest.describe(0), "a.csv, range 200, seed 1");
    assert_eq!(manifest.describe(4), "a.csv, range 300, seed 2");
    assert_eq!(manifest.describe(11), "p.toml, range 300, seed 3");
    let again = SweepManifest::new(&scratch.sweep(TWELVE), None, "1", None);
    assert_eq!(manifest, again, "the same text and files give the same points");
}

#[test]
fn the_sweep_beside_the_plans_is_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("plans/sweeps/town.toml");
    assert_eq!(Sweep::read(&path).unwrap().points().len(), 20);
}

#[test]
fn the_identity_of_a_point_follows_what_determines_it() {
    let scratch = Scratch::new("identity");
    let of = |text: &str| scratch.sweep(text).points();
    let base = "[sweep]\ntrace = \"a.csv\"\nseeds = [1, 2]\n[settings]\n";
    let one = of(&format!("{base}range = 200\nrate = 5"));
    let ids = |points: Vec<SweepPoint>| points.into_iter().map(|point| point.id).collect::<Vec<_>>();
    let one = ids(one);
    assert!(one[0] != one[1], "another seed");
    assert_eq!(
        ids(of(&format!("{base}rate = 5\nrange = 200\nattack = false"))),
        one,
        "order and options left out"
    );
    for other in
        ["range = 201\nrate = 5", "range = 200\nrate = 6", "range = 200", "range = 200\nrate = 5\nx = 1"]
    {
        assert!(!ids(of(&format!("{base}{other}"))).iter().any(|id| one.contains(id)), "{other}");
    }
    let before = scratch.sweep(base).digest();
    fs::write(scratch.0.join("a.csv"), "three").unwrap();
    let after = ids(of(&format!("{base}range = 200\nrate = 5")));
    assert!(
        !after.iter().any(|id| one.contains(id)) && scratch.sweep(base).digest() != before,
        "another trace"
    );
    // A file that a setting names is part of it.
    let named = |text: &str| {
        fs::write(scratch.0.join("own.toml"), text).unwrap();
        ids(of(&format!("{base}radio = \"own.toml\"")))
    };
    assert!(named("x") != named("y"));
    // A file of names has a mark before it, and a plan names files beside itself.
    let listed = |text: &str| {
        fs::write(scratch.0.join("own.txt"), text).unwrap();
        ids(of(&format!("{base}only = \"@own.txt\"")))
    };
    assert!(listed("x") != listed("y"));
    let only = &scratch.sweep(&format!("{base}only = \"@own.txt\"")).settings[0].values[0];
    assert_eq!(only.words, Some(vec![format!("@{}", scratch.0.join("own.txt").display())]));
    let text = "[scenario]\nkind = \"trace\"\nfile = \"a.csv\"\nonly = \"@own.txt\"\npolygons = \"b.csv\"\n";
    fs::write(scratch.0.join("follows.toml"), text).unwrap();
    let planned = |name: &str, text: &str| {
        fs::write(scratch.0.join(name), text).unwrap();
        ids(of("[sweep]\nplan = \"follows.toml\"\nseeds = [1]\n"))
    };
    assert!(planned("own.txt", "x") != planned("own.txt", "y"));
    assert!(planned("b.csv", "x") != planned("b.csv", "y"));
}

#[test]
fn a_million_points_are_refused_with_the_keys_and_what_each_gives() {
    let scratch = Scratch::new("million");
    let head = "[sweep]\ntrace = [\"a.csv\", \"b.csv\"]\n";
    let range = (100..200).map(|range| range.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(
        scratch.said(&format!(
            "{head}seeds = \"1..1000\"\n[settings]\nrange = [{range}]\nrate = [1, 2, 3, 4, 5]\nseconds = 1"
        )),
        "s.toml:3: sweep.seeds: found 1000000 points (seeds: 1000, trace: 2, range: 100, rate: 5), expected at most \
         10000: fewer values, or several sweeps"
    );
    let most =
        scratch.said(&format!("{head}seeds = \"0..18446744073709551615\"\n[settings]\nrange = [{range}]"));
    assert!(
        most.contains(
            "found 3689348814741910323200 points (seeds: 18446744073709551616, trace: 2, range: 100)"
        )
    );
    assert_eq!(scratch.sweep(&format!("{head}seeds = \"1..5000\"")).points().len(), MAX_POINTS);
}

#[test]
fn what_is_wrong_in_a_sweep_is_named_with_line_and_what_would_be_right() {
    let scratch = Scratch::new("wrong");
    let sweep = |text: &str| scratch.said(&format!("[sweep]\n{text}"));
    fs::write(scratch.0.join("same.csv"), "one").unwrap();
    fs::write(scratch.0.join("bad.toml"), "[scenario]\nkind = \"sea\"\n").unwrap();
    let text = "[scenario]\nkind = \"trace\"\nfile = \"a.csv\"\nkinds = \"none.toml\"\n";
    fs::write(scratch.0.join("kinds.toml"), text).unwrap();
    for (found, wanted) in [
        (scratch.said(""), "s.toml:1: sweep is missing: a table [sweep]"),
        (scratch.said("[sweep"), "s.toml:1: not TOML: "),
        (
            scratch.said("[scenario]"),
            "s.toml:1: scenario: found a plan's scenario, expected a sweep; a plan is run by: ",
        ),
        (sweep("seeds = [1]"), "s.toml:1: sweep.trace is missing: trace or plan"),
        (sweep("trace = \"a.csv\""), "s.toml:1: sweep.seeds is missing: seeds, each once: \"1..20\""),
        (sweep("trace = \"a.csv\"\nseeds = 3"), "s.toml:3: sweep.seeds: found 3, expected "),
        (
            sweep("trace = \"a.csv\"\nseeds = \"3..1\""),
            "s.toml:3: sweep.seeds: found \"3..1\", expected seeds",
        ),
        (
            sweep("trace = \"a.csv\"\nseeds = [1, 1]"),
            "s.toml:3: sweep.seeds: found 1 twice, expected each seed once",
        ),
        (sweep("trace = \"no.csv\"\nseeds = [1]"), "s.toml:2: sweep.trace: found \""),
        (
            sweep("trace = [\"a.csv\", \"a.csv\"]\nseeds = [1]"),
            "s.toml:2: sweep.trace: found \"a.csv\" twice, ",
        ),
        (
            sweep("trace = [\"a.csv\", \"same.csv\"]\nseeds = [1]"),
            "s.toml:2: sweep.trace: found \"same.csv\", which is equal to \"a.csv\", expected different files",
        ),
        (
            sweep("plan = \"bad.toml\"\nseeds = [1]"),
            "s.toml:2: sweep.plan: bad.toml:2: scenario.kind: found \"sea\"",
        ),
        (
            sweep("plan = \"kinds.toml\"\nseeds = [1]"),
            "s.toml:2: sweep.plan: kinds.toml: scenario.kinds: none.toml: cannot be read: ",
        ),
        (
            sweep("trace = \"a.csv\"\nseed = 1"),
            "s.toml:3: sweep.seed: unknown key; known keys here: about, trace, ",
        ),
        (
            sweep("trace = \"a.csv\"\nseeds = [1]\n[settings]\nrange = [1, 1.0]"),
            "s.toml:5: settings.range: found 1.0 twice",
        ),
        (
            sweep("trace = \"a.csv\"\nseeds = [1]\n[settings]\nx = [\"a.csv\", \"same.csv\"]"),
            "s.toml:5: settings.x: found \"same.csv\", which is equal to \"a.csv\", expected different values",
        ),
    ] {
        assert!(found.starts_with(wanted), "found {found:?}, wanted {wanted:?}");
    }
    let missing = Sweep::read(&scratch.0.join("none.toml")).unwrap_err().to_string();
    assert!(
        missing.contains("none.toml: cannot be read: ") && missing.contains("a sweep is a TOML file"),
        "{missing}"
    );
}

#[test]
fn merged_shards_give_the_table_of_the_whole_sweep() {
    let scratch = Scratch::new("merge");
    let sweep = scratch.sweep(TWELVE);
    let begin = |name: &str, shard: Option<&str>| {
        let shard = shard.map(|shard| Shard::parse(shard).unwrap());
        let manifest = SweepManifest::new(&sweep, shard, "1", Some("c"));
        SweepFolder::begin(&scratch.0.join(name), manifest).unwrap()
    };
    let with_commit = |folder: &SweepFolder| {
        for number in (0..12).filter(|number| folder.manifest().has(*number)) {
            let mut report = report(&folder.manifest().points[number]);
            report.run.commit = Some("c".to_owned());
            folder
                .keep(number, &serde_json::to_string(&report).unwrap(), &Machine::new(1.5, 0.5, None))
                .unwrap();
        }
    };
    let whole = begin("whole", None);
    with_commit(&whole);
    let read = |path: PathBuf| fs::read(path).unwrap();
    let tables = whole.write_table().unwrap().map(read);
    let csv: Vec<&str> = str::from_utf8(&tables[0]).unwrap().lines().collect();
    assert_eq!(csv.len(), 13);
    assert!(
        csv[0].starts_with("point,id,base,seed,range,simulated_s,stations_seen,D2_sent,D2_expected,"),
        "{}",
        csv[0]
    );
    // What gates and verification queues drop is 0 where they dropped nothing, and a reason that a run does not have is empty.
    let last = ",frames_received,frames_delivered,frames_dropped,dropped_stale,dropped_verify_queue_full,\
                dropped_verify_too_late,withheld_send_burst_budget,withheld_send_expired,withheld_send_queue_full,\
                withheld_send_replaced";
    assert!(csv[0].ends_with(last), "{}", csv[0]);
    assert!(csv[1].ends_with(",0,0,0,,0,0,0,0,0,0") && csv[12].ends_with(",2,0,2,2,0,0,0,0,0,0"), "{csv:?}");
    let rows: Vec<Value> = serde_json::from_slice(&tables[1]).unwrap();
    assert_eq!((rows.len(), &rows[4]["seed"], &rows[4]["range"]), (12, &2.into(), &300.into()));
    assert!(rows[0]["dropped_stale"].is_null() && rows[0]["simulated_s"] == 1.5);

    let shards = ["1/5", "2/5", "3/5", "4/5", "5/5"].map(|shard| {
        let folder = begin(&shard.replace('/', "-"), Some(shard));
        with_commit(&folder);
        folder
    });
    let paths: Vec<_> = shards.iter().map(SweepFolder::path).collect();
    let merged = merge(&paths, &scratch.0.join("merged")).unwrap();
    assert!(merged.write_table().unwrap().map(read) == tables);
    for number in 0..12 {
        assert_eq!(read(merged.report_path(number)), read(whole.report_path(number)));
        assert_eq!(merged.machine(number), whole.machine(number));
    }
}

#[test]
fn the_table_is_the_same_in_all_its_formats() {
    let scratch = Scratch::new("formats");
    let text = TWELVE
        .replace("seeds = \"1..3\"", "seeds = \"1,18446744073709551615\"")
        .replace("[200, 300]", "[200, 300]\npower-dbm = [1, 2.5]\nradio = [false, \"town, \\\"wet\\\"\"]");
    let manifest = SweepManifest::new(&scratch.sweep(&text), None, "1", None);
    let folder = SweepFolder::begin(&scratch.0.join("out"), manifest).unwrap();
    fill(&folder);
    let [_, json, parquet] = folder.write_table().unwrap();
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let table = TableReader::open(fs::File::open(parquet).unwrap()).unwrap();
    let names: Vec<&str> = table.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!((rows.len(), table.rows(), names.len()), (32, 32, rows[0].len()));
    assert_eq!(names[..7], ["point", "id", "base", "seed", "range", "power_dbm", "radio"]);
    let mut nulls = 0;
    for (place, name) in names.into_iter().enumerate() {
        let wanted = rows.iter().map(|row| row[name].clone());
        let check = |batch: &[ColumnValues]| {
            let found: Vec<Value> = match &batch[0] {
                // As a run's tables have it.
                ColumnValues::Integers(values) if name == "seed" => {
                    values.iter().map(|value| value.map(i64::cast_unsigned).into()).collect()
                }
                ColumnValues::Integers(values) => values.iter().map(|value| (*value).into()).collect(),
                ColumnValues::Reals(values) => values.iter().map(|value| (*value).into()).collect(),
                ColumnValues::Texts(values) => values.iter().map(|value| value.clone().into()).collect(),
                other => panic!("{other:?}"),
            };
            nulls += found.iter().filter(|value| value.is_null()).count();
            assert_eq!(found, wanted.clone().collect::<Vec<_>>(), "{name}");
            Ok::<_, TableError>(())
        };
        table.read(&[place], check).unwrap();
    }
    assert_eq!(nulls, 16, "the trace's runs have no dropped_stale");
    assert_eq!(table.metadata("roadcast.version"), Some("1"));
    assert_eq!(table.metadata("roadcast.sweep"), Some(folder.manifest().sweep.as_str()));
    let listed: Vec<Value> = serde_json::from_str(table.metadata("roadcast.columns").unwrap()).unwrap();
    assert_eq!(listed.len(), table.columns().len());
}

#[test]
fn shards_that_do_not_belong_together_are_refused_and_nothing_is_written() {
    let scratch = Scratch::new("refused");
    let folder = |name: &str, text: &str, shard: &str, version: &str| {
        let manifest = SweepManifest::new(&scratch.sweep(text), Shard::parse(shard), version, None);
        SweepFolder::begin(&scratch.0.join(name), manifest).unwrap()
    };
    let one = folder("one", TWELVE, "1/2", "1");
    let two = folder("two", TWELVE, "2/2", "1");
    fill(&one);
    fill(&two);
    let out = scratch.0.join("out");
    let said = |shards: &[&SweepFolder]| {
        let paths: Vec<_> = shards.iter().map(|folder| folder.path()).collect();
        let said = merge(&paths, &out).unwrap_err().to_string();
        assert!(!out.exists() && !said.contains('\n'), "{said}");
        said.replace(&format!("{}/", scratch.0.display()), "")
    };
    let other = folder("other", TWELVE, "2/2", "2");
    assert_eq!(
        said(&[&one, &other]),
        "other/sweep.json: is by version 2, and one is by 1; run all points of a sweep with one version"
    );
    let longer = folder("longer", &TWELVE.replace("1..3", "1..4"), "2/2", "1");
    assert!(said(&[&one, &longer]).starts_with("longer/sweep.json: is of another sweep, s.toml ("));
    let twice = folder("twice", TWELVE, "1/2", "1");
    fill(&twice);
    let id = &one.manifest().points[0].id;
    assert_eq!(
        said(&[&one, &twice]),
        format!("twice/points/00001-{id}.json: is in one too; give each shard once")
    );
    let id = &one.manifest().points[1].id;
    assert_eq!(
        said(&[&one]),
        format!(
            "00002-{id}.json: the report of point 2 (a.csv, range 200, seed 2) is missing; run shard 2/2, or give its folder too"
        )
    );
    fs::remove_file(two.report_path(3)).unwrap();
    assert!(said(&[&one, &two]).ends_with(
        "of point 4 (a.csv, range 300, seed 1) is missing; run `roadcast replay sweep s.toml --shard 2/2 --out two`"
    ));
    let mut report = report(&two.manifest().points[3]);
    report.version = "2".to_owned();
    for (text, wanted) in [
        (serde_json::to_string(&report).unwrap(), "is by another version than its sweep; remove it"),
        ("{".to_owned(), "is not a report: "),
    ] {
        fs::write(two.report_path(3), text).unwrap();
        let found = said(&[&one, &two]);
        assert!(found.starts_with("two/points/00004-") && found.contains(wanted), "{found}");
    }
    assert!(said(&[]).contains("no folder of a shard is given"));
    fs::create_dir_all(scratch.0.join("empty")).unwrap();
    let error = merge(&[&scratch.0.join("empty")], &out).unwrap_err().to_string();
    assert!(error.contains("empty/sweep.json: cannot be read: "), "{error}");
}

#[test]
fn a_folder_goes_on_with_its_own_sweep_alone() {
    let scratch = Scratch::new("goes-on");
    let begin = |text: &str, shard: Option<&str>, version: &str| {
        let shard = shard.map(|shard| Shard::parse(shard).unwrap());
        SweepFolder::begin(
            &scratch.0.join("out"),
            SweepManifest::new(&scratch.sweep(text), shard, version, None),
        )
    };
    let first = begin(TWELVE, None, "1").unwrap();
    fill(&first);
    fs::remove_file(first.report_path(7)).unwrap();
    let again = begin(TWELVE, None, "1").unwrap();
    let there: Vec<bool> = (0..12).map(|number| again.report(number).unwrap().is_some()).collect();
    assert_eq!(there.iter().filter(|there| !**there).count(), 1);
    assert!(again.table().unwrap_err().to_string().contains("the report of point 8 "));
    let before = fs::read(scratch.0.join("out/sweep.json")).unwrap();
    for (error, wanted) in [
        (begin(TWELVE, None, "2"), "is by version 1, and this sweep is by 2; "),
        (begin(&TWELVE.replace("300", "400"), None, "1"), "is of another sweep, s.toml ("),
        (
            begin(TWELVE, Some("1/2"), "1"),
            "holds the whole sweep, and this sweep is shard 1/2; give each shard a folder",
        ),
    ] {
        let said = error.unwrap_err().to_string();
        assert!(said.contains(wanted), "{said}");
    }
    assert_eq!(fs::read(scratch.0.join("out/sweep.json")).unwrap(), before);
    fs::remove_file(scratch.0.join("out/sweep.json")).unwrap();
    assert!(begin(TWELVE, None, "1").unwrap_err().to_string().contains("has files and no sweep.json"));
}

#[test]
fn shards_are_a_partition() {
    for of in [1, 2, 3, 7, 10_000] {
        for number in 0..20 {
            let having = (1..=of).filter(|index| Shard { index: *index, of }.has(number)).count();
            assert_eq!(having, 1, "{number} of {of}");
        }
    }
    assert_eq!(Shard::parse("2/5"), Some(Shard { index: 2, of: 5 }));
    for wrong in [
        "",
        "2",
        "0/5",
        "6/5",
        "1/10001",
        "1/0",
        "+1/2",
        "-1/2",
        "1/2/3",
        " 1/2",
        "a/b",
        "99999999999/99999999999",
    ] {
        assert_eq!(Shard::parse(wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_the_readers_panic(
        text in "\\PC*", seeds in "[-0-9., =\"\\[\\]]{0,12}", value in "[-0-9a-z.\"\\[\\]{}=, ]{0,16}"
    ) {
        let texts = [text.clone(), format!("[sweep]\nplan = \"none\"\nseeds = {seeds}\n[settings]\nx = {value}\n")];
        for text in &texts {
            if let Err(error) = Sweep::parse("s.toml", text) {
                prop_assert!(error.to_string().starts_with("s.toml:"));
            }
        }
        Shard::parse(&text);
    }

    #[test]
    fn no_manifest_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), points in 0..3_usize) {
        let folder = std::env::temp_dir().join(format!("roadcast-sweep-manifest-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let point = serde_json::json!({ "id": text, "base": text, "seed": 1, "values": [text] });
        let manifest = serde_json::json!({
            "format": 1, "sweep": text, "file": text, "version": text, "settings": ["x"], "points": vec![point; points],
        });
        for content in [bytes, manifest.to_string().into_bytes()] {
            fs::write(folder.join("sweep.json"), content).unwrap();
            let error = SweepFolder::open(&folder).unwrap_err().to_string();
            prop_assert!(error.contains("sweep.json: is not a sweep: "));
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
