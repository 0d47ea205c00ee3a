//! Congestion control as it shows on the air: when a station's frames leave a busy channel's gate, and what becomes of those
//! that wait.
//!
//! Rows are those of ETSI TS 102 868-2 (CAM) and TS 102 917-2 (DCC) that a test adapts.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    AwarenessRule, Config, Congestion, Event, Fix, Imminent, Input, Instant, LoadBasis, LoadSource,
    NotSentReason, Regulation, SendRequest, Token,
};
use v2x_proto::envelope::{SignerRef, TbsRepr};
use v2x_proto::hop::HopHeader;
use v2x_proto::link::{DataRate, airtime_ns};
use v2x_proto::v1::MessageType;
use v2x_proto::{Class, hop};

use testkit::craft::{self, Crafter, circle, probe, read};
use testkit::{PLACE, Station, Street, address, fix};

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Standing at [`PLACE`].
fn still(now: Instant) -> Input {
    let Input::Fix(Some(moving)) = fix(now, PLACE) else { unreachable!("a fix") };
    Input::Fix(Some(Fix { speed: Some(0), ..moving }))
}

fn config(congestion: Congestion, regulation: Regulation, awareness: AwarenessRule) -> Config {
    Config { congestion, regulation, awareness, ..Config::vehicle() }
}

/// A station that says nothing of its own accord, on a channel that was this busy for two seconds: long enough for every
/// state.
fn settled(config: Config, busy_permille: u16) -> Station {
    let mut station = Station::new(1, config);
    station.start(Instant::ZERO, PLACE);
    station.feed(Instant::ZERO, still(Instant::ZERO));
    on_channel(&mut station, (0, 2_000), busy_permille);
    station
}

/// Tells how busy the channel is and where the station stands, each 100 ms, and wakes it at its deadlines. What it sent, and
/// when.
fn on_channel(station: &mut Station, (from, to): (u64, u64), busy_permille: u16) -> Vec<(Instant, Bytes)> {
    let mut sent = Vec::new();
    for start in (from..to).step_by(100) {
        let survey = Input::ChannelLoad { busy_permille, source: LoadSource::Survey };
        sent.extend(station.feed(ms(start), survey).into_iter().map(|bytes| (ms(start), bytes)));
        let end = ms(start + 100) - Duration::from_nanos(1);
        sent.extend(station.drive(ms(start), end, still));
    }
    sent
}

fn not_sent(station: &Station) -> Vec<(Class, NotSentReason)> {
    let gone = station.events.iter().filter_map(|event| match event {
        Event::NotSent(gone) => Some((gone.class, gone.reason)),
        _ => None,
    });
    gone.collect()
}

fn classes(frames: &[Bytes]) -> Vec<Class> {
    frames.iter().map(|frame| hop::parse(frame).unwrap().0.class).collect()
}

// Rows 40 and 41, MSD/GFQ/BV/04-06, TI/07: the gate is a lower bound of the interval, and what it held is made when it opens.
#[test]
fn beacons_come_no_faster_than_the_gate_and_tell_the_moment_they_leave() {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    let mut station = settled(config(Congestion::Reactive, Regulation::None, every), 450);
    let shown = station.events.len();
    let sent = on_channel(&mut station, (2_000, 8_000), 450);
    for pair in sent.windows(2) {
        let airtime = Duration::from_nanos(airtime_ns(pair[0].1.len(), DataRate::Mbps6));
        let silence = if airtime <= Duration::from_micros(500) { 200 } else { 400 };
        let gap = pair[1].0.since(pair[0].0);
        assert!(gap >= airtime + Duration::from_millis(silence), "{gap:?} after {airtime:?}");
        assert!(gap < Duration::from_millis(silence + 2), "and no slower: {gap:?}");
    }
    for (at, frame) in &sent {
        let age = testkit::anchor().wire_at(*at).as_micros() - read(frame).1.generation_time_us;
        assert!(age < 1_000, "made when it left: {age} us");
    }
    let counts = station.node.congestion().counts;
    assert!(counts.beacons_held > 20 && counts.longest_hold < Duration::from_millis(400), "{counts:?}");
    let told = |event: &Event| matches!(event, Event::NotSent(_));
    assert!(!station.events[shown..].iter().any(told), "what is not made is not lost");
    assert!(sent.iter().any(|(_, frame)| craft::awareness(frame).beacon_interval_ms > Some(150)));
}

