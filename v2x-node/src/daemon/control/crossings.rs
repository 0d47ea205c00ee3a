//! Intersections heard, as programs are told of them: of vehicles and of roadside units alike.

use std::collections::BTreeMap;

use v2x_api::{IntersectionSignals, SignalGroup, SignalLane};
use v2x_apps::Moment;
use v2x_apps::infrastructure::signal::phase_name;
use v2x_apps::infrastructure::{IntersectionId, Intersections, Refusal, Speaker, Unknown};
use v2x_apps::limits;
use v2x_core::{Event, Position, Received, Transmit, WireTime};
use v2x_proto::link::Origin;
use v2x_proto::payload::{self, Message};
use v2x_proto::{Class, v1};

use super::message_view::signed;
use super::view::{degrees, tenth};

/// The intersections whose maps or signals were heard, or are sent by this station.
#[derive(Debug, Default)]
pub struct Crossings {
    /// Decides what is believed.
    table: Intersections,
    heard: BTreeMap<IntersectionId, Crossing>,
}

/// What was believed of an intersection.
#[derive(Debug, Default)]
struct Crossing {
    /// By fragment, of one revision.
    map: BTreeMap<u32, v1::IntersectionMap>,
    state: Option<v1::SignalState>,
    /// Something has changed since the programs were told.
    changed: bool,
}

impl Crossings {
    /// Takes an event of the station; those that are no maps or states cost a comparison.
    pub fn event(&mut self, event: &Event, at: Moment) {
        let Event::Received(Received { verified: true, suspect: false, message_type, .. }) = event else {
            return;
        };
        if let (true, Event::Received(received)) = (is_of_an_intersection(*message_type), event) {
            let speaker = Speaker { signer: received.id.signer, place: received.position };
            self.hear(*message_type, received.payload.clone(), speaker, at);
        }
    }

    /// The station itself has sent a frame: a unit's own maps and states count too.
    pub fn transmitted(&mut self, frame: &Transmit, at: Moment) {
        if frame.origin != Origin::Own || frame.class != Class::D4 {
            return;
        }
        let Some((tbs, place)) = signed(&frame.bytes) else { return };
        if is_of_an_intersection(tbs.message_type) {
            let payload = bytes::Bytes::copy_from_slice(tbs.payload);
            self.hear(tbs.message_type, payload, Speaker { signer: frame.id.signer, place }, at);
        }
    }

    /// Once a second: forgets what was not heard for long.
    pub fn expire(&mut self, at: Moment) {
        if !self.heard.is_empty() {
            self.table.expire(at.now);
            let table = &self.table;
            self.heard.retain(|id, _| table.find(*id).is_some());
        }
    }

    /// All of them, with their lanes, by name.
    pub fn all(&self, wire: WireTime) -> Vec<IntersectionSignals> {
        self.heard.iter().map(|(id, crossing)| self.view(*id, crossing, wire, true)).collect()
    }

    /// Those of which something has changed since the last call, without their lanes.
    pub fn take_changed(&mut self, wire: WireTime) -> Vec<IntersectionSignals> {
        let changed =
            |(id, one): (&IntersectionId, &mut Crossing)| core::mem::take(&mut one.changed).then_some(*id);
        let changed: Vec<_> = self.heard.iter_mut().filter_map(changed).collect();
        changed.into_iter().map(|id| self.view(id, &self.heard[&id], wire, false)).collect()
    }

    /// Nobody is told of what has changed: whoever asks later begins with all of it.
    pub fn forget_changes(&mut self) {
        self.heard.values_mut().for_each(|crossing| crossing.changed = false);
    }

    fn hear(&mut self, message_type: u32, payload: bytes::Bytes, speaker: Speaker, at: Moment) {
        match payload::decode(message_type, payload) {
            Ok(Message::IntersectionMap(map)) => {
                let id = IntersectionId { region: map.region_id as u16, number: map.intersection_id };
                if self.table.hear_map(&map, speaker, at.now).is_ok()
                    && let Some(crossing) = self.entry(id)
                {
                    let other = |old: &v1::IntersectionMap| old.revision != map.revision;
                    if crossing.map.values().next().is_some_and(other) {
                        crossing.map.clear();
                    }
                    crossing.changed |= crossing.map.insert(map.fragment, map.clone()) != Some(map);
                }
            }
            Ok(Message::SignalState(state)) => {
                let id = IntersectionId { region: state.region_id as u16, number: state.intersection_id };
                let contested = match self.table.hear_state(state.clone(), speaker, at) {
                    Ok(()) => false,
                    Err(Refusal::Contested) => true,
                    Err(_) => return,
                };
                if let Some(crossing) = self.entry(id) {
                    crossing.changed |=
                        contested || !crossing.state.as_ref().is_some_and(|old| same(old, &state));
                    crossing.state = Some(state);
                }
            }
            _ => {}
        }
    }

