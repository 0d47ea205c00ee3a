//! What a vehicle's daemon prints about the signal ahead: a line at most once a second, when it differs from the last,
//! and the red-light warning at once. Its requests for priority there wait here to be sent, and their outcomes to be
//! reported.

use std::collections::VecDeque;

use v2x_core::{Anchor, Event, Fix, Input, Instant, NeighbourTable, SendRequest};
use v2x_proto::{Digest, v1};

use crate::application::Application;
use crate::infrastructure::{
    Advice, Ask, AskError, Infrastructure, IntersectionId, News, Output, Progress, Unknown,
};
use crate::moment::Moment;

/// The vehicle's view of signals and signs, and what was last printed about it.
#[derive(Debug)]
pub struct Advisor {
    road: Infrastructure,
    said: Option<Vec<String>>,
    signs: Vec<String>,
    contests: Vec<String>,
    contested: u64,
    last_contest: Option<String>,
    sends: VecDeque<SendRequest>,
    priority: VecDeque<(IntersectionId, Progress)>,
    /// The intersection whose red light was warned of, until the vehicle no longer runs it.
    warned: Option<IntersectionId>,
    warning: Option<Advice>,
    warnings: u64,
}

impl Advisor {
    /// Knows nothing yet. `own` is the station's digest.
    pub fn new(own: Digest) -> Self {
        Self {
            road: Infrastructure::new(own),
            said: None,
            signs: Vec::new(),
            contests: Vec::new(),
            contested: 0,
            last_contest: None,
            sends: VecDeque::new(),
            priority: VecDeque::new(),
            warned: None,
            warning: None,
            warnings: 0,
        }
    }

    /// Requests for priority are sent sealed or not at all; see [`Infrastructure::require_seal`].
    pub fn require_seal(&mut self, required: bool) {
        self.road.require_seal(required);
    }

    /// An event of the node, at `now`.
    pub fn event(&mut self, event: &Event, now: Instant, anchor: &Anchor) {
        let moment = Moment::at(now, anchor);
        self.road.event(event, moment);
        self.look_ahead(moment);
    }

    /// The next position, or its loss, at `now`.
    pub fn fix(&mut self, fix: Option<&Fix>, now: Instant, anchor: &Anchor) {
        let moment = Moment::at(now, anchor);
        self.road.fix(fix, moment);
        self.look_ahead(moment);
    }

    /// What to print now, one by one: signs that came into force or ended since the last call, and the signal ahead
    /// when its line differs from the last; one that is too wide goes on after a line break, indented. Call it at most once a second.
    pub fn lines(&mut self, now: Instant, anchor: &Anchor) -> Vec<String> {
        let moment = Moment::at(now, anchor);
        self.road.timeout(moment);
        self.collect();
        let mut lines = core::mem::take(&mut self.contests);
        lines.append(&mut self.signs);
        let advice = self.road.advice(moment.wire).map(|advice| {
            let is = |unknown| advice.signals.iter().any(|signal| signal.shows == Err(unknown));
            let unknown = [Unknown::Stale, Unknown::Contested].into_iter().find(|unknown| is(*unknown));
            // What is not known does not count down: it is printed once, however far the vehicle rolls meanwhile.
            match unknown {
                Some(unknown) => {
                    vec![format!(
                        "intersection {}: signal state {}",
                        advice.lane.intersection,
                        unknown.name()
                    )]
                }
                None => advice.lines(COLUMNS),
            }
        });
        if advice != self.said {
            lines.extend(advice.iter().map(|lines| lines.join("\n")));
            self.said = advice;
        }
        lines
    }

    /// Asks an intersection for priority; see [`Infrastructure::ask_priority`].
    ///
    /// # Errors
    /// Why it was not taken.
    pub fn ask(&mut self, ask: Ask, now: Instant, anchor: &Anchor) -> Result<(), AskError> {
        let asked = self.road.ask_priority(ask, Moment::at(now, anchor));
        self.collect();
        asked
    }

