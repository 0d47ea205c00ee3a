//! Two reports side by side.

use core::fmt::Write as _;

use crate::report::human::{percent, time};
use crate::report::{ClassReport, Report};

/// Two reports for a terminal: what was run differently, and each class that one of them had traffic of, with the
/// differences (second less first). Where both are about several seeds, the miss ratio is the mean over them, and Welch's
/// t-test says how probable a difference like this is by chance. Plain ASCII, lines of at most 100 columns but for names.
pub fn compare(first: (&str, &Report), second: (&str, &Report)) -> String {
    let mut out = String::with_capacity(2048);
    let mut line = |text: String| {
        writeln!(out, "{}", text.trim_end()).expect("invariant: writing to a String does not fail");
    };
    let (a, b) = (first.1, second.1);
    line(format!("A: {} ({} of {:.1} s)", first.0, a.kind, a.simulated_s));
    line(format!("B: {} ({} of {:.1} s)", second.0, b.kind, b.simulated_s));
    let differences = differences(a, b);
    if differences.is_empty() {
        line("what was run: the same".to_owned());
    } else {
        line("what was run differs:".to_owned());
        for (name, of_a, of_b) in differences {
            line(format!("  {name}: {of_a} | {of_b}"));
        }
    }
    if a.digest.is_some() && a.digest == b.digest {
        line("all outputs are equal".to_owned());
    }
    line(String::new());
    line(format!("{:<12} {:>12} {:>12} {:>12} {:>10}", "class", "A", "B", "B - A", "p"));
    let name = |class: &ClassReport| class.class.clone();
    let mut classes: Vec<_> = a.classes.iter().chain(&b.classes).map(name).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut compared = false;
    for class in classes {
        let of = |report: &Report| report.classes.iter().find(|one| one.class == class).cloned();
        let (of_a, of_b) = (of(a).filter(ClassReport::has_traffic), of(b).filter(ClassReport::has_traffic));
        if of_a.is_none() && of_b.is_none() {
            continue;
        }
        compared = true;
        let ratio = |report: &Report, one: &Option<ClassReport>| {
            let mean = report.repeats.as_ref().and_then(|repeats| repeats.class(&class));
            mean.map(|spread| spread.miss_ratio.mean).or(one.as_ref().map(|one| one.miss_ratio))
        };
        let (ratio_a, ratio_b) = (ratio(a, &of_a), ratio(b, &of_b));
        let change = ratio_a.zip(ratio_b).map(|(a, b)| b - a);
        let shown = |ratio: Option<f64>| ratio.map_or("-".to_owned(), percent);
        line(format!(
            "{:<12} {:>12} {:>12} {:>12} {:>10}",
            format!("{class} missed"),
            shown(ratio_a),
            shown(ratio_b),
            change.map_or("-".to_owned(), |change| signed(change, percent)),
            probability(a, b, &class),
        ));
        let latency = |one: &Option<ClassReport>| {
            one.as_ref().map(|one| one.send_to_delivered).filter(|latency| latency.count > 0)
        };
        let (latency_a, latency_b) = (latency(&of_a), latency(&of_b));
        for (name, figure) in FIGURES {
            let (a, b) = (latency_a.as_ref().map(figure), latency_b.as_ref().map(figure));
            let shown = |ns: Option<u64>| ns.map_or("-".to_owned(), time);
            let change = a.zip(b).map(|(a, b)| b as f64 - a as f64);
            line(format!(
                "{:<12} {:>12} {:>12} {:>12}",
                format!("   {name}"),
                shown(a),
                shown(b),
                change.map_or("-".to_owned(), |ns| signed(ns, |ns| time(ns.round() as u64))),
            ));
        }
    }
    if !compared {
        line("no class had traffic".to_owned());
    }
    line(String::new());
    let several = |report: &Report| report.repeats.as_ref().is_some_and(|repeats| repeats.runs.len() > 1);
    line(if several(a) && several(b) {
        "p: Welch's t-test, two-sided, on the runs' miss ratios; - where the runs of both do not vary"
            .to_owned()
    } else {
        "no p: a test for a difference needs several seeds on both sides (replay run --seeds 1..20)"
            .to_owned()
    });
    out
}

fn probability(a: &Report, b: &Report, class: &str) -> String {
    let spread = |report: &Report| Some(report.repeats.as_ref()?.class(class)?.miss_ratio);
    match spread(a).zip(spread(b)).and_then(|(a, b)| a.welch(&b)) {
        None => "-".to_owned(),
        Some(p) if p < 1e-4 => "<0.0001".to_owned(),
        Some(p) => format!("{p:.4}"),
    }
}

