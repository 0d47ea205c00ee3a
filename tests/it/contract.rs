//! The ten lines of the node's contract (`v2x_core::Node`), each a test.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use v2x_core::{
    AwarenessRule, ClockState, Config, CredentialRequest, Event, EventId, HazardCommand, HazardDraft, Input,
    Instant, Node, Output, SendRequest, SendingState, TimerKind, Token, limits,
};
use v2x_proto::envelope::{SignedView, SignerRef, TbsRepr, TbsView, encode_signed};
use v2x_proto::hop::{Flags, HopHeader, Kind};
use v2x_proto::{Class, Digest, hop, v1};

use testkit::craft::{self, Crafter, probe};
use testkit::{Authority, PLACE, START, Station, Street, anchor, fix, frame};

/// Frames of one station over `seconds`, as it sends them.
fn frames_of(number: u32, seconds: u64) -> Vec<(Instant, Bytes)> {
    let mut sender = Station::new(number, Config::vehicle());
    sender.start(Instant::ZERO, PLACE);
    let mut frames = Vec::new();
    let end = Instant::from_millis(seconds * 1000);
    let mut next_fix = Instant::from_millis(100);
    loop {
        let now = sender.deadline.0.min(next_fix);
        if now > end {
            return frames;
        }
        let input = if now == next_fix {
            next_fix = next_fix + Duration::from_millis(100);
            fix(now, PLACE.moved(0.0, now.as_nanos() as f64 * 15e-9))
        } else {
            Input::Timeout
        };
        frames.extend(sender.feed(now, input).into_iter().map(|bytes| (now, bytes)));
    }
}

/// Three stations that write down all they put out.
fn transcribed() -> Street {
    let mut street = Street::new(3);
    for station in &mut street.stations {
        station.transcribe = v2x_recording::transcript::write;
    }
    street
}

fn payload_offset(bytes: &Bytes) -> usize {
    hop::parse(bytes).unwrap().1
}

// 1. After each handle_input, drain poll_output until it returns Timeout.
#[test]
fn draining_ends_in_a_timeout_and_stays_there() {
    let mut station = Station::new(1, Config::vehicle());
    station.start(Instant::ZERO, PLACE);
    let first = station.node.poll_output();
    assert!(matches!(first, Output::Timeout(..)));
    assert_eq!(station.node.poll_output(), first, "asking again changes nothing");
}

// 2. While output is queued, or a frame waits for verification, the deadline is now.
#[test]
fn while_work_waits_the_deadline_is_now() {
    let (at, bytes) = frames_of(1, 1).remove(0);
    let mut receiver = Station::silent(2);
    receiver.feed(at, frame(&bytes, [1; 6]));
    assert_eq!(receiver.deadline, (at, TimerKind::Demoted), "a newcomer's");
    receiver.feed(at, Input::Timeout);
    assert_eq!(receiver.received(), 1);
    assert!(!matches!(receiver.deadline.1, TimerKind::Verify | TimerKind::Demoted));
}

// 3. Sleeping exactly to the deadline and handing in Timeout always makes progress.
#[test]
fn sleeping_exactly_to_the_deadline_makes_progress() {
    let mut street = Street::new(4);
    street.run(Instant::from_millis(30_000));
    for station in &street.stations {
        // 15 m/s: 4 m every 267 ms, so a beacon at every third check.
        let sent = station.events.iter().filter(|event| matches!(event, Event::Sent(_))).count();
        assert!((95..=105).contains(&sent), "{sent}");
        assert!(station.deadline.0 > Instant::from_millis(29_000));
    }
}