// Rows 37 and 38, MSD/GFQ/TI/01-02: the bounds of the interval hold under the gate too.
#[test]
fn on_a_full_channel_a_beacon_still_comes_each_second_and_on_an_empty_one_none_comes_sooner() {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    for congestion in [Congestion::Adaptive, Congestion::Reactive] {
        let mut station = settled(config(congestion, Regulation::None, every), 1000);
        on_channel(&mut station, (2_000, 10_000), 1000);
        let full = on_channel(&mut station, (10_000, 20_000), 1000).len();
        assert!((9..=18).contains(&full), "{congestion:?}: {full}");
        on_channel(&mut station, (20_000, 28_000), 0);
        assert_eq!(on_channel(&mut station, (28_000, 30_000), 0).len(), 20, "{congestion:?}");
    }
}

// Row 66, STS_REL, ACT, RES_01 and 03: in each state the interval of its row passes, and faster is refused by name.
#[test]
fn in_each_state_the_allowed_interval_passes_and_what_is_faster_is_refused_and_told() {
    for (state, busy, silence_ms) in
        [(0, 100, 50), (1, 350, 100), (2, 450, 200), (3, 550, 250), (4, 700, 1000)]
    {
        let mut station = settled(config(Congestion::Reactive, Regulation::None, AwarenessRule::Off), busy);
        assert_eq!(station.node.congestion().step, Some(state));
        let send = |station: &mut Station, at: Instant, token: u64| {
            let request = SendRequest { token: Some(Token(token)), ..probe(Class::D2) };
            station.feed(at, Input::Send(request))
        };
        let start = ms(2_000);
        // With the credential it is longer than half a millisecond, and of the other table.
        assert_eq!(send(&mut station, start, 0).len(), 1);
        on_channel(&mut station, (2_000, 3_200), busy);
        let start = ms(3_200);
        let first = send(&mut station, start, 1);
        let airtime = Duration::from_nanos(airtime_ns(first[0].len(), DataRate::Mbps6));
        assert!(airtime <= Duration::from_micros(500), "{airtime:?}");
        let silence = (airtime + Duration::from_millis(silence_ms)).min(Duration::from_secs(1));
        let early = start + silence - Duration::from_millis(1);
        let whole = early.as_nanos() / 100_000_000 * 100;
        assert!(on_channel(&mut station, (3_200, whole), busy).is_empty());
        let before = station.events.len();
        assert!(send(&mut station, early - Duration::from_micros(10), 2).is_empty(), "state {state}");
        assert!(send(&mut station, early, 3).is_empty(), "state {state}: faster than its row");
        let told = station.events[before..].iter().any(
            |event| matches!(event, Event::NotSent(it) if it.reason == NotSentReason::Replaced && it.token == Some(Token(2))),
        );
        assert!(told, "state {state}: {:?}", &station.events[before..]);
        while station.deadline.0 < start + silence {
            assert!(station.feed(station.deadline.0, Input::Timeout).is_empty(), "state {state}");
        }
        assert_eq!(
            station.feed(start + silence, Input::Timeout).len(),
            1,
            "state {state}: as its row allows"
        );
    }
}

// Row 67, STS_02: the power is capped by the state.
#[test]
fn each_state_caps_the_power() {
    let caps = [100, 350, 450, 550, 700].map(|busy| {
        let station = settled(config(Congestion::Reactive, Regulation::None, AwarenessRule::Off), busy);
        station.node.congestion().power_cap_dbm
    });
    assert_eq!(caps, [None, None, None, Some(20), Some(17)]);
    let adaptive = settled(config(Congestion::Adaptive, Regulation::None, AwarenessRule::Off), 1000);
    assert_eq!(adaptive.node.congestion().power_cap_dbm, None, "it keeps to its rate alone");
}

#[test]
fn of_thirty_imminent_warnings_on_a_full_channel_twenty_leave_at_once_and_ten_are_refused() {
    let config = config(Congestion::Adaptive, Regulation::None, AwarenessRule::Off);
    let mut station = settled(config, 1000);
    // It closes the gate for all others.
    assert_eq!(station.feed(ms(2_000), Input::Send(probe(Class::D2))).len(), 1);
    let left: Vec<usize> =
        (0..30).map(|_| station.feed(ms(2_001), Input::Send(probe(Class::D0))).len()).collect();
    assert_eq!(left, [[1; 20].as_slice(), &[0; 10]].concat());
    assert_eq!(not_sent(&station), [(Class::D0, NotSentReason::BurstBudget); 10]);
    // As often as one event is repeated they leave for as long as it takes.
    let later = (1..15).map(|tenth| ms(2_001 + tenth * 100));
    for at in later {
        assert_eq!(station.feed(at, Input::Send(probe(Class::D0))).len(), 1, "{at:?}");
    }
}

#[test]
fn alerts_have_a_reservation_of_their_own() {
    let config = config(Congestion::Adaptive, Regulation::None, AwarenessRule::Off);
    let mut station = settled(config, 1000);
    station.feed(ms(2_000), Input::Send(probe(Class::D2)));
    let at = |step: u64| ms(2_001 + 25 * step);
    let left: Vec<usize> =
        (0..8).map(|step| station.feed(at(step), Input::Send(probe(Class::D1))).len()).collect();
    assert_eq!(left[..5], [1, 1, 1, 1, 1], "a new alert's copies, and its first repetition");
    assert!(left[5..].contains(&0), "and not as fast for ever: {left:?}");
}

