use super::*;

const US: u64 = 1_000;
/// Idle since the beginning of time.
const IDLE: ChannelState = ChannelState::Idle { since_ns: 0 };

fn frame(ticket: u32, queued_ns: u64) -> WaitingFrame {
    WaitingFrame { ticket, queued_ns, frame_bytes: 300 }
}

/// Draws that are as many slots each as they say.
fn slots(slots: u32) -> impl Fn(u64) -> u32 {
    move |_| slots
}

#[test]
fn a_frame_that_finds_the_channel_idle_for_long_enough_begins_at_once() {
    let mut contender = Contender::default();
    let begins = contender.queue(AccessCategory::BestEffort, frame(1, 500 * US), IDLE, slots(7));
    assert_eq!(begins, Some(500 * US));
    let (category, taken) = contender.begin(Some(0), 500 * US, slots(7)).unwrap();
    assert_eq!((category, taken.ticket), (AccessCategory::BestEffort, 1));
    assert!(!contender.waits());
}

#[test]
fn a_frame_that_finds_it_idle_for_less_waits_for_the_rest_of_its_interframe_space() {
    let aifs_us = [149, 110, 71, 58];
    for (category, aifs_us) in AccessCategory::ALL.into_iter().zip(aifs_us) {
        let mut contender = Contender::default();
        let channel = ChannelState::Idle { since_ns: 1_000 * US };
        let begins = contender.queue(category, frame(1, 1_010 * US), channel, slots(7));
        assert_eq!(begins, Some((1_000 + aifs_us) * US), "{category:?}");
    }
}

#[test]
fn a_busy_channel_costs_a_back_off_which_freezes_and_goes_on() {
    let mut contender = Contender::default();
    assert_eq!(contender.queue(AccessCategory::BestEffort, frame(1, 0), ChannelState::Busy, slots(9)), None);
    // Idle at 1,000 us: after 110 us of interframe space, nine slots of 13 us.
    assert_eq!(contender.idle(1_000 * US), Some((1_000 + 110 + 9 * 13) * US));
    // Busy again 160 us later: three whole slots have passed, and what is left of the fourth counts again.
    assert!(contender.busy(1_000 * US, 1_160 * US, false, slots(5)), "the beginning is void");
    assert_eq!(contender.idle(2_000 * US), Some((2_000 + 110 + 6 * 13) * US));
    // Busy within the interframe space: nothing has passed.
    assert!(contender.busy(2_000 * US, 2_100 * US, false, slots(5)));
    assert_eq!(contender.idle(3_000 * US), Some((3_000 + 110 + 6 * 13) * US));
}

#[test]
fn who_is_interrupted_in_its_interframe_space_with_nothing_to_count_begins_to_count() {
    let mut contender = Contender::default();
    let channel = ChannelState::Idle { since_ns: 1_000 * US };
    contender.queue(AccessCategory::Voice, frame(1, 1_001 * US), channel, slots(2));
    assert!(contender.busy(1_000 * US, 1_020 * US, false, slots(2)));
    assert_eq!(contender.idle(2_000 * US), Some((2_000 + 58 + 2 * 13) * US));
}

#[test]
fn what_was_to_begin_before_the_other_frame_is_heard_begins() {
    let mut contender = Contender::default();
    contender.queue(AccessCategory::BestEffort, frame(1, 0), ChannelState::Busy, slots(1));
    let begins_ns = contender.idle(0).unwrap();
    assert_eq!(begins_ns, 123 * US);
    assert!(!contender.busy(0, begins_ns - NOTICE_NS + 1, false, slots(4)), "it does not hear it in time");
    assert!(contender.begin(None, begins_ns, slots(4)).is_some());

    let mut contender = Contender::default();
    let unnoticed = ChannelState::Unnoticed { idle_since_ns: 0 };
    let begins = contender.queue(AccessCategory::BestEffort, frame(1, 400 * US), unnoticed, slots(4));
    assert_eq!(begins, Some(400 * US), "nor does one that comes to send just then");
    let mut contender = Contender::default();
    let begins = contender.queue(AccessCategory::BestEffort, frame(1, 100 * US), unnoticed, slots(4));
    assert_eq!(begins, None, "its interframe space was not over");
    assert_eq!(contender.idle(1_000 * US), Some((1_000 + 110 + 4 * 13) * US));
}

#[test]
fn the_more_urgent_category_wins_within_a_station_and_the_other_counts_anew_from_twice_the_window() {
    let mut contender = Contender::default();
    contender.queue(AccessCategory::BestEffort, frame(1, 0), ChannelState::Busy, slots(0));
    contender.queue(AccessCategory::Voice, frame(2, 0), ChannelState::Busy, slots(0));
    // Voice: 58 us. Best effort: 110 us. Voice waits for four slots of 13 us to meet it.
    contender.queues[AccessCategory::Voice as usize].slots = 4;
    assert_eq!(contender.idle(0), Some(110 * US));
    // Of a window of 31: a draw of 31 stays 31; of one of 15 it would be 15.
    let (category, taken) = contender.begin(Some(0), 110 * US, slots(31)).unwrap();
    assert_eq!((category, taken.ticket), (AccessCategory::Voice, 2));
    contender.busy(0, 110 * US, true, slots(31));
    assert_eq!(contender.idle(1_000 * US), Some((1_000 + 110 + 31 * 13) * US));
    // Its window is the usual again once it has sent.
    let begins_ns = contender.idle(1_000 * US).unwrap();
    assert!(contender.begin(Some(1_000 * US), begins_ns, slots(31)).is_some());
    contender.ended(AccessCategory::BestEffort, slots(31));
    assert_eq!(contender.queues[AccessCategory::BestEffort as usize].slots, 15);
}

#[test]
fn a_back_off_is_counted_after_each_frame_whether_there_is_another_or_not() {
    let mut contender = Contender::default();
    contender.queue(AccessCategory::BestEffort, frame(1, 0), IDLE, slots(3));
    contender.begin(Some(0), 0, slots(3));
    contender.ended(AccessCategory::BestEffort, slots(3));
    assert!(contender.waits());
    // The next frame comes when one of the three slots is over.
    let channel = ChannelState::Idle { since_ns: 1_000 * US };
    let begins = contender.queue(AccessCategory::BestEffort, frame(2, 1_125 * US), channel, slots(3));
    assert_eq!(begins, Some((1_000 + 110 + 3 * 13) * US));
    // A second later it is long over.
    let mut contender = Contender::default();
    contender.ended(AccessCategory::BestEffort, slots(3));
    let begins = contender.queue(AccessCategory::BestEffort, frame(2, 1_000_000 * US), channel, slots(3));
    assert_eq!(begins, Some(1_000_000 * US));
}

#[test]
fn a_window_stops_growing_at_the_most_of_its_category() {
    let mut contender = Contender::default();
    for _ in 0..20 {
        contender.queues[AccessCategory::Video as usize].doubled = MOST_DOUBLED;
        contender.back_off(AccessCategory::Video as usize, &slots(u32::MAX - 15));
        assert!(contender.queues[AccessCategory::Video as usize].slots <= 15);
    }
}
