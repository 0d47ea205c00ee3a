use super::*;
use crate::roadside::content::SignalGroup;
use v2x_core::Position;

fn wire(now: Instant) -> WireTime {
    WireTime::from_micros(9_000_000_000 + now.as_nanos() / 1000)
}

fn intersection(id: u32) -> Intersection {
    let group =
        |group| SignalGroup { group, green_ms: 20_000, yellow_ms: 3_000, red_ms: 27_000, offset_ms: 0 };
    Intersection::planned(id, Position::default(), vec![group(1), group(2)])
}

fn fed() -> Signals {
    Signals::new(&[intersection(7), intersection(8)], true, Instant::ZERO)
}

fn green(on: bool) -> ControllerState {
    let phase = if on { v1::SignalPhase::ProtectedGo } else { v1::SignalPhase::StopAndRemain } as i32;
    let groups = vec![v1::SignalGroup { group: 1, phase, ..v1::SignalGroup::default() }];
    ControllerState { time: Ok(None), status: 0, groups }
}

fn hear(signals: &mut Signals, client: u64, ms: u64, state: ControllerState) -> Result<Vec<LeftOut>, String> {
    let now = Instant::from_millis(ms);
    signals.heard(ClientId(client), 7, state, now, wire(now)).map_err(|error| error.to_string())
}

/// The milliseconds at which states were sent, and when they were due.
fn said(signals: &mut Signals, ms: core::ops::Range<u64>) -> Vec<u64> {
    let mut times = Vec::new();
    for ms in ms {
        let now = Instant::from_millis(ms);
        signals.due(now, wire(now), |request| {
            v2x_proto::payload::decode(request.message_type, request.payload).unwrap();
            assert_eq!(request.due, Some(now), "each on its millisecond");
            times.push(ms);
        });
    }
    times
}

#[test]
fn a_plan_is_said_ten_times_a_second_and_late_once() {
    let mut signals = Signals::new(&[intersection(7)], false, Instant::ZERO);
    assert_eq!(said(&mut signals, 0..1000).len(), 10);
    let late = Instant::from_millis(1_950);
    let mut count = 0;
    signals.due(late, wire(late), |_| count += 1);
    assert_eq!((count, signals.next_due()), (1, Some(Instant::from_millis(2_050))));
}

#[test]
fn without_a_word_from_the_controller_nothing_is_said_and_told_once() {
    let mut signals = fed();
    assert!(said(&mut signals, 0..5000).is_empty());
    let news = signals.take_news();
    assert_eq!(news.len(), 2, "{news:?}");
    assert!(news[0].starts_with("intersection 7: its controller is silent"));
    assert_eq!(signals.next_due(), None);
}

#[test]
fn states_stop_within_a_second_of_the_last_line_and_go_on_with_the_next() {
    let mut signals = fed();
    for ms in (0..2000).step_by(200) {
        hear(&mut signals, 1, ms, green(true)).unwrap();
        said(&mut signals, ms..ms + 200);
    }
    // The last line came at 1800.
    assert_eq!(signals.take_news()[0], "intersection 7: its controller reports, signal states begin");
    let last = *said(&mut signals, 2000..10_000).last().unwrap();
    assert!((2_650..2_800).contains(&last), "{last}");
    assert!(
        signals
            .take_news()
            .contains(&"intersection 7: nothing from its controller for 1 s, signal states stop".to_owned())
    );
    assert_eq!(signals.speaker(7), None);
    hear(&mut signals, 2, 10_000, green(true)).unwrap();
    assert_eq!(said(&mut signals, 10_000..10_250), [10_000, 10_100, 10_200]);
    assert_eq!(
        signals.take_news(),
        ["intersection 7: its controller reports again after 7.2 s, signal states continue"]
    );
    let warnings: Vec<_> = signals.warnings(Instant::from_millis(10_000)).collect();
    assert_eq!(warnings[0], "intersection 7: its controller was silent once, 7.2 s in all");
    assert_eq!(warnings[1], "intersection 8: its controller was silent once, 9.0 s in all, silent now");
}

#[test]
fn a_change_is_said_within_50_ms_and_never_more_than_twenty_times_a_second() {
    let mut signals = fed();
    hear(&mut signals, 1, 0, green(true)).unwrap();
    assert_eq!(said(&mut signals, 0..110), [0, 100]);
    hear(&mut signals, 1, 110, green(false)).unwrap();
    assert_eq!(said(&mut signals, 110..260), [150, 250], "50 ms after the one before, and on from there");
    hear(&mut signals, 1, 340, green(true)).unwrap();
    assert_eq!(said(&mut signals, 260..345), [340]);
    said(&mut signals, 345..1000);
    let mut count = 0;
    for ms in 1000..2000 {
        hear(&mut signals, 1, ms, green(ms % 2 == 0)).unwrap();
        count += said(&mut signals, ms..ms + 1).len();
    }
    assert!(count <= 20, "{count}");
}

