use super::*;
use v2x_core::{MessageId, Position, ReceiveStamps, Way};

use crate::roadside::content::SignalGroup;

fn wire(ms: u64) -> WireTime {
    WireTime::from_micros(9_000_000_000 + ms * 1000)
}

fn table() -> Priorities {
    let group = SignalGroup { group: 1, green_ms: 1, yellow_ms: 1, red_ms: 1, offset_ms: 0 };
    Priorities::new(&[Intersection::planned(7, Position::default(), vec![group])])
}

fn ask(signer: u64, id: u32) -> v1::PriorityRequest {
    v1::PriorityRequest {
        intersection_id: 7,
        request_id: id,
        action: v1::PriorityAction::Request as i32,
        arrival_us: wire(20_000).as_micros(),
        duration_ms: 4_000,
        role: v1::PriorityRole::Truck as i32,
        importance: Some((signer % 15) as u32),
        ..v1::PriorityRequest::default()
    }
}

fn received(signer: u64, message: &v1::PriorityRequest, permissions: Permissions) -> Received {
    Received {
        way: Way::Air,
        confidential: false,
        id: MessageId { signer: Digest(signer.to_be_bytes()), class: Class::D4, sequence: 1 },
        message_type: v1::MessageType::PriorityRequest as u32,
        generation_time: WireTime::from_micros(1),
        position: Position::default(),
        link_source: [0; 6],
        signal_dbm: None,
        forwarder: None,
        frame: Bytes::new(),
        hops: 1,
        verified: true,
        permissions: permissions.0,
        suspect: false,
        payload: Bytes::from(message.encode_to_vec()),
        stamps: ReceiveStamps::default(),
    }
}

fn hear(table: &mut Priorities, signer: u64, ms: u64, message: &v1::PriorityRequest, controlled: bool) {
    let now = Instant::from_millis(ms);
    table.heard(&received(signer, message, Permissions::NONE), now, wire(ms), |_| controlled);
    table.tell(now, wire(ms), |_| controlled);
}

/// What is sent from `from` to `to`: the millisecond, and the states of all answers.
fn said(table: &mut Priorities, from: u64, to: u64) -> Vec<(u64, Vec<v1::PriorityState>)> {
    let mut all = Vec::new();
    for ms in from..to {
        let now = Instant::from_millis(ms);
        if table.next_due().is_none_or(|due| due > now) {
            continue;
        }
        table.due(now, |request| {
            v2x_proto::payload::decode(request.message_type, request.payload.clone()).unwrap();
            let status = v1::PriorityStatus::decode(request.payload).unwrap();
            all.push((ms, status.answers.iter().map(v1::PriorityAnswer::state).collect()));
        });
        assert!(table.next_due().is_none_or(|due| due > now), "it makes progress");
    }
    all
}

const PROCESSING: v1::PriorityState = v1::PriorityState::Processing;
const REJECTED: v1::PriorityState = v1::PriorityState::Rejected;
const GRANTED: v1::PriorityState = v1::PriorityState::Granted;
const OVER: v1::PriorityState = v1::PriorityState::MaxPresence;

#[test]
fn without_a_controller_a_request_is_rejected_in_time_and_forgotten_at_its_end() {
    let mut table = table();
    hear(&mut table, 1, 0, &ask(1, 1), false);
    let said = said(&mut table, 0, 60_000);
    let times: Vec<_> = said.iter().map(|(ms, _)| *ms).collect();
    assert_eq!(times[..5], [0, 1000, 2000, 3000, 4000], "at once, then once a second");
    assert_eq!((&said[2].1, &said[3].1), (&vec![PROCESSING], &vec![REJECTED]));
    // It arrives at 20 s, needs 4 s, may be 5 s late, and its end is repeated for 3 s.
    let over: Vec<_> = said.iter().filter(|(_, states)| states == &[OVER]).map(|(ms, _)| *ms).collect();
    assert_eq!(over, [29_000, 30_000, 31_000]);
    assert_eq!(said.last().unwrap(), &(32_000, vec![]), "nothing known any longer, sent once");
    assert_eq!(table.next_due(), None);
}

