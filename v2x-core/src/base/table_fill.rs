//! Fill levels of bounded tables.

/// A table and its fill level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFill {
    /// What it holds, in the plural.
    pub name: &'static str,
    /// Entries now; bytes where the name says so.
    pub held: usize,
    /// The most it may hold, of [`limits`](super::limits).
    pub limit: usize,
}

impl TableFill {
    /// A table with this name.
    #[must_use]
    pub const fn new(name: &'static str, held: usize, limit: usize) -> Self {
        Self { name, held, limit }
    }
}
