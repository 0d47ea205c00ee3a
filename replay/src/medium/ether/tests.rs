use bytes::Bytes;
use v2x_proto::Class;
use v2x_proto::link::{DataRate, Origin};

use super::super::profile::{CaptureRule, ErrorTable, ObstacleLoss, Overlap};
use super::*;

const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
const US: u64 = 1_000;
/// Of 300 B.
const AIRTIME_NS: u64 = airtime_ns(300, DataRate::Mbps6);

/// A channel on which everything is known: no shadowing, no fading; a frame is lost below 10 dB and never above.
fn plain() -> RadioProfile {
    let edge =
        ErrorTable { rate: None, mpdu_bytes: None, per_bit: false, points: vec![(9.9, 1.0), (10.0, 0.0)] };
    RadioProfile {
        shadowing_db: 0.0,
        errors: vec![edge],
        overlap: Overlap::Shares,
        ..RadioProfile::published()
    }
}

/// Stations on a road to the east, and what became of the frames they were given.
struct Road {
    ether: Ether,
    places: Places,
    next_ticket: u32,
    ended: Vec<(EndedFrame, Vec<Fate>)>,
}

impl Road {
    fn new(profile: &RadioProfile, east_m: &[f64]) -> Self {
        let mut places = Places::new(300.0);
        for (station, east_m) in (0..).zip(east_m) {
            places.set(station, HERE.moved(*east_m, 0.0));
        }
        Self { ether: Ether::new(profile, 1), places, next_ticket: 0, ended: Vec::new() }
    }

    /// A station has 300 B to send at a time from [`BEGAN_NS`] on; earlier events come first.
    fn send(&mut self, sender: u32, at_ns: u64, class: Class) -> u32 {
        let at_ns = BEGAN_NS + at_ns;
        self.run(at_ns);
        let bytes = Bytes::from_static(&[0; 300]);
        let position = self.places.position(sender).unwrap();
        let transmission =
            Transmission { sender, at_ns, position, bytes: &bytes, class, origin: Origin::Own };
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let state = self.ether.transmit(ticket, &transmission, &self.places, &mut Vec::new());
        assert_eq!(state, TransmissionState::Pending);
        ticket
    }

    fn run(&mut self, until_ns: u64) {
        while self.ether.next_ns().is_some_and(|at_ns| at_ns <= until_ns) {
            let mut fates = Vec::new();
            while let Some(ended) = self.ether.advance(until_ns, &self.places, &mut fates) {
                self.ended.push((ended, core::mem::take(&mut fates)));
            }
        }
    }

    fn start_ns(&self, ticket: u32) -> u64 {
        self.ended.iter().find(|(ended, _)| ended.ticket == ticket).expect("it was sent").0.start_ns
            - BEGAN_NS
    }

    /// What a station made of a frame: `Ok`, or why it lost it.
    fn fate(&self, ticket: u32, station: u32) -> Result<(), &'static str> {
        let (_, fates) = self.ended.iter().find(|(ended, _)| ended.ticket == ticket).expect("it was sent");
        match fates.iter().find(|fate| fate.station == station).expect("it was within reach").outcome {
            Outcome::Heard(_) => Ok(()),
            Outcome::Lost(cause) => Err(cause),
        }
    }
}

const LATER: u64 = 1_000_000_000;
/// The channel has been idle for long when the tests begin.
const BEGAN_NS: u64 = 1_000 * US;

