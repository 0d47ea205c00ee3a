//! A run's rows: one for each message and receiver, as comma-separated values, and the tables of [`tables`](crate::tables).
//!
//! A row is written when the ledger has settled its message, so memory holds the messages of a few seconds and never the
//! run. The order is that of settling, which depends on nothing but trace, options and seed.

mod csv_rows;

use std::fs::File;
use std::io;
use std::sync::Arc;

use hashbrown::HashMap;
use v2x_core::{DropReason, MessageId, Received};
use v2x_proto::Digest;
use v2x_proto::v1::MessageType;
use v2x_report::{Stage, WhatRan};

use csv_rows::CsvRows;

use crate::geodesy::distance_m;
use crate::ledger::{self, PairOutcome};
use crate::source::{StationKind, Track};
use crate::tables::{Outcome, Served, StageSpans, TableFailed, TableRun, Tables};

pub use csv_rows::COLUMNS;

/// The rows of one or more runs, on their way into files: comma-separated values, tables, or both.
#[derive(Debug, Default)]
pub struct Rows {
    csv: Option<CsvRows>,
    tables: Option<Tables>,
    /// When the run ends: what is due later is left out of all counts, ns.
    end_ns: u64,
    tracks: Arc<Vec<Track>>,
    origins: Origins,
    /// By receiver and signer: the check that weighed most when the one last changed its trust in the other.
    blamed: HashMap<(u32, Digest), &'static str>,
}

/// A run of which rows are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsRun<'a> {
    pub(crate) seed: u64,
    /// The name that rows give of how stations forward.
    pub(crate) forwarding: &'a str,
    pub(crate) names: &'a [String],
    pub(crate) kinds: &'a [StationKind],
    pub(crate) end_ns: u64,
}

impl Rows {
    /// Comma-separated values, which begin with the names of the columns; `gzip` compresses what is written.
    pub fn new(file: File, gzip: bool) -> Self {
        Self { csv: Some(CsvRows::new(file, gzip)), ..Self::default() }
    }

    /// With tables too.
    #[must_use]
    pub fn with_tables(self, tables: Tables) -> Self {
        Self { tables: Some(tables), ..self }
    }

    /// Ends the file of comma-separated values, if there is one.
    ///
    /// # Errors
    /// The first of all that writing met.
    pub fn finish(self) -> io::Result<()> {
        self.csv.map_or(Ok(()), CsvRows::finish)
    }

    /// Ends the tables, if there are any.
    ///
    /// # Errors
    /// The first that could not be written.
    pub fn finish_tables(&mut self, version: &str, ran: &WhatRan) -> Result<(), TableFailed> {
        self.tables.take().map_or(Ok(()), |tables| tables.finish(version, ran))
    }

    /// Whether writing has failed, so that no further row can be kept.
    pub fn failed(&self) -> bool {
        self.csv.as_ref().is_some_and(CsvRows::failed) || self.tables.as_ref().is_some_and(Tables::failed)
    }

    /// The tables, where there are any.
    pub(crate) fn tables(&mut self) -> Option<&mut Tables> {
        self.tables.as_mut()
    }

