//! A page of figures of two sides and their differences.

use std::fmt::Write as _;

use super::head::{PageHead, begin, end};
use super::list;
use super::text::{escape, put};

/// A page that compares two sides.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferencePage {
    /// Of the window.
    pub title: String,
    /// What made it, in a few words.
    pub kind: String,
    /// Whether nothing differs.
    pub same: bool,
    /// The outcome, in a few words.
    pub headline: String,
    /// The outcome, in a sentence.
    pub summary: String,
    /// Names and values for the head.
    pub facts: Vec<(String, String)>,
    /// What was typed; may be empty.
    pub command: String,
    /// The tables.
    pub sections: Vec<DifferenceSection>,
    /// How the figures were judged.
    pub notes: Vec<String>,
    /// The same figures as text.
    pub text: String,
}

/// A table of figures.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferenceSection {
    /// Above it.
    pub heading: String,
    /// Below the heading; may be empty.
    pub note: String,
    /// Its rows; those of one group stand together.
    pub rows: Vec<DifferenceRow>,
}

/// A figure of both sides, as people read it.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferenceRow {
    /// Whose it is; empty where there is one.
    pub group: String,
    /// Its name.
    pub figure: String,
    /// Of the one side.
    pub a: String,
    /// Of the other.
    pub b: String,
    /// Of both.
    pub difference: String,
    /// Its confidence interval.
    pub interval: String,
    /// How probable it is by chance.
    pub probability: String,
    /// The interval's lower end, the difference and the upper end, to be drawn.
    pub bounds: Option<[f64; 3]>,
}

/// The whole page.
pub fn render_differences(head: &DifferencePage) -> String {
    let mut page = String::with_capacity(64 * 1024);
    begin(
        &mut page,
        &PageHead {
            title: &head.title,
            kind: &head.kind,
            mood: if head.same { "good" } else { "none" },
            headline: &head.headline,
            summary: &head.summary,
            facts: &head.facts,
            command: &head.command,
        },
    );
    for section in &head.sections {
        put!(page, "<section><h2>{}</h2>\n", escape(&section.heading));
        if !section.note.is_empty() {
            put!(page, "<p class=\"note\">{}</p>\n", escape(&section.note));
        }
        page.push_str(
            "<figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>figure</th><th>A</th><th>B</th><th>B - A</th>\
             <th>95 % interval</th><th></th><th>p</th></tr></thead><tbody>\n",
        );
        let mut group = "";
        for row in &section.rows {
            if row.group != group {
                group = &row.group;
                put!(page, "<tr><th colspan=\"7\">{}</th></tr>\n", escape(group));
            }
            put!(page, "<tr><td>{}</td>", escape(&row.figure));
            for cell in [&row.a, &row.b, &row.difference, &row.interval] {
                put!(page, "<td>{}</td>", escape(cell));
            }
            put!(page, "<td>{}</td><td>{}</td></tr>\n", drawn(row.bounds), escape(&row.probability));
        }
        page.push_str("</tbody></table></div></figure></section>\n");
    }
    list(&mut page, "notes", &head.notes);
    end(&mut page, &head.text);
    page
}

/// The interval beside 0, each on a scale of its own; nothing for numbers that are none.
fn drawn(bounds: Option<[f64; 3]>) -> String {
    let Some([low, middle, high]) = bounds else { return String::new() };
    let most = low.abs().max(high.abs());
    if !(most > 0.0 && most.is_finite()) {
        return String::new();
    }
    // A mark at the end is whole.
    let x = |value: f64| (value / most * 0.94 + 1.0) * 0.5 * WIDTH;
    format!(
        "<svg class=\"d2\" viewBox=\"0 0 {WIDTH} 14\" style=\"width:{WIDTH}px\" role=\"img\">\
         <line class=\"grid\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"0\" y2=\"14\"/>\
         <line class=\"interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"7\" y2=\"7\"/>\
         <circle class=\"mark\" cx=\"{:.1}\" cy=\"7\" r=\"2.6\"/></svg>",
        x(low),
        x(high),
        x(middle),
        zero = x(0.0)
    )
}

const WIDTH: f64 = 120.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(bounds: Option<[f64; 3]>) -> String {
        let row = |group: &str| DifferenceRow {
            group: group.to_owned(),
            figure: "a<b".to_owned(),
            a: "1".to_owned(),
            b: "2".to_owned(),
            difference: "+1".to_owned(),
            interval: "0 to 2".to_owned(),
            probability: "<0.0001".to_owned(),
            bounds,
        };
        let rows = vec![row("one"), row("one"), row("two")];
        render_differences(&DifferencePage {
            title: "t".to_owned(),
            kind: "k".to_owned(),
            same: false,
            headline: "h".to_owned(),
            summary: "s".to_owned(),
            facts: vec![("f".to_owned(), "<v>".to_owned())],
            command: "c".to_owned(),
            sections: vec![DifferenceSection { heading: "h".to_owned(), note: String::new(), rows }],
            notes: vec!["note".to_owned()],
            text: "1 < 2".to_owned(),
        })
    }

    #[test]
    fn each_group_has_a_line_and_all_text_is_escaped() {
        let page = page(Some([0.0, 1.0, 2.0]));
        assert_eq!(page.matches("colspan").count(), 2);
        assert_eq!((page.matches("a&lt;b").count(), page.matches("class=\"interval\"").count()), (3, 3));
        assert!(page.contains("&lt;v&gt;") && page.contains("&lt;0.0001") && !page.contains("<v>"));
        assert!(page.contains("<code>c</code>") && page.ends_with("</html>\n"));
    }

    #[test]
    fn bounds_that_are_no_numbers_are_not_drawn() {
        for bounds in [None, Some([0.0; 3]), Some([f64::NAN; 3]), Some([f64::NEG_INFINITY, 0.0, 1.0])] {
            assert!(!page(bounds).contains("class=\"interval\""), "{bounds:?}");
        }
    }
}
