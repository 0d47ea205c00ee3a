//! What a link between two bridges costs: latency from hub to hub direct and relayed, time to the first message after start, and
//! memory with 50 peers. All on loopback; see "Bridge" in benches/README.md.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use iroh::RelayUrl;
use serde_json::{Value, json};
use testkit::craft::Crafter;
use tokio::sync::{broadcast, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use v2x_bridges::clock;
use v2x_bridges::hub::{Heard, Hub};
use v2x_bridges::message::AirMessage;
use v2x_bridges::peers::{Handlers, PeerKey, PeerSettings, PeerTerms, Peers, PeersSettings};
use v2x_bridges::relay::{Relay, RelaySettings};
use v2x_bridges::select::Selection;
use v2x_core::Instant as Moment;
use v2x_proto::Class;
use v2x_proto::envelope::TbsRepr;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, address] = &arguments[..]
        && role == "many"
    {
        return run(many(address.parse().expect("an address")));
    }
    let quick = std::env::var_os("ROADCAST_BENCH_QUICK").is_some();
    if arguments.iter().any(|argument| argument == "memory") {
        println!("{}", json!({ "memory_50_peers_kib": run(memory(if quick { 10 } else { 200 })) }));
        return;
    }
    let (messages, starts) = if quick { (100, 2) } else { (4000, 20) };
    let mut figures = serde_json::Map::new();
    for (name, relayed, class) in [
        ("direct_stream", false, Class::D3),
        ("direct_datagram", false, Class::D1),
        ("relayed_stream", true, Class::D3),
        ("relayed_datagram", true, Class::D1),
    ] {
        let latencies = run(latency(relayed, class, messages));
        figures.insert(name.to_owned(), shown(name, latencies, messages));
    }
    for (name, relayed) in [("first_direct", false), ("first_relayed", true)] {
        let firsts: Vec<Duration> = (0..starts).map(|_| run(first(relayed))).collect();
        figures.insert(name.to_owned(), shown(name, firsts, starts));
    }
    let memory = run(memory(if quick { 10 } else { 200 }));
    println!("memory, KiB: {memory}");
    figures.insert("memory_50_peers_kib".to_owned(), memory);
    println!("{}", Value::Object(figures));
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// A bridge on a thread and a runtime of its own, as a program of its own would be: what it hears, by the time it was heard.
struct Unit {
    heard: tokio::sync::mpsc::UnboundedReceiver<(Bytes, Instant)>,
    hub: Hub,
    addresses: Vec<SocketAddr>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Unit {
    async fn start(seed: u8, settings: PeersSettings) -> Self {
        let hub = Hub::new();
        let (sender, heard) = tokio::sync::mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel();
        let its = hub.clone();
        let thread = thread::spawn(move || {
            run(async move {
                let mut listener: broadcast::Receiver<_> = its.listen();
                let peers = Peers::start(&settings, &key(seed), &its, Handlers::new(), None)
                    .await
                    .expect("it starts");
                ready.send(peers.addresses()).expect("somebody waits");
                let listen = async {
                    while let Ok(heard) = listener.recv().await {
                        let heard: &Heard = &heard;
                        if sender.send((heard.message.frame().clone(), Instant::now())).is_err() {
                            break;
                        }
                    }
                };
                tokio::select! {
                    () = listen => {}
                    _ = ended => {}
                }
                // Its peer need not wait for it.
                peers.close().await;
            });
        });
        let addresses = is_ready.await.expect("it starts");
        Self { heard, hub, addresses, end: Some(end), thread: Some(thread) }
    }

    fn tell(&self, message: &AirMessage) {
        self.hub.tell(message, clock::now());
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().map(thread::JoinHandle::join);
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn peer(seed: u8, addresses: Vec<SocketAddr>) -> PeerSettings {
    let all = || Selection { classes: Class::ALL.to_vec(), types: None, area: None };
    let terms = PeerTerms { send: all(), receive: all(), ..PeerTerms::default() };
    PeerSettings {
        name: format!("unit-{seed}"),
        key: PeerKey::of(&key(seed)),
        addresses,
        relays: Vec::new(),
        terms,
    }
}

fn settings(listen: &str, peers: Vec<PeerSettings>) -> PeersSettings {
    PeersSettings { listen: vec![listen.parse().expect("an address")], peers, ..PeersSettings::default() }
}

/// Two bridges, the second with the address of the first, or a relay and no network between them.
async fn pair(relayed: bool) -> (Option<Relay>, Unit, Unit) {
    if !relayed {
        let first = Unit::start(1, settings("127.0.0.1:0", vec![peer(2, Vec::new())])).await;
        let second = Unit::start(2, settings("127.0.0.1:0", vec![peer(1, first.addresses.clone())])).await;
        return (None, first, second);
    }
    let allow = [1, 2].map(|seed| (format!("unit-{seed}"), PeerKey::of(&key(seed)))).to_vec();
    let bytes_s = NonZeroU32::new(100_000_000).expect("not 0");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let relay = Relay::start(&RelaySettings { listen, tls: None, allow, bytes_s }).await.expect("it starts");
    let url = format!("http://{}", relay.address().expect("it listens"));
    let url: RelayUrl = url.parse().expect("a URL");
    let of = |listen, other| PeersSettings {
        relays: vec![url.clone()],
        ..settings(listen, vec![peer(other, Vec::new())])
    };
    let first = Unit::start(1, of("127.0.0.1:0", 2)).await;
    let second = Unit::start(2, of("[::1]:0", 1)).await;
    (Some(relay), first, second)
}

/// From the first hub to the second, at 400 messages a second.
async fn latency(relayed: bool, class: Class, messages: u32) -> Vec<Duration> {
    let (_relay, first, mut second) = pair(relayed).await;
    // Until the link stands and has found its datagrams' size.
    first.tell(&message(Class::D3));
    second.heard.recv().await.expect("it arrives");
    sleep(Duration::from_secs(2)).await;
    let mut latencies = Vec::new();
    let mut due = Instant::now();
    for _ in 0..messages {
        due += Duration::from_micros(2500);
        sleep_until(due).await;
        let message = message(class);
        let told = Instant::now();
        first.tell(&message);
        while let Ok(Some((frame, at))) = timeout(Duration::from_secs(2), second.heard.recv()).await {
            if frame == message.frame() {
                latencies.push(at - told);
                break;
            }
        }
    }
    latencies
}

/// From the start of both bridges to the first message at the second.
async fn first(relayed: bool) -> Duration {
    let hazard = message(Class::D3);
    let began = Instant::now();
    let (relay, first, mut second) = pair(relayed).await;
    first.tell(&hazard);
    let (_, at) = second.heard.recv().await.expect("it arrives");
    drop((first, second));
    if let Some(relay) = relay {
        relay.stop().await;
    }
    at - began
}

/// Resident memory of this process with 50 peers, which live in another.
async fn memory(rounds: u32) -> Value {
    let seeds = 10..60_u8;
    let before = resident("VmRSS:");
    let hub = Hub::new();
    let peers: Vec<PeerSettings> = seeds.clone().map(|seed| peer(seed, Vec::new())).collect();
    let settings = settings("127.0.0.1:0", peers);
    let peers = Peers::start(&settings, &key(1), &hub, Handlers::new(), None).await.expect("it starts");
    let address = peers.addresses()[0];
    let mut child = Many(
        Command::new(std::env::current_exe().expect("this program"))
            .args(["many", &address.to_string()])
            .spawn()
            .expect("the peers start"),
    );
    let all =
        |test: &dyn Fn(&Value) -> bool| peers.status().as_array().is_some_and(|all| all.iter().all(test));
    while !all(&|peer| peer["state"] == "connected") {
        sleep(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(5)).await;
    let idle = resident("VmRSS:");
    for _ in 0..rounds {
        hub.tell(&message(Class::D3), clock::now());
        sleep(Duration::from_millis(20)).await;
    }
    while !all(&|peer| peer["sent_streams"].as_u64() >= Some(u64::from(rounds))) {
        sleep(Duration::from_millis(100)).await;
    }
    let busy = resident("VmRSS:");
    child.0.kill().expect("it runs");
    // And while all are away, with a full queue for each.
    while all(&|peer| peer["state"] == "connected") {
        sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..settings.peers[0].terms.queue {
        hub.tell(&message(Class::D3), clock::now());
    }
    let away = resident("VmRSS:");
    let most = resident("VmHWM:");
    json!({ "before": before, "idle": idle, "after_messages": busy, "all_away_queues_full": away, "most": most })
}

struct Many(Child);

impl Drop for Many {
    fn drop(&mut self) {
        // An error says that it has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Fifty bridges that dial one.
async fn many(address: SocketAddr) {
    let mut units = Vec::new();
    for seed in 10..60 {
        let hub = Hub::new();
        let settings = settings("127.0.0.1:0", vec![peer(1, vec![address])]);
        units
            .push(Peers::start(&settings, &key(seed), &hub, Handlers::new(), None).await.expect("it starts"));
    }
    // The parent ends this process; when it does not, it ends itself.
    sleep(Duration::from_secs(300)).await;
}

fn resident(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("proc(5)");
    let line = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn message(class: Class) -> AirMessage {
    static NEXT: AtomicU32 = AtomicU32::new(1 << 22);
    let craft = Crafter::station(3);
    let fields = TbsRepr {
        generation_time_us: clock::now().as_micros(),
        lifetime_ms: 60_000,
        sequence: NEXT.fetch_add(1, Ordering::Relaxed),
        ..craft.fields_in(class, Moment::ZERO)
    };
    AirMessage::read(craft.full(&fields)).expect("a message")
}

fn shown(name: &str, mut times: Vec<Duration>, wanted: u32) -> Value {
    times.sort_unstable();
    let at =
        |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)));
    let milliseconds = |share| at(share).map(|time| (time.as_secs_f64() * 1e6).round() / 1e3);
    let value = json!({
        "p50_ms": milliseconds(0.5), "p99_ms": milliseconds(0.99), "most_ms": milliseconds(1.0),
        "lost": wanted as usize - times.len(),
    });
    println!("{name}: {value}");
    value
}
