//! Urgency of a frame before verification: its deadline, and how near its sender will be.

use core::time::Duration;

use v2x_proto::Class;

use super::verify_queue::Urgency;
use crate::base::{Instant, Plane, Position, Velocity, WireTime, limits};
use crate::neighbour::{Neighbour, Reckoning};

/// The urgency of a frame of `class` received at `now`.
///
/// Its generation time is the sender's claim and makes it no more urgent: a flood of frames that claim to be late would come
/// before every alert that is on time.
pub fn urgency(class: Class, distance: u16, now: Instant) -> Urgency {
    Urgency { class, deadline: now + class.deadline().unwrap_or(BACKGROUND), distance }
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
    let (east, north) = here.offset(neighbour.position());
    let Reckoning { travelled, speed, direction } = neighbour.reckon(wire);
    let now = (east + travelled * direction.0, north + travelled * direction.1);
    let theirs = (speed * direction.0, speed * direction.1);
    let seconds = LOOK_AHEAD.as_secs_f64();
    let later = (now.0 + (theirs.0 - own.0) * seconds, now.1 + (theirs.1 - own.1) * seconds);
    let length = |(east, north): (f64, f64)| (east * east + north * north).sqrt();
    (length(now), length(later))
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
    fn the_more_urgent_class_comes_first_of_those_received_together() {
        let now = Instant::from_millis(2000);
        let deadline = |class| urgency(class, 0, now).deadline;
        assert_eq!(deadline(Class::D0), Instant::from_millis(2020));
        assert!(Class::ALL.map(deadline).is_sorted());
    }
}
