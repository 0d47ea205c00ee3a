use super::*;
use crate::medium::{Outcome, RangeLimited, TransmissionState};
use crate::source::town;
use v2x_core::DropReason;
use v2x_proto::Class;

mod congestion;
mod link;
mod motion;
mod radio;
mod work;

/// Standing cars on a line, `metres` apart, sampled ten times a second for `seconds`.
fn standing(cars: u32, metres: f64, tenths: u64) -> Trace {
    let place = Position { latitude: 496_000_000, longitude: 61_300_000 };
    let mut trace = Trace {
        names: (0..cars).map(|car| format!("car {car}")).collect(),
        kinds: vec![StationKind::Passenger; cars as usize],
        ..Trace::default()
    };
    for step in 0..tenths {
        for station in 0..cars {
            let at = place.moved(f64::from(station) * metres, 0.0);
            trace.samples.push(Sample {
                time_ns: step * 100_000_000,
                station,
                latitude: at.latitude,
                longitude: at.longitude,
                speed: Some(0),
                heading: Some(900),
                acceleration: None,
            });
        }
    }
    trace
}

fn settings(verify: Verify, threads: usize) -> Settings {
    Settings {
        seed: 3,
        awareness: AwarenessRule::Every(Duration::from_millis(100)),
        verify,
        threads,
        pseudonyms: None,
        forwarding: Scheme::default(),
    }
}

fn counted(trace: &Trace, settings: Settings, medium: Box<dyn Medium>) -> Counted {
    let mut world = World::new(trace, settings, medium).unwrap();
    let end_ns = world.end_ns();
    world.run_until(end_ns);
    // Past the deadline of the last messages, so that they count.
    world.finish(end_ns + 200_000_000).unwrap()
}

fn ideal() -> Box<dyn Medium> {
    Box::new(RangeLimited::new(300.0))
}

#[test]
fn stations_in_range_hear_each_other_and_others_do_not() {
    let near = counted(&standing(2, 299.0, 20), settings(Verify::Once, 1), ideal());
    let class = near.ledger.stats.class(Class::D2);
    assert_eq!((class.sent, class.expected, class.delivered), (40, 40, 40));
    let far = counted(&standing(2, 301.0, 20), settings(Verify::Once, 1), ideal());
    let class = far.ledger.stats.class(Class::D2);
    assert_eq!((class.sent, class.expected), (40, 0));
    assert_eq!(far.ledger.frames.received, 0);
    // Nobody heard it, so nobody verified it.
    assert_eq!((far.signatures, near.signatures), (0, 40));
}

#[test]
fn latency_is_airtime_and_way() {
    let counted = counted(&standing(2, 150.0, 30), settings(Verify::Once, 1), ideal());
    let stats = counted.ledger.stats.class(Class::D2);
    let air = stats.stage(v2x_report::Stage::GateToAir).summary();
    let way = stats.stage(v2x_report::Stage::AirToKernel).summary();
    assert!((200_000..700_000).contains(&air.p50_ns), "{air:?}");
    assert!(way.p50_ns.abs_diff(500) < 5, "{way:?}");
}

