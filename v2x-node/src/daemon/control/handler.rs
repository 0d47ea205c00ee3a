//! Answers requests at the daemon's control socket, and reports what became of hazards and requests.
//!
//! A command goes into the node with a token; its client is answered when the token comes back with its outcome.

use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use v2x_api::display::{change_line, priority_line};
use v2x_api::{AfarFrame, Answer, PriorityRequest, PublishRequest, Request, RequestId, Right, socket};
use v2x_apps::Moment;
use v2x_apps::advice::Advisor;
use v2x_apps::infrastructure::Advice;
use v2x_core::{
    EventId, EventState, HazardCommand, Input, Instant, KnownHazard, ReceivedFrame, SendRequest, Token, Way,
    WireTime,
};
use v2x_proto::Class;
use v2x_report::{Report, Stats};

use super::answers::{change, drops, list, neighbours, refused, unknown_reason};
use super::client::{ConnectionId, Watching};
use super::crossings::Crossings;
use super::desk::{Desk, News};
use super::draft;
use super::feed::EventFeed;
use super::figures::{Figures, Surroundings};
use super::filter::{Filter, MessageWish};
use super::outbox::{Note, Outbox};
use super::priority;
use super::publish::{self, OwnContent};
use super::server::{Asked, bad_request};
use super::socket::{SocketError, access, listen, listen_in};
use super::topic::Topic;
use super::vehicle;
use super::view::View;
use crate::config::ControlConfig;
use crate::daemon::keyring::Verifications;
use crate::daemon::position::{FixRefusal, Inlet};
use crate::daemon::signal_ahead::signal_view;
use crate::daemon::station::Station;
use crate::daemon::statistics::Statistics;
use crate::daemon::token::Owner;
use crate::log::{Line, events};

/// A daemon's control socket, if it has one, and what it prints about hazards.
#[derive(Debug)]
pub struct ControlHandler {
    desk: Option<Desk>,
    /// Why there is no socket, when there should be one.
    without: Option<SocketError>,
    started: Instant,
    /// Commands in the node, and the client that waits for each outcome.
    open: BTreeMap<Token, (ConnectionId, Option<RequestId>)>,
    numbered: u64,
    /// What programs leave to the station's own application.
    own_content: OwnContent,
    /// Where programs give positions, if they do.
    positions: Option<Inlet>,
    /// Events that were reported to concern the station; at most as many as are known.
    concerned: BTreeSet<EventId>,
    figures: Figures,
    /// Lines that may still be printed in this second, and those that were not.
    left: u32,
    hidden: u64,
}

impl ControlHandler {
    /// Opens the socket that the configuration in `file` asks for, for its `group` too if there is one, whose members may do
    /// what `others` says. That there is no place for it is reported by [`describe`](Self::describe) and does not keep the
    /// station from running.
    ///
    /// # Errors
    /// Another daemon listens there, the group cannot use it, or there is no thread to serve it.
    pub fn open(
        config: &ControlConfig,
        group: Option<&str>,
        others: Right,
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
        let (desk, without) = match bound {
            None => (None, None),
            // Two daemons cannot share one socket: the second is a mistake, and would sign with the same credential.
            Some(Err(error @ SocketError::Live { .. })) => return Err(error),
            Some(Err(error)) => (None, Some(error)),
            Some(Ok(bound)) => (Some(Desk::start(bound, others).map_err(SocketError::Serve)?), None),
        };
        Ok(Self {
            desk,
            without,
            started,
            open: BTreeMap::new(),
            numbered: 0,
            own_content: OwnContent::default(),
            positions: None,
            concerned: BTreeSet::new(),
            figures: Figures::default(),
            left: LINES_PER_SECOND,
            hidden: 0,
        })
    }

    /// What the station's own application says, which programs do not say as well.
    pub fn leave_to_the_station(&mut self, content: OwnContent) {
        self.own_content = content;
    }

    /// Programs give positions, which go in here.
    pub fn take_positions(&mut self, inlet: Option<Inlet>) {
        self.positions = inlet;
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
        match (&self.desk, &self.without) {
            (Some(desk), _) => desk.path().display().to_string(),
            (None, Some(error)) => format!("off: {error}"),
            (None, None) => "off, as configured".to_owned(),
        }
    }

