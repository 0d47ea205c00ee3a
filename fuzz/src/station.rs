//! A whole station under a script: frames with valid signatures, broken ones, inputs of every kind, and time.
//!
//! What is held after each step is in `promises`; how the frames are made, in `air`.

mod air;
mod promises;

use bytes::Bytes;
use core::hash::Hasher;
use prost::Message as _;
use std::hash::DefaultHasher;
use testkit::{PLACE, START, anchor};
use v2x_core::{
    ClockState, Config, Fix, Host, Imminent, Input, Instant, Node, Output, Plausibility, Position,
    ReceivedFrame, RevocationRequest, Scheme, Way, limits, revoke,
};
use v2x_proto::v1;
use v2x_recording::record;

use self::air::Air;
use self::promises::Promises;
use crate::script::{Revoke, Step};
use crate::signer::{SERIES, SealHost, World, world};

/// Plays a script to a station. Its first two bytes choose the configuration, and whether it is played twice.
pub fn run(script: &[u8]) {
    let Some((&[role, more], script)) = script.split_first_chunk() else { return };
    let twice = more & TWICE == TWICE;
    let once = play(role, more, script, twice);
    if twice {
        assert_eq!(once, play(role, more, script, true), "the same inputs, the same outputs");
    }
}

/// Plays it, and returns a hash of all outputs when one is wanted.
fn play(role: u8, more: u8, mut script: &[u8], hash: bool) -> u64 {
    let mut station = Station::new(role, more, Box::new(SealHost));
    station.outputs = hash.then(DefaultHasher::new);
    for _ in 0..MAX_STEPS {
        let Some(step) = Step::read(&mut script) else { break };
        station.suffer(&step);
    }
    // Longer than a frame waits for its credential or for its signature to be checked.
    station.pass_to(station.now.as_nanos() + SECOND);
    station.promises.all_ended(&station.node);
    station.outputs.map_or(0, |outputs| outputs.finish())
}

/// A station, and what was on the air about it.
#[derive(Debug)]
pub(crate) struct Station {
    world: &'static World,
    pub(crate) node: Node,
    pub(crate) now: Instant,
    deadline: Instant,
    /// Time that may still pass, so that one input ends soon.
    patience_ns: u64,
    place: Position,
    air: Air,
    promises: Promises,
    outputs: Option<DefaultHasher>,
}

impl Station {
    pub(crate) fn new(role: u8, more: u8, host: Box<dyn Host>) -> Self {
        Self::with(config(role), more, role & 0x40 != 0, world(), host)
    }

    /// A station of this configuration, in a world.
    pub(crate) fn with(
        config: Config,
        more: u8,
        pseudonyms: bool,
        world: &'static World,
        host: Box<dyn Host>,
    ) -> Self {
        let (own, trust) = (world.own(pseudonyms), world.authority.trust.clone());
        let node = Node::with_host(config, own, trust, u64::from(more), anchor(), host);
        let mut station = Self {
            world,
            node,
            now: Instant::ZERO,
            deadline: Instant::ZERO,
            patience_ns: 6 * SECOND,
            place: PLACE,
            air: Air::new(world),
            promises: Promises::default(),
            outputs: None,
        };
        station.drain();
        if more & 1 == 0 {
            station.input(Input::Clock { wire: START, state: ClockState::Locked });
        }
        if more & 2 == 0 {
            station.drive((0, 0), 1389, 900);
        }
        station
    }

