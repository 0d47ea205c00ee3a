//! Tests of the ledger: its identities under any sequence of calls, and the cases they are for.

use proptest::prelude::*;
use v2x_report::{Kind, Verify};

use super::*;

const MS: u64 = 1_000_000;

#[test]
fn a_message_in_time_late_and_never_is_one_delivered_and_two_missed() {
    let mut ledger = Ledger::new();
    ledger.sent(1u32, Class::D2, 0, receivers(&[10, 11, 12]));
    let first = ledger.delivered(1, 10, 100 * MS, &[(Stage::KernelToUser, 5_000)]);
    assert_eq!(first, Delivery::Intended { distance_m: 10.0, latency_ns: 100 * MS });
    ledger.delivered(1, 11, 100 * MS + 1, &[]);
    let outcome = ledger.finish(1_000 * MS);
    let d2 = outcome.stats.class(Class::D2);
    assert_eq!((d2.sent, d2.expected, d2.delivered, d2.late, d2.missed()), (1, 3, 2, 1, 2));
    assert_eq!(d2.undelivered, BTreeMap::from([(NEVER_RECEIVED, 1)]));
    assert_eq!(d2.stage(Stage::KernelToUser).count(), 1);
    assert!(outcome.warnings.is_empty());
}

#[test]
fn a_stall_counts_against_every_message_due_in_it() {
    let mut ledger = Ledger::new();
    // A beacon each 100 ms; the sender stalls from 1 s to 2 s and then sends everything overdue at once.
    for number in 0..30u64 {
        let intended_ns = number * 100 * MS;
        ledger.sent(number, Class::D2, intended_ns, receivers(&[1]));
        let stalled = (10..20).contains(&number);
        if !stalled {
            if number == 20 {
                for owed in 10..20 {
                    ledger.delivered(owed, 1, 2_000 * MS, &[]);
                }
            }
            ledger.delivered(number, 1, intended_ns + MS, &[]);
        }
    }
    let outcome = ledger.finish(10_000 * MS);
    let d2 = outcome.stats.class(Class::D2);
    assert_eq!((d2.expected, d2.delivered), (30, 30));
    assert_eq!(d2.late, 9, "all ten but the one due exactly 100 ms before the stall ended");
    let worst = d2.stage(Stage::SendToDelivered).summary().max_ns;
    assert!(worst.abs_diff(1_000 * MS) < MS, "the first one waited for the whole stall: {worst}");
}

#[test]
fn messages_inside_their_deadline_at_the_end_are_left_out() {
    let mut ledger = Ledger::new();
    ledger.sent(1u32, Class::D2, 0, receivers(&[1, 2]));
    ledger.sent(2, Class::D2, 950 * MS, receivers(&[1, 2]));
    ledger.delivered(2, 1, 951 * MS, &[]);
    ledger.sent(3, Class::D5, 990 * MS, receivers(&[1]));
    let outcome = ledger.finish(1_000 * MS);
    assert_eq!(outcome.unfinished, 2);
    let d2 = outcome.stats.class(Class::D2);
    assert_eq!((d2.sent, d2.expected, d2.delivered), (1, 2, 0));
    assert_eq!(outcome.stats.class(Class::D5).expected, 0);
    assert_eq!(outcome.frames.delivered, 1, "the frame was received all the same");
}

#[test]
fn a_delivery_to_a_bystander_is_noted_once_and_never_counted() {
    let mut ledger = Ledger::new();
    ledger.sent(1u32, Class::D0, 0, receivers(&[1]));
    assert_eq!(ledger.delivered(1, 7, MS, &[]), Delivery::Unintended);
    assert_eq!(ledger.delivered(1, 7, MS, &[]), Delivery::Repeated);
    ledger.delivered(1, 1, MS, &[]);
    assert_eq!(ledger.delivered(1, 1, MS, &[]), Delivery::Repeated);
    assert_eq!(ledger.delivered(9, 1, MS, &[]), Delivery::Unknown);
    let outcome = ledger.finish(1_000 * MS);
    let d0 = outcome.stats.class(Class::D0);
    assert_eq!((d0.expected, d0.delivered, d0.unintended), (1, 1, 1));
    assert_eq!(outcome.warnings, ["2 deliveries repeated a message the station already had"]);
    assert_eq!(outcome.notes.len(), 2, "{:?}", outcome.notes);
}

