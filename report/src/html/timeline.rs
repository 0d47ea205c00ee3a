//! Load and misses over the time of the run, as strips that are as wide as the page.

use std::fmt::Write as _;

use super::text::put;
use crate::report::Report;
use crate::report::human::{count, percent};
use crate::timeline::Timeline;

/// Appends the section; nothing when nothing was sent.
pub(super) fn section(page: &mut String, report: &Report) {
    let Some(timeline) = report.over_time.as_ref().filter(|timeline| !timeline.is_empty()) else { return };
    let steps = steps(timeline);
    let each = if timeline.step_s == 1 { "second".to_owned() } else { format!("{} s", timeline.step_s) };
    put!(
        page,
        "<section><h2>Over time</h2>\n<figure class=\"wide\"><figcaption><b>Load</b>: messages sent, each {each}, of all classes</figcaption>"
    );
    let most = timeline.sent.iter().copied().max().unwrap_or(0).max(1);
    strip(page, "load", &steps, &count(most), |step| step.sent as f64 / most as f64);
    put!(
        page,
        "<figcaption><b>Misses</b>: share of the deliveries due, each {each}, that were late or never happened; by when \
         their messages were sent</figcaption>"
    );
    let worst = steps.iter().map(Step::share).fold(0.0, f64::max);
    let top = if worst > 0.0 { worst } else { 1.0 };
    strip(page, "misses", &steps, &percent(top), |step| step.share() / top);
    let busiest = steps.iter().filter_map(|step| step.busy).reduce(f64::max);
    if let Some(busiest) = busiest {
        let what = match &report.channel {
            Some(_) => "that the station found it busy",
            None => "that stations heard it busy with others' frames, on average",
        };
        put!(page, "<figcaption><b>Channel</b>: share of the time, each {each}, {what}</figcaption>");
        let top = if busiest > 0.0 { busiest } else { 1.0 };
        strip(page, "channel", &steps, &percent(top), |step| step.busy.unwrap_or(0.0) / top);
    }
    page.push_str("<div class=\"ticks\">");
    let length_s = timeline.step_s.saturating_mul(steps.len() as u64);
    for part in 0..=4 {
        put!(page, "<span>{}</span>", clock(length_s / 4 * part + length_s % 4 * part / 4));
    }
    page.push_str("</div></figure></section>\n");
}

struct Step {
    from_s: u64,
    sent: u64,
    expected: u64,
    missed: u64,
    /// Share of the time the channel was busy.
    busy: Option<f64>,
}

impl Step {
    fn share(&self) -> f64 {
        if self.expected == 0 { 0.0 } else { (self.missed as f64 / self.expected as f64).min(1.0) }
    }
}

/// The steps of a timeline, whatever its file says: no more than a page shows, and of equal number in all counts.
fn steps(timeline: &Timeline) -> Vec<Step> {
    let of = |counts: &[u64], index: usize| counts.get(index).copied().unwrap_or(0);
    (0..timeline.sent.len().min(Timeline::MAX_STEPS))
        .map(|index| Step {
            from_s: timeline.step_s.saturating_mul(index as u64),
            sent: of(&timeline.sent, index),
            expected: of(&timeline.expected, index),
            missed: of(&timeline.missed, index),
            busy: timeline.channel_busy(index),
        })
        .collect()
}

/// A bar for each step. The picture is stretched to the page, so it holds no text.
fn strip(page: &mut String, style: &str, steps: &[Step], top: &str, height: impl Fn(&Step) -> f64) {
    put!(
        page,
        "<div class=\"strip {style}\"><em>{top}</em><svg viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" role=\"img\">",
        steps.len()
    );
    for (index, step) in steps.iter().enumerate() {
        // What is not nothing is seen.
        let shown = match height(step) * 100.0 {
            share if share > 0.0 => share.clamp(2.0, 100.0),
            _ => 0.0,
        };
        put!(
            page,
            "<g><title>{}: {} sent, {} of {} missed{}</title><rect class=\"step\" x=\"{index}\" width=\"1\" y=\"0\" height=\"100\"/>",
            clock(step.from_s),
            step.sent,
            step.missed,
            step.expected,
            step.busy.map_or_else(String::new, |busy| format!(", channel {} busy", percent(busy)))
        );
        if shown > 0.0 {
            put!(
                page,
                "<rect class=\"bar\" x=\"{index}\" width=\"1\" y=\"{:.1}\" height=\"{shown:.1}\"/>",
                100.0 - shown
            );
        }
        page.push_str("</g>");
    }
    page.push_str("</svg></div>");
}

/// A time since the start: `42 s`, `3:05 min`, `2:00 h`.
fn clock(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Kind, Verify};
    use crate::stats::Stats;

    #[test]
    fn a_run_has_an_axis_of_time_with_load_and_misses() {
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        let mut page = String::new();
        section(&mut page, &report);
        assert_eq!(page, "");
        let mut timeline = Timeline::new();
        timeline.add(0, 10, 100, 0);
        timeline.add(7_000_000_000, 5, 100, 25);
        report.over_time = Some(timeline);
        section(&mut page, &report);
        assert!(
            page.contains("<title>7 s: 5 sent, 25 of 100 missed</title>") && page.contains("<em>25.0 %</em>")
        );
        assert!(page.contains("<span>0 s</span>") && page.contains("<span>8 s</span>"), "{page}");
        assert!(!page.contains("Channel"), "not known");
        // Eight steps in each strip; two of the load and one of the misses have a bar.
        assert_eq!((page.matches("class=\"step\"").count(), page.matches("class=\"bar\"").count()), (16, 3));
    }

    #[test]
    fn a_run_over_a_channel_says_how_busy_it_was() {
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        let mut timeline = Timeline::new();
        timeline.add(0, 10, 100, 0);
        timeline.add_channel(0, 150, 1_000);
        report.over_time = Some(timeline);
        let mut page = String::new();
        section(&mut page, &report);
        assert!(page.contains("<title>0 s: 10 sent, 0 of 100 missed, channel 15.0 % busy</title>"), "{page}");
        assert!(page.contains("<b>Channel</b>") && page.contains("<em>15.0 %</em>"), "{page}");
        assert!(page.contains("heard it busy with others' frames, on average"), "{page}");
        report.channel = Some(crate::ChannelReport::default());
        page.clear();
        section(&mut page, &report);
        assert!(page.contains("that the station found it busy</figcaption>"), "{page}");
    }

    #[test]
    fn whatever_a_file_says_makes_a_bounded_picture() {
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        let sent = vec![u64::MAX; 100_000];
        let odd = Timeline { channel_busy_ns: vec![u64::MAX, 5], listened_ns: vec![1, 0], ..Timeline::new() };
        let odd = Timeline { step_s: u64::MAX / 2, sent, expected: vec![1], missed: vec![u64::MAX], ..odd };
        report.over_time = Some(odd);
        let mut page = String::new();
        section(&mut page, &report);
        assert!(page.len() < 300_000 && !page.contains("NaN") && !page.contains("inf"));
    }

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!([7, 119, 185, 7200, 7260].map(clock), ["7 s", "119 s", "3:05 min", "2:00 h", "2:01 h"]);
    }
}
