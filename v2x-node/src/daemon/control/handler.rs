//! Answers requests at the daemon's control socket, and reports what became of hazards and requests.
//!
//! A command goes into the node with a token; its client is answered when the token comes back with its outcome.

use core::task::{Context, Poll};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use v2x_api::display::{change_line, priority_line};
use v2x_api::{Answer, Declaration, PriorityRequest, Request, RequestId, socket};
use v2x_apps::advice::Advisor;
use v2x_apps::infrastructure::Advice;
use v2x_core::{
    EventId, EventState, HazardCommand, HazardRefusal, Input, Instant, KnownHazard, Token, WireTime,
};
use v2x_proto::Class;

use super::draft;
use super::outbox::{Note, Outbox};
use super::priority;
use super::server::{Asked, ConnectionId, Server, Topic, bad_request};
use super::socket::{SocketError, access, listen, listen_in};
use super::vehicle;
use super::view::{View, not_sending};
use crate::config::ControlConfig;
use crate::daemon::signal_ahead::signal_view;
use crate::daemon::station::Station;
use crate::daemon::statistics::Statistics;
use crate::daemon::token::Owner;

/// A daemon's control socket, if it has one, and what it prints about hazards.
#[derive(Debug)]
pub struct ControlHandler {
    server: Option<Server>,
    /// Why there is no socket, when there should be one.
    without: Option<SocketError>,
    started: Instant,
    /// Commands in the node, and the client that waits for each outcome.
    open: BTreeMap<Token, (ConnectionId, Option<RequestId>)>,
    numbered: u64,
    /// Events that were reported to concern the station; at most as many as are known.
    concerned: BTreeSet<EventId>,
    /// Lines that may still be printed in this second, and those that were not.
    left: u32,
    hidden: u64,
}

impl ControlHandler {
    /// Opens the socket that the configuration in `file` asks for, for its `group` too if there is one. That there is no
    /// place for it is reported by [`describe`](Self::describe) and does not keep the station from running. Call inside a
    /// tokio runtime with IO.
    ///
    /// # Errors
    /// Another daemon listens there, the group cannot use it, or the event loop does not take the socket.
    pub fn open(
        config: &ControlConfig,
        group: Option<&str>,
        file: &Path,
        started: Instant,
    ) -> Result<Self, SocketError> {
        let access = access(group)?;
        let bound = match config {
            ControlConfig::Off => None,
            ControlConfig::At(path) => Some(listen(path, access)),
            ControlConfig::Default => {
                Some(listen_in(&socket::places(group.is_some()), &socket::default_name(file), access))
            }
        };
        let (server, without) = match bound {
            None => (None, None),
            // Two daemons cannot share one socket: the second is a mistake, and would sign with the same credential.
            Some(Err(error @ SocketError::Live { .. })) => return Err(error),
            Some(Err(error)) => (None, Some(error)),
            Some(Ok(bound)) => (Some(Server::new(bound).map_err(SocketError::Serve)?), None),
        };
        Ok(Self {
            server,
            without,
            started,
            open: BTreeMap::new(),
            numbered: 0,
            concerned: BTreeSet::new(),
            left: LINES_PER_SECOND,
            hidden: 0,
        })
    }

    /// Where [`open`](Self::open) would listen, the first that it can.
    pub fn places(config: &ControlConfig, group: Option<&str>, file: &Path) -> Vec<PathBuf> {
        match config {
            ControlConfig::Off => Vec::new(),
            ControlConfig::At(path) => vec![path.clone()],
            ControlConfig::Default => {
                let name = socket::default_name(file);
                socket::places(group.is_some()).into_iter().map(|place| place.join(&name)).collect()
            }
        }
    }

    /// Where commands are taken, or why they are not.
    pub fn describe(&self) -> String {
        match (&self.server, &self.without) {
            (Some(server), _) => server.path().display().to_string(),
            (None, Some(error)) => format!("off: {error}"),
            (None, None) => "off, as configured".to_owned(),
        }
    }

