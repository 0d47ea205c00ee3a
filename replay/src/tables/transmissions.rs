//! One row for each transmission.

use std::fs::File;
use std::io;

use v2x_core::{MessageId, Position};
use v2x_proto::Class;
use v2x_tables::{Column, ColumnKind, TableWriter, TextId};

use super::run::TableRun;
use super::words::Words;

/// The columns, in order.
pub const COLUMNS: [Column<'_>; 17] = [
    Column::new("seed", Integer, "", "seed of the run"),
    Column::new("forwarding", Text, "", "how stations forward messages of several hops: roadcast, etsi or flooding"),
    Column::new("transmitter", Text, "", "station that sent the frame, by its name in the trace"),
    Column::new("honest", Flag, "", "whether the transmitter is none of the attackers, whose messages no figure counts"),
    Column::new("signer", Hexadecimal, "", "digest of the credential that signed the message; null for what an attacker forged beside its station").or_null(),
    Column::new("class", Text, "", "deadline class of the frame: D0 to D5"),
    Column::new("sequence", Integer, "", "number of the message among its signer's of its class; null with the signer").or_null(),
    Column::new("forwarded", Flag, "", "whether the message is another station's"),
    Column::new("frame_bytes", Integer, "B", "length of the frame above the link layer: hop header and signed message"),
    Column::new("handed_at_ns", Integer, "ns", "when the station handed the frame to its radio, since the trace's first step"),
    Column::new("start_at_ns", Integer, "ns", "first bit on the air; null when the frame never was").or_null(),
    Column::new("end_at_ns", Integer, "ns", "last bit on the air; null with the start").or_null(),
    Column::new("airtime_ns", Integer, "ns", "from the first bit to the last; null with the start").or_null(),
    Column::new("latitude", Spread, "degrees", "where the transmitter was when it handed the frame over, WGS 84"),
    Column::new("longitude", Spread, "degrees", "where the transmitter was when it handed the frame over, WGS 84"),
    Column::new("received_by", Integer, "", "stations that received the frame whole"),
    Column::new("lost_by", Integer, "", "stations in range that did not, by the medium"),
];

use ColumnKind::{Flag, Hexadecimal, Integer, Spread, Text};

/// A frame that was on the air, or was to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aired {
    pub(crate) transmitter: u32,
    pub(crate) honest: bool,
    /// `None` for what an attacker forged.
    pub(crate) message: Option<MessageId>,
    pub(crate) class: Class,
    pub(crate) forwarded: bool,
    pub(crate) frame_bytes: usize,
    pub(crate) handed_ns: u64,
    /// First and last bit; `None`: it never was on the air.
    pub(crate) air_ns: Option<(u64, u64)>,
    pub(crate) position: Position,
    pub(crate) received_by: u64,
    pub(crate) lost_by: u64,
}

impl Aired {
    pub(super) fn airtime_ns(&self) -> Option<u64> {
        self.air_ns.map(|(start_ns, end_ns)| end_ns.saturating_sub(start_ns))
    }
}

#[derive(Debug)]
pub(super) struct TransmissionTable {
    table: TableWriter<File>,
    words: Words,
    seed: i64,
    forwarding: TextId,
    names: Vec<TextId>,
}

impl TransmissionTable {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut table = TableWriter::new(&COLUMNS, file)?;
        Ok(Self {
            words: Words::new(&mut table),
            seed: 0,
            forwarding: table.text(""),
            names: Vec::new(),
            table,
        })
    }

    pub(super) fn begin(&mut self, run: &TableRun<'_>) {
        self.seed = run.seed.cast_signed();
        self.forwarding = self.table.text(run.forwarding);
        self.names = run.names.iter().map(|name| self.table.text(name)).collect();
    }

    pub(super) fn add(&mut self, aired: &Aired) {
        let transmitter = self.names.get(aired.transmitter as usize);
        let degrees = |tenth_microdegrees: i32| f64::from(tenth_microdegrees) / 1e7;
        self.table
            .row()
            .integer(self.seed)
            .text(self.forwarding)
            .text(*transmitter.expect("invariant: stations of the run transmit"))
            .flag(aired.honest)
            .hexadecimal(aired.message.map(|message| u64::from_be_bytes(message.signer.0)))
            .text(self.words.class(aired.class))
            .integer(aired.message.map(|message| i64::from(message.sequence)))
            .flag(aired.forwarded)
            .count(aired.frame_bytes as u64)
            .count(aired.handed_ns)
            .count(aired.air_ns.map(|(start_ns, _)| start_ns))
            .count(aired.air_ns.map(|(_, end_ns)| end_ns))
            .count(aired.airtime_ns())
            .real(degrees(aired.position.latitude))
            .real(degrees(aired.position.longitude))
            .count(aired.received_by)
            .count(aired.lost_by)
            .end();
    }

    pub(super) fn failed(&self) -> bool {
        self.table.failed()
    }

    pub(super) fn finish(self, metadata: Vec<(String, String)>) -> io::Result<()> {
        self.table.finish(metadata)
    }
}
