//! The unit's side: every stream of a peer is a control connection, and no peer has many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use iroh::endpoint::{Connection, RecvStream, SendStream};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::audit::{AuditLog, Who};
use super::opening::RemoteRefusal;
use super::visit::{Allowance, Visitor, refuse, visit};
use crate::peers::{Handler, PeerIdentity, PeerKey};
use crate::station::StationSettings;

/// Serves remote control of this machine's stations; clones are the same.
#[derive(Clone, Debug)]
pub struct RemoteDesk {
    shared: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    stations: Vec<StationSettings>,
    log: AuditLog,
    /// By key: what a peer has does not begin anew when it comes back.
    guests: Mutex<BTreeMap<PeerKey, Arc<Guest>>>,
    visits: AtomicU64,
    refused: AtomicU64,
    /// Of all peers.
    places: Arc<Semaphore>,
}

/// A peer, on all its connections.
#[derive(Debug)]
struct Guest {
    allowance: Arc<Allowance>,
    places: Arc<Semaphore>,
}

impl RemoteDesk {
    /// For these stations.
    #[must_use]
    pub fn new(stations: Vec<StationSettings>, log: AuditLog) -> Self {
        let (visits, refused, places) =
            (AtomicU64::new(0), AtomicU64::new(0), Arc::new(Semaphore::new(MOST_VISITS)));
        Self { shared: Arc::new(Desk { stations, log, guests: Mutex::default(), visits, refused, places }) }
    }

    /// What the bridge shows of it.
    #[must_use]
    pub fn status(&self) -> Value {
        let Desk { visits, refused, places, .. } = &*self.shared;
        json!({
            "open": MOST_VISITS - places.available_permits(),
            "connections": visits.load(Ordering::Relaxed),
            "refused_busy": refused.load(Ordering::Relaxed),
        })
    }
}

impl Handler for RemoteDesk {
    fn serve(&self, peer: PeerIdentity, connection: Connection) -> BoxFuture<'static, ()> {
        let desk = Arc::clone(&self.shared);
        Box::pin(async move { desk.serve(peer, connection).await })
    }
}

impl Desk {
    async fn serve(self: Arc<Self>, peer: PeerIdentity, connection: Connection) {
        // The endpoint lets a peer open 64 at a time; the rest waits there. A lower limit set here would stall the connection for good
        // once that many were open (noq 1.4.0).
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                stream = connection.accept_bi() => match stream {
                    Ok((to, from)) => drop(visits.spawn(Arc::clone(&self).one(peer.clone(), from, to))),
                    Err(_) => break,
                },
                Some(_) = visits.join_next() => {}
            }
        }
        // Each has its stream's error by now, and writes down what was not answered.
        drop(timeout(ENDING, async { while visits.join_next().await.is_some() {} }).await);
    }

    async fn one(self: Arc<Self>, peer: PeerIdentity, from: RecvStream, mut to: SendStream) {
        let guest = self.guest(peer.key);
        let places = guest.as_ref().map(|guest| Arc::clone(&guest.places).try_acquire_owned());
        let (Some(guest), Some(Ok(_of_the_peer)), Ok(_of_all)) =
            (guest, places, Arc::clone(&self.places).try_acquire_owned())
        else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let error = format!(
                "{MOST_OF_A_PEER} control connections of a peer, and {MOST_VISITS} of all, are the most at a time"
            );
            return refuse(&mut to, &RemoteRefusal::new("busy", error)).await;
        };
        let number = self.visits.fetch_add(1, Ordering::Relaxed) + 1;
        let who = Who { peer: peer.name, key: peer.key.to_string(), visit: number };
        let visitor = Visitor { who, rights: peer.rights, allowance: Arc::clone(&guest.allowance) };
        let stopped = to.stopped();
        let gone = async { drop(stopped.await) };
        visit(from, to, gone, &visitor, &self.stations, &self.log).await;
    }

    /// What is known of a peer; `None` when there is no room for another.
    fn guest(&self, key: PeerKey) -> Option<Arc<Guest>> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if !guests.contains_key(&key) && guests.len() >= MOST_GUESTS {
            let idle = guests.iter().find(|(_, guest)| Arc::strong_count(guest) == 1).map(|(key, _)| *key)?;
            guests.remove(&idle);
        }
        let new = || {
            let places = Arc::new(Semaphore::new(MOST_OF_A_PEER));
            Arc::new(Guest { allowance: Arc::default(), places })
        };
        Some(Arc::clone(guests.entry(key).or_insert_with(new)))
    }
}