    fn entry(&mut self, id: IntersectionId) -> Option<&mut Crossing> {
        if self.heard.len() >= limits::MAX_INTERSECTIONS && !self.heard.contains_key(&id) {
            let table = &self.table;
            self.heard.retain(|id, _| table.find(*id).is_some());
        }
        self.table.find(id)?;
        Some(self.heard.entry(id).or_default())
    }

    fn view(
        &self,
        id: IntersectionId,
        crossing: &Crossing,
        wire: WireTime,
        lanes: bool,
    ) -> IntersectionSignals {
        let contested = self.table.find(id).is_some_and(|known| known.is_contested());
        let first = crossing.map.values().next();
        let reference = first.and_then(|map| map.reference.as_ref());
        let state = crossing.state.as_ref();
        let made = |state: &v1::SignalState| WireTime::from_micros(state.state_time_us);
        let of_map = |map: &v1::IntersectionMap| {
            let reference = map.reference.as_ref()?;
            let plane = Position::new(reference.latitude, reference.longitude)?;
            Some(map.lanes.iter().map(|one| lane(one, plane)).collect::<Vec<_>>())
        };
        IntersectionSignals {
            intersection: id.number,
            region: id.region,
            latitude_deg: reference.map(|place| degrees(place.latitude)),
            longitude_deg: reference.map(|place| degrees(place.longitude)),
            revision: first.map(|map| map.revision),
            contested,
            age_ms: state.map(|state| tenth(wire.since(made(state)).as_secs_f64() * 1000.0)),
            groups: state.map_or_else(Vec::new, |state| {
                let unknown = if contested {
                    Some(Unknown::Contested)
                } else {
                    (wire.since(made(state)) > limits::MAX_SIGNAL_AGE).then_some(Unknown::Stale)
                };
                let age = wire.since(made(state)).as_secs_f64();
                state.groups.iter().map(|one| group(one, age, unknown)).collect()
            }),
            lanes: if lanes {
                crossing.map.values().filter_map(of_map).flatten().collect()
            } else {
                Vec::new()
            },
        }
    }
}

fn is_of_an_intersection(message_type: u32) -> bool {
    message_type == v1::MessageType::SignalState as u32
        || message_type == v1::MessageType::IntersectionMap as u32
}

/// Whether the signals show the same; when they were looked at does not count.
fn same(old: &v1::SignalState, new: &v1::SignalState) -> bool {
    let shows = |state: &v1::SignalState| {
        state.groups.iter().map(|group| (group.group, group.phase)).collect::<Vec<_>>()
    };
    old.status == new.status && old.map_revision == new.map_revision && shows(old) == shows(new)
}

/// A group as its state, made `age_s` ago, has it.
fn group(group: &v1::SignalGroup, age_s: f64, unknown: Option<Unknown>) -> SignalGroup {
    let end = |mark: Option<u32>| {
        mark.filter(|_| unknown.is_none()).map(|mark| tenth((f64::from(mark) / 10.0 - age_s).max(0.0)))
    };
    SignalGroup {
        group: u8::try_from(group.group).unwrap_or_default(),
        shows: unknown.map_or_else(|| phase_name(group.phase()), Unknown::name).to_owned(),
        min_end_s: end(group.min_end),
        max_end_s: end(group.max_end),
        likely_end_s: end(group.likely_end),
    }
}

fn lane(lane: &v1::Lane, reference: Position) -> SignalLane {
    let (mut east, mut north) = (0.0, 0.0);
    let points = lane.delta_east_cm.iter().zip(&lane.delta_north_cm).map(|(x, y)| {
        east += f64::from(*x) / 100.0;
        north += f64::from(*y) / 100.0;
        let place = reference.moved(east, north);
        [degrees(place.latitude), degrees(place.longitude)]
    });
    let kind = lane.kind();
    SignalLane {
        lane: u8::try_from(lane.lane).unwrap_or_default(),
        kind: kind.as_str_name().trim_start_matches("LANE_KIND_").to_lowercase(),
        approach: !matches!(kind, v1::LaneKind::VehicleEgress | v1::LaneKind::Crosswalk),
        points: points.collect(),
        group: lane
            .connects_group
            .iter()
            .find(|group| **group > 0)
            .and_then(|group| u8::try_from(*group).ok()),
    }
}
