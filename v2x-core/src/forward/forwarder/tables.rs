//! Fill levels of the forwarder's tables.

use super::Forwarder;
use crate::base::{TableFill, limits};

impl Forwarder {
    /// Every table of the forwarder.
    pub fn tables(&self) -> impl Iterator<Item = TableFill> + use<> {
        [
            TableFill::new("floods", self.len(), limits::MAX_FLOODS),
            TableFill::new("copies before their verification", self.early.len(), limits::MAX_EARLY_COPIES),
        ]
        .into_iter()
    }
}
