//! A station whose tables grow as they fill does what one does that reserved them whole.

use std::time::Duration;

use testkit::draft::{Stander, Trusting};
use testkit::drive::settle;
use testkit::{Authority, PLACE, anchor, fix};
use v2x_core::{AwarenessRule, ClockState, Config, Event, Input, Instant, Node, Output, Reserve};

/// More stations than there is room for, copies, hazards, strangers; credentials come late and are forgotten.
#[test]
fn the_same_inputs_give_the_same_outputs_however_tables_take_their_memory() {
    let authority = Authority::of_cars();
    let standers: Vec<_> = (1..=150).map(|number| Stander::new(&authority, number)).collect();
    let mut nodes = [Reserve::Whole, Reserve::AsHeard].map(|reserve| {
        let config =
            Config { max_neighbours: 50, awareness: AwarenessRule::Triggered, reserve, ..Config::vehicle() };
        let trust = authority.trust.clone();
        Node::with_host(config, authority.identity(0), trust, 1, anchor(), Box::new(Trusting))
    });
    let mut heard = [0, 0];
    let mut step = |now: Instant, inputs: &[Input]| {
        let [whole, grown] = nodes.each_mut().map(|node| {
            let mut outputs = Vec::new();
            for input in inputs {
                node.handle_input(now, input.clone());
            }
            settle(node, now, |output| outputs.push(output));
            outputs
        });
        assert_eq!(whole, grown, "at {now:?}");
        for output in &whole {
            let Output::Event(event) = output else { continue };
            heard[0] += usize::from(matches!(event, Event::Received(_)));
            heard[1] += usize::from(matches!(event, Event::Dropped(_)));
        }
    };
    step(Instant::ZERO, &[Input::Clock { wire: anchor().wire, state: ClockState::Locked }]);
    for turn in 0..6_000_u32 {
        let now = Instant::ZERO + Duration::from_millis(u64::from(turn) * 5);
        let stander = &standers[(turn.wrapping_mul(2_654_435_761) >> 8) as usize % standers.len()];
        let draft = match turn % 11 {
            7 => stander.flood(turn, anchor().wire_at(now)),
            9 => stander.beacon(turn, anchor().wire_at(now)).of_stranger(turn % 700),
            _ => stander.beacon(turn, anchor().wire_at(now)),
        };
        let draft = if turn % 3 == 0 { draft.in_full(&stander.credential) } else { draft };
        let frame = draft.received();
        let copies = if turn % 5 == 0 { 2 } else { 1 };
        let mut inputs = vec![frame; copies];
        if turn % 100 == 0 {
            inputs.push(fix(now, PLACE));
        }
        step(now, &inputs);
    }
    let tables = nodes.each_ref().map(|node| node.tables().collect::<Vec<_>>());
    assert_eq!(tables[0], tables[1]);
    assert!(heard[0] > 2_000 && heard[1] > 500, "{heard:?}: both ends were met");
}
