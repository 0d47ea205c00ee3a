//! Signatures of frames from afar before their turn: what a station will ask its host about, and what looking changes.

use std::sync::{Arc, Mutex};

use ed25519_dalek::VerifyingKey;
use v2x_core::{Host, SignatureCheck, strict};
use v2x_proto::envelope::{SignedView, SignerRef};
use v2x_proto::hop;
use v2x_recording::transcript;

use super::*;

/// Writes down what it is asked about.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<SignatureCheck>>>);

impl Host for Asked {
    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        let check = SignatureCheck { key: *key, message: message.to_vec(), signature: *signature };
        assert!(check.is_of(key, message, signature) && !check.is_of(key, &message[1..], signature));
        self.0.lock().unwrap().push(check);
        strict(key, message, signature)
    }
}

impl Asked {
    fn take(&self) -> Vec<SignatureCheck> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn listener(asked: &Asked) -> Station {
    let authority = Authority::new();
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let identity = authority.identity(OWN);
    let host = Box::new(asked.clone());
    let node = Node::with_host(config, identity, authority.trust.clone(), 7, anchor(), host);
    let mut station = Station::with(OWN, node);
    station.start(Instant::ZERO, PLACE);
    station
}

#[test]
fn what_a_station_asks_in_a_frame_s_turn_is_known_before() {
    let asked = Asked::default();
    let (mut station, [near, far, third]) = (listener(&asked), [1, 2, 3].map(Crafter::station));
    station.hear(ms(5), &near.full(&near.fields(ms(1))));
    asked.take();
    let badly_certified = {
        let bytes = background(&third, ms(5));
        let (header, length) = hop::parse(&bytes).unwrap();
        let signed = SignedView::parse(&bytes[length..]).unwrap();
        let mut credential = third.credential.to_vec();
        let end = credential.len() - 1;
        credential[end] ^= 1;
        craft::frame(&header, signed.tbs, signed.signature, SignerRef::Credential(&credential))
    };
    // With how many signatures to check: of the credential and the message, or of the message alone.
    let frames = [
        (near.brief(&background_fields(&near, ms(5))), 1),
        (near.full(&background_fields(&near, ms(6))), 1),
        (background(&far, ms(5)), 2),
        (far.full(&background_fields(&far, ms(6))), 2),
        (craft::forged(&background(&far, ms(7)), 3), 2),
        (hazard_of(&far, 1, ms(8)), 2),
        (badly_certified, 2),
    ];
    for (frame, _) in &frames {
        station.feed(ms(10), from_afar(frame, PEER));
    }
    let mut seen = Vec::new();
    while station.deadline.1 == TimerKind::Afar {
        let before: Vec<_> = station.node.afar_waiting().collect();
        let first = station.node.afar_checks(before[0]);
        station.feed(ms(10), Input::Timeout);
        let asked = asked.take();
        assert!(!asked.is_empty() && first.starts_with(&asked), "{} of {}", asked.len(), first.len());
        let failed = asked.last().is_some_and(|last| !strict(&last.key, &last.message, &last.signature));
        assert!(failed || asked.len() == first.len(), "nothing is left out but what comes after a bad one");
        seen.push(first.len());
        assert!(station.node.afar_waiting().eq(before[1..].iter().copied()), "in this order");
        assert_eq!(station.node.afar_checks(before[0]), [], "it does not wait any more");
    }
    // The hazard is first, and its signer is known from then on.
    assert_eq!(seen, [2, 1, 1, 1, 1, 1, 2]);
    assert_eq!((station.received(), station.drops().values().sum::<usize>()), (6, 2), "one came by air");
}

#[test]
fn to_look_ahead_changes_nothing() {
    let [looked, blind] = [true, false].map(|looks| {
        let mut car = Station::new(OWN, Config::vehicle());
        car.transcribe = transcript::write;
        car.start(Instant::ZERO, PLACE);
        let (near, far): (Vec<_>, Vec<_>) =
            (1..9).map(Crafter::station).partition(|by| by.digest.0[0] % 2 == 0);
        for step in 1..60_u64 {
            let at = ms(step * 50);
            for by in &far {
                car.feed(at, from_afar(&hazard_of(by, step as u32 / 10, at), PEER));
                car.feed(at, from_afar(&craft::forged(&background(by, at), step as usize), PEER));
            }
            if looks {
                for ticket in car.node.afar_waiting().collect::<Vec<_>>() {
                    assert!(!car.node.afar_checks(ticket).is_empty());
                }
                let _timer = car.node.next_timer();
            }
            for by in &near {
                car.hear(at, &by.full(&by.fields(at)));
            }
            car.drive(at, at + Duration::from_millis(49), |now| fix(now, PLACE));
        }
        assert!(received(&car).iter().any(|received| received.way.is_afar()));
        car
    });
    assert!(looked.transcript == blind.transcript && looked.frames == blind.frames);
}

#[test]
fn whatever_else_is_due_comes_before_a_frame_from_afar() {
    let (mut car, by) = (Station::new(OWN, Config::vehicle()), Crafter::station(1));
    car.start(Instant::ZERO, PLACE);
    let (due, kind) = car.deadline;
    assert_eq!(kind, TimerKind::Awareness);
    car.feed(due, from_afar(&background(&by, ms(5)), PEER));
    assert_eq!((car.deadline, car.node.next_timer()), ((due, TimerKind::Afar), (due, kind)));
    car.feed(due, Input::Timeout);
    assert_eq!((car.frames.len(), car.received()), (1, 0), "its beacon");
    assert_eq!(car.deadline.1, TimerKind::Afar);
    assert!(car.node.next_timer().0 > due);
    car.feed(due, Input::Timeout);
    assert_eq!(car.received(), 1);
}