/// Control connections of a peer at a time: a person with a table, a map with its sessions and a program or two.
const MOST_OF_A_PEER: usize = 16;
/// Of all peers: half the places that a daemon has for others than its user.
const MOST_VISITS: usize = 24;
/// Peers of which something is known, as many as a configuration names.
const MOST_GUESTS: usize = 1024;
const ENDING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use ed25519_dalek::SigningKey;
    use tokio::task::JoinHandle;
    use v2x_api::Right;

    use super::super::error::RemoteError;
    use super::super::line::LineReader;
    use super::super::link::{Opens as _, UnitLink, Watched as _};
    use super::super::testing::daemon;
    use super::*;
    use crate::hub::Hub;
    use crate::peers::{Handlers, PeerSettings, PeerTerms, Peers, PeersSettings, REMOTE_ALPN};

    /// A unit on loopback, and the machines of operators that know it.
    struct Road {
        folder: PathBuf,
        unit: Peers,
        desk: RemoteDesk,
        daemon: JoinHandle<()>,
    }

    fn named(name: &str, seed: u8, rights: Option<Right>, unit: Option<&Peers>) -> PeerSettings {
        let key =
            PeerKey::from_bytes(SigningKey::from_bytes(&[seed; 32]).verifying_key().as_bytes()).unwrap();
        let addresses = unit.map(Peers::addresses).unwrap_or_default();
        let terms = PeerTerms { rights, ..PeerTerms::default() };
        PeerSettings { name: name.to_owned(), key, addresses, relays: Vec::new(), terms }
    }

    fn settings(peers: Vec<PeerSettings>) -> PeersSettings {
        PeersSettings { listen: vec!["127.0.0.1:0".parse().unwrap()], peers, ..PeersSettings::default() }
    }

    impl Road {
        async fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("roadcast-serve-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let socket = folder.join("rsu-7.sock");
            let daemon = daemon(&socket, Right::Administer);
            let log = AuditLog::open(&folder.join("remote.log")).unwrap();
            let desk = RemoteDesk::new(vec![StationSettings { name: "rsu-7".to_owned(), socket }], log);
            let handlers: Handlers =
                [(REMOTE_ALPN.to_vec(), Arc::new(desk.clone()) as Arc<dyn Handler>)].into();
            let known = [(2, Some(Right::Read)), (3, Some(Right::Declare)), (4, None)];
            let known = known.map(|(seed, rights)| named(&format!("desk-{seed}"), seed, rights, None));
            let key = SigningKey::from_bytes(&[1; 32]);
            let unit =
                Peers::start(&settings(known.to_vec()), &key, &Hub::new(), handlers, None).await.unwrap();
            Self { folder, unit, desk, daemon }
        }

        /// The machine with this key.
        async fn operator(&self, seed: u8) -> Peers {
            let settings = settings(vec![named("rsu-7", 1, None, Some(&self.unit))]);
            Peers::dial_only(&settings, &SigningKey::from_bytes(&[seed; 32])).await.unwrap()
        }

        fn logged(&self, what: &str) -> Vec<Value> {
            let text = fs::read_to_string(self.folder.join("remote.log")).unwrap();
            let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            entries.filter(|entry| entry["what"] == what).collect()
        }
    }

    impl Drop for Road {
        fn drop(&mut self) {
            self.daemon.abort();
            drop(fs::remove_dir_all(&self.folder));
        }
    }

    async fn ask<R: tokio::io::AsyncRead + Unpin>(
        from: &mut LineReader<R>,
        to: &mut SendStream,
        line: &str,
    ) -> Value {
        to.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        serde_json::from_slice(&from.next().await.unwrap().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_peer_drives_the_unit_as_far_as_its_rights_go_and_the_unit_knows_its_key() {
        let road = Road::new("drive").await;
        for (seed, reason) in [(2, json!("right_missing")), (3, Value::Null)] {
            let peers = road.operator(seed).await;
            let link = UnitLink::new(&peers, "rsu-7", None);
            let mut carried = link.open().await.unwrap();
            let asked = r#"{"hazard":"new","cause":"accident"}"#;
            assert_eq!(ask(&mut carried.from, &mut carried.to, asked).await["reason"], reason);
            assert!(!link.way().await.unwrap().relayed);
            let (asked, answered) =
                (road.logged("asked").pop().unwrap(), road.logged("answered").pop().unwrap());
            assert_eq!(
                (&asked["peer"], &asked["key"]),
                (&format!("desk-{seed}").into(), &peers.key().to_string().into())
            );
            assert_eq!((&answered["reason"], &answered["visit"]), (&reason, &asked["visit"]));
        }
        let none = road.operator(4).await;
        let refused = UnitLink::new(&none, "rsu-7", None).open().await.unwrap_err();
        assert_eq!(
            (
                refused.reason(),
                refused.to_string().starts_with("peer rsu-7 refused: peer desk-4 has no right")
            ),
            ("rights_none", true)
        );
        let stranger = road.operator(5).await;
        let refused = UnitLink::new(&stranger, "rsu-7", None).open().await.unwrap_err();
        assert!(
            matches!(refused, RemoteError::Connect(_)) && refused.to_string().contains("does not admit"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_thousand_streams_of_a_peer_are_sixteen_at_a_time_and_another_peer_finds_room() {
        let road = Road::new("streams").await;
        let peers = road.operator(2).await;
        let greedy = peers.connect("rsu-7", REMOTE_ALPN).await.unwrap();
        let mut held = Vec::new();
        let mut busy = 0;
        // Each waits until the unit lets it open: what is refused makes room for the next.
        for _ in 0..1000 {
            let (mut to, from) = greedy.open_bi().await.unwrap();
            if to.write_all(b"{}\n").await.is_err() {
                continue;
            }
            let mut from = LineReader::new(from, 1024);
            let line = from.next().await.unwrap().unwrap_or_default();
            let answer: Value = serde_json::from_slice(&line).unwrap();
            match answer["reason"].as_str() {
                None => held.push((from, to)),
                Some("busy" | "remote_too_many") => busy += 1,
                Some(other) => panic!("{other}"),
            }
        }
        assert!(
            held.len() <= MOST_OF_A_PEER && held.len() + busy == 1000,
            "{} held, {busy} refused",
            held.len()
        );
        let other = road.operator(3).await;
        assert!(UnitLink::new(&other, "rsu-7", None).open().await.is_ok());
        assert_eq!(road.desk.status()["open"].as_u64(), Some(held.len() as u64 + 1));
    }

    #[tokio::test]
    async fn a_connection_that_is_lost_is_dialled_again() {
        let road = Road::new("again").await;
        let peers = road.operator(2).await;
        let link = UnitLink::new(&peers, "rsu-7", None);
        let first = link.open().await.unwrap();
        link.close_for_a_test().await;
        drop(first);
        let mut second = link.open().await.unwrap();
        assert_eq!(ask(&mut second.from, &mut second.to, r#"{"hazard":"list"}"#).await["ok"], true);
        assert_eq!(Path::new("rsu-7"), Path::new(link.name()));
    }

    #[test]
    fn a_peer_that_comes_back_finds_what_it_had_and_none_is_without_bound() {
        let folder = std::env::temp_dir().join(format!("roadcast-desk-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let desk = RemoteDesk::new(Vec::new(), AuditLog::open(&folder.join("remote.log")).unwrap()).shared;
        let key = |seed: u16| {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&seed.to_le_bytes());
            PeerKey::from(iroh::SecretKey::from_bytes(&bytes).public())
        };
        let first = desk.guest(key(0)).unwrap();
        assert!(Arc::ptr_eq(&first, &desk.guest(key(0)).unwrap()));
        let held: Vec<_> = (1..MOST_GUESTS as u16).map(|seed| desk.guest(key(seed)).unwrap()).collect();
        assert!(desk.guest(key(9999)).is_none(), "all are here");
        drop(held);
        assert!(desk.guest(key(9999)).is_some());
        assert!(Arc::ptr_eq(&first, &desk.guest(key(0)).unwrap()), "who is here stays");
        fs::remove_dir_all(folder).unwrap();
    }
}
