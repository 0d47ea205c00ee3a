//! Recordings of stations whose clocks are set apart and run unevenly fast, merged: against the truth of the world that made them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use testkit::craft::read;
use testkit::drive::drain;
use testkit::field::Crew;
use testkit::{Authority, START, hazard};
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, Fix, Input, Instant, Node, Output, Plausibility, Position,
    ReceivedFrame, Scheme, SendRequest, Way,
};
use v2x_proto::{Class, Digest, v1};
use v2x_recording::record;
use v2x_replay::merge::{MergeError, MergeRadio, MergeReport, merge, page, text};
use v2x_replay::plan::MediumPlan;

const SEED: u64 = 22;
const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
const END_NS: u64 = 30_000_000_000;
const MS: u64 = 1_000_000;

/// How a station's clocks are: the machine's when the world begins, the station's then against the truth, and the machine's rate.
#[derive(Clone, Copy)]
struct Clocks {
    instant_ns: u64,
    ahead_us: i64,
    ppm: f64,
}

impl Clocks {
    fn at(self, true_ns: u64) -> Instant {
        Instant::from_nanos(self.instant_ns + self.since(true_ns))
    }

    fn since(self, true_ns: u64) -> u64 {
        (true_ns as f64 * (1.0 + self.ppm / 1e6)).round() as u64
    }

    fn anchor(self) -> Anchor {
        let wire = START.as_micros().checked_add_signed(self.ahead_us).unwrap();
        Anchor { instant: self.at(0), wire: v2x_core::WireTime::from_micros(wire) }
    }

    /// What the recording shows at a time, ns.
    fn recorded(self, true_ns: u64) -> i64 {
        self.anchor().wire.as_micros() as i64 * 1000 + self.since(true_ns) as i64
    }
}

struct Stander {
    node: Node,
    clocks: Clocks,
    bytes: Vec<u8>,
    deadline: Instant,
    place: Position,
}

/// Who is told what of a message: signer and sequence, class.
type Name = (Digest, Class, u32);

struct World {
    stations: Vec<Stander>,
    air: BinaryHeap<Reverse<(u64, u64, usize)>>,
    frames: BTreeMap<u64, Bytes>,
    sent: BTreeMap<Name, (usize, u64)>,
    heard: BTreeMap<(Name, usize), (u64, bool)>,
    draws: u64,
    /// Of the recordings' last input.
    end_ns: u64,
    hears: fn(usize, usize) -> bool,
}

impl World {
    fn new(clocks: &[Clocks], hears: fn(usize, usize) -> bool, test: bool) -> Self {
        let authority = Authority::new();
        let crew = Crew::default();
        let stations = clocks.iter().enumerate().map(|(number, clocks)| {
            let config = Config {
                awareness: AwarenessRule::Every(Duration::from_millis(250)),
                forwarding: Scheme::Flooding,
                plausibility: Plausibility::Off,
                test,
                ..Config::vehicle()
            };
            let (pool, anchor) = (authority.identity(number as u32).into(), clocks.anchor());
            let header = record::header("roadcast test", &config, &pool, vec![], vec![], 5, anchor);
            let trust = authority.trust.clone();
            Stander {
                node: Node::with_host(config, pool, trust, 5, anchor, crew.host()),
                clocks: *clocks,
                bytes: record::start(&header),
                deadline: anchor.instant,
                place: HERE.moved(70.0 * number as f64, 0.0),
            }
        });
        let mut world = Self {
            stations: stations.collect(),
            air: BinaryHeap::new(),
            frames: BTreeMap::new(),
            sent: BTreeMap::new(),
            heard: BTreeMap::new(),
            draws: SEED,
            end_ns: 0,
            hears,
        };
        for number in 0..world.stations.len() {
            let wire = world.stations[number].clocks.anchor().wire;
            world.feed(number, 0, Input::Clock { wire, state: ClockState::Locked });
        }
        world
    }

    fn draw(&mut self) -> u64 {
        self.draws =
            self.draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.draws >> 33
    }