#[test]
fn a_lonely_frame_begins_at_once_and_arrives_after_its_airtime_and_its_way() {
    let mut road = Road::new(&plain(), &[0.0, 100.0, 299.0]);
    let ticket = road.send(0, 500 * US, Class::D2);
    road.run(LATER);
    let (ended, fates) = &road.ended[0];
    assert_eq!((ended.ticket, ended.start_ns, ended.end_ns), (ticket, 1_500 * US, 1_500 * US + AIRTIME_NS));
    let Outcome::Heard(reception) = &fates[0].outcome else { panic!("{fates:?}") };
    assert_eq!(reception.arrival_ns, 1_500 * US + AIRTIME_NS + 334);
    // 23 dBm less 40 log10(100) + 9.639 dB, which is more than free space.
    assert_eq!(reception.signal_dbm, Some(-67));
    // Sensed up to 287 m: the station at 299 m hears nothing, which is no message meant for it.
    assert_eq!(fates.len(), 1);
    assert_eq!(
        road.ether.losses.bins().nth(12).map(|(middle, met, heard, lost)| (middle, met, heard, lost[0])),
        Some((300, 1, 0, 1))
    );
    // Busy for the sender and for the one that heard it.
    assert_eq!(ended.busy_ns, 2 * AIRTIME_NS);
    assert_eq!(
        [0, 1, 2].map(|station| road.ether.busy_ns(station, LATER)),
        [(AIRTIME_NS, AIRTIME_NS), (AIRTIME_NS, 0), (0, 0)]
    );
}

#[test]
fn two_stations_in_range_defer_to_each_other() {
    let mut road = Road::new(&plain(), &[0.0, 50.0, 100.0]);
    let first = road.send(0, 0, Class::D2);
    let second = road.send(1, 100 * US, Class::D2);
    road.run(LATER);
    let waited_ns = road.start_ns(second) - AIRTIME_NS;
    let back_off_ns = waited_ns - AccessCategory::BestEffort.edca().aifs_ns();
    assert!(
        back_off_ns.is_multiple_of(13 * US) && back_off_ns <= 15 * 13 * US,
        "{waited_ns} ns after the first"
    );
    assert_eq!([road.fate(first, 2), road.fate(second, 2)], [Ok(()), Ok(())]);
}

#[test]
fn a_house_between_two_stations_weakens_what_passes_it_and_nothing_else() {
    // From 40 to 60 m, 30 m wide: between the first two, and not between either and the third.
    let corner = |east: f64, north: f64| HERE.moved(east, north);
    let house = vec![corner(40.0, -10.0), corner(60.0, -10.0), corner(60.0, 20.0), corner(40.0, 20.0)];
    let buildings = Some(Arc::new(Buildings::new(&[house]).unwrap()));
    let signals = |profile: &RadioProfile, buildings: Option<Arc<Buildings>>| {
        let mut road = Road::new(profile, &[0.0, 100.0]);
        road.places.set(2, HERE.moved(50.0, -40.0));
        road.ether = road.ether.behind(buildings);
        let frames = [road.send(0, 0, Class::D2), road.send(1, 2_000 * US, Class::D2)];
        road.run(LATER);
        let signal = |ticket: u32, station| {
            let (_, fates) = road.ended.iter().find(|(ended, _)| ended.ticket == ticket).unwrap();
            match &fates.iter().find(|fate| fate.station == station).unwrap().outcome {
                Outcome::Heard(reception) => Ok(reception.signal_dbm.unwrap()),
                Outcome::Lost(cause) => Err(*cause),
            }
        };
        [signal(frames[0], 1), signal(frames[1], 0), signal(frames[0], 2), signal(frames[1], 2)]
    };
    let open = signals(&plain(), None);
    assert_eq!(open[0], Ok(-67));
    let lost = Err("below_sensing");
    assert_eq!(signals(&plain(), buildings.clone()), [lost, lost, open[2], open[3]], "26 dB");
    let obstacles = ObstacleLoss { wall_db: 3.0, metre_db: 0.1 };
    let weak = signals(&RadioProfile { obstacles, ..plain() }, buildings);
    assert_eq!(weak, [Ok(-75), Ok(-75), open[2], open[3]], "two walls of 3 dB, and 20 m of 0.1 dB");
}

#[test]
fn hidden_stations_collide_at_a_station_between_them() {
    // 200 m from both, which are 400 m apart and do not hear each other.
    let mut road = Road::new(&plain(), &[0.0, 200.0, 400.0]);
    let first = road.send(0, 0, Class::D2);
    let second = road.send(2, 100 * US, Class::D2);
    road.run(LATER);
    assert_eq!(road.start_ns(second), 100 * US, "it hears no other");
    let bin = road.ether.losses.bins().nth(8).unwrap();
    assert_eq!(
        (bin.0, bin.1, bin.3),
        (200, 2, [0, 1, 0, 1]),
        "the one it followed, and the one that came while it did"
    );
    assert_ne!(first, second);
}