#[test]
fn a_hazard_heard_after_its_count_is_no_worry_and_is_no_message_of_nobody() {
    let mut ledger = Ledger::new();
    ledger.sent(1u32, Class::D3, 0, receivers(&[1, 2]));
    ledger.delivered(1, 1, MS, &[]);
    ledger.sent(9, Class::D5, 7_000 * MS, receivers(&[]));
    // Station 7 comes into the area, and hears the flood by carrying.
    assert_eq!(ledger.delivered(1, 7, 8_000 * MS, &[]), Delivery::Settled { flood: true });
    ledger.sent(2, Class::D2, 8_000 * MS, receivers(&[1]));
    ledger.sent(10, Class::D5, 19_000 * MS, receivers(&[]));
    assert_eq!(ledger.delivered(2, 1, 20_000 * MS, &[]), Delivery::Settled { flood: false });
    let outcome = ledger.finish(30_000 * MS);
    assert_eq!(outcome.warnings, [""; 0]);
    assert!(
        outcome.notes[0].starts_with("1 delivery outside the count: hazards heard by"),
        "{:?}",
        outcome.notes
    );
    assert_eq!(outcome.stats.class(Class::D3).missed(), 1, "station 2 never had it");
    assert_eq!(
        (outcome.missed_by(1), outcome.missed_by(2), outcome.missed_by(7)),
        (Some(0.5), Some(1.0), None)
    );
}

#[test]
fn a_bystander_that_waits_for_a_credential_is_a_bystander() {
    let mut ledger = Ledger::new();
    ledger.sent(1u32, Class::D2, 0, receivers(&[1]));
    ledger.delivered(1, 1, MS, &[]);
    ledger.sent(2, Class::D2, 900 * MS, receivers(&[1]));
    // Message 1 is settled: everyone it was meant for has it.
    assert_eq!(ledger.delivered(1, 7, 950 * MS, &[]), Delivery::Unintended);
    let outcome = ledger.finish(1_000 * MS);
    assert_eq!(
        (outcome.warnings.len(), outcome.notes.len(), outcome.stats.class(Class::D2).unintended),
        (0, 1, 1)
    );
}

#[test]
fn load_and_misses_stand_at_the_second_in_which_the_message_was_due() {
    let mut ledger = Ledger::starting_at(100_000 * MS);
    ledger.sent(1u32, Class::D2, 100_500 * MS, receivers(&[1, 2]));
    ledger.delivered(1, 1, 100_510 * MS, &[]);
    ledger.sent(2, Class::D5, 102_500 * MS, receivers(&[1]));
    let outcome = ledger.finish(120_000 * MS);
    let timeline = outcome.timeline;
    assert_eq!(
        (timeline.sent, timeline.expected, timeline.missed),
        (vec![1, 0, 1], vec![2, 0, 0], vec![1, 0, 0])
    );
}

#[test]
fn the_last_reason_is_why_a_station_has_not_got_it() {
    let mut ledger = Ledger::new();
    ledger.sent(1u32, Class::D1, 0, receivers(&[1, 2, 3, 4]));
    ledger.lost(1, 1, "collision");
    ledger.dropped(Some(1), 1, "stale");
    ledger.lost(1, 2, "collision");
    ledger.delivered(1, 2, 10 * MS, &[]);
    ledger.lost(1, 3, "collision");
    ledger.withheld(1, "expired_in_queue");
    ledger.dropped(None, 4, "malformed");
    let outcome = ledger.finish(1_000 * MS);
    let d1 = outcome.stats.class(Class::D1);
    assert_eq!(d1.undelivered, BTreeMap::from([("stale", 1), ("collision", 1), ("expired_in_queue", 1)]));
    assert_eq!(outcome.drops, BTreeMap::from([("stale", 1), ("malformed", 1)]));
    assert_eq!(outcome.frames, Frames { received: 3, delivered: 1, dropped: 2 });
}

