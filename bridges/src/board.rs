//! What the program says about itself: a section of each part, made when somebody asks.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

type Source = Box<dyn Fn() -> Value + Send + Sync>;

/// The sections, by name; clones are the same board.
#[derive(Clone, Default)]
pub struct Board {
    sections: Arc<Mutex<Vec<(&'static str, Source)>>>,
}

impl Board {
    /// With no section.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a section, or replaces the one of this name. Numbers in it become metrics: `roadcast_bridge_<section>_<key>`, of an
    /// array of objects with a label `name`.
    pub fn add(&self, name: &'static str, source: impl Fn() -> Value + Send + Sync + 'static) {
        let mut sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.retain(|(there, _)| *there != name);
        sections.push((name, Box::new(source)));
    }

    /// Every section as of now.
    #[must_use]
    pub fn status(&self) -> Map<String, Value> {
        let sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.iter().map(|(name, source)| ((*name).to_owned(), source())).collect()
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}
