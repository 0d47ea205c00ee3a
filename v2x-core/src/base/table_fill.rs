//! How full a bounded table is.

/// A table, and how full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFill {
    /// What it holds, in plural.
    pub name: &'static str,
    /// Entries now; bytes where the name says so.
    pub held: usize,
    /// The most it may hold, of [`limits`](super::limits).
    pub limit: usize,
}

impl TableFill {
    /// A table of this name.
    #[must_use]
    pub const fn new(name: &'static str, held: usize, limit: usize) -> Self {
        Self { name, held, limit }
    }
}
