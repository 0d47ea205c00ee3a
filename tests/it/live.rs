//! Stations on live links in this process and on loopback: the driver between `Node` and `Radio`.
//!
//! Real time passes here, so no test measures it: each test waits until what it expects has
//! happened, and a timer far away ends one that waits in vain.

mod gate;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use radio_adapters::mem::MemHub;
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::udp::{UdpConfig, UdpInterface, UdpRadio};
use radio_adapters::{AccessCategory, ChannelLoad, LinkAddress, Radio, RadioExt, TxFrame};
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, Event, Fix, Input, Instant, LoadSource, Node, NotSentReason,
    Pool, Received, SendRequest, Transmit,
};

use v2x_node::daemon::recorder::Recorder;
use v2x_node::daemon::station::{Live, Observer, Station, monotonic};
use v2x_proto::{Class, v1};
use v2x_recording::record;

use testkit::craft::probe;
use testkit::{Authority, PLACE, START};

use self::gate::{Gate, GatedRadio};

#[test]
fn two_stations_in_one_process_hear_each_other_live() {
    run(async {
        let hub = MemHub::new();
        let radio = |number| Box::new(hub.join(address(number))) as Box<dyn Radio>;
        exchange(radio(1), radio(2)).await;
    });
}

#[test]
fn two_stations_on_udp_multicast_hear_each_other_live() {
    run(async {
        // A port that was free a moment ago, so that tests of one machine do not hear each other.
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 86, 78), port);
        let config = UdpConfig::new(group, UdpInterface::Address(Ipv4Addr::LOCALHOST));
        let radio = || Box::new(UdpRadio::open(&config).unwrap()) as Box<dyn Radio>;
        exchange(radio(), radio()).await;
    });
}

/// Both send awareness, and the first a probe of every class that travels one hop.
async fn exchange(first: Box<dyn Radio>, second: Box<dyn Radio>) {
    let mut pair = [Unit::new(1, first, None), Unit::new(2, second, None)];
    let digests = [0, 1].map(|n: usize| pair[n].station.node().digest());
    until(&mut pair, |pair| {
        (0..2).all(|n| pair[n].station.node().neighbour_table().get(&digests[1 - n]).is_some())
    })
    .await;
    let echo = v1::MessageType::Echo as u32;
    let probed =
        |unit: &Unit, class| unit.log.received().any(|r| r.message_type == echo && r.id.class == class);
    for class in SINGLE_HOP {
        // On a machine that stands still for longer than a probe lives, the next one gets its chance.
        while !probed(&pair[1], class) {
            let lost =
                |pair: &[Unit]| pair[0].log.failed.len() + pair[0].log.unsent.len() + pair[1].log.drops.len();
            let before = lost(&pair);
            pair[0].input(Input::Send(probe(class)));
            until(&mut pair, |pair| probed(&pair[1], class) || lost(pair) > before).await;
        }
    }
    for received in pair[1].log.received() {
        assert_eq!((received.id.signer, received.hops), (digests[0], 1));
        let stamps = received.stamps;
        let stages = [
            stamps.kernel_receive.unwrap_or(Instant::ZERO),
            stamps.user_receive.unwrap(),
            stamps.prefiltered,
            stamps.verified,
            stamps.delivered,
        ];
        assert!(stages.is_sorted(), "{stages:?}");
    }
    for (frame, on_air) in &pair[0].log.transmitted {
        let stamps = frame.stamps;
        let stages =
            [stamps.generated, stamps.built, stamps.signed, stamps.queued, stamps.gate_open, *on_air];
        assert!(stages.is_sorted(), "{stages:?}");
    }
    assert!(pair.iter().all(|unit| unit.station.receive_errors() == 0));
}

