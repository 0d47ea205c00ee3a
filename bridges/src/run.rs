//! `roadcast-bridge run`: every link of the configuration, until the program is ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::board::Board;
use crate::broker::{BrokerLink, Updates};
use crate::clock;
use crate::config::{Config, load_relay};
use crate::error::BridgeError;
use crate::hub::{Hub, Refused};
use crate::operator::air;
use crate::operator::over_peers::{self, OperatorHandler};
use crate::operator::unit::Unit;
use crate::peers::{Handlers, OPERATOR_ALPN, PeerKey, Peers, REMOTE_ALPN, read_key};
use crate::relay::{Relay, RelaySettings};
use crate::remote::{AuditLog, RemoteDesk};
use crate::rendezvous::{self, OfferCarrier};
use crate::socket::{self, Socket};
use crate::station::StationLink;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What cannot be opened at the start; afterwards nothing ends it.
pub async fn run(config: Config) -> Result<(), BridgeError> {
    let (hub, board) = (Hub::new(), Board::new());
    let mut tasks = JoinSet::new();
    let path = config.bridge.socket.clone().unwrap_or_else(socket::default_path);
    let socket =
        Socket::open(&path).await.map_err(|source| BridgeError::Socket { path: path.clone(), source })?;
    let links: Vec<Arc<StationLink>> = config.stations.iter().cloned().map(StationLink::new).collect();
    for link in &links {
        tasks.spawn(Arc::clone(link).run(hub.clone()));
    }
    let unit = config.operator.clone().map(|settings| Unit::new(settings, clock::now));
    let mut handlers = Handlers::new();
    if let Some(unit) = &unit {
        handlers.insert(OPERATOR_ALPN.to_vec(), Arc::new(OperatorHandler(Arc::clone(unit))));
    }
    let (peers, offers) = peers(&config, &hub, &board, handlers).await?;
    let updates =
        unit.clone().map_or_else(Updates::none, |unit| Updates::new(move || unit.report()["kinds"].take()));
    let broker = broker(&config, &hub, &board, offers, updates)?;
    if let Some(unit) = &unit {
        follow_operator(unit, &hub, &board, peers.clone(), &mut tasks);
    }
    describe(&board, &config, &hub, links);
    println!("roadcast-bridge {} serves {}", config.bridge.name, shown(&path));
    {
        let (board, hub) = (board.clone(), hub.clone());
        tasks.spawn(async move { socket.serve(board, hub).await });
    }
    ended().await?;
    if let Some(unit) = unit {
        unit.end();
    }
    if let Some(peers) = peers {
        peers.close().await;
    }
    if let Some(broker) = broker {
        broker.stop().await;
    }
    tasks.shutdown().await;
    Ok(())
}

/// Runs a relay until SIGTERM or SIGINT. At SIGHUP it takes the list of keys in `file` as that is then.
///
/// # Errors
/// What cannot be opened at the start; afterwards nothing ends it.
pub async fn relay(file: &Path, settings: &RelaySettings) -> Result<(), BridgeError> {
    let relay = Relay::start(settings).await?;
    let address = relay.address().unwrap_or(settings.listen);
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let allowed = settings.allow.len();
    println!("roadcast-bridge relay serves {scheme}://{address}, {allowed} keys");
    if let Some(address) = relay.quic_address() {
        println!("roadcast-bridge relay tells bridges their address at {address} (UDP)");
    }
    let mut hangup = signal(SignalKind::hangup()).map_err(no_signals)?;
    let mut end = std::pin::pin!(ended());
    loop {
        tokio::select! {
            done = &mut end => break done?,
            _ = hangup.recv() => match load_relay(file) {
                Ok(next) => {
                    relay.allow(&next.allow);
                    info!(target: "relay", keys = next.allow.len(), "took the list of keys; the other settings are read at the start");
                }
                Err(error) => warn!(target: "relay", "{error}; the list before it stays"),
            },
        }
    }
    let (connected, refused) = relay.counts();
    info!(target: "relay", connected, refused, "ending");
    relay.stop().await;
    Ok(())
}

