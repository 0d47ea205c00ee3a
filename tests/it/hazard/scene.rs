//! Stations on one virtual clock that all hear each other, with what each sent and received, and when.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{
    AwarenessRule, ClockState, Config, Event, EventId, Fix, HazardChange, HazardChanged, HazardCommand,
    HazardDraft, HazardRefusal, Input, Instant, KnownHazard, Node, Output, Pool, Position, Transmit,
};
use v2x_proto::v1;
use v2x_recording::transcript;

use testkit::craft;
use testkit::drive::drain;
use testkit::{Authority, PLACE, address, anchor, fix, frame};

/// A station, where it is, and what came of it.
pub struct Actor {
    pub node: Node,
    pub sent: Vec<(Instant, Transmit)>,
    pub events: Vec<(Instant, Event)>,
    pub transcript: Vec<u8>,
    /// Metres north of [`PLACE`] at the start, and metres per second.
    pub north: f64,
    pub speed: f64,
    deadline: Instant,
}

pub struct Scene {
    pub actors: Vec<Actor>,
    pub now: Instant,
    /// Frames on their way: when they arrive, from whom.
    air: VecDeque<(Instant, usize, Bytes)>,
    /// What does not arrive.
    pub lost: Box<dyn FnMut(&Transmit) -> bool>,
    /// Hands in `Timeout` half-way to every deadline as well.
    pub early: bool,
    next_fix: Instant,
}

/// A car that sends nothing of itself.
pub fn quiet() -> Config {
    Config { awareness: AwarenessRule::Off, ..Config::vehicle() }
}

impl Actor {
    pub fn new(config: Config, pool: impl Into<Pool>, north: f64, speed: f64) -> Self {
        let node = Node::new(config, pool, Authority::new().trust.clone(), 7, anchor());
        let (sent, events) = (Vec::new(), Vec::new());
        Self { node, sent, events, transcript: Vec::new(), north, speed, deadline: Instant::ZERO }
    }

    pub fn place(&self, now: Instant) -> Position {
        PLACE.moved(0.0, self.north + self.speed * now.as_nanos() as f64 * 1e-9)
    }

    /// Its reports about events, in order.
    pub fn changes(&self) -> Vec<(EventId, HazardChange)> {
        self.changed().map(|(_, changed)| (changed.event.id, changed.change)).collect()
    }

    pub fn changed(&self) -> impl Iterator<Item = (Instant, &HazardChanged)> {
        self.events.iter().filter_map(|(at, event)| match event {
            Event::Hazard(changed) => Some((*at, changed)),
            _ => None,
        })
    }

    pub fn known(&self, id: EventId) -> Option<KnownHazard> {
        self.node.hazards().find(|known| known.id == id).copied()
    }

    /// Its own hazard messages, with when they left.
    pub fn said(&self) -> Vec<(Instant, v1::Hazard, &Transmit)> {
        let hazard = |(at, frame): &'_ (Instant, Transmit)| {
            let tbs = craft::read(&frame.bytes).1;
            (tbs.message_type == v1::MessageType::Hazard as u32
                && self.node.pool().contains(&frame.id.signer))
            .then(|| (*at, v1::Hazard::decode(tbs.payload).unwrap()))
        };
        self.sent.iter().filter_map(|sent| hazard(sent).map(|(at, said)| (at, said, &sent.1))).collect()
    }

    /// Drops so far for a reason.
    pub fn drops(&self, name: &str) -> usize {
        let dropped = |(_, event): &&(Instant, Event)| matches!(event, Event::Dropped(dropped) if dropped.reason.name() == name);
        self.events.iter().filter(dropped).count()
    }

    pub fn not_sent(&self, name: &str) -> usize {
        let lost = |(_, event): &&(Instant, Event)| matches!(event, Event::NotSent(lost) if lost.reason.name() == name);
        self.events.iter().filter(lost).count()
    }
}

