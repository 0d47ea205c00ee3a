//! Tests of the event table: any order of messages gives the same state, and no station takes the room of others.

use proptest::prelude::*;
use v2x_proto::v1;

use super::*;
use crate::hazard::testing::HERE;

const NOW: WireTime = WireTime::from_secs(1000);

fn digest(number: u16) -> Digest {
    let [a, b] = number.to_be_bytes();
    Digest([a, b, 0, 0, 0, 0, 0, 1])
}

fn id(origin: u16, number: u32) -> EventId {
    EventId { origin: digest(origin), number }
}

fn gist(id: EventId, state: EventState, reference_s: u32) -> HazardGist {
    let at = WireTime::from_secs(reference_s);
    HazardGist {
        id,
        state,
        detection: WireTime::from_secs(900),
        reference: at,
        valid_until: WireTime::from_secs(1500),
        position: Some(HERE),
        cause: 94,
        sub_cause: 0,
        speed: None,
        heading: None,
        quality: None,
        area: None,
        relevance_distance_m: None,
        relevance_direction: v1::RelevanceDirection::Unspecified,
        keep_alive: None,
    }
}

fn speaker(number: u16, rank: Rank) -> Speaker {
    Speaker {
        signer: digest(number),
        suspect: rank == Rank::Suspect,
        rank,
        class: Class::D3,
        afar: rank == Rank::Afar,
    }
}

fn take(table: &mut EventTable, gist: &HazardGist, speaker: &Speaker) -> Option<HazardChange> {
    table.take(gist, speaker, NOW).changed.map(|changed| changed.change)
}

/// Declares `count` events of one station.
fn declare(table: &mut EventTable, origin: u16, rank: Rank, count: u32) -> usize {
    let new = |number: &u32| {
        take(table, &gist(id(origin, *number), EventState::Active, 950), &speaker(origin, rank))
            == Some(HazardChange::New)
    };
    (0..count).filter(new).count()
}

#[test]
fn what_is_from_afar_makes_room_for_what_is_heard_here_and_takes_none_of_it() {
    let mut table = EventTable::default();
    let full = MAX_EVENTS as u16;
    for number in 0..full {
        assert_eq!(declare(&mut table, number, Rank::Afar, 1), 1);
    }
    assert_eq!(declare(&mut table, full, Rank::Afar, 1), 0, "each holds one: none is worth less");
    for rank in [Rank::Suspect, Rank::Station, Rank::Authority] {
        assert_eq!(declare(&mut table, full + rank as u16, rank, 2), 2, "{rank:?}");
    }
    assert_eq!((table.len(), table.iter().filter(|known| known.afar).count()), (MAX_EVENTS, MAX_EVENTS - 6));
    let mut table = EventTable::default();
    for number in 0..full {
        declare(&mut table, number, Rank::Suspect, 1);
    }
    assert_eq!(declare(&mut table, full, Rank::Afar, 1), 0, "not even a suspect's");
}

#[test]
fn a_station_s_events_from_afar_take_no_share_of_those_it_is_heard_with() {
    let mut table = EventTable::default();
    assert_eq!(declare(&mut table, 1, Rank::Station, MAX_EVENTS_PER_SIGNER as u32), MAX_EVENTS_PER_SIGNER);
    let more = gist(id(1, 99), EventState::Active, 950);
    assert_eq!(take(&mut table, &more, &speaker(1, Rank::Afar)), None);
    assert_eq!(table.iter().filter(|known| known.afar).count(), 0);
}

#[test]
fn an_event_is_from_afar_until_anything_about_it_is_heard_here_and_never_again() {
    let mut table = EventTable::default();
    let version = |reference| gist(id(1, 7), EventState::Active, reference);
    take(&mut table, &version(950), &speaker(1, Rank::Afar));
    take(&mut table, &version(951), &speaker(1, Rank::Afar));
    assert!(table.get(&id(1, 7)).unwrap().afar);
    assert_eq!(take(&mut table, &version(951), &speaker(1, Rank::Station)), None, "the same version");
    assert!(!table.get(&id(1, 7)).unwrap().afar);
    assert_eq!(take(&mut table, &version(960), &speaker(1, Rank::Afar)), Some(HazardChange::Updated));
    assert!(!table.get(&id(1, 7)).unwrap().afar);
    for number in 2..=MAX_EVENTS as u16 + 5 {
        declare(&mut table, number, Rank::Afar, 1);
    }
    assert!(table.get(&id(1, 7)).is_some(), "nor does it make room as one from afar");
}

