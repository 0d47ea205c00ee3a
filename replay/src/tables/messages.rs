//! One row for each message and each station it was meant for.

use std::fs::File;
use std::io;

use v2x_core::MessageId;
use v2x_report::Stage;
use v2x_tables::{Column, ColumnKind, TableWriter, TextId};

use super::run::TableRun;
use super::words::Words;

/// The columns, in order.
pub const COLUMNS: [Column<'_>; 26] = [
    Column::new("seed", Integer, "", "seed of the run"),
    Column::new("forwarding", Text, "", "how stations forward messages of several hops: roadcast, etsi or flooding"),
    Column::new("signer", Hexadecimal, "", "digest of the credential that signed the message; with class and sequence it names the message"),
    Column::new("class", Text, "", "deadline class of the message: D0 to D5"),
    Column::new("sequence", Integer, "", "number of the message among its signer's of its class; wraps after 4294967295"),
    Column::new("message_type", Text, "", "what the message is: awareness, hazard, signal_state, ...").or_null(),
    Column::new("sender", Text, "", "station that made the message, by its name in the trace").or_null(),
    Column::new("receiver", Text, "", "station that the message was meant for"),
    Column::new("due_at_ns", Integer, "ns", "when the message was due, since the trace's first step; latency counts from here"),
    Column::new("distance_m", Real, "m", "from sender to receiver at that time, to a decimetre"),
    Column::new("outcome", Text, "", "delivered (in time), late (delivered after the deadline of its class) or lost (never delivered)"),
    Column::new("cause", Text, "", "why it was lost: below_sensing, receiver_busy, propagation, collision, never_received, isolated, ...; null unless lost").or_null(),
    Column::new("judged_by", Text, "", "the check for which the receiver had isolated the sender; null unless cause is isolated").or_null(),
    Column::new("hops", Integer, "", "hops that the message had travelled when it was delivered, 1 straight from its sender").or_null(),
    Column::new("signal_dbm", Integer, "dBm", "power of the frame that brought it; null where the medium has none").or_null(),
    Column::new("latency_ns", Integer, "ns", "from due to delivered, verified, to the application; null when lost").or_null(),
    Column::new("generated_to_built_ns", Integer, "ns", "content generated to the bytes to be signed built").or_null(),
    Column::new("built_to_signed_ns", Integer, "ns", "bytes built to signature made").or_null(),
    Column::new("signed_to_queued_ns", Integer, "ns", "signature made to frame in the queue of its class").or_null(),
    Column::new("queued_to_gate_open_ns", Integer, "ns", "frame in the queue to the congestion gate open for it").or_null(),
    Column::new("gate_open_to_on_air_ns", Integer, "ns", "gate open to the last bit on the air: waiting for the channel, and the frame's airtime").or_null(),
    Column::new("on_air_to_kernel_receive_ns", Integer, "ns", "last bit on the air to the frame at the receiver").or_null(),
    Column::new("kernel_receive_to_user_receive_ns", Integer, "ns", "frame at the receiver to frame read").or_null(),
    Column::new("user_receive_to_prefiltered_ns", Integer, "ns", "frame read to all cheap checks passed").or_null(),
    Column::new("prefiltered_to_verified_ns", Integer, "ns", "cheap checks passed to signature verified, the queue for that included").or_null(),
    Column::new("verified_to_delivered_ns", Integer, "ns", "signature verified to the message with the application").or_null(),
];

use ColumnKind::{Hexadecimal, Integer, Real, Text};

/// What became of one message for one station it was meant for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served {
    /// `None` where it is not known any more.
    pub(crate) sender: Option<u32>,
    pub(crate) receiver: u32,
    /// Empty where it is not known.
    pub(crate) message_type: &'static str,
    pub(crate) due_ns: u64,
    pub(crate) distance_m: f32,
    pub(crate) outcome: Outcome,
}

/// Delivered, or why not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Delivered { late: bool, latency_ns: u64, hops: u8, signal_dbm: Option<i8>, stages: StageSpans },
    Lost { cause: &'static str, judged_by: Option<&'static str> },
}