    /// Withdraws a request for priority; false when there is none for this intersection.
    pub fn withdraw(&mut self, intersection: IntersectionId, now: Instant, anchor: &Anchor) -> bool {
        let withdrawn = self.road.withdraw_priority(intersection, Moment::at(now, anchor));
        self.collect();
        withdrawn
    }

    /// When [`take_send`](Self::take_send) has something next, as far as that is a matter of time.
    fn next_due(&self) -> Option<Instant> {
        if self.sends.is_empty() { self.road.requests().deadline() } else { Some(Instant::ZERO) }
    }

    /// The next thing to be sent at `now`.
    fn take_send(&mut self, now: Instant, anchor: &Anchor) -> Option<SendRequest> {
        if self.sends.is_empty() && self.next_due().is_some_and(|due| due <= now) {
            self.road.timeout(Moment::at(now, anchor));
            self.collect();
        }
        self.sends.pop_front()
    }

    /// What became of a request for priority and was not taken yet, oldest first.
    pub fn take_priority(&mut self) -> Option<(IntersectionId, Progress)> {
        self.priority.pop_front()
    }

    /// A red-light warning that was not taken yet, and its line: one for each approach, at once. The advice is that of the
    /// moment of the warning.
    pub fn take_warning(&mut self) -> Option<(Advice, String)> {
        let advice = self.warning.take()?;
        let (intersection, warning) = (advice.lane.intersection, advice.red_light_warning()?);
        let metres = advice.lane.distance_m.max(0.0);
        Some((advice, format!("intersection {intersection}: {warning}, {metres:.0} m to the stop line")))
    }

    /// A warning for a report, when signers contradicted each other about intersections.
    pub fn contest_warning(&self) -> Option<String> {
        let (times, last) = (self.contested, self.last_contest.as_ref()?);
        Some(format!("roadside units contradicted each other {times} times, the last time at {last}"))
    }

    /// Red-light warnings so far.
    pub fn warnings(&self) -> u64 {
        self.warnings
    }

    /// Whether there is something to be sent or reported at once.
    pub fn has_news(&self) -> bool {
        !self.sends.is_empty() || !self.priority.is_empty() || self.warning.is_some()
    }

    /// The view itself.
    pub fn road(&self) -> &Infrastructure {
        &self.road
    }

    /// After a fix or a state: warns of a red light that the vehicle is about to run, and takes the outputs.
    fn look_ahead(&mut self, at: Moment) {
        self.collect();
        let advice = self.road.advice(at.wire);
        let runs = advice.as_ref().filter(|advice| advice.violation().is_some());
        let Some(advice) = runs else {
            self.warned = None;
            return;
        };
        let intersection = advice.lane.intersection;
        if self.warned != Some(intersection) && advice.red_light_warning().is_some() {
            self.warned = Some(intersection);
            self.warnings += 1;
            self.warning = Some(advice.clone());
        }
    }

    fn collect(&mut self) {
        while let Some(output) = self.road.next_output() {
            match output {
                Output::News(News::Sign { info, in_force, .. }) if self.signs.len() < MAX_SIGN_LINES => {
                    let ends = if in_force { "" } else { " ends" };
                    let signs: Vec<_> = info.signs.iter().map(in_words).collect();
                    self.signs.push(format!("{}{ends}", signs.join(", ")));
                }
                Output::News(News::Priority { intersection, progress }) => {
                    keep(&mut self.priority, (intersection, progress));
                }
                Output::News(News::Contest(contest)) => {
                    let line = contest.line(self.road.position());
                    self.contested += 1;
                    if self.contests.len() < MAX_SIGN_LINES {
                        self.contests.push(line.clone());
                    }
                    self.last_contest = Some(line);
                }
                Output::Send(request) => keep(&mut self.sends, request),
                Output::News(_) => {}
            }
        }
    }
}

