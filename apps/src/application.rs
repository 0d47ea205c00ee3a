//! The interface of all applications beside a station.

use v2x_core::{Event, Fix, Input, Instant, NeighbourTable, VehicleState};

use crate::moment::Moment;

/// An application beside a station: it sees the station's events and position, and makes inputs for it.
///
/// Like the node it has no clock and no socket; the same calls give the same inputs. Its contract:
///
/// 1. Its host shows it the node's events in order, every fix, or its loss, and every state of the vehicle. Events that report the outcome of a
///    command go to the application whose command it was (by the input's token) and to no other.
/// 2. After that, and at the [`deadline`](Self::deadline), it is [polled](Self::poll) until there is nothing. Each input
///    goes to the node, and the events it leads to are shown, before the next poll.
/// 3. Sleeping exactly to the deadline and polling always makes progress.
/// 4. Early or extra polls give nothing.
///
/// # Example
///
/// An application that sends something once a second, and the loop around it:
///
/// ```
/// use core::time::Duration;
///
/// use v2x_apps::{Application, Moment};
/// use v2x_core::{Event, Input, Instant, Node, Output, SendRequest, WireTime};
/// use v2x_proto::{Class, v1::MessageType};
///
/// struct Ping {
///     next: Instant,
/// }
///
/// impl Application for Ping {
///     fn event(&mut self, _event: &Event, _at: Moment) {}
///
///     fn deadline(&self, _at: Moment) -> Option<Instant> {
///         Some(self.next)
///     }
///
///     fn poll(&mut self, at: Moment) -> Option<Input> {
///         let due = self.next;
///         if at.now < due {
///             return None;
///         }
///         self.next = due + Duration::from_secs(1);
///         Some(Input::Send(SendRequest {
///     to: None,
///             message_type: MessageType::Echo as u32,
///             class: Class::D5,
///             lifetime_ms: 1_000,
///             max_hops: 1,
///             area: None,
///             subject: 0,
///             due: Some(due),
///             token: None,
///             payload: Default::default(),
///         }))
///     }
/// }
///
/// /// Does what is due at `now`, and returns when to be called again.
/// fn turn(node: &mut Node, application: &mut dyn Application, now: Instant) -> Option<Instant> {
///     let at = Moment::at(now, &node.anchor());
///     while let Some(input) = application.poll(at) {
///         node.handle_input(now, input);
///         loop {
///             match node.poll_output() {
///                 Output::Event(event) => application.event(&event, at),
///                 Output::Transmit(_frame) => {} // to the link
///                 Output::Timeout(..) => break,
///             }
///         }
///     }
///     application.deadline(at)
/// }
///
/// let mut ping = Ping { next: Instant::ZERO };
/// let at = |millis| Moment { now: Instant::from_millis(millis), wire: WireTime::from_secs(720_000_000) };
/// assert!(ping.poll(at(3)).is_some() && ping.poll(at(3)).is_none());
/// assert_eq!(ping.deadline(at(3)), Some(Instant::from_millis(1_000)));
/// ```
pub trait Application {
    /// Takes an event of the node; most concern no application and cost one comparison.
    fn event(&mut self, event: &Event, at: Moment);

    /// Takes the next position, or its loss, and the neighbours known then.
    fn fix(&mut self, _fix: Option<&Fix>, _neighbours: &NeighbourTable, _at: Moment) {}

    /// Takes what the vehicle's sensors and switches say, and the neighbours known then.
    fn vehicle(&mut self, _state: &VehicleState, _neighbours: &NeighbourTable, _at: Moment) {}

    /// When [`poll`](Self::poll) has something next, as far as that is a matter of time; not after `at` when it has
    /// something already. `None`: only after an event or a fix.
    fn deadline(&self, at: Moment) -> Option<Instant>;

    /// The next input for the node that is due at `at`.
    fn poll(&mut self, at: Moment) -> Option<Input>;
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use v2x_core::{Anchor, HazardRefusal, Position, SendingState, WireTime};
    use v2x_proto::{AreaView, Class, Digest, Shape, v1};

