//! A control connection of a peer at the unit: its lines go to the daemon, the daemon's to it, and what asks for more than reading is
//! written down on the way.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;
use v2x_api::{Answer, LONGEST_REQUEST, Request, Right};

use super::audit::{AuditLog, Entry, Who, beginning};
use super::line::{LineError, LineReader};
use super::opening::{LONGEST_OPENING, Opened, Opening, RemoteRefusal};
use super::request::{Judged, judge};
use crate::budget::{Budget, BudgetLimits};
use crate::station::StationSettings;

/// A peer on a control connection.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub who: Who,
    /// What it may do; `None`: nothing.
    pub rights: Option<Right>,
    /// What is written down for it; of all its connections together.
    pub allowance: Arc<Allowance>,
}

/// What a peer may have written down, so that none fills the log with its own, and what went before it.
#[derive(Debug)]
pub(super) struct Allowance {
    began: Instant,
    requests: Mutex<Budget>,
    connections: Mutex<Budget>,
}

impl Default for Allowance {
    fn default() -> Self {
        let [requests, connections] = [REQUESTS, CONNECTIONS].map(|limits| Mutex::new(Budget::new(limits)));
        Self { began: Instant::now(), requests, connections }
    }
}

impl Allowance {
    fn take(&self, from: &Mutex<Budget>, bytes: usize) -> bool {
        from.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, self.began.elapsed())
    }
}

/// Serves a connection from its first line until either side ends it, or `gone`: the peer takes nothing more.
pub(super) async fn visit(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    gone: impl Future<Output = ()>,
    visitor: &Visitor,
    stations: &[StationSettings],
    log: &AuditLog,
) {
    let mut from = LineReader::new(from, LONGEST_OPENING);
    let Entered { station, rights, requests, answers } = match begin(&mut from, visitor, stations, log).await
    {
        Ok(entered) => entered,
        Err(refusal) => return refuse(&mut to, &refusal).await,
    };
    let opened = Opened { station: station.name.clone(), rights };
    if send(&mut to, opened.line().as_bytes()).await.is_err() {
        return;
    }
    let (turns, mut due) = mpsc::channel(MOST_TURNS);
    let mut waiting = VecDeque::new();
    let visit = Visit { station: &station.name, visitor, log };
    let refusal = tokio::select! {
        // Whichever way the daemon's lines end, the peer's are of no use any longer; not the other way round.
        refusal = visit.ask(from.bounded(LONGEST_REQUEST), requests, turns) => refusal,
        () = visit.answer(answers, &mut to, &mut due, &mut waiting) => None,
        () = gone => None,
    };
    due.close();
    while let Ok(turn) = due.try_recv() {
        waiting.push_back(turn);
    }
    visit.unanswered(waiting).await;
    match refusal {
        Some(refusal) => refuse(&mut to, &refusal).await,
        None => drop(timeout(OPENING_PATIENCE, to.shutdown()).await),
    }
}

/// A connection to a daemon that has no more rights than the peer.
struct Entered<'s> {
    station: &'s StationSettings,
    rights: Right,
    requests: OwnedWriteHalf,
    answers: LineReader<OwnedReadHalf>,
}

/// The first line, and what becomes of it.
async fn begin<'s>(
    from: &mut LineReader<impl AsyncRead + Unpin>,
    Visitor { who, rights, allowance }: &Visitor,
    stations: &'s [StationSettings],
    log: &AuditLog,
) -> Result<Entered<'s>, RemoteRefusal> {
    if !allowance.take(&allowance.connections, 0) {
        let error = format!("more than {} control connections a second: wait", CONNECTIONS.messages_s);
        return Err(RemoteRefusal::new("remote_too_many", error));
    }
    let entered = async {
        let first = timeout(OPENING_PATIENCE, from.next()).await.ok().and_then(Result::ok).flatten();
        let Some(right) = *rights else {
            let error = format!(
                "peer {} has no right to remote control here: rights of its [[peer]], or of peers.admitted",
                who.peer
            );
            return Err(RemoteRefusal::new("rights_none", error));
        };
        let opening = Opening::parse(&first.unwrap_or_default())?;
        let station = choose(stations, opening.station.as_deref())?;
        enter(station, right).await
    };
    let entered = entered.await;
    let (entry, outcome) = match &entered {
        Ok(Entered { station, rights, .. }) => (
            Entry::Connected { station: &station.name, rights: rights.name() },
            format!("{rights} on {}", station.name),
        ),
        Err(refusal) => (Entry::Refused { reason: &refusal.reason }, format!("refused, {}", refusal.reason)),
    };
    tracing::info!(target: "remote", "{} ({}): {outcome}", who.peer, who.key);
    // Who only looks is let in all the same: a full disk is worth a look.
    if let Err(error) = log.write(now(), who, &entry).await {
        tracing::warn!(target: "remote", "the log of remote control cannot be written: {error}");
    }
    entered
}

