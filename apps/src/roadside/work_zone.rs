//! Road works as standing hazards: declared when they begin, renewed while they last, ended by their validity.
//!
//! A unit that ends cancels nothing: the works are still there, and it may be back before they are forgotten.

use core::time::Duration;

use v2x_core::{
    EventId, HazardCommand, HazardDraft, HazardRefusal, HazardRepeat, Instant, MAX_VALIDITY, Position,
    WireTime,
};
use v2x_proto::Class;

use crate::roadside::content::WorkZone;

/// The road works of a unit, one command at a time: its outcome comes in the same input.
#[derive(Clone, Debug)]
pub struct WorkZones {
    all: Vec<Zone>,
    /// Whose command waits for its answer, and whether it ends an event.
    asked: Option<(usize, bool)>,
    sending: bool,
}

#[derive(Clone, Debug)]
struct Zone {
    config: WorkZone,
    event: Option<EventId>,
    declared: WireTime,
    next: Instant,
}

impl WorkZones {
    /// None declared yet.
    pub fn new(zones: &[WorkZone], now: Instant) -> Self {
        let zone = |config: &WorkZone| Zone {
            config: config.clone(),
            event: None,
            declared: WireTime::default(),
            next: now,
        };
        Self { all: zones.iter().map(zone).collect(), asked: None, sending: false }
    }

    /// Whether the station sends now: while it does not, nothing is asked of it.
    pub fn set_sending(&mut self, sending: bool) {
        self.sending = sending;
    }

    /// When [`due`](Self::due) has something to do next.
    pub fn next_due(&self) -> Option<Instant> {
        let next = self.all.iter().map(|zone| zone.next).min().filter(|_| self.sending)?;
        (next < Instant::FAR_FUTURE).then_some(next)
    }

    /// What is to be asked of the station at `now`, which is `wire` on the air.
    pub fn due(&mut self, now: Instant, wire: WireTime) -> Option<HazardCommand> {
        if !self.sending {
            return None;
        }
        for (index, zone) in self.all.iter_mut().enumerate().filter(|(_, zone)| zone.next <= now) {
            let command = zone.command(now, wire);
            if let Some(command) = command {
                self.asked = Some((index, matches!(command, HazardCommand::Cancel(_))));
                return Some(command);
            }
        }
        None
    }

    /// The outcome of the command; ignored when none is open.
    pub fn answered(&mut self, answer: Result<EventId, &HazardRefusal>, now: Instant) {
        let Some((index, ended)) = self.asked.take() else { return };
        let Some(zone) = self.all.get_mut(index) else { return };
        match answer {
            // Declared anew at once.
            _ if ended => (zone.event, zone.next) = (None, now),
            Ok(event) => zone.event = Some(event),
            Err(HazardRefusal::Unknown(_)) => (zone.event, zone.next) = (None, now + SOON),
            Err(HazardRefusal::SendingBlocked | HazardRefusal::NotSent(_)) => zone.next = now + SOON,
            Err(_) => zone.next = now + LATER,
        }
    }

    /// The station's events have another name now.
    pub fn renamed(&mut self, old: EventId, new: EventId) {
        for zone in self.all.iter_mut().filter(|zone| zone.event == Some(old)) {
            zone.event = Some(new);
        }
    }
}

impl Zone {
    fn command(&mut self, now: Instant, wire: WireTime) -> Option<HazardCommand> {
        if let Some(from) = self.config.from.filter(|from| wire < *from) {
            // Looked at again once a minute: the clock may be set meanwhile.
            self.next = now + from.since(wire).min(LATER);
            return None;
        }
        let left = self.config.until.map_or(Duration::MAX, |until| until.since(wire));
        // Validity is in whole seconds.
        let validity = Duration::from_secs(self.config.validity.min(left).as_secs());
        if validity.is_zero() {
            self.next = Instant::FAR_FUTURE;
            return None;
        }
        self.next = now + if left <= self.config.validity { left } else { validity / 2 };
        let Some(event) = self.event else {
            self.declared = wire;
            return Some(HazardCommand::New(self.draft(validity)));
        };
        // However often it is renewed, an event lasts a day from its declaration.
        if wire.since(self.declared) + validity > MAX_VALIDITY {
            return Some(HazardCommand::Cancel(event));
        }
        Some(HazardCommand::Update(event, self.draft(validity)))
    }

    fn draft(&self, validity: Duration) -> HazardDraft {
        let WorkZone { area, sub_cause, repeat, keep_alive, .. } = &self.config;
        HazardDraft {
            sub_cause: *sub_cause,
            position: Position::new(area.latitude, area.longitude),
            validity,
            area: Some(*area),
            repeat: Some(HazardRepeat { every: *repeat, during: validity }),
            keep_alive: *keep_alive,
            ..HazardDraft::new(Class::D3, ROADWORKS)
        }
    }
}

