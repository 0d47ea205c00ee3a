use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex,
    split,
};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::*;
use crate::remote::testing::daemon;

/// A unit with a daemon that speaks the protocol as far as these tests go, in a folder of its own.
struct Unit {
    folder: PathBuf,
    stations: Vec<StationSettings>,
    log: AuditLog,
}

/// A peer's end of a control connection.
struct Peer {
    to: WriteHalf<DuplexStream>,
    from: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: JoinHandle<()>,
}

impl Unit {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("roadcast-visit-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = AuditLog::open(&folder.join("remote.log")).unwrap();
        let station = StationSettings { name: "rsu-7".to_owned(), socket: folder.join("rsu-7.sock") };
        Self { folder, stations: vec![station], log }
    }

    fn daemon(&self, own: Right) -> JoinHandle<()> {
        daemon(&self.stations[0].socket, own)
    }

    fn visitor(&self, rights: Option<Right>) -> Visitor {
        let who = Who { peer: "desk".to_owned(), key: "deskkey".to_owned(), visit: 1 };
        Visitor { who, rights, allowance: Arc::default() }
    }

    fn open(&self, visitor: &Visitor, gone: impl Future<Output = ()> + Send + 'static) -> Peer {
        let (ours, theirs) = duplex(64 * 1024);
        let ((from, to), (reader, writer)) = (split(ours), split(theirs));
        let (stations, log, visitor) = (self.stations.clone(), self.log.clone(), visitor.clone());
        let served =
            tokio::spawn(async move { visit(reader, writer, gone, &visitor, &stations, &log).await });
        Peer { to, from: BufReader::new(from).lines(), served }
    }

    async fn peer(&self, rights: Option<Right>) -> Peer {
        self.open(&self.visitor(rights), core::future::pending())
    }

