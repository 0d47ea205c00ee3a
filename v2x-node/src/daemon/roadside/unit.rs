//! A roadside unit's application with its sockets: the controller's feed and the source of corrections.

use core::future::pending;
use std::path::Path;

use bytes::Bytes;
use serde_json::json;
use v2x_apps::roadside::priority::PriorityCounts;
use v2x_apps::roadside::{ClientId, Heard, Roadside};
use v2x_apps::{Application, Moment};
use v2x_core::{Input, Instant, WireTime};
use v2x_proto::v1;
use v2x_report::PriorityRequests;

use super::feed::{Feed, FromClient};
use super::gga::Place;
use super::source::{FromSource, Source};
use crate::config::{PositionConfig, StationConfig};
use crate::error::Error;

/// A running roadside unit.
#[derive(Debug)]
pub struct Unit {
    application: Roadside,
    feed: Option<Feed>,
    source: Option<(Source, String)>,
    news: Vec<String>,
    /// How often the source of corrections stopped or could not be had, and why it last did.
    stops: u64,
    last_stop: String,
    /// When each client was last sent what was wrong with a line.
    complained: Vec<(ClientId, Instant)>,
}

/// What came in from outside the station.
#[derive(Debug)]
pub enum Incoming {
    /// From a controller.
    Client(ClientId, FromClient),
    /// From the source of corrections.
    Source(FromSource),
}

impl Unit {
    /// Opens what `config` names, read from `file`; `None` when it has nothing to send. To be called within a tokio
    /// runtime with IO enabled.
    ///
    /// # Errors
    /// A feed that cannot be listened on.
    pub fn start(config: &StationConfig, file: &Path, now: Instant) -> Result<Option<Self>, Error> {
        let (name, place) = (name(file), place(&config.position));
        let stands = match config.position {
            PositionConfig::Fixed { position, altitude_cm } => Some(Place { position, altitude_cm }),
            _ => None,
        };
        let config = &config.roadside;
        let application = Roadside::new(&config.content(), &name, place, now);
        if application.is_silent() {
            return Ok(None);
        }
        let mut news = Vec::new();
        let feed = config.feed.as_ref().map(Feed::open).transpose()?;
        if let Some(address) = config.feed.as_ref().filter(|address| address.is_open()) {
            news.push(format!(
                "warning: roadside.feed {address} is open to other machines, and what comes by it is believed: use a \
                 loopback address or a Unix socket"
            ));
        }
        let source = match &config.corrections {
            Some(corrections) => {
                let here = stands.filter(|_| corrections.gga);
                Some((Source::start(corrections, here)?, corrections.source.to_string()))
            }
            None => None,
        };
        Ok(Some(Self {
            application,
            feed,
            source,
            news,
            stops: 0,
            last_stop: String::new(),
            complained: Vec::new(),
        }))
    }

    /// What it sends, in one line for people.
    pub fn describe(&self) -> &str {
        self.application.describe()
    }

    /// The next thing from outside, if there is a unit; else it waits for ever.
    pub async fn next_of(unit: &mut Option<Self>) -> Incoming {
        match unit {
            Some(unit) => unit.incoming().await,
            None => pending().await,
        }
    }

    /// The next thing from outside; may be dropped and called again without losing one.
    pub async fn incoming(&mut self) -> Incoming {
        let Self { feed, source, .. } = self;
        let from_client = async {
            match feed {
                Some(feed) => feed.next().await,
                None => pending().await,
            }
        };
        let from_source = async {
            match source {
                Some((source, _)) => source.next().await,
                None => pending().await,
            }
        };
        tokio::select! {
            (client, what) = from_client => Incoming::Client(client, what),
            said = from_source => Incoming::Source(said),
        }
    }

    /// Takes what came in at `now`, which is `wire` on the air.
    pub fn take(&mut self, incoming: Incoming, now: Instant, wire: WireTime) {
        match incoming {
            Incoming::Client(client, FromClient::Gone) => {
                self.complained.retain(|(other, _)| *other != client);
                self.application.gone(client, now, wire);
            }
            Incoming::Client(client, FromClient::Line(line)) => {
                if let Some(error) = self.application.line(client, line, now, wire) {
                    self.complain(client, "refused", &error.to_string(), now);
                } else if let Some(left_out) = self.application.take_left_out() {
                    self.complain(client, "left_out", &left_out.to_string(), now);
                }
                self.pass_on();
            }
            Incoming::Source(FromSource::Message(message)) => self.correction(message, now),
            Incoming::Source(FromSource::Up) => self.tell_of_source("come"),
            Incoming::Source(FromSource::Down { why, news }) => {
                if news {
                    self.tell_of_source(&format!("stop: {why}"));
                }
                self.stops += 1;
                self.last_stop = why;
            }
        }
    }

