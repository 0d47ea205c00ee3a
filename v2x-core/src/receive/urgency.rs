//! Urgency of a frame before verification: its deadline, and how near its sender will be.

use core::time::Duration;

use v2x_proto::Class;

use super::verify_queue::Urgency;
use crate::base::{Anchor, Instant, Plane, Position, Velocity, WireTime, limits, velocity};
use crate::neighbour::Neighbour;

/// The urgency of a frame of `class` generated at `generation`, received at `now`.
///
/// The generation time is the sender's claim and not verified yet. It may state that a frame is late, which makes it
/// more urgent, but only by half of what its class allows: otherwise a flood of beacons that claim to be late would
/// come before every alert that is on time.
pub fn urgency(class: Class, generation: WireTime, distance: u16, now: Instant, anchor: &Anchor) -> Urgency {
    let worth = class.deadline().unwrap_or(BACKGROUND);
    let claimed = anchor.instant_at(generation + worth);
    Urgency { class, deadline: claimed.max(now + worth / 2), distance }
}

/// How far a sender will be in [`LOOK_AHEAD`], whole metres: near and closing senders get less.
///
/// From the table when the sender is a neighbour. A stranger's position is only a claim, and it is taken to be no
/// nearer than [`limits::SAMPLE_BEYOND_M`], so that no stranger gets ahead of known stations by its claim.
pub fn distance(
    neighbour: Option<&Neighbour>,
    claimed: Position,
    here: Option<&Plane>,
    own: Velocity,
    wire: WireTime,
) -> u16 {
    let Some(here) = here else { return 0 };
    match neighbour {
        Some(neighbour) => soon(neighbour, here, own, wire).1 as u16,
        None => here.distance_2(claimed).sqrt().max(limits::SAMPLE_BEYOND_M) as u16,
    }
}

/// Whether a neighbour's awareness is of no concern for now: it is far, by the table and by its own claim, and driving
/// away.
pub fn is_far_and_leaving(
    neighbour: &Neighbour,
    claimed: Position,
    here: Option<&Plane>,
    own: Velocity,
    wire: WireTime,
) -> bool {
    let Some(here) = here else { return false };
    let far = |square: f64| square > limits::SAMPLE_BEYOND_M * limits::SAMPLE_BEYOND_M;
    let (now, later) = soon(neighbour, here, own, wire);
    far(here.distance_2(claimed)) && far(now * now) && later > now
}

/// Distance now and in [`LOOK_AHEAD`], metres, by verified position and motion.
fn soon(neighbour: &Neighbour, here: &Plane, own: Velocity, wire: WireTime) -> (f64, f64) {
    let (east, north) = here.offset(neighbour.position_at(wire));
    let motion = neighbour.motion();
    let theirs = match (motion.speed, motion.heading) {
        (Some(speed), Some(heading)) => velocity(speed, heading),
        _ => (0.0, 0.0),
    };
    let seconds = LOOK_AHEAD.as_secs_f64();
    let later = (east + (theirs.0 - own.0) * seconds, north + (theirs.1 - own.1) * seconds);
    (east.hypot(north), later.0.hypot(later.1))
}

/// A driver's reaction and a little more.
pub const LOOK_AHEAD: Duration = Duration::from_secs(2);

/// D5 has no deadline: its frames count as due in a second, whatever lifetime they claim.
const BACKGROUND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::MessageId;
    use crate::neighbour::{Heard, Motion, NeighbourTable};
    use v2x_proto::Digest;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
    const SIGNER: Digest = Digest([1; 8]);

    /// A neighbour `north` metres north of here that drives north at `speed` m/s (south when negative).
    fn table(north: f64, speed: f64) -> NeighbourTable {
        let mut table = NeighbourTable::new();
        let wire = WireTime::from_secs(1000);
        let heard = Heard {
            id: MessageId { signer: SIGNER, class: Class::D2, sequence: 1 },
            generation: wire,
            position: HERE.moved(0.0, north),
            at: Instant::from_millis(1),
            wire,
            link: [1; 6],
            direct: true,
            signal_dbm: None,
        };
        table.hear(&heard, None);
        let heading = if speed < 0.0 { 1800 } else { 0 };
        let motion =
            Motion { speed: Some((speed.abs() * 100.0) as u16), heading: Some(heading), ..Motion::default() };
        table.set_motion(&SIGNER, wire, &motion);
        table
    }

    fn distance_of(table: &NeighbourTable, claimed: Position, own: Velocity) -> u16 {
        distance(table.get(&SIGNER), claimed, Some(&Plane::at(HERE)), own, WireTime::from_secs(1000))
    }

    #[test]
    fn closing_counts_as_nearer_and_a_stranger_as_far() {
        let near = HERE.moved(0.0, 5.0);
        assert_eq!(distance_of(&table(200.0, 20.0), near, (0.0, 0.0)), 239);
        assert_eq!(distance_of(&table(200.0, -20.0), near, (0.0, 0.0)), 159);
        assert_eq!(distance_of(&table(200.0, -20.0), near, (0.0, 20.0)), 119, "we come to meet it");
        assert_eq!(distance_of(&NeighbourTable::new(), near, (0.0, 0.0)), 300);
    }

    #[test]
    fn only_who_is_far_and_leaves_by_the_table_and_by_its_word_is_of_no_concern() {
        let leaving = |north, speed, claimed: f64, own| {
            let table = table(north, speed);
            let neighbour = table.get(&SIGNER).unwrap();
            let (here, wire) = (Plane::at(HERE), WireTime::from_secs(1000));
            is_far_and_leaving(neighbour, HERE.moved(0.0, claimed), Some(&here), own, wire)
        };
        assert!(leaving(400.0, 20.0, 400.0, (0.0, 0.0)));
        assert!(!leaving(400.0, -20.0, 400.0, (0.0, 0.0)), "it comes");
        assert!(!leaving(400.0, 20.0, 400.0, (0.0, 30.0)), "we follow faster");
        assert!(!leaving(200.0, 20.0, 400.0, (0.0, 0.0)), "near by the table");
        assert!(!leaving(400.0, 20.0, 200.0, (0.0, 0.0)), "near by its word");
    }

    #[test]
    fn a_claim_to_be_late_gains_half_the_deadline_at_most() {
        let anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(1000) };
        let now = Instant::from_millis(2000);
        let deadline = |class, age_ms: u64| {
            let generation = WireTime::from_micros(1_002_000_000 - age_ms * 1000);
            urgency(class, generation, 0, now, &anchor).deadline
        };
        assert_eq!(deadline(Class::D2, 0), Instant::from_millis(2100));
        assert_eq!(deadline(Class::D2, 30), Instant::from_millis(2070));
        assert_eq!(deadline(Class::D2, 900), Instant::from_millis(2050));
        assert!(deadline(Class::D0, 0) < deadline(Class::D2, 900));
        assert!(deadline(Class::D0, 0) < deadline(Class::D5, 299_000));
    }
}