#[test]
fn two_that_begin_before_they_hear_each_other_meet_and_the_nearer_one_is_followed() {
    // Within 8 us, and 30 m against 130 m are 18 dB.
    let mut road = Road::new(&plain(), &[0.0, 30.0, 160.0]);
    let far = road.send(2, 0, Class::D2);
    let near = road.send(0, 7 * US, Class::D2);
    road.run(LATER);
    assert_eq!((road.start_ns(far), road.start_ns(near)), (0, 7 * US));
    assert_eq!(road.fate(far, 1), Err("collision"), "it was followed, and drowned");
    assert_eq!(road.fate(near, 1), Err("receiver_busy"));
    // At the same time, the nearer one's first bit arrives first.
    let mut road = Road::new(&plain(), &[0.0, 30.0, 160.0]);
    let (far, near) = (road.send(2, 0, Class::D2), road.send(0, 0, Class::D2));
    road.run(LATER);
    assert_eq!([road.fate(far, 1), road.fate(near, 1)], [Err("receiver_busy"), Ok(())]);
    // A microsecond later than it takes to hear it, the second waits.
    let mut road = Road::new(&plain(), &[0.0, 30.0, 160.0]);
    let (far, near) = (road.send(2, 0, Class::D2), road.send(0, 9 * US, Class::D2));
    road.run(LATER);
    assert!(road.start_ns(near) > AIRTIME_NS);
    assert_eq!([road.fate(far, 1), road.fate(near, 1)], [Ok(()), Ok(())]);
}

#[test]
fn a_stronger_frame_captures_a_receiver_where_the_profile_says_so() {
    let capture = Some(CaptureRule { by_db: 10.0, within_us: 1e6 });
    // At 0 m: a frame from 140 m, and before its sender is heard, one from 30 m.
    let outcome = |capture, after_ns: u64| {
        let mut road = Road::new(&RadioProfile { capture, ..plain() }, &[0.0, 140.0, -30.0]);
        let far = road.send(1, 0, Class::D2);
        let near = road.send(2, after_ns, Class::D2);
        road.run(LATER);
        (road.fate(far, 0), road.fate(near, 0))
    };
    assert_eq!(outcome(capture, 5 * US), (Err("collision"), Ok(())));
    assert_eq!(outcome(None, 5 * US), (Err("collision"), Err("receiver_busy")));
    let short = Some(CaptureRule { by_db: 10.0, within_us: 4.0 });
    assert_eq!(outcome(short, 5 * US), (Err("collision"), Err("receiver_busy")));
    let high = Some(CaptureRule { by_db: 40.0, within_us: 1e6 });
    assert_eq!(outcome(high, 5 * US), (Err("collision"), Err("receiver_busy")));
}

#[test]
fn a_station_that_sends_hears_nothing_meanwhile() {
    let mut road = Road::new(&plain(), &[0.0, 100.0]);
    let (one, other) = (road.send(0, 0, Class::D2), road.send(1, 5 * US, Class::D2));
    road.run(LATER);
    assert_eq!([road.fate(one, 1), road.fate(other, 0)], [Err("receiver_busy"), Err("receiver_busy")]);
}

#[test]
fn the_more_urgent_category_goes_first_when_the_channel_is_free_again() {
    let mut road = Road::new(&plain(), &[0.0, 20.0, 40.0, 60.0, 80.0]);
    road.send(0, 0, Class::D2);
    // At 58 us and up to three slots, 71 and up to seven, 149 and up to fifteen.
    let background = road.send(1, 10 * US, Class::D5);
    let voice = road.send(2, 20 * US, Class::D0);
    road.run(LATER);
    let after = |ticket| road.start_ns(ticket) - AIRTIME_NS;
    assert!(after(voice) <= (58 + 3 * 13) * US && road.start_ns(voice) < road.start_ns(background));
}

