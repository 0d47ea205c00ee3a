//! Plausibility checks over whole traces: honest stations are left alone, liars are found.
//!
//! The claims of a trace's stations go straight into the watches of some observers, without keys or frames: what is
//! measured is the checks. Positions get a receiver's error that wanders, so that the checks cannot rely on a
//! simulator's exactness.

use std::collections::BTreeMap;
use std::path::PathBuf;

use v2x_core::{
    AwarenessRule, Check, Claim, Instant, MisbehaviourDetector, Motion, Observation, Plane, Plausibility,
    Position, Purpose, Stream, TrustLevel, WireTime,
};
use v2x_proto::Digest;
use v2x_replay::source::{ReadOptions, Sample, Trace, read, town};

#[test]
fn nobody_in_the_town_is_suspected() {
    for noise_m in [0.0, 1.0] {
        let outcome = watch(&town::trace(), Lie::None, noise_m);
        println!("town, noise {noise_m} m: {outcome:?}");
        assert!(outcome.honest > 300, "{outcome:?}");
        assert_eq!((outcome.honest_suspect, outcome.honest_isolated), (0, 0), "{outcome:?}");
    }
}

#[test]
fn nobody_in_luxembourg_is_suspected() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/lust_nano");
    for file in ["lust_nano_0801_60s_10hz.csv.gz", "fcd_0800_1hz.xml.gz"] {
        let path = data.join(file);
        if !path.exists() {
            continue;
        }
        let trace = read(&path, &ReadOptions::default()).unwrap();
        for noise_m in [0.0, 1.0] {
            let outcome = watch(&trace, Lie::None, noise_m);
            println!("{file}, noise {noise_m} m: {outcome:?}");
            assert_eq!(outcome.honest_isolated, 0, "{outcome:?}");
            assert!(outcome.honest_suspect * 200 <= outcome.honest, "{outcome:?}");
        }
    }
}

#[test]
fn those_who_contradict_themselves_are_found() {
    for (lie, at_least) in [
        (Lie::ConstantPosition, 0.85),
        (Lie::RandomPosition, 0.9),
        (Lie::RandomPositionOffset, 0.9),
        (Lie::ConstantSpeed, 0.85),
        (Lie::ZeroSpeed, 0.85),
        (Lie::RandomSpeed, 0.85),
        (Lie::RandomSpeedOffset, 0.75),
        (Lie::ConstantSpeedOffset, 0.75),
        (Lie::ReversedHeading, 0.6),
        (Lie::Flood, 0.95),
    ] {
        let outcome = watch(&town::trace(), lie, 1.0);
        println!("{lie:?}: {outcome:?}");
        assert_eq!(outcome.honest_isolated, 0, "{lie:?}: {outcome:?}");
        assert!(outcome.recall() >= at_least, "{lie:?}: {} of {at_least}: {outcome:?}", outcome.recall());
    }
}

/// What a liar does to its claims (VeReMi's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    None,
    ConstantPosition,
    RandomPosition,
    RandomPositionOffset,
    ConstantSpeed,
    ZeroSpeed,
    RandomSpeed,
    RandomSpeedOffset,
    ConstantSpeedOffset,
    ReversedHeading,
    Flood,
}