    /// When [`poll`](Self::poll) has something to send next.
    pub fn deadline(&self, at: Moment) -> Option<Instant> {
        self.application.deadline(at)
    }

    /// What is due for the station next, see [`Application::poll`].
    pub fn poll(&mut self, at: Moment) -> Option<Input> {
        let input = self.application.poll(at);
        self.pass_on();
        input
    }

    /// Whether the station sends now.
    pub fn set_sending(&mut self, sending: bool) {
        self.application.set_sending(sending);
    }

    /// Takes an event of the station.
    pub fn heard(&mut self, heard: &Heard, now: Instant, wire: WireTime) {
        self.application.heard(heard, now, wire);
        self.pass_on();
    }

    /// What is worth a line each since the last call.
    pub fn take_news(&mut self, now: Instant) -> Vec<String> {
        let mut news = core::mem::take(&mut self.news);
        news.extend(self.application.take_news(now));
        news
    }

    /// What vehicles asked for, as the report shows it; `None` while none has.
    pub fn priority_requests(&self) -> Option<PriorityRequests> {
        let PriorityCounts { heard, granted, rejected, ended, expired, crowded_out } =
            self.application.priority_counts();
        (heard + crowded_out > 0).then_some(PriorityRequests {
            heard,
            granted,
            rejected,
            ended,
            expired,
            crowded_out,
        })
    }

    /// Warnings for the report, besides its figures.
    pub fn warnings(&self, now: Instant) -> Vec<String> {
        let mut warnings = self.application.warnings(now);
        let unsent = self.feed.as_ref().map_or(0, Feed::unsent);
        if unsent > 0 {
            warnings.push(format!("{unsent} lines that no controller took"));
        }
        if let Some((_, name)) = self.source.as_ref().filter(|_| self.stops > 0) {
            let times = if self.stops == 1 { "once".to_owned() } else { format!("{} times", self.stops) };
            warnings.push(format!("corrections from {name} stopped {times}, the last: {}", self.last_stop));
        }
        warnings
    }

    fn correction(&mut self, message: Bytes, now: Instant) {
        self.application.correction(message, now);
    }

    fn tell_of_source(&mut self, what: &str) {
        if let Some((_, name)) = self.source.as_ref().filter(|_| self.news.len() < MOST_NEWS) {
            self.news.push(format!("corrections from {name} {what}"));
        }
    }

    /// Sends a client, from time to time, what was wrong with its line, `refused` or `left_out`.
    fn complain(&mut self, client: ClientId, what: &str, why: &str, now: Instant) {
        let at = self.complained.iter().position(|(other, _)| *other == client);
        if at.is_some_and(|at| now.since(self.complained[at].1) < COMPLAIN_EVERY) {
            return;
        }
        match at {
            Some(at) => self.complained[at].1 = now,
            None => self.complained.push((client, now)),
        }
        if let Some(feed) = &mut self.feed {
            feed.send(client, format!("{}\n", json!({ what: why })));
        }
    }

    fn pass_on(&mut self) {
        let lines = self.application.take_lines();
        if let Some(feed) = &mut self.feed {
            for (client, line) in lines {
                feed.send(client, line);
            }
        }
    }
}

fn name(config: &Path) -> String {
    let name = config.file_stem().unwrap_or_default().to_string_lossy();
    name.chars().filter(char::is_ascii).take(32).collect()
}

fn place(config: &PositionConfig) -> v1::Position {
    match config {
        PositionConfig::Fixed { position, .. } => v1::Position {
            latitude: position.latitude,
            longitude: position.longitude,
            ..v1::Position::default()
        },
        _ => v1::Position::default(),
    }
}