#[test]
fn a_controller_is_told_and_its_answer_is_said_at_once() {
    let mut table = table();
    hear(&mut table, 1, 0, &ask(1, 9), true);
    let lines = table.take_lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].1.contains("\"request\":9,\"action\":\"request\",\"role\":\"truck\""), "{}", lines[0].1);
    assert_eq!(said(&mut table, 0, 1_300).len(), 2);
    let answer =
        Answer { requester: Digest(1_u64.to_be_bytes()), request: 9, state: GRANTED, expected_s: Some(8.0) };
    assert_eq!(table.answered(7, &[answer], Instant::from_millis(1_300), wire(1_300)), 0);
    assert_eq!(
        said(&mut table, 1_300, 1_600),
        [(1_500, vec![GRANTED])],
        "half a second after the one before"
    );
    assert_eq!(said(&mut table, 1_600, 15_000).last().unwrap().1, [GRANTED], "an answer stays");
    let nobody = Answer { request: 3, ..answer };
    assert_eq!(table.answered(7, &[nobody], Instant::from_millis(2_000), wire(2_000)), 1);
}

#[test]
fn a_controller_that_does_not_answer_is_waited_for_ten_seconds() {
    let mut table = table();
    hear(&mut table, 1, 0, &ask(1, 1), true);
    let said = said(&mut table, 0, 12_000);
    assert_eq!(said.iter().find(|(_, states)| states == &[REJECTED]).unwrap().0, 10_000);
}

#[test]
fn a_controller_that_comes_later_is_told_of_what_waits() {
    let mut table = table();
    hear(&mut table, 1, 0, &ask(1, 1), false);
    assert!(table.take_lines().is_empty());
    table.tell(Instant::from_millis(500), wire(500), |_| true);
    table.tell(Instant::from_millis(600), wire(600), |_| true);
    assert_eq!(table.take_lines().len(), 1);
}

#[test]
fn the_answers_of_a_controller_go_with_it_and_the_next_one_is_told() {
    let mut table = table();
    hear(&mut table, 1, 0, &ask(1, 9), true);
    table.take_lines();
    let answer =
        Answer { requester: Digest(1_u64.to_be_bytes()), request: 9, state: GRANTED, expected_s: None };
    table.answered(7, &[answer], Instant::ZERO, wire(0));
    assert_eq!(said(&mut table, 0, 100), [(0, vec![GRANTED])]);
    table.abandoned(7, Instant::from_millis(1_000));
    table.tell(Instant::from_millis(2_000), wire(2_000), |_| true);
    assert_eq!(said(&mut table, 1_000, 2_001), [(1_000, vec![PROCESSING]), (2_000, vec![PROCESSING])]);
    assert_eq!(table.take_lines().len(), 1);
}

#[test]
fn a_repeated_request_is_no_news_a_changed_one_is_and_a_cancelled_one_is_gone() {
    let mut table = table();
    hear(&mut table, 1, 0, &ask(1, 1), true);
    table.take_lines();
    said(&mut table, 0, 100);
    hear(
        &mut table,
        1,
        100,
        &v1::PriorityRequest { arrival_us: wire(20_300).as_micros(), ..ask(1, 1) },
        true,
    );
    assert!(table.take_lines().is_empty());
    hear(
        &mut table,
        1,
        200,
        &v1::PriorityRequest { arrival_us: wire(30_000).as_micros(), ..ask(1, 1) },
        true,
    );
    assert_eq!(table.take_lines().len(), 1);
    let cancel = v1::PriorityRequest { action: v1::PriorityAction::Cancel as i32, ..ask(1, 1) };
    hear(&mut table, 1, 900, &cancel, true);
    assert!(table.take_lines()[0].1.contains("\"action\":\"cancel\""));
    assert_eq!(said(&mut table, 900, 5_000), [(900, vec![])]);
    hear(&mut table, 1, 6_000, &cancel, true);
    assert_eq!((table.next_due(), table.take_lines().len()), (None, 0), "cancelled twice is no request");
}