fn choose<'s>(
    stations: &'s [StationSettings],
    name: Option<&str>,
) -> Result<&'s StationSettings, RemoteRefusal> {
    let names = || stations.iter().map(|station| &*station.name).collect::<Vec<_>>().join(", ");
    match (name, stations) {
        (_, []) => Err(RemoteRefusal::new(
            "station_unknown",
            "no station is configured there: [[station]] of its bridge",
        )),
        (None, [only]) => Ok(only),
        (None, _) => Err(RemoteRefusal::new(
            "station_ambiguous",
            format!("several stations: choose with --station one of {}", names()),
        )),
        (Some(name), _) => stations.iter().find(|station| station.name == name).ok_or_else(|| {
            let name: String = name.chars().take(64).collect();
            RemoteRefusal::new(
                "station_unknown",
                format!("no station {name:?} there; expected one of {}", names()),
            )
        }),
    }
}

/// Connects to a daemon and lowers the rights to those of both the peer and this program.
async fn enter(station: &StationSettings, right: Right) -> Result<Entered<'_>, RemoteRefusal> {
    let entered = async {
        let stream =
            UnixStream::connect(&station.socket).await.map_err(|error| no_daemon(&error.to_string()))?;
        let (reader, mut requests) = stream.into_split();
        let mut answers = LineReader::new(reader, LONGEST_ANSWER);
        let mut rights = ask_rights(&mut requests, &mut answers, None).await?;
        if rights > right {
            rights = ask_rights(&mut requests, &mut answers, Some(right)).await?;
        }
        // Whatever answers there: more than that is not given out.
        if rights > right {
            Err(no_daemon("it keeps its rights"))
        } else {
            Ok(Entered { station, rights, requests, answers })
        }
    };
    timeout(PATIENCE, entered).await.unwrap_or_else(|_| Err(no_daemon("no answer within a minute")))
}

async fn ask_rights(
    requests: &mut OwnedWriteHalf,
    answers: &mut LineReader<OwnedReadHalf>,
    right: Option<Right>,
) -> Result<Right, RemoteRefusal> {
    let line = format!("{}\n", Request::Rights(right).line());
    // A daemon that hangs up says why first.
    drop(requests.write_all(line.as_bytes()).await);
    let line = answers.next().await.map_err(|error| no_daemon(&error.to_string()))?;
    let answer: Answer = serde_json::from_slice(&line.unwrap_or_default()).unwrap_or_default();
    match (answer.rights.as_deref().and_then(Right::parse), answer.reason) {
        (Some(right), _) if answer.ok == Some(true) => Ok(right),
        (_, Some(reason)) => Err(RemoteRefusal { reason, error: answer.error.unwrap_or_default() }),
        _ => Err(no_daemon("what it answers is no answer")),
    }
}

fn no_daemon(error: &str) -> RemoteRefusal {
    RemoteRefusal::new("no_daemon", format!("the station's daemon does not answer there: {error}"))
}

/// What is due next on a connection.
enum Turn {
    /// An answer of the daemon's, to a request that was written down under this number, or to one that was not.
    Daemon(Option<u64>),
    /// An answer of ours.
    Ours(String),
}

/// A connection in its course.
struct Visit<'v> {
    station: &'v str,
    visitor: &'v Visitor,
    log: &'v AuditLog,
}

