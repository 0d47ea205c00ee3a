//! Plots as inline SVG. Coordinates are those of the picture; the page scales it.

use core::iter;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::text::{escape, put};
use crate::histogram::Summary;
use crate::report::human::{count, time};
use crate::report::{DeliveryBin, DistanceBin};
use crate::stats::Stage;

/// Latency over percentile, with the deadline; `points` are `(quantile, ns)`, rising.
pub(super) fn percentiles(points: &[(f64, u64)], deadline_ms: Option<u64>, samples: u64) -> String {
    let shares = |point: &&(f64, u64)| (0.0..=1.0).contains(&point.0);
    let points: Vec<_> = points.iter().filter(shares).copied().collect();
    let deadline_ns = deadline_ms.map(|ms| ms.saturating_mul(1_000_000));
    let shown = |pick: fn(u64, u64) -> u64| points.iter().map(|point| point.1).reduce(pick).unwrap_or(1);
    let scale =
        LogScale::new(shown(u64::min), shown(u64::max).max(deadline_ns.unwrap_or(0)), (TOP + HEIGHT, TOP));
    let nines = (samples.max(100) as f64).log10();
    let x = |quantile: f64| LEFT + (-(1.0 - quantile).max(1e-12).log10()).min(nines) / nines * WIDTH;

    let mut svg = open(TOP + HEIGHT + 44.0);
    if let Some(deadline_ns) = deadline_ns {
        let y = scale.at(deadline_ns);
        put!(
            svg,
            "<rect class=\"beyond\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{WIDTH}\" height=\"{:.1}\"/>",
            (y - TOP).max(0.0)
        );
    }
    for (ns, y) in scale.decades() {
        put!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            LEFT + WIDTH
        );
        put!(svg, "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", LEFT - 8.0, y + 4.0, decade(ns));
    }
    let ticks = [
        (0.0f64, "min"),
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
        (0.99999, "99.999 %"),
    ];
    for (quantile, name) in ticks
        .into_iter()
        .filter(|(quantile, _)| -(1.0 - quantile).log10() <= nines + 1e-6)
        // On a long axis the label of the median would cover that of the minimum.
        .filter(|(quantile, _)| *quantile != 0.5 || nines < 3.1)
    {
        let at = x(quantile);
        put!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>",
            TOP + HEIGHT
        );
        put!(svg, "<text class=\"mid\" x=\"{at:.1}\" y=\"{:.1}\">{name}</text>", TOP + HEIGHT + 18.0);
    }
    put!(
        svg,
        "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">share of {} deliveries</text>",
        LEFT + WIDTH,
        TOP + HEIGHT + 37.0,
        count(samples)
    );

    let mut line = String::new();
    for &(quantile, ns) in &points {
        put!(line, "{}{:.1} {:.1}", if line.is_empty() { "M" } else { "L" }, x(quantile), scale.at(ns));
    }
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        let bottom = TOP + HEIGHT;
        put!(
            svg,
            "<path class=\"under\" d=\"{line}L{:.1} {bottom}L{:.1} {bottom}Z\"/>",
            x(last.0),
            x(first.0)
        );
    }
    put!(svg, "<path class=\"curve\" d=\"{line}\"/>");
    for &(quantile, ns) in &points {
        put!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"7\" fill=\"transparent\"><title>{} % took at most {}</title></circle>",
            x(quantile),
            scale.at(ns),
            // Rounded as the points are, so that 99.9 does not read 99.90000000000001.
            (quantile * 1e9).round() / 1e7,
            time(ns)
        );
    }
    if let (Some(ns), Some(ms)) = (deadline_ns, deadline_ms) {
        let y = scale.at(ns);
        put!(
            svg,
            "<line class=\"deadline\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            LEFT + WIDTH
        );
        put!(
            svg,
            "<text class=\"deadline-name end\" x=\"{:.1}\" y=\"{:.1}\">- - deadline {ms} ms</text>",
            LEFT + WIDTH,
            TOP - 7.0
        );
    }
    svg.push_str("</svg>");
    svg
}