impl Application for Advisor {
    fn event(&mut self, event: &Event, at: Moment) {
        self.road.event(event, at);
        self.look_ahead(at);
    }

    fn fix(&mut self, fix: Option<&Fix>, _neighbours: &NeighbourTable, at: Moment) {
        self.road.fix(fix, at);
        self.look_ahead(at);
    }

    fn deadline(&self, at: Moment) -> Option<Instant> {
        self.next_due().map(|due| if self.sends.is_empty() { due } else { at.now })
    }

    fn poll(&mut self, at: Moment) -> Option<Input> {
        self.take_send(at.now, &at.anchor()).map(Input::Send)
    }
}

/// A sign as a driver reads it, and its code; the code alone for one that has no words here.
fn in_words(sign: &v1::Sign) -> String {
    let text = if sign.text.is_empty() { String::new() } else { format!(" \"{}\"", sign.text) };
    match (sign.code, sign.value) {
        (SPEED_LIMIT, Some(value)) => {
            format!("speed limit {value} (sign {}/{SPEED_LIMIT}){text}", sign.country)
        }
        (code, Some(value)) => format!("sign {}/{code} ({value}){text}", sign.country),
        (code, None) => format!("sign {}/{code}{text}", sign.country),
    }
}

/// The newest give the current state: they push out the oldest.
fn keep<T>(queue: &mut VecDeque<T>, one: T) {
    if queue.len() >= MAX_WAITING {
        queue.pop_front();
    }
    queue.push_back(one);
}

