//! A page of measured figures: curves over those they are held against, and tables.

use std::fmt::Write as _;

use super::curve_plot::{CurvePlot, curves};
use super::figure_table::{FigureTable, table};
use super::head::{PageHead, begin, end};
use super::list;
use super::text::{escape, put};

/// A page that holds measured figures against others.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePage {
    /// Of the window.
    pub title: String,
    /// What made it, in a few words.
    pub kind: String,
    /// Whether the figures agree; `None` where nothing is judged.
    pub good: Option<bool>,
    /// The outcome, in a few words.
    pub headline: String,
    /// The outcome, in a sentence.
    pub summary: String,
    /// Names and values for the head.
    pub facts: Vec<(String, String)>,
    /// What was typed; may be empty.
    pub command: String,
    /// What a reader should know before the figures.
    pub warnings: Vec<String>,
    /// The figures.
    pub sections: Vec<CurveSection>,
    /// Sources, and how the figures were taken.
    pub notes: Vec<String>,
    /// The same figures as text.
    pub text: String,
}

/// Plots and tables that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurveSection {
    /// Above them.
    pub heading: String,
    /// Below the heading; may be empty.
    pub note: String,
    /// The plots.
    pub plots: Vec<CurvePlot>,
    /// The tables, below the plots.
    pub tables: Vec<FigureTable>,
}

/// The whole page.
pub fn render_curves(head: &CurvePage) -> String {
    let mut page = String::with_capacity(256 * 1024);
    begin(
        &mut page,
        &PageHead {
            title: &head.title,
            kind: &head.kind,
            mood: match head.good {
                Some(true) => "good",
                Some(false) => "bad",
                None => "none",
            },
            headline: &head.headline,
            summary: &head.summary,
            facts: &head.facts,
            command: &head.command,
        },
    );
    list(&mut page, "warnings", &head.warnings);
    for section in &head.sections {
        put!(page, "<section><h2>{}</h2>\n", escape(&section.heading));
        if !section.note.is_empty() {
            put!(page, "<p class=\"note\">{}</p>\n", escape(&section.note));
        }
        if !section.plots.is_empty() {
            page.push_str("<div class=\"plots\">\n");
        }
        for shown in &section.plots {
            let caption = escape(&shown.caption);
            put!(page, "<figure><figcaption>{caption}</figcaption>{}</figure>\n", curves(shown));
        }
        if !section.plots.is_empty() {
            page.push_str("</div>\n");
        }
        for shown in &section.tables {
            table(&mut page, shown);
        }
        page.push_str("</section>\n");
    }
    list(&mut page, "notes", &head.notes);
    end(&mut page, &head.text);
    page
}

#[cfg(test)]
mod tests {
    use super::super::curve_plot::{CurvePoint, CurveScale, MeasuredCurve};
    use super::super::figure_table::FigureCell;
    use super::*;

    fn page(measured: f64, good: Option<bool>) -> String {
        let point = CurvePoint {
            x: 100.0,
            at: "100 m".to_owned(),
            measured: Some(measured),
            interval: Some((0.4, 0.6)),
            line: Some(0.5),
            line_interval: None,
        };
        let curves = vec![MeasuredCurve { name: "a<b".to_owned(), points: vec![point; 3] }];
        let plot = CurvePlot {
            caption: "c".to_owned(),
            scale: CurveScale::Share,
            lines: "published".to_owned(),
            curves,
        };
        let rows = vec![vec![FigureCell::from("r<s".to_owned())]];
        let table = FigureTable { caption: "t".to_owned(), columns: vec!["n".to_owned()], rows };
        render_curves(&CurvePage {
            title: "t".to_owned(),
            kind: "k".to_owned(),
            good,
            headline: "h".to_owned(),
            summary: "s".to_owned(),
            facts: vec![("f".to_owned(), "<v>".to_owned())],
            command: String::new(),
            warnings: vec!["w<x".to_owned()],
            sections: vec![
                CurveSection { heading: "h".to_owned(), plots: vec![plot], ..CurveSection::default() },
                CurveSection { note: "n<o".to_owned(), tables: vec![table], ..CurveSection::default() },
            ],
            notes: vec!["note".to_owned()],
            text: "1 < 2".to_owned(),
        })
    }

    #[test]
    fn both_curves_and_the_intervals_are_drawn_and_all_text_is_escaped() {
        let shown = page(0.52, Some(false));
        assert_eq!(shown.matches("class=\"published\"").count(), 1);
        assert_eq!(shown.matches("class=\"interval\"").count(), 3);
        assert_eq!(shown.matches("a&lt;b, 100 m: 0.5200, published 0.5000").count(), 3);
        for text in ["&lt;v&gt;", "1 &lt; 2", "<li>w&lt;x</li>", "n&lt;o", "r&lt;s"] {
            assert!(shown.contains(text), "{text}");
        }
        assert!(!shown.contains("<v>") && shown.contains("<header class=\"bad\">"));
        assert!(page(0.5, None).contains("<header class=\"none\">"));
    }

    #[test]
    fn a_figure_that_is_no_number_leaves_a_page() {
        for measured in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(page(measured, Some(true)).ends_with("</html>\n"));
        }
    }
}
