//! Everything in a daemon that listens to its station: each of them gets every event.

use core::time::Duration;
use std::io;

use v2x_apps::Moment;
use v2x_apps::advice::Advisor;
use v2x_apps::alert::Triggers;
use v2x_core::{Anchor, Event, Instant, Node, Transmit};
use v2x_proto::Class;

use crate::daemon::control::crossings::Crossings;
use crate::daemon::control::feed::EventFeed;
use crate::daemon::control::outbox::Outbox;
use crate::daemon::control::view::View;
use crate::daemon::neighbour_news::NeighbourNews;
use crate::daemon::notices::Notices;
use crate::daemon::roadside::inbox::Inbox;
use crate::daemon::station::{Observer, monotonic};
use crate::daemon::statistics::Statistics;
use crate::daemon::token::Owner;
use crate::log::Line;

/// Those that listen.
#[derive(Debug)]
pub struct Listeners {
    /// Counts and histograms.
    pub statistics: Statistics,
    /// Lines for the operator of the daemon.
    pub notices: Notices,
    /// Neighbours that come and go, for the operator.
    pub neighbours: NeighbourNews,
    /// Events for clients of the control socket.
    pub outbox: Outbox,
    /// The events of which there are many, for those that watch them.
    pub feed: EventFeed,
    /// Intersections heard, for those that ask.
    pub crossings: Crossings,
    /// A vehicle's view of signals and signs.
    pub advisor: Option<Advisor>,
    /// A vehicle's alerts from its own motion.
    pub alerts: Option<Triggers>,
    /// Events for the application of a roadside unit.
    pub inbox: Option<Inbox>,
    anchor: Anchor,
}

impl Listeners {
    /// Those that every daemon has; `anchor` ties signed times to the machine's until
    /// [`set_anchor`](Self::set_anchor).
    pub fn new(anchor: Anchor) -> Self {
        Self {
            statistics: Statistics::new(anchor),
            notices: Notices::default(),
            neighbours: NeighbourNews::default(),
            outbox: Outbox::default(),
            feed: EventFeed::default(),
            crossings: Crossings::default(),
            advisor: None,
            alerts: None,
            inbox: None,
            anchor,
        }
    }

    /// The clock was read anew.
    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        self.statistics.set_anchor(anchor);
    }

    /// Neighbours that came, went or are not believed since the last call, a line each.
    pub fn neighbour_lines(&mut self, node: &Node) -> Vec<Line> {
        let now = monotonic();
        self.neighbours.lines(node.neighbour_table(), &View::of(node, now), now)
    }

    /// Whether something waits to be passed on at once.
    pub fn has_news(&self) -> bool {
        !self.outbox.is_empty()
            || self.feed.has_news()
            || self.inbox.as_ref().is_some_and(|inbox| !inbox.is_empty())
            || self.advisor.as_ref().is_some_and(Advisor::has_news)
    }

    fn hear(&mut self, event: &Event, node: Option<&Node>) {
        self.statistics.event(event);
        self.feed.event(event, node, &self.anchor);
        if let Event::Received(received) = event {
            self.crossings.event(event, Moment::at(received.stamps.delivered, &self.anchor));
        }
        if let (Event::Received(received), Some(advisor)) = (event, &mut self.advisor) {
            advisor.event(event, received.stamps.delivered, &self.anchor);
        }
        if let Some(inbox) = &mut self.inbox {
            inbox.event(event);
        }
        self.neighbours.event(event);
        // Nearly all events are these, and none of the others listens to them.
        if matches!(event, Event::Received(_) | Event::Dropped(_)) {
            return;
        }
        self.outbox.event(event);
        self.notices.event(event);
        if let (Event::PseudonymChanged { .. }, Some(advisor)) = (event, &mut self.advisor) {
            advisor.event(event, monotonic(), &self.anchor);
        }
        if let Some(alerts) = &mut self.alerts {
            let others = match event {
                Event::HazardAccepted { token, .. } | Event::HazardRefused { token, .. } => {
                    !Owner::Alerts.owns(*token)
                }
                _ => false,
            };
            if !others {
                alerts.hear(monotonic(), event);
            }
        }
    }
}

impl Observer for Listeners {
    fn event_of(&mut self, event: &Event, node: &Node) {
        self.hear(event, Some(node));
    }

    fn event(&mut self, event: &Event) {
        self.hear(event, None);
    }

    fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
        self.statistics.transmitted(frame, on_air);
        self.outbox.publishing.transmitted(frame, on_air);
        self.feed.transmitted(frame, on_air);
        self.crossings.transmitted(frame, Moment::at(on_air, &self.anchor));
    }

    fn transmit_failed(&mut self, frame: &Transmit, error: &io::Error) {
        self.statistics.transmit_failed(frame, error);
        self.outbox.publishing.transmit_failed(frame, error);
    }

    fn on_air(&mut self, class: Class, waited: Duration) {
        self.statistics.on_air(class, waited);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use v2x_core::{EventId, Fix, HazardCommand, HazardRefusal, Position, WireTime};

    use v2x_proto::Digest;

    use super::*;

    #[test]
    fn alerts_and_programs_each_hear_of_their_own_commands() {
        let anchor = Anchor { instant: monotonic(), wire: WireTime::from_secs(1000) };
        let mut listeners = Listeners { alerts: Some(Triggers::default()), ..Listeners::new(anchor) };
        let brakes = |listeners: &mut Listeners, now: Instant| {
            let fix = Fix {
                position: Position::default(),
                altitude_cm: None,
                speed: Some(2400),
                heading: Some(0),
                acceleration: Some(-60),
                yaw_rate: None,
                accuracy_cm: Some(100),
                time: anchor.wire_at(now),
            };
            listeners.alerts.as_mut().and_then(|alerts| alerts.observe(now, &fix, []))
        };
        assert!(matches!(brakes(&mut listeners, anchor.instant), Some(HazardCommand::New(_))));
        let [alert, program] = [1, 2].map(|number| EventId { origin: Digest([1; 8]), number });
        let refusal = HazardRefusal::SendingBlocked;
        listeners.event(&Event::HazardRefused { refusal, token: Some(Owner::Control.token(1)) });
        listeners.event(&Event::HazardAccepted { id: alert, token: Some(Owner::Alerts.token(0)) });
        listeners.event(&Event::HazardAccepted { id: program, token: Some(Owner::Control.token(2)) });
        // It repeats its alert, which a refusal would have delayed, and does so under its own name.
        let renewed = brakes(&mut listeners, monotonic() + Duration::from_secs(2));
        assert!(matches!(renewed, Some(HazardCommand::Update(id, _)) if id == alert), "{renewed:?}");
        let outcomes: Vec<_> = core::iter::from_fn(|| listeners.outbox.take_outcome()).collect();
        let expected = [(Owner::Control.token(1), Err(refusal)), (Owner::Control.token(2), Ok(program))];
        assert_eq!(outcomes, expected);
    }
}