// A link that was full: one frame a turn, so that the host can stop them.
#[test]
fn what_waited_for_a_full_link_leaves_one_by_one_and_stops_when_it_is_full_again() {
    let mut station = Station::new(1, Config { awareness: AwarenessRule::Off, ..Config::vehicle() });
    station.start(Instant::ZERO, PLACE);
    let now = Instant::from_millis(10);
    station.feed(now, Input::Link { ready: false });
    for class in [Class::D2, Class::D1, Class::D0] {
        assert!(station.feed(now, Input::Send(probe(class))).is_empty());
    }
    let class_of = |frames: Vec<Bytes>| -> Vec<Class> {
        frames.iter().map(|frame| hop::parse(frame).unwrap().0.class).collect()
    };
    let first = class_of(station.feed(now, Input::Link { ready: true }));
    assert_eq!((first, station.deadline), (vec![Class::D0], (now, TimerKind::Refill)));
    station.feed(now, Input::Link { ready: false });
    assert_ne!(station.deadline.1, TimerKind::Refill);
    // What came meanwhile and is more urgent overtakes what waits.
    station.feed(now, Input::Send(probe(Class::D0)));
    let mut left = class_of(station.feed(now, Input::Link { ready: true }));
    while station.deadline.1 == TimerKind::Refill {
        left.extend(class_of(station.feed(now, Input::Timeout)));
    }
    assert_eq!(left, [Class::D0, Class::D1, Class::D2]);
    // Nothing waits any longer: frames leave in the turn that makes them.
    assert_eq!(station.feed(now, Input::Send(probe(Class::D1))).len(), 1);
    assert_ne!(station.deadline.1, TimerKind::Refill);
}

#[test]
fn every_timer_makes_progress_when_left_alone() {
    // One frame held for an unknown credential, a full link with a queued frame, neighbours, a fix that ages.
    let frames = frames_of(1, 3);
    let mut station = Station::new(2, Config::vehicle());
    station.start(Instant::ZERO, PLACE);
    station.hear(frames[0].0, &frames[0].1);
    let digest_only = &frames_of(3, 3)[1];
    station.feed(digest_only.0, frame(&digest_only.1, [3; 6]));
    station.feed(digest_only.0, Input::Link { ready: false });
    let mut kinds = Vec::new();
    let mut last = Instant::ZERO;
    let mut same = 0;
    while station.deadline.1 != TimerKind::Idle && station.deadline.0 < Instant::from_millis(60_000) {
        let (at, kind) = station.deadline;
        same = if at == last { same + 1 } else { 0 };
        assert!(same < 4, "{kind:?} at {at:?} comes back");
        last = at;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        station.feed(at, Input::Timeout);
    }
    kinds.sort();
    let all = [
        TimerKind::Awareness,
        TimerKind::HoldExpiry,
        TimerKind::QueueExpiry,
        TimerKind::NeighbourExpiry,
        TimerKind::FixExpiry,
    ];
    assert_eq!(kinds, all);
}

// 4. Extra or early timeouts change nothing.
#[test]
fn early_timeouts_change_nothing() {
    let run = |extra| {
        let mut street = transcribed();
        street.extra_timeouts = extra;
        street.run(Instant::from_millis(5_000));
        street.stations.into_iter().map(|station| station.transcript).collect::<Vec<_>>()
    };
    let quiet = run(None);
    assert!(quiet.iter().all(|transcript| transcript.len() > 1000));
    assert!(quiet == run(Some(Duration::from_micros(3_700))));
}

// 5. Same configuration, identity, seed and inputs: the same outputs, byte for byte.
#[test]
fn equal_runs_have_equal_transcripts() {
    let run = || {
        let mut street = transcribed();
        street.run(Instant::from_millis(5_000));
        street.stations.into_iter().map(|station| station.transcript).collect::<Vec<_>>()
    };
    assert!(run() == run());
}

#[test]
fn stations_with_one_seed_do_not_send_in_step() {
    let mut street = Street::new(4);
    street.run(Instant::from_millis(2_000));
    let mut phases: Vec<_> =
        street.stations.iter().map(|station| station.deadline.0.as_nanos() % 100_000_000).collect();
    phases.sort_unstable();
    phases.dedup();
    assert_eq!(phases.len(), 4);
}

// 6. Time that runs backwards is clamped and counted, never asserted.
#[test]
fn time_that_runs_backwards_is_clamped_and_counted() {
    let mut station = Station::new(1, Config::vehicle());
    station.start(Instant::from_millis(5_000), PLACE);
    station.feed(Instant::from_millis(1_000), Input::Timeout);
    station.feed(Instant::ZERO, Input::Timeout);
    assert_eq!(station.node.counters().time_clamped, 2);
    assert!(station.deadline.0 >= Instant::from_millis(5_000));
}