    pub(crate) fn suffer(&mut self, step: &Step<'_>) {
        match *step {
            Step::Pass(millis) => self.pass_to(self.now.as_nanos() + u64::from(millis) * MILLISECOND),
            Step::Sleep(units) => {
                self.now = Instant::from_nanos(self.now.as_nanos() + u64::from(units) * 100 * MILLISECOND);
                self.input(Input::Timeout);
            }
            Step::Drive(east, north, speed, heading) => self.drive((east, north), speed, heading),
            Step::Input(bytes) => {
                if let Ok(Ok((_, input))) = v1::RecordedInput::decode(bytes).map(record::decode) {
                    self.input(input);
                }
            }
            Step::Revoke(revoke) => self.revoke(&revoke),
            Step::Back(millis) => {
                let now = self.now;
                self.now =
                    Instant::from_nanos(now.as_nanos().saturating_sub(u64::from(millis) * MILLISECOND));
                self.input(Input::Timeout);
                self.now = now;
            }
            Step::Idle() => self.idle(),
            Step::Fields(..)
            | Step::Signed(..)
            | Step::Raw(..)
            | Step::Again(..)
            | Step::Beacon(..)
            | Step::Hazard(..)
            | Step::Relay(..)
            | Step::Template(..)
            | Step::Crowd(..) => {
                let wire = self.node.anchor().wire_at(self.now);
                for (bytes, link) in self.air.frames(step, wire) {
                    self.hear(bytes, link);
                }
            }
        }
    }

    pub(crate) fn hear(&mut self, bytes: Bytes, link: [u8; 6]) {
        self.promises.hear(&bytes);
        self.air.remember(bytes.clone());
        let signal_dbm = (link[5] & 0x80 != 0).then_some(-60);
        self.input(Input::Frame(ReceivedFrame {
            bytes,
            link_source: link,
            kernel_receive: None,
            user_receive: None,
            signal_dbm,
            // From this address nothing comes by air.
            way: if link[5] == u8::MAX { Way::Afar(u16::from(u8::MAX)) } else { Way::Air },
        }));
    }

    /// A delta that names some of the signers, from one of them or in another way.
    fn revoke(&mut self, how: &Revoke) {
        let Some(delta) = self.delta(how) else { return };
        if how.carrier == 255 {
            return self.input(Input::Revocation(delta));
        }
        let wire = self.node.anchor().wire_at(self.now);
        let (bytes, link) = self.air.delta(how.carrier, &delta, wire);
        self.hear(bytes, link);
    }

    fn delta(&self, how: &Revoke) -> Option<Bytes> {
        let now_s = (self.node.anchor().wire_at(self.now).as_micros() / 1_000_000) as u32;
        let issued_s = now_s.saturating_sub_signed(how.age_s.into());
        let named = (0..16_u8).filter(|bit| how.named & 1 << bit != 0);
        let request = RevocationRequest {
            series: SERIES + u32::from(how.series),
            from_number: how.from_number.into(),
            to_number: how.to_number.into(),
            issued_s,
            next_s: issued_s + 60,
            whole_series: how.whole & 1 != 0,
            digests: named.map(|number| self.world.signer(number).digest).collect(),
        };
        revoke(&self.world.authority.issuer, &self.world.authority.issuer_key, &request).ok()
    }

    pub(crate) fn drive(&mut self, by: (i16, i16), speed: u16, heading: u16) {
        self.place = self.place.moved(f64::from(by.0), f64::from(by.1));
        let time = self.node.anchor().wire_at(self.now);
        self.input(Input::Fix(Some(Fix {
            position: self.place,
            altitude_cm: None,
            speed: Some(speed),
            heading: Some(heading % 3600),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time,
        })));
    }

    fn input(&mut self, input: Input) {
        self.promises.before(&self.node, self.now, &input);
        self.node.handle_input(self.now, input);
        self.drain();
    }

    /// An early timeout, and another: neither changes anything.
    fn idle(&mut self) {
        self.input(Input::Timeout);
        if self.deadline <= self.now {
            return;
        }
        let deadline = self.deadline;
        self.node.handle_input(self.now, Input::Timeout);
        let output = self.node.poll_output();
        let rests = matches!(output, Output::Timeout(at, _) if at == deadline);
        assert!(rests, "an early timeout changed something: {output:?} instead of {deadline:?}");
    }

