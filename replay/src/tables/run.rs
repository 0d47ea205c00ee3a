//! The run that a table's rows are of.

/// A run of which tables tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableRun<'a> {
    pub(crate) seed: u64,
    pub(crate) forwarding: &'a str,
    /// Of the stations, by number.
    pub(crate) names: &'a [String],
    /// Of the stations, by number.
    pub(crate) kinds: &'a [&'static str],
}
