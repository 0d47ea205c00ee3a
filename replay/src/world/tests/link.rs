//! What stations do with a link that is full, and what their applications declare.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use v2x_core::HazardDraft;
use v2x_proto::AreaView;
use v2x_proto::cause;

use super::*;
use crate::flood::measure;

/// Each frame occupies its sender's transmitter for this time, which holds this many; all are heard at once.
#[derive(Debug)]
struct Slow {
    inner: RangeLimited,
    frames: usize,
    busy_ns: u64,
    /// Frames of hazards, with their times.
    hazards: Arc<Mutex<Vec<(u64, Bytes)>>>,
}

impl Slow {
    fn new(frames: usize, busy_ms: u64) -> Self {
        Self { inner: RangeLimited::new(300.0), frames, busy_ns: busy_ms * MS, hazards: Arc::default() }
    }
}

impl Medium for Slow {
    fn range_m(&self) -> f64 {
        self.inner.range_m()
    }

    fn transmitter_frames(&self) -> usize {
        self.frames
    }

    fn transmit(
        &mut self,
        ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        self.inner.transmit(ticket, transmission, places, fates);
        if matches!(transmission.class, Class::D0 | Class::D1 | Class::D3) {
            self.hazards.lock().unwrap().push((transmission.at_ns, transmission.bytes.clone()));
        }
        TransmissionState::Decided { end_ns: transmission.at_ns + self.busy_ns }
    }
}

fn declares(at_ms: u64, draft: HazardDraft) -> Errand {
    Errand { at_ns: at_ms * MS, by: By::Station(0), content: Content::Hazard(draft), due_ns: None }
}

fn warning(class: Class, validity_s: u64) -> HazardDraft {
    HazardDraft {
        validity: Duration::from_secs(validity_s),
        ..HazardDraft::new(class, cause::COLLISION_RISK)
    }
}

fn run(trace: &Trace, settings: Settings, medium: Slow, errands: Vec<Errand>) -> Counted {
    let mut world = World::new(trace, settings, Box::new(medium)).unwrap();
    world.assign(errands);
    let end_ns = world.end_ns();
    world.run_until(end_ns);
    world.finish(end_ns + 500 * MS).unwrap()
}

#[test]
fn awareness_that_waits_for_a_full_transmitter_is_replaced_by_newer() {
    let trace = standing(2, 50.0, 20);
    // Room for one frame, and each takes longer than two beacons are apart.
    let full = run(&trace, settings(Verify::Once, 1), Slow::new(1, 240), Vec::new());
    let class = full.ledger.stats.class(Class::D2);
    let replaced = class.undelivered.get("send_replaced").copied().unwrap_or(0);
    assert!(replaced >= class.delivered, "{:?}", class.undelivered);
    assert_eq!(full.frames_sent, class.delivered, "nothing else went to the medium");
    assert!(class.delivered >= 14, "a frame every 240 ms: {}", class.delivered);
    // A frame that is sent has waited at most half as long as one that is replaced: the newest is sent.
    assert!(class.stage(v2x_report::Stage::SendToDelivered).summary().max_ns < 101 * MS);
    // With room for all of them nothing waits.
    let room = run(&trace, settings(Verify::Once, 1), Slow::new(100, 240), Vec::new());
    let class = room.ledger.stats.class(Class::D2);
    assert_eq!((class.delivered, class.undelivered.len()), (class.expected, 0));
}

#[test]
fn a_warning_that_expires_before_there_is_room_is_counted_and_not_sent() {
    // A beacon every 100 ms keeps the transmitter for 60 ms; a warning expires after 20 ms. Of four warnings, each
    // at another quarter of the 100 ms, one at least comes too early before its end, and one at least does not.
    let trace = standing(2, 50.0, 80);
    let medium = Slow::new(1, 60);
    let hazards = Arc::clone(&medium.hazards);
    let errands = (0..4).map(|n| declares(500 + 1_525 * n, warning(Class::D0, 1))).collect();
    let counted = run(&trace, settings(Verify::Once, 1), medium, errands);
    let class = counted.ledger.stats.class(Class::D0);
    let expired = class.undelivered.get("send_expired").copied().unwrap_or(0);
    assert!(expired > 0 && class.delivered > 0, "{expired} expired, {} delivered", class.delivered);
    assert_eq!(expired + class.delivered, class.expected);
    let frames = hazards.lock().unwrap();
    let sent: BTreeSet<_> = frames.iter().map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(sent.len() as u64, class.delivered, "what expired never reached the medium");
    // Imminent danger goes first when there is room: no frame is older than its deadline.
    assert!(class.stage(v2x_report::Stage::SendToDelivered).summary().max_ns < 21 * MS);
}

