//! A page of measured curves over published ones.

use std::fmt::Write as _;

use super::head::{PageHead, begin, end};
use super::list;
use super::text::{escape, put};

/// A page that holds measured figures against published ones.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePage {
    /// Of the window.
    pub title: String,
    /// What made it, in a few words.
    pub kind: String,
    /// Whether the figures agree.
    pub good: bool,
    /// The outcome, in a few words.
    pub headline: String,
    /// The outcome, in a sentence.
    pub summary: String,
    /// Names and values for the head.
    pub facts: Vec<(String, String)>,
    /// What was typed; may be empty.
    pub command: String,
    /// The plots.
    pub sections: Vec<CurveSection>,
    /// Sources, and how the figures were taken.
    pub notes: Vec<String>,
    /// The same figures as text.
    pub text: String,
}

/// Plots that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveSection {
    /// Above them.
    pub heading: String,
    /// Below the heading.
    pub note: String,
    /// The plots.
    pub plots: Vec<CurvePlot>,
}

/// Curves of shares, 0 to 1, over distance, m.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePlot {
    /// Above the plot.
    pub caption: String,
    /// At most six are told apart.
    pub curves: Vec<MeasuredCurve>,
}

/// A measured curve and the published one.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredCurve {
    /// Of what.
    pub name: String,
    /// By rising distance.
    pub points: Vec<CurvePoint>,
}

/// A point of both curves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Distance, m.
    pub x: f64,
    /// As measured, 0 to 1.
    pub measured: f64,
    /// Its 95 % confidence interval.
    pub interval: Option<(f64, f64)>,
    /// As published, 0 to 1.
    pub published: f64,
}

/// The whole page.
pub fn render_curves(head: &CurvePage) -> String {
    let mut page = String::with_capacity(256 * 1024);
    begin(
        &mut page,
        &PageHead {
            title: &head.title,
            kind: &head.kind,
            mood: if head.good { "good" } else { "bad" },
            headline: &head.headline,
            summary: &head.summary,
            facts: &head.facts,
            command: &head.command,
        },
    );
    for section in &head.sections {
        put!(
            page,
            "<section><h2>{}</h2>\n<p class=\"note\">{}</p>\n<div class=\"plots\">\n",
            escape(&section.heading),
            escape(&section.note)
        );
        for shown in &section.plots {
            put!(
                page,
                "<figure><figcaption>{}</figcaption>{}</figure>\n",
                escape(&shown.caption),
                plot(shown)
            );
        }
        page.push_str("</div></section>\n");
    }
    list(&mut page, "notes", &head.notes);
    end(&mut page, &head.text);
    page
}

fn plot(shown: &CurvePlot) -> String {
    let all = || shown.curves.iter().flat_map(|curve| &curve.points);
    let far = all().map(|point| point.x).fold(1.0, f64::max);
    let tall = all().map(|point| point.measured.max(point.published)).fold(0.05, f64::max).min(1.0);
    // The scale ends at a whole number of its steps.
    let step = [0.01, 0.02, 0.05, 0.1, 0.25].into_iter().find(|step| tall / step <= 5.0).unwrap_or(0.25);
    let top = (tall / step).ceil() * step;
    let x = |metres: f64| LEFT + metres / far * WIDTH;
    let y = |share: f64| TOP + HEIGHT * (1.0 - share.clamp(0.0, top) / top);

    let bottom = TOP + HEIGHT;
    let mut svg =
        format!("<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\">", LEFT + WIDTH + 24.0, bottom + 44.0);
    for line in 0..=(top / step).round() as u32 {
        let share = f64::from(line) * step;
        let at = y(share);
        put!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{:.0} %</text>",
            LEFT + WIDTH,
            LEFT - 8.0,
            at + 4.0,
            share * 100.0
        );
    }
    for fifth in 0..=5 {
        let metres = far * f64::from(fifth) / 5.0;
        put!(svg, "<text class=\"mid\" x=\"{:.1}\" y=\"{:.1}\">{metres:.0}</text>", x(metres), bottom + 18.0);
    }
    for (index, curve) in shown.curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        put!(svg, "<g class=\"{colour}\"><path class=\"published\" d=\"");
        for (number, point) in curve.points.iter().enumerate() {
            let letter = if number == 0 { 'M' } else { 'L' };
            put!(svg, "{letter}{:.1} {:.1}", x(point.x), y(point.published));
        }
        svg.push_str("\"/>");
        for point in &curve.points {
            let at = x(point.x);
            if let Some((low, high)) = point.interval {
                put!(
                    svg,
                    "<line class=\"interval\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                    y(low),
                    y(high)
                );
            }
            put!(
                svg,
                "<circle class=\"mark\" cx=\"{at:.1}\" cy=\"{:.1}\" r=\"2.6\"><title>{}, {:.0} m: {:.4}, published {:.4}\
                 </title></circle>",
                y(point.measured),
                escape(&curve.name),
                point.x,
                point.measured,
                point.published
            );
        }
        let left = LEFT + 118.0 * index as f64;
        put!(
            svg,
            "<circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            left + 4.0,
            bottom + 33.0,
            left + 13.0,
            bottom + 37.0,
            escape(&curve.name)
        );
    }
    put!(
        svg,
        "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">distance in m; lines: published</text></svg>",
        LEFT + WIDTH,
        TOP - 6.0
    );
    svg
}

const COLOURS: [&str; 6] = ["d2", "d1", "d4", "d0", "d3", "d5"];
const LEFT: f64 = 54.0;
const WIDTH: f64 = 480.0;
const TOP: f64 = 24.0;
const HEIGHT: f64 = 230.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(measured: f64) -> String {
        let point = CurvePoint { x: 100.0, measured, interval: Some((0.4, 0.6)), published: 0.5 };
        let curves = vec![MeasuredCurve { name: "a<b".to_owned(), points: vec![point; 3] }];
        let plots = vec![CurvePlot { caption: "c".to_owned(), curves }];
        render_curves(&CurvePage {
            title: "t".to_owned(),
            kind: "k".to_owned(),
            good: false,
            headline: "h".to_owned(),
            summary: "s".to_owned(),
            facts: vec![("f".to_owned(), "<v>".to_owned())],
            command: String::new(),
            sections: vec![CurveSection { heading: "h".to_owned(), note: "n".to_owned(), plots }],
            notes: vec!["note".to_owned()],
            text: "1 < 2".to_owned(),
        })
    }

    #[test]
    fn both_curves_and_the_intervals_are_drawn_and_all_text_is_escaped() {
        let page = page(0.52);
        assert_eq!(page.matches("class=\"published\"").count(), 1);
        assert_eq!(page.matches("class=\"interval\"").count(), 3);
        assert_eq!(page.matches("a&lt;b, 100 m: 0.5200, published 0.5000").count(), 3);
        assert!(page.contains("&lt;v&gt;") && page.contains("1 &lt; 2") && !page.contains("<v>"));
        assert!(page.contains("<header class=\"bad\">"));
    }

    #[test]
    fn a_figure_that_is_no_number_leaves_a_page() {
        for measured in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(page(measured).ends_with("</html>\n"));
        }
    }
}
