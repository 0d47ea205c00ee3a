//! Words for people.

use std::io;

/// The system's words for an error, without its number, which tells people nothing.
pub(crate) fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}