/// Counted by (observer, station) that heard each other for two seconds or more.
#[derive(Debug, Default)]
struct Outcome {
    honest: usize,
    honest_suspect: usize,
    honest_isolated: usize,
    liars: usize,
    liars_suspect: usize,
    liars_isolated: usize,
    median_detect_s: f64,
    findings: Vec<(&'static str, u64)>,
}

impl Outcome {
    fn recall(&self) -> f64 {
        self.liars_suspect as f64 / self.liars.max(1) as f64
    }
}

#[derive(Debug, Default)]
struct Pair {
    first_s: f64,
    last_s: f64,
    messages: u32,
    suspect_s: Option<f64>,
    isolated: bool,
    moved: bool,
}

/// Every fourth station observes all, every fifth lies.
fn watch(trace: &Trace, lie: Lie, noise_m: f64) -> Outcome {
    let mut order: Vec<&Sample> = trace.samples.iter().collect();
    order.sort_by_key(|sample| (sample.time_ns, sample.station));
    let mut watches: BTreeMap<u32, MisbehaviourDetector> = BTreeMap::new();
    let mut places: BTreeMap<u32, (u64, Position)> = BTreeMap::new();
    let mut sent: BTreeMap<u32, (u64, Position)> = BTreeMap::new();
    let mut errors: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    let mut pairs: BTreeMap<(u32, u32), Pair> = BTreeMap::new();
    let mut random = Stream::new(11, Digest([0; 8]), Purpose::AwarenessPhase);
    let mut uniform =
        move |width: f64| (random.below(1 << 30) as f64 / f64::from(1u32 << 30) * 2.0 - 1.0) * width;
    let step_s = trace.step_ns() as f64 * 1e-9;
    for sample in order {
        let station = sample.station;
        let true_place = Position { latitude: sample.latitude, longitude: sample.longitude };
        places.insert(station, (sample.time_ns, true_place));
        let error = errors.entry(station).or_insert_with(|| (uniform(1.7 * noise_m), uniform(1.7 * noise_m)));
        // An error that wanders, with a correlation time of 20 s and the spread of `noise_m`.
        let forget = step_s / 20.0;
        let wander = noise_m * (6.0 * forget).sqrt();
        *error = (error.0 * (1.0 - forget) + uniform(wander), error.1 * (1.0 - forget) + uniform(wander));
        let place = true_place.moved(error.0, error.1);
        let now = Instant::from_nanos(sample.time_ns);
        watches.entry(station).or_insert_with(|| {
            MisbehaviourDetector::new(Plausibility::Enforce, AwarenessRule::Triggered, now)
        });
        let due = sent
            .get(&station)
            .is_none_or(|(at, before)| sample.time_ns - at >= 950_000_000 || before.distance_m(place) > 4.0);
        if !due {
            continue;
        }
        sent.insert(station, (sample.time_ns, place));
        let liar = lie != Lie::None && station % 5 == 3;
        let speed = sample.speed.map_or(0.0, f64::from) / 100.0;
        let claims = if liar && lie == Lie::Flood { 10 } else { 1 };
        for n in 0..claims {
            let (mut position, mut claimed, mut heading) = (place, speed, sample.heading);
            if liar {
                match lie {
                    Lie::None | Lie::Flood => {}
                    Lie::ConstantPosition => position = town_middle(trace),
                    Lie::RandomPosition => {
                        position = town_middle(trace).moved(uniform(250.0), uniform(250.0))
                    }
                    Lie::RandomPositionOffset => position = place.moved(uniform(70.0), uniform(70.0)),
                    Lie::ConstantSpeed => claimed = 25.0,
                    Lie::ZeroSpeed => claimed = 0.0,
                    Lie::RandomSpeed => claimed = uniform(15.0).abs(),
                    Lie::RandomSpeedOffset => claimed = (speed + uniform(5.0)).max(0.0),
                    Lie::ConstantSpeedOffset => claimed = speed + 6.0,
                    Lie::ReversedHeading => heading = heading.map(|heading| (heading + 1800) % 3600),
                }
            }
            let time_ns = sample.time_ns + n * 10_000_000;
            let claim = Claim {
                generation: WireTime::from_micros(1_000_000_000 + time_ns / 1000),
                position,
                motion: Some(Motion {
                    speed: Some((claimed * 100.0) as u16),
                    heading,
                    acceleration: None,
                    station_type: 5,
                }),
                accuracy_cm: None,
            };
            tell(&claim, station, time_ns, speed > 5.0, &places, &mut watches, &mut pairs);
        }
    }
    conclude(lie, &pairs, &watches)
}

fn tell(
    claim: &Claim,
    station: u32,
    time_ns: u64,
    moving: bool,
    places: &BTreeMap<u32, (u64, Position)>,
    watches: &mut BTreeMap<u32, MisbehaviourDetector>,
    pairs: &mut BTreeMap<(u32, u32), Pair>,
) {
    let (_, true_place) = places[&station];
    for (observer, (seen_ns, place)) in places {
        let gone = time_ns.saturating_sub(*seen_ns) > 1_500_000_000;
        if observer % 4 != 0 || *observer == station || gone || place.distance_m(true_place) > 300.0 {
            continue;
        }
        let mut digest = [9; 8];
        digest[..4].copy_from_slice(&station.to_le_bytes());
        let seen = Observation {
            signer: Digest(digest),
            claim: *claim,
            direct: true,
            signal_dbm: None,
            brakes: false,
            at: Instant::from_nanos(time_ns),
        };
        let watch = watches.get_mut(observer).expect("invariant: who has a place has a watch");
        let verdict = watch.observe(&seen, Some(&Plane::at(*place)));
        let now_s = time_ns as f64 * 1e-9;
        let pair =
            pairs.entry((*observer, station)).or_insert_with(|| Pair { first_s: now_s, ..Pair::default() });
        pair.last_s = now_s;
        pair.messages += 1;
        pair.moved |= moving;
        if let Some(change) = verdict.change {
            if change.standing >= TrustLevel::Suspect {
                pair.suspect_s.get_or_insert(now_s - pair.first_s);
            }
            pair.isolated |= change.standing == TrustLevel::Isolated;
        }
    }
}

fn conclude(
    lie: Lie,
    pairs: &BTreeMap<(u32, u32), Pair>,
    watches: &BTreeMap<u32, MisbehaviourDetector>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut delays = Vec::new();
    let long = |pair: &&Pair| pair.last_s - pair.first_s >= 2.0;
    for ((_, station), pair) in pairs.iter().filter(|(_, pair)| long(pair)) {
        if lie != Lie::None && station % 5 == 3 {
            // A station that stands tells the truth whatever it does to its speed or heading.
            if !pair.moved {
                continue;
            }
            outcome.liars += 1;
            outcome.liars_suspect += usize::from(pair.suspect_s.is_some());
            outcome.liars_isolated += usize::from(pair.isolated);
            delays.extend(pair.suspect_s);
        } else {
            outcome.honest += 1;
            outcome.honest_suspect += usize::from(pair.suspect_s.is_some());
            outcome.honest_isolated += usize::from(pair.isolated);
        }
    }
    delays.sort_by(f64::total_cmp);
    outcome.median_detect_s = delays.get(delays.len() / 2).copied().unwrap_or(f64::NAN);
    for check in Check::ALL {
        outcome.findings.push((check.name(), watches.values().map(|watch| watch.findings().of(check)).sum()));
    }
    outcome
}

fn town_middle(trace: &Trace) -> Position {
    let middle = &trace.samples[trace.samples.len() / 2];
    Position { latitude: middle.latitude, longitude: middle.longitude }
}