impl Scene {
    pub fn of(actors: Vec<Actor>) -> Self {
        let mut scene = Self {
            actors,
            now: Instant::ZERO,
            air: VecDeque::new(),
            lost: Box::new(|_| false),
            early: false,
            next_fix: Instant::ZERO,
        };
        for index in 0..scene.actors.len() {
            scene.feed(index, Input::Clock { wire: anchor().wire, state: ClockState::Locked });
        }
        scene.run_to(Instant::ZERO);
        scene
    }

    /// Cars that send nothing of themselves, 20 m apart, at 15 m/s; number 0 first.
    pub fn convoy(count: u32) -> Self {
        let authority = Authority::new();
        let car = |n: u32| Actor::new(quiet(), authority.identity(n + 1), -20.0 * f64::from(n), 15.0);
        Self::of((0..count).map(car).collect())
    }

    pub fn run(&mut self, millis: u64) {
        self.run_to(self.now + Duration::from_millis(millis));
    }

    pub fn run_to(&mut self, end: Instant) {
        loop {
            let arrival = self.air.front().map(|(at, ..)| *at);
            let due = self
                .actors
                .iter()
                .map(|actor| actor.deadline)
                .chain(arrival)
                .fold(self.next_fix, Instant::min);
            if due > end {
                break;
            }
            if self.early && due > self.now {
                self.now = self.now + due.since(self.now) / 2;
                (0..self.actors.len()).for_each(|index| self.feed(index, Input::Timeout));
            }
            self.now = self.now.max(due);
            if self.now >= self.next_fix {
                self.next_fix = self.next_fix + Duration::from_millis(100);
                (0..self.actors.len()).for_each(|index| self.renew_fix(index));
            } else if arrival.is_some_and(|at| at <= self.now) {
                let Some((_, from, bytes)) = self.air.pop_front() else { continue };
                for index in (0..self.actors.len()).filter(|index| *index != from) {
                    self.feed(index, frame(&bytes, address(from as u32)));
                }
            } else {
                for index in 0..self.actors.len() {
                    if self.actors[index].deadline <= self.now {
                        self.feed(index, Input::Timeout);
                    }
                }
            }
        }
        self.now = end;
    }

    fn renew_fix(&mut self, index: usize) {
        let actor = &self.actors[index];
        let Input::Fix(Some(place)) = fix(self.now, actor.place(self.now)) else { unreachable!() };
        let speed = Some((actor.speed * 100.0) as u16);
        self.feed(index, Input::Fix(Some(Fix { speed, ..place })));
    }

    pub fn feed(&mut self, index: usize, input: Input) {
        let actor = &mut self.actors[index];
        actor.node.handle_input(self.now, input);
        let Actor { node, sent, events, transcript, deadline, .. } = actor;
        (*deadline, _) = drain(node, |output| {
            transcript::write(&output, transcript);
            match output {
                Output::Transmit(transmit) => {
                    if !(self.lost)(&transmit) {
                        self.air.push_back((
                            self.now + Duration::from_micros(500),
                            index,
                            transmit.bytes.clone(),
                        ));
                    }
                    sent.push((self.now, transmit));
                }
                Output::Event(event) => events.push((self.now, event)),
                Output::Timeout(..) => {}
            }
        });
    }

    /// Hands a command to a station: the event it was carried out on, or why not.
    pub fn command(&mut self, index: usize, command: HazardCommand) -> Result<EventId, HazardRefusal> {
        let before = self.actors[index].events.len();
        self.feed(index, Input::Hazard { command, token: None });
        let answers: Vec<_> = self.actors[index].events[before..]
            .iter()
            .filter_map(|(_, event)| match event {
                Event::HazardAccepted { id, .. } => Some(Ok(*id)),
                Event::HazardRefused { refusal, .. } => Some(Err(*refusal)),
                _ => None,
            })
            .collect();
        assert_eq!(answers.len(), 1, "one answer while the command is handled");
        answers[0]
    }

    pub fn declare(&mut self, index: usize, draft: HazardDraft) -> EventId {
        self.command(index, HazardCommand::New(draft)).unwrap()
    }
}
