//! Changes of pseudonym, and recordings: a change takes the key with it, and a recording repeats without any.

use std::time::Duration;

use testkit::craft;
use testkit::drive::drain;
use testkit::{Authority, PLACE, anchor, fix, frame};
use v2x_core::{
    ChangeRule, ClockState, Config, Event, Identity, Input, Instant, Node, Output, Pool, PseudonymConfig,
    Recipients, SendRequest,
};
use v2x_proto::Digest;
use v2x_proto::v1::MessageType;
use v2x_recording::check::check_bytes;
use v2x_recording::record;

use super::echo;

/// A station and its recording.
pub struct Party {
    pub node: Node,
    pub events: Vec<Event>,
    bytes: Vec<u8>,
    address: [u8; 6],
}

impl Party {
    pub fn new(number: u32, pool: impl Into<Pool>, config: Config) -> Self {
        let (authority, pool) = (Authority::new(), pool.into());
        let [roots, issuers] = [&authority.root, &authority.issuer].map(|one| vec![one.clone()]);
        let header = record::header("roadcast test", &config, &pool, roots, issuers, 7, anchor());
        let node = Node::new(config, pool, authority.trust.clone(), 7, anchor());
        let (bytes, address) = (record::start(&header), testkit::address(number));
        let mut party = Self { node, events: Vec::new(), bytes, address };
        party.input(Instant::ZERO, Input::Clock { wire: anchor().wire, state: ClockState::Locked });
        party
    }

    /// Handles an input and all that is due; what it sends.
    pub fn input(&mut self, now: Instant, input: Input) -> Vec<bytes::Bytes> {
        let mut sent = Vec::new();
        let mut next = Some(input);
        while let Some(input) = next.take() {
            record::write_input(now, &input, &mut self.bytes);
            self.node.handle_input(now, input);
            let Self { node, events, bytes, .. } = self;
            let (deadline, _) = drain(node, |output| {
                record::write_output(&output, bytes);
                match output {
                    Output::Transmit(transmit) => sent.push(transmit.bytes),
                    Output::Event(event) => events.push(event),
                    Output::Timeout(..) => {}
                }
            });
            next = (deadline <= now).then_some(Input::Timeout);
        }
        sent
    }

    /// A fresh node repeats all of it, without any of its keys.
    pub fn repeats(&self) {
        let outcome = check_bytes(&self.bytes, "night.rec").unwrap();
        assert_eq!((outcome.difference, &outcome.warnings[..]), (None, &[][..]));
        assert!(outcome.outputs > 10);
    }

    /// Whether these bytes are anywhere in its recording.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.bytes.windows(bytes.len()).any(|part| part == bytes)
    }
}

/// All that each sends, to all others, with what they send in turn.
pub fn air(parties: &mut [Party], now: Instant, from: usize, frames: Vec<bytes::Bytes>) {
    let mut waiting = vec![(from, frames)];
    while let Some((from, frames)) = waiting.pop() {
        for bytes in frames {
            let source = parties[from].address;
            for (number, party) in parties.iter_mut().enumerate().filter(|(number, _)| *number != from) {
                let sent = party.input(now, frame(&bytes, source));
                waiting.push((number, sent));
            }
        }
    }
}

/// A car that changes its name about every ten seconds, with an encryption key for each.
pub fn changing() -> (Vec<Identity>, Config) {
    let authority = Authority::new();
    let pseudonym =
        PseudonymConfig { change: ChangeRule::Every(Duration::from_secs(10)), ..PseudonymConfig::default() };
    let identities = (20..26).map(|number| authority.confidant(number)).collect();
    (identities, Config { pseudonym, ..Config::vehicle() })
}

fn opened(party: &Party) -> usize {
    let confidential = |event: &&Event| matches!(event, Event::Received(received) if received.confidential);
    party.events.iter().filter(confidential).count()
}

fn wiped(party: &Party) -> usize {
    let wiped = |event: &&Event| matches!(event, Event::Dropped(dropped) if dropped.reason.name() == "sealed_key_wiped");
    party.events.iter().filter(wiped).count()
}

