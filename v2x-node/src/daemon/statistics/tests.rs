//! Tests of the statistics, in virtual time.

use v2x_core::{Dropped, FrameHead, ReceiveStamps, Way, starting_sequence};
use v2x_report::Verdict;

use super::*;

/// The station's clocks: the machine's counts ms, the wire's is far from its start.
const WIRE_US: u64 = 700_000_000_000_000;

fn statistics() -> Statistics {
    Statistics::new(Anchor { instant: Instant::from_millis(0), wire: WireTime::from_micros(WIRE_US) })
}

fn wire(ms: u64) -> WireTime {
    WireTime::from_micros(WIRE_US + ms * 1000)
}

/// A message of `signer`, from a link address of its own, generated and delivered at these times.
fn message(signer: u8, class: Class, sequence: u32, generated_ms: u64, delivered_ms: u64) -> Received {
    let at = Instant::from_millis(delivered_ms);
    Received {
        confidential: false,
        id: MessageId { signer: Digest([signer; 8]), class, sequence },
        message_type: 1,
        generation_time: wire(generated_ms),
        position: v2x_core::Position::default(),
        link_source: [signer; 6],
        signal_dbm: None,
        forwarder: None,
        frame: bytes::Bytes::new(),
        hops: 1,
        verified: true,
        permissions: 0,
        suspect: false,
        payload: bytes::Bytes::new(),
        stamps: ReceiveStamps { prefiltered: at, verified: at, delivered: at, ..ReceiveStamps::default() },
        way: Way::Air,
    }
}

/// Beacons of `signer` each 100 ms, that arrive after 2 ms.
fn beacons(statistics: &mut Statistics, signer: u8, times_ms: core::ops::Range<u64>, first: u32) {
    for (ms, number) in times_ms.step_by(100).zip(first..) {
        statistics.event(&Event::Received(message(signer, Class::D2, number, ms, ms + 2)));
    }
}

fn outside(statistics: &mut Statistics, id: MessageId) {
    let reason = DropReason::OutsideArea;
    statistics.event(&Event::Dropped(Dropped {
        reason,
        link_source: [1; 6],
        claimed: Some(id),
        field: None,
        head: FrameHead::default(),
        signal_dbm: None,
        way: Way::Air,
    }));
}

/// Expected, missed, and what stands apart, of one class; the report must add up.
fn counts(statistics: &Statistics, class: Class) -> (u64, u64, Vec<(String, u64)>) {
    let report = statistics.report(60.0);
    assert_eq!(report.check(), Ok(()));
    let class = report.class(class).unwrap().clone();
    (class.expected, class.missed, class.apart.into_iter().collect())
}

fn apart(name: &str, count: u64) -> Vec<(String, u64)> {
    vec![(name.to_owned(), count)]
}

#[test]
fn gaps_are_expected_and_stragglers_are_not_counted_twice() {
    let mut statistics = statistics();
    for number in [10, 11, 14, 13, 15] {
        let ms = 1_000 + u64::from(number) * 100;
        statistics.event(&Event::Received(message(1, Class::D2, number, ms, 2_600)));
    }
    let report = statistics.report(1.0);
    assert_eq!(report.check(), Ok(()));
    let class = report.class(Class::D2).unwrap();
    assert_eq!((class.expected, class.delivered, class.undelivered.get(SEQUENCE_GAP)), (6, 5, Some(&1)));
}

#[test]
fn a_report_adds_up_when_the_first_message_is_overtaken() {
    let mut statistics = statistics();
    for number in [11, 10, 12] {
        statistics.event(&Event::Received(message(1, Class::D4, number, 1_000, 1_100)));
    }
    assert_eq!(counts(&statistics, Class::D4), (3, 0, vec![]));
    // Back in range, by a message that overtook another.
    statistics.event(&Event::Received(message(1, Class::D4, 73, 9_000, 9_100)));
    statistics.event(&Event::Received(message(1, Class::D4, 72, 9_000, 9_100)));
    let (expected, missed, apart) = counts(&statistics, Class::D4);
    assert_eq!((expected, missed), (5, 0), "{apart:?}");
}