/// One bar a stage that took time, from the median to p99.9, with a mark at p99.
pub(super) fn stages(stages: &BTreeMap<String, Summary>) -> String {
    let known = Stage::ALL.into_iter().filter_map(|stage| stages.get_key_value(stage.name()));
    let unknown =
        stages.iter().filter(|(name, _)| Stage::ALL.iter().all(|stage| stage.name() != name.as_str()));
    // In virtual time most stages take no time: empty rows would hide the others.
    let rows: Vec<_> = known.chain(unknown).filter(|(_, summary)| summary.max_ns > 0).collect();
    let lowest = rows.iter().map(|(_, summary)| summary.p50_ns).filter(|ns| *ns > 0).min().unwrap_or(1);
    let highest = rows.iter().map(|(_, summary)| summary.p999_ns).max().unwrap_or(1);
    let scale = LogScale::new(lowest, highest, (STAGE_LEFT, LEFT + WIDTH));
    let bottom = TOP + ROW * rows.len() as f64;

    let mut svg = open(bottom + 28.0);
    for (ns, x) in scale.decades() {
        put!(svg, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>");
        put!(svg, "<text class=\"mid\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>", bottom + 18.0, decade(ns));
    }
    for (row, (name, summary)) in rows.into_iter().enumerate() {
        // The name stands above its bar: beside it, half of a telephone would be names.
        let middle = TOP + ROW * (row as f64 + 1.0) - 11.0;
        let [from, mark, to] = [summary.p50_ns, summary.p99_ns, summary.p999_ns].map(|ns| scale.at(ns));
        put!(
            svg,
            "<g><title>p50 {}, p99 {}, p99.9 {}, max {}</title>",
            time(summary.p50_ns),
            time(summary.p99_ns),
            time(summary.p999_ns),
            time(summary.max_ns)
        );
        let words = escape(&name.replace('_', " "));
        put!(svg, "<text class=\"ink\" x=\"{STAGE_LEFT}\" y=\"{:.1}\">{words}</text>", middle - 11.0);
        put!(
            svg,
            "<rect class=\"range\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" rx=\"3\"/>",
            middle - 7.0,
            (to - from).max(3.0)
        );
        for at in [from, mark] {
            put!(
                svg,
                "<rect class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" width=\"3\" height=\"14\"/>",
                at - 0.5,
                middle - 7.0
            );
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

/// Three bars (p50, p95, p99) for each range of distances, on a linear scale from zero.
/// Ranges beyond the last that has any are left out.
pub(super) fn distances(bins: &[DistanceBin]) -> String {
    let last = bins.iter().rposition(|bin| bin.count > 0).map_or(0, |last| last + 1);
    let bins = &bins[..last];
    let highest = bins.iter().map(|bin| bin.p99_ns).max().unwrap_or(0).max(1) as f64;
    let step = nice_step(highest / 4.0);
    let top_value = (highest / step).ceil() * step;
    let y = |ns: f64| TOP + HEIGHT - ns / top_value * HEIGHT;

    let mut svg = open(TOP + HEIGHT + 44.0);
    let mut value = 0.0;
    while value <= top_value * 1.001 {
        let at = y(value);
        put!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
            LEFT + WIDTH
        );
        let name = if value == 0.0 { "0".to_owned() } else { short(value as u64) };
        put!(svg, "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>", LEFT - 8.0, at + 4.0);
        value += step;
    }
    let column = WIDTH / bins.len().max(1) as f64;
    for (index, bin) in bins.iter().enumerate() {
        let left = LEFT + column * index as f64;
        let range =
            bin.to_m.map_or_else(|| format!("{}+", bin.from_m), |to_m| format!("{}-{to_m}", bin.from_m));
        // The edges of the ranges, because the ranges in words would cover each other.
        let edges = [(left, Some(bin.from_m)), (left + column, bin.to_m)];
        for (at, edge) in edges.into_iter().skip(usize::from(index > 0)) {
            let edge = edge.map_or_else(|| "and on".to_owned(), |metres| metres.to_string());
            put!(svg, "<text class=\"mid\" x=\"{at:.1}\" y=\"{:.1}\">{edge}</text>", TOP + HEIGHT + 18.0);
        }
        if bin.count == 0 {
            continue;
        }
        put!(
            svg,
            "<g><title>{range} m: p50 {}, p95 {}, p99 {}, max {} of {}</title>",
            time(bin.p50_ns),
            time(bin.p95_ns),
            time(bin.p99_ns),
            time(bin.max_ns),
            count(bin.count)
        );
        let width = column * 0.24;
        for (slot, (style, ns)) in
            [("a", bin.p50_ns), ("b", bin.p95_ns), ("c", bin.p99_ns)].into_iter().enumerate()
        {
            let at = y(ns as f64);
            put!(
                svg,
                "<rect class=\"bar {style}\" x=\"{:.1}\" y=\"{at:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\"/>",
                left + column * 0.12 + slot as f64 * (width + column * 0.02),
                (TOP + HEIGHT - at).max(1.0)
            );
        }
        svg.push_str("</g>");
    }
    for (index, (style, name)) in [("a", "p50"), ("b", "p95"), ("c", "p99")].into_iter().enumerate() {
        let left = LEFT + 60.0 * index as f64;
        put!(
            svg,
            "<rect class=\"bar {style}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"12\" height=\"9\" rx=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            TOP + HEIGHT + 28.5,
            left + 18.0,
            TOP + HEIGHT + 37.0
        );
    }
    put!(
        svg,
        "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">distance in m</text></svg>",
        LEFT + WIDTH,
        TOP + HEIGHT + 37.0
    );
    svg
}

/// One bar for each range of distances, from 0 to 100 %. Ranges beyond the last that expected any are left out.
pub(super) fn deliveries(bins: &[DeliveryBin]) -> String {
    let last = bins.iter().rposition(|bin| bin.expected > 0).map_or(0, |last| last + 1);
    let bins = &bins[..last];
    let mut svg = open(TOP + HEIGHT + 44.0);
    for quarter in 0..=4 {
        let at = TOP + HEIGHT * (1.0 - f64::from(quarter) / 4.0);
        put!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{} %</text>",
            LEFT + WIDTH,
            LEFT - 8.0,
            at + 4.0,
            quarter * 25
        );
    }
    let column = WIDTH / bins.len().max(1) as f64;
    for (index, bin) in bins.iter().enumerate() {
        let left = LEFT + column * index as f64;
        let edges = [(left, Some(bin.from_m)), (left + column, bin.to_m)];
        for (at, edge) in edges.into_iter().skip(usize::from(index > 0)) {
            let edge = edge.map_or_else(|| "and on".to_owned(), |metres| metres.to_string());
            put!(svg, "<text class=\"mid\" x=\"{at:.1}\" y=\"{:.1}\">{edge}</text>", TOP + HEIGHT + 18.0);
        }
        let Some(ratio) = bin.ratio() else { continue };
        let tall = ratio.clamp(0.0, 1.0) * HEIGHT;
        put!(
            svg,
            "<g><title>{}: {} of {} delivered</title><rect class=\"bar a\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\" rx=\"2\"/><text class=\"mid ink\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            bin.range(),
            count(bin.delivered),
            count(bin.expected),
            left + column * 0.15,
            TOP + HEIGHT - tall.max(1.0),
            column * 0.7,
            tall.max(1.0),
            left + column / 2.0,
            TOP + HEIGHT - tall.max(1.0) - 4.0,
            share(ratio)
        );
    }
    put!(
        svg,
        "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">distance in m</text></svg>",
        LEFT + WIDTH,
        TOP + HEIGHT + 37.0
    );
    svg
}

/// A share above a bar: short, and 100 % only where nothing is missing.
fn share(ratio: f64) -> String {
    let tenths = (ratio * 1000.0).floor() / 10.0;
    if ratio >= 1.0 { "100".to_owned() } else { format!("{tenths:.1}") }
}

fn open(height: f64) -> String {
    opened(height, "")
}

/// The same, with words for who does not see it.
pub(super) fn opened(height: f64, name: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(" aria-label=\"{}\"", escape(name)) };
    format!("<svg viewBox=\"0 0 {:.0} {height:.0}\" role=\"img\"{name}>", LEFT + WIDTH + 24.0)
}

/// From the factor of ten below the lowest value to a little above the highest.
pub(super) struct LogScale {
    low: i32,
    high: f64,
    span: (f64, f64),
}

impl LogScale {
    pub(super) fn new(lowest_ns: u64, highest_ns: u64, span: (f64, f64)) -> Self {
        let low = (lowest_ns.max(1) as f64).log10().floor() as i32;
        let high = (highest_ns.max(1) as f64).log10() + 0.2;
        Self { low, high: high.max(f64::from(low) + 1.0), span }
    }

    pub(super) fn at(&self, ns: u64) -> f64 {
        let share = ((ns.max(1) as f64).log10() - f64::from(self.low)) / (self.high - f64::from(self.low));
        self.span.0 + share.clamp(0.0, 1.0) * (self.span.1 - self.span.0)
    }

    fn decades(&self) -> impl Iterator<Item = (u64, f64)> {
        (self.low..=self.high as i32).map(|power| {
            // A u64 of nanoseconds has at most 20 digits, so the power of ten may overflow by one step.
            let ns = u32::try_from(power).ok().and_then(|power| 10u64.checked_pow(power)).unwrap_or(u64::MAX);
            (ns, self.at(ns))
        })
    }

    /// The decades, and where they are few what is twice and five times each.
    pub(super) fn fine_ticks(&self) -> Vec<(u64, f64)> {
        let few = self.high - f64::from(self.low) < 2.5;
        let between = |(ns, at): (u64, f64)| {
            let more = [2, 5].map(|times| ns.saturating_mul(times)).map(|ns| (ns, self.at(ns)));
            let inside = move |(ns, _): &(u64, f64)| (*ns as f64).log10() <= self.high;
            iter::once((ns, at)).chain(more.into_iter().filter(move |tick| few && inside(tick)))
        };
        self.decades().flat_map(between).collect()
    }
}

/// `1 ms` rather than `1.00 ms`.
pub(super) fn decade(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} us", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}

/// A tick of a linear scale, without redundant digits.
fn short(ns: u64) -> String {
    let text = time(ns);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// 1, 2 or 5 times a power of ten, at least `raw`.
pub(super) fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw)
        .unwrap_or(power * 10.0)
}

