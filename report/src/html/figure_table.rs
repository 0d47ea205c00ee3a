//! Tables of figures as people read them.

use std::fmt::Write as _;

use super::text::{escape, put};

/// A table; the first cell of a row is its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FigureTable {
    /// Above it.
    pub caption: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each as long as the columns.
    pub rows: Vec<Vec<FigureCell>>,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FigureCell {
    /// What it says.
    pub text: String,
    /// How much of it there is, 0 to 1, shown as a shade behind the text.
    pub share: Option<f64>,
}

impl From<String> for FigureCell {
    fn from(text: String) -> Self {
        Self { text, share: None }
    }
}

/// Appends it. A table that is wider than its place scrolls, with the keys too.
pub(super) fn table(page: &mut String, table: &FigureTable) {
    let caption = escape(&table.caption);
    put!(
        page,
        "<figure class=\"wide\"><figcaption>{caption}</figcaption>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><thead><tr>"
    );
    for column in &table.columns {
        put!(page, "<th scope=\"col\">{}</th>", escape(column));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (number, cell) in row.iter().enumerate() {
            if number == 0 {
                put!(page, "<th scope=\"row\">{}</th>", escape(&cell.text));
                continue;
            }
            let name = table.columns.get(number).map_or_else(String::new, |name| escape(name));
            let shade = match cell.share.filter(|share| share.is_finite()) {
                Some(share) => {
                    format!(" class=\"shade\" style=\"--s:{:.0}%\"", share.clamp(0.0, 1.0) * MOST_SHADE)
                }
                None => String::new(),
            };
            put!(page, "<td data-name=\"{name}\"{shade}>{}</td>", escape(&cell.text));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></figure>\n");
}

/// Of the colour, behind what is whole, %: the text stays readable on it.
const MOST_SHADE: f64 = 40.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_have_their_names_and_all_text_is_escaped() {
        let cell = |share| FigureCell { text: "<b>".to_owned(), share };
        let shown = FigureTable {
            caption: "a\"b".to_owned(),
            columns: vec!["<n>".to_owned(), "<c>".to_owned(), "d".to_owned()],
            rows: vec![vec![cell(None), cell(Some(0.5)), cell(Some(f64::NAN))]],
        };
        let mut page = String::new();
        table(&mut page, &shown);
        assert!(page.contains("<th scope=\"row\">&lt;b&gt;</th>") && !page.contains("<b>"), "{page}");
        assert!(page.contains("<td data-name=\"&lt;c&gt;\" class=\"shade\" style=\"--s:20%\">"), "{page}");
        assert!(page.contains("<td data-name=\"d\">") && page.contains("aria-label=\"a&quot;b\""), "{page}");
    }
}
