//! A run's rows: one for each message and receiver, as comma-separated values.
//!
//! A row is written when the ledger has settled its message, so memory holds the messages of a few seconds and never the
//! run. The order is that of settling, which depends on nothing but trace, options and seed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use hashbrown::HashMap;
use v2x_core::{DropReason, MessageId};
use v2x_proto::Digest;
use v2x_proto::v1::MessageType;

use crate::geodesy::distance_m;
use crate::ledger::PairOutcome;
use crate::source::Track;

/// Names of the columns, in order.
pub const COLUMNS: &str =
    "seed,forwarding,time_s,class,type,sequence,sender,receiver,distance_m,latency_ns,fate,reason,check";

/// The rows of one or more runs, on their way into a file.
#[derive(Debug)]
pub struct Rows {
    out: Out,
    error: Option<io::Error>,
    /// Seed and forwarding of the run, as the rows begin.
    prefix: String,
    /// By station, quoted where that is needed.
    names: Vec<String>,
    tracks: Arc<Vec<Track>>,
    origins: Origins,
    /// By receiver and signer: the check that weighed most when the one last changed its trust in the other.
    blamed: HashMap<(u32, Digest), &'static str>,
}

impl Rows {
    /// Begins with the names of the columns; `gzip` compresses what is written.
    pub fn new(file: File, gzip: bool) -> Self {
        let file = BufWriter::new(file);
        let out =
            if gzip { Out::Gzip(GzEncoder::new(file, Compression::default())) } else { Out::Plain(file) };
        let mut rows = Self {
            out,
            error: None,
            prefix: String::new(),
            names: Vec::new(),
            tracks: Arc::default(),
            origins: Origins::default(),
            blamed: HashMap::new(),
        };
        rows.write(format_args!("{COLUMNS}\n"));
        rows
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The first of all that writing met.
    pub fn finish(self) -> io::Result<()> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.out {
            Out::Plain(mut file) => file.flush(),
            Out::Gzip(encoder) => encoder.finish()?.flush(),
        }
    }

    /// Whether writing has failed, so that no further row can be kept.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// A run of these stations begins.
    pub(crate) fn begin(&mut self, seed: u64, forwarding: &str, names: &[String], tracks: Arc<Vec<Track>>) {
        self.prefix = format!("{seed},{forwarding}");
        self.names = names.iter().map(|name| quoted(name)).collect();
        self.tracks = tracks;
        self.origins = Origins::default();
        self.blamed.clear();
    }

    /// A station trusts a signer less because of a check.
    pub(crate) fn suspected(&mut self, station: u32, signer: Digest, check: &'static str) {
        if self.blamed.len() < MAX_BLAMED || self.blamed.contains_key(&(station, signer)) {
            self.blamed.insert((station, signer), check);
        }
    }

    /// A message was made.
    pub(crate) fn made(&mut self, message: MessageId, origin: MessageOrigin) {
        self.origins.insert(message, origin);
    }

    /// What became of a message for one of the stations it was meant for.
    pub(crate) fn settled(&mut self, message: MessageId, outcome: &PairOutcome) {
        let origin = self.origins.find(&message);
        let (fate, reason) = match (outcome.missed, outcome.latency_ns) {
            (false, _) => ("delivered", ""),
            (true, Some(_)) => ("missed", "late"),
            (true, None) => ("missed", outcome.reason),
        };
        let sender = origin.map(|origin| origin.sender);
        let message_type = origin.map(|origin| origin.message_type);
        self.row(
            message,
            outcome.sent_ns,
            sender,
            message_type,
            (outcome.station, Some(f64::from(outcome.distance_m)), outcome.latency_ns),
            (fate, reason),
        );
    }

    /// A delivery outside the count. `made` is what the message itself says, for messages long settled and those of
    /// attackers.
    pub(crate) fn outside(
        &mut self,
        message: MessageId,
        made: MessageOrigin,
        station: u32,
        at_ns: u64,
        reason: &str,
    ) {
        let origin = self.origins.find(&message).unwrap_or(made);
        let latency_ns = at_ns.saturating_sub(origin.made_ns);
        let distance = self.distance(origin.sender, station, origin.made_ns);
        self.row(
            message,
            origin.made_ns,
            Some(origin.sender),
            Some(origin.message_type),
            (station, distance, Some(latency_ns)),
            ("outside", reason),
        );
    }

    /// Between two stations at a time, m; `None` while one of them was not there.
    fn distance(&self, one: u32, other: u32, at_ns: u64) -> Option<f64> {
        let place = |station: u32| Some(self.tracks.get(station as usize)?.at(at_ns)?.point());
        Some(distance_m(place(one)?, place(other)?))
    }

