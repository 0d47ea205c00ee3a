//! A daemon opens what it needs: keys, sockets, the link, what is recorded. Nothing of another daemon's is touched before it is known
//! that there is none.

use core::time::Duration;
use std::sync::Arc;

use radio_adapters::packet::Rejoin;
use radio_adapters::timer::DeadlineTimer;
use tokio::signal::unix::{SignalKind, signal};
use v2x_apps::advice::Advisor;
use v2x_apps::alert::Triggers;
use v2x_apps::load::LoadGenerator;
use v2x_core::{Identity, Node, Permissions, Role};

use super::{Daemon, DaemonError, DaemonOptions};
use crate::config::StationConfig;
use crate::console::ConsoleState;
use crate::daemon::control::handler::ControlHandler;
use crate::daemon::control::publish::OwnContent;
use crate::daemon::credential_lock::CredentialLock;
use crate::daemon::credentials::Credentials;
use crate::daemon::keeper::KeeperProcess;
use crate::daemon::link;
use crate::daemon::link_news::LinkNews;
use crate::daemon::listeners::Listeners;
use crate::daemon::machine_clock::MachineClock;
use crate::daemon::outputs::Outputs;
use crate::daemon::overload::Overload;
use crate::daemon::position::PositionSource;
use crate::daemon::recorder::{self, Recorder};
use crate::daemon::roadside::inbox::Inbox;
use crate::daemon::roadside::unit::Unit;
use crate::daemon::service_manager::ServiceManager;
use crate::daemon::station::Station;
use crate::daemon::timekeeper::Timekeeper;
use crate::daemon::trust_files::RevocationFiles;
use crate::error::Error;
use crate::key_files;
use crate::machine::{os_seed, read_anchor};
use crate::processor::ProcessorMeter;

impl Daemon {
    /// Opens everything; the station runs from then on.
    pub(super) fn start(
        config: &StationConfig,
        options: &DaemonOptions,
        mut keeper: Option<KeeperProcess>,
        console: Arc<ConsoleState>,
    ) -> Result<Self, Error> {
        let pool = key_files::load_pool(&config.identity)?;
        let trust = key_files::load_trust(&config.identity.roots, &config.identity.issuers)?;
        let lacks = config.roadside.needs().without(pool.active().permissions());
        if lacks != Permissions::NONE {
            return Err(DaemonError::Unpermitted { config: options.config.clone(), lacks }.into());
        }
        let seed = match config.seed {
            Some(seed) => seed.0,
            None => os_seed()?,
        };
        let anchor = read_anchor();
        // Before a recording is begun: a daemon that finds another with its credential or at its socket must not overwrite its
        // recording. The credential first: a socket of the same name may be another station's.
        let group = config.control_group.as_deref();
        let credentials: Vec<_> = pool.identities().map(Identity::digest).collect();
        let places = || ControlHandler::places(&config.control, group, &options.config);
        let lock = CredentialLock::take(&credentials)
            .map_err(|in_use| DaemonError::from(in_use.compared_with(&places())))?;
        let others = config.control_rights;
        let mut control =
            ControlHandler::open(&config.control, group, others, &options.config, anchor.instant)
                .map_err(DaemonError::from)?;
        control.leave_to_the_station(OwnContent::of(&config.roadside));
        let joined = link::join(&config.link, keeper.as_mut())?;
        let rejoin = keeper.as_ref().map(|keeper| -> Box<dyn Rejoin> { Box::new(keeper.rejoiner()) });
        let (radio, capture) = link::open_kept(&config.link, rejoin)?;
        let json = options.json.as_deref().or(config.report.json.as_deref());
        let outputs = Outputs::start(console, capture, json)?;
        let recorder = match &options.record {
            Some(path) => {
                let header = recorder::header(config, &pool, seed, anchor)?;
                let created = Recorder::create(path, &header);
                Some(created.map_err(|source| Error::File { path: path.clone(), source })?)
            }
            None => None,
        };
        let credentials = Credentials::new(&config.identity, &pool, &trust, lock, anchor.wire)?;
        let host = Box::new(credentials.host());
        let node = Node::with_host(config.station.clone(), pool, trust, seed, anchor, host);
        let timer =
            || DeadlineTimer::new().map_err(|source| Error::System { what: "making a timer", source });
        let on =
            |kind| signal(kind).map_err(|source| Error::System { what: "listening for signals", source });
        let system = |source| Error::System { what: "making a timer", source };
        let started = anchor.instant;
        let (terminate, interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        let mut listeners = Listeners::new(anchor);
        if let Some(news) = control.news() {
            listeners.feed.begin(news.clone());
        }
        if config.station.role == Role::Vehicle {
            let mut advisor = Advisor::new(node.digest());
            advisor.require_seal(config.seal_required);
            listeners.advisor = Some(advisor);
            listeners.alerts = config.alerts.then(Triggers::default);
        }
        let station = Station::new(node, radio, recorder).map_err(system)?;
        let station = station.checking_ahead(credentials.checked_ahead());
        let roadside = Unit::start(config, &options.config, started)?;
        listeners.inbox = roadside.is_some().then(Inbox::default);
        let positions = PositionSource::start(&config.position)?;
        control.take_positions(positions.inlet());
        Ok(Self {
            station,
            listeners,
            control,
            positions,
            roadside,
            load: config.load.as_ref().map(|load| LoadGenerator::new(load, started + LOAD_DELAY)),
            application: timer()?,
            upkeep: timer()?,
            terminate,
            interrupt,
            reload: on(SignalKind::hangup())?,
            credentials,
            revocations: RevocationFiles::new(&config.revocations),
            machine_clock: MachineClock::new(config.clock.asks(), anchor),
            timekeeper: Timekeeper::new(config.clock.trust, config.position.line_speed()),
            clock_told: None,
            sending_told: None,
            report_every: config.report.every,
            started,
            keeper,
            joined,
            link_news: LinkNews::default(),
            interface: config.link.medium.interface().to_owned(),
            processor: ProcessorMeter::start(),
            longest_turn: Arc::default(),
            ran: options.ran.clone(),
            outputs,
            overload: Overload::default(),
            position_told: false,
            manager: ServiceManager::of_this_process(),
        })
    }
}

/// Test traffic starts when the first position has had time to come.
const LOAD_DELAY: Duration = Duration::from_secs(1);
