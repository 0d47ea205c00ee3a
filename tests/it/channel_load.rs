//! How busy the channel is as the link reports it, and what a station does with it.

use std::time::Duration;

use v2x_core::{AwarenessRule, Config, Event, Input, Instant, LoadSource, limits};

use testkit::{PLACE, Station, fix};

/// Alone, with ten beacons a second: what was decoded is its own, a twentieth of the channel.
fn alone() -> Station {
    let every = AwarenessRule::Every(Duration::from_millis(100));
    let mut station = Station::new(1, Config { awareness: every, ..Config::vehicle() });
    station.start(Instant::ZERO, PLACE);
    station
}

fn survey(busy_permille: u16) -> Input {
    Input::ChannelLoad { busy_permille, source: LoadSource::Survey }
}

/// Credentials shown from one second to another, with an input each 500 ms.
fn credentials(station: &mut Station, from_s: u64, to_s: u64, input: Option<&Input>) -> usize {
    let shown = station.events.len();
    for start in (from_s * 1000..to_s * 1000).step_by(500) {
        if let Some(input) = input {
            station.feed(Instant::from_millis(start), input.clone());
        }
        let place = |now| fix(now, PLACE);
        station.drive(Instant::from_millis(start), Instant::from_millis(start + 499), place);
    }
    let full = |event: &&Event| matches!(event, Event::Sent(sent) if sent.full_credential);
    station.events[shown..].iter().filter(full).count()
}

#[test]
fn a_busy_survey_makes_a_station_show_its_credential_less_and_a_quiet_one_more() {
    assert_eq!(credentials(&mut alone(), 1, 11, None), 25, "by its own estimate the channel is quiet");
    assert_eq!(credentials(&mut alone(), 1, 11, Some(&survey(299))), 25);
    assert_eq!(credentials(&mut alone(), 1, 11, Some(&survey(300))), 10);
}

#[test]
fn a_survey_that_is_not_renewed_gives_way_to_the_estimate() {
    let mut station = alone();
    assert_eq!(credentials(&mut station, 1, 11, Some(&survey(900))), 10);
    assert_eq!(limits::MAX_LOAD_AGE, Duration::from_secs(1));
    assert_eq!(credentials(&mut station, 12, 22, None), 25);
}

#[test]
fn an_estimate_of_the_host_never_makes_the_channel_quieter() {
    let estimate = |busy_permille| Input::ChannelLoad { busy_permille, source: LoadSource::Estimate };
    assert_eq!(credentials(&mut alone(), 1, 11, Some(&estimate(0))), 25);
    assert_eq!(credentials(&mut alone(), 1, 11, Some(&estimate(500))), 10);
}

#[test]
fn a_load_above_all_of_the_time_is_counted_and_not_believed() {
    let mut station = alone();
    assert_eq!(credentials(&mut station, 1, 11, Some(&survey(1001))), 25);
    assert_eq!(station.node.counters().loads_refused, 20);
    station.feed(Instant::from_millis(11_000), survey(u16::MAX));
    station.feed(Instant::from_millis(11_000), survey(1000));
    assert_eq!(station.node.counters().loads_refused, 21);
}

// Line 4 of the contract holds for loads: what a station knows already causes no wake-up.
#[test]
fn a_load_moves_no_deadline() {
    let mut station = alone();
    let before = station.deadline;
    for busy_permille in [0, 500, 1000, 1001] {
        station.feed(Instant::ZERO, survey(busy_permille));
        assert_eq!(station.deadline, before);
    }
}