    /// A run of these stations begins.
    pub(crate) fn begin(&mut self, run: &RowsRun<'_>, tracks: Arc<Vec<Track>>) {
        let RowsRun { seed, forwarding, names, .. } = *run;
        if let Some(csv) = &mut self.csv {
            csv.begin(seed, forwarding, names);
        }
        if let Some(tables) = &mut self.tables {
            let kind = |station: usize| run.kinds.get(station).copied().unwrap_or_default().name();
            let kinds: Vec<_> = (0..names.len()).map(kind).collect();
            tables.begin(&TableRun { seed, forwarding, names, kinds: &kinds });
        }
        self.end_ns = run.end_ns;
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

    /// A message reached a station that it was meant for.
    pub(crate) fn delivered(
        &mut self,
        received: &Received,
        sender: u32,
        station: u32,
        (distance_m, latency_ns): (f32, u64),
        (now_ns, stages): (u64, &[(Stage, u64)]),
    ) {
        let Some(tables) = &mut self.tables else { return };
        let (message, due_ns) = (received.id, now_ns.saturating_sub(latency_ns));
        // The run ends before its deadline: the ledger counts it nowhere.
        if ledger::due_ns(message.class, due_ns) > self.end_ns {
            return;
        }
        let late =
            message.class.deadline().is_some_and(|deadline| u128::from(latency_ns) > deadline.as_nanos());
        let outcome = Outcome::Delivered {
            late,
            latency_ns,
            hops: received.hops,
            signal_dbm: received.signal_dbm,
            stages: StageSpans::new(stages),
        };
        let message_type = type_name(received.message_type);
        let sender = Some(sender);
        tables.served(
            message,
            &Served { sender, receiver: station, message_type, due_ns, distance_m, outcome },
        );
    }

    /// What became of a message for one of the stations it was meant for.
    pub(crate) fn settled(&mut self, message: MessageId, outcome: &PairOutcome) {
        let origin = self.origins.find(&message);
        let check = self.check(message, outcome.station, outcome.reason);
        let sender = origin.map(|origin| origin.sender);
        let message_type = origin.map_or("", |origin| type_name(origin.message_type));
        if let (Some(tables), None) = (&mut self.tables, outcome.latency_ns) {
            let served = Served {
                sender,
                receiver: outcome.station,
                message_type,
                due_ns: outcome.sent_ns,
                distance_m: outcome.distance_m,
                outcome: Outcome::Lost { cause: outcome.reason, judged_by: check },
            };
            tables.served(message, &served);
        }
        let (fate, reason) = match (outcome.missed, outcome.latency_ns) {
            (false, _) => ("delivered", ""),
            (true, Some(_)) => ("missed", "late"),
            (true, None) => ("missed", outcome.reason),
        };
        if let Some(csv) = &mut self.csv {
            csv.row(
                message,
                outcome.sent_ns,
                sender,
                message_type,
                (outcome.station, Some(f64::from(outcome.distance_m)), outcome.latency_ns),
                (fate, reason, if outcome.latency_ns.is_none() { check.unwrap_or_default() } else { "" }),
            );
        }
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
        if self.csv.is_none() {
            return;
        }
        let origin = self.origins.find(&message).unwrap_or(made);
        let latency_ns = at_ns.saturating_sub(origin.made_ns);
        let distance = self.distance(origin.sender, station, origin.made_ns);
        let check = self.check(message, station, reason).unwrap_or_default();
        if let Some(csv) = &mut self.csv {
            csv.row(
                message,
                origin.made_ns,
                Some(origin.sender),
                type_name(origin.message_type),
                (station, distance, Some(latency_ns)),
                ("outside", reason, check),
            );
        }
    }

    /// For which check a receiver has isolated the sender of a message, where that is the reason.
    fn check(&self, message: MessageId, receiver: u32, reason: &str) -> Option<&'static str> {
        let isolated = reason == DropReason::Isolated.name();
        isolated.then(|| self.blamed.get(&(receiver, message.signer)).copied()).flatten()
    }

    /// Between two stations at a time, m; `None` while one of them was not there.
    fn distance(&self, one: u32, other: u32, at_ns: u64) -> Option<f64> {
        let place = |station: u32| Some(self.tracks.get(station as usize)?.at(at_ns)?.point());
        Some(distance_m(place(one)?, place(other)?))
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

/// Longer than a message stays unsettled: the longest deadline, and the grace after it.
const ORIGINS_KEPT_NS: u64 = 10_000_000_000;

/// Pairs of stations of which a reason is remembered: some 40 MB.
const MAX_BLAMED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use v2x_proto::Class;

    use super::*;

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
        let names = ["liar".to_owned(), "judge".to_owned()];
        let run = RowsRun { seed: 7, forwarding: "roadcast", names: &names, kinds: &[], end_ns: u64::MAX };
        rows.begin(&run, Arc::default());
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