#[test]
fn a_neighbour_that_restarts_is_no_loss() {
    let mut statistics = statistics();
    // It runs 4 s, is off for 3 s, and runs again for 6 s.
    beacons(&mut statistics, 1, 0..4_000, starting_sequence(wire(0)));
    beacons(&mut statistics, 1, 7_000..13_000, starting_sequence(wire(7_000)));
    assert_eq!(counts(&statistics, Class::D2), (100, 0, apart(RESTARTS, 1)));
    assert_eq!(statistics.report(13.0).verdict, Verdict::Met);
}

#[test]
fn a_car_out_of_range_and_back_is_no_loss() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..4_000, 1_000);
    // Its beacons 1,040 to 1,099 are for others.
    beacons(&mut statistics, 1, 10_000..12_000, 1_100);
    assert_eq!(counts(&statistics, Class::D2), (60, 0, apart(OUT_OF_RANGE, 60)));
}

#[test]
fn a_silence_shorter_than_any_absence_is_loss() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..4_000, 1_000);
    beacons(&mut statistics, 1, 8_000..10_000, 1_080);
    assert_eq!(counts(&statistics, Class::D2), (100, 40, vec![]));
}

#[test]
fn a_class_is_lost_while_another_of_the_same_signer_is_heard() {
    let mut statistics = statistics();
    statistics.event(&Event::Received(message(1, Class::D4, 5, 0, 1)));
    beacons(&mut statistics, 1, 0..10_000, 1_000);
    statistics.event(&Event::Received(message(1, Class::D4, 8, 10_000, 10_001)));
    assert_eq!(counts(&statistics, Class::D4), (4, 2, vec![]));
}

#[test]
fn who_comes_late_to_a_hazard_has_missed_nothing() {
    let mut statistics = statistics();
    // Declared 3 s before this station started; carried to it by the unit, which it hears first at 100 ms.
    let mut late = message(1, Class::D3, 7, 0, 5_200);
    late.generation_time = WireTime::from_micros(WIRE_US - 3_000_000);
    beacons(&mut statistics, 1, 100..5_100, 1_000);
    statistics.event(&Event::Received(late));
    assert_eq!(counts(&statistics, Class::D3), (0, 0, apart(CAUGHT_UP, 1)));
    let report = statistics.report(6.0);
    assert_eq!((report.verdict, report.frames.delivered), (Verdict::Met, 51));
    let over_time = report.over_time.as_ref().unwrap();
    assert_eq!(over_time.missed.iter().sum::<u64>(), 0, "its page shows none either");
    assert_eq!(over_time.expected.iter().sum::<u64>(), 50);
    // The next one is sent in its presence: in time, then late.
    statistics.event(&Event::Received(message(1, Class::D3, 8, 6_000, 6_100)));
    statistics.event(&Event::Received(message(1, Class::D3, 9, 7_000, 8_000)));
    assert_eq!(counts(&statistics, Class::D3), (2, 1, apart(CAUGHT_UP, 1)));
}

#[test]
fn a_hazard_brought_by_a_car_that_came_later_is_caught_up() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..9_000, 1_000);
    // Car 2 comes at 8 s and brings the unit's flood of 4 s over its own link.
    beacons(&mut statistics, 2, 8_000..9_000, 1_000);
    let brought = Received { hops: 2, link_source: [2; 6], ..message(9, Class::D3, 7, 4_000, 9_000) };
    statistics.event(&Event::Received(brought));
    assert_eq!(counts(&statistics, Class::D3), (0, 0, apart(CAUGHT_UP, 1)));
}

#[test]
fn a_hazard_whose_area_was_entered_later_is_caught_up() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..9_000, 1_000);
    let flood = message(1, Class::D3, 7, 4_000, 9_000);
    outside(&mut statistics, flood.id);
    statistics.event(&Event::Received(flood));
    assert_eq!(counts(&statistics, Class::D3), (0, 0, apart(CAUGHT_UP, 1)));
}