// 7. Every received frame ends in exactly one Received or Dropped.
#[test]
fn every_frame_ends_exactly_once() {
    let mut receiver = Station::silent(9);
    let mut fed = 0u64;
    let (mut a, b) = (frames_of(1, 4), frames_of(2, 4));
    // Station 2 is first heard by digest: its frames are held, then released by its credential.
    a.extend(b.into_iter().skip(1));
    a.sort_by_key(|(at, _)| *at);
    for (n, (at, bytes)) in a.iter().enumerate() {
        for copy in 0..=n % 3 {
            let mut bytes = bytes.to_vec();
            if copy == 2 {
                let index = (n * 31) % bytes.len();
                bytes[index] ^= 0x40;
            }
            receiver.hear(*at, &Bytes::from(bytes));
            fed += 1;
        }
    }
    receiver.feed(Instant::from_millis(10_000), Input::Timeout);
    let dropped: usize = receiver.drops().values().sum();
    assert_eq!(receiver.node.counters().frames, fed);
    assert_eq!((receiver.received() + dropped) as u64, fed, "{:?}", receiver.drops());
    assert!(receiver.received() > 20);
}

// 8. No bytes make it panic; no peer makes any table grow beyond limits.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_are_dropped_by_name(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1500), 1..40)) {
        let mut receiver = Station::silent(1);
        for bytes in &frames {
            receiver.hear(Instant::from_millis(10), &Bytes::copy_from_slice(bytes));
        }
        prop_assert_eq!(receiver.drops().values().sum::<usize>(), frames.len());
    }

    #[test]
    fn mutated_frames_are_dropped_or_the_very_message(index in 0usize..600, bit in 0u8..8, cut in 0usize..600) {
        let (at, bytes) = frames_of(1, 1).remove(0);
        let mut mutated = bytes.to_vec();
        let place = index % mutated.len();
        mutated[place] ^= 1 << bit;
        mutated.truncate(mutated.len() - (cut % mutated.len()) / 7);
        let mut receiver = Station::silent(2);
        receiver.hear(at, &Bytes::from(mutated.clone()));
        // Every bit of what is signed counts; the hop header, and protobuf's own framing, are not signed.
        let signed_part_touched = {
            let original = SignedView::parse(&bytes[payload_offset(&bytes)..]).unwrap();
            let start = original.tbs.as_ptr() as usize - bytes.as_ptr() as usize;
            (start..start + original.tbs.len()).contains(&place)
        };
        if signed_part_touched {
            prop_assert_eq!(receiver.received(), 0);
        }
        prop_assert_eq!(receiver.received() + receiver.drops().values().sum::<usize>(), 1);
    }
}

#[test]
fn a_flood_of_unknown_signers_stays_within_the_limits() {
    let (at, bytes) = frames_of(1, 1).remove(1);
    let offset = payload_offset(&bytes);
    let signed = SignedView::parse(&bytes[offset..]).unwrap();
    let mut receiver = Station::silent(2);
    for n in 0..5_000u64 {
        let mut flood = bytes[..offset].to_vec();
        let mut signature = *signed.signature;
        signature[..8].copy_from_slice(&n.to_le_bytes());
        let digest = Digest(n.to_le_bytes());
        // Each from an address and a forwarder of its own.
        flood[4..12].copy_from_slice(&digest.0);
        encode_signed(&mut flood, signed.tbs, &signature, SignerRef::Digest(digest));
        let [a, b, ..] = n.to_le_bytes();
        receiver.hear_from(at, &Bytes::from(flood), [2, 1, 0, 0, b, a]);
    }
    assert_eq!(receiver.drops().get("unknown_credential"), Some(&(5_000 - limits::MAX_HELD)));
    assert_eq!(receiver.node.neighbours().count(), 0);
    receiver.feed(at + limits::HOLD_TIME, Input::Timeout);
    assert_eq!(receiver.drops().get("unknown_credential"), Some(&5_000));
}

