//! The daemon. One task owns the station, and all of the station's inputs pass through it.

mod lines;
mod start;

use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use radio_adapters::realtime::RealtimeError;
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{clock, realtime};
use tokio::signal::unix::Signal;
use v2x_apps::advice::Advisor;
use v2x_apps::alert::Triggers;
use v2x_apps::load::LoadGenerator;
use v2x_apps::{Application, Moment};
use v2x_core::{ClockState, Input, Instant, NeighbourTable, Permissions, SendingState};
use v2x_report::{Report, Stats, WhatRan};

use crate::config::{StationConfig, mode_for_everybody};
use crate::console::Console;
use crate::daemon::channel_figures;
use crate::daemon::congestion_figures;
use crate::daemon::control::figures::Surroundings;
use crate::daemon::control::handler::{About, ControlHandler, ToDo};
use crate::daemon::control::server::Asked;
use crate::daemon::control::socket::SocketError;
use crate::daemon::control::view::View;
use crate::daemon::credential_lock::CredentialInUse;
use crate::daemon::credentials::Credentials;
use crate::daemon::expiry::file_name;
use crate::daemon::keeper::KeeperProcess;
use crate::daemon::link_news::LinkNews;
use crate::daemon::listeners::Listeners;
use crate::daemon::machine_clock::MachineClock;
use crate::daemon::outputs::{self, Outputs};
use crate::daemon::overload::Overload;
use crate::daemon::position::{PositionSource, PositionUpdate};
use crate::daemon::recorder;
use crate::daemon::roadside::unit::{Incoming, Unit};
use crate::daemon::service_manager::ServiceManager;
use crate::daemon::signal_ahead::signal_ahead;
use crate::daemon::state_lines;
use crate::daemon::station::{Station, monotonic};
use crate::daemon::statistics::Statistics;
use crate::daemon::timekeeper::Timekeeper;
use crate::daemon::token::Owner;
use crate::daemon::trust_files::RevocationFiles;
use crate::daemon::turns::Turns;
use crate::error::{Complaint, Error};
use crate::key_files;
use crate::log::{Line, events};
use crate::machine::read_anchor;
use crate::processor::ProcessorMeter;

/// Options of a daemon.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// The station's configuration.
    pub config: PathBuf,
    /// Where every input is recorded before it is handled, for `roadcast replay check`.
    pub record: Option<PathBuf>,
    /// How long to run, seconds; until SIGTERM or Ctrl-C when `None`.
    pub seconds: Option<u64>,
    /// Where to write the report, overriding the configuration.
    pub json: Option<PathBuf>,
    /// What the report says was run.
    pub ran: WhatRan,
}

/// What keeps a daemon from starting, besides its parts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The control socket is another daemon's, or its group cannot use it.
    #[error("control socket: {0}")]
    Socket(#[from] SocketError),
    /// Another daemon signs with the station's credential.
    #[error(transparent)]
    Credential(#[from] CredentialInUse),
    /// A roadside unit's credential does not permit what it is configured to send.
    #[error(
        "{}: roadside: the unit's credential lacks the {}; issue one with --role roadside (roadcast keys issue), or leave out what needs them",
        config.display(), key_files::permissions_in_words(*lacks)
    )]
    Unpermitted {
        /// The configuration.
        config: PathBuf,
        /// What is lacking.
        lacks: Permissions,
    },
    /// The scheduling asked for cannot be had.
    #[error("realtime: {0}")]
    Realtime(#[from] RealtimeError),
}

impl Complaint for DaemonError {
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Realtime(RealtimeError::NoPrivilege { .. })).then_some(
            "without it: leave out [realtime]; with it: LimitRTPRIO= and LimitMEMLOCK= of the service \
             (examples/roadcast-realtime.conf), or rtprio and memlock in /etc/security/limits.conf",
        )
    }
}

/// Results of a daemon's run.
#[derive(Debug)]
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// The histograms behind it.
    pub stats: Stats,
    /// How long its turns took.
    pub turns: Turns,
    /// What was asked for and is not whole: the last report, the recording, the capture.
    pub incomplete: Option<Error>,
}