#[test]
fn a_change_of_pseudonym_takes_the_encryption_key_with_it_after_a_moment_of_grace() {
    let (identities, config) = changing();
    let car = Party::new(1, Pool::new(identities).unwrap(), config);
    let friend = Party::new(2, Authority::new().confidant(2), Config::vehicle());
    let mut parties = [car, friend];
    let mut former: Option<(Digest, Instant)> = None;
    let (mut before, mut within, mut after) = (0, 0, 0);
    for step in 1..=150_u64 {
        let now = Instant::from_millis(step * 100);
        for number in [0, 1] {
            let place = fix(now, PLACE.moved(5.0 * number as f64, 1.5 * step as f64));
            let frames = parties[number].input(now, place);
            air(&mut parties, now, number, frames);
        }
        let changed = parties[0].events.iter().rev().find_map(|event| match event {
            Event::PseudonymChanged { old, .. } => Some(*old),
            _ => None,
        });
        if let (None, Some(old)) = (former, changed) {
            former = Some((old, now));
        }
        // Sealed to the name that the friend knew at first.
        if step % 5 != 0 {
            continue;
        }
        let name = former.map_or_else(|| parties[0].node.digest(), |(old, _)| old);
        let request = SendRequest { to: Some(Recipients::one(name)), ..echo() };
        let (was_opened, was_wiped) = (opened(&parties[0]), wiped(&parties[0]));
        let frames = parties[1].input(now, Input::Send(request));
        if frames.is_empty() {
            continue;
        }
        air(&mut parties, now, 1, frames);
        let outcome = (opened(&parties[0]) - was_opened, wiped(&parties[0]) - was_wiped);
        match former {
            None => {
                assert_eq!(outcome, (1, 0));
                before += 1;
            }
            Some((_, changed)) if now < changed + Duration::from_millis(1_900) => {
                assert_eq!(outcome, (1, 0), "in flight at the change");
                within += 1;
            }
            Some((_, changed)) if now > changed + Duration::from_millis(2_000) => {
                assert_eq!(outcome, (0, 1));
                after += 1;
            }
            Some(_) => {}
        }
    }
    assert!(before > 5 && within > 0 && after > 0, "{before} {within} {after}");
    let (old, _) = former.unwrap();
    assert!(!parties[0].node.pool().identity(&old).unwrap().opens(), "its key is gone");
    assert!(parties[0].node.pool().active().opens());
    for party in &parties {
        party.repeats();
    }
}

#[test]
fn a_recording_has_what_was_opened_and_none_of_the_keys() {
    let authority = Authority::new();
    let [mut one, other] =
        [1, 2].map(|number| Party::new(number, authority.confidant(number), Config::vehicle()));
    let mut parties = {
        one.input(Instant::from_millis(1), fix(Instant::from_millis(1), PLACE));
        [one, other]
    };
    for step in 1..=30_u64 {
        let now = Instant::from_millis(step * 100);
        for number in [0, 1] {
            let frames =
                parties[number].input(now, fix(now, PLACE.moved(9.0 * number as f64, 1.5 * step as f64)));
            air(&mut parties, now, number, frames);
        }
    }
    let now = Instant::from_millis(3_010);
    let to = Some(Recipients::one(parties[1].node.digest()));
    let frames = parties[0].input(now, Input::Send(SendRequest { to, ..echo() }));
    assert_eq!(craft::read(&frames[0]).1.message_type, MessageType::Confidential as u32);
    air(&mut parties, now, 0, frames);
    assert_eq!(opened(&parties[1]), 1);
    for (number, party) in [1, 2].into_iter().zip(&parties) {
        party.repeats();
        assert!(party.holds(craft::ECHO), "a recording is as confidential as what it holds");
        let mut secret = [0x5e; 32];
        secret[..4].copy_from_slice(&u32::to_le_bytes(number));
        assert!(!party.holds(&secret));
    }
}