/// A plot is about as wide as a telephone, so that its labels are read on one.
pub(super) const LEFT: f64 = 58.0;
/// Room for the deadline's name, above all curves.
pub(super) const TOP: f64 = 24.0;
pub(super) const WIDTH: f64 = 318.0;
pub(super) const HEIGHT: f64 = 200.0;
/// Where stage bars and their names begin.
const STAGE_LEFT: f64 = 24.0;
const ROW: f64 = 38.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_scale_covers_what_it_was_made_for() {
        for (lowest, highest) in [(0, 0), (1, 1), (999, 1_000), (1, u64::MAX), (5_000, 100_000_000)] {
            let scale = LogScale::new(lowest, highest, (0.0, 100.0));
            for ns in [lowest, highest] {
                assert!((0.0..=100.0).contains(&scale.at(ns)));
            }
            let ticks: Vec<_> = scale.decades().collect();
            assert!(ticks.len() >= 2 && ticks.windows(2).all(|pair| pair[0].1 < pair[1].1), "{ticks:?}");
        }
    }

    #[test]
    fn what_took_no_time_and_what_has_no_sample_takes_no_room() {
        let took =
            |ns| Summary { count: 3, p50_ns: ns, p99_ns: ns, p999_ns: ns, max_ns: ns, ..Summary::default() };
        let stages: BTreeMap<String, Summary> =
            [("built_to_signed".to_owned(), took(0)), ("gate_open_to_on_air".to_owned(), took(600_000))]
                .into();
        let svg = super::stages(&stages);
        assert!(svg.contains("gate open to on air") && !svg.contains("built to signed"), "{svg}");
        let bin = |from_m, count| DistanceBin {
            from_m,
            to_m: Some(from_m + 50),
            count,
            p50_ns: 1,
            p95_ns: 2,
            p99_ns: 3,
            max_ns: 3,
        };
        let svg = distances(&[bin(0, 0), bin(50, 7), bin(100, 0)]);
        assert!(
            svg.contains(">0<") && svg.contains(">50<") && svg.contains(">100<") && !svg.contains(">150<"),
            "{svg}"
        );
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!([0.3, 1.0, 1.2, 24.0, 51.0].map(nice_step), [1.0, 1.0, 2.0, 50.0, 100.0]);
        assert_eq!(short(200_000_000), "200 ms");
        assert_eq!(short(1_500_000), "1.5 ms");
        assert_eq!(decade(10_000), "10 us");
    }

    #[test]
    fn empty_and_extreme_figures_make_a_picture() {
        for svg in [
            percentiles(&[], None, 0),
            percentiles(&[(1.0, u64::MAX)], Some(u64::MAX), u64::MAX),
            percentiles(&[(f64::NAN, 0), (-1.0, 5)], Some(0), 1),
            stages(&BTreeMap::new()),
            stages(&[("of_another_version".to_owned(), Summary { count: 1, ..Summary::default() })].into()),
            distances(&[]),
            distances(&[DistanceBin {
                from_m: 0,
                to_m: None,
                count: 1,
                p50_ns: 0,
                p95_ns: 0,
                p99_ns: u64::MAX,
                max_ns: 0,
            }]),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