impl Visit<'_> {
    /// Passes requests on; ends when the connection is to end, with what is said to the peer then.
    async fn ask<R: AsyncRead + Unpin>(
        &self,
        mut from: LineReader<R>,
        mut requests: OwnedWriteHalf,
        turns: mpsc::Sender<Turn>,
    ) -> Option<RemoteRefusal> {
        let mut number = 0;
        loop {
            let line = match from.next().await {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(LineError::TooLong(most)) => {
                    return Some(RemoteRefusal::new(
                        "bad_request",
                        format!("a request of more than {most} bytes"),
                    ));
                }
                Err(LineError::Lost(_)) => return None,
            };
            number += 1;
            let turn = match judge(&line) {
                Judged::Read => Turn::Daemon(None),
                Judged::Refused(answer) => Turn::Ours(answer),
                Judged::Written(asks) => self.write_down(number, &asks, &line).await,
            };
            let passed = matches!(turn, Turn::Daemon(_));
            // Before the daemon can answer.
            turns.send(turn).await.ok()?;
            if passed && requests.write_all(&whole(&line)).await.is_err() {
                // The daemon has gone, and its last line may say why.
                return core::future::pending().await;
            }
        }
        // It said all, and may still read answers.
        drop((turns, requests));
        core::future::pending().await
    }

    async fn write_down(&self, request: u64, asks: &str, line: &[u8]) -> Turn {
        let Visitor { who, allowance, .. } = self.visitor;
        let refused = |reason: &str, error: String| {
            let object = serde_json::from_slice::<serde_json::Value>(line).ok();
            Turn::Ours(
                RemoteRefusal::new(reason, error).line(object.as_ref().and_then(|object| object.get("id"))),
            )
        };
        if !allowance.take(&allowance.requests, line.len()) {
            let BudgetLimits { messages_s, bytes_s } = REQUESTS;
            let error =
                format!("more than {messages_s} requests or {bytes_s} bytes a second beyond reading: wait");
            return refused("remote_too_many", error);
        }
        let text = beginning(line);
        let asked = Entry::Asked { station: self.station, request, asks, line: &text, bytes: line.len() };
        match self.log.write(now(), who, &asked).await {
            Ok(()) => {
                tracing::info!(target: "remote", "{} ({}) on {}: {asks}", who.peer, who.key, self.station);
                Turn::Daemon(Some(request))
            }
            Err(error) => {
                tracing::error!(target: "remote", "{}: {asks} refused: the log cannot be written: {error}", who.peer);
                refused(
                    "log_unwritable",
                    format!("the unit cannot write down who asks what, and so does not do it: {error}"),
                )
            }
        }
    }

    /// Passes answers on, each in its turn, until the daemon or the peer ends.
    async fn answer(
        &self,
        mut answers: LineReader<OwnedReadHalf>,
        to: &mut (impl AsyncWrite + Unpin),
        due: &mut mpsc::Receiver<Turn>,
        waiting: &mut VecDeque<Turn>,
    ) {
        let mut asking = true;
        loop {
            while let Some(Turn::Ours(_)) = waiting.front() {
                let Some(Turn::Ours(line)) = waiting.pop_front() else { break };
                if send(to, line.as_bytes()).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                biased;
                turn = due.recv(), if asking && waiting.len() < MOST_TURNS => match turn {
                    Some(turn) => waiting.push_back(turn),
                    None => asking = false,
                },
                line = answers.next() => {
                    let Ok(Some(line)) = line else { return };
                    self.note(&line, waiting).await;
                    if send(to, &whole(&line)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Writes down what a line answers, if it answers a request that was written down.
    async fn note(&self, line: &[u8], waiting: &mut VecDeque<Turn>) {
        if waiting.is_empty() {
            return;
        }
        let Ok(outcome) = serde_json::from_slice::<Outcome>(line) else { return };
        // Lines of a watch have no `ok`, and these end a connection without answering anything.
        if outcome.ok.is_none() || matches!(outcome.reason.as_deref(), Some("idle" | "too_slow")) {
            return;
        }
        if let Some(Turn::Daemon(Some(request))) = waiting.pop_front() {
            self.answered(request, &outcome).await;
        }
    }

    /// The connection is over, and nothing was answered to these.
    async fn unanswered(&self, turns: VecDeque<Turn>) {
        for turn in turns {
            if let Turn::Daemon(Some(request)) = turn {
                self.answered(request, &Outcome::default()).await;
            }
        }
    }

    async fn answered(&self, request: u64, outcome: &Outcome) {
        let Outcome { ok, reason, event } = outcome;
        let [reason, event] = [reason, event]
            .map(|text| text.as_deref().map(|text| &text[..text.floor_char_boundary(LONGEST_WORD)]));
        let entry = Entry::Answered { request, ok: *ok, reason, event };
        if let Err(error) = self.log.write(now(), &self.visitor.who, &entry).await {
            tracing::error!(target: "remote", "request {request} of {} is answered ({ok:?}), and the log cannot be written: {error}",
                self.visitor.who.peer);
        }
    }
}

/// What of an answer is written down.
#[derive(Default, Deserialize)]
struct Outcome {
    ok: Option<bool>,
    reason: Option<String>,
    event: Option<String>,
}

fn whole(line: &Bytes) -> Vec<u8> {
    [&line[..], b"\n"].concat()
}

/// Writes to the peer. One that reads nothing for a minute is ended, as a daemon does.
async fn send(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    timeout(PATIENCE, to.write_all(bytes)).await.map_err(io::Error::from)?
}

/// Says why, and ends.
pub(super) async fn refuse(to: &mut (impl AsyncWrite + Unpin), refusal: &RemoteRefusal) {
    let line = refusal.line(None);
    let said = async {
        to.write_all(line.as_bytes()).await?;
        to.shutdown().await
    };
    drop(timeout(OPENING_PATIENCE, said).await);
}

fn now() -> DateTime<Utc> {
    DateTime::from(SystemTime::now())
}

/// Requests beyond reading, a second; so many bytes of them. A person declares a hazard in seconds, a program a position ten times a
/// second. At this rate a peer writes over the log in 50 minutes.
const REQUESTS: BudgetLimits = BudgetLimits { messages_s: 10, bytes_s: 64 * 1024 };
/// Connections a second: each is a line of the log.
const CONNECTIONS: BudgetLimits = BudgetLimits { messages_s: 10, bytes_s: 1 };
/// Answers that a peer waits for, before no further request of it is read.
const MOST_TURNS: usize = 64;
/// Longest line of a daemon, bytes: twice the longest that a client of `api` takes.
const LONGEST_ANSWER: usize = 1024 * 1024;
const LONGEST_WORD: usize = 64;
/// For the first line, which a program sends at once.
const OPENING_PATIENCE: Duration = Duration::from_secs(10);
/// For all else, as the daemon has it.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
