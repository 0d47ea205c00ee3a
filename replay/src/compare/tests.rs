use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use v2x_proto::Class;
use v2x_report::{InputFile, Kind, Machine, Repeats, Report, Stats, Verify};

use super::*;
use crate::figures::figures;

/// A folder of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-compare-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, report: &Report) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, serde_json::to_string(report).unwrap()).unwrap();
        path
    }

    /// Of reports, one for each side, or a folder of several.
    fn compare(&self, a: &[Report], b: &[Report]) -> Result<ReportComparison, CompareError> {
        let side = |name: &str, reports: &[Report]| {
            for (number, report) in reports.iter().enumerate() {
                self.write(&format!("{name}/{number}.json"), report);
            }
            ComparedSide::read(&self.0.join(name))
        };
        drop(fs::remove_dir_all(&self.0));
        ReportComparison::new(&side("a", a)?, &side("b", b)?)
    }

    fn said(&self, a: &[Report], b: &[Report]) -> String {
        let said = self.compare(a, b).unwrap_err().to_string();
        assert!(!said.contains('\n'), "{said}");
        said.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A run of a hundred deliveries of which so many were missed.
fn report(seed: u64, missed: u64) -> Report {
    let mut stats = Stats::new();
    let class = stats.class_mut(Class::D2);
    (0..100 - missed).for_each(|_| class.record_delivered(1_000_000));
    (0..missed).for_each(|_| class.record_undelivered("never_received"));
    let mut report = Report::new(Kind::Replay, "1", Verify::Once, &stats);
    report.digest = Some(format!("{seed}{missed}"));
    report.simulated_s = 60.0;
    report.run.seeds = vec![seed];
    report.run.range_m = Some(200.0);
    report.run.inputs =
        vec![InputFile { role: "trace".to_owned(), name: "t.csv".to_owned(), sha256: Some("ab".repeat(32)) }];
    report
}

fn reports(missed: &[u64]) -> Vec<Report> {
    (1..).zip(missed).map(|(seed, missed)| report(seed, *missed)).collect()
}

fn figure<'a>(comparison: &'a ReportComparison, name: &str) -> &'a FigureDifference {
    comparison.figures.iter().find(|figure| figure.figure == name).unwrap()
}

#[test]
fn a_difference_that_every_seed_shows_is_found_and_noise_is_not() {
    let scratch = Scratch::new("found");
    let worse = |by: &[u64]| {
        let mut worse = reports(by);
        worse.iter_mut().for_each(|report| report.run.range_m = Some(400.0));
        worse
    };
    // The seeds differ by more than the settings do; the pairs by the settings alone.
    let comparison =
        scratch.compare(&reports(&[2, 20, 8, 14, 5, 11]), &worse(&[7, 26, 13, 20, 10, 17])).unwrap();
    let ratio = figure(&comparison, "D2_miss_ratio");
    assert_eq!((ratio.verdict, ratio.pairs), (DifferenceVerdict::Differs, 6));
    assert!((ratio.difference - 0.055).abs() < 1e-12 && ratio.p_corrected.unwrap() < 0.001, "{ratio:?}");
    // Mean 0.055, deviation 0.0054772, six pairs: 0.055 -+ 2.570582 x 0.0022361.
    let (low, high) = ratio.interval.unwrap();
    assert!((low - 0.049_252).abs() < 1e-6 && (high - 0.060_748).abs() < 1e-6, "{ratio:?}");
    assert_eq!(figure(&comparison, "D2_expected").verdict, DifferenceVerdict::Equal);
    assert_eq!(
        comparison.what_differs,
        [("reception".to_owned(), "range 200 m".to_owned(), "range 400 m".to_owned())]
    );
    assert_eq!((comparison.seeds.len(), comparison.tests), (6, comparison.figures.len()));
    let shown = text(&comparison, false);
    let row = shown.lines().find(|line| line.contains("D2_miss_ratio")).unwrap();
    for wanted in ["10.00 %", "15.50 %", "+5.50 pp", "+4.93 pp to +6.07 pp"] {
        assert!(row.contains(wanted), "{row}");
    }
    assert!(shown.contains("what was run differs: reception: range 200 m | range 400 m"), "{shown}");
    assert!(!shown.contains("D2_expected") && text(&comparison, true).contains("D2_expected"));

    let noise = scratch.compare(&reports(&[2, 20, 8, 14, 5, 11]), &worse(&[3, 18, 9, 14, 7, 10])).unwrap();
    assert_eq!(figure(&noise, "D2_miss_ratio").verdict, DifferenceVerdict::WithinNoise);
    assert_eq!(noise.findings(), 0);
    assert!(text(&noise, false).contains("0 of "));
}

