//! The figures of the page as CSV files, each inside its own link: no script, and nothing to fetch.
//!
//! The format is RFC 4180's with bare line feeds; a field that holds a comma, a quote or a line end is in quotes.
//! Columns have the names of the JSON report's fields.

use std::fmt::Write as _;

use super::text::{escape, put};
use crate::report::{DistanceBin, Report};

/// Appends the links; nothing when there are no figures.
pub(super) fn links(page: &mut String, report: &Report) {
    let files = files(report);
    if files.is_empty() {
        return;
    }
    page.push_str("<p class=\"csv\">Figures as CSV:");
    for (name, content) in files {
        put!(
            page,
            " <a download=\"{}-{name}.csv\" href=\"data:text/csv;charset=utf-8,{}\">{}</a>",
            escape(&format!("roadcast-{}", report.kind)),
            encoded(&content),
            name.replace('-', " ")
        );
    }
    page.push_str("</p>\n");
}

/// Name and content of each file that has rows.
fn files(report: &Report) -> Vec<(&'static str, String)> {
    let mut files = vec![("classes", classes(report)), ("latency", latency(report))];
    files.push(("age-of-information", distances(&report.age_of_information)));
    files.push(("inter-packet-gap", distances(&report.inter_packet_gap)));
    let deliveries = report.delivery_by_distance.iter().map(|bin| {
        [bin.from_m.to_string(), or_empty(bin.to_m), bin.expected.to_string(), bin.delivered.to_string()]
    });
    files.push(("delivery-by-distance", rows(["from_m", "to_m", "expected", "delivered"], deliveries)));
    files.push(("over-time", over_time(report)));
    let pairs = report.worst_pairs.iter().map(|pair| {
        let (expected, missed) = (pair.expected.to_string(), pair.missed.to_string());
        [pair.sender.clone(), pair.receiver.clone(), expected, missed, or_empty(pair.mean_ns)]
    });
    files.push(("worst-pairs", rows(["sender", "receiver", "expected", "missed", "mean_ns"], pairs)));
    let stations = report
        .worst_stations
        .iter()
        .map(|one| [one.station.clone(), one.expected.to_string(), one.missed.to_string()]);
    files.push(("worst-receivers", rows(["station", "expected", "missed"], stations)));
    let drops = report.drops.iter().map(|(reason, number)| [reason.clone(), number.to_string()]);
    files.push(("dropped-frames", rows(["reason", "frames"], drops)));
    files.retain(|(_, content)| content.lines().count() > 1);
    files
}

fn classes(report: &Report) -> String {
    let lines = report.classes.iter().filter(|class| class.has_traffic()).map(|class| {
        let latency = &class.send_to_delivered;
        let numbers = [class.sent, class.expected, class.delivered, class.delivered_late, class.missed];
        let quantiles = [latency.p50_ns, latency.p99_ns, latency.p999_ns, latency.max_ns];
        let [sent, expected, delivered, late, missed] = numbers.map(|number| number.to_string());
        let [p50, p99, p999, max] = quantiles.map(|ns| or_empty(Some(ns).filter(|_| latency.count > 0)));
        let deadline = or_empty(class.deadline_ms);
        [class.class.clone(), deadline, sent, expected, delivered, late, missed, p50, p99, p999, max]
    });
    rows(
        [
            "class",
            "deadline_ms",
            "sent",
            "expected",
            "delivered",
            "delivered_late",
            "missed",
            "p50_ns",
            "p99_ns",
            "p999_ns",
            "max_ns",
        ],
        lines,
    )
}

fn latency(report: &Report) -> String {
    let points =
        report.classes.iter().flat_map(|class| class.percentiles.iter().map(move |point| (class, point)));
    let lines =
        points.map(|(class, (quantile, ns))| [class.class.clone(), quantile.to_string(), ns.to_string()]);
    rows(["class", "quantile", "latency_ns"], lines)
}

fn distances(bins: &[DistanceBin]) -> String {
    let lines = bins.iter().filter(|bin| bin.count > 0).map(|bin| {
        let [from, count, p50, p95, p99, max] =
            [u64::from(bin.from_m), bin.count, bin.p50_ns, bin.p95_ns, bin.p99_ns, bin.max_ns]
                .map(|number| number.to_string());
        [from, or_empty(bin.to_m), count, p50, p95, p99, max]
    });
    rows(["from_m", "to_m", "count", "p50_ns", "p95_ns", "p99_ns", "max_ns"], lines)
}

fn over_time(report: &Report) -> String {
    let names = ["from_s", "sent", "expected", "missed", "channel_busy"];
    let Some(timeline) = &report.over_time else { return rows(names, core::iter::empty()) };
    let steps = timeline.sent.iter().zip(&timeline.expected).zip(&timeline.missed).zip(0u64..);
    let lines = steps.map(|(((sent, expected), missed), step)| {
        let [from, sent, expected, missed] =
            [step.saturating_mul(timeline.step_s), *sent, *expected, *missed]
                .map(|number| number.to_string());
        let busy = usize::try_from(step).ok().and_then(|step| timeline.channel_busy(step));
        [from, sent, expected, missed, or_empty(busy.map(|busy| format!("{busy:.4}")))]
    });
    rows(names, lines.take(crate::timeline::Timeline::MAX_STEPS))
}

fn or_empty(number: Option<impl ToString>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn rows<const N: usize>(names: [&str; N], lines: impl Iterator<Item = [String; N]>) -> String {
    let mut text = names.join(",");
    text.push('\n');
    for line in lines {
        text.push_str(&line.map(|field| quoted(&field)).join(","));
        text.push('\n');
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Percent-encoded for a URI (RFC 3986): all but letters, digits and what stands for itself there, and commas, which
/// the part of a data URI after the first one may hold (RFC 2397).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b',' => {
                out.push(char::from(byte))
            }
            _ => put!(out, "%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Kind, Verify, WorstPair};
    use crate::stats::Stats;

    #[test]
    fn a_name_stays_one_field_and_leaves_no_quote_on_the_page() {
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        let mut page = String::new();
        links(&mut page, &report);
        assert_eq!(page, "", "no figures");
        let sender = "a,\"b\"\n<c>é".to_owned();
        report.worst_pairs =
            vec![WorstPair { sender, receiver: "d".to_owned(), expected: 3, missed: 3, mean_ns: None }];
        links(&mut page, &report);
        let (_, content) = files(&report).pop().unwrap();
        assert_eq!(content, "sender,receiver,expected,missed,mean_ns\n\"a,\"\"b\"\"\n<c>é\",d,3,3,\n");
        assert!(page.contains("href=\"data:text/csv;charset=utf-8,sender,receiver,"), "{page}");
        assert!(
            page.contains("%0A%22a,%22%22b%22%22%0A%3Cc%3E%C3%A9%22,d,3,3,%0A\">worst pairs</a>"),
            "{page}"
        );
    }

    #[test]
    fn every_figure_with_rows_has_its_file() {
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        report.drops.insert("replayed".to_owned(), 2);
        let mut timeline = crate::timeline::Timeline::new();
        timeline.add(2_000_000_000, 5, 9, 1);
        report.over_time = Some(timeline);
        let names: Vec<_> = files(&report).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["over-time", "dropped-frames"]);
        assert_eq!(
            over_time(&report),
            "from_s,sent,expected,missed,channel_busy\n0,0,0,0,\n1,0,0,0,\n2,5,9,1,\n"
        );
    }
}
