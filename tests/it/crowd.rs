//! Fifty stations in reach of each other: of all that lack a credential one requests it, of all that hear a request
//! one answers, and a station that requests everything makes no other send more.
//!
//! Rows are those of ETSI TS 103 096-2 that a test adapts.

use std::time::Duration;

use bytes::Bytes;
use v2x_core::{Instant, limits};
use v2x_proto::Digest;
use v2x_proto::envelope::TbsRepr;

use testkit::craft::{Crafter, is_full, read};
use testkit::{Street, frame};

const CROWD: u32 = 50;
const TICK: Duration = Duration::from_millis(5);

/// What a station sent since it had sent `before` frames.
fn since(street: &Street, index: usize, before: usize) -> &[Bytes] {
    &street.stations[index].frames[before..]
}

fn counts(street: &Street) -> Vec<usize> {
    street.stations.iter().map(|station| station.frames.len()).collect()
}

/// How often a credential was requested.
fn asks(street: &Street, before: &[usize], wanted: Digest) -> usize {
    let all = (0..street.stations.len()).flat_map(|index| since(street, index, before[index]));
    all.flat_map(|bytes| read(bytes).1.requests()).filter(|one| **one == wanted.truncated()).count()
}

// SND_CAM_06, SND_CAM_08: row 55. It hears fifty unknown stations before it sends.
#[test]
fn who_comes_among_fifty_says_its_credential_once_and_need_not_be_asked() {
    let mut street = Street::new(CROWD + 1);
    let newcomer = CROWD as usize;
    street.away = Some(newcomer);
    let mut now = Instant::from_millis(1_500);
    street.run(now);
    for station in &street.stations[..newcomer] {
        assert_eq!(station.node.neighbours().count(), newcomer - 1, "they know each other");
    }
    // It comes into reach right after it sent its credential with no station near.
    let said = street.stations[newcomer].frames.len();
    while !since(&street, newcomer, said).last().is_some_and(is_full) {
        now = now + TICK;
        street.run(now);
    }
    street.away = None;
    let before = counts(&street);
    let wanted = street.stations[newcomer].node.digest();
    let knows = |street: &Street, index: usize| {
        street.stations[index].node.neighbours().any(|neighbour| neighbour.digest() == wanted)
    };
    while !(0..newcomer).all(|index| knows(&street, index)) {
        now = now + TICK;
        street.run(now);
        assert!(now < Instant::from_millis(3_000), "somebody never got to know it");
    }
    let answers = since(&street, newcomer, before[newcomer]).iter().filter(|one| is_full(one)).count();
    assert_eq!((answers, asks(&street, &before, wanted)), (1, 0));
}

// SND_CAM_12: row 56, among fifty.
#[test]
fn of_fifty_who_miss_a_credential_one_asks_at_a_time() {
    let mut street = Street::new(CROWD);
    let start = Instant::from_millis(1_500);
    street.run(start);
    let before = counts(&street);
    let mute = Crafter::station(60);
    let bytes = mute.brief(&mute.fields(start));
    for station in &mut street.stations {
        station.feed(start, frame(&bytes, [2, 0, 0, 0, 0, 60]));
    }
    let mut now = start;
    while asks(&street, &before, mute.digest) == 0 {
        now = now + TICK;
        street.run(now);
        assert!(now < start + limits::MAX_REQUEST_BACK_OFF * 2, "nobody asked");
    }
    // All that hear the first request wait for its answer.
    street.run(now + limits::ASK_INTERVAL - TICK);
    let asked = asks(&street, &before, mute.digest);
    assert!(asked <= 2, "{asked} of fifty asked for one credential");
    // There is none. Others request in turn, each for all, until it was silent for too long.
    street.run(start + Duration::from_secs(3));
    let asked = asks(&street, &before, mute.digest);
    let turns = limits::REQUEST_LIFETIME.as_millis() / limits::ASK_INTERVAL.as_millis();
    assert!(asked <= 2 * turns as usize, "{asked} requests");
}

// SND_CAM_08: row 55, only the named station answers.
#[test]
fn a_request_among_fifty_is_answered_by_the_one_it_names_alone() {
    let run = |asks: bool| {
        let mut street = Street::new(CROWD);
        let start = Instant::from_millis(1_000);
        street.run(start);
        // It becomes a neighbour of all first: a new station is answered by all.
        let asker = Crafter::station(60);
        say(&mut street, &asker, start, &[]);
        let quiet = Instant::from_millis(1_700);
        street.run(quiet);
        let before = counts(&street);
        let named = street.stations[7].node.digest().truncated();
        say(&mut street, &asker, quiet, if asks { &named } else { &[] });
        street.run(quiet + Duration::from_secs(1));
        (0..street.stations.len())
            .map(|index| since(&street, index, before[index]).iter().map(is_full).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let (mut asked, mut quiet) = (run(true), run(false));
    let (named, unasked) = (asked.remove(7), quiet.remove(7));
    assert_eq!(asked, quiet, "the others speak as if nobody had asked");
    assert!(named[0], "the next beacon answers");
    assert_eq!(named.len(), unasked.len(), "and is no beacon more");
    let full = |frames: &[bool]| frames.iter().filter(|full| **full).count();
    assert!(full(&named) <= full(&unasked) + 1, "{named:?} {unasked:?}");
}

#[test]
fn whoever_asks_fifty_stations_for_everything_makes_none_of_them_speak_more() {
    let run = |asks: bool| {
        let mut street = Street::new(CROWD);
        let start = Instant::from_millis(1_500);
        street.run(start);
        let before = counts(&street);
        let asker = Crafter::station(60);
        let digests: Vec<_> = street.stations.iter().map(|station| station.node.digest()).collect();
        let mut now = start;
        for turn in 0..100_usize {
            let mut requests = Vec::new();
            for place in 0..8_usize {
                // One that exists, one that does not, and so on.
                let made_up = Digest([(turn * 8 + place) as u8; 8]);
                let exists = digests[(turn * 4 + place / 2) % digests.len()];
                requests.extend_from_slice(&if place % 2 == 0 { exists } else { made_up }.truncated());
            }
            say(&mut street, &asker, now, if asks { &requests } else { &[] });
            now = now + Duration::from_millis(10);
            street.run(now);
        }
        let sent =
            counts(&street).iter().zip(&before).map(|(after, before)| after - before).collect::<Vec<_>>();
        let all = (0..street.stations.len()).flat_map(|index| since(&street, index, before[index]));
        let (full, asked) = all.fold((0, 0), |(full, asked), bytes| {
            (full + usize::from(is_full(bytes)), asked + read(bytes).1.requests().count())
        });
        (sent, full, asked)
    };
    let (asked, quiet) = (run(true), run(false));
    assert_eq!(asked.0, quiet.0, "not a frame more of anybody");
    let frames: usize = asked.0.iter().sum();
    assert!(asked.1 <= frames, "a credential at most in each");
    // Twelve messages a second of one signer are handled, and each names four that exist.
    let listened = 12 + 12;
    assert!(asked.1 - quiet.1 <= 4 * listened, "{} credentials more", asked.1 - quiet.1);
    assert_eq!(asked.2, 0, "nobody asks on for what it was asked for");
}

/// All stations hear a message of `asker` with these requests.
fn say(street: &mut Street, asker: &Crafter, now: Instant, requests: &[u8]) {
    let bytes = asker.full(&TbsRepr { credential_requests: requests, ..asker.fields(now) });
    for station in &mut street.stations {
        let sent = station.feed(now, frame(&bytes, [2, 0, 0, 0, 0, 60]));
        assert!(sent.is_empty(), "nothing is said at once");
    }
}
