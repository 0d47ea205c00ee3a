//! Stations in virtual time: a [`World`] feeds one [`Node`] for each station of a trace.
//!
//! Everything is an event, handled in the order of (time, sequence of scheduling): a station moves, a node's deadline
//! is reached, a frame arrives. Nodes are fed as their contract asks, and woken exactly at their deadlines. A station
//! is there from a sample of the trace until a step after its last one; across a gap in the trace too long to be
//! bridged ([`MAX_GAP_NS`](crate::source::MAX_GAP_NS)) it leaves and comes back as a new node. Its clock is trusted and
//! right.
//!
//! Virtual time passes on the medium alone, unless stations have a processor that takes its time ([`World::slow_down`], see
//! `workload`): then each verifies, signs and does all else one after the other. What cryptography costs on a machine is
//! measured by the benchmarks and by live runs, not here.
//!
//! # Threads
//!
//! Events are handled on one thread. With more, all of them work out ahead what stations do with what is certain to reach
//! them: see `window` for what that is, and why results do not depend on it.

mod address;
mod aims;
mod air;
mod alerts;
mod application;
mod assault;
mod attackers;
mod beside;
mod clock;
mod congestion;
mod crew;
mod deferred;
mod errand;
mod flight;
mod foreseen;
mod gates;
mod journal;
mod link;
mod mishaps;
mod occupancy;
mod pace;
mod radio;
mod sabotage;
mod saboteur;
mod schedule;
mod seconds;
mod share;
mod station;
mod together;
mod toll;
mod transmitter;
mod troubles;
mod turns;
mod verifier;
mod window;
mod window_plan;
mod workload;

use core::mem;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use v2x_apps::Moment;
use v2x_core::{
    Anchor, AwarenessRule, ChangeRule, Config, CredentialError, Event, Fix, Imminent, Input, Instant, Node,
    Output, Position, PseudonymConfig, Scheme, Sign, Together, Transmit,
};
use v2x_proto::envelope::SignedView;
use v2x_proto::hop;
use v2x_report::Verify;

use crate::flood::Side;
use crate::identities::{Cast, Part};
use crate::intervals::Intervals;
use crate::medium::{Fate, Medium, Neighbour, Places, Transmission};
use crate::processor::Processor;
use crate::rows::{Rows, RowsRun};
use crate::source::{Sample, StationKind, StationSize, Trace, Track};
use aims::Aims;
use attackers::Assault;
use crew::Crew;
use flight::Flight;
use gates::Control;
use journal::Journal;
use occupancy::Occupancy;
use radio::Radios;
use saboteur::Saboteurs;
use schedule::{Due, Schedule};
use station::{Station, config};
use troubles::Troubles;
use verifier::{NodeHost, Verifier};
use window_plan::WindowPlan;
use workload::MeteredKey;

pub use address::{link_address, station_of};
pub use clock::{START, wire_at};
pub use errand::{By, Content, Errand};
pub use gates::Gates;
pub use journal::Counted;
pub use saboteur::{Sabotage, Saboteur};
pub use toll::Toll;
pub use verifier::DeferredCheckFailed;

/// Options of a world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Seed of every key and every random choice.
    pub seed: u64,
    /// When the stations send awareness.
    pub awareness: AwarenessRule,
    /// Whether a frame's signature is verified once for all receivers, or by each.
    pub verify: Verify,
    /// Threads to use, this one included; 0 counts as 1.
    pub threads: usize,
    /// How vehicles change their pseudonyms; `None`: each keeps the one it has.
    pub pseudonyms: Option<PseudonymConfig>,
    /// How the stations forward messages of several hops.
    pub forwarding: Scheme,
}