/// How long a message was in each stage that is known, ns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StageSpans([Option<u64>; SHOWN.len()]);

impl StageSpans {
    /// Of stages with their times, ns; those that have no column are left out.
    pub(crate) fn new(stages: &[(Stage, u64)]) -> Self {
        let mut spans = Self::default();
        for (stage, stage_ns) in stages {
            if let Some(place) = SHOWN.iter().position(|shown| shown == stage) {
                spans.0[place] = Some(*stage_ns);
            }
        }
        spans
    }
}

#[derive(Debug)]
pub(super) struct MessageTable {
    table: TableWriter<File>,
    words: Words,
    seed: i64,
    forwarding: TextId,
    names: Vec<TextId>,
    outcomes: [TextId; 3],
}

impl MessageTable {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut table = TableWriter::new(&COLUMNS, file)?;
        Ok(Self {
            words: Words::new(&mut table),
            seed: 0,
            forwarding: table.text(""),
            names: Vec::new(),
            outcomes: ["delivered", "late", "lost"].map(|outcome| table.text(outcome)),
            table,
        })
    }

    pub(super) fn begin(&mut self, run: &TableRun<'_>) {
        self.seed = run.seed.cast_signed();
        self.forwarding = self.table.text(run.forwarding);
        self.names = run.names.iter().map(|name| self.table.text(name)).collect();
    }

    pub(super) fn add(&mut self, message: MessageId, served: &Served) {
        let Self { table, words, names, .. } = self;
        let [delivered, late, lost] = self.outcomes;
        let message_type = (!served.message_type.is_empty()).then(|| words.find(served.message_type, table));
        let (outcome, cause, judged_by) = match served.outcome {
            Outcome::Delivered { late: true, .. } => (late, None, None),
            Outcome::Delivered { .. } => (delivered, None, None),
            Outcome::Lost { cause, judged_by } => {
                (lost, Some(words.find(cause, table)), judged_by.map(|check| words.find(check, table)))
            }
        };
        let name = |station: u32| names.get(station as usize).copied();
        let (hops, signal_dbm, latency_ns, StageSpans(stages)) = match served.outcome {
            Outcome::Delivered { latency_ns, hops, signal_dbm, stages, .. } => {
                (Some(i64::from(hops)), signal_dbm.map(i64::from), Some(latency_ns), stages)
            }
            Outcome::Lost { .. } => (None, None, None, StageSpans::default()),
        };
        let mut row = table.row();
        row.integer(self.seed)
            .text(self.forwarding)
            .hexadecimal(u64::from_be_bytes(message.signer.0))
            .text(words.class(message.class))
            .integer(i64::from(message.sequence))
            .text(message_type)
            .text(served.sender.and_then(name))
            .text(name(served.receiver).expect("invariant: messages are meant for stations of the run"))
            .count(served.due_ns)
            .real((f64::from(served.distance_m) * 10.0).round() / 10.0)
            .text(outcome)
            .text(cause)
            .text(judged_by)
            .integer(hops)
            .integer(signal_dbm)
            .count(latency_ns);
        for stage_ns in stages {
            row.count(stage_ns);
        }
        row.end();
    }

    pub(super) fn failed(&self) -> bool {
        self.table.failed()
    }

    pub(super) fn finish(self, metadata: Vec<(String, String)>) -> io::Result<()> {
        self.table.finish(metadata)
    }
}

/// The stages that have a column, in their order: those of a replay that are no sum of others.
pub(super) const SHOWN: [Stage; 10] = [
    Stage::GeneratedToBuilt,
    Stage::BuiltToSigned,
    Stage::SignedToQueued,
    Stage::QueuedToGate,
    Stage::GateToAir,
    Stage::AirToKernel,
    Stage::KernelToUser,
    Stage::UserToPrefiltered,
    Stage::PrefilteredToVerified,
    Stage::VerifiedToDelivered,
];
