//! Names that the program has, as texts of a table.

use std::io::Write;

use v2x_proto::Class;
use v2x_tables::{TableWriter, TextId};

/// The texts of a table that come from the program, found by where they stand in it.
#[derive(Debug)]
pub(super) struct Words {
    classes: [TextId; Class::ALL.len()],
    /// Few: names of types, causes and checks.
    others: Vec<(&'static str, TextId)>,
}

impl Words {
    pub(super) fn new<W: Write + Send>(table: &mut TableWriter<W>) -> Self {
        Self { classes: Class::ALL.map(|class| table.text(class.name())), others: Vec::new() }
    }

    pub(super) fn class(&self, class: Class) -> TextId {
        self.classes[class.index()]
    }

    pub(super) fn find<W: Write + Send>(&mut self, word: &'static str, table: &mut TableWriter<W>) -> TextId {
        if let Some((_, text)) = self.others.iter().find(|(known, _)| core::ptr::eq(*known, word)) {
            return *text;
        }
        let text = table.text(word);
        self.others.push((word, text));
        text
    }
}