    use super::*;
    use crate::advice::Advisor;
    use crate::alert::Triggers;
    use crate::infrastructure::Infrastructure;
    use crate::load::{Load, LoadGenerator};
    use crate::roadside::Roadside;
    use crate::roadside::content::{Content, Intersection, SignalGroup, WorkZone};

    const ANCHOR: Anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(720_000_000) };
    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn at(millis: u64) -> Moment {
        Moment::at(Instant::from_millis(millis), &ANCHOR)
    }

    fn all() -> Vec<(&'static str, Box<dyn Application>)> {
        let own = Digest([1; 8]);
        let group = SignalGroup { group: 1, green_ms: 2_000, yellow_ms: 1_000, red_ms: 2_000, offset_ms: 0 };
        let content = Content {
            intersections: vec![Intersection::planned(7, HERE, vec![group])],
            work_zones: vec![WorkZone {
                sub_cause: 0,
                area: AreaView {
                    latitude: HERE.latitude,
                    longitude: HERE.longitude,
                    shape: Shape::Circle,
                    distance_a_m: 300,
                    distance_b_m: 0,
                    azimuth_deg: 0,
                },
                from: None,
                until: None,
                validity: Duration::from_secs(10),
                repeat: Duration::from_secs(1),
                keep_alive: None,
            }],
            ..Content::default()
        };
        let load = Load { rate_per_s: 70.0, classes: vec![Class::D2], payload_bytes: 10 };
        let place = v1::Position::default();
        let mut alerts = Triggers::default();
        alerts.emergency = true;
        vec![
            ("signals", Box::new(Infrastructure::new(own))),
            ("advice", Box::new(Advisor::new(own))),
            ("alerts", Box::new(alerts)),
            ("roadside", Box::new(Roadside::new(&content, "unit", place, Instant::ZERO))),
            ("load", Box::new(LoadGenerator::new(&load, Instant::ZERO))),
        ]
    }

    /// Twenty seconds of sleeping to the deadline: each time something is due, and nothing is left.
    #[test]
    fn sleeping_to_the_deadline_makes_progress_and_extra_polls_give_nothing() {
        let neighbours = NeighbourTable::new();
        let mut inputs = Vec::new();
        for (name, mut application) in all() {
            application.event(&Event::Sending(SendingState::Allowed), at(0));
            let (mut now, mut count) = (Instant::ZERO, 0);
            while now < Instant::from_millis(20_000) {
                let moment = Moment::at(now, &ANCHOR);
                if now.as_nanos().is_multiple_of(100_000_000) {
                    let fix = fix(moment.wire);
                    application.fix(Some(&fix), &neighbours, moment);
                }
                while let Some(input) = application.poll(moment) {
                    count += 1;
                    if matches!(input, Input::Hazard { .. }) {
                        let refusal = HazardRefusal::SendingBlocked;
                        application.event(&Event::HazardRefused { refusal, token: None }, moment);
                    }
                }
                assert!(application.poll(moment).is_none(), "{name}");
                let next = application.deadline(moment);
                assert!(next.is_none_or(|next| next > now), "{name}: {next:?} at {now:?}");
                let beat =
                    now + Duration::from_millis(100) - Duration::from_nanos(now.as_nanos() % 100_000_000);
                now = next.map_or(beat, |next| next.min(beat));
            }
            inputs.push((name, count));
        }
        // An ambulance's alert, refused and tried every five seconds; states ten times a second and the road works,
        // refused and tried every second.
        assert_eq!(
            inputs,
            [("signals", 0), ("advice", 0), ("alerts", 4), ("roadside", 220), ("load", 1_400)]
        );
    }

    fn fix(time: WireTime) -> Fix {
        Fix {
            position: HERE,
            altitude_cm: None,
            speed: Some(1_000),
            heading: Some(0),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: Some(150),
            time,
        }
    }
}
