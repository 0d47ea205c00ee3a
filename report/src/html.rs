//! The report as one HTML page: no script, no external file, light and dark, readable from a file or a mail.
//!
//! Plots are inline SVG. All text from a file or a peer (names, reasons, versions) is escaped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::counts::largest_first;
use crate::report::human::{count, percent, time};
use crate::report::{ClassReport, DistanceBin, LossBin, Report, Verdict};

mod attack;
mod csv;
mod curve_plot;
mod curves;
mod differences;
mod faults;
mod figure_table;
mod flood;
mod head;
mod map;
mod plot;
mod text;
mod timeline;
mod worst;

use text::{escape, put};

pub use curve_plot::{CurvePlot, CurvePoint, CurveScale, MeasuredCurve};
pub use curves::{CurvePage, CurveSection, render_curves};
pub use differences::{DifferencePage, DifferenceRow, DifferenceSection, render_differences};
pub use figure_table::{FigureCell, FigureTable};
pub use map::{MOST_MOMENTS, MapData, MapMoment, TrackKind, TrackLine, UnitMark};

/// The whole page.
pub fn render(report: &Report, map: &MapData) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let title = match report.verdict {
        Verdict::NothingToJudge => format!("Roadcast {}: nothing to judge", report.kind),
        verdict => format!("Roadcast {}: deadlines {verdict}", report.kind),
    };
    put!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    header(&mut page, report);
    page.push_str("<main>\n");
    // The head tells what the machine kept.
    let denial = report.denial();
    let warnings: Vec<_> =
        report.warnings.iter().filter(|warning| Some(*warning) != denial.as_ref()).cloned().collect();
    list(&mut page, "warnings", &warnings);
    classes(&mut page, &report.classes);
    timeline::section(&mut page, report);
    latency(&mut page, &report.classes);
    attack::section(&mut page, report);
    faults::section(&mut page, report);
    flood::section(&mut page, report);
    map::section(&mut page, map);
    stages(&mut page, &report.classes);
    distances(&mut page, report);
    on_the_air(&mut page, &report.losses_by_distance);
    worst::section(&mut page, report);
    losses(&mut page, report);
    list(&mut page, "notes", &report.notes);
    put!(
        page,
        "<details><summary>The same figures as text</summary><pre>{}</pre></details>\n",
        escape(&report.table_with_stages())
    );
    csv::links(&mut page, report);
    page.push_str("</main>\n");
    page.push_str(
        "<footer>Load is open loop: a latency starts when a message was meant to be sent. A miss is one \
         (message, intended receiver) pair not served in time, late or never.</footer>\n</body>\n</html>\n",
    );
    page
}

fn header(page: &mut String, report: &Report) {
    let (mood, headline) = match report.verdict {
        Verdict::Met => ("good", "Deadlines met"),
        Verdict::Missed => ("bad", "Deadlines missed"),
        Verdict::NothingToJudge => ("none", "Nothing to judge"),
    };
    put!(
        page,
        "<header class=\"{mood}\"><div class=\"wrap\"><p class=\"kind\">Roadcast {}</p><h1>{headline}</h1><p>{}</p>\n",
        report.kind,
        escape(&summary(report))
    );
    if let Some(denial) = report.denial() {
        put!(page, "<p class=\"denied\">{}.</p>\n", escape(&capitalised(denial)));
    }
    page.push_str("<dl>");
    let mut fact =
        |name: &str, value: &str| put!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
    fact("stations", &report.stations.to_string());
    fact("run", &format!("{:.1} s", report.simulated_s));
    if let Some(machine) = &report.machine {
        fact("took", &format!("{:.1} s ({} x real time)", machine.wall_s, machine.factor()));
    }
    fact("frames received", &report.frames.received.to_string());
    if let Some(afar) = &report.afar {
        fact("from afar", &afar.in_words());
    }
    if let Some(channel) = &report.channel {
        fact("channel", &channel.in_words());
    }
    if let Some(congestion) = &report.congestion {
        fact("congestion control", &congestion.in_words());
    }
    if let Some(ocb) = &report.ocb {
        fact("OCB", &ocb.in_words());
    }
    fact("signatures verified", report.verify.in_words());
    for input in &report.run.inputs {
        fact(&escape(&input.role), &input.shown());
    }
    for (name, value) in report.run.options() {
        fact(name, &value);
    }
    let commit = report.run.commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
    fact("version", &format!("{}{commit}", report.version));
    if let Some(digest) = &report.digest {
        fact("output digest", digest.get(..16).unwrap_or(digest));
    }
    page.push_str("</dl>\n");
    if !report.run.command.is_empty() {
        put!(page, "<p class=\"command\"><code>{}</code></p>\n", escape(&report.run.command));
    }
    page.push_str("</div></header>\n");
}

