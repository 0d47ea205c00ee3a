//! The applications of a world's stations at work.

use prost::Message as _;
use v2x_core::{HazardCommand, HazardDraft, Input, Instant, SendRequest};
use v2x_proto::{Class, v1};

use super::World;
use super::clock::wire_at;
use super::errand::{By, Content, Errand};
use super::schedule::Due;

impl World {
    /// Schedules what applications send. Call it before the first event.
    pub fn assign(&mut self, errands: Vec<Errand>) {
        for (number, errand) in errands.iter().enumerate() {
            self.schedule.push(errand.at_ns, Due::Errand(number as u32));
        }
        self.errands = errands;
    }

    pub(super) fn run_errand(&mut self, number: u32, now_ns: u64) {
        let errand = &self.errands[number as usize];
        let Some(station) = self.sender(errand.by) else { return };
        let due = errand.due_ns.map(Instant::from_nanos);
        let input = match &errand.content {
            Content::Hazard(draft) => Input::Hazard {
                command: HazardCommand::New(HazardDraft { due, ..draft.clone() }),
                token: None,
            },
            Content::SignalState { intersection } => Input::Send(signal_state(*intersection, now_ns, due)),
        };
        self.input(station, now_ns, input);
    }

    /// The station that sends, if it is there.
    fn sender(&self, by: By) -> Option<u32> {
        match by {
            By::Station(station) => self.node(station).map(|_| station),
            By::Nearest(place) => {
                let here = |station: &u32| self.node(*station).is_some();
                let distance =
                    |station: u32| self.places.position(station).map(|position| position.distance_m(place));
                let mut nearest: Option<(f64, u32)> = None;
                for station in (0..self.stations.len() as u32).filter(here) {
                    let Some(distance) = distance(station) else { continue };
                    if nearest.is_none_or(|(least, _)| distance < least) {
                        nearest = Some((distance, station));
                    }
                }
                nearest.map(|(_, station)| station)
            }
        }
    }
}

fn signal_state(intersection: u32, now_ns: u64, due: Option<Instant>) -> SendRequest {
    let state = v1::SignalState {
        intersection_id: intersection,
        state_time_us: wire_at(now_ns).as_micros(),
        groups: vec![v1::SignalGroup {
            group: 1,
            phase: v1::SignalPhase::StopAndRemain as i32,
            ..v1::SignalGroup::default()
        }],
        ..v1::SignalState::default()
    };
    SendRequest {
        to: None,
        message_type: v1::MessageType::SignalState as u32,
        class: Class::D4,
        lifetime_ms: STATE_LIFETIME_MS,
        max_hops: 1,
        area: None,
        subject: intersection,
        due,
        token: None,
        payload: state.encode_to_vec().into(),
    }
}

/// A signal state is useless after the deadline of its class.
const STATE_LIFETIME_MS: u32 = 300;
