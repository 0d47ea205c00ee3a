use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use bytes::Bytes;
use testkit::craft::{self, Crafter};
use testkit::{Authority, PLACE, Station, anchor, from_afar, hazard};
use v2x_core::{AwarenessRule, Config, Host, Input, Node, TimerKind};
use v2x_proto::envelope::TbsRepr;
use v2x_proto::{Class, v1};

use super::*;

/// A host that counts the signatures it checks by itself.
#[derive(Clone, Debug, Default)]
struct Counting(CheckedAhead, Arc<AtomicUsize>);

impl Host for Counting {
    fn verify(&mut self, key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.answer(key, message, signature).unwrap_or_else(|| {
            self.1.fetch_add(1, Relaxed);
            strict(key, message, signature)
        })
    }
}

/// A station whose thread is played by the test.
struct Scene {
    station: Station,
    ahead: Ahead,
    asks: Receiver<Checks<SignatureCheck>>,
    answers: mpsc::Sender<Checks<Answer>>,
    in_place: Arc<AtomicUsize>,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let (authority, host) = (Authority::new(), Counting::default());
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let identity = authority.identity(50);
        let trust = authority.trust.clone();
        let node = Node::with_host(config, identity, trust, 7, anchor(), Box::new(host.clone()));
        let mut station = Station::with(50, node);
        station.start(Instant::ZERO, PLACE);
        let (ends, asks, answers) = channels();
        let mut ahead = Ahead::new(host.0);
        ahead.worker = Worker::Runs(ends);
        Self { station, ahead, asks, answers, in_place: host.1, now: Instant::from_millis(10) }
    }

    fn hand_in(&mut self, bytes: &Bytes, peer: u16) {
        self.station.feed(self.now, from_afar(bytes, peer));
    }

    /// From when on the next frame may be taken.
    fn turn(&mut self) -> Instant {
        assert_eq!(self.station.deadline.1, TimerKind::Afar);
        self.ahead.turn(&mut Context::from_waker(Waker::noop()), &self.station.node, self.now)
    }

    /// Takes the next frame if its turn has come.
    fn takes_one(&mut self) -> bool {
        let due = self.turn() <= self.now;
        if due {
            self.station.feed(self.now, Input::Timeout);
            self.ahead.done();
        }
        due
    }

    /// The thread answers all it was asked about: how many frames.
    fn answer(&mut self) -> usize {
        let asked = self.asks.try_iter();
        asked.map(|asked| self.answers.try_send(checked(asked)).unwrap()).count()
    }

    fn in_place(&self) -> usize {
        self.in_place.load(Relaxed)
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
    }
}

fn background(by: &Crafter, millis: u64) -> Bytes {
    by.full(&TbsRepr {
        message_type: v1::MessageType::Echo as u32,
        class: Class::D5,
        lifetime_ms: 60_000,
        payload: craft::ECHO,
        ..by.fields(Instant::from_millis(millis))
    })
}

fn hazard_of(by: &Crafter, number: u32) -> Bytes {
    use prost::Message as _;
    let at = Instant::from_millis(5);
    let payload = hazard::new(by.digest, number, PLACE, anchor().wire_at(at)).encode_to_vec();
    by.full(&TbsRepr {
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D3,
        lifetime_ms: 60_000,
        max_hops: 10,
        area: Some(hazard::circle(PLACE, 2_000)),
        payload: &payload,
        ..by.fields(at)
    })
}

#[test]
fn a_frame_is_taken_when_its_answers_are_there_and_the_station_checks_nothing() {
    let (mut scene, by) = (Scene::new(), Crafter::station(1));
    scene.hand_in(&background(&by, 5), 7);
    scene.hand_in(&craft::forged(&background(&by, 6), 9), 7);
    assert_eq!(scene.turn(), scene.now + PATIENCE);
    assert!(!scene.takes_one());
    assert_eq!(scene.answer(), 2);
    assert!(scene.takes_one() && scene.takes_one());
    assert_eq!((scene.station.received(), scene.in_place()), (1, 0));
    assert_eq!(scene.station.drops(), [("signature_invalid", 1)].into());
}

#[test]
fn answers_are_of_the_very_signature_and_of_one_frame() {
    let (mut scene, by) = (Scene::new(), Crafter::station(1));
    scene.hand_in(&background(&by, 5), 7);
    let next = scene.station.node.afar_waiting().next().unwrap();
    let checks = scene.station.node.afar_checks(next);
    assert_eq!(checks.len(), 2, "of the credential, and of the message");
    let answer = |scene: &Scene, check: &SignatureCheck| {
        scene.ahead.checked.answer(&check.key, &check.message, &check.signature)
    };
    assert_eq!(answer(&scene, &checks[0]), None);
    scene.turn();
    scene.answer();
    assert_eq!(scene.turn(), scene.now);
    for check in &checks {
        assert_eq!(answer(&scene, check), Some(true));
        let mut other = check.clone();
        other.message.push(0);
        assert_eq!(answer(&scene, &other), None);
        let mut other = check.clone();
        other.signature[63] ^= 1;
        assert_eq!(answer(&scene, &other), None);
        let key = if check.key == checks[0].key { checks[1].key } else { checks[0].key };
        assert_eq!(answer(&scene, &SignatureCheck { key, ..check.clone() }), None);
    }
    scene.ahead.done();
    assert_eq!(answer(&scene, &checks[0]), None);
}