#[test]
fn each_change_is_said_once_and_a_repetition_is_none() {
    let (mut table, origin) = (EventTable::default(), speaker(1, Rank::Station));
    let mut say = |state, reference| take(&mut table, &gist(id(1, 7), state, reference), &origin);
    assert_eq!(say(EventState::Active, 950), Some(HazardChange::New));
    assert_eq!(say(EventState::Active, 950), None);
    assert_eq!(say(EventState::Active, 960), Some(HazardChange::Updated));
    assert_eq!(say(EventState::Active, 960), None);
    assert_eq!(say(EventState::Cancelled, 970), Some(HazardChange::Cancelled));
    assert_eq!(say(EventState::Cancelled, 970), None);
    assert_eq!(table.iter().count(), 1);
    assert_eq!(table.get(&id(1, 7)).unwrap().state, EventState::Cancelled);
}

#[test]
fn versions_are_in_the_order_of_reference_and_detection_time() {
    let (mut table, origin) = (EventTable::default(), speaker(1, Rank::Station));
    let version = |reference_s, detection_s| HazardGist {
        detection: WireTime::from_secs(detection_s),
        ..gist(id(1, 7), EventState::Active, reference_s)
    };
    let judge = |table: &EventTable, gist: &HazardGist| table.judge(gist, &origin.signer, NOW, NOW).err();
    assert_eq!(take(&mut table, &version(950, 940), &origin), Some(HazardChange::New));
    for older in [version(949, 940), version(950, 939)] {
        assert_eq!(judge(&table, &older), Some(DropReason::EventSuperseded));
        assert_eq!(take(&mut table, &older, &origin), None);
    }
    assert_eq!(judge(&table, &version(950, 940)), None, "the same again is a repetition");
    assert_eq!(take(&mut table, &version(950, 941), &origin), Some(HazardChange::Updated));
    assert_eq!(take(&mut table, &version(951, 900), &origin), Some(HazardChange::Updated));
}

#[test]
fn only_its_own_signer_speaks_for_an_event_but_for_a_negation() {
    let (mut table, thief) = (EventTable::default(), digest(2));
    take(&mut table, &gist(id(1, 7), EventState::Active, 950), &speaker(1, Rank::Station));
    for state in [EventState::Active, EventState::Cancelled] {
        let said = gist(id(1, 7), state, 960);
        assert_eq!(table.judge(&said, &thief, NOW, NOW).err(), Some(DropReason::NotOrigin));
        assert_eq!(table.judge(&said, &digest(1), NOW, NOW).err(), None);
    }
    assert_eq!(table.judge(&gist(id(1, 7), EventState::Negated, 960), &thief, NOW, NOW).err(), None);
}

#[test]
fn times_that_cannot_be_are_refused() {
    let table = EventTable::default();
    let judge = |gist: &HazardGist| table.judge(gist, &digest(1), NOW, NOW).err();
    let good = gist(id(1, 1), EventState::Active, 950);
    assert_eq!(judge(&good), None);
    assert_eq!(
        judge(&gist(id(1, 1), EventState::Active, 1001)),
        Some(DropReason::EventTime),
        "made after it was said"
    );
    assert_eq!(
        judge(&gist(id(1, 1), EventState::Active, 899)),
        Some(DropReason::EventTime),
        "made before it was detected"
    );
    assert_eq!(judge(&HazardGist { valid_until: NOW, ..good }), Some(DropReason::EventSuperseded), "over");
}

#[test]
fn a_late_copy_does_not_revive_what_was_cancelled() {
    let (mut table, origin) = (EventTable::default(), speaker(1, Rank::Station));
    let (new, update) = (gist(id(1, 7), EventState::Active, 950), gist(id(1, 7), EventState::Active, 980));
    take(&mut table, &new, &origin);
    take(&mut table, &gist(id(1, 7), EventState::Cancelled, 970), &origin);
    for late in [new, update] {
        assert_eq!(table.judge(&late, &origin.signer, NOW, NOW).err(), Some(DropReason::EventSuperseded));
        assert_eq!(take(&mut table, &late, &origin), None);
    }
    // Nor when the cancellation came first.
    assert_eq!(take(&mut table, &gist(id(1, 8), EventState::Cancelled, 970), &origin), None);
    assert_eq!(take(&mut table, &gist(id(1, 8), EventState::Active, 950), &origin), None);
    assert_eq!((table.get(&id(1, 8)), table.len()), (None, 2));
}

#[test]
fn what_has_ended_is_forgotten_when_it_would_have_ended_by_itself_and_goes_unsaid() {
    let (mut table, origin) = (EventTable::default(), speaker(1, Rank::Station));
    take(&mut table, &gist(id(1, 7), EventState::Active, 950), &origin);
    take(&mut table, &gist(id(1, 8), EventState::Active, 950), &origin);
    take(&mut table, &gist(id(1, 7), EventState::Cancelled, 970), &origin);
    take(&mut table, &gist(id(1, 9), EventState::Cancelled, 990), &origin);
    assert_eq!(table.next_end(), Some(WireTime::from_secs(1500)));
    assert_eq!(table.expire(WireTime::from_secs(1499)), None);
    assert_eq!(table.expire(WireTime::from_secs(1500)).map(|known| known.id), Some(id(1, 8)));
    assert_eq!(table.expire(WireTime::from_secs(1500)), None);
    assert_eq!(table.len(), 1, "that of the event that was never known stays while a copy would be fresh");
    assert_eq!(table.expire(WireTime::from_secs(1591)), None);
    assert!(table.is_empty() && table.next_end().is_none());
}