#[test]
fn every_line_is_on_its_way_within_100_ms() {
    let mut signals = fed();
    let mut waiting = None;
    for ms in 0..5_000_u64 {
        // Whenever it comes relative to the ten a second.
        if ms % 37 == 0 {
            hear(&mut signals, 1, ms, green(ms % 3 == 0)).unwrap();
            waiting = waiting.or(Some(ms));
        }
        if !said(&mut signals, ms..ms + 1).is_empty() {
            waiting = None;
        }
        assert!(waiting.is_none_or(|since| ms - since < 100), "{ms}");
    }
}

#[test]
fn one_client_at_a_time_speaks_for_an_intersection() {
    let mut signals = fed();
    hear(&mut signals, 1, 0, green(true)).unwrap();
    said(&mut signals, 0..20);
    let refused = hear(&mut signals, 2, 10, green(true)).unwrap_err();
    let same = "client 2 reports the same state as client 1, which speaks for intersection 7: ";
    assert!(refused.starts_with(same), "{refused}");
    signals.gone(ClientId(1));
    hear(&mut signals, 2, 20, green(true)).unwrap();
    assert_eq!(signals.speaker(7), Some(ClientId(2)));
    // Silence frees it too.
    said(&mut signals, 20..1100);
    hear(&mut signals, 3, 1_100, green(true)).unwrap();
}

#[test]
fn a_program_that_speaks_before_the_controller_silences_the_signals_at_most_and_is_told_once() {
    let mut signals = fed();
    hear(&mut signals, 1, 0, green(true)).unwrap();
    assert_eq!(said(&mut signals, 0..50), [0], "nobody else reports");
    signals.take_news();
    let mut sent = Vec::new();
    for ms in (50..3_000).step_by(100) {
        let refused = hear(&mut signals, 2, ms, green(false)).unwrap_err();
        assert!(refused.starts_with("client 2 reports another state than client 1, "), "{refused}");
        assert_eq!(signals.speaker(7), None, "nor does anybody answer requests for priority");
        // It takes other names, and its connections come and go.
        let name = 10 + ms;
        drop(hear(&mut signals, name, ms + 20, green(true)));
        signals.gone(ClientId(name));
        signals.gone(ClientId(2));
        hear(&mut signals, 1, ms + 40, green(true)).unwrap();
        signals.gone(ClientId(1));
        sent.extend(said(&mut signals, ms..ms + 100));
    }
    assert!(sent.is_empty(), "neither is passed on: {sent:?}");
    let told: Vec<_> = signals.take_news();
    let line = "intersection 7: client 1 and client 2 report different phases, so no signal states are sent; one of them has \
                to stop";
    assert_eq!(told.iter().filter(|news| news.as_str() == line).count(), 1, "{told:?}");
    let warning =
        "intersection 7: two controllers contradicted each other 1 times, and no states were sent meanwhile";
    assert_eq!(signals.contests().collect::<Vec<_>>(), [warning]);
    // The controller alone: from a second after the other's last line on, what it reports is sent.
    for ms in (3_000..4_500).step_by(100) {
        drop(hear(&mut signals, 2, ms, green(false)));
        sent.extend(said(&mut signals, ms..ms + 100));
    }
    assert!(sent.first().is_some_and(|first| (3_900..4_100).contains(first)), "{sent:?}");
    assert_eq!(signals.speaker(7), Some(ClientId(2)));
}

#[test]
fn the_first_goes_on_when_the_one_that_contradicts_it_stops() {
    let mut signals = fed();
    for ms in (0..3_000).step_by(100) {
        hear(&mut signals, 1, ms, green(true)).unwrap();
        if ms < 1_000 {
            drop(hear(&mut signals, 2, ms + 10, green(false)));
        }
        let sent = said(&mut signals, ms..ms + 100).len();
        assert_eq!(sent > 0, ms >= 1_900, "{ms}");
    }
}

