//! A recorded thing as the page plays it: what it is, and lines of the control protocol, each with its time.

use serde::Serialize;
use serde_json::{Value, json};
use v2x_report::{Report, Timeline};

use crate::web_page;

/// What the page is told first.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Meta {
    /// Always `view`.
    pub(super) kind: &'static str,
    /// What was recorded, in a word or two, such as `demo`.
    pub(super) kind_of: String,
    /// The same in a line.
    pub(super) title: String,
    /// From its beginning to its end.
    pub(super) duration_s: f64,
    /// Lines of latitudes and longitudes, degrees.
    pub(super) roads: Vec<Vec<[f64; 2]>>,
    /// Stations at any time.
    pub(super) stations: usize,
    /// Events at any time.
    pub(super) hazards: usize,
    /// The report, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<Report>,
    /// Messages over time, of that report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) over_time: Option<Timeline>,
    /// What to say while no station is there.
    pub(super) empty: String,
}

/// Meta and lines, in the order of their times.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) meta: Meta,
    lines: Vec<(f64, String)>,
}

/// Takes lines as they come, each no earlier than the one before.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<(f64, String)>,
}

impl Lines {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line at a time, seconds since the beginning.
    pub(super) fn push(&mut self, t_s: f64, mut line: Value) {
        let t_s = (t_s * 1_000.0).round() / 1_000.0;
        line["t_s"] = json!(t_s);
        self.lines.push((t_s, line.to_string()));
    }
}

impl Story {
    pub(super) fn new(meta: Meta, lines: Lines) -> Self {
        let mut lines = lines.lines;
        lines.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Self { meta, lines }
    }

    /// For people: how much there is.
    pub(super) fn size(&self) -> String {
        let Meta { stations, hazards, duration_s, .. } = &self.meta;
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let (of_stations, of_hazards) = (s(*stations), s(*hazards));
        format!("{stations} station{of_stations}, {hazards} hazard{of_hazards}, {duration_s:.0} s")
    }

    /// The answer to `/view/meta`, and part of a page.
    pub(super) fn meta_text(&self) -> String {
        serde_json::to_string(&self.meta).expect("invariant: texts and finite numbers")
    }

    #[cfg(any(feature = "web", test))]
    /// The answer to `/view/frames`: the lines from a time up to another, seconds.
    pub(super) fn frames(&self, from_s: f64, to_s: f64) -> String {
        let first = self.lines.partition_point(|(t_s, _)| *t_s < from_s);
        let end = self.lines.partition_point(|(t_s, _)| *t_s < to_s).max(first);
        let mut text = String::new();
        for (_, line) in &self.lines[first..end] {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// All of it in one page that needs no server.
    pub(super) fn page(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|(_, line)| line.as_str()).collect();
        web_page::view_page_with(&format!(
            "{{\"meta\":{},\"lines\":[{}]}}",
            self.meta_text(),
            lines.join(",\n")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Story {
        let meta = Meta {
            kind: "view",
            kind_of: "test".to_owned(),
            title: "</script><b>".to_owned(),
            duration_s: 3.0,
            roads: Vec::new(),
            stations: 0,
            hazards: 0,
            report: None,
            over_time: None,
            empty: String::new(),
        };
        let mut lines = Lines::default();
        for t_s in [2.0, 0.0, 1.0] {
            lines.push(t_s, json!({ "watch": "moves", "moves": [] }));
        }
        Story::new(meta, lines)
    }

    #[test]
    fn frames_are_those_of_the_span_in_the_order_of_their_times() {
        let times = |text: &str| -> Vec<f64> {
            let line = |line| serde_json::from_str::<Value>(line).unwrap()["t_s"].as_f64().unwrap();
            text.lines().map(line).collect()
        };
        assert_eq!(times(&story().frames(0.0, 9.0)), [0.0, 1.0, 2.0]);
        assert_eq!(times(&story().frames(1.0, 2.0)), [1.0]);
        for (from, to) in [(5.0, 9.0), (2.0, 1.0), (f64::NAN, f64::NAN)] {
            assert_eq!(times(&story().frames(from, to)), [0.0; 0]);
        }
    }

    #[test]
    fn a_name_in_a_page_ends_no_script() {
        let page = story().page();
        let inside = page.split_once("id=\"roadcast-view\">").unwrap().1.split_once("</script>").unwrap().0;
        let told: Value = serde_json::from_str(inside).unwrap();
        assert_eq!(told["meta"]["title"], "</script><b>");
        assert_eq!(told["lines"].as_array().unwrap().len(), 3);
    }
}