#[test]
fn what_was_recorded_live_replays_byte_for_byte() {
    let recording = Recording::new("replays");
    run(async {
        let hub = MemHub::new();
        let recorder = recording.recorder(1);
        let mut pair = [
            Unit::new(1, Box::new(hub.join(address(1))), Some(recorder)),
            Unit::new(2, Box::new(hub.join(address(2))), None),
        ];
        let mut noise = hub.join(address(3));
        noise.send(&tx(b"no frame at all")).await.unwrap();
        pair[0].input(Input::Send(probe(Class::D1)));
        until(&mut pair, |pair| pair[0].log.received().count() >= 3 && pair[1].log.received().count() >= 3)
            .await;
        // How a daemon ends on SIGTERM.
        finish_recording(&mut pair[0].station);
        let records = recording.records();
        assert_eq!(records.len() as u64, pair[0].station.recorder().unwrap().records(), "all is in the file");
        let frames = records.iter().filter(|record| is_frame(record)).count();
        assert_eq!(frames as u64, pair[0].station.node().counters().frames);
        assert!(frames >= 4);
    });
    let bytes = recording.bytes();
    let outcome = v2x_recording::check::check_bytes(&bytes, "live").unwrap();
    assert_eq!(outcome.difference, None);
    assert_eq!((outcome.inputs + outcome.outputs) as usize, recording.records().len());
    // A power cut in the middle of a record leaves what came before.
    let cut = v2x_recording::check::check_bytes(&bytes[..bytes.len() - 3], "cut").unwrap();
    assert_eq!(cut.difference, None);
    assert!(cut.inputs + cut.outputs < outcome.inputs + outcome.outputs);
}

#[test]
fn an_input_is_in_the_recording_before_it_is_handled() {
    let recording = Recording::new("before");
    run(async {
        let hub = MemHub::new();
        let mut unit = Unit::new(1, Box::new(hub.join(address(1))), Some(recording.recorder(1)));
        unit.input(Input::Send(probe(Class::D0)));
        finish_recording(&mut unit.station);
    });
    let records = recording.records();
    let send = records.iter().position(|record| matches!(input_of(record), Some(Input::Send(_)))).unwrap();
    assert!(matches!(records[send + 1].record, Some(v1::record::Record::Output(_))), "then what came of it");
    assert!(input_of(&records[0]).is_some(), "nothing comes of nothing");
}

#[test]
fn a_full_link_holds_frames_back_until_they_expire_and_tells_the_node() {
    let recording = Recording::new("full");
    run(async {
        let hub = MemHub::new();
        let gate = Gate::default();
        let radio = GatedRadio { inner: Box::new(hub.join(address(1))), gate: gate.clone() };
        let mut units = [
            Unit::new(1, Box::new(radio), Some(recording.recorder(1))),
            Unit::new(2, Box::new(hub.join(address(2))), None),
        ];
        until(&mut units, |units| units[1].log.received().count() > 0).await;
        gate.close();
        let sent_before = units[0].log.transmitted.len();
        // The first meets the full link and waits at the driver, the others wait in the node until it has expired.
        units[0].input(Input::Send(probe(Class::D0)));
        units[0].input(Input::Send(probe(Class::D1)));
        let lasting = SendRequest { lifetime_ms: 300_000, ..probe(Class::D5) };
        units[0].input(Input::Send(lasting));
        let failed = |log: &Log, class| log.failed.iter().any(|(frame, _)| frame.class == class);
        until(&mut units, |units| {
            let log = &units[0].log;
            let unsent = log.unsent.contains(&(Class::D1, NotSentReason::Expired));
            failed(log, Class::D0) && (failed(log, Class::D1) || unsent)
        })
        .await;
        assert_eq!(units[0].log.transmitted.len(), sent_before, "a closed link carries nothing");
        assert!(units[0].log.failed.iter().all(|(_, kind)| *kind == io::ErrorKind::TimedOut));
        gate.open();
        until(&mut units, |units| {
            let sent = &units[0].log.transmitted[sent_before..];
            sent.iter().any(|(frame, _)| frame.class == Class::D5)
                && sent.iter().any(|(frame, _)| frame.class == Class::D2)
        })
        .await;
        until(&mut units, |units| units[1].log.received().any(|r| r.id.class == Class::D5)).await;
        for (frame, on_air) in &units[0].log.transmitted[sent_before..] {
            assert!(!matches!(frame.class, Class::D0 | Class::D1), "what expired is not sent");
            assert!(*on_air >= frame.stamps.gate_open);
        }
        assert!(units[1].log.received().all(|received| received.id.class != Class::D0));
        finish_recording(&mut units[0].station);
    });
    let told: Vec<bool> = recording
        .records()
        .iter()
        .filter_map(|record| match input_of(record) {
            Some(Input::Link { ready }) => Some(ready),
            _ => None,
        })
        .collect();
    assert!(told.len() >= 2 && told.len().is_multiple_of(2), "{told:?}");
    assert!(told.chunks(2).all(|pair| *pair == [false, true]), "{told:?}");
    assert_eq!(v2x_recording::check::check_bytes(&recording.bytes(), "full").unwrap().difference, None);
}

