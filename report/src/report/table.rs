//! The report as a table for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::human::{count, counted, percent, time};
use super::{ClassReport, DistanceBin, Provoked, Report, Verdict};
use crate::counts::largest_first;
use crate::histogram::Summary;
use crate::stats::Stage;

impl Report {
    /// The report for a terminal: plain ASCII, human units, newline at the end; lines of at most 80 columns, but for
    /// names of files, command lines and warnings, which stay whole. The classes and the verdict come last, where a
    /// reader of a small screen sees them.
    pub fn table(&self) -> String {
        self.text(false)
    }

    /// The same with the latencies of every stage.
    pub fn table_with_stages(&self) -> String {
        self.text(true)
    }

    fn text(&self, with_stages: bool) -> String {
        let mut out = String::with_capacity(4096);
        headline(&mut out, self);
        if with_stages {
            for class in self.classes.iter().filter(|class| class.has_traffic()) {
                stages(&mut out, class);
            }
        }
        by_distance(&mut out, &self.age_of_information, &self.inter_packet_gap);
        super::reception::render_deliveries(&mut out, &self.delivery_by_distance);
        if with_stages {
            super::reception::render_losses(&mut out, &self.losses_by_distance);
        }
        for class in self.classes.iter().filter(|class| !class.undelivered.is_empty()) {
            reasons(&mut out, &format!("{} undelivered", class.class), &class.undelivered, class.expected);
        }
        reasons(&mut out, "dropped frames", &self.drops, self.frames.received);
        super::reception::render_worst(&mut out, &self.worst_pairs, &self.worst_stations);
        apart(&mut out, &self.classes);
        if let Some(found) = &self.linkability {
            let (changes, linked) = (count(found.changes), count(found.linked));
            out.push('\n');
            line(
                &mut out,
                format_args!(
                    "pseudonyms: {changes} changes, {linked} linked by an eavesdropper that follows positions ({})",
                    percent(found.ratio)
                ),
            );
            super::markers::render(&mut out, &found.markers);
        }
        detection(&mut out, self);
        if let Some(damage) = &self.damage {
            damage.render(&mut out);
        }
        super::faults::render(&self.faults, &mut out);
        let floods: Vec<_> = self.flood.iter().chain(&self.flood_baselines).collect();
        super::flood::render(&floods, &mut out);
        if !self.notes.is_empty() || !self.warnings.is_empty() {
            out.push('\n');
        }
        for note in &self.notes {
            wrapped(&mut out, "note: ", std::slice::from_ref(note));
        }
        for warning in &self.warnings {
            line(&mut out, format_args!("warning: {warning}"));
        }
        if let Some(repeats) = &self.repeats {
            repeats.render(&mut out);
        }
        classes(&mut out, &self.classes);
        out.push('\n');
        verdict(&mut out, self);
        out
    }

