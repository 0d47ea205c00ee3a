//! Random topologies: every connected station is reached, once, and then all are silent.

use super::*;

/// Stations whose links of `range` metres make one connected graph: each new one is placed near an old one.
fn connected(dice: &mut Dice, count: usize, range: f64) -> Vec<(f64, f64)> {
    let mut places = vec![(0.0, 0.0)];
    while places.len() < count {
        let (x, y) = places[dice.draw() as usize % places.len()];
        let (distance, angle) = (dice.below(range * 0.99), dice.below(core::f64::consts::TAU));
        places.push((x + distance * angle.cos(), y + distance * angle.sin()));
    }
    places
}

fn reached(places: &[(f64, f64)], range: f64) -> usize {
    let mut seen = vec![false; places.len()];
    let mut queue = VecDeque::from([0]);
    seen[0] = true;
    while let Some(station) = queue.pop_front() {
        for other in 0..places.len() {
            let ((ax, ay), (bx, by)) = (places[station], places[other]);
            if !seen[other] && (ax - bx).hypot(ay - by) <= range {
                seen[other] = true;
                queue.push_back(other);
            }
        }
    }
    seen.into_iter().filter(|seen| *seen).count()
}

/// Floods one topology.
fn through(crew: &mut Crew, seed: u64) {
    let mut dice = Dice(seed);
    let count = 2 + dice.draw() as usize % 49;
    let range = 150.0 + dice.below(350.0);
    let places = connected(&mut dice, count, range);
    assert_eq!(reached(&places, range), count);
    let mut field = Field::new(crew, places, Scheme::Roadcast);
    let places = field.places.clone();
    let links = move |from: usize, to: usize, _: u64| {
        let ((ax, ay), (bx, by)) = (places[from], places[to]);
        (ax - bx).hypot(ay - by) <= range
    };
    // Every station has been heard by its neighbours.
    field.run(ms(1_100), &links);
    let area = circle(10_000);
    let start = field.now;
    field.feed(0, flood(&field, 0, Some(area), 255, 60_000));
    let id = field.last_sent(0, Class::D3);
    let end = start + Duration::from_secs(30);
    while field.delivered(id).len() < count - 1 && field.now < end {
        let step = field.now + Duration::from_millis(500);
        field.run(step, &links);
    }
    let delivered = field.delivered(id);
    assert_eq!(delivered.len(), count - 1, "seed {seed}: everybody but the origin has it");
    assert!(delivered.values().all(|times| times.len() == 1), "seed {seed}: nobody has it twice");
    // One beacon of each later all know that all have it.
    let settled = field.now + Duration::from_millis(1_500);
    field.run(settled, &links);
    let sent = field.forwarded().len();
    let quiet = field.now + Duration::from_millis(1_300);
    field.run(quiet, &links);
    assert_eq!(field.forwarded().len(), sent, "seed {seed}: it ends");
}

/// A quarter of ten thousand topologies; a failure names its seed.
fn quarter(number: u64) {
    let mut crew = Crew::default();
    for seed in number * 2_500..(number + 1) * 2_500 {
        through(&mut crew, seed);
    }
}

// In four parts, for as many processors.

#[test]
fn a_flood_reaches_everybody_connected_once_and_ends_first_quarter() {
    quarter(0);
}

#[test]
fn a_flood_reaches_everybody_connected_once_and_ends_second_quarter() {
    quarter(1);
}

#[test]
fn a_flood_reaches_everybody_connected_once_and_ends_third_quarter() {
    quarter(2);
}

#[test]
fn a_flood_reaches_everybody_connected_once_and_ends_fourth_quarter() {
    quarter(3);
}