    fn row(
        &mut self,
        message: MessageId,
        made_ns: u64,
        sender: Option<u32>,
        message_type: Option<u32>,
        (receiver, distance_m, latency_ns): (u32, Option<f64>, Option<u64>),
        (fate, reason): (&str, &str),
    ) {
        let isolated = reason == DropReason::Isolated.name();
        let check = isolated.then(|| self.blamed.get(&(receiver, message.signer))).flatten();
        let check = check.copied().unwrap_or_default();
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
            message_type.map_or("", type_name),
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

/// Who made a message, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageOrigin {
    /// The station.
    pub(crate) sender: u32,
    /// Number of the payload's type.
    pub(crate) message_type: u32,
    /// When it was due, ns.
    pub(crate) made_ns: u64,
}

#[derive(Debug)]
enum Out {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

/// The origins of the messages that the ledger may still settle: two generations.
#[derive(Debug, Default)]
struct Origins {
    recent: HashMap<MessageId, MessageOrigin>,
    former: HashMap<MessageId, MessageOrigin>,
    turned_ns: u64,
}

impl Origins {
    fn insert(&mut self, message: MessageId, origin: MessageOrigin) {
        if origin.made_ns.saturating_sub(self.turned_ns) > ORIGINS_KEPT_NS {
            self.turned_ns = origin.made_ns;
            self.former = core::mem::take(&mut self.recent);
        }
        self.recent.insert(message, origin);
    }

    fn find(&self, message: &MessageId) -> Option<MessageOrigin> {
        self.recent.get(message).or_else(|| self.former.get(message)).copied()
    }
}

/// `awareness`, `hazard` and so on; empty for a number without a name.
fn type_name(number: u32) -> &'static str {
    match i32::try_from(number).ok().and_then(|number| MessageType::try_from(number).ok()) {
        None | Some(MessageType::Unspecified) => "",
        Some(MessageType::Awareness) => "awareness",
        Some(MessageType::Hazard) => "hazard",
        Some(MessageType::SignalState) => "signal_state",
        Some(MessageType::IntersectionMap) => "intersection_map",
        Some(MessageType::SignInfo) => "sign_info",
        Some(MessageType::RsuAdvert) => "rsu_advert",
        Some(MessageType::Perception) => "perception",
        Some(MessageType::Vru) => "vru",
        Some(MessageType::PriorityRequest) => "priority_request",
        Some(MessageType::PriorityStatus) => "priority_status",
        Some(MessageType::GnssCorrection) => "gnss_correction",
        Some(MessageType::Confidential) => "confidential",
        Some(MessageType::CredentialRequest) => "credential_request",
        Some(MessageType::CredentialResponse) => "credential_response",
        Some(MessageType::RevocationDelta) => "revocation_delta",
        Some(MessageType::MisbehaviourReport) => "misbehaviour_report",
        Some(MessageType::NodeStatus) => "node_status",
        Some(MessageType::Echo) => "echo",
        Some(MessageType::UpdateManifest) => "update_manifest",
    }
}

/// A name as RFC 4180 has it: in quotation marks where it would end its field.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// Longer than a message stays unsettled: the longest deadline, and the grace after it.
const ORIGINS_KEPT_NS: u64 = 10_000_000_000;

/// Pairs of stations of which a reason is remembered: some 40 MB.
const MAX_BLAMED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use v2x_proto::Class;

    use super::*;

    #[test]
    fn a_name_with_a_comma_stays_one_field() {
        assert_eq!(quoted("car 7"), "car 7");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn every_type_of_the_wire_has_a_name_of_its_own() {
        let mut names: Vec<_> = (1..=40).map(type_name).filter(|name| !name.is_empty()).collect();
        assert_eq!(names.len(), 19);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 19);
        assert_eq!((type_name(0), type_name(u32::MAX)), ("", ""));
    }

    #[test]
    fn a_row_of_an_isolated_sender_names_both_and_the_check() {
        let path = std::env::temp_dir().join(format!("roadcast-isolated-{}.csv", std::process::id()));
        let mut rows = Rows::new(File::create(&path).unwrap(), false);
        rows.begin(7, "roadcast", &["liar".to_owned(), "judge".to_owned()], Arc::default());
        let message = MessageId { signer: Digest([3; 8]), class: Class::D2, sequence: 9 };
        rows.made(message, MessageOrigin { sender: 0, message_type: 1, made_ns: 1_500_000_000 });
        rows.suspected(1, message.signer, "overlap");
        let mut outcome = PairOutcome {
            sent_ns: 1_500_000_000,
            station: 1,
            distance_m: 20.26,
            latency_ns: None,
            missed: true,
            reason: "isolated",
        };
        rows.settled(message, &outcome);
        outcome.latency_ns = Some(200_000_000);
        rows.settled(message, &outcome);
        rows.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "7,roadcast,1.500000000,D2,awareness,9,liar,judge,20.3,,missed,isolated,overlap",
                "7,roadcast,1.500000000,D2,awareness,9,liar,judge,20.3,200000000,missed,late,",
            ]
        );
    }
}