#[test]
fn the_digest_never_depends_on_threads_or_on_how_often_is_verified() {
    let trace = town::trace();
    let mut digests = Vec::new();
    for (verify, threads) in [
        (Verify::Once, 1),
        (Verify::Once, 2),
        (Verify::Once, 4),
        (Verify::Every, 1),
        (Verify::Every, 2),
        (Verify::Every, 4),
    ] {
        let mut world = World::new(&trace, settings(verify, threads), ideal()).unwrap();
        world.run_until(3_000_000_000);
        let counted = world.finish(3_000_000_000).unwrap();
        assert!(counted.frames_sent > 500);
        let checks = match verify {
            Verify::Once => counted.frames_sent,
            Verify::Every => counted.ledger.frames.delivered,
        };
        assert!(counted.signatures <= checks && counted.signatures * 20 > checks * 19);
        digests.push((counted.digest_hex(), counted.ledger.frames));
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    let mut other = World::new(&trace, Settings { seed: 4, ..settings(Verify::Once, 1) }, ideal()).unwrap();
    other.run_until(3_000_000_000);
    assert_ne!(other.finish(3_000_000_000).unwrap().digest_hex(), digests[0].0);
}

#[test]
fn slices_of_any_length_make_the_same_run() {
    let trace = standing(5, 60.0, 20);
    let whole = counted(&trace, settings(Verify::Once, 1), ideal());
    let mut world = World::new(&trace, settings(Verify::Once, 1), ideal()).unwrap();
    for slice in 1..=2_000 {
        world.run_until(slice * 1_000_000);
    }
    assert_eq!(world.finish(2_000_000_000).unwrap().digest, whole.digest);
}

/// Flips a bit of what station 1 hears, in the signature or in the payload, every fifth time.
#[derive(Debug)]
struct Corrupting(RangeLimited, u64);

impl Medium for Corrupting {
    fn range_m(&self) -> f64 {
        self.0.range_m()
    }

    fn transmit(
        &mut self,
        ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let again = self.0.transmit(ticket, transmission, places, fates);
        for fate in fates.iter_mut().filter(|fate| fate.station == 1) {
            let Outcome::Heard(reception) = &mut fate.outcome else { continue };
            self.1 += 1;
            if self.1.is_multiple_of(5) {
                let mut bytes = transmission.bytes.to_vec();
                let signature = bytes.windows(2).position(|pair| pair == [0x12, 64]).unwrap();
                bytes[signature + 20] ^= 1;
                reception.changed = Some(bytes.into());
            }
        }
        again
    }
}

#[test]
fn a_frame_the_medium_changed_is_verified_on_the_spot_and_dropped() {
    let trace = standing(2, 100.0, 20);
    let run = |verify, threads| {
        let medium = Corrupting(RangeLimited::new(300.0), 0);
        counted(&trace, settings(verify, threads), Box::new(medium))
    };
    let alone = run(Verify::Once, 1);
    assert_eq!(alone.ledger.drops.get(DropReason::SignatureInvalid.name()), Some(&4));
    let class = alone.ledger.stats.class(Class::D2);
    assert_eq!((class.expected, class.delivered), (40, 36));
    for (verify, threads) in [(Verify::Once, 3), (Verify::Every, 1), (Verify::Every, 3)] {
        let other = run(verify, threads);
        assert_eq!((other.digest, &other.ledger.drops), (alone.digest, &alone.ledger.drops));
    }
}

/// Loses everything for station 1.
#[derive(Debug)]
struct Deaf(RangeLimited);

impl Medium for Deaf {
    fn range_m(&self) -> f64 {
        self.0.range_m()
    }

    fn transmit(
        &mut self,
        ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let again = self.0.transmit(ticket, transmission, places, fates);
        for fate in fates.iter_mut().filter(|fate| fate.station == 1) {
            fate.outcome = Outcome::Lost("below_sensing");
        }
        again
    }
}

#[test]
fn losses_keep_the_medium_s_cause() {
    let counted =
        counted(&standing(3, 50.0, 10), settings(Verify::Once, 1), Box::new(Deaf(RangeLimited::new(300.0))));
    let class = counted.ledger.stats.class(Class::D2);
    let lost = class.undelivered.get("below_sensing").copied();
    assert_eq!((class.expected, lost), (60, Some(20)));
}

#[test]
fn a_station_leaves_after_its_last_sample_and_comes_back_after_a_gap() {
    let mut trace = standing(2, 50.0, 100);
    // Station 1 is away from 2 s to 8 s: longer than can be bridged.
    let away = 2_000_000_000..8_000_000_000;
    trace.samples.retain(|sample| sample.station == 0 || !away.contains(&sample.time_ns));
    let mut world = World::new(&trace, settings(Verify::Once, 1), ideal()).unwrap();
    let mut there = Vec::new();
    for tenth in [5, 19, 21, 79, 81, 99, 101] {
        world.run_until(tenth * 100_000_000);
        there.push(world.node(1).is_some());
        assert_eq!(world.places().position(1).is_some(), world.node(1).is_some());
    }
    assert_eq!(there, [true, true, false, false, true, true, false]);
    world.run_until(u64::MAX);
    assert_eq!(world.next_ns(), None);
    let counted = world.finish(10_100_000_000).unwrap();
    let class = counted.ledger.stats.class(Class::D2);
    assert_eq!(class.expected, class.delivered);
}

#[test]
fn a_gap_that_can_be_bridged_is_filled_at_the_trace_s_step() {
    let mut trace = standing(1, 0.0, 40);
    trace.samples.retain(|sample| !(1_000_000_000..3_000_000_000).contains(&sample.time_ns));
    let mut world = World::new(&trace, settings(Verify::Once, 1), ideal()).unwrap();
    world.run_until(2_950_000_000);
    let fix = world.node(0).unwrap().last_fix().unwrap();
    assert_eq!(fix.time, wire_at(2_900_000_000));
}

#[test]
fn link_addresses_name_their_stations() {
    for station in [0, 1, 77_000, u32::MAX] {
        assert_eq!(station_of(&link_address(station)), station);
        // Locally administered, not a group address.
        assert_eq!(link_address(station)[0] & 3, 2);
    }
}

/// Cars on a line, `metres` apart, driving along it at 20 m/s.
fn driving(cars: u32, metres: f64, tenths: u64) -> Trace {
    let mut trace = standing(cars, metres, tenths);
    for sample in &mut trace.samples {
        let start = Position { latitude: sample.latitude, longitude: sample.longitude };
        let at = start.moved(sample.time_ns as f64 * 20e-9, 0.0);
        (sample.latitude, sample.longitude, sample.speed) = (at.latitude, at.longitude, Some(2000));
    }
    trace
}

#[test]
fn who_changes_in_the_open_is_followed_and_hears_the_others_all_the_same() {
    let change = ChangeRule::Every(Duration::from_secs(5));
    let pseudonyms = Some(PseudonymConfig { change, silence: Duration::ZERO });
    let run = |threads| {
        let settings = Settings { pseudonyms, ..settings(Verify::Once, threads) };
        counted(&driving(3, 80.0, 200), settings, ideal())
    };
    let one = run(1);
    assert!(one.linkability.changes >= 8, "{:?}", one.linkability);
    assert!(one.linkability.ratio > 0.9, "80 m apart: {:?}", one.linkability);
    let class = one.ledger.stats.class(Class::D2);
    assert_eq!(class.expected, class.delivered, "every first message brings its credential");
    assert_eq!(one.digest, run(2).digest);
}