#[test]
fn the_radios_word_that_a_frame_is_on_the_air_is_passed_on_with_its_class() {
    run(async {
        let gate = Gate::default();
        gate.lock().confirms = true;
        let radio = GatedRadio { inner: Box::new(MemHub::new().join(address(1))), gate: gate.clone() };
        let mut units = [Unit::new(1, Box::new(radio), None)];
        units[0].input(Input::Send(probe(Class::D0)));
        let sent = |unit: &Unit, class| unit.log.transmitted.iter().filter(|(frame, _)| frame.class == class).count();
        until(&mut units, |units| sent(&units[0], Class::D0) > 0 && sent(&units[0], Class::D2) > 0).await;
        // The last may still be on its way.
        until(&mut units, |units| units[0].log.on_air.len() == units[0].log.transmitted.len()).await;
        for ((frame, _), (class, waited)) in units[0].log.transmitted.iter().zip(&units[0].log.on_air) {
            assert_eq!((frame.class, gate::WAIT_NS), (*class, waited.as_nanos() as u64));
        }
    });
}

#[test]
fn what_the_link_measures_of_its_channel_reaches_the_node_and_the_recording() {
    let recording = Recording::new("load");
    run(async {
        let gate = Gate::default();
        let radio = GatedRadio { inner: Box::new(MemHub::new().join(address(1))), gate: gate.clone() };
        let mut units = [Unit::new(1, Box::new(radio), Some(recording.recorder(1)))];
        gate.measures(ChannelLoad { busy_permille: 700, measured: true });
        gate.measures(ChannelLoad { busy_permille: 1001, measured: false });
        until(&mut units, |units| units[0].station.node().counters().loads_refused == 1).await;
        // Later ones wake a station that sleeps.
        gate.measures(ChannelLoad { busy_permille: 1002, measured: true });
        until(&mut units, |units| units[0].station.node().counters().loads_refused == 2).await;
        finish_recording(&mut units[0].station);
    });
    let loads: Vec<_> = recording
        .records()
        .iter()
        .filter_map(|record| match input_of(record) {
            Some(Input::ChannelLoad { busy_permille, source }) => Some((busy_permille, source)),
            _ => None,
        })
        .collect();
    assert_eq!(loads, [(700, LoadSource::Survey), (1001, LoadSource::Estimate), (1002, LoadSource::Survey)]);
    assert_eq!(v2x_recording::check::check_bytes(&recording.bytes(), "load").unwrap().difference, None);
}