#[test]
fn background_waits_for_a_channel_that_is_half_idle() {
    let config = config(Congestion::Adaptive, Regulation::None, AwarenessRule::Off);
    let mut station = settled(config, 550);
    let request = SendRequest { lifetime_ms: 5_000, ..probe(Class::D5) };
    assert!(station.feed(ms(2_000), Input::Send(request)).is_empty());
    assert!(on_channel(&mut station, (2_000, 3_000), 550).is_empty());
    let sent = on_channel(&mut station, (3_000, 4_000), 400);
    assert_eq!(sent.len(), 1);
}

// A deaf receiver and a lonely one hear the same.
#[test]
fn the_gate_says_where_its_busy_ratio_comes_from() {
    let adaptive = || config(Congestion::Adaptive, Regulation::None, AwarenessRule::Off);
    let mut station = Station::new(1, adaptive());
    station.start(Instant::ZERO, PLACE);
    station.drive(Instant::ZERO, ms(900), still);
    let state = station.node.congestion();
    assert_eq!((state.basis, state.busy), (LoadBasis::Assumed, 0.5));
    let other = Crafter::station(2);
    for at in 0..10 {
        let at = ms(1_000 + at * 20);
        station.hear(at, &other.full(&other.fields(at)));
    }
    station.drive(ms(1_200), ms(1_390), still);
    assert_eq!(station.node.congestion().basis, LoadBasis::Heard);
    let settled = settled(adaptive(), 612);
    assert_eq!(settled.node.congestion().basis, LoadBasis::Reported(LoadSource::Survey));
    assert!((settled.node.congestion().busy - 0.612).abs() < 1e-9);
}

#[test]
fn the_law_holds_for_every_frame_and_the_most_urgent_leaves_first() {
    let config = config(Congestion::Off, Regulation::En302571, AwarenessRule::Off);
    let mut station = settled(config, 100);
    let first = station.feed(ms(2_000), Input::Send(probe(Class::D2)));
    assert_eq!(first.len(), 1);
    for class in [Class::D3, Class::D1, Class::D0, Class::D4] {
        assert!(station.feed(ms(2_010), Input::Send(SendRequest { area: None, ..probe(class) })).is_empty());
    }
    let (mut last, mut left) = ((ms(2_000), first[0].len()), Vec::new());
    while left.len() < 4 && station.deadline.0 < ms(2_300) {
        let now = station.deadline.0;
        for frame in station.feed(now, Input::Timeout) {
            let airtime = Duration::from_nanos(airtime_ns(last.1, DataRate::Mbps6));
            assert!(now.since(last.0) >= airtime + Duration::from_millis(25), "{:?}", now.since(last.0));
            last = (now, frame.len());
            left.push(frame);
        }
    }
    let refused = not_sent(&station);
    let order = classes(&left);
    let (d0, others) = order.split_first().unwrap();
    assert_eq!(*d0, Class::D0, "{order:?}, {refused:?}");
    assert!(others.starts_with(&[Class::D1]), "{order:?}, {refused:?}");
}

#[test]
fn an_imminent_warning_that_the_law_holds_too_long_is_dropped_and_told() {
    let config = config(Congestion::Off, Regulation::En302571, AwarenessRule::Off);
    let mut station = settled(config, 100);
    station.feed(ms(2_000), Input::Send(probe(Class::D2)));
    station.feed(ms(2_001), Input::Send(probe(Class::D0)));
    let sent = station.drive(ms(2_001), ms(2_100), still);
    assert!(sent.is_empty());
    assert_eq!(not_sent(&station), [(Class::D0, NotSentReason::Expired)]);
}

#[test]
fn under_the_law_an_imminent_warning_leaves_once() {
    let config = Config {
        imminent: Imminent::Lab,
        ..config(Congestion::Off, Regulation::En302571, AwarenessRule::Off)
    };
    let mut station = settled(config, 100);
    let draft = v2x_core::HazardDraft::new(Class::D0, 97);
    let command = v2x_core::HazardCommand::New(draft);
    let mut sent = station.feed(ms(2_000), Input::Hazard { command, token: None });
    sent.extend(station.drive(ms(2_000), ms(2_090), still).into_iter().map(|(_, frame)| frame));
    assert_eq!(classes(&sent), [Class::D0], "whatever the configuration says");
}