    fn feed(&mut self, number: usize, now_ns: u64, input: Input) {
        let station = &mut self.stations[number];
        let now = station.clocks.at(now_ns);
        record::write_input(now, &input, &mut station.bytes);
        station.node.handle_input(now, input);
        let mut sent = Vec::new();
        (station.deadline, _) = drain(&mut station.node, |output| {
            record::write_output(&output, &mut station.bytes);
            if let Output::Transmit(frame) = output {
                sent.push(frame.bytes);
            }
        });
        for bytes in sent {
            let (header, tbs, _) = read(&bytes);
            let own = station_of(&self.stations, header.forwarder) == Some(number);
            assert!(own, "a station sends under its own name");
            let name = self.name(&bytes);
            if station_of(&self.stations, name.0) == Some(number) {
                self.sent.entry((name.0, tbs.class, tbs.sequence)).or_insert((number, now_ns));
            }
            for to in 0..self.stations.len() {
                // A twelfth is lost, the rest takes 0.3 to 2.3 ms.
                if to != number && (self.hears)(number, to) && !self.draw().is_multiple_of(12) {
                    let at_ns = now_ns + 300_000 + self.draw() % (2 * MS);
                    let frame = self.frames.len() as u64;
                    self.frames.insert(frame, bytes.clone());
                    self.air.push(Reverse((at_ns, frame, to)));
                }
            }
        }
    }

    fn name(&self, bytes: &Bytes) -> Name {
        use sha2::Digest as _;
        use v2x_proto::envelope::SignerRef;
        let (_, tbs, signer) = read(bytes);
        let digest = match signer {
            SignerRef::Digest(digest) => digest,
            SignerRef::Credential(credential) => Digest::of_hash(&sha2::Sha256::digest(credential).into()),
        };
        (digest, tbs.class, tbs.sequence)
    }

    fn run(mut self) -> Self {
        let mut next_fix = 20 * MS;
        let mut hazards = 0;
        let mut now_ns = 0;
        while now_ns < END_NS || !self.air.is_empty() {
            now_ns += MS / 4;
            while let Some(Reverse((at_ns, frame, to))) = self.air.peek().copied()
                && at_ns <= now_ns
            {
                self.air.pop();
                self.arrive(at_ns, now_ns, frame, to);
            }
            if now_ns >= END_NS {
                continue;
            }
            if now_ns >= next_fix {
                next_fix += 500 * MS;
                for number in 0..self.stations.len() {
                    let fix = self.fix(number, now_ns);
                    self.feed(number, now_ns, fix);
                }
                if hazards < 20 && now_ns > 1_000 * MS {
                    hazards += 1;
                    let hazard = self.hazard(now_ns, hazards);
                    self.feed(0, now_ns, hazard);
                }
            }
            for number in 0..self.stations.len() {
                if self.stations[number].deadline <= self.stations[number].clocks.at(now_ns) {
                    self.feed(number, now_ns, Input::Timeout);
                }
            }
        }
        self.end_ns = now_ns + MS;
        for station in &mut self.stations {
            record::write_input(station.clocks.at(self.end_ns), &Input::Timeout, &mut station.bytes);
        }
        self
    }

    fn arrive(&mut self, at_ns: u64, now_ns: u64, frame: u64, to: usize) {
        let bytes = self.frames[&frame].clone();
        let name = self.name(&bytes);
        if station_of(&self.stations, name.0) != Some(to) {
            let direct = read(&bytes).0.forwarder == name.0;
            let heard = self.heard.entry((name, to)).or_insert((at_ns, direct));
            heard.1 |= direct;
        }
        let stamp = self.stations[to].clocks.at(at_ns);
        let frame = ReceivedFrame {
            bytes,
            link_source: [2; 6],
            kernel_receive: Some(stamp),
            user_receive: None,
            signal_dbm: None,
            way: Way::Air,
        };
        self.feed(to, now_ns, Input::Frame(frame));
    }

    fn fix(&self, number: usize, now_ns: u64) -> Input {
        let station = &self.stations[number];
        Input::Fix(Some(Fix {
            position: station.place,
            altitude_cm: None,
            speed: Some(0),
            heading: Some(0),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: Some(150),
            time: station.node.anchor().wire_at(station.clocks.at(now_ns)),
        }))
    }