#[test]
fn hazards_for_other_areas_are_no_gaps() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..9_000, 1_000);
    statistics.event(&Event::Received(message(1, Class::D3, 1, 1_000, 1_010)));
    outside(&mut statistics, message(1, Class::D3, 2, 0, 0).id);
    statistics.event(&Event::Received(message(1, Class::D3, 4, 3_000, 3_010)));
    assert_eq!(counts(&statistics, Class::D3), (3, 1, vec![]), "3 is missing, 2 was for others");
    // A station that is never heard straight: not every flood of it comes here.
    for (number, ms) in [(1, 4_000), (5, 5_000)] {
        let relayed = Received { hops: 3, link_source: [1; 6], ..message(7, Class::D3, number, ms, ms + 50) };
        statistics.event(&Event::Received(relayed));
    }
    assert_eq!(counts(&statistics, Class::D3), (5, 1, vec![]));
}

#[test]
fn a_run_that_delivered_nothing_has_nothing_to_judge() {
    let mut statistics = statistics();
    for _ in 0..290 {
        let dropped = Dropped {
            reason: DropReason::UnknownIssuer,
            link_source: [1; 6],
            claimed: None,
            field: None,
            head: FrameHead::default(),
            signal_dbm: None,
            way: Way::Air,
        };
        statistics.event(&Event::Dropped(dropped));
    }
    let report = statistics.report(30.0);
    assert_eq!((report.verdict, report.frames.received), (Verdict::NothingToJudge, 290));
    assert!(report.nothing_because()[0].contains("100.0 % dropped as unknown_issuer"));
}

#[test]
fn the_signers_and_links_followed_are_bounded_and_those_that_are_gone_make_room() {
    let mut statistics = statistics();
    let mut hear = |number: usize, ms: u64| {
        let signer = Digest((number as u64).to_le_bytes());
        let mut link = [0; 6];
        link[..4].copy_from_slice(&(number as u32).to_le_bytes());
        let id = MessageId { signer, class: Class::D3, sequence: 1 };
        let received = Received { id, link_source: link, hops: 2, ..message(0, Class::D3, 1, ms, ms) };
        statistics.event(&Event::Received(received));
        (statistics.signers.len(), statistics.links.len(), statistics.untracked)
    };
    for number in 0..MAX_TRACKED + 5 {
        hear(number, 2_000);
    }
    assert_eq!(hear(MAX_TRACKED + 5, 2_000), (MAX_TRACKED, MAX_TRACKED, 6));
    // A month on the road meets more signers than any table holds.
    assert_eq!(hear(MAX_TRACKED + 6, 30_000), (1, 1, 6));
}

#[test]
fn load_and_misses_have_a_time() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..2_000, 1_000);
    beacons(&mut statistics, 1, 3_000..4_000, 1_030);
    statistics.event(&signed(1));
    statistics.transmitted(&frame(1, Origin::Own), Instant::from_millis(1_500));
    let timeline = statistics.report(4.0).over_time.unwrap();
    assert_eq!((timeline.sent, timeline.missed), (vec![0, 1, 0, 0], vec![0, 0, 0, 10]));
}

fn id(sequence: u32) -> MessageId {
    MessageId { signer: Digest([1; 8]), class: Class::D2, sequence }
}

fn signed(sequence: u32) -> Event {
    Event::Sent(v2x_core::Sent {
        id: id(sequence),
        message_type: 1,
        generation_time: WireTime::from_micros(1),
        position: v2x_core::Position::default(),
        frame_len: 300,
        full_credential: false,
        generated: Instant::ZERO,
        token: None,
    })
}

fn frame(sequence: u32, origin: Origin) -> Transmit {
    Transmit {
        bytes: bytes::Bytes::new(),
        class: Class::D2,
        origin,
        id: id(sequence),
        expires: Instant::FAR_FUTURE,
        source: None,
        stamps: v2x_core::SendStamps::default(),
    }
}

