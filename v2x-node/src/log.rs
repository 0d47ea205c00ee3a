//! The log of this program: what is worth more than a line for people, on standard error.

mod entry;
mod logger;
mod stream;
mod text;

pub use self::logger::start as begin;
pub use self::stream::{Log, finish, start, state};
