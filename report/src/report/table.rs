//! The report as a table for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::human::{count, percent, time};
use super::{ClassReport, DistanceBin, Provoked, Report, Verdict};
use crate::stats::{Stage, Summary};

impl Report {
    /// The report for a terminal: plain ASCII, human units, newline at the end; lines of at most 100 columns, but for
    /// warnings, which stay whole.
    pub fn table(&self) -> String {
        let mut out = String::with_capacity(4096);
        headline(&mut out, self);
        classes(&mut out, &self.classes);
        for class in self.classes.iter().filter(|class| class.has_traffic()) {
            stages(&mut out, class);
        }
        by_distance(&mut out, &self.age_of_information, &self.inter_packet_gap);
        for class in self.classes.iter().filter(|class| !class.undelivered.is_empty()) {
            reasons(&mut out, &format!("{} undelivered", class.class), &class.undelivered, class.expected);
        }
        reasons(&mut out, "dropped frames", &self.drops, self.frames.received);
        if let Some(found) = &self.linkability {
            let (changes, linked) = (count(found.changes), count(found.linked));
            out.push('\n');
            line(
                &mut out,
                format_args!(
                    "pseudonyms: {changes} changes, {linked} linked by an eavesdropper ({})",
                    percent(found.ratio)
                ),
            );
        }
        detection(&mut out, self);
        let floods: Vec<_> = self.flood.iter().chain(&self.flood_baselines).collect();
        super::flood::render(&floods, &mut out);
        if !self.warnings.is_empty() {
            out.push('\n');
        }
        for warning in &self.warnings {
            line(&mut out, format_args!("warning: {warning}"));
        }
        out.push('\n');
        verdict(&mut out, self);
        out
    }

    /// The same without stages and distances, on at most 22 lines of 80 columns: what was dropped and the warnings first,
    /// the classes and the verdict last, so that they stay on a small screen.
    pub fn short_table(&self) -> String {
        let mut out = String::with_capacity(2048);
        most_dropped(&mut out, &self.drops);
        let shown = self.warnings.len().min(SHORT_WARNINGS);
        for warning in &self.warnings[..shown] {
            line(&mut out, format_args!("warning: {warning}"));
        }
        if self.warnings.len() > shown {
            line(&mut out, format_args!("and {} more warnings (-v shows them)", self.warnings.len() - shown));
        }
        headline(&mut out, self);
        classes(&mut out, &self.classes);
        out.push('\n');
        verdict(&mut out, self);
        out
    }
}

/// The most frequent reasons in one or two lines.
fn most_dropped(out: &mut String, drops: &BTreeMap<String, u64>) {
    let mut sorted: Vec<_> = drops.iter().collect();
    sorted.sort_by_key(|(_, count)| core::cmp::Reverse(**count));
    let mut parts: Vec<_> = sorted
        .iter()
        .take(SHORT_REASONS)
        .map(|(reason, number)| format!("{reason} {}", count(**number)))
        .collect();
    if sorted.len() > SHORT_REASONS {
        let more = sorted.len() - SHORT_REASONS;
        parts.push(format!("{more} other reason{}", if more == 1 { "" } else { "s" }));
    }
    if !parts.is_empty() {
        wrap(out, "dropped frames: ", &parts);
    }
}

fn headline(out: &mut String, report: &Report) {
    line(
        out,
        format_args!(
            "{} | roadcast {} | {} stations | {:.1} s in {:.1} s ({:.1} x real time)",
            report.kind,
            report.version,
            report.stations,
            report.simulated_s,
            report.wall_s,
            report.realtime_factor
        ),
    );
    if let Some(digest) = &report.digest {
        line(out, format_args!("digest {digest}"));
    }
    line(
        out,
        format_args!(
            "frames: {} received = {} delivered + {} dropped | verify {}",
            report.frames.received, report.frames.delivered, report.frames.dropped, report.verify
        ),
    );
}

fn classes(out: &mut String, classes: &[ClassReport]) {
    out.push('\n');
    line(
        out,
        format_args!(
            "{:<9} {:>7} {:>8} {:>6} {:>7} {:>7} {:>7} {:>7} {:>7} {:<6}",
            "class", "sent", "expected", "missed", "ratio", "p50", "p99", "p99.9", "max", "result"
        ),
    );
    for class in classes {
        let deadline = class.deadline_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let latency = &class.send_to_delivered;
        line(
            out,
            format_args!(
                "{:<9} {:>7} {:>8} {:>6} {:>7} {:>7} {:>7} {:>7} {:>7} {:<6}",
                format!("{} {deadline:>6}", class.class),
                count(class.sent),
                count(class.expected),
                count(class.missed),
                if class.has_traffic() { percent(class.miss_ratio) } else { "-".to_owned() },
                time_of(latency, latency.p50_ns),
                time_of(latency, latency.p99_ns),
                time_of(latency, latency.p999_ns),
                time_of(latency, latency.max_ns),
                result(class)
            ),
        );
    }
}

fn result(class: &ClassReport) -> &'static str {
    if !class.has_traffic() {
        "idle"
    } else if class.deadline_ms.is_none() {
        "-"
    } else if class.met {
        "met"
    } else {
        "MISSED"
    }
}

