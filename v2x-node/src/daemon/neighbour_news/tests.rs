use super::*;
use v2x_core::{Fix, FrameHead, Heard, MessageId, Motion, NeighbourTable, Position, Way, WireTime};
use v2x_proto::Class;

const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

fn digest(number: u32) -> Digest {
    let [a, b, c, d] = number.to_be_bytes();
    Digest([0xd8, 0x99, 0, 0, a, b, c, d])
}

fn hear(table: &mut NeighbourTable, number: u32, position: Position, station_type: u8) {
    let id = MessageId { signer: digest(number), class: Class::D2, sequence: 1 };
    let generation = WireTime::from_secs(1000);
    let heard = Heard {
        id,
        generation,
        position,
        at: Instant::ZERO,
        wire: generation,
        link: [2; 6],
        direct: true,
        signal_dbm: None,
    };
    table.hear(&heard, None);
    table.set_motion(&id.signer, generation, &Motion { station_type, ..Motion::default() });
}

fn view(heading: Option<u16>) -> View {
    let fix = Fix {
        position: PLACE,
        altitude_cm: None,
        speed: None,
        heading,
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: None,
        time: WireTime::from_secs(1000),
    };
    View::new(Some(fix), WireTime::from_secs(1000))
}

fn dropped(number: u32, reason: DropReason) -> Event {
    let claimed = Some(MessageId { signer: digest(number), class: Class::D2, sequence: 1 });
    Event::Dropped(Dropped {
        reason,
        link_source: [2; 6],
        claimed,
        field: None,
        head: FrameHead::default(),
        signal_dbm: None,
        way: Way::Air,
    })
}

#[test]
fn a_neighbour_is_named_when_it_is_heard_first_and_when_it_is_lost() {
    let (mut news, mut table) = (NeighbourNews::default(), NeighbourTable::new());
    hear(&mut table, 1, PLACE.moved(0.0, -22.0), 5);
    hear(&mut table, 2, PLACE.moved(0.0, 1300.0), 15);
    for number in [1, 2] {
        news.event(&Event::NeighbourAdded(digest(number)));
    }
    let lines = news.lines(&table, &view(None), Instant::from_millis(1_000));
    assert_eq!(
        lines,
        ["heard car d899000000000001: 22 m south", "heard roadside unit d899000000000002: 1.3 km north"]
    );
    assert!(news.lines(&table, &view(None), Instant::from_millis(2_000)).is_empty());
    news.event(&Event::NeighbourLost(digest(1)));
    assert_eq!(news.lines(&table, &view(None), Instant::from_millis(3_000)), ["lost car d899000000000001"]);
    // As the driver sees it, and without a place of our own.
    news.event(&Event::NeighbourAdded(digest(1)));
    let ahead = news.lines(&table, &view(Some(1800)), Instant::from_millis(4_000));
    assert_eq!(ahead, ["heard car d899000000000001: 22 m ahead"]);
    news.event(&Event::NeighbourAdded(digest(1)));
    let nowhere = View::new(None, WireTime::from_secs(1000));
    assert_eq!(news.lines(&table, &nowhere, Instant::from_millis(5_000)), ["heard car d899000000000001"]);
}

#[test]
fn a_neighbour_whose_type_is_not_known_yet_waits_for_its_beacon() {
    let (mut news, mut table) = (NeighbourNews::default(), NeighbourTable::new());
    hear(&mut table, 1, PLACE, 0);
    news.event(&Event::NeighbourAdded(digest(1)));
    assert!(news.lines(&table, &view(None), Instant::from_millis(1_000)).is_empty());
    assert!(news.lines(&table, &view(None), Instant::from_millis(2_000)).is_empty());
    let lines = news.lines(&table, &view(None), Instant::from_millis(3_000));
    assert_eq!(lines, ["heard station d899000000000001: here"]);
}

#[test]
fn a_town_of_eight_hundred_takes_ten_lines_and_one_that_counts_the_rest() {
    let (mut news, mut table) = (NeighbourNews::default(), NeighbourTable::new());
    for number in 0..800 {
        hear(&mut table, number, PLACE, 5);
        news.event(&Event::NeighbourAdded(digest(number)));
    }
    let mut lines = news.lines(&table, &view(None), Instant::from_millis(1_000));
    assert_eq!(lines.len(), LINES_PER_WINDOW);
    for number in 0..800 {
        news.event(&Event::NeighbourLost(digest(number)));
    }
    for second in 2..=30 {
        lines.extend(news.lines(&table, &view(None), Instant::from_millis(second * 1_000)));
    }
    assert_eq!(lines.len(), LINES_PER_WINDOW + 1, "{lines:?}");
    assert_eq!(
        lines.last().unwrap(),
        "and 790 more heard, 800 more lost (roadcast neighbours shows the nearest)"
    );
}

#[test]
fn a_station_that_is_refused_or_not_believed_is_named_once_with_the_reason() {
    let (mut news, table) = (NeighbourNews::default(), NeighbourTable::new());
    for _ in 0..20 {
        news.event(&dropped(1, DropReason::Revoked));
        news.event(&dropped(2, DropReason::Stale));
        news.event(&dropped(3, DropReason::ExactCopy));
    }
    news.event(&dropped(4, DropReason::FromFuture));
    let change = |standing, check| Suspicion { digest: digest(5), standing, check, score: 0.0 };
    news.event(&Event::Suspicion(change(TrustLevel::Isolated, Some(Check::PositionSpeed))));
    news.event(&Event::Suspicion(change(TrustLevel::Trusted, None)));
    let lines = news.lines(&table, &view(None), Instant::from_millis(1_000));
    assert_eq!(
        lines,
        [
            "refusing station d899000000000001: its credential is revoked",
            "refusing station d899000000000002: its messages come too late: its clock or ours is wrong, or the link delays",
            "station d899000000000005 isolated, its messages are dropped from now on: its positions and its speed disagree",
            "station d899000000000005 is trusted again",
        ]
    );
}

#[test]
fn names_that_anybody_can_invent_fill_neither_memory_nor_the_screen() {
    let (mut news, table) = (NeighbourNews::default(), NeighbourTable::new());
    for number in 0..100_000 {
        news.event(&dropped(number, DropReason::SignatureInvalid));
    }
    assert_eq!((news.refused.len(), news.waiting.len()), (MOST_REFUSED, MOST_WAITING));
    assert_eq!(news.lines(&table, &view(None), Instant::from_millis(1_000)).len(), LINES_PER_WINDOW);
    let rest = news.lines(&table, &view(None), Instant::from_millis(20_000));
    assert_eq!(
        rest,
        ["and 99990 more refused or no longer believed (roadcast neighbours shows the nearest)"]
    );
}