#[test]
fn whoever_comes_first_meanwhile_is_asked_about_and_those_behind_it_are_not_asked_about_again() {
    let (mut scene, [first, second]) = (Scene::new(), [1, 2].map(Crafter::station));
    scene.hand_in(&background(&first, 5), 7);
    scene.turn();
    assert_eq!(scene.answer(), 1);
    scene.hand_in(&hazard_of(&second, 1), 8);
    assert!(!scene.takes_one(), "a hazard goes first");
    assert_eq!(scene.answer(), 1);
    assert!(scene.takes_one() && scene.takes_one());
    assert_eq!((scene.station.received(), scene.in_place(), scene.answer()), (2, 0, 0));
}

#[test]
fn several_are_on_their_way_and_no_more_than_there_is_room_for() {
    let (mut scene, by) = (Scene::new(), (1..41).map(Crafter::station).collect::<Vec<_>>());
    for by in &by {
        scene.hand_in(&background(by, 5), 7);
    }
    let mut taken = 0;
    while scene.station.deadline.1 == TimerKind::Afar {
        if scene.takes_one() {
            taken += 1;
        } else {
            let answered = scene.answer();
            assert!((1..=AT_ONCE).contains(&answered), "{answered}");
            assert!(scene.ahead.asked.len() <= AT_ONCE);
        }
    }
    assert_eq!((taken, scene.station.received(), scene.in_place()), (40, 40, 0));
}

#[test]
fn a_thread_that_gets_no_processor_is_not_waited_for_long() {
    let (mut scene, by) = (Scene::new(), (1..6).map(Crafter::station).collect::<Vec<_>>());
    scene.hand_in(&background(&by[0], 5), 7);
    scene.hand_in(&background(&by[1], 5), 7);
    let until = scene.turn();
    scene.wait(PATIENCE / 2);
    assert_eq!(scene.turn(), until);
    scene.wait(PATIENCE / 2);
    // It, and for a while whatever comes.
    assert!(scene.takes_one() && scene.takes_one());
    assert_eq!((scene.station.received(), scene.in_place()), (2, 4));
    scene.hand_in(&background(&by[2], 5), 7);
    assert!(scene.takes_one());
    scene.wait(ALONE);
    scene.answer();
    scene.hand_in(&background(&by[3], 5), 7);
    assert!(!scene.takes_one(), "it may have a processor again");
    assert_eq!(scene.answer(), 1);
    assert!(scene.takes_one());
    assert_eq!((scene.station.received(), scene.in_place()), (4, 6));
}

#[test]
fn without_a_thread_the_station_checks_all_itself() {
    for ended in [false, true] {
        let (mut scene, by) = (Scene::new(), Crafter::station(1));
        scene.hand_in(&background(&by, 5), 7);
        if ended {
            assert!(!scene.takes_one());
        }
        // It ends between two turns, or before the first.
        drop((scene.asks, scene.answers));
        let (_, asks, answers) = channels();
        (scene.asks, scene.answers) = (asks, answers);
        assert!(scene.takes_one());
        scene.hand_in(&background(&by, 6), 7);
        assert!(scene.takes_one());
        assert_eq!((scene.station.received(), scene.in_place()), (2, 3));
    }
}

#[test]
fn a_frame_that_gave_way_is_not_waited_for() {
    let (mut scene, by) = (Scene::new(), Crafter::station(1));
    scene.hand_in(&background(&by, 5), 7);
    scene.turn();
    // The node takes it meanwhile, and another one comes.
    scene.station.verify(scene.now);
    scene.hand_in(&background(&by, 6), 7);
    assert!(!scene.takes_one());
    assert_eq!(scene.answer(), 2);
    assert!(scene.takes_one());
    assert_eq!((scene.station.received(), scene.in_place()), (2, 2));
}

#[test]
fn the_thread_answers_as_the_station_would_and_ends_with_it() {
    let Ends { asks, mut answers } = start().unwrap();
    let mut scene = Scene::new();
    let by = Crafter::station(1);
    for bytes in [background(&by, 5), craft::forged(&background(&by, 6), 1)] {
        scene.hand_in(&bytes, 7);
    }
    let tickets: Vec<_> = scene.station.node.afar_waiting().collect();
    for ticket in &tickets {
        asks.send(Checks { ticket: *ticket, checks: scene.station.node.afar_checks(*ticket) }).unwrap();
    }
    let answered = tickets.iter().map(|_| answers.blocking_recv().unwrap());
    let answered: Vec<_> = answered
        .map(|it| (it.ticket, it.checks.iter().map(|answer| answer.valid).collect::<Vec<_>>()))
        .collect();
    assert_eq!(answered, [(tickets[0], vec![true, true]), (tickets[1], vec![true, false])]);
    drop(asks);
    assert!(answers.blocking_recv().is_none());
}