#[test]
fn a_role_without_its_permission_is_rejected_and_not_handed_on() {
    let bus = v1::PriorityRequest { role: v1::PriorityRole::PublicTransport as i32, ..ask(1, 1) };
    let ambulance = v1::PriorityRequest { role: v1::PriorityRole::Emergency as i32, ..ask(1, 1) };
    for (message, needed) in [(bus, Permissions::PUBLIC_TRANSPORT), (ambulance, Permissions::EMERGENCY)] {
        for (permissions, state, lines) in
            [(needed, PROCESSING, 1), (Permissions::PRIORITY_REQUEST, REJECTED, 0)]
        {
            let mut table = table();
            table.heard(&received(1, &message, permissions), Instant::ZERO, wire(0), |_| true);
            table.tell(Instant::ZERO, wire(0), |_| true);
            assert_eq!(said(&mut table, 0, 1)[0].1, [state]);
            assert_eq!(table.take_lines().len(), lines);
        }
    }
}

#[test]
fn what_is_for_elsewhere_or_by_a_suspect_changes_nothing() {
    let mut table = table();
    hear(&mut table, 1, 0, &v1::PriorityRequest { intersection_id: 8, ..ask(1, 1) }, false);
    hear(&mut table, 1, 0, &v1::PriorityRequest { region_id: 1, ..ask(1, 1) }, false);
    let suspect = Received { suspect: true, ..received(1, &ask(1, 1), Permissions::NONE) };
    table.heard(&suspect, Instant::ZERO, wire(0), |_| false);
    assert_eq!((table.next_due(), table.counts()), (None, PriorityCounts::default()));
    assert!(table.take_news().is_empty());
}

#[test]
fn the_table_is_bounded_and_the_most_urgent_stay() {
    let mut table = table();
    for id in 0..10 {
        hear(&mut table, 99, 0, &ask(0, id), false);
    }
    assert_eq!(table.requests.len(), MOST_OF_ONE);
    for signer in 0..200 {
        hear(&mut table, 1_000 + signer, 0, &ask(signer, 1), false);
    }
    assert_eq!(table.requests.len(), MOST);
    let ambulance = v1::PriorityRequest { role: v1::PriorityRole::Emergency as i32, ..ask(1, 1) };
    table.heard(&received(5, &ambulance, Permissions::EMERGENCY), Instant::ZERO, wire(0), |_| false);
    assert!(table.requests.iter().any(|one| one.message.role() == v1::PriorityRole::Emergency));
    assert_eq!(table.requests.len(), MOST);
    assert_eq!(said(&mut table, 0, 1)[0].1.len(), MOST);
    let news = table.take_news();
    assert_eq!(news.len(), 11, "ten, and how many more: {news:?}");
    assert!(news[10].starts_with("and ") && news[10].ends_with(" more changes of requests for priority"));
}