/// How often one client is sent what is wrong with its lines.
const COMPLAIN_EVERY: core::time::Duration = core::time::Duration::from_secs(1);
const MOST_NEWS: usize = 16;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use prost::Message as _;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::UnixStream;
    use v2x_core::{MessageId, Position, ReceiveStamps, Received, Way};

    use v2x_proto::{Class, Digest};

    use super::*;

    const AT: WireTime = WireTime::from_micros(720_000_000_000_000);

    /// The example, fed by a socket of its own in the directory for temporary files.
    fn unit(name: &str, more: &str) -> (Unit, PathBuf) {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/roadside.toml");
        let socket = std::env::temp_dir().join(format!("roadcast-{name}-{}", std::process::id()));
        let feed = format!("[roadside]\nfeed = \"unix:{}\"\n{more}\n", socket.display());
        let text = std::fs::read_to_string(&examples).unwrap().replacen("[roadside]\n", &feed, 1);
        let config = StationConfig::parse(&text, &examples).unwrap();
        (Unit::start(&config, &examples, Instant::ZERO).unwrap().unwrap(), socket)
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test)
    }

    async fn take(unit: &mut Unit) {
        let incoming = unit.incoming().await;
        unit.take(incoming, Instant::ZERO, AT);
    }

    fn due(unit: &mut Unit, now: Instant) -> Vec<Input> {
        core::iter::from_fn(|| unit.poll(Moment { now, wire: AT })).collect()
    }

    fn request() -> Received {
        let request = v1::PriorityRequest {
            intersection_id: 18,
            request_id: 5,
            action: v1::PriorityAction::Request as i32,
            role: v1::PriorityRole::Truck as i32,
            arrival_us: AT.as_micros() + 9_000_000,
            ..v1::PriorityRequest::default()
        };
        Received {
            confidential: false,
            id: MessageId { signer: Digest([0xab; 8]), class: Class::D4, sequence: 1 },
            message_type: v1::MessageType::PriorityRequest as u32,
            generation_time: AT,
            position: Position::default(),
            link_source: [0; 6],
            signal_dbm: None,
            forwarder: None,
            frame: Bytes::new(),
            hops: 1,
            permissions: 0,
            verified: true,
            suspect: false,
            payload: Bytes::from(request.encode_to_vec()),
            stamps: ReceiveStamps::default(),
            way: Way::Air,
        }
    }

    #[test]
    fn a_controller_is_told_of_its_bad_lines_and_of_requests() {
        run(async {
            let (mut unit, socket) = unit("controller", "");
            let (read, mut write) = UnixStream::connect(&socket).await.unwrap().into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"no line\nnor this\n").await.unwrap();
            for _ in ["first", "second"] {
                take(&mut unit).await;
            }
            let refused = lines.next_line().await.unwrap().unwrap();
            assert!(
                refused.starts_with("{\"refused\":\"not one JSON object in one line: expected "),
                "{refused}"
            );
            write
                .write_all(b"{\"intersection\":18,\"groups\":[{\"group\":1,\"phase\":\"dark\"}]}\n")
                .await
                .unwrap();
            take(&mut unit).await;
            let said = due(&mut unit, Instant::ZERO);
            assert!(
                said.iter().any(|input| matches!(input, Input::Send(request) if request.class == Class::D4))
            );
            unit.heard(&Heard::Request(request()), Instant::ZERO, AT);
            let asked = lines.next_line().await.unwrap().unwrap();
            assert!(asked.starts_with(
                "{\"intersection\":18,\"priority\":{\"requester\":\"abababababababab\",\"request\":5,"
            ));
            let news = unit.take_news(Instant::ZERO);
            assert!(
                news[2].starts_with(
                    "feed: 2 lines refused, the last by client 1: not one JSON object in one line: "
                ),
                "{news:?}"
            );
            drop((lines, write));
            take(&mut unit).await;
            unit.heard(&Heard::Request(request()), Instant::ZERO, AT);
            assert!(unit.warnings(Instant::ZERO)[0].starts_with("2 lines of the feed refused"));
        });
    }

    #[test]
    fn corrections_go_from_their_source_to_the_air() {
        run(async {
            let file = std::env::temp_dir().join(format!("roadcast-base-{}", std::process::id()));
            std::fs::write(&file, super::super::source::tests::EXAMPLE).unwrap();
            let line = format!("corrections = \"serial:{}\"\ncorrections_per_s = 6", file.display());
            let (mut unit, _) = unit("corrections", &line);
            for _ in ["up", "message", "end of the file"] {
                take(&mut unit).await;
            }
            let later = Instant::from_millis(100);
            let said = due(&mut unit, later);
            let correction = v1::MessageType::GnssCorrection as u32;
            assert!(
                said.iter()
                    .any(|input| matches!(input, Input::Send(request) if request.message_type == correction))
            );
            let news = unit.take_news(later);
            assert_eq!(news.len(), 2);
            assert_eq!(news[1], format!("corrections from {} stop: played to its end", file.display()));
            std::fs::remove_file(file).unwrap();
        });
    }
}
