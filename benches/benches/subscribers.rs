//! Programs that watch messages at a daemon's control socket: how long an event takes to one and to ten of them, and to one through
//! the WebSocket of `roadcast web`, beside a bare Unix socket that carries the same bytes at the same rate, in turns within one
//! run; and the processor time that they cost the daemon. `cargo bench -p benches --bench subscribers`.
//!
//! The daemon's side is what a station runs: its feed of events, on a thread that delivers a message every half millisecond, and the
//! thread of the control socket. Readers are threads of this process that read lines and do nothing else.

#[path = "subscribers/web.rs"]
mod web;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use benches::figures::{self, rounded};
use bytes::Bytes;
use prost::Message as _;
use radio_adapters::clock::monotonic_ns;
use serde_json::{Value, json};
use v2x_api::{Answer, MessageFilter, Request, Right};
use v2x_core::{Anchor, Event, Instant, MessageId, Position, ReceiveStamps, Received, Way, WireTime};
use v2x_node::config::ControlConfig;
use v2x_node::daemon::control::feed::EventFeed;
use v2x_node::daemon::control::handler::ControlHandler;
use v2x_proto::{Class, Digest, v1};
use v2x_report::StageHistogram;
use web::{Web, WebSocket};

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("subscribers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), String> {
    let quick = figures::quick();
    let machine = figures::machine();
    println!("subscribers on {machine}{}", if quick { " (quick: figures mean little)" } else { "" });
    let (turns, length) = if quick { (1, Duration::from_millis(500)) } else { (5, Duration::from_secs(2)) };
    let directory = std::env::temp_dir().join(format!("rc-subscribers-{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let found = rows(&directory, turns, length);
    drop(fs::remove_dir_all(&directory));
    let rows = found?;
    let json: Vec<_> = rows.iter().map(Row::json).collect();
    println!(
        "{}",
        json!({ "bench": "subscribers", "machine": machine, "quick": quick, "rate_per_s": RATE, "rows": json })
    );
    Ok(())
}

/// What was measured of one kind of reader.
#[derive(Default)]
struct Row {
    name: &'static str,
    readers: usize,
    latency: StageHistogram,
    /// Of the threads of the daemon's side, share of a core.
    processor: f64,
    lost: u64,
}

impl Row {
    fn json(&self) -> Value {
        let summary = self.latency.summary();
        json!({
            "name": self.name,
            "readers": self.readers,
            "p50_us": rounded(summary.p50_ns as f64 / 1000.0, 1),
            "p99_us": rounded(summary.p99_ns as f64 / 1000.0, 1),
            "p999_us": rounded(summary.p999_ns as f64 / 1000.0, 1),
            "max_us": rounded(summary.max_ns as f64 / 1000.0, 1),
            "processor": rounded(self.processor, 4),
            "lost": self.lost,
        })
    }
}

fn rows(directory: &Path, turns: u32, length: Duration) -> Result<Vec<Row>, String> {
    let kinds = [("none", 0), ("bare", 1), ("daemon", 1), ("web", 1), ("bare", 10), ("daemon", 10)];
    let mut rows: Vec<Row> = Vec::new();
    for (name, readers) in kinds {
        rows.push(Row { name, readers, latency: StageHistogram::new(), ..Row::default() });
    }
    let line = sample(directory)?;
    for _ in 0..turns {
        for row in &mut rows {
            let run = match row.name {
                "bare" => bare(row.readers, &line, length)?,
                name => daemon(directory, row.readers, name == "web", length)?,
            };
            row.latency.merge(&run.latency);
            row.processor += run.processor / f64::from(turns);
            row.lost += run.lost;
        }
    }
    println!(
        "{:<8} {:>7} {:>9} {:>9} {:>9} {:>9} {:>10} {:>5}",
        "", "readers", "p50 us", "p99 us", "p99.9 us", "max us", "of a core", "lost"
    );
    for row in &rows {
        let summary = row.latency.summary();
        let us = |ns: u64| ns as f64 / 1000.0;
        println!(
            "{:<8} {:>7} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>10.3} {:>5}",
            row.name,
            row.readers,
            us(summary.p50_ns),
            us(summary.p99_ns),
            us(summary.p999_ns),
            us(summary.max_ns),
            row.processor,
            row.lost
        );
    }
    Ok(rows)
}

/// One turn's figures.
#[derive(Default)]
struct Run {
    latency: StageHistogram,
    processor: f64,
    lost: u64,
}

/// When each message was delivered, by its number.
struct Delivered(Vec<AtomicU64>);

impl Delivered {
    fn new(length: Duration) -> Arc<Self> {
        let most = (length.as_secs_f64() * f64::from(RATE)) as usize + 1;
        Arc::new(Self((0..most).map(|_| AtomicU64::new(0)).collect()))
    }
}

/// Calls `deliver` for each message when it is due.
fn paced(delivered: &Delivered, mut deliver: impl FnMut(usize) -> Result<(), String>) -> Result<(), String> {
    let began = monotonic_ns();
    for (number, at) in delivered.0.iter().enumerate() {
        let due = began + number as u64 * 1_000_000_000 / u64::from(RATE);
        // A sleep alone is late by the machine's timer slack, as a station's own timer is.
        thread::sleep(Duration::from_nanos(due.saturating_sub(monotonic_ns())));
        at.store(monotonic_ns(), Relaxed);
        deliver(number)?;
    }
    Ok(())
}

/// Where a reader's lines come from.
enum Source {
    Lines(BufReader<UnixStream>),
    Frames(WebSocket),
}

impl Source {
    /// At the control socket, where lines may stop coming for a moment.
    fn lines(stream: UnixStream) -> Self {
        drop(stream.set_read_timeout(Some(Duration::from_millis(200))));
        Self::Lines(BufReader::new(stream))
    }

    fn read(&mut self, line: &mut String) -> io::Result<usize> {
        match self {
            Self::Lines(stream) => stream.read_line(line),
            Self::Frames(socket) => socket.read(line),
        }
    }
}

/// A reader of lines with a number each.
fn reader(
    mut source: Source,
    delivered: Arc<Delivered>,
    over: Arc<AtomicBool>,
) -> JoinHandle<(StageHistogram, u64)> {
    thread::spawn(move || {
        let mut latency = StageHistogram::new();
        let (mut line, mut read) = (String::new(), 0);
        loop {
            match source.read(&mut line) {
                Ok(0) => break,
                Ok(_) => {
                    let now = monotonic_ns();
                    if let Some(at) = number(&line).and_then(|number| delivered.0.get(number)) {
                        latency.record(now.saturating_sub(at.load(Relaxed)));
                        read += 1;
                    }
                    line.clear();
                }
                Err(_) if over.load(Relaxed) => break,
                Err(_) => {}
            }
        }
        (latency, delivered.0.len() as u64 - read)
    })
}

fn number(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("\"sequence\":")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn gather(readers: Vec<JoinHandle<(StageHistogram, u64)>>, run: &mut Run) -> Result<(), String> {
    for reader in readers {
        let (latency, lost) = reader.join().map_err(|_| "a reader failed")?;
        run.latency.merge(&latency);
        run.lost += lost;
    }
    Ok(())
}

/// The same bytes over a bare socket to each reader.
fn bare(readers: usize, line: &str, length: Duration) -> Result<Run, String> {
    let (delivered, over) = (Delivered::new(length), Arc::new(AtomicBool::new(false)));
    let (mut writers, mut threads) = (Vec::new(), Vec::new());
    for _ in 0..readers {
        let (writer, stream) = UnixStream::pair().map_err(|error| error.to_string())?;
        writers.push(writer);
        threads.push(reader(Source::lines(stream), Arc::clone(&delivered), Arc::clone(&over)));
    }
    let (before, began) = (thread_ns(None), monotonic_ns());
    let mut text = Vec::new();
    paced(&delivered, |number| {
        text.clear();
        let number = format!("\"sequence\":{number}");
        text.extend_from_slice(line.replacen("\"sequence\":0", &number, 1).as_bytes());
        writers.iter_mut().try_for_each(|writer| writer.write_all(&text)).map_err(|error| error.to_string())
    })?;
    let mut run = Run {
        processor: (thread_ns(None) - before) as f64 / (monotonic_ns() - began) as f64,
        ..Run::default()
    };
    drop(writers);
    over.store(true, Relaxed);
    gather(threads, &mut run)?;
    Ok(run)
}

/// A daemon's side, and programs that watch its messages, at its socket or through a web server in front of it.
fn daemon(directory: &Path, readers: usize, web: bool, length: Duration) -> Result<Run, String> {
    let (delivered, over) = (Delivered::new(length), Arc::new(AtomicBool::new(false)));
    let mut desk = Desk::new(directory)?;
    let web = if web { Some(Web::start(&desk.socket)?) } else { None };
    let mut source = || match &web {
        Some(web) => Ok::<_, String>(Source::Frames(desk.subscribe_web(web)?)),
        None => Ok(Source::lines(desk.subscribe()?)),
    };
    let threads: Result<Vec<_>, String> =
        (0..readers).map(|_| Ok(reader(source()?, Arc::clone(&delivered), Arc::clone(&over)))).collect();
    let own = || thread_ns(None) + thread_ns(Some("control"));
    let (before, began) = (own(), monotonic_ns());
    paced(&delivered, |number| {
        desk.deliver(number as u32);
        Ok(())
    })?;
    let mut run =
        Run { processor: (own() - before) as f64 / (monotonic_ns() - began) as f64, ..Run::default() };
    thread::sleep(Duration::from_millis(50));
    over.store(true, Relaxed);
    drop(desk);
    gather(threads?, &mut run)?;
    Ok(run)
}

/// The line of one message as the daemon writes it, number 0.
fn sample(directory: &Path) -> Result<String, String> {
    let mut desk = Desk::new(directory)?;
    let mut stream = BufReader::new(desk.subscribe()?);
    desk.deliver(0);
    let mut line = String::new();
    stream.read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line)
}

/// The control socket of a station, and its events.
struct Desk {
    control: ControlHandler,
    feed: EventFeed,
    socket: std::path::PathBuf,
    anchor: Anchor,
    payload: Bytes,
}

impl Desk {
    fn new(directory: &Path) -> Result<Self, String> {
        let socket = directory.join("s.sock");
        let at = ControlConfig::At(socket.clone());
        let control = ControlHandler::open(&at, None, Right::Declare, Path::new("car.toml"), now());
        let control = control.map_err(|error| error.to_string())?;
        let mut feed = EventFeed::default();
        feed.begin(control.news().ok_or("no control socket")?.clone());
        let awareness = v1::Awareness {
            station_type: v1::StationType::PassengerCar as i32,
            speed: Some(1390),
            heading: Some(900),
            acceleration: Some(-3),
            length: Some(45),
            width: Some(18),
            ..v1::Awareness::default()
        };
        let anchor = Anchor { instant: now(), wire: WireTime::from_secs(700_000_000) };
        Ok(Self { control, feed, socket, anchor, payload: Bytes::from(awareness.encode_to_vec()) })
    }

    /// A program that watches all messages.
    fn subscribe(&mut self) -> Result<UnixStream, String> {
        let socket = self.socket.clone();
        let stream = self.served(move |line| {
            let mut stream = UnixStream::connect(socket)?;
            stream.write_all((line + "\n").as_bytes())?;
            Ok(stream)
        })?;
        // That it watches, byte by byte, so that nothing after it is taken.
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            io::Read::read_exact(&mut &stream, &mut byte).map_err(|error| error.to_string())?;
            line.push(byte[0]);
        }
        serde_json::from_slice::<Answer>(&line).map_err(|error| error.to_string())?;
        Ok(stream)
    }

    /// The same through a web server.
    fn subscribe_web(&mut self, web: &Web) -> Result<WebSocket, String> {
        let address = web.address();
        let mut socket = self.served(move |line| WebSocket::open(address, &line))?;
        let mut line = String::new();
        socket.read(&mut line).map_err(|error| error.to_string())?;
        serde_json::from_str::<Answer>(&line).map_err(|error| error.to_string())?;
        Ok(socket)
    }

    /// Takes the request to watch that `ask` sends.
    fn served<T: Send + 'static>(
        &mut self,
        ask: impl FnOnce(String) -> io::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let asks = thread::spawn(|| ask(Request::WatchMessages(MessageFilter::default()).line()));
        let asked = loop {
            let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
            if let core::task::Poll::Ready(asked) = self.control.poll(&mut cx) {
                break asked;
            }
            thread::yield_now();
        };
        self.control.begin_watch(asked);
        asks.join().map_err(|_| "a program failed")?.map_err(|error| error.to_string())
    }

    /// A message is delivered now.
    fn deliver(&mut self, sequence: u32) {
        let now = now();
        let earlier = Instant::from_nanos(now.as_nanos() - 60_000);
        let received = Received {
            confidential: false,
            id: MessageId { signer: Digest([7; 8]), class: Class::D2, sequence },
            message_type: v1::MessageType::Awareness as u32,
            generation_time: self.anchor.wire_at(now),
            position: Position { latitude: 496_116_000, longitude: 61_319_000 },
            link_source: [2, 0, 0, 0, 0, 1],
            signal_dbm: Some(-71),
            forwarder: None,
            hops: 1,
            permissions: 1,
            verified: true,
            suspect: false,
            payload: self.payload.clone(),
            frame: Bytes::from_static(&[0; 300]),
            stamps: ReceiveStamps {
                kernel_receive: Some(earlier),
                user_receive: Some(earlier),
                prefiltered: earlier,
                verified: now,
                delivered: now,
            },
            way: Way::Air,
        };
        self.feed.event(&Event::Received(received), None, &self.anchor);
    }
}

fn now() -> Instant {
    Instant::from_nanos(monotonic_ns())
}

/// Processor time, ns, of the calling thread, or of this process's thread of that name.
fn thread_ns(name: Option<&str>) -> u64 {
    let of = |path: &Path| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
    };
    let Some(name) = name else { return of(Path::new("/proc/thread-self")) };
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name));
    named.map(|task| of(&task.path())).sum()
}

/// Messages a second.
const RATE: u32 = 2000;