#[test]
fn garbage_on_the_link_is_counted_and_the_rest_is_heard() {
    run(async {
        let hub = MemHub::new();
        let mut noise = hub.join(address(9));
        let mut pair = [1, 2].map(|number| Unit::new(number, Box::new(hub.join(address(number))), None));
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let garbage: Vec<Vec<u8>> = (0..200)
            .map(|n| {
                let mut bytes = Vec::new();
                for _ in 0..n * 7 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    bytes.push((random >> 56) as u8);
                }
                // Some of it begins like a frame.
                if n % 3 == 0 && n > 0 {
                    bytes[..4.min(n * 7)].copy_from_slice(&[0x10, 0, 1, 0x20][..4.min(n * 7)]);
                }
                bytes
            })
            .collect();
        for bytes in &garbage {
            noise.send(&tx(bytes)).await.unwrap();
        }
        until(&mut pair, |pair| {
            pair.iter().all(|unit| unit.log.drops.len() >= garbage.len() && unit.log.received().count() > 0)
        })
        .await;
        for unit in &pair {
            let ended = unit.log.drops.len() + unit.log.received().count();
            assert_eq!(ended as u64, unit.station.node().counters().frames);
            let names: BTreeSet<&str> = unit.log.drops.iter().copied().collect();
            assert!(names.contains("truncated") && names.contains("bad_version"), "{names:?}");
            assert!(names.contains("malformed_envelope"), "{names:?}");
        }
    });
}

#[test]
fn a_link_that_fails_for_a_while_ends_no_station() {
    run(async {
        let hub = MemHub::new();
        let gate = Gate::default();
        gate.lock().errors = 25;
        let radio = GatedRadio { inner: Box::new(hub.join(address(1))), gate: gate.clone() };
        let mut pair =
            [Unit::new(1, Box::new(radio), None), Unit::new(2, Box::new(hub.join(address(2))), None)];
        until(&mut pair, |pair| {
            pair[1].log.received().count() > 0
                && pair[0].log.received().count() > 0
                && gate.lock().errors == 0
        })
        .await;
        let failed = pair[0].log.failed.len() as u64 + pair[0].station.receive_errors();
        assert_eq!(failed, 25, "each failure was told");
    });
}

// ---- running stations

/// A station and its reports.
struct Unit {
    station: Station,
    log: Log,
    anchor: Anchor,
    /// When its position is to be renewed.
    renew: Instant,
}

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    transmitted: Vec<(Transmit, Instant)>,
    failed: Vec<(Transmit, io::ErrorKind)>,
    drops: Vec<&'static str>,
    unsent: Vec<(Class, NotSentReason)>,
    on_air: Vec<(Class, Duration)>,
}

impl Observer for Log {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Dropped(dropped) => self.drops.push(dropped.reason.name()),
            Event::NotSent(not_sent) => self.unsent.push((not_sent.class, not_sent.reason)),
            _ => {}
        }
        self.events.push(event.clone());
    }

    fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
        self.transmitted.push((frame.clone(), on_air));
    }

    fn transmit_failed(&mut self, frame: &Transmit, error: &io::Error) {
        self.failed.push((frame.clone(), error.kind()));
    }

    fn on_air(&mut self, class: Class, waited: Duration) {
        self.on_air.push((class, waited));
    }
}

impl Log {
    fn summary(&self) -> String {
        let last = &self.events[self.events.len().saturating_sub(5)..];
        let Self { transmitted, failed, drops, unsent, .. } = self;
        format!(
            "{} sent, {} failed, {} dropped, {} unsent, lastly {last:?}",
            transmitted.len(),
            failed.len(),
            drops.len(),
            unsent.len()
        )
    }

    fn received(&self) -> impl Iterator<Item = &Received> {
        self.events.iter().filter_map(|event| match event {
            Event::Received(received) => Some(received),
            _ => None,
        })
    }
}

impl Unit {
    /// A station with clock and position.
    fn new(number: u32, radio: Box<dyn Radio>, recorder: Option<(Recorder, Anchor)>) -> Self {
        let authority = Authority::new();
        let (recorder, anchor) = match recorder {
            Some((recorder, anchor)) => (Some(recorder), anchor),
            None => (None, anchor()),
        };
        let node = Node::with_host(
            config(),
            authority.identity(number),
            authority.trust.clone(),
            SEED,
            anchor,
            Box::new(Live),
        );
        let station = Station::new(node, radio, recorder).unwrap();
        let mut unit = Self { station, log: Log::default(), anchor, renew: Instant::ZERO };
        let wire = anchor.wire_at(monotonic());
        unit.input(Input::Clock { wire, state: ClockState::Locked });
        unit.renew_fix();
        unit
    }