#[test]
fn a_long_lossy_run_does_not_grow() {
    let mut ledger = Ledger::new();
    let mut most = 0;
    for number in 0..20_000u64 {
        let class = Class::ALL[(number % 6) as usize];
        ledger.sent(number, class, number * 10 * MS, receivers(&[1, 2]));
        ledger.delivered(number, 1, number * 10 * MS + MS, &[]);
        most = most.max(ledger.open_messages());
    }
    assert!(most <= 620, "{most}: 5.3 s of lossy traffic at 100 messages/s, and a little of D5");
    let outcome = ledger.finish(1_000_000 * MS);
    let expected: u64 = outcome.stats.classes().iter().map(|class| class.expected).sum();
    assert_eq!(expected, 40_000);
}

#[test]
fn too_many_open_messages_are_settled_early_and_said_so() {
    let mut ledger = Ledger::with_limit(30);
    for number in 0..100u32 {
        ledger.sent(number, Class::D2, 0, receivers(&[1, 2]));
        assert!(ledger.open_messages() <= 10);
    }
    let outcome = ledger.finish(1_000 * MS);
    assert_eq!(outcome.stats.class(Class::D2).expected, 200);
    assert_eq!(outcome.warnings, ["90 messages were settled early: too many were open at once"]);
}

fn receivers(stations: &[u32]) -> impl Iterator<Item = (u32, f32)> {
    stations.iter().map(|&station| (station, station as f32))
}

#[derive(Debug, Clone)]
enum Call {
    Sent { message: u8, class: usize, at_ns: u64, intended: Vec<u32> },
    Delivered { message: u8, station: u32, at_ns: u64 },
    Dropped { message: Option<u8>, station: u32 },
    Lost { message: u8, station: u32 },
    Withheld { message: u8 },
}

fn call() -> impl Strategy<Value = Call> {
    let time = prop_oneof![9 => 0..20_000 * MS, 1 => any::<u64>()];
    prop_oneof![
        (any::<u8>(), 0..6usize, time.clone(), proptest::collection::vec(0..12u32, 0..8))
            .prop_map(|(message, class, at_ns, intended)| Call::Sent { message, class, at_ns, intended }),
        (any::<u8>(), 0..12u32, time).prop_map(|(message, station, at_ns)| Call::Delivered {
            message,
            station,
            at_ns
        }),
        (any::<Option<u8>>(), 0..12u32).prop_map(|(message, station)| Call::Dropped { message, station }),
        (any::<u8>(), 0..12u32).prop_map(|(message, station)| Call::Lost { message, station }),
        any::<u8>().prop_map(|message| Call::Withheld { message }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_identities_hold_for_any_sequence_of_calls(
        calls in proptest::collection::vec(call(), 0..300),
        end_ns in 0..30_000 * MS,
        limit in prop_oneof![Just(MAX_OPEN_RECEIVERS), 0..50usize],
    ) {
        let mut ledger = Ledger::with_limit(limit);
        let mut frames = 0;
        for call in calls {
            match call {
                Call::Sent { message, class, at_ns, intended } => {
                    ledger.sent(message, Class::ALL[class], at_ns, receivers(&intended));
                }
                Call::Delivered { message, station, at_ns } => {
                    ledger.delivered(message, station, at_ns, &[(Stage::KernelToUser, at_ns)]);
                    frames += 1;
                }
                Call::Dropped { message, station } => {
                    ledger.dropped(message, station, "stale");
                    frames += 1;
                }
                Call::Lost { message, station } => ledger.lost(message, station, "collision"),
                Call::Withheld { message } => ledger.withheld(message, "expired_in_queue"),
            }
            let open: usize = ledger.open.values().map(|entry| entry.receivers.len() + 1).sum();
            prop_assert_eq!(ledger.open_receivers, open);
            let queued: usize = ledger.due.iter().chain(&ledger.overdue).map(VecDeque::len).sum();
            prop_assert_eq!(ledger.open.len(), queued);
        }
        let outcome = ledger.finish(end_ns);
        let mut report = Report::new(Kind::Replay, "0", Verify::Once, &outcome.stats);
        outcome.fill(&mut report);
        prop_assert_eq!(report.check(), Ok(()));
        prop_assert_eq!(report.frames.received, frames);
        for class in &report.classes {
            prop_assert_eq!(class.send_to_delivered.count, class.delivered);
        }
    }
}