    /// The next request, one at a time.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Asked> {
        self.server.as_mut().map_or(Poll::Pending, |server| server.poll(cx, now))
    }

    /// Once a second: clients make room, and what concerns the station since the last time is reported.
    pub fn upkeep(&mut self, station: &Station, now: Instant, out: &mut dyn Write) -> std::io::Result<()> {
        if let Some(server) = &mut self.server {
            server.upkeep(now);
        }
        let hidden = core::mem::take(&mut self.hidden);
        if hidden > 0 {
            writeln!(out, "and {hidden} more changes of hazards (roadcast hazard list shows what is)")?;
        }
        self.left = LINES_PER_SECOND;
        let view = View::of(station.node(), now);
        let before = core::mem::take(&mut self.concerned);
        let mut told = 0;
        for known in station.node().hazards() {
            let (was, is) = (before.contains(&known.id), known.concern.is_some());
            let change = match (was, is) {
                (false, true) => Some("began"),
                // The end was reported.
                (true, false) if known.state == EventState::Active => Some("ended"),
                _ => None,
            };
            // What has no room now is reported the next time.
            let waits = change.is_some() && told == TOLD_AT_ONCE;
            let keeps = if waits { was } else { is };
            if keeps {
                self.concerned.insert(known.id);
            }
            if let Some(change) = change.filter(|_| !waits) {
                told += 1;
                self.say("concern", change, known, &view, out)?;
            }
        }
        Ok(())
    }

    /// Does what is asked, and answers; or returns a command for the station, and answers when its outcome comes back
    /// ([`settle`](Self::settle)).
    pub fn handle(
        &mut self,
        asked: Asked,
        station: &Station,
        statistics: &Statistics,
        advisor: Option<&mut Advisor>,
        now: Instant,
    ) -> Option<Input> {
        let server = self.server.as_mut()?;
        let view = View::of(station.node(), now);
        let Asked { client, id, request } = asked;
        let answer = match request {
            Request::Watch => {
                server.watch(client, Topic::Hazards, id.clone());
                started()
            }
            Request::Priority(PriorityRequest::Watch) if advisor.is_some() => {
                server.watch(client, Topic::Priority, id.clone());
                started()
            }
            Request::WatchSignal if advisor.is_some() => {
                server.watch(client, Topic::Signal, id.clone());
                started()
            }
            Request::WatchSignal => Answer::failure(
                "signal_not_a_vehicle",
                "this station is a roadside unit; vehicles have signals ahead",
            ),
            Request::Priority(asked) => priority::handle(asked, station, advisor, now),
            Request::Status => {
                let mut status = view.status(station.node(), statistics, now);
                let radio = station.radio();
                status.link = radio.describe().to_string();
                status.link_up = !radio.state().is_down();
                status.ocb_entries = radio.counters().ocb_entries;
                status.uptime_s = now.since(self.started).as_millis() as f64 / 1000.0;
                status.hazards = station.node().hazards().count() as u64;
                let advice = advisor.as_ref().and_then(|advisor| advisor.road().advice(view.wire()));
                status.signal_ahead = advice.as_ref().map(signal_view);
                Answer { status: Some(Box::new(status)), ..Answer::done() }
            }
            Request::Vehicle(_) if advisor.is_none() => Answer::failure(
                "vehicle_not_a_vehicle",
                "this station is a roadside unit; only vehicles have pedals, lights and doors",
            ),
            Request::Vehicle(said) => match vehicle::input(&said, view.wire()) {
                Ok(input) => {
                    server.answer(client, id, Answer::done());
                    return Some(input);
                }
                Err(answer) => *answer,
            },
            Request::List(after) => list(after, station, &view),
            Request::Drops => Answer {
                drops: Some(
                    statistics.drops().iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
                ),
                frames_dropped: Some(statistics.frames().dropped),
                ..Answer::done()
            },
            Request::Reload
            | Request::Neighbours(_)
            | Request::WatchNeighbours
            | Request::WatchMessages(_)
            | Request::WatchDrops(_)
            | Request::Stats
            | Request::WatchStats
            | Request::Signals
            | Request::WatchSignals
            | Request::Rights(_) => Answer::failure("not_served", "this version does not serve it"),
            Request::New(declaration) => match draft::new_event(&declaration, view.position()) {
                Ok(draft) => return self.command(client, id, HazardCommand::New(draft)),
                Err(error) => bad_request(&error),
            },
            Request::Update(event, declaration) => match change(event, &declaration, &view, station) {
                Ok(command) => return self.command(client, id, command),
                Err(answer) => *answer,
            },
            Request::Cancel(event) => {
                return self.command(client, id, HazardCommand::Cancel(event));
            }
            Request::Negate(event) => {
                return self.command(client, id, HazardCommand::Negate(event));
            }
        };
        server.answer(client, id, answer);
        None
    }

    fn command(
        &mut self,
        client: ConnectionId,
        id: Option<RequestId>,
        command: HazardCommand,
    ) -> Option<Input> {
        if self.open.len() >= MOST_OPEN {
            let text = format!("{MOST_OPEN} commands wait for their outcome already; try again");
            self.server.as_mut()?.answer(client, id, Answer::failure("busy", &text));
            return None;
        }
        self.numbered += 1;
        let token = Owner::Control.token(self.numbered);
        self.open.insert(token, (client, id));
        Some(Input::Hazard { command, token: Some(token) })
    }

    /// Answers clients whose commands have an outcome.
    pub fn settle(&mut self, station: &Station, outbox: &mut Outbox) {
        while let Some((token, outcome)) = outbox.take_outcome() {
            let (Some((client, id)), Some(server)) = (self.open.remove(&token), &mut self.server) else {
                continue;
            };
            let answer = match outcome {
                Ok(event) => Answer { event: Some(event.to_string()), ..Answer::done() },
                Err(refusal) => refused(&refusal, station),
            };
            server.answer(client, id, answer);
        }
    }

    /// Passes on what became of hazards and requests for priority, a few at a time: to clients that watch, and one line
    /// each to `out`.
    pub fn tell(
        &mut self,
        station: &Station,
        outbox: &mut Outbox,
        advisor: Option<&mut Advisor>,
        now: Instant,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        self.settle(station, outbox);
        let view = View::of(station.node(), now);
        if let Some(advisor) = advisor {
            if let Some((advice, warning)) = advisor.take_warning() {
                writeln!(out, "{warning}")?;
                self.tell_signal(Some(&advice), "red_light");
            }
            self.tell_priority(advisor, view.wire(), out)?;
        }
        for _ in 0..TOLD_AT_ONCE {
            let Some(note) = outbox.take_change() else { break };
            let changed = match note {
                Note::Changed(changed) => changed,
                Note::Renamed { old, new } => {
                    // The notices print it.
                    let mut line = Answer::watch("renamed");
                    (line.event, line.former) = (Some(new.to_string()), Some(old.to_string()));
                    self.watchers(&line);
                    continue;
                }
            };
            let event = &changed.event;
            if event.concern.is_some() {
                // The line has it.
                self.concerned.insert(event.id);
            }
            self.say(kind(event), changed.change.name(), event, &view, out)?;
        }
        let lost = outbox.take_lost();
        self.hidden += lost;
        if lost > 0 {
            self.watchers(&Answer { changes: Some(lost), ..Answer::watch("lost") });
        }
        out.flush()
    }

    /// The signal ahead, or that there is none, to clients that watch it: `watch` is `signal`, once a second, or
    /// `red_light`.
    pub fn tell_signal(&mut self, advice: Option<&Advice>, watch: &str) {
        if let Some(server) = self.server.as_mut().filter(|server| server.is_watched(Topic::Signal)) {
            let signal = advice.map(signal_view).map(Box::new);
            server.tell(Topic::Signal, &Answer { signal, ..Answer::watch(watch) });
        }
    }

    /// Changes of requests, by the same rule; there are only a few.
    fn tell_priority(
        &mut self,
        advisor: &mut Advisor,
        wire: WireTime,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        while let Some((id, progress)) = advisor.take_priority() {
            let priority = priority::changed(id, progress, advisor, wire);
            if self.left > 0 {
                self.left -= 1;
                writeln!(out, "{}", priority_line(&priority))?;
            }
            if let Some(server) = &mut self.server {
                let line = Answer { priority: Some(Box::new(priority)), ..Answer::watch("priority") };
                server.tell(Topic::Priority, &line);
            }
        }
        Ok(())
    }

    /// One line to clients that watch, and one to `out` while there is room in this second.
    fn say(
        &mut self,
        what: &str,
        change: &str,
        known: &KnownHazard,
        view: &View,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let printed = self.left > 0;
        self.hidden += u64::from(!printed);
        if !printed && !self.is_watched() {
            return Ok(());
        }
        let hazard = view.hazard(known);
        if printed {
            self.left -= 1;
            writeln!(out, "{}", change_line(change, &hazard))?;
        }
        let (change, hazard) = (Some(change.to_owned()), Some(Box::new(hazard)));
        self.watchers(&Answer { change, hazard, ..Answer::watch(what) });
        Ok(())
    }

    fn watchers(&mut self, answer: &Answer) {
        if let Some(server) = self.server.as_mut().filter(|server| server.is_watched(Topic::Hazards)) {
            server.tell(Topic::Hazards, answer);
        }
    }

    fn is_watched(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.is_watched(Topic::Hazards))
    }
}