    fn input(&mut self, input: Input) {
        self.station.input(input, &mut self.log);
    }

    fn renew_fix(&mut self) {
        let now = monotonic();
        if now < self.renew {
            return;
        }
        self.renew = now + Duration::from_millis(300);
        let time = self.anchor.wire_at(now);
        self.input(Input::Fix(Some(Fix {
            position: PLACE,
            altitude_cm: None,
            speed: Some(0),
            heading: Some(0),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time,
        })));
    }
}

/// Runs the stations until `done`; panics when that takes longer than anything here may.
async fn until(units: &mut [Unit], mut done: impl FnMut(&[Unit]) -> bool) {
    let mut bound = DeadlineTimer::new().unwrap();
    bound.set(Some(monotonic().as_nanos() + BOUND.as_nanos() as u64)).unwrap();
    poll_fn(|cx| {
        for unit in units.iter_mut() {
            unit.renew_fix();
            match unit.station.poll(cx, &mut unit.log) {
                Poll::Ready(ended) => panic!("a station ended: {ended:?}"),
                Poll::Pending => {}
            }
        }
        if done(units) {
            return Poll::Ready(());
        }
        if bound.poll_expired(cx).is_ready() {
            let logs: Vec<String> = units.iter().map(|unit| unit.log.summary()).collect();
            panic!("it did not happen within {BOUND:?}: {logs:#?}");
        }
        Poll::Pending
    })
    .await;
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test);
}

fn config() -> Config {
    Config { awareness: AwarenessRule::Every(Duration::from_millis(20)), ..Config::vehicle() }
}

fn anchor() -> Anchor {
    Anchor { instant: monotonic(), wire: START }
}

fn address(number: u32) -> LinkAddress {
    LinkAddress(testkit::address(number))
}

fn tx(bytes: &[u8]) -> TxFrame<'_> {
    TxFrame::new(bytes, AccessCategory::BestEffort)
}

// ---- recordings

/// A recording file that is removed afterwards.
struct Recording(PathBuf);

impl Recording {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("roadcast-live-{}-{name}.rec", std::process::id())))
    }

    /// A recorder for station `number`, and the anchor its header names.
    fn recorder(&self, number: u32) -> (Recorder, Anchor) {
        let authority = Authority::new();
        let anchor = anchor();
        let pool = Pool::from(authority.identity(number));
        let [roots, issuers] = [&authority.root, &authority.issuer].map(|one| vec![one.clone()]);
        let header = record::header("test", &config(), &pool, roots, issuers, SEED, anchor);
        (Recorder::create(&self.0, &header).unwrap(), anchor)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }

    fn records(&self) -> Vec<v1::Record> {
        let mut rest = Bytes::from(self.bytes()).slice(record::MAGIC.len()..);
        v1::RecordingHeader::decode_length_delimited(&mut rest).unwrap();
        let mut records = Vec::new();
        while !rest.is_empty() {
            records.push(v1::Record::decode_length_delimited(&mut rest).unwrap());
        }
        records
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // A test that failed before it recorded leaves none.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Waits until the recording is in its file.
fn finish_recording(station: &mut Station) {
    assert!(station.recorder().unwrap().wait(std::time::Instant::now() + Duration::from_secs(60)));
}

fn input_of(record: &v1::Record) -> Option<Input> {
    match &record.record {
        Some(v1::record::Record::Input(input)) => Some(record::decode(input.clone()).unwrap().1),
        _ => None,
    }
}

fn is_frame(record: &v1::Record) -> bool {
    matches!(input_of(record), Some(Input::Frame(_)))
}

const SEED: u64 = 7;
/// What can travel one hop as a probe.
const SINGLE_HOP: [Class; 5] = [Class::D0, Class::D1, Class::D2, Class::D4, Class::D5];
/// Far more than any of this takes on a busy machine.
const BOUND: Duration = Duration::from_secs(60);