/// TS 102 894-2 `CauseCodeType`: roadworks.
const ROADWORKS: u8 = 3;
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_proto::{AreaView, Digest, Shape};

    fn zones(from_s: Option<u64>, until_s: Option<u64>) -> WorkZones {
        let area = AreaView {
            latitude: 496_000_000,
            longitude: 61_000_000,
            shape: Shape::Circle,
            distance_a_m: 300,
            distance_b_m: 0,
            azimuth_deg: 0,
        };
        let time = |seconds: u64| WireTime::from_micros(seconds * 1_000_000);
        let zone = WorkZone {
            sub_cause: 3,
            area,
            from: from_s.map(time),
            until: until_s.map(time),
            validity: Duration::from_secs(600),
            repeat: Duration::from_secs(2),
            keep_alive: Some(Duration::from_secs(5)),
        };
        WorkZones::new(&[zone], Instant::ZERO)
    }

    fn id(number: u32) -> EventId {
        EventId { origin: Digest([7; 8]), number }
    }

    /// Second, what was asked, and for how many seconds it would hold; everything is accepted.
    fn asked(zones: &mut WorkZones, seconds: core::ops::Range<u64>) -> Vec<(u64, &'static str, u64)> {
        zones.set_sending(true);
        let mut all = Vec::new();
        for second in seconds {
            let now = Instant::from_millis(second * 1000);
            let Some(command) = zones.due(now, WireTime::from_micros(second * 1_000_000)) else { continue };
            let (name, draft, event) = match command {
                HazardCommand::New(draft) => ("new", Some(draft), id(1)),
                HazardCommand::Update(event, draft) => ("update", Some(draft), event),
                HazardCommand::Cancel(event) => ("cancel", None, event),
                HazardCommand::Negate(_) => panic!("nothing is negated"),
            };
            if let Some(draft) = &draft {
                assert_eq!((draft.class, draft.cause, draft.sub_cause), (Class::D3, 3, 3));
                assert_eq!(draft.repeat.unwrap().every, Duration::from_secs(2));
            }
            all.push((second, name, draft.map_or(0, |draft| draft.validity.as_secs())));
            zones.answered(Ok(event), now);
            assert!(name == "cancel" || zones.next_due().is_none_or(|due| due > now));
        }
        all
    }

    #[test]
    fn works_are_declared_and_renewed_at_half_their_validity() {
        assert_eq!(
            asked(&mut zones(None, None), 0..1000),
            [(0, "new", 600), (300, "update", 600), (600, "update", 600), (900, "update", 600)]
        );
    }

    #[test]
    fn works_begin_and_end_when_they_are_said_to() {
        let mut zones = zones(Some(100), Some(1_050));
        assert_eq!(
            asked(&mut zones, 0..2000),
            [(100, "new", 600), (400, "update", 600), (700, "update", 350)]
        );
        assert_eq!(zones.next_due(), None);
    }

    #[test]
    fn works_of_more_than_a_day_are_declared_anew() {
        let all = asked(&mut zones(None, None), 0..90_000);
        let anew: Vec<_> = all.iter().filter(|(_, name, _)| *name != "update").collect();
        assert_eq!(anew, [&(0, "new", 600), &(86_100, "cancel", 0), &(86_101, "new", 600)]);
        assert!(all.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 300), "never without");
    }

    #[test]
    fn a_refusal_is_tried_again_and_a_lost_event_is_declared_anew() {
        let mut zones = zones(None, None);
        assert_eq!((zones.next_due(), zones.due(Instant::ZERO, WireTime::from_micros(1))), (None, None));
        zones.set_sending(true);
        let mut refuse = |second: u64, refusal: HazardRefusal| {
            let now = Instant::from_millis(second * 1000);
            let command = zones.due(now, WireTime::from_micros(1)).unwrap();
            zones.answered(Err(&refusal), now);
            (matches!(command, HazardCommand::New(_)), zones.next_due().unwrap().since(now))
        };
        assert_eq!(refuse(0, HazardRefusal::SendingBlocked), (true, SOON));
        assert_eq!(refuse(1, HazardRefusal::NotPermitted("hazard")), (true, LATER));
        let now = Instant::from_millis(61_000);
        zones.due(now, WireTime::from_micros(1)).unwrap();
        zones.answered(Ok(id(1)), now);
        zones.renamed(id(1), id(2));
        let later = Instant::from_millis(361_000);
        assert!(
            matches!(zones.due(later, WireTime::from_micros(1)), Some(HazardCommand::Update(event, _)) if event == id(2))
        );
        zones.answered(Err(&HazardRefusal::Unknown(id(2))), later);
        let next = later + SOON;
        assert!(matches!(zones.due(next, WireTime::from_micros(1)), Some(HazardCommand::New(_))));
    }

    #[test]
    fn an_answer_to_another_s_command_changes_nothing() {
        let mut zones = zones(None, None);
        zones.answered(Ok(id(9)), Instant::ZERO);
        zones.set_sending(true);
        assert!(matches!(zones.due(Instant::ZERO, WireTime::from_micros(1)), Some(HazardCommand::New(_))));
    }
}