fn started() -> Answer {
    Answer { watch: Some("started".to_owned()), ..Answer::done() }
}

fn kind(event: &KnownHazard) -> &'static str {
    if matches!(event.class, Class::D0 | Class::D1) { "alert" } else { "hazard" }
}

fn list(after: Option<EventId>, station: &Station, view: &View) -> Answer {
    let mut hazards = station.node().hazards().filter(|known| after.is_none_or(|after| known.id > after));
    let page: Vec<&KnownHazard> = hazards.by_ref().take(PAGE).collect();
    let more_after = hazards.next().and(page.last()).map(|last| last.id.to_string());
    let hazards = page.into_iter().map(|known| view.hazard(known)).collect();
    Answer { hazards: Some(hazards), more_after, ..Answer::done() }
}

/// The command that changes an event as declared, or the answer when it cannot be.
fn change(
    id: EventId,
    declaration: &Declaration,
    view: &View,
    station: &Station,
) -> Result<HazardCommand, Box<Answer>> {
    let known = station.node().hazards().find(|known| known.id == id);
    let known = known.ok_or_else(|| Box::new(refused(&HazardRefusal::Unknown(id), station)))?;
    let draft = draft::change(declaration, known, view.position(), view.wire());
    draft.map(|draft| HazardCommand::Update(id, draft)).map_err(|error| Box::new(bad_request(&error)))
}

fn refused(refusal: &HazardRefusal, station: &Station) -> Answer {
    let why = match (refusal, not_sending(station.node().sending())) {
        (HazardRefusal::SendingBlocked, Some(why)) => format!("{refusal} (now: {why})"),
        _ => refusal.to_string(),
    };
    Answer::failure(refusal.name(), &why)
}

/// Commands whose outcome is awaited; the station reports it while it handles them.
const MOST_OPEN: usize = 64;
/// Events in one answer: a turn's worth of writing JSON.
const PAGE: usize = 64;
/// Changes reported in one go: in a burst, the rest wait until frames have had their turn.
const TOLD_AT_ONCE: usize = 16;
/// Lines about hazards printed a second; the rest is counted.
const LINES_PER_SECOND: u32 = 10;