    /// The log, an object a line.
    fn logged(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("remote.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

impl Peer {
    async fn say(&mut self, line: &str) {
        self.to.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Option<Value> {
        let line = self.from.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn ask(&mut self, line: &str) -> Value {
        self.say(line).await;
        self.hear().await.unwrap()
    }
}

#[tokio::test]
async fn lines_pass_both_ways_and_reading_leaves_one_line_in_the_log() {
    let unit = Unit::new("read");
    let daemon = unit.daemon(Right::Administer);
    let mut peer = unit.peer(Some(Right::Read)).await;
    assert_eq!(
        peer.ask(r#"{"v":1}"#).await,
        json!({ "v": 1, "ok": true, "station": "rsu-7", "rights": "read" })
    );
    assert_eq!(peer.ask(r#"{"hazard":"list","id":5}"#).await, json!({ "ok": true, "id": 5 }));
    assert_eq!(peer.ask(r#"{"hazard":"watch"}"#).await["watch"], "started");
    assert_eq!(peer.hear().await.unwrap()["watch"], "hazard");
    let logged = unit.logged();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(
        (&logged[0]["what"], &logged[0]["peer"], &logged[0]["key"]),
        (&"connected".into(), &"desk".into(), &"deskkey".into())
    );
    assert_eq!((&logged[0]["rights"], &logged[0]["station"]), (&"read".into(), &"rsu-7".into()));
    daemon.abort();
}

#[tokio::test]
async fn what_declares_is_logged_with_its_answer_and_refused_by_the_daemon_to_who_may_only_read() {
    let unit = Unit::new("declare");
    let daemon = unit.daemon(Right::Administer);
    for (right, reason) in [(Right::Read, json!("right_missing")), (Right::Declare, Value::Null)] {
        let mut peer = unit.peer(Some(right)).await;
        assert_eq!(peer.ask(r#"{"station":"rsu-7"}"#).await["rights"], right.name());
        // A list first: answers are counted, not guessed.
        assert_eq!(peer.ask(r#"{"hazard":"list"}"#).await["ok"], true);
        let answer = peer.ask(r#"{"hazard":"new","cause":"accident"}"#).await;
        assert_eq!(answer["reason"], reason);
        let logged = unit.logged();
        let [.., asked, answered] = &logged[..] else { panic!("{logged:?}") };
        assert_eq!(
            (&asked["what"], &asked["asks"], &asked["request"]),
            (&"asked".into(), &"hazard new".into(), &2.into())
        );
        assert_eq!(
            (&asked["line"], &asked["bytes"]),
            (&r#"{"hazard":"new","cause":"accident"}"#.into(), &35.into())
        );
        assert_eq!((&answered["what"], &answered["request"]), (&"answered".into(), &2.into()));
        assert_eq!((&answered["ok"], &answered["reason"]), (&answer["ok"], &reason));
        assert_eq!(answered["event"], answer["event"]);
    }
    daemon.abort();
}

#[tokio::test]
async fn rights_are_those_of_the_peer_and_of_the_bridge_s_own_user_whichever_are_less() {
    let unit = Unit::new("less");
    let daemon = unit.daemon(Right::Declare);
    let mut peer = unit.peer(Some(Right::Administer)).await;
    assert_eq!(peer.ask("{}").await["rights"], "declare");
    assert_eq!(peer.ask(r#"{"station":"reload"}"#).await["reason"], "right_missing");
    daemon.abort();
}

#[tokio::test]
async fn who_has_no_right_and_who_means_another_station_is_refused_by_name_and_logged() {
    let mut unit = Unit::new("refused");
    let daemon = unit.daemon(Right::Administer);
    let refused = async |unit: &Unit, rights, first: &str| {
        let mut peer = unit.peer(rights).await;
        let answer = peer.ask(first).await;
        assert_eq!((&answer["ok"], peer.hear().await), (&false.into(), None), "{answer}");
        let logged = unit.logged().pop().unwrap();
        assert_eq!((&logged["what"], &logged["reason"]), (&"refused".into(), &answer["reason"]));
        answer["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&unit, None, "{}").await, "rights_none");
    assert_eq!(refused(&unit, Some(Right::Read), r#"{"station":"other"}"#).await, "station_unknown");
    assert_eq!(refused(&unit, Some(Right::Read), "GET / HTTP/1.1").await, "bad_request");
    assert_eq!(refused(&unit, Some(Right::Read), &"x".repeat(5000)).await, "bad_request");
    unit.stations
        .push(StationSettings { name: "rsu-8".to_owned(), socket: unit.folder.join("nowhere.sock") });
    assert_eq!(refused(&unit, Some(Right::Read), "{}").await, "station_ambiguous");
    assert_eq!(refused(&unit, Some(Right::Read), r#"{"station":"rsu-8"}"#).await, "no_daemon");
    daemon.abort();
}

#[tokio::test]
async fn refusals_of_the_bridge_come_in_their_turn() {
    let unit = Unit::new("turn");
    let daemon = unit.daemon(Right::Administer);
    let mut peer = unit.peer(Some(Right::Declare)).await;
    assert_eq!(peer.ask("{}").await["ok"], true);
    let lines = [
        r#"{"hazard":"list","id":1}"#,
        r#"{"encoding":"protobuf","id":2}"#,
        r#"{"hazard":"new","cause":"accident","id":3}"#,
        r#"{"afar":{"frame":"00","peer":1},"id":4}"#,
        r#"{"hazard":"list","id":5}"#,
    ];
    peer.say(&lines.join("\n")).await;
    for (id, reason) in [(1, ""), (2, "remote_json_only"), (3, ""), (4, "remote_not_afar"), (5, "")] {
        let answer = peer.hear().await.unwrap();
        assert_eq!(
            (&answer["id"], answer["reason"].as_str().unwrap_or_default()),
            (&id.into(), reason),
            "{answer}"
        );
    }
    daemon.abort();
}

#[tokio::test]
async fn nothing_is_carried_out_that_cannot_be_logged_and_reading_goes_on() {
    let unit = Unit::new("full");
    let daemon = unit.daemon(Right::Administer);
    let mut visitor = unit.visitor(Some(Right::Administer));
    visitor.who.peer = "desk".to_owned();
    let log = AuditLog::full();
    let (ours, theirs) = duplex(64 * 1024);
    let ((from, to), (reader, writer)) = (split(ours), split(theirs));
    let stations = unit.stations.clone();
    let served = tokio::spawn(async move {
        visit(reader, writer, core::future::pending(), &visitor, &stations, &log).await
    });
    let mut peer = Peer { to, from: BufReader::new(from).lines(), served };
    assert_eq!(peer.ask("{}").await["ok"], true);
    assert_eq!(peer.ask(r#"{"hazard":"list"}"#).await["ok"], true);
    let refused = peer.ask(r#"{"hazard":"new","cause":"accident","id":"a"}"#).await;
    assert_eq!((&refused["reason"], &refused["id"]), (&"log_unwritable".into(), &"a".into()));
    daemon.abort();
}

#[tokio::test]
async fn a_peer_cannot_write_over_the_log_by_asking_much() {
    let unit = Unit::new("much");
    let daemon = unit.daemon(Right::Administer);
    let visitor = unit.visitor(Some(Right::Declare));
    let mut refused = 0;
    for _ in 0..3 {
        let mut peer = unit.open(&visitor, core::future::pending());
        assert_eq!(peer.ask("{}").await["ok"], true);
        for _ in 0..30 {
            let answer = peer.ask(r#"{"hazard":"new","cause":"accident"}"#).await;
            refused += u32::from(answer["reason"] == "remote_too_many");
        }
    }
    let asked = unit.logged().iter().filter(|entry| entry["what"] == "asked").count();
    assert!(refused > 0 && asked + refused as usize == 90, "{refused} refused, {asked} asked");
    daemon.abort();
}

#[tokio::test]
async fn half_a_line_is_passed_to_nobody_and_a_long_one_ends_the_connection() {
    let unit = Unit::new("half");
    let daemon = unit.daemon(Right::Administer);
    let mut peer = unit.peer(Some(Right::Administer)).await;
    assert_eq!(peer.ask("{}").await["ok"], true);
    peer.to.write_all(br#"{"station":"reload"}"#).await.unwrap();
    // The connection ends within the line: the daemon would have hung up at this request, and hears none.
    peer.to.shutdown().await.unwrap();
    assert_eq!(peer.hear().await, None);
    peer.served.await.unwrap();
    assert!(unit.logged().iter().all(|entry| entry["what"] == "connected"));

    let mut peer = unit.peer(Some(Right::Read)).await;
    assert_eq!(peer.ask("{}").await["ok"], true);
    peer.to.write_all(&vec![b'x'; LONGEST_REQUEST + 10_000]).await.unwrap();
    assert_eq!(peer.hear().await.unwrap()["reason"], "bad_request");
    assert_eq!(peer.hear().await, None);
    daemon.abort();
}

#[tokio::test]
async fn a_daemon_that_ends_ends_the_connection_and_the_next_one_reaches_its_successor() {
    let unit = Unit::new("restart");
    let daemon = unit.daemon(Right::Administer);
    let mut peer = unit.peer(Some(Right::Administer)).await;
    assert_eq!(peer.ask("{}").await["ok"], true);
    peer.say(r#"{"station":"reload"}"#).await;
    assert_eq!(peer.hear().await, None);
    peer.served.await.unwrap();
    let last = unit.logged().pop().unwrap();
    assert_eq!((&last["what"], &last["request"], &last["ok"]), (&"answered".into(), &1.into(), &Value::Null));
    daemon.abort();
    drop(daemon.await);
    let daemon = unit.daemon(Right::Administer);
    let mut peer = unit.peer(Some(Right::Administer)).await;
    assert_eq!(peer.ask("{}").await["ok"], true);
    daemon.abort();
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_ended_after_a_minute_and_one_that_is_gone_at_once() {
    let unit = Unit::new("slow");
    let daemon = unit.daemon(Right::Administer);
    let mut peer = unit.open(&unit.visitor(Some(Right::Read)), core::future::pending());
    assert_eq!(peer.ask("{}").await["ok"], true);
    tokio::time::pause();
    let asking = tokio::spawn(async move {
        let line = format!("{{\"hazard\":\"list\",\"id\":\"{}\"}}\n", "x".repeat(60)).repeat(10_000);
        drop(peer.to.write_all(line.as_bytes()).await);
        peer.served.await.unwrap();
        drop(peer.from);
    });
    asking.await.unwrap();
    tokio::time::resume();

    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let mut peer = unit.open(&unit.visitor(Some(Right::Read)), async move { drop(told.await) });
    assert_eq!(peer.ask("{}").await["ok"], true);
    drop(tell);
    peer.served.await.unwrap();
    daemon.abort();
}

#[tokio::test]
async fn a_daemon_that_is_none_or_never_ends_a_line_gives_no_more_than_a_refusal() {
    let unit = Unit::new("none");
    for said in [&b"garbage\n"[..], &[b'x'; 2 * LONGEST_ANSWER], br#"{"ok":true,"rights":"root"}"#, b""] {
        let socket = &unit.stations[0].socket;
        drop(fs::remove_file(socket));
        let listener = UnixListener::bind(socket).unwrap();
        let said = said.to_vec();
        let daemon = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(stream.write_all(&said).await);
            drop(stream.shutdown().await);
            drop(stream.read_to_end(&mut Vec::new()).await);
        });
        let mut peer = unit.peer(Some(Right::Read)).await;
        assert_eq!(peer.ask("{}").await["reason"], "no_daemon");
        daemon.abort();
    }
}
