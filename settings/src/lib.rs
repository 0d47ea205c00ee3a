//! A strict reader of TOML for configurations and plans: text in, values out, no file is opened.
//!
//! [`Document`] is the parsed text, [`Section`] one table of it, read key by key. A table is opened with the list of its
//! keys, and any other key is refused; numbers have their range, texts and lists their length, names their list. The
//! first violation is a [`SettingsError`] of one line: file, line, key, what was found and what would be right.
//!
//! ```
//! use std::path::Path;
//! use v2x_settings::Document;
//!
//! let document = Document::parse(Path::new("car.toml"), "[link]\nport = 70000\n")?;
//! let top = document.top(&["link"])?;
//! let link = top.table("link", &["port"])?.expect("it is there");
//! let error = link.integer("port", 1..=65_535).unwrap_err();
//! assert_eq!(error.to_string(), "car.toml:2: link.port: found 70000, expected a whole number, 1 to 65535");
//! # Ok::<(), v2x_settings::SettingsError>(())
//! ```

mod document;
mod error;
mod list;
mod section;
mod value;

pub use document::Document;
pub use error::{KeyPlace, SettingsError};
pub use list::Alternatives;
pub use section::Section;
pub use value::one_of;

#[cfg(test)]
mod tests;
