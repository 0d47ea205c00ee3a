//! Rows as comma-separated values.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use v2x_core::MessageId;

/// Names of the columns, in order.
pub const COLUMNS: &str =
    "seed,forwarding,time_s,class,type,sequence,sender,receiver,distance_m,latency_ns,fate,reason,check";

/// A file of rows, on their way.
#[derive(Debug)]
pub(super) struct CsvRows {
    out: Out,
    error: Option<io::Error>,
    /// Seed and forwarding of the run, as the rows begin.
    prefix: String,
    /// By station, quoted where that is needed.
    names: Vec<String>,
}

impl CsvRows {
    pub(super) fn new(file: File, gzip: bool) -> Self {
        let file = BufWriter::new(file);
        let out =
            if gzip { Out::Gzip(GzEncoder::new(file, Compression::default())) } else { Out::Plain(file) };
        let mut rows = Self { out, error: None, prefix: String::new(), names: Vec::new() };
        rows.write(format_args!("{COLUMNS}\n"));
        rows
    }

    pub(super) fn finish(self) -> io::Result<()> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.out {
            Out::Plain(mut file) => file.flush(),
            Out::Gzip(encoder) => encoder.finish()?.flush(),
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.error.is_some()
    }

    pub(super) fn begin(&mut self, seed: u64, forwarding: &str, names: &[String]) {
        self.prefix = format!("{seed},{forwarding}");
        self.names = names.iter().map(|name| quoted(name)).collect();
    }

    pub(super) fn row(
        &mut self,
        message: MessageId,
        made_ns: u64,
        sender: Option<u32>,
        message_type: &str,
        (receiver, distance_m, latency_ns): (u32, Option<f64>, Option<u64>),
        (fate, reason, check): (&str, &str, &str),
    ) {
        let prefix = core::mem::take(&mut self.prefix);
        let names = core::mem::take(&mut self.names);
        let name = |station: Option<u32>| {
            station.and_then(|station| names.get(station as usize)).map_or("", |name| name)
        };
        let distance = distance_m.map_or_else(String::new, |distance| format!("{distance:.1}"));
        let latency = latency_ns.map_or_else(String::new, |latency| latency.to_string());
        self.write(format_args!(
            "{prefix},{}.{:09},{},{},{},{},{},{distance},{latency},{fate},{reason},{check}\n",
            made_ns / 1_000_000_000,
            made_ns % 1_000_000_000,
            message.class.name(),
            message_type,
            message.sequence,
            name(sender),
            name(Some(receiver)),
        ));
        self.prefix = prefix;
        self.names = names;
    }

    fn write(&mut self, text: core::fmt::Arguments<'_>) {
        if self.error.is_some() {
            return;
        }
        let written = match &mut self.out {
            Out::Plain(file) => file.write_fmt(text),
            Out::Gzip(encoder) => encoder.write_fmt(text),
        };
        self.error = written.err();
    }
}

#[derive(Debug)]
enum Out {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

/// A name as RFC 4180 has it: in quotation marks where it would end its field.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_stays_one_field() {
        assert_eq!(quoted("car 7"), "car 7");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
