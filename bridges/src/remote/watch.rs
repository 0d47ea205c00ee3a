//! Many units at once: each is asked again and again over one control connection, and what it said last is kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use v2x_api::{Answer, Request};

use super::error::RemoteError;
use super::glance::Glance;
use super::line::LineReader;
use super::link::{Carried, Watched, Way};
use super::opening::printable;
use crate::backoff::Backoff;

/// Units that are watched; dropped, it ends.
#[derive(Debug)]
pub(super) struct Fleet {
    units: Vec<Arc<WatchedUnit>>,
    news: Receiver<u64>,
    _tasks: JoinSet<()>,
}

/// One of them.
#[derive(Debug)]
struct WatchedUnit {
    name: String,
    state: Mutex<UnitState>,
}

#[derive(Debug, Default)]
struct UnitState {
    said: Option<(Glance, Instant, SystemTime)>,
    way: Option<Way>,
    away: Option<Away>,
}

/// Since when a unit does not answer, and why.
#[derive(Clone, Debug)]
struct Away {
    since: SystemTime,
    why: String,
}

/// A unit as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct UnitRow {
    pub name: String,
    /// Whether it answers now.
    pub answers: bool,
    /// Whether nobody need look.
    pub well: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<Glance>,
    /// Since it answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_utc: Option<String>,
    /// `direct` or `relayed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_since_utc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_because: Option<String>,
}

impl Fleet {
    /// Begins to ask each `every` so long.
    pub fn watch<U: Watched>(units: Vec<U>, every: Duration) -> Self {
        let (tell, news) = channel(0);
        let tell = Arc::new(tell);
        let mut tasks = JoinSet::new();
        let units = units.into_iter().map(|unit| {
            let watched = Arc::new(WatchedUnit { name: unit.name().to_owned(), state: Mutex::default() });
            tasks.spawn(Arc::clone(&watched).keep(unit, every, Arc::clone(&tell)));
            watched
        });
        Self { units: units.collect(), news, _tasks: tasks }
    }

    /// All of them as of now, in the order of the configuration.
    pub fn rows(&self) -> Vec<UnitRow> {
        self.units.iter().map(|unit| unit.row(Instant::now())).collect()
    }

    /// Returns once each has answered, or failed to.
    pub async fn first(&self) {
        let mut news = self.news.clone();
        let settled = |rows: Vec<UnitRow>| rows.iter().all(|row| row.answers || row.away_because.is_some());
        while !settled(self.rows()) && news.changed().await.is_ok() {}
    }
}

impl WatchedUnit {
    async fn keep<U: Watched>(self: Arc<Self>, unit: U, every: Duration, tell: Arc<Sender<u64>>) {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            let error = match unit.open().await {
                Ok(carried) => self.ask(&unit, carried, every, &mut backoff, &tell).await,
                Err(error) => error,
            };
            {
                let mut state = self.state();
                let since = state.away.as_ref().map_or_else(SystemTime::now, |away| away.since);
                (state.away, state.way) = (Some(Away { since, why: error.to_string() }), None);
            }
            tell.send_modify(|count| *count += 1);
            sleep(backoff.wait()).await;
        }
    }

    /// Asks until it fails.
    async fn ask<U: Watched>(
        &self,
        unit: &U,
        Carried { mut from, mut to, .. }: Carried<U::From, U::To>,
        every: Duration,
        backoff: &mut Backoff,
        tell: &Sender<u64>,
    ) -> RemoteError {
        let silent = |why: &str| RemoteError::Silent { peer: self.name.clone(), why: printable(why) };
        from = from.bounded(LONGEST_ANSWER);
        loop {
            let asked = async {
                let status = one(&mut from, &mut to, &Request::Status).await?;
                let stats = one(&mut from, &mut to, &Request::Stats).await?;
                Ok::<_, String>((status, stats))
            };
            let glance = match timeout(PATIENCE, asked).await {
                Ok(Ok((Answer { status: Some(status), .. }, Answer { stats: Some(stats), .. }))) => {
                    Glance::of(&status, &stats)
                }
                Ok(Ok((one, other))) => {
                    let refused = one.error.or(other.error);
                    return silent(refused.as_deref().unwrap_or("what it answers is no answer"));
                }
                Ok(Err(why)) => return silent(&why),
                Err(_) => return silent("no answer within 10 s"),
            };
            let way = unit.way().await;
            {
                let mut state = self.state();
                (state.said, state.away) = (Some((glance, Instant::now(), SystemTime::now())), None);
                state.way = way;
            }
            backoff.reset();
            tell.send_modify(|count| *count += 1);
            sleep(every).await;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, UnitState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, now: Instant) -> UnitRow {
        let state = self.state();
        let said = state.said.as_ref();
        let answers = said.is_some() && state.away.is_none();
        UnitRow {
            name: self.name.clone(),
            answers,
            well: answers && said.is_some_and(|(glance, ..)| glance.is_well()),
            station: said.map(|(glance, ..)| glance.clone()),
            seen_s: said.map(|(_, at, _)| now.saturating_duration_since(*at).as_secs_f64()),
            last_seen_utc: said.map(|(.., at)| utc(*at)),
            path: state.way.as_ref().map(|way| if way.relayed { "relayed" } else { "direct" }),
            rtt_ms: state.way.as_ref().map(|way| way.rtt.as_secs_f64() * 1e3),
            away_since_utc: state.away.as_ref().map(|away| utc(away.since)),
            away_because: state.away.as_ref().map(|away| away.why.clone()),
        }
    }
}

