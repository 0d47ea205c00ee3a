//! What applications of a world's stations send, and when.

use prost::Message as _;
use v2x_core::{Input, Instant, Position, SendRequest};
use v2x_proto::{AreaView, Class, Digest, v1};

use super::{Due, World, wire_at};

/// Something an application of a station sends at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// When, ns.
    pub at_ns: u64,
    /// Who.
    pub by: By,
    /// What.
    pub content: Content,
    /// Deadline class.
    pub class: Class,
    /// How long it means something, ms.
    pub lifetime_ms: u32,
    /// Hops it may travel.
    pub max_hops: u8,
    /// Where it concerns anyone.
    pub area: Option<AreaView>,
    /// When it was due, when that was before, ns.
    pub due_ns: Option<u64>,
}

/// Whose application sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// This station's.
    Station(u32),
    /// That of the vehicle, or whatever else has a node, which is nearest to a place then.
    Nearest(Position),
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A hazard found just now, where the sender is.
    Hazard {
        /// Which event of the run: other numbers are other events.
        number: u32,
        /// TS 102 894-2 CauseCodeType.
        cause: u8,
        /// Its sub-cause.
        sub_cause: u8,
        /// How long it stands, s.
        validity_s: u32,
    },
    /// The state of an intersection whose only group shows red.
    SignalState {
        /// Which intersection.
        intersection: u32,
    },
}

impl World {
    /// Has applications send. To be called before anything happened.
    pub fn assign(&mut self, errands: Vec<Errand>) {
        for (number, errand) in errands.iter().enumerate() {
            self.schedule.push(errand.at_ns, Due::Errand(number as u32));
        }
        self.errands = errands;
    }

    pub(super) fn run_errand(&mut self, number: u32, now_ns: u64) {
        let errand = &self.errands[number as usize];
        let Some(station) = self.sender(errand.by) else { return };
        let Some(position) = self.places.position(station) else { return };
        let (message_type, payload) = match errand.content {
            Content::Hazard { number, cause, sub_cause, validity_s } => {
                let origin = self.stations[station as usize].signer();
                let hazard = hazard(origin, number, position, now_ns, (cause, sub_cause), validity_s);
                (v1::MessageType::Hazard, hazard.encode_to_vec())
            }
            Content::SignalState { intersection } => {
                (v1::MessageType::SignalState, signal_state(intersection, now_ns).encode_to_vec())
            }
        };
        let subject = match errand.content {
            Content::Hazard { .. } => 0,
            Content::SignalState { intersection } => intersection,
        };
        let request = SendRequest {
            message_type: message_type as u32,
            class: errand.class,
            lifetime_ms: errand.lifetime_ms,
            max_hops: errand.max_hops,
            area: errand.area,
            subject,
            due: errand.due_ns.map(Instant::from_nanos),
            token: None,
            payload: payload.into(),
        };
        self.input(station, now_ns, Input::Send(request));
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

fn hazard(
    origin: Option<Digest>,
    number: u32,
    position: Position,
    now_ns: u64,
    (cause, sub_cause): (u8, u8),
    validity_s: u32,
) -> v1::Hazard {
    let micros = wire_at(now_ns).as_micros();
    v1::Hazard {
        id: Some(v1::EventId { origin: origin.unwrap_or_default().0.to_vec().into(), number }),
        state: v1::HazardState::New as i32,
        detection_time_us: micros,
        reference_time_us: micros,
        position: Some(v1::Position {
            latitude: position.latitude,
            longitude: position.longitude,
            ..v1::Position::default()
        }),
        cause: u32::from(cause),
        sub_cause: u32::from(sub_cause),
        validity_s: Some(validity_s),
        ..v1::Hazard::default()
    }
}

fn signal_state(intersection: u32, now_ns: u64) -> v1::SignalState {
    v1::SignalState {
        intersection_id: intersection,
        state_time_us: wire_at(now_ns).as_micros(),
        groups: vec![v1::SignalGroup {
            group: 1,
            phase: v1::SignalPhase::StopAndRemain as i32,
            ..v1::SignalGroup::default()
        }],
        ..v1::SignalState::default()
    }
}