fn stages(out: &mut String, class: &ClassReport) {
    if class.stages.is_empty() {
        return;
    }
    out.push('\n');
    line(
        out,
        format_args!(
            "{:<32} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
            format!("{} stages", class.class),
            "count",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max"
        ),
    );
    for stage in Stage::ALL {
        if let Some(summary) = class.stages.get(stage.name()) {
            line(
                out,
                format_args!(
                    "  {:<30} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
                    stage.name(),
                    count(summary.count),
                    time(summary.p50_ns),
                    time(summary.p90_ns),
                    time(summary.p99_ns),
                    time(summary.p999_ns),
                    time(summary.max_ns)
                ),
            );
        }
    }
}

fn by_distance(out: &mut String, ages: &[DistanceBin], gaps: &[DistanceBin]) {
    if ages.iter().chain(gaps).all(|bin| bin.count == 0) {
        return;
    }
    out.push('\n');
    line(
        out,
        format_args!(
            "{:<10} {:>30}   {:>30}",
            "distance", "age of information p50/p95/p99", "inter-packet gap p50/p95/p99"
        ),
    );
    for age in ages {
        let gap = gaps.iter().find(|gap| gap.from_m == age.from_m);
        if age.count == 0 && gap.is_none_or(|gap| gap.count == 0) {
            continue;
        }
        let range = match age.to_m {
            Some(to_m) => format!("{}-{to_m} m", age.from_m),
            None => format!("{}+ m", age.from_m),
        };
        let quantiles = |bin: Option<&DistanceBin>| match bin {
            Some(bin) if bin.count > 0 => {
                format!("{:>9} {:>9} {:>9}", time(bin.p50_ns), time(bin.p95_ns), time(bin.p99_ns))
            }
            _ => format!("{:>9} {:>9} {:>9}", "-", "-", "-"),
        };
        line(out, format_args!("{range:<10} {:>30}   {:>30}", quantiles(Some(age)), quantiles(gap)));
    }
}

fn reasons(out: &mut String, title: &str, counts: &BTreeMap<String, u64>, of: u64) {
    if counts.is_empty() {
        return;
    }
    out.push('\n');
    line(out, format_args!("{title}"));
    // Most frequent first; equal counts in the order of their names.
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| core::cmp::Reverse(**count));
    for (reason, number) in sorted {
        let share = if of == 0 { 0.0 } else { *number as f64 / of as f64 };
        line(out, format_args!("  {reason:<40} {:>10} {:>8}", count(*number), percent(share)));
    }
}

fn detection(out: &mut String, report: &Report) {
    let Some(attacks) = &report.detection else { return };
    out.push('\n');
    let title =
        format_args!("{:<24} {:>9} {:>9} {:>9} {:>12}", "attack", "precision", "recall", "F1", "detected in");
    line(out, title);
    for one in attacks {
        let median = one.median_detect_s.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2} s"));
        line(
            out,
            format_args!(
                "  {:<22} {:>9.3} {:>9.3} {:>9.3} {:>12}",
                one.attack, one.precision, one.recall, one.f1, median
            ),
        );
        if let Some(Provoked { by, frames, credentials }) = one.provoked {
            let text =
                format_args!("    provoked by {by} frames: {frames} frames, {credentials} credentials");
            line(out, text);
        }
    }
    if let Some(ratio) = report.false_positive_ratio {
        line(out, format_args!("  suspected without attackers: {} of stations", percent(ratio)));
    }
}

fn verdict(out: &mut String, report: &Report) {
    let judged = report.classes.iter().filter(|class| class.has_traffic() && class.miss_target.is_some());
    let mut parts = Vec::new();
    for class in judged.filter(|class| (report.verdict == Verdict::Met) == class.met) {
        parts.push(format!(
            "{} {} missed (target {})",
            class.class,
            percent(class.miss_ratio),
            percent(class.miss_target.unwrap_or_default())
        ));
    }
    if parts.is_empty() {
        parts.push("no class with a deadline had traffic".to_owned());
    }
    wrap(out, &format!("verdict: {} - ", report.verdict.to_string().to_uppercase()), &parts);
}

/// A list after its title; further lines are indented below it.
fn wrap(out: &mut String, title: &str, parts: &[String]) {
    let mut current = title.to_owned();
    let indent = " ".repeat(current.len());
    for (index, part) in parts.iter().enumerate() {
        let comma = if index + 1 < parts.len() { ", " } else { "" };
        if current.len() + part.len() + comma.len() > WIDTH {
            line(out, format_args!("{current}"));
            current.clone_from(&indent);
        }
        current.push_str(part);
        current.push_str(comma);
    }
    line(out, format_args!("{current}"));
}

/// Appends one line without trailing blanks.
fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    let start = out.len();
    write!(out, "{text}").expect("invariant: writing to a String does not fail");
    let end = start + out[start..].trim_end().len();
    out.truncate(end);
    out.push('\n');
}

fn time_of(summary: &Summary, ns: u64) -> String {
    if summary.count == 0 { "-".to_owned() } else { time(ns) }
}

/// Columns of a terminal the table fits in.
const WIDTH: usize = 80;
/// Reasons and warnings on a small screen.
const SHORT_REASONS: usize = 4;
const SHORT_WARNINGS: usize = 2;