#[test]
fn what_cannot_be_believed_is_told_with_what_could() {
    let mut signals = fed();
    let at = |offset_ms: i64| {
        let micros = wire(Instant::from_millis(5_000)).as_micros() as i64 + offset_ms * 1000;
        ControllerState { time: Ok(Some(WireTime::from_micros(micros as u64))), ..green(true) }
    };
    let mut group = green(true);
    group.groups[0].group = 9;
    let mut hear = |state| hear(&mut signals, 1, 5_000, state);
    assert!(hear(group).unwrap_err().contains("none of the groups is one of intersection 7, which has 1, 2"));
    let summer = hear(at(3_600_200)).unwrap_err();
    assert!(
        summer.contains("in the future by this machine's clock, as local time in place of UTC"),
        "{summer}"
    );
    for (offset_ms, hint) in [(37_000, "as TAI in place of UTC"), (18_100, "as GPS time in place of UTC")] {
        let error = hear(at(offset_ms)).unwrap_err();
        assert!(error.contains(hint), "{error}");
    }
    let gps = scale(Duration::from_secs(315_964_782), true);
    assert_eq!(gps, Some("GPS time, which counts from 1980,"));
    assert_eq!(scale(Duration::from_secs(37), true), None);
    assert!(hear(at(-1_000)).unwrap_err().starts_with("time is 1.0 s in the past"));
    assert!(hear(at(600)).unwrap_err().starts_with("time is 0.6 s in the future"));
    hear(at(-300)).unwrap();
    assert!(hear(at(-400)).unwrap_err().starts_with("older than the state before it"));
    let late = said(&mut signals, 5_000..7_000);
    assert!(*late.last().unwrap() < 5_700, "a state is sent for a second from its time: {late:?}");
    let now = Instant::from_millis(7_000);
    let nowhere = signals.heard(ClientId(1), 5, green(true), now, wire(now)).unwrap_err().to_string();
    assert_eq!(nowhere, "no intersection 5 with signals here: the ids are 7, 8");
}

#[test]
fn a_group_that_the_intersection_does_not_have_is_left_out_and_the_others_go_on() {
    let mut signals = fed();
    let mut state = green(true);
    let more = (3..=40).map(|group| v1::SignalGroup { group, ..state.groups[0] });
    state.groups.extend(more.collect::<Vec<_>>());
    let left_out = hear(&mut signals, 1, 0, state).unwrap();
    assert_eq!(left_out.len(), 38);
    assert_eq!(
        left_out[0].to_string(),
        "unmapped group of intersection 7 is 3: it has to be a signal group that the intersection's file names"
    );
    let mut sent = Vec::new();
    signals.due(Instant::ZERO, wire(Instant::ZERO), |request| sent.push(request.payload));
    let state = v1::SignalState::decode(sent.remove(0)).unwrap();
    assert_eq!((state.groups.len(), state.groups[0].group), (1, 1));
}

#[test]
fn a_controller_that_comes_late_with_lines_that_are_refused_is_told_to_do_so_once() {
    let mut signals = fed();
    said(&mut signals, 0..2_000);
    assert_eq!(signals.take_news().len(), 2, "both are silent");
    for ms in (2_000..4_000).step_by(100) {
        let state = ControllerState { time: Err(LineError::Refused("no time".to_owned())), ..green(true) };
        hear(&mut signals, 1, ms, state).unwrap_err();
        said(&mut signals, ms..ms + 100);
    }
    let expected =
        "intersection 7: the lines of its controller are refused (no time), so no signal states are sent";
    assert_eq!(signals.take_news(), [expected]);
}

#[test]
fn a_controller_whose_lines_are_refused_is_not_called_silent() {
    let mut signals = fed();
    for ms in (0..3_000).step_by(100) {
        let time = wire(Instant::from_millis(ms)) + Duration::from_secs(7_200);
        let state = ControllerState { time: Ok(Some(time)), ..green(true) };
        hear(&mut signals, 1, ms, state).unwrap_err();
        assert!(said(&mut signals, ms..ms + 100).is_empty());
    }
    let news = signals.take_news();
    assert!(
        news[0].starts_with(
            "intersection 7: the lines of its controller are refused (time is 7200.0 s in the future by this \
             machine's clock, as local time"
        ) && news[0].ends_with("leave it out for now), so no signal states are sent"),
        "{news:?}"
    );
    let warning = signals.warnings(Instant::from_millis(3_000)).next().unwrap();
    assert!(
        warning.ends_with("was silent once, 2.0 s in all, silent now, with lines that were refused"),
        "{warning}"
    );
    assert_eq!(
        (news.len(), &*news[1]),
        (2, "intersection 8: its controller is silent, so no signal states are sent")
    );
}

#[test]
fn a_state_repeats_the_revision_of_its_map() {
    let mut crossing = intersection(7);
    crossing.map = vec![v1::IntersectionMap { revision: 90, ..v1::IntersectionMap::default() }];
    crossing.region = 5;
    for fed in [false, true] {
        let mut signals = Signals::new(&[crossing.clone()], fed, Instant::ZERO);
        drop(hear(&mut signals, 1, 0, green(true)));
        let mut states = Vec::new();
        signals.due(Instant::ZERO, wire(Instant::ZERO), |request| states.push(request.payload));
        let state = v1::SignalState::decode(states.remove(0)).unwrap();
        assert_eq!((state.map_revision, state.region_id), (90, 5));
    }
}