/// Of a terminal, as most people have it.
const COLUMNS: usize = 80;
/// ISO/TS 14823-1: the pictogram of a maximum speed.
const SPEED_LIMIT: u32 = 557;
/// Requests to be sent, and changes to be reported, until the daemon's next turn: more than one event makes.
const MAX_WAITING: usize = 16;
/// Lines of signs, and of contests, kept until they are printed, each second.
const MAX_SIGN_LINES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use core::time::Duration;
    use prost::Message as _;
    use v2x_core::{MessageId, Position, ReceiveStamps, Received, Way, WireTime};

    use v2x_proto::Class;

    const PLACE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
    const ANCHOR: Anchor =
        Anchor { instant: Instant::ZERO, wire: WireTime::from_micros(720_000_000_000_000) };

    fn heard(advisor: &mut Advisor, message_type: v1::MessageType, payload: Vec<u8>, now: Instant) {
        heard_by(Digest([7; 8]), advisor, message_type, payload, now);
    }

    fn heard_by(
        signer: Digest,
        advisor: &mut Advisor,
        message_type: v1::MessageType,
        payload: Vec<u8>,
        now: Instant,
    ) {
        let received = Received {
            way: Way::Air,
            confidential: false,
            id: MessageId { signer, class: Class::D4, sequence: 1 },
            message_type: message_type as u32,
            generation_time: ANCHOR.wire_at(now),
            position: PLACE,
            link_source: [0; 6],
            signal_dbm: None,
            forwarder: None,
            frame: Bytes::new(),
            hops: 1,
            permissions: 0,
            verified: true,
            suspect: false,
            payload: Bytes::from(payload),
            stamps: ReceiveStamps::default(),
        };
        advisor.event(&Event::Received(received), now, &ANCHOR);
    }

    fn map() -> v1::IntersectionMap {
        let reference =
            v1::Position { latitude: PLACE.latitude, longitude: PLACE.longitude, ..v1::Position::default() };
        v1::IntersectionMap {
            intersection_id: 17,
            revision: 1,
            reference: Some(reference),
            fragments: 1,
            lanes: vec![v1::Lane {
                lane: 3,
                kind: v1::LaneKind::VehicleIngress as i32,
                delta_east_cm: vec![0, 0],
                delta_north_cm: vec![-1_000, -30_000],
                connects_to: vec![4],
                connects_group: vec![1],
                ..v1::Lane::default()
            }],
            ..v1::IntersectionMap::default()
        }
    }

    fn state(now: Instant) -> v1::SignalState {
        let millis = now.as_nanos() / 1_000_000;
        let end = Some((10_000 - millis) as u32 / 100);
        v1::SignalState {
            intersection_id: 17,
            map_revision: 1,
            state_time_us: ANCHOR.wire_at(now).as_micros(),
            groups: vec![v1::SignalGroup {
                group: 1,
                phase: v1::SignalPhase::StopAndRemain as i32,
                min_end: end,
                likely_end: end,
                ..v1::SignalGroup::default()
            }],
            ..v1::SignalState::default()
        }
    }

    /// Northbound at 10 m/s, the given metres north of the place.
    fn fix(north_m: f64, now: Instant) -> Fix {
        Fix {
            position: PLACE.moved(0.0, north_m),
            altitude_cm: None,
            speed: Some(1000),
            heading: Some(0),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: ANCHOR.wire_at(now),
        }
    }

    #[test]
    fn a_request_for_priority_waits_to_be_sent_and_is_due_again_until_it_is_answered() {
        let mut advisor = Advisor::new(Digest([1; 8]));
        heard(&mut advisor, v1::MessageType::IntersectionMap, map().encode_to_vec(), Instant::ZERO);
        let here = fix(-110.0, Instant::ZERO);
        advisor.fix(Some(&here), Instant::ZERO, &ANCHOR);
        assert_eq!((advisor.next_due(), advisor.has_news()), (None, false));
        let intersection = IntersectionId { region: 0, number: 17 };
        let ask = Ask {
            intersection,
            role: v1::PriorityRole::Truck,
            egress_lane: None,
            importance: None,
            duration: Duration::from_secs(5),
        };
        advisor.ask(ask, Instant::ZERO, &ANCHOR).unwrap();
        assert_eq!(advisor.take_priority(), Some((intersection, Progress::Asked)));
        assert!(advisor.take_send(Instant::ZERO, &ANCHOR).is_some());
        assert!(advisor.take_send(Instant::ZERO, &ANCHOR).is_none() && !advisor.has_news());
        let due = advisor.next_due().unwrap();
        assert_eq!(due, Instant::from_millis(1000));
        assert!(advisor.take_send(due, &ANCHOR).is_some(), "nobody answered");
        assert!(advisor.take_send(due, &ANCHOR).is_none());
        assert!(
            advisor.withdraw(intersection, due, &ANCHOR) && !advisor.withdraw(intersection, due, &ANCHOR)
        );
        assert!(advisor.take_send(due, &ANCHOR).is_some(), "the unit is told");
    }

    #[test]
    fn a_speed_limit_reads_as_one_and_other_signs_have_their_code() {
        let sign = |code, value, text: &str| {
            in_words(&v1::Sign { code, value, text: text.to_owned(), ..v1::Sign::default() })
        };
        assert_eq!(sign(557, Some(30), ""), "speed limit 30 (sign 0/557)");
        assert_eq!(sign(557, None, ""), "sign 0/557");
        assert_eq!(sign(544, Some(7), "lorries"), "sign 0/544 (7) \"lorries\"");
    }

    #[test]
    fn the_signal_ahead_is_said_each_second_until_its_state_is_stale_and_that_once() {
        let mut advisor = Advisor::new(Digest([1; 8]));
        heard(&mut advisor, v1::MessageType::IntersectionMap, map().encode_to_vec(), Instant::ZERO);
        let mut lines = Vec::new();
        for step in 0..=60u64 {
            let now = Instant::from_millis(step * 100);
            if step <= 20 {
                heard(&mut advisor, v1::MessageType::SignalState, state(now).encode_to_vec(), now);
            }
            advisor.fix(Some(&fix(-110.0 + step as f64, now)), now, &ANCHOR);
            if step % 10 == 0 {
                lines.extend(advisor.lines(now, &ANCHOR));
            }
        }
        let expected = [
            "intersection 17 lane 3: red, green in 9.0 s, 90 m to the stop line",
            "intersection 17 lane 3: red, green in 8.0 s, 80 m to the stop line",
            "intersection 17 lane 3: red, green in 7.0 s, 70 m to the stop line",
            "intersection 17: signal state stale",
        ];
        assert_eq!(lines, expected, "at 3 s the state is exactly a second old");
        assert_eq!(advisor.warnings(), 0, "the light is green before the line");
    }

    #[test]
    fn signals_that_two_signers_contradict_each_other_about_are_unknown_and_both_are_named_once() {
        let mut advisor = Advisor::new(Digest([1; 8]));
        heard(&mut advisor, v1::MessageType::IntersectionMap, map().encode_to_vec(), Instant::ZERO);
        let mut lines = Vec::new();
        for step in 0..=80u64 {
            let now = Instant::from_millis(step * 100);
            let mut green = state(now);
            green.groups[0].phase = v1::SignalPhase::ProtectedGo as i32;
            // The insider is there first, and stops at 3 s.
            if step <= 30 {
                let (message_type, payload) = (v1::MessageType::SignalState, green.encode_to_vec());
                heard_by(Digest([9; 8]), &mut advisor, message_type, payload, now);
            }
            if step > 15 {
                heard(&mut advisor, v1::MessageType::SignalState, state(now).encode_to_vec(), now);
            }
            // It would be warned of the red light from 12.5 m on, at 6.8 s.
            advisor.fix(Some(&fix(-90.0 + step as f64, now)), now, &ANCHOR);
            if step % 10 == 0 {
                lines.extend(advisor.lines(now, &ANCHOR));
            }
        }
        let expected = [
            "intersection 17 lane 3: green for 9.0 s, 70 m to the stop line;\n    green window: 28 to 36 km/h",
            "intersection 17: signals unknown, 0909090909090909 at 49.60000, 6.13000 (72 m away) and \
             0707070707070707 at 49.60000, 6.13000 (72 m away) contradict each other",
            "intersection 17: signal state contested",
            "intersection 17 lane 3: red, green in 4.0 s, 20 m to the stop line",
        ];
        for (line, expected) in lines.iter().zip(expected) {
            assert_eq!(line, expected, "{lines:#?}");
        }
        assert_eq!(advisor.warnings(), 1, "once the unit alone is heard");
        assert!(
            advisor.contest_warning().unwrap().starts_with("roadside units contradicted each other 1 times")
        );
    }

    #[test]
    fn a_red_light_that_the_vehicle_runs_is_warned_of_at_once_and_once() {
        let mut advisor = Advisor::new(Digest([1; 8]));
        heard(&mut advisor, v1::MessageType::IntersectionMap, map().encode_to_vec(), Instant::ZERO);
        let mut warnings = Vec::new();
        for step in 0..=95u64 {
            let now = Instant::from_millis(step * 100);
            heard(&mut advisor, v1::MessageType::SignalState, state(now).encode_to_vec(), now);
            // At 10 m/s it is at the line, 10 m south of the place, after 8 s: 2 s too early.
            advisor.fix(Some(&fix(-90.0 + step as f64, now)), now, &ANCHOR);
            if let Some((_, warning)) = advisor.take_warning() {
                warnings.push((step, warning));
                let lines = advisor.lines(now, &ANCHOR);
                let [line] = &lines[..] else { panic!("{lines:?}") };
                let (signal, warned) = line.split_once('\n').unwrap();
                assert!(signal.ends_with(" m to the stop line;"), "{signal}");
                assert_eq!(warned, "    red light ahead: braking needs 4.2 m/s^2");
            }
        }
        // 10 m/s squared over twice 4 m/s^2 is 12.5 m.
        let expected =
            "intersection 17: red light ahead: braking needs 4.2 m/s^2, 12 m to the stop line".to_owned();
        assert_eq!((warnings, advisor.warnings()), (vec![(68, expected)], 1));
    }
}
