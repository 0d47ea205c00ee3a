//! Stations that receive a frame step by step together do what each does alone.

use std::time::Duration;

use testkit::draft::{Stander, Trusting};
use testkit::drive::settle;
use testkit::{Authority, PLACE, anchor, fix};
use v2x_core::{ClockState, Config, Event, Input, Instant, Node, Output, Position, Together};

/// Beacons with and without credentials, copies, hazards that are sent on, strangers; stations come later than others.
#[test]
fn stations_that_receive_together_say_what_each_says_alone() {
    let authority = Authority::of_cars();
    let standers: Vec<_> = (100..140).map(|number| Stander::new(&authority, number)).collect();
    let places: Vec<Position> = (0..7).map(|n| PLACE.moved(30.0 * f64::from(n), 5.0)).collect();
    let node = |number: usize| {
        let trust = authority.trust.clone();
        let identity = authority.identity(number as u32);
        let config = Config { max_neighbours: 20 + 5 * number, ..Config::vehicle() };
        Box::new(Node::with_host(config, identity, trust, 7, anchor(), Box::new(Trusting)))
    };
    let mut alone: Vec<_> = (0..places.len()).map(node).collect();
    let mut with_others: Vec<_> = (0..places.len()).map(|number| Some(node(number))).collect();
    let mut together = Together::default();
    let (mut received, mut sent) = (0, 0);
    for turn in 0..4_000_u32 {
        let now = Instant::ZERO + Duration::from_millis(u64::from(turn) * 4);
        let stander = &standers[(turn.wrapping_mul(2_654_435_761) >> 8) as usize % standers.len()];
        let draft = match turn % 13 {
            7 => stander.flood(turn, anchor().wire_at(now)),
            9 => stander.beacon(turn, anchor().wire_at(now)).of_stranger(turn % 50),
            12 => stander.beacon(turn.saturating_sub(5), anchor().wire_at(now)),
            _ => stander.beacon(turn, anchor().wire_at(now)),
        };
        let draft = if turn % 3 == 0 { draft.in_full(&stander.credential) } else { draft };
        let Input::Frame(frame) = draft.received() else { unreachable!("a draft is received as a frame") };
        let mut expected = Vec::new();
        for (number, node) in alone.iter_mut().enumerate() {
            let at = now + Duration::from_nanos(number as u64 * 100);
            let mut outputs = Vec::new();
            for input in before(turn, now, places[number]).into_iter().chain([Input::Frame(frame.clone())]) {
                node.handle_input(at, input);
                settle(node, at, |output| outputs.push(output));
            }
            outputs.retain(|output| !matches!(output, Output::Timeout(..)));
            expected.push(outputs);
        }
        let mut said = vec![Vec::new(); places.len()];
        for (number, slot) in with_others.iter_mut().enumerate() {
            let at = now + Duration::from_nanos(number as u64 * 100);
            let mut node = slot.take().expect("invariant: it was handed back");
            for input in before(turn, now, places[number]) {
                node.handle_input(at, input);
                settle(&mut node, at, |output| said[number].push(output));
            }
            together.add(number, node, at, frame.clone());
        }
        together.run();
        for (number, at, mut node) in together.drain() {
            settle(&mut node, at, |output| said[number].push(output));
            with_others[number] = Some(node);
        }
        said.iter_mut().for_each(|outputs| outputs.retain(|output| !matches!(output, Output::Timeout(..))));
        assert_eq!(said, expected, "turn {turn}");
        for output in said.iter().flatten() {
            received += usize::from(matches!(output, Output::Event(Event::Received(_))));
            sent += usize::from(matches!(output, Output::Transmit(_)));
        }
    }
    assert!(received > 10_000 && sent > 500, "{received} received, {sent} sent");
}

/// What each station gets now and then before the frame.
fn before(turn: u32, now: Instant, place: Position) -> Vec<Input> {
    let mut inputs = Vec::new();
    if turn == 0 {
        inputs.push(Input::Clock { wire: anchor().wire, state: ClockState::Locked });
    }
    if turn.is_multiple_of(50) {
        inputs.push(fix(now, place));
    }
    inputs
}