/// The verdict in a sentence.
fn summary(report: &Report) -> String {
    if report.verdict == Verdict::NothingToJudge {
        return capitalised(report.nothing_because().join(": ")) + ".";
    }
    let judged = || report.classes.iter().filter(|class| class.is_judged());
    let failed: Vec<_> = judged().filter(|class| !class.met).map(|class| class.class.as_str()).collect();
    match (judged().count(), failed.len()) {
        (1, 0) => "The one class with traffic kept its target.".to_owned(),
        (1, _) => {
            format!("{}, the one class with traffic, missed more than its target allows.", failed.join(""))
        }
        (all, 0) => format!("All {all} classes with traffic kept their targets."),
        (all, _) => {
            format!("{} of {all} classes with traffic missed more than its target allows.", failed.join(", "))
        }
    }
}

fn capitalised(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn list(page: &mut String, style: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    put!(page, "<section class=\"{style}\"><ul>");
    for line in lines {
        put!(page, "<li>{}</li>", escape(line));
    }
    page.push_str("</ul></section>\n");
}

fn classes(page: &mut String, classes: &[ClassReport]) {
    page.push_str("<section><h2>Classes</h2>\n<div class=\"cards\">\n");
    for class in classes.iter().filter(|class| class.has_traffic()) {
        let (mood, result) = match (class.deadline_ms, class.met) {
            (None, _) => ("plain", "no deadline".to_owned()),
            (Some(ms), true) => ("good", format!("within {ms} ms: met")),
            (Some(ms), false) => ("bad", format!("within {ms} ms: missed")),
        };
        let target =
            class.miss_target.map_or_else(String::new, |target| format!(", target {}", percent(target)));
        put!(
            page,
            "<article class=\"card {} {mood}\"><h3><b>{}</b> {}</h3><p class=\"result\">{result}</p>\
             <p class=\"ratio\">{} <small>missed{target}</small></p>",
            colour(class),
            escape(&class.class),
            purpose(&class.class),
            percent(class.miss_ratio)
        );
        served(page, class);
        let latency = &class.send_to_delivered;
        page.push_str("<dl>");
        for (name, ns) in [
            ("p50", latency.p50_ns),
            ("p99", latency.p99_ns),
            ("p99.9", latency.p999_ns),
            ("max", latency.max_ns),
        ] {
            let shown = if latency.count == 0 { "-".to_owned() } else { time(ns) };
            put!(page, "<div><dt>{name}</dt><dd>{shown}</dd></div>");
        }
        put!(
            page,
            "</dl><p class=\"note\">{} message{},<br>{} expected deliver{}",
            count(class.sent),
            if class.sent == 1 { "" } else { "s" },
            count(class.expected),
            if class.expected == 1 { "y" } else { "ies" }
        );
        for (name, number) in &class.apart {
            put!(page, "<br>{} {}, not counted", count(*number), escape(&name.replace('_', " ")));
        }
        page.push_str("</p></article>\n");
    }
    page.push_str("</div>\n");
    let idle: Vec<_> = classes
        .iter()
        .filter(|class| !class.has_traffic())
        .map(|class| format!("{} {}", escape(&class.class), purpose(&class.class)))
        .collect();
    if !idle.is_empty() {
        put!(page, "<p class=\"note\">No traffic, not judged: {}.</p>\n", idle.join(", "));
    }
    page.push_str("</section>\n");
}

/// One bar with the shares delivered in time, late and never.
fn served(page: &mut String, class: &ClassReport) {
    let all = class.expected.max(1) as f64;
    let in_time = class.expected.saturating_sub(class.missed);
    page.push_str("<div class=\"served\">");
    for (kind, number, words) in [
        ("intime", in_time, if class.deadline_ms.is_some() { "in time" } else { "delivered" }),
        ("late", class.delivered_late, "late"),
        ("never", class.missed.saturating_sub(class.delivered_late), "never delivered"),
    ] {
        if number > 0 {
            put!(
                page,
                "<i class=\"{kind}\" style=\"flex:{:.5}\" title=\"{number} {words}\"></i>",
                number as f64 / all
            );
        }
    }
    page.push_str("</div>");
}

fn latency(page: &mut String, classes: &[ClassReport]) {
    let shown: Vec<_> = classes.iter().filter(|class| !class.percentiles.is_empty()).collect();
    if shown.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Latency</h2><p class=\"note\">From the intended send to the verified message at the receiving \
         application: the share of deliveries (across) that took at most so long (up). Both axes are \
         logarithmic.</p>\n<div class=\"plots\">\n",
    );
    for class in shown {
        put!(
            page,
            "<figure class=\"{}\"><figcaption><b>{}</b> {}</figcaption>{}</figure>\n",
            colour(class),
            escape(&class.class),
            purpose(&class.class),
            plot::percentiles(&class.percentiles, class.deadline_ms, class.send_to_delivered.count)
        );
    }
    page.push_str("</div></section>\n");
}

