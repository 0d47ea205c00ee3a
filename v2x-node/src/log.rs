//! The log of this program: what is worth more than a line for people, on standard error or in systemd's journal, for people or
//! for programs (`docs/logs.md`).

#[cfg(test)]
pub mod capture;
mod entry;
pub mod events;
mod journal;
mod json;
mod limit;
mod line;
mod logger;
mod stream;
mod text;

pub use self::line::Line;
pub use self::logger::{LogForm, default_form, keep, prints_lines, start as begin};
pub use self::stream::{Log, start, state};

/// Logs what was left out, and waits until what was logged is written, a moment at most. Afterwards entries are lost.
pub fn finish() {
    logger::finish();
    stream::finish();
}