    /// Where the station's events go.
    pub fn news(&self) -> Option<&News> {
        self.desk.as_ref().map(Desk::news)
    }

    /// The next request, one at a time.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Asked> {
        self.desk.as_mut().map_or(Poll::Pending, |desk| desk.poll(cx))
    }

    /// Once a second: what concerns the station since the last time is reported.
    pub fn upkeep(&mut self, station: &Station, now: Instant, out: &mut dyn Write) -> std::io::Result<()> {
        let hidden = core::mem::take(&mut self.hidden);
        if hidden > 0 {
            let text = format!("and {hidden} more changes of hazards (roadcast hazard list shows what is)");
            Line::new(&events::HAZARD_CHANGED, text).tell(out)?;
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

    /// Does what is asked, and answers; or returns what the daemon is to do. A command is answered when its outcome comes
    /// back ([`settle`](Self::settle)).
    pub fn handle(&mut self, asked: Asked, about: &mut About<'_>, now: Instant) -> Option<ToDo> {
        let desk = self.desk.as_ref()?;
        let About { station, statistics, advisor, crossings, feed } = about;
        let view = View::of(station.node(), now);
        let Asked { client, id, request } = asked;
        let watch = |topic, filter| {
            desk.watch(client, topic, Watching { id: id.clone(), filter }, started(), None);
            None
        };
        let answer = match request {
            Request::Watch => return watch(Topic::Hazards, Filter::All),
            Request::Priority(PriorityRequest::Watch) if advisor.is_some() => {
                return watch(Topic::Priority, Filter::All);
            }
            Request::WatchSignal if advisor.is_some() => return watch(Topic::Signal, Filter::All),
            Request::WatchSignal => Answer::failure(
                "signal_not_a_vehicle",
                "this station is a roadside unit; vehicles have signals ahead",
            ),
            Request::Priority(asked) => priority::handle(asked, station, advisor.as_deref_mut(), now),
            Request::Status => self.status(about, &view, now),
            Request::Fix(fix) => {
                let inlet = self.positions.as_ref().ok_or(FixRefusal::NotConfigured);
                match inlet.and_then(|inlet| inlet.give(fix.as_deref())) {
                    Ok(()) => Answer::done(),
                    Err(refusal) => Answer::failure(refusal.name(), &refusal.to_string()),
                }
            }
            Request::Publish(asked) => return self.publish(client, id, &asked, (station, &view)),
            Request::Vehicle(_) if advisor.is_none() => Answer::failure(
                "vehicle_not_a_vehicle",
                "this station is a roadside unit; only vehicles have pedals, lights and doors",
            ),
            Request::Vehicle(said) => match vehicle::input(&said, view.wire()) {
                Ok(input) => {
                    desk.answer(client, id, Answer::done());
                    return Some(ToDo::Input(input));
                }
                Err(answer) => *answer,
            },
            Request::Afar(frame) => {
                desk.answer(client, id, Answer::done());
                return Some(ToDo::Input(from_afar(frame, now)));
            }
            Request::WatchAfar => return watch(Topic::Afar, Filter::All),
            Request::List(after) => list(after, station, &view),
            Request::Neighbours(after) => neighbours(after, station, &view, now),
            Request::WatchNeighbours => {
                feed.present();
                return watch(Topic::Neighbours, Filter::All);
            }
            Request::WatchMessages(filter) => {
                watch(Topic::Messages, Filter::Messages(MessageWish::of(&filter)));
                feed.place(&view);
                return None;
            }
            Request::Drops => drops(statistics),
            Request::WatchDrops(None) => return watch(Topic::Drops, Filter::All),
            Request::WatchDrops(Some(reasons)) => match unknown_reason(&reasons) {
                Some(error) => bad_request(&error),
                None => return watch(Topic::Drops, Filter::Reasons(reasons)),
            },
            Request::Stats => {
                self.figures.ask(client, id);
                return None;
            }
            Request::WatchStats => return watch(Topic::Stats, Filter::All),
            Request::Signals => Answer { signals: Some(crossings.all(view.wire())), ..Answer::done() },
            Request::WatchSignals => {
                let stands = Answer { signals: Some(crossings.all(view.wire())), ..Answer::watch("signals") };
                let watching = Watching { id, filter: Filter::All };
                desk.watch(client, Topic::Signals, watching, started(), Some(stands));
                return None;
            }
            Request::Reload => {
                desk.answer(client, id, Answer::done());
                return Some(ToDo::Reload);
            }
            // Answered where requests are read.
            Request::Rights(_) | Request::Encoding(_) => return None,
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
        desk.answer(client, id, answer);
        None
    }

    /// Begins a watch of messages, which asks nothing of a station: for who delivers them without one.
    pub fn begin_watch(&self, asked: Asked) {
        if let (Some(desk), Request::WatchMessages(filter)) = (&self.desk, asked.request) {
            let filter = Filter::Messages(MessageWish::of(&filter));
            desk.watch(asked.client, Topic::Messages, Watching { id: asked.id, filter }, started(), None);
        }
    }

    fn status(&self, about: &About<'_>, view: &View, now: Instant) -> Answer {
        let About { station, statistics, advisor, .. } = about;
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

    /// Once a second: what happened in it, for programs that watch.
    pub fn second(
        &mut self,
        station: &Station,
        statistics: &Statistics,
        verifications: &Verifications,
        crossings: &mut Crossings,
        feed: &mut EventFeed,
        now: Instant,
    ) {
        let Some(news) = self.desk.as_ref().map(Desk::news) else { return };
        self.figures.second(statistics, verifications, news.is_watched(Topic::Stats), now);
        let view = View::of(station.node(), now);
        feed.place(&view);
        feed.forget();
        crossings.expire(Moment::at(now, &station.node().anchor()));
        if news.is_watched(Topic::Signals) {
            let changed = crossings.take_changed(view.wire());
            if !changed.is_empty() {
                news.tell(Topic::Signals, Answer { signals: Some(changed), ..Answer::watch("signals") });
            }
        } else {
            crossings.forget_changes();
        }
    }

    /// When [`copy_for_figures`](Self::copy_for_figures) has something to do.
    pub fn figures_due(&self, now: Instant) -> Instant {
        if self.figures.is_wanted() { now + BETWEEN_PARTS } else { Instant::FAR_FUTURE }
    }

    /// While figures are being made, copies a part of the histograms; all of them once they are whole, for
    /// [`hand_figures`](Self::hand_figures).
    pub fn copy_for_figures(&mut self, stats: &Stats) -> Option<Box<Stats>> {
        if self.figures.is_wanted() { self.figures.copy(stats) } else { None }
    }

    /// Hands figures to those who wait for them.
    pub fn hand_figures(
        &mut self,
        histograms: Box<Stats>,
        report: Report,
        station: &Station,
        statistics: &Statistics,
        around: Surroundings,
        now: Instant,
    ) {
        let Some(desk) = &self.desk else { return };
        let around = Surroundings { started: self.started, ..around };
        let (audience, draft) = self.figures.finish(histograms, report, station, statistics, &around, now);
        desk.figures(audience, draft);
    }

    fn command(
        &mut self,
        client: ConnectionId,
        id: Option<RequestId>,
        command: HazardCommand,
    ) -> Option<ToDo> {
        let token = self.token_for(client, id)?;
        Some(ToDo::Input(Input::Hazard { command, token: Some(token) }))
    }

    /// A token whose outcome goes to this client; or the client is told that there are too many.
    fn token_for(&mut self, client: ConnectionId, id: Option<RequestId>) -> Option<Token> {
        if self.open.len() >= MOST_OPEN {
            let text = format!("{MOST_OPEN} commands wait for their outcome already; try again");
            self.desk.as_ref()?.answer(client, id, Answer::failure("busy", &text));
            return None;
        }
        self.numbered += 1;
        let token = Owner::Control.token(self.numbered);
        self.open.insert(token, (client, id));
        Some(token)
    }

    /// The message that a client has the station send; it is answered when it left, or will not.
    fn publish(
        &mut self,
        client: ConnectionId,
        id: Option<RequestId>,
        asked: &PublishRequest,
        (station, view): (&Station, &View),
    ) -> Option<ToDo> {
        let permissions = station.node().pool().active().permissions();
        match publish::request(asked, &self.own_content, permissions, view.position()) {
            Ok(request) => {
                let token = self.token_for(client, id)?;
                Some(ToDo::Input(Input::Send(SendRequest { token: Some(token), ..request })))
            }
            Err(refusal) => {
                self.desk.as_ref()?.answer(client, id, refusal.answer());
                None
            }
        }
    }

    /// Answers clients whose commands have an outcome.
    pub fn settle(&mut self, station: &Station, outbox: &mut Outbox) {
        while let Some((token, outcome)) = outbox.take_outcome() {
            let (Some((client, id)), Some(desk)) = (self.open.remove(&token), &self.desk) else {
                continue;
            };
            let answer = match outcome {
                Ok(event) => Answer { event: Some(event.to_string()), ..Answer::done() },
                Err(refusal) => refused(&refusal, station),
            };
            desk.answer(client, id, answer);
        }
        while let Some((token, outcome)) = outbox.publishing.take() {
            let (Some((client, id)), Some(desk)) = (self.open.remove(&token), &self.desk) else {
                continue;
            };
            desk.answer(client, id, publish::answer(&outcome, station.node().sending()));
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
                Line::new(&events::ROAD_NEWS, warning.to_string()).tell(out)?;
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
                    self.watchers(line);
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
            let of = Some(Topic::Hazards.name().to_owned());
            self.watchers(Answer { of, changes: Some(lost), ..Answer::watch("lost") });
        }
        out.flush()
    }

    /// The signal ahead, or that there is none, to clients that watch it: `watch` is `signal`, once a second, or
    /// `red_light`.
    pub fn tell_signal(&mut self, advice: Option<&Advice>, watch: &str) {
        if let Some(news) = self.news().filter(|news| news.is_watched(Topic::Signal)) {
            let signal = advice.map(signal_view).map(Box::new);
            news.tell(Topic::Signal, Answer { signal, ..Answer::watch(watch) });
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
                Line::new(&events::PRIORITY_CHANGED, priority_line(&priority)).tell(out)?;
            }
            if let Some(news) = self.news() {
                let line = Answer { priority: Some(Box::new(priority)), ..Answer::watch("priority") };
                news.tell(Topic::Priority, line);
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
            Line::new(&events::HAZARD_CHANGED, change_line(change, &hazard)).tell(out)?;
        }
        let (change, hazard) = (Some(change.to_owned()), Some(Box::new(hazard)));
        self.watchers(Answer { change, hazard, ..Answer::watch(what) });
        Ok(())
    }

    fn watchers(&self, answer: Answer) {
        if let Some(news) = self.news() {
            news.tell(Topic::Hazards, answer);
        }
    }

    fn is_watched(&self) -> bool {
        self.news().is_some_and(|news| news.is_watched(Topic::Hazards))
    }
}

/// What a request is about.
#[derive(Debug)]
pub struct About<'d> {
    /// The station.
    pub station: &'d Station,
    /// Its counts.
    pub statistics: &'d Statistics,
    /// A vehicle's view of signals.
    pub advisor: Option<&'d mut Advisor>,
    /// Intersections heard.
    pub crossings: &'d Crossings,
    /// Where events go.
    pub feed: &'d mut EventFeed,
}

/// What the daemon is to do for a program.
#[derive(Debug)]
pub enum ToDo {
    /// Give this to the station.
    Input(Input),
    /// Read anew what it reads at a SIGHUP.
    Reload,
}

/// A frame from afar, as the station takes it.
fn from_afar(handed_in: AfarFrame, now: Instant) -> Input {
    Input::Frame(ReceivedFrame {
        bytes: handed_in.frame,
        link_source: [0; 6],
        kernel_receive: None,
        user_receive: Some(now),
        signal_dbm: None,
        way: Way::Afar(handed_in.peer),
    })
}

fn started() -> Answer {
    Answer { watch: Some("started".to_owned()), ..Answer::done() }
}

fn kind(event: &KnownHazard) -> &'static str {
    if matches!(event.class, Class::D0 | Class::D1) { "alert" } else { "hazard" }
}

/// Commands whose outcome is awaited; the station reports it while it handles them.
const MOST_OPEN: usize = 64;
/// Between two parts of a copy of the histograms: frames and timers have their turn.
const BETWEEN_PARTS: Duration = Duration::from_micros(200);
/// Changes reported in one go: in a burst, the rest wait until frames have had their turn.
const TOLD_AT_ONCE: usize = 16;
/// Lines about hazards printed a second; the rest is counted.
const LINES_PER_SECOND: u32 = 10;
