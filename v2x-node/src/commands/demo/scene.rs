//! The demo's second scene: a car that lies, and an accident that floods an area. And all the while, a
//! signal that counts down.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use v2x_apps::infrastructure::signal::phase_name;
use v2x_core::{Event, HazardChange, Instant, Received, TrustLevel, WireTime};
use v2x_proto::{Class, Digest, cause, v1};
use v2x_report::human;

/// What there is to tell of it.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Stations with lower numbers are vehicles.
    vehicles: u32,
    liar: Digest,
    /// Stations that took a message of the liar, those that suspected it, and those that isolated it.
    believed: BTreeSet<u32>,
    suspected: BTreeSet<u32>,
    isolated: BTreeSet<u32>,
    refused: u64,
    accident: Option<Accident>,
    signal: Option<Countdown>,
    next_look: Instant,
}

/// The accident.
#[derive(Debug)]
struct Accident {
    by: u32,
    declared: Instant,
    radius_m: u32,
    /// Stations in the area when it was declared.
    meant: BTreeSet<u32>,
    /// When each of them knew, ns after it was due.
    known: BTreeMap<u32, u64>,
}

/// A signal as a car hears it.
#[derive(Clone, Copy, Debug)]
struct Countdown {
    intersection: u32,
    phase: v1::SignalPhase,
    ends: WireTime,
    by: u32,
    distance_m: f32,
}

impl Scene {
    /// Nothing has happened. `liar` is the name by which the car that lies will sign.
    pub(super) fn new(vehicles: u32, liar: Digest) -> Self {
        Self {
            vehicles,
            liar,
            believed: BTreeSet::new(),
            suspected: BTreeSet::new(),
            isolated: BTreeSet::new(),
            refused: 0,
            accident: None,
            signal: None,
            next_look: Instant::ZERO,
        }
    }

    /// What those who know most think of the car that lies, by name.
    #[cfg(feature = "web")]
    pub(super) fn standing_of_liar(&self) -> &'static str {
        if !self.isolated.is_empty() {
            TrustLevel::Isolated.name()
        } else if !self.suspected.is_empty() {
            TrustLevel::Suspect.name()
        } else {
            TrustLevel::Trusted.name()
        }
    }

    /// Whether this is the name of the car that lies.
    pub(super) fn is_liar(&self, signer: Digest) -> bool {
        signer == self.liar
    }

    /// An accident is declared, which was due at `declared`, for `meant`.
    pub(super) fn accident(&mut self, by: u32, declared: Instant, radius_m: u32, meant: BTreeSet<u32>) {
        self.accident = Some(Accident { by, declared, radius_m, meant, known: BTreeMap::new() });
    }

    /// An event of honest station `number`.
    pub(super) fn event(&mut self, number: u32, event: &Event, now: Instant) {
        match event {
            Event::Received(received) if received.id.signer == self.liar => {
                self.believed.insert(number);
            }
            Event::Dropped(dropped) if dropped.claimed.is_some_and(|id| id.signer == self.liar) => {
                self.refused += 1;
            }
            Event::Suspicion(change) if change.digest == self.liar => match change.standing {
                TrustLevel::Trusted => {}
                TrustLevel::Suspect => drop(self.suspected.insert(number)),
                TrustLevel::Isolated => drop(self.isolated.insert(number)),
            },
            Event::Hazard(changed)
                if changed.change == HazardChange::New
                    && changed.event.class == Class::D3
                    && changed.event.cause == cause::ACCIDENT =>
            {
                if let Some(accident) = self.accident.as_mut().filter(|one| one.meant.contains(&number)) {
                    accident.known.entry(number).or_insert(now.nanos_since(accident.declared));
                }
            }
            _ => {}
        }
    }

    /// A signal's state as station `number` received it from `distance_m`: those that vehicles hear near by count, one of
    /// them twice a second.
    pub(super) fn signal(&mut self, number: u32, received: &Received, distance_m: f32, now: Instant) {
        let wanted = received.message_type == v1::MessageType::SignalState as u32
            && number < self.vehicles
            && distance_m < NEAR_M;
        if !wanted || now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        let Ok(state) = v1::SignalState::decode(received.payload.clone()) else { return };
        let Some(group) = state.groups.first() else { return };
        let Some(left) = group.likely_end else { return };
        self.signal = Some(Countdown {
            intersection: state.intersection_id,
            phase: group.phase(),
            ends: WireTime::from_micros(state.state_time_us) + Duration::from_millis(u64::from(left) * 100),
            by: number,
            distance_m,
        });
    }

    /// What there is to tell at `wire`, at most a line of 80 columns each.
    pub(super) fn lines(&self, wire: WireTime) -> Vec<String> {
        let signal = self.signal.as_ref().map(|signal| signal.line(wire));
        let accident = self.accident.as_ref().map(Accident::line);
        signal.into_iter().chain(self.liar_line()).chain(accident).collect()
    }

    /// What happened so far, in the order in which it began.
    pub(super) fn outcome(&self) -> Vec<String> {
        self.liar_line().into_iter().chain(self.accident.as_ref().map(Accident::line)).collect()
    }

    fn liar_line(&self) -> Option<String> {
        if self.believed.is_empty() && self.refused == 0 {
            return None;
        }
        let heard = self.believed.union(&self.isolated).count();
        let verdict = match (self.suspected.len(), self.isolated.len()) {
            (0, 0) => format!("{heard} heard it"),
            (suspected, 0) => format!("{suspected} of {heard} suspect it"),
            (_, isolated) => {
                let frames = if self.refused == 1 { "frame" } else { "frames" };
                format!("{isolated} of {heard} isolate it, {} {frames} refused", self.refused)
            }
        };
        Some(format!("attack: a car lies about its place; {verdict}"))
    }
}