    /// The same without stages and distances, on at most 22 lines of 80 columns: what was dropped and the warnings first,
    /// the classes and the verdict last, so that they stay on a small screen.
    pub fn short_table(&self) -> String {
        let mut out = String::with_capacity(2048);
        most_dropped(&mut out, &self.drops);
        let above = out.lines().count();
        let mut shown = 0;
        for warning in &self.warnings {
            let before = out.len();
            wrapped(&mut out, "warning: ", std::slice::from_ref(warning));
            if shown > 0 && out.lines().count() > above + SHORT_WARNINGS {
                out.truncate(before);
                break;
            }
            shown += 1;
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
    let sorted = largest_first(drops);
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
        wrapped(out, "dropped frames: ", &parts);
    }
}

fn headline(out: &mut String, report: &Report) {
    let took = report.machine.map_or_else(String::new, |machine| {
        format!(", took {:.1} s ({} x real time)", machine.wall_s, machine.factor())
    });
    line(
        out,
        format_args!(
            "{} of {:.1} s with {}{took}",
            report.kind,
            report.simulated_s,
            counted(report.stations, "station")
        ),
    );
    let commit = report.run.commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
    line(out, format_args!("roadcast {}{commit}", report.version));
    if !report.run.command.is_empty() {
        line(out, format_args!("command: {}", report.run.command));
    }
    for input in &report.run.inputs {
        line(out, format_args!("{}: {}", input.role, input.shown()));
    }
    let mut options: Vec<_> =
        report.run.options().into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    options.push(format!("signatures verified {}", report.verify.in_words()));
    wrapped(out, "", &options);
    if let Some(digest) = &report.digest {
        line(out, format_args!("output digest {digest}"));
    }
    line(
        out,
        format_args!(
            "frames: {} received = {} delivered + {} dropped",
            report.frames.received, report.frames.delivered, report.frames.dropped
        ),
    );
    if let Some(afar) = &report.afar {
        wrapped(out, "", &[format!("from afar: {}", afar.in_words())]);
    }
    if let Some(processor) = &report.processor {
        wrapped(out, "processor: ", &processor.in_words());
    }
    if let Some(channel) = &report.channel {
        line(out, format_args!("channel: {}", channel.in_words()));
    }
    if let Some(congestion) = &report.congestion {
        wrapped(out, "congestion control: ", &[congestion.in_words()]);
    }
    if let Some(ocb) = &report.ocb {
        line(out, format_args!("OCB: {}", ocb.in_words()));
    }
}

/// What stands outside the counts of the classes.
fn apart(out: &mut String, classes: &[ClassReport]) {
    let mut begun = false;
    for (class, (name, number)) in
        classes.iter().flat_map(|class| class.apart.iter().map(move |entry| (class, entry)))
    {
        if !begun {
            out.push('\n');
            line(out, format_args!("outside the counts"));
            begun = true;
        }
        line(out, format_args!("  {:<40} {:>10}", format!("{} {name}", class.class), count(*number)));
    }
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
    // In virtual time most stages take no time.
    let shown = || {
        let known = Stage::ALL.into_iter().filter_map(|stage| Some((stage, class.stages.get(stage.name())?)));
        known.filter(|(_, summary)| summary.max_ns > 0)
    };
    if shown().next().is_none() {
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
    for (stage, summary) in shown() {
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
    for (reason, number) in largest_first(counts) {
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
    let parts: Vec<_> = match report.verdict {
        Verdict::NothingToJudge => report.nothing_because(),
        _ => report
            .classes
            .iter()
            .filter(|class| class.is_judged() && (report.verdict == Verdict::Met) == class.met)
            .map(|class| {
                format!(
                    "{} {} missed (target {})",
                    class.class,
                    percent(class.miss_ratio),
                    percent(class.miss_target.unwrap_or_default())
                )
            })
            .collect(),
    };
    let title = format!("verdict: {} - ", report.verdict.to_string().to_uppercase());
    wrapped(out, &title, &parts);
    if report.verdict == Verdict::Missed
        && let Some(denial) = report.denial()
    {
        wrapped(out, &" ".repeat("verdict: ".len()), &[denial]);
    }
}

/// A list after a title, broken between its parts and, where one is too long, its words.
fn wrapped(out: &mut String, title: &str, parts: &[String]) {
    let indent = " ".repeat(title.len());
    let mut current = title.to_owned();
    let mut empty = true;
    for (index, part) in parts.iter().enumerate() {
        let comma = if index + 1 < parts.len() { "," } else { "" };
        let whole = title.len() + part.len() + comma.len() <= WIDTH;
        let part = format!("{part}{comma}");
        let pieces: Vec<&str> = if whole { vec![&part] } else { part.split(' ').collect() };
        for piece in pieces {
            let blank = usize::from(!empty);
            if !empty && current.len() + blank + piece.len() > WIDTH {
                line(out, format_args!("{current}"));
                current.clone_from(&indent);
                empty = true;
            }
            if !empty {
                current.push(' ');
            }
            current.push_str(piece);
            empty = false;
        }
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
/// Reasons, and lines of warnings, on a small screen; the first warning is whole.
const SHORT_REASONS: usize = 4;
const SHORT_WARNINGS: usize = 2;