#[test]
fn events_that_end_at_one_moment_go_one_by_one_and_those_that_came_meanwhile_too() {
    let mut table = EventTable::default();
    let over = WireTime::from_secs(2000);
    for origin in [5, 3, 4] {
        take(&mut table, &gist(id(origin, 1), EventState::Active, 950), &speaker(origin, Rank::Station));
    }
    let gone = table.expire(over).map(|known| known.id);
    // Before the one that went, and over already.
    take(&mut table, &gist(id(1, 1), EventState::Active, 950), &speaker(1, Rank::Station));
    let rest: Vec<_> = core::iter::from_fn(|| table.expire(over)).map(|known| known.id).collect();
    assert_eq!((gone, rest), (Some(id(3, 1)), vec![id(4, 1), id(5, 1), id(1, 1)]));
    assert_eq!((table.len(), table.next_end()), (0, None));
}

#[test]
fn a_negation_holds_for_the_versions_its_author_can_have_seen() {
    let (mut table, origin, authority) =
        (EventTable::default(), speaker(1, Rank::Station), speaker(9, Rank::Authority));
    take(&mut table, &gist(id(1, 7), EventState::Active, 960), &origin);
    assert_eq!(take(&mut table, &gist(id(1, 7), EventState::Negated, 950), &authority), None);
    assert_eq!(
        take(&mut table, &gist(id(1, 7), EventState::Negated, 960), &authority),
        Some(HazardChange::Negated)
    );
    assert_eq!(take(&mut table, &gist(id(1, 7), EventState::Active, 960), &origin), None);
    assert_eq!(
        take(&mut table, &gist(id(1, 7), EventState::Active, 961), &origin),
        Some(HazardChange::Updated)
    );
}

#[test]
fn a_suspect_is_flagged_and_cannot_negate() {
    let mut table = EventTable::default();
    take(&mut table, &gist(id(1, 7), EventState::Active, 950), &speaker(1, Rank::Suspect));
    assert!(table.get(&id(1, 7)).unwrap().suspect);
    take(&mut table, &gist(id(2, 7), EventState::Active, 950), &speaker(2, Rank::Station));
    assert_eq!(take(&mut table, &gist(id(2, 7), EventState::Negated, 960), &speaker(1, Rank::Suspect)), None);
    assert!(!table.get(&id(2, 7)).unwrap().suspect);
    table.distrust(&digest(2));
    assert!(table.get(&id(2, 7)).unwrap().suspect);
}

#[test]
fn who_declares_many_loses_its_own_first() {
    let mut table = EventTable::default();
    declare(&mut table, 1, Rank::Station, 3);
    assert_eq!(declare(&mut table, 2, Rank::Station, 100), 100);
    let of = |origin| table.iter().filter(|known| known.id.origin == digest(origin)).count();
    assert_eq!((of(1), of(2)), (3, MAX_EVENTS_PER_SIGNER));
}

#[test]
fn in_a_full_table_nobody_pushes_others_out_by_declaring_more() {
    let mut table = EventTable::default();
    declare(&mut table, 1, Rank::Station, 2);
    // Attackers under many credentials, each with as many events as it may have.
    for attacker in 100..200 {
        declare(&mut table, attacker, Rank::Station, 40);
    }
    assert_eq!(table.len(), MAX_EVENTS);
    assert!((0..2).all(|number| table.get(&id(1, number)).is_some()), "ours are still known");
    assert_eq!(declare(&mut table, 2, Rank::Station, 2), 2, "and a newcomer with little to say finds room");
    assert!(table.not_taken() > 0);
    assert_eq!(table.len(), MAX_EVENTS);
}

#[test]
fn the_less_trusted_make_room_for_the_more_trusted() {
    let mut table = EventTable::default();
    for station in 0..16 {
        declare(&mut table, 100 + station, if station == 3 { Rank::Suspect } else { Rank::Station }, 32);
    }
    assert_eq!(table.len(), MAX_EVENTS);
    assert_eq!(declare(&mut table, 300, Rank::Suspect, 1), 1, "among suspects, who holds most");
    assert_eq!(declare(&mut table, 1, Rank::Station, 32), 32);
    assert!(table.iter().all(|known| !known.suspect));
    assert_eq!(declare(&mut table, 2, Rank::Authority, 32), 32);
    assert_eq!(declare(&mut table, 3, Rank::Own, 32), 32);
    assert_eq!(declare(&mut table, 400, Rank::Suspect, 1), 0);
    let of = |origin| table.iter().filter(|known| known.id.origin == digest(origin)).count();
    assert_eq!((of(2), of(3)), (32, 32));
}