#[test]
fn the_same_difference_in_every_pair_is_no_noise() {
    let scratch = Scratch::new("constant");
    let comparison = scratch.compare(&reports(&[2, 20, 8]), &reports(&[3, 21, 9])).unwrap();
    let missed = figure(&comparison, "D2_missed");
    assert_eq!(
        (missed.verdict, missed.p, missed.interval),
        (DifferenceVerdict::Differs, None, Some((1.0, 1.0)))
    );
}

#[test]
fn one_seed_gives_exact_differences_and_no_interval() {
    let scratch = Scratch::new("one");
    let comparison = scratch.compare(&[report(7, 2)], &[report(7, 5)]).unwrap();
    let ratio = figure(&comparison, "D2_miss_ratio");
    assert_eq!((ratio.interval, ratio.p, ratio.verdict), (None, None, DifferenceVerdict::DiffersInOnePair));
    assert!((ratio.a, ratio.b) == (0.02, 0.05) && comparison.findings() > 0);
    let shown = text(&comparison, false);
    assert!(shown.contains("no interval exists") && shown.contains("what was run: the same"), "{shown}");
    assert_eq!(scratch.compare(&[report(7, 2)], &[report(7, 2)]).unwrap().findings(), 0);
}

#[test]
fn runs_that_do_not_belong_together_are_refused_with_what_differs() {
    let scratch = Scratch::new("refused");
    let three = || reports(&[2, 20, 8]);
    let with = |change: &dyn Fn(&mut Report)| {
        let mut other = three();
        other.iter_mut().for_each(change);
        scratch.said(&three(), &other)
    };
    assert_eq!(
        with(&|report| report.run.inputs[0].sha256 = Some("cd".repeat(32))),
        "b: its trace is sha256 cdcdcdcdcdcd, and sha256 abababababab in a; compare runs of the same trace, length and kind"
    );
    assert_eq!(
        with(&|report| report.simulated_s = 30.0),
        "b: its simulated time of a run is 30.000 s, and 60.000 s in a; compare runs of the same trace, length and kind"
    );
    assert!(
        with(&|report| report.run.seconds = Some(60.0))
            .starts_with("b: its limited to is 60 s, and - in a; ")
    );
    assert!(with(&|report| report.kind = Kind::Bench).starts_with("b: its kind is bench, and replay in a; "));
    assert_eq!(
        with(&|report| {
            report.run.range_m = Some(300.0);
            report.run.rate_hz = Some(10.0);
        }),
        "b: differs from a in reception (range 200 m | range 300 m) and awareness (- | 10 Hz); compare runs that differ \
         in one setting, or in the software"
    );
    assert_eq!(
        with(&|report| report.run.seeds[0] += 1),
        "b: its list of seeds is 2..4, and 1..3 in a; compare runs of the same seeds"
    );
    let mixed = [report(1, 2), Report { version: "2".to_owned(), ..report(2, 2) }];
    assert!(scratch.said(&three(), &mixed).starts_with("b/1.json: its software is 2, and 1 in b/0.json; "));
    assert_eq!(
        scratch.said(&three(), &[report(1, 2), report(1, 3)]),
        "b/1.json: has seed 1, as another report there; give each run once"
    );
    fs::create_dir_all(scratch.0.join("none")).unwrap();
    let none = ComparedSide::read(&scratch.0.join("none")).unwrap_err().to_string();
    assert!(none.contains("none: has neither sweep.json nor a report"), "{none}");
}