#[test]
fn one_imminent_event_is_three_frames_of_the_same_signed_bytes_and_counts_once() {
    let medium = Slow::new(2, 1);
    let hazards = Arc::clone(&medium.hazards);
    let errands = vec![declares(1_000, warning(Class::D0, 1))];
    let counted = run(&standing(3, 60.0, 30), settings(Verify::Once, 1), medium, errands);
    let frames = hazards.lock().unwrap();
    let times: Vec<_> = frames.iter().map(|(at_ns, _)| at_ns / MS - 1_000).collect();
    assert_eq!(times[..5], [0, 6, 12, 100, 200]);
    assert!(frames[..3].windows(2).all(|pair| pair[0].1 == pair[1].1), "the same signed bytes");
    assert_ne!(frames[2].1, frames[3].1, "then signed anew");
    // A message at 0 ms and one each 100 ms of its second, each for two receivers.
    let class = counted.ledger.stats.class(Class::D0);
    assert_eq!((class.sent, class.expected, class.delivered), (10, 20, 20));
    assert_eq!(counted.ledger.drops.get("exact_copy"), Some(&4));
    let flood = measure("roadcast", &[counted.floods]).unwrap();
    assert_eq!((flood.d0_20ms_150m, flood.floods), (Some(1.0), 0));
}

#[test]
fn a_flood_said_again_each_second_is_one_flood_and_one_message() {
    let place = Position { latitude: 496_000_000, longitude: 61_300_000 };
    let area = AreaView {
        latitude: place.latitude,
        longitude: place.longitude,
        shape: v2x_proto::Shape::Circle,
        distance_a_m: 1_000,
        distance_b_m: 0,
        azimuth_deg: 0,
    };
    let medium = Slow::new(2, 1);
    let hazards = Arc::clone(&medium.hazards);
    let draft = HazardDraft { area: Some(area), ..warning(Class::D3, 3) };
    let counted =
        run(&standing(3, 60.0, 50), settings(Verify::Once, 1), medium, vec![declares(1_000, draft)]);
    let of_the_origin: Vec<_> =
        hazards.lock().unwrap().iter().map(|(at_ns, _)| at_ns / MS).filter(|at| at % 1_000 == 0).collect();
    assert_eq!(of_the_origin, [1_000, 2_000, 3_000]);
    let class = counted.ledger.stats.class(Class::D3);
    assert_eq!((class.sent, class.expected, class.delivered), (1, 2, 2));
    let flood = measure("roadcast", &[counted.floods]).unwrap();
    assert_eq!((flood.floods, flood.reach_300ms_3km), (1, 1.0));
    assert_eq!(flood.transmissions, hazards.lock().unwrap().len() as f64);
}

#[test]
fn a_world_whose_transmitters_are_full_repeats_on_any_number_of_threads() {
    let errands = || vec![declares(1_000, warning(Class::D0, 1)), declares(1_300, warning(Class::D1, 1))];
    let digests: Vec<_> = [Verify::Once, Verify::Every]
        .into_iter()
        .flat_map(|verify| [1, 2, 4].map(|threads| (verify, threads)))
        .map(|(verify, threads)| {
            run(&driving(6, 40.0, 30), settings(verify, threads), Slow::new(1, 35), errands()).digest_hex()
        })
        .collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
}

#[test]
fn what_a_station_refuses_to_declare_is_told() {
    // A vehicle may not flood farther than 2 km.
    let draft = HazardDraft { relevance_distance_m: Some(2_500), ..warning(Class::D3, 3) };
    let counted =
        run(&standing(2, 50.0, 20), settings(Verify::Once, 1), Slow::new(2, 1), vec![declares(500, draft)]);
    assert_eq!(counted.floods.refused().collect::<Vec<_>>(), [("hazard_not_permitted", 1)]);
    assert!(counted.floods.is_empty());
}

const MS: u64 = 1_000_000;
