//! Other stations that speak for the unit's own intersections: their operator is told, because vehicles that hear both
//! believe neither where they differ.

use core::time::Duration;

use v2x_core::{Instant, Position, Received};
use v2x_proto::payload::{self, Message};
use v2x_proto::{Digest, v1};

use crate::roadside::content::Intersection;

/// The stations that were heard to speak for the unit's intersections.
#[derive(Clone, Debug)]
pub(super) struct Rivals {
    own: Vec<(u32, u32)>,
    place: Position,
    heard: Vec<Rival>,
    news: Vec<String>,
}

#[derive(Clone, Debug)]
struct Rival {
    intersection: u32,
    signer: Digest,
    /// What it sends.
    what: &'static str,
    place: Position,
    link: [u8; 6],
    messages: u64,
    last: Instant,
    told: Instant,
}

impl Rivals {
    /// None yet, of a unit at `place`.
    pub(super) fn new(intersections: &[Intersection], place: Position) -> Self {
        let own = intersections.iter().map(|one| (one.id, one.region)).collect();
        Self { own, place, heard: Vec::new(), news: Vec::new() }
    }

    /// Whether messages of this type speak for an intersection.
    pub(super) fn concerns(message_type: u32) -> bool {
        what_of(message_type).is_some()
    }

    /// Another station's message came.
    pub(super) fn hear(&mut self, received: &Received, now: Instant) {
        let Some(what) = what_of(received.message_type).filter(|_| received.verified && !received.suspect)
        else {
            return;
        };
        let id = match payload::decode(received.message_type, received.payload.clone()) {
            Ok(Message::SignalState(state)) => (state.intersection_id, state.region_id),
            Ok(Message::IntersectionMap(map)) => (map.intersection_id, map.region_id),
            Ok(Message::PriorityStatus(status)) => (status.intersection_id, status.region_id),
            _ => return,
        };
        if !self.own.contains(&id) {
            return;
        }
        let signer = received.id.signer;
        let its = |rival: &&mut Rival| (rival.intersection, rival.signer, rival.what) == (id.0, signer, what);
        if let Some(known) = self.heard.iter_mut().find(its) {
            (known.place, known.link, known.last) = (received.position, received.link_source, now);
            known.messages += 1;
            if now.since(known.told) >= TOLD_AGAIN {
                known.told = now;
                let line = known.line(self.place);
                self.news.push(line);
            }
            return;
        }
        if self.heard.len() >= MOST_RIVALS
            && let Some(oldest) = (0..self.heard.len()).min_by_key(|at| self.heard[*at].last)
        {
            self.heard.remove(oldest);
        }
        let (place, link) = (received.position, received.link_source);
        let new = Rival { intersection: id.0, signer, what, place, link, messages: 1, last: now, told: now };
        if self.news.len() < MOST_RIVALS {
            self.news.push(new.line(self.place));
        }
        self.heard.push(new);
    }

    /// A line for each that is new, or goes on.
    pub(super) fn take_news(&mut self) -> Vec<String> {
        core::mem::take(&mut self.news)
    }

    /// Warnings for a report.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        self.heard.iter().map(|rival| format!("{}, {} messages", rival.line(self.place), rival.messages))
    }
}

impl Rival {
    fn line(&self, unit: Position) -> String {
        let Self { intersection, signer, what, place, link, .. } = self;
        let degrees = |unit: i32| f64::from(unit) / 1e7;
        let (latitude, longitude) = (degrees(place.latitude), degrees(place.longitude));
        let [a, b, c, d, e, f] = link;
        format!(
            "intersection {intersection}: station {signer} at {latitude:.5}, {longitude:.5} ({:.0} m from here, link address \
             {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}) sends {what} of it too; vehicles believe neither where the two differ",
            unit.distance_m(*place)
        )
    }
}

fn what_of(message_type: u32) -> Option<&'static str> {
    match v1::MessageType::try_from(message_type as i32) {
        Ok(v1::MessageType::SignalState) => Some("signal states"),
        Ok(v1::MessageType::IntersectionMap) => Some("maps"),
        Ok(v1::MessageType::PriorityStatus) => Some("answers to requests for priority"),
        _ => None,
    }
}

/// Stations remembered: one that does so is an event; of more, the one not heard for longest makes room.
const MOST_RIVALS: usize = 16;
/// One that goes on is told again after this time.
const TOLD_AGAIN: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use prost::Message as _;
    use v2x_core::{MessageId, ReceiveStamps, Way, WireTime};
    use v2x_proto::Class;

    const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn state(intersection_id: u32, signer: u8) -> Received {
        let groups = vec![v1::SignalGroup { group: 1, ..v1::SignalGroup::default() }];
        let state =
            v1::SignalState { intersection_id, state_time_us: 1, groups, ..v1::SignalState::default() };
        Received {
            way: Way::Air,
            confidential: false,
            id: MessageId { signer: Digest([signer; 8]), class: Class::D4, sequence: 1 },
            message_type: v1::MessageType::SignalState as u32,
            generation_time: WireTime::from_micros(1),
            position: PLACE.moved(0.0, 120.0),
            link_source: [2, 0, 0, 0, 0, 9],
            signal_dbm: None,
            forwarder: None,
            frame: Bytes::new(),
            hops: 1,
            permissions: 0,
            verified: true,
            suspect: false,
            payload: Bytes::from(state.encode_to_vec()),
            stamps: ReceiveStamps::default(),
        }
    }

    #[test]
    fn a_station_that_speaks_for_the_unit_s_intersection_is_told_once_with_name_and_place() {
        let mut rivals = Rivals::new(&[Intersection::planned(17, PLACE, Vec::new())], PLACE);
        for step in 0..50 {
            rivals.hear(&state(17, 3), Instant::from_millis(step * 100));
            rivals.hear(&state(18, 3), Instant::from_millis(step * 100));
            rivals.hear(&Received { suspect: true, ..state(17, 4) }, Instant::from_millis(step * 100));
        }
        let line = "intersection 17: station 0303030303030303 at 49.60108, 6.13000 (120 m from here, link address \
                    02:00:00:00:00:09) sends signal states of it too; vehicles believe neither where the two differ";
        assert_eq!(rivals.take_news(), [line]);
        assert_eq!(rivals.warnings().collect::<Vec<_>>(), [format!("{line}, 50 messages")]);
        // However many there are.
        for signer in 10..200 {
            rivals.hear(&state(17, signer), Instant::from_millis(6_000 + u64::from(signer)));
        }
        assert_eq!((rivals.take_news().len(), rivals.warnings().count()), (MOST_RIVALS, MOST_RIVALS));
    }
}