/// Moving stations, and the frames under way between them.
#[derive(Debug)]
pub struct World {
    settings: Settings,
    cast: Cast,
    kinds: Vec<StationKind>,
    sizes: Vec<StationSize>,
    tracks: Arc<Vec<Track>>,
    step_ns: u64,
    stations: Vec<Station>,
    places: Places,
    medium: Box<dyn Medium>,
    schedule: Schedule,
    flights: Vec<Flight>,
    free_flights: Vec<u32>,
    fates: Vec<Fate>,
    occupancy: Occupancy,
    hearers: Vec<Neighbour>,
    verifier: Arc<Verifier>,
    journal: Journal,
    assault: Option<Box<Assault>>,
    errands: Vec<Errand>,
    saboteurs: Saboteurs,
    radios: Radios,
    processor: Processor,
    troubles: Troubles,
    imminent: Imminent,
    control: Control,
    gates: Gates,
    /// Whether vehicles warn of their own motion.
    alerting: bool,
    /// Intervals between a station's awareness messages, where these are drawn.
    intervals: Option<Box<Intervals>>,
    /// Stations that attack, in this world or in the one it is compared with: in no figure of honest ones.
    excluded: BTreeSet<u32>,
    toll: Toll,
    aims: Aims,
    /// What an honest unit is to pass on.
    revocation: Bytes,
    /// Stations that a frame is about to reach, and those that have received it.
    together: Together<u32>,
    received: Vec<(u32, u64)>,
    /// The other threads, and what they work out.
    crew: Option<Crew>,
    window: WindowPlan,
}

/// From a trace's first step to the end of its last.
pub(crate) fn length(trace: &Trace) -> Duration {
    trace.duration() + Duration::from_nanos(step_ns(trace))
}

fn step_ns(trace: &Trace) -> u64 {
    trace.step_ns().clamp(MIN_STEP_NS, MAX_STEP_NS)
}

impl World {
    /// The world of a trace, at its start. The medium decides which stations hear each other.
    ///
    /// # Errors
    /// The trace is longer than credentials can be valid.
    pub fn new(trace: &Trace, settings: Settings, medium: Box<dyn Medium>) -> Result<Self, CredentialError> {
        let tracks = Arc::new(trace.tracks());
        let mut schedule = Schedule::default();
        for track in tracks.iter().filter(|track| !track.samples.is_empty()) {
            schedule.push(track.enter_ns(), Due::Move(track.station));
        }
        let step_ns = step_ns(trace);
        Ok(Self {
            cast: Cast::new(settings.seed, START, length(trace))?,
            kinds: trace.kinds.clone(),
            sizes: trace.sizes.clone(),
            stations: tracks.iter().map(|_| Station::default()).collect(),
            tracks,
            step_ns,
            // Half as wide as the reach: few squares to look into, and few stations in each.
            places: Places::new(medium.range_m().max(medium.reach_m() / 2.0)),
            medium,
            schedule,
            flights: Vec::new(),
            free_flights: Vec::new(),
            fates: Vec::new(),
            occupancy: Occupancy::default(),
            hearers: Vec::new(),
            verifier: Arc::new(Verifier::new(settings.verify, settings.seed, settings.threads)),
            journal: Journal::default(),
            assault: None,
            errands: Vec::new(),
            saboteurs: Saboteurs::default(),
            radios: Radios::default(),
            processor: Processor::default(),
            troubles: Troubles::default(),
            imminent: Imminent::default(),
            control: Control::default(),
            gates: Gates::default(),
            alerting: false,
            intervals: None,
            excluded: BTreeSet::new(),
            toll: Toll::default(),
            aims: Aims::default(),
            revocation: Bytes::new(),
            together: Together::default(),
            received: Vec::new(),
            crew: (settings.threads > 1).then(|| Crew::start(settings.threads - 1)),
            window: WindowPlan::default(),
            settings,
        })
    }

    /// Runs all events before `until_ns`.
    pub fn run_until(&mut self, until_ns: u64) {
        loop {
            let scheduled_ns = self.schedule.next_ns().unwrap_or(u64::MAX);
            if let Some(now_ns) = self.medium.next_ns().filter(|ns| *ns < until_ns && *ns <= scheduled_ns) {
                self.pass(now_ns);
                self.advance(now_ns);
                continue;
            }
            if self.window.until_ns <= scheduled_ns && scheduled_ns < until_ns {
                self.foresee(scheduled_ns, until_ns);
            }
            let Some((now_ns, due)) = self.schedule.pop_before(until_ns) else { break };
            self.pass(now_ns);
            match due {
                Due::Move(station) => self.move_station(station, now_ns),
                Due::Leave(station) => self.leave(station, now_ns),
                Due::Wake(station) => self.wake(station, now_ns),
                Due::Turn(station) => self.turn(station, now_ns),
                Due::Radio(station) => self.transmit_beside(station, now_ns),
                Due::Revoke(station) => {
                    self.input(station, now_ns, Input::Revocation(self.revocation.clone()))
                }
                Due::Arrive(flight) => self.arrive(flight, now_ns),
                Due::Ended(station) => self.ended(station, now_ns),
                Due::Errand(errand) => self.run_errand(errand, now_ns),
                Due::Attack(station) => self.strike(station, now_ns),
                Due::Fault(number) => self.go_wrong(number, now_ns),
                Due::Survey(station) => self.survey(station, now_ns),
            }
        }
        self.journal.catch_up();
    }