// Others reckon a station on from its last beacon: when it brakes hard they are wrong before its next one may leave.
#[test]
fn a_beacon_leaves_ahead_of_the_rate_when_others_have_lost_track() {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    let drive = |brakes: bool| {
        let mut station = settled(config(Congestion::Reactive, Regulation::None, every), 700);
        let mut sent = Vec::new();
        for start in (2_000..8_000).step_by(100) {
            let survey = Input::ChannelLoad { busy_permille: 700, source: LoadSource::Survey };
            station.feed(ms(start), survey);
            let place = |now: Instant| {
                let seconds = now.since(ms(2_000)).as_secs_f64();
                // From 20 m/s, at 6 m/s^2 from the fourth second on.
                let braked = if brakes { (seconds - 4.0).clamp(0.0, 2.0) } else { 0.0 };
                let metres = 20.0 * seconds - 3.0 * braked * braked;
                let speed = ((20.0 - 6.0 * braked) * 100.0) as u16;
                let Input::Fix(Some(usual)) = fix(now, PLACE.moved(metres, 0.0)) else { unreachable!() };
                Input::Fix(Some(Fix { speed: Some(speed), heading: Some(900), ..usual }))
            };
            let end = ms(start + 100) - Duration::from_nanos(1);
            sent.extend(station.drive(ms(start), end, place).into_iter().filter(|(at, _)| *at >= ms(6_000)));
        }
        (sent.len(), station.node.congestion().counts.tracking_errors)
    };
    let ((steady, none), (braking, ahead)) = (drive(false), drive(true));
    // When it drove off nobody knew.
    assert_eq!((steady, none), (2, 1), "one a second");
    assert!(braking >= 4 && ahead >= 3, "{braking}, {ahead}");
}

/// A hazard by `source`, heard while the gate is closed by a beacon of the station's own.
fn flooded(station: &mut Station, source: &Crafter) -> Bytes {
    let at = ms(2_010);
    let payload = craft::hazard_of(source.identity().digest(), at).encode_to_vec();
    let place = PLACE.moved(-200.0, 0.0);
    let fields = TbsRepr {
        latitude: place.latitude,
        longitude: place.longitude,
        message_type: MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 10,
        area: Some(circle(2_000)),
        payload: &payload,
        ..source.fields(at)
    };
    station.feed(ms(2_000), Input::Send(probe(Class::D2)));
    let frame = source.full(&fields);
    station.hear_from(at, &frame, address(2));
    frame
}

// The trouble with a queue behind the gate: a copy that waits there is sent although others were heard to carry it on.
#[test]
fn a_hazard_of_others_waits_where_it_can_be_cancelled_and_not_in_the_gate() {
    let source = Crafter::station(2);
    let onward = Crafter::station(3);
    let table = config(Congestion::Reactive, Regulation::None, AwarenessRule::Off);
    let forwards = |cancelled: bool| {
        let mut station = settled(table.clone(), 1000);
        for (who, east) in [(&source, -200.0), (&onward, 250.0)] {
            let place = PLACE.moved(east, 0.0);
            let fields =
                TbsRepr { latitude: place.latitude, longitude: place.longitude, ..who.fields(ms(1_990)) };
            station.hear_from(ms(1_990), &who.full(&fields), address(if east > 0.0 { 3 } else { 2 }));
        }
        let frame = flooded(&mut station, &source);
        let waits = station.drive(ms(2_020), ms(2_300), still);
        assert!(waits.is_empty(), "the gate is closed");
        if cancelled {
            let (header, ..) = read(&frame);
            let header = HopHeader { remaining_hops: 9, forwarder: onward.identity().digest(), ..header };
            let (_, len) = hop::parse(&frame).unwrap();
            let view = v2x_proto::envelope::SignedView::parse(&frame[len..]).unwrap();
            let signer = SignerRef::Credential(&source.credential);
            let copy = craft::frame(&header, view.tbs, view.signature, signer);
            station.hear_from(ms(2_300), &copy, address(3));
        }
        let sent = station.drive(ms(2_301), ms(3_400), still);
        sent.iter().filter(|(_, frame)| classes(std::slice::from_ref(frame)) == [Class::D3]).count()
    };
    assert_eq!(forwards(false), 1, "it leaves when the gate opens");
    assert_eq!(forwards(true), 0, "a copy from farther on ended its wait");
}

// Lines 2 to 4 of the contract, with every rule at work.
#[test]
fn stations_with_a_gate_get_on_and_are_heard() {
    let mut street = Street::new(4);
    for (number, station) in (0..).zip(&mut street.stations) {
        let rule = if number % 2 == 0 { Congestion::Adaptive } else { Congestion::Reactive };
        *station = Station::new(number, config(rule, Regulation::En302571, AwarenessRule::Triggered));
    }
    street.run(ms(20_000));
    for station in &street.stations {
        assert!(station.received() > 3 * 20, "{}", station.received());
        assert!(station.deadline.0 > ms(19_000));
    }
}