// 9. Nothing unverified writes state that a verified frame depends on.
#[test]
fn garbage_under_a_victims_number_does_not_burn_it() {
    let frames = frames_of(1, 2);
    let mut receiver = Station::silent(2);
    receiver.hear(frames[0].0, &frames[0].1);
    let (at, bytes) = &frames[1];
    let offset = payload_offset(bytes);
    let signed = SignedView::parse(&bytes[offset..]).unwrap();
    for n in 0..50u8 {
        let mut forged = bytes[..offset].to_vec();
        let mut signature = *signed.signature;
        signature[usize::from(n)] ^= 1;
        encode_signed(&mut forged, signed.tbs, &signature, signed.signer);
        receiver.hear(*at, &Bytes::from(forged));
    }
    assert_eq!(receiver.drops().get("signature_invalid"), Some(&50));
    receiver.hear(*at, bytes);
    assert_eq!(receiver.received(), 2, "the real one is delivered after all");
    receiver.hear(*at, bytes);
    assert_eq!(receiver.last_drop(), Some("exact_copy"));
}

#[test]
fn an_unverified_frame_enters_no_neighbour() {
    let frames = frames_of(1, 2);
    let mut receiver = Station::silent(2);
    let (at, bytes) = &frames[0];
    let mut forged = bytes.to_vec();
    let last = forged.len() - 1;
    // The credential comes last in this frame: its signature breaks.
    forged[last] ^= 1;
    receiver.hear(*at, &Bytes::from(forged));
    assert_eq!(receiver.last_drop(), Some("credential_signature"));
    assert_eq!(receiver.node.neighbours().count(), 0);
}

// 10. Signed bytes are relayed untouched; the hop header and the form of the signer are the relay's own.
#[test]
fn the_hop_header_is_all_a_relay_may_change() {
    let (at, bytes) = frames_of(1, 1).remove(0);
    let (mut header, len) = hop::parse(&bytes).unwrap();
    header.forwarder = Digest([7; 8]);
    header.remaining_hops = 0;
    header.forwarder_position = Some((1, 2));
    let mut relayed = Vec::new();
    header.encode(&mut relayed);
    relayed.extend_from_slice(&bytes[len..]);
    let mut receiver = Station::silent(2);
    receiver.hear(at, &Bytes::from(relayed));
    assert_eq!(receiver.received(), 1, "{:?}", receiver.drops());
    receiver.hear(at, &bytes);
    assert_eq!(receiver.last_drop(), Some("exact_copy"), "the same message by another way");
}

#[test]
fn a_relay_writes_all_of_a_frame_that_is_not_signed() {
    let (at, car) = (Instant::from_millis(2_000), Crafter::station(1));
    let payload = craft::hazard(at);
    let fields = TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 10_000,
        max_hops: 20,
        area: Some(craft::circle(2_000)),
        payload: &payload,
        ..car.fields(at)
    };
    // What the signer wrote, with a field that no version knows: it is signed, so it may be there.
    let mut tbs = Vec::new();
    fields.encode(&mut tbs);
    tbs.extend_from_slice(&[0x7a, 3, 1, 2, 3]);
    let signature = car.sign(&tbs);
    // Somebody on the way: another kind, flags, position and hops, and the digest in place of the credential.
    let header = HopHeader {
        kind: Kind::Management,
        flags: Flags { store_carry_forward: true, keep_alive: true, ..Flags::default() },
        remaining_hops: 12,
        forwarder: Digest([6; 8]),
        forwarder_position: Some((1, 2)),
        ..car.header(&fields)
    };
    let mut relay = Station::silent(2);
    relay.hear(at, &car.full(&car.fields(at)));
    for signer in [SignerRef::Digest(car.digest), SignerRef::Credential(&car.credential)] {
        relay.hear(at, &craft::frame(&header, &tbs, &signature, signer));
    }
    assert_eq!(relay.received(), 2, "{:?}", relay.drops());
    while relay.frames.is_empty() && relay.deadline.0 < at + Duration::from_secs(1) {
        relay.feed(relay.deadline.0, Input::Timeout);
    }
    let own = HopHeader {
        flags: Flags { multi_hop: true, ..Flags::default() },
        remaining_hops: 11,
        forwarder: relay.node.digest(),
        ..car.header(&fields)
    };
    let credential = SignerRef::Credential(&car.credential);
    assert_eq!(relay.frames, [craft::frame(&own, &tbs, &signature, credential)]);
}

