//! `roadcast run`: the daemon. One task owns the station; everything it is told comes through it.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{LinkState, clock, realtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use v2x_core::config::{Config, Role};
use v2x_core::io::{ClockState, Fix, Input, SendingState};
use v2x_core::node::Node;
use v2x_core::record;
use v2x_core::report::Report;
use v2x_core::security::{Permissions, Pool};
use v2x_core::stats::Stats;
use v2x_core::time::{Anchor, Instant, WireTime};
use v2x_proto::v1;

use crate::account::Account;
use crate::authorities::{self, RevocationFiles};
use crate::config::{IdentityFiles, StationConfig};
use crate::control::desk::Desk;
use crate::error::Error;
use crate::keys;
use crate::link;
use crate::load::LoadGenerator;
use crate::position::PositionSource;
use crate::recorder::Recorder;
use crate::roadside::unit::{Incoming, Unit};
use crate::station::{Live, Station, monotonic};
use crate::timekeeper::{Disagreement, Timekeeper};

/// `roadcast run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The station's configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Record every input before it is handled, for `roadcast replay check`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Stop after this many seconds instead of at SIGTERM or Ctrl-C
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Write the report at the end (and every report.every_s) to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Examples shown under `roadcast run --help`.
pub const HELP: &str = "Examples:
  roadcast run --config examples/vehicle.toml
  roadcast run --config car-1.toml --record night.rec --seconds 3600

SIGHUP reads roots and issuers again. Revocation deltas are read when their files change.

A vehicle prints the signal ahead and signs in force, at most once a second. A status line is printed every
report.every_s seconds, the report at the end. Exit codes: 0 ended as asked (by
SIGTERM, Ctrl-C or --seconds), 2 bad configuration or no link.";

/// Runs the daemon until it is told to stop, then prints and writes its report.
///
/// # Errors
/// What keeps it from starting; once it runs, only the machine's timer or signals failing.
pub fn run(args: &RunArgs, out: &mut dyn Write) -> Result<(), Error> {
    let Outcome { report, json, .. } = observe(args, out)?;
    write!(out, "{}", report.table())?;
    if let Some(path) = &json {
        write_json(path, &report)?;
    }
    // On a road stations come and go: what is missing at the edge of range is no failure of this one.
    Ok(())
}

/// What a daemon's run leaves.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// The histograms behind it.
    pub stats: Stats,
    /// Where arguments or configuration want the report written.
    pub json: Option<PathBuf>,
}

/// Runs the daemon until it is told to stop. Reports are written and printed while it runs, the last one is the
/// caller's.
///
/// # Errors
/// As [`run`].
pub fn observe(args: &RunArgs, out: &mut dyn Write) -> Result<Outcome, Error> {
    let config = StationConfig::load(&args.config)?;
    let json = args.json.clone().or_else(|| config.report.json.clone());
    apply_realtime(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|source| Error::System { what: "starting the event loop", source })?;
    runtime.block_on(async {
        let mut daemon = Daemon::start(&config, args)?;
        daemon.announce(&config, out)?;
        let report = daemon.serve(args.seconds.map(Duration::from_secs), json.as_deref(), out).await?;
        Ok(Outcome { report, stats: daemon.account.stats().clone(), json })
    })
}

struct Daemon {
    station: Station,
    account: Account,
    desk: Desk,
    positions: PositionSource,
    roadside: Option<Unit>,
    load: Option<LoadGenerator>,
    application: DeadlineTimer,
    upkeep: DeadlineTimer,
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    identity: IdentityFiles,
    revocations: RevocationFiles,
    timekeeper: Timekeeper,
    clock_told: Option<ClockState>,
    report_every: Duration,
    started: Instant,
    link_down: bool,
}

