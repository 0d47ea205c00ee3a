//! What a reader asks of the objects of a line, noted while tests run: the schema of requests is made of it.

use core::cell::RefCell;
use core::ops::RangeInclusive;
use std::collections::BTreeMap;

/// The objects of a line, by what their keys are called by: `""`, `"area."`.
pub type Asked = BTreeMap<&'static str, Object>;

/// What was asked of one object.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Keys it may have.
    pub known: &'static [&'static str],
    /// What may be under those that were looked at.
    pub rules: BTreeMap<&'static str, Rule>,
}

/// What may be under a key.
#[derive(Clone, Debug)]
pub enum Rule {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer(RangeInclusive<u64>),
    /// A number.
    Number(RangeInclusive<f64>),
    /// Any text.
    Text,
    /// A text or number in a form of its own, known by what a complaint calls it.
    Parsed(String),
    /// One of these.
    Name(Vec<&'static str>),
    /// A list of one or more of these.
    SomeNames(Vec<&'static str>),
    /// A list of one or more texts, each of at most so many bytes.
    SomeTexts(usize),
    /// A list of these, which may be empty.
    Set(Vec<&'static str>),
    /// An object.
    Object,
}

/// What `read` gives, and what it asked on the way.
pub fn of<T>(read: impl FnOnce() -> T) -> (T, Asked) {
    NOTES.set(Some(Asked::new()));
    let found = read();
    (found, NOTES.take().expect("invariant: set above, and a reader of lines does not nest"))
}

pub(super) fn note_object(path: &'static str, known: &'static [&'static str]) {
    note(|asked| asked.entry(path).or_default().known = known);
}

pub(super) fn note_key(path: &'static str, key: &'static str, rule: Rule) {
    note(|asked| drop(asked.entry(path).or_default().rules.insert(key, rule)));
}

fn note(write: impl FnOnce(&mut Asked)) {
    NOTES.with_borrow_mut(|notes| notes.as_mut().map(write));
}

thread_local! {
    /// `Some` while somebody wants to know; each test has a thread of its own.
    static NOTES: RefCell<Option<Asked>> = const { RefCell::new(None) };
}