/// Runs the daemon until it is asked to stop. `keeper` joins the cell of its link, if it is to join one. Status lines are printed to `console` and reports written while it runs; the table
/// of the last report is the caller's to print.
///
/// # Errors
/// What keeps it from starting; once it runs, only the machine's timer or signals failing.
pub fn observe(
    options: &DaemonOptions,
    keeper: Option<KeeperProcess>,
    console: &mut Console,
) -> Result<Outcome, Error> {
    let config = StationConfig::load(&options.config)?;
    if let Some(mode) = mode_for_everybody(&options.config) {
        let file = options.config.display();
        tracing::warn!("{file}: every user of this machine may write it (mode {mode:04o}): chmod o-w {file}");
    }
    if let Some(json) = &options.json {
        outputs::check_place(json)?;
    } else if let Some(json) = config.report.json.as_deref().filter(|json| json.is_dir()) {
        outputs::check_place(json)?;
    }
    let json = options.json.as_deref().or(config.report.json.as_deref());
    outputs::check_apart(json, options.record.as_deref(), config.link.tap.as_deref())?;
    realtime::ignore_file_size_signal();
    apply_realtime(&config).map_err(DaemonError::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        // Those that look up names: no look-up runs before the station.
        .on_thread_start(realtime::make_ordinary)
        .build()
        .map_err(|source| Error::System { what: "starting the event loop", source })?;
    let outcome = runtime.block_on(async {
        let mut daemon = Daemon::start(&config, options, keeper, console.state())?;
        daemon.announce(&config, console)?;
        if let Some(path) = &options.record {
            let (path, mib) = (path.display(), recorder::LIMIT_BYTES >> 20);
            let line = format!(
                "recording: {path} will hold everywhere this station is, under all its pseudonyms; it ends at {mib} MiB"
            );
            Line::new(&events::RECORDING_BEGAN, line).with("path", path.to_string()).tell(console)?;
        }
        let mut turns = Turns::new();
        let longest = Arc::clone(&daemon.longest_turn);
        turns.time(daemon.serve(options.seconds.map(Duration::from_secs), console), &longest).await?;
        daemon.manager.stopping();
        for line in daemon.keeper.take().map_or_else(Vec::new, KeeperProcess::end) {
            Line::new(&events::CELL_NEWS, line).tell(console)?;
        }
        let files = daemon.outputs.end_files(daemon.station.recorder());
        if let Some(recorder) = daemon.station.recorder() {
            let records = recorder.records();
            let line = Line::new(&events::RECORDING_WHOLE, format!("recorded {records} inputs and outputs"));
            line.with("records", records).tell(console)?;
        }
        let report = daemon.report(monotonic());
        let stats = daemon.listeners.statistics.stats().clone();
        let written = daemon.outputs.end_report(report.clone());
        Ok(Outcome { report, stats, turns, incomplete: written.err().or(files.err().map(Error::from)) })
    });
    // A look-up of a caster's name may wait for seconds: the end of the station does not.
    runtime.shutdown_background();
    outcome
}

struct Daemon {
    station: Station,
    listeners: Listeners,
    control: ControlHandler,
    positions: PositionSource,
    roadside: Option<Unit>,
    load: Option<LoadGenerator>,
    application: DeadlineTimer,
    upkeep: DeadlineTimer,
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    credentials: Credentials,
    revocations: RevocationFiles,
    machine_clock: MachineClock,
    timekeeper: Timekeeper,
    clock_told: Option<ClockState>,
    sending_told: Option<SendingState>,
    report_every: Duration,
    started: Instant,
    /// Holds the link's interface in its cell.
    keeper: Option<KeeperProcess>,
    /// What was changed for that at the start.
    joined: Option<String>,
    link_news: LinkNews,
    /// The link's, as configured.
    interface: String,
    processor: ProcessorMeter,
    /// Nanoseconds, of the turns so far.
    longest_turn: Arc<AtomicU64>,
    ran: WhatRan,
    outputs: Outputs,
    overload: Overload,
    /// Whether there was a position when it was logged last.
    position_told: bool,
    manager: ServiceManager,
}

impl Daemon {
    async fn serve(&mut self, length: Option<Duration>, out: &mut dyn Write) -> Result<(), Error> {
        let failed = |source| Error::System { what: "waiting for a timer", source };
        let end = length.map_or(Instant::FAR_FUTURE, |length| self.started + length);
        let mut next_report = self.started + self.report_every;
        let mut next_upkeep = self.started;
        // Whether reports of hazards or priority, or events for a unit's application, were passed on in the last turn: then
        // the other branches come first, because the first branch below would else keep the last ones waiting.
        let mut passed_on = false;
        // A place that does not change is known before the first message and the first line.
        self.keep_clock();
        if let Poll::Ready(update) = self.positions.poll_update(&mut Context::from_waker(Waker::noop())) {
            self.take_position(&update);
        }
        loop {
            let now = monotonic();
            if now >= end {
                stopping("time");
                break;
            }
            if now >= next_upkeep {
                next_upkeep = now + UPKEEP;
                self.keep_clock();
                self.keep_revocations();
                self.keep_credentials();
                self.outputs.keep();
                if let Some(recorder) = self.station.recorder() {
                    recorder.keep();
                }
                self.tell(out)?;
                self.control.upkeep(&self.station, now, out)?;
                let Listeners { statistics, crossings, feed, .. } = &mut self.listeners;
                let verifications = self.credentials.verifications();
                self.control.second(&self.station, statistics, verifications, crossings, feed, now);
                self.tell_manager();
            }
            if now >= next_report {
                next_report = next_report + self.report_every;
                self.status(now, out)?;
            }
            if let Some(mut stats) = self.outputs.copy_for_report(self.listeners.statistics.stats()) {
                Statistics::complete(&mut stats);
                let outline = self.listeners.statistics.outline(now.since(self.started).as_secs_f64());
                let report = self.with_the_rest(outline, now);
                self.outputs.report(report, stats);
            }
            if let Some(stats) = self.control.copy_for_figures(self.listeners.statistics.stats()) {
                let outline = self.listeners.statistics.outline(now.since(self.started).as_secs_f64());
                let report = self.with_the_rest(outline, now);
                let around = Surroundings {
                    clock_bound_us: self.timekeeper.bound_us(),
                    longest_turn_us: self.longest_turn.load(Relaxed) as f64 / 1000.0,
                    ..Surroundings::default()
                };
                let statistics = &self.listeners.statistics;
                self.control.hand_figures(stats, report, &self.station, statistics, around, now);
            }
            self.application(now);
            let next = self.next_application(now).unwrap_or(Instant::FAR_FUTURE);
            self.application.set((next < Instant::FAR_FUTURE).then(|| next.as_nanos())).map_err(failed)?;
            let upkeep = next_upkeep.min(next_report).min(end).min(self.outputs.report_due(now));
            let upkeep = upkeep.min(self.control.figures_due(now));
            self.upkeep.set(Some(upkeep.as_nanos())).map_err(failed)?;
            let (station, listeners, control) = (&mut self.station, &mut self.listeners, &mut self.control);
            let mut wait = core::mem::take(&mut passed_on);
            let turn = poll_fn(|cx| match station.poll(cx, listeners) {
                Poll::Ready(Err(source)) => Poll::Ready(Err(source)),
                // The unit's application answers at once, not at its next message.
                Poll::Pending if !listeners.has_news() => Poll::Pending,
                Poll::Pending if core::mem::take(&mut wait) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Pending => Poll::Ready(Ok(())),
            });
            tokio::select! {
                biased;
                news = turn => {
                    news.map_err(failed)?;
                    let Listeners { outbox, advisor, feed, .. } = &mut self.listeners;
                    feed.pass_on(self.station.node(), now);
                    self.control.tell(&self.station, outbox, advisor.as_mut(), now, out)?;
                    passed_on = true;
                }
                update = self.positions.update() => self.take_position(&update),
                expired = self.application.expired() => expired.map_err(failed)?,
                expired = self.upkeep.expired() => expired.map_err(failed)?,
                _ = self.reload.recv() => self.reload(),
                _ = self.terminate.recv() => {
                    stopping("SIGTERM");
                    break;
                }
                _ = self.interrupt.recv() => {
                    stopping("SIGINT");
                    break;
                }
                // Last, and one at a time: no request delays a frame.
                asked = poll_fn(|cx| control.poll(cx)) => self.take_asked(asked),
                // Last: a feed that never ends takes no other branch's turn.
                incoming = Unit::next_of(&mut self.roadside) => self.take_incoming(incoming),
            }
        }
        Ok(())
    }

    fn take_position(&mut self, update: &PositionUpdate) {
        if core::mem::replace(&mut self.position_told, update.fix.is_some()) != update.fix.is_some() {
            let node = self.station.node();
            let now = node.anchor().wire_at(update.received);
            state_lines::position(update.fix, node.last_fix(), now).log();
        }
        let anchor = self.station.node().anchor();
        if let Some(fix) = &update.fix {
            self.timekeeper.fix(fix.time, anchor.wire_at(update.received), update.received);
        }
        if let Some(advisor) = &mut self.listeners.advisor {
            advisor.fix(update.fix.as_ref(), update.received, &anchor);
        }
        self.station.input(Input::Fix(update.fix), &mut self.listeners);
        let fix = update.fix.as_ref();
        self.warn(|alerts, neighbours, at| alerts.fix(fix, neighbours, at));
    }

    /// Passes a client's request to the control handler, and its command to the station.
    fn take_asked(&mut self, asked: Asked) {
        let Listeners { statistics, advisor, crossings, feed, .. } = &mut self.listeners;
        let (station, advisor) = (&self.station, advisor.as_mut());
        let mut about = About { station, statistics, advisor, crossings, feed };
        match self.control.handle(asked, &mut about, monotonic()) {
            Some(ToDo::Input(command)) => {
                let vehicle = if let Input::Vehicle(state) = &command { Some(*state) } else { None };
                self.station.input(command, &mut self.listeners);
                if let Some(state) = vehicle {
                    self.warn(|alerts, neighbours, at| alerts.vehicle(&state, neighbours, at));
                }
                self.control.settle(&self.station, &mut self.listeners.outbox);
            }
            Some(ToDo::Reload) => self.reload(),
            None => {}
        }
    }

    /// Shows alerts, if configured, what is new of the vehicle's motion, and sends those it calls for.
    fn warn(&mut self, show: impl FnOnce(&mut Triggers, &NeighbourTable, Moment)) {
        let node = self.station.node();
        let at = Moment::at(monotonic(), &node.anchor());
        if let Some(alerts) = &mut self.listeners.alerts {
            show(alerts, node.neighbour_table(), at);
        }
        while let Some(mut input) = self.listeners.alerts.as_mut().and_then(|alerts| alerts.poll(at)) {
            // One at a time: its outcome comes before the next.
            own(&mut input, Owner::Alerts);
            self.station.input(input, &mut self.listeners);
        }
    }

    /// Sends what the application has due.
    fn application(&mut self, now: Instant) {
        let anchor = self.station.node().anchor();
        self.tell_unit(now);
        let at = Moment::at(now, &anchor);
        while let Some(mut input) = self.roadside.as_mut().and_then(|unit| unit.poll(at)) {
            own(&mut input, Owner::Unit);
            self.station.input(input, &mut self.listeners);
            self.tell_unit(now);
        }
        while let Some(input) = self.listeners.advisor.as_mut().and_then(|advisor| advisor.poll(at)) {
            self.station.input(input, &mut self.listeners);
        }
        if let Some(load) = &mut self.load {
            for _ in 0..LOAD_BATCH {
                let Some(input) = load.poll(at) else { break };
                self.station.input(input, &mut self.listeners);
            }
        }
    }

    /// Passes the station's events to a roadside unit's application.
    fn tell_unit(&mut self, now: Instant) {
        let (Some(unit), Some(inbox)) = (&mut self.roadside, &mut self.listeners.inbox) else { return };
        let wire = self.station.node().anchor().wire_at(now);
        unit.set_sending(self.station.node().sending() == SendingState::Allowed);
        for heard in inbox.take() {
            unit.heard(&heard, now, wire);
        }
    }

    /// Hands what came from a roadside unit's controller or corrections to its application.
    fn take_incoming(&mut self, incoming: Incoming) {
        let now = monotonic();
        let wire = self.station.node().anchor().wire_at(now);
        if let Some(unit) = &mut self.roadside {
            unit.take(incoming, now, wire);
        }
    }

    fn next_application(&self, now: Instant) -> Option<Instant> {
        let at = Moment::at(now, &self.station.node().anchor());
        let unit = self.roadside.as_ref().and_then(|unit| unit.deadline(at));
        let load = self.load.as_ref().and_then(|load| load.deadline(at));
        let priority = self.listeners.advisor.as_ref().and_then(|advisor| advisor.deadline(at));
        [unit, load, priority].into_iter().flatten().min()
    }

    /// Informs the node when the clock was stepped, drifted, or gained or lost synchronisation.
    fn keep_clock(&mut self) {
        let anchor = read_anchor();
        let believed = self.station.node().anchor().wire_at(anchor.instant);
        let off = believed.since(anchor.wire).max(anchor.wire.since(believed));
        let state = self.timekeeper.read(&self.machine_clock.read(anchor));
        if self.clock_told != Some(state) {
            state_lines::clock(state, self.timekeeper.bound_us(), || self.timekeeper.silence()).log();
        }
        if self.clock_told != Some(state) || off > MAX_CLOCK_ERROR {
            self.clock_told = Some(state);
            // Of the moment in which the station is told: what was asked since took time.
            let wire = anchor.wire_at(monotonic());
            self.station.input(Input::Clock { wire, state }, &mut self.listeners);
            self.listeners.set_anchor(self.station.node().anchor());
        }
    }

    /// Hands over the deltas in files that have changed.
    fn keep_revocations(&mut self) {
        for change in self.revocations.changes() {
            match change {
                Ok(input) => self.station.input(input, &mut self.listeners),
                Err(error) => tracing::warn!(
                    event = events::REVOCATION_NEWS.name,
                    file = error.file().and_then(file_name),
                    "revocation: {error}; trying again when it changes"
                ),
            }
        }
    }

    /// Hands over credentials and authorities whose files have changed.
    fn keep_credentials(&mut self) {
        for input in self.credentials.changes(self.station.node()) {
            self.station.input(input, &mut self.listeners);
        }
    }

    /// SIGHUP: credentials, keys, roots and issuers are read again; those before stay when a file cannot be read.
    fn reload(&mut self) {
        self.manager.reloading(Duration::from_nanos(clock::monotonic_ns()));
        for input in self.credentials.reload(self.station.node()) {
            self.station.input(input, &mut self.listeners);
        }
        self.manager.ready();
    }

    fn report(&mut self, now: Instant) -> Report {
        let report = self.listeners.statistics.report(now.since(self.started).as_secs_f64());
        self.with_the_rest(report, now)
    }

    /// Adds what others than the statistics know.
    fn with_the_rest(&mut self, mut report: Report, now: Instant) -> Report {
        report.run = self.ran.clone();
        report.set_machine(self.processor.machine(now.since(self.started).as_secs_f64()));
        let anchor = self.station.node().anchor();
        report.signal_ahead = self
            .listeners
            .advisor
            .as_ref()
            .and_then(|advisor| advisor.road().advice(anchor.wire_at(now)))
            .as_ref()
            .map(signal_ahead);
        report.red_light_warnings =
            self.listeners.advisor.as_ref().map(Advisor::warnings).filter(|warnings| *warnings > 0);
        report.warnings.extend(self.listeners.advisor.as_ref().and_then(Advisor::contest_warning));
        let clones = &self.listeners.statistics.clones;
        report.heard_elsewhere = Some(clones.messages()).filter(|messages| *messages > 0);
        let view = View::of(self.station.node(), now);
        report.warnings.extend(clones.warning(|place| view.way_from_here(place)));
        report.priority_requests = self.roadside.as_ref().and_then(Unit::priority_requests);
        if let Some(unit) = &self.roadside {
            report.warnings.extend(unit.warnings(now));
        }
        report.warnings.extend(self.positions.warnings());
        let radio = self.station.radio();
        let link = LinkNews::warnings(&radio.state(), &radio.counters(), clock::monotonic_ns());
        report.warnings.extend(link);
        report.ocb = channel_figures::ocb(&radio.counters());
        report.congestion = congestion_figures::report(self.station.node());
        let clamped = self.station.node().counters().time_clamped;
        if clamped > 0 {
            report.warnings.push(format!("time ran backwards {clamped} times"));
        }
        report.warnings.extend(self.outputs.warnings());
        if let Some(losses) = self.station.recorder().and_then(|recorder| recorder.losses()) {
            report.warnings.push(losses.to_string());
        }
        let over_limit = self.station.recorder().map_or(0, |recorder| recorder.over_limit());
        if over_limit > 0 {
            report
                .warnings
                .push(format!("{over_limit} inputs not recorded: the recording is at its size limit"));
        }
        report
    }
}

fn stopping(reason: &'static str) {
    Line::new(&events::STATION_STOPPING, format!("stopping: {reason}")).with("reason", reason).log();
}

/// Puts its owner's token on a command about a hazard.
fn own(input: &mut Input, owner: Owner) {
    if let Input::Hazard { token, .. } = input {
        *token = Some(owner.token(0));
    }
}

/// Asks for the scheduling of the configuration, for the calling thread.
///
/// # Errors
/// [`RealtimeError`].
pub(crate) fn apply_realtime(config: &StationConfig) -> Result<(), RealtimeError> {
    if let Some(cpu) = config.realtime.cpu {
        realtime::pin_to_cpu(cpu)?;
    }
    if config.realtime.lock_memory {
        realtime::lock_memory()?;
    }
    if let Some(priority) = config.realtime.fifo_priority {
        realtime::set_fifo(priority)?;
    }
    Ok(())
}

/// How often clock, recording and link are checked.
const UPKEEP: Duration = Duration::from_secs(1);
/// A clock this far off what the station believes is read anew. Frequency steering alone moves it by 0.5 ms
/// a second at most.
const MAX_CLOCK_ERROR: Duration = Duration::from_micros(500);
/// Test messages sent in one go before frames and timers get their turn.
const LOAD_BATCH: usize = 16;