#[test]
fn people_see_who_asks_and_what_becomes_of_it() {
    let mut table = table();
    let bus = v1::PriorityRequest {
        role: v1::PriorityRole::PublicTransport as i32,
        ingress_lane: Some(1),
        egress_lane: Some(13),
        ..ask(1, 9)
    };
    for ms in [0, 1_000] {
        table.heard(
            &received(1, &bus, Permissions::PUBLIC_TRANSPORT),
            Instant::from_millis(ms),
            wire(ms),
            |_| true,
        );
    }
    let name = "priority at intersection 7: ";
    let asks = "public transport 0000000000000001 asks for green, lane 1 to 13, there in 20.0 s";
    assert_eq!(table.take_news(), [format!("{name}{asks}")], "a repetition is no news");
    let answer =
        Answer { requester: Digest(1_u64.to_be_bytes()), request: 9, state: GRANTED, expected_s: Some(8.0) };
    for ms in (1_000..3_000).step_by(100) {
        table.answered(7, &[answer], Instant::from_millis(ms), wire(ms));
    }
    let granted = format!("{name}0000000000000001 granted, green expected in 8.0 s");
    assert_eq!(table.take_news(), [granted]);
    let cancel = v1::PriorityRequest { action: v1::PriorityAction::Cancel as i32, ..bus };
    for ms in [3_000, 3_100] {
        hear(&mut table, 1, ms, &cancel, true);
    }
    assert_eq!(table.take_news(), [format!("{name}0000000000000001 has passed or withdrawn")]);
    // The next one nobody answers, and one claims what it may not.
    hear(&mut table, 2, 4_000, &ask(2, 1), false);
    table.heard(&received(3, &bus, Permissions::NONE), Instant::from_millis(4_000), wire(4_000), |_| false);
    said(&mut table, 4_000, 40_000);
    let news: Vec<String> = table
        .take_news()
        .iter()
        .map(|line| line.replacen(name, "", 1).replacen("00000000000000", "", 1))
        .collect();
    let arrives = "there in 16.0 s";
    assert_eq!(
        news,
        [
            format!("truck 02 asks for green, {arrives}"),
            format!("public transport 03 asks for green, lane 1 to 13, {arrives}"),
            "03 rejected: its credential does not permit the role it claims".to_owned(),
            "02 rejected: no controller answered".to_owned(),
            "02 over: its time is up".to_owned(),
            "03 over: its time is up".to_owned(),
        ]
    );
    let counts = PriorityCounts { heard: 3, granted: 1, rejected: 2, ended: 1, expired: 2, crowded_out: 0 };
    assert_eq!(table.counts(), counts);
}

/// Each message sent from `from` to `to`: for whom it is sealed, and whom it answers.
fn answered(table: &mut Priorities, from: u64, to: u64) -> Vec<(Option<Digest>, Vec<Digest>)> {
    let mut all = Vec::new();
    for ms in from..to {
        let now = Instant::from_millis(ms);
        if table.next_due().is_none_or(|due| due > now) {
            continue;
        }
        table.due(now, |request| {
            let status = v1::PriorityStatus::decode(request.payload).unwrap();
            let whom = status.answers.iter().map(|one| Digest::from_slice(&one.requester).unwrap());
            all.push((request.to.map(|to| to.stations[0]), whom.collect()));
        });
    }
    all
}

fn hear_sealed(table: &mut Priorities, signer: u64, ms: u64) {
    let received = Received { confidential: true, ..received(signer, &ask(signer, 1), Permissions::NONE) };
    table.heard(&received, Instant::from_millis(ms), wire(ms), |_| true);
}

#[test]
fn who_asked_sealed_is_answered_sealed_and_named_to_nobody_else() {
    let mut table = table();
    let [open, sealed] = [1_u64, 2].map(|number| Digest(number.to_be_bytes()));
    hear(&mut table, 1, 0, &ask(1, 1), true);
    hear_sealed(&mut table, 2, 0);
    assert_eq!(answered(&mut table, 0, 10), [(None, vec![open]), (Some(sealed), vec![sealed])]);
    // Once the open one is withdrawn that is said, and then nothing open any longer.
    let cancel = v1::PriorityRequest { action: v1::PriorityAction::Cancel as i32, ..ask(1, 1) };
    hear(&mut table, 1, 600, &cancel, true);
    let later = answered(&mut table, 600, 3_000);
    assert_eq!(later[0], (None, vec![]));
    assert!(later[1..].iter().all(|one| *one == (Some(sealed), vec![sealed])), "{later:?}");
    assert!(later.len() >= 3);
}

#[test]
fn many_who_asked_sealed_are_answered_in_turn_within_the_rate() {
    let mut table = table();
    for signer in 1..=11 {
        hear_sealed(&mut table, signer, 0);
    }
    let first = answered(&mut table, 0, 400);
    assert_eq!(first.len(), SEALED_AT_ONCE);
    let all = answered(&mut table, 400, 1_600);
    let each: std::collections::BTreeSet<_> = first.iter().chain(&all).filter_map(|(to, _)| *to).collect();
    assert_eq!(each.len(), 11, "everybody within one and a half seconds");
    assert!(all.len() <= 3 * SEALED_AT_ONCE, "{}", all.len());
}