    fn hazard(&self, now_ns: u64, number: u32) -> Input {
        let station = &self.stations[0];
        let wire = station.node.anchor().wire_at(station.clocks.at(now_ns));
        Input::Send(SendRequest {
            to: None,
            message_type: v1::MessageType::Hazard as u32,
            class: Class::D3,
            lifetime_ms: 5_000,
            max_hops: 3,
            area: Some(hazard::circle(station.place, 500)),
            subject: 0,
            due: None,
            token: None,
            payload: hazard::new(station.node.digest(), number, station.place, wire).encode_to_vec().into(),
        })
    }

    fn save(&self, folder: &Path) -> Vec<PathBuf> {
        let saved = self.stations.iter().enumerate().map(|(number, station)| {
            let path = folder.join(format!("{number}.rec"));
            fs::write(&path, &station.bytes).unwrap();
            path
        });
        saved.collect()
    }
}

fn station_of(stations: &[Stander], digest: Digest) -> Option<usize> {
    stations.iter().position(|station| station.node.digest() == digest)
}

const APART: [Clocks; 5] = [
    Clocks { instant_ns: 5_000_000_000, ahead_us: 0, ppm: 0.0 },
    Clocks { instant_ns: 86_400_000_000_000, ahead_us: 37_000, ppm: 20.0 },
    Clocks { instant_ns: 1_000, ahead_us: -120_000, ppm: -35.0 },
    Clocks { instant_ns: 77_000_000_000, ahead_us: 4_321, ppm: 3.0 },
    Clocks { instant_ns: 9_000_000_000, ahead_us: -900, ppm: 11.0 },
];