    /// It is `now_ns`: stations have listened since the event before.
    fn pass(&mut self, now_ns: u64) {
        let (from_ns, listened_ns) = self.occupancy.pass(now_ns, self.places.present());
        if listened_ns > 0 {
            self.journal.channel(from_ns, 0, listened_ns);
        }
        self.end_seconds(now_ns);
    }

    /// Gives every station a processor that takes its time. Call it before the first event.
    pub fn slow_down(&mut self, processor: Processor) {
        self.processor = processor;
    }

    /// Sets how imminent warnings survive the loss of a frame; [`Imminent::Lab`] unless set. Call it before the first event.
    pub fn warn_by(&mut self, imminent: Imminent) {
        self.imminent = imminent;
    }

    /// A station counts in no figure of honest ones: neither as a sender nor as one that a message is meant for.
    pub(super) fn exclude(&mut self, station: u32) {
        self.journal.mute(station);
        self.excluded.insert(station);
    }

    /// Writes a row for each message and receiver; `forwarding` is the name they give of how stations forward, and the run
    /// [finishes](Self::finish) at `end_ns`. Call it before the first event. [`Counted`] gives the rows back.
    pub fn write_rows(&mut self, mut rows: Rows, forwarding: &str, trace: &Trace, end_ns: u64) {
        let seed = self.settings.seed;
        let run = RowsRun { seed, forwarding, names: &trace.names, kinds: &trace.kinds, end_ns };
        rows.begin(&run, Arc::clone(&self.tracks));
        self.journal.write_rows(rows);
    }

    /// Whether rows were to be written and cannot be, so that there is no sense in going on.
    pub fn rows_failed(&self) -> bool {
        self.journal.rows_failed()
    }

    /// Time of the next event, ns; `None` when none is left.
    pub fn next_ns(&self) -> Option<u64> {
        self.schedule.next_ns().into_iter().chain(self.medium.next_ns()).min()
    }

    /// Sets on which side each station stands, by station, where the network is in two parts.
    pub fn part(&mut self, sides: Vec<Side>) {
        self.journal.floods.part(sides);
    }

    /// When everything is over: a step after the trace's last sample, ns.
    pub fn end_ns(&self) -> u64 {
        let last_ns = self.tracks.iter().map(Track::leave_ns).max().unwrap_or(0);
        last_ns.saturating_add(self.step_ns)
    }

    /// Stations that have been there so far.
    pub fn stations_seen(&self) -> u64 {
        self.stations.iter().filter(|station| station.seen).count() as u64
    }

    /// Where stations are now.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The node of a station, while it is there.
    pub fn node(&self, station: u32) -> Option<&Node> {
        self.stations.get(station as usize)?.node.as_deref()
    }

    /// Ends the world at `end_ns` and hands over what was counted.
    ///
    /// # Errors
    /// A frame made by the world itself failed its check: a fault of the software, so no result can be trusted.
    pub fn finish(mut self, end_ns: u64) -> Result<Counted, DeferredCheckFailed> {
        self.end_seconds(end_ns);
        self.cut_second(end_ns);
        let signatures = self.verifier.finish()?;
        for (number, state) in (0..).zip(&self.stations) {
            let track = &self.tracks[number as usize];
            if state.seen && !self.excluded.contains(&number) {
                let present_ns = track.leave_ns().min(end_ns).saturating_sub(track.enter_ns());
                self.toll.worked(number, &state.work, present_ns);
            }
        }
        self.toll.paid(self.processor);
        self.toll.gained(&self.aims);
        let losses = self.medium.losses().cloned();
        let faults = self.troubles.close(end_ns);
        (0..self.stations.len() as u32).for_each(|station| self.close_gate(station));
        Ok(Counted {
            toll: self.toll,
            losses,
            faults,
            gates: self.gates,
            ..self.journal.finish(end_ns, signatures)
        })
    }