    /// Keeps every deadline up to a time, within a bound on the number of steps.
    pub(crate) fn pass_to(&mut self, end_ns: u64) {
        let spent = end_ns.saturating_sub(self.now.as_nanos()).min(self.patience_ns + SECOND);
        self.patience_ns = self.patience_ns.saturating_sub(spent);
        let end = Instant::from_nanos(self.now.as_nanos() + spent);
        let mut turns = 0;
        while self.deadline <= end {
            self.now = self.now.max(self.deadline);
            self.input(Input::Timeout);
            turns += 1;
            assert!(turns < MAX_TURNS, "deadlines do not come to rest");
        }
        self.now = end;
        self.input(Input::Timeout);
    }

    fn drain(&mut self) {
        for _ in 0..=limits::MAX_OUTPUTS {
            let output = self.node.poll_output();
            if let Some(outputs) = &mut self.outputs {
                outputs.write(format!("{output:?}").as_bytes());
            }
            match output {
                Output::Transmit(transmit) => {
                    self.promises.transmitted(&transmit);
                    self.air.remember(transmit.bytes);
                }
                Output::Event(event) => self.promises.happened(&event),
                Output::Timeout(at, _) => {
                    self.deadline = at;
                    return self.promises.hold(&self.node);
                }
            }
        }
        panic!("more outputs than a node may hold");
    }
}

fn config(role: u8) -> Config {
    let pick = |shift: u8| usize::from(role >> shift & 3);
    Config {
        test: role & 2 != 0,
        forwarding: [Scheme::Roadcast, Scheme::Etsi, Scheme::Flooding, Scheme::Off][pick(2)],
        plausibility: [Plausibility::Enforce, Plausibility::Flag, Plausibility::Off, Plausibility::Enforce]
            [pick(4)],
        imminent: if role & 0x80 == 0 { Imminent::Lab } else { Imminent::Regulated },
        sample_far_awareness: (role & 0x80 != 0).then_some(2),
        max_neighbours: 16,
        ..if role & 1 == 0 { Config::vehicle() } else { Config::roadside() }
    }
}

pub(crate) const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;
const MAX_STEPS: usize = 200;
/// Far above what the patience of a script takes of a station with every mechanism awake.
const MAX_TURNS: usize = 50_000;
/// Bits of the second byte of a script that is played twice.
const TWICE: u8 = 0x70;

#[cfg(test)]
mod tests {
    use v2x_core::Virtual;
    use v2x_proto::Class;

    use super::*;
    use crate::seeds;

    /// What the station knows after this many steps of one of the committed scripts.
    fn after(seed: &str, steps: usize) -> Station {
        let scripts = seeds::of("node");
        let (_, script) = scripts.iter().find(|(name, _)| name == seed).unwrap();
        let (&[role, more], mut script) = script.split_first_chunk().unwrap();
        let mut station = Station::new(role, more, Box::new(SealHost));
        for step in std::iter::from_fn(|| Step::read(&mut script)).take(steps) {
            station.suffer(&step);
        }
        // What came last is verified too.
        station.pass_to(station.now.as_nanos() + 100 * MILLISECOND);
        station
    }

    #[test]
    fn signatures_of_the_scripts_are_valid_and_their_messages_believed() {
        assert_eq!(after("beacons", MAX_STEPS).node.neighbours().count(), 2);
        assert!(after("flood", MAX_STEPS).node.hazards().any(|known| !known.own && known.class == Class::D3));
        assert!(after("alert", MAX_STEPS).node.hazards().any(|known| !known.own && known.class == Class::D0));
        assert!(after("own_events", 2).node.hazards().any(|known| known.own));
        assert_eq!(after("revocation", MAX_STEPS).node.neighbours().count(), 0, "both were revoked");
    }

    /// A seal is no signature: under the strict rule a station believes none of these frames.
    #[test]
    fn only_the_fuzzer_s_host_takes_a_seal_for_a_signature() {
        let scripts = seeds::of("node");
        let (_, script) = scripts.iter().find(|(name, _)| name == "beacons").unwrap();
        let (&[role, more], mut script) = script.split_first_chunk().unwrap();
        let mut station = Station::new(role, more, Box::new(Virtual));
        while let Some(step) = Step::read(&mut script) {
            station.suffer(&step);
        }
        assert_eq!(station.node.neighbours().count(), 0);
    }
}