/// 0, 1 and 2 hear each other; 3 hears and is heard by 2 alone; 4 hears nobody, and 0 hears it.
fn hears(from: usize, to: usize) -> bool {
    matches!((from, to), (0..=2, 0..=2) | (2, 3) | (3, 2) | (4, 0))
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roadcast-merge-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn merged(name: &str, world: &World) -> MergeReport {
    let folder = folder(name);
    let report = merge(&world.save(&folder), None).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    report
}

#[test]
fn clocks_are_within_their_bounds_and_deliveries_and_latencies_are_the_world_s() {
    println!("seed {SEED}");
    let world = World::new(&APART, hears, false).run();
    let report = merged("apart", &world);

    let joined: Vec<_> = report.recordings.iter().map(|one| (one.clock, one.through)).collect();
    let expected = [
        ("reference", None),
        ("both_ways", Some(0)),
        ("both_ways", Some(0)),
        ("both_ways", Some(2)),
        ("one_way", None),
    ];
    assert_eq!(joined, expected);
    for (number, one) in report.recordings.iter().enumerate().take(4) {
        let clocks = world.stations[number].clocks;
        let (wrong, bound) = (one.ahead_ns - ahead(&world, number), one.bound_ns.unwrap());
        assert!(wrong.abs() <= bound + 200, "{number}: {wrong} of {bound}");
        assert!(bound < 1_000_000, "{number}: {bound}");
        if number > 0 {
            let wrong = one.drift_ppm.unwrap() - (clocks.ppm - APART[0].ppm);
            assert!(wrong.abs() <= one.drift_bound_ppm.unwrap() + 0.1, "{number}: {wrong}");
        }
    }
    assert!(
        report.warnings.iter().any(|warning| warning.contains("4.rec: no frames both ways")),
        "{:?}",
        report.warnings
    );

    for sender in 0..5 {
        for receiver in (0..5).filter(|receiver| *receiver != sender) {
            let pair =
                report.pairs.iter().find(|pair| (pair.sender, pair.receiver) == (sender, receiver)).unwrap();
            let sent = world.sent.iter().filter(|(_, (by, _))| *by == sender);
            let found: Vec<_> = sent
                .clone()
                .filter_map(|(name, (_, at))| {
                    world.heard.get(&(*name, receiver)).map(|(heard, direct)| (heard - at, *direct))
                })
                .collect();
            let direct = found.iter().filter(|(_, direct)| *direct).count();
            let expected = (sent.count() as u64, found.len() as u64, direct as u64);
            let delivery = pair.delivery;
            assert_eq!(
                (delivery.chances, delivery.heard, delivery.direct),
                expected,
                "{sender} to {receiver}"
            );
            let both = sender < 4 && receiver < 4 && !found.is_empty();
            assert_eq!(pair.latency.is_some(), both, "{sender} to {receiver}");
            let Some(latency) = pair.latency else { continue };
            let mut times: Vec<u64> = found.iter().map(|(time, _)| *time).collect();
            times.sort_unstable();
            let (median, longest) = (times[(times.len() - 1) / 2], times[times.len() - 1]);
            for (shown, right) in [(latency.latency.p50_ns, median), (latency.latency.max_ns, longest)] {
                let near = latency.bound_ns + right / 500 + 2_000;
                assert!(
                    shown.abs_diff(right) <= near,
                    "{sender} to {receiver}: {shown} for {right}, bound {}",
                    latency.bound_ns
                );
            }
        }
    }
    let far = report.classes.iter().find(|class| class.class == "D3").unwrap();
    assert!(far.delivery.heard > far.delivery.direct, "hazards reach station 3 through others: {far:?}");
    let text = text(&report);
    assert!(text.contains("through 2") && text.contains("one way"), "{text}");
    assert!(!text.contains("-100.0 % ("), "columns keep apart: {text}");
}

/// How far a station's clock is ahead of the first's in the middle of its recording, ns.
fn ahead(world: &World, number: usize) -> i64 {
    let clocks = world.stations[number].clocks;
    let middle = clocks.recorded(0).midpoint(clocks.recorded(world.end_ns));
    let true_ns = ((middle - clocks.recorded(0)) as f64 / (1.0 + clocks.ppm / 1e6)).round() as u64;
    middle - world.stations[0].clocks.recorded(true_ns)
}

#[test]
fn a_range_model_predicts_what_it_would_have_been() {
    let world = World::new(&APART[..3], |_, _| true, false).run();
    let folder = folder("model");
    let paths = world.save(&folder);
    let radio = MergeRadio { medium: MediumPlan::range(100.0), seed: 1, draws: 2 };
    let report = merge(&paths, Some(radio)).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let shares = |from: u32| {
        let prediction = report.prediction.as_ref().unwrap();
        let range = prediction.by_distance.iter().find(|range| range.from_m == from).unwrap();
        (range.measured.share.unwrap(), range.predicted.unwrap().mean)
    };
    let (near, far) = (shares(50), shares(100));
    assert!(
        near.1 == 1.0 && far.1 == 0.0,
        "70 m is within the model's range, 140 m is not: {near:?} {far:?}"
    );
    assert!(
        (0.85..0.97).contains(&near.0) && (0.85..0.97).contains(&far.0),
        "a twelfth is lost: {near:?} {far:?}"
    );
    let range = |from: u32| {
        let prediction = report.prediction.as_ref().unwrap();
        prediction.by_distance.iter().find(|range| range.from_m == from).unwrap().clone()
    };
    let (near, far) = (range(50), range(100));
    let recorded = near.measured_latency.unwrap();
    assert_eq!(recorded.latency.count, near.measured.direct, "every clock is joined");
    let (low, high) = recorded.p50_interval_ns.unwrap();
    assert!(low <= recorded.latency.p50_ns && recorded.latency.p50_ns <= high, "{recorded:?}");
    // An airtime of some hundred bytes, and nothing that waits; what is not heard has no time and no age.
    let model = near.predicted_latency_p50_ns.unwrap().mean;
    assert!((1e5..1e6).contains(&model), "{model}");
    assert!(far.predicted_latency_p50_ns.is_none() && far.predicted_age_p50_ns.is_none(), "{far:?}");
    // Of beacons each 250 ms, of which a twelfth is lost on the road and none in the model.
    let (age, model) = (near.measured_age.unwrap(), near.predicted_age_p50_ns.unwrap().mean);
    assert!(age.p50_ns.abs_diff(130 * MS) < 25 * MS && (model - 130e6).abs() < 15e6, "{age:?} {model}");
    assert!(age.p95_ns as f64 > near.predicted_age_p95_ns.unwrap().mean, "{age:?}");
}

#[test]
fn a_page_has_the_figures_of_the_json_escapes_names_and_needs_nothing_from_outside() {
    let world = World::new(&APART, hears, false).run();
    let folder = folder("page<b>&'");
    let paths = world.save(&folder);
    let radio = MergeRadio { medium: MediumPlan::range(100.0), seed: 1, draws: 2 };
    let report = merge(&paths, Some(radio)).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let page = page(&report, "roadcast replay merge <x>", "1");
    let json = serde_json::to_value(&report).unwrap();

    let list = |value: &serde_json::Value| value.as_array().unwrap().clone();
    let cell = |name: &str, text: String| format!("<td data-name=\"{name}\">{text}</td>");
    let number = |value: &serde_json::Value| value.as_u64().unwrap().to_string();
    let percent = |value: &serde_json::Value| format!("{:.1} %", value.as_f64().unwrap() * 100.0);
    let limits = |value: &serde_json::Value| {
        let ends = [0usize, 1].map(|end| value[end].as_f64().unwrap() * 100.0);
        format!("{:.1}..{:.1} %", ends[0], ends[1])
    };
    let time = |value: &serde_json::Value| match value.as_u64() {
        None => "-".to_owned(),
        Some(ns @ 0..1_000_000) => format!("{:.1} us", ns as f64 / 1e3),
        Some(ns @ 1_000_000..1_000_000_000) => format!("{:.2} ms", ns as f64 / 1e6),
        Some(ns) => format!("{:.2} s", ns as f64 / 1e9),
    };
    for (number_of, one) in list(&json["recordings"]).iter().enumerate() {
        let row = page.split("<tr>").find(|row| {
            row.starts_with(&format!("<th scope=\"row\">{number_of} ")) && row.contains("data-name=\"bound\"")
        });
        let row = row.unwrap();
        assert!(row.contains(&cell("sent", number(&one["sent"]))), "{row}");
        assert!(row.contains(&cell("bound", time(&one["bound_ns"]))), "{row}");
        let ahead = format!("{:.6} s", one["ahead_ns"].as_i64().unwrap().unsigned_abs() as f64 / 1e9);
        assert!(row.contains(&ahead), "{row} {ahead}");
    }
    for pair in list(&json["pairs"]) {
        let (delivery, latency) = (&pair["delivery"], &pair["latency"]);
        let from_to = format!("{0} {0}.rec to {1} {1}.rec", pair["sender"], pair["receiver"]);
        let row = [
            format!("<th scope=\"row\">{from_to}</th>"),
            cell("chances", number(&delivery["chances"])),
            cell("heard", number(&delivery["heard"])),
            cell("straight", number(&delivery["direct"])),
            cell("share", percent(&delivery["share"])),
            cell("95 % interval", limits(&delivery["interval"])),
            cell("p50", time(&latency["latency"]["p50_ns"])),
        ];
        assert!(page.contains(&row.concat()), "{}", row.concat());
    }
    for range in list(&json["prediction"]["by_distance"]) {
        let Some(share) = range["measured"]["share"].as_f64() else { continue };
        let at = format!("{}-{} m", range["from_m"], range["to_m"]);
        let model = range["predicted"]["mean"].as_f64().unwrap();
        assert!(page.contains(&format!("recorded, {at}: {share:.4}, the model&#39;s {model:.4}")), "{range}");
        let age = &range["measured_age"];
        assert!(age.is_null() || page.contains(&cell("age p50", time(&age["p50_ns"]))), "{range}");
    }
    for class in list(&json["classes"]) {
        assert!(page.contains(&format!("<h2>{} ", class["class"].as_str().unwrap())), "{class}");
        for range in list(&class["by_distance"]) {
            let Some(share) = range["delivery"]["share"].as_f64() else { continue };
            assert!(page.contains(&format!("m: {share:.4}</title>")), "{range}");
        }
    }
    assert!(page.contains("page&lt;b&gt;&amp;&#39;") && page.contains("merge &lt;x&gt;"));
    assert!(!page.contains("<b>") && !page.contains("<x>") && !page.contains("<script"));
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(outside), "the page refers to something outside: {outside}");
    }
    for warning in &report.warnings {
        let last = warning.rsplit(": ").next().unwrap().replace('\'', "&#39;");
        assert!(page.contains(&last), "{last}");
    }
}