/// What the reports say was run, where it differs: name, first, second.
fn differences(a: &Report, b: &Report) -> Vec<(String, String, String)> {
    let (told_a, told_b) = (told(a), told(b));
    let mut names: Vec<&String> = told_a.iter().chain(&told_b).map(|(name, _)| name).collect();
    let mut seen = Vec::new();
    names.retain(|name| {
        let new = !seen.contains(name);
        seen.push(*name);
        new
    });
    let find = |told: &[(String, String)], name: &str| {
        let found: Vec<_> =
            told.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_str()).collect();
        if found.is_empty() { "-".to_owned() } else { found.join(", ") }
    };
    let both = names.into_iter().map(|name| (name.clone(), find(&told_a, name), find(&told_b, name)));
    both.filter(|(_, a, b)| a != b).collect()
}

fn told(report: &Report) -> Vec<(String, String)> {
    let commit = report.run.commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
    let mut told = vec![
        ("kind".to_owned(), report.kind.to_string()),
        ("software".to_owned(), format!("{}{commit}", report.version)),
        ("signatures verified".to_owned(), report.verify.in_words().to_owned()),
    ];
    told.extend(report.run.inputs.iter().map(|input| (input.role.clone(), input.shown())));
    let options = report.run.options().into_iter().filter(|(name, _)| !name.starts_with("seed"));
    told.extend(options.map(|(name, value)| (name.to_owned(), value)));
    told.push(("seeds".to_owned(), seeds(&report.run.seeds)));
    told
}

/// `1..20` for a row of seeds.
fn seeds(seeds: &[u64]) -> String {
    match seeds {
        [] => "-".to_owned(),
        [first, .., last] if seeds.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) => {
            format!("{first}..{last}")
        }
        _ => seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(","),
    }
}

fn signed(value: f64, shown: impl Fn(f64) -> String) -> String {
    let sign = if value < 0.0 {
        "-"
    } else if value > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", shown(value.abs()))
}

type Figure = fn(&crate::Summary) -> u64;

const FIGURES: [(&str, Figure); 3] = [
    ("p50", |latency| latency.p50_ns),
    ("p99", |latency| latency.p99_ns),
    ("p99.9", |latency| latency.p999_ns),
];

#[cfg(test)]
mod tests {
    use v2x_proto::Class;

    use super::*;
    use crate::{Kind, Repeats, Stats, Verify};

    fn report(misses: &[u64]) -> Report {
        let (mut all, mut runs) = (Stats::new(), Vec::new());
        for (seed, missed) in misses.iter().enumerate() {
            let mut stats = Stats::new();
            let class = stats.class_mut(Class::D2);
            (0..100 - missed).for_each(|_| class.record_delivered(1_000_000));
            (0..*missed).for_each(|_| class.record_undelivered("never_received"));
            let one = Report::new(Kind::Replay, "1", Verify::Once, &stats);
            runs.push(one.of_seed(seed as u64 + 1));
            all.merge(&stats);
        }
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &all);
        report.run.seeds = (1..=misses.len() as u64).collect();
        report.repeats = Repeats::new(runs);
        report
    }

    #[test]
    fn the_difference_and_its_probability_are_told() {
        let (good, bad) = (report(&[1, 2, 3]), report(&[4, 5, 6]));
        let text = compare(("a.json", &good), ("b.json", &bad));
        let row = text.lines().find(|line| line.starts_with("D2 missed")).unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["D2", "missed", "2", "%", "5", "%", "+3", "%", "0.0213"]
        );
        assert!(text.contains("what was run: the same") && text.contains("Welch"), "{text}");
        assert!(!text.contains("D0"), "a class without traffic has no row: {text}");
    }

    #[test]
    fn what_was_run_differently_is_named_and_one_run_is_no_test() {
        let (mut near, far) = (report(&[1]), report(&[4]));
        near.run.range_m = Some(200.0);
        let text = compare(("a.json", &near), ("b.json", &far));
        assert!(text.contains("  radio range: 200 m | -") && text.contains("no p: "), "{text}");
        let same = compare(("a.json", &far), ("a.json", &far));
        assert!(same.contains("what was run: the same") && !same.contains('+'), "{same}");
    }

    #[test]
    fn a_row_of_seeds_is_short() {
        assert_eq!(seeds(&[3, 4, 5]), "3..5");
        assert_eq!((seeds(&[1, 2, 5]), seeds(&[7]), seeds(&[])), ("1,2,5".into(), "7".into(), "-".into()));
    }
}
