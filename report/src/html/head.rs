//! How a page of figures that are no report begins and ends.

use std::fmt::Write as _;

use super::STYLE;
use super::text::{escape, put};

/// The head of a page.
pub(super) struct PageHead<'a> {
    pub(super) title: &'a str,
    pub(super) kind: &'a str,
    /// `good`, `bad` or `none`.
    pub(super) mood: &'a str,
    pub(super) headline: &'a str,
    pub(super) summary: &'a str,
    pub(super) facts: &'a [(String, String)],
    pub(super) command: &'a str,
}

/// The page up to its first section.
pub(super) fn begin(page: &mut String, head: &PageHead<'_>) {
    put!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"{}\"><div class=\"wrap\"><p class=\"kind\">{}</p><h1>{}</h1><p>{}</p>\n<dl>",
        escape(head.title),
        head.mood,
        escape(head.kind),
        escape(head.headline),
        escape(head.summary)
    );
    for (name, value) in head.facts {
        put!(page, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
    }
    page.push_str("</dl>\n");
    if !head.command.is_empty() {
        put!(page, "<p class=\"command\"><code>{}</code></p>\n", escape(head.command));
    }
    page.push_str("</div></header>\n<main>\n");
}

/// The same figures as text, and the end.
pub(super) fn end(page: &mut String, text: &str) {
    put!(
        page,
        "<details><summary>The same figures as text</summary><div class=\"scroll\"><pre class=\"figures\">{}</pre></div>\
         </details>\n</main>\n</body>\n</html>\n",
        escape(text)
    );
}