impl Daemon {
    fn start(config: &StationConfig, args: &RunArgs) -> Result<Self, Error> {
        let pool = keys::load_pool(&config.identity)?;
        let trust = keys::load_trust(&config.identity.roots, &config.identity.issuers)?;
        let lacks = config.roadside.needs().without(pool.active().permissions());
        if lacks != Permissions::NONE {
            return Err(Error::Unpermitted { config: args.config.clone(), lacks });
        }
        let seed = match config.seed {
            Some(seed) => seed,
            None => os_seed()?,
        };
        let anchor = read_anchor();
        // Before a recording is begun: whoever finds another daemon at its socket must not begin that one's anew.
        let desk = Desk::open(&config.control, &args.config, anchor.instant)?;
        let radio = link::open(&config.link)?;
        let recorder = match &args.record {
            Some(path) => Some(start_recording(path, config, &pool, seed, anchor)?),
            None => None,
        };
        let node = Node::with_host(config.station.clone(), pool, trust, seed, anchor, Box::new(Live));
        let timer =
            || DeadlineTimer::new().map_err(|source| Error::System { what: "making a timer", source });
        let on =
            |kind| signal(kind).map_err(|source| Error::System { what: "listening for signals", source });
        let system = |source| Error::System { what: "making a timer", source };
        let started = anchor.instant;
        let (terminate, interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        let mut account = Account::new(anchor);
        if config.station.role == Role::Vehicle {
            account.advise(node.digest());
            if config.alerts {
                account.watch_for_alerts();
            }
        }
        let station = Station::new(node, radio, recorder).map_err(system)?;
        let roadside = Unit::start(config, &args.config, started)?;
        if roadside.is_some() {
            account.listen_for_unit();
        }
        Ok(Self {
            station,
            account,
            desk,
            positions: PositionSource::start(&config.position)?,
            roadside,
            load: config.load.as_ref().map(|load| LoadGenerator::new(load, started + LOAD_DELAY)),
            application: timer()?,
            upkeep: timer()?,
            terminate,
            interrupt,
            reload: on(SignalKind::hangup())?,
            identity: config.identity.clone(),
            revocations: RevocationFiles::new(&config.revocations),
            timekeeper: Timekeeper::new(config.clock),
            clock_told: None,
            report_every: config.report.every,
            started,
            link_down: false,
        })
    }

    fn announce(&self, config: &StationConfig, out: &mut dyn Write) -> Result<(), Error> {
        let role = match config.station.role {
            Role::Vehicle => "vehicle",
            Role::Roadside => "roadside unit",
        };
        writeln!(out, "{role} {} on {}", self.station.node().digest(), self.station.radio().describe())?;
        writeln!(out, "positions: {}", self.positions.describe())?;
        writeln!(out, "control socket: {}", self.desk.describe())?;
        if let Some(unit) = &self.roadside {
            writeln!(out, "says: {}", unit.describe())?;
        }
        if let Ok(effective) = realtime::effective() {
            writeln!(out, "scheduling: {effective}")?;
        }
        Ok(out.flush()?)
    }

    async fn serve(
        &mut self,
        length: Option<Duration>,
        json: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<Report, Error> {
        let failed = |source| Error::System { what: "waiting for a timer", source };
        let end = length.map_or(Instant::FAR_FUTURE, |length| self.started + length);
        let mut next_report = self.started + self.report_every;
        let mut next_upkeep = self.started;
        // Whether what the station says of hazards or priority, or has for a unit's application, was passed on in the last
        // turn: then others are asked before it is again, because the first branch below would else keep the last ones
        // waiting.
        let mut passed_on = false;
        loop {
            let now = monotonic();
            if now >= end {
                break;
            }
            if now >= next_upkeep {
                next_upkeep = now + UPKEEP;
                self.keep_clock();
                self.keep_revocations();
                self.keep_recording();
                self.tell(out)?;
                self.desk.upkeep(&self.station, now, out)?;
            }
            if now >= next_report {
                next_report = next_report + self.report_every;
                self.status(now, json, out)?;
            }
            self.application(now);
            let next = self.next_application().unwrap_or(Instant::FAR_FUTURE);
            self.application.set((next < Instant::FAR_FUTURE).then(|| next.as_nanos())).map_err(failed)?;
            let upkeep = next_upkeep.min(next_report).min(end);
            self.upkeep.set(Some(upkeep.as_nanos())).map_err(failed)?;
            let (station, account, desk) = (&mut self.station, &mut self.account, &mut self.desk);
            let mut wait = core::mem::take(&mut passed_on);
            let turn = poll_fn(|cx| match station.poll(cx, account) {
                Poll::Ready(Err(source)) => Poll::Ready(Err(source)),
                // The unit's application answers at once, not at its next message.
                Poll::Pending
                    if account.news().is_empty() && !account.has_heard() && !account.has_priority_news() =>
                {
                    Poll::Pending
                }
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
                    self.desk.tell(&self.station, &mut self.account, now, out)?;
                    passed_on = true;
                }
                update = self.positions.update() => {
                    if let Some(fix) = &update.fix {
                        let wire = self.station.node().anchor().wire_at(update.received);
                        self.timekeeper.fix(fix.time, wire);
                    }
                    let anchor = self.station.node().anchor();
                    if let Some(advisor) = self.account.advisor() {
                        advisor.fix(update.fix.as_ref(), update.received, &anchor);
                    }
                    self.station.input(Input::Fix(update.fix), &mut self.account);
                    if let Some(fix) = &update.fix {
                        self.warn(fix);
                    }
                }
                expired = self.application.expired() => expired.map_err(failed)?,
                expired = self.upkeep.expired() => expired.map_err(failed)?,
                _ = self.reload.recv() => self.reload_trust(),
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                // Last, and one at a time: nobody who asks delays a frame.
                asked = poll_fn(|cx| desk.poll(cx, now)) => {
                    self.desk.handle(asked, &mut self.station, &mut self.account, monotonic());
                }
                // Last: a feed that never ends takes nobody else's turn.
                incoming = Unit::next_of(&mut self.roadside) => self.take_incoming(incoming),
            }
        }
        if let Some(recorder) = self.station.recorder() {
            recorder.flush();
            writeln!(out, "recorded {} inputs and outputs", recorder.records())?;
        }
        self.keep_recording();
        Ok(self.report(monotonic()))
    }

    /// Warns of what the vehicle's own position shows, if it is to.
    fn warn(&mut self, fix: &Fix) {
        let neighbours = self.station.node().neighbours();
        if let Some(command) = self.account.alert(monotonic(), fix, neighbours) {
            self.station.input(Input::Hazard { command, token: None }, &mut self.account);
        }
    }

    /// Sends what the application has due.
    fn application(&mut self, now: Instant) {
        let anchor = self.station.node().anchor();
        if let Some(unit) = &mut self.roadside {
            let wire = anchor.wire_at(now);
            unit.set_sending(self.account.sending());
            for heard in self.account.take_heard() {
                unit.heard(&heard, now, wire);
            }
            if unit.next_due().is_some_and(|due| due <= now) {
                for input in unit.due(now, wire) {
                    self.station.input(input, &mut self.account);
                }
                for heard in self.account.take_heard() {
                    unit.heard(&heard, now, wire);
                }
            }
        }
        while let Some(request) = self.account.advisor().and_then(|advisor| advisor.take_send(now, &anchor)) {
            self.station.input(Input::Send(request), &mut self.account);
        }
        if let Some(load) = &mut self.load {
            for _ in 0..LOAD_BATCH {
                let Some(request) = load.due(now, &anchor) else { break };
                self.station.input(Input::Send(request), &mut self.account);
            }
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

    fn next_application(&mut self) -> Option<Instant> {
        let unit = self.roadside.as_ref().and_then(Unit::next_due);
        let load = self.load.as_ref().map(LoadGenerator::next_due);
        let priority = self.account.advisor().and_then(|advisor| advisor.next_due());
        [unit, load, priority].into_iter().flatten().min()
    }

    /// Tells the node when the clock was stepped, drifted, or changed its mind about being synchronised.
    fn keep_clock(&mut self) {
        let anchor = read_anchor();
        let believed = self.station.node().anchor().wire_at(anchor.instant);
        let off = believed.since(anchor.wire).max(anchor.wire.since(believed));
        let state = self.timekeeper.read(anchor.instant, clock::kernel_clock().ok(), off);
        if self.clock_told != Some(state) || off > MAX_CLOCK_ERROR {
            self.clock_told = Some(state);
            self.station.input(Input::Clock { wire: anchor.wire, state }, &mut self.account);
            self.account.set_anchor(self.station.node().anchor());
        }
    }

    /// Hands over the deltas in files that have changed.
    fn keep_revocations(&mut self) {
        for change in self.revocations.changes() {
            match change {
                Ok(input) => self.station.input(input, &mut self.account),
                Err(error) => tracing::warn!("revocation: {error}; trying again when it changes"),
            }
        }
    }

    /// SIGHUP: roots and issuers are read again; those before stay when a file cannot be read.
    fn reload_trust(&mut self) {
        match authorities::trust(&self.identity) {
            Ok(input) => self.station.input(input, &mut self.account),
            Err(error) => tracing::warn!("roots and issuers kept as they were: {error}"),
        }
    }

    fn keep_recording(&mut self) {
        let Some(recorder) = self.station.recorder() else { return };
        recorder.flush();
        if let Some((path, error)) = recorder.take_failure() {
            tracing::warn!("{}: recording stopped: {error}", path.display());
        }
    }

    /// Says once what changed: sending or not, link up or down.
    fn tell(&mut self, out: &mut dyn Write) -> Result<(), Error> {
        if let Some(state) = self.account.take_news() {
            let line = match state {
                SendingState::Allowed => "sending",
                SendingState::NoFix => "listening only: no position (safety messages need one under 2 s old)",
                SendingState::ClockUntrusted => {
                    "listening only: the clock is not synchronised (run chrony or ptp4l; in a laboratory set \
                     clock.trust = \"always\")"
                }
                SendingState::CredentialNotValid => {
                    "listening only: the credential is not valid now (roadcast keys show says when it is)"
                }
                SendingState::CredentialRevoked => {
                    "listening only: the credential is revoked (ask its issuer for another)"
                }
            };
            writeln!(out, "{line}")?;
        }
        if let Some(disagreement) = self.timekeeper.take_news() {
            let seconds = |by: Duration| by.as_secs_f64();
            match disagreement {
                Disagreement::Ahead(by) => writeln!(
                    out,
                    "the clock is {:.1} s ahead of the positions' time: one of them is wrong, not signing by it",
                    seconds(by)
                )?,
                Disagreement::Behind(by) => writeln!(
                    out,
                    "the clock is {:.1} s behind the positions' time: one of them is wrong, not signing by it",
                    seconds(by)
                )?,
                Disagreement::Resolved => writeln!(out, "the clock agrees with the positions' time again")?,
            }
        }
        let news = self.roadside.as_mut().map(|unit| unit.take_news(monotonic()));
        for notice in self.account.take_notices().into_iter().chain(news.into_iter().flatten()) {
            writeln!(out, "{notice}")?;
        }
        let anchor = self.station.node().anchor();
        for line in self.account.advisor().into_iter().flat_map(|advisor| advisor.lines(monotonic(), &anchor))
        {
            writeln!(out, "{line}")?;
        }
        if let Some((spares, until)) = self.account.take_pool_low() {
            let until = keys::show::utc(until);
            writeln!(out, "credentials run out: {spares} unused left, the last ends {until}")?;
        }
        match self.station.radio().state() {
            LinkState::Up if self.link_down => {
                self.link_down = false;
                writeln!(out, "link up again")?;
            }
            LinkState::Down { reason, .. } if !self.link_down => {
                self.link_down = true;
                writeln!(out, "link down, trying again: {reason}")?;
            }
            _ => {}
        }
        Ok(out.flush()?)
    }

    fn status(&mut self, now: Instant, json: Option<&Path>, out: &mut dyn Write) -> Result<(), Error> {
        let frames = self.account.frames();
        writeln!(
            out,
            "{:>6} s  neighbours {}  sent {}  forwarded {}  received {}  dropped {}",
            now.since(self.started).as_secs(),
            self.account.neighbours(),
            self.account.sent(),
            self.account.forwarded(),
            frames.delivered,
            frames.dropped
        )?;
        if let Some(path) = json {
            write_json(path, &self.report(now))?;
        }
        Ok(out.flush()?)
    }

    fn report(&mut self, now: Instant) -> Report {
        let mut report = self.account.report(now.since(self.started).as_secs_f64());
        let anchor = self.station.node().anchor();
        report.signal_ahead = self.account.advisor().and_then(|advisor| advisor.signal_ahead(now, &anchor));
        if let Some(unit) = &self.roadside {
            report.warnings.extend(unit.warnings(now));
        }
        let link = self.station.radio().counters();
        if link.kernel_dropped > 0 {
            report
                .warnings
                .push(format!("{} frames dropped by the kernel before they were read", link.kernel_dropped));
        }
        let clamped = self.station.node().counters().time_clamped;
        if clamped > 0 {
            report.warnings.push(format!("time ran backwards {clamped} times"));
        }
        report
    }
}

/// The machine's clocks read together.
pub fn read_anchor() -> Anchor {
    // Between two readings of one clock, so that a preemption in between does not become a clock error.
    let mut best = None;
    for _ in 0..3 {
        let before = clock::monotonic_ns();
        let wire = clock::wire_time_us();
        let after = clock::monotonic_ns();
        let width = after - before;
        if best.is_none_or(|(least, _)| width < least) {
            let instant = Instant::from_nanos(before + width / 2);
            best = Some((width, Anchor { instant, wire: WireTime::from_micros(wire) }));
        }
    }
    best.map_or(Anchor { instant: Instant::ZERO, wire: WireTime::from_micros(0) }, |(_, anchor)| anchor)
}

/// A seed from the operating system.
///
/// # Errors
/// It gives none.
pub fn os_seed() -> Result<u64, Error> {
    getrandom::u64()
        .map_err(|error| Error::System { what: "asking for a seed", source: io::Error::other(error) })
}

fn start_recording(
    path: &Path,
    config: &StationConfig,
    pool: &Pool,
    seed: u64,
    anchor: Anchor,
) -> Result<Recorder, Error> {
    let all =
        |paths: &[PathBuf]| paths.iter().map(|path| keys::read_credential(path)).collect::<Result<_, _>>();
    let header = v1::RecordingHeader {
        version: record::VERSION,
        software: concat!("roadcast ", env!("CARGO_PKG_VERSION")).to_owned(),
        config_json: config_json(&config.station),
        credential: pool.active().credential().clone(),
        issuers: all(&config.identity.issuers)?,
        roots: all(&config.identity.roots)?,
        seed,
        anchor_instant_ns: anchor.instant.as_nanos(),
        anchor_wire_us: anchor.wire.as_micros(),
        pool: record::identities(pool),
    };
    Recorder::create(path, &header).map_err(|source| Error::File { path: path.to_owned(), source })
}

fn config_json(config: &Config) -> String {
    serde_json::to_string(config).expect("invariant: a configuration has no keys that are not strings")
}

fn apply_realtime(config: &StationConfig) -> Result<(), Error> {
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

/// Writes a report whole or not at all.
pub fn write_json(path: &Path, report: &Report) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut text = serde_json::to_string_pretty(report).expect("invariant: a report has only string keys");
    text.push('\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

/// How often clock, recording and link are looked after.
const UPKEEP: Duration = Duration::from_secs(1);
/// A clock this far off what the station believes is read anew. Frequency steering alone moves it by 0.5 ms
/// a second at most.
const MAX_CLOCK_ERROR: Duration = Duration::from_micros(500);
/// Test traffic starts when the first position has had time to come.
const LOAD_DELAY: Duration = Duration::from_secs(1);
/// Test messages sent in one go before frames and timers get their turn.
const LOAD_BATCH: usize = 16;
