//! How text gets onto the page.

/// Appends formatted text to a `String`.
macro_rules! put {
    ($page:expr, $($text:tt)*) => {
        write!($page, $($text)*).expect("invariant: writing to a String does not fail")
    };
}
pub(super) use put;

/// Text as HTML shows it, in an element or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(symbol),
        }
    }
    out
}