#[test]
fn sent_means_taken_by_the_link_and_refusals_have_their_cause() {
    let mut statistics = statistics();
    for sequence in 1..=4 {
        statistics.event(&signed(sequence));
    }
    assert_eq!(statistics.sent(), 0, "signed is not sent");
    statistics.transmitted(&frame(1, Origin::Own), Instant::ZERO);
    statistics.transmitted(&frame(1, Origin::Own), Instant::ZERO);
    statistics.transmitted(&frame(9, Origin::Forwarded), Instant::ZERO);
    let long = io::Error::from(io::ErrorKind::InvalidInput);
    statistics.transmit_failed(&frame(2, Origin::Own), &long);
    statistics.transmit_failed(&frame(3, Origin::Own), &io::Error::from(io::ErrorKind::NotConnected));
    statistics.transmit_failed(&frame(1, Origin::Own), &long);
    assert_eq!((statistics.sent(), statistics.forwarded()), (1, 1));
    let reasons: Vec<_> = statistics.unsent().iter().map(|(reason, count)| (*reason, *count)).collect();
    assert_eq!(reasons, [("link_down", 1), ("link_frame_too_long", 1)]);
    let warnings = statistics.report(1.0).warnings;
    assert!(
        warnings
            .contains(&"1 repetitions and forwarded frames not transmitted: link_frame_too_long".to_owned())
    );
}

#[test]
fn messages_on_their_way_to_the_link_are_bounded() {
    let mut statistics = statistics();
    for sequence in 0..MAX_SIGNED as u32 + 5 {
        statistics.event(&signed(sequence));
    }
    assert_eq!(statistics.signed.len(), MAX_SIGNED);
}

#[test]
fn what_is_from_afar_stands_in_a_row_of_its_own() {
    let mut statistics = statistics();
    beacons(&mut statistics, 1, 0..1_000, 1);
    let way = Way::Afar(7);
    // A hazard that is far beyond the deadline of one by air, and of a signer that left thousands out.
    for (number, ms) in [(5, 2_000), (9_000, 2_500)] {
        statistics.event(&Event::Received(Received { way, ..message(9, Class::D3, number, 1_000, ms) }));
    }
    let id = MessageId { signer: Digest([9; 8]), class: Class::D3, sequence: 5 };
    let dropped = Dropped {
        reason: DropReason::Replayed,
        link_source: [0; 6],
        claimed: Some(id),
        field: None,
        head: FrameHead::default(),
        signal_dbm: None,
        way,
    };
    statistics.event(&Event::Dropped(dropped));
    for cause in [v2x_core::ForwardCause::Afar, v2x_core::ForwardCause::KeepAlive] {
        statistics.event(&Event::Forwarded(v2x_core::Forwarded { id, remaining_hops: 3, cause, way }));
    }
    let report = statistics.report(3.0);
    assert_eq!(report.check(), Ok(()));
    assert_eq!((report.frames.received, report.frames.delivered, report.drops.len()), (10, 10, 0));
    let d3 = report.class(Class::D3).unwrap();
    assert_eq!((d3.expected, d3.delivered, d3.missed, report.verdict), (0, 0, 0, Verdict::Met));
    let afar = report.afar.as_ref().unwrap();
    assert_eq!((afar.received, afar.delivered, afar.dropped, afar.aired), (3, 2, 1, 1));
    assert_eq!((afar.drops["replayed"], afar.age.count), (1, 2));
    assert!((1_490_000_000..=1_510_000_000).contains(&afar.age.max_ns), "{:?}", afar.age);
    let line = "from afar: 3 received = 2 delivered (p50 1";
    assert!(report.table().contains(line) && report.short_table().contains(line), "{}", report.table());
    assert!(
        v2x_report::html::render(&report, &v2x_report::html::MapData::default())
            .contains("<dt>from afar</dt>")
    );
    assert_eq!(self::statistics().report(1.0).afar, None);
}