const fn no_signals(source: std::io::Error) -> BridgeError {
    BridgeError::System { what: "waiting for signals", source }
}

/// SIGTERM or SIGINT.
async fn ended() -> Result<(), BridgeError> {
    let mut term = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut int = signal(SignalKind::interrupt()).map_err(no_signals)?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// The peers, where some are configured, and the offers to meet that a broker carries for them.
async fn peers(
    config: &Config,
    hub: &Hub,
    board: &Board,
    mut handlers: Handlers,
) -> Result<(Option<Peers>, Option<OfferCarrier>), BridgeError> {
    let (Some(settings), Some(file)) = (&config.peers, &config.bridge.key) else { return Ok((None, None)) };
    let key = read_key(file)?;
    if let Some(log) = &config.remote_log {
        let desk = RemoteDesk::new(config.stations.clone(), AuditLog::open(log)?);
        handlers.insert(REMOTE_ALPN.to_vec(), Arc::new(desk.clone()));
        board.add("remote", move || desk.status());
    }
    let met = settings.rendezvous.then(|| rendezvous::channel(PeerKey::of(&key).plain()));
    let (meetings, offers) = met.unzip();
    let peers = Peers::start(settings, &key, hub, handlers, meetings).await?;
    peers.describe(board);
    info!(target: "peer", key = %peers.key(), "known by this key");
    Ok((Some(peers), offers))
}

/// The broker, where one is configured.
fn broker(
    config: &Config,
    hub: &Hub,
    board: &Board,
    offers: Option<OfferCarrier>,
    updates: Updates,
) -> Result<Option<BrokerLink>, BridgeError> {
    let Some(settings) = &config.broker else { return Ok(None) };
    let broker = BrokerLink::start(settings, &config.bridge.name, hub, offers, updates)?;
    board.add("broker", broker.status());
    Ok(Some(broker))
}

/// What comes from the operator: over links, and told of on the air.
fn follow_operator(
    unit: &Arc<Unit>,
    hub: &Hub,
    board: &Board,
    peers: Option<Peers>,
    tasks: &mut JoinSet<()>,
) {
    let shown = Arc::clone(unit);
    board.add("operator", move || {
        let mut report = shown.report();
        // They are a section of their own, so that each has a name in the figures.
        report["kinds"].take();
        report
    });
    let each = Arc::clone(unit);
    board.add("update", move || each.report()["kinds"].take());
    tasks.spawn(air::hear(Arc::clone(unit), hub.clone()));
    tasks.spawn(air::announce(Arc::clone(unit)));
    tasks.spawn(over_peers::keep_asking(Arc::clone(unit), peers));
}

fn describe(board: &Board, config: &Config, hub: &Hub, links: Vec<Arc<StationLink>>) {
    let (name, began) = (config.bridge.name.clone(), Instant::now());
    board.add("bridge", move || {
        json!({ "software": concat!("roadcast-bridge ", env!("CARGO_PKG_VERSION")), "own_name": name, "uptime_s": began.elapsed().as_secs() })
    });
    board.add("station", move || links.iter().map(|link| link.status()).collect());
    let hub = hub.clone();
    board.add("end", move || ends(&hub));
}

/// What passed each end.
fn ends(hub: &Hub) -> Value {
    let each = hub.ends().into_iter().map(|(name, counts)| {
        let refused: serde_json::Map<String, Value> = Refused::ALL
            .into_iter()
            .zip(counts.refused)
            .map(|(why, count)| (why.name().to_owned(), count.into()))
            .collect();
        json!({
            "name": name,
            "offered": counts.offered,
            "waiting": counts.waiting,
            "replaced": counts.pending.replaced,
            "expired": counts.pending.expired,
            "no_room": counts.pending.no_room,
            "taken": counts.taken,
            "station_full": counts.station_full,
            "refused": refused,
        })
    });
    each.collect()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