#[test]
fn without_position_clock_or_credential_it_listens_and_says_so_once() {
    let mut station = Station::new(1, Config::vehicle());
    let states = |station: &Station| -> Vec<SendingState> {
        let state = |event: &Event| match event {
            Event::Sending(state) => Some(*state),
            _ => None,
        };
        station.events.iter().filter_map(state).collect()
    };
    for ms in (0..1000).step_by(100) {
        station.feed(Instant::from_millis(ms), Input::Timeout);
    }
    assert_eq!(states(&station), [SendingState::ClockUntrusted]);
    station.feed(Instant::from_millis(1000), Input::Clock { wire: START, state: ClockState::Locked });
    station.feed(Instant::from_millis(1000), fix(Instant::from_millis(1000), PLACE));
    // The fix is not renewed: after two seconds the station falls silent again.
    while station.deadline.0 < Instant::from_millis(6_000) {
        let at = station.deadline.0;
        station.feed(at, Input::Timeout);
    }
    let expected =
        [SendingState::ClockUntrusted, SendingState::NoFix, SendingState::Allowed, SendingState::NoFix];
    assert_eq!(states(&station), expected);
    let heard = frames_of(2, 1).remove(0);
    station.hear(Instant::from_millis(6_000), &heard.1);
    assert_eq!(station.last_drop(), Some("stale"), "it still listens, and judges by its clock");
}

#[test]
fn what_a_station_sends_is_what_it_was_asked_to() {
    let authority = Authority::new();
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let node = Node::new(config, authority.identity(1), authority.trust.clone(), 1, anchor());
    let mut sender = Station::with(1, node);
    sender.start(Instant::ZERO, PLACE);
    let payload = Bytes::from_static(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0]);
    let request = SendRequest {
        to: None,
        message_type: 37,
        class: Class::D1,
        lifetime_ms: 100,
        max_hops: 1,
        area: None,
        subject: 0,
        due: None,
        token: None,
        payload: payload.clone(),
    };
    let sent = sender.feed(Instant::from_millis(50), Input::Send(request.clone()));
    let (header, len) = hop::parse(&sent[0]).unwrap();
    assert_eq!((header.class, header.remaining_hops, header.forwarder), (Class::D1, 1, sender.node.digest()));
    let signed = SignedView::parse(&sent[0][len..]).unwrap();
    let tbs = TbsView::parse(signed.tbs).unwrap();
    assert_eq!(
        (tbs.message_type, tbs.class, tbs.lifetime_ms, tbs.payload),
        (37, Class::D1, 100, &payload[..])
    );
    assert_eq!(tbs.generation_time_us, START.as_micros() + 50_000);
    let refused = SendRequest { max_hops: 3, ..request };
    assert!(sender.feed(Instant::from_millis(60), Input::Send(refused)).is_empty());
    assert!(
        matches!(sender.events.last(), Some(Event::NotSent(not)) if not.reason.name() == "send_bad_request")
    );
}

#[test]
fn a_token_comes_back_with_what_becomes_of_its_request_and_changes_nothing_else() {
    let answers = |tokens: [Option<Token>; 5]| {
        let authority = Authority::new();
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let node = Node::new(config, authority.identity(1), authority.trust.clone(), 1, anchor());
        let mut station = Station::with(1, node);
        station.start(Instant::ZERO, PLACE);
        let from = station.events.len();
        let mut frames = Vec::new();
        let mut tell = |ms, input| frames.extend(station.feed(Instant::from_millis(ms), input));
        let [sent, refused, queued, accepted, unknown] = tokens;
        tell(50, Input::Send(SendRequest { token: sent, ..probe(Class::D1) }));
        tell(60, Input::Send(SendRequest { token: refused, message_type: 0, ..probe(Class::D1) }));
        tell(70, Input::Link { ready: false });
        tell(70, Input::Send(SendRequest { token: queued, ..probe(Class::D1) }));
        tell(1070, Input::Timeout);
        tell(1080, Input::Link { ready: true });
        let command = HazardCommand::New(HazardDraft::new(Class::D3, 2));
        tell(1080, Input::Hazard { command, token: accepted });
        let command = HazardCommand::Cancel(EventId { origin: Digest([9; 8]), number: 1 });
        tell(1090, Input::Hazard { command, token: unknown });
        let tokens: Vec<_> = station.events[from..]
            .iter()
            .filter_map(|event| match event {
                Event::Sent(sent) => Some(("sent", sent.token)),
                Event::NotSent(not_sent) => Some((not_sent.reason.name(), not_sent.token)),
                Event::HazardAccepted { token, .. } => Some(("accepted", *token)),
                Event::HazardRefused { token, .. } => Some(("refused", *token)),
                _ => None,
            })
            .collect();
        (tokens, frames)
    };
    let [a, b, c, d, e] = [7, u64::MAX, 7, 0, 3].map(|number| Some(Token(number)));
    let (told, frames) = answers([a, b, c, d, e]);
    let expected = [
        ("sent", a),
        ("send_bad_request", b),
        ("sent", c),
        ("send_expired", c),
        ("accepted", d),
        ("sent", None),
        ("refused", e),
    ];
    assert_eq!(told, expected);
    let (without, same) = answers([None; 5]);
    assert!(without.iter().all(|(_, token)| token.is_none()));
    assert_eq!(frames, same);
}