#[test]
fn own_events_that_have_ended_make_room_like_others() {
    let (mut table, own) = (EventTable::default(), speaker(1, Rank::Own));
    for number in 0..MAX_EVENTS as u32 + 100 {
        let changes = [EventState::Active, EventState::Cancelled]
            .map(|state| take(&mut table, &gist(id(1, number), state, 950), &own));
        assert_eq!(changes, [Some(HazardChange::New), Some(HazardChange::Cancelled)], "{number}");
        assert!(table.len() <= MAX_EVENTS);
    }
    assert_eq!(declare(&mut table, 2, Rank::Station, 3), 3);
}

/// A message of one of two events, by its declarer or an authority.
fn message() -> impl Strategy<Value = (u32, EventState, u32, u32)> {
    let state = prop_oneof![4 => Just(EventState::Active), 1 => Just(EventState::Cancelled), 1 => Just(EventState::Negated)];
    (0..2u32, state, 950..956u32, 900..903u32)
}

proptest! {
    /// The rules in one sentence, applied to all messages at once: the table arrives at the same state in whatever
    /// order they come.
    #[test]
    fn the_table_is_as_the_rules_have_it_whatever_the_order(messages in proptest::collection::vec(message(), 0..30)) {
        let mut table = EventTable::default();
        let mut changes = Vec::new();
        for (number, state, reference, detection) in &messages {
            let said = HazardGist { detection: WireTime::from_secs(*detection), ..gist(id(1, *number), *state, *reference) };
            let from = if *state == EventState::Negated { speaker(9, Rank::Authority) } else { speaker(1, Rank::Station) };
            let refused = table.judge(&said, &from.signer, NOW, NOW).err();
            if let Some(changed) = table.take(&said, &from, NOW).changed {
                prop_assert_eq!(refused, None, "what is refused changes nothing");
                changes.push((*number, changed));
            }
        }
        for number in 0..2 {
            let of = || messages.iter().filter(move |(event, ..)| *event == number);
            let cancelled = of().any(|(_, state, ..)| *state == EventState::Cancelled);
            let negated = of().filter(|(_, state, ..)| *state == EventState::Negated).map(|(_, _, reference, _)| *reference).max();
            let version = of()
                .filter(|(_, state, reference, _)| *state == EventState::Active && Some(*reference) > negated)
                .map(|(_, _, reference, detection)| (*reference, *detection))
                .max();
            let expected = version.filter(|_| !cancelled);
            let known = table.get(&id(1, number)).filter(|known| known.state == EventState::Active);
            let found = known.map(|known| (known.reference, known.detection));
            let seconds = |(reference, detection)| (WireTime::from_secs(reference), WireTime::from_secs(detection));
            prop_assert_eq!(found, expected.map(seconds));
            // Changes follow from each other: first new, versions grow, and after a cancellation there is none.
            let mine: Vec<_> = changes.iter().filter(|(event, _)| *event == number).map(|(_, changed)| changed).collect();
            prop_assert!(mine.iter().enumerate().all(|(n, changed)| (n == 0) == (changed.change == HazardChange::New)));
            prop_assert!(mine.windows(2).all(|pair| pair[0].event.state != EventState::Cancelled));
            let grows = |pair: &[&HazardChanged]| pair[0].event.reference <= pair[1].event.reference;
            prop_assert!(mine.windows(2).all(|pair| pair[1].change != HazardChange::Updated || grows(pair)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_flood_of_events_breaks_a_bound(said in proptest::collection::vec((0..60u16, 0..50u32, 0..4u8, 0..3u8), 0..1500)) {
        let mut table = EventTable::default();
        for (origin, number, rank, state) in said {
            let rank = [Rank::Suspect, Rank::Station, Rank::Authority, Rank::Station][usize::from(rank)];
            let _either = table.take(&gist(id(origin, number), EventState::ALL[usize::from(state)], 950), &speaker(origin, rank), NOW);
            prop_assert!(table.len() <= MAX_EVENTS);
        }
        for origin in 0..60 {
            let held = table.entries.values().filter(|entry| entry.holder == digest(origin)).count();
            prop_assert!(held <= MAX_EVENTS_PER_SIGNER, "{}", held);
        }
        let end = table.entries.values().map(|entry| entry.known.valid_until).min();
        prop_assert!(table.next_end().is_some() == end.is_some() && table.next_end() <= end, "nothing is overslept");
        while table.expire(WireTime::from_secs(3000)).is_some() {}
        prop_assert!(table.is_empty());
    }
}