/// Asks one thing.
async fn one(
    from: &mut LineReader<impl AsyncRead + Unpin>,
    to: &mut (impl AsyncWrite + Unpin),
    request: &Request,
) -> Result<Answer, String> {
    to.write_all(format!("{}\n", request.line()).as_bytes()).await.map_err(|error| error.to_string())?;
    let line: Option<Bytes> = from.next().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&line.ok_or("it hung up")?).map_err(|_| "what it answers is no answer".to_owned())
}

fn utc(at: SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(at).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// For two answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line of a unit, bytes, as a client of `api` takes it.
const LONGEST_ANSWER: usize = v2x_api::LONGEST_ANSWER as usize;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split};

    use super::super::link::{Opens, greet};
    use super::*;

    /// A unit whose daemon says these things, one after another, and is away after the last.
    struct Scripted {
        name: &'static str,
        says: Mutex<Vec<Vec<u8>>>,
    }

    impl Opens for Scripted {
        type From = ReadHalf<DuplexStream>;
        type To = WriteHalf<DuplexStream>;

        async fn open(&self) -> Result<Carried<Self::From, Self::To>, RemoteError> {
            let says = self.says.lock().unwrap().pop();
            let away = || RemoteError::Silent { peer: self.name.to_owned(), why: "away".to_owned() };
            let says = says.ok_or_else(away)?;
            let (ours, theirs) = duplex(2 * LONGEST_ANSWER);
            tokio::spawn(async move {
                let (from, mut to) = split(theirs);
                let mut lines = BufReader::new(from).lines();
                lines.next_line().await.unwrap();
                to.write_all(b"{\"v\":1,\"ok\":true,\"station\":\"s\",\"rights\":\"read\"}\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    let request: Value = serde_json::from_str(&line).unwrap();
                    let answer = match says.is_empty() {
                        true if request["station"] == "status" => {
                            json!({ "v": 1, "ok": true, "status": { "sending": true, "link_up": true, "clock": "locked" } }).to_string().into_bytes()
                        }
                        true => json!({ "v": 1, "ok": true, "stats": { "report": { "verdict": "met" } } }).to_string().into_bytes(),
                        false => says.clone(),
                    };
                    if to.write_all(&[&answer[..], b"\n"].concat()).await.is_err() {
                        return;
                    }
                }
            });
            let (from, to) = split(ours);
            greet(self.name, None, from, to).await
        }
    }

    impl Watched for Scripted {
        fn name(&self) -> &str {
            self.name
        }

        async fn way(&self) -> Option<Way> {
            Some(Way { relayed: true, rtt: Duration::from_millis(40) })
        }
    }

    fn unit(name: &'static str, says: &[&[u8]]) -> Scripted {
        Scripted { name, says: Mutex::new(says.iter().map(|said| said.to_vec()).collect()) }
    }

    #[tokio::test(start_paused = true)]
    async fn each_unit_is_shown_and_one_that_does_not_answer_since_when_and_why() {
        let endless = vec![b'x'; LONGEST_ANSWER + 9];
        let units = vec![
            unit("well", &[b""]),
            unit("away", &[]),
            unit("garbage", &[b"garbage"]),
            unit("endless", &[&endless]),
            unit("refuses", &[br#"{"v":1,"ok":false,"reason":"x","error":"no\u0007"}"#]),
        ];
        let fleet = Fleet::watch(units, Duration::from_secs(3600));
        fleet.first().await;
        let [well, away, garbage, endless, refuses] = &fleet.rows()[..] else { panic!("five units") };
        assert!(well.answers && well.well && well.away_because.is_none());
        assert_eq!((well.path, well.rtt_ms), (Some("relayed"), Some(40.0)));
        assert_eq!(well.station.as_ref().unwrap().verdict, "met");
        let why = |row: &UnitRow| row.away_because.clone().unwrap();
        assert_eq!(why(away), "peer away gives no answer: away");
        assert!(away.away_since_utc.is_some() && away.station.is_none() && !away.answers);
        assert!(why(garbage).ends_with("what it answers is no answer"));
        assert!(why(endless).contains("a line of more than"), "{}", why(endless));
        assert!(why(refuses).ends_with("no\u{fffd}"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_unit_said_last_stays_while_it_is_away_and_it_comes_back() {
        // The last of the script is the first that is said.
        let fleet = Fleet::watch(vec![unit("u", &[b"", b"garbage", b""])], Duration::from_secs(1));
        fleet.first().await;
        assert!(fleet.rows()[0].answers);
        let mut news = fleet.news.clone();
        news.changed().await.unwrap();
        assert!(fleet.rows()[0].station.is_some());
    }
}