#[test]
fn a_setting_that_only_the_command_line_tells_is_named() {
    let scratch = Scratch::new("words");
    let of = |words: &str, missed| {
        let mut report = report(1, missed);
        report.run.command = format!("roadcast replay run t.csv --seed 1 {words}");
        report
    };
    let comparison = scratch.compare(&[of("--quick", 1)], &[of("--speed=2", 2)]);
    assert!(comparison.unwrap_err().to_string().contains("--quick (given | -) and --speed (- | 2)"));
    let comparison = scratch.compare(&[of("--speed 1", 1)], &[of("--speed=2", 2)]).unwrap();
    assert_eq!(comparison.what_differs, [("--speed".to_owned(), "1".to_owned(), "2".to_owned())]);
}

#[test]
fn what_the_machine_took_is_apart_and_never_judged() {
    let scratch = Scratch::new("machine");
    let took = |wall_s: f64| {
        let mut all = reports(&[2, 20, 8]);
        all.iter_mut().for_each(|report| report.machine = Some(Machine::new(60.0, wall_s, None)));
        all
    };
    let comparison = scratch.compare(&took(10.0), &took(20.0)).unwrap();
    assert_eq!(comparison.findings(), 0);
    let wall = comparison.machine.iter().find(|figure| figure.figure == "machine_wall_s").unwrap();
    assert_eq!((wall.difference, wall.verdict), (10.0, DifferenceVerdict::NotJudged));
    assert!(text(&comparison, false).contains("are not judged"));
}

#[test]
fn a_report_of_several_seeds_is_compared_by_its_classes() {
    let scratch = Scratch::new("repeats");
    let whole = |missed: &[u64]| {
        let runs = reports(missed);
        let mut all = runs[0].clone();
        all.run.seeds = (1..=missed.len() as u64).collect();
        all.simulated_s *= missed.len() as f64;
        all.repeats = Repeats::new((1..).zip(&runs).map(|(seed, one)| one.of_seed(seed)).collect());
        all
    };
    let a = ComparedSide::read(&scratch.write("a.json", &whole(&[2, 20, 8, 5]))).unwrap();
    let b = ComparedSide::read(&scratch.write("b.json", &whole(&[12, 31, 18, 16]))).unwrap();
    let comparison = ReportComparison::new(&a, &b).unwrap();
    assert_eq!((comparison.pairs, comparison.classes_alone), (4, true));
    assert_eq!(figure(&comparison, "D2_missed").verdict, DifferenceVerdict::Differs);
    assert!(comparison.figures.iter().all(|figure| figure.figure.starts_with("D2_")));
    assert!(text(&comparison, false).contains("figures of classes alone by seed"));
    // A folder of the same runs is as good.
    for (number, one) in reports(&[2, 20, 8, 5]).iter().enumerate() {
        scratch.write(&format!("each/{number}.json"), one);
    }
    let each = ComparedSide::read(&scratch.0.join("each")).unwrap();
    assert_eq!(ReportComparison::new(&a, &each).unwrap().findings(), 0);
}

#[test]
fn the_page_and_the_json_have_every_figure() {
    let scratch = Scratch::new("page");
    let comparison = scratch.compare(&reports(&[2, 20, 8]), &reports(&[9, 28, 14])).unwrap();
    let page = page(&comparison, "roadcast replay compare a b", "1");
    let json = serde_json::to_value(&comparison).unwrap();
    for figure in &comparison.figures {
        assert!(page.contains(&figure.figure));
        assert!(
            json["figures"].as_array().unwrap().iter().any(|one| one["figure"] == figure.figure.as_str())
        );
    }
    let interval = &json["figures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["figure"] == "D2_missed")
        .unwrap()["interval"];
    assert!(interval.as_array().is_some_and(|ends| ends.len() == 2) && page.ends_with("</html>\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_command_line_makes_the_reader_panic(command in "[-= a-z\\PC]{0,40}", class in "\\PC{0,3}", shares in any::<f64>()) {
        let mut report = report(1, 2);
        report.run.command = command;
        report.classes[2].class = class;
        report.classes[2].miss_ratio = shares;
        report.false_positive_ratio = Some(shares);
        let told = told::Told::of(&report);
        prop_assert!(told.allowed(&told).is_empty() && told.forbidden(&told).is_none());
        prop_assert!(figures(&report).iter().all(|figure| figure.value.as_f64().is_finite()));
    }
}