#[test]
fn recordings_that_do_not_belong_together_are_refused_in_one_line() {
    let folder = folder("refused");
    let world = World::new(&APART[..2], |_, _| true, false).run();
    let paths = world.save(&folder);
    let twin = folder.join("twin.rec");
    fs::copy(&paths[0], &twin).unwrap();
    let line = |paths: &[PathBuf]| {
        let line = merge(paths, None).unwrap_err().to_string();
        assert!(!line.contains('\n'), "{line}");
        line
    };
    assert!(line(&[paths[0].clone(), twin]).contains("is of the same station as"));
    assert!(line(&paths[..1]).starts_with("1 recordings; give 2 to 16"));
    let deaf = World::new(&APART[..2], |_, _| false, false).run();
    let lonely = deaf.save(&folder);
    assert!(line(&lonely).contains("no frame that one of these stations sent was heard by another"));
    let test = World::new(&APART[..2], |_, _| true, true).run();
    fs::write(&paths[0], &world.stations[0].bytes).unwrap();
    fs::write(&paths[1], &test.stations[1].bytes).unwrap();
    assert!(line(&paths).contains("sent test traffic"));
    let mut other = world.stations[1].bytes.clone();
    let header = v1::RecordingHeader::decode_length_delimited(&other[record::MAGIC.len()..]).unwrap();
    let length = record::start(&header).len();
    other.splice(..length, record::start(&v1::RecordingHeader { version: 99, ..header }));
    fs::write(&paths[1], &other).unwrap();
    assert!(line(&paths).contains("has layout version 99"));
    // Each is read three times.
    assert!(
        line(&[paths[0].clone(), "/dev/null".into()])
            .contains("/dev/null: cannot be read: it is not a plain file")
    );
    fs::write(&paths[1], b"no recording").unwrap();
    assert!(line(&paths).contains("is not a recording"));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_recording_that_breaks_off_is_used_up_to_there() {
    let folder = folder("cut");
    let world = World::new(&APART[..2], |_, _| true, false).run();
    let paths = world.save(&folder);
    let whole = merge(&paths, None).unwrap();
    let bytes = &world.stations[1].bytes;
    fs::write(&paths[1], &bytes[..bytes.len() / 2 + 3]).unwrap();
    let cut = merge(&paths, None).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(cut.warnings.iter().any(|warning| warning.contains("used up to there")), "{:?}", cut.warnings);
    assert!(cut.recordings[1].recorded_s < whole.recordings[1].recorded_s * 0.7);
    // What was sent after the end is no chance that was missed.
    let share = |report: &MergeReport| report.pairs[0].delivery.share.unwrap();
    assert!((share(&cut) - share(&whole)).abs() < 0.06, "{} {}", share(&cut), share(&whole));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_after_a_header_are_merged_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        number: u64,
    ) {
        let folder = folder(&format!("any-{number}"));
        let authority = Authority::new();
        let paths: Vec<PathBuf> = (0..2u32).map(|station| {
            let pool = authority.identity(station).into();
            let anchor = Anchor { instant: Instant::from_nanos(number), wire: START };
            let header = record::header("test", &Config::vehicle(), &pool, vec![], vec![], 5, anchor);
            let header = v1::RecordingHeader { anchor_wire_us: number, ..header };
            let path = folder.join(format!("{station}.rec"));
            fs::write(&path, [record::start(&header), bytes.clone()].concat()).unwrap();
            path
        }).collect();
        let merged = merge(&paths, None);
        fs::remove_dir_all(&folder).unwrap();
        prop_assert!(matches!(merged, Err(MergeError::NothingInCommon(_))), "{merged:?}");
    }
}