/// Frames and states of a station, each with its time.
type Trouble = (Vec<(Instant, Bytes)>, Vec<(Instant, SendingState)>);

/// What a station does from 50 s to 62 s after its start: positions for 4 s, none for 4 s, then again, and its credential
/// ends at 60 s. What it sends and when, and when it may and may not; `noise` is heard each millisecond.
fn seconds_of_trouble(noise: Option<&Bytes>) -> Trouble {
    let authority = Authority::new();
    let request = CredentialRequest { duration_min: 2, ..Authority::request(&Authority::key(1)) };
    let identity = authority.identity_as(1, &request);
    let node = Node::new(Config::vehicle(), identity, authority.trust.clone(), 7, anchor());
    let mut station = Station::with(1, node);
    let (mut sent, mut states) = (Vec::new(), Vec::new());
    let start = Instant::from_millis(50_000);
    station.start(start, PLACE);
    let mut told = station.events.len();
    let mut next_fix = start + Duration::from_millis(50);
    let mut next_noise =
        if noise.is_some() { start + Duration::from_micros(300) } else { Instant::FAR_FUTURE };
    loop {
        let now = station.deadline.0.min(next_fix).min(next_noise);
        if now > Instant::from_millis(62_000) {
            return (sent, states);
        }
        let without = (54_000..58_000).contains(&(now.as_nanos() / 1_000_000));
        let frames = if now == next_fix {
            next_fix = next_fix + Duration::from_millis(100);
            let place = PLACE.moved(0.0, now.as_nanos() as f64 * 15e-9);
            if without { Vec::new() } else { station.feed(now, fix(now, place)) }
        } else if let Some(noise) = noise.filter(|_| now == next_noise) {
            next_noise = next_noise + Duration::from_millis(1);
            station.feed(now, frame(noise, [6; 6]))
        } else {
            station.feed(now, Input::Timeout)
        };
        sent.extend(frames.into_iter().map(|bytes| (now, bytes)));
        for event in &station.events[told..] {
            if let Event::Sending(state) = event {
                states.push((now, *state));
            }
        }
        told = station.events.len();
    }
}

// A frame that is dropped ends no turn, so nothing that is due may wait for one that does.
#[test]
fn frames_that_come_to_nothing_put_nothing_off() {
    let (quiet, quiet_states) = seconds_of_trouble(None);
    for noise in [&[0x5a; 20][..], &[0x10, 0, 1, 0x20, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff]] {
        let (sent, states) = seconds_of_trouble(Some(&Bytes::copy_from_slice(noise)));
        assert!(quiet.len() > 20 && sent == quiet, "{} frames, {} without noise", sent.len(), quiet.len());
        let of =
            |states: &[(Instant, SendingState)]| states.iter().map(|(_, state)| *state).collect::<Vec<_>>();
        assert_eq!(
            of(&states),
            [SendingState::NoFix, SendingState::Allowed, SendingState::CredentialNotValid]
        );
        assert_eq!(of(&states), of(&quiet_states));
        assert!(states.iter().zip(&quiet_states).all(|(noisy, quiet)| noisy.0 <= quiet.0));
        let end = Instant::from_millis(60_000);
        assert!(states[2].0.since(end) < Duration::from_millis(1), "{:?}", states[2]);
    }
}