impl Accident {
    fn line(&self) -> String {
        let Self { by, radius_m, meant, known, .. } = self;
        let reached = match known.values().max() {
            None => "nobody knows yet".to_owned(),
            Some(last) => {
                format!("{} of {} know, the last after {}", known.len(), meant.len(), human::time(*last))
            }
        };
        format!("accident: car {by} warns {radius_m} m around: {reached}")
    }
}

impl Countdown {
    fn line(&self, wire: WireTime) -> String {
        let left = self.ends.since(wire).as_secs_f64();
        let shows = phase_name(self.phase);
        let shows = match self.phase {
            v1::SignalPhase::StopAndRemain => format!("{shows}, green in {left:.1} s"),
            _ => format!("{shows} for {left:.1} s"),
        };
        let Self { intersection, by, distance_m, .. } = self;
        format!("signal {intersection}: {shows}; car {by} hears it from {distance_m:.0} m")
    }
}

/// A signal that a driver may see.
const NEAR_M: f32 = 150.0;
/// How often a signal's state is looked at.
const LOOK: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_core::{Check, DropReason, Dropped, FrameHead, MessageId, Suspicion, Way};

    const LIAR: Digest = Digest([9; 8]);

    #[test]
    fn an_accident_tells_how_many_of_those_it_is_meant_for_know_and_when() {
        let mut scene = Scene::new(10, LIAR);
        assert!(scene.lines(WireTime::from_micros(0)).is_empty());
        scene.accident(7, Instant::from_millis(1000), 500, BTreeSet::from([1, 2, 3]));
        assert_eq!(scene.outcome(), ["accident: car 7 warns 500 m around: nobody knows yet"]);
        let accident = scene.accident.as_mut().unwrap();
        accident.known.extend([(1, 1_500_000), (2, 84_000_000)]);
        let line = "accident: car 7 warns 500 m around: 2 of 3 know, the last after 84.0 ms";
        assert_eq!(scene.outcome(), [line]);
        assert!(line.len() <= 80);
    }

    #[test]
    fn a_liar_is_told_once_it_is_heard_and_who_isolated_it() {
        let mut scene = Scene::new(10, LIAR);
        let claimed = Some(MessageId { signer: LIAR, class: Class::D2, sequence: 1 });
        let dropped = Event::Dropped(Dropped {
            reason: DropReason::Isolated,
            link_source: [0; 6],
            claimed,
            field: None,
            head: FrameHead::default(),
            signal_dbm: None,
            way: Way::Air,
        });
        scene.believed.extend([1, 2]);
        assert_eq!(scene.outcome(), ["attack: a car lies about its place; 2 heard it"]);
        let isolated = Suspicion {
            digest: LIAR,
            standing: TrustLevel::Isolated,
            check: Some(Check::Position),
            score: 0.0,
        };
        let suspect = Suspicion { standing: TrustLevel::Suspect, ..isolated };
        scene.event(1, &Event::Suspicion(suspect), Instant::ZERO);
        assert_eq!(scene.outcome(), ["attack: a car lies about its place; 1 of 2 suspect it"]);
        for number in [1, 2] {
            scene.event(number, &Event::Suspicion(isolated), Instant::ZERO);
            scene.event(number, &dropped, Instant::ZERO);
        }
        let line = "attack: a car lies about its place; 2 of 2 isolate it, 2 frames refused";
        assert_eq!(scene.outcome(), [line]);
        let other = Suspicion { digest: Digest([1; 8]), ..isolated };
        scene.event(3, &Event::Suspicion(other), Instant::ZERO);
        assert_eq!(scene.isolated.len(), 2);
    }

    #[test]
    fn a_signal_counts_down() {
        let ends = WireTime::from_secs(100);
        let signal = Countdown {
            intersection: 1,
            phase: v1::SignalPhase::StopAndRemain,
            ends,
            by: 12,
            distance_m: 80.4,
        };
        let at = |millis: u64| signal.line(WireTime::from_micros(millis * 1000));
        assert_eq!(at(95_800), "signal 1: red, green in 4.2 s; car 12 hears it from 80 m");
        let green = Countdown { phase: v1::SignalPhase::ProtectedGo, ..signal };
        assert_eq!(green.line(ends), "signal 1: green for 0.0 s; car 12 hears it from 80 m");
    }
}