    fn move_station(&mut self, station: u32, now_ns: u64) {
        let Some(sample) = self.tracks[station as usize].at(now_ns) else {
            return;
        };
        let without =
            self.saboteurs.are(station) || self.radios.are(station) || self.troubles.is_down(station);
        if self.stations[station as usize].node.is_none() && !without {
            self.enter(station, now_ns);
        }
        if let Some(tables) = self.journal.tables() {
            tables.stations().came(station, now_ns);
        }
        self.places.set(station, position(&sample));
        self.places.face(station, sample.heading);
        self.give_fix(station, now_ns, fix(&sample));
        self.look_at_motion(station, now_ns, &sample);
        self.aims.look(station, moment(now_ns));
        let track = &self.tracks[station as usize];
        let after = track.samples.partition_point(|sample| sample.time_ns <= now_ns);
        let stepped_ns = now_ns + self.step_ns;
        match track.samples.get(after) {
            // A sample within half a step of where the next one is expected is that one.
            Some(next) if next.time_ns <= stepped_ns + self.step_ns / 2 => {
                self.schedule.push(next.time_ns, Due::Move(station));
            }
            Some(_) if track.at(stepped_ns).is_some() => self.schedule.push(stepped_ns, Due::Move(station)),
            Some(next) => {
                self.schedule.push(stepped_ns, Due::Leave(station));
                self.schedule.push(next.time_ns, Due::Move(station));
            }
            None => self.schedule.push(stepped_ns, Due::Leave(station)),
        }
    }

    fn enter(&mut self, station: u32, now_ns: u64) {
        let kind = self.kinds.get(station as usize).copied().unwrap_or_default();
        let size = self.sizes.get(station as usize).copied().unwrap_or_default();
        let (processor, meter) = (self.processor, Arc::clone(&self.stations[station as usize].work.meter));
        let metered =
            |key| -> Box<dyn Sign> { Box::new(MeteredKey { key, meter: Arc::clone(&meter), processor }) };
        // Each process after a crash has pseudonyms of its own.
        let first = self.troubles.crashes_of(station) * MAX_PSEUDONYMS;
        let pool = self.cast.pool((station, first), Part::from(kind), self.pseudonyms_of(station), &metered);
        let now = Instant::from_nanos(now_ns);
        let (wire, state) = self.troubles.clock(station, now_ns);
        let anchor = Anchor { instant: now, wire };
        self.stations[station as usize].meet(&pool);
        self.stations[station as usize].transmitter.change_hands();
        self.stations[station as usize].triggers = None;
        self.stations[station as usize].work.restart(now_ns);
        for identity in pool.identities() {
            self.journal.met(identity.digest(), station);
        }
        let node = Node::with_host(
            Config {
                pseudonym: self.settings.pseudonyms.unwrap_or_default(),
                forwarding: self.settings.forwarding,
                imminent: self.imminent,
                congestion: self.control.congestion,
                regulation: self.control.regulation,
                beacon_bytes: self.control.beacon_bytes,
                // Test stations have no rate limits, but rate limits are part of the defence against attacks.
                test: self.assault.is_none(),
                ..config(kind, size, self.settings.awareness)
            },
            pool,
            self.cast.trust().clone(),
            self.settings.seed,
            anchor,
            Box::new(NodeHost { verifier: Arc::clone(&self.verifier), meter, processor }),
        );
        self.stations[station as usize].node = Some(Box::new(node));
        self.stations[station as usize].foreseen = None;
        self.input(station, now_ns, Input::Clock { wire, state });
        self.begin_survey(station, now_ns);
    }

    /// Enough credentials for a station's whole stay, at the fastest rate of change allowed.
    fn pseudonyms_of(&self, station: u32) -> u32 {
        let track = &self.tracks[station as usize];
        let seconds = track.leave_ns().saturating_sub(track.enter_ns()) / 1_000_000_000;
        // An attacker's lies are signed with one credential only.
        if self.attacks(station) {
            return 1;
        }
        let changes = match self.settings.pseudonyms.map(|pseudonyms| pseudonyms.change) {
            None | Some(ChangeRule::Off) => return 1,
            Some(ChangeRule::Trip) => TRIP_PSEUDONYMS,
            Some(ChangeRule::Every(interval)) => seconds * 5 / (interval.as_secs().max(1) * 4) + 1,
        };
        1 + u32::try_from(changes).unwrap_or(u32::MAX).min(MAX_PSEUDONYMS)
    }

    fn leave(&mut self, station: u32, now_ns: u64) {
        if let Some(tables) = self.journal.tables() {
            tables.stations().left(station, now_ns);
        }
        self.close_gate(station);
        self.stations[station as usize].node = None;
        self.stations[station as usize].foreseen = None;
        self.stations[station as usize].work.restart(now_ns);
        self.places.remove(station);
    }

