//! What a world records: the digest of all outputs, the fate of every message, ages and gaps by distance.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use bytes::Bytes;
use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};
use v2x_core::{Event, EventId, MessageId, NotSent, Output, Position, Received, SendStamps, Sent, Transmit};
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::payload::{self, Message};
use v2x_proto::v1::MessageType;
use v2x_proto::{AreaView, Class, Digest, hop};
use v2x_report::{FaultReport, Linkability, Stage, receive_stages, send_stages};

use super::address::station_of;
use super::clock::START;
use super::foreseen;
use super::gates::Gates;
use super::toll::Toll;
use crate::flood::FloodLog;
use crate::ledger::{Delivery, Ledger, Totals};
use crate::linkability::Eavesdropper;
use crate::medium::{LossesByDistance, Medium, Neighbour, Places};
use crate::rows::{MessageOrigin, Rows};
use crate::spatial::Spatial;
use crate::tables::Tables;

/// The record of a run in progress.
#[derive(Debug, Default)]
pub(super) struct Journal {
    ledger: Ledger<MessageId>,
    spatial: Spatial,
    airings: Airings,
    frames: u64,
    signers: HashMap<Digest, u32>,
    ear: Eavesdropper,
    /// Transcripts not hashed yet.
    text: Vec<u8>,
    hash: Sha256,
    near: Vec<Neighbour>,
    /// The node whose outputs are taken has just accepted a hazard: its next message is the first about it.
    declares: bool,
    /// Stations without a node: nothing is meant for them.
    mute: BTreeSet<u32>,
    pub(super) floods: FloodLog,
    rows: Option<Rows>,
    /// What has happened and is not in the books yet.
    backlog: Vec<Entry>,
}

/// Something that the books will have.
#[derive(Debug)]
enum Entry {
    Event {
        now_ns: u64,
        station: u32,
        event: Event,
    },
    /// A station's own message, for the stations near it.
    Sent {
        station: u32,
        id: MessageId,
        message_type: u32,
        due_ns: u64,
        declares: bool,
        near: Vec<Neighbour>,
    },
    Transmitted(MessageId),
    Withheld(MessageId, &'static str),
    Aired {
        now_ns: u64,
        id: MessageId,
        stamps: SendStamps,
        on_air_ns: u64,
    },
    Lost(MessageId, u32, &'static str),
    Channel {
        at_ns: u64,
        busy_ns: u64,
        listened_ns: u64,
    },
    Turned,
}

/// What was counted in a finished world.
#[derive(Debug)]
pub struct Counted {
    /// Per class and stage, drops, frames.
    pub ledger: Totals,
    /// Ages and gaps by distance.
    pub spatial: Spatial,
    /// SHA-256 over all outputs of all stations with station and time, in order of events.
    pub digest: [u8; 32],
    /// How well pseudonyms hid their stations.
    pub linkability: Linkability,
    /// The outcome of each flood and alert.
    pub floods: FloodLog,
    /// Frames transmitted.
    pub frames_sent: u64,
    /// Signatures verified.
    pub signatures: u64,
    /// The rows it was given.
    pub rows: Option<Rows>,
    /// What attackers cost honest stations.
    pub toll: Toll,
    /// Frames received and lost by distance, where the medium knows why.
    pub losses: Option<LossesByDistance>,
    /// What the stations' gates did.
    pub gates: Gates,
    /// What the faults of a plan took, in its order.
    pub faults: Vec<FaultReport>,
}

impl Counted {
    /// The digest in hexadecimal.
    pub fn digest_hex(&self) -> String {
        self.digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("invariant: writing to a String does not fail");
            text
        })
    }
}

impl Journal {
    /// Adds an output to the digest.
    pub(super) fn note(&mut self, now_ns: u64, station: u32, output: &Output) {
        foreseen::note(now_ns, station, output, &mut self.text);
    }