fn stages(page: &mut String, classes: &[ClassReport]) {
    let takes_time = |class: &&ClassReport| class.stages.values().any(|stage| stage.max_ns > 0);
    let shown: Vec<_> = classes.iter().filter(|class| class.has_traffic()).filter(takes_time).collect();
    if shown.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Where the time goes</h2><p class=\"note\">Each stage is named by its two end points; those that took no \
         time are left out. The bar runs from the median to p99.9, with a mark at p99; logarithmic.</p>\n\
         <div class=\"plots\">\n",
    );
    for class in shown {
        put!(
            page,
            "<figure class=\"{}\"><figcaption><b>{}</b> {}</figcaption>{}</figure>\n",
            colour(class),
            escape(&class.class),
            purpose(&class.class),
            plot::stages(&class.stages)
        );
    }
    page.push_str("</div></section>\n");
}

fn distances(page: &mut String, report: &Report) {
    let empty = |bins: &[DistanceBin]| bins.iter().all(|bin| bin.count == 0);
    let delivered = report.delivery_by_distance.iter().any(|bin| bin.expected > 0);
    if empty(&report.age_of_information) && empty(&report.inter_packet_gap) && !delivered {
        return;
    }
    page.push_str("<section><h2>By distance</h2>\n<div class=\"plots\">\n");
    if delivered {
        put!(
            page,
            "<figure class=\"d2\"><figcaption><b>Delivery ratio</b>: share of the awareness meant for stations at this \
             distance that arrived</figcaption>{}</figure>\n",
            plot::deliveries(&report.delivery_by_distance)
        );
    }
    for (title, text, bins) in [
        ("Age of information", "how old the newest awareness of a neighbour was", &report.age_of_information),
        (
            "Inter-packet gap",
            "time between two awareness messages of one neighbour",
            &report.inter_packet_gap,
        ),
    ] {
        if !empty(bins) {
            put!(
                page,
                "<figure class=\"d2\"><figcaption><b>{title}</b>: {text}</figcaption>{}</figure>\n",
                plot::distances(bins)
            );
        }
    }
    page.push_str("</div></section>\n");
}

/// What the medium made of all frames, by distance and cause.
fn on_the_air(page: &mut String, bins: &[LossBin]) {
    let Some(first) = bins.iter().find(|bin| bin.frames > 0) else { return };
    page.push_str(
        "<section><h2>On the air</h2>\n<p class=\"note\">All frames at all stations about this far from the sender, meant for them or \
         not.</p><figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>distance</th><th>frames</th><th>received</th>",
    );
    for cause in first.lost.keys() {
        put!(page, "<th>{}</th>", escape(&cause.replace('_', " ")));
    }
    page.push_str("</tr></thead><tbody>\n");
    for bin in bins.iter().filter(|bin| bin.frames > 0) {
        put!(page, "<tr><th>{} m</th><td>{}</td>", bin.at_m, count(bin.frames));
        for part in core::iter::once(&bin.received).chain(bin.lost.values()) {
            put!(page, "<td>{}</td>", percent(*part as f64 / bin.frames as f64));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></figure></section>\n");
}

fn losses(page: &mut String, report: &Report) {
    let undelivered = report.classes.iter().filter(|class| !class.undelivered.is_empty());
    if report.drops.is_empty() && undelivered.clone().next().is_none() {
        return;
    }
    page.push_str("<section><h2>Losses</h2>\n<div class=\"plots\">\n");
    for class in undelivered {
        let title =
            format!("<b>{}</b> never delivered, of {} expected", escape(&class.class), count(class.expected));
        bars(page, colour(class), &title, &class.undelivered, class.expected);
    }
    if !report.drops.is_empty() {
        let title = format!("<b>Dropped frames</b>, of {} received", count(report.frames.received));
        bars(page, "d5", &title, &report.drops, report.frames.received);
    }
    page.push_str("</div></section>\n");
}

/// A list of reasons, the most frequent first, each with a bar relative to the first.
fn bars(page: &mut String, colour: &str, title: &str, counts: &BTreeMap<String, u64>, of: u64) {
    let sorted = largest_first(counts);
    let most = sorted.first().map_or(1, |(_, number)| **number).max(1) as f64;
    put!(page, "<figure class=\"{colour}\"><figcaption>{title}</figcaption><ul class=\"bars\">");
    for (reason, number) in sorted {
        put!(
            page,
            "<li><span>{}</span><i><b style=\"width:{:.2}%\"></b></i><em>{} <small>{}</small></em></li>",
            escape(&reason.replace('_', " ")),
            *number as f64 / most * 100.0,
            count(*number),
            percent(*number as f64 / of.max(1) as f64)
        );
    }
    page.push_str("</ul></figure>\n");
}

/// The style class of a deadline class; an unknown class gets that of the last.
fn colour(class: &ClassReport) -> &'static str {
    match class.class.as_str() {
        "D0" => "d0",
        "D1" => "d1",
        "D2" => "d2",
        "D3" => "d3",
        "D4" => "d4",
        _ => "d5",
    }
}

/// What a deadline class is for; nothing of an unknown one.
pub fn purpose(class: &str) -> &'static str {
    match class {
        "D0" => "imminent danger",
        "D1" => "alert",
        "D2" => "awareness",
        "D3" => "area hazard",
        "D4" => "infrastructure",
        "D5" => "background",
        _ => "",
    }
}

const STYLE: &str = include_str!("html/style.css");

#[cfg(test)]
mod tests;