#[test]
fn a_back_off_freezes_while_another_sends() {
    let mut road = Road::new(&plain(), &[0.0, 50.0, 100.0]);
    let first = road.send(0, 0, Class::D2);
    let waiting = road.send(1, 10 * US, Class::D5);
    // It gets in between: 58 us at most three slots after the first, while the other still counts.
    let between = road.send(2, 20 * US, Class::D0);
    road.run(LATER);
    assert!(road.start_ns(first) < road.start_ns(between) && road.start_ns(between) < road.start_ns(waiting));
    let gap_ns = road.start_ns(waiting) - (road.start_ns(between) + AIRTIME_NS);
    assert!(gap_ns >= 149 * US && (gap_ns - 149 * US).is_multiple_of(13 * US), "{gap_ns}");
    assert_eq!([road.fate(waiting, 0), road.fate(between, 0)], [Ok(()), Ok(())]);
}

#[test]
fn the_end_of_a_frame_that_was_not_followed_is_only_energy() {
    // The station in the middle follows the first, and hears the second begin meanwhile; when the first ends, the second is weaker
    // than the threshold of energy, and the channel counts as free.
    let mut road = Road::new(&plain(), &[0.0, 200.0, 400.0]);
    road.send(0, 0, Class::D2);
    road.send(2, 100 * US, Class::D2);
    road.run(LATER);
    assert_eq!(road.ether.busy_ns(1, LATER), (AIRTIME_NS, 0));
    // Near enough for -65 dBm, 91 m, it stays busy.
    let mut road = Road::new(&RadioProfile { energy_dbm: -90.0, ..plain() }, &[0.0, 200.0, 400.0]);
    road.send(0, 0, Class::D2);
    road.send(2, 100 * US, Class::D2);
    road.run(LATER);
    assert_eq!(road.ether.busy_ns(1, LATER).0, AIRTIME_NS + 100 * US);
}

#[test]
fn an_additional_station_out_of_reach_changes_no_draw_of_others() {
    let profile = RadioProfile::published();
    let run = |more: bool| {
        let mut road = Road::new(&profile, &[0.0, 120.0, 180.0, 240.0]);
        if more {
            road.places.set(9, HERE.moved(0.0, 5_000.0));
        }
        for n in 0..40 {
            if more {
                road.send(9, n * 700 * US, Class::D2);
            }
            road.send((n % 4) as u32, n * 700 * US, Class::D2);
        }
        road.run(LATER);
        let fates = road.ended.into_iter().filter(|(_, fates)| !fates.is_empty());
        fates.map(|(ended, fates)| (ended.start_ns, fates)).collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn powers_come_back_to_nothing_and_every_frame_has_one_fate_at_each_station() {
    let mut road =
        Road::new(&RadioProfile::published(), &[0.0, 40.0, 90.0, 160.0, 260.0, 390.0, 500.0, 520.0]);
    let mut sent = 0;
    for n in 0..400u64 {
        let class = [Class::D0, Class::D1, Class::D2, Class::D5][n as usize % 4];
        road.send((n * 5 % 8) as u32, n * 150 * US, class);
        sent += 1;
    }
    road.run(LATER);
    assert_eq!(road.ended.len(), sent);
    assert!(
        road.ether.ears.iter().all(|ear| ear.total == 0 && ear.frame == NONE && !ear.busy && !ear.sending)
    );
    assert!(road.ether.next_ns().is_none() && road.ether.free.len() == road.ether.frames.len());
    let met: u64 = road.ether.losses.bins().map(|(_, met, ..)| met).sum();
    // 20 m, at most 520 m: all pairs but one are within the bins.
    assert!(met >= sent as u64 * 6, "{met}");
}

#[test]
fn who_is_gone_when_its_turn_comes_sends_nothing() {
    let mut road = Road::new(&plain(), &[0.0, 50.0]);
    road.send(0, 0, Class::D2);
    let gone = road.send(1, 100 * US, Class::D2);
    road.places.remove(1);
    road.run(LATER);
    assert!(road.ended.iter().any(|(ended, fates)| ended.ticket == gone && fates.is_empty()));
}