    /// Takes all outputs of a node; when it wants to be woken, ns.
    fn drain(&mut self, station: u32, now_ns: u64, node: &mut Node) -> u64 {
        let mut paced = false;
        loop {
            let foreseen =
                self.stations[station as usize].foreseen.as_mut().and_then(|foreseen| foreseen.poll());
            let noted = foreseen.is_some();
            let output = foreseen.unwrap_or_else(|| node.poll_output());
            if let Output::Timeout(at, _) = output {
                // What was foreseen ends with a frame that is sent, and does not know when the next one is to be.
                if noted && mem::take(&mut paced) {
                    continue;
                }
                self.journal.turned();
                return at.as_nanos();
            }
            if !noted {
                self.journal.note(now_ns, station, &output);
            }
            if let Output::Event(event) = &output {
                self.tell_alerts(station, now_ns, event);
                paced |= self.pace(station, node, event);
            }
            match output {
                Output::Transmit(frame) => self.transmit(station, now_ns, frame),
                // The verdict is about honest stations' messages; an attacker's are meant to be dropped.
                Output::Event(Event::Sent(_)) if self.excluded.contains(&station) => {}
                Output::Event(Event::Sent(sent)) => {
                    let position = self.places.position(station).unwrap_or(sent.position);
                    self.journal.sent(station, &sent, position, &self.places, &*self.medium);
                }
                Output::Event(event) => {
                    self.score(station, now_ns, &event);
                    self.judge(station, now_ns, &event);
                    self.journal.event(now_ns, station, event);
                }
                Output::Timeout(..) => {}
            }
        }
    }

    /// Hands a frame of a node to the medium; false when it is not transmitted.
    fn hand_over(&mut self, station: u32, now_ns: u64, frame: &Transmit) -> bool {
        let Some(position) = self.places.position(station) else { return false };
        let Some(bytes) = self.on_air(station, now_ns, frame) else { return false };
        if let Some((hash, key)) = self.stations[station as usize].signs(&frame.id.signer) {
            self.vouch(hash, key, &bytes);
        }
        if self.settings.pseudonyms.is_some() {
            self.journal.overheard(now_ns, frame.source, &bytes);
        }
        let transmission = Transmission {
            sender: station,
            at_ns: now_ns,
            position,
            bytes: &bytes,
            class: frame.class,
            origin: frame.origin,
        };
        self.journal.transmitted(frame, &self.places);
        if !self.excluded.contains(&station) {
            self.toll.sent(bytes.len());
            self.aims.sent(frame.id.signer, &bytes);
        } else if let Some(attack) = self.attack_of(station) {
            self.toll.attacked(attack, bytes.len());
        }
        self.launch(&transmission, frame.source, Some((frame.id, frame.stamps)));
        true
    }

    /// Reports to the verifier a frame that a node of this world has just signed.
    fn vouch(&self, hash: &[u8; 32], key: &VerifyingKey, bytes: &[u8]) {
        let signed = hop::parse(bytes).ok().and_then(|(_, len)| SignedView::parse(&bytes[len..]).ok());
        if let Some(signed) = signed {
            self.verifier.vouch(key, hash, signed.tbs, signed.signature);
        }
    }
}

fn now(now_ns: u64) -> Instant {
    Instant::from_nanos(now_ns)
}

/// A moment by both clocks.
fn moment(now_ns: u64) -> Moment {
    Moment { now: now(now_ns), wire: wire_at(now_ns) }
}

fn position(sample: &Sample) -> Position {
    Position { latitude: sample.latitude, longitude: sample.longitude }
}

fn fix(sample: &Sample) -> Fix {
    Fix {
        position: position(sample),
        altitude_cm: None,
        speed: sample.speed,
        heading: sample.heading,
        acceleration: sample.acceleration,
        yaw_rate: None,
        accuracy_cm: None,
        time: wire_at(sample.time_ns),
    }
}

/// Changes of a trip of more than two hundred kilometres.
const TRIP_PSEUDONYMS: u64 = 10;
/// Keys are made for no more changes than this in one stay of a station.
const MAX_PSEUDONYMS: u32 = 100;

/// Fixes are this far apart at least where the trace leaves a gap to fill.
const MIN_STEP_NS: u64 = 10_000_000;
/// Fixes come at least this often, as from a receiver; a fix is good for two seconds.
const MAX_STEP_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
