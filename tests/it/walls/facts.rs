//! The names in one file of Rust: what it defines, what it imports, and every path it writes down.
//!
//! Kept as plain text with line numbers, because a span is of no use on another thread.

/// One file, or one `mod name { ... }` within a file.
#[derive(Debug, Default)]
pub struct Facts {
    pub items: Vec<Defined>,
    pub imports: Vec<Import>,
    pub mentions: Vec<Mention>,
    pub modules: Vec<Declared>,
    /// Files taken in by `include!`, as written.
    pub included: Vec<String>,
    /// The text of the doc comments, whose examples may name crates.
    pub documentation: String,
}

/// Something a module defines itself.
#[derive(Debug)]
pub struct Defined {
    pub name: String,
    pub kind: Kind,
    pub visibility: Reach,
    pub line: usize,
    pub test: bool,
    /// A macro with `#[macro_export]`: its path starts at the crate's root.
    pub exported: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Type,
    Value,
    Macro,
}

/// Where it may be named from, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// `pub(crate)`, `pub(super)`, `pub(in ...)`.
    Restricted,
    Private,
}

/// One name that a `use` outside of functions brings into a module.
#[derive(Debug)]
pub struct Import {
    /// `None` for `*`.
    pub name: Option<String>,
    pub path: Vec<String>,
    pub visibility: Reach,
    pub test: bool,
}

/// A path as it is written, the leaf of a `use` tree included.
#[derive(Clone, Debug)]
pub struct Mention {
    /// `["crate", "a", "B"]`; the first is empty for a path that starts with `::`.
    pub path: Vec<String>,
    pub kind: Spelling,
    pub line: usize,
    /// Within code for `cfg(test)` alone.
    pub test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Path,
    Macro,
    Use { glob: bool, reexport: bool },
}

#[derive(Debug)]
pub struct Declared {
    pub name: String,
    /// The argument of `#[path]`.
    pub file: Option<String>,
    pub visibility: Reach,
    pub test: bool,
    /// `None` when it has a file of its own.
    pub body: Option<Facts>,
}