    /// The text that the digest is of, for outputs that were [noted](foreseen::note) elsewhere.
    pub(super) fn transcripts(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Brings the books up to date. What is reported goes to a backlog first, because keeping the books touches much memory and
    /// has no influence on the world: with several threads it is done while the others are at work.
    pub(super) fn catch_up(&mut self) {
        if self.text.len() >= TEXT {
            self.hash.update(&self.text);
            self.text.clear();
        }
        let mut backlog = core::mem::take(&mut self.backlog);
        backlog.drain(..).for_each(|entry| self.book(entry));
        self.backlog = backlog;
    }

    fn enter(&mut self, entry: Entry) {
        self.backlog.push(entry);
    }

    fn book(&mut self, entry: Entry) {
        match entry {
            Entry::Event { now_ns, station, event } => self.book_event(now_ns, station, &event),
            Entry::Sent { station, id, message_type, due_ns, declares, near } => {
                self.book_sent((station, id), message_type, due_ns, declares, &near);
            }
            Entry::Transmitted(id) => self.ledger.transmitted(id),
            Entry::Withheld(id, reason) => self.withheld(id, reason),
            Entry::Aired { now_ns, id, stamps, on_air_ns } => {
                self.airings.insert(now_ns, id, Airing { stamps, on_air_ns });
            }
            Entry::Lost(message, station, cause) => self.ledger.lost(message, station, cause),
            Entry::Channel { at_ns, busy_ns, listened_ns } => {
                self.ledger.channel(at_ns, busy_ns, listened_ns)
            }
            Entry::Turned => self.flush_rows(),
        }
    }

    /// Writes a row for each message and receiver.
    pub(super) fn write_rows(&mut self, rows: Rows) {
        self.ledger.keep_outcomes();
        self.rows = Some(rows);
    }

    /// Whether rows were to be written and cannot be.
    pub(super) fn rows_failed(&self) -> bool {
        self.rows.as_ref().is_some_and(Rows::failed)
    }

    /// The tables to write, where there are any.
    pub(super) fn tables(&mut self) -> Option<&mut Tables> {
        self.rows.as_mut()?.tables()
    }

    fn flush_rows(&mut self) {
        if let Some(rows) = &mut self.rows {
            self.ledger.take_outcomes().for_each(|(message, outcome)| rows.settled(message, &outcome));
        }
    }

    /// A station signs with this credential.
    pub(super) fn met(&mut self, digest: Digest, station: u32) {
        self.signers.insert(digest, station);
    }

    /// The station that signs with a credential.
    pub(super) fn holder(&self, digest: &Digest) -> Option<u32> {
        self.signers.get(digest).copied()
    }

    /// The eavesdropper hears a frame.
    pub(super) fn overheard(&mut self, now_ns: u64, link: Option<[u8; 6]>, frame: &[u8]) {
        self.ear.overhear(now_ns, link, frame);
    }

    /// A station has no node: nothing is meant for it.
    pub(super) fn mute(&mut self, station: u32) {
        self.mute.insert(station);
    }

    /// A station's own message is signed and queued. One of one hop is meant for the stations within range of
    /// `position` and in sight. The intended receivers of a flood are known with its area: see
    /// [`transmitted`](Self::transmitted). Its latency counts from when it was due.
    pub(super) fn sent(
        &mut self,
        station: u32,
        sent: &Sent,
        position: Position,
        places: &Places,
        medium: &dyn Medium,
    ) {
        let (floods, due_ns) = (sent.id.class == Class::D3, sent.generated.as_nanos());
        let declares = core::mem::take(&mut self.declares);
        let range_m = if floods { f64::INFINITY } else { medium.range_m() };
        places.within(position, range_m, station, &mut self.near);
        self.near.retain(|near| {
            let meant = |there| floods || medium.meant(position, there);
            !self.mute.contains(&near.station) && places.position(near.station).is_some_and(meant)
        });
        let (id, message_type, near) = (sent.id, sent.message_type, self.near.clone());
        self.enter(Entry::Sent { station, id, message_type, due_ns, declares, near });
    }

    fn book_sent(
        &mut self,
        (station, id): (u32, MessageId),
        message_type: u32,
        due_ns: u64,
        declares: bool,
        near: &[Neighbour],
    ) {
        if let Some(rows) = &mut self.rows {
            rows.made(id, MessageOrigin { sender: station, message_type, made_ns: due_ns });
        }
        if id.class == Class::D3 {
            return self.floods.announced(due_ns, id, near);
        }
        self.ledger.sent(id, id.class, due_ns, near.iter().map(|near| (near.station, near.distance_m)));
        self.ledger.sent_by(id, station);
        if id.class == Class::D0 && declares {
            self.floods.alerted(due_ns, id, near);
        }
    }

    /// A frame goes to the medium. A flood is meant for the stations that were in its area when it was sent, within
    /// [`INTENDED_M`](crate::flood::INTENDED_M) of where.
    pub(super) fn transmitted(&mut self, frame: &Transmit, places: &Places) {
        self.frames += 1;
        if frame.id.class != Class::D3 {
            return self.enter(Entry::Transmitted(frame.id));
        }
        // Which stations are in its area is asked of the places of now.
        self.catch_up();
        let (event, area) = flood_of(&frame.bytes).unwrap_or_default();
        let began = self.floods.transmitted(frame.id, event, area.as_ref(), places);
        if let Some(began) = began {
            let intended = began.intended.iter().map(|near| (near.station, near.distance_m));
            self.ledger.sent(frame.id, Class::D3, began.sent_ns, intended);
            if let Some(sender) = self.signers.get(&frame.id.signer) {
                self.ledger.sent_by(frame.id, *sender);
            }
        }
        self.ledger.transmitted(frame.id);
    }

    /// A frame that a node let go had expired when its transmitter had room for it.
    pub(super) fn expired(&mut self, frame: &Transmit) {
        self.enter(Entry::Withheld(frame.id, LINK_FULL));
    }

    /// All outputs of a node's turn were taken.
    pub(super) fn turned(&mut self) {
        self.declares = false;
        if self.rows.is_some() {
            self.enter(Entry::Turned);
        }
        if self.backlog.len() >= MAX_BACKLOG || self.text.len() >= MAX_TEXT {
            self.catch_up();
        }
    }

    /// The last bit of a frame that some station hears is on the air at `on_air_ns`.
    pub(super) fn aired(&mut self, now_ns: u64, message: MessageId, stamps: SendStamps, on_air_ns: u64) {
        self.enter(Entry::Aired { now_ns, id: message, stamps, on_air_ns });
    }

    /// How long stations heard the channel busy, and how long they listened, all together, from `at_ns` on.
    pub(super) fn channel(&mut self, at_ns: u64, busy_ns: u64, listened_ns: u64) {
        self.enter(Entry::Channel { at_ns, busy_ns, listened_ns });
    }

    /// The medium lost a frame for one station.
    pub(super) fn lost(&mut self, message: MessageId, station: u32, cause: &'static str) {
        self.enter(Entry::Lost(message, station, cause));
    }

    /// An event of a station other than [`Event::Sent`].
    pub(super) fn event(&mut self, now_ns: u64, station: u32, event: Event) {
        match event {
            Event::Received(_)
            | Event::Dropped(_)
            | Event::NotSent(_)
            | Event::Suspicion(_)
            | Event::HazardRefused { .. } => {
                self.enter(Entry::Event { now_ns, station, event });
            }
            Event::HazardAccepted { .. } => self.declares = true,
            Event::PseudonymChanged { old, new } => self.ear.changed(old, new),
            Event::Sent(_)
            | Event::Forwarded(_)
            | Event::NeighbourAdded(_)
            | Event::NeighbourLost(_)
            | Event::Sending(_)
            | Event::Revoked(_)
            | Event::RevocationRefused(_)
            | Event::RevocationStale { .. }
            | Event::Trust(_)
            | Event::Identities(_)
            | Event::Misbehaviour(_)
            | Event::Hazard(_)
            | Event::HazardRenamed { .. }
            | Event::HeardElsewhere(_)
            | Event::PoolLow { .. } => {}
        }
    }

    fn book_event(&mut self, now_ns: u64, station: u32, event: &Event) {
        match event {
            Event::Received(received) => self.received(now_ns, station, received),
            Event::Dropped(dropped) => {
                self.ledger.dropped(dropped.claimed, station, dropped.reason.name());
                if let Some(tables) = self.tables() {
                    tables.stations().dropped(station);
                }
            }
            Event::NotSent(NotSent { id: Some(id), reason, .. }) => self.withheld(*id, reason.name()),
            Event::NotSent(NotSent { id: None, reason, .. }) => self.floods.refuse(reason.name()),
            Event::Suspicion(suspicion) => {
                if let (Some(rows), Some(check)) = (&mut self.rows, suspicion.check) {
                    rows.suspected(station, suspicion.digest, check.name());
                }
            }
            Event::HazardRefused { refusal, .. } => self.floods.refuse(refusal.name()),
            _ => {}
        }
    }

    fn withheld(&mut self, message: MessageId, reason: &'static str) {
        if let Some(never) = self.floods.withheld(message) {
            let intended = never.intended.iter().map(|near| (near.station, near.distance_m));
            self.ledger.sent(message, Class::D3, never.sent_ns, intended);
            if let Some(sender) = self.signers.get(&message.signer) {
                self.ledger.sent_by(message, *sender);
            }
        }
        self.ledger.withheld(message, reason);
    }

    fn received(&mut self, now_ns: u64, station: u32, received: &Received) {
        let mut stages = [(Stage::SendToDelivered, 0); Stage::COUNT];
        let mut count = 0;
        let mut add = |stage| {
            stages[count] = stage;
            count += 1;
        };
        if let Some(airing) = self.airings.find(&received.id) {
            send_stages(&airing.stamps).into_iter().for_each(&mut add);
            let gate_ns = airing.stamps.gate_open.as_nanos();
            add((Stage::GateToAir, airing.on_air_ns.saturating_sub(gate_ns)));
            if let Some(kernel) = received.stamps.kernel_receive {
                add((Stage::AirToKernel, kernel.as_nanos().saturating_sub(airing.on_air_ns)));
            }
        }
        receive_stages(&received.stamps).for_each(add);
        let delivery = self.ledger.delivered(received.id, station, now_ns, &stages[..count]);
        match received.id.class {
            Class::D3 => self.floods.delivered(now_ns, station, received.id, received.hops),
            Class::D0 => self.floods.alert_delivered(now_ns, station, received.id),
            _ => {}
        }
        self.outside(now_ns, station, received, delivery);
        if let Some(tables) = self.tables() {
            tables.stations().delivered(station);
        }
        let Delivery::Intended { distance_m, latency_ns } = delivery else { return };
        let (sender, generated_ns) = self.origin_of(received);
        if let Some(rows) = &mut self.rows {
            let stages = (now_ns, &stages[..count]);
            rows.delivered(received, sender, station, (distance_m, latency_ns), stages);
        }
        if received.message_type == MessageType::Awareness as u32 {
            self.spatial.received(sender, station, distance_m, generated_ns, now_ns);
        }
    }

    /// A row for a delivery that no class counts.
    fn outside(&mut self, now_ns: u64, station: u32, received: &Received, delivery: Delivery) {
        let reason = match delivery {
            Delivery::Intended { .. } | Delivery::Repeated => return,
            Delivery::Unintended if received.id.class != Class::D3 => "out_of_range",
            Delivery::Unintended | Delivery::Settled { flood: true } => "outside_area",
            Delivery::Settled { flood: false } => "long_after_deadline",
            Delivery::Unknown => "not_counted_sender",
        };
        let (sender, made_ns) = self.origin_of(received);
        if let Some(rows) = &mut self.rows {
            let origin = MessageOrigin { sender, message_type: received.message_type, made_ns };
            rows.outside(received.id, origin, station, now_ns, reason);
        }
    }

    /// Who made a message, and when by its own word, ns.
    fn origin_of(&self, received: &Received) -> (u32, u64) {
        let sender = self.signers.get(&received.id.signer).copied();
        let sender = sender.unwrap_or_else(|| station_of(&received.link_source));
        let generated_us = received.generation_time.since(START).as_micros();
        (sender, u64::try_from(generated_us * 1000).unwrap_or(u64::MAX))
    }

    /// Closes the record.
    pub(super) fn finish(mut self, end_ns: u64, signatures: u64) -> Counted {
        self.catch_up();
        self.hash.update(&self.text);
        self.ledger.close(end_ns);
        self.flush_rows();
        Counted {
            ledger: self.ledger.finish(end_ns),
            spatial: self.spatial,
            digest: self.hash.finalize().into(),
            linkability: self.ear.score(),
            floods: self.floods,
            frames_sent: self.frames,
            signatures,
            rows: self.rows,
            toll: Toll::default(),
            losses: None,
            gates: Gates::default(),
            faults: Vec::new(),
        }
    }
}

/// The event that the message in a frame is about, and its area.
fn flood_of(frame: &[u8]) -> Option<(Option<EventId>, Option<AreaView>)> {
    let (_, len) = hop::parse(frame).ok()?;
    let signed = SignedView::parse(&frame[len..]).ok()?;
    let tbs = TbsView::parse(signed.tbs).ok()?;
    let hazard = match payload::decode(tbs.message_type, Bytes::copy_from_slice(tbs.payload)) {
        Ok(Message::Hazard(hazard)) => Some(hazard),
        _ => None,
    };
    let event = hazard.and_then(|hazard| hazard.id).and_then(|id| {
        let origin = Digest::from_slice(&id.origin)?;
        Some(EventId { origin, number: id.number })
    });
    Some((event, tbs.area))
}

/// A message on the air.
#[derive(Clone, Copy, Debug)]
struct Airing {
    stamps: SendStamps,
    on_air_ns: u64,
}

/// The last copy of each message on the air, for as long as a station may still deliver it: two generations.
#[derive(Debug, Default)]
struct Airings {
    recent: HashMap<MessageId, Airing>,
    former: HashMap<MessageId, Airing>,
    turned_ns: u64,
}

impl Airings {
    fn insert(&mut self, now_ns: u64, message: MessageId, airing: Airing) {
        if now_ns.saturating_sub(self.turned_ns) > AIRING_KEPT_NS || self.recent.len() >= MAX_AIRINGS {
            self.turned_ns = now_ns;
            self.former = core::mem::take(&mut self.recent);
        }
        self.recent.insert(message, airing);
    }

    fn find(&self, message: &MessageId) -> Option<Airing> {
        self.recent.get(message).or_else(|| self.former.get(message)).copied()
    }
}

/// A frame held for its credential is delivered at most this much later, with a margin.
const AIRING_KEPT_NS: u64 = 2_000_000_000;
/// What a thousand stations send in ten seconds.
const MAX_AIRINGS: usize = 100_000;
/// Why no station has a message whose frame expired while it waited for the transmitter.
const LINK_FULL: &str = "link_full";
/// Transcripts are hashed in pieces of this size at least.
const TEXT: usize = 32 * 1024;
/// And of this size at most.
const MAX_TEXT: usize = 1 << 20;
/// What the stations of a window say, with room: about a megabyte.
const MAX_BACKLOG: usize = 4096;
