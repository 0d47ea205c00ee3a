//! A straight road with losses by distance as on a busy channel: how far a hazard gets in its deadline, and what an
//! attacker can do about it.

use v2x_core::Event;
use v2x_proto::hop;

use super::*;
use testkit::motorway::{motorway, received};

/// What one run showed.
struct Outcome {
    /// Share of the stations within 3 km that had it within 300 ms.
    reach: f64,
    /// Transmissions, the origin's included.
    sent: usize,
}

struct Road<'a> {
    crew: &'a mut Crew,
    seed: u64,
    per_km: u32,
    scheme: Scheme,
    /// An attacker 1 km from the origin repeats what it hears with its hops used up.
    blocked: bool,
}

impl Road<'_> {
    fn run(&mut self) -> Outcome {
        let (mut field, origin) = motorway(self.crew, self.seed, self.per_km, self.scheme);
        let (places, count) = (field.places.clone(), field.places.len());
        let seed = self.seed;
        let links = move |from: usize, to: usize, number: u64| {
            let metres = (places[from].0 - places[to].0).abs();
            let mut draw = Dice(seed ^ (number << 20) ^ ((from as u64) << 40) ^ to as u64);
            draw.below(1.0) < received(metres)
        };
        field.run(ms(4_000), &links);
        let area = AreaView {
            distance_a_m: 3_000,
            distance_b_m: 100,
            azimuth_deg: 90,
            shape: Shape::Rectangle,
            ..circle(1)
        };
        let middle = field.place(origin);
        let area = AreaView { latitude: middle.latitude, longitude: middle.longitude, ..area };
        let hops = if self.scheme == Scheme::Etsi { 10 } else { hops_for(&area) };
        let start = field.now;
        field.floods.clear();
        field.feed(origin, flood(&field, origin, Some(area), hops, 60_000));
        let id = field.last_sent(origin, Class::D3);
        let attacker = (0..count).find(|station| field.places[*station].0 > field.places[origin].0 + 1_000.0);
        let attacker = attacker.filter(|_| self.blocked);
        let mut struck = false;
        for step in 1..=1_000 {
            field.run(start + Duration::from_millis(step), &links);
            if let Some(attacker) = attacker.filter(|_| !struck)
                && let Some(bytes) = has(&field, attacker, id)
            {
                struck = true;
                let mut copy = bytes.to_vec();
                copy[2] = 1;
                copy[4..12].copy_from_slice(&field.nodes[attacker].digest().0);
                field.shout(attacker, copy.into());
            }
        }
        let delivered = field.delivered(id);
        let in_time = |station: usize| {
            delivered.get(&station).is_some_and(|times| times[0].since(start) <= Duration::from_millis(300))
        };
        let meant: Vec<usize> = (0..count)
            .filter(|station| *station != origin && field.distance(origin, *station) <= 3_000.0)
            .collect();
        let reached = meant.iter().filter(|station| in_time(**station)).count();
        let sent = field.floods.iter().filter(|(_, _, bytes)| is(bytes, &field, origin)).count();
        Outcome { reach: reached as f64 / meant.len() as f64, sent }
    }
}

fn is(bytes: &bytes::Bytes, field: &Field, origin: usize) -> bool {
    let (_, len) = hop::parse(bytes).unwrap();
    let first = &field.floods.iter().find(|(_, station, _)| *station == origin).unwrap().2;
    bytes[len..] == first[len..]
}

/// The frame as a station that has it got it, for an attacker to repeat.
fn has(field: &Field, station: usize, id: v2x_core::MessageId) -> Option<bytes::Bytes> {
    let delivered = |(_, who, event): &(Instant, usize, Event)| {
        *who == station && matches!(event, Event::Received(received) if received.id == id)
    };
    field.events.iter().any(delivered).then(|| field.floods[0].2.clone())
}

fn mean(crew: &mut Crew, per_km: u32, scheme: Scheme, blocked: bool, seeds: u64) -> Outcome {
    let outcomes: Vec<Outcome> =
        (0..seeds).map(|seed| Road { crew, seed, per_km, scheme, blocked }.run()).collect();
    Outcome {
        reach: outcomes.iter().map(|outcome| outcome.reach).sum::<f64>() / seeds as f64,
        sent: outcomes.iter().map(|outcome| outcome.sent).sum::<usize>() / seeds as usize,
    }
}

#[test]
fn a_hazard_reaches_three_kilometres_in_its_deadline_with_half_of_what_etsi_sends() {
    let mut crew = Crew::default();
    for per_km in [20, 60] {
        let ours = mean(&mut crew, per_km, Scheme::Roadcast, false, 2);
        let stock = mean(&mut crew, per_km, Scheme::Etsi, false, 2);
        assert!(ours.reach >= 0.99, "{per_km}/km: {}", ours.reach);
        assert!(2 * ours.sent <= stock.sent, "{per_km}/km: {} of {}", ours.sent, stock.sent);
    }
}

// Liu, Shekhar and Peng, DSN 2023: intra-area blockage.
#[test]
fn an_attacker_that_uses_up_hops_stops_no_flood() {
    let mut crew = Crew::default();
    for (per_km, reach) in [(20, 0.97), (60, 0.99)] {
        let blocked = mean(&mut crew, per_km, Scheme::Roadcast, true, 2);
        assert!(blocked.reach >= reach, "{per_km}/km: {}", blocked.reach);
    }
}

#[test]
#[ignore = "a table for people: cargo test -p tests highway -- --ignored --nocapture"]
fn highway_table() {
    let mut crew = Crew::default();
    for per_km in [20, 60, 120] {
        for (scheme, blocked) in [
            (Scheme::Roadcast, false),
            (Scheme::Roadcast, true),
            (Scheme::Etsi, false),
            (Scheme::Etsi, true),
            (Scheme::Flooding, false),
        ] {
            let seeds = if per_km == 120 { 3 } else { 8 };
            let (mut reach, mut sent) = (0.0, 0);
            for seed in 0..seeds {
                let outcome = Road { crew: &mut crew, seed, per_km, scheme, blocked }.run();
                reach += outcome.reach;
                sent += outcome.sent;
            }
            eprintln!(
                "{per_km:>4}/km {:<9} {} reach {:.4} sent {:.1}",
                scheme.name(),
                if blocked { "blocked" } else { "       " },
                reach / seeds as f64,
                sent as f64 / seeds as f64
            );
        }
    }
}
