//! What happened in a run as three tables for data people: messages by receiver, transmissions, stations by second.
//!
//! Each is a file of Parquet, written as the run goes in memory that does not grow with it; equal runs write equal files. What the columns
//! mean is said beside each in [`MESSAGES`], [`TRANSMISSIONS`] and [`STATIONS`], in the files themselves and in docs/tables.md, by one source.

mod messages;
mod run;
mod stations;
mod transmissions;
mod words;

use std::fs::File;
use std::io;

use v2x_core::MessageId;
use v2x_report::WhatRan;
use v2x_tables::Column;

pub use messages::COLUMNS as MESSAGES;
pub use stations::COLUMNS as STATIONS;
pub use transmissions::COLUMNS as TRANSMISSIONS;

use messages::MessageTable;
pub(crate) use messages::{Outcome, Served, StageSpans};
pub(crate) use run::TableRun;
pub(crate) use stations::StationState;
use stations::StationTable;
pub(crate) use transmissions::Aired;
use transmissions::TransmissionTable;

/// The tables of one or more runs, on their way into files.
#[derive(Debug)]
pub struct Tables {
    messages: MessageTable,
    transmissions: TransmissionTable,
    stations: StationTable,
}

/// Names of the tables' files, and their columns.
pub const TABLES: [(&str, &[Column<'_>]); 3] = [
    ("messages.parquet", &MESSAGES),
    ("transmissions.parquet", &TRANSMISSIONS),
    ("stations.parquet", &STATIONS),
];

/// One of the files could not be written.
#[derive(Debug)]
pub struct TableFailed {
    /// Which: a name of [`TABLES`].
    pub file: &'static str,
    /// The system's error.
    pub source: io::Error,
}

impl Tables {
    /// Begins the files, in the order of [`TABLES`].
    ///
    /// # Errors
    /// The first that cannot be written.
    pub fn new(files: [File; 3]) -> Result<Self, TableFailed> {
        let [messages, transmissions, stations] = files;
        Ok(Self {
            messages: MessageTable::new(messages).map_err(failed(0))?,
            transmissions: TransmissionTable::new(transmissions).map_err(failed(1))?,
            stations: StationTable::new(stations).map_err(failed(2))?,
        })
    }

    /// A run begins.
    pub(crate) fn begin(&mut self, run: &TableRun<'_>) {
        self.messages.begin(run);
        self.transmissions.begin(run);
        self.stations.begin(run);
    }

    /// What became of a message for one of the stations it was meant for is settled.
    pub(crate) fn served(&mut self, message: MessageId, served: &Served) {
        self.messages.add(message, served);
    }

    /// A frame was on the air, or was to be, and this many stations received it, and these did not.
    pub(crate) fn aired(&mut self, aired: &Aired) {
        self.transmissions.add(aired);
        self.stations.sent(aired);
    }

    /// What happens to single stations, second by second.
    pub(crate) fn stations(&mut self) -> &mut StationTable {
        &mut self.stations
    }

    /// Whether a file cannot be written any more, so that there is no sense in going on.
    pub fn failed(&self) -> bool {
        self.messages.failed() || self.transmissions.failed() || self.stations.failed()
    }

    /// Ends the files, each of which says by which version it was written, and what was run.
    ///
    /// # Errors
    /// The first that could not be written.
    pub fn finish(self, version: &str, ran: &WhatRan) -> Result<(), TableFailed> {
        let settings = serde_json::to_string(ran).expect("invariant: texts and numbers have a form in JSON");
        let about = |table: usize| {
            let (name, columns) = TABLES[table];
            metadata(name.trim_end_matches(".parquet"), columns, version, &settings)
        };
        self.messages.finish(about(0)).map_err(failed(0))?;
        self.transmissions.finish(about(1)).map_err(failed(1))?;
        self.stations.finish(about(2)).map_err(failed(2))
    }
}

fn failed(table: usize) -> impl FnOnce(io::Error) -> TableFailed {
    move |source| TableFailed { file: TABLES[table].0, source }
}

/// What a file says of itself, by key.
fn metadata(table: &str, columns: &[Column<'_>], version: &str, settings: &str) -> Vec<(String, String)> {
    let described: Vec<_> = columns
        .iter()
        .map(|column| {
            serde_json::json!({
                "name": column.name,
                "unit": column.unit,
                "null": column.nullable,
                "meaning": column.meaning,
            })
        })
        .collect();
    let times = "integers of nanoseconds: *_at_ns since the trace's first step, other *_ns for how long";
    [
        ("roadcast.version", version.to_owned()),
        ("roadcast.table", table.to_owned()),
        ("roadcast.settings", settings.to_owned()),
        ("roadcast.times", times.to_owned()),
        ("roadcast.columns", serde_json::Value::from(described).to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests;
